//! The vendor: most of it in virtual time, what is about sockets over loopback.

mod agents;
mod bench;
mod calls;
mod endings;
mod formats;
mod interruptions;
mod setups;
mod sockets;
mod turns;
mod uploads;
