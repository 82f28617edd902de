//! Our own client holds a conversation through the server, the simulator being the service behind.

use crate::{
    canary,
    live::{said_and_answered, say, speech, turn_done, until},
    rig::{ask, bearer, builder},
};
use duologue::{
    Client, Config, Credential,
    config::{SdpForm, SdpProxy, TransportChoice},
    credential::CredentialKind,
    event::EventKind,
    message::Role,
    server::Serving,
    simulator::{EndedBy, Scenario, Simulator},
};
use serde_json::{Value, json};
use std::time::Duration;

async fn between(simulator: &Simulator) -> Serving {
    let session = Config {
        base_url: Some(simulator.base_url()),
        instructions: Some("You are the guide of a museum.".into()),
        voice: Some("cedar".into()),
        ..Config::default()
    };
    let server = builder("http://127.0.0.1:9").session(session).voices(["ash"]).caller_instructions(true);
    server.client_secrets(Duration::from_secs(60)).build().unwrap().serve("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// A client of `user` that knows the application's server and no key.
fn client(serving: &Serving, form: SdpForm, user: &str) -> Client {
    let config = Config {
        transport: TransportChoice::Webrtc,
        sdp_proxy: Some(SdpProxy { url: format!("{}/calls", serving.url()), form }),
        voice: (form == SdpForm::Json).then(|| "ash".into()),
        instructions: (form == SdpForm::Json).then(|| "Speak of Vermeer.".into()),
        ..Config::default()
    };
    canary::watch();
    let token = bearer(user).strip_prefix("Bearer ").unwrap().to_owned();
    let token = Credential::of_kind(CredentialKind::Bearer, token).unwrap();
    let client = Client::builder().config(config).credential(token).build().unwrap();
    canary::events_of(&client);
    client
}

#[tokio::test]
async fn a_conversation_is_held_in_each_of_the_three_forms() {
    for (form, voice, instructions) in [
        (SdpForm::Sdp, "cedar", "You are the guide of a museum."),
        (SdpForm::Multipart, "cedar", "You are the guide of a museum."),
        (SdpForm::Json, "ash", "You are the guide of a museum.\n\nSpeak of Vermeer."),
    ] {
        let simulator = Simulator::builder().start().await.unwrap();
        let serving = between(&simulator).await;
        let client = client(&serving, form, "ann");
        let mut events = client.events();
        client.connect().await.unwrap();
        client.send_text("Hello there").await.unwrap();
        until(&mut events, turn_done).await;
        let messages = client.messages();
        assert_eq!(messages.iter().map(|m| m.role).collect::<Vec<_>>(), [Role::User, Role::Assistant], "{form:?}");
        assert!(client.stats().media.is_some_and(|media| media.packets > 25), "sound came directly");
        client.disconnect().await.unwrap();
        let journal = simulator.journal();
        // As the server made it, and what the client has configured since.
        let told = journal.server_events();
        let created = told.iter().find(|e| e["type"] == "session.created").expect("a session");
        let updated = told.iter().rfind(|e| e["type"] == "session.updated").expect("a configured one");
        assert_eq!(created["session"]["instructions"], instructions, "{form:?}");
        for session in [created, updated] {
            assert_eq!(session["session"]["audio"]["output"]["voice"], voice, "{form:?}");
        }
        if form != SdpForm::Json {
            assert_eq!(updated["session"]["instructions"], instructions, "who wants nothing changes nothing");
        }
        let asked = journal.handshakes();
        assert_eq!(
            (asked[0]["path"].as_str(), asked[0]["key"].as_str()),
            (Some("/v1/realtime/calls"), Some("standard"))
        );
        serving.shutdown().await;
        simulator.shutdown().await;
        let ends: Vec<_> = journal.connections().into_iter().map(|c| c.end.expect("it is over").by).collect();
        assert_eq!(ends, [EndedBy::Client], "{form:?}");
    }
    assert_eq!(canary::lines().0, 0, "no line of the log has a key, a token or a name in it");
}

#[tokio::test]
async fn what_is_spoken_goes_through_and_is_interrupted() {
    let scenario = Scenario::bundled();
    let question = speech(&scenario, "question1");
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let serving = between(&simulator).await;
    let client = client(&serving, SdpForm::Sdp, "ann");
    let mut events = client.events();
    client.connect().await.unwrap();
    let talking = say(&client, question.clone());
    let said = said_and_answered(&mut events).await;
    assert!(said.contains("lighthouse"), "{said}");
    talking.await.unwrap();
    let talking = say(&client, question);
    until(&mut events, |e| matches!(e.kind, EventKind::Interrupted(_)).then_some(())).await;
    talking.await.unwrap();
    client.disconnect().await.unwrap();
    serving.shutdown().await;
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_client_that_is_refused_says_why() {
    let simulator = Simulator::builder().start().await.unwrap();
    let serving = between(&simulator).await;
    for (user, words) in [("forbidden", "You have left."), ("unlucky", "cannot be told")] {
        let error = client(&serving, SdpForm::Sdp, user).connect().await.unwrap_err();
        assert!(error.message.contains(words) && !error.to_string().contains(canary::MARK), "{error}");
    }
    assert_eq!(simulator.journal().dials(), 0);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_minted_secret_makes_a_call_of_its_own() {
    let simulator = Simulator::builder().start().await.unwrap();
    let serving = between(&simulator).await;
    let answer = ask(serving.address(), "POST", "/client_secrets", &[("authorization", &bearer("ann"))], b"").await;
    let minted: Value = serde_json::from_str(&answer.body).unwrap();
    let config =
        Config { transport: TransportChoice::Webrtc, base_url: Some(simulator.base_url()), ..Config::default() };
    let secret = Credential::new(minted["value"].as_str().unwrap()).unwrap();
    assert_eq!(secret.kind(), CredentialKind::Ephemeral);
    let client = Client::builder().config(config).credential(secret).connect().await.unwrap();
    client.disconnect().await.unwrap();
    let created = simulator.journal().server_events().into_iter().find(|e| e["type"] == "session.created").unwrap();
    assert_eq!(created["session"]["instructions"], "You are the guide of a museum.");
    let asked = simulator.journal().handshakes();
    let keys: Vec<_> = asked.iter().map(|ask| ask["key"].clone()).collect();
    assert_eq!(keys[..2], [json!("standard"), json!("ephemeral")], "the key mints, the secret calls");
    simulator.shutdown().await;
}
