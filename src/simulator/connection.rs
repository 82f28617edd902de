//! One WebSocket: frames to the [`Peer`], its events to the wire, and the clock in between.

use super::peer::Peer;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Largest frame and message.
const LARGEST: usize = 16 << 20;
/// A client that reads nothing for this long is gone.
const WRITE_TIME: Duration = Duration::from_secs(30);
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// Serves a session until the client leaves, the session ends, or `stop` turns true.
pub(super) async fn run<S>(stream: S, mut peer: Peer, stop: &mut watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    loop {
        tokio::select! {
            biased;
            sent = send_all(&mut socket, &mut peer) => if !sent {
                return;
            },
            () = stopped(stop) => return close(socket, 1001, "the simulator is shutting down").await,
        }
        if let Some((code, reason)) = peer.closing() {
            return close(socket, code, reason).await;
        }
        let deadline = peer.deadline();
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => peer.on_text(&text, Instant::now()),
                Some(Ok(Message::Binary(bytes))) => peer.on_binary(bytes.len()),
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_))) => {}
                Some(Err(Error::Capacity(_))) => return close(socket, 1009, "message too big").await,
                Some(Err(Error::Utf8(_))) => return close(socket, 1007, "not UTF-8").await,
                Some(Err(e)) => {
                    tracing::debug!("WebSocket ended: {e}");
                    return;
                }
                None => return,
            },
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                peer.on_time(Instant::now());
            }
            () = stopped(stop) => return close(socket, 1001, "the simulator is shutting down").await,
        }
    }
}

/// Waits until the simulator stops or is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Sends what is waiting; false when the client is gone.
async fn send_all<S>(socket: &mut WebSocketStream<S>, peer: &mut Peer) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(text) = peer.next_event() {
        match timeout(WRITE_TIME, socket.send(Message::text(text))).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => {
                tracing::debug!("WebSocket write failed: {e}");
                return false;
            }
            Err(_) => return false,
        }
    }
    true
}

/// Says why, then waits a moment for the client's own close.
async fn close<S>(mut socket: WebSocketStream<S>, code: u16, reason: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() };
    let goodbye = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(CLOSE_TIME, goodbye).await;
}
