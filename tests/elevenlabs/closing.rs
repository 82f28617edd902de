//! The agent ends the conversation: what it said is heard first.

use super::*;

/// Line 25: the agent hangs up; what it said is heard first.
#[test]
fn the_agent_hangs_up() {
    let mut talk = connected(json!({}));
    response(&mut talk, 1, "Goodbye!");
    audio(&mut talk, 1, 500);
    says(
        &mut talk,
        json!({"type": "agent_tool_response", "agent_tool_response":
        {"tool_name": "end_call", "tool_call_id": "x", "is_error": false}}),
    );
    complete(&mut talk, 1);
    let closes = |outputs: &Outputs| outputs.0.iter().any(|o| matches!(o, Output::Close { .. }));
    assert!(!closes(&talk.take()));
    talk.plays(500);
    assert!(closes(&talk.take()));
    talk.closed(Some(1000), "", None);
    let outputs = talk.take();
    assert_eq!(outputs.of("status")[0]["ended"]["by"], "agent", "{:?}", outputs.of("status"));
    talk.finish();
}

/// An agent that closes when it has said all is heard to its end; the microphone is off at once.
#[test]
fn who_goes_without_a_word_is_heard_to_the_end() {
    let mut talk = connected(json!({}));
    talk.host(Command::SetCapture { on: true });
    response(&mut talk, 1, "Goodbye!");
    audio(&mut talk, 1, 500);
    talk.closed(Some(1000), "", None);
    let outputs = talk.take();
    assert_eq!(outputs.of("status").len(), 0);
    assert!(outputs.0.iter().any(|o| matches!(o, Output::Capture { on: false })));
    talk.plays(500);
    let outputs = talk.take();
    assert_eq!(outputs.of("status")[0]["ended"]["by"], "agent");
    assert_eq!(outputs.of("playback_finished")[0]["heard_ms"], 500);
    assert_eq!(outputs.of("interrupted").len(), 0);
    talk.finish();
}

/// A speaker of which is heard seldom, as of one that only a clock counts, is heard to the end as well.
#[test]
fn a_long_goodbye_is_heard_to_the_end() {
    let mut talk = connected(json!({}));
    response(&mut talk, 1, "A long goodbye.");
    (0..2).for_each(|_| audio(&mut talk, 1, 3_000));
    talk.closed(Some(1000), "", None);
    for _ in 0..3 {
        assert_eq!(talk.take().of("status").len(), 0);
        // The time comes with the report, and the timer with it.
        talk.now = talk.now.after_ms(2_000);
        for report in talk.speaker.play(2_000 * 48) {
            talk.input(Input::Playout { report });
        }
    }
    let outputs = talk.take();
    assert_eq!(outputs.of("playback_finished")[0]["heard_ms"], 6_000);
    assert_eq!(outputs.of("status").len(), 1);
    talk.finish();
}

/// Nobody hears an agent that said goodbye, and the service does not close: the run ends all the same.
#[test]
fn a_goodbye_that_nobody_plays_ends() {
    let mut talk = connected(json!({}));
    audio(&mut talk, 1, 3_000);
    says(&mut talk, json!({"type": "agent_tool_response", "agent_tool_response": {"tool_name": "end_call"}}));
    complete(&mut talk, 1);
    talk.pass(1_900);
    assert_eq!(talk.take().of("status").len(), 0);
    talk.pass(200);
    assert_eq!(talk.take().of("status")[0]["ended"]["code"], "agent_ended");
    talk.finish();
}

/// Nobody has to listen, and a speaker that stands still keeps nobody.
#[test]
fn who_is_gone_can_be_left() {
    for leave in ["disconnect", "interrupt", "wait", "connect"] {
        let mut talk = connected(json!({}));
        audio(&mut talk, 1, 500);
        talk.closed(Some(1000), "", None);
        assert_eq!(talk.take().of("status").len(), 0);
        match leave {
            "disconnect" => _ = talk.host(Command::Disconnect),
            "interrupt" => {
                talk.host(Command::Interrupt);
                talk.flushes();
            }
            "connect" => _ = talk.host(Command::Connect),
            _ => talk.pass(3_000),
        }
        let outputs = talk.take();
        let status = outputs.of("status").first().cloned();
        assert_eq!(status.map(|s| s["ended"]["code"].clone()), Some("remote_closed".into()), "{leave}");
        if leave == "connect" {
            assert!(outputs.0.iter().any(|o| matches!(o, Output::Dial { .. })));
            continue;
        }
        talk.finish();
    }
}

/// Line 25: the service closes right behind the tool that ends the call, and the words are heard all the same.
#[test]
fn the_close_behind_the_goodbye_cuts_nothing() {
    let mut talk = connected(json!({}));
    audio(&mut talk, 1, 500);
    says(&mut talk, json!({"type": "agent_tool_response", "agent_tool_response": {"tool_name": "end_call"}}));
    talk.closed(Some(1000), "", None);
    assert_eq!(talk.take().of("status").len(), 0);
    talk.plays(500);
    let outputs = talk.take();
    assert_eq!(outputs.of("playback_finished")[0]["heard_ms"], 500);
    assert_eq!(outputs.of("status")[0]["ended"]["by"], "agent");
    talk.finish();
}

/// However the line ends then, another conversation is not what anybody wants.
#[test]
fn who_said_goodbye_is_not_called_back() {
    for how in ["lost", "crash", "network", "silent"] {
        let mut talk = connected(json!({"recovery": {"reconnect": true}}));
        audio(&mut talk, 1, 500);
        says(&mut talk, json!({"type": "agent_tool_response", "agent_tool_response": {"tool_name": "end_call"}}));
        match how {
            "lost" => talk.closed(None, "", None),
            "crash" => talk.closed(Some(1011), "oh", None),
            "silent" => {
                let error = duologue::Error::new(duologue::ErrorClass::Network, "silent", "nothing came");
                talk.input(Input::Fatal { error: error.retryable() });
            }
            _ => _ = talk.host(Command::NetworkChanged),
        }
        let outputs = talk.take();
        assert_eq!((outputs.of("status").len(), outputs.of("error").len()), (0, 0), "{how}");
        talk.plays(500);
        let outputs = talk.take();
        assert_eq!(outputs.of("status")[0]["ended"]["code"], "agent_ended", "{how}");
        assert!(!outputs.0.iter().any(|o| matches!(o, Output::Dial { .. })), "{how}");
        talk.finish();
    }
}

/// A host that says what it played, and then says nothing, is waited for a little and not for all there is.
#[test]
fn a_host_that_does_not_report_keeps_nobody() {
    let document = config(json!({"audio": {"output": {"source": "host", "positions": "reported"}}}));
    let mut talk = Talk::with(duologue::Config::from_json(&document.to_string()).unwrap());
    talk.host(Command::Connect);
    talk.opened();
    metadata(&mut talk);
    talk.take();
    response(&mut talk, 1, "A long story.");
    (0..12).for_each(|_| audio(&mut talk, 1, 5_000));
    // Nobody knows what is heard: the end is concluded as ever.
    talk.pass(1_100);
    assert_eq!(talk.take().of("generation_done").len(), 1);
    let item = talk.session.messages()[0].id.clone();
    talk.closed(Some(1000), "", None);
    talk.pass(4_000);
    talk.speaker.play(4_000 * 48);
    talk.input(Input::PlaybackReport { item, part: 0, heard_ms: 4_000 });
    talk.pass(4_000);
    assert_eq!(talk.take().of("status").len(), 0, "it plays");
    talk.pass(1_500);
    assert_eq!(talk.take().of("status").len(), 1);
    talk.finish();
}

/// Words that came ahead of a sound that never came were not heard.
#[test]
fn words_without_their_sound_are_not_heard() {
    let mut talk = Talk::connected(json!({}));
    talk.user_speaks("item_1", 0);
    talk.user_is_silent("item_1", None, 500);
    talk.response("resp_1");
    talk.item("resp_1", "item_2", Some("item_1"), "message");
    talk.part("resp_1", "item_2", 0, "audio");
    talk.speech("resp_1", "item_2", 0, 500, "one two three four five six seven eight nine ten eleven twelve");
    talk.closed(Some(1000), "", None);
    talk.plays(500);
    let heard = match &talk.message("item_2").unwrap().parts[0] {
        duologue::message::Part::Audio { transcript, heard_transcript, .. } => {
            (transcript.clone(), heard_transcript.clone().unwrap())
        }
        other => panic!("{other:?}"),
    };
    assert!(heard.1.len() < heard.0.len(), "{heard:?}");
    assert_eq!(talk.take().of("status").len(), 1);
    talk.finish();
}

/// What breaks while the end is heard is told, and what was interrupted before is not waited for.
#[test]
fn an_end_is_put_off_for_what_is_heard_alone() {
    let mut talk = connected(json!({}));
    audio(&mut talk, 1, 500);
    talk.closed(Some(1000), "", None);
    let error = duologue::Error::new(duologue::ErrorClass::Device, "gone", "the speaker is gone");
    talk.input(Input::Fatal { error });
    let outputs = talk.take();
    assert_eq!((outputs.of("error").len(), outputs.of("status").len()), (1, 1));

    let mut talk = Talk::connected(json!({}));
    talk.response("resp_1");
    talk.item("resp_1", "item_2", None, "message");
    talk.part("resp_1", "item_2", 0, "audio");
    talk.speech("resp_1", "item_2", 0, 5_000, "one two three");
    talk.user_speaks("item_1", 0);
    talk.flushes();
    talk.take();
    talk.closed(Some(1000), "", None);
    let outputs = talk.take();
    assert_eq!(outputs.of("status").len(), 1);
    assert_eq!(outputs.of("generation_done")[0]["status"], "cancelled");
}

/// Line 24: what is none of these is an error, and another conversation may mend some.
#[test]
fn other_closes_are_errors() {
    let mut talk = connected(json!({"recovery": {"reconnect": true}}));
    talk.closed(Some(1008), "Override for field 'voice_id' is not allowed by config.", None);
    let outputs = talk.take();
    let status = &outputs.of("status")[0];
    assert_eq!((&status["error"]["code"], &status["error"]["field"]), (&json!("policy"), &json!("voice")), "{status}");
    assert!(status["error"]["fix"].as_str().unwrap().contains("permit"), "{status}");
    for code in [1002, 1011] {
        let mut talk = connected(json!({"recovery": {"reconnect": false}}));
        talk.closed(Some(code), "llm_timeout", None);
        let status = talk.take().of("status")[0].clone();
        let word = if code == 1011 { "connection_lost" } else { "protocol" };
        assert_eq!((&status["status"], &status["error"]["code"]), (&json!("error"), &json!(word)));
    }
}

/// A tool that is done when all is over says so to a wall, and is told.
#[test]
fn a_result_after_the_end_is_refused() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host"}}));
    says(
        &mut talk,
        json!({"type": "client_tool_call", "client_tool_call":
        {"tool_name": "look", "tool_call_id": "t1", "parameters": {}, "event_id": 2}}),
    );
    audio(&mut talk, 3, 300);
    talk.closed(Some(1000), "", None);
    talk.take();
    let op = talk.answer("t1", "found");
    let outputs = talk.take();
    assert!(outputs.completed(op).unwrap().is_some());
    assert_eq!(frames(&outputs).len(), 0);
    // Not even a microphone is opened any more.
    talk.host(Command::SetCapture { on: true });
    assert!(!talk.take().0.iter().any(|o| matches!(o, Output::Capture { on: true })));
    talk.plays(300);
    assert_eq!(talk.take().of("status").len(), 1);
    talk.finish();
}

/// A reply of which the words never came ends as one that is not whole, and a call that runs is taken back.
#[test]
fn what_was_under_way_ends_with_the_connection() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host"}}));
    says(
        &mut talk,
        json!({"type": "client_tool_call", "client_tool_call":
        {"tool_name": "look", "tool_call_id": "t1", "parameters": {}, "event_id": 2}}),
    );
    audio(&mut talk, 3, 300);
    talk.take();
    talk.closed(Some(1000), "", None);
    let outputs = talk.take();
    assert_eq!(outputs.of("tool_cancelled").len(), 1);
    assert_eq!(outputs.of("generation_done")[0]["status"], "incomplete");
    talk.plays(300);
    assert_eq!(talk.take().of("status").len(), 1);
    talk.finish();
}

/// With nothing left to hear the end is told at once; another end than a good one is not put off.
#[test]
fn an_end_waits_for_nothing_else() {
    for (code, heard) in [(Some(1000), true), (Some(1011), false)] {
        let mut talk = connected(json!({}));
        response(&mut talk, 1, "Hello!");
        audio(&mut talk, 1, 100);
        complete(&mut talk, 1);
        if heard {
            talk.plays(100);
        }
        talk.take();
        talk.closed(code, "", None);
        assert_eq!(talk.take().of("status").len(), 1, "{code:?}");
        talk.finish();
    }
}
