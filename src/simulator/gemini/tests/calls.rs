//! Functions: called, answered, left alone, cancelled.

use super::bench::{Bench, LATEST, LEGACY, OLDER, THINKER, kinds, said, typed};
use crate::simulator::tests::client::clip;
use serde_json::{Value, json};
use std::time::Duration;

fn functions(behavior: Option<&str>) -> Value {
    let declared = |name: &str| {
        let mut function = json!({"name": name, "parameters": {"type": "OBJECT", "properties": {}}});
        if let Some(behavior) = behavior {
            function["behavior"] = json!(behavior);
        }
        function
    };
    json!([{"functionDeclarations": [declared("weather"), declared("clock")]}])
}

fn call(name: &str) -> Value {
    json!({"call": {"name": name, "arguments": {"city": "Paris"}}})
}

fn turns() -> Value {
    json!([{"hear": "go", "match": ["go"], "reply": [call("weather"), call("clock")], "after_tool": [{"say": "Sunny."}]},
        {"hear": "so", "reply": [{"say": "Meanwhile I talk about this and that."}]},
        {"hear": "and", "reply": [{"say": "Third."}]}])
}

fn asked(model: &str, behavior: Option<&str>) -> (Bench, Vec<Value>) {
    let mut bench = Bench::of(model, json!({"tools": functions(behavior)}), turns());
    bench.realtime("text", json!("go"));
    let events = bench.until("toolCall");
    let calls = events.last().unwrap()["toolCall"]["functionCalls"].as_array().unwrap().clone();
    assert_eq!(calls.len(), 2, "both at once: {calls:?}");
    assert_eq!((&calls[0]["name"], &calls[0]["args"]["city"]), (&json!("weather"), &json!("Paris")));
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    (bench, calls)
}

fn answer(bench: &mut Bench, call: &Value, scheduling: Option<&str>) {
    let mut response = json!({"id": call["id"], "name": call["name"], "response": {"output": 18}});
    if let Some(scheduling) = scheduling {
        response["scheduling"] = json!(scheduling);
    }
    bench.send(json!({"toolResponse": {"functionResponses": [response]}}));
}

#[test]
fn a_model_that_waits_goes_on_in_the_same_turn() {
    for (model, behavior) in [(OLDER, None), (LEGACY, None), (LATEST, Some("BLOCKING"))] {
        let (mut bench, calls) = asked(model, behavior);
        assert!(bench.wait(Duration::from_secs(5)).is_empty(), "{model} says nothing");
        answer(&mut bench, &calls[0], None);
        assert!(bench.wait(Duration::from_secs(5)).is_empty(), "{model} waits for both");
        answer(&mut bench, &calls[1], None);
        let events = bench.turn();
        assert_eq!(said(&events), "Sunny.", "{model}");
        assert!(kinds(&events).contains(&"serverContent.generationComplete"));
    }
}

#[test]
fn a_model_that_does_not_wait_ends_its_turn() {
    let (mut bench, calls) = asked(LATEST, None);
    let over = bench.turn().pop().unwrap();
    assert_eq!(over["serverContent"]["interactionStatus"], "IN_PROGRESS");
    answer(&mut bench, &calls[0], None);
    answer(&mut bench, &calls[1], None);
    let events = bench.turn();
    assert_eq!(said(&events), "Sunny.");
    assert_eq!(events.last().unwrap()["serverContent"]["interactionStatus"], "IDLE");
    // Older ones can be told not to wait.
    let (mut bench, _) = asked(OLDER, Some("NON_BLOCKING"));
    assert_eq!(said(&bench.turn()), "");
}

#[test]
fn a_result_is_told_when_its_scheduling_says() {
    for scheduling in [None, Some("WHEN_IDLE"), Some("INTERRUPT"), Some("SILENT")] {
        let (mut bench, calls) = asked(LATEST, None);
        bench.turn();
        bench.realtime("text", json!("so"));
        bench.until("serverContent.modelTurn");
        calls.iter().for_each(|call| answer(&mut bench, call, scheduling));
        let events = bench.turn();
        let cut = kinds(&events).contains(&"serverContent.interrupted");
        assert_eq!(cut, scheduling == Some("INTERRUPT"), "{scheduling:?}");
        assert!(cut || said(&events).ends_with("this and that."), "{scheduling:?}");
        if scheduling == Some("SILENT") {
            assert!(bench.wait(Duration::from_secs(10)).is_empty(), "nothing is said about it");
            bench.realtime("text", json!("and"));
            assert_eq!(bench.words(), "Third.");
        } else {
            assert_eq!(bench.words(), "Sunny.", "{scheduling:?}");
        }
    }
}

/// Not even for a result: who speaks is heard out, and answered first.
#[test]
fn a_user_who_speaks_is_not_interrupted_by_a_result() {
    let (mut bench, calls) = asked(LATEST, None);
    bench.turn();
    bench.speak(&clip("question1")[..24_000]);
    bench.sent();
    calls.iter().for_each(|call| answer(&mut bench, call, Some("INTERRUPT")));
    assert!(bench.wait(Duration::from_secs(5)).is_empty());
    bench.realtime("audioStreamEnd", json!(true));
    assert!(bench.words().starts_with("Meanwhile"));
    assert_eq!(bench.words(), "Sunny.");
}

#[test]
fn more_results_may_follow() {
    let (mut bench, calls) = asked(LATEST, None);
    bench.turn();
    answer(&mut bench, &calls[0], None);
    let mut partly = json!({"id": calls[1]["id"], "name": "clock", "response": {"output": 1}, "willContinue": true});
    bench.send(json!({"toolResponse": {"functionResponses": [partly]}}));
    assert!(bench.wait(Duration::from_secs(5)).is_empty());
    partly["willContinue"] = json!(false);
    bench.send(json!({"toolResponse": {"functionResponses": [partly]}}));
    assert_eq!(bench.words(), "Sunny.");
}

#[test]
fn an_interruption_cancels_the_calls_of_its_turn() {
    let (mut bench, calls) = asked(OLDER, None);
    bench.speak(&clip("question1"));
    let events = bench.sent();
    assert_eq!(kinds(&events), ["serverContent.interrupted", "toolCallCancellation", "serverContent.turnComplete"]);
    assert_eq!(events[1]["toolCallCancellation"]["ids"], json!([calls[0]["id"], calls[1]["id"]]));
    // An answer that was under way is of no consequence.
    answer(&mut bench, &calls[0], None);
    bench.realtime("audioStreamEnd", json!(true));
    assert!(bench.words().starts_with("Meanwhile"));
    // A call whose turn is over runs on.
    let (mut bench, _) = asked(LATEST, None);
    bench.turn();
    bench.speak(&clip("question1"));
    assert_eq!(kinds(&bench.sent()), ["voiceActivity"]);
}

#[test]
fn results_that_are_not_taken() {
    let (mut bench, calls) = asked(LATEST, None);
    bench.send(json!({"toolResponse": {"functionResponses": [{"name": "weather", "response": {}}]}}));
    assert!(bench.closed().unwrap().1.contains("id"), "it is nobody's");

    let (mut bench, more) = asked(THINKER, None);
    bench.turn();
    answer(&mut bench, &more[0], Some("SILENT"));
    assert_eq!(bench.closed().unwrap().0, 1007, "this model decides itself");
    assert_ne!(calls[0]["id"], more[0]["id"]);

    // A result without a name is a failure to this one.
    let (mut bench, calls) = asked(THINKER, None);
    bench.turn();
    for call in &calls {
        let nameless = json!({"id": call["id"], "response": {"output": 1}});
        bench.send(json!({"toolResponse": {"functionResponses": [nameless]}}));
    }
    assert!(bench.words().starts_with("I have nothing more"));
}

#[test]
fn arguments_that_are_none_end_the_turn() {
    let turns = json!([{"hear": "go", "reply": [{"call": {"name": "clock", "raw_arguments": "{"}}]}]);
    let mut bench = Bench::of(LATEST, json!({"tools": functions(None)}), turns);
    bench.send(typed("go"));
    let events = bench.turn();
    assert_eq!(kinds(&events), ["serverContent.turnComplete"]);
    assert_eq!(events[0]["serverContent"]["turnCompleteReason"], "MALFORMED_FUNCTION_CALL");
}

/// The latest models are told of other functions while they talk.
#[test]
fn functions_and_instructions_change() {
    let mut bench = Bench::of(LATEST, json!({}), turns());
    let instructions = json!({"parts": [{"text": "Be brief."}]});
    bench.send(json!({"contextUpdate": {"systemInstruction": instructions, "tools": {"tools": functions(None)}}}));
    bench.realtime("text", json!("go"));
    bench.until("toolCall");
    let mut bench = Bench::of(LATEST, json!({"tools": functions(None)}), turns());
    bench.send(json!({"contextUpdate": {"systemInstruction": instructions}}));
    bench.send(json!({"contextUpdate": {"tools": {"tools": []}}}));
    bench.realtime("text", json!("go"));
    assert_eq!(bench.words(), "Sunny.", "there is nothing to call");
    for (model, update) in [(LATEST, json!({})), (LEGACY, json!({"systemInstruction": instructions}))] {
        let mut bench = Bench::of(model, json!({}), turns());
        bench.send(json!({"contextUpdate": update}));
        assert_eq!(bench.closed().unwrap().0, 1007, "{model}");
    }
}
