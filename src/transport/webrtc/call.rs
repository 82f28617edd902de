//! From an offer to an answer: the three ways of `POST …/realtime/calls`, and hanging up.

use super::sdp;
use crate::{
    config::{SdpForm, Tls},
    credential::{Credential, CredentialKind, shown},
    error::{Error, ErrorClass, Result, redact},
    provider::DialRequest,
    transport::{
        calls::{LARGEST_SDP, SDP_TYPE, call_id, calls_url, multipart, parsed},
        http::{Answer, Connection, Post},
        refusal::Whose,
    },
};
use hyper::header::{self, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::{fmt, net::IpAddr, time::Duration};
use url::Url;

/// For the whole exchange. A server that asks the service itself has time to say that it waited in vain.
const SDP: Duration = Duration::from_secs(10);
const HANG_UP: Duration = Duration::from_secs(2);

/// An application's own server, which keeps the vendor's key to itself.
///
/// A bearer token that the client has as its credential is sent to it; keys of the vendor are not.
#[derive(Clone, Default)]
pub struct Proxy {
    /// Where offers are posted: `https`, or `http` on this machine.
    pub url: String,
    /// What it takes.
    pub form: SdpForm,
    /// The model to ask for, where the form has a place for it; without one the server chooses.
    pub model: Option<String>,
    /// The voice to ask for, where the form has a place for it.
    pub voice: Option<String>,
    /// The instructions to ask for, where the form has a place for them.
    pub instructions: Option<String>,
    /// The application's own headers, such as who its user is.
    pub headers: Vec<(String, SecretString)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Proxy")
            .field("url", &shown(&self.url))
            .field("form", &self.form)
            .field("headers", &names)
            .finish()
    }
}

/// A call that can be made: where to, and how.
pub(super) struct Caller {
    url: Url,
    proxy: Option<Proxy>,
    session: Option<Value>,
    model: Option<String>,
    credential: Option<Credential>,
    tls: Tls,
}

/// A call that was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub sdp: String,
    /// Its name at the service, where it was told.
    pub call_id: Option<String>,
    pub negotiated: sdp::Negotiated,
}

impl Caller {
    /// # Errors
    /// `invalid_config` when there is no such URL.
    pub fn new(
        request: &DialRequest,
        proxy: Option<Proxy>,
        session: Option<Value>,
        credential: Option<Credential>,
        tls: Tls,
    ) -> Result<Self> {
        let (base, model) = calls_url(&request.url)?;
        let url = match &proxy {
            Some(proxy) => parsed(&proxy.url).map_err(|e| e.field(Whose::OwnServer.field()))?,
            None => base,
        };
        Ok(Self { url, proxy, session, model, credential, tls })
    }

    /// Connects; says with whom.
    pub async fn connect(&self) -> Result<(Connection, IpAddr)> {
        let connection = Connection::open(&self.url, self.tls.clone()).await.map_err(|e| self.at_its_place(e))?;
        let peer = connection.peer;
        Ok((connection, peer))
    }

    fn whose(&self) -> Whose {
        if self.proxy.is_some() { Whose::OwnServer } else { Whose::Service }
    }

    /// What is wrong with an address is wrong where it was configured.
    fn at_its_place(&self, mut error: Error) -> Error {
        let of_the_vendor = (Whose::Service.field(), "the base URL");
        if self.proxy.is_some() {
            error.field = error.field.map(|field| field.replace(of_the_vendor.0, Whose::OwnServer.field()));
            error.fix = error.fix.map(|fix| fix.replace(of_the_vendor.1, Whose::OwnServer.field()));
        }
        error
    }

    /// Posts the offer.
    ///
    /// # Errors
    /// As the HTTP client; `no_calls` (class `unsupported`) where there are none; `invalid_answer` for what is no answer to
    /// an offer, `handshake` for a web page.
    pub async fn offer(&self, connection: Connection, offer: &str) -> Result<Answered> {
        self.exchange(connection, offer).await.map_err(|e| self.at_its_place(e))
    }

    async fn exchange(&self, connection: Connection, offer: &str) -> Result<Answered> {
        let (content_type, body) = self.body(offer);
        let post = Post {
            url: &self.url,
            headers: self.headers()?,
            content_type: Some(content_type),
            accept: SDP_TYPE,
            body,
            most: LARGEST_SDP,
            time: SDP,
        };
        let answer = connection.exchange(post).await?;
        if self.whose() == Whose::Service && matches!(answer.status, 405 | 415 | 501) {
            let message = format!("the service takes no calls (HTTP {})", answer.status);
            let error = Error::new(ErrorClass::Unsupported, "no_calls", message).field("transport");
            return Err(error.fix("set transport to websocket, or to auto"));
        }
        read(answer.success(self.credential.as_ref(), self.whose())?)
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let malformed = |what: &str| {
            Error::new(ErrorClass::Credential, "malformed_key", format!("{what} cannot be sent in a header"))
        };
        // The vendor's key is no business of the application's server, nor the other way round.
        let own = |c: &&Credential| self.proxy.is_none() || c.kind() == CredentialKind::Bearer;
        let mut headers = Vec::new();
        if let Some(credential) = self.credential.as_ref().filter(own) {
            let value = HeaderValue::try_from(format!("Bearer {}", credential.expose()));
            headers.push((header::AUTHORIZATION, value.map_err(|_| malformed("the API key"))?));
        }
        for (name, value) in self.proxy.iter().flat_map(|proxy| &proxy.headers) {
            let header = HeaderName::try_from(name.as_str()).map_err(|_| malformed(&format!("{name:?}")))?;
            let value = HeaderValue::try_from(value.expose_secret());
            headers.push((header, value.map_err(|_| malformed(&format!("the value of {name}")))?));
        }
        Ok(headers)
    }

    /// What is posted, and its type.
    fn body(&self, offer: &str) -> (String, Vec<u8>) {
        let plain = || (SDP_TYPE.to_owned(), offer.as_bytes().to_vec());
        match self.proxy.as_ref().map(|proxy| (proxy.form, proxy)) {
            // The session of a client secret came with it.
            None if self.credential.as_ref().is_some_and(|c| c.kind() == CredentialKind::Ephemeral) => plain(),
            Some((SdpForm::Sdp, _)) => plain(),
            None | Some((SdpForm::Multipart, _)) => {
                // A server of the application has a model of its own, unless another one is wished for.
                let model = self.proxy.as_ref().map_or(&self.model, |proxy| &proxy.model);
                let of = |model: &String| json!({"type": "realtime", "model": model});
                let session = self.session.clone().or_else(|| model.as_ref().map(of));
                multipart(offer, session.as_ref())
            }
            Some((SdpForm::Json, Proxy { model, voice, instructions, .. })) => {
                let mut body = json!({"sdp": base64_simd::STANDARD.encode_to_string(offer)});
                for (name, value) in [("model", model), ("voice", voice), ("instructions", instructions)] {
                    if let Some(value) = value {
                        body[name] = json!(value);
                    }
                }
                ("application/json".into(), body.to_string().into_bytes())
            }
        }
    }

    /// Ends a call at the service, as far as it can be reached in two seconds. An application's own server may have
    /// no place for it: there the end of the connection has to do.
    pub async fn hang_up(&self, call_id: &str) {
        let done = tokio::time::timeout(HANG_UP, async {
            let mut url = self.url.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.push(call_id).push("hangup");
            }
            let post = Post {
                url: &url,
                headers: self.headers()?,
                content_type: None,
                accept: "*/*",
                body: Vec::new(),
                most: LARGEST_SDP,
                time: HANG_UP,
            };
            let answer = Connection::open(&url, self.tls.clone()).await?.exchange(post).await?;
            answer.success(self.credential.as_ref(), self.whose())
        });
        match done.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(code = %error.code, "not hung up"),
            Err(_) => tracing::debug!("not hung up in time"),
        }
    }
}

fn read(answer: Answer) -> Result<Answered> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| sdp::wrong("it is no text"))?;
    if answer.content_type.starts_with("text/html") || text.trim_start().starts_with('<') {
        let page = redact(&text.chars().take(200).collect::<String>());
        let message = format!("a web page answered (HTTP {}): {page}", answer.status);
        return Err(Error::new(ErrorClass::Protocol, "handshake", message)
            .field("base_url")
            .fix("check the URL, and whether this network wants a sign-in first"));
    }
    let sdp = match answer.content_type.starts_with("application/json") || text.trim_start().starts_with('{') {
        true => from_json(text)?,
        false => text.to_owned(),
    };
    let negotiated = sdp::read(&sdp)?;
    if !negotiated.listens {
        return Err(sdp::wrong("it takes no audio: it only sends"));
    }
    if negotiated.opus != sdp::OPUS {
        // Allowed, but then each side knows the other's packets under another number, and the stack has one for both:
        // better no call than one without a sound.
        return Err(sdp::wrong(&format!("it calls Opus {}, the offer {}", negotiated.opus, sdp::OPUS)));
    }
    let id = answer.location.as_deref().and_then(call_id);
    Ok(Answered { sdp, call_id: id, negotiated })
}

/// An application's server may answer with an object: its `sdp`, as it is or in base64.
fn from_json(text: &str) -> Result<String> {
    let json: Value = serde_json::from_str(text).map_err(|_| sdp::wrong("it is no session description"))?;
    let sdp = json["sdp"].as_str().or(json["answer"].as_str()).ok_or_else(|| sdp::wrong("it has no sdp"))?;
    if sdp.trim_start().starts_with("v=") {
        return Ok(sdp.to_owned());
    }
    let bytes = base64_simd::STANDARD.decode_to_vec(sdp.trim()).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| sdp::wrong("its sdp cannot be read"))
}

#[cfg(test)]
mod tests;
