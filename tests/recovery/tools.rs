//! Calls that the loss of a connection must neither run twice nor leave unanswered (row 30).

use crate::{
    gate::{Act, Gate, Visit},
    proxy::End,
    rig::{FIRST, Rig, SUNNY, heard, sessions, simulator, told},
};
use duologue::{
    event::EventKind,
    message::{CallRef, Part, ToolCallState},
    simulator::{Journal, Simulator},
};

const RESULT: &str = r#"{"sky":"clear"}"#;

async fn called(rig: &mut Rig) -> CallRef {
    let pick = |e: &duologue::event::Event| match &e.kind {
        EventKind::ToolCall(call) => Some(call.call.clone()),
        _ => None,
    };
    rig.until("tool_call", pick).await
}

async fn calling() -> (Simulator, Gate, Rig, CallRef) {
    let simulator = simulator().await;
    let gate = Gate::start(&simulator.base_url(), []).await;
    let mut rig = Rig::connected(gate.url()).await;
    rig.ask("One.").await;
    rig.client.send_text("The weather?").await.unwrap();
    let call = called(&mut rig).await;
    (simulator, gate, rig, call)
}

/// In the newest conversation the call stands once, told or made there, with its result once behind it.
fn one_pair(journal: &Journal) {
    let newest = *sessions(journal).last().unwrap();
    let items = told(journal, newest);
    let made = journal.server_events().into_iter().filter(|e| e["connection"] == newest);
    let made =
        made.filter(|e| e["type"] == "response.output_item.done" && e["item"]["type"] == "function_call").count();
    let told = items.iter().filter(|(what, _)| what == "function_call").count();
    let results: Vec<_> = items.iter().filter(|(what, _)| what == "function_call_output").collect();
    assert_eq!((told + made, results.len()), (1, 1), "{items:?}");
    assert_eq!(results[0].1, RESULT);
    if let Some(at) = items.iter().position(|(what, _)| what == "function_call") {
        assert_eq!(items[at + 1].0, "function_call_output");
    }
    let refused = journal.server_events().into_iter().filter(|e| e["type"] == "error").count();
    assert_eq!(refused, 0, "nothing was refused");
}

fn answered(rig: &Rig) {
    let messages = rig.client.messages();
    let [user, first, question, call, answer] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((user.text().as_str(), heard(first), question.text().as_str()), ("One.", FIRST, "The weather?"));
    let Part::ToolCall { state, output, .. } = &call.parts[0] else { panic!("{call:?}") };
    assert_eq!((*state, output.as_deref(), heard(answer)), (ToolCallState::Completed, Some(RESULT), SUNNY));
    assert_eq!(rig.count("tool_call"), 1);
    rig.check();
}

#[tokio::test]
async fn row_30_a_result_that_comes_between_two_connections_reaches_the_next() {
    let (simulator, gate, mut rig, call) = calling().await;
    gate.plan(Visit::http("503 Service Unavailable", "", ""));
    gate.act(Act::Cut(End::Rst));
    rig.lost().await;
    let answering = rig.client.submit_tool_result(call.clone(), RESULT, false);
    rig.back().await;
    answering.await.unwrap();
    rig.answered().await;
    one_pair(&simulator.journal());
    // It was given once.
    assert_eq!(rig.client.submit_tool_result(call, RESULT, false).await.unwrap_err().code, "not_found");
    answered(&rig);
    rig.client.shutdown().await;
}

#[tokio::test]
async fn row_30_a_result_that_comes_after_the_next_connection_reaches_it() {
    let (simulator, gate, mut rig, call) = calling().await;
    gate.act(Act::Cut(End::Fin));
    rig.back().await;
    rig.client.submit_tool_result(call, RESULT, false).await.unwrap();
    rig.answered().await;
    one_pair(&simulator.journal());
    answered(&rig);
    rig.client.shutdown().await;
}

/// Each moment between the call and the end of the answer.
#[tokio::test]
async fn row_30_a_result_is_told_to_the_next_connection_wherever_the_last_one_broke() {
    for event in ["response.function_call_arguments.done", "conversation.item.done", "response.created"] {
        // The question and its call were before; what counts is what follows them.
        let nth = match event {
            "conversation.item.done" => 3,
            "response.created" => 2,
            _ => 1,
        };
        let simulator = simulator().await;
        let cut = Visit::After(event, nth, vec![Act::Cut(End::Rst)]);
        let gate = Gate::start(&simulator.base_url(), [cut]).await;
        let mut rig = Rig::connected(gate.url()).await;
        let asked = rig.client.send_text_with("The weather?", true, false);
        asked.await.unwrap();
        let call = called(&mut rig).await;
        let _ = rig.client.submit_tool_result(call, RESULT, false).await;
        let sunny = |e: &duologue::event::Event| match &e.kind {
            EventKind::TurnDone(end) if end.status == "completed" => Some(()),
            _ => None,
        };
        loop {
            rig.until("answer", sunny).await;
            if rig.client.messages().last().is_some_and(|m| heard(m) == SUNNY) {
                break;
            }
        }
        assert_eq!(rig.count("session_replaced"), 1, "{event}");
        one_pair(&simulator.journal());
        rig.check();
        rig.client.shutdown().await;
    }
}
