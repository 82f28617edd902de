//! The C ABI. `include/duologue.h` is generated from this folder and from nothing else.
//!
//! Every entry is the same four steps: look the handle up, turn the arguments into Rust values, call the
//! client, turn the outcome into a number. A handle is never followed (`handle`), a panic never leaves
//! (`guard`), and outputs are written only on success unless
//! an entry says otherwise.

// C names are C's. Pointers come from outside: what each function needs of them stands in its docs,
// which become the header; the safety sections would say it twice.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]
// The docs are C's: `@param[out]` is doxygen's and no link.
#![allow(rustdoc::broken_intra_doc_links)]

mod analyser;
mod arena;
mod audio;
mod callbacks;
mod callbacks_conversation;
mod callbacks_service;
mod client;
mod command;
mod command_history;
mod command_microphone;
mod command_words;
mod config;
mod credential;
mod engine;
mod event;
mod event_conversation;
mod event_enums;
mod event_service;
mod guard;
mod handle;
mod last_error;
mod log;
mod options;
mod queue;
mod result;
mod sync;
#[cfg(test)]
mod tests;
mod text;
mod user_data;
mod version;
mod view;
mod view_conversation;
mod view_service;

pub use analyser::*;
pub use audio::*;
pub use callbacks::*;
pub use callbacks_conversation::*;
pub use callbacks_service::*;
pub use client::*;
pub use command::*;
pub use command_history::*;
pub use command_microphone::*;
pub use command_words::*;
pub use config::*;
pub use credential::*;
pub use engine::*;
pub use event::*;
pub use event_conversation::*;
pub use event_enums::*;
pub use event_service::*;
pub use log::*;
pub use queue::*;
pub use result::*;
pub use user_data::*;
pub use version::*;
