//! The user's turn: when it began and ended, what was said in it, and when it is in the conversation.

use super::{Turns, User, over};
use crate::{
    message::{ItemId, ResponseId},
    provider::{ProviderEvent, gemini::server_message::Words, wire::spoken},
};

impl Turns {
    /// The user began to speak, says the service or whoever opened the turn by hand.
    pub fn user_begins(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        let open = self.user.as_ref().filter(|user| !user.committed).map(|user| user.item.clone());
        let item = open.unwrap_or_else(|| self.new_user(events));
        if let Some(user) = &mut self.user {
            (user.began, user.stopped) = (true, false);
        }
        events.push(ProviderEvent::SpeechStarted { item, audio_ms });
    }

    pub fn user_ends(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        if let Some(user) = self.user.as_mut().filter(|user| user.began && !user.stopped && !user.committed) {
            user.stopped = true;
            events.push(ProviderEvent::SpeechStopped { item: user.item.clone(), audio_ms });
        }
    }

    /// A turn is over by hand, and is in the conversation.
    pub fn commit(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        if self.user.as_ref().is_none_or(|user| user.committed) {
            self.new_user(events);
        }
        self.commit_user(audio_ms, events);
    }

    pub(super) fn new_user(&mut self, events: &mut Vec<ProviderEvent>) -> ItemId {
        self.tell_user(events);
        let item = ItemId::from(self.id("item"));
        // Who speaks is answered; what was asked for before and never began is over with that.
        if let Some(request) = self.request.take() {
            let response = ResponseId::from(self.id("resp"));
            let created =
                ProviderEvent::ResponseCreated { response: response.clone(), request: Some(request), detached: false };
            events.extend([created, over(response, "cancelled", Some("turn_detected"), None)]);
        }
        (self.expected, self.unanswered) = (false, false);
        let words = String::new();
        let user = User { item: item.clone(), words, began: false, stopped: false, committed: false, told: false };
        self.user = Some(user);
        item
    }

    /// All that was heard of the user's words is all there is.
    pub(super) fn tell_user(&mut self, events: &mut Vec<ProviderEvent>) {
        let Some(user) = self.user.as_mut().filter(|user| user.committed && !user.told) else { return };
        // None may still come.
        if !user.words.is_empty() {
            user.told = true;
            let (item, transcript) = (user.item.clone(), user.words.trim().to_owned());
            events.push(ProviderEvent::UserTranscriptDone { item, part: 0, transcript });
        }
    }

    pub(super) fn commit_user(&mut self, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        self.user_ends(audio_ms, events);
        let Some(user) = self.user.as_mut().filter(|user| !user.committed) else { return };
        user.committed = true;
        events.extend(spoken(user.item.clone()));
        (self.expected, self.unanswered, self.owed) = (true, true, true);
    }

    /// Words of the user.
    pub fn user_words(&mut self, words: Words, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        // They may trail the answer: as long as nobody began anew they are of the turn that is being answered.
        if self.user.is_none() {
            self.new_user(events);
        } else if let Some(user) = &self.user
            && user.told
        {
            // A service that repeats itself has nothing new to say.
            if user.words.trim() == words.text.trim() || words.text.trim().is_empty() {
                return;
            }
            if self.response.is_none() && !self.expected {
                self.new_user(events);
            }
        }
        let Some(user) = &mut self.user else { return };
        if !user.committed && !user.began {
            // Nobody said that the user began: this does.
            user.began = true;
            events.push(ProviderEvent::SpeechStarted { item: user.item.clone(), audio_ms });
        }
        if self.transcribes && (user.words.is_empty() || words.text.trim() != user.words.trim()) {
            let delta = if user.words.is_empty() { words.text.trim_start().to_owned() } else { words.text };
            user.words.push_str(&delta);
            if !delta.is_empty() {
                events.push(ProviderEvent::UserTranscriptDelta { item: user.item.clone(), part: 0, delta });
            }
        }
        if words.finished || user.told {
            if user.committed {
                user.told = false;
                self.tell_user(events);
            } else {
                self.user_ends(audio_ms, events);
            }
        }
    }
}
