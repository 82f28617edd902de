//! Who may connect, and to what: keys, subprotocols, and the query of `/v1/realtime`.

use super::{Dialect, events::Refusal, secrets::Secrets, session_state::SessionState};
use hyper::{HeaderMap, Request, StatusCode, Version, header};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The models of the catalogue.
const MODELS: &[&str] = &[
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-realtime-1.5",
    "gpt-audio-1.5",
    "gpt-realtime",
    "gpt-realtime-2025-08-28",
    "gpt-realtime-mini",
    "gpt-realtime-mini-2025-10-06",
    "gpt-realtime-mini-2025-12-15",
    "gpt-audio-mini",
    "gpt-audio-mini-2025-10-06",
    "gpt-audio-mini-2025-12-15",
    "gpt-4o-realtime-preview",
    "gpt-4o-realtime-preview-2024-10-01",
    "gpt-4o-realtime-preview-2024-12-17",
    "gpt-4o-realtime-preview-2025-06-03",
    "gpt-4o-mini-realtime-preview",
    "gpt-4o-mini-realtime-preview-2024-12-17",
];

const KEY_PROTOCOL: &str = "openai-insecure-api-key.";
const XAI_KEY_PROTOCOL: &str = "xai-client-secret.";

/// A refused HTTP request.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) status: StatusCode,
    pub(super) refusal: Refusal,
}

impl Denied {
    pub(super) fn new(status: StatusCode, refusal: Refusal) -> Self {
        Self { status, refusal }
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "error": {
                "message": self.refusal.message,
                "type": "invalid_request_error",
                "param": self.refusal.param,
                "code": self.refusal.code,
            }
        })
    }
}

/// How a key came, without the key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Carrier {
    Bearer,
    /// Azure's `api-key`.
    Header,
    Subprotocol,
}

/// A key that was shown. Never printed.
pub(super) struct Key {
    pub(super) carrier: Carrier,
    value: String,
}

impl Key {
    pub(super) fn find(headers: &HeaderMap, dialect: Dialect) -> Option<Self> {
        let own = headers.get("api-key").and_then(|v| v.to_str().ok()).filter(|_| dialect == Dialect::Azure);
        if let Some(value) = own {
            return Some(Self { carrier: Carrier::Header, value: value.trim().to_owned() });
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        if let Some(value) = bearer.and_then(|v| v.strip_prefix("Bearer ")) {
            // Only tokens of Entra travel so at Azure, and keys do not look like them.
            if dialect == Dialect::Azure && value.starts_with("sk-") {
                return None;
            }
            return Some(Self { carrier: Carrier::Bearer, value: value.trim().to_owned() });
        }
        let prefix = if dialect == Dialect::Xai { XAI_KEY_PROTOCOL } else { KEY_PROTOCOL };
        let value = protocols(headers).into_iter().find_map(|p| p.strip_prefix(prefix).map(str::to_owned))?;
        Some(Self { carrier: Carrier::Subprotocol, value })
    }

    pub(super) fn ephemeral(&self) -> bool {
        Secrets::is_one(&self.value)
    }

    /// Checks a key. An ephemeral one must have been minted here and brings its session along, where it has one.
    pub(super) fn check(found: Option<&Self>, secrets: &Secrets) -> Result<Option<SessionState>, Denied> {
        let unauthorized =
            |message: &str| Denied::new(StatusCode::UNAUTHORIZED, Refusal::new("invalid_api_key", message));
        let Some(key) = found.filter(|key| !key.value.is_empty()) else {
            return Err(unauthorized(
                "You didn't provide an API key. Send it in an Authorization header: 'Authorization: Bearer KEY'.",
            ));
        };
        if key.value.contains("invalid") {
            return Err(unauthorized("Incorrect API key provided."));
        }
        if !key.ephemeral() {
            return Ok(None);
        }
        secrets.find(&key.value).ok_or_else(|| unauthorized("This client secret is unknown or has expired."))
    }
}

/// The offered subprotocols, in order.
pub(super) fn protocols(headers: &HeaderMap) -> Vec<&str> {
    let all = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(',')).map(str::trim).filter(|p| !p.is_empty()).collect()
}

/// True for the shapes that the service no longer speaks.
pub(super) fn asks_for_beta(headers: &HeaderMap) -> bool {
    let header = headers.get("openai-beta").and_then(|v| v.to_str().ok());
    header.is_some_and(|v| v.contains("realtime=v1"))
        || protocols(headers).iter().any(|p| p.starts_with("openai-beta.realtime-v1"))
}

/// The model that the query of `/v1/realtime` names; `None` if the secret's session decides.
pub(super) fn model(query: &str, has_session: bool) -> Result<Option<String>, Denied> {
    let bad = |refusal| Err(Denied::new(StatusCode::BAD_REQUEST, refusal));
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| ["model", "call_id", "intent"].contains(&&**name))
        .collect();
    match pairs.as_slice() {
        [] if has_session => Ok(None),
        [] => bad(Refusal::missing("model")),
        [(name, value)] if name == "model" && !value.is_empty() => Ok(Some(value.to_string())),
        [(name, _)] if name == "model" => bad(Refusal::value("model", "The model is empty.")),
        [(name, _)] => {
            let message = format!("'{name}' is not simulated yet: this simulator serves ?model=… only.");
            bad(Refusal::value(name.to_string(), message))
        }
        _ => bad(Refusal::value("model", "Give exactly one of 'model', 'call_id' and 'intent'.")),
    }
}

/// Looks a model up. `any` admits every name.
pub(super) fn known_model(model: &str, any: bool) -> Result<(), Refusal> {
    if any || MODELS.contains(&model) {
        return Ok(());
    }
    let name: String = model.chars().take(64).collect();
    if model.starts_with("gpt-live") {
        let message = format!("The model '{name}' is not available on Realtime endpoints.");
        return Err(Refusal::new("invalid_model", message).param("model"));
    }
    let message = format!("The model '{name}' does not exist or you do not have access to it.");
    Err(Refusal::new("model_not_found", message).param("model"))
}

/// Checks that the request is a WebSocket handshake and derives the answer to its key.
pub(super) fn websocket_accept<B>(request: &Request<B>) -> Result<String, Denied> {
    let headers = request.headers();
    let has = |name: header::HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
        values.flat_map(|v| v.split(',')).any(|v| v.trim().eq_ignore_ascii_case(word))
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|v| v == "13");
    let upgrades = has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket");
    match key {
        Some(key) if upgrades && version && request.version() == Version::HTTP_11 => {
            Ok(derive_accept_key(key.as_bytes()))
        }
        _ => {
            let message = "Expected a WebSocket handshake (HTTP/1.1, version 13).";
            Err(Denied::new(StatusCode::UPGRADE_REQUIRED, Refusal::new("websocket_required", message)))
        }
    }
}
