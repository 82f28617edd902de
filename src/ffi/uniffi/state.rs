//! The snapshot.

use super::{message::Message, status::Status};
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
            messages: state.messages.iter().map(Into::into).collect(),
        }
    }
}
