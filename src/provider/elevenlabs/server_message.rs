//! What the service sends (protocols reference §5). The payload of each kind stands in an object whose name follows no
//! rule; unknown kinds and fields are passed over.

use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// One message: its kind, and the payload of that kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    pub conversation_initiation_metadata_event: Metadata,
    #[serde(borrow)]
    pub audio_event: Audio<'a>,
    pub agent_response_event: AgentResponse,
    pub agent_response_correction_event: Correction,
    pub agent_response_complete_event: Numbered,
    pub text_response_part: TextPart,
    pub user_transcription_event: UserWords,
    pub tentative_user_transcription_event: UserWords,
    pub interruption_event: Numbered,
    pub ping_event: Numbered,
    pub client_tool_call: ClientCall,
    pub mcp_tool_call: McpCall,
    pub context_usage_event: Numbered,
    pub queue_status_event: Queue,
    pub agent_tool_response: ToolResponse,
    pub error_event: Refusal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    pub conversation_id: String,
    pub agent_output_audio_format: Option<String>,
    pub user_input_audio_format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Audio<'a> {
    #[serde(borrow)]
    pub audio_base_64: Cow<'a, str>,
    pub event_id: i64,
    pub alignment: Option<Alignment>,
}

/// When each sign is spoken, in the audio it came with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Alignment {
    pub chars: Vec<String>,
    pub char_start_times_ms: Vec<f64>,
    pub char_durations_ms: Vec<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AgentResponse {
    pub agent_response: String,
    pub event_id: i64,
    pub response_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Correction {
    pub original_agent_response: String,
    pub corrected_agent_response: String,
    pub event_id: i64,
    pub response_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Numbered {
    pub event_id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TextPart {
    pub text: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub event_id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserWords {
    pub user_transcript: String,
    pub event_id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClientCall {
    pub tool_name: String,
    pub tool_call_id: String,
    pub parameters: Option<Value>,
    pub event_id: i64,
    pub expects_response: Option<bool>,
}

/// A call of a tool that runs at the service's side.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct McpCall {
    pub tool_name: String,
    pub tool_call_id: String,
    pub state: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    pub status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolResponse {
    pub tool_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    pub code: Option<Value>,
    pub error_type: Option<String>,
    pub error_name: Option<String>,
    pub message: Option<String>,
    pub reason: Option<String>,
}

/// Kinds that say nothing a conversation needs.
pub const KNOWN: &[&str] = &[
    "agent_reasoning_response_part",
    "agent_response_metadata",
    "agent_tool_request",
    "agent_tool_response_full_payload",
    "agent_typing",
    "asr_initiation_metadata",
    "dtmf_request",
    "external_agent_connected",
    "external_agent_disconnected",
    "guardrail_triggered",
    "internal_tentative_agent_response",
    "internal_turn_probability",
    "mcp_connection_status",
    "mcp_tool_call",
    "rich_content",
    "vad_score",
];
