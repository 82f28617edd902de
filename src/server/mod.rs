//! The server side of an application: it makes the calls of its users, and the vendor's key stays on it.
//!
//! A browser or an app posts the offer of a WebRTC call to this server instead of to the vendor. The server looks
//! who it is, sets the session (instructions, tools, and of model and voice what the caller chose among those that
//! are offered), makes the call with its own key, and gives back the answer. Media and events then go directly
//! between the caller and the vendor.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /calls` | makes a call: `application/sdp`, a form with `sdp` and `session`, or JSON with `sdp` (base64), `model`, `voice` and `instructions`; answers 201 with the SDP answer and the `Location` of the call |
//! | `POST /calls/{id}/hangup` | ends a call that the same user made |
//! | `POST /client_secrets` | mints a short-lived key, where that is [switched on](ServerBuilder::client_secrets) |
//! | `GET /healthz` | says that the server is there, and whether it is enabled |
//!
//! Errors have the vendor's shape: `{"error": {"message", "type", "param", "code"}}`.
//!
//! ```no_run
//! # async fn demo() -> duologue::Result<()> {
//! use duologue::{Config, Credential, server::{Denied, Server}};
//! # async fn user_of(cookie: Option<String>) -> Option<String> { cookie }
//! let server = Server::builder()
//!     .session(Config::from_json(r#"{ "voice": "marin", "instructions": "You are the guide of a museum." }"#)?)
//!     .voices(["cedar"])
//!     .key(Credential::new(std::env::var("OPENAI_API_KEY").unwrap_or_default())?)
//!     .origins(["https://app.example"])
//!     .authenticate(|headers| async move {
//!         let cookie = headers.get("cookie").and_then(|v| v.to_str().ok()).map(str::to_owned);
//!         user_of(cookie).await.ok_or(Denied::Unknown)
//!     })
//!     .build()?;
//! // In an application of one's own: axum::Router::new().nest("/voice", server.router())
//! let serving = server.serve("127.0.0.1:8787".parse().unwrap()).await?;
//! println!("post offers to {}/calls", serving.url());
//! # serving.shutdown().await; Ok(()) }
//! ```
//!
//! What the session fixes is fixed for the request. The vendor lets whoever holds a call change its instructions,
//! tools and voice by `session.update` on its data channel, and whoever holds a client secret the model too: the
//! server guards the key, the account and who may call, and is no guard of what is said in a call.
//!
//! Of providers that answer no calls (`gemini`, `xai`, `azure`) it mints client secrets only, as [`crate::mint`] does.

mod builder;
mod checks;
mod gate;
mod limits;
mod listen;
mod offer;
mod policy;
mod refusal;
mod routes;
mod upstream;

pub use builder::ServerBuilder;
pub use gate::Denied;
pub use listen::Serving;

use crate::error::Result;
use gate::Gate;
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

/// A server that is ready to be mounted or to listen. Clones are the same server: they share its limits.
#[derive(Clone)]
pub struct Server {
    gate: Arc<Gate>,
}

impl Server {
    /// See [`ServerBuilder`] for what can be set and what must be.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The endpoints, to be nested in an application of one's own.
    ///
    /// The application must serve with `into_make_service_with_connect_info::<SocketAddr>()`: without the address
    /// of the peer all callers count as one, and without authentication nobody is let in. TLS is the
    /// application's business there, and so is a bound on connections.
    pub fn router(&self) -> axum::Router {
        routes::nested(self.gate.clone())
    }

    /// Listens on `address` and serves on the current tokio runtime.
    ///
    /// # Errors
    /// `not_loopback` (class `argument`) for an address that others can reach, without authentication, or
    /// without TLS in front ([`ServerBuilder::behind_tls`]); `listen_failed` (class `network`).
    pub async fn serve(&self, address: SocketAddr) -> Result<Serving> {
        listen::serve(self.gate.clone(), address).await
    }

    /// Lets callers in, or nobody (503). Calls that are under way go on; they can be hung up.
    pub fn set_enabled(&self, enabled: bool) {
        self.gate.enabled.store(enabled, Ordering::Relaxed);
    }

    /// Whether callers are let in.
    pub fn is_enabled(&self) -> bool {
        self.gate.enabled.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("enabled", &self.is_enabled()).finish_non_exhaustive()
    }
}
