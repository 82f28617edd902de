//! Taking over a conversation from elsewhere, and forgetting one.

use super::Session;
use crate::{
    error::{Error, ErrorClass},
    event::OpId,
    message::Message,
};

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

    pub(super) fn import_history(&mut self, op: OpId, messages: Vec<Message>) {
        if self.refused_while_connected(op) {
            return;
        }
        for message in messages {
            self.history.import(message, &mut self.changes);
        }
        self.tell_changes();
        self.complete(op, None);
    }
}
