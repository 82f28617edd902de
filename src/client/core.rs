//! The session with its audio and its audience: everything of a client that is not the network, so
//! that frames can be handled while the socket is read.

use super::{
    audio_path::{AudioPath, FRAME_MS},
    dispatch::guarded,
    op::Outcome,
    shared::Shared,
};
use crate::{
    clock_us,
    config::Config,
    error::{Error, ErrorClass},
    event::{Event, EventKind, OpId, Pcm, Status},
    message::{ItemId, PartIndex, ResponseId},
    provider::DialRequest,
    session::{Input, Output, Session, credentials::CredentialWish, log::LogWriter},
    time::Time,
    transport::Dialer,
};
use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{Ordering::SeqCst, fence},
    },
    task::Context,
};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

/// Assistant audio handed to a host's sink, on the engine's thread.
#[derive(Debug, Clone, Copy)]
pub struct AudioChunk<'a> {
    /// The response.
    pub response: &'a ResponseId,
    /// The item.
    pub item: &'a ItemId,
    /// Content index.
    pub part: PartIndex,
    /// Frames a second.
    pub rate: u32,
    /// Mono samples.
    pub pcm: &'a [i16],
}

/// A host's audio sink. Must not block: it runs between the socket and everything else.
pub(super) type AudioSink = Box<dyn FnMut(AudioChunk<'_>) + Send>;
/// A microphone frame in microseconds.
const FRAME_US: u64 = FRAME_MS as u64 * 1000;
/// How long the last flush may take before the device is closed all the same.
const DEVICE_GRACE: Duration = Duration::from_millis(200);

/// What leaves for the network after the outputs of a step.
pub(super) enum Network {
    /// Whether the connection there is stays.
    Dial(u32, DialRequest, bool),
    Close(u32, u16),
    Ping(u32, Option<OpId>),
    Send(u32, String, bool),
    Media(u32, Pcm),
    AfterMedia(u32),
    Upload {
        epoch: u32,
        number: u64,
        url: String,
        mime_type: String,
        base64: String,
    },
}

/// What a driver is made of.
pub(super) struct Parts {
    pub config: Arc<Config>,
    pub session: Session,
    pub shared: Arc<Shared>,
    pub audio: AudioPath,
    pub sink: Option<AudioSink>,
    pub log: Option<LogWriter>,
    pub dialer: Option<Arc<dyn Dialer>>,
    pub warnings: Vec<Error>,
}

/// Everything that is not the network: so that frames can be handled while the socket is read.
pub(super) struct Core {
    pub config: Arc<Config>,
    pub session: Session,
    pub shared: Arc<Shared>,
    pub audio: AudioPath,
    pub sink: Option<AudioSink>,
    pub log: Option<LogWriter>,
    pub replies: HashMap<OpId, oneshot::Sender<Outcome>>,
    pub network: VecDeque<Network>,
    pub origin: Instant,
    pub now: Time,
    pub seq: u64,
    pub capture: bool,
    /// How much microphone audio the connection takes now.
    pub media_room_ms: u64,
    /// The event an item's last resampled frames belong to, without audio.
    pub tail_of: Option<Event>,
    pub scratch: Vec<i16>,
    pub close_device_at: Option<Instant>,
    pub too_slow: bool,
    pub sink_failed: bool,
    pub credential_wish: CredentialWish,
    /// What the configuration has that is left out or about to end.
    warnings: Vec<Error>,
}

impl Core {
    /// To be called on the runtime that will poll the driver.
    pub fn new(parts: Parts) -> (Self, Option<Arc<dyn Dialer>>) {
        let origin = Instant::now();
        let core = Self {
            config: parts.config,
            session: parts.session,
            shared: parts.shared,
            audio: parts.audio,
            sink: parts.sink,
            log: parts.log,
            replies: HashMap::new(),
            network: VecDeque::new(),
            origin,
            now: Time(0),
            seq: 0,
            capture: false,
            media_room_ms: u64::MAX,
            tail_of: None,
            scratch: Vec::new(),
            close_device_at: None,
            too_slow: false,
            sink_failed: false,
            credential_wish: CredentialWish::default(),
            warnings: parts.warnings,
        };
        (core, parts.dialer)
    }

    pub fn tick(&mut self) {
        let us = self.origin.elapsed().as_micros();
        self.now = Time(u64::try_from(us).unwrap_or(u64::MAX));
    }

    /// One input, then all its outputs.
    pub fn handle(&mut self, input: Input<'_>) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.write(self.now, &input)
        {
            self.log = None;
            tracing::warn!("{error}");
            // The log is gone, the conversation is not.
            self.session.handle(self.now, Input::Warning { error });
        }
        self.session.handle(self.now, input);
        let wish = self.session.credential_wish();
        if wish != self.credential_wish {
            self.credential_wish = wish;
            // Before the host hears of it.
            self.shared.credentials.follow(wish, self.origin);
        }
        while let Some(output) = self.session.poll() {
            self.output(output);
        }
    }

    pub fn flush_log(&mut self) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.flush()
        {
            self.log = None;
            self.session.handle(self.now, Input::Warning { error });
            while let Some(output) = self.session.poll() {
                self.output(output);
            }
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Dial { epoch, request, beside } => self.network.push_back(Network::Dial(epoch, request, beside)),
            Output::Ping { epoch, op } => self.network.push_back(Network::Ping(epoch, op)),
            Output::Close { epoch, code } => self.network.push_back(Network::Close(epoch, code)),
            Output::Media { epoch, pcm } => self.network.push_back(Network::Media(epoch, pcm)),
            Output::Upload { epoch, number, url, mime_type, base64 } => {
                self.network.push_back(Network::Upload { epoch, number, url, mime_type, base64 });
            }
            Output::AfterMedia { epoch } => self.network.push_back(Network::AfterMedia(epoch)),
            Output::Send { epoch, text, audio } => self.network.push_back(Network::Send(epoch, text, audio)),
            Output::Event(event) => self.event(event),
            Output::Play { pcm, .. } => self.audio.play(self.now, &pcm.0),
            Output::PlayoutItemEnd => {
                self.host_tail();
                self.audio.item_end();
            }
            Output::FlushPlayout => {
                self.tail_of = None;
                // The report comes back through poll_audio.
                self.audio.flush(self.now);
            }
            Output::Capture { on } => {
                self.capture = on;
                self.shared.host_audio.taps.input.set_open(on);
                if on {
                    self.audio.open_device(true);
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match &event.kind {
            EventKind::Audio(_) => return self.audio_event(event),
            EventKind::Completed(done) => {
                if let Some(reply) = self.replies.remove(&done.op) {
                    // A host that dropped the operation does not care.
                    let _ = reply.send(done.error.clone().map_or(Ok(done.round_trip_us), Err));
                }
            }
            EventKind::CredentialNeeded(needed) => {
                let left = Duration::from_millis(needed.deadline_ms.saturating_sub(self.now.as_ms()));
                self.shared.credentials.needed(needed, left, &self.shared);
            }
            EventKind::Status(Status::Connecting { .. }) => self.close_device_at = None,
            EventKind::Status(Status::Connected) => {
                self.shared.host_audio.taps.follow(true);
                // A host that leaves just now has said so before it ended the run.
                fence(SeqCst);
                if self.shared.host_is_gone() {
                    self.shared.host_audio.taps.follow(false);
                }
            }
            EventKind::Status(Status::Idle { .. } | Status::Error { .. }) => {
                self.shared.host_audio.taps.follow(false);
                self.close_device_at = Some(Instant::now() + DEVICE_GRACE);
            }
            _ => {}
        }
        self.publish(event);
    }

    fn publish(&mut self, mut event: Event) {
        self.seq += 1;
        event.seq = self.seq;
        trace(&event);
        self.too_slow |= !self.shared.publish(event, self.now);
    }

    /// Audio for the host: counted as played in real time, at the rate the host asked for.
    fn audio_event(&mut self, event: Event) {
        let EventKind::Audio(audio) = &event.kind else { return };
        self.audio.play(self.now, &audio.pcm.0);
        if !self.audio.resamples_for_host() {
            return match &self.sink {
                None => self.publish(event),
                Some(_) => self.deliver(&event, &audio.pcm.0),
            };
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let (pcm, rate) = self.audio.for_host(&audio.pcm.0, &mut scratch);
        let mut bare = event.clone();
        if let EventKind::Audio(audio) = &mut bare.kind {
            (audio.pcm, audio.rate) = (Pcm(Arc::default()), rate);
        }
        self.deliver(&bare, pcm);
        self.tail_of = Some(bare);
        self.scratch = scratch;
    }

    /// To the sink, or as an event like `bare`.
    fn deliver(&mut self, bare: &Event, pcm: &[i16]) {
        match deliver(&mut self.sink, bare, pcm) {
            Ok(event) => self.publish(event),
            Err(failed) => self.sink_failed |= failed,
        }
    }

    /// The last frames of an item, which the resampler for the host still holds.
    fn host_tail(&mut self) {
        let Some(bare) = self.tail_of.take() else { return };
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        self.audio.host_tail(&mut scratch);
        if !scratch.is_empty() {
            self.deliver(&bare, &scratch);
        }
        self.scratch = scratch;
    }

    /// What of the configuration was left out or is about to end, anew for each run.
    pub fn warn_of_settings(&mut self) {
        let warnings = if self.is_over() { self.warnings.clone() } else { Vec::new() };
        for error in warnings {
            self.handle(Input::Warning { error });
        }
    }

    /// What was captured before now goes to the session; `whole`: also what fills no frame.
    pub fn poll_microphone(&mut self, whole: bool) {
        let batch = self.audio.take_microphone(self.now, self.capture, whole, self.media_room_ms);
        if let Some(level) = batch.level {
            self.handle(Input::Level { level });
        }
        let frames = batch.frames.chunks(self.audio.frame());
        let mut age_us = batch.captured_us.map(|at| clock_us().saturating_sub(at) + frames.len() as u64 * FRAME_US);
        for frame in frames {
            // Each is newer than the one before.
            age_us = age_us.map(|age| age - FRAME_US);
            self.handle(Input::Microphone { pcm: Cow::Borrowed(frame), age_us: age_us.unwrap_or(0) });
        }
        self.audio.give_back(batch);
    }

    /// Microphone to session, speaker reports to session.
    pub fn poll_audio(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        match self.audio.poll_device(cx) {
            Ok(opened) => progress |= opened,
            Err(error) => self.handle(Input::Fatal { error }),
        }
        // No progress: what a frame leads to is done by the steps after this one.
        self.poll_microphone(false);
        while let Some(report) = self.audio.report(self.now) {
            progress = true;
            self.handle(Input::Playout { report });
        }
        while let Some(report) = self.audio.playback_report() {
            progress = true;
            let (item, part, heard_ms) = (report.item(), report.part, report.heard_ms);
            self.handle(Input::PlaybackReport { item, part, heard_ms });
        }
        if let Some(level) = self.audio.output_level() {
            self.handle(Input::Level { level });
        }
        if std::mem::take(&mut self.sink_failed) {
            self.sink = None;
            let error = Error::new(ErrorClass::Host, "sink_panicked", "the audio sink panicked")
                .fix("the sink must not panic; the report is on stderr");
            self.handle(Input::Fatal { error });
            progress = true;
        }
        progress
    }

    /// The run is over, or none has begun.
    pub fn is_over(&self) -> bool {
        matches!(self.session.status(), Status::Idle { .. } | Status::Error { .. })
    }

    /// A listener of the host panicked: its session ends. Without one, the host is told all the same.
    pub fn listener_panicked(&mut self) {
        let error = Error::new(ErrorClass::Host, "listener_panicked", "an event listener failed")
            .fix("handle errors inside the listener; what it failed with is in the log or on stderr");
        if self.is_over() { self.tell(EventKind::Error(error)) } else { self.handle(Input::Fatal { error }) }
    }

    /// The engine failed: the host must not believe that it is still connected.
    pub fn broken(&mut self) {
        let error = Error::new(ErrorClass::Internal, "panic", "duologue failed; this is a bug").fatal();
        self.tell(EventKind::Status(Status::Error { error }));
    }

    /// An event the session knows nothing of.
    fn tell(&mut self, kind: EventKind) {
        let (time_ms, epoch, turn, response, item, inferred) = (self.now.as_ms(), 0, None, None, None, false);
        let labels = self.session.labels();
        self.publish(Event { seq: 0, time_ms, epoch, turn, response, item, inferred, labels, kind });
    }

    /// The client is over: the device is released (a recording is complete then), streams end, and
    /// operations still waiting are told.
    pub fn end(&mut self) {
        if self.shared.has_ended() {
            return;
        }
        self.audio.close_device();
        // A flush the device had no time to confirm is settled by what it played: the host learns
        // what was heard before its streams end.
        self.tick();
        self.audio.settle(self.now);
        for _ in 0..256 {
            let Some(report) = self.audio.report(self.now) else { break };
            self.handle(Input::Playout { report });
        }
        self.flush_log();
        self.replies.clear();
        self.shared.host_audio.taps.follow(false);
        self.shared.end();
    }
}

/// Gives audio to the sink, or makes the event for the streams. `Err(true)`: the sink panicked.
fn deliver(sink: &mut Option<AudioSink>, bare: &Event, pcm: &[i16]) -> Result<Event, bool> {
    let EventKind::Audio(audio) = &bare.kind else { return Err(false) };
    let (Some(sink), Some(response), Some(item)) = (sink, &bare.response, &bare.item) else {
        let mut event = bare.clone();
        if let EventKind::Audio(audio) = &mut event.kind {
            audio.pcm = Pcm(Arc::new(pcm.to_vec()));
        }
        return Ok(event);
    };
    let chunk = AudioChunk { response, item, part: audio.part, rate: audio.rate, pcm };
    Err(guarded(|| sink(chunk)).is_none())
}

/// Log lines of a session: what became of it, never what was said.
fn trace(event: &Event) {
    let epoch = event.epoch;
    match &event.kind {
        EventKind::Status(Status::Error { error }) => tracing::warn!(epoch, "the session failed: {error}"),
        EventKind::Status(Status::Idle { ended }) => tracing::info!(epoch, by = ?ended.by, "idle: {}", ended.code),
        EventKind::Status(Status::Connecting { phase }) => tracing::info!(epoch, ?phase, "connecting"),
        EventKind::Status(Status::Connected) => tracing::info!(epoch, "connected"),
        EventKind::Status(Status::Reconnecting { attempt, reason, .. }) => {
            tracing::info!(epoch, attempt, "reconnecting: {reason}");
        }
        EventKind::Error(error) | EventKind::Warning(error) => tracing::warn!(epoch, "{error}"),
        EventKind::Interrupted(cut) => {
            tracing::debug!(epoch, source = ?cut.source, heard_ms = cut.heard_ms, "interrupted");
        }
        EventKind::ToolCall(call) => tracing::debug!(epoch, name = call.name, "tool call"),
        EventKind::TurnDone(end) => tracing::debug!(epoch, status = end.status, "turn done"),
        EventKind::Lagged(lagged) => tracing::warn!(epoch, ?lagged, "the host is slow and events were dropped"),
        _ => {}
    }
}
