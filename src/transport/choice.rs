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

/// A call that was answered and has found no path for so long gets a WebSocket beside it (FAULTS row 16).
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

/// The call, or the WebSocket that is opened beside it when there is no path, or in its place. What loses the race is
/// dropped, which hangs up a call that was answered.
async fn first(
    mut call: Dialling,
    mut reached: watch::Receiver<Option<Stage>>,
    websocket: impl FnOnce(Fallback) -> Dialling,
) -> Result<Box<dyn Transport>> {
    let waited = async {
        // An error is a call that is over, which the other branch tells.
        let answered = reached.wait_for(|stage| *stage >= Some(Stage::Answered)).await.is_ok();
        let path = async { reached.wait_for(|stage| *stage >= Some(Stage::Path)).await.is_ok() };
        if !answered || tokio::time::timeout(PATIENCE, path).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    let over = tokio::select! {
        biased;
        over = &mut call => Some(over),
        () = waited => None,
    };
    let why = match over {
        Some(Ok(call)) => return Ok(call),
        Some(Err(error)) => match instead(&error) {
            Some(why) => why,
            None => return Err(error),
        },
        None => {
            tracing::debug!("no path for the call yet: a WebSocket is opened beside it");
            let mut beside = websocket(Fallback::NoPath);
            return tokio::select! {
                biased;
                over = &mut call => match over {
                    Ok(call) => Ok(call),
                    // Somebody in between is no reason to go another way.
                    Err(error) if instead(&error).is_none() => Err(error),
                    Err(_) => beside.await,
                },
                over = &mut beside => match over {
                    Ok(websocket) => Ok(websocket),
                    // The call may still come about.
                    Err(error) => call.await.map_err(|_| error),
                },
            };
        }
    };
    tracing::debug!(why = why.word(), "no call: a WebSocket is opened in its place");
    websocket(why).await
}

/// Whether a WebSocket may come about where a call failed like this. One that met somebody else than the service must not.
fn instead(error: &Error) -> Option<Fallback> {
    match error.code.as_ref() {
        "ice_failed" | "channel_failed" => Some(Fallback::NoPath),
        "not_found" | "handshake" => Some(Fallback::NoCalls),
        _ => None,
    }
}
