//! From a host name to an open TCP or TLS connection, every step bounded in time.
//!
//! Plaintext goes only to loopback. Addresses are raced, each with a head start over the next.

use super::tls;
use crate::{
    config::Tls,
    error::{Error, ErrorClass, Result},
};
use futures_util::future::select_ok;
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, pki_types::ServerName},
};
use url::{Host, Url};

const DNS: Duration = Duration::from_secs(3);
const TCP: Duration = Duration::from_secs(4);
const TLS: Duration = Duration::from_secs(4);
/// Head start of one address over the next.
const RACE: Duration = Duration::from_millis(250);

/// What a connection has to do.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Where a URL leads to.
pub(super) struct Place {
    host: Host<String>,
    port: u16,
    secure: bool,
}

impl Place {
    /// # Errors
    /// `invalid_config` when the URL names no host or has a scheme that is not one of the four.
    pub fn of(url: &Url) -> Result<Self> {
        let wrong = |why: &str| Err(Error::new(ErrorClass::Config, "invalid_config", why).field("base_url"));
        let secure = match url.scheme() {
            "wss" | "https" => true,
            "ws" | "http" => false,
            _ => return wrong("is neither https, wss, http nor ws"),
        };
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { host: host.to_owned(), port, secure }),
            _ => wrong("names no host"),
        }
    }

    /// Opens a connection to it, and says with whom.
    pub async fn open(&self, tls: Tls) -> Result<(Box<dyn Wire>, IpAddr)> {
        let tcp = self.connect().await?;
        let peer = tcp.peer_addr().map_err(|e| unreachable_host("the connection broke at once", &e))?.ip();
        let wire: Box<dyn Wire> = if self.secure { Box::new(self.secured(tcp, tls).await?) } else { Box::new(tcp) };
        Ok((wire, peer))
    }

    async fn connect(&self) -> Result<TcpStream> {
        let (name, port) = (self.host.to_string(), self.port);
        let addresses: Vec<SocketAddr> = match &self.host {
            Host::Ipv4(ip) => vec![(*ip, port).into()],
            Host::Ipv6(ip) => vec![(*ip, port).into()],
            Host::Domain(name) => in_time(DNS, "looking up the host name", lookup_host((name.as_str(), port)))
                .await?
                .map_err(|e| unreachable_host(&format!("the host {name} was not found"), &e))?
                .collect(),
        };
        if !self.secure && !addresses.iter().all(|a| a.ip().is_loopback()) {
            let message = format!("{name} is not this machine, so plaintext is refused");
            return Err(Error::new(ErrorClass::Config, "plaintext", message).field("base_url").fix("use https or wss"));
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

    async fn secured(&self, tcp: TcpStream, tls: Tls) -> Result<impl Wire + use<>> {
        let config = tokio::task::spawn_blocking(move || tls::client_config(&tls))
            .await
            .map_err(|e| Error::new(ErrorClass::Internal, "tls_setup", e.to_string()))??;
        let name = match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|e| Error::new(ErrorClass::Config, "invalid_config", e.to_string()).field("base_url"))?,
            Host::Ipv4(ip) => ServerName::from(IpAddr::from(*ip)),
            Host::Ipv6(ip) => ServerName::from(IpAddr::from(*ip)),
        };
        in_time(TLS, "the TLS handshake", TlsConnector::from(config).connect(name, tcp))
            .await?
            .map_err(|e| tls_error(&e))
    }
}

/// A step that must not take longer than `limit`.
pub(super) async fn in_time<T>(limit: Duration, what: &str, step: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(limit, step).await.map_err(|_| {
        Error::new(ErrorClass::Network, "timeout", format!("{what} took longer than {} s", limit.as_secs()))
            .fix("check the network and the base URL")
            .retryable()
    })
}

/// Nobody is there, or the connection broke before anything was said.
pub(super) fn unreachable_host(what: &str, error: &io::Error) -> Error {
    Error::new(ErrorClass::Network, "connect_failed", format!("{what}: {error}"))
        .fix("check the network and the base URL")
        .retryable()
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
