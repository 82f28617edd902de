//! Where to, and how the credential travels (protocols reference §1).

use super::{BASE_URL, setup::model_name};
use crate::{
    config::{Config, TransportChoice},
    credential::CredentialKind,
    error::{Error, ErrorClass, Result},
    provider::{
        DialRequest,
        address::{at_endpoint, base_url, check_model},
    },
};

const SERVICE: &str = "ws/google.ai.generativelanguage";
const VERTEX: &str = "ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent";

/// What to dial; `base` replaces the configured base URL, `kind` is that of the credential, a key where none is known.
pub fn request(config: &Config, base: Option<&str>, kind: Option<CredentialKind>) -> Result<DialRequest> {
    let given = base.or(config.base_url.as_deref()).unwrap_or(BASE_URL);
    let mut url = base_url(given, BASE_URL)?;
    let vertex = url.host_str().is_some_and(|host| {
        host == "aiplatform.googleapis.com"
            || host.ends_with("-aiplatform.googleapis.com")
            || (host.starts_with("aiplatform.") && host.ends_with(".rep.googleapis.com"))
    });
    let ephemeral = kind == Some(CredentialKind::Ephemeral);
    if !url.path().contains("BidiGenerateContent") {
        let path = match (vertex, ephemeral) {
            (true, _) => VERTEX.to_owned(),
            // Tokens are good at a method of their own, which the newer version does not have.
            (false, true) => format!("{SERVICE}.v1alpha.GenerativeService.BidiGenerateContentConstrained"),
            (false, false) => format!("{SERVICE}.v1beta.GenerativeService.BidiGenerateContent"),
        };
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/{path}"));
    }
    if vertex && !model_name(config).contains('/') {
        let message = "Vertex wants the whole path of the model";
        return Err(crate::config::invalid("model", message)
            .fix("write it like projects/PROJECT/locations/LOCATION/publishers/google/models/MODEL"));
    }
    Ok(DialRequest {
        url: url.into(),
        // It takes no calls, so `auto` is this.
        transport: TransportChoice::Websocket,
        auth: config.auth,
        subprotocols: Vec::new(),
        credential_subprotocol: String::new(),
        key_header: Some("x-goog-api-key".into()),
        token_scheme: Some("Token".into()),
        signed_at: None,
    })
}

/// See [`crate::provider::dial_with`].
pub fn dial_with(
    config: &Config,
    kind: CredentialKind,
    endpoint: Option<&str>,
    model: Option<&str>,
) -> Result<DialRequest> {
    if kind == CredentialKind::SignedUrl {
        let error = Error::new(ErrorClass::Unsupported, "credential_kind", "gemini takes no signed URL");
        return Err(error.field("credential.kind").fix("give an API key, a token (auth_tokens/…) or a bearer token"));
    }
    check_model(config, model)?;
    at_endpoint(endpoint, |base| request(config, base, Some(kind)))
}
