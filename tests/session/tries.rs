//! How often and how fast a service is asked again, and how the way to it is measured.

use crate::common::Talk;
use duologue::{
    error::{Error, ErrorClass},
    event::{EventKind, OpId, Status},
    session::{Command, Input, Output},
};
use serde_json::json;

fn cut() -> Talk {
    let mut talk = Talk::connected(json!({"auto_capture": false, "recovery": {}}));
    talk.closed(Some(1006), "", None);
    talk.take();
    talk
}

fn busy(retry_after_ms: u64) -> Error {
    Error::new(ErrorClass::Quota, "rate_limited", "busy").retry_after_ms(retry_after_ms).retryable()
}

/// Until a try is on its way, or the run is over.
fn until_tried(talk: &mut Talk) -> bool {
    for _ in 0..200_000 {
        match talk.session.status() {
            Status::Reconnecting { phase: Some(_), .. } => return true,
            Status::Reconnecting { .. } => talk.pass(10),
            _ => return false,
        }
    }
    panic!("nothing happens");
}

#[test]
fn a_service_that_says_at_once_is_not_asked_faster_than_one_that_says_nothing() {
    let mut talk = cut();
    let (begin, mut tries) = (talk.now, 0);
    while until_tried(&mut talk) {
        tries += 1;
        talk.closed(None, "", Some(busy(0)));
    }
    // Ten tries of a busy service, each drawn from up to 1, 2, 4 … 30 s: a few seconds in all at the least.
    let ms = talk.now.as_ms() - begin.as_ms();
    assert!(ms > 5_000 && tries > 1, "{tries} tries in {ms} ms: {:?}", talk.session.status());
}

/// The default time without a connection is a minute: a wish to be left alone so long is the end at once.
#[test]
fn a_service_that_wants_to_be_left_alone_for_too_long_is_not_waited_for() {
    let mut talk = cut();
    assert!(until_tried(&mut talk));
    let before = talk.now;
    talk.closed(None, "", Some(busy(60_000)));
    assert_eq!(talk.now, before);
    let Status::Error { error } = talk.session.status() else { panic!("{:?}", talk.session.status()) };
    assert_eq!(error.code, "reconnect_failed");
    assert!(error.message.contains("busy"), "{error:?}");
}

fn pings(outputs: &[Output]) -> Vec<Option<OpId>> {
    outputs.iter().filter_map(|o| if let Output::Ping { op, .. } = o { Some(*op) } else { None }).collect()
}

fn trips(outputs: &[Output]) -> Vec<(OpId, Option<u64>)> {
    let of = |o: &Output| match o {
        Output::Event(e) => match &e.kind {
            EventKind::Completed(done) => Some((done.op, done.round_trip_us)),
            _ => None,
        },
        _ => None,
    };
    outputs.iter().filter_map(of).collect()
}

/// A peer need not answer each of several pings (RFC 6455 §5.5.3).
#[test]
fn one_ping_is_on_its_way_at_a_time_and_each_is_measured() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    let first = talk.host(Command::Ping);
    talk.pass(100);
    let second = talk.host(Command::Ping);
    assert_eq!(pings(&talk.take().0), [Some(first)]);
    talk.pass(50);
    talk.input(Input::Pong { epoch: 1 });
    let outputs = talk.take().0;
    assert_eq!(trips(&outputs), [(first, Some(150_000))]);
    assert_eq!(pings(&outputs), [Some(second)]);
    talk.pass(70);
    talk.input(Input::Pong { epoch: 1 });
    assert_eq!(trips(&talk.take().0), [(second, Some(70_000))]);
}

#[test]
fn a_ping_that_is_given_up_or_refused_makes_room_for_the_next() {
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    talk.host(Command::Ping);
    let second = talk.host(Command::Ping);
    talk.take();
    talk.pass(15_000);
    assert_eq!(pings(&talk.take().0), [Some(second)]);
    let third = talk.host(Command::Ping);
    let error = Error::new(ErrorClass::Unsupported, "ping", "this transport has no ping");
    talk.input(Input::Refused { op: second, error });
    assert_eq!(pings(&talk.take().0), [Some(third)]);
}
