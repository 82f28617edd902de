//! Against a socket that says what it is told to say.

use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Posts to a server that answers `answer` and keeps what it was asked.
async fn exchange(answer: &str, most: usize) -> (Result<Answer>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/v1/calls?a=b", listener.local_addr().unwrap())).unwrap();
    let answer = answer.to_owned();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"the body") {
            let mut piece = [0; 1024];
            let n = socket.read(&mut piece).await.unwrap();
            asked.extend_from_slice(&piece[..n]);
        }
        // A client that has enough closes in the middle of it.
        let _ = socket.write_all(answer.as_bytes()).await;
        let _ = socket.shutdown().await;
        String::from_utf8(asked).unwrap()
    });
    let key = Credential::new("c4n4ry-key").unwrap();
    let connection = Connection::open(&url, Tls::default()).await.unwrap();
    assert!(connection.peer.is_loopback());
    let post = Post {
        url: &url,
        headers: vec![(header::AUTHORIZATION, HeaderValue::from_static("Bearer c4n4ry-key"))],
        content_type: Some("application/sdp".into()),
        accept: "application/sdp",
        body: b"the body".to_vec(),
        most,
        time: Duration::from_secs(60),
    };
    let got = connection.exchange(post).await.and_then(|answer| answer.success(Some(&key), Whose::Service));
    (got, server.await.unwrap())
}

#[tokio::test]
async fn a_request_is_complete_and_the_answer_read() {
    let answer = "HTTP/1.1 201 Created\r\nlocation: /v1/calls/rtc_1\r\ncontent-type: Application/SDP\r\n\r\nv=0";
    let (got, asked) = exchange(answer, 100).await;
    let got = got.unwrap();
    assert_eq!((got.status, got.location.as_deref()), (201, Some("/v1/calls/rtc_1")));
    assert_eq!((got.content_type.as_str(), &got.body[..]), ("application/sdp", &b"v=0"[..]));
    let asked = asked.to_ascii_lowercase();
    assert!(asked.starts_with("post /v1/calls?a=b http/1.1\r\nhost: 127.0.0.1:"), "{asked}");
    for wanted in ["accept: application/sdp", "content-type: application/sdp", "content-length: 8"] {
        assert!(asked.contains(&format!("\r\n{wanted}\r\n")), "{asked}");
    }
}

#[tokio::test]
async fn refusals_carry_the_words_of_the_service_and_not_the_key() {
    let answer = "HTTP/1.1 401 No\r\n\r\n{\"error\":{\"message\":\"bad c4n4ry-key\",\"code\":\"invalid_api_key\"}}";
    let error = exchange(answer, 100).await.0.unwrap_err();
    assert_eq!((error.code.as_ref(), error.provider_code.as_deref()), ("auth", Some("invalid_api_key")));
    assert!(error.message.contains("bad [redacted]"), "{error}");
    let error = exchange("HTTP/1.1 429 Slow\r\nretry-after: 3\r\n\r\n", 100).await.0.unwrap_err();
    assert_eq!((error.code.as_ref(), error.retry_after_ms), ("rate_limited", Some(3000)));
}

#[tokio::test]
async fn nobody_is_followed_elsewhere() {
    let error =
        exchange("HTTP/1.1 307 There\r\nlocation: https://elsewhere.example/\r\n\r\n", 100).await.0.unwrap_err();
    assert_eq!(error.code, "redirect");
    assert!(!error.retryable);
}

#[tokio::test]
async fn an_answer_is_bounded_and_whole() {
    let long = format!("HTTP/1.1 201 Created\r\n\r\n{}", "x".repeat(200));
    let error = exchange(&long, 100).await.0.unwrap_err();
    assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Limit, "answer_too_big"));
    let error = exchange("HTTP/1.1 201 Created\r\ncontent-length: 50\r\n\r\nhalf", 100).await.0.unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("connect_failed", true));
}

#[tokio::test]
async fn what_is_no_http_is_said_to_be_none() {
    let error = exchange("SSH-2.0-OpenSSH\r\n\r\n", 100).await.0.unwrap_err();
    assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Protocol, "handshake"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_says_nothing_is_given_up() {
    let (ours, _theirs) = tokio::io::duplex(1000);
    let connection = Connection { wire: Box::new(ours), peer: [127, 0, 0, 1].into() };
    let url = Url::parse("http://127.0.0.1/").unwrap();
    let post = Post {
        url: &url,
        headers: Vec::new(),
        content_type: None,
        accept: "*/*",
        body: Vec::new(),
        most: 10,
        time: Duration::from_secs(8),
    };
    let before = tokio::time::Instant::now();
    let error = connection.exchange(post).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("timeout", true));
    assert_eq!(before.elapsed(), Duration::from_secs(8));
}
