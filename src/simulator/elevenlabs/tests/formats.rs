//! Every format, both ways.

use super::bench::{Bench, pcm, said, sound};
use crate::simulator::{
    elevenlabs::formats::{convert, decode, encode, position},
    scenario::AudioFormat,
    tests::client::{clip, silence},
};
use serde_json::json;

const ALL: [AudioFormat; 7] = [
    AudioFormat::Pcm8000,
    AudioFormat::Pcm16000,
    AudioFormat::Pcm22050,
    AudioFormat::Pcm24000,
    AudioFormat::Pcm44100,
    AudioFormat::Pcm48000,
    AudioFormat::Ulaw8000,
];

#[test]
fn speech_is_heard_and_spoken_in_every_format() {
    for (input, output) in ALL.into_iter().zip(ALL.into_iter().rev()) {
        let agent = json!({"input_format": input, "output_format": output});
        let turns = json!([{"hear": "one", "reply": [{"say": "First."}]}]);
        let mut bench = Bench::begun(json!({"turns": turns, "agent": agent}), json!({}));
        bench.speak_as(&clip("question1"), input);
        bench.speak_as(&silence(1000), input);
        let events = bench.reply();
        assert_eq!(said(&events), ["First."], "{input:?}");
        // 360 ms, to the sample.
        let bytes = if output == AudioFormat::Ulaw8000 { 1 } else { 2 };
        let samples = position(360 * 24, output);
        assert_eq!(sound(&events), samples * bytes, "{output:?}");
        assert!((i64::from(output.rate()) * 36 / 100 - samples as i64).abs() <= 1);
    }
}

#[test]
fn mu_law_is_that_of_the_standard() {
    // Values of the decoding table of G.711, scaled to 16 bit.
    let bytes = [0xff, 0x7f, 0x80, 0x00, 0xf0, 0x8f];
    let base64 = base64_simd::STANDARD.encode_to_string(bytes);
    let samples = decode(&base64, AudioFormat::Ulaw8000).unwrap();
    assert_eq!(samples, [0, 0, 32_124, -32_124, 120, 16_764]);
    assert_eq!(decode(&encode(&samples, AudioFormat::Ulaw8000), AudioFormat::Ulaw8000).unwrap(), samples);
}

#[test]
fn half_a_sample_is_none() {
    for format in ALL {
        let fits = format == AudioFormat::Ulaw8000;
        assert_eq!(decode("AAAA", format).is_ok(), fits, "{format:?}");
        assert!(decode("AAA", format).is_err());
    }
    assert_eq!(decode(&pcm(&[1, -2]), AudioFormat::Pcm16000).unwrap(), [1, -2]);
    assert_eq!(convert(&silence(1000), AudioFormat::Pcm22050).len(), 22_050);
}
