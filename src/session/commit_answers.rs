//! Vendors for which the end of a turn is more than that (protocols xai-grok-voice §6 and §7): a commit of speech is
//! the request for its answer, and an answer is dropped without a word when the user goes on in the same item.

use super::{Session, sequencer::ANSWER_MS};
use crate::{
    audio::pcm::scale,
    error::{Error, ErrorClass},
    event::OpId,
    message::ItemId,
    provider::ProviderCommand,
    request::ResponseOptions,
};

/// Silence beyond what ends a turn, so that the end is found.
const MORE_SILENCE_MS: u64 = 300;
/// Frames of silence leave as the microphone's do.
const FRAME_MS: u64 = 20;
/// What is never louder is silence, which such a vendor does not answer.
pub(super) const QUIET: u16 = 500;

impl Session {
    /// The user goes on in the turn that had ended: what was begun for an answer to it ends here, as the vendor
    /// ended it.
    pub(super) fn goes_on(&mut self, item: &ItemId) -> bool {
        let same = self.speaking.user_item.as_ref() == Some(item) && !self.speaking.user;
        if !same || !self.codec.quirks().loses_ends {
            return false;
        }
        let turn = self.speaking.turn;
        let active = self.sequencer.active().cloned();
        if let Some(id) = active.filter(|id| self.responses.iter().any(|r| r.id == *id && r.turn == turn)) {
            self.response(&id).fence();
            self.end_unseen(&id, "cancelled", None);
        }
        true
    }

    /// A turn by hand was committed: whether its answer was asked for with that.
    pub(super) fn commit_asked(&mut self) -> bool {
        if !self.codec.quirks().commit_answers || self.listening.quiet {
            return false;
        }
        self.listening.stuck = true;
        self.listening.asked_until = Some(self.now.after_ms(ANSWER_MS));
        self.speaking.answer_expected = true;
        true
    }

    /// Nobody confirms the end of a turn of silence there, so that its command is done. True: it was told so.
    pub(super) fn is_unconfirmed(&mut self, op: OpId) -> bool {
        let unconfirmed = self.codec.quirks().commit_answers && self.listening.quiet;
        if unconfirmed {
            self.complete(op, None);
        }
        unconfirmed
    }

    /// The end of a turn that is not to be answered yet cannot be told where telling it asks.
    pub(super) fn keeps_commit(&mut self) -> bool {
        self.listening.kept = self.codec.quirks().commit_answers && !self.config.turn_detection.create_response;
        self.listening.kept
    }

    /// A request for the answer to a turn whose end was kept back: that end is the request. True: it was sent.
    pub(super) fn commit_kept(&mut self, op: OpId, options: &ResponseOptions) -> bool {
        if !self.listening.kept || options.out_of_band {
            return false;
        }
        if *options != ResponseOptions::default() {
            let text = "the answer to a turn that was held by hand takes no options here";
            let error = Error::new(ErrorClass::Unsupported, "unsupported_option", text).field("options");
            self.complete(op, Some(error.fix("ask without options, or change the session first")));
            return true;
        }
        self.listening.kept = false;
        if self.commit_input(Some(op), None) && !self.commit_asked() {
            self.want_answer();
        }
        true
    }

    /// A commit is answered before anything else is asked for: a request would overtake the speech.
    pub(super) fn commit_is_first(&mut self) -> bool {
        let Some(until) = self.listening.asked_until else { return false };
        if self.speaking.answer_expected && self.now < until {
            return true;
        }
        if self.speaking.answer_expected {
            self.speaking.answer_expected = false;
        }
        self.listening.asked_until = None;
        false
    }

    /// Another request after a turn by hand was answered is dropped by such a vendor until something else comes.
    pub(super) fn unstick(&mut self) {
        if !self.listening.is_held() && !self.listening.kept && std::mem::take(&mut self.listening.stuck) {
            self.tell_vendor(&ProviderCommand::ClearInput);
        }
    }

    /// What the user is in the middle of saying ends with silence where it cannot be ended by hand. True: so it was.
    pub(super) fn end_with_silence(&mut self) -> bool {
        if !self.codec.quirks().commit_by_hand_only {
            return false;
        }
        let frame = scale(FRAME_MS, self.codec.capabilities().input_rate.into(), 1000) as usize;
        let silence = vec![0; frame];
        for _ in 0..(self.link.silence_ms + MORE_SILENCE_MS).div_ceil(FRAME_MS) {
            self.send_microphone(&silence, self.now);
        }
        true
    }
}
