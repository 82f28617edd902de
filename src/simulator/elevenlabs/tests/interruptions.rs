//! The user interrupts: what is told then, and what counts as heard.

use super::bench::{Bench, all, kinds, number, said};
use crate::simulator::tests::client::{clip, silence};
use serde_json::{Value, json};
use std::time::Duration;

/// Ten words of six letters with their spaces: 60 ms a letter, so 420 ms a word.
const STORY: &str = "abcdef abcdef abcdef abcdef abcdef abcdef abcdef abcdef abcdef abcdef.";

fn bench(speed: f64) -> Bench {
    let turns = json!([{"hear": "one", "reply": [{"say": STORY}]}, {"hear": "two", "reply": [{"say": "Second."}]}]);
    let delivery = json!({"speed": speed, "first_audio_delay_ms": 0, "transcript_delay_ms": 20});
    Bench::begun(json!({"turns": turns, "delivery": delivery}), json!({}))
}

/// Speech that begins at once, as far as the clock of the bench goes, and is over then.
fn cut_in(bench: &mut Bench) {
    bench.speak(&clip("question2"));
    bench.speak(&silence(1000));
}

#[test]
fn a_reply_that_is_still_written_is_told_as_far_as_it_was_heard() {
    // In real time the text is complete at two thirds of the sound.
    let mut bench = bench(1.0);
    bench.type_text("one");
    let before = bench.wait(Duration::from_millis(1700));
    assert!(said(&before).is_empty() && kinds(&before) == ["audio"], "{:?}", kinds(&before));
    cut_in(&mut bench);
    let events = bench.sent();
    assert_eq!(kinds(&events), ["interruption", "agent_response"]);
    assert_eq!(said(&events), ["abcdef abcdef abcdef abcdef"]);
    let cut = number(&before[0]);
    assert!(events.iter().all(|event| number(event) == cut));
    let events = bench.reply();
    assert_eq!(kinds(&events)[..2], ["user_transcript", "agent_response"]);
    assert!(events.iter().all(|event| number(event) > cut), "what comes later has greater numbers");
    assert_eq!(said(&events), ["Second."]);
}

#[test]
fn a_reply_that_was_told_is_corrected() {
    let mut bench = bench(100.0);
    bench.type_text("one");
    // Everything is sent within a few ms.
    let before = bench.wait(Duration::from_millis(900));
    assert_eq!(kinds(&before).last(), Some(&"context_usage"), "{:?}", kinds(&before));
    cut_in(&mut bench);
    let events = bench.sent();
    assert_eq!(kinds(&events), ["interruption", "agent_response_correction"]);
    let correction = &events[1]["agent_response_correction_event"];
    assert_eq!(correction["original_agent_response"], STORY);
    assert_eq!(correction["corrected_agent_response"], "abcdef abcdef...");
    let told = &all(&before, "agent_response")[0]["agent_response_event"];
    assert_eq!((&correction["response_id"], &correction["event_id"]), (&told["response_id"], &told["event_id"]));
    let rest = bench.wait(Duration::from_secs(10));
    assert!(all(&rest, "agent_response_complete").len() == 1, "of the interrupted reply no end is told");
    assert_eq!(said(&rest), ["Second."]);
}

#[test]
fn the_way_to_the_client_counts() {
    let mut bench = {
        let turns = json!([{"hear": "one", "reply": [{"say": STORY}]}]);
        let delivery = json!({"speed": 100.0, "first_audio_delay_ms": 0});
        let events = json!({"conversation": {"client_events":
            ["ping", "agent_response_correction", "conversation_initiation_metadata"]}});
        Bench::begun(json!({"turns": turns, "delivery": delivery, "agent": {"ping_interval_ms": 100}}), events)
    };
    let ping = bench.until("ping").pop().unwrap();
    assert_eq!(ping["ping_event"], json!({"event_id": 1, "ping_ms": null}));
    bench.wait(Duration::from_millis(99));
    bench.send(json!({"type": "pong", "event_id": 1}));
    let ping = bench.until("ping").pop().unwrap();
    assert_eq!(ping["ping_event"]["ping_ms"], 99);
    bench.send(json!({"type": "pong", "event_id": 77}));
    bench.type_text("one");
    // Two words would just have been heard without the 49 ms.
    bench.wait(Duration::from_millis(810));
    cut_in(&mut bench);
    let events = bench.sent();
    let heard = |events: &[Value]| {
        all(events, "agent_response_correction")[0]["agent_response_correction_event"]["corrected_agent_response"]
            .clone()
    };
    assert_eq!(heard(&events), "abcdef...");
}

#[test]
fn what_was_never_heard_becomes_nothing() {
    let turns = json!([{"hear": "one", "reply": [{"say": STORY}, {"say": "And more."}]}]);
    let delivery = json!({"speed": 100.0, "first_audio_delay_ms": 0});
    let mut bench = Bench::begun(json!({"turns": turns, "delivery": delivery}), json!({}));
    bench.type_text("one");
    bench.wait(Duration::from_millis(2000));
    bench.type_text("stop");
    let events = bench.sent();
    let corrected: Vec<&Value> = all(&events, "agent_response_correction")
        .into_iter()
        .map(|event| &event["agent_response_correction_event"]["corrected_agent_response"])
        .collect();
    assert_eq!(corrected, [&json!("abcdef abcdef abcdef abcdef..."), &json!("")]);
}

#[test]
fn who_has_heard_everything_interrupts_nobody() {
    let mut bench = bench(100.0);
    bench.type_text("one");
    bench.reply();
    cut_in(&mut bench);
    assert!(bench.sent().is_empty());
    assert_eq!(bench.words(), "Second.");
}

#[test]
fn a_reply_that_has_not_begun_is_just_not_given() {
    let turns = json!([{"hear": "one", "create_delay_ms": 500, "reply": [{"say": "First."}]},
        {"hear": "two", "reply": [{"say": "Second."}]}]);
    let mut bench = Bench::of(turns);
    bench.type_text("one");
    bench.wait(Duration::from_millis(100));
    cut_in(&mut bench);
    assert!(bench.sent().is_empty());
    let events = bench.reply();
    assert_eq!(said(&events), ["Second."]);
    assert!(bench.wait(Duration::from_secs(5)).is_empty(), "one answer for both");
}
