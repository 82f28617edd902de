//! How a conversation ends: an error event where the service sends one, then a close frame that says why.

use serde_json::{Value, json};

/// What a close frame has room for beside its code.
const LONGEST: usize = 123;

/// The errors of the service, and the code that each of them closes with.
const ERRORS: &[(u16, &[&str])] = &[
    (1000, &["max_duration_exceeded"]),
    (
        1002,
        &[
            "safety_violation",
            "llm_timeout",
            "transport_receive_timeout",
            "asyncio_timeout",
            "http_exception",
            "llm_error",
            "custom_llm_error",
            "cascade_brain_error",
            "asr_transcription_error",
            "vad_error",
            "turn_probability_error",
            "tts_cascade_error",
            "redis_timeout_error",
        ],
    ),
    (
        1008,
        &[
            "invalid_message",
            "telephony_agent_error",
            "mcp_tool_error",
            "mcp_https_error",
            "value_error",
            "missing_fields",
            "override_error",
            "missing_dynamic_variable",
            "missing_dynamic_variable_transfer",
        ],
    ),
    (1011, &["unknown_websocket_crash"]),
];

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) reason: String,
    /// What is sent before.
    pub(super) error: Option<Value>,
}

impl Closing {
    /// A close frame and nothing else.
    pub(super) fn with(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        let mut end = reason.len().min(LONGEST);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        Self { code, reason, error: None }
    }

    /// An error of this type, and the close that goes with it.
    pub(super) fn error(kind: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let error = error_event(kind, &message);
        Self { error: Some(error), ..Self::with(code_of(kind), message) }
    }

    /// What was sent makes no sense, or not now.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::error("invalid_message", message)
    }

    /// A field of this message has a value that it cannot have.
    pub(super) fn value(path: &str, wanted: &str) -> Self {
        Self::error("value_error", format!("{path}: expected {wanted}"))
    }

    pub(super) fn missing(path: &str) -> Self {
        Self::error("missing_fields", format!("{path}: field required"))
    }

    /// The conversation has lasted as long as one may.
    pub(super) fn too_long() -> Self {
        Self::error("max_duration_exceeded", "Max conversation duration exceeded")
    }
}

/// Whether this is the type of an error.
pub(super) fn is_error(kind: &str) -> bool {
    ERRORS.iter().any(|(_, kinds)| kinds.contains(&kind))
}

fn code_of(kind: &str) -> u16 {
    // What nobody knows is a crash.
    ERRORS.iter().find(|(_, kinds)| kinds.contains(&kind)).map_or(1011, |(code, _)| *code)
}

/// The `error` event. A type that the service does not have goes into the message, since its types are a closed list.
pub(in crate::simulator) fn error_event(kind: &str, message: &str) -> Value {
    let (name, message) = match is_error(kind) {
        true => (kind, message.to_owned()),
        false => ("unknown", format!("{kind}: {message}")),
    };
    json!({"type": "error", "error_event": {"code": code_of(kind), "error_type": name, "message": message}})
}

/// The end of a conversation that has lasted too long: the error, and the close.
pub(in crate::simulator) fn lived_out() -> (Value, u16, String) {
    let closing = Closing::too_long();
    (closing.error.unwrap_or_default(), closing.code, closing.reason)
}
