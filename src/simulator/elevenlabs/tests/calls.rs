//! Tools: the client's, those of servers, and hanging up.

use super::bench::{Bench, all, error_of, kinds, number, said};
use crate::simulator::tests::client::{clip, silence};
use serde_json::{Value, json};
use std::time::Duration;

fn call(name: &str) -> Value {
    json!({"call": {"name": name, "arguments": {"city": "Paris"}}})
}

fn turns(reply: Value) -> Value {
    json!([{"hear": "one", "reply": reply, "after_tool": [{"say": "Done."}]}, {"hear": "two", "reply": [{"say": "Next."}]}])
}

fn result(call: &Value, result: &str) -> Value {
    let id = &call["client_tool_call"]["tool_call_id"];
    json!({"type": "client_tool_result", "tool_call_id": id, "result": result, "is_error": false})
}

fn response(events: &[Value]) -> &Value {
    &all(events, "agent_tool_response").pop().unwrap()["agent_tool_response"]
}

#[test]
fn a_call_and_its_answer_have_one_number() {
    let mut bench = Bench::of(turns(json!([{"say": "One moment."}, call("weather")])));
    bench.type_text("one");
    let mut events = bench.until("client_tool_call");
    let asked = events.last().unwrap().clone();
    let body = &asked["client_tool_call"];
    assert_eq!((&body["tool_name"], &body["parameters"]), (&json!("weather"), &json!({"city": "Paris"})));
    assert_eq!(body["expects_response"], true);
    let request = &all(&events, "agent_tool_request")[0]["agent_tool_request"];
    assert_eq!((&request["tool_type"], &request["response_timeout_secs"]), (&json!("client"), &json!(20)));
    assert!(bench.wait(Duration::from_secs(5)).is_empty(), "nothing else follows");
    bench.send(result(&asked, "18 degrees"));
    events.extend(bench.reply());
    assert_eq!(said(&events), ["One moment.", "Done."]);
    assert!(events.iter().all(|event| number(event) == 1));
    assert_eq!(all(&events, "context_usage").len(), 1, "once a reply");
    let acknowledged = response(&events);
    assert_eq!((&acknowledged["is_error"], &acknowledged["is_called"]), (&json!(false), &json!(true)));
    // The same once more, and one for nobody, are of no consequence.
    bench.send(result(&asked, "19 degrees"));
    bench.send(json!({"type": "client_tool_result", "tool_call_id": "?", "result": "", "is_error": true}));
    assert!(bench.wait(Duration::from_secs(5)).is_empty() && bench.closed().is_none());
}

#[test]
fn parallel_calls_wait_for_each_other() {
    let mut bench = Bench::of(turns(json!([call("a"), call("b")])));
    bench.type_text("one");
    bench.until("client_tool_call");
    let second = bench.sent().pop().unwrap();
    assert_eq!(second["client_tool_call"]["tool_name"], "b", "back to back");
    bench.send(result(&second, "2"));
    let events = bench.wait(Duration::from_secs(5));
    assert_eq!(kinds(&events), ["agent_tool_response"]);
    // The other one is given up after 20 seconds.
    let events = bench.reply();
    assert_eq!((&response(&events)["tool_name"], &response(&events)["is_error"]), (&json!("a"), &json!(true)));
    assert_eq!((said(&events), bench.time() >= Duration::from_secs(20)), (vec!["Done."], true));
}

#[test]
fn what_is_no_result_ends_the_conversation() {
    for (field, value, error) in [
        ("result", json!({"a": 1}), "value_error"),
        ("result", Value::Null, "value_error"),
        ("is_error", json!("no"), "value_error"),
        ("tool_call_id", json!(7), "value_error"),
        ("error_type", json!("mine"), "value_error"),
        ("tool_call_id", json!("-"), "missing_fields"),
        ("is_error", json!("-"), "missing_fields"),
    ] {
        let mut bench = Bench::of(turns(json!([call("a")])));
        bench.type_text("one");
        let asked = bench.until("client_tool_call").pop().unwrap();
        let mut answer = result(&asked, "1");
        match error {
            "missing_fields" => drop(answer.as_object_mut().unwrap().remove(field)),
            _ => answer[field] = value,
        }
        bench.send(answer);
        assert_eq!(error_of(&bench.sent()).as_deref(), Some(error), "{field}");
        let (code, reason) = bench.closed().unwrap();
        assert!(code == 1008 && reason.contains(field), "{code} {reason}");
    }
}

#[test]
fn who_rejects_a_call_has_not_made_it() {
    let mut bench = Bench::of(turns(json!([call("a")])));
    bench.type_text("one");
    let asked = bench.until("client_tool_call").pop().unwrap();
    let mut answer = result(&asked, "no");
    answer["error_type"] = json!("user_rejected");
    bench.send(answer);
    let events = bench.reply();
    assert_eq!((&response(&events)["is_error"], &response(&events)["is_called"]), (&json!(true), &json!(false)));
}

#[test]
fn a_tool_that_nobody_waits_for_is_not_waited_for() {
    let agent = json!({"tools": {"note": {"type": "client", "expects_response": false}}});
    let reply = json!([call("note"), {"say": "Noted."}]);
    let mut bench = Bench::begun(json!({"turns": turns(reply), "agent": agent}), json!({}));
    bench.type_text("one");
    let events = bench.reply();
    assert_eq!(said(&events), ["Noted."]);
    assert_eq!(all(&events, "client_tool_call")[0]["client_tool_call"]["expects_response"], false);
}

#[test]
fn whoever_speaks_ends_the_wait_for_a_tool() {
    let mut bench = Bench::of(turns(json!([call("a")])));
    bench.type_text("one");
    let asked = bench.until("client_tool_call").pop().unwrap();
    bench.speak(&clip("question2"));
    bench.speak(&silence(1000));
    assert_eq!(kinds(&bench.sent()), ["interruption"]);
    bench.send(result(&asked, "late"));
    assert_eq!(bench.words(), "Next.");

    // Unless the tool must not be interrupted.
    let agent = json!({"tools": {"a": {"disable_interruptions": true}}});
    let mut bench = Bench::begun(json!({"turns": turns(json!([call("a")])), "agent": agent}), json!({}));
    bench.type_text("one");
    let asked = bench.until("client_tool_call").pop().unwrap();
    bench.speak(&clip("question2"));
    bench.speak(&silence(1000));
    assert!(bench.sent().is_empty());
    bench.send(result(&asked, "good"));
    assert_eq!((bench.words(), bench.words()), ("Done.".to_owned(), "Next.".to_owned()));
}

#[test]
fn tools_of_servers_run_by_themselves() {
    let agent = json!({"tools": {"look_up": {"type": "webhook", "result": "found"},
        "broken": {"type": "webhook", "fails": true, "result": "no route"}}});
    let reply = json!([call("look_up"), call("broken")]);
    let events = json!({"conversation": {"client_events":
        ["conversation_initiation_metadata", "agent_tool_response_full_payload", "agent_tool_response",
         "agent_tool_request", "agent_response", "agent_response_complete"]}});
    let mut bench = Bench::begun(json!({"turns": turns(reply), "agent": agent}), events);
    bench.type_text("one");
    let events = bench.reply();
    assert_eq!(
        kinds(&events),
        ["agent_tool_request", "agent_tool_response_full_payload", "agent_response", "agent_response_complete"]
    );
    let told: Vec<(&str, bool)> = all(&events, "agent_tool_response_full_payload")
        .into_iter()
        .map(|event| &event["agent_tool_response_full_payload"])
        .map(|body| (body["full_tool_result"].as_str().unwrap(), body["is_error"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [("found", false), ("no route", true)]);
}

#[test]
fn an_mcp_server_is_asked_when_the_client_approves() {
    let agent =
        json!({"tools": {"search": {"type": "mcp", "approval": true, "approval_timeout_s": 5, "result": "hit"}}});
    let states = |events: &[Value]| -> Vec<String> {
        let calls = all(events, "mcp_tool_call").into_iter();
        calls.map(|event| event["mcp_tool_call"]["state"].as_str().unwrap().to_owned()).collect()
    };
    for (approved, wanted) in [
        (Some(true), vec!["awaiting_approval", "loading", "success"]),
        (Some(false), vec!["awaiting_approval", "failure"]),
        (None, vec!["awaiting_approval", "failure"]),
    ] {
        let scenario = json!({"turns": turns(json!([call("search")])), "agent": agent});
        let mut bench = Bench::begun(scenario, json!({}));
        bench.type_text("one");
        let mut events = bench.until("mcp_tool_call");
        let asked = events.last().unwrap()["mcp_tool_call"].clone();
        assert_eq!(asked["approval_timeout_secs"], 5);
        if let Some(approved) = approved {
            for word in [approved, !approved] {
                let id = &asked["tool_call_id"];
                bench.send(json!({"type": "mcp_tool_approval_result", "tool_call_id": id, "is_approved": word}));
            }
        }
        events.extend(bench.reply());
        assert_eq!(states(&events), wanted, "{approved:?}");
        assert_eq!(said(&events), ["Done."]);
        let end = all(&events, "mcp_tool_call").pop().unwrap();
        assert_eq!(end["mcp_tool_call"].get("result").is_some(), approved == Some(true));
        assert_eq!(response(&events)["is_called"], approved == Some(true));
    }
}

#[test]
fn the_agent_hangs_up_when_it_has_been_heard() {
    let reply = json!([{"say": "Good bye."}, {"call": {"name": "end_call"}}]);
    let mut bench = Bench::of(turns(reply));
    bench.type_text("one");
    let mut events = bench.until("agent_tool_response");
    assert_eq!(response(&events)["tool_name"], "end_call");
    assert_eq!(response(&events)["tool_type"], "system");
    let told = bench.time();
    // Nobody interrupts who has said good bye.
    bench.type_text("wait");
    events.extend(bench.until_closed());
    assert_eq!(bench.closed().unwrap().0, 1000);
    assert!(bench.time() > told + Duration::from_millis(400), "what was said is played");
    assert_eq!((said(&events), error_of(&events)), (vec!["Good bye."], None));
}

#[test]
fn the_tools_can_be_narrowed_down() {
    let reply = json!([call("a"), call("b")]);
    let overrides = json!({"agent": {"prompt": {"tool_ids": ["tool_b"]}}});
    let mut bench = Bench::begun(json!({"turns": turns(reply)}), overrides);
    bench.type_text("one");
    let events = bench.until("client_tool_call");
    assert_eq!(events.last().unwrap()["client_tool_call"]["tool_name"], "b");
    assert_eq!(all(&bench.wait(Duration::from_secs(1)), "client_tool_call").len(), 0);
}

#[test]
fn arguments_that_are_none_never_leave() {
    let broken = json!({"call": {"name": "a", "raw_arguments": "{\"city\":"}});
    let mut bench = Bench::of(turns(json!([broken])));
    bench.type_text("one");
    let events = bench.reply();
    assert!(all(&events, "client_tool_call").is_empty());
    assert_eq!((&response(&events)["is_called"], said(&events)), (&json!(false), vec!["Done."]));
}
