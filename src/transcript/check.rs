//! What a transcript can never say.

use super::{Content, Entry, Transcript, VERSION, read::wrong};
use crate::{
    error::{Error, Result, redact},
    message::{Role, ToolCallState},
};
use serde_json::Value;

/// Parts of a message.
const MAX_PARTS: usize = 256;

impl Transcript {
    /// Combinations that cannot be.
    pub(crate) fn check(&self) -> Result<()> {
        if self.version != VERSION {
            let cause = format!("is {}; this build knows version {VERSION}", self.version);
            return Err(wrong("version", cause, format!("use {VERSION}")));
        }
        self.messages.iter().enumerate().try_for_each(|(i, entry)| check(entry, &format!("messages[{i}]")))
    }
}

fn check(entry: &Entry, path: &str) -> Result<()> {
    let parts = format!("{path}.parts");
    if entry.parts.len() > MAX_PARTS {
        let cause = format!("has {} parts, more than {MAX_PARTS}", entry.parts.len());
        return Err(wrong(&parts, cause, "put them into several messages"));
    }
    let calls = entry.parts.iter().any(|p| matches!(p, Content::ToolCall { .. }));
    if calls && entry.parts.len() > 1 {
        return Err(wrong(&parts, "has a call and something beside it", "put each call into a message of its own"));
    }
    if entry.parts.iter().filter(|p| matches!(p, Content::Image { .. })).count() > 1 {
        return Err(wrong(&parts, "has more than one picture", "put each picture into a message of its own"));
    }
    if entry.interrupted && entry.role != Role::Assistant {
        let fix = "leave it out: what a person does not say to the end is \"incomplete\"";
        return Err(wrong(&format!("{path}.interrupted"), "only the assistant is interrupted", fix));
    }
    entry.parts.iter().enumerate().try_for_each(|(i, part)| check_part(part, entry.role, &format!("{parts}[{i}]")))
}

fn check_part(part: &Content, role: Role, path: &str) -> Result<()> {
    let at = |key: &str| format!("{path}.{key}");
    match part {
        Content::Text { .. } => Ok(()),
        Content::Audio { heard_transcript, duration_ms, heard_ms, .. } => {
            let of_assistant = role == Role::Assistant;
            if heard_ms > duration_ms && of_assistant {
                let cause = format!("{heard_ms} ms were heard of {duration_ms}");
                return Err(wrong(&at("heard_ms"), cause, "use a number up to duration_ms"));
            }
            let fix = "leave it out: it says what the person heard of the assistant";
            match (of_assistant, heard_transcript, heard_ms) {
                (false, Some(_), _) => Err(wrong(&at("heard_transcript"), "is for the assistant's speech only", fix)),
                (false, None, 1..) => Err(wrong(&at("heard_ms"), "is for the assistant's speech only", fix)),
                _ => Ok(()),
            }
        }
        Content::ToolCall { name, arguments, input, output, state, .. } => {
            if role != Role::Assistant {
                return Err(wrong(path, "only the assistant calls", "set the message's role to \"assistant\""));
            }
            if name.is_empty() {
                return Err(wrong(&at("name"), "is empty", "write the function's name"));
            }
            if output.is_none() && matches!(state, ToolCallState::Completed | ToolCallState::Failed) {
                let fix = "write {\"output\": ...}, or the state \"cancelled\"";
                return Err(wrong(&at("output"), "is missing: the call was answered", fix));
            }
            same(arguments.as_deref(), input.as_ref(), &at)
        }
        Content::Image { data, url, mime_type } => {
            if mime_type.is_empty() {
                return Err(wrong(&at("mime_type"), "is empty", "write for example \"image/png\""));
            }
            if data.is_some() && url.is_some() {
                return Err(wrong(path, "has data and url", "keep one of them"));
            }
            let valid = |data: &String| !data.is_empty() && base64_simd::STANDARD.check(data.as_bytes()).is_ok();
            if data.as_ref().is_some_and(|data| !valid(data)) {
                let fix = "encode the bytes of the file as standard base64";
                return Err(wrong(&at("data"), "is not base64", fix));
            }
            Ok(())
        }
    }
}

/// The arguments as text and as a value say the same.
fn same(arguments: Option<&str>, input: Option<&Value>, at: &impl Fn(&str) -> String) -> Result<(), Error> {
    let Some(input) = input else {
        let missing =
            || wrong(&at("arguments"), "is missing", "write {\"arguments\": \"{...}\"} or {\"input\": {...}}");
        return arguments.map(drop).ok_or_else(missing);
    };
    let Some(text) = arguments else { return Ok(()) };
    match serde_json::from_str::<Value>(text) {
        Ok(value) if alike(&value, input) => Ok(()),
        Ok(_) => Err(wrong(&at("input"), "is not what arguments says", "leave one of them out")),
        Err(e) => {
            let cause = format!("is not the JSON of input: {}", redact(&e.to_string()));
            Err(wrong(&at("arguments"), cause, "leave one of them out"))
        }
    }
}

/// Numbers are compared by what they are, not by how they are written: 1.0 may have become 1 on its way, and what is
/// beyond 2^53 may have been rounded.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}
