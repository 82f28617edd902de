//! A native engine for realtime voice conversations with AI models.
//!
//! Start with [`Client`]: build it, subscribe to its [`event`]s, connect, push microphone audio or send
//! text. [`Config`] says what the session shall be. The conversation itself is the sans-IO
//! [`session::Session`], which the client drives; vendors' protocols are in [`provider`], sockets in
//! [`transport`], sound in [`audio`]. With the feature `simulator` the vendor can be played locally; tests of
//! programs that use duologue play it with [`testing`]. Clients that must not have the key of the account get short-lived secrets
//! from [`mint`]. With the feature `serve` an application's own server makes
//! the calls of its users, so that the vendor's key stays there.

pub mod audio;
pub mod capabilities;
pub mod client;
mod clock;
pub mod config;
pub mod credential;
pub mod error;
pub mod event;
#[cfg(any(feature = "capi", feature = "uniffi"))]
pub mod ffi;
pub mod message;
pub mod mint;
#[cfg(any(feature = "serve", all(feature = "simulator", feature = "webrtc")))]
mod page;
pub mod provider;
pub mod request;
#[cfg(feature = "serve")]
pub mod server;
pub mod session;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod testing;
pub mod time;
pub mod transcript;
pub mod transport;

pub use client::{Client, ClientBuilder};
pub use clock::clock_us;
pub use config::Config;
pub use credential::Credential;
pub use error::{Error, ErrorClass, ErrorCode, Result};
pub use request::{Image, ResponseOptions};

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
