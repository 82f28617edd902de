//! The secrets of one client: what was given or answered, until it is dialled with. They never reach the
//! session, which only learns that there is one and how long it lives.

use super::{dispatch::guarded, shared::Shared};
use crate::{
    config::{Config, CredentialSource},
    credential::{Credential, CredentialKind},
    error::{Error, ErrorClass, Result, redact},
    event::CredentialNeeded,
    provider::{self, DialRequest},
    session::credentials::{CredentialAnswer, CredentialWish},
};
use parking_lot::Mutex;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{runtime::Handle, task::AbortHandle, time::Instant};

/// What a credential is needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialRequest {
    /// Number of the `credential_needed` event.
    pub request_id: u64,
    /// `connect`: for a dial. `rejected`: the service refused the last one. `refresh`: it expires soon.
    pub reason: String,
    /// How long the answer may take; after that the future is dropped.
    pub time_left: Duration,
    /// The configured provider.
    pub provider: String,
    /// The configured model; a credential for another one is refused.
    pub model: Option<String>,
}

/// A boxed answer.
type Answering = Pin<Box<dyn Future<Output = Result<Credential>> + Send>>;
/// A host's function that answers requests.
pub(super) type Asker = Arc<dyn Fn(CredentialRequest) -> Answering + Send + Sync>;

/// See the module.
pub(super) struct Credentials {
    config: Arc<Config>,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// For the next dial.
    credential: Option<Credential>,
    /// The request that may be answered.
    open: Option<(u64, Instant)>,
    /// An answer the driver has not come round to yet.
    answer: Option<Result<Credential>>,
    asker: Option<Asker>,
    /// The host's function at work.
    asking: Option<AbortHandle>,
}

impl Credentials {
    /// Nothing yet. A function that answers makes the configuration say that it is asked.
    pub fn new(config: &mut Arc<Config>, asker: Option<Asker>) -> Self {
        if asker.is_some() && config.credentials.source != CredentialSource::Asked {
            Arc::make_mut(config).credentials.source = CredentialSource::Asked;
        }
        Self { config: config.clone(), slot: Mutex::new(Slot { asker, ..Slot::default() }) }
    }

    fn is_asked(&self) -> bool {
        self.config.credentials.source == CredentialSource::Asked
    }

    /// Replaces what the next dial uses.
    pub fn give(&self, credential: Credential) -> Result<()> {
        if self.is_asked() {
            let message = "credentials are asked for, so one that is given would never be used";
            return Err(Error::new(ErrorClass::State, "credential_asked", message)
                .field("credentials.source")
                .fix("answer credential_needed, or set credentials.source to given"));
        }
        self.check(&credential)?;
        let before = self.slot.lock().credential.replace(credential);
        drop(before);
        Ok(())
    }

    /// What is wrong with a credential whatever the time.
    fn check(&self, credential: &Credential) -> Result<()> {
        let (kind, endpoint) = (credential.kind(), credential.expose_endpoint());
        let long_lived =
            matches!(kind, CredentialKind::ApiKey | CredentialKind::Bearer) || is_account_key(credential.expose());
        if self.config.credentials.ephemeral_only && long_lived {
            let message = "a long-lived secret was given, and credentials.ephemeral_only refuses those";
            return Err(Error::new(ErrorClass::Credential, "ephemeral_only", message)
                .field("credential.kind")
                .fix("mint a client secret (ek_…) on your own server and give that"));
        }
        provider::dial_with(&self.config, kind, endpoint, credential.model()).map(drop)
    }

    /// Why there is nothing to dial with.
    pub fn missing(&self) -> Option<Error> {
        if self.is_asked() {
            return None;
        }
        match &self.slot.lock().credential {
            Some(credential) => expired(credential),
            // An application's own server may know its user in another way.
            None if self.config.sdp_proxy.is_some() => None,
            None if !provider::needs_key(&self.config.provider) => None,
            None => {
                let error = Error::new(ErrorClass::Credential, "missing_key", "there is no credential");
                Some(error.fix("give one first: set_credential"))
            }
        }
    }

    /// What to dial, and with what. One that was asked for is used once.
    pub fn for_dial(&self, request: DialRequest) -> Result<(DialRequest, Option<Credential>)> {
        let credential = {
            let mut slot = self.slot.lock();
            if self.is_asked() { slot.credential.take() } else { slot.credential.clone() }
        };
        let Some(credential) = credential else { return Ok((request, None)) };
        if let Some(error) = expired(&credential) {
            return Err(error);
        }
        let request = match (credential.expose_endpoint(), credential.model()) {
            // A short-lived secret may be good at another door than a key.
            (None, None) if credential.kind() != CredentialKind::Ephemeral => request,
            (endpoint, model) => DialRequest {
                transport: request.transport,
                ..provider::dial_with(&self.config, credential.kind(), endpoint, model)?
            },
        };
        Ok((request, Some(credential)))
    }

    /// Follows the session: which request is open, and whether a credential still has a use.
    pub fn follow(&self, wish: CredentialWish, origin: Instant) {
        let asking = {
            let mut slot = self.slot.lock();
            if self.is_asked() && !wish.keep {
                slot.credential = None;
            }
            if slot.open.map(|(id, _)| id) == wish.request.map(|(id, _)| id) {
                return;
            }
            slot.open = wish.request.map(|(id, by)| (id, origin + Duration::from_micros(by.0)));
            slot.answer = None;
            slot.asking.take()
        };
        // Nobody waits for what the host's function brings any more.
        if let Some(asking) = asking {
            asking.abort();
        }
    }

    /// The host's answer.
    pub fn answer(&self, request_id: u64, answer: Result<Credential>) -> Result<()> {
        self.is_open(&self.slot.lock(), request_id)?;
        if let Ok(credential) = &answer {
            self.check(credential)?;
            if let Some(error) = expired(credential) {
                return Err(error);
            }
        }
        let mut slot = self.slot.lock();
        self.is_open(&slot, request_id)?;
        slot.answer = Some(answer);
        Ok(())
    }

    fn is_open(&self, slot: &Slot, request_id: u64) -> Result<()> {
        let open = slot.open.is_some_and(|(id, until)| id == request_id && Instant::now() < until);
        if open && slot.answer.is_none() {
            return Ok(());
        }
        let message = format!("no credential is asked for by the number {request_id} any more, or ever was");
        Err(Error::new(ErrorClass::State, "stale_request", message)
            .field("request_id")
            .fix("answer each credential_needed event once and before its deadline"))
    }

    /// An answer for the session. The secret stays here.
    pub fn take_answer(&self) -> Option<(u64, CredentialAnswer)> {
        let mut slot = self.slot.lock();
        let answer = slot.answer.take()?;
        let (request_id, _) = slot.open.take()?;
        let answer = match answer {
            Ok(credential) => {
                let expires_in_ms = credential.expires_at().map(ms_until);
                slot.credential = Some(credential);
                CredentialAnswer::Given { expires_in_ms }
            }
            Err(error) => CredentialAnswer::Refused { error: without_secrets(&error) },
        };
        let asking = slot.asking.take();
        drop(slot);
        // When the host itself answered first.
        if let Some(asking) = asking {
            asking.abort();
        }
        Some((request_id, answer))
    }

    /// Calls the host's function, if there is one, on the runtime of the driver.
    pub fn needed(&self, needed: &CredentialNeeded, time_left: Duration, shared: &Arc<Shared>) {
        let Some(asker) = self.slot.lock().asker.clone() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let request = CredentialRequest {
            request_id: needed.request_id,
            reason: needed.reason.clone(),
            time_left,
            provider: self.config.provider.clone(),
            model: self.config.model.clone(),
        };
        let task = runtime.spawn(ask(asker, request, shared.clone())).abort_handle();
        let mut slot = self.slot.lock();
        match slot.open {
            Some((id, _)) if id == needed.request_id => slot.asking = Some(task),
            _ => {
                drop(slot);
                task.abort();
            }
        }
    }

    /// The client is over: everything is wiped, and the host's function is let go.
    pub fn end(&self) {
        let slot = std::mem::take(&mut *self.slot.lock());
        if let Some(asking) = &slot.asking {
            asking.abort();
        }
        // Dropping the function runs host code.
        guarded(|| drop(slot));
    }
}

/// Runs the host's function and answers with what it gives.
async fn ask(asker: Asker, request: CredentialRequest, shared: Arc<Shared>) {
    let id = request.request_id;
    let panicked = || {
        let error = Error::new(ErrorClass::Host, "panicked", "the function given to credential_with panicked");
        Err(error.fix("return an error instead; the report is on stderr"))
    };
    let answer = match guarded(|| asker(request)) {
        None => panicked(),
        Some(mut answering) => {
            let polled = std::future::poll_fn(|cx| match guarded(|| answering.as_mut().poll(cx)) {
                Some(poll) => poll,
                None => std::task::Poll::Ready(panicked()),
            });
            polled.await
        }
    };
    // What cannot be used is as good as none. A request that is stale by now needs no answer.
    if let Err(error) = shared.answer_credential(id, answer)
        && error.code != "stale_request"
    {
        let _ = shared.answer_credential(id, Err(error));
    }
}

/// A host's error as it may be logged: short, and without anything that looks like a key.
fn without_secrets(error: &Error) -> Error {
    let told = |text: &str| redact(text).chars().take(500).collect::<String>();
    let mut bare = Error::new(error.class, "refused", told(&error.message));
    (bare.fix, bare.retryable) = (error.fix.as_deref().map(told), error.retryable);
    bare
}

fn expired(credential: &Credential) -> Option<Error> {
    let at = credential.expires_at()?;
    (ms_until(at) == 0).then(|| {
        Error::new(ErrorClass::Credential, "expired_key", "the credential has expired")
            .field("credential.expires_at")
            .fix("get a new one; if it is new, the clock of this machine may be wrong")
    })
}

/// From now to a moment in seconds since 1970; 0 when it is past.
fn ms_until(unix_s: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_secs(unix_s).saturating_sub(now);
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}

/// Keys of accounts say so, whatever they are called (OpenAI's begin with `sk-`).
fn is_account_key(secret: &str) -> bool {
    secret.starts_with("sk-")
}
