//! What the service does not take, and how it says so.

use super::bench::{Bench, LATEST, LEGACY, OLDER, THINKER, WRITER, setup_of};
use crate::simulator::gemini::peer::Access;
use serde_json::{Value, json};

/// How a session of `model` with this setup is closed.
fn refused(model: &str, setup: Value) -> Option<(u16, String)> {
    let vertex = model.contains('/');
    let scenario = crate::simulator::tests::client::fast(json!({"turns": []}));
    let mut bench = Bench::with(Access { vertex, ..Access::default() }, scenario);
    bench.send(json!({"setup": setup_of(model, setup)}));
    assert_eq!(bench.sent().len(), usize::from(bench.closed().is_none()));
    bench.closed()
}

#[test]
fn setups_that_are_refused() {
    let generation = |config: Value| json!({"generationConfig": config});
    let thinking = |config: Value| generation(json!({"thinkingConfig": config}));
    let input = |config: Value| json!({"realtimeInputConfig": config});
    for (model, setup) in [
        (LATEST, generation(json!({"responseModalities": ["TEXT"]}))),
        (LEGACY, generation(json!({"responseModalities": ["TEXT"]}))),
        (LATEST, generation(json!({"responseModalities": ["AUDIO", "TEXT"]}))),
        (LATEST, thinking(json!({"thinkingLevel": "LOW"}))),
        (THINKER, thinking(json!({}))),
        (THINKER, thinking(json!({"thinkingLevel": "MINIMAL"}))),
        (OLDER, thinking(json!({"thinkingLevel": "LOW"}))),
        (LEGACY, generation(json!({"enableAffectiveDialog": true}))),
        (LATEST, json!({"proactivity": {"proactiveAudio": false}})),
        (LATEST, json!({"explicitVadSignal": true})),
        (LATEST, json!({"sessionResumption": {"transparent": true}})),
        (LATEST, json!({"sessionResumption": {"handle": "unknown"}})),
        (LATEST, json!({"contextWindowCompression": {"triggerTokens": 10, "slidingWindow": {"targetTokens": 10}}})),
        (LATEST, json!({"inputAudioTranscription": {"mode": "SMART", "diarization": true}})),
        (LATEST, json!({"systemInstruction": {"parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}]}})),
        (LATEST, input(json!({"activityHandling": "SOMETIMES"}))),
        (LATEST, input(json!({"automaticActivityDetection": {"silenceDurationMs": -1}}))),
        (OLDER, json!({"tools": [{"codeExecution": {}}]})),
        (LATEST, json!({"temperature": 1})),
        (LATEST, generation(json!({"temperature": "warm"}))),
        (LATEST, generation(json!({"voice": "Kore"}))),
    ] {
        let (code, reason) = refused(model, setup.clone()).unwrap_or_else(|| panic!("{model} takes {setup}"));
        assert_eq!(code, 1007, "{setup}: {reason}");
    }
    for (model, setup) in [
        (THINKER, thinking(json!({"thinkingLevel": "HIGH"}))),
        (LEGACY, thinking(json!({"thinkingLevel": "MINIMAL"}))),
        (OLDER, thinking(json!({"thinkingBudget": 0}))),
        (OLDER, generation(json!({"enableAffectiveDialog": true}))),
        (OLDER, json!({"proactivity": {"proactiveAudio": false}})),
        (WRITER, generation(json!({"responseModalities": ["TEXT"]}))),
        (WRITER, json!({"sessionResumption": {"transparent": true}, "explicitVadSignal": true})),
        (LATEST, json!({"contextWindowCompression": {"triggerTokens": "10", "slidingWindow": {"targetTokens": 5}}})),
        (LATEST, json!({"labels": {"some_key": "x"}, "tools": null})),
        (
            LATEST,
            json!({"generation_config": {"response_modalities": ["AUDIO"], "speech_config": {"language_code": "en"}}}),
        ),
    ] {
        assert_eq!(refused(model, setup.clone()), None, "{model} {setup}");
    }
    let unknown = refused(LATEST, generation(json!({"thinking_config": {"thinkLevel": "LOW"}}))).unwrap().1;
    let expected =
        "Invalid JSON payload received. Unknown name \"thinkLevel\" at 'setup.generation_config.thinking_config'";
    assert!(unknown.starts_with(expected), "{unknown}");
    assert!(unknown.len() <= 123, "a close frame has no room for more");
}

#[test]
fn models_are_known_by_their_host() {
    for (model, fine) in [
        (LATEST, true),
        ("projects/p/locations/l/publishers/google/models/gemini-3.8-live", true),
        ("publishers/google/models/gemini-3.1-flash-live-preview", false),
        ("gemini-live-2.5-flash-native-audio", false),
        ("gemini-9", false),
    ] {
        let closed = refused(model, json!({}));
        assert_eq!(closed.is_none(), fine, "{model}");
        assert!(closed.is_none_or(|(code, reason)| code == 1008 && reason.contains("is not found")), "{model}");
    }
}

#[test]
fn functions_that_are_refused() {
    let of = |function: Value| json!({"tools": [{"functionDeclarations": [function]}]});
    let with = |parameters: Value| of(json!({"name": "f", "parameters": parameters}));
    let object = |properties: Value| with(json!({"type": "OBJECT", "properties": properties}));
    for setup in [
        of(json!({"name": "1st"})),
        of(json!({"name": "a b"})),
        of(json!({"name": "x".repeat(129)})),
        of(json!({"description": "nameless"})),
        with(json!({"type": "OBJECT", "additionalProperties": false})),
        with(json!({"type": ["object", "null"]})),
        with(json!({"type": "thing"})),
        with(json!([])),
        object(json!({"list": {"type": "ARRAY"}})),
        object(json!({"list": {"type": "ARRAY", "items": {"anyOf": []}}})),
        object(json!({"level": {"type": "INTEGER", "enum": [1, 2]}})),
        with(json!({"type": "OBJECT", "properties": {}, "required": ["city"]})),
        of(json!({"name": "f", "parameters": {"type": "OBJECT"}, "parametersJsonSchema": {}})),
        json!({"tools": [{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]}),
        json!({"tools": [{"functionDeclarations": (0..513).map(|i| json!({"name": format!("f{i}")})).collect::<Vec<_>>()}]}),
    ] {
        assert_eq!(refused(LATEST, setup.clone()).map(|(code, _)| code), Some(1007), "{setup}");
    }
    let fine = object(json!({"city": {"type": "string", "enum": ["a"], "nullable": true},
        "days": {"type": "ARRAY", "items": {"type": "INTEGER", "minimum": 0}, "maxItems": 3}}));
    assert_eq!(refused(LATEST, fine), None);
    let behaves = |behavior: &str| of(json!({"name": "f", "behavior": behavior}));
    assert_eq!(refused(LATEST, behaves("BLOCKING")), None);
    assert!(refused(THINKER, behaves("BLOCKING")).is_some_and(|(code, why)| code == 1007 && why.contains("BLOCKING")));
    assert!(refused(LEGACY, behaves("NON_BLOCKING")).is_some(), "this one always waits");
    assert_eq!(refused(OLDER, behaves("NON_BLOCKING")), None);
}

/// A property without a type is taken, and the function is never called.
#[test]
fn a_function_without_types_is_never_called() {
    for (parameters, callable) in
        [(json!({"type": "OBJECT", "properties": {"a": {}}}), false), (json!({"type": "OBJECT"}), true)]
    {
        let turns = json!([{"hear": "go", "reply": [{"call": {"name": "f"}}], "after_tool": [{"say": "Hm."}]}]);
        let tools = json!([{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]);
        let mut bench = Bench::of(LATEST, json!({"tools": tools}), turns);
        bench.realtime("text", json!("go"));
        let events = bench.turn();
        assert_eq!(events.iter().any(|event| event.get("toolCall").is_some()), callable, "{parameters}");
    }
}

#[test]
fn a_session_begins_with_its_setup_and_has_one() {
    let mut bench = Bench::bare(json!([]));
    bench.realtime("text", json!("hello"));
    assert_eq!(bench.closed().unwrap(), (1007, "setup must be the first message.".to_owned()));
    bench.send(json!({"setup": setup_of(LATEST, json!({}))}));
    assert!(bench.sent().is_empty(), "whoever was refused is not listened to");

    let mut bench = Bench::of(LATEST, json!({}), json!([]));
    bench.send(json!({"setup": setup_of(LATEST, json!({}))}));
    assert_eq!(bench.closed().unwrap().0, 1007);
}

#[test]
fn messages_that_are_none() {
    let blob = |mime: &str, data: &str| json!({"realtimeInput": {"audio": {"mimeType": mime, "data": data}}});
    for message in [
        json!({}),
        json!([]),
        json!({"realtimeInput": {"text": "a"}, "clientContent": {"turnComplete": true}}),
        json!({"somethingElse": {}}),
        json!({"realtimeInput": {"speech": "a"}}),
        json!({"realtimeInput": {"text": 5}}),
        json!({"realtimeInput": {"text": "bell \u{7}"}}),
        json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "bell \u{7}"}]}]}}),
        json!({"clientContent": {"turns": [{"parts": [{"text": "who"}]}]}}),
        json!({"clientContent": {"turns": [{"role": "system", "parts": [{"text": "obey"}]}]}}),
        blob("audio/ogg", "AAAA"),
        blob("audio/pcm;rate=1", "AAAA"),
        blob("audio/pcm;rate=16000", "!"),
        blob("audio/pcm;rate=16000", "AAAA"),
        json!({"realtimeInput": {"video": {"mimeType": "image/tiff", "data": "AAAA"}}}),
    ] {
        let mut bench = Bench::of(LATEST, json!({}), json!([]));
        bench.send(message.clone());
        assert_eq!(bench.closed().map(|(code, _)| code), Some(1007), "{message}");
    }
    let mut bench = Bench::of(LATEST, json!({}), json!([]));
    bench.send(blob("audio/pcm", "_w-__w"));
    assert_eq!(bench.closed(), None, "the other alphabet, without padding");
    let mut bench = Bench::of(LATEST, json!({}), json!([]));
    let not_json = crate::simulator::connection::Dialogue::on_text(
        &mut bench.peer,
        "{\"realtimeInput\":",
        tokio::time::Instant::now(),
    );
    assert_eq!((not_json, bench.closed().unwrap().0), (None, 1007));
}
