//! What the client says about calls: results of its tools, and approvals.

use super::{calls::Outcome, closing::Closing, peer::Peer};
use crate::simulator::scenario::ToolKind;
use serde_json::Value;

const ERROR_TYPES: [&str; 6] =
    ["user_rejected", "external_server", "external_client", "customer_auth", "client_timeout", "unknown"];

impl Peer {
    /// `client_tool_result`.
    ///
    /// Inferred: a result for a call that nobody knows (that was answered already, was given up, or never was) is of no
    /// consequence, and one that is not what a result is ends the conversation.
    pub(super) fn client_tool_result(&mut self, message: &Value) -> Result<(), Closing> {
        let id = text(message, "client_tool_result", "tool_call_id")?;
        let result = text(message, "client_tool_result", "result")?;
        let error = flag(message, "client_tool_result", "is_error")?;
        let kind = match message.get("error_type") {
            None | Some(Value::Null) => None,
            Some(kind) => match kind.as_str().filter(|kind| ERROR_TYPES.contains(kind)) {
                Some(kind) => Some(kind),
                None => return Err(Closing::value("client_tool_result.error_type", &ERROR_TYPES.join(", "))),
            },
        };
        let known = self.calls.iter().any(|call| call.id == id && call.tool.kind == ToolKind::Client);
        if known {
            self.took_result(id, result);
            let outcome = Outcome {
                result: result.to_owned(),
                error: error || kind.is_some(),
                called: kind != Some("user_rejected"),
            };
            self.resolve(id, &outcome);
        }
        Ok(())
    }

    /// `mcp_tool_approval_result`. Only the first word counts.
    pub(super) fn approval(&mut self, message: &Value) -> Result<(), Closing> {
        let id = text(message, "mcp_tool_approval_result", "tool_call_id")?;
        let approved = flag(message, "mcp_tool_approval_result", "is_approved")?;
        if !self.calls.iter().any(|call| call.id == id && call.asking) {
            return Ok(());
        }
        match approved {
            true => self.approved(id),
            false => {
                self.resolve(id, &Outcome { called: false, ..Outcome::bad("The call was not approved.") });
            }
        }
        Ok(())
    }
}

fn text<'a>(message: &'a Value, kind: &str, field: &str) -> Result<&'a str, Closing> {
    let path = format!("{kind}.{field}");
    let value = message.get(field).ok_or_else(|| Closing::missing(&path))?;
    value.as_str().ok_or_else(|| Closing::value(&path, "a string"))
}

fn flag(message: &Value, kind: &str, field: &str) -> Result<bool, Closing> {
    let path = format!("{kind}.{field}");
    let value = message.get(field).ok_or_else(|| Closing::missing(&path))?;
    value.as_bool().ok_or_else(|| Closing::value(&path, "a boolean"))
}
