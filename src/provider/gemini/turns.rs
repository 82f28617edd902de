//! Turns out of a stream that has neither ids nor confirmations.
//!
//! The service sends words, audio, calls and marks; messages, responses and their order are made here, so that the
//! session sees what it sees of every vendor: the user's turn, then the response to it, one after the other. A response
//! ends at the calls it makes, and what the model says once it has the results is the next one.

mod calls;
mod user;

pub use calls::Call;

use super::server_message::{FunctionCall, ServerContent, Usage};
use crate::{
    event::Tokens,
    message::{ItemId, ResponseId, Role},
    provider::{
        DecodeError, Item, ItemKind, ItemPart, PartRef, ProviderError, ProviderEvent, ResponseDone,
        wire::{Samples, begun, samples},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What the user is saying, or said last.
#[derive(Debug)]
struct User {
    item: ItemId,
    words: String,
    /// The service, or we, said that the user began.
    began: bool,
    stopped: bool,
    /// It is in the conversation: what the model says from here on answers it.
    committed: bool,
    /// All its words are told.
    told: bool,
}

/// What the model is saying.
#[derive(Debug)]
struct Speaking {
    at: PartRef,
    words: String,
    audio: bool,
    /// No more audio comes.
    over: bool,
}

#[derive(Debug)]
struct Response {
    id: ResponseId,
    speaking: Option<Speaking>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Turns {
    /// The host wants to know what the user said. Some models say it in any case.
    transcribes: bool,
    /// Of all connections of one session, so that no two things are called the same.
    ids: Arc<AtomicU64>,
    seed: u32,
    user: Option<User>,
    response: Option<Response>,
    /// The request the next response answers.
    request: Option<String>,
    /// The next response answers what is in the conversation already: words, or results of calls.
    expected: bool,
    /// Something was put into the conversation: an interruption that follows is our own.
    told: bool,
    /// What comes belongs to a response nobody wants any more, until its end.
    gated: bool,
    /// The request that is answered has more than this turn, says a service that says such things.
    in_progress: bool,
    half: Option<u8>,
    usage: Option<(Tokens, Tokens)>,
    calls: Vec<Call>,
    /// The user's turn is in the conversation, and nothing came of it yet.
    unanswered: bool,
    /// Something was cut off: the end of that turn is still to come.
    cut: bool,
    /// The newest response that ended without saying what it cost.
    unbilled: Option<ResponseId>,
    /// Calls of a response nobody wants any more.
    unwanted: Vec<FunctionCall>,
    /// Something was said, asked or answered that the model answers.
    owed: bool,
    /// The service says when the user begins and stops.
    marks: bool,
}

impl Turns {
    pub fn new(transcribes: bool) -> Self {
        Self { transcribes, ..Self::default() }
    }

    /// Of another connection of the same session.
    pub fn another(&self) -> Self {
        Self { ids: self.ids.clone(), seed: self.seed, ..Self::new(self.transcribes) }
    }

    /// Of that session.
    pub fn seed(&mut self, seed: u32) {
        self.seed = seed;
    }

    pub fn transcribes(&mut self, on: bool) {
        self.transcribes = on;
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_g{:x}_{}", self.seed, self.ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An answer was asked for: what comes next is it.
    pub fn asked(&mut self, request: String) {
        self.request = Some(request);
        (self.expected, self.told, self.owed) = (true, true, true);
    }

    /// Something went into the conversation, which cuts off what is being said. `answered`: what comes next answers it.
    pub fn told(&mut self, answered: bool) {
        self.told = true;
        self.expected |= answered;
        self.owed |= answered;
    }

    /// Nobody wants what is being said any more. The service cannot be told, so it is not listened to.
    pub fn cancel(&mut self, response: Option<&ResponseId>, events: &mut Vec<ProviderEvent>) {
        if self.response.as_ref().is_some_and(|r| response.is_none_or(|id| *id == r.id)) {
            self.gated = true;
            self.finish("cancelled", Some("client_cancelled"), events);
        }
    }

    pub fn usage(&mut self, usage: &Usage, events: &mut Vec<ProviderEvent>) {
        let side = |total: u64, cached: u64, details: &[super::server_message::Counted]| {
            let of = |kind: &str| details.iter().filter(|d| d.modality == kind).map(|d| d.token_count).sum();
            Tokens { total, cached, text: of("TEXT"), audio: of("AUDIO"), image: of("IMAGE") }
        };
        let input = side(usage.prompt_token_count, usage.cached_content_token_count, &usage.prompt_tokens_details);
        let output = side(usage.response_token_count, 0, &usage.response_tokens_details);
        // Ticks of one response: a field that is 0 in a later one was counted before.
        if self.response.is_none()
            && let Some(response) = self.unbilled.take()
        {
            // Told when it was over.
            return events.push(ProviderEvent::Used { response, input, output });
        }
        let last = |new: Tokens, old: Option<Tokens>| if new.total > 0 { new } else { old.unwrap_or(new) };
        let (old_in, old_out) = self.usage.take().unzip();
        self.usage = Some((last(input, old_in), last(output, old_out)));
    }

    /// What the model says, and its marks.
    pub fn content(
        &mut self,
        content: ServerContent<'_>,
        audio_ms: u64,
        events: &mut Vec<ProviderEvent>,
    ) -> Result<(), DecodeError> {
        if let Some(blob) =
            content.model_turn.iter().flat_map(|turn| &turn.parts).find_map(|part| part.inline_data.as_ref())
            && blob.mime_type.starts_with("audio/")
            && !is_audio(&blob.mime_type)
        {
            // Played at the wrong rate it would be noise.
            return Err(DecodeError::Audio(format!("{} is not spoken here", blob.mime_type)));
        }
        if let Some(words) = content.input_transcription {
            self.user_words(words, audio_ms, events);
        }
        if content.interrupted {
            self.interrupted(audio_ms, events);
        }
        if let Some(words) = content.output_transcription.filter(|words| !words.text.is_empty()) {
            self.said(words.text, true, audio_ms, events);
        }
        for part in content.model_turn.into_iter().flat_map(|turn| turn.parts) {
            if let Some(blob) = part.inline_data.filter(|blob| is_audio(&blob.mime_type)) {
                self.audio(blob.data.as_bytes(), audio_ms, events)?;
            }
            // With speech, text beside it is thought or markup and is not spoken.
        }
        if content.generation_complete {
            self.audio_over(events);
        }
        if let Some(status) = content.interaction_status {
            self.in_progress = status == "IN_PROGRESS";
        }
        if content.turn_complete {
            self.turn_complete(content.turn_complete_reason.as_deref(), audio_ms, events);
        }
        Ok(())
    }

    fn audio(&mut self, base64: &[u8], audio_ms: u64, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let Samples { pcm, odd, half } = samples(base64, self.half.take())?;
        self.half = half;
        if let Some(at) = self.speak(audio_ms, events).map(|speaking| {
            speaking.audio = true;
            speaking.at.clone()
        }) {
            events.push(ProviderEvent::Audio { at, pcm, odd });
        }
        Ok(())
    }

    fn said(&mut self, delta: String, audio: bool, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        let Some(speaking) = self.speak(audio_ms, events) else { return };
        let delta = if speaking.words.is_empty() { delta.trim_start().to_owned() } else { delta };
        speaking.words.push_str(&delta);
        let at = speaking.at.clone();
        events.push(ProviderEvent::AgentDelta { at, audio, delta });
    }

    /// The message the model is speaking, begun where there is none; `None`: nobody wants it.
    fn speak(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) -> Option<&mut Speaking> {
        self.begin(audio_ms, events)?;
        let item = self.response.as_ref().is_some_and(|r| r.speaking.is_none()).then(|| ItemId::from(self.id("item")));
        let response = self.response.as_mut()?;
        if let Some(item) = item {
            let at = PartRef { response: response.id.clone(), item, part: 0 };
            events.extend(begun(&at, true));
            response.speaking = Some(Speaking { at, words: String::new(), audio: false, over: false });
        }
        response.speaking.as_mut().filter(|speaking| !speaking.over)
    }

    /// The response that is under way, begun where there is none.
    fn begin(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) -> Option<&Response> {
        if self.gated {
            return None;
        }
        if self.response.is_none() {
            if self.user.as_ref().is_some_and(|user| !user.committed) {
                self.commit_user(audio_ms, events);
            } else if !self.expected {
                // It answers something it heard, and has not said what.
                self.new_user(events);
                self.commit_user(audio_ms, events);
            }
            (self.expected, self.told, self.unanswered, self.cut) = (false, false, false, false);
            self.owed = false;
            let id = ResponseId::from(self.id("resp"));
            let request = self.request.take();
            events.push(ProviderEvent::ResponseCreated { response: id.clone(), request, detached: false });
            self.response = Some(Response { id, speaking: None });
        }
        self.response.as_ref()
    }

    /// The model speaks, or is about to.
    pub fn is_busy(&self) -> bool {
        let ends = self.user.as_ref().is_some_and(|user| user.stopped && !user.committed);
        self.response.is_some() || self.expected || ends || self.calls_wait()
    }

    /// Something was put into the conversation that nothing was said to yet.
    pub fn was_told(&self) -> bool {
        self.told
    }

    /// The service says when the user begins and stops.
    pub fn marks(&mut self) {
        self.marks = true;
    }

    /// The user is in the middle of a turn.
    pub fn user_speaks(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.began && !user.committed)
    }

    /// Somebody cut the model off: the user by speaking, unless it was we by telling it something.
    fn interrupted(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        (self.gated, self.cut) = (false, true);
        let speaks = self.user.as_ref().is_some_and(|user| !user.committed);
        // While calls wait for their results nobody but the user cuts in.
        let waits = self.expected && !self.calls_wait();
        // A service that says when the user begins says it; what it cuts off without that is of our making.
        if !speaks && !waits && !self.told && !self.marks {
            self.user_begins(audio_ms, events);
        }
        self.told = false;
        if self.response.is_some() {
            // Also of what was received already nothing more is to be heard.
            events.push(ProviderEvent::Interrupted);
            self.finish("cancelled", Some("turn_detected"), events);
        }
    }

    fn audio_over(&mut self, events: &mut Vec<ProviderEvent>) {
        if let Some(speaking) = self.response.as_mut().and_then(|r| r.speaking.as_mut())
            && !std::mem::replace(&mut speaking.over, true)
        {
            events.push(ProviderEvent::AudioDone { at: speaking.at.clone() });
        }
    }

    fn turn_complete(&mut self, reason: Option<&str>, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        let over = self.gated | std::mem::take(&mut self.cut) | self.in_progress;
        // What nobody wants goes on for as long as the request does.
        self.gated &= self.in_progress;
        let reason = reason.filter(|reason| !reason.is_empty() && !reason.ends_with("_UNSPECIFIED"));
        let stopped = |user: &User| !user.committed && (user.stopped || (user.began && !self.marks));
        let spoken = self.user.as_ref().is_some_and(stopped) || self.unanswered || self.request.is_some();
        if self.response.is_none() && !over && !self.calls_wait() && (spoken || (reason.is_some() && self.expected)) {
            // An answer that was refused before it began, or that the model had none to give, ends all the same.
            self.begin(audio_ms, events);
        }
        if self.response.is_some() {
            self.finish(if reason.is_some() { "incomplete" } else { "completed" }, reason, events);
        }
        // The same request goes on: what comes next is no answer to something new.
        self.expected = self.in_progress || (self.expected && (self.owed || self.calls_wait()));
        self.tell_user(events);
        // What comes after the end of a turn is of the next.
        if let Some(user) = self.user.as_mut().filter(|user| user.committed) {
            user.told = true;
        }
    }

    fn message_done(&mut self, status: &str, events: &mut Vec<ProviderEvent>) {
        self.audio_over(events);
        self.half = None;
        let Some(response) = &mut self.response else { return };
        let Some(Speaking { at, words, audio, .. }) = response.speaking.take() else { return };
        if status != "cancelled" {
            events.push(ProviderEvent::AgentDone { at: at.clone(), audio: true, text: words });
        }
        let parts = vec![ItemPart { audio: audio || status == "cancelled", text: String::new() }];
        let kind = ItemKind::Message { role: Role::Assistant, parts };
        let status = if status == "completed" { "completed" } else { "incomplete" };
        let item = Item { id: at.item, kind, status: status.into() };
        events.push(ProviderEvent::OutputItemDone { response: at.response, item });
    }

    fn finish(&mut self, status: &str, reason: Option<&str>, events: &mut Vec<ProviderEvent>) {
        // The question stands before the answer.
        self.tell_user(events);
        self.message_done(status, events);
        let Some(response) = self.response.take() else { return };
        let usage = self.usage.take();
        self.unbilled = usage.is_none().then(|| response.id.clone());
        events.push(over(response.id, status, reason, usage));
    }
}

fn over(response: ResponseId, status: &str, reason: Option<&str>, usage: Option<(Tokens, Tokens)>) -> ProviderEvent {
    let error = (status == "incomplete").then(|| ProviderError {
        code: reason.unwrap_or_default().to_owned(),
        message: "the service ended the turn".into(),
        ..ProviderError::default()
    });
    ProviderEvent::ResponseDone(Box::new(ResponseDone {
        response,
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        error,
        usage,
        billed_ms: None,
        items: Vec::new(),
        inferred: false,
    }))
}

/// Audio of the rate that is documented, or of none that is said.
fn is_audio(mime_type: &str) -> bool {
    let mut parts = mime_type.split(';').map(str::trim);
    let pcm = parts.next().is_some_and(|kind| kind.is_empty() || kind == "audio/pcm");
    pcm && parts.all(|part| part.strip_prefix("rate=").is_none_or(|rate| rate == "24000"))
}
