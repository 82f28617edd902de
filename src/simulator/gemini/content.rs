//! What is written: text in realtime, and turns that are put into the conversation.

use super::{
    closing::Closing,
    hearing::{IMAGE_TOKENS, image, rate_of},
    models::Content,
    peer::Peer,
};
use crate::simulator::{events::tokens, listening};
use serde_json::Value;

/// The rate of audio in a turn.
const SEED_RATE: u32 = 16_000;

impl Peer {
    /// `realtimeInput.text`: the user says it, in letters. From the third generation on it cuts the model short.
    pub(super) fn live_text(&mut self, text: &str) -> Result<(), Closing> {
        check_text(text)?;
        self.live = true;
        let setup = self.setup()?;
        if setup.model.third && setup.interrupts {
            self.interrupt();
        }
        self.context.text += tokens(text);
        // A blank only asks for the answer to what is there.
        if !text.trim().is_empty() {
            self.script.typed(text);
        }
        self.answer();
        Ok(())
    }

    /// `clientContent`: turns for the conversation, and with `turnComplete` the request to answer them.
    pub(super) fn client_content(&mut self, content: &Value) -> Result<(), Closing> {
        let complete = content["turnComplete"] == true;
        let setup = self.setup()?;
        let allowed = match setup.model.content {
            Content::Always => true,
            Content::BetweenTurns => !self.hearing.busy(),
            Content::History => self.seeding && !self.live,
        };
        if !allowed {
            return Err(Closing::argument());
        }
        let history = self.seeding;
        if !history {
            self.interrupt();
        }
        for turn in content["turns"].as_array().into_iter().flatten() {
            self.add_turn(turn)?;
        }
        if !complete {
            return Ok(());
        }
        // The first of these turns are the past, and nobody answers the past.
        if std::mem::take(&mut self.seeding) {
            self.offer(true);
        } else {
            self.answer();
        }
        Ok(())
    }

    fn add_turn(&mut self, turn: &Value) -> Result<(), Closing> {
        let model = self.setup()?.model;
        let role = match turn["role"].as_str() {
            Some(role) => role,
            None if model.third => return Err(Closing::invalid("Please use a valid role: user, model.")),
            None => "user",
        };
        let parts = turn["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut seen = None;
        let mut spoken = false;
        for part in parts {
            if part.get("functionCall").or(part.get("functionResponse")).is_some() && !model.third {
                return Err(Closing::argument());
            }
            let Some(blob) = part.get("inlineData") else { continue };
            if blob["mimeType"].as_str().is_some_and(|mime| mime.starts_with("audio/")) {
                self.check_sound(blob)?;
                spoken = true;
            } else {
                self.context.image += IMAGE_TOKENS;
                seen = Some(image(blob)?);
            }
        }
        let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        let text = texts.join(" ");
        check_text(&text)?;
        self.context.text += tokens(&text);
        match role {
            "user" => match seen {
                Some(image) => self.script.saw(image, &text),
                None if !text.is_empty() => self.script.typed(&text),
                None if spoken => drop(self.script.heard()),
                None => {}
            },
            "model" => self.script.answered(&text),
            // In place of the instructions.
            "system" if self.vertex() => {}
            _ => return Err(Closing::invalid("Please use a valid role: user, model.")),
        }
        if parts.iter().any(|part| part.get("functionResponse").is_some()) {
            self.script.tool_output();
        }
        Ok(())
    }

    /// Speech in a turn: models of the third generation know what to do with it.
    fn check_sound(&self, blob: &Value) -> Result<(), Closing> {
        if !self.setup()?.model.third {
            return Err(Closing::precondition());
        }
        if rate_of(blob["mimeType"].as_str().unwrap_or_default())? != SEED_RATE {
            return Err(Closing::policy("Audio in client content must have a sample rate of 16000."));
        }
        let samples = listening::decode(blob["data"].as_str().unwrap_or_default(), "data");
        samples.map(drop).map_err(|_| Closing::argument())
    }
}

/// Control characters end a session.
fn check_text(text: &str) -> Result<(), Closing> {
    match text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        true => Err(Closing::argument()),
        false => Ok(()),
    }
}
