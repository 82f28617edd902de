//! The session object: its defaults, sparse updates, and what the rest of the simulator reads from it.

use super::{
    events::Refusal,
    vad::SUSTAINED_MS,
    validate::{self, SESSION},
};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Default life of a session.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(3600);

/// The least speech that a letter takes. The bundled speakers take about 45 ms for it, hesitant ones more.
const LETTER_MS: u64 = 25;

const DEFAULT_INSTRUCTIONS: &str = "You are a helpful assistant. Answer briefly, in the language of the user.";

/// How user turns are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TurnDetection {
    /// Score from which a frame counts as speech.
    pub(super) start_score: f32,
    /// So much in a row must score so before it does.
    pub(super) onset_ms: u64,
    pub(super) prefix_padding_ms: u64,
    pub(super) silence_ms: u64,
    pub(super) idle_timeout_ms: Option<u64>,
    pub(super) create_response: bool,
    pub(super) interrupt_response: bool,
    /// How long a semantic detector waits when the sentence is not at its end; `None` for other detectors.
    pub(super) longest_wait_ms: Option<u64>,
    /// So much speech makes the sentence that is being said.
    pub(super) sentence_ms: u64,
}

impl TurnDetection {
    /// Tells a semantic detector what is about to be said. It knows the end of a sentence by the amount of
    /// speech that its words need; of speech nobody foresees every pause is an end.
    pub(super) fn expect(&mut self, sentence: Option<&str>) {
        let letters = sentence.unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).count() as u64;
        self.sentence_ms = letters * LETTER_MS;
    }
}

/// What a session has been through when an update arrives.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment {
    /// The assistant has spoken: from then on the voice is fixed.
    pub(super) audio_sent: bool,
    /// A response runs.
    pub(super) responding: bool,
}

/// The effective session of one connection.
#[derive(Debug, Clone)]
pub(super) struct SessionState {
    value: Value,
    defaults: Value,
}

impl SessionState {
    /// A session of `model` with the service's defaults.
    pub(super) fn new(id: &str, model: &str, instructions: Option<&str>, life: Duration) -> Self {
        let value = json!({
            "type": "realtime",
            "object": "realtime.session",
            "id": id,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": instructions.unwrap_or(DEFAULT_INSTRUCTIONS),
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": null,
            "truncation": "auto",
            "prompt": null,
            "include": null,
            "expires_at": unix_after(life),
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": null,
                    "noise_reduction": null,
                    "turn_detection": turn_detection_defaults("server_vad"),
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
            },
        });
        Self { defaults: value.clone(), value }
    }

    /// The full object, as `session.created` and `session.updated` show it.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn model(&self) -> &str {
        self.value["model"].as_str().unwrap_or_default()
    }

    /// Makes a client secret's session the session of a connection, which may name another model.
    pub(super) fn begin(&mut self, id: &str, model: Option<&str>, life: Duration) {
        self.value["id"] = json!(id);
        self.value["expires_at"] = json!(unix_after(life));
        if let Some(model) = model {
            self.value["model"] = json!(model);
        }
    }

    /// Applies a `session.update`, all of it or nothing.
    pub(super) fn update(&mut self, patch: &Value, moment: Moment) -> Result<(), Refusal> {
        validate::object(patch, SESSION, "session")?;
        self.check_fixed(patch, moment)?;
        let mut next = self.value.clone();
        merge(&mut next, patch, &self.defaults, "");
        check_transcription(&next)?;
        self.value = next;
        Ok(())
    }

    fn check_fixed(&self, patch: &Value, moment: Moment) -> Result<(), Refusal> {
        if let Some(model) = patch.get("model").filter(|m| **m != self.value["model"]) {
            let message = format!("The model of a session cannot change: it is '{}', not {model}.", self.model());
            return Err(Refusal::value("session.model", message));
        }
        if moment.audio_sent {
            self.check_voice(patch, "session")?;
        }
        let speed = patch.pointer("/audio/output/speed").and_then(Value::as_f64);
        if moment.responding && speed.is_some_and(|s| Some(s) != self.value["audio"]["output"]["speed"].as_f64()) {
            // Inferred: the rule is published, its code is not.
            let message = "The speed can change between responses only, not while one is in progress.";
            return Err(Refusal::value("session.audio.output.speed", message));
        }
        // Inferred from SDKs that take care never to send it twice.
        if patch.get("tracing").is_some() && !self.value["tracing"].is_null() {
            let message = "Tracing cannot change once it is on.";
            return Err(Refusal::value("session.tracing", message));
        }
        self.check_reasoning(patch, "session")
    }

    /// Refuses another voice, in a session or a response, once the assistant has spoken.
    pub(super) fn check_voice(&self, wishes: &Value, path: &str) -> Result<(), Refusal> {
        let voice = wishes.pointer("/audio/output/voice").filter(|v| !v.is_null());
        if voice.is_some_and(|v| *v != self.value["audio"]["output"]["voice"]) {
            let message = "Cannot update a conversation's voice if assistant audio is present.";
            return Err(Refusal::new("cannot_update_voice", message).param(format!("{path}.audio.output.voice")));
        }
        Ok(())
    }

    /// Refuses what only models that reason take, in a session or a response.
    pub(super) fn check_reasoning(&self, wishes: &Value, path: &str) -> Result<(), Refusal> {
        let reasons = self.model().starts_with("gpt-realtime-2") && !self.model().starts_with("gpt-realtime-2025");
        for field in ["reasoning", "parallel_tool_calls"] {
            if !reasons && wishes.get(field).is_some_and(|v| !v.is_null()) {
                let message = format!("'{field}' is not supported by the model '{}'.", self.model());
                return Err(Refusal::value(format!("{path}.{field}"), message));
            }
        }
        Ok(())
    }

    /// True when user audio is transcribed.
    pub(super) fn transcribes(&self) -> bool {
        self.value["audio"]["input"]["transcription"].is_object()
    }

    /// The model that transcribes.
    pub(super) fn transcriber(&self) -> &str {
        self.value["audio"]["input"]["transcription"]["model"].as_str().unwrap_or_default()
    }

    /// `None` when the client ends turns itself.
    pub(super) fn turn_detection(&self) -> Option<TurnDetection> {
        let detection = self.value["audio"]["input"]["turn_detection"].as_object()?;
        let number = |name: &str, default: u64| detection.get(name).and_then(Value::as_u64).unwrap_or(default);
        let flag = |name: &str| detection.get(name).and_then(Value::as_bool).unwrap_or(true);
        let threshold = detection.get("threshold").and_then(Value::as_f64).unwrap_or(0.5) as f32;
        // A semantic detector waits a little at the end of a sentence, and up to the documented 8, 4 or 2 s
        // inside of it.
        let (patience, longest_wait) = match detection.get("eagerness").and_then(Value::as_str) {
            Some("low") => (1000, 8_000),
            Some("high") => (300, 2_000),
            _ => (600, 4_000),
        };
        let semantic = detection.get("type").is_some_and(|t| t == "semantic_vad");
        Some(TurnDetection {
            start_score: (0.4 + 0.6 * threshold).min(0.98),
            onset_ms: SUSTAINED_MS,
            prefix_padding_ms: number("prefix_padding_ms", 300),
            silence_ms: if semantic { patience } else { number("silence_duration_ms", 500) },
            idle_timeout_ms: detection.get("idle_timeout_ms").and_then(Value::as_u64),
            create_response: flag("create_response"),
            interrupt_response: flag("interrupt_response"),
            longest_wait_ms: semantic.then_some(longest_wait),
            sentence_ms: 0,
        })
    }
}

fn turn_detection_defaults(kind: &str) -> Value {
    if kind == "semantic_vad" {
        return json!({"type": kind, "eagerness": "auto", "create_response": true, "interrupt_response": true});
    }
    json!({
        "type": kind,
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": null,
        "create_response": true,
        "interrupt_response": true,
    })
}

/// Absent fields stay, null clears to the default, the audio tree is merged, all else is replaced.
fn merge(current: &mut Value, patch: &Value, defaults: &Value, path: &str) {
    let (Some(target), Some(patch)) = (current.as_object_mut(), patch.as_object()) else { return };
    for (name, value) in patch {
        let path = format!("{path}/{name}");
        match (path.as_str(), value) {
            (_, Value::Null) => clear(target, name, defaults.get(name), &path),
            ("/audio" | "/audio/input" | "/audio/output", _) => {
                let defaults = defaults.get(name).unwrap_or(&Value::Null);
                merge(target.entry(name.clone()).or_insert(json!({})), value, defaults, &path);
            }
            ("/audio/input/turn_detection", _) => {
                let kind = value["type"].as_str().unwrap_or("server_vad");
                let keep = target.get(name).filter(|now| now["type"] == kind).cloned();
                let mut next = keep.unwrap_or_else(|| turn_detection_defaults(kind));
                let defaults = turn_detection_defaults(kind);
                merge(&mut next, value, &defaults, &path);
                if let Some(fields) = next.as_object_mut() {
                    fields.remove("model_version");
                }
                target.insert(name.clone(), next);
            }
            ("/audio/input/transcription" | "/audio/input/noise_reduction", _) => {
                let mut next = target.get(name).filter(|now| now.is_object()).cloned().unwrap_or(json!({}));
                merge(&mut next, value, &Value::Null, &path);
                if path.ends_with("noise_reduction") && next.get("strength").is_none() {
                    next["strength"] = json!(1.0);
                }
                target.insert(name.clone(), next);
            }
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

fn clear(target: &mut Map<String, Value>, name: &str, default: Option<&Value>, path: &str) {
    let off = ["turn_detection", "transcription", "noise_reduction"].iter().any(|n| path.ends_with(n));
    match default {
        _ if off => target.insert(name.to_owned(), Value::Null),
        Some(default) => target.insert(name.to_owned(), default.clone()),
        None => target.remove(name),
    };
}

/// Rules that join two fields.
fn check_transcription(session: &Value) -> Result<(), Refusal> {
    let input = &session["audio"]["input"];
    let transcription = &input["transcription"];
    let model = transcription["model"].as_str().unwrap_or_default();
    if model == "gpt-realtime-whisper" && !input["turn_detection"].is_null() {
        let message = "gpt-realtime-whisper needs turn_detection to be null.";
        return Err(Refusal::value("session.audio.input.turn_detection", message));
    }
    let lists = matches!(model, "" | "gpt-transcribe" | "gpt-live-transcribe");
    for field in ["languages", "keywords"] {
        if !lists && transcription.get(field).is_some_and(|v| !v.is_null()) {
            let message = format!("'{model}' takes no {field}.");
            return Err(Refusal::value(format!("session.audio.input.transcription.{field}"), message));
        }
    }
    let delays = matches!(model, "gpt-realtime-whisper" | "gpt-live-transcribe");
    if !delays && transcription.get("delay").is_some_and(|d| !d.is_null()) {
        let message = format!("'{model}' takes no delay.");
        return Err(Refusal::value("session.audio.input.transcription.delay", message));
    }
    let wordless = model == "gpt-realtime-whisper" || model == "gpt-4o-transcribe-diarize";
    if wordless && transcription.get("prompt").is_some_and(|p| !p.is_null()) {
        let message = format!("'{model}' takes no prompt.");
        return Err(Refusal::value("session.audio.input.transcription.prompt", message));
    }
    Ok(())
}

/// The whole second in which `life` from now ends.
fn unix_after(life: Duration) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| (d + life).as_secs())
}

pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
