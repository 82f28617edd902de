//! What a provider and model can do. Absent means not declared, `Some(false)` confirmed unsupported.

use serde::{Deserialize, Serialize};

/// Checked by the session before it promises anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Capabilities {
    /// Provider name.
    pub provider: String,
    /// Model in use.
    pub model: String,
    /// Rate the vendor takes, frames a second.
    pub input_rate: u32,
    /// Rate the vendor gives.
    pub output_rate: u32,
    /// Text turns.
    pub text_in: Option<bool>,
    /// Written answers.
    pub text_out: Option<bool>,
    /// Pictures.
    pub image_in: Option<bool>,
    /// Function tools on the wire.
    pub tools: Option<bool>,
    /// A running response can be cancelled.
    pub cancel: Option<bool>,
    /// The client tells the vendor what was heard.
    pub truncate: Option<bool>,
    /// The user's speech is transcribed.
    pub user_transcription: Option<bool>,
    /// Longest session, seconds.
    pub max_session_s: Option<u64>,
}
