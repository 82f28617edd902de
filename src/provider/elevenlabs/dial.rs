//! Where to (protocols reference §1). A signed URL is dialled as it is: it is the credential.

use super::BASE_URL;
use crate::{
    config::{Config, TransportChoice, invalid},
    credential::CredentialKind,
    error::{Error, ErrorClass, Result},
    provider::{
        DialRequest,
        address::{at_endpoint, base_url, check_model},
    },
};

const PATH: &str = "v1/convai/conversation";
const SIGN: &str = "v1/convai/conversation/get-signed-url";

/// What to dial; `base` replaces the configured base URL.
pub fn request(config: &Config, base: Option<&str>) -> Result<DialRequest> {
    let given = base.or(config.base_url.as_deref()).unwrap_or(BASE_URL);
    let mut url = base_url(given, BASE_URL)?;
    let mut sign = url.clone();
    let prefix = url.path().trim_end_matches('/').trim_end_matches(PATH).trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/{PATH}"));
    sign.set_path(&format!("{prefix}/{SIGN}"));
    let named = url.query_pairs().any(|(name, _)| name == "agent_id");
    match &config.model {
        _ if named => {}
        Some(agent) => {
            url.query_pairs_mut().append_pair("agent_id", agent);
            sign.query_pairs_mut().append_pair("agent_id", agent);
        }
        None => {
            let message = "ElevenLabs holds conversations with an agent, and none is named";
            return Err(invalid("model", message).fix("write the agent's id (agent_...)"));
        }
    }
    let secure = sign.scheme() == "wss";
    // Both are schemes of the web, so that one becomes the other.
    let _ = sign.set_scheme(if secure { "https" } else { "http" });
    Ok(DialRequest {
        url: url.into(),
        transport: TransportChoice::Websocket,
        auth: config.auth,
        subprotocols: Vec::new(),
        credential_subprotocol: String::new(),
        key_header: Some("xi-api-key".into()),
        token_scheme: None,
        signed_at: Some(sign.into()),
    })
}

/// See [`crate::provider::dial_with`].
pub fn dial_with(
    config: &Config,
    kind: CredentialKind,
    endpoint: Option<&str>,
    model: Option<&str>,
) -> Result<DialRequest> {
    if !matches!(kind, CredentialKind::ApiKey | CredentialKind::SignedUrl) {
        let error = Error::new(ErrorClass::Unsupported, "credential_kind", "elevenlabs takes no such credential");
        return Err(error.field("credential.kind").fix("give an API key or a signed URL"));
    }
    check_model(config, model)?;
    at_endpoint(endpoint, |base| request(config, base))
}
