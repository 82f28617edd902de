//! Every event that is sent is one of the published samples.

use super::client::{Client, simulator};
use crate::simulator::sample_server_events;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The shape of a value: every path to a leaf.
fn shape(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, v)| shape(v, &format!("{path}.{name}"), paths)),
        Value::Array(list) => list.iter().for_each(|v| shape(v, &format!("{path}[]"), paths)),
        _ => drop(paths.insert(path.to_owned())),
    }
}

fn shapes(events: &[Value]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for event in events {
        shape(event, event["type"].as_str().unwrap(), &mut paths);
    }
    paths
}

#[test]
fn samples_have_ids_and_cover_the_vocabulary() {
    let samples = sample_server_events();
    assert!(samples.iter().all(|e| e["event_id"].as_str().is_some_and(|id| id.starts_with("event_"))));
    let kinds: BTreeSet<&str> = samples.iter().map(|e| e["type"].as_str().unwrap()).collect();
    let word =
        |text: &&str| text.contains(['.', '_']) && text.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c));
    let built = include_str!("../events.rs").split('"').filter(word).filter(|w| {
        let family = w.split('.').next().unwrap_or_default();
        w.contains('.') && !["realtime", "super", "item", "session"].contains(&family) || w.starts_with("session.")
    });
    for kind in built {
        assert!(kinds.contains(kind), "no sample of {kind}");
    }
    assert_eq!(kinds.len(), 35, "{kinds:?}");
}

#[tokio::test]
async fn what_is_sent_has_the_shape_of_the_samples() {
    let turns = json!([{"hear": "a", "reply": [{"say": "Yes."}, {"call": {"name": "f", "force": true}}]},
        {"hear": "b", "reply": [{"text": "Done."}]},
        {"hear": "c", "reply": [{"fail": {"code": "rate_limit_exceeded", "message": "Later."}}]}]);
    let sim = simulator(json!({"turns": turns})).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("a").await;
    client.wait("response.done").await;
    client.type_text("b").await;
    client.wait("response.done").await;
    client.type_text("c").await;
    assert_eq!(client.wait("response.done").await["response"]["status"], "failed");
    let samples = shapes(&sample_server_events());
    let mut sent = sim.journal().server_events();
    for event in &mut sent {
        let fields = event.as_object_mut().unwrap();
        fields.remove("connection");
        fields.remove("at_ms");
    }
    let strange: Vec<_> = shapes(&sent).difference(&samples).cloned().collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// Writes the samples where `DUOLOGUE_SAMPLES` says, for a referee in another language.
#[test]
fn samples_can_be_written_for_a_referee() {
    if let Ok(path) = std::env::var("DUOLOGUE_SAMPLES") {
        std::fs::write(path, Value::from(sample_server_events()).to_string()).unwrap();
    }
}
