//! What comes of responses outside the conversation: words for the host, and sound only when it asked for
//! it. Neither history nor the vendor's conversation has them, so nothing is cut or deleted there.

use super::Session;
use crate::{
    error::ErrorClass,
    event::{EventKind, Transcript, TranscriptMode, TranscriptStage},
    message::{ResponseId, Role},
    provider::{PartRef, ProviderEvent},
};

impl Session {
    pub(super) fn is_outside(&self, response: &ResponseId) -> bool {
        self.responses.iter().rev().any(|r| r.id == *response && r.outside)
    }

    /// Takes events about responses outside the conversation; what is left goes the usual way.
    pub(super) fn outside(&mut self, event: ProviderEvent) -> Option<ProviderEvent> {
        use ProviderEvent as E;
        if !event.response().is_some_and(|id| self.is_outside(id)) {
            return Some(event);
        }
        match event {
            E::PartAdded { at, audio: true } => {
                self.media_part(&at);
                None
            }
            E::OutputItemAdded { .. } | E::OutputItemDone { .. } | E::PartAdded { .. } => None,
            E::AgentDelta { at, delta, .. } => {
                self.outside_words(&at, TranscriptMode::Delta, delta);
                None
            }
            E::AgentDone { at, text, .. } => {
                self.outside_words(&at, TranscriptMode::Final, text);
                None
            }
            // What is heard of them stands in no message.
            E::Alignment { .. } => None,
            E::Audio { .. } | E::AudioDone { .. } if !self.response_is_audible(&event) => None,
            event => Some(event),
        }
    }

    fn response_is_audible(&self, event: &ProviderEvent) -> bool {
        event.response().is_some_and(|id| self.responses.iter().rev().any(|r| r.id == *id && r.audible))
    }

    fn outside_words(&mut self, at: &PartRef, mode: TranscriptMode, text: String) {
        if mode == TranscriptMode::Delta && text.is_empty() {
            return;
        }
        if self.history.get(&at.item).is_some() {
            // A host would take them for words of that message.
            self.stats.unknown_items += 1;
            let text = format!("a response outside the conversation speaks of item {}, which is in it", at.item);
            return self.warn_rarely(ErrorClass::Protocol, "unknown_item", crate::error::redact(&text));
        }
        let (role, stage) = (Role::Assistant, TranscriptStage::Generated);
        let words = Transcript { role, part: at.part, mode, text, stage, estimated: false, error_words: None };
        self.emit_about(Some(&at.response), Some(&at.item), EventKind::Transcript(words));
    }
}
