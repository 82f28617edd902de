//! Vendors that say new, strange or broken things.

use crate::common::{Talk, base64_ms};
use crate::{ask, cancelled, quiet, spoken};
use duologue::{
    event::Status,
    provider::Frame,
    session::{Command, Input},
};
use serde_json::json;
use std::borrow::Cow;

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

/// Approving them comes later; until then a session that has them goes on as if they were not there.
#[test]
fn checklist_36_items_of_a_kind_nobody_knows_are_passed_over() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.take();
    for (id, item) in [
        ("M1", json!({"type": "mcp_list_tools", "server_label": "s", "tools": []})),
        ("M2", json!({"type": "mcp_approval_request", "name": "f", "arguments": "{}"})),
        ("M3", json!({"type": "mcp_call", "name": "f", "arguments": "{}", "output": null})),
        ("M4", json!({"type": "item_of_next_year"})),
    ] {
        let mut item = item;
        item["id"] = json!(id);
        talk.server("conversation.item.added", json!({"item": item, "previous_item_id": null}));
        talk.server("response.output_item.added", json!({"response_id": "R1", "output_index": 0, "item": item}));
        talk.server("response.mcp_call.in_progress", json!({"item_id": id, "output_index": 0}));
        talk.server("response.output_item.done", json!({"response_id": "R1", "output_index": 0, "item": item}));
        talk.server("conversation.item.done", json!({"item": item, "previous_item_id": null}));
    }
    talk.item("R1", "A1", Some("M4"), "audio");
    talk.speech("R1", "A1", 0, 300, "Hello");
    let out = talk.take();
    assert_eq!((out.of("error").len(), out.of("tool_call").len(), out.names()), (0, 0, vec![]));
    assert_eq!((out.played_ms(), talk.message("A1").unwrap().text()), (300, "Hello".to_owned()));
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
