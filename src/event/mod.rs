//! The vocabulary of states and events: one definition for Rust, C, Python, Kotlin, Swift, the
//! program's `--json` and the trace.
//!
//! Some events are not produced yet (see ARCHITECTURE.md, "What is not built yet"); they are here
//! because a vocabulary that grows in the middle breaks every language at once.

mod conversation;
mod mask;
mod service;
mod state;

pub use conversation::*;
pub use mask::EventMask;
pub use service::*;
pub use state::*;

use crate::{
    error::Error,
    message::{ItemId, ResponseId},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Number of an operation: every command returns one and ends in exactly one [`Completed`] with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u64);

/// Mono PCM, native endian; JSON carries it as base64 of little-endian samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcm(pub Arc<Vec<i16>>);

/// What the host calls a client (`labels` of the configuration).
pub type Labels = BTreeMap<String, String>;

/// An event with its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Consecutive number within the client, from 1.
    pub seq: u64,
    /// Milliseconds on the client's monotonic clock.
    pub time_ms: u64,
    /// Number of the connection, from 1; 0 before the first.
    pub epoch: u32,
    /// Number of the user's turn this belongs to, from 1: that of the response where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// The response this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseId>,
    /// The item this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// True when the vendor did not say it and duologue concluded it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inferred: bool,
    /// The client's labels, when it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Arc<Labels>>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. The JSON tag is `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The connection changed.
    Status(Status),
    /// Who is audible changed.
    Mode(ModeChange),
    /// Somebody started to speak.
    SpeechStarted(Speech),
    /// Somebody stopped.
    SpeechStopped(Speech),
    /// The first sample of the item in the envelope left the speaker.
    PlaybackStarted(PlaybackStarted),
    /// The item in the envelope will not be heard further.
    PlaybackFinished(PlaybackFinished),
    /// The model finished writing; it may be audible for long after.
    GenerationDone(ResponseEnd),
    /// The response is over: generated and, where it had audio, played or cut. After a response that
    /// called tools another one follows with the answer.
    TurnDone(ResponseEnd),
    /// The assistant was cut off.
    Interrupted(Interrupted),
    /// The conversation changed.
    Message(MessageChange),
    /// Words, as they come.
    Transcript(Transcript),
    /// Assistant audio, only with host playback that is delivered. Unless the host reports positions it
    /// counts as heard at real-time speed from here on; on `interrupted` the host throws away what it
    /// has not played.
    Audio(AudioOut),
    /// Loudness, at most ten a second and direction.
    AudioLevel(AudioLevel),
    /// The model calls a host function.
    ToolCall(ToolCall),
    /// The vendor withdrew a call.
    ToolCancelled(ToolEnd),
    /// A call was answered for the host because it took too long.
    ToolTimeout(ToolEnd),
    /// The host must provide a credential.
    CredentialNeeded(CredentialNeeded),
    /// A command ended.
    Completed(Completed),
    /// The vendor acknowledged the configuration.
    SessionConfigured(SessionConfigured),
    /// What the session can do changed.
    CapabilityChanged(SessionConfigured),
    /// The conversation continues on another vendor session.
    SessionReplaced(SessionReplaced),
    /// The conversation continues on another transport.
    TransportChanged(TransportChanged),
    /// Tokens used.
    Usage(Usage),
    /// How long a turn took.
    Latency(Latency),
    /// An audio device came, went or changed.
    Device(DeviceChange),
    /// Something a developer should see; the session goes on.
    Warning(Error),
    /// A failure. `fatal` tells whether the session ended.
    Error(Error),
    /// A vendor event as it came, opt-in.
    Raw(Raw),
    /// The host was too slow and these were dropped.
    Lagged(Lagged),
}

impl EventKind {
    /// The JSON tags of all kinds, by [`Self::index`].
    pub const NAMES: [&str; 29] = [
        "status",
        "mode",
        "speech_started",
        "speech_stopped",
        "playback_started",
        "playback_finished",
        "generation_done",
        "turn_done",
        "interrupted",
        "message",
        "transcript",
        "audio",
        "audio_level",
        "tool_call",
        "tool_cancelled",
        "tool_timeout",
        "credential_needed",
        "completed",
        "session_configured",
        "capability_changed",
        "session_replaced",
        "transport_changed",
        "usage",
        "latency",
        "device",
        "warning",
        "error",
        "raw",
        "lagged",
    ];

    /// Its number, from 0, in the order of this enum: the bit in an [`EventMask`]. Never changes.
    pub fn index(&self) -> usize {
        match self {
            Self::Status(_) => 0,
            Self::Mode(_) => 1,
            Self::SpeechStarted(_) => 2,
            Self::SpeechStopped(_) => 3,
            Self::PlaybackStarted(_) => 4,
            Self::PlaybackFinished(_) => 5,
            Self::GenerationDone(_) => 6,
            Self::TurnDone(_) => 7,
            Self::Interrupted(_) => 8,
            Self::Message(_) => 9,
            Self::Transcript(_) => 10,
            Self::Audio(_) => 11,
            Self::AudioLevel(_) => 12,
            Self::ToolCall(_) => 13,
            Self::ToolCancelled(_) => 14,
            Self::ToolTimeout(_) => 15,
            Self::CredentialNeeded(_) => 16,
            Self::Completed(_) => 17,
            Self::SessionConfigured(_) => 18,
            Self::CapabilityChanged(_) => 19,
            Self::SessionReplaced(_) => 20,
            Self::TransportChanged(_) => 21,
            Self::Usage(_) => 22,
            Self::Latency(_) => 23,
            Self::Device(_) => 24,
            Self::Warning(_) => 25,
            Self::Error(_) => 26,
            Self::Raw(_) => 27,
            Self::Lagged(_) => 28,
        }
    }

    /// The JSON tag.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }
}

impl Serialize for Pcm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::audio::pcm::serialize_base64(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Pcm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::audio::pcm::deserialize_base64(deserializer).map(|pcm| Self(Arc::new(pcm)))
    }
}
