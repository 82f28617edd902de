//! What a wish asks of a model that the model does not have. Nothing is asked of the vendor: it would say so only
//! after the connection is up, and for the whole configuration at once.

use super::{
    catalogue::{self, Catalogue, State},
    grok,
    profile::{self, Profile},
    session_object::{are_native, session_object, transcriber},
};
use crate::{
    config::{Config, TransportChoice, VadMode, suggest},
    error::{Error, ErrorClass},
};
use serde_json::{Map, Value};

/// Something about a configuration that its model does not go along with.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// JSON path of the field.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
    /// How bad it is.
    pub severity: Severity,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// No session is possible.
    Impossible,
    /// Two fields say different things, and only one can be so.
    Contradiction,
    /// The field does not work; without it a session is possible.
    Unsupported,
    /// It works, for now or as far as is known.
    Warning(&'static str),
}

impl Finding {
    /// As an error, or a warning: they look alike.
    pub fn error(&self) -> Error {
        let code = match self.severity {
            Severity::Impossible => "unsupported_model",
            Severity::Contradiction => "conflicting_option",
            Severity::Unsupported => "unsupported_option",
            Severity::Warning(code) => code,
        };
        Error::new(ErrorClass::Unsupported, code, self.message.clone()).field(self.path.clone()).fix(self.fix.clone())
    }
}

/// The name that was probably meant.
pub fn meant(given: &str, names: impl Iterator<Item = &'static str>) -> Option<String> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    suggest::nearest(&given.to_lowercase(), &names).map(|name| format!("did you mean {name:?}?"))
}

/// Fields of `extra` that say otherwise than the configuration's own field for the same thing.
fn contradictions(config: &Config) -> Vec<Finding> {
    let Some(profile) = profile::find(&config.provider) else { return Vec::new() };
    if config.extra.is_empty() {
        return Vec::new();
    }
    let own = session_object(&Config { extra: Map::new(), ..config.clone() }, profile);
    let default = session_object(&Config::default(), profile);
    let mut found = Vec::new();
    let mut extra = config.extra.clone();
    if extra.get("tools").is_some_and(are_native) {
        extra.remove("tools");
    }
    compare(&Value::Object(extra), Some(&own), Some(&default), "extra", &mut found);
    found
}

/// Where `extra` says otherwise than the fields of its own that were set.
pub fn compare(extra: &Value, own: Option<&Value>, default: Option<&Value>, path: &str, found: &mut Vec<Finding>) {
    if let (Value::Object(fields), Some(Value::Object(_))) = (extra, own) {
        for (key, value) in fields {
            let (own, default) = (own.and_then(|o| o.get(key)), default.and_then(|d| d.get(key)));
            compare(value, own, default, &format!("{path}.{key}"), found);
        }
    } else if own.is_some() && own != default && own != Some(extra) {
        // What nobody set may be overridden: that is what `extra` is for.
        let message = "says otherwise than the configuration's own field for it".to_owned();
        let (path, fix) = (path.to_owned(), "say it in one place".to_owned());
        found.push(Finding { path, message, fix, severity: Severity::Contradiction });
    }
}

/// Everything the model does not go along with, worst first.
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut found = contradictions(config);
    let mut add = |severity, path: &str, message: String, fix: String| {
        found.push(Finding { path: path.to_owned(), message, fix, severity });
    };
    let Some(profile) = profile::find(&config.provider) else { return found };
    let known = profile.catalogue;
    let model = config.model.as_deref().or(profile.model).unwrap_or_default();
    let unsupported = Severity::Unsupported;

    if !profile.calls && config.transport == TransportChoice::Webrtc {
        let message = format!("{} is reached over WebSocket only", profile.provider);
        add(unsupported, "transport", message, "remove it, or use \"websocket\"".into());
    }
    match known.find_model(model).map(|model| model.state) {
        Some(State::Current) => {}
        Some(State::Other { what, instead }) => {
            let message = format!("{model} cannot hold a conversation here: {what}");
            add(Severity::Impossible, "model", message, instead.to_owned());
        }
        Some(State::Deprecated { until, successor }) => {
            add(Severity::Warning("deprecated_model"), "model", ends(model, until), format!("use {successor}"));
        }
        // Where no model is known, none is unknown.
        None if known.models.is_empty() => {}
        None => {
            let newest = known.models.first().map_or(catalogue::NEWEST, |m| m.name);
            let message = format!("{model:?} is not known here; it is taken to be like {newest}");
            let names = known.models.iter().map(|m| m.name);
            let fix = meant(model, names).unwrap_or_else(|| "check the name, or update duologue".into());
            add(Severity::Warning("unknown_model"), "model", message, fix);
        }
    }
    if !known.reasons(model) {
        for (path, set) in [
            ("reasoning_effort", config.reasoning_effort.is_some()),
            ("parallel_tool_calls", config.parallel_tool_calls.is_some()),
        ] {
            if set {
                let fix = format!("remove it, or use {}", reasoning_models(known));
                add(unsupported, path, format!("{model} does not have it: it does not reason"), fix);
            }
        }
    }
    if !config.tool_handling.approve.is_empty() {
        let message = "the service is told in the definition of a tool whether it asks for approval".to_owned();
        let fix = "remove it, and say `\"require_approval\": \"never\"` there".to_owned();
        add(unsupported, "tool_handling.approve", message, fix);
    }
    if config.temperature.is_some() {
        let message = "the service no longer lets one choose the randomness".to_owned();
        add(
            unsupported,
            "temperature",
            message,
            "remove it; say in the instructions how free the answers shall be".into(),
        );
    }
    if let Some(voice) = config.voice.as_deref() {
        let names = known.voices.join(", ");
        let custom = known.custom_voice.is_some_and(|begins| voice.starts_with(begins));
        let same = |name: &&str| *name == voice || profile.grok && name.eq_ignore_ascii_case(voice);
        if custom || known.voices.is_empty() || known.voices.iter().any(same) {
        } else if !profile.grok && catalogue::LIVE_VOICES.contains(&voice) {
            let message = format!("{voice:?} is a voice of the Live protocol only");
            add(unsupported, "voice", message, format!("use one of: {names}"));
        } else {
            let message = format!("{voice:?} is not known here");
            let own =
                known.custom_voice.map_or("of your own".to_owned(), |begins| format!("of your own ({begins}...)"));
            let fix = format!("known are: {names}, and voices {own}");
            let fix = meant(voice, known.voices.iter().copied()).map_or(fix.clone(), |meant| format!("{meant} {fix}"));
            add(Severity::Warning("unknown_voice"), "voice", message, fix);
        }
    }
    found.extend(transcription(config, profile));
    if profile.grok {
        found.extend(grok::findings(config));
    }
    found.sort_by_key(|f| match f.severity {
        Severity::Impossible | Severity::Contradiction => 0,
        Severity::Unsupported => 1,
        Severity::Warning(_) => 2,
    });
    found
}

fn transcription(config: &Config, profile: &Profile) -> Vec<Finding> {
    let Some(wish) = &config.transcription else { return Vec::new() };
    let mut found = Vec::new();
    let mut add = |severity, path: &str, message: String, fix: String| {
        found.push(Finding { path: path.to_owned(), message, fix, severity });
    };
    let name = transcriber(wish, profile);
    let models = profile.catalogue;
    if models.transcribers.is_empty() {
        return found;
    }
    let Some(model) = models.find_transcriber(name) else {
        let known: Vec<_> = current(models, |_| true);
        let message = format!("the transcription model {name:?} is not known here");
        let fix = format!("check the name; known are: {}", known.join(", "));
        add(Severity::Warning("unknown_model"), "transcription.model", message, fix);
        return found;
    };
    if let State::Deprecated { until, successor } = model.state {
        let severity = Severity::Warning("deprecated_model");
        add(severity, "transcription.model", ends(name, until), format!("use {successor}"));
    }
    if model.manual_only && config.turn_detection.mode != VadMode::Manual {
        let message = format!("{name} transcribes manual turns only");
        let others: Vec<_> = current(models, |model| !model.manual_only);
        let fix = format!("set turn_detection.mode to \"manual\", or use {}", others.join(" or "));
        add(Severity::Unsupported, "transcription.model", message, fix);
    }
    type Takes = fn(&catalogue::Transcriber) -> bool;
    let has: [(_, _, Takes); 4] = [
        ("prompt", wish.prompt.is_some(), |m| m.prompt),
        ("languages", !wish.languages.is_empty(), |m| m.hints),
        ("keywords", !wish.keywords.is_empty(), |m| m.hints),
        ("delay", wish.delay.is_some(), |m| m.delay),
    ];
    for (field, set, takes) in has {
        if set && !takes(model) {
            let fix = format!("remove it, or set transcription.model to {}", current(models, takes).join(" or "));
            add(Severity::Unsupported, &format!("transcription.{field}"), format!("{name} does not take it"), fix);
        }
    }
    found
}

fn current(known: &Catalogue, which: impl Fn(&catalogue::Transcriber) -> bool) -> Vec<&'static str> {
    let models = known.transcribers.iter().filter(|m| m.state == State::Current && which(m));
    models.map(|m| m.name).collect()
}

fn reasoning_models(known: &Catalogue) -> String {
    let models = known.models.iter().filter(|m| m.state == State::Current && m.reasons);
    models.map(|m| m.name).collect::<Vec<_>>().join(" or ")
}

fn ends(name: &str, until: Option<&str>) -> String {
    match until {
        Some(day) => format!("the service switches {name} off on {day}"),
        None => format!("{name} is an old preview that the service may switch off"),
    }
}
