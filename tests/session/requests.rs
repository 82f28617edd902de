//! What the host adds and asks for: responses with options, inside the conversation and outside it, speech
//! on demand, pictures, context.

use crate::{common::Talk, quiet};
use duologue::{
    config::{Modality, ToolChoice},
    event::OpId,
    request::{Image, MAX_IMAGE, ResponseOptions},
    session::Command,
};
use serde_json::{Value, json};

fn ask(talk: &mut Talk, options: ResponseOptions) -> OpId {
    talk.host(Command::RequestResponse { options: Box::new(options) })
}

fn outside() -> ResponseOptions {
    ResponseOptions { out_of_band: true, ..Default::default() }
}

/// The `response` of the only `response.create`.
fn create(talk: &mut Talk) -> (Value, String) {
    let out = talk.take();
    let frames = out.frames();
    let found: Vec<_> = frames.iter().filter(|f| f["type"] == "response.create").collect();
    assert_eq!(found.len(), 1, "{frames:?}");
    (found[0]["response"].clone(), out.event_id("response.create"))
}

fn request_of(create: &Value) -> &str {
    create["metadata"]["client_event_id"].as_str().unwrap()
}

#[test]
fn instructions_of_a_response_are_added_to_the_sessions_own() {
    let mut talk = Talk::connected(json!({"instructions": "Be brief.", "auto_capture": false}));
    let more = || ResponseOptions { instructions: Some("Answer in French.".into()), ..Default::default() };
    ask(&mut talk, more());
    assert_eq!(create(&mut talk).0["instructions"], "Be brief.\n\nAnswer in French.");
    talk.response("R1");
    talk.done("R1", "completed", None);
    let mut talk = Talk::connected(json!({"instructions": "Be brief.", "auto_capture": false}));
    ask(&mut talk, ResponseOptions { replace_instructions: true, ..more() });
    assert_eq!(create(&mut talk).0["instructions"], "Answer in French.");
    talk.finish();
}

#[test]
fn instructions_are_added_to_what_the_session_was_changed_to() {
    let mut talk = Talk::connected(json!({"instructions": "Be brief.", "auto_capture": false}));
    talk.host(Command::UpdateSession { changes: json!({"instructions": "Be kind."}) });
    talk.server("session.updated", json!({"session": {}}));
    talk.take();
    ask(&mut talk, ResponseOptions { instructions: Some("Now.".into()), ..Default::default() });
    assert_eq!(create(&mut talk).0["instructions"], "Be kind.\n\nNow.");
    talk.finish();
}

#[test]
fn every_option_is_on_the_wire() {
    let mut talk = Talk::connected(json!({"auto_capture": false, "tools": [{"name": "f"}]}));
    let options = ResponseOptions {
        output_modality: Some(Modality::Text),
        voice: Some("voice_42".into()),
        tools: Some(vec![]),
        tool_choice: Some(ToolChoice::None),
        max_output_tokens: Some(7),
        metadata: [("purpose".to_owned(), "test".to_owned())].into(),
        input: serde_json::from_value(json!([{"item": "U1"}, {"role": "assistant", "text": "yes"}])).unwrap(),
        ..Default::default()
    };
    ask(&mut talk, options);
    let (response, _) = create(&mut talk);
    let request = request_of(&response);
    let expected = json!({
        "output_modalities": ["text"], "audio": {"output": {"voice": {"id": "voice_42"}}}, "tools": [], "tool_choice": "none",
        "max_output_tokens": 7, "metadata": {"purpose": "test", "client_event_id": request},
        "input": [{"type": "item_reference", "id": "U1"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}],
    });
    assert_eq!(response, expected, "and nothing more");
    talk.finish();
}

#[test]
fn options_that_cannot_be_are_refused_by_name_before_anything_is_sent() {
    let mut talk = Talk::connected(quiet());
    let tool = duologue::config::Tool { name: "f".into(), ..Default::default() };
    let named = |name: &str| duologue::config::Tool { name: name.into(), ..tool.clone() };
    let long = |n: usize| "x".repeat(n);
    let pairs = |n: usize| (0..n).map(|i| (format!("k{i}"), String::new())).collect();
    for (options, field) in [
        (ResponseOptions { replace_instructions: true, ..Default::default() }, "options.replace_instructions"),
        (ResponseOptions { max_output_tokens: Some(0), ..Default::default() }, "options.max_output_tokens"),
        (ResponseOptions { audible: true, ..Default::default() }, "options.audible"),
        (ResponseOptions { tools: Some(vec![tool.clone()]), ..outside() }, "options.tools"),
        (ResponseOptions { tools: Some(vec![named("not a name")]), ..Default::default() }, "options.tools[0].name"),
        (ResponseOptions { tool_choice: Some(ToolChoice::Auto), ..outside() }, "options.tool_choice"),
        (ResponseOptions { metadata: pairs(16), ..Default::default() }, "options.metadata"),
        (ResponseOptions { metadata: [(long(65), String::new())].into(), ..Default::default() }, "options.metadata"),
        (ResponseOptions { metadata: [("k".into(), long(513))].into(), ..Default::default() }, "options.metadata.k"),
        (ResponseOptions { instructions: Some(long(300_000)), ..Default::default() }, "options"),
    ] {
        let op = ask(&mut talk, options);
        let out = talk.take();
        let error = out.completed(op).unwrap().unwrap();
        assert_eq!((error.field.as_deref(), out.names()), (Some(field), vec![]), "{error}");
        assert!(error.fix.is_some(), "{error}");
    }
    talk.finish();
}

#[test]
fn what_the_model_or_the_moment_lacks_is_refused_before_it_is_sent() {
    let mut talk = Talk::connected(quiet());
    let voiced = |voice: &str| ResponseOptions { voice: Some(voice.into()), ..Default::default() };
    let choice = |choice| ResponseOptions { tool_choice: Some(choice), ..Default::default() };
    for (options, field, code) in [
        (voiced("willow"), "options.voice", "unsupported_option"),
        (voiced(""), "options.voice", "invalid_config"),
        (choice(ToolChoice::Required), "options.tool_choice", "invalid_config"),
        (choice(ToolChoice::Function("nope".into())), "options.tool_choice", "invalid_config"),
    ] {
        let op = ask(&mut talk, options);
        let out = talk.take();
        let error = out.completed(op).unwrap().unwrap();
        assert_eq!((error.field.as_deref(), error.code.as_ref(), out.names()), (Some(field), code, vec![]), "{error}");
        assert!(error.fix.is_some());
    }
    // Not strict: it is left out and told.
    let mut talk = Talk::connected(json!({"auto_capture": false, "strict": false}));
    ask(&mut talk, voiced("willow"));
    let out = talk.take();
    assert_eq!(out.of("warning")[0]["field"], "options.voice");
    let created = out.frames().into_iter().find(|f| f["type"] == "response.create").unwrap();
    assert!(created["response"].get("audio").is_none(), "{created}");
    // Once it was heard, another voice is as impossible for one response as for the session.
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 100, "hi");
    talk.take();
    let op = ask(&mut talk, voiced("cedar"));
    let error = talk.take().completed(op).unwrap().unwrap();
    assert_eq!((error.code.as_ref(), error.field.as_deref()), ("voice_locked", Some("options.voice")));
    talk.finish();
}

#[test]
fn tools_of_a_response_are_declared_for_it_and_no_other() {
    let mut talk = Talk::connected(quiet());
    let parameters = Some(json!({"type": "object", "required": ["city"]}));
    let tool =
        duologue::config::Tool { name: "weather".into(), parameters, timeout_ms: Some(500), ..Default::default() };
    ask(&mut talk, ResponseOptions { tools: Some(vec![tool]), ..Default::default() });
    let (response, _) = create(&mut talk);
    assert_eq!(response["tools"][0]["name"], "weather");
    assert!(response["tools"][0].get("timeout_ms").is_none(), "that is our business");
    talk.response_for("R1", Some(request_of(&response)));
    talk.call("R1", "F1", "c1", "weather", "{}");
    assert_eq!(talk.take().of("tool_call").len(), 0, "its schema counts");
    talk.call("R1", "F2", "c2", "weather", r#"{"city":"Rome"}"#);
    assert_eq!(talk.take().of("tool_call").len(), 1);
    talk.pass(500);
    assert_eq!(talk.take().of("tool_timeout").len(), 1, "and its limit");
    talk.done("R1", "completed", None);
    talk.take();
    talk.response("R2");
    talk.call("R2", "F3", "c3", "weather", r#"{"city":"Rome"}"#);
    assert_eq!(talk.take().of("tool_call").len(), 0, "the next response has no such tool");
    talk.finish();
}

#[test]
fn options_as_json_are_strict() {
    let options = ResponseOptions::from_json(r#"{"out_of_band":true,"input":[{"item":"U1"}]}"#).unwrap();
    assert_eq!((options.out_of_band, options.input.unwrap().len()), (true, 1));
    for (json, field) in [
        (r#"{"instruction":"x"}"#, "options"),
        (r#"{"max_output_tokens":"many"}"#, "options.max_output_tokens"),
        (r#"{"input":[{"itm":"U1"}]}"#, "options.input"),
        ("[", "options"),
        ("{} {}", "options"),
    ] {
        let error = ResponseOptions::from_json(json).unwrap_err();
        assert!(error.field.as_deref().unwrap().starts_with(field), "{json}: {error:?}");
    }
}

#[test]
fn checklist_31_outside_the_conversation_nothing_is_heard_or_remembered() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk, outside());
    let (response, _) = create(&mut talk);
    assert_eq!((&response["conversation"], &response["output_modalities"]), (&json!("none"), &json!(["text"])));
    talk.response_for("X", Some(request_of(&response)));
    talk.server(
        "response.output_item.added",
        json!({"response_id": "X", "item": {"id": "I", "type": "message", "role": "assistant"}}),
    );
    talk.part("X", "I", 0, "audio");
    talk.speech("X", "I", 0, 200, "words");
    talk.item_done("X", "I", 0, "words");
    talk.done("X", "completed", None);
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None));
    let named = out.of("completed");
    assert_eq!(named[0]["response"], "X", "the host learns which response is its own");
    let words: Vec<_> = out.of("transcript").iter().map(|t| t["text"].clone()).collect();
    assert_eq!(words, ["words", "words"], "a delta and the whole");
    assert_eq!((out.of("message").len(), out.played_ms(), talk.session.messages().len()), (0, 0, 0));
    assert_eq!((out.of("generation_done").len(), out.of("turn_done").len()), (1, 1));
    talk.finish();
}

#[test]
fn outside_the_conversation_but_audible_it_is_played_and_cut_without_the_vendor() {
    let mut talk = Talk::connected(quiet());
    ask(&mut talk, ResponseOptions { audible: true, ..outside() });
    let (response, _) = create(&mut talk);
    assert!(response.get("output_modalities").is_none(), "it shall be heard");
    talk.response_for("X", Some(request_of(&response)));
    talk.part("X", "I", 0, "audio");
    talk.speech("X", "I", 0, 2000, "words");
    assert_eq!(talk.take().played_ms(), 2000);
    talk.plays(500);
    let op = talk.host(Command::Interrupt);
    talk.flushes();
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None));
    // It runs on at the vendor, whose conversation has nothing to cut.
    assert_eq!(out.names(), ["response.cancel"]);
    assert_eq!(out.of("interrupted")[0]["heard_ms"], 500);
    talk.speech("X", "I", 0, 500, "late");
    assert_eq!(talk.take().played_ms(), 0);
    talk.finish();
}

#[test]
fn several_outside_run_beside_the_conversations_own() {
    let mut talk = Talk::connected(quiet());
    let inside = crate::ask(&mut talk);
    let (own, _) = create(&mut talk);
    let others: Vec<_> = (0..16).map(|_| (ask(&mut talk, outside()), create(&mut talk).0)).collect();
    let op = ask(&mut talk, outside());
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "too_many_requests");
    for (i, (op, response)) in others.iter().enumerate().rev() {
        talk.response_for(&format!("X{i}"), Some(request_of(response)));
        assert_eq!(talk.take().completed(*op), Some(None));
    }
    talk.response_for("R1", Some(request_of(&own)));
    assert_eq!(talk.take().completed(inside), Some(None));
    talk.finish();
}

#[test]
fn an_outside_request_that_is_refused_or_never_answered_fails_once() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk, outside());
    let (_, event) = create(&mut talk);
    talk.error("invalid_value", Some(&event));
    let out = talk.take();
    assert_eq!(out.completed(op).unwrap().unwrap().provider_code.as_deref(), Some("invalid_value"));
    assert_eq!(out.of("error").len(), 0);
    let op = ask(&mut talk, outside());
    talk.take();
    talk.pass(15_000);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "unanswered");
    let op = ask(&mut talk, outside());
    talk.take();
    talk.closed(None, "", None);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "cancelled");
    talk.finish();
}

#[test]
fn say_is_a_response_that_says_it() {
    let mut talk = Talk::connected(json!({"instructions": "Be brief.", "auto_capture": false}));
    let op = talk.host(Command::Say { text: "Welcome aboard!".into() });
    let (response, _) = create(&mut talk);
    let words = response["instructions"].as_str().unwrap();
    assert!(words.contains("Welcome aboard!") && words.contains("word for word"), "{words}");
    assert_eq!(response["tool_choice"], "none");
    talk.response_for("R1", Some(request_of(&response)));
    assert_eq!(talk.take().completed(op), Some(None));
    // It waits its turn like any other.
    let op = talk.host(Command::Say { text: "And goodbye.".into() });
    assert_eq!(talk.take().names(), [""; 0]);
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().names(), ["response.create"]);
    talk.response("R2");
    assert_eq!(talk.take().completed(op), None, "that one is not it");
    talk.finish();
}

#[test]
fn a_greeting_is_said_first_and_melts_into_nothing() {
    let mut talk = Talk::new(json!({"greeting": "Hello, I am Ada.", "auto_capture": false}));
    talk.connect();
    let (response, _) = create(&mut talk);
    assert!(response["instructions"].as_str().unwrap().contains("Hello, I am Ada."));
    // A question asked meanwhile is answered for itself.
    talk.say("hi", false);
    talk.response_for("R1", Some(request_of(&response)));
    talk.done("R1", "completed", None);
    let out = talk.take();
    assert_eq!(out.names(), ["conversation.item.create", "response.create"]);
    talk.finish();
}

#[test]
fn context_is_told_and_nobody_is_asked() {
    let mut talk = Talk::connected(quiet());
    let op = talk.host(Command::SendContext { text: "The user is at gate B12.".into() });
    let out = talk.take();
    assert_eq!(out.names(), ["conversation.item.create"]);
    let item = &out.frames()[0]["item"];
    assert_eq!((&item["role"], &item["content"][0]["type"]), (&json!("system"), &json!("input_text")));
    let id = item["id"].as_str().unwrap();
    talk.server("conversation.item.added", json!({"item": item}));
    assert_eq!(talk.take().completed(op), Some(None));
    assert_eq!(serde_json::to_value(talk.message(id).unwrap().role).unwrap(), "system");
    talk.finish();
}

#[test]
fn a_picture_is_checked_before_anybody_is_cut_off() {
    let mut talk = Talk::connected(quiet());
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 1000, "words");
    talk.plays(100);
    talk.take();
    let png = || Image::from_bytes(b"\x89PNG\r\n\x1a\n");
    let big = Image::from_bytes(&[&b"\x89PNG\r\n\x1a\n"[..], &vec![0; MAX_IMAGE]].concat());
    let data = |data: &str| Image { data: Some(data.into()), ..Image::default() };
    for (image, code, field) in [
        (big, "image_too_large", "image"),
        (Image::from_url("https://example.com/a.png"), "image_url", "image"),
        (Image::from_bytes(b"GIF89a"), "image_type", "image"),
        (Image { mime_type: Some("image/jpeg".into()), ..png() }, "invalid_argument", "image.mime_type"),
        (Image { url: Some("x".into()), ..png() }, "invalid_argument", "image"),
        (Image::default(), "invalid_argument", "image"),
        (data("not base64!"), "invalid_argument", "image.data"),
        (data(""), "invalid_argument", "image.data"),
        (Image::from_bytes(b"no picture at all"), "invalid_argument", "image"),
        (Image::from_url("data:image/png,plain"), "invalid_argument", "image.url"),
    ] {
        let op = talk.host(Command::SendImage { image, text: None, respond: true, interrupt: true });
        let out = talk.take();
        let error = out.completed(op).unwrap().unwrap();
        assert_eq!((error.code.as_ref(), error.field.as_deref()), (code, Some(field)), "{error}");
        assert!(error.fix.is_some() && out.names().is_empty(), "{error}");
        assert!(code != "image_too_large" || error.message.contains(&MAX_IMAGE.to_string()), "the limit is named");
    }
    talk.host(Command::SendImage { image: png(), text: None, respond: true, interrupt: true });
    assert_eq!(talk.take().names()[0], "response.cancel", "a good one interrupts");
    talk.flushes();
    talk.finish();
}

#[test]
fn old_pictures_leave_the_history_before_words_do() {
    let mut talk = Talk::connected(quiet());
    talk.say("remember this", false);
    let picture = || Image::from_bytes(&[&b"\x89PNG\r\n\x1a\n"[..], &vec![7; MAX_IMAGE - 8]].concat());
    for _ in 0..5 {
        talk.host(Command::SendImage { image: picture(), text: None, respond: false, interrupt: false });
    }
    let kept = talk.session.messages().iter().flat_map(|m| &m.parts);
    let kept: Vec<bool> = kept
        .filter_map(|p| match p {
            duologue::message::Part::Image { data, .. } => Some(data.is_some()),
            _ => None,
        })
        .collect();
    // 2 MiB are 2.8 million characters of base64, of which 8 MiB are kept.
    let fit = 8 * 1024 * 1024 / (MAX_IMAGE.div_ceil(3) * 4);
    assert_eq!(kept, [vec![false; 5 - fit], vec![true; fit]].concat());
    assert_eq!(talk.session.messages()[0].text(), "remember this");
    talk.finish();
}

#[test]
fn outside_the_conversation_late_is_still_outside() {
    let mut talk = Talk::connected(quiet());
    ask(&mut talk, ResponseOptions { audible: true, ..outside() });
    let (response, _) = create(&mut talk);
    talk.pass(15_000);
    talk.take();
    // The host was told that it failed: nobody waits for what comes now.
    talk.response_for("X", Some(request_of(&response)));
    talk.part("X", "I", 0, "audio");
    talk.speech("X", "I", 0, 200, "words");
    let out = talk.take();
    assert_eq!(out.names(), ["response.cancel"]);
    assert_eq!((out.played_ms(), talk.session.messages().len()), (0, 0));
    // And it stands in nobody's way.
    crate::ask(&mut talk);
    assert_eq!(talk.take().names(), ["response.create"]);
    talk.finish();
}

#[test]
fn a_host_without_metadata_tells_outside_by_the_missing_conversation() {
    let mut talk = Talk::connected(quiet());
    let op = ask(&mut talk, outside());
    talk.take();
    let body = |id: &str, conversation: Value| json!({"response": {"id": id, "conversation_id": conversation}});
    talk.server("response.created", body("X", Value::Null));
    talk.server(
        "response.output_item.added",
        json!({"response_id": "X", "item": {"id": "I", "type": "message", "role": "assistant"}}),
    );
    talk.part("X", "I", 0, "audio");
    talk.speech("X", "I", 0, 200, "words");
    let out = talk.take();
    assert_eq!(out.completed(op), Some(None));
    assert_eq!((out.played_ms(), out.of("message").len()), (0, 0));
    // One of the conversation is none of it.
    let op = ask(&mut talk, outside());
    talk.take();
    talk.server("response.created", body("R1", json!("conv_1")));
    assert_eq!(talk.take().completed(op), None);
    talk.finish();
}

#[test]
fn an_interruption_stops_what_is_outside_and_was_going_to_speak() {
    let mut talk = Talk::connected(quiet());
    let audible = || ResponseOptions { audible: true, ..outside() };
    let running = ask(&mut talk, audible());
    let (first, _) = create(&mut talk);
    talk.response_for("X1", Some(request_of(&first)));
    let waiting = ask(&mut talk, audible());
    let (second, _) = create(&mut talk);
    let silent = ask(&mut talk, outside());
    let (third, _) = create(&mut talk);
    talk.host(Command::Interrupt);
    let out = talk.take();
    assert_eq!((out.completed(running), out.names()), (None, vec!["response.cancel".to_owned()]));
    assert!(crate::cancelled(out.completed(waiting)), "it has not begun");
    talk.response_for("X2", Some(request_of(&second)));
    assert_eq!(talk.take().names(), ["response.cancel"]);
    for response in ["X1", "X2"] {
        talk.part(response, response, 0, "audio");
        talk.speech(response, response, 0, 200, "words");
    }
    assert_eq!(talk.take().played_ms(), 0);
    // What nobody would hear goes on.
    talk.response_for("X3", Some(request_of(&third)));
    assert_eq!(talk.take().completed(silent), Some(None));
    talk.finish();
}

#[test]
fn the_end_of_what_nobody_hears_does_not_touch_the_speaker() {
    let mut talk = Talk::connected(quiet());
    ask(&mut talk, outside());
    let (response, _) = create(&mut talk);
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "words");
    talk.response_for("X", Some(request_of(&response)));
    talk.take();
    talk.done("X", "completed", None);
    let ends = |o: &duologue::session::Output| matches!(o, duologue::session::Output::PlayoutItemEnd);
    assert!(!talk.take().0.iter().any(ends), "A1 goes on without a seam");
    talk.done("R1", "completed", None);
    assert!(talk.take().0.iter().any(ends));
    talk.finish();
}

#[test]
fn what_is_outside_may_think_for_long_and_blocks_nobody() {
    let mut talk = Talk::connected(quiet());
    ask(&mut talk, outside());
    let (response, _) = create(&mut talk);
    talk.response_for("X", Some(request_of(&response)));
    talk.take();
    talk.pass(59_000);
    assert_eq!(talk.take().of("generation_done").len(), 0);
    talk.pass(1_000);
    assert_eq!(talk.take().of("generation_done").len(), 1, "lost");
    // It was not: it still is no response of the conversation.
    let delta = json!({"response_id": "X", "item_id": "I", "content_index": 0, "delta": "late"});
    talk.server("response.output_text.delta", delta);
    crate::ask(&mut talk);
    assert_eq!(talk.take().names(), ["response.create"]);
    talk.finish();
}

#[test]
fn a_host_without_metadata_does_not_speak_after_an_interruption() {
    let mut talk = Talk::connected(quiet());
    let op = crate::ask(&mut talk);
    talk.host(Command::Interrupt);
    assert!(crate::cancelled(talk.take().completed(op)));
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "words");
    let out = talk.take();
    assert_eq!((out.names(), out.played_ms()), (vec!["response.cancel".to_owned()], 0));
    talk.done("R1", "cancelled", None);
    talk.finish();
}

#[test]
fn what_is_outside_does_not_end_the_wait_for_an_answer() {
    let mut talk = Talk::connected(quiet());
    ask(&mut talk, ResponseOptions { audible: true, ..outside() });
    let (response, _) = create(&mut talk);
    talk.say("a question", false);
    talk.response_for("X", Some(request_of(&response)));
    talk.part("X", "I", 0, "audio");
    talk.speech("X", "I", 0, 200, "one moment");
    talk.plays(300);
    assert_eq!(talk.take().of("latency").len(), 0);
    talk.response("R1");
    talk.item("R1", "A1", None, "audio");
    talk.speech("R1", "A1", 0, 200, "the answer");
    talk.plays(100);
    let told = talk.take().of("latency");
    assert_eq!((told.len(), &told[0]["response"], &told[0]["service_ms"]), (1, &json!("R1"), &json!(300)));
    talk.finish();
}

#[test]
fn a_refusal_of_an_earlier_sending_does_not_fail_the_later_one() {
    let mut talk = Talk::connected(quiet());
    let op = crate::ask(&mut talk);
    let (response, first) = create(&mut talk);
    // Without a name: it may have been about anything.
    talk.error("conversation_already_has_active_response", None);
    talk.pass(2_000);
    assert_eq!(talk.take().names(), ["response.create"], "once more");
    let other = crate::ask(&mut talk);
    talk.error("rate_limit_exceeded", Some(&first));
    let out = talk.take();
    assert_eq!((out.completed(op), out.names()), (None, vec![]), "the second sending is still under way");
    talk.response_for("R1", Some(request_of(&response)));
    assert_eq!(talk.take().completed(op), Some(None));
    talk.done("R1", "completed", None);
    assert_eq!(talk.take().completed(other), None);
    talk.finish();
}
