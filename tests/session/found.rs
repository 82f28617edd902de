//! What the simulation (tests/simulation.rs) found, each told small.

use crate::common::Talk;
use duologue::{
    event::Status,
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
