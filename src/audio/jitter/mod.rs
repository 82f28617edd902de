//! Audio packets as the network brings them, made into a stream again.
//!
//! [`JitterBuffer`] orders packets, decides how long they wait and what is missing; [`Receiver`] decodes what it
//! says and gives frames of 20 ms. Neither knows a clock or a socket: time is an argument, in microseconds from anywhere.
//!
//! Audio waits from when the fastest packet of late would have brought it (file `delay`). When nothing is there in time,
//! it waits longer as long as that is wanted anyway, or else the gap is filled from the packet after it, then made up.
//! A stream that pauses for 120 ms begins anew with its next packet.

mod delay;
mod receiver;
#[cfg(test)]
mod tests;

pub use receiver::Receiver;

use super::codec::{TICKS, TICKS_20_MS, has_redundancy, ticks_of};
use bytes::Bytes;
use delay::Delay;
use std::collections::BTreeMap;

/// Packets that may wait: 4 s of them.
pub const MOST_PACKETS: usize = 200;
/// Frames of 20 ms that are made up before a stream counts as paused.
const MOST_MADE_UP: u32 = 6;
/// A stream whose time jumps by more is another one.
const JUMP: i64 = 2 * TICKS as i64;
/// Numbers that may be missing in the middle of a stream (RFC 3550, A.1).
const MOST_MISSING: i64 = 3000;
/// A wait that is so much too long before anything is played is cut at once.
const TOO_LONG_US: i64 = 20_000;
/// And one that is so much too long in the middle of it, after a player that stood still.
const FAR_TOO_LONG_US: i64 = 200_000;

/// What is to be played next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This packet.
    Play(Bytes),
    /// So many ticks that are missing, from this packet, which is the one after them and comes next.
    Recover(Bytes, u32),
    /// So many ticks that are missing and in no packet that is there.
    MakeUp(u32),
    /// Nothing: no stream runs, or it has just begun.
    Pause,
}

/// What became of the packets that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Packets that came, without those that came twice.
    pub packets: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that are no audio.
    pub foreign: u64,
    /// Packets that were thrown away because too many were waiting, or audio would have waited too long.
    pub dropped: u64,
    /// Times a stream was followed by another one.
    pub streams: u64,
}

struct Packet {
    seq: i64,
    ticks: u32,
    payload: Bytes,
}

/// The numbers of a stream, counted on beyond their wraps.
struct Stream {
    ssrc: u32,
    /// Newest number and the newest time.
    seq: i64,
    time: i64,
    first: i64,
    /// Which of the 128 newest numbers came: the lowest bit is `seq`.
    came: u128,
    unique: u64,
    /// When the newest came and its time, for the variation (RFC 3550, 6.4.1).
    before: Option<(u64, i64)>,
}

/// See the module.
#[derive(Default)]
pub struct JitterBuffer {
    stream: Option<Stream>,
    /// By time.
    packets: BTreeMap<i64, Packet>,
    /// What is played next, once something is.
    cursor: Option<i64>,
    /// Number of the packet played last.
    played: Option<i64>,
    /// Frames made up since a packet was played, and ticks of them that time did not go on for.
    made_up: u32,
    held: i64,
    /// How long what was asked for last had waited, in microseconds.
    waited: i64,
    delay: Delay,
    jitter_us: f64,
    /// Of streams that are over.
    lost_before: u64,
    counts: Counts,
}

fn us(ticks: i64) -> i64 {
    // 48 ticks are a millisecond.
    ticks.saturating_mul(1000) / i64::from(TICKS / 1000)
}

impl JitterBuffer {
    /// A packet came.
    pub fn insert(&mut self, now: u64, ssrc: u32, seq: u16, time: u32, payload: Bytes) {
        let Some(ticks) = ticks_of(&payload) else {
            self.counts.foreign += 1;
            return;
        };
        let Some((seq, time)) = self.numbers(ssrc, seq, time) else { return };
        self.counts.packets += 1;
        if let Some((at, media)) = self.stream.as_mut().and_then(|stream| stream.before.replace((now, time))) {
            let varied = (now as i64).wrapping_sub(at as i64).saturating_sub(us(time - media));
            self.jitter_us += (varied.unsigned_abs() as f64 - self.jitter_us) / 16.0;
        }
        self.delay.arrived(now, us(time));
        if self.cursor.is_some_and(|cursor| time < cursor) {
            self.counts.late += 1;
            return;
        }
        self.packets.entry(time).or_insert(Packet { seq, ticks, payload });
        while self.packets.len() > MOST_PACKETS {
            self.packets.pop_first();
            self.counts.dropped += 1;
        }
    }

    /// Numbers beyond their wraps; `None`: it came before.
    fn numbers(&mut self, ssrc: u32, seq: u16, time: u32) -> Option<(i64, i64)> {
        let known = self.stream.as_ref().filter(|s| s.ssrc == ssrc);
        let next = known.map(|s| {
            let seq = s.seq + i64::from(seq.wrapping_sub(s.seq as u16) as i16);
            (seq, s.time + i64::from(time.wrapping_sub(s.time as u32) as i32))
        });
        let Some((seq, time)) = next.filter(|&(_, time)| known.is_some_and(|s| (time - s.time).abs() <= JUMP)) else {
            self.begin(ssrc, seq, time);
            return Some((i64::from(seq), i64::from(time)));
        };
        let stream = self.stream.as_mut()?;
        let ahead = seq - stream.seq;
        if ahead > 0 {
            stream.came = if ahead < 128 { stream.came << ahead | 1 } else { 1 };
            stream.seq = seq;
            stream.time = stream.time.max(time);
        } else if ahead > -128 {
            let bit = 1 << -ahead;
            if stream.came & bit != 0 {
                self.counts.duplicates += 1;
                return None;
            }
            stream.came |= bit;
            // What came before the first one belongs to the stream too.
            stream.first = stream.first.min(seq);
        }
        stream.unique += 1;
        Some((seq, time))
    }

    fn begin(&mut self, ssrc: u32, seq: u16, time: u32) {
        if let Some(stream) = &self.stream {
            // The same sender after a gap: what is missing in between was lost, not never sent.
            let ahead = i64::from(seq.wrapping_sub(stream.seq as u16)) - 1;
            let missing = if stream.ssrc == ssrc && (0..MOST_MISSING).contains(&ahead) { ahead as u64 } else { 0 };
            self.lost_before = self.lost() + missing;
            self.counts.streams += 1;
        }
        let (seq, time) = (i64::from(seq), i64::from(time));
        self.stream = Some(Stream { ssrc, seq, time, first: seq, came: 1, unique: 1, before: None });
        self.packets.clear();
        self.pause();
    }

    /// The next packet begins something new: senders pause with and without letting their time go on.
    fn pause(&mut self) {
        self.delay.begin();
        self.cursor = None;
        self.played = None;
        self.made_up = 0;
        self.held = 0;
    }

    /// What is played now. To be asked each time the audio of the last answer was used up.
    pub fn pop(&mut self, now: u64) -> Step {
        let far_behind = |cursor| self.waited_us(now, cursor) - self.delay.target_us() > FAR_TOO_LONG_US;
        if self.cursor.is_some_and(far_behind) && self.packets.len() > 1 {
            self.cursor = None;
            self.held = 0;
        }
        let Some(cursor) = self.cursor.or_else(|| self.start(now)) else { return Step::Pause };
        self.waited = self.waited_us(now, cursor);
        let Some((&time, next)) = self.packets.first_key_value() else { return self.starve(now, cursor) };
        // What was made up without time going on stood for what is missing now.
        let cursor = cursor + (time - cursor).clamp(0, std::mem::take(&mut self.held));
        let gap = time - cursor;
        if gap <= 0 {
            let Some((time, packet)) = self.packets.pop_first() else { return Step::Pause };
            self.waited = self.waited_us(now, time);
            self.cursor = Some(cursor.max(time + i64::from(packet.ticks)));
            self.played = Some(packet.seq);
            self.made_up = 0;
            return Step::Play(packet.payload);
        }
        let ticks = gap.min(i64::from(TICKS_20_MS)) as u32;
        self.cursor = Some(cursor + i64::from(ticks));
        self.made_up = self.made_up.saturating_add(1);
        // Redundancy is of the packet before, so something must be missing, and only just before it.
        let missing = self.played.is_none_or(|played| next.seq > played + 1);
        if missing && gap <= i64::from(TICKS_20_MS) && has_redundancy(&next.payload) {
            return Step::Recover(next.payload.clone(), ticks);
        }
        Step::MakeUp(ticks)
    }

    /// The first packet that waited long enough.
    fn start(&mut self, now: u64) -> Option<i64> {
        loop {
            let (&time, _) = self.packets.first_key_value()?;
            let surplus = self.waited_us(now, time) - self.delay.target_us();
            if surplus < 0 {
                return None;
            }
            // After a stall everything comes at once, and the end of it is what is wanted.
            if surplus > TOO_LONG_US && self.packets.len() > 1 {
                self.packets.pop_first();
                self.counts.dropped += 1;
                continue;
            }
            self.cursor = Some(time);
            return Some(time);
        }
    }

    /// Nothing is there.
    fn starve(&mut self, now: u64, cursor: i64) -> Step {
        if self.made_up >= MOST_MADE_UP {
            self.pause();
            return Step::Pause;
        }
        self.made_up += 1;
        let step = i64::from(TICKS_20_MS);
        if self.waited_us(now, cursor) + us(step) <= self.delay.target_us() {
            self.held += step;
        } else {
            self.cursor = Some(cursor + step);
        }
        Step::MakeUp(TICKS_20_MS)
    }

    fn waited_us(&self, now: u64, time: i64) -> i64 {
        (now as i64).wrapping_sub(self.delay.base_us()).saturating_sub(us(time))
    }

    /// By how much audio waits longer (or, negative, shorter) than it should; `None`: nothing is played.
    pub fn surplus_us(&self) -> Option<i64> {
        self.cursor.map(|_| self.waited - self.delay.target_us())
    }

    /// How long what was played last had waited, from when the fastest packet would have brought it.
    pub fn delay_us(&self) -> Option<u64> {
        self.cursor.map(|_| self.waited.max(0) as u64)
    }

    /// True when a packet is there for what is played next.
    pub fn has_next(&self) -> bool {
        let next = self.packets.first_key_value();
        self.cursor.zip(next).is_some_and(|(cursor, (&time, _))| time <= cursor)
    }

    /// True when there is nothing to play and nothing waits to be.
    pub fn is_idle(&self) -> bool {
        self.cursor.is_none() && self.packets.is_empty()
    }

    /// Packets that never came, those that are still on their way included.
    pub fn lost(&self) -> u64 {
        let of = |s: &Stream| ((s.seq - s.first + 1) as u64).saturating_sub(s.unique);
        self.lost_before + self.stream.as_ref().map_or(0, of)
    }

    /// Smoothed variation of the time packets take, in microseconds.
    pub fn jitter_us(&self) -> u64 {
        self.jitter_us as u64
    }

    /// A packet that is no audio of this stream was thrown away.
    pub fn foreign(&mut self) {
        self.counts.foreign += 1;
    }

    /// What became of the packets.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Packets that wait, at most [`MOST_PACKETS`].
    pub fn waiting(&self) -> usize {
        self.packets.len()
    }
}
