//! Between a client and a simulator: offers and answers pass here, and lead both ends over a [`Shim`].

use crate::shim::{Road, Shim};
use parking_lot::Mutex;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What becomes of the answer to an offer: its head and its body, in place.
pub type Forge = Arc<dyn Fn(&mut String, &mut String) + Send + Sync>;

/// See the module.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    service: SocketAddr,
    road: Arc<Mutex<Road>>,
    seed: u64,
    forge: Option<Forge>,
    calls: Mutex<Vec<Arc<Shim>>>,
    requests: Mutex<Vec<String>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Relay {
    /// To the service whose base URL that is, over that road.
    pub async fn start(base_url: &str, road: Road, seed: u64) -> Self {
        Self::forging(base_url, road, seed, None).await
    }

    pub async fn forging(base_url: &str, road: Road, seed: u64, forge: Option<Forge>) -> Self {
        let place = base_url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let service = place.and_then(|place| place.parse().ok()).expect("an address of this machine with a port");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let road = Arc::new(Mutex::new(road));
        let (calls, requests) = Default::default();
        let shared = Arc::new(Shared { service, road, seed, forge, calls, requests });
        let server = tokio::spawn(serve(listener, shared.clone()));
        Self { address, shared, server }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The piece of network of each call so far.
    pub fn calls(&self) -> Vec<Arc<Shim>> {
        self.shared.calls.lock().clone()
    }

    /// The request lines so far.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().clone()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut exchanges = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { return };
                exchanges.spawn(exchange(socket, shared.clone()));
            }
            Some(_) = exchanges.join_next() => {}
        }
    }
}

async fn exchange(mut client: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let (head, body) = request(&mut client).await?;
    let line = head.lines().next()?.to_owned();
    shared.requests.lock().push(line.clone());
    let is_offer = line.contains("/realtime/calls ");
    let mut shim = None;
    let body = match candidate(&body).filter(|_| is_offer) {
        Some(place) => {
            let between = Arc::new(Shim::start(shared.road.clone(), shared.seed, place).await);
            shared.calls.lock().push(between.clone());
            let body = led(&body, between.for_service);
            shim = Some(between);
            body
        }
        None => body,
    };
    let mut service = TcpStream::connect(shared.service).await.ok()?;
    service.write_all(message(&head, &body).as_bytes()).await.ok()?;
    // It was asked to close.
    let mut answer = String::new();
    service.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let (mut head, mut body) = (head.to_owned(), body.to_owned());
    if let Some(shim) = shim {
        if let Some(place) = candidate(&body) {
            shim.answered(place);
            body = led(&body, shim.for_client);
        }
        if let Some(forge) = &shared.forge {
            forge(&mut head, &mut body);
        }
    }
    client.write_all(message(&head, &body).as_bytes()).await.ok()?;
    client.shutdown().await.ok()
}

async fn request(client: &mut TcpStream) -> Option<(String, String)> {
    let mut came = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n = client.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        came.extend_from_slice(&piece[..n]);
        let Some((head, body)) = str::from_utf8(&came).ok()?.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if body.len() >= length.sum() {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

/// With the right length of the body.
fn message(head: &str, body: &str) -> String {
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let head: String = kept.flat_map(|line| [line, "\r\n"]).collect();
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// The way over this machine's loopback, of those in a description.
fn candidate(sdp: &str) -> Option<SocketAddr> {
    sdp.lines().find_map(|line| {
        let words: Vec<&str> = line.trim().strip_prefix("a=candidate:")?.split(' ').collect();
        let [_, "1", "udp" | "UDP", _, "127.0.0.1", port, ..] = words[..] else { return None };
        Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
    })
}

/// The description with one way only: over the shim.
fn led(sdp: &str, via: SocketAddr) -> String {
    let mut led = String::new();
    let mut once = false;
    for line in sdp.split_inclusive('\n') {
        match line.starts_with("a=candidate:") {
            false => led += line,
            true if !once => {
                led += &format!("a=candidate:1 1 udp 2130706431 {} {} typ host\r\n", via.ip(), via.port());
                once = true;
            }
            true => {}
        }
    }
    led
}
