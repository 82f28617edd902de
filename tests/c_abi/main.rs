//! The C ABI as C programs see it: plain, under valgrind, and under the sanitizers.
#![cfg(all(feature = "capi", target_os = "linux"))]

mod load_only;
mod rig;
mod sanitizers;
