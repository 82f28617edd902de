//! The conversation as data: messages, their parts, and the identifiers that tie events to them.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A conversation item, which is also the id of its [`Message`].
    ItemId
);
id!(
    /// One generation of the model.
    ResponseId
);
id!(
    /// A tool call. Unique within one connection, so [`CallRef`] pairs it with the epoch.
    CallId
);

/// A tool call across reconnects: the connection it came on and the vendor's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallRef {
    /// Connection number the call came on.
    pub epoch: u32,
    /// The vendor's call id.
    pub id: CallId,
}

/// One kind of content inside a message: the item's content index.
pub type PartIndex = u32;

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Instructions placed into the conversation.
    System,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Content may still change.
    InProgress,
    /// The vendor declared it complete.
    Completed,
    /// It was cut short: cancelled, interrupted or failed.
    Incomplete,
}

/// Life of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolCallState {
    /// The model is still writing the arguments.
    Pending,
    /// Handed to the host.
    Running,
    /// Answered with a result.
    Completed,
    /// Answered with an error.
    Failed,
    /// Never ran: the response was cut short.
    Cancelled,
}

impl ToolCallState {
    /// It has no answer yet.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Typed or written text.
    Text {
        /// The text.
        content: String,
    },
    /// Speech.
    Audio {
        /// What was said (user) or generated (assistant). Empty until known.
        transcript: String,
        /// Assistant only: the words that were really played; equals `transcript` once all was heard.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heard_transcript: Option<String>,
        /// Milliseconds of audio received (assistant) or spoken (user).
        duration_ms: u64,
        /// Assistant only: milliseconds really played.
        heard_ms: u64,
    },
    /// A call of a host function by the model.
    ToolCall {
        /// Call id.
        id: CallId,
        /// Function name.
        name: String,
        /// Arguments exactly as the model wrote them (JSON text).
        arguments: String,
        /// Arguments parsed; absent while incomplete or when they are not valid JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<serde_json::Value>,
        /// What the model was answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<String>,
        /// How far the call is.
        state: ToolCallState,
    },
    /// The answer to a tool call, as its own item.
    ToolResult {
        /// The call answered.
        tool_call_id: CallId,
        /// Result text (JSON, or a plain string).
        content: String,
        /// True when the tool failed.
        is_error: bool,
    },
    /// A picture: one of `data` and `url`; neither when it is no longer kept (more than 8 MiB of them).
    Image {
        /// Base64 of the encoded picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        /// Where the picture is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// For example `image/png`.
        mime_type: String,
    },
}

/// One entry of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    /// The conversation item.
    pub id: ItemId,
    /// Who said it.
    pub role: Role,
    /// Content in order; a gap (content not seen yet) is an empty text part.
    pub parts: Vec<Part>,
    /// How far it is.
    pub state: MessageState,
    /// True when the assistant was cut off while this was audible or pending.
    pub interrupted: bool,
    /// Grows with every change, 1 for a new message.
    pub revision: u64,
    /// Start of speech or time of sending, on the event clock.
    pub created_ms: u64,
}

impl Message {
    /// All text of the message: typed text and transcripts joined by spaces.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|p| match p {
            Part::Text { content } => Some(content.as_str()),
            Part::Audio { transcript, .. } => Some(transcript.as_str()),
            _ => None,
        });
        texts.filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    }
}
