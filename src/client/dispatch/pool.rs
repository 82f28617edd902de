//! Who serves the lanes: some threads kept ready, more when all of them are held up by host code.
//!
//! The pool decides, its owner starts threads and the one-shot timer: when a task has been waiting for
//! a whole period of the timer, every thread is busy, and another one is started, up to the bound.

use super::sync::{Condvar, Mutex};
use std::{collections::VecDeque, time::Duration};

/// How long a thread beyond those kept ready stays without work.
const LINGER: Duration = Duration::from_secs(3);

/// What the caller has to do now.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hire {
    /// Start a thread. It is counted already.
    pub thread: bool,
    /// Start the timer. There is none under way.
    pub timer: bool,
}

struct State<T> {
    /// In order. A task is in here once, so it is bounded by their number.
    ready: VecDeque<T>,
    /// Tasks ever queued: the first in the queue is number `pushed - ready.len()`.
    pushed: u64,
    idle: usize,
    threads: usize,
    /// The timer is under way; tasks below this number were waiting when it was started.
    timer: Option<u64>,
    over: bool,
}

/// See the module.
pub struct Pool<T> {
    state: Mutex<State<T>>,
    work: Condvar,
    kept: usize,
    max: usize,
}

impl<T> Pool<T> {
    pub fn new(kept: usize, max: usize) -> Self {
        let state = State { ready: VecDeque::new(), pushed: 0, idle: 0, threads: 0, timer: None, over: false };
        Self { state: Mutex::new(state), work: Condvar::new(), kept, max }
    }

    /// Queues a task.
    pub fn push(&self, task: T) -> Hire {
        let mut state = self.state.lock();
        state.ready.push_back(task);
        state.pushed += 1;
        if state.idle > 0 {
            self.work.notify_one();
        }
        self.hire(&mut state)
    }

    fn hire(&self, state: &mut State<T>) -> Hire {
        if state.ready.len() <= state.idle {
            return Hire::default();
        }
        if state.threads < self.kept {
            state.threads += 1;
            return Hire { thread: true, timer: false };
        }
        let timer = state.threads < self.max && state.timer.is_none();
        if timer {
            state.timer = Some(state.pushed);
        }
        Hire { thread: false, timer }
    }

    /// The timer has run out.
    pub fn tick(&self) -> Hire {
        let mut state = self.state.lock();
        let waiting = state.timer.take().unwrap_or(0);
        let first = state.pushed - state.ready.len() as u64;
        let thread = !state.ready.is_empty() && first < waiting && state.threads < self.max;
        if thread {
            state.threads += 1;
        }
        let more = state.ready.len() > usize::from(thread);
        let timer = more && state.threads < self.max;
        if timer {
            state.timer = Some(state.pushed);
        }
        Hire { thread, timer }
    }

    /// The operating system gave no thread: it is tried again when the timer has run out.
    pub fn not_hired(&self) -> Hire {
        let mut state = self.state.lock();
        state.threads -= 1;
        let timer = state.timer.is_none() && !state.ready.is_empty();
        if timer {
            state.timer = Some(state.pushed);
        }
        Hire { thread: false, timer }
    }

    /// The timer cannot be had: the next task that finds all threads busy asks for it again.
    pub fn no_timer(&self) {
        self.state.lock().timer = None;
    }

    /// The next task for a thread of the pool; `None`: the thread ends, and is no longer counted.
    pub fn take(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(task) = state.ready.pop_front() {
                return Some(task);
            }
            if state.over {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let extra = state.threads > self.kept;
            let timed_out = if extra {
                self.work.wait_for(&mut state, LINGER).timed_out()
            } else {
                self.work.wait(&mut state);
                false
            };
            state.idle -= 1;
            if timed_out && state.ready.is_empty() && state.threads > self.kept {
                state.threads -= 1;
                return None;
            }
        }
    }

    /// No task will come any more: threads end when the queue is empty.
    pub fn close(&self) {
        self.state.lock().over = true;
        self.work.notify_all();
    }

    /// Threads at present.
    pub fn threads(&self) -> usize {
        self.state.lock().threads
    }
}
