//! Operations that wait for the vendor: every command ends in exactly one `completed`.

use crate::{
    event::OpId,
    message::{CallId, ItemId},
};
use std::collections::VecDeque;

/// What an event we sent was for, so that an acknowledgement or an error finds its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The configuration.
    Configure,
    /// A message of the host; the item acknowledges it.
    Item(OpId, ItemId),
    /// A tool result; the item acknowledges it. No operation: we answered by ourselves.
    ToolResult(Option<OpId>, ItemId, CallId),
    /// A request for a response with this id.
    Response(String),
    /// Truncates, deletes and cancels of an interruption: a refusal changes nothing we can mend.
    Housekeeping,
}

/// Events remembered for their errors; most are never answered.
const MAX_SENT: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub struct Ops {
    /// The connect that is under way.
    pub connect: Option<OpId>,
    /// Disconnects that wait for the end.
    pub disconnect: Vec<OpId>,
    /// Interrupts that wait for the speaker.
    pub interrupt: Vec<OpId>,
    sent: VecDeque<(String, Purpose)>,
}

impl Ops {
    /// Remembers what the event was for. Returns operations that were pushed out unanswered.
    pub fn sent(&mut self, event_id: String, purpose: Purpose) -> Option<OpId> {
        let mut dropped = None;
        if self.sent.len() >= MAX_SENT {
            dropped = self.sent.pop_front().and_then(|(_, p)| op_of(&p));
        }
        self.sent.push_back((event_id, purpose));
        dropped
    }

    /// The purpose of an event that failed.
    pub fn failed(&mut self, event_id: &str) -> Option<Purpose> {
        let at = self.sent.iter().position(|(id, _)| id == event_id)?;
        self.sent.remove(at).map(|(_, purpose)| purpose)
    }

    /// The item is in the conversation: the operation that added it.
    pub fn acknowledged(&mut self, item: &ItemId) -> Option<OpId> {
        let at = self.sent.iter().position(|(_, p)| match p {
            Purpose::Item(_, i) | Purpose::ToolResult(_, i, _) => i == item,
            _ => false,
        })?;
        self.sent.remove(at).and_then(|(_, p)| op_of(&p))
    }

    /// The run is over: all operations that still wait, but disconnects.
    pub fn reset(&mut self) -> Vec<OpId> {
        let mut ops: Vec<OpId> = self.connect.take().into_iter().collect();
        ops.append(&mut self.interrupt);
        ops.extend(self.sent.drain(..).filter_map(|(_, p)| op_of(&p)));
        ops
    }
}

fn op_of(purpose: &Purpose) -> Option<OpId> {
    match purpose {
        Purpose::Item(op, _) => Some(*op),
        Purpose::ToolResult(op, _, _) => *op,
        _ => None,
    }
}
