//! JSON Schemas of tools: compiled without ever fetching anything.

use crate::error::redact;
use serde_json::Value;
use std::collections::HashSet;

/// Bytes of a schema, as JSON.
const MAX_BYTES: usize = 256 * 1024;
/// Values in values.
const MAX_DEPTH: usize = 64;
/// References in a schema, and how far one may lead to the next for the same value.
const MAX_REFERENCES: (usize, usize) = (512, 64);
/// Characters of the validator's words that are told.
const MAX_SAID: usize = 300;
/// Keywords that refer to another schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Keywords with schemas for the same value, not for a part of it.
const IN_PLACE: [&str; 8] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];

/// Why a schema cannot be used.
#[derive(Debug, PartialEq)]
pub(crate) struct Wrong {
    /// Where in it: empty, or like `.properties.city.type`.
    pub at: String,
    /// What is wrong there.
    pub message: String,
    /// What to do.
    pub fix: &'static str,
}

/// The validator of a schema. `$ref` works inside the schema; nothing is loaded from elsewhere.
pub(crate) fn compile(schema: &Value) -> Result<jsonschema::Validator, Wrong> {
    let wrong = |at: &str, message: String, fix| Err(Wrong { at: dotted(schema, at), message, fix });
    if !schema.is_object() && !schema.is_boolean() {
        return wrong("", "is no JSON Schema".into(), "write {\"type\": ...}");
    }
    if deep(schema, MAX_DEPTH) {
        return wrong("", "is nested too deeply".into(), "use at most 64 levels, and $ref for what repeats");
    }
    if schema.to_string().len() > MAX_BYTES {
        return wrong("", "is too long".into(), "use at most 262144 bytes of JSON");
    }
    let mut places = Vec::new();
    references(schema, String::new(), &mut places);
    if places.len() > MAX_REFERENCES.0 {
        return wrong("", "has too many references".into(), "use at most 512");
    }
    // Checking it would never end.
    let mut done = HashSet::new();
    if let Some(at) = places.iter().find(|place| leads_back(schema, place, &mut Vec::new(), &mut done)) {
        return wrong(at, "refers to itself for the same value".into(), "let it refer to a part of the value");
    }
    match jsonschema::options().offline().build(schema) {
        Ok(validator) => Ok(validator),
        Err(e) => {
            if let Some((at, to)) = foreign(schema, String::new()) {
                let message = format!("refers to {:?}, which is not in the schema", cut(to));
                return wrong(&at, message, "put what it refers to under $defs, and refer to \"#/$defs/NAME\"");
            }
            let message = format!("is no valid JSON Schema: {}", cut(&e.to_string()));
            wrong(e.instance_path().as_str(), message, "see json-schema.org for what is possible there")
        }
    }
}

fn cut(text: &str) -> String {
    let text = redact(text);
    match text.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn deep(value: &Value, left: usize) -> bool {
    match value {
        Value::Object(fields) => left == 0 || fields.values().any(|value| deep(value, left - 1)),
        Value::Array(list) => left == 0 || list.iter().any(|value| deep(value, left - 1)),
        _ => false,
    }
}

/// The first reference to something that is not in the schema: where it is, and to what.
fn foreign(schema: &Value, at: String) -> Option<(String, &str)> {
    match schema {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let here = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            match value.as_str() {
                Some(to) if REFERENCES.contains(&key.as_str()) || key == "$schema" => {
                    let known = to.starts_with('#') || key == "$schema" && to.contains("json-schema.org");
                    (!known).then_some((here, to))
                }
                _ => foreign(value, here),
            }
        }),
        Value::Array(list) => list.iter().enumerate().find_map(|(i, value)| foreign(value, format!("{at}/{i}"))),
        _ => None,
    }
}

/// Pointers of all objects with a reference.
fn references(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if REFERENCES.iter().any(|key| fields.contains_key(*key)) {
                out.push(at.clone());
            }
            for (key, value) in fields {
                references(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(list) => {
            for (i, value) in list.iter().enumerate() {
                references(value, format!("{at}/{i}"), out);
            }
        }
        _ => {}
    }
}

/// Whether the schema at `place` leads back to itself without going into the value.
fn leads_back(schema: &Value, place: &str, way: &mut Vec<String>, done: &mut HashSet<String>) -> bool {
    if way.len() > MAX_REFERENCES.1 || way.iter().any(|earlier| earlier == place) {
        return true;
    }
    if done.contains(place) {
        return false;
    }
    let Some(Value::Object(fields)) = schema.pointer(place) else { return false };
    way.push(place.to_owned());
    let mut next = Vec::new();
    for (key, value) in fields {
        match value {
            Value::String(to) if REFERENCES.contains(&key.as_str()) => {
                // Pointers only: an anchor is looked up where it is declared.
                next.extend(to.strip_prefix('#').and_then(|to| target(schema, to)));
            }
            Value::Array(list) if IN_PLACE.contains(&key.as_str()) => {
                next.extend((0..list.len()).map(|i| format!("{place}/{key}/{i}")));
            }
            Value::Object(inner) if key == "dependentSchemas" => {
                let name = |name: &String| name.replace('~', "~0").replace('/', "~1");
                next.extend(inner.keys().map(|key| format!("{place}/dependentSchemas/{}", name(key))));
            }
            Value::Object(_) if IN_PLACE.contains(&key.as_str()) => next.push(format!("{place}/{key}")),
            _ => {}
        }
    }
    let found = next.iter().any(|next| leads_back(schema, next, way, done));
    way.pop();
    done.insert(place.to_owned());
    found
}

/// The pointer a fragment means: a pointer itself, or an anchor.
fn target(schema: &Value, fragment: &str) -> Option<String> {
    if fragment.is_empty() || fragment.starts_with('/') {
        return Some(decoded(fragment));
    }
    fn find(value: &Value, name: &str, at: String) -> Option<String> {
        match value {
            Value::Object(fields) => {
                let named = ["$anchor", "$dynamicAnchor"].iter().any(|key| fields.get(*key).is_some_and(|a| a == name));
                if named {
                    return Some(at);
                }
                fields.iter().find_map(|(key, value)| {
                    find(value, name, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")))
                })
            }
            Value::Array(list) => list.iter().enumerate().find_map(|(i, value)| find(value, name, format!("{at}/{i}"))),
            _ => None,
        }
    }
    find(schema, fragment, String::new())
}

/// `%20` and the like.
fn decoded(fragment: &str) -> String {
    let mut out = Vec::with_capacity(fragment.len());
    let mut at = 0;
    while let Some(&byte) = fragment.as_bytes().get(at) {
        let hex = fragment.get(at + 1..at + 3).filter(|_| byte == b'%');
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A JSON pointer as a path: `/properties/city/enum/0` is `.properties.city.enum[0]`.
fn dotted(schema: &Value, pointer: &str) -> String {
    let mut path = String::new();
    let mut at = Some(schema);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let (list, next) = match at {
            Some(Value::Array(list)) => (true, part.parse().ok().and_then(|i: usize| list.get(i))),
            other => (false, other.and_then(|value| value.get(&part))),
        };
        path.push_str(&if list { format!("[{part}]") } else { format!(".{}", cut(&part)) });
        at = next;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(schema: Value) -> Wrong {
        compile(&schema).map(drop).expect_err(&schema.to_string())
    }

    #[test]
    fn schemas_are_checked_where_they_are_wrong() {
        for (schema, at) in [
            (json!({"type": "strin"}), ".type"),
            (json!({"properties": {"city": {"type": 7}}}), ".properties.city.type"),
            (json!({"properties": {"a/b": {"minimum": "1"}}}), ".properties.a/b.minimum"),
            (json!({"anyOf": [{"type": "string"}, {"minLength": -1}]}), ".anyOf[1].minLength"),
            (json!({"required": "city"}), ".required"),
            (json!({"properties": {"x": {"$ref": "https://example.com/x.json"}}}), ".properties.x.$ref"),
            (json!({"$ref": "file:///etc/passwd"}), ".$ref"),
            (json!({"$schema": "https://example.com/own"}), ".$schema"),
            (json!([]), ""),
            (json!("string"), ""),
            (json!({"enum": ["x".repeat(300_000)]}), ""),
        ] {
            let wrong = wrong(schema.clone());
            assert_eq!(wrong.at, at, "{wrong:?}");
            assert!(!wrong.fix.is_empty() && wrong.message.len() < 1000, "{wrong:?}");
        }
        assert!(wrong(json!({"$ref": "https://example.com/x.json"})).message.contains("example.com"));
        let deep = (0..70).fold(json!({}), |inner, _| json!({"not": inner}));
        assert!(wrong(deep).message.contains("deep"));
        // A pattern that is none, and a reference into nowhere.
        wrong(json!({"pattern": "("}));
        wrong(json!({"$ref": "#/$defs/nothing"}));
    }

    #[test]
    fn references_inside_the_schema_work() {
        let tree = compile(&json!({"$defs": {"node": {"type": "object", "properties": {
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}, "name": {"type": "string"}}}},
            "$ref": "#/$defs/node"}))
        .unwrap();
        assert!(tree.is_valid(&json!({"children": [{"name": "x"}]})));
        assert!(!tree.is_valid(&json!({"children": [{"name": 1}]})));
        // The same place twice is no circle.
        compile(&json!({"$defs": {"s": {"type": "string"}}, "anyOf": [{"$ref": "#/$defs/s"}, {"$ref": "#/$defs/s"}]}))
            .unwrap();
        compile(&json!(true)).unwrap();
    }

    #[test]
    fn a_schema_that_never_ends_is_refused() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}),
            json!({"$defs": {"a": {"$anchor": "a", "if": {"$ref": "#a"}}}, "$ref": "#a"}),
            json!({"$defs": {"a b": {"$ref": "#/$defs/a%20b"}}}),
            json!({"dependentSchemas": {"x": {"$ref": "#"}}}),
        ] {
            assert!(wrong(schema.clone()).message.contains("itself"), "{schema}");
        }
    }
}
