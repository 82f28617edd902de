//! Event queues: one a subscriber, bounded, with a named policy for each kind of event.
//!
//! Assistant audio may wait for 300 s; beyond it the newest is dropped. Of the rest, beyond 1024 events
//! or 4 MiB: the oldest levels go first, then raw events, then superseded usage
//! and latency figures, then deltas melt into the one before. What may never be dropped stays; a
//! subscriber that is still over the bound after five seconds ends the run. Kinds a subscriber does not
//! want are neither queued nor wake it.

#[cfg(unix)]
mod descriptor;
mod fetch;

use super::dispatch::{ClientLane, Next};
use crate::{
    event::{Event, EventKind, EventMask, Lagged, TranscriptMode},
    message::Part,
    time::Time,
};
pub use fetch::EventQueue;
use fetch::Fetch;
use futures_util::{Stream, task::AtomicWaker};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

const MAX_EVENTS: usize = 1024;
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Assistant audio has a bound of its own: 300 s at 24 kHz.
const MAX_AUDIO_BYTES: usize = 300 * 24_000 * 2;
/// How long a subscriber may stay over the bound.
const PATIENCE_MS: u64 = 5000;

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    audio_bytes: usize,
    audio_events: usize,
    lagged: Lagged,
    full_since: Option<Time>,
    ended: bool,
    #[cfg(unix)]
    descriptor: Option<descriptor::Descriptor>,
}

/// Who is told that there is something.
enum Reader {
    Stream(AtomicWaker),
    /// The callback dispatcher.
    Lane(Weak<ClientLane>),
    /// A thread of the host that waits for it.
    Thread(Fetch),
}

/// The shared half.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// An [`EventMask`].
    mask: AtomicU64,
    reader: Reader,
    gone: AtomicBool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("gone", &self.gone).finish_non_exhaustive()
    }
}

impl Queue {
    fn new(reader: Reader, mask: EventMask) -> Self {
        Self { inner: Mutex::default(), mask: AtomicU64::new(mask.0), reader, gone: AtomicBool::new(false) }
    }

    /// For a stream, of everything.
    pub fn for_stream() -> Self {
        Self::new(Reader::Stream(AtomicWaker::new()), EventMask::ALL)
    }

    /// For the callback dispatcher, of nothing yet.
    pub fn for_lane(lane: Weak<ClientLane>) -> Self {
        Self::new(Reader::Lane(lane), EventMask::NONE)
    }

    /// For a host that fetches.
    pub fn for_thread(mask: EventMask) -> Self {
        Self::new(Reader::Thread(Fetch::default()), mask)
    }

    /// Which kinds are queued from now on. With nobody left to call, what waits is forgotten.
    pub fn set_mask(&self, mask: EventMask) {
        self.mask.store(mask.0, Ordering::Relaxed);
        if mask == EventMask::NONE && matches!(self.reader, Reader::Lane(_)) {
            self.forget();
        }
    }

    fn forget(&self) {
        let mut inner = self.inner.lock();
        let forgotten = std::mem::take(&mut inner.events);
        (inner.bytes, inner.audio_bytes, inner.audio_events) = (0, 0, 0);
        drop(inner);
        drop(forgotten);
    }

    /// Events of this kind are queued.
    pub fn wants(&self, kind: &EventKind) -> bool {
        EventMask(self.mask.load(Ordering::Relaxed)).contains(kind)
    }

    /// The subscriber is gone.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// The subscriber goes: what waits is forgotten.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Release);
        self.forget();
    }

    /// Nothing will come any more; what is there can still be read.
    pub fn end(&self) {
        let mut inner = self.inner.lock();
        inner.ended = true;
        self.raise(&mut inner);
        drop(inner);
        self.wake();
    }

    /// So many events wait that commands, which would add to them, are refused.
    pub fn is_flooded(&self) -> bool {
        let inner = self.inner.lock();
        !self.is_gone() && inner.events.len() - inner.audio_events >= 4 * MAX_EVENTS
    }

    /// There is an event, or the end was reached.
    pub fn has_news(&self) -> bool {
        let inner = self.inner.lock();
        inner.ended || !inner.events.is_empty()
    }

    /// What is next.
    pub fn next(&self) -> Next<Arc<Event>> {
        let mut inner = self.inner.lock();
        match self.take(&mut inner) {
            Some(event) => Next::Event(event),
            None if inner.ended => Next::End,
            None => Next::Empty,
        }
    }

    /// There is something now. Under the lock, or a wake-up descriptor would drift from the queue.
    fn raise(&self, inner: &mut Inner) {
        #[cfg(unix)]
        if let Some(descriptor) = &mut inner.descriptor {
            descriptor.raise();
        }
        #[cfg(not(unix))]
        let _ = inner;
    }

    /// Takes the next event; a wake-up descriptor stays readable as long as there are more.
    fn take(&self, inner: &mut Inner) -> Option<Arc<Event>> {
        let event = inner.take();
        #[cfg(unix)]
        if inner.events.is_empty()
            && !inner.ended
            && let Some(descriptor) = &mut inner.descriptor
        {
            descriptor.lower();
        }
        event
    }

    fn wake(&self) {
        match &self.reader {
            Reader::Stream(waker) => waker.wake(),
            Reader::Lane(lane) => {
                if let Some(lane) = lane.upgrade() {
                    lane.wake();
                }
            }
            Reader::Thread(fetch) => fetch.wake(),
        }
    }

    /// Adds an event. False: the subscriber has been too slow for too long.
    pub fn push(&self, event: &Arc<Event>, now: Time) -> bool {
        if !self.wants(&event.kind) {
            return true;
        }
        let mut inner = self.inner.lock();
        inner.supersede_level(event);
        if let EventKind::Audio(audio) = &event.kind {
            if inner.audio_bytes + audio.pcm.0.len() * 2 > MAX_AUDIO_BYTES {
                inner.count(&event.kind);
            } else {
                inner.add(event.clone());
            }
            self.raise(&mut inner);
            drop(inner);
            self.wake();
            return true;
        }
        let patient = inner.make_room(now);
        if inner.is_full() && is_droppable(&event.kind) {
            inner.count(&event.kind);
        } else {
            if !inner.is_full() && inner.lagged != Lagged::default() {
                let lagged = std::mem::take(&mut inner.lagged);
                let notice = Event { kind: EventKind::Lagged(lagged), ..(**event).clone() };
                if self.wants(&notice.kind) {
                    inner.add(Arc::new(notice));
                }
            }
            inner.add(event.clone());
        }
        self.raise(&mut inner);
        drop(inner);
        self.wake();
        patient
    }
}

impl Inner {
    fn is_full(&self) -> bool {
        self.events.len() - self.audio_events >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }

    fn add(&mut self, event: Arc<Event>) {
        match &event.kind {
            EventKind::Audio(audio) => {
                self.audio_bytes += audio.pcm.0.len() * 2;
                self.audio_events += 1;
            }
            _ => self.bytes += size(&event),
        }
        self.events.push_back(event);
    }

    fn take(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        match &event.kind {
            EventKind::Audio(audio) => {
                self.audio_bytes -= audio.pcm.0.len() * 2;
                self.audio_events -= 1;
            }
            _ => self.bytes -= size(&event),
        }
        Some(event)
    }

    fn remove(&mut self, at: usize) {
        if let Some(event) = self.events.remove(at) {
            self.bytes -= size(&event);
            self.count(&event.kind);
        }
    }

    fn count(&mut self, kind: &EventKind) {
        match kind {
            EventKind::AudioLevel(_) => self.lagged.levels += 1,
            EventKind::Raw(_) => self.lagged.raw += 1,
            EventKind::Audio(_) => self.lagged.audio += 1,
            EventKind::Transcript(_) => self.lagged.merged += 1,
            _ => self.lagged.figures += 1,
        }
    }

    /// Levels: the latest wins; the waiting one goes, so that order stays.
    fn supersede_level(&mut self, event: &Event) {
        let EventKind::AudioLevel(new) = &event.kind else { return };
        let old = |e: &Arc<Event>| matches!(&e.kind, EventKind::AudioLevel(l) if l.direction == new.direction);
        // Waiting levels are near the end; looking further back would cost more than the event.
        let near = self.events.len().saturating_sub(16);
        if let Some(at) = self.events.range(near..).position(old)
            && let Some(gone) = self.events.remove(near + at)
        {
            self.bytes -= size(&gone);
        }
    }

    /// Makes room by the policy; false when there has been none for too long.
    fn make_room(&mut self, now: Time) -> bool {
        if !self.is_full() {
            self.full_since = None;
            return true;
        }
        let droppable: [fn(&EventKind) -> bool; 3] = [
            |k| matches!(k, EventKind::AudioLevel(_)),
            |k| matches!(k, EventKind::Raw(_)),
            |k| matches!(k, EventKind::Usage(_) | EventKind::Latency(_)),
        ];
        for class in droppable {
            if let Some(at) = self.events.iter().position(|e| class(&e.kind)) {
                self.remove(at);
                return true;
            }
        }
        if self.merge_deltas() {
            return true;
        }
        let since = *self.full_since.get_or_insert(now);
        now.ms_since(since) < PATIENCE_MS
    }

    /// Melts the first pair of neighbouring deltas of one item.
    fn merge_deltas(&mut self) -> bool {
        let delta = |e: &Event| matches!(&e.kind, EventKind::Transcript(t) if t.mode == TranscriptMode::Delta);
        for at in 1..self.events.len() {
            let (before, after) = (&self.events[at - 1], &self.events[at]);
            // Most events are not such a pair: nothing is copied until one is found.
            let (EventKind::Transcript(a), EventKind::Transcript(b)) = (&before.kind, &after.kind) else { continue };
            if !delta(before) || !delta(after) || before.item != after.item || a.part != b.part {
                continue;
            }
            let mut merged = (**before).clone();
            if let EventKind::Transcript(words) = &mut merged.kind {
                words.text.push_str(&b.text);
            }
            self.remove(at);
            self.bytes -= size(&self.events[at - 1]);
            self.bytes += size(&merged);
            self.events[at - 1] = Arc::new(merged);
            return true;
        }
        false
    }
}

/// May be dropped when nothing else makes room.
fn is_droppable(kind: &EventKind) -> bool {
    matches!(kind, EventKind::AudioLevel(_) | EventKind::Raw(_))
}

/// Roughly what an event holds in memory.
fn size(event: &Event) -> usize {
    let content = match &event.kind {
        EventKind::Raw(r) => r.json.len(),
        EventKind::Transcript(t) => t.text.len(),
        EventKind::ToolCall(c) => c.arguments.len(),
        EventKind::Message(m) => m.message.parts.iter().map(part_size).sum(),
        EventKind::Error(e) | EventKind::Warning(e) => e.message.len(),
        EventKind::SessionConfigured(_) => 16 * 1024,
        _ => 0,
    };
    256 + content
}

fn part_size(part: &Part) -> usize {
    64 + match part {
        Part::Text { content } | Part::ToolResult { content, .. } => content.len(),
        Part::Audio { transcript, heard_transcript, .. } => {
            transcript.len() + heard_transcript.as_ref().map_or(0, String::len)
        }
        Part::ToolCall { arguments, output, .. } => 2 * arguments.len() + output.as_ref().map_or(0, String::len),
        Part::Image { data, .. } => data.as_ref().map_or(0, String::len),
    }
}

/// What happens to a client, in order. Dropping it unsubscribes; it ends when the client is gone.
#[derive(Debug)]
pub struct EventStream {
    pub(super) queue: Arc<Queue>,
}

impl EventStream {
    /// The next event; `None` once the client is gone, not when a session ends: look for a `status`
    /// of `idle` or `error`, or a fatal `error` event. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// An event that is there already.
    pub fn try_next(&mut self) -> Option<Arc<Event>> {
        self.queue.inner.lock().take()
    }
}

impl Stream for EventStream {
    type Item = Arc<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Registered before looking, so that nothing comes unnoticed in between; what is there and
        // whether more will come is decided under one lock, so that the last events are not missed.
        if let Reader::Stream(waker) = &self.queue.reader {
            waker.register(cx.waker());
        }
        let mut inner = self.queue.inner.lock();
        match inner.take() {
            Some(event) => Poll::Ready(Some(event)),
            None if inner.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.queue.leave();
    }
}

#[cfg(test)]
mod tests;
