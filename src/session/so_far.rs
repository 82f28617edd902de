//! Words of the user that are told anew as a whole, each time perhaps with earlier words corrected. Nobody says which
//! are the last: those before the assistant answers, before another item, or before the end.

use super::{Session, words::PartKind};
use crate::{
    event::TranscriptMode,
    message::{ItemId, Part, PartIndex, Role},
    provider::ProviderEvent,
};

impl Session {
    /// The words of a turn so far.
    pub(super) fn user_so_far(&mut self, item: &ItemId, part: PartIndex, text: String) {
        if self.so_far.as_ref().is_some_and(|(open, _)| open != item) {
            self.words_are_final();
        }
        if self.is_final(item, part) {
            return self.user_transcript(item, part, text);
        }
        if text.is_empty() {
            return;
        }
        let news = self.replace_words(item, part, &text);
        if self.history.get(item).is_some() {
            self.so_far = Some((item.clone(), part));
        }
        if !news {
            return;
        }
        self.transcript(None, item, part, Role::User, TranscriptMode::Replace, text);
    }

    /// What there is of the words is all there will be.
    pub(super) fn words_are_final(&mut self) {
        let Some((item, part)) = self.so_far.take() else { return };
        let words = self.history.get(&item).and_then(|m| match m.parts.get(part as usize) {
            Some(Part::Audio { transcript, .. }) => Some(transcript.clone()),
            _ => None,
        });
        if let Some(words) = words {
            self.user_transcript(&item, part, words);
        }
    }

    /// The turn the words belong to is said again, or goes on elsewhere.
    pub(super) fn words_are_open(&mut self) {
        self.so_far = None;
    }

    /// Events after which a turn has no further words.
    pub(super) fn words_end_with(&mut self, event: &ProviderEvent) {
        use ProviderEvent as E;
        let Some((open, _)) = &self.so_far else { return };
        let ends = match event {
            E::SpeechStarted { item, .. } | E::InputCommitted { item, .. } => item != open,
            E::ItemAdded { item, .. } => item.id != *open,
            E::OutputItemAdded { response, .. } => !self.is_outside(response),
            E::PartAdded { at, .. } | E::Audio { at, .. } | E::AgentDelta { at, .. } => !self.is_outside(&at.response),
            _ => false,
        };
        if ends {
            self.words_are_final();
        }
    }

    fn replace_words(&mut self, item: &ItemId, part: PartIndex, text: &str) -> bool {
        if !self.user_item(item, text) {
            return false;
        }
        self.ensure_part(item, part, PartKind::Audio);
        self.set_words(item, part, text)
    }
}
