//! What the model says: asked for, streamed by the clock, cut when somebody interrupts.

use super::{
    events,
    peer::{Peer, Timer},
    results::OpenCall,
};
use crate::simulator::{
    clips,
    events::tokens,
    listening,
    plan::{self, End, OutItem, OutKind, Step, Wanted},
    scenario::{OutputItem, Say, TranscriptTime},
};
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Where the model's turn is.
pub(super) enum Turn {
    Idle,
    /// Asked for, and not begun.
    Awaited,
    Speaking(Generation),
    /// Nothing more is said until a function has answered.
    Calling,
    /// Everything was sent; a client that plays it in real time is done by then.
    Playing(Instant),
}

/// A reply being sent.
pub(super) struct Generation {
    began: Instant,
    items: Vec<OutItem>,
    steps: VecDeque<(Duration, Step)>,
    /// Calls that leave together.
    calls: Vec<usize>,
    /// When what was sent so far has been played.
    played: Instant,
}

impl Turn {
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Speaking(generation) => generation.steps.front().map(|(after, _)| generation.began + *after),
            Self::Playing(until) => Some(*until),
            Self::Idle | Self::Awaited | Self::Calling => None,
        }
    }
}

impl Peer {
    /// The user is to be answered, now or after what is being said.
    pub(super) fn answer(&mut self) {
        self.owed = true;
        self.when_idle();
    }

    /// Begins what waits for the end of everything else.
    pub(super) fn when_idle(&mut self) {
        let ready = self.owed || (self.results && !self.hearing.busy());
        if !ready || !matches!(self.turn, Turn::Idle) {
            return;
        }
        // The script answers the user first.
        if !std::mem::take(&mut self.owed) {
            self.results = false;
        }
        self.turn = Turn::Awaited;
        let delay = self.script.create_delay();
        self.later(delay, Timer::Begin);
    }

    /// The functions that the model waited for have answered: its turn goes on.
    pub(super) fn go_on_speaking(&mut self) {
        self.turn = Turn::Awaited;
        self.later(Duration::ZERO, Timer::Begin);
    }

    /// The model begins to speak.
    pub(super) fn begin(&mut self) {
        let Ok(setup) = self.setup() else { return };
        if !matches!(self.turn, Turn::Awaited) {
            return;
        }
        let (speech, longest) = (setup.speech, setup.longest);
        let functions = setup.functions.clone();
        let mut reply = self.script.reply();
        if speech {
            reply.items.iter_mut().chain(&mut reply.instead).for_each(say_aloud);
        }
        let callable = |name: &str| functions.iter().any(|function| function.name == name && function.callable);
        let wanted = Wanted { speech, callable: &callable };
        let mut plan = plan::plan(&reply.items, &reply.instead, &wanted, self.script.scenario(), &mut self.ids);
        if let Some(longest) = longest {
            plan.cut(longest);
        }
        // What is being made is in no handle.
        self.offer(false);
        self.turn = Turn::Speaking(Generation {
            began: self.now,
            items: plan.items,
            steps: plan.steps,
            calls: Vec::new(),
            played: self.now,
        });
    }

    /// Sends what is due.
    pub(super) fn stream(&mut self) {
        while self.turn.due().is_some_and(|due| due <= self.now) {
            match std::mem::replace(&mut self.turn, Turn::Idle) {
                Turn::Speaking(mut generation) => {
                    let Some((_, step)) = generation.steps.pop_front() else { return };
                    if let Some(generation) = self.step(generation, step) {
                        self.turn = Turn::Speaking(generation);
                    }
                }
                _ => self.turn_over(None),
            }
        }
    }

    /// One step of a reply, which is given back unless it ends.
    fn step(&mut self, mut generation: Generation, step: Step) -> Option<Generation> {
        let is_call = |index: &usize| matches!(generation.items[*index].kind, OutKind::Call { .. });
        let of_call = match &step {
            Step::Open(index) | Step::Close(index) | Step::Text(index, _) | Step::Audio(index, _) => is_call(index),
            Step::Finish(_) => false,
        };
        if !of_call && !self.call(&mut generation) {
            return None;
        }
        match step {
            Step::Close(index) if of_call => generation.calls.push(index),
            Step::Text(index, range) if !of_call => {
                self.release(TranscriptTime::ReplyBegun);
                let item = &generation.items[index];
                let words = &item.text[range];
                self.spent.text += tokens(words);
                match item.kind {
                    OutKind::Audio(_) if self.setup().is_ok_and(|setup| setup.tells) => {
                        self.send(events::transcription("outputTranscription", words));
                    }
                    OutKind::Audio(_) => {}
                    _ => self.send(events::text(words)),
                }
            }
            Step::Audio(index, range) => {
                let OutKind::Audio(audio) = &generation.items[index].kind else { return Some(generation) };
                let length = range.len() as u64;
                self.send(events::audio(&listening::encode(&audio[range])));
                self.spent.samples += length;
                let begins = generation.played.max(self.now);
                generation.played = begins + Duration::from_micros(length * 1_000_000 / u64::from(clips::RATE));
            }
            Step::Finish(end) => {
                self.finish(&generation, &end);
                return None;
            }
            _ => {}
        }
        Some(generation)
    }

    fn finish(&mut self, generation: &Generation, end: &End) {
        self.release(TranscriptTime::ReplyBegun);
        self.release(TranscriptTime::ReplyDone);
        if let End::Failed(failure) = end {
            // Codes of the other dialect mean nothing here.
            let own = failure.code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            let code = if own { failure.code.clone() } else { "RESPONSE_REJECTED".to_owned() };
            return self.turn_over(Some(&code));
        }
        if self.calls.iter().any(|call| call.blocking) {
            self.turn = Turn::Calling;
            return;
        }
        self.send(events::content("generationComplete", json!(true)));
        self.turn = Turn::Playing(generation.played.max(self.now));
    }

    /// Sends the calls that have gathered. False if they make no sense, which ends the turn.
    fn call(&mut self, generation: &mut Generation) -> bool {
        let mut calls = Vec::new();
        for index in std::mem::take(&mut generation.calls) {
            let item = &generation.items[index];
            let OutKind::Call { name, .. } = &item.kind else { continue };
            let Some(args) = serde_json::from_str(&item.text).ok().filter(Value::is_object) else {
                self.turn_over(Some("MALFORMED_FUNCTION_CALL"));
                return false;
            };
            let id = self.ids.next("function-call-");
            calls.push(json!({"id": id, "name": name, "args": args}));
            let known = self.setup().ok().and_then(|setup| setup.functions.iter().find(|f| f.name == *name));
            let blocking = known.is_none_or(|function| function.blocking);
            self.calls.push(OpenCall { id, name: name.clone(), blocking });
        }
        if !calls.is_empty() {
            self.send(events::tool_call(&calls));
        }
        true
    }

    /// The user interrupts. Nothing happens while the model is silent.
    pub(super) fn interrupt(&mut self) {
        if matches!(self.turn, Turn::Idle) {
            return;
        }
        self.timers.retain(|(_, timer)| *timer != Timer::Begin);
        self.turn = Turn::Idle;
        self.owed = false;
        self.release(TranscriptTime::ReplyBegun);
        self.release(TranscriptTime::ReplyDone);
        self.send(events::content("interrupted", json!(true)));
        self.cancel_calls();
        self.complete(None);
    }

    /// The turn has come to its end by itself.
    fn turn_over(&mut self, reason: Option<&str>) {
        self.complete(reason);
        self.when_idle();
    }

    fn complete(&mut self, reason: Option<&str>) {
        self.turn = Turn::Idle;
        let mut content = json!({"turnComplete": true});
        if let Some(reason) = reason {
            content["turnCompleteReason"] = json!(reason);
        }
        let open = !self.calls.is_empty();
        if self.setup().is_ok_and(|setup| setup.model.latest) {
            // A request is only done once its functions are.
            content["interactionStatus"] = json!(if open { "IN_PROGRESS" } else { "IDLE" });
        }
        let spent = std::mem::take(&mut self.spent);
        let usage = events::usage(self.context, spent, self.vertex());
        self.context.add(spent);
        self.send(json!({"serverContent": content, "usageMetadata": usage}));
        self.offer(!open);
    }

    /// Transcripts that waited for this.
    fn release(&mut self, when: TranscriptTime) {
        let (due, later) = std::mem::take(&mut self.waiting).into_iter().partition(|(time, ..)| *time == when);
        self.waiting = later;
        let due: Vec<(TranscriptTime, Duration, String)> = due;
        due.into_iter().for_each(|(_, delay, text)| self.transcribe(&text, delay));
    }
}

/// In a session that speaks nothing is written.
fn say_aloud(item: &mut OutputItem) {
    if let OutputItem::Text(text) = item {
        *item = OutputItem::Say(Say { say: std::mem::take(&mut text.text), clip: None });
    }
}
