//! Events that never come: nothing waits for them for ever.

use crate::common::Talk;
use crate::{ask, quiet};
use duologue::{
    message::{MessageState as State, Part, ToolCallState},
    session::{Command, Output},
};
use serde_json::json;

#[test]
fn a_lost_end_of_a_response_blocks_nothing() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 300, "some words");
    talk.plays(300);
    let op = ask(&mut talk);
    talk.pass(10_000);
    // It still speaks.
    talk.speech("R1", "A1", 0, 100, "and more");
    talk.plays(100);
    talk.pass(14_899);
    assert_eq!(talk.take().names(), [""; 0]);
    talk.pass(1);
    let out = talk.take();
    let request = out.request();
    assert_eq!(out.complaints(), ["response_lost"]);
    assert_eq!(
        (&out.of("turn_done")[0]["reason"], &out.of("turn_done")[0]["inferred"]),
        (&json!("lost"), &json!(true))
    );
    assert_eq!(out.of("mode").last().unwrap()["agent"], "thinking", "nobody speaks any more");
    talk.response_for("R2", Some(&request));
    talk.done("R2", "completed", None);
    let out = talk.take();
    assert_eq!((out.completed(op), &out.of("mode").last().unwrap()["agent"]), (Some(None), &json!("idle")));
    talk.finish();
}

#[test]
fn a_response_that_was_given_up_and_goes_on_is_heard_and_asked_after_later() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    let op = ask(&mut talk);
    talk.pass(15_000);
    let request = talk.take().request();
    talk.error("conversation_already_has_active_response", None);
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "some words");
    talk.speech("R1", "A1", 0, 100, "and more");
    talk.pass(10_000);
    let out = talk.take();
    assert_eq!((out.names(), out.played_ms()), (vec![], 300));
    talk.done("R1", "completed", None);
    talk.plays(300);
    let out = talk.take();
    assert_eq!((out.request(), out.of("turn_done").len(), out.completed(op)), (request, 0, None));
    talk.finish();
}

#[test]
fn a_vendor_that_always_refuses_is_not_asked_for_ever() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk);
    let mut asked = 0;
    for _ in 0..100 {
        let out = talk.take();
        asked += out.names().len();
        if out.names() == ["response.create"] {
            talk.error("conversation_already_has_active_response", None);
        }
        if let Some(end) = out.completed(op) {
            assert_eq!(end.unwrap().code, "unanswered");
            assert_eq!(asked, 8);
            talk.finish();
            return;
        }
        talk.pass(2_000);
    }
    panic!("asked {asked} times");
}

#[test]
fn nothing_to_cancel_ends_the_response_whose_end_was_lost() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 300, "some words");
    talk.host(Command::Interrupt);
    talk.flushes();
    let op = ask(&mut talk);
    let event = talk.take().event_id("response.cancel");
    talk.error("response_cancel_not_active", Some(&event));
    let out = talk.take();
    assert_eq!((&out.of("turn_done")[0]["status"], out.completed(op)), (&json!("cancelled"), None));
    out.request();
    talk.finish();
}

#[test]
fn the_odd_field_of_a_summary_does_not_lose_the_end() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    let call = json!({"id": "F1", "type": "function_call", "status": "completed", "call_id": "c", "name": "f"});
    let output = json!([null, 5, {"id": 7}, {"id": "A1", "type": "message", "content": [null, {"type": 3}]}, call]);
    let usage = json!({"input_tokens": 12.0, "output_tokens": "many", "input_token_details": []});
    let body = json!({"id": "R1", "status": "completed", "status_details": 3, "output": output, "usage": usage});
    talk.server("response.done", json!({"response": body}));
    let out = talk.take();
    assert_eq!((out.of("turn_done").len(), &out.of("usage")[0]["input"]["total"]), (1, &json!(12)));
    assert_eq!((talk.session.stats().malformed, talk.order()), (0, vec!["A1", "F1"]));
    talk.server("input_audio_buffer.speech_started", json!({"item_id": "U1", "audio_start_ms": 12.5}));
    assert_eq!(talk.take().of("speech_started")[0]["audio_ms"], 12);
    talk.finish();
}

#[test]
fn a_closing_session_has_no_timer_in_the_past() {
    let mut talk = Talk::connected(quiet());
    ask(&mut talk);
    // Refused, it waits for two seconds, and in the middle of them the host hangs up.
    talk.error("conversation_already_has_active_response", None);
    talk.pass(1_000);
    talk.host(Command::Disconnect);
    // The invariants look at the timer after each input.
    talk.pass(1_500);
    talk.microphone(20);
    talk.pass(10_000);
    talk.finish();
}

#[test]
fn a_refusal_of_the_hosts_own_event_does_not_repeat_a_request() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk);
    let request = talk.take().request();
    talk.host(Command::SendRaw { json: r#"{"type":"response.create","event_id":"mine"}"#.into() });
    talk.error("conversation_already_has_active_response", Some("mine"));
    talk.pass(5_000);
    let out = talk.take();
    assert_eq!(out.complaints(), ["provider"]);
    assert!(!out.frames().iter().any(|f| f["response"]["metadata"]["client_event_id"] == request.as_str()));
    talk.response_for("R1", Some(&request));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.finish();
}

#[test]
fn a_constant_event_id_does_not_confuse_types() {
    let mut talk = Talk::new(quiet());
    talk.host(Command::Connect);
    talk.opened();
    // Both frames have the same length, too.
    talk.wire(r#"{"type":"session.created","event_id":"event","session":{}}"#);
    talk.wire(r#"{"type":"session.updated","event_id":"event","session":{}}"#);
    assert_eq!(*talk.session.status(), duologue::event::Status::Connected);
    talk.finish();
}

#[test]
fn what_is_never_acknowledged_ends() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    let text = talk.host(Command::SendText { text: "hello".into(), respond: false, interrupt: false });
    let event = talk.take().event_id("conversation.item.create");
    talk.pass(1_000);
    talk.call("R1", "F1", "call_1", "f", "{}");
    let result = talk.answer("call_1", "{}");
    talk.pass(13_999);
    let out = talk.take();
    assert_eq!((out.completed(text), out.completed(result)), (None, None));
    talk.pass(1);
    let out = talk.take();
    assert_eq!((out.completed(text).unwrap().unwrap().code, out.completed(result)), ("unacknowledged".into(), None));
    talk.pass(1_000);
    assert_eq!(talk.take().completed(result).unwrap().unwrap().code, "unacknowledged");
    // A refusal that comes late still takes the message out.
    talk.error("invalid_value", Some(&event));
    let out = talk.take();
    assert_eq!((out.of("message")[0]["op"].clone(), out.complaints()), (json!("removed"), vec!["rejected".into()]));
    talk.finish();
}

#[test]
fn a_speaker_that_never_reports_its_flush_holds_nothing_up() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 900, "some words that are spoken");
    talk.plays(400);
    let op = talk.host(Command::Interrupt);
    talk.done("R1", "cancelled", None);
    talk.pass(1_999);
    assert_eq!(talk.take().completed(op), None);
    talk.pass(1);
    let out = talk.take();
    assert_eq!((out.completed(op), out.complaints()), (Some(None), vec!["flush_unconfirmed".into()]));
    assert_eq!((&out.frames()[0]["audio_end_ms"], out.of("turn_done").len()), (&json!(400), 1));
    assert_eq!(out.of("mode").last().unwrap()["agent"], "idle");
    // Its report comes when the next one is waited for: it is not taken for that one.
    talk.response("R2");
    talk.item("R2", "A2", None, "audio");
    talk.speech("R2", "A2", 0, 900, "some words that are spoken");
    let second = talk.host(Command::Interrupt);
    talk.input(duologue::session::Input::Playout {
        report: duologue::audio::playout::PlayoutReport::Flushed { played: 9_600, resume: 21_600, source: 21_600 },
    });
    assert_eq!(talk.take().completed(second), None);
    talk.flushes();
    assert_eq!(talk.take().completed(second), Some(None));
    talk.finish();
}

#[test]
fn a_late_flush_of_an_old_run_tells_the_new_vendor_what_was_heard_and_cuts_nothing() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 900, "some words that are spoken");
    talk.plays(400);
    talk.closed(None, "", None);
    talk.connect();
    assert!(talk.told().iter().any(|item| item["id"] == "A1"));
    talk.take();
    talk.plays(100);
    talk.flushes();
    let out = talk.take();
    // It is text there, which cannot be cut: as little of it as was heard takes its place.
    assert_eq!((out.of("interrupted").len(), talk.order()), (1, vec!["A1"]));
    let frames = out.frames();
    let heard = &out.of("transcript")[0]["text"];
    assert_eq!(out.names(), ["conversation.item.delete", "conversation.item.create"]);
    assert_eq!(&frames[1]["item"]["content"][0]["text"], heard);
    talk.server("conversation.item.deleted", json!({"item_id": "A1"}));
    talk.acknowledge();
    assert_eq!(talk.order(), ["A1"]);
    talk.finish();
}

#[test]
fn a_lost_connection_leaves_no_message_open() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    talk.user_speaks("U2", 900);
    let delta = json!({"item_id": "U2", "content_index": 0, "delta": "half a"});
    talk.server("conversation.item.input_audio_transcription.delta", delta);
    talk.user_speaks("U3", 1900);
    talk.response("R1");
    talk.item("R1", "A1", None, "text");
    let delta = json!({"response_id": "R1", "item_id": "A1", "content_index": 0, "delta": "written"});
    talk.server("response.output_text.delta", delta);
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.item("R1", "A2", None, "audio");
    talk.speech("R1", "A2", 0, 2000, "one two three four five six seven eight");
    talk.item("R1", "A3", None, "audio");
    talk.speech("R1", "A3", 0, 300, "never heard");
    talk.item("R1", "A4", None, "audio");
    talk.plays(500);
    talk.closed(None, "", None);
    assert_eq!(talk.message("A4"), None, "nobody heard it");
    talk.flushes();
    assert_eq!(talk.order(), ["U1", "U2", "U3", "A1", "F1", "A2"]);
    let state = |item: &str| talk.message(item).unwrap().state;
    assert_eq!(["U1", "U2", "U3"].map(state), [State::Completed, State::Incomplete, State::Completed]);
    assert_eq!(["A1", "A2"].map(state), [State::Incomplete; 2]);
    assert!(talk.message("A1").unwrap().interrupted && talk.message("A2").unwrap().interrupted);
    let Part::Audio { heard_transcript, heard_ms, .. } = &talk.message("A2").unwrap().parts[0] else { panic!() };
    assert_eq!((heard_transcript.as_deref(), *heard_ms), (Some("one two"), 500));
    let Part::ToolCall { state, .. } = &talk.message("F1").unwrap().parts[0] else { panic!() };
    assert_eq!(*state, ToolCallState::Cancelled);
    talk.finish();
}

#[test]
fn the_effective_session_says_whether_an_answer_comes() {
    for (wished, effective) in [(true, false), (false, true)] {
        let mut talk = Talk::new(json!({"auto_capture": false, "turn_detection": {"create_response": wished}}));
        talk.host(Command::Connect);
        talk.opened();
        talk.server("session.created", json!({"session": {}}));
        let mut session = talk.wish();
        session["audio"]["input"]["turn_detection"]["create_response"] = effective.into();
        talk.server("session.updated", json!({"session": session}));
        talk.user_speaks("U1", 0);
        talk.user_is_silent("U1", None, 900);
        let agent = talk.take().of("mode").last().unwrap()["agent"].clone();
        assert_eq!(agent, if effective { "thinking" } else { "idle" });
        talk.finish();
    }
}

#[test]
fn without_a_microphone_nobody_listens() {
    let talk = Talk::connected(json!({"audio": {"input": {"source": "none"}}}));
    let (mut talk, mut with) = (talk, Talk::new(json!({"audio": {"input": {"source": "none"}}})));
    with.connect();
    let out = with.take();
    assert!(out.of("mode").is_empty() && !out.0.iter().any(|o| matches!(o, Output::Capture { on: true })));
    talk.user_speaks("U1", 0);
    assert!(talk.take().of("mode").iter().all(|m| m["mode"] != "listening"));
    talk.finish();
    with.finish();
}

#[test]
fn long_texts_of_a_vendor_are_cut() {
    let mut talk = Talk::connected(quiet());
    let error = json!({"code": "c".repeat(5000), "message": "\u{e9}".repeat(5000), "param": "p".repeat(5000)});
    talk.server("error", json!({"error": error}));
    let error = &talk.take().of("error")[0];
    for field in ["message", "provider_code", "field"] {
        assert_eq!(error[field].as_str().unwrap().len(), 2048, "{field}");
    }
    // Streamed words of one message, and of all together.
    let million = "x".repeat(1000 * 1000);
    talk.response("R1");
    for item in 0..12 {
        let item = format!("A{item}");
        talk.item("R1", &item, None, "text");
        for _ in 0..2 {
            let delta = json!({"response_id": "R1", "item_id": item, "content_index": 0, "delta": million});
            talk.server("response.output_text.delta", delta);
        }
        assert_eq!(talk.message(&item).unwrap().text().len(), 1000 * 1000);
        let message = json!({"id": item, "type": "message", "role": "assistant", "status": "completed", "content": []});
        talk.server("response.output_item.done", json!({"response_id": "R1", "item": message}));
    }
    assert_eq!(talk.order(), ["A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11"]);
    assert_eq!(talk.take().of("message").iter().filter(|m| m["op"] == "removed").count(), 4);
    talk.finish();
}

#[test]
fn an_answer_that_breaks_off_ends_with_the_words_that_were_heard() {
    for reconnect in [true, false] {
        let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {"reconnect": reconnect}}));
        talk.response("R1");
        talk.item("R1", "A1", None, "audio");
        talk.speech("R1", "A1", 0, 400, "one two three four ");
        talk.closed(None, "", None);
        if reconnect {
            talk.plays(1_000);
        } else {
            talk.flushes();
        }
        let out = talk.take();
        let words: Vec<_> = out.of("transcript").into_iter().filter(|t| t["mode"] == "final").collect();
        assert_eq!(words.len(), usize::from(reconnect), "{words:?}");
        for words in words {
            assert_eq!((&words["stage"], &words["item"]), (&json!("heard"), &json!("A1")));
            let part = serde_json::to_value(&talk.message("A1").unwrap().parts[0]).unwrap();
            assert_eq!(words["text"], part["heard_transcript"]);
        }
        talk.finish();
    }
}

#[test]
fn a_text_that_breaks_off_ends_with_what_came_of_it() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.response("R1");
    talk.item("R1", "A1", None, "text");
    let delta =
        json!({"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "one two "});
    talk.server("response.output_text.delta", delta);
    talk.closed(None, "", None);
    let words: Vec<_> = talk.take().of("transcript").into_iter().filter(|t| t["mode"] == "final").collect();
    assert_eq!(words.len(), 1);
    assert_eq!((&words[0]["text"], &words[0]["stage"]), (&json!("one two "), &json!("generated")));
    talk.finish();
}

#[test]
fn words_of_an_answered_turn_that_are_lost_with_the_connection_are_told_to_be_lost() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 400);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 400, "one two ");
    talk.take();
    talk.closed(None, "", None);
    let out = talk.take();
    assert!(out.of("warning").iter().any(|w| w["code"] == "transcription_failed" && w["item"] == "U1"));
    assert!(talk.message("U1").is_some(), "it was said");
    talk.finish();
}
