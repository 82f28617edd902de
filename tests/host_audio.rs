//! Audio the host plays and captures itself: what it pulls, what it reports, and what counts as heard.

mod common;
#[cfg(feature = "simulator")]
#[path = "common/live.rs"]
mod live;

use common::{PER_MS, Talk, canary};
use duologue::{
    Client, Config, ErrorClass,
    client::EventStream,
    config::{AudioDelivery, Positions},
    event::{Event, EventKind},
    message::Part,
    session::{
        Command, Input, Output,
        ledger::{AudioKey, HeardLedger, LedgerEvent},
    },
    transport::scripted::{Outbound, Peer, ScriptedDialer},
};
use serde_json::{Value, json};
use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{runtime::Handle, sync::mpsc::UnboundedReceiver};

/// A block of 10 ms.
const BLOCK: usize = 240;

fn host(delivery: AudioDelivery, positions: Positions) -> Config {
    let mut config = Config { auto_capture: false, ..Config::default() };
    (config.audio.output.delivery, config.audio.output.positions) = (delivery, positions);
    config
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A client in virtual time; the test is the vendor and the audio thread.
struct Call {
    client: Client,
    events: EventStream,
    peer: Peer,
    _peers: UnboundedReceiver<Peer>,
    log: Log,
    told: Vec<Event>,
    /// What was pulled that was no silence.
    pulled: Vec<i16>,
}

fn wire(kind: &str, body: Value) -> String {
    let mut event = json!({"type": kind, "event_id": format!("{kind}{body}")});
    event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    event.to_string()
}

impl Call {
    async fn connected(config: Config) -> Self {
        let (dialer, mut peers) = ScriptedDialer::new();
        let log = Log::default();
        let client = Client::builder()
            .config(config)
            .credential(canary::key())
            .dialer(Arc::new(dialer))
            .input_log(log.clone())
            .runtime(Handle::current())
            .build()
            .unwrap();
        let events = client.events();
        let connecting = client.connect();
        let mut peer = peers.recv().await.unwrap();
        peer.send(wire("session.created", json!({"session": {}})));
        assert!(matches!(peer.next().await, Some(Outbound::Text(..))));
        peer.send(wire("session.updated", json!({"session": {}})));
        connecting.await.unwrap();
        Self { client, events, peer, _peers: peers, log, told: vec![], pulled: vec![] }
    }

    /// The vendor says `pcm` in response R`id`, item A`id`.
    fn speaks(&self, id: &str, pcm: &[i16]) {
        let at = json!({"response_id": format!("R{id}"), "item_id": format!("A{id}"), "output_index": 0,
            "content_index": 0});
        let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut delta = at.clone();
        delta["delta"] = base64_simd::STANDARD.encode_to_string(bytes).into();
        let body = |status: &str| json!({"response": {"id": format!("R{id}"), "status": status, "output": []}});
        self.peer.send(wire("response.created", body("in_progress")));
        let item = json!({"id": format!("A{id}"), "type": "message", "role": "assistant", "status": "in_progress",
            "content": []});
        let added = json!({"response_id": format!("R{id}"), "output_index": 0, "item": item});
        self.peer.send(wire("response.output_item.added", added));
        self.peer.send(wire("response.output_audio.delta", delta));
        self.peer.send(wire("response.output_audio.done", at));
        self.peer.send(wire("response.done", body("completed")));
    }

    /// 10 ms pass.
    async fn wait(&mut self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        while let Some(event) = self.events.try_next() {
            self.told.push(Event::clone(&event));
        }
    }

    /// 10 ms pass and 10 ms are pulled.
    async fn pull(&mut self, audible_at_us: Option<u64>) -> usize {
        self.wait().await;
        let mut block = [i16::MAX; BLOCK];
        let real = self.client.pull_audio(&mut block, audible_at_us).unwrap();
        self.pulled.extend(&block[..real]);
        assert!(block[real..].iter().all(|s| *s == 0), "the rest is silence");
        real
    }

    fn last(&self, kind: &str) -> Option<(&Event, Value)> {
        let event = self.told.iter().rfind(|e| e.kind.name() == kind)?;
        Some((event, serde_json::to_value(event).unwrap()))
    }

    fn count(&self, kind: &str) -> usize {
        self.told.iter().filter(|e| e.kind.name() == kind).count()
    }

    /// Pulls until this was told; the bound is in blocks, not in time.
    async fn pull_until(&mut self, kind: &str) -> Value {
        for _ in 0..1000 {
            if let Some((_, event)) = self.last(kind) {
                return event;
            }
            self.pull(None).await;
        }
        panic!("never told: {kind}");
    }

    /// What the vendor is told next that is a cut.
    async fn truncate(&mut self) -> Value {
        loop {
            let Some(Outbound::Text(text, _)) = self.peer.next().await else { panic!("no truncate came") };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == "conversation.item.truncate" {
                return frame;
            }
        }
    }

    /// Lets `ms` pass first.
    async fn finish_after(self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.finish().await;
    }

    /// Ends the client and replays its log.
    async fn finish(self) {
        let Self { client, mut events, mut told, log, .. } = self;
        client.shutdown().await;
        while let Some(event) = events.next().await {
            told.push(Event::clone(&event));
        }
        let bytes = log.0.lock().unwrap().clone();
        let mut replayed = Vec::new();
        duologue::session::log::replay(&bytes[..], |_, output| {
            if let Output::Event(event) = output {
                replayed.push(event);
            }
        })
        .unwrap();
        let bare = |events: Vec<Event>| -> Vec<Value> {
            // A stream keeps the newest level only, and numbers what it gives out.
            let told = events.into_iter().filter(|e| e.kind.name() != "audio_level");
            told.map(|e| serde_json::to_value(Event { seq: 0, ..e }).unwrap()).collect()
        };
        assert_eq!(bare(told), bare(replayed), "the log replays to what was told");
    }
}

/// Samples that are all different from their neighbours.
fn ramp(ms: usize) -> Vec<i16> {
    (0..24 * ms).map(|n| (n % 8191) as i16 + 1).collect()
}

#[tokio::test(start_paused = true)]
async fn every_sample_is_pulled_once_and_in_order() {
    let mut call = Call::connected(host(AudioDelivery::Pull, Positions::Estimated)).await;
    assert_eq!(call.pull(None).await, 0, "nobody speaks yet");
    let pcm = ramp(1234);
    call.speaks("1", &pcm);
    let finished = call.pull_until("playback_finished").await;
    assert!(call.pulled == pcm, "{} of {} frames", call.pulled.len(), pcm.len());
    assert_eq!((&finished["heard_ms"], &finished["complete"]), (&json!(1234), &json!(true)));
    assert_eq!(finished["estimated"], true);
    assert_eq!((call.count("audio"), call.count("turn_done")), (0, 1), "what is pulled is no event too");
    let stats = call.client.stats();
    assert_eq!(stats.underruns, 0);
    // Nothing is connected any more: silence.
    let leaving = call.client.disconnect();
    call.peer.close(Some(1000), "");
    leaving.await.unwrap();
    assert_eq!(call.pull(None).await, 0);
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_pulled_rate_is_the_hosts() {
    let mut config = host(AudioDelivery::Pull, Positions::Estimated);
    config.audio.output.rate = Some(48_000);
    let mut call = Call::connected(config).await;
    call.speaks("1", &ramp(500));
    let finished = {
        for _ in 0..100 {
            call.wait().await;
            let mut block = [0; 2 * BLOCK];
            let real = call.client.pull_audio(&mut block, None).unwrap();
            call.pulled.extend(&block[..real]);
        }
        call.last("playback_finished").unwrap().1
    };
    assert_eq!((call.pulled.len(), &finished["heard_ms"]), (48 * 500, &json!(500)));
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_interruption_cuts_what_was_pulled() {
    let mut call = Call::connected(host(AudioDelivery::Pull, Positions::Estimated)).await;
    call.speaks("1", &ramp(3000));
    while call.pulled.len() < 24 * 1000 {
        call.pull(None).await;
    }
    let cutting = call.client.interrupt();
    let interrupted = call.pull_until("interrupted").await;
    cutting.await.unwrap();
    // The fade-out of 10 ms was heard as well, and nothing after it.
    assert_eq!(call.pulled.len(), 24 * 1010);
    assert_eq!((&interrupted["heard_ms"], &interrupted["estimated"]), (&json!(1010), &json!(true)));
    assert_eq!(call.truncate().await["audio_end_ms"], 1010);
    // The next answer is pulled from its first sample.
    call.pulled.clear();
    let next = ramp(300);
    call.speaks("2", &next);
    while call.count("playback_finished") < 2 {
        call.pull(None).await;
    }
    assert!(call.pulled == next);
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_pulling_holds_nothing_up() {
    let mut call = Call::connected(host(AudioDelivery::Pull, Positions::Estimated)).await;
    call.speaks("1", &ramp(3000));
    while call.pulled.len() < 24 * 500 {
        call.pull(None).await;
    }
    call.wait().await;
    let before = tokio::time::Instant::now();
    call.client.interrupt().await.unwrap();
    let waited = before.elapsed();
    assert!(waited >= Duration::from_millis(100) && waited < Duration::from_millis(120), "{waited:?} of virtual time");
    call.wait().await;
    let (_, interrupted) = call.last("interrupted").unwrap();
    assert_eq!(interrupted["heard_ms"], 500);
    assert_eq!(call.truncate().await["audio_end_ms"], 500);
    assert_eq!(call.count("warning"), 0, "the speaker was not given up");
    // Who comes back hears nothing of the old answer and all of the next.
    call.pulled.clear();
    assert_eq!(call.pull(None).await, 0);
    let next = ramp(200);
    call.speaks("2", &next);
    while call.count("playback_finished") < 2 {
        call.pull(None).await;
    }
    assert!(call.pulled == next);
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_on_the_way_to_the_loudspeaker_is_not_heard_yet() {
    let mut call = Call::connected(host(AudioDelivery::Pull, Positions::Estimated)).await;
    call.speaks("1", &ramp(3000));
    // As late as can be: a second.
    let late = Some(u64::MAX);
    while call.pull(late).await == 0 {}
    let begun = call.told.last().map_or(0, |e| e.time_ms);
    for _ in 0..98 {
        call.pull(late).await;
    }
    assert_eq!(call.count("playback_started"), 0);
    while call.count("playback_started") == 0 {
        call.pull(late).await;
    }
    let heard_at = call.last("playback_started").unwrap().0.time_ms;
    assert!((1000..=1020).contains(&(heard_at - begun)), "{begun} {heard_at}");
    // What was pulled cannot be called back: it counts, when it is heard.
    let pulled = call.pulled.len();
    let cutting = call.client.interrupt();
    for _ in 0..95 {
        call.pull(late).await;
    }
    assert_eq!((call.pulled.len(), call.count("interrupted")), (pulled + BLOCK, 0));
    let interrupted = call.pull_until("interrupted").await;
    cutting.await.unwrap();
    assert_eq!(interrupted["heard_ms"], call.pulled.len() as u64 / PER_MS);
    assert_eq!(call.truncate().await["audio_end_ms"], interrupted["heard_ms"]);
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_ends_tells_what_was_pulled() {
    let mut call = Call::connected(host(AudioDelivery::Pull, Positions::Estimated)).await;
    call.speaks("1", &ramp(3000));
    while call.pulled.len() < 24 * 500 {
        call.pull(Some(u64::MAX)).await;
    }
    let mut events = call.client.events();
    // So soon that the second has not passed.
    call.peer.close(Some(1000), "");
    call.client.clone().shutdown().await;
    let mut heard = None;
    while let Some(event) = events.next().await {
        if let EventKind::Interrupted(i) = &event.kind {
            heard = Some(i.heard_ms);
        }
    }
    assert_eq!(heard, Some(500));
    assert_eq!(call.client.pull_audio(&mut [1; BLOCK], None).unwrap(), 0, "silence for ever");
}

#[tokio::test(start_paused = true)]
async fn reports_decide_over_what_was_pulled() {
    let mut call = Call::connected(host(AudioDelivery::Pull, Positions::Reported)).await;
    let pcm = ramp(1000);
    call.speaks("1", &pcm);
    while call.pulled.len() < pcm.len() {
        call.pull(None).await;
    }
    assert!(call.pulled == pcm);
    assert_eq!(call.count("playback_started"), 0, "nothing was reported");
    call.client.report_playback("A1", 0, 700, 300).unwrap();
    call.wait().await;
    assert_eq!(call.count("playback_started"), 1);
    call.client.interrupt().await.unwrap();
    call.wait().await;
    let (_, interrupted) = call.last("interrupted").unwrap();
    assert_eq!((&interrupted["heard_ms"], &interrupted["estimated"]), (&json!(400), &json!(false)));
    assert_eq!(call.truncate().await["audio_end_ms"], 400);
    call.client.report_playback("A1", 0, 900, 0).unwrap();
    call.client.report_playback("A9", 0, 900, 0).unwrap();
    call.wait().await;
    assert_eq!(call.count("interrupted"), 1);
    assert_eq!(call.client.stats().session.unknown_reports, 1, "A9, and not A1, whose report was late");
    // An interruption silences what still waits to be pulled.
    call.speaks("2", &pcm);
    while call.pull(None).await == 0 {}
    call.client.interrupt().await.unwrap();
    let before = call.pulled.len();
    for _ in 0..20 {
        call.pull(None).await;
    }
    assert_eq!(call.pulled.len() - before, BLOCK, "the fade-out");
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn audio_events_count_as_reported_not_as_delivered() {
    let mut call = Call::connected(host(AudioDelivery::Events, Positions::Reported)).await;
    call.speaks("1", &ramp(500));
    for _ in 0..100 {
        call.wait().await;
    }
    assert_eq!((call.count("audio"), call.count("playback_started"), call.count("turn_done")), (1, 0, 0));
    call.client.report_playback("A1", 0, 500, 0).unwrap();
    call.wait().await;
    assert_eq!((call.count("playback_finished"), call.count("turn_done")), (1, 1));
    call.finish().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_fit_the_configuration_are_refused() {
    let call = Call::connected(Config { auto_capture: false, ..Config::default() }).await;
    let pull = call.client.pull_audio(&mut [0; BLOCK], None).unwrap_err();
    assert_eq!(
        (pull.class, &*pull.code, pull.field.as_deref()),
        (ErrorClass::State, "invalid_state", Some("audio.output.delivery"))
    );
    let report = call.client.report_playback("A1", 0, 1, 0).unwrap_err();
    assert_eq!((&*report.code, report.field.as_deref()), ("invalid_state", Some("audio.output.positions")));
    call.finish().await;

    let call = Call::connected(host(AudioDelivery::Events, Positions::Reported)).await;
    assert_eq!(call.client.report_playback(&"x".repeat(129), 0, 1, 0).unwrap_err().code, "too_long");
    // The engine does not run while nothing is awaited here.
    for _ in 0..256 {
        call.client.report_playback(&"x".repeat(128), 0, 1, 0).unwrap();
    }
    let full = call.client.report_playback("A1", 0, 1, 0).unwrap_err();
    assert_eq!((full.class, &*full.code, full.retryable), (ErrorClass::Limit, "would_block", true));
    tokio::task::yield_now().await;
    call.client.report_playback("A1", 0, 1, 0).unwrap();
    call.finish().await;

    let config = host(AudioDelivery::Pull, Positions::Estimated);
    let sink = Client::builder().config(config).audio_sink(|_| ()).build().unwrap_err();
    assert_eq!((&*sink.code, sink.field.as_deref()), ("unused_audio_sink", Some("audio.output.delivery")));
}

#[tokio::test(start_paused = true)]
async fn capture_times_travel_with_the_sound() {
    let call = Call::connected(Config::default()).await;
    let push = |at| call.client.push_audio_at(&[100; 4 * BLOCK], at);
    let now = duologue::clock_us();
    for wrong in [now + 60_000_000, now - 10_000_000] {
        let error = push(Some(wrong)).unwrap_err();
        assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Argument, Some("captured_at_us")), "{error}");
    }
    assert_eq!(push(Some(now - 100_000)).unwrap(), 4 * BLOCK);
    let log = call.log.clone();
    call.finish_after(40).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let frames = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).filter(|l| l["input"] == "microphone");
    let ages: Vec<u64> = frames.map(|l| l["age_us"].as_u64().unwrap()).collect();
    // 40 ms that began 100 ms ago: the first half ended 80 ms ago at least, for real time goes on.
    assert!(ages.len() == 2 && ages[0] >= 80_000 && ages[1] == ages[0] - 20_000, "{ages:?}");
}

// The session by itself, in virtual time.

/// A session whose host reports; `common/speaker.rs` is the host's loudspeaker.
fn reporting() -> Talk {
    let mut talk = Talk::with(host(AudioDelivery::Events, Positions::Reported));
    talk.connect();
    talk.take();
    talk
}

/// The loudspeaker plays `ms` more; the host says that `heard_ms` of this part were heard.
fn report(talk: &mut Talk, ms: u64, item: &str, part: u32, heard_ms: u64) {
    talk.pass(ms);
    talk.speaker.play(ms * PER_MS);
    talk.input(Input::PlaybackReport { item: item.into(), part, heard_ms });
}

fn heard_ms(talk: &Talk, item: &str) -> Vec<u64> {
    let parts = talk.message(item).unwrap().parts.iter();
    let heard = parts.filter_map(|p| match p {
        Part::Audio { heard_ms, .. } => Some(*heard_ms),
        _ => None,
    });
    heard.collect()
}

#[test]
fn an_interruption_cuts_at_the_last_report_at_once() {
    let mut talk = reporting();
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 2000, "one two three four five six seven eight nine ten");
    report(&mut talk, 600, "A1", 0, 600);
    // Neither back nor past what came.
    talk.input(Input::PlaybackReport { item: "A1".into(), part: 0, heard_ms: 200 });
    report(&mut talk, 400, "A1", 0, 1000);
    talk.take();
    let op = talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None), "nothing is waited for");
    let cut = json!({"type": "conversation.item.truncate", "item_id": "A1", "content_index": 0, "audio_end_ms": 1000});
    assert_eq!(out.frames(), [json!({"type": "response.cancel", "response_id": "R1"}), cut]);
    let interrupted = &out.of("interrupted")[0];
    assert_eq!((&interrupted["heard_ms"], &interrupted["estimated"]), (&json!(1000), &json!(false)));
    // The host's report was on its way.
    talk.input(Input::PlaybackReport { item: "A1".into(), part: 0, heard_ms: 1500 });
    assert_eq!(talk.take().names(), [""; 0]);
    assert_eq!((heard_ms(&talk, "A1"), talk.session.stats().unknown_reports), (vec![1000], 0));
    // What a speaker of ours would say changes nothing either.
    talk.speaker.flush();
    talk.finish();
}

#[test]
fn reports_of_what_nobody_was_given_are_counted() {
    let mut talk = reporting();
    talk.user_speaks("U1", 0);
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 500, "one two");
    talk.take();
    for (item, part) in [("A2", 0), ("A1", 1), ("U1", 0), ("", 0)] {
        talk.input(Input::PlaybackReport { item: item.into(), part, heard_ms: 100 });
    }
    assert_eq!((talk.session.stats().unknown_reports, talk.take().names()), (4, vec![]));
    assert_eq!(heard_ms(&talk, "A1"), [0]);
    talk.finish();
}

#[test]
fn what_is_heard_of_a_later_part_says_that_the_earlier_ones_were() {
    let mut talk = reporting();
    talk.response("R1");
    for (item, previous) in [("A1", None), ("A2", Some("A1"))] {
        talk.item("R1", item, previous, "audio");
        talk.speech("R1", item, 0, 500, "words that take a while");
        talk.item_done("R1", item, 0, "words that take a while");
    }
    talk.part("R1", "A2", 1, "audio");
    talk.speech("R1", "A2", 1, 400, "and some more");
    talk.done("R1", "completed", None);
    talk.take();
    // Begun, but still on the way to the loudspeaker: that says nothing of what came before.
    report(&mut talk, 300, "A2", 0, 0);
    assert_eq!(talk.take().names(), [""; 0]);
    report(&mut talk, 300, "A2", 0, 100);
    let out = talk.take();
    assert_eq!(out.of("playback_started").len(), 2);
    let finished = &out.of("playback_finished")[0];
    assert_eq!(
        (&finished["item"], &finished["heard_ms"], &finished["complete"], &finished["estimated"]),
        (&json!("A1"), &json!(500), &json!(true), &json!(false))
    );
    report(&mut talk, 600, "A2", 1, 200);
    let out = talk.take();
    assert_eq!((out.of("playback_finished").len(), out.of("turn_done").len()), (1, 0));
    // Past the end of what came is its end.
    report(&mut talk, 200, "A2", 1, 9000);
    let out = talk.take();
    assert_eq!((out.of("playback_finished").len(), out.of("turn_done").len()), (1, 1));
    assert_eq!((heard_ms(&talk, "A1"), heard_ms(&talk, "A2")), (vec![500], vec![500, 400]));
    talk.finish();
}

#[test]
fn hosts_count_in_whole_milliseconds() {
    let key = |item: &str| AudioKey { response: "R1".into(), item: item.into(), part: 0 };
    let (mut ledger, mut events) = (HeardLedger::new(24_000), Vec::new());
    ledger.push(&key("A1"), 100 * PER_MS + 12);
    ledger.complete(&key("A1"), &mut events);
    ledger.push(&key("A2"), 12);
    ledger.complete(&key("A2"), &mut events);
    assert!(ledger.played(&"A1".into(), 0, 99 * PER_MS, &mut events));
    assert_eq!(events, [LedgerEvent::Started(key("A1"))]);
    events.clear();
    // Nothing is nothing, also of a part that is shorter than a millisecond.
    assert!(ledger.played(&"A2".into(), 0, 0, &mut events));
    assert_eq!(events, []);
    ledger.played(&"A1".into(), 0, 100 * PER_MS, &mut events);
    assert!(matches!(&events[..], [LedgerEvent::Finished(h, true)] if h.heard == 100 * PER_MS + 12), "{events:?}");
    events.clear();
    ledger.played(&"A2".into(), 0, PER_MS, &mut events);
    assert!(matches!(&events[..], [LedgerEvent::Started(_), LedgerEvent::Finished(_, true)]), "{events:?}");
    assert!(!ledger.played(&"A2".into(), 0, PER_MS, &mut events), "it is over");
}

#[test]
fn an_end_that_is_never_reported_leaves_the_turn_open_until_the_next_is_heard() {
    let mut talk = reporting();
    for (response, item, previous) in [("R1", "A1", None), ("R2", "A2", Some("A1"))] {
        talk.response(response);
        talk.item(response, item, previous, "audio");
        talk.speech(response, item, 0, 500, "one two");
        talk.item_done(response, item, 0, "one two");
        talk.done(response, "completed", None);
    }
    report(&mut talk, 499, "A1", 0, 499);
    talk.take();
    talk.pass(3_600_000);
    assert_eq!(talk.take().names(), [""; 0], "no timer guesses");
    report(&mut talk, 2, "A2", 0, 1);
    assert_eq!(talk.take().of("turn_done").len(), 1);
    talk.host(Command::Disconnect);
    assert_eq!(heard_ms(&talk, "A2"), [1]);
    talk.closed(Some(1000), "", None);
    talk.speaker.flush();
    talk.finish();
}

#[test]
fn a_host_that_never_reports_fills_nothing() {
    let mut talk = reporting();
    for n in 0..300 {
        let (response, item) = (format!("R{n}"), format!("A{n}"));
        talk.response(&response);
        talk.item(&response, &item, None, "audio");
        talk.speech(&response, &item, 0, 20, "one");
        talk.item_done(&response, &item, 0, "one");
        talk.done(&response, "completed", None);
    }
    let warned = |w: &&Value| w["code"] == "positions_unreported";
    assert_eq!(talk.take().of("warning").iter().filter(warned).count(), 1);
    talk.finish();
}

#[test]
fn a_turn_is_timed_from_when_its_last_word_was_captured() {
    for (age_ms, endpointing) in [(0, 600), (80, 680)] {
        let mut config = host(AudioDelivery::Events, Positions::Reported);
        config.auto_capture = true;
        let mut talk = Talk::with(config);
        talk.connect();
        for _ in 0..50 {
            talk.pass(20);
            let pcm = vec![100i16; 20 * PER_MS as usize];
            talk.input(Input::Microphone { pcm: pcm.into(), age_us: age_ms * 1000 });
        }
        // Of 1000 ms sent, speech ended at 400: what was said until 900 includes 500 ms of silence.
        talk.user_speaks("U1", 200);
        talk.user_is_silent("U1", None, 900);
        talk.response("R1");
        talk.item("R1", "A1", Some("U1"), "audio");
        talk.speech("R1", "A1", 0, 500, "one two");
        talk.take();
        report(&mut talk, 100, "A1", 0, 100);
        assert_eq!(talk.take().of("latency")[0]["endpointing_ms"], endpointing);
        talk.finish();
    }
}

#[test]
fn logs_without_ages_still_read() {
    let old = r#"{"t":5,"input":"microphone","pcm":"AAA="}"#;
    let line: duologue::session::log::Line<'_> = serde_json::from_str(old).unwrap();
    assert_eq!(line.input, Input::Microphone { pcm: vec![0].into(), age_us: 0 });
    let written = serde_json::to_value(&line).unwrap();
    assert!(written.get("age_us").is_none(), "and nothing is written where nobody said");
}

// Over a real socket.

#[cfg(feature = "simulator")]
mod socket {
    use super::live::{turn_done, until};
    use super::*;
    use duologue::{event::Status, simulator::Simulator};
    use std::sync::atomic::{AtomicBool, Ordering};

    async fn connect(simulator: &Simulator, config: Config) -> (Client, EventStream) {
        let client = Client::builder()
            .config(Config { base_url: Some(simulator.base_url()), ..config })
            .credential(canary::key())
            .build()
            .unwrap();
        let events = client.events();
        client.connect().await.unwrap();
        assert_eq!(client.state().status, Status::Connected);
        (client, events)
    }

    /// An audio thread that pulls a block every `ms` until it is told to stop; gives the frames that were no
    /// silence.
    fn pulling(client: &Client, ms: u64) -> (Arc<AtomicBool>, std::thread::JoinHandle<u64>) {
        let (stop, client) = (Arc::new(AtomicBool::new(false)), client.clone());
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut block, mut real) = ([0; BLOCK], 0);
            while !told.load(Ordering::Acquire) {
                real += client.pull_audio(&mut block, None).unwrap() as u64;
                std::thread::sleep(Duration::from_millis(ms));
            }
            real
        });
        (stop, thread)
    }

    #[tokio::test]
    async fn an_answer_is_pulled_to_its_end() {
        let simulator = Simulator::builder().start().await.unwrap();
        let (client, mut events) = connect(&simulator, host(AudioDelivery::Pull, Positions::Estimated)).await;
        let (stop, thread) = pulling(&client, 2);
        client.send_text("Hello there").await.unwrap();
        until(&mut events, turn_done).await;
        let messages = client.messages();
        let Part::Audio { duration_ms, heard_ms, transcript, heard_transcript } = &messages[1].parts[0] else {
            panic!("{messages:?}")
        };
        assert!(*duration_ms > 1000 && duration_ms == heard_ms, "{heard_ms} of {duration_ms}");
        assert_eq!(heard_transcript.as_ref(), Some(transcript));
        stop.store(true, Ordering::Release);
        assert_eq!(thread.join().unwrap() / PER_MS, *duration_ms);
        client.shutdown().await;
    }

    #[tokio::test]
    async fn an_answer_that_is_pulled_is_cut_where_it_was() {
        let simulator = Simulator::builder().start().await.unwrap();
        let (client, mut events) = connect(&simulator, host(AudioDelivery::Pull, Positions::Estimated)).await;
        let (stop, thread) = pulling(&client, 10);
        client.send_text("Hello there").await.unwrap();
        until(&mut events, |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
        client.interrupt().await.unwrap();
        let heard = until(&mut events, |e| match &e.kind {
            EventKind::Interrupted(i) => Some(i.heard_ms),
            _ => None,
        });
        let heard = heard.await;
        stop.store(true, Ordering::Release);
        assert_eq!(thread.join().unwrap() / PER_MS, heard, "what was pulled, and no more");
        cut_at(&simulator, heard).await;
        client.shutdown().await;
    }

    #[tokio::test]
    async fn an_answer_that_is_reported_is_cut_at_the_report() {
        let simulator = Simulator::builder().start().await.unwrap();
        let (client, mut events) = connect(&simulator, host(AudioDelivery::Events, Positions::Reported)).await;
        client.send_text("Hello there").await.unwrap();
        // All of it was delivered, faster than it plays.
        let mut given = 0;
        let item = until(&mut events, |e| match &e.kind {
            EventKind::Audio(audio) => {
                given += audio.pcm.0.len() as u64 / PER_MS;
                (given > 500).then(|| e.item.clone().unwrap())
            }
            _ => None,
        });
        let item = item.await;
        client.report_playback(item.as_str(), 0, 450, 40).unwrap();
        until(&mut events, |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
        client.interrupt().await.unwrap();
        let cut = until(&mut events, |e| match &e.kind {
            EventKind::Interrupted(i) => Some((i.heard_ms, i.estimated)),
            _ => None,
        });
        assert_eq!(cut.await, (410, false));
        cut_at(&simulator, 410).await;
        client.shutdown().await;
    }

    /// The simulator was told to cut there, and did not refuse.
    async fn cut_at(simulator: &Simulator, ms: u64) {
        let journal = simulator.journal();
        let told = async {
            loop {
                let events = journal.client_events();
                if let Some(cut) = events.iter().find(|e| e["type"] == "conversation.item.truncate") {
                    return cut["audio_end_ms"].as_u64();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(30), told).await.expect("no cut came");
        assert_eq!(told, Some(ms));
        assert!(journal.server_events().iter().all(|e| e["type"] != "error"));
    }

    #[tokio::test]
    async fn what_is_only_delivered_is_estimated() {
        let simulator = Simulator::builder().start().await.unwrap();
        let (client, mut events) = connect(&simulator, Config::default()).await;
        client.send_text("Hello there").await.unwrap();
        until(&mut events, |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
        client.interrupt().await.unwrap();
        let estimated = until(&mut events, |e| match &e.kind {
            EventKind::PlaybackFinished(end) => Some(end.estimated),
            _ => None,
        });
        assert!(estimated.await);
        let estimated = until(&mut events, |e| match &e.kind {
            EventKind::Interrupted(i) => Some(i.estimated),
            _ => None,
        });
        assert!(estimated.await);
        client.shutdown().await;
    }
}
