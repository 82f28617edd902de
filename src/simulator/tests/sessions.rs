//! `session.update`, and events that are no events.

use super::client::{Client, simulator};
use serde_json::{Value, json};

async fn connected(turns: Value) -> (crate::simulator::Simulator, Client) {
    let sim = simulator(json!({"turns": turns})).await;
    let client = Client::connect(&sim).await;
    (sim, client)
}

fn update(session: Value) -> Value {
    let mut session = session;
    session["type"] = json!("realtime");
    json!({"type": "session.update", "session": session})
}

#[tokio::test]
async fn an_update_is_a_sparse_merge() {
    let (_sim, mut client) = connected(json!([])).await;
    let wish = json!({"instructions": "Sing.", "audio": {"input": {"transcription": {"model": "gpt-transcribe"},
        "turn_detection": {"type": "server_vad", "threshold": 0.6}}, "output": {"voice": "cedar"}}});
    client.send(update(wish)).await;
    let session = client.wait("session.updated").await["session"].clone();
    assert_eq!(session["instructions"], "Sing.");
    assert_eq!(session["audio"]["output"]["voice"], "cedar");
    assert_eq!(session["audio"]["output"]["speed"], 1.0);
    let vad = &session["audio"]["input"]["turn_detection"];
    assert_eq!((vad["threshold"].as_f64(), vad["silence_duration_ms"].as_u64()), (Some(0.6), Some(500)));

    let wish = json!({"instructions": "", "audio": {"input": {"transcription": null, "turn_detection": null}}});
    client.send(update(wish)).await;
    let session = client.wait("session.updated").await["session"].clone();
    assert_eq!(session["instructions"], "");
    assert_eq!(session["audio"]["input"]["transcription"], Value::Null);
    assert_eq!(session["audio"]["input"]["turn_detection"], Value::Null);
    assert_eq!(session["audio"]["output"]["voice"], "cedar", "absent fields stay");

    client.send(update(json!({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}))).await;
    let session = client.wait("session.updated").await["session"].clone();
    assert_eq!(session["audio"]["input"]["turn_detection"]["eagerness"], "auto");
}

#[tokio::test]
async fn bad_updates_are_refused_as_a_whole() {
    let (_sim, mut client) = connected(json!([])).await;
    for (wish, code, param) in [
        (json!({"instructions": "x", "colour": 1}), "unknown_parameter", "session.colour"),
        (json!({"modalities": ["text"]}), "unknown_parameter", "session.modalities"),
        (json!({"temperature": 0.8}), "unknown_parameter", "session.temperature"),
        (json!({"output_modalities": ["text", "audio"]}), "invalid_value", "session.output_modalities"),
        (json!({"instructions": 7}), "invalid_type", "session.instructions"),
        (json!({"instructions": null}), "invalid_type", "session.instructions"),
        (json!({"audio": {"output": {"voice": "darth"}}}), "invalid_value", "session.audio.output.voice"),
        (json!({"audio": {"output": {"speed": 1.6}}}), "invalid_value", "session.audio.output.speed"),
        (
            json!({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            json!({"audio": {"input": {"turn_detection": {"threshold": 0.5}}}}),
            "missing_required_parameter",
            "session.audio.input.turn_detection.type",
        ),
        (
            json!({"audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}}}}),
            "unknown_parameter",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 100}}}}),
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            json!({"tools": [{"type": "function", "name": "a", "strict": true}]}),
            "unknown_parameter",
            "session.tools[0].strict",
        ),
        (json!({"tools": [{"type": "function", "name": "a b"}]}), "invalid_value", "session.tools[0].name"),
        (json!({"max_output_tokens": 5000}), "invalid_value", "session.max_output_tokens"),
        (json!({"model": "gpt-realtime"}), "invalid_value", "session.model"),
    ] {
        let error = client.refused(update(wish)).await;
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{error}");
    }
    let error = client.refused(json!({"type": "session.update", "session": {"instructions": "x"}})).await;
    assert_eq!(error["param"], "session.type");
    client.send(update(json!({}))).await;
    let session = client.wait("session.updated").await["session"].clone();
    assert_ne!(session["instructions"], "x", "nothing of a refused update may stick");
}

/// What `@openai/agents-realtime` 0.20.0 sends right after connecting.
#[tokio::test]
async fn the_agents_sdk_update_is_accepted() {
    let (_sim, mut client) = connected(json!([])).await;
    client
        .send(json!({"type": "session.update", "session": {"type": "realtime", "instructions": "",
            "model": "gpt-realtime-2.1", "output_modalities": ["audio"],
            "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": null,
                "transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": {"type": "semantic_vad",
                "model_version": "x"}}, "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1}},
            "parallel_tool_calls": true, "reasoning": {"effort": "low"}, "tool_choice": "auto"}}))
        .await;
    let session = client.wait("session.updated").await["session"].clone();
    assert_eq!(session["audio"]["input"]["turn_detection"].get("model_version"), None);
    client.send(update(json!({"tracing": "auto"}))).await;
    assert_eq!(client.wait("session.updated").await["session"]["tracing"], "auto");
    let error = client.refused(update(json!({"tracing": {"workflow_name": "w"}}))).await;
    assert_eq!(error["param"], "session.tracing");
}

#[tokio::test]
async fn the_voice_is_fixed_once_the_assistant_has_spoken() {
    let (_sim, mut client) = connected(json!([{"hear": "hi", "reply": [{"say": "Yes."}]}])).await;
    client.type_text("hi").await;
    client.wait("response.done").await;
    let error = client.refused(update(json!({"audio": {"output": {"voice": "cedar"}}}))).await;
    assert_eq!(error["code"], "cannot_update_voice");
    client.send(update(json!({"audio": {"output": {"voice": "marin"}}}))).await;
    client.wait("session.updated").await;
}

#[tokio::test]
async fn nonsense_is_an_error_and_the_connection_lives() {
    let (sim, mut client) = connected(json!([])).await;
    client.send_text("{not json").await;
    assert_eq!(client.wait("error").await["error"]["code"], "invalid_json");
    client.send_text("[1]").await;
    assert_eq!(client.wait("error").await["error"]["code"], "invalid_type");
    client.send_text("{}").await;
    assert_eq!(client.wait("error").await["error"]["param"], "type");
    let error = client.refused(json!({"type": "session.destroy"})).await;
    assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some("invalid_value"), Some("type")));
    let error = client.refused(json!({"type": "input_audio_buffer.append", "audio": "!!!"})).await;
    assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some("invalid_value"), Some("audio")));
    let error = client.refused(json!({"type": "input_audio_buffer.append", "audio": "AAAA"})).await;
    assert_eq!(error["code"], "invalid_value", "three bytes are not 16 bit audio");
    let error = client.refused(json!({"type": "output_audio_buffer.clear"})).await;
    assert_eq!(error["param"], "type");
    let error = client.refused(json!({"type": "input_audio_buffer.clear", "extra": 1})).await;
    assert_eq!(error["code"], "unknown_parameter");
    client.send(update(json!({}))).await;
    client.wait("session.updated").await;
    assert_eq!(sim.journal().client_events().len(), 9);
}

#[tokio::test]
async fn a_frame_above_16_mib_closes_with_1009() {
    let (_sim, mut client) = connected(json!([])).await;
    client.send_what_fits(&"x".repeat((16 << 20) + 1)).await;
    assert_eq!(u16::from(client.closed().await.code), 1009);
}

#[tokio::test]
async fn an_expired_session_closes_with_1001() {
    let sim = simulator(json!({"turns": [], "delivery": {"session_s": 1}})).await;
    let mut client = Client::connect(&sim).await;
    assert_eq!(client.wait("error").await["error"]["code"], "session_expired");
    assert_eq!(u16::from(client.closed().await.code), 1001);
}

/// The request types of the vendor's package have no null there; `Optional` in its other models means absent.
#[tokio::test]
async fn null_is_no_id_and_no_instructions() {
    let (_sim, mut client) = connected(json!([])).await;
    let message = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]});
    for (event, param) in [
        (json!({"type": "input_audio_buffer.clear", "event_id": null}), "event_id"),
        (json!({"type": "conversation.item.create", "previous_item_id": null, "item": message}), "previous_item_id"),
        (json!({"type": "response.create", "response": {"instructions": null}}), "response.instructions"),
        (json!({"type": "response.cancel", "response_id": null}), "response_id"),
    ] {
        client.send(event).await;
        let error = client.wait("error").await["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_type"), &json!(param)));
    }
}
