//! The dialect: most of it in virtual time, what is about sockets over loopback.

mod bench;
mod calls;
mod phases;
mod refusals;
mod sessions;
mod sockets;
mod turns;
