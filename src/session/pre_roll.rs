//! Microphone audio that may be needed once more.
//!
//! The newest moment is always kept, because the vendor says late that somebody began to speak. From then on
//! everything is kept, up to the configured length, until the words are known or the answer is heard: should
//! the connection be lost, the turn is said again to the next one. While there is no connection at all, the
//! newest audio is kept for the same reason.

use super::{
    Session,
    recovery::{OWED_MS, gone},
};
use crate::{
    audio::pcm::scale,
    event::OpId,
    message::{ItemId, Message, MessageState, Part, Role},
    time::Time,
};
use std::collections::VecDeque;

/// Kept while nobody speaks: the vendor's padding before speech and the time its word takes.
const ALWAYS_MS: u32 = 400;
/// Turns whose words are not known yet.
const MAX_OPEN: usize = 8;
/// No more was lost than what the dead connection took before it was found dead.
const MAX_UNHEARD_MS: u64 = 15_000;

/// A turn of the user that may have to be said again.
#[derive(Debug)]
struct Turn {
    item: ItemId,
    number: u64,
    /// Where it begins and ends, counted in samples since the first.
    from: u64,
    to: Option<u64>,
    /// Its words are not known, and it was not answered.
    open: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PreRoll {
    samples: VecDeque<i16>,
    /// Samples kept while nobody speaks.
    always: usize,
    /// Samples since the user's last turn ended; they alone are no part of it.
    since_turn: Option<usize>,
    /// When the newest sample was captured.
    newest: Time,
    /// How many there were in all.
    count: u64,
    /// The oldest turn whose words are not known, and those since.
    turns: VecDeque<Turn>,
    /// A turn is held by hand, or was ended by hand and is not in the conversation yet.
    by_hand: bool,
    /// There is no connection.
    offline: bool,
    /// Something was captured since it was lost.
    caught: bool,
    /// Samples that reached nobody.
    dropped: u64,
    /// Samples sent since the vendor's last word.
    unheard: u64,
}

impl PreRoll {
    /// Something was said that the next connection must hear.
    pub fn is_open(&self) -> bool {
        self.turns.iter().any(|t| t.open) || self.by_hand
    }

    /// A frame of the microphone, sent or not.
    pub fn keep(&mut self, pcm: &[i16], captured: Time, most_ms: u32, rate: u32) {
        self.always = scale(ALWAYS_MS.min(most_ms).into(), rate.into(), 1000) as usize;
        let whole = self.offline || self.is_open();
        let most = if whole { scale(most_ms.into(), rate.into(), 1000) as usize } else { self.always };
        if most == 0 && !self.offline {
            return;
        }
        self.samples.extend(pcm);
        self.count += pcm.len() as u64;
        self.caught |= self.offline;
        self.since_turn = self.since_turn.map(|since| since + pcm.len());
        self.newest = captured;
        let over = self.samples.len().saturating_sub(most);
        self.samples.drain(..over);
        if self.samples.capacity() > 4 * most.max(1) {
            self.samples.shrink_to(2 * most);
        }
        if whole {
            self.dropped += over as u64;
        }
        if !self.offline {
            self.unheard += pcm.len() as u64;
        }
    }

    /// Where what is kept begins.
    fn start(&self) -> u64 {
        self.count.saturating_sub(self.samples.len() as u64)
    }

    /// The user stopped speaking, so many samples ago.
    pub fn ended(&mut self, item: &ItemId, ago: u64) {
        self.since_turn = Some(0);
        let at = self.count.saturating_sub(ago);
        if let Some(turn) = self.turns.iter_mut().find(|t| t.item == *item) {
            turn.to = Some(at.max(turn.from));
        }
    }

    /// The user began to speak, so many samples ago.
    pub fn begin(&mut self, item: &ItemId, number: u64, ago: u64) {
        if !self.is_open() {
            self.dropped = 0;
        }
        if self.turns.iter().any(|t| t.item == *item) {
            return;
        }
        if self.turns.len() >= MAX_OPEN {
            self.turns.pop_front();
        }
        let before = self.turns.back().map_or_else(|| self.start(), |t| t.to.unwrap_or(t.from));
        let from = self.count.saturating_sub(ago.max(self.always as u64)).max(before);
        self.turns.push_back(Turn { item: item.clone(), number, from, to: None, open: true });
    }

    /// The user's turn is held by hand; what was before it is no part of it.
    pub fn begin_by_hand(&mut self) {
        self.forget();
        self.by_hand = true;
    }

    /// The turn that was held is this item.
    pub fn committed(&mut self, item: &ItemId, number: u64) {
        if std::mem::take(&mut self.by_hand) {
            self.begin(item, number, self.count);
        }
    }

    /// Turns are done with: those that are not open any more and stand before all that are.
    fn done(&mut self) {
        while self.turns.front().is_some_and(|t| !t.open) {
            self.turns.pop_front();
        }
    }

    /// Its words are known, or will never be.
    pub fn known(&mut self, item: &ItemId) {
        self.turns.iter_mut().filter(|t| t.item == *item).for_each(|t| t.open = false);
        self.done();
    }

    /// The turns up to this one were answered: nobody needs them a second time.
    fn answered(&mut self, number: u64) {
        self.turns.iter_mut().filter(|t| t.number <= number).for_each(|t| t.open = false);
        self.done();
    }

    /// It is thrown away.
    pub fn forget(&mut self) {
        let offline = self.offline;
        *self = Self { offline, ..Self::default() };
    }

    /// The same by the host's word; `held`: in the middle of a turn, which goes on.
    pub fn cleared(&mut self, held: bool) {
        self.forget();
        self.by_hand = held;
    }

    /// No more will be captured. What was heard by a connection that is gone needs somebody to go on speaking.
    pub fn capture_stopped(&mut self) {
        if self.offline && !self.caught && !self.is_open() {
            self.samples.clear();
        }
    }

    /// The vendor said something.
    pub fn heard(&mut self) {
        self.unheard = 0;
    }

    /// The connection is gone; `dead`: since when is not known. `captures`: the microphone is on.
    pub fn lost(&mut self, dead: bool, now: Time, captures: bool) {
        if std::mem::replace(&mut self.offline, true) {
            return;
        }
        self.caught = false;
        // Of a turn that is done with, what is always kept is enough, as long as it is the newest moment.
        let most = self.always.min(self.since_turn.unwrap_or(self.always));
        let fresh = captures && now.ms_since(self.newest) <= u64::from(ALWAYS_MS);
        self.keep_what_is_open(if fresh { most } else { 0 });
        if !self.is_open() {
            self.dropped = 0;
        }
        if dead {
            self.dropped += self.unheard.saturating_sub(self.samples.len() as u64);
        }
        self.unheard = 0;
    }

    /// Leaves the turns that are open, and so many samples of the newest.
    fn keep_what_is_open(&mut self, newest: usize) {
        let (start, end) = (self.start(), self.count);
        if self.by_hand && self.turns.is_empty() {
            return;
        }
        let mut from = end.saturating_sub(newest as u64);
        let mut kept = VecDeque::new();
        let mut turns = self.turns.iter().peekable();
        while let Some(turn) = turns.next() {
            let next = turns.peek().map(|t| t.from);
            if turn.open || (self.by_hand && next.is_none()) {
                let upto = next.unwrap_or(end);
                let at = |position: u64| (position.clamp(start, end) - start) as usize;
                kept.extend(self.samples.range(at(turn.from)..at(upto).max(at(turn.from))));
                from = from.max(upto);
            }
        }
        kept.extend(self.samples.range((from.clamp(start, end) - start) as usize..));
        self.samples = kept;
    }
}

/// So little of an answer came that it is none.
fn is_hardly_begun(message: &Message) -> bool {
    let short = |part: &Part| matches!(part, Part::Audio { duration_ms, .. } if *duration_ms < OWED_MS);
    message.role == Role::Assistant && message.state != MessageState::Completed && message.parts.iter().all(short)
}

impl Session {
    /// Keeps a frame that may be needed again.
    pub(super) fn keep_microphone(&mut self, pcm: &[i16], captured: Time) {
        let most = self.config.recovery.pre_roll_ms;
        let most = self.codec.quirks().pre_roll_ms.map_or(most, |bound| most.min(bound));
        // A change takes a new connection whether or not a lost one is replaced.
        if self.config.recovery.reconnect || self.rollover.renewal || self.recovery.cause.is_some() {
            self.pre_roll.keep(pcm, captured, most, self.codec.capabilities().input_rate);
        }
    }

    /// Turns whose words are not known are said again, so their messages would stand there twice. What little
    /// was heard of an answer to them stays in the history and is not told: its question comes behind it.
    pub(super) fn forget_open_turns(&mut self) {
        for item in std::mem::take(&mut self.pre_roll.turns).into_iter().filter(|t| t.open).map(|t| t.item) {
            if self.pre_roll.samples.is_empty() {
                // Nothing was kept, so it cannot be said again: it was said, and nobody knows what.
                continue;
            }
            self.pre_roll.by_hand = true;
            let messages = self.history.messages();
            if let Some(at) = messages.iter().position(|m| m.id == item) {
                let begun = messages[at..].iter().filter(|m| is_hardly_begun(m));
                self.recovery.answered_again.extend(begun.map(|m| m.id.clone()));
            }
            self.history.remove(&item, &mut self.changes);
        }
        self.tell_changes();
    }

    /// The user's turns up to this one were answered.
    pub(super) fn turn_answered(&mut self, turn: u64) {
        self.pre_roll.answered(turn);
        // One that is held is another.
        if turn >= self.speaking.turn && !self.is_held() {
            self.pre_roll.by_hand = false;
        }
    }

    /// Microphone audio that reached nobody, milliseconds.
    pub(super) fn microphone_gap_ms(&self) -> u64 {
        let rate = self.codec.capabilities().input_rate;
        let ms = scale(self.pre_roll.dropped, 1000, rate.into());
        ms.min(MAX_UNHEARD_MS.max(u64::from(self.config.recovery.max_offline_ms)))
    }

    /// What was said meanwhile, and what was said before and never understood.
    pub(super) fn send_pre_roll(&mut self) {
        self.pre_roll.offline = false;
        self.pre_roll.dropped = 0;
        let open = self.pre_roll.by_hand;
        let commit = self.recovery.commit.take();
        // Between two turns by hand nothing is said to anybody.
        if self.is_manual() && !self.is_held() && !open {
            self.pre_roll.forget();
            return self.nothing_to_commit(commit);
        }
        let (samples, newest) = (self.pre_roll.samples.make_contiguous().to_vec(), self.pre_roll.newest);
        self.send_frames(&samples, newest);
        self.pre_roll.by_hand = self.is_held();
        self.listening.heard |= self.is_held() && !samples.is_empty();
        if samples.is_empty() || !open || self.is_held() {
            return self.nothing_to_commit(commit);
        }
        // It has to be understood by this connection before it is done with.
        self.pre_roll.by_hand = true;
        // Said to its end: nobody but us ends it where the vendor does not listen for silence.
        if self.is_manual() || !self.capture {
            self.commit_again(commit);
        } else {
            self.nothing_to_commit(commit);
        }
    }

    /// The end of a turn that this connection hears for itself, or of which nothing was kept.
    fn nothing_to_commit(&mut self, commit: Option<(Option<OpId>, Option<String>)>) {
        if let Some(op) = commit.and_then(|(op, _)| op) {
            let kept = self.pre_roll.is_open();
            self.complete(op, (!kept).then(gone));
        }
    }

    /// The end of a turn goes out once more, with the request for the answer where none waits yet.
    fn commit_again(&mut self, commit: Option<(Option<OpId>, Option<String>)>) {
        let (op, answer) = commit.unwrap_or_default();
        if !self.is_manual() && self.end_with_silence() {
            return self.nothing_to_commit(op.map(|op| (Some(op), None)));
        }
        if !self.commit_input(op, answer.clone()) {
            return;
        }
        if self.commit_asked() {
            if let Some(answer) = answer {
                self.sequencer.forget(&answer);
            }
            return;
        }
        let unwanted = answer.is_some_and(|request| self.sequencer.is_given_up(&request));
        if self.config.turn_detection.create_response && !unwanted && !self.sequencer.waiting() {
            self.want_answer();
        }
    }
}
