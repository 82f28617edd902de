//! Endpoints, credentials, frames and faults, over loopback.

use super::bench::{EVERYTHING, said};
use crate::simulator::{
    EndedBy, Fault, Simulator,
    elevenlabs::events,
    scenario::{CloseWith, SessionCap, VendorError, What},
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
const KEY: &str = "xi-api-key: any";
const SIGN: &str = "/v1/convai/conversation/get-signed-url?agent_id=a1";

pub(super) struct Client(WebSocketStream<TcpStream>);

/// The end of a connection: its close frame, if there was one.
type Over = Option<(u16, String)>;

pub(super) async fn simulator(scenario: Value, faults: Vec<Fault>) -> Simulator {
    let builder = Simulator::builder().scenario(fast(scenario));
    faults.into_iter().fold(builder, |builder, fault| builder.fault(fault)).start().await.unwrap()
}

fn turns() -> Value {
    json!([{"hear": "one", "reply": [{"say": "First."}]}])
}

/// A request over HTTP with one header more: the status and the body.
pub(super) async fn request(
    simulator: &Simulator,
    method: &str,
    path: &str,
    header: &str,
    body: &[u8],
) -> (u16, Value) {
    let address = simulator.elevenlabs_url().replacen("http://", "", 1);
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // Whoever is refused for its size may not be read to its end.
    let _ = socket.write_all(body).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("an answer in time");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

impl Client {
    /// Opens a socket; the error is the HTTP status.
    async fn open(url: &str, header: Option<(&'static str, &str)>) -> Result<(Self, Option<String>), u16> {
        let mut request = url.into_client_request().unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(request.uri().authority().unwrap().as_str()).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, answer)) => {
                let chosen = answer.headers().get("sec-websocket-protocol");
                Ok((Self(socket), chosen.map(|name| name.to_str().unwrap().to_owned())))
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(e) => panic!("{e}"),
        }
    }

    /// A conversation in which everything is told.
    pub(super) async fn connect(simulator: &Simulator) -> Self {
        let url = format!("{}?agent_id=a1", simulator.conversation_url());
        let (mut client, _) = Self::open(&url, None).await.unwrap();
        client.begin().await;
        client
    }

    async fn begin(&mut self) {
        let overrides = json!({"conversation": {"client_events": EVERYTHING}});
        let data = json!({"type": "conversation_initiation_client_data", "conversation_config_override": overrides});
        self.send(data).await;
    }

    /// The id of the conversation, which comes first.
    pub(super) async fn conversation(&mut self) -> String {
        let metadata = self.until("conversation_initiation_metadata").await.pop().unwrap();
        metadata["conversation_initiation_metadata_event"]["conversation_id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn send(&mut self, message: Value) {
        let _ = self.0.send(Message::text(message.to_string())).await;
    }

    async fn type_text(&mut self, text: &str) {
        self.send(json!({"type": "user_message", "text": text})).await;
    }

    /// The next message, or the end.
    async fn next(&mut self) -> Result<Value, Over> {
        match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
            Some(Ok(Message::Text(text))) => Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => Err(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))),
            Some(Ok(other)) => panic!("messages are text frames: {other:?}"),
            Some(Err(_)) | None => Err(None),
        }
    }

    pub(super) async fn until(&mut self, kind: &str) -> Vec<Value> {
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

#[tokio::test]
async fn a_conversation_over_a_socket() {
    let simulator = simulator(json!({"turns": turns()}), vec![]).await;
    let url = format!("{}?agent_id=a1&source=test&version=1", simulator.conversation_url());
    let (mut client, chosen) = Client::open(&url, Some(("sec-websocket-protocol", "convai"))).await.unwrap();
    assert_eq!(chosen.as_deref(), Some("convai"));
    client.begin().await;
    client.send(json!({"user_audio_chunk": "AAAAAA=="})).await;
    client.type_text("hello").await;
    let events = client.until("agent_response_complete").await;
    assert_eq!(said(&events), ["First."]);
    let journal = simulator.journal();
    let connection = journal.connection(1).unwrap();
    assert_eq!((connection.received("user_audio_chunk"), connection.received("user_message")), (1, 1));
    assert_eq!(connection.sent("agent_response"), 1);
    let audio = journal.wait_for_server(|event| event["type"] == "audio").await;
    assert!(audio["audio_event"]["audio_base_64"].is_u64(), "only its length");
    let chunk = journal.wait_for_client(|event| event.get("user_audio_chunk").is_some()).await;
    assert_eq!(chunk["user_audio_chunk"], 8);
}

#[tokio::test]
async fn every_door_has_its_key() {
    let private = simulator(json!({"turns": turns(), "agent": {"private": true}}), vec![]).await;
    let public = simulator(json!({"turns": turns()}), vec![]).await;
    let (status, body) = request(&private, "GET", SIGN, KEY, b"").await;
    assert_eq!(status, 200);
    let signed = body["signed_url"].as_str().unwrap().to_owned();
    assert!(signed.starts_with(&private.conversation_url()), "{signed}");
    let at = |simulator: &Simulator, query: &str| format!("{}{query}", simulator.conversation_url());
    let key = Some(("xi-api-key", "any"));
    for (url, header, wanted) in [
        (at(&public, "?agent_id=a1"), None, Ok(None)),
        (at(&public, "?agent_id=a1"), key, Ok(None)),
        (at(&public, ""), None, Err(422)),
        (at(&public, "?agent_id=unknown"), None, Err(404)),
        (at(&private, "?agent_id=a1"), None, Err(401)),
        (at(&private, "?agent_id=a1"), key, Ok(Some(3000))),
        (at(&private, "?agent_id=a1&conversation_signature=made-up"), None, Err(401)),
        (at(&private, "?agent_id=a1"), Some(("sec-websocket-protocol", "convai, bearer.token")), Ok(None)),
        (at(&private, "?agent_id=a1"), Some(("sec-websocket-protocol", "convai, bearer.invalid")), Err(401)),
        (signed.replace("a1", "a2"), None, Err(401)),
        (signed.clone(), None, Ok(None)),
        // Within its time a signature is good for more than one conversation.
        (format!("{signed}&source=test"), None, Ok(None)),
    ] {
        match (Client::open(&url, header).await, wanted) {
            (Err(status), Err(wanted)) => assert_eq!(status, wanted, "{url}"),
            (Ok((mut client, _)), Ok(wanted)) => {
                client.begin().await;
                match client.next().await {
                    Ok(first) => {
                        assert_eq!((&first["type"], wanted), (&json!("conversation_initiation_metadata"), None))
                    }
                    Err(over) => assert_eq!(over.map(|(code, _)| code), wanted, "{url}"),
                }
            }
            (answer, wanted) => panic!("{url}: {:?} instead of {wanted:?}", answer.err()),
        }
    }
    let handshakes = format!("{:?}", private.journal().handshakes());
    let signature = signed.rsplit('=').next().unwrap();
    assert!(!handshakes.contains(signature), "no signature in the journal");
    assert!(handshakes.contains("signed_url"), "but how it came");
}

#[tokio::test]
async fn a_signature_for_one_conversation_is_used_once() {
    let simulator = simulator(json!({"turns": turns(), "agent": {"private": true}}), vec![]).await;
    let path = format!("{SIGN}&include_conversation_id=true&environment=production");
    let signed = request(&simulator, "GET", &path, KEY, b"").await.1["signed_url"].as_str().unwrap().to_owned();
    let (mut client, _) = Client::open(&signed, None).await.unwrap();
    client.begin().await;
    let conversation = client.conversation().await;
    assert!(signed.contains(&format!("conversation_id={conversation}")), "{signed} {conversation}");
    assert_eq!(Client::open(&signed, None).await.err(), Some(401));
}

#[tokio::test]
async fn the_rest_of_the_api_needs_a_key() {
    let agent = json!({"private": true, "overrides": ["agent.first_message"], "output_format": "ulaw_8000"});
    let simulator =
        simulator(json!({"turns": turns(), "agent": agent}), vec![Fault::refuse(503).client_secret(4)]).await;
    for (path, header, wanted) in [
        (SIGN, "accept: */*", 401),
        (SIGN, "xi-api-key: invalid", 401),
        ("/v1/convai/conversation/get-signed-url", KEY, 422),
        (SIGN, KEY, 503),
        ("/v1/convai/conversation/get-signed-url?agent_id=unknown", KEY, 404),
        ("/v1/convai/agents/a1", "accept: */*", 401),
        ("/v1/convai/agents/a1", KEY, 200),
        ("/v1/convai/agents/a1/more", KEY, 404),
    ] {
        let (status, body) = request(&simulator, "GET", path, header, b"").await;
        assert_eq!(status, wanted, "{path}: {body}");
    }
    assert_eq!(simulator.journal().secrets_asked(), 5);
    let (_, body) = request(&simulator, "GET", "/v1/convai/agents/a1", KEY, b"").await;
    let settings = &body["platform_settings"];
    assert_eq!(settings["auth"]["enable_auth"], true);
    let permitted = &settings["overrides"]["conversation_config_override"]["agent"];
    assert_eq!((&permitted["first_message"], &permitted["prompt"]["prompt"]), (&json!(true), &json!(false)));
    assert_eq!(body["conversation_config"]["tts"]["agent_output_audio_format"], "ulaw_8000");
}

#[tokio::test]
async fn a_signed_url_is_as_secure_as_the_simulator() {
    let simulator = Simulator::builder().tls(true).start().await.unwrap();
    assert!(simulator.conversation_url().starts_with("wss://127.0.0.1:"));
    assert_eq!(simulator.url_of("elevenlabs"), simulator.elevenlabs_url());
}

#[tokio::test]
async fn a_short_life_ends_with_its_error() {
    let cap = Fault::new(What::SessionCap(SessionCap { ms: 300 }));
    let simulator = simulator(json!({"turns": turns()}), vec![cap]).await;
    let mut client = Client::connect(&simulator).await;
    let error = client.until("error").await.pop().unwrap();
    assert_eq!(error["error_event"]["error_type"], "max_duration_exceeded");
    assert_eq!(client.over().await.unwrap().0, 1000);
    let end = simulator.journal().wait_until(|journal| journal.connection(1)?.end).await;
    assert_eq!((end.by, end.code), (EndedBy::Simulator, Some(1000)));
}

/// Faults of the other vendors, with the names of this one.
#[tokio::test]
async fn faults_happen_here_too() {
    let error = VendorError {
        code: "llm_timeout".into(),
        message: "too slow".into(),
        close: Some(CloseWith { code: 1002, reason: "late".into() }),
    };
    let broken = crate::simulator::scenario::Broken::BadBase64;
    let faults = vec![
        Fault::refuse(503).upgrade(1),
        Fault::new(What::Drop).on(1).event("audio", 1),
        Fault::new(What::Error(error)).on(2).client_event("user_message", 1),
        Fault::new(What::Expire).on(3).event("conversation_initiation_metadata", 1),
        Fault::new(What::Broken(broken)).on(4),
        Fault::close(4300, "queue").on(5).client_event("user_audio_chunk", 1),
    ];
    let simulator = simulator(json!({"turns": turns()}), faults).await;
    let url = format!("{}?agent_id=a1", simulator.conversation_url());
    assert_eq!(Client::open(&url, None).await.err(), Some(503));

    let mut client = Client::connect(&simulator).await;
    client.type_text("one").await;
    client.until("audio").await;
    assert_eq!(client.over().await, None, "without a close frame");

    let mut client = Client::connect(&simulator).await;
    client.type_text("one").await;
    let error = client.until("error").await.pop().unwrap();
    let told = json!({"code": 1002, "error_type": "llm_timeout", "message": "too slow"});
    assert_eq!(error["error_event"], told);
    assert_eq!(client.over().await, Some((1002, "late".to_owned())));

    let mut client = Client::connect(&simulator).await;
    client.until("error").await;
    assert_eq!(client.over().await.unwrap().0, 1000);

    let mut client = Client::connect(&simulator).await;
    client.type_text("one").await;
    let events = client.until("agent_response_complete").await;
    let broken = |event: &&Value| event["audio_event"]["audio_base_64"].as_str().is_some_and(|data| data.contains('*'));
    assert_eq!(events.iter().filter(broken).count(), 1);

    let mut client = Client::connect(&simulator).await;
    client.send(json!({"user_audio_chunk": ""})).await;
    assert_eq!(client.over().await, Some((4300, "queue".to_owned())));
}

#[tokio::test]
async fn a_conversation_that_is_over_takes_no_files() {
    let simulator = simulator(json!({"turns": turns()}), vec![]).await;
    let mut client = Client::connect(&simulator).await;
    let path = format!("/v1/convai/conversations/{}/files", client.conversation().await);
    client.0.close(None).await.unwrap();
    assert_eq!(client.over().await.map(|_| ()), None);
    simulator.journal().wait_until(|journal| journal.connection(1)?.end).await;
    // The end is noted a moment before the conversation is let go of.
    let form = b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n%PDF-\r\n--b--\r\n";
    let header = "content-type: multipart/form-data; boundary=b";
    timeout(PATIENCE, async {
        while request(&simulator, "POST", &path, header, form).await.0 != 404 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is let go of");
}
