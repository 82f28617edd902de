//! The simulator over real loopback sockets, spoken to by a bare WebSocket client.

mod client;
mod handshakes;
mod sessions;
mod talk;
