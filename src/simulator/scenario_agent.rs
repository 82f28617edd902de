//! The agent that a scenario plays for clients of ElevenLabs: what its owner would have set up.

use super::scenario::{Scenario, invalid};
use crate::error::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::RangeInclusive};

const DAY_S: u32 = 86_400;

/// An agent of ElevenLabs.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// The audio it takes.
    pub input_format: AudioFormat,
    /// The audio it gives.
    pub output_format: AudioFormat,
    /// Whether it speaks first, with the `greeting` of the scenario; without one it waits.
    #[serde(skip_serializing_if = "is_true")]
    pub greets: bool,
    /// Whether only a signed URL lets in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Whether it writes and does not speak.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub text_only: bool,
    /// What clients may override, by path, for example `agent.prompt.prompt`; everything without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Vec<String>>,
    /// Dynamic variables that every conversation must bring.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dynamic_variables: Vec<String>,
    /// The events it sends when a client names none; without it the service's default, and `client_tool_call` where a
    /// reply calls a tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_events: Option<Vec<String>>,
    /// Its tools by name. A call of the scenario that is not here is one of a client tool with the defaults, and
    /// `end_call` ends the conversation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, AgentTool>,
    /// Seconds a conversation may last, 1 to 86400; beside `session_s` of `delivery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub max_duration_s: Option<u32>,
    /// Seconds without anything from the user after which the conversation ends, 1 to 86400.
    #[schemars(range(min = 1, max = 86_400))]
    pub input_timeout_s: u32,
    /// Seconds of silence after which the agent says the `idle` of the scenario, 1 to 86400; never without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub turn_timeout_s: Option<u32>,
    /// Seconds of silence after which the agent hangs up, 1 to 86400; never without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub silence_end_call_s: Option<u32>,
    /// Milliseconds from one ping to the next, 10 to 60000.
    #[schemars(range(min = 10, max = 60_000))]
    pub ping_interval_ms: u32,
    /// Whether transcripts come tentatively first, to who wants `tentative_user_transcript`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tentative_transcripts: bool,
    /// The queue that conversations wait in before the agent has time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
}

/// A format of audio: what it is, and how many samples a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AudioFormat {
    /// 16 bit, 8 kHz.
    #[serde(rename = "pcm_8000")]
    Pcm8000,
    /// 16 bit, 16 kHz.
    #[default]
    #[serde(rename = "pcm_16000")]
    Pcm16000,
    /// 16 bit, 22.05 kHz.
    #[serde(rename = "pcm_22050")]
    Pcm22050,
    /// 16 bit, 24 kHz.
    #[serde(rename = "pcm_24000")]
    Pcm24000,
    /// 16 bit, 44.1 kHz.
    #[serde(rename = "pcm_44100")]
    Pcm44100,
    /// 16 bit, 48 kHz.
    #[serde(rename = "pcm_48000")]
    Pcm48000,
    /// G.711 with µ-law, 8 kHz.
    #[serde(rename = "ulaw_8000")]
    Ulaw8000,
}

impl AudioFormat {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcm8000 => "pcm_8000",
            Self::Pcm16000 => "pcm_16000",
            Self::Pcm22050 => "pcm_22050",
            Self::Pcm24000 => "pcm_24000",
            Self::Pcm44100 => "pcm_44100",
            Self::Pcm48000 => "pcm_48000",
            Self::Ulaw8000 => "ulaw_8000",
        }
    }

    /// Samples per second.
    pub fn rate(self) -> u32 {
        match self {
            Self::Pcm8000 | Self::Ulaw8000 => 8_000,
            Self::Pcm16000 => 16_000,
            Self::Pcm22050 => 22_050,
            Self::Pcm24000 => 24_000,
            Self::Pcm44100 => 44_100,
            Self::Pcm48000 => 48_000,
        }
    }
}

/// A tool of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentTool {
    /// Who runs it.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// Whether the agent waits for what a client tool says.
    pub expects_response: bool,
    /// Seconds the agent waits for it, 1 to 600.
    #[schemars(range(min = 1, max = 600))]
    pub response_timeout_s: u32,
    /// Whether nobody can interrupt while it runs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_interruptions: bool,
    /// What a webhook or an MCP server says.
    pub result: String,
    /// Whether a webhook or an MCP server fails; `result` is then the error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fails: bool,
    /// Whether the client has to approve each call of a tool of an MCP server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
    /// Seconds it has for that, 1 to 600.
    #[schemars(range(min = 1, max = 600))]
    pub approval_timeout_s: u32,
}

impl Default for AgentTool {
    fn default() -> Self {
        Self {
            kind: ToolKind::Client,
            expects_response: true,
            response_timeout_s: 20,
            disable_interruptions: false,
            result: "{}".to_owned(),
            fails: false,
            approval: false,
            approval_timeout_s: 30,
        }
    }
}

/// Who runs a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// The client.
    Client,
    /// A server, over HTTP.
    Webhook,
    /// An MCP server.
    Mcp,
}

/// A queue in front of an agent that has no time yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Milliseconds of waiting, 1 to 600000. Music is played meanwhile.
    #[schemars(range(min = 1, max = 600_000))]
    pub wait_ms: u32,
    /// Whether it was in vain: the conversation ends then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            input_format: AudioFormat::default(),
            output_format: AudioFormat::default(),
            greets: true,
            private: false,
            text_only: false,
            overrides: None,
            dynamic_variables: Vec::new(),
            client_events: None,
            tools: BTreeMap::new(),
            max_duration_s: None,
            input_timeout_s: 60,
            turn_timeout_s: None,
            silence_end_call_s: None,
            ping_interval_ms: 2000,
            tentative_transcripts: false,
            queue: None,
        }
    }
}

fn is_true(yes: &bool) -> bool {
    *yes
}

impl Agent {
    /// Whether a scenario has to say something about it.
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The tool of this name.
    pub(super) fn tool(&self, name: &str) -> AgentTool {
        self.tools.get(name).cloned().unwrap_or_default()
    }
}

/// Checks what the types cannot say.
pub(super) fn check(scenario: &Scenario) -> Result<()> {
    let agent = &scenario.agent;
    let day = 1..=DAY_S;
    range("agent.input_timeout_s", Some(agent.input_timeout_s), day.clone())?;
    range("agent.max_duration_s", agent.max_duration_s, day.clone())?;
    range("agent.turn_timeout_s", agent.turn_timeout_s, day.clone())?;
    range("agent.silence_end_call_s", agent.silence_end_call_s, day)?;
    range("agent.ping_interval_ms", Some(agent.ping_interval_ms), 10..=60_000)?;
    range("agent.queue.wait_ms", agent.queue.map(|queue| queue.wait_ms), 1..=600_000)?;
    for (name, tool) in &agent.tools {
        range(&format!("agent.tools.{name}.response_timeout_s"), Some(tool.response_timeout_s), 1..=600)?;
        range(&format!("agent.tools.{name}.approval_timeout_s"), Some(tool.approval_timeout_s), 1..=600)?;
    }
    for (i, path) in agent.overrides.iter().flatten().enumerate() {
        if !super::elevenlabs::is_override(path) {
            let fix = "use a path such as agent.first_message or tts.voice_id";
            return Err(invalid(format!("agent.overrides[{i}]"), format!("nothing to override is '{path}'"), fix));
        }
    }
    for (i, event) in agent.client_events.iter().flatten().enumerate() {
        if !super::elevenlabs::is_client_event(event) {
            let fix = "use the type of an event that the service sends, for example agent_tool_response";
            return Err(invalid(format!("agent.client_events[{i}]"), format!("there is no event '{event}'"), fix));
        }
    }
    Ok(())
}

fn range(path: &str, value: Option<u32>, range: RangeInclusive<u32>) -> Result<()> {
    match value {
        Some(value) if !range.contains(&value) => {
            let fix = format!("use a value from {} to {}", range.start(), range.end());
            Err(invalid(path.to_owned(), format!("{value} is out of range"), fix))
        }
        _ => Ok(()),
    }
}
