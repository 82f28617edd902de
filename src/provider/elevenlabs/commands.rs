//! What the session wants, as the agent understands it (protocols reference §4): it is told what the user says and what is
//! so, and decides everything else by itself.

use super::ElevenLabs;
use crate::{
    error::Result,
    message::Role,
    provider::{
        ItemKind, ItemPart, ProviderCommand, ProviderEvent,
        wire::{raw_object, unsupported},
    },
    request::{Picture, ResponseOptions},
};
use serde_json::json;

impl ElevenLabs {
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

    pub(super) fn command(&mut self, command: &ProviderCommand) -> Result<Option<String>> {
        use ProviderCommand as C;
        Ok(match command {
            C::Configure => Some(self.first_message().to_string()),
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
            C::Unasked => {
                let text = self.unsaid.pop();
                if self.unsaid.is_empty() && self.files.is_empty() {
                    // Known from now on; asked again only if nothing else is.
                    self.unsaid.extend(text.clone());
                    self.past = true;
                }
                text.map(|text| context(&format!("The user wrote: {text}")))
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
                if std::mem::take(&mut self.past) {
                    // Known already.
                    self.unsaid.clear();
                }
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
            C::Feedback { item, score } => {
                let Some(event) = self.replies.number_of(item) else {
                    let text = "it is none of the latest answers of this conversation";
                    return Err(unsupported("item", text, "rate an answer when it has begun, and not much later"));
                };
                Some(json!({"type": "feedback", "event_id": event, "score": score}).to_string())
            }
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
