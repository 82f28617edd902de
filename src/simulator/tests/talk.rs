//! Turns: typed, spoken, interrupted, with tools.

use super::client::{Client, audio, kinds, simulator};
use serde_json::{Value, json};

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

#[tokio::test]
async fn a_text_session_answers_in_text() {
    let sim =
        simulator(json!({"turns": [{"hear": "hello", "reply": [{"say": "Good day to you, dear friend."}]}]})).await;
    let mut client = Client::connect(&sim).await;
    client
        .send(json!({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}))
        .await;
    client.type_text("hello").await;
    let events = client.until("response.done").await;
    let text: String = events
        .iter()
        .filter(|e| e["type"] == "response.output_text.delta")
        .map(|e| e["delta"].as_str().unwrap())
        .collect();
    assert_eq!(text, "Good day to you, dear friend.");
    assert!(audio(&events).is_empty());
    let done = &events.last().unwrap()["response"];
    assert_eq!(done["output"][0]["content"], json!([{"type": "output_text", "text": text}]));
    assert_eq!(done["output_modalities"], json!(["text"]));
}

fn weather() -> Value {
    json!({"turns": [{
        "hear": "weather?",
        "reply": [{"say": "Let me look."}, {"call": {"name": "get_weather", "arguments": {"city": "Paris"}}},
            {"call": {"name": "get_time", "arguments": {}}}],
        "after_tool": [{"say": "It is sunny."}]
    }]})
}

#[tokio::test]
async fn tools_are_called_and_their_outputs_answered() {
    let sim = simulator(weather()).await;
    let mut client = Client::connect(&sim).await;
    let tools = json!([{"type": "function", "name": "get_weather"}, {"type": "function", "name": "get_time"}]);
    client.send(json!({"type": "session.update", "session": {"type": "realtime", "tools": tools}})).await;
    client.type_text("weather?").await;
    let events = client.until("response.done").await;
    let done = &events.last().unwrap()["response"];
    let output = done["output"].as_array().unwrap();
    assert_eq!(output.len(), 3, "a spoken preamble and two calls");
    let call = &output[1];
    assert_eq!((call["status"].as_str(), call["arguments"].as_str()), (Some("completed"), Some(r#"{"city":"Paris"}"#)));
    let of_call = |e: &&Value| e["item_id"] == call["id"] || e["item"]["id"] == call["id"];
    let mine: Vec<_> = events.iter().filter(of_call).cloned().collect();
    assert_eq!(
        kinds(&mine),
        [
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "conversation.item.done",
        ]
    );
    let deltas = mine.iter().filter(|e| e["type"] == "response.function_call_arguments.delta");
    assert!(deltas.count() >= 3, "arguments come in pieces");

    for call in &output[1..] {
        let item = json!({"type": "function_call_output", "call_id": call["call_id"], "output": "{}"});
        client.send(json!({"type": "conversation.item.create", "item": item})).await;
    }
    client.send(json!({"type": "response.create"})).await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "It is sunny.");
}

#[tokio::test]
async fn an_undeclared_tool_is_not_called() {
    let sim = simulator(weather()).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("weather?").await;
    let done = client.wait("response.done").await;
    let output = done["response"]["output"].as_array().unwrap();
    assert_eq!((output.len(), output[0]["type"].as_str()), (1, Some("message")));
}

#[tokio::test]
async fn one_response_at_a_time() {
    let scenario = json!({"turns": [{"hear": "a", "reply": [{"say": "A long story begins here."}]}],
        "fallback": [{"text": "side"}], "delivery": {"speed": 1.0, "first_audio_delay_ms": 5}});
    let sim = simulator(scenario).await;
    let mut client = Client::connect(&sim).await;
    let error = client.refused(json!({"type": "response.cancel"})).await;
    assert_eq!(error["code"], "response_cancel_not_active");

    client.type_text("a").await;
    let id = client.wait("response.created").await["response"]["id"].clone();
    let error = client.refused(json!({"type": "response.create"})).await;
    assert_eq!(error["code"], "conversation_already_has_active_response");
    assert!(error["message"].as_str().unwrap().contains(id.as_str().unwrap()));

    // An out-of-band response may run beside it.
    let side = json!({"conversation": "none", "output_modalities": ["text"], "metadata": {"k": "v"}, "input": []});
    client.send(json!({"type": "response.create", "response": side})).await;
    let created = client.wait("response.created").await["response"].clone();
    assert_eq!((&created["conversation_id"], &created["metadata"]["k"]), (&json!(null), &json!("v")));
    let mut events = client.until("response.done").await;
    events.retain(|e| e["response_id"] == created["id"] || e["type"] == "conversation.item.added");
    assert!(!kinds(&events).contains(&"conversation.item.added"), "it leaves nothing behind");

    let error = client.refused(json!({"type": "response.cancel", "response_id": "resp_x"})).await;
    assert_eq!(error["code"], "response_cancel_not_active");
    client.send(json!({"type": "response.cancel"})).await;
    let done = client.wait("response.done").await["response"].clone();
    assert_eq!((&done["id"], done["status"].as_str()), (&id, Some("cancelled")));
    assert_eq!(done["status_details"]["reason"], "client_cancelled");
    client.send(json!({"type": "response.create"})).await;
    client.wait("response.created").await;
}

#[tokio::test]
async fn response_wishes_are_validated() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    for (wish, code, param) in [
        (json!({"modalities": ["text"]}), "unknown_parameter", "response.modalities"),
        (json!({"output_modalities": []}), "invalid_value", "response.output_modalities"),
        (json!({"audio": {"output": {"speed": 1.0}}}), "unknown_parameter", "response.audio.output.speed"),
        (json!({"metadata": {"k": 1}}), "invalid_type", "response.metadata.k"),
        (json!({"metadata": {"k": "v".repeat(513)}}), "string_above_max_length", "response.metadata.k"),
        (json!({"conversation": "other"}), "invalid_value", "response.conversation"),
        (json!({"input": [{"type": "item_reference"}]}), "missing_required_parameter", "response.input[0].id"),
    ] {
        let error = client.refused(json!({"type": "response.create", "response": wish})).await;
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{error}");
    }
}
