//! Short-lived secrets: what the vendors are asked for them, what of their answers is believed, and that a client dials
//! with what was minted, against the simulator.
#![cfg(all(feature = "simulator", feature = "serve"))]

#[path = "referees/environment.rs"]
mod environment;
#[path = "common/live.rs"]
mod live;
#[allow(dead_code)]
#[path = "serve/rig.rs"]
mod rig;

use duologue::{
    Client, Config, Credential, ErrorClass,
    config::CredentialPolicy,
    credential::CredentialKind,
    mint::{Binding, Bound, MintOptions, Minted, Minting, mint},
    provider::AuthStyle,
    simulator::{Dialect, Journal, Simulator},
};
use environment::{Referees, canary, run};
use live::{turn_done, until};
use rig::Service;
use serde_json::{Value, json};

fn config(document: &Value) -> Config {
    Config::from_json(&document.to_string()).unwrap()
}

fn at(simulator: &Simulator, document: Value) -> Config {
    let config = config(&document);
    Config { base_url: Some(simulator.url_of(&config.provider)), ..config }
}

/// A client that takes no key of an account.
async fn dial(config: Config, secret: Credential) -> duologue::Result<Client> {
    let credentials = CredentialPolicy { ephemeral_only: true, ..CredentialPolicy::default() };
    let client = Client::builder().config(Config { credentials, ..config }).credential(secret).build()?;
    canary::events_of(&client);
    client.connect().await?;
    Ok(client)
}

async fn typed_turn(client: &Client) {
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
}

fn keys(journal: &Journal) -> Vec<String> {
    let asked = journal.handshakes();
    asked.iter().map(|ask| format!("{} {}", ask["auth"].as_str().unwrap(), ask["key"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_secret_of_openai_brings_its_session_along() {
    let simulator = Simulator::builder().start().await.unwrap();
    let wish = at(&simulator, json!({"voice": "cedar", "instructions": "You are the guide of a museum."}));
    let minted = mint(&wish, &canary::key(), &MintOptions { ttl_s: Some(60), ..MintOptions::default() }).await.unwrap();
    assert_eq!((minted.bound, minted.sessions_end_at), (Bound::Default, None));
    assert_eq!(minted.credential.kind(), CredentialKind::Ephemeral);
    assert_eq!(minted.credential.expires_at(), Some(minted.expires_at));
    let client = dial(at(&simulator, json!({})), minted.credential).await.unwrap();
    typed_turn(&client).await;
    client.disconnect().await.unwrap();
    let journal = simulator.journal();
    let created = journal.server_events().into_iter().find(|event| event["type"] == "session.created").unwrap();
    assert_eq!(created["session"]["instructions"], "You are the guide of a museum.");
    assert_eq!(created["session"]["audio"]["output"]["voice"], "cedar");
    assert_eq!(keys(&journal), ["bearer standard", "bearer ephemeral"], "the key mints, the secret dials");
}

#[tokio::test]
async fn a_token_of_gemini_is_good_for_so_many_sessions() {
    let simulator = Simulator::builder().start().await.unwrap();
    let wish = at(&simulator, json!({"provider": "gemini", "instructions": "You are the guide of a museum."}));
    let once = MintOptions { uses: Some(1), ..MintOptions::default() };
    let minted = mint(&wish, &canary::key(), &once).await.unwrap();
    assert_eq!(minted.bound, Bound::Locked);
    assert!(minted.sessions_end_at > Some(minted.expires_at), "who has begun goes on");
    let holder = at(&simulator, json!({"provider": "gemini"}));
    let client = dial(holder.clone(), minted.credential.clone()).await.unwrap();
    typed_turn(&client).await;
    client.disconnect().await.unwrap();

    let error = dial(holder.clone(), minted.credential).await.unwrap_err();
    assert!(error.message.contains("used up"), "{error}");
    let journal = simulator.journal();
    assert_eq!(journal.connection(2).unwrap().end.unwrap().code, Some(1008));
    let doors = journal.handshakes();
    assert!(doors[1]["path"].as_str().unwrap().ends_with("v1alpha.GenerativeService.BidiGenerateContentConstrained"));
    assert_eq!(doors[1]["query"], json!([]), "the token is in no URL");
    assert_eq!(keys(&journal), ["api_key standard", "token ephemeral", "token ephemeral"]);

    // What is not said is any number.
    let minted = mint(&wish, &canary::key(), &MintOptions::default()).await.unwrap();
    for _ in 0..2 {
        let client = dial(holder.clone(), minted.credential.clone()).await.unwrap();
        client.disconnect().await.unwrap();
    }
    let stranger = Credential::new("auth_tokens/stranger").unwrap();
    assert!(dial(holder, stranger).await.is_err());
}

#[tokio::test]
async fn a_secret_of_xai_dials_in_both_of_its_places() {
    let simulator = Simulator::builder().dialect(Dialect::Xai).start().await.unwrap();
    let wish = at(&simulator, json!({"provider": "xai"}));
    let minted =
        mint(&wish, &canary::key(), &MintOptions { ttl_s: Some(300), ..MintOptions::default() }).await.unwrap();
    assert_eq!((minted.bound, minted.credential.model()), (Bound::Nothing, None));
    for auth in [AuthStyle::Header, AuthStyle::Subprotocol] {
        let client = dial(Config { auth, ..wish.clone() }, minted.credential.clone()).await.unwrap();
        typed_turn(&client).await;
        client.disconnect().await.unwrap();
    }
    assert_eq!(keys(&simulator.journal()), ["bearer standard", "bearer ephemeral", "subprotocol ephemeral"]);
    let stranger = Credential::new("xai-realtime-client-secret-stranger").unwrap();
    let error = dial(wish, stranger).await.unwrap_err();
    assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "auth"));
}

#[tokio::test]
async fn a_deployment_mints_with_its_key_in_its_own_header() {
    let simulator = Simulator::builder().dialect(Dialect::Azure).start().await.unwrap();
    let wish = at(&simulator, json!({"provider": "azure", "model": "my-deployment"}));
    let minted = mint(&wish, &canary::key(), &MintOptions::default()).await.unwrap();
    assert_eq!(minted.credential.model(), Some("my-deployment"));
    let client = dial(wish, minted.credential).await.unwrap();
    client.disconnect().await.unwrap();
    assert_eq!(keys(&simulator.journal()), ["api-key standard", "bearer ephemeral"]);
}

#[tokio::test]
async fn a_refused_key_is_told_and_not_shown() {
    let simulator = Simulator::builder().start().await.unwrap();
    let key = Credential::new(canary::REFUSED).unwrap();
    for provider in ["openai", "gemini"] {
        let wish = at(&simulator, json!({"provider": provider}));
        let error = mint(&wish, &key, &MintOptions::default()).await.unwrap_err();
        assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "auth"), "{error}");
        assert!(!format!("{error:?}").contains(canary::MARK), "{error:?}");
    }
    // What the vendor does not take it says itself.
    let wish = at(&simulator, json!({"provider": "openai", "model": "nonsense", "strict": false}));
    let error = mint(&wish, &canary::key(), &MintOptions::default()).await.unwrap_err();
    assert!(error.message.contains("nonsense"), "{error}");
}

fn answered(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Mints at a service that answers so; what it was asked.
async fn minted_at(answer: String, document: &Value, options: &MintOptions) -> (duologue::Result<Minted>, String) {
    let service = Service::saying(answer).await;
    let config = config(document);
    let path = if config.provider == "gemini" { "" } else { "/v1" };
    let config = Config { base_url: Some(format!("http://{}{path}", service.address)), ..config };
    let minted = mint(&config, &canary::key(), options).await;
    let asked = service.seen().pop().unwrap_or_default();
    // All of it but the bytes of the key, which belong there.
    assert_eq!(asked.matches(canary::KEY).count(), 1, "the key is sent once, in its header");
    (minted, asked)
}

#[tokio::test]
async fn what_is_asked_is_exact() {
    let ttl = MintOptions { ttl_s: Some(60), binding: Binding::Free, ..MintOptions::default() };
    let plain = json!({"value": "ek_c4n4ry", "expires_at": 1_900_000_000}).to_string();
    let token = json!({"name": "auth_tokens/c4n4ry"}).to_string();
    for (provider, answer, path, header, body) in [
        (
            "openai",
            &plain,
            "/v1/realtime/client_secrets",
            "authorization: Bearer ",
            json!({"expires_after": {"anchor": "created_at", "seconds": 60}}),
        ),
        (
            "xai",
            &plain,
            "/v1/realtime/client_secrets",
            "authorization: Bearer ",
            json!({"expires_after": {"seconds": 60}}),
        ),
        ("gemini", &token, "/v1alpha/auth_tokens", "x-goog-api-key: ", json!({"uses": 0})),
    ] {
        let (minted, asked) = minted_at(answered("200 OK", answer), &json!({"provider": provider}), &ttl).await;
        let minted = minted.unwrap();
        assert!(!format!("{minted:?}").contains(canary::MARK), "{provider}");
        let (head, sent) = asked.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some(format!("POST {path} HTTP/1.1").as_str()));
        let lines: Vec<&str> = lines.collect();
        assert!(lines.contains(&format!("{header}{}", canary::KEY).as_str()), "{provider}");
        assert!(lines.contains(&"content-type: application/json"), "{provider}");
        let mut sent: Value = serde_json::from_str(sent).unwrap();
        for time in ["expireTime", "newSessionExpireTime"] {
            let told = sent.as_object_mut().unwrap().remove(time);
            assert_eq!(told.is_some(), provider == "gemini", "{provider} {time}");
        }
        assert_eq!(sent, body, "{provider}");
    }
    assert_eq!(canary::lines().0, 0, "no line of the log has a key or a secret in it");
}

#[tokio::test]
async fn a_hostile_service_gets_no_secret_out_of_it_and_none_in() {
    let (json, any) = (json!({}), MintOptions::default());
    let huge = format!("{{\"value\": \"ek_c4n4ry\", \"expires_at\": 1, \"session\": \"{}\"}}", "x".repeat(1 << 20));
    let echo = json!({"error": {"message": format!("No: {}", canary::KEY), "code": "x"}}).to_string();
    let moved = "HTTP/1.1 307 There\r\nlocation: https://evil.example/\r\ncontent-length: 0\r\n\r\n".to_owned();
    for (answer, class, code) in [
        (answered("200 OK", &huge), ErrorClass::Limit, "answer_too_big"),
        (answered("200 OK", "ek_c4n4ry"), ErrorClass::Protocol, "invalid_answer"),
        (answered("200 OK", "{\"value\": \"ek_c4n4ry\"}"), ErrorClass::Protocol, "invalid_answer"),
        (answered("401 Unauthorized", &echo), ErrorClass::Credential, "auth"),
        (answered("429 Too Many Requests", &echo), ErrorClass::Quota, "rate_limited"),
        (answered("503 Service Unavailable", ""), ErrorClass::Network, "unavailable"),
        (moved, ErrorClass::Protocol, "redirect"),
        ("c4n4ry\r\n\r\n".to_owned(), ErrorClass::Protocol, "handshake"),
    ] {
        let (minted, _) = minted_at(answer, &json, &any).await;
        let error = minted.expect_err(code);
        assert_eq!((error.class, &*error.code), (class, code), "{error}");
        assert!(!format!("{error:?}").contains(canary::MARK), "{code}");
    }
    // Where nobody is, nobody is asked; where others read along, neither.
    let gone = Service::saying("").await.address;
    let nobody = Config { base_url: Some(format!("http://{gone}/v1")), ..Config::default() };
    assert_eq!(mint(&nobody, &canary::key(), &any).await.unwrap_err().class, ErrorClass::Network);
    let open = Config { base_url: Some("http://api.example/v1".into()), ..Config::default() };
    assert_eq!(mint(&open, &canary::key(), &any).await.unwrap_err().code, "plaintext");
    assert_eq!(canary::lines().0, 0, "no line of the log has a key or a secret in it");
}

/// Google's own package writes the same for the same wishes.
#[tokio::test]
async fn a_token_of_gemini_is_asked_for_as_google_does_it() {
    let Some(referees) = Referees::find() else { return };
    let now = 1_795_176_000;
    let options = MintOptions { ttl_s: Some(60), uses: Some(3), ..MintOptions::default() };
    let times = json!({"uses": 3, "expires_at": now + 1860, "new_session_expires_at": now + 60});
    let free = MintOptions { binding: Binding::Free, ..options };
    let locked = json!({
        "provider": "gemini", "model": "gemini-3.8-live", "voice": "Kore", "instructions": "Be brief.",
        "tools": [{"name": "clock", "description": "Tells the time."}], "transcription": null,
    });
    let mut wishes = times.clone();
    wishes["model"] = "gemini-3.8-live".into();
    wishes["config"] = json!({
        "response_modalities": ["AUDIO"],
        "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
        "system_instruction": "Be brief.",
        "tools": [{"function_declarations": [{
            "name": "clock", "description": "Tells the time.", "behavior": "BLOCKING",
        }]}],
        "output_audio_transcription": {},
        "session_resumption": {},
        "context_window_compression": {"sliding_window": {}},
        "realtime_input_config":
            {"automatic_activity_detection": {}, "activity_handling": "START_OF_ACTIVITY_INTERRUPTS"},
    });
    for (document, options, wishes) in [(json!({"provider": "gemini"}), free, times), (locked, options, wishes)] {
        let report = run(referees.python::<&str>("google_tokens.py", []), &wishes.to_string()).await;
        report.expect_success();
        let theirs: Value = serde_json::from_str(&report.stdout).unwrap();
        let ours = Minting::new(&config(&document), None, &options, now).unwrap();
        assert_eq!(ours.body(), &theirs);
    }
}
