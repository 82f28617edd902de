//! What the host asks for.

use super::{
    Command, Session,
    adding::{Then, unfit},
};
use crate::{
    error::{Error, ErrorClass},
    event::{InterruptSource, OpId, Status},
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
            Command::NetworkChanged => self.network_changed(op),
            Command::ImportHistory { messages } => self.import_history(op, messages),
            Command::ClearHistory => self.clear_history(op),
            Command::Interrupt if self.hears_out() => self.cut_off(op),
            command if self.is_recovering() => self.command_while_recovering(op, command),
            _ if !self.link.is_up() => {
                let error = Error::new(ErrorClass::State, "not_connected", "the client is not connected")
                    .fix("call connect and wait until it completes");
                self.complete(op, Some(error));
            }
            Command::SendText { text, respond, interrupt } => self.send_text(op, text, Then { respond, interrupt }),
            Command::SendImage { image, text, respond, interrupt } => {
                self.send_image(op, image, text, Then { respond, interrupt });
            }
            Command::SendVideoFrame { image } => self.send_video_frame(op, &image),
            Command::SendFeedback { item, score } => self.send_feedback(op, item, score),
            Command::SendUserActivity => self.send_user_activity(op),
            Command::SendContext { text } => self.send_context(op, text),
            Command::Say { text } => match unfit("text", &text) {
                Some(error) => self.complete(op, Some(error)),
                None => self.say(Some(op), text),
            },
            Command::RequestResponse { options } => self.request_response(op, options),
            Command::Interrupt => self.cut_off(op),
            Command::StartListening | Command::StopListening | Command::ClearInput => {
                self.listening_command(op, &command);
            }
            Command::UpdateSession { changes } => self.update_session(op, changes),
            Command::SubmitToolResult { call, output, is_error } => {
                self.submit_tool_result(op, &call, output, is_error)
            }
            Command::Ping => self.ping(op),
            Command::SendRaw { json } => {
                let result = self.send(&ProviderCommand::Raw(json));
                self.complete(op, result.err());
            }
        }
    }

    /// Ends when the speaker is silent.
    fn cut_off(&mut self, op: OpId) {
        self.interrupt(InterruptSource::Call);
        if self.speaking.flushing() { self.ops.interrupt.push(op) } else { self.complete(op, None) }
    }

    /// What waits for the next connection, what does not need one, and what cannot wait.
    fn command_while_recovering(&mut self, op: OpId, command: Command) {
        match command {
            Command::Interrupt => self.cut_off(op),
            Command::SubmitToolResult { call, output, is_error } => {
                self.submit_tool_result(op, &call, output, is_error);
            }
            Command::StartListening | Command::StopListening | Command::ClearInput => {
                self.listening_command(op, &command);
            }
            // What was so then is not what is so now.
            Command::SendRaw { .. }
            | Command::SendVideoFrame { .. }
            | Command::SendFeedback { .. }
            | Command::SendUserActivity
            | Command::Ping
                if self.status != Status::Connected =>
            {
                let error = Error::new(ErrorClass::State, "not_connected", "the connection is coming back").retryable();
                self.complete(op, Some(error.fix("wait until the client is connected")));
            }
            command => {
                // Silence does not wait, unless the words will never be said.
                let cuts = match &command {
                    Command::SendText { text, interrupt, .. } => *interrupt && unfit("text", text).is_none(),
                    Command::SendImage { interrupt, .. } => *interrupt,
                    _ => false,
                };
                if self.hold(op, command) && cuts {
                    self.interrupt(InterruptSource::Call);
                }
            }
        }
    }
}
