//! A network that takes nothing more: what a host must still be able to do.

use duologue::{
    Client, Config, Credential, ErrorClass,
    config::Tls,
    error::Result,
    event::Status,
    provider::{DialRequest, Frame},
    transport::{
        Closed, Dialer, Dialling, Transport,
        scripted::{Outbound, Peer, ScriptedDialer},
    },
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

/// A scripted connection without room for what is larger than nothing, once it is jammed.
struct Jam {
    inner: Box<dyn Transport>,
    jammed: Arc<AtomicBool>,
}

impl Transport for Jam {
    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed> {
        self.inner.poll_inbound(cx, on_frame)
    }

    fn send(&mut self, text: String, audio: bool) -> Result<()> {
        self.inner.send(text, audio)
    }

    fn has_room(&self, _bytes: usize) -> bool {
        !self.jammed.load(Ordering::Relaxed)
    }

    fn poll_outbound(&mut self, cx: &mut Context<'_>) {
        self.inner.poll_outbound(cx);
    }

    fn close(&mut self, code: u16) {
        self.inner.close(code);
    }
}

struct Jamming(ScriptedDialer, Arc<AtomicBool>);

impl Dialer for Jamming {
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling {
        let (dialling, jammed) = (self.0.dial(request, credential, tls), self.1.clone());
        Box::pin(async move { Ok(Box::new(Jam { inner: dialling.await?, jammed }) as Box<dyn Transport>) })
    }
}

/// The name of the next frame that is no microphone audio; `None`: the client closes.
async fn next(peer: &mut Peer) -> Option<String> {
    loop {
        match peer.next().await.expect("the client is there") {
            Outbound::Text(_, true) => {}
            Outbound::Text(text, false) => {
                let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                return Some(frame["type"].as_str().unwrap().to_owned());
            }
            Outbound::Close(_) => return None,
        }
    }
}

#[tokio::test]
async fn a_jammed_network_refuses_words_but_never_silence_or_the_end() {
    let (dialer, mut peers) = ScriptedDialer::new();
    let jammed = Arc::new(AtomicBool::new(false));
    let config = Config::from_json(r#"{"turn_detection": {"mode": "manual"}}"#).unwrap();
    let client = Client::builder()
        .config(config)
        .dialer(Arc::new(Jamming(dialer, jammed.clone())))
        .credential(Credential::new("sk-test").unwrap())
        .build()
        .unwrap();
    let connecting = client.connect();
    let mut peer = peers.recv().await.unwrap();
    peer.send(r#"{"type":"session.created","session":{}}"#);
    assert_eq!(next(&mut peer).await.as_deref(), Some("session.update"));
    peer.send(r#"{"type":"session.updated","session":{}}"#);
    connecting.await.unwrap();
    client.start_listening().await.unwrap();
    assert_eq!(next(&mut peer).await.as_deref(), Some("input_audio_buffer.clear"));
    assert_eq!(client.push_audio(&[1; 24_000 / 4]).unwrap(), 24_000 / 4);

    jammed.store(true, Ordering::Relaxed);
    let error = client.send_text("hello").await.unwrap_err();
    assert_eq!((error.class, &*error.code), (ErrorClass::Limit, "backpressure"));
    client.set_input_muted(true).await.unwrap();
    client.interrupt().await.unwrap();
    // A button that is up is up, whatever the network does.
    let stopping = client.stop_listening();
    assert_eq!(next(&mut peer).await.as_deref(), Some("input_audio_buffer.commit"));
    assert_eq!(next(&mut peer).await.as_deref(), Some("response.create"));
    peer.send(r#"{"type":"input_audio_buffer.committed","item_id":"U1"}"#);
    stopping.await.unwrap();
    client.set_capture(false).await.unwrap();
    let leaving = client.disconnect();
    assert_eq!(next(&mut peer).await, None);
    peer.close(Some(1000), "");
    leaving.await.unwrap();
    assert!(matches!(client.state().status, Status::Idle { .. }));
}
