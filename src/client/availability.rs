//! Whether a connect has a chance, before anything is dialled.

use super::Client;
use crate::{
    config::AudioSource,
    error::{Error, ErrorClass},
};
use serde::Serialize;

/// What a connect would find. Each field is why not; absent is good.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Availability {
    /// There is no credential and nobody is asked for one, or it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Error>,
    /// This build has no way to dial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Error>,
    /// Nobody will be heard; the client works all the same, with text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microphone: Option<Error>,
}

impl Availability {
    /// A connect has a chance.
    pub fn can_connect(&self) -> bool {
        self.credential.is_none() && self.transport.is_none()
    }
}

impl Client {
    /// Whether a connect has a chance, and whether there is a microphone. Asks neither network nor device.
    pub fn availability(&self) -> Availability {
        let config = &self.inner.config;
        let microphone = (config.audio.input.source == AudioSource::None).then(|| {
            Error::new(ErrorClass::Device, "no_microphone", "the configuration has no microphone")
                .field("audio.input.source")
                .fix("set it to host or device")
        });
        let transport = (!self.inner.dials).then(|| {
            Error::new(ErrorClass::Unsupported, "no_transport", "this build has no WebSocket transport")
                .fix("enable the feature websocket, or give the client a dialer")
        });
        Availability { credential: self.inner.shared.credentials.missing(), transport, microphone }
    }
}
