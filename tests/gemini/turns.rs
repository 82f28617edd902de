//! What is said, by whom, and who cuts whom off.

use super::*;
use duologue::{error::ErrorClass, message::Part};

/// Lines 2, 3, 12, 14, 15, 25, 29: one turn each, in order, whatever comes together in one message.
#[test]
fn a_spoken_turn_and_its_answer() {
    let mut talk = connected(json!({}));
    user_speaks(&mut talk);
    content(&mut talk, json!({"inputTranscription": {"text": "What is"}}));
    content(&mut talk, json!({"inputTranscription": {"text": " a light"}}));
    user_is_silent(&mut talk, "house?");
    speech(&mut talk, 200, "A tower");
    let audio = json!({"mimeType": "audio/pcm", "data": common::base64_ms(100)});
    let parts =
        json!([{"inlineData": audio.clone()}, {"text": "**thinking**", "thought": true}, {"inlineData": audio}]);
    content(
        &mut talk,
        json!({"modelTurn": {"parts": parts}, "outputTranscription": {"text": " with a light."},
        "generationComplete": true}),
    );
    let usage = json!({"promptTokenCount": 30, "responseTokenCount": 9, "promptTokensDetails":
        [{"modality": "AUDIO", "tokenCount": 25}, {"modality": "TEXT", "tokenCount": 5}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}]});
    says(&mut talk, json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage, "new": {"field": 1}}));
    talk.plays(400);
    let outputs = talk.take();
    assert_eq!(outputs.complaints(), [""; 0]);
    let expected = [("user", "What is a lighthouse?"), ("assistant", "A tower with a light.")];
    assert_eq!(said(&talk), expected.map(|(who, what)| (who.to_owned(), what.to_owned())));
    assert_eq!((outputs.of("speech_started").len(), outputs.of("generation_done").len()), (1, 1));
    let finals: Vec<_> = outputs.of("transcript").into_iter().filter(|t| t["mode"] == "final").collect();
    assert_eq!(finals.len(), 2, "{finals:#?}");
    let usage = &outputs.of("usage")[0];
    assert_eq!((&usage["input"]["total"], &usage["input"]["audio"]), (&json!(30), &json!(25)));
    assert!(matches!(talk.session.messages()[1].parts[0], Part::Audio { duration_ms: 400, heard_ms: 400, .. }));
    talk.finish();
}

/// A model that tells nothing of voices, and whose transcript trails the answer: the question stands before it.
#[test]
fn words_that_trail_the_answer_are_of_the_turn_before_it() {
    let mut talk = connected(json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025"}));
    speech(&mut talk, 200, "Yes,");
    content(&mut talk, json!({"inputTranscription": {"text": "Are you"}}));
    content(&mut talk, json!({"inputTranscription": {"text": " there?"}}));
    speech(&mut talk, 200, " I am.");
    turn_ends(&mut talk);
    // The same once more says nothing new.
    content(&mut talk, json!({"inputTranscription": {"text": "Are you there?"}}));
    talk.plays(400);
    let expected = [("user", "Are you there?"), ("assistant", "Yes, I am.")];
    assert_eq!(said(&talk), expected.map(|(who, what)| (who.to_owned(), what.to_owned())));
    let outputs = talk.take();
    let finals = outputs.of("transcript").into_iter().filter(|t| t["mode"] == "final" && t["role"] == "user").count();
    assert_eq!(finals, 1);
    talk.finish();
}

/// Lines 13, 14, 26: one interruption, from what was played; the service is told nothing.
#[test]
fn the_user_cuts_in() {
    let mut talk = connected(json!({}));
    user_speaks(&mut talk);
    user_is_silent(&mut talk, "Tell me all.");
    speech(&mut talk, 2000, "It is a very long story");
    talk.plays(500);
    user_speaks(&mut talk);
    content(&mut talk, json!({"interrupted": true}));
    talk.flushes();
    content(&mut talk, json!({"turnComplete": true}));
    let outputs = talk.take();
    let interrupted = outputs.of("interrupted");
    assert_eq!(interrupted.len(), 1);
    assert_eq!(interrupted[0]["heard_ms"], 500);
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    assert_eq!(outputs.of("generation_done")[0]["status"], "cancelled");
    user_is_silent(&mut talk, "Stop.");
    speech(&mut talk, 100, "Fine.");
    turn_ends(&mut talk);
    talk.plays(100);
    let roles: Vec<_> = said(&talk).into_iter().map(|(who, _)| who).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    assert!(talk.session.messages()[1].interrupted);
    talk.finish();
}

/// Line 16: what still plays when the service has long ended the turn is cut all the same, and nothing new begins.
#[test]
fn the_tail_is_cut_and_no_response_is_made_up() {
    let mut talk = connected(json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025"}));
    content(&mut talk, json!({"inputTranscription": {"text": "Hello?"}}));
    speech(&mut talk, 1000, "Hello, hello.");
    turn_ends(&mut talk);
    talk.plays(300);
    content(&mut talk, json!({"interrupted": true}));
    talk.flushes();
    content(&mut talk, json!({"turnComplete": true}));
    let outputs = talk.take();
    assert_eq!(outputs.of("interrupted")[0]["heard_ms"], 300);
    assert_eq!(outputs.of("generation_done").len(), 1);
    // And before anything was generated.
    content(&mut talk, json!({"interrupted": true}));
    content(&mut talk, json!({"turnComplete": true}));
    assert_eq!(talk.take().of("generation_done").len(), 0);
    talk.finish();
}

/// What the host asks for in words, and to whom the answer belongs.
#[test]
fn a_written_question() {
    let mut talk = connected(json!({}));
    let op = talk.say("How are you?", false);
    let outputs = talk.take();
    assert_eq!(
        frames(&outputs),
        [
            json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "How are you?"}]}],
                "turnComplete": false}}),
            json!({"clientContent": {"turnComplete": true}}),
        ]
    );
    done(&outputs, op);
    speech(&mut talk, 200, "Well.");
    turn_ends(&mut talk);
    talk.plays(200);
    let expected = [("user", "How are you?"), ("assistant", "Well.")];
    assert_eq!(said(&talk), expected.map(|(who, what)| (who.to_owned(), what.to_owned())));
    // The service cuts what it says when it is asked again; nobody spoke.
    talk.say("And now?", false);
    speech(&mut talk, 2000, "Now I am");
    talk.say("Enough?", true);
    content(&mut talk, json!({"interrupted": true}));
    content(&mut talk, json!({"turnComplete": true}));
    talk.flushes();
    speech(&mut talk, 100, "Yes.");
    turn_ends(&mut talk);
    talk.plays(100);
    let roles: Vec<_> = said(&talk).into_iter().map(|(who, what)| format!("{who}: {what}")).collect();
    assert_eq!(roles[2..], ["user: And now?", "user: Enough?", "assistant: Yes."], "{roles:?}");
    assert_eq!(talk.take().complaints(), [""; 0]);
    talk.finish();
}

/// Line 27.
#[test]
fn a_model_that_takes_history_only_at_first_gets_words_as_they_come() {
    let mut talk = connected(json!({"model": SEEDED}));
    talk.say("How are you?", false);
    assert_eq!(frames(&talk.take()), [json!({"realtimeInput": {"text": "How are you?"}})]);
    speech(&mut talk, 200, "Well.");
    turn_ends(&mut talk);
    talk.plays(200);
    let op = talk.host(Command::SendContext { text: "It rains.".into() });
    let error = talk.take().completed(op).unwrap().unwrap();
    assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Unsupported, "unsupported_option"));
    talk.finish();
}

/// Line 19: where the service finds the end of a turn, a microphone that is switched off is the end of the stream.
#[test]
fn the_microphone_is_switched_off_while_somebody_speaks() {
    let mut talk = connected(json!({}));
    talk.pass(20);
    talk.microphone(20);
    user_speaks(&mut talk);
    talk.host(Command::StopListening);
    assert_eq!(frames(&talk.take()), [json!({"realtimeInput": {"audioStreamEnd": true}})]);
    content(&mut talk, json!({"inputTranscription": {"text": "Hello.", "finished": true}}));
    speech(&mut talk, 100, "Hello.");
    turn_ends(&mut talk);
    talk.plays(100);
    let roles: Vec<_> = said(&talk).into_iter().map(|(who, _)| who).collect();
    assert_eq!(roles, ["user", "assistant"]);
    assert_eq!(frames(&talk.take()), [] as [Value; 0]);
    talk.finish();
}

/// The service cannot be stopped: what it goes on saying is heard by nobody, and what it says next is.
#[test]
fn the_host_cuts_off() {
    let mut talk = connected(json!({}));
    talk.say("Tell me all.", false);
    speech(&mut talk, 1000, "It was");
    talk.plays(400);
    let op = talk.host(Command::Interrupt);
    talk.flushes();
    speech(&mut talk, 1000, " a dark night");
    turn_ends(&mut talk);
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(outputs.of("interrupted")[0]["heard_ms"], 400);
    assert_eq!(talk.session.messages().len(), 2);
    user_speaks(&mut talk);
    user_is_silent(&mut talk, "What?");
    speech(&mut talk, 100, "Nothing.");
    turn_ends(&mut talk);
    talk.plays(100);
    assert_eq!(said(&talk).last().unwrap().1, "Nothing.");
    talk.finish();
}

/// Where the user shall not cut in the service is told so; where there is to be no transcript, there is none.
#[test]
fn what_was_not_wished_for_is_not_there() {
    let mut talk = connected(json!({"transcription": null}));
    content(&mut talk, json!({"inputTranscription": {"text": "Secret."}}));
    speech(&mut talk, 100, "Yes.");
    turn_ends(&mut talk);
    talk.plays(100);
    assert!(talk.take().of("transcript").iter().all(|t| t["role"] == "assistant"));
    talk.finish();
}

/// Line 31: typed words do not see frames that were sent before them, so a picture stands in the conversation itself, with
/// its words or before them.
#[test]
fn a_picture_stands_in_the_turn() {
    let mut talk = connected(json!({}));
    let image: duologue::request::Image =
        serde_json::from_value(json!({"data": "iVBORw0KGgo=", "mime_type": "image/png"})).unwrap();
    let picture = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    talk.host(Command::SendImage {
        image: image.clone(),
        text: Some("What is it?".into()),
        respond: true,
        interrupt: false,
    });
    let turn =
        |parts: Value| json!({"clientContent": {"turns": [{"role": "user", "parts": parts}], "turnComplete": false}});
    let ask = json!({"clientContent": {"turnComplete": true}});
    assert_eq!(frames(&talk.take()), [turn(json!([picture, {"text": "What is it?"}])), ask.clone()]);
    speech(&mut talk, 100, "A ship.");
    turn_ends(&mut talk);
    talk.plays(100);
    talk.take();
    talk.host(Command::SendImage { image, text: None, respond: false, interrupt: false });
    talk.say("And now?", false);
    assert_eq!(frames(&talk.take()), [turn(json!([picture])), turn(json!([{"text": "And now?"}])), ask]);
    talk.finish();
}

/// A question that nobody answered before the user spoke does not name the answer to what was spoken.
#[test]
fn who_speaks_is_answered() {
    let mut talk = connected(json!({}));
    let op = talk.host(Command::RequestResponse { options: Box::default() });
    user_speaks(&mut talk);
    content(&mut talk, json!({"interrupted": true}));
    content(&mut talk, json!({"turnComplete": true}));
    user_is_silent(&mut talk, "And now?");
    speech(&mut talk, 100, "Now it is.");
    turn_ends(&mut talk);
    talk.plays(100);
    let outputs = talk.take();
    let ends: Vec<_> = outputs.of("generation_done").iter().map(|end| end["status"].clone()).collect();
    assert_eq!(ends, ["cancelled", "completed"], "what was asked for was cut off before it began");
    done(&outputs, op);
    assert_eq!(said(&talk).last().unwrap().1, "Now it is.");
    // And the next question is asked at once.
    talk.say("And then?", false);
    let asked = frames(&talk.take());
    assert_eq!(asked.last().unwrap()["clientContent"]["turnComplete"], true, "{asked:?}");
    talk.finish();
}

/// A turn the model has nothing to say to, or may not, is a turn all the same, and the next one is another.
#[test]
fn a_turn_without_an_answer() {
    for (reason, status) in [(None, "completed"), (Some("MALFORMED_FUNCTION_CALL"), "incomplete")] {
        let mut talk = connected(json!({}));
        user_speaks(&mut talk);
        user_is_silent(&mut talk, "What time is it?");
        content(&mut talk, json!({"turnComplete": true, "turnCompleteReason": reason.unwrap_or_default()}));
        let outputs = talk.take();
        assert_eq!(outputs.of("generation_done")[0]["status"], status);
        assert_eq!(outputs.of("transcript").iter().filter(|t| t["mode"] == "final").count(), 1);
        let modes = outputs.of("mode");
        assert_ne!(modes.last().unwrap()["agent"], "thinking", "{modes:?}");
        user_speaks(&mut talk);
        user_is_silent(&mut talk, "Hello?");
        speech(&mut talk, 100, "Hello.");
        turn_ends(&mut talk);
        talk.plays(100);
        let words: Vec<_> = said(&talk).into_iter().map(|(_, words)| words).collect();
        assert_eq!(words, ["What time is it?", "Hello?", "Hello."]);
        talk.finish();
    }
}

/// The end of what was cut off is no end of what the user said meanwhile.
#[test]
fn the_end_of_the_answer_before_is_not_the_end_of_the_turn() {
    let mut talk = connected(json!({}));
    talk.say("Tell me all.", false);
    speech(&mut talk, 1000, "It was");
    talk.plays(200);
    user_speaks(&mut talk);
    content(&mut talk, json!({"interrupted": true}));
    talk.flushes();
    user_is_silent(&mut talk, "Stop.");
    content(&mut talk, json!({"turnComplete": true}));
    speech(&mut talk, 100, "Fine.");
    turn_ends(&mut talk);
    talk.plays(100);
    let outputs = talk.take();
    assert_eq!((outputs.of("generation_done").len(), outputs.of("speech_started").len()), (2, 1));
    talk.finish();
}

/// Words that are put in without a question cut nobody off: they wait until what is being said is over, and go before
/// the next question.
#[test]
fn context_waits_for_the_end_of_the_answer() {
    let text = |frame: &Value| frame["clientContent"]["turns"][0]["parts"][0]["text"].clone();
    let mut talk = connected(json!({}));
    talk.say("Tell me all.", false);
    let op = talk.host(Command::SendContext { text: "The user opened page 3.".into() });
    speech(&mut talk, 500, "It was");
    talk.host(Command::SendContext { text: "And page 4.".into() });
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(frames(&outputs).len(), 2, "nothing but the question and the request");
    speech(&mut talk, 500, " a dark night.");
    turn_ends(&mut talk);
    let sent = frames(&talk.take());
    assert_eq!(
        (sent.len(), text(&sent[0]), sent[0]["clientContent"]["turnComplete"] == false),
        (1, "The user opened page 3.".into(), true)
    );
    assert_eq!(sent[0]["clientContent"]["turns"].as_array().unwrap().len(), 2);
    talk.plays(1000);
    // A question that does not cut in waits for its turn, with its words.
    talk.say("And then?", false);
    speech(&mut talk, 500, "Then");
    talk.host(Command::SendText { text: "And after that?".into(), respond: true, interrupt: false });
    talk.take();
    turn_ends(&mut talk);
    let sent = frames(&talk.take());
    assert_eq!((sent.len(), text(&sent[0])), (2, "And after that?".into()), "{sent:?}");
    assert_eq!(sent[1], json!({"clientContent": {"turnComplete": true}}));
    talk.finish();
}

/// 2.5 closes for words in the middle of what the user says: they wait for its end.
#[test]
fn words_wait_for_the_end_of_the_turn() {
    let mut talk = connected(json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025"}));
    let speaks = |talk: &mut Talk, level: i16, frames: usize| {
        for _ in 0..frames {
            talk.pass(30);
            talk.input(Input::Microphone { pcm: Cow::Owned(vec![level; 480]), age_us: 0 });
        }
    };
    speaks(&mut talk, 3000, 10);
    talk.host(Command::SendContext { text: "Page 3.".into() });
    talk.say("By the way?", false);
    speaks(&mut talk, 3000, 10);
    assert_eq!(frames(&talk.take()), [] as [Value; 0]);
    // Nothing came of it: nobody had spoken.
    speaks(&mut talk, 0, 60);
    let sent = frames(&talk.take());
    let words = |parts: &str| json!({"role": "user", "parts": [{"text": parts}]});
    let turns = json!([words("Page 3."), words("By the way?")]);
    assert_eq!(sent, [json!({"clientContent": {"turns": turns, "turnComplete": true}})]);
    talk.finish();
}

/// A model that says nothing of voices hears nothing of a microphone that is switched off, unless it is told.
#[test]
fn the_microphone_is_switched_off_before_anybody_was_heard() {
    for command in [Command::StopListening, Command::SetCapture { on: false }] {
        let mut talk = connected(json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025"}));
        talk.pass(20);
        talk.microphone(20);
        talk.host(command);
        assert_eq!(frames(&talk.take()), [json!({"realtimeInput": {"audioStreamEnd": true}})]);
        speech(&mut talk, 100, "Hello.");
        content(&mut talk, json!({"inputTranscription": {"text": "Hello?"}}));
        turn_ends(&mut talk);
        talk.plays(100);
        let expected = [("user", "Hello?"), ("assistant", "Hello.")];
        assert_eq!(said(&talk), expected.map(|(who, what)| (who.to_owned(), what.to_owned())));
        talk.finish();
    }
}

/// What it cost may be told when the turn is over.
#[test]
fn usage_that_comes_late_is_of_the_response_before() {
    let mut talk = connected(json!({}));
    talk.say("How are you?", false);
    speech(&mut talk, 100, "Fine.");
    turn_ends(&mut talk);
    talk.plays(100);
    let response = talk.take().events().find(|e| e.response.is_some()).unwrap().response.clone();
    says(&mut talk, json!({"usageMetadata": {"promptTokenCount": 30, "responseTokenCount": 9}}));
    let outputs = talk.take();
    let usage = outputs.events().find(|e| matches!(e.kind, duologue::event::EventKind::Usage(_))).unwrap();
    assert_eq!((&usage.response, outputs.of("usage")[0]["input"]["total"].as_u64()), (&response, Some(30)));
    talk.finish();
}

/// Context that nobody asked about is of no turn: the next question is a new one, also where nobody says that somebody
/// speaks, and words that trail the answer cut nobody off.
#[test]
fn context_is_no_question() {
    let mut talk = connected(json!({"model": "gemini-2.5-flash-native-audio-preview-12-2025"}));
    content(&mut talk, json!({"inputTranscription": {"text": "One?"}}));
    speech(&mut talk, 100, "One.");
    turn_ends(&mut talk);
    talk.plays(100);
    talk.host(Command::SendContext { text: "The user looks at page 3.".into() });
    talk.take();
    content(&mut talk, json!({"inputTranscription": {"text": "Two"}}));
    speech(&mut talk, 100, "Two");
    content(&mut talk, json!({"inputTranscription": {"text": "?"}}));
    speech(&mut talk, 100, " it is.");
    turn_ends(&mut talk);
    talk.plays(200);
    let outputs = talk.take();
    assert_eq!(outputs.of("interrupted").len(), 0);
    let said: Vec<_> = said(&talk).into_iter().map(|(_, words)| words).collect();
    assert_eq!(said, ["One?", "One.", "The user looks at page 3.", "Two?", "Two it is."]);
    talk.finish();
}

/// Line 15: a model that thinks may speak several times to one request, which is over when the service says so.
#[test]
fn one_request_may_have_several_turns() {
    let mut talk = connected(json!({"model": "gemini-3.8-live-extended-thinking"}));
    talk.say("Think hard.", false);
    speech(&mut talk, 100, "Let me see.");
    content(&mut talk, json!({"generationComplete": true, "interactionStatus": "IN_PROGRESS"}));
    content(&mut talk, json!({"turnComplete": true}));
    speech(&mut talk, 100, "Seven.");
    content(&mut talk, json!({"generationComplete": true}));
    content(&mut talk, json!({"turnComplete": true, "interactionStatus": "IDLE"}));
    talk.plays(200);
    talk.take();
    let roles: Vec<_> = said(&talk).into_iter().map(|(who, _)| who).collect();
    assert_eq!(roles, ["user", "assistant", "assistant"], "nobody spoke in between");
    talk.finish();
}
