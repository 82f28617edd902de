//! What a call's assistant says, sent at the pace of speech: the server knows what it sent, says so
//! (`output_audio_buffer.*`), and cuts its items itself.

use super::{events, peer::Peer};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::Instant;

/// 20 ms at 24 kHz.
const FRAME: usize = 480;
const STEP: Duration = Duration::from_millis(20);

/// Speech that was generated and not sent.
#[derive(Debug, Default)]
pub(super) struct OutputBuffer {
    queue: VecDeque<Piece>,
    playing: Option<Playing>,
    /// When the next frame leaves.
    due: Option<Instant>,
    /// Frames that are due.
    frames: VecDeque<Vec<i16>>,
}

#[derive(Debug)]
struct Piece {
    response: String,
    item: String,
    samples: Arc<[i16]>,
    from: usize,
    to: usize,
}

/// What is being sent.
#[derive(Debug)]
struct Playing {
    response: String,
    /// Its item, and how many samples of it were sent.
    item: String,
    sent: usize,
}

impl OutputBuffer {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes up to a frame of one item; nothing when the queue has less than one and `more` may come.
    fn take(&mut self, more: bool) -> Option<Vec<i16>> {
        let first = self.queue.front()?;
        let item = first.item.clone();
        let there: usize = self.queue.iter().take_while(|p| p.item == item).map(|p| p.to - p.from).sum();
        // What follows of another item shows that this one is over.
        if there < FRAME && more && self.queue.iter().all(|p| p.item == item) {
            return None;
        }
        let mut frame = Vec::with_capacity(FRAME);
        while let Some(piece) = self.queue.front_mut().filter(|p| p.item == item && frame.len() < FRAME) {
            let to = piece.to.min(piece.from + FRAME - frame.len());
            frame.extend_from_slice(&piece.samples[piece.from..to]);
            piece.from = to;
            if piece.from == piece.to {
                self.queue.pop_front();
            }
        }
        Some(frame)
    }
}

impl Peer {
    /// The session is a call: speech leaves as sound.
    #[cfg(feature = "webrtc")]
    pub(super) fn is_call(&mut self) {
        self.output = Some(OutputBuffer::default());
    }

    /// What is said comes back, and nobody listens.
    #[cfg(feature = "webrtc")]
    pub(super) fn echoes(&self) -> bool {
        self.script.scenario().delivery.echo
    }

    /// Queues speech of a call; false: this is no call.
    pub(super) fn speak(
        &mut self,
        response: &str,
        item: &str,
        samples: &Arc<[i16]>,
        range: std::ops::Range<usize>,
    ) -> bool {
        let now = self.now;
        let Some(output) = &mut self.output else { return false };
        let (response, item) = (response.to_owned(), item.to_owned());
        output.queue.push_back(Piece { response, item, samples: samples.clone(), from: range.start, to: range.end });
        output.due.get_or_insert(now);
        true
    }

    /// A response is over: what is left of a frame is sent, too, and then the end is told.
    pub(super) fn spoken_out(&mut self) {
        let now = self.now;
        if let Some(output) = self.output.as_mut().filter(|o| o.playing.is_some() || !o.queue.is_empty()) {
            output.due.get_or_insert(now);
        }
    }

    /// Sends what is due.
    pub(super) fn play(&mut self, now: Instant) {
        while let Some(due) = self.output.as_ref().and_then(OutputBuffer::due).filter(|due| *due <= now) {
            self.play_frame(due);
        }
    }

    fn play_frame(&mut self, due: Instant) {
        let Some(output) = &mut self.output else { return };
        let speaks = output.queue.front().map(|p| (p.response.clone(), p.item.clone()));
        let current = speaks.as_ref().map(|(response, _)| response).or(output.playing.as_ref().map(|p| &p.response));
        let more = current.is_some_and(|response| self.active.iter().any(|a| a.id() == response));
        let Some((response, item)) = speaks else {
            output.due = None;
            if !more && let Some(over) = output.playing.take() {
                self.send(events::output_buffer(events::Buffer::Stopped, &over.response));
            }
            return;
        };
        let Some(frame) = output.take(more) else {
            output.due = None;
            return;
        };
        output.due = Some(due + STEP);
        let before = output.playing.take();
        let sent = before.as_ref().filter(|p| p.item == item).map_or(0, |p| p.sent) + frame.len();
        output.playing = Some(Playing { response: response.clone(), item, sent });
        output.frames.push_back(frame);
        let before = before.map(|p| p.response);
        if before.as_ref() != Some(&response) {
            if let Some(over) = &before {
                self.send(events::output_buffer(events::Buffer::Stopped, over));
            }
            self.send(events::output_buffer(events::Buffer::Started, &response));
        }
    }

    /// The next frame of 20 ms, or what is left of one, at 24 kHz.
    #[cfg(feature = "webrtc")]
    pub(super) fn next_sound(&mut self) -> Option<Vec<i16>> {
        self.output.as_mut()?.frames.pop_front()
    }

    /// Sends nothing more of what there is. Returns the items that were not all sent, and how many milliseconds of each
    /// were; [`Peer::cut_items`] cuts them.
    pub(super) fn clear_output(&mut self) -> Vec<(String, u64)> {
        let Some(output) = &mut self.output else { return Vec::new() };
        output.due = None;
        output.frames.clear();
        let mut cut: Vec<(String, u64)> = Vec::new();
        let playing = output.playing.take();
        let response = playing.as_ref().map(|p| p.response.clone());
        cut.extend(playing.map(|p| (p.item, p.sent as u64 / 24)));
        let response = response.or_else(|| output.queue.front().map(|p| p.response.clone()));
        for piece in output.queue.drain(..) {
            if !cut.iter().any(|(item, _)| *item == piece.item) {
                cut.push((piece.item, 0));
            }
        }
        if let Some(response) = response {
            self.send(events::output_buffer(events::Buffer::Cleared, &response));
        }
        cut
    }

    /// The conversation keeps of these items what was sent of them.
    pub(super) fn cut_items(&mut self, items: Vec<(String, u64)>) {
        for (item, sent_ms) in items {
            if self.truncate(&item, 0, sent_ms).is_err() {
                tracing::debug!(item, "there is nothing to cut");
            }
        }
    }
}
