//! How loud it is: RMS and peak per 10 ms, on a scale that a level bar can show as it is.
//!
//! −60 dBFS and below is 0, full scale is 1, linear in decibels between. Levels rise at once and
//! fall with a time constant of 300 ms. Pure; time is the number of frames pushed.

use serde::{Deserialize, Serialize};

/// A loudness reading, both figures in 0..=1 ([`Meter`] tells the scale).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Level {
    /// From the root mean square (no sine correction: a full-scale sine reads 0.95).
    pub rms: f32,
    /// From the largest absolute sample.
    pub peak: f32,
}

/// Measures one mono stream. Callback-safe; one thread at a time.
///
/// ```
/// # use duologue::audio::meter::Meter;
/// let mut meter = Meter::new(24_000);
/// meter.push(&[i16::MIN; 240]);
/// assert_eq!((meter.level().rms, meter.level().peak), (1.0, 1.0));
/// ```
#[derive(Debug, Clone)]
pub struct Meter {
    /// Frames per 10 ms block.
    block: u32,
    have: u32,
    /// Sum of squares and largest magnitude of the block so far.
    energy: u64,
    peak: u16,
    level: Level,
}

/// What is left of a level after 10 ms of silence: exp(−10 ms / 300 ms).
const RELEASE: f32 = 0.967_216;

impl Meter {
    /// A meter for `rate` frames per second (at least 100).
    pub fn new(rate: u32) -> Self {
        Meter { block: (rate / 100).max(1), have: 0, energy: 0, peak: 0, level: Level::default() }
    }

    /// Measures `pcm`; the reading changes with every complete 10 ms.
    pub fn push(&mut self, pcm: &[i16]) {
        for &sample in pcm {
            let size = sample.unsigned_abs();
            self.energy += u64::from(size) * u64::from(size);
            self.peak = self.peak.max(size);
            self.have += 1;
            if self.have == self.block {
                self.close();
            }
        }
    }

    /// Measures `frames` frames of silence.
    pub fn push_silence(&mut self, mut frames: usize) {
        while frames > 0 {
            let now = frames.min((self.block - self.have) as usize);
            self.have += now as u32;
            frames -= now;
            if self.have == self.block {
                self.close();
            }
        }
    }

    /// The reading of the last complete 10 ms, release included.
    pub fn level(&self) -> Level {
        self.level
    }

    fn close(&mut self) {
        let rms = (self.energy as f64 / f64::from(self.block)).sqrt() / 32768.0;
        let peak = f64::from(self.peak) / 32768.0;
        self.level.rms = follow(self.level.rms, scale(rms));
        self.level.peak = follow(self.level.peak, scale(peak));
        (self.have, self.energy, self.peak) = (0, 0, 0);
    }
}

/// Linear amplitude to the 0..=1 level scale.
fn scale(amplitude: f64) -> f32 {
    // The logarithm of 0 is −∞, which clamps to 0.
    ((20.0 * amplitude.log10() + 60.0) / 60.0).clamp(0.0, 1.0) as f32
}

fn follow(shown: f32, now: f32) -> f32 {
    now.max(shown * RELEASE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(peak: f64) -> Vec<i16> {
        (0..4_800).map(|n| (peak * 32768.0 * (n as f64 * std::f64::consts::TAU / 48.0).sin()) as i16).collect()
    }

    #[test]
    fn minus_twenty_decibels_reads_as_specified() {
        let mut m = Meter::new(48_000);
        m.push(&sine(0.1));
        assert!((m.level().peak - 0.667).abs() < 0.005, "{:?}", m.level());
        assert!((m.level().rms - 0.617).abs() < 0.005, "{:?}", m.level());
    }

    #[test]
    fn silence_is_zero_and_the_floor_is_minus_sixty() {
        let mut m = Meter::new(16_000);
        m.push(&[0; 1_600]);
        assert_eq!(m.level(), Level::default());
        m.push(&[16; 160]);
        assert_eq!(m.level(), Level::default());
    }

    #[test]
    fn attack_is_instant_and_release_takes_its_time() {
        let mut m = Meter::new(24_000);
        m.push(&[i16::MIN; 239]);
        assert_eq!(m.level().peak, 0.0);
        m.push(&[i16::MIN]);
        assert_eq!(m.level().peak, 1.0);
        m.push(&[0; 7_200]);
        assert!((m.level().peak - (-1f32).exp()).abs() < 0.001, "{:?}", m.level());
        let mut same = m.clone();
        m.push(&[0; 72_000]);
        assert!(m.level().rms < 0.001);
        same.push_silence(72_000);
        assert_eq!(same.level(), m.level());
    }
}
