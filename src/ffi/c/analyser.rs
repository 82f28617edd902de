//! Levels and spectra, for whoever draws them.

use super::{
    client::{duologue_client, try_with, with},
    event_enums::duologue_direction,
    guard::{guard, quiet, required},
    handle::Registry,
    result::duologue_result,
};
use crate::{
    client::{Analyser, AnalyserOptions},
    error::{Error, ErrorClass},
    event::Direction,
};
use std::{ffi::c_int, sync::Arc};

/// What is in the sound of one direction, with the numbers of a browser's AnalyserNode.
pub struct duologue_analyser {
    _private: [u8; 0],
}

static ANALYSERS: Registry<Analyser> = Registry::new("analyser");

fn direction(number: i32) -> Result<Direction, Error> {
    const INPUT: i32 = duologue_direction::DUOLOGUE_DIRECTION_INPUT as i32;
    const OUTPUT: i32 = duologue_direction::DUOLOGUE_DIRECTION_OUTPUT as i32;
    match number {
        INPUT => Ok(Direction::Input),
        OUTPUT => Ok(Direction::Output),
        _ => Err(Error::new(ErrorClass::Argument, "invalid_argument", format!("is {number}")).field("direction")),
    }
}

/// How loud it is now, as the audio_level events say it (0 is -60 dBFS and below, 1 full scale): of the newest
/// complete 10 ms, falling slowly; for whoever draws as often as the screen does. Output is what was played. Of a
/// host that plays audio events itself it moves ten times a second of audio at most, and only when the engine has
/// something to do, unless there is an analyser of it. Muting does not show, set_capture does.
///
/// @param client the client
/// @param direction a duologue_direction
/// @param[out] out_rms receives the loudness of the signal's power; 0 without a connection
/// @param[out] out_peak receives that of its largest sample; 0 without a connection
/// @param[out] out_connected receives whether there is a connection, 1 or 0; may be NULL
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_WOULD_BLOCK (clients are being made or destroyed),
///         DUOLOGUE_ERROR_INVALID_ARGUMENT (no such direction), DUOLOGUE_ERROR_NULL_ARGUMENT,
///         DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any, also audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_level(
    client: *const duologue_client,
    direction: i32,
    out_rms: *mut f32,
    out_peak: *mut f32,
    out_connected: *mut c_int,
) -> duologue_result {
    super::audio::realtime(|| {
        let (rms, peak) = (required("out_rms", out_rms)?, required("out_peak", out_peak)?);
        let direction = self::direction(direction)?;
        try_with(client, |client| {
            let levels = client.levels();
            let (both, connected) = (levels.unwrap_or_default(), c_int::from(levels.is_some()));
            let level = match direction {
                Direction::Input => both.input,
                Direction::Output => both.output,
            };
            // SAFETY: not NULL, valid by the caller's promise.
            unsafe {
                rms.write(level.rms);
                peak.write(level.peak);
                if !out_connected.is_null() {
                    out_connected.write(connected);
                }
            }
            Ok(true)
        })
    })
}

/// Makes an analyser: it looks at the microphone or at what is played as a browser's AnalyserNode does, whose
/// defaults are 2048, -100, -30 and 0.8. From here on the newest sound of that direction is kept, 256 KiB a
/// direction, and of a host that plays audio events itself all that it is given from here on. It works until it is
/// destroyed, over all connections of its client; when the client is gone there is none any more.
///
/// What it is asked for is computed on the thread that asks, and disturbs no audio.
///
/// @param client the client
/// @param direction a duologue_direction
/// @param fft_size frames looked at, a power of two from 32 to 32768; there are half as many frequencies
/// @param min_decibels what the byte 0 stands for
/// @param max_decibels what the byte 255 stands for, more than min_decibels
/// @param smoothing how much of the reading before stays in each new one, 0 to 1
/// @param[out] out_analyser receives the analyser; end it with duologue_analyser_destroy()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_INVALID_ARGUMENT (out of range; the error names the parameter),
///         DUOLOGUE_ERROR_INVALID_STATE (that direction's source is "none"), DUOLOGUE_ERROR_NULL_ARGUMENT,
///         DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_create_analyser(
    client: *const duologue_client,
    direction: i32,
    fft_size: u32,
    min_decibels: f64,
    max_decibels: f64,
    smoothing: f64,
    out_analyser: *mut *mut duologue_analyser,
) -> duologue_result {
    guard(|| {
        let out = required("out_analyser", out_analyser)?;
        let direction = self::direction(direction)?;
        let options = AnalyserOptions { fft_size: fft_size as usize, min_decibels, max_decibels, smoothing };
        let analyser = with(client, |client| client.analyser(direction, options))?;
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(ANALYSERS.insert(Arc::new(analyser))) };
        Ok(())
    })
}

/// Ends an analyser. A call that is under way on another thread ends normally.
///
/// @param analyser the analyser, or NULL; one that was destroyed already is ignored
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_analyser_destroy(analyser: *mut duologue_analyser) {
    quiet(|| drop(ANALYSERS.remove(analyser)));
}

/// How fine the frequencies are: number n is that of n * rate / fft_size hertz.
///
/// @param analyser the analyser
/// @param[out] out_rate receives the frames per second of the sound; 0 without a connection, or before there was
///                      any sound
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_analyser_sample_rate(
    analyser: *const duologue_analyser,
    out_rate: *mut u32,
) -> duologue_result {
    guard(|| {
        let out = required("out_rate", out_rate)?;
        let rate = ANALYSERS.get(analyser)?.sample_rate();
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(rate.unwrap_or(0)) };
        Ok(())
    })
}

/// getByteFrequencyData: how strong each frequency is, 0 at min_decibels and 255 at max_decibels, low ones first.
/// Smoothed from one call to the next; asking again before 128 more frames have passed gives the same.
///
/// @param analyser the analyser
/// @param[out] out receives the values; what there is no value for becomes 0
/// @param capacity how many there is room for; there are fft_size / 2
/// @param[out] out_count receives how many were written; 0 without a connection
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_INVALID_ARGUMENT (capacity is absurd), DUOLOGUE_ERROR_NULL_ARGUMENT,
///         DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_analyser_byte_frequency_data(
    analyser: *const duologue_analyser,
    out: *mut u8,
    capacity: usize,
    out_count: *mut usize,
) -> duologue_result {
    // SAFETY: the caller's promise about both.
    unsafe { fill(analyser, out, capacity, out_count, Analyser::byte_frequency_data) }
}

/// getFloatFrequencyData: the same in decibels; silence is minus infinity.
///
/// @param analyser the analyser
/// @param[out] out receives the values; what there is no value for becomes 0
/// @param capacity how many there is room for; there are fft_size / 2
/// @param[out] out_count receives how many were written; 0 without a connection
/// @return as duologue_analyser_byte_frequency_data()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_analyser_float_frequency_data(
    analyser: *const duologue_analyser,
    out: *mut f32,
    capacity: usize,
    out_count: *mut usize,
) -> duologue_result {
    // SAFETY: the caller's promise about both.
    unsafe { fill(analyser, out, capacity, out_count, Analyser::float_frequency_data) }
}

/// getByteTimeDomainData: the waveform, oldest frame first; 128 is silence.
///
/// @param analyser the analyser
/// @param[out] out receives the values; what there is no value for becomes 0
/// @param capacity how many there is room for; there are fft_size
/// @param[out] out_count receives how many were written; 0 without a connection
/// @return as duologue_analyser_byte_frequency_data()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_analyser_byte_time_domain_data(
    analyser: *const duologue_analyser,
    out: *mut u8,
    capacity: usize,
    out_count: *mut usize,
) -> duologue_result {
    // SAFETY: the caller's promise about both.
    unsafe { fill(analyser, out, capacity, out_count, Analyser::byte_time_domain_data) }
}

/// getFloatTimeDomainData: the waveform from -1 to 1, oldest frame first.
///
/// @param analyser the analyser
/// @param[out] out receives the values; what there is no value for becomes 0
/// @param capacity how many there is room for; there are fft_size
/// @param[out] out_count receives how many were written; 0 without a connection
/// @return as duologue_analyser_byte_frequency_data()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_analyser_float_time_domain_data(
    analyser: *const duologue_analyser,
    out: *mut f32,
    capacity: usize,
    out_count: *mut usize,
) -> duologue_result {
    // SAFETY: the caller's promise about both.
    unsafe { fill(analyser, out, capacity, out_count, Analyser::float_time_domain_data) }
}

/// The frequency bytes between 100 and 8000 Hz spread over as many bars as wanted, the same at every rate, as
/// ElevenLabs' own clients give them.
///
/// @param analyser the analyser
/// @param[out] out receives the bars
/// @param band_count how many bars
/// @param[out] out_count receives how many were written: all, or 0 without a connection (then they are 0)
/// @return as duologue_analyser_byte_frequency_data()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_analyser_voice_bands(
    analyser: *const duologue_analyser,
    out: *mut u8,
    band_count: usize,
    out_count: *mut usize,
) -> duologue_result {
    // SAFETY: the caller's promise about both.
    unsafe { fill(analyser, out, band_count, out_count, Analyser::voice_bands) }
}

/// # Safety
/// `out` has room for `capacity` values, and `out_count` for one, where they are not NULL.
unsafe fn fill<T>(
    analyser: *const duologue_analyser,
    out: *mut T,
    capacity: usize,
    out_count: *mut usize,
    get: impl FnOnce(&Analyser, &mut [T]) -> Option<usize>,
) -> duologue_result {
    guard(|| {
        let count = required("out_count", out_count)?;
        super::audio::bounded("capacity", capacity)?;
        let analyser = ANALYSERS.get(analyser)?;
        let buffer: &mut [T] = if capacity == 0 {
            &mut []
        } else {
            let out = required("out", out)?;
            // SAFETY: not NULL, and that many by the caller's promise; written before it is read as initialised,
            // because C buffers need not be. Zeros are a u8 and an f32.
            unsafe {
                out.write_bytes(0, capacity);
                std::slice::from_raw_parts_mut(out, capacity)
            }
        };
        let written = get(&analyser, buffer).unwrap_or(0);
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { count.write(written) };
        Ok(())
    })
}
