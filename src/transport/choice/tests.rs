//! The race in virtual time: calls and WebSockets that come, fail or stay away when they are told to.

use super::*;
use crate::{
    error::ErrorClass,
    provider::Frame,
    transport::{Closed, TransportKind},
};
use std::{
    sync::Mutex,
    task::{Context, Poll},
};
use tokio::time::{Instant, sleep};

/// A transport that came about.
struct Came(TransportKind);

impl Transport for Came {
    fn poll_inbound(&mut self, _: &mut Context<'_>, _: &mut dyn FnMut(Frame<'_>)) -> Poll<Closed> {
        Poll::Pending
    }
    fn send(&mut self, _: String, _: bool) -> Result<()> {
        Ok(())
    }
    fn poll_outbound(&mut self, _: &mut Context<'_>) {}
    fn close(&mut self, _: u16) {}
    fn kind(&self) -> TransportKind {
        self.0
    }
}

/// How a dial ends, and after how long.
#[derive(Clone, Copy)]
enum End {
    Comes(u64),
    Fails(u64, &'static str),
}

fn dial(kind: TransportKind, end: End) -> Dialling {
    Box::pin(async move {
        let (ms, end) = match end {
            End::Comes(ms) => (ms, Ok(Box::new(Came(kind)) as Box<dyn Transport>)),
            End::Fails(ms, code) => (ms, Err(Error::new(ErrorClass::Network, code, "as told"))),
        };
        sleep(Duration::from_millis(ms)).await;
        end
    })
}

/// What a race was.
#[derive(Debug, PartialEq)]
struct Race {
    /// The kind that won, or the code of the error.
    won: Result<TransportKind, String>,
    after_ms: u128,
    /// Why a WebSocket was dialled, and when.
    beside: Option<(Fallback, u128)>,
}

/// A call with its stages (each after so many milliseconds), and a WebSocket.
async fn race(stages: &[(u64, Stage)], call: End, websocket: End) -> Race {
    let began = Instant::now();
    let (sender, reached) = watch::channel(None);
    let stages = stages.to_vec();
    let call = async move {
        let told = async {
            let mut before = 0;
            for (at, stage) in stages {
                sleep(Duration::from_millis(at - before)).await;
                before = at;
                sender.send_replace(Some(stage));
            }
            // As a dial has it: whom it tells lives as long as it does.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            over = dial(TransportKind::Webrtc, call) => over,
            () = told => unreachable!(),
        }
    };
    let beside = Mutex::new(None);
    let won = first(Box::pin(call), reached, |why| {
        *beside.lock().unwrap() = Some((why, began.elapsed().as_millis()));
        dial(TransportKind::Websocket, websocket)
    })
    .await;
    let won = won.map(|transport| transport.kind()).map_err(|error| error.code.into_owned());
    Race { won, after_ms: began.elapsed().as_millis(), beside: beside.into_inner().unwrap() }
}

const OFFERED: (u64, Stage) = (100, Stage::Offered);
const ANSWERED: (u64, Stage) = (300, Stage::Answered);
const WEBRTC: Result<TransportKind, String> = Ok(TransportKind::Webrtc);
const WEBSOCKET: Result<TransportKind, String> = Ok(TransportKind::Websocket);

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_its_path_in_time_is_alone() {
    let stages = [OFFERED, ANSWERED, (2050, Stage::Path)];
    let race = race(&stages, End::Comes(9000), End::Comes(10)).await;
    assert_eq!(race, Race { won: WEBRTC, after_ms: 9000, beside: None });
}

#[tokio::test(start_paused = true)]
async fn a_websocket_begins_two_seconds_after_the_offer_and_what_is_ready_first_wins() {
    let beside = Some((Fallback::NoPath, 2100));
    let slow = race(&[OFFERED, ANSWERED], End::Comes(9000), End::Comes(50)).await;
    assert_eq!(slow, Race { won: WEBSOCKET, after_ms: 2150, beside });
    let late = race(&[OFFERED, ANSWERED], End::Comes(2500), End::Comes(5000)).await;
    assert_eq!(late, Race { won: WEBRTC, after_ms: 2500, beside });
    // A service that lets the offer wait is no better.
    let unanswered = race(&[OFFERED], End::Fails(8100, "timeout"), End::Comes(50)).await;
    assert_eq!(unanswered, Race { won: WEBSOCKET, after_ms: 2150, beside });
}

/// FAULTS row 16: somebody in between must not get the conversation by another way.
#[tokio::test(start_paused = true)]
async fn while_somebody_has_not_proved_to_be_the_service_a_websocket_waits() {
    let stages = [OFFERED, ANSWERED, (2500, Stage::Path)];
    let beside = Some((Fallback::NoPath, 2100));
    for websocket in [End::Comes(1000), End::Fails(1000, "connect_failed")] {
        let impostor = race(&stages, End::Fails(9000, "dtls_failed"), websocket).await;
        assert_eq!(impostor, Race { won: Err("dtls_failed".into()), after_ms: 9000, beside });
        let service = race(&stages, End::Comes(3500), websocket).await;
        assert_eq!(service, Race { won: WEBRTC, after_ms: 3500, beside });
    }
    let deaf = race(&stages, End::Fails(9000, "channel_failed"), End::Comes(1000)).await;
    assert_eq!(deaf, Race { won: WEBSOCKET, after_ms: 9000, beside });
}

#[tokio::test(start_paused = true)]
async fn where_neither_comes_about_the_websocket_says_why() {
    let beside = Some((Fallback::NoPath, 2100));
    let first_the_call = race(&[OFFERED], End::Fails(2500, "ice_failed"), End::Fails(1000, "auth")).await;
    assert_eq!(first_the_call, Race { won: Err("auth".into()), after_ms: 3100, beside });
    let last_the_call = race(&[OFFERED], End::Fails(9000, "ice_failed"), End::Fails(1000, "auth")).await;
    assert_eq!(last_the_call, Race { won: Err("auth".into()), after_ms: 9000, beside });
    // The call meets what a WebSocket would not have told.
    let refused = race(&[OFFERED], End::Fails(9000, "rate_limited"), End::Fails(1000, "connect_failed")).await;
    assert_eq!(refused, Race { won: Err("rate_limited".into()), after_ms: 9000, beside });
}

#[tokio::test(start_paused = true)]
async fn what_the_service_says_of_calls_decides_at_once() {
    for (code, why) in [
        ("not_found", Fallback::NoCalls),
        ("no_calls", Fallback::NoCalls),
        ("invalid_answer", Fallback::NoCalls),
        ("timeout", Fallback::NoPath),
    ] {
        let race = race(&[OFFERED], End::Fails(300, code), End::Comes(50)).await;
        assert_eq!(race, Race { won: WEBSOCKET, after_ms: 350, beside: Some((why, 300)) }, "{code}");
    }
    for code in ["auth", "rate_limited", "unavailable", "tls", "handshake", "dtls_failed"] {
        let race = race(&[OFFERED], End::Fails(300, code), End::Comes(50)).await;
        assert_eq!(race, Race { won: Err(code.into()), after_ms: 300, beside: None }, "{code}");
    }
}
