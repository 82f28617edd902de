//! Secrets: given for the next dial, or answered when the engine asks.

use super::{client::Client, error::Result};
use crate::{
    Credential,
    credential::CredentialKind,
    error::{Error, ErrorClass},
};

/// A secret; never part of the configuration.
#[derive(Clone, uniffi::Record)]
pub struct CredentialInput {
    /// What it is. Nothing: a key as the provider shows it; those that begin with `ek_` are taken as ephemeral.
    pub kind: Option<CredentialKind>,
    /// The secret.
    pub value: String,
    /// When it stops being good, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// The base URL it is good for, in the place of the configured one.
    pub endpoint: Option<String>,
    /// The model it was minted for.
    pub model: Option<String>,
}

impl TryFrom<CredentialInput> for Credential {
    type Error = Error;

    fn try_from(input: CredentialInput) -> std::result::Result<Self, Error> {
        let made = match input.kind {
            None => Self::new(input.value),
            Some(kind) => Self::of_kind(kind, input.value),
        };
        let mut credential = made.map_err(|error| error.field("credential"))?;
        if let Some(unix_s) = input.expires_at {
            credential = credential.with_expires_at(unix_s);
        }
        if let Some(base_url) = input.endpoint {
            credential = credential.with_endpoint(base_url);
        }
        if let Some(model) = input.model {
            credential = credential.with_model(model);
        }
        Ok(credential)
    }
}

#[uniffi::export]
impl Client {
    /// Replaces the credential for the next dial. Throws for one that can never be used; the one before stays then.
    pub fn set_credential(&self, credential: CredentialInput) -> Result<()> {
        Ok(self.client.set_credential(credential.try_into()?)?)
    }

    /// Answers a `credential_needed` event. Throws `stale_request` when it is not waited for any more, and what is
    /// wrong with the credential: then the request stays open for a better one.
    pub fn answer_credential(&self, request_id: u64, credential: CredentialInput) -> Result<()> {
        Ok(self.client.answer_credential(request_id, Ok(credential.try_into()?))?)
    }

    /// Says why there is no credential: the connect fails, or, when it was asked for ahead, the call goes on.
    pub fn refuse_credential(&self, request_id: u64, message: String, retryable: bool) -> Result<()> {
        let error = Error::new(ErrorClass::Credential, "credential_refused", message);
        let error = if retryable { error.retryable() } else { error };
        Ok(self.client.answer_credential(request_id, Err(error))?)
    }
}
