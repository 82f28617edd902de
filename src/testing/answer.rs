//! What the mocked model says: responses, of the conversation and outside it.

use super::{
    vendor::Vendor,
    wire::{self, DELTA_MS, PER_MS},
};
use serde_json::{Value, json};

/// A message that is being generated.
struct Part {
    item: String,
    index: usize,
    audio: bool,
    text: String,
    previous: Option<String>,
}

/// A response that is not done.
pub struct Response {
    pub id: String,
    metadata: Value,
    output: Vec<Value>,
    part: Option<Part>,
    /// It is no part of the conversation.
    outside: bool,
    /// It is spoken.
    audio: bool,
    /// Nobody has answered it.
    pub wants_reply: bool,
    /// What is answered.
    pub asked: String,
}

impl Response {
    fn head(&self, part: &Part) -> Value {
        json!({"response_id": self.id, "item_id": part.item, "output_index": part.index, "content_index": 0})
    }

    fn shown(&self, status: &str, details: &Value) -> Value {
        let conversation = if self.outside { Value::Null } else { "conv_0001".into() };
        json!({"id": self.id, "object": "realtime.response", "status": status, "status_details": details,
            "conversation_id": conversation, "metadata": self.metadata, "output": self.output, "usage": null})
    }

    /// What of a text has not been said yet.
    pub fn rest<'a>(&self, text: &'a str) -> &'a str {
        self.part.as_ref().and_then(|part| text.strip_prefix(part.text.as_str())).unwrap_or(text)
    }
}

/// An event about a part.
fn about(kind: &str, head: &Value, more: Value) -> Value {
    let mut event = head.clone();
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    wire::event(kind, event)
}

impl Vendor {
    fn new_response(&mut self, options: &Value, asked: String, wants_reply: bool) -> Response {
        let modalities = match &options["output_modalities"] {
            Value::Null => &self.session["output_modalities"],
            own => own,
        };
        let audio = modalities.as_array().is_some_and(|all| all.iter().any(|one| one == "audio"));
        let outside = options["conversation"] == "none";
        let (id, metadata) = (self.new_id("resp"), options["metadata"].clone());
        let response = Response { id, metadata, output: Vec::new(), part: None, outside, audio, wants_reply, asked };
        self.emit(json!({"type": "response.created", "response": response.shown("in_progress", &Value::Null)}));
        response
    }

    /// A response of the conversation begins.
    pub fn open_response(&mut self, options: &Value, wants_reply: bool) {
        let asked = self.last_input.clone();
        self.response = Some(self.new_response(options, asked, wants_reply));
    }

    /// One outside the conversation begins.
    pub fn open_outside(&mut self, options: &Value) {
        let asked = options["instructions"].as_str().unwrap_or(&self.last_input).to_owned();
        let response = self.new_response(options, asked, true);
        self.outside.push(response);
    }

    /// The response of the conversation does something; opens one where there is none.
    fn answering(&mut self, act: impl FnOnce(&mut Self, &mut Response)) {
        if self.response.is_none() {
            self.open_response(&Value::Null, false);
        }
        if let Some(mut response) = self.response.take() {
            response.wants_reply = false;
            act(self, &mut response);
            self.response = Some(response);
        }
    }

    /// Words of the answer, and how they sound: the words are spread over the audio.
    pub fn say(&mut self, text: &str, pcm: &[i16]) {
        self.answering(|vendor, response| vendor.speak(response, text, pcm));
    }

    /// What of the answer's text has not been said yet.
    pub fn say_rest(&mut self, text: &str) {
        self.answering(|vendor, response| {
            let rest = response.rest(text).to_owned();
            vendor.speak(response, &rest, &[]);
        });
    }

    /// The whole answer of the response outside the conversation that is at `at`.
    pub fn answer_outside(&mut self, at: usize, text: &str) {
        let mut response = self.outside.remove(at);
        self.speak(&mut response, text, &[]);
        self.finish(response, "completed", &Value::Null);
    }

    /// An open response says `words` and is done; without words it stays open, without an answer it has failed.
    pub fn answer(&mut self, id: &str, words: Option<Option<&str>>) {
        let failed = || {
            let error = json!({"type": "server_error", "code": "mock_failed", "message": "the mock's reply failed"});
            json!({"type": "failed", "error": error})
        };
        if let Some(at) = self.outside.iter().position(|open| open.id == id) {
            match words {
                Some(Some(words)) => self.answer_outside(at, words),
                Some(None) => {}
                None => self.end_outside(at, "failed", failed()),
            }
        } else if self.response.as_ref().is_some_and(|open| open.id == id) {
            match words {
                Some(Some(words)) => {
                    self.say_rest(words);
                    self.end_response("completed", Value::Null);
                }
                Some(None) => {}
                None => self.end_response("failed", failed()),
            }
        }
    }

    pub fn end_outside(&mut self, at: usize, status: &str, details: Value) {
        let response = self.outside.remove(at);
        self.finish(response, status, &details);
    }

    /// The part that is being generated, and the head of events about it.
    fn part(&mut self, response: &mut Response, audio: bool) -> (Part, Value) {
        if response.part.as_ref().is_some_and(|part| part.audio != audio) {
            self.end_part(response, "completed");
        }
        if let Some(part) = response.part.take() {
            let head = response.head(&part);
            return (part, head);
        }
        let (item, index) = (self.new_id("item"), response.output.len());
        let mut part = Part { item, index, audio, text: String::new(), previous: None };
        let message = wire::message(&part.item, "in_progress", None);
        response.output.push(message.clone());
        let place = json!({"response_id": response.id, "output_index": index});
        self.emit(about("response.output_item.added", &place, json!({"item": message})));
        if !response.outside {
            part.previous = self.append_item(&message);
        }
        let empty =
            if audio { json!({"type": "audio", "transcript": ""}) } else { json!({"type": "text", "text": ""}) };
        let head = response.head(&part);
        self.emit(about("response.content_part.added", &head, json!({"part": empty})));
        if audio {
            self.audio_ms.insert(part.item.clone(), 0);
        }
        (part, head)
    }

    fn speak(&mut self, response: &mut Response, text: &str, pcm: &[i16]) {
        let (mut part, head) = self.part(response, response.audio || !pcm.is_empty());
        let kind = if part.audio { "response.output_audio_transcript.delta" } else { "response.output_text.delta" };
        part.text.push_str(text);
        let words = wire::pieces(text);
        let mut words = words.iter();
        let deltas = pcm.chunks(DELTA_MS * PER_MS);
        let number = deltas.len();
        for (at, delta) in deltas.enumerate() {
            // A word is told with the audio in which it begins.
            let due = words.len().div_ceil(number - at);
            for word in words.by_ref().take(due) {
                self.emit(about(kind, &head, json!({"delta": word})));
            }
            let bytes: Vec<u8> = delta.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let audio = base64_simd::STANDARD.encode_to_string(bytes);
            self.emit(about("response.output_audio.delta", &head, json!({"delta": audio})));
            *self.audio_ms.entry(part.item.clone()).or_default() += (delta.len() / PER_MS) as u64;
        }
        for word in words {
            self.emit(about(kind, &head, json!({"delta": word})));
        }
        response.part = Some(part);
    }

    /// The model calls a function.
    pub fn call(&mut self, call_id: &str, name: &str, arguments: &str) {
        self.answering(|vendor, response| vendor.call_in(response, call_id, name, arguments));
    }

    fn call_in(&mut self, response: &mut Response, call_id: &str, name: &str, arguments: &str) {
        self.end_part(response, "completed");
        self.calls.insert(call_id.to_owned());
        let (item, index) = (self.new_id("item"), response.output.len());
        let begun = wire::function_call(&item, "in_progress", call_id, name, "");
        let ended = wire::function_call(&item, "completed", call_id, name, arguments);
        let place = json!({"response_id": response.id, "output_index": index});
        let of_call = json!({"response_id": response.id, "output_index": index, "item_id": item, "call_id": call_id});
        self.emit(about("response.output_item.added", &place, json!({"item": begun})));
        let previous = self.append_item(&begun);
        let half = arguments.floor_char_boundary(arguments.len() / 2);
        for delta in [&arguments[..half], &arguments[half..]] {
            if !delta.is_empty() {
                self.emit(about("response.function_call_arguments.delta", &of_call, json!({"delta": delta})));
            }
        }
        let whole = json!({"name": name, "arguments": arguments});
        self.emit(about("response.function_call_arguments.done", &of_call, whole));
        response.output.push(ended.clone());
        self.emit(about("response.output_item.done", &place, json!({"item": ended})));
        self.emit(wire::item("done", &ended, previous.as_deref()));
    }

    fn end_part(&mut self, response: &mut Response, status: &str) {
        let Some(part) = response.part.take() else { return };
        let head = response.head(&part);
        let (content, shown) = if part.audio {
            self.emit(about("response.output_audio.done", &head, json!({})));
            let kind = "response.output_audio_transcript.done";
            self.emit(about(kind, &head, json!({"transcript": part.text})));
            (
                json!({"type": "audio", "transcript": part.text}),
                json!({"type": "output_audio", "transcript": part.text}),
            )
        } else {
            self.emit(about("response.output_text.done", &head, json!({"text": part.text})));
            (json!({"type": "text", "text": part.text}), json!({"type": "output_text", "text": part.text}))
        };
        self.emit(about("response.content_part.done", &head, json!({"part": content})));
        let item = wire::message(&part.item, status, Some(shown));
        response.output[part.index] = item.clone();
        let place = json!({"response_id": response.id, "output_index": part.index});
        self.emit(about("response.output_item.done", &place, json!({"item": item})));
        if !response.outside {
            self.emit(wire::item("done", &item, part.previous.as_deref()));
        }
    }

    /// The response of the conversation is done, if there is one.
    pub fn end_response(&mut self, status: &str, details: Value) {
        if let Some(response) = self.response.take() {
            self.finish(response, status, &details);
        }
    }

    fn finish(&mut self, mut response: Response, status: &str, details: &Value) {
        self.end_part(&mut response, if status == "completed" { "completed" } else { "incomplete" });
        let shown = response.shown(status, details);
        self.emit(json!({"type": "response.done", "response": shown}));
    }
}
