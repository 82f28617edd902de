//! How loud the output is: measured when it comes, told when it is heard.

use super::{
    audio_path::{AudioPath, Speaker},
    microphone::LEVEL_MS,
};
use crate::{
    audio::meter::Level,
    event::{AudioLevel, Direction},
};

impl AudioPath {
    /// Measures what will be played.
    pub fn meter_output(&mut self, pcm: &[i16]) {
        let mut at = self.output_pushed;
        self.output_pushed += pcm.len() as u64;
        let wanted = self.levels || self.counts_by_clock() && self.taps.output.is_measured();
        if !wanted {
            return;
        }
        // One level for every tenth of a second of audio, told when it is heard.
        let step = u64::from(self.output_rate) * LEVEL_MS / 1000;
        for block in pcm.chunks(usize::try_from(step).unwrap_or(usize::MAX)) {
            self.output_meter.push(block);
            at += block.len() as u64;
            self.output_since_level += block.len() as u64;
            if self.output_since_level >= step {
                self.output_since_level = 0;
                self.output_levels.push_back((at, self.output_meter.level()));
            }
        }
    }

    /// The newest output level among what was heard.
    pub fn output_level(&mut self) -> Option<AudioLevel> {
        let mut newest = None;
        while self.output_levels.front().is_some_and(|(at, _)| *at <= self.heard) {
            newest = self.output_levels.pop_front();
        }
        let (at, newest) = newest?;
        if self.counts_by_clock() {
            self.clock_tap.level(at, newest);
        }
        let Level { rms, peak } = newest;
        self.levels.then_some(AudioLevel { direction: Direction::Output, rms, peak })
    }

    /// The host plays, and nobody but a clock says how far it is.
    fn counts_by_clock(&self) -> bool {
        matches!(self.speaker, Speaker::Clock(_)) && !self.device_output
    }
}
