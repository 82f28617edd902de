//! The snapshot a host can read at any time: events folded into state.

use crate::{
    event::{Agent, Event, EventKind, MessageOp, Mode, Status, TranscriptMode, TranscriptStage},
    message::{Message, Part},
};

/// Where a client is. `revision` grows with every change.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Number of changes so far.
    pub revision: u64,
    /// The connection.
    pub status: Status,
    /// One word for a user interface.
    pub mode: Mode,
    /// The person is speaking.
    pub user_speaking: bool,
    /// The agent.
    pub agent: Agent,
    /// The conversation in order, pending words included.
    pub messages: Vec<Message>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            revision: 0,
            status: Status::never_connected(),
            mode: Mode::Idle,
            user_speaking: false,
            agent: Agent::Idle,
            messages: Vec::new(),
        }
    }
}

impl State {
    /// Applies one event.
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Status(status) => self.status = status.clone(),
            EventKind::Mode(m) => (self.mode, self.user_speaking, self.agent) = (m.mode, m.user_speaking, m.agent),
            EventKind::Message(change) => {
                let message = &change.message;
                let at = self.messages.iter().rposition(|m| m.id == message.id);
                let place = |messages: &[Message]| match &change.after {
                    None => 0,
                    Some(after) => messages.iter().rposition(|m| m.id == *after).map_or(messages.len(), |i| i + 1),
                };
                match (change.op, at) {
                    (MessageOp::Removed, Some(at)) => drop(self.messages.remove(at)),
                    (MessageOp::Removed, None) => return,
                    (MessageOp::Added, Some(at)) => self.messages[at] = (**message).clone(),
                    (_, None) => self.messages.insert(place(&self.messages), (**message).clone()),
                    (MessageOp::Updated, Some(at)) => {
                        let mut whole = self.messages.remove(at);
                        let mut parts = std::mem::take(&mut whole.parts);
                        for (&i, part) in change.changed.iter().zip(&message.parts) {
                            put(&mut parts, i as usize, part.clone());
                        }
                        let to = place(&self.messages);
                        self.messages.insert(to, Message { parts, ..(**message).clone() });
                    }
                }
            }
            EventKind::Transcript(t) if t.stage != TranscriptStage::Heard && t.mode == TranscriptMode::Delta => {
                let Some(message) = self.messages.iter_mut().rev().find(|m| Some(&m.id) == event.item.as_ref()) else {
                    return;
                };
                // Deltas belong to the part that is being spoken or written: the last one.
                match message.parts.last_mut() {
                    Some(Part::Audio { transcript, .. }) => transcript.push_str(&t.text),
                    Some(Part::Text { content }) => content.push_str(&t.text),
                    _ => message.parts.push(Part::Audio {
                        transcript: t.text.clone(),
                        heard_transcript: None,
                        duration_ms: 0,
                        heard_ms: 0,
                    }),
                }
            }
            _ => return,
        }
        self.revision += 1;
    }
}

fn put(parts: &mut Vec<Part>, index: usize, part: Part) {
    while parts.len() < index {
        parts.push(Part::Text { content: String::new() });
    }
    if index < parts.len() { parts[index] = part } else { parts.push(part) }
}
