//! Event queues: one a subscriber, bounded, with a named policy for each kind of event.
//!
//! Assistant audio may wait for 300 s; beyond it the newest is dropped. Of the rest, beyond 1024 events
//! or 4 MiB: the oldest levels go first, then raw events, then superseded usage
//! and latency figures, then deltas melt into the one before. What may never be dropped stays; a
//! subscriber that is still over the bound after five seconds ends the run.

use crate::{
    event::{Event, EventKind, Lagged, TranscriptMode},
    message::Part,
    time::Time,
};
use futures_util::{Stream, task::AtomicWaker};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
}

/// The shared half.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    waker: AtomicWaker,
    gone: AtomicBool,
}

impl Queue {
    /// The subscriber dropped its stream.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Nothing will come any more; what is there can still be read.
    pub fn end(&self) {
        self.inner.lock().ended = true;
        self.waker.wake();
    }

    /// Adds an event. False: the subscriber has been too slow for too long.
    pub fn push(&self, event: &Arc<Event>, now: Time) -> bool {
        let mut inner = self.inner.lock();
        inner.supersede_level(event);
        if let EventKind::Audio(audio) = &event.kind {
            if inner.audio_bytes + audio.pcm.0.len() * 2 > MAX_AUDIO_BYTES {
                inner.count(&event.kind);
            } else {
                inner.add(event.clone());
            }
            drop(inner);
            self.waker.wake();
            return true;
        }
        let patient = inner.make_room(now);
        if inner.is_full() && is_droppable(&event.kind) {
            inner.count(&event.kind);
        } else {
            if !inner.is_full() && inner.lagged != Lagged::default() {
                let lagged = std::mem::take(&mut inner.lagged);
                let notice = Event { kind: EventKind::Lagged(lagged), ..(**event).clone() };
                inner.add(Arc::new(notice));
            }
            inner.add(event.clone());
        }
        drop(inner);
        self.waker.wake();
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
            let mut merged = (**before).clone();
            match (&mut merged.kind, &after.kind) {
                (EventKind::Transcript(a), EventKind::Transcript(b))
                    if delta(before) && delta(after) && before.item == after.item && a.part == b.part =>
                {
                    a.text.push_str(&b.text);
                }
                _ => continue,
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
        self.queue.waker.register(cx.waker());
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
        self.queue.gone.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AudioLevel, AudioOut, Direction, Mode, ModeChange, Pcm, Raw, Transcript, TranscriptStage};

    fn event(seq: u64, kind: EventKind) -> Arc<Event> {
        let (time_ms, epoch, turn, response, item, inferred) = (0, 1, None, None, None, false);
        Arc::new(Event { seq, time_ms, epoch, turn, response, item, inferred, kind })
    }

    fn mode() -> EventKind {
        let agent = crate::event::Agent::Idle;
        EventKind::Mode(ModeChange { mode: Mode::Idle, user_speaking: false, agent })
    }

    fn delta(text: &str) -> EventKind {
        let (role, mode, stage) = (crate::message::Role::User, TranscriptMode::Delta, TranscriptStage::Recognized);
        EventKind::Transcript(Transcript { role, part: 0, mode, text: text.into(), stage, estimated: false })
    }

    fn stream() -> (Arc<Queue>, EventStream) {
        let queue = Arc::new(Queue::default());
        (queue.clone(), EventStream { queue })
    }

    #[test]
    fn the_latest_level_replaces_the_waiting_one() {
        let (queue, mut events) = stream();
        let level = |rms| EventKind::AudioLevel(AudioLevel { direction: Direction::Input, rms, peak: rms });
        for (seq, rms) in [(1, 0.1), (2, 0.2), (3, 0.3)] {
            queue.push(&event(seq, level(rms)), Time(0));
        }
        queue.push(&event(4, mode()), Time(0));
        queue.push(&event(5, level(0.5)), Time(0));
        assert_eq!(events.try_next().unwrap().seq, 4, "order stays");
        assert_eq!(events.try_next().unwrap().seq, 5);
        assert!(events.try_next().is_none());
    }

    #[test]
    fn audio_waits_for_three_hundred_seconds_and_no_longer() {
        let (queue, mut events) = stream();
        let second = || {
            let pcm = Pcm(Arc::new(vec![0; 24_000]));
            EventKind::Audio(AudioOut { part: 0, rate: 24_000, pcm })
        };
        for seq in 0..310 {
            assert!(queue.push(&event(seq, second()), Time(0)));
        }
        queue.push(&event(310, mode()), Time(0));
        let got: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
        assert_eq!(got.iter().filter(|e| matches!(e.kind, EventKind::Audio(_))).count(), 300);
        assert!(matches!(&got[300].kind, EventKind::Lagged(l) if l.audio == 10));
    }

    #[test]
    fn raw_goes_before_deltas_melt_and_state_is_never_dropped() {
        let (queue, mut events) = stream();
        let raw = || EventKind::Raw(Raw { direction: Direction::Output, json: "{}".into() });
        let mut seq = 0;
        let mut push = |kind| {
            seq += 1;
            assert!(queue.push(&event(seq, kind), Time(0)));
        };
        (0..10).for_each(|_| push(raw()));
        (0..1014).for_each(|i| push(delta(&format!("{i} "))));
        (0..20).for_each(|_| push(mode()));
        let got: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
        assert_eq!(got.iter().filter(|e| matches!(e.kind, EventKind::Mode(_))).count(), 20);
        assert_eq!(got.iter().filter(|e| matches!(e.kind, EventKind::Raw(_))).count(), 0);
        let text: String = got
            .iter()
            .filter_map(|e| match &e.kind {
                EventKind::Transcript(t) => Some(t.text.as_str()),
                _ => None,
            })
            .collect();
        let whole: String = (0..1014).map(|i| format!("{i} ")).collect();
        assert_eq!(text, whole, "melted, not lost");
    }

    #[test]
    fn a_subscriber_that_never_reads_is_given_up_after_five_seconds() {
        let (queue, _events) = stream();
        for seq in 0..1024 {
            assert!(queue.push(&event(seq, mode()), Time(0)));
        }
        assert!(queue.push(&event(1024, mode()), Time::from_ms(1)));
        assert!(queue.push(&event(1025, mode()), Time::from_ms(5000)));
        assert!(!queue.push(&event(1026, mode()), Time::from_ms(5001)));
    }

    #[test]
    fn what_was_lost_is_said_once_there_is_room() {
        let (queue, mut events) = stream();
        let raw = || EventKind::Raw(Raw { direction: Direction::Output, json: "{}".into() });
        (0..1024).for_each(|s| assert!(queue.push(&event(s, mode()), Time(0))));
        queue.push(&event(1024, raw()), Time(0));
        events.try_next().unwrap();
        queue.push(&event(1025, mode()), Time(0));
        let last = std::iter::from_fn(|| events.try_next()).collect::<Vec<_>>();
        let lagged = &last[last.len() - 2];
        assert!(matches!(&lagged.kind, EventKind::Lagged(l) if l.raw == 1), "{lagged:?}");
    }
}
