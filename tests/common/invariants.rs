//! What holds after every input of every test.

use super::{PER_MS, frame_of, speaker::Speaker};
use duologue::{
    event::{EventKind, OpId, Phase, Status},
    message::{MessageState, Part, Role, ToolCallState},
    provider::Frame,
    session::{Command, Input, Output, Session},
    time::Time,
};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub struct Invariants {
    asked: HashSet<OpId>,
    completed: HashSet<OpId>,
    seq: u64,
    time_ms: u64,
    /// The newest connection.
    epoch: u32,
    /// Connections that are open, by number; two while one takes over from the other.
    wires: HashMap<u32, Wire>,
    terminal: bool,
    /// The test's clock.
    pub now: Time,
    /// The host may have begun a turn and not ended it.
    held: bool,
    /// The words of a turn that was begun are not known.
    unfinished: bool,
    ids: Ids,
}

/// What the vendor's ids stand for. An item has one response that made it; where a vendor says otherwise, promises
/// that tell items apart mean nothing.
#[derive(Default)]
struct Ids {
    /// Items of the conversation, whatever else they are called.
    inside: HashSet<String>,
    /// The response whose sound an item has, and items with the sound of several.
    sound: HashMap<String, String>,
    shared: HashSet<String>,
    /// The vendor says whose a response is, so one it says nothing of is its own.
    returns_metadata: bool,
}

impl Ids {
    fn vendor(&mut self, event: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if event["type"] == "response.output_audio.delta" {
            let (item, response) = (text(&event["item_id"]), text(&event["response_id"]));
            if *self.sound.entry(item.clone()).or_insert_with(|| response.clone()) != response {
                self.shared.insert(item);
            }
        }
    }
}

/// What holds on one connection.
#[derive(Default)]
struct Wire {
    closing: bool,
    /// Our `response.create` the vendor has not taken up: request id and event id.
    outstanding: Option<(String, String)>,
    asked_at: Time,
    /// Responses that may be the answer to it: the vendor has never said whose one is.
    maybe: HashSet<String>,
    /// Something was sent that may begin a response.
    begun: bool,
    /// Requests outside the conversation: any number of them.
    outside: Vec<String>,
    /// Responses that run, by what the vendor said.
    running: HashMap<String, Time>,
    /// Responses whose end was told.
    done: HashSet<String>,
    /// Cancels by event id, with the response.
    cancels: HashMap<String, String>,
    /// Answered calls with the event that did it.
    answered: HashMap<String, String>,
    /// Calls the vendor was told of; results of others have no place.
    calls: HashSet<String>,
    /// Messages of ours.
    told: HashSet<String>,
    /// Cuts told, by item and part.
    truncated: HashSet<(String, u64)>,
    deleted: HashSet<String>,
    /// Responses and items outside the conversation.
    outside_responses: HashSet<String>,
    outside_items: HashSet<String>,
    /// The host ends turns by itself. `None`: that was asked for and refused, or nobody said.
    manual: Option<bool>,
    /// Changes of that on their way, by event id.
    turn_changes: HashSet<String>,
    /// The turn that was begun by hand was ended here.
    ended: bool,
    /// Microphone frames since the last commit or clear.
    appended: usize,
}

impl Invariants {
    /// Looks at what the vendor and the host do.
    pub fn before(&mut self, input: &Input<'_>) {
        match input {
            Input::Command { op, command } => {
                assert!(self.asked.insert(*op), "the test used {op:?} twice");
                match command {
                    Command::StartListening => {
                        (self.held, self.unfinished) = (true, true);
                        self.wires.values_mut().for_each(|w| w.ended = false);
                    }
                    Command::StopListening => self.held = false,
                    _ => {}
                }
            }
            Input::Frame { epoch, frame: Frame::Text(text) } => {
                let Ok(event) = serde_json::from_str::<Value>(text) else { return };
                // Until its words are known a turn may be said again to another connection.
                let known = "conversation.item.input_audio_transcription.";
                if event["type"].as_str().is_some_and(|t| t.strip_prefix(known).is_some_and(|end| end != "delta")) {
                    self.unfinished = self.held;
                }
                self.ids.vendor(&event);
                let now = self.now;
                if let Some(wire) = self.wires.get_mut(epoch) {
                    wire.vendor(&event, now, &mut self.ids);
                }
            }
            Input::Closed { epoch, .. } => _ = self.wires.remove(epoch),
            _ => {}
        }
    }

    pub fn check(&mut self, output: &Output, speaker: &Speaker) {
        match output {
            Output::Dial { epoch, beside, .. } => {
                // A number whose credential never came is not dialled.
                assert!(*epoch > self.epoch, "connections are numbered one after the other");
                self.epoch = *epoch;
                if !beside {
                    self.wires.clear();
                }
                self.wires.insert(*epoch, Wire::default());
            }
            Output::Close { epoch, .. } => {
                let wire = self.wires.get_mut(epoch).expect("what is closed was dialled and is not gone");
                assert!(!std::mem::replace(&mut wire.closing, true), "a connection is closed once");
            }
            Output::Send { epoch, .. } => {
                assert!(!self.terminal, "nothing is sent after the end");
                let wire = self.wires.get_mut(epoch).expect("frames go out on a connection that is open");
                assert!(!wire.closing, "nothing is sent on a connection that is being closed");
                let held = self.held || self.unfinished && !wire.ended;
                wire.frame(&frame_of(output).unwrap(), speaker, self.now, held, &self.ids);
            }
            Output::Media { epoch, pcm } => {
                assert!(!self.terminal, "nothing is said after the end");
                let wire = self.wires.get_mut(epoch).expect("sound goes out on a connection that is open");
                assert!(!wire.closing, "nothing is said on a connection that is being closed");
                let held = self.held || self.unfinished && !wire.ended;
                wire.spoken(pcm.0.len(), held);
            }
            Output::AfterMedia { epoch } => {
                assert!(self.wires.contains_key(epoch), "only what is open has something to wait for");
            }
            Output::Upload { epoch, .. } => {
                assert!(self.wires.contains_key(epoch), "only what is open has pictures");
            }
            Output::Event(event) => {
                assert_eq!(event.seq, self.seq + 1, "events are numbered without a gap");
                assert!(event.time_ms >= self.time_ms, "time does not go back");
                (self.seq, self.time_ms) = (event.seq, event.time_ms);
                self.event(event.item.as_ref().map(|i| i.as_str()), &event.kind, speaker);
            }
            _ => {}
        }
    }

    fn event(&mut self, item: Option<&str>, kind: &EventKind, speaker: &Speaker) {
        match kind {
            EventKind::Completed(c) => {
                assert!(self.asked.contains(&c.op), "{:?} was never asked for", c.op);
                assert!(self.completed.insert(c.op), "{:?} completes once", c.op);
            }
            EventKind::Status(Status::Idle { .. } | Status::Error { .. }) => {
                assert!(!self.terminal, "a run ends once");
                (self.terminal, self.ids.returns_metadata) = (true, false);
            }
            EventKind::Status(Status::Connecting { phase: Phase::Credential | Phase::Dial }) => self.terminal = false,
            EventKind::Status(_) => assert!(!self.terminal, "nothing follows the end of a run"),
            EventKind::PlaybackFinished(f) => {
                let item = item.expect("an item");
                let (received, heard) = speaker.truth(item, f.part);
                assert!(f.heard_ms <= heard / speaker.per_ms() && heard <= received);
                if !self.ids.shared.contains(item) {
                    assert_eq!(f.heard_ms, heard / speaker.per_ms(), "what was heard is what was played");
                    assert!(!f.complete || heard == received);
                }
            }
            EventKind::Interrupted(i) => {
                let item = item.expect("an item");
                let heard = (0..4).map(|part| speaker.truth(item, part).1 / speaker.per_ms());
                let shared = self.ids.shared.contains(item);
                assert!(
                    shared || heard.into_iter().any(|h| h == i.heard_ms),
                    "{item} was not heard for {} ms",
                    i.heard_ms
                );
            }
            _ => {}
        }
    }

    pub fn after(&mut self, session: &Session, speaker: &Speaker) {
        if self.terminal && !speaker.asked_to_flush() {
            for m in session.messages() {
                assert_ne!(m.state, MessageState::InProgress, "{:?} is open after the end", m.id);
                let open = |p: &Part| {
                    matches!(p, Part::ToolCall { state: ToolCallState::Pending | ToolCallState::Running, .. })
                };
                assert!(!m.parts.iter().any(open), "{:?} is pending after the end", m.id);
            }
        }
        assert!(session.timeout().is_none_or(|t| t > self.now), "a timer of the past would fire for ever");
        let mut ids = HashSet::new();
        for message in session.messages() {
            assert!(ids.insert(message.id.clone()), "{:?} is in the conversation twice", message.id);
            let outside = self.wires.values().any(|w| w.outside_items.contains(message.id.as_str()));
            let inside = self.ids.inside.contains(message.id.as_str());
            assert!(!outside || inside, "checklist 31: {:?} is outside", message.id);
            if !inside {
                self.ids.inside.insert(message.id.as_str().to_owned());
            }
            for part in message.parts.iter().filter(|_| message.role == Role::Assistant) {
                if let Part::Audio { duration_ms, heard_ms, .. } = part {
                    assert!(heard_ms <= duration_ms, "{:?}: {heard_ms} heard of {duration_ms}", message.id);
                }
            }
        }
    }

    /// Operations that were asked for and did not complete.
    pub fn open(&self) -> Vec<OpId> {
        let mut open: Vec<_> = self.asked.difference(&self.completed).copied().collect();
        open.sort_unstable();
        open
    }
}

impl Wire {
    /// What the vendor says.
    fn vendor(&mut self, event: &Value, now: Time, ids: &mut Ids) {
        let Ids { inside, returns_metadata, .. } = ids;
        for id in [event["response_id"].to_string(), event["response"]["id"].to_string()] {
            // Of what was silent for long only what can be read is a sign of life, and what says whose it is.
            let reads = event["delta"] != "!"
                && event["delta"] != "A"
                && event["type"] != "response.function_call_arguments.delta";
            if let Some(heard) = self.running.get_mut(&id).filter(|h| reads || now.ms_since(**h) < 15_000) {
                *heard = now;
            }
        }
        let ids = [&event["item_id"], &event["item"]["id"]].map(|id| id.as_str().map(str::to_owned));
        let outside = self.outside_responses.contains(&event["response_id"].to_string());
        let items = if outside { &mut self.outside_items } else { &mut *inside };
        items.extend(ids.into_iter().flatten());
        match event["type"].as_str() {
            Some("response.created") => {
                let request = &event["response"]["metadata"]["client_event_id"];
                let id = event["response"]["id"].to_string();
                // A request is for one response.
                let asked = self.outside.iter().position(|r| request.as_str() == Some(r));
                if let Some(at) = asked {
                    self.outside.remove(at);
                    self.running.remove(&id);
                    self.maybe.remove(&id);
                    self.outside_responses.insert(id);
                    return;
                }
                if self.outside_responses.contains(&id) {
                    return;
                }
                *returns_metadata |= request.is_string();
                self.outstanding.take_if(|(id, _)| request == id.as_str());
                // One runs at a time: the end of the others got lost.
                self.running.clear();
                // It may be one beside the conversation.
                let detached = event["response"].get("conversation_id").is_some_and(Value::is_null);
                let detached = detached && !request.is_string() && !self.outside.is_empty();
                if detached {
                    self.outside.remove(0);
                }
                if self.outstanding.is_some() && !*returns_metadata {
                    self.maybe.insert(id.clone());
                }
                if self.done.contains(&id) {
                    self.may_have_ended(&id);
                } else if self.begun && !detached {
                    self.running.insert(id, now);
                }
            }
            Some("response.done") => {
                let id = event["response"]["id"].to_string();
                self.running.remove(&id);
                self.may_have_ended(&id);
                if !self.outside_responses.contains(&id) {
                    let items = event["response"]["output"].as_array().into_iter().flatten();
                    inside.extend(items.filter_map(|item| item["id"].as_str().map(str::to_owned)));
                }
                self.done.insert(id);
            }
            Some("error") => {
                let error = &event["error"];
                let active = error["code"] == "conversation_already_has_active_response";
                self.outstanding.take_if(|(_, id)| active || error["event_id"] == id.as_str());
                // The second would be a strange thing to say of a cancel; it says no less that there is none.
                if matches!(
                    error["code"].as_str(),
                    Some("response_cancel_not_active" | "input_audio_buffer_commit_empty")
                ) && let Some(response) = error["event_id"].as_str().and_then(|id| self.cancels.get(id)).cloned()
                {
                    self.running.remove(&response);
                    self.may_have_ended(&response);
                }
                self.answered.retain(|_, id| error["event_id"] != id.as_str());
                if error["event_id"].as_str().is_some_and(|id| self.turn_changes.contains(id)) {
                    self.manual = None;
                }
            }
            _ => {}
        }
    }

    /// A response is over; where the vendor does not say whose it was, it may have been what was asked for.
    fn may_have_ended(&mut self, response: &str) {
        if self.maybe.contains(response) {
            self.outstanding = None;
        }
    }

    /// Microphone audio leaves, as an event or beside them.
    fn spoken(&mut self, samples: usize, held: bool) {
        assert!(self.manual != Some(true) || held, "between turns by hand nothing leaves");
        self.appended += samples;
    }

    /// What leaves for the vendor.
    fn frame(&mut self, frame: &Value, speaker: &Speaker, now: Time, held: bool, ids: &Ids) {
        let item = frame["item_id"].as_str().unwrap_or_default().to_owned();
        // What follows is about the OpenAI dialect; others have no types.
        if frame["type"].is_null() {
            return;
        }
        if matches!(frame["type"].as_str(), Some("conversation.item.truncate" | "conversation.item.delete")) {
            let outside = self.outside_items.contains(&item) && !ids.inside.contains(&item);
            assert!(!outside, "checklist 31: the vendor's conversation has no {item}");
        }
        self.begun |= frame["type"] != "session.update";
        match frame["type"].as_str().expect("a frame has a type") {
            "session.update" => {
                if let Some(detection) = frame["session"].pointer("/audio/input/turn_detection") {
                    self.manual = Some(detection.is_null());
                    self.turn_changes.extend(frame["event_id"].as_str().map(str::to_owned));
                }
            }
            // Base64 of two bytes a frame.
            "input_audio_buffer.append" => self.spoken(frame["audio"].as_str().unwrap().len() / 4 * 3 / 2, held),
            "input_audio_buffer.clear" => self.appended = 0,
            "conversation.item.create" if frame["item"]["type"] == "function_call" => {
                assert!(self.calls.insert(frame["item"]["call_id"].to_string()), "a call is told once");
            }
            "input_audio_buffer.commit" => {
                self.ended = true;
                let appended = std::mem::take(&mut self.appended);
                assert!(self.manual != Some(true) || appended >= 100 * PER_MS as usize, "checklist 18: {appended}");
            }
            // The host's own.
            "response.create" if frame["event_id"].as_str().is_none_or(|id| !id.starts_with("evt_")) => {}
            "response.create" if frame["response"]["conversation"] == "none" => {
                let request = frame["response"]["metadata"]["client_event_id"].as_str();
                self.outside.push(request.expect("checklist 25: metadata on each create").to_owned());
            }
            "response.create" => {
                // A vendor that says nothing for so long does not count.
                self.outstanding.take_if(|_| now.ms_since(self.asked_at) >= 15_000);
                self.asked_at = now;
                assert_eq!(self.outstanding, None, "checklist 21: one response.create outstanding");
                // Nor does a response that says nothing for so long.
                self.running.retain(|_, heard| now.ms_since(*heard) < 15_000);
                assert!(self.running.is_empty(), "checklist 21: none while {:?} runs", self.running);
                let request = frame["response"]["metadata"]["client_event_id"].as_str();
                let request = request.expect("checklist 25: metadata on each create").to_owned();
                self.outstanding = Some((request, frame["event_id"].as_str().unwrap().to_owned()));
                self.maybe.clear();
            }
            "conversation.item.create" if frame["item"]["type"] == "message" => {
                self.told.extend(frame["item"]["id"].as_str().map(str::to_owned));
            }
            "conversation.item.create" if frame["item"]["type"] == "function_call_output" => {
                assert!(frame["item"]["output"].is_string(), "checklist 35: output is a string");
                let call = frame["item"]["call_id"].to_string();
                let event = frame["event_id"].as_str().unwrap().to_owned();
                assert_eq!(self.answered.insert(call, event), None, "checklist 32: a call is answered once");
            }
            "conversation.item.truncate" if ids.shared.contains(&item) => {}
            "conversation.item.truncate" => {
                let part = frame["content_index"].as_u64().unwrap();
                let end = frame["audio_end_ms"].as_u64().expect("checklist 38: audio_end_ms is an integer");
                let (received, heard) = speaker.truth(&item, u32::try_from(part).unwrap());
                assert!(received > 0, "checklist 41: {item} has no audio to truncate");
                assert_eq!(end, heard / speaker.per_ms(), "checklist 37: {item} is cut where it was heard");
                assert!(end <= received / speaker.per_ms(), "checklist 38: not past what came");
                assert!(self.truncated.insert((item.clone(), part)), "{item} is cut once");
                assert!(!self.deleted.contains(&item), "{item} is gone");
            }
            "conversation.item.delete" => {
                assert!(self.deleted.insert(item.clone()), "{item} is deleted once");
                // Text of ours that stands for speech is told anew when less was heard.
                let ours = self.told.contains(&item) || ids.shared.contains(&item);
                for part in (0..4).filter(|_| !ours) {
                    // Less than a millisecond is nothing.
                    assert_eq!(
                        speaker.truth(&item, part).1 / speaker.per_ms(),
                        0,
                        "{item} was heard and is not deleted"
                    );
                }
            }
            "response.cancel" => {
                let event = frame["event_id"].as_str().unwrap().to_owned();
                self.cancels.insert(event, frame["response_id"].to_string());
            }
            "conversation.item.retrieve" => panic!("checklist 50: nothing is retrieved"),
            _ => {}
        }
    }
}
