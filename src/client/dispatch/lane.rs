//! One client at the dispatcher: who listens, whether it is being served, and how it ends.
//!
//! A lane is served by one thread at a time, so what one client's listeners see is in order and never
//! at once. It is idle, queued (waiting for a thread), running, or running with more to do.
//!
//! No lock is held while a listener is called or released. A listener that is being called is held by
//! the thread that calls it as well, so whoever takes it away can let go of it at once; its last use
//! ends with the call. Closing leaves the listeners to the thread that serves the lane, if one does:
//! they may share data with the one that runs.

use super::sync::{Condvar, Mutex};

/// Events handed out before other lanes have their turn.
pub const BATCH: usize = 32;

/// What a lane needs from the world.
pub trait Host {
    /// What is handed out.
    type Event;
    /// Who gets it. A clone is the same listener.
    type Listener: Clone;

    /// The next event in order.
    fn next(&self) -> Next<Self::Event>;
    /// The event's bit in a mask.
    fn bit(event: &Self::Event) -> u64;
    /// Calls a listener. False: it panicked.
    fn call(&self, listener: &Self::Listener, event: &Self::Event) -> bool;
    /// Lets go of a listener; must not panic.
    fn release(&self, listener: Self::Listener);
    /// Somebody wants these events; with none, what waits is forgotten. Called under the lock: no host code.
    fn wanted(&self, mask: u64);
    /// Nothing is wanted any more, for good.
    fn over(&self);
}

/// See [`Host::next`].
pub enum Next<E> {
    Event(E),
    Empty,
    /// There will be no more.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Schedule {
    Idle,
    Queued,
    Running,
    /// Running, and something came meanwhile.
    Again,
}

struct Seat<L> {
    slot: u8,
    /// Tells a replaced listener from its successor.
    id: u64,
    mask: u64,
    listener: L,
}

struct State<L> {
    schedule: Schedule,
    /// Ascending by slot.
    seats: Vec<Seat<L>>,
    last_id: u64,
    /// The slot whose listener is being called, and how many calls were before.
    calling: Option<u8>,
    calls: u64,
    /// Threads that are letting go of listeners.
    releasing: usize,
    /// No call begins any more.
    closed: bool,
    destroyed: bool,
}

impl<L> State<L> {
    fn mask(&self) -> u64 {
        self.seats.iter().fold(0, |all, seat| all | seat.mask)
    }

    fn is_running(&self) -> bool {
        matches!(self.schedule, Schedule::Running | Schedule::Again)
    }
}

/// See the module.
pub struct Lane<H: Host> {
    pub host: H,
    state: Mutex<State<H::Listener>>,
    changed: Condvar,
}

impl<H: Host> Lane<H> {
    pub fn new(host: H) -> Self {
        let state = State {
            schedule: Schedule::Idle,
            seats: Vec::new(),
            last_id: 0,
            calling: None,
            calls: 0,
            releasing: 0,
            closed: false,
            destroyed: false,
        };
        Self { host, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// There may be something to hand out. True: the caller queues the lane.
    #[must_use]
    pub fn wake(&self) -> bool {
        let mut state = self.state.lock();
        match state.schedule {
            Schedule::Idle if !state.closed && !state.seats.is_empty() => {
                state.schedule = Schedule::Queued;
                true
            }
            Schedule::Running => {
                state.schedule = Schedule::Again;
                false
            }
            _ => false,
        }
    }

    /// Registers, replaces or (with `None`) unregisters the listener of a slot; `wait`: until a call of
    /// the slot that is under way has ended and the old listener is released. False: the lane is
    /// closed, and the listener given was released.
    #[must_use]
    pub fn set(&self, slot: u8, mask: u64, listener: Option<H::Listener>, wait: bool) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            if let Some(listener) = listener {
                self.host.release(listener);
            }
            return false;
        }
        state.last_id += 1;
        let id = state.last_id;
        let new = listener.map(|listener| Seat { slot, id, mask, listener });
        let old = match (state.seats.binary_search_by_key(&slot, |s| s.slot), new) {
            (Ok(at), Some(new)) => Some(std::mem::replace(&mut state.seats[at], new)),
            (Ok(at), None) => Some(state.seats.remove(at)),
            (Err(at), Some(new)) => {
                state.seats.insert(at, new);
                None
            }
            (Err(_), None) => None,
        };
        self.host.wanted(state.mask());
        let call = (state.calling == Some(slot)).then_some(state.calls);
        if let Some(old) = old {
            state.releasing += 1;
            drop(state);
            self.host.release(old.listener);
            state = self.state.lock();
            state.releasing -= 1;
            self.changed.notify_all();
        }
        if wait && let Some(call) = call {
            while state.calling.is_some() && state.calls == call {
                self.changed.wait(&mut state);
            }
        }
        true
    }

    /// First step of destroying: no call begins any more. False: somebody else destroys it.
    #[must_use]
    pub fn close(&self) -> bool {
        let mut state = self.state.lock();
        if state.destroyed {
            return false;
        }
        state.destroyed = true;
        state.closed = true;
        self.host.wanted(0);
        true
    }

    /// Second step: the listeners are released, here or after the call that is under way by the thread
    /// that makes it. `wait`: until that is done and nothing runs any more.
    pub fn quiesce(&self, wait: bool) {
        let mut state = self.state.lock();
        if !state.is_running() {
            let seats = std::mem::take(&mut state.seats);
            state.releasing += 1;
            drop(state);
            self.release(seats);
            state = self.state.lock();
            state.releasing -= 1;
            self.changed.notify_all();
        }
        while wait && (state.is_running() || state.releasing > 0) {
            self.changed.wait(&mut state);
        }
    }

    /// Serves the lane for one turn. True: the caller queues it again, behind the others.
    #[must_use]
    pub fn run(&self) -> bool {
        {
            let mut state = self.state.lock();
            if state.closed {
                // Whoever closed a lane that was not running has released its listeners.
                state.schedule = Schedule::Idle;
                return false;
            }
            state.schedule = Schedule::Running;
        }
        let mut more = true;
        for _ in 0..BATCH {
            match self.host.next() {
                Next::Event(event) => {
                    if !self.deliver(&event) {
                        break;
                    }
                }
                Next::Empty => {
                    more = false;
                    break;
                }
                Next::End => {
                    self.state.lock().closed = true;
                    break;
                }
            }
        }
        let mut state = self.state.lock();
        if state.closed {
            let seats = std::mem::take(&mut state.seats);
            drop(state);
            self.release(seats);
            self.state.lock().schedule = Schedule::Idle;
            self.changed.notify_all();
            return false;
        }
        more |= state.schedule == Schedule::Again;
        state.schedule = if more { Schedule::Queued } else { Schedule::Idle };
        more
    }

    /// Calls everyone who wants the event, by slot. False: the lane was closed.
    fn deliver(&self, event: &H::Event) -> bool {
        let bit = H::bit(event);
        let mut from = 0;
        let mut state = self.state.lock();
        while !state.closed {
            let Some(seat) = state.seats.iter().find(|s| s.slot >= from && s.mask & bit != 0) else { return true };
            let (slot, id, listener) = (seat.slot, seat.id, seat.listener.clone());
            state.calling = Some(slot);
            drop(state);
            let fine = self.host.call(&listener, event);
            // Before the call counts as over: whoever waits for it may find the listener gone.
            self.host.release(listener);
            state = self.state.lock();
            if !fine && let Some(seat) = state.seats.iter_mut().find(|s| s.id == id) {
                seat.mask = 0;
                if !state.closed {
                    self.host.wanted(state.mask());
                }
            }
            state.calling = None;
            state.calls += 1;
            self.changed.notify_all();
            from = slot + 1;
        }
        false
    }

    fn release(&self, seats: Vec<Seat<H::Listener>>) {
        for seat in seats {
            self.host.release(seat.listener);
        }
        self.host.over();
    }
}

impl<H: Host> Drop for Lane<H> {
    /// Without an end, when a host's runtime was stopped under the client.
    fn drop(&mut self) {
        let seats = std::mem::take(&mut self.state.lock().seats);
        self.release(seats);
    }
}
