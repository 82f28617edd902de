//! What every codec does with JSON and with audio in it.

use super::{DecodeError, Item, ItemKind, ItemPart, PartRef, ProviderEvent};
use crate::{
    error::{Error, ErrorClass, Result},
    message::{CallId, ItemId, ResponseId, Role},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest base64 of one piece: 4 MiB of audio.
const MAX_AUDIO_BASE64: usize = 4 * 1024 * 1024 / 3 * 4 + 4;
/// Deepest nesting of an event.
const MAX_DEPTH: usize = 64;

/// `text` with every escaped surrogate that has no partner replaced by U+FFFD; `None`: there is none.
pub fn whole_characters(text: &str) -> Option<String> {
    let code = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut mended: Option<String> = None;
    let (mut copied, mut at) = (0, 0);
    while let Some(next) = text[at..].find('\\') {
        at += next;
        match code(at) {
            Some(0xd800..=0xdbff) if matches!(code(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                let out = mended.get_or_insert_default();
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // The escaped character is ASCII in valid JSON, and skipped so that `\\\\u` is no escape.
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    mended.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

/// Refuses what is nested so deep that reading it is a risk and no vendor means it.
pub fn check_depth(text: &str) -> std::result::Result<(), DecodeError> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(DecodeError::Json(format!("nested deeper than {MAX_DEPTH}")));
        }
    }
    Ok(())
}

/// Audio that was base64.
pub struct Samples {
    pub pcm: Vec<i16>,
    /// There was an odd number of bytes.
    pub odd: bool,
    /// Half a sample that waits for its other half.
    pub half: Option<u8>,
}

/// 16-bit little-endian samples from base64. `pending`: the half that was left of the piece before.
pub fn samples(base64: &[u8], pending: Option<u8>) -> std::result::Result<Samples, DecodeError> {
    bounded(base64)?;
    let bytes = base64_simd::STANDARD.decoded_length(base64).map_err(|e| DecodeError::Audio(e.to_string()))?;
    let offset = usize::from(pending.is_some());
    let mut pcm = vec![0i16; (bytes + offset).div_ceil(2)];
    let raw: &mut [u8] = bytemuck::cast_slice_mut(&mut pcm);
    let out = base64_simd::Out::from_slice(&mut raw[offset..offset + bytes]);
    if let Err(e) = base64_simd::STANDARD.decode(base64, out) {
        return Err(DecodeError::Audio(e.to_string()));
    }
    if let Some(byte) = pending {
        raw[0] = byte;
    }
    let total = bytes + offset;
    let half = (total % 2 == 1).then(|| raw[total - 1]);
    pcm.truncate(total / 2);
    if cfg!(target_endian = "big") {
        pcm.iter_mut().for_each(|s| *s = s.swap_bytes());
    }
    Ok(Samples { pcm, odd: bytes % 2 == 1, half })
}

fn bounded(base64: &[u8]) -> std::result::Result<(), DecodeError> {
    if base64.len() > MAX_AUDIO_BASE64 {
        return Err(DecodeError::Audio(format!("a delta of {} bytes is over the bound", base64.len())));
    }
    Ok(())
}

/// That it can be decoded, where something has to happen before it is.
pub fn readable(base64: &[u8]) -> std::result::Result<(), DecodeError> {
    bounded(base64)?;
    base64_simd::STANDARD.check(base64).map_err(|e| DecodeError::Audio(e.to_string()))
}

/// Bytes from base64, within the bound of a piece of audio.
pub fn bytes(base64: &[u8]) -> std::result::Result<Vec<u8>, DecodeError> {
    bounded(base64)?;
    base64_simd::STANDARD.decode_to_vec(base64).map_err(|e| DecodeError::Audio(e.to_string()))
}

/// Decodes by `message`, once more with whole characters where it fails; what fails leaves no events.
pub fn decoded(
    text: &str,
    events: &mut Vec<ProviderEvent>,
    mut message: impl FnMut(&str, &mut Vec<ProviderEvent>) -> std::result::Result<(), DecodeError>,
) -> std::result::Result<(), DecodeError> {
    let before = events.len();
    let decoded = match message(text, events) {
        Err(error) => match whole_characters(text) {
            Some(text) => {
                events.truncate(before);
                message(&text, events)
            }
            None => Err(error),
        },
        done => done,
    };
    decoded.inspect_err(|_| events.truncate(before))
}

/// A message that is an object, of bounded depth.
pub fn object<'a, T: Deserialize<'a>>(text: &'a str) -> std::result::Result<T, DecodeError> {
    check_depth(text)?;
    // A list would be taken for the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(DecodeError::Json("not an object".into()));
    }
    serde_json::from_str(text).map_err(|e| DecodeError::Json(e.to_string()))
}

/// What an item that was put into the conversation is confirmed by, where the vendor does not.
pub fn confirmed(item: ItemId, kind: ItemKind) -> [ProviderEvent; 2] {
    let item = Item { id: item, kind, status: "completed".into() };
    let added = ProviderEvent::ItemAdded { item: item.clone(), previous: None };
    [added, ProviderEvent::ItemDone { item, previous: None }]
}

/// What the user said is in the conversation, where the vendor does not say so in these words.
pub fn spoken(item: ItemId) -> [ProviderEvent; 2] {
    let committed = ProviderEvent::InputCommitted { item: item.clone(), previous: None };
    let parts = vec![ItemPart { audio: true, text: String::new() }];
    let kind = ItemKind::Message { role: Role::User, parts };
    [committed, ProviderEvent::ItemAdded { item: Item { id: item, kind, status: "completed".into() }, previous: None }]
}

/// A message of the assistant that begins with its only part; `audio`: it is spoken.
pub fn begun(at: &PartRef, audio: bool) -> [ProviderEvent; 2] {
    let kind = ItemKind::Message { role: Role::Assistant, parts: Vec::new() };
    let item = Item { id: at.item.clone(), kind, status: "in_progress".into() };
    let added = ProviderEvent::OutputItemAdded { response: at.response.clone(), item };
    [added, ProviderEvent::PartAdded { at: at.clone(), audio }]
}

/// A call of a function that comes whole.
pub fn called(response: ResponseId, id: ItemId, call: CallId, name: String, arguments: String) -> [ProviderEvent; 2] {
    let item = Item { id, kind: ItemKind::FunctionCall { call, name, arguments }, status: "completed".into() };
    let added = ProviderEvent::OutputItemAdded { response: response.clone(), item: item.clone() };
    [added, ProviderEvent::OutputItemDone { response, item }]
}

/// An option the vendor has not.
pub fn unsupported(field: &'static str, message: &str, fix: &str) -> Error {
    Error::new(ErrorClass::Unsupported, "unsupported_option", message.to_owned()).field(field).fix(fix.to_owned())
}

/// A frame of audio: base64 written straight between `head` and `tail`.
pub fn audio_frame(head: &[u8], pcm: &[i16], tail: &[u8]) -> String {
    let mut frame = Vec::with_capacity(head.len() + (pcm.len() * 2).div_ceil(3) * 4 + tail.len());
    frame.extend_from_slice(head);
    #[cfg(target_endian = "little")]
    base64_simd::STANDARD.encode_append(bytemuck::cast_slice::<i16, u8>(pcm), &mut frame);
    #[cfg(target_endian = "big")]
    {
        let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
        base64_simd::STANDARD.encode_append(&bytes, &mut frame);
    }
    frame.extend_from_slice(tail);
    // All of it is ASCII, so this cannot fail; lossy conversion keeps the path free of a panic.
    String::from_utf8(frame).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// What a host wants sent as it is, if it is one JSON object. `like`: an example of one.
pub fn raw_object(json: &str, like: &str) -> Result<String> {
    match serde_json::from_str::<Map<String, Value>>(json) {
        Ok(_) => Ok(json.to_owned()),
        Err(e) => Err(Error::new(ErrorClass::Argument, "invalid_json", format!("not a JSON object: {e}"))
            .field("json")
            .fix(format!("give one client event, like {like}"))),
    }
}
