//! The public client: a reusable voice session, with commands from any thread and an event stream.
//!
//! ```no_run
//! # async fn example() -> duologue::Result<()> {
//! use duologue::{Client, Config, Credential, event::EventKind};
//!
//! let client = Client::builder()
//!     .config(Config { instructions: Some("Be brief.".into()), ..Config::default() })
//!     .credential(Credential::new(std::env::var("OPENAI_API_KEY").unwrap_or_default())?)
//!     .connect()
//!     .await?;
//! let mut events = client.events();
//! client.send_text("Hello!").await?;
//! while let Some(event) = events.next().await {
//!     if let EventKind::Transcript(words) = &event.kind {
//!         println!("{}", words.text);
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Every command returns an [`Op`] at once. Awaiting it gives the outcome; dropping it lets the
//! command run and only forgets the answer. The same outcome comes as a `completed` event. Only what
//! never gets to the engine has no event: a command given when 256 are waiting, or after the end.

mod analyser;
mod audio_path;
mod availability;
mod clock_tap;
mod commands;
mod core;
mod credentials;
mod device;
mod dispatch;
mod driver;
mod engine;
mod host_audio;
mod listen;
mod loudness;
mod microphone;
mod op;
mod pull;
mod queue;
mod runtime;
mod shared;
mod state;
mod status;
mod wall_clock;

pub use crate::audio::spectrum::AnalyserOptions;
pub use analyser::{Analyser, Levels};
pub use availability::Availability;
pub use core::AudioChunk;
pub use credentials::CredentialRequest;
#[cfg(feature = "capi")]
pub(crate) use dispatch::release;
pub use dispatch::{Listener, Slot, in_callback};
pub use engine::{Engine, EngineBuilder};
pub use op::{Op, Ping};
pub use queue::{EventQueue, EventStream};
pub(crate) use runtime::shared as runtime;
pub use shared::Stats;
pub use state::State;

use crate::{
    audio::device::AudioBackend,
    capabilities::Capabilities,
    config::{AudioDelivery, AudioSource, Config, Delivery},
    credential::Credential,
    error::{Error, ErrorClass, Result},
    event::{EventMask, Mode, Status},
    message::Message,
    provider::{checked_codec, settle},
    session::{Command, Session, log::LogWriter},
    transport::{Dialer, default_dialer},
};
use audio_path::AudioPath;
use core::{AudioSink, Parts};
use credentials::{Asker, Credentials};
use dispatch::ClientLane;
use driver::Driver;
use futures_util::task::AtomicWaker;
use queue::Queue;
use shared::{Audience, Shared};
use std::{future::Future, io::Write, sync::Arc};
use tokio::runtime::Handle;

/// Makes a [`Client`].
#[derive(Default)]
#[must_use = "nothing happens before build or connect"]
pub struct ClientBuilder {
    config: Arc<Config>,
    overrides: Option<serde_json::Value>,
    credential: Option<Credential>,
    asker: Option<Asker>,
    runtime: Option<Handle>,
    engine: Option<Engine>,
    dialer: Option<Arc<dyn Dialer>>,
    backend: Option<Box<dyn AudioBackend>>,
    sink: Option<AudioSink>,
    log: Option<Box<dyn Write + Send>>,
    seed: Option<u32>,
}

impl ClientBuilder {
    /// What the session shall be. May be shared by many clients.
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// What this client has otherwise than the configuration: a JSON merge patch of the document.
    pub fn overrides(mut self, overrides: serde_json::Value) -> Self {
        self.overrides = Some(overrides);
        self
    }

    /// The secret for the provider. It is never part of the configuration.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Asks `ask` for a credential at each dial, and ahead of expiry where the configuration says so: the
    /// configuration's `credentials.source` becomes `asked`, and each `credential_needed` event is answered
    /// with what the future gives, on the client's runtime. An error or a panic refuses. The future is dropped
    /// when its request is stale or the client gone. A client captured by `ask` is never gone by itself.
    pub fn credential_with<F, Answer>(mut self, ask: F) -> Self
    where
        F: Fn(CredentialRequest) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Credential>> + Send + 'static,
    {
        self.asker = Some(Arc::new(move |request| Box::pin(ask(request))));
        self
    }

    /// Runs the client on this runtime (it needs the time and I/O drivers) instead of duologue's own.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Calls listeners on the threads of this engine instead of [`Engine::shared`].
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Opens connections in another way than the build's own. What the configuration says of the transport is in the
    /// request, for the dialer to follow as far as it can.
    pub fn dialer(mut self, dialer: Arc<dyn Dialer>) -> Self {
        self.dialer = Some(dialer);
        self
    }

    /// Where audio comes from and goes to when the configuration says `device`.
    pub fn audio_backend(mut self, backend: Box<dyn AudioBackend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Gives assistant audio straight to `sink`, on the engine's thread, instead of `audio` events:
    /// for hosts that want no hop. The sink must not block; if it panics the session ends. Played
    /// positions are counted in real time from the delivery, unless the host reports them.
    pub fn audio_sink(mut self, sink: impl FnMut(AudioChunk<'_>) + Send + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Writes the input log (see [`crate::session::log`]). It holds what was said: voice and text.
    pub fn input_log(mut self, log: impl Write + Send + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Seed of the ids of items and events; by default a new one a client. For tests.
    pub fn seed(mut self, seed: u32) -> Self {
        self.seed = Some(seed);
        self
    }

    /// A client that is not connected yet.
    ///
    /// # Errors
    /// Class `config` or `unsupported`, naming the field and the fix; `internal` without threads.
    pub fn build(self) -> Result<Client> {
        let config = match self.overrides {
            Some(overrides) => Arc::new(self.config.with(overrides)?),
            None => self.config,
        };
        config.validate()?;
        let (mut config, warnings) = settle(config)?;
        let credentials = Credentials::new(&mut config, self.asker);
        let codec = checked_codec(&config)?;
        if let Some(credential) = self.credential {
            credentials.give(credential)?;
        }
        if self.sink.is_some() && config.audio.output.source != AudioSource::Host {
            return Err(Error::new(
                ErrorClass::Config,
                "unused_audio_sink",
                "a sink was given and the host has no audio",
            )
            .field("audio.output.source")
            .fix("set it to host, or give no sink"));
        }
        if self.sink.is_some() && config.audio.output.delivery == AudioDelivery::Pull {
            let message = "a sink was given and the host pulls its audio";
            return Err(Error::new(ErrorClass::Config, "unused_audio_sink", message)
                .field("audio.output.delivery")
                .fix("set it to events, or give no sink"));
        }
        let capabilities = Arc::new(codec.capabilities().clone());
        let waker = Arc::new(AtomicWaker::new());
        let (audio, host_audio) = AudioPath::new(&config, &capabilities, self.backend, &waker)?;
        let seed = self.seed.unwrap_or_else(new_seed);
        let log = self.log.map(|out| LogWriter::new(out, &config, seed)).transpose()?;
        let session = Session::new(config.clone(), codec, seed);
        let audience = match config.delivery {
            Delivery::Callbacks => {
                let engine = self.engine.unwrap_or_else(Engine::shared);
                Audience::Callbacks(ClientLane::new(engine.threads(), waker.clone()))
            }
            Delivery::Queue => Audience::Queue(Arc::new(Queue::for_thread(EventMask::ALL))),
        };
        let shared = Arc::new(Shared::new(waker, credentials, host_audio, audience));
        let runtime = self.runtime.map_or_else(runtime::shared, Ok)?;
        let dialer = self.dialer.or_else(|| default_dialer(&config));
        let dials = dialer.is_some();
        let parts = Parts {
            config: config.clone(),
            session,
            shared: shared.clone(),
            audio,
            sink: self.sink,
            log,
            dialer,
            warnings,
        };
        {
            // Timers of the driver belong to its runtime.
            let _guard = runtime.enter();
            runtime.spawn(Driver::new(parts));
        }
        Ok(Client { inner: Arc::new(Inner { shared, config, capabilities, dials }) })
    }

    /// A connected client. A missing credential is an error here.
    ///
    /// # Errors
    /// As [`Self::build`] and [`Client::connect`].
    pub async fn connect(self) -> Result<Client> {
        let client = self.build()?;
        client.connect().await?;
        Ok(client)
    }
}

/// Ids need to differ among clients, not to be secret: the hasher's keys are random per process and
/// the counter differs per client.
fn new_seed() -> u32 {
    use std::{
        hash::{BuildHasher, RandomState},
        sync::atomic::{AtomicU32, Ordering},
    };
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let hash = RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
    (hash >> 32) as u32 ^ hash as u32
}

struct Inner {
    shared: Arc<Shared>,
    config: Arc<Config>,
    capabilities: Arc<Capabilities>,
    /// There is something to dial with.
    dials: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

/// A handle of a voice session. Clones share it; when the last is dropped the session disconnects
/// and everything it holds is released.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("capabilities", &self.inner.capabilities).finish_non_exhaustive()
    }
}

impl Client {
    /// Starts a builder with the default configuration.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Events from now on: to see connecting too, call this between [`ClientBuilder::build`] and
    /// [`Client::connect`]. A stream goes on over disconnects and errors (a client may connect again)
    /// and ends with the client. Several streams are independent; each is bounded: read it, or drop it.
    pub fn events(&self) -> EventStream {
        EventStream { queue: self.inner.shared.subscribe(Queue::for_stream()) }
    }

    /// A snapshot: connection, speakers, conversation.
    pub fn state(&self) -> State {
        self.inner.shared.state()
    }

    /// The connection, as [`Self::state`] has it, without copying the conversation.
    pub fn status(&self) -> Status {
        self.inner.shared.read(|state| state.status.clone())
    }

    /// One word for a user interface, as [`Self::state`] has it.
    pub fn mode(&self) -> Mode {
        self.inner.shared.read(|state| state.mode)
    }

    /// The conversation in order.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages
    }

    /// Counters. What the driver has not come round to yet is missing.
    pub fn stats(&self) -> Stats {
        *self.inner.shared.stats.lock()
    }

    /// The configuration it was made with; changes of a session ([`Client::update_session`]) are not in it.
    pub fn config(&self) -> &Arc<Config> {
        &self.inner.config
    }

    /// What the provider and model can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.inner.capabilities
    }

    /// Replaces the credential for the next dial.
    ///
    /// # Errors
    /// `credential_asked` (class `state`) where the configuration says that it is asked for;
    /// `ephemeral_only`, `model_mismatch`, `bad_endpoint` (class `credential`) or `credential_kind` (class
    /// `unsupported`) for one that can never be used. The one before stays then.
    pub fn set_credential(&self, credential: Credential) -> Result<()> {
        self.inner.shared.credentials.give(credential)
    }

    /// Answers a `credential_needed` event, or says why there is none: then the connect fails, or, when it was
    /// asked for ahead, the call goes on. Each request takes one answer.
    ///
    /// # Errors
    /// `stale_request` (class `state`): unknown, answered already, past its deadline, or its run is over.
    /// `expired_key`, and those of [`Self::set_credential`]: the request stays open for a better one.
    pub fn answer_credential(&self, request_id: u64, answer: Result<Credential>) -> Result<()> {
        self.inner.shared.answer_credential(request_id, answer)
    }

    fn command(&self, command: Command) -> Op {
        self.inner.shared.command(command)
    }

    /// Dials, configures, and completes when the vendor has confirmed. Bounded to 30 s, after the time a
    /// credential takes that is asked for.
    /// A second call while connecting or connected is refused with `already_connected`; one while a
    /// disconnect is under way waits for its end.
    pub fn connect(&self) -> Op {
        self.command(Command::Connect)
    }

    /// Ends the run, also while connecting. Completes when idle; doing it twice is no error.
    pub fn disconnect(&self) -> Op {
        self.command(Command::Disconnect)
    }

    /// Ends the client for all its handles and waits until everything is released: the connection
    /// is closed, the audio device too, files are complete.
    pub async fn shutdown(self) {
        let over = self.inner.shared.over.notified();
        tokio::pin!(over);
        // Registered before looking, or the end could be missed.
        over.as_mut().enable();
        self.inner.shared.leave();
        if !self.inner.shared.has_ended() {
            over.await;
        }
    }
}
