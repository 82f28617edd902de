//! One session without a socket, in virtual time: as many of them one after another as a test likes.

use crate::simulator::{
    connection::Dialogue,
    gemini::{
        events,
        memory::Memory,
        peer::{Access, Peer},
    },
    journal::Journal,
    listening,
    scenario::Scenario,
    tests::client::{clip, fast, silence},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

pub(super) const LATEST: &str = "gemini-3.8-live";
pub(super) const THINKER: &str = "gemini-3.8-live-extended-thinking";
pub(super) const LEGACY: &str = "gemini-3.1-flash-live-preview";
pub(super) const OLDER: &str = "gemini-2.5-flash-native-audio-preview-12-2025";
/// On Vertex; it writes.
pub(super) const WRITER: &str = "publishers/google/models/gemini-live-2.5-flash";
pub(super) const LIFE: Duration = Duration::from_secs(600);

pub(super) struct Bench {
    pub(super) peer: Peer,
    scenario: Arc<Scenario>,
    memory: Arc<Memory>,
    began: Instant,
    now: Instant,
}

impl Bench {
    /// A session that nobody has set up, with these turns of a scenario.
    pub(super) fn bare(turns: Value) -> Self {
        Self::with(Access::default(), fast(json!({"turns": turns})))
    }

    pub(super) fn with(access: Access, scenario: Scenario) -> Self {
        let (scenario, memory) = (Arc::new(scenario), Arc::new(Memory::default()));
        let peer = Peer::new(access, scenario.clone(), memory.clone(), Journal::new(), 1, LIFE);
        let now = Instant::now();
        Self { peer, scenario, memory, began: now, now }
    }

    /// A session of `model` with these fields of the setup.
    pub(super) fn of(model: &str, setup: Value, turns: Value) -> Self {
        let vertex = model.contains('/');
        let mut bench = Self::with(Access { vertex, ..Access::default() }, fast(json!({"turns": turns})));
        bench.set_up(model, setup);
        bench
    }

    /// Another connection to the same service.
    pub(super) fn again(&mut self) {
        let (scenario, memory) = (self.scenario.clone(), self.memory.clone());
        self.peer = Peer::new(Access::default(), scenario, memory, Journal::new(), 2, LIFE);
    }

    pub(super) fn set_up(&mut self, model: &str, setup: Value) {
        self.send(json!({"setup": setup_of(model, setup)}));
        assert_eq!(kinds(&self.sent()), ["setupComplete"], "{:?}", self.peer.closing());
    }

    /// Takes a message; it may be refused.
    pub(super) fn send(&mut self, message: Value) {
        self.peer.on_text(&message.to_string(), self.now);
    }

    /// How the session was closed.
    pub(super) fn closed(&self) -> Option<(u16, String)> {
        self.peer.closing().map(|(code, reason)| (code, reason.to_owned()))
    }

    pub(super) fn realtime(&mut self, field: &str, value: Value) {
        self.send(json!({"realtimeInput": {field: value}}));
    }

    pub(super) fn speak(&mut self, samples: &[i16]) {
        self.speak_at(samples, 24_000);
    }

    pub(super) fn speak_at(&mut self, samples: &[i16], rate: usize) {
        for piece in samples.chunks(rate / 10) {
            let mime = format!("audio/pcm;rate={rate}");
            self.realtime("audio", json!({"mimeType": mime, "data": listening::encode(piece)}));
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

    /// Lets time pass until a message of this kind; all messages up to it.
    pub(super) fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            while let Some(event) = self.peer.next_event() {
                events.push(event);
                if events::kind(events.last().unwrap()) == Some(kind) {
                    return events;
                }
            }
            self.pass(kind);
        }
    }

    fn pass(&mut self, awaited: &str) {
        assert_eq!(self.peer.closing(), None, "waiting for {awaited}");
        let due = self.peer.deadline().expect("the end of a session is always due");
        self.now = self.now.max(due);
        self.peer.on_time(self.now);
    }

    /// A whole turn of the model.
    pub(super) fn turn(&mut self) -> Vec<Value> {
        self.until("serverContent.turnComplete")
    }

    /// The same, and what was said in it.
    pub(super) fn words(&mut self) -> String {
        said(&self.turn())
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

    /// Since the session began.
    pub(super) fn time(&self) -> Duration {
        self.now - self.began
    }
}

/// A setup with what most tests want.
pub(super) fn setup_of(model: &str, mut setup: Value) -> Value {
    setup["model"] = json!(if model.contains('/') { model.to_owned() } else { format!("models/{model}") });
    if setup.get("outputAudioTranscription").is_none() {
        setup["outputAudioTranscription"] = json!({});
    }
    if model == THINKER && setup.get("generationConfig").is_none() {
        setup["generationConfig"] = json!({"thinkingConfig": {"thinkingLevel": "LOW"}});
    }
    setup
}

/// The kinds of `events`, each run of the same kind once.
pub(super) fn kinds(events: &[Value]) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = events.iter().map(|event| events::kind(event).unwrap()).collect();
    kinds.dedup();
    kinds
}

/// All words of one side.
pub(super) fn transcript(events: &[Value], field: &str) -> String {
    events.iter().filter_map(|event| event["serverContent"][field]["text"].as_str()).collect()
}

pub(super) fn said(events: &[Value]) -> String {
    transcript(events, "outputTranscription")
}

pub(super) fn user(text: &str) -> Value {
    json!({"role": "user", "parts": [{"text": text}]})
}

/// `clientContent` with one turn, to be answered.
pub(super) fn typed(text: &str) -> Value {
    json!({"clientContent": {"turns": [user(text)], "turnComplete": true}})
}
