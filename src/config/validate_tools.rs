//! Checks of tools and of how their calls are handled.

use super::{Config, Tool, ToolChoice, invalid, ranges::range, tool_schema};
use crate::error::Result;
use serde_json::Value;

impl Config {
    pub(super) fn validate_tools(&self) -> Result<()> {
        check_tools(&self.tools)?;
        range("tool_handling.timeout_ms", Some(self.tool_handling.timeout_ms.into()))?;
        range("tool_handling.result_max_length", Some(self.tool_handling.result_max_length.into()))?;
        self.validate_tool_choice()
    }

    fn validate_tool_choice(&self) -> Result<()> {
        // Tools may come another way too; the vendor then knows whether there is one.
        if self.extra.contains_key("tools") || self.extra.contains_key("prompt") {
            return Ok(());
        }
        if self.tools.is_empty() && self.tool_choice != ToolChoice::Auto {
            return Err(invalid("tool_choice", "there is no tool to choose").fix("declare tools, or leave it out"));
        }
        if let ToolChoice::Function(name) = &self.tool_choice
            && !self.tools.iter().any(|t| &t.name == name)
        {
            return Err(invalid("tool_choice", format!("no tool is called {name:?}")).fix("declare it in tools"));
        }
        Ok(())
    }
}

/// Names, limits and schemas of tools.
pub(crate) fn check_tools(tools: &[Tool]) -> Result<()> {
    for (i, tool) in tools.iter().enumerate() {
        let name = format!("tools[{i}].name");
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if tool.name.is_empty() || tool.name.len() > 64 || !tool.name.chars().all(legal) {
            return Err(invalid(name, format!("{:?} is not a function name", tool.name))
                .fix("use 1 to 64 letters, digits, _ or -"));
        }
        if tools[..i].iter().any(|t| t.name == tool.name) {
            return Err(invalid(name, format!("{:?} is there twice", tool.name)).fix("give each tool its own name"));
        }
        range(&format!("tools[{i}].timeout_ms"), tool.timeout_ms.map(f64::from))?;
        if let Some(schema) = &tool.parameters {
            let path = format!("tools[{i}].parameters");
            if !schema.is_object() {
                return Err(
                    invalid(path, "is not a JSON Schema object").fix(r#"write {"type":"object","properties":{...}}"#)
                );
            }
            if schema.get("type").is_some_and(|kind| kind != "object") {
                return Err(invalid(format!("{path}.type"), "arguments are always an object")
                    .fix(r#"write {"type":"object","properties":{...}}"#));
            }
            check_schema(&path, schema)?;
        }
        if let Some(schema) = &tool.output_schema {
            check_schema(&format!("tools[{i}].output_schema"), schema)?;
        }
    }
    Ok(())
}

fn check_schema(path: &str, schema: &Value) -> Result<()> {
    tool_schema::compile(schema).map(drop).map_err(|wrong| {
        let field = if wrong.at.is_empty() { path.to_owned() } else { format!("{path}{}", wrong.at) };
        invalid(field, wrong.message).fix(wrong.fix)
    })
}
