//! Client events as the wire has them (protocols reference §4). Unset fields are left out: the
//! server refuses a whole event for one unknown or null field.

use serde::Serialize;
use serde_json::value::RawValue;

/// One client event with its id.
#[derive(Debug, Serialize)]
pub struct ClientEvent<'a> {
    /// Comes back in `error.event_id`.
    pub event_id: &'a str,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind<'a>,
}

/// The events but `input_audio_buffer.append`, which [`append`] writes without serde.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum Kind<'a> {
    /// Set the session; `session.type` is in the value.
    #[serde(rename = "session.update")]
    SessionUpdate {
        /// Session object.
        session: &'a RawValue,
    },
    /// End the turn by hand.
    #[serde(rename = "input_audio_buffer.commit")]
    Commit,
    /// Forget what was appended.
    #[serde(rename = "input_audio_buffer.clear")]
    Clear,
    /// Add an item.
    #[serde(rename = "conversation.item.create")]
    ItemCreate {
        /// Item before it.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_item_id: Option<&'a str>,
        /// The item.
        item: NewItem<'a>,
    },
    /// Fetch an item.
    #[serde(rename = "conversation.item.retrieve")]
    ItemRetrieve {
        /// Item.
        item_id: &'a str,
    },
    /// Cut an assistant's audio item.
    #[serde(rename = "conversation.item.truncate")]
    ItemTruncate {
        /// Item.
        item_id: &'a str,
        /// Part.
        content_index: u32,
        /// Milliseconds kept.
        audio_end_ms: u64,
    },
    /// Remove an item.
    #[serde(rename = "conversation.item.delete")]
    ItemDelete {
        /// Item.
        item_id: &'a str,
    },
    /// Ask for a response.
    #[serde(rename = "response.create")]
    ResponseCreate {
        /// Options.
        response: ResponseParams<'a>,
    },
    /// Stop a response.
    #[serde(rename = "response.cancel")]
    ResponseCancel {
        /// Which; absent: the conversation's.
        #[serde(skip_serializing_if = "Option::is_none")]
        response_id: Option<&'a str>,
    },
    /// Drop what the server still has to play (WebRTC and SIP).
    #[serde(rename = "output_audio_buffer.clear")]
    OutputClear,
}

/// An item a client may create.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NewItem<'a> {
    /// Text of somebody.
    Message {
        /// Our id.
        id: &'a str,
        /// `user`, `assistant` or `system`.
        role: &'static str,
        /// One part.
        content: [NewPart<'a>; 1],
    },
    /// The answer to a call.
    FunctionCallOutput {
        /// Our id.
        id: &'a str,
        /// Which call.
        call_id: &'a str,
        /// Result text.
        output: &'a str,
    },
}

/// Content a client may create.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NewPart<'a> {
    /// Of a user or system message.
    InputText {
        /// Words.
        text: &'a str,
    },
    /// Of an assistant message.
    OutputText {
        /// Words.
        text: &'a str,
    },
}

/// Options of a response.
#[derive(Debug, Serialize)]
pub struct ResponseParams<'a> {
    /// Ties `response.created`, which has no event id, to the request.
    pub metadata: Metadata<'a>,
    /// Replace the session's own for this response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'a str>,
}

/// What comes back in `response.metadata`.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    /// The request.
    pub client_event_id: &'a str,
}

const APPEND_HEAD: &[u8] = br#"{"type":"input_audio_buffer.append","audio":""#;

/// `input_audio_buffer.append`, base64 written straight into the frame. It carries no event id:
/// nothing acknowledges it, and it is sent fifty times a second.
pub fn append(pcm: &[i16]) -> String {
    let mut frame = Vec::with_capacity(APPEND_HEAD.len() + (pcm.len() * 2).div_ceil(3) * 4 + 2);
    frame.extend_from_slice(APPEND_HEAD);
    #[cfg(target_endian = "little")]
    base64_simd::STANDARD.encode_append(bytemuck::cast_slice::<i16, u8>(pcm), &mut frame);
    #[cfg(target_endian = "big")]
    {
        let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
        base64_simd::STANDARD.encode_append(&bytes, &mut frame);
    }
    frame.extend_from_slice(b"\"}");
    // Base64 is ASCII, so this cannot fail; lossy conversion keeps the path free of a panic.
    String::from_utf8(frame).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
