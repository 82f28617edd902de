//! Calls, results, and calls that are taken back.

use super::*;

fn with_tools() -> Talk {
    connected(
        json!({"tools": [{"name": "clock", "parameters": {"type": "object", "properties": {}}}, {"name": "map"}]}),
    )
}

fn calls(talk: &mut Talk, calls: Value) {
    says(talk, json!({"toolCall": {"functionCalls": calls}}));
}

/// Lines 17, 18: ids and names come back, and the model goes on without being asked.
#[test]
fn several_calls_at_once() {
    let mut talk = with_tools();
    user_speaks(&mut talk);
    user_is_silent(&mut talk, "What time is it, and where?");
    speech(&mut talk, 100, "One moment.");
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}, {"name": "map"}]));
    talk.plays(100);
    let outputs = talk.take();
    let names: Vec<_> = outputs.of("tool_call").iter().map(|call| call["name"].clone()).collect();
    assert_eq!(names, ["clock", "map"]);
    let second = outputs.of("tool_call")[1]["call"]["id"].as_str().unwrap().to_owned();
    talk.answer("c1", r#"{"time":"noon"}"#);
    talk.answer(&second, "here");
    let outputs = talk.take();
    let answer = |answer: Value| json!({"toolResponse": {"functionResponses": [answer]}});
    assert_eq!(
        frames(&outputs),
        [
            answer(json!({"id": "c1", "name": "clock", "response": {"output": {"time": "noon"}}})),
            answer(json!({"name": "map", "response": {"output": "here"}})),
        ]
    );
    speech(&mut talk, 200, "It is noon.");
    turn_ends(&mut talk);
    talk.plays(200);
    let outputs = talk.take();
    assert_eq!((frames(&outputs).len(), outputs.complaints()), (0, vec![]));
    assert_eq!(said(&talk).last().unwrap().1, "It is noon.");
    let roles: Vec<_> = said(&talk).into_iter().map(|(who, _)| who).collect();
    assert_eq!(roles, ["user", "assistant", "assistant", "assistant", "assistant"], "nobody spoke in between");
    talk.finish();
}

/// Words of the user that come when the model has called already are of the question, and cut nobody off.
#[test]
fn words_that_trail_the_call_are_of_the_question() {
    let mut talk = with_tools();
    user_speaks(&mut talk);
    says(&mut talk, json!({"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.4s"}}));
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
    content(&mut talk, json!({"inputTranscription": {"text": "What time"}}));
    talk.answer("c1", "noon");
    speech(&mut talk, 200, "It is");
    content(&mut talk, json!({"inputTranscription": {"text": " is it?"}}));
    speech(&mut talk, 200, " noon.");
    turn_ends(&mut talk);
    talk.plays(400);
    let outputs = talk.take();
    assert_eq!(outputs.of("interrupted").len(), 0);
    assert_eq!(outputs.of("speech_started").len(), 1);
    let said: Vec<_> = said(&talk).into_iter().filter(|(_, words)| !words.is_empty()).collect();
    assert_eq!(said[0], ("user".to_owned(), "What time is it?".to_owned()));
    assert_eq!(said.last().unwrap().1, "It is noon.");
    talk.finish();
}

/// Line 17: who is told that a call is off need not answer, and an answer is not sent.
#[test]
fn a_call_is_taken_back() {
    let mut talk = with_tools();
    talk.say("What time is it?", false);
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
    talk.take();
    says(&mut talk, json!({"toolCallCancellation": {"ids": ["c1", "unknown"]}}));
    assert_eq!(talk.take().of("tool_cancelled").len(), 1);
    let op = talk.answer("c1", "noon");
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).unwrap().unwrap().code, "stale_call");
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    talk.finish();
}

/// What is called for by an answer that was cut off is answered all the same: the model waits for it.
#[test]
fn a_call_nobody_wants_is_answered() {
    let mut talk = with_tools();
    talk.say("What time is it?", false);
    speech(&mut talk, 300, "Let me check.");
    talk.plays(100);
    talk.host(Command::Interrupt);
    talk.flushes();
    talk.take();
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
    let outputs = talk.take();
    assert_eq!(outputs.of("tool_call").len(), 0);
    let response = &frames(&outputs)[0]["toolResponse"]["functionResponses"][0];
    assert_eq!((&response["id"], response["response"]["error"].is_string()), (&json!("c1"), true));
    talk.finish();
}

/// Where nobody says that the user speaks, what comes after a call that was cut off is a new turn.
#[test]
fn what_follows_a_call_that_was_cut_off_is_a_new_turn() {
    let mut talk =
        connected(json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025", "tools": [{"name": "clock"}]}));
    content(&mut talk, json!({"inputTranscription": {"text": "What time is it?"}}));
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
    content(&mut talk, json!({"interrupted": true}));
    says(&mut talk, json!({"toolCallCancellation": {"ids": ["c1"]}}));
    content(&mut talk, json!({"turnComplete": true}));
    content(&mut talk, json!({"inputTranscription": {"text": "Never mind."}}));
    speech(&mut talk, 100, "Fine.");
    turn_ends(&mut talk);
    talk.plays(100);
    let words: Vec<_> = said(&talk).into_iter().map(|(_, words)| words).filter(|words| !words.is_empty()).collect();
    assert_eq!(words, ["What time is it?", "Never mind.", "Fine."]);
    assert_eq!(talk.take().of("speech_started").len(), 2);
    talk.finish();
}

/// The connection is not left between a result and its answer.
#[test]
fn an_answer_to_a_result_is_waited_for() {
    let mut talk = connected(json!({"tools": [{"name": "clock"}], "recovery": {"reconnect": true}}));
    talk.say("What time is it?", false);
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
    let before = talk.epoch;
    says(&mut talk, json!({"goAway": {"timeLeft": "50s"}}));
    talk.take();
    let next = std::mem::replace(&mut talk.epoch, before);
    talk.answer("c1", "noon");
    talk.epoch = next;
    talk.opened();
    says(&mut talk, json!({"setupComplete": {}}));
    talk.pass(1_000);
    let left =
        |outputs: &Outputs| outputs.0.iter().any(|o| matches!(o, Output::Close { epoch, .. } if *epoch == before));
    assert!(!left(&talk.take()));
    talk.epoch = before;
    speech(&mut talk, 100, "Noon.");
    turn_ends(&mut talk);
    talk.plays(100);
    talk.pass(1_000);
    assert!(left(&talk.take()));
    talk.epoch = next;
    talk.finish();
}

/// What fails is told as an error.
#[test]
fn a_call_fails() {
    let mut talk = with_tools();
    talk.say("What time is it?", false);
    calls(&mut talk, json!([{"id": "c1", "name": "nobody", "args": {}}]));
    let frames = frames(&talk.take());
    let response = &frames.last().unwrap()["toolResponse"]["functionResponses"][0];
    assert_eq!((&response["id"], &response["name"]), (&json!("c1"), &json!("nobody")));
    assert!(response["response"]["error"].is_string(), "{response}");
    talk.finish();
}

/// What the model does with a result is said with it, and the function is declared so that the model talks on.
#[test]
fn a_result_is_scheduled() {
    for (wish, sent) in [("when_idle", "WHEN_IDLE"), ("interrupt", "INTERRUPT"), ("silent", "SILENT")] {
        let mut talk = Talk::new(config(json!({"tools": [{"name": "clock", "scheduling": wish}, {"name": "map"}]})));
        talk.host(Command::Connect);
        talk.opened();
        let declared = frames(&talk.take())[0]["setup"]["tools"][0]["functionDeclarations"].clone();
        let expected = json!([{"name": "clock", "behavior": "NON_BLOCKING"}, {"name": "map", "behavior": "BLOCKING"}]);
        assert_eq!(declared, expected);
        says(&mut talk, json!({"setupComplete": {}}));
        talk.say("What time is it, and where?", false);
        calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}, {"id": "c2", "name": "map", "args": {}}]));
        talk.take();
        talk.answer("c1", "noon");
        talk.answer("c2", "here");
        let sent_for: Vec<_> = frames(&talk.take())
            .iter()
            .map(|frame| frame["toolResponse"]["functionResponses"][0].get("scheduling").cloned())
            .collect();
        assert_eq!(sent_for, [Some(json!(sent)), None], "only what talks on has something to schedule");
        talk.finish();
    }
}

/// A result that interrupts silences what was received already: by the service's word where it is still speaking, and at
/// once where only the speaker is.
#[test]
fn a_result_that_interrupts_is_not_waited_for() {
    for over in [false, true] {
        let mut talk = connected(json!({"tools": [{"name": "clock", "scheduling": "interrupt"}]}));
        talk.say("What time is it, and what do you know of clocks?", false);
        calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
        speech(&mut talk, 5000, "There are many kinds of clocks");
        if over {
            turn_ends(&mut talk);
        }
        talk.plays(300);
        talk.take();
        talk.answer("c1", "noon");
        assert_eq!(talk.take().flushes(), usize::from(over));
        if !over {
            content(&mut talk, json!({"interrupted": true}));
            assert_eq!(talk.take().flushes(), 1);
        }
        talk.flushes();
        if !over {
            content(&mut talk, json!({"turnComplete": true}));
        }
        let outputs = talk.take();
        let interrupted = outputs.of("interrupted");
        assert_eq!((&interrupted[0]["heard_ms"], &interrupted[0]["source"]), (&json!(300), &json!("server")));
        speech(&mut talk, 200, "It is noon.");
        turn_ends(&mut talk);
        talk.plays(200);
        let outputs = talk.take();
        assert_eq!((outputs.of("speech_started").len(), outputs.complaints()), (0, vec![]));
        assert_eq!(said(&talk).last().unwrap().1, "It is noon.");
        talk.finish();
    }
}

/// A conversation that is kept in the middle of a call would wait for its result, of a call that the next connection does
/// not know: the moment before it is the one to go on from.
#[test]
fn a_handle_with_an_open_call_is_not_taken() {
    let mut talk = connected(json!({"tools": [{"name": "clock"}], "recovery": {"reconnect": true}}));
    let handle = |talk: &mut Talk, name: &str| {
        says(talk, json!({"sessionResumptionUpdate": {"newHandle": name, "resumable": true}}));
    };
    handle(&mut talk, "before");
    talk.say("What time is it?", false);
    calls(&mut talk, json!([{"id": "c1", "name": "clock", "args": {}}]));
    handle(&mut talk, "waiting");
    talk.take();
    talk.closed(None, "", None);
    talk.pass(8_000);
    talk.opened();
    assert_eq!(frames(&talk.take())[0]["setup"]["sessionResumption"], json!({"handle": "before"}));
    talk.finish();
}
