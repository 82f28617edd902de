//! Tool calls: run once, answered once, one follow-up.

use crate::common::Talk;
use duologue::{message::CallRef, session::Command};
use serde_json::json;

// Tools.
#[test]
fn checklist_32_a_call_runs_once_and_only_when_complete() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    let item = |status: &str| json!({"id": "F1", "type": "function_call", "status": status, "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"});
    talk.response("R1");
    talk.server("response.output_item.added", json!({"response_id": "R1", "item": item("in_progress")}));
    talk.server(
        "response.function_call_arguments.done",
        json!({"response_id": "R1", "item_id": "F1", "call_id": "call_1", "arguments": "{\"a\":1}", "name": "f"}),
    );
    talk.server("response.output_item.done", json!({"response_id": "R1", "item": item("incomplete")}));
    assert_eq!(talk.take().of("tool_call").len(), 0);
    talk.server("response.output_item.done", json!({"response_id": "R1", "item": item("completed")}));
    talk.server("conversation.item.done", json!({"item": item("completed")}));
    talk.server("response.output_item.done", json!({"response_id": "R1", "item": item("completed")}));
    talk.server(
        "response.done",
        json!({"response": {"id": "R1", "status": "completed", "output": [item("completed")]}}),
    );
    let calls = talk.take().of("tool_call");
    assert_eq!((calls.len(), &calls[0]["arguments"]), (1, &json!("{\"a\":1}")));
    talk.finish();
}

#[test]
fn a_call_whose_own_events_were_lost_is_found_in_the_summary() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    let call = json!({"id": "F1", "type": "function_call", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"});
    talk.response("R1");
    talk.server("response.done", json!({"response": {"id": "R1", "status": "completed", "output": [call.clone()]}}));
    assert_eq!(talk.take().of("tool_call").len(), 1);
    // Not of a cancelled one.
    talk.response("R2");
    let mut other = call;
    other["call_id"] = "c2".into();
    talk.server("response.done", json!({"response": {"id": "R2", "status": "cancelled", "output": [other]}}));
    assert_eq!(talk.take().of("tool_call").len(), 0);
    talk.finish();
}

#[test]
fn checklist_33_all_results_get_one_follow_up() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    for n in 1..=3 {
        talk.call("R1", &format!("F{n}"), &format!("call_{n}"), "f", "{}");
    }
    talk.take();
    talk.answer("call_2", "two");
    talk.done("R1", "completed", None);
    talk.answer("call_1", "one");
    assert_eq!(talk.take().names(), ["conversation.item.create"; 2], "the third is missing");
    let op = talk.answer("call_3", "three");
    let out = talk.take();
    assert_eq!(out.names(), ["conversation.item.create", "response.create"]);
    let (request, event) = (out.request(), out.event_id("conversation.item.create"));
    talk.response_for("R2", Some(&request));
    talk.done("R2", "completed", None);
    assert_eq!(talk.take().names(), [""; 0]);
    // Refused results may be given again.
    talk.error("invalid_value", Some(&event));
    assert!(talk.take().completed(op).unwrap().is_some());
    assert!(talk.answer("call_3", "three, in other words").0 > op.0);
    assert_eq!(talk.take().names(), ["conversation.item.create"]);
    talk.finish();
}

#[test]
fn checklist_33_a_result_given_early_does_not_start_the_follow_up() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.answer("call_1", "one");
    talk.call("R1", "F2", "call_2", "f", "{}");
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().names(), ["conversation.item.create"], "the second result is missing");
    talk.answer("call_2", "two");
    assert_eq!(talk.take().names(), ["conversation.item.create", "response.create"]);
    talk.finish();
}

#[test]
fn a_cancelled_response_gets_no_follow_up() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.take();
    talk.answer("call_1", "one");
    assert_eq!(talk.take().names(), ["conversation.item.create"], "the user has the word");
    talk.finish();
}

#[test]
fn checklist_35_any_output_is_a_string_on_the_wire() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    let outputs = ["{\"a\":[1,2]}", "plain \"words\"\n", "", "null", "\u{0}é"];
    for (n, output) in outputs.iter().enumerate() {
        talk.call("R1", &format!("F{n}"), &format!("call_{n}"), "f", "{}");
        talk.take();
        talk.answer(&format!("call_{n}"), output);
        assert_eq!(talk.take().frames()[0]["item"]["output"], *output);
    }
    talk.finish();
}

#[test]
fn a_call_nobody_can_run_is_answered_with_an_error() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "g", "{}");
    talk.done("R1", "completed", None);
    let out = talk.take();
    assert_eq!((out.of("tool_call").len(), out.complaints()), (0, vec!["tool_refused".to_owned()]));
    assert_eq!(out.names(), ["conversation.item.create", "response.create"]);
    assert!(out.frames()[0]["item"]["output"].as_str().unwrap().contains("error"));
    talk.finish();
}

#[test]
fn a_call_of_an_earlier_connection_is_not_answered_on_a_new_one() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "completed", None);
    talk.closed(Some(1000), "", None);
    talk.connect();
    talk.take();
    let call = CallRef { epoch: 1, id: "call_1".into() };
    let op = talk.host(Command::SubmitToolResult { call, output: "late".into(), is_error: false });
    let out = talk.take();
    assert!(matches!(out.completed(op), Some(Some(e)) if e.code == "stale_call"));
    assert_eq!(out.names(), [""; 0], "neither a result nor a follow-up");
    talk.finish();
}

/// A vendor that has no word for it is not asked to speak of a silent result; of one that is to be heard at once it is,
/// and what it is saying is cut off.
#[test]
fn results_are_scheduled_by_asking_then_or_not_at_all() {
    for (wish, other, asked, cut) in [
        ("silent", "silent", false, false),
        ("silent", "wait", true, false),
        ("when_idle", "when_idle", true, false),
        ("interrupt", "silent", true, true),
    ] {
        let tools = json!([{"name": "f", "scheduling": wish}, {"name": "g", "scheduling": other}]);
        let mut talk = Talk::connected(json!({"auto_capture": false, "tools": tools}));
        talk.response("R1");
        talk.call("R1", "F1", "call_1", "f", "{}");
        talk.call("R1", "F2", "call_2", "g", "{}");
        talk.done("R1", "completed", None);
        // Meanwhile the user asked something else.
        talk.response("R2");
        talk.item("R2", "M2", None, "message");
        talk.part("R2", "M2", 0, "audio");
        talk.speech("R2", "M2", 0, 300, "It is");
        talk.plays(100);
        talk.take();
        talk.answer("call_2", "two");
        talk.answer("call_1", "one");
        let sent = talk.take().names();
        assert_eq!(sent.iter().any(|name| name == "response.cancel"), cut, "{wish}: {sent:?}");
        talk.done("R2", if cut { "cancelled" } else { "completed" }, None);
        let sent: Vec<_> = sent.into_iter().chain(talk.take().names()).collect();
        assert_eq!(sent.iter().filter(|name| *name == "response.create").count(), asked as usize, "{wish}: {sent:?}");
        talk.finish();
    }
}
