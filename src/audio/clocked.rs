//! The speaker side for hosts that take `audio` events: no device, no ticker.
//!
//! Audio counts as played at real-time speed from the moment it was delivered, one piece after the
//! other. Positions are computed from the time given, so nothing has to run in between.
//!
//! ```
//! # use duologue::audio::{clocked::ClockedPlayout, playout::PlayoutReport};
//! let mut speaker = ClockedPlayout::new(24_000);
//! speaker.push(5_000_000, 24_000);
//! assert_eq!(speaker.drained_at_us(), Some(6_000_000));
//! assert!(matches!(speaker.report(5_250_000), Some(PlayoutReport::Anchor { .. })));
//! assert_eq!(speaker.report(5_250_000), Some(PlayoutReport::Position { frames: 6_000 }));
//! ```

use super::{
    pcm::{scale, scale_up},
    playout::PlayoutReport,
};

const SECOND_US: u64 = 1_000_000;

/// Counts what a host has played of what it was given. Pure: any thread, one at a time.
///
/// Times are microseconds of one monotonic clock; a time before an earlier one counts as that one.
/// Ring frames and source frames are the same here.
#[derive(Debug, Clone)]
pub struct ClockedPlayout {
    rate: u32,
    now_us: u64,
    /// Everything ever pushed.
    pushed: u64,
    state: State,
    anchored: bool,
    reported: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Idle,
    /// Frame `frame` began to play at `since_us` and nothing ran dry since.
    Playing {
        since_us: u64,
        frame: u64,
    },
}

impl ClockedPlayout {
    /// A speaker for `source_rate` frames per second, silent.
    pub fn new(source_rate: u32) -> Self {
        ClockedPlayout { rate: source_rate, now_us: 0, pushed: 0, state: State::Idle, anchored: false, reported: 0 }
    }

    /// `frames` frames were handed to the host now. O(1), allocates nothing.
    pub fn push(&mut self, now_us: u64, frames: usize) {
        self.advance(now_us);
        if let (State::Idle, 1..) = (self.state, frames) {
            self.state = State::Playing { since_us: self.now_us, frame: self.pushed };
        }
        self.pushed += frames as u64;
    }

    /// The host was told to stop: what is unheard now will not be played. Returns the `Flushed`
    /// report.
    pub fn flush(&mut self, now_us: u64) -> PlayoutReport {
        self.advance(now_us);
        let played = self.played();
        self.state = State::Idle;
        self.reported = self.pushed;
        PlayoutReport::Flushed { played, resume: self.pushed, source: self.pushed }
    }

    /// What was played until now; call until `None`. The `Anchor` comes first, then a `Position`
    /// when it moved.
    pub fn report(&mut self, now_us: u64) -> Option<PlayoutReport> {
        self.advance(now_us);
        if !self.anchored {
            self.anchored = true;
            let (rate, source_rate) = (self.rate, self.rate);
            return Some(PlayoutReport::Anchor { frames: 0, source: 0, rate, source_rate, delay: 0 });
        }
        let frames = self.played();
        (frames > self.reported).then(|| {
            self.reported = frames;
            PlayoutReport::Position { frames }
        })
    }

    /// When the last frame pushed will have been played; `None` when nothing plays.
    pub fn drained_at_us(&self) -> Option<u64> {
        self.played_at_us(self.pushed)
    }

    /// When `frame` frames of all that was pushed will have been played; `None` when nothing plays.
    pub fn played_at_us(&self, frame: u64) -> Option<u64> {
        match self.state {
            State::Idle => None,
            State::Playing { since_us, frame: first } => {
                Some(since_us.saturating_add(scale_up(frame.saturating_sub(first), SECOND_US, self.rate.into())))
            }
        }
    }

    /// Number of the next frame to play; meaningful after [`Self::advance`].
    fn played(&self) -> u64 {
        match self.state {
            State::Idle => self.pushed,
            State::Playing { since_us, frame } => {
                let elapsed = scale(self.now_us - since_us, self.rate.into(), SECOND_US);
                self.pushed.min(frame.saturating_add(elapsed))
            }
        }
    }

    fn advance(&mut self, now_us: u64) {
        self.now_us = self.now_us.max(now_us);
        if self.drained_at_us().is_some_and(|at| at <= self.now_us) {
            self.state = State::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Op {
        Push(usize),
        Flush,
        Look,
    }

    /// When each frame has been played, one by one.
    #[derive(Default)]
    struct Naive {
        run: (u64, u64),
        done_at: Vec<u64>,
    }

    impl Naive {
        fn push(&mut self, now: u64, rate: u64, frames: usize) {
            if self.done_at.last().is_none_or(|&t| t <= now || t == u64::MAX) {
                self.run = (now, 0);
            }
            for _ in 0..frames {
                self.run.1 += 1;
                self.done_at.push(self.run.0 + (self.run.1 * SECOND_US).div_ceil(rate));
            }
        }

        fn flush(&mut self, now: u64) {
            self.done_at.iter_mut().filter(|t| **t > now).for_each(|t| *t = u64::MAX);
        }

        fn last_played(&self, now: u64) -> u64 {
            self.done_at.iter().rposition(|&t| t <= now).map_or(0, |n| n as u64 + 1)
        }
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![4 => (0..900usize).prop_map(Op::Push), 1 => Just(Op::Flush), 3 => Just(Op::Look)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

        #[test]
        fn agrees_with_counting_frame_by_frame(
            rate in prop::sample::select(vec![8_000u32, 22_050, 24_000, 44_100]),
            ops in prop::collection::vec((0..60_000u64, op()), 1..80),
        ) {
            let (mut clocked, mut naive) = (ClockedPlayout::new(rate), Naive::default());
            let (mut now, mut reported) = (7_000_000u64, 0);
            let anchor = PlayoutReport::Anchor { frames: 0, source: 0, rate, source_rate: rate, delay: 0 };
            prop_assert_eq!(clocked.report(now), Some(anchor));
            for (wait, op) in ops {
                now += wait;
                match op {
                    Op::Push(n) => {
                        clocked.push(now, n);
                        naive.push(now, rate.into(), n);
                    }
                    Op::Flush => {
                        let pushed = naive.done_at.len() as u64;
                        let unheard = naive.done_at.iter().position(|&t| t > now && t != u64::MAX);
                        let played = unheard.map_or(pushed, |n| n as u64);
                        naive.flush(now);
                        let flushed = PlayoutReport::Flushed { played, resume: pushed, source: pushed };
                        prop_assert_eq!(clocked.flush(now), flushed);
                        reported = pushed;
                    }
                    Op::Look => {
                        let played = naive.last_played(now);
                        match clocked.report(now) {
                            Some(PlayoutReport::Position { frames }) => {
                                prop_assert_eq!(frames, played);
                                prop_assert!(frames > reported);
                                reported = frames;
                            }
                            other => {
                                prop_assert_eq!(other, None);
                                prop_assert!(played <= reported);
                            }
                        }
                        prop_assert_eq!(clocked.report(now), None);
                    }
                }
                let last = naive.done_at.last().copied().filter(|&t| t > now && t != u64::MAX);
                prop_assert_eq!(clocked.drained_at_us(), last);
            }
        }
    }

    #[test]
    fn a_flush_says_what_was_heard_and_counts_on() {
        let mut c = ClockedPlayout::new(24_000);
        c.push(1_000, 48_000);
        assert_eq!(c.flush(501_000), PlayoutReport::Flushed { played: 12_000, resume: 48_000, source: 48_000 });
        assert_eq!(c.drained_at_us(), None);
        c.push(600_000, 24_000);
        assert!(matches!(c.report(600_000), Some(PlayoutReport::Anchor { .. })));
        assert_eq!(c.report(600_000), None);
        assert_eq!(c.report(700_000), Some(PlayoutReport::Position { frames: 50_400 }));
    }

    #[test]
    fn a_network_stall_moves_nothing() {
        let mut c = ClockedPlayout::new(24_000);
        c.push(0, 2_400);
        c.report(0);
        assert_eq!(c.report(2_000_000), Some(PlayoutReport::Position { frames: 2_400 }));
        c.push(2_100_000, 2_400);
        assert_eq!(c.report(2_100_000), None);
        assert_eq!(c.report(2_150_000), Some(PlayoutReport::Position { frames: 3_600 }));
        // Time that goes back changes nothing.
        assert_eq!(c.report(0), None);
    }
}
