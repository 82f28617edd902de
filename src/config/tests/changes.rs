//! Overrides and changes.

use crate::{Config, ErrorClass};
use serde_json::{Value, json};

fn shared() -> Config {
    Config::from_json(
        r#"{"instructions": "Be brief.", "voice": "cedar", "labels": {"shop": "7", "room": "2"},
            "turn_detection": {"threshold": 0.7}, "transcription": {"language": "de"}, "tools": [{"name": "f"}]}"#,
    )
    .unwrap()
}

#[test]
fn overrides_are_a_merge_patch() {
    let one = shared()
        .with(json!({
            "voice": null, "labels": {"room": null, "caller": "Ada"}, "turn_detection": {"threshold": 0.2},
            "transcription": {"keywords": ["Ada"]}, "tools": [{"name": "g"}],
        }))
        .unwrap();
    assert_eq!(one.instructions.as_deref(), Some("Be brief."), "what is not named stays");
    assert_eq!(one.voice, None, "null is the default");
    assert_eq!(serde_json::to_value(&one.labels).unwrap(), json!({"shop": "7", "caller": "Ada"}));
    assert_eq!(one.turn_detection.threshold, Some(0.2));
    let words = one.transcription.unwrap();
    assert_eq!((words.language.as_deref(), words.keywords.as_slice()), (Some("de"), &["Ada".to_owned()][..]));
    assert_eq!(one.tools.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["g"], "lists are replaced");

    assert_eq!(shared().with(json!({})).unwrap(), shared());
    assert_eq!(shared().with(json!({"transcription": null})).unwrap().transcription, None, "null switches it off");
    let off = shared().with(json!({"transcription": null})).unwrap();
    assert!(off.with(json!({"transcription": {}})).unwrap().transcription.is_some());
}

#[test]
fn wrong_overrides_name_their_path() {
    for (overrides, path) in [
        (json!({"voic": "x"}), "voic"),
        (json!({"audio": {"input": {"rate": "fast"}}}), "audio.input.rate"),
        (json!({"tools": [{"name": "a b"}]}), "tools[0].name"),
        // The threshold of the shared document is still there.
        (json!({"turn_detection": {"mode": "manual"}}), "turn_detection.threshold"),
        (json!({"provider": "acme"}), "provider"),
        (json!([]), ""),
        (json!(null), ""),
        (json!("voice"), ""),
    ] {
        let error = shared().with(overrides.clone()).unwrap_err();
        assert_eq!(error.field.as_deref().unwrap_or_default(), path, "{overrides}: {error}");
        assert!(error.fix.is_some(), "{error}");
    }
    let deep = (0..100).fold(json!(1), |inner, _| json!({"a": inner}));
    assert!(shared().with(json!({"extra": deep})).is_err());
    let manual = json!({"turn_detection": {"mode": "manual", "threshold": null}});
    assert!(shared().with(manual).is_ok());
}

#[test]
fn only_what_can_change_may() {
    let changes = json!({"instructions": "Be long.", "tools": [], "tool_handling": {"timeout_ms": 5}});
    let changed = shared().check_update(&changes).unwrap();
    assert_eq!((changed.instructions.as_deref(), changed.tools.len()), (Some("Be long."), 0));
    for (changes, code, path) in [
        (json!({"model": "x"}), "immutable_field", "model"),
        (json!({"voice": "marin", "audio": {"input": {}}}), "immutable_field", "audio"),
        (json!({"labels": null}), "immutable_field", "labels"),
        (json!({"instrucions": "x"}), "invalid_config", "instrucions"),
        (json!({"turn_detection": {"treshold": 1}}), "invalid_config", "turn_detection.treshold"),
        (json!({"speed": 9}), "invalid_config", "speed"),
        (json!(7), "invalid_config", ""),
    ] {
        let error = shared().check_update(&changes).unwrap_err();
        let told = (error.class, error.code.as_ref(), error.field.as_deref().unwrap_or_default());
        assert_eq!(told, (ErrorClass::Config, code, path), "{error}");
        assert!(error.fix.is_some(), "{error}");
    }
    let fix = shared().check_update(&json!({"instrucions": "x"})).unwrap_err().fix.unwrap();
    assert!(fix.contains("did you mean \"instructions\"?"), "{fix}");
}

#[test]
fn every_mutable_field_is_a_field() {
    let document = serde_json::to_value(Config::default()).unwrap();
    for name in Config::MUTABLE {
        assert!(document.get(name).is_some(), "{name}");
        assert!(Config::default().check_update(&json!({*name: Value::Null})).is_ok(), "{name}");
    }
}
