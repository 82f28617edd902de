//! A message of every kind, for checking what is sent against the vendor's own types.

use super::ElevenLabs;
use crate::{
    config::{Config, Scheduling},
    error::Result,
    message::Role,
    provider::{Beginning, Codec, Frame, ProviderCommand, ProviderEvent},
    request::{FeedbackScore, Picture},
};

/// One frame of every client message this codec can emit, for checking against the vendor's types.
#[doc(hidden)]
pub fn sample_client_events(config: &Config) -> Result<Vec<String>> {
    let mut codec = ElevenLabs::new(config)?;
    let text =
        |role, text: &str| ProviderCommand::CreateText { item: "i".into(), role, text: text.into(), previous: None };
    let result = |call: &str, output: &str| ProviderCommand::ToolOutput {
        item: "i".into(),
        call: call.into(),
        output: output.into(),
        is_error: output.contains("error"),
        scheduling: Scheduling::Wait,
        previous: None,
    };
    let picture = |text: Option<&str>| ProviderCommand::CreateImage {
        item: "i".into(),
        text: text.map(str::to_owned),
        picture: Picture::Uploaded("file_1".into()),
        detail: None,
    };
    let mut frames = vec![codec.encode(&ProviderCommand::Configure, "e")?];
    codec.begins(Beginning::Told);
    for command in [text(Role::User, "hello"), text(Role::Assistant, "hi"), ProviderCommand::Told] {
        frames.push(codec.encode(&command, "e")?);
    }
    for message in [
        r#"{"type":"conversation_initiation_metadata","conversation_initiation_metadata_event":{}}"#,
        r#"{"type":"ping","ping_event":{"event_id":7}}"#,
        r#"{"type":"mcp_tool_call","mcp_tool_call":{"tool_call_id":"m1","tool_name":"search","state":"awaiting_approval"}}"#,
        r#"{"type":"client_tool_call","client_tool_call":{"tool_call_id":"c1","tool_name":"clock","event_id":2}}"#,
    ] {
        let _ = codec.decode(&Frame::Text(message.into()), &mut Vec::new());
    }
    frames.extend(codec.answers().into_iter().map(Some));
    frames.push(Some(codec.encode_audio(&[0, 1, -1, i16::MAX, i16::MIN])));
    for command in [
        result("c1", r#"{"error":"no clock"}"#),
        result("unknown", "noon"),
        ProviderCommand::StillHere,
        text(Role::System, "be brief"),
        text(Role::User, "I type"),
        ProviderCommand::Unasked,
        text(Role::User, "hello"),
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
        picture(Some("What is this?")),
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
        picture(None),
        ProviderCommand::CreateResponse { request: "r".into(), options: Box::default() },
    ] {
        frames.push(codec.encode(&command, "e")?);
    }
    let mut events = Vec::new();
    let said = r#"{"type":"agent_response","agent_response_event":{"agent_response":"Hi!","event_id":3}}"#;
    let _ = codec.decode(&Frame::Text(said.into()), &mut events);
    let item = events.iter().find_map(|event| match event {
        ProviderEvent::PartAdded { at, .. } => Some(at.item.clone()),
        _ => None,
    });
    for score in [Some(FeedbackScore::Like), Some(FeedbackScore::Dislike), None] {
        let command = ProviderCommand::Feedback { item: item.clone().unwrap_or_else(|| "".into()), score };
        frames.push(codec.encode(&command, "e")?);
    }
    Ok(frames.into_iter().flatten().collect())
}
