//! The service behind: calls, hanging up and client secrets with a key that stays here.
//!
//! Nothing it says is passed on as it is. Of an answer only what it should contain leaves, and never with the key
//! in it; of an error only the vendor's own words, bounded and without keys; nobody is sent elsewhere.

use super::refusal::Refusal;
use crate::{
    clock::unix_s,
    config::{Config, Tls},
    credential::{Credential, on_this_machine},
    error::{Error, ErrorClass, Result as ConfigResult, redact},
    mint::{self, MintOptions, Minted, Minting},
    provider,
    transport::{
        calls::{LARGEST_SDP, SDP_TYPE, call_id, calls_url, multipart},
        http::{Answer, Connection, Post},
    },
};
use axum::http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use std::{borrow::Cow, time::Duration};
use url::Url;

/// For a request as a whole. Callers wait a little longer, so that they learn of it.
const EXCHANGE: Duration = Duration::from_secs(8);
const HANG_UP: Duration = Duration::from_secs(2);
/// Of a vendor's words this much is passed on.
const MOST_WORDS: usize = 500;
/// Nobody is told to wait longer.
const LONGEST_WAIT_S: u64 = 3600;

/// Where calls are made, and secrets minted.
#[derive(Debug)]
pub(super) struct Upstream {
    /// Absent: the provider answers none.
    calls: Option<Url>,
    tls: Tls,
}

/// A call that was made.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) sdp: String,
    /// Its name, where the service told one.
    pub(super) id: Option<String>,
}

impl Upstream {
    /// # Errors
    /// `invalid_config` for a base URL that is none, `plaintext` for one that a key is not sent to.
    pub(super) fn new(config: &Config) -> ConfigResult<Self> {
        let tls = config.tls.clone();
        if !provider::defaults(&config.provider).calls {
            return Ok(Self { calls: None, tls });
        }
        let (calls, _) = calls_url(&provider::codec_for(config)?.dial().url)?;
        if calls.scheme() != "https" && !on_this_machine(&calls) {
            let message = "the service is not on this machine, so plaintext is refused";
            return Err(Error::new(ErrorClass::Config, "plaintext", message).field("base_url").fix("use https"));
        }
        Ok(Self { calls: Some(calls), tls })
    }

    /// Where calls are made; a provider without them says so.
    pub(super) fn calls(&self) -> Result<&Url, Refusal> {
        self.calls.as_ref().ok_or_else(|| {
            let message = "The service behind answers no calls: ask for a client secret and connect to it.";
            Refusal::new(StatusCode::NOT_FOUND, "no_calls", message)
        })
    }

    /// Posts an offer with the session it is for.
    pub(super) async fn call(&self, offer: &str, session: &Value, key: &Credential) -> Result<Called, Refusal> {
        let (content_type, body) = multipart(offer, Some(session));
        let answer = self.exchange(self.calls()?, Some(content_type), SDP_TYPE, body, key).await?;
        if !answer.is_success() {
            return Err(refused(&answer, key));
        }
        let sdp = String::from_utf8(answer.body.to_vec()).unwrap_or_default();
        if !sdp.starts_with("v=0") || sdp.contains(key.expose()) {
            tracing::warn!(status = answer.status, bytes = answer.body.len(), "the service answered with no call");
            return Err(unusable("a call"));
        }
        let id = answer.location.as_deref().and_then(call_id).filter(|id| !id.contains(key.expose()));
        if id.is_none() {
            tracing::warn!("the service named no call: it cannot be hung up from here");
        }
        Ok(Called { sdp, id })
    }

    /// Ends a call. One that the service does not know any more is over too.
    pub(super) async fn hang_up(&self, id: &str, key: &Credential) -> Result<(), Refusal> {
        let url = hang_up_url(self.calls()?, id);
        let done = tokio::time::timeout(HANG_UP, self.exchange(&url, None, "*/*", Vec::new(), key));
        let answer = done.await.unwrap_or_else(|_| Err(late()))?;
        if answer.is_success() || answer.status == 404 { Ok(()) } else { Err(refused(&answer, key)) }
    }

    /// Mints a client secret.
    pub(super) async fn mint(
        &self,
        session: &Config,
        options: &MintOptions,
        key: &Credential,
    ) -> Result<Minted, Refusal> {
        // All but the key and the time was looked at when the server was built.
        let minting = Minting::new(session, Some(key), options, unix_s().unwrap_or_default()).map_err(|error| {
            tracing::warn!(code = %error.code, field = error.field, "nothing can be minted");
            Refusal::unavailable("no_key", "This server has no usable key.")
        })?;
        let asked = tokio::time::timeout(EXCHANGE, mint::ask(&minting, self.tls.clone(), key)).await;
        let answer = asked.map_err(|_| late())?.map_err(|error| failed(&error))?;
        if !answer.is_success() {
            return Err(refused(&answer, key));
        }
        minting.read(&answer.body, key).map_err(|error| {
            tracing::warn!(status = answer.status, "{}", error.message);
            unusable("a client secret")
        })
    }

    async fn exchange(
        &self,
        url: &Url,
        content_type: Option<String>,
        accept: &'static str,
        body: Vec<u8>,
        key: &Credential,
    ) -> Result<Answer, Refusal> {
        let value = HeaderValue::try_from(format!("Bearer {}", key.expose()));
        let value = value.map_err(|_| Refusal::unavailable("no_key", "This server has no usable key."))?;
        let post = Post {
            url,
            headers: vec![(header::AUTHORIZATION, value)],
            content_type,
            accept,
            body,
            most: LARGEST_SDP,
            time: EXCHANGE,
        };
        let exchanged = async { Connection::open(url, self.tls.clone()).await?.exchange(post).await };
        match tokio::time::timeout(EXCHANGE, exchanged).await {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(_) => Err(late()),
        }
    }
}

/// Where a call is ended: its name is one segment, whatever it is.
fn hang_up_url(calls: &Url, id: &str) -> Url {
    let mut url = calls.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend([id, "hangup"]);
    }
    url
}

fn unusable(what: &str) -> Refusal {
    Refusal::upstream("upstream_invalid_answer", format!("The service answered with something that is not {what}."))
}

fn late() -> Refusal {
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "The service did not answer in time.")
        .retry_after_s(1)
}

/// No answer, or one that sends elsewhere. The caller learns nothing of this server's network.
fn failed(error: &Error) -> Refusal {
    tracing::warn!(code = %error.code, "the service cannot be asked");
    match error.code.as_ref() {
        "timeout" => late(),
        "connect_failed" => {
            Refusal::upstream("upstream_unreachable", "The service cannot be reached.").retry_after_s(1)
        }
        _ => Refusal::upstream("upstream_failed", "The service did not answer as it should."),
    }
}

/// An error of the service. That its key was refused is this server's trouble and not the caller's.
fn refused(answer: &Answer, key: &Credential) -> Refusal {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = &json["error"];
    let clean = |text: &str, most: usize| {
        let text = redact(&text.replace(key.expose(), "[redacted]"));
        text.chars().take(most).collect::<String>()
    };
    let code = error["code"].as_str().map(|code| clean(code, 64));
    tracing::warn!(status = answer.status, code, "the service refused");
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let (status, fallback) = match status.as_u16() {
        401 => return Refusal::upstream("upstream_key_refused", "The service refused this server's key."),
        403 => return Refusal::upstream("upstream_forbidden", "The service does not let this server do that."),
        400 | 413 | 415 | 422 => (status, "invalid_request"),
        429 => (status, "rate_limit_exceeded"),
        503 => (status, "upstream_unavailable"),
        _ => (StatusCode::BAD_GATEWAY, "upstream_failed"),
    };
    let words = error["message"].as_str().map(|words| clean(words, MOST_WORDS));
    let words = words.unwrap_or_else(|| format!("The service answered HTTP {}.", answer.status));
    let mut refusal = Refusal::new(status, code.map_or(Cow::Borrowed(fallback), Cow::Owned), words);
    refusal.param = error["param"].as_str().map(|param| clean(param, 64));
    // Its other form is a date, which would need a clock that is right.
    let wait = answer.retry_after.as_deref().and_then(|wait| wait.trim().parse::<u64>().ok());
    refusal.retry_after_s = wait.filter(|_| matches!(status.as_u16(), 429 | 503)).map(|wait| wait.min(LONGEST_WAIT_S));
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(base_url: &str) -> Upstream {
        Upstream::new(&Config { base_url: Some(base_url.into()), ..Config::default() }).unwrap()
    }

    #[test]
    fn calls_are_beside_the_place_of_sessions() {
        for (base, calls) in [
            ("https://api.example/v1", "https://api.example/v1/realtime/calls"),
            ("http://127.0.0.1:9/a/v1?x=1", "http://127.0.0.1:9/a/v1/realtime/calls?x=1"),
        ] {
            assert_eq!(upstream(base).calls().unwrap().as_str(), calls);
        }
        let url = hang_up_url(upstream("https://api.example/v1").calls().unwrap(), "../x?");
        assert_eq!(url.as_str(), "https://api.example/v1/realtime/calls/..%2Fx%3F/hangup", "an id is one segment");
    }

    #[test]
    fn who_answers_no_calls_is_asked_for_none() {
        for provider in ["gemini", "xai"] {
            let upstream = Upstream::new(&Config { provider: provider.into(), ..Config::default() }).unwrap();
            let refusal = upstream.calls().unwrap_err();
            assert_eq!((refusal.status.as_u16(), refusal.code.as_ref()), (404, "no_calls"));
        }
    }

    #[test]
    fn who_waits_too_long_is_told_so() {
        let time = Error::new(ErrorClass::Network, "timeout", "the answer of 10.0.0.1 took longer than 8 s");
        let refusal = failed(&time);
        assert_eq!((refusal.status.as_u16(), refusal.code.as_ref()), (504, "upstream_timeout"));
        assert!(!refusal.message.contains("10.0.0.1"), "{refusal:?}");
    }

    #[test]
    fn a_plain_place_elsewhere_is_refused() {
        let config = Config { base_url: Some("http://api.example/v1".into()), ..Config::default() };
        assert_eq!(Upstream::new(&config).unwrap_err().code, "plaintext");
    }
}
