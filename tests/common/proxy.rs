//! A TCP proxy on loopback whose line can be cut, swallowed, stalled and throttled.

#![allow(dead_code)]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// How a connection ends without a word of the protocol above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As if the program had ended.
    Fin,
    /// As if the machine had forgotten the connection.
    Rst,
}

/// What becomes of the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Open,
    /// They wait.
    Stalled,
    /// They vanish, both ways, and so does the end of either side.
    Swallowed,
    Cut(End),
}

/// See the module. What is done to the line is done to the connections there are, not to later ones.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    lines: Mutex<Vec<watch::Sender<Line>>>,
    accepted: AtomicUsize,
    /// Bytes a second and direction; 0 is no limit.
    pace: AtomicU32,
}

impl Proxy {
    /// A proxy to whoever serves `url`.
    pub async fn start(url: &str) -> Self {
        let to = address_of(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let server = tokio::spawn(serve(listener, to, shared.clone()));
        Self { address, shared, server }
    }

    /// `url` by way of the proxy.
    pub fn url(&self, url: &str) -> String {
        url.replacen(&address_of(url).to_string(), &self.address.to_string(), 1)
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(SeqCst)
    }

    /// Ends what is connected.
    pub fn cut(&self, end: End) {
        self.all(Line::Cut(end));
    }

    /// From now on nothing arrives at either side, and neither is told.
    pub fn swallow(&self) {
        self.all(Line::Swallowed);
    }

    /// What is sent waits until [`Self::release`].
    pub fn stall(&self) {
        self.all(Line::Stalled);
    }

    /// Everything that waits arrives at once.
    pub fn release(&self) {
        self.all(Line::Open);
    }

    /// So many bytes a second and direction, from the next block on.
    pub fn throttle(&self, bytes_per_s: u32) {
        self.shared.pace.store(bytes_per_s, SeqCst);
    }

    fn all(&self, line: Line) {
        // Of a connection that is over nobody listens any more.
        self.shared.lines.lock().unwrap().retain(|sender| sender.send(line).is_ok());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn address_of(url: &str) -> SocketAddr {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap().parse().expect("an address of this machine with a port")
}

/// Drops a socket as `end` says.
pub fn end(socket: TcpStream, end: End) {
    if end == End::Rst {
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

async fn serve(listener: TcpListener, to: SocketAddr, shared: Arc<Shared>) {
    // Aborting this ends every connection too.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let (sender, line) = watch::channel(Line::Open);
                shared.lines.lock().unwrap().push(sender);
                shared.accepted.fetch_add(1, SeqCst);
                connections.spawn(carry(client, to, line, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(mut client: TcpStream, to: SocketAddr, mut line: watch::Receiver<Line>, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut how = End::Fin;
    {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let up = half(from_client, to_server, line.clone(), &shared.pace);
        let down = half(from_server, to_client, line.clone(), &shared.pace);
        tokio::select! {
            _ = async { tokio::join!(up, down) } => {}
            cut = line.wait_for(|line| matches!(line, Line::Cut(_))) => {
                if let Ok(Line::Cut(end)) = cut.as_deref() {
                    how = *end;
                }
            }
        }
    }
    end(client, how);
    end(server, how);
}

async fn half(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut line: watch::Receiver<Line>, pace: &AtomicU32) {
    let mut block = [0; 4096];
    loop {
        let Ok(n) = from.read(&mut block).await else { return };
        // A stall that began meanwhile holds this block too.
        let Ok(now) = line.wait_for(|line| *line != Line::Stalled).await.map(|line| *line) else { return };
        if now == Line::Swallowed {
            if n == 0 {
                return std::future::pending().await;
            }
            continue;
        }
        if n == 0 {
            let _ = to.shutdown().await;
            return;
        }
        let bytes_per_s = pace.load(SeqCst);
        if bytes_per_s > 0 {
            tokio::time::sleep(Duration::from_secs(1) * n as u32 / bytes_per_s).await;
        }
        if to.write_all(&block[..n]).await.is_err() {
            return;
        }
    }
}
