//! Events about the connection, commands, figures and the vendor's traffic.

use super::{
    event::{duologue_event, duologue_text},
    event_enums::*,
    result::duologue_result,
};

/// What went wrong: words for a person, codes for a program. As an event of its own it is a warning or
/// an error (envelope->kind tells which); it also stands in status and completed events.
#[repr(C)]
pub struct duologue_error_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Its number.
    pub result: duologue_result,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Family.
    pub error_class: duologue_error_class,
    /// 1 when the session cannot go on.
    pub fatal: i32,
    /// 1 when the same call may succeed later without a change.
    pub retryable: i32,
    /// Always 0.
    pub reserved: i32,
    /// Stable word, for example `connect_failed`.
    pub code: duologue_text,
    /// One sentence for a person. Never contains a secret.
    pub message: duologue_text,
    /// JSON path or parameter it is about.
    pub field: duologue_text,
    /// What to do about it.
    pub fix: duologue_text,
    /// The vendor's own code.
    pub provider_code: duologue_text,
    /// How long the service asks to be left alone, milliseconds; 0 when it does not.
    pub retry_after_ms: u64,
}

/// The connection.
#[repr(C)]
pub struct duologue_status_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Where it is.
    pub status: duologue_status,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Connecting and reconnecting: the step.
    pub phase: duologue_phase,
    /// Idle: who ended the last run.
    pub ended_by: duologue_ended_by,
    /// Idle: stable word for how the last run ended, for example `remote_closed`.
    pub ended_code: duologue_text,
    /// Idle: how the last run ended. Reconnecting: why. For a person.
    pub detail: duologue_text,
    /// Reconnecting: number of the attempt, from 1.
    pub attempt: u32,
    /// Always 0.
    pub reserved: u32,
    /// Reconnecting: milliseconds until the next dial.
    pub retry_in_ms: u64,
    /// Error: why; otherwise NULL.
    pub error: *const duologue_error_event,
}

/// A request for a credential: answer with duologue_client_answer_credential(), or refuse it.
#[repr(C)]
pub struct duologue_credential_needed_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Answer with this.
    pub request_id: u64,
    /// Until when, on the clock of the events.
    pub deadline_ms: u64,
    /// `connect`: for a dial. `reconnect`: for the dial after a lost connection. `rollover`: for the next session,
    /// opened before this one ends. `rejected`: the service refused the last one. `refresh`: it expires soon.
    pub reason: duologue_text,
}

/// How a command ended. For a response that was asked for, envelope->response names it.
#[repr(C)]
pub struct duologue_completed_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// DUOLOGUE_OK, or the error's number.
    pub result: duologue_result,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// The command's number, as out_op gave it.
    pub op: u64,
    /// What went wrong; NULL when it worked.
    pub error: *const duologue_error_event,
    /// Of duologue_client_ping(): there and back, microseconds; otherwise 0.
    pub round_trip_us: u64,
}

/// The session in force (configured), or what it can do changed.
#[repr(C)]
pub struct duologue_session_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// The vendor's session object as it came, JSON.
    pub effective_json: duologue_text,
    /// Where it differs from the wish: JSON list of {path, wished, effective}.
    pub differences_json: duologue_text,
}

/// The conversation continues on another vendor session.
#[repr(C)]
pub struct duologue_session_replaced_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// `reconnect`: the connection was lost. `rollover`: the vendor was about to end its session, or has.
    /// `connect`: the client connected again, or with an imported conversation. `reconfigure`.
    pub why: duologue_text,
    /// How much of the conversation it was told: `full`, `partial` or `none`.
    pub context: duologue_text,
    /// Microphone audio lost, milliseconds.
    pub gap_ms: u64,
}

/// The conversation continues on another transport.
#[repr(C)]
pub struct duologue_transport_changed_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Before.
    pub from: duologue_text,
    /// After.
    pub to: duologue_text,
    /// Why.
    pub why: duologue_text,
}

/// Tokens used.
#[repr(C)]
pub struct duologue_usage_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// What it covers.
    pub scope: duologue_usage_scope,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// 1 when later figures include this one.
    pub cumulative: i32,
    /// 1 when cost is known.
    pub has_cost: i32,
    /// In US dollars.
    pub cost: f64,
    /// Read by the model: all tokens.
    pub input_total: u64,
    /// Of them text.
    pub input_text: u64,
    /// Of them audio.
    pub input_audio: u64,
    /// Of them pictures.
    pub input_image: u64,
    /// Of them read from the vendor's cache.
    pub input_cached: u64,
    /// Written by the model: all tokens.
    pub output_total: u64,
    /// Of them text.
    pub output_text: u64,
    /// Of them audio.
    pub output_audio: u64,
    /// Time the vendor bills, milliseconds; 0 where it bills by tokens.
    pub billed_ms: u64,
}

/// One turn, from the last voiced sample (or sending text) to the first one played.
#[repr(C)]
pub struct duologue_latency_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Last voiced sample until the vendor said the turn ended, milliseconds.
    pub endpointing_ms: u64,
    /// From there to the first audio or text received.
    pub service_ms: u64,
    /// From there to the first sample played.
    pub buffer_ms: u64,
    /// Their sum.
    pub total_ms: u64,
}

/// An audio device came, went or changed.
#[repr(C)]
pub struct duologue_device_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// 1 when the microphone is closed while the agent is audible.
    pub half_duplex: i32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// `added`, `removed`, `changed`, `lost`, `denied` or `silent`.
    pub change: duologue_text,
    /// Which device.
    pub device: duologue_text,
}

/// A vendor event as it came (`raw_events` in the configuration).
#[repr(C)]
pub struct duologue_raw_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Input: sent to the vendor; output: received.
    pub direction: duologue_direction,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// JSON text.
    pub json: duologue_text,
}

/// How many events were dropped because the host was slow.
#[repr(C)]
pub struct duologue_lagged_event {
    /// Bytes of this struct.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// The event this is part of.
    pub envelope: *const duologue_event,
    /// Level events.
    pub levels: u64,
    /// Raw events.
    pub raw: u64,
    /// Usage and latency events replaced by newer ones.
    pub figures: u64,
    /// Transcript deltas merged into one.
    pub merged: u64,
    /// Audio events.
    pub audio: u64,
}
