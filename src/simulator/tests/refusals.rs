//! Illegal configurations and requests, and how the service names what is wrong.

use super::client::{Client, image, simulator};
use serde_json::{Value, json};

fn update(mut session: Value) -> Value {
    session["type"] = json!("realtime");
    json!({"type": "session.update", "session": session})
}

fn input(name: &str, value: Value) -> Value {
    update(json!({"audio": {"input": {name: value}}}))
}

fn assert_refusal(error: &Value, code: &str, param: &str) {
    assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{error}");
    assert_eq!(error["type"], "invalid_request_error");
}

#[tokio::test]
async fn every_illegal_setting_is_named() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    let (unknown, value, kind) = ("unknown_parameter", "invalid_value", "invalid_type");
    let vad = |kind: &str, name: &str, v: Value| input("turn_detection", json!({"type": kind, name: v}));
    for (event, code, param) in [
        (update(json!({"voice": "cedar"})), unknown, "session.voice"),
        (update(json!({"turn_detection": null})), unknown, "session.turn_detection"),
        (update(json!({"temperature": null})), unknown, "session.temperature"),
        (update(json!({"audio": {"volume": 1}})), unknown, "session.audio.volume"),
        (update(json!({"audio": {"output": {"pitch": 1}}})), unknown, "session.audio.output.pitch"),
        (input("gain", json!(1)), unknown, "session.audio.input.gain"),
        (input("transcription", json!({"model": "whisper-1", "x": 1})), unknown, "session.audio.input.transcription.x"),
        (
            vad("semantic_vad", "idle_timeout_ms", json!(6000)),
            unknown,
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            vad("semantic_vad", "silence_duration_ms", json!(6)),
            unknown,
            "session.audio.input.turn_detection.silence_duration_ms",
        ),
        (vad("server_vad", "eagerness", json!("low")), unknown, "session.audio.input.turn_detection.eagerness"),
        (vad("semantic_vad", "eagerness", json!("extreme")), value, "session.audio.input.turn_detection.eagerness"),
        (vad("clairvoyant", "x", json!(1)), value, "session.audio.input.turn_detection.type"),
        (vad("server_vad", "threshold", json!(1.1)), value, "session.audio.input.turn_detection.threshold"),
        (vad("server_vad", "threshold", json!("high")), kind, "session.audio.input.turn_detection.threshold"),
        (
            vad("server_vad", "idle_timeout_ms", json!(30_001)),
            value,
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (input("noise_reduction", json!({"type": "far"})), value, "session.audio.input.noise_reduction.type"),
        (input("transcription", json!({"model": "gpt-5"})), value, "session.audio.input.transcription.model"),
        (
            input("transcription", json!({"model": "whisper-1", "keywords": ["a"]})),
            value,
            "session.audio.input.transcription.keywords",
        ),
        (
            input("transcription", json!({"model": "gpt-4o-transcribe", "languages": ["de", "en"]})),
            value,
            "session.audio.input.transcription.languages",
        ),
        (
            input("transcription", json!({"model": "gpt-transcribe", "delay": "low"})),
            value,
            "session.audio.input.transcription.delay",
        ),
        (update(json!({"audio": null})), kind, "session.audio"),
        (update(json!({"model": null})), kind, "session.model"),
        (
            update(json!({"tools": [{"type": "function", "name": "a"}, {"type": "function"}]})),
            "missing_required_parameter",
            "session.tools[1].name",
        ),
        (
            update(json!({"tools": [{"type": "function", "name": "a", "parameters": "{}"}]})),
            kind,
            "session.tools[0].parameters",
        ),
        (update(json!({"tools": {"a": 1}})), kind, "session.tools"),
        (
            update(json!({"tool_choice": {"type": "function"}})),
            "missing_required_parameter",
            "session.tool_choice.name",
        ),
        (update(json!({"reasoning": {"effort": "maximal"}})), value, "session.reasoning.effort"),
        (update(json!({"max_output_tokens": 0})), value, "session.max_output_tokens"),
        (update(json!({"max_output_tokens": "infinite"})), kind, "session.max_output_tokens"),
        (update(json!({"audio": {"output": {"speed": 0.2}}})), value, "session.audio.output.speed"),
        (update(json!({"audio": {"output": {"voice": "tempo"}}})), value, "session.audio.output.voice"),
        (update(json!({"output_modalities": ["audio", "text"]})), value, "session.output_modalities"),
        (
            update(json!({"truncation": {"type": "retention_ratio", "retention_ratio": 2}})),
            value,
            "session.truncation.retention_ratio",
        ),
        (json!({"type": "session.update", "session": {"type": "transcription"}}), value, "session.type"),
        (json!({"type": "session.update"}), "missing_required_parameter", "session"),
    ] {
        assert_refusal(&client.refused(event).await, code, param);
    }
    let journal = sim.journal();
    assert!(!journal.server_events().iter().any(|e| e["type"] == "session.updated"), "nothing was taken");
}

#[tokio::test]
async fn what_needs_a_reasoning_model_is_refused_to_others() {
    let sim = simulator(json!({"turns": []})).await;
    let settings = [("reasoning", json!({"effort": "low"})), ("parallel_tool_calls", json!(true))];
    let key = [("authorization", "Bearer sk-test")];
    for model in ["gpt-realtime", "gpt-realtime-1.5", "gpt-realtime-2025-08-28", "gpt-realtime-mini"] {
        let mut client = Client::open(&sim, &format!("?model={model}"), &key).await.unwrap();
        for (name, setting) in &settings {
            let error = client.refused(update(json!({*name: setting}))).await;
            assert_refusal(&error, "invalid_value", &format!("session.{name}"));
            let error = client.refused(json!({"type": "response.create", "response": {*name: setting}})).await;
            assert_refusal(&error, "invalid_value", &format!("response.{name}"));
        }
    }
    for model in ["gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini"] {
        let mut client = Client::open(&sim, &format!("?model={model}"), &key).await.unwrap();
        for (name, setting) in &settings {
            assert_eq!(client.configure(json!({*name: setting})).await[*name], *setting, "{model}");
        }
    }
}

#[tokio::test]
async fn some_settings_have_their_time() {
    let turns = json!([{"hear": "a", "reply": [{"say": "A long story begins here."}]}]);
    let sim = simulator(json!({"turns": turns, "delivery": {"speed": 0.2, "first_audio_delay_ms": 0}})).await;
    let mut client = Client::connect(&sim).await;
    client.configure(json!({"tracing": "auto", "audio": {"output": {"speed": 1.2, "voice": "cedar"}}})).await;
    for again in [json!("auto"), json!({"workflow_name": "w"}), Value::Null] {
        assert_refusal(&client.refused(update(json!({"tracing": again}))).await, "invalid_value", "session.tracing");
    }
    client.type_text("a").await;
    client.wait("response.output_audio.delta").await;
    let error = client.refused(update(json!({"audio": {"output": {"speed": 1.0}}}))).await;
    assert_refusal(&error, "invalid_value", "session.audio.output.speed");
    let error = client.refused(update(json!({"audio": {"output": {"voice": "marin"}}}))).await;
    assert_refusal(&error, "cannot_update_voice", "session.audio.output.voice");
    client.configure(json!({"audio": {"output": {"speed": 1.2, "voice": "cedar"}}})).await;
    client.send(json!({"type": "response.cancel"})).await;
    client.wait("response.done").await;
    client.configure(json!({"audio": {"output": {"speed": 1.0}}})).await;
    let error = client.refused(update(json!({"audio": {"output": {"voice": "marin"}}}))).await;
    assert_refusal(&error, "cannot_update_voice", "session.audio.output.voice");
}

#[tokio::test]
async fn ids_have_a_length() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    let create = |item: Value| json!({"type": "conversation.item.create", "item": item});
    let text = json!([{"type": "input_text", "text": "x"}]);
    let message = |id: &str| json!({"type": "message", "role": "user", "id": id, "content": text});
    let call = |id: &str| json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": id});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "1"});
    let (fits, long) = ("i".repeat(32), "i".repeat(33));
    for item in [message(&fits), call(&fits), output(&fits)] {
        client.item(item).await;
    }
    let code = "string_above_max_length";
    assert_refusal(&client.refused(create(message(&long))).await, code, "item.id");
    assert_refusal(&client.refused(create(call(&long))).await, code, "item.call_id");
    assert_refusal(&client.refused(create(output(&long))).await, code, "item.call_id");

    client.send(json!({"type": "input_audio_buffer.clear", "event_id": "e".repeat(512)})).await;
    client.wait("input_audio_buffer.cleared").await;
    client.send(json!({"type": "input_audio_buffer.clear", "event_id": "e".repeat(513)})).await;
    assert_refusal(&client.wait("error").await["error"], code, "event_id");
}

#[tokio::test]
async fn roles_have_their_content() {
    let sim = simulator(json!({"turns": []})).await;
    let mut client = Client::connect(&sim).await;
    let part = |kind: &str| match kind {
        "input_audio" => json!({"type": kind, "audio": "AAA="}),
        "input_image" => json!({"type": kind, "image_url": image("png", 1, 1)}),
        _ => json!({"type": kind, "text": "x"}),
    };
    let kinds = ["input_text", "input_audio", "input_image", "output_text", "text"];
    for (role, allowed) in [("system", &kinds[..1]), ("user", &kinds[..3]), ("assistant", &kinds[3..4])] {
        for kind in kinds {
            let item = json!({"type": "message", "role": role, "content": [part(kind)]});
            if allowed.contains(&kind) {
                client.item(item).await;
            } else {
                let error = client.refused(json!({"type": "conversation.item.create", "item": item})).await;
                assert_refusal(&error, "invalid_value", "item.content[0].type");
            }
        }
    }
}

#[tokio::test]
async fn only_what_runs_can_be_cancelled() {
    let turns = json!([{"hear": "a", "reply": [{"say": "Yes."}]}]);
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("a").await;
    let done = client.wait("response.done").await["response"]["id"].clone();
    for event in [
        json!({"type": "response.cancel"}),
        json!({"type": "response.cancel", "response_id": done}),
        json!({"type": "response.cancel", "response_id": "resp_unknown"}),
    ] {
        assert_eq!(client.refused(event).await["code"], "response_cancel_not_active");
    }
}
