//! The connection and the two speakers.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Step of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for a credential.
    Credential,
    /// Name look-up, TCP, TLS, upgrade.
    Dial,
    /// WebRTC only.
    Ice,
    /// WebRTC only.
    Dtls,
    /// Waiting for the vendor to acknowledge the session.
    Configure,
}

/// Who ended the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Nobody: never connected.
    None,
    /// The host called disconnect.
    User,
    /// The vendor closed normally.
    Agent,
    /// The network.
    Network,
    /// An error.
    Error,
    /// A session limit.
    Limit,
}

/// Why the client is idle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Who ended it.
    pub by: EndedBy,
    /// Stable word, for example `remote_closed`.
    pub code: String,
    /// For a person.
    pub detail: String,
}

/// The connection. The JSON tag is `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// Not connected.
    Idle {
        /// How the last run ended.
        ended: Ended,
    },
    /// On the way; `disconnect` cancels.
    Connecting {
        /// Step.
        phase: Phase,
    },
    /// Configured and ready.
    Connected,
    /// Lost, coming back.
    Reconnecting {
        /// From 1.
        attempt: u32,
        /// Until the next dial.
        retry_in_ms: u64,
        /// Why.
        reason: String,
        /// Step, while dialling.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<Phase>,
    },
    /// Over for this run; the next connect starts afresh.
    Error {
        /// Why.
        error: Error,
    },
}

/// A [`Status`] without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum StatusKind {
    /// Not connected.
    Idle,
    /// On the way.
    Connecting,
    /// Configured and ready.
    Connected,
    /// Lost, coming back.
    Reconnecting,
    /// Over for this run.
    Error,
}

impl Status {
    /// Which one it is.
    pub fn kind(&self) -> StatusKind {
        match self {
            Self::Idle { .. } => StatusKind::Idle,
            Self::Connecting { .. } => StatusKind::Connecting,
            Self::Connected => StatusKind::Connected,
            Self::Reconnecting { .. } => StatusKind::Reconnecting,
            Self::Error { .. } => StatusKind::Error,
        }
    }

    /// Idle and never connected.
    pub fn never_connected() -> Self {
        Self::Idle { ended: Ended { by: EndedBy::None, code: "none".into(), detail: String::new() } }
    }
}

/// What the agent does, by what is audible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// Nothing under way.
    Idle,
    /// A response is under way and not audible.
    Thinking,
    /// Audible.
    Speaking,
}

/// One word for a user interface, derived from both speakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not capturing.
    Idle,
    /// Capturing.
    Listening,
    /// The agent works on an answer.
    Thinking,
    /// The agent is audible.
    Speaking,
}

/// Both speakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChange {
    /// Derived.
    pub mode: Mode,
    /// The person is speaking.
    pub user_speaking: bool,
    /// The agent.
    pub agent: Agent,
}
