//! Of providers that answer no calls a server mints client secrets, with which its users connect by themselves.

use crate::{
    canary,
    live::{turn_done, until},
    rig::{Answer, ask, bearer, builder},
};
use duologue::{
    Client, Config, Credential,
    config::CredentialPolicy,
    credential::CredentialKind,
    server::{ServerBuilder, Serving},
    simulator::{Dialect, Simulator},
};
use serde_json::{Value, json};
use std::time::Duration;

async fn before(
    simulator: &Simulator,
    document: Value,
    set: impl FnOnce(ServerBuilder) -> ServerBuilder,
) -> (Config, Serving) {
    let session = Config::from_json(&document.to_string()).unwrap();
    let session = Config { base_url: Some(simulator.url_of(&session.provider)), ..session };
    let server = builder("http://127.0.0.1:9").session(session.clone()).client_secrets(Duration::from_secs(60));
    let serving = set(server).build().unwrap().serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    (session, serving)
}

async fn secret(serving: &Serving, body: &Value) -> Answer {
    let token = bearer("ann");
    ask(serving.address(), "POST", "/client_secrets", &[("authorization", &token)], body.to_string().as_bytes()).await
}

/// What a client of the application does with the answer.
async fn talk(session: &Config, minted: &Value) -> Client {
    let credential = Credential::new(minted["value"].as_str().unwrap()).unwrap();
    assert_eq!(credential.kind(), CredentialKind::Ephemeral);
    let credential = credential.with_model(minted["session"]["model"].as_str().unwrap());
    let config = Config {
        provider: session.provider.clone(),
        base_url: session.base_url.clone(),
        credentials: CredentialPolicy { ephemeral_only: true, ..CredentialPolicy::default() },
        ..Config::default()
    };
    let client = Client::builder().config(config).credential(credential).connect().await.unwrap();
    let mut events = client.events();
    client.send_text("Hello there").await.unwrap();
    until(&mut events, turn_done).await;
    client.disconnect().await.unwrap();
    client
}

async fn answers_no_calls(serving: &Serving) {
    let token = bearer("ann");
    let headers = [("authorization", token.as_str()), ("content-type", "application/sdp")];
    ask(serving.address(), "POST", "/calls", &headers, b"v=0").await.refuses(404, "no_calls");
    ask(serving.address(), "POST", "/calls/rtc_1/hangup", &headers, b"").await.refuses(404, "no_calls");
}

#[tokio::test]
async fn users_of_gemini_get_tokens_with_the_servers_session() {
    let simulator = Simulator::builder().start().await.unwrap();
    let session = json!({"provider": "gemini", "instructions": "You are the guide of a museum.", "voice": "Kore"});
    let (session, serving) =
        before(&simulator, session, |server| server.voices(["Puck"]).models(["gemini-3.1-flash-live-preview"])).await;
    let answer = secret(&serving, &json!({})).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    let minted: Value = serde_json::from_str(&answer.body).unwrap();
    let mut names: Vec<&String> = minted.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["expires_at", "session", "sessions_end_at", "value"]);
    assert_eq!(minted["session"], json!({"type": "realtime", "model": "gemini-3.8-live"}));
    assert!(minted["sessions_end_at"].as_u64() > minted["expires_at"].as_u64(), "{minted}");
    talk(&session, &minted).await;

    let chosen = json!({"session": {"model": "gemini-3.1-flash-live-preview", "voice": "Puck"}});
    let answer = secret(&serving, &chosen).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = secret(&serving, &json!({"session": {"voice": "Charon"}})).await;
    assert_eq!(answer.refuses(403, "not_allowed").error("param"), "voice");
    answers_no_calls(&serving).await;
    assert_eq!(simulator.journal().secrets_asked(), 2);
    assert_eq!(canary::lines().0, 0, "no line of the log has a key, a token or a name in it");
}

#[tokio::test]
async fn users_of_xai_get_secrets_and_say_themselves_what_the_session_is() {
    let simulator = Simulator::builder().dialect(Dialect::Xai).start().await.unwrap();
    let (session, serving) = before(&simulator, json!({"provider": "xai"}), |server| server).await;
    let answer = secret(&serving, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let minted: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(minted["session"], json!({"type": "realtime", "model": "grok-voice-latest"}));
    assert_eq!(minted.get("sessions_end_at"), None, "they go on");
    talk(&session, &minted).await;
    let answer = secret(&serving, &json!({"session": {"instructions": "Be rude."}})).await;
    assert_eq!(answer.refuses(403, "not_allowed").error("param"), "instructions");
    answers_no_calls(&serving).await;
}
