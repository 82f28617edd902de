//! A realtime service as the protocol reference has it, one conversation for each connection.

use crate::{checks::MARK, player::PER_MS, script::Fault, world::World};
use duologue::{
    error::{Error, ErrorClass},
    session::Input,
    time::Time,
};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Dialling,
    Open,
    Gone,
}

/// An item of the vendor's conversation.
#[derive(Debug)]
pub struct Kept {
    pub id: String,
    pub call: Option<String>,
    pub result_of: Option<String>,
    /// The call was complete.
    pub done: bool,
}

/// What is being generated.
pub struct Active {
    pub id: String,
    /// Item, part, spoken or written, and its words so far.
    pub item: Option<(String, u32, bool, String)>,
    pub calls: usize,
}

pub struct Conn {
    pub epoch: u32,
    pub beside: bool,
    pub state: State,
    pub asked_to_close: bool,
    /// Both directions are swallowed; until when nobody knows.
    pub dead_at: Option<Time>,
    pub stalled: u8,
    pub items: Vec<Kept>,
    pub deleted: Vec<String>,
    /// The dial gets no answer.
    pub never: bool,
    pub inbox: VecDeque<Value>,
    pub out: VecDeque<Value>,
    pub late: Vec<(u8, Value)>,
    pub events: u64,
    pub configured: bool,
    pub session: Value,
    pub active: Option<Active>,
    pub user: Option<String>,
    /// User items whose words are still to come.
    pub unheard: Vec<String>,
    pub heard_ms: u64,
    pub appended_ms: u64,
    pub expires: Option<u64>,
    pub over: Vec<String>,
    pub disturbed: bool,
}

impl Conn {
    pub fn new(epoch: u32, beside: bool) -> Self {
        Self {
            epoch,
            beside,
            state: State::Dialling,
            asked_to_close: false,
            dead_at: None,
            stalled: 0,
            items: vec![],
            deleted: vec![],
            never: false,
            inbox: VecDeque::new(),
            out: VecDeque::new(),
            late: vec![],
            events: 0,
            configured: false,
            session: Value::Null,
            active: None,
            user: None,
            unheard: vec![],
            heard_ms: 0,
            appended_ms: 0,
            expires: None,
            over: vec![],
            disturbed: false,
        }
    }

    pub fn deaf(&self) -> bool {
        self.dead_at.is_some()
    }

    pub fn receives(&mut self, frame: Value, audio: bool) {
        if audio {
            let ms = frame["audio"].as_str().map_or(0, str::len) as u64 / 4 * 3 / 2 / PER_MS;
            (self.heard_ms, self.appended_ms) = (self.heard_ms + ms, self.appended_ms + ms);
        } else {
            self.inbox.push_back(frame);
        }
    }

    pub fn knows(&self, item: &str) -> bool {
        self.items.iter().any(|k| k.id == item)
    }

    pub fn last(&self) -> Option<String> {
        self.items.last().map(|k| k.id.clone())
    }

    pub fn turns(&self) -> &Value {
        &self.session["audio"]["input"]["turn_detection"]
    }

    /// Every result has its call before it, once, and every complete call has its result.
    pub fn complete_pairs(&self) {
        if self.disturbed {
            return;
        }
        for (at, kept) in self.items.iter().enumerate() {
            if let Some(call) = &kept.call {
                let results = self.items.iter().filter(|k| k.result_of.as_ref() == Some(call)).count();
                assert!(results == 1 || (!kept.done && results == 0), "{call} has {results} results");
            }
            if let Some(call) = &kept.result_of {
                let before = self.items[..at].iter().any(|k| k.call.as_ref() == Some(call));
                assert!(before || self.deleted.iter().any(|d| d == call), "{call} has its result and is not there");
            }
        }
    }
}

impl World {
    /// Puts a server event on its way.
    pub fn says(&mut self, i: usize, kind: &str, fields: Value) {
        let conn = &mut self.conns[i];
        conn.events += 1;
        let mut event = Map::new();
        event.insert("type".into(), kind.into());
        event.insert("event_id".into(), format!("event_{}_{}", conn.epoch, conn.events).into());
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        conn.out.push_back(Value::Object(event));
        self.delivers(i);
    }

    pub fn refuses(&mut self, i: usize, code: &str, event: Option<&str>) {
        let message = format!("refused: {code}, key sk-{MARK}-0123456789");
        let error = json!({"type": "invalid_request_error", "code": code, "message": message, "param": null, "event_id": event});
        self.says(i, "error", json!({"error": error}));
    }

    pub fn disturb(&mut self, i: usize) {
        self.conns[i].disturbed = true;
        let epoch = self.conns[i].epoch;
        self.checks.wire(epoch).disturbed = true;
    }

    pub fn delivers(&mut self, i: usize) {
        while self.conns[i].stalled == 0
            && let Some(event) = self.conns[i].out.pop_front()
        {
            let fault = if self.kind { None } else { self.armed.event.take() };
            match fault {
                None => self.wire(i, &event.to_string()),
                Some(fault @ Fault::Reorder) => match self.conns[i].out.pop_front() {
                    Some(next) => {
                        self.fires(fault);
                        self.disturb(i);
                        self.wire(i, &next.to_string());
                        self.wire(i, &event.to_string());
                    }
                    None if self.conns[i].stalled == 0 => {
                        // The next one overtakes it.
                        self.fires(fault);
                        self.disturb(i);
                        self.conns[i].late.push((0, event));
                        return;
                    }
                    None => {}
                },
                Some(fault) => {
                    self.fires(fault);
                    match fault {
                        Fault::Duplicate => {
                            self.wire(i, &event.to_string());
                            self.wire(i, &event.to_string());
                        }
                        Fault::Late => {
                            self.disturb(i);
                            self.conns[i].late.push((3, event));
                        }
                        _ => self.disturb(i),
                    }
                }
            }
        }
        if self.conns[i].late.first().is_some_and(|(n, _)| *n == 0) {
            let (_, event) = self.conns[i].late.remove(0);
            self.wire(i, &event.to_string());
        }
    }

    /// Dials end, closes are answered, frames are read.
    pub fn serve(&mut self, frames: u8) {
        for i in 0..self.conns.len() {
            if self.conns[i].state == State::Gone {
                continue;
            }
            if self.conns[i].asked_to_close {
                if std::mem::take(&mut self.armed.close) {
                    // Nobody answers; the session waits two seconds.
                    self.fires(Fault::MissClose);
                    self.conns[i].state = State::Gone;
                    let epoch = self.conns[i].epoch;
                    self.checks.wire(epoch).gone = true;
                    continue;
                }
                self.gone(i, Some(1000), "", None);
                continue;
            }
            if self.conns[i].state == State::Dialling {
                self.dial_ends(i);
                continue;
            }
            if let Some(end) = self.conns[i].expires.filter(|end| self.unix_s() >= *end) {
                self.note(|| format!("      the session ends at {end}"));
                self.ends(i, Fault::SessionExpired);
                continue;
            }
            self.conns[i].stalled = self.conns[i].stalled.saturating_sub(1);
            for late in &mut self.conns[i].late {
                late.0 = late.0.saturating_sub(1);
            }
            self.delivers(i);
            for _ in 0..frames {
                if self.conns[i].state != State::Open {
                    break;
                }
                let Some(frame) = self.conns[i].inbox.pop_front() else { break };
                self.reads(i, &frame);
            }
        }
        self.pongs();
    }

    pub fn dial_ends(&mut self, i: usize) {
        if self.conns[i].never && !self.kind {
            return;
        }
        let new = |class, code: &'static str, text: &str| Error::new(class, code, format!("{text} sk-"));
        let out = self.armed.outage > 0;
        self.armed.outage = self.armed.outage.saturating_sub(1);
        let fault = if out { Some(Fault::DialNetwork) } else { self.armed.dial.take() };
        if let Some(fault) = fault {
            self.fires(fault);
        }
        let error = match fault {
            None => {
                let (epoch, unix_s) = (self.conns[i].epoch, self.unix_s());
                self.conns[i].state = State::Open;
                self.conns[i].never = false;
                self.checks.wire(epoch).opened = true;
                self.input(Input::Opened { epoch, unix_s: Some(unix_s) });
                self.conns[i].expires = self.setup.life_s.map(|life| unix_s + life);
                let session =
                    json!({"type": "realtime", "id": format!("sess_{epoch}"), "expires_at": self.conns[i].expires});
                return self.says(i, "session.created", json!({"session": session}));
            }
            Some(Fault::DialNever) => {
                self.conns[i].never = true;
                return;
            }
            Some(Fault::Dial429) => new(ErrorClass::Quota, "rate_limited", "too many requests").retryable(),
            Some(Fault::Dial429After(ms)) => {
                new(ErrorClass::Quota, "rate_limited", "too many requests").retryable().retry_after_ms(ms.into())
            }
            Some(Fault::Dial503) => new(ErrorClass::Network, "unavailable", "unavailable").retryable(),
            Some(Fault::DialAuth) => new(ErrorClass::Credential, "auth", "refused"),
            Some(Fault::DialTls) => new(ErrorClass::Network, "tls", "the certificate is of another host"),
            Some(Fault::DialHandshake) => new(ErrorClass::Protocol, "handshake", "<html>"),
            Some(_) => new(ErrorClass::Network, "connect_failed", "nobody there").retryable(),
        };
        self.gone(i, None, "", Some(error));
    }

    /// An error event, and then the close.
    pub fn ends(&mut self, i: usize, why: Fault) {
        let (code, close) = match why {
            Fault::Quota => ("insufficient_quota", 1000),
            Fault::BadKey => ("invalid_api_key", 3000),
            _ => ("session_expired", 1001),
        };
        self.refuses(i, code, None);
        if self.conns[i].state == State::Open {
            self.gone(i, Some(close), "", None);
        }
    }

    pub fn effective(&self, i: usize) -> Value {
        let mut session = self.conns[i].session.clone();
        if let Some(detection) = session["audio"]["input"]["turn_detection"].as_object_mut() {
            detection.insert("interrupt_response".into(), self.setup.vendor_interrupts.into());
            detection.insert("silence_duration_ms".into(), 200.into());
        }
        session["expires_at"] = json!(self.conns[i].expires);
        session
    }

    pub fn take(fault: &mut Option<Fault>, kind: bool) -> Option<Fault> {
        fault.take().filter(|_| !kind)
    }

    /// The vendor reads a frame.
    pub fn reads(&mut self, i: usize, frame: &Value) {
        let event = frame["event_id"].as_str().map(str::to_owned);
        let event = event.as_deref();
        let kind = self.kind;
        match frame["type"].as_str().unwrap() {
            "session.update" => {
                let fault = Self::take(&mut self.armed.update, kind);
                if let Some(fault) = fault {
                    self.fires(fault);
                    self.disturb(i);
                }
                match fault {
                    Some(Fault::RefuseUpdate) => return self.refuses(i, "invalid_value", event),
                    _ => merge(&mut self.conns[i].session, &frame["session"], ""),
                }
                self.conns[i].configured = true;
                if fault.is_none() {
                    let session = self.effective(i);
                    self.says(i, "session.updated", json!({"session": session}));
                }
            }
            "conversation.item.create" => self.reads_item(i, frame, event),
            "conversation.item.truncate" => {
                let item = frame["item_id"].as_str().unwrap();
                if !self.conns[i].knows(item) {
                    return self.refuses(i, "item_truncate_invalid_item_id", event);
                }
                let fields = json!({"item_id": item, "content_index": frame["content_index"], "audio_end_ms": frame["audio_end_ms"]});
                self.says(i, "conversation.item.truncated", fields);
            }
            "conversation.item.delete" => {
                let item = frame["item_id"].as_str().unwrap().to_owned();
                if !self.conns[i].knows(&item) {
                    return self.refuses(i, "item_delete_invalid_item_id", event);
                }
                self.conns[i].items.retain(|k| k.id != item);
                self.says(i, "conversation.item.deleted", json!({"item_id": item}));
            }
            "response.create" => self.reads_request(i, frame, event),
            "response.cancel" => {
                let id = frame["response_id"].as_str();
                if self.conns[i].active.as_ref().is_some_and(|a| id.is_none_or(|id| id == a.id)) {
                    self.done(i, "cancelled");
                } else {
                    self.refuses(i, "response_cancel_not_active", event);
                }
            }
            "input_audio_buffer.clear" => {
                (self.conns[i].appended_ms, self.conns[i].user) = (0, None);
                self.says(i, "input_audio_buffer.cleared", json!({}));
            }
            "input_audio_buffer.commit" => {
                let fault = Self::take(&mut self.armed.commit, kind);
                if let Some(fault) = fault {
                    self.fires(fault);
                    self.disturb(i);
                }
                match fault {
                    Some(Fault::MissCommit) => return,
                    Some(_) => return self.refuses(i, "input_audio_buffer_commit_empty", event),
                    None if self.conns[i].appended_ms < 100 => {
                        return self.refuses(i, "input_audio_buffer_commit_empty", event);
                    }
                    None => {}
                }
                let item = self.conns[i].user.take().unwrap_or_else(|| self.name("U"));
                self.commits(i, &item);
            }
            other => panic!("{other}"),
        }
    }

    pub fn reads_item(&mut self, i: usize, frame: &Value, event: Option<&str>) {
        let item = &frame["item"];
        let id = item["id"].as_str().unwrap().to_owned();
        let fault = Self::take(&mut self.armed.item, self.kind);
        if let Some(fault) = fault {
            self.fires(fault);
            self.disturb(i);
        }
        if fault == Some(Fault::RefuseItem) {
            self.checks.may_go.insert(id.clone());
            self.conns[i].deleted.extend([id, item["call_id"].as_str().unwrap_or_default().to_owned()]);
            return self.refuses(i, "invalid_value", event);
        }
        let previous = frame["previous_item_id"].as_str();
        let conn = &self.conns[i];
        if let Some(previous) = previous.filter(|p| *p != "root" && !conn.knows(p)) {
            assert!(
                conn.disturbed || !conn.deleted.is_empty(),
                "{id} is to stand behind {previous}, which is not there"
            );
            return self.refuses(i, "item_create_invalid_previous_item_id", event);
        }
        let call = item["call_id"].as_str().map(str::to_owned);
        let is_call = item["type"] == "function_call";
        if !is_call && let Some(call) = &call {
            let there = conn.items.iter().any(|k| k.call.as_ref() == Some(call));
            if !there {
                assert!(conn.disturbed || !conn.deleted.is_empty(), "{call} is answered and is not there");
                return self.refuses(i, "item_create_invalid_call_id", event);
            }
        }
        let at = match previous {
            Some("root") => 0,
            Some(previous) => conn.items.iter().position(|k| k.id == previous).unwrap() + 1,
            None => conn.items.len(),
        };
        let before = at.checked_sub(1).map(|at| conn.items[at].id.clone());
        let kept =
            Kept { id, call: call.clone().filter(|_| is_call), result_of: call.filter(|_| !is_call), done: true };
        self.conns[i].items.insert(at, kept);
        if fault == Some(Fault::MissItem) {
            return;
        }
        let mut item = item.clone();
        item["status"] = "completed".into();
        let fields = json!({"item": item, "previous_item_id": before});
        self.says(i, "conversation.item.added", fields.clone());
        self.says(i, "conversation.item.done", fields);
    }

    pub fn reads_request(&mut self, i: usize, frame: &Value, event: Option<&str>) {
        let request = frame["response"]["metadata"]["client_event_id"].as_str().map(str::to_owned);
        let fault = Self::take(&mut self.armed.response, self.kind);
        if let Some(fault) = fault {
            self.fires(fault);
            self.disturb(i);
            match fault {
                Fault::MissResponse => {}
                _ => self.refuses(i, "rate_limit_exceeded", event),
            }
            return;
        }
        if frame["response"]["conversation"] == "none" {
            let (id, item) = (self.name("X"), self.name("XI"));
            let body = |status: &str| {
                json!({"id": id, "status": status, "conversation_id": null, "output": [],
                    "metadata": {"client_event_id": request}})
            };
            self.says(i, "response.created", json!({"response": body("in_progress")}));
            let message =
                json!({"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
            self.says(i, "response.output_item.added", json!({"response_id": id, "output_index": 0, "item": message}));
            let place = json!({"response_id": id, "item_id": item, "output_index": 0, "content_index": 0});
            self.says(i, "response.content_part.added", with(&place, "part", json!({"type": "audio"})));
            self.says(i, "response.output_audio_transcript.delta", with(&place, "delta", "outside ".into()));
            self.says(i, "response.output_audio.delta", with(&place, "delta", base64(120).into()));
            self.says(i, "response.done", json!({"response": body("completed")}));
            return;
        }
        if self.conns[i].active.is_some() {
            return self.refuses(i, "conversation_already_has_active_response", event);
        }
        self.begins(i, request.as_deref());
    }

    pub fn begins(&mut self, i: usize, request: Option<&str>) {
        let id = self.name("R");
        let metadata = request.map(|r| json!({"client_event_id": r}));
        let body = json!({"id": id, "object": "realtime.response", "status": "in_progress",
            "conversation_id": "conv_1", "output": [], "metadata": metadata});
        self.conns[i].active = Some(Active { id, item: None, calls: 0 });
        self.says(i, "response.created", json!({"response": body}));
    }

    pub fn done(&mut self, i: usize, status: &str) {
        let Some(active) = self.conns[i].active.take() else { return };
        if let Some((item, part, true, words)) = &active.item {
            let place = json!({"response_id": active.id, "item_id": item, "output_index": 0, "content_index": part});
            self.says(i, "response.output_audio.done", place.clone());
            self.says(i, "response.output_audio_transcript.done", with(&place, "transcript", words.as_str().into()));
        }
        self.conns[i].over.push(active.id.clone());
        let body = json!({"id": active.id, "object": "realtime.response", "status": status, "output": [],
            "usage": {"input_tokens": 5, "output_tokens": 7}});
        self.says(i, "response.done", json!({"response": body}));
    }
}

pub fn with(place: &Value, field: &str, value: Value) -> Value {
    let mut fields = place.clone();
    fields[field] = value;
    fields
}

pub fn base64(ms: u64) -> String {
    base64_simd::STANDARD.encode_to_string(vec![0u8; (ms * PER_MS * 2) as usize])
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
