//! Callbacks for speech, words, messages, tool calls and audio.
//!
//! Each has a slot of its own beside the sink for all events, which is called first.

use super::{
    callbacks::{Family, register},
    client::duologue_client,
    event_conversation::*,
    event_enums::duologue_event_kind::{self, *},
    result::duologue_result,
    user_data::duologue_user_data_free,
};
use std::ffi::c_void;

/// Who is audible changed. The event and all it points to is gone when the callback returns.
pub type duologue_mode_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_mode_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_MODE. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_mode_callback(
    client: *mut duologue_client,
    callback: duologue_mode_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_MODE];
    let family: Family<duologue_mode_event> = |event| unsafe { (*event).mode };
    register(client, 2, KINDS, family, callback, user_data, free_fn)
}

/// The user started or stopped to speak. The event and all it points to is gone when the callback returns.
pub type duologue_speech_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_speech_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_SPEECH_STARTED, DUOLOGUE_EVENT_SPEECH_STOPPED. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_speech_callback(
    client: *mut duologue_client,
    callback: duologue_speech_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_SPEECH_STARTED, DUOLOGUE_EVENT_SPEECH_STOPPED];
    let family: Family<duologue_speech_event> = |event| unsafe { (*event).speech };
    register(client, 3, KINDS, family, callback, user_data, free_fn)
}

/// An item began to be heard, or will not be heard further. The event and all it points to is gone when the callback returns.
pub type duologue_playback_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_playback_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_PLAYBACK_STARTED, DUOLOGUE_EVENT_PLAYBACK_FINISHED. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_playback_callback(
    client: *mut duologue_client,
    callback: duologue_playback_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_PLAYBACK_STARTED, DUOLOGUE_EVENT_PLAYBACK_FINISHED];
    let family: Family<duologue_playback_event> = |event| unsafe { (*event).playback };
    register(client, 4, KINDS, family, callback, user_data, free_fn)
}

/// The model finished writing, or the turn is over. The event and all it points to is gone when the callback returns.
pub type duologue_response_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_response_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_GENERATION_DONE, DUOLOGUE_EVENT_TURN_DONE. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_response_callback(
    client: *mut duologue_client,
    callback: duologue_response_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_GENERATION_DONE, DUOLOGUE_EVENT_TURN_DONE];
    let family: Family<duologue_response_event> = |event| unsafe { (*event).response_end };
    register(client, 5, KINDS, family, callback, user_data, free_fn)
}

/// The assistant was cut off. The event and all it points to is gone when the callback returns.
pub type duologue_interrupted_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_interrupted_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_INTERRUPTED. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_interrupted_callback(
    client: *mut duologue_client,
    callback: duologue_interrupted_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_INTERRUPTED];
    let family: Family<duologue_interrupted_event> = |event| unsafe { (*event).interrupted };
    register(client, 6, KINDS, family, callback, user_data, free_fn)
}

/// The conversation changed. The event and all it points to is gone when the callback returns.
pub type duologue_message_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_message_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_MESSAGE. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_message_callback(
    client: *mut duologue_client,
    callback: duologue_message_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_MESSAGE];
    let family: Family<duologue_message_event> = |event| unsafe { (*event).message };
    register(client, 7, KINDS, family, callback, user_data, free_fn)
}

/// Words came. The event and all it points to is gone when the callback returns.
pub type duologue_transcript_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_transcript_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_TRANSCRIPT. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_transcript_callback(
    client: *mut duologue_client,
    callback: duologue_transcript_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_TRANSCRIPT];
    let family: Family<duologue_transcript_event> = |event| unsafe { (*event).transcript };
    register(client, 8, KINDS, family, callback, user_data, free_fn)
}

/// Assistant audio came. The event and all it points to is gone when the callback returns.
pub type duologue_audio_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_audio_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_AUDIO. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_audio_callback(
    client: *mut duologue_client,
    callback: duologue_audio_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_AUDIO];
    let family: Family<duologue_audio_event> = |event| unsafe { (*event).audio };
    register(client, 9, KINDS, family, callback, user_data, free_fn)
}

/// It is this loud. The event and all it points to is gone when the callback returns.
pub type duologue_audio_level_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_audio_level_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_AUDIO_LEVEL. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_audio_level_callback(
    client: *mut duologue_client,
    callback: duologue_audio_level_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_AUDIO_LEVEL];
    let family: Family<duologue_audio_level_event> = |event| unsafe { (*event).audio_level };
    register(client, 10, KINDS, family, callback, user_data, free_fn)
}

/// The model calls a host function. The event and all it points to is gone when the callback returns.
pub type duologue_tool_call_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_tool_call_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_TOOL_CALL. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_tool_call_callback(
    client: *mut duologue_client,
    callback: duologue_tool_call_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_TOOL_CALL];
    let family: Family<duologue_tool_call_event> = |event| unsafe { (*event).tool_call };
    register(client, 11, KINDS, family, callback, user_data, free_fn)
}

/// A tool call ended without the host. The event and all it points to is gone when the callback returns.
pub type duologue_tool_end_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_tool_end_event)>;

/// Registers the callback for: DUOLOGUE_EVENT_TOOL_CANCELLED, DUOLOGUE_EVENT_TOOL_TIMEOUT. Rules and results are those of
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
pub unsafe extern "C" fn duologue_client_set_tool_end_callback(
    client: *mut duologue_client,
    callback: duologue_tool_end_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // SAFETY (of the closure): an event is alive while its family is looked up.
    const KINDS: &[duologue_event_kind] = &[DUOLOGUE_EVENT_TOOL_CANCELLED, DUOLOGUE_EVENT_TOOL_TIMEOUT];
    let family: Family<duologue_tool_end_event> = |event| unsafe { (*event).tool_end };
    register(client, 12, KINDS, family, callback, user_data, free_fn)
}
