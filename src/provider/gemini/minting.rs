//! `POST /v1alpha/auth_tokens` (protocols reference §1.1).

use super::{Gemini, dial_with, setup::model_name};
use crate::{
    config::Config,
    credential::CredentialKind,
    error::{Error, ErrorClass, Result},
    provider::{
        Codec,
        address::beside_sessions,
        minting::{Binding, Bound, DEFAULT_TTL_S, Draft, MintOptions, Until, seconds},
    },
};
use serde_json::{Value, json};

/// Both times are less than 20 hours away.
const LONGEST_S: u64 = 20 * 3600 - 1;
/// Sessions last so much longer than new ones can be begun; the service has half an hour, too.
const MORE_S: u64 = 1800;
const SERVICE: &str = "/ws/google.ai.generativelanguage.";

/// What is asked for a token for sessions as `config` says.
pub fn draft(
    config: &Config,
    kind: CredentialKind,
    endpoint: Option<&str>,
    options: &MintOptions,
    now_unix_s: u64,
) -> Result<Draft> {
    let (mut url, _) = beside_sessions(&dial_with(config, kind, endpoint, None)?.url, "")?;
    let Some((prefix, _)) = url.path().split_once(SERVICE) else {
        let message = "only the Developer API mints tokens, and this is another service (Vertex, or a gateway)";
        return Err(Error::new(ErrorClass::Unsupported, "no_minting", message)
            .field("base_url")
            .fix("use the Developer API; clients of Vertex get a bearer token of Google Cloud"));
    };
    if kind != CredentialKind::ApiKey {
        let error = Error::new(ErrorClass::Unsupported, "credential_kind", "gemini mints tokens for API keys only");
        return Err(error.field("credential.kind").fix("give the API key"));
    }
    let path = format!("{prefix}/v1alpha/auth_tokens");
    url.set_path(&path);
    let ttl = seconds("ttl_s", options.ttl_s.unwrap_or(DEFAULT_TTL_S), 1..=LONGEST_S)?;
    let ends = options.session_ttl_s.unwrap_or((ttl + MORE_S).min(LONGEST_S));
    let ends = seconds("session_ttl_s", ends, ttl..=LONGEST_S)?;
    let (expires_at, sessions_end_at) = (now_unix_s.saturating_add(ttl), now_unix_s.saturating_add(ends));
    let mut body = json!({
        "uses": options.uses.unwrap_or(0),
        "expireTime": rfc3339(sessions_end_at),
        "newSessionExpireTime": rfc3339(expires_at),
    });
    let bound = options.binding == Binding::Session;
    if bound {
        body["bidiGenerateContentSetup"] = locked(config)?;
    }
    Ok(Draft {
        url,
        key_header: Some("x-goog-api-key"),
        body,
        secret: ("name", "auth_tokens/"),
        until: Until::Asked { expires_at, sessions_end_at },
        bound: if bound { Bound::Locked } else { Bound::Nothing },
        model: bound.then(|| model_name(config).to_owned()),
    })
}

/// The setup without a mask: all of it is locked. A client whose connection is lost goes on in the same session only if
/// the lock allows that.
fn locked(config: &Config) -> Result<Value> {
    let mut setup = Gemini::new(config)?.wish();
    if setup.get("sessionResumption").is_none() {
        setup["sessionResumption"] = json!({});
    }
    Ok(setup)
}

/// A time in seconds since 1970 as the service takes it, in UTC.
fn rfc3339(unix_s: u64) -> String {
    let (days, of_day) = (unix_s / 86_400, unix_s % 86_400);
    // In years that begin in March, so that the leap day is the last one; 400 of them are 146 097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year + u64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        credential::Credential,
        provider::minting::{Minted, Minting},
    };

    /// 2026-11-20T12:00:00Z.
    const NOW: u64 = 1_795_176_000;

    fn minting(document: Value, options: MintOptions) -> Result<Minting> {
        Minting::new(&Config::from_json(&document.to_string()).unwrap(), None, &options, NOW)
    }

    fn read(minting: &Minting, answer: &Value) -> Result<Minted> {
        minting.read(answer.to_string().as_bytes(), &Credential::new("c4n4ry-key").unwrap())
    }

    #[test]
    fn the_session_is_locked_and_can_be_resumed() {
        let document = json!({"provider": "gemini", "model": "gemini-3.8-live", "instructions": "Be brief."});
        let minting = minting(document, MintOptions { ttl_s: Some(60), ..MintOptions::default() }).unwrap();
        assert_eq!(minting.url().as_str(), "https://generativelanguage.googleapis.com/v1alpha/auth_tokens");
        assert_eq!(minting.key_header(), Some("x-goog-api-key"));
        let body = minting.body();
        let setup = &body["bidiGenerateContentSetup"];
        assert_eq!(setup["model"], "models/gemini-3.8-live", "the setup itself, not one around it");
        assert_eq!(setup["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
        assert!(setup["sessionResumption"].is_object(), "{setup}");
        let mut rest = body.clone();
        rest.as_object_mut().unwrap().remove("bidiGenerateContentSetup");
        let wanted =
            json!({"uses": 0, "expireTime": "2026-11-20T12:31:00Z", "newSessionExpireTime": "2026-11-20T12:01:00Z"});
        assert_eq!(rest, wanted, "no mask: all is locked");
        assert!(!body.to_string().contains("null"), "{body}");

        let minted = read(&minting, &json!({"name": "auth_tokens/c4n4ry"})).unwrap();
        assert_eq!((minted.expires_at, minted.sessions_end_at), (NOW + 60, Some(NOW + 1860)));
        assert_eq!((minted.bound, minted.credential.model()), (Bound::Locked, Some("gemini-3.8-live")));
        // What is resumed is dialled, too.
        assert_eq!(minted.credential.expires_at(), Some(NOW + 1860));
        assert_eq!(minted.credential.kind(), CredentialKind::Ephemeral);
        assert!(!format!("{minted:?}").contains("c4n4ry"), "{minted:?}");
    }

    #[test]
    fn a_token_for_any_session_brings_none() {
        let options = MintOptions { uses: Some(1), binding: Binding::Free, ..MintOptions::default() };
        let minting = minting(json!({"provider": "gemini", "instructions": "Be brief."}), options).unwrap();
        let wanted =
            json!({"uses": 1, "expireTime": "2026-11-20T12:40:00Z", "newSessionExpireTime": "2026-11-20T12:10:00Z"});
        assert_eq!(minting.body(), &wanted);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let gemini = || json!({"provider": "gemini"});
        let ttl = |ttl_s| MintOptions { ttl_s: Some(ttl_s), ..MintOptions::default() };
        let vertex = json!({
            "provider": "gemini", "base_url": "https://europe-west1-aiplatform.googleapis.com",
            "model": "projects/p/locations/l/publishers/google/models/m",
        });
        let gateway = json!({"provider": "gemini", "base_url": "https://gate.example/x/BidiGenerateContent"});
        for (document, options, class, field) in [
            (gemini(), ttl(0), ErrorClass::Argument, "ttl_s"),
            (gemini(), ttl(72_000), ErrorClass::Argument, "ttl_s"),
            (gemini(), MintOptions { session_ttl_s: Some(59), ..ttl(60) }, ErrorClass::Argument, "session_ttl_s"),
            (gemini(), MintOptions { session_ttl_s: Some(72_000), ..ttl(60) }, ErrorClass::Argument, "session_ttl_s"),
            (vertex, ttl(60), ErrorClass::Unsupported, "base_url"),
            (gateway, ttl(60), ErrorClass::Unsupported, "base_url"),
        ] {
            let error = minting(document, options).unwrap_err();
            assert_eq!((error.class, error.field.as_deref()), (class, Some(field)), "{error}");
            assert!(error.fix.is_some(), "{error}");
        }
        let longest = minting(gemini(), ttl(71_999)).unwrap();
        assert_eq!(longest.body()["expireTime"], longest.body()["newSessionExpireTime"], "never 20 hours");
        let bearer = Credential::of_kind(CredentialKind::Bearer, "oauth").unwrap();
        let config = Config { provider: "gemini".into(), ..Config::default() };
        let error = Minting::new(&config, Some(&bearer), &ttl(60), NOW).unwrap_err();
        assert_eq!(error.code, "credential_kind");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let minting = minting(json!({"provider": "gemini"}), MintOptions::default()).unwrap();
        for answer in [
            json!({}),
            json!({"name": "auth_tokens/"}),
            json!({"name": "c4n4ry"}),
            json!({"name": "auth_tokens/c4n4ry-key"}),
            json!({"value": "auth_tokens/c4n4ry"}),
        ] {
            let error = read(&minting, &answer).unwrap_err();
            assert_eq!(error.code, "invalid_answer");
            assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
        }
    }

    #[test]
    fn times_are_in_utc() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (NOW, "2026-11-20T12:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(unix_s), text);
        }
    }
}
