//! What clients share: the threads on which listeners are called.

use super::dispatch::Workers;
use crate::error::{Error, ErrorClass, Result};
use once_cell::sync::OnceCell;
use std::{ops::Deref, sync::Arc};

/// Threads a host may ask for.
const MOST_THREADS: usize = 4096;

/// Calls the listeners of its clients. Clones are the same engine; a program rarely needs another one
/// than [`Engine::shared`], which clients use when they are given none.
///
/// Threads (`duologue-cb`) are started when there is something to call, and those of an engine of one's
/// own end when the engine and all its clients are gone. The network runs elsewhere, on one thread that
/// all engines have in common.
#[derive(Clone)]
pub struct Engine {
    threads: Arc<Threads>,
}

/// The workers, which end when the last engine handle and client that has them are gone.
pub(super) struct Threads(Arc<Workers>);

impl Deref for Threads {
    type Target = Arc<Workers>;

    fn deref(&self) -> &Arc<Workers> {
        &self.0
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("callback_threads", &self.callback_threads()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts a builder with the defaults.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The engine of clients that are given none. Made on first use, never dropped.
    pub fn shared() -> Self {
        static SHARED: OnceCell<Engine> = OnceCell::new();
        SHARED.get_or_init(|| EngineBuilder::default().make()).clone()
    }

    /// Callback threads there are now.
    pub fn callback_threads(&self) -> usize {
        self.threads.threads()
    }

    pub(super) fn threads(&self) -> Arc<Threads> {
        self.threads.clone()
    }
}

/// Makes an [`Engine`].
#[must_use = "nothing happens before build"]
pub struct EngineBuilder {
    kept: usize,
    max: usize,
    on_start: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self { kept: 2, max: 256, on_start: None }
    }
}

impl EngineBuilder {
    /// Callback threads that stay once they are started, at least 2, by default 2. More are started
    /// when listeners hold all of them up for 50 ms, and go when they are idle for some seconds.
    pub fn callback_threads(mut self, threads: usize) -> Self {
        self.kept = threads;
        self
    }

    /// Callback threads at the most, by default 256. When that many listeners block for ever, other
    /// clients of the engine wait.
    pub fn max_callback_threads(mut self, threads: usize) -> Self {
        self.max = threads;
        self
    }

    /// Runs on every callback thread before anything else, for hosts that must register threads.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_start = Some(Box::new(hook));
        self
    }

    /// The engine. No thread is started yet.
    ///
    /// # Errors
    /// Class `argument`, naming the number that is out of its range.
    pub fn build(self) -> Result<Engine> {
        let out_of_range = |field: &str, value: usize, fix: String| {
            let error = Error::new(ErrorClass::Argument, "out_of_range", format!("{value} is out of range"));
            Err(error.field(field).fix(fix))
        };
        if self.max < 2 || self.max > MOST_THREADS {
            return out_of_range("max_callback_threads", self.max, format!("give 2 to {MOST_THREADS}"));
        }
        if self.kept < 2 || self.kept > self.max {
            return out_of_range("callback_threads", self.kept, format!("give 2 to {} (the maximum)", self.max));
        }
        Ok(self.make())
    }

    fn make(self) -> Engine {
        Engine { threads: Arc::new(Threads(Workers::new(self.kept, self.max, self.on_start))) }
    }
}
