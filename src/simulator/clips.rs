//! Speech for scenarios: the bundled clips, WAV files, and tones for texts that have no clip.

use super::scenario::{Scenario, invalid};
use crate::error::Result;
use std::{collections::BTreeMap, io::Read, path::Path, sync::Arc};

/// Samples per second of every clip.
pub(super) const RATE: u32 = 24_000;
/// Longest clip, and together at most four of that: 10 minutes.
const LONGEST: usize = RATE as usize * 600;
const MS_PER_CHARACTER: usize = 60;

const BUNDLED: &[(&str, &[u8])] = &[
    ("question1", include_bytes!("../../assets/question1.wav")),
    ("answer1", include_bytes!("../../assets/answer1.wav")),
    ("question2", include_bytes!("../../assets/question2.wav")),
    ("answer2", include_bytes!("../../assets/answer2.wav")),
    ("question3", include_bytes!("../../assets/question3.wav")),
    ("answer3", include_bytes!("../../assets/answer3.wav")),
];

/// Reads every clip a scenario uses.
pub(super) fn load(scenario: &Scenario, base_dir: &Path) -> Result<BTreeMap<String, Arc<[i16]>>> {
    let mut loaded: BTreeMap<String, Arc<[i16]>> = BTreeMap::new();
    let mut total = 0;
    for (path, name) in scenario.clip_uses() {
        if loaded.contains_key(&name) {
            continue;
        }
        let source = match scenario.clips.get(&name) {
            Some(file) => file.as_str(),
            None if name.ends_with(".wav") || name.starts_with("bundled:") => name.as_str(),
            None => {
                let fix = format!("add \"{name}\": \"file.wav\" to clips, or name a .wav file");
                return Err(invalid(path, format!("there is no clip '{name}'"), fix));
            }
        };
        let samples = read(source, base_dir).map_err(|why| {
            let known = BUNDLED.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", bundled:");
            let fix = format!("name a 16 bit PCM WAV file of at most 10 minutes, or one of bundled:{known}");
            invalid(path.clone(), format!("cannot use '{source}': {why}"), fix)
        })?;
        total += samples.len();
        if total > 4 * LONGEST {
            return Err(invalid(path, "the clips are longer than 40 minutes together", "use fewer or shorter clips"));
        }
        loaded.insert(name, samples.into());
    }
    Ok(loaded)
}

fn read(source: &str, base_dir: &Path) -> Result<Vec<i16>, String> {
    match source.strip_prefix("bundled:") {
        Some(name) => {
            let (_, bytes) = BUNDLED.iter().find(|(n, _)| *n == name).ok_or("there is no such bundled clip")?;
            decode(*bytes)
        }
        None => {
            let file = std::fs::File::open(base_dir.join(source)).map_err(|e| e.to_string())?;
            decode(std::io::BufReader::new(file))
        }
    }
}

/// Any 16 bit PCM WAV as 24 kHz mono.
fn decode(reader: impl Read) -> Result<Vec<i16>, String> {
    let mut wav = hound::WavReader::new(reader).map_err(|e| e.to_string())?;
    let spec = wav.spec();
    if spec.bits_per_sample != 16 || spec.sample_format != hound::SampleFormat::Int || spec.channels == 0 {
        return Err("it is not 16 bit PCM".into());
    }
    if spec.sample_rate != RATE {
        return Err(format!("it has {} samples per second, not {RATE}", spec.sample_rate));
    }
    let channels = usize::from(spec.channels);
    if wav.duration() as usize > LONGEST {
        return Err("it is longer than 10 minutes".into());
    }
    let samples = wav.samples::<i16>().collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let mono = |frame: &[i16]| (frame.iter().map(|s| i32::from(*s)).sum::<i32>() / channels as i32) as i16;
    Ok(samples.chunks_exact(channels).map(mono).collect())
}

/// Soft tones in the rhythm of `text`, 60 ms a character (at most a minute): the same for the same
/// text every time. Spaces and punctuation are silent.
pub(super) fn tones(text: &str) -> Arc<[i16]> {
    let step = RATE as usize * MS_PER_CHARACTER / 1000;
    let mut samples = Vec::new();
    for letter in text.chars().take(1000) {
        if !letter.is_alphanumeric() {
            samples.resize(samples.len() + step, 0);
            continue;
        }
        // Five steps of a pentatonic scale around 260 Hz.
        let ratio = [1.0, 1.125, 1.25, 1.5, 1.6667][letter as usize % 5];
        let turn = std::f64::consts::TAU * 260.0 * ratio / f64::from(RATE);
        samples.extend((0..step).map(|i| {
            let fade = (std::f64::consts::PI * i as f64 / step as f64).sin();
            ((i as f64 * turn).sin() * fade * 3000.0) as i16
        }));
    }
    samples.into()
}
