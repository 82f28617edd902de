//! Words of events as numbers. Numbers are only ever added.

/// What happened; tells which family pointer of a duologue_event is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_event_kind {
    /// The connection changed: `status`.
    DUOLOGUE_EVENT_STATUS = 0,
    /// Who is audible changed: `mode`.
    DUOLOGUE_EVENT_MODE = 1,
    /// Somebody started to speak: `speech`.
    DUOLOGUE_EVENT_SPEECH_STARTED = 2,
    /// Somebody stopped: `speech`.
    DUOLOGUE_EVENT_SPEECH_STOPPED = 3,
    /// The first sample of the item left the speaker: `playback`.
    DUOLOGUE_EVENT_PLAYBACK_STARTED = 4,
    /// The item will not be heard further: `playback`.
    DUOLOGUE_EVENT_PLAYBACK_FINISHED = 5,
    /// The model finished writing: `response_end`.
    DUOLOGUE_EVENT_GENERATION_DONE = 6,
    /// The response is generated, and played or cut: `response_end`. After a response that called tools another
    /// one follows with the answer, and with a turn_done of its own.
    DUOLOGUE_EVENT_TURN_DONE = 7,
    /// The assistant was cut off: `interrupted`.
    DUOLOGUE_EVENT_INTERRUPTED = 8,
    /// The conversation changed: `message`.
    DUOLOGUE_EVENT_MESSAGE = 9,
    /// Words, as they come: `transcript`.
    DUOLOGUE_EVENT_TRANSCRIPT = 10,
    /// Assistant audio to play: `audio`.
    DUOLOGUE_EVENT_AUDIO = 11,
    /// Loudness: `audio_level`.
    DUOLOGUE_EVENT_AUDIO_LEVEL = 12,
    /// The model calls a host function: `tool_call`.
    DUOLOGUE_EVENT_TOOL_CALL = 13,
    /// Nobody waits for a call's answer any more, because the connection ended: `tool_end`.
    DUOLOGUE_EVENT_TOOL_CANCELLED = 14,
    /// A call was answered for the host because it took too long: `tool_end`.
    DUOLOGUE_EVENT_TOOL_TIMEOUT = 15,
    /// The host must provide a credential: `credential_needed`. To be answered before its deadline.
    DUOLOGUE_EVENT_CREDENTIAL_NEEDED = 16,
    /// A command ended: `completed`.
    DUOLOGUE_EVENT_COMPLETED = 17,
    /// The vendor acknowledged the configuration: `session`.
    DUOLOGUE_EVENT_SESSION_CONFIGURED = 18,
    /// What the session can do changed: `session`.
    DUOLOGUE_EVENT_CAPABILITY_CHANGED = 19,
    /// The conversation continues on another vendor session: `session_replaced`.
    DUOLOGUE_EVENT_SESSION_REPLACED = 20,
    /// The conversation continues on another transport: `transport_changed`.
    DUOLOGUE_EVENT_TRANSPORT_CHANGED = 21,
    /// Tokens used: `usage`.
    DUOLOGUE_EVENT_USAGE = 22,
    /// How long a turn took: `latency`.
    DUOLOGUE_EVENT_LATENCY = 23,
    /// An audio device came, went or changed: `device`.
    DUOLOGUE_EVENT_DEVICE = 24,
    /// Something a developer should see: `error`.
    DUOLOGUE_EVENT_WARNING = 25,
    /// A failure: `error`.
    DUOLOGUE_EVENT_ERROR = 26,
    /// A vendor event as it came: `raw`.
    DUOLOGUE_EVENT_RAW = 27,
    /// The host was too slow and events were dropped: `lagged`.
    DUOLOGUE_EVENT_LAGGED = 28,
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_status {
    /// Not connected.
    DUOLOGUE_STATUS_IDLE = 0,
    /// On the way; duologue_client_disconnect() cancels.
    DUOLOGUE_STATUS_CONNECTING = 1,
    /// Configured and ready.
    DUOLOGUE_STATUS_CONNECTED = 2,
    /// Lost, coming back.
    DUOLOGUE_STATUS_RECONNECTING = 3,
    /// Over for this run; the next connect starts afresh.
    DUOLOGUE_STATUS_ERROR = 4,
}

/// Step of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_phase {
    /// Not connecting.
    DUOLOGUE_PHASE_NONE = 0,
    /// Waiting for a credential.
    DUOLOGUE_PHASE_CREDENTIAL = 1,
    /// Name look-up, TCP, TLS, upgrade.
    DUOLOGUE_PHASE_DIAL = 2,
    /// WebRTC only.
    DUOLOGUE_PHASE_ICE = 3,
    /// WebRTC only.
    DUOLOGUE_PHASE_DTLS = 4,
    /// Waiting for the vendor to acknowledge the session.
    DUOLOGUE_PHASE_CONFIGURE = 5,
}

/// Who ended the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_ended_by {
    /// Nobody: never connected, or not idle.
    DUOLOGUE_ENDED_BY_NONE = 0,
    /// The host called disconnect.
    DUOLOGUE_ENDED_BY_USER = 1,
    /// The vendor closed normally.
    DUOLOGUE_ENDED_BY_AGENT = 2,
    /// The network.
    DUOLOGUE_ENDED_BY_NETWORK = 3,
    /// An error.
    DUOLOGUE_ENDED_BY_ERROR = 4,
    /// A session limit.
    DUOLOGUE_ENDED_BY_LIMIT = 5,
}

/// One word for a user interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_mode {
    /// Not capturing.
    DUOLOGUE_MODE_IDLE = 0,
    /// Capturing.
    DUOLOGUE_MODE_LISTENING = 1,
    /// The agent works on an answer.
    DUOLOGUE_MODE_THINKING = 2,
    /// The agent is audible.
    DUOLOGUE_MODE_SPEAKING = 3,
}

/// What the agent does, by what is audible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_agent {
    /// Nothing under way.
    DUOLOGUE_AGENT_IDLE = 0,
    /// A response is under way and not audible.
    DUOLOGUE_AGENT_THINKING = 1,
    /// Audible.
    DUOLOGUE_AGENT_SPEAKING = 2,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_role {
    /// The person.
    DUOLOGUE_ROLE_USER = 0,
    /// The model.
    DUOLOGUE_ROLE_ASSISTANT = 1,
    /// Instructions placed into the conversation.
    DUOLOGUE_ROLE_SYSTEM = 2,
}

/// Who heard that somebody speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_speech_source {
    /// The vendor's voice activity detection.
    DUOLOGUE_SPEECH_SOURCE_SERVER = 0,
    /// Duologue's.
    DUOLOGUE_SPEECH_SOURCE_LOCAL = 1,
}

/// What cut the assistant off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_interrupt_source {
    /// The person spoke.
    DUOLOGUE_INTERRUPT_SOURCE_USER = 0,
    /// The host called for it.
    DUOLOGUE_INTERRUPT_SOURCE_CALL = 1,
    /// The vendor did.
    DUOLOGUE_INTERRUPT_SOURCE_SERVER = 2,
}

/// Kind of change to the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_message_op {
    /// New.
    DUOLOGUE_MESSAGE_OP_ADDED = 0,
    /// Changed.
    DUOLOGUE_MESSAGE_OP_UPDATED = 1,
    /// Gone.
    DUOLOGUE_MESSAGE_OP_REMOVED = 2,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_message_state {
    /// Content may still change.
    DUOLOGUE_MESSAGE_STATE_IN_PROGRESS = 0,
    /// The vendor declared it complete.
    DUOLOGUE_MESSAGE_STATE_COMPLETED = 1,
    /// Cut short: cancelled, interrupted or failed.
    DUOLOGUE_MESSAGE_STATE_INCOMPLETE = 2,
}

/// Kind of a part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_part_type {
    /// Typed or written text.
    DUOLOGUE_PART_TYPE_TEXT = 0,
    /// Speech.
    DUOLOGUE_PART_TYPE_AUDIO = 1,
    /// A call of a host function.
    DUOLOGUE_PART_TYPE_TOOL_CALL = 2,
    /// The answer to one.
    DUOLOGUE_PART_TYPE_TOOL_RESULT = 3,
    /// A picture.
    DUOLOGUE_PART_TYPE_IMAGE = 4,
}

/// Life of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_tool_call_state {
    /// The model is still writing the arguments.
    DUOLOGUE_TOOL_CALL_STATE_PENDING = 0,
    /// Handed to the host.
    DUOLOGUE_TOOL_CALL_STATE_RUNNING = 1,
    /// Answered with a result.
    DUOLOGUE_TOOL_CALL_STATE_COMPLETED = 2,
    /// Answered with an error.
    DUOLOGUE_TOOL_CALL_STATE_FAILED = 3,
    /// Never ran: the response was cut short.
    DUOLOGUE_TOOL_CALL_STATE_CANCELLED = 4,
}

/// How a transcript text is to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_transcript_mode {
    /// Append.
    DUOLOGUE_TRANSCRIPT_MODE_DELTA = 0,
    /// Replaces what is pending.
    DUOLOGUE_TRANSCRIPT_MODE_REPLACE = 1,
    /// The whole text, done.
    DUOLOGUE_TRANSCRIPT_MODE_FINAL = 2,
    /// Replaces a final text.
    DUOLOGUE_TRANSCRIPT_MODE_CORRECTION = 3,
}

/// What a transcript is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_transcript_stage {
    /// What the user was understood to say.
    DUOLOGUE_TRANSCRIPT_STAGE_RECOGNIZED = 0,
    /// What the model generated.
    DUOLOGUE_TRANSCRIPT_STAGE_GENERATED = 1,
    /// What was played of it: comes after an interruption, before or after the final text that was generated.
    /// A text on screen shall keep this one.
    DUOLOGUE_TRANSCRIPT_STAGE_HEARD = 2,
}

/// Which way audio flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_direction {
    /// From the microphone / to the vendor.
    DUOLOGUE_DIRECTION_INPUT = 0,
    /// To the speaker / from the vendor.
    DUOLOGUE_DIRECTION_OUTPUT = 1,
}

/// What a usage figure covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_usage_scope {
    /// One response.
    DUOLOGUE_USAGE_SCOPE_RESPONSE = 0,
    /// The session so far.
    DUOLOGUE_USAGE_SCOPE_SESSION = 1,
}

/// Family of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_error_class {
    /// A value that can never be right.
    DUOLOGUE_ERROR_CLASS_ARGUMENT = 0,
    /// The configuration is wrong.
    DUOLOGUE_ERROR_CLASS_CONFIG = 1,
    /// The provider, model or build cannot do this.
    DUOLOGUE_ERROR_CLASS_UNSUPPORTED = 2,
    /// Right, but not now.
    DUOLOGUE_ERROR_CLASS_STATE = 3,
    /// A credential is missing, expired or refused.
    DUOLOGUE_ERROR_CLASS_CREDENTIAL = 4,
    /// The network or the peer's transport failed.
    DUOLOGUE_ERROR_CLASS_NETWORK = 5,
    /// The peer's certificate or the TLS handshake was refused.
    DUOLOGUE_ERROR_CLASS_TLS = 6,
    /// The peer broke the protocol, or duologue did.
    DUOLOGUE_ERROR_CLASS_PROTOCOL = 7,
    /// The vendor reported a failure of its own.
    DUOLOGUE_ERROR_CLASS_PROVIDER = 8,
    /// Billing or rate limits of the account.
    DUOLOGUE_ERROR_CLASS_QUOTA = 9,
    /// A documented bound was exceeded.
    DUOLOGUE_ERROR_CLASS_LIMIT = 10,
    /// An audio device failed.
    DUOLOGUE_ERROR_CLASS_DEVICE = 11,
    /// The operating system denied access.
    DUOLOGUE_ERROR_CLASS_PERMISSION = 12,
    /// A tool failed, timed out or does not exist.
    DUOLOGUE_ERROR_CLASS_TOOL = 13,
    /// Host code is too slow or misbehaved.
    DUOLOGUE_ERROR_CLASS_HOST = 14,
    /// A bug in duologue.
    DUOLOGUE_ERROR_CLASS_INTERNAL = 15,
}
