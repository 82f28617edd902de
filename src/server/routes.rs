//! The endpoints.

use super::{
    gate::{Caller, Gate},
    offer::{Offer, json},
    policy::Wishes,
    refusal::{Refusal, json_answer},
};
use crate::{credential::Credential, page, provider::openai::minting::session, transport::calls::SDP_TYPE};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{OriginalUri, Path, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// What is posted comes in this time.
const BODY: Duration = Duration::from_secs(10);
/// A body without an offer.
const MOST_WITHOUT_OFFER: usize = 16 * 1024;
/// Browsers ask again after this long.
const PREFLIGHT: Duration = Duration::from_secs(600);

/// For an application that has routes of its own.
pub(super) fn nested(gate: Arc<Gate>) -> Router {
    let (origins, cookies) = (gate.origins.clone(), gate.cookies);
    guarded(endpoints(gate), origins, cookies)
}

/// For a server that has nothing else, at `address`.
pub(super) fn whole(gate: Arc<Gate>, address: SocketAddr) -> Router {
    let (mut origins, cookies, page) = (gate.origins.clone(), gate.cookies, gate.page);
    let mut router = endpoints(gate).fallback(not_found);
    if page {
        router = router.route("/", get(async || self::page()));
        origins.extend([format!("http://{address}"), format!("http://localhost:{}", address.port())]);
    }
    guarded(router, origins, cookies)
}

fn endpoints(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/calls", post(create))
        .route("/calls/{id}/hangup", post(hang_up))
        .route("/client_secrets", post(mint))
        .route("/healthz", get(health))
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Wrong HTTP method.")
        })
        .with_state(gate)
}

/// Only pages of these origins may ask, and nobody keeps an answer.
fn guarded(router: Router, origins: Vec<String>, cookies: bool) -> Router {
    let values: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(values.clone()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_credentials(cookies)
        .expose_headers([header::LOCATION, header::RETRY_AFTER])
        .max_age(PREFLIGHT);
    router.layer(cors).layer(from_fn_with_state(Arc::<[HeaderValue]>::from(values), at_home))
}

async fn at_home(State(origins): State<Arc<[HeaderValue]>>, request: Request, next: Next) -> Response {
    let foreign = request.headers().get_all(header::ORIGIN).iter().any(|origin| !origins.contains(origin));
    let mut answer = match foreign {
        true => {
            let message = "Pages of this origin may not ask this server.";
            Refusal::new(StatusCode::FORBIDDEN, "origin_not_allowed", message).into_response()
        }
        false => next.run(request).await,
    };
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// `POST /calls`.
async fn create(
    State(gate): State<Arc<Gate>>,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Result<Response, Refusal> {
    gate.upstream.calls()?;
    gate.open()?;
    let (head, body) = request.into_parts();
    let caller = gate.admit(&head).await?;
    let place = gate.begin(&caller)?;
    let body = read(body, gate.most_body).await?;
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let offer = Offer::read(kind, head.uri.query().unwrap_or_default(), body).await?;
    let wanted = gate.policy.session(offer.wishes)?;
    let session = session(&wanted).map_err(|error| {
        tracing::warn!(code = %error.code, field = error.field, "no session");
        Refusal::unavailable("no_session", "This server has no session for you at present.")
    })?;
    let key = gate.key(&caller).await?;
    // A caller may go away at any time; a call that was made is booked, or hung up, all the same.
    let (made, called) = oneshot::channel();
    let task = {
        let gate = gate.clone();
        async move {
            let called = gate.upstream.call(&offer.sdp, &session, &key).await;
            drop(place);
            let id = called.as_ref().ok().and_then(|called| called.id.clone());
            tracing::info!(user = %gate.shown(&caller.user), call = id, made = called.is_ok(), "call");
            let Some(id) = id else { return drop(made.send(called)) };
            // Booked before it is told: the caller may hang up at once.
            let oldest = if made.is_closed() { None } else { gate.book.made(&id, &caller.user) };
            if made.send(called).is_err() {
                tracing::info!(user = %gate.shown(&caller.user), call = id, "nobody waited for it: hung up");
                end(&gate, &caller, &id, &key).await;
                // It needs no room.
                if let Some(oldest) = oldest {
                    gate.book.made(&oldest, &caller.user);
                }
            } else if let Some(oldest) = oldest {
                tracing::info!(user = %gate.shown(&caller.user), call = oldest, "one call too many: hung up");
                end(&gate, &caller, &oldest, &key).await;
            }
        }
    };
    tokio::spawn(task);
    let gone = |_| Refusal::unavailable("stopping", "This server is about to stop.");
    let called = called.await.map_err(gone)??;
    let mut answer = Response::builder().status(StatusCode::CREATED).header(header::CONTENT_TYPE, SDP_TYPE);
    if let Some(id) = called.id {
        answer = answer.header(header::LOCATION, format!("{}/{id}", uri.path().trim_end_matches('/')));
    }
    Ok(answer.body(Body::from(called.sdp)).unwrap_or_default())
}

/// Ends a call of the caller, bounded in time.
async fn end(gate: &Gate, caller: &Caller, id: &str, key: &Credential) {
    match gate.upstream.hang_up(id, key).await {
        Ok(()) => gate.book.over(id),
        Err(refusal) => {
            tracing::warn!(user = %gate.shown(&caller.user), call = id, code = %refusal.code, "not hung up");
        }
    }
}

/// `POST /calls/{id}/hangup`. Also while the server is disabled, and as often as one calls.
async fn hang_up(
    State(gate): State<Arc<Gate>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    gate.upstream.calls()?;
    let (head, _) = request.into_parts();
    let caller = gate.admit(&head).await?;
    if !gate.book.knows(&id, &caller.user) {
        let message = "There is no such call of yours, or it is over.";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "call_not_found", message));
    }
    let key = gate.key(&caller).await?;
    gate.upstream.hang_up(&id, &key).await?;
    gate.book.over(&id);
    tracing::info!(user = %gate.shown(&caller.user), call = id, "hung up");
    Ok(StatusCode::OK)
}

/// `POST /client_secrets`.
async fn mint(State(gate): State<Arc<Gate>>, request: Request) -> Result<Response, Refusal> {
    let Some(options) = gate.secrets else { return Err(not_found().await) };
    gate.open()?;
    let (head, body) = request.into_parts();
    let caller = gate.admit(&head).await?;
    let _place = gate.begin(&caller)?;
    let object = json(&read(body, MOST_WITHOUT_OFFER).await?, "body")?;
    let mut wishes = Wishes::default();
    for (name, value) in object.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("session", session) => wishes = wishes.and_session(session)?,
            _ => return Err(Refusal::fixed(name, "A caller chooses the session's model and voice.")),
        }
    }
    let session = gate.policy.session(wishes)?;
    let key = gate.key(&caller).await?;
    let minted = gate.upstream.mint(&session, &options, &key).await?;
    let value = minted.credential.expose();
    tracing::info!(user = %gate.shown(&caller.user), secret = %gate.shown(value), "client secret minted");
    let session = json!({"type": "realtime", "model": session.model});
    let mut answer = json!({"value": value, "expires_at": minted.expires_at, "session": session});
    if let Some(end) = minted.sessions_end_at {
        answer["sessions_end_at"] = end.into();
    }
    Ok(json_answer(StatusCode::OK, &answer))
}

/// `GET /healthz`.
async fn health(State(gate): State<Arc<Gate>>) -> Response {
    json_answer(StatusCode::OK, &json!({"status": "ok", "enabled": gate.open().is_ok()}))
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown_url", "There is nothing at this place.")
}

/// A page with which a person can talk.
fn page() -> Response {
    let mut answer = Response::new(Body::from(page::for_calls_at("calls")));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::POLICY));
    answer
}

/// What was posted, bounded in length and time.
async fn read(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("The body is larger than {most} bytes.");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let late = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "The body did not come in time.");
    let read = tokio::time::timeout(BODY, Limited::new(body, most).collect()).await.map_err(|_| late())?;
    read.map(|body| body.to_bytes()).map_err(|e| match e.is::<LengthLimitError>() {
        true => too_large(),
        false => Refusal::bad("invalid_body", "The body is incomplete."),
    })
}
