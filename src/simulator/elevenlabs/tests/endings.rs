//! Silence, the queue, and the other ends of a conversation.

use super::bench::{Bench, LIFE, all, error_of, kinds, said};
use crate::simulator::{connection::Dialogue, tests::client::silence};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn scenario(agent: Value) -> Value {
    json!({"turns": [{"hear": "one", "reply": [{"say": "First."}]}], "idle": [{"say": "Still there?"}], "agent": agent})
}

#[test]
fn without_anything_from_the_user_it_ends_after_a_minute() {
    let mut bench = Bench::bare(scenario(json!({})));
    bench.begin(json!({}));
    bench.wait(SECOND * 59);
    // A pong is no input.
    bench.send(json!({"type": "pong", "event_id": 1}));
    let events = bench.until_closed();
    assert_eq!((bench.time(), error_of(&events).as_deref()), (SECOND * 60, Some("transport_receive_timeout")));
    assert_eq!(bench.closed().unwrap().0, 1002);
    for input in [json!({"user_audio_chunk": ""}), json!({"type": "user_activity"})] {
        let mut bench = Bench::bare(scenario(json!({})));
        bench.begin(json!({}));
        bench.wait(SECOND * 59);
        bench.send(input);
        bench.wait(SECOND * 59);
        assert_eq!(bench.closed(), None);
    }
}

#[test]
fn it_lasts_as_long_as_it_may() {
    for (agent, overrides, seconds) in [
        (json!({"max_duration_s": 30}), json!({}), 30),
        (json!({"max_duration_s": 30}), json!({"conversation": {"max_duration_seconds": 20}}), 20),
        (json!({"input_timeout_s": 86_400}), json!({}), LIFE.as_secs()),
    ] {
        let mut bench = Bench::begun(scenario(agent), overrides);
        let events = bench.until_closed();
        assert_eq!(bench.time().as_secs(), seconds);
        assert_eq!((error_of(&events).as_deref(), bench.closed().unwrap().0), (Some("max_duration_exceeded"), 1000));
        assert_eq!(events.last().unwrap()["error_event"]["code"], 1000);
    }
}

#[test]
fn silence_is_broken_by_the_agent_and_ended_by_it() {
    let agent = json!({"turn_timeout_s": 5, "silence_end_call_s": 12});
    let mut bench = Bench::begun(scenario(agent), json!({}));
    bench.type_text("one");
    assert_eq!(bench.words(), "First.");
    let over = bench.time();
    bench.speak(&silence(3000));
    let events = bench.until_closed();
    assert_eq!(said(&events), ["Still there?", "Still there?"]);
    assert_eq!((bench.time() - over, bench.closed().unwrap().0), (SECOND * 12, 1000));
    assert_eq!(error_of(&events), None, "nothing is wrong");
}

#[test]
fn who_waits_in_the_queue_hears_music_and_then_the_agent() {
    let mut queued = scenario(json!({"queue": {"wait_ms": 3000}}));
    queued["greeting"] = json!([{"say": "Hello."}]);
    let mut bench = Bench::begun(queued, json!({}));
    bench.ask();
    let events = bench.wait(SECOND * 2);
    assert_eq!(kinds(&events), ["queue_status", "audio"]);
    assert_eq!(events[0]["queue_status_event"]["status"], "waiting");
    let music = events[1]["audio_event"]["event_id"].as_u64().unwrap();
    let events = bench.reply();
    assert_eq!(kinds(&events)[..2], ["queue_status", "agent_response"]);
    assert_eq!(events[0]["queue_status_event"]["status"], "admitted");
    assert!(all(&events, "audio").iter().all(|event| event["audio_event"]["event_id"].as_u64().unwrap() > music));
    assert_eq!(said(&events), ["Hello."]);
    bench.ask();
    assert_eq!(bench.words(), "First.", "what was said in the queue nobody heard");
}

#[test]
fn the_queue_can_be_in_vain() {
    let agent = json!({"queue": {"wait_ms": 3000, "timed_out": true}});
    let mut bench = Bench::begun(scenario(agent), json!({}));
    let events = bench.until_closed();
    assert_eq!(kinds(&events), ["queue_status", "audio", "queue_status"]);
    assert_eq!(events[2]["queue_status_event"]["status"], "timed_out");
    assert_eq!((bench.time(), bench.closed().unwrap().0), (SECOND * 3, 4300));
}

#[test]
fn what_fails_ends_the_conversation_with_its_error() {
    let fail = |code: &str| json!({"fail": {"code": code, "message": "no"}});
    let turns = |code: &str| json!([{"hear": "a", "reply": [{"say": "So."}, fail(code)]}]);
    for (code, told, close) in [
        ("llm_timeout", "llm_timeout", 1002),
        ("value_error", "value_error", 1008),
        ("server_error", "llm_error", 1002),
    ] {
        let mut bench = Bench::of(turns(code));
        bench.type_text("a");
        let events = bench.until_closed();
        assert_eq!((said(&events), error_of(&events).as_deref()), (vec!["So."], Some(told)));
        assert_eq!(bench.closed().unwrap(), (close, "no".to_owned()));
    }
    let mut bench = Bench::of(json!([{"hear": "a", "transcript": fail("x"), "reply": []}]));
    bench.ask();
    assert_eq!(error_of(&bench.sent()).as_deref(), Some("asr_transcription_error"));
    assert_eq!(bench.closed().unwrap().0, 1002);
}

#[test]
fn frames_are_text() {
    let mut bench = Bench::of(json!([]));
    bench.peer.on_binary(&[1, 2], bench.now);
    assert_eq!(bench.closed().unwrap().0, 1008);
}
