//! Replies, interruptions and calls.

use super::*;
use duologue::message::Part;

/// Lines 7, 12, 13: the words are the whole answer and not its end; the end is what says so.
#[test]
fn a_spoken_turn_and_its_answer() {
    let mut talk = connected(json!({}));
    transcript(&mut talk, 2, " What is a lighthouse? ");
    audio(&mut talk, 3, 200);
    response(&mut talk, 3, "A tower with a light. ");
    audio(&mut talk, 3, 200);
    let outputs = talk.take();
    assert_eq!(outputs.of("generation_done").len(), 0, "words are no end");
    complete(&mut talk, 3);
    talk.plays(400);
    let outputs = talk.take();
    assert_eq!((outputs.of("generation_done").len(), outputs.of("turn_done").len()), (1, 1));
    assert!(outputs.events().all(|event| !event.inferred));
    assert_eq!(said(&talk), [pair("user", "What is a lighthouse?"), pair("assistant", "A tower with a light.")]);
    let Part::Audio { heard_ms, duration_ms, .. } = talk.session.messages()[1].parts[0] else { panic!() };
    assert_eq!((heard_ms, duration_ms), (400, 400));
    assert_eq!(outputs.complaints(), [""; 0]);
    talk.finish();
}

/// Line 13: where nobody says it, the end is concluded from silence, and marked so; not while words are missing.
#[test]
fn an_end_that_nobody_tells_is_concluded() {
    let mut talk = connected(json!({}));
    transcript(&mut talk, 2, "What is a lighthouse?");
    audio(&mut talk, 3, 200);
    talk.plays(200);
    talk.pass(10_000);
    assert_eq!(talk.take().of("generation_done").len(), 0, "its words are still to come");
    response(&mut talk, 3, "A tower.");
    talk.pass(900);
    assert_eq!(talk.take().of("generation_done").len(), 0);
    talk.pass(200);
    let outputs = talk.take();
    let ends: Vec<_> = outputs.events().filter(|e| e.kind.name() == "generation_done").collect();
    assert_eq!(ends.len(), 1);
    assert!(ends[0].inferred);
    assert_eq!(outputs.complaints(), [""; 0]);
    // The next turn's first word is an end as well.
    response(&mut talk, 5, "Are you there?");
    transcript(&mut talk, 6, "Yes.");
    let outputs = talk.take();
    assert!(outputs.events().any(|e| e.kind.name() == "generation_done" && e.inferred));
    talk.finish();
}

/// `is_final` of a chunk is the end of nothing.
#[test]
fn the_last_chunk_of_a_sentence_is_no_end() {
    let mut talk = connected(json!({}));
    response(&mut talk, 1, "Hello. How are you?");
    let data = base64_simd::STANDARD.encode_to_string([1u8; 9600]);
    says(&mut talk, json!({"type": "audio", "audio_event": {"audio_base_64": data, "event_id": 1, "is_final": true}}));
    audio(&mut talk, 1, 100);
    assert_eq!(talk.take().of("generation_done").len(), 0);
    complete(&mut talk, 1);
    talk.plays(200);
    assert_eq!(talk.take().of("generation_done").len(), 1);
    assert_eq!(said(&talk), [pair("assistant", "Hello. How are you?")], "the agent spoke first");
    talk.finish();
}

/// Lines 9, 10: what was cut off is not heard, whatever comes of it still; what is newer is.
#[test]
fn the_user_cuts_in() {
    let mut talk = connected(json!({}));
    response(&mut talk, 3, "Once upon a time there was a tower.");
    audio(&mut talk, 3, 1000);
    talk.plays(300);
    talk.take();
    interruption(&mut talk, 3);
    let outputs = talk.take();
    assert_eq!((outputs.flushes(), outputs.of("speech_started").len()), (1, 1));
    audio(&mut talk, 3, 500);
    audio(&mut talk, 2, 500);
    assert_eq!(played_ms(&talk.take()), 0);
    talk.flushes();
    transcript(&mut talk, 4, "Stop it.");
    response(&mut talk, 5, "All right.");
    audio(&mut talk, 5, 200);
    assert_eq!(played_ms(&talk.take()), 200);
    complete(&mut talk, 5);
    talk.plays(200);
    assert_eq!(talk.session.messages().len(), 3, "{:?}", said(&talk));
    assert!(talk.session.messages()[0].interrupted);
    talk.finish();
}

/// Line 11: the agent knows better what was heard.
#[test]
fn a_correction_counts() {
    let mut talk = connected(json!({}));
    response(&mut talk, 3, "One two three four five.");
    audio(&mut talk, 3, 1000);
    complete(&mut talk, 3);
    talk.plays(500);
    interruption(&mut talk, 3);
    talk.flushes();
    talk.take();
    let event = json!({"original_agent_response": "One two three four five.",
        "corrected_agent_response": "One two...", "event_id": 3});
    says(&mut talk, json!({"type": "agent_response_correction", "agent_response_correction_event": event}));
    let told = talk.take().of("transcript");
    assert_eq!(
        (&told[0]["mode"], &told[0]["stage"], &told[0]["text"]),
        (&json!("correction"), &json!("heard"), &json!("One two"))
    );
    let heard = |talk: &Talk| match &talk.session.messages()[0].parts[0] {
        Part::Audio { heard_transcript, .. } => heard_transcript.clone(),
        part => panic!("{part:?}"),
    };
    assert_eq!(heard(&talk).as_deref(), Some("One two"), "nobody said the dots");
    talk.finish();
}

/// Messages of one turn have one number: the name says which of them is meant.
#[test]
fn a_correction_is_about_the_message_it_names() {
    let mut talk = connected(json!({}));
    for (id, words) in [("resp_1", "One two three."), ("resp_2", "Four five six.")] {
        let event = json!({"agent_response": words, "event_id": 3, "response_id": id});
        says(&mut talk, json!({"type": "agent_response", "agent_response_event": event}));
        audio(&mut talk, 3, 500);
    }
    complete(&mut talk, 3);
    talk.plays(600);
    interruption(&mut talk, 3);
    talk.flushes();
    for (id, original, left) in [("resp_1", "One two three.", "One two..."), ("resp_2", "Four five six.", "")] {
        let event = json!({"original_agent_response": original, "corrected_agent_response": left, "event_id": 3,
            "response_id": id});
        says(&mut talk, json!({"type": "agent_response_correction", "agent_response_correction_event": event}));
    }
    let heard = talk.session.messages().iter().take(2).map(|message| match &message.parts[0] {
        Part::Audio { heard_transcript, .. } => heard_transcript.clone().unwrap(),
        part => panic!("{part:?}"),
    });
    assert_eq!(heard.collect::<Vec<_>>(), ["One two", ""]);
    talk.finish();
}

/// That a reply was played is told when the next may be under way, which it does not end.
#[test]
fn the_end_of_one_reply_is_not_that_of_the_next() {
    let mut talk = connected(json!({}));
    response(&mut talk, 3, "A tower.");
    audio(&mut talk, 3, 200);
    transcript(&mut talk, 4, "And then?");
    response(&mut talk, 5, "A light.");
    audio(&mut talk, 5, 100);
    talk.take();
    complete(&mut talk, 3);
    assert_eq!(talk.take().of("generation_done").len(), 0);
    complete(&mut talk, 5);
    assert_eq!(talk.take().of("generation_done").len(), 1);
    talk.finish();
}

/// A reply that is cut while it is generated has the words it was cut to, and no others.
#[test]
fn a_reply_that_was_cut_while_it_came_has_the_words_that_were_heard() {
    let mut talk = connected(json!({}));
    audio(&mut talk, 3, 500);
    talk.plays(200);
    interruption(&mut talk, 3);
    talk.flushes();
    response(&mut talk, 3, "Once upon");
    talk.take();
    let Part::Audio { heard_transcript, .. } = &talk.session.messages()[0].parts[0] else { panic!() };
    assert_eq!(heard_transcript.as_deref(), Some("Once upon"));
    assert_eq!(talk.session.messages().len(), 2, "and the user is speaking: {:?}", said(&talk));
    talk.finish();
}

fn call(talk: &mut Talk, id: &str, name: &str, parameters: Value) {
    let call = json!({"tool_name": name, "tool_call_id": id, "parameters": parameters, "event_id": 3});
    says(talk, json!({"type": "client_tool_call", "client_tool_call": call}));
}

/// Lines 14, 15, 17: results are strings and always say whether they are errors; each is sent once.
#[test]
fn calls_are_answered() {
    let tool = json!({"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"]}});
    let mut talk = connected(json!({"tools": [tool]}));
    transcript(&mut talk, 2, "What is the weather?");
    call(&mut talk, "t1", "get_weather", json!({"city": "Paris", "tool_call_id": "mine"}));
    call(&mut talk, "t2", "get_weather", json!({"city": "Oslo"}));
    let outputs = talk.take();
    assert_eq!(outputs.of("tool_call").len(), 2);
    // It may take its time.
    talk.pass(5_000);
    talk.answer("t1", r#"{"sky":"sunny"}"#);
    talk.answer("t2", "cold");
    let result = |id: &str, result: &str, error: bool| {
        json!({"type": "client_tool_result", "tool_call_id": id,
        "result": result, "is_error": error})
    };
    assert_eq!(frames(&talk.take()), [result("t1", r#"{"sky":"sunny"}"#, false), result("t2", "cold", false)]);
    response(&mut talk, 3, "Sunny and cold.");
    audio(&mut talk, 3, 200);
    complete(&mut talk, 3);
    talk.plays(200);
    assert_eq!(said(&talk).last(), Some(&pair("assistant", "Sunny and cold.")));
    // Line 16, and parameters that fit nothing: the agent is answered without the host.
    call(&mut talk, "t3", "launch", json!({}));
    call(&mut talk, "t4", "get_weather", json!({"city": 7}));
    let outputs = talk.take();
    assert_eq!(outputs.of("tool_call").len(), 0);
    let sent = frames(&outputs);
    assert_eq!(sent.iter().map(|f| f["is_error"].clone()).collect::<Vec<_>>(), [true, true], "{sent:?}");
    talk.finish();
}

/// Line 17: who expects no result gets none.
#[test]
fn a_call_that_expects_nothing_gets_nothing() {
    let mut talk = connected(json!({"tool_handling": {"undeclared": "host"}}));
    let call = json!({"tool_name": "show", "tool_call_id": "t1", "parameters": {"page": 3}, "event_id": 1,
        "expects_response": false});
    says(&mut talk, json!({"type": "client_tool_call", "client_tool_call": call}));
    assert_eq!(talk.take().of("tool_call").len(), 1);
    talk.answer("t1", "shown");
    assert_eq!(frames(&talk.take()), [] as [Value; 0]);
    talk.finish();
}

/// An interruption that comes late is about what it names: what is said by now goes on.
#[test]
fn an_old_interruption_cuts_nothing_new() {
    let mut talk = connected(json!({}));
    response(&mut talk, 1, "Hello!");
    complete(&mut talk, 1);
    audio(&mut talk, 5, 300);
    interruption(&mut talk, 1);
    audio(&mut talk, 5, 300);
    let outputs = talk.take();
    assert_eq!(played_ms(&outputs), 600);
    assert_eq!((outputs.of("speech_started").len(), outputs.of("interrupted").len()), (0, 0));
    talk.plays(600);
    talk.finish();
}

/// Line 29: music of a queue is no answer.
#[test]
fn who_waits_in_a_queue_hears_no_answer() {
    let mut talk = connected(json!({}));
    let status = |word: &str| json!({"type": "queue_status", "queue_status_event": {"status": word}});
    says(&mut talk, status("waiting"));
    says(&mut talk, status("waiting"));
    audio(&mut talk, 1, 500);
    let outputs = talk.take();
    assert_eq!(outputs.of("mode").len(), 0);
    assert_eq!(outputs.of("warning").iter().map(|w| w["code"].clone()).collect::<Vec<_>>(), ["queued"]);
    assert_eq!(talk.session.messages().len(), 0);
    // Whoever waited too long hears music until the close.
    says(&mut talk, status("timed_out"));
    audio(&mut talk, 1, 500);
    assert_eq!(played_ms(&talk.take()), 0);
    says(&mut talk, status("admitted"));
    audio(&mut talk, 2, 500);
    assert_eq!(played_ms(&talk.take()), 500);
    talk.finish();
}
