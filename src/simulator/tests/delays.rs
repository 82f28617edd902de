//! Responses that are long in coming, silences, and the end of a session.

use super::client::{Client, clip, kinds, silence, simulator, words};
use serde_json::{Value, json};

#[tokio::test]
async fn a_create_may_be_answered_late_and_cannot_be_taken_back() {
    let turns = json!([{"hear": "a", "create_delay_ms": 300, "reply": [{"say": "Late but here."}]},
        {"hear": "b", "reply": [{"text": "At once."}]}]);
    let sim = simulator(json!({"turns": turns, "delivery": {"speed": 0.2, "first_audio_delay_ms": 0}})).await;
    let mut client = Client::connect(&sim).await;
    client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]})).await;
    client.send(json!({"type": "response.create", "response": {"metadata": {"mine": "1"}}})).await;
    let error = client.refused(json!({"type": "response.cancel"})).await;
    assert_eq!(error["code"], "response_cancel_not_active", "nothing has begun");
    let error = client.refused(json!({"type": "response.create"})).await;
    assert_eq!(error["code"], "conversation_already_has_active_response");
    let created = client.wait("response.created").await["response"].clone();
    assert_eq!(created["metadata"]["mine"], "1");
    assert!(error["message"].as_str().unwrap().contains(created["id"].as_str().unwrap()), "{error}");
    client.send(json!({"type": "response.cancel", "response_id": created["id"]})).await;
    assert_eq!(client.wait("response.done").await["response"]["status"], "cancelled");
    client.type_text("b").await;
    assert_eq!(words(&client.wait("response.done").await["response"]), ["At once."]);
}

#[tokio::test]
async fn a_response_that_had_not_begun_is_interrupted_without_a_beginning() {
    let turns = json!([{"hear": "a", "create_delay_ms": 60_000, "reply": [{"say": "Never said."}]},
        {"hear": "b", "reply": [{"text": "Here."}]}]);
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("a").await;
    client.speak(&clip("question1")).await;
    client.speak(&silence(700)).await;
    let events = client.until("response.done").await;
    assert!(!kinds(&events).contains(&"response.created"));
    let response = &events.last().unwrap()["response"];
    assert_eq!(
        (&response["status"], &response["status_details"]["reason"]),
        (&json!("cancelled"), &json!("turn_detected"))
    );
    assert_eq!(words(&client.wait("response.done").await["response"]), ["Here."]);
}

#[tokio::test]
async fn the_refusal_of_a_second_response_may_name_no_event() {
    let turns = json!([{"hear": "a", "reply": [{"say": "A long story begins here."}]}]);
    let delivery = json!({"speed": 0.2, "first_audio_delay_ms": 0, "active_response_event_id": false});
    let sim = simulator(json!({"turns": turns, "delivery": delivery})).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("a").await;
    let id = client.wait("response.created").await["response"]["id"].clone();
    client.send(json!({"type": "response.create", "event_id": "second"})).await;
    let error = client.wait("error").await["error"].clone();
    assert_eq!(
        (&error["code"], &error["event_id"]),
        (&json!("conversation_already_has_active_response"), &Value::Null)
    );
    assert!(error["message"].as_str().unwrap().contains(id.as_str().unwrap()));
    // Other refusals are as ever.
    assert_eq!(client.refused(json!({"type": "response.destroy"})).await["param"], "type");
}

#[tokio::test]
async fn a_silence_is_answered_as_the_scenario_says() {
    let turns = json!([{"hear": "hi", "reply": [{"text": "Hello."}]}, {"hear": "two", "reply": [{"text": "Two."}]}]);
    let sim = simulator(json!({"turns": turns, "idle": [{"text": "Still there?"}]})).await;
    let mut client = Client::connect(&sim).await;
    let input = json!({"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000},
        "transcription": {"model": "gpt-transcribe"}});
    client.configure(json!({"audio": {"input": input}})).await;
    client.type_text("hi").await;
    client.wait("response.done").await;
    client.speak(&silence(200)).await;
    let events = client.until("response.done").await;
    assert_eq!(words(&events.last().unwrap()["response"]), ["Still there?"]);
    let item = &events[0]["item_id"];
    assert_eq!((&events[0]["type"], &events[1]["item_id"]), (&json!("input_audio_buffer.timeout_triggered"), item));
    assert!(!kinds(&events).iter().any(|kind| kind.contains("transcription")), "silence has no words");
    client.type_text("two").await;
    assert_eq!(words(&client.wait("response.done").await["response"]), ["Two."], "no turn was used up");
}

#[tokio::test]
async fn the_end_of_a_session_is_told_twice() {
    let sim = simulator(json!({"turns": [], "delivery": {"session_s": 1}})).await;
    let mut client = Client::connect(&sim).await;
    let error = client.wait("error").await["error"].clone();
    assert_eq!((&error["code"], &error["type"]), (&json!("session_expired"), &json!("invalid_request_error")));
    let closed = client.closed().await;
    assert_eq!((u16::from(closed.code), closed.reason.as_str()), (1001, error["message"].as_str().unwrap()));
    assert_eq!(closed.reason.as_str(), "Your session hit the maximum duration of 1 seconds.");
}
