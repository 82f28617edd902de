//! One suite for every provider and transport the simulator has: the same conversations through the public client, and
//! the same events with the same meaning. Nothing in it knows a provider; what cannot be done is said by a capability.
//!
//! The result is a matrix that is printed (`cargo test --test behaviour -- --nocapture`) and compared with
//! `tests/behaviour/matrix.txt`: a cell that becomes `n/a`, or no longer is, has to be written down there.
#![cfg(all(feature = "simulator", feature = "webrtc"))]

#[path = "../common/canary.rs"]
mod canary;
mod cells;
#[path = "../common/live.rs"]
mod live;
mod rig;

use cells::CELLS;
use duologue::capabilities::Capabilities;
use rig::Way;
use std::{fmt::Write, future::Future, pin::Pin};
use tokio::task::JoinSet;

/// Who is talked to, and how.
const WAYS: [Way; 8] = [
    Way { provider: "openai", transport: "websocket", model: None },
    Way { provider: "openai", transport: "webrtc", model: None },
    Way { provider: "gemini", transport: "websocket", model: None },
    Way { provider: "gemini", transport: "websocket", model: Some("gemini-3.1-flash-live-preview") },
    Way { provider: "gemini", transport: "websocket", model: Some("gemini-2.5-flash-native-audio-preview-12-2025") },
    Way { provider: "xai", transport: "websocket", model: None },
    Way { provider: "azure", transport: "websocket", model: Some("a-deployment") },
    Way { provider: "elevenlabs", transport: "websocket", model: Some("agent_workshop") },
];

/// Conversations at the same time, so that none waits for the processor.
const AT_ONCE: usize = 6;

/// One thing that every way does alike.
struct Cell {
    name: &'static str,
    /// The capability that is missing for it, if one is.
    lacks: fn(&Capabilities) -> Option<&'static str>,
    run: fn(Way) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What came of a cell.
async fn outcome(way: Way, cell: &'static Cell) -> String {
    if let Some(missing) = (cell.lacks)(&way.capabilities()) {
        return format!("n/a {missing}");
    }
    match tokio::spawn((cell.run)(way)).await {
        Ok(()) => "pass".to_owned(),
        Err(_) => "FAIL".to_owned(),
    }
}

fn table(rows: &[(String, Vec<String>)]) -> String {
    let mut text = String::new();
    for (way, outcomes) in rows {
        let _ = writeln!(text, "{way}");
        for (cell, outcome) in CELLS.iter().zip(outcomes) {
            let _ = writeln!(text, "  {:<18}{outcome}", cell.name);
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_behaves_alike() {
    let all = WAYS.iter().enumerate().flat_map(|(w, way)| (0..CELLS.len()).map(move |c| (w, *way, c)));
    let mut todo: Vec<_> = all.collect();
    todo.reverse();
    let mut outcomes = vec![vec![String::new(); CELLS.len()]; WAYS.len()];
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((w, way, c)) = todo.pop()
        {
            running.spawn(async move { (w, c, outcome(way, &CELLS[c]).await) });
        }
        let Some(done) = running.join_next().await else { break };
        let (w, c, outcome) = done.unwrap();
        outcomes[w][c] = outcome;
    }
    let rows: Vec<_> = WAYS.iter().map(Way::name).zip(outcomes).collect();
    let matrix = table(&rows);
    println!("{matrix}");
    let expected = include_str!("matrix.txt");
    assert_eq!(matrix, expected, "the matrix is another one than tests/behaviour/matrix.txt says");
}
