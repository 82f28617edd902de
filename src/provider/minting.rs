//! Short-lived secrets for clients, as far as they need no socket: what is asked of the vendor, and what its answer
//! means. The vendors' own words are in `openai/minting` and `gemini/minting`.

use super::{gemini, openai, settle};
use crate::{
    config::Config,
    credential::{Credential, CredentialKind, on_this_machine, shown},
    error::{Error, ErrorClass, Result},
};
use serde::Serialize;
use serde_json::Value;
use std::{fmt, ops::RangeInclusive, sync::Arc};
use url::Url;

/// Sessions can be begun for this long, seconds, when nobody says otherwise: OpenAI's and xAI's own default.
pub const DEFAULT_TTL_S: u64 = 600;
/// A secret is no longer than this.
const LONGEST_SECRET: usize = 4096;

/// What a secret shall be good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MintOptions {
    /// Sessions can be begun with it for so many seconds: 10 to 7200, at xAI 1 to 3600, at Gemini 1 to 71 999.
    /// Default: [`DEFAULT_TTL_S`].
    pub ttl_s: Option<u64>,
    /// Gemini only: so many seconds from now the service takes nothing more from any session of it, those under way
    /// included; at least `ttl_s`, less than 20 hours. Default: half an hour more than `ttl_s`. Elsewhere sessions
    /// go on when the secret has expired.
    pub session_ttl_s: Option<u64>,
    /// Gemini only: so many sessions can be begun; 0 is any number. Resuming one is no use. Default: 0, because a
    /// client whose connection breaks may have to begin another one.
    pub uses: Option<u32>,
    /// Whether the session of the configuration goes with it.
    pub binding: Binding,
}

/// Whether a secret brings a session along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Binding {
    /// Model, voice, instructions, tools and whatever else the configuration says of the session. OpenAI takes it as
    /// a default which a client may change; Gemini locks it. Secrets of xAI carry none: there a configuration with
    /// anything in it to carry is refused.
    #[default]
    Session,
    /// Whoever has the secret says what the session is.
    Free,
}

/// What became of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bound {
    /// The secret is for any session.
    Nothing,
    /// It begins as configured, and the client may change it.
    Default,
    /// It is as configured, whatever the client asks for.
    Locked,
}

/// A minted secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Minted {
    /// For [`crate::ClientBuilder::credential`]; it knows until when it is good, and its model and endpoint where it
    /// has been minted for one.
    pub credential: Credential,
    /// Until when sessions can be begun with it, in seconds since 1970.
    pub expires_at: u64,
    /// When the service takes nothing more from sessions under way, in seconds since 1970. Absent: they go on.
    pub sessions_end_at: Option<u64>,
    /// What became of the session.
    pub bound: Bound,
    /// What was left out because the model lacks it (`strict` off), and models and voices that are unknown or coming
    /// to their end.
    pub warnings: Vec<Error>,
}

/// One request for a secret, and how its answer is read. Does no I/O: [`crate::mint::mint`] does, and so may any HTTP
/// client that posts [`Self::body`] as `application/json` to [`Self::url`] with the key in [`Self::key_header`].
pub struct Minting {
    draft: Draft,
    endpoint: Option<String>,
    warnings: Vec<Error>,
}

/// What a vendor is asked, in its own words.
pub(crate) struct Draft {
    pub url: Url,
    pub key_header: Option<&'static str>,
    pub body: Value,
    /// Field of the answer with the secret, and what the secret begins with where that is known.
    pub secret: (&'static str, &'static str),
    pub until: Until,
    pub bound: Bound,
    pub model: Option<String>,
}

/// Who knows until when a secret is good.
pub(crate) enum Until {
    /// The answer says it, in `expires_at`.
    Told,
    /// It is what was asked for.
    Asked { expires_at: u64, sessions_end_at: u64 },
}

impl Minting {
    /// What to ask for a secret for sessions as `config` says. `key` is what it will be asked with, where that is known
    /// already: it may name an endpoint of its own. `now_unix_s` is the time in seconds since 1970.
    ///
    /// # Errors
    /// Class `config` or `unsupported`, naming the field, as making a client of `config`; `argument` for a number out of
    /// its range (`ttl_s`, `session_ttl_s`); `unsupported` for what the vendor has not (`uses`, `session_ttl_s`,
    /// `binding`, `provider`) and for a key that is none (`credential.kind`).
    pub fn new(config: &Config, key: Option<&Credential>, options: &MintOptions, now_unix_s: u64) -> Result<Self> {
        config.validate()?;
        let (config, warnings) = settle(Arc::new(config.clone()))?;
        let kind = key.map_or(CredentialKind::ApiKey, Credential::kind);
        if !matches!(kind, CredentialKind::ApiKey | CredentialKind::Bearer) {
            let message = "a secret that was minted itself mints no other";
            return Err(Error::new(ErrorClass::Unsupported, "credential_kind", message)
                .field("credential.kind")
                .fix("give the key of the account, on a machine that may have it"));
        }
        let endpoint = key.and_then(Credential::expose_endpoint);
        let draft = match config.provider.as_str() {
            "gemini" => gemini::minting::draft(&config, kind, endpoint, options, now_unix_s)?,
            "elevenlabs" => {
                let message =
                    "ElevenLabs has no secrets for clients but signed URLs, which are asked for and not minted";
                return Err(Error::new(ErrorClass::Unsupported, "no_minting", message).field("provider").fix(
                    "GET /v1/convai/conversation/get-signed-url?agent_id=… with the key, and give clients the signed_url \
                     as their credential",
                ));
            }
            _ => openai::minting::draft(&config, kind, endpoint, options)?,
        };
        if draft.url.scheme() != "https" && !on_this_machine(&draft.url) {
            let message = "the service is not on this machine, so plaintext is refused";
            return Err(Error::new(ErrorClass::Config, "plaintext", message).field("base_url").fix("use https"));
        }
        Ok(Self { draft, endpoint: endpoint.map(str::to_owned), warnings })
    }

    /// Where it is posted to. A query in it may be secret.
    pub fn url(&self) -> &Url {
        &self.draft.url
    }

    /// The header for the key as it is. Absent: `Authorization: Bearer …`.
    pub fn key_header(&self) -> Option<&'static str> {
        self.draft.key_header
    }

    /// What is posted. There is no secret in it but what the configuration has.
    pub fn body(&self) -> &Value {
        &self.draft.body
    }

    /// What was left out of the session, or may not work for long.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// Reads the answer to a request that was a success. `key` is what it was asked with.
    ///
    /// # Errors
    /// `invalid_answer` (class `protocol`), which does not repeat it: no secret, one with the key in it, or none of
    /// which is known until when it is good.
    pub fn read(&self, body: &[u8], key: &Credential) -> Result<Minted> {
        let invalid = || {
            let message = format!("the service answered with no usable secret ({} bytes)", body.len());
            Error::new(ErrorClass::Protocol, "invalid_answer", message)
                .field("base_url")
                .fix("check that the URL is that of the service")
        };
        let answer: Value = serde_json::from_slice(body).map_err(|_| invalid())?;
        let (field, begins) = self.draft.secret;
        let usable = |secret: &&str| {
            let fits = secret.len() > begins.len() && secret.len() <= LONGEST_SECRET;
            let clean = secret.bytes().all(|b| b.is_ascii_graphic()) && !secret.contains(key.expose());
            fits && clean && secret.starts_with(begins)
        };
        let secret = answer[field].as_str().filter(usable).ok_or_else(invalid)?;
        let (expires_at, sessions_end_at) = match self.draft.until {
            Until::Told => (answer["expires_at"].as_u64().ok_or_else(invalid)?, None),
            Until::Asked { expires_at, sessions_end_at } => (expires_at, Some(sessions_end_at)),
        };
        // Resuming a session is dialling too.
        let mut credential = Credential::of_kind(CredentialKind::Ephemeral, secret)?
            .with_expires_at(sessions_end_at.unwrap_or(expires_at));
        if let Some(endpoint) = &self.endpoint {
            credential = credential.with_endpoint(endpoint);
        }
        if let Some(model) = &self.draft.model {
            credential = credential.with_model(model);
        }
        let (bound, warnings) = (self.draft.bound, self.warnings.clone());
        Ok(Minted { credential, expires_at, sessions_end_at, bound, warnings })
    }
}

/// Neither the query of the URL nor what the configuration says is shown.
impl fmt::Debug for Minting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minting")
            .field("url", &shown(self.draft.url.as_str()))
            .field("bound", &self.draft.bound)
            .finish_non_exhaustive()
    }
}

/// A number of seconds in its range.
pub(super) fn seconds(field: &str, number: u64, range: RangeInclusive<u64>) -> Result<u64> {
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = (range.start(), range.end());
    let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("{number} s are not {least} to {most}"));
    Err(error.field(field).fix(format!("give {least} to {most} seconds")))
}

/// What a vendor has not is refused, and not left out: a secret would be good for more than was asked for.
pub(super) fn lacks(provider: &str, field: &str, what: &str, fix: &str) -> Error {
    Error::new(ErrorClass::Unsupported, "unsupported_option", format!("secrets of {provider} {what}"))
        .field(field)
        .fix(fix)
}
