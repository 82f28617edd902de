//! What a run that lost its connection asks for once more, and what it does not.

use super::losses::{self, asked, cut, replaying, talk, told, with, words};
use duologue::session::Command;
use serde_json::json;

#[test]
fn interrupt_without_a_connection_takes_back_a_request_as_it_does_with_one() {
    // With one: cancelled before it began.
    let mut talk = talk();
    let op = talk.host(Command::RequestResponse { options: Default::default() });
    talk.host(Command::Interrupt);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "cancelled");
    // Without.
    let mut talk = losses::talk();
    let op = talk.host(Command::RequestResponse { options: Default::default() });
    cut(&mut talk);
    talk.take();
    talk.host(Command::Interrupt);
    talk.reconnected();
    let out = talk.take();
    assert!(!out.names().contains(&"response.create".into()), "the host said stop: {:?}", out.names());
    assert!(out.completed(op).is_some());
}

#[test]
fn interrupt_without_a_connection_stops_the_answer_to_typed_words() {
    let mut talk = talk();
    talk.say("Tell me a story.", false);
    cut(&mut talk);
    talk.host(Command::Interrupt);
    talk.take();
    talk.reconnected();
    assert!(!talk.take().names().contains(&"response.create".into()));
}

#[test]
fn a_torn_answer_that_was_cut_off_by_the_host_is_not_asked_for_again() {
    // The host interrupts while there is no connection; the answer was owed.
    let mut talk = talk();
    asked(&mut talk, "U1", "How are you?");
    talk.response("R1");
    cut(&mut talk);
    talk.host(Command::Interrupt);
    talk.take();
    talk.reconnected();
    assert!(!talk.take().names().contains(&"response.create".into()));
}

#[test]
fn tools_of_a_response_are_known_when_it_is_asked_for_again() {
    let mut talk = talk();
    let options = serde_json::from_value(json!({
        "tools": [{"name": "lookup", "parameters": {"type": "object"}}]
    }))
    .unwrap();
    talk.host(Command::RequestResponse { options });
    let request = talk.take().request();
    talk.response_for("R1", Some(&request));
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let request = out.request();
    let create = out.frames().into_iter().find(|f| f["type"] == "response.create").unwrap();
    assert_eq!(create["response"]["tools"][0]["name"], "lookup");
    talk.response_for("R2", Some(&request));
    talk.call("R2", "F1", "call_1", "lookup", "{}");
    let out = talk.take();
    assert_eq!((out.of("tool_call").len(), out.complaints()), (1, Vec::<String>::new()));
}

#[test]
fn words_to_be_said_are_said_again_where_no_metadata_comes_back() {
    let mut talk = talk();
    talk.host(Command::Say { text: "Goodbye, Ada!".into() });
    talk.take();
    // A host of the dialect that returns no metadata.
    talk.response("R1");
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let create = out.frames().into_iter().find(|f| f["type"] == "response.create").expect("it is asked for again");
    assert!(create.to_string().contains("Goodbye, Ada!"), "{create}");
}

#[test]
fn what_the_next_session_cannot_be_told_is_not_answered() {
    let mut talk = talk();
    let long = "word ".repeat(20_000);
    let op = talk.say(&long, false);
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    let end = out.completed(op);
    let shown = talk.order().len();
    assert!(
        told(&out).iter().any(|i| i["content"][0]["text"] == long.as_str())
            || !out.names().contains(&"response.create".into()),
        "the model is asked to answer words it was not told; the command ended with {end:?}, messages in the \
         history: {shown}"
    );
}

#[test]
fn a_written_answer_of_one_letter_is_asked_for_again() {
    let mut talk = with(json!({"auto_capture": false, "output_modality": "text"}));
    talk.say("What is the capital of France?", false);
    let request = talk.take().request();
    talk.acknowledge();
    talk.response_for("R1", Some(&request));
    talk.item("R1", "A1", None, "text");
    talk.server(
        "response.output_text.delta",
        json!({"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "T"}),
    );
    cut(&mut talk);
    talk.take();
    talk.reconnected();
    let out = talk.take();
    assert!(out.names().contains(&"response.create".into()), "nobody will ever answer: {:?}", out.names());
}

#[test]
fn a_held_turn_whose_words_are_known_is_answered_once() {
    // Manual turn committed, request sent, answer began and is torn before 300 ms.
    let mut talk = with(json!({"turn_detection": {"mode": "manual"}}));
    talk.host(Command::StartListening);
    for _ in 0..30 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.host(Command::StopListening);
    let out = talk.take();
    let request = out.request();
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    words(&mut talk, "U1", "What time is it?");
    talk.response_for("R1", Some(&request));
    cut(&mut talk);
    talk.take();
    talk.reconnected();
    let out = talk.take();
    let creates = out.names().iter().filter(|n| *n == "response.create").count();
    let again = (told(&out).len(), out.appended_ms(), out.names().contains(&"input_audio_buffer.commit".into()));
    assert_eq!((creates, again), (1, (1, 0, false)), "its words are known and told");
}

#[test]
fn many_losses_before_the_answer_ask_for_it_once_each() {
    let mut talk = talk();
    let op = talk.say("Hello.", false);
    talk.take();
    for _ in 0..3 {
        cut(&mut talk);
        talk.pass(8_000);
        replaying(&mut talk);
        cut(&mut talk);
        talk.pass(8_000);
        talk.take();
        talk.reconnected();
        let out = talk.take();
        assert_eq!(out.names().iter().filter(|n| *n == "response.create").count(), 1);
        assert_eq!(told(&out).len(), 1);
        talk.pass(6_000);
        let _ = op;
    }
    assert_eq!(talk.order().len(), 1);
    talk.finish();
}

#[test]
fn a_question_the_service_finds_too_big_fails_and_is_not_answered() {
    let mut talk = talk();
    let op = talk.say(&"word ".repeat(20_000), false);
    talk.take();
    talk.closed(Some(1009), "too big", None);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(out.completed(op).unwrap().unwrap().code, "too_long");
    assert!(!out.names().contains(&"response.create".into()), "{:?}", out.names());
    assert_eq!(out.of("warning")[0]["code"], "question_untold");
    assert_eq!(talk.order().len(), 1, "what was said does not get lost");
    talk.finish();
}

#[test]
fn interrupt_without_a_connection_takes_back_the_answer_to_a_held_turn() {
    let mut talk = with(json!({"turn_detection": {"mode": "manual"}}));
    talk.host(Command::StartListening);
    for _ in 0..30 {
        talk.microphone(20);
        talk.pass(20);
    }
    talk.host(Command::StopListening);
    cut(&mut talk);
    talk.host(Command::Interrupt);
    talk.take();
    talk.reconnected();
    let names = talk.take().names();
    assert!(names.contains(&"input_audio_buffer.commit".into()), "it was said all the same: {names:?}");
    assert!(!names.contains(&"response.create".into()), "{names:?}");
}
