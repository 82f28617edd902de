//! Gemini Live, `BidiGenerateContent` (protocols reference `gemini-live`).
//!
//! The service confirms nothing, numbers nothing and begins to answer by itself. What the session is told all the same is
//! made in `turns`; what was sent is confirmed here, by [`Codec::echo`].

mod dial;
pub mod legality;
pub(super) mod minting;
pub mod models;
mod server_message;
mod setup;
#[cfg(test)]
mod tests;
mod turns;

use super::{
    Codec, DecodeError, DialRequest, ErrorKind, Frame, ItemKind, ItemPart, ProviderCommand, ProviderError,
    ProviderEvent, SessionInfo,
    wire::{audio_frame, check_depth, raw_object, whole_characters},
};
use crate::{
    capabilities::{Capabilities, Images, Reconnect, Say, TransportKind},
    config::{Config, VadMode},
    error::{Error, ErrorClass, Result},
    message::{ItemId, Role},
    request::{MAX_IMAGE, Picture, ResponseOptions},
};
use models::{Content, Model, Thinking};
use serde_json::{Value, json};
use server_message::{ServerMessage, millis};
use turns::Turns;

pub use dial::dial_with;

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
    /// Audio that was sent, frames.
    sent: u64,
}

impl Gemini {
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
            sent: 0,
        })
    }

    fn sent_ms(&self) -> u64 {
        self.sent * 1000 / u64::from(INPUT_RATE)
    }

    fn confirm(&mut self, item: &ItemId, role: Role, text: &str) {
        let parts = vec![ItemPart { audio: false, text: text.to_owned() }];
        Turns::confirmed(item.clone(), ItemKind::Message { role, parts }, &mut self.echoes);
    }

    /// One more entry of the conversation, without asking for an answer.
    fn content(&mut self, role: Role, parts: Value) -> Option<String> {
        self.turns.told();
        let role = if role == Role::Assistant { "model" } else { "user" };
        let turns = json!([{"role": role, "parts": parts}]);
        Some(json!({"clientContent": {"turns": turns, "turnComplete": false}}).to_string())
    }

    /// The model is to answer; `last`: these words as well.
    fn ask(&mut self, request: &str, last: Option<&str>) -> Option<String> {
        self.turns.asked(request.to_owned());
        if self.model.content == Content::AtFirst {
            let words: Vec<_> = self.unsaid.drain(..).chain(last.map(str::to_owned)).collect();
            // With nothing to say there is no way to ask; a space is the least that is one.
            let text = if words.is_empty() { " ".to_owned() } else { words.join("\n") };
            return Some(json!({"realtimeInput": {"text": text}}).to_string());
        }
        let mut content = json!({"turnComplete": true});
        if let Some(text) = last {
            content["turns"] = json!([{"role": "user", "parts": [{"text": text}]}]);
        }
        Some(json!({"clientContent": content}).to_string())
    }

    fn message(&mut self, text: &str, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        check_depth(text)?;
        // A list would be taken for the fields in their order.
        if !text.trim_start().starts_with('{') {
            return Err(DecodeError::Json("not an object".into()));
        }
        let message: ServerMessage<'_> = serde_json::from_str(text).map_err(|e| DecodeError::Json(e.to_string()))?;
        let (before, audio_ms) = (events.len(), self.sent_ms());
        if message.setup_complete.is_some() {
            events.push(ProviderEvent::SessionUpdated(Box::new(self.info())));
        }
        if let Some(activity) = message.voice_activity {
            let at = activity.audio_offset.as_deref().and_then(millis).unwrap_or(audio_ms);
            match activity.kind.as_str() {
                "ACTIVITY_START" => self.turns.user_begins(at, events),
                "ACTIVITY_END" => self.turns.user_ends(at, events),
                _ => {}
            }
        }
        // In the same message as the end of the turn it belongs to.
        if let Some(usage) = &message.usage_metadata {
            self.turns.usage(usage);
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
    let always = model.content == Content::Always;
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
        images: always.then(|| Images {
            mime_types: names(&["image/png", "image/jpeg", "image/webp"]),
            max_bytes: MAX_IMAGE as u64,
            urls: false,
        }),
        silent_context: Some(always),
        say: Some(Say::Instructed),
        out_of_band: Some(false),
        tools: Some(true),
        parallel_tools: Some(false),
        reasoning: Some(model.thinking != Thinking::None),
        updates: names(if model.context_update {
            &["instructions", "tools", "tool_handling"]
        } else {
            &["tool_handling"]
        }),
        // Only speaking, or a turn by hand, stops the model; what it says after an interruption is not listened to.
        cancel: Some(false),
        truncate: Some(false),
        user_transcription: Some(config.transcription.is_some()),
        voices: names(models::VOICES),
        reconnect: Some(if always { Reconnect::Replay } else { Reconnect::New }),
        max_session_s: None,
    }
}

fn unsupported(field: &'static str, message: &str, fix: &str) -> Error {
    Error::new(ErrorClass::Unsupported, "unsupported_option", message.to_owned()).field(field).fix(fix.to_owned())
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
        let mut change = json!({});
        if old.instructions != new.instructions {
            change["systemInstruction"] = setup::instructions(new.instructions.as_deref().unwrap_or_default());
        }
        if old.tools != new.tools {
            // Absent would leave them as they are.
            change["tools"] = json!({"tools": if new.tools.is_empty() { json!([]) } else { setup::tools(new) }});
        }
        Ok(change)
    }

    fn configure(&mut self, config: &Config) -> Result<()> {
        self.setup = setup::setup(config);
        self.capabilities.user_transcription = Some(config.transcription.is_some());
        self.turns.transcribes(config.transcription.is_some());
        Ok(())
    }

    fn speaks_first(&self) -> bool {
        true
    }

    fn answers_results(&self) -> bool {
        true
    }

    fn encode(&mut self, command: &ProviderCommand, _event_id: &str) -> Result<Option<String>> {
        use ProviderCommand as C;
        Ok(match command {
            C::Configure => Some(json!({"setup": self.setup}).to_string()),
            C::CreateText { item, role, text, .. } => {
                if self.model.content == Content::AtFirst && *role != Role::User {
                    return Err(unsupported("text", "this model takes no words it does not answer", "use send_text"));
                }
                self.confirm(item, *role, text);
                if self.model.content == Content::AtFirst {
                    self.unsaid.push(text.clone());
                    None
                } else {
                    self.content(*role, json!([{"text": text}]))
                }
            }
            C::CreateImage { item, text, picture, .. } => {
                let Picture::Data { mime_type, base64 } = picture else {
                    let text = "the service fetches no pictures";
                    return Err(unsupported("image", text, "fetch it and give its bytes"));
                };
                self.confirm(item, Role::User, text.as_deref().unwrap_or_default());
                let picture = json!({"inlineData": {"mimeType": mime_type, "data": base64}});
                let words = text.iter().map(|text| json!({"text": text}));
                self.content(Role::User, std::iter::once(picture).chain(words).collect())
            }
            C::Update { patch } => {
                self.echoes.push(ProviderEvent::SessionUpdated(Box::new(self.info())));
                let changes = patch.as_object().is_some_and(|patch| !patch.is_empty());
                changes.then(|| json!({"contextUpdate": patch}).to_string())
            }
            C::ToolOutput { item, call, output, .. } => {
                let kind = ItemKind::FunctionOutput { call: call.clone(), output: output.clone() };
                Turns::confirmed(item.clone(), kind, &mut self.echoes);
                let value: Value = serde_json::from_str(output).unwrap_or_else(|_| output.as_str().into());
                match self.turns.take_call(call) {
                    Some(made) => {
                        let failed = value.as_object().is_some_and(|o| o.len() == 1 && o.contains_key("error"));
                        let response = if failed { value } else { json!({"output": value}) };
                        let mut answer = json!({"name": made.name, "response": response});
                        if made.theirs {
                            answer["id"] = made.id.as_str().into();
                        }
                        self.turns.told();
                        Some(json!({"toolResponse": {"functionResponses": [answer]}}).to_string())
                    }
                    // Taken back meanwhile.
                    None if self.model.content == Content::AtFirst => None,
                    // Of an earlier connection: told as a part of what was.
                    None => self.content(Role::User, json!([{"text": format!("[The result was: {output}]")}])),
                }
            }
            C::CreateCall { item, call, name, arguments, .. } => {
                let kind =
                    ItemKind::FunctionCall { call: call.clone(), name: name.clone(), arguments: arguments.clone() };
                Turns::confirmed(item.clone(), kind, &mut self.echoes);
                self.content(Role::Assistant, json!([{"text": format!("[I called {name} with {arguments}.]")}]))
            }
            C::CreateResponse { request, options } => {
                if **options != ResponseOptions::default() {
                    let text = "the service takes no options for a single response";
                    return Err(unsupported("options", text, "leave them out, or update the session"));
                }
                if std::mem::take(&mut self.answers) {
                    self.turns.asked(request.clone());
                    None
                } else {
                    self.ask(request, None)
                }
            }
            C::Say { request, text } => {
                let order = format!("Say exactly the following, word for word, and nothing else:\n{text}");
                self.ask(request, Some(&order))
            }
            C::CancelResponse { .. } => {
                self.turns.cancel(&mut self.echoes);
                None
            }
            // The service keeps what it sent, whatever was heard of it.
            C::Truncate { .. } | C::ClearOutput => None,
            C::DeleteItem { item } => {
                self.echoes.push(ProviderEvent::ItemDeleted { item: item.clone() });
                None
            }
            C::RetrieveItem { .. } => {
                return Err(unsupported("item", "the service shows nothing of its conversation", "use messages()"));
            }
            C::CommitInput => {
                let audio_ms = self.sent_ms();
                self.turns.commit(audio_ms, &mut self.echoes);
                self.answers = true;
                if self.manual {
                    let open = std::mem::take(&mut self.active);
                    open.then(|| json!({"realtimeInput": {"activityEnd": {}}}).to_string())
                } else {
                    Some(json!({"realtimeInput": {"audioStreamEnd": true}}).to_string())
                }
            }
            C::ClearInput => {
                self.echoes.push(ProviderEvent::InputCleared);
                None
            }
            C::Raw(json) => Some(raw_object(json, r#"{"realtimeInput":{"text":"hello"}}"#)?),
        })
    }

    fn before_audio(&mut self) -> Option<String> {
        // What comes before it is thrown away.
        let begins = self.manual && !std::mem::replace(&mut self.active, true);
        begins.then(|| json!({"realtimeInput": {"activityStart": {}}}).to_string())
    }

    fn encode_audio(&mut self, pcm: &[i16]) -> String {
        self.sent += pcm.len() as u64;
        audio_frame(AUDIO_HEAD, pcm, b"\"}}}")
    }

    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let text = frame.text().ok_or(DecodeError::Binary)?;
        let before = events.len();
        let decoded = match self.message(text, events) {
            Err(error) => match whole_characters(text) {
                Some(text) => {
                    events.truncate(before);
                    self.message(&text, events)
                }
                None => Err(error),
            },
            done => done,
        };
        decoded.inspect_err(|_| events.truncate(before))
    }

    fn echo(&mut self, events: &mut Vec<ProviderEvent>) {
        events.append(&mut self.echoes);
    }

    fn classify(&self, error: &ProviderError) -> ErrorKind {
        match error.code.as_str() {
            "UNAUTHENTICATED" | "PERMISSION_DENIED" | "NOT_FOUND" | "FAILED_PRECONDITION" => ErrorKind::Fatal,
            _ => ErrorKind::Request,
        }
    }

    fn reset(&mut self) {
        self.turns = self.turns.another();
        (self.active, self.answers, self.sent) = (false, false, 0);
        self.echoes.clear();
        self.unsaid.clear();
    }

    fn another(&self) -> Box<dyn Codec> {
        Box::new(Self {
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
            sent: 0,
        })
    }
}

/// One frame of every client message this codec can emit, for checking against the vendor's types.
#[doc(hidden)]
pub fn sample_client_events(config: &Config) -> Result<Vec<String>> {
    let mut codec = Gemini::new(config)?;
    let text =
        |role, text: &str| ProviderCommand::CreateText { item: "i".into(), role, text: text.into(), previous: None };
    let picture = Picture::Data { mime_type: "image/png".into(), base64: "iVBORw0KGgo=".into() };
    let mut frames = vec![codec.encode(&ProviderCommand::Configure, "e")?];
    frames.push(codec.before_audio());
    frames.push(Some(codec.encode_audio(&[0, 1, -1, i16::MAX, i16::MIN])));
    let call = r#"{"toolCall":{"functionCalls":[{"id":"c1","name":"clock","args":{}}]}}"#;
    let _ = codec.decode(&Frame::Binary(call.as_bytes().into()), &mut Vec::new());
    for command in [
        ProviderCommand::CommitInput,
        text(Role::User, "hello"),
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
        ProviderCommand::Say { request: "r".into(), text: "Hello!".into() },
        ProviderCommand::ToolOutput {
            item: "i".into(),
            call: "c1".into(),
            output: "{\"ok\":true}".into(),
            previous: None,
        },
    ] {
        frames.push(codec.encode(&command, "e")?);
    }
    if codec.model.content == Content::Always {
        for command in [
            text(Role::Assistant, "hi"),
            text(Role::System, "be brief"),
            ProviderCommand::CreateImage { item: "i".into(), text: Some("what?".into()), picture, detail: None },
            ProviderCommand::CreateCall {
                item: "i".into(),
                call: "c2".into(),
                name: "clock".into(),
                arguments: "{}".into(),
                previous: None,
            },
        ] {
            frames.push(codec.encode(&command, "e")?);
        }
    }
    if codec.model.context_update {
        let other = Config { instructions: Some("Be kind.".into()), tools: Vec::new(), ..config.clone() };
        let patch = codec.update(config, &other)?;
        frames.push(codec.encode(&ProviderCommand::Update { patch }, "e")?);
    }
    Ok(frames.into_iter().flatten().collect())
}
