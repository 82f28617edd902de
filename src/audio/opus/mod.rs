//! Opus for speech. Which library does the work is chosen when building: `ropus`, or with the feature `libopus` the
//! one in C.

use super::codec::{Codec, RATE};
use crate::error::{Error, ErrorClass, Result};

#[cfg(feature = "libopus")]
mod libopus;
#[cfg(not(feature = "libopus"))]
mod ropus;

#[cfg(feature = "libopus")]
use libopus::{Decoder, Encoder};
#[cfg(not(feature = "libopus"))]
use ropus::{Decoder, Encoder};

/// Room for the largest packet that is made: 20 ms at 40 kb/s are about 100 bytes.
const LARGEST: usize = 1275;
/// Bits a second without and with redundancy.
const BITS: (u32, u32) = (32_000, 40_000);
/// Effort of the encoder, of 10.
const COMPLEXITY: u8 = if cfg!(any(target_os = "android", target_os = "ios")) { 5 } else { 9 };
/// Frames of 120 ms, the most a packet may have.
const MOST: usize = RATE as usize * 120 / 1000;

/// Opus for speech: mono, 20 ms, 32 kb/s, without pauses in the stream; redundancy once loss is expected.
pub struct Opus {
    /// And the rate it takes.
    encoder: Option<(u32, Encoder)>,
    decoder: Decoder,
    loss: u8,
    room: Box<[i16; MOST]>,
}

impl Opus {
    /// A codec for one connection.
    ///
    /// # Errors
    /// Class `internal` when the library refuses.
    pub fn new() -> Result<Self> {
        Ok(Self { encoder: None, decoder: decoder()?, loss: 0, room: Box::new([0; MOST]) })
    }

    fn encoder(&mut self, rate: u32) -> Result<&mut Encoder> {
        if self.encoder.as_ref().is_none_or(|(of, _)| *of != rate) {
            self.encoder = Some((rate, Encoder::new(rate).map_err(internal)?));
            self.arm();
        }
        self.encoder.as_mut().map(|(_, encoder)| encoder).ok_or_else(|| internal("no encoder"))
    }

    /// What depends on the loss. The library takes all of these values.
    fn arm(&mut self) {
        let Some((_, encoder)) = &mut self.encoder else { return };
        let set = encoder.set(self.loss > 0, self.loss, if self.loss > 0 { BITS.1 } else { BITS.0 });
        debug_assert!(set.is_ok(), "{set:?}");
    }

    fn put(&mut self, packet: &[u8], frames: usize, redundancy: bool, pcm: &mut Vec<i16>) -> Result<()> {
        match self.decoder.decode(packet, &mut self.room[..frames.min(MOST)], redundancy) {
            Ok(n) => {
                pcm.extend_from_slice(&self.room[..n.min(MOST)]);
                Ok(())
            }
            Err(e) => Err(Error::new(ErrorClass::Protocol, "bad_packet", format!("no Opus packet: {e}"))),
        }
    }

    /// What was not given is silence, so that time does not stop.
    fn made_up(&mut self, packet: &[u8], frames: usize, redundancy: bool, pcm: &mut Vec<i16>) {
        let end = pcm.len() + frames;
        // The library makes up whole pieces of 2.5 ms.
        let whole = frames - frames % (RATE as usize / 400);
        if whole > 0 {
            let _ = self.put(packet, whole, redundancy, pcm);
        }
        pcm.resize(end, 0);
    }
}

fn decoder() -> Result<Decoder> {
    Decoder::new().map_err(internal)
}

fn internal(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorClass::Internal, "codec", format!("the Opus codec refused: {why}"))
}

impl Codec for Opus {
    fn encode(&mut self, frame: &[i16], rate: u32, packet: &mut Vec<u8>) -> Result<()> {
        if !self.takes(rate) || frame.len() != rate as usize / 50 {
            let message = format!("{} frames at {rate} Hz are not 20 ms of audio Opus takes", frame.len());
            return Err(Error::new(ErrorClass::Argument, "unsupported_rate", message));
        }
        packet.resize(LARGEST, 0);
        let n = self.encoder(rate)?.encode(frame, packet).map_err(internal)?;
        packet.truncate(n);
        Ok(())
    }

    fn takes(&self, rate: u32) -> bool {
        [8_000, 12_000, 16_000, 24_000, 48_000].contains(&rate)
    }

    fn expect_loss(&mut self, percent: u8) {
        let percent = percent.min(100);
        if percent != self.loss {
            self.loss = percent;
            self.arm();
        }
    }

    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<()> {
        // Nothing is how the library is asked to make something up.
        if packet.is_empty() {
            return Err(Error::new(ErrorClass::Protocol, "bad_packet", "the packet is empty"));
        }
        self.put(packet, MOST, false, pcm)
    }

    fn recover(&mut self, next: &[u8], frames: usize, pcm: &mut Vec<i16>) {
        self.made_up(next, frames, true, pcm);
    }

    fn conceal(&mut self, frames: usize, pcm: &mut Vec<i16>) {
        self.made_up(&[], frames, false, pcm);
    }

    fn forget(&mut self) {
        if let Ok(fresh) = decoder() {
            self.decoder = fresh;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::codec::{has_redundancy, ticks_of};

    /// A voice-like tone that rises and falls.
    fn tone(rate: u32, frame: usize) -> Vec<i16> {
        let n = rate as usize / 50;
        (frame * n..(frame + 1) * n)
            .map(|i| {
                let t = i as f64 / f64::from(rate);
                let swell = 0.5 - 0.4 * (t * 20.0).cos();
                let voice: f64 =
                    (1..6).map(|h| (t * 170.0 * f64::from(h) * std::f64::consts::TAU).sin() / f64::from(h)).sum();
                (voice * swell * 8000.0) as i16
            })
            .collect()
    }

    fn energy(pcm: &[i16]) -> f64 {
        pcm.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / pcm.len().max(1) as f64
    }

    fn packets(codec: &mut Opus, rate: u32, n: usize) -> Vec<Vec<u8>> {
        let made = (0..n).map(|i| {
            let mut packet = Vec::new();
            codec.encode(&tone(rate, i), rate, &mut packet).unwrap();
            packet
        });
        made.collect()
    }

    #[test]
    fn every_rate_it_takes_comes_back_as_loud_as_it_was() {
        for rate in [8_000, 12_000, 16_000, 24_000, 48_000] {
            let mut codec = Opus::new().unwrap();
            let mut pcm = Vec::new();
            let made = packets(&mut codec, rate, 50);
            for packet in &made {
                assert_eq!(ticks_of(packet), Some(960), "{rate}");
                codec.decode(packet, &mut pcm).unwrap();
            }
            assert_eq!(pcm.len(), 50 * 480);
            let truth: Vec<i16> = (0..50).flat_map(|i| tone(rate, i)).collect();
            let ratio = energy(&pcm[4800..]) / energy(&truth[rate as usize / 5..]);
            assert!((0.7..1.4).contains(&ratio), "{rate} Hz: {ratio}");
            let bits = made.iter().map(|p| p.len() * 8).sum::<usize>();
            assert!((10_000..48_000).contains(&bits), "{rate} Hz: {bits} bits a second");
        }
    }

    #[test]
    fn what_is_lost_comes_with_the_next_packet_once_loss_is_expected() {
        let mut codec = Opus::new().unwrap();
        assert!(!packets(&mut codec, 24_000, 20).iter().any(|p| has_redundancy(p)), "nobody asked for it");
        codec.expect_loss(10);
        let made = packets(&mut codec, 24_000, 30);
        // Where there is speech: it is not repeated that there is none.
        let redundant = made.iter().filter(|p| has_redundancy(p)).count();
        assert!(redundant > 12, "{redundant} of 30");
        let lost = (10..).find(|&i| has_redundancy(&made[i]) && has_redundancy(&made[i + 1])).unwrap();

        // One packet in the middle is lost: what the next one says of it is nearer to it than what is made up.
        let decoded = |how: &dyn Fn(&mut Opus, &mut Vec<i16>)| {
            let (mut codec, mut pcm) = (Opus::new().unwrap(), Vec::new());
            made[..lost].iter().for_each(|p| codec.decode(p, &mut pcm).unwrap());
            pcm.clear();
            how(&mut codec, &mut pcm);
            assert_eq!(pcm.len(), 480);
            pcm
        };
        let truth = decoded(&|codec, pcm| codec.decode(&made[lost], pcm).unwrap());
        let from_next = decoded(&|codec, pcm| codec.recover(&made[lost + 1], 480, pcm));
        let made_up = decoded(&|codec, pcm| codec.conceal(480, pcm));
        let off = |pcm: &[i16]| energy(&pcm.iter().zip(&truth).map(|(a, b)| a.saturating_sub(*b)).collect::<Vec<_>>());
        assert!(off(&from_next) < 0.5 * energy(&truth), "{} of {}", off(&from_next), energy(&truth));
        assert!(off(&from_next) < off(&made_up), "{} and {}", off(&from_next), off(&made_up));
    }

    #[test]
    fn rubbish_is_refused_and_time_goes_on() {
        let mut codec = Opus::new().unwrap();
        let mut pcm = Vec::new();
        assert_eq!(codec.decode(&[], &mut pcm).unwrap_err().code, "bad_packet");
        assert_eq!(codec.decode(&[0xff], &mut pcm).unwrap_err().code, "bad_packet");
        assert!(pcm.is_empty());
        codec.recover(&[], 480, &mut pcm);
        codec.conceal(7, &mut pcm);
        assert_eq!(pcm.len(), 487);
        let mut packet = Vec::new();
        assert_eq!(codec.encode(&[0; 480], 44_100, &mut packet).unwrap_err().code, "unsupported_rate");
        assert_eq!(codec.encode(&[0; 479], 24_000, &mut packet).unwrap_err().code, "unsupported_rate");
    }
}
