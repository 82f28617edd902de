//! A transport without a network: a test writes the vendor's side by hand.
//!
//! This is the lowest level of testing: every frame of the vendor is written out, every frame of the client is read,
//! and nothing answers by itself. It is for what only a wrong or unusual vendor would send, for dialects, and for hosts with a
//! transport of their own. A service that answers frame by frame is [`mock`](super::mock); the tests of a program
//! that talks to people want [`testing`](crate::testing), which speaks the vendor's protocol itself.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> duologue::Result<()> {
//! use duologue::{Client, Credential, transport::scripted::{Outbound, ScriptedDialer}};
//!
//! let (dialer, mut peers) = ScriptedDialer::new();
//! let client = Client::builder().dialer(std::sync::Arc::new(dialer)).credential(Credential::new("any")?).build()?;
//! let connecting = client.connect();
//! let mut peer = peers.recv().await.expect("a dial");
//! peer.send(r#"{"type":"session.created","event_id":"e1","session":{}}"#);
//! let Some(Outbound::Text(update, _)) = peer.next().await else { panic!("no frame") };
//! assert!(update.contains("session.update"));
//! peer.send(r#"{"type":"session.updated","event_id":"e2","session":{}}"#);
//! connecting.await?;
//! # Ok(()) }
//! ```

use super::{Closed, Dialer, Dialling, Transport};
use crate::{
    config::Tls,
    credential::Credential,
    error::{Error, ErrorClass, Result},
    provider::{DialRequest, Frame},
};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the vendor's side does.
#[derive(Debug)]
enum Inbound {
    Text(String),
    Close(Closed),
}

/// What the client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// A text frame; `true`: microphone audio.
    Text(String, bool),
    /// An orderly close with this code.
    Close(u16),
}

/// The vendor's end of a scripted connection.
#[derive(Debug)]
pub struct Peer {
    inbound: UnboundedSender<Inbound>,
    outbound: UnboundedReceiver<Outbound>,
    /// What was dialled.
    pub request: DialRequest,
}

impl Peer {
    /// Sends a text frame to the client.
    pub fn send(&self, text: impl Into<String>) {
        // A client that is gone hears nothing, like a real one.
        let _ = self.inbound.send(Inbound::Text(text.into()));
    }

    /// Ends the connection.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        let _ = self.inbound.send(Inbound::Close(Closed { code, reason: reason.into(), error: None }));
    }

    /// What the client did next; `None` once it is gone.
    pub async fn next(&mut self) -> Option<Outbound> {
        self.outbound.recv().await
    }
}

/// Dials scripted connections. Unbounded on purpose: it lives in tests, which drain it.
#[derive(Debug)]
pub struct ScriptedDialer {
    peers: UnboundedSender<Peer>,
}

impl ScriptedDialer {
    /// A dialer, and where the vendor's ends of its connections arrive.
    pub fn new() -> (Self, UnboundedReceiver<Peer>) {
        let (peers, receiver) = unbounded_channel();
        (Self { peers }, receiver)
    }
}

impl Dialer for ScriptedDialer {
    fn dial(&self, request: DialRequest, _credential: Option<Credential>, _tls: &Tls) -> Dialling {
        let peers = self.peers.clone();
        Box::pin(async move {
            let (inbound, from_peer) = unbounded_channel();
            let (to_peer, outbound) = unbounded_channel();
            peers
                .send(Peer { inbound, outbound, request })
                .map_err(|_| Error::new(ErrorClass::Network, "connect_failed", "the scripted peer is gone"))?;
            Ok(Box::new(Scripted { from_peer, to_peer }) as Box<dyn Transport>)
        })
    }
}

struct Scripted {
    from_peer: UnboundedReceiver<Inbound>,
    to_peer: UnboundedSender<Outbound>,
}

impl Transport for Scripted {
    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed> {
        loop {
            match self.from_peer.poll_recv(cx) {
                Poll::Ready(Some(Inbound::Text(text))) => on_frame(Frame::Text(text.into())),
                Poll::Ready(Some(Inbound::Close(closed))) => return Poll::Ready(closed),
                Poll::Ready(None) => {
                    return Poll::Ready(Closed { code: None, reason: String::new(), error: None });
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn send(&mut self, text: String, audio: bool) -> Result<()> {
        let _ = self.to_peer.send(Outbound::Text(text, audio));
        Ok(())
    }

    fn poll_outbound(&mut self, _cx: &mut Context<'_>) {}

    fn close(&mut self, code: u16) {
        let _ = self.to_peer.send(Outbound::Close(code));
    }
}
