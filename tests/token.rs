//! `duologue token` from outside: what it prints and where, and that a client dials with it.
#![cfg(feature = "cli")]

#[path = "common/canary.rs"]
mod canary;

use duologue::simulator::{Dialect, Simulator};
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};
use tokio::{process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const KEYS: [&str; 5] = ["OPENAI_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY", "AZURE_OPENAI_API_KEY", "DUOLOGUE_API_KEY"];
const OTHERS: [&str; 5] = ["GOOGLE_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_VOICE", "SYSTEM_PROMPT"];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duologue"));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    for name in KEYS {
        command.env(name, canary::KEY);
    }
    for name in OTHERS {
        command.env_remove(name);
    }
    command
}

/// Exit code, standard output and standard error.
async fn end(mut command: Command) -> (Option<i32>, String, String) {
    let output = timeout(PATIENCE, command.output()).await.expect("the program hangs").unwrap();
    canary::printed(&"duologue", &[&output.stdout[..], &output.stderr].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn token(simulator: &Simulator, provider: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let base = simulator.url_of(provider);
    end(command(&[&["token", "--provider", provider, "--base-url", &base], more].concat())).await
}

/// The secret alone, and that `duologue talk` dials with it.
async fn talks_with_it(simulator: &Simulator, provider: &str, variable: &str, begins: &str, more: &[&str]) {
    let (code, out, err) = token(simulator, provider, more).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{provider}: {err}");
    let secret = out.strip_suffix('\n').expect("one line");
    assert!(secret.starts_with(begins) && !secret.contains(char::is_whitespace), "{provider}");
    let base = simulator.url_of(provider);
    let mut talk = command(&["talk", "--provider", provider, "--base-url", &base, "--text", "Hello there"]);
    talk.env(variable, secret).args(["--transport", "websocket"]);
    let (code, out, err) = end(talk).await;
    assert_eq!(code, Some(0), "{provider}: {out}{err}");
    assert!(!format!("{out}{err}").contains(secret), "{provider}");
}

#[tokio::test]
async fn a_secret_alone_is_printed_and_dials() {
    let simulator = Simulator::builder().start().await.unwrap();
    let words = ["--instructions", "Be brief.", "--ttl", "60"];
    talks_with_it(&simulator, "openai", "OPENAI_API_KEY", "ek_", &words).await;
    let once = ["--uses", "1", "--session-ttl", "1200"];
    talks_with_it(&simulator, "gemini", "GEMINI_API_KEY", "auth_tokens/", &once).await;
    let simulator = Simulator::builder().dialect(Dialect::Xai).start().await.unwrap();
    talks_with_it(&simulator, "xai", "XAI_API_KEY", "xai-realtime-client-secret-", &["--ttl", "300"]).await;
}

#[tokio::test]
async fn programs_read_one_json_object() {
    let simulator = Simulator::builder().start().await.unwrap();
    let xai = Simulator::builder().dialect(Dialect::Xai).start().await.unwrap();
    for (simulator, provider, more, expected) in [
        (
            &simulator,
            "openai",
            &["--model", "gpt-realtime-2"][..],
            json!({"session": "default", "model": "gpt-realtime-2"}),
        ),
        (&simulator, "openai", &["--free"], json!({"session": "nothing"})),
        (&simulator, "gemini", &["--voice", "Kore"], json!({"session": "locked", "model": "gemini-3.8-live"})),
        (&xai, "xai", &[], json!({"session": "nothing"})),
    ] {
        let (code, out, err) = token(simulator, provider, &[&["--json"], more].concat()).await;
        assert_eq!((code, err.as_str()), (Some(0), ""), "{provider}");
        let mut told: Value = serde_json::from_str(&out).unwrap();
        let fields = told.as_object_mut().unwrap();
        assert!(fields.remove("value").is_some_and(|value| value.is_string()), "{provider}");
        assert!(fields.remove("expires_at").is_some_and(|time| time.is_u64()), "{provider}");
        assert_eq!(fields.remove("sessions_end_at").is_some(), provider == "gemini", "{provider}");
        assert_eq!(fields.remove("provider"), Some(provider.into()));
        assert_eq!(told, expected, "{provider}");
    }
}

#[tokio::test]
async fn warnings_are_on_standard_error() {
    let simulator = Simulator::builder().any_model(true).start().await.unwrap();
    let (code, out, err) = token(&simulator, "openai", &["--model", "gpt-realtime-99"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("ek_") && out.lines().count() == 1);
    assert!(err.starts_with("warning: ") && err.contains("gpt-realtime-99"), "{err}");
}

#[tokio::test]
async fn what_is_wrong_is_one_line() {
    let nobody = ["--base-url", "http://127.0.0.1:1/v1"];
    for (args, code, words) in [
        (&["--ttl", "9"][..], 2, &["--ttl", "10 to 7200"][..]),
        (&["--uses", "1"], 5, &["--uses"]),
        (&["--session-ttl", "60"], 5, &["--session-ttl"]),
        (&["--provider", "xai", "--ttl", "3601"], 2, &["--ttl", "1 to 3600"]),
        (&["--provider", "xai", "--instructions", "Be brief."], 5, &["instructions", "--free"]),
        (&["--provider", "xai", "--model", "grok-voice-latest"], 2, &["--model"]),
        (&["--provider", "gemini", "--ttl", "72000"], 2, &["--ttl", "71999"]),
        (&["--provider", "gemini", "--ttl", "60", "--session-ttl", "59"], 2, &["--session-ttl"]),
        (&["--provider", "azure"], 5, &["model"]),
        (&["--provider", "acme"], 5, &["acme", "openai"]),
        (&["--voice", "willow"], 5, &["voice", "marin"]),
        (&["--api-key", "ek_1"], 5, &["credential.kind", "key of the account"]),
        (&["--config", "/no/such.json"], 6, &["/no/such.json"]),
        (&[], 4, &["cannot be reached"]),
    ] {
        let (ended, out, err) = end(command(&[&["token"], &nobody[..], args].concat())).await;
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{args:?}: {err}");
        assert!(err.starts_with("error: ") && err.lines().count() == 1, "{args:?}: {err}");
        for word in words {
            assert!(err.contains(word), "{args:?}: no {word:?} in {err}");
        }
    }
    for args in [&["--free", "--voice", "cedar"][..], &["--ttl", "soon"], &["--uses", "-1"]] {
        let (code, out, err) = end(command(&[&["token"], args].concat())).await;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {err}");
    }
    for (provider, variable) in [("openai", "OPENAI_API_KEY"), ("gemini", "GEMINI_API_KEY or GOOGLE_API_KEY")] {
        let mut keyless = command(&["token", "--provider", provider]);
        // That of another vendor is not taken.
        keyless.env_remove("OPENAI_API_KEY").env_remove("GEMINI_API_KEY");
        let (code, _, err) = end(keyless).await;
        assert!(code == Some(3) && err.contains(variable) && !err.contains("--simulate"), "{err}");
    }
}

#[tokio::test]
async fn help_shows_how() {
    let (code, out, err) = end(command(&["token", "--help"])).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let options = "--provider --api-key --base-url --ttl --session-ttl --uses --model --voice --instructions --config \
                   --free --json --ca";
    for word in options.split(' ').chain(["Examples:", "GEMINI_API_KEY", "Exit codes:"]) {
        assert!(out.contains(word), "{word}: {out}");
    }
}
