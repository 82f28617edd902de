//! The library in C, which has the processor's vector instructions: feature `libopus`, built with cmake.

use super::COMPLEXITY;
use opusic_c::{Application, Bitrate, Channels, ErrorCode, InbandFec, SampleRate, Signal};

fn why(code: ErrorCode) -> &'static str {
    code.message()
}

pub struct Encoder(opusic_c::Encoder);

impl Encoder {
    pub fn new(rate: u32) -> Result<Self, &'static str> {
        let rate = match rate {
            8_000 => SampleRate::Hz8000,
            12_000 => SampleRate::Hz12000,
            16_000 => SampleRate::Hz16000,
            24_000 => SampleRate::Hz24000,
            48_000 => SampleRate::Hz48000,
            _ => return Err("no such rate"),
        };
        let mut encoder = opusic_c::Encoder::new(Channels::Mono, rate, Application::Voip).map_err(why)?;
        encoder.set_signal(Signal::Voice).map_err(why)?;
        encoder.set_complexity(COMPLEXITY).map_err(why)?;
        encoder.set_dtx(false).map_err(why)?;
        Ok(Self(encoder))
    }

    pub fn set(&mut self, redundancy: bool, loss: u8, bits: u32) -> Result<(), &'static str> {
        self.0.set_inband_fec(if redundancy { InbandFec::Mode1 } else { InbandFec::Off }).map_err(why)?;
        self.0.set_packet_loss(loss).map_err(why)?;
        self.0.set_bitrate(Bitrate::Value(bits)).map_err(why)
    }

    pub fn encode(&mut self, frame: &[i16], packet: &mut [u8]) -> Result<usize, &'static str> {
        self.0.encode_to_slice(bytemuck::cast_slice(frame), packet).map_err(why)
    }
}

pub struct Decoder(opusic_c::Decoder);

impl Decoder {
    pub fn new() -> Result<Self, &'static str> {
        opusic_c::Decoder::new(Channels::Mono, SampleRate::Hz24000).map(Self).map_err(why)
    }

    pub fn decode(&mut self, packet: &[u8], pcm: &mut [i16], redundancy: bool) -> Result<usize, &'static str> {
        self.0.decode_to_slice(packet, bytemuck::cast_slice_mut(pcm), redundancy).map_err(why)
    }
}
