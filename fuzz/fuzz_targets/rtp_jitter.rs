#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::rtp_jitter::run(data));
