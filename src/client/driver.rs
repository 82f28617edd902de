//! The driver: one task a client that turns session outputs into I/O and I/O into session inputs.
//!
//! It is a future polled by hand, woken by one waker for everything: commands, microphone, speaker,
//! socket, timer. One input, then the outputs are drained, before the next.

use super::{
    core::{Core, Network, Parts},
    shared::{Envelope, Stats},
    wall_clock::WallClock,
};
use crate::{
    capabilities::TransportKind,
    clock::unix_s,
    error::{Error, ErrorClass, Result},
    provider::DialRequest,
    session::{Command, Input},
    transport::{Closed, Dialer, Dialling, Transport},
};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::time::{Duration, Instant, Sleep};

/// See the module.
pub(super) struct Driver {
    core: Core,
    dialer: Option<Arc<dyn Dialer>>,
    dialling: Option<(u32, Dialling)>,
    /// One, a second while the conversation moves from one to the other, and those that are being closed. The
    /// newest is last.
    transports: Vec<Line>,
    /// Microphone frames dropped on connections that are gone.
    dropped_before: u64,
    wall: WallClock,
    /// Pictures on their way: for which connection, their numbers. The session bounds them.
    uploads: Vec<(u32, u64, Uploading)>,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
    leaving: bool,
}

/// What is put somewhere, and what it is called there.
type Uploading = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// A connection.
struct Line {
    epoch: u32,
    transport: Box<dyn Transport>,
    /// It is being closed, and until then the peer may answer.
    leaves_by: Option<Instant>,
}

/// How long a peer may take to answer a close.
const CLOSE: Duration = Duration::from_secs(2);
/// Text of one command.
const MAX_TEXT: usize = 256 * 1024;

impl Driver {
    /// To be called on the runtime that will poll it.
    pub fn new(parts: Parts) -> Self {
        let (core, dialer) = Core::new(parts);
        let timer = Box::pin(tokio::time::sleep_until(core.origin));
        Self {
            core,
            dialer,
            dialling: None,
            transports: Vec::new(),
            dropped_before: 0,
            wall: WallClock::new(),
            uploads: Vec::new(),
            timer,
            timer_at: None,
            leaving: false,
        }
    }

    /// Commands of the host, and the end of the host.
    fn poll_commands(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while let Some(Envelope { op, command, reply }) = self.core.shared.take_command() {
            progress = true;
            self.core.replies.insert(op, reply);
            // What was said before a command came before it.
            self.core.media_room_ms = u64::MAX;
            self.core.poll_microphone(matches!(command, Command::StopListening));
            if matches!(command, Command::Connect) {
                self.core.warn_of_settings();
            }
            match self.refusal(&command, cx) {
                Some(error) => self.core.handle(Input::Refused { op, error }),
                None => self.core.handle(Input::Command { op, command }),
            }
            self.core.shared.handled();
            // Each command leaves before the next is looked at, so that the bound is the network's.
            self.network();
            self.core.media_room_ms = self.media_room_ms();
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

    /// Why a command cannot be taken: it is too long, the network too slow, or there is no credential.
    fn refusal(&mut self, command: &Command, cx: &mut Context<'_>) -> Option<Error> {
        if matches!(command, Command::Connect)
            && self.core.is_over()
            && let Some(error) = self.core.shared.credentials.missing()
        {
            return Some(error);
        }
        // A host that wants to be heard no more, or to hear no more, does not wait for a slow network. These
        // send little or nothing.
        if matches!(
            command,
            Command::Connect
                | Command::Disconnect
                | Command::SetCapture { .. }
                | Command::SetInputMuted { .. }
                | Command::StopListening
                | Command::Interrupt
        ) {
            return None;
        }
        let size = command.size();
        // A result that is too long is the model's business too: the session answers it. Pictures have a
        // bound of their own.
        let most = match command {
            Command::SubmitToolResult { .. } | Command::SendImage { .. } | Command::SendVideoFrame { .. } => usize::MAX,
            _ => MAX_TEXT,
        };
        if size > most {
            let error =
                Error::new(ErrorClass::Limit, "too_long", format!("{size} bytes are over the bound of {MAX_TEXT}"));
            return Some(error.fix("send less"));
        }
        let epoch = self.core.session.epoch();
        let transport = self.transport(epoch)?;
        // JSON may double it, and a request for a response may follow.
        let bytes = 2 * size + 4096;
        if !transport.has_room(bytes) {
            transport.poll_outbound(cx);
        }
        (!transport.has_room(bytes)).then(|| {
            Error::new(ErrorClass::Limit, "backpressure", "1 MiB waits for a slow network")
                .fix("wait until earlier commands complete")
                .retryable()
        })
    }

    /// The host's answer to a `credential_needed`.
    fn poll_credential(&mut self) -> bool {
        if self.core.credential_wish.request.is_none() {
            return false;
        }
        let Some((request_id, answer)) = self.core.shared.credentials.take_answer() else { return false };
        self.core.handle(Input::Credential { request_id, answer });
        true
    }

    fn note_stats(&mut self) {
        let dropped: u64 = self.transports.iter().map(|line| line.transport.dropped_audio()).sum();
        *self.core.shared.stats.lock() = Stats {
            session: self.core.session.stats(),
            dropped_audio: self.dropped_before + dropped,
            capture_overruns: self.core.audio.capture_overruns(),
            underruns: self.core.audio.underruns(),
            // Of the conversation, and not of what is opened beside it.
            media: self.line(self.core.session.epoch()).and_then(|line| line.transport.media_stats()),
        };
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((epoch, dialling)) = &mut self.dialling else { return false };
        let Poll::Ready(result) = dialling.as_mut().poll(cx) else { return false };
        let epoch = *epoch;
        self.dialling = None;
        match result {
            Ok(transport) => {
                let (media, max_event_bytes) = (transport.carries_media(), transport.max_frame_bytes());
                let (kind, fallback) = (transport.kind(), transport.fallback());
                self.transports.push(Line { epoch, transport, leaves_by: None });
                if kind != TransportKind::Websocket || fallback.is_some() || media || max_event_bytes.is_some() {
                    self.core.handle(Input::Carries { epoch, transport: kind, fallback, media, max_event_bytes });
                }
                self.core.handle(Input::Opened { epoch, unix_s: unix_s() });
            }
            Err(error) => {
                let (code, reason, error) = (None, String::new(), Some(error));
                self.core.handle(Input::Closed { epoch, code, reason, error });
            }
        }
        true
    }

    fn poll_inbound(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        let mut at = 0;
        while let Some(Line { epoch, transport, leaves_by }) = self.transports.get_mut(at) {
            let (epoch, core) = (*epoch, &mut self.core);
            let late = leaves_by.is_some_and(|by| Instant::now() >= by);
            let polled = transport.poll_inbound(cx, &mut |frame| {
                progress = true;
                core.handle(Input::Frame { epoch, frame });
            });
            if transport.take_pong() {
                progress = true;
                core.handle(Input::Pong { epoch });
            }
            transport.poll_media(cx, &mut |pcm| {
                progress = true;
                core.handle(Input::Media { epoch, pcm: pcm.into() });
            });
            let closed = match polled {
                Poll::Ready(closed) => closed,
                // A peer that does not answer a close is not waited for.
                Poll::Pending if late => Closed { code: None, reason: String::new(), error: None },
                Poll::Pending => {
                    at += 1;
                    continue;
                }
            };
            progress = true;
            // What the close handshake still has to send.
            transport.poll_outbound(cx);
            self.drop_lines(|line| line.epoch == epoch);
            let (code, reason, error) = (closed.code, closed.reason, closed.error);
            self.core.handle(Input::Closed { epoch, code, reason, error });
        }
        progress
    }

    /// Sound beside the events leaves at its own pace; until then what more there is waits where it was captured.
    fn media_room_ms(&mut self) -> u64 {
        let epoch = self.core.session.epoch();
        self.transport(epoch).map_or(u64::MAX, |transport| transport.media_room_ms())
    }

    fn line(&self, epoch: u32) -> Option<&Line> {
        self.transports.iter().find(|line| line.epoch == epoch)
    }

    fn transport(&mut self, epoch: u32) -> Option<&mut Box<dyn Transport>> {
        self.transports.iter_mut().find(|line| line.epoch == epoch).map(|line| &mut line.transport)
    }

    /// These connections are no more.
    fn drop_lines(&mut self, gone: impl Fn(&Line) -> bool) {
        for line in self.transports.extract_if(.., |line| gone(line)) {
            self.dropped_before += line.transport.dropped_audio();
        }
    }

    /// When the next connection that is being closed is not waited for any more.
    fn leaves_by(&self) -> Option<Instant> {
        self.transports.iter().filter_map(|line| line.leaves_by).min()
    }

    /// Carries out what the session wants from the network. True: the session may have more to do.
    fn network(&mut self) -> bool {
        let mut progress = false;
        while let Some(wish) = self.core.network.pop_front() {
            match wish {
                Network::Dial(epoch, request, beside) => {
                    progress = true;
                    if !beside {
                        // Those that are being closed still have to say so.
                        self.drop_lines(|line| line.leaves_by.is_none());
                    }
                    self.dialling = Some((epoch, self.dial(request)));
                }
                Network::Close(epoch, code) => {
                    progress = true;
                    self.dialling.take_if(|(dialled, _)| *dialled == epoch);
                    match self.transports.iter_mut().find(|line| line.epoch == epoch) {
                        Some(line) => {
                            line.leaves_by.get_or_insert(Instant::now() + CLOSE);
                            line.transport.close(code);
                        }
                        None => {
                            self.core.handle(Input::Closed { epoch, code: None, reason: String::new(), error: None });
                        }
                    }
                }
                Network::Ping(epoch, op) => {
                    let pings = self.transport(epoch).is_none_or(|transport| transport.ping());
                    progress |= !pings;
                    match op {
                        _ if pings => {}
                        Some(op) => {
                            let text = "this transport has no ping";
                            let error = Error::new(ErrorClass::Unsupported, "ping", text);
                            self.core.handle(Input::Refused { op, error });
                        }
                        // It is left to its own signs of life.
                        None => self.core.handle(Input::Pong { epoch }),
                    }
                }
                Network::Media(epoch, pcm) => {
                    let rate = self.core.session.capabilities().input_rate;
                    if let Some(transport) = self.transport(epoch) {
                        transport.send_media(&pcm.0, rate);
                    }
                }
                Network::AfterMedia(epoch) => {
                    if let Some(transport) = self.transport(epoch) {
                        transport.after_media();
                    }
                }
                Network::Upload { epoch, number, url, mime_type, base64 } => {
                    progress = true;
                    let uploading = self.upload(url, mime_type, base64);
                    self.uploads.push((epoch, number, uploading));
                }
                Network::Send(epoch, text, audio) => {
                    if let Some(transport) = self.transport(epoch)
                        && let Err(error) = transport.send(text, audio)
                    {
                        progress = true;
                        self.core.handle(Input::Fatal { error });
                    }
                }
            }
        }
        progress
    }

    #[cfg(feature = "websocket")]
    fn upload(&self, url: String, mime_type: String, base64: String) -> Uploading {
        Box::pin(crate::transport::upload::upload(url, mime_type, base64, self.core.config.tls.clone()))
    }

    #[cfg(not(feature = "websocket"))]
    fn upload(&self, _url: String, _mime_type: String, _base64: String) -> Uploading {
        let text = "this build sends nothing over HTTP";
        let error = Error::new(ErrorClass::Unsupported, "no_transport", text).fix("enable the feature websocket");
        Box::pin(std::future::ready(Err(error)))
    }

    fn poll_uploads(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        let mut at = 0;
        while let Some((epoch, number, uploading)) = self.uploads.get_mut(at) {
            let Poll::Ready(result) = uploading.as_mut().poll(cx) else {
                at += 1;
                continue;
            };
            progress = true;
            let (epoch, number) = (*epoch, *number);
            drop(self.uploads.remove(at));
            let (name, error) = match result {
                Ok(name) => (Some(name), None),
                Err(error) => (None, Some(error)),
            };
            self.core.handle(Input::Uploaded { epoch, number, name, error });
        }
        progress
    }

    fn dial(&self, request: DialRequest) -> Dialling {
        let (request, credential) = match self.core.shared.credentials.for_dial(request) {
            Ok(ready) => ready,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        match &self.dialer {
            Some(dialer) => dialer.dial(request, credential, &self.core.config.tls),
            None => Box::pin(async {
                Err(Error::new(ErrorClass::Unsupported, "no_transport", "this build has no WebSocket transport")
                    .fix("enable the feature websocket, or give the client a dialer"))
            }),
        }
    }

    /// Timers run on a clock that stands still while the machine sleeps; the connection does not.
    fn look_at_the_clock(&mut self) {
        if self.wall.jumped() {
            self.core.handle(Input::Woken);
        }
    }

    /// Sets the timer to whatever is due next; true when it is due now.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let due = [self.core.session.timeout(), self.core.audio.due(|| self.core.session.next_part_end())]
            .into_iter()
            .flatten()
            .min();
        let at = due.map(|t| self.core.origin + Duration::from_micros(t.0));
        let at = [at, self.core.close_device_at, self.leaves_by()].into_iter().flatten().min();
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
        self.look_at_the_clock();
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
            // Before anything that could find its deadline over.
            let mut progress = this.poll_credential();
            progress |= this.poll_commands(cx);
            progress |= this.poll_dial(cx);
            progress |= this.poll_inbound(cx);
            progress |= this.poll_uploads(cx);
            this.core.media_room_ms = this.media_room_ms();
            progress |= this.core.poll_audio(cx);
            progress |= this.network();
            progress |= this.poll_timer(cx);
            for line in &mut this.transports {
                line.transport.poll_outbound(cx);
            }
            if this.core.too_slow {
                this.core.too_slow = false;
                let error = Error::new(ErrorClass::Host, "host_too_slow", "an event stream was not read for 5 s")
                    .fix("read events as they come, or drop the stream");
                this.core.handle(Input::Fatal { error });
                progress = true;
            }
            if this.core.shared.take_panic() {
                this.core.listener_panicked();
                progress = true;
            }
            if this.core.is_over() {
                // A peer that ignores our close does not keep the connection; what was queued has left.
                this.drop_lines(|_| true);
                this.uploads.clear();
                if this.leaving && !this.core.audio.is_opening() {
                    this.core.end();
                    return Poll::Ready(());
                }
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

impl Drop for Driver {
    /// Also when the runtime is shut down under it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.core.broken();
        }
        self.core.end();
    }
}
