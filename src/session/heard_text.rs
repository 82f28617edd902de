//! Which words were heard, computed from how much audio was.
//!
//! The vendor aligns nothing: text runs ahead of audio. For an item whose audio is complete the
//! text is spread evenly over it. For one still being generated the speaker's pace decides: words a
//! second of finished items in this session, at first the pace of ordinary speech.

/// Characters a second of ordinary speech: about 150 words a minute at six characters a word.
const ORDINARY_PACE: f64 = 15.0;

/// Learns the assistant's pace and cuts text by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    chars_per_s: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { chars_per_s: ORDINARY_PACE }
    }
}

impl Pace {
    /// A finished item: `chars` of text in `audio_ms` of audio.
    pub fn learn(&mut self, chars: usize, audio_ms: u64) {
        // Shorter ones say little about pace.
        if audio_ms < 1000 || chars < 10 {
            return;
        }
        let pace = chars as f64 * 1000.0 / audio_ms as f64;
        self.chars_per_s = (self.chars_per_s * 0.5 + pace * 0.5).clamp(4.0, 40.0);
    }

    /// The words of `text` heard in `heard_ms` of `received_ms`; whole words, a word that was cut
    /// counts when more than half of it was heard.
    pub fn heard(&self, text: &str, heard_ms: u64, received_ms: u64, complete: bool) -> String {
        let total = text.chars().count();
        let chars = if heard_ms == 0 || received_ms == 0 {
            0.0
        } else if complete {
            total as f64 * heard_ms as f64 / received_ms as f64
        } else {
            heard_ms as f64 * self.chars_per_s / 1000.0
        };
        let mut end = 0;
        let mut at = 0usize;
        for word in text.split_inclusive(char::is_whitespace) {
            let length = word.trim_end().chars().count();
            if length > 0 && at as f64 + length as f64 / 2.0 >= chars {
                break;
            }
            at += word.chars().count();
            end += word.len();
        }
        text[..end].trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_audio_spreads_the_text_evenly() {
        let pace = Pace::default();
        let text = "one two three four";
        assert_eq!(pace.heard(text, 500, 1000, true), "one two", "half of 18 characters is in the middle of 'three'");
        assert_eq!(pace.heard(text, 1000, 1000, true), text);
        assert_eq!(pace.heard(text, 0, 1000, true), "");
    }

    #[test]
    fn running_audio_goes_by_pace_whatever_text_has_come() {
        let mut pace = Pace::default();
        let text = "one two three four five six seven eight";
        assert_eq!(pace.heard(text, 500, 5000, false), "one two", "0.5 s at 15 characters a second");
        pace.learn(60, 2000);
        assert_eq!(pace.heard(text, 500, 5000, false), "one two three", "at (15 + 30) / 2");
    }

    #[test]
    fn words_of_many_bytes_are_not_cut_inside() {
        let pace = Pace::default();
        assert_eq!(pace.heard("où êtes-vous né", 500, 1000, true), "où");
        assert_eq!(pace.heard("日本語", 1000, 1000, true), "日本語");
    }
}
