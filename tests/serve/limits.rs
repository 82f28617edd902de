//! How often, how much and how many. Time is the test's.

use crate::{
    canary,
    rig::{Clock, OFFER, Rig, bearer},
};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn a_user_makes_ten_calls_a_minute() {
    let clock = Clock::default();
    let rig = Rig::new(|server| server.clock(clock.now())).await;
    for n in 0..10 {
        assert_eq!(rig.offer(&[]).await.status, 201, "call {n}");
    }
    // One comes back every six seconds.
    let answer = rig.offer(&[]).await;
    assert_eq!(answer.refuses(429, "rate_limit_exceeded").header("retry-after"), Some("6"));
    assert_eq!(rig.offer_of("bob", &[]).await.status, 201, "another user is not meant");
    clock.advance(6);
    assert_eq!(rig.offer(&[]).await.status, 201);
    rig.offer(&[]).await.refuses(429, "rate_limit_exceeded");
    assert_eq!(rig.service.seen().len(), 12);
    // Ending calls is free.
    let answer = rig.ask("POST", "/calls/rtc_1/hangup", &[("authorization", &bearer("ann"))], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn an_address_asks_thirty_times_a_minute_whoever_it_says_it_is() {
    let clock = Clock::default();
    let rig = Rig::new(|server| server.clock(clock.now())).await;
    for guess in 0..30 {
        let wrong = format!("Bearer guess-{guess}");
        rig.ask("POST", "/calls", &[("authorization", &wrong)], b"").await.refuses(401, "unauthenticated");
    }
    // The right guess is too late.
    let answer = rig.offer(&[]).await;
    assert_eq!(answer.refuses(429, "rate_limit_exceeded").header("retry-after"), Some("2"));
    clock.advance(2);
    assert_eq!(rig.offer(&[]).await.status, 201);
    rig.offer(&[]).await.refuses(429, "rate_limit_exceeded");
}

#[tokio::test]
async fn behind_another_server_the_address_is_what_that_one_says() {
    let clock = Clock::default();
    let rig = Rig::new(|server| {
        server.clock(clock.now()).behind_tls(true).client_ip_header("X-Forwarded-For").per_minute(100, 1)
    })
    .await;
    let status = async |forwarded: &str| rig.offer(&[("x-forwarded-for", forwarded)]).await.status;
    assert_eq!(status("192.0.2.1").await, 201);
    assert_eq!(status("192.0.2.1").await, 429);
    assert_eq!(status("192.0.2.2").await, 201);
    assert_eq!(status("198.51.100.7, 192.0.2.2").await, 429, "the caller's own entries are not believed");
    assert_eq!(status("[2001:db8::1]:1234").await, 201);
    assert_eq!(status("2001:db8::2").await, 429, "one network");
    // What is no address is the other server's own.
    assert_eq!(status("nobody").await, 201);
    assert_eq!(rig.offer(&[]).await.status, 429);
}

#[tokio::test]
async fn what_is_posted_has_a_bound() {
    let rig = Rig::new(|server| server.client_secrets(Duration::from_secs(60))).await;
    let million = vec![b'x'; 1 << 20];
    let token = bearer("ann");
    for kind in ["application/sdp", "application/json", "multipart/form-data; boundary=b"] {
        let headers = [("authorization", token.as_str()), ("content-type", kind)];
        rig.ask("POST", "/calls", &headers, &million).await.refuses(413, "body_too_large");
    }
    // Without a length too.
    let pieces = [b"100000\r\n".as_slice(), &million, b"\r\n0\r\n\r\n"].concat();
    let headers = [("authorization", token.as_str()), ("transfer-encoding", "chunked")];
    rig.ask("POST", "/calls", &headers, &pieces).await.refuses(413, "body_too_large");
    let headers = [("authorization", token.as_str())];
    rig.ask("POST", "/client_secrets", &headers, &vec![b' '; 16 * 1024 + 1]).await.refuses(413, "body_too_large");
    assert!(rig.service.seen().is_empty());
    // An offer as large as may be.
    let mut offer = OFFER.to_owned();
    offer += &"a=x\r\n".repeat((64 * 1024 - OFFER.len()) / 5);
    let headers = [("authorization", token.as_str()), ("content-type", "application/sdp")];
    let answer = rig.ask("POST", "/calls", &headers, offer.as_bytes()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn so_many_calls_are_made_at_once() {
    let rig = Rig::new(|server| server.most_at_once(2)).await;
    rig.service.hold(true);
    let (first, second, third) = tokio::join!(rig.offer(&[]), rig.offer(&[]), async {
        rig.service.arrivals(2).await;
        let refused = rig.offer(&[]).await;
        rig.service.hold(false);
        refused
    });
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(third.refuses(503, "busy").header("retry-after"), Some("1"));
    assert_eq!(rig.offer(&[]).await.status, 201, "there is a place again");
}

#[tokio::test]
async fn the_oldest_call_of_a_user_makes_room() {
    let rig = Rig::new(|server| server.calls_per_user(1)).await;
    assert_eq!(rig.offer(&[]).await.status, 201);
    assert_eq!(rig.offer_of("bob", &[]).await.status, 201);
    assert_eq!(rig.service.seen().len(), 2, "bob's is not ann's");
    assert_eq!(rig.offer(&[]).await.status, 201);
    rig.service.arrivals(4).await;
    let last = rig.service.seen().pop().unwrap();
    assert!(last.starts_with("POST /v1/realtime/calls/rtc_1/hangup HTTP/1.1\r\n"));
    assert!(last.contains(canary::KEY));
}

#[tokio::test]
async fn a_call_is_ended_by_who_made_it() {
    let rig = Rig::new(|server| server).await;
    let hang_up = async |user: &str, id: &str| {
        let path = format!("/calls/{id}/hangup");
        rig.ask("POST", &path, &[("authorization", &bearer(user))], b"").await
    };
    assert_eq!(rig.offer(&[]).await.status, 201);
    hang_up("bob", "rtc_1").await.refuses(404, "call_not_found");
    for id in ["rtc_2", "..", "..%2f..%2fclient_secrets", "rtc_1%2f.."] {
        hang_up("ann", id).await.refuses(404, "call_not_found");
    }
    assert_eq!(rig.service.seen().len(), 1, "the service was not asked");
    assert_eq!(hang_up("ann", "rtc_1").await.status, 200);
    let asked = rig.service.seen().pop().unwrap();
    assert!(asked.starts_with("POST /v1/realtime/calls/rtc_1/hangup HTTP/1.1\r\n"));
    assert!(asked.contains("\r\ncontent-length: 0\r\n"), "some servers refuse a POST that does not say so");
    hang_up("ann", "rtc_1").await.refuses(404, "call_not_found");
}

/// Whose page is closed in the middle of it would pay for a call nobody knows of.
#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_leaves_no_call_behind() {
    let rig = Rig::new(|server| server).await;
    rig.service.hold(true);
    let mut caller = TcpStream::connect(rig.serving.address()).await.unwrap();
    let (token, length) = (bearer("ann"), OFFER.len());
    let head = format!("POST /calls HTTP/1.1\r\nhost: here\r\nauthorization: {token}\r\ncontent-length: {length}\r\n");
    let offer = format!("{head}content-type: application/sdp\r\n\r\n{OFFER}");
    caller.write_all(offer.as_bytes()).await.unwrap();
    rig.service.arrivals(1).await;
    drop(caller);
    // Who comes later is answered, so that the server has seen the other one leave.
    assert_eq!(rig.ask("GET", "/healthz", &[], b"").await.status, 200);
    rig.service.hold(false);
    rig.service.arrivals(2).await;
    let seen = rig.service.seen();
    assert!(seen[1].starts_with("POST /v1/realtime/calls/rtc_1/hangup "), "{}", seen[1]);
}
