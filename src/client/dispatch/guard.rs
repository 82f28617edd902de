//! Which threads are inside host code that duologue called.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// True while this thread runs host code that duologue called: a listener, its drop, or an audio sink.
/// Nothing that waits for other callbacks or for the engine does so here: [`Client::destroy`] and
/// [`Client::set_listener`] return at once, and blocking calls are refused with `would_deadlock`.
///
/// [`Client::destroy`]: crate::Client::destroy
/// [`Client::set_listener`]: crate::Client::set_listener
pub fn in_callback() -> bool {
    // During the thread's own end there is no callback.
    DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(false)
}

/// Runs host code. `None`: it panicked.
pub(in crate::client) fn guarded<T>(code: impl FnOnce() -> T) -> Option<T> {
    let step = |by: isize| _ = DEPTH.try_with(|depth| depth.set(depth.get().wrapping_add_signed(by)));
    step(1);
    let result = catch_unwind(AssertUnwindSafe(code));
    let result = result.map_err(|payload| {
        // What was thrown may panic in its own drop; that one is not worth a third attempt.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
    });
    step(-1);
    result.ok()
}
