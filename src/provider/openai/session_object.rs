//! The `session` object of the wire (protocols reference §2), built from the configuration.

use super::profile::Profile;
use crate::config::{Config, Modality, ToolChoice, Transcription, TurnDetection, VadMode};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What `session.update` asks for. Nested audio objects are complete for what duologue owns, and
/// fields the user left open are left out, never null: null switches a feature off.
pub fn session_object(config: &Config, profile: &Profile) -> Value {
    let format = json!({"type": "audio/pcm", "rate": profile.rate});
    // Here null is meant: manual turns and transcription off are wishes, not gaps.
    let mut input = json!({
        "format": format,
        "transcription": config.transcription.as_ref().map(|wish| transcription(wish, profile)),
    });
    if let Some(kind) = config.noise_reduction {
        input["noise_reduction"] = json!({"type": kind});
    }
    let mut output = json!({"format": format});
    // An application's own server has chosen one, where its client does not.
    let default = profile.voice.filter(|_| config.sdp_proxy.is_none());
    let voice = config.voice.as_deref().or(default).map(|name| voice(name, profile));
    let detection = turn_detection(&config.turn_detection);
    let mut session = json!({"type": "realtime"});
    if profile.grok {
        put(&mut session, "voice", voice);
        session["turn_detection"] = detection;
    } else {
        put(&mut output, "voice", voice);
        input["turn_detection"] = detection;
        // Where all answers are spoken the wish is refused before, and there is nothing to say.
        session["output_modalities"] = json!([modality(config.output_modality)]);
    }
    put(&mut output, "speed", config.speed);

    session["audio"] = json!({"input": input, "output": output});
    put(&mut session, "instructions", config.instructions.as_deref());
    put(&mut session, "max_output_tokens", config.max_output_tokens);
    put(&mut session, "parallel_tool_calls", config.parallel_tool_calls);
    if let Some(effort) = config.reasoning_effort {
        session["reasoning"] = json!({"effort": effort});
    }
    if !config.tools.is_empty() {
        session["tools"] = config.tools.iter().map(tool).collect();
    }
    if !config.tools.is_empty() || config.tool_choice != ToolChoice::Auto {
        session["tool_choice"] = tool_choice(&config.tool_choice);
    }
    merge(&mut session, &config.extra);
    session
}

/// One modality by name.
pub fn modality(modality: Modality) -> &'static str {
    match modality {
        Modality::Audio => "audio",
        Modality::Text => "text",
    }
}

/// When the user's turn ends; null: the host says so.
fn turn_detection(turns: &TurnDetection) -> Value {
    let mut wire = match turns.mode {
        VadMode::Manual => return Value::Null,
        VadMode::Server => json!({"type": "server_vad"}),
        VadMode::Semantic => json!({"type": "semantic_vad"}),
    };
    put(&mut wire, "threshold", turns.threshold);
    put(&mut wire, "prefix_padding_ms", turns.prefix_padding_ms);
    put(&mut wire, "silence_duration_ms", turns.silence_duration_ms);
    put(&mut wire, "idle_timeout_ms", turns.idle_timeout_ms);
    put(&mut wire, "eagerness", turns.eagerness.map(word));
    wire["create_response"] = turns.create_response.into();
    wire["interrupt_response"] = turns.interrupt_response.into();
    wire
}

fn transcription(wish: &Transcription, profile: &Profile) -> Value {
    let list = |words: &Vec<String>| (!words.is_empty()).then(|| words.clone());
    let model = transcriber(wish, profile);
    if profile.grok {
        let mut wire = json!({"model": model});
        put(&mut wire, "language_hint", wish.language.as_deref());
        put(&mut wire, "keyterms", list(&wish.keywords));
        return wire;
    }
    let mut wire = json!({"model": model});
    put(&mut wire, "language", wish.language.as_deref());
    put(&mut wire, "languages", list(&wish.languages));
    put(&mut wire, "keywords", list(&wish.keywords));
    put(&mut wire, "prompt", wish.prompt.as_deref());
    put(&mut wire, "delay", wish.delay.map(word));
    wire
}

/// The transcription model: the default of the configuration is OpenAI's, and stands for the host's own.
pub fn transcriber<'a>(wish: &'a Transcription, profile: &Profile) -> &'a str {
    profile.transcriber.filter(|_| wish.model == Transcription::default().model).unwrap_or(&wish.model)
}

/// A voice by its name; one a customer made goes as an object (reference §12.2).
pub fn voice(name: &str, profile: &Profile) -> Value {
    if profile.catalogue.custom_voice.is_some_and(|begins| name.starts_with(begins)) {
        json!({"id": name})
    } else {
        name.into()
    }
}

/// Whether tools may be called, as the session and a single response have it.
pub fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Function(name) => json!({"type": "function", "name": name}),
    }
}

/// Only these four keys: extra ones have been refused as `unknown_parameter` (reference §2.4).
pub fn tool(tool: &crate::config::Tool) -> Value {
    let mut wire = json!({"type": "function", "name": tool.name});
    put(&mut wire, "description", tool.description.as_deref());
    put(&mut wire, "parameters", tool.parameters.clone());
    wire
}

/// The vendor's words for these choices are ours.
fn word(choice: impl Serialize) -> Value {
    serde_json::to_value(choice).unwrap_or_default()
}

fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}

/// Tools the service runs itself (`web_search`, `mcp`, ...) stand beside functions and contradict none.
pub fn are_native(tools: &Value) -> bool {
    let native = |tool: &Value| tool["type"].as_str().is_some_and(|kind| kind != "function");
    tools.as_array().is_some_and(|tools| !tools.is_empty() && tools.iter().all(native))
}

/// Objects are merged, tools of the service added to functions, everything else replaced.
fn merge(target: &mut Value, extra: &Map<String, Value>) {
    for (key, value) in extra {
        match (target.get_mut(key), value) {
            (Some(Value::Array(own)), Value::Array(more)) if key == "tools" && are_native(value) => {
                own.extend(more.iter().cloned());
            }
            (Some(inner @ Value::Object(_)), Value::Object(more)) => merge(inner, more),
            _ => target[key.as_str()] = value.clone(),
        }
    }
}
