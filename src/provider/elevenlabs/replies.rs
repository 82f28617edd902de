//! Turns out of a stream that says what is heard and written, and neither who asked nor where anything ends.
//!
//! A reply begins with its first sound or word and ends with what the agent says of its end, with the next turn, or when
//! nothing more comes (protocols reference §7). Numbers of events grow over the conversation: what was cut off is all up to
//! a number.

mod calls;
mod user;

use super::server_message::{AgentResponse, Alignment, Audio, Correction};
use crate::{
    message::{ItemId, ResponseId, Role},
    provider::{
        AlignedChar, Item, ItemKind, ItemPart, PartRef, ProviderError, ProviderEvent, ResponseDone, wire::begun,
    },
};
use calls::{Call, CallStep};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Replies whose words may still be corrected.
const MOST_SAID: usize = 64;

/// What the agent is saying.
#[derive(Debug)]
struct Reply {
    id: ResponseId,
    at: Option<PartRef>,
    words: String,
    /// All its words are known.
    written: bool,
    /// What the agent calls the message.
    name: Option<String>,
    audio: bool,
    first: i64,
    last: i64,
}

/// What the agent said.
#[derive(Debug)]
struct Said {
    at: PartRef,
    name: Option<String>,
    first: i64,
    last: i64,
    written: bool,
    /// The words that were told with its sound.
    words: String,
    /// It was not wanted here any more, which the agent does not know.
    by_host: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Replies {
    /// Of all connections of one session.
    ids: Arc<AtomicU64>,
    seed: u32,
    /// What the user is saying.
    user: Option<ItemId>,
    reply: Option<Reply>,
    /// The request the next reply answers.
    request: Option<String>,
    /// What comes next answers something that was sent.
    expected: bool,
    /// What was written may cut off a greeting that is on its way, and nobody has spoken then.
    crosses: bool,
    /// Everything up to this was cut off.
    cut: i64,
    /// The same, by the host: the agent knows nothing of it.
    cut_here: i64,
    /// The newest that was heard of.
    newest: i64,
    said: VecDeque<Said>,
    /// Sound that was sent so far, milliseconds.
    pub audio_ms: u64,
    calls: VecDeque<Call>,
}

impl Replies {
    /// Of another connection of the same session.
    pub fn another(&self) -> Self {
        Self { ids: self.ids.clone(), seed: self.seed, ..Self::default() }
    }

    /// Of that session.
    pub fn seed(&mut self, seed: u32) {
        self.seed = seed;
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_e{:x}_{}", self.seed, self.ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An answer was asked for: what comes next is it.
    pub fn asked(&mut self, request: String) {
        self.request = Some(request);
        self.expected = true;
        self.crosses = self.said.is_empty();
    }

    /// The reply that is under way, begun where there is none.
    fn begin(&mut self, event: i64, events: &mut Vec<ProviderEvent>) -> &mut Reply {
        self.newest = self.newest.max(event);
        let new = self.reply.is_none().then(|| ResponseId::from(self.id("resp")));
        if let Some(response) = new.clone() {
            self.expected = false;
            self.user_ends(None, events);
            // The first may be a greeting that crosses what was written, which cuts it off then.
            self.crosses &= self.said.is_empty();
            let request = self.request.take();
            events.push(ProviderEvent::ResponseCreated { response, request, detached: false });
        }
        let reply = self.reply.get_or_insert_with(|| Reply {
            id: new.unwrap_or_else(|| ResponseId::from("")),
            at: None,
            words: String::new(),
            written: false,
            name: None,
            audio: false,
            first: event,
            last: event,
        });
        reply.last = reply.last.max(event);
        reply
    }

    /// The message the agent is speaking, or writing.
    fn speak(&mut self, event: i64, audio: bool, events: &mut Vec<ProviderEvent>) -> PartRef {
        let new = ItemId::from(self.id("item"));
        let reply = self.begin(event, events);
        if let Some(at) = &reply.at {
            return at.clone();
        }
        let at = PartRef { response: reply.id.clone(), item: new, part: 0 };
        events.extend(begun(&at, audio));
        (reply.at, reply.audio) = (Some(at.clone()), audio);
        at
    }

    /// Whether sound of that number is to be heard, and if so where it belongs.
    pub fn sounds(&mut self, audio: &Audio<'_>, events: &mut Vec<ProviderEvent>) -> Option<PartRef> {
        if self.is_cut(audio.event_id) {
            return None;
        }
        Some(self.speak(audio.event_id, true, events))
    }

    /// When each sign is spoken, and that it is; `from_ms`: what of the part came before. Often all words are told when
    /// most of the sound is there, so these are the words until then.
    pub fn aligned(&mut self, at: &PartRef, alignment: &Alignment, from_ms: u32, events: &mut Vec<ProviderEvent>) {
        let times = alignment.char_start_times_ms.iter().zip(&alignment.char_durations_ms);
        let ms = |value: f64| value.clamp(0.0, 3_600_000.0) as u32;
        let signs = alignment.chars.iter().zip(times).filter_map(|(text, (start, lasts))| {
            let character = text.chars().next()?;
            let start_ms = from_ms.saturating_add(ms(*start));
            Some(AlignedChar { character, start_ms, end_ms: start_ms.saturating_add(ms(*lasts)) })
        });
        let characters: Vec<_> = signs.collect();
        if characters.is_empty() {
            return;
        }
        if let Some(reply) = self.reply.as_mut().filter(|reply| !reply.written) {
            let delta: String = characters.iter().map(|sign| sign.character).collect();
            reply.words.push_str(&delta);
            events.push(ProviderEvent::AgentDelta { at: at.clone(), audio: true, delta });
        }
        events.push(ProviderEvent::Alignment { at: at.clone(), characters });
    }

    /// All words of a reply. `speaks`: it is spoken as well.
    pub fn words(&mut self, response: AgentResponse, speaks: bool, events: &mut Vec<ProviderEvent>) {
        let (event, text) = (response.event_id, response.agent_response.trim().to_owned());
        // Of a reply that was cut while it was generated: as far as it was heard, says the agent, if it knows of that.
        if self.is_cut(event) {
            let cut = self.said.iter_mut().rev().find(|said| !said.written && said.first <= event);
            if let Some(said) = cut {
                (said.written, said.name) = (true, response.response_id);
                let at = said.at.clone();
                if let Some(delta) = text.strip_prefix(said.words.as_str()).filter(|delta| !delta.is_empty()) {
                    events.push(ProviderEvent::AgentDelta { at: at.clone(), audio: speaks, delta: delta.to_owned() });
                }
                if !said.by_host {
                    events.push(ProviderEvent::HeardTranscript { item: at.item, part: at.part, transcript: text });
                }
            }
            return;
        }
        // A reply has its words once: these are of the next.
        if self.reply.as_ref().is_some_and(|reply| reply.written) {
            self.finish("completed", None, true, events);
        }
        let at = self.speak(event, speaks, events);
        let Some(reply) = &mut self.reply else { return };
        (reply.written, reply.name) = (true, response.response_id);
        // Words that are written otherwise than they are spoken take the place of those in the end.
        let delta = text.strip_prefix(reply.words.as_str()).unwrap_or_default().to_owned();
        reply.words = text;
        if !delta.is_empty() {
            events.push(ProviderEvent::AgentDelta { at, audio: speaks, delta });
        }
    }

    /// Some words of a reply that is written.
    pub fn part(&mut self, event: i64, delta: String, events: &mut Vec<ProviderEvent>) {
        if self.is_cut(event) || delta.is_empty() {
            return;
        }
        let at = self.speak(event, false, events);
        let Some(reply) = &mut self.reply else { return };
        reply.words.push_str(&delta);
        events.push(ProviderEvent::AgentDelta { at, audio: false, delta });
    }

    /// What was really heard of a message, says the agent. Those of one turn have one number and names of their own.
    pub fn corrected(&mut self, correction: Correction, events: &mut Vec<ProviderEvent>) {
        let event = correction.event_id;
        let of = |name: &Option<String>, first: i64, last: i64| match (name, &correction.response_id) {
            (Some(name), Some(wanted)) => name == wanted,
            _ => (first..=last).contains(&event),
        };
        let now = self.reply.as_ref().filter(|reply| of(&reply.name, reply.first, reply.last));
        let now = now.and_then(|reply| reply.at.clone());
        let before = || self.said.iter().rev().find(|said| of(&said.name, said.first, said.last));
        // What was cut off here was heard no longer than that, and the agent cannot know it.
        let before = || before().filter(|said| !said.by_host).map(|said| said.at.clone());
        let Some(at) = now.or_else(before) else { return };
        let (whole, heard) = (&correction.original_agent_response, correction.corrected_agent_response.trim());
        // What was cut off ends in dots that nobody said.
        let words =
            heard.strip_suffix("...").filter(|words| !whole.contains(heard) && whole.contains(words.trim_end()));
        let transcript = words.unwrap_or(heard).trim_end().to_owned();
        events.push(ProviderEvent::HeardTranscript { item: at.item, part: at.part, transcript });
    }

    /// The user cut the agent off; everything up to this is not heard any more. False: that was over already.
    pub fn interrupted(&mut self, event: i64, events: &mut Vec<ProviderEvent>) -> bool {
        self.cut = self.cut.max(event);
        self.newest = self.newest.max(event);
        if self.reply.as_ref().is_some_and(|reply| reply.first > event) {
            // What it was about is over, and what is being said is not.
            return false;
        }
        if self.expected {
            // Something is being answered, so that this may be of our own making; the speaker is silenced all the same.
            events.push(ProviderEvent::Interrupted);
        } else {
            self.user_begins(events);
        }
        self.finish("cancelled", Some("turn_detected"), false, events);
        true
    }

    fn is_cut(&self, event: i64) -> bool {
        event <= self.cut.max(self.cut_here)
    }

    /// Whether a reply of that number is under way: the end of one may be told while the next is. Without a number, any.
    pub fn is_about(&self, event: i64) -> bool {
        self.reply.as_ref().is_some_and(|reply| event == 0 || (reply.first..=reply.last).contains(&event))
    }

    /// The agent says, or its silence does, that the reply is whole.
    pub fn ended(&mut self, inferred: bool, events: &mut Vec<ProviderEvent>) {
        self.finish("completed", None, inferred, events);
    }

    /// All words of the reply are there, and nobody works on a call: silence is its end.
    pub fn may_end(&self) -> bool {
        !self.calls.iter().any(|call| call.step == CallStep::Open)
            && self.reply.as_ref().is_some_and(|reply| reply.written)
    }

    /// Nobody wants what is being said any more. The agent cannot be told, so it is not listened to.
    pub fn cancel(&mut self, events: &mut Vec<ProviderEvent>) {
        if let Some(reply) = &self.reply {
            let spoke = reply.at.is_some();
            self.cut_here = self.cut_here.max(self.newest);
            self.finish("cancelled", Some("client_cancelled"), false, events);
            if let Some(said) = self.said.back_mut().filter(|_| spoke) {
                said.by_host = true;
            }
        }
    }

    /// What the agent counts a message as.
    pub fn number_of(&self, item: &ItemId) -> Option<i64> {
        let now = self.reply.as_ref().filter(|reply| reply.at.as_ref().is_some_and(|at| at.item == *item));
        let before = self.said.iter().rev().find(|said| said.at.item == *item);
        now.map(|reply| reply.last).or(before.map(|said| said.last))
    }

    /// The part that is being spoken.
    pub fn speaking(&self) -> Option<&PartRef> {
        self.reply.as_ref().filter(|reply| reply.audio).and_then(|reply| reply.at.as_ref())
    }

    fn message_done(&mut self, status: &str, events: &mut Vec<ProviderEvent>) {
        let Some(reply) = &mut self.reply else { return };
        let Some(at) = reply.at.take() else { return };
        let text = std::mem::take(&mut reply.words);
        let words = if reply.written { String::new() } else { text.clone() };
        if reply.audio {
            events.push(ProviderEvent::AudioDone { at: at.clone() });
        }
        if status != "cancelled" {
            events.push(ProviderEvent::AgentDone { at: at.clone(), audio: reply.audio, text });
        }
        let parts = vec![ItemPart { audio: reply.audio, text: String::new() }];
        let kind = ItemKind::Message { role: Role::Assistant, parts };
        let word = if status == "completed" { "completed" } else { "incomplete" };
        let item = Item { id: at.item.clone(), kind, status: word.into() };
        events.push(ProviderEvent::OutputItemDone { response: at.response.clone(), item });
        if self.said.len() >= MOST_SAID {
            self.said.pop_front();
        }
        let name = reply.name.take();
        let (first, last, written) = (reply.first, reply.last, reply.written);
        self.said.push_back(Said { at, name, first, last, written, words, by_host: false });
        reply.written = false;
    }

    fn finish(&mut self, status: &str, reason: Option<&str>, inferred: bool, events: &mut Vec<ProviderEvent>) {
        self.message_done(status, events);
        let Some(reply) = self.reply.take() else { return };
        self.crosses &= status != "completed";
        events.push(ProviderEvent::ResponseDone(Box::new(ResponseDone {
            response: reply.id,
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            error: None::<ProviderError>,
            usage: None,
            billed_ms: None,
            items: Vec::new(),
            inferred,
        })));
    }
}
