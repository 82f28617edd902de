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
async fn a_user_may_speak_while_a_tool_runs() {
    let mut scenario = weather();
    let call = json!({"call": {"name": "get_weather", "force": true}});
    scenario["turns"][0]["reply"] = json!([call]);
    scenario["turns"].as_array_mut().unwrap().push(json!({"hear": "hurry", "reply": [{"text": "Nearly there."}]}));
    let sim = simulator(scenario).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("weather?").await;
    let call = client.wait("response.done").await["response"]["output"][0]["call_id"].clone();
    client.type_text("hurry").await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["text"], "Nearly there.");
    let item = json!({"type": "function_call_output", "call_id": call, "output": "{}"});
    client.send(json!({"type": "conversation.item.create", "item": item})).await;
    client.send(json!({"type": "response.create"})).await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "It is sunny.");
}

#[tokio::test]
async fn a_rebuilt_history_goes_on_where_it_was() {
    let mut scenario = weather();
    scenario["turns"].as_array_mut().unwrap().push(json!({"hear": "thanks", "reply": [{"text": "You are welcome."}]}));
    let sim = simulator(scenario).await;
    let mut client = Client::connect(&sim).await;
    let message = |role: &str, kind: &str, text: &str| {
        json!({"type": "message", "role": role,
        "content": [{"type": kind, "text": text}]})
    };
    let call = json!({"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "c1", "output": "{}"});
    for item in [message("user", "input_text", "weather?"), call, output] {
        client.send(json!({"type": "conversation.item.create", "item": item})).await;
    }
    client.send(json!({"type": "response.create"})).await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "It is sunny.");

    let mut client = Client::connect(&sim).await;
    for item in [message("user", "input_text", "weather?"), message("assistant", "output_text", "It is sunny.")] {
        client.send(json!({"type": "conversation.item.create", "item": item})).await;
    }
    client.type_text("and now?").await;
    let done = client.wait("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["text"], "You are welcome.");
}

#[tokio::test]
async fn the_model_greets_when_it_is_asked_first() {
    let sim = simulator(json!({"turns": [], "greeting": [{"text": "Welcome."}], "fallback": [{"text": "Bye."}]})).await;
    let mut client = Client::connect(&sim).await;
    for expected in ["Welcome.", "Bye."] {
        client.send(json!({"type": "response.create"})).await;
        let done = client.wait("response.done").await;
        assert_eq!(done["response"]["output"][0]["content"][0]["text"], expected);
    }
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
        "fallback": [{"text": "side"}], "delivery": {"speed": 0.2, "first_audio_delay_ms": 5}});
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
        (json!({"input": [{"type": "item_reference", "id": "nobody"}]}), "invalid_value", "response.input[0].id"),
        (json!({"input": [{"type": "item_reference"}]}), "missing_required_parameter", "response.input[0].id"),
    ] {
        let error = client.refused(json!({"type": "response.create", "response": wish})).await;
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{error}");
    }
}

#[tokio::test]
async fn tokens_can_run_out() {
    let sim =
        simulator(json!({"turns": [{"hear": "a", "reply": [{"say": "Far more than ten tokens of speech."}]}]})).await;
    let mut client = Client::connect(&sim).await;
    let error = client.refused(json!({"type": "response.create", "response": {"max_output_tokens": 0}})).await;
    assert_eq!(error["param"], "response.max_output_tokens");
    client.send(json!({"type": "response.create", "response": {"max_output_tokens": 10}})).await;
    let done = client.wait("response.done").await["response"].clone();
    assert_eq!(done["status"], "incomplete");
    assert_eq!(done["status_details"], json!({"type": "incomplete", "reason": "max_output_tokens"}));
    assert_eq!(done["output"][0]["status"], "incomplete");
    assert!(done["usage"]["output_tokens"].as_u64().unwrap() <= 10);
}

#[tokio::test]
async fn what_a_client_truncates_stays_truncated() {
    let scenario = json!({"turns": [{"hear": "a", "reply": [{"say": "A long story begins here."}]}],
        "delivery": {"speed": 0.2, "first_audio_delay_ms": 5}});
    let sim = simulator(scenario).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("a").await;
    let item = client.wait("response.output_audio.delta").await["item_id"].clone();
    client
        .send(json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 50}))
        .await;
    client.wait("conversation.item.truncated").await;
    client.send(json!({"type": "response.cancel"})).await;
    client.wait("response.done").await;
    client.send(json!({"type": "conversation.item.retrieve", "item_id": item})).await;
    let item = client.wait("conversation.item.retrieved").await["item"].clone();
    assert_eq!(
        (item["status"].as_str(), item["content"].get(0).and_then(|c| c.get("transcript"))),
        (Some("incomplete"), None)
    );
}

#[tokio::test]
async fn the_journal_holds_lengths_instead_of_audio() {
    let sim = simulator(json!({"turns": [{"hear": "a", "reply": [{"say": "Yes."}]}]})).await;
    let journal = sim.journal();
    let mut client = Client::connect(&sim).await;
    client.speak(&[0; 2400]).await;
    client.type_text("a").await;
    let append = journal.wait_for_client(|e| e["type"] == "input_audio_buffer.append").await;
    assert_eq!((&append["audio"], &append["connection"]), (&json!(6400), &json!(1)));
    let delta = journal.wait_for_server(|e| e["type"] == "response.output_audio.delta").await;
    assert!(delta["delta"].is_u64() && delta["response_id"].is_string());
    let done = journal.wait_for_server(|e| e["type"] == "response.done").await;
    assert_eq!(done["response"]["status"], "completed");
    assert_eq!(journal.audio_ms(), 100);
}

#[tokio::test]
async fn a_client_that_leaves_mid_reply_leaves_nothing_behind() {
    let scenario = json!({"turns": [{"hear": "a", "reply": [{"say": "A long story begins here."}]}],
        "delivery": {"speed": 0.5, "first_audio_delay_ms": 5}});
    let sim = simulator(scenario).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("a").await;
    client.wait("response.output_audio.delta").await;
    drop(client);
    // Every connection ends on its own: shutdown has nobody to say goodbye to.
    tokio::time::timeout(std::time::Duration::from_secs(5), sim.shutdown()).await.unwrap();
}
