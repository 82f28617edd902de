//! Taking over a conversation from elsewhere, forgetting one, and telling when one is too long.

use super::{
    Session,
    history::{MAX_BYTES, MAX_MESSAGES, MAX_PICTURES, Trimmed},
    words::{is_open, settled},
};
use crate::{
    error::{Error, ErrorClass},
    event::{EventKind, OpId},
    message::{CallId, ItemId, Message, Part},
};
use std::collections::HashSet;

/// What services take as the name of an item or a call.
const MAX_ID: usize = 32;

impl Session {
    /// Only while nobody is connected: a vendor that knows something else would not be told.
    fn refused_while_connected(&mut self, op: OpId) -> bool {
        if self.link.is_down() {
            return false;
        }
        let error = Error::new(ErrorClass::State, "connected", "the conversation is in use");
        self.complete(op, Some(error.fix("disconnect first")));
        true
    }

    pub(super) fn clear_history(&mut self, op: OpId) {
        if self.refused_while_connected(op) {
            return;
        }
        self.history.clear(&mut self.changes);
        self.tell_changes();
        self.complete(op, None);
    }

    /// Adds the messages behind what is there: all of them or none.
    pub(super) fn import_history(&mut self, op: OpId, mut messages: Vec<Message>) {
        if self.refused_while_connected(op) {
            return;
        }
        if let Some((what, would_be, most)) = self.history.refuses(&messages) {
            let text = format!("the conversation would have {would_be} {what}, more than {most}");
            let error = Error::new(ErrorClass::Limit, "history_full", text).field("messages");
            return self.complete(op, Some(error.fix("leave the oldest messages out, or clear the history first")));
        }
        self.name_anew(&mut messages);
        for message in &mut messages {
            if is_open(message) {
                settled(message, &self.pace, &mut self.sounds);
            }
            message.revision = 1;
        }
        for message in messages {
            self.history.import(message, &mut self.changes);
        }
        self.tell_changes();
        self.complete(op, None);
    }

    /// Every message and every call gets a name that is its own; a message one that services take, and that this
    /// session will never give to something else.
    fn name_anew(&mut self, messages: &mut [Message]) {
        let mut items: HashSet<ItemId> = self.history.messages().iter().map(|m| m.id.clone()).collect();
        let calls = self.history.messages().iter().filter_map(|m| match m.parts.first() {
            Some(Part::ToolCall { id, .. }) => Some(id.clone()),
            _ => None,
        });
        let mut calls: HashSet<CallId> = calls.collect();
        for message in messages {
            if !self.is_free(message.id.as_str()) || items.contains(&message.id) {
                message.id = self.id("item").into();
            }
            items.insert(message.id.clone());
            let mut new = None;
            for part in &mut message.parts {
                match part {
                    Part::ToolCall { id, .. } => {
                        // One that is too long for a service is its codec's business.
                        if id.as_str().is_empty() || calls.contains(id) {
                            *id = self.id("call").into();
                        }
                        calls.insert(id.clone());
                        new = Some(id.clone());
                    }
                    Part::ToolResult { tool_call_id, .. } => {
                        if let Some(id) = &new {
                            tool_call_id.clone_from(id);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// A name services take and this session will not make itself.
    fn is_free(&self, id: &str) -> bool {
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if id.is_empty() || id.len() > MAX_ID || !plain {
            return false;
        }
        // A client with the same seed made it, perhaps this one: then it is in the past.
        let own = format!("_{:08x}_", self.seed);
        id.split_once(&own).is_none_or(|(_, number)| number.parse().is_ok_and(|n: u64| n <= self.next_id))
    }

    /// Before the changes that do it: the conversation is too long, and its beginning leaves.
    pub(super) fn tell_trimmed(&mut self) {
        if self.history.trimmed(false) == Trimmed::default() || !self.may_warn("history_trimmed") {
            return;
        }
        let Trimmed { messages, pictures } = self.history.trimmed(true);
        let (text, picture) = (MAX_BYTES / (1024 * 1024), MAX_PICTURES / (1024 * 1024));
        let cause = format!(
            "the conversation is too long ({MAX_MESSAGES} messages, {text} MiB of text, {picture} MiB of pictures): \
             {messages} of the oldest messages and {pictures} of the oldest pictures leave it"
        );
        let warning = Error::new(ErrorClass::Limit, "history_trimmed", cause);
        self.emit(EventKind::Warning(warning.fix("export the history now and then to keep all of it")));
    }
}
