//! What the codec says of itself, where it dials and what it refuses. What it makes of a conversation: `tests/gemini`.

use super::*;
use crate::credential::CredentialKind;

fn config(more: Value) -> Config {
    let mut document = json!({"provider": "gemini"});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Config::from_json(&document.to_string()).unwrap()
}

/// Line 5: a token has a method of its own and never stands in the URL; nor does a key.
#[test]
fn each_kind_of_credential_has_its_door() {
    let of = |kind| dial_with(&config(json!({})), kind, None, None).unwrap();
    let (key, token) = (of(CredentialKind::ApiKey), of(CredentialKind::Ephemeral));
    let service = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage";
    assert_eq!(key.url, format!("{service}.v1beta.GenerativeService.BidiGenerateContent"));
    assert_eq!(token.url, format!("{service}.v1alpha.GenerativeService.BidiGenerateContentConstrained"));
    assert_eq!((key.key_header.as_deref(), token.token_scheme.as_deref()), (Some("x-goog-api-key"), Some("Token")));
    assert!(crate::Credential::new("auth_tokens/x").unwrap().kind() == CredentialKind::Ephemeral);
    let error = dial_with(&config(json!({})), CredentialKind::SignedUrl, None, None).unwrap_err();
    assert_eq!(error.code, "credential_kind");
}

#[test]
fn vertex_is_found_by_its_host_and_wants_whole_names() {
    let host = "https://us-central1-aiplatform.googleapis.com";
    let model = "projects/p/locations/us-central1/publishers/google/models/gemini-live-2.5-flash-native-audio";
    let there = config(json!({"base_url": host, "model": model}));
    let request = dial_with(&there, CredentialKind::Bearer, None, None).unwrap();
    let path = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent";
    assert_eq!(request.url, format!("wss://us-central1-aiplatform.googleapis.com{path}"));
    assert_eq!(Gemini::new(&there).unwrap().setup["model"], model);
    let error = dial_with(&config(json!({"base_url": host})), CredentialKind::Bearer, None, None).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("model"));
    // A whole URL is taken as it is, and its query stays.
    let whole = "wss://gateway.example/x/BidiGenerateContent?tenant=7";
    let request = dial_with(&config(json!({"base_url": whole})), CredentialKind::ApiKey, None, None).unwrap();
    assert_eq!(request.url, whole);
}

/// Lines 8 and 26: what the model lacks is said before anything is dialled.
#[test]
fn what_the_service_lacks_is_refused() {
    for (wish, path) in [
        (json!({"speed": 1.2}), "speed"),
        (json!({"output_modality": "text"}), "output_modality"),
        (json!({"noise_reduction": "near_field"}), "noise_reduction"),
        (json!({"parallel_tool_calls": true}), "parallel_tool_calls"),
        (json!({"tool_choice": "required", "tools": [{"name": "f"}]}), "tool_choice"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort"),
        (json!({"reasoning_effort": "minimal", "model": "gemini-3.8-live-extended-thinking"}), "reasoning_effort"),
        (json!({"turn_detection": {"mode": "semantic"}}), "turn_detection.mode"),
        (json!({"turn_detection": {"threshold": 0.5}}), "turn_detection.threshold"),
        (json!({"turn_detection": {"idle_timeout_ms": 6000}}), "turn_detection.idle_timeout_ms"),
        (json!({"turn_detection": {"create_response": false}}), "turn_detection.create_response"),
        (json!({"transcription": {"model": "whisper-1"}}), "transcription.model"),
        (json!({"transcription": {"prompt": "x"}}), "transcription.prompt"),
        (json!({"auth": "subprotocol"}), "auth"),
    ] {
        let found = legality::findings(&config(wish.clone()));
        let (path_found, severity) = (found[0].path.as_str(), found[0].severity);
        assert_eq!(path_found, path, "{wish}");
        assert_eq!(severity, crate::provider::openai::legality::Severity::Unsupported, "{wish}");
        let error = crate::provider::settle(std::sync::Arc::new(config(wish))).unwrap_err();
        assert_eq!(error.field.as_deref(), Some(path));
    }
    assert_eq!(legality::findings(&config(json!({"voice": "Kore", "temperature": 1.0}))), []);
    let words = |wish| legality::findings(&config(wish)).into_iter().map(|f| f.fix).collect::<Vec<_>>().join(" ");
    assert!(words(json!({"model": "gemini-3.8-liv"})).contains("gemini-3.8-live"));
    assert!(words(json!({"model": "gemini-3.1-flash-live-preview"})).contains("gemini-3.8-live"));
    let can = capabilities(&config(json!({})));
    assert_eq!((can.truncate, can.cancel, can.text_out), (Some(false), Some(false), Some(false)));
}

/// Line 3: what stands in one message belongs together, usage before the end it belongs to.
#[test]
fn one_message_may_say_everything() {
    let mut codec = Gemini::new(&config(json!({}))).unwrap();
    let message = json!({
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": true},
        "voiceActivity": {"type": "ACTIVITY_START"},
        "serverContent": {"inputTranscription": {"text": "Hi", "finished": true},
            "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAA="}}]},
            "generationComplete": true, "turnComplete": true},
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
        "goAway": {"timeLeft": "1.5s"},
    });
    let mut events = Vec::new();
    codec.decode(&Frame::Binary(message.to_string().as_bytes().into()), &mut events).unwrap();
    let done = events.iter().find_map(|e| match e {
        ProviderEvent::ResponseDone(done) => Some(done),
        _ => None,
    });
    let (input, output) = done.unwrap().usage.unwrap();
    assert_eq!((input.total, output.total), (3, 4));
    assert!(matches!(events[0], ProviderEvent::SpeechStarted { .. }), "{:?}", events[0]);
    assert_eq!(events.last(), Some(&ProviderEvent::EndsIn { ms: 1500 }));
    // Another rate than the documented one would be played at the wrong speed.
    let other = r#"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=48000","data":"AAA="}}]}}}"#;
    let mut events = Vec::new();
    assert!(matches!(codec.decode(&Frame::Text(other.into()), &mut events), Err(DecodeError::Audio(_))));
    assert_eq!(events, []);
}

#[test]
fn durations_are_seconds() {
    for (text, ms) in
        [("9.5s", Some(9500)), ("0s", Some(0)), ("1e9s", None), ("-1s", None), ("5", None), ("NaNs", None)]
    {
        assert_eq!(millis(text), ms, "{text}");
    }
}
