//! Which conversation items a client may create.

use super::{
    events::Refusal,
    validate::{Field, Rule, object, one_of, optional, required, solid, wrong_type},
};
use serde_json::Value;

const KINDS: &[&str] = &["message", "function_call", "function_call_output", "mcp_approval_response"];
const ID: Field = optional("id", Rule::Text(32));
const KIND: Field = required("type", Rule::Any);
const OBJECT: Field = optional("object", Rule::OneOf(&["realtime.item"]));
const STATUS: Field = optional("status", Rule::OneOf(&["in_progress", "completed", "incomplete"]));
const WORDS: Rule = Rule::Text(1 << 20);

const MESSAGE: &[Field] = &[ID, KIND, OBJECT, STATUS, required("role", Rule::Any), required("content", Rule::Any)];
const CALL: &[Field] = &[
    ID,
    KIND,
    OBJECT,
    STATUS,
    required("name", Rule::Text(64)),
    required("arguments", WORDS),
    optional("call_id", Rule::Text(32)),
];
const CALL_OUTPUT: &[Field] =
    &[ID, KIND, OBJECT, STATUS, required("call_id", Rule::Text(32)), required("output", WORDS)];

const INPUT_TEXT: &[Field] = &[KIND, required("text", WORDS)];
const OUTPUT_TEXT: &[Field] = &[KIND, required("text", WORDS)];
const INPUT_AUDIO: &[Field] = &[KIND, required("audio", Rule::Text(usize::MAX)), optional("transcript", WORDS)];
const INPUT_IMAGE: &[Field] = &[
    KIND,
    required("image_url", Rule::Custom(super::images::check)),
    solid("detail", Rule::OneOf(&["auto", "low", "high"])),
];

/// Checks the item of `conversation.item.create`, or one in `response.input`.
pub(super) fn item(value: &Value, path: &str) -> Result<(), Refusal> {
    if !value.is_object() {
        return Err(wrong_type(value, path, "an object"));
    }
    let kind = value.get("type").ok_or_else(|| Refusal::missing(format!("{path}.type")))?;
    one_of(kind, KINDS, &format!("{path}.type"))?;
    match kind.as_str() {
        Some("message") => message(value, path),
        Some("function_call") => object(value, CALL, path),
        Some("function_call_output") => object(value, CALL_OUTPUT, path),
        _ => {
            let message = "No approval request is open: the simulator has no MCP tools yet.";
            Err(Refusal::value(format!("{path}.approval_request_id"), message))
        }
    }
}

fn message(value: &Value, path: &str) -> Result<(), Refusal> {
    object(value, MESSAGE, path)?;
    let role = &value["role"];
    one_of(role, &["system", "user", "assistant"], &format!("{path}.role"))?;
    let content_path = format!("{path}.content");
    let parts = value["content"].as_array().ok_or_else(|| wrong_type(&value["content"], &content_path, "an array"))?;
    if parts.is_empty() || parts.len() > 64 {
        return Err(Refusal::value(&content_path, format!("Invalid '{content_path}': expected 1 to 64 parts.")));
    }
    let role = role.as_str().unwrap_or_default();
    parts.iter().enumerate().try_for_each(|(i, part)| content(part, role, &format!("{content_path}[{i}]")))
}

fn content(part: &Value, role: &str, path: &str) -> Result<(), Refusal> {
    if !part.is_object() {
        return Err(wrong_type(part, path, "an object"));
    }
    let kind = part.get("type").ok_or_else(|| Refusal::missing(format!("{path}.type")))?;
    let kind_path = format!("{path}.type");
    match role {
        "system" => one_of(kind, &["input_text"], &kind_path)?,
        "user" => one_of(kind, &["input_text", "input_audio", "input_image"], &kind_path)?,
        // Assistant audio cannot be created; the service asks for the text instead.
        _ if kind == "output_audio" => return Err(Refusal::missing(format!("{path}.text"))),
        _ => one_of(kind, &["output_text"], &kind_path)?,
    }
    let fields = match kind.as_str() {
        Some("input_audio") => INPUT_AUDIO,
        Some("input_image") => INPUT_IMAGE,
        Some("output_text") => OUTPUT_TEXT,
        _ => INPUT_TEXT,
    };
    object(part, fields, path)
}
