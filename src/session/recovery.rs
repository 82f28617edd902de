//! Coming back after a connection was lost: when, how often, and what waits meanwhile.
//!
//! A run that was up once and loses its connection for a reason that may pass is not over. What was being
//! said plays on as far as it came; the microphone is kept ([`super::pre_roll`]); commands wait; tools go on
//! and their results are kept. The next connection is configured as the last, told the conversation
//! ([`super::replay`]), and then everything that waited goes on. Some things end a run at once: what another
//! try cannot mend (`FATAL` of the provider, TLS, close codes that blame the client), too many tries, too long
//! without a connection, and sessions that end as soon as they begin.

use super::{Command, Session, ops::Purpose, sequencer::Ask};
use crate::{
    error::{Error, ErrorClass},
    event::{InterruptSource, OpId, Phase, Status},
    message::{ItemId, Message, MessageState, Part, ResponseId, Role},
    time::Time,
};
use std::collections::VecDeque;

/// A session that lived so long was a good one: the first try comes at once.
const LIVED_MS: u64 = 10_000;
/// A session that ended sooner was none.
const SHORT_MS: u64 = 5_000;
/// So many of those within [`SHORT_WINDOW_MS`] end the run.
const MAX_SHORT: usize = 5;
const SHORT_WINDOW_MS: u64 = 60_000;
/// A wish to be left alone for less is none.
const MIN_RETRY_AFTER_MS: u64 = 250;
/// The longest a service is obeyed that asks to be left alone.
const MAX_RETRY_AFTER_MS: u64 = 60_000;
/// Commands that may wait for a connection, and bytes of their texts.
const MAX_HELD: usize = 64;
const MAX_HELD_BYTES: usize = 1024 * 1024;
/// Less of an answer than this is no answer: it is asked for again.
pub(super) const OWED_MS: u64 = 300;
/// The same of a written one, in bytes: what is said in that time.
pub(super) const OWED_TEXT: usize = 5;

/// Why there is a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The host connected.
    Connect,
    /// The last one was lost.
    Reconnect,
    /// The vendor was about to end its session, or has.
    Rollover,
    /// A change took a new connection.
    Reconfigure,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reconnect => "reconnect",
            Self::Rollover => "rollover",
            Self::Reconfigure => "reconfigure",
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The run was up once.
    pub established: bool,
    /// What is being mended.
    pub cause: Option<(Why, Error)>,
    /// Tries since the last connection.
    pub(super) attempt: u32,
    offline_since: Option<Time>,
    up_since: Option<Time>,
    /// Ends of sessions that were too short.
    short: VecDeque<Time>,
    /// The last dial met something that is no realtime service.
    foreign: bool,
    /// The service found what it was sent too big: it is told less.
    pub lighter: bool,
    /// Commands that wait for a connection.
    pub held: VecDeque<(OpId, Command)>,
    /// Operations whose item is in the history and was not confirmed.
    pub unconfirmed: Vec<(OpId, ItemId)>,
    /// Changes that were sent: the next connection is asked for them anyway.
    pub changes: Vec<OpId>,
    /// The end of a turn that was sent and not confirmed, and the request that went with it.
    pub commit: Option<(Option<OpId>, Option<String>)>,
    /// An answer that was begun and hardly heard.
    pub owed: Option<Ask>,
    /// Beginnings of answers whose question is said again.
    pub answered_again: Vec<ItemId>,
    /// A request of our own that nobody answered, and the service has been silent since.
    pub unanswered: Option<Ask>,
    random: u64,
}

impl Recovery {
    /// A host begins afresh. Short sessions are remembered: it may be a host that connects in a loop.
    pub fn begin(&mut self, seed: u32) {
        let short = std::mem::take(&mut self.short);
        *self = Self { short, random: self.random.max(u64::from(seed)), ..Self::default() };
    }

    /// A step on the way to the next connection.
    pub fn status(&self, phase: Phase) -> Status {
        let reason = self.cause.as_ref().map_or_else(String::new, |(_, error)| error.code.to_string());
        Status::Reconnecting { attempt: self.attempt, retry_in_ms: 0, reason, phase: Some(phase) }
    }

    /// Between two connections of one run.
    pub fn is_under_way(&self) -> bool {
        self.cause.is_some() && self.established
    }

    /// 0 to `most`, from the seed.
    fn draw(&mut self, most: u64) -> u64 {
        // splitmix64
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % (most + 1)
    }

    /// How long to wait before the next try (FAULTS §2: full jitter).
    fn delay_ms(&mut self, error: &Error, lived: Option<u64>) -> u64 {
        // A service that says "at once" is not asked faster than one that says nothing.
        if let Some(ms) = error.retry_after_ms.filter(|ms| *ms >= MIN_RETRY_AFTER_MS) {
            return ms.min(MAX_RETRY_AFTER_MS);
        }
        let (base, cap) = match error.code.as_ref() {
            "rate_limited" => (1000, 30_000),
            "try_again_later" => (2000, 30_000),
            "unavailable" => (500, 7000),
            "going_away" | "session_expired" | "network_changed" if self.attempt == 1 => return 0,
            // It was not the service that failed, and what it refused is not said again.
            "resume_refused" => return 0,
            _ if self.attempt == 1 && lived.is_some_and(|ms| ms >= LIVED_MS) => return 0,
            _ => (300, 7000),
        };
        let most = (base << (self.attempt - 1).min(16)).min(cap);
        self.draw(most)
    }

    /// The session ended after this long; true: it was one too many that ended at once.
    fn too_many_short(&mut self, lived_ms: u64, now: Time) -> bool {
        self.short.retain(|t| now.ms_since(*t) < SHORT_WINDOW_MS);
        if lived_ms >= SHORT_MS {
            return false;
        }
        self.short.push_back(now);
        self.short.len() >= MAX_SHORT
    }
}

impl Session {
    /// Between two connections of one run: commands wait, tools go on.
    pub(super) fn is_recovering(&self) -> bool {
        self.recovery.is_under_way() && !self.link.is_up() && !self.link.is_down()
    }

    /// Another connection may mend it.
    pub(super) fn mends(&self, error: &Error) -> bool {
        let again = match error.code.as_ref() {
            // A captive portal may be gone at the next try.
            "handshake" => !self.recovery.foreign,
            "message_too_big" => !self.recovery.lighter,
            _ => error.retryable,
        };
        again && self.config.recovery.reconnect && self.recovery.established && !self.link.is_ending()
    }

    /// The connection is gone, or never came: another try, or the end of the run.
    pub(super) fn lost(&mut self, error: Error, why: Why) {
        if self.successor_takes_over(why, &error) {
            return;
        }
        let lived = self.recovery.up_since.take().map(|since| self.now.ms_since(since));
        self.leaves = false;
        self.suspend(&error);
        let recovery = &mut self.recovery;
        recovery.foreign |= error.code == "handshake";
        recovery.lighter |= error.code == "message_too_big";
        let since = *recovery.offline_since.get_or_insert(self.now);
        recovery.attempt += 1;
        let delay = recovery.delay_ms(&error, lived);
        let why = recovery.cause.take().filter(|_| lived.is_none()).map_or(why, |(why, _)| why);
        recovery.cause = Some((why, error.clone()));
        if lived.is_some_and(|ms| recovery.too_many_short(ms, self.now)) {
            let text = format!("{MAX_SHORT} sessions within a minute ended as soon as they began; the last: {error}");
            return self.give_up(Error::new(ErrorClass::Network, "unstable", text));
        }
        let policy = &self.config.recovery;
        let (attempt, most) = (self.recovery.attempt, policy.max_attempts);
        // A try that would come when the time is over is none; a service may ask for more than there is.
        if attempt > most || self.now.ms_since(since) + delay >= u64::from(policy.max_offline_ms) {
            return self.offline_for_too_long(attempt.saturating_sub(1), error.retry_after_ms);
        }
        self.link.wait_until(self.now.after_ms(delay));
        let reason = error.code.into_owned();
        self.set_status(Status::Reconnecting { attempt, retry_in_ms: delay, reason, phase: None });
        if delay == 0 {
            self.try_again();
        }
    }

    /// When there was no connection for too long. A run the host ends is over in its own way.
    pub(super) fn offline_until(&self) -> Option<Time> {
        let since = self.recovery.offline_since.filter(|_| self.is_recovering() && !self.link.is_ending())?;
        Some(since.after_ms(self.config.recovery.max_offline_ms.into()))
    }

    /// After so many tries. `asked`: the service wants to be left alone for so long.
    pub(super) fn offline_for_too_long(&mut self, tries: u32, asked: Option<u64>) {
        let ms = self.recovery.offline_since.map_or(0, |since| self.now.ms_since(since));
        let last = self.recovery.cause.as_ref().map_or_else(String::new, |(_, error)| format!("; the last: {error}"));
        let asked = asked.map(|ms| format!("; the service asks to be left alone for {} s", ms.div_ceil(1000)));
        let asked = asked.unwrap_or_default();
        let text = format!("no connection for {} s after {tries} tries{asked}{last}", ms / 1000);
        self.give_up(Error::new(ErrorClass::Network, "reconnect_failed", text));
    }

    fn give_up(&mut self, error: Error) {
        self.end_with(error.fix("check the network, then connect again: the conversation is kept").retryable());
    }

    /// The next try begins.
    pub(super) fn try_again(&mut self) {
        self.dial_with_credential("reconnect");
    }

    /// The connection is gone.
    fn suspend(&mut self, error: &Error) {
        self.successor_over();
        self.move_on(error);
    }

    /// The conversation stands still: nothing of it goes on by the connection there was.
    pub(super) fn move_on(&mut self, error: &Error) {
        self.recovery.up_since = None;
        // Words of a turn that is not over are those of the turn that is said again.
        if self.speaking.user {
            self.words_are_open();
        } else {
            self.words_are_final();
        }
        // An answer that came will be heard, though the words it answers are not known: nobody says them again.
        // On a call it comes at its own pace, and what is still on its way is lost.
        let whole = |r: &super::Response| r.end.is_some() && r.received_ms > 0 && !self.media.sounds(&r.id);
        let came = |r: &super::Response| self.is_answer(r) || whole(r);
        // Of one that was cut off counts what was heard.
        let answers = |r: &&super::Response| if r.fenced { self.heard_ms(r) >= OWED_MS } else { came(r) };
        let answered = self.responses.iter().filter(|r| !r.outside).filter(answers).map(|r| r.turn).max();
        if let Some(turn) = answered {
            self.turn_answered(turn);
        }
        let (owed, unheard) = (self.owed(), self.unheard());
        self.media_lost();
        self.link.disable();
        self.pre_roll.lost(error.code == "silent", self.now, self.capture);
        self.listening.said_anew();
        self.user_unheard();
        let running: Vec<ResponseId> =
            self.responses.iter().filter(|r| r.end.is_none()).map(|r| r.id.clone()).collect();
        let again = self.sequencer.active().cloned().filter(|_| owed.is_some());
        for id in running {
            if again.as_ref() == Some(&id) {
                self.silence_begun(&id);
            }
            let cut = self.response(&id).fenced;
            self.end_unseen(&id, if cut { "cancelled" } else { "incomplete" }, Some("connection_lost"));
        }
        if let Some(id) = unheard.filter(|_| owed.is_some()) {
            self.silence_begun(&id);
        }
        if owed.is_some() {
            self.recovery.owed = owed;
        }
        let begun = self.sequencer.connection_lost();
        if let Some(op) = begun {
            self.complete(op, None);
        }
        self.speaking.answer_expected = false;
        for op in self.out_of_band.reset().into_iter().chain(self.take_pings()) {
            self.complete(op, Some(gone()));
        }
        for (op, changes) in self.updates_lost() {
            self.hold(op, Command::UpdateSession { changes });
        }
        self.carry_operations();
        self.forget_open_turns();
        self.settle_lost();
    }

    /// It is asked for again: what little came must not be heard twice. Behind something else that is being
    /// heard it stays, for the speaker falls silent as a whole; but it is not told.
    fn silence_begun(&mut self, id: &ResponseId) {
        let spoken = std::mem::take(&mut self.response(id).spoken_items);
        let short = |p: &Part| matches!(p, Part::Text { content } if content.len() < OWED_TEXT);
        let begun = |m: &&Message| {
            let written = m.role == Role::Assistant && m.state == MessageState::InProgress && m.parts.iter().all(short);
            written || spoken.contains(&m.id)
        };
        let begun = self.history.messages().iter().filter(begun).map(|m| m.id.clone());
        self.recovery.answered_again.extend(begun);
        self.response(id).spoken_items = spoken;
        let other = |of: &ResponseId| of != id && !self.responses.iter().any(|r| r.id == *of && r.fenced);
        let alone = !self.ledger.open().any(|h| other(&h.key.response));
        if alone {
            self.response(id).fence();
            self.flush(InterruptSource::Server);
        }
    }

    /// So much of it came that it is not asked for again. One that called tools goes on with their results: asked
    /// again, it would run them twice.
    fn is_answer(&self, response: &super::Response) -> bool {
        response.received_ms >= OWED_MS || response.wrote >= OWED_TEXT || self.tools.called(&response.id)
    }

    /// The answer that is over and of whose sound hardly anything came.
    fn unheard(&self) -> Option<ResponseId> {
        let over = |r: &&super::Response| r.end.is_some() && !r.fenced && !r.outside && self.media.sounds(&r.id);
        let record = self.responses.iter().rev().find(over)?;
        (!self.is_answer(record)).then(|| record.id.clone())
    }

    /// Whether the turn that is being answered was answered, and how to ask if not.
    fn owed(&mut self) -> Option<Ask> {
        if self.recovery.owed.is_some() {
            return self.recovery.owed.clone();
        }
        if self.speaking.answer_expected && !self.pre_roll.is_open() && self.sequencer.active().is_none() {
            return Some(Ask::Answer(None));
        }
        if std::mem::take(&mut self.tools.awaits) && !self.pre_roll.is_open() {
            return Some(Ask::Answer(None));
        }
        // The line was dead before anybody knew.
        if self.recovery.unanswered.is_some() && !self.pre_roll.is_open() {
            return self.recovery.unanswered.take();
        }
        if self.unheard().is_some() && self.sequencer.active().is_none() {
            return (!self.pre_roll.is_open()).then_some(Ask::Answer(None));
        }
        let record = self.sequencer.active().and_then(|id| self.responses.iter().rev().find(|r| r.id == *id))?;
        let waits = !record.fenced && !record.cancelled && record.end.is_none();
        if !waits || self.is_answer(record) {
            return None;
        }
        // What was said is sent again, and answered then.
        if self.pre_roll.is_open() {
            return None;
        }
        Some(self.sequencer.asked().cloned().unwrap_or(Ask::Answer(None)))
    }

    /// Operations that wait for a word of the vendor go on waiting, for the one of the next connection.
    fn carry_operations(&mut self) {
        for purpose in self.ops.connection_lost() {
            match purpose {
                Purpose::Item(Some(op), item) | Purpose::Replayed(Some(op), _, item) => {
                    self.recovery.unconfirmed.push((op, item));
                }
                Purpose::ToolResult(Some(op), _, call) => match self.tools.message_of(&call) {
                    Some(item) if self.history.has_call(&item, &call) => self.recovery.unconfirmed.push((op, item)),
                    _ => self.complete(op, Some(gone())),
                },
                Purpose::Commit(op, answer) => self.commit_later(op, answer),
                Purpose::Update(op, false) => self.recovery.changes.push(op),
                _ => {}
            }
        }
    }

    /// The end of a turn waits for the next connection. Of a turn before it nothing is left to say again: this
    /// one began anew.
    pub(super) fn commit_later(&mut self, op: Option<OpId>, answer: Option<String>) {
        let Some((before, request)) = self.recovery.commit.replace((op, answer)) else { return };
        if let Some(request) = request {
            self.sequencer.forget(&request);
        }
        if let Some(op) = before {
            self.complete(op, Some(gone()));
        }
    }

    /// A command that cannot be carried out before there is a connection. False: it was refused.
    pub(super) fn hold(&mut self, op: OpId, command: Command) -> bool {
        let bytes: usize = self.recovery.held.iter().map(|(_, c)| c.size()).sum();
        if self.recovery.held.len() >= MAX_HELD || bytes + command.size() > MAX_HELD_BYTES {
            let text = "too much waits for the connection to come back";
            let error = Error::new(ErrorClass::Limit, "backpressure", text).retryable();
            self.complete(op, Some(error.fix("wait until the client is connected")));
            return false;
        }
        self.recovery.held.push_back((op, command));
        true
    }

    /// The network is another one: what there is of a connection belongs to the old one.
    pub(super) fn network_changed(&mut self, op: OpId) {
        if self.leaves && self.link.is_up() {
            // It was about to end.
            self.abandon_link();
            self.go();
            return self.complete(op, None);
        }
        let refusal = if !self.config.recovery.reconnect {
            Some(Error::new(ErrorClass::State, "reconnect_off", "lost connections are not opened again here"))
        } else if self.link.is_down() || self.link.is_ending() {
            Some(Error::new(ErrorClass::State, "not_connected", "the client is not connected"))
        } else {
            None
        };
        if let Some(error) = refusal {
            return self.complete(op, Some(error.fix("connect anew")));
        }
        // A first connect has limits of its own and is not begun twice.
        if self.recovery.established {
            // It was the host that ended this session, and what the old network did says nothing of the new one.
            self.recovery.up_since = None;
            self.recovery.short.clear();
            self.way.afresh();
            self.recovery.attempt = 0;
            self.recovery.offline_since = None;
            self.abandon_link();
            let text = "the host said that the network is another one";
            self.lost(Error::new(ErrorClass::Network, "network_changed", text).retryable(), Why::Reconnect);
        }
        self.complete(op, None);
    }

    /// There is a connection again.
    pub(super) fn recovered(&mut self) {
        let recovery = &mut self.recovery;
        (recovery.attempt, recovery.offline_since, recovery.foreign) = (0, None, false);
        recovery.up_since = Some(self.now);
        recovery.established = true;
        self.credentials.taken();
    }

    /// What waited for the connection goes on, in the order it was wished for.
    pub(super) fn go_on(&mut self) {
        for op in std::mem::take(&mut self.recovery.changes) {
            self.complete(op, None);
        }
        self.send_pre_roll();
        if let Some(ask) = self.recovery.owed.take() {
            self.want_again(ask);
        }
        for (op, command) in std::mem::take(&mut self.recovery.held) {
            self.command(op, command);
        }
    }

    /// The run is over: operations that waited for another connection.
    pub(super) fn recovery_over(&mut self) -> Vec<OpId> {
        let Recovery { held, unconfirmed, changes, commit, .. } = &mut self.recovery;
        let held = held.drain(..).map(|(op, _)| op);
        let unconfirmed = unconfirmed.drain(..).map(|(op, _)| op);
        let ops =
            held.chain(unconfirmed).chain(changes.drain(..)).chain(commit.take().and_then(|(op, _)| op)).collect();
        (self.recovery.cause, self.recovery.owed, self.recovery.up_since) = (None, None, None);
        self.recovery.unanswered = None;
        (self.recovery.established, self.recovery.offline_since) = (false, None);
        ops
    }
}

/// For what belonged to a connection that is gone.
pub(super) fn gone() -> Error {
    Error::new(ErrorClass::Network, "connection_lost", "the connection was lost first").retryable().fix("ask again")
}
