//! The one error type of every layer: what went wrong, whether it ends the session, and the fix.
//!
//! An error never carries a credential: messages are built from names, paths and vendor texts that
//! passed [`redact`].

mod code;

pub use code::ErrorCode;

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// Family of an error. Hosts branch on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorClass {
    /// A call was made with a value that can never be right.
    Argument,
    /// The configuration document is wrong; `field` names the JSON path.
    Config,
    /// The provider, model or build cannot do this.
    Unsupported,
    /// The call is right but not now.
    State,
    /// A credential is missing, expired or refused.
    Credential,
    /// The network or the peer's transport failed.
    Network,
    /// The peer's certificate or the TLS handshake was refused.
    Tls,
    /// The peer broke the protocol, or we did.
    Protocol,
    /// The vendor reported a failure of its own.
    Provider,
    /// Billing or rate limits of the account.
    Quota,
    /// A documented bound was exceeded.
    Limit,
    /// An audio device failed.
    Device,
    /// The operating system denied access.
    Permission,
    /// A tool failed, timed out or does not exist.
    Tool,
    /// Host code is too slow or misbehaved.
    Host,
    /// A bug in duologue.
    Internal,
}

/// What went wrong, in words for a person and codes for a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Error {
    /// Family of the error.
    pub class: ErrorClass,
    /// Stable snake_case word, for example `invalid_key` or `host_too_slow`.
    pub code: Cow<'static, str>,
    /// One sentence for a person. Never contains a secret.
    pub message: String,
    /// JSON path or parameter the error is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The vendor's own code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// True when the session cannot go on.
    pub fatal: bool,
    /// True when the same call may succeed later without a change.
    pub retryable: bool,
    /// How long the service asks to be left alone, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Error {
    /// A non-fatal error of `class` with a stable `code`.
    pub fn new(class: ErrorClass, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            field: None,
            fix: None,
            provider_code: None,
            fatal: false,
            retryable: false,
            retry_after_ms: None,
        }
    }

    /// Adds what to do about it.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds the JSON path or parameter the error is about.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds the vendor's own code.
    pub fn provider_code(mut self, code: impl Into<String>) -> Self {
        self.provider_code = Some(code.into());
        self
    }

    /// Marks the error as ending the session.
    pub fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// Adds how long the service asks to be left alone. It may pass by itself.
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self.retryable()
    }

    /// Marks the error as one that may pass by itself.
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

/// One line: cause, then the fix.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(code) = self.provider_code.as_ref().filter(|c| !self.message.contains(c.as_str())) {
            write!(f, " ({code})")?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "; {fix}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Shorthand used across the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// `text` with everything that looks like an API key (`sk-…`, `ek_…`, `xai-…`, `AIza…`, `auth_tokens/…`, a bearer
/// token) replaced, and control characters made visible. Vendor texts pass through here before
/// they reach an error, an event or a log line: some services echo the rejected key.
pub fn redact(text: &str) -> String {
    const MARKS: [&str; 7] = ["sk-", "ek_", "xai-", "AIza", "auth_tokens/", "Bearer ", "openai-insecure-api-key."];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark)) = MARKS.iter().filter_map(|m| rest.find(m).map(|at| (at, m))).min_by_key(|(at, _)| *at) {
        // Inside a word it is not a key ("task-id"), so only the mark itself passes.
        let inside = rest[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric());
        let end = at + mark.len();
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        if !inside {
            let key = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.*+/=".contains(c))).unwrap_or(rest.len());
            if key > 0 {
                out.push_str("[redacted]");
            }
            rest = &rest[key..];
        }
    }
    out.push_str(rest);
    out.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_field_cause_and_fix() {
        let e = Error::new(ErrorClass::Config, "invalid_config", "unknown key").field("audio.rate").fix("remove it");
        assert_eq!(e.to_string(), "audio.rate: unknown key; remove it");
    }

    #[test]
    fn vendor_texts_lose_their_keys() {
        let text = redact("Incorrect API key provided: sk-proj-abc_123. Bearer xyz\nsee task-list");
        assert_eq!(text, "Incorrect API key provided: sk-[redacted] Bearer [redacted] see task-list");
        assert_eq!(redact("openai-insecure-api-key.ek_9, plain"), "openai-insecure-api-key.[redacted], plain");
        assert_eq!(redact("no auth_tokens/abc-1 here"), "no auth_tokens/[redacted] here");
    }
}
