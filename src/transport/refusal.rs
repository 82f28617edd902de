//! What a service that answers with an HTTP error means, for handshakes and for calls alike.

use crate::{
    credential::Credential,
    error::{Error, ErrorClass, redact},
};

/// The words of a body that is no answer: the service's own message where there is one, or else its beginning,
/// which tells more of a captive portal than "bad handshake". Never a key.
pub(super) fn said(body: &[u8], credential: Option<&Credential>) -> (String, Option<String>) {
    let body = String::from_utf8_lossy(body);
    // Some services echo the rejected key, whatever it looks like.
    let body = credential.map_or_else(|| body.to_string(), |c| body.replace(c.expose(), "[redacted]"));
    let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let words = match json["error"]["message"].as_str().or(json["error"].as_str()).or(json["message"].as_str()) {
        Some(text) => redact(text),
        None => redact(&body.chars().take(200).collect::<String>()),
    };
    (words, json["error"]["code"].as_str().map(redact))
}

/// The error of an answer with `status`, which is not a success. `phrase` is the status in words,
/// `retry_after` the header of that name.
pub(super) fn error(
    status: u16,
    phrase: &str,
    retry_after: Option<&str>,
    body: &[u8],
    credential: Option<&Credential>,
) -> Error {
    let (words, code) = said(body, credential);
    let said =
        if words.trim().is_empty() { format!("HTTP {status} {phrase}") } else { format!("HTTP {status}: {words}") };
    // Its other form, a date, would need a clock that is right.
    let after = retry_after.and_then(|v| v.trim().parse::<u64>().ok()).map(|s| s.saturating_mul(1000));
    let later = |error: Error| match after {
        Some(ms) => error.retry_after_ms(ms),
        None => error.retryable(),
    };
    let error = match status {
        401 | 403 => Error::new(ErrorClass::Credential, "auth", format!("the service refused the API key ({said})"))
            .fix("check that the key is right, active and for this service"),
        429 => later(
            Error::new(ErrorClass::Quota, "rate_limited", format!("too many requests ({said})"))
                .fix("wait, or check the account's limits"),
        ),
        _ if code.as_deref().is_some_and(|c| c.contains("model")) => {
            Error::new(ErrorClass::Config, "unknown_model", format!("the service does not know it ({said})"))
                .field("model")
                .fix("check the model name")
        }
        404 => Error::new(ErrorClass::Config, "not_found", format!("the service has no such place ({said})"))
            .field("base_url")
            .fix("check the base URL, and the model"),
        500..=599 => later(
            Error::new(ErrorClass::Network, "unavailable", format!("the service is unavailable ({said})"))
                .fix("try again later"),
        ),
        _ => Error::new(ErrorClass::Protocol, "handshake", format!("the service refused the connection ({said})"))
            .fix("check the base URL and the model"),
    };
    match code {
        Some(code) => error.provider_code(code),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_quoted_and_its_wish_kept() {
        let body = br#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
        let error = error(429, "Too Many Requests", Some(" 7 "), body, None);
        assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Quota, "rate_limited"));
        assert_eq!((error.retry_after_ms, error.retryable), (Some(7000), true));
        assert_eq!(error.provider_code.as_deref(), Some("rate_limit_exceeded"));
        assert!(error.message.contains("slow down"), "{error}");
    }

    #[test]
    fn a_page_is_shown_by_its_beginning_and_a_key_never() {
        let key = Credential::new("c4n4ry-key").unwrap();
        let page = format!("<html>c4n4ry-key {}", "x".repeat(500));
        let error = error(418, "I'm a teapot", None, page.as_bytes(), Some(&key));
        assert_eq!(error.code, "handshake");
        assert!(error.message.contains("<html>[redacted] xxx") && error.message.len() < 300, "{error}");
    }

    #[test]
    fn an_empty_body_leaves_the_status() {
        let error = error(503, "Service Unavailable", Some("tomorrow"), b"", None);
        assert_eq!((error.code.as_ref(), error.retryable, error.retry_after_ms), ("unavailable", true, None));
        assert!(error.message.contains("HTTP 503 Service Unavailable"), "{error}");
    }
}
