//! One example of every server event the simulator can send, from the same builders.

use super::{
    events::{self, PartKind, Place, Refusal, ResponseFrame},
    ids::Ids,
    scenario::Failure,
    session_state::{Moment, SESSION_LIFE, SessionState},
};
use serde_json::{Value, json};

/// One example of each kind of server event, and of each shape where a kind has several: what a
/// referee checks against the vendor's own types.
pub fn sample_server_events() -> Vec<Value> {
    let mut ids = Ids::new();
    let mut events = session_events();
    events.extend(item_events());
    events.extend(response_events());
    for event in &mut events {
        event["event_id"] = json!(ids.next("event_"));
    }
    events
}

fn session_events() -> Vec<Value> {
    let plain = SessionState::new("sess_1", "gpt-realtime-2.1", None, SESSION_LIFE);
    let mut full = plain.clone();
    let wishes = json!({
        "type": "realtime",
        "audio": {
            "input": {
                "transcription": {"model": "gpt-transcribe", "language": "en"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
            },
            "output": {"voice": {"id": "voice_1"}},
        },
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "f"},
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
        "tracing": {"workflow_name": "w"},
        "reasoning": {"effort": "low"},
        "include": ["item.input_audio_transcription.logprobs"],
    });
    full.update(&wishes, Moment::default()).expect("the sample is valid");
    let refusal = Refusal::value("session.audio", "Invalid value.");
    vec![
        events::session_created(plain.value()),
        events::session_updated(full.value()),
        events::conversation_created("conv_1"),
        events::error(&refusal, Some("mine")),
        events::error(&Refusal::new("session_expired", "Your session hit the maximum duration."), None),
        events::vendor_error("rate_limit_exceeded", "Too many requests."),
        events::rate_limits(999, 39_000),
    ]
}

fn item_events() -> Vec<Value> {
    let typed = json!({"id": "item_1", "object": "realtime.item", "type": "message", "status": "completed",
        "role": "user", "content": [{"type": "input_text", "text": "Hello"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}]});
    let system = json!({"id": "item_2", "object": "realtime.item", "type": "message", "status": "completed",
        "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]});
    let output = json!({"id": "item_3", "object": "realtime.item", "type": "function_call_output",
        "status": "completed", "call_id": "call_1", "output": "{}"});
    let mut heard = events::spoken_item("item_4", Some("Hello"));
    heard["content"][0]["audio"] = json!("AAAA");
    vec![
        events::output_buffer(events::Buffer::Started, "resp_1"),
        events::output_buffer(events::Buffer::Stopped, "resp_1"),
        events::output_buffer(events::Buffer::Cleared, "resp_1"),
        events::speech_started("item_4", 320),
        events::speech_stopped("item_4", 1800),
        events::committed("item_4", Some("item_3")),
        events::cleared(),
        events::timeout_triggered("item_5", 0, 6000),
        events::item_added(&events::spoken_item("item_4", None), Some("item_3")),
        events::item_done(&events::spoken_item("item_4", None), Some("item_3")),
        events::item_added(&typed, None),
        events::item_added(&system, Some("item_1")),
        events::item_done(&output, Some("item_2")),
        events::item_retrieved(&heard),
        events::item_truncated("item_6", 0, 1234),
        events::item_deleted("item_6"),
        events::transcription_delta("item_4", "Hel"),
        events::transcription_completed("item_4", "Hello", 1480),
        events::transcription_failed("item_4", &Failure { code: "audio_unintelligible".into(), message: "No.".into() }),
    ]
}

fn response_events() -> Vec<Value> {
    let place = Place { response: "resp_1", item: "item_7", output_index: 0 };
    let spoken = events::message_item("item_7", "completed", Some((PartKind::Audio, "Good day.")));
    let written = events::message_item("item_8", "incomplete", Some((PartKind::Text, "Good")));
    let call = events::call_item("item_9", "completed", "call_1", "f", "{}");
    let conversation = "conv_1".to_owned();
    let at = |status, metadata, details, output, usage| {
        let resource = events::response_resource(&ResponseFrame {
            id: "resp_1",
            conversation: Some(&conversation),
            modalities: &json!(["audio"]),
            max_output_tokens: &json!("inf"),
            metadata: &metadata,
            format: &json!({"type": "audio/pcm", "rate": 24000}),
            voice: &json!("marin"),
        });
        events::response_at(&resource, status, details, output, usage)
    };
    let usage = events::usage([12, 34, 0], [56, 78]);
    let created = at("in_progress", Value::Null, Value::Null, json!([]), Value::Null);
    let completed = at("completed", Value::Null, Value::Null, json!([spoken, call]), usage.clone());
    let reason = events::ended_because("cancelled", "turn_detected");
    let cancelled = at("cancelled", json!({"purpose": "sample"}), reason, json!([written]), usage.clone());
    let reason = events::ended_because("cancelled", "client_cancelled");
    let stopped = at("cancelled", Value::Null, reason, json!([]), usage.clone());
    let reason = events::ended_because("incomplete", "max_output_tokens");
    let incomplete = at("incomplete", Value::Null, reason, json!([written]), usage.clone());
    let reason = events::failed_because("rate_limit_exceeded", "Rate limit reached.");
    let failed = at("failed", Value::Null, reason, json!([]), usage);
    vec![
        events::response_created(&created),
        events::output_item_added("resp_1", 0, &events::message_item("item_7", "in_progress", None)),
        events::output_item_added("resp_1", 2, &events::call_item("item_9", "in_progress", "call_1", "f", "")),
        events::part_added(place, PartKind::Audio),
        events::part_added(place, PartKind::Text),
        events::text_delta(place, PartKind::Audio, "Good "),
        events::text_delta(place, PartKind::Text, "Good "),
        events::audio_delta(place, "AAAA"),
        events::arguments_delta(place, "call_1", "{"),
        events::audio_done(place),
        events::text_done(place, PartKind::Audio, "Good day."),
        events::text_done(place, PartKind::Text, "Good day."),
        events::arguments_done(place, "call_1", "f", "{}"),
        events::part_done(place, PartKind::Audio, "Good day."),
        events::part_done(place, PartKind::Text, "Good day."),
        events::output_item_done("resp_1", 0, &spoken),
        events::output_item_done("resp_1", 1, &written),
        events::output_item_done("resp_1", 2, &call),
        events::item_added(&call, Some("item_8")),
        events::item_done(&spoken, None),
        events::item_done(&written, Some("item_7")),
        events::item_done(&call, Some("item_8")),
        events::response_done(&completed),
        events::response_done(&cancelled),
        events::response_done(&stopped),
        events::response_done(&incomplete),
        events::response_done(&failed),
    ]
}
