//! A descriptor that is readable or not, as it is told: an eventfd on Linux, a pipe elsewhere.

use rustix::io::{Errno, read, write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Non-blocking, closed on exec.
#[derive(Debug)]
pub(super) struct Descriptor {
    reader: OwnedFd,
    /// The other end of a pipe.
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
    readable: bool,
}

impl Descriptor {
    #[cfg(target_os = "linux")]
    pub fn new() -> Result<Self, Errno> {
        use rustix::event::{EventfdFlags, eventfd};
        let reader = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { reader, readable: false })
    }

    #[cfg(not(target_os = "linux"))]
    pub fn new() -> Result<Self, Errno> {
        use rustix::{
            fs::{OFlags, fcntl_getfl, fcntl_setfl},
            io::{FdFlags, fcntl_setfd},
            pipe::pipe,
        };
        // Apple's systems have no pipe2.
        let (reader, writer) = pipe()?;
        for end in [&reader, &writer] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { reader, writer, readable: false })
    }

    /// Makes it readable. Also when it should be already: a host may have read from it.
    pub fn raise(&mut self) {
        self.readable = true;
        #[cfg(target_os = "linux")]
        let end = &self.reader;
        #[cfg(not(target_os = "linux"))]
        let end = &self.writer;
        // Eight bytes are what an eventfd wants. When there is no room it is readable.
        while write(end, &1u64.to_ne_bytes()) == Err(Errno::INTR) {}
    }

    /// Makes it no longer readable.
    pub fn lower(&mut self) {
        if std::mem::take(&mut self.readable) {
            // Until there is nothing: a pipe holds one mark an event.
            while matches!(read(&self.reader, &mut [0u8; 512]), Ok(1..) | Err(Errno::INTR)) {}
        }
    }

    pub fn raw(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}
