//! Handles: opaque pointers whose value is a token that is looked up and never followed.
//!
//! Tokens come from one counter for all types and are never used again, so a handle that was
//! destroyed, or is of another type, is told from a good one, whatever another thread does meanwhile.

use super::{guard::null, sync::RwLock};
use crate::error::{Error, ErrorClass};
use std::{
    collections::HashMap,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The first token: far from NULL and from small numbers, and odd, so that whoever follows it faults.
const FIRST: usize = 0x1001;
static NEXT: AtomicUsize = AtomicUsize::new(FIRST);

/// The living objects of one type.
pub(super) struct Registry<T> {
    name: &'static str,
    pub(super) living: RwLock<Option<HashMap<usize, Arc<T>>>>,
}

impl<T> Registry<T> {
    /// `name` is the parameter that carries the handle.
    pub const fn new(name: &'static str) -> Self {
        Self { name, living: RwLock::new(None) }
    }

    /// Takes an object in and gives its handle.
    pub fn insert<H>(&self, object: Arc<T>) -> *mut H {
        // Two apart, so that all are odd.
        let token = NEXT.fetch_add(2, Ordering::Relaxed);
        self.living.write().get_or_insert_with(HashMap::new).insert(token, object);
        ptr::without_provenance_mut(token)
    }

    fn stale(&self) -> Error {
        Error::new(ErrorClass::Argument, "invalid_handle", "was destroyed, is of another type, or never was a handle")
            .field(self.name)
    }

    /// The object of a handle.
    pub fn get<H>(&self, handle: *const H) -> Result<Arc<T>, Error> {
        if handle.is_null() {
            return Err(null(self.name));
        }
        let living = self.living.read();
        living.as_ref().and_then(|l| l.get(&handle.addr())).cloned().ok_or_else(|| self.stale())
    }

    /// As [`Self::get`] for audio threads: `None` when it would have to wait.
    pub fn try_get<H>(&self, handle: *const H) -> Option<Result<Arc<T>, Error>> {
        if handle.is_null() {
            return Some(Err(null(self.name)));
        }
        let living = self.living.try_read()?;
        Some(living.as_ref().and_then(|l| l.get(&handle.addr())).cloned().ok_or_else(|| self.stale()))
    }

    /// Ends a handle. `None`: it had ended already.
    pub fn remove<H>(&self, handle: *mut H) -> Option<Arc<T>> {
        // The object itself is dropped by the caller, without the lock.
        self.living.write().as_mut()?.remove(&handle.addr())
    }

    /// Handles that were not ended.
    pub fn len(&self) -> usize {
        self.living.read().as_ref().map_or(0, HashMap::len)
    }
}
