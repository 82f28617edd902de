//! Client events as the wire has them (protocols reference §4). Unset fields are left out: the
//! server refuses a whole event for one unknown or null field.

use super::{profile::Profile, session_object};
use crate::{
    message::Role,
    request::{InputItem, ResponseOptions},
};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use std::{borrow::Cow, collections::BTreeMap};

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
    /// Change the session; `session.type` is in the value.
    #[serde(rename = "session.update")]
    SessionChange {
        /// Fields to change.
        session: &'a Value,
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
        /// Parts in order.
        content: Vec<NewPart<'a>>,
    },
    /// Words that are spoken as they are (xAI), with a response of their own.
    ForceMessage {
        /// `assistant`.
        role: &'static str,
        /// The words.
        content: Vec<NewPart<'a>>,
    },
    /// A call that was made in an earlier session.
    FunctionCall {
        /// Id of its item.
        id: &'a str,
        /// The call.
        call_id: &'a str,
        /// Function.
        name: &'a str,
        /// JSON text.
        arguments: &'a str,
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
    /// Of a user message.
    InputImage {
        /// `data:` URL.
        image_url: String,
        /// How closely to look.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<crate::request::ImageDetail>,
    },
}

/// Options of a response (reference §4.1).
#[derive(Debug, Default, Serialize)]
pub struct ResponseParams<'a> {
    /// Ties `response.created`, which has no event id, to the request; the host's own beside it.
    pub metadata: BTreeMap<&'a str, &'a str>,
    /// Replace the session's own for this response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Cow<'a, str>>,
    /// Spoken or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_modalities: Option<[&'static str; 1]>,
    /// Voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Value>,
    /// Functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Value>>,
    /// Whether they may be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Value>,
    /// Bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// `none`: outside the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<&'static str>,
    /// In place of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Vec<Value>>,
}

/// Name of our own metadata entry.
pub const REQUEST_KEY: &str = "client_event_id";

impl<'a> ResponseParams<'a> {
    /// A plain response.
    pub fn new(request: &'a str) -> Self {
        Self { metadata: BTreeMap::from([(REQUEST_KEY, request)]), ..Self::default() }
    }

    /// A response with options.
    pub fn with(request: &'a str, options: &'a ResponseOptions, profile: &Profile) -> Self {
        let mut params = Self::new(request);
        params.metadata.extend(options.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        params.instructions = options.instructions.as_deref().map(Cow::Borrowed);
        params.output_modalities =
            options.output_modality.filter(|_| !profile.grok).map(|m| [session_object::modality(m)]);
        params.audio = options.voice.as_ref().map(|v| json!({"output": {"voice": session_object::voice(v, profile)}}));
        params.tools = options.tools.as_ref().map(|tools| tools.iter().map(session_object::tool).collect());
        params.tool_choice = options.tool_choice.as_ref().map(session_object::tool_choice);
        params.max_output_tokens = options.max_output_tokens;
        if options.out_of_band {
            params.conversation = Some("none");
            // A call outside the conversation could not be answered.
            params.tool_choice.get_or_insert_with(|| json!("none"));
        }
        params.input = options.input.as_ref().map(|items| items.iter().map(input_item).collect());
        params
    }

    /// A response that says `text`: the dialect has no command for it, so the model is told to.
    pub fn say(request: &'a str, text: &str) -> Self {
        let mut params = Self::new(request);
        params.instructions = Some(Cow::Owned(format!(
            "Say the following text word for word, and nothing else:\n\"\"\"\n{text}\n\"\"\""
        )));
        params.tool_choice = Some(json!("none"));
        params
    }
}

fn input_item(item: &InputItem) -> Value {
    match item {
        InputItem::Item { item } => json!({"type": "item_reference", "id": item}),
        InputItem::Text { role, text } => {
            let (role, kind) = match role {
                Role::User => ("user", "input_text"),
                Role::System => ("system", "input_text"),
                Role::Assistant => ("assistant", "output_text"),
            };
            json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
        }
    }
}

/// The longest call id the server takes (reference §3).
const MAX_CALL_ID: usize = 32;

/// A call id as the server takes it: one of another vendor may be longer, and the same one must become the
/// same every time, because the call and its result name it.
pub fn wire_call(id: &str) -> Cow<'_, str> {
    if id.len() <= MAX_CALL_ID {
        return Cow::Borrowed(id);
    }
    // FNV-1a, twice with different bases: 128 bits, written nowhere but here.
    let fnv = |basis: u64| id.bytes().fold(basis, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let hash = format!("{:016x}{:016x}", fnv(0xcbf2_9ce4_8422_2325), fnv(0x8422_2325_cbf2_9ce4));
    Cow::Owned(format!("call_{}", &hash[..MAX_CALL_ID - "call_".len()]))
}

const APPEND_HEAD: &[u8] = br#"{"type":"input_audio_buffer.append","audio":""#;

/// `input_audio_buffer.append`, base64 written straight into the frame. It carries no event id:
/// nothing acknowledges it, and it is sent fifty times a second.
pub fn append(pcm: &[i16]) -> String {
    crate::provider::wire::audio_frame(APPEND_HEAD, pcm, b"\"}")
}
