//! Where secrets come from. The secrets themselves are never in the configuration.

use serde::{Deserialize, Serialize};

/// How the client gets its credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CredentialPolicy {
    /// Who provides it.
    pub source: CredentialSource,
    /// `asked` only: how long the host may take to answer, 100 to 120000 milliseconds.
    pub timeout_ms: u32,
    /// `asked` only: a new one is asked for 60 s before the present one expires (for a short life, at half of
    /// it), but never sooner than 5 s after the last. A failure keeps the call.
    pub refresh_ahead: bool,
    /// Long-lived keys are refused: for programs that others can take apart. On by default in builds for
    /// phones.
    pub ephemeral_only: bool,
}

impl Default for CredentialPolicy {
    fn default() -> Self {
        Self {
            source: CredentialSource::Given,
            timeout_ms: 15_000,
            refresh_ahead: false,
            ephemeral_only: cfg!(any(target_os = "ios", target_os = "android")),
        }
    }
}

/// Who provides the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// The host gave it before connecting.
    #[default]
    Given,
    /// The host is asked at each dial with a `credential_needed` event.
    Asked,
}
