//! The last failing call of each thread.

use crate::error::Error;
use std::cell::RefCell;

thread_local! {
    static LAST: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Keeps `error` for this thread. A thread that is being torn down keeps nothing.
pub(super) fn set(error: Error) {
    // The old one is dropped outside, when nothing is borrowed.
    let _old = LAST.try_with(|last| last.borrow_mut().replace(error));
}

pub(super) fn get() -> Option<Error> {
    LAST.try_with(|last| last.borrow().clone()).ok().flatten()
}
