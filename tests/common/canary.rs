//! The marked secrets of all tests. Whatever prints one has leaked it.
//!
//! `make test` collects everything a run prints and writes (`tests/canary.sh`) and fails when the mark is
//! anywhere in it. What is neither printed nor written is looked at here: lines of `tracing` and `log` of the
//! engine and of every library below it, at the finest level, and events.

#![allow(dead_code)]

use duologue::{Client, ClientBuilder, Credential};
use std::{
    env,
    fmt::{self, Write as _},
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// In every secret below and nowhere else in the repository's texts.
pub const MARK: &str = "c4n4ry";
/// A key. Of no known form, so that redaction by form hides no leak.
pub const KEY: &str = "c4n4ry-key";
/// A key the simulator refuses.
pub const REFUSED: &str = "invalid-c4n4ry-key";
/// A token.
pub const TOKEN: &str = "c4n4ry-token";

/// The marked key; from now on log lines of this process are looked at.
pub fn key() -> Credential {
    watch();
    Credential::new(KEY).unwrap()
}

/// A builder with the marked key.
pub fn builder() -> ClientBuilder {
    Client::builder().credential(key())
}

/// Looks at the events of a client until it is gone.
pub fn events_of(client: &Client) {
    let mut events = client.events();
    tokio::spawn(async move {
        let mut seen = 0u64;
        while let Some(event) = events.next().await {
            told(&event);
            seen += 1;
        }
        note(&format!("looked at {seen} events"));
    });
}

/// Looks at one event.
pub fn told(event: &duologue::event::Event) {
    look("event", &format!("{event:?}{}", serde_json::to_string(event).unwrap()));
}

/// # Panics
/// When the mark is in what a program printed.
pub fn printed(what: &dyn fmt::Debug, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    look("output", &text);
    assert!(!text.contains(MARK), "{what:?} printed a secret: {}", hidden(&text));
}

/// Looks at `tracing` and `log` of this process.
pub fn watch() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // Where a test has a subscriber of its own it wins, there.
        let traced = tracing::subscriber::set_global_default(Lines).is_ok();
        let logged = log::set_logger(&Logger).is_ok();
        log::set_max_level(log::LevelFilter::Trace);
        note(&format!("watching tracing ({traced}) and log ({logged})"));
    });
}

/// How many log lines of this process had a secret in them, and how many showed a handshake without its own.
pub fn lines() -> (u64, u64) {
    (LEAKS.load(Ordering::SeqCst), HANDSHAKES.load(Ordering::SeqCst))
}

static LEAKS: AtomicU64 = AtomicU64::new(0);
static HANDSHAKES: AtomicU64 = AtomicU64::new(0);

fn look(kind: &str, text: &str) {
    // What stands for the credential in the request the WebSocket library sees.
    if text.contains("duologue-credential") {
        HANDSHAKES.fetch_add(1, Ordering::SeqCst);
    }
    if text.contains(MARK) {
        LEAKS.fetch_add(1, Ordering::SeqCst);
        // Said with the mark in it: this is what `tests/canary.sh` looks for.
        note(&format!("LEAK in {kind}: {text}"));
        if file().is_none() {
            eprintln!("a secret is in a line of {kind}: {}", hidden(text));
        }
    }
}

fn hidden(text: &str) -> String {
    text.replace(MARK, "[mark]")
}

/// A line into this process's file, when they are collected.
fn note(line: &str) {
    if let Some(mut file) = file() {
        // One write, so that threads do not mix.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}

fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = PathBuf::from(env::var_os("DUOLOGUE_CANARY")?);
        fs::create_dir_all(&folder).unwrap();
        let name = env::current_exe().unwrap().file_stem().unwrap().to_string_lossy().into_owned();
        let path = folder.join(format!("{name}-{}.log", std::process::id()));
        Some(OpenOptions::new().create(true).append(true).open(path).unwrap())
    })
    .as_ref()
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut line = Line(attributes.metadata().name().into());
        attributes.record(&mut line);
        look("span", &line.0);
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        look("span", &line.0);
    }
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().into());
        event.record(&mut line);
        look("trace", &line.0);
        if line.0.starts_with("duologue") {
            note(&line.0);
        }
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        look("log", &format!("{} {}", record.target(), record.args()));
    }
    fn flush(&self) {}
}
