//! WAV files: reading one as mono, and a stereo recorder for conversations.
//!
//! Blocking file access: no audio callbacks. Reading takes a whole file into memory; recording
//! streams to disk in bounded memory.

use super::pcm::to_i16;
use crate::error::{Error, ErrorClass, Result};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::{
    fmt,
    fs::File,
    io::{BufReader, BufWriter, ErrorKind},
    path::{Path, PathBuf},
};

/// A WAV file mixed down to mono.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Frames per second.
    pub rate: u32,
    /// Mono frames.
    pub samples: Vec<i16>,
}

/// Reads `path`: 8, 16, 24 or 32-bit integers or 32-bit floats, any number of channels.
///
/// A file that ends early (an interrupted recording) gives what is there.
///
/// # Errors
/// Class `argument`: `file_not_found`, `not_wav`, `empty_wav`, and `file_unreadable` when the
/// system denies access. Each names the file and what to do.
pub fn read_wav(path: &Path) -> Result<Wav> {
    let file = File::open(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => bad(path, "file_not_found", "there is no such file"),
        _ => bad(path, "file_unreadable", &e.to_string()),
    })?;
    let mut reader = WavReader::new(BufReader::new(file)).map_err(|e| bad(path, "not_wav", &not_wav(&e)))?;
    let spec = reader.spec();
    if spec.sample_rate == 0 || spec.channels == 0 {
        return Err(bad(path, "not_wav", "its header gives no sample rate or no channels"));
    }
    let mut mix = Mixer { channels: spec.channels.into(), sum: 0.0, have: 0, samples: Vec::new() };
    match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().map_while(|s| s.ok()).for_each(|s| mix.add(s.into())),
        SampleFormat::Int => {
            let full = f64::from(1u32 << (spec.bits_per_sample.clamp(1, 32) - 1));
            reader.samples::<i32>().map_while(|s| s.ok()).for_each(|s| mix.add(f64::from(s) / full));
        }
    }
    if mix.samples.is_empty() {
        return Err(bad(path, "empty_wav", "it holds no sound"));
    }
    Ok(Wav { rate: spec.sample_rate, samples: mix.samples })
}

struct Mixer {
    channels: usize,
    sum: f64,
    have: usize,
    samples: Vec<i16>,
}

impl Mixer {
    fn add(&mut self, sample: f64) {
        self.sum += sample;
        self.have += 1;
        if self.have == self.channels {
            self.samples.push(to_i16((self.sum / self.channels as f64) as f32));
            (self.sum, self.have) = (0.0, 0);
        }
    }
}

fn bad(path: &Path, code: &'static str, why: &str) -> Error {
    Error::new(ErrorClass::Argument, code, format!("{}: {why}", path.display())).fix(match code {
        "file_not_found" | "file_unreadable" => "check the path and the access rights",
        _ => "give a PCM WAV file, for example one made with: sox in.mp3 -r 24000 -c 1 out.wav",
    })
}

fn not_wav(e: &hound::Error) -> String {
    match e {
        hound::Error::Unsupported => "this kind of WAV file cannot be read".into(),
        e => format!("this is not a WAV file ({})", e.to_string().trim_end_matches('.')),
    }
}

/// Records two mono streams side by side into a 16-bit stereo WAV file: user left, assistant right.
///
/// The header is brought up to date every second of audio, so a crash leaves a readable file; drop
/// completes the file too, but only [`StereoRecorder::finish`] tells whether that worked.
pub struct StereoRecorder {
    writer: WavWriter<BufWriter<File>>,
    path: PathBuf,
    rate: u32,
    since_flush: u32,
}

impl StereoRecorder {
    /// Starts a recording at `rate` frames per second, replacing a file at `path`.
    ///
    /// # Errors
    /// `file_not_writable` (class `argument`).
    pub fn create(path: &Path, rate: u32) -> Result<Self> {
        let spec = WavSpec { channels: 2, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let refused = |e: hound::Error| {
            Error::new(ErrorClass::Argument, "file_not_writable", format!("{}: {e}", path.display()))
                .fix("give a path in a directory that exists and can be written")
        };
        let mut writer = WavWriter::create(path, spec).map_err(refused)?;
        writer.flush().map_err(refused)?;
        Ok(StereoRecorder { writer, path: path.to_owned(), rate, since_flush: 0 })
    }

    /// Appends one block to both channels; the shorter side is filled up with silence.
    ///
    /// # Errors
    /// `recording_failed` (class `device`) when the disk refuses, `recording_full` (class `limit`)
    /// when a WAV file cannot grow any more (4 GiB, 12 hours at 24 kHz).
    pub fn write(&mut self, left: &[i16], right: &[i16]) -> Result<()> {
        let frames = left.len().max(right.len());
        if u64::from(self.writer.duration()) + frames as u64 > u64::from((u32::MAX - 1024) / 4) {
            let message = format!("{}: the recording reached 4 GiB", self.path.display());
            return Err(Error::new(ErrorClass::Limit, "recording_full", message).fix("start a new recording"));
        }
        for i in 0..frames {
            for side in [left, right] {
                let sample = side.get(i).copied().unwrap_or(0);
                self.writer.write_sample(sample).map_err(|e| failed(&self.path, &e))?;
            }
        }
        self.since_flush += frames as u32;
        if self.since_flush >= self.rate {
            self.flush()?;
        }
        Ok(())
    }

    /// Brings the file on disk up to date; it is a complete WAV file then, and may go on.
    ///
    /// # Errors
    /// `recording_failed` (class `device`).
    pub fn flush(&mut self) -> Result<()> {
        self.since_flush = 0;
        self.writer.flush().map_err(|e| failed(&self.path, &e))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// `recording_failed` (class `device`) when the last data could not be written.
    pub fn finish(self) -> Result<()> {
        self.writer.finalize().map_err(|e| failed(&self.path, &e))
    }
}

impl fmt::Debug for StereoRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StereoRecorder").field("path", &self.path).field("rate", &self.rate).finish_non_exhaustive()
    }
}

fn failed(path: &Path, e: &hound::Error) -> Error {
    Error::new(ErrorClass::Device, "recording_failed", format!("{}: {e}", path.display()))
        .fix("check free space and access rights, then record again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(dir: &tempfile::TempDir, name: &str) -> PathBuf {
        dir.path().join(name)
    }

    fn spec(channels: u16, bits: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate: 22_050, bits_per_sample: bits, sample_format }
    }

    #[test]
    fn every_depth_reads_as_the_same_sound() {
        let dir = tempfile::tempdir().unwrap();
        for bits in [8u16, 16, 24, 32] {
            let path = file(&dir, "int.wav");
            let mut w = WavWriter::create(&path, spec(1, bits, SampleFormat::Int)).unwrap();
            for eighth in [0i64, 4, -4, -8, 7] {
                w.write_sample((eighth * (1i64 << (bits - 1)) / 8) as i32).unwrap();
            }
            w.finalize().unwrap();
            let wav = read_wav(&path).unwrap();
            assert_eq!(wav.rate, 22_050);
            assert_eq!(wav.samples, [0, 16384, -16384, -32768, 28672], "{bits} bits");
        }
        let path = file(&dir, "float.wav");
        let mut w = WavWriter::create(&path, spec(1, 32, SampleFormat::Float)).unwrap();
        for s in [0.0f32, 0.5, -0.5, -1.0, 0.875, 3.0] {
            w.write_sample(s).unwrap();
        }
        w.finalize().unwrap();
        assert_eq!(read_wav(&path).unwrap().samples, [0, 16384, -16384, -32768, 28672, 32767]);
    }

    #[test]
    fn channels_are_mixed_down() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir, "six.wav");
        let mut w = WavWriter::create(&path, spec(6, 16, SampleFormat::Int)).unwrap();
        for s in [600i16, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6] {
            w.write_sample(s).unwrap();
        }
        w.finalize().unwrap();
        assert_eq!(read_wav(&path).unwrap().samples, [100, 6]);
    }

    #[test]
    fn each_error_names_the_file_and_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let text = file(&dir, "notes.txt");
        fs::write(&text, "not sound").unwrap();
        let empty = file(&dir, "empty.wav");
        WavWriter::create(&empty, spec(1, 16, SampleFormat::Int)).unwrap().finalize().unwrap();
        let nothing = file(&dir, "nothing.wav");
        fs::write(&nothing, "").unwrap();
        let missing = file(&dir, "missing.wav");
        let table = [
            (&missing, "file_not_found", "path"),
            (&text, "not_wav", "sox"),
            (&nothing, "not_wav", "sox"),
            (&dir.path().to_owned(), "not_wav", "sox"),
            (&empty, "empty_wav", "sox"),
        ];
        for (path, code, fix) in table {
            let e = read_wav(path).unwrap_err();
            assert_eq!((e.class, e.code.as_ref()), (ErrorClass::Argument, code));
            assert!(e.message.contains(&path.display().to_string()), "{e}");
            assert!(e.fix.as_deref().is_some_and(|f| f.contains(fix)), "{e}");
        }
    }

    #[test]
    fn an_interrupted_file_gives_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir, "cut.wav");
        let mut w = WavWriter::create(&path, spec(1, 16, SampleFormat::Int)).unwrap();
        (0..100i16).for_each(|s| w.write_sample(s).unwrap());
        w.finalize().unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 51]).unwrap();
        assert_eq!(read_wav(&path).unwrap().samples, (0..74).collect::<Vec<i16>>());
    }

    #[test]
    fn recorder_keeps_sides_apart_and_pads_the_shorter() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir, "talk.wav");
        let mut r = StereoRecorder::create(&path, 24_000).unwrap();
        r.write(&[1, 2, 3], &[-1]).unwrap();
        r.write(&[], &[-2, -3]).unwrap();
        r.finish().unwrap();
        let mut wav = WavReader::open(&path).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 24_000));
        let all: Vec<i16> = wav.samples().map(|s| s.unwrap()).collect();
        assert_eq!(all, [1, -1, 2, 0, 3, 0, 0, -2, 0, -3]);
    }

    #[test]
    fn a_crash_leaves_all_but_the_last_second() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir, "crash.wav");
        let mut r = StereoRecorder::create(&path, 8_000).unwrap();
        for _ in 0..250 {
            r.write(&[5; 80], &[6; 80]).unwrap();
        }
        // What another process would find on disk now.
        let copy = file(&dir, "copy.wav");
        fs::copy(&path, &copy).unwrap();
        let mut wav = WavReader::open(&copy).unwrap();
        assert_eq!(wav.duration(), 16_000);
        assert!(wav.samples::<i16>().all(|s| s.is_ok()));
        drop(r);
        assert_eq!(WavReader::open(&path).unwrap().duration(), 20_000);
    }

    #[test]
    fn recording_into_nowhere_is_refused() {
        let e = StereoRecorder::create(Path::new("/nonexistent/dir/x.wav"), 24_000).unwrap_err();
        assert_eq!(e.code, "file_not_writable");
    }
}
