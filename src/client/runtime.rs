//! The one process-wide runtime: two named workers, made on first use, never dropped.

use crate::error::{Error, ErrorClass, Result};
use parking_lot::Mutex;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// A handle of the runtime.
///
/// # Errors
/// Class `internal`, when the operating system gives no threads.
pub(super) fn shared() -> Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    // Two first clients at once: the second waits, for a runtime too many could not be dropped here
    // when the caller is a task of its own runtime.
    let _one = MAKING.lock();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    // Thread names stay within 15 bytes, the limit of Linux.
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("duologue-rt")
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorClass::Internal, "no_threads", format!("no runtime: {e}")))?;
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}
