//! The interface from which uniffi makes the bindings for Python, Kotlin and Swift. What those languages'
//! developers see is written by hand over it (`bindings/`): this is the raw material.
//!
//! | file | what it is |
//! |---|---|
//! | `client`, `command` | the client: reading and audio; what it can be asked for |
//! | `analyser` | levels and spectra, for whoever draws them |
//! | `credential` | secrets: given, or answered when the engine asks |
//! | `queue` | events for a thread or an event loop |
//! | `listener` | events on the engine's callback threads |
//! | `event`, `status`, `message`, `state` | the vocabulary of EVENTS.md as records and enums |
//! | `error` | the error and its classes |
//! | `gate` | no calls into an interpreter that ends |
//! | `service` | a service played by the host, for tests |
//!
//! Enums without data and records that uniffi can take as they are come from the core itself
//! (`derive(uniffi::…)` where they are defined). Samples travel as little-endian bytes.

mod analyser;
mod client;
mod command;
mod credential;
mod error;
mod event;
mod gate;
mod listener;
mod message;
mod queue;
mod service;
mod state;
mod status;

pub use analyser::Analyser;
pub use client::{Client, ClientOptions, FileAudio, Pulled};
pub use command::ImageInput;
pub use credential::CredentialInput;
pub use error::{DuologueError, ErrorInfo};
pub use event::{Event, EventKind};
pub use gate::end_calls;
pub use listener::{EventListener, HostError};
pub use message::{CallRef, Message, Part};
pub use queue::EventQueue;
pub use service::{MockService, Service};
pub use state::{Availability, State};
pub use status::Status;

use error::Result;
use std::sync::Arc;

/// The version of the library, for example `0.1.0`.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Clients that were made and neither destroyed nor released.
#[uniffi::export]
pub fn live_clients() -> u64 {
    client::live()
}

/// The JSON Schema of the configuration document.
#[uniffi::export]
pub fn config_schema() -> String {
    crate::Config::schema().to_string()
}

/// The JSON Schema of a transcript.
#[uniffi::export]
pub fn transcript_schema() -> String {
    crate::transcript::Transcript::schema().to_string()
}

/// What is known of providers, models and voices without asking anybody (JSON object).
#[uniffi::export]
pub fn catalogue() -> String {
    crate::provider::catalogue().to_string()
}

/// Checks a configuration document, as making a client does.
#[uniffi::export]
pub fn validate_config(json: String) -> Result<()> {
    crate::provider::settle(Arc::new(crate::Config::from_json(&json)?))?;
    Ok(())
}

/// Microseconds on the clock of capture and playback times (`CLOCK_MONOTONIC` on Unix).
#[uniffi::export]
pub fn clock_us() -> u64 {
    crate::clock_us()
}

/// The JSON tags of all kinds of events; the place of a tag is its bit in a mask.
#[uniffi::export]
pub fn event_names() -> Vec<String> {
    crate::event::EventKind::NAMES.iter().map(|name| (*name).to_owned()).collect()
}
