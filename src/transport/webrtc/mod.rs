//! OpenAI's Realtime over WebRTC: events over a data channel, audio as Opus over RTP.
//!
//! | file | what it is |
//! |---|---|
//! | `dial` | from a dial request to an open call |
//! | `call` | the offer and its answer over HTTP, in three forms, and hanging up |
//! | `sdp` | what of an answer we read ourselves |
//! | `nat64` | the way to addresses of IPv4 from networks with IPv6 alone |
//! | `peer`, `stack`, `reports` | the only ones that know the `webrtc` crate |
//! | `answer` | the other side of a call, as the simulator takes it |
//! | `microphone` | what is spoken, in packets at the pace of real time |
//!
//! Messages to the service are bounded by what it takes: 64 KiB when its answer does not say. There is no ping: ICE looks
//! after the path, and ten seconds of silence end the connection.

#[cfg(feature = "simulator")]
mod answer;
mod call;
mod dial;
mod microphone;
mod nat64;
mod peer;
mod reports;
mod sdp;
mod stack;

#[cfg(feature = "simulator")]
pub(crate) use answer::Offered;
pub use call::Proxy;
pub use dial::{OnStage, Stage, WebRtcDialer};

use super::{Closed, MediaStats, Transport};
use crate::{
    audio::{
        codec::{Codec, has_redundancy},
        jitter::Receiver,
    },
    capabilities::TransportKind,
    error::{Error, ErrorClass, Result},
    provider::Frame,
};
use dial::Line;
use microphone::Microphone;
use peer::{Message, Peer};
use sdp::Negotiated;
use stack::Figures;
use std::{
    borrow::Cow,
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Duration, Instant, Sleep};

/// As the WebSocket's.
const MAX_CONTROL: usize = 1024 * 1024;
const MAX_WAITING: usize = 8 * 1024 * 1024;
const FRAMES_A_POLL: usize = 64;
const PACKETS_A_POLL: usize = 256;
const STEP_US: u64 = 20_000;
/// A player that is further behind stood still, and does not play after what it missed.
const FAR_BEHIND_US: u64 = 200_000;
/// Sound is waited for at the other end before it is heard, events are not: what belongs behind it comes so much later.
const ARRIVES: Duration = Duration::from_millis(100);
/// How often the stack is asked about the network.
const MEASURE: Duration = Duration::from_secs(1);

/// What waits to be sent over the data channel.
enum Queued {
    Event(String),
    /// What follows waits until the microphone audio before this place has left.
    Behind(u64),
    /// What follows waits until then.
    Until(Instant),
}

/// An open call.
struct WebRtc {
    peer: Peer,
    /// The call at the service, on the side that made it.
    line: Option<Line>,
    negotiated: Negotiated,
    codec: Box<dyn Codec>,
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    /// Microphone audio that came as frames, which this transport does not send.
    misplaced: u64,
    failed: Option<Error>,
    microphone: Microphone,
    packet: Vec<u8>,
    receiver: Receiver,
    /// When the next frame is played, while something is.
    playing: Option<u64>,
    origin: Instant,
    play_timer: Pin<Box<Sleep>>,
    speak_timer: Pin<Box<Sleep>>,
    queue_timer: Pin<Box<Sleep>>,
    measure_timer: Pin<Box<Sleep>>,
    figures: Figures,
    /// Packets sent that repeat what is in the one before them.
    redundant: u64,
    close_code: Option<u16>,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl WebRtc {
    fn new(peer: Peer, line: Option<Line>, negotiated: Negotiated, codec: Box<dyn Codec>) -> Result<Self> {
        let (seq, time) = Peer::beginning()?;
        let now = Instant::now();
        let timer = |at| Box::pin(tokio::time::sleep_until(at));
        tracing::debug!(
            call = line.as_ref().and_then(Line::call_id),
            largest = negotiated.largest_message,
            "call open"
        );
        Ok(Self {
            peer,
            line,
            negotiated,
            codec,
            queue: VecDeque::new(),
            queued_bytes: 0,
            misplaced: 0,
            failed: None,
            microphone: Microphone::new(seq, time),
            packet: Vec::new(),
            receiver: Receiver::default(),
            playing: None,
            origin: now,
            play_timer: timer(now),
            speak_timer: timer(now),
            queue_timer: timer(now),
            measure_timer: timer(now + MEASURE),
            figures: Figures::default(),
            redundant: 0,
            close_code: None,
            closing: None,
        })
    }

    fn now_us(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    fn at(&self, us: u64) -> Instant {
        self.origin + Duration::from_micros(us)
    }

    /// What has come by RTP, into the buffer.
    fn take_packets(&mut self, cx: &mut Context<'_>) {
        for _ in 0..PACKETS_A_POLL {
            let Poll::Ready(packet) = self.peer.poll_packet(cx) else { return };
            if packet.payload_type == self.negotiated.opus {
                let now = self.now_us();
                self.receiver.insert(now, packet.ssrc, packet.seq, packet.time, packet.payload);
            } else {
                self.receiver.foreign();
            }
        }
        cx.waker().wake_by_ref();
    }

    fn speak(&mut self, cx: &mut Context<'_>) {
        let _ = self.peer.poll_spoken(cx);
        loop {
            let now = self.now_us();
            match self.microphone.take(now, &mut *self.codec, &mut self.packet) {
                Ok(Some(numbers)) => {
                    let (opus, packet) = (self.negotiated.opus, &self.packet);
                    if !self.peer.speak(cx, opus, numbers.seq, numbers.time, packet) {
                        self.microphone.not_sent();
                    } else if has_redundancy(packet) {
                        self.redundant += 1;
                    }
                }
                Ok(None) => {
                    let Some(due) = self.microphone.due() else { return };
                    let at = self.at(due);
                    self.speak_timer.as_mut().reset(at);
                    if self.speak_timer.as_mut().poll(cx).is_pending() {
                        return;
                    }
                }
                Err(error) => {
                    self.failed.get_or_insert(error);
                    return;
                }
            }
        }
    }

    fn measure(&mut self, cx: &mut Context<'_>) {
        if self.measure_timer.as_mut().poll(cx).is_pending() {
            return;
        }
        if let Poll::Ready(figures) = self.peer.poll_figures(cx) {
            self.figures = figures;
            // What the service loses of ours it can make up for when it is sent twice, if it says that it can.
            let loss = if self.negotiated.redundancy { figures.expected_loss } else { 0 };
            self.codec.expect_loss(loss);
            self.measure_timer.as_mut().reset(Instant::now() + MEASURE);
            let _ = self.measure_timer.as_mut().poll(cx);
        }
    }

    fn send_queued(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            match self.peer.poll_ready(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.queue.clear();
                    self.queued_bytes = 0;
                    self.failed.get_or_insert(error);
                    cx.waker().wake_by_ref();
                    return true;
                }
            }
            match self.queue.pop_front() {
                None => return true,
                Some(Queued::Event(text)) => {
                    self.queued_bytes -= text.len();
                    self.peer.send(text);
                }
                // Who hangs up waits for nothing.
                Some(_) if self.close_code.is_some() => {}
                Some(Queued::Behind(end)) if !self.microphone.has_left(end) => {
                    self.queue.push_front(Queued::Behind(end));
                    return false;
                }
                Some(Queued::Behind(_)) => self.queue.push_front(Queued::Until(Instant::now() + ARRIVES)),
                Some(Queued::Until(at)) => {
                    self.queue_timer.as_mut().reset(at);
                    if self.queue_timer.as_mut().poll(cx).is_pending() {
                        self.queue.push_front(Queued::Until(at));
                        return false;
                    }
                }
            }
        }
    }
}

impl Transport for WebRtc {
    fn kind(&self) -> TransportKind {
        TransportKind::Webrtc
    }

    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed> {
        if let Some(closing) = &mut self.closing {
            let Poll::Ready(()) = closing.as_mut().poll(cx) else { return Poll::Pending };
            self.closing = None;
            return Poll::Ready(Closed { code: self.close_code, reason: String::new(), error: None });
        }
        for _ in 0..FRAMES_A_POLL {
            match self.peer.poll_message(cx) {
                Poll::Ready(Some(Message::Text(bytes))) => match std::str::from_utf8(&bytes) {
                    Ok(text) => on_frame(Frame::Text(Cow::Borrowed(text))),
                    Err(_) => {
                        let message = "the service sent text that is not UTF-8";
                        let error = Error::new(ErrorClass::Protocol, "invalid_utf8", message);
                        return Poll::Ready(Closed { code: None, reason: String::new(), error: Some(error) });
                    }
                },
                Poll::Ready(Some(Message::Binary(bytes))) => on_frame(Frame::Binary(Cow::Borrowed(&bytes))),
                Poll::Ready(None) => {
                    let reason = "the service closed the call".to_owned();
                    return Poll::Ready(Closed { code: None, reason, error: None });
                }
                Poll::Pending => {
                    let failed = self.failed.take().or_else(|| {
                        self.peer.poll_state(cx).failed.then(|| {
                            Error::new(ErrorClass::Network, "silent", "nothing came from the service for 10 s")
                                .fix("connect again")
                                .retryable()
                        })
                    });
                    return match failed {
                        Some(error) => Poll::Ready(Closed { code: None, reason: String::new(), error: Some(error) }),
                        None => Poll::Pending,
                    };
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn send(&mut self, text: String, audio: bool) -> Result<()> {
        if audio {
            // Audio goes by RTP; as an event the service would hear it twice.
            self.misplaced += 1;
            return Ok(());
        }
        let most = self.negotiated.largest_message;
        if text.len() > most {
            let message = format!("a message of {} bytes is over the {most} that the service takes", text.len());
            return Err(Error::new(ErrorClass::Limit, "message_too_big", message)
                .fix("send less at once, such as a smaller picture, or use the WebSocket transport"));
        }
        if self.queued_bytes > MAX_WAITING {
            return Err(Error::new(ErrorClass::Limit, "backpressure", "8 MiB wait for a slow network")
                .fix("send less, or wait until earlier commands complete")
                .retryable());
        }
        self.queued_bytes += text.len();
        self.queue.push_back(Queued::Event(text));
        Ok(())
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.queued_bytes == 0 || self.queued_bytes + bytes <= MAX_CONTROL
    }

    fn poll_outbound(&mut self, cx: &mut Context<'_>) {
        if self.closing.is_some() {
            return;
        }
        // First what is spoken: events may wait for it.
        self.speak(cx);
        let sent = self.send_queued(cx);
        self.measure(cx);
        if sent && self.close_code.is_some() && self.queue.is_empty() {
            let hang_up = self.line.as_mut().map(Line::hang_up);
            self.closing = Some(self.peer.close(Box::pin(async {
                if let Some(hang_up) = hang_up {
                    hang_up.await;
                }
            })));
            // It is looked at when the end is waited for.
            cx.waker().wake_by_ref();
        }
    }

    fn close(&mut self, code: u16) {
        self.close_code.get_or_insert(code);
    }

    fn max_frame_bytes(&self) -> Option<u64> {
        Some(self.negotiated.largest_message as u64)
    }

    fn dropped_audio(&self) -> u64 {
        self.misplaced + self.microphone.dropped()
    }

    fn carries_media(&self) -> bool {
        true
    }

    fn send_media(&mut self, pcm: &[i16], rate: u32) {
        self.microphone.push(pcm, rate, &*self.codec);
    }

    fn after_media(&mut self) {
        self.queue.push_back(Queued::Behind(self.microphone.end()));
    }

    fn media_room_ms(&self) -> u64 {
        self.microphone.room_ms()
    }

    fn poll_media(&mut self, cx: &mut Context<'_>, on_pcm: &mut dyn FnMut(&[i16])) {
        if self.closing.is_some() {
            return;
        }
        self.take_packets(cx);
        loop {
            if self.receiver.is_idle() {
                self.playing = None;
                return;
            }
            let now = self.now_us();
            let due = *self.playing.get_or_insert(now);
            if now < due {
                let at = self.at(due);
                self.play_timer.as_mut().reset(at);
                if self.play_timer.as_mut().poll(cx).is_pending() {
                    return;
                }
                continue;
            }
            let due = if now - due > FAR_BEHIND_US { now } else { due };
            self.playing = Some(due + STEP_US);
            if let Some(frame) = self.receiver.pull(due, &mut *self.codec) {
                on_pcm(frame);
            }
        }
    }

    fn media_stats(&self) -> Option<MediaStats> {
        let counts = self.receiver.counts();
        Some(MediaStats {
            packets: counts.packets,
            lost: self.receiver.lost(),
            late: counts.late,
            foreign: counts.foreign + self.figures.strangers,
            concealed: self.receiver.concealed(),
            recovered: self.receiver.recovered(),
            jitter_us: self.receiver.jitter_us(),
            round_trip_us: self.figures.round_trip_us,
            delay_ms: self.receiver.delay_us().map(|us| us / 1000),
            sent: self.microphone.sent(),
            sent_redundant: self.redundant,
            sent_lost_permille: self.figures.lost_permille,
            dropped_microphone: self.microphone.dropped(),
        })
    }
}

impl Drop for WebRtc {
    /// A close that has begun goes on without us.
    fn drop(&mut self) {
        if let Some(closing) = self.closing.take() {
            self.peer.leave(closing);
        }
    }
}
