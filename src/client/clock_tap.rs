//! What a host can be seen to play that plays `audio` events itself: what it was given waits here until the clock
//! says that it was played. Only while somebody looks; otherwise nothing but the level passes.

use crate::audio::{
    meter::Level,
    pcm::ms_to_frames,
    playout::{PlayoutReport, QUEUE_MS},
    tap::{Tap, TapWriter},
};
use std::{collections::VecDeque, sync::Arc};

pub(super) struct ClockTap {
    tap: Arc<Tap>,
    writer: TapWriter,
    /// Pieces with the number of their first frame. What does not fit leaves a hole, which is not seen.
    waiting: VecDeque<(u64, Vec<i16>)>,
    held: u64,
    most: u64,
    /// Frames played.
    played: u64,
    /// Behind the newest frame that was shown.
    shown: u64,
    /// Frames whose level was told.
    told: u64,
}

impl ClockTap {
    pub fn new(tap: Arc<Tap>, rate: u32) -> Self {
        let (writer, most) = (TapWriter::new(tap.clone(), rate), ms_to_frames(QUEUE_MS, rate));
        Self { tap, writer, waiting: VecDeque::new(), held: 0, most, played: 0, shown: 0, told: 0 }
    }

    /// Somebody looks at frames, and the clock has to be looked at more often.
    pub fn is_viewed(&self) -> bool {
        self.tap.is_viewed()
    }

    /// The host was given `pcm`, whose first frame is number `at`.
    pub fn push(&mut self, at: u64, pcm: &[i16]) {
        if self.is_viewed() && self.held + pcm.len() as u64 <= self.most {
            self.held += pcm.len() as u64;
            self.waiting.push_back((at, pcm.to_vec()));
        }
    }

    /// What the clock says.
    pub fn note(&mut self, report: PlayoutReport) {
        match report {
            PlayoutReport::Anchor { .. } => {}
            PlayoutReport::Position { frames } => self.play_to(frames),
            PlayoutReport::Flushed { played, resume, .. } => {
                self.play_to(played);
                self.writer.pause();
                self.waiting.clear();
                (self.held, self.played) = (0, resume);
            }
        }
    }

    /// How loud frame `at` is, which was just played; told only where the frames themselves were not shown.
    pub fn level(&mut self, at: u64, level: Level) {
        let frames = at.saturating_sub(self.told);
        self.told = at;
        if self.shown < at {
            self.writer.skip(frames, level);
        }
    }

    fn play_to(&mut self, to: u64) {
        while let Some((start, pcm)) = self.waiting.front() {
            let (start, end) = (*start, start + pcm.len() as u64);
            let (from, stop) = (self.played.max(start).min(end), to.min(end));
            if from < stop {
                self.writer.write(&pcm[(from - start) as usize..(stop - start) as usize]);
                self.shown = stop;
            }
            if to < end {
                break;
            }
            self.held -= pcm.len() as u64;
            self.waiting.pop_front();
        }
        self.played = self.played.max(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(tap: &Tap, frames: usize) -> Vec<i16> {
        let mut out = vec![0.0; frames];
        // Behind the last frame written, without rounding to blocks.
        assert!(tap.read(tap.written(), &mut out));
        out.iter().map(|frame| (frame * 32768.0) as i16).collect()
    }

    #[test]
    fn only_what_was_played_is_seen() {
        let (tap, viewed) = (Arc::new(Tap::default()), PlayoutReport::Position { frames: 5 });
        let mut clock = ClockTap::new(tap.clone(), 8_000);
        clock.push(0, &[1; 4]);
        assert_eq!(clock.held, 0, "nobody looks");
        tap.add_viewer();
        clock.push(4, &[2, 3, 4]);
        clock.push(7, &[5, 6]);
        clock.note(viewed);
        assert_eq!(seen(&tap, 3), [0, 0, 2]);
        clock.note(PlayoutReport::Position { frames: 8 });
        assert_eq!(seen(&tap, 4), [2, 3, 4, 5]);
        clock.note(PlayoutReport::Flushed { played: 8, resume: 9, source: 9 });
        clock.push(9, &[7]);
        clock.note(PlayoutReport::Position { frames: 10 });
        assert_eq!((seen(&tap, 3), clock.held), (vec![4, 5, 7], 0));
    }

    #[test]
    fn the_level_passes_where_the_frames_were_not_kept() {
        let tap = Arc::new(Tap::default());
        let mut clock = ClockTap::new(tap.clone(), 8_000);
        tap.begin_run();
        tap.measure();
        clock.push(0, &[9; 800]);
        tap.add_viewer();
        clock.push(800, &[i16::MIN; 800]);
        let half = Level { rms: 0.5, peak: 0.5 };
        clock.note(PlayoutReport::Position { frames: 800 });
        clock.level(800, half);
        assert_eq!(tap.level(0), Some(half), "given before anybody looked");
        clock.note(PlayoutReport::Position { frames: 1_600 });
        clock.level(1_600, half);
        assert_eq!(tap.level(0), Some(Level { rms: 1.0, peak: 1.0 }), "seen itself");
        // What was cut is silent at once.
        clock.note(PlayoutReport::Flushed { played: 1_600, resume: 1_600, source: 1_600 });
        assert!(tap.level(300_000).unwrap().peak < 0.4);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (tap, second) = (Arc::new(Tap::default()), vec![9; 8_000]);
        let mut clock = ClockTap::new(tap.clone(), 8_000);
        tap.add_viewer();
        (0..400).for_each(|n| clock.push(n * 8_000, &second));
        assert_eq!((clock.held, clock.waiting.len()), (300 * 8_000, 300));
        // There is room again, behind a hole.
        clock.note(PlayoutReport::Position { frames: 8_000 });
        clock.push(400 * 8_000, &[8]);
        clock.note(PlayoutReport::Position { frames: 400 * 8_000 + 1 });
        assert_eq!((clock.held, seen(&tap, 2)), (0, vec![9, 8]));
    }
}
