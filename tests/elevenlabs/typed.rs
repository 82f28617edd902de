//! What is written, and what the user thinks and does beside talking.

use super::*;
use duologue::request::FeedbackScore;

/// A question that crosses the greeting cuts it off, and nobody has spoken.
#[test]
fn a_question_into_the_greeting_is_no_speech() {
    let mut talk = connected(json!({}));
    talk.say("Which way?", false);
    audio(&mut talk, 1, 400);
    interruption(&mut talk, 1);
    talk.flushes();
    response(&mut talk, 2, "Left.");
    audio(&mut talk, 2, 200);
    complete(&mut talk, 2);
    talk.plays(200);
    talk.take();
    assert_eq!(said(&talk).iter().filter(|(who, _)| who == "user").count(), 1, "{:?}", said(&talk));
    // The answer is one that somebody may speak into.
    audio(&mut talk, 3, 400);
    interruption(&mut talk, 3);
    assert_eq!(talk.take().of("speech_started").len(), 1);
    talk.flushes();
    talk.finish();
}

/// Who speaks into the first answer to what was written is a user who speaks.
#[test]
fn speech_into_the_first_answer_is_speech() {
    let mut talk = connected(json!({}));
    talk.say("Which way?", false);
    audio(&mut talk, 1, 400);
    interruption(&mut talk, 1);
    talk.flushes();
    transcript(&mut talk, 2, "I mean to the harbour.");
    response(&mut talk, 3, "Left.");
    complete(&mut talk, 3);
    let outputs = talk.take();
    assert_eq!(outputs.of("speech_started").len(), 1);
    assert_eq!(outputs.of("interrupted").iter().map(|i| i["source"].clone()).collect::<Vec<_>>(), ["user"]);
    let users: Vec<_> = said(&talk).into_iter().filter(|(who, _)| who == "user").collect();
    assert_eq!(users, [pair("user", "Which way?"), pair("user", "I mean to the harbour.")]);
    talk.finish();
}

/// What is not to be answered is known at once, also by who is asked aloud next, and is not said twice.
#[test]
fn words_that_want_no_answer() {
    let mut talk = connected(json!({}));
    let quietly = |talk: &mut Talk, text: &str| {
        let op = talk.host(Command::SendText { text: text.into(), respond: false, interrupt: false });
        let outputs = talk.take();
        done(&outputs, op);
        frames(&outputs)
    };
    let known = |text: &str| json!({"type": "contextual_update", "text": format!("The user wrote: {text}")});
    assert_eq!(quietly(&mut talk, "I am in Kiel."), [known("I am in Kiel.")]);
    assert_eq!(quietly(&mut talk, "It rains."), [known("It rains.")]);
    talk.say("What do I do?", false);
    assert_eq!(frames(&talk.take()), [json!({"type": "user_message", "text": "What do I do?"})]);
    response(&mut talk, 2, "Stay.");
    complete(&mut talk, 2);
    // Only who asks for an answer and says nothing has the last words answered.
    assert_eq!(quietly(&mut talk, "Are you sure?"), [known("Are you sure?")]);
    talk.host(Command::RequestResponse { options: Box::default() });
    assert_eq!(frames(&talk.take()), [json!({"type": "user_message", "text": "Are you sure?"})]);
    let words: Vec<_> = said(&talk).into_iter().filter(|(who, _)| who == "user").map(|(_, words)| words).collect();
    assert_eq!(words, ["I am in Kiel.", "It rains.", "What do I do?", "Are you sure?"]);
    talk.finish();
}

/// The same with pictures: words that are known are not said again with them, and theirs are known as well.
#[test]
fn pictures_and_words_that_want_no_answer() {
    let mut talk = connected(json!({}));
    talk.host(Command::SendText { text: "I am in Kiel.".into(), respond: false, interrupt: false });
    talk.take();
    let image = serde_json::from_value(json!({"data": "iVBORw0KGgo="})).unwrap();
    let text = Some("What is this?".into());
    talk.host(Command::SendImage { image, text, respond: true, interrupt: false });
    let number = talk.take().0.iter().find_map(|o| match o {
        Output::Upload { number, .. } => Some(*number),
        _ => None,
    });
    let (epoch, number, name) = (talk.epoch, number.unwrap(), Some("file_1".into()));
    talk.input(Input::Uploaded { epoch, number, name, error: None });
    let sent = frames(&talk.take());
    assert_eq!(sent[0]["text"], json!({"type": "user_message", "text": "What is this?"}), "{sent:?}");
    response(&mut talk, 2, "A ship.");
    complete(&mut talk, 2);
    talk.take();
    // A picture that waits for the next question, whose words are known at once.
    let image = serde_json::from_value(json!({"data": "iVBORw0KGgo="})).unwrap();
    talk.host(Command::SendImage { image, text: Some("My ship.".into()), respond: false, interrupt: false });
    let (number, name) = (number + 1, Some("file_2".into()));
    talk.input(Input::Uploaded { epoch, number, name, error: None });
    let known = json!({"type": "contextual_update", "text": "The user wrote: My ship."});
    assert_eq!(frames(&talk.take()), [known]);
    talk.say("How long is it?", false);
    let sent = frames(&talk.take());
    assert_eq!(sent[0]["file"]["file_id"], "file_2");
    assert!(sent[0]["text"]["text"].as_str().unwrap().ends_with("How long is it?"), "{sent:?}");
    talk.finish();
}

/// A question that waits for its answer is not taken for words that want none.
#[test]
fn words_that_want_no_answer_leave_the_question_alone() {
    let mut talk = connected(json!({}));
    audio(&mut talk, 1, 400);
    talk.say("Which way?", false);
    talk.host(Command::SendText { text: "Never mind the rain.".into(), respond: false, interrupt: false });
    let known = json!({"type": "contextual_update", "text": "The user wrote: Never mind the rain."});
    assert_eq!(frames(&talk.take()), [known]);
    response(&mut talk, 1, "Hello!");
    complete(&mut talk, 1);
    assert_eq!(frames(&talk.take()), [json!({"type": "user_message", "text": "Which way?"})]);
    talk.finish();
}

/// The answer to a result has the number of what was said before the call: the host stopped the one and not the other.
#[test]
fn who_stops_the_words_before_a_call_hears_its_answer() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host"}}));
    transcript(&mut talk, 2, "What is the weather?");
    audio(&mut talk, 3, 500);
    talk.host(Command::Interrupt);
    talk.flushes();
    // Of that reply nothing more is heard.
    audio(&mut talk, 3, 500);
    talk.take();
    says(
        &mut talk,
        json!({"type": "client_tool_call", "client_tool_call":
        {"tool_name": "look", "tool_call_id": "t1", "parameters": {}, "event_id": 3}}),
    );
    audio(&mut talk, 3, 500);
    assert_eq!(played_ms(&talk.take()), 0);
    talk.answer("t1", "sunny");
    audio(&mut talk, 3, 200);
    assert_eq!(played_ms(&talk.take()), 200);
    talk.finish();
}

/// The same where nobody waits for a result, and a call that comes twice is one.
#[test]
fn calls_that_want_nothing_and_calls_that_come_again() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host"}}));
    let call = |talk: &mut Talk, id: &str, waits: bool| {
        says(
            talk,
            json!({"type": "client_tool_call", "client_tool_call": {"tool_name": "look", "tool_call_id": id,
            "parameters": {}, "event_id": 3, "expects_response": waits}}),
        );
    };
    audio(&mut talk, 3, 500);
    talk.host(Command::Interrupt);
    talk.flushes();
    call(&mut talk, "t1", false);
    audio(&mut talk, 3, 200);
    assert_eq!(played_ms(&talk.take()), 200 + 500);
    talk.plays(200);
    call(&mut talk, "t2", true);
    call(&mut talk, "t2", true);
    talk.answer("t2", "found");
    call(&mut talk, "t2", true);
    let outputs = talk.take();
    assert_eq!(outputs.of("tool_call").len(), 1);
    response(&mut talk, 3, "There it is.");
    talk.pass(1_100);
    assert_eq!(talk.take().of("generation_done").len(), 1, "its end is concluded as ever");
    talk.finish();
}

/// A thumb is told with the number of the answer; of answers nobody knows none is.
#[test]
fn answers_are_rated() {
    let mut talk = connected(json!({}));
    response(&mut talk, 4, "Hello!");
    let item = talk.session.messages()[0].id.clone();
    for (score, word) in [
        (Some(FeedbackScore::Like), json!("like")),
        (Some(FeedbackScore::Dislike), json!("dislike")),
        (None, Value::Null),
    ] {
        let op = talk.host(Command::SendFeedback { item: item.clone(), score });
        let outputs = talk.take();
        done(&outputs, op);
        assert_eq!(frames(&outputs), [json!({"type": "feedback", "event_id": 4, "score": word})]);
    }
    complete(&mut talk, 4);
    talk.take();
    talk.host(Command::SendFeedback { item, score: None });
    assert_eq!(frames(&talk.take()).len(), 1, "also when it is over");
    let op = talk.host(Command::SendFeedback { item: "item_9".into(), score: None });
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).unwrap().unwrap().field.as_deref(), Some("item"));
    assert_eq!(frames(&outputs).len(), 0);
    talk.finish();
}

/// Who types is busy.
#[test]
fn the_user_is_busy() {
    let mut talk = connected(json!({}));
    let op = talk.host(Command::SendUserActivity);
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(frames(&outputs), [json!({"type": "user_activity"})]);
    talk.finish();
}

/// Services that have neither say so.
#[test]
fn others_take_neither() {
    for (provider, model) in [("openai", "gpt-realtime"), ("xai", "grok-voice-latest")] {
        let mut talk = Talk::connected(json!({"provider": provider, "model": model}));
        for (command, code) in [
            (Command::SendFeedback { item: "item_1".into(), score: None }, "feedback"),
            (Command::SendUserActivity, "user_activity"),
        ] {
            let op = talk.host(command);
            assert_eq!(talk.take().completed(op).unwrap().unwrap().code, code);
        }
        talk.finish();
    }
}

/// The greeting of the configuration is for the first conversation; an agent that says its own is not told anything.
#[test]
fn who_comes_back_is_not_greeted_again() {
    for (greeting, then) in [(json!("Good day."), Some("")), (Value::Null, None)] {
        let mut talk = Talk::new(config(json!({"greeting": greeting, "recovery": {"reconnect": true}})));
        talk.host(Command::Connect);
        talk.opened();
        let path = "/conversation_config_override/agent/first_message";
        let first = frames(&talk.take())[0].pointer(path).cloned().unwrap_or_default();
        assert_eq!(first, greeting);
        metadata(&mut talk);
        talk.say("Remember 7.", false);
        response(&mut talk, 2, "I will.");
        complete(&mut talk, 2);
        talk.closed(None, "", None);
        talk.pass(10_000);
        talk.opened();
        let again = frames(&talk.take());
        let again = again.iter().find(|f| f["type"] == "conversation_initiation_client_data").unwrap();
        assert_eq!(again.pointer(path).and_then(Value::as_str), then);
        metadata(&mut talk);
        // Another conversation of the same client begins as the first.
        talk.host(Command::Disconnect);
        talk.closed(Some(1000), "", None);
        talk.host(Command::ClearHistory);
        talk.host(Command::Connect);
        talk.opened();
        let anew = frames(&talk.take());
        let anew = anew.iter().rfind(|f| f["type"] == "conversation_initiation_client_data").unwrap();
        assert_eq!(anew.pointer(path).cloned().unwrap_or_default(), greeting);
    }
}

/// Line 13: the meter of the context comes with the last sound of a reply and is its end, of that reply alone.
#[test]
fn the_context_that_is_used_is_an_end() {
    let mut talk = connected(json!({}));
    let usage = |event: u64| json!({"type": "context_usage", "context_usage_event": {"event_id": event}});
    response(&mut talk, 1, "Hello!");
    audio(&mut talk, 1, 100);
    says(&mut talk, usage(1));
    let outputs = talk.take();
    assert_eq!(outputs.of("generation_done").len(), 1);
    assert!(outputs.events().all(|event| !event.inferred));
    response(&mut talk, 3, "Are you there?");
    says(&mut talk, usage(1));
    assert_eq!(talk.take().of("generation_done").len(), 0, "that was the one before");
    says(&mut talk, usage(3));
    assert_eq!(talk.take().of("generation_done").len(), 1);
    talk.plays(100);
    talk.finish();
}

/// A gap in the network that nobody hears is no end.
#[test]
fn a_gap_while_there_is_something_to_hear_is_no_end() {
    let mut talk = connected(json!({}));
    response(&mut talk, 1, "A long story, and its end.");
    audio(&mut talk, 1, 5_000);
    talk.pass(2_000);
    audio(&mut talk, 1, 1_000);
    let outputs = talk.take();
    assert_eq!(outputs.of("generation_done").len(), 0);
    talk.plays(6_000);
    talk.pass(1_100);
    assert_eq!(talk.take().of("generation_done").len(), 1);
    assert_eq!(talk.session.messages().len(), 1);
    talk.finish();
}

/// Line 14: nobody is quiet while a call is open, however long it takes.
#[test]
fn an_open_call_is_no_silence() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host", "timeout_ms": 60000}}));
    response(&mut talk, 2, "Let me look.");
    audio(&mut talk, 2, 200);
    talk.plays(200);
    says(
        &mut talk,
        json!({"type": "client_tool_call", "client_tool_call":
        {"tool_name": "look", "tool_call_id": "t1", "parameters": {}, "event_id": 2}}),
    );
    talk.take();
    // The agent goes on before the result is there, and its words are known.
    response(&mut talk, 2, "It takes a while.");
    audio(&mut talk, 2, 200);
    talk.plays(200);
    talk.pass(10_000);
    assert_eq!(talk.take().of("generation_done").len(), 0);
    talk.answer("t1", "found");
    talk.pass(1_100);
    let outputs = talk.take();
    assert!(outputs.events().any(|e| e.kind.name() == "generation_done" && e.inferred));
    talk.finish();
}
