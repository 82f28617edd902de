//! Turns: spoken, typed, written, shown, and what the agent says by itself.

use super::bench::{Bench, EVERYTHING, all, kinds, number, said, sound, transcripts};
use crate::simulator::tests::client::{clip, image, silence};
use serde_json::{Value, json};
use std::time::Duration;

fn two() -> Value {
    json!([{"hear": "one two three", "reply": [{"say": "First."}]}, {"hear": "four", "reply": [{"say": "Second."}]}])
}

fn context(event: &Value) -> u64 {
    event["context_usage_event"]["context_tokens"].as_u64().unwrap()
}

#[test]
fn a_spoken_turn_from_beginning_to_end() {
    let mut bench = Bench::of(two());
    bench.speak(&silence(500));
    assert!(bench.sent().is_empty(), "silence is no turn");
    bench.ask();
    assert!(bench.sent().is_empty(), "where speech begins and ends nobody tells");
    let ended = bench.time();
    let events = bench.reply();
    assert_eq!(
        kinds(&events),
        ["user_transcript", "agent_response", "audio", "context_usage", "agent_response_complete"]
    );
    assert_eq!(transcripts(&events), ["one two three"]);
    assert_eq!(said(&events), ["First."]);
    // One number for the user's turn, the next one for the reply.
    assert_eq!(events.iter().map(number).collect::<std::collections::BTreeSet<_>>(), [1, 2].into());
    assert_eq!(number(&events[0]), 1);
    // Six letters of 60 ms at 16 kHz.
    assert_eq!(sound(&events), 6 * 60 * 16 * 2);
    let last = all(&events, "audio").pop().unwrap();
    assert_eq!(last["audio_event"]["is_final"], true);
    // Transcript, the time to the first audio, and the playing of it.
    assert_eq!(bench.time() - ended, Duration::from_millis(20 + 5 + 360));
    bench.ask();
    assert_eq!(bench.words(), "Second.");
}

#[test]
fn a_long_text_is_told_in_the_middle_of_its_sound_and_letters_have_their_times() {
    let say = "A long story of many words begins at this place.";
    let mut bench = Bench::of(json!([{"hear": "one", "reply": [{"say": say}]}]));
    bench.type_text("tell me");
    let events = bench.reply();
    let told = events.iter().position(|event| event["type"] == "agent_response").unwrap();
    let audio: Vec<usize> = (0..events.len()).filter(|i| events[*i]["type"] == "audio").collect();
    assert!(told > audio[0] && told < audio[audio.len() - 1], "{told} in {audio:?}");
    assert_eq!(all(&events, "context_usage").len(), 1);
    let letters: String = audio
        .iter()
        .flat_map(|i| events[*i]["audio_event"]["alignment"]["chars"].as_array().unwrap())
        .map(|letter| letter.as_str().unwrap())
        .collect();
    assert_eq!(letters, say);
    for i in audio {
        let alignment = &events[i]["audio_event"]["alignment"];
        let count = alignment["chars"].as_array().unwrap().len();
        let starts = alignment["char_start_times_ms"].as_array().unwrap();
        assert_eq!((starts.len(), alignment["char_durations_ms"].as_array().unwrap().len()), (count, count));
        assert!(starts.iter().all(|start| start.as_u64().unwrap() < 100), "{alignment}");
    }
}

#[test]
fn the_first_message_is_said_unless_it_is_empty() {
    let scenario = json!({"turns": two(), "greeting": [{"say": "Hello {{name}}."}]});
    let named = json!({"name": "Ann"});
    let say = |first: Option<&str>| {
        let mut bench = Bench::bare(scenario.clone());
        let mut overrides = json!({"conversation": {"client_events": EVERYTHING}});
        if let Some(first) = first {
            overrides["agent"] = json!({"first_message": first});
        }
        bench.begin(json!({"conversation_config_override": overrides, "dynamic_variables": named}));
        bench
    };
    let mut bench = say(None);
    let events = bench.reply();
    assert_eq!((said(&events), number(events.last().unwrap())), (vec!["Hello Ann."], 1));
    bench.ask();
    assert_eq!(bench.words(), "First.");
    let mut bench = say(Some("Good day, {{name}}!"));
    assert_eq!(bench.words(), "Good day, Ann!");
    bench.type_text("so");
    assert_eq!(bench.words(), "First.");
    let mut bench = say(Some(""));
    assert_eq!(kinds(&bench.wait(Duration::from_secs(30))), ["conversation_initiation_metadata"]);
    bench.ask();
    assert_eq!(bench.words(), "First.");
}

#[test]
fn typed_words_are_answered_and_named_in_the_answer() {
    let mut bench = Bench::of(two());
    bench.send(json!({"type": "user_message", "text": "hello", "id": "mine"}));
    let events = bench.reply();
    assert_eq!(said(&events), ["First."]);
    let told = &all(&events, "agent_response")[0]["agent_response_event"];
    assert_eq!(told["in_response_to_ids"], json!(["mine"]));
    assert!(told["response_id"].is_string());
    assert!(transcripts(&events).is_empty(), "nobody spoke");
    // Without an id none is named, and null is as good as nothing.
    bench.send(json!({"type": "user_message", "text": null}));
    let events = bench.reply();
    assert!(all(&events, "agent_response")[0]["agent_response_event"].get("in_response_to_ids").is_none());
}

#[test]
fn a_written_conversation_has_parts_and_no_sound() {
    let text_only = json!({"conversation": {"text_only": true}});
    let say = json!([{"hear": "one", "reply": [{"say": "One two three four five."}]}]);
    for overrides in [text_only, json!({"text_only": true})] {
        let mut bench = Bench::begun(json!({"turns": say}), overrides);
        bench.speak(&clip("question1"));
        bench.speak(&silence(1000));
        assert!(bench.wait(Duration::from_secs(2)).is_empty(), "nobody listens");
        bench.type_text("hello");
        let events = bench.reply();
        assert_eq!(
            kinds(&events),
            ["agent_chat_response_part", "agent_response", "context_usage", "agent_response_complete"]
        );
        let parts: Vec<(&str, &str)> = all(&events, "agent_chat_response_part")
            .into_iter()
            .map(|event| &event["text_response_part"])
            .map(|part| (part["type"].as_str().unwrap(), part["text"].as_str().unwrap()))
            .collect();
        assert_eq!(parts, [("start", ""), ("delta", "One two three "), ("delta", "four five."), ("stop", "")]);
        assert_eq!(said(&events), ["One two three four five."]);
    }
}

#[test]
fn what_is_chosen_is_told_and_nothing_else() {
    let chosen = json!(["audio", "vad_score", "tentative_user_transcript"]);
    let scenario = json!({"turns": two(), "agent": {"tentative_transcripts": true}});
    let mut bench = Bench::bare(scenario.clone());
    bench.begin(json!({"conversation_config_override": {"conversation": {"client_events": chosen}}}));
    bench.ask();
    let mut events = bench.wait(Duration::from_secs(3));
    let scores: Vec<f64> = all(&events, "vad_score")
        .into_iter()
        .map(|event| event["vad_score_event"]["vad_score"].as_f64().unwrap())
        .collect();
    assert!(scores.iter().any(|score| *score > 0.8) && scores.iter().any(|score| *score < 0.2), "{scores:?}");
    events.retain(|event| event["type"] != "vad_score");
    assert_eq!(kinds(&events), ["tentative_user_transcript", "audio"]);
    let words = &events[0]["tentative_user_transcription_event"]["user_transcript"];
    assert_eq!(words, "one two");

    // Who names nothing has the defaults, and pings among them.
    let mut bench = Bench::bare(scenario);
    bench.begin(json!({}));
    bench.ask();
    let mut seen: Vec<String> =
        bench.wait(Duration::from_secs(3)).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    seen.sort_unstable();
    seen.dedup();
    let defaults = [
        "agent_response",
        "audio",
        "conversation_initiation_metadata",
        "ping",
        "tentative_user_transcript",
        "user_transcript",
    ];
    assert_eq!(seen, defaults);
}

#[test]
fn a_transcript_may_come_with_the_reply_or_after_it() {
    for (when, order) in [
        ("reply_begun", ["agent_response", "audio", "user_transcript"]),
        ("reply_done", ["context_usage", "agent_response_complete", "user_transcript"]),
    ] {
        let turns = json!([{"hear": "one", "transcript": {"when": when}, "reply": [{"say": "First."}]}]);
        let mut bench = Bench::of(turns);
        bench.ask();
        let events = bench.until("user_transcript");
        let seen = kinds(&events);
        let last = &seen[seen.len().saturating_sub(order.len())..];
        assert!(last.ends_with(&order[2..]) && last.contains(&order[0]), "{when}: {seen:?}");
        let transcript = number(events.last().unwrap());
        assert!(events.iter().all(|event| number(event) >= transcript), "the user's turn has the smaller number");
    }
}

#[test]
fn who_is_busy_is_left_alone() {
    let mut bench = Bench::of(two());
    bench.type_text("hello");
    bench.send(json!({"type": "user_activity"}));
    assert!(bench.wait(Duration::from_millis(1999)).is_empty());
    assert_eq!(bench.words(), "First.");
}

#[test]
fn updates_are_remembered_and_not_answered() {
    let mut bench = Bench::of(two());
    for (text, id) in [("a".repeat(400), "x"), ("b".repeat(40), "x"), ("c".repeat(80), "y")] {
        bench.send(json!({"type": "contextual_update", "text": text, "context_id": id}));
    }
    assert!(bench.wait(Duration::from_secs(5)).is_empty());
    bench.type_text("hello");
    let events = bench.reply();
    // Of the first update nothing is left: 10 and 20 tokens, and what was typed and said.
    assert_eq!(context(all(&events, "context_usage")[0]), 10 + 20 + 2 + 2);
}

#[test]
fn files_are_seen() {
    let turns = json!([{"hear": "", "see": true, "reply": [{"say": "I see {image}."}]}]);
    let mut bench = Bench::of(turns);
    let url = image("png", 640, 480);
    let seen = crate::simulator::images::describe(&url);
    let id = bench.memory.keep(&bench.peer.conversation, seen).unwrap();
    let file = json!({"type": "file_input", "file_id": id});
    let text = json!({"type": "user_message", "text": "What is this?"});
    bench.send(json!({"type": "multimodal_message", "text": text, "file": file, "files": [file]}));
    assert_eq!(bench.words(), "I see a PNG image of 640 by 480 pixels.");
}

#[test]
fn two_messages_of_one_reply_share_a_number_and_have_names_of_their_own() {
    let mut bench = Bench::of(json!([{"hear": "one", "reply": [{"say": "First."}, {"text": "Second."}]}]));
    bench.type_text("hello");
    let events = bench.reply();
    assert_eq!(said(&events), ["First.", "Second."]);
    assert!(events.iter().all(|event| number(event) == 1));
    let names: std::collections::BTreeSet<_> = all(&events, "agent_response")
        .into_iter()
        .map(|event| event["agent_response_event"]["response_id"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2);
}
