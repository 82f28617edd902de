//! `POST …/realtime/client_secrets` (protocols reference §1.3; Azure: §1.6; xAI: its reference §1).

use super::{OpenAi, credential::dial_with, profile_of};
use crate::{
    config::Config,
    credential::CredentialKind,
    error::Result,
    provider::{
        Codec,
        address::beside_sessions,
        minting::{Binding, Bound, DEFAULT_TTL_S, Draft, MintOptions, Until, lacks, seconds},
    },
};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// What the service allows (reference §13).
const TTL_S: RangeInclusive<u64> = 10..=7200;
/// The same at xAI, by its own library (xai-org/xai-sdk-ts, README).
const XAI_TTL_S: RangeInclusive<u64> = 1..=3600;

/// What is asked for a secret for sessions as `config` says.
pub fn draft(config: &Config, kind: CredentialKind, endpoint: Option<&str>, options: &MintOptions) -> Result<Draft> {
    let profile = profile_of(config)?;
    let provider = profile.provider;
    if options.uses.is_some() {
        let fix = "leave it out, and let them expire soon";
        return Err(lacks(provider, "uses", "begin any number of sessions until they expire", fix));
    }
    if options.session_ttl_s.is_some() {
        let fix = "leave it out";
        return Err(lacks(provider, "session_ttl_s", "end no session that has begun", fix));
    }
    let dial = dial_with(config, kind, endpoint, None)?;
    let (url, model) = beside_sessions(&dial.url, "client_secrets")?;
    let allowed = if profile.grok { XAI_TTL_S } else { TTL_S };
    let ttl = seconds("ttl_s", options.ttl_s.unwrap_or(DEFAULT_TTL_S), allowed)?;
    let bound = options.binding == Binding::Session && !profile.grok;
    let body = if profile.grok {
        if options.binding == Binding::Session {
            refuse_session(config)?;
        }
        json!({"expires_after": {"seconds": ttl}})
    } else {
        let mut body = json!({"expires_after": {"anchor": "created_at", "seconds": ttl}});
        if bound {
            body["session"] = session(config)?;
        }
        body
    };
    Ok(Draft {
        url,
        key_header: profile.key_header.filter(|_| kind == CredentialKind::ApiKey),
        body,
        secret: ("value", ""),
        until: Until::Told,
        bound: if bound { Bound::Default } else { Bound::Nothing },
        // At xAI nobody but its holder is bound to it.
        model: if bound { model } else { config.model.clone().filter(|_| options.binding == Binding::Session) },
    })
}

/// The session of a call or a secret: it has its model, and no format of audio, which the transport decides.
///
/// # Errors
/// As making a codec of it.
pub fn session(config: &Config) -> Result<Value> {
    let codec = OpenAi::new(config)?;
    let mut session = codec.wish();
    let (_, model) = beside_sessions(&codec.dial().url, "")?;
    if let Some(model) = model {
        session["model"] = model.into();
    }
    for side in ["input", "output"] {
        if let Some(side) = session["audio"][side].as_object_mut() {
            side.remove("format");
        }
    }
    Ok(session)
}

/// Where secrets carry no session, one that says something is not left behind without a word.
fn refuse_session(config: &Config) -> Result<()> {
    let plain = Config { provider: config.provider.clone(), model: config.model.clone(), ..Config::default() };
    let (wish, plain) = (session(config)?, session(&plain)?);
    let differs = |name: &&String| wish.get(name.as_str()) != plain.get(name.as_str());
    let names = wish.as_object().into_iter().chain(plain.as_object()).flat_map(|fields| fields.keys());
    let mut said: Vec<&str> = names.filter(differs).map(String::as_str).collect();
    said.sort_unstable();
    said.dedup();
    if said.is_empty() {
        return Ok(());
    }
    let what = format!("carry no session, and the configuration says {}", said.join(", "));
    let fix = "let the client configure the session, and mint the secret for any (binding free)";
    Err(lacks(&config.provider, "binding", &what, fix))
}

#[cfg(test)]
mod tests {
    use crate::{
        config::Config,
        credential::{Credential, CredentialKind},
        error::ErrorClass,
        provider::minting::{Binding, Bound, MintOptions, Minting},
    };
    use serde_json::json;

    fn config(document: serde_json::Value) -> Config {
        Config::from_json(&document.to_string()).unwrap()
    }

    fn minting(document: serde_json::Value, options: MintOptions) -> Minting {
        Minting::new(&config(document), None, &options, 0).unwrap()
    }

    fn refused(document: serde_json::Value, options: MintOptions) -> (ErrorClass, String) {
        let error = Minting::new(&config(document), None, &options, 0).unwrap_err();
        assert!(error.fix.is_some(), "{error}");
        (error.class, error.field.unwrap_or_default())
    }

    const FREE: MintOptions = MintOptions { ttl_s: None, session_ttl_s: None, uses: None, binding: Binding::Free };

    #[test]
    fn openai_takes_the_session_as_a_default() {
        let document = json!({"voice": "cedar", "instructions": "Be brief.", "tools": [{"name": "clock"}]});
        let minting = minting(document, MintOptions { ttl_s: Some(60), ..MintOptions::default() });
        assert_eq!(minting.url().as_str(), "https://api.openai.com/v1/realtime/client_secrets");
        assert_eq!(minting.key_header(), None, "a bearer");
        let wanted = json!({
            "expires_after": {"anchor": "created_at", "seconds": 60},
            "session": {
                "type": "realtime",
                "model": "gpt-realtime-2.1",
                "output_modalities": ["audio"],
                "instructions": "Be brief.",
                "audio": {
                    "input": {
                        "transcription": {"model": "gpt-live-transcribe"},
                        "turn_detection":
                            {"type": "server_vad", "create_response": true, "interrupt_response": true},
                    },
                    "output": {"voice": "cedar"},
                },
                "tools": [{"type": "function", "name": "clock"}],
                "tool_choice": "auto",
            },
        });
        let mut body = minting.body().clone();
        // Which model transcribes is not what this is about.
        body["session"]["audio"]["input"]["transcription"] = json!({"model": "gpt-live-transcribe"});
        assert_eq!(body, wanted);
        assert!(!minting.body().to_string().contains("null"), "{}", minting.body());
    }

    #[test]
    fn a_secret_for_any_session_brings_none() {
        let minting = minting(json!({"instructions": "Be brief."}), FREE);
        assert_eq!(minting.body(), &json!({"expires_after": {"anchor": "created_at", "seconds": 600}}));
        let minted = minting.read(br#"{"value": "ek_1", "expires_at": 9}"#, &Credential::new("sk-1").unwrap()).unwrap();
        assert_eq!((minted.bound, minted.credential.model()), (Bound::Nothing, None));
    }

    #[test]
    fn xai_27_the_broker_sends_only_how_long() {
        let minting = minting(
            json!({"provider": "xai", "model": "grok-voice-latest"}),
            MintOptions { ttl_s: Some(300), ..MintOptions::default() },
        );
        assert_eq!(minting.url().as_str(), "https://api.x.ai/v1/realtime/client_secrets");
        assert_eq!(minting.body(), &json!({"expires_after": {"seconds": 300}}), "no session, and no anchor");
        assert_eq!(minting.key_header(), None, "a bearer");
    }

    #[test]
    fn a_session_that_xai_would_not_carry_is_not_left_behind_without_a_word() {
        for field in [
            json!({"instructions": "Be brief."}),
            json!({"voice": "rex"}),
            json!({"tools": [{"name": "clock"}]}),
            json!({"turn_detection": {"mode": "manual"}}),
            json!({"extra": {"tools": [{"type": "web_search"}]}}),
        ] {
            let mut document = field.clone();
            document["provider"] = "xai".into();
            let found = refused(document.clone(), MintOptions::default());
            assert_eq!(found, (ErrorClass::Unsupported, "binding".to_owned()), "{field}");
            assert_eq!(minting(document, FREE).body(), &json!({"expires_after": {"seconds": 600}}));
        }
        let named = json!({"provider": "xai", "voice": "rex"});
        let error = Minting::new(&config(named), None, &MintOptions::default(), 0).unwrap_err();
        assert!(error.message.contains("voice") && !error.message.contains("instructions"), "{error}");
    }

    #[test]
    fn azure_and_servers_of_the_dialect_are_asked_beside_their_sessions() {
        let azure = json!({"provider": "azure", "base_url": "https://r.openai.azure.com", "model": "mine"});
        let azure = minting(azure, MintOptions::default());
        assert_eq!(azure.url().as_str(), "https://r.openai.azure.com/openai/v1/realtime/client_secrets");
        assert_eq!((azure.key_header(), &azure.body()["session"]["model"]), (Some("api-key"), &json!("mine")));
        let key = Credential::of_kind(CredentialKind::Bearer, "entra").unwrap();
        let document = json!({"provider": "azure", "base_url": "https://r.openai.azure.com", "model": "mine"});
        let entra = Minting::new(&config(document), Some(&key), &MintOptions::default(), 0).unwrap();
        assert_eq!(entra.key_header(), None, "a bearer");
        let other = minting(json!({"provider": "compatible", "base_url": "http://127.0.0.1:9/v1?x=1"}), FREE);
        assert_eq!(other.url().as_str(), "http://127.0.0.1:9/v1/realtime/client_secrets?x=1");
    }

    #[test]
    fn a_key_may_have_an_endpoint_of_its_own_and_so_has_its_secret() {
        let key = Credential::new("sk-1").unwrap().with_endpoint("https://eu.example/v1?ticket=t");
        let minting = Minting::new(&Config::default(), Some(&key), &MintOptions::default(), 0).unwrap();
        assert_eq!(minting.url().as_str(), "https://eu.example/v1/realtime/client_secrets?ticket=t");
        assert!(!format!("{minting:?}").contains("ticket"), "{minting:?}");
        let minted = minting.read(br#"{"value": "ek_1", "expires_at": 9}"#, &key).unwrap();
        assert_eq!(minted.credential.expose_endpoint(), Some("https://eu.example/v1?ticket=t"));
        assert_eq!(minted.credential.model(), Some("gpt-realtime-2.1"));
        assert_eq!((minted.credential.kind(), minted.credential.expires_at()), (CredentialKind::Ephemeral, Some(9)));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let ttl = |ttl_s| MintOptions { ttl_s: Some(ttl_s), ..MintOptions::default() };
        let (xai, openai) = (json!({"provider": "xai"}), json!({}));
        for (document, options, class, field) in [
            (&openai, ttl(9), ErrorClass::Argument, "ttl_s"),
            (&openai, ttl(7201), ErrorClass::Argument, "ttl_s"),
            (&xai, ttl(0), ErrorClass::Argument, "ttl_s"),
            (&xai, ttl(3601), ErrorClass::Argument, "ttl_s"),
            (&openai, MintOptions { uses: Some(1), ..FREE }, ErrorClass::Unsupported, "uses"),
            (&xai, MintOptions { session_ttl_s: Some(60), ..FREE }, ErrorClass::Unsupported, "session_ttl_s"),
            (&json!({"base_url": "http://api.example/v1"}), FREE, ErrorClass::Config, "base_url"),
            (&json!({"voice": "willow"}), FREE, ErrorClass::Unsupported, "voice"),
        ] {
            assert_eq!(refused(document.clone(), options), (class, field.to_owned()));
        }
        for kind in [CredentialKind::Ephemeral, CredentialKind::SignedUrl] {
            let key = Credential::of_kind(kind, "https://x").unwrap();
            let error = Minting::new(&Config::default(), Some(&key), &FREE, 0).unwrap_err();
            assert_eq!((&*error.code, error.field.as_deref()), ("credential_kind", Some("credential.kind")));
        }
    }

    #[test]
    fn an_answer_without_a_secret_is_not_repeated() {
        let key = Credential::new("c4n4ry-key").unwrap();
        let minting = minting(json!({}), FREE);
        for answer in [
            r#"{"value": "c4n4ry-key", "expires_at": 1}"#,
            r#"{"value": "ek_c4n4ry-key", "expires_at": 1}"#,
            r#"{"value": "", "expires_at": 1}"#,
            r#"{"value": "ek_c4n4ry ek_2", "expires_at": 1}"#,
            r#"{"value": "ek_c4n4ry"}"#,
            r#"{"value": "ek_c4n4ry", "expires_at": "soon"}"#,
            r#"{"client_secret": {"value": "ek_c4n4ry"}}"#,
            "[]",
            "c4n4ry",
            "",
        ] {
            let error = minting.read(answer.as_bytes(), &key).unwrap_err();
            assert_eq!((error.class, &*error.code), (ErrorClass::Protocol, "invalid_answer"), "{answer}");
            assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
        }
        let long = format!(r#"{{"value": "{}", "expires_at": 1}}"#, "e".repeat(5000));
        assert!(minting.read(long.as_bytes(), &key).is_err());
        let minted = minting.read(br#"{"value": "ek_c4n4ry", "expires_at": 1}"#, &key).unwrap();
        assert!(!format!("{minted:?}").contains("c4n4ry"), "{minted:?}");
    }
}
