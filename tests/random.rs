//! Random conversations: a vendor that answers what it is sent, sooner or later, a host, a user, a
//! speaker, noise on the line and broken connections, in any order. `common/invariants.rs` looks at
//! every output; at the end everything that was asked for has an answer and nobody speaks any more.

mod common;

use common::{Talk, base64_ms, frame_of};
use duologue::{
    event::{Agent, EventKind, Status},
    session::{Command, Output},
};
use serde_json::{Value, json};
use std::collections::VecDeque;

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
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let vendor_answers = !dice.once_in(4);
        let config = json!({"tools": [{"name": "f"}], "turn_detection": {
            "interrupt_response": !dice.once_in(4), "create_response": vendor_answers}});
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
                Output::Send { audio: false, .. } => self.inbox.push_back(frame_of(&output).unwrap()),
                Output::Dial { .. } => {
                    (self.inbox, self.active, self.user, self.last_item) = (VecDeque::new(), None, None, None);
                    (self.turns_done, self.responses) = (0, 0);
                }
                Output::Event(event) => match &event.kind {
                    EventKind::ToolCall(call) => self.calls.push((call.call.epoch, call.call.id.to_string())),
                    EventKind::Mode(mode) => self.agent = mode.agent,
                    EventKind::TurnDone(_) => self.turns_done += 1,
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn connect(&mut self) {
        self.talk.host(Command::Connect);
        self.talk.opened();
        self.talk.server("session.created", json!({"session": {}}));
        self.listen();
        self.inbox.clear();
        let detection = json!({"interrupt_response": self.vendor_interrupts, "silence_duration_ms": 200});
        let session = json!({"audio": {"input": {"turn_detection": detection}}});
        self.talk.server("session.updated", json!({"session": session}));
    }

    fn connected(&self) -> bool {
        *self.talk.session.status() == Status::Connected
    }

    /// The vendor reads the oldest frame.
    fn vendor_reads(&mut self) {
        let Some(frame) = self.inbox.pop_front() else { return };
        let event = frame["event_id"].as_str().map(str::to_owned);
        match frame["type"].as_str().unwrap() {
            "response.create" if self.active.is_some() => {
                let named = !self.dice.once_in(2);
                self.talk.error("conversation_already_has_active_response", event.as_deref().filter(|_| named));
            }
            // Now and then it is refused, or not answered at all.
            "response.create" if self.dice.once_in(12) => self.talk.error("rate_limit_exceeded", event.as_deref()),
            "response.create" if self.dice.once_in(12) => {}
            "response.create" => {
                let request = frame["response"]["metadata"]["client_event_id"].as_str().unwrap().to_owned();
                self.begin(Some(&request));
            }
            "response.cancel" => {
                let running = self.active.as_ref().is_some_and(|a| frame["response_id"] == a.id.as_str());
                if running {
                    self.end("cancelled")
                } else {
                    self.talk.error("response_cancel_not_active", event.as_deref())
                }
            }
            "conversation.item.create" if self.dice.once_in(10) => self.talk.error("invalid_value", event.as_deref()),
            "conversation.item.create" if self.loses() => {}
            "conversation.item.create" => {
                let item = frame["item"].clone();
                let fields = json!({"item": item, "previous_item_id": self.last_item});
                self.talk.server("conversation.item.added", fields.clone());
                self.talk.server("conversation.item.done", fields);
                self.last_item = item["id"].as_str().map(str::to_owned);
            }
            "conversation.item.truncate" if self.dice.once_in(8) => {
                self.talk.error("unsupported_content_type", event.as_deref());
            }
            "conversation.item.truncate" => {
                let fields =
                    json!({"item_id": frame["item_id"], "content_index": 0, "audio_end_ms": frame["audio_end_ms"]});
                self.talk.server("conversation.item.truncated", fields);
            }
            "conversation.item.delete" => {
                self.talk.server("conversation.item.deleted", json!({"item_id": frame["item_id"]}));
            }
            other => panic!("{other}"),
        }
    }

    fn begin(&mut self, request: Option<&str>) {
        let id = self.name("R");
        self.talk.response_for(&id, request);
        self.active = Some(Active { id, item: None });
        self.responses += 1;
    }

    fn end(&mut self, status: &str) {
        let Some(active) = self.active.take() else { return };
        if let Some((item, part, true)) = &active.item
            && self.dice.once_in(2)
        {
            let place = json!({"response_id": active.id, "item_id": item, "content_index": part});
            self.talk.server("response.output_audio.done", place);
        }
        if !self.loses() {
            self.talk.done(&active.id, status, None);
        }
    }

    fn loses(&mut self) -> bool {
        self.lossy && self.dice.once_in(6)
    }

    /// The vendor writes on.
    fn vendor_writes(&mut self) {
        let new = self.name("A");
        let Some(active) = &mut self.active else { return };
        let id = active.id.clone();
        match (&active.item, self.dice.upto(12)) {
            (_, 0) => self.end(if self.count.is_multiple_of(5) { "incomplete" } else { "completed" }),
            (None, 1) => self.talk.call(&id, &format!("F{new}"), &format!("call_{new}"), "f", "{}"),
            (None, 2) => self.talk.call(&id, &format!("F{new}"), &format!("call_{new}"), "unknown", "{"),
            (None, kind) => {
                let spoken = kind != 3;
                active.item = Some((new.clone(), 0, spoken));
                self.talk.item(&id, &new, self.last_item.as_deref(), if spoken { "audio" } else { "text" });
                self.last_item = Some(new);
            }
            (Some((item, part, true)), 1..9) => {
                let (item, part) = (item.clone(), *part);
                let ms = 1 + self.dice.upto(400);
                self.talk.speech(&id, &item, part, ms, if ms.is_multiple_of(3) { "some more words " } else { "" });
            }
            (Some((item, part, true)), 9) => {
                let (item, part) = (item.clone(), *part);
                self.talk.part(&id, &item, part + 1, "audio");
                active_item(&mut self.active, Some((item, part + 1, true)));
            }
            (Some((item, part, true)), _) => {
                let (item, part) = (item.clone(), *part);
                self.talk.item_done(&id, &item, part, "some more words");
                active_item(&mut self.active, None);
            }
            (Some((item, part, false)), _) => {
                let fields = json!({"response_id": id, "item_id": item, "content_index": part, "delta": "text "});
                self.talk.server("response.output_text.delta", fields);
                if self.dice.once_in(3) {
                    active_item(&mut self.active, None);
                }
            }
        }
    }

    fn user_acts(&mut self) {
        match self.user.take() {
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
                if self.active.is_none() && self.vendor_answers && self.dice.once_in(2) {
                    self.begin(None);
                }
                if self.dice.once_in(2) {
                    let words = json!({"item_id": item, "content_index": 0, "transcript": "words"});
                    self.talk.server("conversation.item.input_audio_transcription.completed", words);
                }
            }
        }
    }

    fn noise(&mut self) {
        match self.dice.upto(7) {
            0 => self.talk.wire("{\"type\":"),
            1 => self.talk.server("response.hologram", json!({})),
            2 => {
                let late = json!({"response_id": format!("R{}", self.dice.upto(self.count + 1)), "item_id": "A1",
                    "content_index": 0, "delta": base64_ms(40)});
                // Only of a response that is over: others would be audio as any other.
                let over = self.active.as_ref().is_none_or(|a| late["response_id"] != a.id.as_str());
                if over && self.count > 0 && late["response_id"] != "R0" && self.known_over(&late["response_id"]) {
                    self.talk.server("response.output_audio.delta", late);
                }
            }
            3 => self.talk.server("conversation.item.deleted", json!({"item_id": "nobody"})),
            4 => {
                let text = r#"{"type":"response.output_text.delta","event_id":"twice","item_id":"T","response_id":"","delta":"x"}"#;
                self.talk.wire(text);
                self.talk.wire(text);
            }
            5 => self.talk.server("rate_limits.updated", json!({"rate_limits": []})),
            _ => self.talk.server("conversation.item.created", json!({"item": {"id": "M", "type": "mcp_call"}})),
        }
    }

    fn known_over(&self, response: &Value) -> bool {
        // Responses are numbered by the same count as everything; only remembered ones are dropped as late.
        self.talk.over.iter().any(|r| response == r.as_str())
    }

    fn host_acts(&mut self) {
        match self.dice.upto(9) {
            0 => _ = self.talk.host(Command::RequestResponse { options: Default::default() }),
            1..=3 => _ = self.talk.host(Command::Interrupt),
            4 => _ = self.talk.say("hello there", true),
            5 => _ = self.talk.say("hello", false),
            6 => _ = self.talk.host(Command::SendText { text: " ".into(), respond: false, interrupt: false }),
            _ => {
                let Some((epoch, call)) = self.calls.pop() else { return };
                let call = duologue::message::CallRef { epoch, id: call.as_str().into() };
                self.talk.host(Command::SubmitToolResult { call, output: "{}".into(), is_error: false });
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
            self.connect();
        }
        match self.dice.upto(20) {
            0..5 if self.connected() => self.vendor_reads(),
            5..11 if self.connected() => self.vendor_writes(),
            11 | 12 if self.connected() => self.user_acts(),
            13 if self.connected() => self.noise(),
            14 | 15 => self.host_acts(),
            16 | 17 if self.talk.speaker.asked_to_flush() => self.talk.flushes(),
            18 if self.dice.once_in(15) => self.line_breaks(),
            18 if self.dice.once_in(10) => self.talk.pass(16_000),
            18 => self.talk.microphone(20),
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
            self.connect();
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
            world.connect();
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
