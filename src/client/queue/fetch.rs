//! A queue a thread of the host reads: it waits on a condition, or polls a descriptor with its own loop.

use super::{Queue, Reader};
use crate::{
    error::{Error, ErrorClass, Result},
    event::Event,
};
use parking_lot::Condvar;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// See the module.
#[derive(Default)]
pub(super) struct Fetch {
    arrived: Condvar,
    /// Somebody is fetching.
    busy: AtomicBool,
}

impl Fetch {
    pub fn wake(&self) {
        // One at a time fetches.
        self.arrived.notify_one();
    }
}

/// Whoever fetches, until it has.
struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Queue {
    /// Waits for the next event; `None` when the time is over first. Without a time: for ever.
    pub fn fetch(&self, timeout: Option<Duration>) -> Result<Option<Arc<Event>>> {
        let Reader::Thread(fetch) = &self.reader else { return Ok(None) };
        if fetch.busy.swap(true, Ordering::Acquire) {
            return Err(Error::new(ErrorClass::State, "invalid_state", "another thread is fetching events")
                .fix("fetch events of one client from one thread"));
        }
        let _turn = Turn(&fetch.busy);
        // Too far to be represented is for ever.
        let until = timeout.and_then(|t| Instant::now().checked_add(t));
        let forever = until.is_none();
        let mut inner = self.inner.lock();
        loop {
            if let Some(event) = self.take(&mut inner) {
                return Ok(Some(event));
            }
            if inner.ended {
                return Err(crate::client::shared::closed());
            }
            match until {
                _ if forever => fetch.arrived.wait(&mut inner),
                Some(until) if !fetch.arrived.wait_until(&mut inner, until).timed_out() => {}
                // What came in the last moment is taken.
                _ if inner.events.is_empty() && !inner.ended => return Ok(None),
                _ => {}
            }
        }
    }

    /// A descriptor that is readable while there is something to fetch. Made at the first call.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<std::os::fd::RawFd> {
        let mut inner = self.inner.lock();
        if inner.descriptor.is_none() {
            let made = super::descriptor::Descriptor::new().map_err(|error| {
                Error::new(ErrorClass::Internal, "no_descriptor", format!("no wake-up descriptor: {error}"))
                    .fix("raise the limit of open files")
            })?;
            inner.descriptor = Some(made);
            if inner.ended || !inner.events.is_empty() {
                self.raise(&mut inner);
            }
        }
        Ok(inner.descriptor.as_ref().map_or(-1, super::descriptor::Descriptor::raw))
    }
}
