//! An operation under way.

use super::shared::closed;
use crate::{
    error::{Error, Result},
    event::OpId,
};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::oneshot;

/// How a command ended, as the engine tells it: of a ping with the microseconds there and back.
pub(super) type Outcome = Result<Option<u64>>;

/// A command that was given. Await it for the outcome; dropping it cancels nothing.
#[derive(Debug)]
pub struct Op {
    id: OpId,
    fate: Fate,
}

#[derive(Debug)]
enum Fate {
    Given(oneshot::Receiver<Outcome>),
    Refused(Error),
}

impl Op {
    pub(super) fn given(id: OpId, outcome: oneshot::Receiver<Outcome>) -> Self {
        Self { id, fate: Fate::Given(outcome) }
    }

    pub(super) fn refused(id: OpId, error: Error) -> Self {
        Self { id, fate: Fate::Refused(error) }
    }

    /// Its number, which the `completed` event carries.
    pub fn id(&self) -> OpId {
        self.id
    }

    /// Why the command never got to the engine: 256 are waiting, 4096 events are, or the client is gone.
    /// Such a command has no `completed` event; awaiting it gives this error.
    pub fn refusal(&self) -> Option<&Error> {
        match &self.fate {
            Fate::Given(_) => None,
            Fate::Refused(error) => Some(error),
        }
    }
}

impl Op {
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        match &mut self.fate {
            Fate::Given(outcome) => Pin::new(outcome).poll(cx).map(|outcome| outcome.unwrap_or_else(|_| Err(closed()))),
            Fate::Refused(error) => Poll::Ready(Err(error.clone())),
        }
    }
}

impl Future for Op {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_outcome(cx).map_ok(|_| ())
    }
}

/// A ping that was given. Await it for the time there and back.
#[derive(Debug)]
pub struct Ping(pub(super) Op);

impl Ping {
    /// The command it is.
    pub fn op(&self) -> &Op {
        &self.0
    }

    /// The command it is, for whoever reads the time in the `completed` event.
    pub fn into_op(self) -> Op {
        self.0
    }
}

impl Future for Ping {
    type Output = Result<Duration>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A ping that worked always has its time.
        self.0.poll_outcome(cx).map_ok(|us| Duration::from_micros(us.unwrap_or_default()))
    }
}
