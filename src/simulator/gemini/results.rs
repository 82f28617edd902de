//! Calls of functions that are out, and their results.

use super::{closing::Closing, events, models::Calls, peer::Peer, speaking::Turn};
use serde_json::Value;

/// A call without a result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenCall {
    pub(super) id: String,
    pub(super) name: String,
    /// The model says nothing until it has the result.
    pub(super) blocking: bool,
}

/// Results that wait for those of the other calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gathered {
    /// There is something to say about them.
    spoken: bool,
    /// And it shall be said at once.
    at_once: bool,
}

impl Peer {
    /// `toolResponse`.
    pub(super) fn tool_response(&mut self, response: &Value) -> Result<(), Closing> {
        let responses = response["functionResponses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut taken = false;
        for response in responses {
            let Some(call) = self.answered_call(response)? else { continue };
            taken = true;
            self.took_result(&call.id, &response["response"]);
            let scheduling = response["scheduling"].as_str().filter(|_| !call.blocking && !self.vertex());
            if scheduling == Some("SILENT") {
                continue;
            }
            // A model that thinks for long takes a result without a name for a failure.
            let nameless = response["name"].as_str().is_none_or(str::is_empty);
            if !nameless || self.setup()?.model.calls != Calls::Running {
                self.script.tool_output();
            }
            self.gathered.spoken = true;
            self.gathered.at_once |= scheduling == Some("INTERRUPT");
        }
        // What the calls of one request found out is told in one go.
        if !taken || !self.calls.is_empty() {
            return Ok(());
        }
        let Gathered { spoken, at_once } = std::mem::take(&mut self.gathered);
        match self.turn {
            Turn::Calling => self.go_on_speaking(),
            // Nobody hears of it, but it is known from here on.
            Turn::Idle if !spoken => self.offer(true),
            _ if !spoken => {}
            _ => {
                self.results = true;
                // Who speaks is not interrupted by a result.
                if at_once && !self.hearing.busy() {
                    self.interrupt();
                }
                self.when_idle();
            }
        }
        Ok(())
    }

    /// The call that a response is for; none for one that was cancelled or is not known (of an earlier connection,
    /// for example), which is of no consequence.
    fn answered_call(&mut self, response: &Value) -> Result<Option<OpenCall>, Closing> {
        let scheduling = response["scheduling"].as_str().is_some_and(|word| word != "SCHEDULING_UNSPECIFIED");
        if scheduling && !self.setup()?.model.scheduling {
            return Err(Closing::argument());
        }
        let at = match (response["id"].as_str(), response["name"].as_str()) {
            (Some(id), _) => self.calls.iter().position(|call| call.id == id),
            // One host is content with a name where the model does not wait.
            (None, Some(name)) if self.vertex() => {
                self.calls.iter().position(|call| call.name == name && !call.blocking)
            }
            (None, _) if self.vertex() => None,
            (None, _) => return Err(Closing::invalid("function_responses.id: missing field.")),
        };
        let Some(at) = at else { return Ok(None) };
        if response["willContinue"] == true && !self.calls[at].blocking {
            self.took_result(&self.calls[at].id, &response["response"]);
            return Ok(None);
        }
        Ok(Some(self.calls.remove(at)))
    }

    /// The calls are of no use any more.
    pub(super) fn cancel_calls(&mut self) {
        self.gathered = Gathered::default();
        let ids: Vec<String> = self.calls.drain(..).map(|call| call.id).collect();
        if !ids.is_empty() {
            self.send(events::cancelled(&ids));
        }
    }
}
