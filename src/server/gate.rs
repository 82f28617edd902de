//! Who is let in, and what one server knows: everything between a request and the service behind.

use super::{
    limits::{Book, Rate, network},
    policy::Policy,
    refusal::Refusal,
    upstream::Upstream,
};
use crate::{
    credential::Credential,
    error::{Error, Result as KeyResult},
    mint::MintOptions,
};
use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For each of the host's functions.
const HOOK: Duration = Duration::from_secs(10);
/// Where nobody is asked who they are.
const LOCAL: &str = "local";

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// It is not known who it is from: 401.
    Unknown,
    /// It is known, and they may not: 403 with these words.
    Forbidden(String),
    /// It cannot be told now: 503.
    Unavailable,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// The host's function that knows users by the headers of their requests.
pub(super) type Authenticate = Arc<dyn Fn(HeaderMap) -> Boxed<Result<String, Denied>> + Send + Sync>;
/// The host's function that has the key for a user.
pub(super) type KeyFor = Arc<dyn Fn(String) -> Boxed<KeyResult<Credential>> + Send + Sync>;

/// See the module.
pub(super) struct Gate {
    pub(super) enabled: AtomicBool,
    pub(super) policy: Policy,
    pub(super) upstream: Upstream,
    pub(super) book: Book,
    /// `None`: loopback only.
    pub(super) authenticate: Option<Authenticate>,
    pub(super) key_for: KeyFor,
    pub(super) origins: Vec<String>,
    pub(super) cookies: bool,
    pub(super) behind_tls: bool,
    pub(super) client_ip_header: Option<HeaderName>,
    pub(super) per_ip: Rate<Option<IpAddr>>,
    pub(super) per_user: Rate<String>,
    pub(super) places: Arc<Semaphore>,
    pub(super) most_body: usize,
    /// What client secrets are good for; `None`: there are none.
    pub(super) secrets: Option<MintOptions>,
    pub(super) page: bool,
    pub(super) hasher: RandomState,
}

/// Somebody who was let in.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) user: String,
}

impl Gate {
    /// Lets the sender of a request in: from their address not too often, and known.
    pub(super) async fn admit(&self, request: &Parts) -> Result<Caller, Refusal> {
        let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        // Before anybody is asked who they are: guessing is slow.
        self.per_ip.check(self.client_ip(&request.headers, peer).map(network))?;
        let Some(authenticate) = &self.authenticate else {
            if peer.is_some_and(|ip| ip.to_canonical().is_loopback()) {
                return Ok(Caller { user: LOCAL.to_owned() });
            }
            let message = "This server has no authentication, so it serves its own machine only.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "not_loopback", message));
        };
        let asked = tokio::time::timeout(HOOK, authenticate(request.headers.clone()));
        let user = asked.await.unwrap_or(Err(Denied::Unavailable)).map_err(|denied| match denied {
            Denied::Unknown => {
                let message =
                    "You sent no token, or one that is not known here: send yours as 'Authorization: Bearer TOKEN'.";
                Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
            }
            Denied::Forbidden(why) => Refusal::new(StatusCode::FORBIDDEN, "forbidden", why),
            Denied::Unavailable => {
                Refusal::unavailable("authentication_unavailable", "Who you are cannot be told now.").retry_after_s(1)
            }
        })?;
        Ok(Caller { user })
    }

    /// Counts what costs money, and finds a place for it.
    pub(super) fn begin(&self, caller: &Caller) -> Result<OwnedSemaphorePermit, Refusal> {
        self.per_user.check(caller.user.clone())?;
        self.places.clone().try_acquire_owned().map_err(|_| {
            Refusal::unavailable("busy", "This server makes as many calls at once as it may.").retry_after_s(1)
        })
    }

    /// Refuses while the server is disabled.
    pub(super) fn open(&self) -> Result<(), Refusal> {
        match self.enabled.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(Refusal::unavailable("disabled", "This server makes no calls at present.")),
        }
    }

    /// The key for this caller.
    pub(super) async fn key(&self, caller: &Caller) -> Result<Credential, Refusal> {
        let none = |error: Option<Error>| {
            let code = error.map_or("timeout".into(), |error| error.code);
            tracing::warn!(user = %self.shown(&caller.user), %code, "no key");
            Refusal::unavailable("no_key", "This server has no key for you at present.")
        };
        let asked = tokio::time::timeout(HOOK, (self.key_for)(caller.user.clone())).await;
        asked.map_err(|_| none(None))?.map_err(|error| none(Some(error)))
    }

    /// What stands for a user or a secret in log lines: the same for the same one as long as the server runs,
    /// and nobody can be found from it.
    pub(super) fn shown(&self, secret: &str) -> String {
        format!("{:016x}", self.hasher.hash_one(secret))
    }

    fn client_ip(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        let told = self.client_ip_header.as_ref().and_then(|name| {
            // The last word is that of the server in front; those before it are the caller's own.
            let last = headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
            last.parse::<IpAddr>().ok().or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
        });
        told.or(peer)
    }
}

/// Knows whoever has one of the tokens: the first is `token-1`.
pub(super) fn by_token(tokens: Vec<SecretString>) -> Authenticate {
    Arc::new(move |headers| {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        // All are compared, so that the time says nothing.
        let known = given.and_then(|given| {
            let equal = |token: &SecretString| bool::from(token.expose_secret().as_bytes().ct_eq(given.as_bytes()));
            tokens.iter().enumerate().fold(None, |known, (n, token)| if equal(token) { Some(n) } else { known })
        });
        let user = known.map(|n| format!("token-{}", n + 1)).ok_or(Denied::Unknown);
        Box::pin(std::future::ready(user))
    })
}
