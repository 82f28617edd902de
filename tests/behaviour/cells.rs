//! What every way does alike.

use crate::{
    Cell,
    live::{say, speech},
    rig::{Talk, Way},
};
use duologue::{
    capabilities::{Capabilities, Reconnect},
    event::{Event, EventKind, InterruptSource, Status, TranscriptStage},
    message::{Message, Part, Role},
    request::Image,
    simulator::Scenario,
};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinHandle;

const fn always(_: &Capabilities) -> Option<&'static str> {
    None
}

macro_rules! cell {
    ($name:ident) => {
        cell!($name, always)
    };
    ($name:ident, $lacks:expr) => {
        Cell { name: stringify!($name), lacks: $lacks, run: |way| Box::pin($name(way)) }
    };
}

pub const CELLS: &[Cell] = &[
    cell!(spoken_turn),
    cell!(text_turn, |c| (c.text_in == Some(false)).then_some("text_in")),
    cell!(picture, |c| (c.image_in == Some(false)).then_some("image_in")),
    cell!(tool, |c| (c.tools == Some(false)).then_some("tools")),
    cell!(parallel_tools, |c| (c.tools == Some(false)).then_some("tools")),
    cell!(interruption),
    cell!(heard_transcript),
    cell!(host_interrupts),
    cell!(manual_turn, |c| { (!c.turn_modes.contains(&duologue::config::VadMode::Manual)).then_some("turn_modes") }),
    cell!(update, |c| (!c.updates.iter().any(|field| field == "instructions")).then_some("updates")),
    cell!(drop_and_recover, |c| (c.reconnect == Some(Reconnect::New)).then_some("reconnect")),
    cell!(rollover, |c| (c.reconnect == Some(Reconnect::New)).then_some("reconnect")),
    cell!(context, |c| (c.silent_context == Some(false)).then_some("silent_context")),
    cell!(history_order),
    cell!(usage, |c| (c.usage == Some(false)).then_some("usage")),
];

fn question() -> Vec<i16> {
    speech(&Scenario::bundled(), "question1")
}

/// What is said is understood, and answered with sound that is heard to its end.
async fn spoken_turn(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    let talking = say(&talk.client, question());
    let said = talk.spoken().await;
    assert!(said.contains("lighthouse"), "{said}");
    talking.await.unwrap();
    let said = talk.said();
    assert_eq!(said[0].0, Role::User);
    assert_eq!(said[1], (Role::Assistant, "The first lighthouses were open fires on hills.".into()));
    assert_heard_whole(&talk.client.messages()[1].parts[0]);
    talk.end().await;
}

fn assert_heard_whole(part: &Part) {
    let Part::Audio { transcript, heard_transcript, duration_ms, heard_ms } = part else { panic!("{part:?}") };
    assert_eq!(heard_transcript.as_ref(), Some(transcript));
    assert!(duration_ms == heard_ms && *heard_ms > 500, "{heard_ms} of {duration_ms} ms");
}

async fn text_turn(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    assert!(talk.answer().await.contains("one hundred and thirty three metres"));
    talk.turn_done().await;
    talk.end().await;
}

/// A picture is seen with the words that ask about it, and stands in the history with them.
async fn picture(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    let point = Image::from_bytes(include_bytes!("../../assets/point.png"));
    talk.client.send_image_with(point, Some("What is this?".into()), true, false).await.unwrap();
    let seen = talk.answer().await;
    assert!(seen.contains("PNG"), "{seen}");
    assert!(matches!(talk.client.messages()[0].parts[..], [Part::Text { .. }, Part::Image { .. }]));
    talk.end().await;
}

/// One call, its result, and what the model makes of it.
async fn tool(way: Way) {
    let tools = json!({"tools": [{"name": "get_weather", "parameters": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}}]});
    let mut talk = way.talk(json!({}), tools).await;
    talk.client.send_text("What is the weather like in Paris?").await.unwrap();
    let call = talk
        .next(|event| match &event.kind {
            EventKind::ToolCall(call) => Some(call.clone()),
            _ => None,
        })
        .await;
    let arguments: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!((call.name.as_str(), arguments["city"].as_str()), ("get_weather", Some("Paris")));
    talk.client.submit_tool_result(call.call, r#"{"weather":"sunny"}"#, false).await.unwrap();
    while !talk.answer().await.contains("eighteen degrees") {}
    talk.turn_done().await;
    talk.end().await;
}

/// Three calls at once get their results, and there is one answer to all of them.
async fn parallel_tools(way: Way) {
    let tool = |name: &str| json!({"name": name, "parameters": {"type": "object", "properties": {}}});
    let mut talk = way.talk(json!({}), json!({"tools": [tool("get_weather"), tool("get_time")]})).await;
    talk.client.send_text("Compare Paris with Oslo, and tell me the time.").await.unwrap();
    for _ in 0..3 {
        let call = talk
            .next(|event| match &event.kind {
                EventKind::ToolCall(call) => Some(call.call.clone()),
                _ => None,
            })
            .await;
        talk.client.submit_tool_result(call, "fine", false).await.unwrap();
    }
    assert_eq!(talk.answer().await, "Paris is warmer than Oslo, and it is noon.");
    talk.turn_done().await;
    let answers = talk.said().into_iter().filter(|(_, words)| words.contains("noon")).count();
    assert_eq!(answers, 1);
    talk.end().await;
}

/// The user cuts the assistant off by speaking; what was heard of it is what is kept.
async fn interruption(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    talk.client.send_text("Read me something long.").await.unwrap();
    talk.next(|event| matches!(event.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    let talking = speaks_up(&talk).await;
    let cut = talk
        .next(|event| match &event.kind {
            EventKind::Interrupted(cut) => Some(*cut),
            _ => None,
        })
        .await;
    assert_eq!(cut.source, InterruptSource::User);
    talk.cut().await;
    assert!(assert_cut(&talk), "something of it was heard");
    // And the question that cut it is answered.
    while !talk.answer().await.contains("open fires") {}
    talking.await.unwrap();
    talk.end().await;
}

/// The user begins to speak when the assistant has spoken for a second.
async fn speaks_up(talk: &crate::rig::Talk) -> JoinHandle<()> {
    for _ in 0..50 {
        talk.client.push_audio(&[0; 480]).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    say(&talk.client, question())
}

/// False: it was cut before anything was heard, and is in no history.
fn assert_cut(talk: &crate::rig::Talk) -> bool {
    let Some(message) = talk.client.messages().iter().find(|m| m.interrupted).cloned() else { return false };
    let Part::Audio { transcript, heard_transcript: Some(heard), heard_ms, duration_ms } = &message.parts[0] else {
        panic!("{message:?}")
    };
    assert!(transcript.starts_with(heard.as_str()) && heard.len() < transcript.len(), "{heard:?} of {transcript:?}");
    assert!(heard_ms <= duration_ms);
    true
}

/// What was heard of an answer that was cut off is told, and is what the history has of it.
async fn heard_transcript(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    talk.client.send_text("Read me something long.").await.unwrap();
    talk.next(|event| matches!(event.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    let talking = speaks_up(&talk).await;
    let told = |event: &Event| match &event.kind {
        EventKind::Transcript(t) if t.stage == TranscriptStage::Heard => Some((event.item.clone(), t.text.clone())),
        _ => None,
    };
    let mut heard = talk.next(told).await;
    let cut = talk.cut().await;
    // An agent may say afterwards what was really heard, and the history is told ahead of the events.
    let transcript = loop {
        let message = talk.client.messages().iter().find(|m| m.id == cut).cloned().unwrap();
        let Part::Audio { transcript, heard_transcript, .. } = message.parts[0].clone() else { panic!("{message:?}") };
        if heard_transcript.as_ref() == Some(&heard.1) {
            break transcript;
        }
        heard = talk.next(told).await;
    };
    assert_eq!(heard.0, Some(cut));
    assert!(!heard.1.is_empty() && transcript.starts_with(&heard.1) && heard.1.len() < transcript.len());
    talking.await.unwrap();
    talk.end().await;
}

/// The host cuts the assistant off; the next answer is heard again.
async fn host_interrupts(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    talk.client.send_text("Read me something long.").await.unwrap();
    talk.next(|event| matches!(event.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    talk.client.interrupt().await.unwrap();
    let _ = assert_cut(&talk);
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    while !talk.answer().await.contains("one hundred and thirty three metres") {}
    talk.turn_done().await;
    talk.end().await;
}

/// Push to talk.
async fn manual_turn(way: Way) {
    let mut talk = way.talk(json!({}), json!({"turn_detection": {"mode": "manual"}})).await;
    talk.client.start_listening().await.unwrap();
    say(&talk.client, Scenario::bundled().clip("question1").unwrap().to_vec()).await.unwrap();
    talk.client.stop_listening().await.unwrap();
    assert!(talk.answer().await.contains("open fires"));
    talk.turn_done().await;
    assert_eq!(talk.said().len(), 2, "{:?}", talk.said());
    talk.end().await;
}

/// The session changes while it runs, and goes on.
async fn update(way: Way) {
    let mut talk = way.talk(json!({}), json!({"instructions": "Be kind."})).await;
    talk.client.update_session(json!({"instructions": "Be brief."})).await.unwrap();
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    assert!(talk.answer().await.contains("one hundred and thirty three metres"));
    // It is there, and not only here.
    let told = talk.simulator.journal().client_events().iter().any(|event| event.to_string().contains("Be brief."));
    assert!(told);
    talk.end().await;
}

/// The connection is lost; the next one knows what was said.
async fn drop_and_recover(way: Way) {
    let lost = json!({"faults": [{"when": {"after_ms": 4000}, "do": "drop"}]});
    let mut talk = way.talk(lost, json!({})).await;
    talk.client.send_text("What is a lighthouse?").await.unwrap();
    talk.answer().await;
    let replaced = talk
        .next(|event| match &event.kind {
            EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
            _ => None,
        })
        .await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str()), ("reconnect", "full"));
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    while !talk.answer().await.contains("one hundred and thirty three metres") {}
    assert_eq!(talk.client.state().status, Status::Connected);
    talk.end().await;
}

/// The service ends sessions after a while; the conversation goes on.
async fn rollover(way: Way) {
    let mut talk = way.talk(json!({"delivery": {"session_s": 8}}), json!({})).await;
    talk.client.send_text("What is a lighthouse?").await.unwrap();
    talk.answer().await;
    let replaced = talk
        .next(|event| match &event.kind {
            EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
            _ => None,
        })
        .await;
    assert_eq!(replaced.why.as_str(), "rollover");
    assert_eq!(replaced.context, "full");
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    while !talk.answer().await.contains("one hundred and thirty three metres") {}
    talk.end().await;
}

/// What the model is told meanwhile cuts nobody off, and nobody answers it.
async fn context(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    talk.next(|event| matches!(event.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    talk.client.send_context("The user has opened page 3.").await.unwrap();
    // What has two messages may have two ends, and the history is told after the event.
    let answers = loop {
        talk.next(|_| Some(())).await;
        let answers: Vec<_> = talk.client.messages().iter().filter(|m| m.role == Role::Assistant).cloned().collect();
        let heard = |m: &Message| matches!(m.parts[0], Part::Audio { heard_transcript: Some(_), .. });
        if answers.iter().all(heard) && answers.iter().any(|m| m.text().contains("forty houses")) {
            break answers;
        }
    };
    assert!(!answers.is_empty() && answers.iter().all(|m| !m.interrupted), "{answers:#?}");
    answers.iter().for_each(|m| assert_heard_whole(&m.parts[0]));
    let words: String = answers.iter().map(Message::text).collect();
    assert!(words.contains("one hundred and thirty three metres") && words.contains("forty houses"), "{words}");
    // Where it has to wait, it goes with the next question, before its answer. Events of the first
    // answer may still come: the history is told ahead of them.
    talk.client.send_text("What is a lighthouse?").await.unwrap();
    let told = |talk: &Talk| talk.simulator.journal().client_events().iter().any(|e| e.to_string().contains("page 3"));
    while !told(&talk) {
        talk.next(|_| Some(())).await;
    }
    talk.end().await;
}

/// Question and answer, one after the other, spoken and written.
async fn history_order(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    let talking = say(&talk.client, question());
    talk.spoken().await;
    talking.await.unwrap();
    talk.client.send_text("How tall is the tallest one?").await.unwrap();
    talk.turn_done().await;
    let roles: Vec<_> = talk.said().into_iter().map(|(role, _)| role).collect();
    assert_eq!(roles[..4], [Role::User, Role::Assistant, Role::User, Role::Assistant], "{:?}", talk.said());
    talk.end().await;
}

/// What it cost is told.
async fn usage(way: Way) {
    let mut talk = way.talk(json!({}), json!({})).await;
    talk.client.send_text("What is a lighthouse?").await.unwrap();
    let used = talk
        .next(|event| match &event.kind {
            EventKind::Usage(usage) => Some(usage.clone()),
            _ => None,
        })
        .await;
    assert!(used.input.total > 0 && used.output.total > 0, "{used:?}");
    talk.end().await;
}
