//! What is known of providers, models and voices without asking anybody.

use super::{
    elevenlabs, gemini,
    openai::profile::{PROFILES, Profile},
};
use serde_json::{Value, json};

/// The environment variables that may hold a key of the provider, the first that is set counts: those the vendors' own
/// libraries read. A key of one vendor is never sent to another.
pub fn key_variables(provider: &str) -> &'static [&'static str] {
    match provider {
        "openai" => &["OPENAI_API_KEY"],
        "gemini" => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        "xai" => &["XAI_API_KEY"],
        "azure" => &["AZURE_OPENAI_API_KEY"],
        "elevenlabs" => &["ELEVENLABS_API_KEY"],
        "compatible" => &["DUOLOGUE_API_KEY"],
        _ => &[],
    }
}

/// Nobody is talked to without a credential. False: some agents of the provider are public.
pub fn needs_key(provider: &str) -> bool {
    provider != "elevenlabs"
}

/// What a provider has when nobody says otherwise.
#[cfg(feature = "serve")]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Defaults {
    /// Its model. Absent: one has to be named.
    pub model: Option<&'static str>,
    /// Its voice. Absent: one of its own that is not named.
    pub voice: Option<&'static str>,
    /// It answers calls over WebRTC, whatever this build can.
    pub calls: bool,
}

/// See [`Defaults`].
#[cfg(feature = "serve")]
pub(crate) fn defaults(provider: &str) -> Defaults {
    if provider == "gemini" {
        return Defaults { model: Some(gemini::models::NEWEST), voice: None, calls: false };
    }
    let of = |profile: &Profile| Defaults { model: profile.model, voice: profile.voice, calls: profile.calls };
    super::openai::profile::find(provider).map(of).unwrap_or_default()
}

/// Every provider with its defaults, its models (and until when they live, with their successors), its
/// transcription models and its voices. A JSON object, the same in every language: what is in it may grow.
pub fn catalogue() -> Value {
    let provider = |profile: &Profile| {
        let transcriber = profile.transcriber.map_or_else(|| crate::config::Transcription::default().model, Into::into);
        json!({
            "name": profile.provider,
            "base_url": profile.base_url,
            "model_required": profile.model_required,
            "default_model": profile.model,
            "default_voice": profile.voice,
            "default_transcription_model": transcriber,
            "models": profile.catalogue.models,
            "voices": profile.catalogue.voices,
            "custom_voices": profile.catalogue.custom_voice.map(|begins| format!("{begins}...")),
            "transcription_models": profile.catalogue.transcribers,
            "key_variables": key_variables(profile.provider),
        })
    };
    let gemini = json!({
        "name": "gemini",
        "base_url": gemini::BASE_URL,
        "default_model": gemini::models::NEWEST,
        "models": gemini::models::MODELS,
        "voices": gemini::models::VOICES,
        "transcription_models": [],
        "key_variables": key_variables("gemini"),
    });
    let elevenlabs = json!({
        "name": "elevenlabs",
        "base_url": elevenlabs::BASE_URL,
        "model_required": true,
        // Agents and voices are the account's own.
        "models": [],
        "voices": [],
        "transcription_models": [],
        "key_variables": key_variables("elevenlabs"),
    });
    json!({ "providers": PROFILES.iter().map(provider).chain([gemini, elevenlabs]).collect::<Vec<_>>() })
}
