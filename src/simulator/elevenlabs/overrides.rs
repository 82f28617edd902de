//! What a client may say differently about an agent, and what of it the agent's owner permits.

use super::closing::Closing;
use Rule::{Any, Bool, Events, Number, Text, Texts, Whole};
use serde_json::{Map, Value, json};

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Text,
    Texts,
    Number,
    /// A whole number of at least one.
    Whole,
    Bool,
    Events,
    Any,
}

/// The whole of `conversation_config_override`.
const FIELDS: &[(&str, Rule)] = &[
    ("agent.prompt.prompt", Text),
    ("agent.prompt.llm", Text),
    ("agent.prompt.reasoning_effort", Text),
    ("agent.prompt.tool_ids", Texts),
    ("agent.prompt.tool_ids_strict", Bool),
    ("agent.prompt.native_mcp_server_ids", Texts),
    ("agent.prompt.knowledge_base", Any),
    ("agent.native_mcp_server_ids", Texts),
    ("agent.first_message", Text),
    ("agent.language", Text),
    ("agent.max_conversation_duration_message", Text),
    ("tts.voice_id", Text),
    ("tts.model_id", Text),
    ("tts.stability", Number),
    ("tts.speed", Number),
    ("tts.similarity_boost", Number),
    ("tts.supported_voices", Any),
    ("asr.keywords", Texts),
    ("turn.soft_timeout_config.message", Text),
    ("conversation.text_only", Bool),
    ("conversation.max_duration_seconds", Whole),
    ("conversation.client_events", Events),
];

/// Needs no permission: there is none to be given for it in an agent's settings.
const ALWAYS: &str = "conversation.client_events";
/// One SDK writes `text_only` beside the groups, so that is read, too.
const LOOSE: (&str, &str) = ("text_only", "conversation.text_only");

/// Whether a path names something that can be permitted.
pub(in crate::simulator) fn is_override(path: &str) -> bool {
    path != ALWAYS && FIELDS.iter().any(|(known, _)| *known == path)
}

/// Reads the overrides of a conversation into a map from path to value.
///
/// What is not permitted ends the conversation, and so does what nobody knows, which nobody can have permitted.
/// Inferred: `null` and values of another type do, too.
pub(super) fn read(given: &Value, permitted: Option<&[String]>) -> Result<Map<String, Value>, Closing> {
    let mut read = Map::new();
    walk(given, "", permitted, &mut read)?;
    Ok(read)
}

fn walk(given: &Value, path: &str, permitted: Option<&[String]>, read: &mut Map<String, Value>) -> Result<(), Closing> {
    let place = if path.is_empty() { "conversation_config_override" } else { path };
    let Some(fields) = given.as_object() else { return Err(Closing::value(place, "an object")) };
    for (name, value) in fields {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let inner = if inner == LOOSE.0 { LOOSE.1.to_owned() } else { inner };
        match FIELDS.iter().find(|(known, _)| *known == inner) {
            Some((known, rule)) => {
                check(known, value, *rule)?;
                if permitted.is_some_and(|list| !list.iter().any(|path| path == known)) && *known != ALWAYS {
                    return Err(refused(name));
                }
                read.insert(inner, value.clone());
            }
            None if FIELDS.iter().any(|(known, _)| known.strip_prefix(&*inner).is_some_and(|r| r.starts_with('.'))) => {
                walk(value, &inner, permitted, read)?;
            }
            None => return Err(refused(name)),
        }
    }
    Ok(())
}

/// The text is that of the service as far as it is known: it names the field.
fn refused(field: &str) -> Closing {
    let field: String = field.chars().take(48).collect();
    Closing::with(1008, format!("Override for field '{field}' is not allowed by config."))
}

fn check(path: &str, value: &Value, rule: Rule) -> Result<(), Closing> {
    let texts = || value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    let (fits, wanted) = match rule {
        Text => (value.is_string(), "a string"),
        Texts | Events => (texts(), "a list of strings"),
        Number => (value.is_number(), "a number"),
        Whole => (value.as_u64().is_some_and(|number| number > 0), "a positive integer"),
        Bool => (value.is_boolean(), "a boolean"),
        Any => (!value.is_null(), "a value"),
    };
    if !fits {
        return Err(Closing::value(path, wanted));
    }
    if rule == Events {
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        // Inferred: the list is closed, since the service publishes it as an enumeration.
        if names.into_iter().any(|name| !super::events::is_client_event(name)) {
            return Err(Closing::value(path, "the names of client events"));
        }
    }
    Ok(())
}

/// The permissions as an agent's settings show them: true or false at the end of each path.
pub(super) fn permissions(permitted: Option<&[String]>) -> Value {
    let mut tree = json!({});
    for (path, _) in FIELDS.iter().filter(|(path, _)| *path != ALWAYS) {
        let mut place = &mut tree;
        for name in path.split('.') {
            place = &mut place[name];
        }
        *place = json!(permitted.is_none_or(|list| list.iter().any(|known| known == path)));
    }
    tree
}
