//! What may be sent, on which connection, when and how often.

use crate::{
    checks::Checks,
    mirror::{Told, plays, telling},
    player::Player,
};
use duologue::message::{Message, Part};
use serde_json::Value;
use std::collections::VecDeque;

impl Checks {
    pub fn may_send(&mut self, epoch: u32) {
        let wire = self.wires.get(&epoch).expect("frames go out on a connection that was dialled");
        assert!(wire.opened && !wire.gone && !wire.closing, "nothing is sent on {epoch}, which is not open");
        assert!(!self.terminal, "nothing is sent after the end of a run");
    }

    pub fn microphone(&mut self, epoch: u32, frame: &Value) {
        let text = frame["audio"].as_str().expect("base64");
        let bytes = base64_simd::STANDARD.decode_to_vec(text).expect("base64");
        let wire = self.wires.get_mut(&epoch).expect("a connection");
        assert!(wire.up, "the microphone is sent only when the session is up");
        wire.appended += bytes.len() / 2;
        let number = i64::from(i16::from_le_bytes([bytes[0], bytes[1]]));
        if number > 0 {
            assert!(
                number > wire.microphone,
                "microphone audio {number} after {}: twice or out of order",
                wire.microphone
            );
            wire.microphone = number;
        }
        match &mut self.burst {
            Some(burst) => burst.push(number),
            None => self.sent = self.sent.max(number),
        }
    }

    /// A connection is about to come up: what it is told of the microphone belongs to the pre-roll.
    pub fn came_up(&mut self, epoch: u32) {
        let messages = &self.mirror.messages;
        let (lighter, note) = (self.lighter, self.note.clone());
        let wire = self.wires.entry(epoch).or_default();
        if wire.up {
            return;
        }
        wire.up = true;
        if wire.telling.is_none() {
            let (told, whole) = telling(messages, lighter, note.as_deref(), &self.refused);
            assert!(told.iter().all(Told::may_miss), "{epoch} was not told {told:?}");
            wire.whole = whole;
        }
        // The note stands behind something.
        let note = |t: &Told| matches!(t, Told::Text { id: None, .. });
        let missed = |t: &Told| t.may_miss() && (wire.awaited.is_empty() || !note(t));
        let all = wire.telling.as_ref().is_none_or(|left| left.iter().all(missed));
        assert!(all, "{epoch} was not told all: {:?}", wire.telling);
        // Everything was confirmed or refused, or there was no more time.
        let confirmed = wire.awaited.iter().all(|id| wire.items.contains(id));
        let late = wire.told_at.is_some_and(|t| self.now.ms_since(t) >= 5_000);
        assert!(confirmed || wire.disturbed || late, "{epoch} is up before it knows what was said");
        self.burst = Some(Vec::new());
        self.foreign = false;
        if self.up_at.is_some() {
            self.rollovers_seen += 1;
        } else if self.established {
            self.reconnects_seen += 1;
        }
        (self.up_at, self.established, self.attempts, self.offline_since) = (Some(self.now), true, 0, None);
    }

    pub fn frame(&mut self, epoch: u32, frame: &Value, player: &Player) {
        let kind = frame["type"].as_str().expect("a frame has a type");
        let event = frame["event_id"].as_str().unwrap_or_default().to_owned();
        let item = frame["item_id"].as_str().unwrap_or_default().to_owned();
        let now = self.now;
        if kind == "conversation.item.create" {
            self.created(epoch, frame, player);
        }
        let wire = self.wires.get_mut(&epoch).expect("a connection");
        match kind {
            "session.update" => wire.updates += 1,
            "conversation.item.create" => {}
            // Less was heard of something than it was told: it is told otherwise.
            "conversation.item.delete" if wire.told_at.is_some() => {}
            _ => assert!(wire.up, "{kind} before the session is up"),
        }
        assert!(wire.updates > 0, "{kind} before the configuration");
        match kind {
            "input_audio_buffer.clear" => wire.appended = 0,
            "input_audio_buffer.commit" => wire.appended = 0,
            "response.create" if frame["response"]["conversation"] == "none" => {
                let request = frame["response"]["metadata"]["client_event_id"].as_str().expect("metadata");
                wire.outside.insert(request.to_owned());
            }
            // The host's own.
            "response.create" if !event.starts_with("evt_") => {}
            "response.create" => {
                wire.outstanding.take_if(|(.., at)| now.ms_since(*at) >= 15_000);
                assert_eq!(wire.outstanding, None, "one response.create is outstanding");
                wire.running.retain(|_, heard| now.ms_since(*heard) < 15_000);
                assert!(wire.running.is_empty(), "no response.create while {:?} runs", wire.running);
                let request = frame["response"]["metadata"]["client_event_id"].as_str().expect("metadata").to_owned();
                let twice = wire.requests.values().any(|sent| *sent == request);
                assert!(!twice, "{request} is asked for twice on {epoch}");
                wire.requests.insert(event.clone(), request.clone());
                wire.outstanding = Some((request, event, now));
            }
            "response.cancel" => {
                let response = frame["response_id"].as_str().unwrap_or_default().to_owned();
                wire.cancels.insert(event, response);
            }
            "conversation.item.truncate" => {
                assert!(wire.items.contains(&item), "{item} is cut on {epoch}, which does not know it");
                let part = frame["content_index"].as_u64().expect("a number");
                let end = frame["audio_end_ms"].as_u64().expect("a whole number");
                let (received, heard) = player.truth(&item, part as u32);
                assert!(received > 0 && end <= received, "{item} is cut at {end} of {received} ms");
                assert_eq!(end, heard, "{item} is cut where it was heard");
                assert!(wire.truncated.insert((item.clone(), part)), "{item} is cut once");
                assert!(!wire.deleted.contains(&item), "{item} is gone");
            }
            "conversation.item.delete" => {
                // What it was told stands before that on the wire, confirmed or not.
                let known = wire.items.contains(&item) || wire.created.contains(&item);
                assert!(known, "{item} is deleted on {epoch}, which does not know it");
                // What an earlier connection said is told again as it was heard.
                let told = wire.created.contains(&item);
                assert!(told || !player.played(&item), "{item} was heard and is not deleted");
                assert!(wire.deleted.insert(item), "deleted once");
            }
            _ => {}
        }
    }

    pub fn created(&mut self, epoch: u32, frame: &Value, player: &Player) {
        let item = &frame["item"];
        let id = item["id"].as_str().expect("an id").to_owned();
        let wire = self.wires.get_mut(&epoch).expect("a connection");
        assert!(!wire.items.contains(&id) && wire.created.insert(id.clone()), "{id} is created twice on {epoch}");
        match item["type"].as_str() {
            Some("function_call") => {
                let call = item["call_id"].as_str().expect("a call").to_owned();
                assert!(wire.calls.insert(call.clone()), "{call} is told twice on {epoch}");
            }
            Some("function_call_output") => {
                let call = item["call_id"].as_str().expect("a call").to_owned();
                assert!(item["output"].is_string(), "output is a string");
                assert!(wire.calls.contains(&call), "{call} is answered on {epoch}, which never heard of it");
                let event = frame["event_id"].as_str().expect("an event id").to_owned();
                assert_eq!(wire.answered.insert(call.clone(), event), None, "{call} is answered once on a connection");
            }
            _ => {}
        }
        if wire.up {
            return;
        }
        if item["role"] == "assistant" {
            let message = self.mirror.messages.iter().find(|m| m.id.as_str() == id);
            let spoken = message.is_some_and(|m| m.parts.iter().all(|p| matches!(p, Part::Audio { .. })));
            assert!(
                !spoken || !player.had(&id) || player.played(&id) || player.waiting() > 0,
                "{id} was told and never heard"
            );
        }
        wire.told_at.get_or_insert(self.now);
        if wire.telling.is_none() {
            let (told, whole) = telling(&self.mirror.messages, self.lighter, self.note.as_deref(), &self.refused);
            // What still plays may not be told at all, and then leaves room for something older.
            let again = |m: &Message| matches!(m.parts.first(), Some(Part::ToolCall { id, .. }) if self.refused.contains(id.as_str()));
            let room = |told: &[Told]| told.first().is_some_and(|t| !t.is(item)) && told.iter().any(Told::may_miss);
            if room(&told) {
                let settled =
                    self.mirror.messages.iter().filter(|m| !plays(m) && !again(m)).cloned().collect::<Vec<_>>();
                let (fewer, _) = telling(&settled, self.lighter, self.note.as_deref(), &self.refused);
                wire.telling = Some(fewer.into());
            } else {
                wire.telling = Some(told.into());
            }
            wire.whole = whole;
        }
        let mut next = wire.telling.as_mut().and_then(VecDeque::pop_front);
        while next.as_ref().is_some_and(|t| t.may_miss() && !t.is(item)) {
            next = wire.telling.as_mut().and_then(VecDeque::pop_front);
        }
        // A call that got its result meanwhile is told at its own place.
        let meanwhile = item["type"] == "function_call" || item["type"] == "function_call_output";
        let otherwise = item["role"] == "assistant" && !wire.deleted.is_empty();
        if next.is_none() && (meanwhile || otherwise) {
            return;
        }
        wire.awaited.insert(id);
        assert!(next.as_ref().is_some_and(|t| t.is(item)), "a new session is told {item}, and should be told {next:?}");
    }
}
