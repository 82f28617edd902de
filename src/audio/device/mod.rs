//! Audio devices behind one trait, so that the engine does not care whether sound comes from a
//! sound card, from a file or from the host's own audio unit.
//!
//! A backend is asked for its [`StreamFormats`], the engine builds a microphone ring and a speaker
//! ring for those rates, and [`AudioBackend::start`] takes their callback halves ([`DeviceIo`]).
//! What it then does in its callbacks is `capture.write(block)` and `render.render(block)`.

pub mod file;

use super::{capture::CaptureWriter, playout::PlayoutReader};
use crate::error::Result;

/// What the engine would like to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamWish {
    /// Open the microphone.
    pub input: bool,
    /// Open the speaker.
    pub output: bool,
    /// Preferred rate of both in frames per second; a hint.
    pub rate: u32,
}

/// What the device gives, in frames per second; `None` for a direction that is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFormats {
    /// Rate of the microphone.
    pub input_rate: Option<u32>,
    /// Rate of the speaker.
    pub output_rate: Option<u32>,
}

/// The callback halves of the rings, at the rates of the [`StreamFormats`]. All audio is mono.
#[derive(Debug)]
pub struct DeviceIo {
    /// Takes microphone frames.
    pub capture: Option<CaptureWriter>,
    /// Gives speaker frames.
    pub render: Option<PlayoutReader>,
}

/// A running device. Dropping it stops the device and joins what it started: no callback runs
/// afterwards and the [`DeviceIo`] is gone.
pub trait AudioStream: Send {}

/// A way to microphones and speakers. Called by the driver, one call at a time; may block for as
/// long as opening a device takes.
pub trait AudioBackend: Send {
    /// Short name for reports, for example `file`.
    fn name(&self) -> &str;

    /// The formats `wish` would get now.
    ///
    /// # Errors
    /// Class `device`, `permission` or `unsupported`: the device is missing, denied, or cannot.
    fn formats(&mut self, wish: &StreamWish) -> Result<StreamFormats>;

    /// Starts the device with what [`AudioBackend::formats`] gave.
    ///
    /// # Errors
    /// As [`AudioBackend::formats`]; formats may have changed in between.
    fn start(&mut self, formats: &StreamFormats, io: DeviceIo) -> Result<Box<dyn AudioStream>>;

    /// True when the device removes the speaker's sound from the microphone itself.
    fn has_echo_cancellation(&self) -> bool {
        false
    }
}

/// A source of microphone samples for the file backend.
pub trait MicSource: Send {
    /// Frames per second, 8000 to 192000, always the same.
    fn rate(&self) -> u32;

    /// Fills `out` with the next frames. False once it is over; `out` is silence then.
    fn fill(&mut self, out: &mut [i16]) -> bool;
}
