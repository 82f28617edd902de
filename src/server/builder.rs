//! What a server shall be.

use super::{
    Denied, Server,
    checks::{check_origin, check_secrets, within, wrong},
    gate::{Authenticate, Gate, KeyFor, by_token},
    limits::{Book, Now, Rate},
    policy::Policy,
    upstream::Upstream,
};
use crate::{
    config::Config,
    credential::Credential,
    error::{Error, ErrorClass, Result},
    mint::MintOptions,
};
use axum::http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use std::{
    future::Future,
    num::NonZeroU32,
    ops::RangeInclusive,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

const BODY: RangeInclusive<usize> = 1024..=1024 * 1024;
const PLACES: RangeInclusive<usize> = 1..=4096;

/// What a [`Server`] shall be. Only the key must be given; without authentication the server serves its own
/// machine only.
#[must_use]
pub struct ServerBuilder {
    session: Config,
    models: Vec<String>,
    voices: Vec<String>,
    caller_instructions: bool,
    key_for: Option<KeyFor>,
    tokens: Option<Vec<SecretString>>,
    authenticate: Option<Authenticate>,
    enabled: bool,
    origins: Vec<String>,
    cookies: bool,
    per_minute: (u32, u32),
    most_at_once: usize,
    calls_per_user: Option<usize>,
    most_body: usize,
    client_secrets: Option<Duration>,
    behind_tls: bool,
    client_ip_header: Option<String>,
    page: bool,
    now: Option<Now>,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            session: Config::default(),
            models: Vec::new(),
            voices: Vec::new(),
            caller_instructions: false,
            key_for: None,
            tokens: None,
            authenticate: None,
            enabled: true,
            origins: Vec::new(),
            cookies: false,
            per_minute: (10, 30),
            most_at_once: 64,
            calls_per_user: None,
            most_body: 64 * 1024,
            client_secrets: None,
            behind_tls: false,
            client_ip_header: None,
            page: false,
            now: None,
        }
    }
}

fn texts(all: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    all.into_iter().map(Into::into).collect()
}

impl ServerBuilder {
    /// The session callers get: model, voice, instructions, tools, turn detection, transcription, and where the
    /// service is (`base_url`, `tls`). What only a client does with it is of no effect here.
    pub fn session(mut self, session: Config) -> Self {
        self.session = session;
        self
    }

    /// Models a caller may choose beside the session's. Default: none.
    pub fn models(mut self, models: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.models = texts(models);
        self
    }

    /// Voices a caller may choose beside the session's. Default: none.
    pub fn voices(mut self, voices: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.voices = texts(voices);
        self
    }

    /// Whether a caller may add instructions of their own after the session's. Default false: they are refused.
    pub fn caller_instructions(mut self, allowed: bool) -> Self {
        self.caller_instructions = allowed;
        self
    }

    /// The vendor's key, for all users.
    pub fn key(self, key: Credential) -> Self {
        self.key_for(move |_| std::future::ready(Ok(key.clone())))
    }

    /// Has the vendor's key for a user, asked for each call. An answer takes ten seconds at most; an error is a
    /// 503 that does not repeat it.
    pub fn key_for<F, Answer>(mut self, key_for: F) -> Self
    where
        F: Fn(String) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Credential>> + Send + 'static,
    {
        self.key_for = Some(Arc::new(move |user| Box::pin(key_for(user))));
        self
    }

    /// Says by the headers of a request which user it is from, in ten seconds at most. Limits are kept by the
    /// name it gives, calls can be hung up by who made them, and [`Self::key_for`] gets it.
    pub fn authenticate<F, Answer>(mut self, authenticate: F) -> Self
    where
        F: Fn(HeaderMap) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<String, Denied>> + Send + 'static,
    {
        self.authenticate = Some(Arc::new(move |headers| Box::pin(authenticate(headers))));
        self
    }

    /// Lets in whoever sends one of these tokens as `Authorization: Bearer …`, in the place of
    /// [`Self::authenticate`]. Each token is a user: `token-1`, `token-2`, ….
    pub fn tokens(mut self, tokens: impl IntoIterator<Item = SecretString>) -> Self {
        self.tokens = Some(tokens.into_iter().collect());
        self
    }

    /// Whether callers are let in from the beginning ([`Server::set_enabled`]). Default true.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Pages of these origins may ask, like `https://app.example`: exact, without a path, `http` only for this
    /// machine. Requests of other pages are refused; programs send no origin. Default: none.
    pub fn origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.origins = texts(origins);
        self
    }

    /// Whether pages may send their cookies along, for authentication by cookie. Default false.
    pub fn cookies(mut self, cookies: bool) -> Self {
        self.cookies = cookies;
        self
    }

    /// Calls and client secrets a minute for one user, and requests a minute from one address (of IPv6: one
    /// network of 64 bits). Default 10 and 30.
    pub fn per_minute(mut self, user: u32, address: u32) -> Self {
        self.per_minute = (user, address);
        self
    }

    /// Calls that are made at the same time; more are refused with 503. How many are under way is not counted.
    /// Default 64.
    pub fn most_at_once(mut self, most: usize) -> Self {
        self.most_at_once = most;
        self
    }

    /// Calls of one user that may be under way: with one more the user's oldest is hung up. Default: any number,
    /// because users of many people are users too.
    pub fn calls_per_user(mut self, most: usize) -> Self {
        self.calls_per_user = Some(most);
        self
    }

    /// Bytes an offer may have with everything around it. Default 64 KiB.
    ///
    /// Offers of browsers have 3 to 10 KiB, more where a machine has many addresses or the page offers video too;
    /// in base64 a third more, in a form with the session's instructions beside it. Other requests may have
    /// 16 KiB.
    pub fn most_body(mut self, bytes: usize) -> Self {
        self.most_body = bytes;
        self
    }

    /// Mints client secrets with which sessions can be begun for `life`: 60 s are enough for a client that dials at
    /// once; how long it may be depends on the vendor ([`crate::mint::MintOptions::ttl_s`]). Default: none are
    /// minted, because OpenAI lets whoever has one choose another session, model included. Gemini locks the session;
    /// secrets of xAI carry none, so that a session for callers to have is refused there.
    pub fn client_secrets(mut self, life: Duration) -> Self {
        self.client_secrets = Some(life);
        self
    }

    /// Says that a server in front speaks TLS with the callers, so that this one may listen where others reach it.
    pub fn behind_tls(mut self, behind: bool) -> Self {
        self.behind_tls = behind;
        self
    }

    /// The header in which the server in front says whom it speaks with, like `x-forwarded-for`; its last entry
    /// is taken. Only for servers that nobody reaches in another way: otherwise everybody chooses their address.
    pub fn client_ip_header(mut self, name: impl Into<String>) -> Self {
        self.client_ip_header = Some(name.into());
        self
    }

    /// Whether [`Server::serve`] has a page at `/` with which a person can talk. Default false.
    pub fn page(mut self, page: bool) -> Self {
        self.page = page;
        self
    }

    /// Monotonic time since any moment, for tests.
    pub fn clock(mut self, now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.now = Some(Arc::new(now));
        self
    }

    /// The server.
    ///
    /// # Errors
    /// Class `config` or `unsupported`, naming the field: a session that the service would refuse with one of the
    /// models and voices, an origin that is none, a number out of its range. `missing_key` (class `credential`).
    pub fn build(self) -> Result<Server> {
        let policy = Policy::new(&self.session, &self.models, &self.voices, self.caller_instructions)?;
        let upstream = Upstream::new(&self.session)?;
        let secrets =
            self.client_secrets.map(|life| MintOptions { ttl_s: Some(life.as_secs()), ..MintOptions::default() });
        if let Some(options) = &secrets {
            check_secrets(&policy, options, self.caller_instructions)?;
        }
        if upstream.calls().is_err() {
            let refused = if secrets.is_none() {
                Some(("provider", "mint client secrets, or use a provider that answers calls, like \"openai\""))
            } else if self.page {
                Some(("page", "leave the page out: it makes calls"))
            } else {
                self.calls_per_user.map(|_| ("calls_per_user", "leave it out"))
            };
            if let Some((field, fix)) = refused {
                let message = format!("{} answers no calls", self.session.provider);
                return Err(Error::new(ErrorClass::Unsupported, "no_transport", message).field(field).fix(fix));
            }
        }
        for origin in &self.origins {
            check_origin(origin)?;
        }
        let key_for = self.key_for.ok_or_else(|| {
            Error::new(ErrorClass::Credential, "missing_key", "the server has no key").fix("give it the vendor's key")
        })?;
        let authenticate = match self.tokens {
            Some(_) if self.authenticate.is_some() => {
                return Err(wrong("tokens", "are given, and a function that authenticates too").fix("give one"));
            }
            Some(tokens) if tokens.is_empty() || tokens.iter().any(|token| token.expose_secret().is_empty()) => {
                return Err(wrong("tokens", "are none, or one of them is empty"));
            }
            Some(tokens) => Some(by_token(tokens)),
            None => self.authenticate,
        };
        if authenticate.is_none() && (self.behind_tls || self.client_ip_header.is_some()) {
            let message = "behind another server everybody seems to be on this machine";
            return Err(wrong("authenticate", message).fix("give tokens, or a function that knows users"));
        }
        let header = self.client_ip_header.map(|name| HeaderName::try_from(name.to_ascii_lowercase()));
        let client_ip_header = header.transpose().map_err(|_| wrong("client_ip_header", "is no name of a header"))?;
        let start = Instant::now();
        let now = self.now.unwrap_or_else(|| Arc::new(move || start.elapsed()));
        let rate = |field, number: u32| NonZeroU32::new(number).ok_or_else(|| wrong(field, "is 0, and at least 1"));
        let gate = Gate {
            enabled: AtomicBool::new(self.enabled),
            policy,
            upstream,
            book: Book::new(self.calls_per_user.map(|n| within("calls_per_user", n, PLACES)).transpose()?, &now),
            authenticate,
            key_for,
            origins: self.origins,
            cookies: self.cookies,
            behind_tls: self.behind_tls,
            client_ip_header,
            per_user: Rate::new(rate("per_minute.user", self.per_minute.0)?, "user", &now),
            per_ip: Rate::new(rate("per_minute.address", self.per_minute.1)?, "address", &now),
            places: Arc::new(Semaphore::new(within("most_at_once", self.most_at_once, PLACES)?)),
            most_body: within("most_body", self.most_body, BODY)?,
            secrets,
            page: self.page,
            hasher: Default::default(),
        };
        Ok(Server { gate: Arc::new(gate) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> ServerBuilder {
        Server::builder().key(Credential::new("c4n4ry-key").unwrap())
    }

    fn refused(builder: ServerBuilder) -> (String, String) {
        let error = builder.build().expect_err("it is wrong");
        assert!(!error.to_string().contains("c4n4ry"), "{error}");
        (error.code.to_string(), error.field.unwrap_or_default())
    }

    #[test]
    fn what_would_not_work_is_refused_at_once() {
        let config = |text: &str| Config::from_json(text).unwrap();
        let secrets =
            |text: &str, seconds| builder().session(config(text)).client_secrets(Duration::from_secs(seconds));
        let cases: Vec<(ServerBuilder, &str, &str)> = vec![
            (Server::builder(), "missing_key", ""),
            (builder().session(config(r#"{"greeting": "Hello"}"#)), "unsupported", "greeting"),
            (builder().session(config(r#"{"base_url": "http://api.example/v1"}"#)), "plaintext", "base_url"),
            (
                builder().session(config(r#"{"transport": "webrtc", "sdp_proxy": {"url": "https://app.example"}}"#)),
                "unsupported",
                "sdp_proxy",
            ),
            (builder().models(["gpt-live-1"]), "unsupported_model", "model"),
            (builder().voices(["willow"]), "unsupported_option", "voice"),
            (builder().tokens([]), "invalid_config", "tokens"),
            (builder().tokens(["".into()]), "invalid_config", "tokens"),
            (builder().behind_tls(true), "invalid_config", "authenticate"),
            (builder().client_ip_header("x-forwarded-for"), "invalid_config", "authenticate"),
            (builder().per_minute(0, 1), "invalid_config", "per_minute.user"),
            (builder().per_minute(1, 0), "invalid_config", "per_minute.address"),
            (builder().most_at_once(0), "invalid_config", "most_at_once"),
            (builder().most_body(10 << 20), "invalid_config", "most_body"),
            (builder().client_secrets(Duration::from_secs(9)), "invalid_config", "client_secrets"),
            (builder().session(config(r#"{"provider": "gemini"}"#)), "no_transport", "provider"),
            (builder().session(config(r#"{"provider": "xai"}"#)), "no_transport", "provider"),
            (secrets(r#"{"provider": "xai"}"#, 3601), "invalid_config", "client_secrets"),
            (
                secrets(r#"{"provider": "xai", "instructions": "Be brief."}"#, 60),
                "unsupported_option",
                "client_secrets",
            ),
            (secrets(r#"{"provider": "xai"}"#, 60).voices(["rex"]), "unsupported_option", "client_secrets"),
            (secrets(r#"{"provider": "xai"}"#, 60).caller_instructions(true), "unsupported_option", "client_secrets"),
            (secrets(r#"{"provider": "gemini"}"#, 60).page(true), "no_transport", "page"),
            (secrets(r#"{"provider": "gemini"}"#, 60).calls_per_user(1), "no_transport", "calls_per_user"),
            (secrets(r#"{"provider": "gemini", "base_url": "http://api.example"}"#, 60), "plaintext", "base_url"),
        ];
        for (builder, code, field) in cases {
            assert_eq!(refused(builder), (code.to_owned(), field.to_owned()));
        }
    }
}
