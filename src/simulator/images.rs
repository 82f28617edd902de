//! Images that a client shows: data URIs of PNG and JPEG, told by their content.
//!
//! What is refused follows the published rules. The codes are inferred from the vendor's other API, which
//! names its image errors; the largest size is not published at all.

use super::{events::Refusal, validate::wrong_type};
use serde_json::Value;

/// Largest image before base64: 10 MiB, so that it fits into a frame.
const LARGEST: usize = 10 << 20;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Png,
    Jpeg,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
        }
    }
}

/// Checks the `image_url` of a content part.
pub(super) fn check(value: &Value, path: &str) -> Result<(), Refusal> {
    let url = value.as_str().ok_or_else(|| wrong_type(value, path, "a string"))?;
    let bad = |code, message: &str| Refusal::new(code, format!("Invalid '{path}': {message}")).param(path);
    let Some((claimed, data)) = split(url) else {
        let message = "expected a data URI of a PNG or JPEG image in base64; other URLs and types are not supported.";
        return Err(bad("invalid_value", message));
    };
    if data.is_empty() {
        return Err(bad("empty_image_file", "the image is empty."));
    }
    if data.len() > LARGEST.div_ceil(3) * 4 {
        return Err(bad("image_too_large", "the image is larger than 10 MiB."));
    }
    let Ok(bytes) = base64_simd::STANDARD.decode_to_vec(data.as_bytes()) else {
        return Err(bad("invalid_base64_image", "the image is not valid base64."));
    };
    match kind(&bytes) {
        Some(kind) if kind == claimed => Ok(()),
        Some(kind) => Err(bad("invalid_image_format", &format!("it is a {} image.", kind.name()))),
        None => Err(bad("invalid_image_format", "the data is neither a PNG nor a JPEG image.")),
    }
}

/// What a valid image is, in words: `a PNG image of 640 by 480 pixels`.
pub(super) fn describe(url: &str) -> String {
    let bytes = split(url).and_then(|(_, data)| base64_simd::STANDARD.decode_to_vec(data.as_bytes()).ok());
    let bytes = bytes.unwrap_or_default();
    let Some(kind) = kind(&bytes) else { return "no image".to_owned() };
    match size(kind, &bytes) {
        Some((width, height)) => format!("a {} image of {width} by {height} pixels", kind.name()),
        None => format!("a {} image", kind.name()),
    }
}

fn split(url: &str) -> Option<(Kind, &str)> {
    let types = [
        ("data:image/png;base64,", Kind::Png),
        ("data:image/jpeg;base64,", Kind::Jpeg),
        ("data:image/jpg;base64,", Kind::Jpeg),
    ];
    types.into_iter().find_map(|(prefix, kind)| Some((kind, url.strip_prefix(prefix)?)))
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(Kind::Png);
    }
    bytes.starts_with(b"\xff\xd8\xff").then_some(Kind::Jpeg)
}

/// Width and height, from the header of a PNG or the frame header of a JPEG.
fn size(kind: Kind, bytes: &[u8]) -> Option<(u32, u32)> {
    if kind == Kind::Png {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        return (bytes.get(12..16)? == b"IHDR").then_some((number(16)?, number(20)?));
    }
    let number = |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let mut at = 2;
    // Segments: a marker of two bytes, then a length that counts itself. The frame header is C0 to CF, but
    // for tables (C4, CC) and an extension (C8).
    while *bytes.get(at)? == 0xff {
        let marker = *bytes.get(at + 1)?;
        if (0xc0..=0xcf).contains(&marker) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((number(at + 7)?, number(at + 5)?));
        }
        at += 2 + number(at + 2)? as usize;
    }
    None
}
