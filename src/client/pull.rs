//! The speaker of a host that pulls: a device speaker whose callback is the host's.

use crate::{
    audio::{
        playout::{Playout, PlayoutReader, PlayoutReport, playout_with_tap},
        tap::Tap,
    },
    error::Result,
    time::Time,
};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::*},
    },
};

/// A flush nobody pulls is settled after this long.
const SETTLE_MS: u64 = 100;
/// Downstream latency beyond this is a clock that was mistaken, and counts as this.
pub(super) const MAX_LATENCY_US: u64 = 1_000_000;

/// The host's half.
pub(super) struct PullPort {
    reader: Mutex<PlayoutReader>,
    /// Pulls so far, so that the driver sees whether anybody does.
    pulls: AtomicU64,
    /// From the newest pull to the loudspeaker.
    latency_us: AtomicU64,
    tap: Arc<Tap>,
}

impl PullPort {
    /// Fills `out` and returns the frames that are no silence. Callback-safe: no allocation, no
    /// waiting. The driver takes the lock only to exchange the reader, and never waits for it either.
    pub fn pull(&self, out: &mut [i16], latency_us: u64) -> usize {
        let Some(mut reader) = self.reader.try_lock() else {
            out.fill(0);
            return 0;
        };
        if out.is_empty() {
            return 0;
        }
        // Before the frames, so that whoever sees them played knows when they are heard.
        let latency_us = latency_us.min(MAX_LATENCY_US);
        self.latency_us.store(latency_us, Release);
        self.tap.set_lag_us(latency_us);
        self.pulls.fetch_add(1, Release);
        reader.render(out)
    }
}

/// A flush that waits for a pull.
struct Waiting {
    since: Time,
    pulls: u64,
}

/// The driver's half.
pub(super) struct PullSpeaker {
    playout: Playout,
    port: Arc<PullPort>,
    rate: u32,
    /// Reports in their order, with the time when what they tell has left the loudspeaker.
    on_the_way: VecDeque<(Time, PlayoutReport)>,
    /// Ring frames known to be pulled.
    pulled: u64,
    flush: Option<Waiting>,
}

impl PullSpeaker {
    /// A speaker from the provider's rate to the host's, and the half for the host.
    pub fn new(source_rate: u32, rate: u32, wake: &Arc<AtomicWaker>, tap: &Arc<Tap>) -> Result<(Self, Arc<PullPort>)> {
        let (playout, reader) = playout_with_tap(source_rate, rate, wake.clone(), tap.clone())?;
        let (pulls, latency_us) = (AtomicU64::new(0), AtomicU64::new(0));
        let port = Arc::new(PullPort { reader: Mutex::new(reader), pulls, latency_us, tap: tap.clone() });
        let (on_the_way, pulled, flush) = (VecDeque::new(), 0, None);
        Ok((Self { playout, port: port.clone(), rate, on_the_way, pulled, flush }, port))
    }

    pub fn push(&mut self, pcm: &[i16]) {
        self.playout.push(pcm);
        self.playout.pump();
    }

    pub fn item_end(&mut self) {
        self.playout.item_end();
        self.playout.pump();
    }

    pub fn flush(&mut self, now: Time) {
        self.playout.flush();
        self.watch_flush(now);
    }

    /// What has left the loudspeaker by now; call until `None`.
    pub fn report(&mut self, now: Time) -> Option<PlayoutReport> {
        // Whatever was pulled made room.
        self.playout.pump();
        self.watch_flush(now);
        self.collect(now);
        self.on_the_way.front().filter(|(at, _)| *at <= now)?;
        self.on_the_way.pop_front().map(|(_, report)| report)
    }

    /// When [`Self::report`] has something by the clock.
    pub fn due(&self) -> Option<Time> {
        let heard = self.on_the_way.front().map(|(at, _)| *at);
        let settled = self.flush.as_ref().map(|f| f.since.after_ms(SETTLE_MS));
        heard.into_iter().chain(settled).min()
    }

    /// The client is over, and so is waiting: what was pulled counts.
    pub fn settle(&mut self, now: Time) {
        if self.playout.is_flushing() {
            self.settle_flush();
        }
        self.collect(now);
        self.on_the_way.iter_mut().for_each(|(at, _)| *at = now.min(*at));
    }

    pub fn underruns(&self) -> u64 {
        self.playout.underruns()
    }

    /// Takes what the pulls did, and notes when it is heard.
    fn collect(&mut self, now: Time) {
        while let Some(report) = self.playout.report() {
            let last = self.on_the_way.back().map_or(Time(0), |(at, _)| *at);
            let frames = match report {
                PlayoutReport::Position { frames } => frames,
                PlayoutReport::Flushed { played, .. } => played,
                // Where playing has got to already.
                PlayoutReport::Anchor { .. } => 0,
            };
            let mut at = now.max(last);
            if frames > self.pulled {
                // Read after the frames were seen: it is theirs, or that of a later pull.
                at = at.max(now + self.port.latency_us.load(Acquire));
            }
            self.pulled = match report {
                PlayoutReport::Flushed { resume, .. } => resume,
                _ => self.pulled.max(frames),
            };
            self.on_the_way.push_back((at, report));
        }
    }

    /// A host that stopped pulling must not hold up an interruption.
    fn watch_flush(&mut self, now: Time) {
        if !self.playout.is_flushing() {
            self.flush = None;
            return;
        }
        let pulls = self.port.pulls.load(Acquire);
        match &self.flush {
            Some(waiting) if waiting.pulls == pulls => {
                if now.ms_since(waiting.since) >= SETTLE_MS && self.settle_flush() {
                    self.flush = None;
                }
            }
            _ => self.flush = Some(Waiting { since: now, pulls }),
        }
    }

    /// The flush takes effect without a pull. False: a pull is just under way and will do it.
    fn settle_flush(&mut self) -> bool {
        let Some(mut reader) = self.port.reader.try_lock() else {
            // The timer must not stay due.
            self.flush = None;
            return false;
        };
        let exchanged = self.playout.set_output_rate(self.rate);
        debug_assert!(exchanged.is_ok(), "the rate is the one it has");
        if let Ok(next) = exchanged {
            *reader = next;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_thread_gets_silence_and_does_not_wait() {
        let (mut speaker, port) = PullSpeaker::new(24_000, 24_000, &Arc::default(), &Arc::default()).unwrap();
        speaker.push(&[500; 4_800]);
        let held = port.reader.lock();
        let mut block = [7; 240];
        assert_eq!((port.pull(&mut block, 0), block), (0, [0; 240]));
        drop(held);
        assert_eq!((port.pull(&mut block, 0), block), (240, [500; 240]), "nothing was lost");
    }

    #[test]
    fn a_flush_is_not_settled_under_a_pull() {
        let (mut speaker, port) = PullSpeaker::new(24_000, 24_000, &Arc::default(), &Arc::default()).unwrap();
        speaker.push(&[500; 4_800]);
        port.pull(&mut [0; 240], 0);
        speaker.flush(Time::from_ms(0));
        while speaker.report(Time::from_ms(50)).is_some() {}
        assert_eq!(speaker.due(), Some(Time::from_ms(100)));
        let held = port.reader.lock();
        assert_eq!(speaker.report(Time::from_ms(100)), None);
        assert_eq!(speaker.due(), None, "the pull under way does it, and wakes");
        drop(held);
        assert_eq!(speaker.report(Time::from_ms(101)), None);
        // A pull that comes in time starts the wait anew.
        assert_eq!(port.pull(&mut [0; 120], 0), 120, "half of the fade-out");
        let reports: Vec<_> = std::iter::from_fn(|| speaker.report(Time::from_ms(200))).collect();
        assert_eq!(reports, [PlayoutReport::Position { frames: 360 }]);
        assert_eq!(speaker.due(), Some(Time::from_ms(300)));
        let flushed = |r: &PlayoutReport| matches!(r, PlayoutReport::Flushed { played: 360, source: 4_800, .. });
        let reports: Vec<_> = std::iter::from_fn(|| speaker.report(Time::from_ms(300))).collect();
        assert!(reports.first().is_some_and(flushed), "{reports:?}");
        assert_eq!(port.pull(&mut [0; 240], 0), 0);
    }

    #[test]
    fn reports_keep_their_order_when_the_latency_shrinks() {
        let (mut speaker, port) = PullSpeaker::new(24_000, 24_000, &Arc::default(), &Arc::default()).unwrap();
        speaker.push(&[500; 4_800]);
        let mut told =
            |now: u64| -> Vec<PlayoutReport> { std::iter::from_fn(|| speaker.report(Time::from_ms(now))).collect() };
        assert!(matches!(told(0)[..], [PlayoutReport::Anchor { .. }]));
        port.pull(&mut [0; 240], 80_000);
        assert_eq!(told(10), []);
        port.pull(&mut [0; 240], 20_000);
        assert_eq!(told(20), []);
        port.pull(&mut [0; 240], u64::MAX);
        assert_eq!(told(89), []);
        let position = |frames| PlayoutReport::Position { frames };
        assert_eq!(told(90), [position(240), position(480)], "80 ms after the first pull was seen, both");
        assert_eq!(told(1088), []);
        assert_eq!(told(1089), [position(720)], "a second at most");
    }
}
