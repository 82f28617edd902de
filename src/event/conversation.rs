//! Speech, playback, words, messages and tool calls.

use super::{OpId, Pcm};
use crate::{
    error::Error,
    message::{CallRef, ItemId, Message, PartIndex, Role},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum SpeechSource {
    /// The vendor's voice activity detection.
    Server,
    /// Ours.
    Local,
}

/// A start or stop of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speech {
    /// Always the user today.
    pub who: Role,
    /// Who heard it.
    pub source: SpeechSource,
    /// Position in the audio sent in this session, milliseconds.
    pub audio_ms: u64,
}

/// First sample of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybackStarted {
    /// Content index.
    pub part: PartIndex,
}

/// Last sample of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybackFinished {
    /// Content index.
    pub part: PartIndex,
    /// Milliseconds really played.
    pub heard_ms: u64,
    /// All that was received was played.
    pub complete: bool,
    /// True when the engine counted: audio the host plays and does not report (`positions`). False
    /// when a device or the host's reports say so.
    #[serde(default)]
    pub estimated: bool,
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEnd {
    /// How generation ended, whatever was heard of it: `completed`, `cancelled`, `failed`,
    /// `incomplete`, or what a vendor adds.
    pub status: String,
    /// The vendor's reason, for example `turn_detected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What cut the assistant off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum InterruptSource {
    /// The person spoke.
    User,
    /// The host called `interrupt` or sent text that interrupts.
    Call,
    /// The vendor did.
    Server,
}

/// The assistant was cut off; the item is in the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// Milliseconds of the item really played.
    pub heard_ms: u64,
    /// What did it.
    pub source: InterruptSource,
    /// True when the vendor cuts its own copy, false when we told it where.
    pub server_truncated: bool,
    /// Where `heard_ms` is from, as in [`PlaybackFinished`].
    #[serde(default)]
    pub estimated: bool,
}

/// Kind of change to the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum MessageOp {
    /// New.
    Added,
    /// Changed.
    Updated,
    /// Gone.
    Removed,
}

/// A change to the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageChange {
    /// Kind.
    pub op: MessageOp,
    /// Message before this one; absent: first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ItemId>,
    /// The message. For `updated`, `parts` holds only what `changed` lists.
    pub message: Arc<Message>,
    /// Indices of changed parts; `message.parts[i]` is part `changed[i]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<PartIndex>,
}

/// How a transcript text is to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum TranscriptMode {
    /// Append.
    Delta,
    /// Replaces what is pending.
    Replace,
    /// The whole text, done.
    Final,
    /// Replaces a final text.
    Correction,
}

/// What a transcript is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum TranscriptStage {
    /// What the user was understood to say.
    Recognized,
    /// What the model generated.
    Generated,
    /// What was played of it.
    Heard,
}

/// Words of the item in the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// Who.
    pub role: Role,
    /// Content index: the part of the message the words belong to.
    #[serde(default)]
    pub part: PartIndex,
    /// How to apply `text`.
    pub mode: TranscriptMode,
    /// The words.
    pub text: String,
    /// What they are.
    pub stage: TranscriptStage,
    /// True when duologue computed them from positions.
    pub estimated: bool,
    /// Stage `heard`: how many words too many or too few these may be, in 95 of 100 cases. `None` when
    /// nothing had to be estimated from the text.
    #[serde(default)]
    pub error_words: Option<u32>,
}

/// Assistant audio for a host that plays it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioOut {
    /// Content index.
    pub part: PartIndex,
    /// Frames a second.
    pub rate: u32,
    /// Mono samples.
    pub pcm: Pcm,
}

/// Which way audio flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the microphone / to the vendor.
    Input,
    /// To the speaker / from the vendor.
    Output,
}

/// Loudness on the scale −60..0 dBFS, as 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AudioLevel {
    /// Which way.
    pub direction: Direction,
    /// Of the signal's power.
    pub rms: f32,
    /// Of its largest sample.
    pub peak: f32,
}

/// A call of a host function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Answer with this.
    pub call: CallRef,
    /// Function name.
    pub name: String,
    /// JSON text as the model wrote it.
    pub arguments: String,
}

/// A call that ended without the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolEnd {
    /// The call.
    pub call: CallRef,
    /// Function name.
    pub name: String,
}

/// A request for a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialNeeded {
    /// Answer with this.
    pub request_id: u64,
    /// `connect`: for a dial; `reconnect`: for the dial after a lost connection; `rollover`: for the next session,
    /// opened before this one ends; `rejected`: the service refused the last one; `refresh`: it expires soon.
    pub reason: String,
    /// Until when, on the clock of `time_ms`.
    pub deadline_ms: u64,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// The command.
    pub op: OpId,
    /// Absent: it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Of `ping`: there and back, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
}
