//! What a host says with a command: options of a response, pictures. Plain data, the same JSON in every
//! language; unknown keys are errors.

mod feedback;
mod image;

pub use feedback::FeedbackScore;
pub use image::{Image, ImageDetail, MAX_IMAGE, Picture};

use crate::{
    config::{Modality, Tool, ToolChoice, suggest, validate_tools::check_tools},
    error::{Error, ErrorClass, Result, redact},
    message::{ItemId, Role},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    /// Functions the model may call in this response, in place of the session's; checked like those.
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
    /// ```
    /// use duologue::ResponseOptions;
    /// assert_eq!(ResponseOptions::from_json(r#"{ "voice": "marin" }"#)?.voice.as_deref(), Some("marin"));
    /// let wrong = ResponseOptions::from_json(r#"{ "metadata": { "page": 3 } }"#).unwrap_err();
    /// assert_eq!(wrong.field.as_deref(), Some("options.metadata.page"));
    /// # Ok::<(), duologue::Error>(())
    /// ```
    ///
    /// # Errors
    /// Class `argument`, naming the field and the fix.
    pub fn from_json(json: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(json).map_err(|e| {
            let error = Error::new(ErrorClass::Argument, "invalid_json", format!("are not JSON: {e}"));
            error.field("options").fix("give one JSON object")
        })?;
        // serde would take a list as the fields of an object in order.
        objects(&document)?;
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(json)).map_err(|e| complaint(&e))
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
        if let Err(error) = check_tools(self.tools.as_deref().unwrap_or_default()) {
            let field = format!("options.{}", error.field.as_deref().unwrap_or_default());
            return Err(Error { class: ErrorClass::Argument, code: "invalid_argument".into(), ..error }.field(field));
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
    // What a host puts into the wrong field must not be told.
    let (field, message) = (redact(field), redact(&message.into()));
    Error::new(ErrorClass::Argument, "invalid_argument", message).field(field).fix(fix)
}

/// What must be an object is one.
fn objects(document: &Value) -> Result<()> {
    if !document.is_object() {
        return Err(wrong("options", "are no object", "write {...}"));
    }
    for list in ["tools", "input"] {
        let elements = document[list].as_array().into_iter().flatten();
        if let Some(at) = elements.enumerate().find_map(|(at, element)| (!element.is_object()).then_some(at)) {
            return Err(wrong(&format!("options.{list}[{at}]"), "is no object", "write {...}"));
        }
    }
    Ok(())
}

/// Turns serde's complaint into a path, a cause and a fix.
fn complaint(e: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    const INPUT: &str = "write {\"role\": \"user\", \"text\": \"...\"} or {\"item\": \"ID\"}";
    const CHOICE: &str = "use \"auto\", \"none\", \"required\" or {\"function\": \"NAME\"}";
    // A key in the wrong place must not be told.
    let path = crate::error::redact(&e.path().to_string());
    let mut field = if path == "." { "options".to_owned() } else { format!("options.{path}") };
    let text = crate::error::redact(&e.inner().to_string());
    let text = text.split(" at line").next().unwrap_or_default();
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    // serde's `x`, expected one of `a`, `b`.
    let expected = text.split_once(", expected ").map_or("", |(_, rest)| rest);
    let known: Vec<String> = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    if text.starts_with("unknown field") || text.starts_with("duplicate field") || text.starts_with("missing field") {
        let name = quoted(text);
        if !field.ends_with(&format!(".{name}")) {
            field = format!("{field}.{name}");
        }
        return match text.as_bytes()[0] {
            b'u' => wrong(&field, "unknown key", &suggest::word(Some(&name), &known)),
            b'd' => wrong(&field, "is there twice", "keep one of them"),
            _ => wrong(&field, "is missing", &format!("write {{\"{name}\": ...}}")),
        };
    }
    if path.starts_with("tool_choice") {
        return wrong("options.tool_choice", "is none of the accepted values", CHOICE);
    }
    if path.starts_with("input[") {
        return wrong(&field, "is neither words with their role nor an item", INPUT);
    }
    if text.starts_with("unknown variant") {
        let name = quoted(text);
        // The word is a step of its own.
        let field = field.strip_suffix(&format!(".{name}")).unwrap_or(&field);
        let fix = suggest::word(Some(&name), &known);
        return wrong(field, format!("\"{name}\" is none of the accepted words"), &fix);
    }
    let wanted = match expected {
        "a boolean" => "true or false",
        "u32" => "a whole number from 0 to 4294967295",
        "a sequence" => "a list",
        "a map" => "an object",
        e if e.starts_with("struct") => "an object",
        _ => "a string",
    };
    wrong(&field, format!("has the wrong type: {wanted} is expected"), &format!("give {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_options_name_the_path_and_the_fix() {
        for (json, field, words) in [
            (r#"{"instruction": "x"}"#, "options.instruction", "did you mean \"instructions\"?"),
            (r#"{"temperature": 1}"#, "options.temperature", "\"output_modality\""),
            (r#"{"voice": 7}"#, "options.voice", "a string"),
            (r#"{"replace_instructions": "yes"}"#, "options.replace_instructions", "true or false"),
            (r#"{"max_output_tokens": "7"}"#, "options.max_output_tokens", "a whole number"),
            (r#"{"max_output_tokens": 1.5}"#, "options.max_output_tokens", "a whole number"),
            (r#"{"output_modality": "txt"}"#, "options.output_modality", "did you mean \"text\"?"),
            (r#"{"tools": {}}"#, "options.tools", "a list"),
            (r#"{"tools": [{"name": "a"}, ["b"]]}"#, "options.tools[1]", "no object"),
            (r#"{"tools": [{"name": "a", "desc": "b"}]}"#, "options.tools[0].desc", "\"description\""),
            (r#"{"tools": [{}]}"#, "options.tools[0].name", "is missing"),
            (r#"{"tool_choice": "never"}"#, "options.tool_choice", "{\"function\": \"NAME\"}"),
            (r#"{"tool_choice": 1}"#, "options.tool_choice", "{\"function\": \"NAME\"}"),
            (r#"{"metadata": {"page": 3}}"#, "options.metadata.page", "a string"),
            (r#"{"metadata": []}"#, "options.metadata", "an object"),
            (r#"{"input": [{"text": "x"}]}"#, "options.input[0]", "\"role\""),
            (r#"{"input": [{"role": "boss", "text": "x"}]}"#, "options.input[0]", "\"item\""),
            (r#"{"input": ["x"]}"#, "options.input[0]", "no object"),
            (r#"{"voice": "a", "voice": "b"}"#, "options.voice", "twice"),
            (r#"[]"#, "options", "{...}"),
            (r#"null"#, "options", "{...}"),
        ] {
            let error = ResponseOptions::from_json(json).unwrap_err();
            assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Argument, Some(field)), "{json}: {error}");
            assert!(error.fix.is_some() && error.to_string().contains(words), "{json}: {error}");
        }
        for json in ["", "{", "{} {}", "{'voice': 1}"] {
            assert_eq!(ResponseOptions::from_json(json).unwrap_err().code, "invalid_json", "{json}");
        }
        // A key in the wrong place is not repeated.
        let error = ResponseOptions::from_json(r#"{"sk-canary0123456789abcdef": 1}"#).unwrap_err();
        assert!(!error.to_string().contains("canary0123"), "{error}");
    }

    #[test]
    fn options_are_the_same_after_a_round_trip() {
        let json = r#"{"instructions":"a","replace_instructions":true,"output_modality":"text","voice":"marin",
            "tools":[{"name":"a"}],"tool_choice":{"function":"a"},"max_output_tokens":7,"metadata":{"b":"c"},
            "out_of_band":false,"audible":false,"input":[{"item":"item_1"},{"role":"user","text":"d"}]}"#;
        let options = ResponseOptions::from_json(json).unwrap();
        options.check().unwrap();
        let again = ResponseOptions::from_json(&serde_json::to_string(&options).unwrap()).unwrap();
        assert_eq!(again, options);
        assert_eq!(ResponseOptions::from_json("{}").unwrap(), ResponseOptions::default());
    }

    #[test]
    fn the_size_of_a_picture_is_that_of_its_file() {
        let mut file = vec![0; MAX_IMAGE];
        file[..4].copy_from_slice(&[0x89, b'P', b'N', b'G']);
        // Every remainder of base64.
        for less in 0..3 {
            assert!(matches!(Image::from_bytes(&file[..MAX_IMAGE - less]).resolve(), Ok(Picture::Data { .. })));
        }
        for more in 1..4 {
            file.resize(MAX_IMAGE + more, 0);
            let error = Image::from_bytes(&file).resolve().unwrap_err();
            assert_eq!(error.code, "image_too_large");
            assert!(error.message.contains(&file.len().to_string()), "{error}");
        }
    }
}
