//! A line between client and service that can be cut behind an event of the service.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Passes on what one side says to the other. The first connection ends without a word behind the event of this
/// number; later ones are good.
pub struct Line {
    address: std::net::SocketAddr,
    connections: Arc<AtomicUsize>,
    events: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Line {
    /// To an `http://HOST:PORT/v1`.
    pub async fn to(base_url: String, cut: Option<usize>) -> Self {
        let service = base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, events) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, seen) = (connections.clone(), events.clone());
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let first = count.fetch_add(1, Ordering::SeqCst) == 0;
                let service = TcpStream::connect(&service).await.unwrap();
                open.spawn(pass(client, service, cut.filter(|_| first), seen.clone()));
            }
        });
        Self { address, connections, events, task }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How often it was dialled.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Events of the service that passed.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, service: TcpStream, cut: Option<usize>, events: Arc<AtomicUsize>) {
    client.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_service, mut to_service) = service.into_split();
    let up = async { tokio::io::copy(&mut from_client, &mut to_service).await.map(drop) };
    let down = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(from_service.read_u8().await?);
        }
        to_client.write_all(&head).await?;
        let mut passed = 0;
        while cut != Some(passed) {
            let (text, frame) = frame(&mut from_service).await?;
            to_client.write_all(&frame).await?;
            passed += usize::from(text);
            events.fetch_add(usize::from(text), Ordering::SeqCst);
        }
        std::io::Result::Ok(())
    };
    // Whoever ends first, both halves are dropped with it: no close frame is seen by anybody.
    tokio::select! { _ = up => {} _ = down => {} }
}

/// One frame of the service as it is, and whether it is an event.
async fn frame(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<(bool, Vec<u8>)> {
    let mut bytes = vec![0; 2];
    from.read_exact(&mut bytes).await?;
    let extra = match bytes[1] & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut length = usize::from(bytes[1] & 0x7f);
    if extra > 0 {
        bytes.resize(2 + extra, 0);
        from.read_exact(&mut bytes[2..]).await?;
        length = bytes[2..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    }
    let at = bytes.len();
    bytes.resize(at + length, 0);
    from.read_exact(&mut bytes[at..]).await?;
    Ok((bytes[0] & 0x0f == 1, bytes))
}
