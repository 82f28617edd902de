//! Credentials: typed, zeroized, and never printed.

use crate::error::{Error, ErrorClass, Result};
use secrecy::{ExposeSecret, SecretString};

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A long-lived key of the account. Not for programs that others can read.
    ApiKey,
    /// A short-lived secret minted for one client (`ek_…`).
    Ephemeral,
}

/// A secret for one provider. `Debug` prints `[redacted]`; the memory is wiped on drop.
#[derive(Clone, Debug)]
pub struct Credential {
    kind: CredentialKind,
    value: SecretString,
}

impl Credential {
    /// A key. Keys that begin with `ek_` are taken as ephemeral.
    ///
    /// # Errors
    /// `missing_key` when empty, `malformed_key` when it has spaces, control or non-ASCII characters.
    pub fn new(value: impl Into<String>) -> Result<Self> {
        let mut credential = Self::of_kind(CredentialKind::ApiKey, value)?;
        if credential.expose().starts_with("ek_") {
            credential.kind = CredentialKind::Ephemeral;
        }
        Ok(credential)
    }

    /// A secret of a known kind.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_kind(kind: CredentialKind, value: impl Into<String>) -> Result<Self> {
        let value = SecretString::from(value.into());
        let text = value.expose_secret().trim();
        let wrong = |code: &'static str, message: &str| {
            Err(Error::new(ErrorClass::Credential, code, message).fix("give the API key as the provider shows it"))
        };
        if text.is_empty() {
            return wrong("missing_key", "the API key is empty");
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return wrong("malformed_key", "the API key contains spaces or characters no key has");
        }
        Ok(Self { kind, value: text.to_owned().into() })
    }

    /// What kind of secret it is.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// The secret, for the transport that sends it ([`crate::transport::Dialer`]) and nobody else:
    /// what it is copied into is no longer redacted or wiped.
    pub fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_key() {
        let c = Credential::new(" sk-canary \n").unwrap();
        assert_eq!(c.expose(), "sk-canary");
        assert!(!format!("{c:?}").contains("canary"));
        assert_eq!(Credential::new("ek_1").unwrap().kind(), CredentialKind::Ephemeral);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(Credential::new("  ").unwrap_err().code, "missing_key");
        assert_eq!(Credential::new("sk a").unwrap_err().code, "malformed_key");
        assert_eq!(Credential::new("sk-\u{e9}").unwrap_err().code, "malformed_key");
    }
}
