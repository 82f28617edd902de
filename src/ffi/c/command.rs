//! Commands. Each returns at once; how it ended comes as a `completed` event with its number.

use super::{
    client::{duologue_client, with},
    config::truth,
    guard::guard,
    result::duologue_result,
    text,
};
use crate::{Client, client::Op, error::Error, message::CallRef};
use std::ffi::{c_char, c_int};

/// Gives a command. What the engine does not even take fails here and has no `completed` event.
pub(super) fn command(
    client: *mut duologue_client,
    out_op: *mut u64,
    give: impl FnOnce(&Client) -> Result<Op, Error>,
) -> duologue_result {
    guard(|| {
        let op = with(client, give)?;
        if let Some(error) = op.refusal() {
            return Err(error.clone());
        }
        if !out_op.is_null() {
            // SAFETY: not NULL, valid by the caller's promise.
            unsafe { out_op.write(op.id().0) };
        }
        Ok(())
    })
}

/// Dials, configures, and completes when the vendor has confirmed; bounded to 30 seconds. Give a
/// credential first. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (already connected),
/// DUOLOGUE_ERROR_AUTH, DUOLOGUE_ERROR_CONNECT_FAILED, DUOLOGUE_ERROR_TLS, DUOLOGUE_ERROR_PROTOCOL,
/// DUOLOGUE_ERROR_CANCELLED, or what the vendor says.
///
/// @param client the client
/// @param[out] out_op receives the number of the command; may be NULL
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_WOULD_BLOCK (256 commands or 4096 events are waiting), DUOLOGUE_ERROR_CLOSED
///         (destroyed meanwhile); so does every command below
/// @par Thread
/// any but audio threads; so is every command below
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_connect(client: *mut duologue_client, out_op: *mut u64) -> duologue_result {
    command(client, out_op, |client| Ok(client.connect()))
}

/// Ends the run, also while connecting. Completes when idle, always well; doing it twice is no error. Never
/// waits for host code.
///
/// @param client the client
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_disconnect(client: *mut duologue_client, out_op: *mut u64) -> duologue_result {
    command(client, out_op, |client| Ok(client.disconnect()))
}

/// Cuts the assistant off. Completes when the speaker is silent and the vendor was told what was heard; at once,
/// and well, when nothing is said. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (not connected) or
/// DUOLOGUE_ERROR_CANCELLED (the connection ended first).
///
/// @param client the client, connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_interrupt(client: *mut duologue_client, out_op: *mut u64) -> duologue_result {
    command(client, out_op, |client| Ok(client.interrupt()))
}

/// Answers a tool call, at any later time, inside the callback too. `completed` carries
/// DUOLOGUE_ERROR_NOT_FOUND for a call that is unknown, answered already, or of an earlier connection;
/// DUOLOGUE_ERROR_INVALID_STATE (not connected; `call_over`: it took too long, and the model was told so); and, the
/// model being told of it in the place of the result, DUOLOGUE_ERROR_TOOL (`invalid_result`: it does not fit the
/// function's output_schema) and DUOLOGUE_ERROR_LIMIT_EXCEEDED (over 256 KiB). A result over
/// `tool_handling.result_max_length` is cut for the model, with a warning.
///
/// @param client the client, connected
/// @param epoch the epoch of the tool_call event
/// @param call_id the call_id of the tool_call event
/// @param output what the model shall see: JSON text, or plain text; at most 256 KiB
/// @param is_error 1 when the tool failed, otherwise 0
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT
///         (is_error is neither 0 nor 1)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_submit_tool_result(
    client: *mut duologue_client,
    epoch: u32,
    call_id: *const c_char,
    output: *const c_char,
    is_error: c_int,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        // SAFETY: the caller's promise about both.
        let (id, output) = unsafe { (text::required("call_id", call_id)?, text::required("output", output)?) };
        let is_error = truth("is_error", is_error)?;
        Ok(client.submit_tool_result(CallRef { epoch, id: id.into() }, output, is_error))
    })
}

/// Changes the session while it runs: instructions, tools, turn detection and the like. Only what changes is
/// sent. Completes when the vendor has confirmed; a refusal leaves everything as it was. `completed` carries
/// DUOLOGUE_ERROR_INVALID_CONFIG (a field that is wrong, or that cannot change while the session runs: the error
/// names its path), DUOLOGUE_ERROR_UNSUPPORTED (the provider or model cannot), DUOLOGUE_ERROR_INVALID_STATE (not
/// connected; `voice_locked`: the assistant has spoken with the voice it had; `response_running`: the speed
/// changes between responses only), DUOLOGUE_ERROR_CANCELLED (the connection ended first),
/// DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
///
/// The next connect uses the configuration the client was made from.
///
/// @param client the client, connected
/// @param changes a JSON object, at most 256 KiB: a merge patch (RFC 7396) of the configuration document, for
///                example {"instructions": "Answer in French.", "turn_detection": {"mode": "manual"}}; null gives
///                a default back
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_JSON
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_update_session(
    client: *mut duologue_client,
    changes: *const c_char,
    out_op: *mut u64,
) -> duologue_result {
    // SAFETY: the caller's promise.
    command(client, out_op, |client| Ok(client.update_session(unsafe { text::json("changes", changes) }?)))
}

/// Sends one vendor event as it is. `completed` carries DUOLOGUE_ERROR_INVALID_JSON for what is no JSON
/// object.
///
/// @param client the client, connected
/// @param json a JSON object, at most 256 KiB
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_raw(
    client: *mut duologue_client,
    json: *const c_char,
    out_op: *mut u64,
) -> duologue_result {
    // SAFETY: the caller's promise.
    command(client, out_op, |client| Ok(client.send_raw(unsafe { text::required("json", json) }?)))
}
