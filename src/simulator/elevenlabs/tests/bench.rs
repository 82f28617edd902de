//! One conversation without a socket, in virtual time.

use crate::simulator::{
    connection::Dialogue,
    elevenlabs::{
        events, formats,
        memory::Memory,
        peer::{Access, Peer},
    },
    journal::Journal,
    listening,
    scenario::{AudioFormat, Scenario},
    tests::client::{clip, fast, silence},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

pub(super) const LIFE: Duration = Duration::from_secs(3600);
/// What most tests want to be told, beside the defaults.
pub(super) const EVERYTHING: &[&str] = &[
    "audio",
    "interruption",
    "agent_response",
    "agent_response_correction",
    "agent_response_complete",
    "user_transcript",
    "conversation_initiation_metadata",
    "client_tool_call",
    "agent_tool_request",
    "agent_tool_response",
    "mcp_tool_call",
    "context_usage",
];

pub(super) struct Bench {
    pub(super) peer: Peer,
    pub(super) memory: Arc<Memory>,
    began: Instant,
    pub(super) now: Instant,
}

impl Bench {
    /// A conversation that nobody has begun, with this scenario.
    pub(super) fn bare(scenario: Value) -> Self {
        Self::with(Access::default(), fast(scenario))
    }

    pub(super) fn with(access: Access, scenario: Scenario) -> Self {
        let (now, memory) = (Instant::now(), Arc::new(Memory::default()));
        let peer = Peer::new(access, Arc::new(scenario), memory.clone(), Journal::new(), 1, LIFE);
        Self { peer, memory, began: now, now }
    }

    /// One that is told everything, with these turns.
    pub(super) fn of(turns: Value) -> Self {
        Self::begun(json!({"turns": turns}), json!({}))
    }

    /// One with this scenario, these overrides, and everything told.
    pub(super) fn begun(scenario: Value, mut overrides: Value) -> Self {
        let mut bench = Self::bare(scenario);
        if overrides["conversation"].get("client_events").is_none() {
            overrides["conversation"]["client_events"] = json!(EVERYTHING);
        }
        bench.begin(json!({"conversation_config_override": overrides}));
        let first = bench.peer.next_event().unwrap_or_else(|| panic!("{:?}", bench.closed()));
        assert_eq!(first["type"], "conversation_initiation_metadata", "{:?}", bench.closed());
        bench
    }

    /// Sends the first message with these fields.
    pub(super) fn begin(&mut self, mut data: Value) {
        data["type"] = json!("conversation_initiation_client_data");
        self.send(data);
    }

    /// Takes a message; it may be refused.
    pub(super) fn send(&mut self, message: Value) {
        self.peer.on_text(&message.to_string(), self.now);
    }

    /// How the conversation was closed.
    pub(super) fn closed(&self) -> Option<(u16, String)> {
        self.peer.closing().map(|(code, reason)| (code, reason.to_owned()))
    }

    pub(super) fn type_text(&mut self, text: &str) {
        self.send(json!({"type": "user_message", "text": text}));
    }

    /// Sound at 24 kHz, as 16 kHz.
    pub(super) fn speak(&mut self, samples: &[i16]) {
        self.speak_as(samples, AudioFormat::Pcm16000);
    }

    /// Time passes while somebody speaks.
    pub(super) fn speak_as(&mut self, samples: &[i16], format: AudioFormat) {
        for piece in formats::convert(samples, format).chunks(format.rate() as usize / 10) {
            self.send(json!({"user_audio_chunk": formats::encode(piece, format)}));
        }
    }

    /// A question and the silence after it.
    pub(super) fn ask(&mut self) {
        self.speak(&clip("question1"));
        self.speak(&silence(1000));
    }

    /// What has been sent by now.
    pub(super) fn sent(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.peer.next_event()).collect()
    }

    /// Lets time pass until an event of this kind; all events up to it.
    pub(super) fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            while let Some(event) = self.peer.next_event() {
                events.push(event);
                if events::kind(&events[events.len() - 1]) == Some(kind) {
                    return events;
                }
            }
            assert_eq!(self.peer.closing(), None, "waiting for {kind}");
            let due = self.peer.deadline().expect("the end of a conversation is always due");
            self.now = self.now.max(due);
            self.peer.on_time(self.now);
        }
    }

    /// A whole reply of the agent, until it has been played.
    pub(super) fn reply(&mut self) -> Vec<Value> {
        self.until("agent_response_complete")
    }

    /// The same, and its words.
    pub(super) fn words(&mut self) -> String {
        said(&self.reply()).join(" ")
    }

    /// Lets everything happen for so long; what was sent then.
    pub(super) fn wait(&mut self, length: Duration) -> Vec<Value> {
        let end = self.now + length;
        let mut events = self.sent();
        while let Some(due) = self.peer.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.peer.on_time(self.now);
            events.extend(self.sent());
        }
        self.now = end;
        events
    }

    /// Lets time pass until the conversation is closed; what was sent meanwhile.
    pub(super) fn until_closed(&mut self) -> Vec<Value> {
        let mut events = self.sent();
        while let Some(due) = self.peer.deadline() {
            self.now = self.now.max(due);
            self.peer.on_time(self.now);
            events.extend(self.sent());
        }
        assert!(self.closed().is_some());
        events
    }

    /// Since the conversation began.
    pub(super) fn time(&self) -> Duration {
        self.now - self.began
    }
}

/// The kinds of `events`, each run of the same kind once.
pub(super) fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

pub(super) fn all<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// What the agent is told to have said, message by message.
pub(super) fn said(events: &[Value]) -> Vec<&str> {
    let told = all(events, "agent_response").into_iter();
    told.map(|event| event["agent_response_event"]["agent_response"].as_str().unwrap()).collect()
}

pub(super) fn transcripts(events: &[Value]) -> Vec<&str> {
    let told = all(events, "user_transcript").into_iter();
    told.map(|event| event["user_transcription_event"]["user_transcript"].as_str().unwrap()).collect()
}

/// Bytes of audio.
pub(super) fn sound(events: &[Value]) -> usize {
    let audio = all(events, "audio").into_iter();
    audio
        .map(|event| {
            let base64 = event["audio_event"]["audio_base_64"].as_str().unwrap();
            base64_simd::STANDARD.decode_to_vec(base64.as_bytes()).unwrap().len()
        })
        .sum()
}

/// The number of an event, wherever its payload is.
pub(super) fn number(event: &Value) -> u64 {
    let payload = event.as_object().unwrap().values().find(|value| value.is_object()).unwrap();
    payload["event_id"].as_u64().unwrap_or_else(|| panic!("{event}"))
}

/// The type of the error that was told before the end, if there was one.
pub(super) fn error_of(events: &[Value]) -> Option<String> {
    all(events, "error").last().map(|event| event["error_event"]["error_type"].as_str().unwrap().to_owned())
}

/// Samples as base64.
pub(super) fn pcm(samples: &[i16]) -> String {
    listening::encode(samples)
}
