//! The connection.

use super::error::ErrorInfo;
use crate::event::{self, EndedBy, Phase};

/// The connection.
#[derive(Debug, Clone, uniffi::Enum)]
pub enum Status {
    /// Not connected.
    Idle {
        /// Who ended the last run.
        by: EndedBy,
        /// Stable word, for example `remote_closed`.
        code: String,
        /// For a person.
        detail: String,
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
        phase: Option<Phase>,
    },
    /// Over for this run; the next connect starts afresh.
    Error {
        /// Why.
        error: ErrorInfo,
    },
}

impl From<&event::Status> for Status {
    fn from(status: &event::Status) -> Self {
        match status {
            event::Status::Idle { ended } => {
                Self::Idle { by: ended.by, code: ended.code.clone(), detail: ended.detail.clone() }
            }
            event::Status::Connecting { phase } => Self::Connecting { phase: *phase },
            event::Status::Connected => Self::Connected,
            event::Status::Reconnecting { attempt, retry_in_ms, reason, phase } => Self::Reconnecting {
                attempt: *attempt,
                retry_in_ms: *retry_in_ms,
                reason: reason.clone(),
                phase: *phase,
            },
            event::Status::Error { error } => Self::Error { error: error.into() },
        }
    }
}
