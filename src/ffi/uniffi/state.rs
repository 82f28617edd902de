//! The snapshot, and whether a connect has a chance.

use super::{error::ErrorInfo, message::Message, status::Status};
use crate::{
    client,
    event::{Agent, Mode},
};

/// Where a client is. `revision` grows with every change.
#[derive(Debug, Clone, uniffi::Record)]
pub struct State {
    /// Number of changes so far.
    pub revision: u64,
    /// The connection.
    pub status: Status,
    /// One word for a user interface.
    pub mode: Mode,
    /// The person is speaking.
    pub user_speaking: bool,
    /// The agent.
    pub agent: Agent,
    /// The newest error of this run, fatal or not.
    pub error: Option<ErrorInfo>,
    /// The conversation in order, pending words included.
    pub messages: Vec<Message>,
}

impl From<client::State> for State {
    fn from(state: client::State) -> Self {
        Self {
            revision: state.revision,
            status: (&state.status).into(),
            mode: state.mode,
            user_speaking: state.user_speaking,
            agent: state.agent,
            error: state.error.as_ref().map(Into::into),
            messages: state.messages.iter().map(Into::into).collect(),
        }
    }
}

/// What a connect would find. Each field is why not; nothing is good.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Availability {
    /// There is no credential and nobody is asked for one, or it is over.
    pub credential: Option<ErrorInfo>,
    /// This build has no way to dial.
    pub transport: Option<ErrorInfo>,
    /// Nobody will be heard; the client works all the same, with text.
    pub microphone: Option<ErrorInfo>,
}

impl From<client::Availability> for Availability {
    fn from(found: client::Availability) -> Self {
        Self {
            credential: found.credential.as_ref().map(Into::into),
            transport: found.transport.as_ref().map(Into::into),
            microphone: found.microphone.as_ref().map(Into::into),
        }
    }
}
