//! When a turn ends and who may cut whom off; how the user's speech is heard and written down.

use serde::{Deserialize, Serialize};

/// When the user's turn begins and ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TurnDetection {
    /// Who decides.
    pub mode: VadMode,
    /// `server` only: 0 to 1; higher needs louder speech. Absent: the vendor's default.
    pub threshold: Option<f64>,
    /// `server`: audio kept from before speech was noticed, milliseconds. `manual`: audio kept from before
    /// `start_listening`, 0 to 2000, default 300, so that the first syllable is not lost.
    pub prefix_padding_ms: Option<u32>,
    /// `server` only: silence that ends a turn, milliseconds. Absent: the vendor's default.
    pub silence_duration_ms: Option<u32>,
    /// `server` only: the vendor speaks up when nobody said anything for so long, 5000 to 30000
    /// milliseconds. Absent: never.
    pub idle_timeout_ms: Option<u32>,
    /// `semantic` only: how soon a pause counts as the end. Absent: the vendor's default.
    pub eagerness: Option<Eagerness>,
    /// `manual` only: what is said between `start_listening` and `stop_listening` must be as long, 100 to
    /// 10000 milliseconds, or it is thrown away. Absent: the vendor's least, 100.
    pub minimum_ms: Option<u32>,
    /// The end of a turn is answered. Off: the host asks with `request_response`.
    pub create_response: bool,
    /// The user's speech (`manual`: `start_listening`) cuts the assistant off. Off: only the host does.
    pub interrupt_response: bool,
}

impl Default for TurnDetection {
    fn default() -> Self {
        Self {
            mode: VadMode::Server,
            threshold: None,
            prefix_padding_ms: None,
            silence_duration_ms: None,
            idle_timeout_ms: None,
            eagerness: None,
            minimum_ms: None,
            create_response: true,
            interrupt_response: true,
        }
    }
}

/// Who decides when the user's turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VadMode {
    /// The vendor, by loudness and silence.
    #[default]
    Server,
    /// The vendor, by what was said.
    Semantic,
    /// The host: `start_listening` and `stop_listening` (push to talk).
    Manual,
}

/// How soon a pause counts as the end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Eagerness {
    /// The vendor's middle.
    #[default]
    Auto,
    /// Waits for long.
    Low,
    /// In between.
    Medium,
    /// Answers soon.
    High,
}

/// Transcription of the user's speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Transcription {
    /// The vendor's transcription model. The default stands for `grok-transcribe` at xAI.
    pub model: String,
    /// ISO-639-1 code of the language, when known.
    pub language: Option<String>,
    /// Languages that may be spoken, as ISO-639-1 codes; instead of `language`.
    pub languages: Vec<String>,
    /// Words to expect: names, terms.
    pub keywords: Vec<String>,
    /// Hints for the transcriber.
    pub prompt: Option<String>,
    /// How long the transcriber may wait for context.
    pub delay: Option<TranscriptionDelay>,
}

impl Default for Transcription {
    fn default() -> Self {
        // The newest general one; `gpt-4o-mini-transcribe`, which SDKs still send, ends in 2027.
        let model = "gpt-transcribe".into();
        Self { model, language: None, languages: Vec::new(), keywords: Vec::new(), prompt: None, delay: None }
    }
}

/// How long a transcriber may wait for context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TranscriptionDelay {
    /// Least.
    Minimal,
    /// Little.
    Low,
    /// In between.
    Medium,
    /// Long.
    High,
    /// Longest.
    Xhigh,
}

/// The vendor's noise suppression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoiseReduction {
    /// A microphone close to the mouth.
    NearField,
    /// A microphone across the room.
    FarField,
}

/// How much the model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEffort {
    /// Least.
    Minimal,
    /// Little.
    Low,
    /// In between.
    Medium,
    /// Much.
    High,
    /// Most.
    Xhigh,
}
