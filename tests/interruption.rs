//! One speaker cuts the other off: what the vendor is told, what the history keeps, what the host
//! sees. `common/invariants.rs` checks after every input that each cut is the truth of the speaker.

mod common;

use common::Talk;
use duologue::{
    message::{MessageState, Part},
    session::Command,
};
use serde_json::{Value, json};

fn quiet() -> Value {
    json!({"auto_capture": false})
}

/// A session whose vendor does not cancel by itself.
fn own_cancel() -> Talk {
    let mut talk = Talk::connected(quiet());
    talk.server(
        "session.updated",
        json!({"session": {"audio": {"input": {"turn_detection":
        {"type": "server_vad", "create_response": true, "interrupt_response": false}}}}}),
    );
    talk.take();
    talk
}

fn truncate(item: &str, part: u32, ms: u64) -> Value {
    json!({"type": "conversation.item.truncate", "item_id": item, "content_index": part, "audio_end_ms": ms})
}

fn delete(item: &str) -> Value {
    json!({"type": "conversation.item.delete", "item_id": item})
}

fn cancel(response: &str) -> Value {
    json!({"type": "response.cancel", "response_id": response})
}

/// R1 with item A1: `received` ms of speech came, `heard` ms of it were played.
fn speaking(talk: &mut Talk, received: u64, heard: u64) {
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, received, "one two three four five six seven eight nine ten");
    talk.plays(heard);
    talk.take();
}

/// The same with generation over.
fn tail(talk: &mut Talk, received: u64, heard: u64) {
    speaking(talk, received, 0);
    talk.item_done("R1", "A1", 0, "one two three four five six seven eight nine ten");
    talk.done("R1", "completed", None);
    talk.plays(heard);
    talk.take();
}

fn heard_text(talk: &Talk, item: &str) -> Option<String> {
    talk.message(item)?.parts.iter().find_map(|p| match p {
        Part::Audio { heard_transcript, .. } => heard_transcript.clone(),
        _ => None,
    })
}

// Checklist 40.
#[test]
fn the_playback_tail_is_cut_where_it_was_heard() {
    let mut talk = Talk::connected(quiet());
    tail(&mut talk, 2000, 1000);
    talk.user_speaks("U2", 5000);
    let out = talk.take();
    assert_eq!((out.flushes(), out.names()), (1, vec![]), "generation is over: nothing to cancel");
    talk.plays(10);
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [truncate("A1", 0, 1010)]);
    let interrupted = &out.of("interrupted")[0];
    assert_eq!(
        (&interrupted["heard_ms"], &interrupted["source"], &interrupted["item"]),
        (&json!(1010), &json!("user"), &json!("A1"))
    );
    // Checklist 48.
    let message = talk.message("A1").unwrap();
    assert!(message.interrupted);
    assert_eq!(message.state, MessageState::Incomplete);
    assert_eq!(heard_text(&talk, "A1").unwrap(), "one two three four five", "half of the audio, half of the words");
    assert_eq!(message.text(), "one two three four five six seven eight nine ten", "what was generated is kept");
    assert_eq!(out.of("turn_done").len(), 1, "now the turn is over");
    talk.finish();
}

// Checklist 41: zero heard.
#[test]
fn what_nobody_heard_is_deleted() {
    for generation_is_over in [false, true] {
        let mut talk = Talk::connected(quiet());
        if generation_is_over {
            tail(&mut talk, 2000, 0)
        } else {
            speaking(&mut talk, 2000, 0)
        }
        talk.host(Command::Interrupt);
        talk.flushes();
        let out = talk.take();
        let cancels = if generation_is_over { vec![] } else { vec![cancel("R1")] };
        assert_eq!(out.frames(), [cancels, vec![delete("A1")]].concat());
        assert_eq!(out.of("interrupted")[0]["heard_ms"], 0);
        assert_eq!(out.of("message").last().unwrap()["op"], "removed");
        assert!(talk.message("A1").is_none());
        // What comes late about it does not bring it back.
        talk.item_done("R1", "A1", 0, "one two");
        talk.server("conversation.item.deleted", json!({"item_id": "A1"}));
        talk.done("R1", "cancelled", Some("client_cancelled"));
        assert!(talk.message("A1").is_none());
        assert_eq!(talk.take().names(), [""; 0]);
        talk.finish();
    }
}

#[test]
fn a_short_answer_nobody_heard_is_deleted_too() {
    let mut talk = Talk::connected(quiet());
    tail(&mut talk, 60, 0);
    talk.user_speaks("U2", 100);
    talk.flushes();
    assert_eq!(talk.take().frames(), [delete("A1")], "less than 100 ms are left, but nothing was heard");
    talk.finish();
}

// Checklist 30, 41: several items in one response.
#[test]
fn the_item_being_heard_is_cut_and_later_ones_are_deleted() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    for (item, previous) in [("A1", None), ("A2", Some("A1")), ("A3", Some("A2"))] {
        talk.item("R1", item, previous, "audio");
        talk.speech("R1", item, 0, 500, "words that take a while");
        talk.item_done("R1", item, 0, "words that take a while");
    }
    talk.done("R1", "completed", None);
    talk.plays(700);
    let out = talk.take();
    assert_eq!(out.of("playback_started").len(), 2);
    assert_eq!(out.of("playback_finished")[0]["complete"], true);
    talk.user_speaks("U2", 100);
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [truncate("A2", 0, 200), delete("A3")], "A1 was heard to its end");
    assert_eq!(out.of("interrupted").len(), 2);
    assert_eq!(talk.order(), ["A1", "A2", "U2"]);
    assert_eq!(heard_text(&talk, "A1").unwrap(), "words that take a while");
    assert!(!talk.message("A1").unwrap().interrupted);
    talk.finish();
}

#[test]
fn an_item_with_a_part_that_was_heard_is_not_deleted_for_one_that_was_not() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 300, "first part");
    talk.item_done("R1", "A1", 0, "first part");
    talk.part("R1", "A1", 1, "audio");
    talk.speech("R1", "A1", 1, 900, "second part");
    talk.plays(300);
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    assert_eq!(talk.take().frames(), [cancel("R1"), truncate("A1", 1, 0)]);
    assert!(talk.message("A1").unwrap().interrupted);
    talk.finish();
}

#[test]
fn an_item_with_two_parts_nobody_heard_is_deleted_once() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 300, "first part");
    talk.part("R1", "A1", 1, "audio");
    talk.speech("R1", "A1", 1, 900, "second part");
    talk.host(Command::Interrupt);
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [cancel("R1"), delete("A1")]);
    assert_eq!(out.of("interrupted").len(), 1);
    talk.finish();
}

// Checklist 41: fully heard.
#[test]
fn what_was_heard_to_its_end_is_not_cut() {
    let mut talk = Talk::connected(quiet());
    tail(&mut talk, 1000, 1000);
    talk.user_speaks("U2", 100);
    let out = talk.take();
    assert_eq!((out.flushes(), out.names()), (0, vec![]));
    assert_eq!(out.of("interrupted").len(), 0);
    assert_eq!(heard_text(&talk, "A1").unwrap(), "one two three four five six seven eight nine ten");
    talk.finish();
}

// Checklist 41: less than 100 ms left count as heard.
#[test]
fn the_last_tenth_of_a_second_is_not_worth_a_cut() {
    for (heard, cut) in [(901, false), (900, true)] {
        let mut talk = Talk::connected(quiet());
        tail(&mut talk, 1000, heard);
        talk.user_speaks("U2", 100);
        talk.flushes();
        let out = talk.take();
        let frames = if cut { vec![truncate("A1", 0, heard)] } else { vec![] };
        assert_eq!(out.frames(), frames);
        assert_eq!(out.of("interrupted").len(), usize::from(cut));
        assert_eq!(talk.message("A1").unwrap().interrupted, cut);
        if !cut {
            assert_eq!(heard_text(&talk, "A1").unwrap(), "one two three four five six seven eight nine ten");
        }
        assert_eq!(out.of("turn_done").len(), 1);
        talk.finish();
    }
}

// Checklist 41: text-only and audio-less items.
#[test]
fn text_and_calls_are_neither_cut_nor_deleted() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    talk.response("R1");
    talk.item("R1", "A1", None, "text");
    talk.server(
        "response.output_text.delta",
        json!({"response_id": "R1", "item_id": "A1", "content_index": 0, "delta": "written"}),
    );
    talk.call("R1", "F1", "call_1", "f", "{}");
    talk.take();
    let op = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!((out.frames(), out.flushes()), (vec![cancel("R1")], 0));
    assert_eq!(out.completed(op), Some(None));
    talk.done("R1", "cancelled", Some("client_cancelled"));
    assert_eq!(talk.take().names(), [""; 0]);
    assert_eq!(talk.order(), ["A1", "F1"]);
    talk.finish();
}

#[test]
fn a_spoken_item_of_which_no_audio_came_is_deleted_not_truncated() {
    let mut talk = Talk::connected(quiet());
    speaking(&mut talk, 1000, 500);
    talk.item_done("R1", "A1", 0, "one");
    talk.item("R1", "A2", Some("A1"), "audio");
    talk.take();
    talk.user_speaks("U2", 100);
    // The vendor is quicker than the speaker.
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.flushes();
    assert_eq!(talk.take().frames(), [delete("A2"), truncate("A1", 0, 500)]);
    assert_eq!(talk.order(), ["A1", "U2"]);
    talk.finish();
}

#[test]
fn an_interrupt_before_any_audio_deletes_the_announced_item() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.take();
    let op = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!((out.frames(), out.flushes()), (vec![cancel("R1"), delete("A1")], 0));
    assert_eq!(out.completed(op), Some(None), "there is no speaker to wait for");
    // Another item the vendor announced before it knew.
    talk.item("R1", "A2", None, "audio");
    talk.speech("R1", "A2", 0, 200, "late");
    talk.done("R1", "cancelled", Some("client_cancelled"));
    assert_eq!(talk.take().frames(), [delete("A2")]);
    assert_eq!(talk.order(), [""; 0]);
    talk.finish();
}

#[test]
fn a_command_cancels_and_completes_when_the_speaker_is_silent() {
    let mut talk = Talk::connected(quiet());
    speaking(&mut talk, 2000, 400);
    let op = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!((out.frames(), out.flushes(), out.completed(op)), (vec![cancel("R1")], 1, None));
    let second = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!((out.names(), out.flushes()), (vec![], 0), "asked once is enough");
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [truncate("A1", 0, 400)]);
    assert_eq!((out.completed(op), out.completed(second)), (Some(None), Some(None)));
    assert_eq!(out.of("interrupted")[0]["source"], "call");
    talk.finish();
}

#[test]
fn by_speech_the_vendor_cancels_when_its_session_says_so() {
    // The configuration asks for it both times; the effective session decides (checklist 11).
    for (mut talk, frames) in [(own_cancel(), vec![cancel("R1")]), (Talk::connected(quiet()), vec![])] {
        speaking(&mut talk, 2000, 400);
        talk.user_speaks("U2", 100);
        let out = talk.take();
        assert_eq!((out.frames(), out.flushes()), (frames, 1));
        talk.flushes();
        assert_eq!(talk.take().frames(), [truncate("A1", 0, 400)]);
        talk.finish();
    }
}

// Checklist 45.
#[test]
fn without_interrupt_response_speech_cuts_nothing() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "turn_detection": {"interrupt_response": false}}));
    speaking(&mut talk, 2000, 400);
    talk.user_speaks("U2", 100);
    talk.user_is_silent("U2", Some("A1"), 900);
    let out = talk.take();
    assert_eq!((out.names(), out.flushes()), (vec![], 0));
    assert_eq!(out.of("mode").last().unwrap()["agent"], "speaking", "both speak");
    talk.speech("R1", "A1", 0, 1000, "goes on");
    assert_eq!(talk.take().played_ms(), 1000);
    talk.host(Command::Interrupt);
    talk.flushes();
    assert_eq!(talk.take().frames(), [cancel("R1"), truncate("A1", 0, 400)], "the host still can");
    talk.finish();
}

// Checklist 42.
#[test]
fn late_audio_of_a_cut_response_is_dropped_and_counted() {
    let mut talk = Talk::connected(quiet());
    speaking(&mut talk, 1000, 400);
    talk.user_speaks("U2", 100);
    talk.speech("R1", "A1", 0, 500, "");
    talk.flushes();
    talk.speech("R1", "A1", 0, 500, "");
    talk.done("R1", "cancelled", Some("turn_detected"));
    let out = talk.take();
    assert_eq!(out.played_ms(), 0);
    assert_eq!(talk.session.stats().late_audio, 1000 * common::PER_MS);
    // The next response is heard.
    talk.response("R2");
    talk.item("R2", "A2", None, "audio");
    talk.speech("R2", "A2", 0, 300, "new");
    assert_eq!(talk.take().played_ms(), 300);
    talk.finish();
}

#[test]
fn audio_after_the_end_of_its_response_is_dropped() {
    let mut talk = Talk::connected(quiet());
    tail(&mut talk, 500, 500);
    talk.speech("R1", "A1", 0, 500, "");
    let out = talk.take();
    assert_eq!((out.played_ms(), talk.session.stats().late_audio), (0, 500 * common::PER_MS));
    assert_eq!(out.of("mode").len(), 0);
    talk.finish();
}

/// The flush takes a callback; a quick vendor can have answered by then.
#[test]
fn an_answer_that_begins_while_the_flush_is_under_way_is_not_cut() {
    let mut talk = Talk::connected(quiet());
    tail(&mut talk, 2000, 400);
    talk.say("and now?", true);
    let request = talk.take().request();
    talk.response_for("R2", Some(&request));
    talk.item("R2", "A2", None, "audio");
    talk.speech("R2", "A2", 0, 1000, "something new");
    talk.take();
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [truncate("A1", 0, 400)]);
    assert_eq!(out.of("interrupted").len(), 1);
    talk.plays(1000);
    talk.item_done("R2", "A2", 0, "something new");
    talk.done("R2", "completed", None);
    let out = talk.take();
    assert_eq!(out.of("playback_finished")[0]["heard_ms"], 1000);
    assert_eq!(out.of("turn_done").len(), 1);
    talk.finish();
}

/// The second interruption finds a flush under way and an answer that came after it.
#[test]
fn an_answer_that_begins_while_the_flush_is_under_way_can_be_cut_as_well() {
    let mut talk = Talk::connected(quiet());
    tail(&mut talk, 2000, 400);
    talk.say("and now?", true);
    let request = talk.take().request();
    talk.response_for("R2", Some(&request));
    talk.item("R2", "A2", None, "audio");
    talk.speech("R2", "A2", 0, 1000, "something new");
    let op = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!((out.names(), out.flushes()), (vec!["response.cancel".to_owned()], 1));
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [truncate("A1", 0, 400), delete("A2")]);
    assert_eq!(out.completed(op), Some(None));
    talk.finish();
}

/// A cancelled response says `done` for everything. That does not make its audio complete.
#[test]
fn closing_events_of_a_cut_response_do_not_make_it_look_complete() {
    let mut talk = Talk::connected(quiet());
    speaking(&mut talk, 1000, 950);
    talk.user_speaks("U2", 100);
    talk.server("response.output_audio.done", json!({"response_id": "R1", "item_id": "A1", "content_index": 0}));
    talk.done("R1", "cancelled", Some("turn_detected"));
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.frames(), [truncate("A1", 0, 950)]);
    let why = "17 letters in 0.95 s at 55 ms, a gap counting as one: more than half of the fourth word";
    assert_eq!(heard_text(&talk, "A1").unwrap(), "one two three four", "{why}");
    assert!(talk.message("A1").unwrap().interrupted);
    talk.finish();
}

#[test]
fn sending_text_can_interrupt() {
    let mut talk = Talk::connected(quiet());
    speaking(&mut talk, 2000, 300);
    talk.say("stop, listen", true);
    let out = talk.take();
    assert_eq!(out.names(), ["response.cancel", "conversation.item.create"], "the request waits for the end of R1");
    talk.flushes();
    talk.done("R1", "cancelled", Some("client_cancelled"));
    assert_eq!(talk.take().names(), ["conversation.item.truncate", "response.create"]);
    talk.finish();
}

/// Speech that comes unannounced is heard and cut like any other.
#[test]
fn a_vendor_that_announces_no_parts_is_cut_right() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    let message = json!({"id": "A1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
    talk.server("response.output_item.added", json!({"response_id": "R1", "output_index": 0, "item": message}));
    talk.speech("R1", "A1", 0, 1000, "");
    talk.plays(200);
    talk.host(Command::Interrupt);
    talk.flushes();
    assert_eq!(talk.take().frames().last(), Some(&truncate("A1", 0, 200)));
    let Part::Audio { heard_ms, duration_ms, .. } = talk.message("A1").unwrap().parts[0] else { panic!("no speech") };
    assert_eq!((heard_ms, duration_ms), (200, 1000));
    talk.finish();
}

#[test]
fn disconnecting_stops_the_speaker_and_tells_the_vendor_nothing() {
    let mut talk = Talk::connected(quiet());
    speaking(&mut talk, 2000, 300);
    talk.host(Command::Disconnect);
    let out = talk.take();
    assert_eq!((out.flushes(), out.names()), (1, vec![]));
    talk.flushes();
    talk.closed(Some(1000), "", None);
    let out = talk.take();
    assert_eq!(out.names(), [""; 0]);
    assert_eq!(heard_text(&talk, "A1").unwrap(), "one");
    assert_eq!(out.of("mode").last().unwrap()["agent"], "idle");
    talk.finish();
}

#[test]
fn what_is_told_late_about_an_answer_belongs_to_its_own_turn() {
    let mut talk = Talk::connected(quiet());
    talk.user_speaks("U1", 0);
    talk.take();
    speaking(&mut talk, 2000, 1000);
    talk.user_speaks("U2", 5000);
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.of("speech_started")[0]["turn"], 2);
    assert_eq!(out.of("interrupted")[0]["turn"], 1, "the answer to the first turn was cut");
    assert_eq!(out.of("playback_finished")[0]["turn"], 1);
}
