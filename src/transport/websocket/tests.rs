//! The WebSocket over an in-memory pipe, in virtual time.

use super::*;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_tungstenite::tungstenite::protocol::Role;

async fn pair(buffer: usize) -> (WebSocket, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(buffer);
    let wire: Box<dyn Wire> = Box::new(ours);
    let socket = WebSocketStream::from_raw_socket(SharedRead::new(wire), Role::Client, Some(socket_config())).await;
    (WebSocket::new(socket), theirs)
}

async fn closed(ws: &mut WebSocket) -> Closed {
    poll_fn(|cx| {
        let polled = ws.poll_inbound(cx, &mut |_| {});
        ws.poll_outbound(cx);
        polled
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_after_ten_seconds_and_given_up_after_fifteen() {
    let (mut ws, mut peer) = pair(4096).await;
    let start = Instant::now();
    let closed = closed(&mut ws).await;
    assert_eq!(start.elapsed().as_secs(), 15);
    assert_eq!(closed.error.unwrap().code, "silent");
    let mut frame = [0; 2];
    peer.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x89, 0x80], "a masked, empty ping");
}

#[tokio::test(start_paused = true)]
async fn any_inbound_byte_keeps_the_connection() {
    use tokio::io::AsyncWriteExt;
    let (mut ws, mut peer) = pair(4096).await;
    let start = Instant::now();
    let talk = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(14)).await;
            // An unmasked text frame from the server.
            peer.write_all(&[0x81, 0x02, b'{', b'}']).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = talk => unreachable!(),
        closed = closed(&mut ws) => assert_eq!(closed.error.unwrap().code, "silent"),
    }
    assert_eq!(start.elapsed().as_secs(), 3 * 14 + 15);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_takes_long_to_arrive_keeps_the_connection() {
    use tokio::io::AsyncWriteExt;
    let (mut ws, mut peer) = pair(4096).await;
    let start = Instant::now();
    let talk = async {
        // A text frame of 200 bytes, twenty bytes every five seconds.
        peer.write_all(&[0x81, 126, 0, 200]).await.unwrap();
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            peer.write_all(&[b' '; 20]).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = talk => unreachable!(),
        closed = closed(&mut ws) => assert_eq!(closed.error.unwrap().code, "silent"),
    }
    assert_eq!(start.elapsed().as_secs(), 50 + 15);
}

#[tokio::test]
async fn a_network_that_takes_nothing_loses_the_oldest_microphone_audio_and_no_control() {
    let (mut ws, mut peer) = pair(64).await;
    let frame = |i: usize| format!("{i:04}{}", "a".repeat(996));
    let flush = |ws: &mut WebSocket| {
        let waker = futures_util::task::noop_waker();
        ws.poll_outbound(&mut Context::from_waker(&waker));
    };
    ws.send("control".into(), false).unwrap();
    for i in 0..400 {
        ws.send(frame(i), true).unwrap();
        flush(&mut ws);
    }
    assert!(ws.dropped_audio() > 50, "{}", ws.dropped_audio());
    assert!(ws.audio_bytes <= MAX_AUDIO);
    // The newest is still there once the network moves again.
    let mut bytes = vec![0; 1 << 20];
    let mut got = Vec::new();
    // Unconstrained: the runtime's budget would let a flush by hand do nothing.
    tokio::task::unconstrained(async {
        while !ws.queue.is_empty() || ws.unflushed {
            flush(&mut ws);
            let n = peer.read(&mut bytes).await.unwrap();
            got.extend_from_slice(&bytes[..n]);
        }
    })
    .await;
    let whole = got.len() as u64 + ws.dropped_audio() * 1008;
    assert!(whole.abs_diff(400 * 1008) < 1008, "{} bytes came, {} frames were dropped", got.len(), ws.dropped_audio());
}

#[tokio::test]
async fn beyond_a_mebibyte_no_command_is_taken_and_what_follows_from_one_still_leaves() {
    let (mut ws, _peer) = pair(64).await;
    assert!(ws.has_room(3 << 20), "one frame always fits");
    ws.send("x".repeat(3 << 20), false).unwrap();
    assert!(!ws.has_room(1));
    ws.send("what follows".into(), false).unwrap();
    ws.send("x".repeat(6 << 20), false).unwrap();
    assert_eq!(ws.send("too much".into(), false).unwrap_err().code, "backpressure");
}
