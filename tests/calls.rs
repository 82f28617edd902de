//! The client against the simulator over WebRTC: events over a data channel, sound as Opus over RTP, both ways.
#![cfg(all(feature = "webrtc", feature = "simulator"))]

#[path = "referees/environment.rs"]
mod environment;
#[path = "common/live.rs"]
mod live;

use duologue::{
    Client, Config,
    config::TransportChoice,
    error::ErrorClass,
    event::{Event, EventKind, InterruptSource, Status},
    message::{Part, Role},
    simulator::{EndedBy, Fault, Scenario, Simulator, scenario::What},
};
use environment::canary;
use live::{said_and_answered, say, speech, turn_done, until};

async fn connect(simulator: &Simulator) -> Client {
    connect_over(TransportChoice::Webrtc, simulator).await
}

async fn connect_over(transport: TransportChoice, simulator: &Simulator) -> Client {
    let client = client_over(transport, simulator);
    client.connect().await.unwrap();
    client
}

fn client_over(transport: TransportChoice, simulator: &Simulator) -> Client {
    let config = Config { transport, base_url: Some(simulator.base_url()), ..Config::default() };
    let client = canary::builder().config(config).build().unwrap();
    canary::events_of(&client);
    client
}

#[tokio::test]
async fn a_typed_turn_is_answered_with_sound_beside_the_events() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = connect(&simulator).await;
    assert_eq!(client.state().status, Status::Connected);
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    let messages = client.messages();
    assert_eq!(messages.iter().map(|m| m.role).collect::<Vec<_>>(), [Role::User, Role::Assistant]);
    let Part::Audio { transcript, heard_transcript, duration_ms, heard_ms } = &messages[1].parts[0] else {
        panic!("{messages:?}")
    };
    assert_eq!(heard_transcript.as_ref(), Some(transcript), "all of it was heard");
    assert_eq!(duration_ms, heard_ms);
    assert!(*duration_ms > 500, "{duration_ms} ms of sound");
    let media = client.stats().media.expect("there is a call");
    assert!(media.packets > 25 && media.sent > 25, "{media:?}");
    assert_eq!((media.foreign, media.dropped_microphone), (0, 0));
    let told = simulator.journal().server_events();
    let names: Vec<_> = told.iter().filter_map(|e| e["type"].as_str()).collect();
    assert!(!names.contains(&"response.output_audio.delta"), "sound is no event here");
    assert!(names.contains(&"output_audio_buffer.started") && names.contains(&"output_audio_buffer.stopped"));
    client.disconnect().await.unwrap();
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_spoken_turn_is_heard_answered_and_cut_by_the_vendor() {
    let scenario = Scenario::bundled();
    let question = speech(&scenario, "question1");
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let client = connect(&simulator).await;
    let mut events = client.events();
    let talking = say(&client, question.clone());
    let said = said_and_answered(&mut events).await;
    assert!(said.contains("lighthouse"), "{said}");
    talking.await.unwrap();
    // The user speaks up.
    let talking = say(&client, question);
    let cut = until(&mut events, |e| match &e.kind {
        EventKind::Interrupted(cut) => Some(*cut),
        _ => None,
    })
    .await;
    assert_eq!(cut.source, InterruptSource::User);
    assert!(cut.server_truncated);
    talking.await.unwrap();
    client.disconnect().await.unwrap();
    let journal = simulator.journal();
    let sent: Vec<_> = journal.client_events().iter().filter_map(|e| e["type"].as_str().map(str::to_owned)).collect();
    assert!(!sent.iter().any(|kind| kind == "conversation.item.truncate"), "checklist 43: the vendor cuts: {sent:?}");
    assert!(!sent.iter().any(|kind| kind == "input_audio_buffer.append"), "the microphone is no event: {sent:?}");
    let told: Vec<_> = journal.server_events().iter().filter_map(|e| e["type"].as_str().map(str::to_owned)).collect();
    let at = |kind: &str| told.iter().position(|k| k == kind).unwrap_or_else(|| panic!("{kind} in {told:?}"));
    assert!(at("output_audio_buffer.cleared") < at("conversation.item.truncated"), "trace 6.9: {told:?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_host_that_interrupts_is_obeyed_and_a_call_that_ends_is_hung_up() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = connect(&simulator).await;
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    client.interrupt().await.unwrap();
    client.disconnect().await.unwrap();
    let journal = simulator.journal();
    let sent: Vec<_> = journal.client_events().iter().filter_map(|e| e["type"].as_str().map(str::to_owned)).collect();
    assert!(sent.contains(&"output_audio_buffer.clear".into()), "{sent:?}");
    simulator.shutdown().await;
    let ends: Vec<_> = journal.connections().into_iter().map(|c| c.end.expect("it is over").by).collect();
    assert_eq!(ends, [EndedBy::Client]);
}

/// The transports the host was told of: from, to and why.
fn change(event: &Event) -> Option<(String, String, String)> {
    match &event.kind {
        EventKind::TransportChanged(c) => Some((c.from.clone(), c.to.clone(), c.why.clone())),
        _ => None,
    }
}

fn told(from: &str, to: &str, why: &str) -> (String, String, String) {
    (from.into(), to.into(), why.into())
}

async fn faulty(fault: Fault) -> Simulator {
    Simulator::builder().fault(fault).start().await.unwrap()
}

/// FAULTS row 16.
#[tokio::test]
async fn a_call_without_a_path_falls_back_to_a_websocket_and_the_conversation_goes_on() {
    let simulator = faulty(Fault::new(What::NoPath).upgrade(1)).await;
    let client = client_over(TransportChoice::Auto, &simulator);
    let mut events = client.events();
    // ICE alone gives up after ten seconds, and an error it would be.
    client.connect().await.unwrap();
    assert_eq!(until(&mut events, change).await, told("webrtc", "websocket", "no_path"));
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    assert!(client.stats().media.is_none(), "no sound beside the events");
    client.disconnect().await.unwrap();
    // In the network there was no path for a call of the same run is not made again, in another it is.
    client.connect().await.unwrap();
    assert!(client.stats().media.is_some(), "the fault was the first offer's");
    client.disconnect().await.unwrap();
    let journal = simulator.journal();
    let asked: Vec<_> = journal.handshakes().iter().map(|h| h["path"].as_str().unwrap().to_owned()).collect();
    let calls = asked.iter().filter(|path| *path == "/v1/realtime/calls").count();
    assert_eq!(calls, 2, "{asked:?}");
    assert!(asked.iter().any(|path| path.ends_with("/hangup")), "the call that lost is hung up: {asked:?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_service_without_calls_is_reached_over_a_websocket() {
    let simulator = faulty(Fault::refuse(405).upgrade(1)).await;
    let client = client_over(TransportChoice::Auto, &simulator);
    let mut events = client.events();
    client.connect().await.unwrap();
    assert_eq!(until(&mut events, change).await, told("webrtc", "websocket", "no_calls"));
    client.disconnect().await.unwrap();
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_call_alone_does_not_fall_back_and_refusals_are_told_as_they_are() {
    let simulator = faulty(Fault::refuse(401).upgrade(1).times(2)).await;
    for transport in [TransportChoice::Webrtc, TransportChoice::Auto] {
        let error = client_over(transport, &simulator).connect().await.unwrap_err();
        assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "auth"), "{transport:?}");
    }
    let simulator = faulty(Fault::new(What::NoPath).upgrade(1)).await;
    let error = client_over(TransportChoice::Webrtc, &simulator).connect().await.unwrap_err();
    assert_eq!((error.class, &*error.code), (ErrorClass::Network, "ice_failed"), "{error}");
    assert!(error.fix.unwrap().contains("websocket"));
}

/// FAULTS row 17: the service offers no renegotiation, so another network is another call.
#[tokio::test]
async fn another_network_is_another_call_that_knows_the_conversation() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = connect_over(TransportChoice::Auto, &simulator).await;
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    client.network_changed().await.unwrap();
    let replaced = until(&mut events, |e| match &e.kind {
        EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
        _ => None,
    })
    .await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str()), ("reconnect", "full"));
    client.send_text("And now?").await.unwrap();
    until(&mut events, turn_done).await;
    assert_eq!(client.messages().len(), 4);
    let media = client.stats().media.expect("it is a call again");
    assert!(media.packets > 25, "{media:?}");
    client.disconnect().await.unwrap();
    simulator.shutdown().await;
}

/// A stack nobody here wrote holds the whole conversation with the simulator.
#[tokio::test]
async fn aiortc_talks_to_the_simulator() {
    let Some(referees) = environment::Referees::find() else { return };
    for form in ["secret", "form"] {
        let simulator = Simulator::builder().start().await.unwrap();
        let clips = environment::clips();
        let arguments = [simulator.base_url(), clips.display().to_string(), form.to_owned()];
        let report = environment::run(referees.python("aiortc_talk.py", arguments), "").await;
        report.expect_success();
        println!("{}", report.stdout);
        let journal = simulator.journal();
        assert!(journal.audio_ms() > 5_000, "the questions arrived: {} ms", journal.audio_ms());
        simulator.shutdown().await;
        let ends: Vec<_> = journal.connections().into_iter().map(|c| c.end.expect("it is over").by).collect();
        assert_eq!(ends, [EndedBy::Client]);
    }
}
