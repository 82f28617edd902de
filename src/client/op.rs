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
};
use tokio::sync::oneshot;

/// A command that was given. Await it for the outcome; dropping it cancels nothing.
#[derive(Debug)]
pub struct Op {
    id: OpId,
    fate: Fate,
}

#[derive(Debug)]
enum Fate {
    Given(oneshot::Receiver<Result<()>>),
    Refused(Error),
}

impl Op {
    pub(super) fn given(id: OpId, outcome: oneshot::Receiver<Result<()>>) -> Self {
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

impl Future for Op {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.fate {
            Fate::Given(outcome) => Pin::new(outcome).poll(cx).map(|outcome| outcome.unwrap_or_else(|_| Err(closed()))),
            Fate::Refused(error) => Poll::Ready(Err(error.clone())),
        }
    }
}
