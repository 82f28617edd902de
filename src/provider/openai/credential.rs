//! What to dial with a credential that says where it is good, and which credentials the dialect takes.

use super::{dial_request, profile_of};
use crate::{
    config::Config,
    credential::CredentialKind,
    error::{Error, ErrorClass, Result},
    provider::{
        DialRequest,
        address::{at_endpoint, check_model},
    },
};

/// Kinds of secrets that travel in the handshake.
pub const CREDENTIAL_KINDS: [CredentialKind; 3] =
    [CredentialKind::ApiKey, CredentialKind::Ephemeral, CredentialKind::Bearer];

/// See [`crate::provider::dial_with`].
pub fn dial_with(
    config: &Config,
    kind: CredentialKind,
    endpoint: Option<&str>,
    model: Option<&str>,
) -> Result<DialRequest> {
    let profile = profile_of(config)?;
    if !CREDENTIAL_KINDS.contains(&kind) {
        let message = format!("{} takes no signed URL", profile.provider);
        return Err(Error::new(ErrorClass::Unsupported, "credential_kind", message)
            .field("credential.kind")
            .fix("give an API key, a client secret (ek_…) or a bearer token"));
    }
    if config.sdp_proxy.is_some() && kind != CredentialKind::Bearer {
        let message = "the application's own server gets no key of the vendor";
        return Err(Error::new(ErrorClass::Unsupported, "credential_kind", message)
            .field("credential.kind")
            .fix("give the application's own token as a bearer token, or none"));
    }
    check_model(config, model)?;
    at_endpoint(endpoint, |endpoint| dial_request(config, profile, endpoint, model))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPHEMERAL: CredentialKind = CredentialKind::Ephemeral;

    fn config(json: &str) -> Config {
        Config::from_json(json).unwrap()
    }

    #[test]
    fn the_credential_says_where_to_and_for_which_model() {
        let config = config(r#"{"base_url": "https://configured.example/v1"}"#);
        let url = |endpoint, model| dial_with(&config, EPHEMERAL, endpoint, model).unwrap().url;
        assert_eq!(url(None, None), "wss://configured.example/v1/realtime?model=gpt-realtime-2.1");
        assert_eq!(url(None, Some("m-1")), "wss://configured.example/v1/realtime?model=m-1");
        let there = url(Some("https://eu.example/v1?ticket=t"), Some("m-1"));
        assert_eq!(there, "wss://eu.example/v1/realtime?ticket=t&model=m-1");
        assert_eq!(url(Some("http://127.0.0.1:9/v1"), None), "ws://127.0.0.1:9/v1/realtime?model=gpt-realtime-2.1");
        assert!(url(Some("ws://[::1]:9"), None).starts_with("ws://[::1]:9/realtime"));
        assert!(url(Some("ws://localhost:9"), None).starts_with("ws://localhost:9/realtime"));
    }

    #[test]
    fn another_model_than_the_configured_is_refused() {
        let config = config(r#"{"model": "gpt-realtime"}"#);
        let error = dial_with(&config, EPHEMERAL, None, Some("gpt-realtime-mini")).unwrap_err();
        assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "model_mismatch"));
        assert_eq!(error.field.as_deref(), Some("credential.model"));
        assert!(dial_with(&config, EPHEMERAL, None, Some("gpt-realtime")).is_ok());
    }

    #[test]
    fn endpoints_that_others_can_read_or_that_are_none_are_refused() {
        for endpoint in [
            "http://eu.example/v1?canary",
            "ws://10.0.0.1/v1?canary",
            "http://localhost.example/?canary",
            "ftp://127.0.0.1/canary",
            "file:///canary",
            "canary",
            "",
            "https://user:canary@eu.example/v1",
            "https://eu.example/v1?model=canary",
        ] {
            let error = dial_with(&Config::default(), EPHEMERAL, Some(endpoint), None).unwrap_err();
            assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "bad_endpoint"), "{endpoint}");
            assert_eq!(error.field.as_deref(), Some("credential.endpoint"));
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn kinds_the_dialect_has_no_place_for_are_refused() {
        for kind in CREDENTIAL_KINDS {
            assert!(dial_with(&Config::default(), kind, None, None).is_ok());
        }
        let error = dial_with(&Config::default(), CredentialKind::SignedUrl, None, None).unwrap_err();
        assert_eq!((error.class, &*error.code), (ErrorClass::Unsupported, "credential_kind"));
    }
}
