//! One session as the server sees it: messages and time in, messages out. Like the other dialect's it does no I/O.

use super::{
    closing::Closing,
    events::{self, Tokens},
    fields::{self, MESSAGE},
    hearing::Hearing,
    memory::{Memory, Snapshot},
    models::Affective,
    results::{Gathered, OpenCall},
    setup::{self, Setup},
    speaking::Turn,
    tools,
};
use crate::simulator::{
    connection::Dialogue,
    ids::Ids,
    journal::Journal,
    scenario::{Scenario, TranscriptTime},
    script::Script,
};
use serde_json::{Value, json};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The client is warned so long before the end, or in the middle of a shorter life.
const NOTICE: Duration = Duration::from_secs(60);

/// By which door a client came, and as whom.
#[derive(Clone, Default)]
pub(super) struct Access {
    pub(super) vertex: bool,
    pub(super) any_model: bool,
    /// Never printed.
    pub(super) token: Option<String>,
    pub(super) until: Option<Instant>,
    /// Who must not come in is told so when the first message asks for something.
    pub(super) refused: Option<Closing>,
}

/// What happens later.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Timer {
    /// A reply that was asked for a while ago begins.
    Begin,
    /// Words of the user.
    Heard(String),
    GoAway,
    End,
}

/// The server side of one session.
pub(in crate::simulator) struct Peer {
    access: Access,
    memory: Arc<Memory>,
    /// What was asked for; nothing else is taken before it.
    setup: Option<Setup>,
    pub(super) script: Script,
    pub(super) ids: Ids,
    pub(super) hearing: Hearing,
    pub(super) turn: Turn,
    /// The user waits for a reply that could not begin yet.
    pub(super) owed: bool,
    /// Results of functions wait for their reply.
    pub(super) results: bool,
    pub(super) calls: Vec<OpenCall>,
    /// What became of the calls that went out with them.
    pub(super) gathered: Gathered,
    /// Transcripts that wait for the reply.
    pub(super) waiting: Vec<(TranscriptTime, Duration, String)>,
    /// The history that was announced is not complete.
    pub(super) seeding: bool,
    /// Something was said in realtime.
    pub(super) live: bool,
    /// Tokens of everything before this turn, and of what the model said in it.
    pub(super) context: Tokens,
    pub(super) spent: Tokens,
    /// Client messages so far.
    consumed: u64,
    pub(super) timers: Vec<(Instant, Timer)>,
    pub(super) now: Instant,
    journal: Journal,
    connection: u64,
    out: VecDeque<Value>,
    close: Option<Closing>,
}

impl Peer {
    /// Waits for a setup, for as long as a session may last.
    pub(super) fn new(
        access: Access,
        scenario: Arc<Scenario>,
        memory: Arc<Memory>,
        journal: Journal,
        connection: u64,
        life: Duration,
    ) -> Self {
        let now = Instant::now();
        let notice = NOTICE.min(life / 2);
        Self {
            access,
            memory,
            setup: None,
            script: Script::new(scenario),
            ids: Ids::new(),
            hearing: Hearing::new(),
            turn: Turn::Idle,
            owed: false,
            results: false,
            calls: Vec::new(),
            gathered: Gathered::default(),
            waiting: Vec::new(),
            seeding: false,
            live: false,
            context: Tokens::default(),
            spent: Tokens::default(),
            consumed: 0,
            timers: vec![(now + (life - notice), Timer::GoAway), (now + life, Timer::End)],
            now,
            journal,
            connection,
            out: VecDeque::new(),
            close: None,
        }
    }

    fn end(&mut self, closing: Closing) {
        self.close.get_or_insert(closing);
    }

    fn take(&mut self, bytes: &[u8], now: Instant) -> Option<String> {
        self.now = now;
        // Whoever was refused is not listened to.
        if self.close.is_some() {
            return None;
        }
        let taken = match serde_json::from_slice::<Value>(bytes) {
            Err(_) => {
                self.journal.client(self.connection, &json!({"type": "<not JSON>", "bytes": bytes.len()}));
                Err(Closing::invalid("Invalid JSON payload received. Parsing terminated before end of input."))
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

    fn dispatch(&mut self, message: &Value) -> Result<(), Closing> {
        if let Some(refused) = self.access.refused.take() {
            return Err(refused);
        }
        if self.access.until.is_some_and(|until| until <= self.now) {
            return Err(Closing::policy("Token has expired."));
        }
        let message = fields::read(message, MESSAGE, "")?;
        let mut parts = message.as_object().into_iter().flatten();
        let Some((kind, value)) = parts.next() else { return Err(Closing::argument()) };
        if let Some((second, _)) = parts.next() {
            let text =
                format!("Invalid value (oneof), oneof field 'message_type' is already set. Cannot set '{second}'.");
            return Err(Closing::invalid(text));
        }
        self.consumed += 1;
        match (kind.as_str(), &self.setup) {
            ("setup", None) => return self.begin_session(value),
            ("setup", Some(_)) => return Err(Closing::invalid("setup must be sent once, as the first message.")),
            (_, None) => return Err(Closing::invalid("setup must be the first message.")),
            (_, Some(setup)) if setup.affective && setup.model.affective == Affective::RefusedLater => {
                return Err(Closing::argument());
            }
            _ => {}
        }
        match kind.as_str() {
            "clientContent" => self.client_content(value),
            "realtimeInput" => self.realtime_input(value),
            "toolResponse" => self.tool_response(value),
            _ => self.context_update(value),
        }
    }

    fn begin_session(&mut self, asked: &Value) -> Result<(), Closing> {
        let asked = match &self.access.token {
            Some(token) => self.memory.admit(token, asked.clone())?,
            None => asked.clone(),
        };
        let setup = setup::read(&asked, self.access.vertex, self.access.any_model)?;
        if let Some(handle) = setup.resumption.as_ref().and_then(|wish| wish.handle.as_deref()) {
            let known = self.memory.resume(handle);
            let snapshot = known.ok_or_else(|| Closing::invalid("Invalid session resumption handle."))?;
            self.script = snapshot.script;
            self.context = snapshot.context;
        }
        self.context.text += setup.instructions;
        self.seeding = setup.seeded;
        self.setup = Some(setup);
        let session = self.ids.next("");
        self.send(events::setup_complete(&session));
        Ok(())
    }

    /// Changes of instructions and functions, which only the latest models take (no other was seen to).
    fn context_update(&mut self, update: &Value) -> Result<(), Closing> {
        let Some(setup) = &mut self.setup else { return Err(Closing::precondition()) };
        let (instructions, wrapped) = (update.get("systemInstruction"), update.get("tools"));
        if !setup.model.latest || (instructions.is_none() && wrapped.is_none()) {
            return Err(Closing::argument());
        }
        if let Some(instructions) = instructions {
            self.context.text += setup::instructions(instructions)?;
        }
        if let Some(wrapped) = wrapped {
            setup.functions = tools::read(&wrapped["tools"], setup.model)?;
        }
        Ok(())
    }

    /// The session's setup.
    pub(super) fn setup(&self) -> Result<&Setup, Closing> {
        self.setup.as_ref().ok_or_else(Closing::precondition)
    }

    pub(super) fn vertex(&self) -> bool {
        self.access.vertex
    }

    /// Tells whether the conversation can be resumed as it stands now, if anybody asked.
    pub(super) fn offer(&mut self, resumable: bool) {
        let Some(wish) = self.setup.as_ref().and_then(|setup| setup.resumption.as_ref()) else { return };
        let consumed = wish.transparent.then_some(self.consumed);
        let keep = || self.memory.keep(Snapshot { script: self.script.clone(), context: self.context });
        let handle = resumable.then(keep);
        self.send(events::resumption(handle.as_deref(), consumed));
    }

    pub(super) fn send(&mut self, message: Value) {
        self.out.push_back(message);
    }

    pub(super) fn later(&mut self, delay: Duration, timer: Timer) {
        self.timers.push((self.now + delay, timer));
    }

    pub(super) fn heard_samples(&self, samples: u64) {
        self.journal.audio(self.connection, usize::try_from(samples).unwrap_or_default());
    }

    pub(super) fn took_result(&self, id: &str, response: &Value) {
        self.journal.tool_result(self.connection, &json!({"call_id": id, "output": response.to_string()}));
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Begin => self.begin(),
            Timer::Heard(text) => self.send(events::transcription("inputTranscription", &text)),
            Timer::GoAway => {
                let left = self.timers.iter().find(|(_, timer)| *timer == Timer::End).map(|(at, _)| *at - self.now);
                self.send(events::go_away(left.unwrap_or_default()));
            }
            Timer::End => self.end(Closing::policy("Connection aborted: the client did not leave after goAway.")),
        }
    }
}

impl Dialogue for Peer {
    fn on_text(&mut self, text: &str, now: Instant) -> Option<String> {
        self.take(text.as_bytes(), now)
    }

    fn on_binary(&mut self, bytes: &[u8], now: Instant) -> Option<String> {
        self.take(bytes, now)
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
        self.timers.iter().map(|(at, _)| *at).chain(self.turn.due()).min()
    }

    fn on_time(&mut self, now: Instant) {
        self.now = now;
        self.stream();
        let (due, later) = std::mem::take(&mut self.timers).into_iter().partition(|(at, _)| *at <= now);
        self.timers = later;
        let due: Vec<(Instant, Timer)> = due;
        due.into_iter().for_each(|(_, timer)| self.due(timer));
    }
}
