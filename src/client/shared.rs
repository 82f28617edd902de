//! What the handles and the driver of a client have in common. No lock is held across host code.

use super::{
    credentials::Credentials,
    dispatch::ClientLane,
    host_audio::HostAudio,
    op::{Op, Outcome},
    queue::Queue,
    state::State,
    status::Progress,
};
use crate::{
    credential::Credential,
    error::{Error, ErrorClass, Result},
    event::{Event, EventKind, OpId},
    session::{Command, SessionStats},
    time::Time,
    transport::MediaStats,
};
use futures_util::task::AtomicWaker;
use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering, fence},
    },
};
use tokio::sync::{Notify, oneshot};

/// Commands that may wait for the driver.
const MAX_COMMANDS: usize = 256;

/// A command on its way.
pub(super) struct Envelope {
    pub op: OpId,
    pub command: Command,
    pub reply: oneshot::Sender<Outcome>,
}

/// How a host without streams gets events.
pub(super) enum Audience {
    Callbacks(Arc<ClientLane>),
    Queue(Arc<Queue>),
}

impl Audience {
    fn queue(&self) -> &Arc<Queue> {
        match self {
            Self::Callbacks(lane) => lane.queue(),
            Self::Queue(queue) => queue,
        }
    }
}

/// See the module.
pub(super) struct Shared {
    pub waker: Arc<AtomicWaker>,
    pub credentials: Credentials,
    pub host_audio: HostAudio,
    pub audience: Audience,
    state: Mutex<State>,
    /// For threads that wait for a status.
    pub(super) progress: Mutex<Progress>,
    pub(super) progressed: Condvar,
    commands: Mutex<VecDeque<Envelope>>,
    subscribers: Mutex<Vec<Arc<Queue>>>,
    last_op: AtomicU64,
    gone: AtomicBool,
    ended: AtomicBool,
    pub over: Notify,
    pub stats: Mutex<Stats>,
}

/// Counters of a client since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Of the session.
    pub session: SessionStats,
    /// Microphone frames dropped because the network was too slow.
    pub dropped_audio: u64,
    /// Microphone frames that found the capture ring full.
    pub capture_overruns: u64,
    /// Times the speaker ran dry inside an item.
    pub underruns: u64,
    /// How media travels on the present connection, where it travels beside the events (a call).
    pub media: Option<MediaStats>,
}

impl Shared {
    pub fn new(waker: Arc<AtomicWaker>, credentials: Credentials, host_audio: HostAudio, audience: Audience) -> Self {
        // From the start, so that nothing is missed; a queue nobody wants anything of costs a look.
        let subscribers = Mutex::new(vec![audience.queue().clone()]);
        Self {
            waker,
            credentials,
            host_audio,
            audience,
            state: Mutex::default(),
            progress: Mutex::default(),
            progressed: Condvar::new(),
            commands: Mutex::default(),
            subscribers,
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

    /// Queues a command for the driver, or refuses it: then it never becomes an event.
    pub fn command(&self, command: Command) -> Op {
        let op = self.next_op();
        // Each command becomes an event that is never dropped. A run ends when its host reads none; a
        // client without a run, which has nothing to end either, stops here.
        let ends = matches!(command, Command::Disconnect) && self.progress.lock().is_running();
        let flooded = !ends && self.subscribers.lock().iter().any(|queue| queue.is_flooded());
        let mut commands = self.commands.lock();
        // A client that is leaving takes no more: whoever destroyed it is done with it.
        if self.has_ended() || self.host_is_gone() {
            return Op::refused(op, closed());
        }
        let why = match commands.len() {
            MAX_COMMANDS.. => Some(("256 commands are waiting", "await earlier commands before giving more")),
            _ if flooded => Some(("4096 events are waiting", "read events, or drop the stream")),
            _ => None,
        };
        if let Some((message, fix)) = why {
            let error = Error::new(ErrorClass::Limit, "backpressure", message).fix(fix).retryable();
            return Op::refused(op, error);
        }
        let (reply, receiver) = oneshot::channel();
        self.progress.lock().given(op, &command);
        commands.push_back(Envelope { op, command, reply });
        drop(commands);
        self.waker.wake();
        Op::given(op, receiver)
    }

    /// See `Client::answer_credential`.
    pub fn answer_credential(&self, request_id: u64, answer: Result<Credential>) -> Result<()> {
        if self.has_ended() || self.host_is_gone() {
            return Err(closed());
        }
        self.credentials.answer(request_id, answer)?;
        self.waker.wake();
        Ok(())
    }

    /// A listener panicked. True once.
    pub fn take_panic(&self) -> bool {
        matches!(&self.audience, Audience::Callbacks(lane) if lane.take_panic())
    }

    pub fn take_command(&self) -> Option<Envelope> {
        self.commands.lock().pop_front()
    }

    /// The last handle is gone, or the host destroyed the client.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        // The driver takes its time; who looks at the sound is told at once.
        self.host_audio.taps.follow(false);
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
        self.credentials.end();
        {
            // Under the lock, or a waiter that has just looked would sleep on.
            let _progress = self.progress.lock();
            self.progressed.notify_all();
        }
        for queue in self.subscribers.lock().drain(..) {
            queue.end();
        }
        self.over.notify_waiters();
    }

    /// The queue gets all events from now on.
    pub fn subscribe(&self, queue: Queue) -> Arc<Queue> {
        let queue = Arc::new(queue);
        let mut subscribers = self.subscribers.lock();
        if self.has_ended() {
            queue.end();
        } else {
            subscribers.retain(|q| !q.is_gone());
            subscribers.push(queue.clone());
        }
        queue
    }

    /// Folds an event into the state and gives it to every subscriber. False: one is too slow.
    pub fn publish(&self, event: Event, now: Time) -> bool {
        if !matches!(event.kind, EventKind::Audio(_) | EventKind::AudioLevel(_) | EventKind::Raw(_)) {
            self.state.lock().apply(&event);
            self.note(&event.kind);
        }
        let mut subscribers = self.subscribers.lock();
        if !subscribers.iter().any(|queue| queue.wants(&event.kind)) {
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

    pub fn read<T>(&self, of: impl FnOnce(&State) -> T) -> T {
        of(&self.state.lock())
    }

    pub fn state(&self) -> State {
        self.state.lock().clone()
    }
}

/// What every call gets that comes too late.
pub(super) fn closed() -> Error {
    Error::new(ErrorClass::State, "closed", "the client is gone")
}
