//! A service played by the host, for its tests.

use super::{
    error::{ErrorInfo, Result},
    gate::Held,
    listener::HostError,
};
use crate::{
    error::{Error, ErrorClass},
    transport::mock::{self, MockLine},
};
use std::sync::Arc;

/// The vendor's side of a conversation, frame by frame. Called on the network thread: it must not block.
#[uniffi::export(with_foreign)]
pub trait Service: Send + Sync {
    /// A client dials. What is returned refuses it, whatever its `number` is.
    fn dialled(&self) -> std::result::Result<Option<ErrorInfo>, HostError>;

    /// A client has connected. The frames returned are sent to it.
    fn opened(&self) -> std::result::Result<Vec<String>, HostError>;

    /// The client sent a frame. The frames returned are sent to it.
    fn received(&self, frame: String) -> std::result::Result<Vec<String>, HostError>;

    /// The connection is over, whoever ended it.
    fn closed(&self) -> std::result::Result<(), HostError>;
}

struct Adapter {
    service: Held<dyn Service>,
}

/// What the service fails with is told to the client as the vendor's own error.
fn answer(answer: Option<std::result::Result<Vec<String>, HostError>>) -> Vec<String> {
    answer.unwrap_or(Ok(Vec::new())).unwrap_or_else(|error| {
        let message = format!("the mocked service failed: {error}");
        let error = serde_json::json!({ "type": "server_error", "code": "mock_failed", "message": message });
        vec![serde_json::json!({ "type": "error", "event_id": "event_mock", "error": error }).to_string()]
    })
}

impl mock::Service for Adapter {
    fn dialled(&self) -> crate::error::Result<()> {
        match self.service.call(|service| service.dialled()) {
            None | Some(Ok(None)) => Ok(()),
            Some(Ok(Some(refusal))) => Err(refusal.into()),
            Some(Err(error)) => {
                let message = format!("the mocked service failed: {error}");
                Err(Error::new(ErrorClass::Host, "mock_failed", message))
            }
        }
    }

    fn opened(&self) -> Vec<String> {
        answer(self.service.call(|service| service.opened()))
    }

    fn received(&self, frame: &str) -> Vec<String> {
        answer(self.service.call(|service| service.received(frame.to_owned())))
    }

    fn closed(&self) {
        if let Some(Err(error)) = self.service.call(|service| service.closed()) {
            // There is nobody left to tell.
            tracing::warn!("the mocked service failed at the end of a connection: {error}");
        }
    }
}

/// A line to a [`Service`], for one client at a time.
#[derive(uniffi::Object)]
pub struct MockService(pub(super) MockLine);

#[uniffi::export]
impl MockService {
    /// A line to `service`.
    #[uniffi::constructor]
    pub fn new(service: Arc<dyn Service>) -> Arc<Self> {
        Arc::new(Self(MockLine::new(Arc::new(Adapter { service: Held::new(service) }))))
    }

    /// Sends a frame to the client. Throws `not_connected`.
    pub fn send(&self, frame: String) -> Result<()> {
        Ok(self.0.send(frame)?)
    }

    /// Ends the connection with a close code; without one as a network does that breaks.
    pub fn close(&self, code: Option<u16>, reason: String) -> Result<()> {
        Ok(self.0.close(code, reason)?)
    }
}
