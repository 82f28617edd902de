//! Changes of a running session.

use crate::{common::Talk, quiet};
use duologue::{event::OpId, session::Command};
use serde_json::{Value, json};

fn update(talk: &mut Talk, changes: Value) -> OpId {
    talk.host(Command::UpdateSession { changes })
}

/// The `session` of the only update that was sent, without its type.
fn patch(talk: &mut Talk) -> (Value, String) {
    let out = talk.take();
    let mut session = out.frames().into_iter().find(|f| f["type"] == "session.update").unwrap()["session"].take();
    assert_eq!(session["type"], "realtime", "checklist 7");
    session.as_object_mut().unwrap().remove("type");
    (session, out.event_id("session.update"))
}

fn confirm(talk: &mut Talk) {
    talk.server("session.updated", json!({"session": {"type": "realtime"}}));
}

#[test]
fn checklist_9_only_what_changes_is_sent() {
    let tools = json!([{"name": "clock"}]);
    let mut talk =
        Talk::connected(json!({"instructions": "a", "voice": "cedar", "tools": tools, "auto_capture": false}));
    let op = update(&mut talk, json!({"instructions": "b"}));
    assert_eq!(patch(&mut talk).0, json!({"instructions": "b"}));
    confirm(&mut talk);
    assert_eq!(talk.take().completed(op), Some(None));
    update(&mut talk, json!({"turn_detection": {"interrupt_response": false}}));
    let (changed, _) = patch(&mut talk);
    assert_eq!(changed["audio"]["input"]["turn_detection"]["interrupt_response"], false);
    assert!(changed["audio"].get("output").is_none() && changed.get("tools").is_none(), "{changed}");
    talk.finish();
}

#[test]
fn checklist_10_what_is_taken_away_is_cleared_as_the_vendor_wants_it() {
    let mut talk = Talk::connected(
        json!({"instructions": "a", "tools": [{"name": "f"}], "noise_reduction": "near_field", "auto_capture": false}),
    );
    update(&mut talk, json!({"instructions": null, "tools": [], "noise_reduction": null, "transcription": null}));
    let (patch, _) = patch(&mut talk);
    assert_eq!((&patch["instructions"], &patch["tools"]), (&json!(""), &json!([])));
    let input = patch["audio"]["input"].as_object().unwrap();
    assert_eq!((input.get("noise_reduction"), input.get("transcription")), (Some(&Value::Null), Some(&Value::Null)));
    talk.finish();
}

#[test]
fn a_change_that_changes_nothing_is_not_sent() {
    let mut talk = Talk::connected(json!({"instructions": "a", "auto_capture": false}));
    let op = update(&mut talk, json!({"instructions": "a"}));
    let out = talk.take();
    assert_eq!((out.completed(op), out.names()), (Some(None), vec![]));
    // Nor is what concerns only this side.
    let op = update(&mut talk, json!({"tool_handling": {"timeout_ms": 5}}));
    let out = talk.take();
    assert_eq!((out.completed(op), out.names()), (Some(None), vec![]));
    talk.finish();
}

#[test]
fn a_refused_change_is_taken_back_and_later_ones_stay() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "instructions": "a"}));
    let first = update(&mut talk, json!({"instructions": "b"}));
    let (_, event) = patch(&mut talk);
    let second = update(&mut talk, json!({"max_output_tokens": 50}));
    assert_eq!(patch(&mut talk).0, json!({"max_output_tokens": 50}));
    talk.error("invalid_value", Some(&event));
    assert_eq!(talk.take().completed(first).unwrap().unwrap().provider_code.as_deref(), Some("invalid_value"));
    confirm(&mut talk);
    assert_eq!(talk.take().completed(second), Some(None));
    // "a" is in force, 50 too.
    update(&mut talk, json!({"instructions": "b", "max_output_tokens": 50}));
    assert_eq!(patch(&mut talk).0, json!({"instructions": "b"}));
    talk.finish();
}

#[test]
fn the_next_connection_is_asked_for_what_was_changed() {
    let mut talk = Talk::connected(quiet());
    update(&mut talk, json!({"instructions": "now this"}));
    confirm(&mut talk);
    talk.closed(None, "", None);
    talk.take();
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    assert_eq!(talk.wish()["instructions"], "now this");
    talk.finish();
}

#[test]
fn the_voice_stays_once_it_was_heard() {
    let mut talk = Talk::connected(quiet());
    let op = update(&mut talk, json!({"voice": "cedar"}));
    assert_eq!(patch(&mut talk).0["audio"]["output"]["voice"], "cedar");
    confirm(&mut talk);
    assert_eq!(talk.take().completed(op), Some(None));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "hi");
    talk.take();
    let op = update(&mut talk, json!({"voice": "ash"}));
    let out = talk.take();
    assert_eq!((out.completed(op).unwrap().unwrap().code.as_ref(), out.names()), ("voice_locked", vec![]));
    let op = update(&mut talk, json!({"voice": "cedar", "instructions": "b"}));
    assert_eq!(patch(&mut talk).0, json!({"instructions": "b"}), "the same voice is no change");
    confirm(&mut talk);
    assert_eq!(talk.take().completed(op), Some(None));
    // A new connection may have another one.
    talk.closed(None, "", None);
    talk.connect();
    talk.take();
    update(&mut talk, json!({"voice": "ash"}));
    assert_eq!(patch(&mut talk).0["audio"]["output"]["voice"], "ash");
    talk.finish();
}

#[test]
fn the_speed_does_not_change_inside_a_response() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.take();
    let op = update(&mut talk, json!({"speed": 1.2}));
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "response_running");
    talk.done("R1", "completed", None);
    talk.take();
    update(&mut talk, json!({"speed": 1.2}));
    assert_eq!(patch(&mut talk).0["audio"]["output"]["speed"], 1.2);
    talk.finish();
}

#[test]
fn what_cannot_change_is_refused_by_its_path_before_anything_is_sent() {
    let mut talk = Talk::connected(quiet());
    for (changes, field) in [
        (json!({"model": "gpt-realtime-2"}), "model"),
        (json!({"provider": "openai", "base_url": "wss://elsewhere.example"}), "base_url"),
        (json!({"audio": {"input": {"rate": 8000}}}), "audio"),
        (json!({"credentials": {"source": "asked"}}), "credentials"),
        (json!({"instuctions": "typo"}), "instuctions"),
        (json!({"speed": 9}), "speed"),
        (json!([]), ""),
    ] {
        let op = update(&mut talk, changes.clone());
        let out = talk.take();
        let error = out.completed(op).unwrap().unwrap_or_else(|| panic!("{changes} was taken"));
        assert!(error.field.as_deref().unwrap_or_default().starts_with(field), "{changes}: {error:?}");
        assert_eq!(out.names(), [""; 0], "{changes}");
    }
    talk.finish();
}

#[test]
fn a_change_nobody_confirms_ends_once() {
    let mut talk = Talk::connected(quiet());
    let op = update(&mut talk, json!({"instructions": "b"}));
    let (_, event) = patch(&mut talk);
    talk.pass(15_000);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "unacknowledged");
    // Whatever comes later.
    talk.error("invalid_value", Some(&event));
    confirm(&mut talk);
    assert_eq!(talk.take().completed(op), None);
    talk.finish();
}

#[test]
fn declared_tools_change_with_the_session() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    update(&mut talk, json!({"tools": [{"name": "g"}]}));
    confirm(&mut talk);
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.call("R1", "F2", "call_2", "g", "{}");
    let calls = talk.take().of("tool_call");
    assert_eq!((calls.len(), &calls[0]["name"]), (1, &json!("g")), "f is gone");
    talk.finish();
}

/// The wish of the next connection.
fn next_wish(talk: &mut Talk) -> Value {
    talk.closed(None, "", None);
    talk.take();
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    talk.wish()
}

#[test]
fn a_change_that_rests_on_one_that_is_refused_is_made_all_the_same() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "instructions": "a"}));
    let first = update(&mut talk, json!({"instructions": "b"}));
    let (_, event) = patch(&mut talk);
    // Nothing of it would have to be sent, were the first confirmed.
    let second = update(&mut talk, json!({"instructions": "b", "max_output_tokens": 50}));
    let third = update(&mut talk, json!({"speed": 1.1}));
    talk.error("invalid_value", Some(&event));
    let out = talk.take();
    assert!(out.completed(first).unwrap().is_some() && out.completed(second).is_none());
    let sent: Vec<_> = out.frames().into_iter().map(|mut f| f["session"].take()).collect();
    assert_eq!(sent[0], json!({"type": "realtime", "instructions": "b", "max_output_tokens": 50}));
    assert_eq!(sent[1], json!({"type": "realtime", "audio": {"output": {"speed": 1.1}}}));
    confirm(&mut talk);
    confirm(&mut talk);
    let out = talk.take();
    assert_eq!((out.completed(second), out.completed(third)), (Some(None), Some(None)));
    assert_eq!(next_wish(&mut talk)["instructions"], "b");
    talk.finish();
}

#[test]
fn changes_that_wait_for_another_end_with_the_connection() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "instructions": "a"}));
    update(&mut talk, json!({"instructions": "b"}));
    let waiting = update(&mut talk, json!({"instructions": "a"}));
    assert_eq!(patch(&mut talk).0, json!({"instructions": "b"}));
    talk.closed(None, "", None);
    assert!(crate::cancelled(talk.take().completed(waiting)));
    talk.finish();
}

#[test]
fn changes_that_wait_for_one_nobody_confirms_are_made_and_bounded() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "instructions": "a"}));
    update(&mut talk, json!({"instructions": "b"}));
    talk.take();
    let waiting = update(&mut talk, json!({"instructions": "a"}));
    let more: Vec<_> = (0..63).map(|n| update(&mut talk, json!({"instructions": format!("{n}")}))).collect();
    assert_eq!(talk.take().completed(more[62]), None);
    let over = update(&mut talk, json!({"speed": 1.1}));
    assert_eq!(talk.take().completed(over).unwrap().unwrap().code, "too_many_requests");
    talk.pass(15_000);
    // Whichever of the two is in force.
    let session = talk.take().frames()[0]["session"].take();
    assert_eq!(session["instructions"], "a");
    confirm(&mut talk);
    talk.server("session.updated", json!({"session": {"instructions": "a"}}));
    assert_eq!(talk.take().completed(waiting), Some(None));
    talk.finish();
}

#[test]
fn what_concerns_only_this_side_survives_a_refusal() {
    let tools = json!([{"name": "f"}]);
    let mut talk = Talk::connected(json!({"auto_capture": false, "instructions": "a", "tools": tools}));
    update(&mut talk, json!({"instructions": "b"}));
    let (_, event) = patch(&mut talk);
    let op = update(&mut talk, json!({"tool_handling": {"timeout_ms": 1000}}));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.error("invalid_value", Some(&event));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.take();
    talk.pass(1000);
    assert_eq!(talk.take().of("tool_timeout").len(), 1);
    talk.finish();
}

#[test]
fn what_the_model_lacks_stays_left_out_after_a_refusal() {
    let mut talk = Talk::connected(
        json!({"auto_capture": false, "strict": false, "model": "gpt-realtime-1.5", "instructions": "a"}),
    );
    update(&mut talk, json!({"reasoning_effort": "low", "max_output_tokens": 50}));
    assert_eq!(patch(&mut talk).0, json!({"max_output_tokens": 50}));
    update(&mut talk, json!({"instructions": "b"}));
    let (_, event) = patch(&mut talk);
    confirm(&mut talk);
    talk.error("invalid_value", Some(&event));
    let wish = next_wish(&mut talk);
    assert_eq!((&wish["instructions"], &wish["max_output_tokens"]), (&json!("a"), &json!(50)));
    assert!(wish.get("reasoning").is_none(), "{wish}");
    talk.finish();
}

#[test]
fn a_lost_confirmation_is_not_taken_from_later_changes() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "instructions": "a"}));
    update(&mut talk, json!({"instructions": "b"}));
    talk.pass(15_000);
    talk.take();
    for n in [50, 60] {
        let op = update(&mut talk, json!({"max_output_tokens": n}));
        talk.server("session.updated", json!({"session": {"instructions": "b", "max_output_tokens": n}}));
        assert_eq!(talk.take().completed(op), Some(None), "the vendor says that it is in force");
    }
    talk.finish();
}

#[test]
fn a_late_word_about_the_first_configuration_confirms_no_change() {
    let mut talk = Talk::new(json!({"auto_capture": false, "instructions": "a"}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    talk.pass(5_000);
    talk.take();
    let op = update(&mut talk, json!({"instructions": "b"}));
    let (_, event) = patch(&mut talk);
    talk.server("session.updated", json!({"session": {"instructions": "a"}}));
    assert_eq!(talk.take().completed(op), None);
    talk.error("invalid_value", Some(&event));
    assert!(talk.take().completed(op).unwrap().is_some());
    assert_eq!(next_wish(&mut talk)["instructions"], "a");
    talk.finish();
}

#[test]
fn a_change_nobody_confirms_does_not_end_again_with_the_connection() {
    let mut talk = Talk::connected(quiet());
    let op = update(&mut talk, json!({"instructions": "b"}));
    talk.pass(15_000);
    assert!(talk.take().completed(op).is_some());
    talk.closed(None, "", None);
    assert_eq!(talk.take().completed(op), None);
    talk.finish();
}
