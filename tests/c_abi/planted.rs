//! A library with the library's flags that trusts its host: `tests/c/planted.c` betrays it.
//! Compiled by `sanitizers.rs`, no part of the crate.

/// Adds `frame_count` samples, reading every one.
///
/// # Safety
/// There are as many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn planted_sum(samples: *const i16, frame_count: usize) -> i64 {
    // SAFETY: the caller's promise.
    (0..frame_count).map(|i| i64::from(unsafe { samples.add(i).read() })).sum()
}

/// Adds one, unsynchronised.
///
/// # Safety
/// Nobody else uses the number meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn planted_count(number: *mut u32) {
    // SAFETY: the caller's promise.
    unsafe { number.write(number.read().wrapping_add(1)) }
}
