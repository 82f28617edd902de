//! One call over WebRTC: events over its data channel, sound both ways, and the clock in between.

use super::{
    connection::{Ended, Session, stopped},
    faults::Out,
};
use crate::{
    provider::Frame,
    transport::{Closed, MEDIA_RATE, Transport, webrtc::Offered},
};
use std::{
    future::poll_fn,
    net::UdpSocket,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Message;

/// What was queued may take so long to leave, and the other end so long to hear that it is over.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// What came in one look.
#[derive(Default)]
struct Came {
    events: Vec<Option<String>>,
    sound: Vec<i16>,
    over: Option<Closed>,
}

/// Serves a call until the caller leaves, somebody hangs up, the session ends, or `stop` turns true.
pub(super) async fn run(
    offered: Offered,
    mut session: Session,
    mut hung_up: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let opened = tokio::select! {
        opened = offered.open() => opened,
        () = stopped(&mut stop) => return session.journal.ended(session.number, &Ended::Lost),
    };
    let mut call = match opened {
        Ok(call) => call,
        Err(error) => {
            tracing::debug!(code = %error.code, "nobody came to a call that was answered");
            return session.journal.ended(session.number, &Ended::Lost);
        }
    };
    let ended = serve(&mut *call, &mut session, &mut hung_up, &mut stop).await;
    session.journal.ended(session.number, &ended);
    match ended {
        Ended::Closed(code, _) => close(&mut *call, code).await,
        // Of a call that hangs in the air the caller hears no more; the path itself stays.
        Ended::HalfOpen => stopped(&mut stop).await,
        _ => {}
    }
}

/// A call that was answered and nobody can come to. Over when the caller hangs up, or `stop` turns true.
pub(super) async fn without_path(
    hole: UdpSocket,
    session: Session,
    mut hung_up: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let ended = tokio::select! {
        () = stopped(&mut hung_up) => Ended::Left(None, "hung up".to_owned()),
        () = stopped(&mut stop) => Ended::Lost,
    };
    drop(hole);
    session.journal.ended(session.number, &ended);
}

async fn serve(
    call: &mut dyn Transport,
    session: &mut Session,
    hung_up: &mut watch::Receiver<bool>,
    stop: &mut watch::Receiver<bool>,
) -> Ended {
    let Session { peer, line, .. } = session;
    peer.is_call();
    let echo = peer.echoes();
    loop {
        while let Some(event) = peer.next_event() {
            line.pass(event);
        }
        while let Some(out) = line.next(Instant::now()) {
            match out {
                Out::Frame(Message::Text(text), _) => {
                    if let Err(error) = call.send(text.to_string(), false) {
                        tracing::debug!(code = %error.code, "an event did not leave");
                    }
                }
                // There are no other messages on this way.
                Out::Frame(..) => {}
                Out::Stall(length) => sleep(length).await,
                Out::End(ended) => return ended,
            }
        }
        while let Some(frame) = peer.next_sound() {
            call.send_media(&frame, MEDIA_RATE);
        }
        if let Some((code, reason)) = peer.closing().filter(|_| line.is_empty()) {
            return Ended::Closed(code, reason.to_owned());
        }
        let deadline = peer.deadline().into_iter().chain(line.deadline()).min();
        tokio::select! {
            came = poll_fn(|cx| look(call, cx)) => {
                let now = Instant::now();
                for event in came.events {
                    match event {
                        Some(text) => {
                            if let Some(kind) = peer.on_text(&text, now) {
                                line.received(&kind);
                            }
                        }
                        None => peer.on_binary(0),
                    }
                }
                match echo {
                    true => call.send_media(&came.sound, MEDIA_RATE),
                    false => peer.listen(&came.sound, now),
                }
                if let Some(closed) = came.over {
                    return if closed.error.is_some() { Ended::Lost } else { Ended::Left(None, closed.reason) };
                }
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                let now = Instant::now();
                line.on_time(now);
                peer.on_time(now);
            }
            () = stopped(hung_up) => return Ended::Left(None, "hung up".to_owned()),
            () = stopped(stop) => return Ended::Closed(1001, "the simulator is shutting down".to_owned()),
        }
    }
}

/// Ready when something came.
fn look(call: &mut dyn Transport, cx: &mut Context<'_>) -> Poll<Came> {
    let mut came = Came::default();
    let events = &mut came.events;
    let inbound = call.poll_inbound(cx, &mut |frame| match frame {
        Frame::Text(text) => events.push(Some(text.into_owned())),
        Frame::Binary(_) => events.push(None),
    });
    if let Poll::Ready(closed) = inbound {
        came.over = Some(closed);
    } else {
        let sound = &mut came.sound;
        call.poll_media(cx, &mut |pcm| sound.extend_from_slice(pcm));
        call.poll_outbound(cx);
    }
    let nothing = came.events.is_empty() && came.sound.is_empty() && came.over.is_none();
    if nothing { Poll::Pending } else { Poll::Ready(came) }
}

async fn close(call: &mut dyn Transport, code: u16) {
    call.close(code);
    let over = poll_fn(|cx| {
        call.poll_outbound(cx);
        call.poll_inbound(cx, &mut |_| {}).map(drop)
    });
    let _ = timeout(CLOSE_TIME, over).await;
}
