//! Clients that come and go leave neither threads nor descriptors behind.
#![cfg(all(feature = "simulator", target_os = "linux"))]

#[path = "common/canary.rs"]
mod canary;

use duologue::{Client, Config, simulator::Simulator};

fn entries(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

// The only test of this binary: descriptors are counted for the whole process.
#[tokio::test]
async fn forty_clients_leave_nothing_behind_however_they_end() {
    let before = come_and_go(8).await;
    assert_eq!(come_and_go(32).await, before);
}

/// Clients one after the other. Threads and descriptors once they are gone, and the simulator with its ends
/// of their connections, which are in this process too.
async fn come_and_go(rounds: usize) -> (usize, usize) {
    let simulator = Simulator::builder().start().await.unwrap();
    let config = std::sync::Arc::new(Config { base_url: Some(simulator.base_url()), ..Config::default() });
    let build = || {
        let key = canary::key();
        Client::builder().config(config.clone()).credential(key).build().unwrap()
    };
    for round in 0..rounds {
        let client = build();
        let mut events = client.events();
        match round % 4 {
            // In order.
            0 => {
                client.connect().await.unwrap();
                client.disconnect().await.unwrap();
                client.shutdown().await;
            }
            // Dropped while connected.
            1 => {
                client.connect().await.unwrap();
                drop(client);
            }
            // Dropped while connecting.
            2 => drop((client.connect(), client)),
            // Never connected.
            _ => drop(client),
        }
        // The stream ends when the driver has released everything.
        while events.next().await.is_some() {}
    }
    simulator.shutdown().await;
    (entries("task"), entries("fd"))
}
