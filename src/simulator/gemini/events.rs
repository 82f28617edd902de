//! The server's messages.

use crate::simulator::clips;
use serde_json::{Value, json};
use std::time::Duration;

/// What every message is known by in the journal and in faults: the field that says most.
pub(in crate::simulator) const SERVER_KINDS: &[&str] = &[
    "setupComplete",
    "toolCall",
    "toolCallCancellation",
    "goAway",
    "voiceActivity",
    "sessionResumptionUpdate",
    "serverContent.modelTurn",
    "serverContent.interrupted",
    "serverContent.generationComplete",
    "serverContent.turnComplete",
    "serverContent.inputTranscription",
    "serverContent.outputTranscription",
];

/// The same of what clients send.
pub(in crate::simulator) const CLIENT_KINDS: &[&str] = &[
    "setup",
    "clientContent",
    "toolResponse",
    "contextUpdate",
    "realtimeInput.audio",
    "realtimeInput.video",
    "realtimeInput.text",
    "realtimeInput.activityStart",
    "realtimeInput.activityEnd",
    "realtimeInput.audioStreamEnd",
    "realtimeInput.mediaChunks",
];

/// The name of a message, whoever sent it.
pub(in crate::simulator) fn kind(message: &Value) -> Option<&'static str> {
    let get = |value: &Value, name: &str| {
        value.as_object().is_some_and(|fields| fields.keys().any(|key| super::fields::camel(key) == name))
    };
    let inner = |name: &str| {
        let fields = message.as_object()?;
        fields.iter().find(|(key, _)| super::fields::camel(key) == name).map(|(_, value)| value)
    };
    SERVER_KINDS.iter().chain(CLIENT_KINDS).copied().find(|kind| match kind.split_once('.') {
        Some((outer, name)) => inner(outer).is_some_and(|value| get(value, name)),
        None => get(message, kind),
    })
}

pub(super) fn setup_complete(session: &str) -> Value {
    json!({"setupComplete": {"sessionId": session}})
}

pub(super) fn content(field: &str, value: Value) -> Value {
    json!({"serverContent": {field: value}})
}

pub(super) fn audio(base64: &str) -> Value {
    let data = json!({"mimeType": "audio/pcm;rate=24000", "data": base64});
    content("modelTurn", json!({"role": "model", "parts": [{"inlineData": data}]}))
}

pub(super) fn text(text: &str) -> Value {
    content("modelTurn", json!({"role": "model", "parts": [{"text": text}]}))
}

pub(super) fn transcription(field: &str, text: &str) -> Value {
    content(field, json!({"text": text}))
}

/// `offset` is a position in the audio that came.
pub(super) fn voice_activity(kind: &str, offset: Duration) -> Value {
    json!({"voiceActivity": {"type": kind, "audioOffset": seconds(offset)}})
}

pub(super) fn go_away(left: Duration) -> Value {
    json!({"goAway": {"timeLeft": seconds(left)}})
}

pub(super) fn tool_call(calls: &[Value]) -> Value {
    json!({"toolCall": {"functionCalls": calls}})
}

pub(super) fn cancelled(ids: &[String]) -> Value {
    json!({"toolCallCancellation": {"ids": ids}})
}

/// `handle` is there when the session can be resumed. `consumed` counts client messages; it is a 64 bit number, which
/// this mapping of JSON writes as text.
pub(super) fn resumption(handle: Option<&str>, consumed: Option<u64>) -> Value {
    let mut update = json!({"resumable": handle.is_some()});
    if let Some(handle) = handle {
        update["newHandle"] = json!(handle);
    }
    if let Some(consumed) = consumed {
        update["lastConsumedClientMessageIndex"] = json!(consumed.to_string());
    }
    json!({"sessionResumptionUpdate": update})
}

/// What costs tokens: those of text and images, and samples of audio, of which 25 tokens make a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tokens {
    pub(super) text: u64,
    pub(super) samples: u64,
    pub(super) image: u64,
}

impl Tokens {
    fn sum(self) -> u64 {
        self.text + self.audio() + self.image
    }

    fn audio(self) -> u64 {
        self.samples.div_ceil(u64::from(clips::RATE) / 25)
    }

    pub(super) fn add(&mut self, other: Tokens) {
        self.text += other.text;
        self.samples += other.samples;
        self.image += other.image;
    }

    fn details(self) -> Vec<Value> {
        let kinds = [("TEXT", self.text), ("AUDIO", self.audio()), ("IMAGE", self.image)];
        let some = kinds.into_iter().filter(|(_, count)| *count > 0);
        some.map(|(modality, count)| json!({"modality": modality, "tokenCount": count})).collect()
    }
}

/// Vertex has other names for what was answered.
pub(super) fn usage(prompt: Tokens, response: Tokens, vertex: bool) -> Value {
    let (count, details) = match vertex {
        true => ("candidatesTokenCount", "candidatesTokensDetails"),
        false => ("responseTokenCount", "responseTokensDetails"),
    };
    json!({
        "promptTokenCount": prompt.sum(),
        count: response.sum(),
        "totalTokenCount": prompt.sum() + response.sum(),
        "promptTokensDetails": prompt.details(),
        details: response.details(),
    })
}

/// A duration as JSON has it: `"9.5s"`.
fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}
