//! Sessions that are resumed and sessions that end, and tokens.

use super::bench::{Bench, LATEST, LIFE, kinds, setup_of, typed};
use crate::simulator::gemini::memory::Memory;
use serde_json::{Value, json};
use std::time::Duration;

fn turns() -> Value {
    json!([{"hear": "one", "reply": [{"say": "First."}]}, {"hear": "two", "reply": [{"say": "Second."}]},
        {"hear": "three", "reply": [{"say": "Third."}]}])
}

fn handle(bench: &mut Bench) -> Value {
    let update = bench.until("sessionResumptionUpdate").pop().unwrap();
    assert_eq!(update["sessionResumptionUpdate"]["resumable"], true, "{update}");
    update["sessionResumptionUpdate"]["newHandle"].clone()
}

#[test]
fn a_conversation_goes_on_where_its_handle_was_given() {
    let mut bench = Bench::of(LATEST, json!({"sessionResumption": {}}), turns());
    let mut handles = Vec::new();
    for answer in ["First.", "Second."] {
        bench.send(typed("hello"));
        assert_eq!(bench.words(), answer);
        handles.push(handle(&mut bench));
    }
    assert_ne!(handles[0], handles[1]);
    for (handle, answer) in [(&handles[1], "Third."), (&handles[0], "Second.")] {
        bench.again();
        bench.set_up(LATEST, json!({"sessionResumption": {"handle": handle}}));
        bench.send(typed("hello"));
        assert_eq!(bench.words(), answer);
    }
    bench.again();
    bench.set_up(LATEST, json!({"sessionResumption": {"handle": ""}}));
    bench.send(typed("hello"));
    let events = bench.turn();
    assert_eq!(super::bench::said(&events), "First.", "no handle is a new conversation");
    let prompt = events.last().unwrap()["usageMetadata"]["promptTokenCount"].as_u64().unwrap();
    bench.again();
    bench.set_up(LATEST, json!({"sessionResumption": {"handle": handles[1]}}));
    bench.send(typed("hello"));
    let more = bench.turn().pop().unwrap()["usageMetadata"]["promptTokenCount"].as_u64().unwrap();
    assert!(more > prompt, "what was said before costs: {more}, {prompt}");
    bench.again();
    bench.send(json!({"setup": setup_of(LATEST, json!({"sessionResumption": {"handle": "nobody's"}}))}));
    assert_eq!(bench.closed().unwrap().0, 1007);
}

#[test]
fn who_does_not_ask_gets_no_handle() {
    let mut bench = Bench::of(LATEST, json!({}), turns());
    bench.send(typed("hello"));
    assert!(!kinds(&bench.turn()).contains(&"sessionResumptionUpdate"));
    assert!(bench.wait(Duration::from_secs(1)).is_empty());
}

/// The client learns which of its messages are part of a handle.
#[test]
fn a_transparent_session_counts() {
    let model = "publishers/google/models/gemini-3.8-live";
    let mut bench = Bench::of(model, json!({"sessionResumption": {"transparent": true}}), turns());
    bench.send(typed("hello"));
    bench.turn();
    let update = bench.until("sessionResumptionUpdate").pop().unwrap();
    assert_eq!(update["sessionResumptionUpdate"]["lastConsumedClientMessageIndex"], "2", "{update}");
}

#[test]
fn the_end_of_a_connection_is_told_a_minute_before() {
    let mut bench = Bench::of(LATEST, json!({}), turns());
    let warning = bench.until("goAway").pop().unwrap();
    assert_eq!(warning, json!({"goAway": {"timeLeft": "60s"}}));
    assert_eq!((LIFE - bench.time()).as_secs(), 60, "of {LIFE:?} {:?} have passed", bench.time());
    bench.wait(Duration::from_secs(59));
    assert_eq!(bench.closed(), None);
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.closed().unwrap().0, 1008);
}

fn token(memory: &Memory, request: Value) -> String {
    memory.mint(&request).unwrap()["name"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_is_used_up_by_sessions_that_begin() {
    let memory = Memory::default();
    let fresh = || json!({"model": "models/a"});
    let once = token(&memory, json!({}));
    assert!(once.starts_with("auth_tokens/") && memory.until(&once).is_some());
    assert_eq!(memory.admit(&once, fresh()), Ok(fresh()));
    assert_eq!(memory.admit(&once, fresh()).unwrap_err().code, 1008);
    let resumed = json!({"model": "models/a", "sessionResumption": {"handle": "x"}});
    assert!(memory.admit(&once, resumed).is_ok(), "no use of it");
    let often = token(&memory, json!({"uses": 0}));
    (0..5).for_each(|_| assert!(memory.admit(&often, fresh()).is_ok()));
    assert!(memory.until("auth_tokens/unknown").is_none());
    for wrong in [
        json!({"uses": -1}),
        json!({"expireTime": "2001-01-01T00:00:00Z"}),
        json!({"expireTime": "2999-01-01T00:00:00Z"}),
        json!({"newSessionExpireTime": "soon"}),
        json!({"setup": {}}),
        json!({"bidiGenerateContentSetup": {"setup": {}}}),
    ] {
        assert!(memory.mint(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_token_locks_what_it_was_minted_with() {
    let memory = Memory::default();
    let setup = json!({"model": "models/a", "generation_config": {"temperature": 0.5, "topK": 3}});
    let asked = json!({"model": "models/b", "generationConfig": {"temperature": 1.0, "topP": 0.5}, "labels": {}});
    let lock = |mask: Option<&str>| {
        let mut request = json!({"bidiGenerateContentSetup": setup});
        if let Some(mask) = mask {
            request["fieldMask"] = json!(mask);
        }
        memory.admit(&token(&memory, request), asked.clone()).unwrap()
    };
    assert_eq!(lock(None), json!({"model": "models/a", "generationConfig": {"temperature": 0.5, "topK": 3}}));
    let masked = json!({"model": "models/a", "generationConfig": {"temperature": 0.5}, "labels": {}});
    assert_eq!(lock(Some("model,generationConfig.temperature,generation_config.top_p")), masked);
    // A handle goes through a lock that allows resumption.
    let request = json!({"bidiGenerateContentSetup": {"sessionResumption": {}}});
    let resumed = json!({"model": "models/b", "sessionResumption": {"handle": "x"}});
    assert_eq!(memory.admit(&token(&memory, request), resumed.clone()), Ok(resumed));
}
