//! A duplex "device" whose microphone plays a file (or any [`MicSource`]) in real time and whose
//! speaker is a WAV file: for demos, tests and machines without a sound card.
//!
//! Every 10 ms of tokio time one block goes each way, on one timeline; the recording holds both
//! sides (left: microphone, right: speaker). Under tokio's paused time it runs as fast as it can.

use super::{AudioBackend, AudioStream, DeviceIo, MicSource, StreamFormats, StreamWish};
use crate::{
    audio::{
        pcm::scale,
        resample::Resampler,
        wav::{StereoRecorder, read_wav},
    },
    error::{Error, ErrorClass, Result},
};
use parking_lot::Mutex;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::*},
    },
    time::Duration,
};
use tokio::{runtime::Handle, task::AbortHandle, time::MissedTickBehavior};

const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u64 = 100;

/// A microphone that hears a WAV file once, then silence.
#[derive(Debug, Clone)]
pub struct WavMicrophone {
    rate: u32,
    samples: Vec<i16>,
    at: usize,
}

impl WavMicrophone {
    /// Loads the file; see [`read_wav`] for formats and errors.
    pub fn open(path: &Path) -> Result<Self> {
        let wav = read_wav(path)?;
        Ok(WavMicrophone { rate: wav.rate, samples: wav.samples, at: 0 })
    }

    /// One that hears nothing.
    pub fn silent(rate: u32) -> Self {
        WavMicrophone { rate, samples: Vec::new(), at: 0 }
    }
}

impl MicSource for WavMicrophone {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn fill(&mut self, out: &mut [i16]) -> bool {
        let rest = &self.samples[self.at..];
        let (sound, silence) = out.split_at_mut(rest.len().min(out.len()));
        sound.copy_from_slice(&rest[..sound.len()]);
        silence.fill(0);
        self.at += sound.len();
        !sound.is_empty()
    }
}

/// The file device. It may be started again after its stream was dropped: the microphone goes on
/// where it stopped, and so does the recording.
pub struct FileBackend {
    rate: u32,
    device: Arc<Mutex<Device>>,
    ended: Arc<AtomicBool>,
    errors: Arc<OnceLock<Error>>,
}

/// Everything behind the lock of the tick task; held for one tick at a time.
struct Device {
    mic: Microphone,
    recording: Recording,
    running: Option<Running>,
    /// Counts starts, so that the task of an earlier one ends.
    epoch: u64,
}

enum Recording {
    Off,
    Wanted(PathBuf),
    On(StereoRecorder),
}

struct Running {
    io: DeviceIo,
    rate: u32,
    ticks: u64,
    heard: Vec<i16>,
    spoken: Vec<i16>,
}

/// Brings a source to the device's rate.
struct Microphone {
    source: Box<dyn MicSource>,
    resampler: Option<Resampler>,
    block: Vec<i16>,
    ready: Vec<i16>,
    /// Frames to hand out until the last sound is out, once the source is over.
    left: Option<usize>,
    ended: Arc<AtomicBool>,
}

impl FileBackend {
    /// A device at `rate` frames per second that hears `mic`.
    pub fn new(mic: Box<dyn MicSource>, rate: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let block = vec![0; (mic.rate() / 100).max(1) as usize];
        let mic =
            Microphone { source: mic, resampler: None, block, ready: Vec::new(), left: None, ended: ended.clone() };
        let device = Device { mic, recording: Recording::Off, running: None, epoch: 0 };
        FileBackend { rate, device: Arc::new(Mutex::new(device)), ended, errors: Arc::default() }
    }

    /// Records both sides to a stereo WAV file at `path`, created at the first start.
    pub fn record_to(self, path: &Path) -> Self {
        self.device.lock().recording = Recording::Wanted(path.to_owned());
        self
    }

    /// Becomes true when the last sound of the microphone source was handed out.
    pub fn ended(&self) -> Arc<AtomicBool> {
        self.ended.clone()
    }

    /// Holds the error that ended the recording, if one did (`recording_failed`,
    /// `recording_full`). The device goes on without recording.
    pub fn errors(&self) -> Arc<OnceLock<Error>> {
        self.errors.clone()
    }
}

impl AudioBackend for FileBackend {
    fn name(&self) -> &str {
        "file"
    }

    fn formats(&mut self, wish: &StreamWish) -> Result<StreamFormats> {
        Ok(StreamFormats { input_rate: wish.input.then_some(self.rate), output_rate: wish.output.then_some(self.rate) })
    }

    /// Starts ticking on the current tokio runtime, which needs its time driver. Errors beside those
    /// of the trait: `no_runtime` and `already_started` (class `state`), `file_not_writable`,
    /// `unsupported_rate` and `rate_mismatch` (class `argument`).
    fn start(&mut self, formats: &StreamFormats, io: DeviceIo) -> Result<Box<dyn AudioStream>> {
        let runtime = Handle::try_current().map_err(|_| {
            Error::new(ErrorClass::State, "no_runtime", "the file device was started outside a tokio runtime")
                .fix("start it from a task of the engine's runtime")
        })?;
        let given = [io.capture.as_ref().map(|c| c.rate()), io.render.as_ref().map(|r| r.rate())];
        for rate in [formats.input_rate, formats.output_rate].into_iter().chain(given).flatten() {
            if rate != self.rate {
                let message = format!("the file device runs at {} Hz, not at {rate} Hz", self.rate);
                return Err(
                    Error::new(ErrorClass::Argument, "rate_mismatch", message).fix("start it with the formats it gave")
                );
            }
        }
        let mut device = self.device.lock();
        if device.running.is_some() {
            return Err(Error::new(ErrorClass::State, "already_started", "the file device is running already")
                .fix("drop its stream first"));
        }
        if device.mic.resampler.is_none() {
            device.mic.resampler = Some(Resampler::new(device.mic.source.rate(), self.rate)?);
        }
        if let Recording::Wanted(path) = &device.recording {
            device.recording = Recording::On(StereoRecorder::create(path, self.rate)?);
        }
        device.epoch += 1;
        device.running = Some(Running { io, rate: self.rate, ticks: 0, heard: Vec::new(), spoken: Vec::new() });
        let task = runtime.spawn(run(self.device.clone(), device.epoch, self.errors.clone()));
        let (device, errors) = (self.device.clone(), self.errors.clone());
        Ok(Box::new(FileStream { device, errors, task: task.abort_handle() }))
    }
}

async fn run(device: Arc<Mutex<Device>>, epoch: u64, errors: Arc<OnceLock<Error>>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // The first tick is now, when no audio has passed yet.
    interval.tick().await;
    loop {
        interval.tick().await;
        let mut device = device.lock();
        if device.epoch != epoch || !device.tick(&errors) {
            return;
        }
    }
}

impl Device {
    /// Moves 10 ms each way. False when the stream is gone.
    fn tick(&mut self, errors: &OnceLock<Error>) -> bool {
        let Some(running) = &mut self.running else { return false };
        let at = |ticks| scale(ticks, running.rate.into(), TICKS_PER_SECOND);
        let frames = (at(running.ticks + 1) - at(running.ticks)) as usize;
        running.ticks += 1;
        running.heard.clear();
        running.heard.resize(frames, 0);
        running.spoken.resize(frames, 0);
        if let Some(capture) = &mut running.io.capture {
            self.mic.fill(&mut running.heard);
            capture.write(&running.heard);
        }
        match &mut running.io.render {
            Some(render) => _ = render.render(&mut running.spoken),
            None => running.spoken.fill(0),
        }
        if let Recording::On(recorder) = &mut self.recording
            && let Err(e) = recorder.write(&running.heard, &running.spoken)
        {
            self.stop_recording(errors, e);
        }
        true
    }

    fn stop_recording(&mut self, errors: &OnceLock<Error>, e: Error) {
        tracing::warn!(error = %e, "the recording stopped");
        self.recording = Recording::Off;
        // A later failure adds nothing to the first.
        let _ = errors.set(e);
    }
}

impl Microphone {
    fn fill(&mut self, out: &mut [i16]) {
        if let Some(resampler) = &mut self.resampler {
            while self.ready.len() < out.len() {
                let more = self.source.fill(&mut self.block);
                if !more && self.left.is_none() {
                    self.left = Some(self.ready.len() + resampler.delay_frames() as usize);
                }
                resampler.push(&self.block, &mut self.ready);
            }
        }
        let n = out.len().min(self.ready.len());
        out[..n].copy_from_slice(&self.ready[..n]);
        self.ready.drain(..n);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(n);
            if *left == 0 {
                self.ended.store(true, Release);
            }
        }
    }
}

struct FileStream {
    device: Arc<Mutex<Device>>,
    errors: Arc<OnceLock<Error>>,
    task: AbortHandle,
}

impl AudioStream for FileStream {}

impl Drop for FileStream {
    /// Waits for a tick under way (its disk write at most); then nothing runs any more and the
    /// recording is complete on disk.
    fn drop(&mut self) {
        self.task.abort();
        let mut device = self.device.lock();
        device.running = None;
        if let Recording::On(recorder) = &mut device.recording
            && let Err(e) = recorder.flush()
        {
            device.stop_recording(&self.errors, e);
        }
    }
}

impl fmt::Debug for FileBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBackend").field("rate", &self.rate).field("ended", &self.ended).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
