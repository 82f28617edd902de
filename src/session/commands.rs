//! What the host asks for.

use super::{
    Command, Session,
    adding::{Then, unfit},
};
use crate::{
    error::{Error, ErrorClass},
    event::{InterruptSource, OpId},
    provider::ProviderCommand,
};

impl Session {
    pub(super) fn command(&mut self, op: OpId, command: Command) {
        match command {
            Command::Connect => self.connect(op),
            Command::Disconnect => self.disconnect(op),
            Command::SetCapture { on } => {
                self.set_capture(on);
                self.complete(op, None);
            }
            Command::SetInputMuted { muted } => {
                self.muted = muted;
                self.complete(op, None);
            }
            _ if !self.link.is_up() => {
                let error = Error::new(ErrorClass::State, "not_connected", "the client is not connected")
                    .fix("call connect and wait until it completes");
                self.complete(op, Some(error));
            }
            Command::SendText { text, respond, interrupt } => self.send_text(op, text, Then { respond, interrupt }),
            Command::SendImage { image, text, respond, interrupt } => {
                self.send_image(op, image, text, Then { respond, interrupt });
            }
            Command::SendContext { text } => self.send_context(op, text),
            Command::Say { text } => match unfit("text", &text) {
                Some(error) => self.complete(op, Some(error)),
                None => self.say(Some(op), text),
            },
            Command::RequestResponse { options } => self.request_response(op, options),
            Command::Interrupt => {
                self.interrupt(InterruptSource::Call);
                if self.speaking.flushing() { self.ops.interrupt.push(op) } else { self.complete(op, None) }
            }
            Command::StartListening | Command::StopListening | Command::ClearInput => {
                self.listening_command(op, &command);
            }
            Command::UpdateSession { changes } => self.update_session(op, changes),
            Command::SubmitToolResult { call, output, is_error } => {
                self.submit_tool_result(op, &call, output, is_error)
            }
            Command::SendRaw { json } => {
                let result = self.send(&ProviderCommand::Raw(json));
                self.complete(op, result.err());
            }
        }
    }
}
