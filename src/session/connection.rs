//! From dialling to the acknowledged configuration.

use super::{
    Output, Session,
    effective::compare,
    ending::agent_ended,
    link::{Link, Step},
    ops::Purpose,
    pre_roll::PreRoll,
    recovery::Why,
    resuming::Resuming,
    way::Way,
};
use crate::{
    config::AudioSource,
    error::{Error, ErrorClass},
    event::{Completed, Direction, EventKind, OpId, Phase, SessionConfigured, Status},
    message::ResponseId,
    provider::{Frame, ProviderCommand, ProviderEvent, SessionInfo},
};
use std::sync::Arc;

/// Limits of each step, milliseconds.
const CONNECT_MS: u64 = 30_000;
const FIRST_EVENT_MS: u64 = 5_000;
const CONFIGURE_MS: u64 = 5_000;
/// The same where nothing can go on without it.
const SETUP_MS: u64 = 15_000;
const REPLAY_MS: u64 = 5_000;
/// More malformed frames than this in ten seconds end the run.
const MALFORMED: usize = 20;
const MALFORMED_WINDOW_MS: u64 = 10_000;

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
        self.hear_no_more();
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
        self.resuming = Resuming::default();
        self.way = Way::default();
        if !self.history.messages().is_empty() {
            // The run takes over what there is: the model is to know what the host sees.
            let nothing = Error::new(ErrorClass::State, "connect", "the host connected");
            self.recovery.cause = Some((Why::Connect, nothing));
        }
        self.dial_with_credential("connect");
    }

    /// The next connection waits for a credential. Its time to connect does not run meanwhile.
    pub(super) fn await_credential(&mut self) {
        self.link = Link { epoch: self.next_epoch(), step: Step::Asking, ..Default::default() };
        self.on_the_way(Phase::Credential);
    }

    pub(super) fn dial(&mut self) {
        self.credentials.spent();
        self.codec.reset();
        // A connection has its number from the moment it was wanted.
        let epoch = if self.link.is_asking() { self.link.epoch } else { self.next_epoch() };
        self.link = Link { epoch, step: Step::Dialling, ..Default::default() };
        let left = self.credentials.connect_left_ms.take().unwrap_or(CONNECT_MS);
        self.link.connect_by = Some(self.now.after_ms(left));
        self.on_the_way(Phase::Dial);
        let request = self.way.request(&*self.codec);
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

    pub(super) fn opened(&mut self, epoch: u32, unix_s: Option<u64>) {
        if self.successor_opened(epoch, unix_s) {
            return;
        }
        if epoch != self.link.epoch || self.link.step != Step::Dialling {
            self.stats.stale_inputs += 1;
            return;
        }
        self.link.step = Step::Greeting;
        (self.link.opened_at, self.link.opened_unix_s) = (Some(self.now), unix_s);
        self.link.step_by = Some(self.now.after_ms(FIRST_EVENT_MS));
        self.on_the_way(Phase::Configure);
        if self.codec.quirks().speaks_first {
            self.configure_vendor();
        }
    }

    pub(super) fn greeted(&mut self, info: &SessionInfo) {
        self.take_effective(info);
        if let Some(model) = &info.other_model {
            let text = format!("the service answers with {model:?} and not with the model that was asked for");
            self.warn(ErrorClass::Provider, "model_replaced", crate::error::redact(&text));
        }
        if self.link.step == Step::Greeting {
            self.configure_vendor();
        }
    }

    pub(super) fn configure_vendor(&mut self) {
        self.link.step = Step::Configuring;
        let once = self.codec.quirks().configured_once;
        self.link.step_by = Some(self.now.after_ms(if once { SETUP_MS } else { CONFIGURE_MS }));
        self.begin_conversation();
        match self.send(&ProviderCommand::Configure) {
            Ok(id) => drop(self.ops.sent(id, Purpose::Configure, self.now)),
            // Without it there would be a session, and not the one that is wanted.
            Err(error) => self.fail(error),
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
        self.catch_up();
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
        self.rollover.before = None;
        let first = !self.recovery.established;
        let cause = self.recovery.cause.take();
        let stream_from = self.link.opened_at.filter(|_| self.link.carries.media);
        self.speaking.connected_anew(stream_from);
        self.recovered();
        self.set_status(Status::Connected);
        if let Some(op) = self.ops.connect.take() {
            self.complete(op, None);
        }
        self.tell_transport(cause.as_ref().map(|(_, error)| &*error.code));
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
        if let Some(greeting) = self.config.greeting.clone().filter(|_| !self.codec.quirks().greets) {
            self.say(None, greeting);
        }
    }

    /// The vendor refused the configuration: going on would be another session than asked for.
    pub(super) fn configuration_refused(&mut self, error: Error) {
        if self.resume_refused(&error, true) {
            return;
        }
        if self.link.step == Step::Configuring {
            self.fail(error);
        } else {
            self.emit(EventKind::Error(error));
            self.first_refused();
        }
    }

    pub(super) fn timers(&mut self) {
        if self.offline_until().is_some_and(|t| self.now >= t) {
            // The try that is waited for was not made.
            let tries = self.recovery.attempt.saturating_sub(self.link.is_waiting().into());
            self.abandon_link();
            return self.offline_for_too_long(tries, None);
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
            // It takes nothing else before.
            Step::Configuring if self.codec.quirks().configured_once => {
                self.resuming.breaks();
                self.fail(timed_out("the service did not take the setup within 15 s"));
            }
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
            // It does not say so in time.
            Step::Leaving => self.configure_vendor(),
            Step::Waiting => self.try_again(),
            Step::Up if self.goes() => {
                self.abandon_link();
                self.end(agent_ended());
            }
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
                if !events.iter().all(|event| matches!(event, ProviderEvent::Audio { .. }))
                    && let Some(text) = frame.text()
                {
                    self.raw(Direction::Output, text);
                }
                for event in events.drain(..) {
                    self.incoming(event, frame);
                }
            }
            Err(error) => self.malformed(&error),
        }
        self.provider_events = events;
        self.answer_vendor();
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

/// How long the session lasts in all, milliseconds. The vendor's word is a moment on a clock of which ours is
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
