//! What a provider and model can do. Absent means not declared, `Some(false)` confirmed unsupported.

use crate::config::VadMode;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Checked by the session before it promises anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Capabilities {
    /// Provider name.
    pub provider: String,
    /// Model in use.
    pub model: String,
    /// The model is in the catalogue. If not, it is taken to be like the provider's newest.
    pub model_known: bool,
    /// How the provider can be reached from here.
    pub transports: Vec<TransportKind>,
    /// Kinds of credentials the provider takes: `api_key`, `ephemeral`, `bearer`, `signed_url`.
    pub credentials: Vec<Cow<'static, str>>,
    /// Rate the vendor takes, frames a second.
    pub input_rate: u32,
    /// Rate the vendor gives.
    pub output_rate: u32,
    /// Who can decide when the user's turn ends.
    pub turn_modes: Vec<VadMode>,
    /// Text turns.
    pub text_in: Option<bool>,
    /// Written answers.
    pub text_out: Option<bool>,
    /// Pictures.
    pub image_in: Option<bool>,
    /// Frames of a camera, about one a second.
    pub video_in: Option<bool>,
    /// What pictures may be, where they can be at all.
    pub images: Option<Images>,
    /// Text that the model takes note of without answering.
    pub silent_context: Option<bool>,
    /// How a given text can be spoken.
    pub say: Option<Say>,
    /// Answers beside the conversation.
    pub out_of_band: Option<bool>,
    /// Function tools on the wire.
    pub tools: Option<bool>,
    /// Whether the model calls several functions at once can be chosen.
    pub parallel_tools: Option<bool>,
    /// What the model can do with the result of a call: values of `tools[].scheduling`.
    pub tool_scheduling: Vec<Cow<'static, str>>,
    /// How much the model thinks can be chosen.
    pub reasoning: Option<bool>,
    /// Fields of the configuration that can change while a session runs.
    pub updates: Vec<Cow<'static, str>>,
    /// A running response can be cancelled.
    pub cancel: Option<bool>,
    /// The client tells the vendor what was heard.
    pub truncate: Option<bool>,
    /// The user's speech is transcribed.
    pub user_transcription: Option<bool>,
    /// Answers can be rated: `send_feedback`.
    pub feedback: Option<bool>,
    /// The model can be told that the user is busy, and waits: `send_user_activity`.
    pub user_activity: Option<bool>,
    /// What an answer cost is told.
    pub usage: Option<bool>,
    /// Voices that are known, the recommended ones first; a provider may have more.
    pub voices: Vec<Cow<'static, str>>,
    /// What the vendor wants to hear while the microphone is off or muted.
    pub idle_audio: Option<IdleAudio>,
    /// How a conversation can go on after its connection was lost.
    pub reconnect: Option<Reconnect>,
    /// Longest session, seconds.
    pub max_session_s: Option<u64>,
}

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportKind {
    /// A WebSocket over TLS.
    #[default]
    Websocket,
    /// A call: a data channel, and audio as Opus over RTP.
    Webrtc,
}

impl TransportKind {
    /// Those a service that has both can be reached by.
    pub fn of_this_build() -> Vec<Self> {
        let calls = cfg!(feature = "webrtc").then_some(Self::Webrtc);
        [Self::Websocket].into_iter().chain(calls).collect()
    }

    /// As it stands in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::Webrtc => "webrtc",
        }
    }
}

/// What pictures may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Images {
    /// Their types.
    pub mime_types: Vec<Cow<'static, str>>,
    /// Bytes of one, before it is written as text.
    pub max_bytes: u64,
    /// The vendor fetches a picture that is given as an address.
    pub urls: bool,
}

/// What a vendor wants to hear while nobody is to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdleAudio {
    /// Nothing: it waits.
    None,
    /// A sign of life now and then, or it closes the connection.
    Keepalive,
    /// Silence as a stream: without it the model stands still. Calls always have one.
    Continuous,
}

/// How a given text is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Say {
    /// The vendor speaks it as it is.
    Exact,
    /// The model is told to say it word for word, and may stray.
    Instructed,
}

/// How a conversation can go on after its connection was lost, as far as the provider lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reconnect {
    /// The vendor keeps it and gives it back.
    Resume,
    /// In a new session that is told what was said.
    Replay,
    /// Not at all: a new conversation begins.
    New,
}
