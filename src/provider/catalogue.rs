//! What is known of providers, models and voices without asking anybody.

use super::openai::{
    catalogue::{CUSTOM_VOICE, MODELS, TRANSCRIBERS, VOICES},
    profile::{PROFILES, Profile},
};
use serde_json::{Value, json};

/// Every provider with its defaults, its models (and until when they live, with their successors), its
/// transcription models and its voices. A JSON object, the same in every language: what is in it may grow.
pub fn catalogue() -> Value {
    let provider = |profile: &Profile| {
        json!({
            "name": profile.provider,
            "base_url": profile.base_url,
            "default_model": profile.model,
            "default_voice": profile.voice,
            "default_transcription_model": crate::config::Transcription::default().model,
            "models": MODELS,
            "voices": VOICES,
            "custom_voices": format!("{CUSTOM_VOICE}..."),
            "transcription_models": TRANSCRIBERS,
        })
    };
    json!({ "providers": PROFILES.iter().map(provider).collect::<Vec<_>>() })
}
