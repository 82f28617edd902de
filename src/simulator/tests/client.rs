//! A client that knows frames and JSON and nothing else.

use crate::simulator::{Scenario, Simulator, listening};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        error::ProtocolError,
        http::HeaderValue,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

/// Nothing here takes this long; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(in crate::simulator) struct Client {
    socket: WebSocketStream<TcpStream>,
}

/// A simulator with `turns` that delivers fast.
pub(super) async fn simulator(scenario: Value) -> Simulator {
    Simulator::builder().scenario(fast(scenario)).start().await.unwrap()
}

/// `scenario` with a name and fast delivery, unless it says otherwise.
pub(in crate::simulator) fn fast(mut scenario: Value) -> Scenario {
    scenario["name"] = json!("test");
    let delivery = json!({"speed": 100.0, "first_audio_delay_ms": 5, "transcript_delay_ms": 20});
    if scenario.get("delivery").is_none() {
        scenario["delivery"] = delivery;
    }
    Scenario::from_json(&scenario.to_string(), Path::new(".")).unwrap()
}

impl Client {
    /// Connects with a bearer key and reads `session.created` and `conversation.created`.
    pub(in crate::simulator) async fn connect(simulator: &Simulator) -> Self {
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
        // Large enough for the largest frame that is tested.
        let config = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
        match client_async_with_config(request, stream, Some(config)).await {
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
    pub(in crate::simulator) async fn wait(&mut self, kind: &str) -> Value {
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

    /// Sends `session.update` with these fields and returns the session that follows.
    pub(super) async fn configure(&mut self, mut session: Value) -> Value {
        session["type"] = json!("realtime");
        self.send(json!({"type": "session.update", "session": session})).await;
        self.wait("session.updated").await["session"].clone()
    }

    /// Asks for a response and returns it as it is when done, after events that are dropped.
    pub(super) async fn respond(&mut self, wishes: Value) -> Value {
        self.send(json!({"type": "response.create", "response": wishes})).await;
        self.wait("response.done").await["response"].clone()
    }

    /// Creates an item and returns it.
    pub(super) async fn item(&mut self, item: Value) -> Value {
        self.send(json!({"type": "conversation.item.create", "item": item})).await;
        self.wait("conversation.item.done").await["item"].clone()
    }

    /// The output of a call.
    pub(super) async fn output(&mut self, call: &Value, output: &str) {
        self.item(json!({"type": "function_call_output", "call_id": call["call_id"], "output": output})).await;
    }

    /// Sends typed text and asks for a response.
    pub(in crate::simulator) async fn type_text(&mut self, text: &str) {
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

    /// Events until the connection ends, and how it ended.
    pub(super) async fn until_end(&mut self) -> (Vec<Value>, End) {
        let mut events = Vec::new();
        loop {
            match self.raw().await {
                Raw::Text(text) => events.push(serde_json::from_str(&text).unwrap()),
                Raw::End(end) => return (events, end),
                Raw::NotUtf8 => panic!("not UTF-8"),
            }
        }
    }

    /// The next frame as it is.
    pub(super) async fn raw(&mut self) -> Raw {
        loop {
            return match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => Raw::Text(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.expect("a close with a code");
                    Raw::End(End::Close(frame.code.into(), frame.reason.to_string()))
                }
                Some(Ok(_)) => continue,
                Some(Err(Error::Utf8(_))) => Raw::NotUtf8,
                // An end without a close frame.
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => Raw::End(End::Eof),
                Some(Err(Error::Io(e))) if e.kind() == std::io::ErrorKind::ConnectionReset => Raw::End(End::Reset),
                other => panic!("{other:?}"),
            };
        }
    }

    pub(super) async fn ping(&mut self) {
        self.socket.send(Message::Ping(vec![1].into())).await.unwrap();
    }

    /// True when nothing at all has come by now.
    pub(super) async fn silent(&mut self) -> bool {
        timeout(Duration::from_millis(100), self.socket.next()).await.is_err()
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

/// How a connection ended.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    Close(u16, String),
    /// FIN without a close frame.
    Eof,
    Reset,
}

/// A frame that may be no event.
#[derive(Debug, PartialEq)]
pub(super) enum Raw {
    Text(String),
    NotUtf8,
    End(End),
}

/// What a future comes to, in time.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("in time")
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

/// What the items of a response say: texts, transcripts, and calls as `name(arguments)`.
pub(super) fn words(response: &Value) -> Vec<String> {
    let text = |item: &Value| match item["name"].as_str() {
        Some(name) => format!("{name}({})", item["arguments"].as_str().unwrap()),
        None => {
            let part = &item["content"][0];
            part["text"].as_str().or(part["transcript"].as_str()).unwrap_or_default().to_owned()
        }
    };
    response["output"].as_array().unwrap().iter().map(text).collect()
}

/// The data URI of the beginning of an image: as much as tells its kind and size.
pub(in crate::simulator) fn image(kind: &str, width: u16, height: u16) -> String {
    let (w, h) = (width.to_be_bytes(), height.to_be_bytes());
    let bytes = match kind {
        "png" => {
            let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
            bytes.extend([0, 0, w[0], w[1], 0, 0, h[0], h[1], 8, 2, 0, 0, 0]);
            bytes
        }
        _ => {
            // A table of four bytes stands before the frame header.
            let mut bytes = vec![0xff, 0xd8, 0xff, 0xdb, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8];
            bytes.extend([h[0], h[1], w[0], w[1], 1, 1, 0x11, 0]);
            bytes
        }
    };
    format!("data:image/{kind};base64,{}", base64_simd::STANDARD.encode_to_string(bytes))
}

/// A clip of the bundled scenario.
pub(in crate::simulator) fn clip(name: &str) -> Vec<i16> {
    Scenario::bundled().clip(name).unwrap().to_vec()
}

pub(in crate::simulator) fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 24]
}
