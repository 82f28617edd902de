//! From a URL to an open WebSocket, every step bounded in time.

use super::{
    Socket, WebSocket, Wire,
    secret::{self, Filled, Secrets},
    shared_read::SharedRead,
    socket_config, tls,
};
use crate::{
    config::Tls,
    credential::Credential,
    error::{Error, ErrorClass, Result, redact},
    provider::{AuthStyle, DialRequest},
    transport::{Dialer, Dialling, Transport},
};
use futures_util::future::select_ok;
use std::{future::Future, io, net::SocketAddr, time::Duration};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, pki_types::ServerName},
};
use tokio_tungstenite::tungstenite::{
    self,
    client::IntoClientRequest,
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use url::{Host, Url};

const DNS: Duration = Duration::from_secs(3);
const TCP: Duration = Duration::from_secs(4);
const TLS: Duration = Duration::from_secs(4);
const UPGRADE: Duration = Duration::from_secs(5);
/// Head start of one address over the next.
const RACE: Duration = Duration::from_millis(250);

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

async fn dial(request: &DialRequest, credential: Option<&Credential>, tls: Tls) -> Result<Socket> {
    let url = Url::parse(&request.url)
        .map_err(|e| Error::new(ErrorClass::Config, "invalid_config", format!("not a URL: {e}")).field("base_url"))?;
    let (host, port) = match (url.host(), url.port_or_known_default()) {
        (Some(host), Some(port)) => (host.to_owned(), port),
        _ => return Err(Error::new(ErrorClass::Config, "invalid_config", "names no host").field("base_url")),
    };
    let secure = url.scheme() == "wss";
    let (handshake, secrets) = handshake(url, request, credential)?;
    let tcp = connect(&host, port, secure).await?;
    let wire: Box<dyn Wire> = if secure {
        Box::new(Filled::new(secured(tcp, &host, tls).await?, secrets))
    } else {
        Box::new(Filled::new(tcp, secrets))
    };
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
            AuthStyle::Header => {
                let value = value(format!("Bearer {}", secret::CREDENTIAL))?;
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

async fn in_time<T>(limit: Duration, what: &str, step: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(limit, step).await.map_err(|_| {
        Error::new(ErrorClass::Network, "timeout", format!("{what} took longer than {} s", limit.as_secs()))
            .fix("check the network and the base URL")
            .retryable()
    })
}

async fn connect(host: &Host<String>, port: u16, secure: bool) -> Result<TcpStream> {
    let name = host.to_string();
    let addresses: Vec<SocketAddr> = match host {
        Host::Ipv4(ip) => vec![(*ip, port).into()],
        Host::Ipv6(ip) => vec![(*ip, port).into()],
        Host::Domain(name) => in_time(DNS, "looking up the host name", lookup_host((name.as_str(), port)))
            .await?
            .map_err(|e| unreachable_host(&format!("the host {name} was not found"), &e))?
            .collect(),
    };
    if !secure && !addresses.iter().all(|a| a.ip().is_loopback()) {
        return Err(Error::new(
            ErrorClass::Config,
            "plaintext",
            format!("{name} is not this machine, so plaintext is refused"),
        )
        .field("base_url")
        .fix("use https or wss"));
    }
    let attempts: Vec<_> = addresses
        .into_iter()
        .take(8)
        .enumerate()
        .map(|(i, address)| {
            Box::pin(async move {
                tokio::time::sleep(RACE * i as u32).await;
                TcpStream::connect(address).await
            })
        })
        .collect();
    if attempts.is_empty() {
        let error = io::Error::other("no address");
        return Err(unreachable_host(&format!("the host {name} has no address"), &error));
    }
    let (tcp, _) = in_time(TCP, "connecting", select_ok(attempts))
        .await?
        .map_err(|e| unreachable_host(&format!("{name} port {port} cannot be reached"), &e))?;
    // Without it every microphone frame may wait for the acknowledgement of the one before.
    tcp.set_nodelay(true).map_err(|e| unreachable_host("the socket refused TCP_NODELAY", &e))?;
    #[cfg(target_os = "linux")]
    if let Err(e) = socket2::SockRef::from(&tcp).set_tcp_user_timeout(Some(Duration::from_secs(10))) {
        tracing::debug!("no TCP user timeout: {e}");
    }
    Ok(tcp)
}

fn unreachable_host(what: &str, error: &io::Error) -> Error {
    Error::new(ErrorClass::Network, "connect_failed", format!("{what}: {error}"))
        .fix("check the network and the base URL")
        .retryable()
}

async fn secured(tcp: TcpStream, host: &Host<String>, tls: Tls) -> Result<impl Wire + use<>> {
    let config = tokio::task::spawn_blocking(move || tls::client_config(&tls))
        .await
        .map_err(|e| Error::new(ErrorClass::Internal, "tls_setup", e.to_string()))??;
    let name = match host {
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|e| Error::new(ErrorClass::Config, "invalid_config", e.to_string()).field("base_url"))?,
        Host::Ipv4(ip) => ServerName::from(std::net::IpAddr::from(*ip)),
        Host::Ipv6(ip) => ServerName::from(std::net::IpAddr::from(*ip)),
    };
    in_time(TLS, "the TLS handshake", TlsConnector::from(config).connect(name, tcp)).await?.map_err(|e| tls_error(&e))
}

fn tls_error(error: &io::Error) -> Error {
    use rustls::CertificateError as C;
    let cause = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    let fix = match cause {
        Some(rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. })) => {
            "the clock of this machine may be wrong"
        }
        Some(rustls::Error::InvalidCertificate(C::UnknownIssuer)) => {
            "a proxy may be in between; add its certificate to tls.extra_roots if you trust it"
        }
        Some(rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. })) => {
            "check the host in base_url"
        }
        _ => "check that the host speaks TLS 1.2 or newer",
    };
    Error::new(ErrorClass::Tls, "tls", format!("the TLS handshake failed: {error}")).fix(fix)
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
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default());
    // Some services echo the rejected key, whatever it looks like.
    let body = credential.map_or_else(|| body.to_string(), |c| body.replace(c.expose(), "[redacted]"));
    let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let said = match json["error"]["message"].as_str().or(json["error"].as_str()).or(json["message"].as_str()) {
        Some(text) => redact(text),
        // The first 200 characters of a captive portal tell more than "bad handshake".
        None => redact(&body.chars().take(200).collect::<String>()),
    };
    let status = response.status();
    let said =
        if said.trim().is_empty() { format!("HTTP {status}") } else { format!("HTTP {}: {said}", status.as_u16()) };
    let code = json["error"]["code"].as_str();
    // Its other form, a date, would need a clock that is right.
    let after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
    let after = after.map(|s| s.saturating_mul(1000));
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::new(ErrorClass::Credential, "auth", format!("the service refused the API key ({said})"))
                .fix("check that the key is right, active and for this service")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let error = Error::new(ErrorClass::Quota, "rate_limited", format!("too many requests ({said})"))
                .fix("wait, or check the account's limits")
                .retryable();
            after.map_or(error.clone(), |ms| error.retry_after_ms(ms))
        }
        _ if code.is_some_and(|c| c.contains("model")) => {
            Error::new(ErrorClass::Config, "unknown_model", format!("the service does not know it ({said})"))
                .field("model")
                .fix("check the model name")
        }
        StatusCode::NOT_FOUND => {
            Error::new(ErrorClass::Config, "not_found", format!("the service has no such place ({said})"))
                .field("base_url")
                .fix("check the base URL, and the model")
        }
        s if s.is_server_error() => {
            let error = Error::new(ErrorClass::Network, "unavailable", format!("the service is unavailable ({said})"))
                .fix("try again later")
                .retryable();
            after.map_or(error.clone(), |ms| error.retry_after_ms(ms))
        }
        _ => Error::new(ErrorClass::Protocol, "handshake", format!("the service refused the connection ({said})"))
            .fix("check the base URL and the model"),
    };
    match code {
        Some(code) => error.provider_code(code),
        None => error,
    }
}
