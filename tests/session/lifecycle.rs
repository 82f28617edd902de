//! The lifecycle lines of the checklist: handover, ends that are final, what a new session is told, and what
//! becomes of what waited.

use crate::common::{Talk, frame_of};
use duologue::{
    error::{Error, ErrorClass},
    event::{EndedBy, Status},
    message::{CallId, ItemId, Message, MessageState, Part, Role, ToolCallState},
    request::ResponseOptions,
    session::{Command, Input, Output},
};
use serde_json::{Value, json};
use std::collections::HashSet;

fn recovering() -> Value {
    json!({"auto_capture": false, "recovery": {"context_note": null}, "tools": [{"name": "f"}]})
}

fn dials(out: &[Output]) -> usize {
    out.iter().filter(|o| matches!(o, Output::Dial { .. })).count()
}

/// A call of another vendor with its result.
fn foreign_call(id: &str) -> Message {
    let call = Part::ToolCall {
        id: CallId::from(id),
        name: "f".into(),
        arguments: "{}".into(),
        input: Some(json!({})),
        output: Some("42".into()),
        state: ToolCallState::Completed,
    };
    let result = Part::ToolResult { tool_call_id: CallId::from(id), content: "42".into(), is_error: false };
    Message {
        id: ItemId::from(format!("item_of_{}", &id[id.len() - 5..])),
        role: Role::Assistant,
        parts: vec![call, result],
        state: MessageState::Completed,
        interrupted: false,
        revision: 1,
        created_ms: 0,
    }
}

#[test]
fn checklist_34_foreign_call_ids_are_made_to_fit_and_stay_the_same() {
    // The same for 60 characters, so that cutting them would make one of two.
    let ids = ["one", "two"].map(|end| format!("chatcmpl-tool-{}-{end}", "0123456789".repeat(5)));
    let mut talk = Talk::new(recovering());
    let short = "call_of_thirty_two_characters_xx".to_owned();
    assert_eq!(short.len(), 32);
    let messages: Vec<Message> = ids.iter().chain([&short]).map(|id| foreign_call(id)).collect();
    talk.host(Command::ImportHistory { messages });
    talk.host(Command::Connect);
    talk.take();
    let mut told = Vec::new();
    for _ in 0..2 {
        talk.reconnected();
        let out = talk.take();
        assert_eq!(*talk.session.status(), Status::Connected);
        let items: Vec<Value> = out.frames().into_iter().filter(|f| f["type"] == "conversation.item.create").collect();
        let ids: Vec<String> = items.iter().map(|f| f["item"]["call_id"].as_str().unwrap().to_owned()).collect();
        assert!(ids.iter().all(|id| id.len() <= 32), "{ids:?}");
        let [a, of_a, b, of_b, c, of_c] = &ids[..] else { panic!("three pairs: {items:?}") };
        assert!(a == of_a && b == of_b && c == of_c, "a call and its result name the same: {ids:?}");
        assert!(a != b && *c == short, "two stay two, and what fits is left alone: {ids:?}");
        told.push(ids);
        talk.closed(Some(1001), "", None);
        talk.pass(8_000);
    }
    assert_eq!(told[0], told[1], "the next session is told the same");
    let known = |m: &Message| matches!(&m.parts[0], Part::ToolCall { id, .. } if id.as_str() == ids[0]);
    assert!(talk.session.messages().iter().any(known), "the host keeps the id it gave");
    talk.finish();
}

#[test]
fn checklist_51_the_end_of_a_session_hands_over_at_once() {
    type Ends = fn(&mut Talk);
    let ends: [(&str, &str, Ends); 3] = [
        ("session_expired", "rollover", |talk| talk.error("session_expired", None)),
        ("going_away", "reconnect", |talk| talk.closed(Some(1001), "restart", None)),
        // Both, as the service does it.
        ("session_expired", "rollover", |talk| {
            let epoch = talk.epoch;
            talk.error("session_expired", None);
            let reason = "session expired".into();
            talk.input(Input::Closed { epoch, code: Some(1001), reason, error: None });
        }),
    ];
    for (reason, why, ends) in ends {
        let mut talk = Talk::connected(recovering());
        // So young a session would be tried again after a pause, had it just been lost.
        talk.pass(1_000);
        ends(&mut talk);
        let out = talk.take();
        assert_eq!(dials(&out.0), 1, "{reason}: within the same moment");
        let status = &out.of("status")[0];
        assert_eq!(
            (&status["status"], &status["reason"], &status["retry_in_ms"]),
            (&json!("reconnecting"), &json!(reason), &json!(0))
        );
        talk.reconnected();
        assert_eq!(talk.take().of("session_replaced")[0]["why"], why);
        assert_eq!(*talk.session.status(), Status::Connected);
        talk.finish();
    }
}

#[test]
fn checklist_52_what_another_try_cannot_mend_stops_it() {
    let codes = [
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "invalid_model",
        "model_not_found",
        "beta_api_shape_disabled",
        "permission_denied",
    ];
    for code in codes {
        let mut talk = Talk::connected(recovering());
        talk.pass(20_000);
        talk.error(code, None);
        talk.closed(Some(1000), "", None);
        ended_for_good(talk, code);
    }
    // What blames the client, by number; 1009 has a second chance with less.
    for code in [1002, 1003, 1007, 1008, 1010, 3000, 4000] {
        let mut talk = Talk::connected(recovering());
        talk.pass(20_000);
        talk.closed(Some(code), "no", None);
        ended_for_good(talk, &code.to_string());
    }
    // While coming back, too.
    let mut talk = Talk::connected(recovering());
    talk.closed(Some(1001), "", None);
    talk.opened();
    talk.error("insufficient_quota", None);
    talk.closed(Some(1008), "", None);
    ended_for_good(talk, "on the way back");
}

fn ended_for_good(mut talk: Talk, why: &str) {
    assert!(matches!(talk.session.status(), Status::Error { .. }), "{why}: {:?}", talk.session.status());
    let before = dials(&talk.take().0);
    assert!(before <= 1, "{why}");
    talk.pass(600_000);
    let out = talk.take();
    assert_eq!((dials(&out.0), out.of("status").len()), (0, 0), "{why}: nothing is tried again");
    talk.finish();
}

#[test]
fn checklist_53_what_the_assistant_said_is_told_as_the_text_that_was_heard() {
    let mut talk = Talk::connected(recovering());
    talk.say("hello", false);
    talk.acknowledge();
    let request = talk.take().request();
    talk.response_for("R1", Some(&request));
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1_000, "one two three four five");
    talk.item_done("R1", "A1", 0, "one two three four five");
    talk.done("R1", "completed", None);
    talk.plays(1_000);
    talk.response("R2");
    talk.item("R2", "A2", Some("A1"), "audio");
    talk.speech("R2", "A2", 0, 2_000, "six seven eight nine ten eleven twelve");
    talk.item_done("R2", "A2", 0, "six seven eight nine ten eleven twelve");
    talk.done("R2", "completed", None);
    talk.plays(1_000);
    talk.host(Command::Interrupt);
    talk.flushes();
    talk.take();
    talk.closed(Some(1001), "", None);
    talk.reconnected();
    let out = talk.take();
    let wire: Vec<String> = out.frames().iter().map(Value::to_string).collect();
    assert!(wire.iter().all(|f| !f.contains("_audio\"") || f.contains("session.update")), "no audio: {wire:?}");
    let frames = out.frames();
    let told = frames.iter().filter(|f| f["type"] == "conversation.item.create").map(|f| &f["item"]);
    let told: Vec<_> =
        told.map(|i| (i["role"].clone(), i["content"][0]["type"].clone(), i["content"][0]["text"].clone())).collect();
    let told: Vec<_> = told.iter().map(|(a, b, c)| [a, b, c].map(|v| v.as_str().unwrap())).collect();
    assert_eq!(told[0], ["user", "input_text", "hello"]);
    assert_eq!(told[1], ["assistant", "output_text", "one two three four five"]);
    // Half of 38 characters are the first three words and the beginning of the fourth.
    assert_eq!(told[2], ["assistant", "output_text", "six seven eight nine"]);
    assert_eq!(told.len(), 3);
    talk.finish();
}

#[test]
fn checklist_54_the_next_session_takes_over_before_the_end_between_two_turns() {
    let mut talk = Talk::new(recovering());
    talk.host(Command::Connect);
    let now = 1_800_000_000;
    talk.input(Input::Opened { epoch: talk.epoch, unix_s: Some(now) });
    talk.server("session.created", json!({"session": {"id": "sess_1", "expires_at": now + 1_800}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    assert_eq!(*talk.session.status(), Status::Connected);
    let first = talk.epoch;
    talk.take();
    // Five minutes before the end, not the hour of the documentation: the service's own word counts.
    talk.pass(1_499_000);
    assert_eq!(dials(&talk.take().0), 0);
    talk.pass(1_000);
    let out = talk.take();
    assert!(matches!(out.0[..], [Output::Dial { beside: true, .. }]), "{out:?}");
    let second = talk.epoch;
    // The conversation goes on by the first, and somebody is speaking when the second is ready.
    on(&mut talk, first);
    talk.user_speaks("U1", 0);
    on(&mut talk, second);
    talk.input(Input::Opened { epoch: second, unix_s: Some(now + 1_500) });
    talk.server("session.created", json!({"session": {"id": "sess_2", "expires_at": now + 3_300}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    let out = talk.take();
    assert_eq!((out.names(), out.of("status").len()), (vec!["session.update".to_owned()], 0), "nobody notices");
    on(&mut talk, first);
    talk.user_is_silent("U1", None, 900);
    let words = json!({"item_id": "U1", "content_index": 0, "transcript": "a question"});
    talk.server("conversation.item.input_audio_transcription.completed", words);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 1_000, "one two three");
    talk.item_done("R1", "A1", 0, "one two three");
    talk.done("R1", "completed", None);
    talk.plays(900);
    let out = talk.take();
    assert!(out.of("session_replaced").is_empty() && out.frames().is_empty(), "in the middle of a turn");
    talk.plays(100);
    // Heard to its end: now.
    on(&mut talk, second);
    talk.acknowledge();
    let out = talk.take();
    let closes: Vec<u32> =
        out.0.iter().filter_map(|o| if let Output::Close { epoch, .. } = o { Some(*epoch) } else { None }).collect();
    assert_eq!(closes, [first]);
    let replaced = &out.of("session_replaced")[0];
    assert_eq!((&replaced["why"], &replaced["context"]), (&json!("rollover"), &json!("full")));
    assert!(out.of("status").is_empty(), "it never was anything but connected");
    let told: Vec<Value> = out.frames().iter().map(|f| f["item"]["content"][0]["text"].clone()).collect();
    assert_eq!(told, ["a question", "one two three"]);
    // It goes on by the second; the first has nothing to say any more.
    on(&mut talk, first);
    talk.closed(Some(1000), "", None);
    on(&mut talk, second);
    talk.user_speaks("U2", 0);
    assert_eq!((talk.take().of("speech_started").len(), talk.order().len()), (1, 3));
    talk.finish();
}

/// What the vendor does next it does on this connection.
fn on(talk: &mut Talk, epoch: u32) {
    talk.epoch = epoch;
}

/// Operations in the order they ended, with the code of their error.
type Ends = Vec<(u64, Option<String>)>;

/// Everything that can wait, a lost connection, and what comes of it.
fn lost_with_everything_open() -> (Talk, Vec<Value>, Ends) {
    let mut talk = Talk::connected(recovering());
    let mut sent = Vec::new();
    let ops = [
        talk.host(Command::SendText { text: "unconfirmed".into(), respond: true, interrupt: false }),
        talk.host(Command::RequestResponse {
            options: Box::new(ResponseOptions { instructions: Some("x".into()), ..Default::default() }),
        }),
        talk.host(Command::RequestResponse {
            options: Box::new(ResponseOptions { out_of_band: true, ..Default::default() }),
        }),
        talk.host(Command::UpdateSession { changes: json!({"instructions": "other"}) }),
        talk.host(Command::Ping),
    ];
    let mut out = talk.take();
    sent.extend(out.0.iter().filter_map(frame_of));
    talk.closed(None, "", None);
    talk.pass(300);
    // And what is wished for meanwhile.
    let meanwhile = [
        talk.host(Command::SendText { text: "meanwhile".into(), respond: false, interrupt: false }),
        talk.host(Command::SendContext { text: "context".into() }),
        talk.host(Command::SendRaw { json: "{}".into() }),
    ];
    talk.reconnected();
    talk.acknowledge();
    talk.pass(1_000);
    let more = talk.take();
    sent.extend(more.0.iter().filter_map(frame_of));
    out.0.extend(more.0);
    let end = |op| (out.completed(op)).map(|end| end.map(|error| error.code.to_string()));
    let ends = ops.iter().chain(&meanwhile).filter_map(|op| end(*op).map(|end| (op.0, end))).collect();
    (talk, sent, ends)
}

#[test]
fn checklist_55_what_waits_fails_or_is_sent_once_more_and_always_the_same() {
    let (talk, sent, ends) = lost_with_everything_open();
    let (other, again, same) = lost_with_everything_open();
    assert_eq!((&sent, &ends), (&again, &same), "it is the same each time");
    other.finish();
    let ids: Vec<&str> = sent.iter().filter_map(|f| f["event_id"].as_str()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "no event is sent twice");
    let text = |f: &&Value, text: &str| f["item"]["content"][0]["text"] == text;
    let unconfirmed: Vec<&Value> = sent.iter().filter(|f| text(f, "unconfirmed")).collect();
    assert_eq!(unconfirmed.len(), 2, "once on each connection");
    assert_eq!(unconfirmed[0]["item"]["id"], unconfirmed[1]["item"]["id"]);
    assert_eq!(sent.iter().filter(|f| text(f, "meanwhile")).count(), 1);
    // One request is under way at a time, and the one under way is asked for again, as the same request.
    let requests: Vec<&Value> =
        sent.iter().filter(|f| f["type"] == "response.create" && f["response"]["conversation"] != "none").collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["response"]["metadata"], requests[1]["response"]["metadata"]);
    let ends: Vec<(u64, Option<&str>)> = ends.iter().map(|(op, end)| (*op, end.as_deref())).collect();
    // connect is the first; the host's own request waits for the answer before it.
    assert_eq!(
        ends,
        [
            (2, None),
            (4, Some("connection_lost")),
            (5, None),
            (6, Some("connection_lost")),
            (7, None),
            (8, None),
            (9, Some("not_connected"))
        ]
    );
    talk.finish();
}

#[test]
fn checklist_56_disconnecting_while_coming_back_ends_it_and_releases_the_microphone() {
    for steps in 0..3 {
        let mut talk = Talk::connected(json!({"recovery": {}}));
        talk.closed(None, "", None);
        if steps > 0 {
            talk.pass(300);
        }
        if steps > 1 {
            talk.opened();
        }
        talk.take();
        let (one, two) = (talk.host(Command::Disconnect), talk.host(Command::Disconnect));
        talk.closed(None, "", None);
        talk.pass(60_000);
        let out = talk.take();
        assert_eq!((out.completed(one), out.completed(two)), (Some(None), Some(None)), "after {steps}");
        assert!(out.has_capture(false) && !out.has_capture(true), "after {steps}");
        assert_eq!((dials(&out.0), out.of("status").len()), (0, 1), "after {steps}");
        assert!(matches!(talk.session.status(), Status::Idle { ended } if ended.by == EndedBy::User));
        talk.finish();
    }
}

#[test]
fn what_plays_on_is_cut_although_the_next_session_calls_it_complete() {
    let mut talk = Talk::connected(recovering());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 900, "one two three");
    talk.plays(20);
    talk.closed(Some(1001), "", None);
    // The item that is told comes back as completed, while its audio still plays.
    talk.reconnected();
    assert_eq!(*talk.session.status(), Status::Connected);
    talk.plays(1_000);
    let message = talk.message("A1").unwrap();
    assert_eq!((message.state, message.interrupted), (MessageState::Incomplete, true), "more of it was to come");
    talk.finish();
}

#[test]
fn words_that_ran_ahead_of_a_torn_answer_are_not_told_as_heard() {
    let mut talk = Talk::connected(recovering());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    // 400 ms are two words of three letters at 15 characters a second.
    talk.speech("R1", "A1", 0, 400, "one two three four five six");
    talk.plays(20);
    talk.closed(Some(1001), "", None);
    talk.reconnected();
    let told: Vec<Value> = talk.take().frames().iter().map(|f| f["item"]["content"][0]["text"].clone()).collect();
    talk.plays(1_000);
    let Part::Audio { heard_transcript, heard_ms, .. } = &talk.message("A1").unwrap().parts[0] else { panic!() };
    assert_eq!((heard_transcript.as_deref(), *heard_ms), (Some("one two"), 400));
    assert_eq!(told.last().unwrap(), "one two", "the session is told what will have been heard");
    talk.finish();
}

#[test]
fn a_result_that_comes_while_the_session_is_being_told_reaches_it() {
    let mut talk = Talk::connected(recovering());
    talk.say("look", false);
    talk.acknowledge();
    let request = talk.take().request();
    talk.response_for("R1", Some(&request));
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "completed", None);
    let epoch = talk.epoch;
    talk.closed(Some(1001), "", None);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    // The call was not told: it had no result. Nothing of what was told is confirmed yet.
    assert!(talk.told().iter().all(|item| item["type"] == "message"));
    let call = duologue::message::CallRef { epoch, id: "call_1".into() };
    let op = talk.host(Command::SubmitToolResult { call, output: "42".into(), is_error: false });
    talk.acknowledge();
    let out = talk.take();
    let told: Vec<Value> = out.frames().into_iter().filter(|f| f["type"] == "conversation.item.create").collect();
    let kinds: Vec<&str> = told.iter().map(|f| f["item"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call_output"]);
    assert_eq!((out.completed(op), &told[2]["item"]["output"]), (Some(None), &json!("42")));
    // And only then it is asked to go on.
    assert_eq!(out.names().last().unwrap(), "response.create");
    talk.finish();
}

#[test]
fn a_request_that_nobody_answered_on_a_dead_line_is_asked_for_again() {
    for silent in [true, false] {
        let mut talk = Talk::connected(recovering());
        talk.say("hello", false);
        talk.acknowledge();
        talk.take().request();
        // The line is dead; the request is given up before that is known.
        talk.pass(15_000);
        assert!(talk.take().complaints().contains(&"unanswered".to_owned()));
        if !silent {
            talk.server("rate_limits.updated", json!({"rate_limits": []}));
        }
        let error = Error::new(ErrorClass::Network, "silent", "nothing came").retryable();
        talk.closed(None, "", Some(error));
        talk.pass(1_000);
        talk.reconnected();
        talk.pass(1_000);
        let asked = talk.take().names().iter().filter(|name| *name == "response.create").count();
        // A service that was there and did not answer is not asked again.
        assert_eq!(asked, usize::from(silent));
        talk.finish();
    }
}

#[test]
fn a_question_whose_answer_came_is_not_said_again() {
    let mut talk = Talk::connected(json!({"recovery": {}}));
    talk.microphone(400);
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 400);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 500, "one two three");
    talk.take();
    // Nothing of it is heard yet, and the words of the question are not known.
    talk.closed(Some(1001), "", None);
    talk.reconnected();
    let out = talk.take();
    assert_eq!((out.appended_ms(), out.flushes()), (0, 0));
    assert_eq!(talk.order(), ["U1", "A1"]);
    talk.finish();
}

#[test]
fn the_end_of_a_question_that_was_understood_is_not_said_again() {
    let mut talk = Talk::connected(json!({"recovery": {}}));
    talk.microphone(400);
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 400);
    let words = json!({"item_id": "U1", "content_index": 0, "transcript": "a question"});
    talk.server("conversation.item.input_audio_transcription.completed", words);
    talk.microphone(100);
    talk.take();
    talk.closed(Some(1001), "", None);
    talk.reconnected();
    // What came after it may be the beginning of another.
    assert_eq!(talk.take().appended_ms(), 100);
    talk.finish();
}
