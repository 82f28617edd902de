//! Packets as anybody may send them, and a player that pulls, to frames of sound: the receiver of a call with its codec.

use super::bytes::Bytes;
use duologue::audio::{
    codec::{Codec, ticks_of},
    jitter::{MOST_PACKETS, Receiver},
};

const FRAME: usize = 480;

#[cfg(feature = "opus")]
fn codec() -> impl Codec {
    duologue::audio::opus::Opus::new().expect("a codec")
}

#[cfg(not(feature = "opus"))]
fn codec() -> impl Codec {
    Plain
}

/// Takes every packet, and gives as much as its first byte says.
#[cfg(not(feature = "opus"))]
struct Plain;

#[cfg(not(feature = "opus"))]
impl Codec for Plain {
    fn encode(&mut self, _: &[i16], _: u32, _: &mut Vec<u8>) -> duologue::Result<()> {
        Ok(())
    }
    fn takes(&self, _: u32) -> bool {
        false
    }
    fn expect_loss(&mut self, _: u8) {}
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> duologue::Result<()> {
        pcm.resize(pcm.len() + ticks_of(packet).unwrap_or(0) as usize / 2, 1000);
        Ok(())
    }
    fn recover(&mut self, _: &[u8], frames: usize, pcm: &mut Vec<i16>) {
        pcm.resize(pcm.len() + frames, 2);
    }
    fn conceal(&mut self, frames: usize, pcm: &mut Vec<i16>) {
        pcm.resize(pcm.len() + frames, 1);
    }
    fn forget(&mut self) {}
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (mut receiver, mut codec) = (Receiver::default(), codec());
    let (mut ssrc, mut seq, mut time) = (1u32, u16::MAX - 20, u32::MAX - 20 * 960);
    let (mut now, mut came, mut unreadable) = (1_000_000u64, 0u64, 0u64);
    while !bytes.is_empty() {
        match bytes.upto(8) {
            // The stream goes on, with as much missing as it says.
            0..=3 => {
                let missing = bytes.of(&[0, 0, 0, 0, 1, 2, 9, 120, 30_000]);
                seq = seq.wrapping_add(missing + 1);
                let step: u32 = bytes.of(&[960, 960, 960, 0, 120, 2880, 200_000]);
                time = time.wrapping_add((u32::from(missing) + 1).wrapping_mul(step));
            }
            // It goes back, or comes again.
            4 => {
                let back = bytes.of(&[0, 1, 2, 130]);
                seq = seq.wrapping_sub(back);
                time = time.wrapping_sub(u32::from(back) * 960);
            }
            5 => (seq, time) = (seq ^ u16::from(bytes.byte()) << 8, time ^ u32::from(bytes.byte()) << 24),
            6 => ssrc = u32::from(bytes.byte()),
            _ => {
                now += bytes.of(&[20_000, 20_000, 20_000, 5_000, 100_000, 3_000_000]);
                pulled(&mut receiver, now, &mut codec);
                continue;
            }
        }
        let toc = bytes.byte();
        let n = bytes.of(&[1, 0, 2, 3, 30, 60]);
        let payload: Vec<u8> = std::iter::once(toc).chain((0..n).map(|_| bytes.byte())).take(n.max(1)).collect();
        came += 1;
        unreadable += u64::from(ticks_of(&payload).is_none());
        now += bytes.of(&[0, 0, 20_000, 1_000]);
        receiver.insert(now, ssrc, seq, time, payload.into());
        if bytes.yes() {
            pulled(&mut receiver, now, &mut codec);
        }
    }
    let counts = receiver.counts();
    assert!(counts.packets + counts.duplicates + unreadable == came, "{counts:?} of {came}");
    assert!(counts.late + counts.dropped <= counts.packets, "{counts:?}");
    // Nothing comes any more: all there is can be played, then it is over.
    for _ in 0..MOST_PACKETS * 10 {
        now += 20_000;
        pulled(&mut receiver, now, &mut codec);
    }
    assert!(receiver.is_idle(), "{counts:?}");
}

fn pulled(receiver: &mut Receiver, now: u64, codec: &mut dyn Codec) {
    if let Some(frame) = receiver.pull(now, codec) {
        assert_eq!(frame.len(), FRAME);
    }
    assert!(receiver.waiting() <= MOST_PACKETS);
}
