//! Tool calls: each runs once, is answered once, and all answers of a response get one follow-up.

use super::{Session, commands::too_long, ops::Purpose, sequencer::Request};
use crate::{
    error::{Error, ErrorClass},
    event::{EventKind, OpId, ToolCall},
    message::{CallId, CallRef, ItemId, Part, ResponseId, ToolCallState},
    provider::{Item, ItemKind, ProviderCommand},
};
use std::collections::VecDeque;

/// Calls remembered, so that a repeated one does not run twice.
const MAX_CALLS: usize = 1024;
/// Responses whose answers may wait to be followed up; beyond it the oldest is not.
const MAX_ROUNDS: usize = 64;
/// Arguments of one call.
const MAX_ARGUMENTS: usize = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The host has it.
    Running,
    /// Its result is sent.
    Answered,
}

#[derive(Debug)]
struct Call {
    call: CallRef,
    response: ResponseId,
    item: ItemId,
    state: State,
}

/// A response that called tools.
#[derive(Debug)]
struct Round {
    response: ResponseId,
    /// Generation is over.
    done: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tools {
    calls: VecDeque<Call>,
    /// Responses whose answers still have to be followed up.
    rounds: Vec<Round>,
    results: VecDeque<ItemId>,
}

impl Tools {
    /// A response has begun to write a call.
    pub fn announced(&mut self, response: &ResponseId, _item: &ItemId) {
        if !self.rounds.iter().any(|r| r.response == *response) && !self.calls.iter().any(|c| c.response == *response) {
            if self.rounds.len() >= MAX_ROUNDS {
                self.rounds.remove(0);
            }
            self.rounds.push(Round { response: response.clone(), done: false });
        }
    }

    /// Generation of a response is over. A cancelled one gets no follow-up: the user took the turn.
    pub fn response_done(&mut self, response: &ResponseId, cancelled: bool) {
        if cancelled {
            self.rounds.retain(|r| r.response != *response);
        } else if let Some(round) = self.rounds.iter_mut().find(|r| r.response == *response) {
            round.done = true;
        }
    }

    /// Nobody waits for the answers of a connection that is gone.
    pub fn connection_lost(&mut self) {
        self.rounds.clear();
    }

    /// The vendor refused a result: the call may be answered again.
    pub fn result_refused(&mut self, epoch: u32, call: &CallId) {
        if let Some(call) = self.calls.iter_mut().find(|c| c.call.epoch == epoch && c.call.id == *call) {
            call.state = State::Running;
        }
    }

    /// The item is a result of ours; it has no message of its own.
    pub fn is_result_item(&self, item: &ItemId) -> bool {
        self.results.contains(item)
    }

    /// Takes a response out whose calls are all answered, if it made any.
    fn take_answered(&mut self) -> Option<bool> {
        let calls = &self.calls;
        let open = |r: &ResponseId| calls.iter().any(|c| c.response == *r && c.state == State::Running);
        let at = self.rounds.iter().position(|r| r.done && !open(&r.response))?;
        let round = self.rounds.swap_remove(at);
        Some(self.calls.iter().any(|c| c.response == round.response))
    }
}

impl Session {
    pub(super) fn arguments_delta(&mut self, item: &ItemId, delta: &str) {
        self.history.edit(item, |m| {
            if let Some(Part::ToolCall { arguments, .. }) = m.parts.first_mut()
                && arguments.len() + delta.len() <= MAX_ARGUMENTS
            {
                arguments.push_str(delta);
            }
        });
    }

    /// An item of a response is complete; when it is a call it is run, once.
    pub(super) fn call_done(&mut self, response: &ResponseId, item: &Item) {
        let ItemKind::FunctionCall { call, name, arguments } = &item.kind else { return };
        // A call of a cut response may be half a sentence of JSON.
        if item.status != "completed" {
            return;
        }
        let reference = CallRef { epoch: self.link.epoch, id: call.clone() };
        if self.tools.calls.iter().any(|c| c.call == reference) {
            return;
        }
        if self.tools.calls.len() >= MAX_CALLS {
            self.tools.calls.pop_front();
        }
        self.tools.announced(response, &item.id);
        let (item_id, state) = (item.id.clone(), State::Running);
        self.tools.calls.push_back(Call { call: reference.clone(), response: response.clone(), item: item_id, state });
        self.history.update(&item.id, &mut self.changes, |m| {
            let Some(Part::ToolCall { name: n, arguments: a, input, state, .. }) = m.parts.first_mut() else {
                return None;
            };
            n.clone_from(name);
            a.clone_from(arguments);
            *input = serde_json::from_str(arguments).ok();
            *state = ToolCallState::Running;
            Some(vec![0])
        });
        self.tell_changes();
        let problem = if arguments.len() > MAX_ARGUMENTS {
            Some("the arguments are too long".to_owned())
        } else if !self.config.tools.iter().any(|t| t.name == *name) {
            Some(format!("there is no tool called {name:?}"))
        } else {
            None
        };
        if let Some(problem) = problem {
            // The model is always answered, or the conversation stands still.
            let output = serde_json::json!({ "error": problem }).to_string();
            let warning = Error::new(ErrorClass::Tool, "tool_refused", problem).fix("declare the tool in tools");
            self.emit_about(Some(response), Some(&item.id), EventKind::Warning(warning));
            return self.answer(None, &reference, output, true);
        }
        let event = ToolCall { call: reference, name: name.clone(), arguments: arguments.clone() };
        self.emit_about(Some(response), Some(&item.id), EventKind::ToolCall(event));
    }

    pub(super) fn submit_tool_result(&mut self, op: OpId, call: &CallRef, output: String, is_error: bool) {
        let known = self.tools.calls.iter().find(|c| c.call == *call).map(|c| c.state);
        if known != Some(State::Running) {
            let text = match known {
                Some(_) => "the call was already answered",
                None => "no such call is waiting for a result",
            };
            let error = Error::new(ErrorClass::Argument, "not_found", text).field("call");
            return self.complete(op, Some(error.fix("answer each tool_call event once, with its call")));
        }
        if call.epoch != self.link.epoch {
            let error = Error::new(ErrorClass::State, "stale_call", "the call belongs to an earlier connection");
            return self.complete(op, Some(error.field("call").fix("drop the result")));
        }
        if let Some(error) = too_long("output", &output) {
            return self.complete(op, Some(error));
        }
        self.answer(Some(op), call, output, is_error);
    }

    fn answer(&mut self, op: Option<OpId>, call: &CallRef, output: String, is_error: bool) {
        let Some(entry) = self.tools.calls.iter_mut().find(|c| c.call == *call) else { return };
        entry.state = State::Answered;
        let item = entry.item.clone();
        let result = ItemId::from(self.id("item"));
        self.history.update(&item, &mut self.changes, |m| {
            if let Some(Part::ToolCall { output: slot, state, .. }) = m.parts.first_mut() {
                *slot = Some(output.clone());
                *state = if is_error { ToolCallState::Failed } else { ToolCallState::Completed };
            }
            let part = Part::ToolResult { tool_call_id: call.id.clone(), content: output.clone(), is_error };
            m.parts.truncate(1);
            m.parts.push(part);
            Some(vec![0, 1])
        });
        self.tell_changes();
        self.tools.results.push_back(result.clone());
        if self.tools.results.len() > MAX_CALLS {
            self.tools.results.pop_front();
        }
        let command = ProviderCommand::ToolOutput { item: result.clone(), call: call.id.clone(), output };
        match self.send(&command) {
            Ok(event_id) => self.remember(event_id, Purpose::ToolResult(op, result, call.id.clone())),
            Err(error) => match op {
                Some(op) => self.complete(op, Some(error)),
                None => self.emit(EventKind::Error(error)),
            },
        }
        self.follow_up();
    }

    /// One request for a response when all calls of a response are answered and it is over.
    pub(super) fn follow_up(&mut self) {
        while let Some(called) = self.tools.take_answered() {
            if called {
                let id = self.id("req");
                self.want_response(Request { id, op: None, instructions: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_that_never_end_do_not_pile_up() {
        let mut tools = Tools::default();
        for i in 0..1000 {
            tools.announced(&format!("R{i}").as_str().into(), &"F".into());
        }
        assert_eq!(tools.rounds.len(), MAX_ROUNDS);
        assert_eq!(tools.rounds[MAX_ROUNDS - 1].response, "R999".into());
    }
}
