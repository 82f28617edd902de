//! Where in an item's audio there is speech: loudness of every 20 ms, a byte each.

/// Audio of one part that is kept track of; what comes later counts as speech. 300 s.
const MAX_FRAMES: usize = 15_000;
/// Milliseconds of one.
pub const FRAME_MS: u64 = 20;
/// Steps of loudness in a doubling of amplitude.
const OCTAVE: f32 = 16.0;
/// Speech is at most so much quieter than the loudest of it: 27 dB.
const RANGE: u8 = 72;
/// Below this is silence however quiet the rest: 16 of 32768.
const FLOOR: u8 = 64;
/// Shorter silence is inside a word.
const GAP_MS: u64 = 80;

/// More pauses than this are not told apart: 300 s of speech have fewer. The longest stay.
const MAX_PAUSES: usize = 128;

/// A stretch of speech, in milliseconds of the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where it begins.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    levels: Vec<u8>,
    sum: u32,
    count: u32,
}

impl Envelope {
    /// More audio at `rate` frames a second.
    pub fn push(&mut self, mut pcm: &[i16], rate: u32) {
        let frame = (rate / 50).max(1);
        while !pcm.is_empty() && self.levels.len() < MAX_FRAMES {
            let n = pcm.len().min((frame - self.count) as usize);
            let (head, rest) = pcm.split_at(n);
            self.sum += head.iter().map(|s| u32::from(s.unsigned_abs())).sum::<u32>();
            self.count += n as u32;
            if self.count == frame {
                self.levels.push(((1.0 + self.sum as f32 / frame as f32).log2() * OCTAVE) as u8);
                (self.sum, self.count) = (0, 0);
            }
            pcm = rest;
        }
    }

    pub fn bytes(&self) -> usize {
        self.levels.len()
    }

    /// Stretches of speech in the first `until_ms`; all of it, when there is none.
    pub fn runs(&self, until_ms: u64) -> Vec<Run> {
        let limit = self.threshold();
        let mut runs: Vec<Run> = Vec::new();
        let end = usize::try_from(until_ms.div_ceil(FRAME_MS)).unwrap_or(usize::MAX);
        for (i, _) in self.levels.iter().take(end).enumerate().filter(|(_, level)| **level >= limit) {
            let from = i as u64 * FRAME_MS;
            let to = (from + FRAME_MS).min(until_ms);
            match runs.last_mut() {
                Some(last) if from - last.to <= GAP_MS => last.to = to,
                _ => runs.push(Run { from, to }),
            }
        }
        // What was not kept track of.
        let known = self.levels.len() as u64 * FRAME_MS;
        if until_ms > known + FRAME_MS {
            match runs.last_mut() {
                Some(last) if known - last.to <= GAP_MS => last.to = until_ms,
                _ => runs.push(Run { from: known, to: until_ms }),
            }
        }
        if runs.is_empty() {
            // Words without any sound, as a test may have them.
            return vec![Run { from: 0, to: until_ms }];
        }
        longest(runs)
    }

    fn threshold(&self) -> u8 {
        let mut histogram = [0usize; 256];
        self.levels.iter().for_each(|l| histogram[usize::from(*l)] += 1);
        // The loudest tenth of what is no silence: a long pause must not make noise speech.
        let loud = (FLOOR..=u8::MAX).map(|l| histogram[usize::from(l)]).sum::<usize>();
        let mut left = loud / 10;
        let mut top = u8::MAX;
        while top > FLOOR && histogram[usize::from(top)] <= left {
            left -= histogram[usize::from(top)];
            top -= 1;
        }
        top.saturating_sub(RANGE).max(FLOOR)
    }
}

/// Without the shortest pauses, when there are too many.
fn longest(mut runs: Vec<Run>) -> Vec<Run> {
    if runs.len() <= MAX_PAUSES + 1 {
        return runs;
    }
    let mut pauses: Vec<u64> = runs.windows(2).map(|r| r[1].from - r[0].to).collect();
    pauses.sort_unstable_by(|a, b| b.cmp(a));
    let shortest = pauses[MAX_PAUSES];
    runs.dedup_by(|next, run| {
        let pass = next.from - run.to <= shortest;
        if pass {
            run.to = next.to;
        }
        pass
    });
    runs
}
