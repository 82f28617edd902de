//! Speech for scenarios: the bundled clips, WAV files, and tones for texts that have no clip.

use super::scenario::{Scenario, invalid};
use crate::{
    audio::{resample::Resampler, wav::read_wav},
    error::Result,
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Samples per second of every clip.
pub(super) const RATE: u32 = 24_000;
/// Longest clip: 10 minutes. Together at most four times that.
const LONGEST_S: usize = 600;
const LARGEST_FILE: u64 = 128 << 20;
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
            let fix = format!("name a WAV file of at most 10 minutes, or one of bundled:{known}");
            invalid(path.clone(), format!("cannot use '{source}': {why}"), fix)
        })?;
        total += samples.len();
        if total > 4 * LONGEST_S * RATE as usize {
            return Err(invalid(path, "the clips are longer than 40 minutes together", "use fewer or shorter clips"));
        }
        loaded.insert(name, samples.into());
    }
    Ok(loaded)
}

fn read(source: &str, base_dir: &Path) -> Result<Vec<i16>, String> {
    let Some(name) = source.strip_prefix("bundled:") else { return read_file(&base_dir.join(source)) };
    let (_, bytes) = BUNDLED.iter().find(|(n, _)| *n == name).ok_or("there is no such bundled clip")?;
    let wav = hound::WavReader::new(*bytes).map_err(|e| e.to_string())?;
    wav.into_samples::<i16>().collect::<Result<_, _>>().map_err(|e| e.to_string())
}

fn read_file(path: &Path) -> Result<Vec<i16>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > LARGEST_FILE {
        return Err(format!("it has {size} bytes; at most {LARGEST_FILE} are read"));
    }
    let wav = read_wav(path).map_err(|e| e.to_string())?;
    if wav.samples.len() > wav.rate as usize * LONGEST_S {
        return Err("it is longer than 10 minutes".into());
    }
    if wav.rate == RATE {
        return Ok(wav.samples);
    }
    let mut samples = Vec::new();
    let mut resampler = Resampler::new(wav.rate, RATE).map_err(|e| e.to_string())?;
    resampler.push(&wav.samples, &mut samples);
    resampler.finish(&mut samples);
    Ok(samples)
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
