//! What agents can do and what they cannot (protocols reference §10 and checklist line 19).

use super::formats::{INPUT_RATE, OUTPUT_RATE};
use crate::{
    capabilities::{Capabilities, IdleAudio, Images, Reconnect, TransportKind},
    config::{Config, VadMode},
    request::MAX_IMAGE,
};
use std::borrow::Cow;

/// Kinds of pictures that are files there.
const PICTURES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];

/// Of the agent of a configuration.
pub fn of(config: &Config) -> Capabilities {
    Capabilities {
        provider: "elevenlabs".into(),
        model: config.model.clone().unwrap_or_default(),
        // Agents are the account's own.
        model_known: true,
        transports: vec![TransportKind::Websocket],
        credentials: vec!["api_key".into(), "signed_url".into()],
        input_rate: INPUT_RATE,
        output_rate: OUTPUT_RATE,
        turn_modes: vec![VadMode::Server],
        text_in: Some(true),
        text_out: Some(true),
        image_in: Some(true),
        video_in: Some(false),
        images: Some(Images { mime_types: PICTURES.map(Cow::from).to_vec(), max_bytes: MAX_IMAGE as u64, urls: false }),
        silent_context: Some(true),
        say: None,
        out_of_band: Some(false),
        tools: Some(true),
        parallel_tools: Some(true),
        tool_scheduling: vec!["wait".into()],
        reasoning: Some(false),
        updates: vec!["tools".into(), "tool_handling".into()],
        cancel: Some(false),
        truncate: Some(false),
        user_transcription: Some(true),
        // Of its cost nothing is on the wire.
        feedback: Some(true),
        user_activity: Some(true),
        usage: Some(false),
        voices: Vec::new(),
        // After a minute without a word of the user the agent hangs up.
        idle_audio: Some(IdleAudio::Continuous),
        reconnect: Some(Reconnect::New),
        max_session_s: None,
    }
}
