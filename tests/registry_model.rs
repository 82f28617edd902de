//! The registry of C handles under a model checker: looking up, ending and making handles on several
//! threads. The file is the library's, with other primitives beneath.
#![cfg(feature = "capi")]

/// What the registry takes from the crate, and its primitives as the checker has them.
mod error {
    pub use duologue::error::{Error, ErrorClass};
}
mod guard {
    use crate::error::{Error, ErrorClass};

    pub fn null(name: &str) -> Error {
        Error::new(ErrorClass::Argument, "null_argument", "is NULL").field(name)
    }
}
mod sync {
    pub struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub const fn new(value: T) -> Self {
            Self(shuttle::sync::RwLock::new(value))
        }

        pub fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap()
        }

        pub fn try_read(&self) -> Option<shuttle::sync::RwLockReadGuard<'_, T>> {
            self.0.try_read().ok()
        }

        pub fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap()
        }
    }
}
#[path = "../src/ffi/c/handle.rs"]
#[allow(dead_code)]
mod handle;

use handle::Registry;
use shuttle::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};
use std::sync::Arc;

/// An object that counts how often it was released.
struct Thing(Arc<AtomicUsize>);

impl Drop for Thing {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A handle that threads can share, as C's can.
#[derive(Clone, Copy)]
struct Handle(*mut Thing);
// SAFETY: a token, never followed.
unsafe impl Send for Handle {}

impl Handle {
    fn of(self) -> *mut Thing {
        self.0
    }
}

#[test]
fn a_handle_ends_once_whoever_ends_it_and_its_object_outlives_calls_under_way() {
    shuttle::check_random(
        || {
            let registry: Arc<Registry<Thing>> = Arc::new(Registry::new("thing"));
            let released = Arc::new(AtomicUsize::new(0));
            let ended = Arc::new(AtomicUsize::new(0));
            let handle = Handle(registry.insert(Arc::new(Thing(released.clone()))));
            let enders: Vec<_> = (0..2)
                .map(|_| {
                    let (registry, ended) = (registry.clone(), ended.clone());
                    thread::spawn(move || {
                        if registry.remove(handle.of()).is_some() {
                            ended.fetch_add(1, SeqCst);
                        }
                        assert!(registry.get(handle.of().cast_const()).is_err(), "it is gone for who ended it");
                    })
                })
                .collect();
            let (looking, seen) = (registry.clone(), released.clone());
            let user = thread::spawn(move || {
                if let Ok(thing) = looking.get(handle.of().cast_const()) {
                    thread::yield_now();
                    assert_eq!(seen.load(SeqCst), 0, "released under a call");
                    drop(thing);
                }
                // An audio thread: an answer at once, whatever the others do.
                if let Some(Ok(thing)) = looking.try_get(handle.of().cast_const()) {
                    assert_eq!(seen.load(SeqCst), 0, "released under a call");
                    drop(thing);
                }
            });
            let making = registry.clone();
            let other = Arc::new(AtomicUsize::new(0));
            let maker = thread::spawn(move || {
                let fresh: *mut Thing = making.insert(Arc::new(Thing(other)));
                assert_ne!(fresh, handle.of(), "never used again");
                drop(making.remove(fresh));
            });
            for thread in enders {
                thread.join().unwrap();
            }
            user.join().unwrap();
            maker.join().unwrap();
            assert_eq!((ended.load(SeqCst), released.load(SeqCst), registry.len()), (1, 1, 0));
        },
        2_000,
    );
}
