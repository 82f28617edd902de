//! What is in a sound: frequencies and waveform with the numbers of a browser's `AnalyserNode`.
//!
//! The formulas are those of the Web Audio specification: a Blackman window (α = 0.16), a transform scaled by
//! 1/N, smoothing over time of the linear magnitudes, decibels, and a byte between two of them. Whatever was
//! drawn from `getByteFrequencyData` in a page can be drawn from this.
//!
//! Pure, and free of allocations once it was made. One thread at a time; not for audio callbacks.
//!
//! ```
//! # use duologue::audio::spectrum::{AnalyserOptions, Spectrum};
//! let mut spectrum = Spectrum::new(AnalyserOptions { fft_size: 512, smoothing: 0.0, ..Default::default() })?;
//! let sine = |n: usize| (n as f32 * std::f32::consts::TAU * 8.0 / 512.0).sin();
//! spectrum.frames_mut().iter_mut().enumerate().for_each(|(n, frame)| *frame = sine(n));
//! spectrum.update();
//! let mut bytes = [0; 256];
//! spectrum.byte_frequency(&mut bytes);
//! assert_eq!(bytes.iter().position(|b| *b == 255), Some(7));
//! assert_eq!((bytes[8], bytes[40]), (255, 0));
//! # Ok::<(), duologue::Error>(())
//! ```

use crate::error::{Error, ErrorClass, Result};
use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};
use std::{f64::consts::TAU, fmt, ops::RangeInclusive, sync::Arc};

/// Sizes of the transform there can be; they are powers of two.
pub const FFT_SIZES: RangeInclusive<usize> = 32..=32_768;
/// Where voices are, in hertz: what [`Spectrum::voice_bands`] covers.
pub const VOICE_HZ: (u32, u32) = (100, 8_000);

/// How sound is analysed. The names and the defaults are those of an `AnalyserNode`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnalyserOptions {
    /// Frames looked at, a power of two from 32 to 32768. There are half as many frequencies.
    pub fft_size: usize,
    /// What the byte 0 stands for, and everything below.
    pub min_decibels: f64,
    /// What the byte 255 stands for, and everything above.
    pub max_decibels: f64,
    /// How much of the reading before stays in each new one, 0 to 1.
    pub smoothing: f64,
}

impl Default for AnalyserOptions {
    fn default() -> Self {
        Self { fft_size: 2048, min_decibels: -100.0, max_decibels: -30.0, smoothing: 0.8 }
    }
}

impl AnalyserOptions {
    /// Whether all of them are in range.
    ///
    /// # Errors
    /// `invalid_argument`, naming the field.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field: &str, message: String, fix: &str| {
            Err(Error::new(ErrorClass::Argument, "invalid_argument", message).field(field).fix(fix))
        };
        if !FFT_SIZES.contains(&self.fft_size) || !self.fft_size.is_power_of_two() {
            let fix = "use a power of two from 32 to 32768";
            return wrong("fft_size", format!("{} is no size of the transform", self.fft_size), fix);
        }
        if !(0.0..=1.0).contains(&self.smoothing) {
            return wrong("smoothing", format!("is {}", self.smoothing), "use a number from 0 to 1");
        }
        let finite = self.min_decibels.is_finite() && self.max_decibels.is_finite();
        if !finite || self.min_decibels >= self.max_decibels {
            let message = format!("{} dB is not below max_decibels, {} dB", self.min_decibels, self.max_decibels);
            return wrong("min_decibels", message, "use, for example, -100 and -30");
        }
        Ok(())
    }
}

/// See the module.
pub struct Spectrum {
    options: AnalyserOptions,
    fft: Arc<dyn RealToComplex<f32>>,
    window: Box<[f32]>,
    /// The current time-domain data, oldest frame first.
    frames: Box<[f32]>,
    windowed: Box<[f32]>,
    transformed: Box<[Complex<f32>]>,
    scratch: Box<[Complex<f32>]>,
    /// Magnitudes, smoothed over time.
    smoothed: Box<[f32]>,
}

impl Spectrum {
    /// One that has seen nothing but silence.
    ///
    /// # Errors
    /// As [`AnalyserOptions::validate`].
    pub fn new(options: AnalyserOptions) -> Result<Self> {
        options.validate()?;
        let size = options.fft_size;
        let fft = RealFftPlanner::new().plan_fft_forward(size);
        Ok(Self {
            options,
            window: (0..size).map(|n| blackman(n, size) as f32).collect(),
            frames: vec![0.0; size].into(),
            windowed: vec![0.0; size].into(),
            transformed: fft.make_output_vec().into(),
            scratch: fft.make_scratch_vec().into(),
            smoothed: vec![0.0; size / 2].into(),
            fft,
        })
    }

    /// How it analyses.
    pub fn options(&self) -> &AnalyserOptions {
        &self.options
    }

    /// The sound to look at, `fft_size` frames of −1 to 1, oldest first.
    pub fn frames_mut(&mut self) -> &mut [f32] {
        &mut self.frames
    }

    /// Makes the current frequency data from [`Self::frames_mut`] and what there was before.
    pub fn update(&mut self) {
        for ((to, frame), weight) in self.windowed.iter_mut().zip(&self.frames).zip(&self.window) {
            *to = frame * weight;
        }
        let done = self.fft.process_with_scratch(&mut self.windowed, &mut self.transformed, &mut self.scratch);
        debug_assert!(done.is_ok(), "the buffers are the plan's own");
        let (scale, stays) = (1.0 / self.options.fft_size as f32, self.options.smoothing as f32);
        for (kept, bin) in self.smoothed.iter_mut().zip(&self.transformed) {
            let next = stays * *kept + (1.0 - stays) * bin.norm() * scale;
            // One frame that is no number must not stay for ever.
            *kept = if next.is_finite() { next } else { 0.0 };
        }
    }

    /// Forgets what there was before, as a change of the sound's rate needs.
    pub fn reset(&mut self) {
        self.frames.fill(0.0);
        self.smoothed.fill(0.0);
    }

    /// The current frequency data in decibels; silence is −∞. Returns how many were written: of more than
    /// `fft_size / 2` the rest stays as it is.
    pub fn float_frequency(&self, out: &mut [f32]) -> usize {
        copy(out, &self.smoothed, |magnitude| decibels(*magnitude) as f32)
    }

    /// The current frequency data, 0 at `min_decibels` and 255 at `max_decibels`. Returns how many were written.
    pub fn byte_frequency(&self, out: &mut [u8]) -> usize {
        copy(out, &self.smoothed, |magnitude| self.byte(*magnitude))
    }

    /// The waveform as it is. Returns how many were written: of less than `fft_size` the newest are missing.
    pub fn float_time_domain(&self, out: &mut [f32]) -> usize {
        copy(out, &self.frames, |frame| *frame)
    }

    /// The waveform: 128 is silence. Returns how many were written.
    pub fn byte_time_domain(&self, out: &mut [u8]) -> usize {
        copy(out, &self.frames, |frame| (128.0 * (1.0 + frame)).floor() as u8)
    }

    /// The current frequency data between [`VOICE_HZ`], spread over all of `out` by linear interpolation: as many
    /// bars as wanted, whatever `rate` the sound has. Where it ends below, the bars end there.
    pub fn voice_bands(&self, rate: u32, out: &mut [u8]) -> usize {
        let bins = self.smoothed.len();
        let hz = f64::from(rate.max(1)) / self.options.fft_size as f64;
        let last = ((f64::from(VOICE_HZ.1) / hz).ceil() as usize).clamp(1, bins);
        let first = ((f64::from(VOICE_HZ.0) / hz) as usize).min(last - 1);
        let count = out.len();
        for (n, band) in out.iter_mut().enumerate() {
            let at = n as f64 / count as f64 * (last - first) as f64;
            let low = first + at as usize;
            let high = (low + 1).min(last - 1);
            let [low, high] = [low, high].map(|bin| f64::from(self.byte(self.smoothed[bin])));
            let part = at.fract();
            *band = (low * (1.0 - part) + high * part).round() as u8;
        }
        count
    }

    fn byte(&self, magnitude: f32) -> u8 {
        let AnalyserOptions { min_decibels: min, max_decibels: max, .. } = self.options;
        // A cast holds to 0 and 255, also from −∞.
        (255.0 / (max - min) * (decibels(magnitude) - min)).floor() as u8
    }
}

fn copy<T, S>(out: &mut [T], from: &[S], mut value: impl FnMut(&S) -> T) -> usize {
    out.iter_mut().zip(from).map(|(to, from)| *to = value(from)).count()
}

fn decibels(magnitude: f32) -> f64 {
    20.0 * f64::from(magnitude).log10()
}

fn blackman(n: usize, size: usize) -> f64 {
    const ALPHA: f64 = 0.16;
    let turn = TAU * n as f64 / size as f64;
    (1.0 - ALPHA) / 2.0 - 0.5 * turn.cos() + ALPHA / 2.0 * (2.0 * turn).cos()
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
