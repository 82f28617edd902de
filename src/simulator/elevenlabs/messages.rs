//! What the user types and shows, and what the client tells the agent by the way.

use super::{closing::Closing, peer::Peer};
use crate::simulator::events::tokens;
use serde_json::Value;
use std::time::Duration;

/// Inferred: so long the agent leaves somebody alone who is busy.
const HOLD_OFF: Duration = Duration::from_secs(2);
/// Ids of messages that one reply answers.
const MOST_ASKED: usize = 64;
/// Updates that can be superseded.
const MOST_UPDATES: usize = 256;

impl Peer {
    /// `user_message`. Without a text it only asks the agent to begin. Inferred: it interrupts as speech does.
    pub(super) fn user_message(&mut self, message: &Value) -> Result<(), Closing> {
        let words = optional(message, "user_message", "text")?.unwrap_or_default();
        optional(message, "user_message", "rich_content_id")?;
        optional(message, "user_message", "user_identifier")?;
        if let Some(id) = optional(message, "user_message", "id")?.filter(|_| self.asked.len() < MOST_ASKED) {
            self.asked.push(id.to_owned());
        }
        self.typed(None, words);
        Ok(())
    }

    /// `multimodal_message`: files that were uploaded before, and words about them. Inferred: an unknown file ends the
    /// conversation.
    pub(super) fn multimodal_message(&mut self, message: &Value) -> Result<(), Closing> {
        let words = match message.get("text") {
            None | Some(Value::Null) => "",
            Some(text) if text["type"] == "user_message" => {
                optional(text, "multimodal_message.text", "text")?.unwrap_or_default()
            }
            Some(_) => return Err(Closing::value("multimodal_message.text", "a user_message")),
        };
        let single = message.get("file").filter(|file| !file.is_null());
        let several: &[Value] = match message.get("files") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(files)) => files.as_slice(),
            Some(_) => return Err(Closing::value("multimodal_message.files", "a list")),
        };
        let mut ids: Vec<&str> = Vec::new();
        for file in single.into_iter().chain(several) {
            let id = file["file_id"].as_str().filter(|_| file["type"] == "file_input");
            let id = id.ok_or_else(|| Closing::value("multimodal_message.file", "a file_input with a file_id"))?;
            // SDKs name the first one twice.
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() && words.is_empty() {
            return Err(Closing::missing("multimodal_message.text"));
        }
        let mut seen = Vec::new();
        for id in ids {
            match self.memory.file(&self.conversation, id) {
                Some(file) => seen.push(file),
                None => return Err(Closing::value("multimodal_message.file_id", "a file of this conversation")),
            }
        }
        self.typed((!seen.is_empty()).then(|| seen.join(" and ")), words);
        Ok(())
    }

    fn typed(&mut self, seen: Option<String>, words: &str) {
        self.watch.active(self.now);
        self.interrupt();
        self.context += tokens(words);
        match seen {
            Some(seen) => self.script.saw(seen, words),
            None if !words.trim().is_empty() => self.script.typed(words),
            None => {}
        }
        self.answer();
    }

    /// The user is busy: the agent's next turn waits.
    pub(super) fn user_activity(&mut self) -> Result<(), Closing> {
        self.watch.active(self.now);
        self.watch.hold_off(self.now + HOLD_OFF);
        self.put_off();
        Ok(())
    }

    /// The agent knows more, and says nothing about it.
    pub(super) fn contextual_update(&mut self, message: &Value) -> Result<(), Closing> {
        let Some(text) = optional(message, "contextual_update", "text")? else {
            return Err(Closing::missing("contextual_update.text"));
        };
        let more = tokens(text);
        self.context += more;
        if let Some(id) = optional(message, "contextual_update", "context_id")? {
            let full = self.updates.len() >= MOST_UPDATES && !self.updates.contains_key(id);
            let older = if full { None } else { self.updates.insert(id.to_owned(), more) };
            self.context = self.context.saturating_sub(older.unwrap_or_default());
        }
        Ok(())
    }

    /// Somebody likes a reply or not. Nothing follows from it here.
    pub(super) fn feedback(message: &Value) -> Result<(), Closing> {
        if !message["event_id"].is_u64() {
            return Err(Closing::value("feedback.event_id", "the event_id of a response"));
        }
        let score = message.get("score").ok_or_else(|| Closing::missing("feedback.score"))?;
        match score.as_str() {
            Some("like" | "dislike") => Ok(()),
            None if score.is_null() => Ok(()),
            _ => Err(Closing::value("feedback.score", "like, dislike or null")),
        }
    }
}

/// A text that may be missing, or `null`, which is what one SDK writes for that.
fn optional<'a>(message: &'a Value, kind: &str, field: &str) -> Result<Option<&'a str>, Closing> {
    match message.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(Closing::value(&format!("{kind}.{field}"), "a string")),
        },
    }
}
