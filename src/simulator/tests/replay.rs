//! A second connection that is given the history of the first.

use super::client::{Client, image, simulator, words};
use crate::simulator::Simulator;
use serde_json::{Value, json};

fn turns() -> Value {
    json!([
        {"hear": "Tell me a tale.", "reply": [{"say": "Once upon a time there was a tower."}]},
        {"hear": "And then?", "reply": [{"say": "Then it fell."}, {"call": {"name": "measure", "force": true}}],
         "after_tool": [{"say": "It was ten metres high."}]},
        {"hear": "Where is it?", "match": ["where"], "reply": [{"say": "In Paris."}]},
        {"hear": "Goodbye.", "reply": [{"say": "Farewell."}]},
    ])
}

async fn continued() -> (Simulator, Client) {
    let sim = simulator(json!({"turns": turns(), "continue": true})).await;
    let client = text_client(&sim).await;
    (sim, client)
}

async fn text_client(sim: &Simulator) -> Client {
    let mut client = Client::connect(sim).await;
    client.configure(json!({"output_modalities": ["text"]})).await;
    client
}

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

fn assistant(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn call(id: &str) -> [Value; 2] {
    [
        json!({"type": "function_call", "name": "measure", "arguments": "{}", "call_id": id}),
        json!({"type": "function_call_output", "call_id": id, "output": "10"}),
    ]
}

async fn put(client: &mut Client, items: impl IntoIterator<Item = Value>) {
    for item in items {
        client.item(item).await;
    }
}

async fn asks(client: &mut Client, text: &str) -> Vec<String> {
    client.type_text(text).await;
    words(&client.wait("response.done").await["response"])
}

#[tokio::test]
async fn every_kind_of_history_is_taken_with_its_ids() {
    let (sim, mut client) = continued().await;
    let picture = json!({"type": "input_image", "image_url": image("png", 2, 3)});
    let history = [
        json!({"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]}),
        user("Tell me a tale."),
        assistant("Once upon a time there was a tower."),
        json!({"type": "message", "role": "user", "content": [picture]}),
        call("call_1")[0].clone(),
        call("call_1")[1].clone(),
    ];
    let mut previous = json!("root");
    for (i, mut item) in history.into_iter().enumerate() {
        // As long as the service allows.
        let id = format!("msg_{i}{}", "x".repeat(27));
        assert_eq!(id.len(), 32);
        item["id"] = json!(id);
        client.send(json!({"type": "conversation.item.create", "item": item, "previous_item_id": previous})).await;
        let added = client.wait("conversation.item.added").await;
        let expected = if previous == "root" { Value::Null } else { previous };
        assert_eq!((&added["item"]["id"], &added["previous_item_id"]), (&json!(id), &expected));
        client.wait("conversation.item.done").await;
        previous = json!(id);
    }
    let create = |item: Value| json!({"type": "conversation.item.create", "item": item});
    let with_id = |id: &str| {
        let mut item = user("again");
        item["id"] = json!(id);
        item
    };
    let mut after_nobody = create(user("x"));
    after_nobody["previous_item_id"] = json!("msg_unknown");
    let long_call = json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c".repeat(33)});
    for (event, code, param) in [
        (create(with_id(previous.as_str().unwrap())), "item_create_duplicate_item_id", "item.id"),
        (after_nobody, "item_create_invalid_previous_item_id", "previous_item_id"),
        (create(with_id(&"x".repeat(33))), "string_above_max_length", "item.id"),
        (create(long_call), "string_above_max_length", "item.call_id"),
        (create(call("call_2")[1].clone()), "invalid_tool_call_id", "item.call_id"),
    ] {
        let error = client.refused(event).await;
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{error}");
    }
    let connection = sim.journal().connection(1).unwrap();
    let results: Vec<_> = connection.tool_results.iter().map(|r| (r.call_id.as_str(), r.output.as_str())).collect();
    assert_eq!(results, [("call_1", "10")], "what was refused is not there");
    assert_eq!((connection.items["user"], connection.items["function_call_output"]), (5, 2), "{:?}", connection.items);
}

#[tokio::test]
async fn the_script_goes_on_after_what_was_said() {
    let (_sim, mut client) = continued().await;
    put(&mut client, [user("Tell me a tale."), assistant("Once upon a time there was a tower.")]).await;
    assert_eq!(asks(&mut client, "tell me more").await, ["Then it fell.", "measure({})"], "the next turn");
}

#[tokio::test]
async fn a_question_without_an_answer_is_answered() {
    let (_sim, mut client) = continued().await;
    put(&mut client, [user("Tell me a tale."), assistant("Once upon a time"), user("Where is it?")]).await;
    assert_eq!(words(&client.respond(json!({})).await), ["In Paris."]);
    assert_eq!(asks(&mut client, "and now").await[0], "Then it fell.", "the turn that was not taken is left");
}

#[tokio::test]
async fn the_output_of_a_call_is_answered_by_what_follows_the_call() {
    for preamble in [vec![user("And then?"), assistant("Then it")], vec![assistant("Then it fell.")], vec![]] {
        let (_sim, mut client) = continued().await;
        put(&mut client, preamble.into_iter().chain(call("call_1"))).await;
        assert_eq!(words(&client.respond(json!({})).await), ["It was ten metres high."]);
        assert_eq!(asks(&mut client, "Goodbye.").await, ["Farewell."]);
    }
}

#[tokio::test]
async fn an_answer_tells_the_turn_when_nobody_knows_the_question() {
    let (_sim, mut client) = continued().await;
    put(&mut client, [user("mumble"), assistant("Once upon a time"), user("mumble"), assistant("In Paris.")]).await;
    assert_eq!(asks(&mut client, "go on").await[0], "Then it fell.");
}

#[tokio::test]
async fn an_answer_that_was_cut_is_given_again_when_asked_for() {
    let (_sim, mut client) = continued().await;
    put(&mut client, [user("Tell me a tale."), assistant("Once upon")]).await;
    assert_eq!(words(&client.respond(json!({})).await), ["Once upon a time there was a tower."]);
    // Not when it was complete.
    let (_sim, mut client) = continued().await;
    put(&mut client, [user("Tell me a tale."), assistant("Once upon a time there was a tower.")]).await;
    assert_eq!(words(&client.respond(json!({})).await), ["I have nothing more to say in this scenario."]);
}

#[tokio::test]
async fn without_continue_turns_are_counted() {
    let sim = simulator(json!({"turns": turns()})).await;
    let mut client = text_client(&sim).await;
    put(&mut client, [user("mumble"), assistant("In Paris.")]).await;
    assert_eq!(asks(&mut client, "go on").await[0], "Then it fell.", "the first turn went to the mumble");
    // Every connection starts at the first turn.
    let mut client = text_client(&sim).await;
    assert_eq!(asks(&mut client, "hello").await, ["Once upon a time there was a tower."]);
}
