//! One conversation as the server sees it: messages and time in, messages out. Like the other dialects' it does no I/O.

use super::{
    calls::OpenCall,
    closing::Closing,
    events,
    hearing::Hearing,
    memory::Memory,
    setup::{self, Setup},
    turn::Turn,
    waiting::Watch,
};
use crate::simulator::{
    connection::Dialogue,
    events::tokens,
    ids::Ids,
    journal::Journal,
    scenario::{Agent, Scenario, TranscriptTime},
    script::Script,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// By which door a client came.
#[derive(Clone, Default)]
pub(super) struct Access {
    /// Who must not come in is told so when the first message asks for something.
    pub(super) refused: Option<Closing>,
    /// The conversation that the signed URL is for.
    pub(super) conversation: Option<String>,
}

/// What happens later.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Timer {
    /// A reply that was asked for a while ago begins.
    Begin,
    /// Words of the user with their number, and whether the reply waits for them.
    Heard(u64, String, bool),
    Ping,
    /// The queue comes to its end.
    Admit,
    /// A tool has run.
    Ran(String),
    /// A tool, or an approval, has been waited for long enough.
    TooLate(String),
    /// The conversation has lasted long enough.
    End,
}

/// The server side of one conversation.
pub(in crate::simulator) struct Peer {
    access: Access,
    pub(super) memory: Arc<Memory>,
    /// What was asked for; nothing else is taken before it.
    setup: Option<Setup>,
    pub(super) conversation: String,
    pub(super) script: Script,
    pub(super) ids: Ids,
    /// The number that was given last.
    number: u64,
    pub(super) hearing: Hearing,
    pub(super) turn: Turn,
    /// The user waits for a reply that could not begin yet.
    pub(super) owed: bool,
    /// Ids of messages that wait for the reply.
    pub(super) asked: Vec<String>,
    pub(super) calls: Vec<OpenCall>,
    /// Transcripts that wait for the reply.
    pub(super) waiting: Vec<(TranscriptTime, Duration, u64, String)>,
    /// Tokens of the conversation so far, and of updates that others can supersede.
    pub(super) context: u64,
    pub(super) updates: BTreeMap<String, u64>,
    pub(super) watch: Watch,
    timers: Vec<(Instant, Timer)>,
    pub(super) now: Instant,
    life: Duration,
    began: Instant,
    journal: Journal,
    connection: u64,
    out: VecDeque<Value>,
    close: Option<Closing>,
}

impl Peer {
    /// Waits for what the client says about the conversation.
    pub(super) fn new(
        access: Access,
        scenario: Arc<Scenario>,
        memory: Arc<Memory>,
        journal: Journal,
        connection: u64,
        life: Duration,
    ) -> Self {
        let now = Instant::now();
        let mut ids = Ids::new();
        let conversation = access.conversation.clone().unwrap_or_else(|| ids.next("conv_"));
        Self {
            access,
            memory,
            setup: None,
            conversation,
            hearing: Hearing::new(scenario.agent.input_format),
            script: Script::new(scenario),
            ids,
            number: 0,
            turn: Turn::Idle,
            owed: false,
            asked: Vec::new(),
            calls: Vec::new(),
            waiting: Vec::new(),
            context: 0,
            updates: BTreeMap::new(),
            watch: Watch::new(now),
            timers: vec![(now + life, Timer::End)],
            now,
            life,
            began: now,
            journal,
            connection,
            out: VecDeque::new(),
            close: None,
        }
    }

    /// Ends the conversation, once.
    pub(super) fn end(&mut self, mut closing: Closing) {
        if self.close.is_some() {
            return;
        }
        self.out.extend(closing.error.take());
        self.close = Some(closing);
    }

    fn take(&mut self, text: &str) -> Option<String> {
        // Whoever was refused is not listened to.
        if self.close.is_some() {
            return None;
        }
        let taken = match serde_json::from_str::<Value>(text) {
            Err(_) => {
                self.journal.client(self.connection, &json!({"type": "<not JSON>", "bytes": text.len()}));
                Err(Closing::invalid("Expected a JSON object."))
            }
            Ok(message) => {
                self.journal.client(self.connection, &message);
                self.dispatch(&message).map(|()| events::kind(&message).map(str::to_owned))
            }
        };
        taken.unwrap_or_else(|closing| {
            self.end(closing);
            None
        })
    }

    /// Inferred: what the service does not know, and what comes before the first message or that one again, ends the
    /// conversation. Fields that it does not know are of no consequence.
    fn dispatch(&mut self, message: &Value) -> Result<(), Closing> {
        if let Some(refused) = self.access.refused.take() {
            return Err(refused);
        }
        let Some(kind) = events::kind(message) else { return Err(Closing::missing("type")) };
        match (kind, &self.setup) {
            ("conversation_initiation_client_data", None) => return self.begin_conversation(message),
            ("conversation_initiation_client_data", Some(_)) => {
                return Err(Closing::invalid("conversation_initiation_client_data can be sent once."));
            }
            (_, None) => {
                return Err(Closing::invalid("conversation_initiation_client_data must be the first message."));
            }
            _ => {}
        }
        if kind != "pong" {
            self.watch.received(self.now);
        }
        match kind {
            "user_audio_chunk" => self.audio_chunk(message),
            "pong" => self.pong(message),
            "user_message" => self.user_message(message),
            "user_activity" => self.user_activity(),
            "contextual_update" => self.contextual_update(message),
            "client_tool_result" => self.client_tool_result(message),
            "mcp_tool_approval_result" => self.approval(message),
            "feedback" => Self::feedback(message),
            "multimodal_message" => self.multimodal_message(message),
            other => {
                let name: String = other.chars().take(48).collect();
                Err(Closing::invalid(format!("Unknown message type '{name}'.")))
            }
        }
    }

    fn begin_conversation(&mut self, message: &Value) -> Result<(), Closing> {
        let setup = setup::read(message, self.script.scenario())?;
        if let Some(longest) = setup.longest.filter(|longest| *longest < self.life) {
            self.timers.retain(|(_, timer)| *timer != Timer::End);
            self.timers.push((self.began + longest, Timer::End));
        }
        self.context = tokens(&setup.instructions);
        self.setup = Some(setup);
        self.memory.open(&self.conversation);
        self.watch.received(self.now);
        let agent = self.agent();
        let metadata = events::metadata(&self.conversation, agent.output_format.name(), agent.input_format.name());
        let ping = Duration::from_millis(agent.ping_interval_ms.into());
        self.tell(metadata);
        if self.wants("ping") {
            self.later(ping, Timer::Ping);
        }
        self.enter();
        Ok(())
    }

    /// What the owner has set up.
    pub(super) fn agent(&self) -> &Agent {
        &self.script.scenario().agent
    }

    /// What the client has said about the conversation.
    pub(super) fn setup(&self) -> Option<&Setup> {
        self.setup.as_ref()
    }

    pub(super) fn text_only(&self) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.text_only)
    }

    /// The next number, which events of one reply and one turn of the user share.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(super) fn wants(&self, kind: &str) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.wants(kind))
    }

    /// Sends an event, if the client is to be told of its kind.
    pub(super) fn tell(&mut self, event: Value) {
        if self.wants(event["type"].as_str().unwrap_or_default()) {
            self.out.push_back(event);
        }
    }

    pub(super) fn later(&mut self, delay: Duration, timer: Timer) {
        self.timers.push((self.now + delay, timer));
    }

    /// Takes a timer back; true if it was set.
    pub(super) fn never(&mut self, timer: &Timer) -> bool {
        let before = self.timers.len();
        self.timers.retain(|(_, set)| set != timer);
        self.timers.len() < before
    }

    pub(super) fn retain_timers(&mut self, keep: impl Fn(&Timer) -> bool) {
        self.timers.retain(|(_, set)| keep(set));
    }

    pub(super) fn heard_samples(&self, samples: usize) {
        self.journal.audio(self.connection, samples);
    }

    pub(super) fn took_result(&self, id: &str, result: &str) {
        self.journal.tool_result(self.connection, &json!({"call_id": id, "output": result}));
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Begin => self.begin(),
            Timer::Heard(number, text, answered) => self.transcribe(number, &text, answered),
            Timer::Ping => self.ping(),
            Timer::Admit => self.admit(),
            Timer::Ran(id) => self.ran(&id),
            Timer::TooLate(id) => self.too_late(&id),
            Timer::End => self.end(Closing::too_long()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.memory.close(&self.conversation);
    }
}

impl Dialogue for Peer {
    fn on_text(&mut self, text: &str, now: Instant) -> Option<String> {
        self.now = now;
        self.take(text)
    }

    /// Frames are text, both ways.
    fn on_binary(&mut self, bytes: &[u8], now: Instant) -> Option<String> {
        self.now = now;
        self.journal.client(self.connection, &json!({"type": "<binary>", "bytes": bytes.len()}));
        self.end(Closing::invalid("Expected a text frame."));
        None
    }

    fn next_event(&mut self) -> Option<Value> {
        self.out.pop_front()
    }

    fn closing(&self) -> Option<(u16, &str)> {
        self.close.as_ref().map(|closing| (closing.code, closing.reason.as_str()))
    }

    fn deadline(&self) -> Option<Instant> {
        if self.close.is_some() {
            return None;
        }
        let timers = self.timers.iter().map(|(at, _)| *at);
        timers.chain(self.turn.due()).chain(self.silence_due()).min()
    }

    fn on_time(&mut self, now: Instant) {
        self.now = now;
        self.stream();
        let (due, later) = std::mem::take(&mut self.timers).into_iter().partition(|(at, _)| *at <= now);
        self.timers = later;
        let due: Vec<(Instant, Timer)> = due;
        for (_, timer) in due {
            if self.close.is_none() {
                self.due(timer);
            }
        }
        self.mind_silence();
    }
}
