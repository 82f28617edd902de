//! What the service and the machine report: configuration, figures, devices, raw traffic.

use super::Direction;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A field the vendor set otherwise than wished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Path in the vendor's session, dotted.
    pub path: String,
    /// What was asked for.
    pub wished: serde_json::Value,
    /// What is in force.
    pub effective: serde_json::Value,
}

/// The session in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionConfigured {
    /// The vendor's session object as it came.
    pub effective: Arc<serde_json::Value>,
    /// Where it differs from the wish.
    pub differences: Vec<Difference>,
}

/// The conversation moved to another vendor session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReplaced {
    /// `reconnect`: the connection was lost; `rollover`: the session was about to end; `connect`: the host
    /// connected with a conversation there was already; `reconfigure`.
    pub why: String,
    /// What the model knows of the conversation so far: `full`, `partial` or `none`. Heard words of the
    /// assistant stand for its speech, and known words of the user for theirs.
    pub context: String,
    /// Microphone audio that reached nobody, milliseconds.
    pub gap_ms: u64,
}

/// The conversation moved to another transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportChanged {
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// Why.
    pub why: String,
}

/// What a usage figure covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum UsageScope {
    /// One response.
    Response,
    /// The session so far.
    Session,
}

/// Tokens by modality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Tokens {
    /// All.
    pub total: u64,
    /// Text.
    pub text: u64,
    /// Audio.
    pub audio: u64,
    /// Pictures.
    pub image: u64,
    /// Of these, read from the vendor's cache.
    pub cached: u64,
}

/// Tokens used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// What it covers.
    pub scope: UsageScope,
    /// True when later figures include this one.
    pub cumulative: bool,
    /// Read by the model.
    pub input: Tokens,
    /// Written by the model.
    pub output: Tokens,
    /// In US dollars, where priced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Time the vendor bills, milliseconds, where it bills by time. Since the last figure, unless `cumulative`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed_ms: Option<u64>,
}

/// One turn, from the last voiced sample to the first played one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Last voiced sample until the vendor said the turn ended.
    pub endpointing_ms: u64,
    /// From there (or from sending text) to the first audio or text received.
    pub service_ms: u64,
    /// From there to the first sample played.
    pub buffer_ms: u64,
    /// Their sum.
    pub total_ms: u64,
}

/// A device event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceChange {
    /// `added`, `removed`, `changed`, `lost`, `denied` or `silent`.
    pub change: String,
    /// Which device.
    pub device: String,
    /// The microphone is closed while the agent is audible.
    pub half_duplex: bool,
}

/// A vendor event as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// `input`: sent to the vendor; `output`: received.
    pub direction: Direction,
    /// The JSON text.
    pub json: Arc<str>,
}

/// Events dropped because the host was slow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lagged {
    /// Level events.
    pub levels: u64,
    /// Raw events.
    pub raw: u64,
    /// Usage and latency events replaced by newer ones.
    pub figures: u64,
    /// Transcript and message deltas merged into one.
    pub merged: u64,
    /// Audio events.
    pub audio: u64,
}
