//! A tap on one direction of the sound: what passes is left behind for whoever wants to look at it.
//!
//! The side that has the sound writes and never waits: a level always, and the frames too once somebody asked to
//! see them. Readers take the newest frames from any thread, without a lock, and disturb nobody: frames that were
//! overwritten under their hands are read again.
//!
//! Pure: readers say what time it is. A writer that is not called any more (a host that stopped pulling, a device
//! that is gone) writes nothing, not even silence, so after [`STALLED_US`] without a write readers take the time
//! that passed for silence.

use super::{
    meter::{Level, Meter},
    pcm::scale,
};
use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI16, AtomicU32, AtomicU64, AtomicUsize, Ordering::*, fence},
    },
};

/// Frames the ring holds: the longest window, a second of latency behind the writer at 48 kHz, and room for the
/// writer to go on while a reader copies.
const FRAMES: usize = 1 << 17;
const MASK: u64 = FRAMES as u64 - 1;
/// Longest window a reader can take.
pub const MAX_WINDOW: usize = 1 << 15;
/// Latency beyond this many frames is not made up for.
const MAX_LAG: u64 = (FRAMES - MAX_WINDOW - (1 << 14)) as u64;
/// Sound is looked at in blocks of this many frames, as in a browser.
const BLOCK: u64 = 128;
/// A writer that wrote nothing for this long writes nothing any more.
pub const STALLED_US: u64 = 200_000;
/// Levels fall with this time constant (see [`Meter`]).
const RELEASE_US: f64 = 300_000.0;

/// What writers and readers share. Frames are counted from the start and never again from 0.
pub struct Tap {
    /// Made when somebody first wants to see frames.
    ring: OnceLock<Box<[AtomicI16]>>,
    /// Frames written, and frames that are written or just being written.
    written: AtomicU64,
    reserved: AtomicU64,
    /// What was before this frame is not to be seen.
    since: AtomicU64,
    rate: AtomicU32,
    /// From the writer to the loudspeaker.
    lag_us: AtomicU64,
    /// The newest level, as bits of two `f32`.
    level: AtomicU64,
    /// Somebody wants to know how loud it is.
    measured: AtomicBool,
    /// The sound may be seen. While it may not, silence is written.
    open: AtomicBool,
    /// Number of the run whose sound can be seen, 0 while there is none.
    run: AtomicU32,
    runs: AtomicU32,
    viewers: AtomicUsize,
    /// What readers last saw written, and when they first saw that.
    seen: AtomicU64,
    seen_us: AtomicU64,
    /// What was written when readers were given silence behind it, and when the writer said that it pauses.
    stalled: AtomicU64,
    paused: AtomicU64,
    /// How loud it was is not how loud it is: the writer is to measure anew.
    forget: AtomicBool,
}

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Behind the newest frame that can be heard, in whole blocks.
    pub end: u64,
    /// Frames per second; 0 before there was any sound.
    pub rate: u32,
    /// Number of the run.
    pub run: u32,
}

impl Default for Tap {
    fn default() -> Self {
        Self {
            ring: OnceLock::new(),
            written: 0.into(),
            reserved: 0.into(),
            since: 0.into(),
            rate: 0.into(),
            lag_us: 0.into(),
            level: 0.into(),
            measured: false.into(),
            open: true.into(),
            run: 0.into(),
            runs: 0.into(),
            viewers: 0.into(),
            seen: u64::MAX.into(),
            seen_us: 0.into(),
            stalled: u64::MAX.into(),
            paused: u64::MAX.into(),
            forget: false.into(),
        }
    }
}

impl Tap {
    /// A run began: from now on there is something to see, and nothing of before.
    pub fn begin_run(&self) {
        if self.run.load(Relaxed) == 0 {
            self.since.fetch_max(self.written.load(Acquire), Relaxed);
            self.rate.store(0, Relaxed);
            self.level.store(0, Relaxed);
            self.forget.store(true, Relaxed);
            self.run.store(self.runs.fetch_add(1, Relaxed).wrapping_add(1).max(1), Release);
        }
    }

    /// The run is over: there is nothing to see.
    pub fn end_run(&self) {
        self.run.store(0, Release);
    }

    /// Whether what is written may be seen; otherwise it is silence.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Relaxed);
    }

    /// How long what is written takes until it is heard. Callback-safe.
    pub fn set_lag_us(&self, us: u64) {
        self.lag_us.store(us, Relaxed);
    }

    /// Frames written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Acquire)
    }

    /// Somebody wants to see frames: from now on they are kept. May allocate.
    pub fn add_viewer(&self) {
        self.viewers.fetch_add(1, Relaxed);
        self.ring.get_or_init(|| {
            self.since.fetch_max(self.written.load(Acquire), Relaxed);
            (0..FRAMES).map(|_| AtomicI16::new(0)).collect()
        });
    }

    /// Somebody does not any more.
    pub fn remove_viewer(&self) {
        self.viewers.fetch_sub(1, Relaxed);
    }

    /// Somebody wants to see frames.
    pub fn is_viewed(&self) -> bool {
        self.viewers.load(Relaxed) > 0
    }

    /// Where things are at `now_us`; `None` outside a run. Callback-safe.
    pub fn view(&self, now_us: u64) -> Option<View> {
        let run = self.run.load(Acquire);
        if run == 0 {
            return None;
        }
        let written = self.written.load(Acquire);
        let rate = self.rate.load(Relaxed);
        let silent_us = self.silent_us(written, now_us);
        let lag = scale(self.lag_us.load(Relaxed), rate.into(), 1_000_000).min(MAX_LAG);
        let end = written.saturating_sub(lag) + scale(silent_us, rate.into(), 1_000_000);
        Some(View { end: end / BLOCK * BLOCK, rate, run })
    }

    /// Somebody wants to know how loud it is: from now on it is measured. Callback-safe.
    pub fn measure(&self) {
        self.measured.store(true, Relaxed);
    }

    /// It is measured how loud it is.
    pub fn is_measured(&self) -> bool {
        self.measured.load(Relaxed)
    }

    /// How loud the newest frames are, in a run or not. Callback-safe.
    pub fn newest_level(&self) -> Level {
        let bits = self.level.load(Relaxed);
        let [rms, peak] = [bits >> 32, bits & 0xffff_ffff].map(|bits| f32::from_bits(bits as u32));
        Level { rms, peak }
    }

    /// How loud it is at `now_us`; `None` outside a run. Measuring begins with the first time it is asked for, if
    /// not with [`Self::measure`]. Callback-safe.
    pub fn level(&self, now_us: u64) -> Option<Level> {
        self.measure();
        if self.run.load(Acquire) == 0 {
            return None;
        }
        let silent_us = self.silent_us(self.written.load(Acquire), now_us);
        let left = (-(silent_us as f64) / RELEASE_US).exp() as f32;
        let Level { rms, peak } = self.newest_level();
        Some(Level { rms: rms * left, peak: peak * left })
    }

    /// Copies the frames before `end` into `out`, at most [`MAX_WINDOW`]; what was never written is silence. False:
    /// the writer was too fast for this thread, and `out` is worth nothing. Callback-safe.
    pub fn read(&self, end: u64, out: &mut [f32]) -> bool {
        let Some(ring) = self.ring.get() else {
            out.fill(0.0);
            return true;
        };
        let begin = end.saturating_sub(out.len() as u64);
        let missing = out.len() - (end - begin) as usize;
        let written = self.written.load(Acquire);
        let since = self.since.load(Relaxed);
        out[..missing].fill(0.0);
        for (at, frame) in (begin..end).zip(&mut out[missing..]) {
            let known = (since..written).contains(&at);
            *frame = if known { f32::from(ring[(at & MASK) as usize].load(Relaxed)) / 32768.0 } else { 0.0 };
        }
        // What a writer stored over the frames just read it had reserved before.
        fence(Acquire);
        self.reserved.load(Relaxed).saturating_sub(begin) <= FRAMES as u64
    }

    /// How long a writer that writes no more has been silent. Two readers at once may be a call apart.
    fn silent_us(&self, written: u64, now_us: u64) -> u64 {
        let seen = self.seen.load(Acquire);
        if seen == written {
            let silent = now_us.saturating_sub(self.seen_us.load(Relaxed));
            let patience = if self.paused.load(Relaxed) == written { 0 } else { STALLED_US };
            if silent <= patience {
                return 0;
            }
            self.stalled.store(seen, Relaxed);
            self.forget.store(true, Relaxed);
            return silent;
        }
        if seen != u64::MAX && self.stalled.load(Relaxed) == seen && written > seen {
            // It goes on after a pause: what was before the pause does not follow on what is now. That nobody looked
            // is no pause.
            self.since.fetch_max(seen, Relaxed);
        }
        self.seen_us.fetch_max(now_us, Relaxed);
        self.seen.store(written, Release);
        0
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("rate", &self.rate).field("written", &self.written).finish_non_exhaustive()
    }
}

/// The side that has the sound. One at a time writes to a [`Tap`]; everything here is callback-safe.
#[derive(Debug)]
pub struct TapWriter {
    tap: Arc<Tap>,
    rate: u32,
    meter: Meter,
}

impl TapWriter {
    /// For sound of `rate` frames per second.
    pub fn new(tap: Arc<Tap>, rate: u32) -> Self {
        Self { tap, rate, meter: Meter::new(rate) }
    }

    /// The next frames.
    pub fn write(&mut self, pcm: &[i16]) {
        let tap = &*self.tap;
        if tap.forget.load(Relaxed) {
            tap.forget.store(false, Relaxed);
            self.meter = Meter::new(self.rate);
        }
        let from = self.begin();
        let end = from + pcm.len() as u64;
        let open = tap.open.load(Relaxed);
        if let Some(ring) = tap.ring.get() {
            tap.reserved.store(end, Relaxed);
            fence(Release);
            // Of what does not fit only the newest would stay.
            let skipped = pcm.len().saturating_sub(FRAMES);
            for (at, &frame) in (from + skipped as u64..end).zip(&pcm[skipped..]) {
                ring[(at & MASK) as usize].store(if open { frame } else { 0 }, Relaxed);
            }
        }
        match (tap.is_measured(), open) {
            (false, _) => {}
            (true, true) => self.meter.push(pcm),
            (true, false) => self.meter.push_silence(pcm.len()),
        }
        self.finish(end, self.meter.level());
    }

    /// `frames` passed that nobody sees, and were as loud as `level`.
    pub fn skip(&mut self, frames: u64, level: Level) {
        let end = self.begin() + frames;
        self.tap.reserved.store(end, Relaxed);
        self.tap.since.fetch_max(end, Relaxed);
        self.finish(end, level);
    }

    /// For now there is no more: from here on it is silent at once, and not after [`STALLED_US`].
    pub fn pause(&self) {
        self.tap.paused.store(self.tap.written.load(Relaxed), Relaxed);
    }

    /// Frames written before.
    fn begin(&self) -> u64 {
        let written = self.tap.written.load(Relaxed);
        if self.tap.rate.load(Relaxed) != self.rate {
            // Another device: at another rate the frames before would be another sound.
            self.tap.since.fetch_max(written, Relaxed);
            self.tap.rate.store(self.rate, Relaxed);
        }
        written
    }

    fn finish(&self, end: u64, level: Level) {
        let bits = u64::from(level.rms.to_bits()) << 32 | u64::from(level.peak.to_bits());
        self.tap.level.store(bits, Relaxed);
        self.tap.written.store(end, Release);
    }
}

#[cfg(test)]
mod tests;
