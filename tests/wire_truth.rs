//! Every event we put on the wire is one the vendor's own package knows, to the last field.
#![cfg(feature = "simulator")]

#[path = "referees/environment.rs"]
mod environment;

use environment::{Referees, run};
use serde_json::json;

/// The check is worth something only if it refuses what is wrong: misspelt fields, names of the beta,
/// fields at the wrong level, wrong types. The list is in `referees/wire_truth_cases.py`.
#[tokio::test]
async fn planted_defects_are_caught() {
    let Some(referees) = Referees::find() else { return };
    run(referees.python("wire_truth.py", ["--self-test"]), "").await.expect_success();
}

#[tokio::test]
async fn a_defect_is_named_and_fails_the_run() {
    let Some(referees) = Referees::find() else { return };
    let good = json!({"type": "response.cancel"});
    let bad = json!({"type": "session.update", "session": {"type": "realtime", "turn_detection": null}});
    let report = referees.wire_truth("client", [good.clone(), bad]).await;
    assert!(!report.success);
    assert!(report.stdout.contains("client session.update session.turn_detection: unknown field"), "{}", report.stdout);
    assert!(report.stdout.contains("2 client events of 2 types"), "{}", report.stdout);
    referees.wire_truth("client", [good]).await.expect_success();
}

#[tokio::test]
async fn nothing_to_check_is_no_success() {
    let Some(referees) = Referees::find() else { return };
    assert!(!referees.wire_truth("server", []).await.success);
}
