//! Audio as the agent announces it (protocols reference §6), and as the session has it.
//!
//! Which format each direction has is the agent's own setting and told with the first message, when the session has long
//! chosen its rates. So the session has fixed ones, and what travels is converted here.

use crate::{audio::resample::Resampler, error::Result};

/// The session's rate of microphone audio: what agents take unless they are told otherwise.
pub const INPUT_RATE: u32 = 16_000;
/// The session's rate of answers: the highest there is, so that nothing of any is lost.
pub const OUTPUT_RATE: u32 = 48_000;

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// 16-bit little-endian.
    Pcm,
    /// G.711 µ-law, a byte each.
    Ulaw,
}

/// One announced format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    pub coding: Coding,
    pub rate: u32,
}

impl Format {
    /// What agents take when they do not say.
    pub const DEFAULT: Self = Self { coding: Coding::Pcm, rate: 16_000 };

    /// Reads `pcm_16000`, `ulaw_8000` and the like.
    pub fn parse(text: &str) -> Option<Self> {
        let (coding, rate) = text.split_once('_')?;
        let coding = match coding {
            "pcm" => Coding::Pcm,
            "ulaw" => Coding::Ulaw,
            _ => return None,
        };
        let rate = rate.parse().ok().filter(|rate| (8_000..=48_000).contains(rate))?;
        Some(Self { coding, rate })
    }
}

/// Microphone audio on its way to the agent.
pub struct Outgoing {
    format: Format,
    resampler: Resampler,
}

impl Outgoing {
    /// # Errors
    /// A rate that cannot be converted.
    pub fn new(format: Format) -> Result<Self> {
        Ok(Self { format, resampler: Resampler::new(INPUT_RATE, format.rate)? })
    }

    /// The bytes of one frame.
    pub fn bytes(&mut self, pcm: &[i16]) -> Vec<u8> {
        let mut samples = Vec::with_capacity(pcm.len() * self.format.rate as usize / INPUT_RATE as usize + 1);
        self.resampler.push(pcm, &mut samples);
        match self.format.coding {
            Coding::Pcm => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
            Coding::Ulaw => samples.into_iter().map(to_ulaw).collect(),
        }
    }
}

/// Answers on their way to the speaker.
pub struct Incoming {
    format: Format,
    resampler: Resampler,
}

impl Incoming {
    /// # Errors
    /// A rate that cannot be converted.
    pub fn new(format: Format) -> Result<Self> {
        Ok(Self { format, resampler: Resampler::new(format.rate, OUTPUT_RATE)? })
    }

    /// 16-bit samples travel in the announced format.
    pub fn is_pcm(&self) -> bool {
        self.format.coding == Coding::Pcm
    }

    /// Samples at the session's rate.
    pub fn samples(&mut self, pcm: &[i16]) -> Vec<i16> {
        let mut out = Vec::with_capacity(pcm.len() * OUTPUT_RATE as usize / self.format.rate as usize + 1);
        self.resampler.push(pcm, &mut out);
        out
    }

    /// What the resampler still holds of the answer that is over; the next one begins afresh.
    pub fn rest(&mut self) -> Vec<i16> {
        let mut out = Vec::new();
        self.resampler.finish(&mut out);
        self.resampler.reset();
        out
    }

    /// What is held belongs to an answer nobody hears any more.
    pub fn reset(&mut self) {
        self.resampler.reset();
    }
}

/// What is added before the logarithm (ITU-T G.711).
const BIAS: i32 = 0x84;
/// The loudest sample that still fits with it.
const CLIP: i32 = 32_635;

fn to_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // The position of the highest bit, of which 7 to 14 occur.
    let exponent = (31 - magnitude.leading_zeros() as i32) - 7;
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

/// The sample a byte stands for.
pub fn of_ulaw(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = (i32::from((byte >> 4) & 7), i32::from(byte & 0x0f));
    let magnitude = (((mantissa << 3) + BIAS) << exponent) - BIAS;
    (if byte & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn formats_are_read() {
        for (text, format) in [
            ("pcm_8000", Some((Coding::Pcm, 8_000))),
            ("pcm_44100", Some((Coding::Pcm, 44_100))),
            ("ulaw_8000", Some((Coding::Ulaw, 8_000))),
            ("pcm_0", None),
            ("pcm_96000", None),
            ("opus_48000", None),
            ("pcm", None),
            ("", None),
        ] {
            assert_eq!(Format::parse(text), format.map(|(coding, rate)| Format { coding, rate }), "{text}");
        }
    }

    /// Values of the table in ITU-T G.711, and that every byte comes back as itself.
    #[test]
    fn ulaw_is_g711() {
        for (byte, sample) in [(0xffu8, 0), (0x80, 32_124), (0x00, -32_124), (0xfe, 8), (0x7e, -8), (0xf0, 120)] {
            assert_eq!(of_ulaw(byte), sample, "{byte:#x}");
        }
        for byte in 0..=255u8 {
            let again = to_ulaw(of_ulaw(byte));
            // There are two zeros.
            assert!(again == byte || of_ulaw(byte) == 0, "{byte:#x}: {again:#x}");
        }
        assert_eq!((to_ulaw(i16::MIN), to_ulaw(i16::MAX)), (0x00, 0x80));
    }

    /// A tone stays the tone it is, through every format there and back.
    #[test]
    fn every_format_keeps_a_tone() {
        let tone = |rate: u32, len: u32| -> Vec<i16> {
            (0..len).map(|i| (8000.0 * (TAU * 440.0 * f64::from(i) / f64::from(rate)).sin()) as i16).collect()
        };
        let level = |pcm: &[i16], rate: u32, hz: f64| {
            let turn = |i: usize| TAU * hz * i as f64 / f64::from(rate);
            let (c, s) = pcm.iter().enumerate().fold((0.0, 0.0), |(c, s), (i, &v)| {
                (c + f64::from(v) * turn(i).cos(), s + f64::from(v) * turn(i).sin())
            });
            2.0 * (c * c + s * s).sqrt() / pcm.len() as f64
        };
        for text in ["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"] {
            let format = Format::parse(text).unwrap();
            let mut out = Outgoing::new(format).unwrap();
            let bytes: Vec<u8> = tone(INPUT_RATE, INPUT_RATE).chunks(320).flat_map(|c| out.bytes(c)).collect();
            let sent: Vec<i16> = match format.coding {
                Coding::Pcm => bytes.chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
                Coding::Ulaw => bytes.iter().map(|&b| of_ulaw(b)).collect(),
            };
            let inner = &sent[sent.len() / 4..][..format.rate as usize / 2];
            assert!(
                (level(inner, format.rate, 440.0) - 8000.0).abs() < 80.0,
                "{text}: {}",
                level(inner, format.rate, 440.0)
            );
            let mut back = Incoming::new(format).unwrap();
            let mut heard = back.samples(&tone(format.rate, format.rate));
            heard.extend(back.rest());
            assert_eq!(heard.len(), OUTPUT_RATE as usize, "{text}: as long as it was");
            let inner = &heard[12_000..36_000];
            assert!((level(inner, OUTPUT_RATE, 440.0) - 8000.0).abs() < 80.0, "{text}");
            // And nothing that was not there.
            assert!(level(inner, OUTPUT_RATE, 3000.0) < 20.0, "{text}");
        }
    }
}
