//! Functions that a session declares, and the rules for them.

use super::{
    closing::Closing,
    models::{Calls, Model},
};
use serde_json::Value;
use std::collections::BTreeSet;

const MOST_FUNCTIONS: usize = 512;
const LONGEST_NAME: usize = 128;
/// Schemas deeper than this are nobody's arguments.
const DEEPEST: usize = 32;
/// The part of OpenAPI schemas that Live takes.
const SCHEMA: [&str; 12] = [
    "type",
    "properties",
    "required",
    "description",
    "enum",
    "items",
    "format",
    "nullable",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
];
const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];

/// A declared function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Function {
    pub(super) name: String,
    /// The model waits for its result.
    pub(super) blocking: bool,
    /// A property without a type makes a function one that the model never calls, and nobody is told.
    pub(super) callable: bool,
}

/// Reads the `tools` of a setup or of an update.
pub(super) fn read(tools: &Value, model: &Model) -> Result<Vec<Function>, Closing> {
    let mut functions = Vec::new();
    let mut names = BTreeSet::new();
    for tool in tools.as_array().into_iter().flatten() {
        if tool.get("codeExecution").is_some() && !model.code_execution {
            return Err(Closing::argument());
        }
        for function in tool["functionDeclarations"].as_array().into_iter().flatten() {
            let function = declared(function, model)?;
            if !names.insert(function.name.clone()) {
                return Err(Closing::invalid(format!("Duplicate function declaration found: {}", function.name)));
            }
            functions.push(function);
        }
    }
    if functions.len() > MOST_FUNCTIONS {
        return Err(Closing::invalid(format!("At most {MOST_FUNCTIONS} function declarations are supported.")));
    }
    Ok(functions)
}

fn declared(function: &Value, model: &Model) -> Result<Function, Closing> {
    let name = function["name"].as_str().unwrap_or_default();
    if !good_name(name) {
        let message = "Invalid function name. Must start with a letter or an underscore, and be at most 128 long.";
        return Err(Closing::invalid(message));
    }
    let (schema, json) = (function.get("parameters"), function.get("parametersJsonSchema"));
    if schema.is_some() && json.is_some() {
        return Err(Closing::invalid("parameters and parameters_json_schema are mutually exclusive."));
    }
    let mut typed = true;
    if let Some(schema) = schema {
        check(schema, &mut typed, 0)?;
    }
    if json.is_some_and(|json| !json.is_object()) {
        return Err(Closing::argument());
    }
    let wanted = function["behavior"].as_str().filter(|behavior| *behavior != "UNSPECIFIED");
    let blocking = match (model.calls, wanted) {
        (Calls::Running, Some("BLOCKING")) => {
            return Err(Closing::invalid("BLOCKING function calls are not supported for this model."));
        }
        (Calls::Blocking, Some("NON_BLOCKING")) => {
            return Err(Closing::invalid("NON_BLOCKING function calls are not supported for this model."));
        }
        (_, Some(wanted)) => wanted == "BLOCKING",
        (calls, None) => matches!(calls, Calls::Blocking | Calls::BlockingByDefault),
    };
    Ok(Function { name: name.to_owned(), blocking, callable: typed })
}

fn good_name(name: &str) -> bool {
    let mut letters = name.chars();
    name.len() <= LONGEST_NAME
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "_.:-".contains(letter))
}

/// Checks a schema; `typed` becomes false where a property has no type.
fn check(schema: &Value, typed: &mut bool, depth: usize) -> Result<(), Closing> {
    let Some(fields) = schema.as_object().filter(|_| depth < DEEPEST) else { return Err(Closing::argument()) };
    for name in fields.keys() {
        if !SCHEMA.contains(&super::fields::camel(name).as_str()) {
            let name: String = name.chars().take(40).collect();
            let text = format!("Invalid JSON payload received. Unknown name \"{name}\" at 'parameters'.");
            return Err(Closing::invalid(text));
        }
    }
    let kind = match fields.get("type") {
        None => None,
        Some(kind) => Some(kind.as_str().map(str::to_lowercase).ok_or_else(Closing::argument)?),
    };
    if kind.as_deref().is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(Closing::argument());
    }
    *typed &= kind.is_some();
    if kind.as_deref() == Some("array") && !fields.contains_key("items") {
        return Err(Closing::invalid("GenerateContentRequest.tools: schema.items: missing field."));
    }
    let words = fields.get("enum").map(|list| list.as_array().ok_or_else(Closing::argument)).transpose()?;
    if words.is_some_and(|words| !words.iter().all(Value::is_string)) {
        return Err(Closing::argument());
    }
    let properties = fields.get("properties").and_then(Value::as_object);
    for required in fields.get("required").and_then(Value::as_array).into_iter().flatten() {
        let known = required.as_str().is_some_and(|name| properties.is_some_and(|all| all.contains_key(name)));
        if !known {
            return Err(Closing::invalid("GenerateContentRequest.tools: schema.required: property is not defined."));
        }
    }
    let inner = properties.into_iter().flat_map(|all| all.values()).chain(fields.get("items"));
    for schema in inner {
        check(schema, typed, depth + 1)?;
    }
    Ok(())
}
