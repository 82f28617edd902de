//! One file to where the vendor wants it, as a form.

use super::{
    http::{Connection, Post},
    refusal::Whose,
};
use crate::{
    config::Tls,
    error::{Error, ErrorClass, Result},
};
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// Two mebibytes over a slow network.
const TIME: Duration = Duration::from_secs(60);
const LARGEST_ANSWER: usize = 64 * 1024;
/// A name is shorter.
const LONGEST_NAME: usize = 512;

#[derive(Deserialize)]
struct Named {
    file_id: String,
}

/// Posts the picture and returns the name it has from then on.
pub async fn upload(url: String, mime_type: String, base64: String, tls: Tls) -> Result<String> {
    let wrong = |what: &str| Error::new(ErrorClass::Config, "invalid_config", what.to_owned()).field("base_url");
    let url = Url::parse(&url).map_err(|_| wrong("not a URL"))?;
    let bytes = base64_simd::STANDARD
        .decode_to_vec(base64.as_bytes())
        .map_err(|_| Error::new(ErrorClass::Argument, "invalid_argument", "is not base64").field("image.data"))?;
    let (content_type, body) = form(&mime_type, &bytes);
    let post = Post {
        url: &url,
        // Who knows the conversation may add to it.
        headers: Vec::new(),
        content_type: Some(content_type),
        accept: "application/json",
        body,
        most: LARGEST_ANSWER,
        time: TIME,
    };
    let answer = Connection::open(&url, tls).await?.exchange(post).await?.success(None, Whose::Service)?;
    let named: Option<Named> = serde_json::from_slice(&answer.body).ok();
    let usable = |named: &Named| {
        !named.file_id.is_empty()
            && named.file_id.len() <= LONGEST_NAME
            && named.file_id.bytes().all(|b| b.is_ascii_graphic())
    };
    named.filter(usable).map(|named| named.file_id).ok_or_else(|| {
        Error::new(ErrorClass::Protocol, "invalid_answer", "the service took the picture and gave it no name")
    })
}

/// A form with one file in it: its content type, and what is sent.
fn form(mime_type: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let holds = |mark: &str| bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
    // What parts the fields must not stand in the file.
    let mut number = 0u64;
    let mut mark = "duologue-0".to_owned();
    while holds(&mark) {
        number += 1;
        mark = format!("duologue-{number}");
    }
    let kind = mime_type.rsplit('/').next().unwrap_or("bin");
    let mut body = format!(
        "--{mark}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"picture.{kind}\"\r\n\
         Content-Type: {mime_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{mark}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={mark}"), body)
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn what_parts_the_fields_is_not_in_the_file() {
        let (kind, body) = form("image/png", b"a duologue-0 b duologue-1");
        assert_eq!(kind, "multipart/form-data; boundary=duologue-2");
        let text = String::from_utf8(body).unwrap();
        assert!(text.starts_with(
            "--duologue-2\r\nContent-Disposition: form-data; name=\"file\"; filename=\"picture.png\"\r\n"
        ));
        assert!(text.ends_with("\r\n\r\na duologue-0 b duologue-1\r\n--duologue-2--\r\n"), "{text}");
    }
}
