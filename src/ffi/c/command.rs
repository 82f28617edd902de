//! Commands. Each returns at once; how it ended comes as a `completed` event with its number.

use super::{
    client::{duologue_client, with},
    config::truth,
    guard::guard,
    options::read_options,
    result::duologue_result,
    text,
};
use crate::{
    Client, ResponseOptions,
    client::Op,
    error::{Error, ErrorClass},
    message::CallRef,
};
use std::ffi::{c_char, c_int};

/// Gives a command. What the engine does not even take fails here and has no `completed` event.
fn command(
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

/// For duologue_client_send_text(): only add the text, do not ask for an answer.
pub const DUOLOGUE_SEND_TEXT_NO_RESPONSE: u32 = 1;
/// For duologue_client_send_text(): cut the assistant off first.
pub const DUOLOGUE_SEND_TEXT_INTERRUPT: u32 = 2;

/// Adds a user message and asks for an answer. Completes when the vendor has taken the message. `completed`
/// carries DUOLOGUE_ERROR_INVALID_STATE (not connected), DUOLOGUE_ERROR_INVALID_ARGUMENT (empty text),
/// DUOLOGUE_ERROR_LIMIT_EXCEEDED (too long), DUOLOGUE_ERROR_WOULD_BLOCK (the network is too slow),
/// DUOLOGUE_ERROR_CANCELLED (the connection ended first), DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
///
/// @param client the client, connected
/// @param text UTF-8, at most 256 KiB
/// @param flags 0, or DUOLOGUE_SEND_TEXT_NO_RESPONSE and DUOLOGUE_SEND_TEXT_INTERRUPT added
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT
///         (unknown flags)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_text(
    client: *mut duologue_client,
    text: *const c_char,
    flags: u32,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        // SAFETY: the caller's promise.
        let text = unsafe { text::required("text", text) }?;
        if flags & !(DUOLOGUE_SEND_TEXT_NO_RESPONSE | DUOLOGUE_SEND_TEXT_INTERRUPT) != 0 {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("{flags:#x} has unknown bits"));
            return Err(error.field("flags").fix("use the DUOLOGUE_SEND_TEXT_ constants"));
        }
        let respond = flags & DUOLOGUE_SEND_TEXT_NO_RESPONSE == 0;
        Ok(client.send_text_with(text, respond, flags & DUOLOGUE_SEND_TEXT_INTERRUPT != 0))
    })
}

/// How a response shall be. Fill it with zeros, set struct_size, then what you want.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duologue_response_options {
    /// sizeof(duologue_response_options)
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// For this response only, in the place of the session's own; NULL keeps those.
    pub instructions: *const c_char,
}

/// Asks for a response. Completes when it has begun. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (not
/// connected), DUOLOGUE_ERROR_WOULD_BLOCK (64 requests wait, or the network is too slow),
/// DUOLOGUE_ERROR_LIMIT_EXCEEDED (too long), DUOLOGUE_ERROR_CANCELLED (interrupted, or the connection ended
/// first), DUOLOGUE_ERROR_PROVIDER (refused or never begun).
///
/// @param client the client, connected
/// @param options how it shall be; NULL for the session's own way
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT
///         (struct_size is too small, or reserved is not 0)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_request_response(
    client: *mut duologue_client,
    options: *const duologue_response_options,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        let defaults = duologue_response_options { struct_size: 0, reserved: 0, instructions: std::ptr::null() };
        // SAFETY: a plain struct of integers and a nullable pointer; the caller's promise about its size.
        let (options, whole) = unsafe { read_options("options", options, defaults) };
        whole?;
        if options.reserved != 0 {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", "is not 0").field("options.reserved");
            return Err(error.fix("fill the options with zeros first"));
        }
        // SAFETY: the caller's promise.
        let instructions = unsafe { text::optional("options.instructions", options.instructions) }?;
        Ok(client.request_response(ResponseOptions { instructions, ..Default::default() }))
    })
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
/// DUOLOGUE_ERROR_NOT_FOUND for a call that is unknown, answered already, or of an earlier connection.
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

/// Sends microphone audio to the vendor, or stops. Completes when it is so, always well.
///
/// @param client the client
/// @param on 1 or 0
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (neither 0 nor 1)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_capture(
    client: *mut duologue_client,
    on: c_int,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.set_capture(truth("on", on)?)))
}

/// Sends silence in the place of the microphone; the vendor's clock goes on. Completes when it is so, always
/// well.
///
/// @param client the client
/// @param muted 1 or 0
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (neither 0 nor 1)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_input_muted(
    client: *mut duologue_client,
    muted: c_int,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.set_input_muted(truth("muted", muted)?)))
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
