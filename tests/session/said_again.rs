//! Which microphone audio the next session hears once more, and which it must not.

use super::losses::{asked, cut, told, with, words};
use crate::common::Talk;
use duologue::session::Command;
use serde_json::json;

/// A spoken turn with microphone audio; its words are not transcribed.
fn speaks(talk: &mut Talk, item: &str, previous: Option<&str>, from: u64, ms: u64) {
    talk.user_speaks(item, from);
    for _ in 0..ms / 20 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.user_is_silent(item, previous, from + ms);
}

#[test]
fn words_that_came_out_of_order_are_not_said_twice() {
    let mut talk = with(json!({}));
    for _ in 0..10 {
        talk.microphone(20);
    }
    talk.user_speaks("U1", 0);
    for _ in 0..30 {
        talk.microphone(20);
    }
    talk.user_is_silent("U1", None, 800);
    talk.response("R1");
    // Goes on speaking before anything of the answer came.
    talk.user_speaks("U2", 1000);
    for _ in 0..50 {
        talk.microphone(20);
    }
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.user_is_silent("U2", Some("U1"), 2000);
    // The second transcript is there first.
    words(&mut talk, "U2", "And the weather?");
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let texts: Vec<_> = told(&out).iter().map(|i| i["content"][0]["text"].clone()).collect();
    assert!(
        !(texts.contains(&json!("And the weather?")) && out.appended_ms() > 1200),
        "U2 is told as text {texts:?} and said again with U1: {} ms of audio; history {:?}",
        out.appended_ms(),
        talk.order()
    );
}

#[test]
fn a_turn_that_was_answered_is_not_said_again_because_something_was_typed_since() {
    let mut talk = with(json!({"transcription": null}));
    for _ in 0..10 {
        talk.microphone(20);
        talk.pass(20);
    }
    speaks(&mut talk, "U1", None, 0, 800);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 2000, "It is twenty degrees Fahrenheit outside.");
    talk.item_done("R1", "A1", 0, "It is twenty degrees Fahrenheit outside.");
    talk.done("R1", "completed", None);
    talk.plays(500);
    talk.say("In Celsius?", false);
    talk.acknowledge();
    talk.plays(1500);
    let before = talk.order().into_iter().map(str::to_owned).collect::<Vec<_>>();
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let after = talk.order().into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(
        out.appended_ms() <= 400 && before == after,
        "{} ms said again; {before:?} became {after:?}",
        out.appended_ms()
    );
}

#[test]
fn a_turn_whose_answer_was_heard_and_cut_off_is_not_said_again_with_the_next() {
    let mut talk = with(json!({"transcription": null}));
    for _ in 0..10 {
        talk.microphone(20);
        talk.pass(20);
    }
    speaks(&mut talk, "U1", None, 0, 800);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 2000, "Once upon a time there was a king who had");
    talk.plays(1000);
    // A second of it was heard; the user cuts it off.
    talk.user_speaks("U2", 2000);
    talk.flushes();
    talk.done("R1", "cancelled", Some("turn_detected"));
    for _ in 0..25 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.user_is_silent("U2", Some("A1"), 2500);
    let before = talk.order().into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(before, ["U1", "A1", "U2"]);
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let after = talk.order().into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(
        after.contains(&"U1".to_owned()) && out.appended_ms() <= 1000,
        "U1 was answered for a second; {} ms are said again (U2 is 500 ms), the history is {after:?}",
        out.appended_ms()
    );
}

#[test]
fn a_user_turn_without_words_that_nobody_will_say_again_is_partial_and_answered_once() {
    // No transcription: the turn is said again; the answer that came for 1 s is heard.
    let mut talk = with(json!({"transcription": null}));
    for _ in 0..10 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.user_speaks("U1", 0);
    for _ in 0..40 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.user_is_silent("U1", None, 900);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 1000, "It is noon, and the sun shines.");
    talk.take();
    cut(&mut talk);
    talk.plays(1000);
    talk.reconnected();
    let out = talk.take();
    assert!(!out.names().contains(&"response.create".into()));
    assert!(out.appended_ms() <= 400, "{} ms", out.appended_ms());
    assert_eq!(talk.order(), ["U1", "A1"]);
}

#[test]
fn what_was_captured_long_ago_is_not_sent_to_the_next_session() {
    let mut talk = with(json!({}));
    for _ in 0..50 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.host(Command::SetCapture { on: false });
    talk.pass(600_000);
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(out.appended_ms(), 0, "the microphone has been off for ten minutes");
}

#[test]
fn the_microphone_switched_off_without_a_connection_keeps_nothing_for_the_next() {
    let mut talk = with(json!({}));
    for _ in 0..50 {
        talk.microphone(20);
        talk.pass(20);
    }
    cut(&mut talk);
    talk.host(Command::SetCapture { on: false });
    talk.pass(5_000);
    talk.take();
    talk.reconnected();
    let out = talk.take();
    assert_eq!(
        (out.appended_ms(), out.names().contains(&"input_audio_buffer.commit".into())),
        (0, false),
        "sound of before, without an end, stands before what is said next"
    );
}

#[test]
fn muted_while_the_line_is_down_stays_silent_on_the_next() {
    let mut talk = with(json!({}));
    cut(&mut talk);
    talk.host(Command::SetInputMuted { muted: true });
    for _ in 0..50 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.take();
    talk.reconnected();
    let out = talk.take();
    assert!(out.samples().iter().all(|b| *b == 0), "what was said while muted is sent");
}

#[test]
fn what_is_said_after_clear_input_in_a_held_turn_is_said_again_whole() {
    let mut talk = with(json!({"turn_detection": {"mode": "manual"}}));
    talk.host(Command::StartListening);
    talk.host(Command::ClearInput);
    for _ in 0..100 {
        talk.microphone(20);
        talk.pass(20);
    }
    cut(&mut talk);
    talk.take();
    talk.reconnected();
    let out = talk.take();
    assert_eq!(
        (out.appended_ms(), out.of("session_replaced")[0]["gap_ms"].clone()),
        (2000, json!(0)),
        "the button is still held; what was said since is in nobody's buffer"
    );
}

#[test]
fn a_turn_that_was_said_and_ended_without_a_connection_is_ended_on_the_next() {
    let mut talk = with(json!({}));
    cut(&mut talk);
    talk.take();
    for _ in 0..50 {
        talk.microphone(20);
        talk.pass(20);
    }
    let op = talk.host(Command::StopListening);
    assert_eq!(talk.take().completed(op), Some(None));
    talk.reconnected();
    // The service hears somebody begin; its clock is the audio it gets, and no more will come.
    talk.user_speaks("U1", 100);
    talk.pass(60_000);
    let out = talk.take();
    assert_eq!(out.appended_ms(), 1000);
    assert!(out.names().contains(&"input_audio_buffer.commit".into()), "nobody ends it: {:?}", out.names());
}

#[test]
fn what_is_said_next_stands_behind_an_answer_the_next_session_was_not_told() {
    let mut talk = with(json!({"auto_capture": false}));
    asked(&mut talk, "U1", "Sing!");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    // It has no words: nothing of it can be told.
    talk.speech("R1", "A1", 0, 1000, "");
    talk.plays(500);
    cut(&mut talk);
    talk.plays(500);
    talk.reconnected();
    assert_eq!(told(&talk.take()).len(), 1);
    talk.user_speaks("U2", 0);
    talk.user_is_silent("U2", Some("U1"), 900);
    assert_eq!(talk.order(), ["U1", "A1", "U2"]);
}
