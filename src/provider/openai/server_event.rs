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
    pub content_index: Option<u32>,
    #[serde(borrow)]
    pub delta: Text<'a>,
    #[serde(borrow)]
    pub text: Text<'a>,
    #[serde(borrow)]
    pub transcript: Text<'a>,
    pub audio_start_ms: Option<u64>,
    pub audio_end_ms: Option<u64>,
    pub part: Option<WirePart>,
    pub item: Option<WireItem>,
    pub response: Option<WireResponse>,
    pub session: Option<Value>,
    pub error: Option<WireError>,
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
    #[serde(default)]
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
    pub status: Option<String>,
    pub status_details: Option<StatusDetails>,
    pub metadata: Option<Value>,
    pub usage: Option<WireUsage>,
    pub output: Option<Vec<WireItem>>,
}

/// Why a response ended.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct StatusDetails {
    pub reason: Option<String>,
    pub error: Option<WireError>,
}

/// An error.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireError {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub param: Option<String>,
    pub event_id: Option<String>,
}

/// Tokens of a response.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireUsage {
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub input_token_details: Option<WireTokens>,
    pub output_token_details: Option<WireTokens>,
}

/// Tokens by modality.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct WireTokens {
    pub text_tokens: Option<u64>,
    pub audio_tokens: Option<u64>,
    pub image_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
}
