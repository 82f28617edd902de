//! The agent's turn: what of it was sent, and what of that has been heard.

use super::{events::Alignment, formats};
use crate::simulator::{
    clips,
    plan::{OutItem, OutKind, Step},
    scenario::AudioFormat,
};
use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Where the agent's turn is.
pub(super) enum Turn {
    Idle,
    /// Asked for, and not begun.
    Awaited,
    Speaking(Reply),
    /// Nothing more is said until tools have answered.
    Calling(Reply),
    /// Everything was sent; a client that plays it in real time is done when the reply says so.
    Playing(Reply),
}

impl Turn {
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Speaking(reply) => reply.steps.front().map(|(after, _)| reply.began + *after),
            Self::Playing(reply) => Some(reply.played),
            Self::Idle | Self::Awaited | Self::Calling(_) => None,
        }
    }
}

/// A reply: everything with the same number, tools and what is said about their results included.
pub(super) struct Reply {
    pub(super) id: u64,
    pub(super) began: Instant,
    pub(super) items: Vec<OutItem>,
    pub(super) steps: VecDeque<(Duration, Step)>,
    pub(super) messages: Vec<Message>,
    /// When what was sent so far has been played.
    pub(super) played: Instant,
    /// Ids of the user's messages that it answers.
    pub(super) answers: Vec<String>,
    /// Calls that leave together.
    pub(super) gathered: Vec<usize>,
    /// Tools have answered, and nothing was said about it yet.
    pub(super) owes: bool,
    /// The agent hangs up afterwards.
    pub(super) last: bool,
}

impl Reply {
    pub(super) fn new(id: u64, now: Instant, answers: Vec<String>) -> Self {
        Self {
            id,
            began: now,
            items: Vec::new(),
            steps: VecDeque::new(),
            messages: Vec::new(),
            played: now,
            answers,
            gathered: Vec::new(),
            owes: false,
            last: false,
        }
    }

    /// Begins the message of an item.
    pub(super) fn open(&mut self, index: usize, response: String, format: AudioFormat) {
        let item = &self.items[index];
        let (samples, sound) = match &item.kind {
            OutKind::Audio(audio) => (audio.len(), formats::convert(audio, format)),
            OutKind::Text | OutKind::Call { .. } => (0, Vec::new()),
        };
        let text = item.text.clone();
        let message = Message { response, text, told: false, written: 0, samples, sound, pieces: Vec::new() };
        self.messages.push(message);
    }

    /// Notes that a piece of the latest message goes out now. It sounds when what went before it has been played.
    pub(super) fn sends(&mut self, range: &Range<usize>, now: Instant) {
        let begins = self.played.max(now);
        self.played = begins + length_of(range.len());
        if let Some(message) = self.messages.last_mut() {
            message.pieces.push((begins, range.len()));
        }
    }
}

/// One message of a reply. Positions are samples at 24 kHz.
pub(super) struct Message {
    pub(super) response: String,
    pub(super) text: Arc<str>,
    /// `agent_response` was sent.
    pub(super) told: bool,
    /// How much of the text there is by now.
    pub(super) written: usize,
    samples: usize,
    /// As it goes out.
    sound: Vec<i16>,
    /// What was sent: when it begins to sound, and how long it is.
    pieces: Vec<(Instant, usize)>,
}

impl Message {
    /// A piece of the sound, as it goes out.
    pub(super) fn sound(&self, range: &Range<usize>, format: AudioFormat) -> &[i16] {
        let whole = self.sound.len();
        let end = if self.ends_with(range) { whole } else { formats::position(range.end, format).min(whole) };
        &self.sound[formats::position(range.start, format).min(end)..end]
    }

    /// Whether a piece is the end of it.
    pub(super) fn ends_with(&self, range: &Range<usize>) -> bool {
        range.end >= self.samples
    }

    /// The letters of a piece. All letters take the same time here. Inferred: times count from the piece's beginning.
    pub(super) fn alignment(&self, range: &Range<usize>) -> Alignment {
        let count = self.text.chars().count().max(1);
        let at = |letter: usize| letter * self.samples / count;
        let ms = |samples: usize| samples as u64 * 1000 / u64::from(clips::RATE);
        let mut alignment = Alignment::default();
        for (i, letter) in self.text.chars().enumerate().filter(|(i, _)| range.contains(&at(*i))) {
            let start = ms(at(i) - range.start);
            alignment.chars.push(letter.to_string());
            alignment.starts_ms.push(start);
            alignment.durations_ms.push(ms(at(i + 1) - range.start) - start);
        }
        alignment
    }

    /// The words that somebody who plays it in real time has heard to their ends at `at`.
    pub(super) fn heard(&self, at: Instant) -> &str {
        if self.samples == 0 {
            return &self.text[..self.written];
        }
        let heard: Duration =
            self.pieces.iter().map(|(from, n)| at.saturating_duration_since(*from).min(length_of(*n))).sum();
        let whole = length_of(self.samples);
        if heard >= whole {
            return &self.text;
        }
        let letters = self.text.chars().count() as f64 * heard.as_secs_f64() / whole.as_secs_f64();
        let end = self.text.char_indices().nth(letters as usize).map_or(self.text.len(), |(at, _)| at);
        let (before, after) = self.text.split_at(end);
        if after.is_empty() || after.starts_with(char::is_whitespace) {
            return before.trim_end();
        }
        // Half a word is none.
        before.rfind(char::is_whitespace).map_or("", |space| before[..space].trim_end())
    }
}

fn length_of(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(clips::RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, pieces: Vec<(Instant, usize)>) -> Message {
        let sound = vec![0; 24_000];
        Message { response: String::new(), text: text.into(), told: false, written: 0, samples: 24_000, sound, pieces }
    }

    #[test]
    fn words_count_as_heard_when_they_have_been_played_to_their_ends() {
        let now = Instant::now();
        let ms = Duration::from_millis;
        // Ten letters in a second, sent in two pieces with a gap between them.
        let message = message("one two ab", vec![(now, 12_000), (now + ms(700), 12_000)]);
        for (after, heard) in [
            (0, ""),
            (200, ""),
            (300, "one"),
            (390, "one"),
            (650, "one"),
            (890, "one"),
            (901, "one two"),
            (1199, "one two"),
            (1200, "one two ab"),
        ] {
            assert_eq!(message.heard(now + ms(after)), heard, "after {after} ms");
        }
    }

    #[test]
    fn every_letter_is_in_one_piece() {
        let message = message("häuser", Vec::new());
        let pieces = [0..10_000, 10_000..20_000, 20_000..24_000];
        let told: Vec<Alignment> = pieces.iter().map(|range| message.alignment(range)).collect();
        assert_eq!(told.iter().flat_map(|a| a.chars.clone()).collect::<String>(), "häuser");
        assert_eq!((told[0].starts_ms.clone(), told[1].starts_ms[0]), (vec![0, 166, 333], 83));
        assert_eq!(told[0].durations_ms, [166, 167, 167]);
    }
}
