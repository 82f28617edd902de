//! `POST …/realtime/calls`, as far as whoever makes a call and whoever passes it on have it in common.

use crate::error::Result;
use serde_json::Value;
use url::Url;

/// No offer and no answer has more bytes.
pub(crate) const LARGEST_SDP: usize = 256 * 1024;
/// Of offers and answers.
pub(crate) const SDP_TYPE: &str = "application/sdp";

/// # Errors
/// `invalid_config` for what is no URL.
#[cfg(feature = "webrtc")]
pub(crate) fn parsed(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|e| crate::config::invalid("base_url", format!("not a URL: {e}")))
}

/// Where calls are offered, and for which model.
///
/// # Errors
/// `invalid_config` for what is no URL.
pub(crate) fn calls_url(dial: &str) -> Result<(Url, Option<String>)> {
    crate::provider::address::beside_sessions(dial, "calls")
}

/// An offer and the session it is for as a form: its content type, and the body.
pub(crate) fn multipart(offer: &str, session: Option<&Value>) -> (String, Vec<u8>) {
    let session = session.map(Value::to_string);
    // A boundary that is in no part: an offer may be a stranger's, who would like to add parts of his own.
    let free = |boundary: &String| {
        !offer.contains(boundary.as_str()) && !session.as_ref().is_some_and(|s| s.contains(boundary.as_str()))
    };
    let boundary = (0u64..).map(|n| format!("duologue-7d1c2f0b9e4a-{n}")).find(free).unwrap_or_default();
    let mut body = String::new();
    let parts = [("sdp", SDP_TYPE, Some(offer)), ("session", "application/json", session.as_deref())];
    for (name, content_type, content) in parts {
        if let Some(content) = content {
            body += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n");
            body += &format!("Content-Type: {content_type}\r\n\r\n{content}\r\n");
        }
    }
    body += &format!("--{boundary}--\r\n");
    (format!("multipart/form-data; boundary={boundary}"), body.into_bytes())
}

/// The last part of a URL, or of its path: the name of a call in a `Location`.
pub(crate) fn call_id(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let id = path.rsplit('/').next()?;
    let good = (1..=128).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    (good && id != "calls" && id.contains(|c: char| c.is_ascii_alphanumeric())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_offer_can_add_parts_to_the_form() {
        let (first, _) = multipart("v=0", None);
        let boundary = first.split_once("boundary=").unwrap().1;
        let part = "Content-Disposition: form-data; name=\"session\"\r\n\r\n{}";
        let offer = format!("v=0\r\n--{boundary}\r\n{part}\r\n--{boundary}--\r\n");
        let (kind, body) = multipart(&offer, Some(&json!({"instructions": boundary})));
        let boundary = kind.split_once("boundary=").unwrap().1;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(body.matches(boundary).count(), 3, "two parts and the end: {body}");
    }

    #[test]
    fn calls_are_beside_the_place_of_sessions() {
        for (dial, calls, model) in [
            ("wss://api.example/v1/realtime?model=m", "https://api.example/v1/realtime/calls", Some("m")),
            ("ws://127.0.0.1:9/v1/realtime", "http://127.0.0.1:9/v1/realtime/calls", None),
            ("wss://h/openai/v1/realtime/?model=a%20b&x=1", "https://h/openai/v1/realtime/calls?x=1", Some("a b")),
        ] {
            let (url, got) = calls_url(dial).unwrap();
            assert_eq!((url.as_str(), got.as_deref()), (calls, model));
        }
        assert_eq!(calls_url("nothing").unwrap_err().code, "invalid_config");
    }

    #[test]
    fn a_call_id_is_the_end_of_the_location() {
        for (location, id) in [
            ("/v1/realtime/calls/rtc_1", Some("rtc_1")),
            ("https://h/calls/rtc_1/?x=/y", Some("rtc_1")),
            ("rtc_1", Some("rtc_1")),
            ("/v1/realtime/calls", None),
            ("/v1/realtime/calls/", None),
            ("/calls/..", None),
            ("/calls/a b", None),
            ("", None),
        ] {
            assert_eq!(call_id(location).as_deref(), id, "{location}");
        }
    }
}
