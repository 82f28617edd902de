//! The scenario: what the simulated model understands and says, and what a simulated caller does.
//!
//! A scenario is data. See `assets/scenario.schema.json` and `assets/README.md` for the format, and
//! [`Scenario::bundled`] for one that needs no files.

use super::{clips, scenario_agent, scenario_fault_checks};
pub use super::{
    scenario_agent::{Agent, AgentTool, AudioFormat, Queue, ToolKind},
    scenario_caller::{CallerHangUp, CallerSay, CallerStep, CallerWait, Idle, Trigger, TriggerEvent},
    scenario_delivery::Delivery,
    scenario_faults::{
        Broken, CloseWith, Each, Fault, Giant, Nth, On, Refuse, SessionCap, Slow, Stall, VendorError, What, When,
    },
};
use crate::error::{Error, ErrorClass, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Largest scenario file.
const LARGEST_FILE: u64 = 1 << 20;

/// A conversation written down.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// For editors; ignored.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema_url: Option<String>,
    /// Shown to people.
    pub name: String,
    /// The session's default instructions, shown in `session.created`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// WAV files by name, relative to the scenario file. `bundled:NAME` is a clip that
    /// comes with the simulator. A name that ends in `.wav` needs no entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clips: BTreeMap<String, String>,
    /// How replies are delivered.
    #[serde(default)]
    pub delivery: Delivery,
    /// Said when a response is asked for before the user said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<Vec<OutputItem>>,
    /// What the user says and what comes back, in order. Every connection starts at the first.
    pub turns: Vec<Turn>,
    /// Replies to out-of-band requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_band: Vec<OutOfBand>,
    /// Said when the idle timeout of the session has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Vec<OutputItem>>,
    /// The reply when the turns run out, to out-of-band requests that nothing else answers, and to an idle
    /// timeout without `idle`.
    #[serde(default = "default_fallback")]
    pub fallback: Vec<OutputItem>,
    /// Whether a connection whose history was replayed goes on where the conversation was. Turns are then known by
    /// what was said instead of being counted: see `assets/README.md`.
    #[serde(rename = "continue", default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// The agent that clients of ElevenLabs talk to.
    #[serde(default, skip_serializing_if = "Agent::is_usual")]
    pub agent: Agent,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What a simulated caller does: for players of scenarios, not for the simulator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caller: Vec<CallerStep>,
    #[serde(skip)]
    loaded: BTreeMap<String, Arc<[i16]>>,
}

/// One user turn and its reply.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// What the transcript of the user's speech says.
    pub hear: String,
    /// For typed text: this turn is taken, whatever its place, when all these words occur in the
    /// text. Without it turns are taken in order.
    #[serde(rename = "match", default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The turn of an image: a message that holds one takes it, whatever its place, if the text beside the
    /// image has the words of `match`. In the texts of its reply `{image}` is what arrived, for example
    /// `a PNG image of 640 by 480 pixels`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub see: bool,
    /// The response, one entry an output item.
    pub reply: Vec<OutputItem>,
    /// The response after the outputs of the reply's calls have arrived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_tool: Vec<OutputItem>,
    /// When the transcript of this turn comes, or that it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Transcript>,
    /// Milliseconds from the request for the reply, or the end of the turn, to `response.created`, 0 to
    /// 60000; in place of the one in `delivery`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 60_000))]
    pub create_delay_ms: Option<u32>,
}

/// The transcript of one spoken turn.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// What it waits for.
    #[serde(default)]
    pub when: TranscriptTime,
    /// Milliseconds after that, 0 to 60000. Without it the delay of `delivery` if `when` is `turn`, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 60_000))]
    pub delay_ms: Option<u32>,
    /// The transcription fails instead, with this error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<Failure>,
}

/// What the transcript of a turn waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptTime {
    /// The end of the turn. With a delay of 0 it is complete before the reply is created.
    #[default]
    Turn,
    /// The first delta of the next reply in the conversation.
    ReplyBegun,
    /// The end of the next reply in the conversation.
    ReplyDone,
}

/// What an out-of-band request is answered. Entries are tried in order and never used up.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutOfBand {
    /// Metadata that the request must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Words that must all occur in its instructions or in the texts of its input.
    #[serde(rename = "match", default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The response.
    pub reply: Vec<OutputItem>,
}

/// One item of a response.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum OutputItem {
    /// A spoken message; plain text in a session or response whose modality is text.
    Say(Say),
    /// A message that is text in every modality.
    Text(Text),
    /// A function call.
    Call(Call),
    /// The response fails here.
    Fail(Fail),
}

/// A spoken message.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The transcript.
    pub say: String,
    /// Name of the clip that is heard. Without it soft tones stand for speech, 60 ms a character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<String>,
}

/// A text message.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text.
    pub text: String,
}

/// A function call.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What is called.
    pub call: FunctionCall,
}

/// The end of a response that fails: what stands before it is delivered, nothing can stand after it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// What the service says about it.
    pub fail: Failure,
}

/// Why a response failed: `status_details.error` of its `response.done`. No `error` event is sent.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The service's code, for example `rate_limit_exceeded`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Name and arguments of a function call.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionCall {
    /// Name of the function. A model calls only what the session declares: an undeclared function is
    /// left out of the reply, and `after_tool` takes its place if nothing else is left.
    pub name: String,
    /// The arguments object; sent as JSON text in several deltas.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Sent instead of `arguments`, as it is: for arguments that are not valid JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_arguments: Option<String>,
    /// Call it even when the session does not declare it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

impl Scenario {
    /// Three spoken turns: a long answer that the caller interrupts, a short one, and one that needs
    /// the tool `get_weather`. Its clips are part of the program.
    pub fn bundled() -> Self {
        let text = include_str!("../../assets/three-turns.json");
        Self::from_json(text, Path::new(".")).expect("the bundled scenario is tested")
    }

    /// Turns of every other kind, answered with tones: push to talk, typed words, an image, one and several
    /// tool calls, an out-of-band question. Its `match` words are named in `assets/README.md`.
    pub fn bundled_workshop() -> Self {
        let text = include_str!("../../assets/workshop.json");
        Self::from_json(text, Path::new(".")).expect("the bundled scenario is tested")
    }

    /// Reads a scenario file (at most 1 MiB) and the clips it names.
    pub fn from_file(path: &Path) -> Result<Self> {
        let failed = |e: std::io::Error| {
            Error::new(ErrorClass::Argument, "unreadable_scenario", format!("{}: {e}", path.display()))
                .fix("name a readable JSON file")
        };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > LARGEST_FILE {
            let message = format!("{}: a scenario has at most 1 MiB, this file has {size} bytes", path.display());
            return Err(Error::new(ErrorClass::Limit, "scenario_too_large", message).fix("name a scenario file"));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::from_json(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Reads a scenario from text. Clip paths are relative to `base_dir`.
    pub fn from_json(text: &str, base_dir: &Path) -> Result<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let mut scenario: Self = serde_path_to_error::deserialize(&mut json).map_err(|e| {
            let path = match e.path().to_string() {
                path if path == "." => "$".to_owned(),
                path => path,
            };
            invalid(path, e.into_inner().to_string(), "`duologue schema scenario` prints the fields and their types")
        })?;
        json.end().map_err(|e| invalid("$".into(), e.to_string(), "end the file after the scenario"))?;
        scenario.check_ranges()?;
        scenario.check_failures()?;
        scenario_agent::check(&scenario)?;
        scenario_fault_checks::check(&scenario.faults)?;
        scenario.loaded = clips::load(&scenario, base_dir)?;
        Ok(scenario)
    }

    /// The JSON Schema of scenario files.
    pub fn schema() -> Value {
        schemars::schema_for!(Scenario).to_value()
    }

    /// The steps of the simulated caller.
    pub fn caller(&self) -> &[CallerStep] {
        &self.caller
    }

    /// A clip by the name the scenario uses for it: 24 kHz mono.
    pub fn clip(&self, name: &str) -> Result<Arc<[i16]>> {
        self.loaded.get(name).cloned().ok_or_else(|| {
            let known = self.loaded.keys().cloned().collect::<Vec<_>>().join(", ");
            Error::new(ErrorClass::Argument, "unknown_clip", format!("there is no clip '{name}'"))
                .fix(format!("use one of: {known}"))
        })
    }

    /// Every reply, with its JSON path.
    fn replies(&self) -> Vec<(String, &[OutputItem])> {
        let mut replies = vec![("fallback".to_owned(), self.fallback.as_slice())];
        replies.extend(self.greeting.as_deref().map(|reply| ("greeting".to_owned(), reply)));
        replies.extend(self.idle.as_deref().map(|reply| ("idle".to_owned(), reply)));
        for (i, aside) in self.out_of_band.iter().enumerate() {
            replies.push((format!("out_of_band[{i}].reply"), &aside.reply));
        }
        for (i, turn) in self.turns.iter().enumerate() {
            replies.push((format!("turns[{i}].reply"), &turn.reply));
            replies.push((format!("turns[{i}].after_tool"), &turn.after_tool));
        }
        replies
    }

    /// Whether any reply calls a tool.
    pub(super) fn calls_tools(&self) -> bool {
        self.replies().iter().any(|(_, items)| items.iter().any(|item| matches!(item, OutputItem::Call(_))))
    }

    /// Every clip name in use, with the JSON path that uses it.
    pub(super) fn clip_uses(&self) -> Vec<(String, String)> {
        let mut uses: Vec<(String, String)> =
            self.clips.keys().map(|name| (format!("clips.{name}"), name.clone())).collect();
        for (path, items) in self.replies() {
            for (i, item) in items.iter().enumerate() {
                if let OutputItem::Say(Say { clip: Some(clip), .. }) = item {
                    uses.push((format!("{path}[{i}].clip"), clip.clone()));
                }
            }
        }
        for (i, step) in self.caller.iter().enumerate() {
            if let CallerStep::Say(step) = step {
                uses.push((format!("caller[{i}].say"), step.say.clone()));
            }
        }
        uses
    }

    fn check_failures(&self) -> Result<()> {
        for (path, items) in self.replies() {
            let failed = items.iter().position(is_failure);
            if let Some(i) = failed.filter(|i| i + 1 < items.len()) {
                let message = "nothing can follow `fail`: it ends the response";
                return Err(invalid(format!("{path}[{}]", i + 1), message, "put `fail` last"));
            }
        }
        Ok(())
    }

    fn check_ranges(&self) -> Result<()> {
        let d = &self.delivery;
        let rows = [
            ("delta_ms", f64::from(d.delta_ms), 10.0, 2000.0),
            ("speed", d.speed, 0.1, 1000.0),
            ("create_delay_ms", f64::from(d.create_delay_ms), 0.0, 60_000.0),
            ("first_audio_delay_ms", f64::from(d.first_audio_delay_ms), 0.0, 60_000.0),
            ("transcript_delay_ms", f64::from(d.transcript_delay_ms), 0.0, 60_000.0),
            ("commit_delay_ms", f64::from(d.commit_delay_ms), 0.0, 10_000.0),
            ("session_s", f64::from(d.session_s), 1.0, 86_400.0),
        ];
        let rows = rows.map(|(name, value, low, high)| (format!("delivery.{name}"), value, low, high));
        let delays = self.turns.iter().enumerate().flat_map(|(i, turn)| {
            let transcript = turn.transcript.as_ref().and_then(|t| t.delay_ms);
            [("create_delay_ms", turn.create_delay_ms), ("transcript.delay_ms", transcript)]
                .map(|(name, ms)| (format!("turns[{i}].{name}"), f64::from(ms.unwrap_or_default()), 0.0, 60_000.0))
        });
        for (path, value, low, high) in rows.into_iter().chain(delays) {
            if !(low..=high).contains(&value) {
                let fix = format!("use a value from {low} to {high}");
                return Err(invalid(path, format!("{value} is out of range"), fix));
            }
        }
        Ok(())
    }
}

fn is_failure(item: &OutputItem) -> bool {
    matches!(item, OutputItem::Fail(_))
}

pub(super) fn invalid(path: String, message: impl Into<String>, fix: impl Into<String>) -> Error {
    Error::new(ErrorClass::Config, "invalid_scenario", message).field(path).fix(fix)
}

fn default_fallback() -> Vec<OutputItem> {
    let say = "I have nothing more to say in this scenario.".to_owned();
    vec![OutputItem::Say(Say { say, clip: None })]
}
