//! What is known of providers, models and voices without asking anybody.

use super::openai::profile::{PROFILES, Profile};
use serde_json::{Value, json};

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
        })
    };
    json!({ "providers": PROFILES.iter().map(provider).collect::<Vec<_>>() })
}
