//! One configuration from another: overrides for one client of a shared document, and changes while it runs.

use super::{Config, invalid, read, suggest};
use crate::error::{Error, ErrorClass, Result};
use serde_json::{Map, Value};

/// Objects in objects.
const MAX_DEPTH: usize = 64;

impl Config {
    /// What can change while a session runs, as far as the provider lets it: [`Config::check_update`].
    pub const MUTABLE: &[&str] = &[
        "extra",
        "instructions",
        "max_output_tokens",
        "noise_reduction",
        "output_modality",
        "parallel_tool_calls",
        "reasoning_effort",
        "speed",
        "tool_choice",
        "tool_handling",
        "tools",
        "transcription",
        "turn_detection",
        "voice",
    ];

    /// This configuration with some fields changed, checked: `overrides` is a JSON merge patch (RFC 7396), so
    /// objects are merged, everything else, lists too, is replaced, and `null` gives the default back. Only
    /// `"transcription": null` switches transcription off, as it does in a document.
    ///
    /// ```
    /// let shared = duologue::Config::from_json(r#"{ "voice": "marin", "labels": { "shop": "7" } }"#)?;
    /// let one = shared.with(serde_json::json!({ "voice": null, "labels": { "caller": "Ada" } }))?;
    /// assert_eq!((one.voice, one.labels.len()), (None, 2));
    /// # Ok::<(), duologue::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Config::from_json`].
    pub fn with(&self, overrides: Value) -> Result<Self> {
        let Value::Object(overrides) = overrides else { return Err(no_object()) };
        if overrides.values().any(|value| deep(value, MAX_DEPTH)) {
            return Err(
                invalid("", "the overrides are nested too deeply").fix(format!("use at most {MAX_DEPTH} levels"))
            );
        }
        let mut document = serde_json::to_value(self).map_err(|e| invalid("", e.to_string()))?;
        let off = overrides.get("transcription").is_some_and(Value::is_null);
        merge(&mut document, overrides);
        if off {
            document["transcription"] = Value::Null;
        }
        let config = read::from_document(&document)?;
        config.validate()?;
        Ok(config)
    }

    /// This configuration after `changes` to a running session: like [`Config::with`], but only fields in
    /// [`Config::MUTABLE`] may change. What the provider lets change and when, the session knows.
    ///
    /// # Errors
    /// As [`Config::with`], and `immutable_field`, naming the field.
    pub fn check_update(&self, changes: &Value) -> Result<Self> {
        let Value::Object(fields) = changes else { return Err(no_object()) };
        if let Some(name) = fields.keys().find(|name| !Self::MUTABLE.contains(&name.as_str())) {
            let known = serde_json::to_value(self).map_err(|e| invalid("", e.to_string()))?;
            let field = read::written(&[read::Step::Key(name.clone())]);
            if known.get(name).is_none() {
                let mutable: Vec<_> = Self::MUTABLE.iter().map(|&name| name.to_owned()).collect();
                return Err(invalid(field, "unknown key").fix(suggest::key(name, &mutable)));
            }
            return Err(Error::new(ErrorClass::Config, "immutable_field", "cannot change while the session runs")
                .field(field)
                .fix(format!("make a new client with it; what can change is {}", Self::MUTABLE.join(", "))));
        }
        self.with(changes.clone())
    }
}

fn no_object() -> Error {
    invalid("", "the changes are no JSON object").fix("write {\"instructions\": \"...\"}")
}

fn deep(value: &Value, left: usize) -> bool {
    match value {
        Value::Object(fields) => left == 0 || fields.values().any(|value| deep(value, left - 1)),
        Value::Array(list) => left == 0 || list.iter().any(|value| deep(value, left - 1)),
        _ => false,
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, value) in patch {
        match value {
            Value::Null => {
                fields.remove(&key);
            }
            Value::Object(inner) => merge(fields.entry(key).or_insert(Value::Null), inner),
            value => {
                fields.insert(key, value);
            }
        }
    }
}
