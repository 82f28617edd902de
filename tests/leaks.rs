//! Clients that come and go leave neither threads nor descriptors behind.
#![cfg(all(feature = "simulator", target_os = "linux"))]

use duologue::{Client, Config, Credential, simulator::Simulator};

fn entries(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

// The only test of this binary: descriptors are counted for the whole process.
#[tokio::test]
async fn forty_clients_leave_nothing_behind_however_they_end() {
    let simulator = Simulator::builder().start().await.unwrap();
    let config = std::sync::Arc::new(Config { base_url: Some(simulator.base_url()), ..Config::default() });
    let build = || {
        let key = Credential::new("sk-test").unwrap();
        Client::builder().config(config.clone()).credential(key).build().unwrap()
    };
    let mut base = None;
    for round in 0..40 {
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
        if round == 7 {
            base = Some((entries("task"), settled_descriptors().await));
        }
    }
    let (threads, descriptors) = base.unwrap();
    assert_eq!(entries("task"), threads);
    // The simulator's ends are in this process too and close a moment after ours.
    let now = settled_descriptors().await;
    assert!(now <= descriptors, "{now} descriptors, {descriptors} before");
}

/// Descriptors once no connection is closing any more: the count is the same three looks in a row.
async fn settled_descriptors() -> usize {
    let (mut last, mut same) = (entries("fd"), 0);
    while same < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let now = entries("fd");
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}
