//! From a dial request to an open call.

use super::{
    WebRtc,
    call::{Caller, Proxy},
    nat64,
    peer::Peer,
};
use crate::{
    audio::opus::Opus,
    config::{Config, Tls},
    credential::Credential,
    error::Result,
    provider::DialRequest,
    transport::{Dialer, Dialling, Transport},
};
use serde_json::Value;
use std::{fmt, future::Future, sync::Arc};

/// How far a dial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// The service is connected to over HTTP, and the offer made.
    Offered,
    /// The service answered: a path for audio is looked for.
    Answered,
    /// There is a path.
    Path,
    /// The other end is who the answer says, and the data channel is open.
    Open,
}

/// Told each stage of a dial when it is reached, on the network thread.
pub type OnStage = Arc<dyn Fn(Stage) + Send + Sync>;

/// Dials calls over WebRTC. The request's URL is that of the WebSocket (`…/realtime`); calls are beside it.
///
/// A client secret (`ek_…`) posts the offer alone; any other credential posts it with the session.
#[derive(Clone, Default)]
pub struct WebRtcDialer {
    /// The application's own server instead of the service.
    pub proxy: Option<Proxy>,
    /// The session to ask for with the offer, where the form has a place for it; without one it is only the
    /// model of the request's URL.
    pub session: Option<Value>,
    /// Who is told how far a dial is.
    pub on_stage: Option<OnStage>,
}

impl fmt::Debug for WebRtcDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebRtcDialer").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl Dialer for WebRtcDialer {
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling {
        let (dialer, tls) = (self.clone(), tls.clone());
        Box::pin(async move {
            let call = dialer.call(&request, credential, tls).await?;
            Ok(Box::new(call) as Box<dyn Transport>)
        })
    }
}

impl WebRtcDialer {
    /// For clients that are configured so.
    pub fn of(config: &Config) -> Self {
        let proxy = config.sdp_proxy.as_ref().map(|proxy| Proxy {
            url: proxy.url.clone(),
            form: proxy.form,
            model: config.model.clone(),
            voice: config.voice.clone(),
            instructions: config.instructions.clone(),
            headers: Vec::new(),
        });
        Self { proxy, ..Self::default() }
    }

    async fn call(&self, request: &DialRequest, credential: Option<Credential>, tls: Tls) -> Result<WebRtc> {
        let stage = |stage| {
            if let Some(told) = &self.on_stage {
                told(stage);
            }
        };
        let caller = Caller::new(request, self.proxy.clone(), self.session.clone(), credential, tls)?;
        let codec = Opus::new()?;
        let (connection, at) = caller.connect().await?;
        let mut peer = Peer::new(at).await?;
        let offer = peer.offer().await?;
        stage(Stage::Offered);
        let answered = caller.offer(connection, &offer).await?;
        stage(Stage::Answered);
        let caller = Arc::new(caller);
        // A call that was answered is hung up also when nothing comes of it, or nobody waits for it any more.
        let line = Line::new(caller, answered.call_id);
        peer.connect(&nat64::reachable(&answered.sdp).await, || stage(Stage::Path)).await?;
        stage(Stage::Open);
        WebRtc::new(peer, Some(line), answered.negotiated, Box::new(codec))
    }
}

/// A call at the service, hung up once.
pub(super) struct Line {
    caller: Arc<Caller>,
    call_id: Option<String>,
    runtime: tokio::runtime::Handle,
}

impl Line {
    fn new(caller: Arc<Caller>, call_id: Option<String>) -> Self {
        Self { caller, call_id, runtime: tokio::runtime::Handle::current() }
    }

    /// Its name at the service.
    pub fn call_id(&self) -> Option<&str> {
        self.call_id.as_deref()
    }

    /// Hangs up, bounded in time.
    pub fn hang_up(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let (caller, id) = (self.caller.clone(), self.call_id.take());
        async move {
            if let Some(id) = id {
                caller.hang_up(&id).await;
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.call_id.is_some() {
            let hang_up = self.hang_up();
            self.runtime.spawn(hang_up);
        }
    }
}
