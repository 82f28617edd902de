//! Many reconnects over real sockets: nothing is left behind by any of them.
//!
//! `make test` runs a hundred reconnects of one client, a storm of fifty clients, and fifty calls over WebRTC. `make reconnects` runs a
//! thousand and two hundred (`RECONNECTS`, `STORM`), looks at the memory too, and prints the figures. The service is
//! a process of its own, so that what is counted here is the client's, and the proxy's that cuts the line.
#![cfg(all(feature = "cli", target_os = "linux"))]

#[path = "common/canary.rs"]
mod canary;
#[path = "common/proxy.rs"]
mod proxy;

use duologue::{
    Client, Config, Error,
    client::{CredentialRequest, EventStream},
    event::{Event, EventKind, Status},
    message::Role,
};
use futures_util::future::join_all;
use proxy::{End, Proxy};
use serde_json::json;
use std::{
    fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::Mutex,
};

/// File descriptors and threads are those of the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());
/// Of the memory of the process: what one client or the storm may add.
const MOST_RISE_KIB: i64 = 2048;
const MOST_STORM_KIB_EACH: i64 = 256;

fn scale(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |n| n.parse().expect("a number"))
}

/// A simulator in a process of its own.
async fn service() -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duologue"));
    command.arg("simulate").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening ").unwrap().strip_suffix("/realtime").unwrap();
    (child, url.replacen("ws", "http", 1))
}

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Open files and threads of this process.
fn holds() -> (usize, usize) {
    (entries("/proc/self/fd"), entries("/proc/self/task"))
}

/// They become `expected`: what was closed is gone as soon as everybody has noticed.
async fn settles(expected: (usize, usize)) {
    for _ in 0..600 {
        if holds() == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(holds(), expected, "files and threads");
}

/// What it holds once that has not changed for a second.
async fn settled() -> (usize, usize) {
    let (mut last, mut still) = (holds(), 0);
    while still < 20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = holds();
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    last
}

fn memory_kib() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A client that asks for a key at each dial.
struct Caller {
    client: Client,
    events: EventStream,
    asked: Arc<AtomicUsize>,
}

impl Caller {
    async fn connected(url: &str) -> Result<Self, Error> {
        let config = json!({"base_url": url, "auto_capture": false, "audio": {"output": {"source": "none"}}});
        let config: Config = serde_json::from_value(config).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let ask = move |_: CredentialRequest| {
            count.fetch_add(1, SeqCst);
            async { Ok(canary::key()) }
        };
        let client = Client::builder().config(config).credential_with(ask).build()?;
        let events = client.events();
        client.connect().await?;
        let mut caller = Self { client, events, asked };
        caller.until(|e| matches!(e.kind, EventKind::Status(Status::Connected))).await;
        // Something to be told each time.
        caller.client.send_text_with("Remember this.", false, false).await?;
        Ok(caller)
    }

    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) {
        let found = async {
            loop {
                let event = self.events.next().await.expect("the client is there");
                if let EventKind::Status(Status::Error { error }) = &event.kind {
                    panic!("{error}");
                }
                if wanted(&event) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(120), found).await.expect("it never came");
    }

    async fn back(&mut self) {
        self.until(|e| matches!(e.kind, EventKind::SessionReplaced(_))).await;
    }

    fn remembers(&self) {
        let messages = self.client.messages();
        assert_eq!(messages.len(), 1);
        assert_eq!((messages[0].role, messages[0].text().as_str()), (Role::User, "Remember this."));
    }
}

/// Half of them because the line was cut, half because the host said that the network is another one. It is believed, so
/// the short sessions in between do not add up to a service that is unstable.
#[tokio::test]
async fn a_client_that_reconnects_again_and_again_holds_no_more_than_before() {
    let _alone = ALONE.lock().await;
    let times = scale("RECONNECTS", 100);
    let (_service, url) = service().await;
    let proxy = Proxy::start(&url).await;
    let mut caller = Caller::connected(&proxy.url(&url)).await.unwrap();
    let warm = times / 5;
    let (mut held, mut memory) = (None, 0);
    for i in 0..times {
        if i == warm {
            // What was closed in good order goes a little later.
            held = Some(settled().await);
            memory = memory_kib();
        }
        if i % 2 == 0 {
            proxy.cut(End::Rst);
        } else {
            caller.client.network_changed().await.unwrap();
        }
        caller.back().await;
        caller.remembers();
    }
    settles(held.unwrap()).await;
    let rise = memory_kib() - memory;
    let (dials, asked) = (proxy.accepted(), caller.asked.load(SeqCst));
    println!(
        "{times} reconnects: {dials} dials, {asked} keys; after {warm} and at the end: {} files, {} threads, \
         memory {memory} KiB and {rise:+} KiB",
        held.unwrap().0,
        held.unwrap().1,
    );
    assert!(dials > times, "{dials} dials");
    assert_eq!(asked, dials, "one key a dial");
    if times >= 1000 {
        assert!(rise <= MOST_RISE_KIB, "{rise} KiB more");
    }
    caller.client.shutdown().await;
}

#[tokio::test]
async fn a_storm_brings_everybody_back_with_one_key_a_dial() {
    let _alone = ALONE.lock().await;
    let clients = scale("STORM", 50);
    let (_service, url) = service().await;
    // The engine's own files and threads come with the first client and stay.
    Caller::connected(&url).await.unwrap().client.shutdown().await;
    let before = holds();
    let proxy = Proxy::start(&url).await;
    let by_proxy = proxy.url(&url);
    let callers = join_all((0..clients).map(|_| Caller::connected(&by_proxy))).await;
    let mut callers: Vec<_> = callers.into_iter().map(Result::unwrap).collect();
    let (held, memory) = (holds(), memory_kib());
    let dials = proxy.accepted();
    assert_eq!(dials, clients);
    proxy.cut(End::Rst);
    join_all(callers.iter_mut().map(Caller::back)).await;
    settles(held).await;
    let rise = memory_kib() - memory;
    let (dials, asked) = (proxy.accepted(), callers.iter().map(|c| c.asked.load(SeqCst)).sum::<usize>());
    println!(
        "a storm of {clients}: {dials} dials, {asked} keys, {} files, {} threads, memory {memory} KiB and {rise:+} KiB",
        held.0, held.1
    );
    assert_eq!((dials, asked), (2 * clients, 2 * clients), "one key a dial");
    assert!(rise <= MOST_STORM_KIB_EACH * clients as i64, "{rise} KiB more for {clients}");
    for caller in &callers {
        caller.remembers();
    }
    join_all(callers.into_iter().map(|c| c.client.shutdown())).await;
    drop(proxy);
    // The threads of the engine stay; the sockets do not.
    settles((before.0, held.1)).await;
}

/// Every call has sockets, tasks and buffers of its own, at both ends.
#[tokio::test]
async fn fifty_calls_one_after_the_other_leave_nothing_behind() {
    let _alone = ALONE.lock().await;
    let times = scale("CALLS", 50);
    let (_service, url) = service().await;
    let (warm, mut held, mut memory) = (times / 5, (0, 0), 0);
    for i in 0..times {
        let config = json!({"base_url": url, "transport": "webrtc", "audio": {"input": {"source": "none"}}});
        let config: Config = serde_json::from_value(config).unwrap();
        let client = canary::builder().config(config).connect().await.unwrap();
        let mut caller = Caller { events: client.events(), client, asked: Arc::default() };
        caller.client.send_text("Say something.").await.unwrap();
        caller.until(|e| matches!(e.kind, EventKind::PlaybackStarted(_))).await;
        assert!(caller.client.stats().media.unwrap().packets > 0);
        drop(caller.events);
        caller.client.shutdown().await;
        if i == warm {
            // What was closed is gone as soon as everybody has noticed: the same as before the call that follows.
            (held, memory) = (settled().await, memory_kib());
        }
    }
    settles(held).await;
    let rise = memory_kib() - memory;
    println!(
        "{times} calls: after {warm} and at the end {} files, {} threads, memory {memory} KiB and {rise:+} KiB",
        held.0, held.1
    );
    assert!(rise <= MOST_RISE_KIB, "{rise} KiB more");
}
