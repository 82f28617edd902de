//! Turns begun and ended by hand, and the vendor's own that is not to be cut.

use crate::common::Talk;
use duologue::session::Command;
use serde_json::{Value, json};

fn manual(more: &[(&str, Value)]) -> Talk {
    let mut detection = json!({"mode": "manual"});
    for (key, value) in more {
        detection[*key] = value.clone();
    }
    Talk::connected(json!({"turn_detection": detection}))
}

/// Milliseconds of audio sent since the last look, and the names of the other frames in order.
fn sent(talk: &mut Talk) -> (u64, Vec<String>) {
    talk.join_appends();
    let out = talk.take();
    (out.appended_ms(), out.names())
}

#[test]
fn checklist_19_clear_append_commit_create_in_order() {
    let mut talk = manual(&[]);
    talk.microphone(500);
    assert_eq!(sent(&mut talk), (0, vec![]), "between turns nothing leaves");
    talk.host(Command::StartListening);
    talk.microphone(200);
    let op = talk.host(Command::StopListening);
    let mut names: Vec<String> = talk.take().all_names();
    names.dedup();
    let order = ["clear", "append", "commit"].map(|n| format!("input_audio_buffer.{n}"));
    assert_eq!(names, [&order[..], &["response.create".to_owned()]].concat());
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.finish();
}

#[test]
fn checklist_18_less_than_the_vendors_least_is_never_committed() {
    let mut talk = manual(&[]);
    talk.host(Command::StartListening);
    talk.microphone(80);
    talk.take();
    let op = talk.host(Command::StopListening);
    let out = talk.take();
    assert_eq!(out.names(), ["input_audio_buffer.clear"]);
    assert_eq!(out.completed(op).unwrap().unwrap().code, "turn_too_short");
    // What the service finds too short all the same is told in the same words.
    talk.host(Command::StartListening);
    talk.microphone(100);
    let op = talk.host(Command::StopListening);
    let event = talk.take().event_id("input_audio_buffer.commit");
    talk.error("input_audio_buffer_commit_empty", Some(&event));
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "turn_too_short");
    talk.finish();
}

#[test]
fn the_host_may_ask_for_longer_turns() {
    let mut talk = manual(&[("minimum_ms", json!(500))]);
    talk.host(Command::StartListening);
    talk.microphone(480);
    let op = talk.host(Command::StopListening);
    let error = talk.take().completed(op).unwrap().unwrap();
    assert!(error.code == "turn_too_short" && error.message.contains("500 ms"), "{error}");
    talk.finish();
}

#[test]
fn the_moment_before_the_button_is_sent_and_no_more() {
    for (setting, kept) in [(None, 300), (Some(0), 0), (Some(1000), 900)] {
        let setting = setting.map(|ms| ("prefix_padding_ms", json!(ms)));
        let mut talk = manual(setting.as_slice());
        for _ in 0..45 {
            talk.microphone(20);
        }
        talk.host(Command::StartListening);
        assert_eq!(sent(&mut talk).0, kept, "{setting:?}");
        talk.finish();
    }
}

#[test]
fn what_was_kept_belongs_to_one_turn_only() {
    let mut talk = manual(&[]);
    talk.microphone(300);
    talk.host(Command::StartListening);
    talk.microphone(100);
    talk.host(Command::StopListening);
    talk.take();
    talk.host(Command::StartListening);
    assert_eq!(sent(&mut talk).0, 0, "nothing was captured since");
    talk.finish();
}

#[test]
fn a_muted_microphone_leaves_silence_before_the_button_too() {
    let mut talk = manual(&[]);
    talk.host(Command::SetInputMuted { muted: true });
    talk.microphone(100);
    talk.host(Command::SetInputMuted { muted: false });
    talk.host(Command::StartListening);
    assert!(talk.take().samples().iter().all(|s| *s == 0), "what was said while muted is nobody's business");
    talk.finish();
}

#[test]
fn without_create_response_the_host_asks() {
    let mut talk = manual(&[("create_response", json!(false))]);
    talk.host(Command::StartListening);
    talk.microphone(200);
    talk.host(Command::StopListening);
    assert_eq!(sent(&mut talk).1, ["input_audio_buffer.clear", "input_audio_buffer.commit"]);
    crate::ask(&mut talk);
    assert_eq!(talk.take().names(), ["response.create"]);
    talk.finish();
}

#[test]
fn without_interrupt_response_the_button_cuts_nobody_off() {
    let mut talk = manual(&[("interrupt_response", json!(false))]);
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "one two");
    talk.plays(100);
    talk.take();
    talk.host(Command::StartListening);
    assert_eq!(talk.take().names(), ["input_audio_buffer.clear"]);
    // The answer waits for the end of what is being generated.
    talk.microphone(200);
    talk.host(Command::StopListening);
    assert_eq!(talk.take().names(), ["input_audio_buffer.commit"]);
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().names(), ["response.create"]);
    talk.finish();
}

#[test]
fn the_button_opens_a_microphone_that_was_off_and_closes_it() {
    let mut talk = Talk::connected(json!({"turn_detection": {"mode": "manual"}, "auto_capture": false}));
    talk.microphone(200);
    talk.host(Command::StartListening);
    assert!(talk.take().has_capture(true));
    talk.microphone(200);
    talk.host(Command::StopListening);
    assert!(talk.take().has_capture(false));
    talk.finish();
}

#[test]
fn stop_without_start_is_told_and_start_twice_is_one_turn() {
    let mut talk = manual(&[]);
    let op = talk.host(Command::StopListening);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "not_listening");
    talk.host(Command::StartListening);
    talk.microphone(200);
    let op = talk.host(Command::StartListening);
    let out = talk.take();
    assert_eq!((out.completed(op), out.names().len()), (Some(None), 1), "the turn goes on");
    talk.finish();
}

#[test]
fn clear_input_begins_the_turn_anew() {
    let mut talk = manual(&[]);
    talk.host(Command::StartListening);
    talk.microphone(200);
    talk.host(Command::ClearInput);
    talk.microphone(40);
    let op = talk.host(Command::StopListening);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "turn_too_short");
    talk.finish();
}

#[test]
fn a_turn_does_not_outlive_its_connection() {
    let mut talk = manual(&[]);
    talk.host(Command::StartListening);
    talk.microphone(200);
    talk.closed(None, "", None);
    talk.connect();
    talk.take();
    talk.microphone(200);
    assert_eq!(sent(&mut talk), (0, vec![]), "nobody pressed the button of this one");
    talk.finish();
}

#[test]
fn with_the_vendors_detection_stop_answers_what_is_being_said() {
    let mut talk = Talk::connected(json!({}));
    talk.microphone(500);
    talk.user_speaks("U1", 100);
    talk.take();
    let op = talk.host(Command::StopListening);
    let out = talk.take();
    assert!(out.has_capture(false));
    assert_eq!(out.names(), ["input_audio_buffer.commit"]);
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    let out = talk.take();
    assert_eq!((out.completed(op), out.names()), (Some(None), vec!["response.create".to_owned()]));
    talk.finish();
}

#[test]
fn with_the_vendors_detection_a_turn_that_ends_by_itself_is_answered_once() {
    let mut talk = Talk::connected(json!({}));
    talk.microphone(500);
    talk.user_speaks("U1", 100);
    let op = talk.host(Command::StopListening);
    let commit = talk.take().event_id("input_audio_buffer.commit");
    // The vendor was faster: it answers by itself, and our commit finds nothing.
    talk.user_is_silent("U1", None, 600);
    talk.response("R1");
    talk.error("input_audio_buffer_commit_empty", Some(&commit));
    talk.done("R1", "completed", None);
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None));
    assert_eq!(out.names(), [""; 0], "no second answer is asked for");
    talk.finish();
}

#[test]
fn with_the_vendors_detection_start_and_stop_switch_capturing() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.host(Command::StartListening);
    assert!(talk.take().has_capture(true));
    let op = talk.host(Command::StopListening);
    let out = talk.take();
    assert!(out.has_capture(false) && out.completed(op) == Some(None) && out.names().is_empty());
    talk.finish();
}

#[test]
fn an_answer_of_the_vendor_that_found_another_running_is_asked_for_later() {
    // create_response without interrupt_response: the service fails to start the answer (reference §2.3).
    let mut talk = Talk::connected(json!({"auto_capture": false, "turn_detection": {"interrupt_response": false}}));
    talk.response("R1");
    talk.user_speaks("U1", 100);
    talk.user_is_silent("U1", None, 900);
    talk.error("conversation_already_has_active_response", None);
    assert_eq!(talk.take().names(), [""; 0]);
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().names(), ["response.create"]);
    talk.finish();
}

#[test]
fn commands_of_a_turn_need_a_connection_and_a_microphone() {
    let mut talk = Talk::new(json!({}));
    for command in [Command::StartListening, Command::StopListening, Command::ClearInput] {
        let op = talk.host(command);
        assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "not_connected");
    }
    let mut talk = Talk::connected(json!({"audio": {"input": {"source": "none"}}}));
    let op = talk.host(Command::StartListening);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().field.as_deref(), Some("audio.input.source"));
    talk.finish();
}

#[test]
fn a_turn_the_vendor_refuses_is_not_answered() {
    let mut talk = manual(&[]);
    talk.host(Command::StartListening);
    talk.microphone(200);
    talk.host(Command::StopListening);
    let out = talk.take();
    let (commit, request) = (out.event_id("input_audio_buffer.commit"), out.request());
    talk.error("input_audio_buffer_commit_empty", Some(&commit));
    talk.response_for("R1", Some(&request));
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "what did you say");
    let out = talk.take();
    assert_eq!((out.names(), out.played_ms()), (vec!["response.cancel".to_owned()], 0));
    talk.done("R1", "cancelled", None);
    talk.finish();
}

#[test]
fn the_button_cuts_off_an_answer_that_has_not_begun() {
    let mut talk = manual(&[]);
    let op = crate::ask(&mut talk);
    let request = talk.take().request();
    talk.host(Command::StartListening);
    assert!(crate::cancelled(talk.take().completed(op)));
    talk.response_for("R1", Some(&request));
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "I speak over you");
    let out = talk.take();
    assert_eq!((out.names(), out.played_ms()), (vec!["response.cancel".to_owned()], 0));
    talk.done("R1", "cancelled", None);
    talk.finish();
}

#[test]
fn the_button_cuts_off_also_before_the_vendor_confirmed_that_there_is_one() {
    let mut talk = Talk::connected(json!({}));
    talk.host(Command::UpdateSession { changes: json!({"turn_detection": {"mode": "manual"}}) });
    talk.response("R1");
    talk.take();
    talk.host(Command::StartListening);
    assert_eq!(talk.take().names(), ["input_audio_buffer.clear", "response.cancel"]);
    talk.finish();
}
