//! Who is let in: origins, authentication, addresses, methods.

use crate::{
    canary,
    rig::{ANSWER, APP, OFFER, Rig, ask, bearer, builder},
};
use duologue::{Credential, ErrorClass, server::Server};
use serde_json::Value;

#[tokio::test]
async fn an_offer_is_answered() {
    let rig = Rig::new(|server| server).await;
    let answer = rig.offer(&[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, ANSWER), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    assert_eq!(answer.header("location"), Some("/calls/rtc_1"), "a place of this server");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let seen = rig.service.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("POST /v1/realtime/calls HTTP/1.1\r\n"), "{}", seen[0].len());
    assert!(seen[0].contains(&format!("authorization: Bearer {}\r\n", canary::KEY)), "with the server's key");
    assert!(!seen[0].contains(canary::TOKEN), "and not with the caller's token");
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_and_told_nothing() {
    let rig = Rig::new(|server| server).await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example/",
        "null",
        "*",
    ] {
        let answer = rig.offer(&[("origin", origin)]).await;
        answer.refuses(403, "origin_not_allowed");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        let preflight = [("origin", origin), ("access-control-request-method", "POST")];
        let answer = rig.ask("OPTIONS", "/calls", &preflight, b"").await;
        answer.refuses(403, "origin_not_allowed");
        assert!(!answer.headers.keys().any(|name| name.starts_with("access-control")), "{answer:?}");
    }
    let both = [("origin", APP), ("origin", "https://evil.example")];
    rig.offer(&both).await.refuses(403, "origin_not_allowed");
    assert!(rig.service.seen().is_empty());
}

#[tokio::test]
async fn a_page_of_the_application_may_ask_and_read() {
    let rig = Rig::new(|server| server).await;
    let preflight = [
        ("origin", APP),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let answer = rig.ask("OPTIONS", "/calls", &preflight, b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert!(answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), None);

    let answer = rig.offer(&[("origin", APP)]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (201, Some(APP)));
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(exposed.contains("location") && exposed.contains("retry-after"), "{answer:?}");
    // What is wrong can be read too.
    let answer = rig.ask("POST", "/calls", &[("origin", APP)], b"").await;
    assert_eq!(answer.refuses(401, "unauthenticated").header("access-control-allow-origin"), Some(APP));
}

#[tokio::test]
async fn cookies_come_along_only_where_they_are_wanted() {
    let rig = Rig::new(|server| server.cookies(true)).await;
    let answer = rig.offer(&[("origin", APP)]).await;
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
}

#[tokio::test]
async fn who_is_not_known_is_refused() {
    let rig = Rig::new(|server| server).await;
    let sdp = ("content-type", "application/sdp");
    for headers in [
        vec![sdp],
        vec![sdp, ("authorization", "")],
        vec![sdp, ("authorization", "Bearer ")],
        vec![sdp, ("authorization", "Bearer wrong")],
        vec![sdp, ("authorization", "Basic YTpi")],
    ] {
        for path in ["/calls", "/calls/rtc_1/hangup"] {
            let answer = rig.ask("POST", path, &headers, OFFER.as_bytes()).await;
            assert_eq!(answer.refuses(401, "unauthenticated").header("www-authenticate"), Some("Bearer"));
        }
    }
    let answer = rig.offer_of("forbidden", &[]).await;
    assert_eq!(answer.refuses(403, "forbidden").error("message"), "You have left.");
    rig.offer_of("unlucky", &[]).await.refuses(503, "authentication_unavailable");
    assert!(rig.service.seen().is_empty());
}

#[tokio::test]
async fn a_token_is_compared_whole() {
    let tokens = [format!("{}-1", canary::TOKEN), format!("{}-22", canary::TOKEN)];
    let server = Server::builder().key(canary::key()).tokens(tokens.iter().cloned().map(Into::into)).build().unwrap();
    let serving = server.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    for (given, known) in [
        (format!("Bearer {}", tokens[0]), true),
        (format!("bearer {}", tokens[1]), true),
        (format!("Bearer {}", canary::TOKEN), false),
        (format!("Bearer {}2", tokens[0]), false),
        (format!("Bearer {}", &tokens[1][..tokens[1].len() - 1]), false),
        (tokens[0].clone(), false),
    ] {
        let answer = ask(serving.address(), "POST", "/calls", &[("authorization", &given)], b"").await;
        // Somebody who is known has sent nothing.
        assert_eq!(answer.status, if known { 415 } else { 401 }, "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_is_asked_on_this_machine_only() {
    let open = || Server::builder().key(canary::key()).build().unwrap();
    let serving = open().serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    ask(serving.address(), "POST", "/calls", &[], b"").await.refuses(415, "unsupported_content_type");
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let closed = || builder("http://127.0.0.1:9/v1");
    for server in [open(), closed().build().unwrap()] {
        let error = server.serve(everywhere).await.unwrap_err();
        assert_eq!((error.class, error.code.as_ref()), (ErrorClass::Argument, "not_loopback"));
    }
    let serving = closed().behind_tls(true).build().unwrap().serve(everywhere).await.unwrap();
    assert_ne!(serving.address().port(), 0);
}

#[tokio::test]
async fn only_what_is_there_can_be_asked() {
    let rig = Rig::new(|server| server).await;
    for path in ["/calls", "/calls/rtc_1/hangup", "/client_secrets"] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = rig.ask(method, path, &[("authorization", &bearer("ann"))], b"").await;
            answer.refuses(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some("POST"), "{method} {path}");
        }
    }
    for path in ["/", "/nothing", "/calls/rtc_1", "/v1/realtime"] {
        rig.ask("POST", path, &[("authorization", &bearer("ann"))], b"").await.refuses(404, "unknown_url");
    }
    let answer = rig.ask("GET", "/healthz", &[], b"").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
}

#[tokio::test]
async fn a_server_can_be_switched_off_while_it_runs() {
    let rig = Rig::new(|server| server.enabled(false)).await;
    let enabled = async || {
        let body: Value = serde_json::from_str(&rig.ask("GET", "/healthz", &[], b"").await.body).unwrap();
        body["enabled"].as_bool().unwrap()
    };
    assert!(!rig.server.is_enabled() && !enabled().await);
    rig.offer(&[]).await.refuses(503, "disabled");
    assert!(rig.service.seen().is_empty());
    rig.server.set_enabled(true);
    assert!(enabled().await);
    assert_eq!(rig.offer(&[]).await.status, 201);
    rig.server.set_enabled(false);
    rig.offer(&[]).await.refuses(503, "disabled");
    // What is under way can be ended all the same.
    let answer = rig.ask("POST", "/calls/rtc_1/hangup", &[("authorization", &bearer("ann"))], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn every_user_can_have_a_key_of_their_own() {
    let rig = Rig::new(|server| {
        server.key_for(|user| async move {
            match user.ends_with("-bob") {
                true => {
                    Err(duologue::Error::new(ErrorClass::Credential, "nothing", format!("{} for {user}", canary::KEY)))
                }
                false => Credential::new(format!("{}-of-{user}", canary::KEY)),
            }
        })
    })
    .await;
    assert_eq!(rig.offer(&[]).await.status, 201);
    let key = format!("authorization: Bearer {}-of-{}-ann\r\n", canary::KEY, canary::MARK);
    assert!(rig.service.seen()[0].contains(&key));
    // Why there is none is the server's business.
    rig.offer_of("bob", &[]).await.refuses(503, "no_key");
    assert_eq!(rig.service.seen().len(), 1);
    assert_eq!(canary::lines().0, 0, "no line of the log has a key, a token or a name in it");
}

#[tokio::test]
async fn it_can_be_a_part_of_another_application() {
    use axum::extract::ConnectInfo;
    use hyper_util::{rt::TokioIo, service::TowerToHyperService};
    let serve = async |server: Server, told: bool| {
        let app = axum::Router::new().nest("/voice", server.router());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                let app = if told { app.clone().layer(axum::Extension(ConnectInfo(peer))) } else { app.clone() };
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app)));
            }
        });
        address
    };
    let service = crate::rig::Service::saying(crate::rig::TAKEN).await;
    let base_url = format!("http://{}/v1", service.address);
    let sdp = ("content-type", "application/sdp");
    let at = serve(builder(&base_url).build().unwrap(), true).await;
    let answer = ask(at, "POST", "/voice/calls", &[sdp, ("authorization", &bearer("ann"))], OFFER.as_bytes()).await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/voice/calls/rtc_1")));
    ask(at, "GET", "/voice/calls", &[], b"").await.refuses(405, "method_not_allowed");

    // Without authentication it must be sure who asks.
    let open = Server::builder().key(canary::key()).build().unwrap();
    let at = serve(open.clone(), false).await;
    ask(at, "POST", "/voice/calls", &[sdp], OFFER.as_bytes()).await.refuses(403, "not_loopback");
    let at = serve(open, true).await;
    ask(at, "POST", "/voice/calls", &[sdp], b"nothing").await.refuses(400, "invalid_offer");
}
