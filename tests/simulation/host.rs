//! The host of the simulated conversations.

use crate::{
    script::{Call, Dice, Fault},
    world::World,
};
use duologue::{
    error::{Error, ErrorClass},
    session::{Command, Input, credentials::CredentialAnswer},
};

impl World {
    pub fn import(&mut self, i: u64) {
        use duologue::message::{Message, MessageState, Part, Role};
        let role = if i.is_multiple_of(2) { Role::User } else { Role::Assistant };
        let parts = vec![Part::Text { content: format!("imported {i} {}", "words ".repeat(i as usize * 3)) }];
        let state = MessageState::Completed;
        let id = self.name("import").as_str().into();
        let message = Message { id, role, parts, state, interrupted: false, revision: 1, created_ms: 0 };
        self.host(Call::Import, Command::ImportHistory { messages: vec![message] });
    }

    pub fn calls(&mut self, call: Call, die: u32) {
        use duologue::request::{Image, ResponseOptions};
        let mut dice = Dice(die.into());
        let n = self.count;
        let (respond, interrupt) = (!dice.once_in(4), dice.once_in(3));
        let command = match call {
            Call::Connect => Command::Connect,
            Call::Disconnect => Command::Disconnect,
            Call::Text => Command::SendText { text: format!("typed {n}"), respond, interrupt },
            Call::LongText => {
                let text = format!("long {n} ").repeat(500 + dice.upto(5_000) as usize);
                Command::SendText { text, respond, interrupt }
            }
            Call::Image => Command::SendImage {
                image: Image::from_bytes(b"\x89PNG\r\n\x1a\n"),
                text: dice.once_in(2).then(|| "look".to_owned()),
                respond,
                interrupt,
            },
            Call::Context => Command::SendContext { text: format!("context {n}") },
            Call::Say => Command::Say { text: "Good day.".into() },
            Call::Respond => Command::RequestResponse { options: Box::default() },
            Call::RespondOutside => {
                let options =
                    ResponseOptions { out_of_band: true, audible: dice.once_in(2), ..ResponseOptions::default() };
                Command::RequestResponse { options: Box::new(options) }
            }
            Call::StartListening => Command::StartListening,
            Call::StopListening => Command::StopListening,
            Call::ClearInput => Command::ClearInput,
            Call::Update => {
                let changes = match dice.upto(4) {
                    0 => serde_json::json!({"instructions": format!("b{n}")}),
                    1 => serde_json::json!({"max_output_tokens": 10 + n}),
                    2 => serde_json::json!({"turn_detection": {"create_response": dice.once_in(2)}}),
                    _ => serde_json::json!({"tools": [{"name": "f"}, {"name": "g"}]}),
                };
                Command::UpdateSession { changes }
            }
            Call::Interrupt => Command::Interrupt,
            Call::AnswerTool => return self.answers_tool(die),
            Call::Capture => Command::SetCapture { on: dice.once_in(2) },
            Call::Mute => Command::SetInputMuted { muted: dice.once_in(2) },
            Call::Ping => Command::Ping,
            Call::Import => return self.import(u64::from(die % 50)),
            Call::Clear => Command::ClearHistory,
            Call::Raw => Command::SendRaw { json: r#"{"type":"response.cancel","event_id":"mine"}"#.into() },
            Call::Flood => {
                for i in 0..70 {
                    self.host(call, Command::SendContext { text: format!("context {n} {i}") });
                }
                return;
            }
        };
        self.host(call, command);
    }

    pub fn answers_tool(&mut self, die: u32) {
        if self.calls.is_empty() {
            return;
        }
        let mut dice = Dice(die.into());
        let call = self.calls.remove(dice.upto(self.calls.len() as u64) as usize);
        let length = dice.of(&[0, 1, 20, 20, 20, 17_000]);
        let giant = std::mem::take(&mut self.giant);
        if giant {
            self.fires(Fault::GiantResult);
        }
        let output = "r".repeat(if giant { 300_000 } else { length });
        let is_error = dice.once_in(5);
        self.host(Call::AnswerTool, Command::SubmitToolResult { call: call.clone(), output, is_error });
        if dice.once_in(10) {
            self.host(Call::AnswerTool, Command::SubmitToolResult { call, output: "twice".into(), is_error });
        }
    }

    pub fn gives_credential(&mut self, die: u32) {
        let Some(request_id) = self.needed.take() else { return };
        let answer = match die % 8 {
            0 if !self.kind => {
                CredentialAnswer::Refused { error: Error::new(ErrorClass::Host, "none", "there is none today") }
            }
            1 | 2 => CredentialAnswer::Given { expires_in_ms: Some(20_000) },
            _ => CredentialAnswer::Given { expires_in_ms: None },
        };
        self.input(Input::Credential { request_id, answer });
    }
}
