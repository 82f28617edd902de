//! The server side of an application, over real sockets: who is let in, what can be chosen, what a hostile service
//! or a hostile caller gets, and that a conversation is held through it.
#![cfg(all(feature = "serve", feature = "webrtc", feature = "simulator"))]

#[path = "../common/canary.rs"]
mod canary;
mod choices;
mod doors;
mod hostile;
mod limits;
#[path = "../common/live.rs"]
mod live;
mod program;
mod rig;
mod secrets;
mod talks;
