//! The one process-wide runtime: two named workers, made on first use, never dropped.

use crate::error::{Error, ErrorClass, Result};
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

/// A handle of the runtime.
///
/// # Errors
/// Class `internal`, when the operating system gives no threads; a later call tries again.
pub(super) fn shared() -> Result<Handle> {
    static RUNTIME: OnceCell<Runtime> = OnceCell::new();
    // One thread makes it while others wait: a second runtime could not be dropped in async code.
    let runtime = RUNTIME.get_or_try_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            // Thread names stay within 15 bytes, the limit of Linux.
            .thread_name("duologue-rt")
            .enable_all()
            .build()
            .map_err(|e| Error::new(ErrorClass::Internal, "no_threads", format!("no runtime: {e}")))
    })?;
    Ok(runtime.handle().clone())
}
