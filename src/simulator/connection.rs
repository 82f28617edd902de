//! One WebSocket: frames to a [`Dialogue`], its events through the [`Line`] to the wire, and the clock in between.

use super::{
    faults::{Line, Out},
    journal::Journal,
    peer::Peer,
    wire::Wire,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::{
    io::AsyncReadExt,
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Largest frame and message.
const LARGEST: usize = 16 << 20;
/// A client that reads nothing for this long is gone.
const WRITE_TIME: Duration = Duration::from_secs(30);
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ended {
    /// The simulator sent a close frame.
    Closed(u16, String),
    /// FIN without a close frame.
    Dropped,
    Reset,
    /// Nothing is read or written any more.
    HalfOpen,
    /// The client sent a close frame, with or without a code.
    Left(Option<u16>, String),
    /// The client went without one.
    Lost,
}

/// One session as its connection sees it, whatever the vendor.
pub(super) trait Dialogue: Send {
    /// Takes one text frame. Returns the type of the event that it was, if it was accepted.
    fn on_text(&mut self, text: &str, now: Instant) -> Option<String>;
    /// The same of a binary frame.
    fn on_binary(&mut self, bytes: &[u8], now: Instant) -> Option<String>;
    /// The next event to send, in order.
    fn next_event(&mut self) -> Option<Value>;
    /// Set when the connection must be closed once everything is sent.
    fn closing(&self) -> Option<(u16, &str)>;
    /// When [`Dialogue::on_time`] is due.
    fn deadline(&self) -> Option<Instant>;
    /// Does everything that is due.
    fn on_time(&mut self, now: Instant);
}

impl Dialogue for Peer {
    fn on_text(&mut self, text: &str, now: Instant) -> Option<String> {
        self.on_text(text, now)
    }

    fn on_binary(&mut self, bytes: &[u8], _: Instant) -> Option<String> {
        self.on_binary(bytes.len());
        None
    }

    fn next_event(&mut self) -> Option<Value> {
        self.next_event()
    }

    fn closing(&self) -> Option<(u16, &str)> {
        self.closing()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn on_time(&mut self, now: Instant) {
        self.on_time(now);
    }
}

/// A connection that was let in.
pub(super) struct Session<P = Peer> {
    pub(super) number: u64,
    pub(super) peer: P,
    pub(super) line: Line,
    pub(super) journal: Journal,
}

impl Session {
    /// The same for a connection that does not care about the vendor.
    pub(super) fn of_any_vendor(self) -> Session<Box<dyn Dialogue>> {
        let Self { number, peer, line, journal } = self;
        Session { number, peer: Box::new(peer), line, journal }
    }
}

/// Serves a session until the client leaves, the session ends, or `stop` turns true. `read` came with the
/// request already.
pub(super) async fn run(
    wire: Wire,
    read: Vec<u8>,
    mut session: Session<Box<dyn Dialogue>>,
    stop: &mut watch::Receiver<bool>,
) {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let mut socket = WebSocketStream::from_partially_read(wire, read, Role::Server, Some(config)).await;
    let ended = serve(&mut socket, &mut session, stop).await;
    session.journal.ended(session.number, &ended);
    leave(socket, ended, stop).await;
}

async fn serve(
    socket: &mut WebSocketStream<Wire>,
    session: &mut Session<Box<dyn Dialogue>>,
    stop: &mut watch::Receiver<bool>,
) -> Ended {
    let Session { peer, line, .. } = session;
    let shutting_down = || Ended::Closed(1001, "the simulator is shutting down".to_owned());
    let mut left = None;
    loop {
        tokio::select! {
            biased;
            ended = send_all(socket, peer.as_mut(), line) => if let Some(ended) = ended {
                return ended;
            },
            () = stopped(stop) => return shutting_down(),
        }
        if let Some((code, reason)) = peer.closing().filter(|_| line.is_empty()) {
            return Ended::Closed(code, reason.to_owned());
        }
        let deadline = peer.deadline().into_iter().chain(line.deadline()).min();
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    if let Some(kind) = peer.on_text(&text, Instant::now()) {
                        line.received(&kind);
                    }
                }
                Some(Ok(Message::Binary(bytes))) => {
                    if let Some(kind) = peer.on_binary(&bytes, Instant::now()) {
                        line.received(&kind);
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    left = Some(frame.map_or((None, String::new()), |f| (Some(f.code.into()), f.reason.to_string())));
                }
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(Error::Capacity(_))) => return Ended::Closed(1009, "message too big".to_owned()),
                Some(Err(Error::Utf8(_))) => return Ended::Closed(1007, "not UTF-8".to_owned()),
                Some(Err(e)) => {
                    tracing::debug!("WebSocket ended: {e}");
                    return gone(left);
                }
                None => return gone(left),
            },
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                let now = Instant::now();
                line.on_time(now);
                peer.on_time(now);
            }
            () = stopped(stop) => return shutting_down(),
        }
    }
}

fn gone(left: Option<(Option<u16>, String)>) -> Ended {
    left.map_or(Ended::Lost, |(code, reason)| Ended::Left(code, reason))
}

/// Waits until the simulator stops or is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Sends what is due; tells how the connection ended if it did.
async fn send_all(socket: &mut WebSocketStream<Wire>, peer: &mut dyn Dialogue, line: &mut Line) -> Option<Ended> {
    while let Some(event) = peer.next_event() {
        line.pass(event);
    }
    while let Some(out) = line.next(Instant::now()) {
        let frame = match out {
            Out::Frame(frame, _) => frame,
            Out::Stall(length) => {
                sleep(length).await;
                continue;
            }
            Out::End(ended) => return Some(ended),
        };
        match timeout(WRITE_TIME, socket.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => {
                tracing::debug!("WebSocket write failed: {e}");
                return Some(Ended::Lost);
            }
            Err(_) => return Some(Ended::Lost),
        }
    }
    None
}

/// Ends the connection on this side.
async fn leave(mut socket: WebSocketStream<Wire>, ended: Ended, stop: &mut watch::Receiver<bool>) {
    match ended {
        Ended::Closed(code, reason) => close(socket, code, &reason).await,
        Ended::Dropped => {
            let _ = socket.get_ref().finish();
            // A socket with unread data would say RST instead.
            let _ = timeout(CLOSE_TIME, async {
                let mut rest = [0; 4096];
                while socket.get_mut().read(&mut rest).await.is_ok_and(|read| read > 0) {}
            })
            .await;
        }
        Ended::Reset => {
            let _ = socket.get_ref().reset_when_dropped();
        }
        Ended::HalfOpen => tokio::select! {
            () = socket.get_ref().abandoned() => {}
            () = stopped(stop) => {}
        },
        Ended::Left(..) | Ended::Lost => {}
    }
}

/// Says why, then waits a moment for the client's own close.
async fn close(mut socket: WebSocketStream<Wire>, code: u16, reason: &str) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() };
    let goodbye = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(CLOSE_TIME, goodbye).await;
}
