//! The audio path: plain PCM work, files, meters and spectra, the microphone ring and the speaker side.
//!
//! Everything here counts in mono 16-bit frames and takes time as an argument; only
//! [`device`] touches a runtime. What an audio callback may call is said per function
//! ("callback-safe": wait-free, no allocation, no lock, no log).

pub mod analyser;
pub mod capture;
pub mod clocked;
pub mod codec;
pub mod device;
pub mod jitter;
pub mod meter;
#[cfg(feature = "opus")]
pub mod opus;
pub mod pcm;
pub mod playout;
pub mod resample;
pub mod spectrum;
pub mod tap;
pub mod wav;
