//! What is checked, bounded and timed about tool calls: whatever happens, the model gets one answer.

use crate::common::Talk;
use duologue::{event::OpId, message::CallRef, session::Command};
use serde_json::{Value, json};

fn talk(tools: Value, handling: Value) -> Talk {
    Talk::connected(json!({"auto_capture": false, "tools": tools, "tool_handling": handling}))
}

fn weather() -> Value {
    json!([{"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "output_schema": {"type": "object", "required": ["degrees"]}, "timeout_ms": 2000}])
}

/// What the model was answered, by call.
fn answers(talk: &mut Talk) -> Vec<(String, String)> {
    let frames = talk.take().frames();
    let items = frames.iter().filter(|f| f["type"] == "conversation.item.create").map(|f| &f["item"]);
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    items.map(|i| (text(&i["call_id"]), text(&i["output"]))).collect()
}

fn called(talk: &mut Talk, call: &str, arguments: &str) {
    talk.call("R1", &format!("F_{call}"), call, "weather", arguments);
}

fn fail(talk: &mut Talk, call: &str) -> OpId {
    let call = CallRef { epoch: talk.epoch, id: call.into() };
    talk.host(Command::SubmitToolResult { call, output: "the tool broke".into(), is_error: true })
}

#[test]
fn arguments_that_do_not_fit_are_answered_and_never_reach_the_host() {
    let mut talk = talk(weather(), json!({}));
    talk.response("R1");
    for (call, arguments, word) in [
        ("c1", "{}", "city"),
        ("c2", r#"{"city":7}"#, "/city"),
        ("c3", r#"{"city":"Ro"#, "not valid JSON"),
        ("c4", "7", "object"),
    ] {
        called(&mut talk, call, arguments);
        let out = talk.take();
        assert_eq!(out.of("tool_call").len(), 0, "{arguments}");
        assert_eq!(out.of("warning")[0]["code"], "tool_arguments");
        let output = out.frames()[0]["item"]["output"].as_str().unwrap().to_owned();
        let told: Value = serde_json::from_str(&output).unwrap();
        assert!(told["error"].as_str().unwrap().contains(word), "{arguments}: {told}");
    }
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().names(), ["response.create"], "one follow-up for all");
    talk.finish();
}

#[test]
fn no_arguments_at_all_are_an_empty_object() {
    let mut talk = talk(json!([{"name": "weather", "parameters": {"type": "object", "properties": {}}}]), json!({}));
    talk.response("R1");
    called(&mut talk, "c1", "");
    assert_eq!(talk.take().of("tool_call").len(), 1);
    talk.finish();
}

#[test]
fn a_result_that_does_not_fit_reaches_the_model_as_an_error() {
    let mut talk = talk(weather(), json!({}));
    talk.response("R1");
    called(&mut talk, "c1", r#"{"city":"Rome"}"#);
    talk.take();
    let op = talk.answer("c1", r#"{"temperature":20}"#);
    let out = talk.take();
    assert_eq!(out.completed(op).unwrap().unwrap().code, "invalid_result");
    let output = out.frames()[0]["item"]["output"].as_str().unwrap().to_owned();
    assert!(output.contains("degrees"), "{output}");
    // What the host calls an error need not fit.
    called(&mut talk, "c2", r#"{"city":"Rome"}"#);
    talk.take();
    fail(&mut talk, "c2");
    assert_eq!(answers(&mut talk), [("c2".to_owned(), "the tool broke".to_owned())]);
    talk.finish();
}

#[test]
fn a_call_that_takes_too_long_is_answered_for_the_host() {
    let mut talk = talk(weather(), json!({"timeout_ms": 60_000}));
    talk.response("R1");
    called(&mut talk, "c1", r#"{"city":"Rome"}"#);
    talk.done("R1", "completed", None);
    talk.pass(1999);
    assert_eq!(talk.take().of("tool_timeout").len(), 0);
    talk.pass(1);
    let out = talk.take();
    assert_eq!(out.of("tool_timeout")[0]["call"]["id"], "c1", "the tool's own limit counts");
    assert_eq!(out.names(), ["conversation.item.create", "response.create"], "the conversation goes on");
    let late = talk.answer("c1", r#"{"degrees":20}"#);
    let out = talk.take();
    assert_eq!((out.completed(late).unwrap().unwrap().code.as_ref(), out.names()), ("call_over", vec![]));
    talk.finish();
}

#[test]
fn without_a_limit_of_its_own_a_tool_has_thirty_seconds() {
    let mut talk = talk(json!([{"name": "weather"}]), json!({}));
    talk.response("R1");
    called(&mut talk, "c1", "{}");
    talk.pass(29_999);
    assert_eq!(talk.take().of("tool_timeout").len(), 0);
    talk.pass(1);
    assert_eq!(talk.take().of("tool_timeout").len(), 1);
    talk.finish();
}

#[test]
fn a_long_result_is_cut_and_says_so() {
    let mut talk = talk(json!([{"name": "weather"}]), json!({}));
    talk.response("R1");
    for (call, length, cut) in [("c1", 16_384, false), ("c2", 16_385, true), ("c3", 262_144, true)] {
        called(&mut talk, call, "{}");
        talk.take();
        let op = talk.answer(call, &"x".repeat(length));
        let out = talk.take();
        let output = out.frames()[0]["item"]["output"].as_str().unwrap().to_owned();
        assert!(output.len() <= 16_384, "{length}: {}", output.len());
        assert_eq!(serde_json::from_str::<Value>(&output).is_ok(), cut, "{length}");
        assert_eq!(out.of("warning").len(), usize::from(cut), "{length}");
        talk.server("conversation.item.added", json!({"item": out.frames()[0]["item"]}));
        assert_eq!(talk.take().completed(op), Some(None));
    }
    talk.finish();
}

#[test]
fn a_result_without_measure_is_answered_with_its_size() {
    let mut talk = talk(json!([{"name": "weather"}]), json!({}));
    talk.response("R1");
    called(&mut talk, "c1", "{}");
    talk.take();
    let op = talk.answer("c1", &"x".repeat(262_145));
    let out = talk.take();
    assert_eq!(out.completed(op).unwrap().unwrap().code, "too_long");
    assert!(out.frames()[0]["item"]["output"].as_str().unwrap().contains("262145"));
    talk.finish();
}

#[test]
fn calls_of_tools_declared_elsewhere_reach_the_host_when_it_wants_them() {
    for (undeclared, reached) in [("refuse", 0), ("host", 1)] {
        let mut talk = talk(json!([]), json!({"undeclared": undeclared}));
        talk.response("R1");
        called(&mut talk, "c1", r#"{"any":"thing"}"#);
        let out = talk.take();
        assert_eq!((out.of("tool_call").len(), out.names().len()), (reached, 1 - reached), "{undeclared}");
        talk.finish();
    }
}

#[test]
fn more_than_sixteen_calls_wait_for_their_turn() {
    let mut talk = talk(json!([{"name": "weather"}]), json!({}));
    talk.response("R1");
    for n in 0..20 {
        called(&mut talk, &format!("c{n}"), "{}");
    }
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().of("tool_call").len(), 16);
    // The clock of those that wait has not begun.
    talk.pass(29_000);
    talk.answer("c0", "done");
    let next = talk.take().of("tool_call");
    assert_eq!((next.len(), &next[0]["call"]["id"]), (1, &json!("c16")));
    talk.pass(1_000);
    let out = talk.take();
    assert_eq!((out.of("tool_timeout").len(), out.of("tool_call").len()), (15, 3), "all others of the first sixteen");
    for n in 16..20 {
        talk.answer(&format!("c{n}"), "done");
    }
    let names = talk.take().names();
    assert_eq!(names.iter().filter(|n| *n == "response.create").count(), 1, "{names:?}");
    talk.finish();
}

#[test]
fn calls_of_a_connection_that_ended_are_cancelled_and_told() {
    let mut talk = talk(json!([{"name": "weather"}]), json!({}));
    talk.response("R1");
    called(&mut talk, "c1", "{}");
    called(&mut talk, "c2", "{}");
    talk.answer("c1", "done");
    let epoch = talk.epoch;
    talk.closed(None, "", None);
    let ended = talk.take().of("tool_cancelled");
    assert_eq!((ended.len(), &ended[0]["call"]["id"]), (1, &json!("c2")));
    talk.connect();
    let call = CallRef { epoch, id: "c2".into() };
    let op = talk.host(Command::SubmitToolResult { call, output: "late".into(), is_error: false });
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "stale_call");
    talk.pass(60_000);
    assert_eq!(talk.take().of("tool_timeout").len(), 0, "a call that is over has no clock");
    talk.finish();
}

#[test]
fn while_calls_run_the_vendor_hears_silence_when_asked_for() {
    let mut talk = Talk::connected(json!({"tools": [{"name": "weather"}], "tool_handling": {"mute_input": true}}));
    let loud = |talk: &mut Talk| {
        talk.microphone(20);
        talk.take().samples().iter().any(|s| *s != 0)
    };
    assert!(loud(&mut talk));
    talk.response("R1");
    called(&mut talk, "c1", "{}");
    called(&mut talk, "c2", "{}");
    assert!(!loud(&mut talk));
    talk.answer("c1", "done");
    assert!(!loud(&mut talk), "one still runs");
    talk.answer("c2", "done");
    assert!(loud(&mut talk));
    talk.finish();
}

#[test]
fn an_answer_of_the_engine_that_is_refused_is_not_sent_for_ever() {
    let mut talk = talk(weather(), json!({}));
    talk.response("R1");
    called(&mut talk, "c1", "no JSON");
    let event = talk.take().event_id("conversation.item.create");
    talk.error("invalid_value", Some(&event));
    called(&mut talk, "c2", r#"{"city":"Rome"}"#);
    talk.take();
    talk.pass(2_000);
    let out = talk.take();
    assert_eq!(out.of("tool_timeout").len(), 1);
    talk.error("invalid_value", Some(&out.event_id("conversation.item.create")));
    talk.pass(120_000);
    let out = talk.take();
    let sent = out.names().iter().filter(|n| *n == "conversation.item.create").count();
    assert_eq!((out.of("tool_timeout").len(), sent), (0, 0), "it is over");
    talk.finish();
}

#[test]
fn calls_that_wait_are_bounded_and_none_is_forgotten() {
    let mut talk = talk(json!([{"name": "weather"}]), json!({}));
    talk.response("R1");
    let mut answered = 0;
    for n in 0..1200 {
        called(&mut talk, &format!("c{n}"), "{}");
        answered += answers(&mut talk).len();
    }
    assert_eq!(answered, 1200 - 16 - 128, "what neither runs nor waits is refused at once");
    for n in 0..144 {
        talk.answer(&format!("c{n}"), "done");
        answered += answers(&mut talk).len();
    }
    assert_eq!(answered, 1200, "each is answered");
    talk.finish();
}
