//! What a caller may choose, and in which form. The session that the service gets is read from what it was sent.

use crate::rig::{Answer, OFFER, Rig, Service, TAKEN, bearer, part};
use base64_simd::STANDARD;
use duologue::{Config, server::ServerBuilder};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

const BOUNDARY: &str = "multipart/form-data; boundary=b";

/// Ann's offer in a form; `path` may have a query.
async fn post(rig: &Rig, path: &str, kind: &str, body: &str) -> Answer {
    rig.ask("POST", path, &[("authorization", &bearer("ann")), ("content-type", kind)], body.as_bytes()).await
}

fn form(offer: &str, session: Option<&Value>) -> String {
    let mut body = format!("--b\r\nContent-Disposition: form-data; name=\"sdp\"\r\n\r\n{offer}\r\n");
    if let Some(session) = session {
        body += &format!("--b\r\nContent-Disposition: form-data; name=\"session\"\r\n\r\n{session}\r\n");
    }
    body + "--b--\r\n"
}

async fn post_form(rig: &Rig, session: &Value) -> Answer {
    post(rig, "/calls", BOUNDARY, &form(OFFER, Some(session))).await
}

async fn post_json(rig: &Rig, more: &Value) -> Answer {
    let mut body = json!({"sdp": STANDARD.encode_to_string(OFFER)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(rig, "/calls", "application/json", &body.to_string()).await
}

/// The session of the `n`th request to the service; it came with the offer as it was.
async fn session(rig: &Rig, n: usize) -> Value {
    let asked = rig.service.seen()[n].clone();
    assert_eq!(part(&asked, "sdp").await, [OFFER]);
    let sessions = part(&asked, "session").await;
    assert_eq!(sessions.len(), 1);
    serde_json::from_str(&sessions[0]).unwrap()
}

fn museum(server: ServerBuilder, service: SocketAddr) -> ServerBuilder {
    let config = json!({
        "base_url": format!("http://{service}/v1"),
        "model": "gpt-realtime-2",
        "voice": "marin",
        "instructions": "You are the guide of a museum.",
        "tools": [{"name": "find_room", "description": "Where a picture hangs."}],
    });
    server
        .session(Config::from_json(&config.to_string()).unwrap())
        .models(["gpt-realtime-2.1"])
        .voices(["cedar"])
        .per_minute(1000, 1000)
}

async fn rig(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Rig {
    let service = Service::saying(TAKEN).await;
    let address = service.address;
    Rig::with(service, |server| set(museum(server, address))).await
}

#[tokio::test]
async fn who_chooses_nothing_gets_the_servers_session() {
    let rig = rig(|server| server).await;
    let nothing = json!({});
    let answers = [
        post(&rig, "/calls", "application/sdp", OFFER).await,
        post(&rig, "/calls", "Application/SDP; charset=utf-8", OFFER).await,
        post(&rig, "/calls", BOUNDARY, &form(OFFER, None)).await,
        post_form(&rig, &json!({"type": "realtime"})).await,
        post_form(&rig, &json!({"type": "realtime", "model": null})).await,
        post_json(&rig, &nothing).await,
        post_json(&rig, &json!({"voice": null, "sdp": OFFER})).await,
    ];
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, 201, "{answer:?}");
        let session = session(&rig, n).await;
        assert_eq!((&session["type"], &session["model"]), (&json!("realtime"), &json!("gpt-realtime-2")));
        assert_eq!(session["instructions"], "You are the guide of a museum.");
        assert_eq!(session["audio"]["output"], json!({"voice": "marin"}), "and no format: that is the media's");
        assert_eq!(session["audio"]["input"].get("format"), None);
        assert_eq!(session["tools"][0]["name"], "find_room");
    }
}

#[tokio::test]
async fn model_and_voice_are_chosen_among_those_that_are_offered() {
    let rig = rig(|server| server).await;
    let wish =
        |model: &str, voice: &str| json!({"type": "realtime", "model": model, "audio": {"output": {"voice": voice}}});
    let answers = [
        (post(&rig, "/calls?model=gpt-realtime-2.1", "application/sdp", OFFER).await, "gpt-realtime-2.1", "marin"),
        (post(&rig, "/calls?voice=cedar", "application/sdp", OFFER).await, "gpt-realtime-2", "cedar"),
        (post_form(&rig, &wish("gpt-realtime-2.1", "cedar")).await, "gpt-realtime-2.1", "cedar"),
        (post_form(&rig, &wish("gpt-realtime-2", "marin")).await, "gpt-realtime-2", "marin"),
        (post_json(&rig, &json!({"voice": "cedar"})).await, "gpt-realtime-2", "cedar"),
        (post_json(&rig, &json!({"model": "gpt-realtime-2.1"})).await, "gpt-realtime-2.1", "marin"),
    ];
    for (n, (answer, model, voice)) in answers.into_iter().enumerate() {
        assert_eq!(answer.status, 201, "{answer:?}");
        let session = session(&rig, n).await;
        assert_eq!((&session["model"], &session["audio"]["output"]["voice"]), (&json!(model), &json!(voice)));
        assert_eq!(session["instructions"], "You are the guide of a museum.");
    }
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let rig = rig(|server| server.client_secrets(Duration::from_secs(60))).await;
    let secret = async |body: &Value| {
        rig.ask("POST", "/client_secrets", &[("authorization", &bearer("ann"))], body.to_string().as_bytes()).await
    };
    let voice = |voice: Value| json!({"audio": {"output": {"voice": voice}}});
    for (answer, param) in [
        (post(&rig, "/calls?model=gpt-realtime-mini", "application/sdp", OFFER).await, "model"),
        (post(&rig, "/calls?temperature=1", "application/sdp", OFFER).await, "temperature"),
        (post_form(&rig, &json!({"model": "gpt-realtime-mini"})).await, "model"),
        (post_form(&rig, &json!({"model": ""})).await, "model"),
        (post_form(&rig, &voice(json!("alloy"))).await, "voice"),
        (post_form(&rig, &voice(json!({"id": "voice_1"}))).await, "voice"),
        (post_form(&rig, &json!({"instructions": "Be rude."})).await, "instructions"),
        (post_form(&rig, &json!({"tools": []})).await, "session.tools"),
        (post_form(&rig, &json!({"type": "transcription"})).await, "session.type"),
        (
            post_form(&rig, &json!({"audio": {"input": {"transcription": null}}})).await,
            "session.audio.input.transcription",
        ),
        (post_json(&rig, &json!({"voice": "alloy"})).await, "voice"),
        (post_json(&rig, &json!({"model": "gpt-realtime-mini"})).await, "model"),
        (post_json(&rig, &json!({"instructions": ""})).await, "instructions"),
        (post_json(&rig, &json!({"session": {}})).await, "session"),
        (secret(&json!({"session": {"model": "gpt-realtime-mini"}})).await, "model"),
        (secret(&json!({"session": {"tools": []}})).await, "session.tools"),
        (secret(&json!({"expires_after": {"seconds": 7200}})).await, "expires_after"),
    ] {
        assert_eq!(answer.refuses(403, "not_allowed").error("param"), param, "{answer:?}");
    }
    assert!(rig.service.seen().is_empty());
}

#[tokio::test]
async fn a_callers_instructions_come_after_the_servers() {
    let rig = rig(|server| server.caller_instructions(true)).await;
    let words = json!({"instructions": "Speak of Vermeer."});
    let answers = [post_form(&rig, &words).await, post_json(&rig, &words).await];
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, 201, "{answer:?}");
        let together = "You are the guide of a museum.\n\nSpeak of Vermeer.";
        assert_eq!(session(&rig, n).await["instructions"], together);
    }
}

#[tokio::test]
async fn what_is_no_offer_never_reaches_the_service() {
    let rig = rig(|server| server).await;
    let broken = form(OFFER, None).replace("--b--\r\n", "");
    let twice = form(OFFER, Some(&json!({}))).replace("name=\"session\"", "name=\"sdp\"");
    let strange = form(OFFER, Some(&json!({}))).replace("name=\"session\"", "name=\"key\"");
    let no_session = form(OFFER, Some(&json!("text")));
    for (kind, body, status, code) in [
        ("application/sdp", "", 400, "invalid_offer"),
        ("application/sdp", "<html>", 400, "invalid_offer"),
        ("application/sdp", " v=0", 400, "invalid_offer"),
        ("application/sdp", "v=0\r\n\0", 400, "invalid_offer"),
        ("text/plain", OFFER, 415, "unsupported_content_type"),
        ("", OFFER, 415, "unsupported_content_type"),
        ("application/x-www-form-urlencoded", "sdp=v", 415, "unsupported_content_type"),
        ("application/json", "", 400, "invalid_offer"),
        ("application/json", "{}", 400, "invalid_offer"),
        ("application/json", "{\"sdp\":", 400, "invalid_json"),
        ("application/json", "[]", 400, "invalid_json"),
        ("application/json", "{\"sdp\": 1}", 400, "invalid_offer"),
        ("application/json", "{\"sdp\": \"%%\"}", 400, "invalid_offer"),
        ("application/json", "{\"sdp\": \"eA==\"}", 400, "invalid_offer"),
        ("application/json", "{\"sdp\": \"v=0\", \"voice\": 1}", 400, "invalid_type"),
        (BOUNDARY, "", 400, "invalid_body"),
        (BOUNDARY, "--b--\r\n", 400, "invalid_offer"),
        (BOUNDARY, &broken, 400, "invalid_body"),
        (BOUNDARY, &twice, 400, "invalid_body"),
        (BOUNDARY, &strange, 400, "invalid_body"),
        (BOUNDARY, &no_session, 400, "invalid_json"),
    ] {
        let answer = post(&rig, "/calls", kind, body).await;
        assert_eq!((answer.status, answer.error("code").as_str()), (status, code), "{kind} {body:?} {answer:?}");
    }
    let not_utf8 = [b"v=0\r\n".as_slice(), &[0xff, 0xfe]].concat();
    let token = bearer("ann");
    let headers = [("authorization", token.as_str()), ("content-type", "application/sdp")];
    rig.ask("POST", "/calls", &headers, &not_utf8).await.refuses(400, "invalid_body");
    assert!(rig.service.seen().is_empty());
}
