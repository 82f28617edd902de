//! Items of the conversation: created, read back, cut, deleted.

use super::client::{Client, image, simulator};
use crate::simulator::{Simulator, listening};
use serde_json::{Value, json};

async fn connected() -> (Simulator, Client) {
    let sim = simulator(json!({"turns": [{"hear": "hi", "reply": [{"say": "Good day."}]}]})).await;
    let client = Client::connect(&sim).await;
    (sim, client)
}

fn message(role: &str, content: Value) -> Value {
    json!({"type": "message", "role": role, "content": content})
}

fn create(item: Value) -> Value {
    json!({"type": "conversation.item.create", "item": item})
}

fn user(id: &str) -> Value {
    let mut item = message("user", json!([{"type": "input_text", "text": id}]));
    item["id"] = json!(id);
    item
}

#[tokio::test]
async fn items_go_where_they_are_told() {
    let (_sim, mut client) = connected().await;
    for (id, previous, expected) in [
        ("a", None, Value::Null),
        ("b", None, json!("a")),
        ("front", Some("root"), Value::Null),
        ("middle", Some("a"), json!("a")),
    ] {
        let mut event = create(user(id));
        if let Some(previous) = previous {
            event["previous_item_id"] = json!(previous);
        }
        client.send(event).await;
        let added = client.wait("conversation.item.added").await;
        assert_eq!(added["previous_item_id"], expected, "{id}");
        assert_eq!((added["item"]["status"].as_str(), added["item"]["id"].as_str()), (Some("completed"), Some(id)));
        assert_eq!(client.next().await["type"], "conversation.item.done");
    }
    let mut event = create(user("c"));
    event["previous_item_id"] = json!("nobody");
    assert_eq!(client.refused(event).await["param"], "previous_item_id");
    assert_eq!(client.refused(create(user("a"))).await["param"], "item.id");
    client.send(json!({"type": "conversation.item.delete", "item_id": "a"})).await;
    assert_eq!(client.wait("conversation.item.deleted").await["item_id"], "a");
    let error = client.refused(json!({"type": "conversation.item.delete", "item_id": "a"})).await;
    assert_eq!(error["code"], "item_delete_invalid_item_id");
}

#[tokio::test]
async fn content_rules_are_enforced() {
    let (_sim, mut client) = connected().await;
    let image = "https://example.com/cat.png";
    for (item, code, param) in [
        (json!({"role": "user"}), "missing_required_parameter", "item.type"),
        (json!({"type": "poem"}), "invalid_value", "item.type"),
        (
            message("assistant", json!([{"type": "output_audio", "transcript": "x"}])),
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (message("assistant", json!([{"type": "text", "text": "x"}])), "invalid_value", "item.content[0].type"),
        (message("system", json!([{"type": "input_audio", "audio": ""}])), "invalid_value", "item.content[0].type"),
        (message("user", json!([{"type": "input_text"}])), "missing_required_parameter", "item.content[0].text"),
        (message("user", json!([{"type": "input_audio", "audio": "!"}])), "invalid_value", "item.content[0].audio"),
        (
            message("user", json!([{"type": "input_image", "image_url": image}])),
            "invalid_value",
            "item.content[0].image_url",
        ),
        (message("user", json!([])), "invalid_value", "item.content"),
        (message("robot", json!([{"type": "input_text", "text": "x"}])), "invalid_value", "item.role"),
        (
            json!({"type": "function_call_output", "call_id": "call_none", "output": "1"}),
            "invalid_tool_call_id",
            "item.call_id",
        ),
        (json!({"type": "function_call_output", "call_id": "c", "output": {"a": 1}}), "invalid_type", "item.output"),
        (
            json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c".repeat(33)}),
            "string_above_max_length",
            "item.call_id",
        ),
    ] {
        let error = client.refused(create(item)).await;
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{error}");
    }
}

#[tokio::test]
async fn history_can_be_rebuilt() {
    let (_sim, mut client) = connected().await;
    for item in [
        message("system", json!([{"type": "input_text", "text": "Be kind."}])),
        message("user", json!([{"type": "input_text", "text": "hi"}])),
        json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_old"}),
        json!({"type": "function_call_output", "call_id": "call_old", "output": "1"}),
        message("assistant", json!([{"type": "output_text", "text": "Good day."}])),
        message("user", json!([{"type": "input_image", "image_url": image("png", 2, 3)}])),
    ] {
        client.send(create(item)).await;
        client.wait("conversation.item.done").await;
    }
}

#[tokio::test]
async fn retrieve_returns_the_audio() {
    let (_sim, mut client) = connected().await;
    let audio = listening::encode(&[1, -2, 3]);
    let mut item = message("user", json!([{"type": "input_audio", "audio": audio}]));
    item["id"] = json!("u");
    client.send(create(item)).await;
    let added = client.wait("conversation.item.added").await;
    assert_eq!(added["item"]["content"][0], json!({"type": "input_audio", "transcript": null}));
    client.send(json!({"type": "conversation.item.retrieve", "item_id": "u"})).await;
    assert_eq!(client.wait("conversation.item.retrieved").await["item"]["content"][0]["audio"], json!(audio));
    let error = client.refused(json!({"type": "conversation.item.retrieve", "item_id": "x"})).await;
    assert_eq!(error["code"], "item_retrieve_invalid_item_id");
}

#[tokio::test]
async fn truncate_cuts_assistant_audio_only() {
    let (_sim, mut client) = connected().await;
    client.type_text("hi").await;
    let events = client.until("response.done").await;
    let question = events[0]["item"]["id"].clone();
    let answer = events.last().unwrap()["response"]["output"][0]["id"].clone();
    let truncate = |item: &Value, index: i64, ms: Value| json!({"type": "conversation.item.truncate", "item_id": item, "content_index": index, "audio_end_ms": ms});
    // "Good day." has 9 characters of 60 ms.
    let error = client.refused(truncate(&answer, 0, json!(541))).await;
    assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some("invalid_value"), Some("audio_end_ms")));
    assert!(error["message"].as_str().unwrap().contains("540ms is already shorter than 541ms"), "{error}");
    assert_eq!(client.refused(truncate(&question, 0, json!(0))).await["code"], "unsupported_content_type");
    assert_eq!(client.refused(truncate(&answer, 1, json!(0))).await["code"], "unsupported_content_type");
    assert_eq!(client.refused(truncate(&json!("x"), 0, json!(0))).await["code"], "item_truncate_invalid_item_id");
    assert_eq!(client.refused(truncate(&answer, 0, json!(1.5))).await["code"], "invalid_type");
    assert_eq!(client.refused(truncate(&answer, 0, json!(-1))).await["code"], "invalid_value");

    client.send(truncate(&answer, 0, json!(300))).await;
    let truncated = client.wait("conversation.item.truncated").await;
    assert_eq!((&truncated["item_id"], truncated["audio_end_ms"].as_u64()), (&answer, Some(300)));
    client.send(json!({"type": "conversation.item.retrieve", "item_id": answer})).await;
    let item = client.wait("conversation.item.retrieved").await["item"].clone();
    assert_eq!(item["content"][0].get("transcript"), None, "the transcript goes with the audio");
    let audio = listening::decode(item["content"][0]["audio"].as_str().unwrap(), "audio").unwrap();
    assert_eq!(audio.len(), 300 * 24);
    client.refused(truncate(&answer, 0, json!(301))).await;
}
