//! What the journal counts for each connection.

use super::{connection::Ended, elevenlabs, gemini};
use serde_json::Value;
use std::collections::BTreeMap;

/// Types counted one by one; more are counted as `<other>`. Clients can send any word as a type.
const MOST_TYPES: usize = 128;
const MOST_RESULTS: usize = 1024;
const LONGEST_TYPE: usize = 64;
const NAMELESS: &str = "<none>";

/// One WebSocket that was let in.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Connection {
    /// Its number: connections are counted from 1 as they are let in.
    pub number: u64,
    /// Client events by type, those that were refused too.
    pub client_events: BTreeMap<String, u64>,
    /// Server events by type, as far as they were sent.
    pub server_events: BTreeMap<String, u64>,
    /// Items the client created, by what they are: the role of a message, or the type of another item. Those that
    /// were refused too.
    pub items: BTreeMap<String, u64>,
    /// Outputs of calls that the conversation took, in order; of more than 1024 the first.
    pub tool_results: Vec<ToolResult>,
    /// Milliseconds of microphone audio.
    pub audio_ms: u64,
    /// How it ended; `None` while it lasts.
    pub end: Option<End>,
    samples: u64,
}

/// The output of a call as the model has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// Which call.
    pub call_id: String,
    /// The output, whole.
    pub output: String,
}

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Who or what ended it.
    pub by: EndedBy,
    /// The code of the close frame, if there was one.
    pub code: Option<u16>,
    /// Its reason.
    pub reason: String,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The client sent a close frame.
    Client,
    /// The simulator sent a close frame.
    Simulator,
    /// The simulator ended it without a close frame: the fault `drop`.
    Dropped,
    /// The simulator reset it: the fault `reset`.
    Reset,
    /// The simulator has let it hang: the fault `half_open`.
    HalfOpen,
    /// The client went without a close frame.
    Lost,
}

impl Connection {
    pub(super) fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// How many client events of this type came.
    pub fn received(&self, kind: &str) -> u64 {
        self.client_events.get(kind).copied().unwrap_or_default()
    }

    /// How many server events of this type were sent.
    pub fn sent(&self, kind: &str) -> u64 {
        self.server_events.get(kind).copied().unwrap_or_default()
    }

    /// How often a response was asked for: `response.create`.
    pub fn responses_asked(&self) -> u64 {
        self.received("response.create")
    }

    pub(super) fn note_client(&mut self, event: &Value) {
        count(&mut self.client_events, kind(event));
        if event["type"] == "conversation.item.create" {
            let item = &event["item"];
            let kind = item["role"].as_str().or_else(|| item["type"].as_str());
            count(&mut self.items, kind.unwrap_or(NAMELESS));
        }
    }

    pub(super) fn note_server(&mut self, event: &Value) {
        count(&mut self.server_events, kind(event));
    }

    pub(super) fn note_audio(&mut self, samples: usize) {
        self.samples += samples as u64;
        self.audio_ms = self.samples / 24;
    }

    pub(super) fn note_result(&mut self, item: &Value) {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        if self.tool_results.len() < MOST_RESULTS {
            self.tool_results.push(ToolResult { call_id: text("call_id"), output: text("output") });
        }
    }

    pub(super) fn note_end(&mut self, ended: &Ended) {
        let without = |by| End { by, code: None, reason: String::new() };
        self.end = Some(match ended {
            Ended::Closed(code, reason) => End { by: EndedBy::Simulator, code: Some(*code), reason: reason.clone() },
            Ended::Left(code, reason) => End { by: EndedBy::Client, code: *code, reason: reason.clone() },
            Ended::Dropped => without(EndedBy::Dropped),
            Ended::Reset => without(EndedBy::Reset),
            Ended::HalfOpen => without(EndedBy::HalfOpen),
            Ended::Lost => without(EndedBy::Lost),
        });
    }
}

/// What an event is known by: its type, or where events have none the field that says most.
fn kind(event: &Value) -> &str {
    elevenlabs::kind(event).or_else(|| gemini::kind(event)).unwrap_or(NAMELESS)
}

fn count(counts: &mut BTreeMap<String, u64>, kind: &str) {
    let kind: String = kind.chars().take(LONGEST_TYPE).collect();
    let kind = if counts.len() < MOST_TYPES || counts.contains_key(&kind) { kind } else { "<other>".to_owned() };
    *counts.entry(kind).or_default() += 1;
}
