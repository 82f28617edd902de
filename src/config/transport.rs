//! How the service is reached.

use serde::{Deserialize, Serialize};

/// Which transport carries the conversation. What a provider has and this build can do is in
/// [`crate::capabilities::Capabilities::transports`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TransportChoice {
    /// Events and audio over one WebSocket: what is heard is known to the sample, and it passes where HTTPS does.
    #[default]
    Websocket,
    /// A call over WebRTC: events over a data channel, audio as Opus over RTP. It suffers less from a bad network. Where
    /// there is no path for it (UDP) connecting fails.
    Webrtc,
    /// A call; where no path for it is found within 2 s, or the service takes no calls, a WebSocket is opened beside it, and
    /// what is ready first is used (`transport_changed`). A build without WebRTC uses a WebSocket.
    Auto,
}

/// The application's own server, which takes the offer of a call to the service and keeps the vendor's key to itself. The
/// credential of the client is the application's own then, a bearer token; without one nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SdpProxy {
    /// Where offers are posted: `https`, or `http` on this machine.
    pub url: String,
    /// What it takes.
    #[serde(default)]
    pub form: SdpForm,
}

/// How a server takes an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SdpForm {
    /// The offer is the body, `application/sdp`.
    #[default]
    Sdp,
    /// `multipart/form-data` with the parts `sdp` and `session`.
    Multipart,
    /// A JSON object: `sdp` (the offer in base64), and `voice` and `instructions` where the configuration has them.
    Json,
}
