//! Turns: spoken, typed, by hand, interrupted, with pictures.

use super::bench::{Bench, LATEST, LEGACY, OLDER, WRITER, kinds, said, transcript, typed, user};
use crate::simulator::{
    gemini::peer::Access,
    tests::client::{clip, fast, image, silence},
};
use serde_json::{Value, json};
use std::time::Duration;

fn two() -> Value {
    json!([{"hear": "one two three four five", "reply": [{"say": "First."}]},
        {"hear": "six", "reply": [{"say": "Second."}]}])
}

/// A first answer that takes a while.
fn long() -> Value {
    json!([{"hear": "one", "reply": [{"say": "A long story of many words begins at this place."}]},
        {"hear": "two", "reply": [{"say": "Second."}]}])
}

fn pieces(events: &[Value], field: &str) -> usize {
    events.iter().filter(|event| event["serverContent"].get(field).is_some()).count()
}

#[test]
fn a_spoken_turn_from_beginning_to_end() {
    let mut bench = Bench::of(LATEST, json!({"sessionResumption": {}}), two());
    bench.speak(&silence(500));
    assert!(bench.sent().is_empty(), "silence is no turn");
    bench.ask();
    let heard = bench.sent();
    assert_eq!(kinds(&heard), ["voiceActivity"]);
    let [start, end] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(start["voiceActivity"]["type"], "ACTIVITY_START");
    assert_eq!(end["voiceActivity"]["type"], "ACTIVITY_END");
    let offset = |event: &Value| -> f64 {
        event["voiceActivity"]["audioOffset"].as_str().unwrap().trim_end_matches('s').parse().unwrap()
    };
    assert!(offset(start) >= 0.5 && offset(end) > offset(start) + 1.0, "{heard:?}");

    let ended = bench.time();
    let mut events = bench.until("serverContent.generationComplete");
    events.extend(bench.until("sessionResumptionUpdate"));
    assert_eq!(transcript(&events, "inputTranscription"), "one two three four five");
    assert_eq!(pieces(&events, "inputTranscription"), 2);
    assert_eq!(said(&events), "First.");
    let mut order = kinds(&events);
    order.retain(|kind| *kind != "serverContent.inputTranscription");
    order.dedup();
    assert_eq!(
        order,
        [
            "sessionResumptionUpdate",
            "serverContent.outputTranscription",
            "serverContent.modelTurn",
            "serverContent.generationComplete",
            "serverContent.turnComplete",
            "sessionResumptionUpdate"
        ]
    );
    assert_eq!(events[0]["sessionResumptionUpdate"], json!({"resumable": false}));
    assert_eq!(events.last().unwrap()["sessionResumptionUpdate"]["resumable"], true);

    // Six characters of 60 ms, and the first of them after 5: the turn is over when that has been played.
    let samples: usize = events
        .iter()
        .filter_map(|event| event.pointer("/serverContent/modelTurn/parts/0/inlineData/data")?.as_str())
        .map(|data| data.len() / 4 * 3 / 2)
        .sum();
    assert!((8_640..8_650).contains(&samples), "{samples}");
    assert_eq!(bench.time() - ended, Duration::from_millis(5 + 360));
    let over = &events[events.len() - 2];
    assert_eq!(over["serverContent"]["interactionStatus"], "IDLE");
    let usage = &over["usageMetadata"];
    assert_eq!(usage["responseTokensDetails"][1], json!({"modality": "AUDIO", "tokenCount": 9}));
    let sum = usage["promptTokenCount"].as_u64().unwrap() + usage["responseTokenCount"].as_u64().unwrap();
    assert_eq!(usage["totalTokenCount"], sum);
}

#[test]
fn audio_is_heard_at_the_rate_of_its_label() {
    let speech = clip("question1");
    for rate in [8_000, 16_000, 48_000] {
        let mut bench = Bench::of(LATEST, json!({}), two());
        // Near enough: the nearest sample of 24 kHz.
        let samples: Vec<i16> = (0..speech.len() * rate / 24_000).map(|i| speech[i * 24_000 / rate]).collect();
        bench.speak_at(&samples, rate);
        bench.speak_at(&vec![0; rate], rate);
        assert_eq!(bench.words(), "First.", "{rate} Hz");
    }
    // The clock follows the label, too.
    let mut bench = Bench::of(LATEST, json!({}), two());
    bench.speak_at(&vec![0; 24_000], 48_000);
    bench.speak(&speech);
    bench.speak(&silence(1000));
    let offset = bench.sent()[0]["voiceActivity"]["audioOffset"].clone();
    let offset: f64 = offset.as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!((0.5..1.0).contains(&offset), "half a second of silence: {offset}");
}

#[test]
fn the_second_generation_tells_less() {
    let mut bench = Bench::of(OLDER, json!({}), two());
    bench.ask();
    let events = bench.turn();
    assert!(!kinds(&events).contains(&"voiceActivity"), "{:?}", kinds(&events));
    assert_eq!((transcript(&events, "inputTranscription"), said(&events)), (String::new(), "First.".to_owned()));
    assert_eq!(events.last().unwrap()["serverContent"], json!({"turnComplete": true}));
    let mut bench = Bench::of(OLDER, json!({"inputAudioTranscription": {}}), two());
    bench.ask();
    assert_eq!(transcript(&bench.turn(), "inputTranscription"), "one two three four five");
}

#[test]
fn who_speaks_interrupts() {
    let mut bench = Bench::of(LATEST, json!({}), long());
    bench.ask();
    bench.until("serverContent.modelTurn");
    bench.speak(&clip("question2"));
    let events = bench.sent();
    assert_eq!(kinds(&events)[..3], ["voiceActivity", "serverContent.interrupted", "serverContent.turnComplete"]);
    bench.speak(&silence(1000));
    let rest = bench.turn();
    assert_eq!(said(&rest), "Second.");
    assert_eq!(pieces(&rest, "generationComplete"), 1, "only of the second answer");
}

/// All was sent, but by its own reckoning nobody can have heard it.
#[test]
fn what_is_still_being_played_can_be_interrupted() {
    let mut bench = Bench::of(LATEST, json!({}), long());
    bench.ask();
    bench.until("serverContent.generationComplete");
    bench.speak(&clip("question2"));
    let events = bench.sent();
    assert!(kinds(&events).contains(&"serverContent.interrupted"), "{:?}", kinds(&events));
    let mut bench = Bench::of(LATEST, json!({}), long());
    bench.ask();
    bench.turn();
    bench.speak(&clip("question2"));
    assert_eq!(kinds(&bench.sent()), ["voiceActivity"], "the turn is over");
}

#[test]
fn an_answer_that_has_not_begun_is_interrupted_too() {
    let turns = json!([{"hear": "one", "create_delay_ms": 60_000, "reply": [{"say": "Never said."}]},
        {"hear": "two", "reply": [{"say": "Second."}]}]);
    let mut bench = Bench::of(LATEST, json!({}), turns);
    bench.ask();
    bench.sent();
    bench.ask();
    let events = bench.turn();
    assert_eq!((kinds(&events)[1], said(&events)), ("serverContent.interrupted", String::new()));
    assert_eq!(bench.words(), "Second.");
}

#[test]
fn nobody_is_interrupted_where_the_setup_says_so() {
    let quiet = json!({"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}});
    let mut bench = Bench::of(LATEST, quiet, long());
    bench.ask();
    bench.until("serverContent.modelTurn");
    bench.ask();
    let first = bench.turn();
    assert!(!kinds(&first).contains(&"serverContent.interrupted"));
    assert!(said(&first).ends_with("at this place."), "{}", said(&first));
    assert_eq!(bench.words(), "Second.", "what was said meanwhile is answered after it");
}

#[test]
fn turns_by_hand() {
    let by_hand = json!({"realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}}});
    let mut bench = Bench::of(LATEST, by_hand.clone(), long());
    bench.ask();
    assert!(bench.wait(Duration::from_secs(5)).is_empty(), "what comes before the start is thrown away");
    bench.realtime("activityStart", json!({}));
    // No voice is looked for.
    bench.speak(&silence(300));
    bench.realtime("activityEnd", json!({}));
    assert!(said(&bench.until("serverContent.generationComplete")).starts_with("A long story"));
    bench.realtime("activityStart", json!({}));
    assert_eq!(kinds(&bench.sent()), ["serverContent.interrupted", "serverContent.turnComplete"]);
    bench.speak(&silence(300));
    bench.realtime("activityEnd", json!({}));
    assert_eq!(bench.words(), "Second.");

    bench.realtime("activityStart", json!({}));
    bench.realtime("activityEnd", json!({}));
    assert_eq!(bench.closed().unwrap().0, 1007, "an end of nothing");
    let mut bench = Bench::of(LATEST, by_hand.clone(), two());
    bench.realtime("activityEnd", json!({}));
    assert_eq!(bench.closed().unwrap().0, 1007, "an end without a beginning");
    let mut bench = Bench::of(LATEST, by_hand, two());
    bench.realtime("audioStreamEnd", json!(true));
    assert!(bench.closed().unwrap().1.contains("audio_stream_end"));
    let mut bench = Bench::of(LATEST, json!({}), two());
    bench.realtime("activityStart", json!({}));
    assert!(bench.closed().unwrap().1.contains("Explicit activity control"));
}

#[test]
fn a_microphone_that_is_switched_off_ends_the_turn() {
    let mut bench = Bench::of(LATEST, json!({}), two());
    bench.speak(&clip("question1")[..24_000]);
    assert!(!bench.wait(Duration::from_secs(5)).iter().any(|event| event.get("serverContent").is_some()));
    bench.realtime("audioStreamEnd", json!(true));
    assert_eq!(bench.words(), "First.");
    bench.realtime("audioStreamEnd", json!(true));
    assert!(bench.wait(Duration::from_secs(5)).is_empty(), "nobody spoke");
    bench.ask();
    assert_eq!(bench.words(), "Second.", "the stream is open again");
}

/// The client decides how much silence is an end, and how much speech a beginning.
#[test]
fn detection_has_settings() {
    let with = |detection: Value| {
        let setup = json!({"realtimeInputConfig": {"automaticActivityDetection": detection}});
        let mut bench = Bench::of(LATEST, setup, two());
        bench.speak(&clip("question1"));
        bench.speak(&silence(700));
        bench.sent().len()
    };
    assert_eq!(with(json!({"silenceDurationMs": 300})), 2);
    assert_eq!(with(json!({"silenceDurationMs": 3000})), 1, "it may go on");
    assert_eq!(with(json!({"endOfSpeechSensitivity": "END_SENSITIVITY_LOW"})), 1);
    assert_eq!(with(json!({"prefixPaddingMs": 5000})), 0, "nobody speaks five seconds without a pause");
}

#[test]
fn text_interrupts_from_the_third_generation_on() {
    let mut bench = Bench::of(LATEST, json!({}), long());
    bench.realtime("text", json!("hello"));
    bench.until("serverContent.modelTurn");
    bench.realtime("text", json!("stop"));
    assert_eq!(kinds(&bench.sent()), ["serverContent.interrupted", "serverContent.turnComplete"]);
    assert_eq!(bench.words(), "Second.");
    let mut bench = Bench::of(OLDER, json!({}), long());
    bench.realtime("text", json!("hello"));
    bench.until("serverContent.modelTurn");
    bench.realtime("text", json!("stop"));
    assert!(bench.words().ends_with("at this place."));
    assert_eq!(bench.words(), "Second.");
    // A turn that is put into the conversation interrupts always.
    let mut bench = Bench::of(OLDER, json!({}), long());
    bench.send(typed("hello"));
    bench.until("serverContent.modelTurn");
    bench.send(typed("stop"));
    assert_eq!(kinds(&bench.sent()), ["serverContent.interrupted", "serverContent.turnComplete"]);
}

#[test]
fn turns_without_an_end_are_context() {
    let mut bench = Bench::of(LATEST, json!({}), two());
    bench.send(json!({"clientContent": {"turns": [user("one")]}}));
    assert!(bench.wait(Duration::from_secs(5)).is_empty());
    bench.send(json!({"clientContent": {"turnComplete": true}}));
    assert_eq!(bench.words(), "First.", "now it is answered");
}

#[test]
fn a_frame_is_seen_by_the_spoken_turn_and_not_by_a_typed_one() {
    let turns = json!([{"hear": "what is this", "see": true, "reply": [{"say": "I see {image}."}]},
        {"hear": "hm", "match": ["hm"], "reply": [{"say": "Yes?"}]}, {"hear": "ho", "reply": [{"say": "Nothing."}]}]);
    let uri = image("jpeg", 12, 34);
    let blob = json!({"mimeType": "image/jpeg", "data": uri.rsplit(',').next().unwrap()});
    let mut bench = Bench::of(LATEST, json!({}), turns.clone());
    bench.realtime("video", blob.clone());
    bench.realtime("text", json!("hm"));
    assert_eq!(bench.words(), "Yes?");
    bench.ask();
    assert_eq!(bench.words(), "I see a JPEG image of 12 by 34 pixels.");
    let mut bench = Bench::of(LATEST, json!({}), turns.clone());
    let content = json!([{"role": "user", "parts": [{"inlineData": blob}, {"text": "hm"}]}]);
    bench.send(json!({"clientContent": {"turns": content, "turnComplete": true}}));
    assert_eq!(bench.words(), "I see a JPEG image of 12 by 34 pixels.");
    // The old way is only for the old.
    for (model, answer) in [(LATEST, "I see no image."), (LEGACY, "I see a JPEG image of 12 by 34 pixels.")] {
        let mut bench = Bench::of(model, json!({}), turns.clone());
        bench.realtime("mediaChunks", json!([blob]));
        bench.ask();
        assert_eq!(bench.words(), answer);
    }
}

#[test]
fn a_model_that_writes_writes() {
    let setup = json!({"generationConfig": {"responseModalities": ["TEXT"]}});
    let mut bench = Bench::of(WRITER, setup, two());
    bench.send(typed("one"));
    let events = bench.turn();
    let text: String =
        events.iter().filter_map(|event| event.pointer("/serverContent/modelTurn/parts/0/text")?.as_str()).collect();
    assert_eq!((text.as_str(), said(&events).as_str()), ("First.", ""));
    let usage = &events.last().unwrap()["usageMetadata"];
    assert!(usage["candidatesTokenCount"].is_u64() && usage.get("responseTokenCount").is_none(), "{usage}");
}

#[test]
fn an_answer_may_fail_and_a_transcript_may_not_come() {
    let fail = |code: &str| json!({"fail": {"code": code, "message": "no"}});
    let turns = json!([{"hear": "a", "transcript": {"fail": {"code": "x", "message": "y"}}, "reply": [fail("BLOCKLIST")]},
        {"hear": "b", "transcript": {"when": "reply_done"}, "reply": [{"say": "So."}, fail("server_error")]}]);
    let scenario = fast(json!({"turns": turns}));
    let mut bench = Bench::with(Access::default(), scenario);
    bench.set_up(LATEST, json!({}));
    bench.ask();
    let events = bench.turn();
    assert_eq!(transcript(&events, "inputTranscription"), "");
    assert_eq!(events.last().unwrap()["serverContent"]["turnCompleteReason"], "BLOCKLIST");
    bench.ask();
    let events = bench.turn();
    assert_eq!(events.last().unwrap()["serverContent"]["turnCompleteReason"], "RESPONSE_REJECTED");
    assert_eq!(transcript(&events, "inputTranscription"), "", "not before the end");
    assert_eq!(transcript(&bench.wait(Duration::from_secs(1)), "inputTranscription"), "b");
}
