//! Checks that need more than a type: ranges, names, combinations.

use super::{
    AudioDelivery, AudioSource, Config, CredentialPolicy, CredentialSource, Modality, PROVIDERS, Positions, SdpForm,
    TransportChoice, invalid, ranges::range,
};
use crate::error::{Error, ErrorClass, Result, redact};

/// Bytes of a greeting.
const GREETING: usize = 64 * 1024;
/// Bytes of the note behind a replayed conversation.
const NOTE: usize = 4096;
/// Labels, and bytes of each name and value.
const LABELS: (usize, usize) = (32, 256);

impl Config {
    /// Checks ranges and combinations. [`Config::from_json`] has already done it.
    ///
    /// # Errors
    /// Class `config` (or `unsupported` for an unknown provider), naming the field and the fix.
    pub fn validate(&self) -> Result<()> {
        if !PROVIDERS.contains(&self.provider.as_str()) {
            let known = PROVIDERS.join(", ");
            return Err(Error::new(
                ErrorClass::Unsupported,
                "unknown_provider",
                redact(&format!("no provider is called {:?}", self.provider)),
            )
            .field("provider")
            .fix(format!("use one of: {known}")));
        }
        range("speed", self.speed)?;
        range("temperature", self.temperature)?;
        range("max_output_tokens", self.max_output_tokens.map(f64::from))?;
        for (path, text) in [("model", &self.model), ("voice", &self.voice), ("base_url", &self.base_url)] {
            if text.as_ref().is_some_and(|t| t.trim().is_empty()) {
                return Err(invalid(path, "is empty").fix("leave it out for the default"));
            }
        }
        self.validate_transport()?;
        self.validate_audio()?;
        if self.output_modality == Modality::Text && self.speed.is_some() {
            return Err(
                invalid("speed", "written answers have no speed").fix("remove it, or set output_modality to audio")
            );
        }
        self.validate_greeting()?;
        self.validate_turns()?;
        self.validate_transcription()?;
        self.validate_tools()?;
        self.validate_credentials()?;
        self.validate_recovery()?;
        self.validate_labels()
    }

    fn validate_transport(&self) -> Result<()> {
        if self.transport == TransportChoice::Webrtc && !cfg!(feature = "webrtc") {
            let error = Error::new(ErrorClass::Unsupported, "no_transport", "this build has no WebRTC");
            return Err(error.field("transport").fix("build with the feature webrtc, or use \"websocket\""));
        }
        let Some(proxy) = &self.sdp_proxy else { return Ok(()) };
        if self.transport != TransportChoice::Webrtc {
            let message = "only a call can be offered to a server of one's own";
            return Err(invalid("sdp_proxy", message).fix("set transport to \"webrtc\", or remove it"));
        }
        if self.model.is_some() && proxy.form == SdpForm::Sdp {
            let message = "an offer alone has no place for the model, which the server chooses then";
            return Err(invalid("model", message).fix("remove it, or set sdp_proxy.form to \"multipart\" or \"json\""));
        }
        let url = url::Url::parse(&proxy.url).ok();
        let good =
            |url: &url::Url| matches!(url.scheme(), "https" | "http") && url.has_host() && url.username().is_empty();
        if !url.is_some_and(|url| good(&url) && url.password().is_none()) {
            return Err(invalid("sdp_proxy.url", "is no address of a web server, or carries a password")
                .fix("write it like \"https://app.example/calls\""));
        }
        Ok(())
    }

    fn validate_audio(&self) -> Result<()> {
        let (input, output) = (&self.audio.input, &self.audio.output);
        for (path, source, rate) in
            [("audio.input.rate", input.source, input.rate), ("audio.output.rate", output.source, output.rate)]
        {
            range(path, rate.map(f64::from))?;
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

    fn validate_greeting(&self) -> Result<()> {
        let Some(greeting) = &self.greeting else { return Ok(()) };
        if greeting.trim().is_empty() {
            return Err(invalid("greeting", "is empty").fix("leave it out for none"));
        }
        if greeting.len() > GREETING {
            let message = format!("has {} bytes", greeting.len());
            return Err(invalid("greeting", message).fix(format!("use at most {GREETING}")));
        }
        Ok(())
    }

    fn validate_credentials(&self) -> Result<()> {
        let credentials = &self.credentials;
        range("credentials.timeout_ms", Some(credentials.timeout_ms.into()))?;
        let default = CredentialPolicy::default();
        for (path, chosen) in [
            ("credentials.timeout_ms", credentials.timeout_ms != default.timeout_ms),
            ("credentials.refresh_ahead", credentials.refresh_ahead != default.refresh_ahead),
        ] {
            if chosen && credentials.source != CredentialSource::Asked {
                return Err(invalid(path, "only a credential that is asked for has it")
                    .fix("set credentials.source to \"asked\", or remove it"));
            }
        }
        Ok(())
    }

    fn validate_recovery(&self) -> Result<()> {
        let recovery = &self.recovery;
        range("recovery.max_attempts", Some(recovery.max_attempts.into()))?;
        range("recovery.max_offline_ms", Some(recovery.max_offline_ms.into()))?;
        range("recovery.pre_roll_ms", Some(recovery.pre_roll_ms.into()))?;
        if let Some(note) = &recovery.context_note
            && (note.trim().is_empty() || note.len() > NOTE)
        {
            let message = format!("has {} bytes", note.len());
            return Err(invalid("recovery.context_note", message).fix(format!("use 1 to {NOTE}, or null for none")));
        }
        Ok(())
    }

    fn validate_labels(&self) -> Result<()> {
        let (most, bytes) = LABELS;
        if self.labels.len() > most {
            return Err(
                invalid("labels", format!("has {} labels", self.labels.len())).fix(format!("use at most {most}"))
            );
        }
        for (name, value) in &self.labels {
            if name.trim().is_empty() {
                return Err(invalid("labels", "a label has no name").fix("give it one, like \"session\""));
            }
            if name.len() > bytes {
                return Err(
                    invalid("labels", "a label has a name that is too long").fix(format!("use at most {bytes} bytes"))
                );
            }
            if value.len() > bytes {
                let message = format!("has {} bytes", value.len());
                return Err(invalid(format!("labels.{name}"), message).fix(format!("use at most {bytes}")));
            }
            if name.chars().chain(value.chars()).any(char::is_control) {
                let field = if name.chars().any(char::is_control) { "labels".into() } else { format!("labels.{name}") };
                return Err(invalid(field, "contains control characters").fix("use one line of text"));
            }
        }
        Ok(())
    }
}
