//! Every way a run ends, and what decides that it goes on over another connection.

use super::{
    Output, Session,
    link::{Link, Step},
    recovery::Why,
};
use crate::{
    capabilities::Reconnect,
    error::{Error, ErrorClass},
    event::{Ended, EndedBy, EventKind, OpId, Status},
};

/// How long the peer may take to close, and a speaker that is heard out may stand still.
const CLOSE_MS: u64 = 2_000;
/// The same where the host says what it played.
const REPORT_MS: u64 = 5_000;

impl Session {
    pub(super) fn disconnect(&mut self, op: OpId) {
        self.ops.disconnect.push(op);
        if let Some(connect) = self.ops.again.take() {
            let error = Error::new(ErrorClass::State, "cancelled", "disconnected before it began");
            self.complete(connect, Some(error));
        }
        let ended = Ended { by: EndedBy::User, code: "disconnected".into(), detail: String::new() };
        match self.link.step {
            Step::Down => self.finish_disconnects(),
            Step::Closing => self.hear_no_more(),
            _ => self.close(1000, Status::Idle { ended }),
        }
    }

    /// Starts an orderly close; the run ends when the transport says so, or after two seconds.
    pub(super) fn close(&mut self, code: u16, ending: Status) {
        if self.link.is_asking() || self.link.is_waiting() {
            // There is no transport to wait for.
            return self.end(ending);
        }
        self.successor_over();
        self.out.push_back(Output::Close { epoch: self.link.epoch, code });
        self.link.step = Step::Closing;
        (self.link.ending, self.leaves) = (Some(ending), false);
        // Nothing but the close has a limit now.
        (self.link.connect_by, self.link.probed_until) = (None, None);
        self.link.step_by = Some(self.now.after_ms(CLOSE_MS));
        // Speech stops at once, whatever the peer does.
        self.stop_speaking();
    }

    /// Lets go of a connection there may be, without waiting for it.
    pub(super) fn abandon_link(&mut self) {
        if !matches!(self.link.step, Step::Down | Step::Asking | Step::Waiting) {
            self.out.push_back(Output::Close { epoch: self.link.epoch, code: 1000 });
        }
    }

    /// Ends the run with an error where no connection is.
    pub(super) fn end_with(&mut self, error: Error) {
        let error = error.fatal();
        self.emit(EventKind::Error(error.clone()));
        self.end(Status::Error { error });
    }

    /// Something that ends the run, unless another connection may mend it.
    pub(super) fn fail(&mut self, error: Error) {
        if self.hears_out() {
            return self.end_with(error);
        }
        if matches!(self.link.step, Step::Down | Step::Closing) {
            return;
        }
        if self.leaves && self.link.is_up() && error.retryable {
            // It was about to end.
            self.abandon_link();
            return self.go();
        }
        if self.mends(&error) {
            self.abandon_link();
            return self.lost(error, Why::Reconnect);
        }
        let error = error.fatal();
        let code = if error.class == ErrorClass::Limit { 1009 } else { 1000 };
        self.emit(EventKind::Error(error.clone()));
        self.close(code, Status::Error { error });
    }

    /// The vendor's session has lasted as long as it may: the run ends in good order.
    pub(super) fn session_over(&mut self, error: Error) {
        // Another conversation is no continuation of one that was to end.
        let goes_on = self.codec.capabilities().reconnect != Some(Reconnect::New);
        let again = goes_on && self.config.recovery.reconnect && self.recovery.established;
        if again && !self.link.is_ending() && !self.link.is_down() {
            self.abandon_link();
            return self.lost(error, Why::Rollover);
        }
        if self.link.step != Step::Up {
            return self.fail(error);
        }
        let ended = Ended { by: EndedBy::Limit, code: error.code.to_string(), detail: error.message };
        let ending = Status::Idle { ended };
        // Sound beside the events goes with the connection.
        if self.link.carries.media {
            return self.close(1000, ending);
        }
        self.abandon_link();
        self.hear_out(ending);
    }

    pub(super) fn closed(&mut self, epoch: u32, code: Option<u16>, reason: &str, error: Option<Error>) {
        let refusal = error.clone().unwrap_or_else(|| self.closed_by_peer(code, reason));
        if self.successor_closed(epoch, &refusal) {
            return;
        }
        if epoch != self.link.epoch || matches!(self.link.step, Step::Down | Step::Asking | Step::Waiting) {
            self.stats.stale_inputs += 1;
            self.left(epoch);
            return;
        }
        if self.hears_out() {
            return;
        }
        if self.link.is_up() && self.leaves {
            // However the line ends: that it does was said.
            return self.go();
        }
        if self.asks_after_rejection(&refusal) {
            return;
        }
        if code == Some(1011) {
            self.resuming.breaks();
        }
        let announced = self.link.announced;
        let ending = match (self.link.ending.take(), error) {
            (Some(ending), _) => ending,
            (None, Some(error)) => Status::Error { error: error.fatal() },
            (None, None) if code == Some(1000) && self.link.is_up() && !announced => {
                let detail = crate::error::redact(reason);
                Status::Idle { ended: Ended { by: EndedBy::Agent, code: "remote_closed".into(), detail } }
            }
            // Whoever was told to go and stayed is thrown out.
            (None, None) if announced && matches!(code, Some(1000 | 1008)) => {
                Status::Error { error: self.closed_by_peer(Some(1001), reason) }
            }
            (None, None) => Status::Error { error: self.closed_by_peer(code, reason) },
        };
        if let Status::Error { error } = &ending
            && self.link.step != Step::Closing
        {
            if self.resume_refused(error, false) {
                return;
            }
            if self.mends(error) {
                return self.lost(error.clone(), Why::Reconnect);
            }
            self.emit(EventKind::Error(error.clone()));
        }
        // Sound beside the events went with the connection.
        if matches!(ending, Status::Idle { .. }) && self.link.is_up() && !self.link.carries.media {
            return self.hear_out(ending);
        }
        self.end(ending);
    }

    /// The agent is gone in good order, or goes: what it said is heard to its end, and then the run ends.
    fn hear_out(&mut self, ending: Status) {
        (self.link.step, self.link.probed_until) = (Step::Closing, None);
        (self.link.ending, self.leaves) = (Some(ending), true);
        self.set_capture(false);
        self.stop_listening();
        self.user_unheard();
        self.successor_over();
        self.cancel_calls();
        let open: Vec<_> =
            self.responses.iter().filter(|r| r.end.is_none()).map(|r| (r.id.clone(), r.fenced)).collect();
        for (id, fenced) in open {
            self.gone_quiet(&id);
            if self.response(&id).end.is_none() {
                let status = if fenced { "cancelled" } else { "incomplete" };
                self.end_unseen(&id, status, Some("remote_closed"));
            }
        }
        self.still_hearing(true);
        self.say_goodbye();
    }

    /// What the agent said before it went is being heard.
    pub(super) fn hears_out(&self) -> bool {
        self.link.is_ending() && self.leaves
    }

    /// The agent said that it goes and says nothing more; the line is still there.
    pub(super) fn goes(&self) -> bool {
        self.leaves && self.link.is_up() && self.sequencer.active().is_none()
    }

    /// A speaker that stands still keeps nobody; one that plays takes its time. `anew`: the hearing begins.
    pub(super) fn still_hearing(&mut self, anew: bool) {
        let left = self.ledger.queued();
        // Also where the line is still there and the agent said that it goes.
        let waits = self.hears_out() || self.goes();
        if waits && (anew || left != self.link.unheard || self.link.step_by.is_none()) {
            // A host that says itself what it played may say it seldom.
            let patience_ms = if self.reported() { REPORT_MS } else { CLOSE_MS };
            (self.link.unheard, self.link.step_by) = (left, Some(self.now.after_ms(patience_ms)));
        }
    }

    /// What was played may be told in several reports at once: a deadline that has passed waits for the next.
    pub(super) fn await_reports(&mut self) {
        if (self.hears_out() || self.goes()) && self.link.step_by.is_some_and(|by| by <= self.now) {
            self.link.step_by = Some(self.now.after_ms(1));
        }
    }

    /// Whoever does not want to hear the rest need not.
    pub(super) fn hear_no_more(&mut self) {
        if self.hears_out()
            && let Some(ending) = self.link.ending.take()
        {
            self.end(ending);
        }
    }

    /// The agent said that it goes, and its line is gone before all was heard.
    pub(super) fn go(&mut self) {
        self.hear_out(agent_ended());
    }

    /// The run is over.
    pub(super) fn end(&mut self, ending: Status) {
        self.credentials_run_over(&ending);
        self.successor_over();
        self.leaves = false;
        self.rollover.before = None;
        self.link = Link { epoch: self.link.epoch, ..Default::default() };
        self.stop_speaking();
        self.set_capture(false);
        self.stop_listening();
        // Told before the end: a host that stops reading there must not go on working.
        self.cancel_calls();
        let connect = self.ops.connect.take();
        self.set_status(ending.clone());
        if let Some(op) = connect {
            let error = match ending {
                Status::Error { error } => error,
                _ => Error::new(ErrorClass::State, "cancelled", "disconnected while connecting"),
            };
            self.complete(op, Some(error));
        }
        self.settle_history();
        let mut changes = self.updates_over();
        changes.append(&mut self.recovery_over());
        changes.append(&mut self.uploads.reset());
        changes.append(&mut self.take_pings());
        let waiting = changes.into_iter().chain(self.sequencer.reset()).chain(self.out_of_band.reset());
        for op in self.ops.reset().into_iter().chain(waiting) {
            let error = Error::new(ErrorClass::State, "cancelled", "the connection ended first").retryable();
            self.complete(op, Some(error));
        }
        self.finish_disconnects();
        if let Some(op) = self.ops.again.take() {
            self.connect(op);
        }
    }

    fn closed_by_peer(&self, code: Option<u16>, reason: &str) -> Error {
        let refused = self.codec.refused_field(reason);
        let reason = super::incoming::vendor_text(reason);
        let text = match (code, reason.is_empty()) {
            (Some(code), false) => format!("the service closed the connection: {reason} (code {code})"),
            (Some(code), true) => format!("the service closed the connection (code {code})"),
            (None, _) => "the connection was lost".to_owned(),
        };
        // What another try can mend, and what it cannot.
        let (class, word, retry) = match code {
            Some(1001) => (ErrorClass::Network, "going_away", true),
            Some(1013) => (ErrorClass::Network, "try_again_later", true),
            None | Some(1000 | 1005 | 1006 | 1011 | 1012 | 1014) => (ErrorClass::Network, "connection_lost", true),
            Some(1007 | 1008) if is_of_the_credential(&reason) => (ErrorClass::Credential, "auth", false),
            Some(1008) => (ErrorClass::Provider, "policy", false),
            Some(1009) => (ErrorClass::Limit, "message_too_big", false),
            // Unauthorized, in the registry of close codes; and a queue that nobody was let out of in time (ElevenLabs).
            Some(3000) => (ErrorClass::Credential, "auth", false),
            Some(4300) => (ErrorClass::Limit, "queue_timeout", false),
            Some(_) => (ErrorClass::Protocol, "protocol", false),
        };
        let error = Error::new(class, word, text).fatal();
        if retry {
            return error.retryable().fix("connect again");
        }
        if let Some((field, fix)) = refused {
            return error.field(field).fix(fix);
        }
        error.fix(match word {
            "auth" => "check that the credential is right, active and for this service, or give a fresh one",
            "queue_timeout" => "try later, or raise how many conversations the account may hold at once",
            "message_too_big" => "send less at once",
            "policy" if !reason.is_empty() => "change what its words name: the same would be refused again",
            _ => "connect again; if it ends so again, look at what the service says of the session",
        })
    }

    fn finish_disconnects(&mut self) {
        for op in std::mem::take(&mut self.ops.disconnect) {
            self.complete(op, None);
        }
    }
}

/// How a run ends that the agent ends.
pub(super) fn agent_ended() -> Status {
    Status::Idle { ended: Ended { by: EndedBy::Agent, code: "agent_ended".into(), detail: String::new() } }
}

/// Some services open the connection to everybody, and refuse a credential by the words of a close (protocols reference
/// `gemini-live` §2).
fn is_of_the_credential(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["api key not valid", "unregistered callers", "unauthenticated", "authentication credential", "token has expired"]
        .iter()
        .any(|words| reason.contains(words))
}
