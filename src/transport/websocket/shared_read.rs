//! One large read buffer a thread instead of one a connection.
//!
//! A socket is read through a thread's scratch space; what the reader above does not take at once
//! waits in a small remainder that is freed when it is empty. A thousand silent connections hold no
//! read buffers, and a busy one still takes many frames with one system call.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

const SCRATCH: usize = 64 * 1024;
/// A remainder of up to this size keeps its memory for the next.
const KEEP: usize = 8 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// See the module. Writes go straight through.
pub struct SharedRead<S> {
    inner: S,
    rest: Vec<u8>,
    at: usize,
    heard: Instant,
}

impl<S> SharedRead<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, rest: Vec::new(), at: 0, heard: Instant::now() }
    }

    /// When the last byte came.
    pub fn heard(&self) -> Instant {
        self.heard
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SharedRead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.at < this.rest.len() {
            let n = out.remaining().min(this.rest.len() - this.at);
            out.put_slice(&this.rest[this.at..this.at + n]);
            this.at += n;
            if this.at == this.rest.len() {
                this.at = 0;
                this.rest.clear();
                if this.rest.capacity() > KEEP {
                    this.rest = Vec::new();
                }
            }
            return Poll::Ready(Ok(()));
        }
        BUFFER.with(|buffer| {
            // A socket that is read inside another's read would find it taken: then read directly.
            let Ok(mut buffer) = buffer.try_borrow_mut() else {
                return Pin::new(&mut this.inner).poll_read(cx, out);
            };
            let mut scratch = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut scratch))?;
            let filled = scratch.filled();
            this.heard = Instant::now();
            let n = out.remaining().min(filled.len());
            out.put_slice(&filled[..n]);
            this.rest.extend_from_slice(&filled[n..]);
            Poll::Ready(Ok(()))
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SharedRead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn small_reads_give_every_byte_in_order_and_free_the_remainder() {
        let data: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let mut reader = SharedRead::new(&data[..]);
        let (mut got, mut piece) = (Vec::new(), [0; 777]);
        loop {
            let n = reader.read(&mut piece).await.unwrap();
            if n == 0 {
                break;
            }
            got.extend_from_slice(&piece[..n]);
        }
        assert!(got == data);
        assert!(reader.rest.capacity() <= KEEP, "a large remainder is given back");
    }
}
