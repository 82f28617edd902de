//! Speech in packets: what a codec for RTP does, and what can be told of an Opus packet without decoding it.

use crate::error::Result;

/// Frames a second that [`Codec::decode`] and its like give.
pub const RATE: u32 = 24_000;
/// RTP ticks a second: Opus counts in 48 000 whatever it carries.
pub const TICKS: u32 = 48_000;
/// RTP ticks of 20 ms.
pub const TICKS_20_MS: u32 = TICKS / 50;

/// Speech to packets and back, one stream each way. Not for audio callbacks: it may allocate.
pub trait Codec: Send {
    /// Replaces `packet` by `frame`, 20 ms of mono audio at `rate` frames a second.
    ///
    /// # Errors
    /// `unsupported_rate` (class `argument`) for a rate the codec has not, or a frame that is not 20 ms.
    fn encode(&mut self, frame: &[i16], rate: u32, packet: &mut Vec<u8>) -> Result<()>;

    /// True when [`Codec::encode`] takes frames of that rate.
    fn takes(&self, rate: u32) -> bool;

    /// How many packets in a hundred the other side does not get. From 1 on packets carry what it takes to
    /// make up for the packet before them.
    fn expect_loss(&mut self, percent: u8);

    /// Appends the audio in `packet` to `pcm`, mono at [`RATE`].
    ///
    /// # Errors
    /// `bad_packet` (class `protocol`); `pcm` is then unchanged.
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<()>;

    /// Appends `frames` frames in the place of a packet that is missing, as far as `next`, the one after it, has
    /// them; made up otherwise.
    fn recover(&mut self, next: &[u8], frames: usize, pcm: &mut Vec<i16>);

    /// Appends `frames` frames that go on as the last ones did.
    fn conceal(&mut self, frames: usize, pcm: &mut Vec<i16>);

    /// Another stream begins: what was decoded before says nothing about it.
    fn forget(&mut self);
}

/// RTP ticks of audio in an Opus packet; `None`: it is none.
pub fn ticks_of(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..16 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    // 120 ms is the most a packet may have.
    Some(frame * frames).filter(|ticks| (1..=TICKS * 120 / 1000).contains(ticks))
}

/// True when an Opus packet carries what it takes to make up for the packet before it.
pub fn has_redundancy(packet: &[u8]) -> bool {
    let Some(&toc) = packet.first() else { return false };
    let config = toc >> 3;
    // Where the first frame begins. A packet with a list of lengths is taken as one without.
    let frame = match toc & 3 {
        0 | 1 => packet.get(1),
        2 => packet.get(1).and_then(|&length| packet.get(if length < 252 { 2 } else { 3 })),
        _ => None,
    };
    let Some(&first) = frame.filter(|_| config < 16) else { return false };
    // A flag for each 20 ms says whether there is speech, and one bit after them whether there is redundancy.
    let inner = match config & 3 {
        _ if config >= 12 => 1,
        2 => 2,
        3 => 3,
        _ => 1,
    };
    let mono = first >> (7 - inner) & 1 == 1;
    let side = toc & 4 != 0 && first >> (6 - 2 * inner) & 1 == 1;
    mono || side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_the_table() {
        // RFC 6716, 3.1: configurations 1, 3, 12, 16 and 31; codes 0, 1 and 3.
        for (packet, ticks) in [
            (&[1 << 3, 0][..], Some(960)),
            (&[3 << 3, 0], Some(2880)),
            (&[12 << 3, 0], Some(480)),
            (&[16 << 3, 0], Some(120)),
            (&[31 << 3, 0], Some(960)),
            (&[31 << 3 | 1, 0], Some(1920)),
            (&[31 << 3 | 3, 6, 0], Some(5760)),
            (&[31 << 3 | 3, 7, 0], None),
            (&[31 << 3 | 3, 0], None),
            (&[31 << 3 | 3], None),
            (&[], None),
        ] {
            assert_eq!(ticks_of(packet), ticks, "{packet:?}");
        }
    }

    #[test]
    fn nothing_in_a_packet_breaks_the_look_at_it() {
        for toc in 0..=255 {
            for second in [0, 1, 63, 251, 252, 255] {
                for length in 0..5 {
                    let packet = &[toc, second, second, 0xff][..length.min(4)];
                    let _ = (ticks_of(packet), has_redundancy(packet));
                }
            }
        }
    }
}
