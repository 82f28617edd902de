//! The user's turn, as far as the agent tells it.

use super::Replies;
use crate::{
    message::ItemId,
    provider::{ProviderEvent, wire::spoken},
};

impl Replies {
    pub(super) fn user_begins(&mut self, events: &mut Vec<ProviderEvent>) {
        if self.user.is_none() {
            let item = ItemId::from(self.id("item"));
            self.user = Some(item.clone());
            events.push(ProviderEvent::SpeechStarted { item, audio_ms: self.audio_ms });
        }
    }

    /// What the user seems to be saying. Of no consequence before the agent takes it for a turn.
    pub fn user_so_far(&mut self, words: String, events: &mut Vec<ProviderEvent>) {
        if let Some(item) = self.user.clone() {
            let transcript = words.trim().to_owned();
            events.push(ProviderEvent::UserTranscriptSoFar { item, part: 0, transcript });
        }
    }

    /// What the user said: the turn is over.
    pub fn user_words(&mut self, words: &str, event: i64, events: &mut Vec<ProviderEvent>) {
        self.newest = self.newest.max(event);
        self.finish("completed", None, true, events);
        self.user_begins(events);
        self.crosses = false;
        self.user_ends(Some(words.trim()), events);
        self.expected = true;
    }

    /// The user's turn is in the conversation, with its words where they are known.
    pub(super) fn user_ends(&mut self, words: Option<&str>, events: &mut Vec<ProviderEvent>) {
        let Some(item) = self.user.take() else { return };
        events.push(ProviderEvent::SpeechStopped { item: item.clone(), audio_ms: self.audio_ms });
        if std::mem::take(&mut self.crosses) {
            events.push(ProviderEvent::ItemDeleted { item });
            return;
        }
        events.extend(spoken(item.clone()));
        if let Some(words) = words {
            let transcript = words.to_owned();
            events.push(ProviderEvent::UserTranscriptDone { item, part: 0, transcript });
        }
    }
}
