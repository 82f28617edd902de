//! The semantic detector: patient inside of a sentence, quick at its end.

use super::client::{Client, clip, kinds, silence, simulator};
use serde_json::{Value, json};

const QUESTION: &str = "Can you tell me about the history of the lighthouse?";

/// Speaks `pieces` to a detector that knows the question and returns all that it found.
async fn detect(detection: Value, hear: Option<&str>, pieces: &[&[i16]]) -> Vec<Value> {
    let turns: Vec<Value> = hear.iter().map(|hear| json!({"hear": hear, "reply": []})).collect();
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    let mut detection = detection;
    detection["create_response"] = json!(false);
    client.configure(json!({"audio": {"input": {"turn_detection": detection}}})).await;
    for piece in pieces {
        client.speak(piece).await;
    }
    client.send(json!({"type": "input_audio_buffer.clear"})).await;
    client.until("input_audio_buffer.cleared").await
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|e| e["type"] == kind).count()
}

fn stopped_at(events: &[Value]) -> i64 {
    let stopped: Vec<_> = events.iter().filter(|e| e["type"] == "input_audio_buffer.speech_stopped").collect();
    assert_eq!(stopped.len(), 1, "{:?}", kinds(events));
    stopped[0]["audio_end_ms"].as_i64().unwrap()
}

#[tokio::test]
async fn a_pause_inside_of_a_sentence_does_not_end_it() {
    let question = clip("question1");
    let (begin, end) = question.split_at(900 * 24);
    let pieces = [begin, &silence(1500), end, &silence(1500)];
    let semantic = detect(json!({"type": "semantic_vad"}), Some(QUESTION), &pieces).await;
    assert_eq!(count(&semantic, "input_audio_buffer.speech_started"), 1);
    // The clip ends with a little silence of its own, in which the waiting begins.
    let spoken = 1500 + question.len() as i64 / 24;
    let waited = stopped_at(&semantic) - spoken;
    assert!((300..=650).contains(&waited), "600 ms at the end of the sentence, not {waited}");
    let server = detect(json!({"type": "server_vad"}), Some(QUESTION), &pieces).await;
    assert_eq!(count(&server, "input_audio_buffer.speech_stopped"), 2, "the other detector is cut by the pause");
}

#[tokio::test]
async fn an_unfinished_sentence_is_waited_for_as_long_as_eagerness_says() {
    let question = clip("question1");
    for (eagerness, longest) in [("high", 2_000), ("medium", 4_000), ("auto", 4_000), ("low", 8_000)] {
        let pieces = [&question[..900 * 24], &silence(8_500)];
        let events = detect(json!({"type": "semantic_vad", "eagerness": eagerness}), Some(QUESTION), &pieces).await;
        // The detector needs a few frames to notice that the voice was cut off.
        let waited = stopped_at(&events) - 900;
        assert!((longest - 250..=longest + 150).contains(&waited), "{eagerness}: {waited} instead of {longest} ms");
    }
}

#[tokio::test]
async fn every_bundled_question_has_an_end() {
    let bundled = crate::simulator::Scenario::bundled();
    for (turn, name) in bundled.turns.iter().zip(["question1", "question2", "question3"]) {
        let question = clip(name);
        let events = detect(json!({"type": "semantic_vad"}), Some(&turn.hear), &[&question, &silence(3000)]).await;
        let waited = stopped_at(&events) - question.len() as i64 / 24;
        assert!((300..=650).contains(&waited), "{name}: {waited} ms");
    }
}

#[tokio::test]
async fn speech_that_nobody_foresees_ends_with_any_pause() {
    let question = clip("question1");
    let events = detect(json!({"type": "semantic_vad"}), None, &[&question[..900 * 24], &silence(1000)]).await;
    let waited = stopped_at(&events) - 900;
    assert!((350..=750).contains(&waited), "{waited}");
}
