//! Transcripts: in pieces, early, late, or not at all.

use super::client::{Client, silence, simulator, words};
use crate::simulator::Simulator;
use serde_json::{Value, json};

const COMPLETED: &str = "conversation.item.input_audio_transcription.completed";
const DELTA: &str = "conversation.item.input_audio_transcription.delta";
const FAILED: &str = "conversation.item.input_audio_transcription.failed";
const HEAR: &str = "one two three four five six seven eight nine ten";

async fn transcribing(turns: Value, model: &str) -> (Simulator, Client) {
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    let input = json!({"turn_detection": null, "transcription": {"model": model}});
    client.configure(json!({"audio": {"input": input}})).await;
    (sim, client)
}

/// Commits a turn, asks for the reply at once, and returns all events up to the later of transcript and reply.
async fn turn(client: &mut Client) -> Vec<Value> {
    client.speak(&silence(200)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    client.send(json!({"type": "response.create"})).await;
    let mut events = client.until("response.done").await;
    if !events.iter().any(|e| e["type"] == COMPLETED || e["type"] == FAILED) {
        events.extend(client.until(COMPLETED).await);
    }
    events
}

fn at(events: &[Value], kind: &str) -> usize {
    events.iter().position(|e| e["type"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn scripted(transcript: Value) -> Value {
    json!([{"hear": HEAR, "transcript": transcript, "reply": [{"say": "A reply of some length, so that it takes time."}]}])
}

#[tokio::test]
async fn a_transcript_comes_before_during_or_after_the_reply() {
    let (_sim, mut client) = transcribing(scripted(json!({"delay_ms": 0})), "gpt-transcribe").await;
    let events = turn(&mut client).await;
    assert!(at(&events, COMPLETED) < at(&events, "response.created"), "before");

    let (_sim, mut client) = transcribing(scripted(json!({"when": "reply_begun"})), "gpt-transcribe").await;
    let events = turn(&mut client).await;
    assert!(at(&events, "response.output_audio_transcript.delta") < at(&events, DELTA), "during");

    let (_sim, mut client) =
        transcribing(scripted(json!({"when": "reply_done", "delay_ms": 10})), "gpt-transcribe").await;
    let events = turn(&mut client).await;
    assert!(at(&events, "response.done") < at(&events, DELTA), "after");
    let item = &events[at(&events, "input_audio_buffer.committed")]["item_id"];
    assert_eq!(&events[at(&events, COMPLETED)]["item_id"], item);
}

#[tokio::test]
async fn a_late_transcript_waits_for_the_reply_to_its_own_turn() {
    let late = json!({"when": "reply_done"});
    let turns = json!([{"hear": "first", "reply": [{"say": "The first reply, which takes a while to be said."}]},
        {"hear": "second", "transcript": late, "reply": [{"text": "Second."}]}]);
    let delivery = json!({"speed": 10.0, "first_audio_delay_ms": 5, "transcript_delay_ms": 0});
    let sim = simulator(json!({"turns": turns, "delivery": delivery})).await;
    let mut client = Client::connect(&sim).await;
    let input = json!({"turn_detection": null, "transcription": {"model": "gpt-transcribe"}});
    client.configure(json!({"audio": {"input": input}})).await;
    client.speak(&silence(200)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    client.send(json!({"type": "response.create"})).await;
    client.wait("response.output_audio.delta").await;
    // The second turn ends while the reply to the first one is still being said.
    client.speak(&silence(200)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    let events = client.until("response.done").await;
    assert!(!events.iter().any(|e| e["type"] == COMPLETED), "not with the first reply");
    client.send(json!({"type": "response.create"})).await;
    assert_eq!(words(&client.wait("response.done").await["response"]), ["Second."]);
    assert_eq!(client.wait(COMPLETED).await["transcript"], "second");
}

#[tokio::test]
async fn a_transcription_can_fail() {
    let fail = json!({"code": "audio_unintelligible", "message": "The audio could not be transcribed."});
    let (_sim, mut client) = transcribing(scripted(json!({"delay_ms": 0, "fail": fail})), "gpt-transcribe").await;
    let events = turn(&mut client).await;
    let failed = &events[at(&events, FAILED)];
    assert_eq!((&failed["error"]["code"], &failed["error"]["message"]), (&fail["code"], &fail["message"]));
    assert_eq!(failed["item_id"], events[at(&events, "input_audio_buffer.committed")]["item_id"]);
    assert!(!events.iter().any(|e| e["type"] == COMPLETED || e["type"] == DELTA || e["type"] == "error"));
    assert_eq!(events.last().unwrap()["response"]["status"], "completed", "the reply comes all the same");
}

#[tokio::test]
async fn transcripts_come_in_pieces_except_from_the_oldest_model() {
    for (model, pieces) in [("gpt-transcribe", 3), ("whisper-1", 1)] {
        let (_sim, mut client) = transcribing(scripted(json!({"delay_ms": 0})), model).await;
        let events = turn(&mut client).await;
        let deltas: Vec<&str> =
            events.iter().filter(|e| e["type"] == DELTA).map(|e| e["delta"].as_str().unwrap()).collect();
        assert_eq!((deltas.len(), deltas.concat().as_str()), (pieces, HEAR), "{model}");
        assert_eq!(events[at(&events, COMPLETED)]["transcript"], HEAR);
    }
}
