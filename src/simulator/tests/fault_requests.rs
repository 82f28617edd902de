//! What goes wrong before there is a connection.

use super::client::{Client, fast, within};
use crate::simulator::{
    Simulator,
    scenario::{Fault, Refuse, Stall, What},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

const UPGRADE: &str = "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n\
    connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
const MINT: &str = "POST /v1/realtime/client_secrets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n\
    content-length: 2\r\n\r\n{}";

async fn with(faults: impl IntoIterator<Item = Fault>) -> Simulator {
    let builder = Simulator::builder().scenario(fast(json!({"turns": []})));
    faults.into_iter().fold(builder, |builder, fault| builder.fault(fault)).start().await.unwrap()
}

async fn dial(sim: &Simulator) -> TcpStream {
    let address: SocketAddr = sim.base_url()["http://".len()..].trim_end_matches("/v1").parse().unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Sends a request and returns the head of the answer in lower case and as much body as it announces.
async fn ask(sim: &Simulator, request: &str) -> (u16, String, String) {
    let mut socket = dial(sim).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&answer).to_string();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return (status, head, body.to_owned());
                }
            }
            assert!(socket.read_buf(&mut answer).await.unwrap() > 0, "the end of {text}");
        }
    };
    within(read).await
}

#[tokio::test]
async fn requests_are_refused_so_many_times_and_then_let_in() {
    for (status, retry_after_s, code) in [
        (401, None, "invalid_api_key"),
        (403, None, "permission_denied"),
        (429, None, "rate_limit_exceeded"),
        (429, Some(2), "rate_limit_exceeded"),
        (500, None, "server_error"),
        (503, Some(0), "overloaded"),
    ] {
        let refuse = || Fault::new(What::Refuse(Refuse { status, retry_after_s, code: None }));
        let sim = with([refuse().upgrade(2).times(2), refuse().client_secret(1)]).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let (got, head, body) = ask(&sim, UPGRADE).await;
            statuses.push(got);
            if got == 101 {
                continue;
            }
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["error"]["code"], code);
            let header = retry_after_s.map(|s| format!("retry-after: {s}"));
            assert_eq!(head.lines().find(|line| line.starts_with("retry-after")), header.as_deref(), "{head}");
        }
        assert_eq!(statuses, [101, status, status, 101]);
        assert_eq!(ask(&sim, MINT).await.0, status);
        let (got, _, body) = ask(&sim, MINT).await;
        assert_eq!(got, 200, "{body}");

        let journal = sim.journal();
        assert_eq!((journal.dials(), journal.secrets_asked(), journal.connections().len()), (4, 2, 2));
        let seen: Vec<Value> = journal.handshakes().iter().map(|h| h["connection"].clone()).collect();
        assert_eq!(seen, [json!(1), Value::Null, Value::Null, json!(2), Value::Null, Value::Null]);
        assert_eq!(journal.fired("refuse"), 3);
        assert!(journal.faults().iter().all(|fault| fault["connection"].is_null() && fault["do"] == "refuse"));
    }
}

#[tokio::test]
async fn a_refusal_may_have_another_code() {
    let quota = Refuse { status: 429, retry_after_s: None, code: Some("insufficient_quota".into()) };
    let sim = with([Fault::new(What::Refuse(quota)).upgrade(1).named("no money")]).await;
    let auth = [("authorization", "Bearer sk-test")];
    let (status, body) = Client::open(&sim, "?model=gpt-realtime", &auth).await.err().unwrap();
    assert_eq!((status, &body["error"]["code"]), (429, &json!("insufficient_quota")));
    assert_eq!(sim.journal().fired("no money"), 1);
}

#[tokio::test]
async fn a_captive_portal_answers_with_a_page() {
    let portal = || Fault::new(What::CaptivePortal);
    let sim = with([portal().upgrade(1), portal().client_secret(1)]).await;
    for request in [UPGRADE, MINT] {
        let (status, head, body) = ask(&sim, request).await;
        assert_eq!(status, 200);
        assert!(head.contains("content-type: text/html") && body.starts_with("<!DOCTYPE html>"), "{head} {body}");
    }
    assert_eq!(ask(&sim, UPGRADE).await.0, 101);
}

#[tokio::test]
async fn a_request_may_be_answered_late_or_never() {
    let stall = Duration::from_millis(300);
    let sim = with([
        Fault::new(What::Stall(Stall { ms: 300 })).upgrade(1),
        Fault::new(What::HalfOpen).upgrade(2),
        Fault::new(What::HalfOpen).client_secret(1),
    ])
    .await;
    let began = Instant::now();
    assert_eq!(ask(&sim, UPGRADE).await.0, 101);
    assert!(began.elapsed() >= stall);
    for (request, times) in [(UPGRADE, 1), (MINT, 2)] {
        let mut socket = dial(&sim).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        within(sim.journal().wait_until(|journal| (journal.fired("half_open") == times).then_some(()))).await;
        // Others are served meanwhile.
        assert_eq!(ask(&sim, UPGRADE).await.0, 101);
        let mut byte = [0];
        assert!(timeout(Duration::from_millis(50), socket.read(&mut byte)).await.is_err(), "no answer, no end");
    }
    within(sim.shutdown()).await;
}
