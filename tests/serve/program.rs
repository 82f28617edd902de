//! `duologue serve` from outside.
#![cfg(feature = "cli")]

use crate::{
    canary,
    rig::{Answer, OFFER, PATIENCE, Service, TAKEN, ask},
};
use serde_json::json;
use std::{net::SocketAddr, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duologue"));
    command.arg("serve").args(args).env("OPENAI_API_KEY", canary::KEY).env_remove("DUOLOGUE_AUTH_TOKEN");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn fails(mut command: Command, code: i32, word: &str) {
    let about = format!("{command:?}").replace(canary::KEY, "");
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("the program hangs").unwrap();
    canary::printed(&about, &[&output.stdout[..], &output.stderr].concat());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{about}: {err}");
    assert!(err.starts_with("error: ") && err.lines().count() == 1 && err.contains(word), "{about}: {err}");
}

struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.as_mut().unwrap());
        tokio::time::timeout(PATIENCE, out.read_line(&mut line)).await.expect("no line").unwrap();
        let url = line.strip_prefix("listening http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { address: url.trim().parse().unwrap(), child }
    }

    async fn offer(&self, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/sdp")], headers].concat();
        ask(self.address, "POST", "/calls", &headers, OFFER.as_bytes()).await
    }

    /// Ends it as an operator does; it has said nothing more on standard output. What it has logged is given back.
    async fn end(mut self) -> String {
        let pid = self.child.id().unwrap().cast_signed();
        // SAFETY: a number and a signal.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it goes on").unwrap();
        assert_eq!(ended.code(), Some(0));
        let (mut rest, mut log) = (Vec::new(), Vec::new());
        self.child.stdout.take().unwrap().read_to_end(&mut rest).await.unwrap();
        self.child.stderr.take().unwrap().read_to_end(&mut log).await.unwrap();
        canary::printed(&"duologue serve", &[&rest[..], &log].concat());
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        String::from_utf8(log).unwrap()
    }
}

#[tokio::test]
async fn the_program_serves_whoever_has_a_token() {
    let service = Service::saying(TAKEN).await;
    let base_url = format!("http://{}/v1", service.address);
    let mut command = command(&["--listen", "127.0.0.1:0", "--base-url", &base_url, "--origin", "https://app.example"]);
    command.args(["--voice", "marin", "--voice", "cedar", "--instructions", "Be brief."]);
    let program = Program::start({
        command.env("DUOLOGUE_AUTH_TOKEN", canary::TOKEN);
        command
    })
    .await;
    program.offer(&[]).await.refuses(401, "unauthenticated");
    let token = format!("Bearer {}", canary::TOKEN);
    let known = ("authorization", token.as_str());
    program.offer(&[known, ("origin", "https://evil.example")]).await.refuses(403, "origin_not_allowed");
    let answer = program.offer(&[known, ("origin", "https://app.example")]).await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/calls/rtc_1")), "{answer:?}");
    assert!(service.seen()[0].contains(r#""instructions":"Be brief.""#));
    ask(program.address, "GET", "/", &[], b"").await.refuses(404, "unknown_url");
    let log = program.end().await;
    // Three refusals and a call.
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(log.contains("unauthenticated") && log.contains("origin_not_allowed") && log.contains("rtc_1"), "{log}");
    assert!(!log.contains("token-1"), "users are numbers: {log}");
}

#[tokio::test]
async fn the_program_can_be_tried_offline_with_a_page() {
    let program = Program::start(command(&["--listen", "127.0.0.1:0", "--simulate", "--page", "--log", "off"])).await;
    let answer = ask(program.address, "GET", "/", &[], b"").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-security-policy").is_some_and(|p| p.contains("default-src 'none'")), "{answer:?}");
    assert!(answer.body.contains("<meta name=\"duologue-calls\" content=\"calls\">"));
    // The page is at home here, and no other is.
    let home = format!("http://{}", program.address);
    let localhost = format!("http://localhost:{}", program.address.port());
    for origin in [&home, &localhost] {
        // The simulator has looked at the offer.
        program.offer(&[("origin", origin)]).await.refuses(400, "invalid_offer");
    }
    program.offer(&[("origin", "http://evil.example")]).await.refuses(403, "origin_not_allowed");
    assert!(program.end().await.is_empty(), "--log off");
}

#[tokio::test]
async fn what_is_wrong_is_one_line() {
    fails(command(&["--listen", "0.0.0.0:0"]), 2, "token").await;
    let mut without_tls = command(&["--listen", "0.0.0.0:0"]);
    without_tls.env("DUOLOGUE_AUTH_TOKEN", canary::TOKEN);
    fails(without_tls, 2, "TLS").await;
    let mut keyless = command(&[]);
    keyless.env_remove("OPENAI_API_KEY");
    fails(keyless, 3, "duologue serve --simulate").await;
    fails(command(&["--origin", "*"]), 5, "--origin").await;
    for provider in ["gemini", "xai"] {
        let mut callless = command(&["--provider", provider]);
        callless.env("GEMINI_API_KEY", canary::KEY).env("XAI_API_KEY", canary::KEY);
        fails(callless, 5, "client secrets").await;
    }
    fails(command(&["--provider", "gemini", "--simulate", "--client-secrets", "--page"]), 5, "--page").await;
    fails(command(&["--client-secrets", "9"]), 5, "--client-secrets").await;
    fails(command(&["--voice", "willow"]), 5, "voice").await;
    fails(command(&["--base-url", "http://api.example/v1"]), 5, "plaintext").await;
    fails(command(&["--token-file", "/nowhere/tokens"]), 6, "/nowhere/tokens").await;
    let empty = tempfile::NamedTempFile::new().unwrap();
    fails(command(&["--token-file", empty.path().to_str().unwrap()]), 6, "no token").await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fails(command(&["--listen", &taken.local_addr().unwrap().to_string()]), 4, "cannot listen").await;
}

#[tokio::test]
async fn the_program_mints_for_providers_without_calls() {
    for (provider, begins) in [("gemini", "auth_tokens/"), ("xai", "xai-realtime-client-secret-")] {
        let args = ["--listen", "127.0.0.1:0", "--provider", provider, "--simulate", "--client-secrets"];
        let program = Program::start(command(&args)).await;
        let answer = ask(program.address, "POST", "/client_secrets", &[], b"").await;
        let minted: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let secret = minted["value"].as_str().unwrap();
        assert!(answer.status == 200 && secret.starts_with(begins), "{provider}");
        program.offer(&[]).await.refuses(404, "no_calls");
        let log = program.end().await;
        assert!(log.contains("client secret minted") && !log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn every_line_of_a_token_file_is_a_user() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let tokens = [format!("{}-one", canary::TOKEN), format!("{}-two", canary::TOKEN)];
    std::fs::write(file.path(), format!("{}\n\n  {}  \n", tokens[0], tokens[1])).unwrap();
    let service = Service::saying(TAKEN).await;
    let base_url = format!("http://{}/v1", service.address);
    let args = ["--listen", "127.0.0.1:0", "--base-url", &base_url, "--per-user", "1", "--token-file"];
    let program = Program::start(command(&[&args[..], &[file.path().to_str().unwrap()]].concat())).await;
    for token in &tokens {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str())];
        assert_eq!(program.offer(&headers).await.status, 201);
        program.offer(&headers).await.refuses(429, "rate_limit_exceeded");
    }
    program.end().await;
}

#[tokio::test]
async fn talk_reaches_an_applications_server_with_its_token_and_no_key() {
    let mut command = command(&["--listen", "127.0.0.1:0", "--simulate"]);
    command.env("DUOLOGUE_AUTH_TOKEN", canary::TOKEN);
    let program = Program::start(command).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let url = format!("http://{}/calls", program.address);
    std::fs::write(file.path(), json!({"sdp_proxy": {"url": url}}).to_string()).unwrap();
    let talk = async |token: &str, more: &[&str]| {
        let mut talk = Command::new(env!("CARGO_BIN_EXE_duologue"));
        // Option and document fit together.
        talk.args(["talk", "--transport", "webrtc", "--config"]).arg(file.path()).args(more);
        talk.env_remove("OPENAI_API_KEY").env("DUOLOGUE_AUTH_TOKEN", token).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, talk.output()).await.expect("the program hangs").unwrap();
        canary::printed(&"duologue talk", &[&output.stdout[..], &output.stderr].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    // The second calls a tool of the server's session, which nobody here has.
    let turns = ["--text", "Hello there", "--text", "What is the weather"];
    let (code, said, error) = talk(canary::TOKEN, &turns).await;
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(said.contains("eighteen degrees"), "the answer is waited for: {said}");
    assert!(said.contains("Hello there") && said.contains(&format!("through {url}")), "{said}");
    for (token, more, code, word) in [
        ("guessed", &turns[..2], 3, "the application's server let nobody in"),
        ("", &turns[..2], 3, "the application's server let nobody in"),
        ("", &["--simulate"], 5, "sdp_proxy"),
    ] {
        let (ended, said, error) = talk(token, more).await;
        assert_eq!(ended, Some(code), "{said}{error}");
        assert!(error.contains(word), "{error}");
    }
    program.end().await;
}
