//! The conversation in order. Order comes from the protocol's links, not from arrival.

use crate::{
    event::{MessageChange, MessageOp},
    message::{CallId, ItemId, Message, MessageState, Part, PartIndex, Role},
};
use std::{collections::VecDeque, sync::Arc};

/// Messages kept; beyond it the oldest leave.
pub const MAX_MESSAGES: usize = 2000;
/// Text of all messages together.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Pictures of all messages together; beyond it the oldest lose theirs.
pub const MAX_PICTURES: usize = 8 * 1024 * 1024;
/// Removed messages remembered.
const MAX_GONE: usize = 64;

/// See the module. Every change returns the event that tells it.
#[derive(Debug, Default)]
pub struct History {
    messages: Vec<Message>,
    /// Text of all messages.
    bytes: usize,
    /// Pictures of all messages.
    picture_bytes: usize,
    /// Recently removed: late events about them must not bring them back.
    gone: VecDeque<ItemId>,
    /// What left to keep the bounds, since it was told.
    trimmed: Trimmed,
}

/// What left the conversation because it is too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Messages.
    pub messages: u64,
    /// Messages that lost their picture.
    pub pictures: u64,
}

impl History {
    fn position(&self, id: &ItemId) -> Option<usize> {
        // What changes is nearly always near the end.
        self.messages.iter().rposition(|m| m.id == *id)
    }

    /// The message with this id.
    pub fn get(&self, id: &ItemId) -> Option<&Message> {
        self.position(id).map(|i| &self.messages[i])
    }

    /// The message is the one of this call: a vendor may use a name for both words and a call.
    pub fn has_call(&self, id: &ItemId, call: &CallId) -> bool {
        self.get(id).is_some_and(|m| matches!(m.parts.first(), Some(Part::ToolCall { id, .. }) if id == call))
    }

    /// All messages in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Adds a message at the end. The change is followed by removals when the bound was reached.
    pub fn add(
        &mut self,
        id: ItemId,
        role: Role,
        parts: Vec<Part>,
        state: MessageState,
        now_ms: u64,
        changes: &mut Vec<MessageChange>,
    ) {
        if self.messages.len() >= MAX_MESSAGES {
            self.drop_oldest(changes);
        }
        let after = self.messages.last().map(|m| m.id.clone());
        let message = Message { id, role, parts, state, interrupted: false, revision: 1, created_ms: now_ms };
        let event = Arc::new(message.clone());
        self.bytes += bytes(&message);
        self.picture_bytes += pictures(&message);
        self.messages.push(message);
        changes.push(MessageChange { op: MessageOp::Added, after, message: event, changed: vec![] });
        self.keep_bound(changes);
    }

    /// Why these messages do not fit beside what is there: which bound, how much it would be.
    pub fn refuses(&self, messages: &[Message]) -> Option<(&'static str, usize, usize)> {
        let sum = |of: fn(&Message) -> usize| messages.iter().map(of).sum::<usize>();
        let bounds = [
            ("messages", self.messages.len() + messages.len(), MAX_MESSAGES),
            ("bytes of text", self.bytes + sum(bytes), MAX_BYTES),
            ("bytes of pictures", self.picture_bytes + sum(pictures), MAX_PICTURES),
        ];
        bounds.into_iter().find(|(_, would_be, most)| would_be > most)
    }

    /// Takes over a message as it is; it fits.
    pub fn import(&mut self, message: Message, changes: &mut Vec<MessageChange>) {
        // It is said again on purpose.
        self.gone.retain(|id| *id != message.id);
        let after = self.messages.last().map(|m| m.id.clone());
        let event = Arc::new(message.clone());
        self.bytes += bytes(&message);
        self.picture_bytes += pictures(&message);
        self.messages.push(message);
        changes.push(MessageChange { op: MessageOp::Added, after, message: event, changed: vec![] });
    }

    /// What left to keep the bounds; `told`: it counts from nothing again.
    pub fn trimmed(&mut self, told: bool) -> Trimmed {
        if told { std::mem::take(&mut self.trimmed) } else { self.trimmed }
    }

    /// Forgets all, from the newest.
    pub fn clear(&mut self, changes: &mut Vec<MessageChange>) {
        while let Some(id) = self.messages.last().map(|m| m.id.clone()) {
            self.remove(&id, changes);
        }
        self.gone.clear();
    }

    fn drop_oldest(&mut self, changes: &mut Vec<MessageChange>) {
        let message = self.messages.remove(0);
        self.bytes -= bytes(&message);
        self.picture_bytes -= pictures(&message);
        self.trimmed.messages += 1;
        self.is_removed(&message.id);
        let message = Arc::new(message);
        changes.push(MessageChange { op: MessageOp::Removed, after: None, message, changed: vec![] });
    }

    fn is_removed(&mut self, id: &ItemId) {
        if self.gone.len() >= MAX_GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(id.clone());
    }

    /// The oldest messages leave when all together are too long; the newest stays.
    fn keep_bound(&mut self, changes: &mut Vec<MessageChange>) {
        while self.bytes > MAX_BYTES && self.messages.len() > 1 {
            self.drop_oldest(changes);
        }
        while self.picture_bytes > MAX_PICTURES {
            let Some(at) = self.messages.iter().position(|m| pictures(m) > 0) else { return };
            let id = self.messages[at].id.clone();
            self.trimmed.pictures += 1;
            self.update(&id, changes, |m| {
                let mut changed = Vec::new();
                for (i, part) in (0..).zip(&mut m.parts) {
                    if let Part::Image { data, .. } = part {
                        *data = None;
                        changed.push(i);
                    }
                }
                Some(changed)
            });
        }
    }

    /// Puts a message behind `previous`, when the protocol says it belongs there and it is not.
    /// An unknown predecessor changes nothing.
    pub fn place(&mut self, id: &ItemId, previous: &ItemId, changes: &mut Vec<MessageChange>) {
        let (Some(at), Some(before)) = (self.position(id), self.position(previous)) else { return };
        if at == before + 1 || at == before {
            return;
        }
        let mut message = self.messages.remove(at);
        message.revision += 1;
        let to = self.messages.iter().rposition(|m| m.id == *previous).map_or(0, |i| i + 1);
        let event = Arc::new(Message { parts: vec![], ..message.clone() });
        self.messages.insert(to, message);
        let after = Some(previous.clone());
        changes.push(MessageChange { op: MessageOp::Updated, after, message: event, changed: vec![] });
    }

    /// Changes a message without telling: for text that streams and is told as a transcript.
    pub fn edit(&mut self, id: &ItemId, edit: impl FnOnce(&mut Message)) {
        if let Some(i) = self.position(id) {
            let message = &mut self.messages[i];
            self.bytes -= bytes(message);
            edit(message);
            self.bytes += bytes(message);
        }
    }

    /// Changes a message; `edit` returns the parts it touched, or `None` when it changed nothing.
    pub fn update(
        &mut self,
        id: &ItemId,
        changes: &mut Vec<MessageChange>,
        edit: impl FnOnce(&mut Message) -> Option<Vec<PartIndex>>,
    ) {
        let Some(i) = self.position(id) else { return };
        let message = &mut self.messages[i];
        self.bytes -= bytes(message);
        self.picture_bytes -= pictures(message);
        let changed = edit(message);
        self.bytes += bytes(message);
        self.picture_bytes += pictures(message);
        let Some(changed) = changed else { return };
        message.revision += 1;
        let parts = changed.iter().filter_map(|&p| message.parts.get(p as usize).cloned()).collect();
        let event = Arc::new(Message { parts, ..message.clone() });
        let after = i.checked_sub(1).map(|p| self.messages[p].id.clone());
        changes.push(MessageChange { op: MessageOp::Updated, after, message: event, changed });
        self.keep_bound(changes);
    }

    /// It was here and was removed.
    pub fn is_gone(&self, id: &ItemId) -> bool {
        self.gone.contains(id)
    }

    /// Takes a message out.
    pub fn remove(&mut self, id: &ItemId, changes: &mut Vec<MessageChange>) {
        if let Some(i) = self.position(id) {
            let message = Arc::new(self.messages.remove(i));
            self.bytes -= bytes(&message);
            self.picture_bytes -= pictures(&message);
            self.is_removed(id);
            changes.push(MessageChange { op: MessageOp::Removed, after: None, message, changed: vec![] });
        }
    }
}

/// Bytes of text in a message.
fn bytes(message: &Message) -> usize {
    let of = |p: &Part| match p {
        Part::Text { content } | Part::ToolResult { content, .. } => content.len(),
        Part::Audio { transcript, heard_transcript, .. } => {
            transcript.len() + heard_transcript.as_ref().map_or(0, String::len)
        }
        // The parsed arguments are as long again.
        Part::ToolCall { arguments, output, .. } => 2 * arguments.len() + output.as_ref().map_or(0, String::len),
        // Pictures have a bound of their own.
        Part::Image { .. } => 0,
    };
    message.parts.iter().map(of).sum()
}

/// Bytes of pictures in a message.
fn pictures(message: &Message) -> usize {
    let of = |p: &Part| if let Part::Image { data: Some(data), .. } = p { data.len() } else { 0 };
    message.parts.iter().map(of).sum()
}

/// The part at `index`, with parts before it filled in as empty text; what is there already stays. The message of a
/// call has no words beside it.
pub fn part_mut(message: &mut Message, index: PartIndex, make: impl FnOnce() -> Part) -> Option<&mut Part> {
    // A vendor that counts to a million would have us allocate a million parts.
    const MAX_PARTS: usize = 256;
    let index = index as usize;
    if index >= MAX_PARTS || matches!(message.parts.first(), Some(Part::ToolCall { .. })) {
        return None;
    }
    while message.parts.len() < index {
        message.parts.push(Part::Text { content: String::new() });
    }
    if message.parts.len() == index {
        message.parts.push(make());
    }
    message.parts.get_mut(index)
}

/// An empty part of speech.
pub fn audio_part() -> Part {
    Part::Audio { transcript: String::new(), heard_transcript: None, duration_ms: 0, heard_ms: 0 }
}

/// The text or transcript of a part.
pub fn text_mut(part: &mut Part) -> Option<&mut String> {
    match part {
        Part::Text { content } => Some(content),
        Part::Audio { transcript, .. } => Some(transcript),
        _ => None,
    }
}
