//! What is sent for each command of a session (protocols reference §3).

use super::{Gemini, NOISE_ENOUGH, QUIET_ENOUGH, models::Content, server_message::FunctionCall, setup};
use crate::{
    config::Scheduling,
    error::{Error, ErrorClass, Result},
    message::{ItemId, Role},
    provider::{
        ItemKind, ItemPart, ProviderCommand, ProviderEvent,
        wire::{confirmed, raw_object, unsupported},
    },
    request::{Picture, ResponseOptions},
};
use serde_json::{Value, json};

/// Characters that go into the conversation at once: what others found the service to take (protocols reference §7).
const MAX_WORDS: usize = 32_000;

/// Kinds of pictures the service sees, and of frames of a video (protocols reference §3.3, §5).
pub(super) const PICTURES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
const FRAMES: [&str; 1] = ["image/jpeg"];

/// Words that wait; more are told at once.
const MAX_LATER: usize = 256;

/// The answer to a call whose response nobody wants any more: the model waits for one.
pub(super) fn not_wanted(call: FunctionCall) -> String {
    let mut answer = json!({"name": call.name, "response": {"error": "the user cut the assistant off"}});
    if let Some(id) = call.id.filter(|id| !id.is_empty()) {
        answer["id"] = id.into();
    }
    json!({"toolResponse": {"functionResponses": [answer]}}).to_string()
}

fn bytes<'a>(picture: &'a Picture, kinds: &[&str]) -> Result<(&'a str, &'a str)> {
    let refused = |code: &'static str, message: String, fix: String| {
        Err(Error::new(ErrorClass::Unsupported, code, message).field("image").fix(fix))
    };
    match picture {
        Picture::Data { mime_type, base64 } if kinds.contains(&mime_type.as_str()) => Ok((mime_type, base64)),
        Picture::Data { mime_type, .. } => {
            let fix = format!("convert it to {}", kinds.join(" or "));
            refused("image_type", format!("the service takes no {mime_type} there"), fix)
        }
        Picture::Elsewhere(_) | Picture::Uploaded(_) => {
            refused("image_url", "the service fetches no pictures".into(), "fetch it and give its bytes".into())
        }
    }
}

impl Gemini {
    /// Words as the service takes them.
    fn words(field: &'static str, text: &str) -> Result<String> {
        if text.chars().count() > MAX_WORDS {
            let message = format!("the service takes {MAX_WORDS} characters at once");
            return Err(Error::new(ErrorClass::Limit, "too_long", message).field(field).fix("send less, or in parts"));
        }
        Ok(setup::plain(text))
    }

    fn confirm(&mut self, item: &ItemId, role: Role, text: &str) {
        let parts = vec![ItemPart { audio: false, text: text.to_owned() }];
        self.echoes.extend(confirmed(item.clone(), ItemKind::Message { role, parts }));
    }

    /// The setup, with what the conversation begins with.
    fn begin(&mut self) -> String {
        let mut setup = self.setup.clone();
        self.manual = setup::is_manual(&setup);
        if let (Some(handle), Some(resumption)) = (&self.handle, setup["sessionResumption"].as_object_mut()) {
            resumption.insert("handle".into(), handle.reveal().into());
        }
        if self.history.is_some() {
            setup["historyConfig"] = json!({"initialHistoryInClientContent": true});
        }
        json!({"setup": setup}).to_string()
    }

    /// Words can be put into the conversation that ask for no answer.
    fn takes_content(&self) -> bool {
        self.model.content != Content::AtFirst || self.history.is_some()
    }

    /// One more entry of the conversation, without asking for an answer.
    fn content(&mut self, role: Role, parts: Value) -> Option<String> {
        let role = if role == Role::Assistant { "model" } else { "user" };
        let turn = json!({"role": role, "parts": parts});
        if let Some(history) = &mut self.history {
            history.push(turn);
            return None;
        }
        if self.cuts_off() || !self.later.is_empty() {
            self.wait(turn);
            return if self.later.len() > MAX_LATER { self.tell_now() } else { None };
        }
        self.turns.told(false);
        Some(json!({"clientContent": {"turns": [turn], "turnComplete": false}}).to_string())
    }

    fn wait(&mut self, turn: Value) {
        if self.later.is_empty() {
            self.waits_since = self.sent;
        }
        self.later.push(turn);
    }

    /// Whoever speaks would be cut off by words, or the service be at a loss for them (protocols reference §3.3).
    fn cuts_off(&self) -> bool {
        self.turns.is_busy() || self.in_a_turn()
    }

    /// The user speaks, to a model that takes no words then.
    fn in_a_turn(&self) -> bool {
        let waited = self.sent - self.waits_since.min(self.sent);
        let noise = !self.later.is_empty() && waited > NOISE_ENOUGH;
        let may_speak = if self.manual { self.active } else { self.streams && self.quiet < QUIET_ENOUGH && !noise };
        self.model.content == Content::BetweenTurns && (may_speak || self.turns.user_speaks())
    }

    /// What waited, once nobody is cut off by it.
    pub(super) fn tell_later(&mut self) -> Option<String> {
        if (self.later.is_empty() && self.asks_later.is_none()) || self.cuts_off() {
            return None;
        }
        self.tell_now()
    }

    fn tell_now(&mut self) -> Option<String> {
        let turns = std::mem::take(&mut self.later);
        let request = self.asks_later.take();
        let asks = request.is_some();
        match request {
            Some(request) => self.turns.asked(request),
            None => self.turns.told(false),
        }
        let mut content = json!({"turnComplete": asks});
        if !turns.is_empty() {
            content["turns"] = turns.into();
        }
        Some(json!({"clientContent": content}).to_string())
    }

    /// The model is to answer; `last`: these words as well.
    fn ask(&mut self, request: &str, last: Option<&str>) -> Option<String> {
        if self.model.content == Content::AtFirst {
            self.turns.asked(request.to_owned());
            let words: Vec<_> = self.unsaid.drain(..).chain(last.map(str::to_owned)).collect();
            // With nothing to say there is no way to ask; a space is the least that is one.
            let text = if words.is_empty() { " ".to_owned() } else { words.join("\n") };
            return Some(json!({"realtimeInput": {"text": text}}).to_string());
        }
        if let Some(text) = last {
            self.wait(json!({"role": "user", "parts": [{"text": text}]}));
        }
        self.asks_later = Some(request.to_owned());
        if self.in_a_turn() { None } else { self.tell_now() }
    }

    /// The microphone is off.
    fn stream_ends(&mut self) -> Option<String> {
        let ends = std::mem::take(&mut self.streams);
        self.quiet = QUIET_ENOUGH;
        ends.then(|| json!({"realtimeInput": {"audioStreamEnd": true}}).to_string())
    }

    pub(super) fn command(&mut self, command: &ProviderCommand) -> Result<Option<String>> {
        use ProviderCommand as C;
        Ok(match command {
            C::Configure => Some(self.begin()),
            C::Told => {
                let turns = self.history.take();
                // With its end it is the past, and nobody answers it.
                turns.map(|turns| json!({"clientContent": {"turns": turns, "turnComplete": true}}).to_string())
            }
            C::CreateText { item, role, text, .. } => {
                if !self.takes_content() && *role != Role::User {
                    return Err(unsupported("text", "this model takes no words it does not answer", "use send_text"));
                }
                let words = Self::words("text", text)?;
                self.confirm(item, *role, text);
                if !self.takes_content() {
                    self.unsaid.push(words);
                    None
                } else {
                    self.content(*role, json!([{"text": words}]))
                }
            }
            C::CreateImage { item, text, picture, .. } => {
                let (mime_type, base64) = bytes(picture, &PICTURES)?;
                let words = text.as_deref().map(|text| Self::words("text", text)).transpose()?;
                self.confirm(item, Role::User, text.as_deref().unwrap_or_default());
                let picture = json!({"inlineData": {"mimeType": mime_type, "data": base64}});
                let words = words.iter().map(|text| json!({"text": text}));
                self.content(Role::User, std::iter::once(picture).chain(words).collect())
            }
            C::VideoFrame { picture } => {
                let (mime_type, base64) = bytes(picture, &FRAMES)?;
                Some(json!({"realtimeInput": {"video": {"mimeType": mime_type, "data": base64}}}).to_string())
            }
            C::Update { patch } => {
                self.echoes.push(ProviderEvent::SessionUpdated(Box::new(self.info())));
                let changes = patch.as_object().is_some_and(|patch| !patch.is_empty());
                changes.then(|| json!({"contextUpdate": patch}).to_string())
            }
            C::ToolOutput { item, call, output, scheduling, is_error, .. } => {
                let kind = ItemKind::FunctionOutput { call: call.clone(), output: output.clone() };
                self.echoes.extend(confirmed(item.clone(), kind));
                let value: Value = serde_json::from_str(output).unwrap_or_else(|_| output.as_str().into());
                let value = setup::plain_value(value);
                let told = format!("[The result was: {}]", setup::plain(output));
                match self.turns.take_call(call) {
                    Some(made) => {
                        let failed = value.as_object().is_some_and(|o| o.len() == 1 && o.contains_key("error"));
                        let response = match (failed, *is_error) {
                            (true, _) => value,
                            (_, true) => json!({"error": value}),
                            _ => json!({"output": value}),
                        };
                        let mut answer = json!({"name": made.name, "response": response});
                        if made.theirs {
                            answer["id"] = made.id.as_str().into();
                        }
                        if *scheduling != Scheduling::Wait && self.model.schedules {
                            answer["scheduling"] = scheduling.word().to_uppercase().into();
                        }
                        self.turns.told(*scheduling != Scheduling::Silent);
                        Some(json!({"toolResponse": {"functionResponses": [answer]}}).to_string())
                    }
                    None if !self.takes_content() => {
                        self.unsaid.push(told);
                        None
                    }
                    // Of an earlier connection: told as a part of what was.
                    None => self.content(Role::User, json!([{"text": told}])),
                }
            }
            C::CreateCall { item, call, name, arguments, .. } => {
                let kind =
                    ItemKind::FunctionCall { call: call.clone(), name: name.clone(), arguments: arguments.clone() };
                self.echoes.extend(confirmed(item.clone(), kind));
                if self.takes_content() {
                    return Ok(self
                        .content(Role::Assistant, json!([{"text": format!("[I called {name} with {arguments}.]")}])));
                }
                // Nothing but a question carries words here: they go with the next one.
                self.unsaid.push(format!("[You called {name} with {arguments}.]"));
                None
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
                let words = Self::words("text", text)?;
                let order = format!("Say exactly the following, word for word, and nothing else:\n{words}");
                self.ask(request, Some(&order))
            }
            C::CancelResponse { response } => {
                self.turns.cancel(response.as_ref(), &mut self.echoes);
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
                    self.stream_ends()
                }
            }
            C::InputEnds => self.stream_ends(),
            C::StillHere | C::Unasked => None,
            C::Feedback { .. } => return Err(unsupported("feedback", "the service takes none", "keep it yourself")),
            C::ClearInput => {
                self.echoes.push(ProviderEvent::InputCleared);
                None
            }
            C::Raw(json) => Some(raw_object(json, r#"{"realtimeInput":{"text":"hello"}}"#)?),
        })
    }
}
