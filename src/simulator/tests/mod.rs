//! The simulator over real loopback sockets, spoken to by a bare WebSocket client.

mod client;
mod delays;
mod handshakes;
mod images;
mod items;
mod manual;
mod refusals;
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
