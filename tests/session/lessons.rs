//! Bugs of the systems we replace, each with the test that would have caught it. Which bug of whom each is:
//! ARCHITECTURE.md, "Lessons". Those about credentials are in `credentials`, those about other modules'
//! matters beside them.

use crate::common::Talk;
use duologue::{
    event::Mode,
    message::{Part, Role},
    session::{Command, Output},
};
use serde_json::{Value, json};

fn audible(config: Value) -> Talk {
    let mut talk = Talk::connected(config);
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 3000, "one two three four five six");
    talk.plays(1000);
    talk.take();
    talk
}

#[test]
fn lesson_manual_mode_commits_and_asks() {
    let mut talk = Talk::connected(json!({"turn_detection": {"mode": "manual"}}));
    talk.host(Command::StartListening);
    talk.microphone(500);
    talk.host(Command::StopListening);
    let names = talk.take().names();
    assert_eq!(names[1..], ["input_audio_buffer.commit", "response.create"]);
    talk.finish();
}

#[test]
fn lesson_without_auto_capture_nothing_is_opened_or_sent() {
    for mode in ["server", "semantic", "manual"] {
        let mut talk = Talk::new(json!({"auto_capture": false, "turn_detection": {"mode": mode}}));
        talk.connect();
        talk.microphone(500);
        let out = talk.take();
        assert!(!out.has_capture(true), "{mode}: the microphone stays shut");
        assert_eq!(out.appended_ms(), 0, "{mode}");
        talk.finish();
    }
}

#[test]
fn lesson_speaking_lasts_until_the_last_sample_not_until_the_last_event() {
    let mut talk = audible(json!({"auto_capture": false}));
    talk.item_done("R1", "A1", 0, "one two three four five six");
    talk.done("R1", "completed", None);
    assert!(talk.take().of("mode").is_empty(), "still speaking");
    talk.plays(2000);
    assert_eq!(talk.take().of("mode")[0]["mode"], serde_json::to_value(Mode::Idle).unwrap());
    talk.finish();
}

#[test]
fn lesson_words_accumulate() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.user_speaks("U1", 0);
    for delta in ["What ", "time ", "is it?"] {
        talk.server(
            "conversation.item.input_audio_transcription.delta",
            json!({"item_id": "U1", "content_index": 0, "delta": delta}),
        );
    }
    assert_eq!(talk.message("U1").unwrap().text(), "What time is it?");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    for delta in ["It ", "is ", "noon."] {
        talk.speech("R1", "A1", 0, 100, delta);
    }
    assert_eq!(talk.message("A1").unwrap().text(), "It is noon.");
    talk.finish();
}

#[test]
fn lesson_the_interrupted_flag_survives_the_end_of_its_item() {
    let mut talk = audible(json!({"auto_capture": false}));
    talk.host(Command::Interrupt);
    talk.flushes();
    talk.item_done("R1", "A1", 0, "one two three four five six");
    talk.done("R1", "cancelled", Some("client_cancelled"));
    assert!(talk.message("A1").unwrap().interrupted);
    // And it marks no other message.
    talk.response("R2");
    talk.item("R2", "A2", Some("A1"), "text");
    assert!(!talk.message("A2").unwrap().interrupted);
    talk.finish();
}

#[test]
fn lesson_interrupt_cancels_silences_and_truncates() {
    let mut talk = audible(json!({"auto_capture": false}));
    let op = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!(out.names(), ["response.cancel"]);
    talk.flushes();
    let out = talk.take();
    assert_eq!((out.completed(op), out.names()), (Some(None), vec!["conversation.item.truncate".to_owned()]));
    // Later chunks of the same turn are not played.
    talk.speech("R1", "A1", 0, 500, "seven");
    assert_eq!(talk.take().played_ms(), 0);
    talk.finish();
}

#[test]
fn lesson_parallel_tools_do_not_end_in_silence() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "c1", "f", "{}");
    talk.call("R1", "F2", "c2", "f", "{}");
    talk.done("R1", "completed", None);
    talk.answer("c1", "one");
    talk.answer("c2", "two");
    let names = talk.take().names();
    assert_eq!(names.iter().filter(|n| *n == "response.create").count(), 1, "{names:?}");
    assert_eq!(names.last().unwrap(), "response.create", "after the last result");
    talk.finish();
}

#[test]
fn lesson_tool_calls_and_results_are_parts_of_messages() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "c1", "f", r#"{"a":1}"#);
    talk.answer("c1", "");
    let parts = &talk.message("F1").unwrap().parts;
    assert!(matches!(&parts[0], Part::ToolCall { input: Some(input), .. } if *input == json!({"a": 1})));
    assert!(matches!(&parts[1], Part::ToolResult { content, is_error: false, .. } if content.is_empty()));
    // An empty result is an answer too.
    let out = talk.take();
    assert_eq!(out.frames().last().unwrap()["item"]["output"], "");
    talk.finish();
}

#[test]
fn lesson_false_and_zero_are_settings() {
    let mut talk = Talk::new(json!({"auto_capture": false, "turn_detection":
        {"threshold": 0.0, "prefix_padding_ms": 0, "create_response": false, "interrupt_response": false}}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let wish = talk.wish();
    let detection = &wish["audio"]["input"]["turn_detection"];
    assert_eq!(
        (
            &detection["threshold"],
            &detection["prefix_padding_ms"],
            &detection["create_response"],
            &detection["interrupt_response"]
        ),
        (&json!(0.0), &json!(0), &json!(false), &json!(false))
    );
    talk.finish();
}

#[test]
fn lesson_speech_does_not_cut_where_nothing_may_interrupt() {
    let mut talk = audible(json!({"auto_capture": false, "turn_detection": {"interrupt_response": false}}));
    talk.user_speaks("U1", 100);
    // While the user speaks the assistant's audio goes on.
    talk.speech("R1", "A1", 0, 500, " seven");
    let out = talk.take();
    assert_eq!((out.names(), out.played_ms()), (vec![], 500));
    talk.plays(500);
    assert!(talk.session.messages().iter().all(|m| !m.interrupted));
    talk.finish();
}

#[test]
fn lesson_the_first_of_two_tools_does_not_unmute() {
    let mut talk = Talk::connected(json!({"tools": [{"name": "f"}], "tool_handling": {"mute_input": true}}));
    talk.response("R1");
    talk.call("R1", "F1", "c1", "f", "{}");
    talk.call("R1", "F2", "c2", "f", "{}");
    talk.answer("c1", "one");
    talk.take();
    talk.microphone(20);
    assert!(talk.take().samples().iter().all(|s| *s == 0));
    talk.finish();
}

#[test]
fn lesson_tools_never_undo_the_users_own_mute() {
    let mut talk = Talk::connected(json!({"tools": [{"name": "f"}], "tool_handling": {"mute_input": true}}));
    talk.host(Command::SetInputMuted { muted: true });
    talk.response("R1");
    talk.call("R1", "F1", "c1", "f", "{}");
    talk.answer("c1", "one");
    talk.take();
    talk.microphone(20);
    let out = talk.take();
    assert!(out.appended_ms() == 20 && out.samples().iter().all(|s| *s == 0));
    talk.finish();
}

#[test]
fn lesson_an_update_sends_neither_voice_nor_detection_again() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "voice": "cedar"}));
    talk.host(Command::UpdateSession { changes: json!({"instructions": "b"}) });
    let frames = talk.take().frames();
    assert_eq!(frames[0]["session"], json!({"type": "realtime", "instructions": "b"}));
    talk.finish();
}

#[test]
fn lesson_an_update_that_cannot_be_made_is_no_silent_success() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    let op = talk.host(Command::UpdateSession { changes: json!({"model": "gpt-realtime-2"}) });
    let error = talk.take().completed(op).unwrap().expect("refused");
    assert_eq!(error.field.as_deref(), Some("model"));
    talk.finish();
}

#[test]
fn lesson_mute_works_on_a_websocket() {
    let mut talk = Talk::connected(json!({}));
    let op = talk.host(Command::SetInputMuted { muted: true });
    assert_eq!(talk.take().completed(op), Some(None));
    talk.microphone(40);
    let out = talk.take();
    assert!(out.appended_ms() == 40 && out.samples().iter().all(|s| *s == 0), "time goes on in silence");
    talk.finish();
}

#[test]
fn lesson_a_request_beside_the_users_own_turn_is_answered_after_it() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 900);
    // Both at the same moment; the service refuses the second.
    let op = crate::ask(&mut talk);
    let create = talk.take();
    talk.response("R1");
    talk.error("conversation_already_has_active_response", Some(&create.event_id("response.create")));
    talk.pass(12_000);
    assert_eq!(talk.take().completed(op), None, "it waits");
    talk.done("R1", "completed", None);
    let request = talk.take().request();
    talk.response_for("R2", Some(&request));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.finish();
}

#[test]
fn lesson_a_refused_truncate_silences_nobody() {
    let mut talk = audible(json!({"auto_capture": false}));
    talk.host(Command::Interrupt);
    talk.flushes();
    let event = talk.take().event_id("conversation.item.truncate");
    talk.error("unsupported_content_type", Some(&event));
    talk.done("R1", "cancelled", Some("client_cancelled"));
    talk.response("R2");
    talk.item("R2", "A2", Some("A1"), "audio");
    talk.speech("R2", "A2", 0, 300, "go on");
    let out = talk.take();
    assert_eq!((out.played_ms(), out.of("error").len()), (300, 0));
    talk.finish();
}

#[test]
fn lesson_nothing_heard_is_deleted_and_never_truncated_at_zero() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "one");
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    let frames = talk.take().frames();
    assert_eq!(frames.last().unwrap()["type"], "conversation.item.delete");
    assert!(talk.message("A1").is_none());
    talk.finish();
}

#[test]
fn lesson_an_abandoned_request_never_speaks() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    crate::ask(&mut talk);
    let request = talk.take().request();
    talk.host(Command::Interrupt);
    talk.response_for("R1", Some(&request));
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "zombie");
    let out = talk.take();
    assert_eq!((out.names(), out.played_ms()), (vec!["response.cancel".to_owned()], 0));
    talk.finish();
}

#[test]
fn lesson_the_second_items_cut_is_not_counted_from_the_first() {
    // Several spoken items in one response: the one being heard is cut, at its own position.
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "first");
    talk.item_done("R1", "A1", 0, "first");
    talk.item("R1", "A2", Some("A1"), "audio");
    talk.speech("R1", "A2", 0, 1000, "second");
    talk.plays(1400);
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    let cut: Vec<Value> =
        talk.take().frames().into_iter().filter(|f| f["type"] == "conversation.item.truncate").collect();
    assert_eq!(cut.len(), 1);
    assert_eq!((&cut[0]["item_id"], &cut[0]["audio_end_ms"]), (&json!("A2"), &json!(400)));
    talk.finish();
}

#[test]
fn lesson_a_transcript_that_comes_late_stands_before_the_answer() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 900);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": "U1", "content_index": 0, "transcript": "Hello?"}),
    );
    assert_eq!(talk.order(), ["U1", "A1"]);
    assert_eq!((talk.message("U1").unwrap().role, talk.message("U1").unwrap().text()), (Role::User, "Hello?".into()));
    talk.finish();
}

#[test]
fn lesson_settings_and_extras_reach_the_vendor() {
    let mut talk = Talk::new(json!({"auto_capture": false, "extra": {"tracing": "auto"}, "turn_detection":
        {"threshold": 0.7, "prefix_padding_ms": 250, "silence_duration_ms": 650}}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let wish = talk.wish();
    let detection = &wish["audio"]["input"]["turn_detection"];
    assert_eq!(
        [&detection["type"], &detection["threshold"], &detection["prefix_padding_ms"], &wish["tracing"]],
        [&json!("server_vad"), &json!(0.7), &json!(250), &json!("auto")]
    );
    assert_eq!(detection["silence_duration_ms"], 650);
    talk.finish();
}

#[test]
fn lesson_connecting_twice_dials_once() {
    let mut talk = Talk::new(json!({"auto_capture": false}));
    let ops = [talk.connect(), talk.host(Command::Connect)];
    let out = talk.take();
    assert_eq!(out.0.iter().filter(|o| matches!(o, Output::Dial { .. })).count(), 1);
    assert!(ops.iter().all(|op| out.completed(*op).is_some()), "and both are answered");
    talk.finish();
    // The second one in the middle of the first.
    let mut talk = Talk::new(json!({"auto_capture": false}));
    let ops = [talk.host(Command::Connect), talk.host(Command::Connect)];
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    let out = talk.take();
    assert_eq!(out.0.iter().filter(|o| matches!(o, Output::Dial { .. })).count(), 1);
    assert!(ops.iter().all(|op| out.completed(*op).is_some()), "and both are answered");
    talk.finish();
}

#[test]
fn lesson_a_connect_that_fails_leaves_nothing_running() {
    for steps in 0..3 {
        let mut talk = Talk::new(json!({}));
        let op = talk.host(Command::Connect);
        if steps > 0 {
            talk.opened();
        }
        if steps > 1 {
            talk.server("session.created", json!({"session": {}}));
        }
        talk.closed(Some(1011), "no", None);
        let out = talk.take();
        assert!(matches!(out.completed(op), Some(Some(_))), "{steps}");
        assert!(!out.has_capture(true), "{steps}: the microphone was never opened");
        assert_eq!((talk.session.timeout(), talk.open_ops().len()), (None, 0), "{steps}: nothing is armed or open");
        talk.finish();
    }
}

#[test]
fn lesson_the_microphone_goes_on_while_the_assistant_speaks() {
    let mut talk = audible(json!({}));
    talk.microphone(200);
    let out = talk.take();
    assert_eq!(out.appended_ms(), 200);
    assert!(out.samples().iter().any(|s| *s != 0), "what is said is sent, not silence");
    talk.finish();
}

#[test]
fn lesson_what_was_said_without_a_connection_is_not_sent_later() {
    let mut talk = Talk::connected(json!({}));
    talk.closed(None, "", None);
    talk.take();
    talk.microphone(400);
    talk.connect();
    let out = talk.take();
    assert_eq!(out.appended_ms(), 0, "stale audio");
    talk.microphone(40);
    assert_eq!(talk.take().appended_ms(), 40);
    talk.finish();
}

#[test]
fn lesson_messages_keep_words_and_no_audio() {
    let mut talk = audible(json!({"auto_capture": false}));
    talk.item_done("R1", "A1", 0, "one two three four five six");
    talk.done("R1", "completed", None);
    // Three seconds would be 190 000 characters of base64.
    let kept = serde_json::to_string(&talk.session.messages()).unwrap();
    assert!(kept.contains("six") && kept.len() < 2_000, "{}", kept.len());
    talk.finish();
}

#[test]
fn lesson_an_update_keeps_the_connection_and_its_calls() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "c1", "f", "{}");
    talk.done("R1", "completed", None);
    talk.host(Command::UpdateSession { changes: json!({"instructions": "b", "turn_detection": {"threshold": 0.9}}) });
    talk.answer("c1", "one");
    let out = talk.take();
    assert!(!out.0.iter().any(|o| matches!(o, Output::Dial { .. } | Output::Close { .. })));
    assert_eq!((out.of("tool_cancelled").len(), out.of("status").len()), (0, 0));
    assert_eq!(out.names(), ["session.update", "conversation.item.create", "response.create"]);
    talk.finish();
}

#[test]
fn lesson_a_transcript_says_whether_it_is_final() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 900);
    let part = json!({"item_id": "U1", "content_index": 0, "delta": "Hel"});
    talk.server("conversation.item.input_audio_transcription.delta", part);
    let whole = json!({"item_id": "U1", "content_index": 0, "transcript": "Hello?"});
    talk.server("conversation.item.input_audio_transcription.completed", whole);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 500, "Good ");
    talk.item_done("R1", "A1", 0, "Good day.");
    let told = talk.take().of("transcript");
    let told: Vec<[&Value; 3]> =
        told.iter().filter(|t| t["stage"] != "heard").map(|t| [&t["role"], &t["mode"], &t["text"]]).collect();
    let wanted = json!([
        ["user", "delta", "Hel"],
        ["user", "final", "Hello?"],
        ["assistant", "delta", "Good "],
        ["assistant", "final", "Good day."]
    ]);
    assert_eq!(json!(told), wanted);
    talk.finish();
}
