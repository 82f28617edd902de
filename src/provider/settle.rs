//! A configuration and what its provider and model can do, brought together before anything is dialled.

use super::{
    elevenlabs, gemini,
    openai::{self, legality::Severity},
};
use crate::{
    config::Config,
    error::{Error, Result},
};
use serde_json::Value;
use std::sync::Arc;

/// The configuration a client runs with, and what its host should know of it at each connect: options that were
/// left out because the model lacks them (only when `strict` is off), and models and voices that are unknown or
/// coming to their end. The configuration is copied only when something is left out.
///
/// # Errors
/// Class `unsupported`, naming field and fix: with `strict` the first option the model lacks, and in any case a
/// model that holds no conversations.
pub fn settle(config: Arc<Config>) -> Result<(Arc<Config>, Vec<Error>)> {
    let found = match config.provider.as_str() {
        "gemini" => gemini::legality::findings(&config),
        "elevenlabs" => elevenlabs::legality::findings(&config),
        _ => openai::legality::findings(&config),
    };
    let refused = |severity| match severity {
        Severity::Impossible | Severity::Contradiction => true,
        Severity::Unsupported => config.strict,
        Severity::Warning(_) => false,
    };
    if let Some(first) = found.iter().find(|finding| refused(finding.severity)) {
        return Err(first.error());
    }
    let warnings = found.iter().map(|finding| match finding.severity {
        Severity::Unsupported => {
            let error = finding.error();
            let message = format!("left out: {}", error.message);
            Error { message, ..error }
        }
        _ => finding.error(),
    });
    let warnings = warnings.collect();
    let mut settled = config;
    for finding in found.iter().filter(|finding| finding.severity == Severity::Unsupported) {
        let default = default_of(&finding.path);
        Arc::make_mut(&mut settled).set(&finding.path, default)?;
    }
    Ok((settled, warnings))
}

/// What the field is when nobody sets it.
fn default_of(path: &str) -> Value {
    let default = serde_json::to_value(Config::default()).unwrap_or_default();
    default.pointer(&format!("/{}", path.replace('.', "/"))).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;
    use serde_json::json;

    fn config(document: &Value) -> Arc<Config> {
        Arc::new(Config::from_json(&document.to_string()).unwrap())
    }

    /// What a model lacks: document, path, a word of the fix.
    fn lacking() -> Vec<(Value, &'static str, &'static str)> {
        let old = |more: Value| {
            let mut document = more;
            document["model"] = "gpt-realtime-1.5".into();
            document
        };
        vec![
            (json!({"temperature": 0.8}), "temperature", "instructions"),
            (old(json!({"reasoning_effort": "low"})), "reasoning_effort", "gpt-realtime-2.1"),
            (old(json!({"parallel_tool_calls": false})), "parallel_tool_calls", "gpt-realtime-2.1"),
            (json!({"voice": "willow"}), "voice", "marin"),
            (json!({"transcription": {"delay": "low"}}), "transcription.delay", "gpt-live-transcribe"),
            (
                json!({"transcription": {"model": "whisper-1", "keywords": ["x"]}}),
                "transcription.keywords",
                "gpt-transcribe",
            ),
            (
                json!({"transcription": {"model": "gpt-4o-transcribe", "languages": ["de"]}}),
                "transcription.languages",
                "gpt-transcribe",
            ),
            (
                json!({"transcription": {"model": "gpt-realtime-whisper", "prompt": "x"},
                    "turn_detection": {"mode": "manual"}}),
                "transcription.prompt",
                "gpt-transcribe",
            ),
            (
                json!({"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": {"mode": "semantic"}}),
                "transcription.model",
                "manual",
            ),
        ]
    }

    #[test]
    fn strict_refuses_what_the_model_lacks() {
        for (document, path, fix) in lacking() {
            let error = settle(config(&document)).unwrap_err();
            let told = (error.class, error.code.as_ref(), error.field.as_deref());
            assert_eq!(told, (ErrorClass::Unsupported, "unsupported_option", Some(path)), "{document}");
            assert!(error.fix.as_deref().unwrap().contains(fix), "{error}");
        }
    }

    #[test]
    fn otherwise_it_is_left_out_with_a_warning() {
        for (mut document, path, _) in lacking() {
            document["strict"] = false.into();
            let wish = config(&document);
            let (settled, warnings) = settle(wish.clone()).unwrap();
            assert!(warnings.iter().any(|w| w.field.as_deref() == Some(path) && w.message.starts_with("left out")));
            assert!(warnings.iter().all(|w| !w.fatal && w.class == ErrorClass::Unsupported && w.fix.is_some()));
            settled.validate().unwrap();
            // Without it there is nothing left to refuse, and nothing else has changed.
            let strict = Arc::new(Config { strict: true, ..(*settled).clone() });
            settle(strict).unwrap_or_else(|e| panic!("{document}: {e}"));
            let (mut before, mut after) =
                (serde_json::to_value(&*wish).unwrap(), serde_json::to_value(&*settled).unwrap());
            let pointer = format!("/{}", path.replace('.', "/"));
            assert_ne!(before.pointer(&pointer), after.pointer(&pointer), "{path}");
            *before.pointer_mut(&pointer).unwrap() = Value::Null;
            *after.pointer_mut(&pointer).unwrap() = Value::Null;
            assert_eq!(before, after, "{path}");
        }
    }

    #[test]
    fn a_model_that_holds_no_conversation_is_refused_in_any_case() {
        for model in ["gpt-live-1", "gpt-realtime-translate", "gpt-realtime-whisper", "gpt-audio", "whisper-1"] {
            for strict in [true, false] {
                let error = settle(config(&json!({"model": model, "strict": strict, "temperature": 1}))).unwrap_err();
                assert_eq!((error.code.as_ref(), error.field.as_deref()), ("unsupported_model", Some("model")));
                assert!(error.fix.unwrap().contains("gpt-realtime-2.1"), "{model}");
            }
        }
    }

    #[test]
    fn what_is_ending_or_unknown_is_a_warning() {
        for (document, code, path, words) in [
            (json!({"model": "gpt-realtime"}), "deprecated_model", "model", ["2027-01-20", "gpt-realtime-2.1"]),
            (
                json!({"model": "gpt-realtime-mini"}),
                "deprecated_model",
                "model",
                ["2027-01-20", "gpt-realtime-2.1-mini"],
            ),
            (json!({"model": "gpt-4o-realtime-preview-2024-12-17"}), "deprecated_model", "model", ["preview", "2.1"]),
            (json!({"model": "gpt-realtime-7"}), "unknown_model", "model", ["gpt-realtime-7", "gpt-realtime-2.1"]),
            (json!({"voice": "marvin"}), "unknown_voice", "voice", ["marvin", "marin"]),
            (
                json!({"transcription": {"model": "whisper-1"}}),
                "deprecated_model",
                "transcription.model",
                ["2027-02-26", "gpt-transcribe"],
            ),
            (
                json!({"transcription": {"model": "gpt-hear"}}),
                "unknown_model",
                "transcription.model",
                ["gpt-hear", "gpt-transcribe"],
            ),
        ] {
            let wish = config(&document);
            let (settled, warnings) = settle(wish.clone()).unwrap();
            assert!(Arc::ptr_eq(&wish, &settled), "nothing changes, so nothing is copied");
            let [warning] = warnings.as_slice() else { panic!("{document}: {warnings:?}") };
            assert_eq!((warning.code.as_ref(), warning.field.as_deref()), (code, Some(path)));
            let said = warning.to_string();
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
    }

    #[test]
    fn extra_and_a_field_of_our_own_must_not_say_different_things() {
        for (document, path) in [
            (json!({"instructions": "A", "extra": {"instructions": "B"}}), "extra.instructions"),
            (json!({"voice": "cedar", "extra": {"audio": {"output": {"voice": "ash"}}}}), "extra.audio.output.voice"),
            (json!({"tools": [{"name": "f"}], "extra": {"tools": []}}), "extra.tools"),
        ] {
            let error = settle(Arc::new(serde_json::from_value(document).unwrap())).unwrap_err();
            assert_eq!((error.code.as_ref(), error.field.as_deref()), ("conflicting_option", Some(path)));
        }
        // What nobody else set, and what says the same, is fine.
        for document in [
            json!({"extra": {"instructions": "B", "audio": {"input": {"turn_detection": {"model_version": "x"}}}}}),
            json!({"voice": "ash", "extra": {"audio": {"output": {"voice": "ash"}}, "tracing": "auto"}}),
        ] {
            settle(Arc::new(serde_json::from_value(document).unwrap())).unwrap();
        }
    }

    #[test]
    fn a_name_nobody_knows_leads_to_the_one_most_alike() {
        for (document, meant) in
            [(json!({"voice": "marn"}), "marin"), (json!({"model": "gpt-realtme-2.1"}), "gpt-realtime-2.1")]
        {
            let (_, warnings) = settle(Arc::new(serde_json::from_value(document).unwrap())).unwrap();
            assert!(warnings[0].fix.as_ref().unwrap().contains(&format!("did you mean {meant:?}")), "{warnings:?}");
        }
    }

    #[test]
    fn what_the_model_has_passes_silently() {
        for document in [
            json!({}),
            json!({"reasoning_effort": "high", "parallel_tool_calls": true, "voice": "voice_123"}),
            json!({"model": "gpt-realtime-2-2026-05-05", "reasoning_effort": "low", "voice": "verse"}),
            json!({"transcription": {"model": "gpt-live-transcribe", "delay": "xhigh", "languages": ["de", "en"]}}),
            json!({"transcription": {"model": "gpt-realtime-whisper", "delay": "low"},
                "turn_detection": {"mode": "manual"}}),
            json!({"transcription": null}),
        ] {
            let wish = config(&document);
            let (settled, warnings) = settle(wish.clone()).unwrap();
            assert!(warnings.is_empty() && Arc::ptr_eq(&wish, &settled), "{document}: {warnings:?}");
        }
    }
}
