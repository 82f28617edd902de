//! Taking over a conversation, forgetting one, keeping its bounds, and telling all of it.

use crate::{common::Talk, quiet};
use duologue::{
    event::EventKind,
    message::{Message, MessageState, Part, Role, ToolCallState},
    session::Command,
};
use serde_json::{Value, json};

fn text(id: &str, role: Role, content: &str) -> Message {
    let parts = vec![Part::Text { content: content.into() }];
    let state = MessageState::Completed;
    Message { id: id.into(), role, parts, state, interrupted: false, revision: 1, created_ms: 0 }
}

fn call(id: &str, call: &str, output: Option<&str>, state: ToolCallState) -> Message {
    let (name, arguments) = ("f".into(), "{}".into());
    let input = Some(json!({}));
    let output = output.map(str::to_owned);
    let parts = vec![Part::ToolCall { id: call.into(), name, arguments, input, output, state }];
    Message { parts, ..text(id, Role::Assistant, "") }
}

fn import(talk: &mut Talk, messages: Vec<Message>) -> Option<duologue::Error> {
    let op = talk.host(Command::ImportHistory { messages });
    let end = talk.take().completed(op);
    end.expect("it completes at once")
}

fn code(error: Option<duologue::Error>) -> String {
    error.map_or_else(String::new, |e| e.code.into_owned())
}

#[test]
fn an_imported_conversation_is_told_to_the_next_session() {
    let mut talk = Talk::new(json!({"auto_capture": false, "recovery": {"context_note": null}}));
    let messages = vec![
        text("U", Role::User, "my name is Ada"),
        text("A", Role::Assistant, "hello Ada"),
        call("F", "call_7", Some("42"), ToolCallState::Completed),
    ];
    assert_eq!(code(import(&mut talk, messages)), "");
    assert_eq!(talk.order(), ["U", "A", "F"]);
    talk.connect();
    let out = talk.take();
    let told: Vec<Value> = out.frames().iter().filter(|f| f["type"] == "conversation.item.create").cloned().collect();
    let what = |f: &Value| (f["item"]["type"].clone(), f["item"]["id"].clone());
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(what(&told[0]), (json!("message"), json!("U")));
    assert_eq!(told[0]["item"]["content"][0]["text"], "my name is Ada");
    assert_eq!(what(&told[1]), (json!("message"), json!("A")));
    assert_eq!(what(&told[2]), (json!("function_call"), json!("F")));
    assert_eq!(told[3]["item"]["type"], "function_call_output");
    assert_eq!(told[3]["item"]["output"], "42");
    let replaced = out.of("session_replaced");
    assert_eq!((&replaced[0]["why"], &replaced[0]["context"]), (&json!("connect"), &json!("full")));
    // In use: neither more nor less of it.
    assert_eq!(code(import(&mut talk, vec![text("X", Role::User, "x")])), "connected");
    let op = talk.host(Command::ClearHistory);
    assert_eq!(code(talk.take().completed(op).unwrap()), "connected");
    assert_eq!(talk.order(), ["U", "A", "F"]);
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    talk.pass(2_500);
    let op = talk.host(Command::ClearHistory);
    assert_eq!(code(talk.take().completed(op).unwrap()), "");
    assert_eq!(talk.order(), [""; 0]);
    // What was forgotten may be told again.
    assert_eq!(code(import(&mut talk, vec![text("U", Role::User, "again")])), "");
    talk.connect();
    assert_eq!(talk.message("U").unwrap().text(), "again");
    talk.finish();
}

#[test]
fn checklist_34_names_services_do_not_take_are_replaced() {
    let mut talk = Talk::new(quiet());
    let long = "x".repeat(33);
    let most = "y".repeat(32);
    // Of this client's own kind, and in its future.
    let own = "item_00000007_99";
    let messages = vec![
        text(&most, Role::User, "a"),
        text(&long, Role::User, "b"),
        text("ünï", Role::User, "c"),
        text("a b", Role::User, "d"),
        text("", Role::User, "e"),
        text(own, Role::User, "f"),
        text(&most, Role::User, "g"),
        call("F", &long, Some("1"), ToolCallState::Completed),
        call("G", "call_1", Some("2"), ToolCallState::Completed),
        call("H", "call_1", Some("3"), ToolCallState::Completed),
    ];
    assert_eq!(code(import(&mut talk, messages)), "");
    let order = talk.order();
    assert_eq!([order[0], order[7], order[8], order[9]], [&most, "F", "G", "H"]);
    for (n, id) in order.iter().enumerate() {
        assert!(id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{id}");
        assert_eq!(order.iter().position(|other| other == id), Some(n), "{id} is there once");
    }
    assert_ne!(order[5], own);
    let names: Vec<String> = talk.session.messages()[7..]
        .iter()
        .map(|m| match &m.parts[0] {
            Part::ToolCall { id, .. } => id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(names[0] == long && names[1] == "call_1" && names[2] != "call_1", "{names:?}");
    // Whatever it names later is something else.
    talk.connect();
    for _ in 0..120 {
        talk.host(Command::SendContext { text: "x".into() });
        talk.acknowledge();
    }
    talk.finish();
}

#[test]
fn what_was_open_is_settled() {
    let mut talk = Talk::new(quiet());
    let spoken = |heard_ms| Part::Audio {
        transcript: "these are six words or so".into(),
        heard_transcript: None,
        duration_ms: 2000,
        heard_ms,
    };
    let open =
        |id: &str, role, part| Message { parts: vec![part], state: MessageState::InProgress, ..text(id, role, "") };
    let messages = vec![
        open("U", Role::User, spoken(0)),
        open("A", Role::Assistant, spoken(1000)),
        call("R", "call_1", None, ToolCallState::Running),
        call("P", "call_2", None, ToolCallState::Pending),
    ];
    assert_eq!(code(import(&mut talk, messages)), "");
    assert_eq!(talk.message("U").unwrap().state, MessageState::Incomplete);
    let answer = talk.message("A").unwrap();
    assert_eq!((answer.state, answer.interrupted), (MessageState::Incomplete, true));
    let Part::Audio { heard_transcript: Some(heard), transcript, .. } = &answer.parts[0] else { panic!() };
    assert!(!heard.is_empty() && heard.len() < transcript.len() && transcript.starts_with(heard.as_str()), "{heard:?}");
    for id in ["R", "P"] {
        let Part::ToolCall { state, .. } = &talk.message(id).unwrap().parts[0] else { panic!() };
        assert_eq!(*state, ToolCallState::Cancelled);
    }
    talk.finish();
}

#[test]
fn what_does_not_fit_is_refused_whole_and_the_bound_named() {
    let mut talk = Talk::new(quiet());
    let many = |n: usize| (0..n).map(|i| text(&format!("m{i}"), Role::User, "x")).collect::<Vec<_>>();
    let picture = |id: &str, bytes: usize| {
        let part = Part::Image { data: Some("A".repeat(bytes)), url: None, mime_type: "image/png".into() };
        Message { parts: vec![part], ..text(id, Role::User, "") }
    };
    const MIB: usize = 1024 * 1024;
    let refused = |talk: &mut Talk, messages: Vec<Message>, bound: &str| {
        let before = talk.order().len();
        let error = import(talk, messages).expect("too much");
        assert_eq!((error.code.as_ref(), error.class), ("history_full", duologue::ErrorClass::Limit));
        assert!(error.message.contains(bound), "{error}");
        assert_eq!(talk.order().len(), before, "nothing is taken");
    };
    refused(&mut talk, many(2001), "2001 messages, more than 2000");
    let long = |id: &str, bytes| text(id, Role::User, &"x".repeat(bytes));
    refused(&mut talk, vec![long("a", 4 * MIB), long("b", 4 * MIB + 1)], "8388609 bytes of text, more than 8388608");
    refused(&mut talk, vec![picture("a", 4 * MIB), picture("b", 4 * MIB + 4)], "bytes of pictures, more than 8388608");
    // All that may be, and nothing leaves for it; then what is there counts.
    assert_eq!(code(import(&mut talk, vec![long("t", 8 * MIB), picture("p", 8 * MIB)])), "");
    assert_eq!(talk.take().complaints(), [""; 0]);
    assert_eq!(code(import(&mut talk, many(1998).into_iter().map(|m| Message { parts: vec![], ..m }).collect())), "");
    assert_eq!(talk.order().len(), 2000);
    refused(&mut talk, vec![text("one", Role::User, "")], "2001 messages");
}

#[test]
fn a_conversation_that_is_too_long_says_so_before_its_beginning_leaves() {
    let mut talk = Talk::new(json!({"auto_capture": false, "recovery": {}}));
    let messages = (0..2000).map(|i| text(&format!("m{i}"), Role::User, "x")).collect();
    assert_eq!(code(import(&mut talk, messages)), "");
    talk.connect();
    talk.take();
    let told = |talk: &mut Talk| -> Vec<String> {
        let kinds = talk.take();
        let of = |e: &duologue::event::Event| match &e.kind {
            EventKind::Warning(w) => Some(format!("{}: {}", w.code, w.message)),
            EventKind::Message(m) => Some(format!("{:?} {}", m.op, m.message.id)),
            _ => None,
        };
        kinds.events().filter_map(of).collect()
    };
    let context = |talk: &mut Talk| _ = talk.host(Command::SendContext { text: "y".into() });
    context(&mut talk);
    let first = told(&mut talk);
    assert!(first[0].starts_with("history_trimmed: ") && first[0].contains("1 of the oldest messages"), "{first:?}");
    assert_eq!(first[1], "Removed m0");
    assert!(first[2].starts_with("Added "), "{first:?}");
    // Not again within ten seconds; then with all of them.
    for n in 1..4 {
        context(&mut talk);
        assert_eq!(told(&mut talk)[0], format!("Removed m{n}"));
    }
    talk.acknowledge();
    talk.pass(10_000);
    talk.take();
    context(&mut talk);
    let later = told(&mut talk);
    assert!(
        later[0].contains(": 4 of the oldest messages") || later[0].contains(" 4 of the oldest messages"),
        "{later:?}"
    );
    assert_eq!(talk.order().len(), 2000);
    // What left stays away, whatever is said about it.
    talk.server("conversation.item.input_audio_transcription.completed", json!({"item_id": "m0", "transcript": "z"}));
    assert!(talk.message("m0").is_none());
}

#[test]
fn a_transcript_that_comes_again_with_other_words_is_a_correction() {
    let mut talk = Talk::connected(quiet());
    talk.user_speaks("U1", 0);
    talk.user_is_silent("U1", None, 500);
    let final_text = |talk: &mut Talk, words: &str| {
        talk.take();
        let words = json!({"item_id": "U1", "content_index": 0, "transcript": words});
        talk.server("conversation.item.input_audio_transcription.completed", words);
        let out = talk.take();
        (out.of("transcript").iter().map(|t| t["mode"].clone()).collect::<Vec<_>>(), out.of("message").len())
    };
    assert_eq!(final_text(&mut talk, "to words"), (vec![json!("final")], 1));
    assert_eq!(final_text(&mut talk, "two words"), (vec![json!("correction")], 1));
    assert_eq!(final_text(&mut talk, "two words"), (vec![], 0), "nothing new");
    assert_eq!(talk.message("U1").unwrap().text(), "two words");
    // The assistant's own.
    talk.response("R1");
    talk.item("R1", "A1", Some("U1"), "audio");
    talk.speech("R1", "A1", 0, 200, "it is won");
    talk.item_done("R1", "A1", 0, "it is won");
    talk.take();
    let place = json!({"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
        "transcript": "it is one"});
    talk.server("response.output_audio_transcript.done", place);
    let told = talk.take().of("transcript");
    assert_eq!((&told[0]["mode"], &told[0]["text"]), (&json!("correction"), &json!("it is one")));
    assert_eq!(talk.message("A1").unwrap().text(), "it is one");
    talk.finish();
}

struct Dice(u64);

impl Dice {
    fn upto(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn newest(talk: &Talk) -> String {
    talk.order().last().unwrap_or(&"").to_string()
}

/// The connection goes, and the next one comes.
fn lose(talk: &mut Talk) {
    // A session that ends sooner is none, and five of those end the run.
    talk.pass(6_000);
    talk.closed(None, "", None);
    talk.say("while away", false);
    if talk.speaker.asked_to_flush() {
        talk.flushes();
    }
    // Longer than any wait before the first try.
    talk.pass(1_000);
    talk.reconnected();
}

/// The vendor answers what it is asked for, and confirms what it is told.
fn settle(talk: &mut Talk) {
    for round in 0.. {
        assert!(round < 10, "it asks for ever");
        if talk.speaker.asked_to_flush() {
            talk.flushes();
        }
        talk.acknowledge();
        let frames = talk.take().frames();
        let asked: Vec<Value> = frames.into_iter().filter(|f| f["type"] == "response.create").collect();
        if asked.is_empty() {
            return;
        }
        for request in asked {
            let request = request["response"]["metadata"]["client_event_id"].as_str().unwrap().to_owned();
            let response = format!("Q_{request}");
            talk.response_for(&response, Some(&request));
            talk.done(&response, "completed", None);
        }
    }
}

/// [`Talk`] compares a host that knows events only with the session after every input.
#[test]
fn events_tell_the_whole_conversation_over_reconnects_and_imports() {
    let mut lost = 0;
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let mut talk = Talk::new(json!({"auto_capture": false, "tools": [{"name": "f"}], "recovery": {}}));
        let before = vec![text("U0", Role::User, "before"), call("F0", "call_0", Some("1"), ToolCallState::Failed)];
        assert_eq!(code(import(&mut talk, before)), "");
        talk.connect();
        let (mut calls, mut last) = (Vec::new(), String::from("F0"));
        for n in 0..25 {
            let (user, answer, response) = (format!("U{seed}_{n}"), format!("A{seed}_{n}"), format!("R{seed}_{n}"));
            match dice.upto(6) {
                0 => {
                    talk.user_speaks(&user, n * 1000);
                    if dice.upto(2) == 0 {
                        talk.user_is_silent(&user, Some(&last), n * 1000 + 500);
                        last.clone_from(&user);
                    }
                    if dice.upto(2) == 0 {
                        let words = json!({"item_id": user, "content_index": 0, "transcript": "words"});
                        talk.server("conversation.item.input_audio_transcription.completed", words);
                    }
                }
                1 => {
                    talk.response(&response);
                    talk.item(&response, &answer, Some(&last), ["audio", "text"][dice.upto(2) as usize]);
                    talk.speech(&response, &answer, 0, 100 * dice.upto(8), "some words to say");
                    talk.plays(dice.upto(900));
                    if dice.upto(2) == 0 {
                        talk.item_done(&response, &answer, 0, "some words to say");
                        talk.done(&response, "completed", None);
                        talk.plays(1000);
                    } else {
                        lost += 1;
                        lose(&mut talk);
                    }
                    last = newest(&talk);
                }
                2 => {
                    talk.response(&response);
                    talk.call(&response, &answer, &format!("call_{seed}_{n}"), "f", "{}");
                    talk.done(&response, "completed", None);
                    calls.push((talk.epoch, format!("call_{seed}_{n}")));
                }
                3 => {
                    if let Some((epoch, id)) = calls.pop() {
                        let call = duologue::message::CallRef { epoch, id: id.as_str().into() };
                        talk.host(Command::SubmitToolResult { call, output: "1".into(), is_error: false });
                    }
                }
                4 => _ = talk.say("typed", dice.upto(2) == 0),
                _ => {
                    lost += 1;
                    if dice.upto(2) == 0 {
                        talk.host(Command::SendContext { text: "before it is lost".into() });
                    }
                    lose(&mut talk);
                    last = newest(&talk);
                }
            }
            settle(&mut talk);
        }
        talk.finish();
    }
    assert!(lost > 150, "{lost} lost connections are too few to mean anything");
}
