//! The session callers get, and what of it they may choose.

use super::refusal::Refusal;
use crate::{
    config::Config,
    error::{Error, ErrorClass, Result},
    provider,
};
use serde_json::{Value, json};
use std::{borrow::Cow, sync::Arc};

/// Names in a message are cut here: they are a stranger's.
const SHOWN: usize = 64;

/// What a caller asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wishes {
    pub(super) model: Option<String>,
    pub(super) voice: Option<String>,
    pub(super) instructions: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Policy {
    /// All that can be chosen. The first is what nobody has to choose.
    choices: Vec<Choice>,
    caller_instructions: bool,
}

#[derive(Debug)]
struct Choice {
    model: String,
    voice: Option<String>,
    /// What the model lacks is settled.
    config: Arc<Config>,
}

impl Policy {
    /// Every choice a caller may make is looked at now, so that none is refused by the service later.
    ///
    /// # Errors
    /// As making a client of `config` with each of the models and voices.
    pub(super) fn new(
        config: &Config,
        models: &[String],
        voices: &[String],
        caller_instructions: bool,
    ) -> Result<Self> {
        config.validate()?;
        if config.greeting.is_some() {
            let message = "a greeting is said by the client that makes the call, not by this server";
            return Err(Error::new(ErrorClass::Unsupported, "unsupported", message)
                .field("greeting")
                .fix("let the client ask for it"));
        }
        if config.sdp_proxy.is_some() {
            let message = "this server asks the service itself, and no other server";
            return Err(Error::new(ErrorClass::Unsupported, "unsupported", message)
                .field("sdp_proxy")
                .fix("remove it"));
        }
        let own = Choice::new(Config { model: Some(model(config)?), ..config.clone() })?;
        let others = |own: Option<&str>, more: &[String]| {
            more.iter().filter(|name| own != Some(name.as_str())).cloned().collect::<Vec<_>>()
        };
        let models: Vec<_> = [own.model.clone()].into_iter().chain(others(Some(&own.model), models)).collect();
        // A provider may have a voice of its own that has no name here.
        let more = others(own.voice.as_deref(), voices).into_iter().map(Some);
        let voices: Vec<_> = [own.voice.clone()].into_iter().chain(more).collect();
        let pairs = models.iter().flat_map(|model| voices.iter().map(move |voice| (model, voice)));
        let choices = pairs.map(|(model, voice)| {
            Choice::new(Config { model: Some(model.clone()), voice: voice.clone(), ..config.clone() })
        });
        Ok(Self { choices: choices.collect::<Result<_>>()?, caller_instructions })
    }

    /// What every caller may get.
    pub(super) fn choices(&self) -> impl Iterator<Item = &Config> {
        self.choices.iter().map(|choice| &*choice.config)
    }

    /// The session for a caller with these wishes. It has its model.
    pub(super) fn session(&self, wishes: Wishes) -> Result<Cow<'_, Config>, Refusal> {
        let default = &self.choices[0];
        let model = wishes.model.as_deref().unwrap_or(&default.model);
        let voice = wishes.voice.as_deref().or(default.voice.as_deref());
        let not =
            |what: &str, name: &str| Refusal::fixed(what, format!("The {what} '{}' is not offered here.", shown(name)));
        let mut of_model = self.choices.iter().filter(|choice| choice.model == model).peekable();
        of_model.peek().ok_or_else(|| not("model", model))?;
        let offered = of_model.find(|choice| choice.voice.as_deref() == voice);
        let choice = offered.ok_or_else(|| not("voice", voice.unwrap_or_default()))?;
        let Some(words) = wishes.instructions else { return Ok(Cow::Borrowed(&choice.config)) };
        if !self.caller_instructions {
            return Err(Refusal::fixed("instructions", "The instructions are set by this server."));
        }
        // After the server's own, which stay.
        let own = choice.config.instructions.as_deref().map(|own| format!("{own}\n\n"));
        Ok(Cow::Owned(Config { instructions: Some(own.unwrap_or_default() + &words), ..Config::clone(&choice.config) }))
    }
}

impl Choice {
    fn new(config: Config) -> Result<Self> {
        let (config, warnings) = provider::settle(Arc::new(config))?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        provider::codec_for(&config)?;
        let model = config.model.clone().unwrap_or_default();
        let voice = config.voice.clone().or_else(|| provider::defaults(&config.provider).voice.map(str::to_owned));
        Ok(Self { model, voice, config })
    }
}

/// The model of the configuration, or else of its provider.
fn model(config: &Config) -> Result<String> {
    let model = config.model.clone().or_else(|| provider::defaults(&config.provider).model.map(str::to_owned));
    model.ok_or_else(|| Error::new(ErrorClass::Config, "invalid_config", "there is no model").field("model"))
}

impl Wishes {
    /// From the query of the request.
    pub(super) fn of_query(query: &str) -> Result<Self, Refusal> {
        let mut wishes = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            wishes.set(&name, "", &json!(value))?;
        }
        Ok(wishes)
    }

    /// From the fields of a JSON object with `sdp`, which is read elsewhere.
    pub(super) fn and_fields(mut self, object: &Value) -> Result<Self, Refusal> {
        for (name, value) in object.as_object().into_iter().flatten().filter(|(name, _)| *name != "sdp") {
            self.set(name, "", value)?;
        }
        Ok(self)
    }

    /// From a session object as the vendor has it.
    pub(super) fn and_session(mut self, session: &Value) -> Result<Self, Refusal> {
        let Some(fields) = session.as_object() else {
            return Err(Refusal::bad("invalid_type", "The session is not an object.").param("session"));
        };
        for (name, value) in fields {
            match name.as_str() {
                "type" if value == "realtime" => {}
                "audio" => self.set_audio(value)?,
                _ => self.set(name, "session.", value)?,
            }
        }
        Ok(self)
    }

    /// Of `audio` only the voice can be chosen.
    fn set_audio(&mut self, audio: &Value) -> Result<(), Refusal> {
        for (side, fields) in audio.as_object().into_iter().flatten() {
            for (name, value) in fields.as_object().into_iter().flatten() {
                match (side.as_str(), name.as_str()) {
                    ("output", "voice") => {
                        self.set("voice", "session.audio.output.", value.get("id").unwrap_or(value))?
                    }
                    _ => return Err(foreign(&format!("session.audio.{}.{}", shown(side), shown(name)))),
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, path: &str, value: &Value) -> Result<(), Refusal> {
        let slot = match name {
            "model" => &mut self.model,
            "voice" => &mut self.voice,
            "instructions" => &mut self.instructions,
            _ => return Err(foreign(&format!("{path}{}", shown(name)))),
        };
        match value {
            Value::Null => {}
            Value::String(text) => *slot = Some(text.clone()),
            _ => {
                let message = format!("{path}{name} is not a string.");
                return Err(Refusal::bad("invalid_type", message).param(format!("{path}{name}")));
            }
        }
        Ok(())
    }
}

fn foreign(path: &str) -> Refusal {
    Refusal::fixed(path, format!("'{path}' is set by this server: a caller chooses model and voice."))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
