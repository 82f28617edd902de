//! Queue delivery, for hosts that refuse foreign threads.

use super::{
    callbacks,
    client::{duologue_client, timeout, with},
    event::duologue_event,
    guard::{guard, quiet, required},
    result::duologue_result,
    text,
    view::Viewed,
};
use crate::error::{Error, ErrorClass};
use std::ffi::{c_char, c_int};

/// Takes the next event, with "delivery": "queue" in the configuration. One thread at a time.
///
/// @param client the client
/// @param timeout_ms how long to wait; 0 only looks, negative waits for ever
/// @param[out] out_event receives the event; free it with duologue_event_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_TIMEOUT (there is none), DUOLOGUE_ERROR_CLOSED (it was destroyed
///         while this waited, and there will be none; afterwards the handle is invalid), DUOLOGUE_ERROR_INVALID_STATE (callback delivery, or another thread is waiting),
///         DUOLOGUE_ERROR_WOULD_DEADLOCK (waiting inside a callback of another client),
///         DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_next_event(
    client: *mut duologue_client,
    timeout_ms: c_int,
    out_event: *mut *mut duologue_event,
) -> duologue_result {
    guard(|| {
        let out = required("out_event", out_event)?;
        let Some(event) = with(client, |client| client.next_event(timeout(timeout_ms)))? else {
            return Err(Error::new(ErrorClass::State, "timeout", "no event has come").retryable());
        };
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(Viewed::new(&event).give()) };
        Ok(())
    })
}

/// Frees an event of duologue_client_next_event(). Not for events of callbacks.
///
/// @param event the event, or NULL
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_event_free(event: *mut duologue_event) {
    quiet(|| {
        if !event.is_null() {
            // SAFETY: the caller got it from next_event and gives it back once.
            drop(unsafe { Viewed::take_back(event) });
        }
    });
}

/// An event as JSON, for logs and for languages that read JSON more easily than structs.
///
/// @param event an event that is alive: inside its callback, or before duologue_event_free()
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_event_to_json(
    event: *const duologue_event,
    out_json: *mut *mut c_char,
) -> duologue_result {
    guard(|| {
        let event = required("event", event.cast_mut())?;
        // SAFETY: the caller's promise about both.
        unsafe { text::give_json(&*Viewed::source(event), out_json) }
    })
}

/// Which kinds of events come into the queue from now on; all at first. What nobody reads need not be
/// queued: with "audio.output.delivery": "pull", or a file descriptor that should not wake for levels.
///
/// @param client the client, with queue delivery
/// @param mask as in duologue_client_set_event_callback()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown bits), DUOLOGUE_ERROR_INVALID_STATE (callback delivery)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_event_mask(client: *mut duologue_client, mask: u64) -> duologue_result {
    guard(|| with(client, |client| client.set_event_mask(callbacks::mask(mask)?)))
}

/// A file descriptor that is readable while events wait, for poll, epoll, kqueue, a main loop. Do not
/// read or close it: it is the client's, which closes it some time after it was destroyed, when the
/// connection is closed too: stop polling it before. Take events with timeout 0 until
/// DUOLOGUE_ERROR_TIMEOUT, then wait again. Stays readable once the client is over.
///
/// @param client the client, with queue delivery
/// @param[out] out_fd receives it
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_STATE (callback delivery), DUOLOGUE_ERROR_UNSUPPORTED (not on this system),
///         DUOLOGUE_ERROR_INTERNAL (no descriptor left)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_wakeup_fd(
    client: *mut duologue_client,
    out_fd: *mut c_int,
) -> duologue_result {
    guard(|| {
        let out = required("out_fd", out_fd)?;
        #[cfg(unix)]
        let fd = with(client, |client| client.wakeup_fd())?;
        #[cfg(not(unix))]
        let fd = with(client, |_| {
            Err::<c_int, _>(
                Error::new(ErrorClass::Unsupported, "no_descriptors", "this system has no file descriptors")
                    .fix("wait with duologue_client_next_event"),
            )
        })?;
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(fd) };
        Ok(())
    })
}
