//! Server events as the wire has them (protocols reference §5), read with tolerance: fields may be
//! missing, null or new, and enums open.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// Text that borrows from the frame where it can and takes `null` as empty.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or null")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(v.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
                d.deserialize_any(Visitor)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Text<'_> {
    /// Owned text.
    pub fn owned(self) -> String {
        self.0.into_owned()
    }
}

/// Any JSON number as a count, whatever its notation; what is no number is as if it were missing.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    // The cast saturates, and a negative count is none.
    Ok(value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)))
}

fn index<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(count(deserializer)?.and_then(|n| u32::try_from(n).ok()))
}

/// Null is not as if it were missing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What cannot be read is as if it were missing, so that one odd field does not lose the event.
fn lenient<'de, D: Deserializer<'de>, T: de::DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// Entries that cannot be read are skipped.
fn readable<'de, D: Deserializer<'de>, T: de::DeserializeOwned>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    let Value::Array(values) = Value::deserialize(deserializer)? else { return Ok(None) };
    Ok(Some(values.into_iter().filter_map(|v| serde_json::from_value(v).ok()).collect()))
}

/// The tag alone.
#[derive(Deserialize)]
pub struct Head<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Text<'a>,
}

/// Everything the flat events carry. One shape for all keeps a field that moved from being an error.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Flat<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub event_id: Text<'a>,
    #[serde(borrow)]
    pub response_id: Text<'a>,
    #[serde(borrow)]
    pub item_id: Text<'a>,
    #[serde(borrow)]
    pub previous_item_id: Text<'a>,
    #[serde(deserialize_with = "index")]
    pub content_index: Option<u32>,
    #[serde(borrow)]
    pub delta: Text<'a>,
    #[serde(borrow)]
    pub text: Text<'a>,
    #[serde(borrow)]
    pub transcript: Text<'a>,
    #[serde(deserialize_with = "count")]
    pub audio_start_ms: Option<u64>,
    #[serde(deserialize_with = "count")]
    pub audio_end_ms: Option<u64>,
    pub part: Option<WirePart>,
    pub item: Option<WireItem>,
    pub response: Option<WireResponse>,
    pub session: Option<Value>,
    pub error: Option<WireError>,
    /// Of a response, where it stands beside it.
    #[serde(deserialize_with = "lenient")]
    pub usage: Option<WireUsage>,
    /// Of an error that says it all at the top.
    #[serde(borrow)]
    pub message: Text<'a>,
    #[serde(borrow)]
    pub code: Text<'a>,
}

/// The hot one, with only what playback needs.
#[derive(Deserialize)]
pub struct AudioDelta<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Text<'a>,
    #[serde(borrow, default)]
    pub event_id: Text<'a>,
    #[serde(borrow, default)]
    pub response_id: Text<'a>,
    #[serde(borrow, default)]
    pub item_id: Text<'a>,
    #[serde(default, deserialize_with = "index")]
    pub content_index: Option<u32>,
    #[serde(borrow, default)]
    pub delta: Text<'a>,
}

/// A content part.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WirePart {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub text: Option<String>,
    pub transcript: Option<String>,
}

/// An item.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireItem {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub id: Option<String>,
    pub role: Option<String>,
    pub status: Option<String>,
    #[serde(deserialize_with = "readable")]
    pub content: Option<Vec<WirePart>>,
    pub call_id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
    pub output: Option<Value>,
}

/// A response.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireResponse {
    pub id: Option<String>,
    /// `null` says that it is in no conversation; missing says nothing.
    #[serde(deserialize_with = "present")]
    pub conversation_id: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    pub status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub status_details: Option<StatusDetails>,
    pub metadata: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    pub usage: Option<WireUsage>,
    #[serde(deserialize_with = "readable")]
    pub output: Option<Vec<WireItem>>,
}

/// Why a response ended.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct StatusDetails {
    #[serde(deserialize_with = "lenient")]
    pub reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub error: Option<WireError>,
}

/// An error.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireError {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub code: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub message: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub param: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub event_id: Option<String>,
}

/// Tokens of a response.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireUsage {
    #[serde(deserialize_with = "count")]
    pub input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    pub output_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub input_token_details: Option<WireTokens>,
    #[serde(deserialize_with = "lenient")]
    pub output_token_details: Option<WireTokens>,
    #[serde(deserialize_with = "lenient")]
    pub billable_audio_seconds: Option<f64>,
}

/// Tokens by modality.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireTokens {
    #[serde(deserialize_with = "count")]
    pub text_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    pub audio_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    pub image_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    pub cached_tokens: Option<u64>,
}
