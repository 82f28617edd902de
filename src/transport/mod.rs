//! How frames travel. A transport knows sockets and nothing of what the frames mean.
//!
//! | file | what it is |
//! |---|---|
//! | `websocket` | tokio-tungstenite over TCP or TLS (feature `websocket`) |
//! | `mock` | a service played by code in the same process, frame by frame; [`crate::testing`] is a complete one |
//! | `scripted` | frames by hand: the lowest level, for tests of the client and of dialects |

pub mod mock;
pub mod scripted;
#[cfg(feature = "websocket")]
pub mod websocket;

use crate::{
    config::Tls,
    credential::Credential,
    error::{Error, Result},
    provider::{DialRequest, Frame},
};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// WebSocket close code, if the peer sent one.
    pub code: Option<u16>,
    /// The peer's reason.
    pub reason: String,
    /// What failed, when it was no orderly close.
    pub error: Option<Error>,
}

/// An open connection, polled by one task.
pub trait Transport: Send {
    /// Gives inbound frames to `on_frame`, a bounded number a call, and ready once the connection
    /// is over. Pending registers the task for more.
    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed>;

    /// Queues a text frame. Queues are bounded: the oldest microphone audio is dropped first
    /// ([`Transport::dropped_audio`]).
    ///
    /// # Errors
    /// Class `limit`, code `backpressure`, when 1 MiB of other frames is waiting.
    fn send(&mut self, text: String, audio: bool) -> Result<()>;

    /// True when that many bytes of frames other than microphone audio can be queued now.
    fn has_room(&self, bytes: usize) -> bool {
        let _ = bytes;
        true
    }

    /// Moves queued frames to the network as far as it takes them. A failure shows in
    /// [`Transport::poll_inbound`].
    fn poll_outbound(&mut self, cx: &mut Context<'_>);

    /// Sends what is queued, then a close frame.
    fn close(&mut self, code: u16);

    /// Asks the peer for a sign of life; false: this transport has no such thing.
    fn ping(&mut self) -> bool {
        false
    }

    /// The peer answered the newest ping since this was asked last.
    fn take_pong(&mut self) -> bool {
        false
    }

    /// Microphone frames dropped because the network was too slow.
    fn dropped_audio(&self) -> u64 {
        0
    }
}

/// A boxed future of an open transport.
pub type Dialling = Pin<Box<dyn Future<Output = Result<Box<dyn Transport>>> + Send>>;

/// Opens transports. Implementable by a host that has its own network.
pub trait Dialer: Send + Sync {
    /// Dials. Dropping the future gives up and leaves nothing behind. Every step is bounded in time.
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling;
}

/// The dialer of this build.
pub fn default_dialer() -> Option<Arc<dyn Dialer>> {
    #[cfg(feature = "websocket")]
    return Some(Arc::new(websocket::WebSocketDialer));
    #[cfg(not(feature = "websocket"))]
    None
}
