//! From packets to frames of 20 ms.

use super::{Counts, JitterBuffer, Step};
use crate::audio::codec::{Codec, RATE, TICKS};
use bytes::Bytes;

const TICKS_A_FRAME: u32 = TICKS / RATE;
/// Frames in 20 ms.
const FRAME: usize = RATE as usize / 50;
/// What is quieter may be left out or made longer: -45 dB.
const QUIET: f64 = 184.0;
/// The delay is off by less than this: well.
const OFF_US: i64 = 20_000;
/// Off by more for longer, and speech is made shorter or longer too.
const FAR_OFF_US: i64 = 60_000;
const FAR_OFF_FOR_US: u64 = 1_000_000;
/// Frames made up as they are, and those after which they are silent.
const FULL: u32 = 3;
const SILENT: u32 = 6;

/// Packets in, frames of 20 ms out.
#[derive(Default)]
pub struct Receiver {
    buffer: JitterBuffer,
    /// Decoded and not given yet.
    pcm: Vec<i16>,
    piece: Vec<i16>,
    /// Since when the delay is far off, while speech is played.
    far_off: Option<u64>,
    /// Frames made up one after the other.
    run: u32,
    concealed: u64,
    recovered: u64,
    shortened: u64,
    lengthened: u64,
    bad: u64,
    streams: u64,
}

impl Receiver {
    /// A packet came; see [`JitterBuffer::insert`].
    pub fn insert(&mut self, now: u64, ssrc: u32, seq: u16, time: u32, payload: Bytes) {
        self.buffer.insert(now, ssrc, seq, time, payload);
    }

    /// A packet that is no audio of this call was thrown away.
    pub fn foreign(&mut self) {
        self.buffer.foreign();
    }

    /// The next 20 ms, mono at [`RATE`]; `None`: nothing is played. To be called every 20 ms.
    pub fn pull(&mut self, now: u64, codec: &mut dyn Codec) -> Option<&[i16]> {
        let streams = self.buffer.counts().streams;
        if std::mem::replace(&mut self.streams, streams) != streams {
            codec.forget();
            self.pcm.clear();
        }
        // What was given with the last call is at the front.
        self.pcm.drain(..self.pcm.len().min(FRAME));
        let mut shortened = false;
        while self.pcm.len() < FRAME {
            self.piece.clear();
            match self.buffer.pop(now) {
                Step::Pause => {
                    self.far_off = None;
                    self.run = 0;
                    if self.pcm.is_empty() {
                        return None;
                    }
                    self.pcm.resize(FRAME, 0);
                    break;
                }
                Step::Play(packet) => {
                    if codec.decode(&packet, &mut self.piece).is_err() {
                        self.bad += 1;
                        self.make_up(FRAME, codec);
                        continue;
                    }
                    self.run = 0;
                    if self.adjust(now, codec, shortened) {
                        shortened = true;
                        continue;
                    }
                }
                Step::Recover(next, ticks) => {
                    let frames = (ticks / TICKS_A_FRAME) as usize;
                    codec.recover(&next, frames, &mut self.piece);
                    self.recovered += 1;
                    self.run = 0;
                }
                Step::MakeUp(ticks) => {
                    self.make_up((ticks / TICKS_A_FRAME) as usize, codec);
                    continue;
                }
            }
            self.pcm.extend_from_slice(&self.piece);
        }
        Some(&self.pcm[..FRAME])
    }

    /// Goes on as before for 60 ms, and fades until 120 ms.
    fn make_up(&mut self, frames: usize, codec: &mut dyn Codec) {
        self.piece.clear();
        codec.conceal(frames, &mut self.piece);
        if self.run >= FULL {
            let level =
                |run: u32| f32::from(u16::try_from(SILENT.saturating_sub(run)).unwrap_or(0)) / (SILENT - FULL) as f32;
            let (from, to) = (level(self.run), level(self.run + 1));
            let n = self.piece.len().max(1) as f32;
            for (i, sample) in self.piece.iter_mut().enumerate() {
                *sample = (f32::from(*sample) * (from + (to - from) * i as f32 / n)) as i16;
            }
        }
        if self.run < SILENT {
            self.concealed += 1;
        }
        self.run = self.run.saturating_add(1);
        self.pcm.extend_from_slice(&self.piece);
    }

    /// Brings the delay nearer to what it should be. True: what was decoded is not to be played.
    fn adjust(&mut self, now: u64, codec: &mut dyn Codec, shortened: bool) -> bool {
        let Some(surplus) = self.buffer.surplus_us() else { return false };
        if surplus.abs() < OFF_US {
            self.far_off = None;
            return false;
        }
        let quiet = is_quiet(&self.piece);
        let since = if surplus.abs() > FAR_OFF_US { *self.far_off.get_or_insert(now) } else { now };
        if surplus.abs() <= FAR_OFF_US {
            self.far_off = None;
        }
        let long = now.saturating_sub(since) > FAR_OFF_FOR_US;
        if surplus > 0 {
            if shortened || !self.buffer.has_next() {
                return false;
            }
            if quiet {
                self.shortened += 1;
                return true;
            }
            if long {
                self.shortened += 1;
                self.merge(now, codec);
            }
        } else if quiet {
            self.lengthened += 1;
            self.pcm.resize(self.pcm.len() + FRAME, 0);
        } else if long {
            // Goes on for another 20 ms before the next packet is due.
            self.lengthened += 1;
            codec.conceal(FRAME, &mut self.piece);
        }
        false
    }

    /// Speech that is too far behind: two packets in the time of one, the first fading into the second.
    fn merge(&mut self, now: u64, codec: &mut dyn Codec) {
        let Step::Play(packet) = self.buffer.pop(now) else { return };
        let first = std::mem::take(&mut self.piece);
        if codec.decode(&packet, &mut self.piece).is_err() {
            self.bad += 1;
            self.piece = first;
            return;
        }
        let n = first.len().min(self.piece.len());
        for (i, (into, out)) in self.piece.iter_mut().zip(&first).enumerate() {
            let weight = i as f32 / n.max(1) as f32;
            *into = (f32::from(*into) * weight + f32::from(*out) * (1.0 - weight)) as i16;
        }
    }

    /// True when nothing is played and nothing waits: no need to pull before another packet comes.
    pub fn is_idle(&self) -> bool {
        self.pcm.len() <= FRAME && self.buffer.is_idle()
    }

    /// What became of the packets; those that could not be decoded are foreign.
    pub fn counts(&self) -> Counts {
        let mut counts = self.buffer.counts();
        counts.foreign += self.bad;
        counts
    }

    /// Packets that wait, at most [`super::MOST_PACKETS`].
    pub fn waiting(&self) -> usize {
        self.buffer.waiting()
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.buffer.lost()
    }

    /// Frames of 20 ms that were made up.
    pub fn concealed(&self) -> u64 {
        self.concealed
    }

    /// Frames of 20 ms that were taken from the packet after theirs.
    pub fn recovered(&self) -> u64 {
        self.recovered
    }

    /// Times audio was made shorter and longer by 20 ms so that the delay fits.
    pub fn adjusted(&self) -> (u64, u64) {
        (self.shortened, self.lengthened)
    }

    /// Smoothed variation of the time packets take, in microseconds.
    pub fn jitter_us(&self) -> u64 {
        self.buffer.jitter_us()
    }

    /// How long audio waits, in microseconds; `None` while nothing is played.
    pub fn delay_us(&self) -> Option<u64> {
        self.buffer.delay_us()
    }
}

fn is_quiet(pcm: &[i16]) -> bool {
    let energy: f64 = pcm.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    energy <= QUIET * QUIET * pcm.len() as f64
}
