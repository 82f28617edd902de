//! A message of every kind, for checking what is sent against the vendor's own types.

use super::{Gemini, models::Content};
use crate::{
    config::{Config, Scheduling},
    error::Result,
    message::Role,
    provider::{Beginning, Codec, Frame, Handle, ProviderCommand},
    request::Picture,
};

/// One frame of every client message this codec can emit, for checking against the vendor's types.
#[doc(hidden)]
pub fn sample_client_events(config: &Config) -> Result<Vec<String>> {
    let mut codec = Gemini::new(config)?;
    let text =
        |role, text: &str| ProviderCommand::CreateText { item: "i".into(), role, text: text.into(), previous: None };
    let picture = Picture::Data { mime_type: "image/png".into(), base64: "iVBORw0KGgo=".into() };
    let mut frames = Vec::new();
    for beginning in [Beginning::Resumed(&Handle::new("handle")), Beginning::Told, Beginning::Fresh] {
        codec.begins(beginning);
        frames.push(codec.encode(&ProviderCommand::Configure, "e")?);
        if beginning == Beginning::Told {
            frames.push(codec.encode(&text(Role::User, "hello"), "e")?);
            frames.push(codec.encode(&text(Role::Assistant, "hi"), "e")?);
            frames.push(codec.encode(&ProviderCommand::Told, "e")?);
        }
    }
    frames.push(codec.before_audio());
    frames.push(Some(codec.encode_audio(&[0, 1, -1, i16::MAX, i16::MIN])));
    let call = r#"{"toolCall":{"functionCalls":[{"id":"c1","name":"clock","args":{}}]}}"#;
    let _ = codec.decode(&Frame::Binary(call.as_bytes().into()), &mut Vec::new());
    for command in [
        ProviderCommand::CommitInput,
        text(Role::User, "hello"),
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
        ProviderCommand::Say { request: "r".into(), text: "Hello!".into() },
        ProviderCommand::ToolOutput {
            item: "i".into(),
            call: "c1".into(),
            output: "{\"ok\":true}".into(),
            is_error: false,
            scheduling: Scheduling::Silent,
            previous: None,
        },
    ] {
        frames.push(codec.encode(&command, "e")?);
    }
    let frame = Picture::Data { mime_type: "image/jpeg".into(), base64: "/9j/4AAQ".into() };
    frames.push(codec.encode(&ProviderCommand::VideoFrame { picture: frame }, "e")?);
    if codec.model.content != Content::AtFirst {
        for command in [
            text(Role::Assistant, "hi"),
            text(Role::System, "be brief"),
            ProviderCommand::CreateImage { item: "i".into(), text: Some("what?".into()), picture, detail: None },
            ProviderCommand::CreateCall {
                item: "i".into(),
                call: "c2".into(),
                name: "clock".into(),
                arguments: "{}".into(),
                previous: None,
            },
        ] {
            frames.push(codec.encode(&command, "e")?);
        }
    }
    if codec.model.context_update {
        let other = Config { instructions: Some("Be kind.".into()), tools: Vec::new(), ..config.clone() };
        let patch = codec.update(config, &other)?;
        frames.push(codec.encode(&ProviderCommand::Update { patch }, "e")?);
    }
    Ok(frames.into_iter().flatten().collect())
}
