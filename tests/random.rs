//! Random conversations: a vendor that answers what it is sent, sooner or later, a host, a user, a
//! speaker, noise on the line and broken connections, in any order. `common/invariants.rs` looks at
//! every output; at the end everything that was asked for has an answer and nobody speaks any more.

mod common;
#[path = "random/host.rs"]
mod host;
#[path = "random/vendor.rs"]
mod vendor;

use common::{Talk, frame_of};
use duologue::{
    event::{Agent, EventKind, Phase, Status},
    session::{Command, Output},
};
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use vendor::Outside;

const SEEDS: u64 = 2000;
const STEPS: usize = 120;

struct Dice(u64);

impl Dice {
    fn upto(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn once_in(&mut self, n: u64) -> bool {
        self.upto(n) == 0
    }
}

/// What the vendor generates.
struct Active {
    id: String,
    /// The item being written, its part and whether it speaks.
    item: Option<(String, u32, bool)>,
}

struct World {
    dice: Dice,
    talk: Talk,
    /// Client frames the vendor has not read.
    inbox: VecDeque<Value>,
    active: Option<Active>,
    user: Option<String>,
    last_item: Option<String>,
    calls: Vec<(u32, String)>,
    count: u64,
    /// Events get lost on the way now and then.
    lossy: bool,
    vendor_interrupts: bool,
    vendor_answers: bool,
    agent: Agent,
    turns_done: u64,
    responses: u64,
    /// The session as the vendor has it.
    session: Value,
    /// Some change was neither confirmed nor refused on this connection.
    unsure: bool,
    /// Credentials that are asked for.
    needed: Vec<u64>,
    outside: Vec<Outside>,
    /// Requests outside the conversation that begin later.
    slow: VecDeque<String>,
    /// Calls of this connection, those that were answered, and those whose answer was refused.
    made: Vec<String>,
    answered: HashSet<String>,
    refused: HashSet<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let vendor_answers = !dice.once_in(4);
        let mode = ["server", "server", "semantic", "manual"][dice.upto(4) as usize];
        let parameters = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
        let config = json!({
            "instructions": "a",
            "auto_capture": !dice.once_in(4),
            "credentials": if dice.once_in(4) { json!({"source": "asked", "refresh_ahead": true}) } else { json!({}) },
            "tools": [{"name": "f", "parameters": parameters, "output_schema": {"type": "object"}, "timeout_ms": 4000}],
            "tool_handling": {"timeout_ms": 2000, "result_max_length": 256, "mute_input": dice.once_in(2),
                "undeclared": if dice.once_in(2) { "host" } else { "refuse" }},
            "turn_detection": {"mode": mode, "interrupt_response": !dice.once_in(4), "create_response": vendor_answers},
        });
        let vendor_interrupts = dice.once_in(2);
        let lossy = seed.is_multiple_of(3);
        let talk = Talk::new(config);
        let (inbox, active, user, last_item) = (VecDeque::new(), None, None, None);
        let (calls, count, agent, turns_done, responses) = (vec![], 0, Agent::Idle, 0, 0);
        Self {
            dice,
            talk,
            inbox,
            active,
            user,
            last_item,
            calls,
            count,
            lossy,
            vendor_interrupts,
            vendor_answers,
            agent,
            turns_done,
            responses,
            session: Value::Null,
            unsure: true,
            needed: vec![],
            outside: vec![],
            slow: VecDeque::new(),
            made: vec![],
            answered: HashSet::new(),
            refused: HashSet::new(),
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    /// Reads what came out.
    fn listen(&mut self) {
        for output in self.talk.take().0 {
            match &output {
                Output::Send { audio: false, .. } => {
                    let frame = frame_of(&output).unwrap();
                    if frame["item"]["type"] == "function_call_output" {
                        self.answered.insert(frame["item"]["call_id"].as_str().unwrap().to_owned());
                    }
                    self.inbox.push_back(frame);
                }
                Output::Dial { .. } => {
                    // What the vendor has not read by then it never told the outcome of.
                    self.unsure |= self.inbox.iter().any(|f| f["type"] == "session.update");
                    (self.outside, self.slow) = (vec![], VecDeque::new());
                    (self.made, self.answered, self.refused) = Default::default();
                    (self.inbox, self.active, self.user, self.last_item) = (VecDeque::new(), None, None, None);
                    (self.turns_done, self.responses) = (0, 0);
                }
                Output::Event(event) => match &event.kind {
                    EventKind::ToolCall(call) => self.calls.push((call.call.epoch, call.call.id.to_string())),
                    EventKind::Mode(mode) => self.agent = mode.agent,
                    EventKind::CredentialNeeded(needed) => self.needed = vec![needed.request_id],
                    // The nameless response of `noise` is given up, which is no end of one the vendor began.
                    EventKind::TurnDone(_) if event.response.as_ref().is_some_and(|id| id.as_str().is_empty()) => {}
                    EventKind::TurnDone(_) => self.turns_done += 1,
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn connect(&mut self, kindly: bool) {
        self.talk.host(Command::Connect);
        self.listen();
        if *self.talk.session.status() == (Status::Connecting { phase: Phase::Credential }) {
            if !kindly && self.dice.once_in(8) {
                // Nobody answers.
                self.talk.pass(31_000);
            }
            self.gives_credential(kindly);
            self.listen();
        }
        if *self.talk.session.status() != (Status::Connecting { phase: Phase::Dial }) {
            return;
        }
        self.talk.opened();
        self.talk.server("session.created", json!({"session": {}}));
        self.listen();
        let wish = self.inbox.pop_front().unwrap()["session"].take();
        if !std::mem::take(&mut self.unsure) {
            assert_eq!(wish, self.session, "the next connection is asked for what was confirmed on the last");
        }
        self.session = wish;
        let late = self.dice.once_in(12);
        if late {
            self.talk.pass(5_000);
        }
        if !late || self.dice.once_in(2) {
            let session = self.effective();
            self.talk.server("session.updated", json!({"session": session}));
        }
    }

    fn connected(&self) -> bool {
        *self.talk.session.status() == Status::Connected
    }

    fn user_acts(&mut self) {
        match self.user.take() {
            None if !self.detects() => {}
            None => {
                let item = self.name("U");
                self.talk.user_speaks(&item, 0);
                if self.vendor_interrupts && self.dice.once_in(2) {
                    self.end("cancelled");
                }
                self.user = Some(item);
            }
            Some(item) => {
                self.talk.user_is_silent(&item, self.last_item.clone().as_deref(), 500);
                self.last_item = Some(item.clone());
                if self.active.is_none() && self.answers() && self.dice.once_in(2) {
                    self.begin(None);
                }
                if self.dice.once_in(2) {
                    let words = json!({"item_id": item, "content_index": 0, "transcript": "words"});
                    self.talk.server("conversation.item.input_audio_transcription.completed", words);
                }
            }
        }
    }

    fn line_breaks(&mut self) {
        match self.dice.upto(3) {
            0 => _ = self.talk.host(Command::Disconnect),
            1 => self.talk.closed(Some(1000), "bye", None),
            _ => self.talk.closed(None, "", None),
        }
        if self.dice.once_in(2) {
            self.talk.closed(None, "", None);
        }
        self.talk.pass(2_500);
    }

    fn step(&mut self) {
        if !self.connected() && self.dice.once_in(2) {
            self.talk.pass(2_500);
            self.connect(false);
        }
        match self.dice.upto(24) {
            0..5 if self.connected() => self.vendor_reads(),
            5..11 if self.connected() => self.vendor_writes(),
            11 | 12 if self.connected() => self.user_acts(),
            13 if self.connected() => self.noise(),
            14 | 15 => self.host_acts(),
            16 | 17 if self.talk.speaker.asked_to_flush() => self.talk.flushes(),
            19 if self.connected() => self.vendor_writes_outside(),
            20 if self.dice.once_in(6) && self.connected() => self.vendor_is_bored(),
            20 => self.gives_credential(false),
            21 => self.host_acts(),
            18 if self.dice.once_in(15) => self.line_breaks(),
            18 if self.dice.once_in(10) => self.talk.pass(16_000),
            18 | 22 => {
                let ms = 20 * (1 + self.dice.upto(6));
                self.talk.microphone(ms);
            }
            _ => {
                let ms = self.dice.upto(300);
                self.talk.plays(ms);
            }
        }
        self.listen();
    }

    /// Everybody finishes what he has begun.
    fn settle(&mut self) {
        if !self.connected() {
            self.talk.pass(2_500);
            self.connect(true);
            self.listen();
        }
        self.lossy = false;
        for _ in 0..200 {
            if let Some(item) = self.user.take() {
                self.talk.user_is_silent(&item, None, 500);
            }
            for (epoch, call) in std::mem::take(&mut self.calls) {
                let call = duologue::message::CallRef { epoch, id: call.as_str().into() };
                self.talk.host(Command::SubmitToolResult { call, output: "{}".into(), is_error: false });
            }
            while !self.inbox.is_empty() {
                self.vendor_reads();
                self.listen();
            }
            self.end("completed");
            self.ends_outside();
            self.gives_credential(true);
            if self.talk.speaker.asked_to_flush() {
                self.talk.flushes();
            }
            self.talk.plays(5_000);
            self.listen();
        }
    }
}

fn active_item(active: &mut Option<Active>, item: Option<(String, u32, bool)>) {
    if let Some(active) = active {
        active.item = item;
    }
}

#[test]
fn random_conversations_keep_every_promise() {
    let (mut outputs, mut cuts) = (0, 0);
    for seed in 0..SEEDS {
        // A panic names the seed.
        let end = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.connect(true);
            for _ in 0..STEPS {
                world.step();
            }
            world.settle();
            assert_eq!(world.talk.open_ops(), [], "every command ends");
            assert!(!world.talk.speaker.asked_to_flush());
            assert_eq!(world.talk.speaker.waiting(), 0, "everything was played or dropped");
            assert_eq!(world.turns_done, world.responses, "each response has one end");
            // A vendor that does not answer leaves the agent thinking until somebody speaks again.
            assert_ne!(world.agent, Agent::Speaking);
            for call in world.made.iter().filter(|call| !world.refused.contains(*call)) {
                assert!(world.answered.contains(call), "{call} was never answered");
            }
            let cuts = world.talk.session.messages().iter().filter(|m| m.interrupted).count();
            (world.talk.finish().outputs, cuts)
        });
        let (n, c) = end.unwrap_or_else(|_| panic!("seed {seed}"));
        outputs += n;
        cuts += c;
    }
    assert!(cuts > SEEDS as usize / 3, "{cuts} interruptions are too few to mean anything");
    println!("{SEEDS} conversations, {outputs} outputs, {cuts} interrupted messages");
}
