//! How loud it is and what is in the sound, for whoever draws it: levels and analysers of both directions.

use super::Client;
use crate::{
    audio::{analyser, meter::Level, spectrum::AnalyserOptions, tap::Tap},
    clock_us,
    config::AudioSource,
    error::{Error, ErrorClass, Result},
    event::Direction,
};
use serde::Serialize;
use std::{fmt, sync::Arc};

/// What passes in each direction, for levels and analysers.
#[derive(Debug, Clone, Default)]
pub(super) struct Taps {
    pub input: Arc<Tap>,
    pub output: Arc<Tap>,
}

impl Taps {
    pub fn of(&self, direction: Direction) -> &Arc<Tap> {
        match direction {
            Direction::Input => &self.input,
            Direction::Output => &self.output,
        }
    }

    /// There is something to hear, or no longer.
    pub fn follow(&self, connected: bool) {
        for tap in [&self.input, &self.output] {
            if connected { tap.begin_run() } else { tap.end_run() }
        }
    }
}

/// How loud both directions are.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Levels {
    /// The microphone.
    pub input: Level,
    /// What is played.
    pub output: Level,
}

impl Client {
    /// How loud it is now: of the newest complete 10 ms, falling slowly, on the scale of the `audio_level` events;
    /// for whoever draws as often as the screen does. `None` without a connection, but not while a lost one is coming
    /// back. Muting does not show, because the microphone is heard all the same; [`Self::set_capture`] does. What is
    /// not measured for events anyway (all with `audio.level_events` off, and what is rendered) is measured from the
    /// first call on.
    ///
    /// The output is what was played; of a host that pulls it is what was pulled last, before its latency. Of a host
    /// that plays `audio` events itself it moves ten times a second of audio at most, and only when the engine has
    /// something to do, unless there is an [`Analyser`] of it.
    ///
    /// Any thread, also audio threads: never blocks, never allocates.
    pub fn levels(&self) -> Option<Levels> {
        let (taps, now) = (&self.inner.shared.host_audio.taps, clock_us());
        // Both are asked, so that both are measured from now on.
        let (input, output) = (taps.input.level(now), taps.output.level(now));
        Some(Levels { input: input?, output: output? })
    }

    /// Looks at the microphone (`input`) or at what is played (`output`) as a browser's `AnalyserNode` does. From
    /// here on the newest sound of that direction is kept for it (256 KiB a direction, whatever the number of
    /// analysers), and of a host that plays `audio` events itself all that it is given from here on.
    ///
    /// # Errors
    /// `invalid_argument`: an option is out of range. `invalid_state`: the configuration has no such direction.
    pub fn analyser(&self, direction: Direction, options: AnalyserOptions) -> Result<Analyser> {
        let audio = &self.inner.config.audio;
        let (source, field) = match direction {
            Direction::Input => (audio.input.source, "audio.input.source"),
            Direction::Output => (audio.output.source, "audio.output.source"),
        };
        if source == AudioSource::None {
            let message = "there is no sound in this direction";
            return Err(Error::new(ErrorClass::State, "invalid_state", message)
                .field(field)
                .fix("set it to host or device"));
        }
        let tap = self.inner.shared.host_audio.taps.of(direction).clone();
        Ok(Analyser { analyser: analyser::Analyser::new(tap, options)?, direction })
    }
}

/// What is in the sound of one direction, with the numbers of a browser's `AnalyserNode`.
///
/// Everything is computed when it is asked for, on the thread that asks, and allocates nothing; nothing of it
/// disturbs the sound. Any thread may ask; two at once wait for each other, so audio threads should not. Each
/// getter gives how many values it wrote, or `None` when there is no connection; while a lost one is coming back it
/// goes on. Asking again before 128 more frames have passed gives the same. Smoothing goes from one call to the next,
/// as in a browser, and starts anew with each `connect`.
///
/// It does not keep its client: when that is gone there is no connection.
///
/// ```no_run
/// # fn example(client: &duologue::Client) -> duologue::Result<()> {
/// use duologue::{client::AnalyserOptions, event::Direction};
/// let analyser = client.analyser(Direction::Output, AnalyserOptions::default())?;
/// let mut bars = [0; 32];
/// if analyser.voice_bands(&mut bars).is_some() {
///     println!("{bars:?}");
/// }
/// # Ok(()) }
/// ```
pub struct Analyser {
    analyser: analyser::Analyser,
    direction: Direction,
}

impl Analyser {
    /// What it looks at.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// How it looks.
    pub fn options(&self) -> &AnalyserOptions {
        self.analyser.options()
    }

    /// Half of `fft_size`. Frequency `n` is that of `n * sample_rate / fft_size` hertz.
    pub fn frequency_bin_count(&self) -> usize {
        self.options().fft_size / 2
    }

    /// Frames per second of the sound: the rate of the device, or that at which the host pushes or pulls its audio; of
    /// `audio` events that of the provider. `None` without a connection or before there was any sound.
    pub fn sample_rate(&self) -> Option<u32> {
        self.analyser.sample_rate(clock_us())
    }

    /// `getByteFrequencyData`: 0 at `min_decibels`, 255 at `max_decibels`, low frequencies first.
    pub fn byte_frequency_data(&self, out: &mut [u8]) -> Option<usize> {
        self.analyser.byte_frequency(clock_us(), out)
    }

    /// `getFloatFrequencyData`: decibels; silence is −∞.
    pub fn float_frequency_data(&self, out: &mut [f32]) -> Option<usize> {
        self.analyser.float_frequency(clock_us(), out)
    }

    /// `getByteTimeDomainData`: the waveform, oldest frame first; 128 is silence.
    pub fn byte_time_domain_data(&self, out: &mut [u8]) -> Option<usize> {
        self.analyser.byte_time_domain(clock_us(), out)
    }

    /// `getFloatTimeDomainData`: the waveform from −1 to 1, oldest frame first.
    pub fn float_time_domain_data(&self, out: &mut [f32]) -> Option<usize> {
        self.analyser.float_time_domain(clock_us(), out)
    }

    /// The frequency bytes between 100 and 8000 Hz spread over all of `out`: as many bars as wanted, the same at
    /// every rate, as ElevenLabs' own clients give them.
    pub fn voice_bands(&self, out: &mut [u8]) -> Option<usize> {
        self.analyser.voice_bands(clock_us(), out)
    }
}

impl fmt::Debug for Analyser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (direction, options) = (self.direction, self.options());
        f.debug_struct("Analyser").field("direction", &direction).field("options", options).finish_non_exhaustive()
    }
}
