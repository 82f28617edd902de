//! The simulator over real loopback sockets, spoken to by a bare WebSocket client.

mod browsers;
pub(super) mod client;
mod delays;
mod fault_requests;
mod faults;
mod handshakes;
mod images;
mod items;
mod manual;
mod refusals;
mod replay;
mod samples;
mod scenarios;
mod semantic;
mod sessions;
mod talk;
mod tools;
mod transcripts;
mod turns;
mod wishes;
mod workshop;
