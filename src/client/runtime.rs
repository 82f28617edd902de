//! The one process-wide runtime: two named workers, made on first use, never dropped.

use crate::error::{Error, ErrorClass, Result};
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// A handle of the runtime.
///
/// # Errors
/// Class `internal`, when the operating system gives no threads.
pub(super) fn shared() -> Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
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
    // Two first clients at once: the loser's runtime has no task yet and is dropped here.
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}
