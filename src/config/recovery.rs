//! What happens when the connection is lost or its session is about to end.

use serde::{Deserialize, Serialize};

/// How a conversation goes on over connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Recovery {
    /// A connection that is lost is opened again and told what was said. Off: the run ends with an error.
    pub reconnect: bool,
    /// Tries in a row, 1 to 1000.
    pub max_attempts: u32,
    /// How long without a connection before the run ends, 1000 to 3600000 milliseconds.
    pub max_offline_ms: u32,
    /// Microphone audio kept while there is no connection, 0 to 30000 milliseconds: the newest is sent when
    /// there is one again. Gemini is sent no more than 2000: what is older than that is better asked again.
    pub pre_roll_ms: u32,
    /// The next session is opened before the vendor ends this one, and taken between two turns.
    pub rollover: bool,
    /// Told to the model behind the conversation it is given in a new session, 1 to 4096 bytes: without it a
    /// model may greet again, or change the language. `null`: nothing is told.
    pub context_note: Option<String>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            reconnect: true,
            max_attempts: 10,
            max_offline_ms: 60_000,
            pre_roll_ms: 5000,
            rollover: true,
            context_note: Some(
                "The conversation above goes on after an interruption of the line. Use the same language, and do not \
                 greet again."
                    .into(),
            ),
        }
    }
}
