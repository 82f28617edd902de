//! Log lines for the host.

use super::{
    guard::guard,
    result::duologue_result,
    user_data::{UserData, duologue_user_data_free},
};
use crate::{
    client::release,
    error::{Error, ErrorClass},
};
use once_cell::sync::OnceCell;
use parking_lot::RwLock;
use std::{
    cell::Cell,
    ffi::{CString, c_char, c_void},
    fmt::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_log_level {
    /// Nothing.
    DUOLOGUE_LOG_LEVEL_OFF = 0,
    /// A bug in duologue or its host.
    DUOLOGUE_LOG_LEVEL_ERROR = 1,
    /// Something a developer should see.
    DUOLOGUE_LOG_LEVEL_WARN = 2,
    /// What happens.
    DUOLOGUE_LOG_LEVEL_INFO = 3,
    /// How it happens; may contain what was said, never a secret.
    DUOLOGUE_LOG_LEVEL_DEBUG = 4,
    /// Everything.
    DUOLOGUE_LOG_LEVEL_TRACE = 5,
}

/// A log line. level is a duologue_log_level, target the part of the library, both texts NUL-terminated
/// UTF-8 (a NUL in a line is written as \0) that are gone when the callback returns.
pub type duologue_log_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, target: *const c_char, message: *const c_char)>;

struct Sink {
    call: unsafe extern "C" fn(*mut c_void, i32, *const c_char, *const c_char),
    user_data: UserData,
}

static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);
static MAX_LEVEL: AtomicI32 = AtomicI32::new(0);

thread_local! {
    /// A line is being written on this thread.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Sends log lines of the whole library to a callback, in the place of an earlier one. It is called on
/// the thread that has something to say, which is any but an audio thread, on several at a time; it must not
/// call duologue, and be quick: most lines come from the network thread, which all sessions share. Replacing does not wait
/// for a call that is running: the old free_fn runs when it is over.
///
/// @param max_level a duologue_log_level: the least important that is wanted
/// @param callback the function; NULL switches logging off
/// @param user_data handed to it
/// @param free_fn frees user_data: called exactly once, after the last line, or before this returns if it
///                fails; may be NULL
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown level), DUOLOGUE_ERROR_INVALID_STATE (the
///         program is in Rust and its own logger already gets the lines)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_set_log_callback(
    max_level: i32,
    callback: duologue_log_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    // Made first: it is freed whatever happens.
    let user_data = UserData::new(user_data, free_fn);
    guard(|| {
        if !(0..=5).contains(&max_level) {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("is {max_level}"));
            return Err(error.field("max_level").fix("use a duologue_log_level"));
        }
        install()?;
        let sink = callback.map(|call| Arc::new(Sink { call, user_data }));
        let level = if sink.is_some() { max_level } else { 0 };
        // The old one is dropped, and freed, without the lock.
        let mut place = SINK.write();
        MAX_LEVEL.store(level, Ordering::Relaxed);
        let old = std::mem::replace(&mut *place, sink);
        drop(place);
        tracing::callsite::rebuild_interest_cache();
        release(old);
        Ok(())
    })
}

/// Makes our subscriber the process's, once.
fn install() -> Result<(), Error> {
    static INSTALLED: OnceCell<()> = OnceCell::new();
    let installed = INSTALLED.get_or_try_init(|| tracing::subscriber::set_global_default(Lines).map_err(drop));
    installed.copied().map_err(|()| {
        Error::new(ErrorClass::State, "invalid_state", "this process has a tracing subscriber already")
            .fix("take duologue's lines from there")
    })
}

fn number(level: Level) -> i32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// Hands lines to the sink. Spans are not used.
struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && number(*metadata.level()) <= MAX_LEVEL.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match MAX_LEVEL.load(Ordering::Relaxed) {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        // What a sink causes is not logged, or it would never end.
        if WRITING.try_with(|w| w.replace(true)).unwrap_or(true) {
            return;
        }
        let sink = SINK.read().clone();
        if let Some(sink) = sink {
            let mut line = Line::default();
            event.record(&mut line);
            let (target, message) = (c_text(event.metadata().target()), c_text(&line.whole()));
            let level = number(*event.metadata().level());
            // SAFETY: the host's promise: the function may be called from any thread.
            unsafe { (sink.call)(sink.user_data.get(), level, target.as_ptr(), message.as_ptr()) };
            // It may have been replaced meanwhile; its end is host code, and nothing may wait in it.
            release(sink);
        }
        let _ = WRITING.try_with(|w| w.set(false));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A line: the message, then fields as `name=value`.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn whole(&self) -> String {
        format!("{}{}", self.message, self.fields)
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

/// Text for C; a NUL is made visible.
fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}
