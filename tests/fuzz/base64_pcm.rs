//! Audio as it travels: base64 to samples, in deltas that are cut anywhere, against a decoder of three lines; and
//! samples to base64 and back.

use duologue::{
    Config,
    audio::pcm,
    provider::{Codec, Frame, ProviderEvent, codec_for},
};
use serde_json::{Value, json};
use std::cell::RefCell;

thread_local! {
    static CODEC: RefCell<Box<dyn Codec>> = RefCell::new(codec_for(&Config::default()).unwrap());
}

pub fn run(data: &[u8]) {
    CODEC.with_borrow_mut(|codec| {
        codec.reset();
        decodes(codec.as_mut(), data);
        encodes(codec.as_mut(), data);
    });
    let mut samples = Vec::new();
    pcm::i16_from_le_bytes(data, &mut samples);
    assert_eq!(samples.len(), data.len() / 2);
    for channels in 1..=usize::from(data.first().copied().unwrap_or(0) % 9) {
        let mut mono = Vec::new();
        pcm::downmix(&samples, channels, &mut mono);
        assert_eq!(mono.len(), samples.len() / channels);
    }
}

/// One delta a line; the first byte of a line says which part it belongs to.
fn decodes(codec: &mut dyn Codec, data: &[u8]) {
    // Half a sample waits for the next delta of the same part.
    let mut half: Option<(u64, u8)> = None;
    for line in data.split(|byte| *byte == b'\n') {
        let (part, base64) = line.split_first().map_or((0, line), |(first, rest)| (u64::from(first % 3), rest));
        let base64 = String::from_utf8_lossy(base64);
        let frame = json!({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i",
            "content_index": part, "delta": base64});
        let mut events = Vec::new();
        let result = codec.decode(&Frame::Text(frame.to_string().into()), &mut events);
        let before = half.take().filter(|(of, _)| *of == part).map(|(_, byte)| byte);
        let Some(bytes) = plain(base64.as_bytes()) else {
            assert!(result.is_err(), "{base64:?} is no base64");
            continue;
        };
        result.unwrap_or_else(|e| panic!("{base64:?}: {e}"));
        let [ProviderEvent::Audio { pcm, odd, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*odd, bytes.len() % 2 == 1);
        let all: Vec<u8> = before.into_iter().chain(bytes).collect();
        let samples: Vec<i16> = all.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        assert_eq!(*pcm, samples);
        half = (all.len() % 2 == 1).then(|| (part, all[all.len() - 1]));
    }
}

/// RFC 4648 with padding and nothing else.
fn plain(text: &[u8]) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let body = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if !text.len().is_multiple_of(4) || body.len() % 4 == 1 {
        return None;
    }
    let mut bits = Vec::new();
    for letter in body {
        let six = LETTERS.iter().position(|l| l == letter)?;
        bits.extend((0..6).rev().map(|bit| six >> bit & 1 == 1));
    }
    let (whole, left) = bits.split_at(bits.len() / 8 * 8);
    if left.contains(&true) {
        return None;
    }
    Some(whole.chunks(8).map(|byte| byte.iter().fold(0, |n, bit| n << 1 | u8::from(*bit))).collect())
}

fn encodes(codec: &mut dyn Codec, data: &[u8]) {
    let samples: Vec<i16> = data.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let frame: Value = serde_json::from_str(&codec.encode_audio(&samples)).expect("a frame is JSON");
    let bytes = plain(frame["audio"].as_str().expect("audio").as_bytes()).expect("base64");
    assert_eq!(bytes, data[..data.len() / 2 * 2]);
}
