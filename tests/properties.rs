//! Promises that must hold whatever the order of things: the response sequencer, tools, interruption. Each
//! property has a small vendor of its own that obeys the protocol and takes its time.

mod common;

use common::{Talk, base64_ms, frame_of};
use duologue::{
    event::{EventKind, OpId},
    message::CallRef,
    session::{Command, Output},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    HostAsks,
    HostSays,
    HostTypes,
    HostInterrupts,
    VendorReads,
    /// The running response calls this many tools.
    VendorCalls(u8),
    /// The running response speaks for so long.
    VendorSpeaks(u16),
    VendorEnds,
    /// The vendor answers the user by itself.
    VendorBegins,
    /// The host answers one of the calls it has.
    HostAnswers(u8),
    Plays(u16),
    UserSpeaks,
}

/// A vendor that obeys the protocol.
struct Vendor {
    talk: Talk,
    inbox: VecDeque<Value>,
    active: Option<String>,
    /// What the running response has called.
    calling: Vec<String>,
    speaking: Option<String>,
    count: u32,
    /// Calls the host has.
    open: Vec<CallRef>,
    /// Answers that came, by call.
    answered: HashMap<String, u32>,
    /// Calls that reached their end in a response that was not cancelled.
    called: Vec<String>,
    /// Requests of explicit commands by operation, with what became of them.
    asked: Vec<OpId>,
    ended: HashMap<OpId, Option<String>>,
    /// Responses begun by request.
    begun: Vec<Option<String>>,
    /// A wish of the session's own (an answered round, a typed text) that no response has followed yet.
    owed: bool,
    /// Answers of a round that are still missing.
    rounds: Vec<Vec<String>>,
    names_refusals: bool,
}

impl Vendor {
    fn new(config: Value, names_refusals: bool) -> Self {
        Self {
            talk: Talk::connected(config),
            inbox: VecDeque::new(),
            active: None,
            calling: Vec::new(),
            speaking: None,
            count: 0,
            open: Vec::new(),
            answered: HashMap::new(),
            called: Vec::new(),
            asked: Vec::new(),
            ended: HashMap::new(),
            begun: Vec::new(),
            owed: false,
            rounds: Vec::new(),
            names_refusals,
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    fn listen(&mut self) {
        for output in self.talk.take().0 {
            match &output {
                Output::Send { audio: false, .. } => self.inbox.push_back(frame_of(&output).unwrap()),
                Output::Event(event) => match &event.kind {
                    EventKind::ToolCall(call) => self.open.push(call.call.clone()),
                    EventKind::Completed(done) => {
                        let error = done.error.as_ref().map(|e| e.code.to_string());
                        assert!(self.ended.insert(done.op, error).is_none(), "{:?} ends once", done.op);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn begin(&mut self, request: Option<String>) {
        let id = self.name("R");
        self.talk.response_for(&id, request.as_deref());
        self.active = Some(id);
        self.begun.push(request);
        self.owed = false;
    }

    fn end(&mut self, status: &str) {
        let Some(id) = self.active.take() else { return };
        if let Some(item) = self.speaking.take() {
            self.talk.item_done(&id, &item, 0, "words");
        }
        self.talk.done(&id, status, None);
        let calls = std::mem::take(&mut self.calling);
        self.called.extend(calls.iter().cloned());
        if status != "cancelled" && !calls.is_empty() {
            self.rounds.push(calls);
            self.settle_rounds();
        }
    }

    /// A round that is answered to the last call is owed a response.
    fn settle_rounds(&mut self) {
        let answered = &self.answered;
        let before = self.rounds.len();
        self.rounds.retain(|calls| !calls.iter().all(|c| answered.contains_key(c)));
        self.owed |= self.rounds.len() < before;
    }

    fn reads(&mut self) {
        let Some(frame) = self.inbox.pop_front() else { return };
        let event = frame["event_id"].as_str().map(str::to_owned);
        match frame["type"].as_str().unwrap() {
            "response.create" if self.active.is_some() => {
                let event = event.filter(|_| self.names_refusals);
                self.talk.error("conversation_already_has_active_response", event.as_deref());
            }
            "response.create" => {
                self.begin(frame["response"]["metadata"]["client_event_id"].as_str().map(str::to_owned));
            }
            "response.cancel" if self.active.as_deref() == frame["response_id"].as_str() => self.end("cancelled"),
            "response.cancel" => self.talk.error("response_cancel_not_active", event.as_deref()),
            "conversation.item.create" => {
                let fields = json!({"item": frame["item"]});
                if frame["item"]["type"] == "function_call_output" {
                    let call = frame["item"]["call_id"].as_str().unwrap().to_owned();
                    *self.answered.entry(call).or_default() += 1;
                    self.settle_rounds();
                } else {
                    self.owed = true;
                }
                self.talk.server("conversation.item.added", fields);
            }
            "conversation.item.truncate" => {
                self.talk.server("conversation.item.truncated", json!({"item_id": frame["item_id"]}));
            }
            "conversation.item.delete" => {
                self.talk.server("conversation.item.deleted", json!({"item_id": frame["item_id"]}));
            }
            other => panic!("{other}"),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::HostAsks => {
                let op = self.talk.host(Command::RequestResponse { options: Default::default() });
                self.asked.push(op);
            }
            Step::HostSays => {
                let op = self.talk.host(Command::Say { text: "these words".into() });
                self.asked.push(op);
            }
            Step::HostTypes => _ = self.talk.say("hello", false),
            Step::HostInterrupts => {
                self.talk.host(Command::Interrupt);
                self.flush();
            }
            Step::VendorReads => self.reads(),
            Step::VendorCalls(n) => {
                let Some(id) = self.active.clone() else { return };
                for _ in 0..*n {
                    let call = self.name("call_");
                    self.talk.call(&id, &format!("F_{call}"), &call, "f", "{}");
                    self.calling.push(call);
                }
            }
            Step::VendorSpeaks(ms) => {
                let Some(id) = self.active.clone() else { return };
                let item = match self.speaking.clone() {
                    Some(item) => item,
                    None => {
                        let item = self.name("A");
                        self.talk.item(&id, &item, None, "audio");
                        self.speaking = Some(item.clone());
                        item
                    }
                };
                self.talk.speech(&id, &item, 0, u64::from(*ms), "words ");
            }
            Step::VendorEnds => self.end("completed"),
            Step::VendorBegins if self.active.is_none() => {
                // It does so because somebody spoke.
                let item = self.name("U");
                self.talk.user_speaks(&item, 0);
                self.flush();
                self.talk.user_is_silent(&item, None, 100);
                self.begin(None);
            }
            Step::VendorBegins => {}
            Step::HostAnswers(which) => {
                if !self.open.is_empty() {
                    let call = self.open.swap_remove(usize::from(*which) % self.open.len());
                    self.talk.host(Command::SubmitToolResult { call, output: "{}".into(), is_error: false });
                }
            }
            Step::Plays(ms) => self.talk.plays(u64::from(*ms)),
            Step::UserSpeaks => {
                let item = self.name("U");
                self.talk.user_speaks(&item, 0);
                self.flush();
                self.talk.user_is_silent(&item, None, 100);
            }
        }
        self.listen();
    }

    fn flush(&mut self) {
        if self.talk.speaker.asked_to_flush() {
            self.talk.flushes();
        }
    }

    /// Everybody finishes what he has begun.
    fn settle(&mut self) {
        for _ in 0..100 {
            while let Some(call) = self.open.pop() {
                self.talk.host(Command::SubmitToolResult { call, output: "{}".into(), is_error: false });
                self.listen();
            }
            while !self.inbox.is_empty() {
                self.reads();
                self.listen();
            }
            self.end("completed");
            self.talk.plays(2000);
            self.listen();
            if self.inbox.is_empty() && self.active.is_none() && self.open.is_empty() {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

fn step(interrupts: bool) -> BoxedStrategy<Step> {
    let all = prop_oneof![
        2 => Just(Step::HostAsks),
        1 => Just(Step::HostSays),
        2 => Just(Step::HostTypes),
        2 => Just(Step::HostInterrupts),
        6 => Just(Step::VendorReads),
        2 => (1u8..4).prop_map(Step::VendorCalls),
        3 => (20u16..800).prop_map(Step::VendorSpeaks),
        3 => Just(Step::VendorEnds),
        1 => Just(Step::VendorBegins),
        3 => any::<u8>().prop_map(Step::HostAnswers),
        2 => (1u16..600).prop_map(Step::Plays),
        2 => Just(Step::UserSpeaks),
    ];
    let calm = move |s: Step| match s {
        Step::HostInterrupts | Step::UserSpeaks if !interrupts => Step::VendorReads,
        step => step,
    };
    all.prop_map(calm).boxed()
}

fn config(interrupts: bool) -> Value {
    json!({"auto_capture": false, "tools": [{"name": "f"}], "turn_detection": {"interrupt_response": interrupts}})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Never two at a time (the invariants look at every frame), none lost: each request of the host leads to
    /// one response of its own, and every typed text and every answered round of tools to one after it.
    #[test]
    fn the_sequencer_loses_nothing(steps in vec(step(false), 1..80), names in any::<bool>()) {
        let mut vendor = Vendor::new(config(false), names);
        steps.iter().for_each(|s| vendor.step(s));
        vendor.settle();
        for op in &vendor.asked {
            prop_assert_eq!(vendor.ended.get(op), Some(&None), "{:?} led to a response", op);
        }
        let own = vendor.begun.iter().flatten().count();
        prop_assert!(own >= vendor.asked.len(), "{own} responses for {} requests", vendor.asked.len());
        prop_assert!(!vendor.owed, "nobody waits for an answer");
        vendor.talk.finish();
    }

    /// With interruptions too: each command ends, and what was not cut is answered.
    #[test]
    fn interrupted_or_not_every_request_ends_once(steps in vec(step(true), 1..80), names in any::<bool>()) {
        let mut vendor = Vendor::new(config(true), names);
        steps.iter().for_each(|s| vendor.step(s));
        vendor.settle();
        for op in &vendor.asked {
            let end = vendor.ended.get(op);
            let fine = matches!(end, Some(None)) || end == Some(&Some("cancelled".to_owned()));
            prop_assert!(fine, "{:?} ended with {:?}", op, end);
        }
        prop_assert_eq!(vendor.talk.open_ops(), []);
        vendor.talk.finish();
    }

    /// Whatever the order of calls, results, ends and cuts: each call is answered exactly once.
    #[test]
    fn each_call_is_answered_exactly_once(steps in vec(step(true), 1..80)) {
        let mut vendor = Vendor::new(config(true), true);
        steps.iter().for_each(|s| vendor.step(s));
        vendor.settle();
        for call in &vendor.called {
            prop_assert_eq!(vendor.answered.get(call), Some(&1), "{}", call);
        }
        prop_assert_eq!(vendor.answered.len(), vendor.called.len(), "and nothing else");
        vendor.talk.finish();
    }

    /// Whatever the interleaving of speech, playing and cuts: nothing late is played, and each truncate lies
    /// within what was received and what was heard, once an item (the invariants check range and number).
    #[test]
    fn nothing_late_is_played(
        before in vec((20u64..900, 0u64..900), 1..6),
        by_user in any::<bool>(),
        late in vec(1u64..400, 1..5),
        ends_first in any::<bool>(),
    ) {
        let mut talk = Talk::connected(config(true));
        talk.response("R1");
        let mut played = 0;
        for (i, (ms, plays)) in before.iter().enumerate() {
            let item = format!("A{i}");
            talk.item("R1", &item, None, "audio");
            talk.speech("R1", &item, 0, *ms, "words ");
            talk.item_done("R1", &item, 0, "words");
            talk.plays(*plays);
            played += ms;
        }
        if ends_first {
            talk.done("R1", "completed", None);
        }
        talk.take();
        if by_user { talk.user_speaks("U1", 0) } else { _ = talk.host(Command::Interrupt) }
        let given = talk.take().played_ms();
        prop_assert_eq!(given, 0);
        let last = format!("A{}", before.len() - 1);
        for (i, ms) in late.iter().enumerate() {
            // Before and after the speaker reports, on the old item and on a new one.
            if i == late.len() / 2 && talk.speaker.asked_to_flush() {
                talk.flushes();
            }
            let item = if i % 2 == 0 { last.clone() } else { format!("L{i}") };
            talk.server("response.output_audio.delta",
                json!({"response_id": "R1", "item_id": item, "output_index": 0, "content_index": 0, "delta": base64_ms(*ms)}));
        }
        if talk.speaker.asked_to_flush() {
            talk.flushes();
        }
        let out = talk.take();
        prop_assert_eq!(out.played_ms(), 0, "late audio");
        let cuts: Vec<Value> = out.frames().into_iter().filter(|f| f["type"] == "conversation.item.truncate").collect();
        prop_assert!(cuts.len() <= 1, "one item was being heard: {:?}", cuts);
        for cut in cuts {
            prop_assert!(cut["audio_end_ms"].as_u64().unwrap() <= played);
        }
        talk.finish();
    }
}
