//! Against the formulas of the Web Audio specification, evaluated as they stand there, one sum a frequency.

use super::*;
use proptest::prelude::*;

/// An analyser written down from the specification (§1.8.6), in double precision.
struct Reference {
    options: AnalyserOptions,
    before: Vec<f64>,
}

impl Reference {
    fn new(options: AnalyserOptions) -> Self {
        Self { options, before: vec![0.0; options.fft_size / 2] }
    }

    /// Decibels of each frequency after looking at `x`.
    fn decibels(&mut self, x: &[f32]) -> Vec<f64> {
        let size = x.len();
        let (n, tau) = (size as f64, self.options.smoothing);
        let alpha = 0.16;
        let (a0, a1, a2) = ((1.0 - alpha) / 2.0, 0.5, alpha / 2.0);
        let turn = std::f64::consts::TAU / n;
        let windowed: Vec<f64> = (0..size)
            .map(|i| {
                let i_ = i as f64;
                f64::from(x[i]) * (a0 - a1 * (turn * i_).cos() + a2 * (2.0 * turn * i_).cos())
            })
            .collect();
        for (k, before) in self.before.iter_mut().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, x) in windowed.iter().enumerate() {
                let (sin, cos) = (turn * ((k * i) % size) as f64).sin_cos();
                (re, im) = (re + x * cos, im - x * sin);
            }
            let next = tau * *before + (1.0 - tau) * (re / n).hypot(im / n);
            *before = if next.is_finite() { next } else { 0.0 };
        }
        self.before.iter().map(|x| 20.0 * x.log10()).collect()
    }

    fn byte(&self, decibels: f64) -> f64 {
        let AnalyserOptions { min_decibels: min, max_decibels: max, .. } = self.options;
        (255.0 / (max - min) * (decibels - min)).clamp(0.0, 255.0)
    }
}

fn sine(bin: f64, peak: f64, size: usize) -> Vec<f32> {
    (0..size).map(|n| (peak * (TAU * bin * n as f64 / size as f64).sin()) as f32).collect()
}

fn plain(fft_size: usize) -> AnalyserOptions {
    AnalyserOptions { fft_size, smoothing: 0.0, ..AnalyserOptions::default() }
}

fn bytes(spectrum: &mut Spectrum, sound: &[f32]) -> Vec<u8> {
    spectrum.frames_mut().copy_from_slice(sound);
    spectrum.update();
    let mut out = vec![0; sound.len() / 2];
    assert_eq!(spectrum.byte_frequency(&mut out), out.len());
    out
}

/// Bytes and decibels of both, after the same sounds.
fn agree(options: AnalyserOptions, sounds: &[Vec<f32>]) {
    let (mut spectrum, mut reference) = (Spectrum::new(options).unwrap(), Reference::new(options));
    for sound in sounds {
        let got = bytes(&mut spectrum, sound);
        let mut decibels = vec![0.0; got.len()];
        spectrum.float_frequency(&mut decibels);
        for (k, wanted) in reference.decibels(sound).into_iter().enumerate() {
            let (byte, float) = (reference.byte(wanted), f64::from(decibels[k]));
            // Single precision may fall on the other side of a step.
            let close =
                (f64::from(got[k]) - byte.floor()).abs() <= f64::from(u8::from((byte - byte.round()).abs() < 0.02));
            assert!(close, "{options:?} bin {k}: {} for {byte}", got[k]);
            // Far below full scale single precision has noise of its own.
            assert!((float - wanted).abs() < 0.01 || wanted < -120.0 && float < -110.0, "{k}: {float} for {wanted}");
        }
    }
}

#[test]
fn a_sine_on_a_bin_has_the_bytes_it_was_given() {
    for (decibels, peak, beside) in [(-20.0, 242, 225), (-40.0, 169, 152), (-60.0, 96, 79), (-80.0, 23, 7)] {
        let mut spectrum = Spectrum::new(plain(2048)).unwrap();
        let got = bytes(&mut spectrum, &sine(64.0, 10f64.powf(decibels / 20.0), 2048));
        assert_eq!(got[64], peak, "{decibels} dB");
        for n in [63, 65] {
            assert!(got[n].abs_diff(beside) <= 1, "{decibels} dB: {} beside the peak", got[n]);
        }
        assert!(got[..61].iter().chain(&got[68..]).all(|b| *b == 0), "{decibels} dB: nothing else");
    }
    // Smoothing begins at silence: 14 dB less at the first look.
    for (decibels, peak) in [(-20.0, 191), (-40.0, 118), (-60.0, 45), (-80.0, 0)] {
        let mut spectrum = Spectrum::new(AnalyserOptions::default()).unwrap();
        assert_eq!(bytes(&mut spectrum, &sine(64.0, 10f64.powf(decibels / 20.0), 2048))[64], peak, "{decibels} dB");
    }
}

#[test]
fn silence_is_nothing() {
    let mut spectrum = Spectrum::new(plain(1024)).unwrap();
    assert_eq!(bytes(&mut spectrum, &[0.0; 1024]), [0; 512]);
    let (mut decibels, mut wave, mut floats) = ([0.0; 512], [0; 1024], [1.0; 1024]);
    spectrum.float_frequency(&mut decibels);
    assert_eq!(decibels, [f32::NEG_INFINITY; 512]);
    spectrum.byte_time_domain(&mut wave);
    assert_eq!(wave, [128; 1024]);
    spectrum.float_time_domain(&mut floats);
    assert_eq!(floats, [0.0; 1024]);
}

#[test]
fn the_waveform_is_what_is_there() {
    let mut spectrum = Spectrum::new(plain(32)).unwrap();
    spectrum.frames_mut()[..5].copy_from_slice(&[0.0, 0.5, -1.0, 1.0, -1.5]);
    let (mut bytes, mut floats) = ([7; 5], [7.0; 40]);
    assert_eq!(spectrum.byte_time_domain(&mut bytes), 5);
    assert_eq!(bytes, [128, 192, 0, 255, 0]);
    assert_eq!(spectrum.float_time_domain(&mut floats), 32);
    assert_eq!((floats[1], floats[31], floats[32]), (0.5, 0.0, 7.0), "what there is no frame for stays");
}

#[test]
fn smoothing_goes_from_look_to_look() {
    let options = AnalyserOptions { fft_size: 256, smoothing: 0.8, ..AnalyserOptions::default() };
    let (loud, soft) = (sine(10.0, 0.5, 256), sine(30.5, 0.01, 256));
    agree(options, &[loud.clone(), loud.clone(), soft.clone(), vec![0.0; 256], soft, loud]);
    // And not at all when it is 1: nothing ever comes in.
    agree(AnalyserOptions { smoothing: 1.0, ..options }, &[sine(10.0, 1.0, 256)]);
}

#[test]
fn what_is_no_number_does_not_stay() {
    let mut spectrum = Spectrum::new(AnalyserOptions { fft_size: 32, ..AnalyserOptions::default() }).unwrap();
    let mut broken = sine(4.0, 0.5, 32);
    broken[3] = f32::NAN;
    assert_eq!(bytes(&mut spectrum, &broken), [0; 16]);
    broken[3] = f32::INFINITY;
    assert_eq!(bytes(&mut spectrum, &broken), [0; 16]);
    broken[3] = 0.0;
    assert!(bytes(&mut spectrum, &broken)[4] > 200);
    spectrum.reset();
    let mut decibels = [0.0; 16];
    spectrum.float_frequency(&mut decibels);
    assert_eq!(decibels, [f32::NEG_INFINITY; 16]);
}

#[test]
fn voices_are_between_100_and_8000_hertz() {
    // At 48 kHz and 2048 frames a bin has 23.4 Hz: 4 to 342.
    let mut spectrum = Spectrum::new(plain(2048)).unwrap();
    let raw = bytes(&mut spectrum, &sine(173.0, 0.1, 2048));
    let mut bands = [9; 2];
    assert_eq!(spectrum.voice_bands(48_000, &mut bands), 2);
    assert_eq!((bands, raw[173]), ([0, 242], 242), "the second bar begins in the middle, at bin 4 + 169");
    // As many bars as bins are the bins.
    let mut bands = [9; 338];
    spectrum.voice_bands(48_000, &mut bands);
    assert_eq!(bands, raw[4..342]);
    // Halfway between two bins is the mean of both.
    let mut bands = [9; 676];
    spectrum.voice_bands(48_000, &mut bands);
    let mean = (f64::from(raw[173]) + f64::from(raw[174])) / 2.0;
    assert_eq!(f64::from(bands[2 * 169 + 1]), mean.round());
    // A sound of 8 kHz ends at 4 kHz: so do the bars. Nobody knows its rate: no bars, and no panic.
    let mut bands = [9; 1011];
    assert_eq!(spectrum.voice_bands(8_000, &mut bands), 1011);
    spectrum.voice_bands(0, &mut bands);
    assert_eq!(bands, [0; 1011]);
    assert_eq!(spectrum.voice_bands(48_000, &mut []), 0);
}

#[test]
fn options_out_of_range_are_refused_with_their_names() {
    let good = AnalyserOptions::default();
    let refused = |options: AnalyserOptions, field: &str| {
        let error = Spectrum::new(options).unwrap_err();
        assert_eq!((&*error.code, error.field.as_deref()), ("invalid_argument", Some(field)), "{options:?}");
    };
    for fft_size in [0, 1, 16, 31, 33, 1000, 2047, 32_769, 65_536, usize::MAX] {
        refused(AnalyserOptions { fft_size, ..good }, "fft_size");
    }
    for smoothing in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        refused(AnalyserOptions { smoothing, ..good }, "smoothing");
    }
    for (min_decibels, max_decibels) in [(-30.0, -30.0), (-20.0, -30.0), (f64::NAN, 0.0), (f64::NEG_INFINITY, 0.0)] {
        refused(AnalyserOptions { min_decibels, max_decibels, ..good }, "min_decibels");
    }
    for fft_size in [32, 64, 32_768] {
        Spectrum::new(AnalyserOptions { fft_size, ..good }).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sound_has_the_numbers_of_the_specification(
        size in prop::sample::select(vec![32usize, 64, 128, 512]),
        smoothing in prop::sample::select(vec![0.0, 0.3, 0.8, 0.99]),
        range in prop::sample::select(vec![(-100.0, -30.0), (-90.0, 0.0), (-50.0, -49.0)]),
        noise in prop::collection::vec(-1.0f32..1.0, 512 * 3),
        gain in prop::sample::select(vec![1.0f32, 0.1, 0.001]),
    ) {
        let (min_decibels, max_decibels) = range;
        let options = AnalyserOptions { fft_size: size, min_decibels, max_decibels, smoothing };
        let sounds: Vec<Vec<f32>> = noise.chunks(512).map(|s| s[..size].iter().map(|x| x * gain).collect()).collect();
        agree(options, &sounds);
    }
}
