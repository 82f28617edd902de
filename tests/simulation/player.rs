//! Whatever plays: a speaker of ours, or a host that says by itself what it has played.

use crate::speaker::Speaker;
use duologue::{
    event::EventKind,
    message::ItemId,
    session::{Input, Output},
};
use std::collections::VecDeque;

pub const PER_MS: u64 = 24;

#[derive(Default)]
pub struct Player {
    reported: bool,
    speaker: Speaker,
    /// What a host of its own has to play, in the order it came.
    queue: VecDeque<(ItemId, u32, u64)>,
    /// Received and heard frames of each part.
    parts: Vec<(ItemId, u32, u64, u64)>,
}

impl Player {
    pub fn new(reported: bool) -> Self {
        Self { reported, ..Self::default() }
    }

    pub fn hears(&mut self, output: &Output) {
        if !self.reported {
            return self.speaker.hears(output);
        }
        match output {
            Output::Event(event) => {
                if let (EventKind::Audio(audio), Some(item)) = (&event.kind, &event.item) {
                    let frames = audio.pcm.0.len() as u64;
                    match self.parts.iter_mut().find(|p| p.0 == *item && p.1 == audio.part) {
                        Some(part) => part.2 += frames,
                        None => self.parts.push((item.clone(), audio.part, frames, 0)),
                    }
                    self.queue.push_back((item.clone(), audio.part, frames));
                }
            }
            Output::FlushPlayout => self.queue.clear(),
            _ => {}
        }
    }

    pub fn play(&mut self, ms: u64) -> Vec<Input<'static>> {
        if !self.reported {
            return self.speaker.play(ms * PER_MS).into_iter().map(|report| Input::Playout { report }).collect();
        }
        let mut left = ms * PER_MS;
        let mut reports = Vec::new();
        while let Some(piece) = self.queue.front_mut().filter(|_| left > 0) {
            let n = left.min(piece.2);
            (piece.2, left) = (piece.2 - n, left - n);
            let (item, part, over) = (piece.0.clone(), piece.1, piece.2 == 0);
            if over {
                self.queue.pop_front();
            }
            let of = self.parts.iter_mut().find(|p| p.0 == item && p.1 == part).expect("a part");
            of.3 += n;
            reports.push(Input::PlaybackReport { item, part, heard_ms: of.3 / PER_MS });
        }
        reports
    }

    pub fn flush(&mut self) -> Vec<Input<'static>> {
        std::iter::from_fn(|| self.speaker.flush()).map(|report| Input::Playout { report }).collect()
    }

    pub fn asked_to_flush(&self) -> bool {
        self.speaker.asked_to_flush()
    }

    pub fn waiting(&self) -> u64 {
        if self.reported { self.queue.len() as u64 } else { self.speaker.waiting() }
    }

    /// Milliseconds of a part that were given to it, and that it played.
    pub fn truth(&self, item: &str, part: u32) -> (u64, u64) {
        let (received, heard) = if self.reported {
            let known = self.parts.iter().find(|p| p.0.as_str() == item && p.1 == part);
            known.map_or((0, 0), |p| (p.2, p.3))
        } else {
            self.speaker.truth(item, part)
        };
        (received / PER_MS, heard / PER_MS)
    }

    /// Something of the item was given to it.
    pub fn had(&self, item: &str) -> bool {
        (0..4).any(|part| self.truth(item, part).0 > 0)
    }

    /// Something of the item was played.
    pub fn played(&self, item: &str) -> bool {
        (0..4).any(|part| self.truth(item, part).1 > 0)
    }
}
