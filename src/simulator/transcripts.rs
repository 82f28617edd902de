//! Transcripts of what the user said: a second pass over the audio that comes when it comes, in pieces.

use super::{
    events,
    peer::{Peer, Timer},
    scenario::{Failure, TranscriptTime},
    script::Heard,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Words of one transcript delta, and the time between two.
const DELTA_WORDS: usize = 4;
const DELTA_PACE: Duration = Duration::from_millis(20);

/// A transcript that waits for a reply.
pub(super) struct Waiting {
    item: String,
    outcome: Outcome,
    after: TranscriptTime,
    delay: Duration,
    /// The end of the turn: an earlier reply does not count.
    since: Instant,
}

/// How a transcription ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// With this text, of which `sent` bytes have been sent.
    Text {
        text: Arc<str>,
        sent: usize,
    },
    Failed(Failure),
}

impl Peer {
    /// Arranges for the transcript of a turn.
    pub(super) fn transcribe_later(&mut self, item: &str, heard: Heard) {
        if !self.session.transcribes() {
            return;
        }
        let wish = heard.transcript.unwrap_or_default();
        let usual = match wish.when {
            TranscriptTime::Turn => self.script.scenario().delivery.transcript_delay_ms,
            TranscriptTime::ReplyBegun | TranscriptTime::ReplyDone => 0,
        };
        // xAI tells words while they are spoken, so that they are there when the turn ends.
        let usual = if self.xai.is_some() { 0 } else { usual };
        let delay = Duration::from_millis(wish.delay_ms.unwrap_or(usual).into());
        let text = heard.text.into();
        let outcome = wish.fail.map_or(Outcome::Text { text, sent: 0 }, Outcome::Failed);
        let item = item.to_owned();
        match wish.when {
            TranscriptTime::Turn if delay.is_zero() => {
                let mut rest = Some(outcome);
                while let Some(outcome) = rest {
                    rest = self.transcribe(&item, &outcome);
                }
            }
            TranscriptTime::Turn => self.later(delay, Timer::Transcript { item, outcome }),
            after => self.waiting.push(Waiting { item, outcome, after, delay, since: self.now }),
        }
    }

    /// A reply that began at `began` has come so far.
    pub(super) fn release_transcripts(&mut self, reached: TranscriptTime, began: Instant) {
        let (due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().partition(|waiting| {
            let early = reached == TranscriptTime::ReplyBegun && waiting.after == TranscriptTime::ReplyDone;
            waiting.since <= began && !early
        });
        self.waiting = waiting;
        for Waiting { item, outcome, delay, .. } in due {
            self.later(delay, Timer::Transcript { item, outcome });
        }
    }

    /// The timer of a transcript fired.
    pub(super) fn transcript_due(&mut self, item: String, outcome: &Outcome) {
        if let Some(outcome) = self.transcribe(&item, outcome) {
            self.later(DELTA_PACE, Timer::Transcript { item, outcome });
        }
    }

    /// Sends the next words of a transcript, and the whole after the last of them. Returns what is left.
    fn transcribe(&mut self, item: &str, outcome: &Outcome) -> Option<Outcome> {
        let (text, sent) = match outcome {
            Outcome::Text { text, sent } => (text, *sent),
            Outcome::Failed(failure) => {
                self.send(events::transcription_failed(item, failure));
                return None;
            }
        };
        // The oldest transcriber sends everything at once.
        let at_once = self.session.transcriber() == "whisper-1";
        let words = if at_once { usize::MAX } else { DELTA_WORDS };
        let delta: String = text[sent..].split_inclusive(char::is_whitespace).take(words).collect();
        if !delta.is_empty() {
            self.send(events::transcription_delta(item, &delta));
        }
        let sent = sent + delta.len();
        if sent < text.len() {
            return Some(Outcome::Text { text: text.clone(), sent });
        }
        let mut audio_ms = 0;
        if let Some(known) = self.conversation.get_mut(item) {
            if let Some(part) = known.value.pointer_mut("/content/0").and_then(Value::as_object_mut) {
                part.insert("transcript".into(), Value::from(&**text));
            }
            audio_ms = known.audio.first().and_then(Option::as_ref).map_or(0, |sound| sound.len as u64 / 24);
        }
        self.send(events::transcription_completed(item, text, audio_ms));
        None
    }
}
