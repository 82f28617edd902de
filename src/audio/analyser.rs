//! A [`Spectrum`] of what passes a [`Tap`]: computed when somebody asks, from any thread, without an allocation.
//!
//! Pure: whoever asks says what time it is, which matters for a sound that stopped only (see [`super::tap`]).
//!
//! ```
//! # use duologue::audio::{analyser::Analyser, spectrum::AnalyserOptions, tap::{Tap, TapWriter}};
//! # use std::sync::Arc;
//! let tap = Arc::new(Tap::default());
//! let analyser = Analyser::new(tap.clone(), AnalyserOptions { fft_size: 32, ..Default::default() })?;
//! let mut wave = [0; 32];
//! assert_eq!(analyser.byte_time_domain(0, &mut wave), None);
//! tap.begin_run();
//! TapWriter::new(tap, 24_000).write(&[-16_384; 128]);
//! assert_eq!(analyser.byte_time_domain(0, &mut wave), Some(32));
//! assert_eq!(wave, [64; 32]);
//! # Ok::<(), duologue::Error>(())
//! ```

use super::{
    spectrum::{AnalyserOptions, Spectrum},
    tap::{Tap, View},
};
use crate::error::Result;
use parking_lot::Mutex;
use std::{fmt, sync::Arc};

/// See the module. Each getter gives how many values it wrote, or `None` outside a run of the tap. Two threads that
/// ask at once wait for each other; nobody waits for the writer, nor it for them.
pub struct Analyser {
    tap: Arc<Tap>,
    options: AnalyserOptions,
    inner: Mutex<Inner>,
}

struct Inner {
    spectrum: Spectrum,
    /// Which run at which rate the spectrum is of.
    of: Option<(u32, u32)>,
    /// Where the frames and the frequency data that are there end.
    frames: Option<u64>,
    frequencies: Option<u64>,
}

/// A thread that is stopped again and again while it copies tries no more often.
const TRIES: usize = 3;

impl Analyser {
    /// Looks at what passes from now on.
    ///
    /// # Errors
    /// As [`AnalyserOptions::validate`].
    pub fn new(tap: Arc<Tap>, options: AnalyserOptions) -> Result<Self> {
        let spectrum = Spectrum::new(options)?;
        tap.add_viewer();
        Ok(Self { tap, options, inner: Mutex::new(Inner { spectrum, of: None, frames: None, frequencies: None }) })
    }

    /// How it looks.
    pub fn options(&self) -> &AnalyserOptions {
        &self.options
    }

    /// Frames per second of what passes; `None` outside a run and before anything passed.
    pub fn sample_rate(&self, now_us: u64) -> Option<u32> {
        self.tap.view(now_us).map(|view| view.rate).filter(|rate| *rate > 0)
    }

    /// [`Spectrum::byte_frequency`] at `now_us`. New frequency data is made when whole blocks of 128 frames have
    /// passed since they were asked for last.
    pub fn byte_frequency(&self, now_us: u64, out: &mut [u8]) -> Option<usize> {
        self.frequencies(now_us, |spectrum, _| spectrum.byte_frequency(out))
    }

    /// [`Spectrum::float_frequency`] at `now_us`.
    pub fn float_frequency(&self, now_us: u64, out: &mut [f32]) -> Option<usize> {
        self.frequencies(now_us, |spectrum, _| spectrum.float_frequency(out))
    }

    /// [`Spectrum::voice_bands`] at `now_us`.
    pub fn voice_bands(&self, now_us: u64, out: &mut [u8]) -> Option<usize> {
        self.frequencies(now_us, |spectrum, view| spectrum.voice_bands(view.rate, out))
    }

    /// [`Spectrum::byte_time_domain`] at `now_us`.
    pub fn byte_time_domain(&self, now_us: u64, out: &mut [u8]) -> Option<usize> {
        self.waveform(now_us, |spectrum| spectrum.byte_time_domain(out))
    }

    /// [`Spectrum::float_time_domain`] at `now_us`.
    pub fn float_time_domain(&self, now_us: u64, out: &mut [f32]) -> Option<usize> {
        self.waveform(now_us, |spectrum| spectrum.float_time_domain(out))
    }

    fn frequencies<T>(&self, now_us: u64, give: impl FnOnce(&Spectrum, View) -> T) -> Option<T> {
        let mut inner = self.inner.lock();
        let view = inner.look(&self.tap, now_us)?;
        if inner.frequencies != inner.frames {
            inner.frequencies = inner.frames;
            inner.spectrum.update();
        }
        Some(give(&inner.spectrum, view))
    }

    fn waveform<T>(&self, now_us: u64, give: impl FnOnce(&Spectrum) -> T) -> Option<T> {
        let mut inner = self.inner.lock();
        inner.look(&self.tap, now_us)?;
        Some(give(&inner.spectrum))
    }
}

impl Inner {
    /// Takes the newest frames, if there are new ones.
    fn look(&mut self, tap: &Tap, now_us: u64) -> Option<View> {
        for _ in 0..TRIES {
            // A writer that overtook the copy has gone on since: each try is about what is newest then.
            let view = tap.view(now_us)?;
            if self.of.replace((view.run, view.rate)) != Some((view.run, view.rate)) {
                self.spectrum.reset();
                (self.frames, self.frequencies) = (None, None);
            }
            if self.frames == Some(view.end) {
                return Some(view);
            }
            self.frames = Some(view.end);
            if tap.read(view.end, self.spectrum.frames_mut()) {
                return Some(view);
            }
        }
        // Torn frames would be noise that nobody made.
        self.spectrum.frames_mut().fill(0.0);
        tap.view(now_us)
    }
}

impl Drop for Analyser {
    fn drop(&mut self) {
        self.tap.remove_viewer();
    }
}

impl fmt::Debug for Analyser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyser").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tap::TapWriter, *};

    fn tone(frames: usize) -> Vec<i16> {
        (0..frames).map(|n| (8_000.0 * (std::f64::consts::TAU * n as f64 / 32.0).sin()) as i16).collect()
    }

    fn looking(smoothing: f64) -> (Arc<Tap>, TapWriter, Analyser) {
        let tap = Arc::new(Tap::default());
        let options = AnalyserOptions { fft_size: 512, smoothing, max_decibels: 0.0, ..AnalyserOptions::default() };
        let analyser = Analyser::new(tap.clone(), options).unwrap();
        tap.begin_run();
        (tap.clone(), TapWriter::new(tap, 24_000), analyser)
    }

    /// The byte of the tone's frequency.
    fn look(analyser: &Analyser, now_us: u64) -> u8 {
        let mut bytes = [0; 256];
        assert_eq!(analyser.byte_frequency(now_us, &mut bytes), Some(256));
        bytes[16]
    }

    #[test]
    fn asking_again_before_128_frames_gives_the_same() {
        let (_, mut writer, analyser) = looking(0.5);
        let tone = tone(2_048);
        writer.write(&tone[..1_024]);
        let first = look(&analyser, 0);
        assert!(first > 0);
        assert_eq!([look(&analyser, 0), look(&analyser, 1)], [first; 2], "no new frames, no more smoothing");
        writer.write(&tone[1_024..1_151]);
        assert_eq!(look(&analyser, 0), first);
        writer.write(&tone[1_151..1_152]);
        let second = look(&analyser, 0);
        assert!(second > first);
        // The waveform does not take the frequencies' turn away.
        writer.write(&tone[1_152..1_280]);
        analyser.byte_time_domain(0, &mut [0; 512]).unwrap();
        assert!(look(&analyser, 0) > second);
        // Another analyser of the same sound has a past of its own.
        let other = Analyser::new(analyser.tap.clone(), analyser.options).unwrap();
        assert_eq!(look(&other, 0), first);
    }

    #[test]
    fn a_new_run_and_a_new_rate_begin_at_silence() {
        let (tap, mut writer, analyser) = looking(0.9);
        writer.write(&tone(1_024));
        (0..20).for_each(|_| {
            look(&analyser, 0);
            writer.write(&tone(1_024));
        });
        let loud = look(&analyser, 0);
        TapWriter::new(tap.clone(), 48_000).write(&tone(1_024));
        let fresh = look(&analyser, 0);
        assert!(fresh < loud, "{fresh} after {loud}");
        assert_eq!(analyser.sample_rate(0), Some(48_000));
        tap.end_run();
        assert_eq!((analyser.byte_frequency(0, &mut [0; 4]), analyser.sample_rate(0)), (None, None));
        tap.begin_run();
        assert_eq!(look(&analyser, 0), 0);
    }

    #[test]
    fn a_sound_that_stopped_is_silence_in_the_end() {
        let (_, mut writer, analyser) = looking(0.0);
        writer.write(&tone(1_024));
        assert!(look(&analyser, 5_000) > 0);
        assert!(look(&analyser, 150_000) > 0);
        assert_eq!(look(&analyser, 300_000), 0);
        let mut wave = [0; 512];
        analyser.byte_time_domain(300_000, &mut wave);
        assert_eq!(wave, [128; 512]);
    }

    #[test]
    fn many_threads_ask_at_once() {
        let (_, mut writer, analyser) = looking(0.8);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let (mut bytes, mut floats) = ([0; 256], [0.0; 512]);
                    for n in 0..500 {
                        assert_eq!(analyser.byte_frequency(n, &mut bytes), Some(256));
                        assert_eq!(analyser.float_time_domain(n, &mut floats), Some(512));
                    }
                });
            }
            (0..500).for_each(|_| writer.write(&[5_000; 240]));
        });
    }
}
