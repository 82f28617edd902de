//! Calls over networks that lose, delay, double, reorder and swallow packets: real sockets between a client and the
//! simulator, and a seeded piece of network in between. What it does is real time; nothing here asserts any.
#![cfg(all(feature = "webrtc", feature = "simulator"))]

#[path = "../common/canary.rs"]
mod canary;
#[path = "../common/chance.rs"]
mod chance;
mod forged;
mod relay;
mod shim;

use duologue::{
    Client, Config,
    client::EventStream,
    event::{Direction, Event, EventKind, Status},
    message::{MessageState, Part, Role},
    simulator::{EndedBy, Scenario, Simulator},
    transport::{MediaStats, webrtc::WebRtcDialer},
};
use futures_util::future::join_all;
use relay::Relay;
use serde_json::{Value, json};
use shim::{Passed, Road, Shim};
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

/// Nothing here takes so long, not even with a fifth of all packets lost on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);
/// What every road here takes: tunnels and mobile networks have no more.
const MTU: usize = 1280;
const CLEAN: Road = Road { lost: 0, twice: 0, overtaken: 0, jitter_ms: 0, hole: false, mtu: MTU };
const FIRST: &str = "The first answer is spoken.";
const SECOND: &str = "So is the second one.";

/// AUDIO.md: audio waits for 400 ms at most, and what is put up with before it is cut. A machine that stands still
/// makes it wait longer, but not for ever.
const SHORT: fn(&MediaStats) -> bool = |media| media.delay_ms.is_none_or(|ms| ms <= 700);

/// A client, the simulator, and the road between them.
struct Talk {
    simulator: Simulator,
    relay: Relay,
    client: Client,
    events: EventStream,
    told: Vec<Arc<Event>>,
}

fn scenario(turns: Value) -> Scenario {
    let delivery = json!({"delta_ms": 100, "speed": 4.0, "first_audio_delay_ms": 0, "transcript_delay_ms": 0});
    let scenario = json!({"name": "impaired", "delivery": delivery, "turns": turns});
    Scenario::from_json(&scenario.to_string(), Path::new(".")).unwrap()
}

fn two_turns() -> Scenario {
    scenario(json!([
        {"hear": "One.", "match": ["one"], "reply": [{"say": FIRST}]},
        {"hear": "Two.", "match": ["two"], "reply": [{"say": SECOND}]},
    ]))
}

fn config(base_url: String) -> Config {
    serde_json::from_value(json!({"base_url": base_url, "auto_capture": false, "raw_events": "all"})).unwrap()
}

impl Talk {
    /// Connected while nothing was amiss.
    async fn new(scenario: Scenario, seed: u64) -> Self {
        let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
        let relay = Relay::start(&simulator.base_url(), CLEAN, seed).await;
        let builder = canary::builder().config(config(relay.base_url())).dialer(Arc::new(WebRtcDialer::default()));
        let client = builder.build().unwrap();
        canary::events_of(&client);
        let events = client.events();
        client.connect().await.unwrap();
        Self { simulator, relay, client, events, told: Vec::new() }
    }

    fn shim(&self) -> Arc<Shim> {
        let calls = self.relay.calls();
        assert_eq!(calls.len(), 1, "one call from beginning to end");
        calls[0].clone()
    }

    fn media(&self) -> MediaStats {
        self.client.stats().media.expect("there is a call")
    }

    /// The next event that `pick` takes.
    async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let wait = async {
            loop {
                let event = self.events.next().await.expect("the client ended");
                self.told.push(event.clone());
                if let EventKind::Status(status @ (Status::Reconnecting { .. } | Status::Error { .. })) = &event.kind {
                    panic!("the call was lost: {status:?}");
                }
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(LONGEST, wait).await;
        found.unwrap_or_else(|_| panic!("no {what}, but {:?}", self.told.last()))
    }

    async fn turn(&mut self, text: &str) {
        // On a bad road and a busy machine the confirmation can take longer than the client waits for it. What counts
        // is that the words arrive and are answered.
        if let Err(error) = self.client.send_text(text).await {
            assert_eq!(error.code, "unacknowledged", "{error}");
        }
        self.answered().await;
    }

    async fn answered(&mut self) {
        let answered = |e: &Event| (matches!(e.kind, EventKind::TurnDone(_)) && e.response.is_some()).then_some(());
        self.until("answer", answered).await;
    }

    /// Waits until `found` finds what it looks for in what is known of the media.
    async fn media_until(&self, what: &str, found: impl Fn(&MediaStats) -> bool) -> MediaStats {
        let wait = async {
            loop {
                let media = self.media();
                if found(&media) {
                    return media;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let media = tokio::time::timeout(LONGEST, wait).await;
        media.unwrap_or_else(|_| panic!("not {what}: {:?}", self.media()))
    }

    /// Speaks the clip over and over until it is dropped.
    fn speaks(&self, clip: &str) -> Speaker {
        let (client, pcm) = (self.client.clone(), Scenario::bundled().clip(clip).unwrap().to_vec());
        Speaker(tokio::spawn(async move {
            for frame in pcm.chunks(480).cycle() {
                while client.push_audio(frame).unwrap() == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }))
    }

    /// Ends well, and all events of both sides arrived in their order.
    async fn ends_well(self) {
        self.client.disconnect().await.unwrap();
        let journal = self.simulator.journal();
        self.simulator.shutdown().await;
        let ends: Vec<_> = journal.connections().into_iter().map(|c| c.end.expect("it is over").by).collect();
        assert_eq!(ends, [EndedBy::Client]);
        let mut events = self.events;
        let mut told = self.told;
        while let Some(event) = events.try_next() {
            told.push(event);
        }
        let ids = |events: Vec<Value>| -> Vec<String> {
            events.iter().filter_map(|e| e["event_id"].as_str().map(str::to_owned)).collect()
        };
        let raw = |wanted: Direction| {
            let raw = told.iter().filter_map(|event| match &event.kind {
                EventKind::Raw(raw) if raw.direction == wanted => serde_json::from_str(&raw.json).ok(),
                EventKind::Lagged(lagged) => panic!("this test is too slow: {lagged:?}"),
                _ => None,
            });
            ids(raw.collect())
        };
        // What the simulator said last may have been on its way when the client had enough.
        let (said, heard) = (ids(journal.server_events()), raw(Direction::Output));
        assert!(heard.len() > 20 && heard.len() <= said.len(), "{} of {} events", heard.len(), said.len());
        assert_eq!(heard, said[..heard.len()], "events of the service");
        assert_eq!(raw(Direction::Input), ids(journal.client_events()), "events of the client");
        assert_eq!(heard.iter().collect::<HashSet<_>>().len(), heard.len(), "each once");
    }
}

struct Speaker(tokio::task::JoinHandle<()>);

impl Drop for Speaker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The words are there, complete, whatever became of the sound.
fn said(client: &Client) -> Vec<(Role, String, MessageState)> {
    client.messages().iter().map(|m| (m.role, m.text(), m.state)).collect()
}

fn all_said() -> Vec<(Role, String, MessageState)> {
    let turns = [(Role::User, "One."), (Role::Assistant, FIRST), (Role::User, "Two."), (Role::Assistant, SECOND)];
    turns.map(|(role, text)| (role, text.to_owned(), MessageState::Completed)).to_vec()
}

#[tokio::test]
async fn row_18_every_event_arrives_in_order_whatever_the_network_does() {
    let roads = [
        ("1 %", Road { lost: 1, ..CLEAN }),
        ("5 %", Road { lost: 5, ..CLEAN }),
        ("10 %", Road { lost: 10, ..CLEAN }),
        ("20 %", Road { lost: 20, ..CLEAN }),
        ("jitter", Road { jitter_ms: 30, ..CLEAN }),
        ("5 % and jitter", Road { lost: 5, jitter_ms: 30, ..CLEAN }),
        ("out of order and twice", Road { overtaken: 20, twice: 20, ..CLEAN }),
        ("everything", Road { lost: 10, jitter_ms: 30, overtaken: 10, twice: 10, ..CLEAN }),
    ];
    let talk = |((name, road), seed): ((&'static str, Road), u64)| async move {
        let mut talk = Talk::new(two_turns(), seed).await;
        let shim = talk.shim();
        shim.set(road);
        talk.turn("One.").await;
        talk.turn("Two.").await;
        assert_eq!(said(&talk.client), all_said(), "{name}");
        let media = talk.media_until("heard and sent", |m| m.packets > 25 && m.sent > 25).await;
        println!("{name}: {media:?}");
        assert_eq!((media.foreign, media.dropped_microphone), (0, 0), "{name}: {media:?}");
        talk.media_until("without a long wait", SHORT).await;
        let dropped = [&shim.up, &shim.down].map(|way: &Arc<Passed>| way.of(|p| &p.dropped));
        assert!(road.lost < 5 || dropped.iter().all(|n| *n > 0), "{name}: {dropped:?} were lost");
        assert_eq!([&shim.up, &shim.down].map(|way| way.of(|p| &p.too_long)), [0; 2], "{name}");
        talk.ends_well().await;
    };
    // A few at a time: each is two peers that never rest.
    for some in roads.into_iter().zip(1..).collect::<Vec<_>>().chunks(4) {
        join_all(some.iter().copied().map(talk)).await;
    }
}

/// Nothing that either side sends is longer than a tunnel takes, the handshake and the longest messages included.
#[tokio::test]
async fn row_18_no_packet_is_too_long_for_a_tunnel() {
    let long = "word ".repeat(12_000);
    let scenario = scenario(json!([{"hear": "One.", "reply": [{"say": FIRST}]}]));
    let mut talk = Talk::new(scenario, 3).await;
    talk.client.send_text_with(long.clone(), false, false).await.unwrap();
    talk.turn("One.").await;
    assert_eq!(said(&talk.client)[0], (Role::User, long, MessageState::Completed));
    let shim = talk.shim();
    for way in [&shim.up, &shim.down] {
        assert_eq!(way.of(|p| &p.too_long), 0);
        let longest = way.of(|p| &p.longest);
        assert!((1000..=MTU as u64).contains(&longest), "{longest} bytes: large messages use what there is");
    }
    talk.ends_well().await;
}

/// Rows 18 and 19: what was lost in it is made up for, what follows is heard, and the call is the same one.
#[tokio::test]
async fn row_19_two_seconds_without_a_packet_are_survived() {
    let scenario = Scenario::bundled();
    let long = scenario.clip("answer1").unwrap().len() as u64 / 24;
    let mut talk = Talk::new(scenario, 4).await;
    talk.client.send_text("Can you tell me about the history of the lighthouse?").await.unwrap();
    talk.until("sound", |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    let shim = talk.shim();
    // In the middle of the answer.
    let heard = talk.media_until("heard", |m| m.packets > 50).await;
    shim.set(Road { hole: true, ..CLEAN });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, dropped) = (talk.media(), shim.down.of(|p| &p.dropped));
    shim.set(CLEAN);
    assert!(before.concealed > heard.concealed, "the gap is made up for: {before:?}");
    // And then it is heard again.
    let after = talk.media_until("sound after the hole", |m| m.packets >= before.packets + 50).await;
    assert!(after.lost >= dropped.min(50), "what was lost is known: {dropped} of {after:?}");
    talk.answered().await;
    let messages = talk.client.messages();
    let answer = messages.last().unwrap();
    let Part::Audio { transcript, duration_ms, .. } = &answer.parts[0] else { panic!("{answer:?}") };
    assert!(transcript.starts_with("Of course.") && transcript.ends_with("lenses."), "{transcript}");
    assert!((2000..=long + 200).contains(duration_ms), "{duration_ms} of {long} ms");
    assert_eq!(answer.state, MessageState::Completed);
    talk.media_until("without a long wait", SHORT).await;
    talk.ends_well().await;
}

/// AUDIO.md, 5: what the far end reports as lost is sent twice from then on, and no longer once all of it arrives.
#[tokio::test]
async fn packets_repeat_what_was_in_the_one_before_once_loss_is_reported() {
    let talk = Talk::new(scenario(json!([])), 5).await;
    let shim = talk.shim();
    talk.client.set_capture(true).await.unwrap();
    let speaker = talk.speaks("answer1");
    let clean = talk.media_until("reported on", |m| m.sent_lost_permille.is_some() && m.sent > 100).await;
    if clean.sent_lost_permille == Some(0) {
        assert_eq!(clean.sent_redundant, 0, "nobody needs it: {clean:?}");
    }
    assert!(clean.round_trip_us.is_some(), "the way was measured: {clean:?}");
    shim.set(Road { lost: 15, ..CLEAN });
    let lossy = talk.media_until("repeating", |m| m.sent_redundant >= clean.sent_redundant + 50).await;
    assert!(lossy.sent_lost_permille.is_some_and(|lost| lost > 0), "{lossy:?}");
    shim.set(CLEAN);
    // It is forgotten in a dozen reports; silence is never repeated, so many in a row that are not say it.
    let mut last = talk.media();
    loop {
        let next = talk.media_until("sending", |m| m.sent >= last.sent + 100).await;
        if next.sent_redundant == last.sent_redundant {
            break;
        }
        last = next;
    }
    drop(speaker);
    talk.client.disconnect().await.unwrap();
    talk.simulator.shutdown().await;
}
