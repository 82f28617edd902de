//! The microphone ring: from an audio callback to the task that sends.
//!
//! Wait-free, 500 ms. A block that does not fit is dropped whole and counted: the newest sound is
//! lost, never a piece out of the middle of a block.
//!
//! ```
//! # use duologue::audio::capture::capture_ring;
//! # use futures_util::task::AtomicWaker;
//! # use std::sync::Arc;
//! let (mut mic, mut task) = capture_ring(24_000, Arc::new(AtomicWaker::new()));
//! mic.write(&[1, 2, 3]);
//! let mut out = Vec::new();
//! task.read(usize::MAX, &mut out);
//! assert_eq!(out, [1, 2, 3]);
//! ```

use super::{
    pcm::{ms_to_frames, scale},
    tap::{Tap, TapWriter},
};
use futures_util::task::AtomicWaker;
use rtrb::{Consumer, Producer, RingBuffer};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
};

/// What the ring holds at most, in milliseconds.
pub const CAPTURE_RING_MS: u64 = 500;

/// The two halves of a microphone ring for mono audio at `rate` frames per second. `wake` is woken
/// by every write and when the writer is dropped.
pub fn capture_ring(rate: u32, wake: Arc<AtomicWaker>) -> (CaptureWriter, CaptureReader) {
    let (producer, consumer) = RingBuffer::new(ms_to_frames(CAPTURE_RING_MS, rate).max(1) as usize);
    let shared = Arc::new(Shared {
        overruns: AtomicU64::new(0),
        captured_us: AtomicU64::new(UNKNOWN),
        closed: AtomicBool::new(false),
    });
    let writer = CaptureWriter { ring: producer, shared: shared.clone(), wake, rate, tap: None };
    (writer, CaptureReader { ring: consumer, shared, rate })
}

/// Nobody said when a block was captured.
const UNKNOWN: u64 = u64::MAX;

struct Shared {
    overruns: AtomicU64,
    /// When the last frame of the newest block was captured, or [`UNKNOWN`].
    captured_us: AtomicU64,
    closed: AtomicBool,
}

/// The callback's half.
pub struct CaptureWriter {
    ring: Producer<i16>,
    shared: Arc<Shared>,
    wake: Arc<AtomicWaker>,
    rate: u32,
    tap: Option<TapWriter>,
}

impl CaptureWriter {
    /// The same with a tap, on which what the ring takes can be seen.
    pub fn with_tap(mut self, tap: Arc<Tap>) -> Self {
        self.tap = Some(TapWriter::new(tap, self.rate));
        self
    }

    /// Hands over one block of mono frames and wakes the reader. Returns the frames accepted: all
    /// of them, or 0 when the ring is too full, which counts as one overrun.
    ///
    /// Callback-safe: no allocation, lock or log. The wake-up is the waker's own cost.
    pub fn write(&mut self, pcm: &[i16]) -> usize {
        self.write_at(pcm, None)
    }

    /// The same with the time when the first frame was captured, in microseconds of whatever clock the
    /// reader knows. Callback-safe.
    pub fn write_at(&mut self, pcm: &[i16], captured_us: Option<u64>) -> usize {
        if pcm.len() <= self.ring.slots() {
            // Before the frames: a reader in between believes older ones to be newer by a block.
            let length = scale(pcm.len() as u64, 1_000_000, self.rate.into());
            let end = captured_us.map_or(UNKNOWN, |at| at.saturating_add(length));
            self.shared.captured_us.store(end, Release);
        }
        let accepted = match self.ring.push_entire_slice(pcm) {
            Ok(()) => {
                if let Some(tap) = &mut self.tap {
                    tap.write(pcm);
                }
                pcm.len()
            }
            Err(_) => {
                self.shared.overruns.fetch_add(1, Relaxed);
                0
            }
        };
        self.wake.wake();
        accepted
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }
}

impl Drop for CaptureWriter {
    fn drop(&mut self) {
        self.shared.closed.store(true, Release);
        self.wake.wake();
    }
}

/// The task's half. One thread at a time.
pub struct CaptureReader {
    ring: Consumer<i16>,
    shared: Arc<Shared>,
    rate: u32,
}

impl CaptureReader {
    /// Frames ready to be read.
    pub fn available(&self) -> usize {
        self.ring.slots()
    }

    /// Appends up to `max` frames to `out`, oldest first, and returns how many.
    pub fn read(&mut self, max: usize, out: &mut Vec<i16>) -> usize {
        let Ok(chunk) = self.ring.read_chunk(self.ring.slots().min(max)) else { return 0 };
        let (one, two) = chunk.as_slices();
        out.extend_from_slice(one);
        out.extend_from_slice(two);
        let n = chunk.len();
        chunk.commit_all();
        n
    }

    /// When the newest frame was captured, if its writer said so.
    pub fn captured_us(&self) -> Option<u64> {
        Some(self.shared.captured_us.load(Acquire)).filter(|at| *at != UNKNOWN)
    }

    /// Blocks dropped since the start because the ring was too full.
    pub fn overruns(&self) -> u64 {
        self.shared.overruns.load(Relaxed)
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// True once the writer is gone; what it wrote before can still be read.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Acquire)
    }
}

impl fmt::Debug for CaptureWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureWriter").field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl fmt::Debug for CaptureReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureReader").field("rate", &self.rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::{ArcWake, waker};
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Counter(AtomicUsize);
    impl ArcWake for Counter {
        fn wake_by_ref(this: &Arc<Self>) {
            this.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn a_block_that_does_not_fit_is_dropped_whole() {
        let (mut w, mut r) = capture_ring(1_000, Arc::default());
        assert_eq!(w.write(&[1; 300]), 300);
        assert_eq!(w.write(&[2; 300]), 0);
        assert_eq!(w.write(&[3; 200]), 200);
        assert_eq!((r.available(), r.overruns(), r.rate()), (500, 1, 1_000));
        let mut out = vec![9];
        assert_eq!(r.read(299, &mut out), 299);
        assert_eq!(r.read(1_000, &mut out), 201);
        assert_eq!(r.read(1, &mut out), 0);
        assert_eq!(out, [vec![9], vec![1; 300], vec![3; 200]].concat());
    }

    #[test]
    fn the_time_is_that_of_the_newest_frame() {
        let (mut w, r) = capture_ring(1_000, Arc::default());
        assert_eq!(r.captured_us(), None);
        w.write_at(&[0; 300], Some(5_000_000));
        assert_eq!(r.captured_us(), Some(5_300_000));
        assert_eq!(w.write_at(&[0; 300], Some(9_000_000)), 0);
        assert_eq!(r.captured_us(), Some(5_300_000), "what was not taken has no time");
        w.write(&[0; 10]);
        assert_eq!(r.captured_us(), None, "nor has what came without one");
    }

    #[test]
    fn writing_and_closing_wake_the_reader() {
        let (wake, count) = (Arc::new(AtomicWaker::new()), Arc::new(Counter::default()));
        let (mut w, r) = capture_ring(8_000, wake.clone());
        wake.register(&waker(count.clone()));
        w.write(&[0]);
        assert_eq!(count.0.load(SeqCst), 1);
        assert!(!r.is_closed());
        wake.register(&waker(count.clone()));
        drop(w);
        assert_eq!(count.0.load(SeqCst), 2);
        assert!(r.is_closed());
        assert_eq!(r.available(), 1);
    }

    #[test]
    fn two_threads_lose_nothing() {
        let (mut w, mut r) = capture_ring(8_000, Arc::default());
        let writer = std::thread::spawn(move || {
            for block in 0..1_000i16 {
                while w.write(&[block; 37]) == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut out = Vec::new();
        while !r.is_closed() || r.available() > 0 {
            r.read(50, &mut out);
        }
        writer.join().unwrap();
        assert!(out.iter().copied().eq((0..1_000i16).flat_map(|b| [b; 37])));
    }
}
