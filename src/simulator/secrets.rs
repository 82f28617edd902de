//! Client secrets: `ek_…` values minted here and good for sessions until they expire.

use super::{
    events::Refusal,
    ids::Ids,
    session_state::{Moment, SESSION_LIFE, SessionState, unix_now},
    validate::{self, Field, Rule, optional},
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

/// The secrets of one simulator.
#[derive(Default)]
pub(super) struct Secrets {
    minted: Mutex<HashMap<String, Minted>>,
}

struct Minted {
    until: Instant,
    session: SessionState,
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
        self.keep(value, Minted { until: Instant::now() + Duration::from_secs(life), session })?;
        Ok(body)
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

    /// The session a secret stands for, if it was minted here and has not expired.
    pub(super) fn session(&self, secret: &str) -> Option<SessionState> {
        let all = self.minted.lock();
        all.get(secret).filter(|minted| minted.until > Instant::now()).map(|minted| minted.session.clone())
    }
}
