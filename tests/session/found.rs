//! What the simulation (tests/simulation.rs) and the fuzzer (tests/fuzz.rs) found, each told small.

use crate::{common::Talk, losses};
use duologue::{
    event::{EventKind, Status},
    message::CallRef,
    request::ResponseOptions,
    session::{Command, Input},
};
use serde_json::json;

#[test]
fn a_message_nobody_confirms_on_either_connection_ends_once() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.pass(20_000);
    let op = talk.host(Command::SendText { text: "hello".into(), respond: false, interrupt: false });
    talk.closed(None, "", None);
    talk.take();
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    // It is told again, and not confirmed again: five seconds for the replay, fifteen for any item.
    talk.pass(5_000);
    let end = talk.take().completed(op).expect("it ends with the replay").expect("it may not have arrived");
    assert_eq!(end.code, "unacknowledged");
    talk.pass(60_000);
    assert_eq!(talk.take().completed(op), None, "it has ended");
    talk.finish();
}

#[test]
fn a_close_that_nobody_answers_ends_also_while_the_connection_is_being_probed() {
    for reconnect in [true, false] {
        let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {"reconnect": reconnect}}));
        talk.input(Input::Woken);
        talk.pass(4_000);
        let op = talk.host(Command::Disconnect);
        // The probe's own time is over before the close's.
        talk.pass(2_000);
        assert_eq!(talk.take().completed(op), Some(None));
        assert!(matches!(talk.session.status(), Status::Idle { .. }));
        talk.finish();
    }
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {"reconnect": false}}));
    talk.input(Input::Woken);
    talk.pass(7_000);
    assert!(matches!(talk.session.status(), Status::Error { error } if error.code == "silent"));
    talk.finish();
}

#[test]
fn two_messages_of_a_torn_answer_that_end_with_one_report_were_both_heard() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 400, "one two ");
    talk.item_done("R1", "A1", 0, "one two ");
    talk.item("R1", "A2", Some("A1"), "audio");
    talk.speech("R1", "A2", 0, 100, "three ");
    talk.closed(None, "", None);
    talk.plays(2_000);
    assert_eq!(talk.order(), ["A1", "A2"]);
    let part = serde_json::to_value(&talk.message("A2").unwrap().parts[0]).unwrap();
    assert_eq!((&part["heard_ms"], &part["duration_ms"]), (&json!(100), &json!(100)));
    talk.finish();
}

/// Found by fuzzing: the time without a connection ran out during the close, which was then told twice, and the
/// host's own disconnect ended as an error.
#[test]
fn a_disconnect_on_the_way_back_ends_as_the_host_wanted() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {"max_offline_ms": 1000}}));
    talk.pass(20_000);
    talk.closed(None, "", None);
    // The next connection is being dialled.
    talk.pass(500);
    assert!(matches!(talk.session.status(), Status::Reconnecting { .. }));
    let op = talk.host(Command::Disconnect);
    // Nobody answers the close, and a second without a connection is over before two of closing.
    talk.pass(3_000);
    assert_eq!(talk.take().completed(op), Some(None));
    assert!(matches!(talk.session.status(), Status::Idle { .. }));
    talk.finish();
}

#[test]
fn two_turns_by_hand_that_nobody_confirmed_both_end_after_a_loss() {
    let config = json!({"auto_capture": false, "recovery": {}, "turn_detection": {"mode": "manual"}});
    let mut talk = Talk::connected(config);
    talk.pass(20_000);
    let mut turn = || {
        talk.host(Command::StartListening);
        talk.microphone(200);
        talk.host(Command::StopListening)
    };
    let (first, second) = (turn(), turn());
    talk.closed(None, "", None);
    let lost = talk.take().completed(first).expect("it ends").expect("what was said in it is gone");
    assert_eq!(lost.code, "connection_lost");
    talk.reconnected();
    // The newest turn is said again, and answered.
    let out = talk.take();
    assert_eq!(out.appended_ms(), 200);
    assert_eq!(out.names().iter().filter(|n| *n == "input_audio_buffer.commit").count(), 1);
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.take().completed(second), Some(None));
    talk.finish();
}

#[test]
fn a_turn_by_hand_that_nobody_confirmed_ends_when_the_next_one_does_without_a_connection() {
    let config = json!({"auto_capture": false, "recovery": {}, "turn_detection": {"mode": "manual"}});
    let mut talk = Talk::connected(config);
    talk.pass(20_000);
    talk.host(Command::StartListening);
    talk.microphone(200);
    let first = talk.host(Command::StopListening);
    talk.host(Command::StartListening);
    talk.microphone(200);
    talk.closed(None, "", None);
    let second = talk.host(Command::StopListening);
    let lost = talk.take().completed(first).expect("it ends").expect("what was said in it is gone");
    assert_eq!(lost.code, "connection_lost");
    talk.reconnected();
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.take().completed(second), Some(None));
    talk.finish();
}

#[test]
fn the_result_of_a_call_that_left_the_conversation_is_told_to_no_later_connection() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}, "tools": [{"name": "f"}]}));
    talk.pass(20_000);
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    let call = CallRef { epoch: talk.epoch, id: "call_1".into() };
    talk.server("conversation.item.deleted", json!({"item_id": "F1"}));
    talk.closed(None, "", None);
    talk.reconnected();
    talk.take();
    let op = talk.host(Command::SubmitToolResult { call, output: "{}".into(), is_error: false });
    let out = talk.take();
    assert_eq!(out.completed(op).unwrap().unwrap().code, "stale_call");
    assert!(!out.names().contains(&"conversation.item.create".to_owned()), "a result without its call is refused");
}

#[test]
fn a_beginning_of_speech_that_comes_after_its_words_loses_nothing() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.pass(20_000);
    talk.user_is_silent("U1", None, 500);
    let words = json!({"item_id": "U1", "content_index": 0, "transcript": "the question"});
    talk.server("conversation.item.input_audio_transcription.completed", words);
    talk.user_speaks("U1", 0);
    talk.closed(None, "", None);
    assert_eq!(talk.message("U1").expect("it was said and understood").text(), "the question");
}

#[test]
fn a_response_that_ends_before_it_begins_is_in_nobodys_way() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    let first = talk.say("hello", false);
    talk.acknowledge();
    let request = talk.take().request();
    talk.done("R1", "completed", None);
    talk.response_for("R1", Some(&request));
    assert_eq!(talk.take().of("completed").len(), 0, "{first:?} was confirmed before");
    talk.say("are you there", false);
    let out = talk.take();
    assert_eq!(out.names().iter().filter(|n| *n == "response.create").count(), 1);
}

#[test]
fn a_torn_answer_in_two_parts_is_told_with_both() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {"context_note": null}}));
    talk.pass(20_000);
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "ab ");
    talk.plays(200);
    talk.part("R1", "A1", 1, "audio");
    talk.speech("R1", "A1", 1, 2_000, "cd ");
    talk.closed(None, "", None);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    let told = talk.told();
    assert_eq!(told[0]["content"][0]["text"], "ab\ncd", "what was heard, and what still plays");
}

#[test]
fn a_call_whose_result_was_refused_is_told_once_with_the_one_that_follows() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}, "tools": [{"name": "f"}]}));
    talk.pass(20_000);
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "completed", None);
    let call = CallRef { epoch: talk.epoch, id: "call_1".into() };
    talk.answer("call_1", "first");
    let event = talk.take().event_id("conversation.item.create");
    talk.error("invalid_value", Some(&event));
    talk.closed(None, "", None);
    talk.reconnected();
    talk.take();
    talk.host(Command::SubmitToolResult { call, output: "second".into(), is_error: false });
    let told = talk.told();
    assert_eq!((told.len(), &told[0]["type"], &told[1]["output"]), (2, &json!("function_call"), &json!("second")));
    talk.finish();
}

#[test]
fn what_is_said_again_begins_shortly_before_the_speech() {
    let mut talk = Talk::connected(json!({"recovery": {}}));
    talk.pass(20_000);
    for _ in 0..150 {
        talk.pass(20);
        talk.microphone(20);
    }
    talk.user_speaks("U1", 2_900);
    for _ in 0..25 {
        talk.pass(20);
        talk.microphone(20);
    }
    talk.take();
    talk.closed(None, "", None);
    talk.reconnected();
    // Half a second of speech, and what the vendor may have needed to notice it.
    let ms = talk.take().appended_ms();
    assert!((500..=900).contains(&ms), "{ms} ms are said again");
    talk.finish();
}

/// Found by fuzzing, as is what follows: what was heard of a part counted anew when the vendor went on with it.
#[test]
fn a_part_that_goes_on_after_it_was_called_complete_and_played_is_one_part() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 400, "one two ");
    talk.item_done("R1", "A1", 0, "one two ");
    talk.plays(400);
    talk.speech("R1", "A1", 0, 1000, "");
    talk.plays(500);
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    let frames = talk.take().frames();
    let cut = frames.iter().find(|f| f["type"] == "conversation.item.truncate").expect("it is cut");
    assert_eq!((&cut["item_id"], &cut["audio_end_ms"]), (&json!("A1"), &json!(900)));
    let part = serde_json::to_value(&talk.message("A1").unwrap().parts[0]).unwrap();
    assert_eq!((&part["heard_ms"], &part["duration_ms"]), (&json!(900), &json!(1400)));
    talk.finish();
}

#[test]
fn sound_of_two_responses_under_one_id_is_heard_for_each() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    let mut heard = vec![];
    for (response, ms) in [("R1", 400), ("R2", 1000)] {
        talk.response(response);
        talk.item(response, "A1", None, "audio");
        talk.speech(response, "A1", 0, ms, "words ");
        talk.item_done(response, "A1", 0, "words ");
        talk.done(response, "completed", None);
        talk.plays(2_000);
        heard
            .extend(talk.take().of("playback_finished").iter().map(|f| (f["response"].clone(), f["heard_ms"].clone())));
    }
    assert_eq!(heard, [(json!("R1"), json!(400)), (json!("R2"), json!(1000))]);
    talk.finish();
}

#[test]
fn an_item_of_the_conversation_that_a_response_beside_it_names_too_stays() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "text");
    talk.done("R1", "completed", None);
    talk.take();
    let options = ResponseOptions { out_of_band: true, ..Default::default() };
    talk.host(Command::RequestResponse { options: Box::new(options) });
    let request = talk.take().request();
    talk.response_for("R2", Some(&request));
    for item in ["A1", "A2"] {
        let message = json!({"id": item, "type": "message", "role": "assistant", "status": "completed", "content": []});
        talk.server("response.output_item.added", json!({"response_id": "R2", "output_index": 0, "item": message}));
    }
    assert_eq!(talk.order(), ["A1"]);
    talk.finish();
}

#[test]
fn a_refusal_that_speaks_of_responses_ends_the_command_it_names() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    let op = talk.host(Command::SendContext { text: "It is noon.".into() });
    let event = talk.take().event_id("conversation.item.create");
    talk.error("conversation_already_has_active_response", Some(&event));
    assert!(talk.take().completed(op).expect("it ends").is_some());
    talk.finish();
}

/// A vendor that uses one name for a message and for a call: the message keeps its words, and the call is run and
/// answered all the same.
#[test]
fn a_call_under_the_name_of_a_message_leaves_the_message_as_it_is() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}, "tools": [{"name": "f"}]}));
    talk.pass(20_000);
    talk.response("R1");
    talk.item("R1", "A1", None, "text");
    talk.part("R1", "A1", 2, "text");
    let words = json!({"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 2, "delta": "words"});
    talk.server("response.output_text.delta", words);
    talk.call("R1", "A1", "call_1", "f", "{}");
    talk.done("R1", "completed", None);
    let parts = talk.message("A1").unwrap().parts.clone();
    talk.take();
    talk.answer("call_1", "1");
    let results = |talk: &mut Talk| {
        let frames = talk.take().frames();
        frames.iter().filter(|f| f["item"]["type"] == "function_call_output").count()
    };
    assert_eq!(results(&mut talk), 1);
    assert_eq!((parts.len(), &talk.message("A1").unwrap().parts), (3, &parts));
    talk.acknowledge();
    talk.finish();
}

#[test]
fn the_result_of_a_call_that_no_message_shows_is_not_told_with_another_message() {
    for before in [true, false] {
        let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}, "tools": [{"name": "f"}]}));
        talk.pass(20_000);
        talk.response("R1");
        talk.item("R1", "A1", None, "text");
        let words =
            json!({"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "words"});
        talk.server("response.output_text.delta", words);
        talk.call("R1", "A1", "call_1", "f", "{}");
        talk.done("R1", "completed", None);
        // Sent and not confirmed when the connection is lost, or given while there is none.
        let call = CallRef { epoch: talk.epoch, id: "call_1".into() };
        let answer = Command::SubmitToolResult { call, output: "1".into(), is_error: false };
        let early = before.then(|| talk.host(answer.clone()));
        talk.closed(None, "", None);
        let op = early.unwrap_or_else(|| talk.host(answer));
        talk.reconnected();
        assert!(talk.take().completed(op).expect("it ends").is_some(), "the next session knows nothing of it");
        talk.finish();
    }
}

#[test]
fn the_message_of_a_call_has_the_call_and_its_result_and_nothing_else() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    // What belongs to it before its end and comes after it, and what belongs to no call.
    talk.server("response.function_call_arguments.delta", json!({"response_id": "R1", "item_id": "F1", "delta": "{"}));
    for part in 0..4 {
        let at =
            json!({"response_id": "R1", "item_id": "F1", "output_index": 0, "content_index": part, "text": "words"});
        talk.server("response.output_text.done", at);
    }
    talk.done("R1", "completed", None);
    talk.answer("call_1", "1");
    talk.acknowledge();
    let parts = serde_json::to_value(&talk.message("F1").unwrap().parts).unwrap();
    let types: Vec<_> = parts.as_array().unwrap().iter().map(|p| p["type"].clone()).collect();
    assert_eq!(types, ["tool_call", "tool_result"]);
    assert_eq!(parts[0]["arguments"], "{}");
    talk.finish();
}

#[test]
fn a_request_that_ended_before_it_began_ends_its_command_where_no_metadata_returns() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    let op = talk.host(Command::RequestResponse { options: Box::default() });
    talk.done("R1", "completed", None);
    talk.response("R1");
    assert_eq!(talk.take().completed(op), Some(None));
    talk.say("are you there", false);
    let out = talk.take();
    assert_eq!(out.names().iter().filter(|n| *n == "response.create").count(), 1);
}

/// A response was taken for one of the conversation, or given up, before the vendor said that it is not.
#[test]
fn a_response_that_turns_out_to_be_outside_the_conversation_is_in_nobodys_way() {
    for silent_ms in [0, 70_000] {
        let mut talk = Talk::connected(json!({"auto_capture": false}));
        talk.response("R1");
        talk.pass(silent_ms);
        let options = ResponseOptions { out_of_band: true, ..Default::default() };
        let op = talk.host(Command::RequestResponse { options: Box::new(options) });
        let request = talk.take().request();
        talk.response_for("R1", Some(&request));
        assert_eq!(talk.take().completed(op), Some(None));
        talk.say("are you there", false);
        assert_eq!(talk.take().names().iter().filter(|n| *n == "response.create").count(), 1);
        // It is announced once more, and never ends.
        talk.response("R1");
        talk.pass(300_000);
        talk.finish();
    }
}

#[test]
fn a_request_whose_response_may_have_begun_ends_with_the_connection() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.response("R1");
    talk.pass(70_000);
    talk.closed(None, "", None);
    talk.reconnected();
    let op = talk.host(Command::RequestResponse { options: Box::default() });
    // Without metadata, and under the name of one that was given up on the connection before.
    talk.response("R1");
    assert_eq!(talk.take().completed(op), None);
    talk.closed(None, "", None);
    assert_eq!(talk.take().completed(op), Some(None));
    talk.finish();
}

#[test]
fn an_utterance_under_the_name_of_an_answer_says_nothing_of_how_long_that_is() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 400, "one two ");
    talk.item_done("R1", "A1", 0, "one two ");
    talk.done("R1", "completed", None);
    talk.plays(400);
    talk.user_speaks("A1", 0);
    talk.server("input_audio_buffer.speech_stopped", json!({"audio_end_ms": 0, "item_id": "A1"}));
    let part = serde_json::to_value(&talk.message("A1").unwrap().parts[0]).unwrap();
    assert_eq!((&part["heard_ms"], &part["duration_ms"]), (&json!(400), &json!(400)));
    talk.finish();
}

#[test]
fn what_the_user_wrote_stays_though_a_cut_response_claims_to_speak_it() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    let item = json!({"id": "U1", "type": "message", "role": "user", "status": "completed",
        "content": [{"type": "input_text", "text": "hello"}]});
    talk.server("conversation.item.added", json!({"item": item, "previous_item_id": null}));
    let part = json!({"type": "output_audio"});
    let fields = json!({"response_id": "R1", "item_id": "U1", "output_index": 0, "content_index": 0, "part": part});
    talk.server("response.content_part.added", fields);
    talk.host(Command::Interrupt);
    assert!(talk.message("U1").is_some());
    talk.finish();
}

#[test]
fn words_from_outside_the_conversation_are_not_told_of_a_message_in_it() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "text");
    talk.done("R1", "completed", None);
    let options = ResponseOptions { out_of_band: true, audible: false, ..Default::default() };
    talk.host(Command::RequestResponse { options: Box::new(options) });
    let request = talk.take().request();
    talk.response_for("R2", Some(&request));
    let delta = json!({"response_id": "R2", "item_id": "A1", "output_index": 0, "content_index": 3, "delta": "no"});
    talk.server("response.output_text.delta", delta);
    assert_eq!(talk.take().complaints(), ["unknown_item"]);
    talk.finish();
}

#[test]
fn a_command_named_by_an_error_that_ends_the_session_ends_with_it() {
    for (code, kept) in [("insufficient_quota", false), ("session_expired", true)] {
        let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
        talk.pass(20_000);
        let update = talk.host(Command::UpdateSession { changes: json!({"instructions": "Be brief."}) });
        let id = talk.take().event_id("session.update");
        talk.server("error", json!({"error": {"code": code, "event_id": id, "message": "no"}}));
        if kept {
            talk.reconnected();
        } else {
            talk.closed(None, "", None);
        }
        assert_eq!(talk.take().completed(update).expect("it ends").is_none(), kept);
        talk.finish();
    }
}

#[test]
fn a_response_under_a_name_of_the_connection_before_runs() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.response("R1");
    talk.done("R1", "completed", None);
    talk.pass(20_000);
    talk.closed(None, "", None);
    talk.reconnected();
    talk.take();
    talk.response("R1");
    talk.say("are you there", false);
    assert!(!talk.take().names().contains(&"response.create".into()), "one runs");
    talk.done("R1", "completed", None);
    let out = talk.take();
    assert_eq!(out.names().iter().filter(|n| *n == "response.create").count(), 1);
    assert!(out.events().any(|e| matches!(e.kind, EventKind::TurnDone(_))));
    talk.finish();
}

#[test]
fn a_call_that_was_told_with_its_result_does_not_run_again() {
    let mut talk = losses::talk();
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "clock", "{}");
    talk.answer("call_1", "\"noon\"");
    talk.done("R1", "completed", None);
    losses::cut(&mut talk);
    talk.reconnected();
    talk.take();
    // The vendor repeats what it was told.
    talk.response("R2");
    talk.call("R2", "F1", "call_1", "clock", "{}");
    assert!(talk.take().of("tool_call").is_empty());
    talk.finish();
}
