use super::{
    names::{CLIENT_EVENTS, SERVER_EVENTS},
    *,
};
use crate::{
    message::{ItemId, PartIndex},
    provider::ItemKind,
};
use serde_json::json;
use std::{borrow::Cow, collections::BTreeSet};

fn codec() -> OpenAi {
    OpenAi::new(&Config::default()).unwrap()
}

fn decode_with(codec: &mut OpenAi, text: &str) -> Result<ProviderEvent, DecodeError> {
    let mut events = Vec::new();
    let result = codec.decode(&Frame::Text(Cow::Borrowed(text)), &mut events);
    assert_eq!(events.len(), usize::from(result.is_ok()), "an event or an error");
    result.map(|()| events.remove(0))
}

fn decode(text: &str) -> Result<ProviderEvent, DecodeError> {
    decode_with(&mut codec(), text)
}

fn event(value: Value) -> ProviderEvent {
    decode(&value.to_string()).unwrap()
}

fn wrong(text: &str) -> DecodeError {
    decode(text).unwrap_err()
}

fn delta(bytes: &[u8], item: &str, part: PartIndex) -> String {
    let audio = base64_simd::STANDARD.encode_to_string(bytes);
    json!({"type": "response.output_audio.delta", "event_id": "", "response_id": "R", "item_id": item,
        "output_index": 0, "content_index": part, "delta": audio})
    .to_string()
}

fn pcm(event: ProviderEvent) -> (Vec<i16>, bool) {
    match event {
        ProviderEvent::Audio { pcm, odd, .. } => (pcm, odd),
        other => panic!("{other:?} is no audio"),
    }
}

// Names.

/// The tables of the protocol reference §4 and §5, written down anew.
#[test]
fn every_name_of_the_reference_is_known() {
    let client = "session.update input_audio_buffer.append input_audio_buffer.commit input_audio_buffer.clear \
        conversation.item.create conversation.item.retrieve conversation.item.truncate conversation.item.delete \
        response.create response.cancel output_audio_buffer.clear";
    let server = "session.created session.updated conversation.created error rate_limits.updated \
        conversation.item.added conversation.item.done conversation.item.created conversation.item.retrieved \
        conversation.item.truncated conversation.item.deleted \
        conversation.item.input_audio_transcription.delta conversation.item.input_audio_transcription.completed \
        conversation.item.input_audio_transcription.segment conversation.item.input_audio_transcription.failed \
        input_audio_buffer.speech_started input_audio_buffer.speech_stopped input_audio_buffer.committed \
        input_audio_buffer.cleared input_audio_buffer.timeout_triggered input_audio_buffer.dtmf_event_received \
        output_audio_buffer.started output_audio_buffer.stopped output_audio_buffer.cleared \
        response.created response.output_item.added response.output_item.done \
        response.content_part.added response.content_part.done \
        response.output_text.delta response.output_text.done \
        response.output_audio_transcript.delta response.output_audio_transcript.done \
        response.output_audio.delta response.output_audio.done \
        response.function_call_arguments.delta response.function_call_arguments.done \
        response.mcp_call_arguments.delta response.mcp_call_arguments.done \
        response.mcp_call.in_progress response.mcp_call.completed response.mcp_call.failed \
        mcp_list_tools.in_progress mcp_list_tools.completed mcp_list_tools.failed response.done";
    let set = |names: &'static str| names.split_whitespace().collect::<BTreeSet<_>>();
    assert_eq!(CLIENT_EVENTS.into_iter().collect::<BTreeSet<_>>(), set(client));
    assert_eq!(SERVER_EVENTS.into_iter().collect::<BTreeSet<_>>(), set(server));
    for name in super::decode::HANDLED {
        assert!(SERVER_EVENTS.contains(&name), "{name}");
    }
}

#[test]
fn every_server_event_is_taken_and_none_is_unknown() {
    for name in SERVER_EVENTS {
        let item = json!({"id": "I", "type": "message", "role": "user", "content": []});
        let event = event(json!({"type": name, "event_id": "e", "item_id": "I", "response_id": "R", "item": item,
            "response": {"id": "R"}, "session": {}, "error": {}, "delta": ""}));
        assert!(!matches!(event, ProviderEvent::Other { known: false, .. }), "{name}");
        let typed = super::decode::HANDLED.contains(&name) || name == "response.output_audio.delta";
        assert_eq!(!matches!(event, ProviderEvent::Other { .. }), typed, "{name}");
    }
    // Beta names are no names (reference §1.8).
    for name in [
        "response.audio.delta",
        "response.text.delta",
        "response.audio_transcript.delta",
        "transcription_session.updated",
    ] {
        assert_eq!(event(json!({"type": name})), ProviderEvent::Other { name: name.into(), known: false });
    }
}

// Audio.

#[test]
fn audio_decodes_to_samples() {
    let (samples, odd) = pcm(decode(&delta(&[0x01, 0x00, 0xff, 0xff, 0x00, 0x80], "A", 3)).unwrap());
    assert_eq!((samples, odd), (vec![1, -1, i16::MIN], false));
    let ProviderEvent::Audio { at, .. } = decode(&delta(&[0, 0], "A", 3)).unwrap() else { panic!() };
    assert_eq!((at.response.as_str(), at.item.as_str(), at.part), ("R", "A", 3));
    assert_eq!(pcm(decode(&delta(&[], "A", 0)).unwrap()), (vec![], false));
}

#[test]
fn an_odd_byte_waits_for_the_next_delta_of_its_part() {
    let bytes: Vec<u8> = (1..=13).collect();
    let expected: Vec<i16> = bytes[..12].chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    for cut in 0..=12 {
        let mut codec = codec();
        let mut all = Vec::new();
        for piece in [&bytes[..cut], &bytes[cut..12]] {
            all.extend(pcm(decode_with(&mut codec, &delta(piece, "A", 0)).unwrap()).0);
        }
        assert_eq!(all, expected, "cut at {cut}");
    }
    // One byte at a time.
    let mut one = codec();
    let all: Vec<i16> =
        (0..12).flat_map(|n| pcm(decode_with(&mut one, &delta(&bytes[n..=n], "A", 0)).unwrap()).0).collect();
    assert_eq!(all, expected);
    // Another part, another item or a new connection does not inherit it.
    for (item, part, reset) in [("A", 1, false), ("B", 0, false), ("A", 0, true)] {
        let mut codec = codec();
        decode_with(&mut codec, &delta(&[9], "A", 0)).unwrap();
        if reset {
            codec.reset();
        }
        assert_eq!(pcm(decode_with(&mut codec, &delta(&[1, 0], item, part)).unwrap()), (vec![1], false));
    }
}

#[test]
fn what_is_not_base64_is_an_error_and_the_next_delta_is_fine() {
    let mut codec = codec();
    for bad in ["!!!!", "AAA", "AA=A", "A", "AAAA AAAA", "AA-_", "\u{e9}"] {
        let text = json!({"type": "response.output_audio.delta", "item_id": "A", "delta": bad}).to_string();
        assert!(matches!(decode_with(&mut codec, &text), Err(DecodeError::Audio(_))), "{bad:?}");
        assert_eq!(pcm(decode_with(&mut codec, &delta(&[1, 0], "A", 0)).unwrap()), (vec![1], false));
    }
}

#[test]
fn a_delta_has_a_bound() {
    let most = 4 * 1024 * 1024 - 2;
    assert_eq!(pcm(decode(&delta(&vec![0; most], "A", 0)).unwrap()).0.len(), most / 2);
    assert!(matches!(wrong(&delta(&vec![0; most + 6], "A", 0)), DecodeError::Audio(_)));
}

#[test]
fn audio_is_recognised_wherever_its_fields_stand() {
    let padding = "x".repeat(400);
    let text = format!(
        r#"{{"delta":"AQA=","note":"{padding}","event_id":null,"content_index":null,"item_id":"A","type":"response.output_audio.delta"}}"#
    );
    assert_eq!(pcm(decode(&text).unwrap()).0, [1]);
    let escaped = r#"{"type":"response.output_audio\u002edelta","item_id":"A","delta":"AQA="}"#;
    assert_eq!(pcm(decode(escaped).unwrap()).0, [1]);
    // The name as a value of something else.
    let text = r#"{"type":"session.updated","session":{"about":"response.output_audio.delta"}}"#;
    assert!(matches!(decode(text).unwrap(), ProviderEvent::SessionUpdated(_)));
    assert!(matches!(wrong(r#"{"type":"response.output_audio.delta","delta":"AQA="}"#), DecodeError::Shape { .. }));
    assert!(matches!(
        wrong(r#"{"type":"response.output_audio.delta","item_id":"A","delta":7}"#),
        DecodeError::Shape { .. }
    ));
}

// Tolerance.

#[test]
fn null_missing_and_new_fields_are_fine() {
    let bare = event(json!({"type": "input_audio_buffer.speech_started", "item_id": "U"}));
    assert_eq!(bare, ProviderEvent::SpeechStarted { item: "U".into(), audio_ms: 0 });
    let nulls = event(
        json!({"type": "input_audio_buffer.committed", "item_id": "U", "previous_item_id": null, "event_id": null, "new": [{}]}),
    );
    assert_eq!(nulls, ProviderEvent::InputCommitted { item: "U".into(), previous: None });
    let done = event(json!({"type": "response.done", "response": {"id": "R", "status": null, "status_details": null,
        "usage": null, "output": null, "metadata": null, "conversation_id": null}}));
    let ProviderEvent::ResponseDone(done) = done else { panic!() };
    assert_eq!((done.status.as_str(), done.usage, done.items.len()), ("", None, 0));
    assert!(matches!(event(json!({"type": "session.created"})), ProviderEvent::SessionCreated(_)));
    let error = event(
        json!({"type": "error", "error": {"message": null, "code": null, "event_id": null, "param": 7.0f64.to_string()}}),
    );
    assert!(matches!(error, ProviderEvent::Error(_)));
}

#[test]
fn unknown_values_of_enums_are_kept_or_passed_over() {
    let item =
        event(json!({"type": "conversation.item.added", "item": {"id": "I", "type": "hologram", "status": "glowing"}}));
    let ProviderEvent::ItemAdded { item, .. } = item else { panic!() };
    assert_eq!((item.kind, item.status.as_str()), (ItemKind::Other("hologram".into()), "glowing"));
    let message = event(
        json!({"type": "conversation.item.added", "item": {"id": "I", "type": "message", "role": "narrator",
        "content": [{"type": "smell", "text": "roses"}, {"type": null}, {"type": "output_audio", "transcript": "hi"}]}}),
    );
    let ProviderEvent::ItemAdded { item, .. } = message else { panic!() };
    let ItemKind::Message { role, parts } = item.kind else { panic!() };
    assert_eq!(role, Role::Assistant);
    let parts: Vec<_> = parts.iter().map(|p| (p.audio, p.text.as_str())).collect();
    assert_eq!(parts, [(false, "roses"), (false, ""), (true, "hi")]);
}

#[test]
fn escaped_text_is_text() {
    let text = r#"{"type":"response.output_text.delta","response_id":"R","item_id":"A","delta":"\"\\\/\n\u0000\u00e9\ud83d\ude00"}"#;
    let ProviderEvent::AgentDelta { delta, .. } = decode(text).unwrap() else { panic!() };
    assert_eq!(delta, "\"\\/\n\0é😀");
    let escaped_type = r#"{"type":"response\u002eoutput_text.delta","item_id":"A\u0031","delta":""}"#;
    let ProviderEvent::AgentDelta { at, .. } = decode(escaped_type).unwrap() else { panic!() };
    assert_eq!(at.item, ItemId::from("A1"));
}

/// Half a character becomes U+FFFD.
#[test]
fn lone_surrogates_become_the_replacement_character() {
    let text = |words: &str| {
        let frame = format!(r#"{{"type":"response.output_text.delta","item_id":"A","delta":"{words}"}}"#);
        match decode(&frame) {
            Ok(ProviderEvent::AgentDelta { delta, .. }) => delta,
            other => panic!("{words}: {other:?}"),
        }
    };
    assert_eq!(text(r"a\ud83d"), "a\u{fffd}");
    assert_eq!(text(r"\ude00b"), "\u{fffd}b");
    assert_eq!(text(r"\ud83d\ud83d\ude00\ude00é"), "\u{fffd}😀\u{fffd}é");
    assert_eq!(text(r"\ud83dx\\ud83d \\\ud83d"), "\u{fffd}x\\ud83d \\\u{fffd}");
    assert_eq!(text(r"\uD83D\n"), "\u{fffd}\n");
    // In the name, and in audio, where it is bad base64.
    assert!(matches!(decode(r#"{"type":"\udc00"}"#).unwrap(), ProviderEvent::Other { known: false, .. }));
    let audio = r#"{"type":"response.output_audio.delta","item_id":"A","delta":"\udc00"}"#;
    assert!(matches!(wrong(audio), DecodeError::Audio(_)));
    // What is broken otherwise stays broken.
    assert!(matches!(wrong(r#"{"type":"\udc00"#), DecodeError::Json(_)));
    assert!(matches!(wrong(r#"{"type":"\u12"}"#), DecodeError::Json(_)));
}

#[test]
fn deep_json_is_an_error_and_no_stack_overflow() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for inside in ["session.updated", "hologram", "response.output_audio.delta"] {
            let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            let text = format!(r#"{{"session":{deep},"type":"{inside}"}}"#);
            assert!(matches!(wrong(&text), DecodeError::Json(_)), "{inside}");
            assert!(decode(&text[..text.len() / 2]).is_err());
        }
    }
    let ok = format!(r#"{{"type":"session.updated","session":{}1{}}}"#, "[".repeat(60), "]".repeat(60));
    decode(&ok).unwrap();
    // Brackets in text do not count.
    let text = json!({"type": "response.output_text.delta", "item_id": "A", "delta": "[".repeat(1000) + "\"\\"});
    assert!(matches!(event(text), ProviderEvent::AgentDelta { .. }));
}

#[test]
fn what_is_no_event_is_an_error() {
    for text in [
        "",
        " ",
        "null",
        "7",
        "\"type\"",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"error\"}",
        "{\"type\":\"a\",\"type\":\"b\"}",
        "{\"type\":\"a\"}x",
    ] {
        assert!(decode(text).is_err(), "{text:?}");
    }
    for name in [
        "response.created",
        "response.done",
        "conversation.item.added",
        "response.output_item.done",
        "input_audio_buffer.speech_started",
    ] {
        assert!(matches!(wrong(&json!({"type": name}).to_string()), DecodeError::Shape { event, .. } if event == name));
    }
    let mut codec = codec();
    assert_eq!(codec.decode(&Frame::Binary(Cow::Borrowed(b"{}")), &mut Vec::new()), Err(DecodeError::Binary));
}

#[test]
fn an_event_that_comes_twice_is_told_once() {
    let mut codec = codec();
    let text = |id: &str, words: &str| {
        json!({"type": "response.output_text.delta", "event_id": id, "item_id": "A", "delta": words}).to_string()
    };
    for n in 0..100 {
        let frame = text(&format!("e{n}"), "same");
        assert!(matches!(decode_with(&mut codec, &frame).unwrap(), ProviderEvent::AgentDelta { .. }));
        assert_eq!(decode_with(&mut codec, &frame).unwrap(), ProviderEvent::Repeated);
    }
    // Without ids nothing can be told apart.
    for id in ["", "fresh"] {
        assert!(matches!(decode_with(&mut codec, &text(id, "same")).unwrap(), ProviderEvent::AgentDelta { .. }));
    }
    // A vendor that gives other events the same id says nothing with it.
    assert!(matches!(
        decode_with(&mut codec, &text("fresh", "other words")).unwrap(),
        ProviderEvent::AgentDelta { .. }
    ));
    for _ in 0..2 {
        assert!(matches!(decode_with(&mut codec, &text("again", "same")).unwrap(), ProviderEvent::AgentDelta { .. }));
    }
    codec.reset();
    decode_with(&mut codec, &text("again", "same")).unwrap();
    assert_eq!(decode_with(&mut codec, &text("again", "same")).unwrap(), ProviderEvent::Repeated);
}

#[test]
fn the_effective_session_decides() {
    let info = |session: Value| match event(json!({"type": "session.updated", "session": session})) {
        ProviderEvent::SessionUpdated(info) => *info,
        other => panic!("{other:?}"),
    };
    let detection = |detection: Value| info(json!({"audio": {"input": {"turn_detection": detection}}}));
    assert!(detection(json!({"interrupt_response": true})).interrupts);
    for not in [json!({"interrupt_response": false}), json!({"interrupt_response": null}), json!({}), Value::Null] {
        assert!(!detection(not).interrupts, "only true is true");
    }
    assert_eq!(detection(json!({"silence_duration_ms": 200})).silence_duration_ms, Some(200));
    let format = |side: &str, format: Value| info(json!({"audio": {side: {"format": format}}})).foreign_audio.is_some();
    assert!(!format("output", json!({"type": "audio/pcm", "rate": 24000})) && !format("input", Value::Null));
    assert!(
        format("output", json!({"type": "audio/pcmu"})) && format("input", json!({"type": "audio/pcm", "rate": 16000}))
    );
}

#[test]
fn codes_are_classed() {
    let class = |code: &str, message: &str| {
        codec().classify(&ProviderError { code: code.into(), message: message.into(), ..Default::default() })
    };
    assert_eq!(class("conversation_already_has_active_response", ""), ErrorKind::AlreadyActive);
    for code in ["response_cancel_not_active", "input_audio_buffer_commit_empty"] {
        assert_eq!(class(code, ""), ErrorKind::Benign);
    }
    assert_eq!(class("invalid_value", "Audio content of 900ms is already shorter than 1000ms"), ErrorKind::Benign);
    for code in ["insufficient_quota", "invalid_api_key", "invalid_model", "model_not_found", "beta_api_shape_disabled"]
    {
        assert_eq!(class(code, ""), ErrorKind::Fatal);
    }
    assert_eq!(class("unknown_parameter", ""), ErrorKind::Request);
}

// Frames out.

#[test]
fn append_is_base64_with_padding() {
    let mut codec = codec();
    for (samples, base64) in [(vec![], ""), (vec![1], "AQA="), (vec![1, -1], "AQD//w=="), (vec![1, -1, 0], "AQD//wAA")]
    {
        let frame: Value = serde_json::from_str(&codec.encode_audio(&samples)).unwrap();
        assert_eq!(frame, json!({"type": "input_audio_buffer.append", "audio": base64}));
    }
    // Standard alphabet, and a long frame in one piece.
    let frame: Value = serde_json::from_str(&codec.encode_audio(&vec![-1029; 200_000])).unwrap();
    let bytes = base64_simd::STANDARD.decode_to_vec(frame["audio"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), 400_000);
}

#[test]
fn samples_show_every_client_event_and_only_ga_names() {
    let config = r#"{"instructions": "x", "speed": 1.1, "max_output_tokens": 99, "noise_reduction": "far_field",
        "tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}], "tool_choice": {"function": "f"},
        "turn_detection": {"threshold": 0.4, "prefix_padding_ms": 200, "silence_duration_ms": 300},
        "transcription": {"model": "gpt-transcribe", "language": "en", "prompt": "names"}}"#;
    let frames = OpenAi::sample_client_events(&Config::from_json(config).unwrap()).unwrap();
    let names: BTreeSet<String> =
        frames.iter().map(|f| serde_json::from_str::<Value>(f).unwrap()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, CLIENT_EVENTS.into_iter().map(str::to_owned).collect());
    for beta in [
        "modalities\":[\"text\",\"audio",
        "\"modalities\"",
        "\"input_audio_format\"",
        "\"output_audio_format\"",
        "\"pcm16\"",
        "g711",
        "\"input_audio_transcription\"",
        "\"input_audio_noise_reduction\"",
        "\"max_response_output_tokens\"",
        "\"temperature\"",
        "\"type\":\"text\"",
        "\"type\":\"audio\"",
        "\"response.audio",
        "OpenAI-Beta",
        "realtime=v1",
        "null",
    ] {
        for frame in &frames {
            assert!(!frame.contains(beta), "{beta} in {frame}");
        }
    }
}

// Checklist 53: assistant history is text.
#[test]
fn what_the_assistant_said_is_written_back_as_output_text() {
    let mut codec = codec();
    let mut content = |role| {
        let command = ProviderCommand::CreateText { item: "I".into(), role, text: "words".into(), previous: None };
        let frame: Value = serde_json::from_str(&codec.encode(&command, "e").unwrap().unwrap()).unwrap();
        frame["item"].clone()
    };
    let message =
        |role, kind| json!({"id": "I", "type": "message", "role": role, "content": [{"type": kind, "text": "words"}]});
    assert_eq!(content(Role::Assistant), message("assistant", "output_text"));
    assert_eq!(content(Role::User), message("user", "input_text"));
    assert_eq!(content(Role::System), message("system", "input_text"));
}

#[test]
fn raw_is_sent_as_it_is_or_refused() {
    let mut codec = codec();
    let json = r#"{"type":"input_audio_buffer.clear",  "x":1}"#;
    assert_eq!(codec.encode(&ProviderCommand::Raw(json.into()), "e").unwrap().as_deref(), Some(json));
    for bad in ["", "[]", "7", "{", "{}x"] {
        let error = codec.encode(&ProviderCommand::Raw(bad.into()), "e").unwrap_err();
        assert_eq!((error.code.as_ref(), error.field.as_deref()), ("invalid_json", Some("json")), "{bad:?}");
    }
}

// Checklist 7, 9, 10.
#[test]
fn the_session_object_has_what_was_asked_for_and_no_more() {
    let wish = |config: &str| OpenAi::new(&Config::from_json(config).unwrap()).unwrap().wish();
    let format = json!({"type": "audio/pcm", "rate": 24000});
    let detection = json!({"type": "server_vad", "create_response": true, "interrupt_response": true});
    assert_eq!(
        wish("{}"),
        json!({"type": "realtime", "output_modalities": ["audio"], "audio": {
            "input": {"format": format, "turn_detection": detection, "transcription": {"model": "gpt-transcribe"}},
            "output": {"format": format, "voice": "marin"}}}),
        "absent fields are absent, not null"
    );
    // Null, empty and absent are three things.
    assert_eq!(wish(r#"{"transcription": null}"#)["audio"]["input"]["transcription"], Value::Null);
    assert!(wish(r#"{"transcription": null}"#)["audio"]["input"].as_object().unwrap().contains_key("transcription"));
    assert_eq!(wish(r#"{"instructions": ""}"#)["instructions"], "");
    assert!(!wish("{}").as_object().unwrap().contains_key("instructions"));
    assert_eq!(wish(r#"{"output_modality": "text"}"#)["output_modalities"], json!(["text"]));
    let full = wish(
        r#"{"speed": 0.5, "max_output_tokens": 7, "noise_reduction": "near_field",
        "transcription": {"language": "de"}, "turn_detection": {"threshold": 0, "create_response": false},
        "tools": [{"name": "f"}], "tool_choice": "required"}"#,
    );
    assert_eq!(full["audio"]["output"]["speed"], 0.5);
    assert_eq!(full["max_output_tokens"], 7);
    assert_eq!(full["audio"]["input"]["noise_reduction"], json!({"type": "near_field"}));
    assert_eq!(full["audio"]["input"]["transcription"], json!({"model": "gpt-transcribe", "language": "de"}));
    let detection =
        json!({"type": "server_vad", "threshold": 0.0, "create_response": false, "interrupt_response": true});
    assert_eq!(full["audio"]["input"]["turn_detection"], detection);
    assert_eq!(
        (&full["tools"], &full["tool_choice"]),
        (&json!([{"type": "function", "name": "f"}]), &json!("required"))
    );
    let turns =
        |more: &str| wish(&format!(r#"{{"turn_detection": {more}}}"#))["audio"]["input"]["turn_detection"].clone();
    assert_eq!(turns(r#"{"mode": "manual", "prefix_padding_ms": 200, "minimum_ms": 200}"#), Value::Null);
    assert_eq!(
        turns(r#"{"mode": "semantic", "eagerness": "low", "interrupt_response": false}"#),
        json!({"type": "semantic_vad", "eagerness": "low", "create_response": true, "interrupt_response": false})
    );
    assert_eq!(turns(r#"{"idle_timeout_ms": 6000}"#)["idle_timeout_ms"], 6000);
    let new = wish(
        r#"{"voice": "voice_7", "reasoning_effort": "xhigh", "parallel_tool_calls": false, "temperature": 1,
        "greeting": "Hello!", "labels": {"a": "b"}, "tool_handling": {"timeout_ms": 9},
        "transcription": {"languages": ["de", "en"], "keywords": ["Ada"], "delay": "minimal"},
        "tools": [{"name": "f", "output_schema": true, "timeout_ms": 5}]}"#,
    );
    assert_eq!(new["audio"]["output"]["voice"], json!({"id": "voice_7"}));
    assert_eq!((&new["reasoning"], &new["parallel_tool_calls"]), (&json!({"effort": "xhigh"}), &json!(false)));
    assert_eq!(
        new["audio"]["input"]["transcription"],
        json!({"model": "gpt-transcribe", "languages": ["de", "en"], "keywords": ["Ada"], "delay": "minimal"})
    );
    let keys: Vec<_> = new.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["audio", "output_modalities", "parallel_tool_calls", "reasoning", "tool_choice", "tools", "type"];
    assert_eq!(keys, expected, "and nothing of what is ours alone");
    assert_eq!(new["tools"], json!([{"type": "function", "name": "f"}]));
    // `extra` goes in at any depth, replaces what is no object and may say null.
    let extra = wish(
        r#"{"extra": {"tracing": "auto", "prompt": null, "audio": {"output": {"voice": {"id": "v"}}, "input": {"turn_detection": null}}}}"#,
    );
    assert_eq!((&extra["tracing"], &extra["audio"]["output"]["voice"]), (&json!("auto"), &json!({"id": "v"})));
    assert!(extra.as_object().unwrap().contains_key("prompt"));
    assert_eq!(extra["audio"]["input"]["turn_detection"], Value::Null);
    assert_eq!(extra["audio"]["input"]["format"], format);
}

// Checklist 2: one of model, call_id and intent.
#[test]
fn the_url_keeps_prefix_and_query() {
    let url = |base: &str| {
        OpenAi::new(&Config { base_url: Some(base.into()), model: Some("m".into()), ..Config::default() })
            .map(|c| c.dial.url)
    };
    for (base, expected) in [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1/", "wss://api.openai.com/v1/realtime?model=m"),
        ("wss://h.example", "wss://h.example/realtime?model=m"),
        ("http://127.0.0.1:8080/a/b", "ws://127.0.0.1:8080/a/b/realtime?model=m"),
        ("ws://[::1]:9/v1?x=1&y=a%20b", "ws://[::1]:9/v1/realtime?x=1&y=a%20b&model=m"),
    ] {
        assert_eq!(url(base).unwrap(), expected);
    }
    for bad in [
        "ftp://h/v1",
        "file:///v1",
        "h.example/v1",
        "",
        "https://",
        "https://user:pass@h/v1",
        "https://user@h/v1",
        "https://h/v1?model=other",
        "https://h/v1?call_id=rtc_1",
        "https://h/v1?intent=transcription",
    ] {
        let error = url(bad).unwrap_err();
        assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Config, Some("base_url")), "{bad}");
        assert!(error.fix.is_some(), "{bad}");
        assert!(!error.message.contains("pass@"), "{bad}: {}", error.message);
    }
    let odd = OpenAi::new(&Config { model: Some("a b&c=d".into()), ..Config::default() }).unwrap();
    assert!(odd.dial.url.ends_with("?model=a+b%26c%3Dd"), "{}", odd.dial.url);
}

// Checklist 1.
#[test]
fn no_beta_header_or_protocol_is_asked_for() {
    let dial = codec().dial;
    assert_eq!(
        (dial.subprotocols, dial.credential_subprotocol.as_str()),
        (vec!["realtime".to_owned()], "openai-insecure-api-key.")
    );
    let unknown = Config { provider: "nobody".into(), ..Config::default() };
    assert_eq!(OpenAi::new(&unknown).err().unwrap().code, "unknown_provider");
}

#[test]
fn the_url_of_the_socket_itself_is_a_base_url_too() {
    let dial = |base: &str| {
        let config = Config { base_url: Some(base.into()), ..Config::default() };
        OpenAi::new(&config).unwrap().dial().url.clone()
    };
    let base = dial("http://127.0.0.1:9/v1");
    for same in ["ws://127.0.0.1:9/v1/realtime", "http://127.0.0.1:9/v1/", "ws://127.0.0.1:9/v1/realtime/"] {
        assert_eq!(dial(same), base);
    }
}
