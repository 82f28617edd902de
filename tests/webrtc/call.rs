//! A call as the client's driver drives it, and the service at the other end.

use crate::environment::{Referees, canary};
use duologue::{
    Credential, Result,
    config::Tls,
    provider::{DialRequest, Frame},
    transport::{Closed, Dialer, Transport, webrtc::WebRtcDialer},
};
use serde_json::Value;
use std::{
    future::poll_fn,
    process::Stdio,
    sync::{Arc, LazyLock},
    task::Poll,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    sync::{Mutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock},
};

/// Nothing here takes so long on a machine that works.
const LONGEST: Duration = Duration::from_secs(90);

/// The script `tests/referees/aiortc_call.py`.
pub struct Service {
    port: u64,
    lines: Mutex<Lines<BufReader<ChildStdout>>>,
    /// Ends it when it is dropped.
    _child: Child,
    _turn: Turn,
}

/// Files and threads are those of the whole process: who counts them is alone.
static ALONE: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

/// Kept as long as a service is.
enum Turn {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl Service {
    /// `None` when it is not installed.
    pub async fn start() -> Option<Self> {
        Self::beside(Turn::Shared { _guard: ALONE.clone().read_owned().await }).await
    }

    /// With no other service beside it in this process.
    pub async fn alone() -> Option<Self> {
        Self::beside(Turn::Alone { _guard: ALONE.clone().write_owned().await }).await
    }

    async fn beside(turn: Turn) -> Option<Self> {
        let referees = Referees::find()?;
        let mut command: Command = referees.python("aiortc_call.py", [""; 0]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn().expect("python starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let service = Self { port: 0, lines: Mutex::new(lines), _child: child, _turn: turn };
        let port = service.next("serving").await["port"].as_u64().expect("a port");
        Some(Self { port, ..service })
    }

    /// Where a WebSocket would be dialled.
    pub fn url(&self, mode: &str) -> String {
        format!("ws://127.0.0.1:{}/{mode}/v1/realtime?model=m-1", self.port)
    }

    /// For a client's configuration.
    pub fn base_url(&self, mode: &str) -> String {
        format!("http://127.0.0.1:{}/{mode}/v1", self.port)
    }

    /// The next thing of that kind that happens.
    pub async fn next(&self, kind: &str) -> Value {
        self.until(kind).await.pop().expect("an event")
    }

    /// What happens until something of that kind does.
    pub async fn until(&self, kind: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        let waiting = async {
            loop {
                let line = self.lines.lock().await.next_line().await.expect("readable").expect("the service ended");
                canary::printed(&"the service", line.as_bytes());
                let event: Value = serde_json::from_str(&line).expect("JSON");
                let found = event["event"] == kind;
                seen.push(event);
                if found {
                    return;
                }
            }
        };
        let done = tokio::time::timeout(LONGEST, waiting).await;
        assert!(done.is_ok(), "no {kind}, but {seen:?}");
        seen
    }

    /// Ends a call from the service's side.
    pub async fn hang_up(&self, call: &str) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port as u16)).await.unwrap();
        let request = format!("POST /good/v1/realtime/calls/{call}/hangup HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// Dials as the client does.
pub async fn dial(dialer: WebRtcDialer, url: &str, key: Credential) -> Result<Box<dyn Transport>> {
    let request = DialRequest {
        url: url.to_owned(),
        transport: Default::default(),
        auth: Default::default(),
        key_header: None,
        subprotocols: Vec::new(),
        credential_subprotocol: String::new(),
        token_scheme: None,
        signed_at: None,
    };
    let dialling = dialer.dial(request, Some(key), &Tls::default());
    tokio::time::timeout(LONGEST, dialling).await.expect("every step is bounded")
}

/// See the module.
pub struct Call {
    pub transport: Box<dyn Transport>,
    pub frames: Vec<String>,
    /// How long messages were that are no text.
    pub binary: Vec<usize>,
    pub pcm: Vec<i16>,
    over: Option<Closed>,
    speech: Option<(Tone, usize, tokio::time::Interval)>,
}

/// The samples of a frame.
type Tone = fn(usize) -> Vec<i16>;

impl Call {
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, frames: Vec::new(), binary: Vec::new(), pcm: Vec::new(), over: None, speech: None }
    }

    /// From now on gives a frame of 20 ms each 20 ms.
    pub fn speak(&mut self, tone: Tone) {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        // A machine that stood still did not speak in the meantime.
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        self.speech = Some((tone, 0, beat));
    }

    /// Drives the call until `done`.
    pub async fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let drive = poll_fn(|cx| {
            while let Some((tone, frame, beat)) = &mut self.speech
                && beat.poll_tick(cx).is_ready()
            {
                self.transport.send_media(&tone(*frame), 24_000);
                *frame += 1;
            }
            let (frames, binary, pcm) = (&mut self.frames, &mut self.binary, &mut self.pcm);
            if self.over.is_none() {
                let polled = self.transport.poll_inbound(cx, &mut |frame| match frame {
                    Frame::Text(text) => frames.push(text.into_owned()),
                    Frame::Binary(bytes) => binary.push(bytes.len()),
                });
                if let Poll::Ready(closed) = polled {
                    self.over = Some(closed);
                }
            }
            self.transport.poll_media(cx, &mut |frame| pcm.extend_from_slice(frame));
            self.transport.poll_outbound(cx);
            if done(self) {
                return Poll::Ready(());
            }
            assert!(self.over.is_none(), "the call ended: {:?}", self.over);
            Poll::Pending
        });
        let done = tokio::time::timeout(LONGEST, drive).await;
        assert!(done.is_ok(), "{} frames and {} samples came", self.frames.len(), self.pcm.len());
    }

    /// Drives it once.
    pub async fn turn(&mut self) {
        self.until(|_| true).await;
    }

    /// How it ended.
    pub async fn closed(&mut self) -> Closed {
        self.until(|call| call.over.is_some()).await;
        self.over.take().expect("it is over")
    }

    /// Ends it in good order.
    pub async fn end(mut self) {
        self.transport.close(1000);
        let closed = self.closed().await;
        assert_eq!((closed.code, closed.error), (Some(1000), None));
    }
}

/// Waits until a figure stays the same for a while.
pub async fn until_still(figure: impl Fn() -> usize) {
    let (mut last, mut same) = (figure(), 0);
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = figure();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
}
