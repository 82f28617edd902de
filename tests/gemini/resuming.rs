//! Another connection goes on with what the service has kept.

use super::*;
use duologue::{event::Status, message::CallRef};

const HANDLE: &str = "handle-1";

/// Connected, and what is lost is opened again.
fn lasting(mut more: Value) -> Talk {
    if more["recovery"].is_null() {
        more["recovery"] = json!({"reconnect": true});
    }
    connected(more)
}

/// Connected, one question was answered, and the service says by what name it goes on from there.
fn answered(more: Value) -> Talk {
    let mut talk = lasting(more);
    talk.say("Remember 7.", true);
    speech(&mut talk, 400, "I will remember it.");
    turn_ends(&mut talk);
    says(&mut talk, json!({"sessionResumptionUpdate": {"newHandle": HANDLE, "resumable": true}}));
    talk.plays(400);
    talk.take();
    talk
}

fn lost(talk: &mut Talk) {
    talk.closed(None, "", None);
    // The longest a first try waits, and less than a tool has.
    talk.pass(8_000);
    talk.opened();
}

fn context(outputs: &Outputs) -> (String, String) {
    let replaced = &outputs.of("session_replaced")[0];
    (replaced["why"].as_str().unwrap().to_owned(), replaced["context"].as_str().unwrap().to_owned())
}

/// Line 21: the handle is asked for, kept, and goes with the whole setup into the next connection, which is told nothing.
#[test]
fn a_lost_connection_goes_on_by_its_handle() {
    let mut talk = answered(json!({"instructions": "Be brief.", "voice": "Kore"}));
    // Inside of a turn there is none, and the one from before stays good.
    says(&mut talk, json!({"sessionResumptionUpdate": {"resumable": false}}));
    says(&mut talk, json!({"sessionResumptionUpdate": {"newHandle": "", "resumable": true}}));
    says(&mut talk, json!({"sessionResumptionUpdate": {"newHandle": "not yet", "resumable": false}}));
    lost(&mut talk);
    let sent = frames(&talk.take());
    assert_eq!(sent.len(), 1, "{sent:?}");
    let setup = &sent[0]["setup"];
    assert_eq!(setup["sessionResumption"], json!({"handle": HANDLE}));
    assert_eq!(setup["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
    assert!(setup["generationConfig"]["speechConfig"].is_object());
    says(&mut talk, json!({"setupComplete": {}}));
    let outputs = talk.take();
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    assert_eq!(context(&outputs), ("reconnect".to_owned(), "full".to_owned()));
    let configured = outputs.of("session_configured")[0].to_string();
    assert!(!configured.contains(HANDLE), "whoever has it can go on with the conversation: {configured}");
    talk.finish();
}

/// Line 32: of what was said without a connection the newest two seconds are said again.
#[test]
fn what_was_said_meanwhile_is_bounded() {
    let mut talk = answered(json!({}));
    talk.closed(None, "", None);
    for _ in 0..100 {
        // 30 ms at this service's rate.
        talk.microphone(20);
    }
    talk.pass(8_000);
    talk.opened();
    says(&mut talk, json!({"setupComplete": {}}));
    assert_eq!(super::by_hand::sent_samples(&talk.take()), 2 * 16_000);
    talk.finish();
}

/// What was said after the handle is told.
#[test]
fn what_the_service_has_not_kept_is_told() {
    let mut talk = answered(json!({}));
    talk.host(Command::SendText { text: "And 8.".into(), respond: false, interrupt: false });
    talk.take();
    lost(&mut talk);
    talk.take();
    says(&mut talk, json!({"setupComplete": {}}));
    let outputs = talk.take();
    let told = json!({"turns": [{"role": "user", "parts": [{"text": "And 8."}]}], "turnComplete": false});
    assert_eq!(frames(&outputs), [json!({"clientContent": told})]);
    assert_eq!(context(&outputs).1, "full");
    talk.finish();
}

/// A question nobody answered is told and asked again, also where words are always a question.
#[test]
fn a_question_is_asked_again() {
    for model in [NEWEST, SEEDED] {
        let mut talk = answered(json!({"model": model}));
        talk.say("And 8?", true);
        talk.take();
        lost(&mut talk);
        talk.take();
        says(&mut talk, json!({"setupComplete": {}}));
        let sent = frames(&talk.take());
        let asked = match model {
            NEWEST => vec![
                json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "And 8?"}]}],
                    "turnComplete": false}}),
                json!({"clientContent": {"turnComplete": true}}),
            ],
            _ => vec![json!({"realtimeInput": {"text": "And 8?"}})],
        };
        assert_eq!(sent, asked, "{model}");
        speech(&mut talk, 400, "And 8.");
        turn_ends(&mut talk);
        talk.plays(400);
        let outputs = talk.take();
        assert_eq!(said(&talk).len(), 4, "{:?}", said(&talk));
        assert_eq!(outputs.of("interrupted").len(), 0);
        talk.finish();
    }
}

/// Line 23: a handle that is refused is not shown again; the next connection is told the whole.
#[test]
fn a_handle_is_refused_once() {
    let mut talk = answered(json!({}));
    lost(&mut talk);
    assert_eq!(frames(&talk.take())[0]["setup"]["sessionResumption"]["handle"], HANDLE);
    talk.closed(Some(1007), "Invalid session resumption handle.", None);
    talk.opened();
    let outputs = talk.take();
    assert_eq!(frames(&outputs)[0]["setup"]["sessionResumption"], json!({}));
    says(&mut talk, json!({"setupComplete": {}}));
    let outputs = talk.take();
    assert_eq!(frames(&outputs).len(), 3, "question and answer are told, and that it goes on: {outputs:?}");
    assert_eq!(context(&outputs), ("reconnect".to_owned(), "full".to_owned()));
    assert_eq!(*talk.session.status(), Status::Connected);
    // What is refused without a handle is refused.
    lost(&mut talk);
    talk.take();
    talk.closed(Some(1007), "Request contains an invalid argument.", None);
    assert!(matches!(talk.session.status(), Status::Error { .. }));
    talk.finish();
}

/// Line 22: the end is announced. The next connection is opened beside this one, and says whose conversation it goes on
/// with when this one is gone: it cannot go on in two places. The host sees one connection all the time.
#[test]
fn an_announced_end_is_not_seen() {
    let mut talk = answered(json!({}));
    let before = talk.epoch;
    says(&mut talk, json!({"goAway": {"timeLeft": "50s"}}));
    let outputs = talk.take();
    assert!(outputs.0.iter().any(|o| matches!(o, Output::Dial { beside: true, .. })), "{outputs:?}");
    talk.opened();
    talk.pass(100);
    let outputs = talk.take();
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    assert!(outputs.0.iter().any(|o| matches!(o, Output::Close { epoch, .. } if *epoch == before)), "{outputs:?}");
    // What is wished meanwhile waits.
    let op = talk.say("And 8?", true);
    talk.input(Input::Closed { epoch: before, code: Some(1000), reason: String::new(), error: None });
    let sent = frames(&talk.take());
    assert_eq!(sent[0]["setup"]["sessionResumption"], json!({"handle": HANDLE}));
    assert_eq!(sent.len(), 1);
    says(&mut talk, json!({"setupComplete": {}}));
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(context(&outputs), ("rollover".to_owned(), "full".to_owned()));
    assert_eq!(outputs.of("status").len(), 0);
    talk.finish();
}

/// A connection that does not say that it is closed is not waited for.
#[test]
fn the_connection_before_has_a_second_to_go() {
    let mut talk = answered(json!({}));
    says(&mut talk, json!({"goAway": {"timeLeft": "50s"}}));
    talk.take();
    talk.opened();
    talk.pass(2_000);
    assert_eq!(frames(&talk.take())[0]["setup"]["sessionResumption"], json!({"handle": HANDLE}));
    talk.finish();
}

/// FAULTS row 5: who was told to go and is thrown out, or let go, comes back; without that it is a policy, or the end.
#[test]
fn row_5_a_close_after_an_announced_end_is_none() {
    for (announced, code, words) in
        [(true, 1008, "Connection aborted"), (true, 1000, ""), (false, 1008, "Connection aborted"), (false, 1000, "")]
    {
        let mut talk = answered(json!({"recovery": {"reconnect": true, "rollover": false}}));
        if announced {
            says(&mut talk, json!({"goAway": {"timeLeft": "5s"}}));
        }
        talk.closed(Some(code), words, None);
        talk.pass(8_000);
        let dials = talk.take().0.iter().any(|o| matches!(o, Output::Dial { .. }));
        assert_eq!(dials, announced, "{code}");
        if announced {
            talk.opened();
            assert_eq!(frames(&talk.take())[0]["setup"]["sessionResumption"], json!({"handle": HANDLE}));
        }
        talk.finish();
    }
}

/// A service that says so in a message, and leaves the connection open, refuses the handle as well.
#[test]
fn a_handle_is_refused_by_a_message() {
    let mut talk = answered(json!({}));
    lost(&mut talk);
    talk.take();
    says(&mut talk, json!({"error": {"code": 404, "message": "Session not found.", "status": "NOT_FOUND"}}));
    let outputs = talk.take();
    assert!(outputs.0.iter().any(|o| matches!(o, Output::Close { .. })), "{outputs:?}");
    talk.pass(8_000);
    talk.opened();
    assert_eq!(frames(&talk.take())[0]["setup"]["sessionResumption"], json!({}));
    talk.finish();
}

/// A service that is about to go in no time is not dialled without a pause.
#[test]
fn a_short_notice_is_no_reason_to_hurry() {
    let mut talk = answered(json!({}));
    says(&mut talk, json!({"goAway": {"timeLeft": "2s"}}));
    let mut dials = 0;
    for _ in 0..2000 {
        let refused = talk.take().0.iter().any(|o| matches!(o, Output::Dial { beside: true, .. }));
        if refused {
            dials += 1;
            talk.closed(Some(1011), "Overloaded", None);
        }
        talk.pass(1);
    }
    // One at once, and then no more than two a second.
    assert!((2..=5).contains(&dials), "{dials}");
    talk.finish();
}

/// FAULTS row 6: a handle on which the service breaks twice is not shown a third time.
#[test]
fn row_6_a_handle_that_breaks_the_service_is_given_up() {
    let mut talk = answered(json!({}));
    let mut shown = Vec::new();
    for _ in 0..3 {
        talk.closed(Some(1011), "Internal error", None);
        talk.pass(8_000);
        talk.opened();
        shown.push(frames(&talk.take())[0]["setup"]["sessionResumption"]["handle"] == HANDLE);
    }
    assert_eq!(shown, [true, true, false]);
    talk.finish();
}

/// What the model takes no `contextUpdate` for is changed by a new setup of the same conversation.
#[test]
fn a_change_takes_a_new_connection() {
    for (model, change) in
        [(SEEDED, json!({"instructions": "Be kind."})), (NEWEST, json!({"voice": "Puck", "instructions": "Be kind."}))]
    {
        let mut talk = answered(json!({"model": model, "instructions": "Be brief."}));
        let before = talk.epoch;
        let op = talk.host(Command::UpdateSession { changes: change });
        let outputs = talk.take();
        assert!(outputs.completed(op).is_none(), "it is not in force yet");
        assert!(outputs.0.iter().any(|o| matches!(o, Output::Dial { beside: true, .. })), "{outputs:?}");
        talk.opened();
        talk.input(Input::Closed { epoch: before, code: Some(1000), reason: String::new(), error: None });
        let setup = frames(&talk.take())[0]["setup"].clone();
        assert_eq!(setup["sessionResumption"], json!({"handle": HANDLE}));
        assert_eq!(setup["systemInstruction"], json!({"parts": [{"text": "Be kind."}]}));
        says(&mut talk, json!({"setupComplete": {}}));
        let outputs = talk.take();
        done(&outputs, op);
        assert_eq!(context(&outputs), ("reconfigure".to_owned(), "full".to_owned()));
        // The newest go on with the instructions they began with, whatever the setup says.
        let again = json!({"contextUpdate": {"systemInstruction": {"parts": [{"text": "Be kind."}]}}});
        assert_eq!(frames(&outputs), if model == NEWEST { vec![again] } else { vec![] });
        talk.finish();
    }
}

/// Before anything was said there is nothing to go on with, and a new conversation is as good.
#[test]
fn a_change_before_the_first_word_begins_anew() {
    let mut talk = lasting(json!({"model": SEEDED}));
    let op = talk.host(Command::UpdateSession { changes: json!({"instructions": "Be kind."}) });
    talk.take();
    talk.opened();
    let setup = frames(&talk.take())[0]["setup"].clone();
    assert_eq!((&setup["sessionResumption"], setup.get("historyConfig")), (&json!({}), None));
    says(&mut talk, json!({"setupComplete": {}}));
    talk.pass(100);
    done(&talk.take(), op);
    talk.finish();
}

/// A model that takes words without an answer only as a history is told the conversation as one.
#[test]
fn a_history_is_told_as_a_whole() {
    let mut talk = connected(json!({"model": SEEDED, "recovery": {"reconnect": true, "context_note": null}}));
    talk.say("Remember 7.", true);
    speech(&mut talk, 400, "I will.");
    turn_ends(&mut talk);
    talk.plays(400);
    talk.take();
    lost(&mut talk);
    let setup = frames(&talk.take())[0]["setup"].clone();
    assert_eq!(setup["historyConfig"], json!({"initialHistoryInClientContent": true}));
    says(&mut talk, json!({"setupComplete": {}}));
    let outputs = talk.take();
    let turns = json!([{"role": "user", "parts": [{"text": "Remember 7."}]},
        {"role": "model", "parts": [{"text": "I will."}]}]);
    assert_eq!(frames(&outputs), [json!({"clientContent": {"turns": turns, "turnComplete": true}})]);
    assert_eq!(context(&outputs).1, "full");
    talk.say("And 8?", true);
    assert_eq!(frames(&talk.take()), [json!({"realtimeInput": {"text": "And 8?"}})]);
    talk.finish();
}

/// A change the service does not take is taken back, with or without something to go on with; the conversation is not lost.
#[test]
fn a_change_is_refused() {
    for answers in [false, true] {
        let more = json!({"voice": "Kore"});
        let mut talk = if answers { answered(more) } else { lasting(more) };
        let before = talk.epoch;
        let op = talk.host(Command::UpdateSession { changes: json!({"voice": "Nobody"}) });
        talk.opened();
        if answers {
            talk.input(Input::Closed { epoch: before, code: Some(1000), reason: String::new(), error: None });
        }
        let setup = frames(&talk.take())[0]["setup"].clone();
        assert!(setup.to_string().contains("Nobody"));
        talk.closed(Some(1007), "Invalid voice.", None);
        let outputs = talk.take();
        let error = outputs.completed(op).unwrap().unwrap();
        assert!(error.message.contains("Invalid voice") && !error.fatal, "{error}");
        if answers {
            talk.opened();
            let setup = frames(&talk.take())[0]["setup"].clone();
            assert_eq!(setup["sessionResumption"]["handle"], HANDLE, "it is not the handle's fault");
            assert!(setup.to_string().contains("Kore"));
            says(&mut talk, json!({"setupComplete": {}}));
        }
        talk.pass(120_000);
        let outputs = talk.take();
        assert!(!outputs.0.iter().any(|o| matches!(o, Output::Dial { .. })), "nobody asks for it again");
        assert_eq!(*talk.session.status(), Status::Connected);
        talk.finish();
    }
}

/// A result that crosses the loss of its connection is told, and the answer to it asked for, for nobody answers it unasked.
#[test]
fn a_result_of_a_lost_connection_is_answered() {
    for model in [NEWEST, SEEDED] {
        for late in [false, true] {
            let mut talk = answered(json!({"model": model, "tools": [{"name": "clock"}]}));
            talk.say("What time is it?", false);
            says(&mut talk, json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "clock", "args": {}}]}}));
            talk.take();
            let call = CallRef { epoch: talk.epoch, id: "c1".into() };
            let result = Command::SubmitToolResult { call, output: "noon".into(), is_error: false };
            if late {
                lost(&mut talk);
                says(&mut talk, json!({"setupComplete": {}}));
                talk.host(result);
            } else {
                talk.host(result);
                talk.take();
                lost(&mut talk);
                says(&mut talk, json!({"setupComplete": {}}));
            }
            let sent = frames(&talk.take());
            let asks = |f: &Value| f["clientContent"]["turnComplete"] == true || f["realtimeInput"]["text"].is_string();
            assert!(asks(sent.last().unwrap()), "{model} {late}: {sent:?}");
            assert!(sent.iter().any(|f| f.to_string().contains("noon")), "{model} {late}: {sent:?}");
            talk.finish();
        }
    }
}
