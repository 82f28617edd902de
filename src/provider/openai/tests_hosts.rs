//! Hosts of the dialect, and what of xAI's checklist (its protocols reference §12) the codec alone decides.

use super::*;
use crate::{
    config::VadMode,
    provider::{ErrorKind, settle},
};
use serde_json::json;
use std::{borrow::Cow, sync::Arc};

fn config(document: Value) -> Config {
    Config::from_json(&document.to_string()).unwrap()
}

fn xai(mut more: Value) -> OpenAi {
    more["provider"] = "xai".into();
    OpenAi::new(&config(more)).unwrap()
}

fn event(codec: &mut OpenAi, event: Value) -> ProviderEvent {
    let mut events = Vec::new();
    codec.decode(&Frame::Text(Cow::Owned(event.to_string())), &mut events).unwrap();
    events.remove(0)
}

fn frame(codec: &mut OpenAi, command: ProviderCommand) -> Value {
    serde_json::from_str(&codec.encode(&command, "evt_1").unwrap().unwrap()).unwrap()
}

#[test]
fn xai_1_the_model_is_in_the_query_and_another_one_is_told() {
    let mut codec = xai(json!({"model": "grok voice/3.0"}));
    assert_eq!(codec.dial().url, "wss://api.x.ai/v1/realtime?model=grok+voice%2F3.0");
    assert_eq!(xai(json!({})).dial().url, "wss://api.x.ai/v1/realtime?model=grok-voice-latest");
    let created = |model: &str| json!({"type": "session.created", "session": {"model": model}});
    let other = |event: ProviderEvent| match event {
        ProviderEvent::SessionCreated(info) => info.other_model,
        other => panic!("{other:?}"),
    };
    assert_eq!(other(event(&mut codec, created("grok voice/3.0"))), None);
    assert_eq!(other(event(&mut codec, created("grok-2"))), Some("grok-2".into()));
    assert_eq!(other(event(&mut xai(json!({})), created("grok-voice-3.0"))), None, "an alias stands for any");
}

#[test]
fn xai_3_either_greeting_is_one() {
    let (session, conversation) =
        (json!({"type": "session.created", "session": {}}), json!({"type": "conversation.created"}));
    let mut codec = xai(json!({}));
    assert!(matches!(event(&mut codec, conversation.clone()), ProviderEvent::SessionCreated(_)));
    assert!(matches!(event(&mut codec, session.clone()), ProviderEvent::SessionCreated(_)));
    codec.reset();
    assert!(matches!(event(&mut codec, session), ProviderEvent::SessionCreated(_)));
    assert!(matches!(event(&mut codec, conversation), ProviderEvent::Other { known: true, .. }));
}

#[test]
fn xai_5_voice_and_detection_stand_at_the_top() {
    let session =
        xai(json!({"voice": "leo", "speed": 1.2, "transcription": {"language": "de", "keywords": ["Acme"]}})).wish();
    assert_eq!(session["voice"], "leo");
    assert_eq!(session["turn_detection"]["type"], "server_vad");
    assert_eq!(
        session["audio"],
        json!({
        "input": {"format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "grok-transcribe", "language_hint": "de", "keyterms": ["Acme"]}},
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1.2}})
    );
    assert!(session.get("output_modalities").is_none(), "{session}");
}

#[test]
fn xai_6_manual_turns_are_an_explicit_null() {
    let session = xai(json!({"turn_detection": {"mode": "manual"}})).wish();
    assert_eq!(session.get("turn_detection"), Some(&Value::Null));
}

#[test]
fn xai_7_and_10_signs_of_life_and_second_names_are_passed_over() {
    let mut codec = xai(json!({}));
    for kind in ["ping", "response.text.delta", "response.text.done"] {
        let told = event(&mut codec, json!({"type": kind, "timestamp": 5, "delta": "twice"}));
        assert_eq!(told, ProviderEvent::Other { name: kind.into(), known: true });
    }
    let item = json!({"type": "conversation.item.added", "item": {"id": "I", "type": "x_search_call"}});
    let ProviderEvent::ItemAdded { item, .. } = event(&mut codec, item) else { panic!() };
    assert_eq!(item.kind, crate::provider::ItemKind::Other("x_search_call".into()));
}

#[test]
fn xai_8_every_transcript_is_the_whole_so_far() {
    let mut codec = xai(json!({}));
    for kind in ["updated", "completed"] {
        let kind = format!("conversation.item.input_audio_transcription.{kind}");
        let told = event(&mut codec, json!({"type": kind, "item_id": "U", "transcript": "good morning"}));
        let (item, part, transcript) = ("U".into(), 0, "good morning".to_owned());
        assert_eq!(told, ProviderEvent::UserTranscriptSoFar { item, part, transcript });
    }
}

/// Recorded: an empty usage in the response, and the true one beside it.
#[test]
fn xai_usage_stands_beside_the_response() {
    let usage = json!({"input_tokens": 7, "input_token_details": {"text_tokens": 7, "grok_tokens": 0},
        "output_tokens": 113, "output_audio_seconds": 2.08, "billable_audio_seconds": 1});
    let response = json!({"id": "R", "status": "completed", "status_details": "unimplemented", "usage": {}});
    let done = json!({"type": "response.done", "response": response, "response_id": "R", "usage": usage});
    let ProviderEvent::ResponseDone(done) = event(&mut xai(json!({})), done) else { panic!() };
    let (read, written) = done.usage.expect("it is told");
    assert_eq!((read.total, read.text, written.total), (7, 7, 113));
}

/// Where turns are ended by hand speech is told all the same.
#[test]
fn xai_speech_in_a_turn_by_hand_begins_nothing() {
    let started = json!({"type": "input_audio_buffer.speech_started", "item_id": "U", "audio_start_ms": 40});
    let updated = |session: Value| json!({"type": "session.updated", "session": session});
    let by_hand = |codec: &mut OpenAi, session: Value| {
        event(codec, updated(session));
        matches!(event(codec, started.clone()), ProviderEvent::Other { known: true, .. })
    };
    let mut codec = xai(json!({"turn_detection": {"mode": "manual"}}));
    assert!(by_hand(&mut codec, json!({"turn_detection": null})));
    assert!(by_hand(&mut codec, json!({"turn_detection": {"type": null}})));
    assert!(by_hand(&mut codec, json!({})), "as it was asked for");
    assert!(!by_hand(&mut codec, json!({"turn_detection": {"type": "server_vad"}})));
    assert!(!by_hand(&mut xai(json!({})), json!({})));
}

#[test]
fn xai_14_results_are_strings_as_they_are() {
    let output = r#"{"ok":true}"#;
    let (item, call, previous) = ("i".into(), "c".into(), None);
    let sent = frame(
        &mut xai(json!({})),
        ProviderCommand::ToolOutput {
            item,
            call,
            output: output.into(),
            is_error: false,
            scheduling: Default::default(),
            previous,
        },
    );
    assert_eq!(sent["item"]["output"], output);
}

#[test]
fn xai_15_what_asks_for_nothing_is_benign_whatever_its_code() {
    let codec = xai(json!({}));
    let kind = |message: &str| codec.classify(&ProviderError { message: message.into(), ..Default::default() });
    assert_eq!(kind("Cancellation failed: no active response found"), ErrorKind::Benign);
    assert_eq!(kind("Conversation already has an active response in progress"), ErrorKind::AlreadyActive);
    assert_eq!(kind("something else"), ErrorKind::Request);
}

#[test]
fn xai_19_written_answers_and_pictures_are_refused_before_anything_is_sent() {
    let refused = |more: Value| {
        let mut document = more;
        document["provider"] = "xai".into();
        settle(Arc::new(config(document))).unwrap_err().field.unwrap_or_default()
    };
    for (document, field) in [
        (json!({"output_modality": "text"}), "output_modality"),
        (json!({"turn_detection": {"mode": "semantic"}}), "turn_detection.mode"),
        (json!({"turn_detection": {"create_response": false}}), "turn_detection.create_response"),
        (json!({"turn_detection": {"threshold": 0.95}}), "turn_detection.threshold"),
        (json!({"max_output_tokens": 5}), "max_output_tokens"),
        (json!({"parallel_tool_calls": true}), "parallel_tool_calls"),
        (json!({"noise_reduction": "near_field"}), "noise_reduction"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort"),
        (json!({"speed": 0.5}), "speed"),
        (json!({"model": "grok-2-audio"}), "model"),
        (json!({"transcription": {"prompt": "names"}}), "transcription.prompt"),
    ] {
        assert_eq!(refused(document.clone()), field, "{document}");
    }
    let mut codec = xai(json!({}));
    assert_eq!((codec.capabilities().text_out, codec.capabilities().image_in), (Some(false), Some(false)));
    let picture = Picture::Data { mime_type: "image/png".into(), base64: "AA==".into() };
    let image = ProviderCommand::CreateImage { item: "i".into(), text: None, picture, detail: None };
    assert_eq!(codec.encode(&image, "e").unwrap_err().field.as_deref(), Some("image"));
    let options = ResponseOptions { output_modality: Some(crate::config::Modality::Text), ..Default::default() };
    let ask = ProviderCommand::CreateResponse { request: "r".into(), options: Box::new(options) };
    assert_eq!(codec.encode(&ask, "e").unwrap_err().field.as_deref(), Some("options.output_modality"));
}

#[test]
fn xai_20_names_the_services_own_tools_take_are_refused() {
    for (kind, name) in [("web_search", "browse_page"), ("x_search", "x_thread_fetch"), ("file_search", "file_search")]
    {
        let document = |native: &str| {
            config(
                json!({"provider": "xai", "tools": [{"name": "f"}, {"name": name}], "extra": {"tools": [{"type": native}]}}),
            )
        };
        let error = settle(Arc::new(document(kind))).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("tools[1].name"), "{error}");
        settle(Arc::new(document("mcp"))).unwrap();
        let tools = OpenAi::new(&document("mcp")).unwrap().wish()["tools"].clone();
        assert_eq!((tools.as_array().unwrap().len(), &tools[2]["type"]), (3, &json!("mcp")), "beside the functions");
    }
}

#[test]
fn xai_23_words_to_say_are_forced_and_their_responses_matched_in_order() {
    let mut codec = xai(json!({}));
    for request in ["r1", "r2"] {
        let say = ProviderCommand::Say { request: request.into(), text: "Hello!".into() };
        let sent: Value = serde_json::from_str(&codec.encode(&say, request).unwrap().unwrap()).unwrap();
        assert_eq!(
            (&sent["type"], &sent["item"]["type"]),
            (&json!("conversation.item.create"), &json!("force_message"))
        );
        assert_eq!(sent["item"]["content"], json!([{"type": "output_text", "text": "Hello!"}]));
    }
    let mut created = |id: &str| match event(&mut codec, json!({"type": "response.created", "response": {"id": id}})) {
        ProviderEvent::ResponseCreated { request, .. } => request,
        other => panic!("{other:?}"),
    };
    assert_eq!([created("a"), created("b"), created("c")], [Some("r1".into()), Some("r2".into()), None]);
    let say = ProviderCommand::Say { request: "r3".into(), text: "Hello!".into() };
    codec.encode(&say, "refused").unwrap();
    event(&mut codec, json!({"type": "error", "error": {"message": "no", "event_id": "refused"}}));
    let next = event(&mut codec, json!({"type": "response.created", "response": {"id": "d"}}));
    assert!(matches!(next, ProviderEvent::ResponseCreated { request: None, .. }), "a refused one is not waited for");
}

#[test]
fn xai_25_the_longest_conversation_is_the_end_of_a_session() {
    let mut codec = xai(json!({}));
    let ended = json!({"type": "error", "error": {"type": "max_duration", "message": "over"}});
    let ProviderEvent::Error(error) = event(&mut codec, ended) else { panic!() };
    assert_eq!(codec.classify(&error), ErrorKind::SessionOver);
    let ProviderEvent::Error(flat) = event(&mut codec, json!({"type": "error", "message": "flat", "code": "c"})) else {
        panic!()
    };
    assert_eq!((flat.message.as_str(), flat.code.as_str()), ("flat", "c"));
}

#[test]
fn xai_28_the_same_voice_under_another_name_is_no_difference() {
    let mut codec = xai(json!({"voice": "ara"}));
    for (echo, shown) in [("human_Ara", "ara"), ("ARA", "ara"), ("leo", "leo")] {
        let updated = json!({"type": "session.updated", "session": {"voice": echo}});
        let ProviderEvent::SessionUpdated(info) = event(&mut codec, updated) else { panic!() };
        assert_eq!(info.session["voice"], shown);
    }
}

#[test]
fn xai_29_a_delete_without_a_name_is_the_oldest() {
    let mut codec = xai(json!({}));
    for item in ["i1", "i2", "i3"] {
        frame(&mut codec, ProviderCommand::DeleteItem { item: item.into() });
    }
    let mut gone = |id: &str| event(&mut codec, json!({"type": "conversation.item.deleted", "item_id": id}));
    assert_eq!(gone("i2"), ProviderEvent::ItemDeleted { item: "i2".into() });
    assert_eq!(gone(""), ProviderEvent::ItemDeleted { item: "i1".into() });
    assert_eq!(gone(""), ProviderEvent::ItemDeleted { item: "i3".into() });
}

#[test]
fn azure_is_dialled_by_deployment_with_its_own_header() {
    for base in [
        "https://r.openai.azure.com",
        "https://r.openai.azure.com/openai/v1/",
        "wss://r.openai.azure.com/openai/v1/realtime",
    ] {
        let azure = OpenAi::new(&config(json!({"provider": "azure", "base_url": base, "model": "my-voice"}))).unwrap();
        assert_eq!(azure.dial().url, "wss://r.openai.azure.com/openai/v1/realtime?model=my-voice");
        assert_eq!(azure.dial().key_header.as_deref(), Some("api-key"));
        assert_eq!(azure.capabilities().turn_modes, [VadMode::Server, VadMode::Semantic, VadMode::Manual]);
    }
    let (_, warnings) = settle(Arc::new(config(json!({"provider": "azure", "model": "my-voice"})))).unwrap();
    assert!(warnings.is_empty(), "the name of a deployment is no unknown model: {warnings:?}");
}

#[test]
fn what_has_no_default_is_asked_for() {
    for (document, field) in [
        (json!({"provider": "azure", "model": "m"}), "base_url"),
        (json!({"provider": "azure", "base_url": "https://r.example"}), "model"),
        (json!({"provider": "compatible"}), "base_url"),
    ] {
        let error = OpenAi::new(&config(document)).err().unwrap();
        assert_eq!(error.field.as_deref(), Some(field), "{error}");
        assert!(error.fix.is_some());
    }
    let open = OpenAi::new(&config(json!({"provider": "compatible", "base_url": "https://voice.example/v1"}))).unwrap();
    assert_eq!(open.dial().url, "wss://voice.example/v1/realtime", "its model is its own");
    assert!(open.wish()["audio"]["output"].get("voice").is_none());
}
