//! What the host adds to the conversation: words, pictures, context.

use super::{Session, ops::Purpose};
use crate::{
    error::{Error, ErrorClass},
    event::{InterruptSource, OpId},
    message::{ItemId, MessageState, Part, Role},
    provider::ProviderCommand,
    request::{FeedbackScore, Image, Picture},
};

/// Text of one message or result; the vendor's own bounds are far below.
const MAX_TEXT: usize = 256 * 1024;

/// What is to happen with what was added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Then {
    /// Ask for an answer.
    pub respond: bool,
    /// Cut the assistant off first.
    pub interrupt: bool,
}

impl Session {
    pub(super) fn send_text(&mut self, op: OpId, text: String, then: Then) {
        if let Some(error) = unfit("text", &text) {
            return self.complete(op, Some(error));
        }
        let item = ItemId::from(self.id("item"));
        let parts = vec![Part::Text { content: text.clone() }];
        let command = ProviderCommand::CreateText { item: item.clone(), role: Role::User, text, previous: None };
        self.add(op, item, Role::User, parts, &command, then);
    }

    pub(super) fn send_image(&mut self, op: OpId, image: Image, text: Option<String>, then: Then) {
        if let Some(error) = text.as_ref().and_then(|text| unfit("text", text)) {
            return self.complete(op, Some(error));
        }
        if self.codec.capabilities().image_in == Some(false) {
            let error = Error::new(ErrorClass::Unsupported, "image", "this model takes no pictures").field("image");
            let fix = match self.codec.capabilities().video_in {
                Some(true) => "show it as a frame of video, and ask by voice; or choose another model",
                _ => "choose a model that does, or describe it in words",
            };
            return self.complete(op, Some(error.fix(fix)));
        }
        let picture = match image.resolve() {
            Ok(picture) => picture,
            Err(error) => return self.complete(op, Some(error)),
        };
        if let Some(url) = self.codec.upload() {
            return self.upload(op, url, picture, text, then);
        }
        let item = ItemId::from(self.id("item"));
        let (data, url, mime_type) = match &picture {
            Picture::Data { mime_type, base64 } => (Some(base64.clone()), None, mime_type.clone()),
            Picture::Elsewhere(url) => (None, Some(url.clone()), image.mime_type.clone().unwrap_or_default()),
            Picture::Uploaded(_) => (None, None, String::new()),
        };
        let words = text.clone().map(|content| Part::Text { content });
        let parts = words.into_iter().chain([Part::Image { data, url, mime_type }]).collect();
        let command = ProviderCommand::CreateImage { item: item.clone(), text, picture, detail: image.detail };
        self.add(op, item, Role::User, parts, &command, then);
    }

    /// What a camera sees is seen by the next spoken turn, and is no part of the history.
    pub(super) fn send_video_frame(&mut self, op: OpId, image: &Image) {
        if self.codec.capabilities().video_in != Some(true) {
            let error = Error::new(ErrorClass::Unsupported, "video", "this model sees no video").field("image");
            return self
                .complete(op, Some(error.fix("send single pictures with send_image, or choose a model that does")));
        }
        let result = image.resolve().and_then(|picture| self.send(&ProviderCommand::VideoFrame { picture }));
        self.complete(op, result.err());
    }

    /// What the user thinks of an answer is told the vendor, and is no part of the conversation.
    pub(super) fn send_feedback(&mut self, op: OpId, item: ItemId, score: Option<FeedbackScore>) {
        if self.codec.capabilities().feedback != Some(true) {
            let error = Error::new(ErrorClass::Unsupported, "feedback", "this service takes no feedback");
            return self.complete(op, Some(error.fix("keep it in the application, with the id of the message")));
        }
        let result = self.send(&ProviderCommand::Feedback { item, score });
        self.complete(op, result.err());
    }

    /// Holds off the next turn of an agent that speaks when nobody else does.
    pub(super) fn send_user_activity(&mut self, op: OpId) {
        if self.codec.capabilities().user_activity != Some(true) {
            let text = "this model does not speak unasked, so that nothing is to be held off";
            let error = Error::new(ErrorClass::Unsupported, "user_activity", text);
            return self.complete(op, Some(error.fix("leave it out; `capabilities` says who takes it")));
        }
        let result = self.send(&ProviderCommand::StillHere);
        self.complete(op, result.err());
    }

    /// Words of the host itself: the model knows them, nobody is asked to say anything.
    pub(super) fn send_context(&mut self, op: OpId, text: String) {
        if let Some(error) = unfit("text", &text) {
            return self.complete(op, Some(error));
        }
        let item = ItemId::from(self.id("item"));
        let parts = vec![Part::Text { content: text.clone() }];
        let command = ProviderCommand::CreateText { item: item.clone(), role: Role::System, text, previous: None };
        self.add(op, item, Role::System, parts, &command, Then { respond: false, interrupt: false });
    }

    /// Adds a message here and there, in this order: cut off, message, request for the answer.
    pub(super) fn add(
        &mut self,
        op: OpId,
        item: ItemId,
        role: Role,
        parts: Vec<Part>,
        command: &ProviderCommand,
        then: Then,
    ) {
        // What the vendor cannot take must not cut anybody off.
        let event_id = self.id("evt");
        let frame = match self.encode(command, &event_id) {
            Ok(frame) => frame,
            Err(error) => return self.complete(op, Some(error)),
        };
        if then.interrupt {
            self.interrupt(InterruptSource::Call);
        }
        if then.respond {
            self.speaking.begin_typed_turn(self.now);
        }
        let written = role == Role::User && matches!(parts[..], [Part::Text { .. }, ..]);
        let now_ms = self.now.as_ms();
        self.history.add(item.clone(), role, parts, MessageState::Completed, now_ms, &mut self.changes);
        self.tell_changes();
        self.send_frame(frame);
        self.remember(event_id, Purpose::Item(Some(op), item));
        if then.respond {
            self.want_answer();
        } else if written && self.codec.quirks().answers_words {
            self.tell_vendor(&ProviderCommand::Unasked);
        }
    }

    /// Remembers what an event was for.
    pub(super) fn remember(&mut self, event_id: String, purpose: Purpose) {
        if let Some(op) = self.ops.sent(event_id, purpose, self.now) {
            // The vendor answered neither with an acknowledgement nor with an error for 256 events.
            let error = Error::new(ErrorClass::Provider, "unacknowledged", "the service never confirmed it");
            self.update_unconfirmed(op);
            self.complete(op, Some(error));
        }
    }

    /// What the vendor neither acknowledged nor refused in time ends; it may have arrived all the same.
    pub(super) fn give_up_unacknowledged(&mut self) {
        while let Some(op) = self.ops.unacknowledged(self.now) {
            let error =
                Error::new(ErrorClass::Provider, "unacknowledged", "the service did not confirm it within 15 s");
            self.update_unconfirmed(op);
            self.complete(op, Some(error.fix("look whether the conversation has it before sending it again")));
        }
    }
}

/// Why a text cannot be sent.
pub(super) fn unfit(field: &str, text: &str) -> Option<Error> {
    if text.trim().is_empty() {
        let error = Error::new(ErrorClass::Argument, "empty_text", "the text is empty").field(field);
        return Some(error.fix("give at least one word"));
    }
    (text.len() > MAX_TEXT).then(|| {
        let message = format!("{} bytes are over the bound of {MAX_TEXT}", text.len());
        Error::new(ErrorClass::Limit, "too_long", message).field(field).fix("send less")
    })
}
