//! Credentials that are asked for, in virtual time: per dial, one request at a time, with a deadline, ahead
//! of expiry without a loop, and never after the end.

use crate::common::{Outputs, Talk};
use duologue::{
    error::{Error, ErrorClass},
    event::{OpId, Status},
    session::{Command, Input, Output, credentials::CredentialAnswer},
};
use serde_json::{Value, json};

/// Asked, with 15 s to answer.
fn asked() -> Value {
    json!({"auto_capture": false, "credentials": {"source": "asked"}})
}

fn ahead() -> Value {
    json!({"auto_capture": false, "credentials": {"source": "asked", "refresh_ahead": true}})
}

fn give(talk: &mut Talk, request_id: u64, expires_in_ms: Option<u64>) {
    talk.input(Input::Credential { request_id, answer: CredentialAnswer::Given { expires_in_ms } });
}

fn refuse(talk: &mut Talk, request_id: u64, error: Error) {
    talk.input(Input::Credential { request_id, answer: CredentialAnswer::Refused { error } });
}

fn auth() -> Option<Error> {
    Some(Error::new(ErrorClass::Credential, "auth", "the service refused the API key (HTTP 401)"))
}

/// The reasons of the requests among the outputs.
fn reasons(out: &Outputs) -> Vec<String> {
    out.of("credential_needed").iter().map(|e| e["reason"].as_str().unwrap().to_owned()).collect()
}

fn dials(out: &Outputs) -> usize {
    out.0.iter().filter(|o| matches!(o, Output::Dial { .. })).count()
}

/// After the dial: greeted and confirmed.
fn comes_up(talk: &mut Talk) {
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_1"}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    assert_eq!(*talk.session.status(), Status::Connected);
}

/// Connected with the first credential, which lives so long.
fn connected(config: Value, life_ms: Option<u64>) -> Talk {
    let mut talk = Talk::new(config);
    talk.host(Command::Connect);
    give(&mut talk, 1, life_ms);
    comes_up(&mut talk);
    talk.take();
    talk
}

/// The times of all requests in the next `ms`, each answered at once with a credential of the same life.
fn requests(talk: &mut Talk, ms: u64, life_ms: u64) -> Vec<u64> {
    let end = talk.now.after_ms(ms);
    let mut times = Vec::new();
    while talk.session.timeout().is_some_and(|due| due <= end) {
        let due = talk.session.timeout().unwrap();
        talk.pass(due.0.div_ceil(1000) - talk.now.as_ms());
        for needed in talk.take().of("credential_needed") {
            assert_eq!(needed["reason"], "refresh");
            times.push(needed["time_ms"].as_u64().unwrap());
            give(talk, needed["request_id"].as_u64().unwrap(), Some(life_ms));
        }
    }
    talk.pass(end.ms_since(talk.now));
    times
}

#[test]
fn each_dial_asks_and_waits_for_the_answer() {
    let mut talk = Talk::new(asked());
    talk.pass(1000);
    let op = talk.host(Command::Connect);
    let out = talk.take();
    assert_eq!(out.of("status")[0]["phase"], "credential");
    let needed = &out.of("credential_needed")[0];
    assert_eq!((&needed["request_id"], &needed["reason"]), (&json!(1), &json!("connect")));
    assert_eq!(needed["deadline_ms"], 16_000, "15 s on the clock of time_ms");
    assert_eq!((dials(&out), out.completed(op)), (0, None));
    talk.pass(14_999);
    assert_eq!(talk.take().0, []);
    give(&mut talk, 1, None);
    let out = talk.take();
    assert_eq!((dials(&out), &out.of("status")[0]["phase"]), (1, &json!("dial")));
    comes_up(&mut talk);
    assert_eq!(talk.take().completed(op), Some(None));
    talk.closed(Some(1000), "", None);
    talk.take();
    talk.host(Command::Connect);
    assert_eq!(reasons(&talk.take()), ["connect"], "a token that was used is not used again");
    talk.finish();
}

#[test]
fn a_given_credential_is_not_asked_for() {
    let mut talk = Talk::new(json!({}));
    talk.host(Command::Connect);
    let out = talk.take();
    assert_eq!((dials(&out), reasons(&out).len()), (1, 0));
    talk.closed(None, "", auth());
    let out = talk.take();
    assert_eq!((dials(&out), out.complaints()), (0, vec!["auth".to_owned()]), "and refused, it is fatal at once");
    talk.finish();
}

#[test]
fn no_answer_in_time_ends_the_run() {
    let mut talk = Talk::new(json!({"credentials": {"source": "asked", "timeout_ms": 100}}));
    let op = talk.host(Command::Connect);
    talk.pass(99);
    assert_eq!(talk.take().complaints().len(), 0);
    talk.pass(1);
    let out = talk.take();
    assert_eq!(out.complaints(), ["credential_timeout"]);
    let error = out.completed(op).unwrap().unwrap();
    assert_eq!((error.class, error.fatal, error.retryable), (ErrorClass::Credential, true, true));
    assert!(matches!(talk.session.status(), Status::Error { .. }), "there is no transport to wait for");
    assert!(out.0.iter().all(|o| !matches!(o, Output::Close { .. } | Output::Dial { .. })));
    assert_eq!(talk.session.timeout(), None);
    talk.finish();
}

#[test]
fn a_host_that_has_none_ends_the_run_in_its_own_words() {
    for retryable in [false, true] {
        let mut talk = Talk::new(asked());
        let op = talk.host(Command::Connect);
        let mut error = Error::new(ErrorClass::Host, "whatever", "the shop is closed; ek_c4n4ry is of yesterday");
        error.retryable = retryable;
        refuse(&mut talk, 1, error.fix("come back with sk-c4n4ry"));
        let out = talk.take();
        let told = out.completed(op).unwrap().unwrap();
        assert_eq!((told.class, &*told.code), (ErrorClass::Credential, "credential_refused"));
        assert_eq!(told.message, "no credential: the shop is closed; ek_[redacted] is of yesterday");
        assert_eq!((told.fatal, told.retryable), (true, retryable));
        assert!(!format!("{:?}", out.0).contains("c4n4ry"));
        talk.finish();
    }
}

#[test]
fn lesson_disconnect_while_fetching_a_token_leaks_nothing() {
    let mut talk = Talk::new(asked());
    let op = talk.host(Command::Connect);
    talk.take();
    let end = talk.host(Command::Disconnect);
    let out = talk.take();
    assert_eq!(out.completed(end), Some(None), "at once: nothing was dialled");
    assert!(matches!(out.completed(op), Some(Some(e)) if e.code == "cancelled"));
    assert_eq!((out.complaints().len(), &out.of("status")[0]["ended"]["by"]), (0, &json!("user")));
    assert_eq!(talk.session.credential_wish().request, None);
    assert_eq!((talk.session.timeout(), talk.open_ops()), (None, Vec::<OpId>::new()));
    talk.finish();
}

#[test]
fn lesson_a_token_fetched_too_late_is_dropped() {
    // After a disconnect, and for the request of the run after it.
    let mut talk = Talk::new(asked());
    talk.host(Command::Connect);
    talk.host(Command::Disconnect);
    talk.take();
    give(&mut talk, 1, Some(60_000));
    assert_eq!((talk.take().0.len(), talk.session.credential_wish()), (0, Default::default()));
    talk.host(Command::Connect);
    talk.take();
    give(&mut talk, 1, Some(60_000));
    assert_eq!(talk.take().0, [], "the second run has a request of its own");
    give(&mut talk, 2, None);
    assert_eq!(dials(&talk.take()), 1);
    give(&mut talk, 2, None);
    assert_eq!(talk.take().0, [], "a second answer");
    assert_eq!(talk.session.stats().stale_inputs, 3);
    talk.finish();
    // After its deadline.
    let mut talk = Talk::new(asked());
    talk.host(Command::Connect);
    talk.pass(15_000);
    talk.take();
    give(&mut talk, 1, None);
    assert_eq!((talk.take().0.len(), talk.session.stats().stale_inputs), (0, 1));
    talk.finish();
}

#[test]
fn the_time_to_connect_does_not_run_while_the_host_is_asked() {
    let mut talk = Talk::new(json!({"credentials": {"source": "asked", "timeout_ms": 120_000}}));
    talk.host(Command::Connect);
    talk.pass(100_000);
    give(&mut talk, 1, None);
    talk.pass(10_000);
    // The service refuses, and the host takes its time again: 20 s of 30 are left.
    talk.closed(None, "", auth());
    talk.pass(100_000);
    give(&mut talk, 2, None);
    talk.take();
    talk.pass(19_999);
    assert_eq!(talk.take().complaints().len(), 0);
    talk.pass(1);
    assert_eq!(talk.take().complaints(), ["timeout"]);
    talk.closed(None, "", None);
    talk.finish();
}

#[test]
fn a_refused_credential_is_asked_for_once_more_and_then_fatal() {
    for code in ["auth", "expired_key"] {
        let refused = || Some(Error::new(ErrorClass::Credential, code, "refused"));
        let mut talk = Talk::new(asked());
        let op = talk.host(Command::Connect);
        give(&mut talk, 1, Some(600_000));
        talk.take();
        talk.closed(None, "", refused());
        let out = talk.take();
        assert_eq!((reasons(&out), dials(&out)), (vec!["rejected".to_owned()], 0));
        assert_eq!((out.complaints().len(), &out.of("status")[0]["phase"]), (0, &json!("credential")));
        give(&mut talk, 2, None);
        let out = talk.take();
        assert_eq!(dials(&out), 1);
        talk.closed(None, "", refused());
        let out = talk.take();
        assert_eq!((reasons(&out).len(), out.complaints()), (0, vec![code.to_owned()]));
        assert!(matches!(out.completed(op), Some(Some(e)) if e.code == code && e.fatal));
        // The next connect has its own second chance.
        talk.host(Command::Connect);
        give(&mut talk, 3, None);
        talk.take();
        talk.closed(None, "", refused());
        assert_eq!(reasons(&talk.take()), ["rejected"]);
        talk.host(Command::Disconnect);
        talk.finish();
    }
}

/// Some services open the connection first, and refuse the credential by the words of a close.
#[test]
fn a_credential_that_is_refused_by_a_close_is_asked_for_once_more() {
    let mut talk = Talk::new(asked());
    talk.host(Command::Connect);
    give(&mut talk, 1, Some(600_000));
    talk.opened();
    talk.take();
    talk.closed(Some(1008), "API key not valid. Please pass a valid API key.", None);
    let out = talk.take();
    assert_eq!((reasons(&out), out.complaints().len()), (vec!["rejected".to_owned()], 0));
    give(&mut talk, 2, None);
    assert_eq!(dials(&talk.take()), 1);
    talk.closed(Some(1008), "API key not valid.", None);
    assert_eq!(talk.take().complaints(), ["auth"]);
    talk.finish();
}

#[test]
fn only_a_refused_credential_is_asked_for_again() {
    for error in [
        Error::new(ErrorClass::Network, "connect_failed", "x").retryable(),
        Error::new(ErrorClass::Quota, "rate_limited", "x").retryable(),
        Error::new(ErrorClass::Credential, "malformed_key", "x"),
    ] {
        let mut talk = Talk::new(asked());
        talk.host(Command::Connect);
        give(&mut talk, 1, None);
        talk.take();
        talk.closed(None, "", Some(error));
        let out = talk.take();
        assert_eq!((reasons(&out).len(), out.of("error").len()), (0, 1));
        talk.finish();
    }
}

#[test]
fn what_an_old_connection_says_while_the_host_is_asked_is_ignored() {
    let mut talk = connected(asked(), None);
    talk.closed(Some(1000), "", None);
    talk.host(Command::Connect);
    talk.take();
    let text = r#"{"type":"error","event_id":"e9","error":{"type":"server_error","code":"x","message":"late"}}"#;
    let frame = duologue::provider::Frame::Text(text.into());
    for epoch in [1, 2] {
        talk.input(Input::Opened { epoch, unix_s: None });
        talk.input(Input::Frame { epoch, frame: frame.clone() });
        talk.input(Input::Closed { epoch, code: None, reason: String::new(), error: auth() });
    }
    assert_eq!(talk.take().0, []);
    give(&mut talk, 2, None);
    assert_eq!(dials(&talk.take()), 1);
    talk.host(Command::Disconnect);
    talk.finish();
}

#[test]
fn a_new_one_is_asked_for_a_minute_before_the_old_one_expires() {
    let mut talk = connected(ahead(), Some(600_000));
    talk.pass(539_999);
    assert_eq!(reasons(&talk.take()).len(), 0);
    talk.pass(1);
    assert_eq!(reasons(&talk.take()), ["refresh"]);
    give(&mut talk, 2, Some(600_000));
    let out = talk.take();
    assert_eq!((out.0.len(), talk.session.credential_wish().keep), (0, true), "the call goes on, the next dial has it");
    assert_eq!(requests(&mut talk, 539_999, 600_000).len(), 0);
    assert_eq!(requests(&mut talk, 1, 600_000).len(), 1);
    talk.finish();
    // Nobody said when it expires, or nobody wants it ahead.
    for mut talk in [connected(ahead(), None), connected(asked(), Some(600_000))] {
        talk.pass(3_600_000);
        assert_eq!(reasons(&talk.take()).len(), 0);
        talk.finish();
    }
}

#[test]
fn lesson_refresh_loop_does_not_mint_in_a_tight_loop() {
    const SPAN_MS: u64 = 600_000;
    let lives = (0..=60).map(|s| s * 1000).chain([1, 499, 9_999, 10_001, 119_999, 120_001]);
    for life in lives {
        let mut talk = connected(ahead(), Some(life));
        let times = requests(&mut talk, SPAN_MS, life);
        // Half of the life, or five seconds where that is longer.
        let every = (life - life / 2).max(5_000).max(life.saturating_sub(60_000));
        let apart: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.iter().all(|ms| *ms == every), "a life of {life} ms: {apart:?}");
        assert_eq!(times.first(), Some(&every), "a life of {life} ms");
        assert_eq!(times.len() as u64, SPAN_MS / every, "a life of {life} ms");
        talk.host(Command::Disconnect);
        talk.finish();
    }
}

#[test]
fn a_refresh_that_fails_keeps_the_call_and_backs_off() {
    for silent in [false, true] {
        let mut talk = connected(ahead(), Some(60_000));
        talk.pass(30_000);
        assert_eq!(reasons(&talk.take()), ["refresh"]);
        let mut waits = Vec::new();
        for id in 2..10 {
            if silent {
                talk.pass(15_000);
            } else {
                refuse(&mut talk, id, Error::new(ErrorClass::Host, "x", "no"));
            }
            let out = talk.take();
            assert_eq!(out.complaints(), [if silent { "credential_timeout" } else { "credential_refused" }]);
            assert_eq!((out.of("error").len(), out.of("status").len()), (0, 0), "the call goes on");
            let failed = talk.now;
            let due = talk.session.timeout().expect("another try");
            talk.pass(due.ms_since(failed));
            assert_eq!(reasons(&talk.take()), ["refresh"]);
            waits.push(talk.now.ms_since(failed));
        }
        assert_eq!(waits, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000]);
        // Success starts over.
        give(&mut talk, 10, Some(60_000));
        talk.pass(30_000);
        assert_eq!(reasons(&talk.take()), ["refresh"]);
        refuse(&mut talk, 11, Error::new(ErrorClass::Host, "x", "no"));
        talk.take();
        talk.pass(5_000);
        assert_eq!(reasons(&talk.take()), ["refresh"]);
        talk.finish();
    }
}

#[test]
fn lesson_refresh_after_disconnect_does_not_rearm() {
    // The answer comes while closing, or after; or never.
    for answer in 0..3 {
        let mut talk = connected(ahead(), Some(20_000));
        talk.pass(10_000);
        assert_eq!(reasons(&talk.take()), ["refresh"]);
        talk.host(Command::Disconnect);
        if answer == 0 {
            give(&mut talk, 2, Some(20_000));
        }
        talk.closed(Some(1000), "", None);
        talk.take();
        if answer == 1 {
            give(&mut talk, 2, Some(20_000));
        }
        assert_eq!(talk.session.timeout(), None, "nothing is armed");
        assert_eq!(talk.session.credential_wish(), Default::default(), "nothing is open and nothing is kept");
        talk.pass(600_000);
        assert_eq!(talk.take().0, []);
        talk.host(Command::Connect);
        assert_eq!(reasons(&talk.take()), ["connect"], "the token went with the run");
        talk.host(Command::Disconnect);
        talk.finish();
    }
}

#[test]
fn a_refresh_under_way_serves_the_dial_that_comes() {
    let mut talk = connected(ahead(), Some(20_000));
    talk.pass(10_000);
    talk.take();
    talk.closed(None, "", None);
    assert!(matches!(talk.session.status(), Status::Error { .. }));
    talk.take();
    talk.pass(1_000);
    talk.host(Command::Connect);
    let out = talk.take();
    assert_eq!((reasons(&out).len(), dials(&out)), (0, 0), "one request at a time");
    give(&mut talk, 2, Some(20_000));
    assert_eq!(dials(&talk.take()), 1);
    talk.closed(None, "", None);
    talk.finish();
}

#[test]
fn what_a_refresh_brought_serves_one_dial() {
    for (life, pause, fresh) in [(600_000, 0, true), (8_000, 0, true), (8_000, 3_000, false)] {
        let mut talk = connected(ahead(), Some(20_000));
        talk.pass(10_000);
        give(&mut talk, 2, Some(life));
        talk.closed(None, "", None);
        talk.take();
        talk.pass(pause);
        talk.host(Command::Connect);
        let out = talk.take();
        assert_eq!((dials(&out) == 1, reasons(&out).is_empty()), (fresh, fresh), "{life} ms, {pause} ms later");
        if fresh {
            talk.closed(None, "", None);
            talk.take();
            talk.host(Command::Connect);
            assert_eq!(reasons(&talk.take()), ["connect"]);
        }
        talk.host(Command::Disconnect);
        talk.finish();
    }
}

#[test]
fn nothing_is_asked_for_ahead_while_there_is_no_call() {
    let mut talk = connected(ahead(), Some(20_000));
    talk.closed(None, "", None);
    talk.take();
    assert_eq!(talk.session.timeout(), None);
    talk.pass(600_000);
    assert_eq!(talk.take().0, []);
    talk.finish();
}

#[test]
fn a_refresh_that_nobody_answers_after_a_loss_ends_in_silence() {
    let mut talk = connected(ahead(), Some(20_000));
    talk.pass(10_000);
    talk.closed(None, "", None);
    talk.take();
    talk.pass(600_000);
    assert_eq!((talk.take().0.len(), talk.session.timeout()), (0, None));
    talk.finish();
}
