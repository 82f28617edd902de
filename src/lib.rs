//! A native engine for realtime voice conversations with AI models.

pub mod audio;
pub mod capabilities;
pub mod client;
pub mod config;
pub mod credential;
pub mod error;
pub mod event;
pub mod message;
pub mod provider;
pub mod session;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod time;
pub mod transport;

pub use client::{Client, ClientBuilder};
pub use config::Config;
pub use credential::Credential;
pub use error::{Error, ErrorClass, Result};

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
