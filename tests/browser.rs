//! Headless Chromium calls the simulator: as browser apps do, with the vendor's SDK, and through the simulator's own page.
//! Install it with `tests/referees/setup.sh`.
#![cfg(all(feature = "webrtc", feature = "simulator"))]

#[path = "referees/environment.rs"]
mod environment;

use duologue::simulator::{EndedBy, Journal, Simulator};
use environment::{Referees, as_sent, canary, clips, run};
use serde_json::{Value, json};
use std::{ffi::OsStr, path::PathBuf, time::Duration};
use tokio::time::timeout;

/// A conversation of a referee with a simulator of its own; its journal, once the call is over, and what the referee says.
async fn referee(script: &str, more: &[&OsStr]) -> Option<(Journal, Value)> {
    let referees = Referees::with_browser()?;
    let simulator = Simulator::builder().start().await.expect("the simulator starts");
    let base = simulator.base_url();
    let base = if script == "browser_page.mjs" { base.trim_end_matches("v1") } else { &base };
    Some(conversation(&referees, simulator, script, base, more).await)
}

/// The same with a simulator that is there, at `base` or behind it.
async fn conversation(
    referees: &Referees,
    simulator: Simulator,
    script: &str,
    base: &str,
    more: &[&OsStr],
) -> (Journal, Value) {
    canary::watch();
    let clips = clips();
    let mut arguments = vec![base.as_ref(), clips.as_os_str()];
    arguments.extend(more);
    let mut command = referees.node(script, arguments);
    command.env("DUOLOGUE_AUTH_TOKEN", canary::TOKEN);
    let report = run(command, "").await;
    report.expect_success();
    println!("{}", report.stdout);
    let journal = simulator.journal();
    let over = journal
        .wait_until(|j| j.connections().into_iter().map(|c| c.end.map(|end| end.by)).collect::<Option<Vec<_>>>());
    let ends = timeout(Duration::from_secs(20), over).await.expect("the page has left, and the call goes on");
    assert_eq!(ends, [EndedBy::Client]);
    simulator.shutdown().await;
    referees.wire_truth("server", journal.server_events().into_iter().map(as_sent)).await.expect_success();
    (journal, serde_json::from_str(&report.stdout).expect("a referee prints a JSON line"))
}

/// What of each event's kind was sent, and how much sound came.
fn assert_conversation(journal: &Journal, cuts: u64) {
    let [call] = &journal.connections()[..] else { panic!("one call: {:?}", journal.connections()) };
    let sent = |kind: &str| call.server_events.get(kind).copied().unwrap_or_default();
    assert_eq!(sent("input_audio_buffer.speech_started"), 3, "{:?}", call.server_events);
    assert_eq!(sent("output_audio_buffer.cleared"), cuts, "{:?}", call.server_events);
    assert_eq!(sent("conversation.item.truncated"), cuts, "{:?}", call.server_events);
    assert_eq!(call.client_events.get("conversation.item.truncate"), None, "the vendor cuts");
    assert_eq!(call.client_events.get("input_audio_buffer.append"), None, "the microphone is no event");
    assert_eq!(call.tool_results.len(), 1, "{:?}", call.tool_results);
    // The questions alone are nine seconds.
    assert!(call.audio_ms > 15_000, "the questions arrived: {} ms", call.audio_ms);
}

/// Requests for calls, and browsers' questions before them: method, status, key.
fn calls(journal: &Journal) -> Vec<Value> {
    let calls = journal.handshakes().into_iter().filter(|h| h["path"] == "/v1/realtime/calls");
    calls.map(|h| json!([h["method"], h["status"], h["key"]])).collect()
}

/// Both at a time: a conversation takes half a minute, most of it silence.
#[tokio::test]
async fn a_page_holds_a_conversation_with_a_client_secret_and_another_through_its_server() {
    let talk = async |form: &str| referee("browser_talk.mjs", &[form.as_ref()]).await;
    let (secret, form) = tokio::join!(talk("secret"), talk("form"));
    let (Some((secret, _)), Some((form, _))) = (secret, form) else { return };
    assert_conversation(&secret, 1);
    // Another origin: the browser asks first.
    assert_eq!(calls(&secret), [json!(["OPTIONS", 204, null]), json!(["POST", 201, "ephemeral"])]);
    assert_eq!(secret.secrets_asked(), 1);
    assert_conversation(&form, 1);
    assert_eq!(calls(&form), [json!(["POST", 201, "standard"])]);
}

/// The page asks the application's server, which is another origin for it and lets no other page in. The key stays there.
#[cfg(feature = "serve")]
#[tokio::test]
async fn a_page_holds_a_conversation_through_the_applications_server() {
    use duologue::{Config, server::Server};
    let Some(referees) = Referees::with_browser() else { return };
    let simulator = Simulator::builder().start().await.expect("the simulator starts");
    let weather =
        json!({"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}});
    let session = json!({"base_url": simulator.base_url(), "tools": [weather]});
    // Whoever listens there is the application; the port is free, and nobody else asks for it by number.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let server = Server::builder().session(Config::from_json(&session.to_string()).expect("it is one"));
    let server = server.key(canary::key()).tokens([canary::TOKEN.into()]).origins([format!("http://127.0.0.1:{port}")]);
    let serving = server.build().expect("it is whole").serve("127.0.0.1:0".parse().unwrap()).await.expect("it listens");
    let more = ["proxy".to_owned(), port.to_string()];
    let more: Vec<&OsStr> = more.iter().map(AsRef::as_ref).collect();
    let (journal, _) = conversation(&referees, simulator, "browser_talk.mjs", &serving.url(), &more).await;
    serving.shutdown().await;
    assert_conversation(&journal, 1);
    assert_eq!(calls(&journal), [json!(["POST", 201, "standard"])], "with the key of the server");
}

#[tokio::test]
async fn the_vendors_agents_sdk_holds_a_conversation_in_a_browser() {
    let Some((journal, report)) = referee("browser_agents.mjs", &[]).await else { return };
    assert_conversation(&journal, 2);
    assert_eq!(calls(&journal), [json!(["OPTIONS", 204, null]), json!(["POST", 201, "ephemeral"])]);
    let told = journal.server_events();
    let cuts: Vec<_> = told.iter().filter(|e| e["type"] == "conversation.item.truncated").collect();
    let cuts: Vec<_> = cuts.into_iter().map(|e| e["audio_end_ms"].clone()).collect();
    assert_eq!(report["cut_at_ms"], json!(cuts), "the SDK was told what was cut");
    assert_eq!(journal.connections()[0].tool_results[0].output, "The sky over Paris is clear.");
}

/// Also with a microphone that is refused, with none, and when the call is refused. Its pictures are in the target
/// directory, for whoever changes the page.
#[tokio::test]
async fn the_simulators_own_page_is_usable() {
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
    let Some((journal, _)) = referee("browser_page.mjs", &[pictures.as_os_str()]).await else { return };
    assert_conversation(&journal, 2);
    assert_eq!(calls(&journal), [json!(["POST", 201, "standard"])], "one origin: nothing is asked");
    let hung_up =
        journal.handshakes().into_iter().filter(|h| h["path"].as_str().is_some_and(|p| p.ends_with("/hangup")));
    assert_eq!(hung_up.map(|h| h["status"].clone()).collect::<Vec<_>>(), [json!(200)]);
}
