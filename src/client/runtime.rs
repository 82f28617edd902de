//! The one process-wide runtime: one named worker, made on first use, never dropped.
//!
//! One, because a second costs more than it gives: a frame pushed by the host would wake the worker that
//! sleeps on a condition, and that one, having found work, the other from its poll, to find nothing. With
//! one there is one wake-up. It serves some two thousand live sessions; hosts that hold more bring a runtime of
//! their own ([`super::ClientBuilder::runtime`]).

use crate::error::{Error, ErrorClass, Result};
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

/// A handle of the runtime.
///
/// # Errors
/// Class `internal`, when the operating system gives no threads; a later call tries again.
pub(crate) fn shared() -> Result<Handle> {
    static RUNTIME: OnceCell<Runtime> = OnceCell::new();
    // One thread makes it while others wait: a second runtime could not be dropped in async code.
    let runtime = RUNTIME.get_or_try_init(|| {
        let build = || {
            Builder::new_multi_thread()
                .worker_threads(1)
                // Thread names stay within 15 bytes, the limit of Linux.
                .thread_name("duologue-rt")
                .enable_all()
                .build()
        };
        let no_threads = |why: String| {
            Error::new(ErrorClass::Internal, "no_threads", format!("no runtime: {why}"))
                .fix("raise the limit of processes and threads")
        };
        // Without threads tokio panics.
        std::panic::catch_unwind(build)
            .map_err(|_| no_threads("the system gives no threads".into()))?
            .map_err(|e| no_threads(e.to_string()))
    })?;
    Ok(runtime.handle().clone())
}
