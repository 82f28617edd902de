//! Threads that wait for a status, commands that never got to the engine, and hosts that are too slow.

use super::{Count, builder, hear, watchdog};
use duologue::{
    Client, ErrorClass,
    client::Slot,
    config::Delivery,
    event::{EventKind, EventMask, Status, StatusKind},
    transport::scripted::{Peer, ScriptedDialer},
};
use std::{
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;

fn scripted() -> (Client, UnboundedReceiver<Peer>) {
    let (dialer, peers) = ScriptedDialer::new();
    let key = crate::canary::key();
    let client = builder(Delivery::Callbacks).dialer(Arc::new(dialer)).credential(key).build().unwrap();
    (client, peers)
}

const HELLO: [&str; 2] = [r#"{"type":"session.created","session":{}}"#, r#"{"type":"session.updated","session":{}}"#];

fn greet(peer: &Peer) {
    HELLO.iter().for_each(|frame| peer.send(*frame));
}

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn a_thread_waits_for_the_connection_and_for_its_end() {
    let _dog = watchdog("status");
    let (client, mut peers) = scripted();
    for _ in 0..50 {
        let connect = client.connect();
        assert!(connect.refusal().is_none());
        let vendor = std::thread::spawn(move || {
            let peer = peers.blocking_recv().unwrap();
            greet(&peer);
            (peers, peer)
        });
        // Neither the idle nor anything else of the run before counts.
        assert_eq!(client.wait_status(StatusKind::Connected, None), Ok(true));
        assert_eq!(client.state().status, Status::Connected);
        let peer;
        (peers, peer) = vendor.join().unwrap();
        assert_eq!(client.wait_status(StatusKind::Idle, NOW), Ok(false));
        drop(client.disconnect());
        // The idle of the disconnect, which the vendor's side delays; not that of before the connect.
        let closes = std::thread::spawn(move || peer.close(Some(1000), ""));
        assert_eq!(client.wait_status(StatusKind::Idle, None), Ok(true));
        assert!(matches!(client.state().status, Status::Idle { ended } if ended.code != "none"));
        closes.join().unwrap();
    }
}

#[test]
fn disconnect_and_connect_at_once_is_a_new_run() {
    let _dog = watchdog("reconnect");
    let (client, mut peers) = scripted();
    drop(client.connect());
    let mut peer = peers.blocking_recv().unwrap();
    greet(&peer);
    assert_eq!(client.wait_status(StatusKind::Connected, None), Ok(true));
    for _ in 0..20 {
        drop(client.disconnect());
        drop(client.connect());
        let vendor = std::thread::spawn(move || {
            peer.close(Some(1000), "");
            let next = peers.blocking_recv().unwrap();
            greet(&next);
            (peers, next)
        });
        // Not the connection that is on its way out.
        assert_eq!(client.wait_status(StatusKind::Connected, None), Ok(true));
        (peers, peer) = vendor.join().unwrap();
        assert_eq!(client.wait_status(StatusKind::Idle, NOW), Ok(false));
    }
}

#[test]
fn a_run_that_ended_before_anybody_looked_is_told() {
    let _dog = watchdog("late");
    let (client, mut peers) = scripted();
    drop(client.connect());
    let peer = peers.blocking_recv().unwrap();
    greet(&peer);
    assert_eq!(client.wait_status(StatusKind::Connected, None), Ok(true));
    peer.close(Some(1000), "bye");
    assert_eq!(client.wait_status(StatusKind::Idle, None), Ok(true));
    // Without a time: it must not wait for a run that nobody asked for.
    assert_eq!(client.wait_status(StatusKind::Connected, None).unwrap_err().code, "not_connected");
}

#[test]
fn a_connect_given_before_counts_also_when_nobody_has_looked_at_it() {
    let _dog = watchdog("order of status");
    let (client, _peers) = scripted();
    for _ in 0..3 {
        // The vendor's side never confirms a close, which is given up soon. Idle is what it is when the two are given, and what it is after them.
        drop(client.connect());
        assert_eq!(client.wait_status(StatusKind::Connecting, None), Ok(true));
        drop(client.disconnect());
        drop(client.connect());
        drop(client.disconnect());
        assert_eq!(client.wait_status(StatusKind::Idle, None), Ok(true));
        assert!(matches!(client.state().status, Status::Idle { ended } if ended.code != "none"));
    }
}

#[test]
fn a_run_that_fails_gives_its_error_to_whoever_waits() {
    let _dog = watchdog("failed status");
    let (client, peers) = scripted();
    drop(peers);
    for _ in 0..20 {
        drop(client.connect());
        let error = client.wait_status(StatusKind::Connected, None).unwrap_err();
        assert_eq!(error.code, "connect_failed");
        assert_eq!(client.wait_status(StatusKind::Error, None), Ok(true));
    }
    // No credential: the connect is refused and the client stays idle.
    let client = builder(Delivery::Callbacks).build().unwrap();
    assert_eq!(client.wait_status(StatusKind::Connected, NOW), Ok(false), "nothing failed");
    drop(client.connect());
    let error = client.wait_status(StatusKind::Connected, None).unwrap_err();
    assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "missing_key"));
}

#[test]
fn the_end_of_the_client_ends_the_waiting() {
    let _dog = watchdog("closed status");
    let (client, _peers) = scripted();
    let waits = client.clone();
    let waiter = std::thread::spawn(move || waits.wait_status(StatusKind::Connected, None));
    client.destroy();
    assert_eq!(waiter.join().unwrap().unwrap_err().code, "closed");
    assert_eq!(client.wait_status(StatusKind::Connected, Some(Duration::MAX)).unwrap_err().code, "closed");
}

#[test]
fn a_command_that_never_got_to_the_engine_says_why_and_has_no_event() {
    let _dog = watchdog("refusal");
    // A runtime that runs when we say so.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = builder(Delivery::Queue).runtime(runtime.handle().clone()).build().unwrap();
    let mut ops: Vec<_> = (0..258).map(|_| client.send_text("x")).collect();
    assert!(ops[..256].iter().all(|op| op.refusal().is_none()));
    for op in ops.drain(256..) {
        let refusal = op.refusal().unwrap().clone();
        assert_eq!((refusal.class, &*refusal.code, refusal.retryable), (ErrorClass::Limit, "backpressure", true));
        assert_eq!(runtime.block_on(op).unwrap_err(), refusal);
    }
    let last = ops.pop().unwrap();
    assert_eq!(runtime.block_on(last).unwrap_err().code, "not_connected");
    let told = std::iter::from_fn(|| client.next_event(NOW).unwrap()).count();
    assert_eq!(told, 256);
}

#[test]
fn a_host_that_takes_no_events_can_give_no_commands_without_end() {
    let _dog = watchdog("flood");
    let client = builder(Delivery::Queue).build().unwrap();
    // 4096 events, and commands under way; waiting for a place among the commands is no progress.
    let mut given = 0;
    let refusal = loop {
        let op = client.send_text("x");
        match op.refusal() {
            None => given += 1,
            Some(refusal) if refusal.message.starts_with("4096 events") => break refusal.clone(),
            Some(_) => std::thread::yield_now(),
        }
    };
    assert_eq!((refusal.class, &*refusal.code), (ErrorClass::Limit, "backpressure"));
    assert!((4096..=4096 + 257).contains(&given), "{given}");
    let ends_nothing = client.disconnect();
    assert!(
        ends_nothing.refusal().is_some(),
        "without a run there is nothing to leave, and it would be one event more"
    );
    for _ in 0..given {
        client.next_event(None).unwrap().unwrap();
    }
    assert!(client.send_text("x").refusal().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_never_returns_ends_its_session_after_five_seconds() {
    let _dog = watchdog("too slow");
    let (dialer, mut peers) = ScriptedDialer::new();
    let client = builder(Delivery::Callbacks)
        .runtime(tokio::runtime::Handle::current())
        .dialer(Arc::new(dialer))
        .credential(crate::canary::key())
        .build()
        .unwrap();
    let gate = Arc::new(Count::default());
    let (blocks, (said, heard)) = (gate.clone(), mpsc::channel());
    let listener = hear(move |event| {
        blocks.wait_for(1);
        if let EventKind::Error(error) = &event.kind {
            said.send(error.code.clone()).unwrap();
        }
    });
    client.set_listener(Slot(0), EventMask::ALL, listener).unwrap();
    let connect = client.connect();
    let peer = peers.recv().await.unwrap();
    greet(&peer);
    connect.await.unwrap();
    // The queue is full after these, but for what the listener's thread took.
    for _ in 0..1100 {
        client.set_input_muted(true).await.unwrap();
    }
    assert_eq!(client.state().status, Status::Connected, "it may be over the bound for a while");
    tokio::time::advance(Duration::from_millis(5100)).await;
    drop(client.set_input_muted(true).await);
    // The vendor's side does not confirm the close; the clock of this test does not wait for it.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let status = client.state().status;
    assert!(matches!(&status, Status::Error { error } if error.code == "host_too_slow"), "{status:?}");
    // What waited is still told, the error too.
    gate.add();
    assert_eq!(heard.recv().unwrap(), "host_too_slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_panic_ends_the_session_that_is_under_way() {
    let _dog = watchdog("panic connected");
    let (client, mut peers) = scripted();
    let (said, heard) = mpsc::channel();
    let panics = hear(|_| std::panic::resume_unwind(Box::new("planned")));
    let listens = hear(move |event| _ = said.send(event.kind.clone()));
    client.set_listener(Slot(1), EventMask::ALL, listens).unwrap();
    let connect = client.connect();
    let peer = peers.recv().await.unwrap();
    greet(&peer);
    connect.await.unwrap();
    client.set_listener(Slot(0), EventMask::COMPLETED, panics).unwrap();
    drop(client.set_input_muted(true));
    let error = std::iter::from_fn(|| heard.recv().ok())
        .find_map(|kind| match kind {
            EventKind::Error(error) => Some(error),
            _ => None,
        })
        .unwrap();
    assert_eq!((error.class, &*error.code, error.fatal), (ErrorClass::Host, "listener_panicked", true));
    peer.close(None, "");
    let status = std::iter::from_fn(|| heard.recv().ok()).find_map(|kind| match kind {
        EventKind::Status(status) => Some(status.kind()),
        _ => None,
    });
    assert_eq!(status, Some(StatusKind::Error));
}
