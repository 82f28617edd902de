//! What runs in an audio callback allocates nothing and frees nothing.

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config, Credential,
    audio::{
        analyser::Analyser,
        capture::capture_ring,
        clocked::ClockedPlayout,
        meter::Meter,
        playout::{playout, playout_with_tap},
        spectrum::AnalyserOptions,
        tap::Tap,
    },
    client, clock_us,
    config::{AudioDelivery, Positions},
    event::{Direction, EventKind},
    transport::scripted::{Peer, ScriptedDialer},
};
use serde_json::{Value, json};
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

/// What both callbacks leave behind for those who look, and the looking itself.
#[test]
fn taps_and_analysers() {
    let taps = [Arc::new(Tap::default()), Arc::new(Tap::default())];
    let (mut speaker, mut reader) = playout_with_tap(24_000, 48_000, Arc::default(), taps[1].clone()).unwrap();
    let (writer, mut microphone) = capture_ring(48_000, Arc::default());
    let mut taken = Vec::new();
    let mut writer = writer.with_tap(taps[0].clone());
    let (mut block, mut total, mut seen) = ([0i16; 480], 0, 0);
    let (mut bytes, mut floats) = ([0u8; 2_048], [0f32; 2_048]);
    let mut analysers = Vec::new();
    for tick in 0..3_000u64 {
        match tick {
            // With nobody who looks, then with one of each direction.
            1_000 => analysers.extend(taps.each_ref().map(|tap| {
                tap.begin_run();
                Analyser::new(tap.clone(), AnalyserOptions::default()).unwrap()
            })),
            n if n % 100 == 0 => _ = speaker.push(&[9_000; 12_000]),
            n if n % 100 == 60 => speaker.flush(),
            _ => {}
        }
        speaker.pump();
        total += calls(|| {
            reader.render(&mut block);
            writer.write(&[9_000; 480]);
            taps[0].set_open(tick % 7 > 0);
            taps[1].set_lag_us(tick);
        });
        for analyser in &analysers {
            total += calls(|| {
                seen += analyser.byte_frequency(tick, &mut bytes).unwrap();
                analyser.float_frequency(tick, &mut floats).unwrap();
                analyser.byte_time_domain(tick, &mut bytes).unwrap();
                analyser.float_time_domain(tick, &mut floats).unwrap();
                analyser.voice_bands(tick, &mut bytes[..24]).unwrap();
                analyser.sample_rate(tick).unwrap();
            });
        }
        for tap in &taps {
            total += calls(|| _ = tap.level(tick));
        }
        while speaker.report().is_some() {}
        taken.clear();
        microphone.read(usize::MAX, &mut taken);
    }
    assert_eq!(total, 0);
    assert_eq!(seen, 2 * 2_000 * 1_024, "the run exercised the analysers");
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

/// What a host's audio threads call, on a client that talks and runs on threads of its own.
#[test]
fn what_a_host_calls_from_its_audio_threads() {
    const ITEM: &str = "item_1";
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (dialer, mut peers) = ScriptedDialer::new();
    let mut config = Config::default();
    (config.audio.output.delivery, config.audio.output.positions) = (AudioDelivery::Pull, Positions::Reported);
    let client = Client::builder()
        .config(config)
        .credential(Credential::new(canary::KEY).unwrap())
        .dialer(Arc::new(dialer))
        .runtime(runtime.handle().clone())
        .build()
        .unwrap();
    let mut events = client.events();
    let send = |peer: &Peer, kind: &str, body: Value| {
        let mut event = json!({"type": kind, "event_id": format!("{kind}{}", body.to_string().len())});
        event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        peer.send(event.to_string());
    };
    let peer = runtime.block_on(async {
        let connecting = client.connect();
        let mut peer = peers.recv().await.unwrap();
        send(&peer, "session.created", json!({"session": {}}));
        peer.next().await;
        send(&peer, "session.updated", json!({"session": {}}));
        connecting.await.unwrap();
        peer
    });
    let seconds = 30;
    let at = json!({"response_id": "R1", "item_id": ITEM, "output_index": 0, "content_index": 0});
    let mut delta = at.clone();
    delta["delta"] = base64_simd::STANDARD.encode_to_string(vec![1u8; 48_000 * seconds]).into();
    send(&peer, "response.created", json!({"response": {"id": "R1", "status": "in_progress"}}));
    send(&peer, "response.output_audio.delta", delta);
    send(&peer, "response.output_audio.done", at);
    let (mut block, sound) = ([0i16; 240], [5i16; 240]);
    let analysers = [Direction::Input, Direction::Output]
        .map(|direction| client.analyser(direction, client::AnalyserOptions::default()).unwrap());
    let mut bytes = [0; 1_024];
    let (mut total, mut pulled, mut pushed, mut reports) = (0, 0, 0, 0u64);
    let frames = 24_000 * seconds;
    while pulled < frames {
        let mut real = 0;
        total += calls(|| real = client.pull_audio(&mut block, Some(clock_us() + 10_000)).unwrap());
        pulled += real;
        total += calls(|| {
            client.levels().unwrap();
            analysers.iter().for_each(|analyser| _ = analyser.byte_frequency_data(&mut bytes).unwrap());
        });
        total += calls(|| pushed += client.push_audio_at(&sound, Some(clock_us() - 15_000)).unwrap());
        if real > 0 {
            // A thread that finds the ring full is told so, and that has a text.
            total += calls(|| client.report_playback(ITEM, 0, pulled as u64 / 24, 10).unwrap());
            reports += 1;
        }
        std::thread::yield_now();
    }
    total += calls(|| client.report_playback(ITEM, 0, pulled as u64 / 24, 0).unwrap());
    assert_eq!(total, 0);
    assert!(pushed > 24_000 && reports >= frames as u64 / 240, "the run exercised them");
    runtime.block_on(async {
        while let Some(event) = events.next().await {
            if let EventKind::PlaybackFinished(end) = &event.kind {
                assert_eq!((end.heard_ms, end.complete), (1000 * seconds as u64, true));
                break;
            }
        }
        client.shutdown().await;
    });
}
