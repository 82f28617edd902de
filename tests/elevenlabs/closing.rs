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
