//! What the user says, and where a turn of it begins and ends.

use super::{
    closing::{self, Closing},
    events,
    formats::Ear,
    peer::{Peer, Timer},
};
use crate::simulator::{
    clips,
    events::tokens,
    scenario::{AudioFormat, TranscriptTime},
    session_state::TurnDetection,
    vad::{Found, SUSTAINED_MS, Vad},
};
use serde_json::Value;
use std::time::Duration;

/// Inferred: how patient the service's turn model is, which nobody can set from outside.
const DETECTION: TurnDetection = TurnDetection {
    start_score: 0.5,
    onset_ms: SUSTAINED_MS,
    prefix_padding_ms: 0,
    silence_ms: 500,
    idle_timeout_ms: None,
    create_response: true,
    interrupt_response: true,
    longest_wait_ms: None,
    sentence_ms: 0,
};
/// Inferred: so much audio has one score.
const BETWEEN_SCORES: u64 = clips::RATE as u64 / 10;

/// The ear of one conversation.
pub(super) struct Hearing {
    ear: Ear,
    vad: Vad,
    /// The audio clock: samples at 24 kHz.
    clock: u64,
    speaking: bool,
}

impl Hearing {
    pub(super) fn new(format: AudioFormat) -> Self {
        Self { ear: Ear::new(format), vad: Vad::new(), clock: 0, speaking: false }
    }

    /// True while the user speaks.
    pub(super) fn busy(&self) -> bool {
        self.speaking
    }
}

impl Peer {
    /// `user_audio_chunk`. Inferred: in a conversation that is written, and in the queue, nobody listens.
    pub(super) fn audio_chunk(&mut self, message: &Value) -> Result<(), Closing> {
        let Some(chunk) = message["user_audio_chunk"].as_str() else {
            return Err(Closing::value("user_audio_chunk", "a string"));
        };
        let samples = self.hearing.ear.hear(chunk)?;
        self.heard_samples(samples.len());
        if self.text_only() || self.watch.queued {
            return Ok(());
        }
        let scored = self.wants("vad_score");
        for sample in samples {
            self.hearing.clock += 1;
            let clock = self.hearing.clock;
            match self.hearing.vad.push(sample, clock, &DETECTION) {
                Some(Found::Started { .. }) => self.speech_started(),
                Some(Found::Stopped { .. }) => self.speech_stopped(),
                None => {}
            }
            if scored && clock.is_multiple_of(BETWEEN_SCORES) {
                self.tell(events::vad_score(self.hearing.vad.score()));
            }
        }
        Ok(())
    }

    fn speech_started(&mut self) {
        self.hearing.speaking = true;
        self.watch.active(self.now);
        self.interrupt();
    }

    /// A turn of speech is over, and answered.
    fn speech_stopped(&mut self) {
        self.hearing.speaking = false;
        self.watch.active(self.now);
        let heard = self.script.heard();
        let transcript = heard.transcript.unwrap_or_default();
        if let Some(failure) = transcript.fail {
            let kind = if closing::is_error(&failure.code) { failure.code.as_str() } else { "asr_transcription_error" };
            return self.end(Closing::error(kind, failure.message));
        }
        let number = self.next_number();
        if self.agent().tentative_transcripts {
            let words: Vec<&str> = heard.text.split_inclusive(' ').collect();
            let some = words[..words.len().div_ceil(2)].concat();
            self.tell(events::tentative_transcript(number, some.trim_end()));
        }
        let usual = match transcript.when {
            TranscriptTime::Turn => self.script.scenario().delivery.transcript_delay_ms,
            _ => 0,
        };
        let delay = Duration::from_millis(transcript.delay_ms.unwrap_or(usual).into());
        match transcript.when {
            // The model reads what was said, so it waits for it.
            TranscriptTime::Turn => self.later(delay, Timer::Heard(number, heard.text, true)),
            when => {
                self.waiting.push((when, delay, number, heard.text));
                self.answer();
            }
        }
    }

    /// What was said is known.
    pub(super) fn transcribe(&mut self, number: u64, text: &str, answered: bool) {
        self.context += tokens(text);
        self.tell(events::user_transcript(number, text));
        if answered {
            self.answer();
        }
    }
}
