//! What a browser asks before a page of another origin may call, and what it may show that page.

use super::{client::simulator, handshakes::exchange};
use crate::simulator::Simulator;
use serde_json::json;

const ORIGIN: &str = "host: x\r\norigin: http://127.0.0.1:3000\r\nconnection: close\r\n";

async fn quiet() -> Simulator {
    simulator(json!({"turns": []})).await
}

/// The value of a header.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().skip(1).filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name).map(|(_, value)| value)
}

#[tokio::test]
async fn a_page_may_send_what_the_api_takes_and_no_other_header() {
    let sim = quiet().await;
    let asked = "authorization, Content-Type,x-openai-agents-sdk, x-stainless-os, originator";
    for path in ["/v1/realtime/calls", "/v1/realtime/calls/rtc_1/hangup", "/v1/realtime/client_secrets"] {
        let question = format!(
            "OPTIONS {path} HTTP/1.1\r\n{ORIGIN}access-control-request-method: POST\r\naccess-control-request-headers: {asked}\r\n\r\n"
        );
        let answer = exchange(&sim, question).await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
        assert!(header(&answer, "access-control-allow-methods").unwrap().contains("POST"));
        let allowed = header(&answer, "access-control-allow-headers").unwrap();
        assert_eq!(allowed, "authorization, content-type, x-openai-agents-sdk, x-stainless-os");
    }
    let seen = sim.journal().handshakes();
    assert_eq!((seen.len(), &seen[0]["method"], &seen[0]["status"]), (3, &json!("OPTIONS"), &json!(204)));
    assert_eq!((sim.journal().dials(), sim.journal().secrets_asked()), (0, 0), "a question is no request");
}

#[tokio::test]
async fn a_page_may_read_answers_refusals_and_the_place_of_its_call() {
    let faults = json!([{"when": {"client_secret": 2}, "do": {"refuse": {"status": 503}}}]);
    let sim = simulator(json!({"turns": [], "faults": faults})).await;
    for (key, status) in [("sk-test", "200"), ("sk-test", "503"), ("sk-invalid", "401")] {
        let request = format!(
            "POST /v1/realtime/client_secrets HTTP/1.1\r\n{ORIGIN}authorization: Bearer {key}\r\ncontent-length: 0\r\n\r\n"
        );
        let answer = exchange(&sim, request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
        assert_eq!(header(&answer, "access-control-expose-headers"), Some("location"));
    }
}

#[tokio::test]
async fn what_is_no_question_of_a_browser_is_the_wrong_method() {
    let sim = quiet().await;
    let answer = exchange(&sim, format!("OPTIONS /v1/realtime/calls HTTP/1.1\r\n{ORIGIN}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}
