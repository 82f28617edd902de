//! Credentials: given, or asked for.

use super::{
    client::{duologue_client, with},
    config::truth,
    guard::{guard, null},
    options::read_options,
    result::duologue_result,
    text,
};
use crate::{
    Credential,
    credential::CredentialKind,
    error::{Error, ErrorClass},
};
use std::{
    ffi::{c_char, c_int},
    ptr,
};

/// Kind of a credential. A provider takes some of them only (`credentials` in
/// duologue_client_capabilities_json()).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_credential_kind {
    /// A long-lived key of the account. Not for programs that others can read.
    DUOLOGUE_CREDENTIAL_KIND_API_KEY = 0,
    /// A short-lived secret minted for one client.
    DUOLOGUE_CREDENTIAL_KIND_EPHEMERAL = 1,
    /// A URL that carries its own permission.
    DUOLOGUE_CREDENTIAL_KIND_SIGNED_URL = 2,
    /// A token of another issuer that the service takes in the place of a key.
    DUOLOGUE_CREDENTIAL_KIND_BEARER = 3,
}

/// A secret for the provider. Fill it with zeros, set struct_size, then kind and value, and what else is known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duologue_credential {
    /// sizeof(duologue_credential)
    pub struct_size: u32,
    /// A duologue_credential_kind.
    pub kind: i32,
    /// The secret, UTF-8; copied, and wiped from duologue's memory when it is not needed any more.
    pub value: *const c_char,
    /// When it stops being good, in seconds since 1970 (what `expires_at` says in the vendors' answers); 0 when
    /// nobody knows. After that nothing is dialled with it.
    pub expires_at: u64,
    /// The base URL it is good for, in the place of the configured one: https or wss, on this machine http and ws
    /// too; may be NULL. A query in it is taken as secret.
    pub endpoint: *const c_char,
    /// The model it was minted for; may be NULL. It is dialled when the configuration names none, and another one
    /// than the configured is refused.
    pub model: *const c_char,
}

/// # Safety
/// `credential` is NULL or as the header says.
unsafe fn read(credential: *const duologue_credential) -> Result<Credential, Error> {
    if credential.is_null() {
        return Err(null("credential"));
    }
    let defaults = duologue_credential {
        struct_size: 0,
        kind: 0,
        value: ptr::null(),
        expires_at: 0,
        endpoint: ptr::null(),
        model: ptr::null(),
    };
    // SAFETY: a plain struct of integers and nullable pointers; the caller's promise about its size.
    let (given, whole) = unsafe { read_options("credential", credential, defaults) };
    whole?;
    let kind = match given.kind {
        0 => CredentialKind::ApiKey,
        1 => CredentialKind::Ephemeral,
        2 => CredentialKind::SignedUrl,
        3 => CredentialKind::Bearer,
        other => {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("is {other}"));
            return Err(error.field("credential.kind").fix("use a duologue_credential_kind"));
        }
    };
    // SAFETY: the caller's promise about the texts.
    unsafe {
        let mut secret = Credential::of_kind(kind, text::required("credential.value", given.value)?)?;
        if let Some(endpoint) = text::optional("credential.endpoint", given.endpoint)? {
            secret = secret.with_endpoint(endpoint);
        }
        if let Some(model) = text::optional("credential.model", given.model)? {
            secret = secret.with_model(model);
        }
        Ok(if given.expires_at == 0 { secret } else { secret.with_expires_at(given.expires_at) })
    }
}

/// Gives the secret for the next dial, in the place of an earlier one ("credentials": {"source": "given"}, the
/// default). What fails leaves the earlier one.
///
/// @param client the client
/// @param credential the secret
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown kind, or struct_size too
///         small), DUOLOGUE_ERROR_AUTH (empty, or characters no key has; `bad_endpoint`; `model_mismatch`;
///         `ephemeral_only`: the configuration takes short-lived secrets only), DUOLOGUE_ERROR_UNSUPPORTED
///         (`credential_kind`: the provider takes none of that kind), DUOLOGUE_ERROR_INVALID_STATE
///         (`credential_asked`: the configuration says that credentials are asked for)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_credential(
    client: *mut duologue_client,
    credential: *const duologue_credential,
) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| with(client, |client| client.set_credential(unsafe { read(credential) }?)))
}

/// Answers a `credential_needed` event ("credentials": {"source": "asked"}), also inside its callback. Each request
/// takes one answer, before its deadline. What fails for another reason than DUOLOGUE_ERROR_INVALID_STATE leaves the
/// request open for a better answer.
///
/// @param client the client
/// @param request_id the request_id of the event
/// @param credential the secret; used for one dial
/// @return as duologue_client_set_credential(), DUOLOGUE_ERROR_INVALID_STATE meaning `stale_request` here (nobody
///         asked, it was answered or refused already, its deadline is past, or its run is over: nothing changes), and
///         DUOLOGUE_ERROR_AUTH also for `expired_key`; DUOLOGUE_ERROR_CLOSED (destroyed meanwhile)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_answer_credential(
    client: *mut duologue_client,
    request_id: u64,
    credential: *const duologue_credential,
) -> duologue_result {
    guard(|| {
        with(client, |client| {
            // SAFETY: the caller's promise.
            let secret = unsafe { read(credential) }?;
            client.answer_credential(request_id, Ok(secret))
        })
    })
}

/// Says that there is no credential for a `credential_needed` event: the connect fails with `credential_refused`, or,
/// when it was asked for ahead of expiry, the call goes on with what it has.
///
/// @param client the client
/// @param request_id the request_id of the event
/// @param reason one sentence for a person, which goes into the error; what looks like a key is taken out; NULL
///               for none
/// @param retryable 1 when it may succeed later without a change, otherwise 0
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT (retryable is neither 0 nor 1),
///         DUOLOGUE_ERROR_INVALID_STATE (`stale_request`, as duologue_client_answer_credential()),
///         DUOLOGUE_ERROR_CLOSED (destroyed meanwhile)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_refuse_credential(
    client: *mut duologue_client,
    request_id: u64,
    reason: *const c_char,
    retryable: c_int,
) -> duologue_result {
    guard(|| {
        with(client, |client| {
            // SAFETY: the caller's promise.
            let reason = unsafe { text::optional("reason", reason) }?;
            let reason = reason.unwrap_or_else(|| "the host has no credential".to_owned());
            let error = Error::new(ErrorClass::Credential, "refused", reason);
            let error = if truth("retryable", retryable)? { error.retryable() } else { error };
            client.answer_credential(request_id, Err(error))
        })
    })
}
