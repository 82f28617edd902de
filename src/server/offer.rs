//! An offer in one of the three forms in which it may come.

use super::{policy::Wishes, refusal::Refusal};
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;
use std::convert::Infallible;

/// An offer, and what its caller asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Offer {
    pub(super) sdp: String,
    pub(super) wishes: Wishes,
}

impl Offer {
    /// `application/sdp`, a form with `sdp` and perhaps `session`, or JSON with `sdp` in base64 or as it is.
    pub(super) async fn read(content_type: &str, query: &str, body: Bytes) -> Result<Self, Refusal> {
        let wishes = Wishes::of_query(query)?;
        let (sdp, wishes) = if let Ok(boundary) = multer::parse_boundary(content_type) {
            let (sdp, session) = parts(body, boundary).await?;
            match session {
                Some(session) => (sdp, wishes.and_session(&json(session.as_bytes(), "session")?)?),
                None => (sdp, wishes),
            }
        } else {
            match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
                "application/sdp" => (text(body.to_vec())?, wishes),
                "application/json" => {
                    let object = json(&body, "body")?;
                    (of_json(&object)?, wishes.and_fields(&object)?)
                }
                _ => {
                    let message = "Send application/sdp, multipart/form-data or application/json.";
                    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                    return Err(Refusal::new(status, "unsupported_content_type", message));
                }
            }
        };
        if !sdp.starts_with("v=0") || sdp.contains('\0') {
            return Err(wrong("The offer is not a session description."));
        }
        Ok(Self { sdp, wishes })
    }
}

/// A document that is posted, or a part of one; none is an empty object.
pub(super) fn json(bytes: &[u8], what: &str) -> Result<Value, Refusal> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    // Of the reader's words only the place: others repeat what was read.
    let wrong = |e: serde_json::Error| {
        let message = format!("The {what} is not JSON: line {}, column {}.", e.line(), e.column());
        Refusal::bad("invalid_json", message).param(what)
    };
    let value: Value = serde_json::from_slice(bytes).map_err(wrong)?;
    match value.is_object() {
        true => Ok(value),
        false => Err(Refusal::bad("invalid_json", format!("The {what} is not a JSON object.")).param(what)),
    }
}

fn of_json(object: &Value) -> Result<String, Refusal> {
    let sdp = object["sdp"].as_str().ok_or_else(|| wrong("There is no offer."))?;
    if sdp.starts_with("v=0") {
        return Ok(sdp.to_owned());
    }
    let bytes = base64_simd::STANDARD.decode_to_vec(sdp.trim());
    text(bytes.map_err(|_| wrong("The offer is neither a session description nor base64 of one."))?)
}

async fn parts(body: Bytes, boundary: String) -> Result<(String, Option<String>), Refusal> {
    let stream = futures_util::stream::once(async move { Ok::<_, Infallible>(body) });
    let mut form = multer::Multipart::new(stream, boundary);
    let broken = |_| Refusal::bad("invalid_body", "The form cannot be read.");
    let (mut sdp, mut session) = (None, None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let slot = match field.name() {
            Some("sdp") => &mut sdp,
            Some("session") => &mut session,
            _ => return Err(Refusal::bad("invalid_body", "The form has a part other than 'sdp' and 'session'.")),
        };
        let bytes = field.bytes().await.map_err(broken)?;
        if slot.replace(text(bytes.to_vec())?).is_some() {
            return Err(Refusal::bad("invalid_body", "The form has a part twice."));
        }
    }
    Ok((sdp.ok_or_else(|| wrong("There is no offer."))?, session))
}

fn text(bytes: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(bytes).map_err(|_| Refusal::bad("invalid_body", "It is not UTF-8."))
}

fn wrong(message: &str) -> Refusal {
    Refusal::bad("invalid_offer", message).param("sdp")
}
