//! Events: the envelope and what happened.

use super::{
    error::ErrorInfo,
    message::{CallRef, Message},
    status::Status,
};
use crate::{
    event::{
        self, Agent, Direction, InterruptSource, MessageOp, Mode, SpeechSource, Tokens, TranscriptMode,
        TranscriptStage, UsageScope,
    },
    message::Role,
};
use std::collections::HashMap;

/// An event with its envelope.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Event {
    /// Consecutive number within the client, from 1.
    pub seq: u64,
    /// Milliseconds on the client's monotonic clock.
    pub time_ms: u64,
    /// Number of the connection, from 1; 0 before the first.
    pub epoch: u32,
    /// Number of the user's turn this belongs to, from 1.
    pub turn: Option<u64>,
    /// The response this belongs to.
    pub response: Option<String>,
    /// The item this belongs to.
    pub item: Option<String>,
    /// True when the vendor did not say it and duologue concluded it.
    pub inferred: bool,
    /// The client's labels, when it has any.
    pub labels: Option<HashMap<String, String>>,
    /// What happened.
    pub kind: EventKind,
}

/// A field the vendor set otherwise than wished. Values are JSON text.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Difference {
    /// Path in the vendor's session, dotted.
    pub path: String,
    /// What was asked for.
    pub wished: String,
    /// What is in force.
    pub effective: String,
}

/// What happened, in the order of EVENTS.md.
#[derive(Debug, Clone, uniffi::Enum)]
pub enum EventKind {
    /// The connection changed.
    Status {
        /// To what.
        status: Status,
    },
    /// Who is audible changed.
    Mode {
        /// One word for a user interface, derived.
        mode: Mode,
        /// The person is speaking.
        user_speaking: bool,
        /// What the agent does.
        agent: Agent,
    },
    /// Somebody started to speak.
    SpeechStarted {
        /// Always the user today.
        who: Role,
        /// Who heard it.
        source: SpeechSource,
        /// Position in the audio sent in this session, milliseconds.
        audio_ms: u64,
    },
    /// Somebody stopped.
    SpeechStopped {
        /// Always the user today.
        who: Role,
        /// Who heard it.
        source: SpeechSource,
        /// Position in the audio sent in this session, milliseconds.
        audio_ms: u64,
    },
    /// The first sample of the item left the speaker.
    PlaybackStarted {
        /// Content index.
        part: u32,
    },
    /// The item will not be heard further.
    PlaybackFinished {
        /// Content index.
        part: u32,
        /// Milliseconds really played.
        heard_ms: u64,
        /// All that was received was played.
        complete: bool,
        /// The engine counted.
        estimated: bool,
    },
    /// The model finished writing; it may be audible for long after.
    GenerationDone {
        /// How it ended.
        status: String,
        /// The vendor's reason.
        reason: Option<String>,
    },
    /// The response is over, played or cut.
    TurnDone {
        /// How generation ended.
        status: String,
        /// The vendor's reason.
        reason: Option<String>,
    },
    /// The assistant was cut off.
    Interrupted {
        /// Milliseconds of the item really played.
        heard_ms: u64,
        /// What did it.
        source: InterruptSource,
        /// The vendor cuts its own copy.
        server_truncated: bool,
        /// The engine counted.
        estimated: bool,
    },
    /// The conversation changed.
    Message {
        /// How.
        op: MessageOp,
        /// Message before this one; nothing: first.
        after: Option<String>,
        /// The message. For `updated`, `parts` holds only what `changed` lists.
        message: Message,
        /// Indices of changed parts.
        changed: Vec<u32>,
    },
    /// Words, as they come.
    Transcript {
        /// Who.
        role: Role,
        /// Content index.
        part: u32,
        /// How to apply `text`.
        mode: TranscriptMode,
        /// The words.
        text: String,
        /// What they are.
        stage: TranscriptStage,
        /// Computed from positions.
        estimated: bool,
        /// Stage `heard`: how many words too many or too few these may be, in 95 of 100 cases. None when
        /// nothing had to be estimated from the text.
        error_words: Option<u32>,
    },
    /// Assistant audio for a host that plays it.
    Audio {
        /// Content index.
        part: u32,
        /// Frames a second.
        rate: u32,
        /// Mono samples.
        pcm: Vec<u8>,
    },
    /// Loudness.
    AudioLevel {
        /// Which way.
        direction: Direction,
        /// Of the signal's power, 0 to 1.
        rms: f32,
        /// Of its largest sample, 0 to 1.
        peak: f32,
    },
    /// The model calls a host function.
    ToolCall {
        /// Answer with this.
        call: CallRef,
        /// Function name.
        name: String,
        /// JSON text as the model wrote it.
        arguments: String,
    },
    /// The vendor withdrew a call.
    ToolCancelled {
        /// The call.
        call: CallRef,
        /// Function name.
        name: String,
    },
    /// A call was answered for the host because it took too long.
    ToolTimeout {
        /// The call.
        call: CallRef,
        /// Function name.
        name: String,
    },
    /// The host must provide a credential.
    CredentialNeeded {
        /// Answer with this.
        request_id: u64,
        /// Why.
        reason: String,
        /// Until when.
        deadline_ms: u64,
    },
    /// A command ended.
    Completed {
        /// The command.
        op: u64,
        /// Nothing: it worked.
        error: Option<ErrorInfo>,
        /// Of a ping: there and back, microseconds.
        round_trip_us: Option<u64>,
    },
    /// The vendor acknowledged the configuration.
    SessionConfigured {
        /// The vendor's session object as it came (JSON text).
        effective: String,
        /// Where it differs from the wish.
        differences: Vec<Difference>,
    },
    /// What the session can do changed.
    CapabilityChanged {
        /// The vendor's session object as it came (JSON text).
        effective: String,
        /// Where it differs from the wish.
        differences: Vec<Difference>,
    },
    /// The conversation continues on another vendor session.
    SessionReplaced {
        /// `connect`, `reconnect`, `rollover` or `reconfigure`.
        why: String,
        /// `full`, `partial` or `none`.
        context: String,
        /// Microphone audio lost.
        gap_ms: u64,
    },
    /// The conversation continues on another transport.
    TransportChanged {
        /// Before.
        from: String,
        /// After.
        to: String,
        /// Why.
        why: String,
    },
    /// Tokens used.
    Usage {
        /// What it covers.
        scope: UsageScope,
        /// Later figures include this one.
        cumulative: bool,
        /// Read by the model.
        input: Tokens,
        /// Written by the model.
        output: Tokens,
        /// In US dollars, where priced.
        cost: Option<f64>,
        /// Time the vendor bills, milliseconds, where it bills by time.
        billed_ms: Option<u64>,
    },
    /// How long a turn took.
    Latency {
        /// Last voiced sample until the vendor said the turn ended.
        endpointing_ms: u64,
        /// From there to the first audio or text received.
        service_ms: u64,
        /// From there to the first sample played.
        buffer_ms: u64,
        /// Their sum.
        total_ms: u64,
    },
    /// An audio device came, went or changed.
    Device {
        /// `added`, `removed`, `changed`, `lost`, `denied` or `silent`.
        change: String,
        /// Which device.
        device: String,
        /// The microphone is closed while the agent is audible.
        half_duplex: bool,
    },
    /// Something a developer should see; the session goes on.
    Warning {
        /// What.
        error: ErrorInfo,
    },
    /// A failure; `fatal` tells whether the session ended.
    Error {
        /// What.
        error: ErrorInfo,
    },
    /// A vendor event as it came, opt-in.
    Raw {
        /// `input`: sent to the vendor; `output`: received.
        direction: Direction,
        /// The JSON text.
        json: String,
    },
    /// The host was too slow and these were dropped.
    Lagged {
        /// Level events.
        levels: u64,
        /// Raw events.
        raw: u64,
        /// Usage and latency events replaced by newer ones.
        figures: u64,
        /// Transcript and message deltas merged into one.
        merged: u64,
        /// Audio events.
        audio: u64,
    },
}

impl From<&event::Event> for Event {
    fn from(event: &event::Event) -> Self {
        Self {
            seq: event.seq,
            time_ms: event.time_ms,
            epoch: event.epoch,
            turn: event.turn,
            response: event.response.as_ref().map(ToString::to_string),
            item: event.item.as_ref().map(ToString::to_string),
            inferred: event.inferred,
            labels: event.labels.as_ref().map(|labels| labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect()),
            kind: (&event.kind).into(),
        }
    }
}

impl From<&event::EventKind> for EventKind {
    fn from(kind: &event::EventKind) -> Self {
        use event::EventKind as K;
        match kind {
            K::Status(status) => Self::Status { status: status.into() },
            K::Mode(m) => Self::Mode { mode: m.mode, user_speaking: m.user_speaking, agent: m.agent },
            K::SpeechStarted(s) => Self::SpeechStarted { who: s.who, source: s.source, audio_ms: s.audio_ms },
            K::SpeechStopped(s) => Self::SpeechStopped { who: s.who, source: s.source, audio_ms: s.audio_ms },
            K::PlaybackStarted(p) => Self::PlaybackStarted { part: p.part },
            K::PlaybackFinished(p) => Self::PlaybackFinished {
                part: p.part,
                heard_ms: p.heard_ms,
                complete: p.complete,
                estimated: p.estimated,
            },
            K::GenerationDone(end) => Self::GenerationDone { status: end.status.clone(), reason: end.reason.clone() },
            K::TurnDone(end) => Self::TurnDone { status: end.status.clone(), reason: end.reason.clone() },
            K::Interrupted(i) => Self::Interrupted {
                heard_ms: i.heard_ms,
                source: i.source,
                server_truncated: i.server_truncated,
                estimated: i.estimated,
            },
            K::Message(change) => Self::Message {
                op: change.op,
                after: change.after.as_ref().map(ToString::to_string),
                message: (&*change.message).into(),
                changed: change.changed.clone(),
            },
            K::Transcript(t) => Self::Transcript {
                role: t.role,
                part: t.part,
                mode: t.mode,
                text: t.text.clone(),
                stage: t.stage,
                estimated: t.estimated,
                error_words: t.error_words,
            },
            K::Audio(audio) => {
                Self::Audio { part: audio.part, rate: audio.rate, pcm: bytemuck::cast_slice(&audio.pcm.0).to_vec() }
            }
            K::AudioLevel(l) => Self::AudioLevel { direction: l.direction, rms: l.rms, peak: l.peak },
            K::ToolCall(call) => {
                Self::ToolCall { call: (&call.call).into(), name: call.name.clone(), arguments: call.arguments.clone() }
            }
            K::ToolCancelled(end) => Self::ToolCancelled { call: (&end.call).into(), name: end.name.clone() },
            K::ToolTimeout(end) => Self::ToolTimeout { call: (&end.call).into(), name: end.name.clone() },
            K::CredentialNeeded(c) => Self::CredentialNeeded {
                request_id: c.request_id,
                reason: c.reason.clone(),
                deadline_ms: c.deadline_ms,
            },
            K::Completed(done) => Self::Completed {
                op: done.op.0,
                error: done.error.as_ref().map(Into::into),
                round_trip_us: done.round_trip_us,
            },
            K::SessionConfigured(s) => {
                Self::SessionConfigured { effective: s.effective.to_string(), differences: differences(s) }
            }
            K::CapabilityChanged(s) => {
                Self::CapabilityChanged { effective: s.effective.to_string(), differences: differences(s) }
            }
            K::SessionReplaced(s) => {
                Self::SessionReplaced { why: s.why.clone(), context: s.context.clone(), gap_ms: s.gap_ms }
            }
            K::TransportChanged(t) => {
                Self::TransportChanged { from: t.from.clone(), to: t.to.clone(), why: t.why.clone() }
            }
            K::Usage(u) => {
                let event::Usage { scope, cumulative, input, output, cost, billed_ms } = *u;
                Self::Usage { scope, cumulative, input, output, cost, billed_ms }
            }
            K::Latency(l) => Self::Latency {
                endpointing_ms: l.endpointing_ms,
                service_ms: l.service_ms,
                buffer_ms: l.buffer_ms,
                total_ms: l.total_ms,
            },
            K::Device(d) => {
                Self::Device { change: d.change.clone(), device: d.device.clone(), half_duplex: d.half_duplex }
            }
            K::Warning(error) => Self::Warning { error: error.into() },
            K::Error(error) => Self::Error { error: error.into() },
            K::Raw(raw) => Self::Raw { direction: raw.direction, json: raw.json.to_string() },
            K::Lagged(l) => {
                Self::Lagged { levels: l.levels, raw: l.raw, figures: l.figures, merged: l.merged, audio: l.audio }
            }
        }
    }
}

fn differences(session: &event::SessionConfigured) -> Vec<Difference> {
    let told = |d: &event::Difference| Difference {
        path: d.path.clone(),
        wished: d.wished.to_string(),
        effective: d.effective.to_string(),
    };
    session.differences.iter().map(told).collect()
}
