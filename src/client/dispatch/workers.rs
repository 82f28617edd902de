//! The threads that call listeners.

use super::{
    ClientLane, guarded,
    pool::{Hire, Pool},
    release,
};
use crate::client::runtime;
use parking_lot::Mutex;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// How long a client may wait for a thread before another one is started.
const PATIENCE: Duration = Duration::from_millis(50);

/// What every callback thread runs first.
pub(in crate::client) type OnStart = Box<dyn Fn() + Send + Sync>;

/// Threads of one engine, and the clients that wait for one.
pub(in crate::client) struct Workers {
    pool: Pool<Arc<ClientLane>>,
    on_start: Option<OnStart>,
    /// Why the last thread was not started.
    refused: Mutex<Option<std::io::Error>>,
}

impl Drop for Workers {
    /// The hook is host code, and so is its end: it never runs on a thread of the network, where it would hold
    /// up every session.
    fn drop(&mut self) {
        let Some(hook) = self.on_start.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return release(hook);
        }
        // Left in place by the closure when no thread can be had, and let go of here.
        let hook = Arc::new(Mutex::new(Some(hook)));
        let theirs = hook.clone();
        let started =
            std::thread::Builder::new().name("duologue-cb".into()).spawn(move || release(theirs.lock().take()));
        if started.is_err() {
            release(hook.lock().take());
        }
    }
}

impl Workers {
    pub fn new(kept: usize, max: usize, on_start: Option<OnStart>) -> Arc<Self> {
        Arc::new(Self { pool: Pool::new(kept, max), on_start, refused: Mutex::default() })
    }

    /// Queues a client. Each is queued once at most.
    pub fn serve(self: &Arc<Self>, lane: Arc<ClientLane>) {
        self.carry_out(self.pool.push(lane));
    }

    /// No client is left: the threads end.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Threads at present.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    fn carry_out(self: &Arc<Self>, mut hire: Hire) {
        if hire.thread {
            let workers = self.clone();
            // Thread names stay within 15 bytes, the limit of Linux.
            let started = std::thread::Builder::new().name("duologue-cb".into()).spawn(move || workers.work());
            if let Err(error) = started {
                // Told by the timer: here the lock of an event's subscribers may be held.
                *self.refused.lock() = Some(error);
                hire.timer |= self.pool.not_hired().timer;
            }
        }
        if hire.timer {
            match runtime::shared() {
                Ok(runtime) => drop(runtime.spawn(tick(Arc::downgrade(self)))),
                // There is one as soon as there is a client; if not, the next task asks again.
                Err(_) => self.pool.no_timer(),
            }
        }
    }

    fn work(self: Arc<Self>) {
        if let Some(on_start) = &self.on_start
            && guarded(on_start).is_none()
        {
            tracing::warn!("the hook for new callback threads panicked");
        }
        while let Some(lane) = self.pool.take() {
            if lane.run() {
                self.serve(lane);
            }
        }
    }
}

async fn tick(workers: Weak<Workers>) {
    tokio::time::sleep(PATIENCE).await;
    if let Some(workers) = workers.upgrade() {
        let refused = workers.refused.lock().take();
        if let Some(error) = refused {
            tracing::warn!("no callback thread: {error}; trying again");
        }
        workers.carry_out(workers.pool.tick());
    }
}
