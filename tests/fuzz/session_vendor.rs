//! The vendor of `session_script`: every event of the protocol with ids from a small bag, so that they meet where
//! they should not.

use super::{common::base64_ms, session_script::World};
use serde_json::{Value, json};

/// Assistant audio in one conversation.
const MAX_AUDIO_MS: u64 = 60_000;

pub fn item(w: &mut World<'_>) -> String {
    match w.bytes.upto(8) {
        n @ 0..5 => format!("item{n}"),
        n => {
            let at = w.items.len().checked_sub(n - 4);
            at.map_or_else(|| "item5".to_owned(), |at| w.items[at].clone())
        }
    }
}

fn response(w: &mut World<'_>) -> String {
    format!("resp{}", w.bytes.upto(4))
}

pub fn call(w: &mut World<'_>) -> String {
    format!("call{}", w.bytes.upto(3))
}

fn previous(w: &mut World<'_>) -> Value {
    match w.bytes.upto(4) {
        0 => Value::Null,
        1 => "root".into(),
        _ => item(w).into(),
    }
}

fn of(list: &[String], n: usize) -> Value {
    list.len().checked_sub(1 + n).map_or(Value::Null, |at| list[at].clone().into())
}

fn whole(w: &mut World<'_>) -> Value {
    let id = item(w);
    let status = w.bytes.of(&["in_progress", "completed", "incomplete"]);
    match w.bytes.upto(8) {
        0 => json!({"id": id, "type": "message", "role": "user", "status": status,
            "content": [{"type": "input_audio", "transcript": null}]}),
        1 => json!({"id": id, "type": "message", "role": "user", "status": status,
            "content": [{"type": "input_text", "text": "hello"}]}),
        2 => json!({"id": id, "type": "message", "role": "system", "status": status,
            "content": [{"type": "input_text", "text": "be brief"}]}),
        3 => json!({"id": id, "type": "function_call", "status": status, "call_id": call(w),
            "name": w.bytes.of(&["f", "unknown", ""]), "arguments": w.bytes.of(&["{}", "{\"n\":1}", "{\"n\":\"a\"}", "{", ""])}),
        4 => json!({"id": id, "type": "function_call_output", "call_id": call(w), "output": "{}"}),
        5 => json!({"id": id, "type": "mcp_call", "status": status}),
        _ => {
            let part = match w.bytes.upto(4) {
                0 => json!([{"type": "output_text", "text": "some words"}]),
                1 => {
                    json!([{"type": "output_audio", "transcript": "some words"}, {"type": "output_text", "text": "more"}])
                }
                _ => json!([]),
            };
            json!({"id": id, "type": "message", "role": "assistant", "status": status, "content": part})
        }
    }
}

fn place(w: &mut World<'_>) -> Value {
    json!({"response_id": response(w), "item_id": item(w), "output_index": 0,
        "content_index": w.bytes.of(&[0u32, 0, 0, 1, 2, 3])})
}

fn error(w: &mut World<'_>) -> Value {
    let code = w.bytes.of(&[
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "invalid_value",
        "rate_limit_exceeded",
        "unsupported_content_type",
        "item_not_found",
        "session_expired",
        "insufficient_quota",
    ]);
    let at = w.bytes.upto(4);
    json!({"type": "invalid_request_error", "code": code, "message": "refused", "event_id": of(&w.events, at)})
}

fn words(w: &mut World<'_>) -> &'static str {
    w.bytes.of(&["", "some words ", "more", "\u{1f600} na\u{ef}ve"])
}

pub fn says(w: &mut World<'_>) {
    let (kind, mut fields) = match w.bytes.upto(36) {
        0 => {
            let at = w.bytes.of(&[Value::Null.as_u64(), Some(0), Some(1_000_060), Some(1_003_600), Some(u64::MAX)]);
            ("session.created", json!({"session": {"type": "realtime", "id": "sess_1", "expires_at": at}}))
        }
        1 => ("session.updated", json!({"session": w.wish})),
        2 => ("session.updated", json!({"session": {"audio": {"output": {"voice": "other"}}}})),
        3 => ("input_audio_buffer.speech_started", json!({"audio_start_ms": position(w), "item_id": item(w)})),
        4 => ("input_audio_buffer.speech_stopped", json!({"audio_end_ms": position(w), "item_id": item(w)})),
        5 => ("input_audio_buffer.committed", json!({"item_id": item(w), "previous_item_id": previous(w)})),
        6 => ("input_audio_buffer.cleared", json!({})),
        7 => ("input_audio_buffer.timeout_triggered", json!({"item_id": item(w)})),
        8 | 9 => ("conversation.item.added", json!({"previous_item_id": previous(w), "item": whole(w)})),
        10 => ("conversation.item.done", json!({"previous_item_id": previous(w), "item": whole(w)})),
        11 => ("conversation.item.deleted", json!({"item_id": item(w)})),
        12 => (
            "conversation.item.truncated",
            json!({"item_id": item(w), "content_index": 0, "audio_end_ms": position(w)}),
        ),
        13 => (
            "conversation.item.input_audio_transcription.delta",
            json!({"item_id": item(w), "content_index": w.bytes.upto(3), "delta": words(w)}),
        ),
        14 => (
            "conversation.item.input_audio_transcription.completed",
            json!({"item_id": item(w), "content_index": w.bytes.upto(3), "transcript": words(w)}),
        ),
        15 => (
            "conversation.item.input_audio_transcription.failed",
            json!({"item_id": item(w), "content_index": 0, "error": {"code": "audio_unintelligible", "message": "no"}}),
        ),
        16..=18 => {
            let request = w.bytes.upto(4);
            let metadata = match of(&w.requests, request) {
                Value::Null => Value::Null,
                request => json!({"client_event_id": request}),
            };
            let conversation = if w.bytes.upto(8) == 0 { Value::Null } else { "conv_1".into() };
            (
                "response.created",
                json!({"response": {"id": response(w), "status": "in_progress", "output": [],
                "conversation_id": conversation, "metadata": metadata}}),
            )
        }
        19 | 20 => {
            ("response.output_item.added", json!({"response_id": response(w), "output_index": 0, "item": whole(w)}))
        }
        21 => ("response.output_item.done", json!({"response_id": response(w), "output_index": 0, "item": whole(w)})),
        22 => {
            let mut fields = place(w);
            fields["part"] = json!({"type": w.bytes.of(&["audio", "text", "output_audio"])});
            ("response.content_part.added", fields)
        }
        23 | 24 => {
            let mut fields = place(w);
            let ms = w.bytes.of(&[0, 1, 20, 100, 400, 2000, 10_000]);
            let ms = if w.audio_ms + ms > MAX_AUDIO_MS { 0 } else { ms };
            w.audio_ms += ms;
            fields["delta"] = base64_ms(ms).into();
            ("response.output_audio.delta", fields)
        }
        25 => {
            let mut fields = place(w);
            fields["delta"] = w.bytes.of(&["AAA=", "AA==", "A", "AAAA", "!"]).into();
            ("response.output_audio.delta", fields)
        }
        26 => ("response.output_audio.done", place(w)),
        27 => {
            (w.bytes.of(&["response.output_audio_transcript.delta", "response.output_text.delta"]), spoken(w, "delta"))
        }
        28 => ("response.output_audio_transcript.done", spoken(w, "transcript")),
        29 => ("response.output_text.done", spoken(w, "text")),
        30 => (
            "response.function_call_arguments.delta",
            json!({"response_id": response(w), "item_id": item(w), "call_id": call(w), "delta": "{"}),
        ),
        31 | 32 => {
            let status = w.bytes.of(&["completed", "cancelled", "failed", "incomplete", "new"]);
            let output: Vec<Value> = (0..w.bytes.upto(3)).map(|_| whole(w)).collect();
            let details = match status {
                "failed" => json!({"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}),
                "completed" => Value::Null,
                _ => {
                    json!({"type": status, "reason": w.bytes.of(&["turn_detected", "max_output_tokens", "client_cancelled"])})
                }
            };
            (
                "response.done",
                json!({"response": {"id": response(w), "status": status, "status_details": details,
                "output": output, "usage": null}}),
            )
        }
        33 => ("error", json!({"error": error(w)})),
        34 => ("rate_limits.updated", json!({"rate_limits": []})),
        _ => ("conversation.item.retrieved", json!({"item": whole(w)})),
    };
    // The invariants would have to know which beginnings are taken for repeated ones.
    if w.bytes.upto(16) == 1 && kind != "response.created" {
        fields["event_id"] = "event_1".into();
    }
    w.says(kind, fields);
}

fn spoken(w: &mut World<'_>, field: &str) -> Value {
    let mut fields = place(w);
    // The invariants look at the first four parts of an item for sound; words may be anywhere.
    if w.bytes.upto(16) == 1 {
        fields["content_index"] = w.bytes.of(&[255u32, 256, 4_000_000_000]).into();
    }
    fields[field] = words(w).into();
    fields
}

fn position(w: &mut World<'_>) -> u64 {
    w.bytes.of(&[0, 100, 1000, 5000, u64::MAX])
}
