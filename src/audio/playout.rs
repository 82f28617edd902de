//! The speaker side for devices: from bursts of assistant audio to an audio callback, and back the
//! knowledge of what was really played.
//!
//! [`Playout`] belongs to the driver task. It queues source-rate audio without hurry, resamples it
//! and keeps a short ring filled (30 ms normally), so that an interruption is quick.
//! [`PlayoutReader`] belongs to the audio callback and is wait-free. [`PlayoutReport`] is what the
//! heard ledger lives on.
//!
//! Rules: playing starts at 60 ms buffered or at the end of an item. An underrun
//! inside an item fades out over the last 10 ms, waits for 120 ms (half as much again per repeat,
//! up to 400 ms) and fades in again; the next item starts at 60 ms. A flush fades out over 10 ms.
//!
//! ```
//! # use duologue::audio::playout::{PlayoutReport, playout};
//! # use std::sync::Arc;
//! let (mut speaker, mut callback) = playout(24_000, 24_000, Arc::default())?;
//! speaker.push(&[1000; 480]);
//! speaker.item_end();
//! speaker.pump();
//! let mut block = [0; 240];
//! assert_eq!(callback.render(&mut block), 240);
//! assert!(matches!(speaker.report(), Some(PlayoutReport::Anchor { .. })));
//! assert_eq!(speaker.report(), Some(PlayoutReport::Position { frames: 240 }));
//! # Ok::<(), duologue::Error>(())
//! ```

mod queue;
mod reader;
mod report;
#[cfg(test)]
mod tests;

pub use reader::PlayoutReader;
pub use report::PlayoutReport;

use super::{
    pcm::{frames_to_ms, ms_to_frames, scale},
    resample::Resampler,
    tap::Tap,
};
use crate::error::Result;
use futures_util::task::AtomicWaker;
use queue::{Mark, Queue, Step};
use reader::Shared;
use rtrb::{Producer, RingBuffer};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, atomic::Ordering::*},
};

/// Audio kept for later at most, in milliseconds; what comes beyond it is refused.
pub const QUEUE_MS: u64 = 300_000;
/// Capacity of the ring, in milliseconds.
const RING_MS: u64 = 200;
/// Buffered before an item starts, and the limits after underruns inside an item.
const START_MS: u64 = 60;
const REBUFFER_MS: u64 = 120;
const REBUFFER_MAX_MS: u64 = 400;

/// A speaker path from `source_rate` to `output_rate` frames per second. `wake` is woken when the
/// reader consumed something or a flush took effect: the driver then calls [`Playout::pump`] and
/// [`Playout::report`].
///
/// # Errors
/// `unsupported_rate` (class `argument`).
pub fn playout(source_rate: u32, output_rate: u32, wake: Arc<AtomicWaker>) -> Result<(Playout, PlayoutReader)> {
    let resampler = Resampler::new(source_rate, output_rate)?;
    let (ring, reader) = ring(output_rate, 0, 0.0, &wake);
    let map = Anchor { frame: 0, at: 0, source: 0 };
    let playout = Playout {
        shared: reader.shared().clone(),
        ring,
        wake,
        resampler,
        queue: Queue::new(ms_to_frames(QUEUE_MS, source_rate) as usize),
        staged: Vec::new(),
        staged_from: 0,
        written: 0,
        item_end: 0,
        gate: Gate::Closed { until_ms: START_MS },
        rebuffer_ms: REBUFFER_MS,
        map,
        ahead: VecDeque::new(),
        ready: VecDeque::new(),
        reported: 0,
        flushes: VecDeque::new(),
        flush_epoch: 0,
        underruns_seen: 0,
        underruns_before: 0,
        tap: None,
    };
    let first = playout.anchor_report(map);
    Ok((Playout { ready: [first].into(), ..playout }, reader))
}

/// [`playout()`] with a tap, on which what the readers render can be seen.
///
/// # Errors
/// As [`playout()`].
pub fn playout_with_tap(
    source_rate: u32,
    output_rate: u32,
    wake: Arc<AtomicWaker>,
    tap: Arc<Tap>,
) -> Result<(Playout, PlayoutReader)> {
    let (playout, reader) = playout(source_rate, output_rate, wake)?;
    let reader = reader.with_tap(Some(&tap));
    Ok((Playout { tap: Some(tap), ..playout }, reader))
}

fn ring(rate: u32, start: u64, fade: f32, wake: &Arc<AtomicWaker>) -> (Producer<i16>, PlayoutReader) {
    let (producer, consumer) = RingBuffer::new(ms_to_frames(RING_MS, rate) as usize);
    (producer, PlayoutReader::new(consumer, Arc::new(Shared::new(start)), wake.clone(), rate, start, fade))
}

/// The driver's half. One thread at a time; allocates, so not for audio callbacks.
pub struct Playout {
    resampler: Resampler,
    queue: Queue,
    /// Resampled audio that waits for room in the ring, from `staged_from` on.
    staged: Vec<i16>,
    staged_from: usize,
    ring: Producer<i16>,
    shared: Arc<Shared>,
    wake: Arc<AtomicWaker>,
    /// Ring number of the next frame written.
    written: u64,
    /// Ring number behind the last frame of the last item that ended.
    item_end: u64,
    gate: Gate,
    rebuffer_ms: u64,
    /// Mapping in force where the speaker is, and those further on.
    map: Anchor,
    ahead: VecDeque<Anchor>,
    ready: VecDeque<PlayoutReport>,
    reported: u64,
    /// Source frame behind each flush that has not taken effect.
    flushes: VecDeque<u64>,
    flush_epoch: u64,
    underruns_seen: u64,
    underruns_before: u64,
    /// For every reader.
    tap: Option<Arc<Tap>>,
}

/// Whether audio may go to the ring.
#[derive(Debug, Clone, Copy)]
enum Gate {
    Closed { until_ms: u64 },
    Open,
}

/// Ring frame `frame` plays the queue's frame `at`, which is source frame `source`.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    frame: u64,
    at: u64,
    source: u64,
}

impl Playout {
    /// Queues source-rate audio; [`Playout::pump`] moves it on. Returns the frames accepted: beyond
    /// [`QUEUE_MS`] the newest are refused ([`Playout::refused`]), which leaves a hole that counts
    /// as played when playing gets there.
    pub fn push(&mut self, pcm: &[i16]) -> usize {
        self.trim();
        self.queue.push(pcm)
    }

    /// No more audio for this item for now: what is there plays even below the prebuffer, and the
    /// next audio is a new start.
    pub fn item_end(&mut self) {
        self.queue.mark_end();
    }

    /// Drops everything unheard. The callback fades out over 10 ms; a `Flushed` report per call
    /// tells when and where. Audio pushed from now on waits until then.
    pub fn flush(&mut self) {
        self.queue.clear();
        self.staged.clear();
        self.staged_from = 0;
        self.resampler.reset();
        self.gate = Gate::Closed { until_ms: START_MS };
        self.rebuffer_ms = REBUFFER_MS;
        self.item_end = self.written;
        self.flushes.push_back(self.queue.source_end());
        if self.flushes.len() > 1 {
            return;
        }
        if self.ring_fill() == 0 {
            self.shared.item_end.store(self.written, Release);
            self.flushed(self.written);
        } else {
            self.flush_epoch += 1;
            self.shared.flush_asked.store(self.flush_epoch, Release);
        }
    }

    /// Resamples queued audio and fills the ring: two callbacks or 30 ms, at most 80 ms unless one
    /// callback is larger (callbacks above 170 ms are not supported). To be called after `push`,
    /// `item_end` and every wake-up.
    pub fn pump(&mut self) {
        self.settle_flush();
        if !self.flushes.is_empty() {
            return;
        }
        self.watch_underruns();
        self.trim();
        let block = (ms_to_frames(10, self.resampler.from_rate()) as usize).max(1);
        loop {
            let room = self.write_staged();
            if self.staged_from < self.staged.len() {
                return;
            }
            self.staged.clear();
            self.staged_from = 0;
            self.open_gate();
            if let Gate::Closed { .. } = self.gate {
                return;
            }
            match self.queue.next(if room > 0 { block } else { 0 }) {
                Step::Audio(pcm) => self.resampler.push(pcm, &mut self.staged),
                Step::Mark(mark) => self.pass(mark),
                Step::Nothing => return,
            }
        }
    }

    /// The next thing the speaker did; call until `None`. A `Position` comes only when it moved.
    pub fn report(&mut self) -> Option<PlayoutReport> {
        if self.ready.is_empty() {
            self.settle_flush();
        }
        if let Some(report) = self.ready.pop_front() {
            return Some(report);
        }
        // A flush moves the reader before we hear of it: its jump is not playing.
        let at = self.shared.read.load(Acquire);
        self.settle_flush();
        if let Some(report) = self.ready.pop_front() {
            return Some(report);
        }
        if let Some(next) = self.reach(at) {
            return Some(self.anchor_report(next));
        }
        (at > self.reported).then(|| {
            self.reported = at;
            PlayoutReport::Position { frames: at }
        })
    }

    /// Another device with another rate: gives the reader for it. Unheard audio is kept and rendered
    /// again from the last frame played; the old reader gives silence from now on; an `Anchor` is
    /// reported. A flush under way counts as done.
    ///
    /// # Errors
    /// `unsupported_rate` (class `argument`); nothing has changed then.
    pub fn set_output_rate(&mut self, rate: u32) -> Result<PlayoutReader> {
        let resampler = Resampler::new(self.resampler.from_rate(), rate)?;
        self.shared.closed.store(true, SeqCst);
        let played = self.shared.read.load(Acquire);
        let mut reports = VecDeque::new();
        loop {
            while let Some(report) = self.report() {
                reports.push_back(report);
            }
            if self.flushes.is_empty() {
                break;
            }
            self.flushed(played);
        }
        let at = self.queue_frame(self.shared.read.load(Acquire));
        self.queue.rewind(at);
        let fade = if self.queue.len_from(at) > 0 { 1.0 } else { 0.0 };
        self.underruns_before += self.shared.underruns.load(Relaxed);
        self.underruns_seen = 0;
        self.flush_epoch = 0;
        let (ring, reader) = ring(rate, self.written, fade, &self.wake);
        (self.ring, self.shared) = (ring, reader.shared().clone());
        self.resampler = resampler;
        self.staged.clear();
        self.staged_from = 0;
        self.item_end = self.written;
        self.gate = Gate::Closed { until_ms: START_MS };
        self.ahead.clear();
        self.reported = self.written;
        self.map = Anchor { frame: self.written, at, source: self.queue.source_next() };
        reports.push_back(self.anchor_report(self.map));
        self.ready = reports;
        Ok(reader.with_tap(self.tap.as_ref()))
    }

    /// A flush has not taken effect yet: the reader was not called since.
    pub fn is_flushing(&self) -> bool {
        !self.flushes.is_empty() && self.shared.flush_done.load(Acquire) != self.flush_epoch
    }

    /// Times the ring ran dry inside an item.
    pub fn underruns(&self) -> u64 {
        self.underruns_before + self.shared.underruns.load(Relaxed)
    }

    /// Audio accepted and not yet played, in milliseconds rounded down.
    pub fn queued_ms(&self) -> u64 {
        let at = self.queue_frame(self.shared.read.load(Acquire));
        frames_to_ms(self.queue.len_from(at), self.resampler.from_rate())
    }

    /// Source frames refused because the queue was full.
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }

    /// Moves staged audio into the ring up to its target fill; returns the room left.
    fn write_staged(&mut self) -> usize {
        let room = self.target_fill().saturating_sub(self.ring_fill());
        let staged = &self.staged[self.staged_from..];
        let n = staged.len().min(room);
        let after = self.written + n as u64;
        if self.item_end == after {
            // Before the frames, so that the reader never sees the last ones without knowing it.
            self.shared.item_end.store(after, Release);
        }
        // The target is below the capacity, so the slice always fits.
        if self.ring.push_entire_slice(&staged[..n]).is_ok() {
            self.written = after;
            self.staged_from += n;
        }
        room - n
    }

    /// Passes a mark in the queue: the resampler's tail belongs before it.
    fn pass(&mut self, mark: Mark) {
        self.resampler.finish(&mut self.staged);
        let frame = self.written + self.staged.len() as u64;
        if let Mark::End = mark {
            self.item_end = frame;
            self.gate = Gate::Closed { until_ms: START_MS };
            self.rebuffer_ms = REBUFFER_MS;
        }
        let next = Anchor { frame, at: self.queue.position(), source: self.queue.source_next() };
        let last = *self.ahead.back().unwrap_or(&self.map);
        let (from, to) = (self.resampler.from_rate(), self.resampler.to_rate());
        let (frames, taken) = (u128::from(next.frame - last.frame), u128::from(next.at - last.at));
        let no_hole = next.source - last.source == next.at - last.at;
        if !no_hole || taken * u128::from(to) != frames * u128::from(from) {
            self.ahead.push_back(next);
        }
    }

    fn watch_underruns(&mut self) {
        let underruns = self.shared.underruns.load(Acquire);
        if underruns == self.underruns_seen {
            return;
        }
        self.underruns_seen = underruns;
        if self.item_end == self.written + (self.staged.len() - self.staged_from) as u64 {
            // Only the tail of an ended item is left: there is nothing to wait for.
            self.shared.granted.store(underruns, Release);
            return;
        }
        self.gate = Gate::Closed { until_ms: self.rebuffer_ms };
        self.rebuffer_ms = (self.rebuffer_ms * 3 / 2).min(REBUFFER_MAX_MS);
    }

    fn open_gate(&mut self) {
        let Gate::Closed { until_ms } = self.gate else { return };
        if self.queue.ends() || self.queued_ms() >= until_ms && self.queue.waiting() > 0 {
            self.gate = Gate::Open;
            self.shared.granted.store(self.underruns_seen, Release);
        }
    }

    fn settle_flush(&mut self) {
        if !self.flushes.is_empty() && self.shared.flush_done.load(Acquire) == self.flush_epoch {
            self.flushed(self.shared.flush_played.load(Acquire));
        }
    }

    fn flushed(&mut self, played: u64) {
        while let Some(next) = self.reach(played) {
            self.ready.push_back(self.anchor_report(next));
        }
        self.ahead.clear();
        let (mut played, resume) = (played, self.written);
        for source in self.flushes.drain(..) {
            self.ready.push_back(PlayoutReport::Flushed { played, resume, source });
            // A second flush before the first took effect found nothing played in between.
            played = resume;
        }
        self.map = Anchor { frame: self.written, at: self.queue.position(), source: self.queue.source_next() };
        self.reported = self.written;
    }

    /// Enters the next mapping if it begins at ring frame `frame` or before.
    fn reach(&mut self, frame: u64) -> Option<Anchor> {
        let next = *self.ahead.front().filter(|a| a.frame <= frame)?;
        self.ahead.pop_front();
        self.map = next;
        Some(next)
    }

    /// Forgets audio that was played.
    fn trim(&mut self) {
        if self.flushes.is_empty() {
            self.queue.trim(self.queue_frame(self.shared.read.load(Acquire)));
        }
    }

    /// The queue's frame that ring frame `frame` plays.
    fn queue_frame(&self, frame: u64) -> u64 {
        let map = self.ahead.iter().rev().find(|a| a.frame <= frame).unwrap_or(&self.map);
        let (from, to) = (self.resampler.from_rate(), self.resampler.to_rate());
        let played = scale(frame.saturating_sub(map.frame), from.into(), to.into());
        (map.at + played).min(self.queue.position())
    }

    fn anchor_report(&self, a: Anchor) -> PlayoutReport {
        let (source_rate, rate) = (self.resampler.from_rate(), self.resampler.to_rate());
        PlayoutReport::Anchor { frames: a.frame, source: a.source, rate, source_rate, delay: 0 }
    }

    fn ring_fill(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    fn target_fill(&self) -> usize {
        let rate = self.resampler.to_rate();
        let ms = |ms| ms_to_frames(ms, rate) as usize;
        let callback = self.shared.callback.load(Relaxed);
        (2 * callback).max(ms(30)).min((callback + ms(20)).max(ms(80))).min(self.ring.buffer().capacity())
    }
}

impl fmt::Debug for Playout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playout")
            .field("resampler", &self.resampler)
            .field("written", &self.written)
            .field("gate", &self.gate)
            .field("queued_ms", &self.queued_ms())
            .finish_non_exhaustive()
    }
}
