//! Levels and spectra, for whoever draws them.

use super::{client::Client, error::Result};
use crate::{
    client::{self, AnalyserOptions, Levels},
    error::{Error, ErrorClass},
    event::Direction,
};
use std::sync::Arc;

/// What is in the sound of one direction, with the numbers of a browser's `AnalyserNode`: see the Rust API. Each
/// getter gives nothing while there is no connection.
#[derive(Debug, uniffi::Object)]
pub struct Analyser(client::Analyser);

#[uniffi::export]
impl Client {
    /// How loud both directions are now; nothing without a connection. Never blocks.
    pub fn levels(&self) -> Option<Levels> {
        self.client.levels()
    }

    /// Looks at the microphone or at what is played. A browser's defaults are 2048, -100, -30 and 0.8.
    pub fn analyser(
        &self,
        direction: Direction,
        fft_size: u32,
        min_decibels: f64,
        max_decibels: f64,
        smoothing: f64,
    ) -> Result<Arc<Analyser>> {
        let options = AnalyserOptions { fft_size: fft_size as usize, min_decibels, max_decibels, smoothing };
        Ok(Arc::new(Analyser(self.client.analyser(direction, options)?)))
    }
}

#[uniffi::export]
impl Analyser {
    /// Frames per second of the sound; nothing without a connection or before there was any sound.
    pub fn sample_rate(&self) -> Option<u32> {
        self.0.sample_rate()
    }

    /// `getByteFrequencyData`: `fft_size / 2` bytes, low frequencies first.
    pub fn byte_frequency_data(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.0.frequency_bin_count()];
        self.0.byte_frequency_data(&mut bytes).map(|_| bytes)
    }

    /// `getFloatFrequencyData`: as many decibels, 32-bit little-endian; silence is −∞.
    pub fn float_frequency_data(&self) -> Option<Vec<u8>> {
        let mut floats = vec![0.0; self.0.frequency_bin_count()];
        self.0.float_frequency_data(&mut floats).map(|_| little_endian(&floats))
    }

    /// `getByteTimeDomainData`: `fft_size` bytes, oldest frame first; 128 is silence.
    pub fn byte_time_domain_data(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.0.options().fft_size];
        self.0.byte_time_domain_data(&mut bytes).map(|_| bytes)
    }

    /// `getFloatTimeDomainData`: as many frames from −1 to 1, 32-bit little-endian.
    pub fn float_time_domain_data(&self) -> Option<Vec<u8>> {
        let mut floats = vec![0.0; self.0.options().fft_size];
        self.0.float_time_domain_data(&mut floats).map(|_| little_endian(&floats))
    }

    /// The frequency bytes between 100 and 8000 Hz spread over `count` bars, at most 32768.
    pub fn voice_bands(&self, count: u32) -> Result<Option<Vec<u8>>> {
        if count > 32_768 {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("is {count}"));
            return Err(error.field("count").fix("ask for at most 32768 bars").into());
        }
        let mut bars = vec![0; count as usize];
        Ok(self.0.voice_bands(&mut bars).map(|_| bars))
    }
}

fn little_endian(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|float| float.to_le_bytes()).collect()
}
