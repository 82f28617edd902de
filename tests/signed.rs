//! A key is exchanged for a signed URL before a conversation is dialled, and a signed URL is dialled as it is.

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Config,
    credential::{Credential, CredentialKind},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Heads of the requests that came, each answered in its turn; then no more.
async fn service(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let at = place.clone();
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            heads.push(head(&mut socket).await);
            socket.write_all(answer.replace("PLACE", &at).as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
        }
        heads
    });
    (place, serving)
}

async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn json_answer(status: &str, body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn error_of(place: &str, credential: impl Into<Option<Credential>>) -> duologue::Error {
    let document = json!({"provider": "elevenlabs", "model": "agent_1", "base_url": format!("http://{place}")});
    let config = Config::from_json(&document.to_string()).unwrap();
    let builder = duologue::Client::builder().config(config);
    let builder = match credential.into() {
        Some(credential) => builder.credential(credential),
        None => builder,
    };
    let client = builder.build().unwrap();
    canary::events_of(&client);
    let error = tokio::time::timeout(Duration::from_secs(20), client.connect()).await.expect("it ends").unwrap_err();
    client.shutdown().await;
    error
}

fn key() -> Credential {
    Credential::new(canary::KEY).unwrap()
}

/// Line 28: the key goes to the place that signs and to no other, in its own header; what comes back is dialled.
#[tokio::test]
async fn a_key_is_exchanged_for_a_signed_url() {
    let signed = json!({"signed_url": "ws://PLACE/v1/convai/conversation?agent_id=agent_1&conversation_signature=s1"});
    // The length is that of the answer as it is sent.
    let body = signed.to_string();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{body}");
    let (place, serving) = service(vec![answer, json_answer("503 Service Unavailable", &json!({}))]).await;
    error_of(&place, key()).await;
    let heads = serving.await.unwrap();
    let signs = "GET /v1/convai/conversation/get-signed-url?agent_id=agent_1 HTTP/1.1";
    assert!(heads[0].starts_with(signs) && heads[0].contains(&format!("xi-api-key: {}", canary::KEY)), "{}", heads[0]);
    let dials = "GET /v1/convai/conversation?agent_id=agent_1&conversation_signature=s1 HTTP/1.1";
    assert!(heads[1].starts_with(dials) && !heads[1].contains(canary::KEY), "{}", heads[1]);
}

/// Line 22: as it was given, and never told.
#[tokio::test]
async fn a_signed_url_is_dialled_as_it_is() {
    let (place, serving) = service(vec![json_answer("403 Forbidden", &json!({"detail": "no"}))]).await;
    let url = format!("ws://{place}/v1/convai/conversation?agent_id=a&conversation_signature={}", canary::KEY);
    let credential = Credential::of_kind(CredentialKind::SignedUrl, url).unwrap();
    let error = error_of(&place, credential).await;
    let heads = serving.await.unwrap();
    let dials = format!("GET /v1/convai/conversation?agent_id=a&conversation_signature={} HTTP/1.1", canary::KEY);
    assert!(heads[0].starts_with(&dials), "{}", heads[0]);
    assert!(!format!("{error:?} {error}").contains(canary::KEY), "{error:?}");
}

/// A public agent talks to everybody: without a credential nothing is signed.
#[tokio::test]
async fn a_public_agent_is_dialled_by_its_id() {
    let (place, serving) = service(vec![json_answer("503 Service Unavailable", &json!({}))]).await;
    error_of(&place, None).await;
    let heads = serving.await.unwrap();
    assert!(heads[0].starts_with("GET /v1/convai/conversation?agent_id=agent_1 HTTP/1.1"), "{}", heads[0]);
    assert!(!heads[0].contains("xi-api-key"), "{}", heads[0]);
}

#[tokio::test]
async fn what_is_no_signed_url_is_told() {
    for (answer, code) in [
        (json_answer("200 OK", &json!({"signed_url": "https://elsewhere.example"})), "bad_endpoint"),
        (json_answer("200 OK", &json!({"url": "x"})), "handshake"),
        (json_answer("401 Unauthorized", &json!({"detail": {"status": "invalid_api_key"}})), "auth"),
    ] {
        let (place, serving) = service(vec![answer.clone()]).await;
        let error = error_of(&place, key()).await;
        serving.await.unwrap();
        assert_eq!(error.code, code, "{answer}: {error}");
        assert!(!error.to_string().contains(canary::KEY));
    }
}
