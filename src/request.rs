//! What a host says with a command: options of a response, pictures. Plain data, the same JSON in every
//! language; unknown keys are errors.

use crate::{
    config::{Modality, Tool, ToolChoice},
    error::{Error, ErrorClass, Result},
    message::{ItemId, Role},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Options of one response. Everything absent: as the session says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ResponseOptions {
    /// What the model shall do in this response. They are added to the session's own instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// `instructions` take the place of the session's own.
    pub replace_instructions: bool,
    /// Spoken or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_modality: Option<Modality>,
    /// The vendor's voice name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Functions the model may call in this response, in place of the session's. Calls of functions the
    /// configuration does not declare go where `tool_handling.undeclared` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// Whether it may, must or must not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Upper bound of generated tokens, 1 to 4096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// The host's own labels for the vendor's logs: at most 15, keys of 64 and values of 512 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The response is no part of the conversation: its words come as `transcript` events under its
    /// response id, and neither history nor speaker gets them. Several may run beside the conversation's.
    pub out_of_band: bool,
    /// `out_of_band` only: the speaker plays it all the same.
    pub audible: bool,
    /// What the model sees in place of the conversation. Absent: the conversation. Empty: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Vec<InputItem>>,
}

/// One entry of what the model sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum InputItem {
    /// An item of the conversation.
    Item {
        /// Its id.
        item: ItemId,
    },
    /// A text that is in no conversation.
    Text {
        /// Who says it.
        role: Role,
        /// The words.
        text: String,
    },
}

impl ResponseOptions {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// Class `argument`, naming the field and the fix.
    pub fn from_json(json: &str) -> Result<Self> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let options: Self = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
            let path = e.path().to_string();
            let text = e.inner().to_string();
            let cause = crate::error::redact(text.split(" at line").next().unwrap_or(&text));
            let field = if path == "." { "options".to_owned() } else { format!("options.{path}") };
            wrong(&field, cause, "see the options of a response in the documentation")
        })?;
        reader.end().map_err(|e| wrong("options", format!("text after the object: {e}"), "give one JSON object"))?;
        Ok(options)
    }

    /// Bytes of text in it.
    pub(crate) fn size(&self) -> usize {
        let text = |i: &InputItem| if let InputItem::Text { text, .. } = i { text.len() } else { 64 };
        let tools = self.tools.as_ref().map_or(0, |t| serde_json::to_string(t).map_or(0, |t| t.len()));
        let input: usize = self.input.iter().flatten().map(text).sum();
        self.instructions.as_ref().map_or(0, String::len) + tools + input
    }

    /// Checks ranges and combinations.
    pub(crate) fn check(&self) -> Result<()> {
        const MOST: usize = 256 * 1024;
        if self.replace_instructions && self.instructions.is_none() {
            let fix = "give instructions, or leave it out";
            return Err(wrong("options.replace_instructions", "there is nothing to replace them with", fix));
        }
        if let Some(tokens) = self.max_output_tokens.filter(|t| !(1..=4096).contains(t)) {
            return Err(wrong("options.max_output_tokens", format!("{tokens} is out of range"), "use 1 to 4096"));
        }
        if self.audible && !self.out_of_band {
            let text = "what is in the conversation is always audible";
            return Err(wrong("options.audible", text, "remove it, or set out_of_band"));
        }
        if self.out_of_band && self.tools.as_ref().is_some_and(|t| !t.is_empty()) {
            let text = "a call outside the conversation cannot be answered";
            return Err(wrong("options.tools", text, "remove them, or out_of_band"));
        }
        if self.out_of_band && self.tool_choice.as_ref().is_some_and(|t| *t != ToolChoice::None) {
            let text = "a call outside the conversation cannot be answered";
            return Err(wrong("options.tool_choice", text, "remove it, or out_of_band"));
        }
        if let (Some(ToolChoice::Function(name)), Some(tools)) = (&self.tool_choice, &self.tools)
            && !tools.iter().any(|t| t.name == *name)
        {
            return Err(wrong("options.tool_choice", format!("no tool is called {name:?}"), "declare it in tools"));
        }
        // One pair is the engine's own.
        if self.metadata.len() > 15 {
            return Err(wrong("options.metadata", "has more than 15 entries", "use fewer"));
        }
        for (key, value) in &self.metadata {
            let field = format!("options.metadata.{key}");
            if key.is_empty() || key.chars().count() > 64 || key == "client_event_id" {
                let fix = "use 1 to 64 characters, and not client_event_id";
                return Err(wrong("options.metadata", format!("{key:?} cannot be a key"), fix));
            }
            if value.chars().count() > 512 {
                return Err(wrong(&field, "is longer than 512 characters", "shorten it"));
            }
        }
        if self.size() > MOST {
            let text = format!("instructions, tools and input are over the bound of {MOST} bytes together");
            return Err(Error::new(ErrorClass::Limit, "too_long", text).field("options").fix("send less"));
        }
        Ok(())
    }
}

fn wrong(field: &str, message: impl Into<String>, fix: &str) -> Error {
    Error::new(ErrorClass::Argument, "invalid_argument", message).field(field).fix(fix)
}

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
        let size = data.len() / 4 * 3;
        if size > MAX_IMAGE + 2 {
            let text = format!("the picture has {size} bytes, more than {MAX_IMAGE}");
            let fix = "make it smaller: the model sees no more than about 2000 pixels a side anyway";
            return Err(Error::new(ErrorClass::Limit, "image_too_large", text).field("image").fix(fix));
        }
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
}
