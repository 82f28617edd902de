//! Signed URLs: a credential that is itself what is dialled, and the key that is exchanged for one.

use crate::{
    config::Tls,
    credential::{Credential, CredentialKind},
    error::{Error, ErrorClass, Result},
    provider::DialRequest,
    transport::{
        http::{Connection, Get},
        refusal::Whose,
    },
};
use serde::Deserialize;
use std::time::Duration;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use url::Url;

const TIME: Duration = Duration::from_secs(5);
/// A URL is shorter.
const MOST: usize = 16 * 1024;

#[derive(Deserialize)]
struct Signed {
    signed_url: String,
}

/// The URL that is dialled in place of the request's, where the credential is one or is good for one.
pub async fn url(request: &DialRequest, credential: Option<&Credential>, tls: &Tls) -> Result<Option<Url>> {
    let Some(credential) = credential else { return Ok(None) };
    match (credential.kind(), &request.signed_at) {
        (CredentialKind::SignedUrl, _) => parsed(credential.expose(), "the signed URL").map(Some),
        (CredentialKind::ApiKey, Some(at)) => sign(at, request, credential, tls).await.map(Some),
        _ => Ok(None),
    }
}

async fn sign(at: &str, request: &DialRequest, credential: &Credential, tls: &Tls) -> Result<Url> {
    let at = Url::parse(at)
        .map_err(|e| Error::new(ErrorClass::Config, "invalid_config", format!("not a URL: {e}")).field("base_url"))?;
    let malformed = |_| Error::new(ErrorClass::Credential, "malformed_key", "the API key cannot be sent in a header");
    let name = request.key_header.as_deref().unwrap_or("authorization");
    let name = HeaderName::try_from(name)
        .map_err(|_| Error::new(ErrorClass::Config, "invalid_config", "no header has that name"))?;
    let value = HeaderValue::try_from(credential.expose()).map_err(malformed)?;
    let connection = Connection::open(&at, tls.clone()).await?;
    let get = Get { url: &at, headers: vec![(name, value)], most: MOST, time: TIME };
    let answer = connection.fetch(get).await?.success(Some(credential), Whose::Service)?;
    // What it is instead may be anything, and is told nobody.
    let signed: Signed = serde_json::from_slice(&answer.body).map_err(|_| {
        Error::new(ErrorClass::Protocol, "handshake", "the service answered without a signed URL")
            .field("base_url")
            .fix("check that the URL is that of the service")
    })?;
    parsed(&signed.signed_url, "the signed URL of the service")
}

/// It is secret, so what is wrong with it is told without it.
fn parsed(text: &str, what: &str) -> Result<Url> {
    let wrong = |why: &str| {
        Error::new(ErrorClass::Credential, "bad_endpoint", format!("{what} {why}"))
            .field("credential")
            .fix("give the whole URL as the service returned it")
    };
    let url = Url::parse(text).map_err(|_| wrong("is no URL"))?;
    if !matches!(url.scheme(), "wss" | "ws") {
        return Err(wrong("is none of a WebSocket"));
    }
    Ok(url)
}
