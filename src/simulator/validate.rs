//! What the service accepts, as tables: one line per field.
//!
//! A client event that breaks a table is refused as a whole, with the path of the first bad field.

use super::events::Refusal;
use serde_json::Value;

/// What a field may hold.
pub(super) enum Rule {
    Any,
    Bool,
    /// Text of at most so many characters.
    Text(usize),
    Int(i64, i64),
    Number(f64, f64),
    OneOf(&'static [&'static str]),
    /// A list whose elements follow the rule.
    List(&'static Rule),
    Object(&'static [Field]),
    /// A map from text to text: most pairs, longest key, longest value.
    Labels(usize, usize, usize),
    Custom(fn(&Value, &str) -> Result<(), Refusal>),
}

/// One field of an object.
pub(super) struct Field {
    name: &'static str,
    rule: Rule,
    required: bool,
    nullable: bool,
}

pub(super) const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true, nullable: false }
}

/// May be absent or null.
pub(super) const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false, nullable: true }
}

/// May be absent, but not null.
pub(super) const fn solid(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false, nullable: false }
}

const LONG: usize = 1 << 20;
const TEXT: Rule = Rule::Text(LONG);

const AUDIO_FORMATS: &[&str] = &["audio/pcm", "audio/pcmu", "audio/pcma"];
pub(super) const VOICES: &[&str] =
    &["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"];
const TRANSCRIBERS: &[&str] = &[
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "gpt-4o-transcribe-diarize",
];

/// The session object of `session.update` and of a client secret.
pub(super) const SESSION: &[Field] = &[
    required("type", Rule::OneOf(&["realtime"])),
    solid("model", Rule::Text(256)),
    solid("instructions", TEXT),
    optional("output_modalities", MODALITIES),
    solid("audio", Rule::Object(AUDIO)),
    optional("tools", TOOLS),
    optional("tool_choice", Rule::Custom(tool_choice)),
    optional("parallel_tool_calls", Rule::Bool),
    optional("reasoning", REASONING),
    optional("max_output_tokens", Rule::Custom(max_output_tokens)),
    optional("truncation", Rule::Custom(truncation)),
    optional("prompt", PROMPT),
    optional("tracing", Rule::Custom(tracing)),
    optional("include", Rule::List(&Rule::OneOf(&["item.input_audio_transcription.logprobs"]))),
];

const AUDIO: &[Field] = &[solid("input", Rule::Object(AUDIO_INPUT)), solid("output", Rule::Object(AUDIO_OUTPUT))];
const AUDIO_INPUT: &[Field] = &[
    optional("format", Rule::Custom(format)),
    optional(
        "noise_reduction",
        Rule::Object(&[
            required("type", Rule::OneOf(&["near_field", "far_field"])),
            solid("strength", Rule::Number(0.0, 1.0)),
        ]),
    ),
    optional(
        "transcription",
        Rule::Object(&[
            solid("model", Rule::OneOf(TRANSCRIBERS)),
            optional("language", Rule::Text(16)),
            optional("languages", Rule::List(&Rule::Text(16))),
            optional("keywords", Rule::List(&Rule::Text(256))),
            optional("prompt", TEXT),
            optional("delay", Rule::OneOf(&["minimal", "low", "medium", "high", "xhigh"])),
        ]),
    ),
    optional("turn_detection", Rule::Custom(turn_detection)),
];
const AUDIO_OUTPUT: &[Field] = &[
    optional("format", Rule::Custom(format)),
    optional("voice", Rule::Custom(voice)),
    optional("speed", Rule::Number(0.25, 1.5)),
];
const SERVER_VAD: &[Field] = &[
    required("type", Rule::Any),
    optional("threshold", Rule::Number(0.0, 1.0)),
    optional("prefix_padding_ms", Rule::Int(0, 10_000)),
    optional("silence_duration_ms", Rule::Int(0, 10_000)),
    optional("idle_timeout_ms", Rule::Int(5_000, 30_000)),
    optional("create_response", Rule::Bool),
    optional("interrupt_response", Rule::Bool),
    // Not in the published schema, but the agents SDKs know it.
    optional("model_version", Rule::Text(64)),
];
const SEMANTIC_VAD: &[Field] = &[
    required("type", Rule::Any),
    optional("eagerness", Rule::OneOf(&["low", "medium", "high", "auto"])),
    optional("create_response", Rule::Bool),
    optional("interrupt_response", Rule::Bool),
    optional("model_version", Rule::Text(64)),
];
const MODALITIES: Rule = Rule::Custom(modalities);
const TOOLS: Rule = Rule::List(&Rule::Custom(tool));
const REASONING: Rule =
    Rule::Object(&[optional("effort", Rule::OneOf(&["minimal", "low", "medium", "high", "xhigh"]))]);
const PROMPT: Rule = Rule::Object(&[
    required("id", Rule::Text(256)),
    optional("version", Rule::Text(64)),
    optional("variables", Rule::Any),
]);

/// `response` of `response.create`.
pub(super) const RESPONSE: &[Field] = &[
    optional("output_modalities", MODALITIES),
    solid("instructions", TEXT),
    solid(
        "audio",
        Rule::Object(&[solid(
            "output",
            Rule::Object(&[optional("format", Rule::Custom(format)), optional("voice", Rule::Custom(voice))]),
        )]),
    ),
    optional("tools", TOOLS),
    optional("tool_choice", Rule::Custom(tool_choice)),
    optional("parallel_tool_calls", Rule::Bool),
    optional("reasoning", REASONING),
    optional("max_output_tokens", Rule::Custom(max_output_tokens)),
    optional("prompt", PROMPT),
    optional("metadata", Rule::Labels(16, 64, 512)),
    optional("conversation", Rule::OneOf(&["auto", "none"])),
    optional("input", Rule::List(&Rule::Custom(response_input))),
];

// Ids and instructions may be absent, but not null: the request types of the vendor's package say `str`,
// where they say `Optional` for what null turns off. (Null ids come from the server only.)
const EVENT_ID: Field = solid("event_id", Rule::Text(512));
const TYPE: Field = required("type", Rule::Any);

const BARE: &[Field] = &[TYPE, EVENT_ID];
const SESSION_UPDATE: &[Field] = &[TYPE, EVENT_ID, required("session", Rule::Object(SESSION))];
const APPEND: &[Field] = &[TYPE, EVENT_ID, required("audio", Rule::Text(usize::MAX))];
const ITEM_CREATE: &[Field] = &[
    TYPE,
    EVENT_ID,
    solid("previous_item_id", Rule::Text(256)),
    required("item", Rule::Custom(super::validate_item::item)),
];
const ONE_ITEM: &[Field] = &[TYPE, EVENT_ID, required("item_id", Rule::Text(256))];
const ITEM_TRUNCATE: &[Field] = &[
    TYPE,
    EVENT_ID,
    required("item_id", Rule::Text(256)),
    required("content_index", Rule::Int(0, i64::MAX)),
    required("audio_end_ms", Rule::Int(0, i64::MAX)),
];
const RESPONSE_CREATE: &[Field] = &[TYPE, EVENT_ID, optional("response", Rule::Object(RESPONSE))];
const RESPONSE_CANCEL: &[Field] = &[TYPE, EVENT_ID, solid("response_id", Rule::Text(256))];

/// The fields of a client event, or `None` for a kind that does not exist.
pub(super) fn client_event(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "session.update" => SESSION_UPDATE,
        "input_audio_buffer.append" => APPEND,
        "input_audio_buffer.commit" | "input_audio_buffer.clear" | "output_audio_buffer.clear" => BARE,
        "conversation.item.create" => ITEM_CREATE,
        "conversation.item.retrieve" | "conversation.item.delete" => ONE_ITEM,
        "conversation.item.truncate" => ITEM_TRUNCATE,
        "response.create" => RESPONSE_CREATE,
        "response.cancel" => RESPONSE_CANCEL,
        _ => return None,
    })
}

/// Checks an object against its table. `path` is empty for the event itself.
pub(super) fn object(value: &Value, fields: &[Field], path: &str) -> Result<(), Refusal> {
    let Some(object) = value.as_object() else {
        return Err(wrong_type(value, path, "an object"));
    };
    for name in object.keys() {
        if !fields.iter().any(|f| f.name == name) {
            return Err(Refusal::unknown(join(path, name)));
        }
    }
    for field in fields {
        let path = join(path, field.name);
        match object.get(field.name) {
            None if field.required => return Err(Refusal::missing(path)),
            None => {}
            Some(Value::Null) if field.nullable => {}
            Some(value) => check(value, &field.rule, &path)?,
        }
    }
    Ok(())
}

fn check(value: &Value, rule: &Rule, path: &str) -> Result<(), Refusal> {
    match rule {
        Rule::Any => Ok(()),
        Rule::Custom(check) => check(value, path),
        Rule::Object(fields) => object(value, fields, path),
        Rule::Bool => value.is_boolean().then_some(()).ok_or_else(|| wrong_type(value, path, "a boolean")),
        Rule::Text(longest) => {
            let text = value.as_str().ok_or_else(|| wrong_type(value, path, "a string"))?;
            // Bytes bound characters from above, so most texts need no count.
            if text.len() > *longest && text.chars().count() > *longest {
                let message = format!("Invalid '{path}': string too long. Expected at most {longest} characters.");
                return Err(Refusal::new("string_above_max_length", message).param(path));
            }
            Ok(())
        }
        Rule::Int(low, high) => {
            let number = value.as_i64().ok_or_else(|| wrong_type(value, path, "an integer"))?;
            in_range(number >= *low && number <= *high, value, path, low, high)
        }
        Rule::Number(low, high) => {
            let number = value.as_f64().ok_or_else(|| wrong_type(value, path, "a number"))?;
            in_range(number >= *low && number <= *high, value, path, low, high)
        }
        Rule::OneOf(allowed) => one_of(value, allowed, path),
        Rule::List(rule) => {
            let list = value.as_array().ok_or_else(|| wrong_type(value, path, "an array"))?;
            if list.len() > 1024 {
                return Err(Refusal::value(path, format!("Invalid '{path}': array too long.")));
            }
            list.iter().enumerate().try_for_each(|(i, v)| check(v, rule, &format!("{path}[{i}]")))
        }
        Rule::Labels(most, key, text) => labels(value, path, *most, *key, *text),
    }
}

fn in_range(
    ok: bool,
    value: &Value,
    path: &str,
    low: &dyn std::fmt::Display,
    high: &dyn std::fmt::Display,
) -> Result<(), Refusal> {
    let message = || format!("Invalid '{path}': expected a value between {low} and {high}, but got {value} instead.");
    ok.then_some(()).ok_or_else(|| Refusal::value(path, message()))
}

pub(super) fn one_of(value: &Value, allowed: &[&str], path: &str) -> Result<(), Refusal> {
    let text = value.as_str().ok_or_else(|| wrong_type(value, path, "a string"))?;
    if allowed.contains(&text) {
        return Ok(());
    }
    let text: String = text.chars().take(64).collect();
    let message = format!("Invalid value: '{text}'. Supported values are: '{}'.", allowed.join("', '"));
    Err(Refusal::value(path, message))
}

fn labels(value: &Value, path: &str, most: usize, key: usize, text: usize) -> Result<(), Refusal> {
    let map = value.as_object().ok_or_else(|| wrong_type(value, path, "an object"))?;
    if map.len() > most {
        return Err(Refusal::value(path, format!("Invalid '{path}': at most {most} pairs are allowed.")));
    }
    for (name, value) in map {
        let path = join(path, name);
        if name.chars().count() > key {
            return Err(Refusal::value(path, format!("Invalid metadata key: at most {key} characters.")));
        }
        check(value, &Rule::Text(text), &path)?;
    }
    Ok(())
}

pub(super) fn wrong_type(value: &Value, path: &str, wanted: &str) -> Refusal {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let message = format!("Invalid type for '{path}': expected {wanted}, but got {got} instead.");
    Refusal::new("invalid_type", message).param(path)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn modalities(value: &Value, path: &str) -> Result<(), Refusal> {
    let list = value.as_array().ok_or_else(|| wrong_type(value, path, "an array"))?;
    match list.as_slice() {
        [Value::String(one)] if one == "audio" || one == "text" => Ok(()),
        _ => {
            let message = format!("Invalid modalities: {value}. Supported combinations are: ['text'] and ['audio'].");
            Err(Refusal::value(path, message))
        }
    }
}

fn format(value: &Value, path: &str) -> Result<(), Refusal> {
    object(value, &[required("type", Rule::OneOf(AUDIO_FORMATS)), optional("rate", Rule::Int(24_000, 24_000))], path)?;
    if value["type"] != "audio/pcm" {
        // An honest refusal instead of silence: G.711 is not played here yet.
        let message = "The simulator speaks audio/pcm only; G.711 is not simulated yet.";
        return Err(Refusal::value(join(path, "type"), message));
    }
    Ok(())
}

fn voice(value: &Value, path: &str) -> Result<(), Refusal> {
    match value {
        Value::Object(_) => object(value, &[required("id", Rule::Text(128))], path),
        _ => one_of(value, VOICES, path),
    }
}

fn turn_detection(value: &Value, path: &str) -> Result<(), Refusal> {
    let kind = value.get("type").ok_or_else(|| Refusal::missing(join(path, "type")))?;
    one_of(kind, &["server_vad", "semantic_vad"], &join(path, "type"))?;
    object(value, if kind == "server_vad" { SERVER_VAD } else { SEMANTIC_VAD }, path)
}

fn max_output_tokens(value: &Value, path: &str) -> Result<(), Refusal> {
    if value == "inf" { Ok(()) } else { check(value, &Rule::Int(1, 4096), path) }
}

fn truncation(value: &Value, path: &str) -> Result<(), Refusal> {
    const RATIO: &[Field] = &[
        required("type", Rule::OneOf(&["retention_ratio"])),
        required("retention_ratio", Rule::Number(0.0, 1.0)),
        optional("token_limits", Rule::Object(&[optional("post_instructions", Rule::Int(0, i64::MAX))])),
    ];
    if value.is_object() { object(value, RATIO, path) } else { one_of(value, &["auto", "disabled"], path) }
}

fn tracing(value: &Value, path: &str) -> Result<(), Refusal> {
    const CONFIG: &[Field] =
        &[optional("workflow_name", TEXT), optional("group_id", TEXT), optional("metadata", Rule::Any)];
    if value.is_object() { object(value, CONFIG, path) } else { one_of(value, &["auto"], path) }
}

fn tool(value: &Value, path: &str) -> Result<(), Refusal> {
    const FUNCTION: &[Field] = &[
        required("type", Rule::Any),
        required("name", Rule::Text(64)),
        optional("description", TEXT),
        optional(
            "parameters",
            Rule::Custom(|v, p| if v.is_object() { Ok(()) } else { Err(wrong_type(v, p, "an object")) }),
        ),
    ];
    let kind = value.get("type").ok_or_else(|| Refusal::missing(join(path, "type")))?;
    one_of(kind, &["function", "mcp"], &join(path, "type"))?;
    if kind == "mcp" {
        return Err(Refusal::value(join(path, "type"), "The simulator has no MCP tools yet; declare a function."));
    }
    object(value, FUNCTION, path)?;
    let name = value["name"].as_str().unwrap_or_default();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        let message = "Invalid tool name: expected 1 to 64 letters, digits, '_' or '-'.";
        return Err(Refusal::value(join(path, "name"), message));
    }
    Ok(())
}

fn tool_choice(value: &Value, path: &str) -> Result<(), Refusal> {
    const FORCED: &[Field] = &[required("type", Rule::OneOf(&["function"])), required("name", Rule::Text(64))];
    if value.is_object() { object(value, FORCED, path) } else { one_of(value, &["auto", "none", "required"], path) }
}

fn response_input(value: &Value, path: &str) -> Result<(), Refusal> {
    if value.get("type").is_some_and(|t| t == "item_reference") {
        return object(value, &[required("type", Rule::Any), required("id", Rule::Text(256))], path);
    }
    super::validate_item::item(value, path)
}
