//! From JSON to a configuration. Whatever is wrong is told with its path, what is there and what is accepted,
//! in the words of JSON.

use super::{Config, invalid, ranges, strict, suggest};
use crate::error::{Error, ErrorClass, Result, redact};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// Characters of a word of the document that an error repeats.
const SHOWN: usize = 60;

/// Reads a text. Types and names are checked, combinations are not.
pub(super) fn read(json: &str) -> Result<Config> {
    from_document(&document(json)?)
}

/// Reads a document.
pub(super) fn from_document(document: &Value) -> Result<Config> {
    let config: Config = serde_path_to_error::deserialize(document).map_err(|e| complaint(document, &e))?;
    let back = serde_json::to_value(&config).map_err(|e| invalid("", e.to_string()))?;
    same_kinds(document, document, &back, &mut Vec::new())?;
    Ok(config)
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// `audio.input.rate`, `tools[0].name`. Words of the document may be secrets in the wrong place.
pub(super) fn written(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(&shown(key)),
            Step::Key(key) => path.extend([".", &shown(key)]),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn shown(word: &str) -> String {
    let word = redact(word);
    match word.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &word[..end]),
        None => word,
    }
}

/// The text as a tree.
fn document(json: &str) -> Result<Value> {
    let not_json = |e| Error::new(ErrorClass::Config, "invalid_json", format!("the configuration is not JSON: {e}"));
    let mut reader = serde_json::Deserializer::from_str(json);
    let (document, twice) = strict::next(&mut reader).map_err(not_json)?;
    reader.end().map_err(|e| invalid("", format!("text after the document: {e}")).fix("give one JSON object"))?;
    match twice {
        Some(path) => Err(invalid(path, "is there twice").fix("keep one of them")),
        None => Ok(document),
    }
}

/// serde takes a list as the fields of an object in order, and `{"auto": null}` as `"auto"`. Nobody means that,
/// and the schema does not have it.
fn same_kinds(document: &Value, given: &Value, read: &Value, path: &mut Vec<Step>) -> Result<()> {
    if !given.is_null() && !read.is_null() && std::mem::discriminant(given) != std::mem::discriminant(read) {
        let expected = match read {
            Value::Object(_) => "struct",
            Value::Array(_) => "a sequence",
            _ => "string or map",
        };
        return Err(wrong_type(document, path, given, expected));
    }
    let mut inner = |step, given, read| {
        path.push(step);
        let result = same_kinds(document, given, read, path);
        path.pop();
        result
    };
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given
            .iter()
            .filter_map(|(key, value)| Some((key, value, read.get(key)?)))
            .try_for_each(|(key, given, read)| inner(Step::Key(key.clone()), given, read)),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).enumerate().try_for_each(|(i, (given, read))| inner(Step::Index(i), given, read))
        }
        _ => Ok(()),
    }
}

/// Turns serde's complaint into a path, a cause and a fix.
fn complaint(document: &Value, e: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let mut path = steps(e.path());
    // Inside a list in the place of an object, the list is what is wrong.
    for list in (0..path.len()).filter(|&i| matches!(path[i], Step::Index(_))) {
        let expected = probe(document, &path[..list], Value::Bool(true)).unwrap_or_default();
        let expected = expected.rsplit_once(", expected ").map_or("a sequence", |(_, expected)| expected);
        if expected != "a sequence" {
            let given = at(document, &path[..list]).cloned().unwrap_or_default();
            return wrong_type(document, &path[..list], &given, expected);
        }
    }
    let text = e.inner().to_string();
    if let Some(rest) = text.strip_prefix("unknown field `") {
        let (name, known) = name_and_known(rest);
        if !matches!(path.last(), Some(Step::Key(key)) if key == name) {
            path.push(Step::Key(name.to_owned()));
        }
        return invalid(written(&path), "unknown key").fix(suggest::key(name, &known));
    }
    if let Some(name) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        path.push(Step::Key(name.to_owned()));
        return invalid(written(&path), "is missing").fix(format!("write {{\"{name}\": ...}}"));
    }
    // The word of a choice is a step of its own.
    while at(document, &path).is_none() {
        path.pop();
    }
    if let Some(rest) = text.strip_prefix("unknown variant `") {
        let (name, known) = name_and_known(rest);
        let said = format!("\"{}\" is none of the accepted words", shown(name));
        return invalid(written(&path), said).fix(choice(&path, Some(name), &known));
    }
    let given = at(document, &path).cloned().unwrap_or_default();
    let expected = text.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    wrong_type(document, &path, &given, expected)
}

fn wrong_type(document: &Value, path: &[Step], given: &Value, expected: &str) -> Error {
    let field = written(path);
    let is = match given {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    };
    let (wanted, example) = match expected {
        e if e.starts_with("struct") || e.starts_with("a map") => ("an object", "write {...}".to_owned()),
        "a sequence" => ("a list", "write [...]".into()),
        "a boolean" => ("true or false", "write true or false without quotes".into()),
        "f64" | "f32" => ("a number", "write a number without quotes".into()),
        "u64" | "u32" | "u16" | "u8" | "usize" => {
            ("a whole number from 0 to 4294967295", "write a whole number without quotes".into())
        }
        "a string" | "str" => ("a string", "write \"...\"".into()),
        e if e.starts_with("1 to 4096") => ("a whole number or \"inf\"", String::new()),
        // A choice. Which words it takes, serde tells when it gets a wrong one.
        _ => ("one of the accepted words", choice(path, None, &words(document, path))),
    };
    let mut fix = match ranges::bounds(&field) {
        Some((low, high)) if wanted.starts_with("a whole") => format!("use a whole number, {low} to {high}"),
        Some((low, high)) => format!("use a number, {low} to {high}"),
        None => example,
    };
    if field == "max_output_tokens" {
        fix.push_str(", or \"inf\" for no bound");
    }
    if field == "turn_detection" && given.is_null() {
        fix = "for push to talk write {\"mode\": \"manual\"}; leave it out for the default".into();
    } else if given.is_null() {
        fix.push_str("; leave it out for the default");
    }
    let cause = if field.is_empty() { format!("the configuration is {is}") } else { format!("is {is}") };
    invalid(field, format!("{cause}; {wanted} is expected")).fix(fix)
}

/// What serde says to `value` at a place.
fn probe(document: &Value, path: &[Step], value: Value) -> Option<String> {
    let mut document = document.clone();
    *at_mut(&mut document, path)? = value;
    let result = serde_path_to_error::deserialize::<_, Config>(&document);
    result.err().map(|e| e.inner().to_string())
}

/// The words a choice takes.
fn words(document: &Value, path: &[Step]) -> Vec<String> {
    let said = probe(document, path, Value::String(String::new())).unwrap_or_default();
    said.strip_prefix("unknown variant `").map(|rest| name_and_known(rest).1).unwrap_or_default()
}

fn choice(path: &[Step], given: Option<&str>, known: &[String]) -> String {
    if matches!(path, [Step::Key(key), ..] if key == "tool_choice") {
        return "use \"auto\", \"none\", \"required\" or {\"function\": \"NAME\"}".into();
    }
    suggest::word(given, known)
}

/// serde's `x`, expected one of `a`, `b`.
fn name_and_known(rest: &str) -> (&str, Vec<String>) {
    // The last one: the name may contain anything.
    let (name, known) = rest.rsplit_once("`, expected ").unwrap_or((rest, ""));
    (name, known.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

fn steps(path: &Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { variant } => Some(Step::Key(variant.clone())),
        Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

fn at<'a>(document: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(document, |at, step| match step {
        Step::Key(key) => at.get(key),
        Step::Index(index) => at.get(index),
    })
}

fn at_mut<'a>(document: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |at, step| match step {
        Step::Key(key) => at.get_mut(key),
        Step::Index(index) => at.get_mut(index),
    })
}
