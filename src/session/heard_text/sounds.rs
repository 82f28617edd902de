//! What is kept of assistant audio until it was heard: where there is speech, and the vendor's alignment.

use super::{
    alignment::Alignment,
    envelope::{self, Envelope, Run},
};
use crate::{
    message::{ItemId, PartIndex},
    provider::AlignedChar,
};
use std::collections::VecDeque;

/// Parts of which something is kept.
const MAX_PARTS: usize = 256;
/// Bytes kept of all parts.
const MAX_BYTES: usize = 1 << 20;

/// Of one part.
#[derive(Debug, Default)]
pub struct Sound {
    pub envelope: Envelope,
    pub alignment: Alignment,
}

/// Of all parts that are not heard yet, oldest first. When there are too many the oldest go, and their
/// words are spread as if all their audio were speech.
#[derive(Debug, Default)]
pub struct Sounds {
    parts: VecDeque<(ItemId, PartIndex, Sound)>,
    /// About what all of them take.
    bytes: usize,
}

impl Sounds {
    /// Audio of a part came, at `rate` frames a second.
    pub fn push(&mut self, item: &ItemId, part: PartIndex, pcm: &[i16], rate: u32) {
        self.grow(item, part, |sound| sound.envelope.push(pcm, rate));
    }

    /// The vendor said when some of a part's words are spoken.
    pub fn align(&mut self, item: &ItemId, part: PartIndex, chars: &[AlignedChar]) {
        self.grow(item, part, |sound| sound.alignment.push(chars));
    }

    fn grow(&mut self, item: &ItemId, part: PartIndex, grow: impl FnOnce(&mut Sound)) {
        // Nearly always the newest.
        let at = self.parts.iter().rposition(|p| p.0 == *item && p.1 == part).unwrap_or_else(|| {
            self.parts.push_back((item.clone(), part, Sound::default()));
            self.parts.len() - 1
        });
        let sound = &mut self.parts[at].2;
        let before = sound.bytes();
        grow(sound);
        self.bytes += sound.bytes() - before;
        while self.parts.len() > MAX_PARTS || (self.bytes > MAX_BYTES && self.parts.len() > 1) {
            if let Some((.., sound)) = self.parts.pop_front() {
                self.bytes -= sound.bytes();
            }
        }
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What a part sounded like so far.
    pub fn get(&self, item: &ItemId, part: PartIndex) -> Option<&Sound> {
        self.parts.iter().rfind(|p| p.0 == *item && p.1 == part).map(|(.., sound)| sound)
    }

    /// It was heard or never will be.
    pub fn take(&mut self, item: &ItemId, part: PartIndex) -> Option<Sound> {
        let at = self.parts.iter().rposition(|p| p.0 == *item && p.1 == part)?;
        let (.., sound) = self.parts.remove(at)?;
        self.bytes -= sound.bytes();
        Some(sound)
    }
}

impl Sound {
    fn bytes(&self) -> usize {
        self.envelope.bytes() + self.alignment.bytes()
    }
}

/// Stretches of speech in the first `until_ms` of a part; all of it when nothing is known.
pub fn runs(sound: Option<&Sound>, until_ms: u64) -> Vec<Run> {
    sound.map_or_else(|| envelope::Envelope::default().runs(until_ms), |s| s.envelope.runs(until_ms))
}
