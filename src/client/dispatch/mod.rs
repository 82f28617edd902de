//! The callback dispatcher: listeners are called on threads of their own, a client at a time each.
//!
//! `lane` (one client) and `pool` (the threads) are the state machines; they know neither clients nor
//! operating system, and `tests/dispatch_model.rs` checks them under a model checker. This file and
//! `workers` tie them to the event queue and to real threads.

mod guard;
mod lane;
mod pool;
mod sync;
mod workers;

pub(super) use guard::guarded;
pub use guard::in_callback;
pub(super) use lane::Next;
pub(super) use workers::Workers;

use super::queue::Queue;
use crate::event::{Event, EventMask};
use futures_util::task::AtomicWaker;
use lane::{Host, Lane};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// Who is told about events on the engine's callback threads.
///
/// Calls of one client come in order and never at once; different clients are served in parallel. Any
/// function may be called from inside but those that wait, which give `would_deadlock`. The listener is
/// dropped exactly once, after its last call, on a thread that holds no lock; dropping counts as a
/// callback. It may block: other clients are served by other threads, but its own client ends with
/// `host_too_slow` when 1024 events wait for more than five seconds. A panic ends the session with
/// `listener_panicked`, and that listener is not called again.
pub trait Listener: Send + Sync {
    /// One event.
    fn on_event(&self, event: &Arc<Event>);
}

impl<F: Fn(&Arc<Event>) + Send + Sync> Listener for F {
    fn on_event(&self, event: &Arc<Event>) {
        self(event);
    }
}

/// Place of a listener, 0 to 31. Of one event, slot 0 hears first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u8);

impl Slot {
    /// How many there are.
    pub const COUNT: u8 = 32;
}

const NO_PANIC: u8 = 0;
const PANICKED: u8 = 1;
const TOLD: u8 = 2;

/// What one client's listeners are made of. The lane has the queue, the queue has the lane only weakly.
pub(super) struct Audience {
    queue: Arc<Queue>,
    workers: Arc<super::engine::Threads>,
    driver: Arc<AtomicWaker>,
    panicked: AtomicU8,
}

/// A client at the dispatcher.
pub(super) struct ClientLane(Lane<Audience>);

impl ClientLane {
    pub fn new(threads: Arc<super::engine::Threads>, driver: Arc<AtomicWaker>) -> Arc<Self> {
        Arc::new_cyclic(|lane| {
            let queue = Arc::new(Queue::for_lane(lane.clone()));
            Self(Lane::new(Audience { queue, workers: threads, driver, panicked: AtomicU8::new(NO_PANIC) }))
        })
    }

    pub fn queue(&self) -> &Arc<Queue> {
        &self.0.host.queue
    }

    /// There is something in the queue, or it has ended.
    pub fn wake(self: &Arc<Self>) {
        if self.0.wake() {
            self.0.host.workers.serve(self.clone());
        }
    }

    /// See `Client::set_listener`. False: closed.
    pub fn set(self: &Arc<Self>, slot: Slot, mask: EventMask, listener: Option<Arc<dyn Listener>>) -> bool {
        if !self.0.set(slot.0, mask.0, listener, !in_callback()) {
            return false;
        }
        // The end may have come before anybody listened.
        if self.queue().has_news() {
            self.wake();
        }
        true
    }

    /// No callback starts any more. False: somebody else destroys the client.
    pub fn close(&self) -> bool {
        self.0.close()
    }

    /// Releases the listeners, and waits until they are unless inside a callback.
    pub fn quiesce(&self) {
        self.0.quiesce(!in_callback());
    }

    /// A listener panicked and the driver has not been told. True once.
    pub fn take_panic(&self) -> bool {
        let told = self.0.host.panicked.compare_exchange(PANICKED, TOLD, Ordering::Relaxed, Ordering::Relaxed);
        told.is_ok()
    }

    /// One turn on a callback thread. True: the lane is to be queued again.
    fn run(&self) -> bool {
        self.0.run()
    }
}

impl Host for Audience {
    type Event = Arc<Event>;
    type Listener = Arc<dyn Listener>;

    fn next(&self) -> Next<Self::Event> {
        self.queue.next()
    }

    fn bit(event: &Self::Event) -> u64 {
        EventMask::bit(&event.kind)
    }

    fn call(&self, listener: &Self::Listener, event: &Self::Event) -> bool {
        let fine = guarded(|| listener.on_event(event)).is_some();
        if !fine && self.panicked.compare_exchange(NO_PANIC, PANICKED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!("an event listener panicked at a {} event; the session ends", event.kind.name());
            self.driver.wake();
        }
        fine
    }

    fn release(&self, listener: Self::Listener) {
        release(listener);
    }

    fn wanted(&self, mask: u64) {
        self.queue.set_mask(EventMask(mask));
    }

    fn over(&self) {
        self.queue.leave();
    }
}

/// Drops what the host gave, which is host code.
pub(crate) fn release<T>(given: T) {
    if guarded(|| drop(given)).is_none() {
        tracing::warn!("dropping an event listener panicked");
    }
}
