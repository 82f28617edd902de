use super::*;

const MS: u64 = 1_000;

fn tap(rate: u32) -> (Arc<Tap>, TapWriter) {
    let tap = Arc::new(Tap::default());
    tap.add_viewer();
    tap.begin_run();
    tap.measure();
    (tap.clone(), TapWriter::new(tap, rate))
}

fn ending(tap: &Tap, end: u64, frames: usize) -> Vec<i16> {
    let mut out = vec![9.0; frames];
    assert!(tap.read(end, &mut out));
    out.iter().map(|frame| (frame * 32768.0) as i16).collect()
}

#[test]
fn the_newest_frames_are_read_and_what_never_was_is_silence() {
    let (tap, mut writer) = tap(8_000);
    writer.write(&[1, -2, i16::MIN]);
    assert_eq!(ending(&tap, 3, 5), [0, 0, 1, -2, i16::MIN]);
    assert_eq!(ending(&tap, 2, 2), [1, -2]);
    assert_eq!(ending(&tap, 5, 3), [i16::MIN, 0, 0], "what is not written yet");
    assert_eq!(ending(&tap, 0, 2), [0, 0]);
}

#[test]
fn a_view_ends_at_a_whole_block() {
    let (tap, mut writer) = tap(8_000);
    assert_eq!(tap.view(0), Some(View { end: 0, rate: 0, run: 1 }));
    writer.write(&[1; 127]);
    assert_eq!(tap.view(0), Some(View { end: 0, rate: 8_000, run: 1 }));
    writer.write(&[1; 200]);
    assert_eq!(tap.view(0).unwrap().end, 256);
}

#[test]
fn there_is_nothing_to_see_outside_a_run_and_nothing_of_before() {
    let (tap, mut writer) = (Arc::new(Tap::default()), None);
    tap.add_viewer();
    let mut write = |pcm: &[i16]| writer.get_or_insert_with(|| TapWriter::new(tap.clone(), 8_000)).write(pcm);
    write(&[i16::MAX; 256]);
    assert_eq!((tap.view(0), tap.level(0)), (None, None));
    tap.begin_run();
    assert_eq!(ending(&tap, tap.view(0).unwrap().end, 256), [0; 256]);
    write(&[5; 128]);
    assert_eq!(ending(&tap, tap.view(0).unwrap().end, 256), [vec![0; 128], vec![5; 128]].concat());
    // Coming back from a lost connection is the same run.
    tap.begin_run();
    assert_eq!(tap.view(0).unwrap().run, 1);
    tap.end_run();
    assert_eq!((tap.view(0), tap.level(0)), (None, None));
    tap.begin_run();
    assert_eq!((tap.view(0).unwrap().run, ending(&tap, 384, 128)), (2, vec![0; 128]));
}

#[test]
fn while_it_may_not_be_seen_it_is_silence() {
    let (tap, mut writer) = tap(8_000);
    tap.set_open(false);
    writer.write(&[i16::MAX; 128]);
    assert_eq!((ending(&tap, 128, 128), tap.level(0)), (vec![0; 128], Some(Level::default())));
    tap.set_open(true);
    writer.write(&[i16::MAX; 128]);
    assert_eq!(ending(&tap, 256, 129), [vec![0], vec![i16::MAX; 128]].concat());
    assert!(tap.level(0).unwrap().peak > 0.999);
}

#[test]
fn nobody_looks_and_only_the_level_passes() {
    let tap = Arc::new(Tap::default());
    let mut writer = TapWriter::new(tap.clone(), 8_000);
    tap.begin_run();
    writer.write(&[i16::MIN; 256]);
    assert_eq!(tap.level(0), Some(Level::default()), "nobody asked before");
    writer.write(&[i16::MIN; 256]);
    assert_eq!(tap.level(0), Some(Level { rms: 1.0, peak: 1.0 }));
    assert_eq!(ending(&tap, 512, 2), [0, 0], "nothing was kept");
    tap.add_viewer();
    assert_eq!((tap.is_viewed(), ending(&tap, 512, 2)), (true, vec![0, 0]));
    tap.remove_viewer();
    writer.skip(128, Level { rms: 0.25, peak: 0.5 });
    assert_eq!((tap.is_viewed(), tap.view(0).unwrap().end), (false, 640));
    assert_eq!(tap.level(0), Some(Level { rms: 0.25, peak: 0.5 }));
}

#[test]
fn another_rate_is_another_sound() {
    let (tap, mut writer) = tap(8_000);
    writer.write(&[1; 128]);
    TapWriter::new(tap.clone(), 16_000).write(&[2; 128]);
    assert_eq!(tap.view(0), Some(View { end: 256, rate: 16_000, run: 1 }));
    assert_eq!(ending(&tap, 256, 130), [vec![0; 2], vec![2; 128]].concat());
}

#[test]
fn what_is_on_its_way_to_the_loudspeaker_is_not_seen_yet() {
    let (tap, mut writer) = tap(8_000);
    tap.set_lag_us(32 * MS);
    writer.write(&[1; 1_024]);
    assert_eq!(tap.view(0).unwrap().end, 768);
    // An absurd latency stays within what is kept.
    tap.set_lag_us(u64::MAX);
    writer.write(&vec![1; FRAMES]);
    let view = tap.view(0).unwrap();
    assert_eq!(ending(&tap, view.end, MAX_WINDOW), vec![1; MAX_WINDOW]);
}

#[test]
fn a_writer_that_writes_no_more_is_silent() {
    let (tap, mut writer) = tap(8_000);
    writer.write(&[i16::MIN; 800]);
    assert_eq!((tap.view(MS).unwrap().end, tap.level(MS).unwrap().peak), (768, 1.0));
    // Callbacks may be far between.
    assert_eq!((tap.view(200 * MS).unwrap().end, tap.level(200 * MS).unwrap().peak), (768, 1.0));
    let later = tap.view(401 * MS).unwrap();
    assert_eq!(later.end, (800 + 8 * 400) / 128 * 128);
    assert_eq!(ending(&tap, later.end, 2_048), [0; 2_048]);
    assert!((tap.level(301 * MS).unwrap().peak - (-1f32).exp()).abs() < 1e-6);
    // When it goes on, what was before the pause is not seen beside it.
    writer.write(&[3; 224]);
    let again = tap.view(402 * MS).unwrap();
    assert_eq!((again.end, ending(&tap, again.end, 225)), (1_024, [vec![0], vec![3; 224]].concat()));
}

/// Whoever looks seldom sees as much as whoever looks often, also behind a latency.
#[test]
fn that_nobody_looked_is_no_pause() {
    let (tap, mut writer) = tap(8_000);
    tap.set_lag_us(300 * MS);
    for tenth in 1..=30 {
        writer.write(&[7; 800]);
        if tenth % 3 == 0 && tenth > 9 {
            let view = tap.view(tenth * 100 * MS).unwrap();
            assert_eq!(ending(&tap, view.end, 4_000), [7; 4_000], "after {tenth}");
        }
    }
}

#[test]
fn a_pause_that_is_told_is_silence_at_once() {
    let (tap, mut writer) = tap(8_000);
    writer.write(&[i16::MIN; 1_024]);
    assert_eq!(tap.view(MS).unwrap().end, 1_024);
    writer.pause();
    assert_eq!(tap.view(101 * MS).unwrap().end, (1_024 + 800) / 128 * 128);
    writer.write(&[3; 128]);
    let again = tap.view(102 * MS).unwrap();
    assert_eq!((again.end, ending(&tap, again.end, 129)), (1_152, [vec![0], vec![3; 128]].concat()));
}

/// How loud it was before a pause, and in the call before, is not how loud it is.
#[test]
fn levels_begin_anew() {
    let (tap, mut writer) = tap(8_000);
    writer.write(&[i16::MIN; 800]);
    assert_eq!(tap.level(MS).unwrap().peak, 1.0);
    assert!(tap.level(5_000 * MS).unwrap().peak < 1e-6);
    writer.write(&[0; 80]);
    assert_eq!(tap.level(5_001 * MS), Some(Level::default()));
    writer.write(&[i16::MIN; 800]);
    tap.end_run();
    tap.begin_run();
    assert_eq!((tap.level(6_000 * MS), tap.view(6_000 * MS).unwrap().rate), (Some(Level::default()), 0));
    writer.write(&[0; 80]);
    assert_eq!(tap.level(6_001 * MS), Some(Level::default()));
}

#[test]
fn a_block_longer_than_the_ring_leaves_its_end() {
    let (tap, mut writer) = tap(192_000);
    let long: Vec<i16> = (0..FRAMES + 1_000).map(|n| (n % 30_000) as i16).collect();
    writer.write(&long);
    assert_eq!(ending(&tap, long.len() as u64, MAX_WINDOW), long[long.len() - MAX_WINDOW..]);
    let mut out = [0.0; 4];
    assert!(!tap.read(999, &mut out), "overwritten, and told so");
}

#[test]
fn a_reader_never_takes_torn_frames_for_whole_ones() {
    let (tap, mut writer) = tap(48_000);
    let over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (tap, over) = (tap.clone(), over.clone());
            std::thread::spawn(move || {
                let (mut out, mut whole) = (vec![0.0; 2_048], 0u64);
                while !over.load(Acquire) || whole == 0 {
                    // As old as a reader can ask for, where the writer is near.
                    let end = tap.written().saturating_sub(FRAMES as u64 - 8_192);
                    if end < 4_096 || !tap.read(end, &mut out) {
                        continue;
                    }
                    whole += 1;
                    let at = |n: usize| ((end - 2_048 + n as u64) % 30_000) as f32;
                    assert!((0..2_048).all(|n| out[n] * 32768.0 == at(n)), "frames before {end}");
                }
                whole
            })
        })
        .collect();
    let mut at = 0u64;
    let mut block = [0i16; 4_800];
    for _ in 0..4_000 {
        for frame in &mut block {
            (*frame, at) = ((at % 30_000) as i16, at + 1);
        }
        writer.write(&block);
    }
    over.store(true, Release);
    for thread in threads {
        assert!(thread.join().unwrap() > 0);
    }
}
