//! Connections that are lost, refused and silent, over real sockets: a client, the simulator, and between them
//! a proxy or a service that misbehaves. What the host is told, and that nothing of the conversation is lost.
//!
//! The rows are those of the table `Faults` in ARCHITECTURE.md.
#![cfg(feature = "simulator")]

#[path = "../common/canary.rs"]
mod canary;
mod closes;
mod gate;
mod line;
#[path = "../common/proxy.rs"]
mod proxy;
mod refusals;
mod rig;
mod tls;
mod tools;
