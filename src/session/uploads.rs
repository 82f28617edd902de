//! Pictures for a vendor that wants them put somewhere before the conversation can name them.

use super::{Output, Session, adding::Then};
use crate::{
    error::{Error, ErrorClass, Result},
    event::OpId,
    message::{ItemId, Part, Role},
    provider::ProviderCommand,
    request::Picture,
};
use std::collections::VecDeque;

/// Pictures that are on their way at the same time.
const MAX_WAITING: usize = 8;

/// A picture on its way.
#[derive(Debug)]
struct Upload {
    number: u64,
    op: OpId,
    mime_type: String,
    base64: String,
    text: Option<String>,
    then: Then,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    waiting: VecDeque<Upload>,
    count: u64,
}

impl Uploads {
    /// The run is over: nobody waits any more.
    pub fn reset(&mut self) -> Vec<OpId> {
        self.waiting.drain(..).map(|upload| upload.op).collect()
    }
}

impl Session {
    /// Puts a picture where the vendor wants it; the message follows when it is there.
    pub(super) fn upload(&mut self, op: OpId, url: String, picture: Picture, text: Option<String>, then: Then) {
        let Picture::Data { mime_type, base64 } = picture else {
            let error = Error::new(ErrorClass::Unsupported, "image_url", "the service fetches no pictures");
            return self.complete(op, Some(error.field("image").fix("fetch it and give its bytes")));
        };
        let taken = self
            .codec
            .capabilities()
            .images
            .as_ref()
            .is_none_or(|images| images.mime_types.contains(&mime_type.as_str().into()));
        if !taken {
            let error = Error::new(ErrorClass::Unsupported, "image_type", format!("the service takes no {mime_type}"));
            return self.complete(op, Some(error.field("image").fix("convert it to PNG or JPEG")));
        }
        if self.uploads.waiting.len() >= MAX_WAITING {
            let error = Error::new(ErrorClass::Limit, "too_many", format!("{MAX_WAITING} pictures are on their way"));
            return self.complete(op, Some(error.retryable().fix("wait until they are there")));
        }
        self.uploads.count += 1;
        let number = self.uploads.count;
        let (epoch, bytes) = (self.link.epoch, base64.clone());
        self.out.push_back(Output::Upload { epoch, number, url, mime_type: mime_type.clone(), base64: bytes });
        self.uploads.waiting.push_back(Upload { number, op, mime_type, base64, text, then });
    }

    /// A picture is where the vendor wanted it, under this name; or it is not.
    pub(super) fn uploaded(&mut self, epoch: u32, number: u64, name: Result<String>) {
        let at = self.uploads.waiting.iter().position(|upload| upload.number == number);
        let Some(Upload { op, mime_type, base64, text, then, .. }) = at.and_then(|at| self.uploads.waiting.remove(at))
        else {
            self.stats.stale_inputs += 1;
            return;
        };
        let name = match name {
            // It is of that conversation only.
            Ok(_) if epoch != self.link.epoch || !self.link.is_up() => {
                let error = Error::new(ErrorClass::State, "not_connected", "the connection it was for is gone");
                return self.complete(op, Some(error.retryable().fix("send the picture again")));
            }
            Ok(name) => name,
            Err(error) => return self.complete(op, Some(error)),
        };
        let item = ItemId::from(self.id("item"));
        let words = text.clone().map(|content| Part::Text { content });
        let shown = Part::Image { data: Some(base64), url: None, mime_type };
        let parts = words.into_iter().chain([shown]).collect();
        let picture = Picture::Uploaded(name);
        let command = ProviderCommand::CreateImage { item: item.clone(), text, picture, detail: None };
        self.add(op, item, Role::User, parts, &command, then);
    }
}
