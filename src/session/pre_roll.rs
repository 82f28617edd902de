//! Microphone audio that may be needed once more.
//!
//! The newest moment is always kept, because the vendor says late that somebody began to speak. From then on
//! everything is kept, up to the configured length, until the words are known or the answer is heard: should
//! the connection be lost, the turn is said again to the next one. While there is no connection at all, the
//! newest audio is kept for the same reason.

use super::{
    Session,
    ops::Purpose,
    recovery::{OWED_MS, gone},
};
use crate::{
    audio::pcm::scale,
    event::OpId,
    message::{ItemId, Message, MessageState, Part, Role},
    provider::ProviderCommand,
    time::Time,
};
use std::collections::VecDeque;

/// Kept while nobody speaks: the vendor's padding before speech and the time its word takes.
const ALWAYS_MS: u32 = 400;
/// Turns whose words are not known yet.
const MAX_OPEN: usize = 8;
/// Resent audio leaves in frames as the microphone's do.
const FRAME_MS: u64 = 20;
/// No more was lost than what the dead connection took before it was found dead.
const MAX_UNHEARD_MS: u64 = 15_000;

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
    /// Turns that were begun and whose words are not known.
    open: VecDeque<ItemId>,
    /// A turn is held by hand, or was ended by hand and is not in the conversation yet.
    by_hand: bool,
    /// There is no connection.
    offline: bool,
    /// Samples that reached nobody.
    dropped: u64,
    /// Samples sent since the vendor's last word.
    unheard: u64,
}

impl PreRoll {
    /// Something was said that the next connection must hear.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty() || self.by_hand
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

    /// The user stopped speaking.
    pub fn ended(&mut self) {
        self.since_turn = Some(0);
    }

    /// The user began to speak.
    pub fn begin(&mut self, item: &ItemId) {
        if !self.is_open() {
            self.dropped = 0;
        }
        if !self.open.contains(item) {
            if self.open.len() >= MAX_OPEN {
                self.open.pop_front();
            }
            self.open.push_back(item.clone());
        }
    }

    /// The user's turn is held by hand; what was before it is no part of it.
    pub fn begin_by_hand(&mut self) {
        self.forget();
        self.by_hand = true;
    }

    /// The turn that was held is this item.
    pub fn committed(&mut self, item: &ItemId) {
        if std::mem::take(&mut self.by_hand) {
            self.begin(item);
        }
    }

    /// Its words are known, or will never be.
    pub fn known(&mut self, item: &ItemId) {
        self.open.retain(|open| open != item);
    }

    /// It was answered: nobody needs it a second time. `held`: another turn is held already.
    pub fn answered(&mut self, held: bool) {
        self.open.clear();
        self.by_hand &= held;
    }

    /// It is thrown away.
    pub fn forget(&mut self) {
        let offline = self.offline;
        *self = Self { offline, ..Self::default() };
    }

    /// The vendor said something.
    pub fn heard(&mut self) {
        self.unheard = 0;
    }

    /// The connection is gone; `dead`: since when is not known.
    pub fn lost(&mut self, dead: bool) {
        if std::mem::replace(&mut self.offline, true) {
            return;
        }
        if !self.is_open() {
            // Of a turn that is done with, what is always kept is enough.
            self.dropped = 0;
            let most = self.always.min(self.since_turn.unwrap_or(self.always));
            let over = self.samples.len().saturating_sub(most);
            self.samples.drain(..over);
        }
        if dead {
            self.dropped += self.unheard.saturating_sub(self.samples.len() as u64);
        }
        self.unheard = 0;
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
        if self.config.recovery.reconnect {
            self.pre_roll.keep(pcm, captured, most, self.codec.capabilities().input_rate);
        }
    }

    /// Turns whose words are not known are said again, so their messages would stand there twice. What little
    /// was heard of an answer to them stays in the history and is not told: its question comes behind it.
    pub(super) fn forget_open_turns(&mut self) {
        for item in std::mem::take(&mut self.pre_roll.open) {
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
        let rate = self.codec.capabilities().input_rate;
        let (samples, newest) = (self.pre_roll.samples.make_contiguous().to_vec(), self.pre_roll.newest);
        let frame = scale(FRAME_MS, rate.into(), 1000).max(1) as usize;
        let mut left = samples.len();
        for pcm in samples.chunks(frame) {
            left -= pcm.len();
            let after_us = scale(left as u64, 1_000_000, rate.into());
            self.send_microphone(pcm, Time(newest.0.saturating_sub(after_us)));
        }
        self.pre_roll.by_hand = self.is_held();
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
        match self.send(&ProviderCommand::CommitInput) {
            Ok(event_id) => self.remember(event_id, Purpose::Commit(op, answer.clone())),
            Err(error) => {
                if let Some(op) = op {
                    self.complete(op, Some(error));
                }
                return;
            }
        }
        self.speaking.end_turn(self.now);
        if self.config.turn_detection.create_response && !self.sequencer.waiting() {
            self.want_answer();
        }
    }
}
