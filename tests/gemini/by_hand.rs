//! Turns that the host begins and ends, of which the service takes nothing back.

use super::*;

/// So many frames of the microphone; at this service's rate each is 30 ms.
fn speaks(talk: &mut Talk, frames: usize) {
    for _ in 0..frames {
        talk.pass(30);
        talk.microphone(20);
    }
}

/// Samples of the microphone that were sent.
pub fn sent_samples(outputs: &Outputs) -> usize {
    let audio = |output: &Output| match output {
        Output::Send { text, audio: true, .. } => {
            let frame: Value = serde_json::from_str(text).unwrap();
            let data = frame["realtimeInput"]["audio"]["data"].as_str().unwrap().to_owned();
            base64_simd::STANDARD.decode_to_vec(data).unwrap().len() / 2
        }
        _ => 0,
    };
    outputs.0.iter().map(audio).sum()
}

/// Lines 19, 20: what was said before the button is sent behind the beginning of the turn, and its end is the request.
#[test]
fn a_turn_by_hand() {
    let mut talk = connected(json!({"turn_detection": {"mode": "manual"}}));
    for _ in 0..10 {
        talk.pass(20);
        talk.microphone(20);
    }
    assert_eq!(talk.take().0.len(), 0, "nobody holds the button");
    talk.host(Command::StartListening);
    for _ in 0..20 {
        talk.pass(20);
        talk.microphone(20);
    }
    let op = talk.host(Command::StopListening);
    let outputs = talk.take();
    assert_eq!(
        frames(&outputs),
        [json!({"realtimeInput": {"activityStart": {}}}), json!({"realtimeInput": {"activityEnd": {}}})]
    );
    let sent: Vec<_> = outputs.0.iter().filter(|o| matches!(o, Output::Send { .. })).collect();
    assert!(matches!(sent.first(), Some(Output::Send { audio: false, .. })), "the turn begins first");
    assert!(matches!(sent.last(), Some(Output::Send { audio: false, .. })) && sent.len() > 22, "{}", sent.len());
    done(&outputs, op);
    content(&mut talk, json!({"inputTranscription": {"text": "Hello.", "finished": true}}));
    speech(&mut talk, 200, "Hello to you.");
    turn_ends(&mut talk);
    talk.plays(200);
    let expected = [("user", "Hello."), ("assistant", "Hello to you.")];
    assert_eq!(said(&talk), expected.map(|(who, what)| (who.to_owned(), what.to_owned())));
    assert_eq!(frames(&talk.take()), [] as [Value; 0], "it answered by itself");
    talk.finish();
}

/// A tap of the button is no turn: of it the service hears nothing, for it would keep it; the next turn begins as any other.
#[test]
fn a_tap_is_no_turn() {
    let mut talk = connected(json!({"turn_detection": {"mode": "manual"}, "auto_capture": false}));
    talk.host(Command::StartListening);
    speaks(&mut talk, 3);
    let op = talk.host(Command::StopListening);
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).unwrap().unwrap().code, "turn_too_short");
    assert!(!outputs.0.iter().any(|o| matches!(o, Output::Send { .. })), "{outputs:?}");
    talk.host(Command::StartListening);
    speaks(&mut talk, 5);
    let op = talk.host(Command::StopListening);
    let outputs = talk.take();
    let turn = [json!({"realtimeInput": {"activityStart": {}}}), json!({"realtimeInput": {"activityEnd": {}}})];
    assert_eq!(
        (frames(&outputs), sent_samples(&outputs)),
        (turn.to_vec(), 5 * 480),
        "all of it, and nothing of the tap"
    );
    done(&outputs, op);
    talk.finish();
}

/// The same for what is to be forgotten: it can be as long as the service has not heard it.
#[test]
fn what_the_service_heard_cannot_be_cleared() {
    let mut talk = connected(json!({"turn_detection": {"mode": "manual"}, "auto_capture": false}));
    talk.host(Command::StartListening);
    speaks(&mut talk, 2);
    let op = talk.host(Command::ClearInput);
    done(&talk.take(), op);
    speaks(&mut talk, 5);
    let op = talk.host(Command::ClearInput);
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).unwrap().unwrap().code, "unsupported_option");
    talk.host(Command::StopListening);
    assert_eq!(sent_samples(&outputs) + sent_samples(&talk.take()), 5 * 480);
    talk.finish();
}

/// The turn that is held while the connection is lost is said again to the next one, once.
#[test]
fn a_turn_that_has_just_begun_crosses_a_lost_connection() {
    let more = json!({"turn_detection": {"mode": "manual"}, "auto_capture": false, "recovery": {"reconnect": true}});
    let mut talk = connected(more);
    talk.host(Command::StartListening);
    speaks(&mut talk, 2);
    talk.closed(None, "", None);
    talk.pass(8_000);
    talk.opened();
    says(&mut talk, json!({"setupComplete": {}}));
    speaks(&mut talk, 5);
    talk.host(Command::StopListening);
    assert_eq!(sent_samples(&talk.take()), 7 * 480);
    talk.finish();
}
