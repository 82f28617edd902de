//! Events of the mocked service in the shapes of OpenAI's Realtime API.

use crate::error::redact;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Frames a second of audio in both directions.
pub const RATE: usize = 24_000;
/// Samples of a millisecond.
pub const PER_MS: usize = RATE / 1000;
/// Audio of one delta.
pub const DELTA_MS: usize = 100;

/// An event as text: what it is stands in front, as the service has it.
pub fn frame(mut event: Map<String, Value>) -> String {
    #[derive(Serialize)]
    struct Frame {
        r#type: Value,
        event_id: Value,
        #[serde(flatten)]
        rest: Map<String, Value>,
    }
    let mut take = |key: &str| event.remove(key).unwrap_or_default();
    let (r#type, event_id) = (take("type"), take("event_id"));
    // Values made of JSON can be written as JSON.
    serde_json::to_string(&Frame { r#type, event_id, rest: event }).unwrap_or_default()
}

/// An event of a type.
pub fn event(kind: &str, mut fields: Value) -> Value {
    fields["type"] = kind.into();
    fields
}

/// The words of a text with what separates them: joined they are the text.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let mut end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |at| word + at);
        // What is left when no word follows belongs to the last one.
        if rest[end..].trim().is_empty() {
            end = rest.len();
        }
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces
}

/// A session before it is updated.
pub fn session(number: u64, expires_at: u64) -> Value {
    let format = json!({"type": "audio/pcm", "rate": RATE});
    json!({
        "type": "realtime",
        "object": "realtime.session",
        "id": format!("sess_{number:04}"),
        "model": "gpt-realtime-2.1",
        "expires_at": expires_at,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": null,
        "prompt": null,
        "include": null,
        "audio": {
            "input": {
                "format": format,
                "transcription": null,
                "noise_reduction": null,
                "turn_detection": turn_detection("server_vad"),
            },
            "output": {"format": format, "voice": "marin", "speed": 1.0},
        },
    })
}

/// Turn detection of a type, with the service's defaults.
fn turn_detection(kind: &str) -> Value {
    let mut detection = json!({"type": kind, "create_response": true, "interrupt_response": true});
    if kind == "server_vad" {
        detection["threshold"] = json!(0.5);
        detection["prefix_padding_ms"] = json!(300);
        detection["silence_duration_ms"] = json!(200);
        detection["idle_timeout_ms"] = Value::Null;
    } else {
        detection["eagerness"] = json!("auto");
    }
    detection
}

/// Updates a session: what is not named stays.
pub fn update(session: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else { return };
    for (key, value) in patch {
        let before = &mut session[key.as_str()];
        if key == "turn_detection" && value.is_object() {
            let kind = value["type"].as_str().unwrap_or("server_vad");
            if before["type"] != kind {
                *before = turn_detection(kind);
            }
        }
        if before.is_object() && value.is_object() {
            update(before, value);
        } else {
            *before = value.clone();
        }
    }
}

/// The error event.
pub fn error(kind: &str, code: &str, message: &str, param: Option<&str>, event_id: Option<&str>) -> Value {
    let error = json!({"type": kind, "code": code, "message": redact(message), "param": param, "event_id": event_id});
    json!({"type": "error", "error": error})
}

/// An item is in the conversation (`added`), or complete (`done`).
pub fn item(stage: &str, item: &Value, previous: Option<&str>) -> Value {
    let kind = format!("conversation.item.{stage}");
    json!({"type": kind, "previous_item_id": previous, "item": item})
}

/// What the user said, as an item.
pub fn user_speech(id: &str) -> Value {
    let content = json!([{"type": "input_audio", "transcript": null}]);
    json!({"id": id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user", "content": content})
}

/// A message of the assistant.
pub fn message(id: &str, status: &str, part: Option<Value>) -> Value {
    let content: Vec<Value> = part.into_iter().collect();
    json!({"id": id, "object": "realtime.item", "type": "message", "status": status, "role": "assistant",
        "content": content})
}

/// A call of a function.
pub fn function_call(id: &str, status: &str, call_id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "object": "realtime.item", "type": "function_call", "status": status, "call_id": call_id,
        "name": name, "arguments": arguments})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_text() {
        for (text, number) in
            [("", 0), ("a", 1), (" a", 1), ("a ", 1), ("a  b\n c\t", 3), (" ", 1), ("日本語 テキスト", 2)]
        {
            assert_eq!((pieces(text).concat(), pieces(text).len()), (text.to_owned(), number));
        }
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let mut now = session(1, 0);
        update(&mut now, &json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}}));
        let detection = now["audio"]["input"]["turn_detection"].clone();
        assert_eq!((&detection["threshold"], &detection["silence_duration_ms"]), (&json!(0.7), &json!(200)));
        // Another kind is another object.
        update(&mut now, &json!({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}));
        let detection = now["audio"]["input"]["turn_detection"].clone();
        assert_eq!((&detection["eagerness"], detection.get("threshold")), (&json!("auto"), None));
        assert_eq!(now["audio"]["output"]["voice"], "marin");
    }

    #[test]
    fn what_a_frame_is_stands_in_front() {
        let event = json!({"delta": "x", "type": "t", "event_id": "e", "a": 1});
        assert_eq!(frame(event.as_object().unwrap().clone()), r#"{"type":"t","event_id":"e","a":1,"delta":"x"}"#);
    }
}
