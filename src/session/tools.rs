//! Tool calls: each runs once, is answered once, and all answers of a response get one follow-up.

use super::{
    Session,
    calls::{Call, MAX_CALLS, State},
    ops::Purpose,
    schemas::cap,
};
use crate::{
    config::{Scheduling, UndeclaredTools},
    error::{Error, ErrorClass},
    event::{EventKind, InterruptSource, OpId, ToolCall, ToolEnd},
    message::{CallId, CallRef, ItemId, Part, ResponseId, ToolCallState},
    provider::{Item, ItemKind, ProviderCommand},
};
use serde_json::json;

/// Calls the host has at a time; more wait.
const MAX_PARALLEL: usize = 16;
/// Calls that wait; more are refused.
const MAX_WAITING: usize = 128;
/// Arguments of all calls that wait.
const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// Arguments of one call.
const MAX_ARGUMENTS: usize = 1024 * 1024;
/// Result of one call; what is shorter and too long for the model is cut.
const MAX_RESULT: usize = 256 * 1024;

impl Session {
    pub(super) fn arguments_delta(&mut self, item: &ItemId, delta: &str) {
        self.history.edit(item, |m| {
            // What comes behind the end is not told, and no part of them.
            if let Some(Part::ToolCall { arguments, state: ToolCallState::Pending, .. }) = m.parts.first_mut()
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
        if self.tools.calls.iter().any(|c| c.call == reference) || self.is_over(&item.id, call) {
            return;
        }
        // The oldest that is over: those that are open are fewer.
        if self.tools.calls.len() >= MAX_CALLS
            && let Some(at) = self.tools.calls.iter().position(|c| !c.is_open())
        {
            self.tools.calls.remove(at);
        }
        self.tools.announced(response, &item.id);
        let state = State::Waiting { arguments: arguments.clone() };
        let (response_id, item_id, name_) = (response.clone(), item.id.clone(), name.clone());
        let entry = Call { call: reference.clone(), name: name_, response: response_id, item: item_id, state };
        self.tools.calls.push_back(entry);
        self.history.update(&item.id, &mut self.changes, |m| match m.parts.first_mut() {
            Some(Part::ToolCall { id, name: n, arguments: a, input, state, .. }) if id == call => {
                n.clone_from(name);
                a.clone_from(arguments);
                *input = serde_json::from_str(arguments).ok();
                *state = ToolCallState::Running;
                Some(vec![0])
            }
            // The name is that of another message, which stays as it is.
            _ => None,
        });
        self.tell_changes();
        if let Some((code, problem)) = self.unfit_call(response, name, arguments) {
            // The model is always answered, or the conversation stands still.
            let output = json!({ "error": problem }).to_string();
            let warning = Error::new(ErrorClass::Tool, code, problem).fix("the model was told; look at the tools");
            self.emit_about(Some(response), Some(&item.id), EventKind::Warning(warning));
            return self.answer(None, &reference, output, true);
        }
        self.start_calls();
    }

    /// The call was answered over a connection before, and this one was told so.
    fn is_over(&self, item: &ItemId, call: &CallId) -> bool {
        let part = self.history.get(item).and_then(|m| m.parts.first());
        matches!(part, Some(Part::ToolCall { id, state, .. }) if id == call && !state.is_open())
    }

    /// Why a call does not reach the host.
    fn unfit_call(&self, response: &ResponseId, name: &str, arguments: &str) -> Option<(&'static str, String)> {
        if arguments.len() > MAX_ARGUMENTS {
            return Some(("tool_refused", format!("the arguments are longer than {MAX_ARGUMENTS} bytes")));
        }
        let waiting = self.tools.calls.iter().filter_map(|c| match &c.state {
            State::Waiting { arguments } => Some(arguments.len()),
            _ => None,
        });
        let (calls, bytes) = waiting.fold((0, 0), |(calls, bytes), n| (calls + 1, bytes + n));
        if calls > MAX_WAITING || bytes > MAX_WAITING_BYTES {
            return Some(("tool_refused", "too many calls are waiting; wait for their results".to_owned()));
        }
        let schemas = self.tools.schemas_of(response);
        if schemas.knows(name) {
            return schemas.wrong_arguments(name, arguments).map(|text| ("tool_arguments", text));
        }
        let refused = self.config.tool_handling.undeclared == UndeclaredTools::Refuse;
        refused.then(|| ("tool_refused", format!("there is no tool called {name:?}")))
    }

    /// Hands calls to the host, as many as it may have at a time.
    fn start_calls(&mut self) {
        loop {
            let running = self.tools.calls.iter().filter(|c| matches!(c.state, State::Running { .. })).count();
            if running >= MAX_PARALLEL {
                return;
            }
            let waiting = self.tools.calls.iter().position(|c| matches!(c.state, State::Waiting { .. }));
            let Some(at) = waiting else { return };
            let ms = self.tools.limit_of(&self.tools.calls[at], &self.config);
            let call = &mut self.tools.calls[at];
            let until = self.now.after_ms(ms.unwrap_or(self.config.tool_handling.timeout_ms).into());
            let State::Waiting { arguments } = std::mem::replace(&mut call.state, State::Running { until }) else {
                return;
            };
            let (response, item) = (call.response.clone(), call.item.clone());
            let event = ToolCall { call: call.call.clone(), name: call.name.clone(), arguments };
            self.emit_about(Some(&response), Some(&item), EventKind::ToolCall(event));
        }
    }

    /// Calls that have taken too long are answered for the host.
    pub(super) fn give_up_calls(&mut self) {
        let now = self.now;
        let late = |c: &Call| matches!(c.state, State::Running { until } if now >= until);
        while let Some(entry) = self.tools.calls.iter_mut().find(|c| late(c)) {
            entry.state = State::TimedOut;
            let (call, name) = (entry.call.clone(), entry.name.clone());
            let (response, item) = (entry.response.clone(), entry.item.clone());
            let end = ToolEnd { call: call.clone(), name };
            self.emit_about(Some(&response), Some(&item), EventKind::ToolTimeout(end));
            let output = json!({ "error": "the tool did not answer in time" }).to_string();
            self.answer(None, &call, output, true);
        }
    }

    /// The vendor that asked is gone: what the host still works on is in vain.
    pub(super) fn cancel_calls(&mut self) {
        self.tools.rounds.clear();
        while let Some(entry) = self.tools.calls.iter_mut().find(|c| c.is_open()) {
            let told = matches!(entry.state, State::Running { .. });
            entry.state = State::Cancelled;
            let (response, item) = (entry.response.clone(), entry.item.clone());
            let end = ToolEnd { call: entry.call.clone(), name: entry.name.clone() };
            if told {
                self.emit_about(Some(&response), Some(&item), EventKind::ToolCancelled(end));
            }
        }
    }

    /// The vendor takes a call back: the host is told, and what it still says of it is in vain.
    pub(super) fn call_taken_back(&mut self, id: &CallId) {
        let epoch = self.link.epoch;
        let of = |c: &&mut Call| c.is_open() && c.call.id == *id && c.call.epoch == epoch;
        let Some(entry) = self.tools.calls.iter_mut().find(of) else { return };
        let told = matches!(entry.state, State::Running { .. });
        entry.state = State::Cancelled;
        let (response, item) = (entry.response.clone(), entry.item.clone());
        let end = ToolEnd { call: entry.call.clone(), name: entry.name.clone() };
        self.history.update(&item, &mut self.changes, |m| match m.parts.first_mut() {
            Some(Part::ToolCall { state, .. }) => {
                *state = ToolCallState::Cancelled;
                Some(vec![0])
            }
            _ => None,
        });
        self.tell_changes();
        if told {
            self.emit_about(Some(&response), Some(&item), EventKind::ToolCancelled(end));
        }
        self.start_calls();
        self.follow_up();
        // It was cut off, and answers none of the others either.
        self.tools.awaits = false;
    }

    pub(super) fn submit_tool_result(&mut self, op: OpId, call: &CallRef, output: String, is_error: bool) {
        let entry = self.tools.calls.iter().find(|c| c.call == *call);
        let refusal = match entry.map(|c| &c.state) {
            // Also of an earlier connection of this run: the next one is told of both.
            Some(State::Running { .. }) => None,
            Some(State::Cancelled) => {
                let error = Error::new(ErrorClass::State, "stale_call", "the call belongs to an earlier connection");
                Some(error.fix("drop the result"))
            }
            Some(State::TimedOut) => {
                let text = "the call took too long and the model was told so";
                let fix = "raise timeout_ms of the tool, or answer sooner";
                Some(Error::new(ErrorClass::State, "call_over", text).fix(fix))
            }
            Some(State::Answered) => Some(not_waiting("the call was already answered")),
            Some(State::Waiting { .. }) | None => Some(not_waiting("no such call is waiting for a result")),
        };
        if let Some(error) = refusal {
            return self.complete(op, Some(error.field("call")));
        }
        let Some(entry) = entry else { return };
        let (name, response) = (entry.name.clone(), entry.response.clone());
        let scheduling = self.tools.scheduling_of(entry, &self.config);
        // Whatever is wrong with a result, the model gets an answer, and the host is told.
        let wrong = if output.len() > MAX_RESULT {
            let text = format!("the result has {} bytes, more than {MAX_RESULT}", output.len());
            Some(Error::new(ErrorClass::Limit, "too_long", text).field("output").fix("return less"))
        } else if let Some(text) = self.tools.schemas_of(&response).wrong_result(&name, &output).filter(|_| !is_error) {
            let fix = "return what output_schema says, or change it";
            Some(Error::new(ErrorClass::Tool, "invalid_result", text).field("output").fix(fix))
        } else {
            None
        };
        if let Some(error) = wrong {
            let output = json!({ "error": error.message }).to_string();
            self.answer(None, call, output, true);
            return self.complete(op, Some(error));
        }
        let most = self.config.tool_handling.result_max_length;
        let (length, (output, was_cut)) = (output.len(), cap(output, most as usize));
        if was_cut {
            let text = format!("the result of {name} has {length} bytes; the model gets the first {most} characters");
            let warning = Error::new(ErrorClass::Tool, "tool_output_too_large", text);
            self.emit(EventKind::Warning(warning.fix("return less, or raise tool_handling.result_max_length")));
        }
        let (item, id) = (ItemId::from(self.id("item")), call.id.clone());
        let command = ProviderCommand::ToolOutput {
            item,
            call: id,
            output: output.clone(),
            is_error,
            scheduling,
            previous: None,
        };
        if let Some(error) = self.too_big(&[command]) {
            let text = json!({ "error": error.message }).to_string();
            self.answer(None, call, text, true);
            return self.complete(op, Some(error.field("output")));
        }
        self.answer(Some(op), call, output, is_error);
    }

    fn answer(&mut self, op: Option<OpId>, call: &CallRef, output: String, is_error: bool) {
        let Some(entry) = self.tools.calls.iter_mut().find(|c| c.call == *call) else { return };
        if entry.state != State::TimedOut {
            entry.state = State::Answered;
        }
        let item = entry.item.clone();
        let Some(entry) = self.tools.calls.iter().find(|c| c.call == *call) else { return };
        let scheduling = self.tools.scheduling_of(entry, &self.config);
        let result = ItemId::from(self.id("item"));
        let shown = self.history.has_call(&item, &call.id);
        self.history.update(&item, &mut self.changes, |m| match m.parts.first_mut() {
            Some(Part::ToolCall { output: slot, state, .. }) if shown => {
                *slot = Some(output.clone());
                *state = if is_error { ToolCallState::Failed } else { ToolCallState::Completed };
                let part = Part::ToolResult { tool_call_id: call.id.clone(), content: output.clone(), is_error };
                m.parts.truncate(1);
                m.parts.push(part);
                Some(vec![0, 1])
            }
            _ => None,
        });
        self.tell_changes();
        self.tools.is_result(result.clone());
        let told = self.link.is_told();
        if !told && shown {
            // The next connection gets both, the call and its result.
            self.recovery.unconfirmed.extend(op.map(|op| (op, item)));
        } else if !shown && (!told || call.epoch != self.link.epoch) {
            // The call left the conversation before this connection: a result without it is refused.
            if let Some(op) = op {
                let error = Error::new(ErrorClass::State, "stale_call", "the call left the conversation");
                self.complete(op, Some(error.fix("drop the result")));
            }
        } else {
            // One that was made on an earlier connection is not known to this one.
            let unknown = call.epoch != self.link.epoch;
            let sent = if unknown { self.send_call(&item) } else { Ok(None) }.and_then(|previous| {
                let (item, call) = (result.clone(), call.id.clone());
                self.send(&ProviderCommand::ToolOutput { item, call, output, is_error, scheduling, previous })
            });
            let says_so = self.codec.quirks().answers_results && self.sequencer.active().is_some();
            if sent.is_ok() && scheduling == Scheduling::Interrupt && !says_so {
                // Who has no word for it is cut off as for a typed question. Who has one says what it cut off, unless it
                // has said all and only the speaker is not done yet.
                self.interrupt(InterruptSource::Server);
            }
            match sent {
                Ok(event_id) => self.remember(event_id, Purpose::ToolResult(op, result, call.id.clone())),
                Err(error) => self.failed_for(op, error),
            }
        }
        self.start_calls();
        self.follow_up();
    }

    /// The vendor refused a result: the host may answer the call once more. An answer of our own is no better
    /// the second time.
    pub(super) fn result_refused(&mut self, call: &CallId, of_host: bool) {
        if of_host {
            let until = self.now.after_ms(self.config.tool_handling.timeout_ms.into());
            self.tools.result_refused(call, until);
        }
        self.follow_up();
    }

    /// One request for a response when all calls of a response are answered and it is over.
    pub(super) fn follow_up(&mut self) {
        while let Some((spoken, epoch)) = self.tools.take_answered(&self.config) {
            if !spoken {
                continue;
            }
            // What was told of an earlier connection is answered when it is asked about.
            if !self.codec.quirks().answers_results || epoch != self.link.epoch || !self.link.is_up() {
                self.want_answer();
            } else {
                self.tools.awaits = true;
            }
        }
    }
}

fn not_waiting(text: &str) -> Error {
    Error::new(ErrorClass::Argument, "not_found", text).fix("answer each tool_call event once, with its call")
}
