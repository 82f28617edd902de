//! Audio the host captures and plays itself: what its audio threads may call.
//!
//! Nothing here waits, and what works allocates nothing; only an error does, for its text.

use super::{Client, analyser::Taps, pull::PullPort};
use crate::{
    audio::capture::CaptureWriter,
    clock_us,
    error::{Error, ErrorClass, Result},
    message::{ItemId, PartIndex},
};
use parking_lot::Mutex;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;

/// Longest item id in a report.
const MAX_ITEM: usize = 128;
/// Reports that may wait for the driver.
const MAX_REPORTS: usize = 256;
/// A capture time further back is a clock that was mistaken.
const MAX_AGE_US: u64 = 10_000_000;

/// What the host's audio threads share with the driver.
#[derive(Default)]
pub(super) struct HostAudio {
    /// The host's microphone.
    pub capture: Option<Mutex<CaptureWriter>>,
    /// The host's speaker, when it pulls.
    pub pull: Option<Arc<PullPort>>,
    /// What the host's speaker played, when it reports.
    pub reports: Option<Mutex<Producer<Report>>>,
    /// What passes in each direction, to be looked at.
    pub taps: Taps,
}

/// A playback report of fixed size, so that it can travel from an audio thread.
#[derive(Clone, Copy)]
pub(super) struct Report {
    item: [u8; MAX_ITEM],
    length: usize,
    pub part: PartIndex,
    pub heard_ms: u64,
}

impl Report {
    pub fn item(&self) -> ItemId {
        String::from_utf8_lossy(&self.item[..self.length]).as_ref().into()
    }
}

/// The two halves of the way of reports.
pub(super) fn report_ring() -> (Mutex<Producer<Report>>, Consumer<Report>) {
    let (producer, consumer) = RingBuffer::new(MAX_REPORTS);
    (Mutex::new(producer), consumer)
}

impl Client {
    /// Hands over microphone audio: mono, at `audio.input.rate` (default: the provider's rate), from
    /// one thread at a time. Copies and returns the frames taken: all, or none when half a second is
    /// waiting already or another thread is pushing: push in real time, 20 ms at a time, and offer again
    /// what was not taken. Never blocks, never allocates.
    ///
    /// # Errors
    /// `invalid_state`: the configuration does not say that the host has the microphone. `too_long`:
    /// more than half a second at once, which would never be taken.
    pub fn push_audio(&self, pcm: &[i16]) -> Result<usize> {
        self.push_audio_at(pcm, None)
    }

    /// [`Self::push_audio`] with the time when the first frame was captured, on the clock of
    /// [`crate::clock_us`]. The `latency` event then counts from when the person stopped speaking, not
    /// from when the host had got round to pushing it.
    ///
    /// # Errors
    /// As [`Self::push_audio`]; `invalid_time`: the time is to come, or more than 10 s ago.
    pub fn push_audio_at(&self, pcm: &[i16], captured_at_us: Option<u64>) -> Result<usize> {
        let Some(capture) = &self.inner.shared.host_audio.capture else {
            return Err(invalid_state("the microphone is not the host's", "audio.input.source", "set it to host"));
        };
        let age = captured_at_us.map(|at| clock_us().checked_sub(at));
        if matches!(age, Some(None | Some(MAX_AGE_US..))) {
            let message = age.flatten().map_or("the time is to come".into(), |us| format!("{} s ago", us / 1_000_000));
            return Err(Error::new(ErrorClass::Argument, "invalid_time", message)
                .field("captured_at_us")
                .fix("give microseconds on the clock of clock_us (CLOCK_MONOTONIC on Unix), at most 10 s old"));
        }
        let Some(mut writer) = capture.try_lock() else { return Ok(0) };
        if pcm.len() > writer.rate() as usize / 2 {
            let message = format!("{} frames are more than half a second", pcm.len());
            return Err(Error::new(ErrorClass::Argument, "too_long", message)
                .field("pcm")
                .fix("push in real time, for example 20 ms at a time"));
        }
        Ok(writer.write_at(pcm, captured_at_us))
    }

    /// Takes assistant audio to play now: mono, at `audio.output.rate` (default: the provider's rate).
    /// Fills all of `out`, with silence where there is no audio, and returns the frames that are audio;
    /// they are the first ones. To be called from one thread at a time, at the pace at which it plays
    /// (an audio callback does), at most 100 ms at once; a second thread gets silence. Never blocks,
    /// never allocates.
    ///
    /// `audible_at_us` is when the first frame will leave the loudspeaker, on the clock of
    /// [`crate::clock_us`]; `None` means now. The time until then, at most a second, is the latency behind
    /// this call: frames count as heard that much later than they were pulled. What was pulled cannot be
    /// called back, so after an interruption, which fades out over the next 10 ms pulled, all that was pulled
    /// counts, and `interrupted` comes when it has been heard. A host that stops pulling holds nothing
    /// up: after 100 ms without a pull an interruption is settled with what was pulled. Without a
    /// connection there is silence.
    ///
    /// # Errors
    /// `invalid_state`: `audio.output.delivery` is not `pull`.
    pub fn pull_audio(&self, out: &mut [i16], audible_at_us: Option<u64>) -> Result<usize> {
        let Some(port) = &self.inner.shared.host_audio.pull else {
            return Err(invalid_state("the audio is not pulled", "audio.output.delivery", "set it to pull"));
        };
        let latency_us = audible_at_us.map_or(0, |at| at.saturating_sub(clock_us()));
        Ok(port.pull(out, latency_us))
    }

    /// Says how much of an answer has been played: `played_ms` milliseconds of content part `part` of
    /// `item` were given to the system, which takes `latency_ms` more until they are heard. So `played_ms`
    /// less `latency_ms` are what was heard: never less than reported before, never more than was received.
    /// May be called from an audio thread, as often as you like; a few times a second will do. Never
    /// blocks; a report that is taken allocates nothing.
    ///
    /// Audio is played in the order it was given out. A report for a later item or part of which
    /// something was heard therefore says that all before it was played to its end: report every part's end,
    /// or go on to the next, and nothing is left open. A host that skips what it was given calls
    /// [`Self::interrupt`]. What is never reported as played to its end and never followed by anything stays
    /// open, and with it its turn, until somebody interrupts or the session ends: there is no timer.
    /// An interruption cuts at what was reported last, at once; later reports change nothing. Reports
    /// about items nobody was given are counted ([`crate::session::SessionStats::unknown_reports`]).
    ///
    /// # Errors
    /// `invalid_state`: `audio.output.positions` is not `reported`. `too_long`: `item` has more than 128
    /// bytes. `would_block` (retryable): 256 reports are waiting, or another thread is reporting.
    pub fn report_playback(&self, item: &str, part: PartIndex, played_ms: u64, latency_ms: u64) -> Result<()> {
        let Some(reports) = &self.inner.shared.host_audio.reports else {
            return Err(invalid_state("positions are not reported", "audio.output.positions", "set it to reported"));
        };
        let mut report = Report { item: [0; MAX_ITEM], length: item.len(), part, heard_ms: 0 };
        report.heard_ms = played_ms.saturating_sub(latency_ms);
        let Some(bytes) = report.item.get_mut(..item.len()) else {
            let message = format!("{} bytes are over the bound of {MAX_ITEM}", item.len());
            return Err(Error::new(ErrorClass::Argument, "too_long", message)
                .field("item")
                .fix("give the id of the item as the event had it"));
        };
        bytes.copy_from_slice(item.as_bytes());
        let taken = reports.try_lock().is_some_and(|mut ring| ring.push(report).is_ok());
        if !taken {
            return Err(Error::new(ErrorClass::Limit, "would_block", "reports are waiting already")
                .fix("report again with the next block")
                .retryable());
        }
        self.inner.shared.waker.wake();
        Ok(())
    }
}

fn invalid_state(message: &str, field: &str, fix: &str) -> Error {
    Error::new(ErrorClass::State, "invalid_state", message).field(field).fix(fix)
}
