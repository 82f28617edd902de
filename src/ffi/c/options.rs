//! Structs the caller fills: they begin with their size, so that they can grow.

use crate::error::{Error, ErrorClass};

/// Reads what the caller knows of a struct; the rest keeps `defaults`. NULL: all defaults. What a newer
/// caller has beyond our struct must be zero, or it would be ignored; what was read is given all the
/// same, because there may be something to free in it.
///
/// # Safety
/// `T` is a `repr(C)` struct of integers and nullable pointers that begins with `struct_size: u32`, and
/// `options` is NULL or points to as many bytes as it says.
pub(super) unsafe fn read_options<T: Copy>(name: &str, options: *const T, defaults: T) -> (T, Result<(), Error>) {
    if options.is_null() {
        return (defaults, Ok(()));
    }
    // SAFETY: at least the size is there.
    let size = unsafe { options.cast::<u32>().read_unaligned() } as usize;
    let known = size_of::<T>();
    let wrong = |message: String| {
        Err(Error::new(ErrorClass::Argument, "invalid_argument", message)
            .field(format!("{name}.struct_size"))
            .fix("set it to the sizeof of the struct"))
    };
    // Nothing but the size itself is no struct; 64 KiB is none of ours.
    if !(8..=65_536).contains(&size) {
        return (defaults, wrong(format!("is {size}")));
    }
    let mut read = defaults;
    // Half a pointer is none.
    let whole = size.min(known) / size_of::<usize>() * size_of::<usize>();
    // SAFETY: both sides have that many bytes, and any bytes make a valid T.
    let beyond = unsafe {
        std::ptr::copy_nonoverlapping(options.cast::<u8>(), (&raw mut read).cast::<u8>(), whole);
        std::slice::from_raw_parts(options.cast::<u8>().add(size.min(known)), size.saturating_sub(known))
    };
    if !size.is_multiple_of(size_of::<usize>()) {
        // It ends in the middle of a field, which would be accepted and ignored.
        return (read, wrong(format!("is {size}")));
    }
    if beyond.iter().any(|b| *b != 0) {
        return (read, wrong(format!("is {size}: fields that this version ({known} bytes) does not have are set")));
    }
    (read, Ok(()))
}
