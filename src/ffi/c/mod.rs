//! The C ABI. `include/duologue.h` is generated from this folder and from nothing else.

// C names are C's.
#![allow(non_camel_case_types)]

mod version;

pub use version::*;
