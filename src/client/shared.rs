//! What the handles and the driver of a client have in common. No lock is held across host code.

use super::{
    host_audio::HostAudio,
    queue::{EventStream, Queue},
    state::State,
};
use crate::{
    credential::Credential,
    error::{Error, ErrorClass, Result},
    event::{Event, EventKind, OpId},
    session::{Command, SessionStats},
    time::Time,
};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, oneshot};

/// Commands that may wait for the driver.
const MAX_COMMANDS: usize = 256;

/// A command on its way.
pub(super) struct Envelope {
    pub op: OpId,
    pub command: Command,
    pub reply: oneshot::Sender<Result<()>>,
}

/// See the module.
pub(super) struct Shared {
    pub waker: Arc<AtomicWaker>,
    pub credential: Mutex<Option<Credential>>,
    pub host_audio: HostAudio,
    state: Mutex<State>,
    commands: Mutex<VecDeque<Envelope>>,
    subscribers: Mutex<Vec<Arc<Queue>>>,
    last_op: AtomicU64,
    gone: AtomicBool,
    ended: AtomicBool,
    pub over: Notify,
    pub stats: Mutex<Stats>,
}

/// Counters of a client since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Of the session.
    pub session: SessionStats,
    /// Microphone frames dropped because the network was too slow.
    pub dropped_audio: u64,
    /// Microphone frames that found the capture ring full.
    pub capture_overruns: u64,
    /// Times the speaker ran dry inside an item.
    pub underruns: u64,
}

impl Shared {
    pub fn new(waker: Arc<AtomicWaker>, credential: Option<Credential>, host_audio: HostAudio) -> Self {
        Self {
            waker,
            credential: Mutex::new(credential),
            host_audio,
            state: Mutex::default(),
            commands: Mutex::default(),
            subscribers: Mutex::default(),
            last_op: AtomicU64::new(0),
            gone: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            over: Notify::new(),
            stats: Mutex::default(),
        }
    }

    pub fn next_op(&self) -> OpId {
        OpId(self.last_op.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Queues a command for the driver.
    pub fn command(&self, command: Command) -> (OpId, oneshot::Receiver<Result<()>>) {
        let op = self.next_op();
        let (reply, receiver) = oneshot::channel();
        let mut commands = self.commands.lock();
        if self.ended.load(Ordering::Acquire) {
            drop(reply);
        } else if commands.len() >= MAX_COMMANDS {
            let error = Error::new(ErrorClass::Limit, "backpressure", "256 commands are waiting")
                .fix("await earlier commands before giving more")
                .retryable();
            let _ = reply.send(Err(error));
        } else {
            commands.push_back(Envelope { op, command, reply });
        }
        drop(commands);
        self.waker.wake();
        (op, receiver)
    }

    pub fn take_command(&self) -> Option<Envelope> {
        self.commands.lock().pop_front()
    }

    /// The last handle is gone, or the host destroyed the client.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub fn host_is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The driver is over.
    pub fn end(&self) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        self.commands.lock().clear();
        for queue in self.subscribers.lock().drain(..) {
            queue.end();
        }
        self.over.notify_waiters();
    }

    pub fn subscribe(&self) -> EventStream {
        let queue = Arc::new(Queue::default());
        let mut subscribers = self.subscribers.lock();
        if self.has_ended() {
            queue.end();
        } else {
            subscribers.retain(|q| !q.is_gone());
            subscribers.push(queue.clone());
        }
        EventStream { queue }
    }

    /// Folds an event into the state and gives it to every subscriber. False: one is too slow.
    pub fn publish(&self, event: Event, now: Time) -> bool {
        if !matches!(event.kind, EventKind::Audio(_) | EventKind::AudioLevel(_) | EventKind::Raw(_)) {
            self.state.lock().apply(&event);
        }
        let mut subscribers = self.subscribers.lock();
        if subscribers.is_empty() {
            return true;
        }
        let event = Arc::new(event);
        let mut patient = true;
        subscribers.retain(|queue| {
            if queue.is_gone() {
                return false;
            }
            patient &= queue.push(&event, now);
            true
        });
        patient
    }

    pub fn state(&self) -> State {
        self.state.lock().clone()
    }
}
