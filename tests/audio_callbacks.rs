//! What runs in an audio callback allocates nothing and frees nothing.

use duologue::audio::{capture::capture_ring, clocked::ClockedPlayout, meter::Meter, playout::playout};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    sync::Arc,
};

/// Counts the calls of the thread that asked for it; other test threads do not disturb.
struct Counting;

thread_local! {
    static CALLS: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count() {
    // The thread may be past its end: then nobody is counting.
    let _ = CALLS.try_with(|calls| calls.set(calls.get().map(|n| n + 1)));
}

// SAFETY: passes every call on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count();
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocator calls made by `f` on this thread.
fn calls(f: impl FnOnce()) -> u64 {
    CALLS.set(Some(0));
    f();
    CALLS.take().unwrap_or_default()
}

#[test]
fn the_counter_counts() {
    assert_eq!(calls(|| drop(black_box(Vec::<u8>::with_capacity(black_box(100))))), 2);
}

#[test]
fn ten_minutes_of_speaker_callbacks() {
    let (mut speaker, mut reader) = playout(24_000, 48_000, Arc::default()).unwrap();
    let mut block = [0i16; 480];
    let (mut total, mut real) = (0, 0);
    for tick in 0..60_000u32 {
        // Bursts, item ends, dry spells, interruptions and a lost device.
        match tick % 1_000 {
            0 | 400 | 500 => _ = speaker.push(&[9_000; 30_000]),
            130 | 510 => speaker.item_end(),
            600 => speaker.flush(),
            700 if tick % 10_000 == 700 => {
                let mut next = speaker.set_output_rate(48_000).unwrap();
                std::mem::swap(&mut reader, &mut next);
                total += calls(|| _ = next.render(&mut block));
            }
            _ => {}
        }
        speaker.pump();
        total += calls(|| real += reader.render(&mut block));
        while speaker.report().is_some() {}
    }
    assert_eq!(total, 0);
    assert!(real > 1_000_000 && speaker.underruns() > 0, "the run exercised the callback");
}

#[test]
fn ten_minutes_of_microphone_callbacks() {
    let (mut writer, mut reader) = capture_ring(48_000, Arc::default());
    let mut out = Vec::new();
    let (mut total, mut lost) = (0, 0);
    for tick in 0..60_000 {
        total += calls(|| lost += usize::from(writer.write(&[1; 480]) == 0));
        if tick % 100 < 30 {
            out.clear();
            reader.read(usize::MAX, &mut out);
        }
    }
    assert_eq!(total, 0);
    assert!(lost > 0 && lost as u64 == reader.overruns());
}

#[test]
fn meters_and_clocked_playout() {
    let (mut meter, mut speaker) = (Meter::new(24_000), ClockedPlayout::new(24_000));
    let total = calls(|| {
        for n in 0..10_000 {
            meter.push(&[500; 333]);
            speaker.push(n * 5_000, 240);
            while speaker.report(n * 5_000).is_some() {}
        }
        speaker.flush(0);
    });
    assert_eq!(total, 0);
}
