//! A client of one provider over one transport, and a simulated service at the other end.

use crate::{canary, live::until};
use duologue::{
    Client, Config,
    capabilities::Capabilities,
    client::EventStream,
    event::{Event, EventKind, TranscriptMode},
    message::{ItemId, Message, Role},
    provider::codec_for,
    simulator::{Dialect, Scenario, Simulator},
};
use serde_json::{Value, json};

/// Who is talked to, and how.
#[derive(Clone, Copy)]
pub struct Way {
    pub provider: &'static str,
    pub transport: &'static str,
    pub model: Option<&'static str>,
}

impl Way {
    pub fn name(&self) -> String {
        let model = self.model.map(|model| format!(" {model}")).unwrap_or_default();
        format!("{} {}{model}", self.provider, self.transport)
    }

    /// The configuration with what the cell wants beside it.
    fn config(&self, more: &Value) -> Config {
        // Some have no base URL of their own; the simulator's takes its place.
        let mut document = json!({"provider": self.provider, "transport": self.transport,
            "base_url": "https://service.example"});
        if let Some(model) = self.model {
            document["model"] = model.into();
        }
        let fields = document.as_object_mut().unwrap();
        fields.extend(more.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        Config::from_json(&document.to_string()).unwrap()
    }

    pub fn capabilities(&self) -> Capabilities {
        codec_for(&self.config(&json!({}))).unwrap().capabilities().clone()
    }

    /// A conversation in the workshop. `scenario`: what is other there; `config`: what is other here.
    pub async fn talk(&self, scenario: Value, config: Value) -> Talk {
        let mut workshop: Value = serde_json::from_str(include_str!("../../assets/workshop.json")).unwrap();
        for (name, value) in scenario.as_object().into_iter().flatten() {
            match (workshop.get_mut(name), value) {
                (Some(Value::Object(fields)), Value::Object(more)) => fields.extend(more.clone()),
                _ => workshop[name.as_str()] = value.clone(),
            }
        }
        let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let scenario = Scenario::from_json(&workshop.to_string(), &assets).unwrap();
        let dialect = Dialect::of(self.provider).unwrap();
        let simulator = Simulator::builder().scenario(scenario).dialect(dialect).start().await.unwrap();
        let config = Config { base_url: Some(simulator.url_of(self.provider)), ..self.config(&config) };
        let client = canary::builder().config(config).build().unwrap();
        canary::events_of(&client);
        let events = client.events();
        client.connect().await.unwrap();
        Talk { simulator, client, events }
    }
}

/// See the module.
pub struct Talk {
    pub simulator: Simulator,
    pub client: Client,
    pub events: EventStream,
}

impl Talk {
    /// What the assistant says next, once it has said it.
    pub async fn answer(&mut self) -> String {
        until(&mut self.events, |event| match &event.kind {
            EventKind::Transcript(t) if t.mode == TranscriptMode::Final && t.role == Role::Assistant => {
                Some(t.text.clone())
            }
            _ => None,
        })
        .await
    }

    /// What the user said, once it is known and the turn is over: some services tell the words last.
    pub async fn spoken(&mut self) -> String {
        let (mut said, mut over) = (None, false);
        until(&mut self.events, |event| {
            match &event.kind {
                EventKind::Transcript(t) if t.mode == TranscriptMode::Final && t.role == Role::User => {
                    said = Some(t.text.clone());
                }
                EventKind::TurnDone(_) => over = true,
                _ => {}
            }
            said.take_if(|_| over)
        })
        .await
    }

    pub async fn turn_done(&mut self) {
        until(&mut self.events, crate::live::turn_done).await;
    }

    /// The message that was cut off, once it stands in the history as one.
    pub async fn cut(&mut self) -> ItemId {
        loop {
            if let Some(message) = self.client.messages().iter().find(|m| m.interrupted) {
                return message.id.clone();
            }
            self.next(|event| matches!(event.kind, EventKind::Message(_)).then_some(())).await;
        }
    }

    pub async fn next<T>(&mut self, pick: impl FnMut(&Event) -> Option<T>) -> T {
        until(&mut self.events, pick).await
    }

    /// Messages that were said, with their words.
    pub fn said(&self) -> Vec<(Role, String)> {
        let words = |m: &Message| (m.role, m.text());
        self.client.messages().iter().map(words).filter(|(_, words)| !words.is_empty()).collect()
    }

    pub async fn end(self) {
        self.client.disconnect().await.unwrap();
        self.client.shutdown().await;
        self.simulator.shutdown().await;
    }
}
