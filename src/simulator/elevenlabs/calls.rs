//! Tools that the agent calls: the client's, those behind a webhook or an MCP server, and hanging up.

use super::{
    peer::{Peer, Timer},
    turn::{Reply, Turn},
};
use crate::simulator::{
    events::tokens,
    plan::OutKind,
    scenario::{AgentTool, ToolKind},
    session_state::unix_now,
};
use serde_json::{Value, json};
use std::time::Duration;

/// The agent hangs up by this.
const END_CALL: &str = "end_call";
/// What a tool of a server takes.
const RUNS: Duration = Duration::from_millis(50);

/// A call without a result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) parameters: Value,
    pub(super) tool: AgentTool,
    /// Waits for the client's approval.
    pub(super) asking: bool,
}

impl OpenCall {
    /// What its kind is called on the wire.
    pub(super) fn kind(&self) -> &'static str {
        match self.tool.kind {
            _ if self.name == END_CALL => "system",
            ToolKind::Client => "client",
            ToolKind::Webhook => "webhook",
            ToolKind::Mcp => "mcp",
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) result: String,
    pub(super) error: bool,
    pub(super) called: bool,
}

impl Outcome {
    pub(super) fn good(result: impl Into<String>) -> Self {
        Self { result: result.into(), error: false, called: true }
    }

    pub(super) fn bad(result: impl Into<String>) -> Self {
        Self { result: result.into(), error: true, called: true }
    }
}

impl Peer {
    /// Makes the calls that have gathered. The reply is given back if it does not have to wait for anything.
    pub(super) fn call(&mut self, mut reply: Reply) -> Option<Reply> {
        let mut calls = Vec::new();
        for index in std::mem::take(&mut reply.gathered) {
            let item = &reply.items[index];
            let OutKind::Call { call_id, name } = &item.kind else { continue };
            // Inferred: arguments that are no object never leave the service; the model is told of its mistake.
            let parameters = serde_json::from_str(&item.text).ok().filter(Value::is_object);
            let call = OpenCall {
                id: call_id.clone(),
                name: name.clone(),
                number: reply.id,
                parameters: parameters.clone().unwrap_or_default(),
                tool: self.agent().tool(name),
                asking: false,
            };
            calls.push((call, parameters.is_some()));
        }
        for (call, _) in &calls {
            self.tell(request(call));
        }
        for (call, good) in calls {
            if !good {
                let outcome = Outcome { called: false, ..Outcome::bad("The arguments are not a JSON object.") };
                self.acknowledge(&call, &outcome);
                self.script.tool_output();
                reply.owes = true;
            } else if call.name == END_CALL {
                self.acknowledge(&call, &Outcome::good("Call ended."));
                reply.last = true;
                // Nothing is said any more; what was said is played.
                let end = reply.steps.pop_back();
                reply.steps = end.map(|(_, step)| (Duration::ZERO, step)).into_iter().collect();
            } else {
                self.start(call);
            }
        }
        if reply.last {
            reply.owes = false;
            self.calls.clear();
        }
        if self.calls.is_empty() {
            return Some(reply);
        }
        self.turn = Turn::Calling(reply);
        None
    }

    fn start(&mut self, mut call: OpenCall) {
        let id = call.id.clone();
        let seconds = |s: u32| Duration::from_secs(s.into());
        match call.tool.kind {
            ToolKind::Client => {
                self.tell(client_call(&call));
                if !call.tool.expects_response {
                    return self.acknowledge(&call, &Outcome::good(""));
                }
                self.later(seconds(call.tool.response_timeout_s), Timer::TooLate(id));
            }
            ToolKind::Mcp if call.tool.approval => {
                call.asking = true;
                let timeout = call.tool.approval_timeout_s;
                self.tell(mcp(&call, "awaiting_approval", json!({"approval_timeout_secs": timeout})));
                self.later(seconds(timeout), Timer::TooLate(id));
            }
            ToolKind::Mcp => {
                self.tell(mcp(&call, "loading", json!({})));
                self.later(RUNS, Timer::Ran(id));
            }
            ToolKind::Webhook => self.later(RUNS, Timer::Ran(id)),
        }
        self.calls.push(call);
    }

    /// The client has approved a call.
    pub(super) fn approved(&mut self, id: &str) {
        self.never(&Timer::TooLate(id.to_owned()));
        let Some(call) = self.calls.iter_mut().find(|call| call.id == id) else { return };
        call.asking = false;
        let loading = mcp(call, "loading", json!({}));
        self.tell(loading);
        self.later(RUNS, Timer::Ran(id.to_owned()));
    }

    /// A tool of a server has run.
    pub(super) fn ran(&mut self, id: &str) {
        let Some(call) = self.calls.iter().find(|call| call.id == id) else { return };
        let result = call.tool.result.clone();
        let outcome = if call.tool.fails { Outcome::bad(result) } else { Outcome::good(result) };
        self.resolve(id, &outcome);
    }

    /// Nobody has answered in time. Who does not approve refuses.
    pub(super) fn too_late(&mut self, id: &str) {
        let Some(call) = self.calls.iter().find(|call| call.id == id) else { return };
        let outcome = match call.asking {
            true => Outcome { called: false, ..Outcome::bad("The approval timed out.") },
            false => Outcome::bad("The tool did not respond in time."),
        };
        self.resolve(id, &outcome);
    }

    /// A call has come to its end. When it was the last one the agent goes on.
    pub(super) fn resolve(&mut self, id: &str, outcome: &Outcome) {
        let Some(at) = self.calls.iter().position(|call| call.id == id) else { return };
        let call = self.calls.remove(at);
        self.never(&Timer::TooLate(call.id.clone()));
        if call.tool.kind == ToolKind::Mcp {
            let (state, more) = match outcome.error {
                false => ("success", json!({"result": [{"type": "text", "text": outcome.result}]})),
                true => ("failure", json!({"error_message": outcome.result})),
            };
            self.tell(mcp(&call, state, more));
        }
        self.acknowledge(&call, outcome);
        self.script.tool_output();
        self.context += tokens(&outcome.result);
        if !self.calls.is_empty() {
            return;
        }
        match std::mem::replace(&mut self.turn, Turn::Idle) {
            Turn::Calling(mut reply) => {
                reply.owes = true;
                // What is left of it goes on from here.
                let next = reply.steps.front().map_or(Duration::ZERO, |(after, _)| *after);
                reply.began = self.now.checked_sub(next).unwrap_or(self.now);
                self.turn = Turn::Speaking(reply);
            }
            other => self.turn = other,
        }
    }

    /// Tells what became of a call. Inferred: who asks for whole results gets these, and not the short form beside.
    fn acknowledge(&mut self, call: &OpenCall, outcome: &Outcome) {
        let mut body = json!({
            "tool_name": call.name,
            "tool_call_id": call.id,
            "tool_type": call.kind(),
            "is_error": outcome.error,
            "is_called": outcome.called,
            "event_id": call.number,
        });
        let kind = match self.wants("agent_tool_response_full_payload") {
            true => {
                body["full_tool_result"] = json!(outcome.result);
                body["truncated"] = json!(false);
                "agent_tool_response_full_payload"
            }
            false => "agent_tool_response",
        };
        self.tell(json!({"type": kind, kind: body}));
    }

    /// Nobody waits for tools any more.
    pub(super) fn forget_tools(&mut self) {
        self.retain_timers(|timer| !matches!(timer, Timer::Ran(_) | Timer::TooLate(_)));
    }
}

fn request(call: &OpenCall) -> Value {
    let client = call.tool.kind == ToolKind::Client;
    json!({
        "type": "agent_tool_request",
        "agent_tool_request": {
            "tool_name": call.name,
            "tool_call_id": call.id,
            "tool_type": call.kind(),
            "event_id": call.number,
            "expects_response": !client || call.tool.expects_response,
            "disable_interruptions": call.tool.disable_interruptions,
            "response_timeout_secs": call.tool.response_timeout_s,
            // Inferred: the only mode there is here.
            "execution_mode": "immediate",
        },
    })
}

fn client_call(call: &OpenCall) -> Value {
    json!({
        "type": "client_tool_call",
        "client_tool_call": {
            "tool_name": call.name,
            "tool_call_id": call.id,
            "parameters": call.parameters,
            "event_id": call.number,
            "expects_response": call.tool.expects_response,
        },
    })
}

/// `mcp_tool_call` in one of its states. Inferred: the service's id, and that a call that waits is loading afterwards.
fn mcp(call: &OpenCall, state: &str, more: Value) -> Value {
    let mut body = json!({
        "service_id": "mcp_simulated",
        "tool_call_id": call.id,
        "tool_name": call.name,
        "parameters": call.parameters,
        "timestamp": date(unix_now()),
        "state": state,
    });
    for (name, value) in more.as_object().cloned().unwrap_or_default() {
        body[name] = value;
    }
    json!({"type": "mcp_tool_call", "mcp_tool_call": body})
}

/// A time as RFC 3339 writes it.
fn date(seconds: u64) -> String {
    let (days, second) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Days to a date, by the well-known reckoning that lets years begin in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
        ] {
            assert_eq!(super::date(seconds), date);
        }
    }
}
