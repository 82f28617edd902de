//! The `session` object of the wire (protocols reference §2), built from the configuration.

use super::profile::Profile;
use crate::config::{Config, Modality, NoiseReduction, ToolChoice};
use serde_json::{Map, Value, json};

/// What `session.update` asks for. Nested audio objects are complete for what duologue owns, and
/// fields the user left open are left out, never null: null switches a feature off.
pub fn session_object(config: &Config, profile: &Profile) -> Value {
    let format = json!({"type": "audio/pcm", "rate": profile.rate});
    let mut detection = json!({
        "type": "server_vad",
        "create_response": config.turn_detection.create_response,
        "interrupt_response": config.turn_detection.interrupt_response,
    });
    put(&mut detection, "threshold", config.turn_detection.threshold);
    put(&mut detection, "prefix_padding_ms", config.turn_detection.prefix_padding_ms);
    put(&mut detection, "silence_duration_ms", config.turn_detection.silence_duration_ms);

    let mut input = json!({"format": format, "turn_detection": detection});
    // Here null is meant: transcription off is a wish, not a gap.
    input["transcription"] = config.transcription.as_ref().map_or(Value::Null, |t| {
        let mut wire = json!({"model": t.model});
        put(&mut wire, "language", t.language.as_deref());
        put(&mut wire, "prompt", t.prompt.as_deref());
        wire
    });
    if let Some(kind) = config.noise_reduction {
        let kind = match kind {
            NoiseReduction::NearField => "near_field",
            NoiseReduction::FarField => "far_field",
        };
        input["noise_reduction"] = json!({"type": kind});
    }
    let mut output = json!({"format": format, "voice": config.voice.as_deref().unwrap_or(profile.voice)});
    put(&mut output, "speed", config.speed);

    let mut session = json!({
        "type": "realtime",
        "output_modalities": [modality(config.output_modality)],
        "audio": {"input": input, "output": output},
    });
    put(&mut session, "instructions", config.instructions.as_deref());
    put(&mut session, "max_output_tokens", config.max_output_tokens);
    if !config.tools.is_empty() {
        session["tools"] = config.tools.iter().map(tool).collect();
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

/// A built-in voice by its name, a voice of one's own as an object.
pub fn voice(name: &str) -> Value {
    if name.starts_with("voice_") { json!({ "id": name }) } else { json!(name) }
}

/// Whether tools may be called.
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

fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}

/// Objects are merged, everything else replaced.
fn merge(target: &mut Value, extra: &Map<String, Value>) {
    for (key, value) in extra {
        match (target.get_mut(key), value) {
            (Some(inner @ Value::Object(_)), Value::Object(more)) => merge(inner, more),
            _ => target[key.as_str()] = value.clone(),
        }
    }
}
