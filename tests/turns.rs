//! Turns, tools and changes against the simulator over a real socket: what a host of the Rust library does.
//! The same is shown from C (`tests/c`) and Python (`bindings/python/tests`).
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config, Image, ResponseOptions,
    client::EventStream,
    config::{Eagerness, Modality, Tool, VadMode},
    error::Error,
    event::{Event, EventKind, InterruptSource, TranscriptMode},
    message::Role,
    simulator::{Scenario, Simulator},
};
use serde_json::json;
use std::time::Duration;

struct Call {
    simulator: Simulator,
    client: Client,
    events: EventStream,
}

async fn call(change: impl FnOnce(&mut Config)) -> Call {
    let simulator = Simulator::builder().scenario(Scenario::bundled_workshop()).start().await.unwrap();
    let mut config = Config { base_url: Some(simulator.base_url()), ..Config::default() };
    change(&mut config);
    let client = canary::builder().config(config).build().unwrap();
    canary::events_of(&client);
    let events = client.events();
    client.connect().await.unwrap();
    Call { simulator, client, events }
}

impl Call {
    /// The next event that `pick` takes; bounded, so that a test that waits in vain fails.
    async fn until<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let wait = async {
            loop {
                let event = self.events.next().await.expect("the client ended");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the event never came")
    }

    /// What the assistant says next, once it has said it.
    async fn answer(&mut self) -> String {
        self.words(|t| t == Role::Assistant).await
    }

    async fn words(&mut self, whose: impl Fn(Role) -> bool) -> String {
        let words = |e: &Event| match &e.kind {
            EventKind::Transcript(t) if t.mode == TranscriptMode::Final && whose(t.role) => Some(t.text.clone()),
            _ => None,
        };
        self.until(words).await
    }

    async fn turn_done(&mut self) {
        self.until(|e| matches!(e.kind, EventKind::TurnDone(_)).then_some(())).await;
    }

    /// Pushes audio as fast as the ring takes it.
    async fn push(&self, pcm: &[i16]) {
        for frame in pcm.chunks(480) {
            while self.client.push_audio(frame).unwrap() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Names of what the simulator was sent, but audio.
    fn sent(&self) -> Vec<String> {
        let names = self.simulator.journal().client_events().into_iter();
        let names = names.map(|e| e["type"].as_str().unwrap_or_default().to_owned());
        names.filter(|n| n != "input_audio_buffer.append").collect()
    }
}

fn question() -> Vec<i16> {
    Scenario::bundled().clip("question1").unwrap().to_vec()
}

/// A picture of one black point.
const PNG: &[u8] = include_bytes!("../assets/point.png");

fn code<T>(result: Result<T, Error>) -> String {
    result.err().map(|e| e.code.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn push_to_talk_is_committed_and_answered() {
    let mut call = call(|c| c.turn_detection.mode = VadMode::Manual).await;
    // Said before the button: it stays here, but for the last moment.
    call.push(&question()).await;
    call.client.start_listening().await.unwrap();
    call.push(&question()).await;
    call.client.stop_listening().await.unwrap();
    assert!(call.answer().await.contains("lighthouses"));
    assert_eq!(
        call.sent()[1..],
        ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"],
        "after the configuration"
    );
    let heard = call.simulator.journal().audio_ms() as usize;
    let spoken = question().len() / 24;
    assert!((spoken..=spoken + 320).contains(&heard), "{heard} ms of {spoken} and 300 before");
    // A tap.
    call.client.start_listening().await.unwrap();
    call.push(&[100; 480]).await;
    assert_eq!(code(call.client.stop_listening().await), "turn_too_short");
    call.client.shutdown().await;
}

#[tokio::test]
async fn the_vendor_finds_the_end_of_what_was_said() {
    let mut call = call(|c| {
        c.turn_detection.mode = VadMode::Semantic;
        c.turn_detection.eagerness = Some(Eagerness::High);
    })
    .await;
    call.push(&question()).await;
    call.push(&[0; 48_000]).await;
    assert!(call.words(|r| r == Role::User).await.contains("lighthouse"));
    call.client.shutdown().await;
}

#[tokio::test]
async fn speech_does_not_cut_who_may_not_be_interrupted() {
    for interruptible in [false, true] {
        let mut call = call(|c| c.turn_detection.interrupt_response = interruptible).await;
        call.client.send_text("Read me something long").await.unwrap();
        call.until(|e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
        call.push(&question()).await;
        let cut = call
            .until(|e| match &e.kind {
                EventKind::Interrupted(cut) => Some(Some(cut.source)),
                EventKind::PlaybackFinished(f) if f.complete => Some(None),
                _ => None,
            })
            .await;
        assert_eq!(cut, interruptible.then_some(InterruptSource::User));
        call.client.shutdown().await;
    }
}

#[tokio::test]
async fn text_only_is_read_and_written() {
    let mut call = call(|c| c.output_modality = Modality::Text).await;
    call.client.send_text("How tall is it?").await.unwrap();
    assert!(call.answer().await.contains("metres"));
    call.turn_done().await;
    assert!(call.client.messages().iter().all(|m| !m.text().is_empty()));
    call.client.shutdown().await;
}

#[tokio::test]
async fn each_part_ends_when_it_was_played_also_when_nobody_speaks() {
    let mut call = call(|_| {}).await;
    // Two spoken items, and no microphone that would wake anybody.
    call.client.send_text("How tall is it?").await.unwrap();
    let finished = |e: &Event| match &e.kind {
        EventKind::PlaybackFinished(f) if f.complete => Some((e.time_ms, f.heard_ms)),
        _ => None,
    };
    let started = call.until(|e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(e.time_ms)).await;
    let first = call.until(finished).await;
    let second = call.until(finished).await;
    // By the engine's own clock: the first ends well before the second, which takes as long as it is.
    assert!(second.0 - first.0 >= second.1 / 2, "{started} {first:?} {second:?}");
    call.client.shutdown().await;
}

#[tokio::test]
async fn a_picture_is_seen_and_context_is_silent() {
    let mut call = call(|_| {}).await;
    call.client.send_context("The user is in the workshop.").await.unwrap();
    call.client.send_image_with(Image::from_bytes(PNG), Some("What is this?".into()), true, false).await.unwrap();
    let seen = call.answer().await;
    assert!(seen.contains("PNG") || seen.contains("png"), "{seen}");
    assert_eq!(call.sent().iter().filter(|n| *n == "response.create").count(), 1, "context asks for nothing");
    let roles: Vec<Role> = call.client.messages().iter().map(|m| m.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant]);
    assert_eq!(code(call.client.send_image(Image::from_url("https://example.com/a.png")).await), "image_url");
    call.client.shutdown().await;
}

#[tokio::test]
async fn instructions_change_and_the_voice_does_not_once_it_was_heard() {
    let mut call = call(|_| {}).await;
    call.client.update_session(json!({"voice": "cedar"})).await.unwrap();
    call.client.say("Welcome aboard!").await.unwrap();
    assert_eq!(call.answer().await, "Welcome aboard!");
    call.turn_done().await;
    assert_eq!(code(call.client.update_session(json!({"voice": "ash"})).await), "voice_locked");
    call.client.update_session(json!({"instructions": "Speak French."})).await.unwrap();
    let effective = call
        .until(|e| match &e.kind {
            EventKind::SessionConfigured(s) => s.effective["instructions"].as_str().map(str::to_owned),
            _ => None,
        })
        .await;
    assert!(!effective.is_empty());
    let updates = call.simulator.journal().client_events();
    let last = updates.iter().rfind(|e| e["type"] == "session.update").unwrap();
    assert_eq!(last["session"], json!({"type": "realtime", "instructions": "Speak French."}));
    assert_eq!(code(call.client.update_session(json!({"model": "gpt-realtime-2"})).await), "immutable_field");
    call.client.shutdown().await;
}

#[tokio::test]
async fn parallel_tools_get_one_answer() {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = |name: &str, parameters| Tool { name: name.into(), parameters, ..Tool::default() };
    let mut call = call(|c| c.tools = vec![tool("get_weather", Some(city)), tool("get_time", None)]).await;
    call.client.send_text("Compare them").await.unwrap();
    for _ in 0..3 {
        let tool = call.until(|e| if let EventKind::ToolCall(c) = &e.kind { Some(c.clone()) } else { None }).await;
        let result = if tool.name == "get_time" { "noon" } else { r#"{"degrees":18}"# };
        call.client.submit_tool_result(tool.call, result, false).await.unwrap();
    }
    assert!(call.answer().await.contains("warmer"));
    assert_eq!(call.sent().iter().filter(|n| *n == "response.create").count(), 2, "the question and one follow-up");
    call.client.shutdown().await;
}

#[tokio::test]
async fn options_are_for_one_response_and_out_of_band_leaves_no_trace() {
    let mut call = call(|c| c.instructions = Some("Be brief.".into())).await;
    call.client.send_text_with("How tall is it?", false, false).await.unwrap();
    let options = ResponseOptions {
        out_of_band: true,
        metadata: [("purpose".to_owned(), "classify".to_owned())].into(),
        ..Default::default()
    };
    let op = call.client.request_response(options);
    let id = op.id();
    op.await.unwrap();
    let response = call
        .until(|e| match &e.kind {
            EventKind::Completed(done) if done.op == id => e.response.clone(),
            _ => None,
        })
        .await;
    let words = call
        .until(|e| match &e.kind {
            EventKind::Transcript(t) if e.response.as_ref() == Some(&response) => {
                (t.mode == TranscriptMode::Final).then(|| t.text.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(words, "question");
    let options = ResponseOptions {
        instructions: Some("In one sentence.".into()),
        output_modality: Some(Modality::Text),
        ..Default::default()
    };
    call.client.request_response(options).await.unwrap();
    assert!(call.answer().await.contains("metres"));
    call.turn_done().await;
    let sent = call.simulator.journal().client_events();
    let last = sent.iter().rfind(|e| e["type"] == "response.create").unwrap();
    assert_eq!(last["response"]["instructions"], "Be brief.\n\nIn one sentence.");
    let texts: Vec<String> = call.client.messages().iter().map(|m| m.text()).collect();
    assert!(!texts.iter().any(|t| t == "question"), "{texts:?}");
    call.client.shutdown().await;
}

#[tokio::test]
async fn a_greeting_comes_first_and_labels_are_in_every_event() {
    let mut call = call(|c| {
        c.greeting = Some("Good morning, captain.".into());
        c.labels = [("participant".to_owned(), "p7".to_owned())].into();
    })
    .await;
    let labelled = |e: &Event| e.labels.as_ref().is_some_and(|l| l["participant"] == "p7");
    let said = call
        .until(|e| {
            assert!(labelled(e), "{e:?}");
            match &e.kind {
                EventKind::Transcript(t) if t.mode == TranscriptMode::Final => Some(t.text.clone()),
                _ => None,
            }
        })
        .await;
    assert_eq!(said, "Good morning, captain.");
    call.client.shutdown().await;
}

#[tokio::test]
async fn what_the_model_lacks_is_refused_or_left_out_and_told_at_each_connect() {
    let config = Config { temperature: Some(0.5), ..Config::default() };
    let error = Client::builder().config(config.clone()).build().unwrap_err();
    assert_eq!((error.code.as_ref(), error.field.as_deref()), ("unsupported_option", Some("temperature")));
    let simulator = Simulator::builder().start().await.unwrap();
    let config = Config { strict: false, base_url: Some(simulator.base_url()), ..config };
    let client = Client::builder().config(config).credential(canary::key()).build().unwrap();
    let events = client.events();
    let mut call = Call { simulator, client, events };
    for _ in 0..2 {
        call.client.connect().await.unwrap();
        let field = |e: &Event| if let EventKind::Warning(w) = &e.kind { w.field.clone() } else { None };
        assert_eq!(call.until(field).await, "temperature");
        call.client.disconnect().await.unwrap();
    }
    call.client.shutdown().await;
}

#[tokio::test]
async fn availability_says_why_not_before_anything_is_dialled() {
    let client = Client::builder().build().unwrap();
    let found = client.availability();
    assert_eq!((found.can_connect(), found.credential.unwrap().code.as_ref()), (false, "missing_key"));
    client.set_credential(canary::key()).unwrap();
    assert!(client.availability().can_connect());
    client.shutdown().await;
}
