//! What the agent says and writes: asked for, streamed by the clock, told when the text is there.

use super::{
    closing::{self, Closing},
    events, formats,
    peer::{Peer, Timer},
    turn::{Reply, Turn},
};
use crate::simulator::{
    events::tokens,
    plan::{self, End, OutKind, Plan, Step, Wanted},
    scenario::{OutputItem, Say, TranscriptTime},
    script,
};
use std::time::Duration;

/// What a model can take in, in tokens.
const CONTEXT: u64 = 128_000;

impl Peer {
    /// The user is to be answered, now or after what is being said.
    pub(super) fn answer(&mut self) {
        self.owed = true;
        self.when_idle();
    }

    /// Begins what waits for the end of everything else.
    pub(super) fn when_idle(&mut self) {
        if !self.owed || self.watch.queued || self.hearing.busy() || !matches!(self.turn, Turn::Idle) {
            return;
        }
        self.owed = false;
        self.turn = Turn::Awaited;
        let delay = self.script.create_delay().max(self.watch.held_off(self.now));
        self.later(delay, Timer::Begin);
    }

    /// A reply that has not begun yet is put off.
    pub(super) fn put_off(&mut self) {
        if self.never(&Timer::Begin) {
            self.later(self.watch.held_off(self.now), Timer::Begin);
        }
    }

    /// The agent says what it says first, if it does. Then the user has been waiting long enough.
    pub(super) fn open(&mut self) {
        let first = self.setup().and_then(|setup| setup.first_message.clone());
        match first {
            Some(first) if first.is_empty() => self.watch.quiet(self.now),
            Some(say) => {
                self.script.dictated();
                let items = vec![OutputItem::Say(Say { say, clip: None })];
                self.say(script::Reply { items, instead: Vec::new() });
            }
            None if self.agent().greets && self.script.scenario().greeting.is_some() && !self.owed => {
                let reply = self.script.reply();
                self.say(reply);
            }
            None => self.watch.quiet(self.now),
        }
        self.when_idle();
    }

    /// The agent begins a reply to the user.
    pub(super) fn begin(&mut self) {
        if matches!(self.turn, Turn::Awaited) {
            let reply = self.script.reply();
            self.say(reply);
        }
    }

    /// The agent begins to say this.
    pub(super) fn say(&mut self, reply: script::Reply) {
        let (number, asked) = (self.next_number(), std::mem::take(&mut self.asked));
        let mut saying = Reply::new(number, self.now, asked);
        self.go_on(&mut saying, reply);
        self.turn = Turn::Speaking(saying);
    }

    /// Puts this into a reply: its beginning, or what follows the results of tools.
    fn go_on(&mut self, saying: &mut Reply, reply: script::Reply) {
        let Plan { items, steps } = self.plan(reply);
        saying.began = self.now;
        saying.items = items;
        saying.steps = steps;
    }

    fn plan(&mut self, mut reply: script::Reply) -> Plan {
        let speech = !self.text_only();
        let tools = self.setup().cloned();
        for item in reply.items.iter_mut().chain(&mut reply.instead) {
            if speech {
                say_aloud(item);
            }
            if let (OutputItem::Say(Say { say: text, .. }), Some(setup)) = (item, &tools) {
                *text = setup.filled(text);
            }
        }
        let callable = |name: &str| tools.as_ref().is_none_or(|setup| setup.may_call(name));
        let wanted = Wanted { speech, callable: &callable };
        plan::plan(&reply.items, &reply.instead, &wanted, self.script.scenario(), &mut self.ids)
    }

    /// Sends what is due.
    pub(super) fn stream(&mut self) {
        while self.turn.due().is_some_and(|due| due <= self.now) {
            match std::mem::replace(&mut self.turn, Turn::Idle) {
                Turn::Speaking(mut reply) => {
                    let Some((after, step)) = reply.steps.pop_front() else { return };
                    if let Some(reply) = self.step(reply, after, step) {
                        self.turn = Turn::Speaking(reply);
                    }
                }
                Turn::Playing(reply) => self.played(&reply),
                other => self.turn = other,
            }
        }
    }

    /// One step of a reply, which is given back if it goes on right away.
    fn step(&mut self, mut reply: Reply, after: Duration, step: Step) -> Option<Reply> {
        let is_call = |index: &usize| matches!(reply.items[*index].kind, OutKind::Call { .. });
        let of_call = match &step {
            Step::Open(index) | Step::Close(index) | Step::Text(index, _) | Step::Audio(index, _) => is_call(index),
            Step::Finish(_) => false,
        };
        if !of_call && !reply.gathered.is_empty() {
            reply.steps.push_front((after, step));
            return self.call(reply);
        }
        match step {
            Step::Close(index) if of_call => reply.gathered.push(index),
            _ if of_call => {}
            Step::Open(index) => {
                let response = self.ids.next("resp_");
                reply.open(index, response, self.agent().output_format);
                if self.text_only() {
                    self.tell(events::chat_part(reply.id, "start", ""));
                }
            }
            Step::Text(index, range) => {
                let text = reply.items[index].text.clone();
                self.write(&mut reply, &text[range.clone()], range.end == text.len());
            }
            Step::Audio(_, range) => self.sound(&mut reply, &range),
            Step::Close(_) => {
                if self.text_only() {
                    self.tell(events::chat_part(reply.id, "stop", ""));
                }
                self.tell_whole(&mut reply);
            }
            Step::Finish(end) => return self.finish(reply, end),
        }
        Some(reply)
    }

    /// More of a text is there.
    fn write(&mut self, reply: &mut Reply, words: &str, whole: bool) {
        self.release(TranscriptTime::ReplyBegun);
        self.context += tokens(words);
        if let Some(message) = reply.messages.last_mut() {
            message.written += words.len();
        }
        if self.text_only() {
            self.tell(events::chat_part(reply.id, "delta", words));
        } else if whole {
            // When the model has finished writing, which is often seconds before the voice has.
            self.tell_whole(reply);
        }
    }

    fn tell_whole(&mut self, reply: &mut Reply) {
        let Some(message) = reply.messages.last_mut().filter(|message| !message.told) else { return };
        message.told = true;
        let event = events::agent_response(reply.id, &message.response, &message.text, &reply.answers);
        self.tell(event);
    }

    fn sound(&mut self, reply: &mut Reply, range: &std::ops::Range<usize>) {
        let format = self.agent().output_format;
        reply.sends(range, self.now);
        let Some(message) = reply.messages.last() else { return };
        let base64 = formats::encode(message.sound(range, format), format);
        let event = events::audio(reply.id, &base64, Some(&message.alignment(range)), message.ends_with(range));
        self.tell(event);
    }

    fn finish(&mut self, mut reply: Reply, end: End) -> Option<Reply> {
        self.release(TranscriptTime::ReplyBegun);
        if let End::Failed(failure) = end {
            // Codes of other vendors mean nothing here.
            let kind = if closing::is_error(&failure.code) { failure.code.as_str() } else { "llm_error" };
            self.end(Closing::error(kind, failure.message));
            return None;
        }
        if std::mem::take(&mut reply.owes) {
            // What the user has said meanwhile is answered in a reply of its own.
            let pending = self.script.unanswered.take();
            let more = self.script.reply();
            if pending.is_some() {
                self.script.unanswered = pending;
            }
            self.go_on(&mut reply, more);
            return Some(reply);
        }
        let model = self.setup().map(|setup| setup.model.clone()).unwrap_or_default();
        self.tell(events::context_usage(reply.id, &model, self.context, CONTEXT));
        reply.played = reply.played.max(self.now);
        self.turn = Turn::Playing(reply);
        None
    }

    /// A client that plays in real time has played everything.
    fn played(&mut self, reply: &Reply) {
        self.tell(events::complete(reply.id));
        self.release(TranscriptTime::ReplyDone);
        if reply.last {
            return self.end(Closing::with(1000, "Agent ended the call"));
        }
        self.watch.quiet(self.now);
        self.when_idle();
    }

    /// Transcripts that waited for this.
    pub(super) fn release(&mut self, when: TranscriptTime) {
        let (due, later) = std::mem::take(&mut self.waiting).into_iter().partition(|(time, ..)| *time == when);
        self.waiting = later;
        let due: Vec<(TranscriptTime, Duration, u64, String)> = due;
        for (_, delay, number, text) in due {
            self.later(delay, Timer::Heard(number, text, false));
        }
    }
}

/// In a conversation that is spoken nothing is only written.
fn say_aloud(item: &mut OutputItem) {
    if let OutputItem::Text(text) = item {
        *item = OutputItem::Say(Say { say: std::mem::take(&mut text.text), clip: None });
    }
}
