//! Going on with what the vendor kept.
//!
//! Some vendors name moments of a conversation by which another connection goes on with it. What was answered by then is
//! in it; everything later is told as to a new session. A handle is good for the run it came in, and when the vendor
//! refuses it the next connection is told the whole.

use super::{Session, recovery::Why};
use crate::{
    config::Config,
    error::{Error, ErrorClass},
    message::{ItemId, Message, MessageState, Part, Role, ToolCallState},
    provider::{Beginning, Handle, ProviderCommand},
    time::Time,
};
use std::{collections::HashSet, sync::Arc};

/// How long a change that takes a new connection waits for the end of a turn.
const RENEW_MS: u64 = 60_000;
/// So often a connection that goes on with a handle may break.
const MOST_BROKEN: u32 = 1;
/// How long the connection before has to be closed, before the next one says whose conversation it goes on with.
pub(super) const LEAVE_MS: u64 = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Resuming {
    handle: Option<Handle>,
    /// Messages that are in what the handle stands for.
    known: HashSet<ItemId>,
    /// The present connection goes on with what the vendor kept.
    resumed: bool,
    /// As what the conversation was set up.
    original: Option<Arc<Config>>,
    /// A connection that has to be gone first.
    leaving: Option<u32>,
    /// Connections that went on with the handle and that the vendor broke.
    broken: u32,
}

impl Resuming {
    /// A new session is told the conversation.
    pub fn told(config: Arc<Config>) -> Self {
        Self { original: Some(config), ..Self::default() }
    }

    /// The next connection may go on with what there was.
    pub fn can(&self) -> bool {
        self.handle.is_some()
    }

    /// The vendor has it from before.
    pub fn knows(&self, message: &ItemId) -> bool {
        self.resumed && self.known.contains(message)
    }

    /// The present connection goes on with what the vendor kept.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// What was kept is not to be had any more.
    fn forget(&mut self) {
        (self.handle, self.resumed, self.broken) = (None, false, 0);
        self.known.clear();
    }

    /// The vendor broke the connection by a fault of its own: when it does so again the handle is to blame.
    pub fn breaks(&mut self) {
        self.broken += u32::from(self.resumed);
        if self.broken > MOST_BROKEN {
            self.forget();
        }
    }

    /// The connection before is not gone yet.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// The next connection says nothing before that one is gone: no conversation goes on in two places.
    pub fn leave(&mut self, epoch: u32) {
        self.leaving = Some(epoch);
    }
}

impl Session {
    /// From here the conversation can go on in another connection.
    pub(super) fn resumable(&mut self, handle: Handle) {
        let messages = self.history.messages();
        let answered = messages.iter().rposition(is_answer).map_or(0, |at| at + 1);
        let known = &mut self.resuming.known;
        if known.len() > 2 * messages.len() {
            let there: HashSet<_> = messages.iter().map(|m| &m.id).collect();
            known.retain(|id| there.contains(id));
        }
        let settled = messages[..answered].iter().filter(|m| is_settled(m));
        known.extend(settled.rev().map(|m| m.id.clone()));
        (self.resuming.handle, self.resuming.broken) = (Some(handle), 0);
    }

    /// What the connection begins with that is going to be configured.
    pub(super) fn begin_conversation(&mut self) {
        if self.codec.capabilities().silent_context == Some(false) && self.answered_since() {
            // A model that is told nothing without answering it is told this as a whole, or not at all.
            self.resuming.forget();
        }
        let handle = self.resuming.handle.clone().filter(|_| self.recovery.cause.is_some());
        self.resuming.resumed = handle.is_some();
        self.resuming.leaving = None;
        self.rollover.renewal = false;
        if handle.is_none() {
            self.resuming.known.clear();
            self.resuming.original = Some(self.config.clone());
        }
        let told = if self.is_to_be_told() { Beginning::Told } else { Beginning::Fresh };
        self.codec.begins(handle.as_ref().map_or(told, Beginning::Resumed));
    }

    /// Something was answered that the handle does not stand for.
    fn answered_since(&self) -> bool {
        let new = |m: &&Message| !self.resuming.known.contains(&m.id);
        self.history.messages().iter().filter(new).any(|m| m.role == Role::Assistant)
    }

    /// There is something a new session is told.
    pub(super) fn is_to_be_told(&self) -> bool {
        self.recovery.cause.is_some() && !self.history.messages().is_empty()
    }

    /// What was kept is as it was when it was set up.
    pub(super) fn catch_up(&mut self) {
        let Some(original) = self.resuming.original.clone().filter(|_| self.resuming.resumed) else { return };
        let patch = self.codec.catches_up(&original, &self.config);
        if patch.as_object().is_some_and(|fields| !fields.is_empty()) {
            self.tell_vendor(&ProviderCommand::Update { patch });
        }
    }

    /// The vendor does not take a change that another connection was wanted for: it is as it was. False: there was none.
    pub(super) fn change_refused(&mut self, error: &Error) -> bool {
        let Some(before) = self.rollover.before.take() else { return false };
        self.rollover.renewal = false;
        if !self.link.announced {
            self.link.ends_at = None;
        }
        self.restore(before);
        let refused = Error { fatal: false, ..error.clone() };
        for op in std::mem::take(&mut self.recovery.changes) {
            self.complete(op, Some(refused.clone()));
        }
        true
    }

    /// The vendor does not go on with what it kept: the next connection is told the whole. False: nobody asked it to.
    /// `open`: the connection is still there.
    pub(super) fn resume_refused(&mut self, error: &Error, open: bool) -> bool {
        // What another try can mend says nothing of the setup.
        if !self.link.is_configuring() || !self.recovery.established || error.retryable {
            return false;
        }
        if self.change_refused(error) {
            let text = format!("the service does not take the change: {}", error.message);
            self.let_go(open);
            self.lost(Error::new(ErrorClass::Network, "resume_refused", text).retryable(), Why::Reconnect);
            return true;
        }
        if !self.resuming.resumed {
            return false;
        }
        self.resuming.forget();
        let text = format!("the service does not go on with the conversation it kept: {}", error.message);
        self.let_go(open);
        self.lost(Error::new(ErrorClass::Network, "resume_refused", text).retryable(), Why::Reconnect);
        true
    }

    fn let_go(&mut self, open: bool) {
        if open {
            self.abandon_link();
        }
    }

    /// A change takes a new connection: it is opened beside this one, and takes over between two turns.
    pub(super) fn renew(&mut self) {
        self.rollover.renewal = true;
        self.ends_in(RENEW_MS);
        self.roll_over();
    }

    /// The connection before is gone: now this one says whose conversation it goes on with.
    pub(super) fn left(&mut self, epoch: u32) {
        if self.resuming.leaving.take_if(|of| *of == epoch).is_some() && self.link.is_leaving() {
            self.configure_vendor();
        }
    }

    pub(super) fn leave_by(&self) -> Time {
        self.now.after_ms(LEAVE_MS)
    }
}

/// The model has answered what stands before it.
fn is_answer(message: &Message) -> bool {
    let called = matches!(message.parts.first(), Some(Part::ToolCall { .. }));
    message.role == Role::Assistant && !called && message.state != MessageState::InProgress
}

/// It is as it will be: a call whose result is still to come is none of what was answered.
fn is_settled(message: &Message) -> bool {
    match message.parts.first() {
        Some(Part::ToolCall { state, .. }) => matches!(state, ToolCallState::Completed | ToolCallState::Failed),
        _ => message.state != MessageState::InProgress,
    }
}
