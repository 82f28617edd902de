//! A service between the client and the simulator that misbehaves as a test says, connection by connection.

use crate::proxy::{End, end};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        handshake::server::{Request, Response},
        http::{HeaderMap, HeaderValue},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// What happens on a connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// A close frame.
    Close(u16, String),
    /// The end without one.
    Cut(End),
    /// An event of its own.
    Say(Value),
    /// Bytes as they are.
    Raw(Vec<u8>),
}

/// How one connection goes.
#[derive(Debug, Clone)]
pub enum Visit {
    /// As the simulator serves it.
    Served,
    /// The upgrade is answered with this.
    Http(String),
    /// The connection ends where the upgrade should be answered.
    Nobody,
    /// Served until this event has come so often; then that happens.
    After(&'static str, usize, Vec<Act>),
}

impl Visit {
    /// An HTTP answer with this status line, these header lines and this body.
    pub fn http(status: &str, headers: &str, body: &str) -> Self {
        Self::Http(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
    }

    /// Closed with this code as soon as the session is configured and an event of `kind` has come.
    pub fn closed(kind: &'static str, code: u16, reason: &str) -> Self {
        Self::After(kind, 1, vec![Act::Close(code, reason.to_owned())])
    }
}

/// See the module. Connections without a plan are served.
pub struct Gate {
    url: String,
    books: Arc<Mutex<Books>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Books {
    plans: VecDeque<Visit>,
    /// The authorization of each connection.
    keys: Vec<String>,
    newest: Option<mpsc::UnboundedSender<Act>>,
}

impl Gate {
    /// In front of the service at `base_url`; the first connections go as `plans` says.
    pub async fn start(base_url: &str, plans: impl IntoIterator<Item = Visit>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let books = Arc::new(Mutex::new(Books { plans: plans.into_iter().collect(), ..Books::default() }));
        let to = base_url.replacen("http", "ws", 1);
        let server = tokio::spawn(serve(listener, to, books.clone()));
        Self { url, books, server }
    }

    /// For the client.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// How the next connection goes that has no plan yet.
    pub fn plan(&self, visit: Visit) {
        self.books.lock().unwrap().plans.push_back(visit);
    }

    /// Connections so far.
    pub fn dials(&self) -> usize {
        self.keys().len()
    }

    /// What each connection authorized itself with.
    pub fn keys(&self) -> Vec<String> {
        self.books.lock().unwrap().keys.clone()
    }

    /// Now, on the newest connection.
    pub fn act(&self, act: Act) {
        let books = self.books.lock().unwrap();
        books.newest.as_ref().expect("a connection").send(act).expect("it is open");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, to: String, books: Arc<Mutex<Books>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let _ = client.set_nodelay(true);
                let visit = books.lock().unwrap().plans.pop_front().unwrap_or(Visit::Served);
                connections.spawn(visited(client, visit, to.clone(), books.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn visited(mut client: TcpStream, visit: Visit, to: String, books: Arc<Mutex<Books>>) {
    let (after, acts) = match visit {
        Visit::Served => (None, Vec::new()),
        Visit::After(kind, n, acts) => (Some((kind, n)), acts),
        Visit::Http(answer) => {
            let key = head(&mut client).await;
            books.lock().unwrap().keys.push(key);
            let _ = client.write_all(answer.as_bytes()).await;
            let _ = client.shutdown().await;
            return;
        }
        Visit::Nobody => {
            let key = head(&mut client).await;
            books.lock().unwrap().keys.push(key);
            return end(client, End::Rst);
        }
    };
    let (mut query, mut headers) = (String::new(), HeaderMap::new());
    let note = |request: &Request, response: Response| {
        query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
        headers = request.headers().clone();
        Ok(response)
    };
    let Ok(client) = accept_hdr_async(client, note).await else { return };
    let key = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut request = format!("{to}/realtime{query}").into_client_request().unwrap();
    // The client's own key stays here: the library that dials for us logs what it sends.
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer of-the-gate"));
    let server = TcpStream::connect(request.uri().authority().unwrap().as_str()).await.unwrap();
    let Ok((server, _)) = client_async(request, server).await else { return };
    let (newest, orders) = mpsc::unbounded_channel();
    {
        let mut books = books.lock().unwrap();
        books.keys.push(key);
        books.newest = Some(newest);
    }
    relay(client, server, orders, after, acts).await;
}

/// The head of a request; of it the line that authorizes.
async fn head(client: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_) => break,
        }
    }
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find(|l| l.to_lowercase().starts_with("authorization:")).unwrap_or_default();
    line.split_once(": ").unwrap_or_default().1.to_owned()
}

type Socket = WebSocketStream<TcpStream>;

async fn relay(
    mut client: Socket,
    mut server: Socket,
    mut orders: mpsc::UnboundedReceiver<Act>,
    mut after: Option<(&'static str, usize)>,
    acts: Vec<Act>,
) {
    let mut due = VecDeque::new();
    loop {
        while let Some(act) = due.pop_front() {
            match act {
                Act::Say(event) => client.send(Message::text(event.to_string())).await.unwrap(),
                Act::Raw(bytes) => {
                    client.get_mut().write_all(&bytes).await.unwrap();
                    client.get_mut().flush().await.unwrap();
                }
                Act::Cut(how) => return end(client.into_inner(), how),
                Act::Close(code, reason) => {
                    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
                    let _ = client.close(Some(frame)).await;
                    while let Some(Ok(_)) = client.next().await {}
                    return;
                }
            }
        }
        tokio::select! {
            frame = client.next() => match frame {
                Some(Ok(frame @ (Message::Text(_) | Message::Binary(_)))) => if server.send(frame).await.is_err() {
                    return;
                },
                Some(Ok(_)) => {}
                _ => {
                    let _ = server.close(None).await;
                    return;
                }
            },
            frame = server.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let is = |kind: &str| serde_json::from_str::<Value>(&text).unwrap()["type"] == kind;
                    let counted = after.as_mut().is_some_and(|(kind, _)| is(kind));
                    if client.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                    if let Some((_, n)) = after.as_mut().filter(|_| counted) {
                        *n -= 1;
                        if *n == 0 {
                            after = None;
                            due.extend(acts.iter().cloned());
                        }
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let _ = client.close(frame).await;
                    while let Some(Ok(_)) = client.next().await {}
                    return;
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            Some(act) = orders.recv() => due.push_back(act),
        }
    }
}
