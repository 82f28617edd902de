//! The driver: one task a client that turns session outputs into I/O and I/O into session inputs.
//!
//! It is a future polled by hand, woken by one waker for everything: commands, microphone, speaker,
//! socket, timer. One input, then the outputs are drained, before the next.

use super::{
    audio_path::AudioPath,
    shared::{Envelope, Shared, Stats},
};
use crate::{
    config::Config,
    credential::Credential,
    error::{Error, ErrorClass},
    event::{Event, EventKind, OpId, Pcm, Status},
    message::{ItemId, PartIndex, ResponseId},
    provider::DialRequest,
    session::{Command, Input, Output, Session, log::LogWriter},
    time::Time,
    transport::{Dialer, Dialling, Transport},
};
use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant, Sleep},
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

/// How long the last flush may take before the device is closed all the same.
const DEVICE_GRACE: Duration = Duration::from_millis(200);

/// What leaves for the network after the outputs of a step.
enum Network {
    Dial(u32, DialRequest),
    Close(u32, u16),
    Send(u32, String, bool),
}

/// Everything that is not the network: so that frames can be handled while the socket is read.
struct Core {
    config: Arc<Config>,
    session: Session,
    shared: Arc<Shared>,
    audio: AudioPath,
    sink: Option<AudioSink>,
    log: Option<LogWriter>,
    replies: HashMap<OpId, oneshot::Sender<Result<(), Error>>>,
    network: VecDeque<Network>,
    origin: Instant,
    now: Time,
    seq: u64,
    capture: bool,
    /// The event an item's last resampled frames belong to, without audio.
    tail_of: Option<Event>,
    scratch: Vec<i16>,
    close_device_at: Option<Instant>,
    too_slow: bool,
    sink_failed: bool,
    dropped_audio: u64,
}

/// See the module.
pub(super) struct Driver {
    core: Core,
    dialer: Option<Arc<dyn Dialer>>,
    dialling: Option<(u32, Dialling)>,
    transport: Option<(u32, Box<dyn Transport>)>,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
    leaving: bool,
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
}

impl Driver {
    /// To be called on the runtime that will poll it.
    pub fn new(parts: Parts) -> Self {
        let origin = Instant::now();
        let core = Core {
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
            tail_of: None,
            scratch: Vec::new(),
            close_device_at: None,
            too_slow: false,
            sink_failed: false,
            dropped_audio: 0,
        };
        let timer = Box::pin(tokio::time::sleep_until(origin));
        Self { core, dialer: parts.dialer, dialling: None, transport: None, timer, timer_at: None, leaving: false }
    }

    /// Commands of the host, and the end of the host.
    fn poll_commands(&mut self) -> bool {
        let mut progress = false;
        while let Some(Envelope { op, command, reply }) = self.core.shared.take_command() {
            progress = true;
            self.core.replies.insert(op, reply);
            self.core.handle(Input::Command { op, command });
        }
        if !self.leaving && self.core.shared.host_is_gone() {
            // The last handle was dropped: leave politely, then end.
            self.leaving = true;
            progress = true;
            let op = self.core.shared.next_op();
            self.core.handle(Input::Command { op, command: Command::Disconnect });
        }
        progress
    }

    fn note_stats(&mut self) {
        if let Some((_, transport)) = &self.transport {
            self.core.dropped_audio = transport.dropped_audio();
        }
        *self.core.shared.stats.lock() = Stats {
            session: self.core.session.stats(),
            dropped_audio: self.core.dropped_audio,
            capture_overruns: self.core.audio.capture_overruns(),
            underruns: self.core.audio.underruns(),
        };
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((epoch, dialling)) = &mut self.dialling else { return false };
        let Poll::Ready(result) = dialling.as_mut().poll(cx) else { return false };
        let epoch = *epoch;
        self.dialling = None;
        match result {
            Ok(transport) => {
                self.transport = Some((epoch, transport));
                self.core.handle(Input::Opened { epoch });
            }
            Err(error) => {
                let (code, reason, error) = (None, String::new(), Some(error));
                self.core.handle(Input::Closed { epoch, code, reason, error });
            }
        }
        true
    }

    fn poll_inbound(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((epoch, transport)) = &mut self.transport else { return false };
        let (epoch, core) = (*epoch, &mut self.core);
        let mut progress = false;
        let polled = transport.poll_inbound(cx, &mut |frame| {
            progress = true;
            core.handle(Input::Frame { epoch, frame });
        });
        if let Poll::Ready(closed) = polled {
            progress = true;
            // What the close handshake still has to send.
            transport.poll_outbound(cx);
            self.transport = None;
            let (code, reason, error) = (closed.code, closed.reason, closed.error);
            self.core.handle(Input::Closed { epoch, code, reason, error });
        }
        progress
    }

    /// Carries out what the session wants from the network.
    fn network(&mut self) -> bool {
        let mut progress = false;
        while let Some(wish) = self.core.network.pop_front() {
            progress = true;
            match wish {
                Network::Dial(epoch, request) => {
                    self.transport = None;
                    let credential = self.core.shared.credential.lock().clone();
                    self.dialling = Some((epoch, self.dial(request, credential)));
                }
                Network::Close(epoch, code) => {
                    self.dialling = None;
                    match &mut self.transport {
                        Some((open, transport)) if *open == epoch => transport.close(code),
                        _ => self.core.handle(Input::Closed { epoch, code: None, reason: String::new(), error: None }),
                    }
                }
                Network::Send(epoch, text, audio) => {
                    if let Some((open, transport)) = &mut self.transport
                        && *open == epoch
                        && let Err(error) = transport.send(text, audio)
                    {
                        self.core.handle(Input::Fatal { error });
                    }
                }
            }
        }
        progress
    }

    fn dial(&self, request: DialRequest, credential: Option<Credential>) -> Dialling {
        match &self.dialer {
            Some(dialer) => dialer.dial(request, credential, &self.core.config.tls),
            None => Box::pin(async {
                Err(Error::new(ErrorClass::Unsupported, "no_transport", "this build has no WebSocket transport")
                    .fix("enable the feature websocket, or give the client a dialer"))
            }),
        }
    }

    /// Sets the timer to whatever is due next; true when it is due now.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let due = [self.core.session.timeout(), self.core.audio.due()].into_iter().flatten().min();
        let at = due.map(|t| self.core.origin + Duration::from_micros(t.0));
        let at = [at, self.core.close_device_at].into_iter().flatten().min();
        let Some(at) = at else {
            self.timer_at = None;
            return false;
        };
        if self.timer_at != Some(at) {
            self.timer_at = Some(at);
            self.timer.as_mut().reset(at);
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.timer_at = None;
        self.core.tick();
        if self.core.close_device_at.is_some_and(|t| Instant::now() >= t) {
            self.core.close_device_at = None;
            self.core.audio.close_device();
        }
        self.core.handle(Input::Timer);
        true
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.core.shared.waker.register(cx.waker());
        // Bounded, so that one client does not hold a worker for ever.
        for _ in 0..32 {
            this.core.tick();
            let mut progress = this.poll_commands();
            progress |= this.poll_dial(cx);
            progress |= this.poll_inbound(cx);
            progress |= this.core.poll_audio(cx);
            progress |= this.network();
            progress |= this.poll_timer(cx);
            if let Some((_, transport)) = &mut this.transport {
                transport.poll_outbound(cx);
            }
            if this.core.too_slow {
                this.core.too_slow = false;
                let error = Error::new(ErrorClass::Host, "host_too_slow", "an event stream was not read for 5 s")
                    .fix("read events as they come, or drop the stream");
                this.core.handle(Input::Fatal { error });
                progress = true;
            }
            if this.leaving && matches!(this.core.session.status(), Status::Idle { .. } | Status::Error { .. }) {
                if let Some((_, transport)) = &mut this.transport {
                    transport.poll_outbound(cx);
                }
                this.core.end();
                return Poll::Ready(());
            }
            if !progress {
                this.core.flush_log();
                this.note_stats();
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Core {
    fn tick(&mut self) {
        let us = self.origin.elapsed().as_micros();
        self.now = Time(u64::try_from(us).unwrap_or(u64::MAX));
    }

    /// One input, then all its outputs.
    fn handle(&mut self, input: Input<'_>) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.write(self.now, &input)
        {
            self.log = None;
            tracing::warn!("{error}");
            // The log is gone, the conversation is not.
            self.session.handle(self.now, Input::Warning { error });
        }
        self.session.handle(self.now, input);
        while let Some(output) = self.session.poll() {
            self.output(output);
        }
    }

    fn flush_log(&mut self) {
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
            Output::Dial { epoch, request } => self.network.push_back(Network::Dial(epoch, request)),
            Output::Close { epoch, code } => self.network.push_back(Network::Close(epoch, code)),
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
                    let _ = reply.send(done.error.clone().map_or(Ok(()), Err));
                }
            }
            EventKind::Status(Status::Connecting { .. }) => self.close_device_at = None,
            EventKind::Status(Status::Idle { .. } | Status::Error { .. }) => {
                self.close_device_at = Some(Instant::now() + DEVICE_GRACE);
            }
            _ => {}
        }
        self.publish(event);
    }

    fn publish(&mut self, mut event: Event) {
        self.seq += 1;
        event.seq = self.seq;
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

    /// Microphone to session, speaker reports to session.
    fn poll_audio(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        match self.audio.poll_device(cx) {
            Ok(opened) => progress |= opened,
            Err(error) => self.handle(Input::Fatal { error }),
        }
        let batch = self.audio.take_microphone(self.now, self.capture);
        if let Some(level) = batch.level {
            self.handle(Input::Level { level });
        }
        for frame in batch.frames.chunks_exact(self.audio.frame()) {
            progress = true;
            self.handle(Input::Microphone { pcm: Cow::Borrowed(frame) });
        }
        self.audio.give_back(batch);
        while let Some(report) = self.audio.report(self.now) {
            progress = true;
            self.handle(Input::Playout { report });
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

    /// The client is over: the device is released (a recording is complete then), streams end, and
    /// operations still waiting are told.
    fn end(&mut self) {
        self.audio.close_device();
        self.flush_log();
        self.replies.clear();
        self.shared.end();
    }
}

impl Drop for Driver {
    /// Also when the runtime is shut down under it.
    fn drop(&mut self) {
        self.core.end();
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
    let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sink(chunk)));
    Err(called.is_err())
}
