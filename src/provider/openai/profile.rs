//! The one place where hosts that speak the OpenAI Realtime dialect differ.

/// What is particular to one host of the dialect.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Name in the configuration.
    pub provider: &'static str,
    /// Base URL when none is configured.
    pub base_url: &'static str,
    /// Path below the base URL.
    pub path: &'static str,
    /// Query parameter that carries the model.
    pub model_query: &'static str,
    /// Model when none is configured (protocols reference §12.3).
    pub model: &'static str,
    /// Voice when none is configured; the server's own default is not reliable, so one is always sent.
    pub voice: &'static str,
    /// The only PCM rate of the WebSocket (reference §2, `audio.input.format`).
    pub rate: u32,
    /// Subprotocol that selects the API.
    pub subprotocol: &'static str,
    /// Prefix of the subprotocol that carries the key.
    pub key_subprotocol: &'static str,
    /// Longest session in seconds (reference §9.1).
    pub max_session_s: u64,
}

/// The only PCM rate of the dialect.
pub const PCM_RATE: u32 = 24_000;

/// Every host by name.
pub const PROFILES: [Profile; 1] = [Profile {
    provider: "openai",
    base_url: "https://api.openai.com/v1",
    path: "realtime",
    model_query: "model",
    model: "gpt-realtime-2.1",
    voice: "marin",
    rate: PCM_RATE,
    subprotocol: "realtime",
    key_subprotocol: "openai-insecure-api-key.",
    max_session_s: 3600,
}];

/// Codes that mean "nothing to do", not "something is wrong" (reference §9.2).
pub const BENIGN: [&str; 2] = ["response_cancel_not_active", "input_audio_buffer_commit_empty"];

/// Codes after which going on is useless (reference §9.2).
pub const FATAL: [&str; 8] = [
    "insufficient_quota",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
    "invalid_model",
    "model_not_found",
    "beta_api_shape_disabled",
    "permission_denied",
];

/// The code of a session that has lasted as long as it may (reference §6.13).
pub const SESSION_OVER: &str = "session_expired";

/// The code of a response that is already running.
pub const ALREADY_ACTIVE: &str = "conversation_already_has_active_response";
