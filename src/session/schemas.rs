//! What goes into a tool and comes out of it: checked against the declared schemas, and kept short.

use crate::config::{Tool, tool_schema::compile};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::{collections::HashMap, fmt};

/// Complaints shown to the model: it needs a hint, not a list.
const SHOWN: usize = 3;

/// Compiled schemas of the declared tools.
#[derive(Default)]
pub struct Schemas {
    tools: HashMap<String, Pair>,
}

#[derive(Default)]
struct Pair {
    arguments: Option<Validator>,
    result: Option<Validator>,
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

impl Schemas {
    /// Of tools whose configuration was checked.
    pub fn new(tools: &[Tool]) -> Self {
        let made = |schema: &Option<Value>| schema.as_ref().and_then(|s| compile(s).ok());
        let pair = |t: &Tool| Pair { arguments: made(&t.parameters), result: made(&t.output_schema) };
        Self { tools: tools.iter().map(|t| (t.name.clone(), pair(t))).collect() }
    }

    /// Such a tool was declared.
    pub fn knows(&self, tool: &str) -> bool {
        self.tools.contains_key(tool)
    }

    /// What is wrong with the arguments of a call.
    pub fn wrong_arguments(&self, tool: &str, arguments: &str) -> Option<String> {
        // Models write nothing at all for a function without parameters.
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(e) => return Some(format!("the arguments are not valid JSON: {e}")),
        };
        if !value.is_object() {
            return Some("the arguments are no JSON object".to_owned());
        }
        let complaints = complaints(self.tools.get(tool)?.arguments.as_ref()?, &value)?;
        Some(format!("the arguments do not fit: {complaints}"))
    }

    /// What is wrong with a result.
    pub fn wrong_result(&self, tool: &str, output: &str) -> Option<String> {
        let schema = self.tools.get(tool)?.result.as_ref()?;
        // Text goes as it is: it may be a string to the schema, also one that looks like JSON.
        let text = Value::String(output.to_owned());
        let complaints = match serde_json::from_str::<Value>(output) {
            Ok(value) if !schema.is_valid(&text) => complaints(schema, &value)?,
            Ok(_) => return None,
            Err(_) => complaints(schema, &text)?,
        };
        Some(format!("the result of {tool} does not fit its output_schema: {complaints}"))
    }
}

fn complaints(schema: &Validator, value: &Value) -> Option<String> {
    let mut errors = schema.iter_errors(value);
    let mut texts: Vec<String> = Vec::new();
    for error in errors.by_ref().take(SHOWN) {
        let place = error.instance_path().to_string();
        let mut text = error.masked().to_string();
        text.truncate(text.floor_char_boundary(300));
        texts.push(if place.is_empty() { text } else { format!("{place}: {text}") });
    }
    if texts.is_empty() {
        return None;
    }
    if errors.next().is_some() {
        texts.push("and more".to_owned());
    }
    Some(texts.join("; "))
}

/// A result for the model: as it is, or cut to `most` characters inside a JSON object that says so.
pub fn cap(output: String, most: usize) -> (String, bool) {
    // Bytes are never fewer than characters.
    if output.len() <= most || output.chars().count() <= most {
        return (output, false);
    }
    let length = output.chars().count();
    let wrap = |content: &str| json!({"truncated": true, "original_length": length, "content": content}).to_string();
    let room = most.saturating_sub(wrap("").chars().count());
    let (mut used, mut end) = (0, 0);
    for (at, c) in output.char_indices() {
        used += match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => 1,
        };
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    (wrap(&output[..end]), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(parameters: Value, output: Option<Value>) -> Schemas {
        let (parameters, output_schema) = (Some(parameters), output);
        Schemas::new(&[Tool { name: "weather".into(), parameters, output_schema, ..Tool::default() }])
    }

    #[test]
    fn arguments_that_do_not_fit_are_told_where_and_why() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"maximum": 7}},
            "required": ["city"], "additionalProperties": false});
        let schemas = tool(schema, None);
        assert_eq!(schemas.wrong_arguments("weather", r#"{"city":"Rome","days":3}"#), None);
        for (arguments, words) in [
            ("", vec!["city"]),
            ("{}", vec!["city", "required"]),
            (r#"{"city":7}"#, vec!["/city", "string"]),
            (r#"{"city":"Rome","days":8}"#, vec!["/days", "maximum"]),
            (r#"{"city":"Rome","day":1}"#, vec!["day"]),
            (r#"{"city":"Ro"#, vec!["not valid JSON"]),
            ("[]", vec!["no JSON object"]),
        ] {
            let told = schemas.wrong_arguments("weather", arguments).unwrap_or_default();
            assert!(words.iter().all(|w| told.contains(w)), "{arguments}: {told}");
        }
        assert!(schemas.knows("weather") && !schemas.knows("clock"));
    }

    #[test]
    fn results_are_checked_too_and_text_is_a_string() {
        let schemas = tool(json!({}), Some(json!({"type": "object", "required": ["degrees"]})));
        assert_eq!(schemas.wrong_result("weather", r#"{"degrees":20}"#), None);
        assert!(schemas.wrong_result("weather", "sunny").is_some_and(|t| t.contains("object")));
        let text = tool(json!({}), Some(json!({"type": "string"})));
        assert_eq!((text.wrong_result("weather", "sunny"), text.wrong_result("weather", "12")), (None, None));
        let number = tool(json!({}), Some(json!({"type": "number"})));
        assert_eq!(number.wrong_result("weather", "12"), None);
        assert!(number.wrong_result("weather", "twelve").is_some_and(|t| t.contains("number")));
    }

    #[test]
    fn a_cut_result_is_valid_json_within_the_bound_and_says_so() {
        for (text, most) in [("x".repeat(1000), 256), ("\"\\\n".repeat(500), 300), ("ä\u{1}😀".repeat(400), 257)] {
            let (cut, was_cut) = cap(text.clone(), most);
            assert!(was_cut && cut.chars().count() <= most, "{} > {most}", cut.chars().count());
            let value: Value = serde_json::from_str(&cut).unwrap();
            assert_eq!((&value["truncated"], &value["original_length"]), (&json!(true), &json!(text.chars().count())));
            let kept = value["content"].as_str().unwrap();
            assert!(text.starts_with(kept) && kept.chars().count() > 20, "as much as fits is kept");
        }
        assert_eq!(cap("ä".repeat(256), 256), ("ä".repeat(256), false), "characters count, not bytes");
    }
}
