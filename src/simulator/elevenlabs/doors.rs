//! Endpoints, and who may pass: anybody to a public agent, a signed URL to a private one, a key to the rest.

use super::{
    closing::Closing,
    files, overrides,
    peer::{Access, Peer},
};
use crate::simulator::{
    connection::Session,
    faults::{Door, Line},
    handshake::{self, Denied},
    server::{Answer, Granted, Shared, json_answer, switch},
};
use hyper::{HeaderMap, Method, Request, StatusCode, body::Incoming, header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const ROOT: &str = "/v1/convai";
/// The only subprotocol that is ever chosen.
const PROTOCOL: &str = "convai";
const BEARER: &str = "bearer.";
const SIGNATURE: &str = "conversation_signature";

/// Which of the service's endpoints a request is for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) enum Endpoint {
    Conversation,
    SignedUrl,
    /// The agent of this id.
    Agent(String),
    /// The files of the conversation of this id.
    Files(String),
}

/// What a request is for, if it is one of this vendor's.
pub(in crate::simulator) fn door(method: &Method, path: &str) -> Option<Endpoint> {
    let rest = path.strip_prefix(ROOT)?;
    match *method {
        Method::GET if rest == "/conversation" => Some(Endpoint::Conversation),
        Method::GET if rest == "/conversation/get-signed-url" => Some(Endpoint::SignedUrl),
        Method::GET => one(rest.strip_prefix("/agents/")?).map(Endpoint::Agent),
        Method::POST => one(rest.strip_prefix("/conversations/")?.strip_suffix("/files")?).map(Endpoint::Files),
        _ => None,
    }
}

/// The one part that a path consists of.
fn one(part: &str) -> Option<String> {
    (!part.is_empty() && !part.contains('/')).then(|| part.to_owned())
}

impl Endpoint {
    /// What faults and the journal take it for.
    pub(in crate::simulator) fn door(&self) -> Option<Door> {
        match self {
            Self::Conversation => Some(Door::Upgrade),
            Self::SignedUrl => Some(Door::ClientSecret),
            Self::Agent(_) | Self::Files(_) => None,
        }
    }
}

/// A credential that was shown. Never printed.
enum Credential {
    None,
    Key,
    Signature(String),
    Bearer(String),
}

impl Credential {
    fn find(headers: &HeaderMap, query: &str) -> Self {
        if let Some(signature) = parameter(query, SIGNATURE) {
            return Self::Signature(signature);
        }
        if let Some(token) = handshake::protocols(headers).into_iter().find_map(|name| name.strip_prefix(BEARER)) {
            return Self::Bearer(token.to_owned());
        }
        match headers.get("xi-api-key") {
            Some(_) => Self::Key,
            None => Self::None,
        }
    }
}

fn parameter(query: &str, wanted: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

/// Puts into the journal's entry of a request what this vendor calls a key.
pub(in crate::simulator) fn describe(request: &Request<Incoming>, entry: &mut Value) {
    let credential = Credential::find(request.headers(), request.uri().query().unwrap_or_default());
    let (auth, key) = match credential {
        Credential::None => ("none", None),
        Credential::Key => ("api_key", Some("standard")),
        Credential::Signature(_) => ("signed_url", Some("ephemeral")),
        Credential::Bearer(_) => ("subprotocol", Some("ephemeral")),
    };
    entry["auth"] = json!(auth);
    entry["key"] = json!(key);
}

/// The answer to a request for one of these.
pub(in crate::simulator) async fn answer(
    endpoint: Endpoint,
    mut request: Request<Incoming>,
    shared: &Shared,
    granted: &Mutex<Option<Granted>>,
) -> Result<Answer, Denied> {
    Ok(match endpoint {
        Endpoint::Conversation => {
            let accept = handshake::websocket_accept(&request)?;
            let access = match admit(&request, shared) {
                Ok(access) => access,
                Err(refused) => return Ok(*refused),
            };
            let offered = handshake::protocols(request.headers()).contains(&PROTOCOL);
            let mut answer = switch(&mut request, &accept, session(access, shared), granted);
            if offered {
                let chosen = header::HeaderValue::from_static(PROTOCOL);
                answer.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
            }
            answer
        }
        Endpoint::SignedUrl => known(&request).map_or_else(|refused| *refused, |()| sign(&request, shared)),
        Endpoint::Agent(id) => known(&request).map_or_else(|refused| *refused, |()| agent(&id, shared)),
        // Whoever knows the conversation may: no key is asked for.
        Endpoint::Files(conversation) => files::upload(&conversation, request, &shared.elevenlabs).await,
    })
}

fn session(access: Access, shared: &Shared) -> Session<Box<dyn crate::simulator::connection::Dialogue>> {
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let journal = shared.journal.clone();
    journal.began(number);
    let life = shared.faults.life(number);
    let (scenario, memory) = (shared.scenario.clone(), shared.elevenlabs.clone());
    let peer = Peer::new(access, scenario, memory, journal.clone(), number, life);
    let line = Line::new(&shared.scenario, journal.clone(), number, life).elevenlabs();
    Session { number, peer: Box::new(peer), line, journal }
}

/// Who may talk. A key on the socket of a private agent is refused after the handshake, everything else before it.
fn admit(request: &Request<Incoming>, shared: &Shared) -> Result<Access, Box<Answer>> {
    let query = request.uri().query().unwrap_or_default();
    let agent = agent_of(query)?;
    let private = shared.scenario.agent.private;
    let stranger = || unauthorized("This agent has authentication enabled, and there is no signed URL or token.");
    let open = Access::default();
    match Credential::find(request.headers(), query) {
        // Inferred: one that is shown must be good, also where none is needed.
        Credential::Signature(signature) => match shared.elevenlabs.admit(&signature, &agent) {
            Some(conversation) => Ok(Access { conversation, ..open }),
            None => Err(unauthorized("The signed URL is unknown, has expired or was used up.")),
        },
        Credential::Bearer(token) if token.is_empty() || token.contains("invalid") => Err(stranger()),
        Credential::Bearer(_) => Ok(open),
        Credential::Key if private => {
            let reason = "This agent requires authentication: generate a signed link.";
            Ok(Access { refused: Some(Closing::with(3000, reason)), ..open })
        }
        Credential::None if private => Err(stranger()),
        Credential::Key | Credential::None => Ok(open),
    }
}

/// Any agent is good, except one whose id contains `unknown`.
fn agent_of(query: &str) -> Result<String, Box<Answer>> {
    match parameter(query, "agent_id").filter(|id| !id.is_empty()) {
        Some(id) => exists(&id).map(|()| id),
        None => {
            let missing = json!({"loc": ["query", "agent_id"], "msg": "Field required", "type": "missing"});
            Err(Box::new(json_answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({"detail": [missing]}))))
        }
    }
}

fn exists(agent: &str) -> Result<(), Box<Answer>> {
    match agent.contains("unknown") {
        true => Err(Box::new(error(StatusCode::NOT_FOUND, "The agent was not found."))),
        false => Ok(()),
    }
}

/// Whether there is a key, which the rest of the API needs.
fn known(request: &Request<Incoming>) -> Result<(), Box<Answer>> {
    let key = request.headers().get("xi-api-key").and_then(|value| value.to_str().ok()).map(str::trim);
    match key {
        None => Err(unauthorized("Neither authorization header nor xi-api-key received, please provide one.")),
        Some(key) if key.is_empty() || key.contains("invalid") => Err(unauthorized("Invalid API key")),
        Some(_) => Ok(()),
    }
}

fn unauthorized(message: &str) -> Box<Answer> {
    Box::new(error(StatusCode::UNAUTHORIZED, message))
}

/// An error of a request, as this vendor writes it.
pub(in crate::simulator) fn error(status: StatusCode, message: &str) -> Answer {
    let name = match status.as_u16() {
        401 => "needs_authorization",
        403 => "missing_permissions",
        404 => "not_found",
        429 => "too_many_concurrent_requests",
        500.. => "internal_server_error",
        _ => "invalid_request",
    };
    json_answer(status, &json!({"detail": {"status": name, "message": message}}))
}

/// A URL that lets in, on the address by which this simulator was asked for it.
fn sign(request: &Request<Incoming>, shared: &Shared) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let agent = match agent_of(query) {
        Ok(agent) => agent,
        Err(refused) => return *refused,
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|host| host.parse::<hyper::http::uri::Authority>().is_ok()) else {
        return error(StatusCode::BAD_REQUEST, "The request names no host.");
    };
    let once = parameter(query, "include_conversation_id").is_some_and(|wish| wish == "true" || wish == "True");
    let Some((signature, conversation)) = shared.elevenlabs.sign(&agent, once) else {
        return error(StatusCode::TOO_MANY_REQUESTS, "Too many signed URLs are waiting to be used.");
    };
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("agent_id", &agent);
    if let Some(conversation) = &conversation {
        pairs.append_pair("conversation_id", conversation);
    }
    let query = pairs.append_pair(SIGNATURE, &signature).finish();
    let secure = if shared.secure { "s" } else { "" };
    let url = format!("ws{secure}://{host}{ROOT}/conversation?{query}");
    json_answer(StatusCode::OK, &json!({"signed_url": url}))
}

/// What an agent looks like, as far as clients look.
fn agent(id: &str, shared: &Shared) -> Answer {
    if let Err(refused) = exists(id) {
        return *refused;
    }
    let agent = &shared.scenario.agent;
    let permitted = overrides::permissions(agent.overrides.as_deref());
    let body = json!({
        "agent_id": id,
        "name": shared.scenario.name,
        "conversation_config": {
            "asr": {"user_input_audio_format": agent.input_format},
            "tts": {"agent_output_audio_format": agent.output_format},
            "conversation": {"text_only": agent.text_only, "client_events": agent.client_events},
            "agent": {"prompt": {"prompt": shared.scenario.instructions}},
        },
        "metadata": {"created_at_unix_secs": 0, "updated_at_unix_secs": 0},
        "platform_settings": {
            "auth": {"enable_auth": agent.private},
            "overrides": {"conversation_config_override": permitted, "custom_llm_extra_body": true},
        },
    });
    json_answer(StatusCode::OK, &body)
}
