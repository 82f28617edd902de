//! The user interrupts. Nobody tells the service what was heard: it reckons with real time and the way to the client.

use super::{
    events,
    peer::{Peer, Timer},
    turn::{Reply, Turn},
};
use crate::simulator::scenario::TranscriptTime;

impl Peer {
    /// Ends what the agent says. Nothing happens while it is silent, or where it cannot be interrupted.
    pub(super) fn interrupt(&mut self) {
        match std::mem::replace(&mut self.turn, Turn::Idle) {
            Turn::Idle => {}
            // Nothing was said, so there is nothing to tell; the user is answered when there is time.
            Turn::Awaited => {
                self.never(&Timer::Begin);
                self.owed = true;
            }
            Turn::Speaking(reply) if self.stands(&reply) => self.turn = Turn::Speaking(reply),
            Turn::Calling(reply) if self.stands(&reply) => self.turn = Turn::Calling(reply),
            Turn::Playing(reply) if self.stands(&reply) => self.turn = Turn::Playing(reply),
            Turn::Speaking(reply) | Turn::Calling(reply) | Turn::Playing(reply) => self.cut(&reply),
        }
    }

    /// Inferred: who hangs up is not interrupted.
    fn stands(&self, reply: &Reply) -> bool {
        reply.last || self.calls.iter().any(|call| call.tool.disable_interruptions)
    }

    /// Of a message that was still being written only what was heard is told; one that was told already is corrected.
    /// Inferred: nothing is told of one that was not heard at all.
    fn cut(&mut self, reply: &Reply) {
        self.calls.clear();
        self.forget_tools();
        self.tell(events::interruption(reply.id));
        let at = self.now.checked_sub(self.watch.way()).unwrap_or(self.now);
        for message in &reply.messages {
            let heard = message.heard(at);
            if !message.told && self.text_only() {
                self.tell(events::chat_part(reply.id, "stop", ""));
            }
            if !message.told && !heard.is_empty() {
                self.tell(events::agent_response(reply.id, &message.response, heard, &reply.answers));
            }
            if message.told && heard.len() < message.text.len() {
                // What was cut off ends in dots; what was not heard at all is empty.
                let left = if heard.is_empty() { String::new() } else { format!("{heard}...") };
                self.tell(events::correction(reply.id, &message.response, &message.text, &left));
            }
        }
        self.release(TranscriptTime::ReplyBegun);
        self.release(TranscriptTime::ReplyDone);
    }
}
