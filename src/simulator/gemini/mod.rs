//! Gemini Live (`BidiGenerateContent`), from the server side: the Developer API with keys and ephemeral tokens, and
//! Vertex. It shares with the other dialect what is nobody's: scenarios, the detector of speech, clips, the pace,
//! faults and the journal.
//!
//! Nothing of this protocol is published as a whole. What is here follows the vendor's SDKs and what others measured;
//! where neither tells, a comment does.

mod closing;
mod content;
mod doors;
mod events;
mod fields;
mod hearing;
mod memory;
mod models;
mod peer;
mod results;
mod setup;
mod speaking;
mod tools;

pub(super) use doors::{describe, door, error, mint, session};
pub(super) use events::{CLIENT_KINDS, SERVER_KINDS, kind};
pub(super) use memory::Memory;

#[cfg(test)]
mod tests;
