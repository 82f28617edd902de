//! Events for hosts without async code: listeners, or a queue to fetch from; and the end of a client.

use super::{
    Client, Listener, Slot,
    dispatch::{ClientLane, release},
    queue::{EventQueue, Queue},
    shared::{Audience, closed},
};
use crate::{
    error::{Error, ErrorClass, Result},
    event::{Event, EventMask, StatusKind},
};
use std::{sync::Arc, time::Duration};

impl Client {
    /// Calls `listener` with every event of `mask` on the engine's callback threads, from the next one that
    /// is delivered (events that other listeners have not been given yet come to this one too); `None`
    /// unregisters. At any time, from any thread, also inside a callback. See [`Listener`].
    ///
    /// The listener that was in the slot is dropped. Outside callbacks this waits until a call of the
    /// slot that is under way has returned and the old listener was dropped, however long the host takes:
    /// hold no lock here that a callback needs. Inside a callback, of any client, nothing waits, and a
    /// listener that is being called is dropped right after the call.
    ///
    /// # Errors
    /// `out_of_range`: there are slots 0 to 31. `invalid_state`: the configuration says `queue`.
    /// `closed`: the client is gone. The listener given is dropped then.
    pub fn set_listener(&self, slot: Slot, mask: EventMask, listener: Option<Arc<dyn Listener>>) -> Result<()> {
        let lane = match self.lane_for(slot) {
            Ok(lane) => lane,
            Err(error) => {
                release(listener);
                return Err(error);
            }
        };
        if lane.set(slot, mask, listener) { Ok(()) } else { Err(closed()) }
    }

    /// Subscribes a thread or an event loop of the host: events of `mask` from now on. Works with either
    /// `delivery`.
    pub fn event_queue(&self, mask: EventMask) -> EventQueue {
        EventQueue::new(self.inner.shared.subscribe(Queue::for_thread(mask)))
    }

    /// Ends the client for all its handles: the session disconnects, no callback starts any more and all
    /// listeners are dropped. Commands fail with `closed` from now on; what [`Client::state`] and the
    /// like tell stays.
    ///
    /// Outside callbacks it returns when the callback that is running has returned, however long that
    /// takes, and all listeners were dropped: hold no lock here that a callback needs. Inside a callback,
    /// of any client, it returns at once, and the listeners of a client that is in a callback are dropped
    /// after that. When two threads destroy a client, the second returns at once.
    ///
    /// Event streams and the queue of [`Client::next_event`] still give what happened, and end.
    pub fn destroy(&self) {
        let shared = &self.inner.shared;
        match &shared.audience {
            Audience::Queue(_) => shared.leave(),
            Audience::Callbacks(lane) => {
                if lane.close() {
                    shared.leave();
                    lane.quiesce();
                }
            }
        }
    }

    /// The next event for a host that fetches (`delivery`: `queue`); waits for it, at most `timeout`,
    /// without one for ever. `None`: the time was over; a time of zero only looks. From one thread at a
    /// time. The queue has everything since the client was built: a host that does not fetch for long
    /// ends its session with `host_too_slow`.
    ///
    /// # Errors
    /// `closed`: the client is gone and everything was fetched. `invalid_state`: the configuration says
    /// `callbacks`, or another thread is fetching. `would_deadlock`: inside a callback it only looks.
    pub fn next_event(&self, timeout: Option<Duration>) -> Result<Option<Arc<Event>>> {
        self.queue()?.fetch(timeout)
    }

    /// Which events come into the queue of [`Client::next_event`] from now on; at first all.
    ///
    /// # Errors
    /// `invalid_state`: the configuration says `callbacks`.
    pub fn set_event_mask(&self, mask: EventMask) -> Result<()> {
        self.queue()?.set_mask(mask);
        Ok(())
    }

    /// A descriptor for `poll` and the like: readable exactly while [`Client::next_event`] has something,
    /// be it `closed`. It is the client's: do not close it, and do not read from it. Non-blocking, closed
    /// on exec, made at the first call, gone with the last handle of the client.
    ///
    /// # Errors
    /// `invalid_state`: the configuration says `callbacks`. `no_descriptor`: there are too many.
    #[cfg(unix)]
    pub fn wakeup_fd(&self) -> Result<std::os::fd::RawFd> {
        self.queue()?.descriptor()
    }

    /// Blocks until the status is `wanted`, at most `timeout`, without one for ever. `false`: the time
    /// was over. For programs without async code or an event loop.
    ///
    /// Commands given before count: the status is looked at once the engine has seen them. So after
    /// [`Client::connect`] neither the idle of before nor the error of an earlier run is taken for an
    /// answer, and after [`Client::disconnect`] this waits for the idle that follows it. Events of
    /// the change may reach listeners before or after this returns.
    ///
    /// # Errors
    /// Waiting for something else: the error of the run when the status is `error`, or of the last
    /// connect when it failed and nothing is under way; `not_connected` when the run this has seen ended
    /// otherwise. `closed`: the client is gone. `would_deadlock`: inside a callback it only looks.
    pub fn wait_status(&self, wanted: StatusKind, timeout: Option<Duration>) -> Result<bool> {
        self.inner.shared.wait_status(wanted, timeout)
    }

    fn lane_for(&self, slot: Slot) -> Result<&Arc<ClientLane>> {
        if slot.0 >= Slot::COUNT {
            let error = Error::new(ErrorClass::Argument, "out_of_range", format!("there is no slot {}", slot.0));
            return Err(error.field("slot").fix("give 0 to 31"));
        }
        match &self.inner.shared.audience {
            Audience::Callbacks(_) if self.inner.shared.has_ended() => Err(closed()),
            Audience::Callbacks(lane) => Ok(lane),
            Audience::Queue(_) => Err(wrong_delivery("queue", "callbacks")),
        }
    }

    fn queue(&self) -> Result<&Arc<Queue>> {
        match &self.inner.shared.audience {
            Audience::Queue(queue) => Ok(queue),
            Audience::Callbacks(_) => Err(wrong_delivery("callbacks", "queue")),
        }
    }
}

fn wrong_delivery(is: &str, needed: &str) -> Error {
    Error::new(ErrorClass::State, "invalid_state", format!("the client delivers events by {is}"))
        .field("delivery")
        .fix(format!("set it to {needed}"))
}
