//! Handles: opaque pointers whose value is a token that is looked up and never followed.
//!
//! Tokens come from one counter for all types and are never used again, so a handle that was
//! destroyed, or is of another type, is told from a good one, whatever another thread does meanwhile.

use super::guard::null;
use crate::error::{Error, ErrorClass};
use parking_lot::RwLock;
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
    living: RwLock<Option<HashMap<usize, Arc<T>>>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_ends_once_and_never_comes_back() {
        let registry = Registry::new("thing");
        let first: *mut u8 = registry.insert(Arc::new(1));
        let second: *mut u8 = registry.insert(Arc::new(2));
        assert_ne!(first, second);
        assert_eq!((*registry.get(first).unwrap(), registry.len()), (1, 2));
        assert_eq!(registry.remove(first).as_deref(), Some(&1));
        assert!(registry.remove(first).is_none());
        assert_eq!(registry.get(first).unwrap_err().code, "invalid_handle");
        assert_eq!(registry.get::<u8>(ptr::null()).unwrap_err().code, "null_argument");
        assert_eq!(registry.try_get(second).unwrap().as_deref(), Ok(&2));
    }

    #[test]
    fn a_handle_of_another_type_is_refused() {
        let (numbers, words) = (Registry::new("number"), Registry::new("word"));
        let number: *mut u8 = numbers.insert(Arc::new(1));
        let _: *mut u8 = words.insert(Arc::new("one"));
        assert_eq!(words.get(number).unwrap_err().field.as_deref(), Some("word"));
    }

    #[test]
    fn an_audio_thread_does_not_wait() {
        let registry = Registry::new("thing");
        let handle: *mut u8 = registry.insert(Arc::new(1));
        let writing = registry.living.write();
        assert!(registry.try_get(handle).is_none());
        drop(writing);
        assert!(registry.try_get(handle).is_some());
    }
}
