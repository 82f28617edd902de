use super::*;
use crate::audio::{
    capture::{CaptureReader, capture_ring},
    playout::{Playout, playout},
};
use std::{fs, path::PathBuf};

/// Counts up, then is over.
struct Counting {
    rate: u32,
    at: i16,
    end: i16,
}

impl MicSource for Counting {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn fill(&mut self, out: &mut [i16]) -> bool {
        let more = self.at < self.end;
        for sample in out {
            *sample = if self.at < self.end { self.at + 1 } else { 0 };
            self.at = (self.at + 1).min(self.end);
        }
        more
    }
}

const BOTH: StreamWish = StreamWish { input: true, output: true, rate: 48_000 };

fn start(backend: &mut FileBackend) -> (CaptureReader, Playout, Box<dyn AudioStream>) {
    let formats = backend.formats(&BOTH).unwrap();
    let (capture, mic) = capture_ring(formats.input_rate.unwrap(), Arc::default());
    let (speaker, render) = playout(24_000, formats.output_rate.unwrap(), Arc::default()).unwrap();
    let io = DeviceIo { capture: Some(capture), render: Some(render) };
    (mic, speaker, backend.start(&formats, io).unwrap())
}

fn stereo(path: &Path) -> (Vec<i16>, Vec<i16>) {
    let all: Vec<i16> = hound::WavReader::open(path).unwrap().samples().map(|s| s.unwrap()).collect();
    all.as_chunks::<2>().0.iter().map(|f| (f[0], f[1])).unzip()
}

/// Lets virtual time pass.
async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

fn temp() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("talk.wav");
    (dir, path)
}

#[tokio::test(start_paused = true)]
async fn both_sides_are_recorded_on_one_timeline() {
    let (_dir, path) = temp();
    let mic = Counting { rate: 24_000, at: 0, end: 1_000 };
    let mut backend = FileBackend::new(Box::new(mic), 24_000).record_to(&path);
    let ended = backend.ended();
    let (mut capture, mut speaker, stream) = start(&mut backend);

    pass(25).await;
    assert_eq!(capture.available(), 480);
    speaker.push(&[300; 600]);
    speaker.item_end();
    speaker.pump();
    pass(20).await;
    assert!(!ended.load(Acquire));
    pass(20).await;
    assert!(ended.load(Acquire));
    drop(stream);

    let mut heard = Vec::new();
    capture.read(usize::MAX, &mut heard);
    assert!(capture.is_closed());
    let expected: Vec<i16> = (1..=1_000).chain([0; 440]).collect();
    assert_eq!(heard, expected);
    let (left, right) = stereo(&path);
    assert_eq!(left, expected);
    assert_eq!(right, [vec![0; 480], vec![300; 600], vec![0; 360]].concat());
    assert_eq!(backend.errors().get(), None);
}

#[tokio::test(start_paused = true)]
async fn a_slow_runtime_loses_no_audio_time() {
    let mut backend = FileBackend::new(Box::new(Counting { rate: 24_000, at: 0, end: 30_000 }), 24_000);
    let (mut capture, _speaker, _stream) = start(&mut backend);
    pass(5).await;
    tokio::time::advance(Duration::from_millis(400)).await;
    pass(1).await;
    let mut heard = Vec::new();
    capture.read(usize::MAX, &mut heard);
    assert_eq!(heard, (1..=9_600).collect::<Vec<i16>>());
}

#[tokio::test(start_paused = true)]
async fn the_microphone_is_brought_to_the_device_rate() {
    for rate in [16_000, 22_050, 44_100] {
        let mut backend = FileBackend::new(Box::new(Counting { rate, at: 0, end: 16_000 }), 24_000);
        let (mut capture, _speaker, _stream) = start(&mut backend);
        let mut heard = Vec::new();
        for _ in 0..30 {
            pass(10).await;
            capture.read(usize::MAX, &mut heard);
        }
        assert!(heard.len() >= 29 * 240, "{rate}");
        for (n, &sample) in heard.iter().enumerate().skip(480) {
            let ideal = n as f64 * f64::from(rate) / 24_000.0;
            assert!((f64::from(sample) - ideal).abs() < 4.0, "{rate}: {sample} instead of {ideal}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_without_whole_blocks_keeps_time() {
    let (_dir, path) = temp();
    let mut backend = FileBackend::new(Box::new(Counting { rate: 11_025, at: 0, end: 1 }), 11_025).record_to(&path);
    let (_capture, _speaker, stream) = start(&mut backend);
    pass(2_005).await;
    drop(stream);
    assert_eq!(stereo(&path).0.len(), 22_050);
}

#[tokio::test(start_paused = true)]
async fn a_second_start_goes_on() {
    let (_dir, path) = temp();
    let mic = Counting { rate: 24_000, at: 0, end: 30_000 };
    let mut backend = FileBackend::new(Box::new(mic), 24_000).record_to(&path);
    let mut heard = Vec::new();
    for round in 1..=2 {
        let (mut capture, _speaker, stream) = start(&mut backend);
        pass(105).await;
        drop(stream);
        pass(100).await;
        capture.read(usize::MAX, &mut heard);
        assert_eq!(stereo(&path).0.len(), round * 2_400);
    }
    assert_eq!(heard, (1..=4_800).collect::<Vec<i16>>());
    assert_eq!(stereo(&path).0, heard);
}

#[tokio::test(start_paused = true)]
async fn wrong_starts_are_refused() {
    let mut backend = FileBackend::new(Box::new(Counting { rate: 24_000, at: 0, end: 9 }), 24_000);
    let none = || DeviceIo { capture: None, render: None };
    let refused = |r: Result<Box<dyn AudioStream>>| r.err().map(|e| e.code.into_owned()).unwrap_or_default();
    let other = StreamFormats { input_rate: Some(48_000), output_rate: None };
    assert_eq!(refused(backend.start(&other, none())), "rate_mismatch");
    let formats = backend.formats(&BOTH).unwrap();
    let wrong = DeviceIo { capture: Some(capture_ring(8_000, Arc::default()).0), render: None };
    assert_eq!(refused(backend.start(&formats, wrong)), "rate_mismatch");
    let _stream = backend.start(&formats, none()).unwrap();
    assert_eq!(refused(backend.start(&formats, none())), "already_started");

    let mut odd = FileBackend::new(Box::new(Counting { rate: 4_000, at: 0, end: 9 }), 24_000);
    assert_eq!(refused(odd.start(&formats, none())), "unsupported_rate");
    let mut nowhere = FileBackend::new(Box::new(Counting { rate: 24_000, at: 0, end: 9 }), 24_000)
        .record_to(Path::new("/nonexistent/x.wav"));
    assert_eq!(refused(nowhere.start(&formats, none())), "file_not_writable");
}

#[test]
fn without_a_runtime_the_error_says_so() {
    let mut backend = FileBackend::new(Box::new(Counting { rate: 24_000, at: 0, end: 9 }), 24_000);
    let formats = backend.formats(&BOTH).unwrap();
    let e = backend.start(&formats, DeviceIo { capture: None, render: None }).err().unwrap();
    assert_eq!((e.class, e.code.as_ref()), (ErrorClass::State, "no_runtime"));
}

#[test]
fn a_wav_microphone_plays_once_then_silence() {
    let (_dir, path) = temp();
    let mut recorder = StereoRecorder::create(&path, 16_000).unwrap();
    recorder.write(&[10, 20, 30], &[20, 40, 60]).unwrap();
    recorder.finish().unwrap();
    let mut mic = WavMicrophone::open(&path).unwrap();
    assert_eq!(mic.rate(), 16_000);
    let mut out = [1; 2];
    assert!(mic.fill(&mut out));
    assert_eq!(out, [15, 30]);
    assert!(mic.fill(&mut out));
    assert_eq!(out, [45, 0]);
    assert!(!mic.fill(&mut out));
    assert_eq!(out, [0, 0]);
    fs::remove_file(&path).unwrap();
    assert_eq!(WavMicrophone::open(&path).unwrap_err().code, "file_not_found");
}
