//! The policy, by hand.

use super::*;
use crate::event::{AudioLevel, AudioOut, Direction, Mode, ModeChange, Pcm, Raw, Transcript, TranscriptStage};

fn event(seq: u64, kind: EventKind) -> Arc<Event> {
    let (time_ms, epoch, turn, response, item, inferred) = (0, 1, None, None, None, false);
    Arc::new(Event { seq, time_ms, epoch, turn, response, item, inferred, labels: None, kind })
}

fn mode() -> EventKind {
    let agent = crate::event::Agent::Idle;
    EventKind::Mode(ModeChange { mode: Mode::Idle, user_speaking: false, agent })
}

fn delta(text: &str) -> EventKind {
    let (role, mode, stage) = (crate::message::Role::User, TranscriptMode::Delta, TranscriptStage::Recognized);
    EventKind::Transcript(Transcript {
        role,
        part: 0,
        mode,
        text: text.into(),
        stage,
        estimated: false,
        error_words: None,
    })
}

fn stream() -> (Arc<Queue>, EventStream) {
    let queue = Arc::new(Queue::for_stream());
    (queue.clone(), EventStream { queue })
}

#[test]
fn the_latest_level_replaces_the_waiting_one() {
    let (queue, mut events) = stream();
    let level = |rms| EventKind::AudioLevel(AudioLevel { direction: Direction::Input, rms, peak: rms });
    for (seq, rms) in [(1, 0.1), (2, 0.2), (3, 0.3)] {
        queue.push(&event(seq, level(rms)), Time(0));
    }
    queue.push(&event(4, mode()), Time(0));
    queue.push(&event(5, level(0.5)), Time(0));
    assert_eq!(events.try_next().unwrap().seq, 4, "order stays");
    assert_eq!(events.try_next().unwrap().seq, 5);
    assert!(events.try_next().is_none());
}

#[test]
fn audio_waits_for_three_hundred_seconds_and_no_longer() {
    let (queue, mut events) = stream();
    let second = || {
        let pcm = Pcm(Arc::new(vec![0; 24_000]));
        EventKind::Audio(AudioOut { part: 0, rate: 24_000, pcm })
    };
    for seq in 0..310 {
        assert!(queue.push(&event(seq, second()), Time(0)));
    }
    queue.push(&event(310, mode()), Time(0));
    let got: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    assert_eq!(got.iter().filter(|e| matches!(e.kind, EventKind::Audio(_))).count(), 300);
    assert!(matches!(&got[300].kind, EventKind::Lagged(l) if l.audio == 10));
}

#[test]
fn raw_goes_before_deltas_melt_and_state_is_never_dropped() {
    let (queue, mut events) = stream();
    let raw = || EventKind::Raw(Raw { direction: Direction::Output, json: "{}".into() });
    let mut seq = 0;
    let mut push = |kind| {
        seq += 1;
        assert!(queue.push(&event(seq, kind), Time(0)));
    };
    (0..10).for_each(|_| push(raw()));
    (0..1014).for_each(|i| push(delta(&format!("{i} "))));
    (0..20).for_each(|_| push(mode()));
    let got: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    assert_eq!(got.iter().filter(|e| matches!(e.kind, EventKind::Mode(_))).count(), 20);
    assert_eq!(got.iter().filter(|e| matches!(e.kind, EventKind::Raw(_))).count(), 0);
    let text: String = got
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Transcript(t) => Some(t.text.as_str()),
            _ => None,
        })
        .collect();
    let whole: String = (0..1014).map(|i| format!("{i} ")).collect();
    assert_eq!(text, whole, "melted, not lost");
}

#[test]
fn a_subscriber_that_never_reads_is_given_up_after_five_seconds() {
    let (queue, _events) = stream();
    for seq in 0..1024 {
        assert!(queue.push(&event(seq, mode()), Time(0)));
    }
    assert!(queue.push(&event(1024, mode()), Time::from_ms(1)));
    assert!(queue.push(&event(1025, mode()), Time::from_ms(5000)));
    assert!(!queue.push(&event(1026, mode()), Time::from_ms(5001)));
}

#[test]
fn what_was_lost_is_said_once_there_is_room() {
    let (queue, mut events) = stream();
    let raw = || EventKind::Raw(Raw { direction: Direction::Output, json: "{}".into() });
    (0..1024).for_each(|s| assert!(queue.push(&event(s, mode()), Time(0))));
    queue.push(&event(1024, raw()), Time(0));
    events.try_next().unwrap();
    queue.push(&event(1025, mode()), Time(0));
    let last = std::iter::from_fn(|| events.try_next()).collect::<Vec<_>>();
    let lagged = &last[last.len() - 2];
    assert!(matches!(&lagged.kind, EventKind::Lagged(l) if l.raw == 1), "{lagged:?}");
}
