//! `duologue providers`: what is known without asking anybody.

use crate::exit::{self, Failure};
use duologue::provider::openai::{
    catalogue::{CUSTOM_VOICE, MODELS, State, TRANSCRIBERS, VOICES},
    profile::PROFILES,
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
        out += &format!("{}\n\n  models\n", profile.provider);
        for model in MODELS {
            out += &row(model.name, model.state, model.name == profile.model);
        }
        out += "\n  transcription models\n";
        let default = duologue::config::Transcription::default().model;
        for model in TRANSCRIBERS {
            out += &row(model.name, model.state, model.name == default);
        }
        out += "\n  voices\n";
        for voice in VOICES {
            out += &row(voice, State::Current, *voice == profile.voice);
        }
        out += &format!("    {:<34}{}\n", format!("{CUSTOM_VOICE}..."), "voices of your own");
    }
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
