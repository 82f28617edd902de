//! A host's pointer that comes with each callback.

use std::ffi::c_void;

/// Frees user data. Called exactly once for each call it was given to: after the last callback when that
/// call succeeded, before it returns when it failed. May call duologue.
pub type duologue_user_data_free = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// User data with its free function, which runs when this is dropped.
pub(super) struct UserData {
    pointer: *mut c_void,
    free: duologue_user_data_free,
}

// SAFETY: duologue never follows the pointer; the header tells hosts which threads get it.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub fn new(pointer: *mut c_void, free: duologue_user_data_free) -> Self {
        Self { pointer, free }
    }

    pub fn get(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the host gave both for exactly this.
            unsafe { free(self.pointer) };
        }
    }
}
