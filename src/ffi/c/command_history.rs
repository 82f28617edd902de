//! The conversation as a document, and what is told about the network.

use super::{
    client::{duologue_client, with},
    command::command,
    guard::guard,
    result::duologue_result,
    text,
};
use crate::transcript::Transcript;
use std::ffi::c_char;

/// The conversation as a neutral document (a transcript), in any status, pending words included: to be kept, or given
/// to another client with duologue_client_import_history(). duologue_transcript_schema() has its keys.
///
/// @param client the client
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_export_history(
    client: *mut duologue_client,
    out_json: *mut *mut c_char,
) -> duologue_result {
    guard(|| {
        let transcript = with(client, |client| Ok(client.export_history()))?;
        // SAFETY: the caller's promise.
        unsafe { text::give_json(&transcript, out_json) }
    })
}

/// Adds a conversation that was held elsewhere behind what there is, all of it or nothing; the next connect tells it
/// to the service. Each of its messages comes as a `message` event. Names of messages and calls that services do not
/// take (longer than 32 characters, or of others than letters, digits, _ and -), that are there twice or that this
/// client could give itself are replaced; what was open is settled, and calls that ran are cancelled. `completed`
/// carries DUOLOGUE_ERROR_INVALID_STATE (`connected`: disconnect first) and DUOLOGUE_ERROR_LIMIT_EXCEEDED
/// (`history_full`: with what there is more than 2000 messages, 8 MiB of text or 8 MiB of pictures).
///
/// @param client the client, not connected
/// @param json a transcript, as duologue_client_export_history() gives it; unknown keys are errors
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_JSON,
///         DUOLOGUE_ERROR_INVALID_ARGUMENT (no transcript: the last error names the path, the cause and the fix)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_import_history(
    client: *mut duologue_client,
    json: *const c_char,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        // SAFETY: the caller's promise.
        let json = unsafe { text::required("json", json) }?;
        Ok(client.import_history(Transcript::from_json(&json)?))
    })
}

/// Forgets the conversation. Each message comes as a `message` event that removes it. `completed` carries
/// DUOLOGUE_ERROR_INVALID_STATE (`connected`: disconnect first).
///
/// @param client the client, not connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_clear_history(
    client: *mut duologue_client,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.clear_history()))
}

/// Says that the network is another one now: what there is of a connection is given up and opened anew at once.
/// Completes when that has begun; status events tell the rest. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (not
/// connected; `reconnect_off`: `recovery.reconnect` is off).
///
/// @param client the client, connected or reconnecting
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_network_changed(
    client: *mut duologue_client,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.network_changed()))
}

/// Measures the way to the service and back: `completed` carries it as round_trip_us, or
/// DUOLOGUE_ERROR_INVALID_STATE (not connected, also while the connection is coming back),
/// DUOLOGUE_ERROR_WOULD_BLOCK (16 are on their way), DUOLOGUE_ERROR_TIMEOUT (no answer within 15 seconds).
///
/// @param client the client, connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_ping(client: *mut duologue_client, out_op: *mut u64) -> duologue_result {
    command(client, out_op, |client| Ok(client.ping().into_op()))
}

/// The JSON Schema of a transcript.
///
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_transcript_schema(out_json: *mut *mut c_char) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| unsafe { text::give_json(&Transcript::schema(), out_json) })
}
