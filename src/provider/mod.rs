//! Vendor protocols, each a pure codec: commands in, frames out; frames in, events out.
//!
//! A codec knows its vendor's words and nothing else: no socket, no clock, no session state beyond
//! what reassembling a stream needs. A new vendor is a folder here, a line in [`codec_for`], a
//! simulator dialect and a page of documentation.

pub(crate) mod address;
mod catalogue;
pub mod elevenlabs;
pub mod gemini;
pub(crate) mod minting;
pub mod openai;
mod settle;
mod vocabulary;
mod wire;

#[cfg(feature = "serve")]
pub(crate) use catalogue::defaults;
pub use catalogue::{catalogue, key_variables, needs_key};
pub use settle::settle;
pub use vocabulary::*;

use crate::{capabilities::Capabilities, config::Config, credential::CredentialKind, error::Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// How the credential travels in the WebSocket handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuthStyle {
    /// `Authorization: Bearer …`.
    #[default]
    Header,
    /// As a subprotocol, for places where headers cannot be set.
    Subprotocol,
}

/// What the transport has to dial. Holds no secret: the driver adds the credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialRequest {
    /// `wss://…`, or `ws://` to loopback.
    pub url: String,
    /// Over which transport. What a dialer does not know it leaves to the one it has.
    #[serde(default)]
    pub transport: crate::config::TransportChoice,
    /// How the credential travels.
    pub auth: AuthStyle,
    /// Header in which an API key travels in place of `Authorization`; other credentials are bearers.
    #[serde(default)]
    pub key_header: Option<String>,
    /// Subprotocols to offer; the credential's own are added to them.
    pub subprotocols: Vec<String>,
    /// Prefix of the credential's subprotocol.
    pub credential_subprotocol: String,
    /// Where a key is exchanged for a signed URL, which is dialled in place of `url`; `https://…`.
    #[serde(default)]
    pub signed_at: Option<String>,
    /// What stands before a short-lived secret in `Authorization`, in place of `Bearer`.
    #[serde(default)]
    pub token_scheme: Option<String>,
}

/// The query of a URL may be secret: an endpoint that came with a credential brings its own.
impl fmt::Debug for DialRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialRequest")
            .field("url", &crate::credential::shown(&self.url))
            .field("transport", &self.transport)
            .field("auth", &self.auth)
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}

/// One frame of a message-based transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame<'a> {
    /// UTF-8 text.
    Text(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
}

impl Frame<'_> {
    /// Its text, in whichever kind of frame it came.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(bytes) => std::str::from_utf8(bytes).ok(),
        }
    }
}

/// Why a frame gave no event. Never ends a session by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or not an object with a type.
    #[error("malformed JSON: {0}")]
    Json(String),
    /// JSON whose fields do not fit the event.
    #[error("{event}: {reason}")]
    Shape {
        /// Event name.
        event: String,
        /// What does not fit.
        reason: String,
    },
    /// Audio that is not base64, or too long.
    #[error("audio: {0}")]
    Audio(String),
    /// A frame kind the vendor does not use.
    #[error("unexpected binary frame")]
    Binary,
}

/// A vendor's protocol. Implementable outside this crate.
pub trait Codec: Send {
    /// What the provider and model can do.
    fn capabilities(&self) -> &Capabilities;

    /// What to dial.
    fn dial(&self) -> &DialRequest;

    /// The session object asked for, for comparing with what the vendor confirms. Built when asked:
    /// as a tree it takes more memory than everything else of a silent connection.
    fn wish(&self) -> Value;

    /// What has to be sent so that a session which is as `old` says is as `new` says, and nothing that is in
    /// force already.
    ///
    /// # Errors
    /// Class `unsupported` for what this vendor cannot change in a running session.
    fn update(&self, old: &Config, new: &Config) -> Result<Value>;

    /// The session shall be as `config` says: from here on [`Self::wish`] and a new connection are of it.
    ///
    /// # Errors
    /// As making a codec of it.
    fn configure(&mut self, config: &Config) -> Result<()>;

    /// A change that [`Self::update`] returned takes a new connection: nothing of it is sent on the present one.
    fn renews(&self, _patch: &Value) -> bool {
        false
    }

    /// What a conversation that the vendor kept since it was set up as `old` has to be told so that it is as `new`:
    /// what the vendor does not take from a new [`ProviderCommand::Configure`]. Null: nothing.
    fn catches_up(&self, _old: &Config, _new: &Config) -> Value {
        Value::Null
    }

    /// Names the codec makes carry this, so that those of two sessions never meet in one conversation.
    fn seed(&mut self, _seed: u32) {}

    /// What the next [`ProviderCommand::Configure`] begins with.
    fn begins(&mut self, _with: Beginning<'_>) {}

    /// One frame for `command`, or none where the vendor does it by itself. `event_id` comes back in the error it may
    /// cause.
    ///
    /// # Errors
    /// Class `unsupported` when the vendor has no such command, `argument` when `Raw` is no JSON.
    fn encode(&mut self, command: &ProviderCommand, event_id: &str) -> Result<Option<String>>;

    /// What has to be sent before the next frame of microphone audio, if anything has.
    fn before_audio(&mut self) -> Option<String> {
        None
    }

    /// One frame of microphone audio: mono at the vendor's input rate.
    fn encode_audio(&mut self, pcm: &[i16]) -> String;

    /// Appends the events in `frame` to `events`.
    ///
    /// # Errors
    /// When the frame cannot be understood; `events` is then unchanged.
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError>;

    /// Appends what a command led to where the vendor does not say so: asked after every command that was sent.
    fn echo(&mut self, _events: &mut Vec<ProviderEvent>) {}

    /// The vendor speaks or is about to, or something waits until it has spoken.
    fn is_busy(&self) -> bool {
        false
    }

    /// Where pictures are put before the conversation can name them ([`crate::request::Picture::Uploaded`]). Absent:
    /// they go into the conversation themselves.
    fn upload(&self) -> Option<String> {
        None
    }

    /// What the vendor is owed at once for what it sent, such as the answer to its ping.
    fn answers(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Nothing came of a response for [`Quirks::quiet_ms`]: appends what follows from that, if anything does.
    fn gone_quiet(&mut self, _events: &mut Vec<ProviderEvent>) {}

    /// The field of the configuration that the words of a refusal are about, and what to do.
    fn refused_field(&self, _reason: &str) -> Option<(&'static str, &'static str)> {
        None
    }

    /// How to take a vendor error.
    fn classify(&self, error: &ProviderError) -> ErrorKind;

    /// Ways of the vendor a session has to know of.
    fn quirks(&self) -> Quirks {
        Quirks::default()
    }

    /// A new connection: forget half-received things.
    fn reset(&mut self);

    /// The same protocol with the same configuration, for another connection beside this one.
    fn another(&self) -> Box<dyn Codec>;
}

/// The codec of `config.provider`.
///
/// # Errors
/// Class `config` or `unsupported`, naming the field.
pub fn codec_for(config: &Config) -> Result<Box<dyn Codec>> {
    config.validate()?;
    checked_codec(config)
}

/// The codec of a configuration that was validated: compiling the schemas of many tools takes its time.
pub(crate) fn checked_codec(config: &Config) -> Result<Box<dyn Codec>> {
    Ok(match config.provider.as_str() {
        "gemini" => Box::new(gemini::Gemini::new(config)?),
        "elevenlabs" => Box::new(elevenlabs::ElevenLabs::new(config)?),
        _ => Box::new(openai::OpenAi::new(config)?),
    })
}

/// What to dial with a credential of this kind that is good at `endpoint` (a base URL) and for `model`.
///
/// # Errors
/// `credential_kind` (class `unsupported`), `model_mismatch` or `bad_endpoint` (class `credential`). None of
/// them repeats the endpoint.
pub fn dial_with(
    config: &Config,
    kind: CredentialKind,
    endpoint: Option<&str>,
    model: Option<&str>,
) -> Result<DialRequest> {
    match config.provider.as_str() {
        "gemini" => gemini::dial_with(config, kind, endpoint, model),
        "elevenlabs" => elevenlabs::dial_with(config, kind, endpoint, model),
        _ => openai::credential::dial_with(config, kind, endpoint, model),
    }
}
