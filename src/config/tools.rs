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
    /// What the model does with the result. Absent: `wait`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
}

/// What the model does while a function runs, and with its result. Gemini's models from 3.8 on have all of it
/// (protocols reference §3.5); where a service has no word for it, it is done by asking for the answer then, or not at all,
/// and the model is silent while the function runs unless somebody speaks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scheduling {
    /// It waits for the result and answers it.
    #[default]
    Wait,
    /// It talks on, and speaks of the result when it has nothing else to say.
    WhenIdle,
    /// It talks on, and breaks off to speak of the result.
    Interrupt,
    /// It talks on, and takes note of the result without speaking of it.
    Silent,
}

impl Scheduling {
    /// All of them; the first is what every model does.
    pub const WORDS: &[&str] = &["wait", "when_idle", "interrupt", "silent"];

    /// As it stands in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::WhenIdle => "when_idle",
            Self::Interrupt => "interrupt",
            Self::Silent => "silent",
        }
    }
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
    /// ElevenLabs only: tools of MCP servers that may run when the agent asks for approval. Any other is refused then,
    /// with the warning `tool_not_approved`.
    pub approve: Vec<String>,
}

impl Default for ToolHandling {
    fn default() -> Self {
        Self {
            timeout_ms: 30_000,
            result_max_length: 16_384,
            undeclared: UndeclaredTools::Refuse,
            mute_input: false,
            approve: Vec::new(),
        }
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
