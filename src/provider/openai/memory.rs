//! What a host of the dialect leaves unsaid in its events, from what was sent before.

use super::profile::Profile;
use crate::{
    message::ItemId,
    provider::{ProviderEvent, SessionInfo},
};
use serde_json::Value;
use std::collections::VecDeque;

/// Words said and items deleted that may wait for their confirmation.
const MOST: usize = 256;

/// See the module. Of one connection.
#[derive(Debug, Default)]
pub struct Memory {
    /// Event and request of texts that are to be spoken and have not begun.
    said: VecDeque<(String, String)>,
    /// Event and item of deletes that were not confirmed.
    deleted: VecDeque<(String, ItemId)>,
    /// Time the conversation was billed so far, milliseconds.
    billed_ms: u64,
    /// The session was announced.
    pub greeted: bool,
    /// The user's turns begin and end by hand.
    by_hand: bool,
}

impl Memory {
    /// A text is to be spoken.
    pub fn said(&mut self, event: &str, request: &str) {
        if self.said.len() >= MOST {
            self.said.pop_front();
        }
        self.said.push_back((event.to_owned(), request.to_owned()));
    }

    /// An item is to go.
    pub fn deletes(&mut self, event: &str, item: &ItemId) {
        if self.deleted.len() >= MOST {
            self.deleted.pop_front();
        }
        self.deleted.push_back((event.to_owned(), item.clone()));
    }

    /// The event with what it left out; `wish` is the session that was asked for.
    pub fn completed(&mut self, event: ProviderEvent, wish: &Value, model: &str, profile: &Profile) -> ProviderEvent {
        match event {
            ProviderEvent::SessionCreated(info) => {
                self.greeted = true;
                ProviderEvent::SessionCreated(told(info, wish, model, profile))
            }
            ProviderEvent::SessionUpdated(info) => {
                let detection = info.session.get("turn_detection").unwrap_or(&wish["turn_detection"]);
                self.by_hand = profile.grok && detection["type"].is_null();
                ProviderEvent::SessionUpdated(told(info, wish, model, profile))
            }
            // That somebody speaks is told of such a turn, too; where it begins and ends is not for the service to say.
            ProviderEvent::SpeechStarted { .. } if self.by_hand => not_its_turn("input_audio_buffer.speech_started"),
            ProviderEvent::SpeechStopped { .. } if self.by_hand => not_its_turn("input_audio_buffer.speech_stopped"),
            ProviderEvent::ResponseCreated { response, request: None, detached } => {
                let request = self.said.pop_front().map(|(_, request)| request);
                ProviderEvent::ResponseCreated { response, request, detached }
            }
            ProviderEvent::ItemDeleted { item } if item.as_str().is_empty() => {
                let item = self.deleted.pop_front().map_or(item, |(_, item)| item);
                ProviderEvent::ItemDeleted { item }
            }
            ProviderEvent::ItemDeleted { item } => {
                self.deleted.retain(|(_, waiting)| *waiting != item);
                ProviderEvent::ItemDeleted { item }
            }
            ProviderEvent::ResponseDone(mut done) => {
                done.billed_ms = done.billed_ms.map(|total| {
                    let before = std::mem::replace(&mut self.billed_ms, total);
                    // One that is less than before is of another conversation.
                    if total < before { total } else { total - before }
                });
                ProviderEvent::ResponseDone(done)
            }
            ProviderEvent::Error(error) => {
                if let Some(event) = &error.event_id {
                    self.said.retain(|(sent, _)| sent != event);
                    self.deleted.retain(|(sent, _)| sent != event);
                }
                ProviderEvent::Error(error)
            }
            event => event,
        }
    }
}

fn not_its_turn(name: &str) -> ProviderEvent {
    ProviderEvent::Other { name: name.to_owned(), known: true }
}

/// A session of xAI as ours says it: the same voice under another name is no difference, another model is told.
fn told(mut info: Box<SessionInfo>, wish: &Value, model: &str, profile: &Profile) -> Box<SessionInfo> {
    if !profile.grok {
        return info;
    }
    if let (Some(wished), Some(echo)) = (wish["voice"].as_str(), info.session["voice"].as_str()) {
        let plain = echo.rsplit_once('_').map_or(echo, |(_, name)| name);
        if echo.eq_ignore_ascii_case(wished) || plain.eq_ignore_ascii_case(wished) {
            info.session["voice"] = wished.into();
        }
    }
    // An alias stands for some other name at all times.
    let other = info.session["model"].as_str().filter(|echo| *echo != model && !model.ends_with("-latest"));
    info.other_model = other.map(str::to_owned);
    info
}
