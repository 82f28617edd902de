//! Every event we put on the wire is one the vendor's own package knows, to the last field.
#![cfg(feature = "simulator")]

#[path = "referees/environment.rs"]
mod environment;

use duologue::{
    Config,
    provider::{elevenlabs, gemini, openai::OpenAi},
    simulator::sample_server_events,
};
use environment::{Referees, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The check is worth something only if it refuses what is wrong: misspelt fields, names of the beta,
/// fields at the wrong level, wrong types. The list is in `referees/wire_truth_cases.py`.
#[tokio::test]
async fn planted_defects_are_caught() {
    let Some(referees) = Referees::find() else { return };
    run(referees.python("wire_truth.py", ["--self-test"]), "").await.expect_success();
}

#[tokio::test]
async fn a_defect_is_named_and_fails_the_run() {
    let Some(referees) = Referees::find() else { return };
    let good = json!({"type": "response.cancel"});
    let bad = json!({"type": "session.update", "session": {"type": "realtime", "turn_detection": null}});
    let report = referees.wire_truth("client", [good.clone(), bad]).await;
    assert!(!report.success);
    assert!(report.stdout.contains("client session.update session.turn_detection: unknown field"), "{}", report.stdout);
    assert!(report.stdout.contains("2 client events of 2 types"), "{}", report.stdout);
    referees.wire_truth("client", [good]).await.expect_success();
}

#[tokio::test]
async fn nothing_to_check_is_no_success() {
    let Some(referees) = Referees::find() else { return };
    assert!(!referees.wire_truth("server", []).await.success);
}

/// Configurations that between them set every field the codec translates.
fn configurations() -> Vec<Config> {
    let documents = [
        json!({}),
        json!({
            "model": "gpt-realtime-2.1",
            "instructions": "Be brief. \"Quoted\", ünïcode.",
            "voice": "cedar",
            "speed": 1.2,
            "output_modality": "audio",
            "max_output_tokens": 300,
            "turn_detection": {
                "threshold": 0.6, "prefix_padding_ms": 200, "silence_duration_ms": 700,
                "create_response": false, "interrupt_response": false,
            },
            "transcription": {"model": "gpt-4o-transcribe", "language": "en", "prompt": "lighthouses"},
            "noise_reduction": "near_field",
            "tools": [
                {
                    "name": "get_weather",
                    "description": "Tells the weather.",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
                },
                {"name": "hang_up"},
            ],
            "tool_choice": {"function": "get_weather"},
        }),
        json!({"output_modality": "text", "transcription": null, "noise_reduction": "far_field"}),
        json!({"tools": [{"name": "hang_up"}], "tool_choice": "auto"}),
        json!({"tools": [{"name": "hang_up"}], "tool_choice": "none"}),
        json!({"tools": [{"name": "hang_up"}], "tool_choice": "required"}),
        json!({"extra": {
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
            "audio": {"input": {"turn_detection": null}},
        }}),
    ];
    documents.iter().map(|text| Config::from_json(&text.to_string()).expect("a valid configuration")).collect()
}

#[tokio::test]
async fn every_client_event_of_the_codec_is_the_vendors() {
    let Some(referees) = Referees::find() else { return };
    let mut events: Vec<Value> = Vec::new();
    for config in configurations() {
        let frames = OpenAi::sample_client_events(&config).expect("the codec takes the configuration");
        events.extend(frames.iter().map(|frame| serde_json::from_str(frame).expect("a frame is JSON")));
    }
    let kinds: BTreeSet<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds.len(), 11, "every client event there is (protocols reference §4): {kinds:?}");
    referees.wire_truth("client", events).await.expect_success();
}

/// Every function of the simulator's vocabulary that makes JSON is used by the samples, and every kind of
/// event it names is among them: nothing is sent that the vendor's types have not seen.
#[test]
fn every_builder_of_the_simulator_is_sampled() {
    let vocabulary = include_str!("../src/simulator/events.rs");
    let samples = include_str!("../src/simulator/samples.rs");
    let builders: Vec<_> = vocabulary
        .split("\npub(super) fn ")
        .skip(1)
        .filter(|text| text.split('{').next().is_some_and(|head| head.ends_with("-> Value ")))
        .filter_map(|text| text.split(['(', '<']).next())
        .collect();
    assert!(builders.len() > 30, "{builders:?}");
    for builder in builders {
        assert!(samples.contains(&format!("events::{builder}(")), "no sample of {builder}");
    }

    let events = sample_server_events();
    let kinds: BTreeSet<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    const FAMILIES: [&str; 6] =
        ["conversation.", "input_audio_buffer.", "output_audio_buffer.", "rate_limits.", "response.", "session."];
    let named: BTreeSet<_> =
        vocabulary.split('"').filter(|word| FAMILIES.iter().any(|family| word.starts_with(family))).collect();
    assert!(named.len() > 28, "{named:?}");
    let strange: Vec<_> = named.difference(&kinds).collect();
    assert!(strange.is_empty(), "no sample of {strange:?}");
}

#[tokio::test]
async fn every_server_event_of_the_simulator_is_the_vendors() {
    let Some(referees) = Referees::find() else { return };
    let events = sample_server_events();
    referees.wire_truth("server", events).await.expect_success();
}

/// As for the other vendor: a check that refuses nothing is worth nothing.
#[tokio::test]
async fn planted_defects_in_messages_for_google_are_caught() {
    let Some(referees) = Referees::find() else { return };
    run(referees.python("google_wire.py", ["--self-test"]), "").await.expect_success();
    let misspelt = json!({"realtimeInput": {"audio": {"mimetype": "audio/pcm", "data": "AAA="}}});
    let report = run(referees.python("google_wire.py", [""; 0]), &misspelt.to_string()).await;
    assert!(!report.success && report.stdout.contains("mimetype"), "{}", report.stdout);
}

#[tokio::test]
async fn every_client_message_of_the_gemini_codec_is_the_vendors() {
    let Some(referees) = Referees::find() else { return };
    let tool = json!({"name": "get_weather", "description": "Tells the weather.", "parameters": {
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "T", "additionalProperties": false,
        "type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "format": "city", "default": "Paris"},
            "days": {"type": ["integer", "null"], "minimum": 1},
            "where": {"anyOf": [{"type": "string", "enum": ["in", "out"]}, {"type": "null"}]},
            "list": {"type": "array"}, "any": {}},
    }});
    let all = json!({"instructions": "Be brief.", "voice": "Kore", "temperature": 0.5, "max_output_tokens": 300,
        "tools": [tool, {"name": "hang_up", "scheduling": "silent"}], "transcription": {"languages": ["en", "de"], "keywords": ["Ada"]},
        "turn_detection": {"prefix_padding_ms": 200, "silence_duration_ms": 700, "interrupt_response": false}});
    let documents = [
        json!({}),
        all.clone(),
        json!({"transcription": null, "turn_detection": {"mode": "manual"}}),
        json!({"model": "gemini-3.8-live-extended-thinking", "reasoning_effort": "high", "tools": [{"name": "f"}]}),
        json!({"model": "gemini-3.1-flash-live-preview", "reasoning_effort": "minimal", "tools": [{"name": "f"}]}),
        json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025", "tools": [{"name": "f"}]}),
    ];
    let mut lines = String::new();
    let mut kinds = BTreeSet::new();
    for mut document in documents {
        document["provider"] = "gemini".into();
        let config = Config::from_json(&document.to_string()).expect("a valid configuration");
        for frame in gemini::sample_client_events(&config).expect("the codec takes the configuration") {
            let message: Value = serde_json::from_str(&frame).expect("a frame is JSON");
            kinds.extend(message.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
            lines += &(frame + "\n");
        }
    }
    assert_eq!(kinds.len(), 5, "every client message there is (protocols reference §2): {kinds:?}");
    run(referees.python("google_wire.py", [""; 0]), &lines).await.expect_success();
}

#[tokio::test]
async fn planted_defects_of_elevenlabs_messages_are_caught() {
    let Some(referees) = Referees::find() else { return };
    run(referees.node("elevenlabs_wire.mjs", ["--self-test"]), "").await.expect_success();
}

#[tokio::test]
async fn every_client_message_of_the_elevenlabs_codec_is_the_vendors() {
    let Some(referees) = Referees::find() else { return };
    let all = json!({"instructions": "Be brief.", "greeting": "Hello!", "voice": "v1", "speed": 1.1, "temperature": 0.5,
        "max_output_tokens": 300, "transcription": {"language": "de", "keywords": ["Ada"]},
        "tools": [{"name": "clock"}], "extra": {"dynamic_variables": {"name": "Ann"}, "user_id": "u"}});
    let mut lines = String::new();
    let mut kinds = BTreeSet::new();
    for mut document in [json!({}), all, json!({"output_modality": "text"})] {
        document["provider"] = "elevenlabs".into();
        document["model"] = "agent_1".into();
        let config = Config::from_json(&document.to_string()).expect("a valid configuration");
        for frame in elevenlabs::sample_client_events(&config).expect("the codec takes the configuration") {
            let message: Value = serde_json::from_str(&frame).expect("a frame is JSON");
            kinds.insert(message["type"].as_str().unwrap_or("audio").to_owned());
            lines += &(frame + "\n");
        }
    }
    assert_eq!(kinds.len(), 10, "every client message of a conversation (protocols reference §4): {kinds:?}");
    run(referees.node("elevenlabs_wire.mjs", [""; 0]), &lines).await.expect_success();
}
