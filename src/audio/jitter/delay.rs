//! How long audio has to wait so that packets which take longer than others are there in time.
//!
//! Each packet is compared with the fastest one of the last two seconds. A histogram of by how much they were slower
//! forgets at the pace libwebrtc's does, and 95 of 100 packets shall be in time.

use std::collections::VecDeque;

/// What the fastest packet is looked for in.
const WINDOW_US: u64 = 2_000_000;
const FORGET: f32 = 0.983;
const QUANTILE: f32 = 0.95;
const BUCKET_US: i64 = 5_000;
/// Up to 500 ms; the last one holds what is slower.
const BUCKETS: usize = 101;
/// Until so many packets came, the delay is not below the one it starts with.
const LEARNING: u32 = 50;
const START_US: i64 = 80_000;
const FLOOR_US: i64 = 40_000;
const CAP_US: i64 = 400_000;
/// A packet that comes just in time is good for the next 20 ms only.
const MARGIN_US: i64 = 20_000;

/// See the module. Times are in microseconds; those of the stream count from anywhere.
pub struct Delay {
    /// When packets came and how long they took, slower ones only while they may become the fastest.
    fastest: VecDeque<(u64, i64)>,
    buckets: Box<[f32; BUCKETS]>,
    seen: u32,
    target_us: i64,
}

impl Default for Delay {
    fn default() -> Self {
        Self { fastest: VecDeque::new(), buckets: Box::new([0.0; BUCKETS]), seen: 0, target_us: START_US }
    }
}

impl Delay {
    /// A packet of stream time `media_us` came at `now`.
    pub fn arrived(&mut self, now: u64, media_us: i64) {
        let took = (now as i64).wrapping_sub(media_us);
        while self.fastest.back().is_some_and(|&(_, slower)| slower >= took) {
            self.fastest.pop_back();
        }
        self.fastest.push_back((now, took));
        while self.fastest.len() > 1 && self.fastest.front().is_some_and(|&(at, _)| at + WINDOW_US < now) {
            self.fastest.pop_front();
        }
        let slower = took.saturating_sub(self.base_us()).max(0) / BUCKET_US;
        let bucket = usize::try_from(slower).unwrap_or(BUCKETS).min(BUCKETS - 1);
        self.buckets.iter_mut().for_each(|b| *b *= FORGET);
        self.buckets[bucket] += 1.0 - FORGET;
        self.seen = self.seen.saturating_add(1);
        self.target_us = self.learned().clamp(if self.seen < LEARNING { START_US } else { FLOOR_US }, CAP_US);
    }

    fn learned(&self) -> i64 {
        let enough = self.buckets.iter().sum::<f32>() * QUANTILE;
        let mut sum = 0.0;
        let within = self.buckets.iter().take_while(|&&b| {
            sum += b;
            sum < enough
        });
        (within.count() as i64 + 1) * BUCKET_US + MARGIN_US
    }

    /// How long the fastest packet took, on clocks that have nothing in common.
    pub fn base_us(&self) -> i64 {
        self.fastest.front().map_or(0, |&(_, took)| took)
    }

    /// How long audio shall wait, from when the fastest packet would have brought it.
    pub fn target_us(&self) -> i64 {
        self.target_us
    }

    /// A stream begins, over the same network: how long packets take is to be seen anew, how much that varies
    /// is known.
    pub fn begin(&mut self) {
        self.fastest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(late_us: impl Fn(u64) -> u64, packets: u64) -> i64 {
        let mut delay = Delay::default();
        for i in 0..packets {
            let sent = i * 20_000;
            delay.arrived(1_000_000 + sent + late_us(i), sent as i64);
        }
        delay.target_us()
    }

    #[test]
    fn it_begins_careful_and_learns_what_the_network_needs() {
        assert_eq!(target(|_| 0, 10), START_US);
        assert_eq!(target(|_| 0, 100), FLOOR_US);
        // One packet in ten is 100 ms late: not rare enough to be given up. One in fifty is.
        assert_eq!(target(|i| if i % 10 == 9 { 100_000 } else { 0 }, 200), 125_000);
        assert_eq!(target(|i| if i % 50 == 25 { 100_000 } else { 0 }, 240), FLOOR_US);
        assert_eq!(target(|i| i % 2 * 1_000_000, 200), CAP_US);
    }

    #[test]
    fn a_path_that_became_longer_is_taken_as_it_is_after_two_seconds() {
        let late = |i: u64| if i < 200 { 0 } else { 300_000 };
        assert!(target(late, 260) > 300_000);
        assert_eq!(target(late, 800), FLOOR_US);
    }
}
