//! When a credential is asked for, and what becomes of the answer. The secret itself stays outside: the
//! driver keeps it and says only that there is one and how long it lives.
//!
//! At most one request is open at a time. One that was made ahead serves a dial that comes meanwhile; what
//! it brought is used for the next dial and forgotten when the host disconnects. Whatever is answered after
//! its deadline, a second time or after the end of the run finds no request and changes nothing.

use super::Session;
use crate::{
    config::CredentialSource,
    error::{Error, ErrorClass, redact},
    event::{CredentialNeeded, EventKind, Status},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// Between a request and the next one ahead; also the first wait after a failure.
const APART_MS: u64 = 5_000;
/// How long before the expiry a new one is asked for, unless half of the life is shorter.
const AHEAD_MS: u64 = 60_000;
/// The longest wait after failures.
const BACKOFF_MS: u64 = 60_000;
/// Less than this is not enough for a dial.
const LEAST_LIFE_MS: u64 = 5_000;
/// Of a host's reason for giving none.
const MAX_REASON: usize = 500;

/// What the host answered, without the secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialAnswer {
    /// The driver has one.
    Given {
        /// How long it is good, if anybody knows.
        expires_in_ms: Option<u64>,
    },
    /// There is none.
    Refused {
        /// Why, in the host's words.
        error: Error,
    },
}

/// What the driver has to know about credentials after each input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CredentialWish {
    /// The open request and its deadline.
    pub request: Option<(u64, Time)>,
    /// A credential that was given is still to be dialled with. Otherwise it can be wiped.
    pub keep: bool,
}

#[derive(Debug)]
struct Request {
    id: u64,
    by: Time,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    last_id: u64,
    asked_at: Option<Time>,
    open: Option<Request>,
    /// Given and not dialled with; the inner: when it expires.
    unused: Option<Option<Time>>,
    /// When one is asked for ahead.
    refresh_at: Option<Time>,
    failures: u32,
    /// The service refused one in this connect.
    rejected: bool,
    /// What the dial that was refused left of the time to connect.
    pub(super) connect_left_ms: Option<u64>,
}

impl Credentials {
    /// When something is due. Nothing is asked for ahead while the link is not up.
    pub fn timeout(&self, up: bool) -> Option<Time> {
        self.open.as_ref().map_or(self.refresh_at.filter(|_| up), |open| Some(open.by))
    }

    /// The service took one: should it refuse a later one, the host is asked again.
    pub fn taken(&mut self) {
        self.rejected = false;
    }

    /// A dial begins with what there is.
    pub fn spent(&mut self) {
        self.unused = None;
    }
}

impl Session {
    /// What the driver has to know after each input.
    pub fn credential_wish(&self) -> CredentialWish {
        let request = self.credentials.open.as_ref().map(|open| (open.id, open.by));
        let dials = self.link.is_dialling() || self.successor_dials();
        CredentialWish { request, keep: self.credentials.unused.is_some() || dials }
    }

    /// Dials, after asking for a credential where that is the way.
    pub(super) fn dial_with_credential(&mut self, reason: &'static str) {
        if self.config.credentials.source == CredentialSource::Given {
            return self.dial();
        }
        if let Some(expiry) = self.credentials.unused.take()
            && expiry.is_none_or(|expiry| expiry > self.now.after_ms(LEAST_LIFE_MS))
        {
            return self.dial();
        }
        self.await_credential();
        if self.credentials.open.is_none() {
            self.ask(reason);
        }
    }

    /// What was asked for ahead is there and lives long enough.
    pub(super) fn has_fresh_credential(&self) -> bool {
        let lives = |expiry: &Option<Time>| expiry.is_none_or(|expiry| expiry > self.now.after_ms(LEAST_LIFE_MS));
        self.credentials.unused.as_ref().is_some_and(lives)
    }

    /// The next session needs one.
    pub(super) fn ask_for_successor(&mut self) {
        if self.credentials.open.is_none() {
            self.ask("rollover");
        }
    }

    fn ask(&mut self, reason: &'static str) {
        let by = self.now.after_ms(self.config.credentials.timeout_ms.into());
        self.credentials.last_id += 1;
        let request_id = self.credentials.last_id;
        self.credentials.asked_at = Some(self.now);
        self.credentials.open = Some(Request { id: request_id, by });
        let needed = CredentialNeeded { request_id, reason: reason.into(), deadline_ms: by.as_ms() };
        self.emit(EventKind::CredentialNeeded(needed));
    }

    /// The host answered.
    pub(super) fn credential(&mut self, request_id: u64, answer: CredentialAnswer) {
        if self.credentials.open.take_if(|open| open.id == request_id).is_none() {
            self.stats.stale_inputs += 1;
            return;
        }
        match answer {
            CredentialAnswer::Refused { error } => self.no_credential(refused(&error)),
            CredentialAnswer::Given { expires_in_ms } => {
                let credentials = &mut self.credentials;
                credentials.failures = 0;
                credentials.refresh_at = expires_in_ms.filter(|_| self.config.credentials.refresh_ahead).map(|life| {
                    let due = self.now.after_ms(life - AHEAD_MS.min(life / 2));
                    // However short they live, they are not minted in a loop.
                    due.max(credentials.asked_at.unwrap_or(self.now).after_ms(APART_MS))
                });
                credentials.unused = Some(expires_in_ms.map(|life| self.now.after_ms(life)));
                if self.link.is_asking() {
                    self.dial();
                } else if self.successor_asks() {
                    self.dial_successor();
                }
            }
        }
    }

    /// A request ended without a credential. A dial fails; a call goes on and tries again later.
    fn no_credential(&mut self, error: Error) {
        if self.link.is_asking() {
            return self.fail(error);
        }
        if self.successor_asks() {
            self.successor_failed(&error);
        }
        if !self.link.is_up() {
            return;
        }
        let backoff = APART_MS.saturating_mul(1 << self.credentials.failures.min(8)).min(BACKOFF_MS);
        self.credentials.failures = self.credentials.failures.saturating_add(1);
        self.credentials.refresh_at = Some(self.now.after_ms(backoff));
        self.emit(EventKind::Warning(error));
    }

    pub(super) fn credential_timers(&mut self) {
        let now = self.now;
        if self.credentials.open.take_if(|open| now >= open.by).is_some() {
            let ms = self.config.credentials.timeout_ms;
            let error =
                Error::new(ErrorClass::Credential, "credential_timeout", format!("no credential came within {ms} ms"));
            self.no_credential(
                error.fix("answer credential_needed in time, or raise credentials.timeout_ms").retryable(),
            );
        }
        let due = self.link.is_up() && self.credentials.open.is_none();
        if due && self.credentials.refresh_at.take_if(|at| now >= *at).is_some() {
            self.ask("refresh");
        }
    }

    /// The dial failed, or the connection was closed before it was configured. True: because of the credential, and the
    /// host is asked for a better one, once.
    pub(super) fn asks_after_rejection(&mut self, error: &Error) -> bool {
        let asked = self.config.credentials.source == CredentialSource::Asked;
        let refused = error.class == ErrorClass::Credential && matches!(error.code.as_ref(), "auth" | "expired_key");
        let begins = self.link.is_dialling() || self.link.is_greeting() || self.link.is_configuring();
        if !asked || !refused || !begins || self.credentials.rejected {
            return false;
        }
        self.credentials.rejected = true;
        self.credentials.connect_left_ms = self.link.connect_left_ms(self.now);
        self.dial_with_credential("rejected");
        true
    }

    /// The run is over; the link still says how far it had come.
    pub(super) fn credentials_run_over(&mut self, ending: &Status) {
        let lost = matches!(ending, Status::Error { error } if error.retryable) && !self.link.is_asking();
        let Credentials { last_id, asked_at, open, unused, refresh_at, .. } = std::mem::take(&mut self.credentials);
        self.credentials = Credentials { last_id, asked_at, ..Default::default() };
        if lost {
            // The next dial comes soon, and what was asked for ahead is for it.
            (self.credentials.open, self.credentials.unused, self.credentials.refresh_at) = (open, unused, refresh_at);
        }
    }
}

/// The host's reason, fit to be told: short, and without anything that looks like a key.
fn refused(error: &Error) -> Error {
    let said: String = redact(&error.message).chars().take(MAX_REASON).collect();
    let message =
        if said.trim().is_empty() { "the host gave no credential".into() } else { format!("no credential: {said}") };
    let mut told = Error::new(ErrorClass::Credential, "credential_refused", message);
    told.fix = error.fix.as_deref().map(|fix| redact(fix).chars().take(MAX_REASON).collect());
    told.retryable = error.retryable;
    told
}
