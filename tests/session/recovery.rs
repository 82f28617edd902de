//! What becomes of a conversation whose connection is lost, in virtual time (FAULTS rows 1 to 12, 17, 26, 30).

use super::losses::{asked, cut, status, talk, told, with};
use crate::common::Talk;
use duologue::{
    error::{Error, ErrorClass},
    event::{OpId, Status},
    message::{Message, MessageState, Part, ToolCallState},
    session::{Command, Input, Output},
};
use serde_json::{Value, json};

fn error(class: ErrorClass, code: &'static str) -> Error {
    Error::new(class, code, "as the test wants it")
}

fn texts(items: &[Value]) -> Vec<(String, String)> {
    let text = |i: &Value| i["content"][0]["text"].as_str().or(i["output"].as_str()).unwrap_or_default().to_owned();
    items.iter().map(|i| (i["role"].as_str().or(i["type"].as_str()).unwrap_or_default().to_owned(), text(i))).collect()
}

fn pair(role: &str, text: &str) -> (String, String) {
    (role.into(), text.into())
}

fn heard(message: &Message) -> Option<(String, u64)> {
    match message.parts.first() {
        Some(Part::Audio { heard_transcript, heard_ms, .. }) => {
            Some((heard_transcript.clone().unwrap_or_default(), *heard_ms))
        }
        _ => None,
    }
}

/// A user turn whose words are known, and its answer played to its end.
fn turn(talk: &mut Talk, n: u32, question: &str, answer: &str) {
    let (user, response, item) = (format!("U{n}"), format!("R{n}"), format!("A{n}"));
    asked(talk, &user, question);
    talk.response(&response);
    talk.item(&response, &item, Some(&user), "audio");
    talk.speech(&response, &item, 0, 1000, answer);
    talk.item_done(&response, &item, 0, answer);
    talk.done(&response, "completed", None);
    talk.plays(1000);
}

#[test]
fn row_1_what_came_plays_on_and_what_was_heard_is_what_the_next_session_knows() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 1000, "Once upon a time there was a king who had three daughters and");
    talk.plays(400);
    talk.take();
    cut(&mut talk);
    assert_eq!(status(&talk)["status"], "reconnecting");
    assert_eq!(status(&talk)["phase"], "dial", "the session was a good one: the first try comes at once");
    let out = talk.take();
    assert_eq!(out.flushes(), 0, "what came is still to be heard");
    assert_eq!(out.of("generation_done")[0]["reason"], "connection_lost");
    talk.plays(600);
    talk.reconnected();
    let out = talk.take();
    let message = talk.message("A1").unwrap();
    let (words, ms) = heard(message).unwrap();
    assert_eq!((ms, message.interrupted, message.state), (1000, true, MessageState::Incomplete));
    assert!("Once upon a time there was a king".starts_with(&words) && words.len() > 5, "1 s of speech: {words:?}");
    let items = told(&out);
    assert_eq!(texts(&items), [pair("user", "Tell me a story."), pair("assistant", &words)]);
    assert_eq!((&items[0]["id"], &items[1]["id"]), (&json!("U1"), &json!("A1")));
    assert_eq!(items[1]["content"][0]["type"], "output_text", "checklist 53");
    assert!(!out.names().contains(&"response.create".into()), "enough of the answer was heard");
    let replaced = &out.of("session_replaced")[0];
    assert_eq!(
        (&replaced["why"], &replaced["context"], &replaced["gap_ms"]),
        (&json!("reconnect"), &json!("full"), &json!(0))
    );
    assert_eq!(talk.order(), ["U1", "A1"]);
    talk.finish();
}

#[test]
fn an_answer_of_which_hardly_anything_came_is_asked_for_once_more() {
    let mut talk = talk();
    asked(&mut talk, "U1", "How are you?");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 200, "I am");
    talk.plays(100);
    cut(&mut talk);
    assert_eq!(talk.take().flushes(), 1, "it will be said from the beginning");
    talk.flushes();
    talk.reconnected();
    let out = talk.take();
    out.request();
    assert_eq!(texts(&told(&out))[0], pair("user", "How are you?"));
    assert_eq!(out.names().iter().filter(|n| *n == "response.create").count(), 1);
    talk.finish();
}

#[test]
fn a_question_that_was_not_answered_yet_is() {
    let mut talk = talk();
    asked(&mut talk, "U1", "How are you?");
    cut(&mut talk);
    talk.reconnected();
    talk.take().request();
    talk.finish();
}

#[test]
fn nothing_is_asked_for_after_an_answer_that_was_heard() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(texts(&told(&out)), [pair("user", "Hello."), pair("assistant", "Hello to you, what can I do?")]);
    assert!(!out.names().contains(&"response.create".into()));
    talk.pass(60_000);
    assert!(!talk.take().names().contains(&"response.create".into()));
    talk.finish();
}

#[test]
fn checklist_55_a_request_on_its_way_is_asked_once_on_each_connection() {
    let mut talk = talk();
    let op = talk.say("Hello.", false);
    let out = talk.take();
    assert_eq!(out.names(), ["conversation.item.create", "response.create"]);
    cut(&mut talk);
    assert_eq!(talk.take().completed(op), None, "it is not lost");
    talk.reconnected();
    let out = talk.take();
    assert_eq!(out.names(), ["session.update", "conversation.item.create", "response.create"]);
    assert_eq!((out.completed(op), talk.order().len()), (Some(None), 1));
    talk.finish();
}

#[test]
fn row_30_a_tool_that_ends_without_a_connection_is_told_with_its_call() {
    let mut talk = talk();
    asked(&mut talk, "U1", "What time is it?");
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "clock", "{}");
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().of("tool_call").len(), 1);
    cut(&mut talk);
    let out = talk.take();
    assert_eq!(out.of("tool_cancelled").len(), 0, "it goes on");
    let call = duologue::message::CallRef { epoch: 1, id: "call_1".into() };
    let op = talk.host(Command::SubmitToolResult { call: call.clone(), output: "noon".into(), is_error: false });
    talk.reconnected();
    let out = talk.take();
    let items = told(&out);
    let kinds: Vec<_> = items.iter().map(|i| i["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call_output"]);
    assert_eq!(
        (&items[1]["call_id"], &items[2]["call_id"], &items[2]["output"]),
        (&json!("call_1"), &json!("call_1"), &json!("noon"))
    );
    assert_eq!((out.completed(op), out.of("tool_call").len()), (Some(None), 0));
    out.request();
    let again = talk.host(Command::SubmitToolResult { call, output: "one".into(), is_error: false });
    assert_eq!(talk.take().completed(again).unwrap().unwrap().code, "not_found", "answered once");
    assert_eq!(talk.order(), ["U1", "F1"]);
    talk.finish();
}

#[test]
fn a_tool_that_ends_after_the_next_connection_is_told_at_its_own_place() {
    let mut talk = talk();
    asked(&mut talk, "U1", "What time is it?");
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "clock", "{}");
    talk.done("R1", "completed", None);
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(texts(&told(&out)), [pair("user", "What time is it?")], "a call without its result is not told");
    assert!(!out.names().contains(&"response.create".into()), "the answer comes with the result");
    asked(&mut talk, "U2", "And the weather?");
    talk.take();
    let call = duologue::message::CallRef { epoch: 1, id: "call_1".into() };
    let op = talk.host(Command::SubmitToolResult { call, output: "noon".into(), is_error: false });
    let out = talk.take();
    let frames = out.frames();
    assert_eq!(frames[0]["previous_item_id"], "U1");
    assert_eq!((&frames[0]["item"]["type"], &frames[0]["item"]["id"]), (&json!("function_call"), &json!("F1")));
    assert_eq!(
        (&frames[1]["previous_item_id"], &frames[1]["item"]["type"]),
        (&json!("F1"), &json!("function_call_output"))
    );
    talk.acknowledge();
    let items: Vec<Value> = frames[..2].iter().map(|f| f["item"].clone()).collect();
    for (item, previous) in items.iter().zip(["U1", "F1"]) {
        talk.server("conversation.item.added", json!({"previous_item_id": previous, "item": item}));
    }
    assert_eq!(talk.take().completed(op), Some(None));
    assert_eq!(talk.order(), ["U1", "F1", "U2"]);
    talk.finish();
}

#[test]
fn a_result_on_its_way_reaches_the_next_session_once() {
    let mut talk = talk();
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "clock", "{}");
    talk.done("R1", "completed", None);
    let op = talk.answer("call_1", "noon");
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let outputs = told(&out).iter().filter(|i| i["type"] == "function_call_output").count();
    // One on the connection that was lost, one on the next.
    assert_eq!((outputs, out.completed(op)), (2, Some(None)));
    let state = match &talk.message("F1").unwrap().parts[0] {
        Part::ToolCall { state, .. } => *state,
        other => panic!("{other:?}"),
    };
    assert_eq!(state, ToolCallState::Completed);
    talk.finish();
}

#[test]
fn a_tool_that_never_returns_is_answered_also_without_a_connection() {
    let mut talk = with(json!({"auto_capture": false, "recovery": {"max_offline_ms": 120_000, "max_attempts": 1000}}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "clock", "{}");
    talk.done("R1", "completed", None);
    cut(&mut talk);
    talk.pass(29_000);
    assert_eq!(talk.take().of("tool_timeout").len(), 0);
    talk.closed(None, "", Some(error(ErrorClass::Network, "connect_failed").retryable()));
    talk.pass(1_000);
    assert_eq!(talk.take().of("tool_timeout").len(), 1);
    talk.pass(10_000);
    talk.reconnected();
    let out = talk.take();
    let items = told(&out);
    assert!(items[1]["output"].as_str().unwrap().contains("did not answer in time"), "{items:?}");
    out.request();
    talk.finish();
}

#[test]
fn checklist_51_a_session_that_expired_is_followed_at_once_and_the_conversation_goes_on() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    talk.take();
    talk.error("session_expired", None);
    let out = talk.take();
    assert_eq!((out.of("error").len(), status(&talk)["phase"].clone()), (0, json!("dial")));
    let reason = "expired".into();
    talk.input(Input::Closed { epoch: 1, code: Some(1001), reason, error: None });
    talk.reconnected();
    assert_eq!(talk.take().of("session_replaced")[0]["why"], "rollover");
    let mut other = Talk::connected(json!({"auto_capture": false, "recovery": {"reconnect": true}}));
    other.closed(Some(1001), "going away", None);
    assert_eq!(status(&other)["phase"], "dial", "no backoff, however young the session");
    other.finish();
    talk.finish();
}

#[test]
fn rows_3_5_7_and_checklist_52_what_another_try_cannot_mend_ends_the_run_once() {
    let ends = |talk: &mut Talk, word: &str| {
        let out = talk.take();
        let statuses = out.of("status");
        let last = statuses.last().unwrap().clone();
        let told = last["error"]["code"].as_str().or(last["ended"]["code"].as_str()).unwrap().to_owned();
        assert_eq!((statuses.len(), told.as_str()), (1, word));
        talk.pass(300_000);
        assert!(!talk.take().0.iter().any(|o| matches!(o, Output::Dial { .. })), "{word}");
    };
    for (code, word) in [
        (1000, "remote_closed"),
        (1002, "protocol"),
        (1003, "protocol"),
        (1007, "protocol"),
        (1008, "policy"),
        (3000, "auth"),
        (4000, "protocol"),
        (4300, "queue_timeout"),
    ] {
        let mut talk = talk();
        talk.closed(Some(code), "why", None);
        ends(&mut talk, word);
        talk.finish();
    }
    for (class, code) in [
        (ErrorClass::Tls, "tls"),
        (ErrorClass::Protocol, "protocol"),
        (ErrorClass::Quota, "quota"),
        (ErrorClass::Limit, "frame_too_big"),
    ] {
        let mut talk = talk();
        cut(&mut talk);
        talk.take();
        talk.closed(None, "", Some(error(class, code)));
        ends(&mut talk, code);
        talk.finish();
    }
    for code in ["insufficient_quota", "invalid_api_key"] {
        let mut talk = talk();
        talk.error(code, None);
        talk.closed(Some(1000), "", None);
        let out = talk.take();
        assert_eq!(status(&talk)["status"], "error");
        assert!(!out.0.iter().any(|o| matches!(o, Output::Dial { .. })), "{code}: checklist 52");
        talk.finish();
    }
}

#[test]
fn row_7_a_service_that_found_it_too_big_is_told_less_once() {
    let mut talk = talk();
    let long = "word ".repeat(4000);
    for text in ["short", &long] {
        talk.host(Command::SendText { text: text.into(), respond: false, interrupt: false });
        talk.acknowledge();
    }
    talk.take();
    talk.closed(Some(1009), "too big", None);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(texts(&told(&out)), [pair("user", "short")]);
    assert_eq!(out.of("session_replaced")[0]["context"], "partial");
    talk.closed(Some(1009), "too big", None);
    assert_eq!(status(&talk)["error"]["code"], "message_too_big");
    talk.finish();
}

/// How long the client waits before its next try, after the dial failed so.
fn waits(talk: &mut Talk, why: Error) -> u64 {
    talk.closed(None, "", Some(why));
    let Status::Reconnecting { retry_in_ms, phase: None, .. } = talk.session.status() else {
        panic!("{:?}", talk.session.status())
    };
    *retry_in_ms
}

#[test]
fn rows_6_9_10_the_service_is_left_alone_as_it_asks_and_ever_longer() {
    let mut talk = talk();
    cut(&mut talk);
    talk.take();
    let limited = || error(ErrorClass::Quota, "rate_limited");
    assert_eq!(waits(&mut talk, limited().retry_after_ms(7_000)), 7_000);
    let before = talk.now;
    talk.pass(6_999);
    assert!(!talk.take().0.iter().any(|o| matches!(o, Output::Dial { .. })));
    talk.pass(1);
    assert!(talk.take().0.iter().any(|o| matches!(o, Output::Dial { .. })));
    assert_eq!(talk.now, before.after_ms(7_000));
    talk.finish();

    // Uniform up to base times two to the power of the try before: the bounds hold in every draw.
    for (why, base, cap) in [
        ("rate_limited", 1000, 30_000),
        ("unavailable", 500, 7000),
        ("connect_failed", 300, 7000),
        ("try_again_later", 2000, 30_000),
    ] {
        let mut talk =
            with(json!({"auto_capture": false, "recovery": {"max_offline_ms": 3_600_000, "max_attempts": 40}}));
        cut(&mut talk);
        let mut longest = 0;
        for n in 2..20u32 {
            let waited = waits(&mut talk, error(ErrorClass::Network, why).retryable());
            let most = (base << (n - 1)).min(cap);
            assert!(waited <= most, "{why}, try {n}: {waited} of at most {most}");
            longest = longest.max(waited);
            talk.pass(waited);
        }
        assert!(longest > cap / 2, "{why}: it does get longer");
        talk.finish();
    }
}

#[test]
fn a_service_that_may_ask_for_an_hour_is_not_obeyed() {
    let mut talk = with(json!({"auto_capture": false, "recovery": {"max_offline_ms": 3_600_000}}));
    cut(&mut talk);
    assert_eq!(waits(&mut talk, error(ErrorClass::Quota, "rate_limited").retry_after_ms(3_600_000)), 60_000);
    talk.finish();
}

#[test]
fn tries_and_time_are_bounded_and_the_end_is_told_once() {
    let mut talk = with(json!({"auto_capture": false, "recovery": {"max_attempts": 3, "max_offline_ms": 3_600_000}}));
    cut(&mut talk);
    let mut dials = 0;
    for _ in 0..20 {
        dials += talk.take().0.iter().filter(|o| matches!(o, Output::Dial { .. })).count();
        if let Status::Reconnecting { phase: Some(_), .. } = talk.session.status() {
            talk.closed(None, "", Some(error(ErrorClass::Network, "connect_failed").retryable()));
        }
        talk.pass(10_000);
    }
    assert_eq!((dials, status(&talk)["error"]["code"].clone()), (3, json!("reconnect_failed")));
    talk.finish();

    let mut talk = with(json!({"auto_capture": false, "recovery": {"max_offline_ms": 60_000}}));
    cut(&mut talk);
    talk.pass(29_999);
    assert_eq!(status(&talk)["status"], "reconnecting");
    talk.pass(30_001);
    let out = talk.take();
    let terminal = out.of("status").iter().filter(|s| s["status"] == "error").count();
    assert_eq!((terminal, status(&talk)["error"]["code"].clone()), (1, json!("reconnect_failed")));
    assert!(status(&talk)["error"]["retryable"].as_bool().unwrap());
    talk.finish();
}

#[test]
fn a_service_that_lets_go_at_once_does_not_make_us_spin() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {"context_note": null}}));
    let mut lives = 1;
    while status(&talk)["status"] != "error" {
        talk.pass(100);
        cut(&mut talk);
        talk.pass(8_000);
        if let Status::Reconnecting { phase: Some(_), .. } = talk.session.status() {
            talk.reconnected();
            talk.take();
            lives += 1;
        }
        assert!(lives < 10);
    }
    assert_eq!((lives, status(&talk)["error"]["code"].clone()), (5, json!("unstable")));
    talk.finish();
}

#[test]
fn row_11_a_refused_key_ends_it_and_one_that_is_asked_for_is_asked_for_once_more() {
    let mut talk = talk();
    cut(&mut talk);
    talk.closed(None, "", Some(error(ErrorClass::Credential, "auth")));
    assert_eq!(status(&talk)["error"]["code"], "auth");
    talk.finish();
}

#[test]
fn row_15_a_portal_in_the_way_is_met_twice_and_then_believed() {
    let mut talk = talk();
    cut(&mut talk);
    let portal = || error(ErrorClass::Protocol, "handshake");
    let waited = waits(&mut talk, portal());
    talk.pass(waited);
    talk.closed(None, "", Some(portal()));
    assert_eq!(status(&talk)["error"]["code"], "handshake");
    talk.finish();
}

#[test]
fn what_the_host_asks_for_meanwhile_is_done_afterwards_in_its_order() {
    let mut talk = talk();
    cut(&mut talk);
    talk.take();
    let first = talk.host(Command::SendContext { text: "It rains.".into() });
    let second = talk.say("What is the weather?", false);
    let raw = talk.host(Command::SendRaw { json: "{\"type\":\"x\"}".into() });
    let ping = talk.host(Command::Ping);
    let out = talk.take();
    assert_eq!((out.completed(first), out.completed(second)), (None, None));
    for op in [raw, ping] {
        let error = out.completed(op).unwrap().unwrap();
        assert_eq!((error.code.as_ref(), error.retryable), ("not_connected", true));
    }
    talk.reconnected();
    talk.acknowledge();
    let out = talk.take();
    assert_eq!((out.completed(first), out.completed(second)), (Some(None), Some(None)));
    assert_eq!(texts(&told(&out)), [pair("system", "It rains."), pair("user", "What is the weather?")]);
    out.request();
    talk.finish();
}

#[test]
fn what_may_wait_is_bounded() {
    let mut talk = talk();
    cut(&mut talk);
    let ops: Vec<OpId> = (0..65).map(|_| talk.host(Command::SendContext { text: "x".into() })).collect();
    let out = talk.take();
    assert_eq!(out.completed(ops[64]).unwrap().unwrap().code, "backpressure");
    assert!(ops[..64].iter().all(|op| out.completed(*op).is_none()));
    let op = talk.host(Command::Disconnect);
    cut(&mut talk);
    let out = talk.take();
    assert!(ops[..64].iter().all(|op| matches!(out.completed(*op), Some(Some(e)) if e.code == "cancelled")));
    assert_eq!((out.completed(op), status(&talk)["status"].clone()), (Some(None), json!("idle")));
    talk.finish();
}

#[test]
fn the_newest_of_what_was_said_meanwhile_is_sent_and_the_rest_is_counted() {
    let mut talk = with(json!({"recovery": {"pre_roll_ms": 1000}}));
    cut(&mut talk);
    talk.take();
    for _ in 0..75 {
        talk.microphone(20);
        talk.pass(20);
    }
    assert_eq!(talk.take().appended_ms(), 0);
    talk.reconnected();
    let out = talk.take();
    assert_eq!((out.appended_ms(), &out.of("session_replaced")[0]["gap_ms"]), (1000, &json!(500)));
    talk.microphone(20);
    assert_eq!(talk.take().appended_ms(), 20, "and nothing is sent twice");
    talk.finish();
}

#[test]
fn a_turn_that_nobody_understood_is_said_again() {
    let mut talk = with(json!({}));
    for _ in 0..10 {
        talk.microphone(20);
    }
    talk.user_speaks("U1", 0);
    for _ in 0..30 {
        talk.microphone(20);
    }
    talk.user_is_silent("U1", None, 800);
    talk.take();
    assert_eq!(talk.order(), ["U1"]);
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    // All of it: 0.2 s from before the vendor said that somebody spoke, and 0.6 s after.
    assert_eq!((out.appended_ms(), talk.order().len()), (800, 0));
    assert!(!out.names().contains(&"response.create".into()), "the vendor hears it and answers");
    // A second loss before the vendor has found the turn loses nothing either.
    cut(&mut talk);
    talk.pass(8_000);
    talk.reconnected();
    assert_eq!(talk.take().appended_ms(), 800);
    asked(&mut talk, "U2", "Hello there.");
    cut(&mut talk);
    talk.pass(8_000);
    talk.reconnected();
    let out = talk.take();
    assert!(out.appended_ms() <= 400, "its words are known: {}", out.appended_ms());
    assert_eq!(texts(&told(&out)), [pair("user", "Hello there.")]);
    talk.finish();
}

#[test]
fn a_turn_held_by_hand_goes_on_over_a_loss() {
    let manual = || with(json!({"turn_detection": {"mode": "manual"}}));
    let mut talk = manual();
    talk.host(Command::StartListening);
    for _ in 0..20 {
        talk.microphone(20);
    }
    cut(&mut talk);
    talk.take();
    for _ in 0..10 {
        talk.microphone(20);
    }
    let op = talk.host(Command::StopListening);
    assert_eq!(talk.take().completed(op), None);
    for _ in 0..10 {
        talk.microphone(20);
    }
    talk.reconnected();
    let out = talk.take();
    assert_eq!(out.appended_ms(), 600);
    assert_eq!(out.names(), ["session.update", "input_audio_buffer.commit", "response.create"]);
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.finish();

    // Committed, and lost before the vendor's word.
    let mut talk = manual();
    talk.host(Command::StartListening);
    for _ in 0..20 {
        talk.microphone(20);
    }
    let op = talk.host(Command::StopListening);
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    assert_eq!((out.appended_ms(), out.completed(op)), (400, None));
    assert_eq!(out.names(), ["session.update", "input_audio_buffer.commit", "response.create"]);
    talk.finish();
}

#[test]
fn the_same_network_change_means_a_new_connection_now() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    talk.take();
    let op = talk.host(Command::NetworkChanged);
    let out = talk.take();
    let order: Vec<_> = out
        .0
        .iter()
        .filter_map(|o| match o {
            Output::Close { epoch, .. } => Some(("close", *epoch)),
            Output::Dial { epoch, beside: false, .. } => Some(("dial", *epoch)),
            _ => None,
        })
        .collect();
    assert_eq!((order, out.completed(op)), (vec![("close", 1), ("dial", 2)], Some(None)));
    talk.reconnected();
    assert_eq!(talk.take().of("session_replaced")[0]["context"], "full");
    talk.finish();
}

#[test]
fn row_20_a_machine_that_woke_looks_whether_anybody_is_there() {
    let mut talk = talk();
    talk.input(Input::Woken);
    assert!(matches!(talk.take().0[..], [Output::Ping { epoch: 1, op: None }]));
    talk.pass(4_000);
    talk.input(Input::Pong { epoch: 1 });
    talk.pass(60_000);
    assert_eq!(status(&talk)["status"], "connected");
    talk.input(Input::Woken);
    talk.pass(5_000);
    assert_eq!(
        (status(&talk)["status"].clone(), status(&talk)["reason"].clone()),
        (json!("reconnecting"), json!("silent"))
    );
    talk.finish();
}

#[test]
fn a_ping_tells_how_long_the_way_is() {
    let mut talk = talk();
    let op = talk.host(Command::Ping);
    talk.pass(42);
    talk.input(Input::Pong { epoch: 1 });
    let done = talk.take().of("completed");
    assert_eq!((&done[0]["op"], &done[0]["round_trip_us"]), (&json!(op), &json!(42_000)));
    let op = talk.host(Command::Ping);
    talk.pass(15_000);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "timeout");
    talk.finish();
}

/// Time passes, with nothing of the vendor.
fn dialled(talk: &mut Talk) -> Vec<(u32, bool)> {
    let dial = |o: &Output| match o {
        Output::Dial { epoch, beside, .. } => Some((*epoch, *beside)),
        _ => None,
    };
    talk.take().0.iter().filter_map(dial).collect()
}

#[test]
fn checklist_54_the_next_session_is_opened_before_the_end_and_taken_between_turns() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    talk.take();
    // Documented: 60 minutes; 55 have passed.
    let left = 55 * 60_000 - (talk.now.as_ms());
    talk.pass(left - 1);
    assert_eq!(dialled(&mut talk), []);
    talk.pass(1);
    assert_eq!(dialled(&mut talk), [(2, true)]);
    // The user begins to speak while it is opened: it has to wait.
    talk.epoch = 1;
    talk.user_speaks("U2", 0);
    talk.epoch = 2;
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let wish = talk.wish();
    talk.server("session.updated", json!({"session": wish}));
    assert_eq!(status(&talk)["status"], "connected");
    assert!(!talk.take().0.iter().any(|o| matches!(o, Output::Close { .. })), "nobody is cut off");
    talk.epoch = 1;
    talk.user_is_silent("U2", Some("A1"), 900);
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": "U2", "content_index": 0, "transcript": "And now?"}),
    );
    talk.response("R2");
    talk.item("R2", "A2", Some("U2"), "audio");
    talk.speech("R2", "A2", 0, 1000, "Now it is noon.");
    talk.item_done("R2", "A2", 0, "Now it is noon.");
    talk.done("R2", "completed", None);
    assert!(!talk.take().0.iter().any(|o| matches!(o, Output::Close { .. })), "it is still heard");
    talk.plays(1000);
    talk.epoch = 2;
    talk.acknowledge();
    let out = talk.take();
    assert!(out.0.iter().any(|o| matches!(o, Output::Close { epoch: 1, code: 1000 })));
    let replaced = &out.of("session_replaced")[0];
    assert_eq!((&replaced["why"], &replaced["context"]), (&json!("rollover"), &json!("full")));
    assert_eq!(out.of("status").len(), 0, "nobody sees anything else");
    assert_eq!(told(&out).len(), 4);
    // Late words of the old one are not heard.
    talk.epoch = 1;
    talk.server("response.created", json!({"response": {"id": "R9", "status": "in_progress", "output": []}}));
    talk.closed(Some(1000), "", None);
    assert_eq!(talk.take().of("status").len(), 0);
    talk.epoch = 2;
    turn(&mut talk, 3, "Thanks.", "You are welcome, any time.");
    assert_eq!(talk.order(), ["U1", "A1", "U2", "A2", "U3", "A3"]);
    talk.finish();
}

#[test]
fn at_the_last_moment_nobody_is_waited_for() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    talk.pass(55 * 60_000 - talk.now.as_ms());
    talk.epoch = 1;
    talk.user_speaks("U2", 0);
    talk.epoch = 2;
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let wish = talk.wish();
    talk.server("session.updated", json!({"session": wish}));
    talk.take();
    talk.pass(3_600_000 - 5_000 - talk.now.as_ms());
    talk.acknowledge();
    let out = talk.take();
    assert!(out.0.iter().any(|o| matches!(o, Output::Close { epoch: 1, .. })));
    assert_eq!(out.of("session_replaced")[0]["why"], "rollover");
    talk.finish();
}

#[test]
fn a_successor_that_cannot_be_opened_is_tried_again_and_the_call_goes_on() {
    let mut talk = talk();
    talk.pass(55 * 60_000 - talk.now.as_ms());
    assert_eq!(dialled(&mut talk), [(2, true)]);
    talk.closed(None, "", Some(error(ErrorClass::Network, "connect_failed").retryable()));
    let out = talk.take();
    assert_eq!(
        (out.complaints(), status(&talk)["status"].clone()),
        (vec!["rollover_failed".into()], json!("connected"))
    );
    talk.pass(15_000);
    assert_eq!(dialled(&mut talk), [(3, true)]);
    talk.finish();
}

#[test]
fn a_new_run_takes_the_conversation_over() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    talk.take();
    talk.connect();
    let out = talk.take();
    assert_eq!(told(&out).len(), 3, "with the note that it goes on");
    assert_eq!(out.of("session_replaced")[0]["why"], "connect");
    assert_eq!(talk.order(), ["U1", "A1"], "the note is shown to nobody");
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    let op = talk.host(Command::ClearHistory);
    assert_eq!((talk.take().completed(op), talk.order().len()), (Some(None), 0));
    talk.connect();
    assert_eq!(told(&talk.take()).len(), 0);
    talk.finish();
}

#[test]
fn a_refused_item_makes_the_context_partial_and_stays_in_the_history() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    cut(&mut talk);
    talk.take();
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let wish = talk.wish();
    talk.server("session.updated", json!({"session": wish}));
    let frames: Vec<Value> = talk.peek().iter().filter_map(crate::common::frame_of).collect();
    let refused = frames.iter().find(|f| f["item"]["id"] == "A1").unwrap();
    talk.error("invalid_value", refused["event_id"].as_str());
    talk.server(
        "conversation.item.added",
        json!({"item": {"id": "U1", "type": "message", "role": "user", "content": []}}),
    );
    let out = talk.take();
    assert_eq!((out.of("session_replaced")[0]["context"].clone(), talk.order()), (json!("partial"), vec!["U1", "A1"]));
    talk.finish();
}

#[test]
fn a_session_that_says_nothing_about_what_it_was_told_is_used_after_five_seconds() {
    let mut talk = talk();
    turn(&mut talk, 1, "Hello.", "Hello to you, what can I do?");
    cut(&mut talk);
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let wish = talk.wish();
    talk.server("session.updated", json!({"session": wish}));
    talk.pass(4_999);
    assert_eq!(status(&talk)["status"], "reconnecting");
    talk.pass(1);
    let out = talk.take();
    assert_eq!(out.of("session_replaced")[0]["context"], "partial");
    assert!(out.complaints().contains(&"replay_unconfirmed".into()));
    talk.finish();
}
