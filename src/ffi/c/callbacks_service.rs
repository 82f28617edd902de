//! Callbacks for the connection, commands, figures and the vendor's traffic.
//!
//! Each has a slot of its own beside the sink for all events, which is called first.

use super::{
    callbacks::{Family, register},
    client::duologue_client,
    event_enums::duologue_event_kind::{self, *},
    event_service::*,
    result::duologue_result,
    user_data::duologue_user_data_free,
};
use std::ffi::c_void;

/// The connection changed. The event and all it points to is gone when the callback returns.
pub type duologue_status_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_status_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_STATUS. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_status_callback(
    client: *mut duologue_client,
    callback: duologue_status_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_STATUS];
    let family: Family<duologue_status_event> = |event| unsafe { (*event).status };
    register(client, 13, KINDS, family, callback, user_data, free_fn)
}

/// The host must provide a credential. The event and all it points to is gone when the callback returns.
pub type duologue_credential_needed_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_credential_needed_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_CREDENTIAL_NEEDED. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_credential_needed_callback(
    client: *mut duologue_client,
    callback: duologue_credential_needed_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_CREDENTIAL_NEEDED];
    let family: Family<duologue_credential_needed_event> = |event| unsafe { (*event).credential_needed };
    register(client, 14, KINDS, family, callback, user_data, free_fn)
}

/// A command ended. The event and all it points to is gone when the callback returns.
pub type duologue_completed_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_completed_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_COMPLETED. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_completed_callback(
    client: *mut duologue_client,
    callback: duologue_completed_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_COMPLETED];
    let family: Family<duologue_completed_event> = |event| unsafe { (*event).completed };
    register(client, 15, KINDS, family, callback, user_data, free_fn)
}

/// The session was configured, or what it can do changed. The event and all it points to is gone when the callback returns.
pub type duologue_session_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_session_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_SESSION_CONFIGURED, DUOLOGUE_EVENT_CAPABILITY_CHANGED. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_session_callback(
    client: *mut duologue_client,
    callback: duologue_session_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_SESSION_CONFIGURED, DUOLOGUE_EVENT_CAPABILITY_CHANGED];
    let family: Family<duologue_session_event> = |event| unsafe { (*event).session };
    register(client, 16, KINDS, family, callback, user_data, free_fn)
}

/// The conversation continues on another vendor session. The event and all it points to is gone when the callback returns.
pub type duologue_session_replaced_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_session_replaced_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_SESSION_REPLACED. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_session_replaced_callback(
    client: *mut duologue_client,
    callback: duologue_session_replaced_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_SESSION_REPLACED];
    let family: Family<duologue_session_replaced_event> = |event| unsafe { (*event).session_replaced };
    register(client, 17, KINDS, family, callback, user_data, free_fn)
}

/// The conversation continues on another transport. The event and all it points to is gone when the callback returns.
pub type duologue_transport_changed_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_transport_changed_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_TRANSPORT_CHANGED. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_transport_changed_callback(
    client: *mut duologue_client,
    callback: duologue_transport_changed_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_TRANSPORT_CHANGED];
    let family: Family<duologue_transport_changed_event> = |event| unsafe { (*event).transport_changed };
    register(client, 18, KINDS, family, callback, user_data, free_fn)
}

/// Tokens were used. The event and all it points to is gone when the callback returns.
pub type duologue_usage_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_usage_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_USAGE. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_usage_callback(
    client: *mut duologue_client,
    callback: duologue_usage_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_USAGE];
    let family: Family<duologue_usage_event> = |event| unsafe { (*event).usage };
    register(client, 19, KINDS, family, callback, user_data, free_fn)
}

/// A turn took so long. The event and all it points to is gone when the callback returns.
pub type duologue_latency_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_latency_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_LATENCY. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_latency_callback(
    client: *mut duologue_client,
    callback: duologue_latency_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_LATENCY];
    let family: Family<duologue_latency_event> = |event| unsafe { (*event).latency };
    register(client, 20, KINDS, family, callback, user_data, free_fn)
}

/// An audio device came, went or changed. The event and all it points to is gone when the callback returns.
pub type duologue_device_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_device_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_DEVICE. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_device_callback(
    client: *mut duologue_client,
    callback: duologue_device_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_DEVICE];
    let family: Family<duologue_device_event> = |event| unsafe { (*event).device };
    register(client, 21, KINDS, family, callback, user_data, free_fn)
}

/// Something failed, or a developer should see it. The event and all it points to is gone when the callback returns.
pub type duologue_error_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_error_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_WARNING, DUOLOGUE_EVENT_ERROR. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_error_callback(
    client: *mut duologue_client,
    callback: duologue_error_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_WARNING, DUOLOGUE_EVENT_ERROR];
    let family: Family<duologue_error_event> = |event| unsafe { (*event).error };
    register(client, 22, KINDS, family, callback, user_data, free_fn)
}

/// A vendor event, as it came. The event and all it points to is gone when the callback returns.
pub type duologue_raw_callback = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_raw_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_RAW. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_raw_callback(
    client: *mut duologue_client,
    callback: duologue_raw_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_RAW];
    let family: Family<duologue_raw_event> = |event| unsafe { (*event).raw };
    register(client, 23, KINDS, family, callback, user_data, free_fn)
}

/// The host was too slow and events were dropped. The event and all it points to is gone when the callback returns.
pub type duologue_lagged_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_lagged_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_LAGGED. Rules and results are those of
/// duologue_client_set_event_callback().
///
/// @param client the client
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data after the last callback; may be NULL
/// @return as duologue_client_set_event_callback()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_lagged_callback(
    client: *mut duologue_client,
    callback: duologue_lagged_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_LAGGED];
    let family: Family<duologue_lagged_event> = |event| unsafe { (*event).lagged };
    register(client, 24, KINDS, family, callback, user_data, free_fn)
}
