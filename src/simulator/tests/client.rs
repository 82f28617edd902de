//! A client that knows frames and JSON and nothing else.

use crate::simulator::{Scenario, Simulator, listening};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

/// Nothing here takes this long; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Client {
    socket: WebSocketStream<TcpStream>,
}

/// A simulator with `turns` that delivers fast.
pub(super) async fn simulator(scenario: Value) -> Simulator {
    Simulator::builder().scenario(fast(scenario)).start().await.unwrap()
}

/// `scenario` with a name and fast delivery, unless it says otherwise.
pub(super) fn fast(mut scenario: Value) -> Scenario {
    scenario["name"] = json!("test");
    let delivery = json!({"speed": 100.0, "first_audio_delay_ms": 5, "transcript_delay_ms": 20});
    if scenario.get("delivery").is_none() {
        scenario["delivery"] = delivery;
    }
    Scenario::from_json(&scenario.to_string(), Path::new(".")).unwrap()
}

impl Client {
    /// Connects with a bearer key and reads `session.created` and `conversation.created`.
    pub(super) async fn connect(simulator: &Simulator) -> Self {
        let headers = [("authorization", "Bearer sk-test")];
        let mut client = Self::open(simulator, "?model=gpt-realtime-2.1", &headers).await.unwrap();
        assert_eq!(client.next().await["type"], "session.created");
        assert_eq!(client.next().await["type"], "conversation.created");
        client
    }

    /// Connects with these headers; the error is the HTTP status and body.
    pub(super) async fn open(
        simulator: &Simulator,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let mut request = format!("{}{query}", simulator.ws_url()).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let address = request.uri().authority().unwrap().to_string();
        let stream = TcpStream::connect(address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
            }
            Err(e) => panic!("{e}"),
        }
    }

    pub(super) async fn send(&mut self, event: Value) {
        self.send_text(&event.to_string()).await;
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Appends samples in pieces of 100 ms.
    pub(super) async fn speak(&mut self, samples: &[i16]) {
        for piece in samples.chunks(2400) {
            self.send(json!({"type": "input_audio_buffer.append", "audio": listening::encode(piece)})).await;
        }
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Value {
        match timeout(PATIENCE, self.socket.next()).await.expect("an event in time") {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected an event, got {other:?}"),
        }
    }

    /// Events up to and including the first of type `kind`.
    pub(super) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            if events.last().is_some_and(|e| e["type"] == kind) {
                return events;
            }
        }
    }

    /// The first event of type `kind`; what comes before it is dropped.
    pub(super) async fn wait(&mut self, kind: &str) -> Value {
        self.until(kind).await.pop().unwrap()
    }

    /// Sends an event that must be refused and returns the error.
    pub(super) async fn refused(&mut self, mut event: Value) -> Value {
        event["event_id"] = json!("mine");
        self.send(event).await;
        let error = self.wait("error").await;
        assert_eq!(error["error"]["event_id"], "mine", "{error}");
        error["error"].clone()
    }

    /// Sends typed text and asks for a response.
    pub(super) async fn type_text(&mut self, text: &str) {
        let content = json!([{"type": "input_text", "text": text}]);
        let item = json!({"type": "message", "role": "user", "content": content});
        self.send(json!({"type": "conversation.item.create", "item": item})).await;
        self.send(json!({"type": "response.create"})).await;
    }

    /// Sends a text the server may refuse to read to its end.
    pub(super) async fn send_what_fits(&mut self, text: &str) {
        let _ = self.socket.send(Message::text(text)).await;
    }

    /// Waits for the end of the connection, with or without a close frame.
    pub(super) async fn ended(&mut self) {
        while let Some(Ok(_)) = timeout(PATIENCE, self.socket.next()).await.expect("an end in time") {}
    }

    /// Waits for the close frame.
    pub(super) async fn closed(&mut self) -> CloseFrame {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(Some(frame)))) => return frame,
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}

/// The types of `events`, each run of the same type once.
pub(super) fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

/// The audio of all deltas.
pub(super) fn audio(events: &[Value]) -> Vec<i16> {
    let deltas = events.iter().filter(|e| e["type"] == "response.output_audio.delta");
    deltas.flat_map(|e| listening::decode(e["delta"].as_str().unwrap(), "delta").unwrap()).collect()
}
