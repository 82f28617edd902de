//! What is known of the vendor's models and voices without asking (protocols reference §2.2, §12). Names that
//! are not here are not refused: vendors add models faster than programs are updated.

use serde::Serialize;

/// A model of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// How far it can be used.
    #[serde(flatten)]
    pub state: State,
    /// It reasons: `reasoning_effort` and `parallel_tool_calls` work.
    pub reasons: bool,
}

/// How far a name can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It works.
    Current,
    /// It works until a day, if the day is known.
    Deprecated {
        /// The last day, `YYYY-MM-DD`.
        until: Option<&'static str>,
        /// What to use instead.
        successor: &'static str,
    },
    /// It exists, but does not speak this protocol.
    Other {
        /// What it is.
        what: &'static str,
        /// What to use instead.
        instead: &'static str,
    },
}

/// A transcription model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Transcriber {
    /// Its name.
    pub name: &'static str,
    /// How far it can be used.
    #[serde(flatten)]
    pub state: State,
    /// It takes a prompt.
    pub prompt: bool,
    /// It takes several languages and keywords.
    pub hints: bool,
    /// It takes a delay.
    pub delay: bool,
    /// It works with manual turns only.
    pub manual_only: bool,
}

/// The newest model, whose profile an unknown name gets.
pub const NEWEST: &str = "gpt-realtime-2.1";

const fn model(name: &'static str, reasons: bool) -> Model {
    Model { name, state: State::Current, reasons }
}

const fn old(name: &'static str, until: Option<&'static str>, successor: &'static str) -> Model {
    Model { name, state: State::Deprecated { until, successor }, reasons: false }
}

const fn other(name: &'static str, what: &'static str, instead: &'static str) -> Model {
    Model { name, state: State::Other { what, instead }, reasons: false }
}

const END_2027: Option<&str> = Some("2027-01-20");
const TRANSCRIBER: &str = "it is a transcription model";

/// Models, newest first. Dated names that are not here count as the name without its date.
pub const MODELS: &[Model] = &[
    model(NEWEST, true),
    model("gpt-realtime-2.1-mini", true),
    model("gpt-realtime-2", true),
    model("gpt-realtime-1.5", false),
    model("gpt-audio-1.5", false),
    old("gpt-realtime", END_2027, NEWEST),
    old("gpt-realtime-2025-08-28", END_2027, NEWEST),
    old("gpt-realtime-mini", END_2027, "gpt-realtime-2.1-mini"),
    old("gpt-realtime-mini-2025-10-06", END_2027, "gpt-realtime-2.1-mini"),
    old("gpt-realtime-mini-2025-12-15", END_2027, "gpt-realtime-2.1-mini"),
    old("gpt-audio-mini", END_2027, "gpt-realtime-2.1-mini"),
    old("gpt-audio-mini-2025-10-06", END_2027, "gpt-realtime-2.1-mini"),
    old("gpt-audio-mini-2025-12-15", END_2027, "gpt-realtime-2.1-mini"),
    old("gpt-4o-realtime-preview", None, NEWEST),
    old("gpt-4o-mini-realtime-preview", None, "gpt-realtime-2.1-mini"),
    other("gpt-live-1", "it speaks the Live protocol", "use gpt-realtime-2.1"),
    other("gpt-realtime-translate", "it translates and holds no conversation", "use gpt-realtime-2.1"),
    other("gpt-realtime-whisper", TRANSCRIBER, "set transcription.model to it, and model to gpt-realtime-2.1"),
    other("gpt-transcribe", TRANSCRIBER, "set transcription.model to it, and model to gpt-realtime-2.1"),
    other("gpt-live-transcribe", TRANSCRIBER, "set transcription.model to it, and model to gpt-realtime-2.1"),
    other("whisper-1", TRANSCRIBER, "set transcription.model to it, and model to gpt-realtime-2.1"),
    other("gpt-audio", "it answers requests, not a live conversation", "use gpt-audio-1.5 or gpt-realtime-2.1"),
];

/// Transcription models, newest first.
pub const TRANSCRIBERS: &[Transcriber] = &[
    Transcriber { hints: true, ..transcriber("gpt-transcribe") },
    Transcriber { hints: true, delay: true, ..transcriber("gpt-live-transcribe") },
    Transcriber { prompt: false, delay: true, manual_only: true, ..transcriber("gpt-realtime-whisper") },
    ending("gpt-4o-transcribe"),
    ending("gpt-4o-mini-transcribe"),
    ending("gpt-4o-mini-transcribe-2025-12-15"),
    Transcriber { prompt: false, ..ending("gpt-4o-transcribe-diarize") },
    ending("whisper-1"),
];

const fn transcriber(name: &'static str) -> Transcriber {
    Transcriber { name, state: State::Current, prompt: true, hints: false, delay: false, manual_only: false }
}

const fn ending(name: &'static str) -> Transcriber {
    let state = State::Deprecated { until: Some("2027-02-26"), successor: "gpt-transcribe" };
    Transcriber { state, ..transcriber(name) }
}

/// Voices of this protocol, the recommended ones first.
pub const VOICES: &[&str] = &["marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"];

/// Voices only the vendor's Live protocol has.
pub const LIVE_VOICES: &[&str] = &[
    "beacon", "bossa", "cinder", "delta", "gleam", "meridian", "quartz", "ripple", "shida", "stone", "tempo", "vesper",
    "willow",
];

/// How names of voices begin that a customer made.
pub const CUSTOM_VOICE: &str = "voice_";

/// What is known of one host. Without models nothing is: every name is taken as it is.
#[derive(Debug)]
pub struct Catalogue {
    /// Models, the newest first: an unknown name gets its profile.
    pub models: &'static [Model],
    /// Transcription models, newest first.
    pub transcribers: &'static [Transcriber],
    /// Voices, the recommended ones first.
    pub voices: &'static [&'static str],
    /// How names of voices begin that a customer made, where that can be told.
    pub custom_voice: Option<&'static str>,
}

/// OpenAI's own.
pub const OPENAI: Catalogue =
    Catalogue { models: MODELS, transcribers: TRANSCRIBERS, voices: VOICES, custom_voice: Some(CUSTOM_VOICE) };

/// Azure: OpenAI's voices, and models by the names of their owner's deployments.
pub const AZURE: Catalogue =
    Catalogue { models: &[], transcribers: &[], voices: VOICES, custom_voice: Some(CUSTOM_VOICE) };

/// A server of which nothing is known.
pub const OPEN: Catalogue = Catalogue { models: &[], transcribers: &[], voices: &[], custom_voice: None };

const GROK: &str = "grok-voice-latest";
const GROK_RETIRED: State = State::Other {
    what: "it is retired, and the service would use another one without a word",
    instead: "use grok-voice-latest",
};

/// xAI (its reference §10).
pub const XAI: Catalogue = Catalogue {
    models: &[
        model(GROK, true),
        model("grok-voice-think-fast-2.0", true),
        model("grok-voice-3.0", false),
        model("grok-voice-think-fast-1.0", true),
        old("grok-voice-fast-1.0", None, GROK),
        Model { name: "grok-2-audio", state: GROK_RETIRED, reasons: false },
        Model { name: "grok-4-1-fast-non-reasoning", state: GROK_RETIRED, reasons: false },
    ],
    transcribers: &[Transcriber { prompt: false, hints: true, ..transcriber("grok-transcribe") }],
    voices: &[
        "eve", "ara", "leo", "rex", "sal", "carina", "zagan", "helix", "orion", "luna", "iris", "altair", "zenith",
        "perseus", "helios", "lux", "kepler", "rigel", "cosmo", "celeste", "ursa", "sirius", "lumen", "castor",
        "naksh", "atlas",
    ],
    custom_voice: None,
};

impl Catalogue {
    /// The model of that name, when it is known.
    pub fn find_model(&self, name: &str) -> Option<&'static Model> {
        let find = |name: &str| self.models.iter().find(|m| m.name == name);
        find(name).or_else(|| find(undated(name)?))
    }

    /// The transcription model of that name, when it is known.
    pub fn find_transcriber(&self, name: &str) -> Option<&'static Transcriber> {
        let find = |name: &str| self.transcribers.iter().find(|m| m.name == name);
        find(name).or_else(|| find(undated(name)?))
    }

    /// Whether the model reasons. An unknown one is taken as the newest; where no model is known, nothing is denied.
    pub fn reasons(&self, model: &str) -> bool {
        self.find_model(model).or_else(|| self.models.first()).is_none_or(|model| model.reasons)
    }
}

/// `gpt-x-2026-01-31` without the date.
fn undated(name: &str) -> Option<&str> {
    let (rest, date) = name.split_at_checked(name.len().checked_sub(11)?)?;
    let dated =
        date.bytes().enumerate().all(|(i, b)| if matches!(i, 0 | 5 | 8) { b == b'-' } else { b.is_ascii_digit() });
    dated.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_names_are_their_models() {
        assert_eq!(OPENAI.find_model("gpt-realtime-2.1-2026-10-01").unwrap().name, "gpt-realtime-2.1");
        assert_eq!(OPENAI.find_model("gpt-4o-realtime-preview-2024-12-17").unwrap().name, "gpt-4o-realtime-preview");
        assert_eq!(OPENAI.find_model("gpt-realtime-2025-08-28").unwrap().name, "gpt-realtime-2025-08-28");
        for unknown in ["", "gpt-realtime-3", "gpt-realtime-2.1-latest", "gpt-realtime-2.1-2026-1-01", "ööööööööööö"]
        {
            assert_eq!(OPENAI.find_model(unknown), None, "{unknown}");
        }
        assert_eq!(OPENAI.find_transcriber("gpt-transcribe-2026-11-01").unwrap().name, "gpt-transcribe");
    }

    #[test]
    fn an_unknown_model_is_taken_as_the_newest() {
        assert!(
            OPENAI.reasons("gpt-realtime-9") && OPENAI.reasons("gpt-realtime-2") && !OPENAI.reasons("gpt-realtime-1.5")
        );
        assert!(!OPENAI.reasons("gpt-realtime-2025-08-28"), "a year is no version");
    }

    #[test]
    fn what_is_known_of_hosts_fits_their_profiles() {
        for profile in super::super::profile::PROFILES {
            let known = profile.catalogue;
            if let Some(model) = profile.model {
                assert_eq!(known.find_model(model).map(|m| m.state), Some(State::Current), "{model}");
                assert_eq!(known.models[0].name, model, "an unknown name gets the profile of the first");
            }
            assert!(profile.voice.is_none_or(|voice| known.voices.contains(&voice)));
            assert!(profile.transcriber.is_none_or(|model| known.find_transcriber(model).is_some()));
        }
        assert!(XAI.reasons("grok-voice-99") && !XAI.reasons("grok-voice-3.0") && OPEN.reasons("anything"));
    }

    #[test]
    fn what_the_table_recommends_is_current() {
        let current = |name: &str| OPENAI.find_model(name).is_some_and(|m| m.state == State::Current);
        let openai = super::super::profile::PROFILES[0];
        assert!(openai.model.is_some_and(current) && openai.voice.is_some_and(|voice| VOICES.contains(&voice)));
        for model in MODELS {
            if let State::Deprecated { successor, .. } = model.state {
                assert!(current(successor), "{}", model.name);
            }
        }
        for transcriber in TRANSCRIBERS {
            if let State::Deprecated { successor, .. } = transcriber.state {
                assert_eq!(OPENAI.find_transcriber(successor).unwrap().state, State::Current);
            }
        }
        assert_eq!(
            OPENAI.find_transcriber(&crate::config::Transcription::default().model).unwrap().state,
            State::Current
        );
    }
}
