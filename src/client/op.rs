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
    outcome: oneshot::Receiver<Result<()>>,
}

impl Op {
    pub(super) fn new(id: OpId, receiver: oneshot::Receiver<Result<()>>) -> Self {
        Self { id, outcome: receiver }
    }

    /// Its number, which the `completed` event carries.
    pub fn id(&self) -> OpId {
        self.id
    }
}

impl Future for Op {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(cx).map(|outcome| {
            outcome.unwrap_or_else(|_| Err(Error::new(ErrorClass::State, "closed", "the client is gone")))
        })
    }
}
