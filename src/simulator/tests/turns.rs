//! Spoken turns: found in the audio, committed by hand, interrupted.

use super::client::{Client, audio, clip, kinds, silence, simulator};
use crate::simulator::Simulator;
use serde_json::{Value, json};

/// White noise of this amplitude.
fn noise(ms: usize, amplitude: i32) -> Vec<i16> {
    let mut state = 12_345_u32;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i32 % (2 * amplitude + 1) - amplitude) as i16
    };
    (0..ms * 24).map(|_| draw()).collect()
}

async fn transcribing(sim: &Simulator) -> Client {
    let mut client = Client::connect(sim).await;
    let session = json!({"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}});
    client.send(json!({"type": "session.update", "session": session})).await;
    client.wait("session.updated").await;
    client
}

fn detection(settings: Value) -> Value {
    let session = json!({"type": "realtime", "audio": {"input": {"turn_detection": settings}}});
    json!({"type": "session.update", "session": session})
}

#[tokio::test]
async fn a_spoken_question_is_found_and_answered() {
    let turns = json!([{"hear": "What is a lighthouse for?", "reply": [{"say": "It shows ships the way."}]}]);
    let delivery = json!({"speed": 20.0, "first_audio_delay_ms": 5, "transcript_delay_ms": 30});
    let sim = simulator(json!({"turns": turns, "delivery": delivery})).await;
    let mut client = transcribing(&sim).await;
    client.speak(&silence(1000)).await;
    client.speak(&clip("question1")).await;
    client.speak(&silence(1000)).await;

    let mut events = client.until("response.done").await;
    let completed = "conversation.item.input_audio_transcription.completed";
    if !events.iter().any(|e| e["type"] == completed) {
        events.extend(client.until(completed).await);
    }
    let order = kinds(&events);
    assert_eq!(
        order[..7],
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "rate_limits.updated",
        ]
    );
    let at = |kind: &str| order.iter().position(|k| *k == kind).unwrap();
    assert!(at("response.output_audio.delta") < at(completed), "the transcript comes after the reply has begun");

    let [started, stopped] = [&events[0], &events[1]];
    let start = started["audio_start_ms"].as_i64().unwrap();
    // The clip begins after 1000 ms and 100 ms of its own silence; padding is 300 ms.
    assert!((700..=1100).contains(&start), "{start}");
    let length = 1000 + clip("question1").len() as i64 / 24 + 500;
    let end = stopped["audio_end_ms"].as_i64().unwrap();
    assert!((end - length).abs() < 250, "{end} instead of {length}");
    for event in &events[1..4] {
        let id = if event["item"].is_object() { &event["item"]["id"] } else { &event["item_id"] };
        assert_eq!(*id, started["item_id"]);
    }
    let transcript = events.iter().find(|e| e["type"] == completed).unwrap();
    assert_eq!(transcript["transcript"], "What is a lighthouse for?");
    assert_eq!(transcript["item_id"], started["item_id"]);
    assert_eq!(sim.journal().audio_ms(), 2000 + clip("question1").len() as u64 / 24);
}

#[tokio::test]
async fn every_bundled_question_is_one_turn() {
    let sim = simulator(json!({"turns": []})).await;
    for question in ["question1", "question2", "question3"] {
        let mut client = Client::connect(&sim).await;
        client.send(detection(json!({"type": "server_vad", "create_response": false}))).await;
        client.wait("session.updated").await;
        client.speak(&silence(300)).await;
        client.speak(&clip(question)).await;
        client.speak(&silence(1500)).await;
        client.send(json!({"type": "input_audio_buffer.clear"})).await;
        let events = client.until("input_audio_buffer.cleared").await;
        let started = events.iter().filter(|e| e["type"] == "input_audio_buffer.speech_started").count();
        assert_eq!(started, 1, "{question}: {:?}", kinds(&events));
        assert!(!kinds(&events).contains(&"response.created"));
    }
}

#[tokio::test]
async fn silence_and_noise_are_no_turn() {
    let sim = simulator(json!({"turns": []})).await;
    for sound in [silence(5000), noise(5000, 300), noise(5000, 6000)] {
        let mut client = Client::connect(&sim).await;
        client.speak(&sound).await;
        client.speak(&silence(1000)).await;
        client.send(json!({"type": "input_audio_buffer.clear"})).await;
        assert_eq!(client.next().await["type"], "input_audio_buffer.cleared");
    }
}

#[tokio::test]
async fn speech_interrupts_the_answer() {
    let turns = json!([
        {"hear": "one", "reply": [{"say": "A long answer.", "clip": "bundled:answer1"}]},
        {"hear": "two", "reply": [{"say": "Short."}]},
    ]);
    let sim = simulator(json!({"turns": turns, "delivery": {"speed": 1.0, "first_audio_delay_ms": 0}})).await;
    let mut client = transcribing(&sim).await;
    client.speak(&clip("question1")).await;
    client.speak(&silence(700)).await;
    let first = client.wait("response.created").await["response"]["id"].clone();
    let mut events = client.until("response.output_audio.delta").await;
    client.speak(&clip("question2")).await;
    client.speak(&silence(700)).await;
    events.extend(client.until("response.done").await);
    let done = &events.last().unwrap()["response"];
    assert_eq!(done["id"], first);
    assert_eq!(done["status"], "cancelled");
    assert_eq!(done["status_details"], json!({"type": "cancelled", "reason": "turn_detected"}));
    assert_eq!(done["output"][0]["status"], "incomplete");
    let order = kinds(&events);
    let started = order.iter().position(|k| *k == "input_audio_buffer.speech_started").unwrap();
    assert_eq!(
        order[started..],
        [
            "input_audio_buffer.speech_started",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
    );
    assert!(audio(&events).len() < clip("answer1").len());
    let rest = client.until("response.created").await;
    assert!(audio(&rest).is_empty(), "no audio of the cancelled answer may follow");
    assert_eq!(client.wait("response.done").await["response"]["status"], "completed");
}

#[tokio::test]
async fn the_bundled_story_is_told_to_its_end() {
    let sim = Simulator::builder().start().await.unwrap();
    let mut client = transcribing(&sim).await;
    let tools = json!([{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]);
    client.send(json!({"type": "session.update", "session": {"type": "realtime", "tools": tools}})).await;
    client.speak(&clip("question1")).await;
    client.speak(&silence(700)).await;
    client.wait("response.output_audio.delta").await;
    client.speak(&clip("question2")).await;
    client.speak(&silence(700)).await;
    assert_eq!(client.wait("response.done").await["response"]["status"], "cancelled");
    let answer = client.until("response.done").await;
    assert_eq!(audio(&answer), clip("answer2"));
    client.speak(&clip("question3")).await;
    client.speak(&silence(700)).await;
    let done = client.wait("response.done").await;
    let call = &done["response"]["output"][0];
    assert_eq!((call["name"].as_str(), call["arguments"].as_str()), (Some("get_weather"), Some(r#"{"city":"Paris"}"#)));
    let item = json!({"type": "function_call_output", "call_id": call["call_id"], "output": "18, sunny"});
    client.send(json!({"type": "conversation.item.create", "item": item})).await;
    client.send(json!({"type": "response.create"})).await;
    assert_eq!(audio(&client.until("response.done").await), clip("answer3"));
}

#[tokio::test]
async fn without_interruption_the_answer_goes_on() {
    let turns = json!([
        {"hear": "one", "reply": [{"say": "A long answer.", "clip": "bundled:answer1"}]},
        {"hear": "two", "reply": [{"say": "Short."}]},
    ]);
    let sim = simulator(json!({"turns": turns, "delivery": {"speed": 2.5, "first_audio_delay_ms": 0}})).await;
    let mut client = Client::connect(&sim).await;
    client.send(detection(json!({"type": "server_vad", "interrupt_response": false}))).await;
    client.speak(&clip("question1")).await;
    client.speak(&silence(700)).await;
    client.wait("response.output_audio.delta").await;
    client.speak(&clip("question2")).await;
    client.speak(&silence(700)).await;
    let error = client.wait("error").await;
    assert_eq!(error["error"]["code"], "conversation_already_has_active_response");
    assert_eq!(error["error"]["event_id"], Value::Null);
    assert_eq!(client.wait("response.done").await["response"]["status"], "completed");
    client.send(json!({"type": "response.create"})).await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "Short.", "the turn was kept");
}

#[tokio::test]
async fn without_detection_the_client_commits() {
    let sim = simulator(json!({"turns": [{"hear": "hm", "reply": [{"say": "Yes?"}]}]})).await;
    let mut client = Client::connect(&sim).await;
    client.send(detection(Value::Null)).await;
    client.wait("session.updated").await;
    let error = client.refused(json!({"type": "input_audio_buffer.commit"})).await;
    assert_eq!(error["code"], "input_audio_buffer_commit_empty");
    assert!(error["message"].as_str().unwrap().contains("at least 100ms"));
    client.speak(&silence(99)).await;
    let error = client.refused(json!({"type": "input_audio_buffer.commit"})).await;
    assert_eq!(error["code"], "input_audio_buffer_commit_empty");
    client.speak(&silence(1)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    let committed = client.wait("input_audio_buffer.committed").await;
    assert_eq!(committed["previous_item_id"], Value::Null);
    client.wait("conversation.item.done").await;
    client.send(json!({"type": "input_audio_buffer.clear"})).await;
    assert_eq!(client.next().await["type"], "input_audio_buffer.cleared", "no response by itself");
    client.send(json!({"type": "response.create"})).await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "Yes?");
}

#[tokio::test]
async fn detection_may_be_switched_on_late() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    client.send(detection(Value::Null)).await;
    client.speak(&silence(2000)).await;
    client.send(detection(json!({"type": "server_vad"}))).await;
    client.speak(&silence(1000)).await;
    client.speak(&clip("question1")).await;
    let start = client.wait("input_audio_buffer.speech_started").await["audio_start_ms"].as_i64().unwrap();
    assert!((2700..=3100).contains(&start), "the clock counts all audio: {start}");
}

#[tokio::test]
async fn a_long_silence_makes_the_model_speak() {
    let turns =
        json!([{"hear": "hi", "reply": [{"text": "Hello."}]}, {"hear": "", "reply": [{"text": "Still there?"}]}]);
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    client.send(detection(json!({"type": "server_vad", "idle_timeout_ms": 5000}))).await;
    client.type_text("hi").await;
    client.wait("response.done").await;
    client.speak(&silence(600)).await;
    let events = client.until("response.created").await;
    let order = kinds(&events);
    assert_eq!(
        order,
        [
            "input_audio_buffer.timeout_triggered",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created"
        ]
    );
    assert_eq!(events[0]["audio_end_ms"], 600);
}
