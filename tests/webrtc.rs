//! Calls over WebRTC, with aiortc at the other end: a stack nobody here wrote. Install it with
//! `tests/referees/setup.sh`.
#![cfg(all(feature = "webrtc", feature = "simulator"))]

#[path = "webrtc/call.rs"]
mod call;
#[path = "referees/environment.rs"]
mod environment;
#[path = "common/live.rs"]
mod live;

use call::{Call, Service, dial};
use duologue::{
    Config, ErrorClass,
    event::EventKind,
    transport::webrtc::{Stage, WebRtcDialer},
};
use environment::canary;
use live::until;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{f64::consts::TAU, sync::Arc};

/// What aiortc's answer says a message may have.
const AIORTC_LARGEST: usize = 262_144;

/// 20 ms of 300 Hz at 24 kHz.
fn our_tone(frame: usize) -> Vec<i16> {
    (frame * 480..(frame + 1) * 480).map(|i| ((i as f64 / 24_000.0 * 300.0 * TAU).sin() * 8000.0) as i16).collect()
}

fn pitch(pcm: &[i16]) -> f64 {
    let rising = pcm.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
    rising as f64 / (pcm.len() as f64 / 24_000.0)
}

fn report(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok().filter(|v| v["type"] == "report")
}

#[tokio::test]
async fn audio_goes_both_ways_and_events_come_back() {
    let Some(service) = Service::start().await else { return };
    let stages = Arc::new(Mutex::new(Vec::new()));
    let told = stages.clone();
    let dialer = WebRtcDialer { on_stage: Some(Arc::new(move |s| told.lock().push(s))), ..Default::default() };
    let mut call = Call::new(dial(dialer, &service.url("good"), canary::key()).await.unwrap());
    assert_eq!(*stages.lock(), [Stage::Offered, Stage::Answered, Stage::Path, Stage::Open]);
    assert!(call.transport.carries_media());
    let event = service.next("call").await;
    assert_eq!(event["form"], json!({"type": "realtime", "model": "m-1"}), "a key posts the session too");
    let event = service.next("channel").await;
    assert_eq!((&event["label"], &event["ordered"]), (&json!("oai-events"), &json!(true)));

    // A tone each way, as long as it takes to have two seconds of it.
    call.speak(our_tone);
    call.until(|call| call.pcm.len() >= 48_000).await;
    let heard = pitch(&call.pcm[24_000..]);
    assert!((435.0..445.0).contains(&heard), "{heard} Hz");
    assert!(call.pcm[24_000..].iter().any(|s| s.abs() > 4000));
    // The other end has time to hear it too.
    // A machine that stands still tears holes into it, so the other end may listen more than once.
    let mut said = Value::Null;
    for _ in 0..5000 {
        let (answers, samples) = (call.frames.len(), call.pcm.len());
        call.transport.send(r#"{"type":"report"}"#.into(), false).unwrap();
        call.until(|call| call.frames.len() > answers && call.pcm.len() > samples).await;
        said = report(call.frames.last().unwrap()).unwrap();
        let pitch = said["hz"].as_u64().unwrap();
        if said["frames"].as_u64() > Some(100) && (297..=303).contains(&pitch) {
            break;
        }
    }
    assert!((297..=303).contains(&said["hz"].as_u64().unwrap()), "{said}");
    assert!((6000..12_000).contains(&said["loudest"].as_u64().unwrap()), "{said}");

    let stats = call.transport.media_stats().unwrap();
    assert!(stats.packets >= 100 && stats.sent >= 100, "{stats:?}");
    assert_eq!((stats.lost, stats.foreign, stats.dropped_microphone), (0, 0, 0), "{stats:?}");
    assert!(stats.delay_ms.is_none_or(|ms| (20..=400).contains(&ms)), "{stats:?}");

    call.end().await;
    assert_eq!(service.next("hangup").await["call"], "rtc_1");
}

#[tokio::test]
async fn events_of_every_size_come_back_in_order_up_to_the_limit() {
    let Some(service) = Service::start().await else { return };
    // What aiortc says, what holds when nothing is said (RFC 8841, 6.1), and less.
    for (mode, most) in [("good", AIORTC_LARGEST), ("silent", 65_536), ("small", 1000)] {
        let mut call = Call::new(dial(WebRtcDialer::default(), &service.url(mode), canary::key()).await.unwrap());
        let announced = service.next("call").await;
        assert!(announced["form"].is_object());
        let sizes = [1, 17, most / 2, most - 1, most];
        let texts: Vec<String> = sizes.iter().enumerate().map(|(i, n)| i.to_string().repeat(*n)).collect();
        for text in &texts {
            call.transport.send(text.clone(), false).unwrap();
        }
        let error = call.transport.send("x".repeat(most + 1), false).unwrap_err();
        assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Limit, "message_too_big"));
        call.until(|call| call.frames.len() == sizes.len()).await;
        assert!(call.frames == texts, "{mode}");
        // What was refused did not harm the channel.
        call.transport.send("after".into(), false).unwrap();
        call.until(|call| call.frames.len() > sizes.len()).await;
        call.end().await;
    }
}

#[tokio::test]
async fn a_flood_of_messages_arrives_whole_and_one_that_is_longer_than_we_take_is_left_out() {
    let Some(service) = Service::start().await else { return };
    let mut call = Call::new(dial(WebRtcDialer::default(), &service.url("good"), canary::key()).await.unwrap());
    call.transport.send(r#"{"type":"flood"}"#.into(), false).unwrap();
    call.until(|call| call.frames.last().is_some_and(|last| last == "over")).await;
    // What is no text is told as what it is; what it means is the session's business.
    assert_eq!(call.binary, [256]);
    let numbers: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    assert_eq!((call.frames[0].as_str(), call.frames.len()), ("", 5002));
    assert!(call.frames[1..=5000] == numbers, "each once and in order");
    // Longer than the offer says we take. The stack drops it without a word, and what follows it waits for what
    // follows that.
    call.transport.send(r#"{"type":"giant"}"#.into(), false).unwrap();
    let mut sent = Vec::new();
    while call.frames.len() == 5002 {
        assert!(sent.len() < 300, "nothing comes any more");
        sent.push(format!("after {}", sent.len()));
        call.transport.send(sent[sent.len() - 1].clone(), false).unwrap();
        let samples = call.pcm.len();
        call.until(|call| call.pcm.len() > samples + 4800 || call.frames.len() > 5002).await;
    }
    call.until(|call| call.frames.len() == 5002 + sent.len()).await;
    assert_eq!(call.frames[5002..], sent);
    call.end().await;
}

#[tokio::test]
async fn a_call_is_followed_by_another() {
    let Some(service) = Service::start().await else { return };
    for secret in ["ek_c4n4ry", canary::KEY] {
        let key = duologue::Credential::new(secret).unwrap();
        let mut call = Call::new(dial(WebRtcDialer::default(), &service.url("nameless"), key).await.unwrap());
        let form = &service.next("call").await["form"];
        assert_eq!(form == "sdp", secret.starts_with("ek_"), "{form}");
        call.transport.send("hello".into(), false).unwrap();
        call.until(|call| call.frames == ["hello"]).await;
        call.until(|call| call.pcm.len() > 4800).await;
        call.end().await;
        // Without a name there is nothing to hang up, and the channel's end has to do.
        service.next("channel_closed").await;
    }
}

/// An offer that says nothing of where we are has to do in some networks.
#[tokio::test]
async fn a_service_that_sees_no_address_of_ours_is_reached_all_the_same() {
    let Some(service) = Service::start().await else { return };
    let mut call = Call::new(dial(WebRtcDialer::default(), &service.url("blind"), canary::key()).await.unwrap());
    // It begins the handshake, and we are the server of it.
    assert_eq!(service.next("call").await["setup"], json!(["active", "active"]));
    call.transport.send("hello".into(), false).unwrap();
    call.until(|call| call.frames == ["hello"] && call.pcm.len() > 480).await;
    call.end().await;
}

#[tokio::test]
async fn a_service_that_hangs_up_ends_the_connection() {
    let Some(service) = Service::start().await else { return };
    let mut call = Call::new(dial(WebRtcDialer::default(), &service.url("good"), canary::key()).await.unwrap());
    call.until(|call| call.pcm.len() > 480).await;
    service.hang_up("rtc_1").await;
    let closed = call.closed().await;
    assert_eq!((closed.code, closed.error), (None, None), "it is a loss like any other");
}

#[tokio::test]
async fn a_client_whose_call_is_ended_calls_again_and_says_what_was_said() {
    let Some(service) = Service::start().await else { return };
    // Without the note that the conversation goes on: all that is told was said.
    let recovery = json!({"context_note": null});
    let config = json!({"base_url": service.base_url("session"), "transport": "webrtc", "recovery": recovery});
    let config = Config::from_json(&config.to_string()).unwrap();
    let client = canary::builder().config(config).build().unwrap();
    canary::events_of(&client);
    let mut events = client.events();
    client.connect().await.unwrap();
    client.send_context("The tide is low.").await.unwrap();
    assert_eq!(service.next("told").await["item"]["content"][0]["text"], "The tide is low.");
    service.hang_up("rtc_1").await;
    let replaced = until(&mut events, |event| match &event.kind {
        EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
        _ => None,
    });
    let replaced = replaced.await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str()), ("reconnect", "full"));
    assert_eq!(service.next("told").await["item"]["content"][0]["text"], "The tide is low.");
    client.send_context("It turns.").await.unwrap();
    assert_eq!(service.next("told").await["item"]["content"][0]["text"], "It turns.");
    assert!(client.stats().media.is_some(), "it is a call again");
    client.disconnect().await.unwrap();
    assert_eq!(service.next("hangup").await["call"], "rtc_2");
}

#[tokio::test]
async fn what_is_no_answer_says_what_it_is() {
    let Some(service) = Service::start().await else { return };
    let nobody: [(&str, ErrorClass, &str, &str); 6] = [
        ("html", ErrorClass::Protocol, "handshake", "Sign in"),
        ("page", ErrorClass::Network, "unavailable", "Bad gateway"),
        ("garbage", ErrorClass::Protocol, "invalid_answer", "no audio"),
        ("empty", ErrorClass::Protocol, "invalid_answer", "empty"),
        ("refused", ErrorClass::Credential, "auth", "Incorrect API key"),
        ("busy", ErrorClass::Quota, "rate_limited", "Slow down"),
    ];
    for (mode, class, code, words) in nobody {
        let error = dial(WebRtcDialer::default(), &service.url(mode), canary::key()).await.map(drop).unwrap_err();
        assert_eq!((error.class, error.code.as_ref()), (class, code), "{mode}: {error}");
        assert!(error.message.contains(words), "{mode}: {error}");
        assert_eq!(error.retry_after_ms, (mode == "busy").then_some(7000), "{mode}");
    }
}

#[tokio::test]
async fn an_impostor_gets_no_audio() {
    let Some(service) = Service::start().await else { return };
    let error = dial(WebRtcDialer::default(), &service.url("impostor"), canary::key()).await.map(drop).unwrap_err();
    assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Tls, "dtls_failed"), "{error}");
    assert!(!error.retryable);
    // The call that came of it is hung up all the same, and nothing was heard until then.
    let states = service.until("hangup").await;
    assert!(states.iter().all(|e| e["event"] != "state" || e["heard"] == 0), "{states:?}");
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_given_up() {
    let Some(service) = Service::start().await else { return };
    let stages = Arc::new(Mutex::new(Vec::new()));
    let told = stages.clone();
    let dialer = WebRtcDialer { on_stage: Some(Arc::new(move |s| told.lock().push(s))), ..Default::default() };
    let error = dial(dialer, &service.url("deaf"), canary::key()).await.map(drop).unwrap_err();
    assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Network, "ice_failed"), "{error}");
    assert!(error.retryable);
    assert_eq!(*stages.lock(), [Stage::Offered, Stage::Answered]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn twenty_calls_leave_nothing_behind() {
    let Some(service) = Service::alone().await else { return };
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let mut after = Vec::new();
    for i in 0..20 {
        let mut call = Call::new(dial(WebRtcDialer::default(), &service.url("good"), canary::key()).await.unwrap());
        call.transport.send("hello".into(), false).unwrap();
        call.until(|call| call.frames == ["hello"]).await;
        match i % 3 {
            // Closed, dropped, and dropped in the middle of closing.
            0 => call.end().await,
            1 => drop(call),
            _ => {
                call.transport.close(1000);
                call.turn().await;
                drop(call);
            }
        }
        service.next("hangup").await;
        // A close that goes on by itself ends by itself.
        call::until_still(|| count("fd")).await;
        after.push((count("fd"), count("task")));
    }
    // The first calls make what all share.
    assert_eq!(after[3], after[19], "file descriptors and threads after each call: {after:?}");
}
