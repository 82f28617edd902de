//! What is posted, and what answers mean.

use super::*;
use bytes::Bytes;

const ANSWER: &str = "v=0\r\na=fingerprint:sha-256 AA\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
    a=rtpmap:111 opus/48000/2\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";

fn request(url: &str) -> DialRequest {
    DialRequest {
        url: url.into(),
        transport: Default::default(),
        auth: Default::default(),
        key_header: None,
        subprotocols: Vec::new(),
        credential_subprotocol: String::new(),
        token_scheme: None,
        signed_at: None,
    }
}

fn caller(proxy: Option<Proxy>, session: Option<Value>, key: &str) -> Caller {
    let credential = Credential::new(key).unwrap();
    let request = request("wss://api.example/v1/realtime?model=m-1");
    Caller::new(&request, proxy, session, Some(credential), Tls::default()).unwrap()
}

fn proxy(form: SdpForm) -> Option<Proxy> {
    let headers = vec![("x-app".to_owned(), SecretString::from("c4n4ry-token"))];
    let url = "https://app.example/call?ticket=c4n4ry-token".into();
    Some(Proxy { url, form, headers, voice: Some("marin".into()), ..Proxy::default() })
}

fn posted(caller: &Caller) -> (String, String) {
    let (content_type, body) = caller.body("v=0\r\noffer\r\n");
    (content_type, String::from_utf8(body).unwrap())
}

#[test]
fn a_client_secret_posts_the_offer_alone() {
    let caller = caller(None, Some(json!({"type": "realtime"})), "ek_c4n4ry");
    assert_eq!(posted(&caller), ("application/sdp".into(), "v=0\r\noffer\r\n".into()));
    let headers = caller.headers().unwrap();
    assert_eq!(headers, [(header::AUTHORIZATION, HeaderValue::from_static("Bearer ek_c4n4ry"))]);
}

#[test]
fn a_key_posts_the_session_too() {
    let session = json!({"type": "realtime", "model": "m-1", "instructions": "be brief"});
    let (content_type, body) = posted(&caller(None, Some(session.clone()), "c4n4ry-key"));
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{body}");
    assert_eq!((parts[0], parts[3]), ("", "--\r\n"));
    let sdp =
        "\r\nContent-Disposition: form-data; name=\"sdp\"\r\nContent-Type: application/sdp\r\n\r\nv=0\r\noffer\r\n\r\n";
    assert_eq!(parts[1], sdp);
    let (head, content) = parts[2].split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with("name=\"session\"\r\nContent-Type: application/json"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(content).unwrap(), session);
    // A service that is told nothing else is told the model.
    let (_, body) = posted(&caller(None, None, "c4n4ry-key"));
    assert!(body.contains(r#"{"model":"m-1","type":"realtime"}"#), "{body}");
}

#[test]
fn an_applications_server_gets_its_own_headers_and_no_key() {
    let sdp = caller(proxy(SdpForm::Sdp), None, "c4n4ry-key");
    assert_eq!(posted(&sdp).0, "application/sdp");
    assert_eq!(sdp.url.as_str(), "https://app.example/call?ticket=c4n4ry-token");
    let headers = sdp.headers().unwrap();
    assert_eq!(headers, [(HeaderName::from_static("x-app"), HeaderValue::from_static("c4n4ry-token"))]);
    assert!(posted(&caller(proxy(SdpForm::Multipart), None, "c4n4ry-key")).0.starts_with("multipart/form-data"));

    let (content_type, body) = posted(&caller(proxy(SdpForm::Json), None, "c4n4ry-key"));
    assert_eq!(content_type, "application/json");
    // `echo -ne 'v=0\r\noffer\r\n' | base64`
    assert_eq!(body, r#"{"sdp":"dj0wDQpvZmZlcg0K","voice":"marin"}"#);

    let shown = format!("{:?}", proxy(SdpForm::Sdp).unwrap());
    assert!(shown.contains("app.example") && shown.contains("x-app") && !shown.contains("c4n4ry"), "{shown}");
    let mut broken = proxy(SdpForm::Sdp);
    broken.as_mut().unwrap().headers[0].1 = "c4n4ry\r\nx: y".into();
    let error = caller(broken, None, "c4n4ry-key").headers().unwrap_err();
    assert!(error.code == "malformed_key" && !error.to_string().contains("c4n4ry"), "{error}");
}

fn answer(content_type: &str, body: &str, location: Option<&str>) -> Result<Answered> {
    read(Answer {
        retry_after: None,
        status: 201,
        location: location.map(str::to_owned),
        content_type: content_type.into(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    })
}

#[test]
fn an_answer_is_read_in_each_of_its_forms() {
    let got = answer("application/sdp", ANSWER, Some("/v1/realtime/calls/rtc_abc-1")).unwrap();
    assert_eq!((got.call_id.as_deref(), got.negotiated.opus), (Some("rtc_abc-1"), 111));
    let raw = json!({"sdp": ANSWER, "type": "answer"}).to_string();
    let coded = json!({"sdp": base64_simd::STANDARD.encode_to_string(ANSWER)}).to_string();
    for body in [raw, coded] {
        let got = answer("application/json", &body, None).unwrap();
        assert_eq!((got.sdp.as_str(), got.call_id), (ANSWER, None));
    }
}

#[test]
fn what_is_no_answer_is_an_error_that_says_so() {
    for (content_type, body, code) in [
        ("application/sdp", "", "invalid_answer"),
        ("application/sdp", "hello", "invalid_answer"),
        ("application/json", "{}", "invalid_answer"),
        ("application/json", "{", "invalid_answer"),
        ("application/json", r#"{"sdp":"!!"}"#, "invalid_answer"),
        ("text/html; charset=utf-8", "Sign in", "handshake"),
        ("application/sdp", "\n<!DOCTYPE html>", "handshake"),
    ] {
        assert_eq!(answer(content_type, body, None).unwrap_err().code, code, "{content_type} {body}");
    }
}
