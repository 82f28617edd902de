//! Requests that a fault spoils.

use super::{
    cors,
    guests::Guest,
    scenario::{Refuse, What},
    server::{Answer, json_answer},
};
use http_body_util::Full;
use hyper::{Response, StatusCode, header};
use serde_json::json;
use std::time::Duration;

/// What a fault makes of a request, if it does not go its usual way in the end.
pub(super) async fn trouble(fault: Option<What>, guest: Option<&Guest>) -> Option<Answer> {
    match fault? {
        What::Refuse(refuse) => Some(cors::readable(refused(&refuse, guest))),
        What::CaptivePortal => {
            let page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>\
                <h1>Welcome to the guest network</h1><p>Please accept the terms of use.</p></body></html>";
            let answer = Response::builder().header(header::CONTENT_TYPE, "text/html; charset=utf-8");
            Some(answer.body(Full::from(page)).unwrap_or_default())
        }
        What::Stall(stall) => {
            tokio::time::sleep(Duration::from_millis(stall.ms.into())).await;
            None
        }
        // Dropped with the connection, when the client has given up.
        What::HalfOpen => std::future::pending().await,
        _ => None,
    }
}

fn refused(refuse: &Refuse, guest: Option<&Guest>) -> Answer {
    // The codes for 403 and 503 are inferred.
    let (kind, code, message) = match refuse.status {
        401 => ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
        403 => ("invalid_request_error", "permission_denied", "You do not have access to this."),
        429 => ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
        503 => ("server_error", "overloaded", "The service is overloaded. Please try again later."),
        500.. => ("server_error", "server_error", "The server had an error while processing your request."),
        _ => ("invalid_request_error", "invalid_request", "The request was refused."),
    };
    let code = refuse.code.as_deref().unwrap_or(code);
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    let status = StatusCode::from_u16(refuse.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = guest.map_or_else(|| json_answer(status, &body), |guest| guest.error(status, message));
    if let Some(seconds) = refuse.retry_after_s {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}
