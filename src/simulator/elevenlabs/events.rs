//! The server's messages.

use serde_json::{Value, json};

/// Every type that is sent. Their payload sits in an object whose name follows no rule.
pub(in crate::simulator) const SERVER_KINDS: &[&str] = &[
    "conversation_initiation_metadata",
    "audio",
    "agent_response",
    "agent_response_correction",
    "agent_response_complete",
    "agent_chat_response_part",
    "user_transcript",
    "tentative_user_transcript",
    "interruption",
    "vad_score",
    "ping",
    "client_tool_call",
    "agent_tool_request",
    "agent_tool_response",
    "agent_tool_response_full_payload",
    "mcp_tool_call",
    "context_usage",
    "queue_status",
    "error",
];

/// Every type that clients send; their audio has none, and is known by its field.
pub(in crate::simulator) const CLIENT_KINDS: &[&str] = &[
    "conversation_initiation_client_data",
    "user_audio_chunk",
    "pong",
    "user_message",
    "user_activity",
    "contextual_update",
    "client_tool_result",
    "mcp_tool_approval_result",
    "feedback",
    "multimodal_message",
];

/// What an agent sends when nobody has said what it shall send.
pub(super) const DEFAULT_EVENTS: &[&str] = &[
    "audio",
    "interruption",
    "agent_response",
    "user_transcript",
    "tentative_user_transcript",
    "conversation_initiation_metadata",
    "ping",
];

/// What can be chosen and is never sent here.
const OTHER_EVENTS: &[&str] = &[
    "agent_response_metadata",
    "agent_reasoning_response_part",
    "rich_content",
    "mcp_connection_status",
    "asr_initiation_metadata",
    "guardrail_triggered",
    "dtmf_request",
    "client_error",
    "internal_turn_probability",
    "internal_tentative_agent_response",
    "agent_typing",
    "external_agent_connected",
    "external_agent_disconnected",
];

/// What nobody chooses: it is not in the lists of events, and comes all the same.
const UNCHOSEN: &[&str] = &["error", "queue_status"];

/// Whether an event of this name can be asked for.
pub(in crate::simulator) fn is_client_event(name: &str) -> bool {
    let known = SERVER_KINDS.contains(&name) || OTHER_EVENTS.contains(&name);
    known && !is_unchosen(name)
}

pub(super) fn is_unchosen(name: &str) -> bool {
    UNCHOSEN.contains(&name)
}

/// The name of a message, whoever sent it.
pub(in crate::simulator) fn kind(message: &Value) -> Option<&str> {
    message["type"].as_str().or_else(|| message.get("user_audio_chunk").map(|_| "user_audio_chunk"))
}

pub(super) fn metadata(conversation: &str, output: &str, input: &str) -> Value {
    json!({
        "type": "conversation_initiation_metadata",
        "conversation_initiation_metadata_event": {
            "conversation_id": conversation,
            "agent_output_audio_format": output,
            "user_input_audio_format": input,
        },
    })
}

/// When each letter of a piece of audio sounds, in ms from the beginning of the piece.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Alignment {
    pub(super) chars: Vec<String>,
    pub(super) starts_ms: Vec<u64>,
    pub(super) durations_ms: Vec<u64>,
}

pub(super) fn audio(id: u64, base64: &str, alignment: Option<&Alignment>, last: bool) -> Value {
    let mut event = json!({"audio_base_64": base64, "event_id": id});
    if last {
        event["is_final"] = json!(true);
    }
    if let Some(alignment) = alignment {
        event["alignment"] = json!({
            "chars": alignment.chars,
            "char_start_times_ms": alignment.starts_ms,
            "char_durations_ms": alignment.durations_ms,
        });
    }
    json!({"type": "audio", "audio_event": event})
}

pub(super) fn agent_response(id: u64, response: &str, text: &str, answers: &[String]) -> Value {
    let mut event = json!({"agent_response": text, "event_id": id, "response_id": response});
    if !answers.is_empty() {
        event["in_response_to_ids"] = json!(answers);
    }
    json!({"type": "agent_response", "agent_response_event": event})
}

pub(super) fn correction(id: u64, response: &str, original: &str, corrected: &str) -> Value {
    json!({
        "type": "agent_response_correction",
        "agent_response_correction_event": {
            "original_agent_response": original,
            "corrected_agent_response": corrected,
            "response_id": response,
            "event_id": id,
        },
    })
}

pub(super) fn complete(id: u64) -> Value {
    json!({"type": "agent_response_complete", "agent_response_complete_event": {"event_id": id}})
}

/// `part` is start, delta or stop.
pub(super) fn chat_part(id: u64, part: &str, text: &str) -> Value {
    json!({"type": "agent_chat_response_part", "text_response_part": {"text": text, "type": part, "event_id": id}})
}

pub(super) fn user_transcript(id: u64, text: &str) -> Value {
    json!({"type": "user_transcript", "user_transcription_event": {"user_transcript": text, "event_id": id}})
}

pub(super) fn tentative_transcript(id: u64, text: &str) -> Value {
    json!({
        "type": "tentative_user_transcript",
        "tentative_user_transcription_event": {"user_transcript": text, "event_id": id},
    })
}

pub(super) fn interruption(id: u64) -> Value {
    json!({"type": "interruption", "interruption_event": {"event_id": id}})
}

pub(super) fn vad_score(score: f32) -> Value {
    // Two digits say enough.
    let score = (f64::from(score.clamp(0.0, 1.0)) * 100.0).round() / 100.0;
    json!({"type": "vad_score", "vad_score_event": {"vad_score": score}})
}

/// `ms` is the latency as it was last measured.
pub(super) fn ping(id: u64, ms: Option<u64>) -> Value {
    json!({"type": "ping", "ping_event": {"event_id": id, "ping_ms": ms}})
}

pub(super) fn context_usage(id: u64, model: &str, tokens: u64, limit: u64) -> Value {
    json!({
        "type": "context_usage",
        "context_usage_event": {
            "event_id": id,
            "model": model,
            "context_tokens": tokens,
            "context_limit_tokens": limit,
        },
    })
}

/// `status` is waiting, admitted or timed_out.
pub(super) fn queue_status(status: &str) -> Value {
    json!({"type": "queue_status", "queue_status_event": {"status": status}})
}
