//! The simulator over real loopback sockets, spoken to by a bare WebSocket client.

mod client;
mod handshakes;
mod items;
mod samples;
mod scenarios;
mod sessions;
mod talk;
mod turns;
