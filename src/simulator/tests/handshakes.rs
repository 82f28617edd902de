//! Who gets in, and how the door is shut.

use super::client::{Client, simulator};
use crate::simulator::{Simulator, tls};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const MODEL: &str = "?model=gpt-realtime-2.1";

async fn quiet() -> Simulator {
    simulator(json!({"turns": []})).await
}

/// Sends a request as it is and reads the answer to its end.
pub(super) async fn exchange(sim: &Simulator, request: String) -> String {
    let address: SocketAddr = sim.base_url()["http://".len()..].trim_end_matches("/v1").parse().unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// The status and the JSON body of the answer to a request.
async fn http(sim: &Simulator, request: String) -> (u16, Value) {
    let answer = exchange(sim, request).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn mint(sim: &Simulator, key: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let request = format!(
        "POST /v1/realtime/client_secrets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    http(sim, request).await
}

#[tokio::test]
async fn a_key_may_come_as_a_subprotocol() {
    let sim = quiet().await;
    let offered = [("sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-x, openai-agents-sdk.0.20.0")];
    let mut client = Client::open(&sim, MODEL, &offered).await.unwrap();
    assert_eq!(client.next().await["type"], "session.created");
    let seen = &sim.journal().handshakes()[0];
    assert_eq!((seen["auth"].as_str(), seen["key"].as_str()), (Some("subprotocol"), Some("standard")));
    assert_eq!(seen["query"], json!(["model"]));
    assert_eq!(seen["status"], 101);
    assert!(!seen.to_string().contains("sk-x"), "a key in the journal: {seen}");
}

#[tokio::test]
async fn wrong_keys_are_unauthorized() {
    let sim = quiet().await;
    for headers in [
        vec![],
        vec![("authorization", "Bearer ")],
        vec![("authorization", "Bearer sk-invalid")],
        vec![("authorization", "Bearer ek_not_minted_here")],
        vec![("sec-websocket-protocol", "realtime")],
    ] {
        let (status, body) = Client::open(&sim, MODEL, &headers).await.err().unwrap();
        assert_eq!(status, 401, "{headers:?}");
        assert_eq!(body["error"]["code"], "invalid_api_key");
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn the_query_names_one_known_model() {
    let sim = quiet().await;
    let auth = [("authorization", "Bearer sk-test")];
    for (query, status, code) in [
        ("", 400, "missing_required_parameter"),
        ("?model=", 400, "invalid_value"),
        ("?model=gpt-realtime&intent=transcription", 400, "invalid_value"),
        ("?call_id=rtc_1", 400, "invalid_value"),
        ("?intent=transcription", 400, "invalid_value"),
        ("?model=gpt-9", 404, "model_not_found"),
        ("?model=gpt-live-1", 400, "invalid_model"),
    ] {
        let (got, body) = Client::open(&sim, query, &auth).await.err().unwrap();
        assert_eq!((got, body["error"]["code"].as_str()), (status, Some(code)), "{query}");
    }
    let sim = Simulator::builder().any_model(true).start().await.unwrap();
    let mut client = Client::open(&sim, "?model=gpt-9", &auth).await.unwrap();
    assert_eq!(client.next().await["session"]["model"], "gpt-9");
}

#[tokio::test]
async fn a_minted_secret_brings_its_session() {
    let sim = quiet().await;
    let session = json!({"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief.",
        "audio": {"output": {"voice": "cedar"}}});
    let request = json!({"expires_after": {"anchor": "created_at", "seconds": 60}, "session": session});
    let (status, secret) = mint(&sim, "sk-test", &request).await;
    assert_eq!(status, 200, "{secret}");
    let value = secret["value"].as_str().unwrap();
    assert!(value.starts_with("ek_"));
    assert_eq!(secret["session"]["object"], "realtime.session");
    let bearer = format!("Bearer {value}");
    for query in ["?model=gpt-realtime", ""] {
        let mut client = Client::open(&sim, query, &[("authorization", &bearer)]).await.unwrap();
        let created = client.next().await;
        assert_eq!(created["session"]["instructions"], "Be brief.");
        assert_eq!(created["session"]["audio"]["output"]["voice"], "cedar");
        assert!(created["session"]["expires_at"].as_u64() > Some(1_700_000_000));
    }
    let (status, _) = mint(&sim, value, &json!({})).await;
    assert_eq!(status, 401, "a secret must not mint another");
}

#[tokio::test]
async fn secrets_are_validated() {
    let sim = quiet().await;
    for (request, param) in [
        (json!({"expires_after": {"seconds": 9}}), "expires_after.seconds"),
        (json!({"expires_after": {"seconds": 7201}}), "expires_after.seconds"),
        (json!({"expires_after": {"anchor": "now"}}), "expires_after.anchor"),
        (json!({"session": {"type": "transcription"}}), "session.type"),
        (json!({"session": {"type": "realtime", "model": "gpt-9"}}), "model"),
        (json!({"session": {"type": "realtime", "voice": "cedar"}}), "session.voice"),
        (json!({"secret": 1}), "secret"),
    ] {
        let (status, body) = mint(&sim, "sk-test", &request).await;
        assert_eq!((status, body["error"]["param"].as_str()), (400, Some(param)), "{body}");
    }
    assert_eq!(mint(&sim, "sk-invalid", &json!({})).await.0, 401);
}

#[tokio::test]
async fn large_bodies_and_unknown_paths_are_refused() {
    let sim = quiet().await;
    let head =
        "POST /v1/realtime/client_secrets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\n";
    let (status, _) = http(&sim, format!("{head}content-length: 1048577\r\n\r\n")).await;
    assert_eq!(status, 413);
    let (status, body) = http(&sim, "GET /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into()).await;
    assert_eq!((status, body["error"]["code"].as_str()), (404, Some("unknown_url")));
    let plain = "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\n\r\n";
    assert_eq!(http(&sim, plain.into()).await.0, 426);
}

#[tokio::test]
async fn the_beta_shape_is_refused_with_close_4000() {
    let sim = quiet().await;
    let headers = [("authorization", "Bearer sk-test"), ("openai-beta", "realtime=v1")];
    let mut client = Client::open(&sim, MODEL, &headers).await.unwrap();
    let error = client.next().await;
    assert_eq!(error["error"]["code"], "beta_api_shape_disabled");
    assert_eq!(u16::from(client.closed().await.code), 4000);
}

#[tokio::test]
async fn shutdown_closes_with_1001_and_dropping_just_ends() {
    let sim = quiet().await;
    let mut client = Client::connect(&sim).await;
    let (closed, ()) = tokio::join!(client.closed(), sim.shutdown());
    assert_eq!(u16::from(closed.code), 1001);

    let sim = quiet().await;
    let mut client = Client::connect(&sim).await;
    drop(sim);
    client.ended().await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let error = Simulator::builder().listen("0.0.0.0:0".parse().unwrap()).start().await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.field.as_deref()), ("not_loopback", Some("listen")));
}

#[tokio::test]
async fn tls_serves_a_certificate_of_its_own_authority() {
    use tokio_rustls::{
        TlsConnector,
        rustls::{
            ClientConfig, RootCertStore, crypto,
            pki_types::{CertificateDer, ServerName, pem::PemObject},
        },
    };
    let sim = Simulator::builder().tls(true).start().await.unwrap();
    assert!(sim.ws_url().starts_with("wss://") && sim.base_url().starts_with("https://"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sim.ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = sim.base_url()["https://".len()..].trim_end_matches("/v1").to_owned();
    for name in ["localhost", "127.0.0.1"] {
        let socket = TcpStream::connect(&address).await.unwrap();
        let server = ServerName::try_from(name).unwrap();
        let stream = TlsConnector::from(Arc::new(config.clone())).connect(server, socket).await.unwrap();
        let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(format!(
            "{}{MODEL}",
            sim.ws_url()
        ))
        .unwrap();
        request.headers_mut().insert("authorization", "Bearer sk-test".parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let first = socket.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(first.contains("session.created"));
    }
    // Two simulators never share an authority.
    assert_ne!(tls::make().unwrap().ca_pem, sim.ca_pem().unwrap());
}
