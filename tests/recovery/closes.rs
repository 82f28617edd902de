//! The service ends the connection, with and without a word (rows 1, 3 to 7, 12, 22, 24).

use crate::{
    gate::{Act, Gate, Visit},
    proxy::End,
    rig::{FIRST, Rig, SECOND, heard, is, sent, sessions, simulator, told},
};
use duologue::{
    ErrorClass,
    event::{EndedBy, Status},
    message::{MessageState, Role},
};
use futures_util::future::join_all;
use serde_json::json;

/// A conversation of one turn that was lost in the middle of its answer and has come back.
struct Mended {
    rig: Rig,
    /// What was asked of the second session by itself.
    asked_again: usize,
    /// What the second session was told that the assistant had said.
    told: Option<String>,
}

async fn lost_after(visit: Visit, reason: &str) -> Mended {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), [visit]).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.client.send_text("One.").await.unwrap();
    let (attempt, _, why) = rig.lost().await;
    assert_eq!((attempt, why.as_str()), (1, reason));
    let replaced = rig.back().await;
    assert_eq!((replaced.why.as_str(), replaced.context.as_str(), replaced.gap_ms), ("reconnect", "full", 0));
    let journal = simulator.journal();
    let connection = sessions(&journal)[1];
    let told = told(&journal, connection).into_iter().find(|(who, _)| who == "assistant").map(|(_, words)| words);
    // The next turn is the sign that whatever was asked for before has been asked for.
    rig.goes_on().await;
    let asked_again = sent(&journal, connection, "response.create").len() - 1;
    rig.client.clone().shutdown().await;
    Mended { rig, asked_again, told }
}

/// After each of the deltas, and before the first.
#[tokio::test]
async fn row_1_an_answer_that_breaks_off_is_kept_as_far_as_it_was_heard() {
    // 60 ms a character.
    let deltas = (FIRST.len() * 60).div_ceil(100);
    let broken = (0..=deltas).map(|k| async move {
        let event = if k == 0 { "response.created" } else { "response.output_audio.delta" };
        let close = Act::Close(1012, "restarting".to_owned());
        (k, lost_after(Visit::After(event, k.max(1), vec![close]), "connection_lost").await)
    });
    for (k, mended) in join_all(broken).await {
        let messages = mended.rig.client.messages();
        let (user, answers) = messages.split_first().unwrap();
        assert_eq!((user.role, user.text().as_str()), (Role::User, "One."), "after {k}");
        if k < 3 {
            // Less than 300 ms is no answer: it is given once more, in full. What was audible of it stays.
            let answers = &answers[answers.len() - 3..];
            assert_eq!(mended.asked_again, 1, "after {k}: {messages:?}");
            assert_eq!((answers.len(), heard(&answers[0])), (3, FIRST), "after {k}: {messages:?}");
            continue;
        }
        assert_eq!((mended.asked_again, answers.len()), (0, 3), "after {k}: {messages:?}");
        let answer = &answers[0];
        assert_eq!(answer.state, MessageState::Incomplete, "after {k}: {messages:?}");
        assert!(!answer.text().is_empty() && FIRST.starts_with(&answer.text()), "after {k}: {answer:?}");
        // The model is told no more than what was heard by then.
        let told = mended.told.unwrap_or_default();
        assert!(answer.text().starts_with(&told), "after {k}: {told:?} of {answer:?}");
    }
}

#[tokio::test]
async fn row_3_a_normal_end_is_an_end() {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    gate.act(Act::Close(1000, "good bye".into()));
    let Status::Idle { ended } = rig.ended().await else { panic!("{:?}", rig.client.status()) };
    assert_eq!((ended.by, ended.code.as_str(), ended.detail.as_str()), (EndedBy::Agent, "remote_closed", "good bye"));
    assert_eq!(gate.dials(), 1);
    // What was said is known to the next connection.
    rig.client.connect().await.unwrap();
    let replaced = rig.until("session_replaced", |e| match &e.kind {
        duologue::event::EventKind::SessionReplaced(replaced) => Some(replaced.clone()),
        _ => None,
    });
    assert_eq!(replaced.await.why, "connect");
    assert_eq!(rig.said()[..2], [(Role::User, "One.".into()), (Role::Assistant, FIRST.into())]);
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_3_who_is_going_away_is_dialled_again_at_once() {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    gate.act(Act::Close(1001, "moving".into()));
    assert_eq!(rig.lost().await, (1, 0, "going_away".into()));
    assert_eq!(rig.back().await.context, "full");
    let journal = simulator.journal();
    let note = told(&journal, sessions(&journal)[1]);
    assert_eq!(note[..2], [("user".into(), "One.".into()), ("assistant".into(), FIRST.into())]);
    // Nobody is owed an answer.
    rig.goes_on().await;
    assert_eq!(sent(&journal, sessions(&journal)[1], "response.create").len(), 1);
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_4_a_connection_that_ends_without_a_word_is_opened_again() {
    for end in [End::Fin, End::Rst] {
        let cut = Visit::After("response.output_audio.delta", 5, vec![Act::Cut(end)]);
        let mended = lost_after(cut, "connection_lost").await;
        assert_eq!(mended.asked_again, 0, "{end:?}");
        let words: Vec<_> = mended.rig.said();
        assert_eq!((words.len(), words[3].1.as_str()), (4, SECOND), "{end:?}");
    }
}

/// Ended by the service in a way that no other connection can mend.
async fn final_close(code: u16, reason: &str) -> (Rig, duologue::Error) {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    gate.act(Act::Close(code, reason.into()));
    let error = rig.failed().await;
    assert_eq!((gate.dials(), rig.count("error")), (1, 1), "code {code}");
    assert_eq!(rig.said(), [(Role::User, "One.".into()), (Role::Assistant, FIRST.into())]);
    rig.check();
    rig.client.clone().shutdown().await;
    (rig, error)
}

#[tokio::test]
async fn row_5_a_policy_is_the_end() {
    let (_, error) = final_close(1008, "not for you").await;
    is(&error, ErrorClass::Provider, "policy");
    assert!(error.message.contains("not for you") && !error.retryable, "{error:?}");
}

#[tokio::test]
async fn row_6_a_service_in_trouble_is_dialled_again() {
    let trouble = [(1011, "connection_lost"), (1012, "connection_lost"), (1013, "try_again_later")];
    let mended = trouble.map(|(code, reason)| async move {
        let mended = lost_after(Visit::closed("response.done", code, ""), reason).await;
        assert_eq!(mended.asked_again, 0, "code {code}");
        let said = mended.rig.said();
        assert_eq!((said.len(), said[3].1.as_str()), (4, SECOND), "code {code}");
    });
    join_all(mended).await;
}

#[tokio::test]
async fn row_7_what_blames_the_client_is_the_end() {
    let codes = [
        (1002, ErrorClass::Protocol, "protocol"),
        (1003, ErrorClass::Protocol, "protocol"),
        (1007, ErrorClass::Protocol, "protocol"),
        (3000, ErrorClass::Credential, "auth"),
        (4000, ErrorClass::Protocol, "protocol"),
        (4300, ErrorClass::Limit, "queue_timeout"),
    ];
    join_all(codes.map(|(code, class, word)| async move {
        let (_, error) = final_close(code, "your fault").await;
        is(&error, class, word);
        assert!(error.message.contains(&code.to_string()) && error.message.contains("your fault"), "{error:?}");
    }))
    .await;
}

#[tokio::test]
async fn row_7_what_was_too_big_is_left_out_once() {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    let long = "long ".repeat(5000);
    rig.client.send_text_with(long.clone(), false, false).await.unwrap();
    gate.act(Act::Close(1009, "".into()));
    assert_eq!(rig.lost().await.2, "message_too_big");
    assert_eq!(rig.back().await.context, "partial");
    let journal = simulator.journal();
    let what = told(&journal, sessions(&journal)[1]);
    assert_eq!(what[..2], [("user".into(), "One.".into()), ("assistant".into(), FIRST.into())]);
    assert!(what.iter().all(|(_, words)| !words.starts_with("long")), "{what:?}");
    // The host still has it.
    assert_eq!(rig.said()[2], (Role::User, long));
    gate.act(Act::Close(1009, "".into()));
    is(&rig.failed().await, ErrorClass::Limit, "message_too_big");
    assert_eq!(gate.dials(), 2);
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_12_without_money_nothing_is_tried_again() {
    for (code, class) in [("insufficient_quota", ErrorClass::Quota), ("invalid_api_key", ErrorClass::Credential)] {
        let simulator = simulator().await;
        let gate = Gate::start(&simulator.base_url(), []).await;
        let mut rig = Rig::connected(gate.url()).await;
        rig.ask("One.").await;
        let error = json!({"type": "invalid_request_error", "code": code, "message": "No more of this."});
        gate.act(Act::Say(json!({"type": "error", "event_id": "e1", "error": error})));
        gate.act(Act::Close(1011, "".into()));
        let error = rig.failed().await;
        assert_eq!((error.class, error.provider_code.as_deref(), error.retryable), (class, Some(code), false));
        assert!(error.message.contains("No more of this"), "{error:?}");
        assert_eq!(gate.dials(), 1, "{code}");
        assert_eq!(rig.said().len(), 2);
        rig.check();
        rig.client.shutdown().await;
    }
}

/// Refused at the frame's header, before any of its 32 MiB is read, and for good.
#[tokio::test]
async fn row_22_a_giant_frame_is_the_end() {
    let mut header = vec![0x81, 127];
    header.extend_from_slice(&(32u64 << 20).to_be_bytes());
    broken_frame(header, ErrorClass::Limit, "frame_too_big").await;
}

#[tokio::test]
async fn row_24_text_that_is_not_utf8_is_the_end() {
    broken_frame(vec![0x81, 2, 0xff, 0xfe], ErrorClass::Protocol, "invalid_utf8").await;
}

async fn broken_frame(bytes: Vec<u8>, class: ErrorClass, code: &str) {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    gate.act(Act::Raw(bytes));
    is(&rig.failed().await, class, code);
    assert_eq!((gate.dials(), rig.said().len()), (1, 2));
    rig.check();
    rig.client.shutdown().await;
}
