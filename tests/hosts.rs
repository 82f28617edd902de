//! The client against the simulator in the forms of the dialect other hosts have, over a real socket.
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;
#[path = "common/live.rs"]
mod live;

use duologue::{
    Client, Config,
    event::{EventKind, TranscriptMode},
    message::Role,
    simulator::{Dialect, Fault, Scenario, Simulator},
};
use live::{say, speech, turn_done, until};
use serde_json::{Value, json};

async fn simulator(dialect: Dialect) -> Simulator {
    Simulator::builder().dialect(dialect).start().await.unwrap()
}

async fn connect(simulator: &Simulator, document: Value) -> Client {
    let config = Config::from_json(&document.to_string()).unwrap();
    let config = Config { base_url: Some(simulator.base_url()), ..config };
    let client = canary::builder().config(config).connect().await.unwrap();
    canary::events_of(&client);
    client
}

fn xai() -> Value {
    json!({"provider": "xai"})
}

fn sent(simulator: &Simulator, kind: &str) -> usize {
    simulator.journal().client_events().iter().filter(|e| e["type"] == kind).count()
}

#[tokio::test]
async fn xai_typed_turns_are_answered_and_words_said_as_they_are() {
    let simulator = simulator(Dialect::Xai).await;
    let client = connect(&simulator, xai()).await;
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    client.say("Exactly these words.").await.unwrap();
    until(&mut events, turn_done).await;
    let messages = client.messages();
    assert_eq!(messages.last().unwrap().text(), "Exactly these words.");
    assert_eq!(sent(&simulator, "response.create"), 1, "what is said needs no request");
    let handshakes = simulator.journal().handshakes();
    assert!(handshakes[0]["query"].to_string().contains("model"), "{handshakes:?}");
    client.disconnect().await.unwrap();
}

#[tokio::test]
async fn xai_a_spoken_turn_has_one_final_transcript_and_an_answer() {
    let scenario = Scenario::bundled();
    let pcm = speech(&scenario, "question1");
    let simulator = simulator(Dialect::Xai).await;
    let client = connect(&simulator, xai()).await;
    let mut events = client.events();
    let talking = say(&client, pcm);
    let mut finals = 0;
    until(&mut events, |e| {
        if let EventKind::Transcript(t) = &e.kind
            && t.role == Role::User
        {
            assert_ne!(t.mode, TranscriptMode::Delta, "words are told anew as a whole");
            finals += usize::from(t.mode == TranscriptMode::Final);
        }
        turn_done(e)
    })
    .await;
    assert_eq!(finals, 1);
    drop(talking);
    assert!(client.messages().iter().any(|m| m.role == Role::User && !m.text().is_empty()));
    client.disconnect().await.unwrap();
}

#[tokio::test]
async fn xai_a_lost_connection_is_replayed() {
    let fault: Fault =
        serde_json::from_value(json!({"when": {"event": {"type": "response.done"}}, "do": "drop"})).unwrap();
    let simulator = Simulator::builder().dialect(Dialect::Xai).fault(fault).start().await.unwrap();
    let client = connect(&simulator, xai()).await;
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, |e| matches!(e.kind, EventKind::SessionReplaced(_)).then_some(())).await;
    assert_eq!(simulator.journal().dials(), 2);
    client.disconnect().await.unwrap();
}

#[tokio::test]
async fn azure_takes_the_key_in_its_own_header_and_a_deployment() {
    let simulator = simulator(Dialect::Azure).await;
    let client = connect(&simulator, json!({"provider": "azure", "model": "my-deployment"})).await;
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    let handshakes = simulator.journal().handshakes();
    assert_eq!(handshakes[0]["auth"], "api-key", "{handshakes:?}");
    assert_eq!(handshakes[0]["path"], "/openai/v1/realtime");
    client.disconnect().await.unwrap();
}
