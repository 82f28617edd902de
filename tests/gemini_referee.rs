//! Google's own client judges the simulator's Gemini Live. Install it with `tests/referees/setup.sh`.
#![cfg(feature = "simulator")]

#[path = "referees/environment.rs"]
mod environment;

use duologue::simulator::{EndedBy, Journal, Scenario, Simulator};
use environment::{Referees, clips, run};
use serde_json::Value;

/// All parts at once: every one of them has connections of its own.
const PARTS: [&str; 8] = ["spoken", "text", "tool", "interruption", "resumption", "manual", "refusal", "token"];

fn sent(journal: &Journal, kind: &str) -> u64 {
    journal.connections().iter().map(|connection| connection.sent(kind)).sum()
}

fn received(journal: &Journal, kind: &str) -> u64 {
    journal.connections().iter().map(|connection| connection.received(kind)).sum()
}

/// The package insists on TLS, and finds the certificate the documented way.
#[tokio::test]
async fn the_google_genai_package_is_content() {
    let Some(referees) = Referees::find() else { return };
    let mut scenario = Scenario::bundled();
    // At the pace of speech: who cuts in has time for it.
    scenario.delivery.speed = 1.0;
    let simulator = Simulator::builder().scenario(scenario).tls(true).start().await.expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, simulator.ca_pem().expect("a TLS simulator has a certificate")).expect("it is written");
    let (base, clips) = (simulator.gemini_url(), clips());
    assert!(base.starts_with("https://"), "{base}");

    let mut python = referees.python("google_genai.py", [base.as_ref(), clips.as_os_str()]);
    python.env("SSL_CERT_FILE", &ca);
    let report = run(python, "").await;
    report.expect_success();
    println!("{}", report.stdout);
    let lines: Vec<Value> =
        report.stdout.lines().map(|line| serde_json::from_str(line).expect("a referee prints JSON lines")).collect();
    let parts: Vec<_> = lines.iter().map(|line| line["part"].as_str().unwrap_or_default()).collect();
    assert_eq!(parts, PARTS);
    assert!(lines.iter().all(|line| line["ok"] == true), "{}", report.stdout);
    judge(&simulator.journal());
}

/// What the server itself saw and said meanwhile.
fn judge(journal: &Journal) {
    let connections = journal.connections();
    assert_eq!(connections.len(), 18, "a connection for each conversation and each refusal");
    assert_eq!(journal.secrets_asked(), 1, "one token was minted");
    assert!(journal.audio_ms() > 12_000, "the clips arrived: {} ms", journal.audio_ms());
    assert_eq!(sent(journal, "setupComplete"), 12);
    assert_eq!((sent(journal, "toolCall"), received(journal, "toolResponse")), (3, 3));
    let results: Vec<_> = connections.iter().flat_map(|connection| &connection.tool_results).collect();
    assert!(results.iter().all(|result| result.output == r#"{"output":"18 degrees"}"#), "{results:?}");
    assert_eq!(results.len(), 3);
    assert_eq!(sent(journal, "serverContent.interrupted"), 1, "one interrupted reply");
    let refused: Vec<_> = connections
        .iter()
        .filter_map(|connection| connection.end.as_ref().filter(|end| end.by == EndedBy::Simulator)?.code)
        .collect();
    assert_eq!(refused.iter().filter(|code| **code == 1007).count(), 3, "{refused:?}");
    assert_eq!(refused.iter().filter(|code| **code == 1008).count(), 3, "{refused:?}");
    let ephemeral = journal.handshakes().iter().filter(|entry| entry["key"] == "ephemeral").count();
    assert_eq!(ephemeral, 3, "a token goes where tokens go");
}
