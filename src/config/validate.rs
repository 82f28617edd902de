//! Checks that need more than a type: ranges, names, combinations.

use super::{AudioDelivery, AudioSource, Config, Modality, Positions, invalid};
use crate::error::{Error, ErrorClass, Result};

impl Config {
    /// Checks ranges and combinations. [`Config::from_json`] has already done it.
    ///
    /// # Errors
    /// Class `config` (or `unsupported` for an unknown provider), naming the field and the fix.
    pub fn validate(&self) -> Result<()> {
        if self.provider != "openai" {
            let known = "openai";
            return Err(Error::new(
                ErrorClass::Unsupported,
                "unknown_provider",
                format!("no provider is called {:?}", self.provider),
            )
            .field("provider")
            .fix(format!("use one of: {known}")));
        }
        range("speed", self.speed, 0.25, 1.5)?;
        range("turn_detection.threshold", self.turn_detection.threshold, 0.0, 1.0)?;
        range("max_output_tokens", self.max_output_tokens.map(f64::from), 1.0, 4096.0)?;
        for (path, text) in [("model", &self.model), ("voice", &self.voice), ("base_url", &self.base_url)] {
            if text.as_ref().is_some_and(|t| t.trim().is_empty()) {
                return Err(invalid(path, "is empty").fix("leave it out for the default"));
            }
        }
        self.validate_audio()?;
        if self.output_modality == Modality::Text && self.speed.is_some() {
            return Err(
                invalid("speed", "written answers have no speed").fix("remove it, or set output_modality to audio")
            );
        }
        self.validate_tools()
    }

    fn validate_audio(&self) -> Result<()> {
        let (input, output) = (&self.audio.input, &self.audio.output);
        for (path, source, rate) in
            [("audio.input.rate", input.source, input.rate), ("audio.output.rate", output.source, output.rate)]
        {
            range(path, rate.map(f64::from), 8000.0, 192_000.0)?;
            if rate.is_some() && source != AudioSource::Host {
                return Err(
                    invalid(path, "only host audio has a rate of its own").fix("remove it, or set source to host")
                );
            }
        }
        let pull = output.delivery != AudioDelivery::Events;
        let reported = output.positions != Positions::Estimated;
        for (path, chosen, what) in [
            ("audio.output.delivery", pull, "only a host pulls audio"),
            ("audio.output.positions", reported, "only a host reports what it played"),
        ] {
            if chosen && output.source != AudioSource::Host {
                return Err(invalid(path, what).fix("remove it, or set audio.output.source to host"));
            }
        }
        Ok(())
    }

    fn validate_tools(&self) -> Result<()> {
        for (i, tool) in self.tools.iter().enumerate() {
            let name = format!("tools[{i}].name");
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if tool.name.is_empty() || tool.name.len() > 64 || !tool.name.chars().all(legal) {
                return Err(invalid(name, format!("{:?} is not a function name", tool.name))
                    .fix("use 1 to 64 letters, digits, _ or -"));
            }
            if self.tools[..i].iter().any(|t| t.name == tool.name) {
                return Err(invalid(name, format!("{:?} is there twice", tool.name)).fix("give each tool its own name"));
            }
            if tool.parameters.as_ref().is_some_and(|p| !p.is_object()) {
                return Err(invalid(format!("tools[{i}].parameters"), "is not a JSON Schema object")
                    .fix(r#"write {"type":"object","properties":{...}}"#));
            }
        }
        if self.tools.is_empty() && self.tool_choice != super::ToolChoice::Auto {
            return Err(invalid("tool_choice", "there is no tool to choose").fix("declare tools, or leave it out"));
        }
        if let super::ToolChoice::Function(name) = &self.tool_choice
            && !self.tools.iter().any(|t| &t.name == name)
        {
            return Err(invalid("tool_choice", format!("no tool is called {name:?}")).fix("declare it in tools"));
        }
        Ok(())
    }
}

fn range(path: &str, value: Option<f64>, low: f64, high: f64) -> Result<()> {
    match value {
        Some(v) if !(low..=high).contains(&v) => {
            Err(invalid(path, format!("{v} is out of range")).fix(format!("use {low} to {high}")))
        }
        _ => Ok(()),
    }
}
