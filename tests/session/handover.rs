//! The conversation moves to the next session before the vendor ends the present one.

use super::losses::{asked, cut, status, talk, with};
use crate::common::{Outputs, Talk, frame_of};
use duologue::session::{Command, Input, Output};
use serde_json::{Value, json};

/// The next session is opened beside the present one and ready.
fn successor_ready(talk: &mut Talk, unix_s: Option<u64>, expires_at: Option<u64>) {
    let epoch = talk.epoch;
    talk.input(Input::Opened { epoch, unix_s });
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let mut session = talk.wish();
    if let Some(at) = expires_at {
        session["expires_at"] = at.into();
    }
    talk.server("session.updated", json!({"session": session}));
}

fn dials(out: &Outputs) -> usize {
    out.0.iter().filter(|o| matches!(o, Output::Dial { .. })).count()
}

fn instructions_on(out: &Outputs, wanted: u32) -> Vec<Value> {
    let of = |o: &Output| match o {
        Output::Send { epoch, .. } if *epoch == wanted => frame_of(o),
        _ => None,
    };
    let updates = out.0.iter().filter_map(of).filter(|f| f["type"] == "session.update");
    updates.map(|f| f["session"]["instructions"].clone()).collect()
}

#[test]
fn a_change_made_while_the_next_session_is_ready_is_in_force_there() {
    let mut talk = with(json!({"auto_capture": false, "instructions": "Speak English."}));
    talk.pass(55 * 60_000 - talk.now.as_ms());
    talk.epoch = 1;
    talk.user_speaks("U1", 0);
    talk.epoch = 2;
    successor_ready(&mut talk, None, None);
    talk.take();
    // Nobody was cut off; the host changes the session that is in use, and the service confirms it.
    talk.epoch = 1;
    let op = talk.host(Command::UpdateSession { changes: json!({"instructions": "Speak French."}) });
    let both = talk.wish();
    talk.server("session.updated", json!({"session": {"type": "realtime", "instructions": "Speak French."}}));
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None));
    assert_eq!(instructions_on(&out, 2), [json!("Speak French.")]);
    talk.epoch = 2;
    talk.server("session.updated", json!({"session": both}));
    talk.pass(3_600_000 - 5_000 - talk.now.as_ms());
    talk.acknowledge();
    talk.pass(1_000);
    let out = talk.take();
    assert_eq!(out.of("session_replaced").len(), 1);
    let configured = out.of("session_configured");
    assert_eq!(configured[0]["effective"]["instructions"], "Speak French.");
}

#[test]
fn a_change_made_while_the_next_session_is_ready_is_in_force_on_every_connection_after_it() {
    let mut talk = with(json!({"auto_capture": false, "instructions": "Speak English."}));
    talk.pass(55 * 60_000 - talk.now.as_ms());
    talk.epoch = 1;
    talk.user_speaks("U1", 0);
    talk.epoch = 2;
    successor_ready(&mut talk, None, None);
    talk.epoch = 1;
    talk.host(Command::UpdateSession { changes: json!({"instructions": "Speak French."}) });
    talk.server("session.updated", json!({"session": {"type": "realtime", "instructions": "Speak French."}}));
    let both = talk.wish();
    talk.epoch = 2;
    talk.server("session.updated", json!({"session": both}));
    talk.pass(3_600_000 - 5_000 - talk.now.as_ms());
    talk.acknowledge();
    talk.pass(60_000);
    talk.take();
    cut(&mut talk);
    talk.reconnected();
    let out = talk.take();
    assert_eq!(instructions_on(&out, 3), [json!("Speak French.")]);
}

#[test]
fn a_change_that_waits_for_the_handover_is_made_once() {
    let mut talk = with(json!({"auto_capture": false, "instructions": "Speak English."}));
    talk.pass(55 * 60_000 - talk.now.as_ms());
    // Between dial and configuration of the next session.
    talk.epoch = 1;
    let op = talk.host(Command::UpdateSession { changes: json!({"instructions": "Speak French."}) });
    talk.server("session.updated", json!({"session": {"type": "realtime", "instructions": "Speak French."}}));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.epoch = 2;
    successor_ready(&mut talk, None, None);
    talk.pass(1_000);
    let out = talk.take();
    assert_eq!(instructions_on(&out, 2).last(), Some(&json!("Speak French.")), "{:?}", instructions_on(&out, 2));
}

#[test]
fn the_next_sessions_life_counts_from_its_own_beginning() {
    let mut talk = talk();
    talk.pass(55 * 60_000 - talk.now.as_ms());
    talk.epoch = 1;
    talk.user_speaks("U1", 0);
    talk.epoch = 2;
    // Opened at 55:00 of the clock here, it ends one hour later: at 1:55:00.
    successor_ready(&mut talk, Some(1_000_000), Some(1_003_600));
    talk.pass(3_600_000 - 5_000 - talk.now.as_ms());
    talk.acknowledge();
    assert_eq!(talk.take().of("session_replaced")[0]["why"], "rollover");
    // Five minutes before 1:55:00 the third is opened.
    talk.pass(2 * 55 * 60_000 - talk.now.as_ms());
    assert_eq!(dials(&talk.take()), 1, "300 s before the second session's end");
}

#[test]
fn a_loss_with_a_ready_successor_uses_it() {
    let mut talk = talk();
    talk.pass(55 * 60_000 - talk.now.as_ms());
    talk.epoch = 1;
    talk.user_speaks("U1", 0);
    talk.epoch = 2;
    successor_ready(&mut talk, None, None);
    talk.take();
    talk.epoch = 1;
    cut(&mut talk);
    let out = talk.take();
    assert_eq!(dials(&out), 0, "a configured session is there and is thrown away: {}", status(&talk));
}

#[test]
fn while_the_status_is_connected_a_ping_is_not_refused_for_want_of_a_connection() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Hello.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 1000, "Hello.");
    talk.item_done("R1", "A1", 0, "Hello.");
    talk.done("R1", "completed", None);
    talk.plays(1000);
    talk.pass(55 * 60_000 - talk.now.as_ms());
    let before = talk.host(Command::Ping);
    successor_ready(&mut talk, None, None);
    assert_eq!(status(&talk)["status"], "connected");
    let op = talk.host(Command::Ping);
    let raw = talk.host(Command::SendRaw { json: "{\"type\":\"x\"}".into() });
    let out = talk.take();
    let ends: Vec<_> =
        [before, op, raw].iter().map(|op| out.completed(*op).flatten().map(|e| e.code.to_string())).collect();
    assert_eq!(ends, [None, None, None], "status says connected all the time");
}

#[test]
fn what_is_sent_while_the_conversation_moves_over_completes() {
    let mut talk = talk();
    asked(&mut talk, "U1", "Hello.");
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 1000, "Hello.");
    talk.item_done("R1", "A1", 0, "Hello.");
    talk.done("R1", "completed", None);
    talk.plays(1000);
    talk.pass(55 * 60_000 - talk.now.as_ms());
    successor_ready(&mut talk, None, None);
    // The service says nothing of the replay: 5 s.
    let op =
        talk.host(Command::RequestResponse { options: serde_json::from_value(json!({"out_of_band": true})).unwrap() });
    talk.pass(5_000);
    let out = talk.take();
    assert_eq!(out.completed(op), None);
    let request = out.request();
    talk.response_for("R2", Some(&request));
    assert_eq!(talk.take().completed(op), Some(None));
}

#[test]
fn a_ready_successor_is_not_what_the_host_is_told_about() {
    // Every event of a run names a connection that was told to the host; numbers do not go back.
    let mut talk = talk();
    talk.pass(55 * 60_000 - talk.now.as_ms());
    successor_ready(&mut talk, None, None);
    let out = talk.take();
    let epochs: Vec<u32> = out.events().map(|e| e.epoch).collect();
    assert!(epochs.windows(2).all(|w| w[0] <= w[1]), "{epochs:?}");
    assert_eq!(out.of("session_replaced").len(), 1);
    // The change of a session is told: what is in force there.
    assert_eq!(out.of("session_configured").len(), 1);
}
