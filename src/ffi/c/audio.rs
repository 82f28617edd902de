//! Audio of the host. All of it may be called from a real-time thread.

use super::{
    client::{duologue_client, try_with},
    guard::{guard, null},
    result::duologue_result,
    text,
};
use crate::error::{Error, ErrorClass};
use std::ffi::{CStr, c_char};

/// The clock of audio times: microseconds, monotonic (CLOCK_MONOTONIC where there is one).
///
/// @return now
/// @par Thread
/// any, also audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_clock_us() -> u64 {
    crate::clock_us()
}

/// A time given by the host; 0 means that it does not know.
fn moment(us: u64) -> Option<u64> {
    Some(us).filter(|us| *us > 0)
}

/// Hands over microphone audio: 16-bit mono in native byte order, at `audio.input.rate` (default: the
/// provider's rate, 24000 for OpenAI). Push in real time, 10 or 20 ms at a time, from one thread at a
/// time; half a second can wait. A block that does not fit is taken not at all: offer it again. Copies,
/// and wakes the network thread (a system call where it sleeps); waits for nobody, and allocates only for the
/// words of a failure other than DUOLOGUE_ERROR_WOULD_BLOCK.
///
/// @param client the client; `audio.input.source` is "host"
/// @param samples the frames; may be NULL when frame_count is 0
/// @param frame_count how many, at most half a second
/// @param captured_at_us when the first frame was captured, on duologue_clock_us(); 0: just now. It makes
///                       the latency figures include the capture
/// @param[out] out_accepted receives the frames taken, all or none; 0 on every failure; may be NULL
/// @return DUOLOGUE_OK (all taken), DUOLOGUE_ERROR_WOULD_BLOCK (none taken), DUOLOGUE_ERROR_INVALID_STATE (the
///         host does not have the microphone), DUOLOGUE_ERROR_INVALID_ARGUMENT (more than half a second, or a
///         time in the future or older than 10 s), DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any, also audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_push_audio(
    client: *mut duologue_client,
    samples: *const i16,
    frame_count: usize,
    captured_at_us: u64,
    out_accepted: *mut usize,
) -> duologue_result {
    if !out_accepted.is_null() {
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out_accepted.write(0) };
    }
    realtime(|| {
        try_with(client, |client| {
            if samples.is_null() && frame_count > 0 {
                return Err(null("samples"));
            }
            if frame_count == 0 {
                return Ok(true);
            }
            bounded("frame_count", frame_count)?;
            // SAFETY: not NULL, and that many frames by the caller's promise.
            let pcm = unsafe { std::slice::from_raw_parts(samples, frame_count) };
            let accepted = client.push_audio_at(pcm, moment(captured_at_us))?;
            if !out_accepted.is_null() {
                // SAFETY: not NULL, valid by the caller's promise.
                unsafe { out_accepted.write(accepted) };
            }
            Ok(accepted > 0)
        })
    })
}

/// Takes assistant audio to play: 16-bit mono in native byte order, at `audio.output.rate`. Always fills
/// the buffer, with silence where there is no audio; call it from the audio callback of a speaker. What
/// is pulled counts as heard (unless `audio.output.positions` is "reported"). Waits for nobody, wakes the
/// network thread, and allocates only for the words of a failure other than DUOLOGUE_ERROR_WOULD_BLOCK.
///
/// @param client the client; `audio.output.source` is "host" and `audio.output.delivery` "pull"
/// @param[out] out receives frame_count frames, whatever the result (not when it is NULL)
/// @param frame_count how many; may be 0
/// @param audible_at_us when the first frame will leave the loudspeaker, on duologue_clock_us(); 0: at
///                      once. What is pulled counts as heard only then
/// @param[out] out_frames receives the frames that are audio, not filled up with silence; 0 on every failure;
///                        may be NULL
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_WOULD_BLOCK (silence: clients are being made or destroyed),
///         DUOLOGUE_ERROR_INVALID_STATE (audio is not pulled), DUOLOGUE_ERROR_NULL_ARGUMENT,
///         DUOLOGUE_ERROR_INVALID_HANDLE, DUOLOGUE_ERROR_INVALID_ARGUMENT (frame_count is absurd; nothing is
///         filled)
/// @par Thread
/// any, also audio threads; one at a time
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_pull_audio(
    client: *mut duologue_client,
    out: *mut i16,
    frame_count: usize,
    audible_at_us: u64,
    out_frames: *mut usize,
) -> duologue_result {
    if !out_frames.is_null() {
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out_frames.write(0) };
    }
    realtime(|| {
        if out.is_null() && frame_count > 0 {
            return Err(null("out"));
        }
        bounded("frame_count", frame_count)?;
        let buffer: &mut [i16] = if frame_count == 0 {
            &mut []
        } else {
            // SAFETY: not NULL, and that many frames by the caller's promise; written before it is read as
            // initialised, because C buffers need not be.
            unsafe {
                out.write_bytes(0, frame_count);
                std::slice::from_raw_parts_mut(out, frame_count)
            }
        };
        try_with(client, |client| {
            let frames = client.pull_audio(buffer, moment(audible_at_us))?;
            if !out_frames.is_null() {
                // SAFETY: not NULL, valid by the caller's promise.
                unsafe { out_frames.write(frames) };
            }
            Ok(true)
        })
    })
}

/// Says how far the host has played an item; with `audio.output.positions` "reported" only this counts as
/// heard. Waits for nobody; a report that is taken allocates nothing.
///
/// @param client the client
/// @param item the item of the audio event's envelope, at most 128 bytes
/// @param part the part of the audio event
/// @param played_ms milliseconds of that item and part given to the speaker since its start
/// @param latency_ms how much of it is not audible yet
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_WOULD_BLOCK (too many reports wait; the next one will do),
///         DUOLOGUE_ERROR_INVALID_STATE (positions are not reported), DUOLOGUE_ERROR_INVALID_ARGUMENT (item is
///         too long), DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any, also audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_report_playback(
    client: *mut duologue_client,
    item: *const c_char,
    part: u32,
    played_ms: u64,
    latency_ms: u64,
) -> duologue_result {
    realtime(|| {
        try_with(client, |client| {
            if item.is_null() {
                return Err(null("item"));
            }
            // SAFETY: not NULL, NUL-terminated by the caller's promise.
            let item = unsafe { CStr::from_ptr(item) };
            client.report_playback(text::borrowed("item", item)?, part, played_ms, latency_ms)?;
            Ok(true)
        })
    })
}

/// As [`guard`], with a "come again" that is no error.
pub(super) fn realtime(body: impl FnOnce() -> Result<Option<bool>, Error>) -> duologue_result {
    let mut again = false;
    let result = guard(|| {
        match body() {
            Ok(done) => again = done != Some(true),
            Err(error) if error.code == "would_block" => again = true,
            Err(error) => return Err(error),
        }
        Ok(())
    });
    if again { duologue_result::DUOLOGUE_ERROR_WOULD_BLOCK } else { result }
}

/// A length that no audio has is a mistake of the caller, better told than followed.
pub(super) fn bounded(name: &str, frames: usize) -> Result<(), Error> {
    if frames > isize::MAX as usize / 4 {
        return Err(Error::new(ErrorClass::Argument, "invalid_argument", format!("is {frames}")).field(name));
    }
    Ok(())
}
