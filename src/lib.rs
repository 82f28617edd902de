//! A native engine for realtime voice conversations with AI models.

pub mod audio;
pub mod capabilities;
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

pub use config::Config;
pub use credential::Credential;
pub use error::{Error, ErrorClass, Result};
