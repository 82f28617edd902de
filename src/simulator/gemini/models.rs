//! What each model takes and does. Where the vendor's documents and what was measured differ, what was measured counts.

use super::closing::Closing;

/// When a model takes `clientContent`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Content {
    Always,
    /// Not in the middle of what the user says.
    BetweenTurns,
    /// As the history a session begins with, if the setup said that one would come.
    History,
}

/// What a model wants to be told about thinking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Thinking {
    Nothing,
    Level,
    /// One of low, medium and high must be given.
    LevelRequired,
    Budget,
}

/// Whether the model talks on while a function runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Calls {
    Blocking,
    /// Unless it is told not to wait.
    BlockingByDefault,
    /// Unless it is told to wait.
    RunningByDefault,
    Running,
}

/// Whether the voice follows the mood of the user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Affective {
    Yes,
    /// The setup is refused.
    Refused,
    /// The setup is taken, and what is sent first is refused.
    RefusedLater,
}

/// One model.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) developer: bool,
    pub(super) vertex: bool,
    pub(super) writes: bool,
    pub(super) content: Content,
    pub(super) thinking: Thinking,
    pub(super) calls: Calls,
    pub(super) affective: Affective,
    /// The third generation: it tells when somebody speaks, transcribes unasked, and is cut short by text.
    pub(super) third: bool,
    /// From 3.8 on: `interactionStatus`, `contextUpdate`, and functions in an imported history.
    pub(super) latest: bool,
    /// Whether `scheduling` may be said.
    pub(super) scheduling: bool,
    pub(super) code_execution: bool,
}

const LATEST: Model = Model {
    name: "gemini-3.8-live",
    developer: true,
    vertex: true,
    writes: false,
    content: Content::Always,
    thinking: Thinking::Nothing,
    calls: Calls::RunningByDefault,
    affective: Affective::RefusedLater,
    third: true,
    latest: true,
    scheduling: true,
    code_execution: true,
};

const OLDER: Model = Model {
    name: "gemini-2.5-flash-native-audio-preview-12-2025",
    developer: true,
    vertex: false,
    writes: false,
    content: Content::BetweenTurns,
    thinking: Thinking::Budget,
    calls: Calls::BlockingByDefault,
    affective: Affective::Yes,
    third: false,
    latest: false,
    scheduling: true,
    code_execution: false,
};

static MODELS: &[Model] = &[
    LATEST,
    Model {
        name: "gemini-3.8-live-extended-thinking",
        vertex: false,
        thinking: Thinking::LevelRequired,
        calls: Calls::Running,
        scheduling: false,
        ..LATEST
    },
    Model {
        name: "gemini-3.1-flash-live-preview",
        vertex: false,
        content: Content::History,
        thinking: Thinking::Level,
        calls: Calls::Blocking,
        affective: Affective::Refused,
        latest: false,
        ..LATEST
    },
    OLDER,
    Model { name: "gemini-live-2.5-flash-native-audio", developer: false, vertex: true, ..OLDER },
    // Not a native voice: what it answers is text first.
    Model { name: "gemini-live-2.5-flash", developer: false, vertex: true, writes: true, ..OLDER },
];

/// Looks up what a setup names: `models/ID`, or with `vertex` a longer path. `any` takes unknown ones for the latest.
pub(super) fn find(name: &str, vertex: bool, any: bool) -> Result<&'static Model, Closing> {
    let id = if vertex { name.rsplit('/').next() } else { name.strip_prefix("models/") };
    let here = |model: &&Model| Some(model.name) == id && if vertex { model.vertex } else { model.developer };
    let known = MODELS.iter().find(here);
    match known.or_else(|| MODELS.first().filter(|_| any && id.is_some_and(|id| !id.is_empty()))) {
        Some(model) => Ok(model),
        None => {
            let name: String = name.chars().take(48).collect();
            Err(Closing::policy(format!(
                "{name} is not found for this API version, or is not supported for bidiGenerateContent."
            )))
        }
    }
}
