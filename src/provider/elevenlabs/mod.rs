//! ElevenLabs Agents over WebSocket (protocols reference `elevenlabs-agents`).
//!
//! The other end is no model but an agent that is configured elsewhere: it has its own instructions, tools and turns, and
//! the client may change of it what it permits. It cannot be told to stop, what was heard, or to be another than it was.

mod capabilities;
mod commands;
mod dial;
mod formats;
mod initiation;
pub mod legality;
mod replies;
mod samples;
mod server_message;
#[cfg(test)]
mod tests;

use super::{
    Beginning, Codec, DecodeError, DialRequest, ErrorKind, Frame, ItemKind, ProviderCommand, ProviderError,
    ProviderEvent, Quirks, SessionInfo,
    wire::{Samples, bytes, confirmed, decoded, object, readable, samples, unsupported},
};
use crate::{
    capabilities::Capabilities,
    config::{Config, Modality},
    error::{Error, Result},
    message::ItemId,
};
use formats::{Format, INPUT_RATE, Incoming, OUTPUT_RATE, Outgoing};
use replies::Replies;
use serde_json::{Value, json};
use server_message::{KNOWN, Message};

pub use dial::dial_with;
#[doc(hidden)]
pub use samples::sample_client_events;

/// Base URL when none is configured; there are others for other regions.
pub const BASE_URL: &str = "https://api.elevenlabs.io";
/// Nothing more comes of a reply whose words are known when nothing came for so long.
const QUIET_MS: u32 = 1_000;

/// The codec.
pub struct ElevenLabs {
    capabilities: Capabilities,
    dial: DialRequest,
    initiation: Value,
    /// The conversation goes on here: nobody is greeted again.
    greeted: bool,
    replies: Replies,
    echoes: Vec<ProviderEvent>,
    answers: Vec<String>,
    /// Words that wait for the request to answer them: the agent answers all it is told by the user.
    unsaid: Vec<String>,
    /// They are of an earlier conversation.
    past: bool,
    /// What was said on an earlier connection, while it is told.
    history: Option<Vec<String>>,
    speaks: bool,
    /// Once the agent has announced its formats.
    out: Option<Outgoing>,
    back: Option<Incoming>,
    half: Option<u8>,
    /// Milliseconds of the part that came before, for what is said of its signs.
    part_ms: u32,
    /// The agent is not there yet: what is heard is music.
    queued: bool,
    sent: u64,
    /// What the service calls the conversation, and the files that go with the next question.
    conversation: Option<String>,
    files: Vec<String>,
    /// Tools of the service that may run, and calls of such that were answered.
    approve: Vec<String>,
    asked: Vec<String>,
}

/// Answered approvals that are remembered.
const MAX_ASKED: usize = 64;

impl ElevenLabs {
    /// The same, of a connection on which nothing was said yet.
    fn fresh(&self) -> Self {
        Self {
            capabilities: self.capabilities.clone(),
            dial: self.dial.clone(),
            initiation: self.initiation.clone(),
            greeted: false,
            replies: self.replies.another(),
            echoes: Vec::new(),
            answers: Vec::new(),
            unsaid: Vec::new(),
            past: false,
            history: None,
            speaks: self.speaks,
            out: None,
            back: None,
            half: None,
            part_ms: 0,
            queued: false,
            sent: 0,
            conversation: None,
            files: Vec::new(),
            approve: self.approve.clone(),
            asked: Vec::new(),
        }
    }

    /// The codec for a checked configuration.
    ///
    /// # Errors
    /// No agent, or a `base_url` that is no URL.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            capabilities: capabilities::of(config),
            dial: dial::request(config, None)?,
            initiation: initiation::message(config),
            greeted: false,
            replies: Replies::default(),
            echoes: Vec::new(),
            answers: Vec::new(),
            unsaid: Vec::new(),
            past: false,
            history: None,
            speaks: config.output_modality == Modality::Audio,
            out: None,
            back: None,
            half: None,
            part_ms: 0,
            queued: false,
            sent: 0,
            conversation: None,
            files: Vec::new(),
            approve: config.tool_handling.approve.clone(),
            asked: Vec::new(),
        })
    }

    /// What the agent is told first. An agent that lets its greeting be chosen lets it be none; of one that says its own
    /// nobody knows.
    fn first_message(&self) -> Value {
        let mut message = self.initiation.clone();
        let greeting = message.pointer_mut("/conversation_config_override/agent/first_message");
        if let (Some(greeting), true) = (greeting, self.greeted) {
            *greeting = "".into();
        }
        message
    }

    fn confirm(&mut self, item: &ItemId, kind: ItemKind) {
        self.echoes.extend(confirmed(item.clone(), kind));
    }

    fn message(&mut self, text: &str, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let message: Message<'_> = object(text)?;
        self.replies.audio_ms = self.sent * 1000 / u64::from(INPUT_RATE);
        let replies = &mut self.replies;
        match &*message.kind {
            "conversation_initiation_metadata" => {
                let info = self.begun(message.conversation_initiation_metadata_event)?;
                events.push(ProviderEvent::SessionUpdated(Box::new(info)));
            }
            "audio" => self.sound(message.audio_event, events)?,
            "agent_response" => replies.words(message.agent_response_event, self.speaks, events),
            "agent_chat_response_part" => {
                let part = message.text_response_part;
                if part.kind == "delta" {
                    replies.part(part.event_id, part.text, events);
                }
            }
            "agent_response_correction" => replies.corrected(message.agent_response_correction_event, events),
            // Each may come when the next reply is under way: the second when this one has been played.
            "context_usage" => self.ended_if(message.context_usage_event.event_id, events),
            "agent_response_complete" => self.ended_if(message.agent_response_complete_event.event_id, events),
            "user_transcript" => {
                let words = message.user_transcription_event;
                self.flush_rest(events);
                self.replies.user_words(&words.user_transcript, words.event_id, events);
            }
            "tentative_user_transcript" => {
                replies.user_so_far(message.tentative_user_transcription_event.user_transcript, events);
            }
            "interruption" => {
                if replies.interrupted(message.interruption_event.event_id, events) {
                    self.silenced();
                }
            }
            "client_tool_call" => {
                self.flush_rest(events);
                self.replies.called(message.client_tool_call, events);
            }
            "ping" => {
                self.answers.push(json!({"type": "pong", "event_id": message.ping_event.event_id}).to_string());
            }
            "mcp_tool_call" if message.mcp_tool_call.state == "awaiting_approval" => {
                self.asked_to_approve(message.mcp_tool_call, events);
            }
            "queue_status" => {
                let status = &*message.queue_status_event.status;
                if status == "waiting" && !self.queued {
                    events.push(ProviderEvent::Queued);
                }
                // Whoever waited too long hears music until the close.
                self.queued = (self.queued || status == "waiting") && status != "admitted";
            }
            "agent_tool_response" if message.agent_tool_response.tool_name == "end_call" => {
                events.push(ProviderEvent::Leaves);
            }
            "error" | "client_error" => {
                let error = message.error_event;
                let kind = error.error_type.or(error.error_name).unwrap_or_default();
                // The number is that of the close to come, and the same for many things.
                let number = || error.code.map(|code| code.to_string().trim_matches('"').to_owned());
                let code = if kind.is_empty() { number().unwrap_or_default() } else { kind.clone() };
                let message = error.message.or(error.reason).unwrap_or_default();
                events.push(ProviderEvent::Error(ProviderError { kind, code, message, ..ProviderError::default() }));
            }
            other => {
                let known = KNOWN.contains(&other) || other == "agent_tool_response";
                events.push(ProviderEvent::Other { name: other.to_owned(), known });
            }
        }
        Ok(())
    }

    /// The agent says who it is and how it sounds.
    fn begun(&mut self, metadata: server_message::Metadata) -> Result<SessionInfo, DecodeError> {
        let format = |name: Option<&str>| match name {
            None => Ok(Format::DEFAULT),
            Some(name) => Format::parse(name).ok_or_else(|| name.to_owned()),
        };
        let (input, output) = (
            format(metadata.user_input_audio_format.as_deref()),
            format(metadata.agent_output_audio_format.as_deref()),
        );
        let foreign = input.as_ref().err().or(output.as_ref().err()).cloned();
        let id = metadata.conversation_id;
        let safe = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        self.conversation = safe.then_some(id);
        if let (Ok(input), Ok(output)) = (input, output) {
            let wrong = |e: Error| DecodeError::Audio(e.message);
            self.out = Some(Outgoing::new(input).map_err(wrong)?);
            self.back = Some(Incoming::new(output).map_err(wrong)?);
        }
        Ok(SessionInfo {
            session: self.first_message(),
            interrupts: true,
            answers: Some(true),
            silence_duration_ms: None,
            expires_at: None,
            foreign_audio: foreign,
            other_model: None,
        })
    }

    fn sound(&mut self, audio: server_message::Audio<'_>, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        // Music of a queue is no answer.
        let Some(back) = self.back.as_mut().filter(|_| !self.queued) else { return Ok(()) };
        // What nobody can read begins nothing.
        readable(audio.audio_base_64.as_bytes())?;
        let before = self.replies.speaking().cloned();
        let Some(at) = self.replies.sounds(&audio, events) else { return Ok(()) };
        if before.as_ref() != Some(&at) {
            (self.half, self.part_ms) = (None, 0);
        }
        let (pcm, odd) = if back.is_pcm() {
            let Samples { pcm, odd, half } = samples(audio.audio_base_64.as_bytes(), self.half.take())?;
            self.half = half;
            (back.samples(&pcm), odd)
        } else {
            let bytes = bytes(audio.audio_base_64.as_bytes())?;
            let pcm: Vec<i16> = bytes.into_iter().map(formats::of_ulaw).collect();
            (back.samples(&pcm), false)
        };
        if let Some(alignment) = &audio.alignment {
            self.replies.aligned(&at, alignment, self.part_ms, events);
        }
        self.part_ms = self.part_ms.saturating_add((pcm.len() * 1000 / OUTPUT_RATE as usize) as u32);
        events.push(ProviderEvent::Audio { at, pcm, odd });
        Ok(())
    }

    /// A tool may run only if the host said so beforehand. Each call is answered once.
    fn asked_to_approve(&mut self, call: server_message::McpCall, events: &mut Vec<ProviderEvent>) {
        if self.asked.contains(&call.tool_call_id) {
            return;
        }
        let approved = self.approve.contains(&call.tool_name);
        let answer =
            json!({"type": "mcp_tool_approval_result", "tool_call_id": call.tool_call_id, "is_approved": approved});
        self.answers.push(answer.to_string());
        if self.asked.len() >= MAX_ASKED {
            self.asked.remove(0);
        }
        self.asked.push(call.tool_call_id);
        if !approved {
            events.push(ProviderEvent::ToolRefused { name: call.tool_name });
        }
    }

    /// What the conversion still holds belongs to the part that ends now.
    fn flush_rest(&mut self, events: &mut Vec<ProviderEvent>) {
        let rest = self.back.as_mut().map(Incoming::rest).unwrap_or_default();
        if let Some(at) = self.replies.speaking().cloned()
            && !rest.is_empty()
        {
            events.push(ProviderEvent::Audio { at, pcm: rest, odd: false });
        }
        self.half = None;
    }

    fn ended_if(&mut self, event: i64, events: &mut Vec<ProviderEvent>) {
        if self.replies.is_about(event) {
            self.ended(false, events);
        }
    }

    fn ended(&mut self, inferred: bool, events: &mut Vec<ProviderEvent>) {
        self.flush_rest(events);
        self.replies.ended(inferred, events);
    }

    fn silenced(&mut self) {
        if let Some(back) = &mut self.back {
            back.reset();
        }
        self.half = None;
    }
}

impl Codec for ElevenLabs {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dial(&self) -> &DialRequest {
        &self.dial
    }

    fn wish(&self) -> Value {
        self.first_message()
    }

    fn quirks(&self) -> Quirks {
        Quirks {
            speaks_first: true,
            answers_results: true,
            answers_words: true,
            keeps_items: true,
            configured_once: true,
            keeps_audio: true,
            greets: true,
            quiet_ms: Some(QUIET_MS),
            ..Quirks::default()
        }
    }

    fn update(&self, old: &Config, new: &Config) -> Result<Value> {
        if initiation::message(old) != initiation::message(new) {
            let text = "an agent is what it was when the conversation began";
            return Err(unsupported("changes", text, "disconnect, and connect with the other configuration"));
        }
        Ok(json!({}))
    }

    fn configure(&mut self, config: &Config) -> Result<()> {
        self.initiation = initiation::message(config);
        self.approve.clone_from(&config.tool_handling.approve);
        Ok(())
    }

    fn upload(&self) -> Option<String> {
        let (id, signs) = (self.conversation.as_ref()?, self.dial.signed_at.as_deref()?);
        // Beside the place that signs: …/v1/convai/conversation/get-signed-url.
        let (root, _) = signs.split_once("/conversation/")?;
        Some(format!("{root}/conversations/{id}/files"))
    }

    fn seed(&mut self, seed: u32) {
        self.replies.seed(seed);
    }

    fn begins(&mut self, with: Beginning<'_>) {
        self.history = (with != Beginning::Fresh).then(Vec::new);
        self.greeted = self.history.is_some();
    }

    fn encode(&mut self, command: &ProviderCommand, _event_id: &str) -> Result<Option<String>> {
        self.command(command)
    }

    fn encode_audio(&mut self, pcm: &[i16]) -> String {
        self.sent += pcm.len() as u64;
        // Nothing is sent before the formats are known.
        let bytes = self.out.as_mut().map(|out| out.bytes(pcm)).unwrap_or_default();
        let mut frame = br#"{"user_audio_chunk":""#.to_vec();
        base64_simd::STANDARD.encode_append(&bytes, &mut frame);
        frame.extend_from_slice(b"\"}");
        String::from_utf8(frame).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }

    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let text = frame.text().ok_or(DecodeError::Binary)?;
        decoded(text, events, |text, events| self.message(text, events))
    }

    fn echo(&mut self, events: &mut Vec<ProviderEvent>) {
        events.append(&mut self.echoes);
    }

    fn answers(&mut self) -> Vec<String> {
        std::mem::take(&mut self.answers)
    }

    fn gone_quiet(&mut self, events: &mut Vec<ProviderEvent>) {
        if self.replies.may_end() {
            self.ended(true, events);
        }
    }

    fn refused_field(&self, reason: &str) -> Option<(&'static str, &'static str)> {
        initiation::refused_field(reason)
    }

    fn classify(&self, error: &ProviderError) -> ErrorKind {
        match error.kind.as_str() {
            "max_duration_exceeded" => ErrorKind::SessionOver,
            "override_error" | "missing_dynamic_variable" | "missing_fields" => ErrorKind::Fatal,
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
