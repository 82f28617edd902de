//! What the models of the dialect can do (protocols reference §2, §3, §9.1, §12).

use super::profile::Profile;
use crate::{
    capabilities::{Capabilities, IdleAudio, Images, Reconnect, Say, TransportKind},
    config::{Config, Scheduling, VadMode},
    request::MAX_IMAGE,
};
use std::borrow::Cow;

/// Of this model, with this configuration.
pub fn capabilities(config: &Config, profile: &Profile, model: &str) -> Capabilities {
    let names = |names: &[&'static str]| names.iter().map(|&name| Cow::Borrowed(name)).collect();
    let (known, grok) = (profile.catalogue, profile.grok);
    let reasons = known.reasons(model);
    let updates = Config::MUTABLE.iter().filter(|name| reasons || !REASONING_ONLY.contains(name));
    let updates = updates.filter(|name| !grok || !NOT_OF_GROK.contains(name));
    // Of a model nobody knows nothing is promised, and nothing denied.
    let told = !known.models.is_empty();
    let images = Images { mime_types: names(&["image/png", "image/jpeg"]), max_bytes: MAX_IMAGE as u64, urls: false };
    let calls = TransportKind::of_this_build();
    Capabilities {
        provider: profile.provider.to_owned(),
        model: model.to_owned(),
        model_known: known.find_model(model).is_some(),
        transports: if profile.calls { calls } else { vec![TransportKind::Websocket] },
        credentials: names(&["api_key", "ephemeral", "bearer"]),
        input_rate: profile.rate,
        output_rate: profile.rate,
        turn_modes: turn_modes(profile),
        text_in: Some(true),
        text_out: Some(!grok),
        image_in: Some(!grok),
        video_in: Some(false),
        images: (!grok).then_some(images),
        silent_context: Some(true),
        say: Some(if grok { Say::Exact } else { Say::Instructed }),
        out_of_band: Some(!grok),
        tools: Some(true),
        parallel_tools: if grok { Some(false) } else { told.then_some(reasons) },
        tool_scheduling: names(Scheduling::WORDS),
        reasoning: told.then_some(reasons),
        updates: updates.map(|&name| Cow::Borrowed(name)).collect(),
        cancel: Some(true),
        truncate: Some(!grok),
        user_transcription: Some(config.transcription.is_some()),
        feedback: Some(false),
        user_activity: Some(false),
        usage: Some(true),
        voices: names(known.voices),
        idle_audio: Some(IdleAudio::None),
        reconnect: Some(Reconnect::Replay),
        max_session_s: profile.max_session_s,
    }
}

/// Who can decide when the user's turn ends.
pub fn turn_modes(profile: &Profile) -> Vec<VadMode> {
    match profile.grok {
        true => vec![VadMode::Server, VadMode::Manual],
        false => vec![VadMode::Server, VadMode::Semantic, VadMode::Manual],
    }
}

/// Fields xAI takes and does not act on, or does not have.
const NOT_OF_GROK: [&str; 4] = ["max_output_tokens", "noise_reduction", "output_modality", "parallel_tool_calls"];

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
    fn hosts_differ() {
        let of = |at: usize| capabilities(&Config::default(), &PROFILES[at], PROFILES[at].model.unwrap_or("m"));
        let (xai, azure, compatible) = (of(1), of(2), of(3));
        assert_eq!(
            (xai.text_out, xai.image_in, xai.truncate, xai.say),
            (Some(false), Some(false), Some(false), Some(Say::Exact))
        );
        assert_eq!(
            (xai.transports, xai.turn_modes),
            (vec![TransportKind::Websocket], vec![VadMode::Server, VadMode::Manual])
        );
        assert_eq!((xai.max_session_s, xai.images, xai.out_of_band), (None, None, Some(false)));
        assert_eq!((azure.truncate, azure.max_session_s, azure.reasoning), (Some(true), Some(3600), None));
        assert!(compatible.voices.is_empty() && compatible.max_session_s.is_none() && !compatible.model_known);
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
