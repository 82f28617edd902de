//! Who has the audio, and how it travels between host and engine.

use serde::{Deserialize, Serialize};

/// Audio in and out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Audio {
    /// From the microphone.
    pub input: AudioSide,
    /// To the speaker.
    pub output: OutputSide,
    /// Measure loudness and tell it in `audio_level` events.
    pub level_events: bool,
}

impl Default for Audio {
    fn default() -> Self {
        Self { input: AudioSide::default(), output: OutputSide::default(), level_events: true }
    }
}

/// The microphone's direction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AudioSide {
    /// Who has the audio.
    pub source: AudioSource,
    /// Host audio only: frames a second of what is pushed, 8000 to 192000. Default: what the provider
    /// takes, so that nothing is resampled.
    pub rate: Option<u32>,
}

/// The speaker's direction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct OutputSide {
    /// Who has the audio.
    pub source: AudioSource,
    /// Host audio only: frames a second of what is delivered or pulled, 8000 to 192000. Default: what
    /// the provider speaks, so that nothing is resampled.
    pub rate: Option<u32>,
    /// Host audio only: how the host gets it.
    pub delivery: AudioDelivery,
    /// Host audio only: who says what was heard.
    pub positions: Positions,
}

/// How a host gets the assistant's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AudioDelivery {
    /// As it comes, faster than it plays: `audio` events, or the audio sink.
    #[default]
    Events,
    /// It waits in the engine until the host takes it with `pull_audio`, at the pace it plays.
    Pull,
}

/// Who says what was heard of audio the host plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// The engine: `audio` events count in real time from the delivery, pulled audio counts when it
    /// was pulled.
    #[default]
    Estimated,
    /// The host, with `report_playback`. What it does not report was not heard.
    Reported,
}

/// Who has the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AudioSource {
    /// The host: `push_audio`; `audio` events, the audio sink or `pull_audio`.
    #[default]
    Host,
    /// The audio backend given to the client.
    Device,
    /// Nobody.
    None,
}
