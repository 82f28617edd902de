//! The session against the conformance checklist of the protocol reference (§15), where no golden
//! transcript and no interruption test shows it. Which test shows which line: docs/conformance-openai.md.

mod common;

use common::{PER_MS, Talk, base64, base64_ms};
use duologue::{
    error::{Error, ErrorClass},
    event::{EventKind, MessageOp, Status},
    message::{CallRef, MessageState, Part},
    provider::Frame,
    session::{Command, Input},
};
use serde_json::{Value, json};
use std::borrow::Cow;

fn quiet() -> Value {
    json!({"auto_capture": false})
}

fn ask(talk: &mut Talk) -> duologue::event::OpId {
    talk.host(Command::RequestResponse { instructions: None })
}

fn cancelled(end: Option<Option<Error>>) -> bool {
    matches!(end, Some(Some(error)) if error.code == "cancelled")
}

/// A whole spoken response with one item that is played to its end.
fn spoken(talk: &mut Talk, response: &str, item: &str, previous: Option<&str>) {
    talk.response(response);
    talk.item(response, item, previous, "audio");
    talk.speech(response, item, 0, 200, "some words");
    talk.item_done(response, item, 0, "some words");
    talk.done(response, "completed", None);
    talk.plays(200);
}

// Connecting.

#[test]
fn checklist_8_microphone_waits_for_the_confirmation_or_five_seconds() {
    let mut talk = Talk::new(json!({}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    talk.microphone(20);
    talk.pass(4999);
    assert_eq!(talk.session.stats().microphone_frames, 0);
    assert_eq!(talk.take().of("completed").len(), 0);
    talk.pass(1);
    let out = talk.take();
    assert_eq!((out.of("completed").len(), out.complaints()), (1, vec!["configuration_unconfirmed".to_owned()]));
    talk.microphone(20);
    assert_eq!(talk.session.stats().microphone_frames, 1);
    // Better late than never: the effective session counts all the same.
    let late = json!({"session": {"audio": {"input": {"turn_detection": {"interrupt_response": true}}}}});
    talk.server("session.updated", late);
    assert_eq!(talk.take().of("session_configured").len(), 1);
    talk.finish();
}

#[test]
fn every_step_of_connecting_has_a_limit() {
    let ends = |talk: &mut Talk, ms: u64| {
        talk.take();
        talk.pass(ms - 1);
        assert_eq!(talk.take().of("error").len(), 0);
        talk.pass(1);
        let out = talk.take();
        assert_eq!(out.complaints(), ["timeout"]);
        assert!(out.of("error")[0]["fatal"].as_bool().unwrap());
        // The transport does not say that it closed; two seconds later it is over anyway.
        talk.pass(2000);
        let out = talk.take();
        assert_eq!(out.of("status")[0]["status"], "error");
        assert!(matches!(out.completed(duologue::event::OpId(1)), Some(Some(e)) if e.code == "timeout"));
    };
    let mut talk = Talk::new(json!({}));
    talk.host(Command::Connect);
    ends(&mut talk, 30_000);
    talk.finish();
    let mut talk = Talk::new(json!({}));
    talk.host(Command::Connect);
    talk.opened();
    ends(&mut talk, 5_000);
    talk.finish();
}

#[test]
fn a_refused_configuration_ends_the_run() {
    let mut talk = Talk::new(json!({}));
    let op = talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let update = talk.take().event_id("session.update");
    talk.error("unknown_parameter", Some(&update));
    let out = talk.take();
    assert_eq!(out.of("error")[0]["provider_code"], "unknown_parameter");
    talk.closed(Some(1000), "", None);
    let out = talk.take();
    assert_eq!(out.of("status").len(), 1);
    assert!(out.completed(op).unwrap().is_some());
    talk.finish();
}

#[test]
fn checklist_11_an_audio_format_the_codec_does_not_speak_ends_the_run() {
    let mut talk = Talk::new(json!({"extra": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let session = talk.wish();
    assert_eq!(session["audio"]["output"]["format"]["type"], "audio/pcmu");
    talk.server("session.updated", json!({"session": session}));
    let out = talk.take();
    assert_eq!(out.complaints(), ["audio_format"]);
    assert_eq!(out.of("status").iter().filter(|s| s["status"] == "connected").count(), 0);
    talk.closed(None, "", None);
    talk.finish();
}

#[test]
fn checklist_11_differences_between_wish_and_effect_are_told() {
    let mut talk = Talk::new(json!({"voice": "cedar", "speed": 1}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {}}));
    let mut session = talk.wish();
    session["audio"]["output"]["voice"] = "alloy".into();
    session["audio"]["output"]["speed"] = json!(1.0);
    session["expires_at"] = json!(1_790_000_000);
    talk.server("session.updated", json!({"session": session}));
    let configured = &talk.take().of("session_configured")[0];
    let difference = json!([{"path": "audio.output.voice", "wished": "cedar", "effective": "alloy"}]);
    assert_eq!(
        configured["differences"], difference,
        "1 and 1.0 are the same, and what was not wished is no difference"
    );
    talk.finish();
}

#[test]
fn checklist_9_10_the_configuration_is_sent_once_and_without_nulls() {
    let mut talk = Talk::connected(json!({"instructions": "", "auto_capture": false}));
    spoken(&mut talk, "R1", "A1", None);
    talk.say("and now?", false);
    let names = talk.take().names();
    assert!(!names.contains(&"session.update".to_owned()), "nothing is re-sent: {names:?}");
    talk.finish();
}

// Tolerance.

#[test]
fn checklist_12_unknown_events_and_fields_pass() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "raw_events": "unknown"}));
    talk.server("response.hologram.delta", json!({"delta": [1, {"x": null}]}));
    talk.server("conversation.item.retrieved", json!({"item": {}}));
    let out = talk.take();
    assert_eq!(out.of("raw").len(), 2, "what is not understood is handed through");
    assert_eq!(out.complaints(), ["unknown_event"]);
    assert_eq!(talk.session.stats().unknown_events, 1, "the second one is in the reference");
    let created = json!({"id": "R1", "status": "in_progress", "output": [], "mood": {"deep": [1]}, "usage": null});
    talk.server("response.created", json!({"response": created, "new_field": {"a": 1}}));
    assert_eq!(talk.take().of("mode").len(), 1);
    talk.finish();
}

#[test]
fn checklist_13_new_statuses_reasons_and_codes_pass() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.done("R1", "postponed", Some("moon_phase"));
    talk.error("code_of_next_year", None);
    let out = talk.take();
    assert_eq!(out.of("turn_done")[0]["status"], "postponed");
    assert_eq!(out.of("turn_done")[0]["reason"], "moon_phase");
    assert_eq!(out.of("error")[0]["provider_code"], "code_of_next_year");
    assert_eq!(*talk.session.status(), Status::Connected);
    talk.finish();
}

#[test]
fn checklist_14_a_null_and_a_missing_predecessor_are_fine() {
    let mut talk = Talk::connected(quiet());
    let item = |id: &str| json!({"id": id, "type": "message", "role": "assistant", "content": []});
    talk.server("conversation.item.added", json!({"item": item("A1"), "previous_item_id": null}));
    talk.server("conversation.item.added", json!({"item": item("A2")}));
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1"}));
    assert_eq!(talk.order(), ["A1", "A2", "U1"]);
    talk.finish();
}

#[test]
fn bad_input_is_counted_and_what_follows_works() {
    let mut talk = Talk::connected(quiet());
    for text in ["", "nonsense", "{\"type\":", "[]", "null", "{}", "\u{0}", r#"{"type":"response.created"}"#] {
        talk.wire(text);
    }
    assert_eq!(talk.session.stats().malformed, 8);
    assert_eq!(talk.take().complaints(), ["malformed_event"], "one warning, not eight");
    talk.pass(10_000);
    let bad = json!({"response_id": "R1", "item_id": "A1", "content_index": 0, "delta": "!!!!"});
    talk.server("response.output_audio.delta", bad);
    assert_eq!(talk.session.stats().malformed, 9);
    assert_eq!(talk.take().complaints(), ["malformed_event"], "ten seconds later it is told again");
    talk.input(Input::Frame { epoch: talk.epoch, frame: Frame::Binary(Cow::Borrowed(&[1, 2, 3])) });
    assert_eq!(talk.session.stats().malformed, 10);

    // Unknown items and responses.
    let place = |item: &str| json!({"response_id": "R0", "item_id": item, "content_index": 0, "delta": "words"});
    talk.server("response.output_audio_transcript.delta", place("X1"));
    talk.server("conversation.item.input_audio_transcription.completed", json!({"item_id": "X2", "transcript": "hm"}));
    talk.server("conversation.item.deleted", json!({"item_id": "X3"}));
    talk.server("conversation.item.truncated", json!({"item_id": "X4", "audio_end_ms": 3}));
    talk.server("response.function_call_arguments.delta", place("X5"));
    talk.server("input_audio_buffer.speech_stopped", json!({"item_id": "X6", "audio_end_ms": 9}));
    talk.server("response.output_audio.done", place("X7"));
    talk.done("R9", "completed", None);
    let out = talk.take();
    assert_eq!((talk.session.stats().unknown_items, out.complaints()), (3, vec!["unknown_item".to_owned()]));
    assert_eq!(*talk.session.status(), Status::Connected);

    // And a conversation as if nothing had been.
    spoken(&mut talk, "R1", "A1", None);
    let out = talk.take();
    assert_eq!((out.played_ms(), out.of("turn_done").len()), (200, 1));
    talk.finish();
}

#[test]
fn an_odd_byte_is_kept_for_the_next_delta() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    let bytes: Vec<u8> = (0..400u16).flat_map(|n| (n as i16).to_le_bytes()).collect();
    for piece in [&bytes[..301], &bytes[301..602], &bytes[602..]] {
        let delta = base64_simd::STANDARD.encode_to_string(piece);
        talk.server(
            "response.output_audio.delta",
            json!({"response_id": "R1", "item_id": "A1", "content_index": 0, "delta": delta}),
        );
    }
    let out = talk.take();
    let pcm: Vec<i16> = out
        .0
        .iter()
        .flat_map(|o| match o {
            duologue::session::Output::Play { pcm, .. } => pcm.0.to_vec(),
            _ => vec![],
        })
        .collect();
    assert_eq!(pcm, (0..400).collect::<Vec<i16>>());
    assert_eq!((talk.session.stats().odd_audio, out.complaints()), (2, vec!["odd_audio".to_owned()]));
    talk.finish();
}

#[test]
fn a_flood_of_malformed_frames_ends_the_run_once() {
    let mut talk = Talk::connected(quiet());
    // Twenty in ten seconds are borne, again and again.
    for _ in 0..3 {
        (0..20).for_each(|_| talk.wire("{"));
        talk.pass(10_000);
    }
    assert_eq!(*talk.session.status(), Status::Connected);
    let op = ask(&mut talk);
    talk.take();
    (0..25).for_each(|_| talk.wire("{"));
    let out = talk.take();
    assert_eq!(out.complaints(), ["malformed_event", "protocol"]);
    assert_eq!(talk.session.stats().malformed, 60 + 21, "nothing is read after the end");
    talk.closed(Some(1000), "", None);
    talk.closed(Some(1000), "", None);
    talk.pass(60_000);
    let out = talk.take();
    let ends = out.of("status");
    assert_eq!((ends.len(), &ends[0]["error"]["class"]), (1, &json!("protocol")));
    assert!(cancelled(out.completed(op)));
    talk.finish();
}

#[test]
fn a_repeated_event_is_heard_once() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    for _ in 0..2 {
        let place = |field: &str, value: &str, id: &str| json!({"event_id": id, "response_id": "R1", "item_id": "A1", "content_index": 0, field: value});
        talk.server("response.output_audio.delta", place("delta", &base64_ms(100), "event_a"));
        talk.server("response.output_audio_transcript.delta", place("delta", "twice?", "event_b"));
    }
    let out = talk.take();
    assert_eq!((out.played_ms(), out.of("transcript").len()), (100, 1));
    assert_eq!(talk.session.stats().duplicates, 2);
    assert_eq!(talk.message("A1").unwrap().text(), "twice?");
    talk.finish();
}

#[test]
fn a_vendor_that_gives_every_event_the_same_id_is_understood() {
    let mut talk = Talk::new(quiet());
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"event_id": "event", "session": {}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"event_id": "event", "session": session}));
    let delta =
        json!({"event_id": "event", "response_id": "R1", "item_id": "A1", "content_index": 0, "delta": base64_ms(50)});
    talk.server("response.output_audio.delta", delta.clone());
    talk.server("response.output_audio.delta", delta);
    assert_eq!(talk.take().played_ms(), 100);
    talk.finish();
}

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

// Tools.

#[test]
fn checklist_32_a_call_runs_once_and_only_when_complete() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    let item = |status: &str| json!({"id": "F1", "type": "function_call", "status": status, "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"});
    talk.response("R1");
    talk.server("response.output_item.added", json!({"response_id": "R1", "item": item("in_progress")}));
    talk.server(
        "response.function_call_arguments.done",
        json!({"response_id": "R1", "item_id": "F1", "call_id": "call_1", "arguments": "{\"a\":1}", "name": "f"}),
    );
    talk.server("response.output_item.done", json!({"response_id": "R1", "item": item("incomplete")}));
    assert_eq!(talk.take().of("tool_call").len(), 0);
    talk.server("response.output_item.done", json!({"response_id": "R1", "item": item("completed")}));
    talk.server("conversation.item.done", json!({"item": item("completed")}));
    talk.server("response.output_item.done", json!({"response_id": "R1", "item": item("completed")}));
    talk.server(
        "response.done",
        json!({"response": {"id": "R1", "status": "completed", "output": [item("completed")]}}),
    );
    let calls = talk.take().of("tool_call");
    assert_eq!((calls.len(), &calls[0]["arguments"]), (1, &json!("{\"a\":1}")));
    talk.finish();
}

#[test]
fn a_call_whose_own_events_were_lost_is_found_in_the_summary() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    let call = json!({"id": "F1", "type": "function_call", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"});
    talk.response("R1");
    talk.server("response.done", json!({"response": {"id": "R1", "status": "completed", "output": [call.clone()]}}));
    assert_eq!(talk.take().of("tool_call").len(), 1);
    // Not of a cancelled one.
    talk.response("R2");
    let mut other = call;
    other["call_id"] = "c2".into();
    talk.server("response.done", json!({"response": {"id": "R2", "status": "cancelled", "output": [other]}}));
    assert_eq!(talk.take().of("tool_call").len(), 0);
    talk.finish();
}

#[test]
fn checklist_33_all_results_get_one_follow_up() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    for n in 1..=3 {
        talk.call("R1", &format!("F{n}"), &format!("call_{n}"), "f", "{}");
    }
    talk.take();
    talk.answer("call_2", "two");
    talk.done("R1", "completed", None);
    talk.answer("call_1", "one");
    assert_eq!(talk.take().names(), ["conversation.item.create"; 2], "the third is missing");
    let op = talk.answer("call_3", "three");
    let out = talk.take();
    assert_eq!(out.names(), ["conversation.item.create", "response.create"]);
    let (request, event) = (out.request(), out.event_id("conversation.item.create"));
    talk.response_for("R2", Some(&request));
    talk.done("R2", "completed", None);
    assert_eq!(talk.take().names(), [""; 0]);
    // Refused results may be given again.
    talk.error("invalid_value", Some(&event));
    assert!(talk.take().completed(op).unwrap().is_some());
    assert!(talk.answer("call_3", "three, in other words").0 > op.0);
    assert_eq!(talk.take().names(), ["conversation.item.create"]);
    talk.finish();
}

#[test]
fn checklist_33_a_result_given_early_does_not_start_the_follow_up() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.answer("call_1", "one");
    talk.call("R1", "F2", "call_2", "f", "{}");
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().names(), ["conversation.item.create"], "the second result is missing");
    talk.answer("call_2", "two");
    assert_eq!(talk.take().names(), ["conversation.item.create", "response.create"]);
    talk.finish();
}

#[test]
fn a_cancelled_response_gets_no_follow_up() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.take();
    talk.answer("call_1", "one");
    assert_eq!(talk.take().names(), ["conversation.item.create"], "the user has the word");
    talk.finish();
}

#[test]
fn checklist_35_any_output_is_a_string_on_the_wire() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    let outputs = ["{\"a\":[1,2]}", "plain \"words\"\n", "", "null", "\u{0}é"];
    for (n, output) in outputs.iter().enumerate() {
        talk.call("R1", &format!("F{n}"), &format!("call_{n}"), "f", "{}");
        talk.take();
        talk.answer(&format!("call_{n}"), output);
        assert_eq!(talk.take().frames()[0]["item"]["output"], *output);
    }
    talk.finish();
}

#[test]
fn a_call_nobody_can_run_is_answered_with_an_error() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "g", "{}");
    talk.done("R1", "completed", None);
    let out = talk.take();
    assert_eq!((out.of("tool_call").len(), out.complaints()), (0, vec!["tool_refused".to_owned()]));
    assert_eq!(out.names(), ["conversation.item.create", "response.create"]);
    assert!(out.frames()[0]["item"]["output"].as_str().unwrap().contains("error"));
    talk.finish();
}

#[test]
fn a_call_of_an_earlier_connection_is_not_answered_on_a_new_one() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "completed", None);
    talk.closed(Some(1000), "", None);
    talk.connect();
    talk.take();
    let call = CallRef { epoch: 1, id: "call_1".into() };
    let op = talk.host(Command::SubmitToolResult { call, output: "late".into(), is_error: false });
    let out = talk.take();
    assert!(matches!(out.completed(op), Some(Some(e)) if e.code == "stale_call"));
    assert_eq!(out.names(), [""; 0], "neither a result nor a follow-up");
    talk.finish();
}

// Speaking.

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

/// AUDIO.md A5: what was heard does not depend on time.
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

// History.

#[test]
fn checklist_46_order_follows_the_links_not_the_arrival() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "turn_detection": {"interrupt_response": false}}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    // The answer's item comes with its link while the words of the question are not known.
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.user_speaks("U2", 900);
    // Another item of the same answer, announced when the user already speaks again.
    talk.item("R1", "A1b", Some("A1"), "text");
    talk.user_is_silent("U2", Some("A1b"), 1500);
    assert_eq!(talk.order(), ["U1", "A1", "A1b", "U2"]);
    let place = |m: &Value| (m["message"]["id"].clone(), m["after"].clone(), m["op"].clone());
    let moved: Vec<_> = talk.take().of("message").iter().map(place).filter(|(id, ..)| id == "A1b").collect();
    assert_eq!(moved, [(json!("A1b"), json!("U2"), json!("added")), (json!("A1b"), json!("A1"), json!("updated"))]);
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": "U1", "content_index": 0, "transcript": "the question"}),
    );
    assert_eq!(talk.order(), ["U1", "A1", "A1b", "U2"]);
    assert_eq!(talk.message("U1").unwrap().text(), "the question");
    talk.finish();
}

#[test]
fn checklist_47_transcripts_of_overlapping_utterances_do_not_mix() {
    let mut talk = Talk::connected(quiet());
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    talk.user_speaks("U2", 700);
    talk.user_is_silent("U2", Some("U1"), 1200);
    let say = |talk: &mut Talk, kind: &str, item: &str, field: &str, text: &str| {
        talk.server(
            &format!("conversation.item.input_audio_transcription.{kind}"),
            json!({"item_id": item, "content_index": 0, field: text}),
        );
    };
    say(&mut talk, "delta", "U1", "delta", "one ");
    say(&mut talk, "delta", "U2", "delta", "two ");
    say(&mut talk, "delta", "U1", "delta", "first");
    say(&mut talk, "completed", "U2", "transcript", "two second");
    assert_eq!(talk.message("U1").unwrap().text(), "one first");
    assert_eq!(talk.message("U1").unwrap().state, MessageState::InProgress);
    say(&mut talk, "completed", "U1", "transcript", "one first, corrected");
    talk.server(
        "conversation.item.input_audio_transcription.failed",
        json!({"item_id": "U2", "content_index": 0, "error": {"message": "inaudible"}}),
    );
    assert_eq!(
        (talk.message("U1").unwrap().text().as_str(), talk.message("U2").unwrap().text().as_str()),
        ("one first, corrected", "two second")
    );
    assert_eq!(talk.order(), ["U1", "U2"]);
    talk.finish();
}

#[test]
fn checklist_49_deleted_items_disappear_and_stay_away() {
    let mut talk = Talk::connected(quiet());
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    talk.server("conversation.item.deleted", json!({"item_id": "U1"}));
    let out = talk.take();
    assert_eq!(out.of("message").last().unwrap()["op"], "removed");
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": "U1", "transcript": "too late"}),
    );
    let message = json!({"id": "U1", "type": "message", "role": "user", "content": []});
    talk.server("conversation.item.done", json!({"item": message}));
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.order(), [""; 0]);
    assert_eq!(talk.take().of("transcript").len(), 0);
    talk.finish();
}

#[test]
fn a_typed_message_is_complete_at_once_and_speech_when_its_words_are_known() {
    let mut talk = Talk::connected(quiet());
    talk.say("hello", false);
    assert_eq!(talk.take().of("message")[0]["message"]["state"], "completed");
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    assert_eq!(talk.message("U1").unwrap().state, MessageState::InProgress);
    talk.finish();
    // Without transcription no words will ever come.
    let mut talk = Talk::connected(json!({"auto_capture": false, "transcription": null}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    assert_eq!(talk.message("U1").unwrap().state, MessageState::Completed);
    talk.finish();
}

#[test]
fn a_refused_message_leaves_the_conversation() {
    let mut talk = Talk::connected(quiet());
    let op = talk.say("hello", false);
    let event = talk.take().event_id("conversation.item.create");
    talk.error("invalid_value", Some(&event));
    let out = talk.take();
    assert!(matches!(out.completed(op), Some(Some(e)) if e.provider_code.as_deref() == Some("invalid_value")));
    assert_eq!(talk.order(), [""; 0]);
    talk.finish();
}

/// A host that applies the `message` events has the same conversation as the session.
#[test]
fn message_events_tell_the_whole_history() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.say("hello", false);
    let request = talk.take().request();
    talk.response_for("R1", Some(&request));
    talk.call("R1", "F1", "call_1", "f", "{\"a\":1}");
    talk.answer("call_1", "done");
    talk.done("R1", "completed", None);
    talk.user_speaks("U1", 0);
    talk.response("R2");
    talk.item("R2", "A1", Some("F1"), "audio");
    talk.speech("R2", "A1", 0, 900, "a rather long answer to that");
    talk.plays(500);
    talk.host(Command::Interrupt);
    talk.flushes();
    let mut copy: Vec<duologue::message::Message> = talk.session.messages().iter().take(1).cloned().collect();
    for event in talk.take().events() {
        let EventKind::Message(change) = &event.kind else { continue };
        let at = copy.iter().position(|m| m.id == change.message.id);
        let old = at.map(|at| copy.remove(at));
        if change.op == MessageOp::Removed {
            continue;
        }
        let mut message = (*change.message).clone();
        if let Some(old) = old {
            let new = std::mem::replace(&mut message.parts, old.parts);
            for (part, index) in new.into_iter().zip(&change.changed) {
                message
                    .parts
                    .resize(message.parts.len().max(*index as usize + 1), Part::Text { content: String::new() });
                message.parts[*index as usize] = part;
            }
        }
        let to = change.after.as_ref().map_or(0, |id| copy.iter().position(|m| m.id == *id).unwrap() + 1);
        copy.insert(to, message);
    }
    assert_eq!(copy, talk.session.messages());
    talk.finish();
}

// Lifecycle.

#[test]
fn checklist_56_disconnecting_is_idempotent_and_cancels_what_waits() {
    let mut talk = Talk::connected(quiet());
    let text = talk.say("hello", false);
    let waits = ask(&mut talk);
    talk.take();
    let (one, two) = (talk.host(Command::Disconnect), talk.host(Command::Disconnect));
    let out = talk.take();
    assert_eq!((out.completed(one), out.of("status").len()), (None, 0), "until the transport is gone");
    talk.closed(Some(1000), "", None);
    let out = talk.take();
    assert_eq!((out.completed(one), out.completed(two)), (Some(None), Some(None)));
    assert!(cancelled(out.completed(text)) && cancelled(out.completed(waits)));
    assert_eq!(out.of("status")[0]["ended"]["by"], "user");
    let three = talk.host(Command::Disconnect);
    assert_eq!(talk.take().completed(three), Some(None));
    let late = talk.say("anybody?", false);
    assert!(matches!(talk.take().completed(late), Some(Some(e)) if e.code == "not_connected"));
    talk.finish();
}

#[test]
fn disconnecting_while_connecting_cancels_the_connect() {
    for steps in 0..3 {
        let mut talk = Talk::new(quiet());
        let op = talk.host(Command::Connect);
        if steps > 0 {
            talk.opened();
        }
        if steps > 1 {
            talk.server("session.created", json!({"session": {}}));
        }
        let end = talk.host(Command::Disconnect);
        talk.closed(None, "", Some(Error::new(ErrorClass::Network, "aborted", "gone")));
        let out = talk.take();
        assert!(cancelled(out.completed(op)));
        assert_eq!((out.completed(end), out.complaints().len()), (Some(None), 0));
        assert!(matches!(talk.session.status(), Status::Idle { .. }));
        talk.finish();
    }
}

#[test]
fn a_second_run_starts_afresh_and_keeps_the_conversation() {
    let mut talk = Talk::connected(json!({}));
    talk.microphone(500);
    talk.user_speaks("U1", 100);
    talk.user_is_silent("U1", None, 500);
    spoken(&mut talk, "R1", "A1", Some("U1"));
    talk.closed(Some(1000), "bye", None);
    assert_eq!(talk.take().of("status").last().unwrap()["ended"]["by"], "agent");
    let op = talk.connect();
    assert_eq!(talk.take().completed(op), Some(None));
    assert_eq!(talk.order(), ["U1", "A1"]);
    // The vendor counts the audio it gets from zero again: 400 ms before now the user fell silent.
    talk.pass(1000);
    talk.microphone(1000);
    talk.user_speaks("U2", 200);
    talk.user_is_silent("U2", None, 1000);
    talk.response("R1");
    talk.item("R1", "A2", Some("U2"), "audio");
    talk.speech("R1", "A2", 0, 300, "again");
    talk.plays(100);
    let out = talk.take();
    assert_eq!(out.played_ms(), 300, "a response id of the earlier run is no longer fenced");
    assert_eq!(out.of("latency")[0]["endpointing_ms"], 500);
    assert_eq!(out.of("playback_started")[0]["epoch"], 2);
    talk.finish();
}

#[test]
fn what_an_old_connection_says_is_ignored() {
    let mut talk = Talk::connected(quiet());
    talk.closed(Some(1000), "", None);
    talk.connect();
    talk.take();
    let text = r#"{"type":"input_audio_buffer.speech_started","item_id":"U9","audio_start_ms":1}"#;
    talk.input(Input::Frame { epoch: 1, frame: Frame::Text(text.into()) });
    talk.input(Input::Closed { epoch: 1, code: None, reason: String::new(), error: None });
    talk.input(Input::Opened { epoch: 1 });
    assert_eq!(talk.take().0, []);
    assert_eq!(talk.session.stats().stale_inputs, 3);
    talk.finish();
}

#[test]
fn every_way_a_connection_ends_is_told_once_with_its_cause() {
    let cases = [
        (Some(1000), "status", "idle", "remote_closed"),
        (Some(1001), "error", "error", "connection_lost"),
        (Some(1008), "error", "error", "policy"),
        (Some(1009), "error", "error", "message_too_big"),
        (Some(4000), "error", "error", "protocol"),
        (None, "error", "error", "connection_lost"),
    ];
    for (code, _, status, word) in cases {
        let mut talk = Talk::connected(quiet());
        talk.closed(code, "because sk-secret", None);
        let out = talk.take();
        let ends = out.of("status");
        assert_eq!((ends.len(), &ends[0]["status"]), (1, &json!(status)));
        let code = if status == "idle" { &ends[0]["ended"]["code"] } else { &ends[0]["error"]["code"] };
        assert_eq!(code, word);
        // Checklist 3.
        assert!(!format!("{:?}", out.0).contains("secret"));
        talk.finish();
    }
}

#[test]
fn checklist_3_a_key_a_vendor_echoes_is_not_shown() {
    let mut talk = Talk::connected(quiet());
    let text = "Incorrect API key provided: sk-proj-canary. See ek_canary";
    talk.server(
        "error",
        json!({"error": {"type": "invalid_request_error", "code": "x", "message": text, "param": "sk-canary"}}),
    );
    talk.response("R1");
    talk.server(
        "response.done",
        json!({"response": {"id": "R1", "status": "failed", "status_details": {"error": {"message": text}}}}),
    );
    talk.server(
        "conversation.item.input_audio_transcription.failed",
        json!({"item_id": "U1", "error": {"message": text}}),
    );
    talk.server("sk-canary", json!({}));
    talk.server("error", json!({"error": {"code": "invalid_api_key", "message": text}}));
    talk.closed(Some(4000), text, None);
    let out = talk.take();
    assert!(!format!("{:?}", out.0).contains("canary"), "{:?}", out.0);
    assert_eq!(out.complaints().len(), 5 + 1);
    talk.finish();
}

#[test]
fn mute_is_silence_not_absence() {
    let mut talk = Talk::connected(json!({}));
    talk.host(Command::SetInputMuted { muted: true });
    talk.take();
    talk.microphone(20);
    let out = talk.take();
    let frame = common::frame_of(&out.0[0]).unwrap();
    assert_eq!(frame["audio"], base64(&vec![0; 20 * PER_MS as usize]));
    talk.finish();
}
