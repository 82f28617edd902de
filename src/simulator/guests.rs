//! Vendors with protocols and paths of their own, served beside OpenAI's dialect on the same port.

use super::{
    elevenlabs,
    faults::Door,
    gemini,
    handshake::{self, Denied},
    server::{Answer, Granted, Shared, switch},
};
use hyper::{Method, Request, StatusCode, body::Incoming};
use parking_lot::Mutex;
use serde_json::Value;

/// Whose request it is, and what for.
pub(super) enum Guest {
    Gemini(Door),
    ElevenLabs(elevenlabs::Endpoint),
}

impl Guest {
    pub(super) fn find(method: &Method, path: &str) -> Option<Self> {
        let google = gemini::door(method, path).map(Self::Gemini);
        google.or_else(|| elevenlabs::door(method, path).map(Self::ElevenLabs))
    }

    /// Puts into the journal's entry of a request what the vendor calls a key.
    pub(super) fn describe(&self, request: &Request<Incoming>, entry: &mut Value) {
        match self {
            Self::Gemini(_) => gemini::describe(request, entry),
            Self::ElevenLabs(_) => elevenlabs::describe(request, entry),
        }
    }

    /// What faults take the request for.
    pub(super) fn door(&self) -> Option<Door> {
        match self {
            Self::Gemini(door) => Some(*door),
            Self::ElevenLabs(endpoint) => endpoint.door(),
        }
    }

    /// An error of a request, as the vendor writes it.
    pub(super) fn error(&self, status: StatusCode, message: &str) -> Answer {
        match self {
            Self::Gemini(_) => gemini::error(status, message),
            Self::ElevenLabs(_) => elevenlabs::error(status, message),
        }
    }

    pub(super) async fn answer(
        self,
        mut request: Request<Incoming>,
        shared: &Shared,
        granted: &Mutex<Option<Granted>>,
    ) -> Result<Answer, Denied> {
        match self {
            Self::Gemini(Door::Upgrade) => handshake::websocket_accept(&request).map(|accept| {
                let session = gemini::session(&request, shared);
                switch(&mut request, &accept, session, granted)
            }),
            Self::Gemini(Door::ClientSecret) => Ok(gemini::mint(request, shared).await),
            Self::ElevenLabs(endpoint) => elevenlabs::answer(endpoint, request, shared, granted).await,
        }
    }
}
