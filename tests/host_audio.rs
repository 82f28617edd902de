//! Audio the host plays and captures itself: what it pulls, what it reports, and what counts as heard.

use duologue::{
    Client, Config, Credential,
    client::EventStream,
    config::{AudioDelivery, Positions},
    event::Event,
    session::Output,
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
            .credential(Credential::new("sk-test").unwrap())
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
    assert!(call.last("warning").is_none_or(|(_, w)| w["code"] != "flush_unconfirmed"), "{:?}", call.last("warning"));
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
