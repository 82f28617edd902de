//! Calls: parallel, one at a time, forbidden and demanded.

use super::client::{Client, simulator, words};
use crate::simulator::Simulator;
use serde_json::{Value, json};

fn tools() -> Value {
    let parameters = json!({"type": "object", "required": ["city", "unit", "days", "exact"], "properties": {
        "city": {"type": "string"}, "unit": {"enum": ["c", "f"]}, "days": {"type": "integer", "minimum": 1},
        "exact": {"type": "boolean"}, "note": {"type": "string"}}});
    json!([{"type": "function", "name": "weather", "parameters": parameters}, {"type": "function", "name": "clock"}])
}

async fn connected(turns: Value) -> (Simulator, Client) {
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    client.configure(json!({"tools": tools(), "output_modalities": ["text"]})).await;
    (sim, client)
}

fn three_calls() -> Value {
    let call = |name: &str, n: i64| json!({"call": {"name": name, "arguments": {"n": n}}});
    json!([{"hear": "go", "reply": [{"say": "Wait."}, call("weather", 1), call("weather", 2), call("clock", 3)],
        "after_tool": [{"say": "Done."}]}])
}

#[tokio::test]
async fn calls_are_parallel_unless_the_client_forbids_it() {
    let (_sim, mut client) = connected(three_calls()).await;
    client.type_text("go").await;
    let response = client.wait("response.done").await["response"].clone();
    let said = ["Wait.", r#"weather({"n":1})"#, r#"weather({"n":2})"#, r#"clock({"n":3})"#];
    assert_eq!(words(&response), said);
    let ids: std::collections::BTreeSet<_> = (1..4).map(|i| response["output"][i]["call_id"].as_str()).collect();
    assert_eq!(ids.len(), 3);
    for i in 1..4 {
        client.output(&response["output"][i], "{}").await;
    }
    assert_eq!(words(&client.respond(json!({})).await), ["Done."], "one answer to all outputs");
}

#[tokio::test]
async fn without_parallel_calls_there_is_one_in_each_response() {
    let (_sim, mut client) = connected(three_calls()).await;
    client.configure(json!({"parallel_tool_calls": false})).await;
    client.type_text("go").await;
    let mut response = client.wait("response.done").await["response"].clone();
    assert_eq!(words(&response), ["Wait.", r#"weather({"n":1})"#]);
    for next in [r#"weather({"n":2})"#, r#"clock({"n":3})"#, "Done."] {
        let call = response["output"].as_array().unwrap().last().unwrap().clone();
        client.output(&call, "{}").await;
        response = client.respond(json!({})).await;
        assert_eq!(words(&response), [next]);
    }

    // For one response only.
    let (_sim, mut client) = connected(three_calls()).await;
    client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]})).await;
    assert_eq!(words(&client.respond(json!({"parallel_tool_calls": false})).await).len(), 2);
}

#[tokio::test]
async fn an_output_needs_its_call_and_may_come_only_once_asked_for() {
    let (_sim, mut client) = connected(three_calls()).await;
    let output = |id: &str| {
        json!({"type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": id, "output": "1"}})
    };
    let error = client.refused(output("call_unknown")).await;
    assert_eq!((&error["code"], &error["param"]), (&json!("invalid_tool_call_id"), &json!("item.call_id")));
    client.type_text("go").await;
    let response = client.wait("response.done").await["response"].clone();
    client.output(&response["output"][1], "1").await;
    client.send(json!({"type": "input_audio_buffer.clear"})).await;
    assert_eq!(client.next().await["type"], "input_audio_buffer.cleared", "an output alone starts no response");
}

#[tokio::test]
async fn the_model_obeys_tool_choice() {
    let turns = json!([
        {"hear": "go", "match": ["go"], "reply": [{"say": "Wait."}, {"call": {"name": "weather"}}],
            "after_tool": [{"say": "Done."}]},
        {"hear": "hi", "reply": [{"say": "Hello."}]},
        {"hear": "ho", "reply": [{"say": "Ahoy."}]},
    ]);
    let (_sim, mut client) = connected(turns).await;
    let user =
        |text: &str| json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});

    client.item(user("go")).await;
    assert_eq!(words(&client.respond(json!({"tool_choice": "none"})).await), ["Wait."]);

    // A call that the scenario does not have is made up, and what was to be said follows its output.
    client.item(user("hi")).await;
    let response = client.respond(json!({"tool_choice": "required"})).await;
    let expected = json!({"city": "example", "unit": "c", "days": 1, "exact": false});
    let call = &response["output"][0];
    assert_eq!(serde_json::from_str::<Value>(call["arguments"].as_str().unwrap()).unwrap(), expected);
    assert_eq!((response["output"].as_array().unwrap().len(), call["name"].as_str()), (1, Some("weather")));
    client.output(call, "1").await;
    assert_eq!(words(&client.respond(json!({})).await), ["Hello."]);

    client.item(user("ho")).await;
    let response = client.respond(json!({"tool_choice": {"type": "function", "name": "clock"}})).await;
    assert_eq!(words(&response), ["clock({})"]);
}

#[tokio::test]
async fn a_demanded_call_comes_without_a_preamble() {
    let (_sim, mut client) = connected(three_calls()).await;
    client.configure(json!({"tool_choice": "required"})).await;
    client.type_text("go").await;
    assert_eq!(words(&client.wait("response.done").await["response"]).len(), 3);

    let (_sim, mut client) = connected(three_calls()).await;
    client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]})).await;
    let response = client.respond(json!({"tool_choice": {"type": "function", "name": "clock"}})).await;
    assert_eq!(words(&response), [r#"clock({"n":3})"#], "of the scripted calls the one that is demanded");
}

#[tokio::test]
async fn tools_of_a_response_replace_those_of_the_session() {
    let (_sim, mut client) =
        connected(json!([{"hear": "go", "reply": [{"call": {"name": "radio"}}, {"call": {"name": "clock"}}]}])).await;
    client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]})).await;
    let response = client.respond(json!({"tools": [{"type": "function", "name": "radio"}]})).await;
    assert_eq!(words(&response), ["radio({})"]);
}

#[tokio::test]
async fn a_choice_that_no_tool_satisfies_is_refused() {
    let (_sim, mut client) = connected(json!([])).await;
    for wish in
        [json!({"tool_choice": {"type": "function", "name": "radio"}}), json!({"tool_choice": "required", "tools": []})]
    {
        let error = client.refused(json!({"type": "response.create", "response": wish})).await;
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_value"), &json!("response.tool_choice")));
    }
}
