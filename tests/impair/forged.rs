//! Answers that are not what the simulator said.

use crate::{
    CLEAN, LONGEST, canary, config,
    relay::{Forge, Relay},
    two_turns,
};
use duologue::{Client, Config, Error, ErrorClass, config::TransportChoice, event::Status, simulator::Simulator};
use futures_util::future::join_all;
use std::sync::Arc;

/// What became of a client whose answer was forged.
struct Forged {
    simulator: Simulator,
    relay: Relay,
    client: Client,
    error: Option<Error>,
}

async fn connect(
    transport: TransportChoice,
    forge: impl Fn(&mut String, &mut String) + Send + Sync + 'static,
) -> Forged {
    let simulator = Simulator::builder().scenario(two_turns()).start().await.unwrap();
    let forge: Forge = Arc::new(forge);
    let relay = Relay::forging(&simulator.base_url(), CLEAN, 1, Some(forge)).await;
    let config = Config { transport, ..config(relay.base_url()) };
    let client = canary::builder().config(config).build().unwrap();
    canary::events_of(&client);
    let connected = tokio::time::timeout(LONGEST, client.connect()).await.expect("every step is bounded");
    Forged { simulator, relay, client, error: connected.err() }
}

/// Row 16. The path is there and somebody answers, but it is not who the service named. That is no reason to go another way,
/// though the configuration allows one.
#[tokio::test]
async fn row_16_a_wrong_fingerprint_is_fatal_and_no_audio_was_sent() {
    let flip = |byte: &str| if byte == "00" { "11" } else { "00" };
    let forged = connect(TransportChoice::Auto, move |_, sdp| {
        let lines = sdp.split_inclusive('\n').map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(print) => format!("a=fingerprint:sha-256 {}{}", flip(&print[..2]), &print[2..]),
            None => line.to_owned(),
        });
        *sdp = lines.collect();
    })
    .await;
    let error = forged.error.expect("nobody else is talked to");
    assert_eq!((error.class, error.code.as_ref(), error.retryable), (ErrorClass::Tls, "dtls_failed", false), "{error}");
    assert!(matches!(forged.client.status(), Status::Error { .. }), "{:?}", forged.client.status());
    let calls = forged.relay.calls();
    let [call] = &calls[..] else { panic!("{} calls", calls.len()) };
    assert!(call.up.of(|p| &p.stun) > 0 && call.up.of(|p| &p.dtls) > 0, "there was a path, and a handshake over it");
    for way in [&call.up, &call.down] {
        assert_eq!((way.of(|p| &p.rtp), way.of(|p| &p.rtcp)), (0, 0), "no media");
    }
    // The call is hung up, and nothing else was tried: above all no other transport.
    let journal = forged.simulator.journal();
    let hung_up = journal.wait_until(|_| forged.relay.requests().len().checked_sub(2));
    tokio::time::timeout(LONGEST, hung_up).await.expect("hung up");
    let requests = forged.relay.requests();
    assert!(requests[0].starts_with("POST /v1/realtime/calls "), "{requests:?}");
    assert!(requests[1].ends_with("/hangup HTTP/1.1") && requests.len() == 2, "{requests:?}");
    assert_eq!(journal.audio_ms(), 0);
    forged.simulator.shutdown().await;
}

/// What an answer may say, and what it comes to: an error of that class and code, or a call.
type Case = (&'static str, fn(&mut String, &mut String), Option<(ErrorClass, &'static str)>);

const UNUSABLE: Option<(ErrorClass, &str)> = Some((ErrorClass::Protocol, "invalid_answer"));

fn without(sdp: &mut String, beginning: &str) {
    *sdp = sdp.split_inclusive('\n').filter(|line| !line.starts_with(beginning)).collect();
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_errors_that_say_so_and_others_are_calls() {
    let cases: Vec<Case> = vec![
        ("empty", |_, sdp| sdp.clear(), UNUSABLE),
        ("noise", |_, sdp| *sdp = "v=0\r\n\u{1}\u{fffd}=\r\n".repeat(9), UNUSABLE),
        (
            "a web page",
            |head, sdp| {
                *head = head.replace("application/sdp", "text/html");
                *sdp = "<html>Sign in</html>".into();
            },
            Some((ErrorClass::Protocol, "handshake")),
        ),
        ("no audio", |_, sdp| *sdp = sdp.replace("m=audio 9", "m=audio 0"), UNUSABLE),
        ("no data channel", |_, sdp| *sdp = sdp.replace("m=application 9", "m=application 0"), UNUSABLE),
        ("cut before the channel", |_, sdp| sdp.truncate(sdp.find("m=application").unwrap()), UNUSABLE),
        ("cut in the middle", |_, sdp| sdp.truncate(sdp.len() / 2), UNUSABLE),
        ("inactive", |_, sdp| *sdp = sdp.replace("a=sendrecv", "a=inactive"), UNUSABLE),
        ("sends only", |_, sdp| *sdp = sdp.replace("a=sendrecv", "a=sendonly"), UNUSABLE),
        ("another codec", |_, sdp| *sdp = sdp.replace("opus/48000/2", "G722/8000"), UNUSABLE),
        (
            "another number",
            |_, sdp| {
                *sdp = sdp.replace("AVPF 111", "AVPF 96").replace("map:111", "map:96").replace("fmtp:111", "fmtp:96")
            },
            UNUSABLE,
        ),
        ("no fingerprint", |_, sdp| without(sdp, "a=fingerprint"), UNUSABLE),
        (
            "a fingerprint of nothing",
            |_, sdp| {
                let lines =
                    sdp.lines().map(|l| if l.starts_with("a=fingerprint") { "a=fingerprint:sha-256 " } else { l });
                *sdp = lines.flat_map(|line| [line, "\r\n"]).collect();
            },
            UNUSABLE,
        ),
        ("huge", |_, sdp| *sdp += &"a=x:y\r\n".repeat(50_000), Some((ErrorClass::Limit, "answer_too_big"))),
        ("long", |_, sdp| *sdp += &"a=x:y\r\n".repeat(20_000), None),
        (
            "no name",
            |head, _| {
                let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("location:"));
                *head = lines.collect::<Vec<_>>().join("\r\n") + "\r\n";
            },
            None,
        ),
        ("a candidate that is none", |_, sdp| *sdp += "a=candidate:garbage\r\n", UNUSABLE),
    ];
    join_all(cases.into_iter().map(|(what, forge, expected)| async move {
        let forged = connect(TransportChoice::Webrtc, forge).await;
        let got = forged.error.as_ref().map(|error| (error.class, error.code.as_ref()));
        assert_eq!(got, expected, "{what}: {:?}", forged.error);
        if expected.is_none() {
            forged.client.disconnect().await.unwrap();
        }
        forged.simulator.shutdown().await;
        let hung_up = forged.relay.requests().iter().any(|line| line.contains("/hangup "));
        assert!(what != "no name" || !hung_up, "{what}: there is nothing to hang up by");
    }))
    .await;
}
