//! ElevenLabs Agents (Conversational AI) over WebSocket, from the server side: an agent that somebody has set up, which
//! listens, speaks, writes and calls tools. It shares with the other dialects what is nobody's: scenarios, the detector
//! of speech, clips, the pace, faults and the journal.
//!
//! What is here follows the vendor's SDKs and what others measured; where neither tells, a comment says "inferred".

mod calls;
mod closing;
mod doors;
mod events;
mod files;
mod formats;
mod hearing;
mod interruption;
mod memory;
mod messages;
mod overrides;
mod peer;
mod results;
mod setup;
mod speaking;
mod turn;
mod waiting;

pub(super) use closing::{error_event, lived_out};
pub(super) use doors::{Endpoint, answer, describe, door, error};
pub(super) use events::{CLIENT_KINDS, SERVER_KINDS, is_client_event, kind};
pub(super) use memory::Memory;
pub(super) use overrides::is_override;

#[cfg(test)]
mod tests;
