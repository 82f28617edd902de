//! Short-lived secrets for clients that must not have the key of the account: apps, browsers, machines of others.
//!
//! Your server asks the vendor for a secret and gives it to a client it knows; the client dials with it as with a key.
//!
//! | provider | what it is | for how long | the session |
//! |---|---|---|---|
//! | `openai` | `ek_…`, for any number of sessions | 10 s to 2 h to begin one, which then goes on | a default that the client may change |
//! | `gemini` | `auth_tokens/…`, for any number of sessions or so many | less than 20 h, to begin one and for all of it | locked |
//! | `xai` | for any number of sessions | up to 1 h to begin one | none: the client configures it |
//! | `azure`, `compatible` | as OpenAI's, where the server has them | | |
//!
//! ```no_run
//! # async fn demo() -> duologue::Result<()> {
//! use duologue::{Config, Credential, mint::{MintOptions, mint}};
//! let config = Config::from_json(r#"{ "provider": "gemini", "instructions": "You are the guide of a museum." }"#)?;
//! let key = Credential::new(std::env::var("GEMINI_API_KEY").unwrap_or_default())?;
//! let minted = mint(&config, &key, &MintOptions { ttl_s: Some(60), ..MintOptions::default() }).await?;
//! // For the client, over a connection that nobody reads: minted.credential.expose(), minted.expires_at
//! # Ok(()) }
//! ```
//!
//! Who has another HTTP client, or no runtime, asks with [`Minting`], which does no I/O.

pub use crate::provider::minting::{Binding, Bound, DEFAULT_TTL_S, MintOptions, Minted, Minting};

#[cfg(feature = "serve")]
pub(crate) use asking::ask;
#[cfg(feature = "mint")]
pub use asking::mint;

#[cfg(feature = "mint")]
mod asking {
    use super::{MintOptions, Minted, Minting};
    use crate::{
        clock::unix_s,
        config::{Config, Tls},
        credential::Credential,
        error::{Error, ErrorClass, Result},
        transport::{
            http::{Answer, Connection, Post},
            refusal::Whose,
        },
    };
    use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
    use std::time::Duration;

    /// For the answer, beginning with the request. Connecting has limits of its own.
    const TIME: Duration = Duration::from_secs(10);
    /// OpenAI's answer repeats the session with its instructions and tools.
    const LARGEST_ANSWER: usize = 1024 * 1024;

    /// Mints a secret for sessions as `config` says, with the key of the account. Needs a tokio runtime, with I/O and
    /// time.
    ///
    /// # Errors
    /// What [`Minting::new`] and [`Minting::read`] refuse; `auth` (class `credential`) when the vendor refuses the key;
    /// `rate_limited` (`quota`); classes `network`, `tls` and `limit` as dialling has them, and `protocol` for what
    /// else the vendor does not take. None of them contains the key, or what was answered beside the vendor's own words.
    pub async fn mint(config: &Config, key: &Credential, options: &MintOptions) -> Result<Minted> {
        let now = unix_s().ok_or_else(|| {
            Error::new(ErrorClass::State, "clock", "the clock of this machine is before 1970").fix("set it")
        })?;
        let minting = Minting::new(config, Some(key), options, now)?;
        for warning in minting.warnings() {
            tracing::warn!("{warning}");
        }
        let answer = ask(&minting, config.tls.clone(), key).await?.success(Some(key), Whose::Service)?;
        minting.read(&answer.body, key)
    }

    /// The vendor's answer, whatever it is.
    pub(crate) async fn ask(minting: &Minting, tls: Tls, key: &Credential) -> Result<Answer> {
        let malformed =
            |_| Error::new(ErrorClass::Credential, "malformed_key", "the API key cannot be sent in a header");
        let header = match minting.key_header() {
            Some(name) => (HeaderName::from_static(name), HeaderValue::try_from(key.expose()).map_err(malformed)?),
            None => (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(malformed)?),
        };
        let post = Post {
            url: minting.url(),
            headers: vec![header],
            content_type: Some("application/json".into()),
            accept: "application/json",
            body: minting.body().to_string().into_bytes(),
            most: LARGEST_ANSWER,
            time: TIME,
        };
        Connection::open(minting.url(), tls).await?.exchange(post).await
    }
}
