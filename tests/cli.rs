//! The program from outside: what it says when something is wrong, its help, its simulator.
#![cfg(feature = "cli")]

#[path = "common/canary.rs"]
mod canary;

use canary::KEY;
use duologue::{Client, Config, event::EventKind};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duologue"));
    command.args(args).env("OPENAI_API_KEY", KEY).stdin(Stdio::null()).kill_on_drop(true);
    command
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn end(mut command: Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await.expect("the program hangs").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ended = Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    canary::printed(&"duologue", format!("{}{}", ended.out, ended.err).as_bytes());
    ended
}

async fn run(args: &[&str]) -> Ended {
    end(command(args)).await
}

/// The program fails with this code and one line that contains all of `words`.
async fn fails(command: Command, code: i32, words: &[&str]) {
    let about = format!("{command:?}");
    let ended = end(command).await;
    assert_eq!(ended.code, Some(code), "{about}: {}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{about}: {}", ended.err);
    assert!(ended.err.starts_with("error: "), "{about}: {}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "{about}: no {word:?} in {}", ended.err);
    }
}

/// A running `duologue simulate`.
struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    ws_url: String,
}

impl Service {
    async fn start(args: &[&str]) -> Self {
        let args = [&["simulate"], args].concat();
        let mut child = command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("no line").unwrap().expect("no line");
        let ws_url = line.strip_prefix("listening ").expect(&line).to_owned();
        Self { child, lines, ws_url }
    }

    /// For `--base-url`.
    fn base_url(&self) -> String {
        self.ws_url.replacen("ws", "http", 1).strip_suffix("/realtime").unwrap().to_owned()
    }

    /// Ends it; the exit code. It said nothing more.
    #[cfg(unix)]
    async fn interrupt(mut self) -> Option<i32> {
        signal(&self.child, libc::SIGINT);
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it does not end").unwrap();
        assert_eq!(self.lines.next_line().await.unwrap(), None, "exactly one line");
        status.code()
    }
}

#[cfg(unix)]
fn signal(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id().expect("it has ended")).unwrap();
    // SAFETY: plain system call; the child has not been waited for, so the number is its own.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

fn file(dir: &Path, name: &str, content: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn asset(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets").join(name);
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_missing_key_is_one_clear_line() {
    let mut none = command(&["talk", "--provider", "openai"]);
    none.env_remove("OPENAI_API_KEY");
    fails(none, 3, &["no API key", "OPENAI_API_KEY", "--simulate"]).await;
    let mut empty = command(&["talk", "--provider", "openai", "--text", "hi"]);
    empty.env("OPENAI_API_KEY", " ");
    fails(empty, 3, &["no API key"]).await;
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_model_are_told_apart() {
    let service = Service::start(&[]).await;
    let url = service.base_url();
    let mut wrong = command(&["talk", "--provider", "openai", "--base-url", &url, "--text", "hi"]);
    wrong.env("OPENAI_API_KEY", canary::REFUSED);
    fails(wrong, 3, &["refused the API key", "check that the key"]).await;
    let model = ["talk", "--base-url", &url, "--model", "gpt-nonsense", "--text", "hi"];
    fails(command(&model), 5, &["model", "gpt-nonsense", "check the model name"]).await;
    let odd = ["talk", "--base-url", &url, "--api-key", "sk c4n4ry", "--text", "hi"];
    fails(command(&odd), 3, &["the API key contains spaces"]).await;
}

#[tokio::test]
async fn an_unreachable_service_is_a_network_failure() {
    let closed = ["talk", "--base-url", "http://127.0.0.1:1/v1"];
    fails(command(&closed), 4, &["127.0.0.1", "cannot be reached", "check the network"]).await;
    let nowhere = ["talk", "--base-url", "https://nowhere.invalid/v1", "--text", "hi"];
    fails(command(&nowhere), 4, &["nowhere.invalid", "check the network"]).await;
    let plain = ["talk", "--base-url", "ftp://127.0.0.1/v1", "--text", "hi"];
    fails(command(&plain), 5, &["base_url"]).await;
}

#[tokio::test]
async fn a_service_that_goes_away_ends_the_conversation() {
    let mut service = Service::start(&[]).await;
    let url = service.base_url();
    let mut talk = command(&["talk", "--base-url", &url, "--text", "lighthouse", "--json"]);
    let mut child = talk.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let speaking = async {
        while !lines.next_line().await.unwrap().expect("it ended").contains(r#""type":"playback_started""#) {}
    };
    timeout(PATIENCE, speaking).await.expect("nothing was heard");
    // Without a goodbye, in the middle of the answer.
    service.child.kill().await.unwrap();
    let rest = async { while lines.next_line().await.unwrap().is_some() {} };
    timeout(PATIENCE, rest).await.expect("it does not end");
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it does not end").unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.lines().count()), (Some(4), 1), "{err}");
    assert!(err.starts_with("error: ") && err.contains("connect again"), "{err}");
}

#[tokio::test]
async fn a_conversation_whose_last_answer_failed_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    let fail = r#"{"fail": {"code": "rate_limit_exceeded", "message": "Rate limit reached for today."}}"#;
    let scenario = format!(
        r#"{{"name": "busy", "turns": [{{"hear": "hi", "reply": [{fail}]}},
            {{"hear": "again", "reply": [{{"text": "Here I am."}}]}},
            {{"hear": "more", "reply": [{{"text": "Well, "}}, {fail}]}}],
            "caller": [{{"say": "bundled:question1", "when": {{"event": "connected"}}}},
                       {{"hang_up": {{"after_idle_ms": 1000}}}}]}}"#
    );
    let scenario = file(dir.path(), "busy.json", scenario.as_bytes());
    let talk = ["talk", "--simulate", "--scenario", &scenario];
    let with = |args: &[&str]| command(&[&talk[..], args].concat());
    let words = ["Rate limit reached for today."];
    fails(with(&["--text", "hi"]), 1, &words).await;
    fails(with(&["--text", "hi", "--json"]), 1, &words).await;
    fails(with(&["--text", "hi", "--text", "again", "--text", "more"]), 1, &words).await;
    // A caller who speaks.
    fails(command(&talk), 1, &words).await;
    // What failed on the way was told there; the conversation went on.
    let well = end(with(&["--text", "hi", "--text", "again"])).await;
    assert_eq!((well.code, well.err.as_str()), (Some(0), ""));
    assert!(well.out.contains("Rate limit reached for today.") && well.out.contains("Here I am."), "{}", well.out);
}

#[tokio::test]
async fn a_secret_in_the_url_is_not_shown() {
    let service = Service::start(&[]).await;
    let url = format!("{}?ticket=c4n4ry", service.base_url());
    // `run` looks for the mark.
    let well = run(&["talk", "--base-url", &url, "--text", "hi"]).await;
    assert_eq!((well.code, well.err.as_str()), (Some(0), ""));
    let title = well.out.lines().next().unwrap_or_default();
    assert!(title.contains(&format!("openai at {}:", service.base_url())), "{title}");
    let nobody = ["talk", "--base-url", "http://127.0.0.1:1/v1?ticket=c4n4ry", "--text", "hi"];
    fails(command(&nobody), 4, &["127.0.0.1"]).await;
}

#[tokio::test]
async fn files_are_looked_at_before_anything_is_dialled() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = ["talk", "--base-url", "http://127.0.0.1:1/v1"];
    let with = |args: &[&str]| command(&[&nowhere, args].concat());
    let text = file(dir.path(), "text.wav", b"this is not a WAV file at all, just text");
    fails(with(&["--input", &text]), 6, &["text.wav", "not a WAV file", "give a PCM WAV"]).await;
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let empty = dir.path().join("empty.wav");
    hound::WavWriter::create(&empty, spec).unwrap().finalize().unwrap();
    fails(with(&["--input", empty.to_str().unwrap()]), 6, &["empty.wav", "no sound"]).await;
    let missing = dir.path().join("missing.wav");
    fails(with(&["--input", missing.to_str().unwrap()]), 6, &["missing.wav", "no such file"]).await;
    let slow = dir.path().join("slow.wav");
    let mut wav = hound::WavWriter::create(&slow, hound::WavSpec { sample_rate: 100, ..spec }).unwrap();
    wav.write_sample(1i16).unwrap();
    wav.finalize().unwrap();
    fails(with(&["--input", slow.to_str().unwrap()]), 6, &["100 Hz", "8000"]).await;
    let output = dir.path().join("no/such/folder.wav");
    fails(with(&["--output", output.to_str().unwrap()]), 6, &["folder.wav", "can be written"]).await;
    fails(with(&["--input-log", output.to_str().unwrap()]), 6, &["folder.wav", "can be written"]).await;
    fails(with(&["--ca", missing.to_str().unwrap()]), 6, &["missing.wav", "PEM"]).await;
    fails(with(&["--config", missing.to_str().unwrap()]), 6, &["missing.wav", "configuration"]).await;
}

#[tokio::test]
async fn a_wrong_configuration_names_the_field_and_the_fix() {
    let dir = tempfile::tempdir().unwrap();
    let talk = |config: &str| command(&["talk", "--simulate", "--config", config]);
    let unknown = file(dir.path(), "unknown.json", br#"{"audio": {"input": {"rat": 1}}}"#);
    fails(talk(&unknown), 5, &["unknown.json", "audio.input.rat", "did you mean \"rate\"?", "source"]).await;
    let broken = file(dir.path(), "broken.json", b"{\n\"voice\": ");
    fails(talk(&broken), 5, &["broken.json", "not JSON", "line 2"]).await;
    let range = file(dir.path(), "range.json", br#"{"speed": 9}"#);
    fails(talk(&range), 5, &["speed", "0.25 to 1.5"]).await;
    fails(command(&["talk", "--provider", "acme"]), 5, &["acme", "openai"]).await;
    let scenario = file(dir.path(), "scenario.json", br#"{"name": "x", "turns": [{"heard": "y"}]}"#);
    fails(command(&["talk", "--simulate", "--scenario", &scenario]), 5, &["turns[0]", "duologue schema scenario"])
        .await;
    fails(command(&["simulate", "--scenario", &scenario]), 5, &["turns[0]"]).await;
    fails(command(&["simulate", "--scenario", "/no/such.json"]), 6, &["/no/such.json"]).await;
}

#[tokio::test]
async fn wrong_usage_is_code_two() {
    for args in [
        &["talk", "--input", "a.wav", "--text", "hi"][..],
        &["talk", "--simulate", "--base-url", "http://127.0.0.1:1"],
        &["talk", "--scenario", "x.json"],
        &["talk", "--idle-seconds", "0"],
        &["talk", "--text", ""],
        &["simulate", "--listen", "nonsense"],
        &["simulate", "--tls"],
        &["schema", "nonsense"],
        &["sing"],
    ] {
        let ended = run(args).await;
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(ended.out.is_empty() && ended.err.starts_with("error: "), "{args:?}: {}", ended.err);
    }
    fails(command(&["simulate", "--listen", "0.0.0.0:0"]), 2, &["loopback"]).await;
    fails(command(&["talk", "--simulate", "--text", " "]), 2, &["the text is empty"]).await;
}

#[tokio::test]
async fn help_is_complete_and_shows_no_key() {
    let top = run(&["--help"]).await;
    assert_eq!((top.code, top.err.as_str()), (Some(0), ""));
    for word in ["talk", "simulate", "providers", "schema", "Exit codes", "130"] {
        assert!(top.out.contains(word), "{word}: {}", top.out);
    }
    let talk = run(&["talk", "--help"]).await;
    let options = "--simulate --scenario --provider --api-key --base-url --model --voice --instructions --config \
                   --input --output --text --idle-seconds --demo-tools --json --input-log --ca";
    for word in
        options.split(' ').chain(["OPENAI_API_KEY", "OPENAI_MODEL", "LANGUAGE", "Examples:", "Exit codes:", "130"])
    {
        assert!(talk.out.contains(word), "{word}: {}", talk.out);
    }
    let simulate = run(&["simulate", "--help"]).await;
    let options = "--listen --scenario --any-model --tls --ca-out --for-seconds --until-stdin-closes";
    for word in options.split(' ').chain(["listening <WebSocket"]) {
        assert!(simulate.out.contains(word), "{word}: {}", simulate.out);
    }
    let schema = run(&["schema", "--help"]).await;
    assert!(schema.out.contains("config") && schema.out.contains("scenario"));
    assert_eq!(run(&["--version"]).await.code, Some(0));
}

#[tokio::test]
async fn providers_are_listed_for_people_and_for_programs() {
    let page = run(&["providers"]).await;
    assert_eq!((page.code, page.err.as_str()), (Some(0), ""));
    let line = |word: &str| page.out.lines().find(|l| l.split(' ').any(|w| w == word)).unwrap_or_default().to_owned();
    assert!(line("gpt-realtime-2.1").ends_with("default") && line("marin").ends_with("default"), "{}", page.out);
    assert!(line("gpt-realtime").contains("2027-01-20"), "{}", page.out);
    assert!(line("gpt-live-1").contains("not for conversations"), "{}", page.out);

    let ended = run(&["providers", "--json"]).await;
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    let has = |provider: &str, model: &str| {
        let models = document["providers"].as_array().unwrap().iter().find(|p| p["name"] == provider).unwrap();
        models["models"].as_array().unwrap().iter().any(|m| m["name"] == model)
    };
    assert!(has("gemini", "gemini-3.8-live") && has("xai", "grok-voice-latest"));
    let openai = &document["providers"][0];
    assert_eq!((&openai["name"], &openai["default_voice"]), (&"openai".into(), &"marin".into()));
    let model = |name: &str| {
        let models = openai["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!(
        (&model("gpt-realtime-2.1")["state"], &model("gpt-realtime-2.1")["reasons"]),
        (&"current".into(), &true.into())
    );
    let old = model("gpt-realtime-mini");
    assert_eq!((&old["state"], &old["until"]), (&"deprecated".into(), &"2027-01-20".into()));
    assert_eq!(old["successor"], "gpt-realtime-2.1-mini");
    assert!(openai["voices"].as_array().unwrap().contains(&"cedar".into()));
    assert!(openai["transcription_models"].as_array().unwrap().iter().any(|m| m["name"] == "whisper-1"));
}

#[tokio::test]
async fn the_environment_names_the_service_and_the_model() {
    let service = Service::start(&[]).await;
    let mut wrong = command(&["talk", "--provider", "openai", "--text", "hi"]);
    wrong.env("OPENAI_BASE_URL", service.base_url()).env("OPENAI_MODEL", "gpt-nonsense");
    fails(wrong, 5, &["gpt-nonsense"]).await;
    let mut simulated = command(&["talk", "--simulate", "--text", "hi", "--json"]);
    simulated.env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1").env("OPENAI_MODEL", "gpt-nonsense");
    assert_eq!(end(simulated).await.code, Some(0), "what is simulated needs no environment");
}

#[tokio::test]
async fn schemas_are_json() {
    for (document, field) in [("config", "instructions"), ("scenario", "caller")] {
        let ended = run(&["schema", document]).await;
        assert_eq!(ended.code, Some(0));
        let schema: Value = serde_json::from_str(&ended.out).unwrap();
        assert!(schema["properties"][field].is_object(), "{document}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_simulator_serves_until_it_is_interrupted() {
    let service = Service::start(&[]).await;
    let client = Client::builder()
        .config(Config { base_url: Some(service.base_url()), ..Config::default() })
        .credential(canary::key())
        .connect()
        .await
        .unwrap();
    let mut events = client.events();
    client.send_text("hello").await.unwrap();
    let answered = async { while !matches!(events.next().await.unwrap().kind, EventKind::TurnDone(_)) {} };
    timeout(PATIENCE, answered).await.unwrap();
    client.shutdown().await;
    assert_eq!(service.interrupt().await, Some(0));
}

#[tokio::test]
async fn the_simulator_ends_when_its_time_is_up() {
    let ended = run(&["simulate", "--for-seconds", "0"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("listening ws://127.0.0.1:") && ended.out.lines().count() == 1, "{}", ended.out);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(command(&["simulate", "--listen", &address]), 4, &["cannot listen", "choose a free port"]).await;
}

#[tokio::test]
async fn the_simulator_ends_with_its_standard_input_when_asked_to() {
    // `command` gives an input that is over at once.
    let ended = run(&["simulate", "--until-stdin-closes"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let mut held = command(&["simulate", "--until-stdin-closes"]);
    let mut child = held.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let address = line.strip_prefix("listening ws://").unwrap().split('/').next().unwrap().to_owned();
    // What is written there does not end it.
    stdin.write_all(b"quit\n").await.unwrap();
    tokio::net::TcpStream::connect(&address).await.unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    drop(stdin);
    assert_eq!(timeout(PATIENCE, child.wait()).await.expect("it does not end").unwrap().code(), Some(0));
    assert_eq!(lines.next_line().await.unwrap(), None, "exactly one line");
}

#[cfg(unix)]
#[tokio::test]
async fn tls_is_verified_against_the_authority_that_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem").to_str().unwrap().to_owned();
    let service = Service::start(&["--tls", "--ca-out", &ca]).await;
    assert!(service.ws_url.starts_with("wss://"), "{}", service.ws_url);
    let url = service.base_url();
    let talk = ["talk", "--base-url", &url, "--text", "what is the weather?", "--demo-tools"];
    fails(command(&talk), 4, &["TLS", "UnknownIssuer"]).await;
    let trusted = run(&[&talk[..], &["--ca", &ca]].concat()).await;
    assert_eq!((trusted.code, trusted.err.as_str()), (Some(0), ""));
    assert!(trusted.out.contains("eighteen degrees"), "{}", trusted.out);
    let no_pem = file(dir.path(), "no.pem", b"nothing");
    fails(command(&[&talk[..], &["--ca", &no_pem]].concat()), 5, &["tls.extra_roots", "no certificate"]).await;
    assert_eq!(service.interrupt().await, Some(0));
}

#[tokio::test]
async fn turns_can_be_typed_or_piped() {
    let service = Service::start(&["--any-model"]).await;
    let url = service.base_url();
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("input.log");
    let talk = ["talk", "--base-url", &url, "--model", "some-model", "--input-log", log.to_str().unwrap()];
    let mut child = command(&talk).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"\nHello there\nSorry, just tell me how tall the tallest one is.\n").await.unwrap();
    drop(stdin);
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it hangs").unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
    // First it is told that nobody knows the model.
    let (warning, conversation) = out.split_at(out.find("duologue   openai at").expect(&out));
    assert!(warning.contains("some-model"), "{out}");
    let lines: Vec<_> = conversation.lines().collect();
    assert!(lines[0].contains("some-model"), "{out}");
    assert_eq!(lines[1], "you        Hello there");
    assert!(lines[2].starts_with("assistant  Of course.") && lines[2].ends_with("lenses."), "{out}");
    assert!(lines[4].contains("one hundred and thirty three metres"), "{out}");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.lines().count() > 10 && !log.contains(canary::MARK));
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[tokio::test]
async fn a_recording_is_a_person_who_says_it_once() {
    let service = Service::start(&[]).await;
    let (url, question) = (service.base_url(), asset("question1.wav"));
    let ended = run(&["talk", "--base-url", &url, "--input", &question, "--idle-seconds", "1", "--json"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let events: Vec<Value> = ended.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let done: Vec<_> = events.iter().filter(|e| e["type"] == "turn_done").collect();
    assert_eq!((done.len(), &done[0]["status"]), (1, &Value::from("completed")), "heard to its end");
}

#[tokio::test]
async fn a_caller_who_waits_in_vain_fails_the_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = br#"{"name": "mute", "turns": [], "caller": [
        {"say": "bundled:answer1", "when": {"event": "answer_audible"}}]}"#;
    let scenario = file(dir.path(), "scenario.json", scenario);
    fails(command(&["talk", "--simulate", "--scenario", &scenario]), 1, &["the caller hung up", "scenario"]).await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_conversation_leaves_a_complete_recording() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("conversation.wav");
    let args = ["talk", "--simulate", "--json", "--output", path.to_str().unwrap()];
    let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let heard = async {
        while !lines.next_line().await.unwrap().expect("it ended").contains(r#""type":"playback_started""#) {}
    };
    timeout(PATIENCE, heard).await.expect("nothing was heard");
    signal(&child, libc::SIGINT);
    let mut last = String::new();
    let rest = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(r#""type":"status""#) {
                last = line;
            }
        }
    };
    timeout(PATIENCE, rest).await.expect("it does not end");
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it does not end").unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(last.contains(r#""code":"disconnected""#), "in order: {last}");
    let wav = hound::WavReader::open(&path).unwrap();
    assert!(wav.duration() > 24_000 * 3, "{} frames", wav.duration());
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size >= u64::from(wav.duration()) * 4, "the header tells the truth");
}

#[cfg(unix)]
#[tokio::test]
async fn a_reader_that_leaves_ends_the_conversation() {
    let mut child = command(&["talk", "--simulate", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().is_some());
    drop(lines);
    let status = timeout(PATIENCE, child.wait()).await.expect("it hangs").unwrap();
    assert_eq!(status.code(), Some(0));
}

/// Counted are audio deltas, which a call has none of.
const BREAKING: [&str; 5] = ["talk", "--simulate", "--transport", "websocket", "--scenario"];

/// The bundled conversation with a service whose first connection breaks in the middle of the first answer, and
/// which lets nobody in for two seconds then.
fn breaking(dir: &Path) -> String {
    let mut scenario: Value =
        serde_json::from_str(&std::fs::read_to_string(asset("three-turns.json")).unwrap()).unwrap();
    scenario["continue"] = true.into();
    let cut = r#"[{"when": {"event": {"type": "response.output_audio.delta", "nth": 15}}, "do": "reset"},
        {"when": {"upgrade": 2}, "do": {"refuse": {"status": 429, "retry_after_s": 2}}}]"#;
    scenario["faults"] = serde_json::from_str(cut).unwrap();
    file(dir, "breaking.json", scenario.to_string().as_bytes())
}

#[tokio::test]
async fn a_spoken_conversation_goes_on_after_its_connection_broke() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = breaking(dir.path());
    let ended = run(&[&BREAKING[..], &[&scenario, "--json"]].concat()).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let events: Vec<Value> = ended.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let all = |kind: &str| events.iter().filter(|e| e["type"] == kind).collect::<Vec<_>>();
    let waits = all("status").into_iter().filter(|e| e["status"] == "reconnecting" && e["phase"].is_null());
    let waits: Vec<_> = waits.map(|e| (e["attempt"].clone(), e["reason"].clone())).collect();
    assert_eq!(waits, [(1.into(), "connection_lost".into()), (2.into(), "rate_limited".into())]);
    let replaced = all("session_replaced");
    assert_eq!((replaced.len(), &replaced[0]["why"]), (1, &"reconnect".into()));
    // The caller said all three, each was answered, and the tool ran once.
    let said = |role: &str| {
        let words = all("transcript").into_iter().filter(|e| e["role"] == role && e["mode"] == "final");
        words.map(|e| e["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    for word in ["history of the lighthouse", "tallest one", "weather like in Paris"] {
        assert_eq!(said("user").matches(word).count(), 1, "{word}: {}", said("user"));
    }
    for word in ["thirty three metres", "eighteen degrees"] {
        assert!(said("assistant").contains(word), "{word}: {}", said("assistant"));
    }
    assert_eq!(all("tool_call").len(), 1);
}

#[tokio::test]
async fn a_person_reads_why_the_line_is_gone_and_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = breaking(dir.path());
    let ended =
        run(&[&BREAKING[..], &[&scenario, "--text", "Tell me the history.", "--text", "How tall is it?"]].concat())
            .await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    let lines: Vec<_> = ended.out.lines().collect();
    let at =
        |text: &str| lines.iter().position(|l| l.contains(text)).unwrap_or_else(|| panic!("{text}: {}", ended.out));
    let steps = [
        "note       reconnecting (connection_lost), try 1 ",
        "note       reconnecting (rate_limited), try 2 in 2 s",
        "note       reconnecting (rate_limited), try 2 · dialling",
        "note       connected again; the model knows what was said",
        "you        How tall is it?",
        "assistant  The tallest one is one hundred and thirty three metres high.",
    ]
    .map(at);
    assert!(steps.is_sorted(), "{}", ended.out);
    let titles = lines.iter().filter(|l| l.starts_with("duologue ")).count();
    assert_eq!(titles, 1, "the service is introduced once: {}", ended.out);
}

/// On a terminal it is one line, drawn again each second.
#[cfg(unix)]
#[tokio::test]
async fn a_terminal_counts_down_to_the_next_try() {
    use std::os::fd::{FromRawFd, OwnedFd};
    let dir = tempfile::tempdir().unwrap();
    let scenario = breaking(dir.path());
    let (mut ours, mut theirs) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the numbers are written before it returns; the name and the settings may be null.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, std::ptr::null_mut(), std::ptr::null(), &size) };
    assert_eq!(opened, 0);
    // SAFETY: both were just opened, and nobody else has them.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let mut talk = command(&[&BREAKING[..], &[&scenario]].concat());
    talk.env("TERM", "xterm").env_remove("NO_COLOR").stdout(theirs);
    let mut child = talk.spawn().unwrap();
    // Its copy of their end would keep ours open.
    drop(talk);
    let reading = tokio::task::spawn_blocking(move || {
        let (mut screen, mut bytes) = (std::fs::File::from(ours), Vec::new());
        // Ends with an error when the program has closed its side.
        let _ = std::io::Read::read_to_end(&mut screen, &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let status = timeout(PATIENCE, child.wait()).await.expect("the program hangs").unwrap();
    let screen = reading.await.unwrap();
    canary::printed(&"duologue", screen.as_bytes());
    assert_eq!(status.code(), Some(0), "{screen}");
    let at = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text}: {screen}"));
    let steps = [
        "reconnecting (connection_lost), try 1",
        "reconnecting (rate_limited), try 2 in 2 s",
        "reconnecting (rate_limited), try 2 in 1 s",
        "connected again; the model knows what was said",
        "thirty three metres",
    ]
    .map(at);
    assert!(steps.is_sorted(), "{screen}");
    assert!(screen.contains(['▄', '▅', '▆', '▇', '█']), "the sound is drawn: {screen}");
    let gone = screen.rfind("reconnecting (").unwrap();
    assert!(gone < at("thirty three metres"), "it is taken away again: {screen}");
}
