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

mod audio;
mod credentials;
mod overrides;
mod ranges;
mod read;
mod recovery;
mod set;
pub(crate) mod strict;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
pub(crate) mod tool_schema;
mod tools;
mod transport;
mod turns;
mod validate;
pub(crate) mod validate_tools;
mod validate_turns;

pub use audio::*;
pub use credentials::*;
pub use recovery::*;
pub use tools::*;
pub use transport::*;
pub use turns::*;

use crate::error::{Error, ErrorClass, Result, redact};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names of [`Config::provider`].
pub const PROVIDERS: [&str; 6] = ["openai", "gemini", "xai", "azure", "elevenlabs", "compatible"];

/// What a session shall be. See the module for the rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who answers: `openai`, `gemini`, `xai`, `azure`, `elevenlabs`, or `compatible` for any other server of OpenAI's
    /// dialect.
    pub provider: String,
    /// The vendor's model name, at Azure that of the deployment, at ElevenLabs the agent's id. Default: the provider's, where it has one.
    pub model: Option<String>,
    /// Base URL of the service, `https` or (loopback only) `http`; `wss`/`ws` work too. A path
    /// prefix and a query are kept; the provider's own path is added when it is not there. Default: the provider's;
    /// `azure` and `compatible` have none.
    pub base_url: Option<String>,
    /// How the service is reached.
    pub transport: TransportChoice,
    /// Where calls are offered, if not at the service itself. Only with `transport` `webrtc`.
    pub sdp_proxy: Option<SdpProxy>,
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
    /// Upper bound of generated tokens a response, 1 to 4096. Absent or `"inf"`: no bound.
    #[serde(deserialize_with = "tokens_or_inf")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<TokensOrInf>"))]
    pub max_output_tokens: Option<u32>,
    /// Randomness of the answers, 0 to 2, where the model has it.
    pub temperature: Option<f64>,
    /// How much the model thinks before it answers, where the model thinks.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// When the user's turn begins and ends.
    pub turn_detection: TurnDetection,
    /// Said as soon as the session is up, word for word as far as the model obeys.
    pub greeting: Option<String>,
    /// Transcription of the user's speech. `null` switches it off.
    pub transcription: Option<Transcription>,
    /// The vendor's noise suppression.
    pub noise_reduction: Option<NoiseReduction>,
    /// Functions the model may call.
    pub tools: Vec<Tool>,
    /// Whether it may, must or must not.
    pub tool_choice: ToolChoice,
    /// The model may call several functions at once, where the model lets one choose. Absent: the vendor's default.
    pub parallel_tool_calls: Option<bool>,
    /// How calls are handled.
    pub tool_handling: ToolHandling,
    /// Where the credential comes from.
    pub credentials: CredentialPolicy,
    /// What happens when the connection is lost.
    pub recovery: Recovery,
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
    /// What the provider or model cannot do is an error. Off: it is left out, and each `connect` warns of it.
    pub strict: bool,
    /// Free labels of the host (participant, session, tenant), in every event and log line of the client: at
    /// most 32 with at most 256 bytes each.
    pub labels: BTreeMap<String, String>,
    /// Fields merged into the vendor's session object untouched, for what duologue does not know yet. `tools` that
    /// are no functions (`web_search`, `mcp`, ...) are added to the functions of `tools`.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            provider: "openai".into(),
            model: None,
            base_url: None,
            transport: TransportChoice::default(),
            sdp_proxy: None,
            auth: Default::default(),
            instructions: None,
            voice: None,
            speed: None,
            output_modality: Modality::Audio,
            max_output_tokens: None,
            temperature: None,
            reasoning_effort: None,
            turn_detection: TurnDetection::default(),
            greeting: None,
            transcription: Some(Transcription::default()),
            noise_reduction: None,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: None,
            tool_handling: ToolHandling::default(),
            credentials: CredentialPolicy::default(),
            recovery: Recovery::default(),
            audio: Audio::default(),
            auto_capture: true,
            raw_events: RawEvents::None,
            delivery: Delivery::Callbacks,
            tls: Tls::default(),
            strict: true,
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

/// A number of tokens, or no bound.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum TokensOrInf {
    Tokens(#[schemars(range(min = 1, max = 4096))] u32),
    Inf(Inf),
}

#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
enum Inf {
    Inf,
}

/// Reads a number of tokens or `"inf"`, which is no bound.
fn tokens_or_inf<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<u32>, D::Error> {
    struct Tokens;
    impl serde::de::Visitor<'_> for Tokens {
        type Value = Option<u32>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("1 to 4096, \"inf\" or null")
        }
        fn visit_u64<E: serde::de::Error>(self, v: u64) -> std::result::Result<Self::Value, E> {
            u32::try_from(v).map(Some).map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(v), &self))
        }
        fn visit_str<E: serde::de::Error>(self, v: &str) -> std::result::Result<Self::Value, E> {
            if v == "inf" { Ok(None) } else { Err(E::invalid_value(serde::de::Unexpected::Str(v), &self)) }
        }
        fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Tokens)
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
        read::read(json)
    }

    /// The JSON Schema of the document.
    #[cfg(feature = "schema")]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Error {
    // A key in the wrong field must not be told.
    let (field, message) = (redact(&field.into()), redact(&message.into()));
    let error = Error::new(ErrorClass::Config, "invalid_config", message);
    if field.is_empty() { error } else { error.field(field) }
}
