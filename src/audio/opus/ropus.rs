//! The library in pure Rust: nothing but a Rust compiler is needed.

use super::{COMPLEXITY, RATE};
use ropus::{Application, Bitrate, Channels, DecodeMode, EncodeError, InbandFec, Signal};

pub struct Encoder(ropus::Encoder);

impl Encoder {
    pub fn new(rate: u32) -> Result<Self, ropus::EncoderBuildError> {
        let encoder = ropus::Encoder::builder(rate, Channels::Mono, Application::Voip)
            .signal(Signal::Voice)
            .complexity(COMPLEXITY)
            .dtx(false)
            .build()?;
        Ok(Self(encoder))
    }

    pub fn set(&mut self, redundancy: bool, loss: u8, bits: u32) -> Result<(), EncodeError> {
        self.0.set_inband_fec(if redundancy { InbandFec::Enabled } else { InbandFec::Disabled })?;
        self.0.set_packet_loss_perc(loss)?;
        self.0.set_bitrate(Bitrate::Bits(bits))
    }

    pub fn encode(&mut self, frame: &[i16], packet: &mut [u8]) -> Result<usize, EncodeError> {
        self.0.encode(frame, packet)
    }
}

pub struct Decoder(ropus::Decoder);

impl Decoder {
    pub fn new() -> Result<Self, ropus::DecoderInitError> {
        ropus::Decoder::new(RATE, Channels::Mono).map(Self)
    }

    pub fn decode(&mut self, packet: &[u8], pcm: &mut [i16], redundancy: bool) -> Result<usize, ropus::DecodeError> {
        self.0.decode(packet, pcm, if redundancy { DecodeMode::Fec } else { DecodeMode::Normal })
    }
}
