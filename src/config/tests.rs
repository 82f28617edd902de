use super::*;

mod changes;
mod reading;
mod rules;

fn wrong(json: &str) -> Error {
    Config::from_json(json).expect_err(json)
}

fn field(json: &str) -> String {
    let error = wrong(json);
    assert!(error.fix.is_some() || error.code == "invalid_json", "{error}");
    error.field.unwrap_or_default()
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
fn what_is_no_json_says_so() {
    for json in ["", "{", "nonsense", "{\"voice\": }"] {
        assert_eq!(wrong(json).code, "invalid_json", "{json}");
    }
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
