//! Sound that comes beside the events, as on WebRTC: whose it is, where it ends, and who cuts it.

use crate::common::{Talk, frame_of};
use duologue::{
    event::{Agent, EventKind},
    message::{MessageState, Part},
    session::{Command, Output},
};
use serde_json::{Value, json};

const LOUD: i16 = 8000;
/// Of the 200 ms of silence that are the end of a sound all but the last frame are given on: it could have been a pause.
const END: u64 = 180;

/// Connected over a transport that carries sound.
fn connected(config: Value) -> Talk {
    let mut talk = Talk::new(config);
    talk.host(Command::Connect);
    talk.carries_media(Some(65_536));
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_1"}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    talk.take();
    talk
}

fn buffer(talk: &mut Talk, what: &str, response: &str) {
    talk.server(&format!("output_audio_buffer.{what}"), json!({"response_id": response}));
}

fn words(talk: &mut Talk, text: &str) {
    let delta = json!({"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": text});
    talk.server("response.output_audio_transcript.delta", delta);
}

/// R1 with item A1 is generated to its end, and `ms` of its sound have come.
fn answer(talk: &mut Talk, ms: u64) {
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    buffer(talk, "started", "R1");
    words(talk, "one two three four five");
    talk.item_done("R1", "A1", 0, "one two three four five");
    talk.sound(ms, LOUD);
}

fn sent(outputs: &[Output]) -> Vec<String> {
    outputs.iter().filter_map(frame_of).map(|f| f["type"].as_str().unwrap().to_owned()).collect()
}

fn kinds(outputs: &[Output]) -> impl Iterator<Item = &EventKind> {
    outputs.iter().filter_map(|o| if let Output::Event(e) = o { Some(&e.kind) } else { None })
}

/// What the newest word of the mode says.
fn agent(outputs: &[Output]) -> Option<Agent> {
    kinds(outputs).filter_map(|k| if let EventKind::Mode(mode) = k { Some(mode.agent) } else { None }).last()
}

fn heard(talk: &Talk, item: &str) -> (Option<String>, u64, u64) {
    match talk.message(item).unwrap().parts.first() {
        Some(Part::Audio { heard_transcript, duration_ms, heard_ms, .. }) => {
            (heard_transcript.clone(), *duration_ms, *heard_ms)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_microphone_goes_beside_the_events() {
    let mut talk = connected(json!({}));
    talk.microphone(20);
    let outputs = talk.take().0;
    let media = outputs.iter().find_map(|o| if let Output::Media { pcm, .. } = o { Some(pcm.0.len()) } else { None });
    assert_eq!(media, Some(480), "20 ms at 24 kHz");
    assert!(sent(&outputs).is_empty(), "no input_audio_buffer.append: {outputs:?}");
}

/// Checklist 44.
#[test]
fn an_answer_is_heard_to_where_its_sound_ends_and_not_where_its_generation_does() {
    let mut talk = connected(json!({"auto_capture": false}));
    answer(&mut talk, 400);
    talk.plays(400);
    talk.done("R1", "completed", None);
    let outputs = talk.take().0;
    assert!(!kinds(&outputs).any(|k| matches!(k, EventKind::TurnDone(_))), "there is more to come");
    assert_eq!(agent(&outputs), Some(Agent::Speaking));
    talk.sound(100, LOUD);
    buffer(&mut talk, "stopped", "R1");
    // The way here takes its time, and speech has pauses.
    talk.sound(60, LOUD);
    talk.sound(100, 0);
    talk.sound(20, LOUD);
    talk.sound(200, 0);
    talk.plays(600);
    let outputs = talk.take().0;
    assert!(kinds(&outputs).any(|k| matches!(k, EventKind::TurnDone(_))), "{outputs:?}");
    assert_eq!(heard(&talk, "A1"), (Some("one two three four five".into()), 680 + END, 680 + END));
    assert!(!talk.message("A1").unwrap().interrupted);
    assert!(sent(&outputs).is_empty());
}

#[test]
fn an_answer_whose_sound_stays_away_ends_all_the_same() {
    let mut talk = connected(json!({"auto_capture": false}));
    answer(&mut talk, 0);
    talk.done("R1", "completed", None);
    buffer(&mut talk, "stopped", "R1");
    talk.take();
    talk.pass(1_000);
    let outputs = talk.take().0;
    assert!(kinds(&outputs).any(|k| matches!(k, EventKind::TurnDone(_))));
    assert_eq!(agent(&outputs), Some(Agent::Idle));
}

#[test]
fn sound_that_comes_before_its_announcement_is_not_lost() {
    let mut talk = connected(json!({"auto_capture": false}));
    talk.sound(200, 0);
    talk.response("R1");
    talk.sound(40, LOUD);
    buffer(&mut talk, "started", "R1");
    talk.sound(40, LOUD);
    talk.item("R1", "A1", None, "audio");
    talk.sound(20, LOUD);
    buffer(&mut talk, "stopped", "R1");
    talk.sound(200, 0);
    talk.done("R1", "completed", None);
    talk.plays(500);
    // The 40 ms from before the announcement belong to nobody else; the silence before them is nothing.
    assert_eq!(heard(&talk, "A1").1, 100 + END);
}

/// Trace 6.9: the vendor cuts what it sends, and knows where.
#[test]
fn a_user_who_speaks_up_is_heard_by_the_vendor_which_cuts_its_answer() {
    let mut talk = connected(json!({"auto_capture": false}));
    answer(&mut talk, 1000);
    talk.plays(600);
    talk.take();
    talk.user_speaks("U2", 0);
    talk.sound(60, LOUD);
    talk.flushes();
    buffer(&mut talk, "cleared", "R1");
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.server("conversation.item.truncated", json!({"item_id": "A1", "content_index": 0, "audio_end_ms": 640}));
    let outputs = talk.take().0;
    assert!(sent(&outputs).is_empty(), "checklist 43: no truncate, no cancel: {:?}", sent(&outputs));
    let cut = kinds(&outputs).find_map(|k| if let EventKind::Interrupted(i) = k { Some(*i) } else { None });
    let cut = cut.expect("interrupted");
    assert!(cut.server_truncated);
    assert_eq!(cut.heard_ms, 600);
    let message = talk.message("A1").unwrap();
    assert!(message.interrupted && message.state == MessageState::Incomplete);
    let (text, duration, heard_ms) = heard(&talk, "A1");
    assert_eq!((duration, heard_ms), (1000, 600), "what came after the cut is not part of it");
    // How many words fit into 600 of 1000 ms is another room's business (tests/heard.rs).
    let (text, all) = (text.expect("some were heard"), "one two three four five");
    assert!(!text.is_empty() && all.starts_with(&text) && text != all, "{text}");
}

/// Checklist 43.
#[test]
fn a_host_that_interrupts_cancels_and_clears_and_cuts_nothing() {
    let mut talk = connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    buffer(&mut talk, "started", "R1");
    words(&mut talk, "one two three four five");
    talk.sound(500, LOUD);
    talk.plays(300);
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    let outputs = talk.take().0;
    assert_eq!(sent(&outputs), ["response.cancel", "output_audio_buffer.clear"]);
    // The tail: generation is over, so only the sound is to stop.
    let mut talk = connected(json!({"auto_capture": false}));
    answer(&mut talk, 500);
    talk.done("R1", "completed", None);
    talk.plays(300);
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    let outputs = talk.take().0;
    assert_eq!(sent(&outputs), ["output_audio_buffer.clear"]);
    assert_eq!(heard(&talk, "A1").2, 300);
}

#[test]
fn an_event_that_is_too_long_for_the_connection_is_refused_and_not_sent() {
    let mut talk = connected(json!({"auto_capture": false}));
    let op = talk.say(&"x".repeat(70_000), false);
    let outputs = talk.take().0;
    let error = kinds(&outputs).find_map(|k| match k {
        EventKind::Completed(done) if done.op == op => done.error.clone(),
        _ => None,
    });
    let error = error.expect("refused");
    assert_eq!(error.code, "event_too_big");
    assert!(error.message.contains("65536"), "{error:?}");
    assert!(!sent(&outputs).iter().any(|kind| kind == "conversation.item.create"));
}

#[test]
fn a_line_that_is_lost_leaves_what_was_heard_and_no_more() {
    let mut talk = connected(json!({"auto_capture": false, "recovery": {}}));
    answer(&mut talk, 400);
    talk.done("R1", "completed", None);
    talk.plays(100);
    talk.closed(Some(1006), "", None);
    talk.plays(1000);
    let (text, duration, heard_ms) = heard(&talk, "A1");
    assert_eq!((duration, heard_ms), (400, 400));
    // Five words are generated, and 400 ms of them came.
    let text = text.expect("something was heard");
    assert!("one two three four five".starts_with(&text) && text.len() < "one two three four five".len(), "{text}");
}

#[test]
fn the_rest_of_a_cut_answer_is_not_the_beginning_of_the_next() {
    let mut talk = connected(json!({"auto_capture": false}));
    answer(&mut talk, 400);
    talk.plays(200);
    talk.host(Command::Interrupt);
    talk.flushes();
    talk.done("R1", "cancelled", Some("client_cancelled"));
    buffer(&mut talk, "cleared", "R1");
    // Still on its way.
    talk.sound(100, LOUD);
    talk.pass(300);
    talk.response("R2");
    talk.item("R2", "A2", None, "audio");
    talk.sound(20, LOUD);
    buffer(&mut talk, "started", "R2");
    talk.sound(80, LOUD);
    buffer(&mut talk, "stopped", "R2");
    talk.sound(200, 0);
    talk.done("R2", "completed", None);
    talk.plays(500);
    assert_eq!(heard(&talk, "A2").1, 100 + END);
    talk.finish();
}

/// What is spoken leaves in its own time, and the end of the turn belongs behind it.
#[test]
fn the_end_of_a_turn_does_not_overtake_its_last_words() {
    let mut talk = connected(json!({"auto_capture": false, "turn_detection": {"mode": "manual"}}));
    talk.host(Command::StartListening);
    talk.microphone(400);
    talk.take();
    talk.host(Command::StopListening);
    let outputs = talk.take().0;
    let at =
        |wanted: &dyn Fn(&Output) -> bool| outputs.iter().position(wanted).unwrap_or_else(|| panic!("{outputs:?}"));
    let behind = at(&|o| matches!(o, Output::AfterMedia { .. }));
    let kind = |o: &Output, kind: &str| frame_of(o).is_some_and(|f| f["type"] == kind);
    let commit = at(&|o| kind(o, "input_audio_buffer.commit"));
    assert!(behind < commit && commit < at(&|o| kind(o, "response.create")), "{outputs:?}");
}

#[test]
fn an_answer_that_was_cut_before_its_sound_began_is_cleared_when_it_begins() {
    let mut talk = connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.host(Command::Interrupt);
    assert!(
        !sent(&talk.take().0).iter().any(|kind| kind == "output_audio_buffer.clear"),
        "there is nothing to clear yet"
    );
    buffer(&mut talk, "started", "R1");
    assert_eq!(sent(&talk.take().0), ["output_audio_buffer.clear"]);
    talk.sound(100, LOUD);
    buffer(&mut talk, "cleared", "R1");
    talk.done("R1", "cancelled", Some("client_cancelled"));
    assert!(talk.message("A1").is_none(), "nobody heard it");
    talk.finish();
}

#[test]
fn a_configuration_that_is_too_long_for_the_connection_is_no_session_without_it() {
    let mut talk = Talk::new(json!({"auto_capture": false, "instructions": "x".repeat(70_000)}));
    let op = talk.host(Command::Connect);
    talk.carries_media(Some(65_536));
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_1"}}));
    talk.closed(Some(1009), "", None);
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).flatten().map(|e| e.code).as_deref(), Some("event_too_big"));
}

#[test]
fn a_result_that_is_too_long_for_the_connection_is_answered_with_why() {
    let config =
        json!({"auto_capture": false, "tools": [{"name": "f"}], "tool_handling": {"result_max_length": 262_144}});
    let mut talk = connected(config);
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.done("R1", "completed", None);
    talk.take();
    let op = talk.answer("call_1", &"x".repeat(70_000));
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).flatten().map(|e| e.code).as_deref(), Some("event_too_big"));
    assert_eq!(sent(&outputs.0), ["conversation.item.create", "response.create"], "the model is not left waiting");
    let result = outputs.0.iter().find_map(frame_of).unwrap();
    assert!(result["item"]["output"].as_str().unwrap().contains("65536"), "{result}");
}

#[test]
fn what_is_too_long_for_a_new_connection_is_not_told_and_the_host_knows() {
    let mut talk = connected(json!({"auto_capture": false, "recovery": {}}));
    talk.say("short", false);
    talk.acknowledge();
    // A WebSocket took it.
    talk.closed(Some(1006), "", None);
    let long = talk.say(&"x".repeat(70_000), false);
    talk.pass(2_000);
    talk.carries_media(Some(65_536));
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    talk.acknowledge();
    let outputs = talk.take();
    assert!(!outputs.0.iter().filter_map(frame_of).any(|f| f.to_string().len() > 65_536));
    assert!(outputs.completed(long).flatten().is_some(), "{outputs:?}");
}

/// Two spoken items of one response, as newer models make them: the second is cut where it was heard, and the first was
/// heard to its end.
#[test]
fn of_two_items_of_one_response_each_has_its_own_sound() {
    let mut talk = connected(json!({"auto_capture": false}));
    let (first, second) = ("Let me have a look at that for you.", "It is the lighthouse at the end of the pier.");
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    buffer(&mut talk, "started", "R1");
    talk.item_done("R1", "A1", 0, first);
    talk.item("R1", "A2", Some("A1"), "audio");
    talk.item_done("R1", "A2", 0, second);
    // 35 letters and gaps take 2 s at first, of ordinary speech. There is a pause in it, and one behind it.
    talk.sound(800, LOUD);
    talk.sound(200, 0);
    talk.sound(1100, LOUD);
    talk.sound(300, 0);
    talk.sound(1000, LOUD);
    talk.plays(3000);
    talk.user_speaks("U1", 3000);
    buffer(&mut talk, "cleared", "R1");
    talk.flushes();
    talk.done("R1", "cancelled", Some("turn_detected"));
    let (words, duration, heard_ms) = heard(&talk, "A1");
    assert_eq!((words.as_deref(), duration, heard_ms), (Some(first), 2400, 2400));
    assert!(!talk.message("A1").unwrap().interrupted);
    let (words, _, heard_ms) = heard(&talk, "A2");
    assert!((500..=1000).contains(&heard_ms), "{heard_ms}");
    let words = words.unwrap();
    assert!(second.starts_with(&words) && !words.is_empty() && words.len() < second.len(), "{words}");
    assert!(talk.message("A2").unwrap().interrupted);
    talk.finish();
}

/// The vendor goes on until it has heard that it is to stop, and its packets are on their way.
#[test]
fn nothing_of_an_answer_that_was_cut_is_heard_in_the_next_one() {
    let mut talk = connected(json!({"auto_capture": false}));
    answer(&mut talk, 400);
    talk.plays(200);
    talk.host(Command::Interrupt);
    talk.flushes();
    for _ in 0..40 {
        talk.sound(20, LOUD);
        talk.pass(20);
    }
    buffer(&mut talk, "cleared", "R1");
    talk.done("R1", "cancelled", Some("client_cancelled"));
    talk.sound(100, LOUD);
    talk.pass(1000);
    // A crackle on the line is nobody's word.
    talk.sound(20, LOUD);
    talk.sound(400, 0);
    talk.response("R2");
    talk.item("R2", "A2", None, "audio");
    buffer(&mut talk, "started", "R2");
    talk.sound(100, LOUD);
    buffer(&mut talk, "stopped", "R2");
    talk.sound(200, 0);
    talk.done("R2", "completed", None);
    talk.plays(1000);
    assert_eq!(heard(&talk, "A2").1, 100 + END);
    talk.finish();
}

#[test]
fn what_the_vendor_forgets_to_say_of_its_sound_is_found_out_and_told() {
    let mut talk = connected(json!({"auto_capture": false}));
    // It begins without a word.
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.sound(1200, LOUD);
    let outputs = talk.take();
    assert_eq!(outputs.complaints(), ["sound_unannounced"]);
    talk.item_done("R1", "A1", 0, "one two three four five");
    talk.done("R1", "completed", None);
    // And ends without one.
    talk.sound(4_900, 0);
    assert!(!kinds(&talk.take().0).any(|k| matches!(k, EventKind::TurnDone(_))), "it could be a pause");
    talk.sound(200, 0);
    talk.plays(7_000);
    let outputs = talk.take();
    assert_eq!(outputs.complaints(), ["sound_unended"]);
    assert!(kinds(&outputs.0).any(|k| matches!(k, EventKind::TurnDone(_))));
    assert_eq!(heard(&talk, "A1").0.as_deref(), Some("one two three four five"));
    talk.finish();
}

#[test]
fn an_answer_that_is_written_before_it_sounds_is_not_over() {
    let mut talk = connected(json!({"auto_capture": false}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.item_done("R1", "A1", 0, "Yes.");
    talk.done("R1", "completed", None);
    let outputs = talk.take().0;
    assert!(!kinds(&outputs).any(|k| matches!(k, EventKind::TurnDone(_))), "{outputs:?}");
    assert_ne!(agent(&outputs), Some(Agent::Idle));
    talk.pass(100);
    buffer(&mut talk, "started", "R1");
    talk.sound(300, LOUD);
    buffer(&mut talk, "stopped", "R1");
    talk.sound(200, 0);
    talk.plays(500);
    assert!(kinds(&talk.take().0).any(|k| matches!(k, EventKind::TurnDone(_))));
    assert_eq!(heard(&talk, "A1").0.as_deref(), Some("Yes."));
    // One that never sounds is over all the same.
    talk.response("R2");
    talk.item("R2", "A2", None, "audio");
    talk.item_done("R2", "A2", 0, "No.");
    talk.done("R2", "completed", None);
    talk.take();
    talk.pass(2_100);
    assert!(kinds(&talk.take().0).any(|k| matches!(k, EventKind::TurnDone(_))));
    talk.finish();
}

/// On a WebSocket an answer that is over has come; here its sound was still to be sent.
#[test]
fn an_answer_of_which_hardly_anything_was_heard_is_asked_for_again() {
    let mut talk = connected(json!({"auto_capture": false, "recovery": {"context_note": null}}));
    // Connected for so long that the first try comes at once.
    talk.pass(20_000);
    talk.say("What is a lighthouse?", true);
    talk.acknowledge();
    answer(&mut talk, 100);
    talk.done("R1", "completed", None);
    talk.plays(60);
    talk.take();
    talk.closed(None, "", None);
    talk.flushes();
    talk.pass(1_000);
    talk.carries_media(Some(65_536));
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    talk.acknowledge();
    let sent = sent(&talk.take().0);
    assert_eq!(sent.iter().filter(|kind| *kind == "response.create").count(), 1, "{sent:?}");
    assert_eq!(sent.iter().filter(|kind| *kind == "conversation.item.create").count(), 1, "the question: {sent:?}");
}
