//! What is known of Gemini's live models and voices without asking (protocols reference §3.2, §3.3, §7). Names that are
//! not here are not refused: they are taken to be like the newest.

use crate::provider::openai::catalogue::State;
use serde::Serialize;

/// When words may be put into the conversation with `clientContent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Always.
    Always,
    /// Unless somebody speaks: for what comes in the middle of a turn the service closes.
    BetweenTurns,
    /// Before the conversation, and only there: afterwards words go as `realtimeInput.text`, which asks for an answer.
    AtFirst,
}

/// How the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// It has no setting for it.
    None,
    /// `thinkingLevel`, which may be left out.
    Level,
    /// `thinkingLevel` has to be there.
    Required,
}

/// A live model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Model {
    /// Its name without `models/`.
    pub name: &'static str,
    /// Where words may go.
    pub content: Content,
    /// How it thinks.
    pub thinking: Thinking,
    /// `behavior` of functions: what the model is told when the host does not say.
    pub behavior: Option<&'static str>,
    /// What it does with a result can be said for each (`scheduling`).
    pub schedules: bool,
    /// `contextUpdate` changes instructions and tools while it runs.
    pub context_update: bool,
    /// It has calls and results in a history it is given.
    pub recalls_calls: bool,
    /// How far it can be used.
    #[serde(flatten)]
    pub state: State,
}

/// What can change while a conversation runs, by `contextUpdate` or in a new connection that goes on with it.
pub const UPDATES: &[&str] = &[
    "extra",
    "instructions",
    "max_output_tokens",
    "tool_handling",
    "tools",
    "transcription",
    "turn_detection",
    "voice",
];

/// The newest, whose rules an unknown name gets.
pub const NEWEST: &str = "gemini-3.8-live";

/// Models, newest first.
pub const MODELS: &[Model] = &[
    Model {
        name: NEWEST,
        content: Content::Always,
        thinking: Thinking::None,
        // Left alone it is NON_BLOCKING here: the model talks on, and may answer before it knows.
        behavior: Some("BLOCKING"),
        schedules: true,
        context_update: true,
        recalls_calls: true,
        state: State::Current,
    },
    Model {
        name: "gemini-3.8-live-extended-thinking",
        content: Content::Always,
        thinking: Thinking::Required,
        // It refuses BLOCKING.
        behavior: Some("NON_BLOCKING"),
        schedules: false,
        context_update: true,
        recalls_calls: true,
        state: State::Current,
    },
    Model {
        name: "gemini-3.1-flash-live-preview",
        content: Content::AtFirst,
        thinking: Thinking::Level,
        behavior: None,
        schedules: false,
        context_update: false,
        recalls_calls: false,
        state: State::Deprecated { until: None, successor: NEWEST },
    },
    Model { name: "gemini-2.5-flash-native-audio-preview-12-2025", state: State::Current, ..OLDER },
    // As Vertex calls it.
    Model { name: "gemini-live-2.5-flash-native-audio", schedules: false, state: State::Current, ..OLDER },
    Model {
        name: "gemini-2.0-flash-live-001",
        schedules: false,
        state: State::Deprecated { until: None, successor: NEWEST },
        ..OLDER
    },
    Model {
        name: "gemini-3.5-live-translate-preview",
        state: State::Other { what: "it translates what it hears", instead: NEWEST },
        ..OLDER
    },
    Model {
        name: "gemini-robotics-er-2-streaming-preview",
        state: State::Other { what: "it writes and does not speak", instead: NEWEST },
        ..OLDER
    },
];

/// What the models before 3.1 have in common.
const OLDER: Model = Model {
    name: "",
    content: Content::BetweenTurns,
    thinking: Thinking::None,
    behavior: None,
    schedules: true,
    context_update: false,
    recalls_calls: false,
    state: State::Current,
};

/// Voices, the recommended ones first; the vendor has a catalogue of many more.
pub const VOICES: &[&str] = &[
    "Kore",
    "Puck",
    "Zephyr",
    "Charon",
    "Fenrir",
    "Leda",
    "Orus",
    "Aoede",
    "Callirrhoe",
    "Autonoe",
    "Enceladus",
    "Iapetus",
    "Umbriel",
    "Algieba",
    "Despina",
    "Erinome",
    "Algenib",
    "Rasalgethi",
    "Laomedeia",
    "Achernar",
    "Alnilam",
    "Schedar",
    "Gacrux",
    "Pulcherrima",
    "Achird",
    "Zubenelgenubi",
    "Vindemiatrix",
    "Sadachbia",
    "Sadaltager",
    "Sulafat",
];

/// The model of that name, when it is known.
pub fn find(name: &str) -> Option<&'static Model> {
    let name = name.rsplit('/').next().unwrap_or(name);
    MODELS.iter().find(|model| model.name == name)
}

/// The rules for that name: its own, or those of the newest.
pub fn rules(name: &str) -> &'static Model {
    find(name).unwrap_or(&MODELS[0])
}
