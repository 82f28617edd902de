//! A caller of bytes, a service that says what it is told to say, and a server between them.

use crate::canary;
use duologue::{
    Config,
    server::{Denied, Server, ServerBuilder, Serving},
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Nothing here takes so long on a machine that works.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
pub const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
pub const APP: &str = "https://app.example";
/// What a service says that takes a call.
pub const TAKEN: &str = "HTTP/1.1 201 Created\r\ncontent-type: application/sdp\r\nlocation: /v1/realtime/calls/rtc_1\r\n\
    content-length: 43\r\n\r\nv=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// What a server answered. None of it has a secret in it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn error(&self, field: &str) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string(), "{self:?}");
        body["error"][field].as_str().unwrap_or_default().to_owned()
    }

    /// # Panics
    /// When it is no refusal with this status and code.
    pub fn refuses(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.error("code").as_str()), (status, code), "{self:?}");
        self
    }
}

/// One request on one connection.
pub async fn ask(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let length = body.len().to_string();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    let sized = [("content-length", length.as_str())];
    // Who sends pieces says no length.
    let sized = if headers.iter().any(|(name, _)| *name == "transfer-encoding") { &[][..] } else { &sized[..] };
    for (name, value) in headers.iter().chain(sized) {
        head += &format!("{name}: {value}\r\n");
    }
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    let exchange = async {
        let (mut read, mut write) = TcpStream::connect(to).await.unwrap().into_split();
        let mut answer = Vec::new();
        // A server that has read enough answers while it is still told more.
        let (_, _) = tokio::join!(write.write_all(&bytes), read.read_to_end(&mut answer));
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer");
    canary::printed(&path, &answer);
    parse(&answer)
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|n| n.parse().ok()).expect("a status");
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

/// A service that answers every request with the same bytes, when it is let.
pub struct Service {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    held: watch::Sender<bool>,
    arrived: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Service {
    pub async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer.into()));
        let arrived = Arc::new(AtomicU64::new(0));
        let (held, holding) = watch::channel(false);
        let (kept, count) = (seen.clone(), arrived.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, answer.clone(), kept.clone(), count.clone(), holding.clone()));
            }
        });
        Self { address, seen, held, arrived, task }
    }

    /// The requests so far, whole.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().clone()
    }

    /// While true nobody is answered.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub async fn arrivals(&self, wanted: u64) {
        let arrive = async {
            while self.arrived.load(Ordering::SeqCst) < wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, arrive).await.expect("they never came");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut socket: TcpStream,
    answer: Arc<Vec<u8>>,
    seen: Arc<Mutex<Vec<String>>>,
    arrived: Arc<AtomicU64>,
    mut held: watch::Receiver<bool>,
) {
    let mut bytes = Vec::new();
    let whole = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        (body.len() >= length.map_or(0, |length| length.parse().unwrap())).then_some(())
    };
    while whole(&bytes).is_none() {
        let mut piece = [0; 4096];
        match socket.read(&mut piece).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&piece[..n]),
            _ => return,
        }
    }
    seen.lock().push(String::from_utf8(bytes).unwrap());
    arrived.fetch_add(1, Ordering::SeqCst);
    if held.wait_for(|held| !held).await.is_err() {
        return;
    }
    // Who has enough closes in the middle of it.
    let _ = socket.write_all(&answer).await;
    let _ = socket.shutdown().await;
    // Until the other end is done: a reset would take the answer with it.
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await;
}

/// What a form says under a name.
pub async fn part(request: &str, wanted: &str) -> Vec<String> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).expect("a type");
    let body = body.to_owned();
    let stream = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(body) });
    let mut form = multer::Multipart::new(stream, multer::parse_boundary(kind).unwrap());
    let mut found = Vec::new();
    while let Some(field) = form.next_field().await.unwrap() {
        if field.name() == Some(wanted) {
            found.push(field.text().await.unwrap());
        }
    }
    found
}

/// A service that takes every call, and the server before it.
pub struct Rig {
    pub service: Service,
    pub serving: Serving,
    pub server: Server,
}

impl Rig {
    /// A server that `set` has made of [`builder`]'s.
    pub async fn new(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::with(Service::saying(TAKEN).await, set).await
    }

    pub async fn with(service: Service, set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let server = set(builder(&format!("http://{}/v1", service.address))).build().unwrap();
        let serving = server.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { service, serving, server }
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        ask(self.serving.address(), method, path, headers, body).await
    }

    /// Ann's offer as it is.
    pub async fn offer(&self, more: &[(&str, &str)]) -> Answer {
        self.offer_of("ann", more).await
    }

    pub async fn offer_of(&self, user: &str, more: &[(&str, &str)]) -> Answer {
        let token = bearer(user);
        let headers = [&[("authorization", token.as_str()), ("content-type", "application/sdp")], more].concat();
        self.ask("POST", "/calls", &headers, OFFER.as_bytes()).await
    }
}

/// What a user sends to be known.
pub fn bearer(user: &str) -> String {
    format!("Bearer {}-{user}", canary::TOKEN)
}

/// A server with a marked key, whose users have marked names, before the service at `base_url`.
pub fn builder(base_url: &str) -> ServerBuilder {
    let session = Config { base_url: Some(base_url.to_owned()), ..Config::default() };
    Server::builder().session(session).key(canary::key()).origins([APP]).authenticate(|headers| async move {
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        let user =
            given.and_then(|given| given.strip_prefix("Bearer ")?.strip_prefix(canary::TOKEN)?.strip_prefix('-'));
        match user {
            Some("forbidden") => Err(Denied::Forbidden("You have left.".into())),
            Some("unlucky") => Err(Denied::Unavailable),
            Some(user) => Ok(format!("{}-{user}", canary::MARK)),
            None => Err(Denied::Unknown),
        }
    })
}

/// Time that passes when a test says so.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<Duration>>);

impl Clock {
    pub fn now(&self) -> impl Fn() -> Duration + Send + Sync + 'static {
        let time = self.0.clone();
        move || *time.lock()
    }

    pub fn advance(&self, seconds: u64) {
        *self.0.lock() += Duration::from_secs(seconds);
    }
}
