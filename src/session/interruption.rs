//! What happens when somebody cuts the assistant off.
//!
//! Interruption, in order: the running responses are fenced so that their late audio
//! is dropped; the speaker is flushed; a response still running is cancelled unless the vendor does
//! that itself; and when the speaker has reported what it really played, the vendor is told: cut
//! where it was heard, deleted where nothing was. The playback tail (generation over, audio still
//! playing) and several items in one response take the same path. A host that reports positions
//! itself has said already what it played, so that there the cut follows at once.

use super::{
    Output, Session,
    heard_text::{Span, Words},
    ledger::{AudioKey, Heard},
    ops::Purpose,
    speaking::Flush,
};
use crate::{
    error::{Error, ErrorClass},
    event::{EventKind, InterruptSource, Interrupted, Transcript, TranscriptMode, TranscriptStage},
    message::{ItemId, MessageState, Part, ResponseId, Role},
    provider::ProviderCommand,
};

/// A complete item with less than this unheard counts as heard.
const TAIL_MS: u64 = 100;
/// How long a speaker may take to fall silent and report it.
const FLUSH_MS: u64 = 2000;

impl Session {
    /// Cuts the assistant off.
    pub(super) fn interrupt(&mut self, source: InterruptSource) {
        let active = self.sequencer.active().cloned();
        let mut fenced: Vec<ResponseId> = self.ledger.open().map(|h| h.key.response.clone()).collect();
        fenced.extend(active.clone());
        fenced.extend(self.media.response().cloned());
        // What is outside the conversation and was going to speak must not begin afterwards.
        let speaks = |r: &&super::Response| r.outside && r.audible && r.end.is_none();
        fenced.extend(self.responses.iter().filter(speaks).map(|r| r.id.clone()));
        // What still plays of an earlier connection has no record and needs none.
        for record in self.responses.iter_mut().filter(|r| fenced.contains(&r.id)) {
            record.fence();
        }
        // The vendor's own detection knows what it is about to say; of a button it knows nothing.
        if source == InterruptSource::Call || self.is_held() {
            (self.recovery.owed, self.recovery.unanswered) = (None, None);
            let outside = self.out_of_band.abandon_audible();
            for op in self.sequencer.abandon().into_iter().chain(outside) {
                let error = Error::new(ErrorClass::State, "cancelled", "interrupted before the response began");
                self.complete(op, Some(error));
            }
        }
        // When the user speaks, a vendor whose effective session says so cancels by itself.
        let vendor_cancels = source == InterruptSource::User && self.link.server_interrupts && !self.is_manual();
        if let Some(active) = active.filter(|_| !vendor_cancels) {
            self.cancel(active);
        }
        // Nobody but us stops what is outside the conversation.
        let outside = self.responses.iter().filter(|r| r.outside && r.end.is_none() && fenced.contains(&r.id));
        for id in outside.map(|r| r.id.clone()).collect::<Vec<_>>() {
            self.cancel(id);
        }
        if !vendor_cancels {
            self.clear_vendors_buffer();
        }
        self.flush(source);
        self.drop_unheard(&[]);
    }

    /// Silences the speaker, unless it is silent or will be by a flush under way.
    pub(super) fn flush(&mut self, wanted_by: InterruptSource) {
        let upto = self.ledger.pushed();
        let enough = self.speaking.flushes.back().is_some_and(|f| f.upto == upto);
        if !enough && self.ledger.open().next().is_some() {
            let by = self.now.after_ms(FLUSH_MS);
            self.speaking.flushes.push_back(Flush { wanted_by, upto, by });
            self.out.push_back(Output::FlushPlayout);
            if self.reported() {
                // What the host said last is all there is to know: nothing to wait for.
                self.ledger.give_up(upto, &mut self.ledger_events);
                self.heard();
            }
        }
    }

    /// A speaker that does not report its flush: what the ledger knows is what was heard.
    pub(super) fn give_up_flushes(&mut self) {
        while let Some(flush) = self.speaking.flushes.front().filter(|f| self.now >= f.by) {
            let upto = flush.upto;
            self.speaking.given_up_to = Some(upto);
            let text = "the speaker did not report that it fell silent; what it last reported counts as heard";
            self.warn_rarely(ErrorClass::Device, "flush_unconfirmed", text);
            self.ledger.give_up(upto, &mut self.ledger_events);
            self.heard();
        }
    }

    /// The speaker is silent and has said what it played.
    pub(super) fn flushed(&mut self, cut: &[Heard]) {
        let flush = if self.speaking.late_report { None } else { self.speaking.flushes.pop_front() };
        let source = flush.map_or(InterruptSource::Server, |f| f.wanted_by);
        for (i, heard) in cut.iter().enumerate() {
            let first = !cut[..i].iter().any(|h| h.key.item == heard.key.item);
            self.cut(heard, cut, source, first);
        }
        self.drop_unheard(cut);
        self.settle_played();
        if self.speaking.flushing() {
            return;
        }
        for op in std::mem::take(&mut self.ops.interrupt) {
            self.complete(op, None);
        }
    }

    /// One part that was cut: tells the vendor, the history and the host. `first`: of its item.
    fn cut(&mut self, heard: &Heard, all: &[Heard], source: InterruptSource, first: bool) {
        let key = &heard.key;
        if self.history.is_gone(&key.item) {
            return;
        }
        let (heard_ms, received_ms) = (self.ledger.ms(heard.heard), self.ledger.ms(heard.received));
        self.was_cut_at(&key.response, heard_ms);
        let torn = self.is_torn(&key.response);
        if heard.complete && !torn && heard.heard > 0 && received_ms - heard_ms < TAIL_MS {
            return self.count_as_heard(key);
        }
        let item_heard = all.iter().any(|h| h.key.item == key.item && h.heard > 0) || self.was_heard(&key.item);
        let words = self.mark_heard(heard);
        if source == InterruptSource::Call {
            self.cut_here(&key.item);
        }
        if first {
            let estimated = self.estimated();
            let server_truncated = self.link.carries.media && self.is_of_this_connection(&key.response);
            let interrupted = Interrupted { heard_ms, source, server_truncated, estimated };
            self.emit_about(Some(&key.response), Some(&key.item), EventKind::Interrupted(interrupted));
        }
        if self.is_outside(&key.response) {
            return;
        }
        if item_heard {
            let (item, part, audio_end_ms) = (key.item.clone(), key.part, heard_ms);
            if !self.is_of_this_connection(&key.response) {
                self.tell_otherwise(&item);
            } else if !self.link.carries.media && self.codec.capabilities().truncate != Some(false) {
                self.tell_vendor(&ProviderCommand::Truncate { item, part, audio_end_ms });
            }
            self.heard_words(key, words);
        } else {
            let here = self.is_of_this_connection(&key.response);
            self.forget(&key.item, here);
        }
        self.tell_changes();
    }

    /// Tells what was heard of a part that did not get to its end.
    pub(super) fn heard_words(&mut self, key: &AudioKey, Words { text, error: error_words }: Words) {
        let (role, mode, stage) = (Role::Assistant, TranscriptMode::Final, TranscriptStage::Heard);
        let estimated = error_words.is_some() || self.estimated();
        let transcript = Transcript { role, part: key.part, mode, text, stage, estimated, error_words };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::Transcript(transcript));
    }

    /// So little of the part was left that all its words were heard.
    fn count_as_heard(&mut self, key: &AudioKey) {
        self.sounds.take(&key.item, key.part);
        self.history.update(&key.item, &mut self.changes, |m| {
            let Some(Part::Audio { transcript, heard_transcript, .. }) = m.parts.get_mut(key.part as usize) else {
                return None;
            };
            *heard_transcript = Some(transcript.clone());
            Some(vec![key.part])
        });
        self.tell_changes();
    }

    /// Some part of the item was played.
    fn was_heard(&self, item: &ItemId) -> bool {
        let heard = |p: &Part| matches!(p, Part::Audio { heard_ms, .. } if *heard_ms > 0);
        self.history.get(item).is_some_and(|m| m.parts.iter().any(heard))
    }

    /// Marks what was heard in the message; returns the words.
    fn mark_heard(&mut self, heard: &Heard) -> Words {
        let key = &heard.key;
        let (heard_ms, received_ms) = (self.ledger.ms(heard.heard), self.ledger.ms(heard.received));
        let mut words = Words::default();
        let complete = heard.complete && !self.is_torn(&key.response);
        let corrected = self.is_corrected(&key.item, key.part);
        let (pace, sounds) = (&self.pace, &mut self.sounds);
        self.history.update(&key.item, &mut self.changes, |m| {
            m.interrupted = true;
            m.state = MessageState::Incomplete;
            let Some(Part::Audio { transcript, heard_transcript, duration_ms, heard_ms: slot }) =
                m.parts.get_mut(key.part as usize)
            else {
                return Some(vec![]);
            };
            (*duration_ms, *slot) = (received_ms, heard_ms);
            let span = Span { heard_ms, received_ms, complete };
            words = pace.heard(transcript, span, sounds.take(&key.item, key.part).as_ref());
            match heard_transcript {
                Some(said) if corrected => words.text.clone_from(said),
                _ => *heard_transcript = Some(words.text.clone()),
            }
            Some(vec![key.part])
        });
        words
    }

    /// Spoken items of cut responses of which no audio came: nobody heard them. `cut` is settled.
    pub(super) fn drop_unheard(&mut self, cut: &[Heard]) {
        let ledger = &self.ledger;
        let in_speaker = |item: &ItemId| ledger.open().any(|h| h.key.item == *item);
        let epoch = self.link.epoch;
        let mut silent = Vec::new();
        for record in self.responses.iter_mut().filter(|r| r.fenced) {
            let here = record.epoch == epoch;
            // What the speaker still has is settled by its flush.
            silent.extend(record.spoken_items.extract_if(.., |item| !in_speaker(item)).map(|item| (item, here)));
        }
        for (item, here) in silent {
            let settled = cut.iter().any(|h| h.key.item == item) || self.was_heard(&item);
            // What the user said stays, whatever a response claims to have made of it.
            if !settled && self.history.get(&item).is_some_and(|m| m.role == Role::Assistant) {
                self.forget(&item, here);
            }
        }
        self.tell_changes();
    }

    /// Nobody heard it. `here`: it was made on this connection.
    fn forget(&mut self, item: &ItemId, here: bool) {
        // Where the vendor cuts what it sent, it has cut this too.
        if (here && !self.link.carries.media) || self.replay.take_told(item) {
            self.tell_vendor(&ProviderCommand::DeleteItem { item: item.clone() });
        }
        self.history.remove(item, &mut self.changes);
    }

    /// A connection that is not told yet is told what there is then.
    pub(super) fn tell_vendor(&mut self, command: &ProviderCommand) {
        if !self.link.is_told() {
            return;
        }
        if let Some(id) = self.send_own(command) {
            self.remember(id, Purpose::Housekeeping);
        }
    }

    /// The run ends: nobody speaks any more, and what was heard is settled.
    pub(super) fn stop_speaking(&mut self) {
        for record in &mut self.responses {
            record.fence();
        }
        self.media_lost();
        self.speaking.user = false;
        self.speaking.answer_expected = false;
        self.speaking.clock = None;
        self.flush(InterruptSource::Server);
    }
}
