//! Changes of the session in mid-conversation.
//!
//! A change is in force here as soon as it is sent, and taken back when the vendor refuses it. The vendor
//! confirms changes in the order they were sent and does not say which (protocols reference §2).

use super::{Session, ops::Purpose};
use crate::{
    config::Config,
    error::{Error, ErrorClass, Result},
    event::{EventKind, OpId},
    provider::{ProviderCommand, settle},
};
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};

/// A change on its way.
#[derive(Debug)]
struct Pending {
    op: OpId,
    changes: Value,
    /// The operation has ended without the vendor's word.
    told: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Updates {
    /// What the vendor has confirmed, while a change is on its way.
    confirmed: Option<Arc<Config>>,
    pending: VecDeque<Pending>,
    /// The assistant has spoken on this connection: its voice stays.
    pub spoke: bool,
}

impl Session {
    pub(super) fn update_session(&mut self, op: OpId, changes: Value) {
        let (next, warnings) = match self.config.check_update(&changes).and_then(|next| settle(Arc::new(next))) {
            Ok(settled) => settled,
            Err(error) => return self.complete(op, Some(error)),
        };
        if let Some(error) = self.cannot_change(&next) {
            return self.complete(op, Some(error));
        }
        let old = self.config.clone();
        let patch = match self.codec.update(&old, &next) {
            Ok(patch) => patch,
            Err(error) => return self.complete(op, Some(error)),
        };
        // What was known at connect was told then.
        let known = settle(old.clone()).map_or_else(|_| Vec::new(), |(_, known)| known);
        for warning in warnings.into_iter().filter(|w| !known.contains(w)) {
            self.emit(EventKind::Warning(warning));
        }
        if let Err(error) = self.take_config(Arc::unwrap_or_clone(next)) {
            return self.complete(op, Some(error));
        }
        // What is left is the type that every change carries.
        if patch.as_object().is_none_or(|fields| fields.keys().all(|key| key == "type")) {
            return self.complete(op, None);
        }
        match self.send(&ProviderCommand::Update { patch }) {
            Ok(event_id) => {
                self.updates.confirmed.get_or_insert(old);
                self.updates.pending.push_back(Pending { op, changes, told: false });
                self.remember(event_id, Purpose::Update(op));
            }
            Err(error) => {
                self.restore((*old).clone());
                self.complete(op, Some(error));
            }
        }
    }

    /// What the vendor allows only at other times is refused before it is sent (reference §2).
    fn cannot_change(&self, next: &Config) -> Option<Error> {
        let state = |code, message, field, fix| Error::new(ErrorClass::State, code, message).field(field).fix(fix);
        if self.updates.spoke && next.voice != self.config.voice {
            let text = "the voice cannot change once the assistant has spoken";
            return Some(state("voice_locked", text, "voice", "disconnect, and connect with the other voice"));
        }
        if self.sequencer.active().is_some() && next.speed != self.config.speed {
            let text = "the speed cannot change while a response is generated";
            return Some(state("response_running", text, "speed", "wait for generation_done"));
        }
        None
    }

    fn take_config(&mut self, config: Config) -> Result<()> {
        self.codec.configure(&config)?;
        if config.turn_detection.mode != self.config.turn_detection.mode {
            self.stop_listening();
        }
        if config.tools != self.config.tools {
            self.tools.declare(&config.tools);
        }
        self.config = Arc::new(config);
        Ok(())
    }

    /// The vendor did not take a change: nothing is sent, it is as it was.
    fn restore(&mut self, config: Config) {
        if let Err(error) = self.take_config(config) {
            self.emit(EventKind::Error(error));
        }
    }

    /// The vendor confirmed the oldest change.
    pub(super) fn update_confirmed(&mut self) {
        let Some(done) = self.updates.pending.pop_front() else { return };
        if let Some(Ok(confirmed)) = self.updates.confirmed.as_ref().map(|c| c.check_update(&done.changes)) {
            self.updates.confirmed = Some(Arc::new(confirmed));
        }
        if self.updates.pending.is_empty() {
            self.updates.confirmed = None;
        }
        self.ops.updated(done.op);
        if !done.told {
            self.complete(done.op, None);
        }
    }

    /// An operation ended without the vendor's word.
    pub(super) fn update_unconfirmed(&mut self, op: OpId) {
        if let Some(pending) = self.updates.pending.iter_mut().find(|p| p.op == op) {
            pending.told = true;
        }
    }

    /// Nobody confirms anything on a connection that is gone; the next one is asked for the whole.
    pub(super) fn updates_over(&mut self) {
        self.updates = Updates::default();
    }

    /// The vendor refused a change: what was confirmed and later changes stay.
    pub(super) fn update_refused(&mut self, op: OpId, error: Error) {
        let mut told = false;
        if let Some(at) = self.updates.pending.iter().position(|p| p.op == op) {
            told = self.updates.pending.remove(at).is_some_and(|p| p.told);
            let confirmed = match self.updates.pending.is_empty() {
                true => self.updates.confirmed.take(),
                false => self.updates.confirmed.clone(),
            };
            if let Some(confirmed) = confirmed {
                let add = |config: Config, p: &Pending| config.check_update(&p.changes).unwrap_or(config);
                let config = self.updates.pending.iter().fold((*confirmed).clone(), add);
                self.restore(config);
            }
        }
        if told { self.emit(EventKind::Error(error)) } else { self.complete(op, Some(error)) }
    }
}
