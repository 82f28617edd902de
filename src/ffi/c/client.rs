//! Clients: making, ending and reading them.

use super::{
    config::{duologue_config, used},
    engine::{ENGINES, duologue_engine},
    event_enums::{duologue_mode, duologue_status},
    guard::{guard, panicked, quiet, required},
    handle::Registry,
    result::duologue_result,
    text,
    view_conversation::mode_number,
    view_service::status_number,
};
use crate::{
    Client,
    client::{Engine, in_callback},
    error::{Error, ErrorClass},
    event::StatusKind,
};
use parking_lot::Mutex;
use std::{
    ffi::{c_char, c_int},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A voice session. It can connect, disconnect and connect again; the conversation stays until it is
/// destroyed.
pub struct duologue_client {
    _private: [u8; 0],
}

/// What a handle stands for.
pub(super) struct Held {
    client: Client,
    /// Somebody is destroying it.
    ending: AtomicBool,
}

pub(super) static CLIENTS: Registry<Held> = Registry::new("client");

/// Runs `body` with the client of a handle. A panic closes the client: it may be half done.
pub(super) fn with<T>(
    handle: *const duologue_client,
    body: impl FnOnce(&Client) -> Result<T, Error>,
) -> Result<T, Error> {
    let held = CLIENTS.get(handle)?;
    caught(&held.client, body)
}

/// As [`with`] for audio threads: `None` when it would have to wait.
pub(super) fn try_with<T>(
    handle: *const duologue_client,
    body: impl FnOnce(&Client) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let Some(held) = CLIENTS.try_get(handle) else { return Ok(None) };
    caught(&held?.client, body).map(Some)
}

fn caught<T>(client: &Client, body: impl FnOnce(&Client) -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(|| body(client))).unwrap_or_else(|panic| {
        let error = panicked(panic.as_ref());
        client.destroy();
        drop(panic);
        Err(error)
    })
}

/// Clients that were destroyed while a call was under way. That call may be on an audio thread, which must not be
/// the one to release them.
static ENDED: Mutex<Vec<Arc<Held>>> = Mutex::new(Vec::new());

/// Releases a client, now or when the calls under way are over: at the next client made or destroyed.
fn bury(client: Arc<Held>) {
    ENDED.lock().push(client);
    // Calls of other threads are short once the client is closed.
    for _ in 0..50 {
        if sweep() == 0 || in_callback() {
            return;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Releases what nobody uses any more; returns how many are left.
fn sweep() -> usize {
    let mut ended = ENDED.lock();
    // Nobody can get hold of them any more: a count of one stays one.
    let (free, used): (Vec<_>, Vec<_>) = ended.drain(..).partition(|client| Arc::strong_count(client) == 1);
    *ended = used;
    let left = ended.len();
    drop(ended);
    drop(free);
    left
}

/// Makes a client that is not connected. It copies nothing: a configuration is shared.
///
/// @param engine the engine whose threads call back; NULL for the default one
/// @param config what the session shall be; NULL for the defaults. It cannot change any more then
/// @param[out] out_client receives the client; end it with duologue_client_destroy()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_CONFIG, DUOLOGUE_ERROR_UNSUPPORTED, DUOLOGUE_ERROR_INTERNAL (the system gives
///         no threads)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_create(
    engine: *mut duologue_engine,
    config: *const duologue_config,
    out_client: *mut *mut duologue_client,
) -> duologue_result {
    guard(|| {
        let out = required("out_client", out_client)?;
        sweep();
        let mut builder = Client::builder();
        if !engine.is_null() {
            let engine = ENGINES.get(engine)?;
            builder = builder.engine(Engine::clone(&engine));
        }
        let client = builder.config(used(config)?).build()?;
        let handle = CLIENTS.insert(Arc::new(Held { client, ending: AtomicBool::new(false) }));
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(handle) };
        Ok(())
    })
}

/// Ends a client: it disconnects, and everything it holds is released. Waits for a callback of this
/// client that is running, however long that takes; afterwards no callback runs or will run, and every
/// free function has run.
///
/// Inside a callback (of any client) it does not wait: no further callback starts, the current one
/// finishes normally, and the free functions run after it, on that thread.
///
/// Never hold a lock that a callback needs while calling this (a Python GIL too): both would wait for
/// ever. The connection is closed in the background; to see it closed, call duologue_client_disconnect()
/// and wait for DUOLOGUE_STATUS_IDLE first.
///
/// @param client the client, or NULL; one that was destroyed already is ignored, also by another thread
///               at the same time, which then does not wait
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_client_destroy(client: *mut duologue_client) {
    quiet(|| {
        let Ok(living) = CLIENTS.get(client.cast_const()) else { return };
        if living.ending.swap(true, Ordering::AcqRel) {
            return;
        }
        living.client.destroy();
        // Removed last: otherwise callbacks would start on a handle that is already gone.
        if let Some(ended) = CLIENTS.remove(client) {
            drop(living);
            bury(ended);
        }
    });
}

/// Clients that were made and not destroyed. At the end of a program that cleans up: 0.
///
/// @return how many
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_live_clients() -> usize {
    catch_unwind(|| CLIENTS.len()).unwrap_or(0)
}

/// The connection, now.
///
/// @param client the client
/// @param[out] out_status receives it
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_status(
    client: *const duologue_client,
    out_status: *mut duologue_status,
) -> duologue_result {
    guard(|| {
        let out = required("out_status", out_status)?;
        let status = with(client, |client| Ok(status_number(&client.status())))?;
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(status) };
        Ok(())
    })
}

/// One word for a user interface, now.
///
/// @param client the client
/// @param[out] out_mode receives it
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_mode(
    client: *const duologue_client,
    out_mode: *mut duologue_mode,
) -> duologue_result {
    guard(|| {
        let out = required("out_mode", out_mode)?;
        let mode = with(client, |client| Ok(mode_number(client.mode())))?;
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(mode) };
        Ok(())
    })
}

/// Waits until the connection is in a state. The one blocking call of callback delivery: for programs
/// that have nothing else to do.
///
/// @param client the client
/// @param status a duologue_status
/// @param timeout_ms how long; 0 only looks, negative waits for ever
/// @return DUOLOGUE_OK (it is, or was for a moment), DUOLOGUE_ERROR_TIMEOUT, DUOLOGUE_ERROR_WOULD_DEADLOCK
///         (inside a callback), DUOLOGUE_ERROR_CLOSED (destroyed meanwhile), DUOLOGUE_ERROR_NULL_ARGUMENT,
///         DUOLOGUE_ERROR_INVALID_HANDLE, DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown status); when the run fails
///         while another state is waited for: the number of its error
/// @par Thread
/// any but callbacks and audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_wait_status(
    client: *mut duologue_client,
    status: i32,
    timeout_ms: i32,
) -> duologue_result {
    guard(|| {
        let wanted = match status {
            0 => StatusKind::Idle,
            1 => StatusKind::Connecting,
            2 => StatusKind::Connected,
            3 => StatusKind::Reconnecting,
            4 => StatusKind::Error,
            other => {
                let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("is {other}"));
                return Err(error.field("status").fix("use a duologue_status"));
            }
        };
        let reached = with(client, |client| client.wait_status(wanted, timeout(timeout_ms)))?;
        if reached { Ok(()) } else { Err(Error::new(ErrorClass::State, "timeout", "the time is over").retryable()) }
    })
}

/// A C timeout: negative is for ever.
pub(super) fn timeout(ms: c_int) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}

/// Whether a connect has a chance, before anything is dialled: there is a credential (or one is asked for) and a
/// way to dial. Asks neither network nor device.
///
/// @param client the client
/// @param[out] out_can_connect receives 1 or 0; duologue_client_availability_json() says why not
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_can_connect(
    client: *const duologue_client,
    out_can_connect: *mut c_int,
) -> duologue_result {
    guard(|| {
        let out = required("out_can_connect", out_can_connect)?;
        let can = with(client, |client| Ok(client.availability().can_connect()))?;
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(can.into()) };
        Ok(())
    })
}

/// What stands in the way of a connect, as JSON: the keys `credential`, `transport` and `microphone`, each with the
/// error that a person can be told, and absent when all is well there. Without a microphone a client works all
/// the same, with text.
///
/// @param client the client
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_availability_json(
    client: *const duologue_client,
    out_json: *mut *mut c_char,
) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| with(client, |client| unsafe { text::give_json(&client.availability(), out_json) }))
}

/// Everything about the client now, as JSON: `revision`, `status`, `mode`, `user_speaking`, `agent`, `error` (the
/// newest of this run, fatal or not, or null), and `messages`, the conversation in order with what is being said.
///
/// @param client the client
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_state_json(
    client: *const duologue_client,
    out_json: *mut *mut c_char,
) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| with(client, |client| unsafe { text::give_json(&client.state(), out_json) }))
}

/// Counters since the client was made, as JSON.
///
/// @param client the client
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_stats_json(
    client: *const duologue_client,
    out_json: *mut *mut c_char,
) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| with(client, |client| unsafe { text::give_json(&client.stats(), out_json) }))
}

/// What the provider and model can do, as JSON: turn modes, pictures, tools, voices, kinds of credentials, what can
/// change while a session runs, and more. A key that is absent is not declared; `false` is confirmed unsupported.
///
/// @param client the client
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_capabilities_json(
    client: *const duologue_client,
    out_json: *mut *mut c_char,
) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| with(client, |client| unsafe { text::give_json(client.capabilities(), out_json) }))
}

/// The configuration the client was made from, as JSON.
///
/// @param client the client
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_config_json(
    client: *const duologue_client,
    out_json: *mut *mut c_char,
) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| with(client, |client| unsafe { text::give_json(&**client.config(), out_json) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_closes_the_client_it_happened_in() {
        let mut handle = std::ptr::null_mut();
        // SAFETY: all pointers are NULL or valid.
        let made = unsafe { duologue_client_create(std::ptr::null_mut(), std::ptr::null(), &raw mut handle) };
        assert_eq!(made, duologue_result::DUOLOGUE_OK);
        let outcome = with(handle, |_| -> Result<(), Error> { panic!("an invariant was broken") });
        assert_eq!(outcome.unwrap_err().result(), crate::ErrorCode::Panic);
        let refused = with(handle, |client| Ok(client.connect().refusal().map(Error::result))).unwrap();
        assert_eq!(refused, Some(crate::ErrorCode::Closed));
        duologue_client_destroy(handle);
        assert!(with(handle, |_| Ok(())).is_err());
    }
}
