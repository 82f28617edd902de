//! What xAI says, from what the rest of the simulator says.

use super::{peer::ACTIVE_RESPONSE, xai::Xai};
use serde_json::{Value, json};

const TRANSCRIPTION: &str = "conversation.item.input_audio_transcription";

impl Xai {
    /// An event as xAI has it: none, one or more.
    pub(super) fn outgoing(&mut self, mut event: Value) -> Vec<Value> {
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "session.created" => vec![self.session(&event)],
            "session.updated" => {
                let mut session = self.session(&event);
                for name in ["id", "object"] {
                    session["session"].as_object_mut().map(|fields| fields.remove(name));
                }
                vec![json!({"type": "ping", "timestamp": 1_763_800_000}), session]
            }
            // An item is there when it was added.
            "rate_limits.updated" | "conversation.item.done" => vec![],
            kind if kind.strip_prefix(TRANSCRIPTION) == Some(".delta") => {
                let words = self.words.entry(event["item_id"].as_str().unwrap_or_default().to_owned()).or_default();
                words.push_str(event["delta"].as_str().unwrap_or_default());
                let told = |kind: &str| {
                    json!({"type": format!("{TRANSCRIPTION}.{kind}"), "item_id": event["item_id"], "content_index": 0,
                        "transcript": words})
                };
                let mut interim = told("completed");
                interim["status"] = json!("in_progress");
                vec![told("updated"), interim]
            }
            kind if kind.strip_prefix(TRANSCRIPTION) == Some(".completed") => {
                self.words.remove(event["item_id"].as_str().unwrap_or_default());
                event["status"] = json!("completed");
                event.as_object_mut().map(|fields| fields.remove("usage"));
                vec![event]
            }
            "conversation.item.added" if event["item"]["type"] == "function_call" => vec![event.clone(), event],
            "conversation.item.deleted" => {
                event["item_id"] = json!("");
                vec![event]
            }
            "response.content_part.done" => {
                event.as_object_mut().map(|fields| fields.remove("part"));
                vec![event]
            }
            "response.created" => {
                plain(&mut event["response"]);
                vec![event]
            }
            "response.done" => vec![self.done(event)],
            "error" => {
                let error = &mut event["error"];
                if error["code"] == "session_expired" {
                    error["type"] = json!("max_duration");
                    error["code"] = Value::Null;
                } else if error["code"] == ACTIVE_RESPONSE || error["code"] == "response_cancel_not_active" {
                    error["code"] = json!("invalid_request");
                }
                vec![event]
            }
            _ => vec![event],
        }
    }

    fn session(&self, event: &Value) -> Value {
        let inner = &event["session"];
        let detection = json!({"type": "server_vad", "threshold": 0.85, "prefix_padding_ms": 333,
            "create_response": true, "interrupt_response": true});
        let format = json!({"type": "audio/pcm", "rate": 24000});
        let mut session = json!({"id": inner["id"], "object": "realtime.session", "model": inner["model"],
            "instructions": inner["instructions"], "voice": "eve", "turn_detection": detection, "tools": [],
            "tool_choice": "auto", "audio": {"input": {"format": format}, "output": {"format": format}}});
        for (name, value) in &self.shown {
            session[name.as_str()] = value.clone();
        }
        // Functions come back in another shape than they were told in.
        for tool in session["tools"].as_array_mut().into_iter().flatten().filter(|tool| tool["type"] == "function") {
            let mut function = std::mem::take(tool);
            function.as_object_mut().map(|fields| fields.remove("type"));
            *tool = json!({"type": "function", "function": function});
        }
        // It has names of its own for its voices.
        if let Some(voice) = session["voice"].as_str() {
            session["voice"] = json!(format!("human_{}", capital(voice)));
        }
        json!({"type": event["type"], "session": session})
    }

    /// Usage stands beside the response, which has an empty one; seconds that are paid for are whole ones, and those of
    /// the conversation so far.
    fn done(&mut self, mut event: Value) -> Value {
        let response = &mut event["response"];
        let spoken = response.pointer("/usage/output_token_details/audio_tokens").and_then(Value::as_u64).unwrap_or(0);
        self.billed_ms += spoken * 50;
        let mut usage = response["usage"].take();
        plain(response);
        let id = response["id"].clone();
        usage["output_audio_seconds"] = json!(spoken as f64 / 20.0);
        usage["billable_audio_seconds"] = json!(self.billed_ms.div_ceil(1000));
        event["response_id"] = id;
        event["usage"] = usage;
        event
    }
}

/// A response as it is shown: what it has nothing to say of is a word, not null.
fn plain(response: &mut Value) {
    response["usage"] = json!({});
    if response["status_details"].is_null() {
        response["status_details"] = json!("unimplemented");
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
