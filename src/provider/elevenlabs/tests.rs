use super::{legality::findings, *};
use crate::{
    capabilities::Reconnect,
    config::VadMode,
    provider::{codec_for, dial_with},
};
use serde_json::json;

fn config(more: Value) -> Config {
    let mut document = json!({"provider": "elevenlabs", "model": "agent_1"});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Config::from_json(&document.to_string()).unwrap()
}

/// Lines 20, 21: what nobody set is not there, and null is nowhere.
#[test]
fn only_what_is_wished_for_is_said() {
    let empty = initiation::message(&config(json!({})));
    assert_eq!(empty, json!({"type": "conversation_initiation_client_data"}));
    let all = config(json!({"instructions": "Be kind.", "greeting": "Hello!", "voice": "v1", "speed": 1.1,
        "temperature": 0.3, "max_output_tokens": 200,
        "transcription": {"language": "de", "keywords": ["Ada"]},
        "extra": {"dynamic_variables": {"name": "Ann"}, "user_id": "u",
            "conversation_config_override": {"tts": {"stability": 0.5}}}}));
    assert_eq!(
        initiation::message(&all),
        json!({"type": "conversation_initiation_client_data",
            "conversation_config_override": {
                "agent": {"prompt": {"prompt": "Be kind."}, "first_message": "Hello!", "language": "de"},
                "tts": {"voice_id": "v1", "speed": 1.1, "stability": 0.5},
                "asr": {"keywords": ["Ada"]}},
            "custom_llm_extra_body": {"temperature": 0.3, "max_tokens": 200},
            "dynamic_variables": {"name": "Ann"}, "user_id": "u"})
    );
    let writes = initiation::message(&config(json!({"output_modality": "text"})));
    assert_eq!(writes["conversation_config_override"], json!({"conversation": {"text_only": true}}));
}

/// Line 22: a key is exchanged at the host that is dialled, and an agent is named once.
#[test]
fn an_agent_is_dialled() {
    let dial = |document: Value| codec_for(&config(document)).unwrap().dial().clone();
    let plain = dial(json!({}));
    assert_eq!(plain.url, "wss://api.elevenlabs.io/v1/convai/conversation?agent_id=agent_1");
    let sign = "https://api.elevenlabs.io/v1/convai/conversation/get-signed-url?agent_id=agent_1";
    assert_eq!((plain.signed_at.as_deref(), plain.key_header.as_deref()), (Some(sign), Some("xi-api-key")));
    let region = dial(json!({"base_url": "https://api.eu.residency.elevenlabs.io/?branch_id=b"}));
    let eu = "api.eu.residency.elevenlabs.io/v1/convai/conversation";
    assert_eq!(region.url, format!("wss://{eu}?branch_id=b&agent_id=agent_1"));
    assert_eq!(region.signed_at.unwrap(), format!("https://{eu}/get-signed-url?branch_id=b&agent_id=agent_1"));
    let here = dial(json!({"base_url": "ws://127.0.0.1:80/v1/convai/conversation"}));
    assert_eq!(here.url, "ws://127.0.0.1:80/v1/convai/conversation?agent_id=agent_1".replace(":80", ""));
    let error = codec_for(&Config { model: None, ..config(json!({})) }).err().unwrap();
    assert_eq!(error.field.as_deref(), Some("model"));
    assert!(error.fix.unwrap().contains("agent"));
}

#[test]
fn only_keys_and_signed_urls_are_credentials() {
    use crate::credential::CredentialKind as K;
    for (kind, fine) in [(K::ApiKey, true), (K::SignedUrl, true), (K::Ephemeral, false), (K::Bearer, false)] {
        let dialled = dial_with(&config(json!({})), kind, None, None);
        assert_eq!(dialled.is_ok(), fine, "{kind:?}");
        if let Err(error) = dialled {
            assert_eq!((error.code.as_ref(), error.field.as_deref()), ("credential_kind", Some("credential.kind")));
        }
    }
}

/// Line 19.
#[test]
fn an_agent_cannot_do_what_a_model_can() {
    let codec = codec_for(&config(json!({}))).unwrap();
    let can = codec.capabilities();
    assert_eq!((can.truncate, can.cancel, can.reconnect), (Some(false), Some(false), Some(Reconnect::New)));
    assert_eq!((can.turn_modes.as_slice(), can.say), ([VadMode::Server].as_slice(), None));
    for (document, path) in [
        (json!({"turn_detection": {"mode": "manual"}}), "turn_detection.mode"),
        (json!({"turn_detection": {"silence_duration_ms": 300}}), "turn_detection.silence_duration_ms"),
        (json!({"transport": "webrtc"}), "transport"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort"),
        (json!({"tools": [{"name": "f", "scheduling": "silent"}]}), "tools[0].scheduling"),
        (json!({"transcription": null}), "transcription"),
    ] {
        let found = findings(&config(document.clone()));
        assert_eq!(found.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [path], "{document}");
        assert!(found.iter().all(|f| !f.fix.is_empty()));
    }
    assert!(findings(&config(json!({"instructions": "Be kind.", "tools": [{"name": "f"}]}))).is_empty());
}

/// Line 3: the formats are those that were announced, in both directions.
#[test]
fn audio_is_as_announced() {
    for (input, bytes) in [("pcm_16000", 640), ("pcm_8000", 320), ("ulaw_8000", 160), ("pcm_48000", 1920)] {
        let mut codec = ElevenLabs::new(&config(json!({}))).unwrap();
        assert_eq!(codec.encode_audio(&[1; 320]), r#"{"user_audio_chunk":""}"#, "nothing before they are known");
        let metadata = json!({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event":
            {"conversation_id": "c", "user_input_audio_format": input, "agent_output_audio_format": "ulaw_8000"}});
        codec.decode(&Frame::Text(metadata.to_string().into()), &mut Vec::new()).unwrap();
        let mut sent = 0;
        for _ in 0..50 {
            let frame: Value = serde_json::from_str(&codec.encode_audio(&[1; 320])).unwrap();
            sent += base64_simd::STANDARD.decode_to_vec(frame["user_audio_chunk"].as_str().unwrap()).unwrap().len();
        }
        // A second, but for what the conversion holds back.
        assert!((49 * bytes - bytes..=50 * bytes).contains(&sent), "{input}: {sent}");
        let audio = json!({"type": "audio", "audio_event": {"event_id": 1,
            "audio_base_64": base64_simd::STANDARD.encode_to_string([0xff; 800])}});
        let mut events = Vec::new();
        codec.decode(&Frame::Text(audio.to_string().into()), &mut events).unwrap();
        let heard = events.iter().find_map(|event| match event {
            ProviderEvent::Audio { pcm, .. } => Some(pcm.len()),
            _ => None,
        });
        assert!(heard.is_some_and(|frames| (4000..=4800).contains(&frames)), "{heard:?} of 100 ms at 48 kHz");
    }
}

/// A format of tomorrow ends the session instead of being noise.
#[test]
fn a_format_nobody_knows_is_told() {
    let mut codec = ElevenLabs::new(&config(json!({}))).unwrap();
    let metadata = json!({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event":
        {"agent_output_audio_format": "opus_48000"}});
    let mut events = Vec::new();
    codec.decode(&Frame::Text(metadata.to_string().into()), &mut events).unwrap();
    let [ProviderEvent::SessionUpdated(info)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(info.foreign_audio.as_deref(), Some("opus_48000"));
}
