//! Around every entry: panics become a result, errors become a number and the thread's last error.

use super::{last_error, result::duologue_result};
use crate::error::{Error, ErrorClass, ErrorCode};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an entry.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Error>) -> duologue_result {
    // What a panic leaves half done belongs to the client, which is closed then (see `client::with`).
    let outcome = catch_unwind(AssertUnwindSafe(body));
    // What was thrown may panic in its own drop.
    let told = catch_unwind(AssertUnwindSafe(|| {
        let Err(error) = outcome.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) else {
            return duologue_result::DUOLOGUE_OK;
        };
        let result = error.result().into();
        last_error::set(error);
        result
    }));
    told.unwrap_or(duologue_result::DUOLOGUE_ERROR_PANIC)
}

/// As [`guard`], for entries that read the last error and therefore must not replace it.
pub(super) fn plain(body: impl FnOnce() -> Result<(), ErrorCode>) -> duologue_result {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => duologue_result::DUOLOGUE_OK,
        Ok(Err(code)) => code.into(),
        Err(_) => duologue_result::DUOLOGUE_ERROR_PANIC,
    }
}

/// Runs the body of an entry that returns nothing.
pub(super) fn quiet(body: impl FnOnce()) {
    let _ = guard(|| {
        body();
        Ok(())
    });
}

/// What a panic is to the caller.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("duologue failed: {}", text.unwrap_or("no message"));
    Error::new(ErrorClass::Internal, "panic", message).fix("this is a bug: report it with what led to it")
}

/// A pointer that must not be NULL is.
pub(super) fn null(name: &str) -> Error {
    Error::new(ErrorClass::Argument, "null_argument", "is NULL").field(name)
}

/// `pointer`, unless it is NULL.
pub(super) fn required<T>(name: &str, pointer: *mut T) -> Result<*mut T, Error> {
    if pointer.is_null() { Err(null(name)) } else { Ok(pointer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_number_and_words() {
        let result = guard(|| panic!("an invariant was broken"));
        assert_eq!(result, duologue_result::DUOLOGUE_ERROR_PANIC);
        let error = last_error::get().unwrap();
        assert!(error.message.contains("an invariant was broken") && error.fix.is_some(), "{error}");
        assert_eq!(plain(|| panic!("while reading the last error")), duologue_result::DUOLOGUE_ERROR_PANIC);
        assert_eq!(last_error::get(), Some(error));
    }

    #[test]
    fn success_keeps_the_words_of_an_earlier_failure() {
        guard(|| Err(null("thing")));
        assert_eq!(guard(|| Ok(())), duologue_result::DUOLOGUE_OK);
        assert_eq!(last_error::get().unwrap().field.as_deref(), Some("thing"));
    }
}
