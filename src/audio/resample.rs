//! Sample rate conversion of mono 16-bit audio, block by block.
//!
//! One [`Resampler`] per fixed-ratio leg: rubato's FFT engine on 10 ms blocks, about
//! 5 ms of delay, better than 16 bits. It is no callback code: `push` may allocate in `out`.
//!
//! The lead-in of the filter is cut off, so output frame `n` is the input at frame `n * from / to`
//! exactly; the delay shows only as output that comes later.
//!
//! ```
//! # use duologue::audio::resample::Resampler;
//! let mut r = Resampler::new(48_000, 24_000)?;
//! let mut out = Vec::new();
//! r.push(&[0; 700], &mut out);
//! r.finish(&mut out);
//! assert_eq!(out.len(), 350);
//! # Ok::<(), duologue::Error>(())
//! ```

use super::pcm::{scale_up, to_i16};
use crate::error::{Error, ErrorClass, Result};
use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};
use std::fmt;

/// Rates a [`Resampler`] accepts, in frames per second.
pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;

/// Converts mono 16-bit audio from one rate to another, in pieces of any length.
///
/// The same input gives the same output, bit for bit, however it is cut into pieces. Equal rates
/// pass through untouched and without delay. One thread at a time; not for audio callbacks.
pub struct Resampler {
    from: u32,
    to: u32,
    /// Frames of this stream so far.
    taken: u64,
    given: u64,
    engine: Option<Engine>,
}

struct Engine {
    fft: Fft<f32>,
    /// The block being filled; `fill` frames of it are input.
    input: Vec<f32>,
    fill: usize,
    output: Vec<f32>,
    /// Lead-in frames still to cut off.
    lead: usize,
    delay: usize,
}

impl Resampler {
    /// A converter from `from` to `to` frames per second.
    ///
    /// # Errors
    /// `unsupported_rate` (class `argument`) for a rate outside [`RATES`].
    pub fn new(from: u32, to: u32) -> Result<Resampler> {
        for rate in [from, to] {
            if !RATES.contains(&rate) {
                return Err(Error::new(
                    ErrorClass::Argument,
                    "unsupported_rate",
                    format!("{rate} Hz is not a sample rate duologue can convert"),
                )
                .fix(format!("use a rate from {} to {} Hz", RATES.start(), RATES.end())));
            }
        }
        let engine = if from == to { None } else { Some(Engine::new(from, to)?) };
        Ok(Resampler { from, to, taken: 0, given: 0, engine })
    }

    /// Converts `input` and appends what is complete to `out`; the rest follows with later calls.
    pub fn push(&mut self, input: &[i16], out: &mut Vec<i16>) {
        let before = out.len();
        self.taken += input.len() as u64;
        match &mut self.engine {
            None => out.extend_from_slice(input),
            Some(engine) => engine.push(input, out),
        }
        self.given += (out.len() - before) as u64;
    }

    /// Appends the tail to `out`, so that this stream gave `ceil(input * to / from)` frames in
    /// total, then starts a new stream.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        let total = scale_up(self.taken, self.to.into(), self.from.into());
        if let Some(engine) = &mut self.engine {
            while self.given < total {
                let before = out.len();
                engine.pad(out);
                let surplus = (self.given + (out.len() - before) as u64).saturating_sub(total) as usize;
                out.truncate(out.len() - surplus);
                self.given += (out.len() - before) as u64;
            }
        }
        self.reset();
    }

    /// Forgets what was pushed and starts a new stream.
    pub fn reset(&mut self) {
        self.taken = 0;
        self.given = 0;
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }

    /// Output frames by which output comes later than its input because of the filter, on top of
    /// the block being filled. It is waiting time only: positions need no correction for it.
    pub fn delay_frames(&self) -> u32 {
        self.engine.as_ref().map_or(0, |e| e.delay as u32)
    }

    /// Input rate in frames per second.
    pub fn from_rate(&self) -> u32 {
        self.from
    }

    /// Output rate in frames per second.
    pub fn to_rate(&self) -> u32 {
        self.to
    }
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Engine {
    fn new(from: u32, to: u32) -> Result<Engine> {
        // One transform per chunk: rubato then takes and gives the same number of frames each time.
        let chunk = (from / 100) as usize;
        let window = WindowFunction::BlackmanHarris2;
        let fft = Fft::new_custom(from as usize, to as usize, chunk, 1, 1, window, FixedSync::Both)
            .map_err(|e| Error::new(ErrorClass::Internal, "resampler_failed", format!("{from} to {to} Hz: {e}")))?;
        let (input, output) = (vec![0.0; fft.fft_size_in()], vec![0.0; fft.fft_size_out()]);
        let delay = fft.output_delay();
        Ok(Engine { fft, input, fill: 0, output, lead: delay, delay })
    }

    fn push(&mut self, mut input: &[i16], out: &mut Vec<i16>) {
        while !input.is_empty() {
            let n = input.len().min(self.input.len() - self.fill);
            let (now, later) = input.split_at(n);
            for (to, &from) in self.input[self.fill..].iter_mut().zip(now) {
                *to = f32::from(from) / 32768.0;
            }
            self.fill += n;
            input = later;
            if self.fill == self.input.len() {
                self.run(out);
            }
        }
    }

    /// Completes the block with silence.
    fn pad(&mut self, out: &mut Vec<i16>) {
        self.input[self.fill..].fill(0.0);
        self.run(out);
    }

    fn run(&mut self, out: &mut Vec<i16>) {
        self.fill = 0;
        if self.transform().is_none() {
            debug_assert!(false, "rubato refused a block of its own size");
            self.output.fill(0.0);
        }
        let cut = self.lead.min(self.output.len());
        self.lead -= cut;
        out.extend(self.output[cut..].iter().map(|&x| to_i16(x)));
    }

    fn transform(&mut self) -> Option<()> {
        let (taken, given) = (self.input.len(), self.output.len());
        let input = InterleavedSlice::new(&self.input, 1, taken).ok()?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, given).ok()?;
        let done = self.fft.process_into_buffer(&input, &mut output, None).ok()?;
        (done == (taken, given)).then_some(())
    }

    fn reset(&mut self) {
        self.fft.reset();
        self.fill = 0;
        self.lead = self.delay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    const LEGS: [(u32, u32); 7] = [
        (44_100, 24_000),
        (48_000, 24_000),
        (16_000, 24_000),
        (24_000, 48_000),
        (24_000, 16_000),
        (24_000, 44_100),
        (22_050, 24_000),
    ];

    fn sine(hz: f64, rate: u32, frames: usize) -> Vec<i16> {
        (0..frames).map(|n| (0.9 * 32767.0 * (TAU * hz * n as f64 / f64::from(rate)).sin()).round() as i16).collect()
    }

    fn convert(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
        let (mut r, mut out) = (Resampler::new(from, to).unwrap(), Vec::new());
        r.push(input, &mut out);
        r.finish(&mut out);
        out
    }

    /// Best fitting sine of `hz` in `pcm`: (amplitude, phase in radians, signal to residual in dB).
    fn fit(pcm: &[i16], hz: f64, rate: u32) -> (f64, f64, f64) {
        let (mut ss, mut cc, mut sc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (n, &x) in pcm.iter().enumerate() {
            let (s, c) = (TAU * hz * n as f64 / f64::from(rate)).sin_cos();
            let x = f64::from(x);
            (ss, cc, sc, xs, xc) = (ss + s * s, cc + c * c, sc + s * c, xs + x * s, xc + x * c);
        }
        let det = ss * cc - sc * sc;
        let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
        let (mut signal, mut rest) = (0.0, 0.0);
        for (n, &x) in pcm.iter().enumerate() {
            let (s, c) = (TAU * hz * n as f64 / f64::from(rate)).sin_cos();
            let ideal = a * s + b * c;
            signal += ideal * ideal;
            rest += (f64::from(x) - ideal) * (f64::from(x) - ideal);
        }
        (a.hypot(b), b.atan2(a), 10.0 * (signal / rest).log10())
    }

    #[test]
    fn a_sine_stays_clean_and_in_place() {
        for (from, to) in LEGS {
            let out = convert(from, to, &sine(997.0, from, from as usize));
            let edge = to as usize / 20;
            let inner = &out[edge..out.len() - edge];
            let (level, _, snr) = fit(inner, 997.0, to);
            assert!(snr >= 85.0, "{from} to {to}: {snr:.1} dB");
            assert!((20.0 * (level / (0.9 * 32767.0)).log10()).abs() < 0.01, "{from} to {to}: level {level}");
            // Output frame n is input frame n * from / to: at most half an input frame off.
            let start = TAU * 997.0 * edge as f64 / f64::from(to);
            let phase = (fit(inner, 997.0, to).1 - start).rem_euclid(TAU);
            let off = phase.min(TAU - phase) / (TAU * 997.0) * f64::from(from);
            assert!(off <= 0.51, "{from} to {to}: {off:.3} input frames off");
        }
    }

    #[test]
    fn what_cannot_be_represented_is_removed() {
        for (from, to) in [(48_000, 24_000), (44_100, 24_000), (24_000, 16_000), (48_000, 16_000)] {
            let out = convert(from, to, &sine(1.25 * f64::from(to) / 2.0, from, from as usize));
            let inner = &out[to as usize / 20..out.len() - to as usize / 20];
            let loudest = inner.iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!(loudest <= 1, "{from} to {to}: alias of {loudest}");
        }
    }

    #[test]
    fn speech_band_is_flat() {
        for (from, to) in LEGS {
            let hz = 0.8 * f64::from(from.min(to)) / 2.0;
            let out = convert(from, to, &sine(hz, from, from as usize));
            let (level, ..) = fit(&out[to as usize / 20..out.len() - to as usize / 20], hz, to);
            let db = 20.0 * (level / (0.9 * 32767.0)).log10();
            assert!(db.abs() < 0.1, "{from} to {to}: {db:.3} dB at {hz} Hz");
        }
    }

    #[test]
    fn equal_rates_pass_through_at_once() {
        let (mut r, mut out) = (Resampler::new(24_000, 24_000).unwrap(), Vec::new());
        r.push(&[1, 2, 3], &mut out);
        assert_eq!(out, [1, 2, 3]);
        assert_eq!(r.delay_frames(), 0);
        r.finish(&mut out);
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn delay_is_five_milliseconds() {
        assert_eq!(Resampler::new(48_000, 24_000).unwrap().delay_frames(), 120);
        assert_eq!(Resampler::new(24_000, 48_000).unwrap().delay_frames(), 240);
    }

    #[test]
    fn reset_and_finish_leave_no_trace() {
        let input = sine(440.0, 24_000, 5_000);
        let fresh = convert(24_000, 48_000, &input);
        let (mut r, mut out) = (Resampler::new(24_000, 48_000).unwrap(), Vec::new());
        r.push(&sine(3_000.0, 24_000, 777), &mut out);
        r.reset();
        for _ in 0..2 {
            out.clear();
            r.push(&input, &mut out);
            r.finish(&mut out);
            assert_eq!(out, fresh);
        }
    }

    #[test]
    fn impossible_rates_are_refused() {
        for (from, to) in [(0, 24_000), (24_000, 0), (7_999, 24_000), (24_000, 192_001)] {
            let e = Resampler::new(from, to).unwrap_err();
            assert_eq!((e.class, e.code.as_ref()), (ErrorClass::Argument, "unsupported_rate"));
            assert!(e.fix.is_some());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

        #[test]
        fn cutting_changes_nothing(
            leg in 0..LEGS.len(),
            input in prop::collection::vec(any::<i16>(), 0..4_000),
            cuts in prop::collection::vec(0..900usize, 0..12),
        ) {
            let (from, to) = LEGS[leg];
            let whole = convert(from, to, &input);
            prop_assert_eq!(whole.len(), (input.len() * to as usize).div_ceil(from as usize));
            let (mut r, mut out, mut rest) = (Resampler::new(from, to).unwrap(), Vec::new(), &input[..]);
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                r.push(now, &mut out);
                rest = later;
            }
            r.push(rest, &mut out);
            r.finish(&mut out);
            prop_assert_eq!(out, whole);
        }
    }
}
