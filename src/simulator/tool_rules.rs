//! Which tools a response may use, must use, and how many at once: the scripted model obeys.

use super::{
    events::Refusal,
    scenario::{Call, FunctionCall, OutputItem},
    script::Reply,
};
use serde_json::{Map, Value, json};

/// Depth of arguments that are made up.
const DEEPEST: usize = 8;

/// The tools of one response.
pub(super) struct ToolRules {
    tools: Vec<Value>,
    choice: Value,
    parallel: bool,
}

impl ToolRules {
    /// What the request says, else what the session says.
    pub(super) fn of(wishes: &Value, session: &Value) -> Self {
        let of = |name: &str| super::responder::wish(wishes, name).unwrap_or(&session[name]);
        Self {
            tools: of("tools").as_array().cloned().unwrap_or_default(),
            choice: of("tool_choice").clone(),
            parallel: of("parallel_tool_calls") != &json!(false),
        }
    }

    /// Refuses a choice that no tool can satisfy. Inferred from the vendor's other API.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let message = match self.forced() {
            Some(name) if !self.declares(name) => format!("Tool choice '{name}' not found in 'tools' parameter."),
            None if self.choice == "required" && self.tools.is_empty() => {
                "Tool choice 'required' must be specified with 'tools' parameter.".to_owned()
            }
            _ => return Ok(()),
        };
        Err(Refusal::value("response.tool_choice", message))
    }

    fn forced(&self) -> Option<&str> {
        self.choice["name"].as_str()
    }

    fn declares(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool["name"] == name)
    }

    /// Whether the model may call this function.
    pub(super) fn allows(&self, name: &str) -> bool {
        self.choice != "none" && self.declares(name) && self.forced().is_none_or(|forced| forced == name)
    }

    /// Makes a reply obey. The second list is what it had to leave for later: calls beyond the first when
    /// calls are not parallel, and everything when a call was demanded that the reply does not have.
    pub(super) fn obey(&self, mut reply: Reply) -> (Reply, Vec<OutputItem>) {
        let mut later = Vec::new();
        let called =
            |item: &OutputItem| matches!(item, OutputItem::Call(c) if c.call.force || self.allows(&c.call.name));
        if let Some(name) = self.demanded() {
            if reply.items.iter().any(called) {
                // A model that has to call does not speak.
                reply.items.retain(|item| called(item) || matches!(item, OutputItem::Fail(_)));
            } else if !reply.items.iter().any(|item| matches!(item, OutputItem::Fail(_))) {
                later = std::mem::replace(&mut reply.items, vec![self.made_up(name)]);
                later.retain(|item| !matches!(item, OutputItem::Call(_)));
                if later.is_empty() {
                    later = std::mem::take(&mut reply.instead);
                }
            }
        }
        if !self.parallel {
            let mut calls = 0;
            let (now, beyond) = std::mem::take(&mut reply.items).into_iter().partition(|item| {
                calls += usize::from(called(item));
                !called(item) || calls == 1
            });
            reply.items = now;
            let beyond: Vec<OutputItem> = beyond;
            if !beyond.is_empty() {
                later = beyond;
            }
        }
        (reply, later)
    }

    /// The function that has to be called, if one has to be.
    fn demanded(&self) -> Option<&str> {
        let first = || self.tools.first().and_then(|tool| tool["name"].as_str());
        let name = if self.choice == "required" { first() } else { self.forced() };
        name.filter(|name| self.declares(name))
    }

    /// A call with the least arguments that the function's schema asks for.
    fn made_up(&self, name: &str) -> OutputItem {
        let tool = self.tools.iter().find(|tool| tool["name"] == name);
        let arguments = match tool.map(|tool| example(&tool["parameters"], 0)) {
            Some(Value::Object(arguments)) => arguments,
            _ => Map::new(),
        };
        OutputItem::Call(Call {
            call: FunctionCall { name: name.to_owned(), arguments, raw_arguments: None, force: true },
        })
    }
}

/// A small value for a JSON Schema: what is required, the first of an enumeration, the least number.
fn example(schema: &Value, depth: usize) -> Value {
    for given in ["const", "default"] {
        if let Some(value) = schema.get(given) {
            return value.clone();
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|list| list.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
    match kind {
        "string" => json!("example"),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(0)),
        "boolean" => json!(false),
        "array" => json!([]),
        "null" => Value::Null,
        _ if depth == DEEPEST => json!({}),
        _ => {
            let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            Value::Object(names.map(|n| (n.to_owned(), example(&schema["properties"][n], depth + 1))).collect())
        }
    }
}
