//! What the models of the dialect can do (protocols reference §2, §3, §9.1, §12).

use super::{catalogue, profile::Profile};
use crate::{
    capabilities::{Capabilities, Images, Reconnect, Say, TransportKind},
    config::{Config, VadMode},
    request::MAX_IMAGE,
};
use std::borrow::Cow;

/// Of this model, with this configuration.
pub fn capabilities(config: &Config, profile: &Profile, model: &str) -> Capabilities {
    let names = |names: &[&'static str]| names.iter().map(|&name| Cow::Borrowed(name)).collect();
    let reasons = catalogue::reasons(model);
    let updates = Config::MUTABLE.iter().filter(|name| reasons || !REASONING_ONLY.contains(name));
    Capabilities {
        provider: profile.provider.to_owned(),
        model: model.to_owned(),
        model_known: catalogue::find_model(model).is_some(),
        transports: TransportKind::of_this_build(),
        credentials: names(&["api_key", "ephemeral", "bearer"]),
        input_rate: profile.rate,
        output_rate: profile.rate,
        turn_modes: vec![VadMode::Server, VadMode::Semantic, VadMode::Manual],
        text_in: Some(true),
        text_out: Some(true),
        image_in: Some(true),
        images: Some(Images {
            mime_types: names(&["image/png", "image/jpeg"]),
            max_bytes: MAX_IMAGE as u64,
            urls: false,
        }),
        silent_context: Some(true),
        say: Some(Say::Instructed),
        out_of_band: Some(true),
        tools: Some(true),
        parallel_tools: Some(reasons),
        reasoning: Some(reasons),
        updates: updates.map(|&name| Cow::Borrowed(name)).collect(),
        cancel: Some(true),
        truncate: Some(true),
        user_transcription: Some(config.transcription.is_some()),
        voices: names(catalogue::VOICES),
        reconnect: Some(Reconnect::Replay),
        max_session_s: Some(profile.max_session_s),
    }
}

/// Fields only models that reason have.
const REASONING_ONLY: [&str; 2] = ["parallel_tool_calls", "reasoning_effort"];

#[cfg(test)]
mod tests {
    use super::{super::profile::PROFILES, *};

    fn of(model: &str) -> Capabilities {
        capabilities(&Config::default(), &PROFILES[0], model)
    }

    #[test]
    fn models_differ() {
        let (new, old, unknown) = (of("gpt-realtime-2.1"), of("gpt-realtime-1.5"), of("gpt-realtime-9"));
        assert_eq!((new.reasoning, old.reasoning, unknown.reasoning), (Some(true), Some(false), Some(true)));
        assert_eq!((new.parallel_tools, old.parallel_tools), (Some(true), Some(false)));
        assert_eq!((new.model_known, unknown.model_known), (true, false));
        let can = |c: &Capabilities, field: &str| c.updates.iter().any(|name| name == field);
        assert!(can(&new, "reasoning_effort") && !can(&old, "reasoning_effort") && can(&old, "instructions"));
        assert_eq!(new.updates, Config::MUTABLE);
    }

    #[test]
    fn they_read_well_as_json() {
        let json = serde_json::to_value(of("gpt-realtime-2.1")).unwrap();
        assert_eq!(json["transports"][0], "websocket");
        assert_eq!(json["turn_modes"], serde_json::json!(["server", "semantic", "manual"]));
        assert_eq!((&json["say"], &json["reconnect"]), (&"instructed".into(), &"replay".into()));
        assert_eq!(json["images"]["urls"], false);
        let back: Capabilities = serde_json::from_value(json).unwrap();
        assert_eq!(back, of("gpt-realtime-2.1"));
    }
}
