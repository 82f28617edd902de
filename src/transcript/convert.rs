//! Between transcripts and messages.

use super::{Content, Entry, Transcript, VERSION};
use crate::message::{CallId, ItemId, Message, Part, ToolCallState};

impl From<&[Message]> for Transcript {
    /// The conversation as it is, also in the middle of an answer.
    fn from(messages: &[Message]) -> Self {
        Self { version: VERSION, messages: messages.iter().map(Entry::from).collect() }
    }
}

impl From<&Message> for Entry {
    fn from(message: &Message) -> Self {
        Self {
            id: Some(message.id.to_string()),
            role: message.role,
            parts: message.parts.iter().filter_map(content).collect(),
            state: message.state,
            interrupted: message.interrupted,
            created_ms: message.created_ms,
        }
    }
}

fn content(part: &Part) -> Option<Content> {
    Some(match part {
        Part::Text { content } => Content::Text { content: content.clone() },
        Part::Audio { transcript, heard_transcript, duration_ms, heard_ms } => Content::Audio {
            transcript: transcript.clone(),
            heard_transcript: heard_transcript.clone(),
            duration_ms: *duration_ms,
            heard_ms: *heard_ms,
        },
        Part::ToolCall { id, name, arguments, input, output, state } => Content::ToolCall {
            id: Some(id.to_string()),
            name: name.clone(),
            arguments: Some(arguments.clone()),
            input: input.clone(),
            output: output.clone(),
            state: *state,
        },
        // The call has it as its output.
        Part::ToolResult { .. } => return None,
        Part::Image { data, url, mime_type } => {
            Content::Image { data: data.clone(), url: url.clone(), mime_type: mime_type.clone() }
        }
    })
}

impl Transcript {
    /// As messages, for [`crate::session::Command::ImportHistory`]. What has no name yet has an empty one.
    pub fn into_messages(self) -> Vec<Message> {
        self.messages.into_iter().map(message).collect()
    }
}

fn message(entry: Entry) -> Message {
    Message {
        id: ItemId::from(entry.id.unwrap_or_default()),
        role: entry.role,
        parts: entry.parts.into_iter().flat_map(parts).collect(),
        state: entry.state,
        interrupted: entry.interrupted,
        revision: 1,
        created_ms: entry.created_ms,
    }
}

fn parts(content: Content) -> Vec<Part> {
    match content {
        Content::Text { content } => vec![Part::Text { content }],
        Content::Audio { transcript, heard_transcript, duration_ms, heard_ms } => {
            vec![Part::Audio { transcript, heard_transcript, duration_ms, heard_ms }]
        }
        Content::ToolCall { id, name, arguments, input, output, state } => {
            let arguments = arguments.or_else(|| input.as_ref().map(ToString::to_string)).unwrap_or_default();
            let input = input.or_else(|| serde_json::from_str(&arguments).ok());
            let id = CallId::from(id.unwrap_or_default());
            // An answer stands in the message of its call.
            let result = output.clone().map(|content| {
                let is_error = state == ToolCallState::Failed;
                Part::ToolResult { tool_call_id: id.clone(), content, is_error }
            });
            let call = Part::ToolCall { id, name, arguments, input, output, state };
            std::iter::once(call).chain(result).collect()
        }
        Content::Image { data, url, mime_type } => vec![Part::Image { data, url, mime_type }],
    }
}
