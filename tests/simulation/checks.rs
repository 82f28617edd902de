//! What holds after every step (FAULTS §5), seen from outside: from what went in and what came out.

use crate::{
    mirror::{Mirror, Told, plays, telling},
    player::Player,
    script::{Call, Setup},
};
use duologue::{
    error::Error,
    event::{EndedBy, Event, EventKind, MessageOp, Phase, Status, TranscriptMode},
    message::{ItemId, Message, MessageState, Part, Role, ToolCallState},
    session::{Output, Session},
    time::Time,
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// In every secret a vendor lets slip here. It is of a form that redaction knows.
pub const MARK: &str = "c4n4ry";

/// One connection as far as it was seen.
#[derive(Default)]
pub struct Wire {
    /// The transport told that it is open, and that it is gone; the session asked to close it.
    pub opened: bool,
    pub gone: bool,
    pub closing: bool,
    /// Told to the host as the connection there is.
    pub up: bool,
    updates: u32,
    /// What it is still to be told, and whether that was all there is.
    telling: Option<VecDeque<Told>>,
    whole: bool,
    told_at: Option<Time>,
    /// What it was told before it is up, to be confirmed.
    awaited: HashSet<String>,
    /// The vendor refused, lost or disordered something.
    pub disturbed: bool,
    /// Items there are, whoever made them.
    pub items: HashSet<String>,
    created: HashSet<String>,
    /// Calls that were answered, with the event that did it.
    answered: HashMap<String, String>,
    calls: HashSet<String>,
    truncated: HashSet<(String, u64)>,
    deleted: HashSet<String>,
    /// Our `response.create` the vendor has not taken up: request, event, when.
    outstanding: Option<(String, String, Time)>,
    running: HashMap<String, Time>,
    /// Responses whose end was told.
    done: HashSet<String>,
    cancels: HashMap<String, String>,
    /// Requests for responses that were sent and not refused, by their event.
    requests: HashMap<String, String>,
    outside: HashSet<String>,
    microphone: i64,
    /// Frames of the microphone since the last commit or clear.
    appended: usize,
}

pub struct Checks {
    reconnects: bool,
    max_attempts: u32,
    max_offline_ms: u64,
    pub pre_roll_ms: u64,
    note: Option<String>,
    pub now: Time,
    pub asked: BTreeMap<u64, Call>,
    pub completed: HashSet<u64>,
    held: HashSet<u64>,
    seq: u64,
    time_ms: u64,
    pub wires: HashMap<u32, Wire>,
    dialled: u32,
    /// The connection the host's events are about.
    pub link: u32,
    terminal: bool,
    pub mirror: Mirror,
    /// Words that were told to be final.
    words: HashSet<ItemId>,
    /// Messages that may go: refused or deleted by the vendor, or forgotten by the host.
    pub may_go: HashSet<String>,
    pub forgetting: bool,
    /// Calls whose result a vendor refused.
    refused: HashSet<String>,
    ran: HashSet<String>,
    over: HashSet<String>,
    /// Recovery as it should be.
    pub established: bool,
    up_at: Option<Time>,
    attempts: u32,
    offline_since: Option<Time>,
    short: VecDeque<Time>,
    pub lighter: bool,
    rolls_over: bool,
    /// Something was no realtime service since the last connection.
    pub foreign: bool,
    /// A connection may be dead.
    pub silence: bool,
    /// Microphone frames captured since the connection was lost, as long as nothing else decides what is sent.
    pub offline_frames: Option<u64>,
    /// Newest frame that was sent, and whether anybody ever spoke.
    sent: i64,
    pub spoke: bool,
    /// The retry-after of the last refused dial.
    pub retry_after: Option<u64>,
    /// Microphone frames sent in the step in which a connection came up.
    burst: Option<Vec<i64>>,
    pub turns: HashMap<String, u32>,
    pub reconnects_seen: u64,
    pub rollovers_seen: u64,
    pub delays: u64,
}

impl Checks {
    pub fn new(setup: &Setup) -> Self {
        let recovery = &setup.config["recovery"];
        let note = match recovery.get("context_note") {
            None => duologue::Config::default().recovery.context_note,
            Some(_) => None,
        };
        Self {
            reconnects: recovery["reconnect"] != false,
            max_attempts: recovery["max_attempts"].as_u64().unwrap() as u32,
            max_offline_ms: recovery["max_offline_ms"].as_u64().unwrap(),
            pre_roll_ms: recovery["pre_roll_ms"].as_u64().unwrap(),
            note,
            now: Time(0),
            asked: BTreeMap::new(),
            completed: HashSet::new(),
            held: HashSet::new(),
            seq: 0,
            time_ms: 0,
            wires: HashMap::new(),
            dialled: 0,
            link: 0,
            terminal: true,
            mirror: Mirror::default(),
            words: HashSet::new(),
            may_go: HashSet::new(),
            forgetting: false,
            refused: HashSet::new(),
            ran: HashSet::new(),
            over: HashSet::new(),
            established: false,
            up_at: None,
            attempts: 0,
            offline_since: None,
            short: VecDeque::new(),
            lighter: false,
            rolls_over: recovery["rollover"] == true && recovery["reconnect"] != false,
            foreign: false,
            silence: false,
            offline_frames: None,
            sent: 0,
            spoke: false,
            retry_after: None,
            burst: None,
            turns: HashMap::new(),
            reconnects_seen: 0,
            rollovers_seen: 0,
            delays: 0,
        }
    }

    pub fn wire(&mut self, epoch: u32) -> &mut Wire {
        self.wires.entry(epoch).or_default()
    }

    pub fn open_ops(&self) -> Vec<(u64, Call)> {
        self.asked.iter().filter(|(op, _)| !self.completed.contains(op)).map(|(op, c)| (*op, *c)).collect()
    }

    /// The vendor said this on a connection, and the session is about to read it.
    pub fn server(&mut self, epoch: u32, event: &Value) {
        let now = self.now;
        let wire = self.wires.entry(epoch).or_default();
        for id in [&event["response_id"], &event["response"]["id"]] {
            if let Some(heard) = id.as_str().and_then(|id| wire.running.get_mut(id)) {
                *heard = now;
            }
        }
        if let Some(id) = event["item"]["id"].as_str() {
            wire.items.insert(id.to_owned());
            if let (Some(call), "function_call") =
                (event["item"]["call_id"].as_str(), event["item"]["type"].as_str().unwrap_or(""))
            {
                wire.calls.insert(call.to_owned());
            }
        }
        match event["type"].as_str().unwrap_or_default() {
            "response.created" => {
                let request = event["response"]["metadata"]["client_event_id"].as_str();
                let id = event["response"]["id"].as_str().unwrap_or_default().to_owned();
                if request.is_some_and(|r| wire.outside.contains(r)) {
                    return;
                }
                wire.outstanding.take_if(|(of, ..)| request == Some(of.as_str()));
                // One runs at a time: the end of the others got lost.
                wire.running.clear();
                if !wire.done.contains(&id) {
                    wire.running.insert(id, now);
                }
            }
            "response.done" => {
                let id = event["response"]["id"].as_str().unwrap_or_default();
                wire.running.remove(id);
                wire.done.insert(id.to_owned());
                // Where the vendor says nothing of whose it was, it may have been ours.
                wire.outstanding.take_if(|_| wire.disturbed);
            }
            "conversation.item.deleted" => _ = self.may_go.insert(event["item_id"].as_str().unwrap_or_default().into()),
            "error" => {
                let of = event["error"]["event_id"].as_str();
                let code = &event["error"]["code"];
                wire.outstanding.take_if(|(_, id, _)| {
                    *code == "conversation_already_has_active_response" || of == Some(id.as_str())
                });
                wire.requests.remove(of.unwrap_or_default());
                if *code == "response_cancel_not_active"
                    && let Some(response) = of.and_then(|id| wire.cancels.get(id))
                {
                    wire.running.remove(response);
                }
                let refused = wire.answered.extract_if(|_, id| of == Some(id.as_str()));
                self.refused.extend(refused.map(|(call, _)| call));
            }
            _ => {}
        }
    }

    pub fn output(&mut self, output: &Output, frame: Option<&Value>, player: &Player) {
        match output {
            Output::Dial { epoch, beside, .. } => {
                assert!(*epoch > self.dialled, "connections are numbered one after the other");
                self.dialled = *epoch;
                let open = self.wires.iter().filter(|(_, w)| !w.gone && !w.closing).count();
                assert!(!beside || self.rolls_over, "nobody wants a session beside the one there is");
                assert_eq!(open, usize::from(*beside), "a dial beside has one connection beside it, another none");
                self.wires.insert(*epoch, Wire { whole: true, ..Wire::default() });
                if !beside {
                    self.link = *epoch;
                }
            }
            Output::Close { epoch, .. } => {
                let wire = self.wires.get_mut(epoch).expect("what is closed was dialled");
                assert!(!wire.gone, "{epoch} is gone already");
                assert!(!std::mem::replace(&mut wire.closing, true), "{epoch} is closed once");
            }
            Output::Ping { epoch, .. } => self.may_send(*epoch),
            Output::Send { epoch, audio, .. } => {
                self.may_send(*epoch);
                let frame = frame.expect("a frame");
                if *audio { self.microphone(*epoch, frame) } else { self.frame(*epoch, frame, player) }
            }
            Output::Event(event) => self.event(event, player),
            _ => {}
        }
    }

    fn may_send(&mut self, epoch: u32) {
        let wire = self.wires.get(&epoch).expect("frames go out on a connection that was dialled");
        assert!(wire.opened && !wire.gone && !wire.closing, "nothing is sent on {epoch}, which is not open");
        assert!(!self.terminal, "nothing is sent after the end of a run");
    }

    fn microphone(&mut self, epoch: u32, frame: &Value) {
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
    fn came_up(&mut self, epoch: u32) {
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

    fn frame(&mut self, epoch: u32, frame: &Value, player: &Player) {
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
                assert!(wire.items.contains(&item), "{item} is deleted on {epoch}, which does not know it");
                // What an earlier connection said is told again as it was heard.
                let told = wire.created.contains(&item);
                assert!(told || !player.played(&item), "{item} was heard and is not deleted");
                assert!(wire.deleted.insert(item), "deleted once");
            }
            _ => {}
        }
    }

    fn created(&mut self, epoch: u32, frame: &Value, player: &Player) {
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
        if next.is_none() && meanwhile {
            return;
        }
        wire.awaited.insert(id);
        assert!(next.as_ref().is_some_and(|t| t.is(item)), "a new session is told {item}, and should be told {next:?}");
    }

    fn event(&mut self, event: &Event, player: &Player) {
        assert_eq!(event.seq, self.seq + 1, "events are numbered without a gap");
        assert!(event.time_ms >= self.time_ms, "time does not go back");
        (self.seq, self.time_ms, self.link) = (event.seq, event.time_ms, event.epoch);
        let item = event.item.as_ref().map(|i| i.as_str());
        match &event.kind {
            EventKind::Completed(c) => {
                assert!(self.asked.contains_key(&c.op.0), "{:?} was never asked for", c.op);
                assert!(self.completed.insert(c.op.0), "{:?} ({:?}) completes once", c.op, self.asked[&c.op.0]);
                self.held.remove(&c.op.0);
                let taken = matches!(self.asked[&c.op.0], Call::Import | Call::Clear) && c.error.is_none();
                assert!(!taken || self.terminal, "a conversation is changed while it is in use");
            }
            EventKind::Status(status) => self.status(status, event.epoch),
            EventKind::SessionReplaced(replaced) => {
                self.came_up(event.epoch);
                let wire = &self.wires[&event.epoch];
                // Not confirmed in time.
                let late = wire.told_at.is_some_and(|t| self.now.ms_since(t) >= 5_000);
                let expected = if wire.whole { "full" } else { "partial" };
                let found = replaced.context.as_str();
                assert!(
                    found == expected || ((wire.disturbed || late) && found == "partial"),
                    "context {found}, not {expected}"
                );
                assert!(matches!(replaced.why.as_str(), "connect" | "reconnect" | "rollover"));
            }
            EventKind::ToolCall(call) => {
                assert!(self.ran.insert(call.call.id.to_string()), "{} runs once", call.call.id);
            }
            EventKind::ToolCancelled(end) | EventKind::ToolTimeout(end) => {
                let id = end.call.id.to_string();
                assert!(self.ran.contains(&id) && self.over.insert(id), "{} ends once", end.call.id);
            }
            EventKind::PlaybackFinished(f) => {
                let (received, heard) = player.truth(item.expect("an item"), f.part);
                assert_eq!(f.heard_ms, heard, "what was heard is what was played");
                assert!(f.heard_ms <= received && (!f.complete || heard == received));
            }
            EventKind::Interrupted(i) => {
                let item = item.expect("an item");
                let heard = (0..6).any(|part| player.truth(item, part).1 == i.heard_ms);
                assert!(heard, "{item} was not heard for {} ms", i.heard_ms);
            }
            EventKind::TurnDone(_) => {
                let id = event.response.as_ref().expect("a response").to_string();
                let times = self.turns.entry(format!("{} of {}", id, event.epoch)).or_default();
                *times += 1;
                assert_eq!(*times, 1, "{id} has one end");
            }
            EventKind::Transcript(t) if t.role == Role::User && t.mode == TranscriptMode::Final => {
                self.words.extend(event.item.clone());
            }
            EventKind::Message(change) if change.op == MessageOp::Removed => self.removed(&change.message, player),
            _ => {}
        }
        self.mirror.follow(event);
    }

    /// What was said does not get lost.
    fn removed(&self, m: &Message, player: &Player) {
        let id = m.id.as_str();
        // What is outside the conversation, though it was not known to be at first.
        if self.forgetting || id.starts_with('X') || self.may_go.contains(id) || self.mirror.messages.len() >= 2000 {
            return;
        }
        let spoken =
            m.parts.iter().all(|p| matches!(p, Part::Audio { .. }) || p == &Part::Text { content: String::new() });
        match m.role {
            // Its words are not known, and it is said again.
            Role::User if spoken && !m.parts.is_empty() => {
                assert!(!self.words.contains(&m.id), "the words of {id} are lost")
            }
            Role::Assistant if spoken => assert!(!player.played(id), "{id} was heard and is lost"),
            _ => panic!("{id} is lost: {m:?}"),
        }
    }

    fn status(&mut self, status: &Status, epoch: u32) {
        match status {
            Status::Idle { .. } | Status::Error { .. } => {
                assert!(!self.terminal, "a run ends once");
                self.terminal = true;
                if let (true, Status::Error { error }) = (self.established, status) {
                    self.ended(error);
                }
                (self.established, self.up_at, self.attempts, self.offline_since) = (false, None, 0, None);
                (self.lighter, self.offline_frames, self.foreign) = (false, None, false);
            }
            Status::Connecting { phase } => {
                assert!(!self.established, "a run that was up reconnects");
                if matches!(phase, Phase::Credential | Phase::Dial) {
                    self.terminal = false;
                }
            }
            Status::Connected => {
                assert!(!self.terminal);
                self.came_up(epoch);
            }
            Status::Reconnecting { attempt, retry_in_ms, reason, phase } => {
                assert!(!self.terminal && self.established && self.reconnects, "nothing follows the end of a run");
                if phase.is_some() {
                    assert_eq!(*attempt, self.attempts, "the try under way is the one that was told");
                    return;
                }
                self.lost(*attempt, *retry_in_ms, reason);
            }
        }
    }

    fn lost(&mut self, attempt: u32, retry_in_ms: u64, reason: &str) {
        let lived = self.session_over();
        assert!(reason != "silent" || self.silence, "a connection that lives is given up");
        if lived.is_some() {
            self.offline_frames = Some(0);
        }
        let since = *self.offline_since.get_or_insert(self.now);
        if reason == "network_changed" {
            // The host's doing: what was before it does not count.
            self.short.clear();
            (self.attempts, self.offline_since) = (0, Some(self.now));
        } else {
            assert!(self.now.ms_since(since) + retry_in_ms <= self.max_offline_ms, "no try after the time is over");
        }
        self.attempts += 1;
        assert_eq!(attempt, self.attempts, "tries are counted");
        assert!(attempt <= self.max_attempts, "no more tries than configured");
        assert!(
            lived.is_none_or(|ms| ms >= 5_000) || self.short.len() < 5,
            "five sessions that ended at once are enough"
        );
        self.delays += u64::from(retry_in_ms > 0);
        let first = attempt == 1;
        let doubled = |base: u64| base << (attempt - 1).min(16);
        let after = self.retry_after.take();
        let (least, most) = match reason {
            "rate_limited" | "unavailable" if after.is_some() => {
                let ms = after.unwrap_or(0).min(60_000);
                (ms, ms)
            }
            "rate_limited" => (0, doubled(1000).min(30_000)),
            "try_again_later" => (0, doubled(2000).min(30_000)),
            "unavailable" => (0, doubled(500).min(7000)),
            "going_away" | "session_expired" | "network_changed" if first => (0, 0),
            _ if first && lived.is_some_and(|ms| ms >= 10_000) => (0, 0),
            _ => (0, doubled(300).min(7000)),
        };
        assert!(
            (least..=most).contains(&retry_in_ms),
            "{reason}: try {attempt} in {retry_in_ms} ms, not {least} to {most}"
        );
    }

    /// The session that was up ended; how long it was up.
    fn session_over(&mut self) -> Option<u64> {
        let lived = self.now.ms_since(self.up_at.take()?);
        // The next one had taken over and did not come up.
        if self.wires.get(&self.link).is_some_and(|w| !w.up) {
            return None;
        }
        let now = self.now;
        self.short.retain(|t| now.ms_since(*t) < 60_000);
        if lived < 5_000 {
            self.short.push_back(now);
        }
        Some(lived)
    }

    /// A run that was up ended with an error: not before it had to.
    fn ended(&mut self, error: &Error) {
        if error.code == "unstable" {
            self.session_over();
        }
        match error.code.as_ref() {
            "unstable" => {
                assert!(self.short.len() >= 5, "{} sessions that ended at once are not enough", self.short.len())
            }
            "reconnect_failed" => {
                let offline = self.offline_since.map_or(0, |since| self.now.ms_since(since));
                // The next try would have been too late; the longest wait is known.
                let most = self.retry_after.map_or(30_000, |ms| ms.min(60_000));
                let late = offline + most > self.max_offline_ms;
                assert!(
                    self.attempts >= self.max_attempts || late,
                    "given up after {} tries and {offline} ms",
                    self.attempts
                );
            }
            _ => {}
        }
    }

    /// After each input.
    pub fn after(&mut self, session: &Session, player: &Player, capturing: bool, newest: i64, settled: bool) {
        if let Some(burst) = self.burst.take() {
            self.pre_roll(&burst, capturing, newest);
        }
        self.mirror.is(session.messages());
        // The first try may be due at once.
        let at_once = matches!(session.status(), Status::Reconnecting { retry_in_ms: 0, phase: None, .. });
        let due = session.timeout().is_some_and(|t| t < self.now || (t == self.now && !at_once));
        assert!(!due, "a timer of the past would fire for ever");
        assert!(session.messages().len() <= 2000);
        let mut ids = HashSet::new();
        for m in session.messages() {
            assert!(ids.insert(&m.id), "{:?} is in the conversation twice", m.id);
            for part in &m.parts {
                let Part::Audio { heard_ms, duration_ms, transcript, heard_transcript } = part else { continue };
                if m.role == Role::Assistant {
                    assert!(heard_ms <= duration_ms, "{:?}: {heard_ms} heard of {duration_ms}", m.id);
                    let heard = heard_transcript.as_deref().unwrap_or_default();
                    assert!(transcript.starts_with(heard), "{:?}: {heard:?} is no beginning of {transcript:?}", m.id);
                }
            }
        }
        if self.terminal && settled && !player.asked_to_flush() {
            for m in session.messages() {
                assert_ne!(m.state, MessageState::InProgress, "{:?} is open after the end", m.id);
                let open = |p: &Part| {
                    matches!(p, Part::ToolCall { state: ToolCallState::Pending | ToolCallState::Running, .. })
                };
                assert!(!m.parts.iter().any(open), "{:?} is pending after the end", m.id);
            }
        }
        if matches!(session.status(), Status::Reconnecting { .. }) {
            let offline = self.offline_since.map_or(0, |since| self.now.ms_since(since));
            assert!(offline < self.max_offline_ms, "{offline} ms without a connection are too many");
            assert!(self.held.len() <= 64, "{} commands wait", self.held.len());
        } else {
            self.held.clear();
        }
    }

    /// The host asks for something that waits while there is no connection.
    pub fn ask(&mut self, op: u64, call: Call, recovering: bool) {
        assert!(self.asked.insert(op, call).is_none());
        use Call::{Capture, ClearInput, Disconnect, StartListening, StopListening};
        if matches!(call, Capture | ClearInput | Disconnect | StartListening | StopListening) {
            self.offline_frames = None;
            self.spoke |= call == StartListening;
        }
        let waits = matches!(
            call,
            Call::Text
                | Call::LongText
                | Call::Image
                | Call::Context
                | Call::Say
                | Call::Respond
                | Call::RespondOutside
                | Call::Update
                | Call::Flood
        );
        if recovering && waits {
            self.held.insert(op);
        }
    }

    /// Said before the connection came up: the newest of it, in order, and not too much.
    fn pre_roll(&mut self, burst: &[i64], capturing: bool, newest: i64) {
        let most = self.pre_roll_ms / 20;
        assert!(burst.len() as u64 <= most, "{} ms of microphone are sent again, more than {most}", burst.len() * 20);
        if let Some(frames) = self.offline_frames.take().filter(|_| capturing) {
            let least = frames.min(most);
            assert!(burst.len() as u64 >= least, "{} of {least} frames are sent that nobody heard", burst.len());
        }
        if burst.contains(&0) || burst.is_empty() {
            self.sent = self.sent.max(newest);
            return;
        }
        let again = burst.iter().filter(|n| **n <= self.sent).count();
        assert!(self.spoke || again <= 20, "{again} frames are sent again, and nobody spoke");
        self.sent = self.sent.max(newest);
        assert!(burst.windows(2).all(|w| w[1] == w[0] + 1), "{burst:?} has gaps");
        if capturing {
            assert_eq!(burst.last(), Some(&newest), "the newest is sent");
        }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.seq
    }

    pub fn is_terminal(&self) -> bool {
        self.terminal
    }
}

/// What a peer's close must lead to, once a session was up.
pub fn mends(code: Option<u16>, up: bool, lighter: bool) -> Result<(), &'static str> {
    match code {
        Some(1000) if up => Err("remote_closed"),
        None | Some(1000 | 1001 | 1005 | 1006 | 1011 | 1012 | 1013 | 1014) => Ok(()),
        Some(1009) if !lighter => Ok(()),
        Some(1009) => Err("message_too_big"),
        Some(1008) => Err("policy"),
        Some(_) => Err("protocol"),
    }
}

/// The word a run ended with.
pub fn ending(status: &Status) -> Option<String> {
    match status {
        Status::Idle { ended } if ended.by != EndedBy::None => Some(ended.code.clone()),
        Status::Error { error } => Some(error.code.to_string()),
        _ => None,
    }
}
