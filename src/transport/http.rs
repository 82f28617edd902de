//! One HTTPS request: what a call, its hang-up and a client secret need, and no more.
//!
//! HTTP/1.1 over our own connection (`net`), an answer of bounded size, everything bounded in time. Redirects are
//! refused: they would take the key elsewhere. No task is started, so dropping the future gives up and leaves
//! nothing behind.

use super::{
    net::{Place, Wire, in_time},
    refusal::{self, Whose},
};
use crate::{
    config::Tls,
    credential::Credential,
    error::{Error, ErrorClass, Result},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request,
    client::conn::http1,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use std::{
    future::{Future, poll_fn},
    net::IpAddr,
    pin::pin,
    task::Poll,
    time::Duration,
};
use url::Url;

/// A body of an error is looked at as far as this.
const MOST_ERROR: usize = 64 * 1024;

/// What is posted.
pub(crate) struct Post<'a> {
    pub url: &'a Url,
    /// In addition to `Host`; the values are taken as secret.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub content_type: Option<String>,
    pub accept: &'static str,
    pub body: Vec<u8>,
    /// Bytes an answer may have.
    pub most: usize,
    /// For the whole exchange, beginning with the first byte of the request.
    pub time: Duration,
}

/// What is fetched.
pub(crate) struct Get<'a> {
    pub url: &'a Url,
    /// As of [`Post`].
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub most: usize,
    pub time: Duration,
}

/// An answer that sends nowhere else.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub retry_after: Option<String>,
    pub content_type: String,
    pub body: Bytes,
}

/// A connection that carries one request.
pub(crate) struct Connection {
    wire: Box<dyn Wire>,
    /// Who is at the other end.
    pub peer: IpAddr,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer, where it is a success; otherwise what `whose` refusal means, without the credential.
    ///
    /// # Errors
    /// As `refusal`.
    pub fn success(self, credential: Option<&Credential>, whose: Whose) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let phrase = hyper::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let (phrase, after) = (phrase.unwrap_or_default(), self.retry_after.as_deref());
        Err(refusal::error(self.status, phrase, after, &self.body, credential, whose))
    }
}

impl Connection {
    /// Connects to the host of `url`.
    pub async fn open(url: &Url, tls: Tls) -> Result<Self> {
        let (wire, peer) = Place::of(url)?.open(tls).await?;
        Ok(Self { wire, peer })
    }

    /// Posts and reads the answer, whatever its status; of one that is no success as much as there is.
    ///
    /// # Errors
    /// `redirect`, `answer_too_big` (class `limit`), `timeout`, `connect_failed` when the connection breaks, and
    /// `handshake` when it is not HTTP that is spoken there.
    pub async fn exchange(self, post: Post<'_>) -> Result<Answer> {
        let (time, most) = (post.time, post.most);
        self.carry(request(post)?, time, most).await
    }

    /// Fetches; otherwise as [`Self::exchange`].
    pub async fn fetch(self, get: Get<'_>) -> Result<Answer> {
        let mut request = begun(hyper::Method::GET, get.url, "application/json");
        for (name, mut value) in get.headers {
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        self.carry(request.body(Full::default()).map_err(|_| unfit())?, get.time, get.most).await
    }

    async fn carry(self, request: Request<Full<Bytes>>, time: Duration, most: usize) -> Result<Answer> {
        let exchange = async {
            let (mut sender, connection) = http1::Builder::new()
                .max_buf_size(64 * 1024)
                .handshake(TokioIo::new(self.wire))
                .await
                .map_err(broken)?;
            let answered = async move {
                let response = sender.send_request(request).await.map_err(broken)?;
                read(response, most).await
            };
            beside(connection, answered).await
        };
        in_time(time, "the answer of the service", exchange).await?
    }
}

/// Polls the connection for as long as `exchange` needs it.
async fn beside<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let (mut connection, mut exchange) = (pin!(connection), pin!(exchange));
    let mut over = false;
    poll_fn(|cx| {
        // What it failed with, the exchange says too.
        over = over || connection.as_mut().poll(cx).is_ready();
        match exchange.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn begun(method: hyper::Method, url: &Url, accept: &'static str) -> hyper::http::request::Builder {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("duologue/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, accept)
        .header(header::CONNECTION, "close")
}

fn request(post: Post<'_>) -> Result<Request<Full<Bytes>>> {
    let mut request = begun(hyper::Method::POST, post.url, post.accept)
        // Also of nothing: some servers refuse a POST without.
        .header(header::CONTENT_LENGTH, post.body.len());
    if let Some(content_type) = post.content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    for (name, mut value) in post.headers {
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request.body(Full::new(post.body.into())).map_err(|_| unfit())
}

fn unfit() -> Error {
    Error::new(ErrorClass::Config, "invalid_config", "the URL or a header cannot be sent").field("base_url")
}

async fn read(response: hyper::Response<hyper::body::Incoming>, most: usize) -> Result<Answer> {
    let (head, body) = response.into_parts();
    let text = |name| head.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
    let (status, location) = (head.status, text(header::LOCATION));
    if status.is_redirection() {
        let message = format!("the service answered HTTP {} and sends elsewhere", status.as_u16());
        return Err(Error::new(ErrorClass::Protocol, "redirect", message)
            .field("base_url")
            .fix("give the URL where it leads to: a key is not taken to another place"));
    }
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let retry_after = text(header::RETRY_AFTER);
    let answer = |body| Answer { status: status.as_u16(), location, retry_after, content_type, body };
    if !status.is_success() {
        // As far as it comes: the status alone is an answer too.
        let (mut body, mut words) = (Limited::new(body, MOST_ERROR), BytesMut::new());
        while let Some(Ok(frame)) = body.frame().await {
            words.extend(frame.into_data().ok());
        }
        return Ok(answer(words.freeze()));
    }
    let body = Limited::new(body, most).collect().await.map_err(|e| {
        if e.is::<LengthLimitError>() {
            Error::new(ErrorClass::Limit, "answer_too_big", format!("the service answered with more than {most} bytes"))
                .fix("check the base URL")
        } else {
            lost(&e.to_string())
        }
    })?;
    Ok(answer(body.to_bytes()))
}

fn broken(error: hyper::Error) -> Error {
    if error.is_parse() {
        let message = format!("what answered does not speak HTTP: {error}");
        return Error::new(ErrorClass::Protocol, "handshake", message)
            .field("base_url")
            .fix("check that the URL is that of a realtime API");
    }
    lost(&error.to_string())
}

fn lost(why: &str) -> Error {
    Error::new(
        ErrorClass::Network,
        "connect_failed",
        format!("the connection broke before the answer was there: {why}"),
    )
    .fix("check the network and the base URL")
    .retryable()
}

#[cfg(test)]
mod tests;
