//! What a scenario says about an agent: what is accepted, and how mistakes are named.

use crate::simulator::scenario::Scenario;
use serde_json::{Value, json};
use std::path::Path;

fn load(agent: &Value) -> crate::Result<Scenario> {
    let scenario = json!({"name": "n", "turns": [], "agent": agent});
    Scenario::from_json(&scenario.to_string(), Path::new("."))
}

#[test]
fn mistakes_name_the_path_and_the_fix() {
    for (agent, field) in [
        (json!({"voice": "v"}), "agent.voice"),
        (json!({"input_format": "pcm_12000"}), "agent.input_format"),
        (json!({"overrides": ["agent.mood"]}), "agent.overrides[0]"),
        (json!({"overrides": ["agent.language", "conversation.client_events"]}), "agent.overrides[1]"),
        (json!({"client_events": ["audio", "response.done"]}), "agent.client_events[1]"),
        (json!({"client_events": ["error"]}), "agent.client_events[0]"),
        (json!({"max_duration_s": 0}), "agent.max_duration_s"),
        (json!({"input_timeout_s": 86_401}), "agent.input_timeout_s"),
        (json!({"turn_timeout_s": 0}), "agent.turn_timeout_s"),
        (json!({"silence_end_call_s": 0}), "agent.silence_end_call_s"),
        (json!({"ping_interval_ms": 9}), "agent.ping_interval_ms"),
        (json!({"queue": {"wait_ms": 0}}), "agent.queue.wait_ms"),
        (json!({"tools": {"t": {"type": "robot"}}}), "agent.tools.t.type"),
        (json!({"tools": {"t": {"response_timeout_s": 601}}}), "agent.tools.t.response_timeout_s"),
        (json!({"tools": {"t": {"approval_timeout_s": 0}}}), "agent.tools.t.approval_timeout_s"),
    ] {
        let error = load(&agent).unwrap_err();
        assert_eq!((error.code.as_ref(), error.field.as_deref()), ("invalid_scenario", Some(field)), "{agent} {error}");
        assert!(error.fix.is_some());
    }
}

#[test]
fn it_is_written_as_it_is_read() {
    let agent = json!({
        "input_format": "ulaw_8000", "output_format": "pcm_44100", "private": true, "text_only": true,
        "overrides": ["agent.prompt.prompt"], "dynamic_variables": ["name"], "client_events": ["audio"],
        "tools": {"t": {"type": "mcp", "expects_response": true, "response_timeout_s": 5, "result": "r", "fails": true,
            "disable_interruptions": true, "approval": true, "approval_timeout_s": 7}},
        "max_duration_s": 5, "input_timeout_s": 6, "turn_timeout_s": 7, "silence_end_call_s": 8,
        "ping_interval_ms": 100, "tentative_transcripts": true, "queue": {"wait_ms": 9, "timed_out": true},
    });
    assert_eq!(serde_json::to_value(load(&agent).unwrap()).unwrap()["agent"], agent);
    // Of an agent like any other nothing is written.
    assert!(serde_json::to_value(load(&json!({})).unwrap()).unwrap().get("agent").is_none());
}
