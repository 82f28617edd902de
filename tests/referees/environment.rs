//! The Python and Node environments and the browser that `tests/referees/setup.sh` installs, and how to run in them.

// Each test crate uses a part of this.
#![allow(dead_code)]

#[path = "../common/canary.rs"]
pub mod canary;

use serde_json::{Value, json};
use std::{ffi::OsStr, io::Write as _, path::PathBuf, process::Stdio, sync::Once, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// Four conversations with real pauses take about half a minute on a busy machine.
const LONGEST_RUN: Duration = Duration::from_secs(180);

/// An installed environment.
pub struct Referees {
    deps: PathBuf,
}

/// What a referee left behind.
pub struct Run {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Referees {
    /// `None`, after a loud notice, when nothing is installed and nothing demands it.
    ///
    /// # Panics
    /// When `DUOLOGUE_REFEREES_REQUIRED` is set and nothing is installed.
    pub fn find() -> Option<Self> {
        Self::look(&["python.stamp", "node.stamp"])
    }

    /// The same with a browser.
    ///
    /// # Panics
    /// As [`Referees::find`].
    pub fn with_browser() -> Option<Self> {
        Self::look(&["python.stamp", "node.stamp", "chromium.stamp"])
    }

    fn look(stamps: &[&'static str]) -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let deps = std::env::var_os("DUOLOGUE_REFEREES").map_or_else(|| root.join(".deps"), PathBuf::from);
        let missing: Vec<_> = stamps.iter().copied().filter(|s| !deps.join(s).is_file()).collect();
        if missing.is_empty() {
            return Some(Self { deps });
        }
        let fix = format!("{} has no {}: run tests/referees/setup.sh", deps.display(), missing.join(" and no "));
        assert!(std::env::var_os("DUOLOGUE_REFEREES_REQUIRED").is_none(), "the referees are required, but {fix}");
        static NOTICE: Once = Once::new();
        NOTICE.call_once(|| {
            // Written around the harness, which would hide it for a test that passes.
            let notice = format!("\n*** NOT TESTED against the vendor's own packages: {fix}\n\n");
            let _ = std::io::stderr().write_all(notice.as_bytes());
        });
        None
    }

    /// `python tests/referees/SCRIPT ARGS`
    pub fn python<A: AsRef<OsStr>>(&self, script: &str, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(self.deps.join("python/bin/python"));
        command.arg(script_path(script)).args(args);
        command
    }

    /// `node tests/referees/SCRIPT ARGS`
    pub fn node<A: AsRef<OsStr>>(&self, script: &str, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new("node");
        command.arg(script_path(script)).args(args).env("DUOLOGUE_REFEREES", &self.deps);
        command
    }

    /// Holds events against the vendor's published types.
    pub async fn wire_truth(&self, side: &str, events: impl IntoIterator<Item = Value>) -> Run {
        let lines: String =
            events.into_iter().map(|event| json!({"side": side, "event": event}).to_string() + "\n").collect();
        run(self.python("wire_truth.py", [""; 0]), &lines).await
    }
}

/// Runs a referee to its end.
///
/// # Panics
/// When it cannot be started or takes longer than three minutes.
pub async fn run(mut command: Command, stdin: &str) -> Run {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let feed = async move {
        // A referee that stops early closes the pipe; its exit status tells.
        let _ = pipe.write_all(stdin.as_bytes()).await;
        drop(pipe);
    };
    let both = async { tokio::join!(feed, child.wait_with_output()) };
    let ((), output) = tokio::time::timeout(LONGEST_RUN, both).await.expect("the referee hangs");
    let output = output.expect("the referee can be waited for");
    canary::printed(&"the referee", &output.stdout);
    canary::printed(&"the referee", &output.stderr);
    Run {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Run {
    /// # Panics
    /// With everything the referee printed, unless it was content.
    pub fn expect_success(&self) {
        assert!(self.success, "the referee objects:\n{}{}", self.stdout, self.stderr);
    }
}

/// The folder with the spoken clips.
pub fn clips() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets")
}

fn script_path(script: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/referees").join(script)
}

/// A journal entry as the event that crossed the wire: without the journal's notes, and with silence
/// of the right length where the journal kept only the length of the audio.
pub fn as_sent(mut entry: Value) -> Value {
    if let Some(fields) = entry.as_object_mut() {
        fields.remove("connection");
        fields.remove("at_ms");
    }
    restore_audio(&mut entry);
    entry
}

fn restore_audio(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match inner.as_u64().filter(|_| name == "audio" || name == "delta") {
                    Some(length) => *inner = json!("A".repeat(length as usize)),
                    None => restore_audio(inner),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(restore_audio),
        _ => {}
    }
}
