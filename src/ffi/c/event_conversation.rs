//! Events about speech, words, messages and tool calls.

use super::{
    event::{duologue_event, duologue_text},
    event_enums::*,
};

/// Both speakers.
#[repr(C)]
pub struct duologue_mode_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Derived from the two below.
    pub mode: duologue_mode,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// 1 while the person is speaking.
    pub user_speaking: i32,
    /// The agent.
    pub agent: duologue_agent,
}

/// A start or stop of the user's speech (envelope->kind tells which).
#[repr(C)]
pub struct duologue_speech_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Who speaks: always the user today.
    pub who: duologue_role,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Position in the audio sent in this session, milliseconds.
    pub audio_ms: u64,
    /// Who heard it.
    pub source: duologue_speech_source,
}

/// First or last sample of an item (envelope->kind tells which; the item is in the envelope).
#[repr(C)]
pub struct duologue_playback_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Content index.
    pub part: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Finished: milliseconds really played.
    pub heard_ms: u64,
    /// Finished: 1 when all that was received was played.
    pub complete: i32,
    /// Finished: 1 when heard_ms is counted by a clock or by pulls, not reported by who played it.
    pub estimated: i32,
}

/// End of generation, or of a whole turn (envelope->kind tells which).
#[repr(C)]
pub struct duologue_response_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// `completed`, `cancelled`, `failed`, `incomplete`, or what a vendor adds.
    pub status: duologue_text,
    /// The vendor's reason, for example `turn_detected`.
    pub reason: duologue_text,
}

/// The assistant was cut off; the item is in the envelope. Throw away what you have not played.
#[repr(C)]
pub struct duologue_interrupted_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// What did it.
    pub source: duologue_interrupt_source,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Milliseconds of the item really played.
    pub heard_ms: u64,
    /// 1 when the vendor cuts its own copy, 0 when it is told where.
    pub server_truncated: i32,
    /// 1 when heard_ms is counted by a clock or by pulls, not reported by who played it.
    pub estimated: i32,
}

/// A piece of a message. Which fields are set depends on the type.
#[repr(C)]
pub struct duologue_part {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Content index: its place in the message.
    pub index: u32,
    /// Kind.
    pub part_type: duologue_part_type,
    /// Tool call: how far it is.
    pub tool_state: duologue_tool_call_state,
    /// Tool result: 1 when the tool failed.
    pub is_error: i32,
    /// Always 0.
    pub reserved: i32,
    /// Text: the text. Audio: what was said or generated. Tool result: the result.
    pub text: duologue_text,
    /// Audio of the assistant: the words really played; data is NULL until known.
    pub heard_text: duologue_text,
    /// Audio: milliseconds received (assistant) or spoken (user).
    pub duration_ms: u64,
    /// Audio of the assistant: milliseconds really played.
    pub heard_ms: u64,
    /// Tool call and tool result: id of the call.
    pub call_id: duologue_text,
    /// Tool call: function name.
    pub name: duologue_text,
    /// Tool call: arguments as the model wrote them, JSON text.
    pub arguments: duologue_text,
    /// Tool call: what the model was answered.
    pub output: duologue_text,
    /// Image: for example `image/png`.
    pub mime_type: duologue_text,
    /// Image: base64 of the encoded picture; either this or url.
    pub data: duologue_text,
    /// Image: where it is.
    pub url: duologue_text,
}

/// A change to the conversation. When updated, `parts` has only the parts that changed.
#[repr(C)]
pub struct duologue_message_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Kind of change.
    pub op: duologue_message_op,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// The message.
    pub id: duologue_text,
    /// The message before this one; data is NULL when it is the first.
    pub after: duologue_text,
    /// Who said it.
    pub role: duologue_role,
    /// How far it is.
    pub state: duologue_message_state,
    /// Grows with every change, 1 for a new message.
    pub revision: u64,
    /// Start of speech or time of sending, on the clock of the events.
    pub created_ms: u64,
    /// 1 when the assistant was cut off while this was audible or pending.
    pub interrupted: i32,
    /// Always 0.
    pub reserved: i32,
    /// The parts, each with its index.
    pub parts: *const *const duologue_part,
    /// How many.
    pub part_count: usize,
}

/// Words of the item in the envelope.
#[repr(C)]
pub struct duologue_transcript_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Who.
    pub role: duologue_role,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// The words.
    pub text: duologue_text,
    /// How to apply them.
    pub mode: duologue_transcript_mode,
    /// What they are.
    pub stage: duologue_transcript_stage,
    /// Content index.
    pub part: u32,
    /// 1 when duologue computed them from positions.
    pub estimated: i32,
    /// 1 when error_words is known: heard words that had to be estimated from the text.
    pub has_error_words: i32,
    /// How many words too many or too few these may be, in 95 of 100 cases.
    pub error_words: u32,
}

/// Assistant audio to play; the item is in the envelope. It comes faster than real time.
#[repr(C)]
pub struct duologue_audio_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Frames a second.
    pub rate: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Mono samples, native endian.
    pub samples: *const i16,
    /// How many.
    pub frame_count: usize,
    /// Content index.
    pub part: u32,
}

/// Loudness on the scale -60..0 dBFS, as 0..1; at most ten a second and direction.
#[repr(C)]
pub struct duologue_audio_level_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Which way.
    pub direction: duologue_direction,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Of the signal's power.
    pub rms: f32,
    /// Of its largest sample.
    pub peak: f32,
}

/// A call of a host function: answer it with duologue_client_submit_tool_result().
#[repr(C)]
pub struct duologue_tool_call_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Number of the connection it came on; answer with it.
    pub epoch: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Id of the call; answer with it.
    pub call_id: duologue_text,
    /// Function name.
    pub name: duologue_text,
    /// Arguments as the model wrote them, JSON text; they fit the function's schema.
    pub arguments: duologue_text,
}

/// A call that ended without the host (envelope->kind tells why).
#[repr(C)]
pub struct duologue_tool_end_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Number of the connection it came on.
    pub epoch: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Id of the call.
    pub call_id: duologue_text,
    /// Function name.
    pub name: duologue_text,
}
