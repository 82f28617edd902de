//! The mocked service for users: each thing it simulates leads to the events a host expects, and each thing a client
//! does is in its log.

#[path = "common/canary.rs"]
mod canary;
#[path = "testing/wire.rs"]
mod wire;

use duologue::{
    Client, Config, Image, ResponseOptions,
    client::EventStream,
    error::{Error, ErrorClass},
    event::{Event, EventKind, InterruptSource, StatusKind, TranscriptMode, TranscriptStage},
    message::{Part, Role},
    testing::{Action, CallName, EndedBy, MockService},
};
use serde_json::{Value, json};
use std::time::Duration;

/// A connected client of `service`, and its events from before it connected.
async fn connected(service: &MockService, config: Value) -> (Client, EventStream) {
    let config = Config::from_json(&config.to_string()).unwrap();
    let client = canary::builder().config(config).dialer(service.dialer()).build().unwrap();
    canary::events_of(&client);
    let events = client.events();
    client.connect().await.unwrap();
    (client, events)
}

/// The next event that `pick` takes. The time is for the case that it never comes.
async fn until<T>(events: &mut EventStream, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let wait = async {
        loop {
            let event = events.next().await.expect("the client ended");
            if let EventKind::Error(error) = &event.kind {
                assert_ne!(error.class, ErrorClass::Protocol, "{error}");
            }
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the event never came")
}

/// The next final words of somebody.
async fn said(events: &mut EventStream, role: Role) -> String {
    until(events, |event| match &event.kind {
        EventKind::Transcript(words)
            if words.role == role && words.mode == TranscriptMode::Final && words.stage != TranscriptStage::Heard =>
        {
            Some(words.text.clone())
        }
        _ => None,
    })
    .await
}

/// The status and reason of the next response that is over.
async fn turn_done(events: &mut EventStream) -> (String, Option<String>) {
    until(events, |event| match &event.kind {
        EventKind::TurnDone(end) => Some((end.status.clone(), end.reason.clone())),
        _ => None,
    })
    .await
}

fn names(service: &MockService) -> Vec<&'static str> {
    service.calls().iter().map(|call| call.name().as_str()).collect()
}

/// The client found nothing wrong with what the mock said.
fn clean(client: &Client) {
    let stats = client.stats().session;
    let wrong = [stats.malformed, stats.unknown_events, stats.unknown_items, stats.duplicates, stats.odd_audio];
    assert_eq!(wrong, [0; 5], "{stats:?}");
}

const SECOND: usize = 24_000;

#[tokio::test]
async fn a_conversation_with_speech_words_a_tool_and_sound() {
    let service = MockService::new();
    let weather =
        json!({"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}});
    let (client, mut events) = connected(&service, json!({"instructions": "Be brief.", "tools": [weather]})).await;
    assert!(service.is_connected());
    assert_eq!(
        (&service.session()["instructions"], &service.session()["tools"][0]["name"]),
        (&json!("Be brief."), &json!("weather"))
    );

    service.simulate_transcription("Hello there", Role::User).unwrap();
    until(&mut events, |e| matches!(e.kind, EventKind::SpeechStarted(_)).then_some(())).await;
    until(&mut events, |e| matches!(e.kind, EventKind::SpeechStopped(_)).then_some(())).await;
    assert_eq!(said(&mut events, Role::User).await, "Hello there");
    service.simulate_transcription("Hi!", Role::Assistant).unwrap();
    assert_eq!(said(&mut events, Role::Assistant).await, "Hi!");
    assert_eq!(turn_done(&mut events).await.0, "completed");

    let result = service.simulate_tool_call("weather", json!({"city": "Oslo"})).unwrap();
    let asked = until(&mut events, |e| match &e.kind {
        EventKind::ToolCall(asked) => Some(asked.clone()),
        _ => None,
    })
    .await;
    assert_eq!((&*asked.name, &*asked.arguments), ("weather", r#"{"city":"Oslo"}"#));
    client.submit_tool_result(asked.call, r#"{"degrees":-3}"#, false).await.unwrap();
    let output = result.clone().await.unwrap();
    assert_eq!((output.name.as_str(), output.json().unwrap()), ("weather", json!({"degrees": -3})));
    assert_eq!(output.call_id, result.call_id());
    assert_eq!(result.await.unwrap(), output, "it may be awaited again");
    service.wait_for(CallName::RequestResponse).await.unwrap();

    service.simulate_audio(&vec![800; SECOND / 5], "Minus three degrees.").unwrap();
    let done = until(&mut events, |e| match e.kind {
        EventKind::PlaybackFinished(done) => Some(done),
        _ => None,
    })
    .await;
    assert_eq!((done.heard_ms, done.complete), (200, true));
    let messages = client.messages();
    assert_eq!(
        messages.iter().map(|m| m.text()).collect::<Vec<_>>(),
        ["Hello there", "Hi!", "", "Minus three degrees."]
    );
    assert!(matches!(&messages[3].parts[0], Part::Audio { duration_ms: 200, .. }), "{messages:?}");
    client.disconnect().await.unwrap();
    assert_eq!(names(&service), ["connect", "session_update", "submit_tool_result", "request_response", "close"]);
    assert_eq!(service.calls().last().unwrap().action, Action::Close { by: EndedBy::Client });
}

#[tokio::test]
async fn replies_answer_what_was_asked_in_speech_and_in_text() {
    for modality in ["audio", "text"] {
        let service = MockService::new().reply_with(|heard| Some(format!("You said: {heard}")));
        let (client, mut events) = connected(&service, json!({"output_modality": modality})).await;
        client.send_text("What is 2 + 2?").await.unwrap();
        assert_eq!(said(&mut events, Role::Assistant).await, "You said: What is 2 + 2?");
        assert_eq!(turn_done(&mut events).await.0, "completed");
        service.simulate_transcription("And three?", Role::User).unwrap();
        assert_eq!(said(&mut events, Role::Assistant).await, "You said: And three?");
        let spoken = matches!(client.messages()[1].parts[0], Part::Audio { .. });
        assert_eq!(spoken, modality == "audio");
        let sent = service.wait_for(CallName::SendText).await.unwrap();
        assert!(
            matches!(&sent.action, Action::SendText { text, role, item_id }
                if text == "What is 2 + 2?" && role == "user" && *item_id == client.messages()[0].id.as_str()),
            "{sent:?}"
        );
    }
}

#[tokio::test]
async fn words_come_in_parts() {
    let service = MockService::new();
    let (_client, mut events) = connected(&service, json!({})).await;
    let delta = |event: &Event| match &event.kind {
        EventKind::Transcript(words) if words.mode == TranscriptMode::Delta => Some(words.text.clone()),
        _ => None,
    };
    service.simulate_transcription_part("What", Role::User).unwrap();
    assert_eq!(until(&mut events, delta).await, "What");
    service.simulate_transcription("What time?", Role::User).unwrap();
    assert_eq!(until(&mut events, delta).await, " time?");
    assert_eq!(said(&mut events, Role::User).await, "What time?");
    service.simulate_transcription_part("Five ", Role::Assistant).unwrap();
    service.simulate_transcription("Five o'clock.", Role::Assistant).unwrap();
    assert_eq!(said(&mut events, Role::Assistant).await, "Five o'clock.");
}

#[tokio::test]
async fn an_interruption_tells_the_model_what_was_heard() {
    let service = MockService::new();
    let (client, mut events) = connected(&service, json!({})).await;
    service.simulate_audio_part(&vec![800; 5 * SECOND], "It goes on and on.").unwrap();
    until(&mut events, |e| matches!(e.kind, EventKind::PlaybackStarted(_)).then_some(())).await;
    service.simulate_interruption().unwrap();
    assert_eq!(service.simulate_interruption().unwrap_err().code, "invalid_state");
    let cut = until(&mut events, |e| match e.kind {
        EventKind::Interrupted(cut) => Some(cut),
        _ => None,
    })
    .await;
    assert_eq!((cut.source, cut.heard_ms < 5000), (InterruptSource::User, true));
    assert_eq!(turn_done(&mut events).await, ("cancelled".into(), Some("turn_detected".into())));
    // Where nothing was heard the answer is taken out.
    service
        .wait_until(|calls| {
            calls.iter().any(|call| match &call.action {
                Action::Truncate { audio_end_ms, .. } => *audio_end_ms == cut.heard_ms,
                Action::Delete { .. } => cut.heard_ms == 0,
                _ => false,
            })
        })
        .await
        .unwrap();
    service.simulate_transcription("Stop, please.", Role::User).unwrap();
    assert_eq!(said(&mut events, Role::User).await, "Stop, please.");
    clean(&client);
}

#[tokio::test]
async fn an_interruption_by_call_stops_the_model() {
    let service = MockService::new();
    let (client, mut events) = connected(&service, json!({})).await;
    client
        .request_response(ResponseOptions { instructions: Some("Greet.".into()), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(service.wait_for(CallName::RequestResponse).await.unwrap().text(), "Greet.");
    service.simulate_transcription_part("It goes", Role::Assistant).unwrap();
    until(&mut events, |e| matches!(e.kind, EventKind::Transcript(_)).then_some(())).await;
    client.interrupt().await.unwrap();
    service.wait_for(CallName::Interrupt).await.unwrap();
    assert_eq!(turn_done(&mut events).await, ("cancelled".into(), Some("client_cancelled".into())));
}

#[tokio::test]
async fn errors_reach_the_host() {
    let service = MockService::new();
    let (_client, mut events) = connected(&service, json!({})).await;
    service.simulate_error("bad_thing", "It is bad.").unwrap();
    let told = until(&mut events, |e| match &e.kind {
        EventKind::Error(error) | EventKind::Warning(error) => Some(error.clone()),
        _ => None,
    })
    .await;
    assert_eq!(told.provider_code.as_deref(), Some("bad_thing"));
}

#[tokio::test]
async fn a_close_code_ends_the_connection_after_what_was_said() {
    let service = MockService::new();
    let (client, mut events) = connected(&service, json!({})).await;
    service.simulate_transcription("Goodbye.", Role::Assistant).unwrap();
    service.simulate_close(1000, "bye").unwrap();
    assert_eq!(said(&mut events, Role::Assistant).await, "Goodbye.");
    until(&mut events, |e| match &e.kind {
        EventKind::Status(status) => (status.kind() != StatusKind::Connected).then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(service.calls_named(CallName::Close)[0].action, Action::Close { by: EndedBy::Service });
    assert_eq!(service.simulate_close(70, "").unwrap_err().code, "invalid_argument");
    client.shutdown().await;
}

#[tokio::test]
async fn a_network_that_breaks_is_told() {
    let service = MockService::new();
    let (client, mut events) = connected(&service, json!({})).await;
    service.simulate_close(None, "").unwrap();
    until(&mut events, |e| match &e.kind {
        EventKind::Status(status) => (status.kind() != StatusKind::Connected).then_some(()),
        _ => None,
    })
    .await;
    client.shutdown().await;
}

#[tokio::test]
async fn it_serves_one_connection_after_the_other_and_says_on_which_what_came() {
    let service = MockService::new().reply("Yes.");
    let (client, mut events) = connected(&service, json!({})).await;
    client.send_text("One").await.unwrap();
    turn_done(&mut events).await;
    client.disconnect().await.unwrap();
    assert_eq!(service.simulate_error("x", "y").unwrap_err().code, "not_connected");
    client.connect().await.unwrap();
    client.send_text("Two").await.unwrap();
    turn_done(&mut events).await;
    let texts: Vec<_> =
        service.calls_named(CallName::SendText).iter().map(|c| (c.connection, c.text().to_owned())).collect();
    assert_eq!(texts, [(1, "One".to_owned()), (2, "Two".to_owned())]);
    assert_eq!(service.calls_named(CallName::Connect).len(), 2);
}

#[tokio::test]
async fn a_client_that_comes_back_tells_what_was_said() {
    let service = MockService::new().reply("Yes.");
    let (client, mut events) = connected(&service, json!({})).await;
    service.wait_for(CallName::Connect).await.unwrap();
    client.send_text("One").await.unwrap();
    turn_done(&mut events).await;
    service.simulate_close(None, "").unwrap();
    assert_eq!(service.wait_for(CallName::Connect).await.unwrap().connection, 2);
    let told = service.wait_for(CallName::Replay).await.unwrap();
    assert!(
        matches!(&told.action, Action::Replay { item } if item["content"][0]["text"] == "One" && told.connection == 2),
        "{told:?}"
    );
    until(&mut events, |e| matches!(&e.kind, EventKind::SessionReplaced(_)).then_some(())).await;
    client.send_text("Two").await.unwrap();
    turn_done(&mut events).await;
    let texts: Vec<_> =
        service.calls_named(CallName::SendText).iter().map(|c| (c.connection, c.text().to_owned())).collect();
    assert_eq!(texts, [(1, "One".to_owned()), (2, "Two".to_owned())]);
    clean(&client);
}

#[tokio::test]
async fn dials_are_refused_as_often_as_said() {
    let service = MockService::new();
    let refusal = Error::new(ErrorClass::Credential, "auth", "the service refused the API key");
    service.refuse_dials(1, refusal);
    let client = service.builder().build().unwrap();
    let error = client.connect().await.unwrap_err();
    assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "auth"));
    assert_eq!(names(&service), ["dial_refused"]);
    client.connect().await.unwrap();
    assert_eq!(service.calls_named(CallName::Connect)[0].connection, 1);
}

#[tokio::test]
async fn what_the_client_sends_is_in_the_log() {
    let service = MockService::new();
    let (client, _events) = connected(&service, json!({"turn_detection": {"mode": "manual"}})).await;
    client.send_context("In the kitchen.").await.unwrap();
    assert_eq!(service.wait_for(CallName::SendContext).await.unwrap().text(), "In the kitchen.");
    let dot = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";
    client.send_image_with(Image::from_url(dot), Some("What is this?".into()), false, false).await.unwrap();
    let shown = service.wait_for(CallName::SendImage).await.unwrap();
    assert_eq!(shown.text(), "What is this?");
    assert!(matches!(&shown.action, Action::SendImage { image_url, .. } if image_url == dot));
    client.update_session(json!({"instructions": "Speak French."})).await.unwrap();
    service.wait_for(CallName::SessionUpdate).await.unwrap();
    let update = service.wait_for(CallName::SessionUpdate).await.unwrap();
    assert!(matches!(&update.action, Action::SessionUpdate { session } if session["instructions"] == "Speak French."));
    assert_eq!(service.session()["instructions"], "Speak French.");
    assert_eq!(service.simulate_interruption().unwrap_err().code, "no_turn_detection");
    client.start_listening().await.unwrap();
    service.wait_for(CallName::ClearInput).await.unwrap();
    client.push_audio(&vec![100; SECOND / 5]).unwrap();
    let heard = |calls: &[duologue::testing::Call]| {
        calls.iter().map(|call| if let Action::SendAudio { ms, .. } = call.action { ms } else { 0 }).sum::<u64>() >= 200
    };
    service.wait_until(heard).await.unwrap();
    assert_eq!(service.audio(), vec![100; SECOND / 5]);
    service.simulate_transcription_part("By hand", Role::User).unwrap();
    client.stop_listening().await.unwrap();
    service.wait_for(CallName::StopListening).await.unwrap();
    service.wait_for(CallName::RequestResponse).await.unwrap();
    client.send_raw(r#"{"type":"output_audio_buffer.clear"}"#).await.unwrap();
    service.wait_for(CallName::SendRaw).await.unwrap();
    assert_eq!(service.frames().last().unwrap()["type"], "output_audio_buffer.clear");
}

#[tokio::test]
async fn answers_beside_the_conversation_leave_it_alone() {
    let service = MockService::new();
    let (client, mut events) = connected(&service, json!({})).await;
    assert_eq!(service.simulate_out_of_band("x").unwrap_err().code, "no_response");
    let ask = ResponseOptions { instructions: Some("Happy?".into()), out_of_band: true, ..Default::default() };
    client.request_response(ask).await.unwrap();
    let asked = service.wait_for(CallName::RequestResponse).await.unwrap();
    assert!(matches!(&asked.action, Action::RequestResponse { out_of_band: true, .. }), "{asked:?}");
    // The conversation goes on meanwhile.
    service.simulate_transcription("Hello!", Role::User).unwrap();
    service.simulate_transcription("Hi!", Role::Assistant).unwrap();
    assert_eq!(said(&mut events, Role::Assistant).await, "Hi!");
    service.simulate_out_of_band("happy").unwrap();
    assert_eq!(said(&mut events, Role::Assistant).await, "happy");
    assert_eq!(client.messages().iter().map(|m| m.text()).collect::<Vec<_>>(), ["Hello!", "Hi!"]);
}

#[tokio::test]
async fn waiting_in_vain_tells_what_happened_instead() {
    let service = MockService::new().timeout(Duration::ZERO);
    let (_client, _events) = connected(&service, json!({"tools": [{"name": "f"}]})).await;
    let error = service.wait_for(CallName::SendText).await.unwrap_err();
    assert_eq!((&*error.code, error.fix.as_deref()), ("timeout", Some("the last calls were: connect, session_update")));
    let error = service.simulate_tool_call("f", json!({})).unwrap().await.unwrap_err();
    assert_eq!(error.code, "timeout");
}

#[tokio::test]
async fn a_reply_that_panics_fails_the_test_and_not_the_client() {
    let service = MockService::new().reply_with(|_| panic!("no idea"));
    let (client, mut events) = connected(&service, json!({})).await;
    client.send_text("Hello").await.unwrap();
    assert_eq!(turn_done(&mut events).await.0, "failed");
    let error = service.wait_for(CallName::SendText).await.unwrap_err();
    assert_eq!(error.code, "mock_failed");
    assert!(error.message.contains("no idea"), "{error}");
    service.check().unwrap();
    assert_eq!(client.status().kind(), StatusKind::Connected);
}
