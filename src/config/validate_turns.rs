//! Checks of turn taking and of the transcription of the user's speech.

use super::{
    Config, Transcription, VadMode, invalid,
    ranges::{range, within},
};
use crate::error::Result;

/// Longest pre-roll of push to talk, milliseconds: what the engine keeps.
const PRE_ROLL_MS: u32 = 2000;
/// Entries of a list of hints, and bytes of one.
const HINTS: (usize, usize) = (256, 256);

impl Config {
    pub(super) fn validate_turns(&self) -> Result<()> {
        let turns = &self.turn_detection;
        let (server, semantic, manual) = (VadMode::Server, VadMode::Semantic, VadMode::Manual);
        for (name, set, modes) in [
            ("threshold", turns.threshold.is_some(), &[server][..]),
            ("prefix_padding_ms", turns.prefix_padding_ms.is_some(), &[server, manual]),
            ("silence_duration_ms", turns.silence_duration_ms.is_some(), &[server]),
            ("idle_timeout_ms", turns.idle_timeout_ms.is_some(), &[server]),
            ("eagerness", turns.eagerness.is_some(), &[semantic]),
            ("minimum_ms", turns.minimum_ms.is_some(), &[manual]),
        ] {
            if set && !modes.contains(&turns.mode) {
                let needed: Vec<_> = modes.iter().map(|mode| format!("\"{}\"", word(*mode))).collect();
                let needed = needed.join(" or ");
                let message = format!("mode \"{}\" does not have it, only {needed}", word(turns.mode));
                return Err(invalid(format!("turn_detection.{name}"), message)
                    .fix(format!("set turn_detection.mode to {needed}, or remove it")));
            }
        }
        range("turn_detection.threshold", turns.threshold)?;
        range("turn_detection.idle_timeout_ms", turns.idle_timeout_ms.map(f64::from))?;
        range("turn_detection.minimum_ms", turns.minimum_ms.map(f64::from))?;
        match turns.prefix_padding_ms {
            Some(ms) if turns.mode == manual => {
                within("turn_detection.prefix_padding_ms", ms.into(), 0.0, PRE_ROLL_MS.into())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn validate_transcription(&self) -> Result<()> {
        let Some(Transcription { model, language, languages, keywords, prompt, .. }) = &self.transcription else {
            return Ok(());
        };
        if model.trim().is_empty() {
            return Err(invalid("transcription.model", "is empty").fix("leave it out for the default"));
        }
        if let Some(language) = language {
            check_language("transcription.language", language)?;
            if !languages.is_empty() {
                return Err(invalid("transcription.languages", "language is there already").fix("keep one of the two"));
            }
        }
        if prompt.as_ref().is_some_and(|p| p.trim().is_empty()) {
            return Err(invalid("transcription.prompt", "is empty").fix("leave it out for none"));
        }
        let (most, bytes) = HINTS;
        for (name, list) in [("languages", languages), ("keywords", keywords)] {
            let path = format!("transcription.{name}");
            if list.len() > most {
                return Err(invalid(path, format!("has {} entries", list.len())).fix(format!("use at most {most}")));
            }
            for (i, word) in list.iter().enumerate() {
                let path = format!("{path}[{i}]");
                if word.trim().is_empty() || word.len() > bytes {
                    return Err(invalid(path, "is empty or too long").fix(format!("use 1 to {bytes} bytes")));
                }
                if list[..i].contains(word) {
                    return Err(invalid(path, "is there twice").fix("keep one of them"));
                }
                if name == "languages" {
                    check_language(&path, word)?;
                }
            }
        }
        Ok(())
    }
}

/// The service takes codes of two or three letters without a region.
fn check_language(path: &str, code: &str) -> Result<()> {
    let legal = |code: &str| (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    if legal(code) {
        return Ok(());
    }
    let wrong = invalid(path, "is no ISO-639-1 code");
    let short = code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    Err(match legal(&short) {
        true => wrong.fix(format!("write \"{short}\"")),
        false => wrong.fix("write two letters, like \"en\" or \"de\""),
    })
}

fn word(mode: VadMode) -> &'static str {
    match mode {
        VadMode::Server => "server",
        VadMode::Semantic => "semantic",
        VadMode::Manual => "manual",
    }
}
