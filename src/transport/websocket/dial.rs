//! From a URL to an open WebSocket, every step bounded in time.

use super::{
    Socket, WebSocket,
    secret::{self, Filled, Secrets},
    shared_read::SharedRead,
    signed, socket_config,
};
use crate::{
    config::Tls,
    credential::{Credential, CredentialKind},
    error::{Error, ErrorClass, Result},
    provider::{AuthStyle, DialRequest},
    transport::{
        Dialer, Dialling, Transport,
        net::{Place, Wire, in_time, unreachable_host},
        refusal::{self, Whose},
    },
};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{
    self,
    client::IntoClientRequest,
    http::{HeaderValue, Request, Response, header},
};
use url::Url;

const UPGRADE: Duration = Duration::from_secs(5);
/// Dials WebSockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebSocketDialer;

impl Dialer for WebSocketDialer {
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling {
        let tls = tls.clone();
        Box::pin(async move {
            let socket = dial(&request, credential.as_ref(), tls).await?;
            Ok(Box::new(WebSocket::new(socket)) as Box<dyn Transport>)
        })
    }
}

/// A WebSocket where a call was tried.
#[cfg(feature = "webrtc")]
pub(in crate::transport) fn instead(
    request: DialRequest,
    credential: Option<Credential>,
    tls: Tls,
    why: crate::session::Fallback,
) -> Dialling {
    Box::pin(async move {
        let socket = dial(&request, credential.as_ref(), tls).await?;
        Ok(Box::new(WebSocket { fallback: Some(why), ..WebSocket::new(socket) }) as Box<dyn Transport>)
    })
}

async fn dial(request: &DialRequest, credential: Option<&Credential>, tls: Tls) -> Result<Socket> {
    let plain = || {
        let wrong = |e| Error::new(ErrorClass::Config, "invalid_config", format!("not a URL: {e}")).field("base_url");
        Url::parse(&request.url).map_err(wrong)
    };
    let signed = signed::url(request, credential, &tls).await?;
    // It carries its own permission.
    let credential = credential.filter(|_| signed.is_none());
    let url = signed.map_or_else(plain, Ok)?;
    let place = Place::of(&url)?;
    let (handshake, secrets) = handshake(url, request, credential)?;
    let (wire, _) = place.open(tls).await?;
    let wire: Box<dyn Wire> = Box::new(Filled::new(wire, secrets));
    let upgrade = tokio_tungstenite::client_async_with_config(handshake, SharedRead::new(wire), Some(socket_config()));
    match in_time(UPGRADE, "the WebSocket handshake", upgrade).await? {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(refused(error, credential)),
    }
}

/// The request with placeholders for what is secret in it: the credential, and the query, which may be.
fn handshake(mut url: Url, request: &DialRequest, credential: Option<&Credential>) -> Result<(Request<()>, Secrets)> {
    let bad = |e: String| Error::new(ErrorClass::Config, "invalid_config", e).field("base_url");
    let mut secrets = Secrets { query: url.query().map(|q| q.to_owned().into()), credential: None };
    if secrets.query.is_some() {
        url.set_query(Some(secret::QUERY));
    }
    let mut http = url.as_str().into_client_request().map_err(|e| bad(e.to_string()))?;
    let malformed = |_| Error::new(ErrorClass::Credential, "malformed_key", "the API key cannot be sent in a header");
    let value = |text: String| HeaderValue::try_from(text).map_err(malformed);
    if let Some(credential) = credential {
        // Nobody looks at it after this: what would end the header and begin another is refused here.
        HeaderValue::try_from(credential.expose()).map_err(malformed)?;
        secrets.credential = Some(credential.expose().to_owned().into());
        match request.auth {
            AuthStyle::Header if request.key_header.is_some() && credential.kind() == CredentialKind::ApiKey => {
                let name = request.key_header.as_deref().unwrap_or_default();
                let name = header::HeaderName::try_from(name).map_err(|e| bad(e.to_string()))?;
                http.headers_mut().insert(name, value(secret::CREDENTIAL.to_owned())?);
            }
            AuthStyle::Header => {
                let token = request.token_scheme.as_deref().filter(|_| credential.kind() == CredentialKind::Ephemeral);
                let value = value(format!("{} {}", token.unwrap_or("Bearer"), secret::CREDENTIAL))?;
                http.headers_mut().insert(header::AUTHORIZATION, value);
            }
            AuthStyle::Subprotocol => {
                let mut offered = request.subprotocols.clone();
                offered.push(format!("{}{}", request.credential_subprotocol, secret::CREDENTIAL));
                http.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value(offered.join(", "))?);
            }
        }
    }
    Ok((http, secrets))
}

/// Why the upgrade failed, with what the service said about it.
fn refused(error: tungstenite::Error, credential: Option<&Credential>) -> Error {
    match error {
        tungstenite::Error::Http(response) => http_error(&response, credential),
        tungstenite::Error::Io(e) => unreachable_host("the connection broke during the handshake", &e),
        other => Error::new(ErrorClass::Protocol, "handshake", format!("no WebSocket answered: {other}"))
            .field("base_url")
            .fix("check that the URL is that of a realtime API"),
    }
}

fn http_error(response: &Response<Option<Vec<u8>>>, credential: Option<&Credential>) -> Error {
    let status = response.status();
    let after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
    let body = response.body().as_deref().unwrap_or_default();
    refusal::error(
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        after,
        body,
        credential,
        Whose::Service,
    )
}
