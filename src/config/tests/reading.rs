//! What the errors of reading say, for documents that are wrong in every way, and for every field of the schema.

use super::{field, wrong};
use crate::{Config, ErrorClass};

/// Document, path, words of the message, words of the fix.
const WRONG: &[(&str, &str, &str, &str)] = &[
    // Keys nobody knows.
    (r#"{"instrutions": "x"}"#, "instrutions", "unknown key", r#"did you mean "instructions"?"#),
    (r#"{"maxOutputTokens": 7}"#, "maxOutputTokens", "unknown key", r#"did you mean "max_output_tokens"?"#),
    (r#"{"max-output-tokens": 7}"#, "max-output-tokens", "unknown key", r#"did you mean "max_output_tokens"?"#),
    (r#"{"turn_detecton": {}}"#, "turn_detecton", "unknown key", r#"did you mean "turn_detection"?"#),
    (r#"{"turn_detection": {"silence_ms": 7}}"#, "turn_detection.silence_ms", "unknown key", "silence_duration_ms"),
    (
        r#"{"silence_duration_ms": 500}"#,
        "silence_duration_ms",
        "unknown key",
        r#"did you mean "turn_detection.silence_duration_ms" of the whole document?"#,
    ),
    (r#"{"system_prompt": "x"}"#, "system_prompt", "unknown key", r#"did you mean "instructions""#),
    (r#"{"api_key": "sk-canary"}"#, "api_key", "unknown key", "the credential is given separately"),
    (r#"{"sk-canary123": 1}"#, "sk-[redacted]", "unknown key", "remove it; accepted here: provider, "),
    (r#"{"": 1}"#, "", "unknown key", "remove it"),
    (r#"{"a`, expected `b": 1}"#, "a`, expected `b", "unknown key", "remove it"),
    (r#"{"tls": {"verify": false}}"#, "tls.verify", "unknown key", "accepted here: extra_roots"),
    (r#"{"tools": [{"name": "a"}, {"name": "b", "strict": true}]}"#, "tools[1].strict", "unknown key", "parameters"),
    (r#"{"tools": [{"name": "a", "paramters": {}}]}"#, "tools[0].paramters", "unknown key", r#"mean "parameters"?"#),
    (r#"{"audio": {"output": {"output": 1}}}"#, "audio.output.output", "unknown key", "delivery"),
    (r#"{"audio": {"output": {"output": {"output": 1}}}}"#, "audio.output.output", "unknown key", "delivery"),
    // Things of the wrong kind.
    ("[]", "", "the configuration is a list; an object is expected", "write {...}"),
    ("7", "", "the configuration is 7; an object is expected", "write {...}"),
    ("null", "", "the configuration is null; an object is expected", "write {...}"),
    (r#"{"audio": "loud"}"#, "audio", "is a string; an object is expected", "write {...}"),
    (r#"{"audio": []}"#, "audio", "is a list; an object is expected", "write {...}"),
    (r#"{"audio": null}"#, "audio", "is null; an object is expected", "leave it out for the default"),
    (r#"{"turn_detection": [0.5]}"#, "turn_detection", "is a list; an object", "write {...}"),
    (r#"{"turn_detection": null}"#, "turn_detection", "is null; an object", r#"{"mode": "manual"}"#),
    (r#"{"tools": {}}"#, "tools", "is an object; a list is expected", "write [...]"),
    (r#"{"tools": [["f"]]}"#, "tools[0]", "is a list; an object is expected", "write {...}"),
    (r#"{"tools": [{"name": "f"}, 7]}"#, "tools[1]", "is 7; an object is expected", "write {...}"),
    (r#"{"tools": [{"description": "x"}]}"#, "tools[0].name", "is missing", r#"write {"name": ...}"#),
    (r#"{"tools": [{"name": null}]}"#, "tools[0].name", "is null; a string is expected", r#"write "...""#),
    (r#"{"tls": {"extra_roots": "pem"}}"#, "tls.extra_roots", "is a string; a list", "write [...]"),
    (r#"{"tls": {"extra_roots": [1]}}"#, "tls.extra_roots[0]", "is 1; a string", r#"write "...""#),
    (r#"{"labels": {"a": 1}}"#, "labels.a", "is 1; a string", r#"write "...""#),
    (r#"{"labels": []}"#, "labels", "is a list; an object", "write {...}"),
    (r#"{"strict": "yes"}"#, "strict", "is a string; true or false", "without quotes"),
    (r#"{"speed": "1.0"}"#, "speed", "is a string; a number", "use a number, 0.25 to 1.5"),
    (r#"{"speed": "sk-canary"}"#, "speed", "is a string; a number", "0.25"),
    (r#"{"max_output_tokens": 1.5}"#, "max_output_tokens", "is 1.5; a whole number", r#"1 to 4096, or "inf""#),
    (r#"{"max_output_tokens": -1}"#, "max_output_tokens", "is -1; a whole number", r#"1 to 4096, or "inf""#),
    (r#"{"max_output_tokens": 9999999999}"#, "max_output_tokens", "is 9999999999", r#"1 to 4096, or "inf""#),
    (r#"{"max_output_tokens": "lots"}"#, "max_output_tokens", "is a string", r#"1 to 4096, or "inf""#),
    (
        r#"{"turn_detection": {"silence_duration_ms": -1}}"#,
        "turn_detection.silence_duration_ms",
        "is -1; a whole number from 0",
        "write a whole number",
    ),
    (
        r#"{"tool_handling": {"timeout_ms": 1e3}}"#,
        "tool_handling.timeout_ms",
        "is 1000.0; a whole number",
        "use a whole number, 1 to 3600000",
    ),
    // Words that are not in the list.
    (r#"{"output_modality": "smell"}"#, "output_modality", r#""smell" is none of"#, r#"use "audio" or "text""#),
    (r#"{"output_modality": "Audio"}"#, "output_modality", r#""Audio" is none of"#, r#"mean "audio"?"#),
    (r#"{"noise_reduction": "nearfield"}"#, "noise_reduction", "none of", r#"did you mean "near_field"?"#),
    (r#"{"noise_reduction": 7}"#, "noise_reduction", "is 7; one of the", r#"use "near_field" or "far_field""#),
    (r#"{"turn_detection": {"mode": "server_vad"}}"#, "turn_detection.mode", "none of", r#"did you mean "server"?"#),
    (r#"{"turn_detection": {"mode": null}}"#, "turn_detection.mode", "is null", r#""semantic" or "manual""#),
    (r#"{"turn_detection": {"mode": {"server": null}}}"#, "turn_detection.mode", "is an object", r#""manual""#),
    (r#"{"raw_events": "sk-canary"}"#, "raw_events", "none of", r#"use "none", "unknown" or "all""#),
    (r#"{"tool_choice": "get_weather"}"#, "tool_choice", "none of", r#"{"function": "NAME"}"#),
    (r#"{"tool_choice": "function"}"#, "tool_choice", "", r#"{"function": "NAME"}"#),
    (r#"{"tool_choice": {"function": 7}}"#, "tool_choice.function", "is 7; a string", r#"write "...""#),
    (r#"{"tool_choice": {"func": "f"}}"#, "tool_choice", "none of", r#"{"function": "NAME"}"#),
    (r#"{"tool_choice": {"auto": null}}"#, "tool_choice", "is an object", r#"{"function": "NAME"}"#),
    (r#"{"tool_choice": {}}"#, "tool_choice", "is an object", r#"{"function": "NAME"}"#),
    (r#"{"tool_choice": []}"#, "tool_choice", "is a list", r#"{"function": "NAME"}"#),
    // The same key twice, at any depth.
    (r#"{"voice": "a", "voice": "b"}"#, "voice", "is there twice", "keep one"),
    (r#"{"audio": {"input": {"rate": 8000, "rate": 16000}}}"#, "audio.input.rate", "is there twice", "keep one"),
    (r#"{"labels": {"a": "1", "a": "2"}}"#, "labels.a", "is there twice", "keep one"),
    (r#"{"tools": [{"name": "f", "parameters": {"a": 1, "a": 2}}]}"#, "tools[0].parameters.a", "twice", "keep one"),
    (r#"{"extra": {"x": [{"y": 1, "y": 2}]}}"#, "extra.x[0].y", "is there twice", "keep one"),
    ("{} {}", "", "text after the document", "one JSON object"),
];

#[test]
fn every_error_names_the_path_the_cause_and_the_fix() {
    for (json, path, cause, fix) in WRONG {
        let error = wrong(json);
        assert_eq!(error.class, ErrorClass::Config, "{json}");
        assert_eq!(error.field.as_deref().unwrap_or_default(), *path, "{json}: {error}");
        assert!(error.message.contains(cause), "{json}: {error}");
        assert!(error.fix.as_deref().unwrap_or_default().contains(fix), "{json}: {error}");
        let said = error.to_string();
        assert!(!said.contains("canary"), "{said}");
        for word in ["struct", "u32", "f64", "map", "sequence", "variant", "boolean"] {
            assert!(!said.split(' ').any(|w| w == word), "{said}: {word} is no word of JSON");
        }
    }
}

#[test]
fn long_words_are_cut() {
    let key = "x".repeat(100_000);
    for json in [format!(r#"{{"{key}": 1}}"#), format!(r#"{{"raw_events": "{key}"}}"#)] {
        let said = wrong(&json).to_string();
        assert!(said.len() < 1000, "{}", said.len());
    }
}

#[test]
fn too_deep_a_document_is_an_error() {
    let json = format!("{{\"extra\": {}1{}}}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(wrong(&json).code, "invalid_json");
}

/// A place in a document that the schema knows.
#[cfg(feature = "schema")]
struct Place {
    /// Keys from the root; `0` for an element of a list.
    path: Vec<String>,
    /// The schema there, references followed.
    schema: serde_json::Value,
}

#[cfg(feature = "schema")]
impl Place {
    fn written(&self) -> String {
        self.path.join(".").replace(".0", "[0]")
    }

    /// A document with `value` at this place, and else only what must be there.
    fn document(&self, value: serde_json::Value) -> String {
        let wrap = |inner: serde_json::Value, key: &String| match key.as_str() {
            "0" => serde_json::json!([inner]),
            key => {
                let mut object = serde_json::Map::new();
                object.insert(key.to_owned(), inner);
                object.into()
            }
        };
        self.path.iter().rev().fold(value, wrap).to_string()
    }

    fn accepts(&self, kind: &str) -> bool {
        let kinds = |schema: &serde_json::Value| match &schema["type"] {
            serde_json::Value::String(one) => one == kind,
            serde_json::Value::Array(list) => list.iter().any(|k| k == kind),
            // Anything goes.
            _ => false,
        };
        self.alternatives().into_iter().any(|schema| kinds(&schema))
    }

    fn alternatives(&self) -> Vec<serde_json::Value> {
        alternatives(&Config::schema(), &self.schema)
    }

    fn is_open(&self) -> bool {
        self.alternatives()
            .iter()
            .any(|s| s.as_bool() == Some(true) || s.get("type").is_none() && s.get("const").is_none())
    }

    fn words(&self) -> Vec<String> {
        let of = |s: &serde_json::Value| match (&s["const"], &s["enum"]) {
            (serde_json::Value::String(word), _) => vec![word.clone()],
            (_, serde_json::Value::Array(list)) => list.iter().filter_map(|w| Some(w.as_str()?.to_owned())).collect(),
            _ => Vec::new(),
        };
        self.alternatives().iter().flat_map(of).collect()
    }
}

/// The schema with references followed and choices laid side by side.
#[cfg(feature = "schema")]
fn alternatives(root: &serde_json::Value, schema: &serde_json::Value) -> Vec<serde_json::Value> {
    if let Some(to) = schema["$ref"].as_str() {
        return alternatives(root, root.pointer(&to[1..]).expect(to));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(list) = schema[key].as_array() {
            return list.iter().flat_map(|schema| alternatives(root, schema)).collect();
        }
    }
    vec![schema.clone()]
}

#[cfg(feature = "schema")]
fn places() -> Vec<Place> {
    fn walk(root: &serde_json::Value, place: Place, out: &mut Vec<Place>) {
        for schema in alternatives(root, &place.schema) {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let items = schema.get("items").map(|items| ("0".to_owned(), items.clone()));
            for (key, inner) in properties.map(|(k, v)| (k.clone(), v.clone())).chain(items) {
                let path = place.path.iter().cloned().chain([key]).collect();
                walk(root, Place { path, schema: inner }, out);
            }
        }
        out.push(place);
    }
    let root = Config::schema();
    let mut out = Vec::new();
    walk(&root, Place { path: Vec::new(), schema: root.clone() }, &mut out);
    out
}

#[cfg(feature = "schema")]
#[test]
fn every_field_of_the_schema_says_what_it_takes() {
    use serde_json::json;
    let places = places();
    let find = |path: &str| places.iter().any(|place| place.written() == path);
    assert!(find("audio.input.rate") && find("tools[0].timeout_ms") && find("turn_detection.eagerness"), "walk");
    for place in &places {
        let path = place.written();
        let number = place.accepts("integer") || place.accepts("number");
        let wrong_values = [
            ("string", json!("canary no such word")),
            ("boolean", json!(true)),
            ("number", json!(-7.5)),
            ("array", json!([[]])),
            ("object", json!({"canary": []})),
            ("null", json!(null)),
        ];
        for (kind, value) in wrong_values {
            let words = place.words();
            let fits = place.accepts(kind) && (kind != "string" || words.is_empty() && path != "max_output_tokens");
            if fits || place.is_open() || path.is_empty() && kind == "object" {
                continue;
            }
            // A number in range is not asked for here; ranges have a test of their own.
            if kind == "number" && place.accepts("number") {
                continue;
            }
            let error = wrong(&place.document(value.clone()));
            let at = error.field.clone().unwrap_or_default();
            // In a choice that may be an object, the object is looked into.
            let inside = kind == "object" && at.starts_with(&path);
            assert!(at == path || inside, "{path} = {value}: {error}");
            let fix = error.fix.clone().unwrap_or_default();
            assert!(!fix.is_empty(), "{path} = {value}: {error}");
            for word in words.iter().filter(|word| *word != "inf") {
                assert!(fix.contains(&format!("\"{word}\"")), "{path} = {value}: {error} does not name {word}");
            }
            if number && kind == "string" {
                assert!(fix.contains("number"), "{path}: {error}");
            }
        }
        // A misspelt key suggests the right one, in every object.
        for schema in place.alternatives().iter().filter(|s| s["additionalProperties"] == json!(false)) {
            for key in schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
                let misspelt = format!("{}{}", &key[..key.len() - 1], if key.ends_with('q') { "z" } else { "q" });
                let object = json!({misspelt.clone(): 1});
                let error = wrong(&place.document(object));
                let expected = if path.is_empty() { misspelt } else { format!("{path}.{misspelt}") };
                // A choice that holds something has words, not keys.
                if path == "tool_choice" {
                    continue;
                }
                assert_eq!(error.field.as_deref(), Some(expected.as_str()), "{error}");
                let fix = error.fix.unwrap_or_default();
                assert!(fix.starts_with(&format!("did you mean \"{key}\"?")), "{expected}: {fix}");
            }
        }
    }
}

#[test]
fn every_number_with_a_range_is_refused_outside_and_taken_at_both_ends() {
    for (path, low, high) in crate::config::ranges::RANGES {
        let place = |value: f64| {
            let number = if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value}") };
            let inner = path.rsplit('.').next().unwrap();
            match path.split_once('.') {
                None => format!(r#"{{"{path}": {number}}}"#),
                Some(("tools[]", key)) => format!(r#"{{"tools": [{{"name": "f", "{key}": {number}}}]}}"#),
                Some(("credentials", key)) => {
                    format!(r#"{{"credentials": {{"source": "asked", "{key}": {number}}}}}"#)
                }
                Some(("turn_detection", "minimum_ms")) => {
                    format!(r#"{{"turn_detection": {{"mode": "manual", "minimum_ms": {number}}}}}"#)
                }
                Some(("audio", rest)) => {
                    let side = rest.split('.').next().unwrap();
                    format!(r#"{{"audio": {{"{side}": {{"{inner}": {number}}}}}}}"#)
                }
                Some((object, key)) => format!(r#"{{"{object}": {{"{key}": {number}}}}}"#),
            }
        };
        for inside in [*low, *high] {
            Config::from_json(&place(inside)).unwrap_or_else(|e| panic!("{path} {inside}: {e}"));
        }
        let step = if *high <= 2.0 { 0.01 } else { 1.0 };
        for outside in [low - step, high + step] {
            assert_eq!(field(&place(outside)), path.replace("[]", "[0]"), "{outside}");
        }
    }
}
