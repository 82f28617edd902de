//! The user's turn: the microphone's way to the vendor, by hand or not.

use super::{client::duologue_client, command::command, config::truth, result::duologue_result};
use std::ffi::c_int;

/// Begins the user's turn by hand ("turn_detection": {"mode": "manual"}): the key is down. The assistant is cut
/// off, and the microphone goes to the vendor, beginning with the moment before this call, so that the first
/// syllable is there although the key came late (`turn_detection.prefix_padding_ms`; "auto_capture" must be on for
/// that, as it is by default). Where the vendor finds the turns it only switches capturing on, as
/// duologue_client_set_capture(). Completes when it is so; doing it twice is no error. `completed` carries
/// DUOLOGUE_ERROR_INVALID_STATE (not connected, or the configuration has no microphone).
///
/// @param client the client, connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_start_listening(
    client: *mut duologue_client,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.start_listening()))
}

/// Ends the user's turn by hand: the key is up. All audio that was pushed before this call is part of the turn.
/// Completes when the vendor has taken the turn; the answer follows by itself unless
/// `turn_detection.create_response` is off. Where the vendor finds the turns it switches capturing off, and what the
/// user is in the middle of saying is answered. `completed` carries DUOLOGUE_ERROR_LIMIT_EXCEEDED with the code
/// `turn_too_short` (less than `turn_detection.minimum_ms` was pushed: it is thrown away and nobody answers),
/// DUOLOGUE_ERROR_INVALID_STATE (not connected, or no turn has begun), DUOLOGUE_ERROR_CANCELLED (the connection
/// ended first), DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
///
/// @param client the client, connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_stop_listening(
    client: *mut duologue_client,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.stop_listening()))
}

/// Forgets what the user said since the last turn. Completes at once. `completed` carries
/// DUOLOGUE_ERROR_INVALID_STATE (not connected).
///
/// @param client the client, connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_clear_input(
    client: *mut duologue_client,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.clear_input()))
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
