//! Gemini Live, `BidiGenerateContent` (protocols reference `gemini-live`).
//!
//! The service confirms nothing, numbers nothing and begins to answer by itself. What the session is told all the same is
//! made in `turns`; what was sent is confirmed here, by [`Codec::echo`].

mod commands;
mod dial;
pub mod legality;
pub(super) mod minting;
pub mod models;
mod samples;
mod server_message;
mod setup;
#[cfg(test)]
mod tests;
mod turns;

use super::{
    Beginning, Codec, DecodeError, DialRequest, ErrorKind, Frame, Handle, ProviderCommand, ProviderError,
    ProviderEvent, Quirks, SessionInfo,
    wire::{audio_frame, decoded, object},
};
use crate::{
    capabilities::{Capabilities, IdleAudio, Images, Reconnect, Say, TransportKind},
    config::{Config, Scheduling, VadMode},
    error::Result,
    request::MAX_IMAGE,
};
use models::{Content, Model, Thinking};
use serde_json::{Value, json};
use server_message::{Resumption, ServerMessage, millis};
use std::borrow::Cow;
use turns::Turns;

pub use dial::dial_with;
#[doc(hidden)]
pub use samples::sample_client_events;

/// What the service takes without resampling, and gives.
const INPUT_RATE: u32 = 16_000;
const OUTPUT_RATE: u32 = 24_000;
const AUDIO_HEAD: &[u8] = br#"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":""#;

/// Base URL when none is configured.
pub const BASE_URL: &str = "https://generativelanguage.googleapis.com";

/// The codec.
pub struct Gemini {
    capabilities: Capabilities,
    dial: DialRequest,
    setup: Value,
    model: &'static Model,
    manual: bool,
    turns: Turns,
    echoes: Vec<ProviderEvent>,
    /// The user's turn by hand is open.
    active: bool,
    /// A turn was ended by hand, or results were sent: the service answers without being asked.
    answers: bool,
    /// Words that wait for the request to answer them, where nothing else can carry them.
    unsaid: Vec<String>,
    /// The conversation the next setup goes on with.
    handle: Option<Handle>,
    /// What was said before, while it is told: by a model that takes it only as a whole.
    history: Option<Vec<Value>>,
    /// Audio that was sent, frames.
    sent: u64,
    /// Of these the newest that nobody can have spoken in.
    quiet: u64,
    /// The service waits for more audio.
    streams: bool,
    /// What goes into the conversation when nobody is cut off by it.
    later: Vec<Value>,
    /// The request that goes with it.
    asks_later: Option<String>,
    /// Since when it waits, in frames of audio that were sent.
    waits_since: u64,
}

/// Nobody can have spoken in what is softer.
const QUIET: u16 = 500;
/// After so many frames of quiet a turn is over: a second and a half.
const QUIET_ENOUGH: u64 = 3 * INPUT_RATE as u64 / 2;
/// Noise is waited for no longer than so many frames: five seconds.
const NOISE_ENOUGH: u64 = 5 * INPUT_RATE as u64;

impl Gemini {
    /// The same, of a connection on which nothing was said yet.
    fn fresh(&self) -> Self {
        Self {
            capabilities: self.capabilities.clone(),
            dial: self.dial.clone(),
            setup: self.setup.clone(),
            model: self.model,
            manual: self.manual,
            turns: self.turns.another(),
            echoes: Vec::new(),
            active: false,
            answers: false,
            unsaid: Vec::new(),
            handle: None,
            history: None,
            sent: 0,
            quiet: QUIET_ENOUGH,
            streams: false,
            later: Vec::new(),
            asks_later: None,
            waits_since: 0,
        }
    }

    /// The codec for a checked configuration.
    ///
    /// # Errors
    /// A `base_url` that is no URL.
    pub fn new(config: &Config) -> Result<Self> {
        let model = models::rules(setup::model_name(config));
        Ok(Self {
            capabilities: capabilities(config),
            dial: dial::request(config, None, None)?,
            setup: setup::setup(config),
            model,
            manual: config.turn_detection.mode == VadMode::Manual,
            turns: Turns::new(config.transcription.is_some()),
            echoes: Vec::new(),
            active: false,
            answers: false,
            unsaid: Vec::new(),
            handle: None,
            history: None,
            sent: 0,
            quiet: QUIET_ENOUGH,
            streams: false,
            later: Vec::new(),
            asks_later: None,
            waits_since: 0,
        })
    }

    fn sent_ms(&self) -> u64 {
        self.sent * 1000 / u64::from(INPUT_RATE)
    }

    fn message(&mut self, text: &str, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let message: ServerMessage<'_> = object(text)?;
        let (before, audio_ms) = (events.len(), self.sent_ms());
        if message.setup_complete.is_some() {
            events.push(ProviderEvent::SessionUpdated(Box::new(self.info())));
        }
        if let Some(activity) = message.voice_activity {
            let at = activity.audio_offset.as_deref().and_then(millis).unwrap_or(audio_ms);
            self.turns.marks();
            match activity.kind.as_str() {
                "ACTIVITY_START" => self.turns.user_begins(at, events),
                "ACTIVITY_END" => self.turns.user_ends(at, events),
                _ => {}
            }
        }
        // In the same message as the end of the turn it belongs to.
        if let Some(usage) = &message.usage_metadata {
            self.turns.usage(usage, events);
        }
        if let Some(content) = message.server_content {
            self.turns.content(content, audio_ms, events)?;
        }
        if let Some(call) = message.tool_call {
            self.turns.called(call.function_calls, audio_ms, events);
        }
        if let Some(cancellation) = message.tool_call_cancellation {
            self.turns.call_cancelled(cancellation.ids, events);
        }
        if let Some(Resumption { new_handle: Some(handle), resumable: true }) = message.session_resumption_update
            && !handle.is_empty()
            // What waits for the next question is not in it, and a call that is in it without its result would have to
            // be answered there before anything else: the moment before it is the better one to go on from.
            && self.unsaid.is_empty()
            && self.later.is_empty()
            && !self.turns.was_told()
            && !self.turns.calls_wait()
        {
            events.push(ProviderEvent::Resumable { handle: Handle::new(handle) });
        }
        if let Some(away) = message.go_away {
            // 60 s is how long before the end it is told.
            let ms = away.time_left.as_deref().and_then(millis).unwrap_or(60_000);
            events.push(ProviderEvent::EndsIn { ms });
        }
        let bare = (message.code.is_some() || message.status.is_some()) && events.len() == before;
        if let Some(error) = message.error {
            events.push(refusal(error.code, error.message, error.status));
        } else if bare {
            events.push(refusal(message.code, message.message, message.status));
        }
        Ok(())
    }

    /// The service says only that it took the setup, so that is what is in force.
    fn info(&self) -> SessionInfo {
        let input = &self.setup["realtimeInputConfig"];
        SessionInfo {
            session: self.setup.clone(),
            interrupts: input["activityHandling"] != "NO_INTERRUPTION",
            answers: Some(true),
            silence_duration_ms: input["automaticActivityDetection"]["silenceDurationMs"].as_u64(),
            expires_at: None,
            foreign_audio: None,
            other_model: None,
        }
    }
}

fn refusal(code: Option<Value>, message: Option<String>, status: Option<String>) -> ProviderEvent {
    let number = code.map(|code| code.to_string()).unwrap_or_default();
    let error = ProviderError {
        code: status.unwrap_or(number),
        message: message.unwrap_or_default(),
        ..ProviderError::default()
    };
    ProviderEvent::Error(error)
}

fn capabilities(config: &Config) -> Capabilities {
    let name = setup::model_name(config);
    let model = models::rules(name);
    let names = |names: &[&'static str]| names.iter().map(|&name| name.into()).collect();
    let always = model.content != Content::AtFirst;
    let reasons = (model.thinking != Thinking::None).then_some("reasoning_effort");
    Capabilities {
        provider: "gemini".into(),
        model: name.to_owned(),
        model_known: models::find(name).is_some(),
        transports: vec![TransportKind::Websocket],
        credentials: names(&["api_key", "ephemeral", "bearer"]),
        input_rate: INPUT_RATE,
        output_rate: OUTPUT_RATE,
        turn_modes: vec![VadMode::Server, VadMode::Manual],
        text_in: Some(true),
        text_out: Some(false),
        image_in: Some(always),
        video_in: Some(true),
        images: always.then(|| Images {
            mime_types: names(&commands::PICTURES),
            max_bytes: MAX_IMAGE as u64,
            urls: false,
        }),
        silent_context: Some(always),
        say: Some(Say::Instructed),
        out_of_band: Some(false),
        tools: Some(true),
        parallel_tools: Some(false),
        tool_scheduling: names(if model.schedules { Scheduling::WORDS } else { &Scheduling::WORDS[..1] }),
        reasoning: Some(model.thinking != Thinking::None),
        updates: names(models::UPDATES).into_iter().chain(reasons.map(Cow::from)).collect(),
        // Only speaking, or a turn by hand, stops the model; what it says after an interruption is not listened to.
        cancel: Some(false),
        truncate: Some(false),
        user_transcription: Some(config.transcription.is_some()),
        feedback: Some(false),
        user_activity: Some(false),
        usage: Some(true),
        voices: names(models::VOICES),
        idle_audio: Some(IdleAudio::None),
        reconnect: Some(Reconnect::Resume),
        max_session_s: None,
    }
}

/// Instructions and tools of two setups where they differ.
fn context_update(old: &Value, new: &Value) -> Value {
    let mut change = json!({});
    let (instructions, tools) = (new.get("systemInstruction"), new.get("tools"));
    if old.get("systemInstruction") != instructions {
        change["systemInstruction"] = instructions.cloned().unwrap_or_else(|| setup::instructions(""));
    }
    if old.get("tools") != tools {
        // Absent would leave them as they are.
        change["tools"] = json!({"tools": tools.cloned().unwrap_or_else(|| json!([]))});
    }
    change
}

impl Codec for Gemini {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dial(&self) -> &DialRequest {
        &self.dial
    }

    fn wish(&self) -> Value {
        self.setup.clone()
    }

    fn update(&self, old: &Config, new: &Config) -> Result<Value> {
        let (before, after) = (setup::setup(old), setup::setup(new));
        if before == after {
            return Ok(json!({}));
        }
        let rest = |mut setup: Value| {
            if let Some(fields) = setup.as_object_mut() {
                fields.retain(|name, _| name != "systemInstruction" && name != "tools");
            }
            setup
        };
        // All else is asked for in a new setup, of a connection that goes on with the conversation.
        let renew = !self.model.context_update || rest(before.clone()) != rest(after.clone());
        Ok(if renew { json!({"setup": after}) } else { context_update(&before, &after) })
    }

    fn configure(&mut self, config: &Config) -> Result<()> {
        self.setup = setup::setup(config);
        self.capabilities.user_transcription = Some(config.transcription.is_some());
        self.turns.transcribes(config.transcription.is_some());
        Ok(())
    }

    fn quirks(&self) -> Quirks {
        Quirks {
            speaks_first: true,
            answers_results: true,
            keeps_items: true,
            configured_once: true,
            keeps_audio: true,
            stream_ends: true,
            // What is older than that is better asked again (protocols reference §6.3).
            pre_roll_ms: Some(2000),
            ..Quirks::default()
        }
    }

    fn renews(&self, patch: &Value) -> bool {
        patch.get("setup").is_some()
    }

    fn catches_up(&self, old: &Config, new: &Config) -> Value {
        // The newest keep the instructions they began with, whatever the setup says (protocols reference §6.3).
        if self.model.context_update { context_update(&setup::setup(old), &setup::setup(new)) } else { Value::Null }
    }

    fn seed(&mut self, seed: u32) {
        self.turns.seed(seed);
    }

    fn begins(&mut self, with: Beginning<'_>) {
        self.handle = match with {
            Beginning::Resumed(handle) => Some(handle.clone()),
            _ => None,
        };
        let told = with == Beginning::Told && self.model.content == Content::AtFirst;
        self.history = told.then(Vec::new);
    }

    fn encode(&mut self, command: &ProviderCommand, _event_id: &str) -> Result<Option<String>> {
        self.command(command)
    }

    fn before_audio(&mut self) -> Option<String> {
        // What comes before it is thrown away.
        let begins = self.manual && !std::mem::replace(&mut self.active, true);
        if begins {
            return Some(json!({"realtimeInput": {"activityStart": {}}}).to_string());
        }
        self.tell_later()
    }

    fn encode_audio(&mut self, pcm: &[i16]) -> String {
        self.sent += pcm.len() as u64;
        self.streams = true;
        let loud = pcm.iter().any(|s| s.unsigned_abs() >= QUIET);
        self.quiet = if loud { 0 } else { self.quiet.saturating_add(pcm.len() as u64) };
        audio_frame(AUDIO_HEAD, pcm, b"\"}}}")
    }

    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let text = frame.text().ok_or(DecodeError::Binary)?;
        decoded(text, events, |text, events| self.message(text, events))
    }

    fn echo(&mut self, events: &mut Vec<ProviderEvent>) {
        events.append(&mut self.echoes);
    }

    fn is_busy(&self) -> bool {
        self.turns.is_busy() || !self.later.is_empty()
    }

    fn answers(&mut self) -> Vec<String> {
        let unwanted = self.turns.take_unwanted();
        let refused = unwanted.into_iter().map(commands::not_wanted);
        refused.chain(self.tell_later()).collect()
    }

    fn classify(&self, error: &ProviderError) -> ErrorKind {
        match error.code.as_str() {
            "UNAUTHENTICATED" | "PERMISSION_DENIED" | "NOT_FOUND" | "FAILED_PRECONDITION" => ErrorKind::Fatal,
            _ => ErrorKind::Request,
        }
    }

    fn reset(&mut self) {
        *self = self.fresh();
    }

    fn another(&self) -> Box<dyn Codec> {
        Box::new(self.fresh())
    }
}
