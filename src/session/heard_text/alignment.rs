//! When each letter is spoken, from a vendor that says so.

use super::{Span, words::Word};
use crate::provider::AlignedChar;

/// Letters kept of a part: 300 s of fast speech have fewer.
const MAX_LETTERS: usize = 16_384;
/// Silence that may follow the last letter while more is to come.
const TAIL_MS: u64 = 500;

/// See the module. Only letters and figures: the rest is not spoken, and texts differ in it.
#[derive(Debug, Default)]
pub struct Alignment {
    letters: Vec<AlignedChar>,
}

impl Alignment {
    /// What comes behind the rest.
    pub fn push(&mut self, chars: &[AlignedChar]) {
        let room = MAX_LETTERS - self.letters.len();
        self.letters.extend(chars.iter().filter(|c| c.character.is_alphanumeric()).take(room));
    }

    pub fn bytes(&self) -> usize {
        self.letters.len() * size_of::<AlignedChar>()
    }

    /// How many of the words of `text` were heard; `None` when that is not known: there is no alignment,
    /// it does not reach so far, or it is of other words.
    pub fn heard(&self, text: &str, words: &[Word], span: Span) -> Option<usize> {
        let known = u64::from(self.letters.last()?.end_ms);
        if !span.complete && known + TAIL_MS < span.heard_ms {
            return None;
        }
        let (mut from, mut letters, mut heard) = (0, &self.letters[..], 0);
        let mut directed = false;
        for (i, word) in words.iter().enumerate() {
            let said = &text[from..word.end];
            from = word.end;
            // "[laughs]" is acted, not spoken.
            directed |= said.contains('[');
            if directed {
                directed = !said.contains(']');
                continue;
            }
            let mut rest = letters.iter();
            let first = rest.clone().next();
            let mut last = first;
            for c in said.chars().filter(|c| c.is_alphanumeric()) {
                match rest.next() {
                    Some(next) if same(next.character, c) => last = Some(next),
                    Some(_) => return None,
                    // Text runs ahead.
                    None => return Some(heard),
                }
            }
            let (Some(first), Some(last)) = (first, last) else { return Some(heard) };
            if u64::from(first.start_ms).midpoint(u64::from(last.end_ms)) >= span.heard_ms {
                return Some(heard);
            }
            letters = rest.as_slice();
            heard = i + 1;
        }
        Some(heard)
    }
}

fn same(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}
