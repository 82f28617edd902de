//! The transport a configuration asks for: a WebSocket, a call, or whichever is ready first.

use super::{
    Dialer, Dialling, Transport,
    webrtc::{Stage, WebRtcDialer},
    websocket::{self, WebSocketDialer},
};
use crate::{
    config::{Config, Tls, TransportChoice},
    credential::Credential,
    error::{Error, Result},
    provider::DialRequest,
    session::Fallback,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A call that has found no path so long after its offer gets a WebSocket beside it (FAULTS row 16).
const PATIENCE: Duration = Duration::from_secs(2);

/// Dials as the request says.
pub(super) struct ChoiceDialer {
    calls: WebRtcDialer,
}

impl ChoiceDialer {
    /// For a client that is configured so.
    pub fn new(config: &Config) -> Self {
        Self { calls: WebRtcDialer::of(config) }
    }
}

impl Dialer for ChoiceDialer {
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling {
        match request.transport {
            TransportChoice::Websocket => WebSocketDialer.dial(request, credential, tls),
            TransportChoice::Webrtc => self.calls.dial(request, credential, tls),
            TransportChoice::Auto => {
                let (stage, reached) = watch::channel(None);
                let told = self.calls.on_stage.clone();
                let calls = WebRtcDialer {
                    on_stage: Some(Arc::new(move |reached| {
                        stage.send_replace(Some(reached));
                        if let Some(told) = &told {
                            told(reached);
                        }
                    })),
                    ..self.calls.clone()
                };
                let call = calls.dial(request.clone(), credential.clone(), tls);
                let tls = tls.clone();
                Box::pin(first(call, reached, move |why| websocket::instead(request, credential, tls, why)))
            }
        }
    }
}

/// The call, or the WebSocket that is opened beside it when there is no path in time, or in its place. What loses the race
/// is dropped, which hangs up a call that was answered.
///
/// Somebody at the end of a path who is not who the answer says is no reason to go another way: while that is open a
/// WebSocket that is ready waits.
async fn first(
    mut call: Dialling,
    mut reached: watch::Receiver<Option<Stage>>,
    websocket: impl FnOnce(Fallback) -> Dialling,
) -> Result<Box<dyn Transport>> {
    let mut stages = reached.clone();
    let no_path = async {
        // What ends before it made an offer, or without a path, is told by the call itself.
        if stages.wait_for(|stage| *stage >= Some(Stage::Offered)).await.is_err()
            || tokio::time::timeout(PATIENCE, stages.wait_for(|stage| *stage >= Some(Stage::Path))).await.is_ok()
        {
            std::future::pending::<()>().await;
        }
    };
    let over = tokio::select! {
        biased;
        over = &mut call => Some(over),
        () = no_path => None,
    };
    match over {
        Some(Ok(call)) => Ok(call),
        Some(Err(error)) => match instead(&error) {
            Some(why) => {
                tracing::debug!(why = why.word(), %error, "no call: a WebSocket is opened in its place");
                websocket(why).await
            }
            None => Err(error),
        },
        None => {
            tracing::debug!("no path for the call yet: a WebSocket is opened beside it");
            beside(call, &mut reached, websocket(Fallback::NoPath)).await
        }
    }
}

/// Whichever is ready first.
async fn beside(
    mut call: Dialling,
    reached: &mut watch::Receiver<Option<Stage>>,
    mut websocket: Dialling,
) -> Result<Box<dyn Transport>> {
    tokio::select! {
        biased;
        over = &mut call => match over {
            Err(error) if instead(&error).is_some() => websocket.await,
            over => over,
        },
        over = &mut websocket => {
            let found = reached.borrow().is_some_and(|stage| stage >= Stage::Path);
            match over {
                Ok(websocket) if !found => Ok(websocket),
                // The call may still come about.
                over => match call.await {
                    Err(error) if instead(&error).is_some() => over,
                    call => call,
                },
            }
        }
    }
}

/// Whether a WebSocket may come about where a call failed like this. One that met somebody else than the service must not.
fn instead(error: &Error) -> Option<Fallback> {
    match error.code.as_ref() {
        "timeout" | "ice_failed" | "channel_failed" => Some(Fallback::NoPath),
        "not_found" | "no_calls" | "invalid_answer" => Some(Fallback::NoCalls),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
