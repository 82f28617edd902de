//! What a single `response.create` may ask for.

use super::client::{Client, audio, simulator, words};
use crate::simulator::{Simulator, clips};
use serde_json::{Value, json};

async fn connected(scenario: Value) -> (Simulator, Client) {
    let sim = simulator(scenario).await;
    let client = Client::connect(&sim).await;
    (sim, client)
}

fn say(text: &str) -> Value {
    json!({"instructions": format!("Say the following text word for word, and nothing else:\n\"\"\"\n{text}\n\"\"\"")})
}

#[tokio::test]
async fn the_model_says_what_it_is_told_word_for_word() {
    let turns = json!([{"hear": "hi", "reply": [{"text": "Hello."}]}]);
    let (_sim, mut client) = connected(json!({"turns": turns, "greeting": [{"text": "Welcome."}]})).await;
    client.send(json!({"type": "response.create", "response": say("Good day, my \"friend\".")})).await;
    let events = client.until("response.done").await;
    assert_eq!(words(&events.last().unwrap()["response"]), ["Good day, my \"friend\"."]);
    assert_eq!(audio(&events), clips::tones("Good day, my \"friend\".").to_vec());

    // A question that waits for its answer keeps waiting, and the greeting is over.
    client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]})).await;
    let mut wish = say("One\nmoment.");
    wish["output_modalities"] = json!(["text"]);
    assert_eq!(words(&client.respond(wish).await), ["One\nmoment."]);
    assert_eq!(words(&client.respond(json!({})).await), ["Hello."]);
}

#[tokio::test]
async fn a_response_has_its_own_modality_voice_and_metadata() {
    let turns = json!([{"hear": "a", "reply": [{"say": "Yes."}]}, {"hear": "b", "reply": [{"say": "No."}]}]);
    let (_sim, mut client) = connected(json!({"turns": turns})).await;
    client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]})).await;
    let wish = json!({"output_modalities": ["text"], "metadata": {"k": "v"}, "instructions": "Be brief.",
        "max_output_tokens": 200, "audio": {"output": {"voice": "cedar", "format": {"type": "audio/pcm", "rate": 24000}}}});
    client.send(json!({"type": "response.create", "response": wish})).await;
    let events = client.until("response.done").await;
    assert!(audio(&events).is_empty());
    for kind in ["response.created", "response.done"] {
        let response = &events.iter().find(|e| e["type"] == kind).unwrap()["response"];
        assert_eq!(response["metadata"], json!({"k": "v"}), "{kind}");
        assert_eq!(response["output_modalities"], json!(["text"]));
        assert_eq!(response["audio"]["output"]["voice"], "cedar");
        assert_eq!(response["max_output_tokens"], 200);
    }
    // The session is as it was.
    client.type_text("b").await;
    let response = client.wait("response.done").await["response"].clone();
    assert_eq!((&response["metadata"], &response["audio"]["output"]["voice"]), (&Value::Null, &json!("marin")));
    assert_eq!(response["output_modalities"], json!(["audio"]));

    let wish = json!({"audio": {"output": {"voice": "cedar"}}});
    let error = client.refused(json!({"type": "response.create", "response": wish})).await;
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("cannot_update_voice"), &json!("response.audio.output.voice")),
        "the assistant has spoken"
    );
}

#[tokio::test]
async fn limits_of_a_request_are_kept() {
    let (_sim, mut client) = connected(json!({"turns": []})).await;
    let labels = |count: usize| -> Value {
        (0..count).map(|i| (format!("k{i}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    let key = |length: usize| json!({"k".repeat(length): "v".repeat(512)});
    client.respond(json!({"metadata": labels(16)})).await;
    client.respond(json!({"metadata": key(64)})).await;
    for (wish, param) in [
        (json!({"metadata": labels(17)}), "response.metadata".to_owned()),
        (json!({"metadata": key(65)}), format!("response.metadata.{}", "k".repeat(65))),
        (json!({"max_output_tokens": 4097}), "response.max_output_tokens".to_owned()),
        (json!({"max_output_tokens": "many"}), "response.max_output_tokens".to_owned()),
        (json!({"temperature": 0.8}), "response.temperature".to_owned()),
        (json!({"tool_choice": "sometimes"}), "response.tool_choice".to_owned()),
        (
            json!({"tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g", "x": 1}]}),
            "response.tools[1].x".to_owned(),
        ),
        (json!({"conversation": "other"}), "response.conversation".to_owned()),
        (
            json!({"input": [{"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}),
            "response.input[0].content[0].type".to_owned(),
        ),
    ] {
        let error = client.refused(json!({"type": "response.create", "response": wish})).await;
        assert_eq!(error["param"], json!(param), "{error}");
    }
}

#[tokio::test]
async fn an_aside_is_answered_as_the_scenario_says() {
    let asides = json!([
        {"metadata": {"purpose": "classify"}, "match": ["urgent"], "reply": [{"text": "urgent"}]},
        {"metadata": {"purpose": "classify"}, "reply": [{"text": "question"}]},
        {"match": ["Summary"], "reply": [{"text": "In short: yes."}]},
    ]);
    let (_sim, mut client) = connected(json!({"turns": [{"hear": "a", "reply": [{"text": "Answer."}]}],
        "out_of_band": asides, "fallback": [{"text": "Nothing."}]}))
    .await;
    let aside = |mut wish: Value| {
        wish["conversation"] = json!("none");
        wish["output_modalities"] = json!(["text"]);
        wish
    };
    let input =
        json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a summary, please"}]}]);
    for (wish, answer) in [
        (json!({"metadata": {"purpose": "classify", "other": "x"}}), "question"),
        (json!({"metadata": {"purpose": "classify"}, "instructions": "Is it URGENT?"}), "urgent"),
        (json!({"instructions": "Write a summary."}), "In short: yes."),
        (json!({"input": input}), "In short: yes."),
        (json!({"metadata": {"purpose": "guess"}}), "Nothing."),
        (json!({}), "Nothing."),
        (say("Hush."), "Hush."),
    ] {
        assert_eq!(words(&client.respond(aside(wish.clone())).await), [answer], "{wish}");
    }
    // The conversation has not moved.
    client.type_text("a").await;
    assert_eq!(words(&client.wait("response.done").await["response"]), ["Answer."]);
}

#[tokio::test]
async fn an_aside_refers_to_items_and_leaves_none() {
    let (_sim, mut client) = connected(json!({"turns": [], "fallback": [{"say": "Aside."}]})).await;
    let item =
        client.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]})).await;
    let wish = |id: &Value| json!({"conversation": "none", "input": [{"type": "item_reference", "id": id}], "metadata": {"n": "1"}});
    let error = client.refused(json!({"type": "response.create", "response": wish(&json!("item_unknown"))})).await;
    assert_eq!(error["param"], "response.input[0].id");
    client.send(json!({"type": "response.create", "response": wish(&item["id"])})).await;
    let events = client.until("response.done").await;
    let done = &events.last().unwrap()["response"];
    assert_eq!((&done["conversation_id"], &done["metadata"]["n"]), (&Value::Null, &json!("1")));
    assert!(!events.iter().any(|e| e["type"].as_str().unwrap().starts_with("conversation.")), "{events:?}");
    let error = client.refused(json!({"type": "conversation.item.delete", "item_id": done["output"][0]["id"]})).await;
    assert_eq!(error["code"], "item_delete_invalid_item_id");
}
