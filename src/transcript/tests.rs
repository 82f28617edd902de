use super::*;
use crate::message::{Message, Part};
use serde_json::json;

fn refusal(document: &Value) -> (String, String, String) {
    let error = Transcript::from_json(&document.to_string()).unwrap_err();
    assert_eq!(error.code, "invalid_transcript", "{error}");
    (error.field.unwrap_or_default(), error.message, error.fix.unwrap_or_default())
}

fn of(message: &Value) -> Value {
    json!({"version": 1, "messages": [{"role": "user", "parts": []}, message]})
}

fn part(role: &str, part: &Value) -> Value {
    of(&json!({"role": role, "parts": [part]}))
}

#[test]
fn every_mistake_is_told_with_its_path_cause_and_fix() {
    let call = |more: Value| {
        let mut call = json!({"type": "tool_call", "name": "f"});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        part("assistant", &call)
    };
    let audio = |more: Value| {
        let mut audio = json!({"type": "audio", "transcript": "a", "duration_ms": 10});
        audio.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        audio
    };
    let text = json!({"type": "text", "content": ""});
    let picture = json!({"type": "image", "mime_type": "image/png"});
    let many = vec![text.clone(); 257];
    let two_calls = [json!({"type": "tool_call", "name": "f", "input": {}}), json!({"type": "text", "content": "and"})];
    let cases: Vec<(Value, &str, &str, &str)> = vec![
        (json!([]), "", "the transcript is a list", "write {...}"),
        (json!({"messages": []}), "version", "is missing", "write {\"version\""),
        (json!({"version": 2, "turns": []}), "version", "is 2; this build reads version 1", "update duologue"),
        (json!({"version": "1", "messages": []}), "version", "is a string; a whole number", "use a whole number"),
        (json!({"version": 1}), "messages", "is missing", "write {\"messages\""),
        (json!({"version": 1, "messages": {}}), "messages", "is an object; a list", "write [...]"),
        (json!({"version": 1, "mesages": []}), "mesages", "unknown key", "did you mean \"messages\"?"),
        (json!({"version": 1, "messages": [7]}), "messages[0]", "is 7; an object", "write {...}"),
        (of(&json!({"parts": []})), "messages[1].role", "is missing", "write {\"role\""),
        (of(&json!({"role": "asistant", "parts": []})), "messages[1].role", "\"asistant\" is none", "\"assistant\"?"),
        (of(&json!({"role": "user"})), "messages[1].parts", "is missing", "write {\"parts\""),
        (of(&json!({"role": "user", "parts": [], "turn": 1})), "messages[1].turn", "unknown key", "remove it"),
        (of(&json!({"role": "user", "parts": [], "created_ms": -1})), "messages[1].created_ms", "is -1", "0 to"),
        (of(&json!({"role": "user", "parts": [], "interrupted": "no"})), "messages[1].interrupted", "a string", "true"),
        (of(&json!({"role": "user", "parts": [], "interrupted": true})), "messages[1].interrupted", "only", "leave"),
        (of(&json!({"role": "user", "parts": [], "id": 5})), "messages[1].id", "is 5; a string", "write \"...\""),
        (of(&json!({"role": "user", "parts": many})), "messages[1].parts", "257 parts, more than 256", "several"),
        (of(&json!({"role": "assistant", "parts": two_calls})), "messages[1].parts", "beside it", "of its own"),
        (of(&json!({"role": "user", "parts": [picture, picture]})), "messages[1].parts", "one picture", "of its own"),
        (part("user", &json!({"type": "speech"})), "messages[1].parts[0].type", "none of the accepted", "\"audio\""),
        (part("user", &json!({"content": ""})), "messages[1].parts[0].type", "is missing", "write"),
        (part("user", &json!({"type": "text"})), "messages[1].parts[0].content", "is missing", "write"),
        (
            part("user", &json!({"type": "text", "text": "a", "content": ""})),
            "messages[1].parts[0].text",
            "unknown",
            "content",
        ),
        (
            part("assistant", &audio(json!({"heard_ms": 11}))),
            "messages[1].parts[0].heard_ms",
            "11 ms were heard of 10",
            "up to",
        ),
        (part("user", &audio(json!({"heard_ms": 1}))), "messages[1].parts[0].heard_ms", "assistant's", "leave it out"),
        (
            part("user", &audio(json!({"heard_transcript": ""}))),
            "messages[1].parts[0].heard_transcript",
            "assistant's",
            "leave",
        ),
        (call(json!({})), "messages[1].parts[0].arguments", "is missing", "input"),
        (call(json!({"input": {}, "state": "completed"})), "messages[1].parts[0].output", "is missing", "cancelled"),
        (
            call(json!({"input": {}, "arguments": "{\"a\":1}"})),
            "messages[1].parts[0].input",
            "is not what",
            "leave one",
        ),
        (
            call(json!({"input": {}, "arguments": "{"})),
            "messages[1].parts[0].arguments",
            "is not the JSON",
            "leave one",
        ),
        (call(json!({"input": {}, "name": ""})), "messages[1].parts[0].name", "is empty", "write"),
        (
            part("user", &json!({"type": "tool_call", "name": "f", "input": {}})),
            "messages[1].parts[0]",
            "only the",
            "role",
        ),
        (part("user", &json!({"type": "image"})), "messages[1].parts[0].mime_type", "is missing", "write"),
        (
            part("user", &json!({"type": "image", "mime_type": "a", "data": "*"})),
            "messages[1].parts[0].data",
            "base64",
            "base64",
        ),
        (
            part("user", &json!({"type": "image", "mime_type": "a", "data": "AAAA", "url": "b"})),
            "messages[1].parts[0]",
            "data and url",
            "one",
        ),
    ];
    for (document, path, cause, fix) in cases {
        let (field, message, said) = refusal(&document);
        assert_eq!(field, path, "{document}");
        assert!(message.contains(cause), "{document}: {message}");
        assert!(said.contains(fix), "{document}: {said}");
    }
    let twice = r#"{"version": 1, "messages": [{"role": "user", "parts": [], "role": "system"}]}"#;
    let error = Transcript::from_json(twice).unwrap_err();
    assert_eq!((error.field.as_deref(), error.message.as_str()), (Some("messages[0].role"), "is there twice"));
    for text in ["", "{", "{} {}"] {
        assert_eq!(Transcript::from_json(text).unwrap_err().code, "invalid_json", "{text:?}");
    }
}

#[test]
fn numbers_that_were_written_anew_on_the_way_are_the_same() {
    // What JSON.stringify(JSON.parse(text)) makes of 1.0 and of 2^53 + 1.
    let text = r#"{"a": [1.0, 9007199254740993]}"#;
    let call = |input: &Value| {
        part(
            "assistant",
            &json!({"type": "tool_call", "name": "f", "arguments": text, "input": input, "state": "cancelled"}),
        )
    };
    assert!(Transcript::from_json(&call(&json!({"a": [1, 9_007_199_254_740_992_u64]})).to_string()).is_ok());
    for other in [json!({"a": [1.5, 9_007_199_254_740_992_u64]}), json!({"a": [1]}), json!({"b": [1]}), json!({})] {
        assert_eq!(refusal(&call(&other)).0, "messages[1].parts[0].input");
    }
}

#[test]
fn what_is_left_out_is_as_the_schema_says() {
    let told = r#"{"version": 1, "messages": [
        {"role": "assistant", "parts": [{"type": "audio", "transcript": "a", "duration_ms": 7}]},
        {"role": "assistant", "state": "in_progress", "parts": [{"type": "audio", "transcript": "a", "duration_ms": 7}]},
        {"role": "user", "parts": [{"type": "audio", "transcript": "a", "duration_ms": 7, "heard_ms": null}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "arguments": "{\"n\": 1}", "output": "2"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "input": {"n": 1}}]}]}"#;
    let transcript = Transcript::from_json(told).unwrap();
    let heard = |n: usize| match &transcript.messages[n].parts[0] {
        Content::Audio { heard_ms, .. } => *heard_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!([heard(0), heard(1), heard(2)], [7, 0, 0]);
    assert_eq!(transcript.messages[0].state, MessageState::Completed);
    let messages = transcript.into_messages();
    let Part::ToolCall { input, state, .. } = &messages[3].parts[0] else { panic!() };
    assert_eq!((input, *state), (&Some(json!({"n": 1})), ToolCallState::Completed));
    assert!(matches!(&messages[3].parts[1], Part::ToolResult { content, is_error: false, .. } if content == "2"));
    let Part::ToolCall { arguments, state, .. } = &messages[4].parts[0] else { panic!() };
    assert_eq!((arguments.as_str(), *state, messages[4].parts.len()), (r#"{"n":1}"#, ToolCallState::Cancelled, 1));
}

/// One of everything.
fn everything() -> Vec<Message> {
    let message = |id: &str, role, parts, state, interrupted| Message {
        id: id.into(),
        role,
        parts,
        state,
        interrupted,
        revision: 1,
        created_ms: 12,
    };
    let call = |state, output: Option<&str>| {
        let call = Part::ToolCall {
            id: "call_1".into(),
            name: "f".into(),
            arguments: r#"{ "n": 1 }"#.into(),
            input: Some(json!({"n": 1})),
            output: output.map(str::to_owned),
            state,
        };
        let is_error = state == ToolCallState::Failed;
        let result = output.map(|o| Part::ToolResult { tool_call_id: "call_1".into(), content: o.into(), is_error });
        std::iter::once(call).chain(result).collect::<Vec<_>>()
    };
    let said = |heard: Option<&str>, heard_ms| Part::Audio {
        transcript: "one two".into(),
        heard_transcript: heard.map(str::to_owned),
        duration_ms: 900,
        heard_ms,
    };
    use MessageState::{Completed, InProgress, Incomplete};
    vec![
        message("a", Role::System, vec![Part::Text { content: "é\u{0}".into() }], Completed, false),
        message("b", Role::User, vec![said(None, 0), Part::Text { content: String::new() }], Incomplete, false),
        message("c", Role::Assistant, vec![said(Some("one"), 400)], Incomplete, true),
        message("d", Role::Assistant, call(ToolCallState::Completed, Some("2")), Completed, false),
        message("e", Role::Assistant, call(ToolCallState::Failed, Some("no")), Completed, false),
        message("f", Role::Assistant, call(ToolCallState::Running, None), Completed, false),
        message("g", Role::Assistant, vec![], InProgress, false),
        message(
            "h",
            Role::User,
            vec![Part::Image { data: Some("AAAA".into()), url: None, mime_type: "image/png".into() }],
            Completed,
            false,
        ),
        message(
            "i",
            Role::User,
            vec![Part::Image { data: None, url: None, mime_type: "image/png".into() }],
            Completed,
            false,
        ),
    ]
}

#[test]
fn what_was_exported_reads_as_the_same_messages() {
    let messages = everything();
    let exported = Transcript::from(messages.as_slice());
    let read = Transcript::from_json(&exported.to_json()).unwrap();
    assert_eq!(read, exported);
    assert_eq!(read.into_messages(), messages);
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_takes_what_is_exported_and_refuses_what_is_wrong() {
    let schema = jsonschema::validator_for(&Transcript::schema()).unwrap();
    let exported: Value = serde_json::from_str(&Transcript::from(everything().as_slice()).to_json()).unwrap();
    assert!(
        schema.is_valid(&exported),
        "{:?}",
        schema.iter_errors(&exported).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    let least = json!({"version": 1, "messages": [
        {"role": "user", "parts": [{"type": "audio", "transcript": ""}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "input": {}}]}]});
    assert!(schema.is_valid(&least), "{:?}", schema.iter_errors(&least).map(|e| e.to_string()).collect::<Vec<_>>());
    for wrong in [
        json!({"version": 2, "messages": []}),
        json!({"version": 1}),
        json!({"version": 1, "messages": [], "more": 1}),
        of(&json!({"role": "bot", "parts": []})),
        part("user", &json!({"type": "text", "content": "", "more": 1})),
        part("user", &json!({"type": "speech"})),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
        assert!(Transcript::from_json(&wrong.to_string()).is_err(), "{wrong}");
    }
}
