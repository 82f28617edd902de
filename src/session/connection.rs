//! From dialling to the acknowledged configuration, and every way a run ends.

use super::{Output, Session, effective::compare, ops::Purpose, pre_roll::PreRoll, recovery::Why};
use crate::{
    config::AudioSource,
    error::{Error, ErrorClass},
    event::{Completed, Ended, EndedBy, EventKind, OpId, Phase, SessionConfigured, Status},
    message::ResponseId,
    provider::{Frame, ProviderCommand, SessionInfo},
    time::Time,
};
use std::{collections::VecDeque, sync::Arc};

/// Limits of each step, milliseconds.
const CONNECT_MS: u64 = 30_000;
const FIRST_EVENT_MS: u64 = 5_000;
const CONFIGURE_MS: u64 = 5_000;
const REPLAY_MS: u64 = 5_000;
const CLOSE_MS: u64 = 2_000;
/// More malformed frames than this in ten seconds end the run.
const MALFORMED: usize = 20;
const MALFORMED_WINDOW_MS: u64 = 10_000;

/// Where the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    #[default]
    Down,
    /// The host is asked for a credential.
    Asking,
    Dialling,
    /// Open, waiting for the vendor's first word.
    Greeting,
    /// The configuration is sent.
    Configuring,
    /// The session is told the conversation so far.
    Replaying,
    Up,
    /// Between two tries.
    Waiting,
    /// We asked for an orderly close; the status the run ends with is kept in [`Link::ending`].
    Closing,
}

/// The connection.
#[derive(Debug, Default)]
pub struct Link {
    /// Number of the connection.
    pub epoch: u32,
    step: Step,
    /// End of the whole connect.
    connect_by: Option<Time>,
    /// End of the present step.
    step_by: Option<Time>,
    ending: Option<Status>,
    malformed: VecDeque<Time>,
    /// The vendor cancels by itself when the user speaks.
    pub server_interrupts: bool,
    /// The vendor answers by itself when the user stops.
    pub server_answers: bool,
    /// Silence the vendor waits for at the end of a turn.
    pub silence_ms: u64,
    /// Seconds since 1970 when the transport opened.
    opened_unix_s: Option<u64>,
    /// When the vendor ends the session.
    pub ends_at: Option<Time>,
    /// When a connection that may be dead is taken for dead.
    pub probed_until: Option<Time>,
}

impl Link {
    /// The connection of this number, on its way.
    pub fn to_configure(epoch: u32, opened_unix_s: Option<u64>) -> Self {
        Self { epoch, step: Step::Configuring, opened_unix_s, ..Self::default() }
    }

    /// An orderly close is under way.
    pub fn is_ending(&self) -> bool {
        self.step == Step::Closing
    }

    /// Between two tries.
    pub fn is_waiting(&self) -> bool {
        self.step == Step::Waiting
    }

    /// Nothing more is said or heard on it; its number stays.
    pub fn disable(&mut self) {
        *self = Self { epoch: self.epoch, step: Step::Waiting, ..Self::default() };
    }

    /// The next try is then.
    pub fn wait_until(&mut self, at: Time) {
        self.step_by = Some(at);
    }

    /// The session is configured, and is told the conversation or knows it.
    pub fn is_told(&self) -> bool {
        matches!(self.step, Step::Replaying | Step::Up)
    }

    /// Configured and open: events may be sent.
    pub fn is_up(&self) -> bool {
        self.step == Step::Up
    }

    /// Nothing at all is under way.
    pub fn is_down(&self) -> bool {
        self.step == Step::Down
    }

    /// The host is asked for a credential, and the dial waits for it.
    pub fn is_asking(&self) -> bool {
        self.step == Step::Asking
    }

    /// The transport is on its way.
    pub fn is_dialling(&self) -> bool {
        self.step == Step::Dialling
    }

    /// What is left of the time for the whole connect.
    pub fn connect_left_ms(&self, now: Time) -> Option<u64> {
        self.connect_by.map(|by| by.ms_since(now))
    }

    pub fn timeout(&self) -> Option<Time> {
        [self.connect_by, self.step_by, self.probed_until].into_iter().flatten().min()
    }
}

impl Session {
    pub(super) fn set_status(&mut self, status: Status) {
        if self.status != status {
            self.status = status.clone();
            self.emit(EventKind::Status(status));
        }
    }

    pub(super) fn complete(&mut self, op: OpId, error: Option<Error>) {
        self.emit(EventKind::Completed(Completed { op, error, round_trip_us: None }));
    }

    /// What was wished for failed: whoever asked is told, or everybody where nobody did.
    pub(super) fn failed_for(&mut self, op: Option<OpId>, error: Error) {
        match op {
            Some(op) => self.complete(op, Some(error)),
            None => self.emit(EventKind::Error(error)),
        }
    }

    /// The command worked and led to this response.
    pub(super) fn complete_about(&mut self, op: OpId, response: &ResponseId) {
        self.emit_about(Some(response), None, EventKind::Completed(Completed { op, error: None, round_trip_us: None }));
    }

    pub(super) fn connect(&mut self, op: OpId) {
        if self.link.step == Step::Closing && self.ops.again.is_none() {
            // Disconnect and connect, one after the other, is how a host starts afresh.
            self.ops.again = Some(op);
            return;
        }
        if !self.link.is_down() {
            let error = Error::new(ErrorClass::State, "already_connected", "the client is connected or on its way")
                .fix("disconnect first, or use a second client");
            return self.complete(op, Some(error));
        }
        self.ops.connect = Some(op);
        self.responses.clear();
        self.warned.clear();
        self.pre_roll = PreRoll::default();
        self.recovery.begin(self.seed);
        if !self.history.messages().is_empty() {
            // The run takes over what there is: the model is to know what the host sees.
            let nothing = Error::new(ErrorClass::State, "connect", "the host connected");
            self.recovery.cause = Some((Why::Connect, nothing));
        }
        self.dial_with_credential("connect");
    }

    /// The next connection waits for a credential. Its time to connect does not run meanwhile.
    pub(super) fn await_credential(&mut self) {
        self.link = super::Link { epoch: self.next_epoch(), step: Step::Asking, ..Default::default() };
        self.on_the_way(Phase::Credential);
    }

    pub(super) fn dial(&mut self) {
        self.credentials.spent();
        self.codec.reset();
        // A connection has its number from the moment it was wanted.
        let epoch = if self.link.is_asking() { self.link.epoch } else { self.next_epoch() };
        self.link = super::Link { epoch, step: Step::Dialling, ..Default::default() };
        let left = self.credentials.connect_left_ms.take().unwrap_or(CONNECT_MS);
        self.link.connect_by = Some(self.now.after_ms(left));
        self.on_the_way(Phase::Dial);
        let request = self.codec.dial().clone();
        self.out.push_back(Output::Dial { epoch: self.link.epoch, request, beside: false });
    }

    /// Connections are numbered in the order they are wanted.
    pub(super) fn next_epoch(&mut self) -> u32 {
        self.epochs += 1;
        self.epochs
    }

    /// A step of connecting, for the first time or once more.
    fn on_the_way(&mut self, phase: Phase) {
        let status =
            if self.recovery.is_under_way() { self.recovery.status(phase) } else { Status::Connecting { phase } };
        self.set_status(status);
    }

    pub(super) fn disconnect(&mut self, op: OpId) {
        self.ops.disconnect.push(op);
        if let Some(connect) = self.ops.again.take() {
            let error = Error::new(ErrorClass::State, "cancelled", "disconnected before it began");
            self.complete(connect, Some(error));
        }
        let ended = Ended { by: EndedBy::User, code: "disconnected".into(), detail: String::new() };
        match self.link.step {
            Step::Down => self.finish_disconnects(),
            Step::Closing => {}
            _ => self.close(1000, Status::Idle { ended }),
        }
    }

    /// Starts an orderly close; the run ends when the transport says so, or after two seconds.
    fn close(&mut self, code: u16, ending: Status) {
        if self.link.is_asking() || self.link.is_waiting() {
            // There is no transport to wait for.
            return self.end(ending);
        }
        self.successor_over();
        self.out.push_back(Output::Close { epoch: self.link.epoch, code });
        self.link.step = Step::Closing;
        self.link.ending = Some(ending);
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
        if matches!(self.link.step, Step::Down | Step::Closing) {
            return;
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
        let again = self.config.recovery.reconnect && self.recovery.established;
        if again && !self.link.is_ending() && !self.link.is_down() {
            self.abandon_link();
            return self.lost(error, Why::Rollover);
        }
        if self.link.step != Step::Up {
            return self.fail(error);
        }
        let ended = Ended { by: EndedBy::Limit, code: error.code.to_string(), detail: error.message };
        self.close(1000, Status::Idle { ended });
    }

    pub(super) fn opened(&mut self, epoch: u32, unix_s: Option<u64>) {
        if self.successor_opened(epoch, unix_s) {
            return;
        }
        if epoch != self.link.epoch || self.link.step != Step::Dialling {
            self.stats.stale_inputs += 1;
            return;
        }
        self.link.step = Step::Greeting;
        self.link.opened_unix_s = unix_s;
        self.link.step_by = Some(self.now.after_ms(FIRST_EVENT_MS));
        self.on_the_way(Phase::Configure);
    }

    pub(super) fn greeted(&mut self, info: &SessionInfo) {
        self.take_effective(info);
        if self.link.step != Step::Greeting {
            return;
        }
        self.link.step = Step::Configuring;
        self.link.step_by = Some(self.now.after_ms(CONFIGURE_MS));
        if let Some(id) = self.send_own(&ProviderCommand::Configure) {
            self.ops.sent(id, Purpose::Configure, self.now);
        }
    }

    fn take_effective(&mut self, info: &SessionInfo) {
        self.link.server_interrupts = info.interrupts;
        self.link.server_answers = info.answers.unwrap_or(self.config.turn_detection.create_response);
        // The documented default; the effective session overrides it when it says so.
        self.link.silence_ms = info.silence_duration_ms.unwrap_or(500);
        self.session_lasts(info.expires_at, self.link.opened_unix_s);
    }

    pub(super) fn configured(&mut self, info: SessionInfo) {
        self.take_effective(&info);
        let mut differences = Vec::new();
        compare(&self.codec.wish(), &info.session, &mut String::new(), &mut differences);
        let effective = Arc::new(info.session);
        let told = SessionConfigured { effective: effective.clone(), differences };
        self.emit(EventKind::SessionConfigured(told));
        if let Some(format) = info.foreign_audio {
            // Going on would play noise.
            let error = Error::new(ErrorClass::Unsupported, "audio_format", format!("the session's audio is {format}"))
                .fix("remove the audio format from extra; duologue speaks the provider's PCM");
            return self.fail(error);
        }
        if self.link.step == Step::Configuring {
            self.in_force();
        } else if self.link.is_up() {
            self.update_confirmed(&effective);
        }
    }

    /// The configuration is in force: the session is told what was said, if anything was.
    fn in_force(&mut self) {
        self.link.step = Step::Replaying;
        self.link.step_by = Some(self.now.after_ms(REPLAY_MS));
        self.replay();
        self.replay_acknowledged();
    }

    /// Everything that is told was acknowledged, or nothing was to be told.
    pub(super) fn replay_acknowledged(&mut self) {
        if self.link.step == Step::Replaying && !self.ops.is_replaying() {
            self.up();
        }
    }

    fn up(&mut self) {
        self.link.step = Step::Up;
        self.link.connect_by = None;
        self.link.step_by = None;
        let first = !self.recovery.established;
        let cause = self.recovery.cause.take();
        self.speaking.connected_anew();
        self.recovered();
        self.set_status(Status::Connected);
        if let Some(op) = self.ops.connect.take() {
            self.complete(op, None);
        }
        if let Some((why, _)) = cause {
            self.tell_replaced(why);
        }
        if !first {
            return self.go_on();
        }
        // Nobody listens where no microphone is.
        if self.config.auto_capture && self.config.audio.input.source != AudioSource::None {
            self.set_capture(true);
        }
        if let Some(greeting) = self.config.greeting.clone() {
            self.say(None, greeting);
        }
    }

    /// The vendor refused the configuration: going on would be another session than asked for.
    pub(super) fn configuration_refused(&mut self, error: Error) {
        if self.link.step == Step::Configuring {
            self.fail(error);
        } else {
            self.emit(EventKind::Error(error));
            self.first_refused();
        }
    }

    pub(super) fn closed(&mut self, epoch: u32, code: Option<u16>, reason: &str, error: Option<Error>) {
        if self.successor_closed(epoch, error.as_ref()) {
            return;
        }
        if epoch != self.link.epoch || matches!(self.link.step, Step::Down | Step::Asking | Step::Waiting) {
            self.stats.stale_inputs += 1;
            return;
        }
        if self.asks_after_rejection(error.as_ref()) {
            return;
        }
        let ending = match (self.link.ending.take(), error) {
            (Some(ending), _) => ending,
            (None, Some(error)) => Status::Error { error: error.fatal() },
            (None, None) if code == Some(1000) && self.link.is_up() => {
                let detail = crate::error::redact(reason);
                Status::Idle { ended: Ended { by: EndedBy::Agent, code: "remote_closed".into(), detail } }
            }
            (None, None) => Status::Error { error: closed_by_peer(code, reason) },
        };
        if let Status::Error { error } = &ending
            && self.link.step != Step::Closing
        {
            if self.mends(error) {
                return self.lost(error.clone(), Why::Reconnect);
            }
            self.emit(EventKind::Error(error.clone()));
        }
        self.end(ending);
    }

    /// The run is over.
    fn end(&mut self, ending: Status) {
        self.credentials_run_over(&ending);
        self.successor_over();
        self.link = super::Link { epoch: self.link.epoch, ..Default::default() };
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

    fn finish_disconnects(&mut self) {
        for op in std::mem::take(&mut self.ops.disconnect) {
            self.complete(op, None);
        }
    }

    pub(super) fn timers(&mut self) {
        if self.offline_until().is_some_and(|t| self.now >= t) {
            self.abandon_link();
            return self.offline_for_too_long();
        }
        if self.link.probed_until.is_some_and(|t| self.now >= t) {
            let text = "nothing came from the service after the machine woke";
            return self.fail(Error::new(ErrorClass::Network, "silent", text).fix("connect again").retryable());
        }
        if self.link.connect_by.is_some_and(|t| self.now >= t) {
            return self.fail(timed_out("the connection was not ready within 30 s"));
        }
        if self.link.step_by.is_none_or(|t| self.now < t) {
            return;
        }
        self.link.step_by = None;
        match self.link.step {
            Step::Greeting => self.fail(timed_out("the service accepted the connection and said nothing for 5 s")),
            Step::Configuring => {
                let text = "the service did not confirm the configuration within 5 s; going on without";
                self.warn(ErrorClass::Protocol, "configuration_unconfirmed", text);
                self.first_unconfirmed();
                self.in_force();
            }
            Step::Replaying => {
                let text = "the service did not confirm within 5 s what it was told of the conversation";
                self.warn(ErrorClass::Protocol, "replay_unconfirmed", text);
                self.replay_cut_short();
                self.up();
            }
            Step::Waiting => self.try_again(),
            Step::Closing => {
                let ending = self.link.ending.take().unwrap_or_else(Status::never_connected);
                self.end(ending);
            }
            _ => {}
        }
    }

    pub(super) fn frame(&mut self, epoch: u32, frame: &Frame<'_>) {
        if self.successor_frame(epoch, frame) {
            return;
        }
        if epoch != self.link.epoch
            || matches!(self.link.step, Step::Down | Step::Asking | Step::Dialling | Step::Closing | Step::Waiting)
        {
            self.stats.stale_inputs += 1;
            return;
        }
        self.link.probed_until = None;
        self.recovery.unanswered = None;
        self.pre_roll.heard();
        let mut events = std::mem::take(&mut self.provider_events);
        match self.codec.decode(frame, &mut events) {
            Ok(()) => {
                for event in events.drain(..) {
                    self.incoming(event, frame);
                }
            }
            Err(error) => self.malformed(&error),
        }
        self.provider_events = events;
    }

    fn malformed(&mut self, error: &crate::provider::DecodeError) {
        self.stats.malformed += 1;
        self.warn_rarely(ErrorClass::Protocol, "malformed_event", crate::error::redact(&error.to_string()));
        let (now, window) = (self.now, &mut self.link.malformed);
        window.retain(|t| now.ms_since(*t) < MALFORMED_WINDOW_MS);
        window.push_back(now);
        if window.len() > MALFORMED {
            let text = format!("more than {MALFORMED} unreadable events in 10 s");
            self.fail(Error::new(ErrorClass::Protocol, "protocol", text));
        }
    }
}

/// How long the session lasts from now, milliseconds. The vendor's word is a moment on a clock of which ours is
/// a copy: where the two disagree by more than can be, its documented length counts.
pub(super) fn lasts_ms(expires_at: Option<u64>, unix_s: Option<u64>, most_s: Option<u64>) -> Option<u64> {
    let told = expires_at.zip(unix_s).and_then(|(end, now)| end.checked_sub(now)).filter(|s| *s > 0);
    let told = told.filter(|s| most_s.is_none_or(|most| *s <= most + most / 10));
    told.or(most_s).map(|s| s.saturating_mul(1000))
}

fn timed_out(message: &str) -> Error {
    Error::new(ErrorClass::Network, "timeout", message)
        .fix("check the network and the base URL, then connect again")
        .retryable()
}

fn closed_by_peer(code: Option<u16>, reason: &str) -> Error {
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
        Some(1008) => (ErrorClass::Provider, "policy", false),
        Some(1009) => (ErrorClass::Limit, "message_too_big", false),
        Some(_) => (ErrorClass::Protocol, "protocol", false),
    };
    let error = Error::new(class, word, text).fatal();
    if retry { error.retryable().fix("connect again") } else { error }
}
