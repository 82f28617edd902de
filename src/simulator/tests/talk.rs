//! Turns: typed, spoken, interrupted, with tools.

use super::client::{Client, audio, kinds, simulator};
use crate::simulator::Scenario;
use serde_json::json;

#[tokio::test]
async fn typed_text_is_answered_with_speech() {
    let sim = simulator(json!({"turns": [{"hear": "hello", "reply": [{"say": "Good day to you."}]}]})).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("hello").await;
    let events = client.until("response.done").await;
    let mut order = kinds(&events);
    order.retain(|kind| !kind.ends_with(".delta"));
    assert_eq!(
        order,
        [
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
    );
    let transcript: String = events
        .iter()
        .filter(|e| e["type"] == "response.output_audio_transcript.delta")
        .map(|e| e["delta"].as_str().unwrap())
        .collect();
    assert_eq!(transcript, "Good day to you.");
    assert_eq!(audio(&events), crate::simulator::clips::tones("Good day to you.").to_vec());
    let done = &events.last().unwrap()["response"];
    assert_eq!(done["status"], "completed");
    assert_eq!(done["output"][0]["content"][0]["transcript"], "Good day to you.");
    assert!(done["usage"]["output_token_details"]["audio_tokens"].as_u64() > Some(0));
    let added: Vec<_> = events.iter().filter(|e| e["type"] == "conversation.item.added").collect();
    assert_eq!(added[1]["previous_item_id"], added[0]["item"]["id"]);
}

#[test]
fn the_bundled_scenario_loads() {
    let scenario = Scenario::bundled();
    assert_eq!(scenario.turns.len(), 3);
    assert!(scenario.clip("answer1").unwrap().len() > 8 * 24_000);
}
