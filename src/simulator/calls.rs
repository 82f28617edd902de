//! `POST /v1/realtime/calls`: an offer is answered and a call begins; `…/calls/{id}/hangup` ends it. `GET /` is a page
//! that does it from a browser.

use super::{
    call,
    connection::Session,
    events::Refusal,
    handshake::{self, Denied, Key},
    ids::Ids,
    server::{Answer, LetIn, Shared, new_session, text_of},
    session_state::{Moment, SESSION_LIFE, SessionState},
};
use crate::{page, transport::webrtc::Offered};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, header};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, UdpSocket},
};
use tokio::{sync::watch, task::JoinSet};

/// Calls at a time.
const MOST: usize = 256;

/// Who made an offer.
enum Caller {
    Comes(Offered),
    /// Somebody who is led to a socket that nobody reads.
    NoPath(UdpSocket),
}

/// The calls of one simulator.
pub(super) struct Calls {
    stop: watch::Receiver<bool>,
    under_way: Mutex<HashMap<String, watch::Sender<bool>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Calls {
    /// They end when `stop` turns true.
    pub(super) fn new(stop: watch::Receiver<bool>) -> Self {
        Self { stop, under_way: Mutex::default(), tasks: Mutex::default() }
    }

    /// Waits until all are over, which `stop` has been told to be.
    pub(super) async fn over(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        while tasks.join_next().await.is_some() {}
    }

    fn begin(&self, id: &str, caller: Caller, session: Session) -> Result<(), Denied> {
        let mut under_way = self.under_way.lock();
        under_way.retain(|_, call| !call.is_closed());
        if under_way.len() >= MOST {
            let refusal = Refusal::new("rate_limit_exceeded", format!("At most {MOST} calls at a time."));
            return Err(Denied::new(StatusCode::TOO_MANY_REQUESTS, refusal));
        }
        let (hang_up, hung_up) = watch::channel(false);
        under_way.insert(id.to_owned(), hang_up);
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        let stop = self.stop.clone();
        match caller {
            Caller::Comes(offered) => tasks.spawn(call::run(offered, session, hung_up, stop)),
            Caller::NoPath(hole) => tasks.spawn(call::without_path(hole, session, hung_up, stop)),
        };
        Ok(())
    }

    /// `POST /v1/realtime/calls/{id}/hangup`.
    pub(super) fn hang_up(&self, id: &str) -> Result<Answer, Denied> {
        let call = self.under_way.lock().remove(id).filter(|call| !call.is_closed());
        let Some(call) = call else {
            // The code is inferred.
            let refusal = Refusal::new("call_not_found", "There is no such call, or it is over.");
            return Err(Denied::new(StatusCode::NOT_FOUND, refusal));
        };
        call.send_replace(true);
        Ok(Response::new(Full::default()))
    }
}

/// Which call a path is to hang up.
pub(super) fn to_hang_up(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/realtime/calls/")?.strip_suffix("/hangup").filter(|id| !id.contains('/'))
}

/// `POST /v1/realtime/calls`.
pub(super) async fn create(
    request: Request<Incoming>,
    key: Option<Key>,
    shared: &Shared,
    no_path: bool,
) -> Result<Answer, Denied> {
    let bad = |refusal| Denied::new(StatusCode::BAD_REQUEST, refusal);
    let secret = Key::check(key.as_ref(), &shared.secrets)?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = text_of(request).await?;
    let (offer, wishes) = if let Ok(boundary) = multer::parse_boundary(&kind) {
        parts(body, boundary).await.map_err(bad)?
    } else if kind.starts_with("application/sdp") {
        (body, None)
    } else {
        let message =
            format!("Unsupported content type: '{}'. Send application/sdp or multipart/form-data.", short(&kind));
        let refusal = Refusal::new("unsupported_content_type", message);
        return Err(Denied::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, refusal));
    };
    let session = match wishes {
        Some(wishes) => {
            let model = wishes["model"].as_str().or_else(|| secret.as_ref().map(SessionState::model));
            let model = model.ok_or_else(|| bad(Refusal::missing("session.model")))?.to_owned();
            handshake::known_model(&model, shared.any_model).map_err(bad)?;
            let instructions = shared.scenario.instructions.as_deref();
            let mut session = SessionState::new(&Ids::new().next("sess_"), &model, instructions, SESSION_LIFE);
            session.update(&wishes, Moment::default()).map_err(bad)?;
            Some(session)
        }
        None => secret,
    };
    let model = match &session {
        Some(_) => None,
        None => handshake::model(&query, false)?,
    };
    if let Some(model) = &model {
        handshake::known_model(model, shared.any_model).map_err(bad)?;
    }
    // Nobody else than this machine can reach the simulator.
    let answered = Offered::answer(IpAddr::V4(Ipv4Addr::LOCALHOST), &offer).await;
    let (offered, answer) = answered.map_err(|error| {
        let message =
            format!("Invalid offer: {}. Send a WHIP-compliant SDP offer with audio and a data channel.", error.message);
        bad(Refusal::new("invalid_offer", message))
    })?;
    let (caller, answer) = match no_path {
        true => astray(&answer).map_err(bad)?,
        false => (Caller::Comes(offered), answer),
    };
    let session = new_session(shared, session, model.as_deref());
    let number = session.number;
    let id = Ids::new().next("rtc_");
    shared.calls.begin(&id, caller, session)?;
    let response = Response::builder()
        .status(StatusCode::CREATED)
        .header(header::CONTENT_TYPE, "application/sdp")
        .header(header::LOCATION, format!("/v1/realtime/calls/{id}"));
    Ok(response.extension(LetIn(number)).body(Full::from(answer)).unwrap_or_default())
}

/// An answer like this one that leads nowhere.
fn astray(answer: &str) -> Result<(Caller, String), Refusal> {
    let broken = |e: std::io::Error| Refusal::new("server_error", format!("There is no socket: {e}."));
    let hole = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
    let port = hole.local_addr().map_err(broken)?.port().to_string();
    // a=candidate:<foundation> <component> <protocol> <priority> <address> <port> typ …
    let led = |line: &str| match line.starts_with("a=candidate:") {
        true => {
            line.split(' ').enumerate().map(|(i, word)| if i == 5 { &port } else { word }).collect::<Vec<_>>().join(" ")
        }
        false => line.to_owned(),
    };
    let answer = answer.lines().map(|line| led(line) + "\r\n").collect();
    Ok((Caller::NoPath(hole), answer))
}

/// A page that calls this simulator from a browser.
pub(super) fn page() -> Answer {
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, page::POLICY);
    answer.body(Full::from(page::HTML)).unwrap_or_default()
}

/// The offer and the session of a form.
async fn parts(body: String, boundary: String) -> Result<(String, Option<Value>), Refusal> {
    let stream = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(body) });
    let mut form = multer::Multipart::new(stream, boundary);
    let broken = |e: multer::Error| Refusal::new("invalid_body", format!("The form cannot be read: {e}."));
    let (mut offer, mut session) = (None, None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let text = field.text().await.map_err(broken)?;
        match name.as_str() {
            "sdp" => offer = Some(text),
            "session" => {
                let json = serde_json::from_str(&text)
                    .map_err(|e| Refusal::new("invalid_json", format!("The part 'session' is not valid JSON: {e}.")))?;
                session = Some(json);
            }
            _ => return Err(Refusal::value(short(&name), format!("Unknown part: '{}'.", short(&name)))),
        }
    }
    Ok((offer.ok_or_else(|| Refusal::missing("sdp"))?, session))
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
