//! Files that a client shows to the agent: uploaded over HTTP, named in a message afterwards.

use super::{
    doors::error,
    memory::{Memory, NoFile},
};
use crate::simulator::{
    images,
    server::{Answer, json_answer},
};
use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, StatusCode,
    body::{Body, Incoming},
    header,
};
use serde_json::json;
use std::time::Duration;

/// Inferred: the largest file.
const LARGEST: usize = 10 << 20;
/// What a form needs beside its file.
const FORM: usize = 16 << 10;
const UPLOAD_TIME: Duration = Duration::from_secs(30);

/// `POST …/conversations/{id}/files`: a form with the field `file`.
pub(super) async fn upload(conversation: &str, request: Request<Incoming>, memory: &Memory) -> Answer {
    match read(request).await {
        Ok(file) => match memory.keep(conversation, file) {
            Ok(id) => json_answer(StatusCode::OK, &json!({"file_id": id})),
            Err(NoFile::NoConversation) => error(StatusCode::NOT_FOUND, "The conversation was not found."),
            Err(NoFile::TooMany) => error(StatusCode::BAD_REQUEST, "The conversation has too many files."),
        },
        Err((status, message)) => error(status, message),
    }
}

type Refused = (StatusCode, &'static str);

/// What the file of a form is, in words.
async fn read(request: Request<Incoming>) -> Result<String, Refused> {
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than 10 MiB, or incomplete.");
    let no_file = (StatusCode::UNPROCESSABLE_ENTITY, "Expected a form with the field 'file'.");
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| no_file)?;
    let most = LARGEST + FORM;
    if request.body().size_hint().lower() > most as u64 {
        return Err(too_large);
    }
    let body = tokio::time::timeout(UPLOAD_TIME, Limited::new(request.into_body(), most).collect());
    let Ok(Ok(body)) = body.await else { return Err(too_large) };
    let stream = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(body.to_bytes()) });
    let mut form = multer::Multipart::new(stream, boundary);
    while let Some(field) = form.next_field().await.map_err(|_| no_file)? {
        if field.name() != Some("file") {
            continue;
        }
        let bytes = field.bytes().await.map_err(|_| no_file)?;
        if bytes.len() > LARGEST {
            return Err(too_large);
        }
        return what(&bytes)
            .ok_or((StatusCode::UNPROCESSABLE_ENTITY, "Only images, PDF and text files are supported."));
    }
    Err(no_file)
}

/// Images and PDF files are known by how they begin, text by being it.
fn what(bytes: &[u8]) -> Option<String> {
    if !bytes.is_empty() && !bytes.contains(&0) && !bytes.starts_with(b"%PDF-") && std::str::from_utf8(bytes).is_ok() {
        return Some("a text file".to_owned());
    }
    if bytes.starts_with(b"%PDF-") {
        return Some("a PDF file".to_owned());
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
        return Some("a WebP image".to_owned());
    }
    let kind = match bytes.first()? {
        0x89 => "png",
        _ => "jpeg",
    };
    let url = format!("data:image/{kind};base64,{}", base64_simd::STANDARD.encode_to_string(bytes));
    Some(images::describe(&url)).filter(|words| words != "no image")
}
