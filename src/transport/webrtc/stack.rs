//! The `webrtc` crate, set up: what a peer connection is made of, what it tells of itself, and how it ends.

use super::{
    reports::{Reported, Reports},
    sdp,
};
use crate::error::{Error, ErrorClass, Result};
use async_trait::async_trait;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rtc::{
    ice::mdns::MulticastDnsMode,
    interceptor::Slot,
    media_stream::MediaStreamTrack,
    peer_connection::configuration::setting_engine::SctpMaxMessageSize,
    rtp_transceiver::rtp_sender::{
        RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
    },
};
use std::{
    future::poll_fn,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::Handle;
use tokio_rustls::rustls::crypto::ring;
use webrtc::{
    data_channel::DataChannel,
    media_stream::{track_local::static_rtp::TrackLocalStaticRTP, track_remote::TrackRemote},
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
        RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionState, RTCStatsReportEntry, Registry,
        SettingEngineBuilder, StatsSelector, configure_rtcp_reports,
    },
};

/// Host candidates are there within a millisecond; an offer without any works too.
const GATHERING: Duration = Duration::from_millis(500);
/// Until a path that is silent is called disconnected, and as long again until it is given up.
const SILENT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(2);
/// What may be on its way; more waits on our side, where commands overtake nothing and are counted.
const IN_FLIGHT: usize = 256 * 1024;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    pub gathered: bool,
    /// A path was found.
    pub path: bool,
    /// And the other end has proved to be who the answer says.
    pub secured: bool,
    /// It is over.
    pub failed: bool,
}

#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    /// Tracks of the other end that nobody listens to yet.
    pub tracks: Mutex<Vec<Arc<dyn TrackRemote>>>,
    channel: Mutex<Option<Arc<dyn DataChannel>>>,
    reported: Arc<Mutex<Reported>>,
    pub waker: AtomicWaker,
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.waker.wake();
    }

    pub fn look(&self, cx: &Context<'_>) -> State {
        self.waker.register(cx.waker());
        *self.state.lock()
    }

    /// The channel that the other end made.
    #[cfg(feature = "simulator")]
    pub async fn channel(&self) -> Arc<dyn DataChannel> {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            self.channel.lock().take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

pub async fn until(shared: Arc<Shared>, reached: impl Fn(&State) -> bool + Send) -> State {
    poll_fn(|cx| {
        let state = shared.look(cx);
        if reached(&state) { Poll::Ready(state) } else { Poll::Pending }
    })
    .await
}

struct Watcher(Arc<Shared>);

#[async_trait]
impl PeerConnectionEventHandler for Watcher {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.0.change(|s| s.gathered |= state == RTCIceGatheringState::Complete);
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        use RTCIceConnectionState as Ice;
        self.0.change(|s| s.path |= matches!(state, Ice::Connected | Ice::Completed));
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.0.change(|s| match state {
            RTCPeerConnectionState::Connected => s.secured = true,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => s.failed = true,
            _ => {}
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let mut tracks = self.0.tracks.lock();
        // There is one; a service that makes more of them is not followed for ever.
        if tracks.len() < 4 {
            tracks.push(track);
        }
        drop(tracks);
        self.0.waker.wake();
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        // Events go over the first.
        self.0.channel.lock().get_or_insert(channel);
        self.0.waker.wake();
    }
}

/// What is known of the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    pub round_trip_us: Option<u64>,
    /// Of what we sent, in thousandths, as the other end reported last.
    pub lost_permille: Option<u16>,
    /// Packets in a hundred that the other end will probably not get.
    pub expected_loss: u8,
    /// Media packets of a source that is not heard.
    pub strangers: u64,
}

/// An error of the stack, in our words.
pub fn stack(what: &str) -> impl Fn(webrtc::error::Error) -> Error {
    let what = what.to_owned();
    move |e| Error::new(ErrorClass::Internal, "webrtc", format!("{what}: {e}"))
}

/// Numbers nobody can guess.
pub fn random() -> Result<[u8; 10]> {
    let mut bytes = [0; 10];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Error::new(ErrorClass::Internal, "webrtc", "the system gives no random numbers"))?;
    Ok(bytes)
}

/// A peer connection with the track we speak on, before there is a data channel.
pub struct Made {
    pub pc: Arc<dyn PeerConnection>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    pub shared: Arc<Shared>,
    guard: Guard,
}

impl Made {
    /// One whose other end is at `at`; also on this machine only where that is so. With `nowhere_else` nobody else than
    /// `at` can reach it when that is this machine. To be called on a tokio runtime.
    pub async fn new(at: IpAddr, nowhere_else: bool) -> Result<Self> {
        let settings = SettingEngineBuilder::new()
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(1 << 20))
            .with_sctp_mtu(1120)
            .with_ice_connection_attempts(Some(Duration::from_millis(20)), None)
            .with_ice_timeouts(Some(SILENT), Some(SILENT), Some(KEEPALIVE))
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_include_loopback_candidate(at.is_loopback())
            .build();
        let codec = RTCRtpCodec {
            mime_type: "audio/opus".into(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".into(),
            rtcp_feedback: Vec::new(),
        };
        let mut media = MediaEngine::default();
        let opus = RTCRtpCodecParameters { rtp_codec: codec.clone(), payload_type: sdp::OPUS };
        media.register_codec(opus, RtpCodecKind::Audio).map_err(stack("the codec"))?;
        let mut addresses = Vec::new();
        if at.is_loopback() {
            addresses.push(if at.is_ipv4() { "127.0.0.1:0".to_owned() } else { "[::1]:0".to_owned() });
        }
        if !(at.is_loopback() && nowhere_else) {
            // An application's own server on this machine may lead to a service elsewhere: both.
            addresses.extend(["0.0.0.0:0".to_owned(), "[::]:0".to_owned()]);
        }
        let shared = Arc::new(Shared::default());
        let [a, b, c, d, ..] = random()?;
        let ssrc = u32::from_be_bytes([a, b, c, d]).max(1);
        let reports = Reports::new(ssrc, shared.reported.clone());
        let registry = configure_rtcp_reports(Registry::new()).with(Slot::from(Reports::PLACE), reports);
        let pc = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::default().build())
            .with_setting_engine(settings)
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Watcher(shared.clone())))
            .with_udp_addrs(addresses)
            .with_data_channel_send_buffer_limit(IN_FLIGHT)
            .build()
            .await
            .map_err(|e| {
                Error::new(ErrorClass::Network, "ice_failed", format!("no socket for media: {e}"))
                    .fix("check the network, or use the WebSocket transport")
                    .retryable()
            })?;
        let pc: Arc<dyn PeerConnection> = Arc::new(pc);
        // From here on the crate's task runs, and only closing ends it.
        let guard = Guard(Some((pc.clone(), Handle::current())));
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "duologue".into(),
            "microphone".into(),
            "microphone".into(),
            RtpCodecKind::Audio,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
                codec,
                ..Default::default()
            }],
        )));
        pc.add_track(track.clone()).await.map_err(stack("the microphone's track"))?;
        Ok(Self { pc, track, ssrc, shared, guard })
    }

    /// From here on somebody else ends it.
    pub fn release(self) -> (Arc<dyn PeerConnection>, Arc<TrackLocalStaticRTP>, u32, Arc<Shared>) {
        self.guard.disarm();
        (self.pc, self.track, self.ssrc, self.shared)
    }
}

/// The local description, with all candidates there are.
pub async fn gathered(pc: &dyn PeerConnection, shared: &Arc<Shared>) -> Result<String> {
    let gathered = until(shared.clone(), |state| state.gathered || state.failed);
    if tokio::time::timeout(GATHERING, gathered).await.is_err() {
        tracing::debug!("candidates are not all there in time");
    }
    let description = pc.local_description().await;
    description.map(|d| d.sdp).ok_or_else(|| Error::new(ErrorClass::Internal, "webrtc", "there is no description"))
}

pub async fn figures(pc: &dyn PeerConnection, shared: &Shared) -> Figures {
    let reported = *shared.reported.lock();
    let mut round_trip_us = reported.round_trip_us;
    if round_trip_us.is_none() {
        // RTCP measures the way media takes, and begins a second later than ICE does.
        for entry in pc.get_stats(std::time::Instant::now(), StatsSelector::None).await.iter() {
            let RTCStatsReportEntry::IceCandidatePair(pair) = entry else { continue };
            let seconds = pair.current_round_trip_time;
            if pair.nominated && seconds.is_finite() && seconds > 0.0 {
                round_trip_us = Some((seconds * 1e6) as u64);
            }
        }
    }
    let expected_loss = reported.expected_percent as u8;
    Figures { round_trip_us, lost_permille: reported.lost_permille, expected_loss, strangers: reported.strangers }
}

/// Ends a connection of which there is no [`Peer`] yet.
struct Guard(Option<(Arc<dyn PeerConnection>, Handle)>);

impl Guard {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((pc, runtime)) = self.0.take() {
            runtime.spawn(async move { drop(pc.close().await) });
        }
    }
}
