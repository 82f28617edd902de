//! The connection as the session sees it: its number, the step it is at and when that has to be over.

use super::io::Fallback;
use crate::{
    capabilities::TransportKind,
    error::{Error, ErrorClass, Result},
    event::Status,
    time::Time,
};
use std::collections::VecDeque;

/// Where the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Step {
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
    /// Open; the connection whose conversation goes on here is not gone yet.
    Leaving,
    /// Between two tries.
    Waiting,
    /// We asked for an orderly close; the status the run ends with is kept in [`Link::ending`].
    Closing,
}

/// What a transport is and carries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carriage {
    pub transport: TransportKind,
    /// Why it is not the one that was tried first.
    pub fallback: Option<Fallback>,
    /// Sound beside the events.
    pub media: bool,
    /// The longest event in bytes; absent: any.
    pub max_event_bytes: Option<u64>,
}

impl Carriage {
    /// # Errors
    /// `event_too_big` (class `limit`) for what is too long for it.
    pub fn fits(&self, event: String) -> Result<String> {
        match self.max_event_bytes {
            Some(most) if event.len() as u64 > most => {
                let text = format!("an event of {} bytes; this connection carries at most {most}", event.len());
                Err(Error::new(ErrorClass::Limit, "event_too_big", text).fix("send less, or connect over WebSocket"))
            }
            _ => Ok(event),
        }
    }
}

/// The connection.
#[derive(Debug, Default)]
pub struct Link {
    /// Number of the connection.
    pub epoch: u32,
    pub(super) step: Step,
    /// End of the whole connect.
    pub(super) connect_by: Option<Time>,
    /// End of the present step.
    pub(super) step_by: Option<Time>,
    pub(super) ending: Option<Status>,
    /// Frames that were still to be heard when that was looked at last, while what the agent said is heard out.
    pub unheard: u64,
    pub(super) malformed: VecDeque<Time>,
    /// The vendor cancels by itself when the user speaks.
    pub server_interrupts: bool,
    /// The vendor answers by itself when the user stops.
    pub server_answers: bool,
    /// Silence the vendor waits for at the end of a turn.
    pub silence_ms: u64,
    /// When the transport opened.
    pub(super) opened_at: Option<Time>,
    /// The same in seconds since 1970.
    pub(super) opened_unix_s: Option<u64>,
    /// What the transport carries.
    pub carries: Carriage,
    /// When the vendor ends the session.
    pub ends_at: Option<Time>,
    /// The vendor said itself that it does.
    pub announced: bool,
    /// When a connection that may be dead is taken for dead.
    pub probed_until: Option<Time>,
}

impl Link {
    /// The connection of this number, on its way.
    pub fn to_configure(epoch: u32, opened_at: Time, opened_unix_s: Option<u64>, carries: Carriage) -> Self {
        Self { epoch, step: Step::Configuring, opened_at: Some(opened_at), opened_unix_s, carries, ..Self::default() }
    }

    /// An orderly close is under way.
    pub fn is_ending(&self) -> bool {
        self.step == Step::Closing
    }

    /// Open, and nothing was said yet.
    pub fn is_greeting(&self) -> bool {
        self.step == Step::Greeting
    }

    /// The configuration is sent and not confirmed.
    pub fn is_configuring(&self) -> bool {
        self.step == Step::Configuring
    }

    /// The connection before is not gone yet.
    pub fn is_leaving(&self) -> bool {
        self.step == Step::Leaving
    }

    /// The connection before has so much time to go.
    pub fn leave_by(&mut self, by: Time) {
        (self.step, self.step_by) = (Step::Leaving, Some(by));
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
