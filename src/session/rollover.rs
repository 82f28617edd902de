//! The vendor ends each session after a while. Some time before, the next one is opened beside it and made
//! ready; between two turns the conversation moves over, so that nobody hears it. When no turn ends in time it
//! moves all the same, just before the end.

use super::{
    Output, Session,
    connection::lasts_ms,
    link::{Carriage, Link},
    recovery::Why,
    resuming::Resuming,
};
use crate::{
    capabilities::Reconnect,
    config::{Config, CredentialSource},
    error::{Error, ErrorClass},
    provider::{Beginning, Codec, Frame, ProviderCommand, ProviderEvent, SessionInfo},
    session::Command,
    time::Time,
};
use std::sync::Arc;

/// How long before the end the next session is opened; of a short session a quarter is enough.
const AHEAD_MS: u64 = 300_000;
/// How long before the end nobody is waited for any more; of a short session a sixteenth.
const AT_LAST_MS: u64 = 5_000;
/// The whole of opening one.
const READY_MS: u64 = 30_000;
/// Between two tries to open one.
const AGAIN_MS: u64 = 15_000;

/// Nobody is dialled more often, however little time is left.
const LEAST_AGAIN_MS: u64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The host is asked for a credential.
    Asking,
    Dialling,
    Greeting,
    Configuring,
    Ready,
}

/// The session that will take over.
pub(super) struct Successor {
    epoch: u32,
    step: Step,
    by: Option<Time>,
    opened_at: Time,
    opened_unix_s: Option<u64>,
    carries: Carriage,
    codec: Box<dyn Codec>,
    /// What it was asked to be.
    config: Arc<Config>,
    info: Option<SessionInfo>,
}

/// When the present session ends, and who takes over.
#[derive(Default)]
pub(super) struct Rollover {
    successor: Option<Successor>,
    again_at: Option<Time>,
    /// How long the present session lasts in all.
    life_ms: u64,
    /// Another connection is wanted for a change, and not because this one ends.
    pub renewal: bool,
    /// What was in force before the changes that another connection is wanted for.
    pub before: Option<Arc<Config>>,
}

impl Rollover {
    /// A session of that length has begun.
    pub fn begin(&mut self, life_ms: u64) {
        (self.life_ms, self.again_at) = (life_ms, None);
    }

    fn ahead_ms(&self) -> u64 {
        AHEAD_MS.min(self.life_ms / 4)
    }

    fn at_last_ms(&self) -> u64 {
        AT_LAST_MS.min(self.life_ms / 16)
    }
}

impl Session {
    /// When something of it is due.
    pub(super) fn rollover_timeout(&self) -> Option<Time> {
        if !self.link.is_up() {
            return None;
        }
        let ends = self.rolls_over()?;
        Some(match &self.rollover.successor {
            None => back(ends, self.rollover.ahead_ms()).max(self.rollover.again_at.unwrap_or_default()),
            Some(s) if s.step == Step::Ready => back(ends, self.rollover.at_last_ms()).max(self.now),
            Some(s) => s.by?,
        })
    }

    /// When this session ends, where another takes over.
    fn rolls_over(&self) -> Option<Time> {
        let policy = &self.config.recovery;
        let can = matches!(self.codec.capabilities().reconnect, Some(Reconnect::Replay | Reconnect::Resume));
        let may = self.rollover.renewal || (policy.reconnect && policy.rollover && can);
        self.link.ends_at.filter(|_| may)
    }

    pub(super) fn roll_over(&mut self) {
        let Some(ends) = self.rolls_over().filter(|_| self.link.is_up()) else { return };
        self.successor_follows();
        if self.rollover.renewal && self.now >= ends && self.rollover.before.is_some() {
            let text = "no connection for the change could be opened";
            let error = Error::new(ErrorClass::Network, "timeout", text).retryable().fix("try again");
            self.successor_over();
            self.change_refused(&error);
            return;
        }
        match &self.rollover.successor {
            None => {
                let due = back(ends, self.rollover.ahead_ms()).max(self.rollover.again_at.unwrap_or_default());
                if self.now >= due {
                    self.open_successor();
                }
            }
            Some(s) if s.step == Step::Ready => {
                let at_last = self.now >= back(ends, self.rollover.at_last_ms());
                if at_last || self.is_between_turns() {
                    self.take_over();
                }
            }
            Some(s) if s.by.is_some_and(|by| self.now >= by) => {
                let text = "the next session was not ready in time";
                self.successor_failed(&Error::new(ErrorClass::Network, "timeout", text));
            }
            Some(_) => {}
        }
    }

    /// Nobody speaks, nobody is about to, and nothing waits.
    fn is_between_turns(&self) -> bool {
        let quiet =
            !self.speaking.user && !self.is_held() && !self.speaking.answer_expected && !self.pre_roll.is_open();
        let settled = self.sequencer.active().is_none() && !self.sequencer.waiting() && self.out_of_band.is_idle();
        let played = self.ledger.open().next().is_none() && !self.media.sounds_any() && !self.speaking.flushing();
        quiet
            && settled
            && played
            && self.tools.are_idle()
            && !self.tools.awaits
            && !self.codec.is_busy()
            && !self.ops.any_waits()
            && self.updates_are_settled()
    }

    fn open_successor(&mut self) {
        let epoch = self.next_epoch();
        let asks = self.config.credentials.source == CredentialSource::Asked;
        let (step, by) = (Step::Dialling, Some(self.now.after_ms(READY_MS)));
        let codec = self.codec.another();
        let (opened_at, config, carries) = (self.now, self.config.clone(), Carriage::default());
        let successor =
            Successor { epoch, step, by, opened_at, opened_unix_s: None, carries, codec, config, info: None };
        self.rollover.successor = Some(successor);
        if asks && !self.has_fresh_credential() {
            if let Some(s) = &mut self.rollover.successor {
                // Its own deadline is that of the request.
                (s.step, s.by) = (Step::Asking, None);
            }
            return self.ask_for_successor();
        }
        self.dial_successor();
    }

    /// A credential for the next session is wanted.
    pub(super) fn successor_asks(&self) -> bool {
        self.rollover.successor.as_ref().is_some_and(|s| s.step == Step::Asking)
    }

    /// The next session is being dialled.
    pub(super) fn successor_dials(&self) -> bool {
        self.rollover.successor.as_ref().is_some_and(|s| s.step == Step::Dialling)
    }

    /// There is a credential for it.
    pub(super) fn dial_successor(&mut self) {
        self.credentials.spent();
        let by = self.now.after_ms(READY_MS);
        let Some(s) = &mut self.rollover.successor else { return };
        (s.step, s.by) = (Step::Dialling, Some(by));
        let request = self.way.request(&*s.codec);
        self.out.push_back(Output::Dial { epoch: s.epoch, request, beside: true });
    }

    /// The next session could not be opened; the present one goes on.
    pub(super) fn successor_failed(&mut self, error: &Error) {
        self.successor_over();
        if !error.retryable && self.change_refused(error) {
            return;
        }
        self.rollover.again_at = Some(self.now.after_ms(AGAIN_MS.min(self.rollover.life_ms / 8).max(LEAST_AGAIN_MS)));
        let text = format!("the session that is to follow could not be opened, and will be tried again: {error}");
        self.warn_rarely(ErrorClass::Network, "rollover_failed", text);
    }

    /// There is none, whatever it was doing.
    pub(super) fn successor_over(&mut self) {
        if let Some(s) = self.rollover.successor.take_if(|s| s.step != Step::Asking) {
            self.out.push_back(Output::Close { epoch: s.epoch, code: 1000 });
        }
        self.rollover.successor = None;
    }

    /// What its transport carries; false: it is not of the next session.
    pub(super) fn successor_carries(&mut self, epoch: u32, carries: Carriage) -> bool {
        let Some(s) = self.rollover.successor.as_mut().filter(|s| s.epoch == epoch) else { return false };
        s.carries = carries;
        true
    }

    /// A transport opened; true: it is the next session's.
    pub(super) fn successor_opened(&mut self, epoch: u32, unix_s: Option<u64>) -> bool {
        let Some(s) = self.rollover.successor.as_mut().filter(|s| s.epoch == epoch) else { return false };
        s.step = Step::Greeting;
        (s.opened_at, s.opened_unix_s) = (self.now, unix_s);
        if self.resuming.can() {
            // Whose conversation it goes on with it says when that has ended elsewhere.
            s.step = Step::Ready;
            s.by = None;
        } else if s.codec.quirks().speaks_first {
            self.configure_successor();
        }
        true
    }

    /// A transport closed; true: it was the next session's.
    pub(super) fn successor_closed(&mut self, epoch: u32, error: &Error) -> bool {
        if self.rollover.successor.take_if(|s| s.epoch == epoch).is_none() {
            return false;
        }
        self.successor_failed(error);
        true
    }

    /// A frame came; true: it is the next session's.
    pub(super) fn successor_frame(&mut self, epoch: u32, frame: &Frame<'_>) -> bool {
        let Some(s) = self.rollover.successor.as_mut().filter(|s| s.epoch == epoch) else { return false };
        let mut events = Vec::new();
        if s.codec.decode(frame, &mut events).is_err() {
            self.stats.malformed += 1;
        }
        for event in events {
            self.successor_event(event);
        }
        true
    }

    fn successor_event(&mut self, event: ProviderEvent) {
        let Some(step) = self.rollover.successor.as_ref().map(|s| s.step) else { return };
        match event {
            ProviderEvent::SessionCreated(_) if step == Step::Greeting => self.configure_successor(),
            ProviderEvent::SessionUpdated(info) if step == Step::Configuring => {
                if let Some(s) = &mut self.rollover.successor {
                    (s.step, s.by, s.info) = (Step::Ready, None, Some(*info));
                }
            }
            ProviderEvent::Error(error) => {
                self.successor_failed(&super::incoming::vendor_error(&error, "the service refused it"));
            }
            _ => {}
        }
    }

    /// The next session is asked to be as the present one is wished to be.
    fn configure_successor(&mut self) {
        let event_id = self.id("evt");
        let (config, by) = (self.config.clone(), self.now.after_ms(READY_MS));
        let told = !self.history.messages().is_empty();
        let Some(s) = &mut self.rollover.successor else { return };
        let told = if told { Beginning::Told } else { Beginning::Fresh };
        let configured = s.codec.configure(&config);
        s.codec.begins(told);
        let asked = configured.and_then(|()| s.codec.encode(&ProviderCommand::Configure, &event_id));
        let asked = asked.and_then(|text| text.map(|text| s.carries.fits(text)).transpose());
        match asked {
            Ok(text) => {
                (s.step, s.by, s.config) = (Step::Configuring, Some(s.by.unwrap_or(by)), config);
                let epoch = s.epoch;
                self.out.extend(text.map(|text| Output::Send { epoch, text, audio: false }));
            }
            Err(error) => self.successor_failed(&error),
        }
    }

    /// What was changed since the next session was configured is changed there, too.
    fn successor_follows(&mut self) {
        let Some(s) = self.rollover.successor.as_mut().filter(|s| s.step == Step::Ready && s.info.is_some()) else {
            return;
        };
        if Arc::ptr_eq(&s.config, &self.config) {
            return;
        }
        if s.codec.wish() == self.codec.wish() {
            // It concerns this side only.
            s.config = self.config.clone();
            return;
        }
        if s.codec.quirks().configured_once {
            // One that is as it should be takes its place.
            self.successor_over();
            return;
        }
        self.configure_successor();
    }

    /// The conversation moves over in good time.
    fn take_over(&mut self) {
        let epoch = self.link.epoch;
        self.out.push_back(Output::Close { epoch, code: 1000 });
        self.resuming.leave(epoch);
        let (why, code, text) = if self.rollover.renewal {
            (Why::Reconfigure, "reconfigured", "a change takes a new connection")
        } else {
            (Why::Rollover, "session_expired", "the session was about to end")
        };
        self.move_over(why, Error::new(ErrorClass::Limit, code, text));
    }

    /// The present session is gone. True: the next one was ready and has taken over.
    pub(super) fn successor_takes_over(&mut self, why: Why, error: &Error) -> bool {
        // What broke the one connection broke the other as well.
        let both = matches!(error.code.as_ref(), "silent" | "network_changed");
        let ready = self.rollover.successor.as_ref().is_some_and(|s| s.step == Step::Ready);
        if !ready || both {
            return false;
        }
        self.move_over(why, error.clone());
        true
    }

    fn move_over(&mut self, why: Why, ended: Error) {
        let Some(Successor { epoch, opened_at, opened_unix_s, carries, codec, info, .. }) =
            self.rollover.successor.take()
        else {
            return;
        };
        self.rollover.renewal = false;
        // The host sees one connection all the time.
        for op in self.take_pings() {
            self.hold(op, Command::Ping);
        }
        self.move_on(&ended);
        self.recovery.cause = Some((why, ended));
        self.codec = codec;
        self.link = Link::to_configure(epoch, opened_at, opened_unix_s, carries);
        if let Some(info) = info {
            // It is told what was said.
            self.resuming = Resuming::told(self.config.clone());
            return self.configured(info);
        }
        // The codec was made when the connection was wanted.
        if let Err(error) = self.codec.configure(&self.config) {
            return self.fail(error);
        }
        if self.resuming.is_leaving() {
            self.link.leave_by(self.leave_by());
        } else {
            self.configure_vendor();
        }
    }

    /// The vendor says that it ends the connection soon.
    pub(super) fn ends_in(&mut self, ms: u64) {
        let ends = self.now.after_ms(ms);
        if self.link.ends_at.is_none_or(|at| at > ends) {
            self.link.ends_at = Some(ends);
            // The next one is opened now: there is no more time than that.
            self.rollover.begin(ms.saturating_mul(4));
        }
    }

    /// A session is in force: how long it lasts, from when it was opened.
    pub(super) fn session_lasts(&mut self, expires_at: Option<u64>, unix_s: Option<u64>) {
        if self.link.ends_at.is_some() {
            return;
        }
        let Some(life) = lasts_ms(expires_at, unix_s, self.codec.capabilities().max_session_s) else { return };
        self.link.ends_at = Some(self.link.opened_at.unwrap_or(self.now).after_ms(life));
        self.rollover.begin(life);
    }
}

fn back(from: Time, ms: u64) -> Time {
    Time(from.0.saturating_sub(ms.saturating_mul(1000)))
}
