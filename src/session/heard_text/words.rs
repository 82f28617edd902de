//! A text as a speaker says it: words, how long each takes, and where a pause is likely.

/// What stands behind a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Another word.
    None,
    /// A comma or the like.
    Short,
    /// The end of a sentence.
    Long,
}

/// One word. Where a script has no spaces, one sign.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// Where it ends in the text, in bytes, with the signs that cling to it.
    pub end: usize,
    /// How long it takes beside others: its letters, about.
    pub weight: f64,
    /// What follows.
    pub stop: Stop,
}

/// What parts a word from the next takes as long as a letter.
const GAP: f64 = 1.0;

/// The words of `text`.
pub fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    // A letter would continue the last word; a sign would cling to it.
    let (mut open, mut near) = (false, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            (open, near) = (false, false);
            continue;
        }
        let weight = weight(c);
        let said = weight > 0.0;
        let alone = is_syllable(c);
        if said && (!open || alone) {
            words.push(Word { end: 0, weight: GAP, stop: Stop::None });
        }
        if said {
            (open, near) = (!alone, true);
        }
        let Some(word) = words.last_mut() else { continue };
        word.weight += weight;
        if near {
            word.end = at + c.len_utf8();
        }
        word.stop = match stop(c) {
            _ if said => Stop::None,
            // Quotes and brackets end nothing.
            Stop::None => word.stop,
            stop => stop,
        };
    }
    words
}

fn stop(c: char) -> Stop {
    match c {
        '.' | '!' | '?' | '…' | '。' | '\u{ff01}' | '\u{ff1f}' | '।' | '؟' => Stop::Long,
        ',' | ';' | ':' | '—' | '–' | '、' | '\u{ff0c}' | '،' => Stop::Short,
        _ => Stop::None,
    }
}

/// How long a sign takes to say, in letters.
fn weight(c: char) -> f64 {
    match c {
        // "seventeen", "dollars".
        '0'..='9' => 4.0,
        '%' | '$' | '€' | '£' | '&' | '+' | '=' => 6.0,
        _ if is_syllable(c) => 3.0,
        _ if c.is_alphanumeric() => 1.0,
        _ => 0.0,
    }
}

/// Scripts in which a sign is a syllable or more, and no space parts words.
fn is_syllable(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
        && c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(&str, Stop)> {
        let mut from = 0;
        words(text).iter().map(|w| (text[std::mem::replace(&mut from, w.end)..w.end].trim(), w.stop)).collect()
    }

    #[test]
    fn words_end_with_the_signs_that_cling_to_them() {
        let text = "“Well-known,” he said — “isn't it?”";
        let stops = [("“Well-known,”", Stop::Short), ("he", Stop::None), ("said", Stop::Short)];
        assert_eq!(split(text)[..3], stops);
        assert_eq!(split(text)[3..], [("— “isn't", Stop::None), ("it?”", Stop::Long)]);
        assert_eq!(split(" ... "), []);
    }

    #[test]
    fn a_script_without_spaces_is_cut_between_signs() {
        let words: Vec<_> = split("日本、語。").into_iter().collect();
        assert_eq!(words, [("日", Stop::None), ("本、", Stop::Short), ("語。", Stop::Long)]);
    }

    #[test]
    fn figures_take_longer_than_letters() {
        let weights: Vec<f64> = words("at 17").iter().map(|w| w.weight).collect();
        assert_eq!(weights, [GAP + 2.0, GAP + 8.0]);
    }
}
