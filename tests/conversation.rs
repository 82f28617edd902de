//! The client against the simulator over a real socket: connect, text, speech, tools, interruption.
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;
#[path = "common/live.rs"]
mod live;

use duologue::{
    Client, Config,
    event::{Event, EventKind, Status, TranscriptMode},
    message::{Part, Role},
    simulator::{Scenario, Simulator},
    transcript::Transcript,
};
use live::{say, speech, turn_done, until};
use std::sync::Arc;

async fn connect(simulator: &Simulator, config: Config) -> Client {
    let config = Config { base_url: Some(simulator.base_url()), ..config };
    let client = canary::builder().config(config).connect().await.unwrap();
    canary::events_of(&client);
    client
}

#[tokio::test]
async fn a_typed_turn_is_answered_in_order() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = connect(&simulator, Config::default()).await;
    assert_eq!(client.state().status, Status::Connected);
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    let messages = client.messages();
    assert_eq!(messages.iter().map(|m| m.role).collect::<Vec<_>>(), [Role::User, Role::Assistant]);
    assert_eq!(messages[0].text(), "Hello there");
    let Part::Audio { transcript, heard_transcript, duration_ms, heard_ms } = &messages[1].parts[0] else {
        panic!("{messages:?}")
    };
    assert!(!transcript.is_empty());
    assert_eq!(heard_transcript.as_ref(), Some(transcript), "all of it was heard");
    assert_eq!(duration_ms, heard_ms);
    client.disconnect().await.unwrap();
    assert!(matches!(client.state().status, Status::Idle { .. }));
}

#[tokio::test]
async fn a_spoken_turn_is_heard_and_answered() {
    let scenario = Scenario::bundled();
    let pcm = speech(&scenario, "question1");
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let client = connect(&simulator, Config::default()).await;
    let mut events = client.events();
    let talking = say(&client, pcm);
    until(&mut events, |e| matches!(e.kind, EventKind::SpeechStarted(_)).then_some(())).await;
    let said = until(&mut events, |e| match &e.kind {
        EventKind::Transcript(t) if t.role == Role::User && t.mode == TranscriptMode::Final => Some(t.text.clone()),
        _ => None,
    })
    .await;
    assert!(said.len() > 5, "{said}");
    talking.await.unwrap();
    let messages = client.messages();
    assert_eq!(messages[0].role, Role::User);
    assert_eq!(messages[0].text(), said);
    client.shutdown().await;
}

#[tokio::test]
async fn a_conversation_goes_on_in_another_client() {
    let simulator = Simulator::builder().start().await.unwrap();
    let first = connect(&simulator, Config::default()).await;
    let mut events = first.events();
    first.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    // In the middle of a run, too; what was heard is in it.
    let kept = first.export_history().to_json();
    let busy = first.import_history(Transcript::default()).await.unwrap_err();
    assert_eq!(busy.code, "connected");
    first.disconnect().await.unwrap();
    assert_eq!(first.export_history().to_json(), kept, "a disconnect takes nothing away");

    let config = Config { base_url: Some(simulator.base_url()), ..Config::default() };
    let second = canary::builder().config(config).build().unwrap();
    canary::events_of(&second);
    let mut events = second.events();
    second.import_history(Transcript::from_json(&kept).unwrap()).await.unwrap();
    assert_eq!(second.export_history().to_json(), kept);
    second.connect().await.unwrap();
    let replaced = until(&mut events, |e| match &e.kind {
        EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
        _ => None,
    });
    let replaced = replaced.await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str()), ("connect", "full"));
    second.send_text("And now?").await.unwrap();
    until(&mut events, turn_done).await;
    assert_eq!(second.messages().len(), 4);
    second.disconnect().await.unwrap();
    second.clear_history().await.unwrap();
    assert_eq!(second.export_history(), Transcript::default());
    // One that nobody read from JSON is checked all the same, before it is taken.
    let mut wrong = Transcript::from_json(&kept).unwrap();
    wrong.version = 3;
    let op = second.import_history(wrong);
    assert_eq!(op.refusal().map(|e| e.code.to_string()).as_deref(), Some("invalid_transcript"));
}

#[tokio::test]
async fn a_ping_tells_its_time_and_the_host_that_the_network_changed() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = connect(&simulator, Config::default()).await;
    let mut events = client.events();
    let ping = client.ping();
    let op = ping.op().id();
    let took = ping.await.unwrap();
    let told = until(&mut events, |e| match &e.kind {
        EventKind::Completed(done) if done.op == op => Some(done.round_trip_us),
        _ => None,
    });
    assert_eq!(told.await, Some(u64::try_from(took.as_micros()).unwrap()));
    client.network_changed().await.unwrap();
    let status = |wanted: fn(&Status) -> bool| {
        move |e: &Event| matches!(&e.kind, EventKind::Status(status) if wanted(status)).then_some(())
    };
    until(&mut events, status(|s| matches!(s, Status::Reconnecting { reason, .. } if reason == "network_changed")))
        .await;
    until(&mut events, status(|s| *s == Status::Connected)).await;
    client.disconnect().await.unwrap();
    assert_eq!(client.ping().await.unwrap_err().code, "not_connected");
    assert_eq!(client.network_changed().await.unwrap_err().code, "not_connected");
}

#[tokio::test]
async fn connecting_twice_and_disconnecting_twice_are_answered() {
    let simulator = Simulator::builder().start().await.unwrap();
    let client = connect(&simulator, Config::default()).await;
    assert_eq!(client.connect().await.unwrap_err().code, "already_connected");
    client.disconnect().await.unwrap();
    client.disconnect().await.unwrap();
    client.connect().await.unwrap();
    assert_eq!(client.state().status, Status::Connected);
    client.shutdown().await;
}

#[tokio::test]
async fn many_clients_share_one_configuration() {
    let simulator = Simulator::builder().start().await.unwrap();
    let config = Arc::new(Config { base_url: Some(simulator.base_url()), ..Config::default() });
    let key = canary::key;
    let clients = (0..20).map(|_| Client::builder().config(config.clone()).credential(key()).connect());
    let clients = futures_util::future::try_join_all(clients).await.unwrap();
    assert_eq!(simulator.journal().handshakes().len(), 20);
    drop(clients);
}

/// A file in memory that the test can read while the client writes it.
#[derive(Clone, Default)]
struct SharedFile(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_input_log_of_a_live_conversation_replays_to_the_same_events() {
    let scenario = Scenario::bundled();
    let pcm = speech(&scenario, "question1");
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let log = SharedFile::default();
    let client = Client::builder()
        .config(Config { base_url: Some(simulator.base_url()), ..Config::default() })
        .credential(canary::key())
        .input_log(log.clone())
        .build()
        .unwrap();
    let mut events = client.events();
    client.connect().await.unwrap();
    for frame in pcm.chunks(480) {
        // The ring holds half a second: what finds no room is offered again.
        while client.push_audio(frame).unwrap() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    let mut told = Vec::new();
    let mut stop = None;
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while let Some(event) = tokio::time::timeout_at(patience, events.next()).await.expect("the turn never ended") {
        if matches!(event.kind, EventKind::PlaybackStarted(_)) && stop.is_none() {
            // In the middle of the answer: an interruption is part of the story.
            stop = Some(client.interrupt());
        }
        let done = turn_done(&event).is_some();
        told.push(serde_json::to_value(&*event).unwrap());
        if done {
            break;
        }
    }
    stop.unwrap().await.unwrap();
    client.shutdown().await;

    let text = log.0.lock().unwrap().clone();
    assert!(!String::from_utf8_lossy(&text).contains(canary::MARK), "no secret in the log");
    let mut replayed = Vec::new();
    duologue::session::log::replay(&text[..], |_, output| {
        if let duologue::session::Output::Event(event) = output {
            replayed.push(serde_json::to_value(&event).unwrap());
        }
    })
    .unwrap();
    assert!(told.len() > 20, "{}", told.len());
    // The stream replaces a level nobody has read yet, so levels are no part of the comparison, and
    // it numbers what it gives out.
    let bare = |events: &[serde_json::Value]| -> Vec<serde_json::Value> {
        let mut events: Vec<_> = events.iter().filter(|e| e["type"] != "audio_level").cloned().collect();
        events.iter_mut().for_each(|e| drop(e.as_object_mut().unwrap().remove("seq")));
        events
    };
    let (told, replayed) = (bare(&told), bare(&replayed));
    for (i, (told, replayed)) in told.iter().zip(&replayed).enumerate() {
        assert_eq!(told, replayed, "event {i}");
    }
    assert!(replayed.len() >= told.len());
}

#[tokio::test]
async fn every_append_is_twenty_milliseconds_whatever_the_host_pushes() {
    for rate in [24_000, 48_000] {
        let simulator = Simulator::builder().start().await.unwrap();
        let journal = simulator.journal();
        let mut config = Config::default();
        config.audio.input.rate = Some(rate);
        let client = connect(&simulator, config).await;
        let mut pushed = 0;
        let talk = async {
            // Chunks that are no frame of any size, until a second has arrived.
            for size in [1, 7, 333, 1021, 479].into_iter().cycle() {
                if journal.audio_ms() >= 1000 {
                    return;
                }
                let chunk: Vec<i16> = (pushed..pushed + size).map(|n| (n % 311 * 20) as i16 - 3000).collect();
                let taken = client.push_audio(&chunk).unwrap();
                pushed += taken;
                if taken < size {
                    // The ring holds half a second: what finds no room is offered again.
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), talk).await.expect("the sound did not arrive");
        client.shutdown().await;
        simulator.shutdown().await;
        let events = journal.client_events();
        let lengths: Vec<_> =
            events.iter().filter(|e| e["type"] == "input_audio_buffer.append").map(|e| &e["audio"]).collect();
        // The journal has the length of the base64 text: 1280 characters hold 958 to 960 bytes, and the sum is exact.
        assert!(lengths.iter().all(|length| **length == 1280), "{rate}: {lengths:?}");
        assert_eq!(journal.audio_ms(), 20 * lengths.len() as u64, "{rate}");
        let pushed_ms = pushed as u64 * 1000 / u64::from(rate);
        assert!((1000..=pushed_ms).contains(&journal.audio_ms()), "{rate}: {} of {pushed_ms} ms", journal.audio_ms());
    }
}
