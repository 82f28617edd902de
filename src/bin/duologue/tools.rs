//! The demo tool.

use duologue::{config::Tool, event::ToolCall};
use serde_json::{Value, json};

/// What the model is told about it.
pub fn weather() -> Tool {
    Tool {
        name: "get_weather".into(),
        description: Some("Tells the weather in a city today.".into()),
        parameters: Some(json!({
            "type": "object",
            "properties": { "city": { "type": "string", "description": "Name of the city" } },
            "required": ["city"],
        })),
        ..Tool::default()
    }
}

/// Answers a call: the result as JSON text, and whether it is an error.
pub fn answer(call: &ToolCall) -> (String, bool) {
    if call.name != "get_weather" {
        let why = format!("this program has no function {:?}", call.name);
        return (json!({ "error": why }).to_string(), true);
    }
    match serde_json::from_str::<Value>(&call.arguments).ok().as_ref().and_then(|a| a["city"].as_str()) {
        Some(city) => (json!({ "city": city, "weather": "18 degrees, sunny" }).to_string(), false),
        None => (json!({ "error": "city is missing" }).to_string(), true),
    }
}
