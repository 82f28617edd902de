//! Changes of the session in mid-conversation.
//!
//! A change is in force here as soon as it is sent, and taken back when the vendor refuses it. The vendor
//! confirms changes in the order they were sent and does not say which (protocols reference §2). Several may be
//! on their way, unless one would be written otherwise were an earlier one refused: that one waits.

use super::{Session, ops::Purpose};
use crate::{
    config::Config,
    error::{Error, ErrorClass, Result},
    event::{EventKind, OpId},
    provider::{ProviderCommand, settle},
};
use serde_json::{Map, Value};
use std::{collections::VecDeque, sync::Arc};

/// Changes that may wait for others. More are refused.
const MAX_WAITING: usize = 64;

/// Protocols reference §2.
pub(super) const VOICE_LOCKED: &str = "the voice cannot change once the assistant has spoken";

/// A change on its way.
#[derive(Debug)]
struct Pending {
    /// `None`: the session's first configuration, which nobody confirmed in time.
    op: Option<OpId>,
    changes: Value,
    /// What was sent. `None`: it concerns this side only and stands here to be in its place.
    patch: Option<Value>,
    /// The operation has ended without the vendor's word.
    told: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Updates {
    /// What the vendor has confirmed, while a change is on its way.
    confirmed: Option<Arc<Config>>,
    pending: VecDeque<Pending>,
    /// Changes that cannot be written before it is known what becomes of those on their way.
    waiting: VecDeque<(OpId, Value)>,
    /// The assistant has spoken on this connection: its voice stays.
    pub spoke: bool,
}

/// A configuration after changes, with what the model lacks left out, and what there is to say about it.
pub(super) fn changed(config: &Config, changes: &Value) -> Result<(Arc<Config>, Vec<Error>)> {
    settle(Arc::new(config.check_update(changes)?))
}

impl Session {
    pub(super) fn update_session(&mut self, op: OpId, changes: Value) {
        if self.updates.waiting.len() >= MAX_WAITING {
            let text = format!("{MAX_WAITING} changes are waiting");
            let error = Error::new(ErrorClass::Limit, "too_many_requests", text).retryable();
            return self.complete(op, Some(error.fix("wait until earlier changes complete")));
        }
        self.updates.waiting.push_back((op, changes));
        if self.updates.waiting.len() == 1 {
            self.next_changes();
        }
    }

    /// Makes the changes whose time has come, in their order.
    fn next_changes(&mut self) {
        while let Some((op, changes)) = self.updates.waiting.pop_front() {
            if let Some(changes) = self.change(op, changes) {
                self.updates.waiting.push_front((op, changes));
                return;
            }
        }
    }

    /// Makes a change, unless it has to wait: then it is returned.
    fn change(&mut self, op: OpId, changes: Value) -> Option<Value> {
        let old = self.config.clone();
        let made = changed(&old, &changes).and_then(|(next, warnings)| match self.cannot_change(&next) {
            Some(error) => Err(error),
            None => Ok((self.codec.update(&old, &next)?, next, warnings)),
        });
        let (mut patch, next, warnings) = match made {
            Ok(made) => made,
            Err(error) => {
                self.complete(op, Some(error));
                return None;
            }
        };
        // What is left out because a change on its way says it already would be missing were that refused.
        if let Some(confirmed) = &self.updates.confirmed {
            let alone = changed(confirmed, &changes).and_then(|(alone, _)| self.codec.update(confirmed, &alone));
            if alone.as_ref().ok() != Some(&patch) {
                if self.updates.pending.iter().any(|p| !p.told) {
                    return Some(changes);
                }
                // Nobody will ever know what became of it: all is said.
                add_missing(&mut patch, alone.unwrap_or_default());
            }
        }
        for warning in self.news(warnings) {
            self.emit(EventKind::Warning(warning));
        }
        if let Err(error) = self.take_config(next) {
            self.complete(op, Some(error));
            return None;
        }
        // What is left is the type that every change carries.
        if patch.as_object().is_none_or(|fields| fields.keys().all(|key| key == "type")) {
            if !self.updates.pending.is_empty() {
                self.updates.pending.push_back(Pending { op: Some(op), changes, patch: None, told: true });
            }
            self.complete(op, None);
            return None;
        }
        if self.codec.renews(&patch) {
            self.recovery.changes.push(op);
            self.rollover.before.get_or_insert(old);
            self.renew();
            return None;
        }
        match self.send(&ProviderCommand::Update { patch: patch.clone() }) {
            Ok(event_id) => {
                self.updates.confirmed.get_or_insert(old);
                self.updates.pending.push_back(Pending { op: Some(op), changes, patch: Some(patch), told: false });
                self.remember(event_id, Purpose::Update(op, false));
            }
            Err(error) => {
                self.restore(old);
                self.complete(op, Some(error));
            }
        }
        None
    }

    /// What of these warnings the present configuration has not been warned of: that was told at connect.
    pub(super) fn news(&self, mut warnings: Vec<Error>) -> Vec<Error> {
        if !warnings.is_empty() {
            let known = settle(self.config.clone()).map_or_else(|_| Vec::new(), |(_, known)| known);
            warnings.retain(|w| !known.contains(w));
        }
        warnings
    }

    /// What the vendor allows only at other times is refused before it is sent (reference §2).
    fn cannot_change(&self, next: &Config) -> Option<Error> {
        let state = |code, message, field, fix| Error::new(ErrorClass::State, code, message).field(field).fix(fix);
        if self.updates.spoke && next.voice != self.config.voice && !self.codec.quirks().configured_once {
            return Some(state("voice_locked", VOICE_LOCKED, "voice", "disconnect, and connect with the other voice"));
        }
        if self.sequencer.active().is_some() && next.speed != self.config.speed {
            let text = "the speed cannot change while a response is generated";
            return Some(state("response_running", text, "speed", "wait for generation_done"));
        }
        None
    }

    fn take_config(&mut self, config: Arc<Config>) -> Result<()> {
        self.codec.configure(&config)?;
        if config.turn_detection.mode != self.config.turn_detection.mode {
            self.stop_listening();
        }
        if config.tools != self.config.tools {
            self.tools.declare(&config.tools);
        }
        self.config = config;
        Ok(())
    }

    /// The vendor did not take a change: nothing is sent, it is as it was.
    pub(super) fn restore(&mut self, config: Arc<Config>) {
        if let Err(error) = self.take_config(config) {
            self.emit(EventKind::Error(error));
        }
    }

    /// The vendor may still confirm the session's first configuration, before any change.
    pub(super) fn first_unconfirmed(&mut self) {
        let (changes, patch) = (Value::Object(Map::new()), Some(Value::Null));
        self.updates.confirmed = Some(self.config.clone());
        self.updates.pending.push_back(Pending { op: None, changes, patch, told: true });
    }

    /// The vendor refused it, late.
    pub(super) fn first_refused(&mut self) {
        if self.updates.pending.front().is_some_and(|p| p.op.is_none()) {
            self.updates.pending.pop_front();
        }
        self.changes_settled();
    }

    /// The vendor confirmed the oldest change, with the session as it is now.
    pub(super) fn update_confirmed(&mut self, session: &Value) {
        // The word about a change that was given up may never come. What the session shows is in force.
        let asked = self.updates.pending.iter().position(|p| !p.told).unwrap_or(0);
        let in_force = |p: &Pending| p.patch.as_ref().is_some_and(|patch| shows(session, patch));
        let upto = if self.updates.pending.get(asked).is_some_and(in_force) { asked } else { 0 };
        let mut lost = false;
        for _ in 0..upto {
            let Some(done) = self.updates.pending.pop_front() else { break };
            if done.patch.is_none() || in_force(&done) { self.confirm(&done.changes) } else { lost = true }
        }
        let Some(done) = self.updates.pending.pop_front() else { return };
        self.confirm(&done.changes);
        if lost {
            self.take_back();
        }
        if let Some(op) = done.op {
            self.ops.updated(op);
            if !done.told {
                self.complete(op, None);
            }
        }
        self.changes_settled();
    }

    fn confirm(&mut self, changes: &Value) {
        if let Some(Ok((confirmed, _))) = self.updates.confirmed.as_ref().map(|c| changed(c, changes)) {
            self.updates.confirmed = Some(confirmed);
        }
    }

    /// What is in force is what was confirmed and what is on its way.
    fn take_back(&mut self) {
        let Some(confirmed) = self.updates.confirmed.clone() else { return };
        let add = |config: Arc<Config>, p: &Pending| changed(&config, &p.changes).map_or(config, |(next, _)| next);
        let config = self.updates.pending.iter().fold(confirmed, add);
        self.restore(config);
    }

    /// The vendor's word about a change came.
    fn changes_settled(&mut self) {
        while self.updates.pending.front().is_some_and(|p| p.patch.is_none()) {
            let Some(own) = self.updates.pending.pop_front() else { break };
            self.confirm(&own.changes);
        }
        if self.updates.pending.is_empty() {
            self.updates.confirmed = None;
        }
        self.next_changes();
    }

    /// An operation ended without the vendor's word.
    pub(super) fn update_unconfirmed(&mut self, op: OpId) {
        if let Some(pending) = self.updates.pending.iter_mut().find(|p| p.op == Some(op)) {
            pending.told = true;
            self.next_changes();
        }
    }

    /// Nobody confirms anything on a connection that is gone; the next one is asked for the whole. Returns
    /// the operations that had to wait.
    pub(super) fn updates_over(&mut self) -> Vec<OpId> {
        std::mem::take(&mut self.updates).waiting.into_iter().map(|(op, _)| op).collect()
    }

    /// As [`Self::updates_over`] within a run: what had to wait can be made on the next connection.
    pub(super) fn updates_lost(&mut self) -> Vec<(OpId, Value)> {
        std::mem::take(&mut self.updates).waiting.into()
    }

    /// No change is on its way.
    pub(super) fn updates_are_settled(&self) -> bool {
        self.updates.pending.is_empty() && self.updates.waiting.is_empty()
    }

    /// The vendor refused a change: what was confirmed and later changes stay.
    pub(super) fn update_refused(&mut self, op: OpId, error: Error) {
        let at = self.updates.pending.iter().position(|p| p.op == Some(op));
        let refused = at.and_then(|at| self.updates.pending.remove(at));
        // One that was passed over as lost has ended, too.
        let waits = refused.as_ref().is_some_and(|p| !p.told);
        self.failed_for(Some(op).filter(|_| waits), error);
        if refused.is_some() {
            self.take_back();
            self.changes_settled();
        }
    }
}

/// Every leaf of the patch is so in the session, and there is one.
fn shows(session: &Value, patch: &Value) -> bool {
    let Value::Object(fields) = patch else { return false };
    let mut fields = fields.iter().filter(|(key, _)| *key != "type").peekable();
    fields.peek().is_some()
        && fields.all(|(key, value)| match (session.get(key), value) {
            (Some(got), Value::Object(_)) => shows(got, value),
            (Some(got), _) => got == value || value.as_f64().is_some_and(|n| got.as_f64() == Some(n)),
            (None, value) => value.is_null(),
        })
}

/// Fields of `more` that `patch` lacks.
fn add_missing(patch: &mut Value, more: Value) {
    let (Value::Object(patch), Value::Object(more)) = (patch, more) else { return };
    for (key, value) in more {
        match patch.get_mut(&key) {
            Some(inner) => add_missing(inner, value),
            None => drop(patch.insert(key, value)),
        }
    }
}
