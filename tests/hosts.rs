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

/// Protocols reference §6: the end of the turn is taken back, and what was begun for an answer has no end.
#[tokio::test]
async fn xai_who_goes_on_speaking_goes_on_in_the_same_turn() {
    let mut document: Value = serde_json::from_str(include_str!("../assets/three-turns.json")).unwrap();
    document["delivery"]["commit_delay_ms"] = json!(3000);
    // The rest of the question is there before anything of the first answer is heard.
    document["delivery"]["first_audio_delay_ms"] = json!(2000);
    let scenario = Scenario::from_json(&document.to_string(), std::path::Path::new("assets")).unwrap();
    let clip = scenario.clip("question1").unwrap();
    let (first, rest) = clip.split_at(clip.len() / 2);
    let pcm = [first, &[0; 24_000], rest, &[0; 120_000]].concat();
    let simulator = Simulator::builder().dialect(Dialect::Xai).scenario(scenario).start().await.unwrap();
    let client = connect(&simulator, xai()).await;
    let mut events = client.events();
    let talking = say(&client, pcm);
    let (mut finals, mut ends) = (0, Vec::new());
    until(&mut events, |e| {
        match &e.kind {
            EventKind::Transcript(t) if t.role == Role::User => finals += usize::from(t.mode == TranscriptMode::Final),
            EventKind::GenerationDone(done) => ends.push(done.status.clone()),
            EventKind::TurnDone(done) if done.status == "completed" => return Some(()),
            _ => {}
        }
        None
    })
    .await;
    talking.await.unwrap();
    assert_eq!((finals, ends), (1, vec!["cancelled".to_owned(), "completed".to_owned()]));
    let said: Vec<_> = client.messages().iter().map(|m| (m.role, m.text())).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0], (Role::User, "Can you tell me about the history of the lighthouse?".to_owned()));
    assert!(said[1].1.starts_with("Of course. The first lighthouses"), "{said:?}");

    let server = simulator.journal().server_events();
    let of = |kind: &str| server.iter().filter(|e| e["type"] == kind).collect::<Vec<_>>();
    let started = of("input_audio_buffer.speech_started");
    assert_eq!(started.len(), 2);
    assert_eq!(started[0]["item_id"], started[1]["item_id"]);
    assert_eq!((of("response.created").len(), of("response.done").len()), (2, 1), "the first answer has no end");
    assert!(of("error").is_empty(), "{:?}", of("error"));
    client.disconnect().await.unwrap();
}

/// The service tells of speech also where turns are ended by hand; that is no start of a turn.
#[tokio::test]
async fn xai_a_turn_by_hand_is_the_hosts_whatever_is_heard_in_it() {
    let simulator = simulator(Dialect::Xai).await;
    let client = connect(&simulator, json!({"provider": "xai", "turn_detection": {"mode": "manual"}})).await;
    let mut events = client.events();
    client.start_listening().await.unwrap();
    say(&client, Scenario::bundled().clip("question1").unwrap().to_vec()).await.unwrap();
    client.stop_listening().await.unwrap();
    until(&mut events, |e| {
        assert!(!matches!(e.kind, EventKind::SpeechStarted(_) | EventKind::Interrupted(_)), "{e:?}");
        turn_done(e)
    })
    .await;
    let server = simulator.journal().server_events();
    assert!(server.iter().any(|e| e["type"] == "input_audio_buffer.speech_started"), "it was told");
    assert_eq!(client.messages().len(), 2);
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
