//! What a wish asks of a model that the model does not have (protocols reference §3, §7).

use super::{
    models::{self, Thinking},
    setup::{are_native, model_name, setup},
};
use crate::{
    config::{Config, Modality, ReasoningEffort, Scheduling, ToolChoice, Transcription, TransportChoice},
    provider::{
        AuthStyle,
        openai::{
            catalogue::State,
            legality::{Finding, Severity, compare, meant},
        },
    },
};
use serde_json::Map;

/// Fields of `extra` that say otherwise than the configuration's own field for the same thing.
fn contradictions(config: &Config, found: &mut Vec<Finding>) {
    let mut extra = config.extra.clone();
    if extra.get("tools").is_some_and(are_native) {
        extra.remove("tools");
    }
    let own = setup(&Config { extra: Map::new(), ..config.clone() });
    let default =
        setup(&Config { provider: config.provider.clone(), model: config.model.clone(), ..Config::default() });
    compare(&extra.into(), Some(&own), Some(&default), "extra", found);
}

/// Everything the model does not go along with, worst first.
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    contradictions(config, &mut found);
    let mut add = |severity, path: &str, message: String, fix: &str| {
        found.push(Finding { path: path.to_owned(), message, fix: fix.to_owned(), severity });
    };
    let name = model_name(config);
    match models::find(name) {
        None => {
            let message = format!("{name:?} is not known here; it is taken to be like {}", models::NEWEST);
            let fix = meant(name, models::MODELS.iter().filter(|m| m.state == State::Current).map(|m| m.name));
            let fix = fix.unwrap_or_else(|| "check the name, or update duologue".into());
            add(Severity::Warning("unknown_model"), "model", message, &fix);
        }
        Some(model) => {
            if let State::Deprecated { successor, .. } = model.state {
                let message = format!("{name} is an older preview that the service may switch off");
                add(Severity::Warning("deprecated_model"), "model", message, &format!("use {successor}"));
            }
            if let State::Other { what, instead } = model.state {
                let message = format!("{name} cannot hold a conversation here: {what}");
                add(Severity::Impossible, "model", message, &format!("use {instead}"));
            }
        }
    }
    if let Some(voice) = config.voice.as_deref().filter(|voice| !models::VOICES.contains(voice)) {
        let fix = meant(voice, models::VOICES.iter().copied()).unwrap_or_else(|| {
            "check the name; the service has a catalogue of voices that is larger than the list here".into()
        });
        add(Severity::Warning("unknown_voice"), "voice", format!("{voice:?} is not known here"), &fix);
    }
    let rules = models::rules(name);
    let turns = &config.turn_detection;
    let default = Transcription::default();
    let heard = config.transcription.as_ref();
    let minimal = config.reasoning_effort == Some(ReasoningEffort::Minimal);
    let says = "the service has nothing of the kind";
    for (path, set, message, fix) in [
        ("transport", config.transport == TransportChoice::Webrtc, "the service takes no calls", "use websocket"),
        ("sdp_proxy", config.sdp_proxy.is_some(), "the service takes no calls", "remove it"),
        ("auth", config.auth == AuthStyle::Subprotocol, "the service takes no credential there", "use header"),
        ("speed", config.speed.is_some(), says, "say in the instructions how fast to speak"),
        ("output_modality", config.output_modality == Modality::Text, "the model only speaks", "read its transcript"),
        ("noise_reduction", config.noise_reduction.is_some(), says, "remove it"),
        ("tool_handling.approve", !config.tool_handling.approve.is_empty(), says, "remove it"),
        ("parallel_tool_calls", config.parallel_tool_calls.is_some(), "the model decides", "remove it"),
        ("tool_choice", config.tool_choice != ToolChoice::Auto, "the model decides", "say it in the instructions"),
        (
            "reasoning_effort",
            config.reasoning_effort.is_some() && rules.thinking == Thinking::None,
            "the model has no setting for it",
            "remove it, or use gemini-3.8-live-extended-thinking",
        ),
        (
            "reasoning_effort",
            minimal && rules.thinking == Thinking::Required,
            "the model thinks at least a little",
            "set it to low",
        ),
        ("turn_detection.mode", turns.mode == crate::config::VadMode::Semantic, says, "use server or manual"),
        ("turn_detection.threshold", turns.threshold.is_some(), says, "remove it"),
        ("turn_detection.idle_timeout_ms", turns.idle_timeout_ms.is_some(), says, "remove it"),
        (
            "turn_detection.create_response",
            !turns.create_response,
            "the model answers by itself at the end of each turn",
            "remove it",
        ),
        (
            "transcription.model",
            heard.is_some_and(|t| t.model != default.model),
            "the service has one way to transcribe",
            "remove it",
        ),
        ("transcription.prompt", heard.is_some_and(|t| t.prompt.is_some()), says, "use keywords"),
        ("transcription.delay", heard.is_some_and(|t| t.delay.is_some()), says, "remove it"),
    ] {
        if set {
            add(Severity::Unsupported, path, message.to_owned(), fix);
        }
    }
    for (at, tool) in config.tools.iter().enumerate() {
        if let Some(wish) = tool.scheduling.filter(|wish| *wish != Scheduling::Wait)
            && !rules.schedules
        {
            let message =
                format!("{:?} of {:?}: {name} cannot be told what to do with a result", wish.word(), tool.name);
            let path = format!("tools[{at}].scheduling");
            found.push(Finding {
                path,
                message,
                fix: format!("remove it, or use {}", models::NEWEST),
                severity: Severity::Unsupported,
            });
        }
    }
    found.sort_by_key(|finding| matches!(finding.severity, Severity::Warning(_)));
    found
}
