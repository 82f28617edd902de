//! Dialling and broken peers over real sockets: every failure is one typed error, and nothing hangs.
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config, Credential, Error, ErrorClass,
    config::Tls,
    event::{EventKind, Status},
    provider::AuthStyle,
    simulator::Simulator,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

async fn dial(config: Config, key: &str) -> Result<Client, Error> {
    canary::watch();
    let client = Client::builder().config(config).credential(Credential::new(key).unwrap()).build()?;
    canary::events_of(&client);
    client.connect().await?;
    Ok(client)
}

fn at(base_url: String) -> Config {
    Config { base_url: Some(base_url), ..Config::default() }
}

/// A server on loopback that answers one HTTP request with `response` and closes.
async fn http(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        socket.write_all(response.as_bytes()).await.unwrap();
    });
    url
}

/// A vendor that greets, confirms the configuration and, once told to, does as `misbehave` says.
async fn vendor<F, Fut>(misbehave: F) -> (String, Arc<Notify>)
where
    F: FnOnce(WebSocketStream<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    let go = Arc::new(Notify::new());
    let told = go.clone();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut ws = tokio_tungstenite::accept_async(socket).await.unwrap();
        let event = |kind: &str| Message::text(json!({"type": kind, "event_id": "e", "session": {}}).to_string());
        ws.send(event("session.created")).await.unwrap();
        let update = ws.next().await.unwrap().unwrap();
        assert!(update.to_text().unwrap().contains("session.update"));
        ws.send(event("session.updated")).await.unwrap();
        told.notified().await;
        misbehave(ws).await;
    });
    (url, go)
}

/// The errors told from `go` until the run is over.
async fn errors_until_the_end(client: &Client, go: &Notify) -> Vec<Error> {
    let mut events = client.events();
    let mut errors = Vec::new();
    go.notify_one();
    while let Some(event) = events.next().await {
        match &event.kind {
            EventKind::Error(error) => errors.push(error.clone()),
            EventKind::Status(Status::Error { .. } | Status::Idle { .. }) => break,
            _ => {}
        }
    }
    errors
}

#[tokio::test]
async fn a_refused_key_is_a_credential_error_and_is_not_repeated() {
    let simulator = Simulator::builder().start().await.unwrap();
    let error = dial(at(simulator.base_url()), canary::REFUSED).await.unwrap_err();
    assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Credential, "auth"));
    assert!(error.fix.is_some());
    assert!(!format!("{error} {error:?}").contains(canary::MARK), "{error:?}");
}

#[tokio::test]
async fn a_key_of_any_form_that_a_service_echoes_is_not_shown() {
    let body = r#"{"error":{"message":"Incorrect key: c4n4ry-key"}}"#;
    let reply = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let error = dial(at(http(reply.leak()).await), canary::KEY).await.unwrap_err();
    assert_eq!(error.code, "auth");
    assert!(!format!("{error} {error:?}").contains(canary::MARK), "{error:?}");
}

/// The WebSocket library writes the whole request to its trace log.
#[tokio::test]
async fn lesson_no_library_logs_the_key_or_the_query() {
    let simulator = Simulator::builder().start().await.unwrap();
    for auth in [AuthStyle::Header, AuthStyle::Subprotocol] {
        let (_, before) = canary::lines();
        let url = format!("{}?ticket={}", simulator.base_url(), canary::TOKEN);
        let client = dial(Config { auth, ..at(url) }, canary::KEY).await.unwrap();
        client.shutdown().await;
        let (leaks, after) = canary::lines();
        assert_eq!(leaks, 0);
        assert!(after > before, "there was a line to look at");
    }
    assert_eq!(simulator.journal().handshakes().len(), 2);
}

#[tokio::test]
async fn a_subprotocol_carries_the_key_where_headers_cannot() {
    let simulator = Simulator::builder().start().await.unwrap();
    let config = Config { auth: AuthStyle::Subprotocol, ..at(simulator.base_url()) };
    let client = dial(config, canary::KEY).await.unwrap();
    let handshake = &simulator.journal().handshakes()[0];
    assert_eq!(handshake["auth"], "subprotocol");
    client.shutdown().await;
}

#[tokio::test]
async fn no_beta_header_is_sent_to_anybody() {
    // checklist 1
    let simulator = Simulator::builder().start().await.unwrap();
    let client = dial(at(simulator.base_url()), canary::KEY).await.unwrap();
    let names = simulator.journal().handshakes()[0].to_string().to_lowercase();
    assert!(names.contains("authorization") && !names.contains("openai-beta"), "{names}");
    client.shutdown().await;
}

#[tokio::test]
async fn an_unknown_model_names_the_field() {
    let simulator = Simulator::builder().start().await.unwrap();
    let config = Config { model: Some("gpt-nonsense".into()), ..at(simulator.base_url()) };
    let error = dial(config, canary::KEY).await.unwrap_err();
    assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Config, Some("model")), "{error:?}");
}

#[tokio::test]
async fn tls_is_verified_and_extra_roots_are_honoured() {
    let simulator = Simulator::builder().tls(true).start().await.unwrap();
    let error = dial(at(simulator.base_url()), canary::KEY).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Tls, "{error:?}");
    let handshakes = simulator.journal().handshakes();
    assert!(handshakes.is_empty(), "no key leaves before the certificate is verified: {handshakes:?}");

    let tls = Tls { extra_roots: vec![simulator.ca_pem().unwrap().to_owned()] };
    let client = dial(Config { tls, ..at(simulator.base_url()) }, canary::KEY).await.unwrap();
    client.shutdown().await;

    let tls = Tls { extra_roots: vec!["no certificate".into()] };
    let error = dial(Config { tls, ..at(simulator.base_url()) }, canary::KEY).await.unwrap_err();
    assert_eq!(error.field.as_deref(), Some("tls.extra_roots[0]"));
}

#[tokio::test]
async fn plaintext_stays_on_this_machine() {
    // An address reserved for documentation: it is refused before anything is sent.
    let error = dial(at("http://192.0.2.1:9/v1".into()), canary::KEY).await.unwrap_err();
    assert_eq!(error.code, "plaintext");
}

#[tokio::test]
async fn nobody_listening_is_a_network_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let error = dial(at(url), canary::KEY).await.unwrap_err();
    assert_eq!((error.class, error.code.as_ref(), error.retryable), (ErrorClass::Network, "connect_failed", true));
}

#[tokio::test]
async fn what_is_not_a_realtime_api_is_said_in_its_own_words() {
    let portal = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 26\r\n\r\n<h1>Please log in here</h1>";
    let error = dial(at(http(portal).await), canary::KEY).await.unwrap_err();
    assert_eq!(error.code, "handshake", "{error:?}");
    let busy =
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 35\r\n\r\n{\"error\":{\"message\":\"slow down sk-x\"}}";
    let error = dial(at(http(busy).await), canary::KEY).await.unwrap_err();
    assert_eq!((error.class, error.retryable), (ErrorClass::Quota, true));
    let down = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let error = dial(at(http(down).await), canary::KEY).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("unavailable", true));
}

/// As much as the vendors' own clients take at most (ElevenLabs' package for Python).
#[tokio::test]
async fn a_frame_of_16_mib_is_taken() {
    let (url, go) = vendor(|mut ws| async move {
        let frame = json!({"type": "rather.long", "event_id": "e", "pad": ""}).to_string();
        let pad = "x".repeat((16 << 20) - frame.len());
        ws.send(Message::text(frame.replace(r#""pad":"""#, &format!(r#""pad":"{pad}""#)))).await.unwrap();
        while let Some(Ok(_)) = ws.next().await {}
    })
    .await;
    let client = dial(at(url), canary::KEY).await.unwrap();
    let mut events = client.events();
    go.notify_one();
    let warning = loop {
        match &events.next().await.expect("the run goes on").kind {
            EventKind::Warning(warning) => break warning.clone(),
            EventKind::Error(error) => panic!("{error}"),
            _ => {}
        }
    };
    assert_eq!(warning.code, "unknown_event");
    assert!(warning.message.contains("rather.long"), "{warning}");
    client.disconnect().await.unwrap();
}

#[tokio::test]
async fn an_over_long_frame_ends_the_run_with_one_error() {
    // refused at the frame's header, before its 32 MiB are read.
    let (url, go) = vendor(|mut ws| async move {
        let mut header = vec![0x81, 127];
        header.extend_from_slice(&(32u64 << 20).to_be_bytes());
        ws.get_mut().write_all(&header).await.unwrap();
        ws.get_mut().flush().await.unwrap();
        let close = loop {
            match ws.next().await {
                Some(Ok(Message::Close(frame))) => break frame,
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        };
        assert_eq!(u16::from(close.unwrap().code), 1009);
    })
    .await;
    let client = dial(at(url), canary::KEY).await.unwrap();
    let errors = errors_until_the_end(&client, &go).await;
    assert_eq!(errors.iter().map(|e| e.code.as_ref()).collect::<Vec<_>>(), ["frame_too_big"]);
    assert_eq!(errors[0].class, ErrorClass::Limit);
}

#[tokio::test]
async fn text_that_is_not_utf8_ends_the_run_with_one_error() {
    let (url, go) = vendor(|mut ws| async move {
        ws.get_mut().write_all(&[0x81, 2, 0xff, 0xfe]).await.unwrap();
        ws.get_mut().flush().await.unwrap();
        while let Some(Ok(_)) = ws.next().await {}
    })
    .await;
    let client = dial(at(url), canary::KEY).await.unwrap();
    let errors = errors_until_the_end(&client, &go).await;
    assert_eq!(errors.iter().map(|e| e.code.as_ref()).collect::<Vec<_>>(), ["invalid_utf8"]);
}

#[tokio::test]
async fn a_message_of_nine_mebibytes_is_taken() {
    // checklist 15
    let (url, go) = vendor(|mut ws| async move {
        let blob = "x".repeat(9 << 20);
        let event = json!({"type": "conversation.item.retrieved", "event_id": "e", "item": {"blob": blob}});
        ws.send(Message::text(event.to_string())).await.unwrap();
        // No close: the end would push so large an unread raw event out of the client's queue.
        while let Some(Ok(_)) = ws.next().await {}
    })
    .await;
    let config = Config { raw_events: duologue::config::RawEvents::Unknown, ..at(url) };
    let client = Client::builder().config(config).credential(canary::key()).build().unwrap();
    let mut events = client.events();
    client.connect().await.unwrap();
    go.notify_one();
    loop {
        let event = events.next().await.unwrap();
        match &event.kind {
            EventKind::Raw(raw) => break assert!(raw.json.len() > 9 << 20),
            EventKind::Error(error) => panic!("{error}"),
            _ => {}
        }
    }
    client.shutdown().await;
}

#[tokio::test]
async fn a_connection_that_breaks_ends_the_run_with_one_retryable_error() {
    let (url, go) = vendor(|ws| async move { drop(ws) }).await;
    let client = dial(at(url), canary::KEY).await.unwrap();
    let errors = errors_until_the_end(&client, &go).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].retryable && errors[0].fatal);
}

#[tokio::test]
async fn disconnecting_while_the_peer_says_nothing_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let client = Client::builder().config(at(url)).credential(canary::key()).build().unwrap();
    let connecting = client.connect();
    let (mut socket, _) = listener.accept().await.unwrap();
    client.disconnect().await.unwrap();
    assert_eq!(connecting.await.unwrap_err().code, "cancelled");
    // The request may still be in the pipe; after it comes the end.
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
    assert!(matches!(client.state().status, Status::Idle { .. }));
}
