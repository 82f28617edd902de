//! The `setup` object (protocols reference §3.1, §3.2), built from the configuration. What is not wished for is left out:
//! the service refuses what it does not know, and null.

use super::models::{Model, Thinking, rules};
use crate::config::{Config, ReasoningEffort, Scheduling, Tool, VadMode};
use serde_json::{Map, Value, json};

/// Model when none is configured.
pub const MODEL: &str = super::models::NEWEST;

/// The name of the model, as it was given or as it is without that.
pub fn model_name(config: &Config) -> &str {
    config.model.as_deref().unwrap_or(MODEL)
}

/// What is set up.
pub fn setup(config: &Config) -> Value {
    let name = model_name(config);
    let model = rules(name);
    // Vertex has whole paths.
    let path = if name.contains('/') { name.to_owned() } else { format!("models/{name}") };
    let mut setup = json!({
        "model": path,
        "generationConfig": generation(config, model),
        "realtimeInputConfig": input(config),
        "outputAudioTranscription": {},
        // Without it 15 minutes of sound fill the model's memory, and the session ends.
        "contextWindowCompression": {"slidingWindow": {}},
        // Empty it asks for the handles that another connection goes on with.
        "sessionResumption": {},
    });
    put(&mut setup, "systemInstruction", config.instructions.as_deref().map(instructions));
    if !config.tools.is_empty() {
        setup["tools"] = tools(config);
    }
    put(&mut setup, "inputAudioTranscription", config.transcription.as_ref().map(transcription));
    merge(&mut setup, &config.extra);
    setup
}

fn generation(config: &Config, model: &Model) -> Value {
    let mut generation = json!({"responseModalities": ["AUDIO"]});
    put(&mut generation, "temperature", config.temperature);
    put(&mut generation, "maxOutputTokens", config.max_output_tokens);
    if let Some(voice) = &config.voice {
        generation["speechConfig"] = json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}});
    }
    let level = config.reasoning_effort.map(level).or((model.thinking == Thinking::Required).then_some("LOW"));
    if let Some(level) = level.filter(|_| model.thinking != Thinking::None) {
        generation["thinkingConfig"] = json!({"thinkingLevel": level});
    }
    generation
}

fn level(effort: ReasoningEffort) -> &'static str {
    match effort {
        ReasoningEffort::Minimal => "MINIMAL",
        ReasoningEffort::Low => "LOW",
        ReasoningEffort::Medium => "MEDIUM",
        ReasoningEffort::High | ReasoningEffort::Xhigh => "HIGH",
    }
}

/// The client says where the user's turns begin and end.
pub fn is_manual(setup: &Value) -> bool {
    setup["realtimeInputConfig"]["automaticActivityDetection"]["disabled"] == true
}

/// Words for the model as it takes them.
pub fn instructions(text: &str) -> Value {
    json!({"parts": [{"text": plain(text)}]})
}

/// Without control characters, for which the service ends the session (protocols reference §7).
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t' | '\r') { ' ' } else { c }).collect()
}

/// The same for every text in it.
pub fn plain_value(value: Value) -> Value {
    match value {
        Value::String(text) => plain(&text).into(),
        Value::Array(values) => values.into_iter().map(plain_value).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (plain(&name), plain_value(value))).collect(),
        other => other,
    }
}

/// Tools the service runs itself stand beside functions and contradict none.
pub fn are_native(tools: &Value) -> bool {
    let native = |tool: &Value| tool.is_object() && tool.get("functionDeclarations").is_none();
    tools.as_array().is_some_and(|tools| !tools.is_empty() && tools.iter().all(native))
}

fn input(config: &Config) -> Value {
    let turns = &config.turn_detection;
    let mut detection = json!({});
    if turns.mode == VadMode::Manual {
        detection["disabled"] = true.into();
    } else {
        put(&mut detection, "prefixPaddingMs", turns.prefix_padding_ms);
        put(&mut detection, "silenceDurationMs", turns.silence_duration_ms);
    }
    let handling = if turns.interrupt_response { "START_OF_ACTIVITY_INTERRUPTS" } else { "NO_INTERRUPTION" };
    json!({"automaticActivityDetection": detection, "activityHandling": handling})
}

fn transcription(wish: &crate::config::Transcription) -> Value {
    let mut wire = json!({});
    let languages: Vec<_> = wish.language.iter().chain(&wish.languages).cloned().collect();
    put(&mut wire, "languageCodes", (!languages.is_empty()).then_some(languages));
    put(&mut wire, "customVocabulary", (!wish.keywords.is_empty()).then(|| wish.keywords.clone()));
    wire
}

/// All functions, as one tool.
pub fn tools(config: &Config) -> Value {
    let model = rules(model_name(config));
    let declared: Vec<Value> = config.tools.iter().map(|tool| declaration(tool, model)).collect();
    json!([{"functionDeclarations": declared}])
}

fn declaration(tool: &Tool, model: &Model) -> Value {
    let mut wire = json!({"name": tool.name});
    put(&mut wire, "description", tool.description.as_deref().map(plain));
    let parameters = tool.parameters.as_ref().map(schema);
    // An object without properties is refused; a function without parameters is not.
    let empty = |schema: &Value| schema["properties"].as_object().is_none_or(Map::is_empty);
    put(&mut wire, "parameters", parameters.filter(|schema| !empty(schema)));
    // Only then it has something to schedule.
    let talks_on = tool.scheduling.is_some_and(|wish| wish != Scheduling::Wait) && model.schedules;
    put(&mut wire, "behavior", if talks_on { Some("NON_BLOCKING") } else { model.behavior });
    wire
}

/// The part of a JSON Schema the service takes. What is left out here is checked on this side: arguments that do not fit
/// never reach the host.
fn schema(schema: &Value) -> Value {
    let Some(from) = schema.as_object() else { return json!({"type": "STRING"}) };
    let mut to = json!({});
    for (key, value) in from {
        match (key.as_str(), value) {
            ("type", Value::String(kind)) => to["type"] = kind.to_uppercase().into(),
            ("type", Value::Array(kinds)) => {
                let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("string");
                to["type"] = kind.to_uppercase().into();
                if kinds.iter().any(|kind| kind == "null") {
                    to["nullable"] = true.into();
                }
            }
            ("properties", Value::Object(fields)) => {
                to["properties"] = fields.iter().map(|(name, field)| (name.clone(), self::schema(field))).collect();
            }
            ("items", items) => to["items"] = self::schema(items),
            ("anyOf" | "oneOf", Value::Array(ways)) => {
                let null = |way: &&Value| way["type"] == "null";
                if let Some(way) = ways.iter().find(|way| !null(way)) {
                    merge(&mut to, self::schema(way).as_object().unwrap_or(&Map::new()));
                }
                if ways.iter().any(|way| null(&way)) {
                    to["nullable"] = true.into();
                }
            }
            ("enum", Value::Array(values)) => {
                let words: Vec<_> = values.iter().filter(|v| v.is_string()).cloned().collect();
                put(&mut to, "enum", (words.len() == values.len()).then_some(words));
            }
            (
                "description" | "required" | "format" | "nullable" | "minimum" | "maximum" | "minItems" | "maxItems",
                _,
            ) => {
                to[key.as_str()] = value.clone();
            }
            _ => {}
        }
    }
    // What is required has to be declared.
    if let Some(mut required) = to.as_object_mut().and_then(|to| to.remove("required")) {
        if let Some(names) = required.as_array_mut() {
            names.retain(|name| name.as_str().is_some_and(|name| to["properties"].get(name).is_some()));
        }
        put(
            &mut to,
            "required",
            Some(required).filter(|names| names.as_array().is_some_and(|names| !names.is_empty())),
        );
    }
    // What has no type is never called, and an array has to say of what.
    if to.get("type").is_none() {
        to["type"] = if to.get("properties").is_some() { "OBJECT" } else { "STRING" }.into();
    }
    if to["type"] == "ARRAY" && to.get("items").is_none() {
        to["items"] = json!({"type": "STRING"});
    }
    // Only numbers and strings of the service's own list have a format.
    if to["type"] == "STRING" && to["format"].as_str().is_none_or(|f| !["enum", "date-time"].contains(&f)) {
        to.as_object_mut().map(|to| to.remove("format"));
    }
    to
}

fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}

/// Objects are merged, tools of the service added to functions, everything else replaced.
/// Null takes a field out: the service refuses null.
fn merge(target: &mut Value, extra: &Map<String, Value>) {
    for (key, value) in extra {
        match (target.get_mut(key), value) {
            (_, Value::Null) => _ = target.as_object_mut().map(|target| target.remove(key)),
            (Some(Value::Array(own)), Value::Array(more)) if key == "tools" && are_native(value) => {
                own.extend(more.iter().cloned());
            }
            (Some(inner @ Value::Object(_)), Value::Object(more)) => merge(inner, more),
            (_, Value::Object(more)) => {
                let mut inner = json!({});
                merge(&mut inner, more);
                target[key.as_str()] = inner;
            }
            _ => target[key.as_str()] = value.clone(),
        }
    }
}
