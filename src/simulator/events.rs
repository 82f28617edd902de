//! Server events as JSON, one function per kind, in the shapes of the vendor's published types.
//!
//! `event_id` is added when an event is sent.

use super::scenario::Failure;
use serde_json::{Value, json};
use std::time::Duration;

/// Why the service refuses a client event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) param: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    pub(super) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(super) fn value(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("invalid_value", message).param(param)
    }

    pub(super) fn missing(param: impl Into<String>) -> Self {
        let param = param.into();
        Self::new("missing_required_parameter", format!("Missing required parameter: '{param}'.")).param(param)
    }

    pub(super) fn unknown(param: impl Into<String>) -> Self {
        let param = param.into();
        Self::new("unknown_parameter", format!("Unknown parameter: '{param}'.")).param(param)
    }
}

/// Where a streamed piece belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) response: &'a str,
    pub(super) item: &'a str,
    pub(super) output_index: usize,
}

impl Place<'_> {
    fn event(&self, kind: &str) -> Value {
        json!({
            "type": kind,
            "response_id": self.response,
            "item_id": self.item,
            "output_index": self.output_index,
        })
    }

    fn content_event(&self, kind: &str) -> Value {
        let mut event = self.event(kind);
        event["content_index"] = json!(0);
        event
    }
}

pub(super) fn error(refusal: &Refusal, client_event: Option<&str>) -> Value {
    json!({
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": refusal.code,
            "message": refusal.message,
            "param": refusal.param,
            "event_id": client_event,
        }
    })
}

/// An error that no client event has caused.
pub(super) fn vendor_error(code: &str, message: &str) -> Value {
    json!({
        "type": "error",
        "error": {
            "type": "invalid_request_error", "code": code, "message": message, "param": null, "event_id": null,
        }
    })
}

/// What the service says of a session that lasted for `life`.
pub(super) fn lived_out(life: Duration) -> String {
    let ms = life.as_millis();
    let life = match (ms % 60_000, ms % 1000) {
        (0, _) => format!("{} minutes", ms / 60_000),
        (_, 0) => format!("{} seconds", ms / 1000),
        _ => format!("{ms} milliseconds"),
    };
    format!("Your session hit the maximum duration of {life}.")
}

pub(super) fn session_created(session: &Value) -> Value {
    json!({"type": "session.created", "session": session})
}

pub(super) fn session_updated(session: &Value) -> Value {
    json!({"type": "session.updated", "session": session})
}

pub(super) fn conversation_created(id: &str) -> Value {
    json!({"type": "conversation.created", "conversation": {"id": id, "object": "realtime.conversation"}})
}

pub(super) fn item_added(item: &Value, previous: Option<&str>) -> Value {
    json!({"type": "conversation.item.added", "previous_item_id": previous, "item": item})
}

pub(super) fn item_done(item: &Value, previous: Option<&str>) -> Value {
    json!({"type": "conversation.item.done", "previous_item_id": previous, "item": item})
}

pub(super) fn item_retrieved(item: &Value) -> Value {
    json!({"type": "conversation.item.retrieved", "item": item})
}

pub(super) fn item_truncated(item: &str, content_index: u64, audio_end_ms: u64) -> Value {
    json!({
        "type": "conversation.item.truncated",
        "item_id": item,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    })
}

pub(super) fn item_deleted(item: &str) -> Value {
    json!({"type": "conversation.item.deleted", "item_id": item})
}

pub(super) fn transcription_delta(item: &str, delta: &str) -> Value {
    json!({
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": item,
        "content_index": 0,
        "delta": delta,
    })
}

pub(super) fn transcription_completed(item: &str, transcript: &str, audio_ms: u64) -> Value {
    let (heard, written) = (audio_ms.div_ceil(100), tokens(transcript));
    json!({
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item,
        "content_index": 0,
        "transcript": transcript,
        "usage": {
            "type": "tokens",
            "total_tokens": heard + written,
            "input_tokens": heard,
            "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
            "output_tokens": written,
        }
    })
}

pub(super) fn transcription_failed(item: &str, failure: &Failure) -> Value {
    json!({
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": item,
        "content_index": 0,
        "error": {"type": "transcription_error", "code": failure.code, "message": failure.message},
    })
}

/// What a call's output buffer did.
#[derive(Debug, Clone, Copy)]
pub(super) enum Buffer {
    Started,
    Stopped,
    Cleared,
}

pub(super) fn output_buffer(what: Buffer, response: &str) -> Value {
    let kind = match what {
        Buffer::Started => "output_audio_buffer.started",
        Buffer::Stopped => "output_audio_buffer.stopped",
        Buffer::Cleared => "output_audio_buffer.cleared",
    };
    json!({"type": kind, "response_id": response})
}

pub(super) fn speech_started(item: &str, audio_start_ms: u64) -> Value {
    json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": audio_start_ms, "item_id": item})
}

pub(super) fn speech_stopped(item: &str, audio_end_ms: u64) -> Value {
    json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": audio_end_ms, "item_id": item})
}

pub(super) fn committed(item: &str, previous: Option<&str>) -> Value {
    json!({"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item})
}

pub(super) fn cleared() -> Value {
    json!({"type": "input_audio_buffer.cleared"})
}

pub(super) fn timeout_triggered(item: &str, audio_start_ms: u64, audio_end_ms: u64) -> Value {
    json!({
        "type": "input_audio_buffer.timeout_triggered",
        "audio_start_ms": audio_start_ms,
        "audio_end_ms": audio_end_ms,
        "item_id": item,
    })
}

pub(super) fn rate_limits(requests_left: u64, tokens_left: u64) -> Value {
    json!({
        "type": "rate_limits.updated",
        "rate_limits": [
            {"name": "requests", "limit": 1000, "remaining": requests_left, "reset_seconds": 0.06},
            {"name": "tokens", "limit": 40_000, "remaining": tokens_left, "reset_seconds": 6.75},
        ]
    })
}

pub(super) fn response_created(response: &Value) -> Value {
    json!({"type": "response.created", "response": response})
}

pub(super) fn response_done(response: &Value) -> Value {
    json!({"type": "response.done", "response": response})
}

pub(super) fn output_item_added(response: &str, output_index: usize, item: &Value) -> Value {
    json!({
        "type": "response.output_item.added",
        "response_id": response,
        "output_index": output_index,
        "item": item,
    })
}

pub(super) fn output_item_done(response: &str, output_index: usize, item: &Value) -> Value {
    json!({
        "type": "response.output_item.done",
        "response_id": response,
        "output_index": output_index,
        "item": item,
    })
}

/// What a message item is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PartKind {
    Audio,
    Text,
}

fn part(kind: PartKind, text: &str) -> Value {
    match kind {
        PartKind::Audio => json!({"type": "audio", "transcript": text}),
        PartKind::Text => json!({"type": "text", "text": text}),
    }
}

pub(super) fn part_added(place: Place<'_>, kind: PartKind) -> Value {
    let mut event = place.content_event("response.content_part.added");
    event["part"] = part(kind, "");
    event
}

pub(super) fn part_done(place: Place<'_>, kind: PartKind, text: &str) -> Value {
    let mut event = place.content_event("response.content_part.done");
    event["part"] = part(kind, text);
    event
}

pub(super) fn text_delta(place: Place<'_>, kind: PartKind, delta: &str) -> Value {
    let mut event = place.content_event(match kind {
        PartKind::Audio => "response.output_audio_transcript.delta",
        PartKind::Text => "response.output_text.delta",
    });
    event["delta"] = json!(delta);
    event
}

pub(super) fn text_done(place: Place<'_>, kind: PartKind, text: &str) -> Value {
    match kind {
        PartKind::Audio => {
            let mut event = place.content_event("response.output_audio_transcript.done");
            event["transcript"] = json!(text);
            event
        }
        PartKind::Text => {
            let mut event = place.content_event("response.output_text.done");
            event["text"] = json!(text);
            event
        }
    }
}

pub(super) fn audio_delta(place: Place<'_>, base64: &str) -> Value {
    let mut event = place.content_event("response.output_audio.delta");
    event["delta"] = json!(base64);
    event
}

pub(super) fn audio_done(place: Place<'_>) -> Value {
    place.content_event("response.output_audio.done")
}

pub(super) fn arguments_delta(place: Place<'_>, call: &str, delta: &str) -> Value {
    let mut event = place.event("response.function_call_arguments.delta");
    event["call_id"] = json!(call);
    event["delta"] = json!(delta);
    event
}

pub(super) fn arguments_done(place: Place<'_>, call: &str, name: &str, arguments: &str) -> Value {
    let mut event = place.event("response.function_call_arguments.done");
    event["call_id"] = json!(call);
    event["name"] = json!(name);
    event["arguments"] = json!(arguments);
    event
}

/// An assistant message item. `content` is absent while the item is only announced.
pub(super) fn message_item(id: &str, status: &str, content: Option<(PartKind, &str)>) -> Value {
    let content = match content {
        None => json!([]),
        Some((PartKind::Audio, text)) => json!([{"type": "output_audio", "transcript": text}]),
        Some((PartKind::Text, text)) => json!([{"type": "output_text", "text": text}]),
    };
    json!({
        "id": id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    })
}

pub(super) fn call_item(id: &str, status: &str, call: &str, name: &str, arguments: &str) -> Value {
    json!({
        "id": id,
        "object": "realtime.item",
        "type": "function_call",
        "status": status,
        "name": name,
        "call_id": call,
        "arguments": arguments,
    })
}

/// A user item made of microphone audio. The transcript is null until it is known.
pub(super) fn spoken_item(id: &str, transcript: Option<&str>) -> Value {
    json!({
        "id": id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": transcript}],
    })
}

/// What does not change while a response runs.
pub(super) struct ResponseFrame<'a> {
    pub(super) id: &'a str,
    pub(super) conversation: Option<&'a String>,
    pub(super) modalities: &'a Value,
    pub(super) max_output_tokens: &'a Value,
    pub(super) metadata: &'a Value,
    pub(super) format: &'a Value,
    pub(super) voice: &'a Value,
}

/// The response resource without status, output and usage.
pub(super) fn response_resource(frame: &ResponseFrame<'_>) -> Value {
    json!({
        "object": "realtime.response",
        "id": frame.id,
        "conversation_id": frame.conversation,
        "output_modalities": frame.modalities,
        "max_output_tokens": frame.max_output_tokens,
        "metadata": frame.metadata,
        "audio": {"output": {"format": frame.format, "voice": frame.voice}},
    })
}

/// The response resource at one moment.
pub(super) fn response_at(resource: &Value, status: &str, details: Value, output: Value, usage: Value) -> Value {
    let mut response = resource.clone();
    response["status"] = json!(status);
    response["status_details"] = details;
    response["output"] = output;
    response["usage"] = usage;
    response
}

/// `status_details` of a response that was cancelled or is incomplete.
pub(super) fn ended_because(status: &str, reason: &str) -> Value {
    json!({"type": status, "reason": reason})
}

/// `status_details` of a response that failed.
pub(super) fn failed_because(code: &str, message: &str) -> Value {
    json!({"type": "failed", "error": {"type": "server_error", "code": code, "message": message}})
}

/// Token counts of a response: text, audio and images in, text and audio out.
pub(super) fn usage([read, heard, seen]: [u64; 3], [written, spoken]: [u64; 2]) -> Value {
    json!({
        "total_tokens": read + heard + seen + spoken + written,
        "input_tokens": read + heard + seen,
        "output_tokens": spoken + written,
        "input_token_details": {
            "text_tokens": read,
            "audio_tokens": heard,
            "image_tokens": seen,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": written, "audio_tokens": spoken},
    })
}

/// About four characters a token, as for English.
pub(super) fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}
