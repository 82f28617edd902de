//! An operation under way.

use crate::{
    error::{Error, ErrorClass, Result},
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
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Waiting(oneshot::Receiver<Result<()>>),
    Known(Option<Error>),
}

impl Op {
    pub(super) fn new(id: OpId, receiver: oneshot::Receiver<Result<()>>) -> Self {
        Self { id, outcome: Outcome::Waiting(receiver) }
    }

    pub(super) fn refused(id: OpId, error: Error) -> Self {
        Self { id, outcome: Outcome::Known(Some(error)) }
    }

    /// Its number, which the `completed` event carries.
    pub fn id(&self) -> OpId {
        self.id
    }
}

impl Future for Op {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.outcome {
            Outcome::Known(error) => Poll::Ready(error.take().map_or(Ok(()), Err)),
            Outcome::Waiting(receiver) => Pin::new(receiver).poll(cx).map(|outcome| {
                outcome.unwrap_or_else(|_| Err(Error::new(ErrorClass::State, "closed", "the client is gone")))
            }),
        }
    }
}
