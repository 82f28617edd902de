//! What time alone brings about: the queue, pings, and the ends of a silence.

use super::{
    closing::Closing,
    events, formats,
    peer::{Peer, Timer},
    turn::Turn,
};
use crate::simulator::clips;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// Pings that wait for their pong; older ones are forgotten.
const MOST_PINGS: usize = 16;
/// A latency above that says more about the client than about the way to it.
const LONGEST_LATENCY: Duration = Duration::from_secs(2);
/// What is played to who waits, in letters of 60 ms.
const HOLD: &str = "please hold the line";

/// When what has happened last.
pub(super) struct Watch {
    /// Anything of the user came.
    received: Instant,
    /// The user did something that breaks a silence.
    active: Instant,
    /// Nobody speaks, and nobody has to, since then.
    quiet: Option<Instant>,
    /// What the agent says now is said into a silence, which it does not break.
    prompting: bool,
    /// The agent says nothing of its own before this.
    held_off: Option<Instant>,
    /// In the queue.
    pub(super) queued: bool,
    pings: BTreeMap<u64, Instant>,
    ping: u64,
    latency: Option<Duration>,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            received: now,
            active: now,
            quiet: None,
            prompting: false,
            held_off: None,
            queued: false,
            pings: BTreeMap::new(),
            ping: 0,
            latency: None,
        }
    }

    pub(super) fn received(&mut self, now: Instant) {
        self.received = now;
    }

    /// The user breaks the silence.
    pub(super) fn active(&mut self, now: Instant) {
        self.active = now;
        self.quiet = None;
    }

    /// The agent is done, and it is the user's turn.
    pub(super) fn quiet(&mut self, now: Instant) {
        self.quiet = Some(now);
        if !std::mem::take(&mut self.prompting) {
            self.active = now;
        }
    }

    pub(super) fn hold_off(&mut self, until: Instant) {
        self.held_off = Some(until);
    }

    /// How long the agent is held off yet.
    pub(super) fn held_off(&self, now: Instant) -> Duration {
        self.held_off.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// The way to the client, half of the way there and back.
    pub(super) fn way(&self) -> Duration {
        self.latency.unwrap_or_default() / 2
    }
}

impl Peer {
    /// The conversation begins, or waits in the queue.
    pub(super) fn enter(&mut self) {
        let Some(queue) = self.agent().queue else { return self.open() };
        self.watch.queued = true;
        self.tell(events::queue_status("waiting"));
        self.later(Duration::from_millis(queue.wait_ms.into()), Timer::Admit);
        if self.text_only() {
            return;
        }
        // Inferred: the music has a number of its own, and no text.
        let format = self.agent().output_format;
        let music = formats::convert(&clips::tones(HOLD), format);
        let number = self.next_number();
        self.tell(events::audio(number, &formats::encode(&music, format), None, true));
    }

    /// The end of the queue.
    pub(super) fn admit(&mut self) {
        if self.agent().queue.is_some_and(|queue| queue.timed_out) {
            self.tell(events::queue_status("timed_out"));
            return self.end(Closing::with(4300, "Queue timed out"));
        }
        self.watch.queued = false;
        self.tell(events::queue_status("admitted"));
        self.open();
    }

    /// Inferred: pings have numbers of their own, since those of replies are said to be shared by audio, text and
    /// interruptions.
    pub(super) fn ping(&mut self) {
        self.watch.ping += 1;
        let (id, latency) = (self.watch.ping, self.watch.latency);
        self.watch.pings.insert(id, self.now);
        if self.watch.pings.len() > MOST_PINGS {
            self.watch.pings.pop_first();
        }
        self.tell(events::ping(id, latency.map(|latency| latency.as_millis() as u64)));
        self.later(Duration::from_millis(self.agent().ping_interval_ms.into()), Timer::Ping);
    }

    /// Nothing is known to follow from a pong that does not come.
    pub(super) fn pong(&mut self, message: &Value) -> Result<(), Closing> {
        let Some(id) = message["event_id"].as_u64() else {
            return Err(Closing::value("pong.event_id", "the event_id of a ping"));
        };
        if let Some(sent) = self.watch.pings.remove(&id) {
            self.watch.latency = Some(self.now.saturating_duration_since(sent).min(LONGEST_LATENCY));
        }
        Ok(())
    }

    /// When the next end of a silence is due.
    pub(super) fn silence_due(&self) -> Option<Instant> {
        let agent = self.agent();
        let after = |since: Instant, seconds: u32| since + Duration::from_secs(seconds.into());
        let received = after(self.watch.received, agent.input_timeout_s);
        let free = !self.hearing.busy() && !self.watch.queued && self.setup().is_some();
        let idle = matches!(self.turn, Turn::Idle) && free;
        let prompt = self.watch.quiet.zip(agent.turn_timeout_s).filter(|_| idle).map(|(since, s)| after(since, s));
        let hang_up = agent.silence_end_call_s.filter(|_| idle).map(|s| after(self.watch.active, s));
        [Some(received), prompt, hang_up].into_iter().flatten().min()
    }

    /// Does what a silence has led to.
    ///
    /// Inferred: a pong is no input of the user, and everything else is.
    pub(super) fn mind_silence(&mut self) {
        if self.silence_due().is_none_or(|due| due > self.now) {
            return;
        }
        let agent = self.agent();
        let passed = |since: Instant, seconds: u32| since + Duration::from_secs(seconds.into()) <= self.now;
        if passed(self.watch.received, agent.input_timeout_s) {
            let message = format!("No user input received for {} seconds", agent.input_timeout_s);
            return self.end(Closing::error("transport_receive_timeout", message));
        }
        if agent.silence_end_call_s.is_some_and(|s| passed(self.watch.active, s)) {
            return self.end(Closing::with(1000, "Silence timeout"));
        }
        self.watch.quiet = None;
        self.watch.prompting = true;
        let reply = self.script.idle();
        self.say(reply);
    }
}
