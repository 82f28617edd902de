//! Setting one field by its path, for hosts that would otherwise have to quote text into JSON.

use super::{Config, invalid};
use crate::error::Result;
use serde_json::Value;

impl Config {
    /// Sets the field at `path`, for example `audio.input.rate` or `tools[0].name`; missing objects on
    /// the way are made, and the index behind the end of a list appends. Types and names are checked
    /// at once, combinations of fields by [`Config::validate`]. A key with a dot in it is out of
    /// reach: set the object around it.
    ///
    /// ```
    /// let mut config = duologue::Config::default();
    /// config.set("audio.input.rate", 16_000.into())?;
    /// assert_eq!(config.audio.input.rate, Some(16_000));
    /// assert_eq!(config.set("audio.rate", 1.into()).unwrap_err().field.as_deref(), Some("audio.rate"));
    /// # Ok::<(), duologue::Error>(())
    /// ```
    ///
    /// # Errors
    /// Class `config`; `field` is the path. The configuration is unchanged then.
    pub fn set(&mut self, path: &str, value: Value) -> Result<()> {
        let mut document = serde_json::to_value(&*self).map_err(|e| invalid(path, e.to_string()))?;
        *place(&mut document, path)? = value;
        *self = Self::read(&document.to_string())?;
        Ok(())
    }
}

/// Levels of a path.
const MAX_DEPTH: usize = 32;

/// The place `path` names.
fn place<'a>(document: &'a mut Value, path: &str) -> Result<&'a mut Value> {
    let wrong = |why: &str| Err(invalid(path, why).fix("write a path like audio.input.rate or tools[0].name"));
    // The document has nothing that deep, and what is too deep cannot be read back.
    if path.len() > 1024 || path.matches(['.', '[']).count() > MAX_DEPTH {
        return wrong("is too long");
    }
    let mut at = document;
    // `tools[0].name` and `tools.0.name` are the same.
    let plain = path.replace('[', ".").replace(']', "");
    for key in plain.split('.') {
        if key.is_empty() {
            return wrong("is no path");
        }
        if at.is_null() {
            *at = Value::Object(serde_json::Map::new());
        }
        at = match at {
            Value::Object(fields) => fields.entry(key).or_insert(Value::Null),
            Value::Array(list) => {
                let Ok(index) = key.parse::<usize>() else { return wrong("an index is needed here") };
                if index > list.len() {
                    return wrong("is behind the end of the list");
                }
                if index == list.len() {
                    list.push(Value::Null);
                }
                &mut list[index]
            }
            _ => return wrong("leads through a value that is no object"),
        };
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_shape_can_be_set() {
        let mut config = Config::default();
        config.set("instructions", "say \"yes\"\n".into()).unwrap();
        config.set("transcription.language", "de".into()).unwrap();
        config.set("tools[0]", json!({ "name": "clock" })).unwrap();
        config.set("tools.0.description", "tells the time".into()).unwrap();
        config.set("labels.room", "kitchen".into()).unwrap();
        config.set("transcription", Value::Null).unwrap();
        assert_eq!(config.instructions.as_deref(), Some("say \"yes\"\n"));
        assert_eq!(config.tools[0].description.as_deref(), Some("tells the time"));
        assert_eq!((config.labels["room"].as_str(), config.transcription.is_none()), ("kitchen", true));
        config.validate().unwrap();
    }

    #[test]
    fn what_cannot_be_set_is_refused_and_changes_nothing() {
        let mut config = Config::default();
        let paths = ["", ".", "voice.", "voicee", "voice.x", "tools[1].name", "tools[x]", "audio.input"];
        let deep = format!("extra{}", ".a".repeat(200_000));
        assert_eq!(config.set(&deep, 1.into()).unwrap_err().message, "is too long");
        for path in paths {
            let error = config.set(path, 7.into()).unwrap_err();
            assert!(path.is_empty() || error.field.is_some(), "{path}: {error}");
        }
        assert_eq!(config, Config::default());
    }
}
