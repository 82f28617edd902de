//! What holds after every step (FAULTS §5), seen from outside: from what went in and what came out.

use crate::{
    mirror::{Mirror, Told},
    player::Player,
    script::{Call, Setup},
};
use duologue::{
    event::{Event, EventKind, MessageOp, Status, TranscriptMode},
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
    pub updates: u32,
    /// What it is still to be told, and whether that was all there is.
    pub telling: Option<VecDeque<Told>>,
    pub whole: bool,
    pub told_at: Option<Time>,
    /// What it was told before it is up, to be confirmed.
    pub awaited: HashSet<String>,
    /// The vendor refused, lost or disordered something.
    pub disturbed: bool,
    /// Items there are, whoever made them.
    pub items: HashSet<String>,
    pub created: HashSet<String>,
    /// Calls that were answered, with the event that did it.
    pub answered: HashMap<String, String>,
    pub calls: HashSet<String>,
    pub truncated: HashSet<(String, u64)>,
    pub deleted: HashSet<String>,
    /// Our `response.create` the vendor has not taken up: request, event, when.
    pub outstanding: Option<(String, String, Time)>,
    pub running: HashMap<String, Time>,
    /// Responses whose end was told.
    pub done: HashSet<String>,
    pub cancels: HashMap<String, String>,
    /// Requests for responses that were sent and not refused, by their event.
    pub requests: HashMap<String, String>,
    pub outside: HashSet<String>,
    pub microphone: i64,
    /// Frames of the microphone since the last commit or clear.
    pub appended: usize,
}

pub struct Checks {
    pub reconnects: bool,
    pub max_attempts: u32,
    pub max_offline_ms: u64,
    pub pre_roll_ms: u64,
    pub note: Option<String>,
    pub now: Time,
    pub asked: BTreeMap<u64, Call>,
    pub completed: HashSet<u64>,
    pub held: HashSet<u64>,
    pub seq: u64,
    pub time_ms: u64,
    pub wires: HashMap<u32, Wire>,
    pub dialled: u32,
    /// The connection the host's events are about.
    pub link: u32,
    pub terminal: bool,
    pub mirror: Mirror,
    /// Words that were told to be final.
    pub words: HashSet<ItemId>,
    /// Messages that may go: refused or deleted by the vendor, or forgotten by the host.
    pub may_go: HashSet<String>,
    pub forgetting: bool,
    /// Calls whose result a vendor refused.
    pub refused: HashSet<String>,
    pub ran: HashSet<String>,
    pub over: HashSet<String>,
    /// Recovery as it should be.
    pub established: bool,
    pub up_at: Option<Time>,
    pub attempts: u32,
    pub offline_since: Option<Time>,
    pub short: VecDeque<Time>,
    pub lighter: bool,
    pub rolls_over: bool,
    /// Something was no realtime service since the last connection.
    pub foreign: bool,
    /// A connection may be dead.
    pub silence: bool,
    /// Microphone frames captured since the connection was lost, as long as nothing else decides what is sent.
    pub offline_frames: Option<u64>,
    /// Newest frame that was sent, and whether anybody ever spoke.
    pub sent: i64,
    pub spoke: bool,
    /// The retry-after of the last refused dial.
    pub retry_after: Option<u64>,
    /// Microphone frames sent in the step in which a connection came up.
    pub burst: Option<Vec<i64>>,
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

    pub fn event(&mut self, event: &Event, player: &Player) {
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
    pub fn removed(&self, m: &Message, player: &Player) {
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
            // The last close may take two seconds.
            assert!(offline < self.max_offline_ms + 2_000, "{offline} ms without a connection are too many");
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
    pub fn pre_roll(&mut self, burst: &[i64], capturing: bool, newest: i64) {
        let most = self.pre_roll_ms / 20;
        assert!(burst.len() as u64 <= most, "{} ms of microphone are sent again, more than {most}", burst.len() * 20);
        let offline = self.offline_frames.take().filter(|_| capturing);
        if let Some(frames) = offline {
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
        // Turns that were understood or answered are left out between those that were not.
        assert!(burst.windows(2).all(|w| w[1] > w[0]), "{burst:?} is out of order");
        if offline.is_some_and(|frames| frames > 0) {
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
