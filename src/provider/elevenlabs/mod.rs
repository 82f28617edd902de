//! ElevenLabs Agents over WebSocket (protocols reference `elevenlabs-agents`).
//!
//! The other end is no model but an agent that is configured elsewhere: it has its own instructions, tools and turns, and
//! the client may change of it what it permits. It cannot be told to stop, what was heard, or to be another than it was.

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
    Beginning, Codec, DecodeError, DialRequest, ErrorKind, Frame, ItemKind, ItemPart, ProviderCommand, ProviderError,
    ProviderEvent, Quirks, SessionInfo,
    wire::{Samples, bytes, confirmed, decoded, object, raw_object, readable, samples, unsupported},
};
use crate::{
    capabilities::{Capabilities, IdleAudio, Images, Reconnect, TransportKind},
    config::{Config, Modality, VadMode},
    error::{Error, Result},
    message::{ItemId, Role},
    request::{MAX_IMAGE, Picture, ResponseOptions},
};
use formats::{Format, INPUT_RATE, Incoming, OUTPUT_RATE, Outgoing};
use replies::Replies;
use serde_json::{Value, json};
use server_message::{KNOWN, Message};
use std::borrow::Cow;

pub use dial::dial_with;
#[doc(hidden)]
pub use samples::sample_client_events;

/// Base URL when none is configured; there are others for other regions.
pub const BASE_URL: &str = "https://api.elevenlabs.io";
/// Kinds of pictures that are files there.
const PICTURES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
/// Nothing more comes of a reply whose words are known when nothing came for so long.
const QUIET_MS: u32 = 1_000;

/// The codec.
pub struct ElevenLabs {
    capabilities: Capabilities,
    dial: DialRequest,
    initiation: Value,
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
            capabilities: capabilities(config),
            dial: dial::request(config, None)?,
            initiation: initiation::message(config),
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
            "context_usage" => self.ended(false, events),
            // It comes when the reply has been played, by when the next one may be under way.
            "agent_response_complete" => {
                if replies.is_about(message.agent_response_complete_event.event_id) {
                    self.ended(false, events);
                }
            }
            "user_transcript" => {
                let words = message.user_transcription_event;
                self.flush_rest(events);
                self.replies.user_words(&words.user_transcript, words.event_id, events);
            }
            "tentative_user_transcript" => {
                replies.user_so_far(message.tentative_user_transcription_event.user_transcript, events);
            }
            "interruption" => {
                replies.interrupted(message.interruption_event.event_id, events);
                self.silenced();
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
            "queue_status" => self.queued = message.queue_status_event.status == "waiting",
            "agent_tool_response" if message.agent_tool_response.tool_name == "end_call" => {
                events.push(ProviderEvent::Leaves);
            }
            "error" | "client_error" => {
                let error = message.error_event;
                let code = error.code.map(|code| code.to_string().trim_matches('"').to_owned());
                events.push(ProviderEvent::Error(ProviderError {
                    kind: error.error_type.or(error.error_name).unwrap_or_default(),
                    code: code.unwrap_or_default(),
                    message: error.message.or(error.reason).unwrap_or_default(),
                    ..ProviderError::default()
                }));
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
            session: self.initiation.clone(),
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

    /// The model is to answer what was said.
    fn ask(&mut self, request: &str) -> Result<Option<String>> {
        if self.unsaid.is_empty() && self.files.is_empty() {
            let text = "the agent answers what it is told, and nothing was told";
            return Err(unsupported("text", text, "send_text with the question"));
        }
        self.replies.asked(request.to_owned());
        self.past = false;
        let text = self.unsaid.drain(..).collect::<Vec<_>>().join("\n");
        if self.files.is_empty() {
            return Ok(Some(json!({"type": "user_message", "text": text}).to_string()));
        }
        let files: Vec<_> = self.files.drain(..).map(|id| json!({"type": "file_input", "file_id": id})).collect();
        // The one is for servers that know no list; that is how the vendor's own clients send it.
        let mut message = json!({"type": "multimodal_message", "file": files[0], "files": files});
        if !text.is_empty() {
            message["text"] = json!({"type": "user_message", "text": text});
        }
        Ok(Some(message.to_string()))
    }

    fn command(&mut self, command: &ProviderCommand) -> Result<Option<String>> {
        use ProviderCommand as C;
        Ok(match command {
            C::Configure => Some(self.initiation.to_string()),
            C::CreateText { item, role, text, .. } => {
                let parts = vec![ItemPart { audio: false, text: text.clone() }];
                self.confirm(item, ItemKind::Message { role: *role, parts });
                match (&mut self.history, role) {
                    (Some(history), _) => {
                        let who = match role {
                            Role::User => "User: ",
                            Role::Assistant => "You: ",
                            _ => "",
                        };
                        history.push(format!("{who}{text}"));
                        if *role == Role::User {
                            self.unsaid = vec![text.clone()];
                        } else if *role == Role::Assistant {
                            self.unsaid.clear();
                        }
                        None
                    }
                    (None, Role::User) => {
                        if std::mem::take(&mut self.past) {
                            // It was a part of what was told, and nobody asked for its answer.
                            self.unsaid.clear();
                        }
                        self.unsaid.push(text.clone());
                        None
                    }
                    (None, _) => Some(context(text)),
                }
            }
            C::CreateCall { item, call, name, arguments, .. } => {
                let (call, name_, arguments_) = (call.clone(), name.clone(), arguments.clone());
                self.confirm(item, ItemKind::FunctionCall { call, name: name_, arguments: arguments_ });
                self.told(format!("[You called {name} with {arguments}.]"))
            }
            C::ToolOutput { item, call, output, is_error, .. } => {
                self.confirm(item, ItemKind::FunctionOutput { call: call.clone(), output: output.clone() });
                if self.replies.expects_nothing(call) {
                    return Ok(None);
                }
                if !self.replies.take_call(call) {
                    return Ok(self.told(format!("[The result was: {output}]")));
                }
                let (kind, id) = ("client_tool_result", call.as_str());
                Some(json!({"type": kind, "tool_call_id": id, "result": output, "is_error": is_error}).to_string())
            }
            C::Told => {
                self.past = true;
                let history = self.history.take().filter(|lines| !lines.is_empty());
                history.map(|lines| context(&format!("The conversation so far:\n{}", lines.join("\n"))))
            }
            C::CreateResponse { request, options } => {
                if **options != ResponseOptions::default() {
                    let text = "the agent takes no options for a single response";
                    return Err(unsupported("options", text, "leave them out"));
                }
                self.ask(request)?
            }
            C::Say { .. } => {
                let text = "the agent cannot be told what to say";
                return Err(unsupported("text", text, "set `greeting` for its first words, or send_text"));
            }
            C::VideoFrame { .. } => return Err(unsupported("image", "agents see no video", "describe it")),
            C::CreateImage { item, text, picture, .. } => {
                let Picture::Uploaded(file) = picture else {
                    // Of an earlier conversation: the files of that are none of this one.
                    return Err(unsupported("image", "the agent takes pictures as files", "send it again"));
                };
                let parts = vec![ItemPart { audio: false, text: text.clone().unwrap_or_default() }];
                self.confirm(item, ItemKind::Message { role: Role::User, parts });
                self.unsaid.extend(text.clone());
                self.files.push(file.clone());
                None
            }
            C::Update { .. } => {
                return Err(unsupported(
                    "changes",
                    "an agent is what it was when the conversation began",
                    "connect anew",
                ));
            }
            C::CancelResponse { .. } => {
                self.replies.cancel(&mut self.echoes);
                self.silenced();
                None
            }
            // It says itself what was heard, and keeps what it said.
            C::Truncate { .. } | C::ClearOutput => None,
            C::DeleteItem { item } => {
                self.echoes.push(ProviderEvent::ItemDeleted { item: item.clone() });
                None
            }
            C::RetrieveItem { .. } => {
                return Err(unsupported("item", "the service shows nothing of its conversation", "use messages()"));
            }
            // The agent hears silence and decides.
            C::CommitInput | C::InputEnds => None,
            C::StillHere => Some(json!({"type": "user_activity"}).to_string()),
            C::ClearInput => {
                self.echoes.push(ProviderEvent::InputCleared);
                None
            }
            C::Raw(json) => Some(raw_object(json, r#"{"type":"user_activity"}"#)?),
        })
    }

    /// Something of an earlier connection.
    fn told(&mut self, line: String) -> Option<String> {
        match &mut self.history {
            Some(history) => {
                history.push(line);
                None
            }
            None => Some(context(&line)),
        }
    }
}

/// What the agent takes note of and does not answer.
fn context(text: &str) -> String {
    json!({"type": "contextual_update", "text": text}).to_string()
}

fn capabilities(config: &Config) -> Capabilities {
    Capabilities {
        provider: "elevenlabs".into(),
        model: config.model.clone().unwrap_or_default(),
        // Agents are the account's own.
        model_known: true,
        transports: vec![TransportKind::Websocket],
        credentials: vec!["api_key".into(), "signed_url".into()],
        input_rate: INPUT_RATE,
        output_rate: OUTPUT_RATE,
        turn_modes: vec![VadMode::Server],
        text_in: Some(true),
        text_out: Some(true),
        image_in: Some(true),
        video_in: Some(false),
        images: Some(Images { mime_types: PICTURES.map(Cow::from).to_vec(), max_bytes: MAX_IMAGE as u64, urls: false }),
        silent_context: Some(true),
        say: None,
        out_of_band: Some(false),
        tools: Some(true),
        parallel_tools: Some(false),
        tool_scheduling: vec!["wait".into()],
        reasoning: Some(false),
        updates: vec!["tools".into(), "tool_handling".into()],
        cancel: Some(false),
        truncate: Some(false),
        user_transcription: Some(true),
        // Of its cost nothing is on the wire.
        usage: Some(false),
        voices: Vec::new(),
        // After a minute without a word of the user the agent hangs up.
        idle_audio: Some(IdleAudio::Continuous),
        reconnect: Some(Reconnect::New),
        max_session_s: None,
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
        self.initiation.clone()
    }

    fn quirks(&self) -> Quirks {
        Quirks {
            speaks_first: true,
            answers_results: true,
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
