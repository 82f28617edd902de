//! Signs of life that the host or a suspicion asks for. The transport keeps its own watch beside this.

use super::{Output, Session};
use crate::{
    error::{Error, ErrorClass},
    event::{Completed, EventKind, OpId},
    time::Time,
};
use std::collections::VecDeque;

/// Pings of the host that may wait.
const MAX_PINGS: usize = 16;
/// How long one may take.
const PONG_MS: u64 = 15_000;
/// How long a connection may be silent after the machine woke.
const PROBE_MS: u64 = 5_000;

/// Pings of the host. One is on its way at a time: a peer may answer only the newest.
#[derive(Debug, Default)]
pub(super) struct Pings {
    waiting: VecDeque<OpId>,
    /// When the oldest went out.
    sent: Option<Time>,
}

impl Pings {
    pub fn timeout(&self) -> Option<Time> {
        self.sent.map(|sent| sent.after_ms(PONG_MS))
    }
}

impl Session {
    pub(super) fn ping(&mut self, op: OpId) {
        if self.pings.waiting.len() >= MAX_PINGS {
            let error = Error::new(ErrorClass::Limit, "too_many_requests", "16 pings are on their way").retryable();
            return self.complete(op, Some(error.fix("wait until earlier ones complete")));
        }
        self.pings.waiting.push_back(op);
        self.send_ping();
    }

    fn send_ping(&mut self) {
        if self.pings.sent.is_none()
            && let Some(op) = self.pings.waiting.front()
        {
            self.pings.sent = Some(self.now);
            self.out.push_back(Output::Ping { epoch: self.link.epoch, op: Some(*op) });
        }
    }

    /// The driver could not send it.
    pub(super) fn ping_refused(&mut self, op: OpId) {
        if self.pings.waiting.front() == Some(&op) {
            self.pings.sent = None;
        }
        self.pings.waiting.retain(|waiting| *waiting != op);
        self.send_ping();
    }

    pub(super) fn pong(&mut self, epoch: u32) {
        if epoch != self.link.epoch {
            return;
        }
        self.link.probed_until = None;
        if let Some(sent) = self.pings.sent.take()
            && let Some(op) = self.pings.waiting.pop_front()
        {
            let round_trip_us = Some(self.now.0.saturating_sub(sent.0));
            self.emit(EventKind::Completed(Completed { op, error: None, round_trip_us }));
        }
        self.send_ping();
    }

    /// The connection may have died while nobody looked.
    pub(super) fn woken(&mut self) {
        if self.link.is_up() && self.link.probed_until.is_none() {
            self.link.probed_until = Some(self.now.after_ms(PROBE_MS));
            // One of the host's does as well.
            if self.pings.sent.is_none() {
                self.out.push_back(Output::Ping { epoch: self.link.epoch, op: None });
            }
        }
    }

    pub(super) fn give_up_pings(&mut self) {
        if self.pings.timeout().is_none_or(|t| self.now < t) {
            return;
        }
        self.pings.sent = None;
        if let Some(op) = self.pings.waiting.pop_front() {
            let error = Error::new(ErrorClass::Network, "timeout", "no answer to the ping within 15 s").retryable();
            self.complete(op, Some(error.fix("the connection may be dead; network_changed opens another")));
        }
        self.send_ping();
    }

    /// Nobody answers any more: whoever waits.
    pub(super) fn take_pings(&mut self) -> Vec<OpId> {
        self.pings.sent = None;
        std::mem::take(&mut self.pings.waiting).into()
    }
}
