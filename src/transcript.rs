//! A conversation as a neutral document: what was said, heard and called, in no vendor's words. It can be kept,
//! shown, and given to another client of any provider, which goes on from there.
//!
//! ```
//! use duologue::transcript::Transcript;
//! let told = r#"{"version": 1, "messages": [
//!     {"role": "user", "parts": [{"type": "text", "content": "My name is Ada."}]},
//!     {"role": "assistant", "parts": [{"type": "audio", "transcript": "Hello Ada."}]}]}"#;
//! assert_eq!(Transcript::from_json(told)?.messages.len(), 2);
//! let wrong = Transcript::from_json(r#"{"version": 1, "messages": [{"role": "bot"}]}"#).unwrap_err();
//! assert_eq!(wrong.field.as_deref(), Some("messages[0].role"));
//! # Ok::<(), duologue::Error>(())
//! ```

mod check;
mod convert;
mod read;

use crate::{
    error::Result,
    message::{MessageState, Role, ToolCallState},
};
use serde::Serialize;
use serde_json::Value;

/// Version of the document that this build writes and reads.
pub const VERSION: u32 = 1;

/// A conversation. What is out of bounds is refused, never cut: 2000 messages, 8 MiB of text (that of calls counts
/// twice) and 8 MiB of pictures (in base64), all with what the client has already.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Transcript {
    /// Version of this document: 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    pub version: u32,
    /// The messages in order, at most 2000.
    #[cfg_attr(feature = "schema", schemars(length(max = 2000)))]
    pub messages: Vec<Entry>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Entry {
    /// Its name. One that is missing, there twice, longer than 32 characters or of anything but letters, digits, `_`
    /// and `-` gets a new one when it is imported; so may one that the client could use itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who said it.
    pub role: Role,
    /// Content in order, at most 256. A call stands alone in its message, and a message has at most one picture.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub parts: Vec<Content>,
    /// How far it is; `completed` when it is left out. What is `in_progress` is settled when it is imported.
    #[cfg_attr(feature = "schema", schemars(with = "Option<MessageState>"))]
    pub state: MessageState,
    /// The assistant was cut off while this was audible or pending; false when it is left out.
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    pub interrupted: bool,
    /// Start of speech or time of sending, milliseconds on the clock of the client that held the conversation; 0
    /// when it is left out.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub created_ms: u64,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Typed or written text.
    Text {
        /// The text.
        content: String,
    },
    /// Speech.
    Audio {
        /// What was said (user) or generated (assistant). Empty: nobody knows.
        transcript: String,
        /// Assistant only: the words that were really played. Absent: all of them.
        #[serde(skip_serializing_if = "Option::is_none")]
        heard_transcript: Option<String>,
        /// Milliseconds received (assistant) or spoken (user); 0 when it is left out.
        #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
        duration_ms: u64,
        /// Assistant only: milliseconds really played, at most `duration_ms`. Left out: all of them, or none of a
        /// message in progress.
        #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
        heard_ms: u64,
    },
    /// A call of a host function by the model, with its result.
    ToolCall {
        /// Its name; as that of a message.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Function name.
        name: String,
        /// Arguments as the model wrote them (JSON text). One of `arguments` and `input` is enough; both say the same.
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<String>,
        /// Arguments as a value.
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<Value>,
        /// What the model was answered (JSON, or plain text).
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<String>,
        /// How far the call is. Left out: `completed` with an output, otherwise `cancelled`; so becomes, when it is
        /// imported, what is `pending` or `running`.
        #[cfg_attr(feature = "schema", schemars(with = "Option<ToolCallState>"))]
        state: ToolCallState,
    },
    /// A picture: one of `data` and `url`; neither when it is no longer kept.
    Image {
        /// Base64 of the encoded picture.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        /// Where the picture is.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// For example `image/png`.
        mime_type: String,
    },
}

impl Default for Transcript {
    fn default() -> Self {
        Self { version: VERSION, messages: Vec::new() }
    }
}

impl Transcript {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// Class `argument`, code `invalid_transcript` (or `invalid_json`): `field` is the JSON path, `fix` what to write
    /// instead.
    pub fn from_json(json: &str) -> Result<Self> {
        let transcript = read::read(json)?;
        transcript.check()?;
        Ok(transcript)
    }

    /// The document as JSON text.
    pub fn to_json(&self) -> String {
        // Texts, numbers and values that came from JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The JSON Schema of the document.
    #[cfg(feature = "schema")]
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

#[cfg(test)]
mod tests;
