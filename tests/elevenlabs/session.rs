//! From the first word to the end, and what is written.

use super::*;
use duologue::event::Status;

/// Lines 1, 4: the initiation is the first word; nothing is heard before the agent has said how it hears.
#[test]
fn the_agent_is_told_first() {
    let mut talk = Talk::new(config(json!({"instructions": "Be kind.", "greeting": "Hello!"})));
    let op = talk.host(Command::Connect);
    talk.take();
    talk.opened();
    talk.microphone(20);
    let outputs = talk.take();
    let sent = frames(&outputs);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["type"], "conversation_initiation_client_data");
    let agent = json!({"prompt": {"prompt": "Be kind."}, "first_message": "Hello!"});
    assert_eq!(sent[0]["conversation_config_override"], json!({"agent": agent}));
    metadata(&mut talk);
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(frames(&outputs), [] as [Value; 0], "the agent greets by itself");
    talk.microphone(20);
    let heard = |o: &Output| {
        matches!(o, Output::Send { audio: true, text, .. }
        if text.starts_with(r#"{"user_audio_chunk":"#))
    };
    assert!(talk.take().0.iter().any(heard));
    talk.finish();
}

/// Lines 2, 24, 28: closed before it began.
#[test]
fn an_agent_that_refuses_is_told() {
    for (code, reason, expected) in [
        (1008, "Override for field 'voice_id' is not allowed by config.", "policy"),
        (3000, "Authentication required", "auth"),
        (4300, "Queue timeout", "queue_timeout"),
    ] {
        let mut talk = Talk::new(config(json!({"voice": "v"})));
        let op = talk.host(Command::Connect);
        talk.opened();
        talk.take();
        talk.closed(Some(code), reason, None);
        let outputs = talk.take();
        let error = outputs.completed(op).unwrap().unwrap();
        assert!(error.message.contains(&code.to_string()) && error.message.contains(reason), "{error}");
        assert_eq!(error.code, expected);
        assert!(!outputs.0.iter().any(|o| matches!(o, Output::Dial { .. })), "it is not tried again");
        talk.finish();
    }
}

/// Line 5: at once, and with its number, whatever else goes on.
#[test]
fn a_ping_is_answered() {
    let mut talk = connected(json!({}));
    audio(&mut talk, 1, 1000);
    talk.take();
    says(&mut talk, json!({"type": "ping", "ping_event": {"event_id": 7, "ping_ms": 40}}));
    assert_eq!(frames(&talk.take()), [json!({"type": "pong", "event_id": 7})]);
    talk.finish();
}

/// Lines 6, 8.
#[test]
fn what_nobody_knows_is_passed_over() {
    let mut talk = connected(json!({}));
    for kind in ["vad_score", "agent_tool_request", "of_tomorrow"] {
        says(&mut talk, json!({"type": kind, "x": [1, {"y": null}]}));
    }
    says(&mut talk, json!({"type": "ping", "ping_event": {"event_id": 1, "new": {}}, "more": 1}));
    for kind in ["error", "client_error"] {
        let event =
            json!({"code": 1002, "error_type": "llm_timeout", "error_name": "llm_timeout", "message": "too slow"});
        says(&mut talk, json!({"type": kind, "error_event": event}));
    }
    let outputs = talk.take();
    assert_eq!(outputs.of("error").len(), 2, "{:?}", outputs.complaints());
    assert!(outputs.of("error").iter().all(|e| e["message"].as_str().unwrap().contains("too slow")));
    // The number is that of the close, and the same for many things.
    assert!(outputs.of("error").iter().all(|e| e["provider_code"] == "llm_timeout"));
    for rubbish in ["", "{", "[]", r#"{"type":"audio","audio_event":{"audio_base_64":"%","event_id":1}}"#] {
        talk.wire(rubbish);
    }
    assert_eq!(talk.session.stats().malformed, 4);
    talk.finish();
}

/// Words of the user are a question, words of the host are not.
#[test]
fn typed_words_and_context() {
    let mut talk = connected(json!({}));
    let op = talk.host(Command::SendContext { text: "The user looks at page 3.".into() });
    let outputs = talk.take();
    done(&outputs, op);
    let context = json!({"type": "contextual_update", "text": "The user looks at page 3."});
    assert_eq!(frames(&outputs), [context]);
    talk.say("What is it about?", false);
    assert_eq!(frames(&talk.take()), [json!({"type": "user_message", "text": "What is it about?"})]);
    response(&mut talk, 3, "Ships.");
    audio(&mut talk, 3, 100);
    complete(&mut talk, 3);
    talk.plays(100);
    let outputs = talk.take();
    assert_eq!(outputs.of("speech_started").len(), 0, "nobody spoke");
    assert_eq!(said(&talk)[1..], [pair("user", "What is it about?"), pair("assistant", "Ships.")]);
    talk.finish();
}

/// A written conversation.
#[test]
fn an_agent_writes() {
    let mut talk = connected(json!({"output_modality": "text"}));
    talk.say("Hello?", false);
    talk.take();
    for (kind, text) in [("start", ""), ("delta", "Hel"), ("delta", "lo!"), ("stop", "")] {
        let part = json!({"text": text, "type": kind, "event_id": 2});
        says(&mut talk, json!({"type": "agent_chat_response_part", "text_response_part": part}));
    }
    response(&mut talk, 2, "Hello!");
    talk.pass(1_100);
    let outputs = talk.take();
    let deltas: Vec<_> = outputs.of("transcript").into_iter().filter(|t| t["mode"] == "delta").collect();
    assert_eq!(deltas.len(), 2, "{deltas:?}");
    assert_eq!(said(&talk), [pair("user", "Hello?"), pair("assistant", "Hello!")]);
    talk.finish();
}

/// Line 20: what cannot change is refused, and not changed behind anybody's back.
#[test]
fn an_agent_stays_what_it_is() {
    let mut talk = connected(json!({}));
    let op = talk.host(Command::UpdateSession { changes: json!({"instructions": "Be kind."}) });
    let outputs = talk.take();
    assert_eq!(outputs.completed(op).unwrap().unwrap().code, "unsupported_option");
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    let op = talk.host(Command::UpdateSession { changes: json!({"tool_handling": {"timeout_ms": 5000}}) });
    done(&talk.take(), op);
    let op = talk.host(Command::Say { text: "Hello!".into() });
    assert!(talk.take().completed(op).unwrap().is_some());
    talk.finish();
}

/// Line 27: a new conversation that is told of the old one, and says that it is no more than that.
#[test]
fn a_lost_connection_is_another_conversation() {
    let mut talk = connected(json!({"recovery": {"reconnect": true, "context_note": null}}));
    talk.say("Remember 7.", false);
    response(&mut talk, 2, "I will.");
    audio(&mut talk, 2, 400);
    complete(&mut talk, 2);
    talk.plays(400);
    talk.closed(None, "", None);
    talk.pass(10_000);
    talk.opened();
    talk.take();
    metadata(&mut talk);
    let outputs = talk.take();
    let told = "The conversation so far:\nUser: Remember 7.\nYou: I will.";
    assert_eq!(frames(&outputs), [json!({"type": "contextual_update", "text": told})]);
    let replaced = &outputs.of("session_replaced")[0];
    assert_eq!((&replaced["why"], &replaced["context"]), (&json!("reconnect"), &json!("partial")));
    assert_eq!(*talk.session.status(), Status::Connected);
    // And a question that nobody answered is asked.
    talk.say("And 8?", false);
    talk.take();
    talk.closed(None, "", None);
    talk.pass(10_000);
    talk.opened();
    talk.take();
    metadata(&mut talk);
    let sent = frames(&talk.take());
    assert_eq!(sent.last(), Some(&json!({"type": "user_message", "text": "And 8?"})), "{sent:?}");
    talk.finish();
}

/// Line 23: muted is silence and not absence.
#[test]
fn who_is_muted_is_heard_as_silence() {
    let mut talk = connected(json!({}));
    let speaks = |talk: &mut Talk| {
        talk.input(Input::Microphone { pcm: vec![1_000; 1_600].into(), age_us: 0 });
        let outputs = talk.take();
        let sent = outputs.0.iter().filter_map(|o| match o {
            Output::Send { text, audio: true, .. } => Some(serde_json::from_str::<Value>(text).unwrap()),
            _ => None,
        });
        let chunk = |f: Value| base64_simd::STANDARD.decode_to_vec(f["user_audio_chunk"].as_str().unwrap()).unwrap();
        sent.flat_map(chunk).collect::<Vec<_>>()
    };
    assert!(speaks(&mut talk).iter().any(|byte| *byte != 0));
    talk.host(Command::SetInputMuted { muted: true });
    // What the frames before have left over goes first.
    speaks(&mut talk);
    let sent = speaks(&mut talk);
    assert!(sent.len() > 2_000 && sent.iter().all(|byte| *byte == 0));
    talk.finish();
}

/// Tools of MCP servers run only when the host said so beforehand; each call is answered once.
#[test]
fn a_tool_that_asks_for_approval_is_refused_unless_it_was_named() {
    let mut talk = connected(json!({"tool_handling": {"approve": ["search"]}}));
    let asks = |talk: &mut Talk, name: &str, id: &str, state: &str| {
        let call = json!({"service_id": "s", "tool_call_id": id, "tool_name": name, "parameters": {}, "state": state});
        says(talk, json!({"type": "mcp_tool_call", "mcp_tool_call": call}));
    };
    asks(&mut talk, "search", "m1", "loading");
    assert_eq!(frames(&talk.take()), [] as [Value; 0]);
    let answer =
        |id: &str, yes: bool| json!({"type": "mcp_tool_approval_result", "tool_call_id": id, "is_approved": yes});
    for _ in 0..2 {
        asks(&mut talk, "search", "m1", "awaiting_approval");
        asks(&mut talk, "buy", "m2", "awaiting_approval");
    }
    let outputs = talk.take();
    assert_eq!(frames(&outputs), [answer("m1", true), answer("m2", false)]);
    assert_eq!(outputs.complaints(), ["tool_not_approved"]);
    // A change of mind is for the next call.
    let op = talk.host(Command::UpdateSession { changes: json!({"tool_handling": {"approve": ["buy"]}}) });
    done(&talk.take(), op);
    asks(&mut talk, "buy", "m3", "awaiting_approval");
    asks(&mut talk, "search", "m4", "awaiting_approval");
    assert_eq!(frames(&talk.take()), [answer("m3", true), answer("m4", false)]);
    talk.finish();
}

/// A picture is a file before it is a part of a question; the history has it when it is there.
#[test]
fn a_picture_is_uploaded_and_asked_about() {
    let mut talk = connected(json!({}));
    let image = |data: &str| serde_json::from_value(json!({"data": data})).unwrap();
    let send = |data: &str, text: Option<&str>, respond: bool| Command::SendImage {
        image: image(data),
        text: text.map(str::to_owned),
        respond,
        interrupt: false,
    };
    let upload = |outputs: &Outputs| {
        let found = outputs.0.iter().find_map(|output| match output {
            Output::Upload { number, url, mime_type, .. } => Some((*number, url.clone(), mime_type.clone())),
            _ => None,
        });
        found.expect("it is uploaded")
    };
    let png = "iVBORw0KGgo=";
    let op = talk.host(send(png, Some("What is this?"), true));
    let outputs = talk.take();
    let (number, url, kind) = upload(&outputs);
    assert_eq!(url, "https://api.elevenlabs.io/v1/convai/conversations/conv_1/files");
    assert_eq!((kind.as_str(), outputs.completed(op), talk.session.messages().len()), ("image/png", None, 0));
    let there = |talk: &mut Talk, epoch: u32, number: u64, name: Option<&str>| {
        let error = duologue::Error::new(duologue::error::ErrorClass::Limit, "too_big", "too big");
        let error = name.is_none().then_some(error);
        talk.input(Input::Uploaded { epoch, number, name: name.map(str::to_owned), error });
    };
    let epoch = talk.epoch;
    there(&mut talk, epoch, number, Some("file_1"));
    let outputs = talk.take();
    done(&outputs, op);
    let file = json!({"type": "file_input", "file_id": "file_1"});
    let text = json!({"type": "user_message", "text": "What is this?"});
    let asked = json!({"type": "multimodal_message", "text": text, "file": file, "files": [file]});
    assert_eq!(frames(&outputs), [asked]);
    assert_eq!(talk.session.messages().len(), 1);
    response(&mut talk, 1, "A ship.");
    audio(&mut talk, 1, 100);
    complete(&mut talk, 1);
    talk.plays(100);
    talk.take();
    // Without a question it waits for the next one.
    talk.host(send(png, None, false));
    let (number, ..) = upload(&talk.take());
    there(&mut talk, epoch, number, Some("file_2"));
    assert_eq!(frames(&talk.take()), [] as [Value; 0]);
    talk.say("And this?", false);
    let asked = frames(&talk.take());
    assert_eq!((&asked[0]["file"]["file_id"], &asked[0]["text"]["text"]), (&json!("file_2"), &json!("And this?")));
    // What the service does not take, and what comes when nobody waits for it.
    let op = talk.host(send(png, None, true));
    let (number, ..) = upload(&talk.take());
    there(&mut talk, epoch, number, None);
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "too_big");
    there(&mut talk, epoch, number, Some("file_3"));
    let op = talk.host(send("R0lGODlh", None, true));
    assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "image_type");
    let waiting: Vec<_> = (0..9).map(|_| talk.host(send(png, None, false))).collect();
    let outputs = talk.take();
    assert_eq!(outputs.completed(waiting[8]).unwrap().unwrap().code, "too_many");
    assert_eq!(outputs.completed(waiting[7]), None);
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    assert_eq!(talk.take().completed(waiting[0]).unwrap().unwrap().code, "cancelled");
    talk.finish();
}

/// What the host says failed is told as failed, whatever it looks like.
#[test]
fn a_failed_result_is_told_as_one() {
    for (output, is_error) in [("boom", true), (r#"{"error":null}"#, false)] {
        let mut talk = connected(json!({"tools": [{"name": "clock"}]}));
        talk.say("What time is it?", false);
        let call = json!({"tool_name": "clock", "tool_call_id": "c1", "parameters": {}, "event_id": 2});
        says(&mut talk, json!({"type": "client_tool_call", "client_tool_call": call}));
        talk.take();
        let call = duologue::message::CallRef { epoch: talk.epoch, id: "c1".into() };
        talk.host(Command::SubmitToolResult { call, output: output.into(), is_error });
        let sent = frames(&talk.take());
        assert_eq!((&sent[0]["result"], &sent[0]["is_error"]), (&json!(output), &json!(is_error)));
        talk.finish();
    }
}

/// An interruption silences the speaker also where something is being answered.
#[test]
fn an_interruption_silences_what_was_received() {
    let mut talk = connected(json!({"tools": [{"name": "clock"}]}));
    transcript(&mut talk, 1, "What time is it?");
    audio(&mut talk, 2, 3000);
    response(&mut talk, 2, "Let me check that for you, one moment please.");
    let call = json!({"tool_name": "clock", "tool_call_id": "c1", "parameters": {}, "event_id": 2});
    says(&mut talk, json!({"type": "client_tool_call", "client_tool_call": call}));
    talk.plays(500);
    talk.take();
    interruption(&mut talk, 2);
    talk.flushes();
    let outputs = talk.take();
    assert_eq!(outputs.of("interrupted")[0]["heard_ms"], 500);
    talk.finish();
}

/// Who says nothing for long is still there: the agent would hang up after a minute.
#[test]
fn silence_is_no_absence() {
    let mut talk = connected(json!({"auto_capture": false}));
    talk.pass(61_000);
    let here = json!({"type": "user_activity"});
    assert_eq!(frames(&talk.take()), [here.clone(), here.clone(), here]);
    for _ in 0..30 {
        talk.host(Command::SetCapture { on: true });
        talk.pass(1_000);
        talk.microphone(20);
    }
    assert_eq!(frames(&talk.take()), [] as [Value; 0], "the microphone says it");
    talk.finish();
}

/// The agent's owner has said how long a conversation may be: its end is no reason to begin another.
#[test]
fn the_longest_conversation_ends() {
    let mut talk = connected(json!({"recovery": {"reconnect": true}}));
    audio(&mut talk, 1, 500);
    let error = json!({"error_type": "max_duration_exceeded", "message": "too long"});
    says(&mut talk, json!({"type": "error", "error_event": error}));
    talk.closed(Some(1000), "", None);
    assert_eq!(talk.take().of("status").len(), 0, "what it said until then is heard");
    talk.plays(500);
    talk.pass(30_000);
    let outputs = talk.take();
    assert_eq!(outputs.of("playback_finished")[0]["heard_ms"], 500);
    assert_eq!(outputs.of("status")[0]["ended"]["code"], "session_expired");
    assert!(!outputs.0.iter().any(|o| matches!(o, Output::Dial { .. })), "{outputs:?}");
    assert!(matches!(talk.session.status(), Status::Idle { ended } if ended.by == duologue::event::EndedBy::Limit));
    talk.finish();
}
