//! What xAI's sessions lack beside OpenAI's (its protocols reference §3 and §4), found before anything is dialled.

use super::{
    legality::{Finding, Severity},
    profile::RESERVED,
};
use crate::config::{Config, Modality, ReasoningEffort, VadMode};
use serde_json::Value;

/// Words to expect: how many, and how long each.
const KEYTERMS: (usize, usize) = (100, 50);

/// What the wish has that the service has not, or takes without acting on it.
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |path: &str, message: &str, fix: &str| {
        let (path, message, fix) = (path.to_owned(), message.to_owned(), fix.to_owned());
        found.push(Finding { path, message, fix, severity: Severity::Unsupported });
    };
    if config.output_modality == Modality::Text {
        add("output_modality", "the service always speaks", "remove it; the words come as a transcript");
    }
    let ignored = "the service takes it and does not act on it";
    if config.max_output_tokens.is_some() {
        add("max_output_tokens", ignored, "remove it; say in the instructions how long answers shall be");
    }
    if config.parallel_tool_calls.is_some() {
        add("parallel_tool_calls", ignored, "remove it");
    }
    if config.noise_reduction.is_some() {
        add("noise_reduction", "the service has none", "remove it");
    }
    if config.reasoning_effort.is_some_and(|effort| effort != ReasoningEffort::High) {
        let fix = "use \"high\", or switch thinking off with {\"extra\": {\"reasoning\": {\"effort\": \"none\"}}}";
        add("reasoning_effort", "the service knows \"high\" and \"none\"", fix);
    }
    if config.speed.is_some_and(|speed| speed < 0.7) {
        add("speed", "the service speaks at 0.7 to 1.5", "use 0.7 or more");
    }
    let turns = &config.turn_detection;
    if turns.mode == VadMode::Semantic {
        add("turn_detection.mode", "the service has no semantic detection", "use \"server\" or \"manual\"");
    }
    if turns.mode == VadMode::Server && !turns.create_response {
        let fix = "set turn_detection.mode to \"manual\" to answer only when asked, or remove it";
        add("turn_detection.create_response", "the service answers at each end of speech all the same", fix);
    }
    if turns.threshold.is_some_and(|threshold| !(0.1..=0.9).contains(&threshold)) {
        add("turn_detection.threshold", "the service takes 0.1 to 0.9", "use a value between them");
    }
    if let Some(words) = &config.transcription {
        let (most, letters) = KEYTERMS;
        if words.keywords.len() > most || words.keywords.iter().any(|word| word.chars().count() > letters) {
            let fix = "keep the most important ones";
            add("transcription.keywords", "the service takes 100 words of at most 50 letters", fix);
        }
        if !words.languages.is_empty() {
            add("transcription.languages", "the service takes one language", "use transcription.language");
        }
    }
    let native = |kind: &str| {
        let tools = config.extra.get("tools").and_then(Value::as_array);
        tools.is_some_and(|tools| tools.iter().any(|tool| tool["type"] == kind))
    };
    for (kind, names) in RESERVED.iter().filter(|(kind, _)| native(kind)) {
        // Leaving all functions out would be another session than anybody meant: it is refused in any case.
        for (i, tool) in config.tools.iter().enumerate().filter(|(_, tool)| names.contains(&tool.name.as_str())) {
            let message = format!("{:?} is taken by the service's own {kind}", tool.name);
            let (path, fix) = (format!("tools[{i}].name"), "call it otherwise".to_owned());
            found.push(Finding { path, message, fix, severity: Severity::Contradiction });
        }
    }
    found
}
