//! Events on the engine's callback threads.

use super::{event::Event, gate::Held};
use crate::{client, event};
use std::{panic::resume_unwind, sync::Arc};

/// What host code threw.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum HostError {
    /// It failed.
    #[error("{reason}")]
    Failed {
        /// In its words.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HostError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// Who is told about events, one at a time, on a callback thread of the engine. It may block: other clients
/// are served by other threads. What it throws ends the session with `listener_panicked`.
#[uniffi::export(with_foreign)]
pub trait EventListener: Send + Sync {
    /// One event.
    fn on_event(&self, event: Event) -> Result<(), HostError>;
}

/// The core's listener over a host's.
pub(super) struct Adapter(pub Held<dyn EventListener>);

impl client::Listener for Adapter {
    fn on_event(&self, event: &Arc<event::Event>) {
        if let Some(Err(error)) = self.0.call(|listener| listener.on_event(Event::from(&**event))) {
            // As a listener in Rust fails; without a panic's text on standard error.
            resume_unwind(Box::new(error.to_string()));
        }
    }
}
