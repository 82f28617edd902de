//! Which words were heard, computed from how much audio was.
//!
//! Most vendors align nothing: text runs ahead of audio. Then the words are spread over the speech in
//! the audio, not over its silence ([`envelope`]), by what each takes to say ([`words`]), so that
//! pauses fall between words and rather where the text has a stop ([`pauses`]). Of an item still being
//! generated the end is unknown; there the speaker's pace decides, learned from what was played to its
//! end, at first that of ordinary speech. Paces about it are tried, and the pauses show which fits.
//! How far those disagree, and how far a word may be from where its letters put it, is the error told
//! with the words. A vendor that says when each word is spoken leaves nothing to estimate
//! ([`alignment`]).

mod alignment;
mod envelope;
mod pauses;
mod sounds;
mod words;

pub use sounds::Sounds;

use pauses::{Layout, SPREAD};
use sounds::Sound;
use words::words;

/// Milliseconds of speech a letter takes at first: 160 words a minute, about.
const ORDINARY_PACE: f64 = 55.0;
/// How far the pace of a voice nobody knows is from that: one standard deviation, as a logarithm.
const UNKNOWN: f64 = 0.2;
/// How far one answer is from the answers before.
const KNOWN: f64 = 0.08;
/// Paces tried, in standard deviations.
const TRIED: [f64; 9] = [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0];

/// How much of an item's audio was heard.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Played.
    pub heard_ms: u64,
    /// Received.
    pub received_ms: u64,
    /// No more will come.
    pub complete: bool,
}

/// The words that were heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// They.
    pub text: String,
    /// How many words too many or too few they may be, in 95 of 100 cases; `None` when nothing was estimated.
    pub error: Option<u32>,
}

/// Learns the assistant's pace and cuts text by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Milliseconds of speech a weight of one takes.
    ms: f64,
    known: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { ms: ORDINARY_PACE, known: false }
    }
}

impl Pace {
    /// An item was played to its end: `text` in `audio_ms` of audio.
    pub fn learn(&mut self, text: &str, audio_ms: u64, sound: Option<&Sound>) {
        let words = words(text);
        let runs = sounds::runs(sound, audio_ms);
        let layout = Layout::new(&words, &runs);
        // Shorter ones say little about pace.
        if layout.speech() < 1000.0 || layout.weight() < 10.0 {
            return;
        }
        let ms = (layout.speech() / layout.weight()).clamp(20.0, 200.0);
        self.ms = if self.known { f64::midpoint(self.ms, ms) } else { ms };
        self.known = true;
    }

    /// Milliseconds of speech that `text` takes, about.
    pub fn takes_ms(&self, text: &str) -> u64 {
        (words(text).iter().map(|word| word.weight).sum::<f64>() * self.ms) as u64
    }

    /// The words of `text` that were heard; whole ones, and the one that was cut when more than half of it
    /// was heard.
    pub fn heard(&self, text: &str, span: Span, sound: Option<&Sound>) -> Words {
        let Span { heard_ms, received_ms, complete } = span;
        if heard_ms == 0 || (complete && heard_ms >= received_ms) {
            let text = if heard_ms == 0 { "" } else { text.trim_end() };
            return Words { text: text.to_owned(), error: None };
        }
        let words = words(text);
        let cut = |count: usize| match count.checked_sub(1) {
            None => String::new(),
            Some(last) if last + 1 == words.len() => text.trim_end().to_owned(),
            Some(last) => text[..words[last].end].to_owned(),
        };
        if let Some(count) = sound.and_then(|s| s.alignment.heard(text, &words, span)) {
            return Words { text: cut(count), error: None };
        }
        let runs = sounds::runs(sound, received_ms);
        let place = runs.iter().map(|r| heard_ms.clamp(r.from, r.to) - r.from).sum::<u64>() as f64;
        let (count, error) = self.estimate(&Layout::new(&words, &runs), place, complete);
        Words { text: cut(count), error: Some(error) }
    }

    /// How many words end before `place`, in milliseconds of speech, and how many it may be off.
    fn estimate(&self, layout: &Layout<'_>, place: f64, complete: bool) -> (usize, u32) {
        if place <= 0.0 || layout.weight() <= 0.0 {
            return (0, 1);
        }
        let spread = if self.known { KNOWN } else { UNKNOWN };
        let (pace, tried) = match complete {
            true => (layout.speech() / layout.weight(), &[0.0][..]),
            false => (self.ms, &TRIED[..]),
        };
        // Cost, words, and the variance of those words, of each pace.
        let found = tried.iter().filter_map(|deviation| {
            let pace = pace * (deviation * spread).exp();
            let laid = layout.lay(pace, place, complete)?;
            let (since, left) = (place - laid.from, laid.to - place);
            // Between two known places the middle is the least certain.
            let (weight, ms2) = match laid.upto {
                Some(upto) => {
                    let share = since / (laid.to - laid.from);
                    (layout.weight_of(laid.before, upto) * share, SPREAD * share * left)
                }
                None => (since / pace, SPREAD * since),
            };
            let count = layout.count(laid.before, weight);
            let word = layout.mean_weight() * pace;
            Some((laid.cost + deviation * deviation / 2.0, count, ms2 / (word * word)))
        });
        let found: Vec<(f64, usize, f64)> = found.collect();
        let Some(&(least, count, variance)) = found.iter().min_by(|a, b| a.0.total_cmp(&b.0)) else { return (0, 1) };
        // Each pace is as likely as its cost says; what they make of it varies about what the best one says.
        let likely = |cost: f64| (least - cost).exp();
        let all: f64 = found.iter().map(|f| likely(f.0)).sum();
        let apart = found.iter().map(|f| likely(f.0) * (f.1 as f64 - count as f64).powi(2)).sum::<f64>() / all;
        // Two standard deviations, and half a word, for words are whole.
        let error = 0.5 + 2.0 * (variance + apart).sqrt();
        (count, error.ceil() as u32)
    }
}

#[cfg(test)]
mod tests;
