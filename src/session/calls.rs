//! The calls there are, and what becomes of each.

use super::schemas::Schemas;
use crate::{
    config::{Config, Scheduling, Tool},
    message::{CallId, CallRef, ItemId, ResponseId},
    time::Time,
};
use std::collections::VecDeque;

/// Calls remembered, so that a repeated one does not run twice.
pub(super) const MAX_CALLS: usize = 1024;
/// Responses whose answers may wait to be followed up; beyond it the oldest is not.
const MAX_ROUNDS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Waits until the host has fewer.
    Waiting { arguments: String },
    /// The host has it, until then.
    Running { until: Time },
    /// Its result is sent.
    Answered,
    /// It took too long and was answered without the host.
    TimedOut,
    /// The connection ended first.
    Cancelled,
}

#[derive(Debug)]
pub(super) struct Call {
    pub call: CallRef,
    pub name: String,
    pub response: ResponseId,
    pub item: ItemId,
    pub state: State,
}

impl Call {
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Running { .. })
    }
}

/// A response that called tools.
#[derive(Debug)]
pub(super) struct Round {
    pub response: ResponseId,
    /// Generation is over.
    done: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tools {
    pub(super) calls: VecDeque<Call>,
    /// Responses whose answers still have to be followed up.
    pub(super) rounds: Vec<Round>,
    /// Results were sent that the vendor answers by itself, and has not.
    pub awaits: bool,
    results: VecDeque<ItemId>,
    schemas: Schemas,
    /// Tools of single responses.
    own: VecDeque<Own>,
}

/// Tools that were declared for one response.
#[derive(Debug)]
struct Own {
    request: String,
    response: Option<ResponseId>,
    tools: Vec<Tool>,
    schemas: Schemas,
}

impl Tools {
    /// The tools of a configuration.
    pub fn new(tools: &[Tool]) -> Self {
        Self { schemas: Schemas::new(tools), ..Self::default() }
    }

    /// The tools are these from now on.
    pub fn declare(&mut self, tools: &[Tool]) {
        self.schemas = Schemas::new(tools);
    }

    /// A request for a response brings tools of its own.
    pub fn declare_for(&mut self, request: &str, tools: &[Tool]) {
        if self.own.len() >= MAX_ROUNDS {
            self.own.pop_front();
        }
        let (request, tools, schemas) = (request.to_owned(), tools.to_vec(), Schemas::new(tools));
        self.own.push_back(Own { request, response: None, tools, schemas });
    }

    /// The response to a request began.
    pub fn began(&mut self, request: &str, response: &ResponseId) {
        if let Some(own) = self.own.iter_mut().find(|o| o.request == request) {
            own.response = Some(response.clone());
        }
    }

    /// What the tools of a response are checked against.
    pub fn schemas_of(&self, response: &ResponseId) -> &Schemas {
        self.own.iter().find(|o| o.response.as_ref() == Some(response)).map_or(&self.schemas, |o| &o.schemas)
    }

    /// As what the function of a call is declared, if it is.
    fn tool_of<'a>(&'a self, call: &Call, config: &'a Config) -> Option<&'a Tool> {
        let own = self.own.iter().find(|o| o.response.as_ref() == Some(&call.response));
        let tools = own.map_or(&config.tools, |o| &o.tools);
        tools.iter().find(|t| t.name == call.name)
    }

    /// How long a call may take, when its tool says so.
    pub fn limit_of(&self, call: &Call, config: &Config) -> Option<u32> {
        self.tool_of(call, config).and_then(|t| t.timeout_ms)
    }

    /// What the model does with the result of a call.
    pub fn scheduling_of(&self, call: &Call, config: &Config) -> Scheduling {
        self.tool_of(call, config).and_then(|t| t.scheduling).unwrap_or_default()
    }

    /// The host has calls and the vendor is to hear nothing meanwhile.
    pub fn mutes(&self, config: &Config) -> bool {
        config.tool_handling.mute_input && self.calls.iter().any(Call::is_open)
    }

    /// When the next call has taken too long.
    pub fn timeout(&self) -> Option<Time> {
        let until = |c: &Call| if let State::Running { until } = c.state { Some(until) } else { None };
        self.calls.iter().filter_map(until).min()
    }

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

    /// The message of a call.
    pub fn message_of(&self, call: &CallId) -> Option<ItemId> {
        self.calls.iter().rev().find(|c| c.call.id == *call).map(|c| c.item.clone())
    }

    /// An item that answers a call; it has no message of its own.
    pub fn is_result(&mut self, item: ItemId) {
        self.results.push_back(item);
        if self.results.len() > MAX_CALLS {
            self.results.pop_front();
        }
    }

    /// The response made calls.
    pub fn called(&self, response: &ResponseId) -> bool {
        self.calls.iter().any(|c| c.response == *response)
    }

    /// No call is at the host or waits for it.
    pub fn are_idle(&self) -> bool {
        self.rounds.is_empty() && !self.calls.iter().any(Call::is_open)
    }

    /// The vendor refused a result: the call may be answered again.
    pub fn result_refused(&mut self, call: &CallId, until: Time) {
        if let Some(call) = self.calls.iter_mut().rev().find(|c| c.call.id == *call) {
            call.state = State::Running { until };
        }
    }

    /// The host has the call, and may answer it.
    pub fn is_running(&self, call: &CallId) -> bool {
        self.calls.iter().rev().find(|c| c.call.id == *call).is_some_and(|c| matches!(c.state, State::Running { .. }))
    }

    /// The item is a result of ours; it has no message of its own.
    pub fn is_result_item(&self, item: &ItemId) -> bool {
        self.results.contains(item)
    }

    /// Takes a response out whose calls are all answered: whether it made any whose results are to be spoken of, and on
    /// which connection.
    pub fn take_answered(&mut self, config: &Config) -> Option<(bool, u32)> {
        let calls = &self.calls;
        let open = |r: &ResponseId| calls.iter().any(|c| c.response == *r && c.is_open());
        let at = self.rounds.iter().position(|r| r.done && !open(&r.response))?;
        let round = self.rounds.swap_remove(at);
        let spoken = |c: &&Call| self.scheduling_of(c, config) != Scheduling::Silent;
        let of = || self.calls.iter().filter(|c| c.response == round.response);
        let epoch = of().map(|c| c.call.epoch).next_back().unwrap_or_default();
        Some((of().any(|c| spoken(&c)), epoch))
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
