//! From the setup to the end of a connection, and what is changed while it is up.

use super::*;
use duologue::event::Status;

/// Lines 1, 7, 8: the setup goes first and alone.
#[test]
fn the_setup_is_the_first_word() {
    let mut talk = Talk::new(config(json!({
        "instructions": "Be brief.", "voice": "Kore", "tools": [{"name": "clock"}], "temperature": 0.5,
    })));
    let op = talk.host(Command::Connect);
    let dial = talk.take();
    let url = dial.0.iter().find_map(|o| match o {
        Output::Dial { request, .. } => Some(request.url.clone()),
        _ => None,
    });
    let service = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService";
    assert_eq!(url.unwrap(), format!("{service}.BidiGenerateContent"));
    talk.opened();
    talk.microphone(20);
    let sent = frames(&talk.take());
    assert_eq!(sent.len(), 1);
    let setup = &sent[0]["setup"];
    assert_eq!(setup["model"], format!("models/{NEWEST}"));
    assert_eq!(setup["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
    assert_eq!(
        setup["generationConfig"],
        json!({"responseModalities": ["AUDIO"], "temperature": 0.5,
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}})
    );
    let declared = json!([{"functionDeclarations": [{"name": "clock", "behavior": "BLOCKING"}]}]);
    assert_eq!(setup["tools"], declared);
    assert_eq!(setup["outputAudioTranscription"], json!({}));
    says(&mut talk, json!({"setupComplete": {"sessionId": "s1"}}));
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(*talk.session.status(), Status::Connected);
    assert_eq!(outputs.of("session_configured")[0]["differences"], json!([]));
    talk.microphone(20);
    assert!(talk.take().0.iter().any(|o| matches!(o, Output::Send { audio: true, text, .. }
        if text.starts_with(r#"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"#))));
    talk.finish();
}

/// Line 30.
#[test]
fn a_service_that_never_takes_the_setup_is_not_waited_for() {
    let mut talk = Talk::new(config(json!({})));
    let op = talk.host(Command::Connect);
    talk.opened();
    talk.take();
    talk.pass(60_000);
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).unwrap().unwrap().code, "timeout");
    assert!(matches!(talk.session.status(), Status::Error { .. }));
    assert_eq!(frames(&outputs), [] as [Value; 0], "nothing goes before the service has taken the setup");
    talk.finish();
}

/// Line 9: what the model insists on is there, also when nobody asked.
#[test]
fn a_model_that_has_to_think_is_told_how_much() {
    for (wish, level) in [(json!({}), "LOW"), (json!({"reasoning_effort": "high"}), "HIGH")] {
        let mut document = config(wish);
        document["model"] = "gemini-3.8-live-extended-thinking".into();
        let mut talk = Talk::new(document);
        talk.host(Command::Connect);
        talk.opened();
        let setup = frames(&talk.take())[0]["setup"].clone();
        assert_eq!(setup["generationConfig"]["thinkingConfig"], json!({"thinkingLevel": level}));
        talk.finish();
    }
}

/// Line 28.
#[test]
fn instructions_and_tools_change_while_it_runs() {
    let mut talk = connected(json!({"tools": [{"name": "clock"}]}));
    let op = talk.host(Command::UpdateSession { changes: json!({"instructions": "Be kind."}) });
    let outputs = talk.take();
    done(&outputs, op);
    let kind = json!({"contextUpdate": {"systemInstruction": {"parts": [{"text": "Be kind."}]}}});
    assert_eq!(frames(&outputs), [kind]);
    talk.host(Command::UpdateSession { changes: json!({"tools": []}) });
    assert_eq!(frames(&talk.take()), [json!({"contextUpdate": {"tools": {"tools": []}}})]);
    talk.finish();
}

/// Line 22: the end is announced; the next connection is set up beside it and takes over.
#[test]
fn the_service_says_that_it_goes_away() {
    let mut talk = connected(json!({"recovery": {"reconnect": true}}));
    talk.say("Remember 7.", false);
    speech(&mut talk, 100, "I will.");
    turn_ends(&mut talk);
    talk.plays(100);
    talk.take();
    says(&mut talk, json!({"goAway": {"timeLeft": "50s"}}));
    let outputs = talk.take();
    assert!(outputs.0.iter().any(|o| matches!(o, Output::Dial { beside: true, .. })), "{outputs:?}");
    talk.opened();
    let sent = frames(&talk.take());
    assert!(sent[0]["setup"].is_object(), "{sent:?}");
    says(&mut talk, json!({"setupComplete": {}}));
    talk.pass(60_000);
    let outputs = talk.take();
    let told: Vec<_> = frames(&outputs).iter().map(|f| f["clientContent"]["turns"][0].clone()).collect();
    assert_eq!(told[0], json!({"role": "user", "parts": [{"text": "Remember 7."}]}));
    assert_eq!(told[1], json!({"role": "model", "parts": [{"text": "I will."}]}));
    assert_eq!(*talk.session.status(), Status::Connected);
    assert_eq!(outputs.of("status").len(), 0, "the host sees one connection all the time");
    talk.finish();
}

/// Lines 24: what the service refuses it refuses again.
#[test]
fn what_is_refused_is_not_tried_again() {
    let mut talk = connected(json!({"recovery": {"reconnect": true}}));
    talk.closed(Some(1007), "Request contains an invalid argument.", None);
    let outputs = talk.take();
    assert!(!outputs.0.iter().any(|o| matches!(o, Output::Dial { .. })));
    assert!(matches!(talk.session.status(), Status::Error { .. }));
    talk.finish();
}

/// Line 4, and what nobody can read.
#[test]
fn rubbish_is_counted_and_what_is_new_is_passed_over() {
    let mut talk = connected(json!({}));
    for frame in ["", "{", "[]", "null", r#"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"%"}}]}}}"#] {
        talk.wire(frame);
    }
    assert_eq!(talk.session.stats().malformed, 5);
    talk.wire(&"[".repeat(1000));
    says(&mut talk, json!({"serverContent": {"interactionStatus": "DREAMING", "turnCompleteReason": "NEW"}}));
    says(&mut talk, json!({"voiceActivity": {"type": "ACTIVITY_SOMETHING"}, "futureField": [1, {"x": null}]}));
    assert_eq!((talk.session.stats().malformed, talk.session.messages().len()), (6, 0));
    talk.finish();
}
