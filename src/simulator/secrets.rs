//! Client secrets: `ek_…` values minted here and good for sessions until they expire, and xAI's, which bring no session.

use super::{
    events::Refusal,
    ids::Ids,
    session_state::{Moment, SESSION_LIFE, SessionState, unix_now},
    validate::{self, Field, Rule, optional, required, solid},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Secrets that are good at one time.
const MOST: usize = 1024;
const DEFAULT_LIFE_S: u64 = 600;

const REQUEST: &[Field] = &[
    optional(
        "expires_after",
        Rule::Object(&[optional("anchor", Rule::OneOf(&["created_at"])), optional("seconds", Rule::Int(10, 7200))]),
    ),
    optional("session", Rule::Any),
];

/// xAI takes nothing else: no session, no anchor.
const XAI_REQUEST: &[Field] = &[solid("expires_after", Rule::Object(&[required("seconds", Rule::Int(1, 3600))]))];
const XAI: &str = "xai-realtime-client-secret-";

/// The secrets of one simulator.
#[derive(Default)]
pub(super) struct Secrets {
    minted: Mutex<HashMap<String, Minted>>,
}

struct Minted {
    until: Instant,
    /// xAI's have none.
    session: Option<SessionState>,
}

impl Secrets {
    /// `POST /v1/realtime/client_secrets`: the response body. The session's `model` has already been
    /// looked up in the catalogue by `known_model`.
    pub(super) fn mint(
        &self,
        request: &Value,
        instructions: Option<&str>,
        known_model: impl Fn(&str) -> Result<(), Refusal>,
    ) -> Result<Value, Refusal> {
        validate::object(request, REQUEST, "")?;
        let life = request.pointer("/expires_after/seconds").and_then(Value::as_u64).unwrap_or(DEFAULT_LIFE_S);
        let wishes = request.get("session").filter(|s| !s.is_null()).cloned().unwrap_or(json!({"type": "realtime"}));
        if wishes["type"] == "transcription" {
            let message = "Transcription sessions are not simulated yet.";
            return Err(Refusal::value("session.type", message));
        }
        let model = wishes.get("model").and_then(Value::as_str).unwrap_or("gpt-realtime-2.1");
        known_model(model)?;
        let mut session = SessionState::new(&Ids::new().next("sess_"), model, instructions, SESSION_LIFE);
        session.update(&wishes, Moment::default())?;
        let value = Ids::secret("ek_");
        let mut body = json!({"value": value, "expires_at": unix_now() + life, "session": session.value()});
        // As in the published example: not a deadline.
        body["session"]["expires_at"] = json!(0);
        self.keep(value, Minted { until: Instant::now() + Duration::from_secs(life), session: Some(session) })?;
        Ok(body)
    }

    /// The same as xAI has it.
    pub(super) fn mint_xai(&self, request: &Value) -> Result<Value, Refusal> {
        validate::object(request, XAI_REQUEST, "")?;
        let life = request.pointer("/expires_after/seconds").and_then(Value::as_u64).unwrap_or(DEFAULT_LIFE_S);
        let value = Ids::secret(XAI);
        let body = json!({"value": value, "expires_at": unix_now() + life});
        self.keep(value, Minted { until: Instant::now() + Duration::from_secs(life), session: None })?;
        Ok(body)
    }

    /// Whether a key looks like a secret that was minted, here or elsewhere.
    pub(super) fn is_one(key: &str) -> bool {
        key.starts_with("ek_") || key.starts_with(XAI)
    }

    fn keep(&self, value: String, minted: Minted) -> Result<(), Refusal> {
        let mut all = self.minted.lock();
        let now = Instant::now();
        all.retain(|_, minted| minted.until > now);
        if all.len() >= MOST {
            return Err(Refusal::new("rate_limit_exceeded", format!("At most {MOST} client secrets at a time.")));
        }
        all.insert(value, minted);
        Ok(())
    }

    /// What a secret brings along, if it was minted here and has not expired.
    pub(super) fn find(&self, secret: &str) -> Option<Option<SessionState>> {
        let all = self.minted.lock();
        all.get(secret).filter(|minted| minted.until > Instant::now()).map(|minted| minted.session.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xai_takes_how_long_and_nothing_else() {
        let secrets = Secrets::default();
        for good in [json!({}), json!({"expires_after": {"seconds": 1}}), json!({"expires_after": {"seconds": 3600}})] {
            let minted = secrets.mint_xai(&good).unwrap();
            let value = minted["value"].as_str().unwrap();
            assert!(Secrets::is_one(value) && secrets.find(value).is_some_and(|session| session.is_none()));
            assert!(minted["expires_at"].as_u64() > Some(unix_now()) && minted.get("session").is_none(), "{good}");
        }
        for bad in [
            json!({"session": {"type": "realtime"}}),
            json!({"expires_after": {"anchor": "created_at", "seconds": 60}}),
            json!({"expires_after": {"seconds": 0}}),
            json!({"expires_after": {"seconds": 3601}}),
            json!({"expires_after": {"seconds": null}}),
            json!({"expires_after": null}),
            json!({"expires_after": {}}),
        ] {
            assert!(secrets.mint_xai(&bad).is_err(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_ends() {
        let secrets = Secrets::default();
        let minted = secrets.mint_xai(&json!({"expires_after": {"seconds": 10}})).unwrap();
        let value = minted["value"].as_str().unwrap();
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(secrets.find(value).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(secrets.find(value).is_none());
    }
}
