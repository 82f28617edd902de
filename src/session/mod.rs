//! The session: one conversation as a machine without I/O.
//!
//! Give it one [`Input`] with the time it happened, then drain [`Session::poll`] until `None`, and
//! call [`Session::handle`] with [`Input::Timer`] when [`Session::timeout`] has come. It never
//! blocks, never reads a clock, and knows no socket, thread or random source: time is an argument
//! and ids come from a seed. So the log of its inputs replays it exactly ([`log`]).
//!
//! | file | what it decides |
//! |---|---|
//! | `link` | the connection: its number and its step |
//! | `connection` | dial, configure, acknowledge |
//! | `ending` | every way a run ends |
//! | `effective` | what the vendor made of the configuration |
//! | `response` | what is remembered of each response |
//! | `credentials` | when a credential is asked for, and what becomes of the answer |
//! | `idle` | silence that the vendor ends |
//! | `incoming` | what each vendor event means |
//! | `commands` | what each command of the host means |
//! | `adding` | words, pictures and context of the host |
//! | `uploads` | pictures that are put somewhere first |
//! | `listening` | the microphone, turns begun and ended by hand |
//! | `requests` | asking for responses, in the conversation and outside it |
//! | `outside` | what comes of responses outside the conversation |
//! | `updating` | changes in mid-conversation |
//! | `speaking` | who is audible, latency |
//! | `media` | sound that comes beside the events |
//! | `interruption` | fence, flush, cancel, and truncation from the heard ledger |
//! | `heard_text` | which words were heard |
//! | `so_far` | words of the user that are told anew as a whole |
//! | `commit_answers` | vendors for which the end of a turn by hand is the request for its answer |
//! | `words` | messages and transcripts |
//! | `recovery` | what becomes of a run whose connection was lost |
//! | `replay` | what a new session is told of the conversation |
//! | `rollover` | the next session before the vendor ends this one |
//! | `pre_roll` | microphone audio that may be needed once more |
//! | `ping` | signs of life |
//! | `journal` | taking over and forgetting a conversation |
//! | `tools`, `schemas` | tool calls, results, the one follow-up |
//! | `ledger` | which samples were heard |
//! | `sequencer` | one response at a time |
//! | `history` | the conversation in order |

mod adding;
mod agent;
mod calls;
mod commands;
mod commit_answers;
mod connection;
pub mod credentials;
mod effective;
mod ending;
mod heard_text;
mod history;
mod idle;
mod incoming;
mod interruption;
pub mod io;
mod journal;
pub mod ledger;
mod link;
mod listening;
pub mod log;
mod media;
mod ops;
mod outside;
mod ping;
mod pre_roll;
mod recovery;
mod replay;
mod requests;
mod response;
mod resuming;
mod rollover;
mod schemas;
mod sequencer;
mod so_far;
mod speaking;
mod tools;
mod updating;
mod uploads;
mod way;
mod words;

pub use io::{Command, Fallback, Input, Output};

use crate::{
    audio::playout::PlayoutReport,
    capabilities::Capabilities,
    config::{Config, RawEvents},
    error::{Error, ErrorClass},
    event::{Event, EventKind, Labels, MessageChange, ModeChange, Status},
    message::{ItemId, PartIndex, ResponseId},
    provider::{Codec, ProviderCommand},
    time::Time,
};
use calls::Tools;
use heard_text::{Pace, Sounds};
use history::History;
use idle::SilentItems;
use ledger::{HeardLedger, LedgerEvent};
use link::{Carriage, Link};
use listening::Listening;
use ops::Ops;
use requests::OutOfBand;
use response::Response;
use sequencer::Sequencer;
use serde::{Deserialize, Serialize};
use speaking::Speaking;
use std::{collections::VecDeque, sync::Arc};
use updating::Updates;

/// Counters of what a healthy session has none of, and some it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStats {
    /// Frames that were not understood.
    pub malformed: u64,
    /// Events whose name is not in the reference.
    pub unknown_events: u64,
    /// Events about items or responses nobody announced.
    pub unknown_items: u64,
    /// Events that came a second time.
    pub duplicates: u64,
    /// Frames of assistant audio with an odd number of bytes.
    pub odd_audio: u64,
    /// Frames of assistant audio dropped because the response was cut off.
    pub late_audio: u64,
    /// Frames of assistant audio dropped because more than 300 s were waiting.
    pub output_overrun: u64,
    /// Vendor errors that mean nothing is wrong.
    pub benign_errors: u64,
    /// Truncates and deletes the vendor refused.
    pub truncate_refused: u64,
    /// Microphone frames sent.
    pub microphone_frames: u64,
    /// Commands that came twice or too late.
    pub stale_inputs: u64,
    /// Playback reports about audio nobody was given.
    #[serde(default)]
    pub unknown_reports: u64,
}

/// See the module.
pub struct Session {
    config: Arc<Config>,
    codec: Box<dyn Codec>,
    now: Time,
    seed: u32,
    next_id: u64,
    seq: u64,
    status: Status,
    link: Link,
    /// Number of the newest connection.
    epochs: u32,
    recovery: recovery::Recovery,
    replay: replay::Replay,
    rollover: rollover::Rollover,
    resuming: resuming::Resuming,
    pre_roll: pre_roll::PreRoll,
    pings: ping::Pings,
    credentials: credentials::Credentials,
    ops: Ops,
    history: History,
    ledger: HeardLedger,
    responses: VecDeque<Response>,
    sequencer: Sequencer,
    speaking: Speaking,
    media: media::Media,
    way: way::Way,
    mode: ModeChange,
    tools: Tools,
    listening: Listening,
    updates: Updates,
    out_of_band: OutOfBand,
    silent: SilentItems,
    /// The part whose words are told so far.
    so_far: Option<(ItemId, PartIndex)>,
    /// Parts whose whole text was told.
    finals: VecDeque<(ItemId, PartIndex)>,
    pace: Pace,
    sounds: Sounds,
    /// Of the host, in every event.
    labels: Option<Arc<Labels>>,
    capture: bool,
    muted: bool,
    stats: SessionStats,
    /// When each kind of warning that can come in floods was told last.
    warned: Vec<(&'static str, Time)>,
    out: VecDeque<Output>,
    uploads: uploads::Uploads,
    /// Messages the host cut off.
    cut_here: VecDeque<ItemId>,
    /// When the vendor was sent something last.
    said_at: Time,
    /// Parts of which the vendor said what was heard.
    corrected: VecDeque<(ItemId, PartIndex)>,
    /// The vendor has ended the conversation.
    leaves: bool,
    /// Scratch space, kept to save allocations.
    ledger_events: Vec<LedgerEvent>,
    provider_events: Vec<crate::provider::ProviderEvent>,
    changes: Vec<MessageChange>,
}

impl Session {
    /// A session that has not connected. `seed` makes the ids of its items and events; two sessions
    /// in one conversation must not share it.
    pub fn new(config: Arc<Config>, mut codec: Box<dyn Codec>, seed: u32) -> Self {
        codec.seed(seed);
        let rate = codec.capabilities().output_rate;
        let tools = Tools::new(&config.tools);
        let labels = Some(&config.labels).filter(|l| !l.is_empty()).map(|l| Arc::new(l.clone()));
        Self {
            config,
            codec,
            now: Time(0),
            seed,
            next_id: 0,
            seq: 0,
            status: Status::never_connected(),
            link: Link::default(),
            epochs: 0,
            recovery: recovery::Recovery::default(),
            replay: replay::Replay::default(),
            rollover: rollover::Rollover::default(),
            resuming: resuming::Resuming::default(),
            pre_roll: pre_roll::PreRoll::default(),
            pings: ping::Pings::default(),
            credentials: credentials::Credentials::default(),
            ops: Ops::default(),
            history: History::default(),
            ledger: HeardLedger::new(rate),
            responses: VecDeque::new(),
            sequencer: Sequencer::default(),
            speaking: Speaking::default(),
            media: media::Media::default(),
            way: way::Way::default(),
            mode: Speaking::silent(),
            tools,
            listening: Listening::default(),
            updates: Updates::default(),
            out_of_band: OutOfBand::default(),
            silent: SilentItems::default(),
            so_far: None,
            finals: VecDeque::new(),
            labels,
            pace: Pace::default(),
            sounds: Sounds::default(),
            capture: false,
            muted: false,
            stats: SessionStats::default(),
            warned: Vec::new(),
            out: VecDeque::new(),
            uploads: uploads::Uploads::default(),
            cut_here: VecDeque::new(),
            said_at: Time::default(),
            corrected: VecDeque::new(),
            leaves: false,
            ledger_events: Vec::new(),
            provider_events: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// One thing that happened at `now`. Drain [`Self::poll`] before the next.
    pub fn handle(&mut self, now: Time, input: Input<'_>) {
        // A driver whose clock steps back must not turn timers around.
        self.now = self.now.max(now);
        let reports = matches!(input, Input::Playout { .. } | Input::PlaybackReport { .. });
        match input {
            Input::Command { op, command } => self.command(op, command),
            Input::Refused { op, error } => {
                self.ping_refused(op);
                self.complete(op, Some(error));
            }
            Input::Credential { request_id, answer } => self.credential(request_id, answer),
            Input::Opened { epoch, unix_s } => self.opened(epoch, unix_s),
            Input::Carries { epoch, transport, fallback, media, max_event_bytes } => {
                self.carries(epoch, Carriage { transport, fallback, media, max_event_bytes });
            }
            Input::Media { epoch, pcm } => self.media_audio(epoch, &pcm),
            Input::Pong { epoch } => self.pong(epoch),
            Input::Uploaded { epoch, number, name, error } => {
                let nameless = || Error::new(ErrorClass::Protocol, "invalid_answer", "the picture has no name");
                self.uploaded(epoch, number, name.ok_or_else(|| error.unwrap_or_else(nameless)));
            }
            Input::Woken => self.woken(),
            Input::Frame { epoch, frame } => self.frame(epoch, &frame),
            Input::Closed { epoch, code, reason, error } => self.closed(epoch, code, &reason, error),
            Input::Microphone { pcm, age_us } => self.microphone(&pcm, age_us),
            Input::PlaybackReport { item, part, heard_ms } => self.playback_reported(&item, part, heard_ms),
            Input::Playout { report } => {
                let mut events = std::mem::take(&mut self.ledger_events);
                self.ledger.report(report, &mut events);
                self.ledger_events = events;
                let late = |upto: u64| matches!(report, PlayoutReport::Flushed { source, .. } if source <= upto);
                self.speaking.late_report = self.speaking.given_up_to.is_some_and(late);
                // Most reports only move on inside a part.
                if !self.ledger_events.is_empty() {
                    self.heard();
                }
                self.speaking.late_report = false;
            }
            Input::Level { level } => self.emit(EventKind::AudioLevel(level)),
            Input::Warning { error } => self.emit(EventKind::Warning(error)),
            Input::Fatal { error } => self.fail(error),
            Input::Timer => {}
        }
        self.echoes();
        // What was played meanwhile counts before its deadline.
        self.still_hearing(false);
        if reports {
            self.await_reports();
        }
        self.timers();
        self.credential_timers();
        self.give_up_flushes();
        self.media_timer();
        if self.link.is_up() {
            self.give_up_unacknowledged();
            self.give_up_silent();
            self.give_up_unanswered();
            self.give_up_calls();
            self.give_up_pings();
            self.still_here();
            self.send_next_response();
            self.roll_over();
            self.say_goodbye();
            self.answer_vendor();
        } else if self.hears_out() {
            self.say_goodbye();
        } else if self.is_recovering() {
            self.give_up_calls();
        }
        self.echoes();
        self.update_mode();
    }

    /// What is to be done, oldest first.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Timer`] is due, if nothing else happens before.
    pub fn timeout(&self) -> Option<Time> {
        let requests = self.sequencer.timeout().into_iter().chain(self.silent_until()).chain(self.ops.timeout());
        let requests = requests.chain(self.out_of_band.timeout()).chain(self.tools.timeout());
        // Requests wait for nothing while the link is not up: they end with the run.
        let requests = requests.chain(self.pings.timeout()).chain(self.rollover_timeout()).chain(self.quiet_until());
        let requests = requests.chain(self.listening.timeout());
        let always = self.link.timeout().into_iter().chain(self.speaking.timeout());
        let always = always.chain(self.credentials.timeout(self.link.is_up())).chain(self.offline_until());
        let always = always.chain(self.media.timeout());
        let always = always.chain(self.tools.timeout().filter(|_| self.is_recovering()));
        always.chain(requests.filter(|_| self.link.is_up())).min()
    }

    /// Where the connection is.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Number of the connection in use, or of the last one.
    pub fn epoch(&self) -> u32 {
        self.link.epoch
    }

    /// The conversation in order.
    pub fn messages(&self) -> &[crate::message::Message] {
        self.history.messages()
    }

    /// Counters.
    pub fn stats(&self) -> SessionStats {
        self.stats
    }

    /// Where in the stream of all assistant audio the next part ends, in frames at the provider's rate: a
    /// speaker that only counts is to be asked then.
    pub fn next_part_end(&self) -> Option<u64> {
        self.ledger.next_end()
    }

    /// What the host calls the client.
    pub fn labels(&self) -> Option<Arc<Labels>> {
        self.labels.clone()
    }

    /// What the provider can do.
    pub fn capabilities(&self) -> &Capabilities {
        self.codec.capabilities()
    }

    /// A new id, unique in this session.
    fn id(&mut self, kind: &str) -> String {
        self.next_id += 1;
        format!("{kind}_{:08x}_{}", self.seed, self.next_id)
    }

    /// Tells the host, about nothing in particular.
    fn emit(&mut self, kind: EventKind) {
        self.emit_about(None, None, kind);
    }

    /// Tells the host about an item or a response.
    fn emit_about(&mut self, response: Option<&ResponseId>, item: Option<&ItemId>, kind: EventKind) {
        self.emit_whole(response, item, false, kind);
    }

    /// Tells the host; `inferred`: the vendor did not say it.
    fn emit_whole(&mut self, response: Option<&ResponseId>, item: Option<&ItemId>, inferred: bool, kind: EventKind) {
        self.seq += 1;
        // What is told late about an answer belongs to its own turn, not to the one that cut it.
        let own = response.and_then(|id| self.responses.iter().rev().find(|r| r.id == *id)).map(|r| r.turn);
        let turn = own.unwrap_or(self.speaking.turn);
        let event = Event {
            seq: self.seq,
            time_ms: self.now.as_ms(),
            epoch: self.link.epoch,
            turn: Some(turn).filter(|t| *t > 0),
            response: response.cloned(),
            item: item.cloned(),
            inferred,
            labels: self.labels.clone(),
            kind,
        };
        self.out.push_back(Output::Event(event));
    }

    /// Tells the host about changes of the conversation gathered in `self.changes`.
    fn tell_changes(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        self.tell_trimmed();
        for change in std::mem::take(&mut self.changes) {
            let item = change.message.id.clone();
            self.emit_about(None, Some(&item), EventKind::Message(change));
        }
    }

    fn warn(&mut self, class: ErrorClass, code: &'static str, message: impl Into<String>) {
        self.emit(EventKind::Warning(Error::new(class, code, message)));
    }

    /// The same, but not again within ten seconds: the counters have the rest.
    fn warn_rarely(&mut self, class: ErrorClass, code: &'static str, message: impl Into<String>) {
        if self.may_warn(code) {
            self.warn(class, code, message);
        }
    }

    /// This kind of warning was not told within ten seconds; now it is.
    fn may_warn(&mut self, code: &'static str) -> bool {
        const EVERY_MS: u64 = 10_000;
        let now = self.now;
        match self.warned.iter_mut().find(|(c, _)| *c == code) {
            Some((_, last)) if now.ms_since(*last) < EVERY_MS => return false,
            Some((_, last)) => *last = now,
            None => self.warned.push((code, now)),
        }
        true
    }

    /// An event was about something nobody announced.
    fn unknown_item(&mut self, item: &ItemId) {
        self.stats.unknown_items += 1;
        let text = format!("an event is about item {item}, which nobody announced");
        self.warn_rarely(ErrorClass::Protocol, "unknown_item", crate::error::redact(&text));
    }

    /// Sends a command to the vendor; returns the id the vendor's error would name.
    fn send(&mut self, command: &ProviderCommand) -> Result<String, Error> {
        self.send_as("evt", command)
    }

    /// `kind` begins the id of the event: `told` for what no command of the host asked for.
    fn send_as(&mut self, kind: &str, command: &ProviderCommand) -> Result<String, Error> {
        let event_id = self.id(kind);
        let frame = self.encode(command, &event_id)?;
        self.send_frame(frame);
        Ok(event_id)
    }

    /// Sends what was encoded, if anything is to be sent.
    fn send_frame(&mut self, frame: Option<String>) {
        let Some(text) = frame else { return };
        self.raw(crate::event::Direction::Input, &text);
        self.said_at = self.now;
        self.out.push_back(Output::Send { epoch: self.link.epoch, text, audio: false });
    }

    /// Sends what cannot fail to encode; if it does it is our bug, and visible.
    fn send_own(&mut self, command: &ProviderCommand) -> Option<String> {
        match self.send(command) {
            Ok(id) => Some(id),
            Err(error) => {
                self.emit(EventKind::Error(error));
                None
            }
        }
    }

    fn raw(&mut self, direction: crate::event::Direction, json: &str) {
        if self.config.raw_events == RawEvents::All {
            self.emit(EventKind::Raw(crate::event::Raw { direction, json: json.into() }));
        }
    }
}
