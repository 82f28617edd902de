//! The host of the random conversations.

use super::World;
use duologue::{
    error::{Error, ErrorClass},
    message::CallRef,
    request::{Image, ResponseOptions},
    session::{Command, Input, credentials::CredentialAnswer},
};
use serde_json::{Value, json};

impl World {
    pub fn host_acts(&mut self) {
        match self.dice.upto(22) {
            0 => _ = self.talk.host(Command::RequestResponse { options: Box::default() }),
            1..=3 => _ = self.talk.host(Command::Interrupt),
            4 => _ = self.talk.say("hello there", true),
            5 => _ = self.talk.say("hello", false),
            6 => _ = self.talk.host(Command::SendText { text: " ".into(), respond: false, interrupt: false }),
            7 => _ = self.talk.host(Command::Say { text: "Good day.".into() }),
            8 => _ = self.talk.host(Command::SendContext { text: "It is noon.".into() }),
            9 => {
                let image = Image::from_bytes(b"\x89PNG\r\n\x1a\n");
                let (respond, interrupt) = (self.dice.once_in(2), self.dice.once_in(3));
                self.talk.host(Command::SendImage { image, text: None, respond, interrupt });
            }
            10 | 11 => {
                let options =
                    ResponseOptions { out_of_band: true, audible: self.dice.once_in(2), ..Default::default() };
                self.talk.host(Command::RequestResponse { options: Box::new(options) });
            }
            12 | 13 => {
                let changes = self.change();
                self.talk.host(Command::UpdateSession { changes });
            }
            14 => _ = self.talk.host(Command::StartListening),
            15 => _ = self.talk.host(Command::StopListening),
            16 => match self.dice.upto(4) {
                0 => _ = self.talk.host(Command::ClearInput),
                1 => _ = self.talk.host(Command::SetCapture { on: false }),
                2 => _ = self.talk.host(Command::SetCapture { on: true }),
                _ => {
                    let muted = self.dice.once_in(2);
                    self.talk.host(Command::SetInputMuted { muted });
                }
            },
            17 => _ = self.talk.host(Command::ClearHistory),
            _ => self.answers_call(),
        }
    }

    /// A change that the session may not know how to write before another is settled.
    fn change(&mut self) -> Value {
        let word = ["a", "b", "c"][self.dice.upto(3) as usize];
        let number = 10 + self.dice.upto(3);
        let mode = ["server", "semantic", "manual"][self.dice.upto(3) as usize];
        match self.dice.upto(9) {
            0 => json!({"instructions": word}),
            1 => json!({"instructions": word, "max_output_tokens": number}),
            2 => json!({"max_output_tokens": number}),
            3 => json!({"turn_detection": {"create_response": self.dice.once_in(2)}}),
            4 => json!({"turn_detection": {"interrupt_response": self.dice.once_in(2)}, "instructions": word}),
            5 => json!({"turn_detection": {"mode": mode}}),
            6 => json!({"tool_handling": {"timeout_ms": number * 100}}),
            7 => json!({"tools": [{"name": "f"}, {"name": word}]}),
            _ => json!({"speed": 1.0 + number as f64 / 100.0, "voice": "cedar"}),
        }
    }

    fn answers_call(&mut self) {
        let Some((epoch, call)) = self.calls.pop() else { return };
        let call = CallRef { epoch, id: call.as_str().into() };
        let output = match self.dice.upto(4) {
            0 => "x".repeat(400),
            1 => "plain words".into(),
            _ => "{\"ok\":true}".into(),
        };
        let is_error = self.dice.once_in(5);
        self.talk.host(Command::SubmitToolResult { call, output, is_error });
    }

    /// Answers what credential is asked for; `kindly`: with one.
    pub fn gives_credential(&mut self, kindly: bool) {
        let Some(request_id) = self.needed.pop() else { return };
        let answer = match self.dice.upto(6) {
            0 if !kindly => {
                CredentialAnswer::Refused { error: Error::new(ErrorClass::Host, "none", "there is none today") }
            }
            1 | 2 => CredentialAnswer::Given { expires_in_ms: Some(20_000) },
            _ => CredentialAnswer::Given { expires_in_ms: None },
        };
        self.talk.input(Input::Credential { request_id, answer });
    }
}
