//! Engines: the threads that call back.

use super::{
    guard::{guard, quiet, required},
    handle::Registry,
    options::read_options,
    result::duologue_result,
    user_data::{UserData, duologue_user_data_free},
};
use crate::{
    client::Engine,
    error::{Error, ErrorClass},
};
use std::{ffi::c_void, sync::Arc};

/// The threads that call back, shared by any number of clients. Most programs need none: NULL in its
/// place means the default engine, which always exists.
pub struct duologue_engine {
    _private: [u8; 0],
}

/// Called once on every thread that will call back, before its first callback; for example to attach it
/// to a Java virtual machine. Must not call duologue.
pub type duologue_thread_start_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// How an engine shall be. Fill it with zeros, set struct_size, then what you want; 0 keeps the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duologue_engine_options {
    /// sizeof(duologue_engine_options)
    pub struct_size: u32,
    /// Threads kept ready, from 2 to max_callback_threads; default 2.
    pub callback_threads: u32,
    /// Threads at most, when callbacks that do not return hold up others, from 2 to 4096; default 256.
    pub max_callback_threads: u32,
    /// Must be 0.
    pub reserved: u32,
    /// May be NULL.
    pub thread_start: duologue_thread_start_callback,
    /// Handed to thread_start, from several threads.
    pub thread_start_user_data: *mut c_void,
    /// Frees thread_start_user_data: called exactly once, when the engine and all its clients are gone, or
    /// before duologue_engine_create() returns if it fails. May be NULL.
    pub thread_start_free: duologue_user_data_free,
}

pub(super) static ENGINES: Registry<Engine> = Registry::new("engine");

/// Makes an engine.
///
/// @param options how it shall be; NULL for the defaults
/// @param[out] out_engine receives the engine; end it with duologue_engine_destroy()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_ARGUMENT (a value is out of
///         range, struct_size is too small, or reserved is not 0), DUOLOGUE_ERROR_INTERNAL (the system gives
///         no threads)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_engine_create(
    options: *const duologue_engine_options,
    out_engine: *mut *mut duologue_engine,
) -> duologue_result {
    guard(|| {
        let defaults = duologue_engine_options {
            struct_size: 0,
            callback_threads: 0,
            max_callback_threads: 0,
            reserved: 0,
            thread_start: None,
            thread_start_user_data: std::ptr::null_mut(),
            thread_start_free: None,
        };
        // SAFETY: a plain struct for which zeros are valid; the caller's promise about its size.
        let (options, whole) = unsafe { read_options("options", options, defaults) };
        // Made first: it is freed whatever happens.
        let user_data = UserData::new(options.thread_start_user_data, options.thread_start_free);
        whole?;
        if options.reserved != 0 {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", "is not 0").field("options.reserved");
            return Err(error.fix("fill the options with zeros first"));
        }
        let out = required("out_engine", out_engine)?;
        let mut builder = Engine::builder();
        if options.callback_threads > 0 {
            builder = builder.callback_threads(options.callback_threads as usize);
        }
        if options.max_callback_threads > 0 {
            builder = builder.max_callback_threads(options.max_callback_threads as usize);
        }
        if let Some(start) = options.thread_start {
            // SAFETY: the caller's promise: the function may be called from any thread.
            builder = builder.on_thread_start(move || unsafe { start(user_data.get()) });
        }
        let engine = ENGINES.insert(Arc::new(builder.build()?));
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(engine) };
        Ok(())
    })
}

/// Ends an engine. Its clients live on, and its threads with them.
///
/// @param engine the engine, or NULL; one that was destroyed already is ignored
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_engine_destroy(engine: *mut duologue_engine) {
    quiet(|| drop(ENGINES.remove(engine)));
}
