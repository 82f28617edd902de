//! Any conversation, taken over and told to a new session: what is sent is what the protocol takes, within the
//! bounds, calls only with their results.

use super::{
    bytes::Bytes,
    common::{Talk, frame_of},
};
use duologue::{
    message::{Message, MessageState, Part, Role, ToolCallState},
    session::Command,
};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// FAULTS: what a new session is told at most.
const MAX_MESSAGES: usize = 50;
const MAX_TEXT: usize = 64 * 1024;
const MAX_PICTURES: usize = 2 * 1024 * 1024;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let note = bytes.yes().then_some("It goes on.");
    let mut messages = Vec::new();
    while !bytes.is_empty() && messages.len() < 200 {
        for _ in 0..bytes.of(&[1, 1, 1, 1, 2, 8, 60]) {
            messages.push(message(&mut bytes, messages.len()));
        }
    }
    let calls: HashMap<String, bool> = messages.iter().filter_map(call).collect();
    let mut talk = Talk::new(json!({"auto_capture": false, "recovery": {"context_note": note}}));
    let op = talk.host(Command::ImportHistory { messages });
    assert!(talk.take().completed(op).is_some(), "an import is over at once");
    let mut ids = HashSet::new();
    assert!(talk.session.messages().iter().all(|m| ids.insert(m.id.clone())), "a message is there once");

    talk.host(Command::Connect);
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_1"}}));
    let session = talk.wish();
    talk.server("session.updated", json!({"session": session}));
    let frames: Vec<Value> = talk.peek().iter().filter_map(frame_of).collect();
    told(&frames, &calls, note.is_some());
    talk.acknowledge();
    talk.pass(10_000);
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    talk.pass(10_000);
    assert_eq!(talk.open_ops(), []);
    talk.finish();
}

fn told(frames: &[Value], calls: &HashMap<String, bool>, note: bool) {
    let (mut texts, mut pictures, mut units) = (0, 0, 0);
    let mut open: Option<String> = None;
    let mut ids = HashSet::new();
    for frame in frames {
        let kind = frame["type"].as_str().expect("a frame has a type");
        assert_ne!(kind, "response.create", "nothing asks for an answer");
        if kind != "conversation.item.create" {
            assert_eq!(kind, "session.update", "nothing else is sent");
            continue;
        }
        let item = &frame["item"];
        let id = item["id"].as_str().expect("an item has an id");
        assert!(ids.insert(id), "{id} is told twice");
        assert!(id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{id:?}");
        if let Some(call) = open.take() {
            assert_eq!((&item["type"], &item["call_id"]), (&json!("function_call_output"), &json!(call)));
            texts += item["output"].as_str().expect("an output is a string").len();
            continue;
        }
        units += 1;
        match item["type"].as_str() {
            Some("function_call") => {
                let call = item["call_id"].as_str().expect("a call has an id");
                assert!(calls.get(call).is_some_and(|over| *over), "{call} has no result");
                texts += item["arguments"].as_str().expect("arguments are text").len();
                open = Some(call.to_owned());
            }
            Some("message") => {
                let content = item["content"].as_array().expect("content");
                assert!(!content.is_empty(), "{id} says nothing");
                for part in content {
                    let assistant = item["role"] == "assistant";
                    match part["type"].as_str() {
                        Some("output_text") if assistant => {}
                        Some("input_text") if !assistant => {}
                        Some("input_image") if item["role"] == "user" => {
                            let url = part["image_url"].as_str().expect("a picture is somewhere");
                            pictures += url.strip_prefix("data:").map_or(0, |_| url.len());
                            continue;
                        }
                        other => panic!("{other:?} of {}", item["role"]),
                    }
                    let text = part["text"].as_str().expect("text");
                    assert!(!text.is_empty());
                    texts += text.len();
                }
            }
            other => panic!("{other:?} is no item to tell"),
        }
    }
    assert_eq!(open, None, "a call without its result");
    // The note comes on top, and a picture travels as a URL that names its kind.
    assert!(units <= MAX_MESSAGES + usize::from(note), "{units} messages");
    assert!(texts <= MAX_TEXT + 16, "{texts} bytes of text");
    assert!(pictures <= MAX_PICTURES + 64 * MAX_MESSAGES, "{pictures} bytes of pictures");
}

/// A call, and whether its result is known.
fn call(message: &Message) -> Option<(String, bool)> {
    match message.parts.first()? {
        Part::ToolCall { id, state, output, .. } => {
            let over = matches!(state, ToolCallState::Completed | ToolCallState::Failed);
            Some((id.to_string(), over && output.is_some()))
        }
        _ => None,
    }
}

fn message(bytes: &mut Bytes<'_>, n: usize) -> Message {
    let role = bytes.of(&[Role::User, Role::Assistant, Role::System]);
    // Now and then one that was there before.
    let id = if bytes.upto(16) == 1 { "item_0".to_owned() } else { format!("item_{n}") };
    let state = bytes.of(&[MessageState::Completed, MessageState::Incomplete]);
    let parts = match bytes.upto(6) {
        0 => vec![tool_call(bytes, n)],
        1 => vec![picture(bytes)],
        2 => vec![text(bytes), picture(bytes)],
        3 => vec![],
        4 => vec![speech(bytes), text(bytes)],
        _ => vec![text(bytes)],
    };
    Message { id: id.into(), role, parts, state, interrupted: bytes.yes(), revision: 1, created_ms: 0 }
}

fn long(bytes: &mut Bytes<'_>) -> String {
    let n = bytes.of(&[0, 1, 3, 100, 1000, 16_000, 65_535, 65_536, 70_000]);
    bytes.of(&["a", " ", "\u{e9}", "\"\n"]).repeat(n)
}

fn text(bytes: &mut Bytes<'_>) -> Part {
    Part::Text { content: long(bytes) }
}

fn speech(bytes: &mut Bytes<'_>) -> Part {
    let transcript = long(bytes);
    let heard_transcript = bytes.yes().then(|| transcript.chars().take(transcript.chars().count() / 2).collect());
    Part::Audio { transcript, heard_transcript, duration_ms: 1000, heard_ms: 500 }
}

fn picture(bytes: &mut Bytes<'_>) -> Part {
    let data = bytes.yes().then(|| "A".repeat(bytes.of(&[4, 4000, 1_000_000, 2_097_152, 3_000_000])));
    let url = (data.is_none() && bytes.yes()).then(|| "https://example.com/a.png".to_owned());
    Part::Image { data, url, mime_type: "image/png".into() }
}

fn tool_call(bytes: &mut Bytes<'_>, n: usize) -> Part {
    use ToolCallState::{Cancelled, Completed, Failed};
    let state = bytes.of(&[Completed, Failed, Cancelled]);
    let output = bytes.yes().then(|| long(bytes));
    let arguments = bytes.of(&["{}", "", "{\"n\": 1}", "{"]).to_owned();
    Part::ToolCall { id: format!("call_{n}").into(), name: "f".into(), input: None, arguments, output, state }
}
