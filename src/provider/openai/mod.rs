//! The OpenAI Realtime dialect (GA names only) for OpenAI and the hosts that speak it.
//!
//! Facts come from the protocols reference; where a host differs, [`profile`] says so and nothing
//! else does.

mod abilities;
pub mod catalogue;
mod client_event;
pub mod credential;
mod decode;
mod grok;
pub mod legality;
mod memory;
pub(crate) mod minting;
pub mod names;
pub mod profile;
mod server_event;
mod session_object;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hosts;
pub mod update;

use super::{
    Codec, DecodeError, DialRequest, ErrorKind, Frame, ProviderCommand, ProviderError, ProviderEvent, Quirks,
    address::{base_url, not_a_base},
    wire::raw_object,
};
use crate::{
    capabilities::Capabilities,
    config::Config,
    error::{Error, ErrorClass, Result},
    message::Role,
    request::{ImageDetail, Picture, ResponseOptions},
};
use client_event::{ClientEvent, Kind, NewItem, NewPart, ResponseParams, wire_call};
use memory::Memory;
use profile::{ALREADY_ACTIVE, ALREADY_ACTIVE_TEXT, BENIGN, BENIGN_TEXT, FATAL, Profile, SESSION_OVER};
use serde_json::{Value, value::RawValue};

/// The codec.
pub struct OpenAi {
    capabilities: Capabilities,
    dial: DialRequest,
    /// The session object, as text.
    wish: Box<RawValue>,
    stream: decode::Stream,
    profile: &'static Profile,
    memory: Memory,
}

impl OpenAi {
    /// The codec for a checked configuration.
    ///
    /// # Errors
    /// `unknown_provider`, or a `base_url` that is no URL.
    pub fn new(config: &Config) -> Result<Self> {
        let profile = profile_of(config)?;
        let model = config.model.as_deref().or(profile.model).unwrap_or_default().to_owned();
        let capabilities = abilities::capabilities(config, profile, &model);
        let dial = dial_request(config, profile, None, None)?;
        let wish = raw(&session_object::session_object(config, profile))?;
        Ok(Self { capabilities, dial, wish, stream: decode::Stream::default(), profile, memory: Memory::default() })
    }

    /// One frame of every client event this codec can emit, for checking against the vendor's types.
    #[doc(hidden)]
    pub fn sample_client_events(config: &Config) -> Result<Vec<String>> {
        let mut codec = Self::new(config)?;
        let item = || "item_1".into();
        let text =
            |role, text: &str| ProviderCommand::CreateText { item: item(), role, text: text.into(), previous: None };
        let request = || "req_1".to_owned();
        let commands = [
            ProviderCommand::Configure,
            text(Role::User, "hello"),
            text(Role::System, "be brief"),
            ProviderCommand::CreateText {
                item: item(),
                role: Role::Assistant,
                text: "hi".into(),
                previous: Some("root".into()),
            },
            ProviderCommand::ToolOutput {
                item: item(),
                call: "call_1".into(),
                output: "{\"ok\":true}".into(),
                is_error: false,
                scheduling: crate::config::Scheduling::Wait,
                previous: None,
            },
            ProviderCommand::CreateCall {
                item: item(),
                call: "call_1".into(),
                name: "clock".into(),
                arguments: "{}".into(),
                previous: Some("root".into()),
            },
            ProviderCommand::CreateResponse { request: request(), options: Box::default() },
            ProviderCommand::CreateResponse { request: request(), options: Box::new(sample_options(false)) },
            ProviderCommand::CreateResponse { request: request(), options: Box::new(sample_options(true)) },
            ProviderCommand::Say { request: request(), text: "Hello!".into() },
            ProviderCommand::CreateImage {
                item: item(),
                text: Some("what is this?".into()),
                picture: Picture::Data { mime_type: "image/png".into(), base64: "iVBORw0KGgo=".into() },
                detail: Some(ImageDetail::Low),
            },
            ProviderCommand::CancelResponse { response: None },
            ProviderCommand::CancelResponse { response: Some("resp_1".into()) },
            ProviderCommand::Truncate { item: item(), part: 0, audio_end_ms: 1200 },
            ProviderCommand::DeleteItem { item: item() },
            ProviderCommand::RetrieveItem { item: item() },
            ProviderCommand::CommitInput,
            ProviderCommand::ClearInput,
            ProviderCommand::ClearOutput,
        ];
        let frames = commands.iter().map(|c| codec.encode(c, "evt_1")).collect::<Result<Vec<_>>>()?;
        let mut frames: Vec<String> = frames.into_iter().flatten().collect();
        frames.push(codec.encode_audio(&[0, 1, -1, i16::MAX, i16::MIN]));
        Ok(frames)
    }
}

fn profile_of(config: &Config) -> Result<&'static Profile> {
    profile::find(&config.provider).ok_or_else(|| {
        Error::new(ErrorClass::Unsupported, "unknown_provider", "not an OpenAI dialect").field("provider")
    })
}

/// What to dial; `base_url` and `model` replace those of the configuration.
fn dial_request(
    config: &Config,
    profile: &Profile,
    base_url: Option<&str>,
    model: Option<&str>,
) -> Result<DialRequest> {
    let needed = |field: &str, message: String, fix: String| Err(crate::config::invalid(field, message).fix(fix));
    let Some(base_url) = base_url.or(config.base_url.as_deref()).or(profile.base_url) else {
        let message = format!("{} is many servers: one has to be named", profile.provider);
        return needed("base_url", message, format!("write it like {}", profile.base_url_example));
    };
    let model = model.or(config.model.as_deref()).or(profile.model);
    if model.is_none() && profile.model_required {
        let message = format!("{} has no default: the name of your deployment is needed", profile.provider);
        return needed("model", message, "set it to the deployment's name".into());
    }
    Ok(DialRequest {
        url: url(base_url, profile, model)?,
        transport: if profile.calls { config.transport } else { crate::config::TransportChoice::Websocket },
        auth: config.auth,
        key_header: profile.key_header.map(str::to_owned),
        subprotocols: profile.subprotocol.iter().map(|&name| name.to_owned()).collect(),
        credential_subprotocol: profile.key_subprotocol.to_owned(),
        token_scheme: None,
        signed_at: None,
    })
}

fn frame(event_id: &str, kind: Kind<'_>) -> Result<String> {
    serde_json::to_string(&ClientEvent { event_id, kind })
        .map_err(|e| Error::new(ErrorClass::Internal, "encode_failed", e.to_string()))
}

/// xAI's requests for a response say how it shall be answered and nothing else (its reference §4).
fn check_plain(options: &ResponseOptions) -> Result<()> {
    let ResponseOptions { output_modality, voice, tools, tool_choice, max_output_tokens, out_of_band, input, .. } =
        options;
    let text = *output_modality == Some(crate::config::Modality::Text);
    for (field, set) in [
        ("out_of_band", *out_of_band),
        ("output_modality", text),
        ("voice", voice.is_some()),
        ("tools", tools.is_some()),
        ("tool_choice", tool_choice.is_some()),
        ("max_output_tokens", max_output_tokens.is_some()),
        ("input", input.is_some()),
    ] {
        if set {
            let error =
                Error::new(ErrorClass::Unsupported, "unsupported_option", "one response has no such option here");
            return Err(error.field(format!("options.{field}")).fix("leave it out; instructions can be given"));
        }
    }
    Ok(())
}

fn raw(value: &Value) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|e| Error::new(ErrorClass::Internal, "encode_failed", e.to_string()))
}

/// Every option at once, as far as they can be together.
fn sample_options(out_of_band: bool) -> ResponseOptions {
    let tool = crate::config::Tool { name: "clock".into(), ..Default::default() };
    let input = r#"[{"item":"item_1"},{"role":"user","text":"hi"},{"role":"assistant","text":"yes"}]"#;
    ResponseOptions {
        instructions: Some("say hello".into()),
        replace_instructions: true,
        output_modality: Some(crate::config::Modality::Text),
        voice: Some("cedar".into()),
        tools: Some(if out_of_band { vec![] } else { vec![tool] }),
        tool_choice: (!out_of_band).then_some(crate::config::ToolChoice::Required),
        max_output_tokens: Some(100),
        metadata: std::collections::BTreeMap::from([("purpose".into(), "classify".into())]),
        out_of_band,
        audible: false,
        input: serde_json::from_str(input).ok(),
    }
}

/// The vendor takes PNG and JPEG inside the event and nothing else (reference §3).
fn image_url(picture: &Picture) -> Result<String> {
    let refused = |code: &'static str, message: String, fix: &str| {
        Err(Error::new(ErrorClass::Unsupported, code, message).field("image").fix(fix))
    };
    match picture {
        Picture::Data { mime_type, base64 } if ["image/png", "image/jpeg"].contains(&mime_type.as_str()) => {
            Ok(format!("data:{mime_type};base64,{base64}"))
        }
        Picture::Data { mime_type, .. } => {
            refused("image_type", format!("the service takes no {mime_type}"), "convert it to PNG or JPEG")
        }
        Picture::Elsewhere(_) | Picture::Uploaded(_) => {
            let text = "the service fetches no pictures".to_owned();
            refused("image_url", text, "fetch it and give its bytes")
        }
    }
}

/// Base URL + path + model, keeping a path prefix and a query of the base.
fn url(base: &str, profile: &Profile, model: Option<&str>) -> Result<String> {
    let like = profile.base_url_example;
    let (mut url, wrong) = (base_url(base, like)?, |why: &str| not_a_base(base, like, why));
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| ["model", "call_id", "intent"].contains(&name.as_ref()))
    {
        let text =
            format!("already says {name:?} in its query, and exactly one of model, call_id and intent is allowed");
        return Err(wrong(&text).fix("take it out of the URL and set model"));
    }
    // People also paste the URL a vendor or `duologue simulate` shows for the WebSocket itself.
    let base_path = url.path().trim_end_matches('/');
    let base_path = base_path.strip_suffix("/realtime").unwrap_or(base_path);
    let above = profile.path.strip_suffix("/realtime").map(|above| format!("/{above}"));
    let base_path = above.and_then(|above| base_path.strip_suffix(&above)).unwrap_or(base_path);
    let path = format!("{base_path}/{}", profile.path);
    url.set_path(&path);
    if let Some(model) = model {
        url.query_pairs_mut().append_pair(profile.model_query, model);
    }
    Ok(url.into())
}

impl Codec for OpenAi {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dial(&self) -> &DialRequest {
        &self.dial
    }

    fn wish(&self) -> Value {
        serde_json::from_str(self.wish.get()).unwrap_or_default()
    }

    fn update(&self, old: &Config, new: &Config) -> Result<Value> {
        update::sparse_update(old, new, profile_of(new)?)
    }

    fn configure(&mut self, config: &Config) -> Result<()> {
        let wish = raw(&session_object::session_object(config, profile_of(config)?))?;
        self.wish = wish;
        self.capabilities.user_transcription = Some(config.transcription.is_some());
        Ok(())
    }

    fn quirks(&self) -> Quirks {
        let grok = self.profile.grok;
        Quirks { commit_answers: grok, commit_by_hand_only: grok, loses_ends: grok, ..Quirks::default() }
    }

    fn encode(&mut self, command: &ProviderCommand, event_id: &str) -> Result<Option<String>> {
        let grok = self.profile.grok;
        let kind = match command {
            ProviderCommand::Configure => Kind::SessionUpdate { session: &self.wish },
            ProviderCommand::CreateText { item, role, text, previous } => {
                // A system message in mid-session is not obeyed by xAI, words of the user with a mark are (its §4).
                let marked = (grok && *role == Role::System).then(|| format!("<context>\n{text}\n</context>"));
                let text: &str = marked.as_ref().unwrap_or(text);
                let role = if grok && *role == Role::System { &Role::User } else { role };
                // Assistant history must be `output_text`; audio cannot be created (reference §3).
                let (role, part) = match role {
                    Role::User => ("user", NewPart::InputText { text }),
                    Role::System => ("system", NewPart::InputText { text }),
                    Role::Assistant => ("assistant", NewPart::OutputText { text }),
                };
                let item = NewItem::Message { id: item.as_str(), role, content: vec![part] };
                let kind = Kind::ItemCreate { previous_item_id: previous.as_ref().map(|p| p.as_str()), item };
                return frame(event_id, kind).map(Some);
            }
            ProviderCommand::ToolOutput { item, call, output, previous, .. } => Kind::ItemCreate {
                previous_item_id: previous.as_ref().map(|p| p.as_str()),
                item: NewItem::FunctionCallOutput { id: item.as_str(), call_id: &wire_call(call.as_str()), output },
            },
            ProviderCommand::CreateCall { item, call, name, arguments, previous } => Kind::ItemCreate {
                previous_item_id: previous.as_ref().map(|p| p.as_str()),
                item: NewItem::FunctionCall { id: item.as_str(), call_id: &wire_call(call.as_str()), name, arguments },
            },
            ProviderCommand::CreateImage { .. } if grok => {
                let error = Error::new(ErrorClass::Unsupported, "unsupported_option", "the service sees no pictures");
                return Err(error.field("image").fix("describe it in words"));
            }
            ProviderCommand::CreateImage { item, text, picture, detail } => {
                let words = text.iter().map(|text| NewPart::InputText { text });
                let image = NewPart::InputImage { image_url: image_url(picture)?, detail: *detail };
                let item = NewItem::Message {
                    id: item.as_str(),
                    role: "user",
                    content: words.chain(std::iter::once(image)).collect(),
                };
                Kind::ItemCreate { previous_item_id: None, item }
            }
            ProviderCommand::VideoFrame { .. } => {
                let error = Error::new(ErrorClass::Unsupported, "video", "the service sees no video");
                return Err(error.field("image").fix("send single pictures"));
            }
            ProviderCommand::Update { patch } => Kind::SessionChange { session: patch },
            ProviderCommand::CreateResponse { request, options } => {
                if grok {
                    check_plain(options)?;
                }
                Kind::ResponseCreate { response: ResponseParams::with(request, options, self.profile) }
            }
            ProviderCommand::Say { request, text } if grok => {
                // Its response carries no word of the request, so the oldest one is taken to be it.
                self.memory.said(event_id, request);
                let item = NewItem::ForceMessage { role: "assistant", content: vec![NewPart::OutputText { text }] };
                Kind::ItemCreate { previous_item_id: None, item }
            }
            ProviderCommand::Say { request, text } => {
                Kind::ResponseCreate { response: ResponseParams::say(request, text) }
            }
            ProviderCommand::CancelResponse { response } => {
                Kind::ResponseCancel { response_id: response.as_ref().map(|r| r.as_str()) }
            }
            ProviderCommand::Truncate { item, part, audio_end_ms } => {
                Kind::ItemTruncate { item_id: item.as_str(), content_index: *part, audio_end_ms: *audio_end_ms }
            }
            ProviderCommand::DeleteItem { item } => {
                self.memory.deletes(event_id, item);
                Kind::ItemDelete { item_id: item.as_str() }
            }
            ProviderCommand::RetrieveItem { item } => Kind::ItemRetrieve { item_id: item.as_str() },
            ProviderCommand::Told
            | ProviderCommand::InputEnds
            | ProviderCommand::StillHere
            | ProviderCommand::Unasked => return Ok(None),
            ProviderCommand::Feedback { .. } => {
                return Err(super::wire::unsupported("feedback", "the service takes none", "keep it yourself"));
            }
            ProviderCommand::CommitInput => Kind::Commit,
            ProviderCommand::ClearInput => Kind::Clear,
            ProviderCommand::ClearOutput => Kind::OutputClear,
            ProviderCommand::Raw(json) => {
                return raw_object(json, r#"{"type":"input_audio_buffer.clear"}"#).map(Some);
            }
        };
        frame(event_id, kind).map(Some)
    }

    fn encode_audio(&mut self, pcm: &[i16]) -> String {
        client_event::append(pcm)
    }

    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<ProviderEvent>) -> Result<(), DecodeError> {
        let Frame::Text(text) = frame else { return Err(DecodeError::Binary) };
        let event = decode::decode(text, &mut self.stream, self.profile, &self.memory)?;
        // Compared with what was asked for: the same voice comes back under another name.
        let wish = match &event {
            ProviderEvent::SessionCreated(_) | ProviderEvent::SessionUpdated(_) if self.profile.grok => self.wish(),
            _ => Value::Null,
        };
        let event = self.memory.completed(event, &wish, &self.capabilities.model, self.profile);
        events.push(event);
        Ok(())
    }

    fn classify(&self, error: &ProviderError) -> ErrorKind {
        let code = error.code.as_str();
        if code == ALREADY_ACTIVE || error.message.contains(ALREADY_ACTIVE_TEXT) {
            ErrorKind::AlreadyActive
        } else if BENIGN.contains(&code)
            || error.message.contains(BENIGN_TEXT)
            || error.message.contains("already shorter than")
        {
            // A truncate past the end leaves the item as it is: the outcome we asked for.
            ErrorKind::Benign
        } else if code == SESSION_OVER {
            ErrorKind::SessionOver
        } else if FATAL.contains(&code) {
            ErrorKind::Fatal
        } else {
            ErrorKind::Request
        }
    }

    fn reset(&mut self) {
        self.stream = decode::Stream::default();
        self.memory = Memory::default();
    }

    fn another(&self) -> Box<dyn Codec> {
        Box::new(Self {
            capabilities: self.capabilities.clone(),
            dial: self.dial.clone(),
            wish: self.wish.clone(),
            stream: decode::Stream::default(),
            profile: self.profile,
            memory: Memory::default(),
        })
    }
}
