//! What goes into the session and what comes out. Both are plain data, so a log of the inputs
//! replays a session exactly.

use super::credentials::CredentialAnswer;
use crate::{
    audio::playout::PlayoutReport,
    capabilities::TransportKind,
    error::Error,
    event::{AudioLevel, Event, OpId, Pcm},
    message::{CallRef, ItemId, PartIndex},
    provider::{DialRequest, Frame},
    request::{FeedbackScore, Image, ResponseOptions},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// What a host may ask for. Each command ends in one `completed` event with its op id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Dial and configure. Completes when connected.
    Connect,
    /// End the run, also while connecting. Completes when idle.
    Disconnect,
    /// Add a user message.
    SendText {
        /// The words.
        text: String,
        /// Ask for an answer at once.
        respond: bool,
        /// Cut the assistant off first.
        interrupt: bool,
    },
    /// Add a picture, with words or without.
    SendImage {
        /// The picture.
        image: Image,
        /// Words to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Ask for an answer at once.
        respond: bool,
        /// Cut the assistant off first.
        interrupt: bool,
    },
    /// Show what a camera sees.
    SendVideoFrame {
        /// The frame.
        image: Image,
    },
    /// Say what the user thinks of an answer.
    SendFeedback {
        /// The message of the assistant.
        item: ItemId,
        /// Absent: nothing, or nothing any more.
        #[serde(default)]
        score: Option<FeedbackScore>,
    },
    /// Say that the user is busy, so that the model waits.
    SendUserActivity,
    /// Tell the model something without asking for an answer.
    SendContext {
        /// The words.
        text: String,
    },
    /// Have the assistant say this.
    Say {
        /// The words.
        text: String,
    },
    /// Ask for a response.
    RequestResponse {
        /// For this response only.
        #[serde(default)]
        options: Box<ResponseOptions>,
    },
    /// The user's turn begins (manual turns), or capturing does.
    StartListening,
    /// The user's turn is over (manual turns), or capturing is.
    StopListening,
    /// Forget what the user said since the last turn.
    ClearInput,
    /// Change the session.
    UpdateSession {
        /// A JSON merge patch of the configuration.
        changes: Value,
    },
    /// Cut the assistant off.
    Interrupt,
    /// Answer a tool call.
    SubmitToolResult {
        /// From the `tool_call` event.
        call: CallRef,
        /// Text, or JSON text.
        output: String,
        /// The tool failed.
        is_error: bool,
    },
    /// Send or stop sending microphone audio.
    SetCapture {
        /// On or off.
        on: bool,
    },
    /// Send silence instead of the microphone; the vendor's clock goes on.
    SetInputMuted {
        /// On or off.
        muted: bool,
    },
    /// The network is another one now: the connection is opened anew at once.
    NetworkChanged,
    /// Measure the way to the service and back.
    Ping,
    /// Take over a conversation held elsewhere; only while not connected.
    ImportHistory {
        /// What [`crate::transcript::Transcript`] says, in order.
        messages: Vec<crate::message::Message>,
    },
    /// Forget the conversation; only while not connected.
    ClearHistory,
    /// Send one vendor event as it is.
    SendRaw {
        /// A JSON object.
        json: String,
    },
}

impl Command {
    /// Bytes of text that may go to the vendor.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::SendText { text, .. } | Self::SendContext { text } | Self::Say { text } => text.len(),
            Self::SendImage { image, text, .. } => image.size() + text.as_ref().map_or(0, String::len),
            Self::SendVideoFrame { image } => image.size(),
            Self::RequestResponse { options } => options.size(),
            Self::UpdateSession { changes } => changes.to_string().len(),
            Self::SubmitToolResult { output, .. } => output.len(),
            Self::SendRaw { json } => json.len(),
            Self::SendFeedback { item, .. } => item.0.len(),
            Self::Connect
            | Self::Disconnect
            | Self::SendUserActivity
            | Self::Interrupt
            | Self::StartListening
            | Self::StopListening
            | Self::ClearInput
            | Self::NetworkChanged
            | Self::Ping
            | Self::ImportHistory { .. }
            | Self::ClearHistory
            | Self::SetCapture { .. }
            | Self::SetInputMuted { .. } => 0,
        }
    }
}

/// Everything that can happen to a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input<'a> {
    /// The host asks for something.
    Command {
        /// Its number.
        op: OpId,
        /// What.
        #[serde(flatten)]
        command: Command,
    },
    /// A command the driver could not take: it completes with this error.
    Refused {
        /// Its number.
        op: OpId,
        /// Why.
        error: Error,
    },
    /// The host answered a `credential_needed` event. The secret stays with the driver.
    Credential {
        /// Of that event.
        request_id: u64,
        /// What it said.
        answer: CredentialAnswer,
    },
    /// The transport is up.
    Opened {
        /// Of the dial it answers.
        epoch: u32,
        /// Seconds since 1970, for comparing with when the vendor says that the session ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unix_s: Option<u64>,
    },
    /// What a transport that is about to be up carries, when it is not the WebSocket that was asked for. Comes before
    /// [`Input::Opened`].
    Carries {
        /// Of the dial.
        epoch: u32,
        /// What it is.
        #[serde(default)]
        transport: TransportKind,
        /// Why it is not the one that was tried first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fallback: Option<Fallback>,
        /// Sound travels beside the events, by [`Output::Media`] and [`Input::Media`].
        media: bool,
        /// The longest event in bytes; absent: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_event_bytes: Option<u64>,
    },
    /// Sound came beside the events: a piece of one unbroken stream.
    Media {
        /// Of the connection.
        epoch: u32,
        /// Mono samples at the provider's output rate.
        #[serde(with = "pcm_base64")]
        pcm: Cow<'a, [i16]>,
    },
    /// The peer answered the ping of [`Output::Ping`].
    Pong {
        /// On the connection.
        epoch: u32,
    },
    /// The picture of [`Output::Upload`] is there, or is not.
    Uploaded {
        /// Of the connection it is for.
        epoch: u32,
        /// Its number.
        number: u64,
        /// What the vendor calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Why it has no name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
    /// The machine slept, or its clock jumped: the connection may be dead without a sign of it.
    Woken,
    /// A frame came.
    Frame {
        /// Of the connection.
        epoch: u32,
        /// What came.
        frame: Frame<'a>,
    },
    /// The transport is gone, or never came.
    Closed {
        /// Of the connection.
        epoch: u32,
        /// WebSocket close code, if the peer sent one.
        code: Option<u16>,
        /// The peer's reason.
        reason: String,
        /// What failed, when it was no orderly close.
        error: Option<Error>,
    },
    /// Microphone audio at the provider's input rate.
    Microphone {
        /// Mono samples.
        #[serde(with = "pcm_base64")]
        pcm: Cow<'a, [i16]>,
        /// How long ago the last sample was captured, microseconds; 0 when nobody said.
        #[serde(default, skip_serializing_if = "is_zero")]
        age_us: u64,
    },
    /// The host says what it has played, when `audio.output.positions` is `reported`.
    PlaybackReport {
        /// Item.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// Milliseconds of this part that left the loudspeaker.
        heard_ms: u64,
    },
    /// What the speaker did.
    Playout {
        /// The report.
        report: PlayoutReport,
    },
    /// A level to pass on.
    Level {
        /// The level.
        level: AudioLevel,
    },
    /// Something in the driver that a developer should see.
    Warning {
        /// What.
        error: Error,
    },
    /// Something in the driver that ends the run.
    Fatal {
        /// What.
        error: Error,
    },
    /// The time [`super::Session::timeout`] named has come.
    Timer,
}

/// Why a WebSocket carries the conversation where a call was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fallback {
    /// No path for a call was found in time.
    NoPath,
    /// The service takes no calls.
    NoCalls,
}

impl Fallback {
    /// As `transport_changed` says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoPath => "no_path",
            Self::NoCalls => "no_calls",
        }
    }
}

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "output", rename_all = "snake_case")]
pub enum Output {
    /// Open a transport.
    Dial {
        /// Number of the connection; every later input about it carries it.
        epoch: u32,
        /// Where.
        request: DialRequest,
        /// The connection there is stays open meanwhile; otherwise it is gone.
        beside: bool,
    },
    /// Close it in an orderly way, or stop opening it.
    Close {
        /// Which.
        epoch: u32,
        /// WebSocket close code.
        code: u16,
    },
    /// Ask the peer for a sign of life; [`Input::Pong`] is the answer.
    Ping {
        /// On which connection.
        epoch: u32,
        /// The command that asks. Where the transport has no such thing it is refused; without one that is
        /// taken as an answer.
        op: Option<OpId>,
    },
    /// Send a text frame.
    Send {
        /// On which connection.
        epoch: u32,
        /// The frame.
        text: String,
        /// Microphone audio: may be dropped when the network is too slow.
        audio: bool,
    },
    /// Put a picture where the vendor wants it, beside the events; [`Input::Uploaded`] is the answer.
    Upload {
        /// The connection it is for.
        epoch: u32,
        /// Its number.
        number: u64,
        /// Where.
        url: String,
        /// Its type.
        mime_type: String,
        /// The file.
        base64: String,
    },
    /// Send microphone audio beside the events.
    Media {
        /// On which connection.
        epoch: u32,
        /// Mono samples at the provider's input rate.
        pcm: Pcm,
    },
    /// What is sent from now on belongs behind the microphone audio given so far: it leaves when that has left, and
    /// has had time to arrive.
    AfterMedia {
        /// On which connection.
        epoch: u32,
    },
    /// Tell the host. Audio of a host that plays by itself comes this way too.
    Event(Event),
    /// Play this on the device, or keep it until the host pulls it, after what was given before.
    Play {
        /// Item it belongs to.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// Samples at the provider's output rate.
        pcm: Pcm,
    },
    /// What was given so far is all there is for now: play it even if it is short.
    PlayoutItemEnd,
    /// Silence the speaker with a short fade and report a flush.
    FlushPlayout,
    /// Capture microphone audio, or stop.
    Capture {
        /// On or off.
        on: bool,
    },
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// PCM in the log as base64 of little-endian samples.
mod pcm_base64 {
    use crate::audio::pcm::{deserialize_base64, serialize_base64};
    use serde::{Deserializer, Serializer};
    use std::borrow::Cow;

    pub fn serialize<S: Serializer>(pcm: &[i16], s: S) -> Result<S::Ok, S::Error> {
        serialize_base64(pcm, s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Cow<'static, [i16]>, D::Error> {
        deserialize_base64(d).map(Cow::Owned)
    }
}
