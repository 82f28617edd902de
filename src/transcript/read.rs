//! From JSON to a transcript: whatever is wrong is told with its path, what is there and what is accepted.

use super::{Content, Entry, Transcript, VERSION};
use crate::{
    config::{strict, suggest},
    error::{Error, ErrorClass, Result, redact},
    message::{MessageState, Role, ToolCallState},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Characters of a word of the document that an error repeats.
const SHOWN: usize = 60;

pub(super) fn wrong(path: &str, cause: impl Into<String>, fix: impl Into<String>) -> Error {
    let error = Error::new(ErrorClass::Argument, "invalid_transcript", redact(&cause.into())).fix(fix);
    // A key in the wrong place must not be told.
    if path.is_empty() { error } else { error.field(redact(path)) }
}

/// Reads a text. Shapes and names are checked, combinations are not.
pub(super) fn read(json: &str) -> Result<Transcript> {
    let (document, twice) = strict::tree(json).map_err(|e| {
        let text = format!("the transcript is not JSON: {e}");
        Error::new(ErrorClass::Argument, "invalid_json", text).fix("give one JSON object")
    })?;
    if let Some(path) = twice {
        return Err(wrong(&path, "is there twice", "keep one of them"));
    }
    transcript(&document)
}

fn transcript(document: &Value) -> Result<Transcript> {
    let mut object = Object::of("", document, &["version", "messages"])?;
    // First: another version may have other keys.
    let version = object.need("version", whole)?;
    if version != u64::from(VERSION) {
        let cause = format!("is {version}; this build reads version {VERSION}");
        return Err(wrong("version", cause, "update duologue, or export the conversation again"));
    }
    object.no_others()?;
    let messages = object.need("messages", |path, value| list(path, value, entry))?;
    Ok(Transcript { version: VERSION, messages })
}

fn entry(path: &str, value: &Value) -> Result<Entry> {
    let mut o = Object::of(path, value, &["id", "role", "parts", "state", "interrupted", "created_ms"])?;
    o.no_others()?;
    Ok(Entry {
        id: o.maybe("id", text)?,
        role: o.need("role", |path, value| word(path, value, &["user", "assistant", "system"]))?,
        parts: o.need("parts", |path, value| list(path, value, content))?,
        state: o
            .maybe("state", |path, value| word(path, value, &["in_progress", "completed", "incomplete"]))?
            .unwrap_or(MessageState::Completed),
        interrupted: o.maybe("interrupted", truth)?.unwrap_or(false),
        created_ms: o.maybe("created_ms", whole)?.unwrap_or(0),
    }
    .heard())
}

impl Entry {
    /// What was left out about what was heard: the reader marks it as more than there is.
    fn heard(mut self) -> Self {
        let all = self.role == Role::Assistant && self.state != MessageState::InProgress;
        for part in &mut self.parts {
            if let Content::Audio { duration_ms, heard_ms: heard_ms @ UNSAID, .. } = part {
                *heard_ms = if all { *duration_ms } else { 0 };
            }
        }
        self
    }
}

/// No audio is that long: see [`whole`].
const UNSAID: u64 = u64::MAX;

fn content(path: &str, value: &Value) -> Result<Content> {
    const KINDS: [&str; 4] = ["text", "audio", "tool_call", "image"];
    let mut o = Object::of(path, value, &[])?;
    let kind: String = o.need("type", text)?;
    o.known = match kind.as_str() {
        "text" => &["type", "content"],
        "audio" => &["type", "transcript", "heard_transcript", "duration_ms", "heard_ms"],
        "tool_call" => &["type", "id", "name", "arguments", "input", "output", "state"],
        "image" => &["type", "data", "url", "mime_type"],
        other => return Err(no_such_word(&o.path("type"), other, &KINDS)),
    };
    o.no_others()?;
    Ok(match kind.as_str() {
        "text" => Content::Text { content: o.need("content", text)? },
        "audio" => Content::Audio {
            transcript: o.need("transcript", text)?,
            heard_transcript: o.maybe("heard_transcript", text)?,
            duration_ms: o.maybe("duration_ms", whole)?.unwrap_or(0),
            heard_ms: o.maybe("heard_ms", whole)?.unwrap_or(UNSAID),
        },
        "tool_call" => {
            let words = ["pending", "running", "completed", "failed", "cancelled"];
            let output = o.maybe("output", text)?;
            let over = if output.is_some() { ToolCallState::Completed } else { ToolCallState::Cancelled };
            Content::ToolCall {
                id: o.maybe("id", text)?,
                name: o.need("name", text)?,
                arguments: o.maybe("arguments", text)?,
                // `null` is a value here.
                input: o.value("input").cloned(),
                state: o.maybe("state", |path, value| word(path, value, &words))?.unwrap_or(over),
                output,
            }
        }
        _ => Content::Image {
            data: o.maybe("data", text)?,
            url: o.maybe("url", text)?,
            mime_type: o.need("mime_type", text)?,
        },
    })
}

/// An object of the document and where it is.
struct Object<'a> {
    at: &'a str,
    fields: &'a Map<String, Value>,
    known: &'static [&'static str],
}

impl<'a> Object<'a> {
    fn of(at: &'a str, value: &'a Value, known: &'static [&'static str]) -> Result<Self> {
        match value {
            Value::Object(fields) => Ok(Self { at, fields, known }),
            other => Err(wrong_kind(at, other, "an object", "write {...}")),
        }
    }

    fn path(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    fn no_others(&self) -> Result<()> {
        let Some(key) = self.fields.keys().find(|key| !self.known.contains(&key.as_str())) else { return Ok(()) };
        let known: Vec<String> = self.known.iter().map(|k| (*k).to_owned()).collect();
        let accepted = format!("accepted here: {}", known.join(", "));
        let fix = match suggest::nearest(key, &known) {
            Some(meant) => format!("did you mean \"{meant}\"? Otherwise remove it; {accepted}"),
            None => format!("remove it; {accepted}"),
        };
        Err(wrong(&self.path(&shown(key)), "unknown key", fix))
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key)
    }

    fn need<T>(&mut self, key: &str, read: impl FnOnce(&str, &Value) -> Result<T>) -> Result<T> {
        match self.value(key) {
            Some(value) => read(&self.path(key), value),
            None => Err(wrong(&self.path(key), "is missing", format!("write {{\"{key}\": ...}}"))),
        }
    }

    /// `null` is as good as nothing.
    fn maybe<T>(&mut self, key: &str, read: impl FnOnce(&str, &Value) -> Result<T>) -> Result<Option<T>> {
        let given = self.value(key).filter(|value| !value.is_null());
        given.map(|value| read(&self.path(key), value)).transpose()
    }
}

fn list<T>(path: &str, value: &Value, read: impl Fn(&str, &Value) -> Result<T>) -> Result<Vec<T>> {
    let Value::Array(list) = value else { return Err(wrong_kind(path, value, "a list", "write [...]")) };
    list.iter().enumerate().map(|(i, value)| read(&format!("{path}[{i}]"), value)).collect()
}

fn text(path: &str, value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_kind(path, value, "a string", "write \"...\""))
}

fn truth(path: &str, value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| wrong_kind(path, value, "true or false", "write true or false without quotes"))
}

/// Milliseconds and the like: what every language can count.
fn whole(path: &str, value: &Value) -> Result<u64> {
    const MOST: u64 = (1 << 53) - 1;
    let fix = format!("use a whole number, 0 to {MOST}");
    value.as_u64().filter(|n| *n <= MOST).ok_or_else(|| wrong_kind(path, value, "a whole number", &fix))
}

/// One of the words of a choice.
fn word<T: DeserializeOwned>(path: &str, value: &Value, words: &[&str]) -> Result<T> {
    let given = text(path, value)?;
    serde_json::from_value(value.clone()).map_err(|_| no_such_word(path, &given, words))
}

fn no_such_word(path: &str, given: &str, words: &[&str]) -> Error {
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    let cause = format!("\"{}\" is none of the accepted words", shown(given));
    wrong(path, cause, suggest::word(Some(given), &words))
}

fn wrong_kind(path: &str, value: &Value, expected: &str, fix: &str) -> Error {
    let is = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    };
    let subject = if path.is_empty() { "the transcript is" } else { "is" };
    wrong(path, format!("{subject} {is}; {expected} is expected"), fix)
}

fn shown(word: &str) -> String {
    let word = redact(word);
    match word.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &word[..end]),
        None => word,
    }
}
