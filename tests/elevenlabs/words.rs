//! Words that come with their sound, and what of them is kept when an answer is cut off.

use super::*;
use duologue::message::Part;

/// `ms` of the agent's speech, and the letters that are spoken in it.
fn spoken(talk: &mut Talk, event: u64, ms: u64, words: &str) {
    let count = words.chars().count() as u64;
    let starts: Vec<u64> = (0..count).map(|i| i * ms / count).collect();
    let durations: Vec<u64> = (0..count).map(|i| (i + 1) * ms / count - i * ms / count).collect();
    let chars: Vec<String> = words.chars().map(String::from).collect();
    let alignment = json!({"chars": chars, "char_start_times_ms": starts, "char_durations_ms": durations});
    let data = base64_simd::STANDARD.encode_to_string(vec![1u8; ms as usize * 96]);
    let audio = json!({"audio_base_64": data, "event_id": event, "alignment": alignment});
    says(talk, json!({"type": "audio", "audio_event": audio}));
}

/// All words of the first message, and what was heard of it.
fn first(talk: &Talk) -> (String, Option<String>) {
    match &talk.session.messages()[0].parts[0] {
        Part::Audio { transcript, heard_transcript, .. } => (transcript.clone(), heard_transcript.clone()),
        part => panic!("{part:?}"),
    }
}

fn deltas(outputs: &Outputs) -> String {
    let words = outputs.of("transcript").into_iter().filter(|t| t["mode"] == "delta");
    words.map(|t| t["text"].as_str().unwrap().to_owned()).collect()
}

/// All words are told when most of the sound is there; until then there are those of the sound.
#[test]
fn words_come_with_the_sound() {
    let mut talk = connected(json!({}));
    spoken(&mut talk, 3, 400, "One two ");
    assert_eq!(deltas(&talk.take()), "One two ");
    spoken(&mut talk, 3, 200, "three");
    response(&mut talk, 3, "One two three four.");
    spoken(&mut talk, 3, 200, " four.");
    assert_eq!(deltas(&talk.take()), "three four.", "each word once");
    complete(&mut talk, 3);
    talk.plays(800);
    assert_eq!(first(&talk), ("One two three four.".to_owned(), Some("One two three four.".to_owned())));
    assert_eq!(talk.take().complaints(), [""; 0]);
    talk.finish();
}

/// Numbers, and signs that are for the voice: what is written is what was said.
#[test]
fn what_is_written_otherwise_than_it_is_spoken_is_told_as_it_is_written() {
    let mut talk = connected(json!({}));
    spoken(&mut talk, 3, 600, "It has twenty metres.");
    response(&mut talk, 3, "It has 20 metres.");
    complete(&mut talk, 3);
    talk.plays(600);
    assert_eq!(first(&talk).0, "It has 20 metres.");
    assert_eq!(said(&talk), [pair("assistant", "It has 20 metres.")]);
    talk.finish();
}

/// Whoever cuts in before all words are told has heard some, and the agent says later which.
#[test]
fn words_that_were_heard_are_known_when_somebody_cuts_in() {
    let mut talk = connected(json!({}));
    spoken(&mut talk, 3, 900, "One two three four.");
    talk.plays(450);
    interruption(&mut talk, 3);
    talk.flushes();
    let (whole, heard) = first(&talk);
    let heard = heard.unwrap();
    assert!(whole == "One two three four." && whole.starts_with(&heard) && heard.starts_with("One"), "{heard:?}");
    talk.take();
    response(&mut talk, 3, "One two");
    assert_eq!(first(&talk), ("One two three four.".to_owned(), Some("One two".to_owned())), "it knows better");
    assert_eq!(deltas(&talk.take()), "", "and has said nothing more");
    talk.finish();
}

/// What the host cuts off the agent goes on saying: its words are told, and what was heard of them stays what it was.
#[test]
fn the_agent_does_not_know_what_the_host_cut_off() {
    let mut talk = connected(json!({}));
    spoken(&mut talk, 3, 900, "One two three");
    talk.plays(450);
    let op = talk.host(Command::Interrupt);
    talk.flushes();
    done(&talk.take(), op);
    let heard = first(&talk).1.unwrap();
    assert!("One two three".starts_with(&heard) && heard.len() < 13, "{heard:?}");
    spoken(&mut talk, 3, 300, " four.");
    assert_eq!(played_ms(&talk.take()), 0);
    response(&mut talk, 3, "One two three four.");
    assert_eq!(first(&talk), ("One two three four.".to_owned(), Some(heard.clone())));
    // And when somebody speaks it reckons with what it has sent until then.
    interruption(&mut talk, 3);
    let event = json!({"original_agent_response": "One two three four.",
        "corrected_agent_response": "One two three...", "event_id": 3});
    says(&mut talk, json!({"type": "agent_response_correction", "agent_response_correction_event": event}));
    assert_eq!(first(&talk).1, Some(heard));
    talk.finish();
}

/// A result that comes when nobody waits for it any more goes nowhere.
#[test]
fn a_tool_that_answers_after_the_end_is_not_heard() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host"}}));
    let call = json!({"tool_name": "look", "tool_call_id": "t1", "parameters": {}, "event_id": 3});
    says(&mut talk, json!({"type": "client_tool_call", "client_tool_call": call}));
    talk.closed(Some(1000), "", None);
    talk.take();
    let op = talk.answer("t1", "too late");
    let outputs = talk.take();
    assert!(outputs.completed(op).is_some(), "the host is told what becomes of it");
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    talk.finish();
}
