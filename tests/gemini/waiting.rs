//! What waits, for whom, and what was never answered.

use super::*;

const OLDER: &str = "gemini-2.5-flash-native-audio-preview-12-2025";

fn told(outputs: &Outputs) -> Vec<String> {
    let turns = |frame: &Value| frame["clientContent"]["turns"].as_array().cloned().unwrap_or_default();
    let text = |turn: Value| turn["parts"][0]["text"].as_str().unwrap_or_default().to_owned();
    frames(outputs).iter().flat_map(turns).map(text).collect()
}

/// A handle that comes before the service has answered anything to what was told does not stand for that.
#[test]
fn a_handle_stands_for_what_was_answered() {
    let mut talk = connected(json!({"recovery": {"reconnect": true, "context_note": null}}));
    talk.say("Remember 7.", false);
    talk.host(Command::SendContext { text: "Page 3.".into() });
    speech(&mut talk, 100, "I will.");
    turn_ends(&mut talk);
    talk.plays(100);
    assert_eq!(told(&talk.take()), ["Remember 7.", "Page 3."]);
    says(&mut talk, json!({"sessionResumptionUpdate": {"newHandle": "too soon", "resumable": true}}));
    talk.closed(None, "", None);
    talk.pass(8_000);
    talk.opened();
    assert_eq!(frames(&talk.take())[0]["setup"]["sessionResumption"], json!({}));
    says(&mut talk, json!({"setupComplete": {}}));
    assert!(told(&talk.take()).contains(&"Page 3.".to_owned()));
    talk.finish();
}

/// Between the end of what the user says and the first word of the answer nothing is put in.
#[test]
fn an_answer_that_is_about_to_begin_is_not_cut_off() {
    let mut talk = connected(json!({}));
    user_speaks(&mut talk);
    user_is_silent(&mut talk, "What is on it?");
    talk.host(Command::SendContext { text: "Page 3.".into() });
    assert_eq!(told(&talk.take()), [""; 0]);
    speech(&mut talk, 100, "A ship.");
    turn_ends(&mut talk);
    assert_eq!(told(&talk.take()), ["Page 3."]);
    talk.plays(100);
    talk.finish();
}

/// A question that makes the service take a call back is answered all the same.
#[test]
fn a_question_outlives_the_call_it_ends() {
    let mut talk = connected(json!({"tools": [{"name": "clock"}]}));
    talk.say("What time is it?", false);
    says(&mut talk, json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "clock", "args": {}}]}}));
    talk.say("Never mind: who are you?", false);
    content(&mut talk, json!({"interrupted": true}));
    says(&mut talk, json!({"toolCallCancellation": {"ids": ["c1"]}}));
    content(&mut talk, json!({"turnComplete": true}));
    speech(&mut talk, 100, "A guide.");
    turn_ends(&mut talk);
    talk.plays(100);
    let outputs = talk.take();
    assert_eq!(outputs.of("speech_started").len(), 0, "nobody spoke");
    assert!(said(&talk).iter().all(|(who, words)| who == "assistant" || !words.is_empty()), "{:?}", said(&talk));
    assert!(outputs.complaints().is_empty(), "{:?}", outputs.complaints());
    talk.finish();
}

/// Where nobody says that the user stopped the end of the turn does.
#[test]
fn words_that_are_not_answered_are_a_turn() {
    let mut talk = connected(json!({"model": OLDER}));
    content(&mut talk, json!({"inputTranscription": {"text": "Hm."}}));
    content(&mut talk, json!({"turnComplete": true}));
    content(&mut talk, json!({"inputTranscription": {"text": "Hello?"}}));
    speech(&mut talk, 100, "Hello.");
    turn_ends(&mut talk);
    talk.plays(100);
    let words: Vec<_> = said(&talk).into_iter().map(|(_, words)| words).collect();
    assert_eq!(words, ["Hm.", "Hello?", "Hello."]);
    talk.finish();
}

/// Of turns by hand the button says whether somebody speaks.
#[test]
fn who_holds_the_button_speaks() {
    let mut talk = connected(json!({"model": OLDER, "turn_detection": {"mode": "manual"}, "auto_capture": false}));
    let loud = |talk: &mut Talk| {
        talk.pass(30);
        talk.input(Input::Microphone { pcm: Cow::Owned(vec![3000; 480]), age_us: 0 });
    };
    talk.host(Command::StartListening);
    (0..10).for_each(|_| loud(&mut talk));
    talk.host(Command::SendContext { text: "Page 3.".into() });
    loud(&mut talk);
    assert_eq!(told(&talk.take()), [""; 0]);
    talk.host(Command::StopListening);
    speech(&mut talk, 100, "Yes?");
    turn_ends(&mut talk);
    talk.plays(100);
    assert_eq!(told(&talk.take()), ["Page 3."]);
    talk.say("And 8?", false);
    assert_eq!(told(&talk.take()), ["And 8?"]);
    talk.finish();
}

/// Nothing is said to a question, and that is the end of it.
#[test]
fn a_question_without_an_answer_ends() {
    let mut talk = connected(json!({}));
    talk.say("How are you?", false);
    content(&mut talk, json!({"turnComplete": true}));
    let outputs = talk.take();
    assert_eq!(outputs.of("generation_done")[0]["status"], "completed");
    talk.pass(20_000);
    assert_eq!(talk.take().complaints(), [""; 0]);
    talk.finish();
}

/// Noise is not waited for.
#[test]
fn noise_is_nobody() {
    let mut talk = connected(json!({"model": OLDER}));
    let noise = |talk: &mut Talk, ms: u64| {
        for _ in 0..ms / 30 {
            talk.pass(30);
            talk.input(Input::Microphone { pcm: Cow::Owned(vec![3000; 480]), age_us: 0 });
        }
    };
    noise(&mut talk, 3_000);
    talk.say("Hello?", false);
    noise(&mut talk, 4_000);
    assert_eq!(told(&talk.take()), [""; 0]);
    noise(&mut talk, 2_000);
    assert_eq!(told(&talk.take()), ["Hello?"]);
    talk.finish();
}
