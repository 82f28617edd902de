//! A native engine for realtime voice conversations with AI models.

pub mod audio;
pub mod error;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use error::{Error, ErrorClass, Result};
