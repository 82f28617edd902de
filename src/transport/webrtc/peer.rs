//! A peer connection with one Opus stream each way and one data channel. This file, `stack` and `reports` are the
//! ones that know the `webrtc` crate.
//!
//! Everything is polled by whoever owns the [`Peer`]; the crate's own task does the networking and ends with
//! [`Peer::close`] or when the peer is dropped.

use super::{
    sdp,
    stack::{Figures, Made, Shared, State, figures, gathered, random, stack, until},
};
use crate::error::{Error, ErrorClass, Result};
use bytes::Bytes;
use rtc::rtp;
use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::Handle;
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelState},
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{PeerConnection, RTCSessionDescription},
};

/// From the answer to a path, and from there to an encrypted connection over it.
const CONNECTING: Duration = Duration::from_secs(10);
/// And for the data channel after it.
const OPENING: Duration = Duration::from_secs(10);
/// For what was sent to arrive before the channel is closed, and for the close itself.
const FLUSHING: Duration = Duration::from_secs(1);
const CLOSING: Duration = Duration::from_millis(300);
const LABEL: &str = "oai-events";

type Eventually<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What came over the data channel.
#[derive(Debug)]
pub enum Message {
    Text(Bytes),
    Binary(Bytes),
}

/// A media packet that came.
#[derive(Debug)]
pub struct Packet {
    pub ssrc: u32,
    pub payload_type: u8,
    pub seq: u16,
    pub time: u32,
    pub payload: Bytes,
}

/// A track of the other end, and what comes of it next.
struct Listening {
    track: Arc<dyn TrackRemote>,
    event: Eventually<Option<TrackRemoteEvent>>,
}

/// See the module.
pub struct Peer {
    pc: Arc<dyn PeerConnection>,
    channel: Arc<dyn DataChannel>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    shared: Arc<Shared>,
    reading: Option<Eventually<Option<DataChannelEvent>>>,
    listening: Vec<Listening>,
    sending: Option<Eventually<Result<(), webrtc::error::Error>>>,
    speaking: Option<Eventually<Result<(), webrtc::error::Error>>>,
    measuring: Option<Eventually<Figures>>,
    runtime: Handle,
    closed: bool,
}

impl Peer {
    /// A peer that will make an offer to a service that is reached at `at`; also on this machine only where that is so.
    /// To be called on a tokio runtime.
    pub async fn new(at: IpAddr) -> Result<Self> {
        let made = Made::new(at, false).await?;
        let channel = made.pc.create_data_channel(LABEL, None).await.map_err(stack("the data channel"))?;
        Ok(Self::of(made, channel))
    }

    fn of(made: Made, channel: Arc<dyn DataChannel>) -> Self {
        let (pc, track, ssrc, shared) = made.release();
        Self {
            pc,
            channel,
            track,
            ssrc,
            shared,
            reading: None,
            listening: Vec::new(),
            sending: None,
            speaking: None,
            measuring: None,
            runtime: Handle::current(),
            closed: false,
        }
    }

    /// Where the numbers and the time of our packets begin.
    pub fn beginning() -> Result<(u16, u32)> {
        let [.., a, b, c, d, e, f] = random()?;
        Ok((u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f])))
    }

    /// The offer, with all candidates there are.
    pub async fn offer(&mut self) -> Result<String> {
        let offer = self.pc.create_offer(None).await.map_err(stack("the offer"))?;
        self.pc.set_local_description(offer).await.map_err(stack("the offer"))?;
        gathered(&*self.pc, &self.shared).await
    }

    /// Takes the answer and connects. `path` is called once a path is found.
    ///
    /// # Errors
    /// `invalid_answer`; `ice_failed` (class `network`): no path; `dtls_failed` (class `tls`): there is one, but the
    /// other end does not prove to be who the answer says; `channel_failed` (class `network`).
    pub async fn connect(&mut self, answer: &str, path: impl FnOnce()) -> Result<()> {
        let description = RTCSessionDescription::answer(answer.to_owned()).map_err(|e| sdp::wrong(&e.to_string()))?;
        self.pc.set_remote_description(description).await.map_err(|e| sdp::wrong(&e.to_string()))?;
        let found = until(self.shared.clone(), |state| state.path || state.failed);
        let state = tokio::time::timeout(CONNECTING, found).await.unwrap_or_default();
        if !state.path {
            let message = format!("no path for audio was found within {} s", CONNECTING.as_secs());
            return Err(Error::new(ErrorClass::Network, "ice_failed", message)
                .field("transport")
                .fix("let UDP through, or set it to auto or websocket")
                .retryable());
        }
        path();
        let secured = until(self.shared.clone(), |state| state.secured || state.failed);
        let state = tokio::time::timeout(CONNECTING, secured).await.unwrap_or_default();
        if !state.secured {
            // The stack checks the certificate and drops what does not fit without a word to us. As the path worked
            // somebody in between is likelier than loss, and falling back would be the wrong answer to that: also when the
            // path is gone by now, for who is found out may leave.
            let message = "a path was found, but nobody at its end proved in time to be who the answer says";
            return Err(Error::new(ErrorClass::Tls, "dtls_failed", message)
                .fix("somebody may be in between: use another network"));
        }
        opened(&*self.channel).await
    }

    /// How far it is now; the task is woken when that changes.
    pub fn poll_state(&self, cx: &mut Context<'_>) -> State {
        self.shared.look(cx)
    }

    /// The next message; ready with `None` once the channel is closed.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            let channel = &self.channel;
            let reading = self.reading.get_or_insert_with(|| {
                let channel = channel.clone();
                Box::pin(async move { channel.poll().await })
            });
            let Poll::Ready(event) = reading.as_mut().poll(cx) else { return Poll::Pending };
            self.reading = None;
            match event {
                Some(DataChannelEvent::OnMessage(message)) => {
                    let bytes = message.data.freeze();
                    let message = if message.is_string { Message::Text(bytes) } else { Message::Binary(bytes) };
                    return Poll::Ready(Some(message));
                }
                Some(DataChannelEvent::OnClosing | DataChannelEvent::OnClose) | None => return Poll::Ready(None),
                Some(_) => {}
            }
        }
    }

    /// The next media packet.
    pub fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Packet> {
        fn next(track: &Arc<dyn TrackRemote>) -> Eventually<Option<TrackRemoteEvent>> {
            let track = track.clone();
            Box::pin(async move { track.poll().await })
        }
        self.shared.waker.register(cx.waker());
        for track in std::mem::take(&mut *self.shared.tracks.lock()) {
            let event = next(&track);
            self.listening.push(Listening { track, event });
        }
        let mut at = 0;
        while let Some(Listening { track, event }) = self.listening.get_mut(at) {
            match event.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(None | Some(TrackRemoteEvent::OnEnded)) => drop(self.listening.remove(at)),
                Poll::Ready(Some(TrackRemoteEvent::OnRtpPacket(packet))) => {
                    *event = next(track);
                    let rtp::Packet { header, payload } = packet;
                    return Poll::Ready(Packet {
                        ssrc: header.ssrc,
                        payload_type: header.payload_type,
                        seq: header.sequence_number,
                        time: header.timestamp,
                        payload,
                    });
                }
                Poll::Ready(Some(_)) => *event = next(track),
            }
        }
        Poll::Pending
    }

    /// Ready when a message can be sent, or with what the last one failed with.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(sending) = &mut self.sending else { return Poll::Ready(Ok(())) };
        let Poll::Ready(sent) = sending.as_mut().poll(cx) else { return Poll::Pending };
        self.sending = None;
        Poll::Ready(sent.map_err(|e| {
            Error::new(ErrorClass::Network, "connection_lost", format!("the data channel failed: {e}"))
                .fix("connect again")
                .retryable()
        }))
    }

    /// Sends a message, once [`Peer::poll_ready`] is.
    pub fn send(&mut self, text: String) {
        let channel = self.channel.clone();
        self.sending = Some(Box::pin(async move { channel.send_text(&text).await }));
    }

    /// Sends a media packet; false: the one before it is still waiting.
    pub fn speak(&mut self, cx: &mut Context<'_>, payload_type: u8, seq: u16, time: u32, opus: &[u8]) -> bool {
        if self.poll_spoken(cx).is_pending() {
            return false;
        }
        let header = rtp::Header {
            version: 2,
            payload_type,
            sequence_number: seq,
            timestamp: time,
            ssrc: self.ssrc,
            ..Default::default()
        };
        let packet = rtp::Packet { header, payload: Bytes::copy_from_slice(opus) };
        let track = self.track.clone();
        self.speaking = Some(Box::pin(async move { track.write_rtp(packet).await }));
        let _ = self.poll_spoken(cx);
        true
    }

    /// Ready when nothing that was spoken waits. A packet that fails is one that is lost.
    pub fn poll_spoken(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(speaking) = &mut self.speaking {
            if speaking.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.speaking = None;
        }
        Poll::Ready(())
    }

    /// What is known of the network, a look each time it is asked after the last was ready.
    pub fn poll_figures(&mut self, cx: &mut Context<'_>) -> Poll<Figures> {
        let (pc, shared) = (&self.pc, &self.shared);
        let measuring = self.measuring.get_or_insert_with(|| {
            let (pc, shared) = (pc.clone(), shared.clone());
            Box::pin(async move { figures(&*pc, &shared).await })
        });
        let Poll::Ready(figures) = measuring.as_mut().poll(cx) else { return Poll::Pending };
        self.measuring = None;
        Poll::Ready(figures)
    }

    /// Lets what was sent arrive, closes the channel, runs `beside` in the meantime, then ends the connection. Goes
    /// on when the peer is dropped.
    pub fn close(&mut self, beside: Eventually<()>) -> Eventually<()> {
        self.closed = true;
        let (pc, channel) = (self.pc.clone(), self.channel.clone());
        let last = self.sending.take();
        Box::pin(async move {
            let flushed = async {
                if let Some(last) = last {
                    let _ = last.await;
                }
                while channel.outstanding_bytes().await.is_ok_and(|n| n > 0) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let _ = tokio::time::timeout(FLUSHING, flushed).await;
            let ended = async {
                let _ = channel.close().await;
                while channel.ready_state().await.is_ok_and(|s| s != RTCDataChannelState::Closed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let _ = tokio::join!(tokio::time::timeout(CLOSING, ended), beside);
            let _ = pc.close().await;
        })
    }

    /// Goes on with a close nobody waits for any more.
    pub fn leave(&self, closing: Eventually<()>) {
        self.runtime.spawn(closing);
    }
}

async fn opened(channel: &dyn DataChannel) -> Result<()> {
    let opened = async {
        loop {
            match channel.poll().await {
                Some(DataChannelEvent::OnOpen) => return true,
                Some(DataChannelEvent::OnClose) | None => return false,
                Some(_) => {}
            }
        }
    };
    if tokio::time::timeout(OPENING, opened).await != Ok(true) {
        let message = "the data channel was not opened";
        return Err(Error::new(ErrorClass::Network, "channel_failed", message).fix("connect again").retryable());
    }
    Ok(())
}

/// The answering side of a call whose answer is on its way.
#[cfg(feature = "simulator")]
pub struct Answering {
    made: Made,
}

#[cfg(feature = "simulator")]
impl Answering {
    /// Takes an offer that came from `at`, this machine or another; returns the answer to it. Nobody else than this machine
    /// can reach what answers an offer that came from it.
    ///
    /// # Errors
    /// `invalid_answer`: the offer is none.
    pub async fn new(at: IpAddr, offer: &str) -> Result<(Self, String)> {
        let made = Made::new(at, true).await?;
        let offer = RTCSessionDescription::offer(offer.to_owned()).map_err(|e| sdp::wrong(&e.to_string()))?;
        made.pc.set_remote_description(offer).await.map_err(|e| sdp::wrong(&e.to_string()))?;
        let answer = made.pc.create_answer(None).await.map_err(|e| sdp::wrong(&e.to_string()))?;
        made.pc.set_local_description(answer).await.map_err(stack("the answer"))?;
        let answer = gathered(&*made.pc, &made.shared).await?;
        Ok((Self { made }, answer))
    }

    /// Waits until the other end is there and has opened its data channel.
    ///
    /// # Errors
    /// `ice_failed`: it did not come in time; `channel_failed`: it opened no channel.
    pub async fn opened(self) -> Result<Peer> {
        let secured = until(self.made.shared.clone(), |state| state.secured || state.failed);
        let state = tokio::time::timeout(CONNECTING, secured).await.unwrap_or_default();
        if !state.secured {
            return Err(Error::new(ErrorClass::Network, "ice_failed", "nobody came by the path that was answered"));
        }
        let Ok(channel) = tokio::time::timeout(OPENING, self.made.shared.channel()).await else {
            return Err(Error::new(ErrorClass::Network, "channel_failed", "no data channel was opened"));
        };
        opened(&*channel).await?;
        Ok(Peer::of(self.made, channel))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !self.closed {
            let pc = self.pc.clone();
            self.runtime.spawn(async move { drop(pc.close().await) });
        }
    }
}
