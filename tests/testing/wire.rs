//! The mocked service on the wire: what it says to frames, and to a client that comes back.

use crate::canary;
use duologue::{
    Config,
    config::Tls,
    error::{Error, ErrorClass},
    event::EventKind,
    message::Role,
    provider::{AuthStyle, DialRequest, Frame},
    testing::{Action, CallName, MockService},
    transcript::Transcript,
    transport::Transport,
};
use serde_json::{Value, json};
use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

/// What bounds a test that would hang.
const LIMIT: Duration = Duration::from_secs(30);

/// One connection, by hand.
struct Wire {
    transport: Box<dyn Transport>,
    over: bool,
}

impl Wire {
    async fn dial(service: &MockService) -> Result<Self, Error> {
        let request = DialRequest {
            url: "wss://mock".into(),
            transport: Default::default(),
            auth: AuthStyle::Header,
            key_header: None,
            subprotocols: Vec::new(),
            credential_subprotocol: String::new(),
            token_scheme: None,
            signed_at: None,
        };
        let transport = service.dialer().dial(request, None, &Tls::default()).await?;
        let mut wire = Self { transport, over: false };
        assert_eq!(kinds(&wire.read()), ["session.created"]);
        Ok(wire)
    }

    /// What the service has said.
    fn read(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        let polled = self.transport.poll_inbound(&mut cx, &mut |frame| {
            let Frame::Text(text) = frame else { panic!("{frame:?}") };
            events.push(serde_json::from_str(&text).unwrap());
        });
        self.over = matches!(polled, Poll::Ready(_));
        events
    }

    /// What the service says to an event.
    fn give(&mut self, event: Value) -> Vec<Value> {
        self.transport.send(event.to_string(), false).unwrap();
        self.read()
    }

    fn add(&mut self, item: Value) -> Vec<Value> {
        self.give(json!({"type": "conversation.item.create", "event_id": "mine", "item": item}))
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The code of the only event, which blames `mine`.
fn refusal(events: &[Value]) -> &str {
    assert_eq!((kinds(events), &events[0]["error"]["event_id"]), (vec!["error"], &json!("mine")));
    events[0]["error"]["code"].as_str().unwrap()
}

fn text(id: &str, role: &str, words: &str) -> Value {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    json!({"id": id, "type": "message", "role": role, "content": [{"type": kind, "text": words}]})
}

#[tokio::test]
async fn a_conversation_told_again_is_a_replay_and_a_first_answer_is_none() {
    let service = MockService::new();
    let mut first = Wire::dial(&service).await.unwrap();
    first.add(text("U1", "user", "Weather?"));
    let answered = service.simulate_tool_call_part("weather", json!({})).unwrap();
    let waiting = service.simulate_tool_call("traffic", json!({})).unwrap();
    let mut told = first.read();
    let output = |id: &str, call: &str, output: &str| json!({"id": id, "type": "function_call_output", "call_id": call, "output": output});
    first.add(output("O1", answered.call_id(), "rain"));
    service.simulate_transcription("It rains.", Role::Assistant).unwrap();
    told.extend(first.read());
    let items = told.iter().filter(|event| event["type"] == "conversation.item.added").map(|event| &event["item"]);
    let ids: Vec<Value> = items.cloned().collect();
    service.simulate_close(None, "").unwrap();
    assert!(first.read().is_empty() && first.over);

    let mut second = Wire::dial(&service).await.unwrap();
    let before = service.calls().len();
    second.add(text("U1", "user", "Weather?"));
    for item in ids.iter().filter(|item| item["type"] == "function_call") {
        second.add(item.clone());
    }
    // Told under another id, it is the same answer.
    second.add(output("O9", answered.call_id(), "rain"));
    second.add(output("O2", waiting.call_id(), "jam"));
    let spoken = ids.iter().find(|item| item["role"] == "assistant").unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        kinds(&second.add(text(&spoken, "assistant", "It rains."))),
        ["conversation.item.added", "conversation.item.done"]
    );
    second.add(text("U2", "user", "And now?"));
    let calls = service.calls().split_off(before);
    let names: Vec<_> = calls.iter().map(|call| (call.connection, call.name().as_str())).collect();
    let replay = (2, "replay");
    assert_eq!(names, [replay, replay, replay, replay, (2, "submit_tool_result"), replay, (2, "send_text")]);
    assert_eq!(calls.last().unwrap().text(), "And now?");
    assert_eq!(waiting.await.unwrap().output, "jam");
    assert_eq!(answered.await.unwrap().output, "rain");
}

#[tokio::test]
async fn the_note_that_it_goes_on_and_what_was_imported_are_no_calls_of_the_program() {
    let service = MockService::new();
    let client = canary::builder().config(Config::default()).dialer(service.dialer()).build().unwrap();
    canary::events_of(&client);
    let mut events = client.events();
    let told = r#"{"version": 1, "messages": [
        {"role": "user", "parts": [{"type": "text", "content": "My name is Ada."}]},
        {"role": "assistant", "parts": [{"type": "audio", "transcript": "Hello Ada."}]}]}"#;
    client.import_history(Transcript::from_json(told).unwrap()).await.unwrap();
    client.connect().await.unwrap();
    service.wait_for(CallName::Connect).await.unwrap();
    client.send_text("Hello").await.unwrap();
    service.simulate_close(Some(1011), "trouble").unwrap();
    let back = async { while !matches!(events.next().await.unwrap().kind, EventKind::SessionReplaced(_)) {} };
    tokio::time::timeout(LIMIT, back).await.unwrap();
    let names = [CallName::SendContext, CallName::SendText].map(|name| service.calls_named(name).len());
    assert_eq!(names, [0, 1]);
}

#[tokio::test]
async fn a_call_outlives_its_connection() {
    let service = MockService::new().timeout(Duration::ZERO);
    let wire = Wire::dial(&service).await.unwrap();
    let result = service.simulate_tool_call("weather", json!({})).unwrap();
    drop(wire);
    let error = result.clone().await.unwrap_err();
    assert_eq!((&*error.code, error.fix.unwrap().contains("no client is connected")), ("timeout", true));
    let mut next = Wire::dial(&service).await.unwrap();
    next.add(json!({"type": "function_call_output", "call_id": result.call_id(), "output": "rain"}));
    assert_eq!(result.await.unwrap().output, "rain");
}

#[tokio::test]
async fn a_client_may_change_over_from_one_connection_to_the_next() {
    let service = MockService::new();
    let mut first = Wire::dial(&service).await.unwrap();
    first.add(text("U1", "user", "Hello"));
    let mut second = Wire::dial(&service).await.unwrap();
    let Err(third) = Wire::dial(&service).await else { panic!("a third connection") };
    assert_eq!(third.code, "already_connected");
    // It is only made ready.
    service.simulate_transcription("Hi!", Role::Assistant).unwrap();
    assert!(kinds(&first.read()).contains(&"response.done") && second.read().is_empty());
    second.add(text("U1", "user", "Hello"));
    assert!(matches!(service.calls().last().unwrap().action, Action::Replay { .. }));
    // Now the conversation is on the newest.
    service.simulate_transcription("Hi!", Role::Assistant).unwrap();
    assert!(first.read().is_empty());
    assert!(kinds(&second.read()).contains(&"response.done"));
    first.transport.close(1000);
    assert!(service.is_connected());
    second.transport.close(1000);
    assert!(!service.is_connected());
}

#[tokio::test]
async fn refusals_come_in_order_and_end() {
    let service = MockService::new();
    service.refuse_dials(2, Error::new(ErrorClass::Network, "unavailable", "503"));
    service.refuse_dials(1, Error::new(ErrorClass::Quota, "rate_limited", "429"));
    for code in ["unavailable", "unavailable", "rate_limited"] {
        let Err(error) = Wire::dial(&service).await else { panic!("not refused") };
        assert_eq!(error.code, code);
    }
    Wire::dial(&service).await.unwrap();
    assert_eq!(service.calls_named(CallName::DialRefused).len(), 3);
}

#[tokio::test]
async fn the_service_refuses_what_the_vendor_refuses() {
    let service = MockService::new();
    let mut wire = Wire::dial(&service).await.unwrap();
    wire.add(text("U1", "user", "Hello"));
    assert_eq!(refusal(&wire.add(text("U1", "user", "Hello"))), "item_create_duplicate_item_id");
    let mut give = |event: Value| {
        let mut event = event;
        event["event_id"] = "mine".into();
        refusal(&wire.give(event)).to_owned()
    };
    let after =
        json!({"type": "conversation.item.create", "previous_item_id": "nobody", "item": text("U2", "user", "x")});
    assert_eq!(give(after), "item_create_invalid_previous_item_id");
    assert_eq!(give(json!({"type": "response.cancel"})), "response_cancel_not_active");
    let cut = |item: &str, ms: u64| json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": ms});
    assert_eq!(give(cut("nobody", 1)), "item_truncate_invalid_item_id");
    assert_eq!(give(cut("U1", 1)), "unsupported_content_type");
    assert_eq!(give(json!({"type": "conversation.item.delete", "item_id": "nobody"})), "item_delete_invalid_item_id");
    assert_eq!(give(json!({"type": "input_audio_buffer.append", "audio": "no base64!"})), "invalid_value");
    assert_eq!(kinds(&wire.give(json!({"type": "response.create"}))), ["response.created"]);
    let again = wire.give(json!({"type": "response.create", "event_id": "mine"}));
    assert_eq!(refusal(&again), "conversation_already_has_active_response");
    let first = wire
        .give(json!({"type": "conversation.item.create", "previous_item_id": "root", "item": text("U0", "user", "x")}));
    assert_eq!(first[0]["previous_item_id"], Value::Null);
    for frame in ["{", "[]", "{}", r#"{"type": 1}"#] {
        wire.transport.send(frame.into(), false).unwrap();
        assert_eq!(wire.read()[0]["error"]["code"], "invalid_event");
    }
}

#[tokio::test]
async fn sound_is_told_in_pieces_with_its_words_and_no_more_of_it_was_heard() {
    let service = MockService::new();
    let mut wire = Wire::dial(&service).await.unwrap();
    service.simulate_audio_part(&[1; 24 * 250], "One two three").unwrap();
    let told = wire.read();
    let shown: Vec<String> = told
        .iter()
        .filter_map(|event| match event["type"].as_str().unwrap() {
            "response.output_audio_transcript.delta" => event["delta"].as_str().map(str::to_owned),
            // 100, 100 and 50 ms of 16-bit samples as base64.
            "response.output_audio.delta" => Some(event["delta"].as_str().unwrap().len().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(shown, ["One", "6400", " two", "6400", " three", "3200"]);
    let item = told[1]["item"]["id"].clone();
    let cut = |ms: u64| json!({"type": "conversation.item.truncate", "event_id": "mine", "item_id": item, "content_index": 0, "audio_end_ms": ms});
    assert_eq!(refusal(&wire.give(cut(251))), "invalid_value");
    assert_eq!(kinds(&wire.give(cut(250))), ["conversation.item.truncated"]);
}
