//! Audio on the wire: 16 bit samples or µ-law, at the rate that the agent is set to.

use super::closing::Closing;
use crate::{
    audio::resample::Resampler,
    simulator::{clips, listening, scenario::AudioFormat},
};
use audio_codec_algorithms::{decode_ulaw, encode_ulaw};

/// Largest chunk before base64: as large as a frame can carry.
const LARGEST: usize = 12 << 20;

/// Takes what the user's microphone sends.
pub(super) struct Ear {
    format: AudioFormat,
    resampler: Option<Resampler>,
}

impl Ear {
    pub(super) fn new(format: AudioFormat) -> Self {
        Self { format, resampler: Resampler::new(format.rate(), clips::RATE).ok() }
    }

    /// Samples at 24 kHz, as far as they are complete.
    ///
    /// Inferred: half a sample, and what is not base64, end the conversation.
    pub(super) fn hear(&mut self, base64: &str) -> Result<Vec<i16>, Closing> {
        let samples = decode(base64, self.format)?;
        let mut heard = Vec::new();
        match &mut self.resampler {
            Some(resampler) => resampler.push(&samples, &mut heard),
            None => return Err(Closing::error("unknown_websocket_crash", "The input format cannot be converted.")),
        }
        Ok(heard)
    }
}

/// Base64 of this format as samples.
pub(super) fn decode(base64: &str, format: AudioFormat) -> Result<Vec<i16>, Closing> {
    let bad = || Closing::invalid(format!("user_audio_chunk: expected base64 of {} audio", format.name()));
    if base64.len() > LARGEST / 3 * 4 {
        return Err(bad());
    }
    if format != AudioFormat::Ulaw8000 {
        return listening::decode(base64, "user_audio_chunk").map_err(|_| bad());
    }
    let bytes = base64_simd::STANDARD.decode_to_vec(base64.as_bytes()).map_err(|_| bad())?;
    Ok(bytes.into_iter().map(decode_ulaw).collect())
}

/// Samples as base64 of this format.
pub(super) fn encode(samples: &[i16], format: AudioFormat) -> String {
    if format != AudioFormat::Ulaw8000 {
        return listening::encode(samples);
    }
    let bytes: Vec<u8> = samples.iter().copied().map(encode_ulaw).collect();
    base64_simd::STANDARD.encode_to_string(&bytes)
}

/// A whole clip at the rate of a format.
pub(super) fn convert(clip: &[i16], format: AudioFormat) -> Vec<i16> {
    let mut converted = Vec::new();
    // Every format's rate is one that can be converted to.
    if let Ok(mut resampler) = Resampler::new(clips::RATE, format.rate()) {
        resampler.push(clip, &mut converted);
        resampler.finish(&mut converted);
    }
    converted
}

/// Where a position in a clip is after that.
pub(super) fn position(samples: usize, format: AudioFormat) -> usize {
    (samples as u64 * u64::from(format.rate())).div_ceil(u64::from(clips::RATE)) as usize
}
