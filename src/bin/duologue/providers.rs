//! `duologue providers`: what is known without asking anybody.

use crate::exit::{self, Failure};
use duologue::provider::{
    gemini,
    openai::{catalogue::State, profile::PROFILES},
};
use std::io::Write;

/// See the module.
pub fn run(as_json: bool) -> Result<u8, Failure> {
    let text = if as_json { format!("{:#}\n", duologue::provider::catalogue()) } else { page() };
    // A reader that has seen enough is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(exit::OK)
}

fn page() -> String {
    let mut out = String::new();
    for profile in PROFILES {
        let known = profile.catalogue;
        if !out.is_empty() {
            out.push('\n');
        }
        out += &format!("{}\n\n  models\n", profile.provider);
        if known.models.is_empty() {
            out += &format!("    any; base_url is needed, like {}\n", profile.base_url_example);
        }
        for model in known.models {
            out += &row(model.name, model.state, Some(model.name) == profile.model);
        }
        if !known.transcribers.is_empty() {
            out += "\n  transcription models\n";
        }
        let openai = duologue::config::Transcription::default().model;
        for model in known.transcribers {
            out += &row(model.name, model.state, model.name == profile.transcriber.unwrap_or(&openai));
        }
        if !known.voices.is_empty() {
            out += "\n  voices\n";
        }
        for voice in known.voices {
            out += &row(voice, State::Current, Some(*voice) == profile.voice);
        }
        if let Some(begins) = known.custom_voice {
            out += &format!("    {:<34}{}\n", format!("{begins}..."), "voices of your own");
        }
    }
    out += "\ngemini\n\n  models\n";
    for model in gemini::models::MODELS {
        out += &row(model.name, model.state, model.name == gemini::models::NEWEST);
    }
    out += "\n  voices\n";
    for voice in gemini::models::VOICES {
        out += &row(voice, State::Current, false);
    }
    out += "\nelevenlabs\n\n  models\n    the ids of your agents\n";
    out
}

fn row(name: &str, state: State, default: bool) -> String {
    let note = match state {
        State::Current if default => "default".to_owned(),
        State::Current => String::new(),
        State::Deprecated { until: Some(day), successor } => format!("until {day}; then {successor}"),
        State::Deprecated { until: None, successor } => format!("old; better {successor}"),
        State::Other { what, instead } => format!("not for conversations: {what}; {instead}"),
    };
    format!("    {name:<34}{note}").trim_end().to_owned() + "\n"
}
