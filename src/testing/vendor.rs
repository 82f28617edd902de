//! The vendor's side of one connection: the conversation as OpenAI's Realtime API keeps it.

use super::{
    answer::Response,
    wire::{self, PER_MS},
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Responses outside the conversation that may be open.
const MAX_OUTSIDE: usize = 16;

/// Ids of a service, in order.
#[derive(Default)]
pub struct Ids(parking_lot::Mutex<HashMap<&'static str, u64>>);

impl Ids {
    /// For example `item_0001`.
    pub fn new_id(&self, kind: &'static str) -> String {
        let mut last = self.0.lock();
        let number = last.entry(kind).or_default();
        *number += 1;
        format!("{kind}_{number:04}")
    }
}

/// The user speaks.
struct Turn {
    item: String,
    started_ms: u64,
    partial: String,
}

/// Why the service does not do what a client's event says, in the words of an error event.
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub param: Option<&'static str>,
}

fn refuse<T>(code: &'static str, message: String, param: impl Into<Option<&'static str>>) -> Result<T, Refusal> {
    Err(Refusal { code, message, param: param.into() })
}

/// What a connection is about. Events to send collect in `out`.
pub struct Vendor {
    pub out: Vec<String>,
    pub session: Value,
    /// Order of the conversation.
    items: Vec<String>,
    /// Assistant audio by item, milliseconds.
    pub(super) audio_ms: HashMap<String, u64>,
    pub calls: HashSet<String>,
    pub response: Option<Response>,
    /// Responses outside the conversation, oldest first.
    pub outside: Vec<Response>,
    turn: Option<Turn>,
    heard_ms: u64,
    pub last_input: String,
    ids: Arc<Ids>,
}

impl Vendor {
    pub fn new(session: Value, ids: Arc<Ids>) -> Self {
        Self {
            out: Vec::new(),
            session,
            items: Vec::new(),
            audio_ms: HashMap::new(),
            calls: HashSet::new(),
            response: None,
            outside: Vec::new(),
            turn: None,
            heard_ms: 0,
            last_input: String::new(),
            ids,
        }
    }

    pub fn new_id(&self, kind: &'static str) -> String {
        self.ids.new_id(kind)
    }

    /// Sends an event; it gets an id when it has none.
    pub fn emit(&mut self, mut event: Value) {
        if event.get("event_id").is_none() {
            event["event_id"] = self.new_id("event").into();
        }
        if let Value::Object(event) = event {
            self.out.push(wire::frame(event));
        }
    }

    // What the session says

    /// Turn detection in force; null: the client ends turns.
    fn detection(&self) -> &Value {
        &self.session["audio"]["input"]["turn_detection"]
    }

    pub fn detects_turns(&self) -> bool {
        !self.detection().is_null()
    }

    /// User speech is transcribed.
    pub fn transcribes(&self) -> bool {
        !self.session["audio"]["input"]["transcription"].is_null()
    }

    pub fn is_speaking(&self) -> bool {
        self.turn.is_some()
    }

    /// The client sets the session.
    pub fn update_session(&mut self, patch: &Value) {
        wire::update(&mut self.session, patch);
        let session = self.session.clone();
        self.emit(json!({"type": "session.updated", "session": session}));
    }

    // The conversation

    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// Puts an item into the conversation and says after which it is.
    pub fn add_item(&mut self, item: &Value, after: Option<&str>) -> Result<Option<String>, Refusal> {
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        let at = match after {
            None => self.items.len(),
            Some("root") => 0,
            Some(after) => match self.items.iter().position(|known| known == after) {
                Some(at) => at + 1,
                None => {
                    let message = format!("Cannot add item: the item with ID '{after}' does not exist.");
                    return refuse("item_create_invalid_previous_item_id", message, "previous_item_id");
                }
            },
        };
        let previous = at.checked_sub(1).and_then(|before| self.items.get(before).cloned());
        self.items.insert(at, id);
        self.emit(wire::item("added", item, previous.as_deref()));
        Ok(previous)
    }

    /// An item at the end.
    pub(super) fn append_item(&mut self, item: &Value) -> Option<String> {
        // Only a place that does not exist is refused.
        self.add_item(item, None).unwrap_or_default()
    }

    /// The client adds an item.
    pub fn create_item(&mut self, item: &Value, after: Option<&str>) -> Result<(), Refusal> {
        let mut whole = json!({"object": "realtime.item", "status": "completed"});
        if let (Value::Object(whole), Value::Object(item)) = (&mut whole, item) {
            whole.extend(item.clone());
        }
        if whole.get("id").is_none() {
            whole["id"] = self.new_id("item").into();
        }
        let id = whole["id"].as_str().unwrap_or_default();
        if self.items.iter().any(|known| known == id) {
            let message = format!("Error adding item: the item with ID '{id}' already exists.");
            return refuse("item_create_duplicate_item_id", message, "item.id");
        }
        let previous = self.add_item(&whole, after)?;
        self.emit(wire::item("done", &whole, previous.as_deref()));
        Ok(())
    }

    fn known(&self, item: &str, code: &'static str, verb: &str) -> Result<(), Refusal> {
        if self.items.iter().any(|known| known == item) {
            return Ok(());
        }
        let message = format!("Cannot {verb} item: the item with ID '{item}' does not exist.");
        refuse(code, message, "item_id")
    }

    /// The client says how much of an item was heard.
    pub fn truncate(&mut self, item: &str, part: u64, end_ms: u64) -> Result<(), Refusal> {
        self.known(item, "item_truncate_invalid_item_id", "truncate")?;
        let Some(length) = self.audio_ms.get_mut(item) else {
            let message = "Only model output audio can be truncated.".to_owned();
            return refuse("unsupported_content_type", message, "item_id");
        };
        if end_ms > *length {
            let message = format!("Audio content of {length}ms is already shorter than {end_ms}ms");
            return refuse("invalid_value", message, "audio_end_ms");
        }
        *length = end_ms;
        let kind = "conversation.item.truncated";
        self.emit(json!({"type": kind, "item_id": item, "content_index": part, "audio_end_ms": end_ms}));
        Ok(())
    }

    /// The client removes an item.
    pub fn delete(&mut self, item: &str) -> Result<(), Refusal> {
        self.known(item, "item_delete_invalid_item_id", "delete")?;
        self.items.retain(|known| known != item);
        self.emit(json!({"type": "conversation.item.deleted", "item_id": item}));
        Ok(())
    }

    // The user

    /// Microphone audio.
    pub fn append(&mut self, audio: &Value) -> Result<Vec<i16>, Refusal> {
        let bytes = audio.as_str().and_then(|text| base64_simd::STANDARD.decode_to_vec(text).ok());
        let Some(bytes) = bytes else {
            let message = "Invalid 'audio'. Expected base64-encoded bytes.".to_owned();
            return refuse("invalid_value", message, "audio");
        };
        let pcm: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        self.heard_ms += (pcm.len() / PER_MS) as u64;
        Ok(pcm)
    }

    /// The user speaks; goes on with a turn that has begun.
    pub fn start_turn(&mut self) {
        if self.turn.is_some() {
            return;
        }
        let (item, started_ms) = (self.new_id("item"), self.heard_ms);
        self.turn = Some(Turn { item: item.clone(), started_ms, partial: String::new() });
        if !self.detects_turns() {
            return;
        }
        let kind = "input_audio_buffer.speech_started";
        self.emit(json!({"type": kind, "audio_start_ms": started_ms, "item_id": item}));
        if self.detection()["interrupt_response"].as_bool().unwrap_or(true) {
            self.end_response("cancelled", json!({"type": "cancelled", "reason": "turn_detected"}));
        }
    }

    /// More words of the user are recognized.
    pub fn partial(&mut self, text: &str) {
        self.start_turn();
        let Some(turn) = &mut self.turn else { return };
        turn.partial.push_str(text);
        let item = turn.item.clone();
        // Without turn detection nothing is recognized before the turn is committed.
        if self.detects_turns() {
            self.recognize(&item, text);
        }
    }

    fn recognize(&mut self, item: &str, text: &str) {
        let kind = "conversation.item.input_audio_transcription.delta";
        for piece in wire::pieces(text) {
            self.emit(json!({"type": kind, "item_id": item, "content_index": 0, "delta": piece}));
        }
    }

    /// The user has spoken.
    pub fn end_turn(&mut self, text: &str) {
        self.start_turn();
        let Some(turn) = self.turn.take() else { return };
        self.last_input = text.to_owned();
        let detects = self.detects_turns();
        // As long as what was really pushed, else as long as one needs to say it and to be known to be silent.
        let silence = self.detection()["silence_duration_ms"].as_u64().unwrap_or(0);
        let said = (60 * text.chars().count() as u64).max(300);
        self.heard_ms = self.heard_ms.max(turn.started_ms + said + silence);
        if detects {
            let kind = "input_audio_buffer.speech_stopped";
            self.emit(json!({"type": kind, "audio_end_ms": self.heard_ms, "item_id": turn.item}));
        }
        let previous = self.items.last().cloned();
        let kind = "input_audio_buffer.committed";
        self.emit(json!({"type": kind, "previous_item_id": previous, "item_id": turn.item}));
        let item = wire::user_speech(&turn.item);
        let previous = self.append_item(&item);
        self.emit(wire::item("done", &item, previous.as_deref()));
        if self.transcribes() {
            let told = if detects { turn.partial.as_str() } else { "" };
            self.recognize(&turn.item, text.strip_prefix(told).unwrap_or_default());
            let kind = "conversation.item.input_audio_transcription.completed";
            let usage = json!({"type": "duration", "seconds": 1});
            self.emit(
                json!({"type": kind, "item_id": turn.item, "content_index": 0, "transcript": text, "usage": usage}),
            );
        }
        if detects && self.detection()["create_response"].as_bool().unwrap_or(true) && self.response.is_none() {
            self.open_response(&Value::Null, true);
        }
    }

    /// The client ends the user's turn: what was recognized so far is what was said.
    pub fn commit(&mut self) {
        let said = self.turn.as_ref().map(|turn| turn.partial.clone()).unwrap_or_default();
        self.end_turn(&said);
    }

    /// The client throws away what was said since the last turn.
    pub fn clear(&mut self) {
        self.turn = None;
        self.emit(json!({"type": "input_audio_buffer.cleared"}));
    }

    // Responses that are asked for

    /// The client asks for a response.
    pub fn request_response(&mut self, options: &Value) -> Result<(), Refusal> {
        if options["conversation"] == "none" {
            if self.outside.len() >= MAX_OUTSIDE {
                let message = format!("More than {MAX_OUTSIDE} responses outside the conversation are open.");
                return refuse("rate_limit_exceeded", message, None);
            }
            self.open_outside(options);
            return Ok(());
        }
        if let Some(active) = &self.response {
            let message = format!("Conversation already has an active response in progress: {}", active.id);
            return refuse("conversation_already_has_active_response", message, None);
        }
        self.open_response(options, true);
        Ok(())
    }

    /// The client stops a response.
    pub fn cancel(&mut self, id: Option<&str>) -> Result<(), Refusal> {
        let details = json!({"type": "cancelled", "reason": "client_cancelled"});
        if let Some(at) = self.outside.iter().position(|open| Some(open.id.as_str()) == id) {
            self.end_outside(at, "cancelled", details);
        } else if self.response.as_ref().is_some_and(|open| id.is_none_or(|id| id == open.id)) {
            self.end_response("cancelled", details);
        } else {
            let message = "Cancellation failed: no active response found".to_owned();
            return refuse("response_cancel_not_active", message, None);
        }
        Ok(())
    }
}
