//! Pictures: what a host gives and what is made of it.

use super::wrong;
use crate::error::{Error, ErrorClass, Result};
use serde::{Deserialize, Serialize};

/// A picture: exactly one of `data` and `url`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// Base64 of the encoded picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Where the picture is; `data:` URLs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For example `image/png`. Absent: told from the picture itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// How closely the model looks, where the model lets one choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<ImageDetail>,
}

/// How closely the model looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImageDetail {
    /// The vendor's choice.
    Auto,
    /// Roughly, for fewer tokens.
    Low,
    /// Closely.
    High,
}

/// The largest picture, in bytes of the encoded file.
pub const MAX_IMAGE: usize = 2 * 1024 * 1024;

impl Image {
    /// A picture from the bytes of a PNG or JPEG file.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { data: Some(base64_simd::STANDARD.encode_to_string(bytes)), ..Self::default() }
    }

    /// Refuses a file of so many bytes when it is too large to be sent.
    ///
    /// # Errors
    /// `image_too_large`, class `limit`.
    pub(crate) fn check_size(size: usize) -> Result<()> {
        if size <= MAX_IMAGE {
            return Ok(());
        }
        let text = format!("the picture has {size} bytes, more than {MAX_IMAGE}");
        let fix = "make it smaller: the model sees no more than about 2000 pixels a side anyway";
        Err(Error::new(ErrorClass::Limit, "image_too_large", text).field("image").fix(fix))
    }

    /// Bytes of all texts in it.
    pub(crate) fn size(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        of(&self.data) + of(&self.url)
    }

    /// A picture somewhere else.
    pub fn from_url(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }

    /// The media type and the base64 of the picture, or its URL when it is elsewhere.
    ///
    /// # Errors
    /// Class `argument` (not exactly one of both, no base64, no picture, another type than said) or `limit`.
    pub(crate) fn resolve(&self) -> Result<Picture> {
        let data = match (&self.data, &self.url) {
            (Some(data), None) => data.as_str(),
            (None, Some(url)) => match url.strip_prefix("data:") {
                Some(rest) => {
                    let (head, data) = rest.split_once(",").ok_or_else(|| {
                        wrong("image.url", "is a data URL without data", "write data:image/png;base64,...")
                    })?;
                    if !head.ends_with(";base64") {
                        return Err(wrong("image.url", "is no base64", "write data:image/png;base64,..."));
                    }
                    data
                }
                None => return Ok(Picture::Elsewhere(url.clone())),
            },
            _ => return Err(wrong("image", "exactly one of data and url is needed", "give the bytes of the picture")),
        };
        // What the padding stands for is no part of the file.
        let padding = data.bytes().rev().take(2).filter(|&byte| byte == b'=').count();
        Self::check_size((data.len() / 4 * 3).saturating_sub(padding))?;
        let head: String = data.chars().take(16).collect();
        let valid = base64_simd::STANDARD.check(data.as_bytes()).is_ok();
        let start = base64_simd::STANDARD.decode_to_vec(head.as_bytes()).unwrap_or_default();
        if !valid || data.is_empty() {
            return Err(wrong("image.data", "is not base64", "encode the bytes of the file as standard base64"));
        }
        let found = match start.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', ..] => "image/webp",
            _ => "",
        };
        let said = self.mime_type.as_deref().unwrap_or(found);
        if said.is_empty() {
            return Err(wrong("image", "is no picture duologue knows", "give a PNG or JPEG file"));
        }
        if !found.is_empty() && said != found {
            let fix = format!("leave it out, or write {found}");
            return Err(wrong("image.mime_type", format!("says {said:?}, and the picture is {found}"), &fix));
        }
        Ok(Picture::Data { mime_type: said.to_owned(), base64: data.to_owned() })
    }
}

/// A checked picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// Here.
    Data {
        /// Media type.
        mime_type: String,
        /// The file.
        base64: String,
    },
    /// Behind a URL.
    Elsewhere(String),
    /// Where the vendor wanted it, under this name.
    Uploaded(String),
}
