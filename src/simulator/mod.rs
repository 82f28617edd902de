//! The vendors, played from the server side over real sockets.
//!
//! A [`Simulator`] serves the OpenAI Realtime API on loopback: `GET /v1/realtime` (WebSocket),
//! `POST /v1/realtime/client_secrets` and, with the feature `webrtc`, `POST /v1/realtime/calls` (WebRTC).
//! Pages of every origin may call it, as they may the service, and `GET /` is a page to talk to it. It finds turns in the audio it receives, says what its
//! [`Scenario`] tells it, and refuses what the real service refuses, with the same codes. On the same port it speaks
//! Gemini Live (`/ws/google.ai.generativelanguage.…`, `/ws/google.cloud.aiplatform.…`, `POST /v1alpha/auth_tokens`) and
//! ElevenLabs Agents (`/v1/convai/conversation`, signed URLs, files). It shares
//! nothing with the client's codec or session, so that the two cannot share a bug.
//!
//! ```no_run
//! # async fn demo() -> duologue::Result<()> {
//! use duologue::simulator::{Scenario, Simulator};
//! let simulator = Simulator::builder().scenario(Scenario::bundled()).start().await?;
//! println!("connect to {} with any key", simulator.ws_url());
//! simulator.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! Any key is good, except an empty one, one that contains `invalid`, and an `ek_…` that was not
//! minted here.

mod breakage;
#[cfg(feature = "webrtc")]
mod call;
pub mod caller;
#[cfg(feature = "webrtc")]
mod calls;
mod clips;
mod connection;
mod conversation;
mod cors;
mod dialect;
mod elevenlabs;
mod events;
mod faults;
mod gemini;
mod guests;
mod handshake;
mod ids;
mod images;
mod journal;
mod journal_connections;
mod listening;
mod output_buffer;
mod peer;
mod plan;
mod responder;
mod samples;
pub mod scenario;
mod scenario_agent;
mod scenario_caller;
mod scenario_delivery;
mod scenario_fault_checks;
mod scenario_faults;
mod scenario_items;
mod script;
mod script_replay;
mod secrets;
mod server;
mod session_state;
mod tls;
mod tool_rules;
mod transcripts;
mod trouble;
mod vad;
mod validate;
mod validate_item;
mod wire;
mod xai;
mod xai_events;
mod xai_turns;

pub use dialect::Dialect;
pub use journal::Journal;
pub use journal_connections::{Connection, End, EndedBy, ToolResult};
pub use samples::sample_server_events;
pub use scenario::{CallerStep, Fault, Scenario};

use crate::error::{Error, ErrorClass, Result};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::AtomicU64},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A running simulator. Dropping it ends every connection at once; [`Simulator::shutdown`] says
/// goodbye first.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    ca_pem: Option<String>,
    dialect: Dialect,
    journal: Journal,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Simulator {
    /// A simulator with the bundled scenario on a free port of 127.0.0.1, without TLS.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario: None,
            faults: Vec::new(),
            dialect: Dialect::default(),
            any_model: false,
            tls: false,
        }
    }

    /// `http://127.0.0.1:PORT/v1`, or https with TLS; Azure's begins with `/openai`.
    pub fn base_url(&self) -> String {
        format!("http{}://{}{}/v1", self.secure(), self.address, self.dialect.prefix())
    }

    /// `ws://127.0.0.1:PORT/v1/realtime`, or wss with TLS. Append `?model=…`.
    pub fn ws_url(&self) -> String {
        format!("ws{}://{}{}/v1/realtime", self.secure(), self.address, self.dialect.prefix())
    }

    /// `http://127.0.0.1:PORT`, or https with TLS: the base URL for clients of Gemini Live.
    pub fn gemini_url(&self) -> String {
        format!("http{}://{}", self.secure(), self.address)
    }

    /// The same for clients of ElevenLabs.
    pub fn elevenlabs_url(&self) -> String {
        self.gemini_url()
    }

    /// `ws://127.0.0.1:PORT/v1/convai/conversation`, or wss with TLS: a conversation with an agent of ElevenLabs. Append
    /// `?agent_id=…`; any id is good, except one that contains `unknown`.
    pub fn conversation_url(&self) -> String {
        format!("ws{}://{}/v1/convai/conversation", self.secure(), self.address)
    }

    /// The base URL for clients of this provider.
    pub fn url_of(&self, provider: &str) -> String {
        match provider {
            "gemini" => self.gemini_url(),
            "elevenlabs" => self.elevenlabs_url(),
            _ => self.base_url(),
        }
    }

    fn secure(&self) -> &'static str {
        if self.ca_pem.is_some() { "s" } else { "" }
    }

    /// With TLS: the authority that clients must trust, as PEM.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What happened so far. The handle stays good after the simulator is gone.
    pub fn journal(&self) -> Journal {
        self.journal.clone()
    }

    /// Closes every connection with code 1001 and waits until all are gone (at most about 2 s).
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let _ = (&mut self.server).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Settings of a [`Simulator`] to be.
#[derive(Debug, Clone)]
pub struct SimulatorBuilder {
    listen: SocketAddr,
    scenario: Option<Scenario>,
    faults: Vec<Fault>,
    dialect: Dialect,
    any_model: bool,
    tls: bool,
}

impl SimulatorBuilder {
    /// Where to listen; loopback only. Port 0 is any free port. Default `127.0.0.1:0`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// What is said. Default [`Scenario::bundled`].
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = Some(scenario);
        self
    }

    /// What goes wrong, beside the faults of the scenario.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Whose form of the protocol is spoken. Default [`Dialect::OpenAi`].
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Whether models outside the catalogue are accepted. Default false: 404 `model_not_found`.
    pub fn any_model(mut self, any: bool) -> Self {
        self.any_model = any;
        self
    }

    /// Whether to speak TLS with a certificate made on the spot. Default false.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Binds and serves on the current tokio runtime.
    ///
    /// Fails with class `argument` for an address that is not loopback, with class `network` when the port is
    /// taken, and with class `config` for a fault that makes no sense.
    pub async fn start(mut self) -> Result<Simulator> {
        if !self.listen.ip().is_loopback() {
            let message = format!("the simulator listens on loopback only, not on {}", self.listen);
            return Err(Error::new(ErrorClass::Argument, "not_loopback", message)
                .field("listen")
                .fix("use 127.0.0.1 or ::1: anybody who can reach it may use it"));
        }
        let mut scenario = self.scenario.take().unwrap_or_else(Scenario::bundled);
        scenario.faults.append(&mut self.faults);
        scenario_fault_checks::check(&scenario.faults)?;
        let scenario = Arc::new(scenario);
        let tls = if self.tls { Some(tls::make()?) } else { None };
        let failed = |e: std::io::Error| {
            Error::new(ErrorClass::Network, "listen_failed", format!("cannot listen on {}: {e}", self.listen))
                .fix("choose a free port, or port 0 for any")
        };
        let listener = TcpListener::bind(self.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let journal = Journal::new();
        let (stop, stopped) = watch::channel(false);
        let shared = server::Shared {
            faults: faults::Desk::new(scenario.clone(), journal.clone()),
            scenario,
            dialect: self.dialect,
            any_model: self.any_model,
            journal: journal.clone(),
            secrets: secrets::Secrets::default(),
            gemini: Arc::default(),
            elevenlabs: Arc::default(),
            secure: self.tls,
            connections: AtomicU64::new(0),
            #[cfg(feature = "webrtc")]
            calls: calls::Calls::new(stopped.clone()),
        };
        let (acceptor, ca_pem) = tls.map_or((None, None), |tls| (Some(tls.acceptor), Some(tls.ca_pem)));
        let server = tokio::spawn(server::run(listener, acceptor, Arc::new(shared), stopped));
        Ok(Simulator { address, ca_pem, dialect: self.dialect, journal, stop, server })
    }
}

#[cfg(test)]
mod tests;
