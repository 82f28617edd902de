//! The conversation in order.

use crate::common::Talk;
use crate::quiet;
use duologue::{
    event::{EventKind, MessageOp},
    message::{MessageState, Part},
    session::Command,
};
use serde_json::{Value, json};

// History.
#[test]
fn checklist_46_order_follows_the_links_not_the_arrival() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "turn_detection": {"interrupt_response": false}}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    // The answer's item comes with its link while the words of the question are not known.
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.user_speaks("U2", 900);
    // Another item of the same answer, announced when the user already speaks again.
    talk.item("R1", "A1b", Some("A1"), "text");
    talk.user_is_silent("U2", Some("A1b"), 1500);
    assert_eq!(talk.order(), ["U1", "A1", "A1b", "U2"]);
    let place = |m: &Value| (m["message"]["id"].clone(), m["after"].clone(), m["op"].clone());
    let moved: Vec<_> = talk.take().of("message").iter().map(place).filter(|(id, ..)| id == "A1b").collect();
    let updated = (json!("A1b"), json!("A1"), json!("updated"));
    let whole = [(json!("A1b"), json!("U2"), json!("added")), updated.clone(), updated];
    assert_eq!(moved, whole, "added, moved, and its part announced");
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": "U1", "content_index": 0, "transcript": "the question"}),
    );
    assert_eq!(talk.order(), ["U1", "A1", "A1b", "U2"]);
    assert_eq!(talk.message("U1").unwrap().text(), "the question");
    talk.finish();
}

#[test]
fn checklist_47_transcripts_of_overlapping_utterances_do_not_mix() {
    let mut talk = Talk::connected(quiet());
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    talk.user_speaks("U2", 700);
    talk.user_is_silent("U2", Some("U1"), 1200);
    let say = |talk: &mut Talk, kind: &str, item: &str, field: &str, text: &str| {
        talk.server(
            &format!("conversation.item.input_audio_transcription.{kind}"),
            json!({"item_id": item, "content_index": 0, field: text}),
        );
    };
    say(&mut talk, "delta", "U1", "delta", "one ");
    say(&mut talk, "delta", "U2", "delta", "two ");
    say(&mut talk, "delta", "U1", "delta", "first");
    say(&mut talk, "completed", "U2", "transcript", "two second");
    assert_eq!(talk.message("U1").unwrap().text(), "one first");
    assert_eq!(talk.message("U1").unwrap().state, MessageState::InProgress);
    say(&mut talk, "completed", "U1", "transcript", "one first, corrected");
    talk.server(
        "conversation.item.input_audio_transcription.failed",
        json!({"item_id": "U2", "content_index": 0, "error": {"message": "inaudible"}}),
    );
    assert_eq!(
        (talk.message("U1").unwrap().text().as_str(), talk.message("U2").unwrap().text().as_str()),
        ("one first, corrected", "two second")
    );
    assert_eq!(talk.order(), ["U1", "U2"]);
    talk.finish();
}

#[test]
fn checklist_49_deleted_items_disappear_and_stay_away() {
    let mut talk = Talk::connected(quiet());
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    talk.server("conversation.item.deleted", json!({"item_id": "U1"}));
    let out = talk.take();
    assert_eq!(out.of("message").last().unwrap()["op"], "removed");
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": "U1", "transcript": "too late"}),
    );
    let message = json!({"id": "U1", "type": "message", "role": "user", "content": []});
    talk.server("conversation.item.done", json!({"item": message}));
    talk.server("input_audio_buffer.committed", json!({"item_id": "U1", "previous_item_id": null}));
    assert_eq!(talk.order(), [""; 0]);
    assert_eq!(talk.take().of("transcript").len(), 0);
    talk.finish();
}

#[test]
fn a_typed_message_is_complete_at_once_and_speech_when_its_words_are_known() {
    let mut talk = Talk::connected(quiet());
    talk.say("hello", false);
    assert_eq!(talk.take().of("message")[0]["message"]["state"], "completed");
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    assert_eq!(talk.message("U1").unwrap().state, MessageState::InProgress);
    talk.finish();
    // Without transcription no words will ever come.
    let mut talk = Talk::connected(json!({"auto_capture": false, "transcription": null}));
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    assert_eq!(talk.message("U1").unwrap().state, MessageState::Completed);
    talk.finish();
}

#[test]
fn a_refused_message_leaves_the_conversation() {
    let mut talk = Talk::connected(quiet());
    let op = talk.say("hello", false);
    let event = talk.take().event_id("conversation.item.create");
    talk.error("invalid_value", Some(&event));
    let out = talk.take();
    assert!(matches!(out.completed(op), Some(Some(e)) if e.provider_code.as_deref() == Some("invalid_value")));
    assert_eq!(talk.order(), [""; 0]);
    talk.finish();
}

/// A host that applies the `message` events has the same conversation as the session.
#[test]
fn message_events_tell_the_whole_history() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.say("hello", false);
    let request = talk.take().request();
    talk.response_for("R1", Some(&request));
    talk.call("R1", "F1", "call_1", "f", "{\"a\":1}");
    talk.answer("call_1", "done");
    talk.done("R1", "completed", None);
    talk.user_speaks("U1", 0);
    talk.response("R2");
    talk.item("R2", "A1", Some("F1"), "audio");
    talk.speech("R2", "A1", 0, 900, "a rather long answer to that");
    talk.plays(500);
    talk.host(Command::Interrupt);
    talk.flushes();
    let mut copy: Vec<duologue::message::Message> = talk.session.messages().iter().take(1).cloned().collect();
    for event in talk.take().events() {
        let EventKind::Message(change) = &event.kind else { continue };
        let at = copy.iter().position(|m| m.id == change.message.id);
        let old = at.map(|at| copy.remove(at));
        if change.op == MessageOp::Removed {
            continue;
        }
        let mut message = (*change.message).clone();
        if let Some(old) = old {
            let new = std::mem::replace(&mut message.parts, old.parts);
            for (part, index) in new.into_iter().zip(&change.changed) {
                message
                    .parts
                    .resize(message.parts.len().max(*index as usize + 1), Part::Text { content: String::new() });
                message.parts[*index as usize] = part;
            }
        }
        let to = change.after.as_ref().map_or(0, |id| copy.iter().position(|m| m.id == *id).unwrap() + 1);
        copy.insert(to, message);
    }
    assert_eq!(copy, talk.session.messages());
    talk.finish();
}
