//! What was built.

use std::ffi::{CStr, c_char};

/// Version of the binary interface: grows with every break, and only then.
pub const DUOLOGUE_ABI_VERSION: u32 = 1;

/// The library's version as text, for example "0.1.0".
///
/// @return static text, never NULL; not to be freed
/// @par Thread
/// any
#[unsafe(no_mangle)]
pub extern "C" fn duologue_version() -> *const c_char {
    const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };
    TEXT.as_ptr()
}

/// The library's version as one number: major * 1000000 + minor * 1000 + patch.
///
/// @return the number; compare it with DUOLOGUE_VERSION_NUMBER of the header
/// @par Thread
/// any
#[unsafe(no_mangle)]
pub extern "C" fn duologue_version_number() -> u32 {
    const fn number(text: &str) -> u32 {
        let (bytes, mut i, mut n) = (text.as_bytes(), 0, 0);
        while i < bytes.len() {
            n = n * 10 + (bytes[i] - b'0') as u32;
            i += 1;
        }
        n
    }
    const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
    const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
    const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));
    MAJOR * 1_000_000 + MINOR * 1000 + PATCH
}

/// The version of the binary interface the library was built with.
///
/// @return the number; a program works with a library of the same DUOLOGUE_ABI_VERSION
/// @par Thread
/// any
#[unsafe(no_mangle)]
pub extern "C" fn duologue_abi_version() -> u32 {
    DUOLOGUE_ABI_VERSION
}
