//! xAI's form of the protocol: what its clients say, translated into what the rest of the simulator understands, and
//! what it takes without acting on it. What it says is in `xai_events`.

use super::{
    events::Refusal,
    peer::Peer,
    responder::Why,
    validate::{self, Field, Rule, optional, required, solid},
};
use serde_json::{Map, Value, json};

const MODELS: [&str; 5] = [
    "grok-voice-latest",
    "grok-voice-3.0",
    "grok-voice-think-fast-2.0",
    "grok-voice-think-fast-1.0",
    "grok-voice-fast-1.0",
];

const SESSION: &[Field] = &[
    solid("type", Rule::Any),
    solid("instructions", Rule::Text(1 << 20)),
    solid("voice", Rule::Text(128)),
    optional("turn_detection", Rule::Object(DETECTION)),
    solid("audio", Rule::Object(&[solid("input", Rule::Object(INPUT)), solid("output", Rule::Object(OUTPUT))])),
    solid("tools", Rule::List(&Rule::Any)),
    solid("tool_choice", Rule::Any),
    solid("reasoning", Rule::Object(&[required("effort", Rule::OneOf(&["high", "none"]))])),
    solid("resumption", Rule::Object(&[required("enabled", Rule::Bool)])),
    solid("replace", Rule::Any),
    // Taken, and not acted on.
    optional("modalities", Rule::Any),
    optional("output_modalities", Rule::Any),
    optional("max_output_tokens", Rule::Any),
    optional("parallel_tool_calls", Rule::Any),
];
const DETECTION: &[Field] = &[
    required("type", Rule::OneOf(&["server_vad"])),
    solid("threshold", Rule::Number(0.1, 0.9)),
    solid("prefix_padding_ms", Rule::Int(0, 10_000)),
    solid("silence_duration_ms", Rule::Int(0, 10_000)),
    optional("idle_timeout_ms", Rule::Int(0, 600_000)),
    solid("create_response", Rule::Bool),
    solid("interrupt_response", Rule::Bool),
];
const FORMAT: Rule = Rule::Object(&[
    required("type", Rule::OneOf(&["audio/pcm"])),
    // Others exist there; this one is simulated.
    solid("rate", Rule::Int(24_000, 24_000)),
]);
const INPUT: &[Field] = &[
    solid("format", FORMAT),
    solid("transport", Rule::OneOf(&["json"])),
    optional(
        "transcription",
        Rule::Object(&[
            required("model", Rule::OneOf(&["grok-transcribe"])),
            optional("language_hint", Rule::Text(16)),
            optional("keyterms", Rule::List(&Rule::Text(50))),
        ]),
    ),
];
const OUTPUT: &[Field] =
    &[solid("format", FORMAT), solid("speed", Rule::Number(0.7, 1.5)), solid("transport", Rule::OneOf(&["json"]))];
const RESPONSE: &[Field] = &[
    solid("modalities", Rule::Any),
    solid("output_modalities", Rule::Any),
    solid("instructions", Rule::Text(1 << 20)),
    solid("metadata", Rule::Labels(16, 64, 512)),
];

/// The model that answers: an unknown one is replaced without a word.
pub(super) fn model(query: &str) -> String {
    let wished = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "model");
    let known = wished.filter(|(_, model)| MODELS.contains(&&**model));
    known.map_or_else(|| MODELS[0].to_owned(), |(_, model)| model.into_owned())
}

/// What of a session is xAI's own.
#[derive(Default)]
pub(super) struct Xai {
    /// Fields of the session as its client set them.
    pub(super) shown: Map<String, Value>,
    /// Committed speech was answered: a request before anything else comes is dropped.
    answered: bool,
    /// The words of each turn so far.
    pub(super) words: std::collections::HashMap<String, String>,
    /// Audio that was paid for, milliseconds.
    pub(super) billed_ms: u64,
}

impl Peer {
    /// One event of a client, as its vendor takes it.
    pub(super) fn take(&mut self, event: &Value) -> Result<(), Refusal> {
        if self.xai.is_none() {
            return self.dispatch(event);
        }
        let kind = event["type"].as_str().unwrap_or_default();
        match kind {
            "session.update" => self.update_xai(event),
            // With detection on it says nothing; of silence by hand neither.
            "input_audio_buffer.commit" if self.session.turn_detection().is_some() => Ok(()),
            "input_audio_buffer.commit" if !self.listening.heard_speech() => Ok(()),
            "input_audio_buffer.commit" => {
                self.dispatch(event)?;
                self.set_answered(true);
                self.respond(Why::Turn);
                Ok(())
            }
            "conversation.item.truncate" => Ok(()),
            "conversation.item.retrieve" | "output_audio_buffer.clear" => {
                Err(Refusal::value("type", format!("Invalid value: '{kind}'. It is not a client event.")))
            }
            "response.create" => self.create_xai(event),
            "conversation.item.create" => {
                self.set_answered(false);
                let item = &event["item"];
                if item["type"] == "force_message" {
                    return self.say_xai(item);
                }
                let parts = item["content"].as_array().into_iter().flatten();
                if parts.into_iter().any(|part| part["type"] == "input_image") {
                    return Err(Refusal::value("item.content", "Images are not supported."));
                }
                self.dispatch(event)
            }
            "input_audio_buffer.clear" => {
                self.set_answered(false);
                self.dispatch(event)
            }
            _ => self.dispatch(event),
        }
    }

    fn set_answered(&mut self, answered: bool) {
        if let Some(xai) = &mut self.xai {
            xai.answered = answered;
        }
    }

    fn create_xai(&mut self, event: &Value) -> Result<(), Refusal> {
        let wishes = event.get("response").cloned().unwrap_or(json!({}));
        validate::object(&wishes, RESPONSE, "response")?;
        if self.xai.as_ref().is_some_and(|xai| xai.answered) {
            return Ok(());
        }
        // What was said by hand and not committed is committed by the request.
        if self.session.turn_detection().is_none() && self.listening.heard_speech() {
            self.commit()?;
            self.set_answered(true);
        }
        let mut plain = event.clone();
        if let Some(fields) = plain.get_mut("response").and_then(Value::as_object_mut) {
            fields.retain(|name, _| !name.ends_with("modalities"));
        }
        self.dispatch(&plain)
    }

    /// The words are said as they are; the response knows nothing of who asked.
    fn say_xai(&mut self, item: &Value) -> Result<(), Refusal> {
        if item["role"] != "assistant" {
            return Err(Refusal::value("item.role", "A force_message is the assistant's."));
        }
        let Some(text) = item["content"][0]["text"].as_str().filter(|text| !text.is_empty()) else {
            return Err(Refusal::missing("item.content[0].text"));
        };
        let instructions = format!("Say the following text word for word:\n\"\"\"\n{text}\n\"\"\"");
        self.dispatch(&json!({"type": "response.create", "response": {"instructions": instructions}}))
    }

    fn update_xai(&mut self, event: &Value) -> Result<(), Refusal> {
        let patch = &event["session"];
        validate::object(patch, SESSION, "session")?;
        let inner = inner(patch);
        let Some(xai) = &mut self.xai else { return Ok(()) };
        let before = xai.shown.clone();
        for (name, value) in patch.as_object().into_iter().flatten() {
            show(&mut xai.shown, name, value);
        }
        let taken = self.dispatch(&json!({"type": "session.update", "session": inner}));
        if let (Err(_), Some(xai)) = (&taken, &mut self.xai) {
            xai.shown = before;
        }
        taken
    }
}

fn show(shown: &mut Map<String, Value>, name: &str, value: &Value) {
    match (shown.get_mut(name), value) {
        (Some(Value::Object(now)), Value::Object(more)) if ["audio", "input", "output"].contains(&name) => {
            for (name, value) in more {
                show(now, name, value);
            }
        }
        _ => drop(shown.insert(name.to_owned(), value.clone())),
    }
}

/// The session object as the rest of the simulator has it.
fn inner(patch: &Value) -> Value {
    let mut inner = json!({"type": "realtime", "audio": {"input": {}}});
    for name in ["instructions", "tool_choice"] {
        if let Some(value) = patch.get(name) {
            inner[name] = value.clone();
        }
    }
    if let Some(tools) = patch["tools"].as_array() {
        // Its own tools run where nobody sees them.
        let functions = tools.iter().filter(|tool| tool["type"] == "function");
        inner["tools"] = functions.cloned().collect();
    }
    if let Some(detection) = patch.get("turn_detection") {
        let mut detection = detection.clone();
        if detection.is_object() {
            // Echoed, and not obeyed.
            detection["create_response"] = json!(true);
            if let Some(fields) = detection.as_object_mut() {
                fields.remove("idle_timeout_ms");
            }
        }
        inner["audio"]["input"]["turn_detection"] = detection;
    }
    if let Some(words) = patch.pointer("/audio/input/transcription") {
        let on = words.is_object().then(|| json!({"model": "gpt-transcribe"}));
        inner["audio"]["input"]["transcription"] = json!(on);
    }
    inner
}
