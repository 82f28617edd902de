//! Endpoints, and who may pass: keys, ephemeral tokens and bearers.

use super::{
    closing::Closing,
    memory::Memory,
    peer::{Access, Peer},
};
use crate::simulator::{
    connection::{Dialogue, Session},
    faults::{Door, Line},
    server::{Answer, Shared, json_answer, text_of},
};
use hyper::{HeaderMap, Method, Request, StatusCode, body::Incoming, header};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// A connection lasts no longer, whatever a session may.
const LONGEST_LIFE: Duration = Duration::from_secs(600);
const TOKEN: &str = "auth_tokens/";
const TOKENS_PATH: &str = "/v1alpha/auth_tokens";

/// Which of the service's endpoints a path names.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Endpoint {
    /// Of the Developer API, for keys.
    Plain,
    /// Of the Developer API, for ephemeral tokens.
    Constrained,
    Vertex,
}

fn endpoint(path: &str) -> Option<Endpoint> {
    if let Some(rest) = path.strip_prefix("/ws/google.ai.generativelanguage.") {
        return match rest {
            "v1beta.GenerativeService.BidiGenerateContent" | "v1alpha.GenerativeService.BidiGenerateContent" => {
                Some(Endpoint::Plain)
            }
            "v1alpha.GenerativeService.BidiGenerateContentConstrained" => Some(Endpoint::Constrained),
            _ => None,
        };
    }
    let rest = path.strip_prefix("/ws/google.cloud.aiplatform.")?;
    let version = rest.strip_suffix(".LlmBidiService/BidiGenerateContent")?;
    matches!(version, "v1" | "v1beta1" | "v1alpha1").then_some(Endpoint::Vertex)
}

/// What a request is for, if it is one of this dialect's.
pub(in crate::simulator) fn door(method: &Method, path: &str) -> Option<Door> {
    match *method {
        Method::GET if endpoint(path).is_some() => Some(Door::Upgrade),
        Method::POST if path == TOKENS_PATH => Some(Door::ClientSecret),
        _ => None,
    }
}

/// A credential that was shown. Never printed.
enum Credential {
    None,
    Key(String),
    Token(String),
    Bearer(String),
}

impl Credential {
    fn find(headers: &HeaderMap, query: &str) -> Self {
        let header = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(value) = header(header::AUTHORIZATION) {
            if let Some(token) = value.strip_prefix("Token ") {
                return Self::Token(token.trim().to_owned());
            }
            if let Some(bearer) = value.strip_prefix("Bearer ") {
                return Self::Bearer(bearer.trim().to_owned());
            }
        }
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "access_token" => return Self::Token(value.into_owned()),
                "key" => return Self::Key(value.into_owned()),
                _ => {}
            }
        }
        match header(header::HeaderName::from_static("x-goog-api-key")) {
            Some(key) => Self::Key(key.to_owned()),
            None => Self::None,
        }
    }

    /// For the journal: how it came, and what it is.
    fn names(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::None => ("none", None),
            Self::Key(key) => ("api_key", Some(if key.starts_with(TOKEN) { "ephemeral" } else { "standard" })),
            Self::Token(_) => ("token", Some("ephemeral")),
            Self::Bearer(_) => ("bearer", Some("standard")),
        }
    }
}

/// Puts into the journal's entry of a request what this dialect calls a key.
pub(in crate::simulator) fn describe(request: &Request<Incoming>, entry: &mut Value) {
    let (auth, key) = Credential::find(request.headers(), request.uri().query().unwrap_or_default()).names();
    entry["auth"] = json!(auth);
    entry["key"] = json!(key);
}

/// The session of a WebSocket that is let in. Who must not come in is told so by a close frame, as the service does it.
pub(in crate::simulator) fn session(request: &Request<Incoming>, shared: &Shared) -> Session<Box<dyn Dialogue>> {
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let journal = shared.journal.clone();
    journal.began(number);
    let life = shared.faults.life(number).min(LONGEST_LIFE);
    let endpoint = endpoint(request.uri().path().trim_end_matches('/')).unwrap_or(Endpoint::Plain);
    let credential = Credential::find(request.headers(), request.uri().query().unwrap_or_default());
    let admitted = admit(endpoint, credential, &shared.gemini);
    let mut access = admitted.unwrap_or_else(|refused| Access { refused: Some(refused), ..Access::default() });
    access.any_model = shared.any_model;
    let memory: Arc<Memory> = shared.gemini.clone();
    let peer = Peer::new(access, shared.scenario.clone(), memory, journal.clone(), number, life);
    let line = Line::new(&shared.scenario, journal.clone(), number, life).google();
    Session { number, peer: Box::new(peer), line, journal }
}

fn admit(endpoint: Endpoint, credential: Credential, memory: &Memory) -> Result<Access, Closing> {
    let stranger = || {
        Closing::policy(
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key.",
        )
    };
    let bad = |key: &str| key.is_empty() || key.contains("invalid") || key.starts_with(TOKEN);
    let access = Access { vertex: endpoint == Endpoint::Vertex, ..Access::default() };
    match (endpoint, credential) {
        (Endpoint::Constrained, Credential::Token(token)) => {
            let until = memory.until(&token).ok_or_else(|| Closing::policy("Token has expired or was used up."))?;
            Ok(Access { token: Some(token), until: Some(until), ..access })
        }
        (Endpoint::Plain | Endpoint::Vertex, Credential::Key(key)) if bad(&key) => {
            Err(Closing::policy("API key not valid. Please pass a valid API key."))
        }
        (Endpoint::Plain | Endpoint::Vertex, Credential::Key(_)) => Ok(access),
        (Endpoint::Vertex, Credential::Bearer(bearer)) if !bad(&bearer) => Ok(access),
        (Endpoint::Vertex, _) => {
            Err(Closing::policy("Request had invalid authentication credentials. Expected OAuth 2 access token."))
        }
        _ => Err(stranger()),
    }
}

/// `POST /v1alpha/auth_tokens`.
pub(in crate::simulator) async fn mint(request: Request<Incoming>, shared: &Shared) -> Answer {
    let credential = Credential::find(request.headers(), request.uri().query().unwrap_or_default());
    if let Err(closing) = admit(Endpoint::Plain, credential, &shared.gemini) {
        return error(StatusCode::FORBIDDEN, &closing.reason);
    }
    let body = match text_of(request).await {
        Ok(body) if body.trim().is_empty() => "{}".to_owned(),
        Ok(body) => body,
        Err(denied) => return error(denied.status, &denied.refusal.message),
    };
    let minted = match serde_json::from_str(&body) {
        Ok(wishes) => shared.gemini.mint(&wishes),
        Err(_) => Err(Closing::invalid("Invalid JSON payload received.")),
    };
    match minted {
        Ok(token) => json_answer(StatusCode::OK, &token),
        Err(closing) => error(StatusCode::BAD_REQUEST, &closing.reason),
    }
}

/// An error of a request, as this vendor writes it.
pub(in crate::simulator) fn error(status: StatusCode, message: &str) -> Answer {
    let name = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    json_answer(status, &json!({"error": {"code": status.as_u16(), "message": message, "status": name}}))
}
