//! The track of a simulated caller in a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing a simulated caller does. Steps happen in order.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum CallerStep {
    /// Speak a clip.
    Say(CallerSay),
    /// Do nothing for a while.
    Wait(CallerWait),
    /// End the call.
    HangUp(CallerHangUp),
}

/// Speak a clip into the microphone, in real time.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerSay {
    /// Name of the clip.
    pub say: String,
    /// When to start; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Trigger>,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerWait {
    /// Its length in milliseconds.
    pub wait_ms: u64,
}

/// The end of the call.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerHangUp {
    /// When to hang up.
    pub hang_up: Idle,
}

/// A stretch in which nobody speaks and nothing is pending.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// Its length in milliseconds.
    pub after_idle_ms: u64,
}

/// An event to wait for, counted from the moment the previous step began.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The event.
    pub event: TriggerEvent,
    /// Milliseconds to wait after it.
    #[serde(default)]
    pub after_ms: u64,
}

/// What a caller can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerEvent {
    /// The session is up.
    Connected,
    /// The first sound of an answer was played.
    AnswerAudible,
    /// The last sound of an answer was played. An answer that was interrupted does not finish.
    AnswerFinished,
}
