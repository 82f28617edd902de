//! The first message: what of the agent is to be other than it is (protocols reference §3). What is not wished for is left
//! out, for every override has to be permitted by the agent, and null is none.

use crate::config::{Config, Modality};
use serde_json::{Map, Value, json};

/// The whole message.
pub fn message(config: &Config) -> Value {
    let mut message = json!({"type": "conversation_initiation_client_data"});
    let mut overrides = json!({});
    put(&mut overrides, &["agent", "prompt", "prompt"], config.instructions.as_deref());
    put(&mut overrides, &["agent", "first_message"], config.greeting.as_deref());
    let language = config.transcription.as_ref().and_then(|t| t.language.as_deref());
    put(&mut overrides, &["agent", "language"], language);
    put(&mut overrides, &["tts", "voice_id"], config.voice.as_deref());
    put(&mut overrides, &["tts", "speed"], config.speed);
    let keywords = config.transcription.as_ref().map(|t| t.keywords.clone()).filter(|words| !words.is_empty());
    put(&mut overrides, &["asr", "keywords"], keywords);
    let writes = (config.output_modality == Modality::Text).then_some(true);
    put(&mut overrides, &["conversation", "text_only"], writes);
    if overrides.as_object().is_some_and(|fields| !fields.is_empty()) {
        message["conversation_config_override"] = overrides;
    }
    // Only a language model of one's own is told.
    put(&mut message, &["custom_llm_extra_body", "temperature"], config.temperature);
    put(&mut message, &["custom_llm_extra_body", "max_tokens"], config.max_output_tokens);
    merge(&mut message, &config.extra);
    message
}

fn put(object: &mut Value, path: &[&str], value: Option<impl Into<Value>>) {
    let Some(value) = value else { return };
    let mut at = object;
    for name in path {
        at = &mut at[*name];
    }
    *at = value.into();
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

/// The field of the configuration that the words of a refusal are about ("Override for field 'voice_id' is not allowed by
/// config", "Missing required dynamic variables: ..."), and what to do.
pub fn refused_field(reason: &str) -> Option<(&'static str, &'static str)> {
    if reason.to_lowercase().contains("dynamic variable") {
        return Some(("extra.dynamic_variables", "give those the agent asks for"));
    }
    let (_, named) = reason.split_once("field '")?;
    let (name, _) = named.split_once('\'')?;
    let field = match name.rsplit('.').next()? {
        "prompt" => "instructions",
        "first_message" => "greeting",
        "language" => "transcription.language",
        "voice_id" => "voice",
        "speed" => "speed",
        "keywords" => "transcription.keywords",
        "text_only" => "output_modality",
        _ => "extra",
    };
    Some((field, "leave it out, or have the agent permit it in its settings (security, overrides)"))
}
