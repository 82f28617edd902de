//! What the host wishes for and the service takes only so, or not at all.

use super::{by_hand::sent_samples, *};
use duologue::{config::Config, error::ErrorClass, provider};

fn search() -> Value {
    json!({"googleSearch": {}})
}

/// What the service runs itself stands beside functions, also when it is changed.
#[test]
fn the_services_own_tools_stand_beside_functions() {
    let mut talk = Talk::new(config(json!({"tools": [{"name": "clock"}], "extra": {"tools": [search()]}})));
    talk.host(Command::Connect);
    talk.opened();
    let declared = frames(&talk.take())[0]["setup"]["tools"].clone();
    assert_eq!((&declared[0]["functionDeclarations"][0]["name"], &declared[1]), (&json!("clock"), &search()));
    says(&mut talk, json!({"setupComplete": {}}));
    talk.take();
    let op = talk.host(Command::UpdateSession { changes: json!({"extra": {"tools": null}}) });
    let outputs = talk.take();
    done(&outputs, op);
    assert_eq!(frames(&outputs), [json!({"contextUpdate": {"tools": {"tools": [declared[0]]}}})]);
    talk.finish();
}

/// Two words for one thing.
#[test]
fn extra_contradicts_no_field_of_its_own() {
    for (more, field) in [
        (json!({"tools": [{"name": "clock"}], "extra": {"tools": [{"functionDeclarations": []}]}}), "extra.tools"),
        (
            json!({"temperature": 1.0, "extra": {"generationConfig": {"temperature": 0.5}}}),
            "extra.generationConfig.temperature",
        ),
        (json!({"instructions": "Be kind.", "extra": {"systemInstruction": "Be brief."}}), "extra.systemInstruction"),
    ] {
        let config: Config = serde_json::from_value(config(more)).unwrap();
        let error = provider::settle(config.into()).unwrap_err();
        assert_eq!((&*error.code, error.field.as_deref()), ("conflicting_option", Some(field)));
    }
    let free = config(json!({"extra": {"generationConfig": {"topP": 0.9}, "tools": [search()]}}));
    provider::settle(serde_json::from_value::<Config>(free).unwrap().into()).unwrap();
}

/// The service ends a session for control characters, so it gets none, and for very long texts.
#[test]
fn words_are_fit_for_the_service() {
    let mut talk = connected(json!({"tools": [{"name": "clock"}]}));
    talk.say("a\u{0}b\nc", false);
    let sent = frames(&talk.take());
    assert_eq!(sent[0]["clientContent"]["turns"][0]["parts"][0]["text"], "a b\nc");
    says(&mut talk, json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "clock", "args": {}}]}}));
    talk.take();
    talk.answer("c1", r#"{"time":"\u0007noon"}"#);
    let response = frames(&talk.take())[0]["toolResponse"]["functionResponses"][0]["response"].clone();
    assert_eq!(response, json!({"output": {"time": " noon"}}));
    turn_ends(&mut talk);
    let op = talk.say(&"x".repeat(32_001), false);
    let outputs = talk.take();
    let error = outputs.completed(op).unwrap().unwrap();
    assert_eq!((error.class, &*error.code, error.field.as_deref()), (ErrorClass::Limit, "too_long", Some("text")));
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    talk.finish();
}

/// What a camera sees goes beside the microphone, with every model; who sees none is shown none, and nothing waits.
#[test]
fn frames_of_a_camera_are_seen() {
    let frame = |data: &str| Command::SendVideoFrame { image: serde_json::from_value(json!({"data": data})).unwrap() };
    let (jpeg, png) = ("/9j/4AAQSkZJRg==", "iVBORw0KGgo=");
    for model in [NEWEST, SEEDED] {
        let mut talk = connected(json!({"model": model, "recovery": {"reconnect": true}}));
        let op = talk.host(frame(jpeg));
        let outputs = talk.take();
        done(&outputs, op);
        let sent = json!({"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": jpeg}}});
        assert_eq!((frames(&outputs), talk.session.messages().len()), (vec![sent], 0));
        let op = talk.host(frame(png));
        assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "image_type");
        talk.closed(None, "", None);
        let op = talk.host(frame(jpeg));
        assert_eq!(talk.take().completed(op).unwrap().unwrap().code, "not_connected");
        talk.finish();
    }
    let mut talk = Talk::connected(json!({}));
    let op = talk.host(frame(jpeg));
    let error = talk.take().completed(op).unwrap().unwrap();
    assert_eq!((&*error.code, error.field.as_deref()), ("video", Some("image")));
    talk.finish();
}

/// A parameter that is required and not declared closes the session.
#[test]
fn what_is_required_is_declared() {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city", "day"]});
    let mut talk = Talk::new(config(json!({"tools": [{"name": "weather", "parameters": parameters}]})));
    talk.host(Command::Connect);
    talk.opened();
    let declared = frames(&talk.take())[0]["setup"]["tools"][0]["functionDeclarations"][0].clone();
    assert_eq!(declared["parameters"]["required"], json!(["city"]));
    talk.finish();
}

/// Null is refused by the service: in `extra` it takes a field out.
#[test]
fn null_takes_a_field_out() {
    let extra =
        json!({"contextWindowCompression": null, "generationConfig": {"responseModalities": null, "topP": null}});
    let mut talk = Talk::new(config(json!({"extra": extra})));
    talk.host(Command::Connect);
    talk.opened();
    let setup = frames(&talk.take())[0]["setup"].to_string();
    assert!(!setup.contains("null") && !setup.contains("contextWindowCompression"), "{setup}");
    talk.finish();
}

/// Models that are retired, or speak otherwise, are answered with what to use instead.
#[test]
fn older_models_have_a_successor() {
    let settle = |model: &str| {
        provider::settle(serde_json::from_value::<Config>(config(json!({"model": model}))).unwrap().into())
    };
    let (_, warnings) = settle("gemini-2.0-flash-live-001").unwrap();
    assert_eq!((&*warnings[0].code, warnings[0].fix.as_deref()), ("deprecated_model", Some("use gemini-3.8-live")));
    assert_eq!(settle("gemini-3.5-live-translate-preview").unwrap_err().code, "unsupported_model");
    assert!(settle("gemini-live-2.5-flash-native-audio").unwrap().1.is_empty());
}

/// Some credentials are refused only when the connection is open, by the words it is closed with.
#[test]
fn a_refused_credential_is_one() {
    for words in ["API key not valid. Please pass a valid API key.", "Method doesn't allow unregistered callers."] {
        let mut talk = Talk::new(config(json!({"recovery": {"reconnect": true}})));
        let op = talk.host(Command::Connect);
        talk.opened();
        talk.closed(Some(1008), words, None);
        let error = talk.take().completed(op).unwrap().unwrap();
        assert_eq!((error.class, &*error.code), (ErrorClass::Credential, "auth"), "{error}");
        talk.finish();
    }
}

/// A change of who ends the turns is in force with the connection that takes it, and not before.
#[test]
fn turns_are_as_the_connection_has_them() {
    let mut talk = connected(json!({"recovery": {"reconnect": false}}));
    talk.say("Remember 7.", true);
    speech(&mut talk, 400, "I will remember it.");
    turn_ends(&mut talk);
    says(&mut talk, json!({"sessionResumptionUpdate": {"newHandle": "handle", "resumable": true}}));
    talk.plays(400);
    user_speaks(&mut talk);
    talk.take();
    let before = talk.epoch;
    let op = talk.host(Command::UpdateSession { changes: json!({"turn_detection": {"mode": "manual"}}) });
    talk.microphone(20);
    let outputs = talk.take();
    assert_eq!(sent_samples(&outputs), 480, "the user is in the middle of a turn that the service ends");
    let next = std::mem::replace(&mut talk.epoch, before);
    user_is_silent(&mut talk, "And 8.");
    speech(&mut talk, 100, "And 8.");
    turn_ends(&mut talk);
    talk.plays(100);
    talk.epoch = next;
    talk.opened();
    talk.input(Input::Closed { epoch: before, code: Some(1000), reason: String::new(), error: None });
    says(&mut talk, json!({"setupComplete": {}}));
    let outputs = talk.take();
    done(&outputs, op);
    talk.microphone(20);
    assert_eq!(sent_samples(&talk.take()), 0, "nobody holds the button");
    talk.finish();
}

/// What is said while a change takes a new connection is heard by that one.
#[test]
fn nothing_said_during_a_change_is_lost() {
    let mut talk = connected(json!({"recovery": {"reconnect": false}}));
    talk.say("Remember 7.", true);
    speech(&mut talk, 400, "I will remember it.");
    turn_ends(&mut talk);
    says(&mut talk, json!({"sessionResumptionUpdate": {"newHandle": "handle", "resumable": true}}));
    talk.plays(400);
    let before = talk.epoch;
    talk.host(Command::UpdateSession { changes: json!({"voice": "Puck"}) });
    talk.opened();
    talk.take();
    for _ in 0..5 {
        talk.pass(30);
        talk.microphone(20);
    }
    talk.input(Input::Closed { epoch: before, code: Some(1000), reason: String::new(), error: None });
    says(&mut talk, json!({"setupComplete": {}}));
    assert_eq!(sent_samples(&talk.take()), 5 * 480);
    talk.finish();
}
