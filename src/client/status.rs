//! Threads that wait until the connection is where they want it.

use super::{
    dispatch::in_callback,
    shared::{Shared, closed},
};
use crate::session::Command;
use crate::{
    error::{Error, ErrorClass, Result},
    event::{EventKind, OpId, Status, StatusKind},
};
use std::time::{Duration, Instant};

/// How far the driver is with what was asked of it.
pub(super) struct Progress {
    /// Commands taken from hosts, and how many of them the session has seen.
    given: u64,
    handled: u64,
    status: Status,
    /// The last connect, and why it failed.
    connect: Option<OpId>,
    failed: Option<Error>,
    /// A connect was given and neither began nor failed.
    asked: bool,
    /// The run of the last connect is over.
    over: bool,
    /// A disconnect was asked for: what is connected still does not count any more.
    ending: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            given: 0,
            handled: 0,
            status: Status::never_connected(),
            connect: None,
            failed: None,
            asked: false,
            over: false,
            ending: false,
        }
    }
}

impl Progress {
    /// A command was taken.
    pub fn given(&mut self, op: OpId, command: &Command) {
        self.given += 1;
        match command {
            Command::Connect => (self.connect, self.failed, self.asked, self.over) = (Some(op), None, true, false),
            Command::Disconnect => self.ending = self.is_running(),
            _ => {}
        }
    }

    /// A run is under way.
    pub fn is_running(&self) -> bool {
        !matches!(self.status, Status::Idle { .. } | Status::Error { .. })
    }

    /// What a waiter finds; `None`: it waits on. `seen`: a run was under way before.
    fn verdict(&self, wanted: StatusKind, seen: bool) -> Option<Result<bool>> {
        match &self.status {
            _ if self.ending && !matches!(wanted, StatusKind::Idle | StatusKind::Error) => None,
            status if status.kind() == wanted => Some(Ok(true)),
            Status::Idle { .. } | Status::Error { .. } if self.asked => None,
            Status::Error { error } => Some(Err(error.clone())),
            Status::Idle { ended } if seen || self.over => {
                let message = format!("the session ended: {}", ended.code);
                Some(Err(Error::new(ErrorClass::State, "not_connected", message).fix("connect again")))
            }
            Status::Idle { .. } => self.failed.clone().map(Err),
            _ => None,
        }
    }
}

impl Shared {
    /// The session has seen a command, and what followed at once was published.
    pub fn handled(&self) {
        self.progress.lock().handled += 1;
        self.progressed.notify_all();
    }

    /// Takes note of what waiters wait for.
    pub(super) fn note(&self, kind: &EventKind) {
        let mut progress = self.progress.lock();
        match kind {
            EventKind::Status(status) => {
                let was_running = progress.is_running();
                match status {
                    Status::Connecting { .. } => {
                        (progress.failed, progress.asked, progress.over) = (None, false, false)
                    }
                    Status::Idle { .. } => progress.over |= was_running,
                    _ => {}
                }
                progress.ending &= !matches!(status, Status::Idle { .. } | Status::Error { .. });
                progress.status = status.clone();
            }
            // A connect that came while another one stands does not fail that one.
            EventKind::Completed(done) if Some(done.op) == progress.connect => {
                progress.asked = false;
                progress.failed = done.error.clone().filter(|e| e.code != "already_connected");
            }
            _ => return,
        }
        self.progressed.notify_all();
    }

    /// See `Client::wait_status`.
    pub fn wait_status(&self, wanted: StatusKind, timeout: Option<Duration>) -> Result<bool> {
        may_wait(timeout)?;
        // Too far to be represented is for ever.
        let until = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut progress = self.progress.lock();
        let before = progress.given;
        let mut seen = false;
        loop {
            let ended = self.has_ended();
            if ended || progress.handled >= before {
                if let Some(verdict) = progress.verdict(wanted, seen) {
                    return verdict;
                }
                seen |= !matches!(progress.status, Status::Idle { .. });
            }
            if ended {
                return Err(closed());
            }
            match until {
                None => self.progressed.wait(&mut progress),
                Some(until) if Instant::now() >= until => return Ok(false),
                // When the time is over it looks once more.
                Some(until) => _ = self.progressed.wait_until(&mut progress, until),
            }
        }
    }
}

/// Refuses a call that would wait where nothing may wait: inside a callback it only looks.
pub(super) fn may_wait(timeout: Option<Duration>) -> Result<()> {
    if !in_callback() || timeout == Some(Duration::ZERO) {
        return Ok(());
    }
    let message = "a callback must not wait for what may need its own thread";
    Err(Error::new(ErrorClass::State, "would_deadlock", message)
        .fix("poll with a time of zero, or wait on a thread of your own"))
}
