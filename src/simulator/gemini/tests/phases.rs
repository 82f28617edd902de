//! When a model takes turns that are put into the conversation, and what it makes of a history.

use super::bench::{Bench, LATEST, LEGACY, OLDER, THINKER, WRITER, kinds, typed, user};
use crate::simulator::{listening, tests::client::clip};
use serde_json::{Value, json};
use std::time::Duration;

fn turns() -> Value {
    json!([{"hear": "one", "reply": [{"say": "First."}]}, {"hear": "two", "reply": [{"say": "Second."}]}])
}

fn seeded() -> Value {
    json!({"historyConfig": {"initialHistoryInClientContent": true}})
}

#[test]
fn turns_are_taken_when_the_model_takes_them() {
    for model in [LATEST, THINKER, OLDER] {
        let mut bench = Bench::of(model, json!({}), turns());
        bench.send(typed("hello"));
        assert_eq!(bench.words(), "First.", "{model}");
        bench.send(typed("hello again"));
        assert_eq!(bench.words(), "Second.", "{model}");
    }
    let mut bench = Bench::of(LEGACY, json!({}), turns());
    bench.send(typed("hello"));
    assert_eq!(bench.closed().unwrap().0, 1007, "without a word in the setup not even once");
    let mut bench = Bench::of(LEGACY, seeded(), turns());
    bench.realtime("text", json!("hello"));
    bench.turn();
    bench.send(typed("hello"));
    assert_eq!(bench.closed().unwrap().0, 1007, "not in the middle");
    // Nobody is spoken over.
    for (model, fine) in [(OLDER, false), (LATEST, true)] {
        let mut bench = Bench::of(model, json!({}), turns());
        bench.speak(&clip("question1")[..24_000]);
        bench.send(typed("hello"));
        assert_eq!(bench.closed().is_none(), fine, "{model}");
    }
}

#[test]
fn a_history_is_not_answered() {
    for model in [LATEST, LEGACY] {
        let mut bench = Bench::of(model, seeded(), turns());
        bench.send(json!({"clientContent": {"turns": [user("one")]}}));
        let answer = json!({"role": "model", "parts": [{"text": "First."}]});
        bench.send(json!({"clientContent": {"turns": [answer, user("two")], "turnComplete": true}}));
        assert!(bench.wait(Duration::from_secs(5)).is_empty(), "{model}");
        // A blank is enough to have its last turn answered.
        bench.realtime("text", json!(" "));
        assert_eq!(bench.words(), "Second.", "{model}");
    }
}

#[test]
fn not_every_model_remembers_everything() {
    let called = json!([{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"snake_case": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": 1}}}]}]);
    let sound = |rate: u32| {
        let data = listening::encode(&clip("question1")[..2400]);
        json!([{"role": "user", "parts": [{"inlineData": {"mimeType": format!("audio/pcm;rate={rate}"), "data": data}}]}])
    };
    for (model, turns, closed) in [
        (LATEST, called.clone(), None),
        (OLDER, called, Some(1007)),
        (LATEST, sound(16_000), None),
        (LATEST, sound(24_000), Some(1008)),
        (OLDER, sound(16_000), Some(1007)),
    ] {
        let mut bench = Bench::of(model, json!({}), json!([]));
        bench.send(json!({"clientContent": {"turns": turns}}));
        assert_eq!(bench.closed().map(|(code, _)| code), closed, "{model} {turns}");
    }
}

#[test]
fn roles_depend_on_the_model_and_its_host() {
    let nameless = json!({"clientContent": {"turns": [{"parts": [{"text": "hello"}]}], "turnComplete": true}});
    let mut bench = Bench::of(OLDER, json!({}), turns());
    bench.send(nameless);
    assert_eq!(bench.words(), "First.");
    let mut bench = Bench::of(WRITER, json!({}), turns());
    bench.send(json!({"clientContent": {"turns": [{"role": "system", "parts": [{"text": "Be brief."}]}]}}));
    assert_eq!(bench.closed(), None, "on this host these are new instructions");
    bench.send(typed("hello"));
    assert_eq!(bench.words(), "First.", "and no turn of the user");
}

/// It is taken, and what is said first is not.
#[test]
fn the_latest_model_has_its_own_mood() {
    let setup = json!({"generationConfig": {"enableAffectiveDialog": true}});
    let mut bench = Bench::of(LATEST, setup, turns());
    assert_eq!(kinds(&bench.wait(Duration::from_secs(5))), [""; 0]);
    bench.realtime("text", json!("hello"));
    assert_eq!(bench.closed().unwrap().0, 1007);
}
