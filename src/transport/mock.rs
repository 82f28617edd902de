//! A service that is played by code in this process, frame by frame. Tests of programs that use duologue have a
//! complete one in [`crate::testing`].
//!
//! Frames travel without a socket, in order. What the client sends is handed to a [`Service`], whose answers
//! the client gets; [`MockLine::send`] says something unasked.

use super::{Closed, Dialer, Dialling, Transport};
use crate::{
    config::Tls,
    credential::Credential,
    error::{Error, ErrorClass, Result},
    provider::{DialRequest, Frame},
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// Frames that may wait for the client.
const MAX_FRAMES: usize = 4096;
/// Frames given to the client before others get their turn.
const FRAMES_A_TURN: usize = 64;

/// The other side of a mocked connection. Called on the network thread, which all clients share: it must
/// not block for long. No lock is held while it runs.
pub trait Service: Send + Sync {
    /// A client dials.
    ///
    /// # Errors
    /// What the dial is refused with.
    fn dialled(&self) -> Result<()> {
        Ok(())
    }

    /// A connection is open. What is returned is sent to the client.
    fn opened(&self) -> Vec<String>;

    /// The client sent a frame. What is returned is sent to the client.
    fn received(&self, frame: &str) -> Vec<String>;

    /// The client closed the connection or is gone.
    fn closed(&self) {}
}

/// What waits for the client of the connection that is open.
#[derive(Default)]
struct Waiting {
    frames: VecDeque<String>,
    close: Option<Closed>,
    reader: Option<Waker>,
    /// Number of the open connection; 0: there is none.
    open: u64,
    last: u64,
}

/// Dials a mocked service, and speaks for it. Clones are the same line; it carries one connection at a time.
#[derive(Clone)]
pub struct MockLine {
    service: Arc<dyn Service>,
    waiting: Arc<Mutex<Waiting>>,
}

impl MockLine {
    /// A line to `service`.
    pub fn new(service: Arc<dyn Service>) -> Self {
        Self { service, waiting: Arc::default() }
    }

    /// Sends a text frame to the client.
    ///
    /// # Errors
    /// `not_connected`: no client is. `backpressure`: 4096 frames are waiting.
    pub fn send(&self, frame: impl Into<String>) -> Result<()> {
        self.put(None, vec![frame.into()])
    }

    /// Ends the connection with a close code, or without one as a network does that breaks.
    ///
    /// # Errors
    /// `not_connected`: no client is.
    pub fn close(&self, code: Option<u16>, reason: impl Into<String>) -> Result<()> {
        let mut waiting = self.waiting.lock();
        if waiting.open == 0 {
            return Err(not_connected());
        }
        waiting.close = Some(Closed { code, reason: reason.into(), error: None });
        wake(waiting);
        Ok(())
    }

    fn put(&self, connection: Option<u64>, frames: Vec<String>) -> Result<()> {
        let mut waiting = self.waiting.lock();
        if waiting.open == 0 || connection.is_some_and(|number| number != waiting.open) {
            return Err(not_connected());
        }
        if waiting.frames.len() + frames.len() > MAX_FRAMES {
            let message = format!("more than {MAX_FRAMES} frames are waiting for the client");
            return Err(Error::new(ErrorClass::Limit, "backpressure", message)
                .fix("let the client read before sending more")
                .retryable());
        }
        waiting.frames.extend(frames);
        wake(waiting);
        Ok(())
    }
}

fn wake(mut waiting: parking_lot::MutexGuard<'_, Waiting>) {
    let reader = waiting.reader.take();
    drop(waiting);
    if let Some(reader) = reader {
        reader.wake();
    }
}

fn not_connected() -> Error {
    Error::new(ErrorClass::State, "not_connected", "no client is connected to the mocked service")
        .fix("connect a client to it first")
}

impl Dialer for MockLine {
    fn dial(&self, _request: DialRequest, _credential: Option<Credential>, _tls: &Tls) -> Dialling {
        let line = self.clone();
        Box::pin(async move {
            line.service.dialled()?;
            let number = {
                let mut waiting = line.waiting.lock();
                if waiting.open != 0 {
                    let message = "another client is connected to the mocked service";
                    return Err(Error::new(ErrorClass::State, "already_connected", message)
                        .fix("give each client a service of its own"));
                }
                waiting.last += 1;
                waiting.open = waiting.last;
                waiting.frames.clear();
                waiting.close = None;
                waiting.open
            };
            let connection = Connection { line, number, pong: false };
            let greeting = connection.line.service.opened();
            connection.line.put(Some(number), greeting)?;
            Ok(Box::new(connection) as Box<dyn Transport>)
        })
    }
}

struct Connection {
    line: MockLine,
    number: u64,
    /// A ping was answered, which takes no time here.
    pong: bool,
}

impl Connection {
    fn end(&self) {
        let mut waiting = self.line.waiting.lock();
        let was_open = waiting.open == self.number;
        if was_open {
            waiting.open = 0;
        }
        drop(waiting);
        if was_open {
            self.line.service.closed();
        }
    }
}

impl Transport for Connection {
    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed> {
        for _ in 0..FRAMES_A_TURN {
            let mut waiting = self.line.waiting.lock();
            if waiting.open != self.number {
                return Poll::Ready(Closed { code: Some(1000), reason: String::new(), error: None });
            }
            if let Some(frame) = waiting.frames.pop_front() {
                drop(waiting);
                on_frame(Frame::Text(frame.into()));
            } else if let Some(closed) = waiting.close.take() {
                drop(waiting);
                self.end();
                return Poll::Ready(closed);
            } else {
                waiting.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn send(&mut self, text: String, _audio: bool) -> Result<()> {
        let answers = self.line.service.received(&text);
        self.line.put(Some(self.number), answers)
    }

    fn poll_outbound(&mut self, _cx: &mut Context<'_>) {}

    fn close(&mut self, _code: u16) {
        self.end();
    }

    fn ping(&mut self) -> bool {
        self.pong = true;
        wake(self.line.waiting.lock());
        true
    }

    fn take_pong(&mut self) -> bool {
        std::mem::take(&mut self.pong)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}
