//! Calls into the host's language stop before its interpreter does.
//!
//! A thread that calls into a Python that is ending is ended there by `pthread_exit`, which unwinds through our
//! frames and aborts the process. So the host closes the gate first; what is released later is leaked.

use parking_lot::{Condvar, Mutex};
use std::{
    mem::ManuallyDrop,
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

/// How many calls are in the host, and whether none may begin.
static CALLS: Mutex<(usize, bool)> = Mutex::new((0, false));
static RETURNED: Condvar = Condvar::new();

struct Call;

impl Call {
    fn begin() -> Option<Self> {
        let mut calls = CALLS.lock();
        if calls.1 {
            return None;
        }
        calls.0 += 1;
        Some(Self)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = CALLS.lock();
        calls.0 -= 1;
        if calls.0 == 0 && calls.1 {
            RETURNED.notify_all();
        }
    }
}

/// Something of the host's that is called and released only while the gate is open.
pub(super) struct Held<T: ?Sized>(ManuallyDrop<Arc<T>>);

impl<T: ?Sized> Held<T> {
    pub fn new(object: Arc<T>) -> Self {
        Self(ManuallyDrop::new(object))
    }

    /// Calls it; nothing when the gate is closed. No lock is held meanwhile.
    pub fn call<R>(&self, call: impl FnOnce(&T) -> R) -> Option<R> {
        let _call = Call::begin()?;
        Some(call(self.0.deref()))
    }
}

impl<T: ?Sized> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(_call) = Call::begin() {
            // SAFETY: never used again.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

/// No listener and no service is called from now on, in this process. Waits at most `timeout_ms` for calls that
/// are running; false: some still are. For hosts whose interpreter ends before the process does.
#[uniffi::export]
pub fn end_calls(timeout_ms: u64) -> bool {
    let until = Instant::now() + Duration::from_millis(timeout_ms.min(60_000));
    let mut calls = CALLS.lock();
    calls.1 = true;
    while calls.0 > 0 {
        if RETURNED.wait_until(&mut calls, until).timed_out() {
            return calls.0 == 0;
        }
    }
    true
}
