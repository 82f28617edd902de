//! The pace of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pace and order of what the server sends.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Milliseconds of audio in one delta, 10 to 2000.
    #[schemars(range(min = 10, max = 2000))]
    pub delta_ms: u32,
    /// How many times faster than real time audio is sent, 0.1 to 1000.
    #[schemars(range(min = 0.1, max = 1000.0))]
    pub speed: f64,
    /// Milliseconds from a request for a response, or the end of a turn, to `response.created`, 0 to 60000.
    /// Until then the response counts as active and cannot be cancelled: one that the client has given
    /// up on starts all the same.
    #[schemars(range(max = 60_000))]
    pub create_delay_ms: u32,
    /// Whether the error `conversation_already_has_active_response` names the client's event. The
    /// service does not always do that.
    pub active_response_event_id: bool,
    /// Milliseconds from `response.created` to the first delta, 0 to 60000.
    #[schemars(range(max = 60_000))]
    pub first_audio_delay_ms: u32,
    /// Milliseconds from the end of a user turn to its transcript, 0 to 60000.
    #[schemars(range(max = 60_000))]
    pub transcript_delay_ms: u32,
    /// Milliseconds of sound from the end of speech to the commit of the turn, 0 to 10000; of xAI, others commit at
    /// once. The answer begins meanwhile, and a user who goes on speaking goes on in the same turn: that answer is
    /// dropped without an end.
    #[schemars(range(max = 10_000))]
    pub commit_delay_ms: u32,
    /// Seconds a session may last, 1 to 86400.
    #[schemars(range(min = 1, max = 86_400))]
    pub session_s: u32,
    /// What is said on a call comes back at once, and nobody listens to it: for measuring. A WebSocket is refused
    /// then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub echo: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            delta_ms: 100,
            speed: 4.0,
            create_delay_ms: 0,
            active_response_event_id: true,
            first_audio_delay_ms: 150,
            transcript_delay_ms: 400,
            commit_delay_ms: 0,
            session_s: 3600,
            echo: false,
        }
    }
}
