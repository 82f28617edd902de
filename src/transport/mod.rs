//! How frames travel. A transport knows sockets and nothing of what the frames mean.
//!
//! | file | what it is |
//! |---|---|
//! | `websocket` | tokio-tungstenite over TCP or TLS (feature `websocket`) |
//! | `webrtc` | Opus over RTP and a data channel (feature `webrtc`) |
//! | `choice` | one of the two, or whichever is ready first |
//! | `mock` | a service played by code in the same process, frame by frame; [`crate::testing`] is a complete one |
//! | `scripted` | frames by hand: the lowest level, for tests of the client and of dialects |
//! | `net`, `tls`, `refusal`, `http` | what they share: connecting, roots, what an HTTP error means, one request |
//! | `upload` | a picture to where the vendor wants it |
//! | `calls` | what whoever makes a call and whoever passes it on share |

#[cfg(any(feature = "webrtc", feature = "serve"))]
pub(crate) mod calls;
#[cfg(feature = "webrtc")]
mod choice;
// Who mints needs a part of it, and a signed URL less.
#[cfg(feature = "websocket")]
#[cfg_attr(not(feature = "webrtc"), allow(dead_code))]
pub(crate) mod http;
pub mod mock;
#[cfg(feature = "websocket")]
mod net;
#[cfg(feature = "websocket")]
pub(crate) mod refusal;
pub mod scripted;
#[cfg(feature = "websocket")]
mod tls;
#[cfg(feature = "websocket")]
pub(crate) mod upload;
#[cfg(feature = "webrtc")]
pub mod webrtc;
#[cfg(feature = "websocket")]
pub mod websocket;

use crate::{
    capabilities::TransportKind,
    config::{Config, Tls},
    credential::Credential,
    error::{Error, Result},
    provider::{DialRequest, Frame},
    session::Fallback,
};
use serde::Serialize;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// WebSocket close code, if the peer sent one.
    pub code: Option<u16>,
    /// The peer's reason.
    pub reason: String,
    /// What failed, when it was no orderly close.
    pub error: Option<Error>,
}

/// An open connection, polled by one task.
pub trait Transport: Send {
    /// Gives inbound frames to `on_frame`, a bounded number a call, and ready once the connection
    /// is over. Pending registers the task for more.
    fn poll_inbound(&mut self, cx: &mut Context<'_>, on_frame: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed>;

    /// Queues a text frame. Queues are bounded: the oldest microphone audio is dropped first
    /// ([`Transport::dropped_audio`]).
    ///
    /// # Errors
    /// Class `limit`, code `backpressure`, when 1 MiB of other frames is waiting.
    fn send(&mut self, text: String, audio: bool) -> Result<()>;

    /// True when that many bytes of frames other than microphone audio can be queued now.
    fn has_room(&self, bytes: usize) -> bool {
        let _ = bytes;
        true
    }

    /// Moves queued frames to the network as far as it takes them. A failure shows in
    /// [`Transport::poll_inbound`].
    fn poll_outbound(&mut self, cx: &mut Context<'_>);

    /// Sends what is queued, then a close frame.
    fn close(&mut self, code: u16);

    /// Asks the peer for a sign of life; false: this transport has no such thing.
    fn ping(&mut self) -> bool {
        false
    }

    /// The peer answered the newest ping since this was asked last.
    fn take_pong(&mut self) -> bool {
        false
    }

    /// The longest text frame in bytes, where there is a bound.
    fn max_frame_bytes(&self) -> Option<u64> {
        None
    }

    /// Microphone frames dropped because the network was too slow.
    fn dropped_audio(&self) -> u64 {
        0
    }

    /// What it is.
    fn kind(&self) -> TransportKind {
        TransportKind::Websocket
    }

    /// Why it is not the kind that was tried first.
    fn fallback(&self) -> Option<Fallback> {
        None
    }

    /// True when audio travels beside the frames: microphone audio goes to [`Transport::send_media`], and what
    /// the service says comes from [`Transport::poll_media`].
    fn carries_media(&self) -> bool {
        false
    }

    /// Gives microphone audio: mono 16-bit frames at `rate` a second, pieces of any length. A bounded amount
    /// waits, the oldest is dropped and counted ([`MediaStats::dropped_microphone`]). It is sent at the pace of
    /// real time by [`Transport::poll_outbound`]; when nothing is given silence is sent.
    fn send_media(&mut self, pcm: &[i16], rate: u32) {
        let _ = (pcm, rate);
    }

    /// Frames given from now on leave once the microphone audio given so far has left and had time to arrive. For
    /// transports with one way for both there is nothing to do.
    fn after_media(&mut self) {}

    /// How much microphone audio [`Transport::send_media`] takes now without falling behind, in milliseconds.
    fn media_room_ms(&self) -> u64 {
        u64::MAX
    }

    /// Gives the service's audio that is due now to `on_pcm`: frames of 20 ms, mono, at [`MEDIA_RATE`]. Nothing
    /// is given while the service sends nothing. Registers the task for more.
    fn poll_media(&mut self, cx: &mut Context<'_>, on_pcm: &mut dyn FnMut(&[i16])) {
        let _ = (cx, on_pcm);
    }

    /// How media travels; `None`: this transport carries none.
    fn media_stats(&self) -> Option<MediaStats> {
        None
    }
}

/// Frames a second of what [`Transport::poll_media`] gives.
pub const MEDIA_RATE: u32 = 24_000;

/// How media travelled so far. Counts are of the whole connection, the rest is the newest figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MediaStats {
    /// Media packets that came.
    pub packets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that were no audio of this call: another payload type or source, or nothing that can be decoded.
    pub foreign: u64,
    /// Frames of 20 ms that were made up because nothing had come for them.
    pub concealed: u64,
    /// Frames of 20 ms that were taken from the packet after theirs.
    pub recovered: u64,
    /// Smoothed variation of the time packets take, in microseconds (RFC 3550).
    pub jitter_us: u64,
    /// Time to the service and back, in microseconds; `None`: not known yet.
    pub round_trip_us: Option<u64>,
    /// How long audio waits so that what is late is not missed, in milliseconds; `None`: nothing is played.
    pub delay_ms: Option<u64>,
    /// Packets of microphone audio that were sent, silence included.
    pub sent: u64,
    /// Those of them that also carry what it takes to make up for the packet before them.
    pub sent_redundant: u64,
    /// Share of those sent of late that the service reports as lost, in thousandths; `None`: it has not reported.
    pub sent_lost_permille: Option<u16>,
    /// Frames of 20 ms of microphone audio that were dropped because too much was waiting.
    pub dropped_microphone: u64,
}

/// A boxed future of an open transport.
pub type Dialling = Pin<Box<dyn Future<Output = Result<Box<dyn Transport>>> + Send>>;

/// Opens transports. Implementable by a host that has its own network.
pub trait Dialer: Send + Sync {
    /// Dials. Dropping the future gives up and leaves nothing behind. Every step is bounded in time.
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling;
}

/// The dialer of this build, for clients that are configured so.
pub fn default_dialer(config: &Config) -> Option<Arc<dyn Dialer>> {
    #[cfg(feature = "webrtc")]
    return Some(Arc::new(choice::ChoiceDialer::new(config)));
    #[cfg(not(feature = "webrtc"))]
    {
        let _ = config;
        #[cfg(feature = "websocket")]
        return Some(Arc::new(websocket::WebSocketDialer));
        #[cfg(not(feature = "websocket"))]
        None
    }
}
