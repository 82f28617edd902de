//! The threads that call listeners.

use super::{
    ClientLane, guarded,
    pool::{Hire, Pool},
};
use crate::client::runtime;
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
}

impl Workers {
    pub fn new(kept: usize, max: usize, on_start: Option<OnStart>) -> Arc<Self> {
        Arc::new(Self { pool: Pool::new(kept, max), on_start })
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
                tracing::warn!("no callback thread: {error}; trying again");
                hire.timer |= self.pool.not_hired().timer;
            }
        }
        if hire.timer {
            match runtime::shared() {
                Ok(runtime) => drop(runtime.spawn(tick(Arc::downgrade(self)))),
                Err(error) => {
                    tracing::warn!("{error}");
                    self.pool.no_timer();
                }
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
        workers.carry_out(workers.pool.tick());
    }
}
