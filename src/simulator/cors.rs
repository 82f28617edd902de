//! Browsers ask before a page of another origin may call, and show it no more of the answer than they are told. The real
//! service is called from pages, so the simulator answers them, too.

use super::server::Answer;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header, header::HeaderValue};

/// Headers a page may send, and what others begin with. The service's own list is not published; that of its SDKs must
/// be in it, and others were seen to be refused (`originator`: github.com/openclaw/openclaw/issues/76435).
const ALLOWED: [&str; 2] = ["authorization", "content-type"];
const ALLOWED_FAMILIES: [&str; 3] = ["openai-", "x-openai-", "x-stainless-"];

/// Whether a request is a browser's question before a page's request.
pub(super) fn is_question<B>(request: &Request<B>) -> bool {
    let has = |name| request.headers().contains_key(name);
    request.method() == Method::OPTIONS
        && request.uri().path().starts_with("/v1/")
        && has(header::ORIGIN)
        && has(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to it: every origin may, with the headers of the API.
pub(super) fn answer<B>(request: &Request<B>) -> Answer {
    let asked = request.headers().get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let asked = asked.into_iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let allowed: Vec<String> = asked.map(|name| name.trim().to_ascii_lowercase()).filter(|name| allows(name)).collect();
    let answer = Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed.join(", "));
    readable(answer.body(Full::default()).unwrap_or_default())
}

fn allows(name: &str) -> bool {
    ALLOWED.contains(&name) || ALLOWED_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Lets every page read an answer, errors too, and where the call is that it made.
pub(super) fn readable(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("location"));
    answer
}
