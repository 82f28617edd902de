//! The service, or something that stands for it, does not take the next connection (rows 9 to 11, 13, 15).

use crate::{
    canary,
    gate::{Act, Gate, Visit},
    rig::{FIRST, Rig, config, is, sessions, simulator, told},
};
use duologue::{
    Client, Credential, ErrorClass,
    client::CredentialRequest,
    event::{Event, EventKind, Status},
    message::Role,
    simulator::Simulator,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

/// A conversation of one turn behind a gate.
async fn talking() -> (Simulator, Gate, Rig) {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    (simulator, gate, rig)
}

fn restart() -> Act {
    Act::Close(1012, "restarting".into())
}

#[tokio::test]
async fn row_9_a_busy_service_is_left_alone_for_as_long_as_it_says() {
    let (simulator, gate, mut rig) = talking().await;
    gate.plan(Visit::http("429 Too Many Requests", "retry-after: 1\r\n", "{}"));
    gate.act(restart());
    assert_eq!(rig.lost().await.0, 1);
    assert_eq!(rig.lost().await, (2, 1000, "rate_limited".into()));
    // What is sent meanwhile waits and is not lost.
    let sending = rig.client.send_text("Two.");
    assert_eq!(rig.back().await.context, "full");
    tokio::time::timeout(Duration::from_secs(20), sending).await.expect("it was forgotten").unwrap();
    rig.answered().await;
    rig.check();
    let journal = simulator.journal();
    let words: Vec<_> = told(&journal, sessions(&journal)[1]).into_iter().map(|(_, words)| words).collect();
    let [.., _note, last] = &words[..] else { panic!("{words:?}") };
    assert_eq!((words[1].as_str(), last.as_str()), (FIRST, "Two."), "{words:?}");
    assert_eq!(gate.dials(), 3);
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_9_a_busy_service_that_says_nothing_is_backed_off_from() {
    let (_simulator, gate, mut rig) = talking().await;
    for _ in 0..2 {
        gate.plan(Visit::http("429 Too Many Requests", "", r#"{"error":{"message":"slow down"}}"#));
    }
    gate.act(restart());
    rig.lost().await;
    let mut most = 1000;
    for attempt in [2, 3] {
        let (tried, ms, reason) = rig.lost().await;
        most *= 2;
        assert_eq!((tried, reason.as_str()), (attempt, "rate_limited"));
        // Base 1 s, doubled with each try; full jitter.
        assert!(ms <= most, "{ms} ms before try {attempt}");
        // Another network needs no patience.
        if attempt == 3 {
            rig.client.network_changed().await.unwrap();
        }
    }
    rig.back().await;
    rig.goes_on().await;
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_10_a_service_that_is_down_is_tried_again() {
    let (_simulator, gate, mut rig) = talking().await;
    gate.plan(Visit::http("503 Service Unavailable", "", ""));
    gate.plan(Visit::http("500 Internal Server Error", "", "oops"));
    gate.plan(Visit::Nobody);
    gate.act(restart());
    rig.lost().await;
    for (attempt, most, why) in [(2, 1000, "unavailable"), (3, 2000, "unavailable"), (4, 2400, "connect_failed")] {
        let (tried, ms, reason) = rig.lost().await;
        assert_eq!((tried, reason.as_str()), (attempt, why));
        assert!(ms <= most, "{ms} ms before try {attempt}");
    }
    assert_eq!(rig.back().await.context, "full");
    rig.goes_on().await;
    assert_eq!(gate.dials(), 5);
    rig.client.shutdown().await;
}

/// A host that mints a key a dial; keys that begin with `bad` are for a gate that refuses them.
struct Mint {
    reasons: Arc<Mutex<Vec<String>>>,
    given: Arc<AtomicUsize>,
}

impl Mint {
    async fn connected(gate: &Gate) -> (Self, Rig) {
        let mint = Self { reasons: Arc::default(), given: Arc::default() };
        let (reasons, given) = (mint.reasons.clone(), mint.given.clone());
        let ask = move |request: CredentialRequest| {
            canary::watch();
            reasons.lock().unwrap().push(request.reason);
            let n = given.fetch_add(1, SeqCst);
            async move { Credential::new(format!("{}-{n}", canary::KEY)) }
        };
        let builder = Client::builder().config(config(gate.url())).credential_with(ask);
        (mint, Rig::with(builder).await)
    }

    fn reasons(&self) -> Vec<String> {
        self.reasons.lock().unwrap().clone()
    }
}

/// No key was used twice.
fn spent_once(gate: &Gate) {
    let mut keys = gate.keys();
    let dials = keys.len();
    assert!(keys.iter().all(|key| key.starts_with("Bearer ")));
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), dials, "a spent key was used again");
}

#[tokio::test]
async fn row_11_a_key_that_is_refused_twice_is_the_end() {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let (mint, mut rig) = Mint::connected(&gate).await;
    rig.ask("One.").await;
    gate.plan(Visit::http("401 Unauthorized", "", r#"{"error":{"message":"expired"}}"#));
    gate.plan(Visit::http("403 Forbidden", "", r#"{"error":{"message":"expired"}}"#));
    gate.act(restart());
    let error = rig.failed().await;
    is(&error, ErrorClass::Credential, "auth");
    assert_eq!(mint.reasons(), ["connect", "reconnect", "rejected"]);
    assert_eq!((gate.dials(), rig.said().len()), (3, 2));
    spent_once(&gate);
    rig.check();
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_11_a_refused_key_is_asked_for_anew_each_time() {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let (mint, mut rig) = Mint::connected(&gate).await;
    // Hours may lie between the two.
    for _ in 0..2 {
        gate.plan(Visit::http("401 Unauthorized", "", ""));
        gate.act(restart());
        assert_eq!(rig.back().await.why, "reconnect");
    }
    assert_eq!(mint.reasons(), ["connect", "reconnect", "rejected", "reconnect", "rejected"]);
    rig.goes_on().await;
    spent_once(&gate);
    rig.client.shutdown().await;
}

/// The first name does not exist; the second is this machine by its name, whichever addresses it has.
#[tokio::test]
async fn row_13_a_name_that_is_not_found_is_tried_again() {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let endpoints = Arc::new(Mutex::new(vec![
        gate.url().replacen("127.0.0.1", "localhost", 1),
        "https://nowhere.invalid/v1".to_owned(),
        gate.url(),
    ]));
    let ask = move |_: CredentialRequest| {
        let endpoint = endpoints.lock().unwrap().pop().expect("three dials");
        async move { Ok(canary::key().with_endpoint(endpoint)) }
    };
    let mut rig = Rig::with(Client::builder().config(config(gate.url())).credential_with(ask)).await;
    rig.ask("One.").await;
    gate.act(restart());
    assert_eq!(rig.lost().await.0, 1);
    let (attempt, _, reason) = rig.lost().await;
    assert!(attempt == 2 && matches!(reason.as_str(), "connect_failed" | "timeout"), "{reason}");
    assert_eq!(rig.back().await.context, "full");
    rig.goes_on().await;
    assert_eq!(gate.dials(), 2);
    rig.client.shutdown().await;
}

const PORTAL: &str = "<h1>Welcome to the hotel</h1>";

#[tokio::test]
async fn row_15_a_captive_portal_is_tried_twice() {
    let (_simulator, gate, mut rig) = talking().await;
    let page = format!("{PORTAL}{}", "x".repeat(1000));
    for _ in 0..2 {
        gate.plan(Visit::http("200 OK", "content-type: text/html\r\n", &page));
    }
    gate.act(restart());
    let error = rig.failed().await;
    is(&error, ErrorClass::Protocol, "handshake");
    assert!(error.message.contains(PORTAL), "{error}");
    assert!(error.message.len() < 400, "not the whole page: {error}");
    assert_eq!(gate.dials(), 3);
    assert_eq!(rig.said(), [(Role::User, "One.".into()), (Role::Assistant, FIRST.into())]);
    rig.check();
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_15_a_captive_portal_that_lets_through_is_forgotten() {
    let (_simulator, gate, mut rig) = talking().await;
    for _ in 0..2 {
        gate.plan(Visit::http("200 OK", "content-type: text/html\r\n", PORTAL));
        gate.act(restart());
        rig.lost().await;
        let reason = |e: &Event| match &e.kind {
            EventKind::Status(Status::Reconnecting { attempt: 2, reason, .. }) => Some(reason.clone()),
            _ => None,
        };
        rig.until("a second try", reason).await;
        rig.back().await;
    }
    rig.goes_on().await;
    assert_eq!(gate.dials(), 5);
    rig.client.shutdown().await;
}
