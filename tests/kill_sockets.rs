//! The real client against the real simulator, whose line is cut behind every third event of the service, in a
//! conversation of three spoken turns with a tool call. `kill.rs` does the same in virtual time, at every place
//! and in every way; here it is sockets, the driver and a service that shares nothing with the client.
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;
#[path = "kill/line.rs"]
mod line;

use duologue::{
    Client, Config,
    client::EventStream,
    event::{Agent, EventKind, Mode},
    message::{Message, Part, Role, ToolCallState},
    simulator::{Journal, Scenario, Simulator},
};
use line::Line;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Every so many events a line is cut.
const STEP: usize = 3;
/// So many conversations are held side by side: each hears its microphone in real time.
const SIDE_BY_SIDE: usize = 12;
/// Of each clip so many samples are enough for the detection of speech.
const SPOKEN: usize = 30_000;
/// Less of an answer is no answer: it is given again.
const OWED_MS: u64 = 300;
/// What bounds a conversation that would hang.
const LIMIT: Duration = Duration::from_secs(120);
const QUESTIONS: [&str; 3] = ["What is a lighthouse?", "What is the weather like?", "And how tall is it?"];
const ANSWERS: [&str; 3] = ["A tower with a lamp.", "It is eighteen degrees.", "As tall as a tree."];

fn scenario() -> Scenario {
    let text = json!({
        "name": "three turns, quickly",
        "continue": true,
        "clips": {"1": "bundled:question1", "2": "bundled:question2", "3": "bundled:question3"},
        "delivery": {"delta_ms": 200, "speed": 20.0, "first_audio_delay_ms": 0, "transcript_delay_ms": 20},
        "turns": [
            {"hear": QUESTIONS[0], "reply": [{"say": ANSWERS[0]}]},
            {"hear": QUESTIONS[1], "reply": [{"call": {"name": "get_weather", "arguments": {"city": "Paris"}}}],
                "after_tool": [{"say": ANSWERS[1]}]},
            {"hear": QUESTIONS[2], "reply": [{"say": ANSWERS[2]}]},
        ],
    });
    Scenario::from_json(&text.to_string(), Path::new(".")).unwrap()
}

fn config(base_url: String) -> Config {
    let config = json!({
        "base_url": base_url,
        "tools": [{"name": "get_weather"}],
        "recovery": {},
        "transcription": {"model": "gpt-transcribe"},
    });
    serde_json::from_value(config).unwrap()
}

/// The line is good behind `cut`; `None`: all the time.
async fn conversation(cut: Option<usize>) -> (usize, usize) {
    let scenario = scenario();
    let clips = ["1", "2", "3"].map(|clip| scenario.clip(clip).unwrap()[..SPOKEN].to_vec());
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let line = Line::to(simulator.base_url(), cut).await;
    let client = canary::builder().config(config(line.base_url())).connect().await.unwrap();
    canary::events_of(&client);
    let mut events = client.events();
    let mut person = Person::new(client.clone());
    let mut runs = 0;
    for (turn, clip) in clips.iter().enumerate() {
        person.asks(clip.clone());
        let met = until_answered(&client, &mut events, turn, &mut runs);
        let met = tokio::time::timeout(LIMIT, met).await;
        assert!(met.is_ok(), "cut at {cut:?}: no answer to {}: {:#?}", turn + 1, client.messages());
    }
    person.goes();
    if cut.is_some() {
        // The line may go when all is said: the next connection is told then.
        let newest = |j: &Journal| {
            let sent = j.client_events();
            let last = sent.iter().filter_map(|e| e["connection"].as_u64()).max()?;
            let result = |e: &serde_json::Value| e["connection"] == last && e["item"]["type"] == "function_call_output";
            (last > 1 && sent.iter().any(result)).then_some(())
        };
        let journal = simulator.journal();
        tokio::time::timeout(LIMIT, journal.wait_until(newest)).await.expect("it comes back");
    }
    let reconnected = line.connections() - 1;
    check(cut, &client.messages(), runs, &simulator.journal());
    client.shutdown().await;
    (line.events(), reconnected)
}

/// Until the assistant is silent and has given this answer. Plays the tool meanwhile.
async fn until_answered(client: &Client, events: &mut EventStream, turn: usize, runs: &mut usize) {
    loop {
        let event = events.next().await.expect("the client ended");
        match &event.kind {
            EventKind::ToolCall(call) => {
                *runs += 1;
                // The line may be down: the result waits.
                drop(client.submit_tool_result(call.call.clone(), json!({"celsius": 18}).to_string(), false));
            }
            EventKind::Mode(mode) if mode.agent == Agent::Idle => {}
            EventKind::TurnDone(_) | EventKind::Message(_) => {}
            _ => continue,
        }
        let heard = |m: &Message| answer_of(m) == Some(turn) && heard_ms(m) >= OWED_MS;
        let silent = matches!(client.mode(), Mode::Idle | Mode::Listening);
        if silent && client.messages().iter().any(heard) {
            return;
        }
    }
}

/// Which answer the message is, by its first word.
fn answer_of(message: &Message) -> Option<usize> {
    let word = message.text().split_whitespace().next()?.to_owned();
    let of = |answer: &&str| answer.split_whitespace().next() == Some(word.as_str());
    ANSWERS.iter().position(of).filter(|_| message.role == Role::Assistant)
}

fn heard_ms(message: &Message) -> u64 {
    let heard = |part: &Part| if let Part::Audio { heard_ms, .. } = part { *heard_ms } else { 0 };
    message.parts.iter().map(heard).sum()
}

fn check(cut: Option<usize>, messages: &[Message], runs: usize, journal: &Journal) {
    let why = || format!("cut at {cut:?}: {messages:#?}");
    assert_eq!(runs, 1, "the tool runs once: {}", why());
    let name = |m: &Message| match m.parts.first() {
        Some(Part::ToolCall { state, .. }) => {
            // A call that was cut off before it was whole, and whose question was said again.
            (*state != ToolCallState::Cancelled).then_some("tool")
        }
        _ if m.role == Role::User => Some("question"),
        _ => (heard_ms(m) >= OWED_MS).then_some("answer"),
    };
    let names: Vec<&str> = messages.iter().filter_map(name).collect();
    let whole = ["question", "answer", "question", "tool", "answer", "question", "answer"];
    assert_eq!(names, whole, "{}", why());
    let questions: Vec<String> = messages.iter().filter(|m| m.role == Role::User).map(Message::text).collect();
    for (said, question) in questions.iter().zip(QUESTIONS) {
        // Words that were on their way when the line was cut are not known.
        assert!(said == question || question.starts_with(said.as_str()) && cut.is_some(), "{said:?}: {}", why());
    }
    for message in messages.iter().filter(|m| m.role == Role::Assistant) {
        let Some(Part::Audio { transcript, heard_transcript, duration_ms, heard_ms }) = message.parts.first() else {
            continue;
        };
        let heard = heard_transcript.as_deref().unwrap_or_default();
        assert!(transcript.starts_with(heard) && heard_ms <= duration_ms, "{message:?}: {}", why());
    }
    // The newest session has the result once, whoever made the call.
    let sent = journal.client_events();
    let last = sent.iter().filter_map(|e| e["connection"].as_u64()).max();
    let is_result = |e: &&Value| e["connection"].as_u64() == last && e["item"]["type"] == "function_call_output";
    assert_eq!(sent.iter().filter(is_result).count(), 1, "the result reached the model once: {}", why());
    let errors: Vec<Value> = journal.server_events().into_iter().filter(|e| e["type"] == "error").collect();
    assert!(errors.is_empty(), "the service refuses nothing: {errors:?} {}", why());
}

/// Somebody at the microphone, who is silent between the questions.
struct Person {
    say: tokio::sync::mpsc::UnboundedSender<Vec<i16>>,
    task: tokio::task::JoinHandle<()>,
}

impl Person {
    fn new(client: Client) -> Self {
        let (say, mut said) = tokio::sync::mpsc::unbounded_channel::<Vec<i16>>();
        let task = tokio::spawn(async move {
            // A microphone's clock: what is kept of it for another connection is measured in its time.
            let mut clock = tokio::time::interval(Duration::from_millis(20));
            let mut words = Vec::new().into_iter();
            loop {
                clock.tick().await;
                if let Ok(question) = said.try_recv() {
                    words = question.into_iter();
                }
                let mut frame: Vec<i16> = words.by_ref().take(480).collect();
                frame.resize(480, 0);
                let _ = client.push_audio(&frame);
            }
        });
        Self { say, task }
    }

    fn asks(&mut self, question: Vec<i16>) {
        self.say.send(question).unwrap();
    }

    fn goes(self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_survives_a_cut_behind_any_event() {
    let (events, reconnected) = conversation(None).await;
    assert_eq!(reconnected, 0);
    // Before that it is no conversation: session.created and session.updated.
    let cuts: Vec<usize> = (3..=events).step_by(STEP).collect();
    let mut lost = 0;
    for cuts in cuts.chunks(SIDE_BY_SIDE) {
        let some = cuts.iter().map(|cut| tokio::spawn(conversation(Some(*cut))));
        for (end, cut) in futures_util::future::join_all(some).await.into_iter().zip(cuts) {
            let (_, reconnected) = end.unwrap_or_else(|error| panic!("cut behind event {cut}: {error}"));
            assert_eq!(reconnected, 1, "cut behind event {cut}");
            lost += reconnected;
        }
    }
    println!("{events} events of the service, {lost} of them the last of their connection");
}
