//! The vendor of the random conversations: answers what it reads, refuses some of it and loses some.

use super::{Active, World, active_item};
use crate::common::base64_ms;
use serde_json::{Value, json};

/// A response outside the conversation.
pub struct Outside {
    id: String,
    item: String,
}

impl World {
    /// The vendor reads the oldest frame.
    pub fn vendor_reads(&mut self) {
        let Some(frame) = self.inbox.pop_front() else { return };
        let event = frame["event_id"].as_str().map(str::to_owned);
        match frame["type"].as_str().unwrap() {
            "response.create" if frame["response"]["conversation"] == "none" => self.asked_outside(&frame),
            "response.create" if self.active.is_some() => {
                let named = !self.dice.once_in(2);
                self.talk.error("conversation_already_has_active_response", event.as_deref().filter(|_| named));
            }
            // Now and then it is refused, or not answered at all.
            "response.create" if self.dice.once_in(12) => self.talk.error("rate_limit_exceeded", event.as_deref()),
            "response.create" if self.dice.once_in(12) => {}
            "response.create" => {
                let request = request_of(&frame);
                self.begin(Some(&request));
            }
            "response.cancel" => {
                let id = frame["response_id"].as_str().unwrap().to_owned();
                if self.active.as_ref().is_some_and(|a| a.id == id) {
                    self.end("cancelled");
                } else if let Some(at) = self.outside.iter().position(|o| o.id == id) {
                    self.outside.remove(at);
                    self.talk.done(&id, "cancelled", None);
                } else {
                    self.talk.error("response_cancel_not_active", event.as_deref());
                }
            }
            "conversation.item.create" if self.dice.once_in(10) => {
                self.refused.extend(frame["item"]["call_id"].as_str().map(str::to_owned));
                self.talk.error("invalid_value", event.as_deref());
            }
            "conversation.item.create" if self.loses() => {}
            "conversation.item.create" => {
                let item = frame["item"].clone();
                let fields = json!({"item": item, "previous_item_id": self.last_item});
                self.talk.server("conversation.item.added", fields.clone());
                self.talk.server("conversation.item.done", fields);
                self.last_item = item["id"].as_str().map(str::to_owned);
            }
            "conversation.item.truncate" if self.dice.once_in(8) => {
                self.talk.error("unsupported_content_type", event.as_deref());
            }
            "conversation.item.truncate" => {
                let fields =
                    json!({"item_id": frame["item_id"], "content_index": 0, "audio_end_ms": frame["audio_end_ms"]});
                self.talk.server("conversation.item.truncated", fields);
            }
            "conversation.item.delete" => {
                self.talk.server("conversation.item.deleted", json!({"item_id": frame["item_id"]}));
            }
            "session.update" => self.reads_update(&frame),
            "input_audio_buffer.clear" => {
                self.user = None;
                self.talk.server("input_audio_buffer.cleared", json!({}));
            }
            "input_audio_buffer.commit" if self.dice.once_in(8) => {
                self.talk.error("input_audio_buffer_commit_empty", event.as_deref());
            }
            "input_audio_buffer.commit" if self.loses() => {}
            "input_audio_buffer.commit" => {
                let item = self.user.take().unwrap_or_else(|| self.name("U"));
                self.commits(&item);
            }
            other => panic!("{other}"),
        }
    }

    /// The user's turn goes into the conversation.
    fn commits(&mut self, item: &str) {
        let fields = json!({"item_id": item, "previous_item_id": self.last_item});
        self.talk.server("input_audio_buffer.committed", fields);
        let message = json!({"id": item, "type": "message", "role": "user", "status": "completed",
            "content": [{"type": "input_audio", "transcript": null}]});
        let fields = json!({"previous_item_id": self.last_item, "item": message});
        self.talk.server("conversation.item.added", fields.clone());
        self.talk.server("conversation.item.done", fields);
        self.last_item = Some(item.to_owned());
    }

    fn reads_update(&mut self, frame: &Value) {
        let patch = &frame["session"];
        if self.dice.once_in(4) {
            return self.talk.error("invalid_value", frame["event_id"].as_str());
        }
        merge(&mut self.session, patch, "");
        if self.loses() {
            self.unsure = true;
            return;
        }
        let session = self.effective();
        self.talk.server("session.updated", json!({"session": session}));
    }

    /// The session as the vendor tells it; when it interrupts by itself is its own business.
    pub fn effective(&self) -> Value {
        let mut session = self.session.clone();
        if let Some(detection) = session["audio"]["input"]["turn_detection"].as_object_mut() {
            detection.insert("interrupt_response".into(), self.vendor_interrupts.into());
            detection.insert("silence_duration_ms".into(), 200.into());
        }
        session
    }

    /// The vendor finds turns by itself.
    pub fn detects(&self) -> bool {
        self.session["audio"]["input"]["turn_detection"].is_object()
    }

    /// The vendor answers turns by itself, and the client knows whether it does.
    pub fn answers(&self) -> bool {
        let create = &self.session["audio"]["input"]["turn_detection"]["create_response"];
        self.vendor_answers && *create == true && !self.unsure
    }

    /// A request outside the conversation: refused, lost, or begun sooner or later.
    fn asked_outside(&mut self, frame: &Value) {
        let request = request_of(frame);
        match self.dice.upto(8) {
            0 => self.talk.error("rate_limit_exceeded", frame["event_id"].as_str()),
            1 => {}
            2 | 3 => self.slow.push_back(request),
            _ => self.begin_outside(&request),
        }
    }

    pub fn begin_outside(&mut self, request: &str) {
        let (id, item) = (self.name("X"), self.name("XI"));
        let body = json!({"id": id, "status": "in_progress", "conversation_id": null, "output": [],
            "metadata": {"client_event_id": request}});
        self.talk.server("response.created", json!({"response": body}));
        let message =
            json!({"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
        self.talk.server("response.output_item.added", json!({"response_id": id, "output_index": 0, "item": message}));
        self.talk.part(&id, &item, 0, "audio");
        self.outside.push(Outside { id, item });
        self.responses += 1;
    }

    /// The vendor writes on outside the conversation.
    pub fn vendor_writes_outside(&mut self) {
        if let Some(request) = self.slow.pop_front() {
            return self.begin_outside(&request);
        }
        if self.outside.is_empty() {
            return;
        }
        let at = self.dice.upto(self.outside.len() as u64) as usize;
        let (id, item) = (self.outside[at].id.clone(), self.outside[at].item.clone());
        match self.dice.upto(4) {
            0 => {
                self.outside.remove(at);
                self.talk.item_done(&id, &item, 0, "words outside");
                if !self.loses() {
                    self.talk.done(&id, "completed", None);
                }
            }
            _ => {
                let ms = 1 + self.dice.upto(200);
                self.talk.speech(&id, &item, 0, ms, "words outside ");
            }
        }
    }

    /// Everything outside the conversation comes to its end.
    pub fn ends_outside(&mut self) {
        while let Some(request) = self.slow.pop_front() {
            self.begin_outside(&request);
        }
        for o in std::mem::take(&mut self.outside) {
            self.talk.done(&o.id, "completed", None);
        }
    }

    /// Nobody has said anything for long: the vendor commits silence and speaks up.
    pub fn vendor_is_bored(&mut self) {
        if self.active.is_some() || self.user.is_some() || !self.detects() {
            return;
        }
        let item = self.name("U");
        self.talk.server("input_audio_buffer.timeout_triggered", json!({"item_id": item}));
        self.commits(&item);
        if !self.dice.once_in(4) {
            self.begin(None);
        }
    }

    pub fn begin(&mut self, request: Option<&str>) {
        let id = self.name("R");
        self.talk.response_for(&id, request);
        self.active = Some(Active { id, item: None });
        self.responses += 1;
    }

    pub fn end(&mut self, status: &str) {
        let Some(active) = self.active.take() else { return };
        if let Some((item, part, true)) = &active.item
            && self.dice.once_in(2)
        {
            let place = json!({"response_id": active.id, "item_id": item, "content_index": part});
            self.talk.server("response.output_audio.done", place);
        }
        if !self.loses() {
            self.talk.done(&active.id, status, None);
        }
    }

    pub fn loses(&mut self) -> bool {
        self.lossy && self.dice.once_in(6)
    }

    /// The vendor writes on.
    pub fn vendor_writes(&mut self) {
        let new = self.name("A");
        let Some(active) = &mut self.active else { return };
        let id = active.id.clone();
        match (&active.item, self.dice.upto(12)) {
            (_, 0) => self.end(if self.count.is_multiple_of(5) { "incomplete" } else { "completed" }),
            (None, 1 | 2) => {
                let call = format!("call_{new}");
                let (name, arguments) = [("f", "{}"), ("f", "{\"n\":1}"), ("f", "{\"n\":\"one\"}"), ("unknown", "{")]
                    [self.dice.upto(4) as usize];
                self.talk.call(&id, &format!("F{new}"), &call, name, arguments);
                self.made.push(call);
            }
            (None, kind) => {
                let spoken = kind != 3;
                active.item = Some((new.clone(), 0, spoken));
                self.talk.item(&id, &new, self.last_item.as_deref(), if spoken { "audio" } else { "text" });
                self.last_item = Some(new);
            }
            (Some((item, part, true)), 1..9) => {
                let (item, part) = (item.clone(), *part);
                let ms = 1 + self.dice.upto(400);
                self.talk.speech(&id, &item, part, ms, if ms.is_multiple_of(3) { "some more words " } else { "" });
            }
            (Some((item, part, true)), 9) => {
                let (item, part) = (item.clone(), *part);
                self.talk.part(&id, &item, part + 1, "audio");
                active_item(&mut self.active, Some((item, part + 1, true)));
            }
            (Some((item, part, true)), _) => {
                let (item, part) = (item.clone(), *part);
                self.talk.item_done(&id, &item, part, "some more words");
                active_item(&mut self.active, None);
            }
            (Some((item, part, false)), _) => {
                let fields = json!({"response_id": id, "item_id": item, "content_index": part, "delta": "text "});
                self.talk.server("response.output_text.delta", fields);
                if self.dice.once_in(3) {
                    active_item(&mut self.active, None);
                }
            }
        }
    }

    pub fn noise(&mut self) {
        match self.dice.upto(7) {
            0 => self.talk.wire("{\"type\":"),
            1 => self.talk.server("response.hologram", json!({})),
            2 => {
                let late = json!({"response_id": format!("R{}", self.dice.upto(self.count + 1)), "item_id": "A1",
                    "content_index": 0, "delta": base64_ms(40)});
                // Only of a response that is over: others would be audio as any other.
                let over = self.active.as_ref().is_none_or(|a| late["response_id"] != a.id.as_str());
                if over && self.count > 0 && late["response_id"] != "R0" && self.known_over(&late["response_id"]) {
                    self.talk.server("response.output_audio.delta", late);
                }
            }
            3 => self.talk.server("conversation.item.deleted", json!({"item_id": "nobody"})),
            4 => {
                let text = r#"{"type":"response.output_text.delta","event_id":"twice","item_id":"T","response_id":"","delta":"x"}"#;
                self.talk.wire(text);
                self.talk.wire(text);
            }
            5 => self.talk.server("rate_limits.updated", json!({"rate_limits": []})),
            _ => self.talk.server("conversation.item.created", json!({"item": {"id": "M", "type": "mcp_call"}})),
        }
    }

    fn known_over(&self, response: &Value) -> bool {
        // Responses are numbered by the same count as everything; only remembered ones are dropped as late.
        self.talk.over.iter().any(|r| response == r.as_str())
    }
}

fn request_of(frame: &Value) -> String {
    frame["response"]["metadata"]["client_event_id"].as_str().unwrap().to_owned()
}

/// As the service does: the objects of audio are merged, everything else is replaced.
fn merge(session: &mut Value, patch: &Value, path: &str) {
    for (key, value) in patch.as_object().unwrap() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match session.get_mut(key) {
            Some(inner) if ["audio", "audio.input", "audio.output"].contains(&path.as_str()) => {
                merge(inner, value, &path);
            }
            _ => session[key.as_str()] = value.clone(),
        }
    }
}
