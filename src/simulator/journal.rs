//! What happened, for tests and for people: every client event, every server event, every handshake.
//!
//! Nothing here holds a key: handshakes keep header names only. Audio is replaced by its length, and
//! any other text above 2 KiB by a note of its length, and lists end after 256 entries, so the journal
//! stays small.

use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::VecDeque, sync::Arc, time::Instant};
use tokio::sync::watch;

/// Oldest entries beyond this many go first.
const BOUND: usize = 10_000;
const LONGEST_TEXT: usize = 2048;
const LONGEST_LIST: usize = 256;

/// A handle on the simulator's memory; clones share it.
///
/// Every event is the JSON that went over the wire plus `connection` (1, 2, … in order of arrival)
/// and `at_ms` (milliseconds since the simulator started). Of each list the newest 10 000 are kept.
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    books: Mutex<Books>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Books {
    client: VecDeque<Value>,
    server: VecDeque<Value>,
    handshakes: VecDeque<Value>,
    audio_samples: u64,
}

#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

impl Journal {
    pub(super) fn new() -> Self {
        let inner = Inner { started: Instant::now(), books: Mutex::default(), changed: watch::Sender::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Client events in order of arrival. `audio` is replaced by the length of its base64 text.
    pub fn client_events(&self) -> Vec<Value> {
        self.inner.books.lock().client.iter().cloned().collect()
    }

    /// Server events in the order they were sent. Audio deltas are replaced by the length of their
    /// base64 text.
    pub fn server_events(&self) -> Vec<Value> {
        self.inner.books.lock().server.iter().cloned().collect()
    }

    /// One entry per HTTP request: `connection`, `method`, `path`, `query` (names), `headers` (names),
    /// `auth` (`bearer`, `subprotocol` or `none`), `key` (`ephemeral`, `standard` or null) and `status`.
    pub fn handshakes(&self) -> Vec<Value> {
        self.inner.books.lock().handshakes.iter().cloned().collect()
    }

    /// Milliseconds of microphone audio received, all connections together.
    pub fn audio_ms(&self) -> u64 {
        self.inner.books.lock().audio_samples / 24
    }

    /// The first client event that satisfies `wanted`, past or future. Waits without end: give it a
    /// timeout in tests.
    pub async fn wait_for_client(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(Side::Client, wanted).await
    }

    /// The first server event that satisfies `wanted`, past or future.
    pub async fn wait_for_server(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(Side::Server, wanted).await
    }

    async fn wait(&self, side: Side, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut changes = self.inner.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let found = match side {
                Side::Client => self.inner.books.lock().client.iter().find(|e| wanted(e)).cloned(),
                Side::Server => self.inner.books.lock().server.iter().find(|e| wanted(e)).cloned(),
            };
            if let Some(event) = found {
                return event;
            }
            // The sender lives in `self`, so this cannot fail while we wait.
            let _ = changes.changed().await;
        }
    }

    pub(super) fn client(&self, connection: u64, event: &Value) {
        self.note(Side::Client, connection, event);
    }

    pub(super) fn server(&self, connection: u64, event: &Value) {
        self.note(Side::Server, connection, event);
    }

    pub(super) fn handshake(&self, entry: Value) {
        push(&mut self.inner.books.lock().handshakes, entry);
        self.wake();
    }

    pub(super) fn audio(&self, samples: usize) {
        self.inner.books.lock().audio_samples += samples as u64;
    }

    fn note(&self, side: Side, connection: u64, event: &Value) {
        let mut entry = shorten(event, "");
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("connection".into(), json!(connection));
            fields.insert("at_ms".into(), json!(self.inner.started.elapsed().as_millis() as u64));
        }
        let mut books = self.inner.books.lock();
        match side {
            Side::Client => push(&mut books.client, entry),
            Side::Server => push(&mut books.server, entry),
        }
        drop(books);
        self.wake();
    }

    fn wake(&self) {
        self.inner.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

fn push(list: &mut VecDeque<Value>, entry: Value) {
    if list.len() == BOUND {
        list.pop_front();
    }
    list.push_back(entry);
}

/// A copy of `value` without audio and without long texts. `kind` is the event type once known.
fn shorten(value: &Value, kind: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or(kind);
            let shorter = fields.iter().take(LONGEST_LIST).map(|(name, value)| {
                let audio = name == "audio" || (name == "delta" && kind == "response.output_audio.delta");
                match value {
                    Value::String(text) if audio => (name.clone(), json!(text.len())),
                    other => (name.clone(), shorten(other, kind)),
                }
            });
            Value::Object(shorter.collect())
        }
        Value::Array(list) => Value::Array(list.iter().take(LONGEST_LIST).map(|v| shorten(v, kind)).collect()),
        Value::String(text) if text.len() > LONGEST_TEXT => json!(format!("<{} bytes>", text.len())),
        other => other.clone(),
    }
}
