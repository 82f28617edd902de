//! A vendor that speaks xAI's form of the dialect: commits that ask, words told anew, answers dropped without a word.
//! Numbers are lines of the checklist in the protocols reference (§12).

use super::ask;
use crate::common::{PER_MS, Talk, base64_ms};
use duologue::session::{Command, Input};
use serde_json::{Value, json};

fn talk(mut more: Value) -> Talk {
    more["provider"] = "xai".into();
    Talk::connected(more)
}

fn manual(create_response: bool) -> Talk {
    talk(json!({"turn_detection": {"mode": "manual", "create_response": create_response}}))
}

/// A turn by hand of that loudness.
fn turn(talk: &mut Talk, sample: i16) {
    talk.host(Command::StartListening);
    talk.take();
    let pcm = vec![sample; (200 * PER_MS) as usize];
    talk.input(Input::Microphone { pcm: pcm.into(), age_us: 0 });
    talk.host(Command::StopListening);
}

fn control(talk: &mut Talk) -> Vec<String> {
    talk.take().names().into_iter().filter(|name| !name.ends_with("append")).collect()
}

fn so_far(talk: &mut Talk, kind: &str, words: &str) {
    let kind = format!("conversation.item.input_audio_transcription.{kind}");
    talk.server(&kind, json!({"item_id": "U1", "transcript": words}));
}

/// The user's transcripts: mode and words.
fn words(talk: &mut Talk) -> Vec<(String, String)> {
    let text = |v: &Value, name: &str| v[name].as_str().unwrap_or_default().to_owned();
    let told = talk.take().of("transcript");
    told.iter().filter(|t| t["role"] == "user").map(|t| (text(t, "mode"), text(t, "text"))).collect()
}

fn pair(mode: &str, text: &str) -> (String, String) {
    (mode.into(), text.into())
}

#[test]
fn xai_4_nothing_is_heard_before_the_session_is_confirmed() {
    let mut talk = Talk::new(json!({"provider": "xai"}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("conversation.created", json!({"conversation": {"id": "c"}}));
    talk.server("session.created", json!({"session": {"id": "s"}}));
    talk.microphone(100);
    let session = talk.wish();
    let out = talk.take();
    assert_eq!((out.appended_ms(), out.names()), (0, vec!["session.update".to_owned()]));
    talk.server("session.updated", json!({"session": session}));
    talk.microphone(100);
    assert!(talk.take().appended_ms() > 0);
    talk.finish();
}

#[test]
fn xai_1_another_model_is_a_warning() {
    let mut talk = Talk::new(json!({"provider": "xai", "model": "grok-voice-3.0"}));
    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {"id": "s", "model": "grok-2"}}));
    let warnings = talk.take().of("warning");
    assert!(warnings.iter().any(|w| w["code"] == "model_replaced"), "{warnings:?}");
}

#[test]
fn xai_8_and_9_words_replace_and_one_of_them_is_final() {
    let mut talk = talk(json!({}));
    talk.user_speaks("U1", 0);
    so_far(&mut talk, "updated", "could");
    so_far(&mut talk, "updated", "good morning");
    talk.user_is_silent("U1", None, 900);
    so_far(&mut talk, "completed", "good morning");
    so_far(&mut talk, "completed", "Good morning!");
    let told = words(&mut talk);
    assert!(told.iter().all(|(mode, _)| mode == "replace"), "{told:?}");
    assert_eq!(told.last(), Some(&pair("replace", "Good morning!")));
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    assert_eq!(words(&mut talk), [pair("final", "Good morning!")]);
    so_far(&mut talk, "completed", "Good morning!");
    assert_eq!(words(&mut talk), [], "the same again is nothing");
    talk.speech("R1", "A1", 0, 200, "Hello.");
    talk.item_done("R1", "A1", 0, "Hello.");
    talk.done("R1", "completed", None);
    talk.plays(200);
    assert_eq!(words(&mut talk), []);
    talk.finish();
}

#[test]
fn xai_9_without_an_answer_the_end_makes_words_final() {
    let mut talk = talk(json!({}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 900);
    so_far(&mut talk, "updated", "bye");
    talk.take();
    talk.closed(Some(1000), "", None);
    assert_eq!(words(&mut talk), [pair("final", "bye")]);
    talk.finish();
}

#[test]
fn xai_11_and_12_a_call_that_is_announced_twice_runs_once() {
    let mut talk = talk(json!({"tools": [{"name": "clock"}]}));
    talk.response("R1");
    let item = json!({"id": "F1", "type": "function_call", "call_id": "C1", "name": "clock", "arguments": ""});
    for _ in 0..2 {
        talk.server("conversation.item.added", json!({"item": item, "previous_item_id": "nobody"}));
    }
    talk.call("R1", "F1", "C1", "clock", "{}");
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().of("tool_call").len(), 1);
    talk.answer("C1", "12:00");
    talk.acknowledge();
    assert_eq!(talk.take().names(), ["conversation.item.create", "response.create"]);
    talk.finish();
}

#[test]
fn xai_13_a_request_waits_for_the_answer_that_runs() {
    let mut talk = talk(json!({}));
    talk.response("R1");
    ask(&mut talk);
    assert_eq!(control(&mut talk), [""; 0]);
    talk.done("R1", "completed", None);
    assert_eq!(control(&mut talk), ["response.create"]);
    talk.finish();
}

#[test]
fn xai_16_an_answer_is_over_when_the_user_goes_on_in_the_same_item() {
    let mut talk = talk(json!({}));
    talk.user_speaks("U1", 0);
    talk.server("input_audio_buffer.speech_stopped", json!({"audio_end_ms": 500, "item_id": "U1"}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.take();
    talk.user_speaks("U1", 700);
    let out = talk.take();
    let ended = out.of("generation_done");
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["status"], "cancelled");
    assert!(!out.names().contains(&"response.cancel".to_owned()), "there is nothing left to cancel");
    talk.user_is_silent("U1", None, 1200);
    talk.response("R2");
    talk.item("R2", "A2", Some("U1"), "audio");
    talk.speech("R2", "A2", 0, 200, "Yes.");
    talk.item_done("R2", "A2", 0, "Yes.");
    talk.done("R2", "completed", None);
    talk.plays(200);
    assert_eq!(talk.take().of("turn_done").len(), 1);
    assert!(talk.message("A1").is_none() && talk.message("A2").is_some());
    talk.finish();
}

#[test]
fn xai_17_and_18_who_speaks_silences_and_cancels_and_nothing_is_truncated() {
    let mut talk = talk(json!({}));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "one two three four");
    talk.plays(400);
    talk.take();
    talk.user_speaks("U1", 0);
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.names(), ["response.cancel"], "no truncate: the service does not do it");
    assert_eq!(out.of("interrupted").len(), 1);
    // No end comes: it is concluded, and the next answer is in nobody's way.
    talk.pass(2_000);
    assert_eq!(talk.take().of("generation_done").len(), 0);
    talk.pass(600);
    let out = talk.take();
    assert_eq!(out.of("generation_done")[0]["status"], "cancelled");
    assert!(out.of("warning").is_empty());
    assert!(talk.message("A1").unwrap().interrupted);
    talk.finish();
}

#[test]
fn xai_21_the_end_of_a_turn_by_hand_is_the_request() {
    let mut talk = manual(true);
    turn(&mut talk, 9000);
    assert_eq!(control(&mut talk), ["input_audio_buffer.commit"]);
    ask(&mut talk);
    assert_eq!(control(&mut talk), [""; 0], "a request would overtake the speech");
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    talk.response("R1");
    talk.done("R1", "completed", None);
    // Line 22: what was answered is not answered again before something else came.
    assert_eq!(control(&mut talk), ["input_audio_buffer.clear", "response.create"]);
    talk.finish();
}

#[test]
fn xai_21_silence_asks_for_nothing_so_it_is_asked_for() {
    let mut talk = manual(true);
    turn(&mut talk, 3);
    assert_eq!(control(&mut talk), ["input_audio_buffer.commit", "response.create"]);
    talk.finish();
}

#[test]
fn xai_21_a_turn_that_is_not_to_be_answered_yet_is_kept_open() {
    let mut talk = manual(false);
    turn(&mut talk, 9000);
    assert_eq!(control(&mut talk), [""; 0]);
    let op = ask(&mut talk);
    assert_eq!(control(&mut talk), ["input_audio_buffer.commit"]);
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.response("R1");
    talk.done("R1", "completed", None);
    assert_eq!(control(&mut talk), [""; 0]);
    talk.finish();
}

#[test]
fn the_end_of_capturing_is_silence_where_commits_are_ignored() {
    let mut talk = talk(json!({}));
    talk.microphone(100);
    talk.user_speaks("U1", 0);
    talk.take();
    let op = talk.host(Command::StopListening);
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None));
    assert!(out.all_names().iter().all(|name| name == "input_audio_buffer.append"));
    assert!(out.appended_ms() >= 500, "as much as ends a turn");
    talk.user_is_silent("U1", None, 600);
    assert_eq!(control(&mut talk), [""; 0], "it is answered by itself");
    talk.finish();
}

#[test]
fn xai_23_words_to_say_begin_a_response_of_their_own() {
    let mut talk = talk(json!({}));
    let op = talk.host(Command::Say { text: "Hello!".into() });
    let out = talk.take();
    assert_eq!(out.names(), ["conversation.item.create"]);
    talk.response("R1");
    assert_eq!(talk.take().completed(op), Some(None));
    talk.item("R1", "A1", None, "audio");
    talk.server(
        "response.output_audio.delta",
        json!({"response_id": "R1", "item_id": "A1", "content_index": 0,
        "delta": base64_ms(100)}),
    );
    talk.done("R1", "completed", None);
    talk.plays(100);
    talk.finish();
}

#[test]
fn xai_25_the_longest_conversation_goes_on_in_another_session() {
    let mut talk = talk(json!({"recovery": {}}));
    talk.say("hi", false);
    talk.acknowledge();
    talk.take();
    talk.server("error", json!({"error": {"type": "max_duration", "message": "over"}}));
    talk.pass(10_000);
    talk.reconnected();
    assert_eq!(talk.take().of("session_replaced").len(), 1);
    talk.finish();
}

/// The vendor tells the whole time of the conversation each time; the host is told what is new of it.
#[test]
fn xai_24_billed_time_is_what_was_added() {
    let mut talk = talk(json!({}));
    let mut billed = |id: &str, total: Value| {
        talk.server("response.created", json!({"response": {"id": id}}));
        let usage = json!({"input_tokens": 5, "output_tokens": 7, "billable_audio_seconds": total});
        talk.server("response.done", json!({"response": {"id": id, "status": "completed"}, "usage": usage}));
        talk.take().of("usage")[0]["billed_ms"].clone()
    };
    assert_eq!(billed("R1", json!(1.25)), 1250);
    assert_eq!(billed("R2", json!(4.5)), 3250);
    assert_eq!(billed("R3", json!(4.5)), 0);
    // Nobody counts time below nothing, or a number that is none.
    assert_eq!(billed("R4", json!(-1)), Value::Null);
    assert_eq!(billed("R5", json!("much")), Value::Null);
    // Less than before is of another conversation.
    assert_eq!(billed("R6", json!(0.5)), 500);
    talk.finish();
}
