//! A service played by code in this process, as tests of programs that use duologue have it.

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config, Error, ErrorClass,
    event::{EventKind, StatusKind},
    transport::mock::{MockLine, Service},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Says hello, confirms the session and messages, and notes what came.
#[derive(Default)]
struct Polite {
    heard: Mutex<Vec<String>>,
}

impl Service for Polite {
    fn opened(&self) -> Vec<String> {
        vec![json!({"type": "session.created", "event_id": "e0", "session": {}}).to_string()]
    }

    fn received(&self, frame: &str) -> Vec<String> {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let name = frame["type"].as_str().unwrap().to_owned();
        self.heard.lock().push(name.clone());
        match name.as_str() {
            "session.update" => {
                vec![json!({"type": "session.updated", "event_id": "e1", "session": {}}).to_string()]
            }
            "conversation.item.create" => {
                vec![json!({"type": "conversation.item.added", "event_id": "e3", "item": frame["item"]}).to_string()]
            }
            _ => Vec::new(),
        }
    }

    fn closed(&self) {
        self.heard.lock().push("closed".into());
    }
}

fn client(line: &MockLine) -> Client {
    let config = Config::from_json("{}").unwrap();
    let client = canary::builder().config(config).dialer(Arc::new(line.clone())).build().unwrap();
    canary::events_of(&client);
    client
}

#[tokio::test]
async fn a_conversation_without_a_network() {
    let service = Arc::new(Polite::default());
    let line = MockLine::new(service.clone());
    assert_eq!(line.send("{}").unwrap_err().code, "not_connected");
    let client = client(&line);
    client.connect().await.unwrap();
    let mut events = client.events();
    client.send_text_with("hi", false, false).await.unwrap();
    let delta = json!({"type": "response.output_text.delta", "event_id": "e2", "response_id": "R", "item_id": "A",
        "output_index": 0, "content_index": 0, "delta": "unasked"});
    line.send(delta.to_string()).unwrap();
    loop {
        if let EventKind::Transcript(words) = &events.next().await.unwrap().kind {
            assert_eq!(words.text, "unasked");
            break;
        }
    }
    assert_eq!(*service.heard.lock(), ["session.update", "conversation.item.create"]);
    client.disconnect().await.unwrap();
    assert_eq!(service.heard.lock().last().unwrap(), "closed");
    // It may be used again.
    client.connect().await.unwrap();
    assert_eq!(client.status().kind(), StatusKind::Connected);
}

#[tokio::test]
async fn one_client_at_a_time() {
    let line = MockLine::new(Arc::new(Polite::default()));
    let (first, second) = (client(&line), client(&line));
    first.connect().await.unwrap();
    let error = second.connect().await.unwrap_err();
    assert_eq!((&*error.code, error.fix.is_some()), ("already_connected", true));
    first.disconnect().await.unwrap();
    second.connect().await.unwrap();
}

#[tokio::test]
async fn it_hangs_up_after_what_it_said() {
    let line = MockLine::new(Arc::new(Polite::default()));
    let client = client(&line);
    client.connect().await.unwrap();
    let mut events = client.events();
    line.send(json!({"type": "response.created", "response": {"id": "R"}}).to_string()).unwrap();
    line.close(Some(1000), "bye").unwrap();
    let mut thought = false;
    loop {
        let event = events.next().await.unwrap();
        thought |= matches!(event.kind, EventKind::Mode(_));
        if let EventKind::Status(status) = &event.kind {
            assert_eq!(status.kind(), StatusKind::Idle);
            break;
        }
    }
    assert!(thought, "the frame before the end was heard");
}

#[tokio::test]
async fn what_waits_is_bounded() {
    /// Answers everything with more than may wait.
    struct Talker;
    impl Service for Talker {
        fn opened(&self) -> Vec<String> {
            vec!["{}".into(); 5000]
        }

        fn received(&self, _frame: &str) -> Vec<String> {
            Vec::new()
        }
    }
    let line = MockLine::new(Arc::new(Talker));
    assert_eq!(client(&line).connect().await.unwrap_err().code, "backpressure");
}

#[tokio::test]
async fn a_dial_may_be_refused_and_a_ping_is_answered() {
    /// Takes nobody at first.
    #[derive(Default)]
    struct Shy {
        polite: Polite,
        asked: AtomicBool,
    }

    impl Service for Shy {
        fn dialled(&self) -> duologue::Result<()> {
            if self.asked.swap(true, Ordering::SeqCst) {
                return Ok(());
            }
            Err(Error::new(ErrorClass::Quota, "rate_limited", "not now").retryable())
        }

        fn opened(&self) -> Vec<String> {
            self.polite.opened()
        }

        fn received(&self, frame: &str) -> Vec<String> {
            self.polite.received(frame)
        }
    }

    let line = MockLine::new(Arc::new(Shy::default()));
    let client = client(&line);
    // A run that was never up is not tried again.
    let refused = client.connect().await.unwrap_err();
    assert_eq!((refused.class, &*refused.code), (ErrorClass::Quota, "rate_limited"));
    assert_eq!(line.send("{}").unwrap_err().code, "not_connected");
    client.connect().await.unwrap();
    client.ping().await.unwrap();
}
