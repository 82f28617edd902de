//! A client of Grok Voice by others than us judges the simulator's form of it, since xAI has none of its own. Install it
//! with `tests/referees/setup.sh`.
#![cfg(feature = "simulator")]

#[path = "referees/environment.rs"]
mod environment;

use duologue::simulator::{Dialect, Journal, Scenario, Simulator};
use environment::{Referees, clips, run};
use serde_json::{Value, json};

/// All parts at once: every one of them has connections of its own.
const PARTS: [&str; 7] = ["spoken", "text", "tool", "interruption", "manual", "silence", "refusal"];

async fn simulator(scenario: Scenario) -> Simulator {
    Simulator::builder().scenario(scenario).dialect(Dialect::Xai).start().await.expect("it starts")
}

/// Lets the referee play `parts` (none: all that need no scenario of their own), all of which end well.
async fn judged(referees: &Referees, simulator: &Simulator, parts: &[&str]) -> Vec<String> {
    let (base, clips) = (simulator.base_url(), clips());
    let mut python = referees.python("pydantic_xai.py", [base.as_ref(), clips.as_os_str()]);
    python.args(parts);
    let report = run(python, "").await;
    report.expect_success();
    println!("{}", report.stdout);
    let lines: Vec<Value> =
        report.stdout.lines().map(|line| serde_json::from_str(line).expect("a referee prints JSON lines")).collect();
    assert!(lines.iter().all(|line| line["ok"] == true), "{}", report.stdout);
    lines.iter().map(|line| line["part"].as_str().unwrap_or_default().to_owned()).collect()
}

fn of_kind(events: &[Value], kind: &str) -> Vec<Value> {
    events.iter().filter(|event| event["type"] == kind).cloned().collect()
}

#[tokio::test]
async fn the_pydantic_ai_package_is_content() {
    let Some(referees) = Referees::find() else { return };
    let simulator = simulator(Scenario::bundled()).await;
    assert_eq!(judged(&referees, &simulator, &[]).await, PARTS);
    judge(&simulator.journal());
}

/// What the server itself saw and said meanwhile.
fn judge(journal: &Journal) {
    let (client, server) = (journal.client_events(), journal.server_events());
    assert_eq!(journal.connections().len(), 6, "a connection for each conversation");
    assert!(journal.audio_ms() > 12_000, "the clips arrived: {} ms", journal.audio_ms());
    assert!(of_kind(&server, "error").is_empty(), "nothing that the client sends is refused");

    let results: Vec<_> = of_kind(&client, "conversation.item.create")
        .into_iter()
        .filter(|event| event["item"]["type"] == "function_call_output")
        .collect();
    assert_eq!(results.len(), 1, "one result: {results:?}");
    assert_eq!(results[0]["item"]["output"], "18 degrees");
    // By hand: a commit is the request, a clear stands before one that is repeated, and silence is asked about.
    assert_eq!(of_kind(&client, "input_audio_buffer.commit").len(), 3);
    assert_eq!(of_kind(&client, "input_audio_buffer.clear").len(), 1);
    assert_eq!(of_kind(&server, "input_audio_buffer.committed").len(), 5, "three by themselves, two by hand");
    let cut = of_kind(&server, "response.done");
    let cut = cut.iter().filter(|event| event["response"]["status"] == "cancelled").count();
    assert_eq!(cut, 1, "one interrupted answer");
    assert!(of_kind(&client, "conversation.item.truncate").is_empty(), "the service cuts nothing");
}

/// Protocols reference §6: the end of a turn is taken back, and what was begun for an answer has no end.
#[tokio::test]
async fn the_pydantic_ai_package_knows_turns_that_go_on() {
    let Some(referees) = Referees::find() else { return };
    let mut scenario: Value = serde_json::from_str(include_str!("../assets/three-turns.json")).expect("JSON");
    scenario["delivery"]["commit_delay_ms"] = json!(3_000);
    // The rest of the question is there before anything of the first answer is heard.
    scenario["delivery"]["first_audio_delay_ms"] = json!(2000);
    let scenario = Scenario::from_json(&scenario.to_string(), &clips()).expect("a scenario");
    let simulator = simulator(scenario).await;
    assert_eq!(judged(&referees, &simulator, &["resumed"]).await, ["resumed"]);
    let server = simulator.journal().server_events();
    assert_eq!(of_kind(&server, "response.created").len(), 2);
    assert_eq!(of_kind(&server, "response.done").len(), 1, "the first answer has no end");
    assert_eq!(of_kind(&server, "input_audio_buffer.committed").len(), 1);
}
