//! What the next session is told of an answer that plays on, and what a host is told meanwhile.

use super::losses::{asked, cut, replaying, status, talk, told, with};
use crate::common::frame_of;
use duologue::{message::CallRef, session::Command};
use serde_json::{Value, json};

#[test]
fn an_interruption_while_the_conversation_is_told_reaches_the_model() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    let text = "Once upon a time there was a king who had three daughters and a castle";
    talk.speech("R1", "A1", 0, 4000, text);
    talk.item_done("R1", "A1", 0, text);
    talk.done("R1", "completed", None);
    talk.plays(1000);
    cut(&mut talk);
    talk.take();
    replaying(&mut talk);
    let frames: Vec<Value> = talk.peek().iter().filter_map(frame_of).collect();
    let said = frames.iter().find(|f| f["item"]["id"] == "A1").unwrap()["item"]["content"][0]["text"].clone();
    assert_eq!(said, json!(text));
    talk.host(Command::Interrupt);
    talk.flushes();
    talk.acknowledge();
    talk.pass(100);
    let out = talk.take();
    assert_eq!(status(&talk)["status"], "connected");
    let message = serde_json::to_value(talk.message("A1").unwrap()).unwrap();
    assert!(
        out.names().contains(&"conversation.item.delete".into()),
        "the model was told all of it, the person heard {}: {:?}",
        message["parts"][0]["heard_transcript"],
        out.names()
    );
}

#[test]
fn a_torn_answer_that_is_cut_off_while_it_is_told_is_told_otherwise() {
    // A torn answer is told as it will have been heard; the host interrupts before the service has confirmed.
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 4000, "Once upon a time there was a king who had three daughters and a castle");
    talk.plays(200);
    cut(&mut talk);
    talk.take();
    replaying(&mut talk);
    talk.host(Command::Interrupt);
    talk.flushes();
    talk.acknowledge();
    talk.pass(100);
    let out = talk.take();
    assert!(out.names().contains(&"conversation.item.delete".into()), "{:?}", out.names());
}

#[test]
fn a_call_that_was_told_is_not_told_again_with_its_second_result() {
    let mut talk = talk();
    asked(&mut talk, "U1", "What time is it?");
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "clock", "{}");
    talk.done("R1", "completed", None);
    cut(&mut talk);
    talk.reconnected();
    talk.take();
    let call = CallRef { epoch: 1, id: "call_1".into() };
    talk.host(Command::SubmitToolResult { call: call.clone(), output: "noon".into(), is_error: false });
    let frames: Vec<Value> = talk.peek().iter().filter_map(frame_of).collect();
    let function_call = frames.iter().find(|f| f["item"]["type"] == "function_call").unwrap()["item"].clone();
    let output = frames.iter().find(|f| f["item"]["type"] == "function_call_output").unwrap().clone();
    talk.server("conversation.item.added", json!({"item": function_call}));
    talk.error("invalid_value", output["event_id"].as_str());
    talk.take();
    talk.host(Command::SubmitToolResult { call, output: "twelve".into(), is_error: false });
    let out = talk.take();
    let kinds: Vec<_> = told(&out).iter().map(|i| i["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["function_call_output"], "the conversation has the call already");
}

#[test]
fn what_a_finished_answer_has_left_is_not_silenced_with_the_next() {
    // A1 was generated and still plays; A2 (typed question) had hardly begun when the line broke.
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    let text = "Once upon a time there was a king";
    talk.speech("R1", "A1", 0, 3000, text);
    talk.item_done("R1", "A1", 0, text);
    talk.done("R1", "completed", None);
    talk.plays(500);
    talk.say("And then?", false);
    let request = talk.take().request();
    talk.acknowledge();
    talk.response_for("R2", Some(&request));
    talk.item("R2", "A2", None, "audio");
    talk.speech("R2", "A2", 0, 100, "Then");
    talk.take();
    cut(&mut talk);
    let out = talk.take();
    assert_eq!(out.flushes(), 0, "2.5 s of an answer that is complete here are thrown away with 0.1 s of the next");
}

#[test]
fn a_finished_answer_before_one_that_is_asked_for_again_is_heard_to_its_end() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    let text = "Once upon a time there was a king";
    talk.speech("R1", "A1", 0, 3000, text);
    talk.item_done("R1", "A1", 0, text);
    talk.done("R1", "completed", None);
    talk.plays(500);
    talk.say("And then?", false);
    let request = talk.take().request();
    talk.acknowledge();
    talk.response_for("R2", Some(&request));
    talk.item("R2", "A2", None, "audio");
    talk.speech("R2", "A2", 0, 100, "Then");
    cut(&mut talk);
    if talk.take().flushes() > 0 {
        talk.flushes();
    }
    talk.plays(3000);
    talk.reconnected();
    let message = serde_json::to_value(talk.message("A1").unwrap()).unwrap();
    assert_eq!((&message["parts"][0]["heard_ms"], &message["interrupted"]), (&json!(3000), &json!(false)));
}

#[test]
fn who_speaks_as_the_connection_is_lost_stops() {
    let mut talk = with(json!({}));
    talk.microphone(20);
    talk.user_speaks("U1", 0);
    talk.microphone(20);
    cut(&mut talk);
    talk.pass(8_000);
    talk.reconnected();
    talk.user_speaks("U2", 0);
    talk.user_is_silent("U2", None, 900);
    let out = talk.take();
    assert_eq!(
        (out.of("speech_started").len(), out.of("speech_stopped").len()),
        (2, 2),
        "events: {:?}",
        out.events().map(|e| e.kind.name()).collect::<Vec<_>>()
    );
}

#[test]
fn words_that_interrupt_silence_the_assistant_at_once_without_a_connection() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 4000, "Once upon a time there was a king who had three daughters");
    talk.plays(500);
    cut(&mut talk);
    talk.take();
    talk.say("Stop!", true);
    assert_eq!(talk.take().flushes(), 1, "interrupt: true, and the assistant speaks on until a connection is back");
}

#[test]
fn what_is_said_after_a_loss_stands_behind_the_answer_before_it() {
    // U1 answered, its words never came; U2 is said again: U2 must stand behind A1.
    let mut talk = with(json!({}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 900);
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 1000, "It is noon.");
    talk.item_done("R1", "A1", 0, "It is noon.");
    talk.done("R1", "completed", None);
    talk.plays(1000);
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(out.of("session_replaced")[0]["context"], "partial", "words of U1 are not known");
    asked(&mut talk, "U2", "Thanks.");
    assert_eq!(talk.order(), ["U1", "A1", "U2"]);
}

#[test]
fn words_that_will_never_be_sent_silence_nobody_without_a_connection() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Tell me a story.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 4000, "Once upon a time there was a king who had three daughters");
    talk.plays(500);
    cut(&mut talk);
    talk.take();
    talk.say(" ", true);
    assert_eq!(talk.take().flushes(), 0);
}
