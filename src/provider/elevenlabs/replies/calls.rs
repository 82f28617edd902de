//! The agent's calls of functions of the client.

use super::Replies;
use crate::{
    message::{CallId, ItemId},
    provider::{ProviderEvent, elevenlabs::server_message::ClientCall, wire},
};

/// Calls that are remembered.
const MOST_CALLS: usize = 256;

/// A call of the agent.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    /// It has that in common with what is said before it and with its answer.
    event: i64,
    pub(super) step: CallStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallStep {
    /// The agent waits for the result.
    Open,
    /// Nobody waits for it.
    Unasked,
    Answered,
}

impl Replies {
    /// The agent calls a function of the client. A response ends with each call.
    pub fn called(&mut self, call: ClientCall, events: &mut Vec<ProviderEvent>) {
        let given = !call.tool_call_id.is_empty();
        if given && self.calls.iter().any(|known| *known.id.0 == *call.tool_call_id) {
            return events.push(ProviderEvent::Repeated);
        }
        self.message_done("completed", events);
        let id = CallId::from(if given { call.tool_call_id } else { self.id("call") });
        let item = ItemId::from(self.id("item"));
        let response = self.begin(call.event_id, events).id.clone();
        let arguments = call.parameters.filter(|value| !value.is_null());
        let arguments = arguments.map_or_else(|| "{}".to_owned(), |value| value.to_string());
        events.extend(wire::called(response, item, id.clone(), call.tool_name, arguments));
        // Nobody waits for the result of one that expects none.
        let waits = given && call.expects_response != Some(false);
        if self.calls.len() >= MOST_CALLS {
            self.calls.pop_front();
        }
        let step = if waits { CallStep::Open } else { CallStep::Unasked };
        self.calls.push_back(Call { id, event: call.event_id, step });
        self.heard_anew(call.event_id);
        self.finish("completed", None, false, events);
        self.expected = true;
    }

    /// Of this call no result is wanted.
    pub fn expects_nothing(&mut self, id: &CallId) -> bool {
        let call = self.calls.iter_mut().find(|call| call.id == *id && call.step == CallStep::Unasked);
        call.map(|call| call.step = CallStep::Answered).is_some()
    }

    /// A call whose result may be sent; it is sent once.
    pub fn take_call(&mut self, id: &CallId) -> bool {
        let call = self.calls.iter_mut().find(|call| call.id == *id && call.step == CallStep::Open);
        let Some(call) = call else { return false };
        call.step = CallStep::Answered;
        let event = call.event;
        self.heard_anew(event);
        true
    }

    /// What the host cut off before calls has all come when nobody waits for a result any more: the answer has the same
    /// number and is another matter.
    fn heard_anew(&mut self, event: i64) {
        let open = |call: &Call| call.event == event && call.step == CallStep::Open;
        if self.cut_here == event && !self.calls.iter().any(open) {
            self.cut_here = event - 1;
        }
    }
}
