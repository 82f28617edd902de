//! The engine queue of the speaker side: source audio with its item ends and holes, kept until it
//! was played so that it can be rendered again for another device.

use std::collections::VecDeque;

/// Something between two frames of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// An item ended here.
    End,
    /// This many source frames were refused here.
    Hole(u64),
}

/// What comes next on the way to the ring.
pub(super) enum Step<'a> {
    Audio(&'a [i16]),
    Mark(Mark),
    Nothing,
}

/// Frames are numbered over everything accepted; source frames also count what was refused.
pub(super) struct Queue {
    samples: VecDeque<i16>,
    /// Number of the first frame in `samples`.
    head: u64,
    /// Number of the next frame to hand out; those before it are kept for a rewind.
    position: u64,
    marks: VecDeque<(u64, Mark)>,
    /// Marks already handed out.
    passed: usize,
    capacity: usize,
    refused: u64,
    /// Refused frames in holes not yet handed out.
    refused_ahead: u64,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Queue {
            samples: VecDeque::new(),
            head: 0,
            position: 0,
            marks: VecDeque::new(),
            passed: 0,
            capacity,
            refused: 0,
            refused_ahead: 0,
        }
    }

    /// Takes what fits and returns how much that is.
    pub(super) fn push(&mut self, pcm: &[i16]) -> usize {
        let n = pcm.len().min(self.capacity.saturating_sub(self.samples.len()));
        self.samples.extend(&pcm[..n]);
        let refused = (pcm.len() - n) as u64;
        if refused > 0 {
            self.refused += refused;
            self.refused_ahead += refused;
            let (end, open) = (self.end(), self.passed < self.marks.len());
            match self.marks.back_mut() {
                Some((at, Mark::Hole(size))) if open && *at == end => *size += refused,
                _ => self.marks.push_back((end, Mark::Hole(refused))),
            }
        }
        n
    }

    pub(super) fn mark_end(&mut self) {
        let mark = (self.end(), Mark::End);
        if self.passed == self.marks.len() || self.marks.back() != Some(&mark) {
            self.marks.push_back(mark);
        }
    }

    /// Hands out at most `max` frames, or the mark that stands before them.
    pub(super) fn next(&mut self, max: usize) -> Step<'_> {
        let mark = self.marks.get(self.passed).copied();
        if let Some((_, mark)) = mark.filter(|(at, _)| *at == self.position) {
            self.passed += 1;
            if let Mark::Hole(frames) = mark {
                self.refused_ahead -= frames;
            }
            return Step::Mark(mark);
        }
        let stop = mark.map_or(self.end(), |(at, _)| at);
        let max = max.min((stop - self.position) as usize);
        let from = (self.position - self.head) as usize;
        let (one, two) = self.samples.as_slices();
        let rest = if from < one.len() { &one[from..] } else { &two[from - one.len()..] };
        let pcm = &rest[..max.min(rest.len())];
        self.position += pcm.len() as u64;
        if pcm.is_empty() { Step::Nothing } else { Step::Audio(pcm) }
    }

    /// Forgets what stands before frame `at`.
    pub(super) fn trim(&mut self, at: u64) {
        let at = at.clamp(self.head, self.position);
        self.samples.drain(..(at - self.head) as usize);
        self.head = at;
        while self.passed > 0 && self.marks.front().is_some_and(|(mark, _)| *mark < at) {
            self.marks.pop_front();
            self.passed -= 1;
        }
    }

    /// Goes back to frame `at`, which was not trimmed.
    pub(super) fn rewind(&mut self, at: u64) {
        self.position = at.clamp(self.head, self.position);
        while self.passed > 0 && self.marks[self.passed - 1].0 >= self.position {
            self.passed -= 1;
            if let (_, Mark::Hole(frames)) = self.marks[self.passed] {
                self.refused_ahead += frames;
            }
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.head = self.end();
        self.position = self.head;
        self.samples.clear();
        self.marks.clear();
        self.passed = 0;
        self.refused_ahead = 0;
    }

    /// Number of the next frame to hand out.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Source number of the next frame to hand out.
    pub(super) fn source_next(&self) -> u64 {
        self.position + self.refused - self.refused_ahead
    }

    /// Source number of the next frame pushed.
    pub(super) fn source_end(&self) -> u64 {
        self.end() + self.refused
    }

    /// Frames from number `at` to the end.
    pub(super) fn len_from(&self, at: u64) -> u64 {
        self.end() - at.clamp(self.head, self.end())
    }

    /// Frames not handed out.
    pub(super) fn waiting(&self) -> u64 {
        self.end() - self.position
    }

    /// True when an item end stands ahead.
    pub(super) fn ends(&self) -> bool {
        self.marks.iter().skip(self.passed).any(|(_, mark)| *mark == Mark::End)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    fn end(&self) -> u64 {
        self.head + self.samples.len() as u64
    }
}
