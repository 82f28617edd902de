//! The model's calls of functions.

use super::Turns;
use crate::{
    message::{CallId, ItemId},
    provider::{ProviderEvent, gemini::server_message::FunctionCall, wire},
};

/// Calls whose results may come.
const MAX_CALLS: usize = 256;

/// A call as the service made it.
#[derive(Debug)]
pub struct Call {
    pub id: CallId,
    pub name: String,
    /// The service gave it that id; otherwise it is ours, and the service gets none.
    pub theirs: bool,
}

impl Turns {
    /// The model calls functions: the response is over with that.
    pub fn called(&mut self, calls: Vec<FunctionCall>, audio_ms: u64, events: &mut Vec<ProviderEvent>) {
        if calls.is_empty() {
            return;
        }
        if self.begin(audio_ms, events).is_none() {
            return self.unwanted.extend(calls.into_iter().take(MAX_CALLS));
        }
        self.message_done("completed", events);
        let Some(response) = self.response.as_ref().map(|r| r.id.clone()) else { return };
        for call in calls {
            let theirs = call.id.as_deref().is_some_and(|id| !id.is_empty());
            let id = CallId::from(call.id.filter(|_| theirs).unwrap_or_else(|| self.id("call")));
            let arguments = call.args.map_or_else(|| "{}".to_owned(), |args| args.to_string());
            let item = ItemId::from(self.id("item"));
            events.extend(wire::called(response.clone(), item, id.clone(), call.name.clone(), arguments));
            if self.calls.len() >= MAX_CALLS {
                self.calls.remove(0);
            }
            self.calls.push(Call { id, name: call.name, theirs });
        }
        self.finish("completed", None, events);
        self.expected = true;
    }

    /// The service takes calls back.
    pub fn call_cancelled(&mut self, ids: Vec<String>, events: &mut Vec<ProviderEvent>) {
        self.unwanted.retain(|call| call.id.as_ref().is_none_or(|id| !ids.contains(id)));
        for id in ids.into_iter().map(CallId::from) {
            if self.take_call(&id).is_some() {
                events.push(ProviderEvent::CallCancelled { call: id });
            }
        }
        // Nothing is answered that nobody knows the result of.
        self.expected &= self.told || self.calls_wait() || self.unanswered || self.request.is_some();
    }

    /// What was called for and nobody wants: the model waits for it all the same.
    pub fn take_unwanted(&mut self) -> Vec<FunctionCall> {
        std::mem::take(&mut self.unwanted)
    }

    /// A call whose result may be sent; it is sent once.
    pub fn take_call(&mut self, id: &CallId) -> Option<Call> {
        let at = self.calls.iter().position(|call| call.id == *id)?;
        Some(self.calls.remove(at))
    }

    /// The model waits for results.
    pub fn calls_wait(&self) -> bool {
        !self.calls.is_empty()
    }
}
