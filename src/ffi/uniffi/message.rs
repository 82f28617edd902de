//! The conversation.

use crate::message::{self, MessageState, Role, ToolCallState};

/// A tool call across reconnects: the connection it came on and the vendor's id.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CallRef {
    /// Connection number the call came on.
    pub epoch: u32,
    /// The vendor's call id.
    pub id: String,
}

impl From<&message::CallRef> for CallRef {
    fn from(call: &message::CallRef) -> Self {
        Self { epoch: call.epoch, id: call.id.to_string() }
    }
}

impl From<CallRef> for message::CallRef {
    fn from(call: CallRef) -> Self {
        Self { epoch: call.epoch, id: call.id.into() }
    }
}

/// A piece of a message.
#[derive(Debug, Clone, uniffi::Enum)]
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
        /// Assistant only: the words that were really played.
        heard_transcript: Option<String>,
        /// Milliseconds of audio received (assistant) or spoken (user).
        duration_ms: u64,
        /// Assistant only: milliseconds really played.
        heard_ms: u64,
    },
    /// A call of a host function by the model.
    ToolCall {
        /// Call id.
        id: String,
        /// Function name.
        name: String,
        /// Arguments exactly as the model wrote them (JSON text).
        arguments: String,
        /// Arguments once they are complete and valid (JSON text).
        input: Option<String>,
        /// What the model was answered.
        output: Option<String>,
        /// How far the call is.
        state: ToolCallState,
    },
    /// The answer to a tool call, as its own item.
    ToolResult {
        /// The call answered.
        tool_call_id: String,
        /// Result text (JSON, or a plain string).
        content: String,
        /// True when the tool failed.
        is_error: bool,
    },
    /// A picture: exactly one of `data` and `url`.
    Image {
        /// Base64 of the encoded picture.
        data: Option<String>,
        /// Where the picture is.
        url: Option<String>,
        /// For example `image/png`.
        mime_type: String,
    },
}

impl From<&message::Part> for Part {
    fn from(part: &message::Part) -> Self {
        use message::Part as P;
        match part {
            P::Text { content } => Self::Text { content: content.clone() },
            P::Audio { transcript, heard_transcript, duration_ms, heard_ms } => Self::Audio {
                transcript: transcript.clone(),
                heard_transcript: heard_transcript.clone(),
                duration_ms: *duration_ms,
                heard_ms: *heard_ms,
            },
            P::ToolCall { id, name, arguments, input, output, state } => Self::ToolCall {
                id: id.to_string(),
                name: name.clone(),
                arguments: arguments.clone(),
                input: input.as_ref().map(ToString::to_string),
                output: output.clone(),
                state: *state,
            },
            P::ToolResult { tool_call_id, content, is_error } => Self::ToolResult {
                tool_call_id: tool_call_id.to_string(),
                content: content.clone(),
                is_error: *is_error,
            },
            P::Image { data, url, mime_type } => {
                Self::Image { data: data.clone(), url: url.clone(), mime_type: mime_type.clone() }
            }
        }
    }
}

/// One entry of the conversation.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Message {
    /// The conversation item.
    pub id: String,
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

impl From<&message::Message> for Message {
    fn from(message: &message::Message) -> Self {
        Self {
            id: message.id.to_string(),
            role: message.role,
            parts: message.parts.iter().map(Into::into).collect(),
            state: message.state,
            interrupted: message.interrupted,
            revision: message.revision,
            created_ms: message.created_ms,
        }
    }
}
