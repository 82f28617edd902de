//! The vendor's own clients judge the simulator: whoever develops against it must not learn a dialect
//! that only exists here. Install them with `tests/referees/setup.sh`.
#![cfg(feature = "simulator")]

#[path = "referees/environment.rs"]
mod environment;

use duologue::simulator::{Journal, Scenario, Simulator};
use environment::{Referees, Run, as_sent, clips, run};
use serde_json::Value;
use std::collections::BTreeSet;

async fn simulator() -> Simulator {
    Simulator::builder().scenario(Scenario::bundled()).start().await.expect("the simulator starts")
}

const CONVERSATIONS: [&str; 4] = ["text", "spoken", "tool", "interruption"];

/// Every part reported, and every one of them well.
fn assert_all_parts(report: &Run, expected: &[&str]) -> Vec<Value> {
    report.expect_success();
    println!("{}", report.stdout);
    let lines: Vec<Value> =
        report.stdout.lines().map(|line| serde_json::from_str(line).expect("a referee prints JSON lines")).collect();
    let parts: Vec<_> = lines.iter().map(|line| line["part"].as_str().unwrap_or_default()).collect();
    assert_eq!(parts, expected);
    assert!(lines.iter().all(|line| line["ok"] == true), "{}", report.stdout);
    lines
}

fn of_kind(events: Vec<Value>, kind: &str) -> Vec<Value> {
    events.into_iter().filter(|event| event["type"] == kind).collect()
}

/// What the server itself saw and said during four conversations.
async fn assert_journal(referees: &Referees, journal: &Journal) {
    let client = journal.client_events();
    let connections: BTreeSet<_> = client.iter().filter_map(|event| event["connection"].as_u64()).collect();
    assert!(connections.len() >= CONVERSATIONS.len(), "a connection for each conversation: {connections:?}");
    assert!(journal.audio_ms() > 5_000, "the clips arrived: {} ms", journal.audio_ms());

    let outputs: Vec<_> = of_kind(client.clone(), "conversation.item.create")
        .into_iter()
        .filter(|event| event["item"]["type"] == "function_call_output")
        .collect();
    assert_eq!(outputs.len(), 1, "one tool result: {outputs:?}");

    let server = journal.server_events();
    let cancelled: Vec<_> = of_kind(server.clone(), "response.done")
        .into_iter()
        .filter(|event| event["response"]["status"] == "cancelled")
        .collect();
    assert_eq!(cancelled.len(), 1, "one interrupted reply");
    assert_eq!(cancelled[0]["response"]["status_details"]["reason"], "turn_detected");

    let cuts = of_kind(server.clone(), "conversation.item.truncated");
    assert_eq!(cuts.len(), 1, "one item was cut: {cuts:?}");
    let asked = of_kind(client, "conversation.item.truncate");
    assert!(asked.iter().any(|event| event["audio_end_ms"] == cuts[0]["audio_end_ms"]), "cut where asked: {asked:?}");

    referees.wire_truth("server", server.into_iter().map(as_sent)).await.expect_success();
}

#[tokio::test]
async fn the_openai_python_package_is_content() {
    let Some(referees) = Referees::find() else { return };
    let simulator = simulator().await;
    let clips = clips();
    let report = run(referees.python("openai_python.py", [simulator.base_url().as_ref(), clips.as_os_str()]), "").await;
    assert_all_parts(&report, &[&CONVERSATIONS[..], &["key"]].concat());
    assert_journal(&referees, &simulator.journal()).await;

    let refused: Vec<_> = of_kind(simulator.journal().server_events(), "error")
        .into_iter()
        .filter_map(|event| Some(event["error"]["event_id"].as_str()?.to_owned()))
        .collect();
    assert_eq!(refused, ["late", "short", "lost", "beta", "beyond", "regrow", "not_yours"]);
}

/// Push to talk, an out-of-band response, an image, updates of the session and parallel calls.
#[tokio::test]
async fn the_openai_python_package_is_content_in_the_workshop() {
    let Some(referees) = Referees::find() else { return };
    let simulator = Simulator::builder().scenario(Scenario::bundled_workshop()).start().await.expect("it starts");
    let report = run(referees.python("openai_python_turns.py", [simulator.base_url()]), "").await;
    assert_all_parts(&report, &["manual", "aside", "image", "update", "calls"]);
    let server = simulator.journal().server_events();
    let refused: Vec<_> = of_kind(server.clone(), "error")
        .into_iter()
        .filter_map(|event| Some(event["error"]["event_id"].as_str()?.to_owned()))
        .collect();
    assert_eq!(refused, ["early", "lost", "link", "voice"]);
    referees.wire_truth("server", server.into_iter().map(as_sent)).await.expect_success();
}

/// Some SDKs insist on TLS: the simulator's certificate is all they need, given the documented way.
#[tokio::test]
async fn both_are_content_over_tls() {
    let Some(referees) = Referees::find() else { return };
    let simulator = Simulator::builder().scenario(Scenario::bundled()).tls(true).start().await.expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, simulator.ca_pem().expect("a TLS simulator has a certificate")).expect("it is written");

    let (clips, base, ws) = (clips(), simulator.base_url(), simulator.ws_url());
    assert!(base.starts_with("https://") && ws.starts_with("wss://"), "{base} {ws}");
    let mut python = referees.python("openai_python.py", [base.as_ref(), clips.as_os_str(), "tool".as_ref()]);
    python.env("SSL_CERT_FILE", &ca);
    run(python, "").await.expect_success();
    let mut node = referees.node("agents_realtime.mjs", [ws.as_ref(), clips.as_os_str(), "tool".as_ref()]);
    node.env("NODE_EXTRA_CA_CERTS", &ca);
    run(node, "").await.expect_success();

    let stranger =
        run(referees.python("openai_python.py", [base.as_ref(), clips.as_os_str(), "tool".as_ref()]), "").await;
    assert!(!stranger.success && stranger.stdout.contains("CERTIFICATE_VERIFY_FAILED"), "{}", stranger.stdout);
}

#[tokio::test]
async fn the_openai_agents_sdk_is_content() {
    let Some(referees) = Referees::find() else { return };
    let simulator = simulator().await;
    let clips = clips();
    let report = run(referees.node("agents_realtime.mjs", [simulator.ws_url().as_ref(), clips.as_os_str()]), "").await;
    let lines = assert_all_parts(&report, &CONVERSATIONS);
    assert_journal(&referees, &simulator.journal()).await;

    let cut = &of_kind(simulator.journal().server_events(), "conversation.item.truncated")[0];
    assert_eq!(lines[3]["audio_end_ms"], cut["audio_end_ms"], "the SDK's own cut reached the server");
    assert!(of_kind(simulator.journal().server_events(), "error").is_empty(), "nothing the SDK sends is refused");
}
