//! A client in a conversation, and what must hold of it whatever happens.

use crate::canary;
use duologue::{
    Client, ClientBuilder, Config, Error,
    client::EventStream,
    error::ErrorClass,
    event::{Event, EventKind, SessionReplaced, Status},
    message::{Message, MessageState, Part, Role},
    simulator::{Journal, Scenario, Simulator},
};
use serde_json::{Value, json};
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// 10 ms.
const BLOCK: usize = 240;
pub const FIRST: &str = "The first answer has a few words.";
pub const SECOND: &str = "And this is the second one.";
pub const SUNNY: &str = "It is sunny in Paris.";

/// Three turns, the third with a tool. A tone stands for speech, 60 ms a character.
pub fn scenario(speed: f64) -> Scenario {
    let scenario = json!({
        "name": "recovery",
        "delivery": {"delta_ms": 100, "speed": speed, "first_audio_delay_ms": 0, "transcript_delay_ms": 0},
        "turns": [
            {"hear": "One.", "match": ["one"], "reply": [{"say": FIRST}]},
            {"hear": "Two.", "match": ["two"], "reply": [{"say": SECOND}]},
            {"hear": "Weather?", "match": ["weather"],
             "reply": [{"call": {"name": "get_weather", "arguments": {"city": "Paris"}}}],
             "after_tool": [{"say": SUNNY}]},
        ],
    });
    Scenario::from_json(&scenario.to_string(), Path::new(".")).unwrap()
}

/// A simulator that answers as fast as it can.
pub async fn simulator() -> Simulator {
    Simulator::builder().scenario(scenario(1000.0)).start().await.unwrap()
}

/// A host that types, and plays what it pulls.
pub fn config(base_url: String) -> Config {
    let document = json!({
        "base_url": base_url, "auto_capture": false, "audio": {"output": {"delivery": "pull"}},
        "tools": [{"name": "get_weather", "description": "w", "parameters": {"type": "object"}}],
    });
    serde_json::from_value(document).unwrap()
}

/// A client, and everything it told.
pub struct Rig {
    pub client: Client,
    pub told: Vec<Arc<Event>>,
    /// Frames of answers that were played.
    pub played: usize,
    events: EventStream,
}

impl Rig {
    /// Connected, with the marked key.
    pub async fn connected(base_url: String) -> Self {
        Self::with(canary::builder().config(config(base_url))).await
    }

    pub async fn with(builder: ClientBuilder) -> Self {
        let client = builder.runtime(Handle::current()).build().unwrap();
        canary::events_of(&client);
        let events = client.events();
        client.connect().await.unwrap();
        let mut rig = Self { client, told: Vec::new(), played: 0, events };
        rig.until("connected", |e| is_connected(e).then_some(())).await;
        rig
    }

    /// Plays and listens until `pick` takes an event that has not been looked at.
    ///
    /// # Panics
    /// When nothing of it comes for a minute.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            while let Some(event) = self.events.try_next() {
                let found = pick(&event);
                self.told.push(event);
                if let Some(found) = found {
                    return found;
                }
            }
            let mut block = [0; BLOCK];
            self.played += self.client.pull_audio(&mut block, None).unwrap_or_default();
            assert!(tokio::time::Instant::now() < patience, "no {what}: {}", self.shown());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What was told, without what is loud.
    fn shown(&self) -> String {
        let quiet = |e: &&Arc<Event>| !matches!(e.kind.name(), "transcript" | "audio_level" | "mode" | "usage");
        let lines = self.told.iter().filter(quiet).map(|e| format!("\n{}", serde_json::to_string(&**e).unwrap()));
        lines.collect()
    }

    /// The next `reconnecting` that says when the next try is: which try, when, and why.
    pub async fn lost(&mut self) -> (u32, u64, String) {
        let pick = |e: &Event| match &e.kind {
            EventKind::Status(Status::Reconnecting { attempt, retry_in_ms, reason, phase: None }) => {
                Some((*attempt, *retry_in_ms, reason.clone()))
            }
            EventKind::Status(status @ (Status::Error { .. } | Status::Idle { .. })) => panic!("over: {status:?}"),
            _ => None,
        };
        self.until("reconnecting", pick).await
    }

    /// Connected once more, and what the host is told of it.
    pub async fn back(&mut self) -> SessionReplaced {
        let pick = |e: &Event| match &e.kind {
            EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
            EventKind::Status(status @ (Status::Error { .. } | Status::Idle { .. })) => panic!("over: {status:?}"),
            _ => None,
        };
        let replaced = self.until("session_replaced", pick).await;
        assert_eq!(self.client.status(), Status::Connected);
        replaced
    }

    /// The end of the run.
    pub async fn ended(&mut self) -> Status {
        let pick = |e: &Event| match &e.kind {
            EventKind::Status(status @ (Status::Error { .. } | Status::Idle { .. })) => Some(status.clone()),
            _ => None,
        };
        self.until("end", pick).await
    }

    /// The end of the run by an error.
    pub async fn failed(&mut self) -> Error {
        match self.ended().await {
            Status::Error { error } => error,
            status => panic!("{status:?}"),
        }
    }

    /// Types, and waits until the answer was played.
    pub async fn ask(&mut self, text: &str) {
        self.client.send_text(text).await.unwrap();
        self.answered().await;
    }

    /// An answer was played to its end.
    pub async fn answered(&mut self) {
        let pick = |e: &Event| match &e.kind {
            EventKind::TurnDone(end) if e.response.is_some() => (end.status == "completed").then_some(()),
            EventKind::Status(status @ (Status::Error { .. } | Status::Idle { .. })) => panic!("over: {status:?}"),
            _ => None,
        };
        self.until("answer", pick).await;
    }

    /// The conversation goes on: the second turn is asked and answered in full.
    pub async fn goes_on(&mut self) {
        self.client.send_text("Two.").await.unwrap();
        loop {
            // An answer that was owed comes first.
            self.answered().await;
            if self.client.messages().last().is_some_and(|m| heard(m) == SECOND) {
                break;
            }
        }
        let messages = self.client.messages();
        let [.., question, answer] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!((question.role, question.text().as_str()), (Role::User, "Two."));
        assert_eq!((answer.role, answer.state, heard(answer)), (Role::Assistant, MessageState::Completed, SECOND));
        self.check();
    }

    pub fn count(&self, kind: &str) -> usize {
        self.told.iter().filter(|e| e.kind.name() == kind).count()
    }

    /// Messages in order by role and words.
    pub fn said(&self) -> Vec<(Role, String)> {
        self.client.messages().iter().map(|m| (m.role, m.text())).collect()
    }

    /// What holds at any time.
    pub fn check(&self) {
        let messages = self.client.messages();
        let ids: HashSet<_> = messages.iter().map(|m| &m.id).collect();
        assert_eq!(ids.len(), messages.len(), "each once: {messages:?}");
        for message in messages.iter().filter(|m| m.role == Role::Assistant) {
            assert!(message.text().starts_with(heard(message)), "heard is the beginning of what came: {message:?}");
        }
        let mut calls = HashSet::new();
        for event in &self.told {
            if let EventKind::ToolCall(call) = &event.kind {
                assert!(calls.insert(call.call.id.clone()), "{} runs twice", call.call.id);
            }
        }
        let ends = self
            .told
            .iter()
            .filter(|e| matches!(&e.kind, EventKind::Status(Status::Error { .. } | Status::Idle { .. })));
        assert!(ends.count() <= 1, "the end is told once: {}", self.shown());
    }
}

pub fn is_connected(event: &Event) -> bool {
    matches!(event.kind, EventKind::Status(Status::Connected))
}

/// The words of an answer that were heard.
pub fn heard(message: &Message) -> &str {
    let part = message.parts.iter().find_map(|p| match p {
        Part::Audio { heard_transcript, .. } => Some(heard_transcript.as_deref().unwrap_or_default()),
        _ => None,
    });
    part.unwrap_or_default()
}

pub fn is(error: &Error, class: ErrorClass, code: &str) {
    assert_eq!((error.class, &*error.code), (class, code), "{error}");
    assert!(error.fatal, "{error:?}");
}

/// Client events of this type on this connection of the simulator.
pub fn sent(journal: &Journal, connection: u64, kind: &str) -> Vec<Value> {
    let events = journal.client_events().into_iter();
    events.filter(|e| e["connection"] == connection && e["type"] == kind).collect()
}

/// What the newest conversation was told: type or role, and words.
pub fn told(journal: &Journal, connection: u64) -> Vec<(String, String)> {
    let items = sent(journal, connection, "conversation.item.create");
    let one = |event: &Value| {
        let item = &event["item"];
        let what = item["role"].as_str().or(item["type"].as_str()).unwrap().to_owned();
        let words = [&item["content"][0]["text"], &item["output"], &item["arguments"]];
        (what, words.iter().find_map(|w| w.as_str()).unwrap_or_default().to_owned())
    };
    items.iter().map(one).collect()
}

/// The connections of the simulator that had a session.
pub fn sessions(journal: &Journal) -> Vec<u64> {
    let created = journal.server_events().into_iter().filter(|e| e["type"] == "session.created");
    created.map(|e| e["connection"].as_u64().unwrap()).collect()
}
