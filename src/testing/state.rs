//! What a mocked service knows, and what it makes of a client's events.

use super::{
    calls::{Action, CallLog},
    vendor::{Refusal, Vendor},
    wire,
};
use crate::{
    error::{Error, ErrorClass, Result},
    transport::mock::MockLine,
};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// A client that changes over to a new session keeps the old connection for a moment.
const MAX_CONNECTIONS: usize = 2;
/// Begins what is sent fifty times a second.
const APPEND: &str = r#"{"type":"input_audio_buffer.append""#;

/// Makes an answer from what was said.
pub type Reply = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

pub struct Connection {
    pub number: u64,
    pub vendor: Vendor,
    pub line: MockLine,
    /// The client did more than prepare it.
    pub used: bool,
}

pub struct State {
    pub log: CallLog,
    pub wished: Value,
    /// Outputs of simulated calls of functions; none: not answered yet.
    pub answers: HashMap<String, Option<String>>,
    pub reply: Option<Reply>,
    pub lifetime: Duration,
    pub refusals: VecDeque<(u32, Error)>,
    pub failure: Option<String>,
    pub connections: Vec<Connection>,
    count: u64,
    /// On which connection an item or the answer to a call was first.
    pub seen: HashMap<String, u64>,
}

impl Connection {
    /// Sends what the vendor said, in its order, whoever makes it say more meanwhile.
    pub fn flush(&mut self) -> Result<()> {
        let mut frames = self.vendor.out.drain(..);
        frames.try_for_each(|frame| self.line.send(frame))
    }

    /// What a later connection is told of this one's conversation is no news.
    pub fn remember(&self, seen: &mut HashMap<String, u64>) {
        for item in self.vendor.items() {
            seen.entry(item.clone()).or_insert(self.number);
        }
    }
}

impl State {
    pub fn new() -> Self {
        Self {
            log: CallLog::default(),
            wished: Value::Object(serde_json::Map::default()),
            answers: HashMap::new(),
            reply: None,
            lifetime: Duration::from_secs(3600),
            refusals: VecDeque::new(),
            failure: None,
            connections: Vec::new(),
            count: 0,
            seen: HashMap::new(),
        }
    }

    /// The connection the conversation is on: a second one is made ready first, and only then used.
    pub fn in_use(&self) -> Option<usize> {
        let used = self.connections.iter().rposition(|connection| connection.used);
        used.or(if self.connections.is_empty() { None } else { Some(0) })
    }

    pub fn take(&mut self, connection: &mut Connection, frame: &str) {
        let event: Value = serde_json::from_str(frame).unwrap_or_default();
        connection.used |= event["type"] != "session.update";
        let (number, vendor) = (connection.number, &mut connection.vendor);
        let Some(kind) = event["type"].as_str() else {
            vendor.emit(wire::error("invalid_request_error", "invalid_event", "no event", None, None));
            return;
        };
        if !frame.starts_with(APPEND) {
            self.log.frame(event.clone());
        }
        if let Err(Refusal { code, message, param }) = self.act(number, vendor, kind, &event) {
            let id = event["event_id"].as_str();
            vendor.emit(wire::error("invalid_request_error", code, &message, param, id));
        }
    }

    pub fn dialled(&mut self) -> Result<u64> {
        if let Some((times, error)) = self.refusals.front_mut() {
            *times -= 1;
            let (over, error) = (*times == 0, error.clone());
            if over {
                self.refusals.pop_front();
            }
            self.log.add(0, Action::DialRefused { error: error.clone() });
            return Err(error);
        }
        if self.connections.len() >= MAX_CONNECTIONS {
            let message = "other clients are connected to the mocked service";
            return Err(Error::new(ErrorClass::State, "already_connected", message)
                .fix("give each client a service of its own"));
        }
        self.count += 1;
        Ok(self.count)
    }

    fn act(&mut self, number: u64, vendor: &mut Vendor, kind: &str, event: &Value) -> Result<(), Refusal> {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| event[key].as_u64().unwrap_or_default();
        let log = &mut self.log;
        match kind {
            "input_audio_buffer.append" => {
                let pcm = vendor.append(&event["audio"])?;
                log.hear(number, &pcm);
            }
            "input_audio_buffer.commit" => {
                log.add(number, Action::StopListening);
                vendor.commit();
            }
            "input_audio_buffer.clear" => {
                log.add(number, Action::ClearInput);
                vendor.clear();
            }
            "session.update" => {
                let session = event["session"].clone();
                wire::update(&mut self.wished, &session);
                vendor.update_session(&session);
                log.add(number, Action::SessionUpdate { session });
            }
            "conversation.item.create" => return self.created(number, vendor, event),
            "response.create" => {
                let response = event["response"].clone();
                let instructions = response["instructions"].as_str().map(str::to_owned);
                let out_of_band = response["conversation"] == "none";
                log.add(number, Action::RequestResponse { instructions, out_of_band, response });
                return vendor.request_response(&event["response"]);
            }
            "response.cancel" => {
                let response_id = event["response_id"].as_str().map(str::to_owned);
                log.add(number, Action::Interrupt { response_id });
                return vendor.cancel(event["response_id"].as_str());
            }
            "conversation.item.truncate" => {
                let (item_id, content_index, audio_end_ms) =
                    (text("item_id"), count("content_index"), count("audio_end_ms"));
                let done = vendor.truncate(&item_id, content_index, audio_end_ms);
                log.add(number, Action::Truncate { item_id, content_index, audio_end_ms });
                return done;
            }
            "conversation.item.delete" => {
                let done = vendor.delete(event["item_id"].as_str().unwrap_or_default());
                log.add(number, Action::Delete { item_id: text("item_id") });
                return done;
            }
            _ => log.add(number, Action::SendRaw { event: event.clone() }),
        }
        Ok(())
    }

    /// The client adds an item.
    fn created(&mut self, number: u64, vendor: &mut Vendor, event: &Value) -> Result<(), Refusal> {
        let item = &event["item"];
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let item_id = text("id");
        let before = |key: &str| self.seen.get(key).is_some_and(|first| *first != number);
        let empty = Vec::new();
        let parts = item["content"].as_array().unwrap_or(&empty);
        let words: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        let (mut heard, mut answered) = (None, None);
        let action = match (item["type"].as_str(), item["role"].as_str()) {
            (Some("function_call_output"), _) => {
                let (call_id, output) = (text("call_id"), text("output"));
                let answer = answer_key(&call_id);
                if before(&answer) || before(&item_id) {
                    Action::Replay { item: item.clone() }
                } else {
                    self.seen.entry(answer).or_insert(number);
                    heard = Some(output.clone());
                    answered = Some((call_id.clone(), output.clone()));
                    Action::SubmitToolResult { call_id, output }
                }
            }
            // The note, and what was imported, is no command of the host either.
            _ if before(&item_id) || event["event_id"].as_str().is_some_and(|id| id.starts_with("told_")) => {
                Action::Replay { item: item.clone() }
            }
            (Some("message"), Some("system")) => Action::SendContext { text: words, item_id },
            (Some("message"), role) => {
                heard = Some(words.clone());
                let role = role.unwrap_or_default().to_owned();
                match parts.iter().find_map(|part| part["image_url"].as_str()) {
                    Some(url) => Action::SendImage { image_url: url.to_owned(), text: words, role, item_id },
                    None => Action::SendText { text: words, role, item_id },
                }
            }
            _ => Action::SendRaw { event: event.clone() },
        };
        self.log.add(number, action);
        vendor.create_item(item, event["previous_item_id"].as_str())?;
        if let Some(heard) = heard {
            vendor.last_input = heard;
        }
        if let Some((call_id, output)) = answered
            && let Some(answer) = self.answers.get_mut(&call_id)
        {
            *answer = Some(output);
        }
        Ok(())
    }
}

fn answer_key(call_id: &str) -> String {
    format!("answer to {call_id}")
}
