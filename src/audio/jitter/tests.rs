//! Networks of every kind, from a seed, with a codec that shows which packet a frame is from.

use super::*;
use crate::{audio::codec::Codec, error::Result};
use proptest::prelude::*;

/// Frames are filled with the number of their packet, loud; what is made up is 1.
struct Numbers;

fn value(packet: &[u8]) -> i16 {
    i16::from_be_bytes([packet[2], packet[3]])
}

impl Codec for Numbers {
    fn encode(&mut self, _: &[i16], _: u32, _: &mut Vec<u8>) -> Result<()> {
        unreachable!()
    }
    fn takes(&self, _: u32) -> bool {
        false
    }
    fn expect_loss(&mut self, _: u8) {}
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<()> {
        pcm.extend([value(packet); 480]);
        Ok(())
    }
    fn recover(&mut self, next: &[u8], frames: usize, pcm: &mut Vec<i16>) {
        pcm.extend(std::iter::repeat_n(value(next) - 1, frames));
    }
    fn conceal(&mut self, frames: usize, pcm: &mut Vec<i16>) {
        pcm.extend(std::iter::repeat_n(1, frames));
    }
    fn forget(&mut self) {}
}

/// A packet of 20 ms (RFC 6716: SILK, wideband), which also carries the one before it, or not.
fn packet(number: i16, redundant: bool) -> Bytes {
    let [a, b] = number.to_be_bytes();
    Bytes::from(vec![9 << 3, if redundant { 0x40 } else { 0 }, a, b])
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A sender's packet on its way.
#[derive(Clone)]
struct Sent {
    arrives: u64,
    seq: u16,
    time: u32,
    ssrc: u32,
    payload: Bytes,
}

/// `n` packets, numbered from 1000 on, that leave every 20 ms.
fn stream(n: u16, redundant: bool, seq: u16, time: u32) -> Vec<Sent> {
    let one = |i: u16| Sent {
        arrives: u64::from(i) * 20_000,
        seq: seq.wrapping_add(i),
        time: time.wrapping_add(u32::from(i) * 960),
        ssrc: 7,
        payload: packet(1000 + i as i16, redundant),
    };
    (0..n).map(one).collect()
}

/// Plays what arrives, a frame every 20 ms; what each frame was (0: nothing was played), and the delay of each.
fn play(mut sent: Vec<Sent>) -> (Receiver, Vec<i16>, Vec<u64>) {
    sent.sort_by_key(|s| s.arrives);
    let end = sent.last().map_or(0, |s| s.arrives) + 1_000_000;
    let (mut receiver, mut frames, mut delays) = (Receiver::default(), Vec::new(), Vec::new());
    let mut sent = sent.into_iter().peekable();
    // Not in step with the sender.
    let mut now = 1_000_007_000;
    while now < end + 1_000_000_000 {
        while let Some(s) = sent.next_if(|s| s.arrives + 1_000_000_000 <= now) {
            receiver.insert(s.arrives + 1_000_000_000, s.ssrc, s.seq, s.time, s.payload);
        }
        let frame = receiver.pull(now, &mut Numbers).map(|f| {
            assert_eq!(f.len(), 480);
            f[0]
        });
        frames.push(frame.unwrap_or(0));
        delays.extend(receiver.delay_us());
        assert!(receiver.waiting() <= MOST_PACKETS);
        now += 20_000;
    }
    assert!(receiver.is_idle(), "a stream that ended is over");
    (receiver, frames, delays)
}

fn mean(delays: &[u64]) -> u64 {
    delays.iter().sum::<u64>() / delays.len() as u64
}

#[test]
fn a_good_network_plays_everything_once_and_soon() {
    let (receiver, frames, delays) = play(stream(500, false, 10, 77));
    let played: Vec<i16> = frames.iter().copied().filter(|&f| f >= 1000).collect();
    assert_eq!(played, (1000..1500).collect::<Vec<_>>());
    // Begun after 80 ms; the six at the end are the end.
    assert_eq!(frames.iter().position(|&f| f == 1000), Some(4));
    assert_eq!((receiver.concealed(), receiver.lost(), receiver.counts().late), (6, 0, 0));
    assert!(mean(&delays) <= 100_000, "{}", mean(&delays));
    assert_eq!(receiver.jitter_us(), 0);
}

#[test]
fn numbers_and_times_wrap() {
    let (receiver, frames, _) = play(stream(300, false, u16::MAX - 100, u32::MAX - 960 * 150));
    assert_eq!(frames.iter().filter(|&&f| f >= 1000).count(), 300);
    assert_eq!((receiver.lost(), receiver.counts().streams), (0, 0));
}

#[test]
fn one_packet_that_is_missing_comes_from_the_next_or_is_made_up() {
    for redundant in [true, false] {
        let mut sent = stream(100, redundant, 0, 0);
        sent.remove(50);
        let (receiver, frames, _) = play(sent);
        let at = frames.iter().position(|&f| f == 1049).unwrap();
        assert_eq!(frames[at + 1..at + 3], [if redundant { 1050 } else { 1 }, 1051]);
        assert_eq!((receiver.lost(), receiver.recovered()), (1, u64::from(redundant)));
        assert_eq!(receiver.concealed(), 6 + u64::from(!redundant));
    }
}

#[test]
fn order_and_copies_make_no_difference() {
    let mut sent = stream(200, false, 0, 0);
    for pair in sent.chunks_mut(2) {
        let later = pair[1].arrives + 1_000;
        pair[0].arrives = later;
    }
    let copies: Vec<Sent> = sent.iter().step_by(3).cloned().collect();
    sent.extend(copies);
    let (receiver, frames, _) = play(sent);
    assert_eq!(frames.iter().filter(|&&f| f >= 1000).count(), 200);
    let counts = receiver.counts();
    assert_eq!((counts.duplicates, counts.late, counts.packets, receiver.lost()), (67, 0, 200, 0));
}

#[test]
fn what_comes_after_its_time_is_counted_and_not_played() {
    let mut sent = stream(200, false, 0, 0);
    sent[100].arrives += 900_000;
    let (receiver, frames, _) = play(sent);
    assert!(!frames.contains(&1100));
    assert_eq!((receiver.counts().late, receiver.lost()), (1, 0));
}

#[test]
fn another_sender_is_another_stream() {
    let mut sent = stream(100, false, 0, 0);
    for s in &mut sent[50..] {
        s.ssrc = 8;
        s.seq = s.seq.wrapping_add(30_000);
        s.time = s.time.wrapping_add(1 << 31);
    }
    let (receiver, frames, _) = play(sent);
    // What waited of the first stream is given up; the second one is played whole.
    assert!((1050..1100).all(|n| frames.contains(&n)));
    assert_eq!((receiver.counts().streams, receiver.lost()), (1, 0));
}

#[test]
fn a_stall_and_its_burst_are_over_soon() {
    let mut sent = stream(400, false, 0, 0);
    for s in &mut sent[100..200] {
        s.arrives = 200 * 20_000;
    }
    let (receiver, frames, _) = play(sent);
    let back = frames.iter().rposition(|&f| f == 0 && f < 1000);
    let resumed = frames.iter().skip(200).position(|&f| f >= 1000).unwrap() + 200;
    assert!(resumed <= 200 + 25, "played again {} ms after the stall", (resumed - 200) * 20);
    assert!(back.is_some());
    // Of the two seconds that came at once most is given up, and what follows is played whole.
    assert!(receiver.counts().dropped + receiver.counts().late > 70, "{:?}", receiver.counts());
    assert!((1210..1400).all(|n| frames.contains(&n)));
    let last = frames.iter().position(|&f| f == 1399).unwrap();
    assert!(last - 399 <= 21, "{} ms behind at the end", (last - 399) * 20);
}

#[test]
fn a_sender_that_pauses_is_played_again_from_its_first_word() {
    // With and without time that goes on.
    for goes_on in [true, false] {
        let mut sent = stream(100, false, 0, 0);
        for s in &mut sent[50..] {
            s.arrives += 1_500_000;
            s.time += if goes_on { 1500 * 48 } else { 0 };
        }
        let (receiver, frames, _) = play(sent);
        assert!((1000..1100).all(|n| frames.contains(&n)), "{frames:?}");
        assert_eq!(receiver.concealed(), 12, "the two ends fade");
    }
}

#[test]
fn rubbish_is_counted() {
    let mut receiver = Receiver::default();
    receiver.insert(0, 1, 1, 1, Bytes::new());
    receiver.insert(0, 1, 1, 1, Bytes::from_static(&[0xff]));
    receiver.foreign();
    assert_eq!(receiver.counts().foreign, 3);
    assert!(receiver.is_idle());
    assert!(receiver.pull(1_000_000, &mut Numbers).is_none());
}

#[test]
fn a_network_that_varies_is_waited_for_and_not_longer_than_needed() {
    // Half-normal of 30 ms, as a sum of twelve even chances; 5 % are lost.
    let mut chance = Chance(0x1234_5678_9abc_def1);
    let mut sent = stream(1500, true, 0, 0);
    for s in &mut sent {
        let sum: u64 = (0..12).map(|_| chance.below(30_000)).sum();
        s.arrives += sum.abs_diff(180_000);
    }
    sent.retain(|_| chance.below(20) > 0);
    let (receiver, frames, delays) = play(sent);
    assert!(mean(&delays) <= 110_000, "{} ms on average", mean(&delays) / 1000);
    let played = frames.iter().filter(|&&f| f >= 1000).count();
    let made_up = receiver.concealed() - 6;
    assert!(played >= 1400, "{played} of 1500 played, {made_up} made up, {:?}", receiver.counts());
    assert!(made_up * 100 <= 1500 * 6, "{made_up} frames made up");
}

#[test]
fn a_clock_that_runs_faster_or_slower_is_followed() {
    for ppm in [-300i64, 300] {
        let mut sent = stream(15_000, false, 0, 0);
        for s in &mut sent {
            // Speech with pauses, in which time can be made up.
            let number = if s.seq % 100 < 20 { 2 } else { 1000 + (s.seq % 1000) as i16 };
            s.payload = packet(number, false);
            s.arrives = (s.arrives as i64 + s.arrives as i64 * ppm / 1_000_000) as u64;
        }
        let (receiver, _, delays) = play(sent);
        assert!(receiver.concealed() <= 8, "{ppm} ppm: {} made up", receiver.concealed());
        assert!(delays[1000..].iter().all(|d| (15_000..=110_000).contains(d)), "{ppm} ppm: {:?}", delays.iter().max());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_network_breaks_it(
        seed in 1u64..,
        loss in 0u64..30,
        varies in 0u64..300_000,
        copies in 0u64..20,
        odd in 0u64..4,
        first in any::<(u16, u32)>(),
    ) {
        let mut chance = Chance(seed);
        let mut sent = stream(300, seed % 2 == 0, first.0, first.1);
        for s in &mut sent {
            s.arrives += chance.below(varies + 1);
            if chance.below(100) < odd {
                match chance.below(4) {
                    0 => s.ssrc ^= 1,
                    1 => s.time = chance.below(u64::from(u32::MAX)) as u32,
                    2 => s.seq = chance.below(65_536) as u16,
                    _ => s.payload = Bytes::from(vec![chance.below(256) as u8, 63, 0, 9]),
                }
            }
        }
        sent.retain(|_| chance.below(100) >= loss);
        let twice: Vec<Sent> = sent.iter().filter(|_| chance.below(100) < copies).cloned().collect();
        let came = sent.len() as u64;
        sent.extend(twice);
        let (receiver, frames, delays) = play(sent);
        let counts = receiver.counts();
        // Each frame is played once: numbers fall only where another stream began or something was odd.
        if odd == 0 {
            let played: Vec<i16> = frames.into_iter().filter(|&f| f >= 999).collect();
            prop_assert!(played.windows(2).all(|w| w[0] < w[1]), "{played:?}");
            prop_assert_eq!(counts.packets, came);
            let given = played.len() as u64 + receiver.adjusted().0;
            prop_assert!(given + counts.late + counts.dropped >= came, "{counts:?}");
            // The cap, what is not worth a correction, and what is waited for one.
            prop_assert!(delays.iter().all(|&d| d < 800_000), "{:?}", delays.iter().max());
        }
        prop_assert!(counts.late + counts.dropped <= counts.packets);
    }
}
