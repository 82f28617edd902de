//! One conversation with a person, a tool, a speaker and a line that dies once or twice.

use crate::{
    common::{PER_MS, Talk, frame_of},
    vendor::{QUESTION_MS, Vendor},
};
use duologue::{
    error::{Error, ErrorClass},
    event::{Agent, EventKind, MessageChange, MessageOp, OpId, Status, TranscriptMode},
    message::{CallRef, Message, Part, Role},
    session::{Command, Input, Output},
    time::Time,
};
use serde_json::json;
use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
};

const TICK_MS: u64 = 40;
const QUESTIONS: usize = 3;
/// How long a tool works.
const TOOL_MS: u64 = 200;
/// How long a transport takes to open.
const DIAL_MS: u64 = 40;
/// When a transport that hears nothing says so, and how often it makes the service say something.
const DEAD_MS: u64 = 15_000;
const PING_MS: u64 = 10_000;
/// The person goes on when the assistant has been silent for so long.
const PAUSE_MS: u64 = 400;
/// The person asks again when there was no answer for so long.
const PATIENCE_MS: u64 = 25_000;
/// Nothing of this lasts so long.
const LIMBO_MS: u64 = 180_000;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Close 1001.
    GoingAway,
    /// No close frame: 1006.
    Cut,
    /// Close 1011.
    Broken,
    /// Nothing passes in either direction, and the transport finds out after 15 s.
    Silent,
    /// The host says that the network is another one.
    Network,
}

pub const DEATHS: [Death; 5] = [Death::GoingAway, Death::Cut, Death::Broken, Death::Silent, Death::Network];

/// How the person talks, and how fast the vendor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The vendor finds turns; words of the user come before the answer, the answer at twice its pace.
    Spoken,
    /// Words of the user come in the middle of the answer, all of which comes at once.
    Hasty,
    /// The person holds a button.
    ByHand,
    /// The person types.
    Typed,
}

/// When the line dies.
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    pub at: usize,
    pub death: Death,
    /// The next connection dies too, after so many boundaries.
    pub again: Option<usize>,
}

/// What the person is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Speaking(u64),
    Listening,
}

pub struct World {
    pub style: Style,
    pub talk: Talk,
    pub vendor: Vendor,
    kill: Option<Kill>,
    /// Boundaries of the conversation so far, by name; counted from the first connection on.
    pub boundaries: Vec<String>,
    /// Where the first death was.
    died: Option<usize>,
    /// The transport of this connection finds out then that it is dead.
    dead: Option<(u32, Time)>,
    /// When the service said something last.
    heard_of: Time,
    dialled: Option<Time>,
    doing: Doing,
    asked: usize,
    /// When the question at hand was asked, and how far the speaker was.
    since: (Time, u64),
    played: u64,
    quiet_since: Time,
    agent: Agent,
    pub repeats: usize,
    tools: VecDeque<(Time, CallRef)>,
    pub runs: usize,
    pub cancelled: usize,
    pub results: Vec<OpId>,
    pub refused: Vec<(OpId, Error)>,
    pub complaints: Vec<String>,
    /// Words of the assistant as they came, by item.
    pub received: HashMap<String, String>,
    /// Order of the messages as a host follows it.
    pub mirror: Vec<String>,
    /// Messages that left although they had words, or were heard.
    pub vanished: Vec<String>,
    /// `session_replaced`: context and gap.
    pub replaced: Vec<(String, u64)>,
}

impl World {
    pub fn new(style: Style, kill: Option<Kill>) -> Self {
        let by_hand = style == Style::ByHand;
        let mode = if by_hand { "manual" } else { "server" };
        let config = json!({"recovery": {}, "turn_detection": {"mode": mode}, "tools": [{"name": "look"}],
            "auto_capture": matches!(style, Style::Spoken | Style::Hasty)});
        Self {
            style,
            talk: Talk::new(config),
            vendor: Vendor::new(style == Style::Hasty),
            kill,
            boundaries: vec![],
            died: None,
            dead: None,
            heard_of: Time(0),
            dialled: None,
            doing: Doing::Listening,
            asked: 0,
            since: (Time(0), 0),
            played: 0,
            quiet_since: Time(0),
            agent: Agent::Idle,
            repeats: 0,
            tools: VecDeque::new(),
            runs: 0,
            cancelled: 0,
            results: vec![],
            refused: vec![],
            complaints: vec![],
            received: HashMap::new(),
            mirror: vec![],
            vanished: vec![],
            replaced: vec![],
        }
    }

    /// The whole conversation.
    pub fn run(&mut self) {
        self.talk.host(Command::Connect);
        self.listen();
        while !self.is_connected() {
            self.tick();
        }
        self.boundaries.clear();
        (self.quiet_since, self.since) = (self.talk.now, (self.talk.now, 0));
        while !self.is_over() {
            self.tick();
            assert!(self.talk.now < Time(0).after_ms(LIMBO_MS), "limbo: {}", self.describe());
        }
        // What comes too late comes now.
        let end = self.talk.now.after_ms(1_000);
        while self.talk.now < end || !self.is_connected() {
            self.tick();
        }
    }

    pub fn describe(&self) -> String {
        let at = self.died.map(|at| self.boundaries[..=at.min(self.boundaries.len() - 1)].last().cloned());
        format!(
            "{:?} {:?} after {at:?}; asked {} status {:?}, agent {:?}, vendor {:?}, messages {:#?}",
            self.style,
            self.kill,
            self.asked,
            self.talk.session.status(),
            self.agent,
            self.vendor.items,
            self.talk.session.messages(),
        )
    }

    fn is_connected(&self) -> bool {
        *self.talk.session.status() == Status::Connected
    }

    fn is_over(&self) -> bool {
        self.asked == QUESTIONS && self.has_answer() && self.doing == Doing::Listening
    }

    /// The question at hand was answered, and the assistant has finished.
    fn has_answer(&self) -> bool {
        let heard_ms = (self.played - self.since.1) / PER_MS;
        let paused = self.talk.now >= self.quiet_since.after_ms(PAUSE_MS);
        paused && (self.asked == 0 || heard_ms >= 300)
    }

    /// Something happened: is this where the line dies?
    fn boundary(&mut self, name: &str) {
        self.boundaries.push(name.to_owned());
        let Some(kill) = self.kill else { return };
        let n = self.boundaries.len() - 1;
        match self.died {
            None if n == kill.at && self.is_connected() => {
                self.died = Some(n);
                self.dies(kill.death);
            }
            Some(first) if kill.again.is_some_and(|more| n == first + more) && self.dead.is_none() => {
                self.dies(Death::Cut);
            }
            _ => {}
        }
    }

    fn dies(&mut self, death: Death) {
        self.vendor.dies();
        match death {
            Death::GoingAway => self.talk.closed(Some(1001), "going away", None),
            Death::Cut => self.talk.closed(None, "", None),
            Death::Broken => self.talk.closed(Some(1011), "internal", None),
            Death::Silent => {
                let ago = self.talk.now.ms_since(self.heard_of) % PING_MS;
                self.dead = Some((self.talk.epoch, self.talk.now.after_ms(DEAD_MS - ago)));
            }
            Death::Network => _ = self.talk.host(Command::NetworkChanged),
        }
    }

    fn tick(&mut self) {
        self.talk.pass(TICK_MS);
        self.listen();
        if let Some((epoch, _)) = self.dead.take_if(|(_, at)| self.talk.now >= *at) {
            let error = Error::new(ErrorClass::Network, "silent", "nothing came").retryable();
            self.talk.input(Input::Closed { epoch, code: None, reason: String::new(), error: Some(error) });
            self.listen();
        }
        if self.dialled.take_if(|at| self.talk.now >= *at).is_some() {
            self.talk.opened();
            self.vendor.greets();
            self.listen();
        }
        self.person();
        self.works();
        let burst = if self.style == Style::Hasty { 100 } else { 4 };
        for _ in 0..burst {
            let Some((kind, fields)) = self.vendor.next() else { break };
            self.heard_of = self.talk.now;
            self.talk.server(kind, fields);
            self.boundary(kind);
            self.listen();
        }
        self.plays();
    }

    fn person(&mut self) {
        let speaks = self.style != Style::Typed;
        let mut loudness = 0;
        match self.doing {
            Doing::Speaking(0) => {
                self.doing = Doing::Listening;
                self.since = (self.talk.now, self.played);
                self.quiet_since = self.talk.now;
                if self.style == Style::ByHand {
                    self.talk.host(Command::StopListening);
                    self.listen();
                }
            }
            Doing::Speaking(left) => {
                loudness = 1000 * self.asked as i16;
                self.doing = Doing::Speaking(left.saturating_sub(TICK_MS));
            }
            Doing::Listening => {
                let answered = self.has_answer();
                let lost = self.talk.now >= self.since.0.after_ms(PATIENCE_MS) && self.agent == Agent::Idle;
                if self.asked < QUESTIONS && answered {
                    self.asked += 1;
                    self.asks();
                } else if !answered && lost && self.is_connected() {
                    self.repeats += 1;
                    self.asks();
                }
            }
        }
        if speaks {
            let pcm = vec![loudness; (TICK_MS * PER_MS) as usize];
            self.talk.input(Input::Microphone { pcm: Cow::Owned(pcm), age_us: 0 });
            self.listen();
        }
    }

    fn asks(&mut self) {
        self.since = (self.talk.now, self.played);
        match self.style {
            Style::Typed => {
                self.quiet_since = self.talk.now;
                self.talk.say(&format!("question {}", self.asked), false);
            }
            Style::ByHand => {
                self.doing = Doing::Speaking(QUESTION_MS);
                self.talk.host(Command::StartListening);
            }
            Style::Spoken | Style::Hasty => self.doing = Doing::Speaking(QUESTION_MS),
        }
        self.listen();
    }

    /// The tool has finished, whatever became of the line.
    fn works(&mut self) {
        while self.tools.front().is_some_and(|(due, _)| self.talk.now >= *due) {
            let Some((_, call)) = self.tools.pop_front() else { return };
            let output = format!("r{}", ['-', 'a', 'b', 'c'][self.runs]);
            let op = self.talk.host(Command::SubmitToolResult { call, output, is_error: false });
            self.results.push(op);
            self.listen();
        }
    }

    fn plays(&mut self) {
        let before = self.played;
        if self.talk.speaker.asked_to_flush() {
            while let Some(report) = self.talk.speaker.flush() {
                self.talk.input(Input::Playout { report });
                self.boundary("flushed");
                self.listen();
            }
        }
        let waiting = self.talk.speaker.waiting();
        let reports = self.talk.speaker.play(TICK_MS * PER_MS);
        self.played += waiting - self.talk.speaker.waiting();
        for report in reports {
            self.talk.input(Input::Playout { report });
            self.boundary("played");
            self.listen();
        }
        if self.played > before || self.agent != Agent::Idle {
            self.quiet_since = self.talk.now;
        }
    }

    /// Works through what came out.
    fn listen(&mut self) {
        loop {
            let outputs = self.talk.take().0;
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                self.comes_out(&output);
            }
        }
    }

    fn comes_out(&mut self, output: &Output) {
        match output {
            Output::Dial { epoch, .. } => {
                self.vendor.dialled(*epoch);
                self.dialled = Some(self.talk.now.after_ms(DIAL_MS));
            }
            Output::Send { epoch, audio, .. } => {
                let frame = frame_of(output).unwrap();
                let kind = frame["type"].as_str().unwrap().to_owned();
                self.boundary(&format!("{kind} unread"));
                if !self.vendor.live || self.vendor.epoch != *epoch {
                    return;
                }
                if *audio {
                    return self.vendor.hear(frame["audio"].as_str().unwrap());
                }
                self.vendor.read(&frame);
                self.boundary(&format!("{kind} read"));
            }
            Output::Event(event) => self.told(event.item.as_ref().map(|item| item.to_string()), &event.kind),
            _ => {}
        }
    }

    fn told(&mut self, item: Option<String>, kind: &EventKind) {
        match kind {
            EventKind::Mode(mode) => self.agent = mode.agent,
            EventKind::ToolCall(call) => {
                self.runs += 1;
                self.tools.push_back((self.talk.now.after_ms(TOOL_MS), call.call.clone()));
            }
            EventKind::ToolCancelled(_) => self.cancelled += 1,
            EventKind::Completed(done) => {
                self.refused.extend(done.error.clone().map(|error| (done.op, error)));
            }
            EventKind::Warning(error) | EventKind::Error(error) => self.complaints.push(error.code.to_string()),
            EventKind::Transcript(t) if t.role == Role::Assistant && t.mode == TranscriptMode::Delta => {
                self.received.entry(item.unwrap()).or_default().push_str(&t.text);
            }
            EventKind::SessionReplaced(new) => self.replaced.push((new.context.clone(), new.gap_ms)),
            EventKind::Message(change) => self.follow(change),
            _ => {}
        }
    }

    /// A host that only reads events.
    fn follow(&mut self, change: &MessageChange) {
        let id = change.message.id.to_string();
        let before = self.mirror.iter().position(|known| *known == id);
        match change.op {
            MessageOp::Added => assert_eq!(before, None, "{id} was added twice"),
            _ => _ = self.mirror.remove(before.unwrap_or_else(|| panic!("{id} is not known"))),
        }
        if change.op == MessageOp::Removed {
            if was_something(&change.message) {
                self.vanished.push(format!("{:?}", change.message));
            }
            return;
        }
        let after = change.after.as_ref().map(|after| after.to_string());
        let at = after.map_or(0, |after| {
            1 + self.mirror.iter().position(|known| *known == after).unwrap_or_else(|| panic!("{after} is not known"))
        });
        self.mirror.insert(at, id);
    }
}

/// Somebody said it, or heard it.
fn was_something(message: &Message) -> bool {
    message.parts.iter().any(|part| match part {
        Part::Audio { transcript, .. } if message.role == Role::User => !transcript.is_empty(),
        Part::Audio { heard_ms, .. } => *heard_ms > 0,
        Part::ToolCall { output, .. } => output.is_some(),
        Part::Text { content } => !content.is_empty(),
        _ => true,
    })
}
