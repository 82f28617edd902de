//! Between the session and whoever has the audio: rates, frames, the speaker and its reports.

use super::{
    analyser::Taps,
    clock_tap::ClockTap,
    device::Opening,
    host_audio::{HostAudio, Report, report_ring},
    microphone::{Batch, Microphone},
    pull::PullSpeaker,
};
use crate::{
    audio::{
        capture::capture_ring,
        clocked::ClockedPlayout,
        device::{AudioBackend, AudioStream},
        meter::{Level, Meter},
        pcm::scale,
        playout::{Playout, PlayoutReport},
        resample::Resampler,
    },
    capabilities::Capabilities,
    config::{AudioDelivery, AudioSource, Config, Positions},
    error::{Error, ErrorClass, Result},
    time::Time,
};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rtrb::Consumer;
use std::{collections::VecDeque, sync::Arc};

/// Microphone frames go out at this length, nothing gathered.
pub(super) const FRAME_MS: u32 = 20;
/// A clock is looked at this often.
const CLOCK_MS: u64 = 10;

/// Who plays.
pub(super) enum Speaker {
    /// The host, counted in real time.
    Clock(ClockedPlayout),
    /// A device.
    Device(Box<Playout>),
    /// The host, which pulls.
    Pull(Box<PullSpeaker>),
}

/// See the module. Owned by the driver's task.
pub(super) struct AudioPath {
    pub(super) input_rate: u32,
    pub(super) output_rate: u32,
    pub(super) frame: usize,
    pub(super) levels: bool,
    pub(super) wake: Arc<AtomicWaker>,
    pub(super) taps: Taps,
    /// For a host that plays `audio` events.
    pub(super) clock_tap: ClockTap,
    pub(super) microphone: Option<Microphone>,
    pub(super) speaker: Speaker,
    pub(super) backend: Option<Box<dyn AudioBackend>>,
    pub(super) opening: Option<Opening>,
    pub(super) stream: Option<Box<dyn AudioStream>>,
    /// The device shall be open, with its microphone, and whether it was opened with it.
    pub(super) wanted: bool,
    pub(super) capture: bool,
    pub(super) captures: bool,
    /// Source frames given to the present device speaker.
    pub(super) speaker_pushed: u64,
    /// What the device speaker still has is not to be heard.
    pub(super) discard: bool,
    /// Played while the device is still being opened.
    pub(super) waiting: Vec<i16>,
    pub(super) device_output: bool,
    pub(super) device_input: bool,
    pub(super) host_output: Option<Resampler>,
    pub(super) output_meter: Meter,
    /// Output levels by source position, until they are heard.
    pub(super) output_levels: VecDeque<(u64, Level)>,
    pub(super) output_pushed: u64,
    pub(super) output_since_level: u64,
    /// Reports that wait for the driver.
    pub(super) reports: VecDeque<PlayoutReport>,
    /// Source frames given before the present speaker: it counts from 0.
    pub(super) base: u64,
    pub(super) clock_read: Time,
    pub(super) clock_started: bool,
    /// Ring frame, source frame and rates of the mapping in force.
    pub(super) map: (u64, u64, u32, u32),
    /// Source frames heard.
    pub(super) heard: u64,
    /// What the host says it played. Where it does, the speaker's reports serve levels only.
    pub(super) playback: Option<Consumer<Report>>,
}

impl AudioPath {
    /// The path for a configuration, and what the host's audio threads have of it.
    pub fn new(
        config: &Config,
        capabilities: &Capabilities,
        backend: Option<Box<dyn AudioBackend>>,
        wake: &Arc<AtomicWaker>,
    ) -> Result<(Self, HostAudio)> {
        let (input_rate, output_rate) = (capabilities.input_rate, capabilities.output_rate);
        let device_input = config.audio.input.source == AudioSource::Device;
        let device_output = config.audio.output.source == AudioSource::Device;
        if (device_input || device_output) && backend.is_none() {
            return Err(Error::new(
                ErrorClass::Config,
                "no_audio_backend",
                "audio comes from a device and none was given",
            )
            .field("audio")
            .fix("give the client an audio backend, or set source to host"));
        }
        if backend.is_some() && !(device_input || device_output) {
            return Err(Error::new(
                ErrorClass::Config,
                "unused_audio_backend",
                "an audio backend was given and nothing uses it",
            )
            .field("audio")
            .fix("set audio.input.source or audio.output.source to device, or give no backend"));
        }
        let output = &config.audio.output;
        let mut host = HostAudio::default();
        // Nothing is captured before the session says so.
        host.taps.input.set_open(false);
        if config.audio.level_events {
            host.taps.input.measure();
        }
        if config.audio.level_events && !device_output && output.delivery == AudioDelivery::Events {
            host.taps.output.measure();
        }
        let mut microphone = None;
        if config.audio.input.source == AudioSource::Host {
            let rate = config.audio.input.rate.unwrap_or(input_rate);
            let (w, reader) = capture_ring(rate, wake.clone());
            host.capture = Some(Mutex::new(w.with_tap(host.taps.input.clone())));
            microphone = Some(Microphone::new(reader, input_rate, host.taps.input.clone())?);
        }
        let (mut speaker, mut host_output) = (Speaker::Clock(ClockedPlayout::new(output_rate)), None);
        let rate = output.rate.unwrap_or(output_rate);
        if output.delivery == AudioDelivery::Pull {
            let (pull, port) = PullSpeaker::new(output_rate, rate, wake, &host.taps.output)?;
            (speaker, host.pull) = (Speaker::Pull(Box::new(pull)), Some(port));
        } else if rate != output_rate {
            host_output = Some(Resampler::new(output_rate, rate)?);
        }
        let mut playback = None;
        if output.positions == Positions::Reported {
            let (producer, consumer) = report_ring();
            (host.reports, playback) = (Some(producer), Some(consumer));
        }
        let path = Self {
            input_rate,
            output_rate,
            frame: (input_rate * FRAME_MS / 1000) as usize,
            levels: config.audio.level_events,
            wake: wake.clone(),
            taps: host.taps.clone(),
            clock_tap: ClockTap::new(host.taps.output.clone(), output_rate),
            microphone,
            speaker,
            backend,
            opening: None,
            stream: None,
            wanted: false,
            capture: false,
            captures: false,
            speaker_pushed: 0,
            discard: false,
            waiting: Vec::new(),
            device_output,
            device_input,
            host_output,
            output_meter: Meter::new(output_rate),
            output_levels: VecDeque::new(),
            output_pushed: 0,
            output_since_level: 0,
            reports: VecDeque::new(),
            base: 0,
            clock_read: Time(0),
            clock_started: false,
            map: (0, 0, output_rate, output_rate),
            heard: 0,
            playback,
        };
        Ok((path, host))
    }

    /// Assistant audio, after what was given before.
    pub fn play(&mut self, now: Time, pcm: &[i16]) {
        self.meter_output(pcm);
        match &mut self.speaker {
            Speaker::Device(playout) => {
                self.speaker_pushed += pcm.len() as u64;
                playout.push(pcm);
                playout.pump();
            }
            Speaker::Pull(pull) => pull.push(pcm),
            Speaker::Clock(_) if self.device_output => {
                self.waiting.extend_from_slice(pcm);
                self.open_device(false);
            }
            Speaker::Clock(clock) => {
                clock.push(now.0, pcm.len());
                self.clock_tap.push(self.output_pushed - pcm.len() as u64, pcm);
            }
        }
    }

    /// Audio for the host at its own rate; the same when nothing has to change.
    pub fn for_host<'a>(&mut self, pcm: &'a [i16], scratch: &'a mut Vec<i16>) -> (&'a [i16], u32) {
        match &mut self.host_output {
            None => (pcm, self.output_rate),
            Some(resampler) => {
                scratch.clear();
                resampler.push(pcm, scratch);
                (scratch, resampler.to_rate())
            }
        }
    }

    /// What the host's resampler still holds at the end of an item.
    pub fn host_tail(&mut self, scratch: &mut Vec<i16>) {
        if let Some(resampler) = &mut self.host_output {
            resampler.finish(scratch);
        }
    }

    /// What was given is all there is for now.
    pub fn item_end(&mut self) {
        match &mut self.speaker {
            Speaker::Device(playout) => {
                playout.item_end();
                playout.pump();
            }
            Speaker::Pull(pull) => pull.item_end(),
            Speaker::Clock(_) => {}
        }
    }

    /// Silences the speaker; a report tells when and where.
    pub fn flush(&mut self, now: Time) {
        self.output_levels.clear();
        if let Some(resampler) = &mut self.host_output {
            resampler.reset();
        }
        match &mut self.speaker {
            Speaker::Device(playout) => playout.flush(),
            Speaker::Pull(pull) => pull.flush(now),
            Speaker::Clock(_) if self.device_output => {
                // The device is not open: nothing more is heard of what it had, nothing of what waits.
                self.waiting.clear();
                self.discard = self.speaker_pushed > 0;
                let (frames, source) = (self.map.0, self.output_pushed);
                self.reports.push_back(PlayoutReport::Flushed { played: frames, resume: frames, source });
            }
            Speaker::Clock(clock) => {
                let reports = [clock.report(now.0), clock.report(now.0), Some(clock.flush(now.0))];
                for report in reports.into_iter().flatten() {
                    self.clock_tap.note(report);
                    self.reports.push_back(rebase(report, self.base));
                }
            }
        }
    }

    /// What the speaker did; call until `None`.
    pub fn report(&mut self, now: Time) -> Option<PlayoutReport> {
        loop {
            let report = self.next_report(now)?;
            let report = self.note(report);
            if self.playback.is_none() {
                return Some(report);
            }
        }
    }

    /// What the host says it played.
    pub fn playback_report(&mut self) -> Option<Report> {
        self.playback.as_mut()?.pop().ok()
    }

    fn next_report(&mut self, now: Time) -> Option<PlayoutReport> {
        if let Some(report) = self.reports.pop_front() {
            return Some(report);
        }
        let report = match &mut self.speaker {
            Speaker::Device(playout) => {
                // Whatever was played made room.
                playout.pump();
                playout.report()
            }
            Speaker::Pull(pull) => pull.report(now),
            Speaker::Clock(_) if self.device_output => None,
            // A clock has always moved; looking at it a hundred times a second is enough.
            Speaker::Clock(clock) => {
                let due = clock.drained_at_us().is_some_and(|t| t <= now.0);
                if !due && now.ms_since(self.clock_read) < CLOCK_MS {
                    return None;
                }
                let report = clock.report(now.0);
                if !matches!(report, Some(PlayoutReport::Anchor { .. })) {
                    self.clock_read = now;
                    self.clock_started = report.is_some() && clock.drained_at_us().is_some();
                }
                if let Some(report) = report {
                    self.clock_tap.note(report);
                }
                report
            }
        }?;
        Some(rebase(report, self.base))
    }

    /// Remembers how far playing is, for the levels.
    fn note(&mut self, report: PlayoutReport) -> PlayoutReport {
        match report {
            PlayoutReport::Anchor { frames, source, rate, source_rate, .. } => {
                self.map = (frames, source, rate, source_rate);
            }
            PlayoutReport::Position { frames } => {
                let (from, source, rate, source_rate) = self.map;
                self.heard = source + scale(frames.saturating_sub(from), source_rate.into(), rate.into());
            }
            PlayoutReport::Flushed { resume, source, .. } => (self.map.0, self.map.1) = (resume, source),
        }
        report
    }

    /// When [`Self::report`] has something by the clock; `part_end`: where the next part ends.
    pub fn due(&self, part_end: impl FnOnce() -> Option<u64>) -> Option<Time> {
        match &self.speaker {
            Speaker::Pull(pull) => pull.due(),
            Speaker::Clock(clock) if !self.device_output => {
                let drained = clock.drained_at_us().map(Time)?;
                let part = part_end().and_then(|end| clock.played_at_us(end)).map(Time);
                let drained = part.map_or(drained, |part| part.min(drained));
                // Soon after the start, so that the first sample is told at once; then at the end of each part, and
                // all the time while somebody looks at what is played.
                Some(if self.clock_started && !self.clock_tap.is_viewed() {
                    drained
                } else {
                    drained.min(self.clock_read.after_ms(CLOCK_MS))
                })
            }
            _ => None,
        }
    }

    /// Frames of the microphone, see [`Microphone::take`].
    pub fn take_microphone(&mut self, now: Time, keep: bool, whole: bool, most_ms: u64) -> Batch {
        match &mut self.microphone {
            Some(mic) => mic.take(now, keep, self.frame, self.levels, whole, most_ms),
            None => Batch::default(),
        }
    }

    /// The memory of a batch, for the next.
    pub fn give_back(&mut self, batch: Batch) {
        if let Some(mic) = &mut self.microphone {
            mic.give_back(batch);
        }
    }

    /// Samples of a microphone frame.
    pub fn frame(&self) -> usize {
        self.frame
    }

    /// The host gets another rate than the provider gives.
    pub fn resamples_for_host(&self) -> bool {
        self.host_output.is_some()
    }

    /// Frames the host pushed that found no room.
    pub fn capture_overruns(&self) -> u64 {
        self.microphone.as_ref().map_or(0, Microphone::overruns)
    }

    /// The client is over: a host that pulls is waited for no longer.
    pub fn settle(&mut self, now: Time) {
        if let Speaker::Pull(pull) = &mut self.speaker {
            pull.settle(now);
        }
    }

    /// Underruns of the device's speaker, or of one that is pulled.
    pub fn underruns(&self) -> u64 {
        match &self.speaker {
            Speaker::Device(playout) => playout.underruns(),
            Speaker::Pull(pull) => pull.underruns(),
            Speaker::Clock(_) => 0,
        }
    }
}

/// A report with source frames counted over all speakers.
pub(super) fn rebase(report: PlayoutReport, base: u64) -> PlayoutReport {
    match report {
        PlayoutReport::Anchor { frames, source, rate, source_rate, delay } => {
            PlayoutReport::Anchor { frames, source: source + base, rate, source_rate, delay }
        }
        PlayoutReport::Flushed { played, resume, source } => {
            PlayoutReport::Flushed { played, resume, source: source + base }
        }
        position => position,
    }
}
