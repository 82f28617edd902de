//! Credentials: typed, zeroized, and never printed.

use crate::error::{Error, ErrorClass, Result};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use std::fmt;

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[non_exhaustive]
pub enum CredentialKind {
    /// A long-lived key of the account. Not for programs that others can read.
    ApiKey,
    /// A short-lived secret minted for one client (`ek_…`, `auth_tokens/…`).
    Ephemeral,
    /// A URL that carries its own permission.
    SignedUrl,
    /// A token of another issuer that the service takes in the place of a key.
    Bearer,
}

/// A secret for one provider. `Debug` redacts it; the memory is wiped on drop.
#[derive(Clone)]
pub struct Credential {
    kind: CredentialKind,
    value: SecretString,
    expires_at: Option<u64>,
    endpoint: Option<SecretString>,
    model: Option<String>,
}

impl Credential {
    /// A key. What begins with `ek_`, `auth_tokens/` or `xai-realtime-client-secret-` is taken as ephemeral.
    ///
    /// # Errors
    /// `missing_key` when empty, `malformed_key` when it has spaces, control or non-ASCII characters.
    pub fn new(value: impl Into<String>) -> Result<Self> {
        let mut credential = Self::of_kind(CredentialKind::ApiKey, value)?;
        if ["ek_", "auth_tokens/", "xai-realtime-client-secret-"]
            .iter()
            .any(|prefix| credential.expose().starts_with(prefix))
        {
            credential.kind = CredentialKind::Ephemeral;
        }
        Ok(credential)
    }

    /// A secret of a known kind.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_kind(kind: CredentialKind, value: impl Into<String>) -> Result<Self> {
        // What the trimmed copy leaves behind is wiped too.
        let value = Zeroizing::new(value.into());
        let text = value.trim();
        let what = match kind {
            CredentialKind::ApiKey => "the API key",
            CredentialKind::Ephemeral => "the client secret",
            CredentialKind::SignedUrl => "the signed URL",
            CredentialKind::Bearer => "the bearer token",
        };
        let wrong = |code: &'static str, why: &str| {
            let error = Error::new(ErrorClass::Credential, code, format!("{what} {why}"));
            Err(error.fix(format!("give {what} as the provider shows it")))
        };
        if text.is_empty() {
            return wrong("missing_key", "is empty");
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return wrong("malformed_key", "contains spaces or characters no key has");
        }
        let value = text.to_owned().into();
        Ok(Self { kind, value, expires_at: None, endpoint: None, model: None })
    }

    /// When it stops being good, in seconds since 1970 (what `expires_at` says in the vendors' answers).
    /// After that nothing is dialled with it.
    #[must_use]
    pub fn with_expires_at(mut self, unix_s: u64) -> Self {
        self.expires_at = Some(unix_s);
        self
    }

    /// The base URL it is good for, in the place of the configured one: `https` or `wss`, on this machine
    /// `http` and `ws` too. Whoever takes the credential checks it. A query is taken as secret.
    #[must_use]
    pub fn with_endpoint(mut self, base_url: impl Into<String>) -> Self {
        let given = Zeroizing::new(base_url.into());
        self.endpoint = Some(given.trim().to_owned().into());
        self
    }

    /// The model it was minted for. It is dialled when the configuration names none; another one than the
    /// configured is refused.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// What kind of secret it is.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// When it stops being good, in seconds since 1970.
    pub fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// The model it was minted for.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The base URL it is good for. Its query may be secret.
    pub fn expose_endpoint(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|endpoint| endpoint.expose_secret())
    }

    /// The secret, for the transport that sends it ([`crate::transport::Dialer`]) and nobody else:
    /// what it is copied into is no longer redacted or wiped.
    pub fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("kind", &self.kind)
            .field("value", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .field("endpoint", &self.expose_endpoint().map(shown))
            .field("model", &self.model)
            .finish()
    }
}

/// True for a URL of loopback, where nobody reads along.
pub(crate) fn on_this_machine(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A URL without what may be secret in it: password, query and fragment.
pub(crate) fn shown(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (bare, rest) = url.split_at(end);
    if bare.contains('@') {
        return "[redacted]".to_owned();
    }
    format!("{bare}{}", if rest.is_empty() { "" } else { "?[redacted]" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_key() {
        let c = Credential::new(" sk-canary \n").unwrap();
        assert_eq!(c.expose(), "sk-canary");
        assert!(!format!("{c:?}").contains("canary"));
        for secret in ["ek_1", "auth_tokens/1", "xai-realtime-client-secret-1"] {
            assert_eq!(Credential::new(secret).unwrap().kind(), CredentialKind::Ephemeral);
        }
        assert_eq!(Credential::new("xai-1").unwrap().kind(), CredentialKind::ApiKey);
    }

    #[test]
    fn debug_shows_where_it_is_good_and_not_how() {
        for (endpoint, host) in [
            ("https://eu.example/v1?ticket=canary", true),
            ("https://eu.example/v1#canary", true),
            ("https://user:canary@eu.example/v1", false),
        ] {
            let c = Credential::new("sk-canary").unwrap().with_endpoint(endpoint).with_model("m").with_expires_at(9);
            let text = format!("{c:?} {c:#?}");
            assert!(!text.contains("canary"), "{text}");
            assert_eq!(text.contains("eu.example"), host, "{text}");
            assert!(text.contains("expires_at: Some(9)") && text.contains("model: Some(\"m\")"), "{text}");
            assert_eq!(c.expose_endpoint(), Some(endpoint));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(Credential::new("  ").unwrap_err().code, "missing_key");
        assert_eq!(Credential::new("sk a").unwrap_err().code, "malformed_key");
        assert_eq!(Credential::new("sk-\u{e9}").unwrap_err().code, "malformed_key");
        let error = Credential::of_kind(CredentialKind::Bearer, "canary canary").unwrap_err();
        assert!(error.message.contains("bearer token") && !error.to_string().contains("canary"), "{error}");
    }
}
