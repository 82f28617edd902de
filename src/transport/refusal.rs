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
    // Services made with FastAPI (ElevenLabs) have `detail`: words, or an object with them.
    let (error, detail) = (&json["error"], &json["detail"]);
    let places = [&error["message"], error, &json["message"], &detail["message"], detail];
    let words = match places.into_iter().find_map(serde_json::Value::as_str) {
        Some(text) => redact(text),
        None => redact(&body.chars().take(200).collect::<String>()),
    };
    (words, error["code"].as_str().or(detail["status"].as_str()).map(redact))
}

/// The field a refusal is about, where it names one.
fn param(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let name = json["error"]["param"].as_str()?;
    let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
    plain.then(|| name.to_owned())
}

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The vendor's, at `base_url`.
    Service,
    /// That of the application's own server, at `sdp_proxy.url`, which knows no key of the vendor.
    OwnServer,
}

impl Whose {
    /// In a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Service => "the service",
            Self::OwnServer => "the application's server",
        }
    }

    /// Where its address is configured.
    pub fn field(self) -> &'static str {
        match self {
            Self::Service => "base_url",
            Self::OwnServer => "sdp_proxy.url",
        }
    }
}

/// The error of an answer with `status`, which is not a success. `phrase` is the status in words,
/// `retry_after` the header of that name.
pub(super) fn error(
    status: u16,
    phrase: &str,
    retry_after: Option<&str>,
    body: &[u8],
    credential: Option<&Credential>,
    whose: Whose,
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
    let (who, field) = (whose.name(), whose.field());
    let class = |class, code, text: &str| Error::new(class, code, format!("{who} {text} ({said})"));
    let error = match status {
        401 | 403 if whose == Whose::OwnServer && code.as_deref() == Some("not_allowed") => {
            let error = class(ErrorClass::Config, "not_allowed", "does not let its callers choose that")
                .fix("leave it out, or have the server allow it");
            param(body).into_iter().fold(error, Error::field)
        }
        _ if whose == Whose::OwnServer
            && matches!(code.as_deref(), Some("upstream_key_refused" | "upstream_forbidden")) =>
        {
            class(ErrorClass::Credential, "auth", "may not call the service").fix("its operator has to look at its key")
        }
        401 | 403 if whose == Whose::OwnServer => class(ErrorClass::Credential, "auth", "let nobody in")
            .fix("check the token that is given as credential, and what the server asks of its callers"),
        401 | 403 => class(ErrorClass::Credential, "auth", "refused the API key")
            .fix("check that the key is right, active and for this service"),
        429 => later(
            Error::new(ErrorClass::Quota, "rate_limited", format!("too many requests ({said})"))
                .fix("wait, or check the account's limits"),
        ),
        _ if code.as_deref().is_some_and(|c| c.contains("model")) => {
            class(ErrorClass::Config, "unknown_model", "does not know it").field("model").fix("check the model name")
        }
        404 => class(ErrorClass::Config, "not_found", "has no such place").field(field).fix(match whose {
            Whose::Service => "check the base URL, and the model",
            Whose::OwnServer => "check the URL",
        }),
        500..=599 => later(class(ErrorClass::Network, "unavailable", "is unavailable").fix("try again later")),
        _ if words.trim_start().starts_with('<') => {
            let text = format!("a web page answered in the place of {who} ({said})");
            Error::new(ErrorClass::Protocol, "handshake", text)
                .field(field)
                .fix("check the URL, and whether this network wants a sign-in first")
        }
        _ => class(ErrorClass::Protocol, "handshake", "refused the connection").fix(match whose {
            Whose::Service => "check the base URL and the model",
            Whose::OwnServer => "check the URL, and which form of offer the server takes (sdp_proxy.form)",
        }),
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
        let error = error(429, "Too Many Requests", Some(" 7 "), body, None, Whose::Service);
        assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Quota, "rate_limited"));
        assert_eq!((error.retry_after_ms, error.retryable), (Some(7000), true));
        assert_eq!(error.provider_code.as_deref(), Some("rate_limit_exceeded"));
        assert!(error.message.contains("slow down"), "{error}");
    }

    #[test]
    fn a_page_is_shown_by_its_beginning_and_a_key_never() {
        let key = Credential::new("c4n4ry-key").unwrap();
        let page = format!("<html>c4n4ry-key {}", "x".repeat(500));
        let error = error(418, "I'm a teapot", None, page.as_bytes(), Some(&key), Whose::Service);
        assert_eq!(error.code, "handshake");
        assert!(error.message.contains("<html>[redacted] xxx") && error.message.len() < 300, "{error}");
    }

    #[test]
    fn what_an_application_refuses_is_no_matter_of_the_vendors_key() {
        let closed = error(401, "Unauthorized", None, b"{}", None, Whose::OwnServer);
        assert_eq!((closed.class, closed.code.as_ref()), (ErrorClass::Credential, "auth"));
        assert!(!closed.to_string().contains("key") && closed.message.contains("the application's server"), "{closed}");
        let body = br#"{"error":{"message":"The voice is fixed.","code":"not_allowed","param":"voice"}}"#;
        let fixed = error(403, "Forbidden", None, body, None, Whose::OwnServer);
        assert_eq!((fixed.class, fixed.code.as_ref()), (ErrorClass::Config, "not_allowed"));
        assert_eq!(fixed.field.as_deref(), Some("voice"));
        let body = br#"{"error":{"message":"The service refused this server's key.","code":"upstream_key_refused"}}"#;
        let keyless = error(502, "Bad Gateway", None, body, None, Whose::OwnServer);
        assert_eq!((keyless.class, keyless.retryable), (ErrorClass::Credential, false), "trying again changes nothing");
        let gone = error(404, "Not Found", None, b"", None, Whose::OwnServer);
        assert_eq!(gone.field.as_deref(), Some("sdp_proxy.url"));
    }

    #[test]
    fn an_empty_body_leaves_the_status() {
        let error = error(503, "Service Unavailable", Some("tomorrow"), b"", None, Whose::Service);
        assert_eq!((error.code.as_ref(), error.retryable, error.retry_after_ms), ("unavailable", true, None));
        assert!(error.message.contains("HTTP 503 Service Unavailable"), "{error}");
    }
}
