//! What the fuzzer runs: bytes in, a panic when a promise is broken. `make fuzz` gives these functions bytes
//! guided by coverage (`fuzz/fuzz_targets`); `tests/fuzz.rs` gives them the kept corpora, on any compiler.
//!
//! A wrong answer must not depend on anything but the bytes: no clock, no randomness, no environment.

#![allow(dead_code)]

#[path = "../common/mod.rs"]
pub mod common;

pub mod base64_pcm;
pub mod bytes;
pub mod config;
pub mod json_openai;
pub mod reseed;
pub mod rtp_jitter;
pub mod session_script;
mod session_vendor;
pub mod tool_schema;
pub mod transcript;

/// What takes an input and panics when a promise is broken.
pub type Run = fn(&[u8]);

/// All of them, by name.
pub const ENTRIES: [(&str, Run); 8] = [
    ("base64_pcm", base64_pcm::run),
    ("config", config::run),
    ("json_openai", json_openai::run),
    ("reseed", reseed::run),
    ("rtp_jitter", rtp_jitter::run),
    ("session_script", session_script::run),
    ("tool_schema", tool_schema::run),
    ("transcript", transcript::run),
];
