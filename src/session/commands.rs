//! What the host asks for.

use super::{Command, Output, Session, ops::Purpose, sequencer::Request};
use crate::{
    error::{Error, ErrorClass},
    event::{InterruptSource, OpId},
    message::{ItemId, MessageState, Part, Role},
    provider::ProviderCommand,
    time::Time,
};

/// Text of one message or result; the vendor's own bounds are far below.
const MAX_TEXT: usize = 256 * 1024;

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
            Command::SendText { text, respond, interrupt } => self.send_text(op, text, respond, interrupt),
            Command::RequestResponse { instructions } => {
                let id = self.id("req");
                self.want_response(Request { id, op: Some(op), instructions });
            }
            Command::Interrupt => {
                self.interrupt(InterruptSource::Call);
                if self.speaking.flushing() { self.ops.interrupt.push(op) } else { self.complete(op, None) }
            }
            Command::SubmitToolResult { call, output, is_error } => {
                self.submit_tool_result(op, &call, output, is_error)
            }
            Command::SendRaw { json } => {
                let result = self.send(&ProviderCommand::Raw(json));
                self.complete(op, result.err());
            }
        }
    }

    fn send_text(&mut self, op: OpId, text: String, respond: bool, interrupt: bool) {
        if text.trim().is_empty() {
            let error = Error::new(ErrorClass::Argument, "empty_text", "the text is empty").field("text");
            return self.complete(op, Some(error.fix("give at least one word")));
        }
        if let Some(error) = too_long("text", &text) {
            return self.complete(op, Some(error));
        }
        if interrupt {
            self.interrupt(InterruptSource::Call);
        }
        let item = ItemId::from(self.id("item"));
        if respond {
            self.speaking.begin_typed_turn(self.now);
        }
        let now_ms = self.now.as_ms();
        let part = Part::Text { content: text.clone() };
        let state = MessageState::Completed;
        self.history.add(item.clone(), Role::User, vec![part], state, now_ms, &mut self.changes);
        self.tell_changes();
        let command = ProviderCommand::CreateText { item: item.clone(), role: Role::User, text, previous: None };
        match self.send(&command) {
            Ok(event_id) => self.remember(event_id, Purpose::Item(Some(op), item)),
            Err(error) => return self.complete(op, Some(error)),
        }
        if respond {
            let id = self.id("req");
            self.want_response(Request { id, op: None, instructions: None });
        }
    }

    /// Remembers what an event was for.
    pub(super) fn remember(&mut self, event_id: String, purpose: Purpose) {
        if let Some(op) = self.ops.sent(event_id, purpose, self.now) {
            // The vendor answered neither with an acknowledgement nor with an error for 256 events.
            let error = Error::new(ErrorClass::Provider, "unacknowledged", "the service never confirmed it");
            self.complete(op, Some(error));
        }
    }

    /// What the vendor neither acknowledged nor refused in time ends; it may have arrived all the same.
    pub(super) fn give_up_unacknowledged(&mut self) {
        while let Some(op) = self.ops.unacknowledged(self.now) {
            let error =
                Error::new(ErrorClass::Provider, "unacknowledged", "the service did not confirm it within 15 s");
            self.complete(op, Some(error.fix("look whether the conversation has it before sending it again")));
        }
    }

    pub(super) fn want_response(&mut self, request: Request) {
        let op = request.op;
        if !self.sequencer.want(request, self.now) {
            let error = Error::new(ErrorClass::Limit, "too_many_requests", "64 requests for a response are waiting")
                .fix("wait for turn_done before asking again")
                .retryable();
            match op {
                Some(op) => self.complete(op, Some(error)),
                None => self.emit(crate::event::EventKind::Error(error)),
            }
        }
    }

    /// A request nobody answered fails, so that the next one has its turn.
    pub(super) fn give_up_unanswered(&mut self) {
        if let Some(request) = self.sequencer.unanswered(self.now) {
            self.request_failed(&request);
        }
    }

    /// Tells whoever asked that the response never began.
    pub(super) fn request_failed(&mut self, request: &Request) {
        let error = Error::new(ErrorClass::Provider, "unanswered", "the service never began the response")
            .fix("ask again")
            .retryable();
        match request.op {
            Some(op) => self.complete(op, Some(error)),
            None => self.emit(crate::event::EventKind::Error(error)),
        }
    }

    /// Sends the next request for a response when the way is free.
    pub(super) fn send_next_response(&mut self) {
        let Some(request) = self.sequencer.next(self.now) else { return };
        let command =
            ProviderCommand::CreateResponse { request: request.id.clone(), instructions: request.instructions.clone() };
        match self.send(&command) {
            Ok(event_id) => self.remember(event_id, Purpose::Response(request.id)),
            Err(error) => {
                self.sequencer.failed(&request.id);
                if let Some(op) = request.op {
                    self.complete(op, Some(error));
                }
            }
        }
    }

    /// Capturing works only while connected; switching on before is remembered by `auto_capture`.
    pub(super) fn set_capture(&mut self, on: bool) {
        if self.capture != on {
            self.capture = on;
            self.out.push_back(Output::Capture { on });
        }
    }

    /// One frame from the microphone, at the provider's rate, whose last sample was captured `age_us` ago.
    pub(super) fn microphone(&mut self, pcm: &[i16], age_us: u64) {
        if !self.link.is_up() || !self.capture || pcm.is_empty() {
            return;
        }
        // Muted is silence, not absence: the vendor's clock is the audio it gets (checklist 20).
        let text = if self.muted { self.codec.encode_audio(&vec![0; pcm.len()]) } else { self.codec.encode_audio(pcm) };
        self.stats.microphone_frames += 1;
        let captured = Time(self.now.0.saturating_sub(age_us));
        self.speaking.sent_audio(pcm.len() as u64, self.codec.capabilities().input_rate, captured);
        self.out.push_back(Output::Send { epoch: self.link.epoch, text, audio: true });
    }
}

/// A text over the bound, as an error that names it.
pub(super) fn too_long(field: &str, text: &str) -> Option<Error> {
    (text.len() > MAX_TEXT).then(|| {
        let message = format!("{} bytes are over the bound of {MAX_TEXT}", text.len());
        Error::new(ErrorClass::Limit, "too_long", message).field(field).fix("send less")
    })
}
