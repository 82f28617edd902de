//! What the service sends (protocols reference §4). Fields are not exclusive, unknown ones are passed over, and every
//! word that stands for a choice is taken as text.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;

/// One message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerMessage<'a> {
    #[serde(borrow)]
    pub setup_complete: Option<&'a RawValue>,
    #[serde(borrow)]
    pub server_content: Option<ServerContent<'a>>,
    pub tool_call: Option<ToolCall>,
    pub tool_call_cancellation: Option<Cancellation>,
    pub usage_metadata: Option<Usage>,
    pub go_away: Option<GoAway>,
    pub session_resumption_update: Option<Resumption>,
    pub voice_activity: Option<Activity>,
    pub error: Option<Refusal>,
    /// An error may come without its envelope.
    pub code: Option<Value>,
    pub message: Option<String>,
    pub status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerContent<'a> {
    #[serde(borrow)]
    pub model_turn: Option<ModelTurn<'a>>,
    pub input_transcription: Option<Words>,
    pub output_transcription: Option<Words>,
    pub interrupted: bool,
    pub generation_complete: bool,
    pub turn_complete: bool,
    pub turn_complete_reason: Option<String>,
    pub interaction_status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ModelTurn<'a> {
    #[serde(borrow)]
    pub parts: Vec<Part<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Part<'a> {
    #[serde(borrow)]
    pub inline_data: Option<Blob<'a>>,
    pub text: Option<String>,
    pub thought: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Blob<'a> {
    #[serde(borrow)]
    pub mime_type: Cow<'a, str>,
    #[serde(borrow)]
    pub data: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Words {
    pub text: String,
    pub finished: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolCall {
    pub function_calls: Vec<FunctionCall>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FunctionCall {
    pub id: Option<String>,
    pub name: String,
    pub args: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cancellation {
    pub ids: Vec<String>,
}

/// Tokens. Vertex has another name for those of the answer.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Usage {
    pub prompt_token_count: u64,
    pub cached_content_token_count: u64,
    #[serde(alias = "candidatesTokenCount")]
    pub response_token_count: u64,
    pub prompt_tokens_details: Vec<Counted>,
    #[serde(alias = "candidatesTokensDetails")]
    pub response_tokens_details: Vec<Counted>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Counted {
    pub modality: String,
    pub token_count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GoAway {
    pub time_left: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Resumption {
    pub new_handle: Option<String>,
    pub resumable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Activity {
    #[serde(rename = "type")]
    pub kind: String,
    pub audio_offset: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    pub code: Option<Value>,
    pub message: Option<String>,
    pub status: Option<String>,
}

/// Milliseconds of a duration such as `"9.5s"`.
pub fn millis(duration: &str) -> Option<u64> {
    let seconds: f64 = duration.strip_suffix('s')?.parse().ok()?;
    // The longest is a day: a number beyond is none anybody meant.
    (0.0..=86_400.0).contains(&seconds).then_some((seconds * 1000.0) as u64)
}
