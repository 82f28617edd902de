//! The faults at work: which request is refused, and what becomes of the events of a connection.

use super::{
    breakage,
    connection::Ended,
    elevenlabs, events, gemini,
    ids::Ids,
    journal::Journal,
    scenario::{Fault, Scenario, What, When},
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// An event that waits for another one to change places with waits no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What requests are for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Door {
    Upgrade,
    ClientSecret,
}

/// The faults of one simulator.
pub(super) struct Desk {
    scenario: Arc<Scenario>,
    journal: Journal,
    upgrades: AtomicU64,
    secrets: AtomicU64,
}

impl Desk {
    pub(super) fn new(scenario: Arc<Scenario>, journal: Journal) -> Self {
        Self { scenario, journal, upgrades: AtomicU64::new(0), secrets: AtomicU64::new(0) }
    }

    /// What goes wrong with a request, which is counted here.
    pub(super) fn request(&self, door: Door) -> Option<What> {
        let counter = if door == Door::Upgrade { &self.upgrades } else { &self.secrets };
        let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
        let fits = |fault: &&Fault| {
            let from = match (door, &fault.when) {
                (Door::Upgrade, When::Upgrade(n)) | (Door::ClientSecret, When::ClientSecret(n)) => u64::from(*n),
                _ => return false,
            };
            (from..from + u64::from(fault.times)).contains(&number)
        };
        let fault = self.scenario.faults.iter().find(fits)?;
        self.journal.fault(fault, None);
        Some(fault.what.clone())
    }

    /// How long the session of a connection lasts.
    pub(super) fn life(&self, connection: u64) -> Duration {
        let cap = self.scenario.faults.iter().filter(|fault| fault.is_on(connection)).find_map(|fault| {
            let What::SessionCap(cap) = &fault.what else { return None };
            self.journal.fault(fault, Some(connection));
            Some(Duration::from_millis(cap.ms.into()))
        });
        cap.unwrap_or(Duration::from_secs(self.scenario.delivery.session_s.into()))
    }
}

/// What the connection does next.
pub(super) enum Out {
    /// Send a frame; the event is noted in the journal.
    Frame(Message, Option<Value>),
    /// Neither read nor write for a while.
    Stall(Duration),
    End(Ended),
}

/// A fault that waits for its moment on a connection.
struct Armed {
    fault: Fault,
    /// Events of its type so far.
    seen: u32,
    left: u32,
    /// Its moment has come; it takes what is next.
    ready: bool,
}

/// Whose events go over a line.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Vendor {
    /// OpenAI, and who speaks its dialect.
    OpenAi,
    /// Events are binary frames.
    Google,
    ElevenLabs,
}

/// The events of one connection on their way to the wire.
pub(super) struct Line {
    journal: Journal,
    connection: u64,
    armed: Vec<Armed>,
    began: Instant,
    life: Duration,
    /// Events so far.
    count: u32,
    delay: Duration,
    queue: VecDeque<(Instant, Out)>,
    /// An event that changes places with the next one, and the latest time for it.
    held: Option<(Instant, Vec<Out>)>,
    /// The second half of an audio sample.
    half: Option<u8>,
    vendor: Vendor,
    ids: Ids,
    over: bool,
}

impl Line {
    /// The line of a connection that has just come up.
    pub(super) fn new(scenario: &Scenario, journal: Journal, connection: u64, life: Duration) -> Self {
        let mine = scenario.faults.iter().filter(|fault| fault.is_on(connection));
        let on_the_wire = mine.filter(|fault| {
            !matches!(fault.when, When::Upgrade(_) | When::ClientSecret(_))
                && !matches!(fault.what, What::SessionCap(_))
        });
        let arm = |fault: &Fault| Armed { fault: fault.clone(), seen: 0, left: fault.times, ready: false };
        let mut line = Self {
            journal,
            connection,
            armed: on_the_wire.map(arm).collect(),
            began: Instant::now(),
            life,
            count: 0,
            delay: Duration::ZERO,
            queue: VecDeque::new(),
            held: None,
            half: None,
            vendor: Vendor::OpenAi,
            ids: Ids::new(),
            over: false,
        };
        line.reach(|armed| armed.fault.when == When::Connect);
        line
    }

    /// The same for a connection that speaks Gemini Live.
    pub(super) fn google(mut self) -> Self {
        self.vendor = Vendor::Google;
        self
    }

    /// The same for one that speaks ElevenLabs Agents.
    pub(super) fn elevenlabs(mut self) -> Self {
        self.vendor = Vendor::ElevenLabs;
        self
    }

    /// Takes the next event of the session.
    pub(super) fn pass(&mut self, event: Value) {
        if self.over {
            return;
        }
        self.count = self.count.saturating_add(1);
        if self.armed.is_empty() {
            return self.push(sound(event));
        }
        let named = event["type"].as_str().or_else(|| gemini::kind(&event));
        let (kind, audio) = (named.unwrap_or_default().to_owned(), breakage::is_audio(&event));
        let mut fired = Vec::new();
        for armed in self.armed.iter_mut().filter(|armed| armed.left > 0) {
            armed.ready |= match &armed.fault.when {
                When::Events(number) => self.count == *number,
                When::Event(nth) if nth.kind == kind => {
                    armed.seen += 1;
                    // Each of its type from here on, as often as it happens.
                    armed.seen >= nth.nth
                }
                _ => false,
            };
            if armed.ready && (audio || !armed.fault.what.needs_audio()) {
                armed.left -= 1;
                // One that goes by a type waits for the next of that type.
                armed.ready = armed.left > 0 && !matches!(armed.fault.when, When::Event(_));
                fired.push(armed.fault.clone());
            }
        }
        self.carry(event, &fired);
    }

    /// A client event of this type was understood.
    pub(super) fn received(&mut self, kind: &str) {
        self.reach(|armed| match &armed.fault.when {
            When::ClientEvent(nth) if nth.kind == kind => {
                armed.seen += 1;
                armed.seen == nth.nth
            }
            _ => false,
        });
    }

    /// Does what is due.
    pub(super) fn on_time(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.began);
        self.reach(|armed| matches!(armed.fault.when, When::AfterMs(ms) if !armed.ready && passed >= ms_of(ms)));
        if self.held.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.release();
        }
    }

    /// When [`Line::on_time`] or [`Line::next`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timed = self.armed.iter().filter(|armed| armed.left > 0 && !armed.ready).filter_map(|armed| {
            let When::AfterMs(ms) = armed.fault.when else { return None };
            Some(self.began + ms_of(ms))
        });
        let queued = self.queue.front().map(|(due, _)| *due);
        let held = self.held.as_ref().map(|(until, _)| *until);
        timed.chain(queued).chain(held).min()
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Out> {
        self.queue.front().filter(|(due, _)| *due <= now)?;
        let (_, out) = self.queue.pop_front()?;
        if let Out::Frame(_, Some(event)) = &out {
            self.journal.server(self.connection, event);
        }
        Some(match out {
            Out::Frame(frame, event) if self.vendor == Vendor::Google => {
                Out::Frame(Message::binary(frame.into_data()), event)
            }
            out => out,
        })
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.held.is_none()
    }

    /// Marks faults whose moment has come; what is not about an event happens now.
    fn reach(&mut self, now: impl Fn(&mut Armed) -> bool) {
        let mut fired = Vec::new();
        for armed in self.armed.iter_mut().filter(|armed| armed.left > 0) {
            if !now(armed) {
                continue;
            }
            if armed.fault.what.is_about_an_event() {
                armed.ready = true;
            } else {
                armed.left = 0;
                fired.push(armed.fault.clone());
            }
        }
        for fault in fired {
            self.journal.fault(&fault, Some(self.connection));
            self.strike(&fault.what);
        }
    }

    /// Sends an event with what happens to it, then does what happens after it.
    fn carry(&mut self, mut event: Value, fired: &[Fault]) {
        let (mut copies, mut swap, mut before) = (1, false, Vec::new());
        let mut odd = false;
        for fault in fired {
            self.journal.fault(fault, Some(self.connection));
            match &fault.what {
                What::Slow(slow) => self.delay = ms_of(slow.ms),
                What::Duplicate => copies = 2,
                What::Omit => copies = 0,
                What::Reorder => swap = true,
                What::Broken(how) => match breakage::extra(*how, &event) {
                    Some(frame) => before.push(Out::Frame(frame, None)),
                    None => odd |= breakage::harm(*how, &mut event),
                },
                _ => {}
            }
        }
        if odd || self.half.is_some() {
            breakage::shift_audio(&mut event, &mut self.half, odd);
        }
        let mut frames = before;
        for _ in 0..copies {
            frames.push(sound(event.clone()));
        }
        if swap && self.held.is_none() {
            self.held = Some((Instant::now() + LONGEST_WAIT, frames));
        } else {
            frames.into_iter().for_each(|out| self.push(out));
            self.release();
        }
        for fault in fired {
            self.strike(&fault.what);
        }
    }

    /// What happens to the connection.
    fn strike(&mut self, what: &What) {
        match what {
            What::Close(close) => self.end(Ended::Closed(close.code, close.reason.clone())),
            What::Drop => self.end(Ended::Dropped),
            What::Reset => self.end(Ended::Reset),
            What::HalfOpen => self.end(Ended::HalfOpen),
            What::Stall(stall) => self.push(Out::Stall(ms_of(stall.ms))),
            What::Giant(giant) => self.push(Out::Frame(breakage::giant(giant.bytes as usize), None)),
            What::Expire if self.vendor == Vendor::Google => {
                self.end(Ended::Closed(1011, "Deadline expired before operation could complete.".to_owned()))
            }
            What::Expire if self.vendor == Vendor::ElevenLabs => {
                let (error, code, reason) = elevenlabs::lived_out();
                self.push(sound(error));
                self.end(Ended::Closed(code, reason));
            }
            What::Expire => {
                let message = events::lived_out(self.life);
                self.say("session_expired", &message);
                self.end(Ended::Closed(1001, message));
            }
            What::Error(error) => {
                self.say(&error.code, &error.message);
                if let Some(close) = &error.close {
                    self.end(Ended::Closed(close.code, close.reason.clone()));
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, code: &str, message: &str) {
        match self.vendor {
            Vendor::Google => return self.push(sound(json!({"error": {"message": message, "status": code}}))),
            Vendor::ElevenLabs => return self.push(sound(elevenlabs::error_event(code, message))),
            Vendor::OpenAi => {}
        }
        let mut event = events::vendor_error(code, message);
        event["event_id"] = json!(self.ids.next("event_"));
        self.push(sound(event));
    }

    fn release(&mut self) {
        if let Some((_, frames)) = self.held.take() {
            frames.into_iter().for_each(|out| self.push(out));
        }
    }

    fn end(&mut self, ended: Ended) {
        self.push(Out::End(ended));
        self.held = None;
        self.over = true;
    }

    fn push(&mut self, out: Out) {
        if self.over {
            return;
        }
        let due = Instant::now() + self.delay;
        // Nothing overtakes when a delay becomes shorter.
        let due = self.queue.back().map_or(due, |(last, _)| due.max(*last));
        self.queue.push_back((due, out));
    }
}

/// An event as it is.
fn sound(event: Value) -> Out {
    Out::Frame(Message::text(event.to_string()), Some(event))
}

fn ms_of(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}
