//! One response at a time, and what is audible of it.

use crate::common::Talk;
use crate::{ask, cancelled, quiet, spoken};
use duologue::session::Command;
use serde_json::json;

// Responses.
#[test]
fn checklist_21_24_a_request_waits_for_the_running_response() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    let (one, two) = (ask(&mut talk), ask(&mut talk));
    talk.host(Command::Interrupt);
    assert_eq!(talk.take().names(), ["response.cancel"], "cancel, and create only after response.done");
    talk.done("R0", "completed", None);
    assert_eq!(talk.take().names(), [""; 0], "another response's end does not free the way");
    talk.done("R1", "cancelled", Some("client_cancelled"));
    let request = talk.take().request();
    talk.response_for("R2", Some(&request));
    let out = talk.take();
    assert_eq!((out.completed(one), out.completed(two), out.names()), (Some(None), None, vec![]));
    talk.done("R2", "completed", None);
    let request = talk.take().request();
    talk.response_for("R3", Some(&request));
    assert_eq!(talk.take().completed(two), Some(None));
    talk.finish();
}

#[test]
fn checklist_22_a_refused_request_is_asked_again_without_an_error() {
    for named in [true, false] {
        let mut talk = Talk::connected(quiet());
        let op = ask(&mut talk);
        let out = talk.take();
        let (request, event) = (out.request(), out.event_id("response.create"));
        talk.response("VAD");
        talk.error("conversation_already_has_active_response", named.then_some(&event));
        let out = talk.take();
        assert_eq!((out.complaints(), out.completed(op)), (vec![], None));
        talk.done("VAD", "completed", None);
        assert_eq!(talk.take().request(), request);
        assert_eq!(talk.session.stats().benign_errors, 1);
        talk.finish();
    }
}

#[test]
fn checklist_23_nothing_to_cancel_is_no_error() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.host(Command::Interrupt);
    let event = talk.take().event_id("response.cancel");
    talk.done("R1", "completed", None);
    talk.error("response_cancel_not_active", Some(&event));
    assert_eq!((talk.take().complaints(), talk.session.stats().benign_errors), (vec![], 1));
    talk.finish();
}

#[test]
fn checklist_26_a_request_given_up_is_cancelled_when_it_begins_late() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk);
    let request = talk.take().request();
    talk.host(Command::Interrupt);
    assert!(cancelled(talk.take().completed(op)), "the command that asked ends here");
    talk.response_for("R1", Some(&request));
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 500, "too late");
    let out = talk.take();
    assert_eq!(out.frames()[0], json!({"type": "response.cancel", "response_id": "R1"}));
    assert_eq!(out.played_ms(), 0);
    talk.done("R1", "cancelled", Some("client_cancelled"));
    // The way is free again.
    ask(&mut talk);
    talk.take().request();
    talk.finish();
}

#[test]
fn a_refused_request_that_was_given_up_is_not_asked_again() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk);
    talk.host(Command::Interrupt);
    talk.error("conversation_already_has_active_response", None);
    talk.pass(60_000);
    let out = talk.take();
    assert_eq!(out.names(), ["response.create"]);
    assert!(cancelled(out.completed(op)));
    talk.finish();
}

#[test]
fn checklist_26_a_request_nobody_answers_fails_and_frees_the_way() {
    let mut talk = Talk::connected(quiet());
    let (one, two) = (ask(&mut talk), ask(&mut talk));
    let request = talk.take().request();
    talk.pass(14_999);
    assert_eq!(talk.take().names(), [""; 0]);
    talk.pass(1);
    let out = talk.take();
    assert!(matches!(out.completed(one), Some(Some(e)) if e.code == "unanswered" && e.retryable));
    let second = out.request();
    talk.response_for("late", Some(&request));
    assert_eq!(talk.take().frames(), [json!({"type": "response.cancel", "response_id": "late"})]);
    talk.done("late", "cancelled", None);
    talk.response_for("R2", Some(&second));
    assert_eq!(talk.take().completed(two), Some(None));
    talk.finish();
}

#[test]
fn checklist_27_an_end_without_a_beginning_is_fine() {
    let mut talk = Talk::connected(quiet());
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.done("R1", "cancelled", Some("turn_detected"));
    let out = talk.take();
    assert_eq!((out.of("generation_done").len(), out.of("turn_done").len(), out.complaints().len()), (1, 1, 0));
    spoken(&mut talk, "R2", "A2", None);
    assert_eq!(talk.take().of("turn_done").len(), 1);
    talk.finish();
}

#[test]
fn checklist_28_a_failed_response_is_an_error_without_an_error_event() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    let failed = |code: &str| {
        json!({"response": {"id": "R1", "status": "failed", "output": [], "usage": null, "status_details":
            {"type": "failed", "error": {"type": "server_error", "code": code, "message": "it broke"}}}})
    };
    talk.server("response.done", failed("server_error"));
    let out = talk.take();
    assert_eq!((&out.of("error")[0]["message"], &out.of("error")[0]["fatal"]), (&json!("it broke"), &json!(false)));
    talk.response("R1");
    talk.finish();

    // No use in going on.
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.server("response.done", failed("insufficient_quota"));
    let out = talk.take();
    assert_eq!((&out.of("error")[0]["class"], &out.of("error")[0]["fatal"]), (&json!("quota"), &json!(true)));
    talk.closed(None, "", None);
    talk.finish();
}

#[test]
fn checklist_29_why_a_response_is_incomplete_is_told() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.done("R1", "incomplete", Some("content_filter"));
    let out = talk.take();
    assert_eq!(out.of("turn_done")[0]["reason"], "content_filter");
    assert_eq!(
        (&out.of("warning")[0]["code"], &out.of("warning")[0]["provider_code"]),
        (&json!("response_incomplete"), &json!("content_filter"))
    );
    talk.finish();
}

#[test]
fn checklist_30_several_messages_and_calls_in_one_response() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 100, "one moment");
    talk.item_done("R1", "A1", 0, "one moment");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.call("R1", "F2", "call_2", "f", "{}");
    talk.item("R1", "A2", Some("F2"), "audio");
    talk.speech("R1", "A2", 0, 100, "nearly there");
    talk.item_done("R1", "A2", 0, "nearly there");
    talk.done("R1", "completed", None);
    talk.plays(200);
    let out = talk.take();
    assert_eq!((out.of("tool_call").len(), out.of("playback_finished").len(), out.of("turn_done").len()), (2, 2, 1));
    assert_eq!(talk.order(), ["A1", "F1", "F2", "A2"]);
    talk.finish();
}

#[test]
fn checklist_44_speaking_is_what_is_audible() {
    let mut talk = Talk::connected(quiet());
    let agents = |talk: &mut Talk| -> Vec<String> {
        talk.take().of("mode").iter().map(|m| m["agent"].as_str().unwrap().to_owned()).collect()
    };
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "words");
    assert_eq!(agents(&mut talk), ["thinking"]);
    // Generation is over before anything is heard.
    talk.item_done("R1", "A1", 0, "words");
    talk.done("R1", "completed", None);
    assert_eq!(agents(&mut talk), [""; 0], "still waiting for the speaker");
    talk.plays(20);
    assert_eq!(agents(&mut talk), ["speaking"]);
    talk.plays(979);
    assert_eq!(agents(&mut talk), [""; 0]);
    talk.plays(1);
    assert_eq!(agents(&mut talk), ["idle"]);
    talk.finish();
}

/// What was heard does not depend on time.
#[test]
fn checklist_37_a_stall_moves_nothing() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 500, "words words words words");
    talk.plays(700);
    talk.pass(2000);
    talk.user_speaks("U2", 100);
    talk.flushes();
    assert_eq!(talk.take().frames().last().unwrap()["audio_end_ms"], 500);
    talk.finish();
}
