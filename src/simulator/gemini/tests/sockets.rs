//! Endpoints, credentials, frames and faults, over loopback.

use super::bench::{LATEST, kinds, said, setup_of, typed};
use crate::simulator::{
    EndedBy, Fault, Simulator,
    gemini::events,
    scenario::{SessionCap, What},
    tests::client::fast,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

const PATIENCE: Duration = Duration::from_secs(20);
const PLAIN: &str = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
const ALPHA: &str = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent";
const CONSTRAINED: &str = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained";
const VERTEX: &str = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent";

struct Client(WebSocketStream<TcpStream>);

/// The end of a connection: the code of its close frame, if there was one.
type Over = Option<u16>;

impl Client {
    async fn open(simulator: &Simulator, path: &str, header: Option<(&'static str, &str)>) -> Result<Self, u16> {
        let base = simulator.gemini_url().replacen("http", "ws", 1);
        let mut request = format!("{base}{path}").into_client_request().unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(request.uri().authority().unwrap().as_str()).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(e) => panic!("{e}"),
        }
    }

    /// With a key and a setup.
    async fn connect(simulator: &Simulator) -> Self {
        let mut client = Self::open(simulator, &format!("{PLAIN}?key=any"), None).await.unwrap();
        client.send(json!({"setup": setup_of(LATEST, json!({}))})).await;
        client
    }

    async fn send(&mut self, message: Value) {
        let _ = self.0.send(Message::text(message.to_string())).await;
    }

    /// The next message, or the end.
    async fn next(&mut self) -> Result<Value, Over> {
        match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
            Some(Ok(Message::Binary(bytes))) => Ok(serde_json::from_slice(&bytes).unwrap()),
            Some(Ok(Message::Close(frame))) => Err(frame.map(|frame| frame.code.into())),
            Some(Ok(other)) => panic!("messages are binary frames: {other:?}"),
            Some(Err(_)) | None => Err(None),
        }
    }

    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        while events.last().and_then(events::kind) != Some(kind) {
            events.push(self.next().await.unwrap_or_else(|over| panic!("{over:?} instead of {kind}")));
        }
        events
    }

    async fn over(&mut self) -> Over {
        loop {
            if let Err(over) = self.next().await {
                return over;
            }
        }
    }
}

fn turns() -> Value {
    json!([{"hear": "one", "reply": [{"say": "First."}]}])
}

async fn simulator(faults: Vec<Fault>) -> Simulator {
    let builder = Simulator::builder().scenario(fast(json!({"turns": turns()})));
    faults.into_iter().fold(builder, |builder, fault| builder.fault(fault)).start().await.unwrap()
}

#[tokio::test]
async fn messages_are_read_from_both_kinds_of_frame_and_sent_in_one() {
    let simulator = simulator(vec![]).await;
    let mut client = Client::connect(&simulator).await;
    client.until("setupComplete").await;
    let message = json!({"realtime_input": {"text": "hello"}}).to_string();
    client.0.send(Message::binary(message.into_bytes())).await.unwrap();
    let events = client.until("serverContent.turnComplete").await;
    assert_eq!(said(&events), "First.");
    assert_eq!(kinds(&events).last(), Some(&"serverContent.turnComplete"));
    let journal = simulator.journal();
    let connection = journal.connection(1).unwrap();
    assert_eq!((connection.received("setup"), connection.received("realtimeInput.text")), (1, 1));
    assert_eq!(connection.sent("serverContent.turnComplete"), 1);
    let audio = journal.wait_for_server(|event| events::kind(event) == Some("serverContent.modelTurn")).await;
    assert!(audio.pointer("/serverContent/modelTurn/parts/0/inlineData/data").unwrap().is_u64(), "only its length");
}

#[tokio::test]
async fn every_door_has_its_key() {
    let simulator = simulator(vec![]).await;
    let token = mint(&simulator, "x-goog-api-key: any", "{\"uses\": 0}").await["name"].as_str().unwrap().to_owned();
    let as_token = format!("Token {token}");
    let escaped = token.replace('/', "%2F");
    let none = None;
    for (path, header, fine) in [
        (format!("{PLAIN}?key=any"), none, true),
        (PLAIN.to_owned(), Some(("x-goog-api-key", "any")), true),
        (format!("{ALPHA}?key=any"), none, true),
        (format!("{PLAIN}?key=invalid"), none, false),
        (format!("{PLAIN}?key="), none, false),
        (PLAIN.to_owned(), none, false),
        (format!("{ALPHA}?key={escaped}"), none, false),
        (format!("{ALPHA}?access_token={escaped}"), none, false),
        (format!("{CONSTRAINED}?access_token={escaped}"), none, true),
        (format!("{CONSTRAINED}?access_token={token}"), none, true),
        (CONSTRAINED.to_owned(), Some(("authorization", as_token.as_str())), true),
        (format!("{CONSTRAINED}?key=any"), none, false),
        (format!("{CONSTRAINED}?access_token=auth_tokens/unknown"), none, false),
        (VERTEX.to_owned(), Some(("authorization", "Bearer any")), true),
        (VERTEX.to_owned(), Some(("authorization", "Bearer invalid")), false),
        (VERTEX.to_owned(), Some(("x-goog-api-key", "any")), true),
        (VERTEX.to_owned(), none, false),
    ] {
        let mut client = Client::open(&simulator, &path, header).await.unwrap();
        let model = if path.starts_with(VERTEX) { "publishers/google/models/gemini-3.8-live" } else { LATEST };
        client.send(json!({"setup": setup_of(model, json!({}))})).await;
        match client.next().await {
            Ok(message) => assert!(fine && message.get("setupComplete").is_some(), "{path}: {message}"),
            Err(over) => assert_eq!((fine, over), (false, Some(1008)), "{path}"),
        }
    }
    let handshakes = simulator.journal().handshakes();
    assert!(!format!("{handshakes:?}").contains("auth_tokens/"), "no token in the journal");
    assert!(handshakes.iter().any(|entry| entry["auth"] == "token" && entry["key"] == "ephemeral"));
}

#[tokio::test]
async fn other_paths_are_nobodys() {
    let simulator = simulator(vec![]).await;
    let beta = CONSTRAINED.replace("v1alpha", "v1beta");
    for path in [beta.as_str(), &PLAIN.replace("v1beta", "v2"), &VERTEX.replace("/Bidi", ".Bidi"), "/ws/"] {
        assert_eq!(Client::open(&simulator, &format!("{path}?key=any"), None).await.err(), Some(404), "{path}");
    }
}

/// `POST /v1alpha/auth_tokens` with one header.
async fn mint(simulator: &Simulator, header: &str, body: &str) -> Value {
    let address = simulator.gemini_url().replacen("http://", "", 1);
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST /v1alpha/auth_tokens HTTP/1.1\r\nhost: {address}\r\n{header}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[tokio::test]
async fn only_a_key_mints_a_token() {
    let simulator = simulator(vec![Fault::refuse(503).client_secret(4)]).await;
    let name = mint(&simulator, "x-goog-api-key: any", "").await["name"].clone();
    assert!(name.as_str().unwrap().starts_with("auth_tokens/"));
    for (header, body, code) in [
        ("accept: */*", "{}", 403),
        ("x-goog-api-key: any", "{\"uses\": \"many\"}", 400),
        ("x-goog-api-key: any", "{}", 503),
        ("x-goog-api-key: any", "{", 400),
    ] {
        let error = mint(&simulator, header, body).await["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(error["status"].is_string() && error["message"].is_string(), "{error}");
    }
    assert_eq!(simulator.journal().secrets_asked(), 5);
}

#[tokio::test]
async fn a_short_life_ends_with_a_warning() {
    let simulator = simulator(vec![Fault::new(What::SessionCap(SessionCap { ms: 400 }))]).await;
    let mut client = Client::connect(&simulator).await;
    let warning = client.until("goAway").await.pop().unwrap();
    let left: f64 = warning["goAway"]["timeLeft"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!(left > 0.0 && left <= 0.2, "{warning}");
    assert_eq!(client.over().await, Some(1008));
    let end = simulator.journal().wait_until(|journal| journal.connection(1)?.end).await;
    assert_eq!((end.by, end.code), (EndedBy::Simulator, Some(1008)));
}

/// Faults of the other dialect, with the names of this one.
#[tokio::test]
async fn faults_happen_here_too() {
    let error = crate::simulator::scenario::VendorError {
        code: "INTERNAL".into(),
        message: "Deadline expired.".into(),
        close: Some(crate::simulator::scenario::CloseWith { code: 1011, reason: "late".into() }),
    };
    let simulator = simulator(vec![
        Fault::refuse(503).upgrade(1),
        Fault::new(What::Drop).on(1).event("serverContent.modelTurn", 1),
        Fault::new(What::Error(error)).on(2).client_event("realtimeInput.text", 1),
        Fault::new(What::Expire).on(3).event("setupComplete", 1),
        Fault::new(What::Broken(crate::simulator::scenario::Broken::BadBase64)).on(4),
    ])
    .await;
    assert_eq!(Client::open(&simulator, &format!("{PLAIN}?key=any"), None).await.err(), Some(503));
    let mut client = Client::connect(&simulator).await;
    client.send(typed("one")).await;
    client.until("serverContent.modelTurn").await;
    assert_eq!(client.over().await, None, "without a close frame");

    let mut client = Client::connect(&simulator).await;
    client.send(json!({"realtimeInput": {"text": "one"}})).await;
    client.until("setupComplete").await;
    assert_eq!(client.next().await.unwrap()["error"], json!({"status": "INTERNAL", "message": "Deadline expired."}));
    assert_eq!(client.over().await, Some(1011));

    let mut client = Client::connect(&simulator).await;
    client.until("setupComplete").await;
    assert_eq!(client.over().await, Some(1011));

    let mut client = Client::connect(&simulator).await;
    client.send(typed("one")).await;
    let events = client.until("serverContent.generationComplete").await;
    let broken = |event: &&Value| {
        let data = event.pointer("/serverContent/modelTurn/parts/0/inlineData/data").and_then(Value::as_str);
        data.is_some_and(|data| data.contains('*'))
    };
    assert_eq!(events.iter().filter(broken).count(), 1);
}

/// Both vendors live in one house: the same port, the same journal, the same count.
#[tokio::test]
async fn the_other_vendor_is_served_beside() {
    let simulator = simulator(vec![]).await;
    let mut client = Client::connect(&simulator).await;
    client.until("setupComplete").await;
    let mut other = crate::simulator::tests::client::Client::connect(&simulator).await;
    other.type_text("one").await;
    other.wait("response.done").await;
    let journal = simulator.journal();
    assert_eq!((journal.dials(), journal.connections().len()), (2, 2));
    assert_eq!(journal.connection(2).unwrap().sent("response.done"), 1);
}
