//! Which transport is dialled, and what the host is told of the one there is (FAULTS rows 16 and 17).

use crate::common::{Outputs, Talk};
use duologue::{
    capabilities::TransportKind,
    config::TransportChoice,
    session::{Command, Fallback, Input, Output},
};
use serde_json::{Value, json};

fn talk(transport: &str) -> Talk {
    let mut talk = Talk::new(json!({"auto_capture": false, "transport": transport, "recovery": {}}));
    talk.host(Command::Connect);
    talk
}

/// What the last dial asked for.
fn asked(out: &Outputs) -> TransportChoice {
    let dial = |o: &Output| if let Output::Dial { request, .. } = o { Some(request.transport) } else { None };
    out.0.iter().rev().find_map(dial).expect("a dial")
}

/// The connection comes up on this transport.
fn up(talk: &mut Talk, transport: TransportKind, fallback: Option<Fallback>) {
    let (epoch, media) = (talk.epoch, transport == TransportKind::Webrtc);
    talk.input(Input::Carries { epoch, transport, fallback, media, max_event_bytes: None });
    talk.reconnected();
}

/// What the host was told.
fn changes(out: &Outputs) -> Vec<[Value; 3]> {
    out.of("transport_changed").iter().map(|e| ["from", "to", "why"].map(|name| e[name].clone())).collect()
}

fn change(from: &str, to: &str, why: &str) -> Vec<[Value; 3]> {
    vec![[from.into(), to.into(), why.into()]]
}

#[test]
fn each_choice_is_dialled_and_a_call_that_comes_about_is_no_change() {
    for (name, choice) in [
        ("websocket", TransportChoice::Websocket),
        ("webrtc", TransportChoice::Webrtc),
        ("auto", TransportChoice::Auto),
    ] {
        let mut talk = talk(name);
        assert_eq!(asked(&talk.take()), choice);
        up(&mut talk, TransportKind::Webrtc, None);
        talk.closed(None, "", None);
        talk.pass(1000);
        assert_eq!(asked(&talk.take()), choice, "what came about once may come about again");
        up(&mut talk, TransportKind::Webrtc, None);
        assert!(changes(&talk.take()).is_empty());
        talk.finish();
    }
}

#[test]
fn row_16_a_fallback_is_told_and_kept_until_the_network_is_another_one() {
    let mut talk = talk("auto");
    talk.take();
    up(&mut talk, TransportKind::Websocket, Some(Fallback::NoPath));
    let out = talk.take();
    assert_eq!(changes(&out), change("webrtc", "websocket", "no_path"));

    // Where there was no path none is looked for again: it would cost two seconds each time.
    talk.closed(None, "", None);
    talk.pass(1000);
    assert_eq!(asked(&talk.take()), TransportChoice::Websocket);
    up(&mut talk, TransportKind::Websocket, None);
    assert!(changes(&talk.take()).is_empty());

    talk.host(Command::NetworkChanged);
    assert_eq!(asked(&talk.take()), TransportChoice::Auto);
    up(&mut talk, TransportKind::Webrtc, None);
    assert_eq!(changes(&talk.take()), change("websocket", "webrtc", "network_changed"));

    // And back.
    talk.host(Command::NetworkChanged);
    talk.take();
    up(&mut talk, TransportKind::Websocket, Some(Fallback::NoCalls));
    assert_eq!(changes(&talk.take()), change("webrtc", "websocket", "no_calls"));
    talk.finish();
}

#[test]
fn a_run_that_begins_anew_tries_a_call_again() {
    let mut talk = talk("auto");
    talk.take();
    up(&mut talk, TransportKind::Websocket, Some(Fallback::NoPath));
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    talk.take();
    talk.host(Command::Connect);
    assert_eq!(asked(&talk.take()), TransportChoice::Auto);
    up(&mut talk, TransportKind::Webrtc, None);
    assert!(changes(&talk.take()).is_empty(), "it is another run");
    talk.finish();
}

#[test]
fn auto_makes_no_call_that_could_not_be_told_the_configuration() {
    let config = |letters: usize| json!({"auto_capture": false, "transport": "auto", "instructions": "x".repeat(letters), "recovery": {}});
    for (letters, choice) in [(60_000, TransportChoice::Auto), (66_000, TransportChoice::Websocket)] {
        let mut talk = Talk::new(config(letters));
        talk.host(Command::Connect);
        assert_eq!(asked(&talk.take()), choice);
    }
}
