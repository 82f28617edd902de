//! Messages and transcripts: from items and deltas to what a host can show.

use super::{Session, history, incoming::is_message};
use crate::{
    error::{Error, ErrorClass},
    event::{EventKind, Transcript, TranscriptMode, TranscriptStage},
    message::{ItemId, MessageState, Part, PartIndex, ResponseId, Role, ToolCallState},
    provider::{Item, ItemKind, PartRef, ProviderError},
};

/// Speech or writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    Audio,
    Text,
}

impl PartKind {
    fn empty(self) -> Part {
        match self {
            Self::Audio => history::audio_part(),
            Self::Text => Part::Text { content: String::new() },
        }
    }
}

impl Session {
    /// An item was mentioned: it gets a message on first sight and its place when the place is known.
    pub(super) fn item_seen(&mut self, item: &Item, response: Option<&ResponseId>, previous: Option<&ItemId>) {
        if !is_message(item) || self.tools.is_result_item(&item.id) {
            return;
        }
        if self.history.get(&item.id).is_none() {
            if self.history.is_gone(&item.id) {
                return;
            }
            let (role, parts) = match &item.kind {
                ItemKind::FunctionCall { call, name, arguments } => {
                    let state = ToolCallState::Pending;
                    let (id, name, arguments) = (call.clone(), name.clone(), arguments.clone());
                    (Role::Assistant, vec![Part::ToolCall { id, name, arguments, input: None, output: None, state }])
                }
                ItemKind::Message { role, parts } => {
                    let parts = parts.iter().map(|p| {
                        let mut part = if p.audio { PartKind::Audio } else { PartKind::Text }.empty();
                        if let Some(text) = history::text_mut(&mut part) {
                            text.clone_from(&p.text);
                        }
                        part
                    });
                    (*role, parts.collect())
                }
                _ => return,
            };
            let state = MessageState::InProgress;
            self.history.add(item.id.clone(), role, parts, state, self.now.as_ms(), &mut self.changes);
        }
        if let Some(previous) = previous {
            self.history.place(&item.id, previous, &mut self.changes);
        }
        if let (Some(response), ItemKind::FunctionCall { .. }) = (response, &item.kind) {
            self.tools.announced(response, &item.id);
        }
        self.tell_changes();
    }

    pub(super) fn item_added(&mut self, item: &Item, previous: Option<&ItemId>) {
        self.acknowledge(&item.id);
        self.item_seen(item, None, previous);
    }

    /// The vendor declared an item complete.
    pub(super) fn item_done(&mut self, item: &Item) {
        let transcribed = self.config.transcription.is_some();
        let spoken_user = transcribed && matches!(item.kind, ItemKind::Message { role: Role::User, .. });
        let state = match item.status.as_str() {
            "incomplete" => MessageState::Incomplete,
            "in_progress" => return,
            _ => MessageState::Completed,
        };
        self.history.update(&item.id, &mut self.changes, |m| {
            // A message that was cut stays cut; a user's speech is complete with its transcript.
            let waits = spoken_user
                && m.parts.iter().any(|p| matches!(p, Part::Audio { transcript, .. } if transcript.is_empty()));
            if m.state != MessageState::InProgress || waits {
                return None;
            }
            m.state = state;
            Some(vec![])
        });
        self.tell_changes();
    }

    pub(super) fn item_deleted(&mut self, item: &ItemId) {
        if self.history.get(item).is_none() && !self.history.is_gone(item) {
            return self.unknown_item(item);
        }
        self.history.remove(item, &mut self.changes);
        self.tell_changes();
    }

    /// The user began an utterance: its message stands before the answer, however late its words come.
    pub(super) fn user_placeholder(&mut self, item: &ItemId) {
        if self.history.get(item).is_none() && !self.history.is_gone(item) {
            let parts = vec![history::audio_part()];
            let state = MessageState::InProgress;
            self.history.add(item.clone(), Role::User, parts, state, self.now.as_ms(), &mut self.changes);
            self.tell_changes();
        }
    }

    pub(super) fn user_committed(&mut self, item: ItemId, previous: Option<&ItemId>) {
        self.user_placeholder(&item);
        if let Some(previous) = previous {
            self.history.place(&item, previous, &mut self.changes);
            self.tell_changes();
        }
    }

    pub(super) fn user_spoke_for(&mut self, item: &ItemId, ms: u64) {
        self.history.update(item, &mut self.changes, |m| match m.parts.first_mut() {
            Some(Part::Audio { duration_ms, .. }) => {
                *duration_ms = ms;
                Some(vec![0])
            }
            _ => None,
        });
        self.tell_changes();
    }

    /// The user's message words are for, made when nobody announced it; false: it was removed.
    fn user_item(&mut self, item: &ItemId) -> bool {
        if self.history.is_gone(item) {
            return false;
        }
        if self.history.get(item).is_none() {
            self.unknown_item(item);
            self.user_placeholder(item);
        }
        true
    }

    pub(super) fn user_delta(&mut self, item: &ItemId, part: PartIndex, delta: &str) {
        if delta.is_empty() || !self.user_item(item) {
            return;
        }
        self.history.edit(item, |m| {
            if let Some(text) = history::part_mut(m, part, history::audio_part).and_then(history::text_mut) {
                text.push_str(delta);
            }
        });
        self.transcript(None, item, Role::User, TranscriptMode::Delta, delta.to_owned());
    }

    pub(super) fn user_transcript(&mut self, item: &ItemId, part: PartIndex, text: String) {
        if !self.user_item(item) {
            return;
        }
        self.history.update(item, &mut self.changes, |m| {
            let slot = history::part_mut(m, part, history::audio_part).and_then(history::text_mut)?;
            slot.clone_from(&text);
            m.state = MessageState::Completed;
            Some(vec![part])
        });
        self.transcript(None, item, Role::User, TranscriptMode::Final, text);
        self.tell_changes();
    }

    pub(super) fn user_transcript_failed(&mut self, item: &ItemId, error: &ProviderError) {
        let why = crate::error::redact(&error.message);
        let warning = Error::new(ErrorClass::Provider, "transcription_failed", format!("no transcript: {why}"))
            .provider_code(error.code.as_str());
        self.emit_about(None, Some(item), EventKind::Warning(warning));
        if self.history.get(item).is_none() && !self.history.is_gone(item) {
            self.unknown_item(item);
        }
        self.history.update(item, &mut self.changes, |m| {
            m.state = MessageState::Completed;
            Some(vec![])
        });
        self.tell_changes();
    }

    pub(super) fn part_added(&mut self, at: &PartRef, kind: PartKind) {
        if kind == PartKind::Audio {
            let record = self.response(&at.response);
            if !record.spoken_items.contains(&at.item) {
                record.spoken_items.push(at.item.clone());
            }
        }
        self.agent_message(at);
        self.history.edit(&at.item, |m| {
            let Some(part) = history::part_mut(m, at.part, || kind.empty()) else { return };
            // A gap that was filled in before anyone knew what stands there.
            if matches!(part, Part::Text { content } if content.is_empty()) {
                *part = kind.empty();
            }
        });
    }

    /// The message of an assistant's item, made when nobody announced it.
    fn agent_message(&mut self, at: &PartRef) {
        if self.history.get(&at.item).is_none() && !self.history.is_gone(&at.item) {
            self.unknown_item(&at.item);
            let state = MessageState::InProgress;
            self.history.add(at.item.clone(), Role::Assistant, vec![], state, self.now.as_ms(), &mut self.changes);
            self.tell_changes();
        }
    }

    pub(super) fn agent_delta(&mut self, at: &PartRef, kind: PartKind, delta: &str) {
        if delta.is_empty() || self.history.is_gone(&at.item) {
            return;
        }
        self.agent_message(at);
        self.history.edit(&at.item, |m| {
            if let Some(text) = history::part_mut(m, at.part, || kind.empty()).and_then(history::text_mut) {
                text.push_str(delta);
            }
        });
        if kind == PartKind::Text {
            self.speaking.first_output(self.now);
        }
        self.transcript(Some(&at.response), &at.item, Role::Assistant, TranscriptMode::Delta, delta.to_owned());
    }

    pub(super) fn agent_text_done(&mut self, at: &PartRef, kind: PartKind, text: String) {
        if self.history.is_gone(&at.item) {
            return;
        }
        self.agent_message(at);
        self.history.update(&at.item, &mut self.changes, |m| {
            // An interrupted item's closing text may be shorter than what was streamed and heard.
            if m.interrupted {
                return None;
            }
            let slot = history::part_mut(m, at.part, || kind.empty()).and_then(history::text_mut)?;
            slot.clone_from(&text);
            Some(vec![at.part])
        });
        self.transcript(Some(&at.response), &at.item, Role::Assistant, TranscriptMode::Final, text);
        self.tell_changes();
    }

    fn transcript(
        &mut self,
        response: Option<&ResponseId>,
        item: &ItemId,
        role: Role,
        mode: TranscriptMode,
        text: String,
    ) {
        let stage = if role == Role::User { TranscriptStage::Recognized } else { TranscriptStage::Generated };
        let transcript = Transcript { role, mode, text, stage, estimated: false };
        self.emit_about(response, Some(item), EventKind::Transcript(transcript));
    }
}
