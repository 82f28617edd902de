//! Events for a thread or an event loop.

use super::{error::Result, event::Event};
use crate::{client, event::EventMask};
use std::{sync::Arc, time::Duration};

/// A subscription of its own, bounded. It ends when it is closed or released.
#[derive(Debug, uniffi::Object)]
pub struct EventQueue(client::EventQueue);

impl EventQueue {
    pub(super) fn new(queue: client::EventQueue) -> Arc<Self> {
        Arc::new(Self(queue))
    }
}

#[uniffi::export]
impl EventQueue {
    /// What is there now, at most `max` events. Never waits. Throws `closed` when there will be none any more.
    pub fn take(&self, max: u32) -> Result<Vec<Event>> {
        Ok(self.0.take(max as usize)?.iter().map(|event| Event::from(&**event)).collect())
    }

    /// The next event; waits at most `timeout_ms`, without one for ever. Nothing: the time was over.
    pub fn next(&self, timeout_ms: Option<u64>) -> Result<Option<Event>> {
        let event = self.0.next(timeout_ms.map(Duration::from_millis))?;
        Ok(event.map(|event| Event::from(&*event)))
    }

    /// Waits until there is something to take, at most `timeout_ms`, without one for ever. False: the time
    /// was over. Throws `closed` when there will be nothing any more.
    pub fn wait(&self, timeout_ms: Option<u64>) -> Result<bool> {
        Ok(self.0.wait(timeout_ms.map(Duration::from_millis))?)
    }

    /// Which events are queued from now on: bits as in `event_names`.
    pub fn set_mask(&self, mask: u64) {
        self.0.set_mask(EventMask(mask));
    }

    /// A descriptor that is readable exactly while there is something to take. It belongs to the queue.
    /// Not on Windows: there it throws `unsupported`.
    pub fn wakeup_fd(&self) -> Result<i32> {
        #[cfg(unix)]
        return Ok(self.0.wakeup_fd()?);
        #[cfg(not(unix))]
        Err(crate::Error::new(crate::ErrorClass::Unsupported, "unsupported", "this system has no descriptors")
            .fix("wait with next on a thread")
            .into())
    }

    /// Unsubscribes; whoever waits is told `closed`.
    pub fn close(&self) {
        self.0.close();
    }
}
