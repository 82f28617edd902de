//! The first message of a client: what it says about the conversation, and what the service does not take.

use super::{
    closing::Closing,
    events::{DEFAULT_EVENTS, is_unchosen},
    overrides,
};
use crate::simulator::scenario::{Agent, OutputItem, Scenario};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, time::Duration};

/// The model of an agent whose owner chose none, as far as this simulator has one.
const MODEL: &str = "simulated-model";
const LONGEST_VERSION: usize = 50;
/// What the service fills in by itself.
const SYSTEM: &str = "system__";

/// A conversation as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) text_only: bool,
    /// What the agent says first; the scenario's greeting without it, and nothing if it is empty.
    pub(super) first_message: Option<String>,
    pub(super) model: String,
    pub(super) longest: Option<Duration>,
    /// The tools that are left, if they were narrowed down.
    pub(super) tools: Option<BTreeSet<String>>,
    variables: Map<String, Value>,
    events: BTreeSet<String>,
    /// Letters of the instructions, for the size of the context.
    pub(super) instructions: String,
}

impl Setup {
    /// Whether the client is to be told events of this type.
    pub(super) fn wants(&self, kind: &str) -> bool {
        // A written conversation has its parts whatever was chosen.
        is_unchosen(kind) || self.events.contains(kind) || (self.text_only && kind == "agent_chat_response_part")
    }

    /// A text with the dynamic variables in their places.
    pub(super) fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.variables {
            let value = match value {
                Value::String(value) => value.clone(),
                other => other.to_string(),
            };
            text = text.replace(&format!("{{{{{name}}}}}"), &value);
        }
        text
    }

    /// Whether the agent may call this.
    ///
    /// Inferred: the id of a tool is not published beyond its being one; here it is `tool_` and the name, or the name.
    pub(super) fn may_call(&self, name: &str) -> bool {
        self.tools.as_ref().is_none_or(|ids| ids.contains(name) || ids.contains(&format!("tool_{name}")))
    }
}

/// Reads `conversation_initiation_client_data`.
pub(super) fn read(message: &Value, scenario: &Scenario) -> Result<Setup, Closing> {
    let agent = &scenario.agent;
    let given = match message.get("conversation_config_override") {
        Some(given) => overrides::read(given, agent.overrides.as_deref())?,
        None => Map::new(),
    };
    let variables = match message.get("dynamic_variables") {
        None => Map::new(),
        Some(Value::Object(variables)) => variables.clone(),
        Some(_) => return Err(Closing::value("dynamic_variables", "an object")),
    };
    if message.get("custom_llm_extra_body").is_some_and(|body| !body.is_object()) {
        return Err(Closing::value("custom_llm_extra_body", "an object"));
    }
    for field in ["user_id", "branch_id", "environment", "starting_workflow_node_id"] {
        if message.get(field).is_some_and(|value| !value.is_string()) {
            return Err(Closing::value(field, "a string"));
        }
    }
    if let Some(version) = message.pointer("/source_info/version") {
        let fits = version.as_str().is_some_and(|version| version.chars().count() <= LONGEST_VERSION);
        if !fits {
            return Err(Closing::value("source_info.version", "at most 50 characters"));
        }
    }
    mocks(&message["tool_mock_config"])?;
    let text = |path: &str| given.get(path).and_then(Value::as_str).map(str::to_owned);
    let names = |path: &str| -> Option<BTreeSet<String>> {
        let list = given.get(path)?.as_array()?;
        Some(list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    };
    let instructions = text("agent.prompt.prompt").or_else(|| scenario.instructions.clone()).unwrap_or_default();
    let setup = Setup {
        text_only: given.get("conversation.text_only").and_then(Value::as_bool).unwrap_or(agent.text_only),
        first_message: text("agent.first_message"),
        model: text("agent.prompt.llm").unwrap_or_else(|| MODEL.to_owned()),
        longest: longest(agent, &given),
        tools: names("agent.prompt.tool_ids"),
        variables,
        events: names("conversation.client_events").unwrap_or_else(|| events_of(scenario)),
        instructions,
    };
    setup.check_variables(scenario)?;
    Ok(setup)
}

impl Setup {
    /// Every variable that is named must be given.
    fn check_variables(&self, scenario: &Scenario) -> Result<(), Closing> {
        let greeting = scenario.greeting.iter().flatten().filter_map(|item| match item {
            OutputItem::Say(say) => Some(say.say.as_str()),
            OutputItem::Text(text) => Some(text.text.as_str()),
            OutputItem::Call(_) | OutputItem::Fail(_) => None,
        });
        let greeting: Vec<&str> = match &self.first_message {
            Some(first) => vec![first],
            None if scenario.agent.greets => greeting.collect(),
            None => Vec::new(),
        };
        let texts = greeting.into_iter().chain([self.instructions.as_str()]);
        let named = scenario.agent.dynamic_variables.iter().cloned().chain(texts.flat_map(variables_in));
        for name in named {
            if !name.starts_with(SYSTEM) && !self.variables.contains_key(&name) {
                let message = format!("Missing required dynamic variables in first message or prompt: {name}");
                return Err(Closing::error("missing_dynamic_variable", message));
            }
        }
        Ok(())
    }
}

/// The names in `{{double braces}}`.
fn variables_in(text: &str) -> Vec<String> {
    let inside = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
    inside.map(|(name, _)| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

fn longest(agent: &Agent, given: &Map<String, Value>) -> Option<Duration> {
    let wished = given.get("conversation.max_duration_seconds").and_then(Value::as_u64);
    wished.or(agent.max_duration_s.map(u64::from)).map(Duration::from_secs)
}

/// What the owner has chosen. An owner whose agent has tools of the client has let it call them, which is not the
/// service's default.
fn events_of(scenario: &Scenario) -> BTreeSet<String> {
    match &scenario.agent.client_events {
        Some(events) => events.iter().cloned().collect(),
        None => {
            let called = scenario.calls_tools().then_some("client_tool_call");
            DEFAULT_EVENTS.iter().copied().chain(called).map(str::to_owned).collect()
        }
    }
}

/// Mocks of tools are for tests of the vendor's: here every tool is one already, so only the words are looked at.
fn mocks(config: &Value) -> Result<(), Closing> {
    let rows = [
        ("mocking_strategy", ["none", "all", "selected"].as_slice()),
        ("fallback_strategy", ["raise_error", "call_real_tool"].as_slice()),
    ];
    for (field, words) in rows {
        if config.get(field).is_some_and(|word| !word.as_str().is_some_and(|word| words.contains(&word))) {
            return Err(Closing::value(&format!("tool_mock_config.{field}"), &words.join(" or ")));
        }
    }
    Ok(())
}
