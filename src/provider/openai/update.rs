//! What `session.update` must say to get from one configuration to another (protocols reference §2): the
//! service keeps what is absent, so only what has changed is sent, and what is gone is cleared by its own word.

use super::{profile::Profile, session_object::session_object};
use crate::{
    config::Config,
    error::{Error, ErrorClass, Result},
};
use serde_json::{Map, Value, json};

/// Objects that are merged by the service.
const MERGED: [&str; 3] = ["audio", "audio.input", "audio.output"];
/// Objects that are sent complete. Whether the service merges or replaces them is not documented, so that what
/// is gone from them is cleared too.
const COMPLETE: [&str; 4] =
    ["audio.input.noise_reduction", "audio.input.transcription", "audio.input.turn_detection", "turn_detection"];

/// The smallest `session` object that turns a session of `old` into one of `new`: the type, which every update
/// must carry, and nothing else when nothing that the service knows has changed.
///
/// # Errors
/// Class `unsupported`, naming the field, when something was set that the service lets nobody unset.
pub fn sparse_update(old: &Config, new: &Config, profile: &Profile) -> Result<Value> {
    let (old, new) = (session_object(old, profile), session_object(new, profile));
    let mut patch = difference("", &old, &new)?;
    patch.insert("type".into(), new["type"].clone());
    Ok(patch.into())
}

fn difference(path: &str, old: &Value, new: &Value) -> Result<Map<String, Value>> {
    let mut patch = Map::new();
    let none = Map::new();
    let (old, new) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    for (key, value) in new {
        let path = join(path, key);
        match old.get(key) {
            Some(before) if before == value => {}
            Some(before) if MERGED.contains(&path.as_str()) && before.is_object() && value.is_object() => {
                let inner = difference(&path, before, value)?;
                if !inner.is_empty() {
                    patch.insert(key.clone(), inner.into());
                }
            }
            Some(before) if COMPLETE.contains(&path.as_str()) => {
                patch.insert(key.clone(), complete(&path, before, value)?);
            }
            _ => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        let path = join(path, key);
        patch.insert(key.clone(), cleared(&path)?);
    }
    Ok(patch)
}

/// An object that leads from `old` to `new` whether it is merged or replaced.
fn complete(path: &str, old: &Value, new: &Value) -> Result<Value> {
    let mut whole = new.clone();
    // Another kind of turn detection is another object. Of the same kind, what is gone would stay.
    let same = path.ends_with("transcription") || old["type"] == new["type"];
    if let (Value::Object(old), Value::Object(whole), true) = (old, &mut whole, same) {
        for key in old.keys() {
            if !whole.contains_key(key) {
                whole.insert(key.clone(), cleared(&join(path, key))?);
            }
        }
    }
    Ok(whole)
}

/// The service's word for "as if nobody had said anything".
fn cleared(path: &str) -> Result<Value> {
    Ok(match path {
        // Where it stands at the top, the defaults are xAI's (its reference §3), which are not published for silence.
        "turn_detection.threshold" => json!(0.85),
        "turn_detection.prefix_padding_ms" => json!(333),
        "turn_detection.idle_timeout_ms" => Value::Null,
        "audio.input.transcription.language_hint" => Value::Null,
        "audio.input.transcription.keyterms" => json!([]),
        "instructions" => json!(""),
        "tools" => json!([]),
        "tool_choice" | "truncation" => json!("auto"),
        "max_output_tokens" => json!("inf"),
        "audio.output.speed" => json!(1.0),
        "audio.input.noise_reduction" | "include" | "prompt" => Value::Null,
        // The defaults of §2.3: most of these may not be null.
        "audio.input.turn_detection.threshold" => json!(0.5),
        "audio.input.turn_detection.prefix_padding_ms" => json!(300),
        "audio.input.turn_detection.silence_duration_ms" => json!(500),
        "audio.input.turn_detection.idle_timeout_ms" => Value::Null,
        "audio.input.turn_detection.eagerness" => json!("auto"),
        "audio.input.transcription.prompt" => json!(""),
        "audio.input.transcription.languages" | "audio.input.transcription.keywords" => json!([]),
        "audio.input.transcription.language" | "audio.input.transcription.delay" => Value::Null,
        "audio.input.noise_reduction.strength" => json!(1.0),
        _ => {
            let field = match path {
                "reasoning" => "reasoning_effort".to_owned(),
                "parallel_tool_calls" => path.to_owned(),
                _ => format!("extra.{path}"),
            };
            return Err(Error::new(
                ErrorClass::Unsupported,
                "unsupported_option",
                "cannot be unset while the session runs",
            )
            .field(field)
            .fix("set it to the value it shall have, or connect again without it"));
        }
    })
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::{super::profile::PROFILES, *};
    use proptest::prelude::*;

    fn config(document: Value) -> Config {
        Config::from_json(&document.to_string()).unwrap()
    }

    fn update(old: Value, new: Value) -> Result<Value> {
        sparse_update(&config(old), &config(new), &PROFILES[0])
    }

    #[test]
    fn only_what_changed_is_sent() {
        for (old, new, patch) in [
            (
                json!({"voice": "cedar"}),
                json!({"instructions": "Be brief.", "voice": "cedar"}),
                json!({"instructions": "Be brief."}),
            ),
            (json!({}), json!({"voice": "voice_7"}), json!({"audio": {"output": {"voice": {"id": "voice_7"}}}})),
            (json!({}), json!({"output_modality": "text"}), json!({"output_modalities": ["text"]})),
            (
                json!({}),
                json!({"turn_detection": {"mode": "manual"}}),
                json!({"audio": {"input": {"turn_detection": null}}}),
            ),
            (
                json!({"turn_detection": {"threshold": 0.5}}),
                json!({"turn_detection": {"mode": "semantic", "eagerness": "low"}}),
                json!({"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low",
                    "create_response": true, "interrupt_response": true}}}}),
            ),
            (
                json!({"transcription": {"language": "de"}}),
                json!({"transcription": {"languages": ["de", "en"]}}),
                json!({"audio": {"input": {"transcription": {"model": "gpt-transcribe", "language": null, "languages": ["de", "en"]}}}}),
            ),
            (
                json!({"reasoning_effort": "low"}),
                json!({"reasoning_effort": "high"}),
                json!({"reasoning": {"effort": "high"}}),
            ),
        ] {
            let sent = update(old.clone(), new.clone()).unwrap();
            let mut expected = patch;
            expected["type"] = "realtime".into();
            assert_eq!(sent, expected, "{old} -> {new}");
        }
    }

    #[test]
    fn what_the_service_does_not_know_sends_nothing() {
        let tool =
            |more: Value| json!({"tools": [{"name": "f", "timeout_ms": more}], "tool_handling": {"mute_input": true}});
        assert_eq!(update(tool(json!(5)), tool(json!(7))).unwrap(), json!({"type": "realtime"}));
        let manual =
            |ms: u32| json!({"turn_detection": {"mode": "manual", "minimum_ms": ms, "create_response": ms > 200}});
        assert_eq!(update(manual(100), manual(500)).unwrap(), json!({"type": "realtime"}));
    }

    #[test]
    fn what_is_gone_is_cleared_by_its_own_word() {
        let full = json!({"instructions": "x", "tools": [{"name": "f"}], "tool_choice": "required", "speed": 1.5,
            "max_output_tokens": 5, "noise_reduction": "far_field", "extra": {"truncation": "disabled", "prompt": {"id": "p"}}});
        let sent = update(full, json!({"transcription": null})).unwrap();
        assert_eq!(
            sent,
            json!({"type": "realtime", "instructions": "", "tools": [], "tool_choice": "auto", "max_output_tokens": "inf",
                "truncation": "auto", "prompt": null,
                "audio": {"input": {"noise_reduction": null, "transcription": null}, "output": {"speed": 1.0}}})
        );
    }

    #[test]
    fn what_cannot_be_unset_is_named() {
        for (old, path) in [
            (json!({"reasoning_effort": "low"}), "reasoning_effort"),
            (json!({"parallel_tool_calls": true}), "parallel_tool_calls"),
            (json!({"extra": {"tracing": "auto"}}), "extra.tracing"),
            (json!({"extra": {"audio": {"input": {"new": 1}}}}), "extra.audio.input.new"),
        ] {
            let error = update(old, json!({})).unwrap_err();
            assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Unsupported, Some(path)));
            assert!(error.fix.is_some());
        }
    }

    /// What the service does with an update. `deep`: it merges the last objects too, those of one kind.
    fn merged(session: &mut Value, patch: &Value, path: &str, deep: bool) {
        for (key, value) in patch.as_object().unwrap() {
            let path = join(path, key);
            let now = &mut session[key.as_str()];
            let merges = MERGED.contains(&path.as_str())
                || deep && COMPLETE.contains(&path.as_str()) && now.is_object() && now["type"] == value["type"];
            if merges && value.is_object() {
                merged(now, value, &path, deep);
            } else {
                *now = value.clone();
            }
        }
    }

    /// A session with the fields that say nothing taken out.
    fn plain(session: &mut Value, path: &str) {
        let Some(fields) = session.as_object_mut() else { return };
        fields.retain(|key, value| !cleared(&join(path, key)).is_ok_and(|word| word == *value));
        for (key, value) in fields {
            plain(value, &join(path, key));
        }
    }

    fn documents() -> impl Strategy<Value = Config> {
        let turns = prop_oneof![
            Just(json!({})),
            Just(json!({"threshold": 0.3, "silence_duration_ms": 200})),
            Just(json!({"idle_timeout_ms": 6000, "create_response": false})),
            Just(json!({"mode": "semantic", "eagerness": "high"})),
            Just(json!({"mode": "semantic", "interrupt_response": false})),
            Just(json!({"mode": "manual", "minimum_ms": 300})),
        ];
        let words = prop_oneof![
            Just(json!(null)),
            Just(json!({})),
            Just(json!({"language": "de", "prompt": "names"})),
            Just(json!({"keywords": ["Ada"], "languages": ["de"]})),
        ];
        let pick = |values: &'static [&'static str]| {
            prop::option::of(prop::sample::select(values).prop_map(|text| serde_json::from_str::<Value>(text).unwrap()))
        };
        let rest = (
            pick(&["\"\"", "\"Be brief.\"", "\"Be long.\""]),
            pick(&["\"cedar\"", "\"voice_1\""]),
            pick(&["0.5", "1.0", "1.5"]),
            pick(&["1", "4096", "\"inf\""]),
            pick(&["\"near_field\"", "\"far_field\""]),
            pick(&[r#"[{"name": "f"}]"#, r#"[{"name": "g", "description": "d"}, {"name": "f", "parameters": {}}]"#]),
            any::<bool>(),
            pick(&[r#"{"truncation": "disabled"}"#, r#"{"prompt": {"id": "p"}}"#]),
            prop::sample::select(&[true, false][..]),
        );
        (turns, words, rest).prop_map(|(turns, words, rest)| {
            let (instructions, voice, speed, tokens, noise, tools, required, extra, parallel) = rest;
            let mut document = json!({"turn_detection": turns, "transcription": words, "parallel_tool_calls": parallel,
                "reasoning_effort": if required { "low" } else { "high" }});
            if required && tools.is_some() {
                document["tool_choice"] = "required".into();
            }
            for (key, value) in [
                ("instructions", instructions),
                ("voice", voice),
                ("speed", speed),
                ("max_output_tokens", tokens),
                ("noise_reduction", noise),
                ("tools", tools),
                ("extra", extra),
            ] {
                if let Some(value) = value {
                    document[key] = value;
                }
            }
            config(document)
        })
    }

    proptest! {
        #[test]
        fn the_patch_leads_from_any_session_to_any_other(old in documents(), new in documents()) {
            let profile = &PROFILES[0];
            let patch = sparse_update(&old, &new, profile).unwrap();
            let mut wish = session_object(&new, profile);
            let nothing = patch.as_object().unwrap().len() == 1;
            prop_assert_eq!(nothing, session_object(&old, profile) == wish, "{}", patch);
            plain(&mut wish, "");
            for deep in [false, true] {
                let mut session = session_object(&old, profile);
                merged(&mut session, &patch, "", deep);
                plain(&mut session, "");
                prop_assert_eq!(&session, &wish, "deep: {}", deep);
            }
        }
    }
}
