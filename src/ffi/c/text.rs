//! Text in and out.

use super::guard::null;
use crate::error::{Error, ErrorClass, ErrorCode};
use serde::Serialize;
use serde_json::Value;
use std::ffi::{CStr, CString, c_char};

/// Text the caller gives; copied, because it may be gone after the call.
///
/// # Safety
/// `text` is NULL or NUL-terminated.
pub(super) unsafe fn required(name: &str, text: *const c_char) -> Result<String, Error> {
    // SAFETY: passed on.
    unsafe { optional(name, text) }?.ok_or_else(|| null(name))
}

/// As [`required`], NULL meaning none.
///
/// # Safety
/// As [`required`].
pub(super) unsafe fn optional(name: &str, text: *const c_char) -> Result<Option<String>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    borrowed(name, text).map(|text| Some(text.to_owned()))
}

/// A JSON value the caller gives as text.
///
/// # Safety
/// As [`required`].
pub(super) unsafe fn json(name: &str, text: *const c_char) -> Result<Value, Error> {
    // SAFETY: passed on.
    let json = unsafe { required(name, text) }?;
    serde_json::from_str(&json)
        .map_err(|e| Error::new(ErrorClass::Argument, "invalid_json", format!("is no JSON: {e}")).field(name))
}

/// Text that is used during the call only.
pub(super) fn borrowed<'a>(name: &str, text: &'a CStr) -> Result<&'a str, Error> {
    text.to_str().map_err(|e| {
        let error = Error::new(ErrorClass::Argument, "invalid_utf8", format!("is not UTF-8: {e}"));
        error.field(name).fix("give UTF-8")
    })
}

/// Copies `text` with a terminator: all of it or nothing.
///
/// # Safety
/// `buffer` is NULL or has `capacity` bytes; `out_needed` is NULL or valid.
pub(super) unsafe fn copy_out(
    text: &str,
    buffer: *mut c_char,
    capacity: usize,
    out_needed: *mut usize,
) -> Result<(), ErrorCode> {
    // C would see less of it than its length says.
    let text = text.replace('\0', "\u{fffd}");
    let needed = text.len() + 1;
    if buffer.is_null() && capacity > 0 {
        return Err(ErrorCode::NullArgument);
    }
    if !out_needed.is_null() {
        // SAFETY: the caller's promise.
        unsafe { out_needed.write(needed) };
    }
    if capacity < needed {
        return Err(ErrorCode::BufferTooSmall);
    }
    // SAFETY: capacity >= needed, and a Rust string overlaps no caller's buffer.
    unsafe {
        buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len());
        buffer.add(text.len()).write(0);
    }
    Ok(())
}

/// Hands over a JSON document that the caller frees with `duologue_string_free`.
///
/// # Safety
/// `out` is NULL or valid.
pub(super) unsafe fn give_json(value: &impl Serialize, out: *mut *mut c_char) -> Result<(), Error> {
    if out.is_null() {
        return Err(null("out_json"));
    }
    let json = serde_json::to_string(value)
        .map_err(|e| Error::new(ErrorClass::Internal, "encode_failed", format!("cannot be written as JSON: {e}")))?;
    // JSON writes a NUL as an escape.
    let json = CString::new(json)
        .map_err(|_| Error::new(ErrorClass::Internal, "encode_failed", "a JSON text contains a NUL"))?;
    // SAFETY: not NULL, valid by the caller's promise.
    unsafe { out.write(json.into_raw()) };
    Ok(())
}

/// # Safety
/// `text` is NULL or came from [`give_json`] and was not freed.
pub(super) unsafe fn free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: it came from CString::into_raw.
        drop(unsafe { CString::from_raw(text) });
    }
}
