//! Combinations, bounds and formats.

use super::{field, wrong};
use crate::Config;
use serde_json::json;

#[test]
fn a_setting_of_another_turn_mode_names_the_mode_it_needs() {
    let settings = [
        ("threshold", json!(0.5), "server", &["server"][..]),
        ("prefix_padding_ms", json!(300), "server", &["server", "manual"]),
        ("silence_duration_ms", json!(500), "server", &["server"]),
        ("idle_timeout_ms", json!(5000), "server", &["server"]),
        ("eagerness", json!("low"), "semantic", &["semantic"]),
        ("minimum_ms", json!(100), "manual", &["manual"]),
    ];
    for (name, value, needed, modes) in settings {
        for mode in ["server", "semantic", "manual"] {
            let document = json!({"turn_detection": {"mode": mode, name: value}}).to_string();
            if modes.contains(&mode) {
                Config::from_json(&document).unwrap();
                continue;
            }
            let error = wrong(&document);
            assert_eq!(error.field.as_deref(), Some(format!("turn_detection.{name}").as_str()), "{document}");
            assert!(error.message.contains(mode) && error.fix.unwrap().contains(&format!("\"{needed}\"")), "{mode}");
        }
    }
    let pre_roll = |ms| json!({"turn_detection": {"mode": "manual", "prefix_padding_ms": ms}}).to_string();
    Config::from_json(&pre_roll(2000)).unwrap();
    assert_eq!(field(&pre_roll(2001)), "turn_detection.prefix_padding_ms");
}

#[test]
fn what_means_nothing_is_refused() {
    let long = "x".repeat(300);
    let many: std::collections::BTreeMap<_, _> = (0..33).map(|i| (format!("l{i}"), "x")).collect();
    for (document, path) in [
        (json!({"greeting": " "}), "greeting"),
        (json!({"greeting": "x".repeat(64 * 1024 + 1)}), "greeting"),
        (json!({"labels": many}), "labels"),
        (json!({"labels": {"room": long}}), "labels.room"),
        (json!({"labels": {long.as_str(): "x"}}), "labels"),
        (json!({"labels": {"": "x"}}), "labels"),
        (json!({"labels": {"a": "x\ny"}}), "labels.a"),
        (json!({"labels": {"a\n": "x"}}), "labels"),
        (json!({"credentials": {"timeout_ms": 1000}}), "credentials.timeout_ms"),
        (json!({"credentials": {"refresh_ahead": true}}), "credentials.refresh_ahead"),
        (json!({"transcription": {"model": ""}}), "transcription.model"),
        (json!({"transcription": {"prompt": ""}}), "transcription.prompt"),
        (json!({"transcription": {"language": "en", "languages": ["de"]}}), "transcription.languages"),
        (json!({"transcription": {"languages": ["de", "German"]}}), "transcription.languages[1]"),
        (json!({"transcription": {"languages": ["de", "de"]}}), "transcription.languages[1]"),
        (json!({"transcription": {"keywords": ["", "de"]}}), "transcription.keywords[0]"),
        (json!({"transcription": {"keywords": vec!["x"; 257]}}), "transcription.keywords"),
        (json!({"tools": [{"name": "f", "parameters": {"type": "array"}}]}), "tools[0].parameters.type"),
        (json!({"tools": [{"name": "f", "parameters": true}]}), "tools[0].parameters"),
        (
            json!({"tools": [{"name": "f"}, {"name": "g", "parameters": {"properties": {"city": {"type": "strin"}}}}]}),
            "tools[1].parameters.properties.city.type",
        ),
        (json!({"tools": [{"name": "f", "output_schema": 7}]}), "tools[0].output_schema"),
        (
            json!({"tools": [{"name": "f", "output_schema": {"$ref": "https://example.com/a.json"}}]}),
            "tools[0].output_schema.$ref",
        ),
    ] {
        assert_eq!(field(&document.to_string()), path, "{document}");
    }
}

#[test]
fn what_is_meant_is_taken() {
    for document in [
        json!({"greeting": "Good morning!", "temperature": 0.8, "labels": {"room": "kitchen"}}),
        json!({"credentials": {"source": "asked", "timeout_ms": 100, "refresh_ahead": true}}),
        json!({"transcription": {"languages": ["de", "gsw"], "keywords": ["Zürich"], "delay": "low"}}),
        json!({"turn_detection": {"mode": "manual", "prefix_padding_ms": 0, "minimum_ms": 500}}),
        json!({"tools": [{"name": "f", "output_schema": true, "timeout_ms": 1, "parameters": {"type": "object"}}]}),
        json!({"tool_choice": "required", "extra": {"tools": [{"type": "mcp"}]}}),
    ] {
        Config::from_json(&document.to_string()).unwrap_or_else(|e| panic!("{document}: {e}"));
    }
}

#[test]
fn a_language_is_a_code_and_the_fix_says_which() {
    let fix = |code: &str| wrong(&json!({"transcription": {"language": code}}).to_string()).fix.unwrap();
    assert_eq!(fix("en-US"), "write \"en\"");
    assert_eq!(fix("DE_ch"), "write \"de\"");
    assert!(fix("german").contains("\"de\""));
    assert!(fix("").contains("two letters"));
}

#[test]
fn a_key_in_the_wrong_place_is_not_told() {
    const KEY: &str = "sk-LEAKLEAK1234567890abcdef";
    let label = json!({ KEY: "x".repeat(300) });
    for document in [
        json!({"base_url": KEY}),
        json!({"base_url": format!("ftp://x/{KEY}")}),
        json!({"provider": KEY}),
        json!({"tool_choice": {"function": KEY}, "tools": [{"name": "f"}]}),
        json!({"tools": [{"name": format!("{KEY} x")}]}),
        json!({"tools": [{"name": KEY}, {"name": KEY}]}),
        json!({"labels": label}),
    ] {
        let config = Config::from_json(&document.to_string());
        let error = config.and_then(|config| crate::provider::codec_for(&config).map(drop)).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("LEAK"), "{document}: {error:?}");
    }
}

#[test]
fn words_of_other_documents_lead_to_ours() {
    for (document, meant) in [
        (json!({"tools": [{"name": "f", "input_schema": {}}]}), "\"parameters\""),
        (json!({"transcription": {"lang": "de"}}), "\"language\""),
        (json!({"turn_detection": {"silence_ms": 500}}), "\"silence_duration_ms\""),
        (json!({"vad_mode": "manual"}), "\"turn_detection.mode\""),
        (json!({"auto_playback": false}), "\"audio.output.source\""),
        (json!({"auto_reconnect": false}), "\"recovery.reconnect\""),
        (json!({"max_retries": 3}), "\"recovery.max_attempts\""),
        (json!({"max_offline_ms": 3}), "\"recovery.max_offline_ms\""),
    ] {
        let fix = wrong(&document.to_string()).fix.unwrap();
        assert!(fix.contains(&format!("did you mean {meant}")), "{document}: {fix}");
    }
}
