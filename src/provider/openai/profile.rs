//! The one place where hosts that speak the OpenAI Realtime dialect differ.

use super::catalogue::{AZURE, Catalogue, NEWEST, OPEN, OPENAI, XAI};

/// What is particular to one host of the dialect.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Name in the configuration.
    pub provider: &'static str,
    /// Base URL when none is configured; absent: one has to be.
    pub base_url: Option<&'static str>,
    /// What a base URL of this host looks like.
    pub base_url_example: &'static str,
    /// Path below the base URL; what of it the base URL has already is not repeated.
    pub path: &'static str,
    /// Query parameter that carries the model.
    pub model_query: &'static str,
    /// Model when none is configured (protocols reference §12.3).
    pub model: Option<&'static str>,
    /// One has to be configured where there is no default.
    pub model_required: bool,
    /// Voice when none is configured; the server's own default is not reliable, so one is sent where one is known.
    pub voice: Option<&'static str>,
    /// Transcription model in place of the configuration's default, which is OpenAI's.
    pub transcriber: Option<&'static str>,
    /// The PCM rate that is asked for (reference §2, `audio.input.format`).
    pub rate: u32,
    /// Subprotocol that selects the API.
    pub subprotocol: Option<&'static str>,
    /// Prefix of the subprotocol that carries the key.
    pub key_subprotocol: &'static str,
    /// Header for API keys, where it is not `Authorization`.
    pub key_header: Option<&'static str>,
    /// Calls over WebRTC are answered.
    pub calls: bool,
    /// Longest session in seconds (reference §9.1).
    pub max_session_s: Option<u64>,
    /// What is known of its models and voices.
    pub catalogue: &'static Catalogue,
    /// It speaks as xAI does (its reference §11): `voice` and `turn_detection` at the top of the session, cumulative
    /// transcripts, `force_message`, no written answers, no pictures, no truncation, one kind of detection.
    pub grok: bool,
}

/// The only PCM rate of the dialect.
pub const PCM_RATE: u32 = 24_000;

const OPENAI_PROFILE: Profile = Profile {
    provider: "openai",
    base_url: Some("https://api.openai.com/v1"),
    base_url_example: "https://api.openai.com/v1",
    path: "realtime",
    model_query: "model",
    model: Some(NEWEST),
    model_required: false,
    voice: Some("marin"),
    transcriber: None,
    rate: PCM_RATE,
    subprotocol: Some("realtime"),
    key_subprotocol: "openai-insecure-api-key.",
    key_header: None,
    calls: true,
    max_session_s: Some(3600),
    catalogue: &OPENAI,
    grok: false,
};

/// Every host by name.
pub const PROFILES: [Profile; 4] = [
    OPENAI_PROFILE,
    Profile {
        provider: "xai",
        base_url: Some("https://api.x.ai/v1"),
        base_url_example: "https://api.x.ai/v1",
        model: Some("grok-voice-latest"),
        voice: Some("eve"),
        transcriber: Some("grok-transcribe"),
        subprotocol: None,
        key_subprotocol: "xai-client-secret.",
        calls: false,
        max_session_s: None,
        catalogue: &XAI,
        grok: true,
        ..OPENAI_PROFILE
    },
    Profile {
        provider: "azure",
        base_url: None,
        base_url_example: "https://RESOURCE.openai.azure.com",
        path: "openai/v1/realtime",
        // The name of a deployment, which only its owner knows.
        model: None,
        model_required: true,
        key_header: Some("api-key"),
        // Calls take ephemeral tokens only, of which nothing is built yet.
        calls: false,
        catalogue: &AZURE,
        ..OPENAI_PROFILE
    },
    Profile {
        provider: "compatible",
        base_url: None,
        base_url_example: "https://voice.example/v1",
        model: None,
        voice: None,
        max_session_s: None,
        catalogue: &OPEN,
        ..OPENAI_PROFILE
    },
];

/// The host of that name.
pub fn find(provider: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.provider == provider)
}

/// Codes that mean "nothing to do", not "something is wrong" (reference §9.2).
pub const BENIGN: [&str; 2] = ["response_cancel_not_active", "input_audio_buffer_commit_empty"];

/// The same in words, where hosts have codes of their own (xAI reference §4).
pub const BENIGN_TEXT: &str = "no active response";

/// A response is already running, in words.
pub const ALREADY_ACTIVE_TEXT: &str = "already has an active response";

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

/// The type of the same error at xAI (its reference §5).
pub const MAX_DURATION: &str = "max_duration";

/// The code of a response that is already running.
pub const ALREADY_ACTIVE: &str = "conversation_already_has_active_response";

/// Events of xAI that ask for nothing: signs of life, second names of what came already (its reference §5).
pub const IGNORED: [&str; 4] =
    ["ping", "response.text.delta", "response.text.done", "input_audio_transcription.completed"];

/// Names of functions a native tool of xAI takes (its reference §3).
pub const RESERVED: [(&str, &[&str]); 3] = [
    ("web_search", &["web_search", "browse_page"]),
    ("x_search", &["x_keyword_search", "x_semantic_search", "x_user_search", "x_thread_fetch"]),
    ("file_search", &["collections_search", "file_search"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_can_be_configured() {
        let names: Vec<_> = PROFILES.iter().map(|p| p.provider).collect();
        // The others have protocols of their own.
        let own = ["gemini", "elevenlabs"];
        let hosts: Vec<_> = crate::config::PROVIDERS.into_iter().filter(|name| !own.contains(name)).collect();
        assert_eq!(names, hosts);
    }
}
