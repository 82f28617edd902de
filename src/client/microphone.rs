//! The microphone's side of the audio path: from a capture ring to 20 ms frames.

use crate::{
    audio::{capture::CaptureReader, meter::Level, pcm::scale, resample::Resampler, tap::Tap},
    error::Result,
    event::{AudioLevel, Direction},
    time::Time,
};
use std::sync::Arc;

/// Levels at most ten a second.
pub(super) const LEVEL_MS: u64 = 100;

/// The microphone.
pub(super) struct Microphone {
    reader: CaptureReader,
    resampler: Resampler,
    /// Knows how loud it is.
    tap: Arc<Tap>,
    /// Captured, at the device's rate.
    raw: Vec<i16>,
    /// Less than a frame, at the provider's rate.
    rest: Vec<i16>,
    spare: Vec<i16>,
    last_level: Time,
}

/// What the microphone gave.
#[derive(Default)]
pub(super) struct Batch {
    /// Whole frames at the provider's rate, one after the other.
    pub frames: Vec<i16>,
    /// How loud it is, ten times a second.
    pub level: Option<AudioLevel>,
    /// When the last frame was captured, on the host's clock, if the host said so.
    pub captured_us: Option<u64>,
}

impl Microphone {
    /// At the provider's `rate`. `tap` is that of the ring's writer.
    pub fn new(reader: CaptureReader, rate: u32, tap: Arc<Tap>) -> Result<Self> {
        let resampler = Resampler::new(reader.rate(), rate)?;
        let (raw, rest, spare) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { reader, resampler, tap, raw, rest, spare, last_level: Time(0) })
    }

    /// A whole number of `frame`s at the provider's rate; with `whole` the rest too, as a last, shorter one.
    /// With `keep` off what was captured is thrown away; otherwise up to `most_ms` are taken. The batch is given back for its
    /// memory.
    pub fn take(&mut self, now: Time, keep: bool, frame: usize, levels: bool, whole: bool, most_ms: u64) -> Batch {
        let mut batch = Batch::default();
        if self.reader.available() == 0 && !(whole && keep) {
            return batch;
        }
        self.raw.clear();
        let most = if keep { scale(most_ms, u64::from(self.reader.rate()), 1000) } else { u64::MAX };
        self.reader.read(usize::try_from(most).unwrap_or(usize::MAX), &mut self.raw);
        let captured_us = self.reader.captured_us();
        if !keep {
            // Captured before the session was ready, or while capture is off.
            self.resampler.reset();
            self.rest.clear();
            return batch;
        }
        if levels && now.ms_since(self.last_level) >= LEVEL_MS {
            self.last_level = now;
            let Level { rms, peak } = self.tap.newest_level();
            batch.level = Some(AudioLevel { direction: Direction::Input, rms, peak });
        }
        batch.frames = std::mem::take(&mut self.spare);
        batch.frames.clear();
        batch.frames.append(&mut self.rest);
        self.resampler.push(&self.raw, &mut batch.frames);
        if !whole {
            let full = batch.frames.len() / frame * frame;
            self.rest.extend_from_slice(&batch.frames[full..]);
            batch.frames.truncate(full);
        }
        // What did not fill a frame is newer than all that did.
        let rest_us = scale(self.rest.len() as u64, 1_000_000, self.resampler.to_rate().into());
        batch.captured_us = captured_us.map(|at| at.saturating_sub(rest_us));
        batch
    }

    /// The memory of a batch, for the next.
    pub fn give_back(&mut self, batch: Batch) {
        self.spare = batch.frames;
    }

    /// Frames that found no room in the ring.
    pub fn overruns(&self) -> u64 {
        self.reader.overruns()
    }
}
