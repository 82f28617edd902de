//! Operations that wait for the vendor: every command ends in exactly one `completed`.

use crate::{
    event::OpId,
    message::{CallId, ItemId, ResponseId},
    time::Time,
};
use std::collections::VecDeque;

/// What an event we sent was for, so that an acknowledgement or an error finds its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The configuration.
    Configure,
    /// A message of the host; the item acknowledges it.
    Item(Option<OpId>, ItemId),
    /// A tool result; the item acknowledges it. No operation: we answered by ourselves.
    ToolResult(Option<OpId>, ItemId, CallId),
    /// An item that was in the conversation before this connection; the item acknowledges it. With the
    /// operation that added it, if that was not confirmed before, and the message it belongs to.
    Replayed(Option<OpId>, ItemId, ItemId),
    /// The end of the user's turn; the item it made acknowledges it. With it went this request for an answer.
    Commit(Option<OpId>, Option<String>),
    /// A change of the session; `true`: its operation has ended without the vendor's word.
    Update(OpId, bool),
    /// A request for a response with this id.
    Response(String),
    /// The cancel of this response.
    Cancel(ResponseId),
    /// Truncates and deletes of an interruption: a refusal changes nothing we can mend.
    Housekeeping,
}

/// Events remembered for their errors; most are never answered.
const MAX_SENT: usize = 256;
/// How long the vendor may take to acknowledge an item.
const ACKNOWLEDGE_MS: u64 = 15_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Ops {
    /// The connect that is under way.
    pub connect: Option<OpId>,
    /// A connect that waits until the run before it is closed.
    pub again: Option<OpId>,
    /// Disconnects that wait for the end.
    pub disconnect: Vec<OpId>,
    /// Interrupts that wait for the speaker.
    pub interrupt: Vec<OpId>,
    sent: VecDeque<(String, Purpose)>,
    /// When operations in `sent` are given up, in the order they were sent.
    due: VecDeque<(Time, OpId)>,
}

impl Ops {
    /// Remembers what the event was for. Returns operations that were pushed out unanswered.
    pub fn sent(&mut self, event_id: String, purpose: Purpose, now: Time) -> Option<OpId> {
        let mut dropped = None;
        if self.sent.len() >= MAX_SENT {
            dropped = self.sent.pop_front().and_then(|(_, p)| op_of(&p));
            self.settled(dropped);
        }
        if let Some(op) = op_of(&purpose) {
            self.due.push_back((now.after_ms(ACKNOWLEDGE_MS), op));
        }
        self.sent.push_back((event_id, purpose));
        dropped
    }

    /// The purpose of an event that failed.
    pub fn failed(&mut self, event_id: &str) -> Option<Purpose> {
        let at = self.sent.iter().position(|(id, _)| id == event_id)?;
        let purpose = self.sent.remove(at).map(|(_, purpose)| purpose);
        self.settled(purpose.as_ref().and_then(op_of));
        purpose
    }

    fn settled(&mut self, op: Option<OpId>) {
        self.due.retain(|(_, o)| Some(*o) != op);
    }

    /// An operation nobody acknowledged in time. A late refusal of its event still finds its item.
    pub fn unacknowledged(&mut self, now: Time) -> Option<OpId> {
        let &(_, op) = self.due.front().filter(|(by, _)| now >= *by)?;
        self.due.pop_front();
        for (_, purpose) in &mut self.sent {
            match purpose {
                Purpose::Item(slot, _)
                | Purpose::ToolResult(slot, ..)
                | Purpose::Replayed(slot, ..)
                | Purpose::Commit(slot, _)
                    if *slot == Some(op) =>
                {
                    *slot = None;
                }
                Purpose::Update(of, told) if *of == op => *told = true,
                _ => {}
            }
        }
        Some(op)
    }

    /// When [`Self::unacknowledged`] may have something.
    pub fn timeout(&self) -> Option<Time> {
        self.due.front().map(|(by, _)| *by)
    }

    /// The item is in the conversation: the operation that added it.
    pub fn acknowledged(&mut self, item: &ItemId) -> Option<OpId> {
        let at = self.sent.iter().position(|(_, p)| match p {
            Purpose::Item(_, i) | Purpose::ToolResult(_, i, _) | Purpose::Replayed(_, i, _) => i == item,
            _ => false,
        })?;
        let op = self.sent.remove(at).and_then(|(_, p)| op_of(&p));
        self.settled(op);
        op
    }

    /// The user's turn is in the conversation: the operation that ended it, if one did.
    pub fn committed(&mut self) -> Option<OpId> {
        let at = self.sent.iter().position(|(_, p)| matches!(p, Purpose::Commit(..)))?;
        let op = self.sent.remove(at).and_then(|(_, p)| op_of(&p));
        self.settled(op);
        op
    }

    /// The request is sent once more: what comes about an earlier sending is not about this one.
    pub fn sent_again(&mut self, request: &str) {
        for (_, purpose) in &mut self.sent {
            if matches!(purpose, Purpose::Response(r) if r == request) {
                *purpose = Purpose::Housekeeping;
            }
        }
    }

    /// The change this operation asked for is in force.
    pub fn updated(&mut self, op: OpId) {
        self.sent.retain(|(_, p)| !matches!(p, Purpose::Update(of, _) if *of == op));
        self.settled(Some(op));
    }

    /// Some item of a replay is not acknowledged.
    pub fn is_replaying(&self) -> bool {
        self.sent.iter().any(|(_, p)| matches!(p, Purpose::Replayed(..)))
    }

    /// Nobody acknowledges what is left of a replay.
    pub fn replay_over(&mut self) -> Vec<(Option<OpId>, ItemId)> {
        let replayed =
            |p: &Purpose| if let Purpose::Replayed(op, item, _) = p { Some((*op, item.clone())) } else { None };
        let left: Vec<_> = self.sent.iter().filter_map(|(_, p)| replayed(p)).collect();
        self.sent.retain(|(_, p)| !matches!(p, Purpose::Replayed(..)));
        // They end here, and not once more when their own time is over.
        self.due.retain(|(_, op)| !left.iter().any(|(of, _)| *of == Some(*op)));
        left
    }

    /// Something was sent that an operation waits for.
    pub fn any_waits(&self) -> bool {
        !self.due.is_empty()
    }

    /// The connection is gone: what was sent on it and waits for its word.
    pub fn connection_lost(&mut self) -> Vec<Purpose> {
        self.due.clear();
        self.sent.drain(..).map(|(_, p)| p).collect()
    }

    /// The run is over: all operations that still wait, but disconnects.
    pub fn reset(&mut self) -> Vec<OpId> {
        let mut ops: Vec<OpId> = self.connect.take().into_iter().collect();
        ops.append(&mut self.interrupt);
        self.due.clear();
        ops.extend(self.sent.drain(..).filter_map(|(_, p)| op_of(&p)));
        ops
    }
}

fn op_of(purpose: &Purpose) -> Option<OpId> {
    match purpose {
        Purpose::Item(op, _) | Purpose::ToolResult(op, _, _) | Purpose::Replayed(op, ..) | Purpose::Commit(op, _) => {
            *op
        }
        Purpose::Update(op, false) => Some(*op),
        _ => None,
    }
}
