//! The audio callback's half of the speaker side, and the words both halves share.

use super::super::{
    pcm::ms_to_frames,
    tap::{Tap, TapWriter},
};
use futures_util::task::AtomicWaker;
use rtrb::Consumer;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*},
    },
};

/// Positions are ring frame numbers.
pub(super) struct Shared {
    /// Next frame to play. Reader writes.
    pub read: AtomicU64,
    /// Largest callback so far in frames. Reader writes.
    pub callback: AtomicUsize,
    /// Times the ring ran dry inside an item. Reader writes.
    pub underruns: AtomicU64,
    /// Underruns after which playing may start again. Driver writes.
    pub granted: AtomicU64,
    /// Behind the last frame of the last item that ended. Driver writes, before the frames.
    pub item_end: AtomicU64,
    /// Count of flushes. Driver writes, and writes no frames until the reader has caught up.
    pub flush_asked: AtomicU64,
    /// Last flush that took effect, and the first frame it did not play. Reader writes the frame
    /// first, then the count, then `read`.
    pub flush_done: AtomicU64,
    pub flush_played: AtomicU64,
    /// Another reader took over.
    pub closed: AtomicBool,
}

impl Shared {
    pub(super) fn new(start: u64) -> Self {
        Shared {
            read: start.into(),
            callback: 0.into(),
            underruns: 0.into(),
            granted: 0.into(),
            item_end: start.into(),
            flush_asked: 0.into(),
            flush_done: 0.into(),
            flush_played: 0.into(),
            closed: false.into(),
        }
    }
}

/// What the callback is doing.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Silence until enough is buffered.
    Stopped,
    Playing,
    /// The ring runs dry: `left` frames to play, the last `span` of them fading out.
    Starving {
        left: usize,
        span: usize,
    },
    /// Interrupted: `left` frames to play, fading out over `span`.
    Flushing {
        left: usize,
        span: usize,
    },
}

/// The callback's half. One thread at a time; everything here is callback-safe.
pub struct PlayoutReader {
    ring: Consumer<i16>,
    shared: Arc<Shared>,
    wake: Arc<AtomicWaker>,
    rate: u32,
    /// Length of a full fade, 10 ms in frames.
    ramp: usize,
    mode: Mode,
    /// 0 is full volume, 1 silence, a raised cosine between.
    fade: f32,
    read: u64,
    flushed: u64,
    largest: usize,
    tap: Option<TapWriter>,
}

impl PlayoutReader {
    pub(super) fn new(
        ring: Consumer<i16>,
        shared: Arc<Shared>,
        wake: Arc<AtomicWaker>,
        rate: u32,
        start: u64,
        fade: f32,
    ) -> Self {
        let ramp = (ms_to_frames(10, rate) as usize).max(1);
        let mode = Mode::Stopped;
        let tap = None;
        PlayoutReader { ring, shared, wake, rate, ramp, mode, fade, read: start, flushed: 0, largest: 0, tap }
    }

    /// The same with a tap, on which what is rendered can be seen, silence included.
    pub(super) fn with_tap(mut self, tap: Option<&Arc<Tap>>) -> Self {
        self.tap = tap.map(|tap| TapWriter::new(tap.clone(), self.rate));
        self
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Fills `out` with the next frames, and with silence behind them when there are too few.
    /// Returns the frames that are not silence; they are the first ones.
    ///
    /// Callback-safe: wait-free, no allocation, lock or log. The wake-up is the waker's own cost.
    pub fn render(&mut self, out: &mut [i16]) -> usize {
        if self.shared.closed.load(Acquire) || out.is_empty() {
            out.fill(0);
            return 0;
        }
        let grown = out.len() > self.largest;
        if grown {
            self.largest = out.len();
            self.shared.callback.store(self.largest, Relaxed);
        }
        let available = self.ring.slots();
        let ended = self.shared.item_end.load(Acquire) == self.read + available as u64;
        let asked = self.shared.flush_asked.load(Acquire);
        if asked != self.flushed {
            self.begin_flush(available);
        } else {
            self.choose(out.len(), available, ended, grown);
        }
        let most = match self.mode {
            Mode::Stopped => 0,
            Mode::Playing => available,
            Mode::Starving { left, .. } | Mode::Flushing { left, .. } => left,
        };
        let (sound, silence) = out.split_at_mut(most.min(out.len()));
        let played = self.take(sound);
        silence.fill(0);
        self.apply_fade(sound);

        let mut flushed = false;
        match self.mode {
            Mode::Playing if ended && played == available => (self.mode, self.fade) = (Mode::Stopped, 0.0),
            Mode::Starving { left: 0, .. } => (self.mode, self.fade) = (Mode::Stopped, 1.0),
            Mode::Flushing { left: 0, .. } => {
                self.drop_rest(asked);
                flushed = true;
            }
            _ => {}
        }
        if let Some(tap) = &mut self.tap {
            tap.write(out);
        }
        self.shared.read.store(self.read, Release);
        if played > 0 || grown || flushed {
            self.wake.wake();
        }
        played
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Starts playing, or notices that the ring is running dry: after this callback 10 ms have to
    /// be left for a fade-out. A callback larger than any before finds a ring filled for smaller
    /// ones, which is no underrun yet.
    fn choose(&mut self, frames: usize, available: usize, ended: bool, grown: bool) {
        let enough = available >= frames + self.ramp;
        let safe = enough || ended || (grown && available >= frames);
        match self.mode {
            Mode::Stopped => {
                let granted = self.shared.granted.load(Acquire) >= self.shared.underruns.load(Relaxed);
                if granted && (enough || ended && available > 0) {
                    self.mode = Mode::Playing;
                }
            }
            Mode::Playing if !safe => {
                self.shared.underruns.fetch_add(1, Release);
                self.mode = Mode::Starving { left: available, span: available.min(self.ramp) };
            }
            _ => {}
        }
    }

    fn begin_flush(&mut self, available: usize) {
        let left = match self.mode {
            Mode::Stopped => 0,
            Mode::Playing => available.min(self.ramp),
            Mode::Starving { left, .. } => left.min(self.ramp),
            Mode::Flushing { .. } => return,
        };
        self.mode = Mode::Flushing { left, span: left };
    }

    fn drop_rest(&mut self, epoch: u64) {
        self.shared.flush_played.store(self.read, Release);
        if let Ok(rest) = self.ring.read_chunk(self.ring.slots()) {
            self.read += rest.len() as u64;
            rest.commit_all();
        }
        self.flushed = epoch;
        (self.mode, self.fade) = (Mode::Stopped, 0.0);
        self.shared.flush_done.store(epoch, Release);
    }

    /// Copies exactly `out.len()` frames out of the ring; they are known to be there.
    fn take(&mut self, out: &mut [i16]) -> usize {
        let Ok(chunk) = self.ring.read_chunk(out.len()) else {
            out.fill(0);
            return 0;
        };
        let (one, two) = chunk.as_slices();
        out[..one.len()].copy_from_slice(one);
        out[one.len()..].copy_from_slice(two);
        chunk.commit_all();
        self.read += out.len() as u64;
        out.len()
    }

    fn apply_fade(&mut self, sound: &mut [i16]) {
        match &mut self.mode {
            Mode::Stopped => {}
            Mode::Playing => {
                for sample in sound {
                    if self.fade == 0.0 {
                        break;
                    }
                    *sample = gained(*sample, self.fade);
                    self.fade = (self.fade - 1.0 / self.ramp as f32).max(0.0);
                }
            }
            Mode::Starving { left, span } | Mode::Flushing { left, span } => {
                for sample in sound {
                    if *left <= *span {
                        // The rest of the way to silence, in equal steps.
                        self.fade += (1.0 - self.fade) / *left as f32;
                    }
                    *sample = gained(*sample, self.fade);
                    *left -= 1;
                }
            }
        }
    }
}

fn gained(sample: i16, fade: f32) -> i16 {
    (f32::from(sample) * 0.5 * (1.0 + (std::f32::consts::PI * fade).cos())).round() as i16
}

impl fmt::Debug for PlayoutReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlayoutReader").field("rate", &self.rate).field("mode", &self.mode).finish_non_exhaustive()
    }
}
