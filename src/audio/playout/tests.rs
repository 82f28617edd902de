use super::*;

mod positions;

/// A speaker with its driver: every callback is followed by a pump and by reading the reports.
struct Rig {
    speaker: Playout,
    reader: PlayoutReader,
    /// Frames played, with the zeros of silence left out, and everything that came out.
    real: usize,
    out: Vec<i16>,
    reports: Vec<PlayoutReport>,
}

impl Rig {
    fn new(source_rate: u32, rate: u32) -> Rig {
        let (speaker, reader) = playout(source_rate, rate, Arc::default()).unwrap();
        Rig { speaker, reader, real: 0, out: Vec::new(), reports: Vec::new() }
    }

    fn callback(&mut self, frames: usize) -> &[i16] {
        let start = self.out.len();
        self.out.resize(start + frames, 1);
        self.real += self.reader.render(&mut self.out[start..]);
        self.drive();
        &self.out[start..]
    }

    /// `n` callbacks of 10 ms.
    fn callbacks(&mut self, n: usize) {
        for _ in 0..n {
            self.callback((self.reader.rate() / 100) as usize);
        }
    }

    fn drive(&mut self) {
        self.speaker.pump();
        while let Some(report) = self.speaker.report() {
            self.reports.push(report);
        }
    }

    fn push(&mut self, pcm: &[i16]) {
        self.speaker.push(pcm);
        self.drive();
    }

    fn end(&mut self) {
        self.speaker.item_end();
        self.drive();
    }

    fn flush(&mut self) {
        self.speaker.flush();
        self.drive();
    }

    /// Source frames heard according to the reports, as a ledger would compute it.
    fn heard(&self) -> u64 {
        heard(&self.reports)
    }
}

fn heard(reports: &[PlayoutReport]) -> u64 {
    let (mut map, mut rates, mut heard) = ((0, 0), (1, 1), 0);
    for report in reports {
        heard = match *report {
            PlayoutReport::Anchor { frames, source, rate, source_rate, .. } => {
                (map, rates) = ((frames, source), (source_rate, rate));
                heard
            }
            PlayoutReport::Position { frames } => map.1 + scale(frames - map.0, rates.0.into(), rates.1.into()),
            PlayoutReport::Flushed { played, resume, source } => {
                let last = map.1 + scale(played - map.0, rates.0.into(), rates.1.into());
                let nothing = played == map.0;
                map = (resume, source);
                if nothing { heard } else { last }
            }
        };
    }
    heard
}

fn largest_step(pcm: &[i16]) -> i32 {
    pcm.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap_or(0)
}

/// 0.05 of full scale.
const STEP: i32 = 1638;

#[test]
fn playing_starts_at_sixty_milliseconds() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[100; 1_439]);
    rig.callbacks(5);
    assert_eq!((rig.real, rig.heard()), (0, 0));
    rig.push(&[100; 1]);
    assert_eq!(rig.callback(240), [100; 240]);
    assert_eq!(rig.heard(), 240);
    assert_eq!(
        rig.reports[0],
        PlayoutReport::Anchor { frames: 0, source: 0, rate: 24_000, source_rate: 24_000, delay: 0 }
    );
}

#[test]
fn the_end_of_an_item_starts_less() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[100; 300]);
    rig.callbacks(3);
    assert_eq!(rig.real, 0);
    rig.end();
    rig.callbacks(2);
    assert_eq!(&rig.out[720..], [vec![100; 300], vec![0; 180]].concat());
    assert_eq!((rig.heard(), rig.speaker.underruns(), rig.speaker.queued_ms()), (300, 0, 0));
    // The next item is a new start.
    rig.push(&[100; 500]);
    rig.callbacks(3);
    assert_eq!(rig.real, 300);
}

#[test]
fn items_follow_without_a_gap() {
    let mut rig = Rig::new(24_000, 24_000);
    for _ in 0..3 {
        rig.push(&[100; 2_000]);
        rig.end();
    }
    rig.callbacks(30);
    assert_eq!(rig.out[..6_000], [100; 6_000]);
    assert!(rig.out[6_000..].iter().all(|&s| s == 0));
    assert_eq!(rig.speaker.underruns(), 0);
}

#[test]
fn an_underrun_fades_out_waits_and_fades_in() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[20_000; 2_400]);
    rig.callbacks(15);
    assert_eq!((rig.real, rig.speaker.underruns(), rig.heard()), (2_400, 1, 2_400));
    assert_eq!(rig.out[..2_160], [20_000; 2_160]);
    assert!(rig.out[2_160..2_400].is_sorted_by(|a, b| a >= b));
    assert_eq!(rig.out[2_399], 0);
    // 119 ms are not enough this time, 120 are.
    rig.push(&[20_000; 2_856]);
    rig.callbacks(3);
    assert_eq!(rig.real, 2_400);
    rig.push(&[20_000; 24]);
    let from = rig.out.len();
    rig.callbacks(2);
    assert!(rig.out[from..from + 240].is_sorted());
    assert_eq!(rig.out[from + 240..], [20_000; 240]);
    assert!(largest_step(&rig.out) < STEP);
}

#[test]
fn waiting_grows_with_every_underrun_of_an_item() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[5_000; 1_440]);
    rig.callbacks(10);
    for (n, ms) in [120, 180, 270, 400, 400].into_iter().enumerate() {
        assert_eq!(rig.speaker.underruns(), n as u64 + 1);
        let before = rig.real;
        rig.push(&vec![5_000; (ms - 1) * 24]);
        rig.callbacks(3);
        assert_eq!(rig.real, before, "less than {ms} ms is not enough");
        rig.push(&[5_000; 24]);
        rig.callbacks(60);
        assert_eq!(rig.real, before + ms * 24);
    }
    rig.push(&[5_000; 24]);
    rig.end();
    rig.callbacks(3);
    let before = rig.real;
    rig.push(&[5_000; 1_440]);
    rig.callbacks(3);
    assert_eq!(rig.real, before + 720, "the next item starts at 60 ms");
}

#[test]
fn an_item_that_ends_during_an_underrun_plays_its_rest() {
    let mut rig = Rig::new(24_000, 48_000);
    rig.push(&[5_000; 2_000]);
    rig.callbacks(15);
    assert_eq!(rig.speaker.underruns(), 1);
    rig.end();
    rig.callbacks(5);
    assert_eq!((rig.real, rig.heard()), (4_000, 2_000));
}

#[test]
fn a_driver_that_sleeps_over_the_tail_of_an_item_does_not_lose_it() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[5_000; 1_000]);
    rig.end();
    let mut block = [0; 240];
    let mut real = 0;
    for _ in 0..5 {
        real += rig.reader.render(&mut block);
    }
    assert_eq!((real, rig.speaker.underruns()), (720, 1));
    rig.drive();
    rig.callbacks(3);
    assert_eq!((rig.real, rig.heard()), (280, 1_000));
}

#[test]
fn a_flush_is_silent_within_25_ms_and_without_a_click() {
    for rate in [8_000u32, 24_000, 44_100, 48_000] {
        let mut rig = Rig::new(24_000, rate);
        let tone: Vec<i16> = (0..24_000).map(|n| (32_000.0 * (n as f64 * 0.005).sin()) as i16).collect();
        rig.push(&tone);
        rig.callbacks(20);
        let from = rig.out.len();
        rig.flush();
        rig.callbacks(10);
        let silent = rig.out[from..].chunks(rate as usize / 100).position(|c| c.iter().all(|&s| s == 0)).unwrap();
        assert!(silent * 10 + 10 <= 25, "{rate}: silent callback number {silent}");
        assert!(rig.out[from + rate as usize / 50..].iter().all(|&s| s == 0));
        assert!(largest_step(&rig.out) < STEP, "{rate}: {}", largest_step(&rig.out));
        let played = rig.real as u64;
        assert!(
            matches!(rig.reports[..], [.., PlayoutReport::Flushed { played: p, source: 24_000, .. }] if p == played)
        );
        assert_eq!(rig.heard(), scale(played, 24_000, rate.into()));
        assert_eq!(rig.speaker.queued_ms(), 0);
    }
}

#[test]
fn after_a_flush_the_next_item_is_counted_on() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[100; 4_800]);
    rig.callbacks(4);
    rig.speaker.flush();
    rig.push(&[200; 1_440]);
    rig.callbacks(3);
    let flushed = PlayoutReport::Flushed { played: 1_200, resume: 1_680, source: 4_800 };
    assert!(rig.reports.contains(&flushed), "{:?}", rig.reports);
    assert_eq!(rig.heard(), 4_800 + 480);
    assert_eq!(rig.out[5 * 240..], [200; 480]);
}

#[test]
fn a_flush_with_nothing_in_the_ring_is_done_at_once() {
    let (mut speaker, _reader) = playout(24_000, 48_000, Arc::default()).unwrap();
    assert!(matches!(speaker.report(), Some(PlayoutReport::Anchor { .. })));
    speaker.flush();
    assert_eq!(speaker.report(), Some(PlayoutReport::Flushed { played: 0, resume: 0, source: 0 }));
    // Audio that waits for its prebuffer is not in the ring either.
    speaker.push(&[1; 100]);
    speaker.pump();
    speaker.flush();
    speaker.flush();
    let flushed = PlayoutReport::Flushed { played: 0, resume: 0, source: 100 };
    assert_eq!([speaker.report(), speaker.report(), speaker.report()], [Some(flushed), Some(flushed), None]);
}

#[test]
fn every_flush_is_answered_once() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[100; 4_800]);
    rig.callbacks(2);
    rig.flush();
    rig.push(&[100; 10]);
    rig.flush();
    rig.callbacks(5);
    let answers: Vec<_> = rig.reports.iter().filter(|r| matches!(r, PlayoutReport::Flushed { .. })).collect();
    assert!(
        matches!(
            answers[..],
            [PlayoutReport::Flushed { source: 4_800, .. }, PlayoutReport::Flushed { source: 4_810, .. }]
        ),
        "{answers:?}"
    );
}

#[test]
fn the_ring_stays_short() {
    let mut rig = Rig::new(24_000, 48_000);
    rig.push(&[100; 240_000]);
    assert_eq!(rig.speaker.ring_fill(), 1_440);
    for (callback, fill) in [(480, 1_440), (960, 1_920), (1_500, 3_000), (4_080, 5_040)] {
        for _ in 0..4 {
            rig.callback(callback);
        }
        assert_eq!(rig.speaker.ring_fill(), fill, "callbacks of {callback}");
    }
}

#[test]
fn callbacks_of_odd_sizes_lose_nothing() {
    for rate in [24_000, 44_100] {
        let mut rig = Rig::new(24_000, rate);
        let tone: Vec<i16> = (0..48_000).map(|n| (8_000.0 * (n as f64 * 0.05).sin()) as i16 + 10_000).collect();
        let mut expected = Vec::new();
        let mut resampler = Resampler::new(24_000, rate).unwrap();
        resampler.push(&tone, &mut expected);
        resampler.finish(&mut expected);
        rig.push(&tone);
        rig.end();
        for n in 0.. {
            if rig.out.len() > expected.len() + 5_000 {
                break;
            }
            rig.callback([1, 441, 7, 333, 128, 600, 64, 1, 1_024, 480][n % 10]);
        }
        let first = rig.out.iter().position(|&s| s != 0).unwrap();
        assert!(rig.out[first..first + expected.len()] == expected, "{rate}");
        assert_eq!((rig.speaker.underruns(), rig.heard()), (0, 48_000));
    }
}

#[test]
fn another_device_continues_where_the_last_one_stopped() {
    // A slow ramp: the value tells the source frame.
    let ramp: Vec<i16> = (0..30_000).collect();
    let mut rig = Rig::new(24_000, 48_000);
    rig.push(&ramp);
    rig.end();
    let mut heard = 0;
    for rate in [48_000u32, 16_000, 24_000, 44_100, 8_000] {
        let mut old = std::mem::replace(&mut rig.reader, rig.speaker.set_output_rate(rate).unwrap());
        rig.drive();
        assert_eq!(rig.heard(), heard, "changing the rate moves nothing");
        rig.out.clear();
        rig.callbacks(13);
        for (n, &sample) in rig.out.iter().enumerate().skip(rate as usize / 50) {
            let ideal = heard as f64 + n as f64 * 24_000.0 / f64::from(rate);
            assert!((f64::from(sample) - ideal).abs() < 24.0, "{rate}: {sample} instead of {ideal}");
        }
        assert!(rig.heard() > heard + 2_000);
        heard = rig.heard();
        let mut block = [1; 100];
        assert_eq!((old.render(&mut block), block), (0, [0; 100]));
    }
    rig.callbacks(150);
    assert_eq!((rig.heard(), rig.speaker.queued_ms(), rig.speaker.underruns()), (30_000, 0, 0));
    assert_eq!(rig.speaker.set_output_rate(1).unwrap_err().code, "unsupported_rate");
}

#[test]
fn a_device_that_died_during_a_flush_answers_it() {
    let mut rig = Rig::new(24_000, 24_000);
    rig.push(&[100; 4_800]);
    rig.callbacks(2);
    rig.flush();
    rig.push(&[7; 2_400]);
    rig.reader = rig.speaker.set_output_rate(48_000).unwrap();
    rig.drive();
    let resume = 480 + 720;
    let end = [
        PlayoutReport::Flushed { played: 480, resume, source: 4_800 },
        PlayoutReport::Anchor { frames: resume, source: 4_800, rate: 48_000, source_rate: 24_000, delay: 0 },
    ];
    assert!(rig.reports.ends_with(&end), "{:?}", rig.reports);
    rig.callbacks(3);
    assert_eq!(rig.heard(), 4_800 + 720);
}

#[test]
fn what_does_not_fit_leaves_a_hole_in_the_positions() {
    let mut rig = Rig::new(8_000, 8_000);
    let room = 300 * 8_000;
    assert_eq!(rig.speaker.push(&vec![1; room + 50]), room);
    assert_eq!(rig.speaker.refused(), 50);
    rig.drive();
    rig.callback(80);
    assert_eq!(rig.speaker.push(&[2; 100]), 80);
    rig.end();
    rig.callbacks(30_010);
    assert_eq!((rig.real, rig.heard()), (room + 80, room as u64 + 50 + 80 + 20));
}

#[test]
fn two_threads() {
    let (mut speaker, mut reader) = playout(24_000, 48_000, Arc::default()).unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = done.clone();
    let callback = std::thread::spawn(move || {
        let (mut block, mut real) = ([0; 97], 0u64);
        while !stop.load(Acquire) {
            real += reader.render(&mut block) as u64;
            std::thread::yield_now();
        }
        real
    });
    let mut reports = Vec::new();
    let mut dropped = 0;
    for item in 0..300u64 {
        speaker.push(&[1_000; 500]);
        if item % 3 == 2 {
            speaker.flush();
        } else {
            speaker.item_end();
        }
        loop {
            speaker.pump();
            while let Some(report) = speaker.report() {
                if let PlayoutReport::Flushed { played, resume, .. } = report {
                    dropped += resume - played;
                }
                reports.push(report);
            }
            if speaker.queued_ms() == 0 && speaker.flushes.is_empty() {
                break;
            }
            std::thread::yield_now();
        }
    }
    done.store(true, Release);
    let real = callback.join().unwrap();
    speaker.pump();
    while let Some(report) = speaker.report() {
        reports.push(report);
    }
    assert_eq!(real + dropped, speaker.written);
    assert_eq!(reports.iter().filter(|r| matches!(r, PlayoutReport::Flushed { .. })).count(), 100);
}
