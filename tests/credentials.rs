//! Credentials of a client: given or asked for, minted by the simulator, and never to be seen anywhere.
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, ClientBuilder, Config, Credential, Error, ErrorClass, Result,
    client::{CredentialRequest, EventStream},
    config::Tls,
    credential::CredentialKind,
    event::{Event, EventKind, Phase, Status},
    provider::DialRequest,
    simulator::Simulator,
    transport::{
        Dialer, Dialling,
        scripted::{Peer, ScriptedDialer},
    },
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    future::{Future, pending},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
    sync::mpsc,
};

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What a host's server does: mints a client secret with its own key.
async fn mint(base_url: &str) -> Result<Credential> {
    let address = base_url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let body = json!({"expires_after": {"anchor": "created_at", "seconds": 600}, "session": {"type": "realtime"}});
    let body = body.to_string();
    let head = format!(
        "POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer sk-server-c4n4ry\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    tcp.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    let minted: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let secret = Credential::new(minted["value"].as_str().unwrap())?;
    Ok(secret.with_expires_at(minted["expires_at"].as_u64().unwrap()))
}

fn config(document: Value) -> Config {
    serde_json::from_value(document).unwrap()
}

fn asked(simulator: &Simulator) -> Config {
    config(json!({"base_url": simulator.base_url(), "credentials": {"source": "asked"}}))
}

fn key(text: &str) -> Credential {
    canary::watch();
    Credential::new(text).unwrap()
}

/// What has to come.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it never came")
}

/// The next event that `pick` takes.
async fn until<T>(events: &mut EventStream, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    loop {
        let event = events.next().await.expect("the client ended");
        if let Some(found) = pick(&event) {
            return found;
        }
    }
}

async fn needed(events: &mut EventStream) -> (u64, String) {
    let pick = |e: &Event| match &e.kind {
        EventKind::CredentialNeeded(needed) => Some((needed.request_id, needed.reason.clone())),
        _ => None,
    };
    until(events, pick).await
}

fn statuses(simulator: &Simulator) -> Vec<u64> {
    let upgrades = simulator.journal().handshakes().into_iter().filter(|h| h["method"] == "GET");
    upgrades.map(|h| h["status"].as_u64().unwrap()).collect()
}

fn is(error: &Error, class: ErrorClass, code: &str) {
    assert_eq!((error.class, &*error.code), (class, code), "{error}");
}

/// Sends when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_function_mints_a_key_for_each_dial() {
    let simulator = Simulator::builder().start().await.unwrap();
    let (base_url, reasons) = (simulator.base_url(), Arc::new(Mutex::new(Vec::new())));
    let seen = reasons.clone();
    let client = Client::builder()
        .config(config(json!({"base_url": base_url, "model": "gpt-realtime-2.1"})))
        .credential_with(move |request: CredentialRequest| {
            assert_eq!((request.provider.as_str(), request.model.as_deref()), ("openai", Some("gpt-realtime-2.1")));
            assert!(request.time_left <= Duration::from_secs(15) && request.time_left > Duration::ZERO);
            seen.lock().unwrap().push(request.reason);
            let base_url = base_url.clone();
            async move { mint(&base_url).await }
        })
        .connect()
        .await
        .unwrap();
    client.disconnect().await.unwrap();
    soon(client.connect()).await.unwrap();
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(*reasons.lock().unwrap(), ["connect", "connect"]);
    let handshakes = simulator.journal().handshakes();
    let keys: Vec<_> = handshakes.iter().filter(|h| h["method"] == "GET").map(|h| h["key"].clone()).collect();
    assert_eq!(keys, ["ephemeral", "ephemeral"]);
    client.shutdown().await;
}

#[tokio::test]
async fn a_host_answers_the_event_once() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = Client::builder().config(asked(&simulator)).build().unwrap();
    let mut events = client.events();
    is(&client.answer_credential(1, Ok(key("sk-early-c4n4ry"))).unwrap_err(), ErrorClass::State, "stale_request");
    let connecting = client.connect();
    let (id, reason) = soon(needed(&mut events)).await;
    assert_eq!(reason, "connect");
    assert_eq!(client.status(), Status::Connecting { phase: Phase::Credential });
    for wrong in [0, id + 1] {
        is(&client.answer_credential(wrong, Ok(key("sk-a-c4n4ry"))).unwrap_err(), ErrorClass::State, "stale_request");
    }
    // What cannot be used leaves the request open for what can.
    let old = key("ek_old-c4n4ry").with_expires_at(unix_now() - 1);
    is(&client.answer_credential(id, Ok(old)).unwrap_err(), ErrorClass::Credential, "expired_key");
    client.answer_credential(id, Ok(key("sk-a-c4n4ry"))).unwrap();
    is(&client.answer_credential(id, Ok(key("sk-b-c4n4ry"))).unwrap_err(), ErrorClass::State, "stale_request");
    soon(connecting).await.unwrap();
    is(&client.answer_credential(id, Ok(key("sk-c-c4n4ry"))).unwrap_err(), ErrorClass::State, "stale_request");
    is(&client.set_credential(key("sk-d-c4n4ry")).unwrap_err(), ErrorClass::State, "credential_asked");
    assert_eq!(statuses(&simulator), [101]);
    let other = client.clone();
    client.shutdown().await;
    is(&other.answer_credential(id, Ok(key("sk-e-c4n4ry"))).unwrap_err(), ErrorClass::State, "closed");
}

#[tokio::test]
async fn a_refused_key_is_asked_for_once_more() {
    let simulator = Simulator::builder().start().await.unwrap();
    for good in [true, false] {
        let client = Client::builder()
            .config(asked(&simulator))
            .credential_with(move |request| async move {
                Ok(key(if good && request.reason == "rejected" { "sk-good-c4n4ry" } else { "sk-invalid-c4n4ry" }))
            })
            .build()
            .unwrap();
        let outcome = soon(client.connect()).await;
        assert_eq!(outcome.is_ok(), good, "{outcome:?}");
        if let Err(error) = outcome {
            is(&error, ErrorClass::Credential, "auth");
        }
        client.shutdown().await;
    }
    assert_eq!(statuses(&simulator), [401, 101, 401, 401]);
}

#[tokio::test]
async fn a_function_that_fails_or_panics_refuses() {
    let simulator = Simulator::builder().start().await.unwrap();
    let connect = |answer: fn(CredentialRequest) -> Result<Credential>| {
        let builder = Client::builder().config(asked(&simulator));
        builder.credential_with(move |request| async move { answer(request) }).connect()
    };
    let error = connect(|_| Err(Error::new(ErrorClass::Network, "x", "the shop is closed").retryable())).await;
    let error = error.unwrap_err();
    is(&error, ErrorClass::Credential, "credential_refused");
    assert!(error.message.contains("the shop is closed") && error.retryable, "{error:?}");
    let error = connect(|_| panic!("of course")).await.unwrap_err();
    is(&error, ErrorClass::Credential, "credential_refused");
    assert!(error.message.contains("panicked"), "{error}");
    // What it gives cannot be used.
    let error = connect(|_| Credential::of_kind(CredentialKind::SignedUrl, "wss://x.example/?s=c4n4ry")).await;
    let error = error.unwrap_err();
    assert!(error.message.contains("takes no signed URL") && !format!("{error:?}").contains(canary::MARK), "{error:?}");
    let builder = Client::builder().config(asked(&simulator));
    let error =
        builder.credential_with(|_| -> std::future::Ready<_> { panic!("at once") }).connect().await.unwrap_err();
    assert!(error.message.contains("panicked"), "{error}");
    assert_eq!(statuses(&simulator), [0; 0]);
}

/// A client whose function never answers, and what tells that its future began and was dropped.
fn endless(builder: ClientBuilder) -> (Client, mpsc::UnboundedReceiver<u64>, mpsc::UnboundedReceiver<()>) {
    let ((began, begins), (dropped, drops)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let builder = builder.credential_with(move |request| {
        let guard = Dropped(dropped.clone());
        began.send(request.request_id).unwrap();
        async move {
            let _guard = guard;
            pending().await
        }
    });
    (builder.build().unwrap(), begins, drops)
}

#[tokio::test]
async fn lesson_disconnect_while_fetching_a_token_leaks_nothing() {
    let simulator = Simulator::builder().start().await.unwrap();
    let (client, mut begins, mut drops) = endless(Client::builder().config(asked(&simulator)));
    let connecting = client.connect();
    let id = soon(begins.recv()).await.unwrap();
    client.disconnect().await.unwrap();
    assert_eq!(soon(connecting).await.unwrap_err().code, "cancelled");
    soon(drops.recv()).await.expect("the future is dropped");
    is(&client.answer_credential(id, Ok(key("sk-late-c4n4ry"))).unwrap_err(), ErrorClass::State, "stale_request");
    assert!(matches!(client.status(), Status::Idle { .. }));
    assert_eq!(statuses(&simulator), [0; 0]);
    // A dropped client takes the future and the function with it.
    drop(client.connect());
    soon(begins.recv()).await.unwrap();
    drop(client);
    soon(drops.recv()).await.expect("the future is dropped");
    assert_eq!(soon(begins.recv()).await, None, "and so is the function");
}

#[tokio::test]
async fn lesson_a_token_fetched_too_late_is_dropped() {
    let simulator = Simulator::builder().start().await.unwrap();
    let mut config = asked(&simulator);
    config.credentials.timeout_ms = 100;
    let (client, mut begins, mut drops) = endless(Client::builder().config(config));
    let error = soon(client.connect()).await.unwrap_err();
    is(&error, ErrorClass::Credential, "credential_timeout");
    assert!(matches!(client.status(), Status::Error { .. }));
    soon(drops.recv()).await.expect("the future is dropped");
    let id = soon(begins.recv()).await.unwrap();
    is(&client.answer_credential(id, Ok(key("sk-late-c4n4ry"))).unwrap_err(), ErrorClass::State, "stale_request");
    client.shutdown().await;
    // The host may be faster than its function, which is then dropped.
    let (client, mut begins, mut drops) = endless(Client::builder().config(asked(&simulator)));
    let connecting = client.connect();
    let id = soon(begins.recv()).await.unwrap();
    client.answer_credential(id, Ok(key("sk-a-c4n4ry"))).unwrap();
    soon(connecting).await.unwrap();
    soon(drops.recv()).await.expect("the future is dropped");
    client.shutdown().await;
}

#[tokio::test]
async fn an_expired_key_is_not_dialled_with() {
    let simulator = Simulator::builder().start().await.unwrap();
    let config = config(json!({"base_url": simulator.base_url()}));
    let builder = Client::builder().config(config);
    let client = builder.credential(key("ek_a-c4n4ry").with_expires_at(unix_now() - 1)).build().unwrap();
    is(&soon(client.connect()).await.unwrap_err(), ErrorClass::Credential, "expired_key");
    assert_eq!(simulator.journal().handshakes().len(), 0);
    client.set_credential(key("sk-b-c4n4ry").with_expires_at(unix_now() + 600)).unwrap();
    soon(client.connect()).await.unwrap();
    client.shutdown().await;
}

#[tokio::test]
async fn ephemeral_only_refuses_what_lives_long() {
    let simulator = Simulator::builder().start().await.unwrap();
    let refused = |error: Error| {
        is(&error, ErrorClass::Credential, "ephemeral_only");
        assert!(error.fix.as_ref().unwrap().contains("mint a client secret"), "{error}");
    };
    let bearer = || Credential::of_kind(CredentialKind::Bearer, canary::TOKEN).unwrap();
    let base_url = simulator.base_url();
    let given = config(json!({"base_url": base_url, "credentials": {"ephemeral_only": true}}));
    for long in [key("sk-a-c4n4ry"), bearer()] {
        let builder = Client::builder().config(given.clone());
        refused(builder.credential(long.clone()).build().unwrap_err());
        let client = Client::builder().config(given.clone()).build().unwrap();
        refused(client.set_credential(long).unwrap_err());
        assert_eq!(soon(client.connect()).await.unwrap_err().code, "missing_key", "what is refused is not kept");
        client.set_credential(mint(&simulator.base_url()).await.unwrap()).unwrap();
        soon(client.connect()).await.unwrap();
        client.shutdown().await;
    }
    let mut config = asked(&simulator);
    config.credentials.ephemeral_only = true;
    let client = Client::builder().config(config).build().unwrap();
    let mut events = client.events();
    let connecting = client.connect();
    let (id, _) = soon(needed(&mut events)).await;
    for long in [key("sk-a-c4n4ry"), bearer()] {
        refused(client.answer_credential(id, Ok(long)).unwrap_err());
    }
    client.answer_credential(id, mint(&base_url).await).unwrap();
    soon(connecting).await.unwrap();
    client.shutdown().await;
}

#[tokio::test]
async fn a_credential_brings_its_endpoint_and_model() {
    let simulator = Simulator::builder().start().await.unwrap();
    let elsewhere = config(json!({"base_url": "http://127.0.0.1:1/v1"}));
    let secret = key("sk-a-c4n4ry").with_endpoint(simulator.base_url()).with_model("gpt-realtime-mini");
    let client = Client::builder().config(elsewhere).credential(secret.clone()).build().unwrap();
    let mut events = client.events();
    soon(client.connect()).await.unwrap();
    let effective = until(&mut events, |e| match &e.kind {
        EventKind::SessionConfigured(c) => Some(c.effective.clone()),
        _ => None,
    });
    assert_eq!(soon(effective).await["model"], "gpt-realtime-mini");
    let open = Credential::new("sk-a-c4n4ry").unwrap().with_endpoint("http://eu.example/v1");
    is(&client.set_credential(open).unwrap_err(), ErrorClass::Credential, "bad_endpoint");
    client.shutdown().await;
    let other = config(json!({"model": "gpt-realtime-2.1"}));
    let error = Client::builder().config(other).credential(secret).build().unwrap_err();
    is(&error, ErrorClass::Credential, "model_mismatch");
    let signed = Credential::of_kind(CredentialKind::SignedUrl, "wss://x.example/?signature=1").unwrap();
    let error = Client::builder().credential(signed).build().unwrap_err();
    is(&error, ErrorClass::Unsupported, "credential_kind");
}

/// A given and an asked credential at once would leave one of them unused.
#[tokio::test]
async fn one_credential_too_many_is_refused() {
    let builder =
        Client::builder().credential(key("sk-a-c4n4ry")).credential_with(|_| async { Ok(key("sk-b-c4n4ry")) });
    is(&builder.build().unwrap_err(), ErrorClass::State, "credential_asked");
}

/// Dials scripted connections and remembers with what.
struct Recording {
    dialer: ScriptedDialer,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Dialer for Recording {
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling {
        self.keys.lock().unwrap().push(credential.as_ref().map_or(String::new(), |c| c.expose().to_owned()));
        self.dialer.dial(request, credential, tls)
    }
}

async fn comes_up(peers: &mut mpsc::UnboundedReceiver<Peer>) -> Peer {
    let peer = peers.recv().await.unwrap();
    peer.send(r#"{"type":"session.created","event_id":"e1","session":{}}"#);
    peer.send(r#"{"type":"session.updated","event_id":"e2","session":{}}"#);
    peer
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_ahead_is_for_the_next_dial() {
    let (dialer, mut peers) = ScriptedDialer::new();
    let (keys, minted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let document = json!({"auto_capture": false, "credentials": {"source": "asked", "refresh_ahead": true}});
    let client = Client::builder()
        .config(config(document))
        .dialer(Arc::new(Recording { dialer, keys: keys.clone() }))
        .runtime(Handle::current())
        .credential_with(move |request| {
            let number = {
                let mut minted = minted.lock().unwrap();
                *minted += 1;
                *minted
            };
            let secret = key(&format!("ek_{number}_{}-c4n4ry", request.reason)).with_expires_at(unix_now() + 600);
            async move { if number == 3 { Err(Error::new(ErrorClass::Host, "x", "not now")) } else { Ok(secret) } }
        })
        .build()
        .unwrap();
    let mut events = client.events();
    let connecting = client.connect();
    let peer = comes_up(&mut peers).await;
    connecting.await.unwrap();
    assert_eq!(needed(&mut events).await.1, "connect");
    assert_eq!(needed(&mut events).await.1, "refresh", "nine virtual minutes later");
    // The next one fails, which is a warning, and the call goes on with what it has.
    assert_eq!(needed(&mut events).await.1, "refresh");
    let warning = until(&mut events, |e| match &e.kind {
        EventKind::Warning(warning) => Some(warning.clone()),
        _ => None,
    });
    is(&warning.await, ErrorClass::Credential, "credential_refused");
    assert_eq!(client.status(), Status::Connected);
    peer.close(Some(1012), "restart");
    until(&mut events, |e| matches!(e.kind, EventKind::Status(Status::Reconnecting { .. })).then_some(())).await;
    let peer = comes_up(&mut peers).await;
    until(&mut events, |e| matches!(e.kind, EventKind::Status(Status::Connected)).then_some(())).await;
    drop(peer);
    assert_eq!(*keys.lock().unwrap(), ["ek_1_connect-c4n4ry", "ek_2_refresh-c4n4ry"]);
    client.shutdown().await;
}

/// Everything that is traced on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Lines {
    fn put(&self, values: impl FnOnce(&mut dyn tracing::field::Visit)) {
        struct Text<'a>(&'a mut String);
        impl tracing::field::Visit for Text<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{field}={value:?} ").unwrap();
            }
        }
        values(&mut Text(&mut self.0.lock().unwrap()));
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.put(|text| span.record(text));
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        self.put(|text| values.record(text));
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        self.put(|text| event.record(text));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn canary_a_credential_is_in_no_event_error_debug_trace_or_log() {
    let simulator = Simulator::builder().start().await.unwrap();
    let (traced, log) = (Lines::default(), Lines::default());
    let _guard = tracing::subscriber::set_default(traced.clone());
    let document = json!({"raw_events": "all", "credentials": {"source": "asked"}});
    let client =
        Client::builder().config(config(document)).runtime(Handle::current()).input_log(log.clone()).build().unwrap();
    let mut events = client.events();
    let there = format!("{}?ticket=c4n4ry", simulator.base_url());
    let with = |text: &str| key(text).with_endpoint(&there);
    let mut shown = format!("{client:?}");
    // Refused by the service twice, by the host once, then good.
    let words = Error::new(ErrorClass::Host, "sk-c4n4ry", "no sk-c4n4ry, no ek_c4n4ry").fix("Bearer c4n4ry");
    for answers in
        [vec![Ok(with("sk-invalid-c4n4ry")), Ok(with("ek_c4n4ry"))], vec![Err(words)], vec![Ok(with("sk-c4n4ry"))]]
    {
        let connecting = client.connect();
        for answer in answers {
            let (id, _) = soon(needed(&mut events)).await;
            write!(shown, "{answer:?}").unwrap();
            // Nor do the errors for what cannot be taken say it.
            let bad = key("sk-c4n4ry").with_endpoint("http://eu.example/?c4n4ry");
            write!(shown, "{:?}", client.answer_credential(id, Ok(bad)).unwrap_err()).unwrap();
            client.answer_credential(id, answer).unwrap();
        }
        write!(shown, "{:?}", soon(connecting).await).unwrap();
    }
    client.send_text("hello").await.unwrap();
    write!(shown, "{:?}{:?}", client.state(), client.stats()).unwrap();
    client.shutdown().await;
    while let Some(event) = events.next().await {
        write!(shown, "{event:?}{}", serde_json::to_string(&*event).unwrap()).unwrap();
    }
    // The host's own words in the answer it gave are the only place.
    let (traced, log) = (traced.0.lock().unwrap().clone(), log.0.lock().unwrap().clone());
    let shown = shown.replace("code: \"sk-c4n4ry\", message: \"no sk-c4n4ry, no ek_c4n4ry\"", "");
    let shown = shown.replace("fix: Some(\"Bearer c4n4ry\")", "");
    assert!(traced.contains("connecting") && log.contains("credential"), "there was something to look at");
    for (what, text) in [("shown", &shown), ("traced", &traced), ("log", &log)] {
        let at = text.find(canary::MARK);
        assert_eq!(at.map(|at| &text[at.saturating_sub(200)..(at + 50).min(text.len())]), None, "{what}");
    }
    assert_eq!(statuses(&simulator), [401, 401, 101]);
}
