//! Microphone audio as packets of 20 ms at the pace of real time, silence included.
//!
//! A service that listens for the end of a turn counts the audio it gets, so the stream does not stop when the host
//! gives nothing. Audio that is there leaves at once when its time has come; silence waits a little longer, for audio
//! that is only late. More than is live (what was said while there was no connection) leaves in its time all the same,
//! and its pauses are left out until it is live again; so is what never runs out for a second, which nobody needs to
//! wait behind. Times are arguments, in microseconds.

use crate::{
    audio::{
        codec::{Codec, TICKS_20_MS},
        pcm::scale,
        resample::Resampler,
    },
    error::Result,
};
use std::collections::VecDeque;

const STEP_US: u64 = 20_000;
/// How late audio may be before silence takes its place.
const PATIENCE_US: u64 = 40_000;
/// A clock that is further behind stood still: what was missed is not sent after it.
const FAR_BEHIND_US: u64 = 200_000;
/// Audio that waits where it is live; more is only taken when it is given all the same. What is live then waits behind it.
const LIVE_MS: u64 = 200;
/// Audio that may wait, in frames of 20 ms: what is kept while there is no connection, 30 s at most, and a little.
const MOST_WAITING: usize = 1550;
/// Packets over which is looked for what waits all the time: a second.
const LOOKED_AT: u32 = 50;
/// A frame none of whose samples is above this is a pause: -50 dB.
const QUIET: u16 = 100;
/// What audio is converted to when the codec does not take its rate.
const WIDE: u32 = 48_000;

/// See the module.
pub struct Microphone {
    /// Of what is given, and of what waits.
    given: u32,
    rate: u32,
    resampler: Option<Resampler>,
    waiting: VecDeque<i16>,
    converted: Vec<i16>,
    frame: Vec<i16>,
    /// When the next packet leaves.
    due: Option<u64>,
    seq: u16,
    time: u32,
    dropped: u64,
    sent: u64,
    /// Samples that do not wait any more.
    gone: u64,
    /// The least that waited behind a packet of late, and of how many.
    least: usize,
    looked: u32,
    /// Samples that waited all the time, to be left out in pauses.
    spare: usize,
    /// Samples that may wait now: more than what is live while more was given all the same.
    allowed: usize,
}

/// What a packet needs beside its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub seq: u16,
    pub time: u32,
}

impl Microphone {
    /// A stream whose numbers and time begin there.
    pub fn new(seq: u16, time: u32) -> Self {
        Self {
            given: 24_000,
            rate: 24_000,
            resampler: None,
            waiting: VecDeque::new(),
            converted: Vec::new(),
            frame: Vec::new(),
            due: None,
            seq,
            time,
            dropped: 0,
            sent: 0,
            gone: 0,
            least: usize::MAX,
            looked: 0,
            spare: 0,
            allowed: 0,
        }
    }

    fn frame_len(&self) -> usize {
        self.rate as usize / 50
    }

    /// Audio of the host. What has a rate nobody can convert is dropped and counted.
    pub fn push(&mut self, pcm: &[i16], rate: u32, codec: &dyn Codec) {
        if rate != self.given {
            let resampler = if codec.takes(rate) { None } else { Resampler::new(rate, WIDE).ok() };
            if resampler.is_none() && !codec.takes(rate) {
                self.dropped += 1;
                return;
            }
            self.dropped += self.waiting.len().div_ceil(self.frame_len()) as u64;
            self.leave_out(self.waiting.len());
            (self.least, self.looked, self.spare, self.allowed) = (usize::MAX, 0, 0, 0);
            self.given = rate;
            self.rate = if resampler.is_some() { WIDE } else { rate };
            self.resampler = resampler;
        }
        match &mut self.resampler {
            None => self.waiting.extend(pcm),
            Some(resampler) => {
                self.converted.clear();
                resampler.push(pcm, &mut self.converted);
                self.waiting.extend(&self.converted);
            }
        }
        let (frame, most) = (self.frame_len(), self.frame_len() * MOST_WAITING);
        while self.waiting.len() > most {
            self.leave_out(frame);
            self.dropped += 1;
        }
        self.allowed = self.allowed.max(self.waiting.len());
    }

    fn live(&self) -> usize {
        scale(LIVE_MS, self.rate.into(), 1000) as usize
    }

    fn leave_out(&mut self, samples: usize) {
        self.waiting.drain(..samples);
        self.gone += samples as u64;
    }

    /// The place behind all that was given, for [`Microphone::has_left`].
    pub fn end(&self) -> u64 {
        self.gone + self.waiting.len() as u64
    }

    /// Nothing that was given before `end` waits.
    pub fn has_left(&self, end: u64) -> bool {
        self.gone >= end
    }

    /// Puts the payload that is due at `now` into `packet`.
    ///
    /// # Errors
    /// What the codec refuses; that frame is lost.
    pub fn take(&mut self, now: u64, codec: &mut dyn Codec, packet: &mut Vec<u8>) -> Result<Option<Numbers>> {
        let mut due = *self.due.get_or_insert(now);
        let behind = now.saturating_sub(due);
        if behind > FAR_BEHIND_US {
            let missed = behind / STEP_US;
            due += missed * STEP_US;
            self.time = self.time.wrapping_add((missed as u32).wrapping_mul(TICKS_20_MS));
            self.due = Some(due);
        }
        let n = self.frame_len();
        let patience = if self.waiting.len() >= n { 0 } else { PATIENCE_US };
        if now < due + patience {
            return Ok(None);
        }
        // What is behind is worked off in the pauses.
        let live = self.live();
        while (self.waiting.len() > live + n || self.spare >= n && self.waiting.len() >= 2 * n)
            && self.waiting.range(..n).all(|s| s.unsigned_abs() <= QUIET)
        {
            self.leave_out(n);
            self.spare = self.spare.saturating_sub(n);
        }
        self.frame.clear();
        let spoken = n.min(self.waiting.len());
        self.frame.extend(self.waiting.range(..spoken));
        self.leave_out(spoken);
        self.frame.resize(n, 0);
        self.allowed = self.allowed.min(self.waiting.len() + live);
        self.look();
        let numbers = Numbers { seq: self.seq, time: self.time };
        self.due = Some(due + STEP_US);
        self.seq = self.seq.wrapping_add(1);
        self.time = self.time.wrapping_add(TICKS_20_MS);
        codec.encode(&self.frame, self.rate, packet)?;
        self.sent += 1;
        Ok(Some(numbers))
    }

    /// What waited behind each packet of the last second is not what evens out the host's pieces: it only delays.
    fn look(&mut self) {
        self.least = self.least.min(self.waiting.len());
        self.looked += 1;
        if self.looked >= LOOKED_AT {
            self.spare = self.least;
            (self.least, self.looked) = (usize::MAX, 0);
        }
    }

    /// A packet that was taken could not leave.
    pub fn not_sent(&mut self) {
        self.sent -= 1;
        self.dropped += 1;
    }

    /// When [`Microphone::take`] has something again, unless audio comes before.
    pub fn due(&self) -> Option<u64> {
        Some(self.due? + if self.waiting.len() >= self.frame_len() { 0 } else { PATIENCE_US })
    }

    /// What can be given now without waiting for long. Whoever gives more has audio that is not live.
    pub fn room_ms(&self) -> u64 {
        let room = self.allowed.max(self.live()).saturating_sub(self.waiting.len());
        room as u64 * 1000 / u64::from(self.rate)
    }

    /// Packets that left.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Frames of 20 ms that were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Payloads are the first and the last sample, and the length.
    struct Plain;

    impl Codec for Plain {
        fn encode(&mut self, frame: &[i16], rate: u32, packet: &mut Vec<u8>) -> Result<()> {
            assert_eq!(frame.len(), rate as usize / 50);
            *packet = vec![frame[0] as u8, frame[frame.len() - 1] as u8, (rate / 1000) as u8];
            Ok(())
        }
        fn takes(&self, rate: u32) -> bool {
            rate == 24_000 || rate == 48_000
        }
        fn expect_loss(&mut self, _: u8) {}
        fn decode(&mut self, _: &[u8], _: &mut Vec<i16>) -> Result<()> {
            unreachable!()
        }
        fn recover(&mut self, _: &[u8], _: usize, _: &mut Vec<i16>) {}
        fn conceal(&mut self, _: usize, _: &mut Vec<i16>) {}
        fn forget(&mut self) {}
    }

    /// Looks every millisecond; what left when, with its numbers.
    fn run(mic: &mut Microphone, from: u64, ms: u64, given: impl Fn(u64) -> Vec<i16>) -> Vec<(u64, Numbers, Vec<u8>)> {
        let mut left = Vec::new();
        for ms in from..from + ms {
            let pcm = given(ms);
            if !pcm.is_empty() {
                mic.push(&pcm, 24_000, &Plain);
            }
            let mut packet = Vec::new();
            while let Some(numbers) = mic.take(ms * 1000, &mut Plain, &mut packet).unwrap() {
                left.push((ms, numbers, packet.clone()));
            }
        }
        left
    }

    #[test]
    fn audio_leaves_when_it_comes_and_the_clock_goes_on_without() {
        let mut mic = Microphone::new(u16::MAX, u32::MAX - 959);
        // A second of audio that comes every 20 ms, 7 ms off the beat, then a second of nothing.
        let left = run(&mut mic, 0, 1000, |ms| if ms % 20 == 7 { vec![5; 480] } else { Vec::new() });
        assert!(left.iter().all(|(ms, _, packet)| ms % 20 == 7 && packet == &[5, 5, 24]), "{left:?}");
        assert_eq!(left.len(), 50);
        assert_eq!(
            (left[0].1, left[1].1),
            (Numbers { seq: u16::MAX, time: u32::MAX - 959 }, Numbers { seq: 0, time: 0 })
        );
        let left = run(&mut mic, 1000, 1000, |_| Vec::new());
        assert!(left.iter().all(|(_, _, packet)| packet == &[0, 0, 24]));
        assert!((48..=50).contains(&left.len()), "{}", left.len());
        assert!(left.windows(2).all(|w| w[1].1.time == w[0].1.time + 960));
        assert_eq!((mic.dropped(), mic.sent()), (0, 50 + left.len() as u64));
    }

    /// Loud frames that say which they are, by the lower byte.
    fn numbered(frames: std::ops::Range<i16>) -> Vec<i16> {
        frames.flat_map(|i| vec![2560 + i % 200; 480]).collect()
    }

    #[test]
    fn what_comes_at_once_leaves_in_its_time_and_too_much_of_it_is_dropped() {
        let mut mic = Microphone::new(0, 0);
        mic.push(&numbered(0..1560), 24_000, &Plain);
        assert_eq!((mic.dropped(), mic.room_ms()), (10, 0));
        let left = run(&mut mic, 0, 31_000, |_| Vec::new());
        let played: Vec<u8> = left.iter().map(|l| l.2[0]).collect();
        assert_eq!(played, (10..1560).map(|i| (i % 200) as u8).collect::<Vec<u8>>());
        assert!(left.iter().enumerate().all(|(i, l)| l.0 == i as u64 * 20), "{left:?}");
        assert_eq!(mic.room_ms(), LIVE_MS);
    }

    #[test]
    fn what_is_behind_is_worked_off_in_the_pauses() {
        let mut mic = Microphone::new(0, 0);
        // A second of speech, half a second of silence, and speech again: 500 ms are left out, no more.
        let pcm: Vec<i16> = [numbered(0..50), vec![0; 25 * 480], numbered(50..70)].concat();
        mic.push(&pcm, 24_000, &Plain);
        let left = run(&mut mic, 0, 1400, |_| Vec::new());
        let played: Vec<u8> = left.iter().map(|l| l.2[0]).collect();
        assert_eq!(played, (0..70).collect::<Vec<u8>>());
        assert!(left.windows(2).all(|w| w[1].1.time == w[0].1.time + 960), "time has no holes");
        // What is live keeps its pauses.
        let mut mic = Microphone::new(0, 0);
        mic.push(&[vec![0; 5 * 480], numbered(0..5)].concat(), 24_000, &Plain);
        assert_eq!(run(&mut mic, 0, 200, |_| Vec::new()).len(), 10);
    }

    /// A burst at the beginning would delay all that is said after it, for as long as the call lasts.
    #[test]
    fn what_always_waits_is_left_out_in_a_pause_and_pieces_are_not() {
        let mut mic = Microphone::new(0, 0);
        mic.push(&numbered(0..9), 24_000, &Plain);
        // Pieces of 60 ms as they are captured, with a pause between three and three and a half seconds.
        let piece = |ms: u64| match ms {
            3000..3500 => vec![0; 3 * 480],
            _ => vec![2560; 3 * 480],
        };
        let given = |ms: u64| if ms.is_multiple_of(60) { piece(ms) } else { Vec::new() };
        run(&mut mic, 0, 3000, given);
        assert!(mic.room_ms() <= LIVE_MS - 180 + 60, "180 ms wait behind each other: {}", mic.room_ms());
        run(&mut mic, 3000, 1000, given);
        assert!(mic.room_ms() >= LIVE_MS - 60, "{}", mic.room_ms());
        // From now on everything leaves, pauses included.
        let left = run(&mut mic, 4020, 1980, |ms| if ms.is_multiple_of(60) { vec![0; 3 * 480] } else { Vec::new() });
        assert!((99..=102).contains(&left.len()), "33 pieces of three frames: {}", left.len());
    }

    /// After a reconnect what was said meanwhile is still leaving, and the user goes on without a pause.
    #[test]
    fn what_is_live_waits_behind_what_was_kept() {
        let mut mic = Microphone::new(0, 0);
        mic.push(&numbered(0..100), 24_000, &Plain);
        let mut next = 100;
        let mut played = Vec::new();
        for ms in 0..4000 {
            // As the driver does: 20 ms are captured all 20 ms, and given while there is room.
            if ms % 20 == 5 && mic.room_ms() >= 20 {
                mic.push(&numbered(next..next + 1), 24_000, &Plain);
                next += 1;
            }
            played.extend(run(&mut mic, ms, 1, |_| Vec::new()).into_iter().map(|l| l.2[0]));
        }
        assert_eq!(next, 300, "each found room");
        assert_eq!(played, (0..200).map(|i| (i % 200) as u8).collect::<Vec<u8>>());
        // A host that gives as fast as it can gets no further ahead than that.
        while mic.room_ms() >= 20 {
            mic.push(&numbered(next..next + 1), 24_000, &Plain);
            next += 1;
        }
        assert!((300..=312).contains(&next), "{next}");
    }

    #[test]
    fn half_a_frame_does_not_wait_for_ever() {
        let mut mic = Microphone::new(0, 0);
        mic.push(&[9; 240], 24_000, &Plain);
        let left = run(&mut mic, 0, 100, |_| Vec::new());
        assert_eq!((left[0].0, &left[0].2[..]), (40, &[9, 0, 24][..]));
    }

    #[test]
    fn a_machine_that_slept_does_not_catch_up() {
        let mut mic = Microphone::new(0, 0);
        let before = run(&mut mic, 0, 100, |_| Vec::new());
        let after = run(&mut mic, 10_000, 100, |_| Vec::new());
        assert!(after.len() <= 5, "{}", after.len());
        let (last, first) = (before[before.len() - 1].1, after[0].1);
        assert_eq!(first.seq, last.seq + 1, "nothing is missing");
        let ms = u64::from(first.time - last.time) / 48;
        assert!((9_850..=10_050).contains(&ms), "time went on by {ms} ms");
    }

    #[test]
    fn other_rates_are_converted() {
        let mut mic = Microphone::new(0, 0);
        mic.push(&vec![7; 44_100 / 10], 44_100, &Plain);
        let mut packet = Vec::new();
        assert!(mic.take(0, &mut Plain, &mut packet).unwrap().is_some());
        assert_eq!(packet[2], 48);
        mic.push(&[7; 100], 3, &Plain);
        assert_eq!(mic.dropped(), 1, "a rate nobody has");
    }
}
