//! The first message: what it says, and what the service does not take.

use super::{
    closing::Closing,
    models::{self, Affective, Model, Thinking},
    tools::{self, Function},
};
use crate::simulator::{session_state::TurnDetection, vad::SUSTAINED_MS};
use serde_json::Value;

/// How a session goes on another time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resumption {
    pub(super) handle: Option<String>,
    /// The client is told which of its messages counted.
    pub(super) transparent: bool,
}

/// A session as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) model: &'static Model,
    /// The model speaks; otherwise it writes.
    pub(super) speech: bool,
    pub(super) instructions: u64,
    pub(super) functions: Vec<Function>,
    /// What the user says is written down.
    pub(super) hears: bool,
    /// What the model says is written down.
    pub(super) tells: bool,
    /// How turns are found; `None` if the client says where they begin and end.
    pub(super) detection: Option<TurnDetection>,
    pub(super) interrupts: bool,
    pub(super) resumption: Option<Resumption>,
    /// A history comes first.
    pub(super) seeded: bool,
    pub(super) affective: bool,
    pub(super) longest: Option<u64>,
}

/// Reads a setup whose fields are known.
pub(super) fn read(setup: &Value, vertex: bool, any_model: bool) -> Result<Setup, Closing> {
    let model = models::find(setup["model"].as_str().unwrap_or_default(), vertex, any_model)?;
    let generation = &setup["generationConfig"];
    let affective = generation["enableAffectiveDialog"] == true;
    if affective && model.affective == Affective::Refused {
        return Err(Closing::argument());
    }
    thinking(&generation["thinkingConfig"], model)?;
    if setup.pointer("/proactivity/proactiveAudio").is_some_and(|wish| wish == false) && model.latest {
        return Err(Closing::invalid("Proactive audio cannot be disabled for this model."));
    }
    if !vertex && setup.get("explicitVadSignal").is_some() {
        return Err(Closing::argument());
    }
    compression(&setup["contextWindowCompression"])?;
    for side in ["inputAudioTranscription", "outputAudioTranscription"] {
        let wish = &setup[side];
        if wish["mode"] == "SMART" && (wish["wordTimestamp"] == true || wish["diarization"] == true) {
            return Err(Closing::argument());
        }
    }
    let input = &setup["realtimeInputConfig"];
    Ok(Setup {
        model,
        speech: speech(&generation["responseModalities"], model)?,
        instructions: instructions(&setup["systemInstruction"])?,
        functions: tools::read(&setup["tools"], model)?,
        // Asked for or not, the third generation tells what it heard.
        hears: model.third || setup.get("inputAudioTranscription").is_some(),
        tells: setup.get("outputAudioTranscription").is_some(),
        detection: detection(&input["automaticActivityDetection"], vertex)?,
        interrupts: input["activityHandling"] != "NO_INTERRUPTION",
        resumption: resumption(setup.get("sessionResumption"), vertex)?,
        seeded: setup.pointer("/historyConfig/initialHistoryInClientContent").is_some_and(|wish| wish == true),
        affective,
        longest: generation["maxOutputTokens"].as_u64().filter(|limit| *limit > 0),
    })
}

/// Tokens of instructions, which are text and nothing else.
pub(super) fn instructions(content: &Value) -> Result<u64, Closing> {
    let parts = content["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if parts.iter().any(|part| !part["text"].is_string()) {
        return Err(Closing::argument());
    }
    Ok(parts.iter().map(|part| crate::simulator::events::tokens(part["text"].as_str().unwrap_or_default())).sum())
}

/// Models with a voice of their own do not write, whatever the documents say.
fn speech(modalities: &Value, model: &Model) -> Result<bool, Closing> {
    let wishes: Vec<&str> = modalities.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match wishes.as_slice() {
        [] | ["AUDIO"] => Ok(true),
        ["TEXT"] if model.writes => Ok(false),
        _ => Err(Closing::argument()),
    }
}

fn thinking(wish: &Value, model: &Model) -> Result<(), Closing> {
    let level = wish["thinkingLevel"].as_str().filter(|level| *level != "THINKING_LEVEL_UNSPECIFIED");
    let fine = match model.thinking {
        Thinking::Nothing => wish.is_null(),
        Thinking::Level => true,
        Thinking::Budget => level.is_none(),
        Thinking::LevelRequired => {
            let Some(level) = level else {
                return Err(Closing::invalid("thinking_level must be set to LOW, MEDIUM or HIGH for this model."));
            };
            matches!(level, "LOW" | "MEDIUM" | "HIGH")
        }
    };
    if fine { Ok(()) } else { Err(Closing::argument()) }
}

fn compression(wish: &Value) -> Result<(), Closing> {
    let target = wish.pointer("/slidingWindow/targetTokens").and_then(Value::as_i64);
    match (target, wish["triggerTokens"].as_i64()) {
        (Some(target), Some(trigger)) if target >= trigger => Err(Closing::argument()),
        (Some(..0), _) | (_, Some(..0)) => Err(Closing::argument()),
        _ => Ok(()),
    }
}

fn detection(wish: &Value, vertex: bool) -> Result<Option<TurnDetection>, Closing> {
    let number = |name: &str| match wish[name].as_i64() {
        None => Ok(None),
        Some(number) => u64::try_from(number).map(Some).map_err(|_| Closing::argument()),
    };
    let (onset, silence) = (number("prefixPaddingMs")?, number("silenceDurationMs")?);
    if wish["disabled"] == true {
        return Ok(None);
    }
    // Without a word each host has its own mind.
    let high = |name: &str| match wish[name].as_str() {
        Some(word) if word.ends_with("_HIGH") => true,
        Some(word) if word.ends_with("_LOW") => false,
        _ => !vertex,
    };
    Ok(Some(TurnDetection {
        start_score: if high("startOfSpeechSensitivity") { 0.5 } else { 0.8 },
        onset_ms: onset.unwrap_or(SUSTAINED_MS).max(SUSTAINED_MS),
        prefix_padding_ms: 0,
        silence_ms: silence.unwrap_or(if high("endOfSpeechSensitivity") { 500 } else { 800 }),
        idle_timeout_ms: None,
        create_response: true,
        interrupt_response: true,
        longest_wait_ms: None,
        sentence_ms: 0,
    }))
}

fn resumption(wish: Option<&Value>, vertex: bool) -> Result<Option<Resumption>, Closing> {
    let Some(wish) = wish else { return Ok(None) };
    if wish.get("transparent").is_some() && !vertex {
        return Err(Closing::argument());
    }
    let handle = wish["handle"].as_str().filter(|handle| !handle.is_empty()).map(str::to_owned);
    Ok(Some(Resumption { handle, transparent: wish["transparent"] == true }))
}
