//! Messages and transcripts: from items and deltas to what a host can show.

use super::{
    Session,
    heard_text::{Pace, Sounds, Span},
    history,
    incoming::{is_message, vendor_text},
    recovery::OWED_TEXT,
};
use crate::{
    error::{Error, ErrorClass},
    event::{EventKind, Transcript, TranscriptMode, TranscriptStage},
    message::{ItemId, Message, MessageState, Part, PartIndex, ResponseId, Role, ToolCallState},
    provider::{Item, ItemKind, PartRef, ProviderError},
};

/// Words of one message; what streams beyond it is dropped.
const MAX_WORDS: usize = 1024 * 1024;

/// Parts whose whole text was told, remembered to know a correction.
const MAX_FINALS: usize = 64;

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(MAX_WORDS));
}

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
        if !is_message(item)
            || self.tools.is_result_item(&item.id)
            || self.silent.has(&item.id)
            || self.is_hidden(&item.id)
        {
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
        // What a new session was told has its place; that session does not know everything before it.
        if let Some(previous) = previous.filter(|_| !self.was_told(&item.id)) {
            self.place(&item.id, previous);
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
        // What a new session was told comes back complete: it is so to that session only.
        if self.was_told(&item.id) {
            return;
        }
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
        if self.history.get(item).is_none() && !self.history.is_gone(item) && !self.silent.has(item) {
            return self.unknown_item(item);
        }
        if self.is_told_otherwise(item) {
            return;
        }
        self.history.remove(item, &mut self.changes);
        self.tell_changes();
    }

    /// The user began an utterance: its message stands before the answer, however late its words come.
    pub(super) fn user_placeholder(&mut self, item: &ItemId) {
        if self.history.get(item).is_none() && !self.history.is_gone(item) && !self.silent.has(item) {
            let parts = vec![history::audio_part()];
            let state = MessageState::InProgress;
            self.history.add(item.clone(), Role::User, parts, state, self.now.as_ms(), &mut self.changes);
            self.tell_changes();
        }
    }

    pub(super) fn user_committed(&mut self, item: ItemId, previous: Option<&ItemId>) {
        self.user_placeholder(&item);
        self.pre_roll.committed(&item, self.speaking.turn);
        if let Some(previous) = previous {
            self.place(&item, previous);
        }
    }

    pub(super) fn user_spoke_for(&mut self, item: &ItemId, ms: u64) {
        // Of an answer that is called so too, what came is known better.
        let of_user = self.history.get(item).is_some_and(|m| m.role == Role::User);
        self.history.update(item, &mut self.changes, |m| match m.parts.first_mut() {
            Some(Part::Audio { duration_ms, .. }) if of_user => {
                *duration_ms = ms;
                Some(vec![0])
            }
            _ => None,
        });
        self.tell_changes();
    }

    /// The user's message words are for, made when nobody announced it; false: it was removed, or there are
    /// no words in the vendor's own silence.
    pub(super) fn user_item(&mut self, item: &ItemId, words: &str) -> bool {
        if self.history.is_gone(item) {
            return false;
        }
        if self.silent.has(item) {
            if words.trim().is_empty() {
                return false;
            }
            self.silent.forget(item);
            self.user_placeholder(item);
        }
        if self.history.get(item).is_none() {
            self.unknown_item(item);
            self.user_placeholder(item);
        }
        true
    }

    pub(super) fn user_delta(&mut self, item: &ItemId, part: PartIndex, delta: &str) {
        if delta.is_empty() || !self.user_item(item, delta) {
            return;
        }
        self.ensure_part(item, part, PartKind::Audio);
        if self.append(item, part, delta) {
            self.transcript(None, item, part, Role::User, TranscriptMode::Delta, delta.to_owned());
        }
    }

    pub(super) fn user_transcript(&mut self, item: &ItemId, part: PartIndex, mut text: String) {
        cut(&mut text);
        if !self.user_item(item, &text) {
            return;
        }
        let Some(mode) = self.final_mode(item, part, &text) else { return };
        self.history.update(item, &mut self.changes, |m| {
            let slot = history::part_mut(m, part, history::audio_part).and_then(history::text_mut)?;
            slot.clone_from(&text);
            m.state = MessageState::Completed;
            Some(vec![part])
        });
        self.transcript(None, item, part, Role::User, mode, text);
        self.tell_changes();
        self.pre_roll.known(item);
    }

    /// The whole text of a part was told.
    pub(super) fn is_final(&self, item: &ItemId, part: PartIndex) -> bool {
        self.finals.iter().any(|(i, p)| i == item && *p == part)
    }

    /// How a whole text is told: the second time it corrects the first, unless it says the same.
    fn final_mode(&mut self, item: &ItemId, part: PartIndex, text: &str) -> Option<TranscriptMode> {
        if !self.is_final(item, part) {
            if self.finals.len() >= MAX_FINALS {
                self.finals.pop_front();
            }
            self.finals.push_back((item.clone(), part));
            return Some(TranscriptMode::Final);
        }
        let message = self.history.get(item)?;
        let there = match message.parts.get(part as usize) {
            Some(Part::Text { content }) => content,
            Some(Part::Audio { transcript, .. }) => transcript,
            _ => return None,
        };
        if there == text {
            self.stats.duplicates += 1;
            return None;
        }
        // What was heard of a cut answer stays as it is.
        (!message.interrupted).then_some(TranscriptMode::Correction)
    }

    pub(super) fn user_transcript_failed(&mut self, item: &ItemId, error: &ProviderError) {
        if self.silent.has(item) {
            return;
        }
        self.pre_roll.known(item);
        let why = vendor_text(&error.message);
        let warning = Error::new(ErrorClass::Provider, "transcription_failed", format!("no transcript: {why}"))
            .provider_code(vendor_text(&error.code));
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
            self.media_part(at);
        }
        self.agent_message(at);
        self.ensure_part(&at.item, at.part, kind);
    }

    /// The part is there, and whoever follows the events knows what it is before its words come.
    pub(super) fn ensure_part(&mut self, item: &ItemId, index: PartIndex, kind: PartKind) {
        self.history.update(item, &mut self.changes, |m| {
            let before = m.parts.len();
            let part = history::part_mut(m, index, || kind.empty())?;
            // A gap that was filled in before anyone knew what stands there.
            let gap = kind == PartKind::Audio && matches!(part, Part::Text { content } if content.is_empty());
            if gap {
                *part = kind.empty();
            }
            (gap || m.parts.len() > before).then(|| vec![index])
        });
        self.tell_changes();
    }

    /// Puts words in place of those of a part; false: there is no such part, they are too many, or it says so already.
    pub(super) fn set_words(&mut self, item: &ItemId, part: PartIndex, text: &str) -> bool {
        let mut taken = false;
        self.history.update(item, &mut self.changes, |m| {
            let slot = m.parts.get_mut(part as usize).and_then(history::text_mut);
            let slot = slot.filter(|slot| text.len() <= MAX_WORDS && *slot != text)?;
            text.clone_into(slot);
            taken = true;
            Some(vec![part])
        });
        self.tell_changes();
        taken
    }

    /// Adds words to a part; false: there is no such part, or the message is full.
    fn append(&mut self, item: &ItemId, part: PartIndex, delta: &str) -> bool {
        let mut added = false;
        self.history.edit(item, |m| {
            let length: usize = m.parts.iter_mut().filter_map(history::text_mut).map(|t| t.len()).sum();
            let slot = m.parts.get_mut(part as usize).and_then(history::text_mut);
            if let Some(text) = slot.filter(|_| length + delta.len() <= MAX_WORDS) {
                text.push_str(delta);
                added = true;
            }
        });
        added
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
        self.ensure_part(&at.item, at.part, kind);
        let added = self.append(&at.item, at.part, delta);
        if kind == PartKind::Text {
            self.speaking.first_output(self.now);
            let record = self.response(&at.response);
            record.wrote += delta.len();
            if record.wrote >= OWED_TEXT {
                let turn = record.turn;
                self.turn_answered(turn);
            }
        }
        if added {
            let (role, mode) = (Role::Assistant, TranscriptMode::Delta);
            self.transcript(Some(&at.response), &at.item, at.part, role, mode, delta.to_owned());
        }
    }

    pub(super) fn agent_text_done(&mut self, at: &PartRef, kind: PartKind, mut text: String) {
        cut(&mut text);
        if self.history.is_gone(&at.item) {
            return;
        }
        self.agent_message(at);
        let Some(mode) = self.final_mode(&at.item, at.part, &text) else { return };
        self.history.update(&at.item, &mut self.changes, |m| {
            // An interrupted item's closing text may be shorter than what was streamed and heard.
            if m.interrupted {
                return None;
            }
            let slot = history::part_mut(m, at.part, || kind.empty()).and_then(history::text_mut)?;
            slot.clone_from(&text);
            Some(vec![at.part])
        });
        self.transcript(Some(&at.response), &at.item, at.part, Role::Assistant, mode, text);
        self.tell_changes();
    }

    /// The connection is gone: nothing more will come of what is open, but tools go on.
    pub(super) fn settle_lost(&mut self) {
        let running =
            |m: &&Message| matches!(m.parts.first(), Some(Part::ToolCall { state: ToolCallState::Running, .. }));
        let open: Vec<&Message> = self.history.messages().iter().filter(|m| is_open(m) && !running(m)).collect();
        let silent = |p: &Part| matches!(p, Part::Audio { transcript, .. } if transcript.is_empty());
        let unknown = open.iter().filter(|m| m.role == Role::User && m.parts.iter().any(silent));
        let unknown = unknown.map(|m| m.id.clone()).filter(|_| self.config.transcription.is_some());
        let (unknown, open) = (unknown.collect::<Vec<_>>(), open.iter().map(|m| m.id.clone()).collect());
        self.settle(open);
        for item in unknown {
            let text = "the connection was lost before the words of this turn came";
            let warning = Error::new(ErrorClass::Network, "transcription_failed", text);
            self.emit_about(None, Some(&item), EventKind::Warning(warning));
        }
    }

    /// The run is over: nothing more will come of what is open. What the speaker still has is
    /// settled when it reports what it played.
    pub(super) fn settle_history(&mut self) {
        self.words_are_final();
        self.settle(self.history.messages().iter().filter(|m| is_open(m)).map(|m| m.id.clone()).collect());
    }

    fn settle(&mut self, ids: Vec<ItemId>) {
        let (later, now): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|id| self.ledger.open().any(|h| h.key.item == *id));
        self.speaking.unsettled.extend(later);
        now.iter().for_each(|id| self.settle_message(id));
        self.tell_changes();
    }

    /// The speaker has reported: what waited for it is settled.
    pub(super) fn settle_played(&mut self) {
        let ids = std::mem::take(&mut self.speaking.unsettled);
        let (later, now): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|id| self.ledger.open().any(|h| h.key.item == *id));
        self.speaking.unsettled = later;
        now.iter().for_each(|id| self.settle_message(id));
        self.tell_changes();
    }

    fn settle_message(&mut self, id: &ItemId) {
        let Some(message) = self.history.get(id).filter(|m| is_open(m)) else { return };
        let worth = |p: &Part| match p {
            Part::Text { content } => !content.is_empty(),
            Part::Audio { heard_ms, .. } => *heard_ms > 0,
            _ => true,
        };
        // A person's speech was said, though its words stay unknown, and an answer to it may stand
        // behind it: it stays. What the assistant did not get to say was never said: it goes.
        if message.role == Role::Assistant && !message.parts.iter().any(worth) {
            return self.history.remove(id, &mut self.changes);
        }
        let broken_off =
            (0..).zip(&message.parts).filter(|(part, _)| message.role == Role::Assistant && !self.is_final(id, *part));
        let broken_off = broken_off.filter_map(|(part, p)| match p {
            Part::Text { content } if !content.is_empty() => Some((part, content.clone())),
            _ => None,
        });
        for (part, text) in broken_off.collect::<Vec<_>>() {
            if let Some(mode) = self.final_mode(id, part, &text) {
                self.transcript(None, id, part, Role::Assistant, mode, text);
            }
        }
        let (pace, sounds) = (&self.pace, &mut self.sounds);
        self.history.update(id, &mut self.changes, |m| Some(settled(m, pace, sounds)));
    }

    pub(super) fn transcript(
        &mut self,
        response: Option<&ResponseId>,
        item: &ItemId,
        part: PartIndex,
        role: Role,
        mode: TranscriptMode,
        text: String,
    ) {
        let stage = if role == Role::User { TranscriptStage::Recognized } else { TranscriptStage::Generated };
        let transcript = Transcript { role, part, mode, text, stage, estimated: false, error_words: None };
        self.emit_about(response, Some(item), EventKind::Transcript(transcript));
    }
}

/// Nothing more will come of it. Returns the parts that changed.
pub(super) fn settled(m: &mut Message, pace: &Pace, sounds: &mut Sounds) -> Vec<PartIndex> {
    let open = m.state == MessageState::InProgress;
    let mut changed = Vec::new();
    for (i, part) in (0..).zip(&mut m.parts) {
        match part {
            Part::ToolCall { state, .. } if state.is_open() => {
                *state = ToolCallState::Cancelled;
                changed.push(i);
            }
            Part::Audio { transcript, heard_transcript, duration_ms, heard_ms }
                if m.role == Role::Assistant && heard_transcript.is_none() =>
            {
                let span = Span { heard_ms: *heard_ms, received_ms: *duration_ms, complete: false };
                let words = pace.heard(transcript, span, sounds.take(&m.id, i).as_ref());
                *heard_transcript = Some(words.text);
                changed.push(i);
            }
            _ => {}
        }
    }
    if open && m.role == Role::User {
        let unknown = m.parts.iter().all(|p| matches!(p, Part::Audio { transcript, .. } if transcript.is_empty()));
        m.state = if unknown { MessageState::Completed } else { MessageState::Incomplete };
    } else if open {
        m.state = MessageState::Incomplete;
        m.interrupted = m.role == Role::Assistant;
    }
    changed
}

/// Something of the message was still to come.
pub(super) fn is_open(message: &Message) -> bool {
    let call = |p: &Part| matches!(p, Part::ToolCall { state, .. } if state.is_open());
    message.state == MessageState::InProgress || message.parts.iter().any(call)
}
