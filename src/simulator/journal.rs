//! What happened, for tests and for people: every client event, every server event, every handshake.
//!
//! Nothing here holds a key: handshakes keep header names only. Audio is replaced by its length, and
//! any other text above 2 KiB by a note of its length, and lists end after 256 entries, so the journal
//! stays small.

use super::{connection::Ended, faults::Door, journal_connections::Connection, scenario::Fault};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};
use tokio::sync::watch;

/// Oldest entries beyond this many go first.
const BOUND: usize = 10_000;
const LONGEST_TEXT: usize = 2048;
const LONGEST_LIST: usize = 256;

/// A handle on the simulator's memory; clones share it.
///
/// Every event is the JSON that went over the wire plus `connection` (1, 2, … as WebSockets are let in)
/// and `at_ms` (milliseconds since the simulator started). Of each list the newest 10 000 are kept; counts count
/// everything.
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
    faults: VecDeque<Value>,
    /// How often each fault happened, by its name.
    fired: BTreeMap<String, u64>,
    connections: VecDeque<Connection>,
    dials: u64,
    secrets: u64,
}

impl Books {
    fn connection(&mut self, number: u64) -> Option<&mut Connection> {
        // The newest are the ones that are written to.
        self.connections.iter_mut().rev().find(|connection| connection.number == number)
    }
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

    /// One entry per HTTP request: `connection` (null unless a WebSocket was let in), `method`, `path`, `query` (names), `headers` (names),
    /// `auth` (`bearer`, `subprotocol` or `none`, of Gemini Live also `api_key` and `token`, of ElevenLabs `api_key` and
    /// `signed_url`), `key` (`ephemeral`, `standard` or null) and `status`.
    pub fn handshakes(&self) -> Vec<Value> {
        self.inner.books.lock().handshakes.iter().cloned().collect()
    }

    /// How often a WebSocket was asked for, let in or not.
    pub fn dials(&self) -> u64 {
        self.inner.books.lock().dials
    }

    /// How often a client secret was asked for.
    pub fn secrets_asked(&self) -> u64 {
        self.inner.books.lock().secrets
    }

    /// Every WebSocket that was let in, in order.
    pub fn connections(&self) -> Vec<Connection> {
        self.inner.books.lock().connections.iter().cloned().collect()
    }

    /// The connection of this number, from 1.
    pub fn connection(&self, number: u64) -> Option<Connection> {
        self.inner.books.lock().connection(number).cloned()
    }

    /// Faults in the order in which they happened: `name`, `do` (the kind), `connection` (null for requests),
    /// `count` (how often one of this name has happened by then) and `at_ms`.
    pub fn faults(&self) -> Vec<Value> {
        self.inner.books.lock().faults.iter().cloned().collect()
    }

    /// How often faults of this name happened.
    pub fn fired(&self, name: &str) -> u64 {
        self.inner.books.lock().fired.get(name).copied().unwrap_or_default()
    }

    /// Waits until `look` finds what it looks for. Waits without end: give it a timeout in tests.
    pub async fn wait_until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        let mut changes = self.inner.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(found) = look(self) {
                return found;
            }
            // The sender lives in `self`, so this cannot fail while we wait.
            let _ = changes.changed().await;
        }
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
        self.wait_until(|journal| match side {
            Side::Client => journal.inner.books.lock().client.iter().find(|e| wanted(e)).cloned(),
            Side::Server => journal.inner.books.lock().server.iter().find(|e| wanted(e)).cloned(),
        })
        .await
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

    /// A request has come in; it may be refused yet.
    pub(super) fn request(&self, door: Door) {
        let mut books = self.inner.books.lock();
        match door {
            Door::Upgrade => books.dials += 1,
            Door::ClientSecret => books.secrets += 1,
        }
        drop(books);
        self.wake();
    }

    /// A WebSocket was let in.
    pub(super) fn began(&self, connection: u64) {
        push(&mut self.inner.books.lock().connections, Connection::new(connection));
        self.wake();
    }

    pub(super) fn ended(&self, connection: u64, ended: &Ended) {
        self.on(connection, |connection| connection.note_end(ended));
        self.wake();
    }

    pub(super) fn audio(&self, connection: u64, samples: usize) {
        self.inner.books.lock().audio_samples += samples as u64;
        self.on(connection, |connection| connection.note_audio(samples));
    }

    pub(super) fn tool_result(&self, connection: u64, item: &Value) {
        self.on(connection, |connection| connection.note_result(item));
        self.wake();
    }

    pub(super) fn fault(&self, fault: &Fault, connection: Option<u64>) {
        let (name, at_ms) = (fault.label(), self.inner.started.elapsed().as_millis() as u64);
        let mut books = self.inner.books.lock();
        let count = books.fired.entry(name.to_owned()).or_default();
        *count += 1;
        let entry =
            json!({"name": name, "do": fault.what.kind(), "connection": connection, "count": *count, "at_ms": at_ms});
        push(&mut books.faults, entry);
        drop(books);
        self.wake();
    }

    fn on(&self, connection: u64, note: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.inner.books.lock().connection(connection) {
            note(connection);
        }
    }

    fn note(&self, side: Side, connection: u64, event: &Value) {
        let mut entry = shorten(event, "");
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("connection".into(), json!(connection));
            fields.insert("at_ms".into(), json!(self.inner.started.elapsed().as_millis() as u64));
        }
        let mut books = self.inner.books.lock();
        if let Some(connection) = books.connection(connection) {
            match side {
                Side::Client => connection.note_client(event),
                Side::Server => connection.note_server(event),
            }
        }
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

fn push<T>(list: &mut VecDeque<T>, entry: T) {
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
            let media = fields.contains_key("mimeType") || fields.contains_key("mime_type");
            let shorter = fields.iter().take(LONGEST_LIST).map(|(name, value)| {
                let audio = ["audio", "user_audio_chunk", "audio_base_64"].contains(&name.as_str())
                    || (name == "delta" && kind == "response.output_audio.delta")
                    || (name == "data" && media);
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
