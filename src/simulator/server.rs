//! The HTTP side: accepts sockets, answers requests, and upgrades to WebSocket.

use super::{
    connection, cors, elevenlabs,
    events::Refusal,
    faults::{Desk, Door, Line},
    gemini,
    guests::Guest,
    handshake::{self, Carrier, Denied, Key},
    ids::Ids,
    journal::Journal,
    peer::Peer,
    scenario::Scenario,
    secrets::Secrets,
    session_state::SessionState,
    trouble::trouble,
    wire::Wire,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_rustls::TlsAcceptor;

/// Connections at a time; more wait in the listen queue.
const MOST_CONNECTIONS: usize = 1024;
const LARGEST_BODY: usize = 1 << 20;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// What all connections share.
pub(super) struct Shared {
    pub(super) scenario: Arc<Scenario>,
    pub(super) faults: Desk,
    pub(super) dialect: super::Dialect,
    pub(super) any_model: bool,
    pub(super) journal: Journal,
    pub(super) secrets: Secrets,
    pub(super) gemini: Arc<gemini::Memory>,
    pub(super) elevenlabs: Arc<elevenlabs::Memory>,
    /// Whether TLS is spoken.
    pub(super) secure: bool,
    /// Numbers the connections that are let in, from 1.
    pub(super) connections: AtomicU64,
    #[cfg(feature = "webrtc")]
    pub(super) calls: super::calls::Calls,
}

/// A session that waits for its upgrade.
pub(super) struct Granted {
    upgrade: OnUpgrade,
    session: connection::Session<Box<dyn connection::Dialogue>>,
}

/// Accepts until `stop` changes, then lets every connection say goodbye.
pub(super) async fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = connection::stopped(&mut stop) => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept(), if tasks.len() < MOST_CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    let _ = socket.set_nodelay(true);
                    tasks.spawn(guard(socket, tls.clone(), shared.clone(), stop.clone()));
                }
                Err(e) => {
                    // Out of descriptors, most likely: they come back when a connection ends.
                    tracing::warn!("accept failed: {e}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
    #[cfg(feature = "webrtc")]
    shared.calls.over().await;
}

async fn guard(
    socket: tokio::net::TcpStream,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) {
    let Some(tls) = tls else { return serve(Wire::Plain(socket), shared, stop).await };
    match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(socket)).await {
        Ok(Ok(stream)) => serve(Wire::Tls(Box::new(stream)), shared, stop).await,
        Ok(Err(e)) => tracing::debug!("TLS handshake failed: {e}"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn serve(wire: Wire, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let granted = Arc::new(Mutex::new(None));
    let service = service_fn(|request| {
        let (shared, granted) = (shared.clone(), granted.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(request, &shared, &granted).await) }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIME)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    tokio::select! {
        served = http => if let Err(e) = served {
            tracing::debug!("HTTP ended: {e}");
        },
        () = connection::stopped(&mut stop) => return,
    }
    // The upgrade is complete once HTTP has let go of the socket.
    let Some(Granted { upgrade, session }) = granted.lock().take() else { return };
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(e) => {
            tracing::debug!(connection = session.number, "upgrade failed: {e}");
            return session.journal.ended(session.number, &connection::Ended::Lost);
        }
    };
    let Ok(parts) = upgraded.downcast::<TokioIo<Wire>>() else { return };
    connection::run(parts.io.into_inner(), parts.read_buf.to_vec(), session, &mut stop).await;
}

/// The number of the connection that a request has opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct LetIn(pub(super) u64);

pub(super) type Answer = Response<Full<Bytes>>;

async fn answer(mut request: Request<Incoming>, shared: &Shared, granted: &Mutex<Option<Granted>>) -> Answer {
    let key = Key::find(request.headers(), shared.dialect);
    let mut entry = describe(&request, key.as_ref());
    let guest = Guest::find(request.method(), request.uri().path().trim_end_matches('/'));
    if let Some(guest) = &guest {
        guest.describe(&request, &mut entry);
    }
    let path = shared.dialect.path(request.uri().path()).to_owned();
    let door = match (request.method(), path.as_str()) {
        (&Method::GET, "/v1/realtime") => Some(Door::Upgrade),
        (&Method::POST, "/v1/realtime/client_secrets") => Some(Door::ClientSecret),
        #[cfg(feature = "webrtc")]
        (&Method::POST, "/v1/realtime/calls") => Some(Door::Upgrade),
        _ => guest.as_ref().and_then(Guest::door),
    };
    let fault = match door {
        Some(door) => {
            shared.journal.request(door);
            shared.faults.request(door)
        }
        None => None,
    };
    #[cfg(feature = "webrtc")]
    let no_path = matches!(fault, Some(super::scenario::What::NoPath));
    let early = match cors::is_question(&request) {
        true => Some(cors::answer(&request)),
        false => trouble(fault, guest.as_ref()).await,
    };
    if let Some(answer) = early {
        entry["status"] = json!(answer.status().as_u16());
        shared.journal.handshake(entry);
        return answer;
    }
    let answer = match (guest, request.method(), path.as_str()) {
        (Some(guest), ..) => guest.answer(request, shared, granted).await,
        (_, &Method::GET, "/v1/realtime") => upgrade(&mut request, key, shared, granted),
        (_, &Method::POST, "/v1/realtime/client_secrets") => client_secret(request, key, shared).await,
        #[cfg(feature = "webrtc")]
        (_, &Method::GET, "") => Ok(super::calls::page()),
        #[cfg(feature = "webrtc")]
        (_, &Method::POST, "/v1/realtime/calls") => super::calls::create(request, key, shared, no_path).await,
        #[cfg(feature = "webrtc")]
        (_, &Method::POST, path) if super::calls::to_hang_up(path).is_some() => {
            let known = Key::check(key.as_ref(), &shared.secrets);
            known.and_then(|_| shared.calls.hang_up(super::calls::to_hang_up(path).unwrap_or_default()))
        }
        (_, _, "/v1/realtime" | "/v1/realtime/client_secrets" | "/v1/realtime/calls") => {
            Err(Denied::new(StatusCode::METHOD_NOT_ALLOWED, Refusal::new("method_not_allowed", "Wrong HTTP method.")))
        }
        _ => {
            let message = "Not found. This simulator serves /v1/realtime, /v1/realtime/calls and /v1/realtime/client_secrets, \
                Gemini Live under /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent, and \
                ElevenLabs Agents under /v1/convai/conversation.";
            Err(Denied::new(StatusCode::NOT_FOUND, Refusal::new("unknown_url", message)))
        }
    };
    let answer = cors::readable(answer.unwrap_or_else(|denied| json_answer(denied.status, &denied.body())));
    entry["status"] = json!(answer.status().as_u16());
    let let_in = granted.lock().as_ref().map(|granted| granted.session.number);
    entry["connection"] = json!(let_in.or_else(|| answer.extensions().get::<LetIn>().map(|call| call.0)));
    shared.journal.handshake(entry);
    answer
}

fn describe(request: &Request<Incoming>, key: Option<&Key>) -> Value {
    let query = request.uri().query().unwrap_or_default();
    let names: Vec<String> = url::form_urlencoded::parse(query.as_bytes()).map(|(n, _)| n.into_owned()).collect();
    let headers: Vec<&str> = request.headers().keys().map(header::HeaderName::as_str).collect();
    json!({
        "connection": null,
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "query": names,
        "headers": headers,
        "auth": match key.map(|key| key.carrier) {
            Some(Carrier::Bearer) => "bearer",
            Some(Carrier::Header) => "api-key",
            Some(Carrier::Subprotocol) => "subprotocol",
            None => "none",
        },
        "key": key.map(|key| if key.ephemeral() { "ephemeral" } else { "standard" }),
    })
}

fn upgrade(
    request: &mut Request<Incoming>,
    key: Option<Key>,
    shared: &Shared,
    granted: &Mutex<Option<Granted>>,
) -> Result<Answer, Denied> {
    let session = Key::check(key.as_ref(), &shared.secrets)?;
    if shared.scenario.delivery.echo {
        let message = "This scenario has an echo, which only calls have (POST /v1/realtime/calls).";
        return Err(Denied::new(StatusCode::BAD_REQUEST, Refusal::new("calls_only", message)));
    }
    let accept = handshake::websocket_accept(request)?;
    let beta = handshake::asks_for_beta(request.headers());
    let query = request.uri().query().unwrap_or_default();
    let model = match handshake::model(query, session.is_some()) {
        // The beta shape is refused for itself, whatever the query.
        Err(_) if beta => None,
        // Nobody is told that it is another model.
        _ if shared.dialect == super::Dialect::Xai => Some(super::xai::model(query)),
        model => model?,
    };
    if let Some(model) = model.as_ref().filter(|_| shared.dialect == super::Dialect::OpenAi) {
        handshake::known_model(model, shared.any_model).map_err(|refusal| {
            let live = refusal.code == "invalid_model";
            Denied::new(if live { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND }, refusal)
        })?;
    }
    let mut granting = new_session(shared, session, model.as_deref());
    if beta {
        let message = "The Realtime beta shape is no longer available: remove the OpenAI-Beta header.";
        granting.peer.reject(
            &Refusal::new("beta_api_shape_disabled", message),
            4000,
            "invalid_request_error.beta_api_shape_disabled",
        );
    }
    let offered = handshake::protocols(request.headers());
    let chosen = if shared.dialect == super::Dialect::Xai {
        // A browser takes no answer without one of the protocols it offered, and there is only one.
        offered.first().and_then(|name| header::HeaderValue::from_str(name).ok())
    } else {
        offered.contains(&"realtime").then(|| header::HeaderValue::from_static("realtime"))
    };
    let mut answer = switch(request, &accept, granting.of_any_vendor(), granted);
    if let Some(chosen) = chosen {
        answer.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    Ok(answer)
}

/// The answer to a handshake; its session begins when HTTP has let go of the socket.
pub(super) fn switch(
    request: &mut Request<Incoming>,
    accept: &str,
    session: connection::Session<Box<dyn connection::Dialogue>>,
    granted: &Mutex<Option<Granted>>,
) -> Answer {
    *granted.lock() = Some(Granted { upgrade: hyper::upgrade::on(request), session });
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer.body(Full::default()).unwrap_or_default()
}

pub(super) fn new_session(shared: &Shared, session: Option<SessionState>, model: Option<&str>) -> connection::Session {
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let journal = shared.journal.clone();
    journal.began(number);
    let life = shared.faults.life(number);
    let id = Ids::new().next("sess_");
    let instructions = shared.scenario.instructions.as_deref();
    let session = match session {
        Some(mut session) => {
            session.begin(&id, model, life);
            session
        }
        None => SessionState::new(&id, model.unwrap_or("gpt-realtime-2.1"), instructions, life),
    };
    let line = Line::new(&shared.scenario, journal.clone(), number, life);
    let xai = (shared.dialect == super::Dialect::Xai).then(super::xai::Xai::default);
    let peer = Peer::new(session, life, shared.scenario.clone(), journal.clone(), number, xai);
    connection::Session { number, peer, line, journal }
}

async fn client_secret(request: Request<Incoming>, key: Option<Key>, shared: &Shared) -> Result<Answer, Denied> {
    let bad = |refusal| Denied::new(StatusCode::BAD_REQUEST, refusal);
    Key::check(key.as_ref(), &shared.secrets)?;
    if key.is_some_and(|key| key.ephemeral()) {
        let message = "A client secret cannot mint another one; use an API key.";
        return Err(Denied::new(StatusCode::UNAUTHORIZED, Refusal::new("invalid_api_key", message)));
    }
    let body = text_of(request).await?;
    let wishes: Value = match body.is_empty() {
        true => json!({}),
        false => serde_json::from_str(&body)
            .map_err(|e| bad(Refusal::new("invalid_json", format!("The body is not valid JSON: {e}."))))?,
    };
    // The names of deployments are their owner's.
    let any = shared.any_model || shared.dialect == super::Dialect::Azure;
    let known = |model: &str| handshake::known_model(model, any);
    let minted = match shared.dialect {
        super::Dialect::Xai => shared.secrets.mint_xai(&wishes),
        _ => shared.secrets.mint(&wishes, shared.scenario.instructions.as_deref(), known),
    };
    let minted = minted.map_err(bad)?;
    Ok(json_answer(StatusCode::OK, &minted))
}

/// The body of a request, bounded in length and time.
pub(super) async fn text_of(request: Request<Incoming>) -> Result<String, Denied> {
    let too_large = || {
        let refusal = Refusal::new("invalid_body", "The body is incomplete or larger than 1 MiB.");
        Denied::new(StatusCode::PAYLOAD_TOO_LARGE, refusal)
    };
    if request.body().size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large());
    }
    let body = tokio::time::timeout(HANDSHAKE_TIME, Limited::new(request.into_body(), LARGEST_BODY).collect());
    let Ok(Ok(body)) = body.await else { return Err(too_large()) };
    String::from_utf8(body.to_bytes().to_vec())
        .map_err(|_| Denied::new(StatusCode::BAD_REQUEST, Refusal::new("invalid_body", "The body is not UTF-8.")))
}

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    answer.header(header::CACHE_CONTROL, "no-store").body(Full::from(body.to_string())).unwrap_or_default()
}
