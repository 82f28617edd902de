//! Results, the last error of a thread, and text that duologue allocated.

use super::{guard::plain, last_error, text};
use crate::error::{Error, ErrorCode};
use std::ffi::{CStr, c_char};

/// Result of a call: 0 is success, errors are negative. Numbers are only ever added: treat an unknown
/// negative number as a failure. duologue_last_error() has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_result {
    /// It worked.
    DUOLOGUE_OK = 0,
    /// A pointer that must not be NULL is NULL.
    DUOLOGUE_ERROR_NULL_ARGUMENT = -1,
    /// A handle that was never given out, is of another type, or was destroyed.
    DUOLOGUE_ERROR_INVALID_HANDLE = -2,
    /// A value that can never be right.
    DUOLOGUE_ERROR_INVALID_ARGUMENT = -3,
    /// Text that is not UTF-8.
    DUOLOGUE_ERROR_INVALID_UTF8 = -4,
    /// Text that is not JSON.
    DUOLOGUE_ERROR_INVALID_JSON = -5,
    /// A configuration that is wrong; the message names the path.
    DUOLOGUE_ERROR_INVALID_CONFIG = -6,
    /// Right, but not now.
    DUOLOGUE_ERROR_INVALID_STATE = -7,
    /// The caller's buffer is too small; the needed size was written.
    DUOLOGUE_ERROR_BUFFER_TOO_SMALL = -8,
    /// The provider, model or build cannot do it.
    DUOLOGUE_ERROR_UNSUPPORTED = -9,
    /// It would wait for itself: a blocking call inside a callback.
    DUOLOGUE_ERROR_WOULD_DEADLOCK = -10,
    /// Nothing was done because it would have to wait; come again.
    DUOLOGUE_ERROR_WOULD_BLOCK = -20,
    /// The time given was not enough.
    DUOLOGUE_ERROR_TIMEOUT = -21,
    /// Cancelled by another call.
    DUOLOGUE_ERROR_CANCELLED = -22,
    /// The client is over.
    DUOLOGUE_ERROR_CLOSED = -23,
    /// The host was too slow and a queue ran over.
    DUOLOGUE_ERROR_QUEUE_OVERFLOW = -24,
    /// There is nothing with that name.
    DUOLOGUE_ERROR_NOT_FOUND = -25,
    /// A documented bound was exceeded.
    DUOLOGUE_ERROR_LIMIT_EXCEEDED = -26,
    /// Host code failed.
    DUOLOGUE_ERROR_HOST = -27,
    /// A tool failed, timed out or was refused.
    DUOLOGUE_ERROR_TOOL = -28,
    /// No connection came about.
    DUOLOGUE_ERROR_CONNECT_FAILED = -40,
    /// The peer's certificate or the TLS handshake was refused.
    DUOLOGUE_ERROR_TLS = -41,
    /// The credential is missing, malformed, expired or refused.
    DUOLOGUE_ERROR_AUTH = -42,
    /// The peer broke the protocol, or duologue did.
    DUOLOGUE_ERROR_PROTOCOL = -43,
    /// The connection was lost.
    DUOLOGUE_ERROR_DISCONNECTED = -44,
    /// Too many requests for the account.
    DUOLOGUE_ERROR_RATE_LIMITED = -45,
    /// The vendor reported a failure of its own.
    DUOLOGUE_ERROR_PROVIDER = -46,
    /// The account's quota is used up.
    DUOLOGUE_ERROR_QUOTA = -47,
    /// There is no such device.
    DUOLOGUE_ERROR_DEVICE_NOT_FOUND = -70,
    /// The device failed.
    DUOLOGUE_ERROR_DEVICE_LOST = -71,
    /// The operating system denied access.
    DUOLOGUE_ERROR_PERMISSION_DENIED = -72,
    /// An audio format that is not possible.
    DUOLOGUE_ERROR_FORMAT = -73,
    /// A bug in duologue.
    DUOLOGUE_ERROR_INTERNAL = -98,
    /// A panic was caught: a bug in duologue. The client, if there was one, is closed.
    DUOLOGUE_ERROR_PANIC = -99,
}

impl From<ErrorCode> for duologue_result {
    fn from(code: ErrorCode) -> Self {
        use ErrorCode as E;
        match code {
            E::Ok => Self::DUOLOGUE_OK,
            E::NullArgument => Self::DUOLOGUE_ERROR_NULL_ARGUMENT,
            E::InvalidHandle => Self::DUOLOGUE_ERROR_INVALID_HANDLE,
            E::InvalidArgument => Self::DUOLOGUE_ERROR_INVALID_ARGUMENT,
            E::InvalidUtf8 => Self::DUOLOGUE_ERROR_INVALID_UTF8,
            E::InvalidJson => Self::DUOLOGUE_ERROR_INVALID_JSON,
            E::InvalidConfig => Self::DUOLOGUE_ERROR_INVALID_CONFIG,
            E::InvalidState => Self::DUOLOGUE_ERROR_INVALID_STATE,
            E::BufferTooSmall => Self::DUOLOGUE_ERROR_BUFFER_TOO_SMALL,
            E::Unsupported => Self::DUOLOGUE_ERROR_UNSUPPORTED,
            E::WouldDeadlock => Self::DUOLOGUE_ERROR_WOULD_DEADLOCK,
            E::WouldBlock => Self::DUOLOGUE_ERROR_WOULD_BLOCK,
            E::Timeout => Self::DUOLOGUE_ERROR_TIMEOUT,
            E::Cancelled => Self::DUOLOGUE_ERROR_CANCELLED,
            E::Closed => Self::DUOLOGUE_ERROR_CLOSED,
            E::QueueOverflow => Self::DUOLOGUE_ERROR_QUEUE_OVERFLOW,
            E::NotFound => Self::DUOLOGUE_ERROR_NOT_FOUND,
            E::LimitExceeded => Self::DUOLOGUE_ERROR_LIMIT_EXCEEDED,
            E::Host => Self::DUOLOGUE_ERROR_HOST,
            E::Tool => Self::DUOLOGUE_ERROR_TOOL,
            E::ConnectFailed => Self::DUOLOGUE_ERROR_CONNECT_FAILED,
            E::Tls => Self::DUOLOGUE_ERROR_TLS,
            E::Auth => Self::DUOLOGUE_ERROR_AUTH,
            E::Protocol => Self::DUOLOGUE_ERROR_PROTOCOL,
            E::Disconnected => Self::DUOLOGUE_ERROR_DISCONNECTED,
            E::RateLimited => Self::DUOLOGUE_ERROR_RATE_LIMITED,
            E::Provider => Self::DUOLOGUE_ERROR_PROVIDER,
            E::Quota => Self::DUOLOGUE_ERROR_QUOTA,
            E::DeviceNotFound => Self::DUOLOGUE_ERROR_DEVICE_NOT_FOUND,
            E::DeviceLost => Self::DUOLOGUE_ERROR_DEVICE_LOST,
            E::PermissionDenied => Self::DUOLOGUE_ERROR_PERMISSION_DENIED,
            E::Format => Self::DUOLOGUE_ERROR_FORMAT,
            E::Internal => Self::DUOLOGUE_ERROR_INTERNAL,
            E::Panic => Self::DUOLOGUE_ERROR_PANIC,
        }
    }
}

/// Name of a result without its prefix, for example "INVALID_HANDLE".
///
/// @param code a duologue_result, or any number
/// @return static text, never NULL ("UNKNOWN" for a number this version does not know); not to be freed
/// @par Thread
/// any, also audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_result_name(code: i32) -> *const c_char {
    // Static texts need their terminator, so they are listed once more; a test compares.
    let text: &CStr = match code {
        0 => c"OK",
        -1 => c"NULL_ARGUMENT",
        -2 => c"INVALID_HANDLE",
        -3 => c"INVALID_ARGUMENT",
        -4 => c"INVALID_UTF8",
        -5 => c"INVALID_JSON",
        -6 => c"INVALID_CONFIG",
        -7 => c"INVALID_STATE",
        -8 => c"BUFFER_TOO_SMALL",
        -9 => c"UNSUPPORTED",
        -10 => c"WOULD_DEADLOCK",
        -20 => c"WOULD_BLOCK",
        -21 => c"TIMEOUT",
        -22 => c"CANCELLED",
        -23 => c"CLOSED",
        -24 => c"QUEUE_OVERFLOW",
        -25 => c"NOT_FOUND",
        -26 => c"LIMIT_EXCEEDED",
        -27 => c"HOST",
        -28 => c"TOOL",
        -40 => c"CONNECT_FAILED",
        -41 => c"TLS",
        -42 => c"AUTH",
        -43 => c"PROTOCOL",
        -44 => c"DISCONNECTED",
        -45 => c"RATE_LIMITED",
        -46 => c"PROVIDER",
        -47 => c"QUOTA",
        -70 => c"DEVICE_NOT_FOUND",
        -71 => c"DEVICE_LOST",
        -72 => c"PERMISSION_DENIED",
        -73 => c"FORMAT",
        -98 => c"INTERNAL",
        -99 => c"PANIC",
        _ => c"UNKNOWN",
    };
    text.as_ptr()
}

/// The words of the last failing call on this thread: cause, field, fix. A call that succeeds does not
/// clear them. Empty when no call has failed on this thread.
///
/// What fails later does not come here but as a `completed` event or a status with its error.
///
/// @param[out] buffer receives NUL-terminated UTF-8, cut at no character's expense: all of it or nothing;
///             may be NULL when capacity is 0
/// @param capacity bytes of buffer
/// @param[out] out_needed bytes needed with the terminator; may be NULL; also written with
///             DUOLOGUE_ERROR_BUFFER_TOO_SMALL
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_BUFFER_TOO_SMALL, DUOLOGUE_ERROR_NULL_ARGUMENT (buffer is NULL
///         and capacity is not 0); none of them replaces the words
/// @par Thread
/// any but audio threads; each thread has its own last error
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_last_error(
    buffer: *mut c_char,
    capacity: usize,
    out_needed: *mut usize,
) -> duologue_result {
    plain(|| {
        let words = last_error::get().map_or_else(String::new, |error| error.to_string());
        // SAFETY: the caller's promise about buffer, capacity and out_needed.
        unsafe { text::copy_out(&words, buffer, capacity, out_needed) }
    })
}

/// The last failing call on this thread as a JSON object: `class`, `code`, `message`, and where there is
/// one `field`, `fix`, `provider_code`, `retry_after_ms`; `fatal`, `retryable`.
///
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_NOT_FOUND (no call has failed)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_last_error_json(out_json: *mut *mut c_char) -> duologue_result {
    plain(|| {
        let Some(error) = last_error::get() else { return Err(ErrorCode::NotFound) };
        // SAFETY: the caller's promise about out_json.
        unsafe { text::give_json(&error, out_json) }.map_err(|e: Error| e.result())
    })
}

/// Frees text that duologue allocated: whatever came through a `char **`.
///
/// @param string the text, or NULL
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_string_free(string: *mut c_char) {
    // SAFETY: the caller got it from duologue and gives it back once.
    unsafe { text::free(string) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_every_number_with_its_name() {
        for code in ErrorCode::ALL {
            assert_eq!(duologue_result::from(*code) as i32, *code as i32);
            // SAFETY: static text.
            let name = unsafe { CStr::from_ptr(duologue_result_name(*code as i32)) };
            assert_eq!(name.to_str().unwrap(), code.name());
            let constant = format!("{:?}", duologue_result::from(*code));
            let plain = constant.trim_start_matches("DUOLOGUE_").trim_start_matches("ERROR_").to_owned();
            assert_eq!(plain, code.name());
        }
        // SAFETY: static text.
        assert_eq!(unsafe { CStr::from_ptr(duologue_result_name(-1000)) }, c"UNKNOWN");
    }
}
