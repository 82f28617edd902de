//! Connecting, the configuration, every way a run ends.

use crate::common::{PER_MS, Talk, base64, frame_of};
use crate::{ask, cancelled, quiet, spoken};
use duologue::{
    error::{Error, ErrorClass},
    event::Status,
    provider::Frame,
    session::{Command, Input},
};
use serde_json::json;

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
    talk.input(Input::Opened { epoch: 1, unix_s: None });
    assert_eq!(talk.take().0, []);
    assert_eq!(talk.session.stats().stale_inputs, 3);
    talk.finish();
}

#[test]
fn every_way_a_connection_ends_is_told_once_with_its_cause() {
    let cases = [
        (Some(1000), "status", "idle", "remote_closed"),
        (Some(1001), "error", "error", "going_away"),
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
    let text = "Incorrect API key provided: sk-proj-c4n4ry. See ek_c4n4ry";
    talk.server(
        "error",
        json!({"error": {"type": "invalid_request_error", "code": "x", "message": text, "param": "sk-c4n4ry"}}),
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
    talk.server("sk-c4n4ry", json!({}));
    talk.server("error", json!({"error": {"code": "invalid_api_key", "message": text}}));
    talk.closed(Some(4000), text, None);
    let out = talk.take();
    assert!(!format!("{:?}", out.0).contains("c4n4ry"), "{:?}", out.0);
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
    let frame = frame_of(&out.0[0]).unwrap();
    assert_eq!(frame["audio"], base64(&vec![0; 20 * PER_MS as usize]));
    talk.finish();
}

#[test]
fn a_connect_while_disconnecting_waits_for_the_end_of_the_run() {
    let mut talk = Talk::connected(json!({}));
    talk.take();
    let disconnect = talk.host(Command::Disconnect);
    let connect = talk.host(Command::Connect);
    let twice = talk.host(Command::Connect);
    let out = talk.take();
    assert!(matches!(out.completed(twice), Some(Some(e)) if e.code == "already_connected"));
    assert!(out.completed(connect).is_none(), "it waits");
    talk.closed(Some(1000), "", None);
    let out = talk.take();
    assert!(matches!(out.completed(disconnect), Some(None)));
    let statuses: Vec<_> = out.of("status").iter().map(|s| s["status"].clone()).collect();
    assert_eq!(statuses, ["idle", "connecting"]);
    // And a disconnect takes it back.
    let again = talk.host(Command::Disconnect);
    let third = talk.host(Command::Connect);
    talk.host(Command::Disconnect);
    let out = talk.take();
    assert!(matches!(out.completed(third), Some(Some(e)) if e.code == "cancelled"));
    assert!(out.completed(again).is_none());
    talk.pass(2000);
    assert!(matches!(talk.take().completed(again), Some(None)));
    talk.finish();
}
