//! A speaker that plays when it is told to, and reports as [`PlayoutReport`] says.

use duologue::{audio::playout::PlayoutReport, event::EventKind, message::ItemId, session::Output};
use std::collections::VecDeque;

/// Frames of one content part, in play order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    item: ItemId,
    part: u32,
    frames: u64,
}

/// Ring frames are source frames here: no resampling, an endless ring.
#[derive(Debug, Default)]
pub struct Speaker {
    queue: VecDeque<Piece>,
    pushed: u64,
    /// Next frame to play.
    at: u64,
    anchored: bool,
    /// Frames given before each flush that has not taken effect.
    flushes: VecDeque<u64>,
    /// What was received and truly played, by part.
    truth: Vec<(ItemId, u32, u64, u64)>,
    /// Frames of what it is given that make a millisecond, where it is not 24.
    pub per_ms: Option<u64>,
}

impl Speaker {
    /// Frames of a millisecond.
    pub fn per_ms(&self) -> u64 {
        self.per_ms.unwrap_or(24)
    }

    pub fn hears(&mut self, output: &Output) {
        match output {
            Output::Play { item, part, pcm } => self.push(item, *part, pcm.0.len() as u64),
            Output::Event(event) => {
                if let (EventKind::Audio(audio), Some(item)) = (&event.kind, &event.item) {
                    self.push(item, audio.part, audio.pcm.0.len() as u64);
                }
            }
            Output::FlushPlayout => self.flushes.push_back(self.pushed),
            _ => {}
        }
    }

    fn push(&mut self, item: &ItemId, part: u32, frames: u64) {
        self.pushed += frames;
        match self.queue.back_mut() {
            // A flush divides what is before it from what is behind it.
            Some(last) if last.item == *item && last.part == part && self.flushes.is_empty() => last.frames += frames,
            _ => self.queue.push_back(Piece { item: item.clone(), part, frames }),
        }
        self.truth_of(item, part).2 += frames;
    }

    fn truth_of(&mut self, item: &ItemId, part: u32) -> &mut (ItemId, u32, u64, u64) {
        let known = self.truth.iter().position(|t| t.0 == *item && t.1 == part);
        let at = known.unwrap_or_else(|| {
            self.truth.push((item.clone(), part, 0, 0));
            self.truth.len() - 1
        });
        &mut self.truth[at]
    }

    /// Frames of a part that were given to the speaker, and that it played.
    pub fn truth(&self, item: &str, part: u32) -> (u64, u64) {
        let known = self.truth.iter().find(|t| t.0.as_str() == item && t.1 == part);
        known.map_or((0, 0), |t| (t.2, t.3))
    }

    /// Plays up to `frames`, but nothing that was given after a flush.
    pub fn play(&mut self, frames: u64) -> Vec<PlayoutReport> {
        let mut reports = Vec::new();
        if !self.anchored {
            self.anchored = true;
            reports.push(PlayoutReport::Anchor {
                frames: self.at,
                source: self.at,
                rate: self.per_ms() as u32 * 1000,
                source_rate: self.per_ms() as u32 * 1000,
                delay: 0,
            });
        }
        let end = self.flushes.front().copied().unwrap_or(self.pushed);
        let mut left = frames.min(end.saturating_sub(self.at));
        if left == 0 {
            return reports;
        }
        self.at += left;
        while let Some(piece) = self.queue.front_mut().filter(|_| left > 0) {
            let n = left.min(piece.frames);
            left -= n;
            piece.frames -= n;
            let piece = piece.clone();
            self.truth_of(&piece.item, piece.part).3 += n;
            if piece.frames == 0 {
                self.queue.pop_front();
            }
        }
        reports.push(PlayoutReport::Position { frames: self.at });
        reports
    }

    /// The oldest flush that was asked for takes effect.
    pub fn flush(&mut self) -> Option<PlayoutReport> {
        let source = self.flushes.pop_front()?;
        let mut dropped = source - self.at.min(source);
        while let Some(piece) = self.queue.front_mut().filter(|_| dropped > 0) {
            let n = dropped.min(piece.frames);
            dropped -= n;
            piece.frames -= n;
            if piece.frames == 0 {
                self.queue.pop_front();
            }
        }
        let report = PlayoutReport::Flushed { played: self.at, resume: source, source };
        self.at = source;
        Some(report)
    }

    pub fn asked_to_flush(&self) -> bool {
        !self.flushes.is_empty()
    }

    pub fn waiting(&self) -> u64 {
        self.pushed - self.at
    }
}
