//! A queue a thread of the host reads: it waits on a condition, or polls a descriptor with its own loop.

use super::{Queue, Reader};
use crate::{
    client::{shared::closed, status::may_wait},
    error::{Error, ErrorClass, Result},
    event::{Event, EventMask},
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
        // One fetches, others may watch.
        self.arrived.notify_all();
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
        may_wait(timeout)?;
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
                return Err(closed());
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

    /// Waits until there is something to take.
    fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        may_wait(timeout)?;
        let Reader::Thread(fetch) = &self.reader else { return Ok(false) };
        let until = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut inner = self.inner.lock();
        loop {
            if !inner.events.is_empty() {
                return Ok(true);
            }
            if inner.ended {
                return Err(closed());
            }
            match until {
                None => fetch.arrived.wait(&mut inner),
                Some(until) if Instant::now() >= until => return Ok(false),
                // When the time is over it looks once more.
                Some(until) => _ = fetch.arrived.wait_until(&mut inner, until),
            }
        }
    }

    /// Up to `max` events that are there now. An error once there will be none any more.
    fn take_some(&self, max: usize) -> Result<Vec<Arc<Event>>> {
        let mut inner = self.inner.lock();
        let mut events = Vec::with_capacity(max.min(inner.events.len()));
        while events.len() < max
            && let Some(event) = self.take(&mut inner)
        {
            events.push(event);
        }
        if events.is_empty() && inner.ended { Err(closed()) } else { Ok(events) }
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

/// A subscription for a host without Rust's async code: a thread that waits, or an event loop that watches
/// [`Self::wakeup_fd`]. There may be any number of them, beside each other and beside listeners; each is
/// bounded (see [`crate::client`]) and has its own mask. Dropping it unsubscribes.
#[derive(Debug)]
pub struct EventQueue {
    queue: Arc<Queue>,
}

impl EventQueue {
    pub(in crate::client) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// The next event; waits for it, at most `timeout`, without one for ever. `None`: the time was over; a
    /// time of zero only looks. From one thread at a time.
    ///
    /// # Errors
    /// `closed`: the client is gone, or [`Self::close`] was called, and everything was fetched.
    /// `invalid_state`: another thread waits. `would_deadlock`: inside a callback it only looks.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Arc<Event>>> {
        self.queue.fetch(timeout)
    }

    /// Waits until there is something to take, at most `timeout`, without one for ever. False: the time was
    /// over. From any number of threads.
    ///
    /// # Errors
    /// As [`Self::next`] but `invalid_state`.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        self.queue.wait(timeout)
    }

    /// What is there now, at most `max` events. Never waits; may be called from several threads.
    ///
    /// # Errors
    /// `closed` as [`Self::next`].
    pub fn take(&self, max: usize) -> Result<Vec<Arc<Event>>> {
        self.queue.take_some(max)
    }

    /// Which events are queued from now on.
    pub fn set_mask(&self, mask: EventMask) {
        self.queue.set_mask(mask);
    }

    /// A descriptor for `poll` and the like: readable exactly while there is something to take, be it
    /// `closed`. It belongs to the queue: do not close it, and do not read from it.
    ///
    /// # Errors
    /// `no_descriptor`: there are too many.
    #[cfg(unix)]
    pub fn wakeup_fd(&self) -> Result<std::os::fd::RawFd> {
        self.queue.descriptor()
    }

    /// Unsubscribes: what waits is forgotten, and whoever waits is told `closed`.
    pub fn close(&self) {
        self.queue.leave();
        self.queue.end();
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.queue.leave();
    }
}
