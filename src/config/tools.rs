//! Functions the model may call, and how their calls are handled.

use serde::{Deserialize, Serialize};

/// A function the model may call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// When and how to use it.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the arguments (an object schema). Absent: no arguments. A call whose arguments do not
    /// fit is answered with an error and never reaches the host.
    #[serde(default)]
    pub parameters: Option<serde_json::Value>,
    /// JSON Schema of the result. A result that does not fit reaches the model as an error. Absent: anything.
    /// It stays here; the vendor does not see it.
    #[serde(default)]
    pub output_schema: Option<serde_json::Value>,
    /// How long a call may take, 1 to 3600000 milliseconds. Absent: `tool_handling.timeout_ms`.
    #[serde(default)]
    pub timeout_ms: Option<u32>,
}

/// Whether tools may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// Never.
    None,
    /// Always some tool.
    Required,
    /// This one.
    Function(String),
}

/// How calls are handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ToolHandling {
    /// How long a call may take, 1 to 3600000 milliseconds; then the model is told that it took too long.
    pub timeout_ms: u32,
    /// Characters of a result that reach the model, 256 to 262144. A longer one is cut, stays valid JSON and
    /// says that and how much was cut.
    pub result_max_length: u32,
    /// Calls of functions that are not in `tools`.
    pub undeclared: UndeclaredTools,
    /// The vendor hears silence while calls run.
    pub mute_input: bool,
}

impl Default for ToolHandling {
    fn default() -> Self {
        Self { timeout_ms: 30_000, result_max_length: 16_384, undeclared: UndeclaredTools::Refuse, mute_input: false }
    }
}

/// What becomes of a call of a function that is not in `tools`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UndeclaredTools {
    /// The model is told that there is no such function.
    #[default]
    Refuse,
    /// The host gets it like any other: for tools declared elsewhere (`extra`, a stored prompt, an agent).
    Host,
}
