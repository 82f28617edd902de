//! ElevenLabs' own client judges the simulator's agents. Install it with `tests/referees/setup.sh`.
#![cfg(feature = "simulator")]

#[path = "referees/environment.rs"]
mod environment;

use duologue::simulator::{Journal, Scenario, Simulator};
use environment::{Referees, clips, run};
use serde_json::Value;

/// All parts at once: every one of them has conversations of its own.
const PARTS: [&str; 10] =
    ["spoken", "tool", "interruption", "correction", "text", "context", "file", "signed", "refusal", "end"];

fn sent(journal: &Journal, kind: &str) -> u64 {
    journal.connections().iter().map(|connection| connection.sent(kind)).sum()
}

fn received(journal: &Journal, kind: &str) -> u64 {
    journal.connections().iter().map(|connection| connection.received(kind)).sum()
}

#[tokio::test]
async fn the_elevenlabs_package_is_content() {
    let Some(referees) = Referees::find() else { return };
    let public = Simulator::builder().scenario(Scenario::bundled()).start().await.expect("it starts");
    let mut scenario = Scenario::bundled();
    scenario.agent.private = true;
    scenario.agent.overrides = Some(Vec::new());
    let private = Simulator::builder().scenario(scenario).start().await.expect("it starts");
    let (urls, clips) = ([public.elevenlabs_url(), private.elevenlabs_url()], clips());

    let arguments = [urls[0].as_ref(), urls[1].as_ref(), clips.as_os_str()];
    let report = run(referees.python("elevenlabs_python.py", arguments), "").await;
    report.expect_success();
    println!("{}", report.stdout);
    let lines: Vec<Value> =
        report.stdout.lines().map(|line| serde_json::from_str(line).expect("a referee prints JSON lines")).collect();
    let parts: Vec<_> = lines.iter().map(|line| line["part"].as_str().unwrap_or_default()).collect();
    assert_eq!(parts, PARTS);
    assert!(lines.iter().all(|line| line["ok"] == true), "{}", report.stdout);
    judge(&public.journal(), &private.journal());
}

/// What the servers themselves saw and said meanwhile.
fn judge(public: &Journal, private: &Journal) {
    let connections = public.connections();
    assert_eq!(connections.len(), 9, "a conversation for each part, and one that was refused");
    assert_eq!(private.connections().len(), 2, "who has no signed URL is not let in");
    assert_eq!(private.secrets_asked(), 2);
    let ephemeral = private.handshakes().iter().filter(|entry| entry["key"] == "ephemeral").count();
    assert_eq!(ephemeral, 2, "signed URLs are used");
    assert!(public.audio_ms() > 12_000, "the clips arrived: {} ms", public.audio_ms());
    assert_eq!(sent(public, "conversation_initiation_metadata"), 8);
    assert_eq!((sent(public, "client_tool_call"), received(public, "client_tool_result")), (1, 1));
    let results: Vec<_> = connections.iter().flat_map(|connection| &connection.tool_results).collect();
    assert!(results.len() == 1 && results[0].output == "18 degrees", "{results:?}");
    assert_eq!(sent(public, "interruption"), 2, "two interrupted replies");
    assert!(sent(public, "agent_response_correction") >= 1);
    assert!(received(public, "pong") > 0, "pings are answered");
    assert_eq!((received(public, "contextual_update"), received(public, "user_activity")), (1, 1));
    assert_eq!(received(public, "multimodal_message"), 1);
    assert_eq!(sent(public, "error"), 2, "a variable that was missing, and a conversation that took too long");
}

/// With sound, in a page: the client's own worklets take the microphone and play the answers.
#[tokio::test]
async fn the_client_in_a_browser_is_content() {
    let Some(referees) = Referees::with_browser() else { return };
    let mut scenario = Scenario::bundled();
    (scenario.agent.greets, scenario.agent.private) = (false, true);
    let simulator = Simulator::builder().scenario(scenario).start().await.expect("it starts");
    let (url, clips) = (simulator.elevenlabs_url(), clips());
    let report = run(referees.node("browser_elevenlabs.mjs", [url.as_ref(), clips.as_os_str()]), "").await;
    report.expect_success();
    println!("{}", report.stdout);
    let journal = simulator.journal();
    let [talk] = &journal.connections()[..] else { panic!("one: {:?}", journal.connections()) };
    assert_eq!((talk.sent("interruption"), talk.sent("user_transcript")), (1, 3), "{talk:?}");
    assert_eq!((talk.sent("client_tool_call"), talk.received("client_tool_result")), (1, 1));
    assert_eq!(talk.tool_results[0].output, "18 degrees");
    assert!(talk.received("pong") > 0, "pings are answered");
    // The questions alone are nine seconds.
    assert!(talk.audio_ms > 15_000, "the questions arrived: {} ms", talk.audio_ms);
    assert!(journal.handshakes().iter().any(|entry| entry["auth"] == "signed_url"));
}

/// What the client in JavaScript is told: it cannot choose, so the agent's owner does.
const CHOSEN: &str = r#"["conversation_initiation_metadata", "ping", "audio", "agent_response", "agent_response_complete",
    "client_tool_call", "agent_tool_response", "mcp_tool_call"]"#;

#[tokio::test]
async fn the_client_in_javascript_is_content() {
    let Some(referees) = Referees::find() else { return };
    let agent = format!(
        r#"{{"client_events": {CHOSEN}, "overrides": ["conversation.text_only"],
            "tools": {{"search": {{"type": "mcp", "approval": true, "result": "a hit"}}}}}}"#
    );
    let scenario = format!(
        r#"{{"name": "written", "agent": {agent}, "turns": [
            {{"hear": "hello", "match": ["hello"], "reply": [{{"say": "Good day to you."}}]}},
            {{"hear": "weather", "match": ["weather"], "after_tool": [{{"say": "It has eighteen degrees."}}],
                "reply": [{{"call": {{"name": "get_weather", "arguments": {{"city": "Paris"}}}}}}]}},
            {{"hear": "search", "match": ["search"], "after_tool": [{{"say": "That was all."}}],
                "reply": [{{"call": {{"name": "search"}}}}]}},
            {{"hear": "", "see": true, "reply": [{{"say": "I see {{image}}."}}]}},
            {{"hear": "bye", "match": ["bye"], "reply": [{{"say": "Good bye."}}, {{"call": {{"name": "end_call"}}}}]}}]}}"#
    );
    let scenario = Scenario::from_json(&scenario, std::path::Path::new(".")).expect("it is valid");
    let simulator = Simulator::builder().scenario(scenario).start().await.expect("it starts");
    let url = simulator.elevenlabs_url().replacen("http", "ws", 1);

    let report = run(referees.node("elevenlabs_client.mjs", [&url]), "").await;
    report.expect_success();
    println!("{}", report.stdout);
    let parts: Vec<Value> =
        report.stdout.lines().map(|line| serde_json::from_str(line).expect("a referee prints JSON lines")).collect();
    assert_eq!(parts.len(), 7);
    assert!(parts.iter().all(|line| line["ok"] == true), "{}", report.stdout);

    let journal = simulator.journal();
    // What a client sent last may arrive after it has ended.
    let over = journal.wait_until(|j| j.connections().iter().all(|c| c.end.is_some()).then_some(()));
    tokio::time::timeout(std::time::Duration::from_secs(30), over).await.expect("they have left");
    let connections = journal.connections();
    assert_eq!(connections.len(), 8, "two for the approval");
    let results: Vec<_> = connections.iter().flat_map(|connection| &connection.tool_results).collect();
    assert!(results.len() == 1 && results[0].output == r#"{"degrees":18}"#, "{results:?}");
    assert_eq!((received(&journal, "mcp_tool_approval_result"), received(&journal, "feedback")), (2, 1));
    assert!(received(&journal, "pong") > 0, "pings are answered");
    assert!(journal.handshakes().iter().any(|entry| entry["auth"] == "signed_url"));
}
