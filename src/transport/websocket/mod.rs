//! WebSocket over TCP or TLS.
//!
//! Plaintext goes only to loopback. A frame may have 16 MiB. Reads go through one buffer a thread, so
//! that a connection that is silent holds next to nothing; writes of one wake-up leave in one piece.
//! Ten seconds without an inbound byte send a ping, fifteen end the connection.

mod dial;
mod secret;
mod shared_read;
mod signed;
#[cfg(test)]
mod tests;

pub use dial::WebSocketDialer;
#[cfg(feature = "webrtc")]
pub(super) use dial::instead;

use super::{Closed, Transport, net::Wire};
use crate::{
    error::{Error, ErrorClass, Result, redact},
    provider::Frame,
    session::Fallback,
};
use futures_util::{Sink, Stream};
use shared_read::SharedRead;
use std::{
    borrow::Cow,
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Duration, Instant, Sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// One frame, which is one message.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;
/// Frames other than microphone audio that may wait before no more commands are taken.
const MAX_CONTROL: usize = 1024 * 1024;
/// What follows from a command that was taken must leave too, also behind a large frame.
const MAX_WAITING: usize = 8 * 1024 * 1024;
/// Microphone audio that may wait.
const MAX_AUDIO: usize = 256 * 1024;
const PING_AFTER: Duration = Duration::from_secs(10);
const DEAD_AFTER: Duration = Duration::from_secs(15);
/// Tells a ping that is waited for from those that only keep the connection alive; its number follows.
const WATCHED_PING: &[u8] = b"duologue";
/// Frames handled in one wake-up, so that a flood does not starve the microphone.
const FRAMES_A_POLL: usize = 64;

type Socket = WebSocketStream<SharedRead<Box<dyn Wire>>>;

/// Small buffers: tungstenite's default is 128 KiB a connection.
fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(2048)
        .write_buffer_size(32 * 1024)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// An open connection.
struct WebSocket {
    socket: Socket,
    /// A call was tried first.
    fallback: Option<Fallback>,
    queue: VecDeque<(String, bool)>,
    control_bytes: usize,
    audio_bytes: usize,
    dropped: u64,
    closing: Option<u16>,
    close_sent: bool,
    unflushed: bool,
    failed: Option<Error>,
    pinged: Option<Instant>,
    /// Pings that were waited for; the newest is answered by its number.
    pings: u32,
    /// The newest of them was answered.
    pong: bool,
    watch: Pin<Box<Sleep>>,
}

impl WebSocket {
    fn new(socket: Socket) -> Self {
        let now = Instant::now();
        Self {
            socket,
            fallback: None,
            queue: VecDeque::new(),
            control_bytes: 0,
            audio_bytes: 0,
            dropped: 0,
            closing: None,
            close_sent: false,
            unflushed: false,
            failed: None,
            pinged: None,
            pings: 0,
            pong: false,
            watch: Box::pin(tokio::time::sleep_until(now + PING_AFTER)),
        }
    }

    /// What the newest ping that is waited for says.
    fn watched_ping(&self) -> Vec<u8> {
        [WATCHED_PING, &self.pings.to_be_bytes()].concat()
    }

    /// Pings a silent peer and gives up on a dead one.
    fn poll_liveness(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        while self.watch.as_mut().poll(cx).is_ready() {
            // Any byte counts, also those of a frame that takes long to arrive.
            let heard = self.socket.get_ref().heard();
            let silent = heard.elapsed();
            if silent >= DEAD_AFTER {
                let error = Error::new(ErrorClass::Network, "silent", "nothing came from the service for 15 s")
                    .fix("connect again")
                    .retryable();
                return Poll::Ready(Closed { code: None, reason: String::new(), error: Some(error) });
            }
            if silent >= PING_AFTER && self.pinged.is_none_or(|at| at < heard) {
                self.pinged = Some(Instant::now());
                if Pin::new(&mut self.socket).start_send(Message::Ping(Default::default())).is_ok() {
                    self.unflushed = true;
                }
            }
            let next = if silent >= PING_AFTER { DEAD_AFTER } else { PING_AFTER };
            self.watch.as_mut().reset(heard + next);
        }
        Poll::Pending
    }

    /// Tells a peer that broke the rules which one, as far as the network takes it at once.
    fn refuse(&mut self, error: &tungstenite::Error, cx: &mut Context<'_>) {
        let code = match error {
            tungstenite::Error::Capacity(_) => CloseCode::Size,
            tungstenite::Error::Utf8(_) => CloseCode::Invalid,
            tungstenite::Error::Protocol(_) => CloseCode::Protocol,
            _ => return,
        };
        let mut socket = Pin::new(&mut self.socket);
        let frame = CloseFrame { code, reason: "".into() };
        if socket.as_mut().start_send(Message::Close(Some(frame))).is_ok() {
            // The connection is given up either way.
            let _ = socket.poll_flush(cx);
        }
    }

    fn on_error(&self, error: tungstenite::Error) -> Closed {
        use tungstenite::error::{CapacityError, ProtocolError};
        let failed = |error| Closed { code: None, reason: String::new(), error: Some(error) };
        match error {
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
                Closed { code: None, reason: String::new(), error: None }
            }
            tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, .. }) => failed(
                Error::new(ErrorClass::Limit, "frame_too_big", format!("the service sent a frame of {size} bytes"))
                    .fix("frames over 16 MiB are refused"),
            ),
            tungstenite::Error::Utf8(_) => {
                failed(Error::new(ErrorClass::Protocol, "invalid_utf8", "the service sent text that is not UTF-8"))
            }
            tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Closed { code: Some(1006), reason: String::new(), error: None }
            }
            tungstenite::Error::Protocol(e) => {
                failed(Error::new(ErrorClass::Protocol, "protocol", format!("the service broke the protocol: {e}")))
            }
            tungstenite::Error::Tls(e) => failed(Error::new(ErrorClass::Tls, "tls", redact(&e.to_string()))),
            other => failed(
                Error::new(ErrorClass::Network, "connection_lost", format!("the connection was lost: {other}"))
                    .fix("connect again")
                    .retryable(),
            ),
        }
    }
}

impl Transport for WebSocket {
    fn fallback(&self) -> Option<Fallback> {
        self.fallback
    }

    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed> {
        for _ in 0..FRAMES_A_POLL {
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => {
                    if let Some(error) = self.failed.take() {
                        return Poll::Ready(Closed { code: None, reason: String::new(), error: Some(error) });
                    }
                    return self.poll_liveness(cx);
                }
                Poll::Ready(message) => {
                    match message {
                        Some(Ok(Message::Text(text))) => on_frame(Frame::Text(Cow::Borrowed(text.as_str()))),
                        Some(Ok(Message::Binary(bytes))) => on_frame(Frame::Binary(Cow::Borrowed(&bytes))),
                        Some(Ok(Message::Close(frame))) => {
                            // Our answer goes out with the next flush.
                            self.unflushed = true;
                            let (code, reason) = frame.map_or((None, String::new()), |f| {
                                (Some(u16::from(f.code)), f.reason.as_str().to_owned())
                            });
                            return Poll::Ready(Closed { code, reason, error: None });
                        }
                        Some(Ok(Message::Pong(payload))) => self.pong |= *payload == *self.watched_ping(),
                        // Pings are answered by tungstenite; flushing sends the answers.
                        Some(Ok(_)) => self.unflushed = true,
                        Some(Err(error)) => {
                            self.refuse(&error, cx);
                            return Poll::Ready(self.on_error(error));
                        }
                        None => return Poll::Ready(Closed { code: None, reason: String::new(), error: None }),
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn send(&mut self, text: String, audio: bool) -> Result<()> {
        if audio {
            self.audio_bytes += text.len();
            while self.audio_bytes > MAX_AUDIO {
                let Some(at) = self.queue.iter().position(|(_, audio)| *audio) else { break };
                if let Some((old, _)) = self.queue.remove(at) {
                    self.audio_bytes -= old.len();
                    self.dropped += 1;
                }
            }
        } else {
            if self.control_bytes > MAX_WAITING {
                return Err(Error::new(ErrorClass::Limit, "backpressure", "8 MiB wait for a slow network")
                    .fix("send less, or wait until earlier commands complete")
                    .retryable());
            }
            self.control_bytes += text.len();
        }
        self.queue.push_back((text, audio));
        Ok(())
    }

    fn has_room(&self, bytes: usize) -> bool {
        // One frame always fits, whatever its size.
        self.control_bytes == 0 || self.control_bytes + bytes <= MAX_CONTROL
    }

    fn poll_outbound(&mut self, cx: &mut Context<'_>) {
        let mut socket = Pin::new(&mut self.socket);
        let result = loop {
            if self.queue.is_empty() && (self.closing.is_none() || self.close_sent) {
                if !self.unflushed {
                    return;
                }
                break match socket.as_mut().poll_flush(cx) {
                    Poll::Pending => return,
                    Poll::Ready(result) => result,
                };
            }
            match socket.as_mut().poll_ready(cx) {
                Poll::Pending => return,
                Poll::Ready(Err(e)) => break Err(e),
                Poll::Ready(Ok(())) => {}
            }
            let message = match self.queue.pop_front() {
                Some((text, audio)) => {
                    let bytes = if audio { &mut self.audio_bytes } else { &mut self.control_bytes };
                    *bytes = bytes.saturating_sub(text.len());
                    Message::text(text)
                }
                None => {
                    self.close_sent = true;
                    let code = CloseCode::from(self.closing.unwrap_or(1000));
                    Message::Close(Some(CloseFrame { code, reason: "".into() }))
                }
            };
            self.unflushed = true;
            if let Err(e) = socket.as_mut().start_send(message) {
                break Err(e);
            }
        };
        self.unflushed = false;
        if let Err(error) = result
            && !matches!(error, tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed)
            && self.failed.is_none()
        {
            self.queue.clear();
            self.failed = self.on_error(error).error;
            cx.waker().wake_by_ref();
        }
    }

    fn close(&mut self, code: u16) {
        self.closing.get_or_insert(code);
    }

    fn ping(&mut self) -> bool {
        self.pings = self.pings.wrapping_add(1);
        self.pong = false;
        let ping = Message::Ping(self.watched_ping().into());
        self.unflushed |= Pin::new(&mut self.socket).start_send(ping).is_ok();
        true
    }

    fn take_pong(&mut self) -> bool {
        std::mem::take(&mut self.pong)
    }

    fn dropped_audio(&self) -> u64 {
        self.dropped
    }
}
