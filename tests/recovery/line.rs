//! The line itself: dead, stalled, another one, and a session that is about to end (rows 2, 8, 17, 19).

use crate::{
    canary,
    proxy::{End, Proxy},
    rig::{FIRST, Rig, SUNNY, config, heard, scenario, sent, sessions, simulator, told},
};
use duologue::{
    event::{Event, EventKind, Status},
    message::{MessageState, Role},
    simulator::Simulator,
};
use std::time::Duration;
use tokio::time::Instant;

/// A result sent into the void, and microphone audio nobody hears. The clock is virtual while the line is dead.
#[tokio::test]
async fn row_2_a_line_that_swallows_everything_is_given_up_after_15_s() {
    let simulator = simulator().await;
    let proxy = Proxy::start(&simulator.base_url()).await;
    let mut config = config(proxy.url(&simulator.base_url()));
    config.auto_capture = true;
    let mut rig = Rig::with(canary::builder().config(config)).await;
    rig.client.send_text("The weather?").await.unwrap();
    let call = rig.until("tool_call", |e| match &e.kind {
        EventKind::ToolCall(call) => Some(call.call.clone()),
        _ => None,
    });
    let call = call.await;
    let journal = simulator.journal();
    journal.wait_for_server(|e| e["type"] == "response.done").await;

    proxy.swallow();
    tokio::time::pause();
    let since = Instant::now();
    let answering = rig.client.submit_tool_result(call, r#"{"sky": "clear"}"#, false);
    for _ in 0..50 {
        assert_eq!(rig.client.push_audio(&[0; 960]).unwrap(), 960);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let (attempt, _, reason) = rig.lost().await;
    let silent = since.elapsed();
    tokio::time::resume();
    assert_eq!((attempt, reason.as_str()), (1, "silent"));
    assert!(silent >= Duration::from_millis(14_900) && silent <= Duration::from_secs(16), "{silent:?}");

    let replaced = rig.back().await;
    // Two seconds were said, long before the line was found dead: nothing of it is said again.
    assert_eq!((replaced.why.as_str(), replaced.context.as_str(), replaced.gap_ms), ("reconnect", "full", 2000));
    answering.await.unwrap();
    rig.answered().await;
    let [first, second] = sessions(&journal)[..] else { panic!("{:?}", sessions(&journal)) };
    assert!(told(&journal, first).iter().all(|(what, _)| what != "function_call_output"), "it never arrived");
    let results = told(&journal, second).into_iter().filter(|(what, _)| what == "function_call_output");
    assert_eq!(results.map(|(_, words)| words).collect::<Vec<_>>(), [r#"{"sky": "clear"}"#]);
    assert_eq!(rig.count("tool_call"), 1);
    assert_eq!(heard(rig.client.messages().last().unwrap()), SUNNY);
    rig.check();
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_8_a_session_that_is_about_to_end_is_followed_by_the_next_without_a_gap() {
    let mut scenario = scenario(1000.0);
    // The next is opened when a quarter is left.
    // Long enough for the answer before it.
    scenario.delivery.session_s = 8;
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let mut rig = Rig::connected(simulator.base_url()).await;
    rig.ask("One.").await;
    let replaced = rig.back().await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str(), replaced.gap_ms), ("rollover", "full", 0));
    rig.goes_on().await;
    let lost = rig.told.iter().any(|e| matches!(e.kind, EventKind::Status(Status::Reconnecting { .. })));
    assert!(!lost && rig.count("error") == 0, "nobody is told of a loss");
    let journal = simulator.journal();
    let next = sessions(&journal)[1];
    assert_eq!(told(&journal, next)[..2], [("user".into(), "One.".into()), ("assistant".into(), FIRST.into())]);
    assert_eq!(sent(&journal, next, "response.create").len(), 1);
    rig.client.shutdown().await;
}

/// The vendor's word comes before ours: its session ends while nobody is ready to follow.
#[tokio::test]
async fn row_8_a_session_that_ended_is_followed_too() {
    let mut scenario = scenario(1000.0);
    scenario.delivery.session_s = 2;
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let mut config = config(simulator.base_url());
    config.recovery.rollover = false;
    let mut rig = Rig::with(canary::builder().config(config)).await;
    rig.ask("One.").await;
    assert_eq!(rig.lost().await, (1, 0, "session_expired".into()));
    assert_eq!(rig.back().await.why, "rollover");
    rig.goes_on().await;
    assert_eq!(rig.count("error"), 0);
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_17_another_network_gets_another_connection_at_once() {
    let simulator = simulator().await;
    let proxy = Proxy::start(&simulator.base_url()).await;
    let mut rig = Rig::connected(proxy.url(&simulator.base_url())).await;
    rig.ask("One.").await;
    // The old path is dead, and the host knows before any clock does.
    proxy.swallow();
    rig.client.network_changed().await.unwrap();
    assert_eq!(rig.lost().await, (1, 0, "network_changed".into()));
    let replaced = rig.back().await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str()), ("reconnect", "full"));
    rig.goes_on().await;
    assert_eq!(proxy.accepted(), 2);
    rig.client.shutdown().await;
}

/// A host that tells of every network it passes is no service that ends sessions as soon as they begin.
#[tokio::test]
async fn row_17_networks_that_change_often_are_no_unstable_service() {
    let simulator = simulator().await;
    let mut rig = Rig::connected(simulator.base_url()).await;
    rig.ask("One.").await;
    for _ in 0..10 {
        rig.client.network_changed().await.unwrap();
        rig.back().await;
    }
    rig.goes_on().await;
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_4_a_service_that_ends_each_session_at_once_is_given_up() {
    let simulator = simulator().await;
    let proxy = Proxy::start(&simulator.base_url()).await;
    let mut rig = Rig::connected(proxy.url(&simulator.base_url())).await;
    rig.ask("One.").await;
    for _ in 0..4 {
        proxy.cut(End::Rst);
        rig.back().await;
    }
    proxy.cut(End::Rst);
    let error = rig.failed().await;
    assert_eq!((&*error.code, error.retryable, proxy.accepted()), ("unstable", true, 5));
    assert_eq!(rig.said(), [(Role::User, "One.".into()), (Role::Assistant, FIRST.into())]);
    rig.client.shutdown().await;
}

/// The host plays ten times as fast as the answer comes, then waits, then everything arrives at once.
#[tokio::test]
async fn row_19_a_stall_loses_nothing() {
    let simulator = Simulator::builder().scenario(scenario(2.0)).start().await.unwrap();
    let proxy = Proxy::start(&simulator.base_url()).await;
    let mut rig = Rig::connected(proxy.url(&simulator.base_url())).await;
    rig.client.send_text("One.").await.unwrap();
    rig.until("playback_started", |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    proxy.stall();
    // The end of the answer is at the proxy, and what had come before was played.
    simulator.journal().wait_for_server(|e| e["type"] == "response.done").await;
    let before = rig.client.stats().underruns;
    while rig.client.stats().underruns == before {
        let mut block = [0; 240];
        rig.played += rig.client.pull_audio(&mut block, None).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    proxy.release();
    let finished = |e: &Event| match &e.kind {
        EventKind::PlaybackFinished(end) => Some(*end),
        _ => None,
    };
    let finished = rig.until("playback_finished", finished).await;
    rig.answered().await;
    let expected = (FIRST.len() * 60) as u64;
    assert_eq!((finished.heard_ms, finished.complete, rig.played as u64), (expected, true, expected * 24));
    let answer = rig.client.messages().pop().unwrap();
    assert_eq!((answer.state, heard(&answer)), (MessageState::Completed, FIRST));
    assert_eq!(proxy.accepted(), 1, "a stall is no loss");
    rig.check();
    rig.client.shutdown().await;
}

/// Slow is not dead.
#[tokio::test]
async fn row_19_a_slow_line_is_used_as_it_is() {
    let simulator = simulator().await;
    let proxy = Proxy::start(&simulator.base_url()).await;
    let mut rig = Rig::connected(proxy.url(&simulator.base_url())).await;
    proxy.throttle(150_000);
    rig.ask("One.").await;
    let answer = rig.client.messages().pop().unwrap();
    assert_eq!((answer.state, heard(&answer)), (MessageState::Completed, FIRST));
    assert_eq!(proxy.accepted(), 1);
    rig.client.shutdown().await;
}
