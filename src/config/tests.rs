use super::*;

fn wrong(json: &str) -> Error {
    Config::from_json(json).expect_err(json)
}

fn field(json: &str) -> String {
    let error = wrong(json);
    assert!(error.fix.is_some() || error.code == "invalid_json", "{error}");
    error.field.unwrap_or_default()
}

#[test]
fn unknown_keys_name_their_path_and_the_fix() {
    for (json, path) in [
        (r#"{"voic": "marin"}"#, "voic"),
        (r#"{"turn_detection": {"treshold": 0.5}}"#, "turn_detection.treshold"),
        (r#"{"audio": {"input": {"rat": 16000}}}"#, "audio.input.rat"),
        (r#"{"audio": {"inputs": {}}}"#, "audio.inputs"),
        (r#"{"audio": {"input": {"delivery": "pull"}}}"#, "audio.input.delivery"),
        (r#"{"tools": [{"name": "a"}, {"name": "b", "strict": true}]}"#, "tools[1].strict"),
        (r#"{"transcription": {"models": "x"}}"#, "transcription.models"),
        (r#"{"tls": {"insecure": true}}"#, "tls.insecure"),
    ] {
        let error = wrong(json);
        assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Config, Some(path)), "{json}");
        assert!(error.fix.unwrap().starts_with("remove it"), "{json}");
    }
    let fix = wrong(r#"{"tls": {"insecure": true}}"#).fix.unwrap();
    assert!(fix.contains("extra_roots") && !fix.contains('`'), "{fix}");
    let name = wrong(r#"{"audio": {"output": {"output": 1}}}"#);
    assert_eq!(name.field.as_deref(), Some("audio.output.output"), "a wrong key that is called like its parent");
}

#[test]
fn wrong_types_and_values_name_their_path() {
    for (json, path) in [
        (r#"{"speed": "fast"}"#, "speed"),
        (r#"{"turn_detection": {"threshold": "high"}}"#, "turn_detection.threshold"),
        (r#"{"turn_detection": {"silence_duration_ms": -1}}"#, "turn_detection.silence_duration_ms"),
        (r#"{"output_modality": "smell"}"#, "output_modality"),
        (r#"{"tools": [{"description": "no name"}]}"#, "tools[0]"),
        (r#"{"audio": {"input": {"source": "radio"}}}"#, "audio.input.source"),
        (r#"{"audio": {"output": {"delivery": "post"}}}"#, "audio.output.delivery"),
        (r#"{"audio": {"output": {"positions": "guessed"}}}"#, "audio.output.positions"),
        (r#"{"noise_reduction": "mid_field"}"#, "noise_reduction"),
    ] {
        let error = wrong(json);
        assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Config, Some(path)), "{json}: {error}");
    }
}

#[test]
fn ranges_are_checked_at_both_ends() {
    for (path, low, high, outside) in [
        ("speed", "0.25", "1.5", ["0.24", "1.51"]),
        ("turn_detection.threshold", "0", "1", ["-0.01", "1.01"]),
        ("max_output_tokens", "1", "4096", ["0", "4097"]),
        ("audio.input.rate", "8000", "192000", ["7999", "192001"]),
        ("audio.output.rate", "8000", "192000", ["7999", "192001"]),
    ] {
        let document = |value: &str| {
            let closing = "}".repeat(path.split('.').count());
            format!("{{\"{}\": {value}{closing}", path.replace('.', "\": {\""))
        };
        for inside in [low, high] {
            Config::from_json(&document(inside)).unwrap_or_else(|e| panic!("{path} {inside}: {e}"));
        }
        for value in outside {
            assert_eq!(field(&document(value)), path, "{value}");
        }
    }
}

#[test]
fn combinations_that_mean_nothing_are_refused() {
    for (json, path) in [
        (r#"{"audio": {"input": {"source": "device", "rate": 16000}}}"#, "audio.input.rate"),
        (r#"{"audio": {"output": {"source": "none", "rate": 16000}}}"#, "audio.output.rate"),
        (r#"{"audio": {"output": {"source": "device", "delivery": "pull"}}}"#, "audio.output.delivery"),
        (r#"{"audio": {"output": {"source": "none", "positions": "reported"}}}"#, "audio.output.positions"),
        (r#"{"output_modality": "text", "speed": 1.2}"#, "speed"),
        (r#"{"tool_choice": {"function": "f"}}"#, "tool_choice"),
        (r#"{"tool_choice": "required"}"#, "tool_choice"),
        (r#"{"tool_choice": "none"}"#, "tool_choice"),
        (r#"{"tools": [{"name": "f"}, {"name": "g"}, {"name": "f"}]}"#, "tools[2].name"),
        (r#"{"tools": [{"name": ""}]}"#, "tools[0].name"),
        (r#"{"tools": [{"name": "get weather"}]}"#, "tools[0].name"),
        (r#"{"tools": [{"name": "f", "parameters": []}]}"#, "tools[0].parameters"),
        (r#"{"model": " "}"#, "model"),
        (r#"{"voice": ""}"#, "voice"),
        (r#"{"base_url": ""}"#, "base_url"),
        (r#"{"provider": "acme"}"#, "provider"),
    ] {
        assert_eq!(field(json), path, "{json}");
    }
    let long = format!(r#"{{"tools": [{{"name": "{}"}}]}}"#, "x".repeat(65));
    assert_eq!(field(&long), "tools[0].name");
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    for (json, path) in [
        (r#"{"voice": "a", "voice": "b"}"#, "voice"),
        (r#"{"audio": {"input": {"rate": 8000, "rate": 16000}}}"#, "audio.input.rate"),
        (r#"{"audio": {}, "audio": {}}"#, "audio"),
    ] {
        let error = wrong(json);
        assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Config, Some(path)), "{json}: {error}");
        assert!(error.message.contains("twice"), "{error}");
        assert!(error.fix.is_some());
    }
}

#[test]
fn what_is_no_document_says_so() {
    for json in ["", "{", "nonsense", "{\"voice\": }"] {
        assert_eq!(wrong(json).code, "invalid_json", "{json}");
    }
    for json in ["[]", "7", "null", "{} {}"] {
        assert_eq!(wrong(json).class, ErrorClass::Config, "{json}");
    }
    // serde would take a list as the fields in order.
    for (json, path) in [(r#"{"audio": []}"#, "audio"), (r#"{"turn_detection": [0.5]}"#, "turn_detection")] {
        assert_eq!(field(json), path, "{json}");
    }
    assert_eq!(field(r#"{"tools": [["f"]]}"#), "tools[0]");
}

#[test]
fn a_document_survives_writing_and_reading() {
    let config = Config::from_json(
        r#"{"instructions": "x", "tools": [{"name": "f"}], "tool_choice": {"function": "f"}, "transcription": null,
            "labels": {"a": "b"}, "extra": {"x": null}, "raw_events": "all", "audio": {"output": {"source": "device"}}}"#,
    )
    .unwrap();
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(Config::from_json(&json).unwrap(), config);
    assert_eq!(Config::from_json("{}").unwrap(), Config::default());
}
