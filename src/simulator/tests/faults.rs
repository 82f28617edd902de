//! What goes wrong on a connection, as the client at the other end sees it.

use super::client::{Client, End, Raw, audio, kinds, simulator, within};
use crate::simulator::{
    EndedBy, Journal, Simulator,
    scenario::{Broken, CloseWith, Fault, Giant, Slow, Stall, VendorError, What, When},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const CREATED: &str = "session.created";
const DELTA: &str = "response.output_audio.delta";
const DONE: &str = "response.done";

/// A simulator of one turn whose answer has nine characters: six deltas of audio.
async fn with(faults: impl IntoIterator<Item = Fault>) -> Simulator {
    let turns = json!([{"hear": "hi", "reply": [{"say": "Good day."}]}]);
    let delivery = json!({"speed": 100.0, "first_audio_delay_ms": 5});
    let scenario = super::client::fast(json!({"turns": turns, "delivery": delivery}));
    let builder = Simulator::builder().scenario(scenario);
    faults.into_iter().fold(builder, |builder, fault| builder.fault(fault)).start().await.unwrap()
}

async fn up(sim: &Simulator) -> Client {
    Client::open(sim, "?model=gpt-realtime-2.1", &[("authorization", "Bearer sk-test")]).await.unwrap()
}

/// What a whole turn without faults is, from the first event to the last.
async fn whole_turn() -> Vec<Value> {
    let sim = with([]).await;
    let mut client = up(&sim).await;
    client.type_text("hi").await;
    client.until(DONE).await
}

/// A turn, until the connection ends.
async fn turn_until_end(sim: &Simulator) -> (Vec<Value>, End) {
    let mut client = up(sim).await;
    client.type_text("hi").await;
    client.until_end().await
}

#[tokio::test]
async fn every_close_code_comes_after_the_event_it_names() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 4000, 4300] {
        let sim = with([Fault::close(code, "because").event(DELTA, 2)]).await;
        let (events, end) = turn_until_end(&sim).await;
        assert_eq!(end, End::Close(code, "because".to_owned()));
        assert_eq!(events.iter().filter(|e| e["type"] == DELTA).count(), 2, "{code}");
        assert_eq!(events.last().unwrap()["type"], DELTA, "nothing comes after it: {code}");
        let journal = sim.journal();
        assert_eq!(journal.fired("close"), 1);
        let end = journal.connection(1).unwrap().end.unwrap();
        assert_eq!((end.code, end.by), (Some(code), EndedBy::Simulator));
        // The next connection is left alone.
        Client::connect(&sim).await;
        assert_eq!(journal.fired("close"), 1);
    }
}

#[tokio::test]
async fn a_connection_can_end_at_every_event() {
    let events = whole_turn().await;
    for k in 1..=events.len() {
        let sim = with([Fault::new(What::Drop).events(k as u32)]).await;
        let (seen, end) = turn_until_end(&sim).await;
        assert_eq!(end, End::Eof, "{k}");
        assert_eq!(kinds(&seen), kinds(&events[..k]), "{k}");
    }
}

#[tokio::test]
async fn drop_is_a_fin_and_reset_is_a_reset() {
    for (what, end) in [(What::Drop, End::Eof), (What::Reset, End::Reset)] {
        // Audio on its way to a server that has stopped reading must not turn a FIN into a RST.
        let sim = with([Fault::new(what.clone()).client_event("input_audio_buffer.append", 3)]).await;
        let mut client = up(&sim).await;
        client.until("conversation.created").await;
        for _ in 0..20 {
            client.send_what_fits(&json!({"type": "input_audio_buffer.append", "audio": "AAAAAAAA"}).to_string()).await;
        }
        assert_eq!(client.until_end().await.1, end, "{what:?}");
        assert_eq!(sim.journal().connection(1).unwrap().received("input_audio_buffer.append"), 3);
    }
}

#[tokio::test]
async fn a_connection_can_end_before_its_first_event_each_time() {
    let sim = with([Fault::close(1011, "").on_each().named("spin")]).await;
    for n in 1..=3 {
        let (events, end) = up(&sim).await.until_end().await;
        assert_eq!((events.len(), end), (0, End::Close(1011, String::new())));
        let fault = &sim.journal().faults()[n - 1];
        assert_eq!((&fault["name"], &fault["connection"], &fault["count"]), (&json!("spin"), &json!(n), &json!(n)));
    }
}

#[tokio::test]
async fn half_open_answers_nothing_and_lasts_until_the_client_gives_up() {
    let sim = with([Fault::new(What::HalfOpen).event(CREATED, 1), Fault::new(What::HalfOpen).on(3)]).await;
    let mut client = up(&sim).await;
    assert_eq!(client.next().await["type"], CREATED);
    within(sim.journal().wait_until(|journal| journal.connection(1)?.end)).await;
    // More than the simulator could have read before: what is read on its side would be in the journal.
    client.ping().await;
    client.send(json!({"type": "response.create"})).await;
    // Another connection is served meanwhile: whatever was to come on the first one would have come.
    let mut other = Client::connect(&sim).await;
    other.type_text("hi").await;
    other.until(DONE).await;
    assert!(client.silent().await, "neither a pong nor an event");
    assert_eq!(sim.journal().connection(1).unwrap().responses_asked(), 0);
    assert_eq!(sim.journal().connection(1).unwrap().end.unwrap().by, EndedBy::HalfOpen);
    drop(client);
    drop(other);
    let mut third = up(&sim).await;
    within(sim.journal().wait_until(|journal| (journal.fired("half_open") == 2).then_some(()))).await;
    assert!(third.silent().await);
    drop(third);
    // Ends because nobody is left whom it would have to wait for.
    within(sim.shutdown()).await;
}

#[tokio::test]
async fn a_stall_holds_everything_back_and_then_it_bursts() {
    let sim = with([Fault::new(What::Stall(Stall { ms: 400 })).event(DELTA, 1)]).await;
    let mut client = up(&sim).await;
    client.type_text("hi").await;
    let events = client.until(DONE).await;
    assert_eq!(kinds(&events), kinds(&whole_turn().await), "nothing is missing");
    // By the simulator's own clock: the first delta went before the silence, the next event after it.
    let sent = sim.journal().server_events();
    let first = sent.iter().position(|e| e["type"] == DELTA).unwrap();
    let at = |i: usize| sent[i]["at_ms"].as_u64().unwrap();
    assert!(at(first + 1) >= at(first) + 400, "{} and {}", at(first), at(first + 1));
}

#[tokio::test]
async fn slow_events_are_late_and_in_order() {
    let sim = with([Fault::new(What::Slow(Slow { ms: 150 })).event("response.created", 1)]).await;
    let mut client = up(&sim).await;
    let began = Instant::now();
    client.type_text("hi").await;
    let events = client.until(DONE).await;
    assert!(began.elapsed() >= Duration::from_millis(150));
    let created = events.iter().position(|e| e["type"] == "response.created").unwrap();
    assert!(created > 0, "what came before was not slow");
    assert_eq!(kinds(&events), kinds(&whole_turn().await));
    assert_eq!(sim.journal().fired("slow"), 1);
}

#[tokio::test]
async fn events_come_twice_or_not_at_all() {
    let sim = with([
        Fault::new(What::Duplicate).event(DELTA, 2).times(2),
        Fault::new(What::Omit).event("response.output_item.added", 1),
    ])
    .await;
    let mut client = up(&sim).await;
    client.type_text("hi").await;
    let events = client.until(DONE).await;
    let deltas: Vec<&str> =
        events.iter().filter(|e| e["type"] == DELTA).map(|e| e["event_id"].as_str().unwrap()).collect();
    assert_eq!(deltas.len(), 8);
    assert!(deltas[1] == deltas[2] && deltas[3] == deltas[4], "the second and the third: {deltas:?}");
    assert!(!kinds(&events).contains(&"response.output_item.added"));
    let connection = sim.journal().connection(1).unwrap();
    assert_eq!((connection.sent(DELTA), connection.sent("response.output_item.added")), (8, 0));
    assert_eq!((sim.journal().fired("duplicate"), sim.journal().fired("omit")), (2, 1));
}

#[tokio::test]
async fn neighbours_change_places() {
    let sim = with([Fault::new(What::Reorder).events(1), Fault::new(What::Reorder).event(DONE, 1)]).await;
    let mut client = up(&sim).await;
    assert_eq!(client.next().await["type"], "conversation.created");
    assert_eq!(client.next().await["type"], CREATED);
    // Nothing follows the last event of a turn, so it is late.
    client.type_text("hi").await;
    client.until("conversation.item.done").await;
    assert_eq!(client.wait(DONE).await["response"]["status"], "completed");
}

#[tokio::test]
async fn a_giant_is_as_large_as_it_says() {
    let sim = with([
        Fault::new(What::Giant(Giant { bytes: 17 << 20 })).events(1),
        Fault::new(What::Giant(Giant { bytes: 64 })).events(2),
    ])
    .await;
    let mut client = up(&sim).await;
    assert_eq!(client.next().await["type"], CREATED);
    let Raw::Text(giant) = client.raw().await else { panic!("a text frame") };
    assert_eq!(giant.len(), 17 << 20);
    assert_eq!(client.next().await["type"], "conversation.created");
    let Raw::Text(small) = client.raw().await else { panic!("a text frame") };
    assert_eq!(small.len(), 64);
    serde_json::from_str::<Value>(&small).unwrap();
    // A client that does not take it: the connection ends, and the simulator goes on.
    let sim = with([Fault::new(What::Giant(Giant { bytes: 64 << 20 })).events(1)]).await;
    drop(up(&sim).await);
    within(sim.journal().wait_until(|journal| journal.connection(1)?.end)).await;
    Client::connect(&sim).await;
}

/// What comes for `how` at the second audio delta: the raw frame before it, and all events after it.
async fn broken(how: Broken) -> (String, Vec<Value>) {
    let sim = with([Fault::new(What::Broken(how)).event(DELTA, 2)]).await;
    let mut client = up(&sim).await;
    client.type_text("hi").await;
    client.until(DELTA).await;
    let frame = loop {
        match client.raw().await {
            Raw::Text(text) if text.contains("response.output_audio_transcript.delta") => {}
            Raw::Text(text) => break text,
            other => panic!("{other:?}"),
        }
    };
    let rest = client.until(DONE).await;
    assert_eq!(rest.iter().filter(|e| e["type"] == DELTA).count(), 5, "{how:?}: no delta is missing");
    assert_eq!(sim.journal().connection(1).unwrap().sent(DELTA), 6, "broken frames are no events");
    (frame, rest)
}

#[tokio::test]
async fn broken_frames_come_before_events_that_are_whole() {
    let (frame, _) = broken(Broken::TruncatedJson).await;
    assert!(serde_json::from_str::<Value>(&frame).unwrap_err().is_eof(), "{frame}");

    let (frame, _) = broken(Broken::DeepJson).await;
    assert_eq!(frame.matches('[').count(), 10_000);
    assert!(frame.contains(DELTA) && frame.matches(']').count() == 10_000);

    let (frame, _) = broken(Broken::UnknownEvent).await;
    let event: Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(event["type"], "duologue.brand_new");

    let (frame, _) = broken(Broken::NullFields).await;
    let event: Value = serde_json::from_str(&frame).unwrap();
    let nulls = event.as_object().unwrap().iter().filter(|(name, value)| *name != "type" && value.is_null()).count();
    assert_eq!((&event["type"], nulls), (&json!(DELTA), event.as_object().unwrap().len() - 1));
    assert!(nulls >= 5, "{event}");

    let (frame, rest) = broken(Broken::BadBase64).await;
    let event: Value = serde_json::from_str(&frame).unwrap();
    assert!(base64_simd::STANDARD.decode_to_vec(event["delta"].as_str().unwrap().as_bytes()).is_err());
    assert_eq!(event["item_id"], rest.iter().find(|e| e["type"] == DELTA).unwrap()["item_id"]);
}

#[tokio::test]
async fn a_text_frame_may_not_be_utf_8() {
    let sim = with([Fault::new(What::Broken(Broken::InvalidUtf8)).events(2)]).await;
    let mut client = up(&sim).await;
    assert_eq!(client.next().await["type"], CREATED);
    // The client's WebSocket library finds it.
    assert_eq!(client.raw().await, Raw::NotUtf8);
}

#[tokio::test]
async fn values_nobody_knows() {
    let sim = with([Fault::new(What::Broken(Broken::NewValues)).event(DONE, 1)]).await;
    let mut client = up(&sim).await;
    client.type_text("hi").await;
    let done = client.wait(DONE).await;
    assert_eq!(done["response"]["status"], "brand_new");
    assert_eq!(done["response"]["output"][0]["status"], "brand_new");
    assert!(done["brand_new"].is_object() && done["response"]["usage"]["brand_new"].is_object());
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "Good day.", "the rest is as ever");
}

#[tokio::test]
async fn audio_may_be_cut_inside_a_sample_and_goes_on_with_the_rest() {
    let bytes = |events: &[Value]| -> Vec<Vec<u8>> {
        let deltas = events.iter().filter(|e| e["type"] == DELTA);
        deltas.map(|e| base64_simd::STANDARD.decode_to_vec(e["delta"].as_str().unwrap().as_bytes()).unwrap()).collect()
    };
    let whole = whole_turn().await;
    let sim = with([Fault::new(What::Broken(Broken::OddAudio)).event(DELTA, 2)]).await;
    let mut client = up(&sim).await;
    client.type_text("hi").await;
    let pieces = bytes(&client.until(DONE).await);
    let odd: Vec<bool> = pieces.iter().map(|piece| piece.len() % 2 == 1).collect();
    assert_eq!(odd, [false, true, true, false, false, false]);
    assert_eq!(pieces.concat(), bytes(&whole).concat(), "not a byte is lost");
    assert_eq!(audio(&whole).len() * 2, pieces.concat().len());
}

#[tokio::test]
async fn a_session_may_live_for_two_seconds_and_says_so() {
    let unix = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let sim = simulator(json!({"turns": [], "faults": [{"do": {"session_cap": {"ms": 1500}}}]})).await;
    let before = unix();
    let mut client = up(&sim).await;
    let session = client.next().await["session"].clone();
    let expires = session["expires_at"].as_u64().unwrap();
    let life = Duration::from_millis(1500);
    assert!(((before + life).as_secs()..=(unix() + life).as_secs()).contains(&expires));
    let error = client.wait("error").await;
    assert!(unix() >= before + life);
    let text = "Your session hit the maximum duration of 1500 milliseconds.";
    assert_eq!((&error["error"]["code"], &error["error"]["message"]), (&json!("session_expired"), &json!(text)));
    assert_eq!(client.until_end().await.1, End::Close(1001, text.to_owned()));
    // The second one has the hour again.
    let expires = up(&sim).await.next().await["session"]["expires_at"].as_u64().unwrap();
    assert!(expires >= before.as_secs() + 3600);
    assert_eq!(sim.journal().fired("session_cap"), 1);
}

#[tokio::test]
async fn a_session_may_expire_in_the_middle_of_an_answer() {
    let sim = with([Fault::new(What::Expire).event(DELTA, 3)]).await;
    let (events, end) = turn_until_end(&sim).await;
    let [.., delta, error] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&delta["type"], &error["error"]["code"]), (&json!(DELTA), &json!("session_expired")));
    assert!(error["event_id"].as_str().unwrap().starts_with("event_"));
    assert_eq!(end, End::Close(1001, "Your session hit the maximum duration of 60 minutes.".to_owned()));
}

#[tokio::test]
async fn the_service_says_why_it_closes() {
    let quota =
        |close| VendorError { code: "insufficient_quota".into(), message: "You have no money left.".into(), close };
    let close = CloseWith { code: 1000, reason: "quota".into() };
    let sim = with([Fault::new(What::Error(quota(Some(close)))).client_event("response.create", 1)]).await;
    let (events, end) = turn_until_end(&sim).await;
    assert_eq!(events.last().unwrap()["error"]["code"], "insufficient_quota");
    assert_eq!(end, End::Close(1000, "quota".to_owned()));
    assert!(!kinds(&events).contains(&"response.created"), "the request had no effect yet");
    // Without a close the session goes on.
    let sim = with([Fault::new(What::Error(quota(None))).events(2)]).await;
    let mut client = up(&sim).await;
    client.until("error").await;
    client.type_text("hi").await;
    client.wait(DONE).await;
}

#[tokio::test]
async fn time_brings_faults_too() {
    let sim = with([Fault::new(What::Drop).when(When::AfterMs(200))]).await;
    assert_eq!(up(&sim).await.until_end().await.1, End::Eof);
    assert_eq!(sim.journal().fired("drop"), 1);

    // What happens to an event happens to the first one after the time.
    let sim = with([Fault::new(What::Omit).when(When::AfterMs(300))]).await;
    let mut client = Client::connect(&sim).await;
    let (mut asked, journal) = (0, sim.journal());
    while journal.fired("omit") == 0 {
        client.send(json!({"type": "input_audio_buffer.clear"})).await;
        asked += 1;
        let came = |journal: &Journal| journal.connection(1)?.received("input_audio_buffer.clear").checked_sub(asked);
        within(journal.wait_until(came)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.type_text("hi").await;
    let events = client.until("conversation.item.added").await;
    assert_eq!(events.len() as u64, asked, "one answer is missing, and one other event came: {events:?}");
    assert_eq!(journal.connection(1).unwrap().sent("input_audio_buffer.cleared"), asked - 1);
}
