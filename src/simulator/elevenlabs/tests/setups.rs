//! The first message: what is permitted, what must be given, what makes no sense.

use super::bench::{Bench, EVERYTHING, all, error_of, kinds};
use crate::simulator::{
    elevenlabs::{closing::Closing, peer::Access},
    tests::client::fast,
};
use serde_json::{Value, json};

fn scenario(agent: Value) -> Value {
    json!({"turns": [{"hear": "one", "reply": [{"say": "First."}]}], "agent": agent})
}

/// What becomes of a first message: the error that was told, and the close.
fn refused(agent: Value, data: Value) -> (Option<String>, u16, String) {
    let mut bench = Bench::bare(scenario(agent));
    bench.begin(data.clone());
    let events = bench.sent();
    assert!(all(&events, "conversation_initiation_metadata").is_empty(), "{data}");
    let (code, reason) = bench.closed().unwrap_or_else(|| panic!("{data} was taken"));
    (error_of(&events), code, reason)
}

fn overriding(overrides: Value) -> Value {
    json!({"conversation_config_override": overrides})
}

#[test]
fn the_formats_are_announced() {
    let mut bench = Bench::bare(scenario(json!({"input_format": "ulaw_8000", "output_format": "pcm_44100"})));
    bench.begin(json!({}));
    let metadata = bench.sent().remove(0)["conversation_initiation_metadata_event"].clone();
    assert_eq!(metadata["user_input_audio_format"], "ulaw_8000");
    assert_eq!(metadata["agent_output_audio_format"], "pcm_44100");
    assert!(metadata["conversation_id"].as_str().unwrap().starts_with("conv_"));
}

#[test]
fn everything_that_the_reference_names_can_be_given() {
    let data = json!({
        "conversation_config_override": {
            "agent": {"prompt": {"prompt": "p", "llm": "l", "reasoning_effort": "low", "tool_ids": ["tool_a"],
                    "tool_ids_strict": false, "native_mcp_server_ids": [], "knowledge_base": [{}]},
                "first_message": "", "language": "en", "max_conversation_duration_message": "m",
                "native_mcp_server_ids": []},
            "tts": {"voice_id": "v", "model_id": "m", "stability": 0.5, "speed": 1.0, "similarity_boost": 0.8,
                "supported_voices": []},
            "asr": {"keywords": ["k"]},
            "turn": {"soft_timeout_config": {"message": "m"}},
            "conversation": {"text_only": false, "max_duration_seconds": 600, "client_events": EVERYTHING},
        },
        "custom_llm_extra_body": {"temperature": 1},
        "dynamic_variables": {"a": "x", "b": 1, "c": true, "d": null, "e": [[1]]},
        "user_id": "u", "branch_id": "b", "environment": "production", "starting_workflow_node_id": "n",
        "procedure_ids": [], "start_procedure_ids": [],
        "source_info": {"source": "unknown", "version": "1.0"},
        "tool_mock_config": {"mocking_strategy": "none", "mocked_tool_names": [], "fallback_strategy": "raise_error"},
        "nobody_knows": 1,
    });
    let mut bench = Bench::bare(scenario(json!({})));
    bench.begin(data);
    assert_eq!((kinds(&bench.sent()), bench.closed()), (vec!["conversation_initiation_metadata"], None));
}

#[test]
fn an_override_that_is_not_permitted_ends_the_conversation_and_is_named() {
    let agent = json!({"overrides": ["agent.prompt.prompt", "conversation.text_only"]});
    for (overrides, field) in [
        (json!({"agent": {"first_message": "Hello"}}), "first_message"),
        (json!({"agent": {"prompt": {"prompt": "p", "llm": "gpt"}}}), "llm"),
        (json!({"tts": {"voice_id": "v"}}), "voice_id"),
        (json!({"agent": {"mood": "good"}}), "mood"),
        (json!({"voice": {"speed": 1}}), "voice"),
    ] {
        let (error, code, reason) = refused(agent.clone(), overriding(overrides));
        assert_eq!((error, code), (None, 1008), "{field}: a close frame and no error before it");
        assert!(reason.contains(&format!("'{field}'")), "{reason}");
    }
    let mut bench = Bench::bare(scenario(agent));
    let events = json!({"client_events": ["audio", "conversation_initiation_metadata"], "text_only": true});
    bench.begin(overriding(json!({"agent": {"prompt": {"prompt": "p"}}, "conversation": events})));
    assert_eq!(bench.closed(), None, "what is told needs no permission");
}

#[test]
fn values_that_cannot_be_are_named() {
    for (data, field) in [
        (overriding(json!({"agent": {"language": null}})), "agent.language"),
        (overriding(json!({"agent": {"prompt": "p"}})), "agent.prompt"),
        (overriding(json!({"tts": {"speed": "fast"}})), "tts.speed"),
        (overriding(json!({"conversation": {"max_duration_seconds": 0}})), "conversation.max_duration_seconds"),
        (overriding(json!({"conversation": {"client_events": ["nothing"]}})), "conversation.client_events"),
        (overriding(Value::Null), "conversation_config_override"),
        (json!({"dynamic_variables": []}), "dynamic_variables"),
        (json!({"custom_llm_extra_body": null}), "custom_llm_extra_body"),
        (json!({"user_id": 7}), "user_id"),
        (json!({"source_info": {"version": "x".repeat(51)}}), "source_info.version"),
        (json!({"tool_mock_config": {"mocking_strategy": "some"}}), "tool_mock_config.mocking_strategy"),
    ] {
        let (error, code, reason) = refused(json!({}), data);
        assert_eq!((error.as_deref(), code), (Some("value_error"), 1008), "{field}");
        assert!(reason.starts_with(&format!("{field}:")), "{reason}");
    }
}

#[test]
fn every_variable_must_be_given() {
    let first = overriding(json!({"agent": {"first_message": "Hello {{name}}"}}));
    let prompt = overriding(json!({"agent": {"prompt": {"prompt": "You talk to {{ name }} at {{system__time}}"}}}));
    for (agent, mut data) in
        [(json!({}), first), (json!({}), prompt), (json!({"dynamic_variables": ["name"]}), json!({}))]
    {
        let (error, code, reason) = refused(agent.clone(), data.clone());
        assert_eq!((error.as_deref(), code), (Some("missing_dynamic_variable"), 1008));
        assert!(reason.ends_with(": name"), "{reason}");
        data["dynamic_variables"] = json!({"name": "Ann"});
        let mut bench = Bench::bare(scenario(agent));
        bench.begin(data);
        assert_eq!(bench.closed(), None);
    }
}

#[test]
fn it_comes_first_and_once() {
    let mut bench = Bench::bare(scenario(json!({})));
    bench.type_text("hello");
    assert_eq!(error_of(&bench.sent()).as_deref(), Some("invalid_message"));
    assert_eq!(bench.closed().unwrap().0, 1008);
    let mut bench = Bench::of(json!([]));
    bench.begin(json!({}));
    assert_eq!(error_of(&bench.sent()).as_deref(), Some("invalid_message"));
    assert_eq!(bench.closed().unwrap().0, 1008);
}

#[test]
fn what_is_no_message_ends_the_conversation() {
    for (message, error) in [
        (json!({"type": "response.create"}), "invalid_message"),
        (json!({"hello": 1}), "missing_fields"),
        (json!([]), "missing_fields"),
        (json!({"user_audio_chunk": "***"}), "invalid_message"),
        (json!({"user_audio_chunk": "AAAA"}), "invalid_message"),
        (json!({"user_audio_chunk": 1}), "value_error"),
        (json!({"type": "pong"}), "value_error"),
        (json!({"type": "user_message", "text": 1}), "value_error"),
        (json!({"type": "contextual_update"}), "missing_fields"),
        (json!({"type": "feedback", "event_id": 1}), "missing_fields"),
        (json!({"type": "feedback", "event_id": 1, "score": "good"}), "value_error"),
        (json!({"type": "feedback", "score": "like"}), "value_error"),
        (json!({"type": "multimodal_message"}), "missing_fields"),
        (json!({"type": "multimodal_message", "file": {"type": "file_input", "file_id": "?"}}), "value_error"),
        (json!({"type": "multimodal_message", "text": "hello"}), "value_error"),
        (json!({"type": "mcp_tool_approval_result", "tool_call_id": "?"}), "missing_fields"),
    ] {
        let mut bench = Bench::of(json!([]));
        bench.send(message.clone());
        assert_eq!(error_of(&bench.sent()).as_deref(), Some(error), "{message}");
        assert_eq!(bench.closed().unwrap().0, 1008, "{message}");
    }
    for score in [json!("like"), json!("dislike"), Value::Null] {
        let mut bench = Bench::of(json!([]));
        bench.send(json!({"type": "feedback", "event_id": 1, "score": score}));
        assert_eq!(bench.closed(), None);
    }
}

#[test]
fn who_must_not_come_in_is_told_so_when_the_first_message_comes() {
    let access = Access { refused: Some(Closing::with(3000, "no")), ..Access::default() };
    let mut bench = Bench::with(access, fast(scenario(json!({}))));
    assert_eq!(bench.closed(), None);
    bench.begin(json!({}));
    assert_eq!((bench.sent().len(), bench.closed()), (0, Some((3000, "no".to_owned()))));
}
