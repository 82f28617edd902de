//! Our analyser beside Chromium's `AnalyserNode`, on the same sounds with the same options.
//! Install it with `tests/referees/setup.sh`.

#[path = "referees/environment.rs"]
mod environment;

use duologue::audio::{
    analyser::Analyser,
    spectrum::AnalyserOptions,
    tap::{Tap, TapWriter},
    wav::read_wav,
};
use environment::{Referees, clips, run};
use serde_json::{Value, json};
use std::sync::Arc;

const RATE: u32 = 24_000;

/// What both are asked after so many frames: in one and the same block, often, and after pauses.
const LOOKS: [u64; 9] = [128, 256, 2_048, 4_096, 4_224, 8_192, 16_384, 40_960, 46_080];

/// A voice, and a tone that begins in the middle.
fn sound() -> Vec<i16> {
    let voice = read_wav(&clips().join("question1.wav")).unwrap();
    let loud = voice.samples.iter().position(|s| s.unsigned_abs() > 1_000).unwrap();
    let mut sound = voice.samples[loud..loud + 48_000].to_vec();
    for (n, sample) in sound[10_000..20_000].iter_mut().enumerate() {
        *sample = (12_000.0 * (n as f64 * 0.3).sin()) as i16;
    }
    sound
}

/// What our own says: the same four lists for each look.
fn ours(sound: &[i16], options: AnalyserOptions) -> Vec<[Vec<f64>; 4]> {
    let tap = Arc::new(Tap::default());
    let analyser = Analyser::new(tap.clone(), options).unwrap();
    tap.begin_run();
    let (mut writer, mut at) = (TapWriter::new(tap, RATE), 0);
    let (bins, size) = (options.fft_size / 2, options.fft_size);
    LOOKS
        .map(|frames| {
            // As a device brings it, not in the browser's blocks.
            for block in sound[at..frames as usize].chunks(441) {
                writer.write(block);
            }
            at = frames as usize;
            let (mut bytes, mut decibels) = (vec![0; bins], vec![0.0; bins]);
            let (mut wave, mut floats) = (vec![0; size], vec![0.0; size]);
            analyser.byte_frequency(0, &mut bytes).unwrap();
            analyser.float_frequency(0, &mut decibels).unwrap();
            analyser.byte_time_domain(0, &mut wave).unwrap();
            analyser.float_time_domain(0, &mut floats).unwrap();
            let numbers = |bytes: Vec<u8>| bytes.into_iter().map(f64::from).collect();
            let floating = |floats: Vec<f32>| floats.into_iter().map(f64::from).collect();
            [numbers(bytes), floating(decibels), numbers(wave), floating(floats)]
        })
        .into()
}

#[tokio::test]
async fn the_numbers_are_those_of_a_browser() {
    let Some(referees) = Referees::with_browser() else { return };
    let sound = sound();
    let wide = AnalyserOptions { fft_size: 512, min_decibels: -90.0, max_decibels: -10.0, smoothing: 0.0 };
    for options in [AnalyserOptions::default(), wide, AnalyserOptions { fft_size: 8_192, smoothing: 0.95, ..wide }] {
        let node = json!({"fftSize": options.fft_size, "minDecibels": options.min_decibels,
            "maxDecibels": options.max_decibels, "smoothingTimeConstant": options.smoothing});
        let job = json!({"samples": sound, "rate": RATE, "options": node, "looks": LOOKS});
        let referee = run(referees.node("analyser_node.mjs", [""; 0]), &job.to_string()).await;
        referee.expect_success();
        let theirs: Vec<[Vec<Value>; 4]> = serde_json::from_str(&referee.stdout).unwrap();
        let (mut values, mut same) = (0, 0);
        for (frames, (ours, theirs)) in LOOKS.into_iter().zip(ours(&sound, options).into_iter().zip(theirs)) {
            for (what, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                assert_eq!(ours.len(), theirs.len());
                for (n, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    let theirs = theirs.as_f64().unwrap_or(f64::NEG_INFINITY);
                    // Single precision on both sides: bytes fall on another side of a step, decibels far below the
                    // loudest differ.
                    let close = match what {
                        0 => (ours - theirs).abs() <= 1.0,
                        1 => (ours - theirs).abs() <= 0.05 || *ours < -110.0 && theirs < -110.0,
                        _ => ours == &theirs,
                    };
                    assert!(close, "{options:?} after {frames} frames, list {what}, {n}: {ours}, there {theirs}");
                    (values, same) =
                        (values + usize::from(what != 1), same + usize::from(what != 1 && ours == &theirs));
                }
            }
        }
        println!("{options:?}: {same} of {values} bytes and frames are the same");
    }
}
