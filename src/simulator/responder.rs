//! Responses: made when asked for or when a turn ends, streamed by the clock, cut when interrupted.

use super::{
    conversation::{Item, Sound},
    events::{self, PartKind, Place, Refusal},
    listening,
    peer::{ACTIVE_RESPONSE, Peer, Timer},
    plan::{self, End, OutItem, OutKind, OutStatus, Plan, Step, Wanted},
    scenario::{OutputItem, Say, TranscriptTime},
    script::{self, Reply},
    tool_rules::ToolRules,
};
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// What an image costs here; the real price depends on its size.
const IMAGE_TOKENS: u64 = 765;
/// Most out-of-band responses at a time.
const MOST_SIDE_RESPONSES: usize = 8;

/// A response under way.
pub(super) struct Active {
    id: String,
    /// False for an out-of-band response: it leaves no items behind.
    pub(super) in_conversation: bool,
    began: Instant,
    items: Vec<OutItem>,
    steps: VecDeque<(Duration, Step)>,
    /// The response resource without status, output and usage.
    resource: Value,
}

impl Active {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// When its next piece is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.steps.front().map(|(after, _)| self.began + *after)
    }
}

/// Why there is a response.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Why {
    /// The client asked for one.
    Asked,
    /// The client asked for one outside of the conversation.
    Aside,
    /// A turn ended.
    Turn,
    /// Nobody spoke for a while.
    Idle,
}

/// A response that was asked for and has not begun.
pub(super) struct Pending {
    id: String,
    pub(super) why: Why,
    wishes: Value,
}

impl Peer {
    /// `response.create`.
    pub(super) fn create_response(&mut self, wishes: &Value) -> Result<(), Refusal> {
        self.check_references(wishes)?;
        self.session.check_reasoning(wishes, "response")?;
        if self.audio_sent {
            self.session.check_voice(wishes, "response")?;
        }
        ToolRules::of(wishes, self.session.value()).check()?;
        let why = if wishes["conversation"] == "none" { Why::Aside } else { Why::Asked };
        if why == Why::Aside {
            let pending = self.pending.iter().filter(|p| p.why == Why::Aside).count();
            if pending + self.active.iter().filter(|a| !a.in_conversation).count() >= MOST_SIDE_RESPONSES {
                let message = format!("At most {MOST_SIDE_RESPONSES} out-of-band responses run at a time.");
                return Err(Refusal::new("rate_limit_exceeded", message));
            }
        } else {
            self.check_idle()?;
        }
        self.begin_response(why, wishes.clone());
        Ok(())
    }

    /// A response that the client did not ask for, so a refusal has no event to point at.
    pub(super) fn respond(&mut self, why: Why) {
        match self.check_idle() {
            Ok(()) => self.begin_response(why, Value::Null),
            Err(refusal) => self.refuse(&refusal, None),
        }
    }

    fn begin_response(&mut self, why: Why, wishes: Value) {
        let usual = Duration::from_millis(self.script.scenario().delivery.create_delay_ms.into());
        let delay = if why == Why::Aside { usual } else { self.script.create_delay() };
        let pending = Pending { id: self.ids.next("resp_"), why, wishes };
        if delay.is_zero() {
            return self.start_response(pending);
        }
        self.later(delay, Timer::Create { id: pending.id.clone() });
        self.pending.push(pending);
    }

    /// The delay of a response is over. It may have been interrupted meanwhile.
    pub(super) fn create_due(&mut self, id: &str) {
        if let Some(index) = self.pending.iter().position(|p| p.id == id) {
            let pending = self.pending.remove(index);
            self.start_response(pending);
        }
    }

    fn check_references(&self, wishes: &Value) -> Result<(), Refusal> {
        for (i, item) in wishes["input"].as_array().into_iter().flatten().enumerate() {
            let id = item["id"].as_str().unwrap_or_default();
            if item["type"] == "item_reference" && !self.conversation.contains(id) {
                let message = format!("Error creating response: the item with ID '{id}' does not exist.");
                return Err(Refusal::value(format!("response.input[{i}].id"), message));
            }
        }
        Ok(())
    }

    fn check_idle(&self) -> Result<(), Refusal> {
        let active = self.active.iter().find(|a| a.in_conversation).map(|a| &a.id);
        match active.or_else(|| self.pending.iter().find(|p| p.why != Why::Aside).map(|p| &p.id)) {
            None => Ok(()),
            Some(id) => {
                let message = format!(
                    "Conversation already has an active response in progress: {id}. Wait until the response is finished before creating a new one."
                );
                Err(Refusal::new(ACTIVE_RESPONSE, message))
            }
        }
    }

    /// `response.cancel`.
    pub(super) fn cancel_response(&mut self, id: Option<&str>) -> Result<(), Refusal> {
        let found = self.active.iter().position(|a| match id {
            Some(id) => a.id == id,
            None => a.in_conversation,
        });
        let Some(index) = found else {
            let message = "Cancellation failed: no active response found";
            return Err(Refusal::new("response_cancel_not_active", message));
        };
        let mut active = self.active.remove(index);
        self.finish(&mut active, End::ClientCancelled);
        Ok(())
    }

    /// The user began to speak: the default response stops. One that had not begun is only known by its end.
    pub(super) fn interrupt(&mut self) {
        let cut = self.clear_output();
        if let Some(index) = self.pending.iter().position(|p| p.why != Why::Aside) {
            let pending = self.pending.remove(index);
            let resource = self.resource(&pending);
            let details = events::ended_because("cancelled", "turn_detected");
            let none = events::usage([0, 0, 0], [0, 0]);
            self.send(events::response_done(&events::response_at(&resource, "cancelled", details, json!([]), none)));
        }
        if let Some(index) = self.active.iter().position(|a| a.in_conversation) {
            let mut active = self.active.remove(index);
            self.finish(&mut active, End::TurnDetected);
        }
        self.cut_items(cut);
    }

    /// The response resource without status, output and usage.
    fn resource(&self, pending: &Pending) -> Value {
        let (session, wishes) = (self.session.value(), &pending.wishes);
        let of = |name: &str| wish(wishes, name).unwrap_or(&session[name]);
        let output = |name: &str| {
            let wished = wishes.pointer("/audio/output").and_then(|output| wish(output, name));
            wished.unwrap_or(&session["audio"]["output"][name])
        };
        let voice = output("voice");
        events::response_resource(&events::ResponseFrame {
            id: &pending.id,
            conversation: (pending.why != Why::Aside).then_some(&self.conversation_id),
            modalities: of("output_modalities"),
            max_output_tokens: of("max_output_tokens"),
            metadata: &wishes["metadata"],
            format: output("format"),
            voice: voice.get("id").unwrap_or(voice),
        })
    }

    /// What the scripted model has to say.
    fn reply_to(&mut self, pending: &Pending) -> Reply {
        if let Some(text) = pending.wishes["instructions"].as_str().and_then(script::verbatim) {
            self.script.dictated();
            let say = Say { say: text.to_owned(), clip: None };
            return Reply { items: vec![OutputItem::Say(say)], instead: Vec::new() };
        }
        let reply = match pending.why {
            Why::Aside => self.script.aside(&pending.wishes),
            Why::Idle => self.script.idle(),
            Why::Asked | Why::Turn => self.script.reply(),
        };
        let (reply, later) = ToolRules::of(&pending.wishes, self.session.value()).obey(reply);
        if pending.why != Why::Aside && !later.is_empty() {
            self.script.defer(later);
        }
        reply
    }

    fn start_response(&mut self, pending: Pending) {
        let resource = self.resource(&pending);
        let reply = self.reply_to(&pending);
        let rules = ToolRules::of(&pending.wishes, self.session.value());
        let speech = resource["output_modalities"][0] == "audio";
        let wanted = Wanted { speech, callable: &|name| rules.allows(name) };
        let mut plan = plan::plan(&reply.items, &reply.instead, &wanted, self.script.scenario(), &mut self.ids);
        if let Some(limit) = resource["max_output_tokens"].as_u64() {
            plan.cut(limit);
        }
        let in_conversation = pending.why != Why::Aside;
        let Plan { items, steps } = plan;
        let active = Active { id: pending.id, in_conversation, began: self.now, items, steps, resource };
        self.send(events::response_created(&events::response_at(
            &active.resource,
            "in_progress",
            Value::Null,
            json!([]),
            Value::Null,
        )));
        self.send(events::rate_limits(999, 39_000));
        self.active.push(active);
        self.stream(self.now);
    }

    /// Sends every piece that is due.
    pub(super) fn stream(&mut self, now: Instant) {
        let mut running = std::mem::take(&mut self.active);
        running.retain_mut(|active| {
            while active.due().is_some_and(|due| due <= now) {
                let Some((_, step)) = active.steps.pop_front() else { break };
                if let Step::Finish(end) = step {
                    self.finish(active, end);
                    return false;
                }
                let content = matches!(step, Step::Text(..) | Step::Audio(..));
                self.step(active, step);
                if content && active.in_conversation {
                    self.release_transcripts(TranscriptTime::ReplyBegun, active.began);
                }
            }
            true
        });
        self.active = running;
    }

    fn step(&mut self, active: &mut Active, step: Step) {
        match step {
            Step::Open(index) => self.open(active, index),
            Step::Close(index) => self.close_item(active, index, "completed"),
            Step::Text(index, range) => {
                let item = &mut active.items[index];
                let from = range.start;
                item.text_sent = range.end;
                let place = Place { response: &active.id, item: &item.id, output_index: index };
                let delta = &item.text[range];
                let begins = item.begins_s(from);
                let mut event = match (&item.kind, item.part()) {
                    (OutKind::Call { call_id, .. }, _) => events::arguments_delta(place, call_id, delta),
                    (_, part) => events::text_delta(place, part.unwrap_or(PartKind::Text), delta),
                };
                if let Some(begins) = begins.filter(|_| self.xai.is_some()) {
                    event["start_time"] = json!(begins);
                }
                self.send(event);
            }
            Step::Audio(index, range) => {
                let item = &mut active.items[index];
                let OutKind::Audio(audio) = &item.kind else { return };
                item.samples_sent = range.end;
                let (response, id, audio) = (active.id.clone(), item.id.clone(), audio.clone());
                if active.in_conversation {
                    let sound = Sound { samples: audio.clone(), len: item.samples_sent };
                    if let Some(known) = self.conversation.get_mut(&item.id).filter(|known| !known.truncated) {
                        known.audio = vec![Some(sound)];
                    }
                }
                self.audio_sent = true;
                if !self.speak(&response, &id, &audio, range.clone()) {
                    let place = Place { response: &response, item: &id, output_index: index };
                    let mut event = events::audio_delta(place, &listening::encode(&audio[range.clone()]));
                    if self.xai.is_some() {
                        event["audio_duration_ms"] = json!(range.len() / 24);
                    }
                    self.send(event);
                }
            }
            Step::Finish(_) => {}
        }
    }

    fn open(&mut self, active: &mut Active, index: usize) {
        let item = &mut active.items[index];
        item.status = OutStatus::Open;
        let value = item_value(item, "in_progress", false);
        self.send(events::output_item_added(&active.id, index, &value));
        if active.in_conversation {
            let previous = self.conversation.last_id().map(str::to_owned);
            self.conversation.push(Item::new(value.clone(), Vec::new()));
            self.send(events::item_added(&value, previous.as_deref()));
        }
        if let Some(part) = item.part() {
            let place = Place { response: &active.id, item: &item.id, output_index: index };
            self.send(events::part_added(place, part));
        }
    }

    /// Ends an open item with what has been sent of it.
    fn close_item(&mut self, active: &mut Active, index: usize, status: &'static str) {
        let item = &mut active.items[index];
        item.status = OutStatus::Closed(status);
        let place = Place { response: &active.id, item: &item.id, output_index: index };
        let text = item.sent_text();
        match &item.kind {
            OutKind::Call { call_id, name } => self.send(events::arguments_done(place, call_id, name, text)),
            OutKind::Audio(_) => {
                self.send(events::audio_done(place));
                self.send(events::text_done(place, PartKind::Audio, text));
                self.send(events::part_done(place, PartKind::Audio, text));
            }
            OutKind::Text => {
                self.send(events::text_done(place, PartKind::Text, text));
                self.send(events::part_done(place, PartKind::Text, text));
            }
        }
        let value = item_value(item, status, true);
        self.send(events::output_item_done(&active.id, index, &value));
        if active.in_conversation {
            // The client may have deleted the item meanwhile.
            let Some(known) = self.conversation.get_mut(&item.id) else { return };
            if known.truncated {
                known.value["status"] = json!(status);
            } else {
                known.value = value.clone();
            }
            let previous = self.conversation.previous(&item.id).map(str::to_owned);
            self.send(events::item_done(&value, previous.as_deref()));
        }
    }

    fn finish(&mut self, active: &mut Active, end: End) {
        for index in 0..active.items.len() {
            if active.items[index].status == OutStatus::Open {
                self.close_item(active, index, "incomplete");
            }
        }
        let stopped = matches!(end, End::TurnDetected | End::ClientCancelled);
        let (status, details) = match &end {
            End::Completed => ("completed", Value::Null),
            End::TurnDetected => ("cancelled", events::ended_because("cancelled", "turn_detected")),
            End::OutOfTokens => ("incomplete", events::ended_because("incomplete", "max_output_tokens")),
            End::ClientCancelled => ("cancelled", events::ended_because("cancelled", "client_cancelled")),
            End::Failed(failure) => ("failed", events::failed_because(&failure.code, &failure.message)),
        };
        let output = active.items.iter().filter_map(|item| match item.status {
            OutStatus::Closed(status) => Some(item_value(item, status, true)),
            _ => None,
        });
        let output: Vec<Value> = output.collect();
        let usage = self.usage(active);
        self.send(events::response_done(&events::response_at(&active.resource, status, details, json!(output), usage)));
        self.spoken_out();
        if active.in_conversation {
            self.release_transcripts(TranscriptTime::ReplyDone, active.began);
            let unheard = active.items.iter().map(|item| item.samples_sent as u64 / 24).sum::<u64>();
            let played = self.now.saturating_duration_since(active.began);
            self.start_idle_timer(Duration::from_millis(if stopped { 0 } else { unheard }).saturating_sub(played));
        }
    }

    /// Tokens as the service counts them: 10 a second for audio heard, 20 for audio spoken.
    fn usage(&self, active: &Active) -> Value {
        let spoken: u64 = active.items.iter().map(|item| (item.samples_sent as u64).div_ceil(1200)).sum();
        let written: u64 = active.items.iter().map(|item| events::tokens(item.sent_text())).sum();
        let mine = |item: &&Item| !active.items.iter().any(|out| out.id == item.id());
        let (mut heard, mut seen, mut read) =
            (0, 0, events::tokens(self.session.value()["instructions"].as_str().unwrap_or("")));
        for item in self.conversation.items().iter().filter(mine) {
            heard += item.audio.iter().flatten().map(|sound| (sound.len as u64).div_ceil(2400)).sum::<u64>();
            for part in item.value["content"].as_array().into_iter().flatten() {
                read += events::tokens(part["text"].as_str().unwrap_or(""));
                seen += u64::from(part["type"] == "input_image") * IMAGE_TOKENS;
            }
        }
        events::usage([read, heard, seen], [written, spoken])
    }
}

/// A field of `response.create` that is present and not null.
pub(super) fn wish<'a>(wishes: &'a Value, name: &str) -> Option<&'a Value> {
    wishes.get(name).filter(|value| !value.is_null())
}

/// The item as the client sees it: empty when announced, with what was sent of it when done.
fn item_value(item: &OutItem, status: &str, done: bool) -> Value {
    match (&item.kind, item.part()) {
        (OutKind::Call { call_id, name }, _) => {
            events::call_item(&item.id, status, call_id, name, if done { item.sent_text() } else { "" })
        }
        (_, part) => {
            let content = part.filter(|_| done).map(|part| (part, item.sent_text()));
            events::message_item(&item.id, status, content)
        }
    }
}
