//! The configuration document: one strict JSON shape for every language, immutable once built.
//!
//! Unknown keys are errors that name the JSON path. There is no secret in it: credentials are given
//! separately ([`crate::Credential`]). Every field works or is refused by [`Config::validate`];
//! none is accepted and ignored.
//!
//! ```
//! let config = duologue::Config::from_json(r#"{ "instructions": "Be brief.", "voice": "marin" }"#)?;
//! assert_eq!(config.provider, "openai");
//! let wrong = duologue::Config::from_json(r#"{ "audio": { "input": { "rat": 16000 } } }"#).unwrap_err();
//! assert_eq!(wrong.field.as_deref(), Some("audio.input.rat"));
//! # Ok::<(), duologue::Error>(())
//! ```

mod set;
#[cfg(test)]
mod tests;
mod validate;

use crate::error::{Error, ErrorClass, Result, redact};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a session shall be. See the module for the rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who answers: `openai`.
    pub provider: String,
    /// The vendor's model name. Default: the provider's.
    pub model: Option<String>,
    /// Base URL of the service, `https` or (loopback only) `http`; `wss`/`ws` work too. A path
    /// prefix and a query are kept; `/realtime` is added when it is not there. Default: the provider's.
    pub base_url: Option<String>,
    /// How the credential travels in the WebSocket handshake.
    pub auth: crate::provider::AuthStyle,
    /// The system prompt. Absent: the vendor's own.
    pub instructions: Option<String>,
    /// The vendor's voice name. Default: the provider's.
    pub voice: Option<String>,
    /// Speed of speech, 0.25 to 1.5.
    pub speed: Option<f64>,
    /// Spoken or written answers.
    pub output_modality: Modality,
    /// Upper bound of generated tokens a response, 1 to 4096. Absent: no bound.
    pub max_output_tokens: Option<u32>,
    /// Voice activity detection by the vendor.
    pub turn_detection: TurnDetection,
    /// Transcription of the user's speech. `null` switches it off.
    pub transcription: Option<Transcription>,
    /// The vendor's noise suppression.
    pub noise_reduction: Option<NoiseReduction>,
    /// Functions the model may call.
    pub tools: Vec<Tool>,
    /// Whether it may, must or must not.
    pub tool_choice: ToolChoice,
    /// Audio in and out.
    pub audio: Audio,
    /// Start capturing as soon as connected. Off: nothing is captured until `set_capture(true)`.
    pub auto_capture: bool,
    /// Vendor events handed through as `raw` events.
    pub raw_events: RawEvents,
    /// How a host without Rust's event streams gets events.
    pub delivery: Delivery,
    /// Transport security.
    pub tls: Tls,
    /// Free labels of the host, kept with the client.
    pub labels: BTreeMap<String, String>,
    /// Fields merged into the vendor's session object untouched, for what duologue does not know yet.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            provider: "openai".into(),
            model: None,
            base_url: None,
            auth: Default::default(),
            instructions: None,
            voice: None,
            speed: None,
            output_modality: Modality::Audio,
            max_output_tokens: None,
            turn_detection: TurnDetection::default(),
            transcription: Some(Transcription::default()),
            noise_reduction: None,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            audio: Audio::default(),
            auto_capture: true,
            raw_events: RawEvents::None,
            delivery: Delivery::Callbacks,
            tls: Tls::default(),
            labels: BTreeMap::new(),
            extra: serde_json::Map::new(),
        }
    }
}

/// Spoken or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Speech with its transcript.
    #[default]
    Audio,
    /// Text only.
    Text,
}

/// Voice activity detection by the vendor (`server_vad`). Absent fields keep the vendor's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TurnDetection {
    /// 0 to 1; higher needs louder speech.
    pub threshold: Option<f64>,
    /// Audio kept from before speech was noticed, milliseconds.
    pub prefix_padding_ms: Option<u32>,
    /// Silence that ends a turn, milliseconds.
    pub silence_duration_ms: Option<u32>,
    /// The vendor answers by itself at the end of a turn.
    pub create_response: bool,
    /// The user's speech cuts the assistant off.
    pub interrupt_response: bool,
}

impl Default for TurnDetection {
    fn default() -> Self {
        Self {
            threshold: None,
            prefix_padding_ms: None,
            silence_duration_ms: None,
            create_response: true,
            interrupt_response: true,
        }
    }
}

/// Transcription of the user's speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Transcription {
    /// The vendor's transcription model.
    pub model: String,
    /// ISO-639-1 code of the language, when known.
    pub language: Option<String>,
    /// Hints for the transcriber.
    pub prompt: Option<String>,
}

impl Default for Transcription {
    fn default() -> Self {
        // The newest general one; `gpt-4o-mini-transcribe`, which SDKs still send, ends in 2027.
        Self { model: "gpt-transcribe".into(), language: None, prompt: None }
    }
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

/// A function the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// When and how to use it.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the arguments (an object schema). Absent: no arguments.
    #[serde(default)]
    pub parameters: Option<serde_json::Value>,
}

/// Whether tools may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// Never.
    None,
    /// Always some tool.
    Required,
    /// This one.
    Function(String),
}

/// Audio in and out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Audio {
    /// From the microphone.
    pub input: AudioSide,
    /// To the speaker.
    pub output: OutputSide,
    /// Measure loudness and tell it in `audio_level` events.
    pub level_events: bool,
}

impl Default for Audio {
    fn default() -> Self {
        Self { input: AudioSide::default(), output: OutputSide::default(), level_events: true }
    }
}

/// The microphone's direction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AudioSide {
    /// Who has the audio.
    pub source: AudioSource,
    /// Host audio only: frames a second of what is pushed, 8000 to 192000. Default: what the provider
    /// takes, so that nothing is resampled.
    pub rate: Option<u32>,
}

/// The speaker's direction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct OutputSide {
    /// Who has the audio.
    pub source: AudioSource,
    /// Host audio only: frames a second of what is delivered or pulled, 8000 to 192000. Default: what
    /// the provider speaks, so that nothing is resampled.
    pub rate: Option<u32>,
    /// Host audio only: how the host gets it.
    pub delivery: AudioDelivery,
    /// Host audio only: who says what was heard.
    pub positions: Positions,
}

/// How a host gets the assistant's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AudioDelivery {
    /// As it comes, faster than it plays: `audio` events, or the audio sink.
    #[default]
    Events,
    /// It waits in the engine until the host takes it with `pull_audio`, at the pace it plays.
    Pull,
}

/// Who says what was heard of audio the host plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// The engine: `audio` events count in real time from the delivery, pulled audio counts when it
    /// was pulled.
    #[default]
    Estimated,
    /// The host, with `report_playback`. What it does not report was not heard.
    Reported,
}

/// Who has the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AudioSource {
    /// The host: `push_audio`; `audio` events, the audio sink or `pull_audio`.
    #[default]
    Host,
    /// The audio backend given to the client.
    Device,
    /// Nobody.
    None,
}

/// Which vendor events become `raw` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawEvents {
    /// None.
    #[default]
    None,
    /// Those duologue does not understand.
    Unknown,
    /// All but audio, both directions.
    All,
}

/// How a host gets events. The streams of the Rust API work in both modes; functions of the other mode
/// are refused with `invalid_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Listeners are called on threads of the engine.
    #[default]
    Callbacks,
    /// The host fetches them from a queue, on a thread of its own. The queue is there from the start:
    /// a host that never fetches ends its session with `host_too_slow`.
    Queue,
}

/// Transport security. There is no way to switch verification off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificates (PEM text) trusted beside the platform's.
    pub extra_roots: Vec<String>,
}

impl Config {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// Class `config`; `field` is the JSON path, `fix` what to write instead.
    pub fn from_json(json: &str) -> Result<Self> {
        let config = Self::read(json)?;
        config.validate()?;
        Ok(config)
    }

    /// Types and names are checked, combinations are not.
    fn read(json: &str) -> Result<Self> {
        check_objects(json)?;
        let mut reader = serde_json::Deserializer::from_str(json);
        let config: Self = serde_path_to_error::deserialize(&mut reader).map_err(|e| path_error(&e))?;
        reader.end().map_err(|e| invalid("", format!("text after the document: {e}")))?;
        Ok(config)
    }

    /// The JSON Schema of the document.
    #[cfg(feature = "schema")]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Error {
    let field = field.into();
    let error = Error::new(ErrorClass::Config, "invalid_config", message);
    if field.is_empty() { error } else { error.field(field) }
}

/// What is no JSON is told first. A list in the place of an object would be taken as its fields in order,
/// which nobody means.
fn check_objects(json: &str) -> Result<()> {
    let document: serde_json::Value = serde_json::from_str(json)
        .map_err(|e| Error::new(ErrorClass::Config, "invalid_json", format!("the configuration is not JSON: {e}")))?;
    let objects = ["", "turn_detection", "transcription", "audio", "audio.input", "audio.output", "tls"];
    let tools = document["tools"].as_array().map_or(0, Vec::len);
    for path in objects.into_iter().map(str::to_owned).chain((0..tools).map(|i| format!("tools.{i}"))) {
        let pointer = if path.is_empty() { String::new() } else { format!("/{}", path.replace('.', "/")) };
        let wrong = document.pointer(&pointer).is_some_and(|v| v.is_array() || path.is_empty() && !v.is_object());
        if wrong {
            let path = path.strip_prefix("tools.").map_or(path.clone(), |i| format!("tools[{i}]"));
            return Err(invalid(path, "is no JSON object").fix("write {...}"));
        }
    }
    Ok(())
}

/// Turns serde's complaint into a path, a cause and a fix.
fn path_error(e: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = e.path().to_string();
    let text = e.inner().to_string();
    let path = if path == "." { String::new() } else { path };
    if let Some(name) = text.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next()) {
        // Whether the path ends in the key already depends on what was being read.
        let field = match path.rsplit('.').next() {
            Some(last) if last == name => path,
            _ if path.is_empty() => name.to_owned(),
            _ => format!("{path}.{name}"),
        };
        return invalid(field, "is there twice").fix("keep one of them");
    }
    let Some(rest) = text.strip_prefix("unknown field `") else {
        // A key in the wrong field must not be told.
        let cause = redact(text.split(" at line").next().unwrap_or(&text));
        return invalid(path, cause).fix("the JSON Schema of the configuration says what is possible");
    };
    let (name, expected) = rest.split_once("`, expected ").unwrap_or((rest, ""));
    // The path already ends in the unknown key.
    let field = if path.ends_with(name) || path.is_empty() && !name.is_empty() {
        if path.is_empty() { name.to_owned() } else { path }
    } else {
        format!("{path}.{name}")
    };
    let expected = expected.split(" at line").next().unwrap_or_default().replace('`', "");
    invalid(field, "unknown key").fix(format!("remove it or use {expected}"))
}
