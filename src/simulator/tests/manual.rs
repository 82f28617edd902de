//! Turns that the client ends itself.

use super::client::{Client, clip, kinds, silence, simulator, words};
use crate::simulator::Simulator;
use serde_json::{Value, json};

async fn manual(turns: Value) -> (Simulator, Client) {
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    client.configure(json!({"audio": {"input": {"turn_detection": null}}})).await;
    (sim, client)
}

#[tokio::test]
async fn push_to_talk_is_clear_append_commit_create() {
    let (_sim, mut client) = manual(json!([{"hear": "one", "reply": [{"text": "First."}]}])).await;
    // What was said before the button was pressed is gone.
    client.speak(&clip("question1")).await;
    client.send(json!({"type": "input_audio_buffer.clear"})).await;
    client.speak(&silence(99)).await;
    let error = client.refused(json!({"type": "input_audio_buffer.commit"})).await;
    assert_eq!(error["code"], "input_audio_buffer_commit_empty");
    assert!(error["message"].as_str().unwrap().contains("only has 99.00ms"), "{error}");
    client.speak(&silence(1)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    let events = client.until("conversation.item.done").await;
    assert_eq!(
        kinds(&events),
        ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"],
        "speech is not even looked for"
    );
    let error = client.refused(json!({"type": "input_audio_buffer.commit"})).await;
    assert_eq!(error["code"], "input_audio_buffer_commit_empty", "a commit empties the buffer");
    assert_eq!(words(&client.respond(json!({})).await), ["First."]);
}

#[tokio::test]
async fn a_commit_during_speech_takes_what_was_said_so_far() {
    let sim = simulator(json!({"turns": [{"hear": "one", "reply": [{"text": "First."}]},
        {"hear": "two", "reply": [{"text": "Second."}]}]}))
    .await;
    let mut client = Client::connect(&sim).await;
    let speech = clip("question1");
    client.speak(&speech[..24_000]).await;
    let started = client.wait("input_audio_buffer.speech_started").await["item_id"].clone();
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    let committed = client.wait("input_audio_buffer.committed").await;
    assert_eq!(committed["item_id"], started, "the item that the speech was to become");
    client.wait("conversation.item.done").await;
    client.send(json!({"type": "input_audio_buffer.clear"})).await;
    assert_eq!(client.next().await["type"], "input_audio_buffer.cleared", "no response, and no end of the speech");
    // Who goes on speaking begins another turn.
    client.speak(&speech[24_000..]).await;
    client.speak(&silence(700)).await;
    let again = client.wait("input_audio_buffer.speech_started").await;
    assert_ne!(again["item_id"], started);
    assert_eq!(client.wait("input_audio_buffer.speech_stopped").await["item_id"], again["item_id"]);
    assert_eq!(words(&client.wait("response.done").await["response"]), ["Second."]);
}

/// The transcriber that streams cannot be told where turns end.
#[tokio::test]
async fn gpt_realtime_whisper_needs_manual_turns() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    let whisper = json!({"model": "gpt-realtime-whisper"});
    let update =
        |input: Value| json!({"type": "session.update", "session": {"type": "realtime", "audio": {"input": input}}});
    let error = client.refused(update(json!({"transcription": whisper}))).await;
    assert_eq!(error["param"], "session.audio.input.turn_detection");
    client.configure(json!({"audio": {"input": {"transcription": whisper, "turn_detection": null}}})).await;
    let error = client.refused(update(json!({"turn_detection": {"type": "semantic_vad"}}))).await;
    assert_eq!(error["param"], "session.audio.input.turn_detection");
    let prompt = json!({"transcription": {"model": "gpt-realtime-whisper", "prompt": "ships"}});
    let error = client.refused(update(prompt)).await;
    assert_eq!(error["param"], "session.audio.input.transcription.prompt");
}

#[tokio::test]
async fn switching_to_manual_turns_forgets_the_speech_under_way() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    client.speak(&clip("question1")[..24_000]).await;
    client.wait("input_audio_buffer.speech_started").await;
    client.configure(json!({"audio": {"input": {"turn_detection": null}}})).await;
    client.speak(&silence(1500)).await;
    client.send(json!({"type": "input_audio_buffer.clear"})).await;
    assert_eq!(client.next().await["type"], "input_audio_buffer.cleared");
}
