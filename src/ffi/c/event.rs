//! An event and its envelope.

use super::{event_conversation::*, event_enums::*, event_service::*};
use std::ffi::c_char;

/// Text inside an event: UTF-8, NUL-terminated, with its length. data is NULL when there is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duologue_text {
    /// The text, or NULL.
    pub data: *const c_char,
    /// Bytes without the terminator. Text of a vendor may contain a NUL: the length is right.
    pub length: usize,
}

/// What the host calls a client: one of the `labels` of its configuration.
#[repr(C)]
pub struct duologue_label {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// For example `tenant`.
    pub key: duologue_text,
    /// For example `7`.
    pub value: duologue_text,
}

/// Something that happened. Exactly one of the family pointers is not NULL: the one `kind` names; an
/// event of a newer version may have none that this header knows. Everything it points to lives as long
/// as the event: until the callback returns, or until duologue_event_free().
#[repr(C)]
pub struct duologue_event {
    /// Bytes of this struct in the library that made it: look before reading fields added later.
    pub struct_size: u32,
    /// What happened.
    pub kind: duologue_event_kind,
    /// Consecutive number within the client, from 1.
    pub seq: u64,
    /// Milliseconds since the client was made, monotonic.
    pub time_ms: u64,
    /// Number of the user's turn it belongs to, from 1; 0 for none.
    pub turn: u64,
    /// Number of the connection, from 1; 0 before the first.
    pub epoch: u32,
    /// 1 when the vendor did not say it and duologue concluded it.
    pub inferred: i32,
    /// The response it belongs to.
    pub response: duologue_text,
    /// The conversation item it belongs to, which is also the id of its message.
    pub item: duologue_text,
    /// The connection.
    pub status: *const duologue_status_event,
    /// Both speakers.
    pub mode: *const duologue_mode_event,
    /// Speech of the user.
    pub speech: *const duologue_speech_event,
    /// Playing of an item.
    pub playback: *const duologue_playback_event,
    /// End of a response.
    pub response_end: *const duologue_response_event,
    /// The assistant was cut off.
    pub interrupted: *const duologue_interrupted_event,
    /// A change to the conversation.
    pub message: *const duologue_message_event,
    /// Words.
    pub transcript: *const duologue_transcript_event,
    /// Assistant audio.
    pub audio: *const duologue_audio_event,
    /// Loudness.
    pub audio_level: *const duologue_audio_level_event,
    /// A call of a host function.
    pub tool_call: *const duologue_tool_call_event,
    /// A call that ended without the host.
    pub tool_end: *const duologue_tool_end_event,
    /// A request for a credential.
    pub credential_needed: *const duologue_credential_needed_event,
    /// End of a command.
    pub completed: *const duologue_completed_event,
    /// The session in force.
    pub session: *const duologue_session_event,
    /// Another vendor session.
    pub session_replaced: *const duologue_session_replaced_event,
    /// Another transport.
    pub transport_changed: *const duologue_transport_changed_event,
    /// Tokens used.
    pub usage: *const duologue_usage_event,
    /// How long a turn took.
    pub latency: *const duologue_latency_event,
    /// A device.
    pub device: *const duologue_device_event,
    /// A warning or a failure.
    pub error: *const duologue_error_event,
    /// A vendor event.
    pub raw: *const duologue_raw_event,
    /// Events that were dropped.
    pub lagged: *const duologue_lagged_event,
    /// The client's labels (`labels` in the configuration), by key; pointers, because labels may grow in later
    /// versions. NULL when it has none.
    pub labels: *const *const duologue_label,
    /// How many.
    pub label_count: usize,
}
